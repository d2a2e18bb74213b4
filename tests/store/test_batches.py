import random
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.store import batches, segment
from steelyard.store.batches import HEAD_BYTES, PAYLOAD_MAX_BYTES, Gathering, PythonGathering
from steelyard.store.sectors import SECTOR_BYTES
from steelyard.store.segment import HEADER_LINE, Damaged, End, end_of_last, runs

TOO_LONG = bytes(PAYLOAD_MAX_BYTES + 1)
FILE = Path("00000000000000000001.log")
BATCH = st.lists(st.binary(max_size=700), min_size=1, max_size=5)
BATCHES = st.lists(BATCH, min_size=1, max_size=5)


def written(sample: list[list[bytes]], first: int = 1) -> bytes:
    out = HEADER_LINE
    for batch in sample:
        out += batches.encode(batch, first)
        first += len(batch)
    return out


def flat(sample: list[list[bytes]]) -> list[bytes]:
    return [payload for batch in sample for payload in batch]


def payloads(content: bytes) -> list[bytes]:
    return flat([run.payloads for run in runs(content, FILE, 1)])


def judged(content: bytes) -> End | Damaged:
    try:
        return end_of_last(content, FILE, 1)
    except Damaged as damaged:
        return damaged


def test_golden_bytes():
    """The form on disk is the documented one; changing it means a new format number."""
    content = written([[b"one"], [b"two", b"", b"x" * 256]], first=0x0102030405060708)
    assert content == bytes.fromhex(
        "737465656c79617264206a6f75726e616c20320a"
        "0586f1ffa7245d8305000000010000000807060504030201"
        "6f6e65030a"
        "592ec43d6b9a423b0a010000030000400907060504030201"
        "74776f" + "78" * 256 + "0300000000010a"
    )


@given(st.lists(BATCH, min_size=1, max_size=4), st.integers(1, 2**62), st.integers(0, 2**40))
def test_both_gatherings_write_the_same(parts, first, offset):
    """Where no native module was built, files are the same byte for byte; one after the other."""
    native, python = Gathering(), PythonGathering()
    for _ in range(2):
        for part in parts:
            assert native.extend(part) == python.extend(part)
        batch = native.take(first, offset)
        found = bytes(batch)
        assert len(batch) == len(found)
        assert found == python.take(first) == batches.encode(flat(parts), first)
        assert native.extend([]) == python.extend([]) == 0
        assert segment.first_sequence(found) == segment.first_sequence(batch) == first


@given(st.lists(st.lists(st.sampled_from([0, 40, 300, 9_000, 70_000])), min_size=1, max_size=8))
def test_both_gatherings_write_the_same_in_memory_that_grows(parts):
    """It moves with what is gathered, drops what came with a refused record, and serves again."""
    native, python = Gathering(), PythonGathering()
    rng = random.Random(len(parts))
    for first in (1, 2):
        for sizes in [*parts, [1]]:
            taken = [rng.randbytes(size) for size in sizes]
            for gathering in (native, python):
                with pytest.raises(ValueError, match="too long"):
                    gathering.extend([*map(bytes, sizes), bytes(300), TOO_LONG])
                gathering.extend(taken)
        assert bytes(native.take(first, 5_000 * first)) == python.take(first)


@pytest.mark.parametrize("kind", [Gathering, PythonGathering])
def test_a_record_too_long_is_refused_with_its_length(kind):
    """Neither writes what no reader would take, and of what came with it nothing is kept."""
    gathering = kind()
    gathering.extend([b"first"])
    with pytest.raises(ValueError, match="4194305 bytes is too long for the journal"):
        gathering.extend([b"x", bytes(PAYLOAD_MAX_BYTES + 1)])
    longest = bytes(PAYLOAD_MAX_BYTES)
    gathering.extend([longest])
    assert payloads(HEADER_LINE + bytes(gathering.take(1))) == [b"first", longest]
    with pytest.raises(ValueError, match="nothing has been gathered"):
        gathering.take(3)


