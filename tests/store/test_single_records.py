"""Format 1, which directories of older steelyards have."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import ConfigError
from steelyard.store import single_records
from steelyard.store.sectors import SECTOR_BYTES
from steelyard.store.segment import Damaged, End, end_of_last, runs
from tests.store.old_form import HEADER_LINE, written

FILE = Path("00000000000000000001.log")
BATCHES = st.lists(
    st.lists(st.binary(max_size=700), min_size=1, max_size=5), min_size=1, max_size=5
)


def payloads(content: bytes) -> list[bytes]:
    return [payload for run in runs(content, FILE, 1) for payload in run.payloads]


def judged(content: bytes) -> End | ConfigError:
    try:
        return end_of_last(content, FILE, 1)
    except ConfigError as error:
        return error


def test_golden_bytes():
    """What older steelyards wrote is read: these bytes are theirs."""
    content = bytes.fromhex(
        "737465656c79617264206a6f75726e616c20310a"
        "03000080f7b606f008070605040302016f6e65"
        "03000080a0652e5a090706050403020174776f"
        "000000005ef31ef90a07060504030201"
    )
    first = 0x0102030405060708
    assert written([[b"one"], [b"two", b""]], first) == content, "the helper writes the same"
    (run,) = runs(content, FILE, first)
    assert (run.first_sequence, run.payloads) == (first, [b"one", b"two", b""])
    assert end_of_last(content + bytes(90), FILE, first) == (len(content), first + 2, 0)


@given(BATCHES, st.integers(0, 40), st.integers(1, 30), st.data())
def test_both_readers_read_the_same(batches, room, count_max, data):
    """They stop at the same byte, at whatever is not the record that comes next."""
    content = bytearray(written(batches, first=7) + bytes(room))
    if data.draw(st.booleans()):
        content[data.draw(st.integers(len(HEADER_LINE), len(content) - 1))] ^= 0x10
    start = len(HEADER_LINE)
    for at, first in ((start, 7), (start, 8), (start + 1, 7), (len(content) + 5, 7)):
        found = single_records.python_read(bytes(content), at, first, count_max)
        assert found == single_records.read(bytes(content), at, first, count_max)
        assert len(found[0]) <= count_max


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
    assert end.torn_bytes == max(0, len(content.rstrip(b"\0")) - end.offset)


@given(BATCHES, st.integers(0, 2**32))
def test_sectors_missing_from_the_last_batch_are_a_torn_write(batches, seed):
    """A disk writes the sectors of a batch in any order before it says that they are there."""
    durable = len(written(batches[:-1]))
    whole = bytearray(written(batches) + bytes(1_024))
    rng = random.Random(seed)
    for sector in range(durable // SECTOR_BYTES * SECTOR_BYTES, len(whole) - 1_024, SECTOR_BYTES):
        if rng.random() < 0.5:
            low, high = max(sector, durable), min(sector + SECTOR_BYTES, len(whole))
            whole[low:high] = bytes(high - low)
    end = end_of_last(bytes(whole), FILE, 1)
    kept = payloads(bytes(whole[: end.offset]))
    assert kept == [payload for batch in batches for payload in batch][: len(kept)]
    assert len(kept) >= sum(map(len, batches[:-1]))


def test_every_changed_byte_is_noticed():
    """Damage to what a later batch proves, or that is whole to its last byte, always refuses."""
    whole = written([[b"alpha", b"beta!"], [b"gamma", b"delta"], [b"last."]])
    lost = 0
    for place in range(len(whole)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(whole + bytes(1_000))
            changed[place] ^= flip
            end = judged(bytes(changed))
            if isinstance(end, ConfigError):
                assert str(FILE) in str(end)
                if isinstance(end, Damaged):
                    assert f"journal record {end.sequence} is damaged" in str(end)
                    assert end.offset <= place
                continue
            # The one doubt: a length changed in the very last record may reach into the zeros.
            assert (end.last_sequence, end.torn_bytes > 0) == (4, True)
            assert place >= len(whole) - len(b"last.") - single_records.HEAD_BYTES
            lost += 1
    assert lost == 6


def test_a_lost_sector_of_an_acknowledged_batch_refuses():
    """A hole that a later batch stands behind is damage: the disk had said that it was there."""
    content = bytearray(written([[b"a" * 2_000], [b"b"]]))
    content[512:1024] = bytes(512)
    with pytest.raises(Damaged, match=r"journal record 1 is damaged.*byte 20;"):
        end_of_last(bytes(content), FILE, 1)
