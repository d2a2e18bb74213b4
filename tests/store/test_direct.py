import errno
import os
import random
import resource
import select
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard import _native
from steelyard.domain.errors import StorageError
from steelyard.store import direct
from steelyard.store.batches import Gathering
from steelyard.store.direct import DirectFile
from steelyard.store.disk import DiskFile
from steelyard.store.journal import Journal, JournalFile

BLOCK_BYTES = 4_096
SIZES = st.sampled_from([1, 30, 700, 3_000, BLOCK_BYTES, 20_000, 300_000])


def batch_of(content: bytes, offset: int = 0) -> _native.Batch:
    gathering = Gathering()
    gathering.extend([b"\xff" * 9_000])
    gathering.take(1, offset)  # the next one is gathered for behind it, in the same memory
    gathering.extend([content])
    return gathering.take(1)


def test_a_journal_writes_so_unless_told_otherwise():
    """Batches of a journal go past the page cache where the module is built."""
    assert JournalFile is DirectFile


def test_it_is_a_disk_file(tmp_path: Path):
    """Everything but batches works as it does there."""
    file = DirectFile(tmp_path / "f", create=True)
    file.write(3, b"def")
    file.write(0, b"abc")
    file.write(6, b"ghi")
    file.cut(7)
    file.sync()
    file.put(7, b"batch", 3)
    file.close()
    file.close()
    assert (tmp_path / "f").read_bytes() == b"abcdefgbatch\0\0\0"
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600
    with pytest.raises(ValueError, match="closed"):
        file.put(0, b"late", 0)
    with pytest.raises(FileExistsError):
        DirectFile(tmp_path / "f", create=True)
    with pytest.raises(FileNotFoundError):
        DirectFile(tmp_path / "g")


@pytest.mark.parametrize("flags", [direct._FLAGS, 0])
@settings(max_examples=40)
@given(data=st.data())
def test_batches_are_written_as_a_disk_file_does(tmp_path_factory, flags, data):
    """Any sizes, places, rooms, cuts and openings: the same file byte for byte after each step."""
    folder = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct, "_FLAGS", flags)
        ours, plain = DirectFile(folder / "a", create=True), DiskFile(folder / "b", create=True)
        end = room_end = 0
        rng = random.Random(data.draw(st.integers(0, 99)))
        for step in range(data.draw(st.integers(1, 6))):
            kind = data.draw(st.sampled_from(["put", "put", "put", "bytes", "cut", "open"]))
            if kind == "cut":
                end = room_end = data.draw(st.integers(0, end))
                ours.cut(end)
                plain.cut(end)
            elif kind == "open":
                ours.close()
                plain.close()
                ours, plain = DirectFile(folder / "a"), DiskFile(folder / "b")
            else:
                batch = batch_of(rng.randbytes(data.draw(SIZES)), data.draw(st.integers(0, 9_999)))
                room_bytes = data.draw(st.sampled_from([0, 1_000, 1 << 19]))
                if end + len(batch) <= room_end and data.draw(st.booleans()):
                    room_bytes = 0
                elif room_bytes > 1_000:
                    room_bytes += -(end + len(batch)) % BLOCK_BYTES
                content = bytes(batch)
                ours.put(end, batch if kind == "put" else content, room_bytes)
                plain.put(end, content, room_bytes)
                assert bytes(batch) == content
                end += len(batch)
                room_end = max(room_end, end + room_bytes)
            found, expected = (folder / "a").read_bytes(), (folder / "b").read_bytes()
            assert found == expected, f"step {step}: {kind}"
        ours.close()
        plain.close()


def test_a_file_system_that_takes_no_such_writes_gets_ordinary_ones(tmp_path: Path):
    """A file that cannot be opened so is written all the same; what it refuses then is told."""
    full = _native.BlockFile(Path("/dev/full"), direct._FLAGS)
    assert not full.is_direct
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as refused:
        full.put(0, batch_of(b"x"), 0)
    assert refused.value.errno == errno.ENOSPC
    with pytest.raises(FileNotFoundError):
        _native.BlockFile(tmp_path / "none", direct._FLAGS)