@given(BATCHES, st.integers(0, 40), st.integers(1, 30), st.data())
def test_both_readers_read_the_same(sample, room, count_min, data):
    """They stop at the same byte, at whatever is not the batch that comes next."""
    content = bytearray(written(sample, first=7) + bytes(room))
    if data.draw(st.booleans()):
        content[data.draw(st.integers(len(HEADER_LINE), len(content) - 1))] ^= 0x10
    start = len(HEADER_LINE)
    for at, first in ((start, 7), (start, 8), (start + 1, 7), (len(content) + 5, 7)):
        found = batches.python_read(bytes(content), at, first, count_min)
        assert found == batches.read(bytes(content), at, first, count_min)


@pytest.mark.parametrize("read", [batches.read, batches.python_read])
@pytest.mark.parametrize(
    ("count", "lengths"),
    [(0, b""), (3, b"\1\1\1"), (1, b"\1"), (1, b"\3"), (2, b""), (1 | 3 << 30, b"\2" + bytes(7))],
)
def test_a_batch_that_contradicts_itself_is_none(read, count, lengths):
    """No reader trusts its lengths and counts, though the checksums are right."""
    body = b"ab" + lengths + b"\n"
    rest = batches._CHECKED.pack(zlib.crc32(body), len(body), count, 1)
    content = zlib.crc32(rest).to_bytes(4, "little") + rest + body
    assert read(content, 0, 1, 9) == ([], 0)


@given(BATCHES, st.integers(0, 2_000))
def test_what_was_written_is_read(sample, room):
    """Every payload comes back, in order, whatever it is, with and without zeros behind."""
    content = written(sample)
    assert payloads(content + bytes(room)) == flat(sample)
    assert end_of_last(content + bytes(room), FILE, 1) == (len(content), len(flat(sample)), 0)


@given(BATCHES, st.sampled_from([0, 1, 600, 5_000]), st.data())
def test_a_write_cut_short_is_cut_off(sample, room, data):
    """Cut anywhere in the last batch, with or without zeros behind: what is before it stays."""
    whole, start = written(sample), len(written(sample[:-1]))
    cut = data.draw(st.integers(start, len(whole) - 1))
    end = end_of_last(whole[:cut] + bytes(room), FILE, 1)
    assert (end.offset, end.last_sequence) == (start, len(flat(sample[:-1])))
    # What is not a batch's end is reported, unless only zeros of it were there.
    assert end.torn_bytes == max(0, len(whole[:cut].rstrip(b"\0")) - start)


def test_cut_at_every_byte():
    """Of a small file every beginning is judged: whole batches stay, what is behind is counted."""
    sample = [[b"alpha", b"beta!"], [b""], [b"\0\0"], [b"gamma", b"x" * 300]]
    ends = [len(written(sample[:n])) for n in range(len(sample) + 1)]
    whole = written(sample)
    for cut in range(ends[0], len(whole) + 1):
        kept = max(n for n, end in enumerate(ends) if end <= cut)
        for room in (0, 1, 900):
            end = end_of_last(whole[:cut] + bytes(room), FILE, 1)
            assert (end.offset, end.last_sequence) == (ends[kept], len(flat(sample[:kept])))
            assert end.torn_bytes == max(0, len(whole[:cut].rstrip(b"\0")) - ends[kept])


