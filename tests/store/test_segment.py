import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import ConfigError
from steelyard.store import segment
from steelyard.store.segment import HEADER_LINE, SECTOR_BYTES, Damaged, end_of_last, runs

FILE = Path("00000000000000000001.log")
BATCHES = st.lists(
    st.lists(st.binary(max_size=700), min_size=1, max_size=5), min_size=1, max_size=5
)


def written(batches: Iterable[Iterable[bytes]], first: int = 1) -> bytes:
    out, sequence = [HEADER_LINE], first
    for batch in batches:
        out.append(segment.encode([*batch], sequence, True))
        sequence += len(batch)
    return b"".join(out)


def payloads(content: bytes) -> list[bytes]:
    return [payload for run in runs(content, FILE, 1) for payload in run.payloads]


def judged(content: bytes) -> segment.End | ConfigError:
    try:
        return end_of_last(content, FILE, 1)
    except ConfigError as error:
        return error


@given(st.lists(st.binary(max_size=700), max_size=9), st.integers(1, 2**63), st.booleans())
def test_both_encoders_write_the_same(batch, first, begins_batch):
    """Where no native module was built, files are the same byte for byte."""
    found = segment.encode_records(batch, first, begins_batch)
    assert found == segment.encode(batch, first, begins_batch)
    assert len(found) == sum(map(len, batch)) + segment.HEAD_BYTES * len(batch)


@given(BATCHES, st.integers(0, 40), st.integers(1, 30), st.data())
def test_both_readers_read_the_same(batches, room, count_max, data):
    """They stop at the same byte, at whatever is not the record that comes next."""
    content = bytearray(written(batches, first=7) + bytes(room))
    if data.draw(st.booleans()):
        content[data.draw(st.integers(len(HEADER_LINE), len(content) - 1))] ^= 0x10
    start = len(HEADER_LINE)
    for at, first in ((start, 7), (start, 8), (start + 1, 7), (len(content) + 5, 7)):
        found = segment.read_records(bytes(content), at, first, count_max)
        assert found == segment.read(bytes(content), at, first, count_max)
        assert len(found[0]) <= count_max


@pytest.mark.parametrize("encode", [segment.encode, segment.encode_records])
def test_a_record_too_long_is_refused_with_its_length(encode):
    """Neither encoder writes what no reader would take."""
    whole = [b"x", bytes(segment.PAYLOAD_MAX_BYTES)]
    assert payloads(HEADER_LINE + encode(whole, 1, True)) == whole
    with pytest.raises(ValueError, match="4194305 bytes is too long for the journal"):
        encode([b"x", bytes(segment.PAYLOAD_MAX_BYTES + 1)], 1, True)


@given(BATCHES, st.integers(0, 2_000))
def test_what_was_written_is_read(batches, room):
    """Every payload comes back, in order, whatever it is, with and without zeros behind."""
    content = written(batches) + bytes(room)
    flat = [payload for batch in batches for payload in batch]
    assert payloads(content) == flat
    assert end_of_last(content, FILE, 1) == (len(written(batches)), len(flat), 0)


def test_golden_bytes():
    """The form on disk is the documented one; changing it means a new format number."""
    content = written([[b"one"], [b"two", b""]], first=0x0102030405060708)
    assert content.hex() == (
        "737465656c79617264206a6f75726e616c20310a"
        "03000080f7b606f008070605040302016f6e65"
        "03000080a0652e5a090706050403020174776f"
        "000000005ef31ef90a07060504030201"
    )


@given(BATCHES, st.data())
def test_a_write_cut_short_is_cut_off(batches, data):
    """Cut anywhere in the last batch, with or without zeros behind: all before it stays."""
    whole = written(batches)
    start = len(written(batches[:-1]))
    cut = data.draw(st.integers(start, len(whole)))
    room = data.draw(st.sampled_from([0, 1, 600, 5_000]))
    content = whole[:cut] + bytes(room)
    end = end_of_last(content, FILE, 1)
    expected = [payload for batch in batches for payload in batch]
    kept = payloads(content[: end.offset])
    assert kept == expected[: len(kept)]
    assert end.last_sequence == len(kept) >= sum(map(len, batches[:-1]))
    assert end.offset <= max(cut, end.offset if room else 0)
    # What is not a record's end is reported, unless only zeros of it were there.
    assert end.torn_bytes == max(0, len(content.rstrip(b"\0")) - end.offset)