@pytest.mark.parametrize("flags", [direct._FLAGS, 0])
def test_a_disk_that_fills_up_ends_the_journal(tmp_path: Path, monkeypatch, flags):
    """In the middle of a native write: what was committed is there, what was not is cut off."""
    monkeypatch.setattr(direct, "_FLAGS", flags)
    journal = Journal(tmp_path, room_bytes=1 << 16)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    payload = random.Random(1).randbytes(10_000)
    committed = 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 16, hard))
    try:
        with pytest.raises(StorageError, match=os.strerror(errno.EFBIG)):
            while True:
                journal.append(payload)
                committed = journal.commit()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(StorageError, match="Nothing more is acknowledged"):
        journal.append(b"more")
    journal.close()
    assert committed == 19
    again = Journal(tmp_path)
    assert [found for _, found in again.records(0)][:committed] == [payload] * committed
    assert again.last_sequence - committed in {0, 1}
    again.append(b"on")
    again.commit()
    again.close()


def test_a_batch_may_be_gathered_while_another_is_written(tmp_path: Path):
    """Memory goes from one batch to a later one only when nobody has it any more."""
    file = DirectFile(tmp_path / "f", create=True)
    gathering, expected, end, held = Gathering(), b"", 0, []
    for n in range(1, 30):
        gathering.extend([b"%d" % n * 1_000])
        batch = gathering.take(n, end)
        gathering.extend([b"next"])
        held.append((batch, bytes(batch)))
        file.put(end, batch, 0)
        end += len(batch)
        expected += bytes(batch)
        gathering.take(n + 1, end)
        if n % 3 == 0:
            held.clear()
        assert all(bytes(kept) == content for kept, content in held)
    file.close()
    assert (tmp_path / "f").read_bytes() == expected


@pytest.mark.parametrize("flags", [direct._FLAGS, 0])
def test_a_writer_writes_as_the_file_does(tmp_path: Path, monkeypatch, flags):
    """Batches that are handed over stand in the file as those that are put there."""
    monkeypatch.setattr(direct, "_FLAGS", flags)
    ours, plain = DirectFile(tmp_path / "a", create=True), DiskFile(tmp_path / "b", create=True)
    writer, rng, end = _native.BatchWriter(), random.Random(3), 0
    for n in range(30):
        content = rng.randbytes(rng.choice([1, 700, BLOCK_BYTES, 20_000]))
        batch, room_bytes = batch_of(content, end), rng.choice([0, 1_000, 1 << 16])
        expected = bytes(batch)
        if n % 3:
            assert ours.hand_over(writer, end, batch, room_bytes)
            assert writer.take() > 0
            assert len(batch) == 0
        else:
            ours.put(end, batch, room_bytes)
        plain.put(end, expected, room_bytes)
        end += len(expected)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    ours.close()
    plain.close()


def test_a_writer_tells_at_its_descriptor_what_the_disk_says(tmp_path: Path):
    """It can be read when a batch is done, and `take` raises what the disk has refused."""
    writer, full = _native.BatchWriter(), _native.BlockFile(Path("/dev/full"), 0)
    assert select.select([writer.fileno()], [], [], 0)[0] == []
    assert writer.write(full, 0, batch_of(b"x"), 0)
    assert select.select([writer.fileno()], [], [], 30)[0] == [writer.fileno()]
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as refused:
        writer.take()
    assert refused.value.errno == errno.ENOSPC
    assert select.select([writer.fileno()], [], [], 0)[0] == []


def test_a_writer_takes_native_batches_and_open_files_alone(tmp_path: Path):
    """Other batches are left to `put`; a file that is closed takes nothing."""
    file, writer = DirectFile(tmp_path / "f", create=True), _native.BatchWriter()
    assert not file.hand_over(writer, 0, b"bytes", 0)
    file.close()
    batch = batch_of(b"x")
    with pytest.raises(ValueError, match="closed"):
        file.hand_over(writer, 0, batch, 0)
    assert len(batch) > 0
    assert (tmp_path / "f").read_bytes() == b""