@given(BATCHES, st.integers(0, 2**32))
def test_sectors_missing_from_the_last_batch_are_a_torn_write(sample, seed):
    """A disk writes the sectors of a batch in any order before it says that they are there."""
    durable, whole = len(written(sample[:-1])), bytearray(written(sample))
    rng = random.Random(seed)
    is_whole = True
    for sector in range(durable // SECTOR_BYTES * SECTOR_BYTES, len(whole), SECTOR_BYTES):
        if rng.random() < 0.5:
            low, high = max(sector, durable), min(sector + SECTOR_BYTES, len(whole))
            is_whole = is_whole and not any(whole[low:high])
            whole[low:high] = bytes(high - low)
    end = end_of_last(bytes(whole) + bytes(1_024), FILE, 1)
    kept = sample if is_whole else sample[:-1]
    assert payloads(bytes(whole[: end.offset])) == flat(kept)
    assert end.last_sequence == len(flat(kept))


def test_every_changed_bit_is_noticed_and_its_record_is_named():
    """In the last batch as before: nothing of it is ever cut off as a torn write."""
    sample = [[b"alpha", b"", b"beta!"], [b"gamma", b"delta"], [b"last."]]
    whole = written(sample)
    starts = [len(written(sample[:n])) for n in range(len(sample))]
    first = [1, 4, 6]
    for place in range(len(HEADER_LINE), len(whole)):
        batch = max(n for n, start in enumerate(starts) if start <= place)
        body = place - starts[batch] - HEAD_BYTES
        size = sum(map(len, sample[batch]))
        if body < 0:
            expected = first[batch]
        elif body < size:
            ends = [sum(map(len, sample[batch][: n + 1])) for n in range(len(sample[batch]))]
            expected = first[batch] + sum(end <= body for end in ends)
        else:
            expected = first[batch] + min(body - size, len(sample[batch]) - 1)
        for bit in range(8):
            changed = bytearray(whole + bytes(1_000))
            changed[place] ^= 1 << bit
            damaged = judged(bytes(changed))
            assert isinstance(damaged, Damaged)
            assert (damaged.offset, damaged.sequence) == (starts[batch], expected)
            assert str(damaged).startswith(
                f"journal record {expected} is damaged: {FILE}, byte {starts[batch]};"
            )


def test_every_changed_byte_names_its_record_or_its_batch():
    """More than one bit: never stepped over, and the batch's records are those that may be lost."""
    sample = [[b"alpha", b"beta!"], [b"gamma", b"delta"]]
    whole = written(sample)
    for place in range(len(HEADER_LINE), len(whole)):
        for room in (0, 1_000):
            changed = bytearray(whole + bytes(room))
            changed[place] ^= 0xFF
            damaged = judged(bytes(changed))
            assert isinstance(damaged, Damaged)
            start, first = (len(HEADER_LINE), 1)
            if place >= len(written(sample[:1])):
                start, first = len(written(sample[:1])), 3
            assert damaged.offset == start
            if place < start + HEAD_BYTES:
                assert (damaged.sequence, damaged.last_sequence) == (first, first)
            else:
                assert (damaged.sequence, damaged.last_sequence) == (first, first + 1)
                assert f"one of the journal records {first} to {first + 1} is" in str(damaged)


@pytest.mark.parametrize("room", [0, 900])
def test_garbage_behind_the_end_refuses_or_is_reported(room):
    """Bytes nobody wrote never become records."""
    rng = random.Random(1)
    whole = written([[b"alpha"]])
    for _ in range(200):
        content = whole + rng.randbytes(rng.randrange(1, 300)) + bytes(room)
        end = judged(content)
        if not isinstance(end, Damaged):
            assert (end.offset, end.last_sequence) == (len(whole), 1)
            assert end.torn_bytes > 0


@pytest.mark.parametrize("lost", [slice(20, 512), slice(512, 1024)])
def test_a_lost_sector_of_an_acknowledged_batch_refuses(lost):
    """A hole that a later batch stands behind is damage: the disk had said that it was there."""
    content = bytearray(written([[b"a" * 2_000], [b"b"]]))
    content[lost] = bytes(lost.stop - lost.start)
    with pytest.raises(Damaged, match=r"record 1 is damaged.*byte 20;"):
        end_of_last(bytes(content), FILE, 1)


def test_a_later_batch_that_was_cut_short_proves_the_one_before():
    """It was begun only when that one was on the disk: damage to that one is no torn write."""
    whole = written([[b"a" * 2_000], [b"b" * 100]])
    content = bytearray(whole[:-50])
    content[512:1024] = bytes(512)
    with pytest.raises(Damaged, match="record 1 is damaged"):
        end_of_last(bytes(content), FILE, 1)


def test_a_missing_record_refuses():
    """A gap inside a segment names the record that should be there."""
    content = written([[b"one"]]) + batches.encode([b"three"], 3)
    with pytest.raises(Damaged, match="record 2 is damaged"):
        end_of_last(content, FILE, 1)


def test_a_long_batch_is_named_as_a_whole(monkeypatch):
    """Where looking for one bit would take too long, the records of the batch are said."""
    monkeypatch.setattr(batches, "SEARCHED_MAX_BYTES", 10)
    content = bytearray(written([[b"alpha", b"beta!"]]))
    content[-5] ^= 1
    with pytest.raises(Damaged, match="one of the journal records 1 to 2 is damaged"):
        end_of_last(bytes(content), FILE, 1)