@given(BATCHES, st.data())
def test_sectors_missing_from_the_last_batch_are_a_torn_write(batches, data):
    """A disk writes the sectors of a batch in any order before it says that they are there."""
    seed = data.draw(st.integers(0, 2**32))
    durable = written(batches[:-1])
    whole = bytearray(written(batches) + bytes(1_024))
    last_written = len(written(batches))
    rng = random.Random(seed)
    for sector in range(len(durable) // SECTOR_BYTES * SECTOR_BYTES, last_written, SECTOR_BYTES):
        if rng.random() < 0.5:
            low, high = max(sector, len(durable)), min(sector + SECTOR_BYTES, len(whole))
            whole[low:high] = bytes(high - low)
    end = end_of_last(bytes(whole), FILE, 1)
    kept = payloads(bytes(whole[: end.offset]))
    expected = [payload for batch in batches for payload in batch]
    assert kept == expected[: len(kept)]
    assert len(kept) >= sum(map(len, batches[:-1]))


def test_every_changed_byte_is_noticed():
    """Damage to what a later batch proves, or that is whole to its last byte, always refuses."""
    whole = written([[b"alpha", b"beta!"], [b"gamma", b"delta"], [b"last."]])
    content = whole + bytes(1_000)
    expected = payloads(whole)
    lost = 0
    for place in range(len(whole)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(content)
            changed[place] ^= flip
            end = judged(bytes(changed))
            if isinstance(end, ConfigError):
                assert str(FILE) in str(end)
                assert place < len(HEADER_LINE) or isinstance(end, Damaged)
                if isinstance(end, Damaged):
                    assert f"record {end.sequence} is damaged" in str(end)
                    assert f"byte {end.offset};" in str(end)
                    assert end.offset <= place
                continue
            # The one doubt: a length changed in the very last record may reach into the zeros.
            assert end.last_sequence == len(expected) - 1
            assert end.torn_bytes > 0
            assert place >= len(whole) - len(b"last.") - segment.HEAD_BYTES
            lost += 1
    assert lost == 6


def test_every_changed_byte_of_a_finished_segment_is_noticed():
    """In an older segment nothing is torn: every change refuses."""
    whole = written([[b"alpha", b"beta!"], [b"last."]])
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x10
        with pytest.raises(ConfigError):
            payloads(bytes(changed))


@pytest.mark.parametrize("room", [0, 900])
def test_garbage_behind_the_end_refuses_or_is_reported(room):
    """Bytes nobody wrote never become records."""
    rng = random.Random(1)
    whole = written([[b"alpha"]])
    for _ in range(200):
        content = whole + rng.randbytes(rng.randrange(1, 300)) + bytes(room)
        end = judged(content)
        if isinstance(end, Damaged):
            continue
        assert not isinstance(end, ConfigError)
        assert (end.offset, end.last_sequence) == (len(whole), 1)
        assert end.torn_bytes > 0


def test_a_lost_sector_of_an_acknowledged_batch_refuses():
    """A hole that a later batch stands behind is damage: the disk had said that it was there."""
    content = bytearray(written([[b"a" * 2_000], [b"b"]]))
    content[512:1024] = bytes(512)
    with pytest.raises(Damaged, match=r"record 1 is damaged.*byte 20;"):
        end_of_last(bytes(content), FILE, 1)


def test_a_missing_record_refuses():
    """A gap inside a segment names the record that should be there."""
    content = written([[b"one"]]) + written([[b"three"]], first=3)[len(HEADER_LINE) :]
    with pytest.raises(Damaged, match="record 2 is damaged"):
        end_of_last(content, FILE, 1)


@pytest.mark.parametrize("content", [b"", HEADER_LINE[:1], HEADER_LINE[:-1], bytes(600)])
def test_a_segment_that_was_being_made_is_empty(content):
    """A header that did not get to the disk held no records."""
    end = end_of_last(content, FILE, 42)
    assert (end.offset, end.last_sequence) == (0, 41)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"steelyard journal 2\n", "has journal format 2, this steelyard reads 1; use the"),
        (b"steelyard journal 17\nwhatever", "has journal format 17, this steelyard reads 1"),
        (b"steelyard journal x\n", "is not a steelyard journal; move it away"),
        (b"PK\x03\x04", "is not a steelyard journal; move it away"),
        (b"steelyard journal 1 and more of a line that never ends", "is not a steelyard journal"),
    ],
)
def test_another_file_or_format_refuses_in_one_sentence(content, sentence):
    """The message says what it is and what to do."""
    with pytest.raises(ConfigError, match=sentence):
        end_of_last(content, FILE, 1)
