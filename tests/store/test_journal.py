import errno
import os
import random
import signal
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError, StorageError
from steelyard.store import journal as module
from steelyard.store.journal import Journal, read_records
from steelyard.store.segment import HEADER_LINE, PAYLOAD_MAX_BYTES, encode
from tests.store import old_form
from tests.store.faulty import FaultyDisk

SMALL = {"segment_bytes": 200, "room_bytes": 64}


def filled(directory: Path, count: int, **options) -> list[bytes]:
    """Make a journal of `count` records in commits of one, two, three...; return the payloads."""
    payloads = [f"payload {n}".encode() for n in range(1, count + 1)]
    journal = Journal(directory, **options)
    batch = 1
    for n, payload in enumerate(payloads, 1):
        assert journal.append(payload) == n
        if n % batch == 0:
            journal.commit()
            batch = batch % 3 + 1
    journal.commit()
    journal.close()
    return payloads


def read(directory: Path, after: int = 0, **options) -> list[bytes]:
    journal = Journal(directory, **options)
    found = list(journal.records(after))
    journal.close()
    assert [sequence for sequence, _ in found] == list(range(after + 1, after + 1 + len(found)))
    return [payload for _, payload in found]


def found_or_refusal(directory: Path, **options) -> list[bytes] | ConfigError:
    try:
        return read(directory, **options)
    except ConfigError as error:
        return error


def opened_or_refusal(directory: Path, **options) -> Journal | StorageError:
    try:
        return Journal(directory, **options)
    except StorageError as error:
        return error


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.log"))


@pytest.mark.parametrize("options", [{}, SMALL, {**SMALL, "room_bytes": 0}])
def test_what_was_committed_is_read_again(tmp_path: Path, options):
    """Sequences go on without a gap over commits, segments and openings."""
    payloads = filled(tmp_path / "j", 40, **options)
    assert read(tmp_path / "j", **options) == payloads
    assert read(tmp_path / "j", 17, **options) == payloads[17:]
    journal = Journal(tmp_path / "j", **options)
    assert journal.append(b"more") == 41
    assert journal.commit() == 41
    assert list(journal.records(39)) == [(40, payloads[39]), (41, b"more")]
    journal.close()
    assert read(tmp_path / "j", **options) == [*payloads, b"more"]
    assert len(segments(tmp_path / "j")) == (1 if not options else 7)


def test_records_may_come_many_at_once(tmp_path: Path):
    """One by one or at once: the same file, and one batch."""
    journal, other = Journal(tmp_path / "j"), Journal(tmp_path / "k")
    assert journal.append_all([]) == 0
    assert journal.append_all([b"1", b"22"]) == 2
    assert journal.append_all([b"333"]) == 3
    assert [other.append(payload) for payload in (b"1", b"22", b"333")] == [1, 2, 3]
    (last, batch), (same, other_batch) = journal.take(), other.take()
    assert last == same == 3
    assert bytes(batch) == bytes(other_batch) == encode([b"1", b"22", b"333"], 1)
    journal.close()
    other.close()


def test_what_was_not_committed_is_not_kept(tmp_path: Path):
    """Closing does not make anything durable that nobody asked for."""
    journal = Journal(tmp_path / "j")
    journal.append(b"kept")
    journal.commit()
    journal.append(b"dropped")
    journal.close()
    assert read(tmp_path / "j") == [b"kept"]


def test_a_closed_journal_has_no_room_left_in_it(tmp_path: Path):
    """The zeros ahead of a running journal's records are not kept, and are no records."""
    journal = Journal(tmp_path / "j")
    journal.append(b"x" * 100)
    journal.commit()
    (file,) = segments(tmp_path / "j")
    assert file.stat().st_size == module.ROOM_BYTES
    journal.close()
    assert file.stat().st_size == len(HEADER_LINE) + len(encode([b"x" * 100], 1))


@pytest.mark.slow
@pytest.mark.parametrize("is_old", [False, True], ids=["format 2", "format 1"])
def test_cut_at_every_byte(tmp_path: Path, is_old):
    """Cut anywhere, with or without zeros behind, a journal opens with what was whole.

    That is whole batches; in the older format, whose records stand alone, whole records.
    """
    batches = [[b"payload 1"], [b"payload 2", b"payload 3"], [b"4", b"payload 5"]]
    payloads = [*chain(*batches)]
    whole = old_form.written(batches) if is_old else written(batches)
    ends = {0: len(HEADER_LINE)}  # by how many are kept then
    for n, batch in enumerate(batches, 1):
        for part in range(1, len(batch) + 1):
            kept = [*batches[: n - 1], batch[:part]]
            if is_old or part == len(batch):
                content = old_form.written(kept) if is_old else written(kept)
                ends[sum(map(len, kept))] = len(content)
    (tmp_path / "j").mkdir()
    for cut in range(len(whole) + 1):
        for file in segments(tmp_path / "j"):
            file.unlink()
        room = bytes(cut % 2 * 100)  # each cut with either is in the tests of the formats
        (tmp_path / "j" / f"{1:020d}.log").write_bytes(whole[:cut] + room)
        kept = max((n for n, end in ends.items() if end <= cut), default=0)
        journal = Journal(tmp_path / "j")
        assert [payload for _, payload in journal.records(0)] == payloads[:kept]
        left = len(whole[:cut].rstrip(b"\0")) - (ends[kept] if cut >= ends[0] else 0)
        assert journal.torn_bytes == max(0, left)
        assert (f": {left} bytes of it behind record {kept} " in journal.repair) == (left > 0)
        # It goes on from there.
        assert journal.append(b"next") == kept + 1
        journal.commit()
        journal.close()
        assert read(tmp_path / "j") == [*payloads[:kept], b"next"]


def written(batches: list[list[bytes]]) -> bytes:
    content, sequence = HEADER_LINE, 1
    for batch in batches:
        content += encode(batch, sequence)
        sequence += len(batch)
    return content


def test_a_journal_of_an_older_steelyard_goes_on_in_a_segment_of_its_own(tmp_path: Path):
    """Opening changes nothing of what it has; the first commit begins a segment in today's form."""
    payloads = [b"%d" % n * 20 for n in range(1, 9)]
    old = old_form.written([payloads[:3], payloads[3:5]])
    newest = old_form.HEADER_LINE + old_form.encode(payloads[5:6], 6)
    newest += old_form.encode(payloads[6:], 7)
    tmp_path.joinpath(f"{1:020d}.log").write_bytes(old)
    file = tmp_path / f"{6:020d}.log"
    file.write_bytes(newest + bytes(700))
    for _ in range(2):
        journal = Journal(tmp_path, after=8)
        assert (journal.last_sequence, journal.repair) == (8, "")
        assert [payload for _, payload in journal.records(0)] == payloads
        journal.close()
        assert (file.read_bytes(), len(segments(tmp_path))) == (newest, 2)
    journal = Journal(tmp_path)
    assert journal.append_all([b"more", b"and more"]) == 10
    journal.commit()
    journal.append(b"once more")
    journal.commit()
    payloads += [b"more", b"and more", b"once more"]
    assert [*read_records(tmp_path, 4)] == [*enumerate(payloads, 1)][4:]
    assert [*journal.records(6)] == [*enumerate(payloads, 1)][6:]
    journal.close()
    assert file.read_bytes() == newest, "an older format is not added to"
    assert [int(path.stem) for path in segments(tmp_path)] == [1, 6, 9]
    assert segments(tmp_path)[-1].read_bytes().startswith(b"steelyard journal 2\n")
    assert read(tmp_path) == payloads
    changed = bytearray(newest)
    changed[-1] ^= 1
    file.write_bytes(changed)
    with pytest.raises(ConfigError, match="journal record 8 is damaged"):
        read(tmp_path)


def test_an_older_segment_without_records_is_begun_anew(tmp_path: Path):
    """There cannot be two segments of one name."""
    tmp_path.joinpath(f"{1:020d}.log").write_bytes(old_form.HEADER_LINE + bytes(90))
    journal = Journal(tmp_path)
    journal.append(b"first")
    journal.commit()
    journal.close()
    assert segments(tmp_path)[0].read_bytes() == written([[b"first"]])


def test_a_torn_write_never_comes_back(tmp_path: Path):
    """Leftovers of a write that was cut short are gone before the next batch is written.

    Otherwise they would stand behind it, and nobody could tell them from damage.
    """
    whole = written([[b"payload 1"], [b"payload 2" * 200]])
    start = len(written([[b"payload 1"]]))
    (tmp_path / "j").mkdir()
    file = tmp_path / "j" / f"{1:020d}.log"
    # Of the last batch, all but the first sectors got to the disk.
    file.write_bytes(whole[:start] + bytes(1_024 - start) + whole[1_024:] + bytes(4_000))
    journal = Journal(tmp_path / "j")
    assert journal.last_sequence == 1
    assert journal.torn_bytes == len(whole) - start
    journal.append(b"payload X")
    journal.commit()
    journal.close()
    assert file.read_bytes() == written([[b"payload 1"], [b"payload X"]])
    assert read(tmp_path / "j") == [b"payload 1", b"payload X"]


def test_every_changed_byte_refuses(tmp_path: Path):
    """No changed byte is ever read as a record; the message names file, byte and record."""
    payloads = filled(tmp_path / "j", 18, **SMALL)
    files = segments(tmp_path / "j")
    assert len(files) > 2
    for file in files:
        whole = file.read_bytes()
        for place in range(len(whole)):
            changed = bytearray(whole)
            changed[place] ^= 0x20
            file.write_bytes(changed)
            found = found_or_refusal(tmp_path / "j", **SMALL)
            assert isinstance(found, ConfigError)
            assert str(file) in str(found)
            assert "byte " in str(found) or place < len(HEADER_LINE)
        file.write_bytes(whole)
    assert read(tmp_path / "j", **SMALL) == payloads


def test_a_missing_segment_refuses(tmp_path: Path):
    """A gap between segments names the records."""
    filled(tmp_path / "j", 30, **SMALL)
    segments(tmp_path / "j")[1].unlink()
    with pytest.raises(ConfigError, match=r"records \d+ to \d+ are missing from .*restore"):
        read(tmp_path / "j", **SMALL)


def test_a_missing_beginning_refuses_where_it_is_needed(tmp_path: Path):
    """Records before a snapshot may be gone, records after it may not."""
    payloads = filled(tmp_path / "j", 30, **SMALL)
    segments(tmp_path / "j")[0].unlink()
    first = int(segments(tmp_path / "j")[0].stem)
    assert read(tmp_path / "j", first - 1, **SMALL) == payloads[first - 1 :]
    with pytest.raises(ConfigError, match=f"records {first - 1} to {first - 1} are missing"):
        read(tmp_path / "j", first - 2, **SMALL)


def test_a_snapshot_ahead_of_the_journal_refuses(tmp_path: Path):
    """A journal that does not reach its snapshot has lost acknowledged records."""
    filled(tmp_path / "j", 3)
    Journal(tmp_path / "j", after=3).close()
    with pytest.raises(ConfigError, match=r"ends with record 3, but the snapshot .* record 4"):
        Journal(tmp_path / "j", after=4)
    with pytest.raises(ConfigError, match=r"ends with record 0, but the snapshot .* record 4"):
        Journal(tmp_path / "empty", after=4)


def test_a_foreign_file_refuses(tmp_path: Path):
    """What is not ours is not stepped over in silence; what a file manager drops is."""
    filled(tmp_path / "j", 3)
    (tmp_path / "j" / ".DS_Store").touch()
    assert len(read(tmp_path / "j")) == 3
    (tmp_path / "j" / "1.log").touch()
    with pytest.raises(ConfigError, match=r"1\.log does not belong into a journal; move it away"):
        Journal(tmp_path / "j")


def test_a_newer_format_refuses(tmp_path: Path):
    """One sentence: what it is, what this reads, what to do."""
    filled(tmp_path / "j", 3)
    (file,) = segments(tmp_path / "j")
    file.write_bytes(file.read_bytes().replace(b"journal 2", b"journal 3"))
    with pytest.raises(ConfigError, match="has journal format 3, this steelyard reads up to 2;"):
        Journal(tmp_path / "j")


def test_retire_deletes_what_is_wholly_older(tmp_path: Path):
    """Only whole segments go, and the newest one stays."""
    payloads = filled(tmp_path / "j", 30, **SMALL)
    names = segments(tmp_path / "j")
    journal = Journal(tmp_path / "j", **SMALL)
    journal.retire(1)
    assert segments(tmp_path / "j") == names
    third = int(names[2].stem)
    journal.retire(third - 1)
    assert segments(tmp_path / "j") == names[1:]
    journal.retire(third)
    assert segments(tmp_path / "j") == names[2:]
    assert [payload for _, payload in journal.records(third - 1)] == payloads[third - 1 :]
    journal.retire(10_000)
    assert segments(tmp_path / "j") == names[-1:]
    assert journal.append(b"on") == 31
    journal.commit()
    journal.close()
    assert read(tmp_path / "j", 30, **SMALL) == [b"on"]


def test_a_long_batch_has_a_segment_of_its_own(tmp_path: Path):
    """A batch is never divided: a later one must prove all of it."""
    journal = Journal(tmp_path / "j", **SMALL)
    journal.append(b"first")
    journal.commit()
    for _ in range(10):
        journal.append(b"x" * 100)
    journal.commit()
    journal.append(b"last")
    journal.commit()
    journal.close()
    assert [int(path.stem) for path in segments(tmp_path / "j")] == [1, 2, 12]
    assert len(read(tmp_path / "j", **SMALL)) == 12


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_ends_the_journal(tmp_path: Path, error):
    """Fail the 1st operation, then the 2nd...: what was committed before is there, always.

    After the failure nothing more is taken, and the record that failed was not acknowledged.
    """
    probe = FaultyDisk()
    filled(tmp_path / "probe", 12, **SMALL, file_type=probe.open)
    assert probe.operations > 20
    for n in range(1, probe.operations + 1):
        directory = tmp_path / f"{error}-{n}"
        committed = 0
        journal = opened_or_refusal(directory, **SMALL, file_type=FaultyDisk(n, error).open)
        if isinstance(journal, StorageError):
            assert os.strerror(error) in str(journal)
        else:
            refusal = None
            while refusal is None:
                journal.append(b"payload %d" % (committed + 1))
                try:
                    committed = journal.commit()
                except StorageError as refused:
                    refusal = str(refused)
            assert os.strerror(error) in refusal
            with pytest.raises(StorageError, match="Nothing more is acknowledged"):
                journal.append(b"again")
            with pytest.raises(StorageError, match="Nothing more is acknowledged"):
                journal.write(b"again")
            journal.close()
        found = read(directory, **SMALL)
        assert found[:committed] == [b"payload %d" % k for k in range(1, committed + 1)]
        # What was being written may be there or not; nothing else may.
        assert len(found) - committed in (0, 1)


def test_a_full_buffer_ends_the_journal(tmp_path: Path, monkeypatch):
    """A disk that does not keep up is a failing disk: memory is bounded."""
    monkeypatch.setattr(module, "BUFFER_MAX_BYTES", 1_000)
    journal = Journal(tmp_path / "j")
    for _ in range(7):
        journal.append(b"x" * 136)
    with pytest.raises(StorageError, match="the disk does not keep up: 1005 bytes wait"):
        journal.append(b"x")
    with pytest.raises(StorageError, match="does not keep up"):
        journal.append(b"x")
    journal.close()


def test_a_record_too_long_ends_the_journal(tmp_path: Path):
    """Whoever appends has already acted on it, so it may not go missing in silence."""
    journal = Journal(tmp_path / "j")
    journal.append(bytes(PAYLOAD_MAX_BYTES))
    with pytest.raises(StorageError, match="4194305 bytes is too long"):
        journal.append(bytes(PAYLOAD_MAX_BYTES + 1))
    journal.close()
    with pytest.raises(StorageError):
        journal.append(b"x")


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path):
    """A file in the way, of it or above it, is one sentence."""
    (tmp_path / "file").touch()
    for path, why in (("file", "File exists"), ("file/j", "File exists|Not a directory")):
        with pytest.raises(StorageError, match=f"{path} cannot be opened: ({why})"):
            Journal(tmp_path / path)


CHILD = """
import random, sys
from itertools import chain
from pathlib import Path
from steelyard.store.journal import Journal

journal = Journal(Path(sys.argv[1]), segment_bytes=20_000, room_bytes=4_096)
rng = random.Random(int(sys.argv[2]))
while True:
    for _ in range(rng.randrange(1, 20)):
        n = journal.last_sequence + 1
        journal.append(b"%d " % n * rng.randrange(1, 200))
    sys.stdout.write(f"{journal.commit()}\\n")
    sys.stdout.flush()
"""


@pytest.mark.slow
def test_every_acknowledged_record_survives_kill_9(tmp_path: Path):
    """Killed at random moments, again and again, a journal holds all that it acknowledged."""
    rng = random.Random(20)
    acknowledged = 0
    for turn in range(20):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path / "j"), str(turn)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        for _ in range(rng.randrange(1, 60)):
            acknowledged = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read()
        child.wait()
        child.stdout.close()
        # What was said before the end counts too; a cut line was not said.
        lines = rest.rpartition(b"\n")[0].split()
        acknowledged = int(lines[-1]) if lines else acknowledged
        journal = Journal(tmp_path / "j")
        numbers = [int(payload.split()[0]) for _, payload in journal.records(0)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= acknowledged
        journal.close()
    assert len(segments(tmp_path / "j")) > 3


def test_a_journal_is_read_while_its_owner_writes(tmp_path: Path):
    """Over all segments, nothing is changed, and what is being written is left out."""
    journal = Journal(tmp_path, segment_bytes=200)
    payloads = [b"%d" % number * 20 for number in range(1, 30)]
    for payload in payloads:
        journal.append(payload)
        journal.commit()
    assert len([*tmp_path.glob("*.log")]) > 1
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    journal.append(b"not committed")
    assert [*read_records(tmp_path)] == [*enumerate(payloads, 1)]
    for after in range(len(payloads) + 2):
        assert [*read_records(tmp_path, after)] == [*enumerate(payloads, 1)][after:]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    journal.close()


def test_reading_what_is_no_journal_says_so(tmp_path: Path):
    """Nothing is made there; and a segment that is gone is named by its records."""
    with pytest.raises(ConfigError, match="has no journal"):
        [*read_records(tmp_path)]
    assert not [*tmp_path.iterdir()]
    journal = Journal(tmp_path, segment_bytes=200)
    for number in range(30):
        journal.append(b"%d" % number * 20)
        journal.commit()
    journal.close()
    sorted(tmp_path.glob("*.log"))[1].unlink()
    with pytest.raises(ConfigError, match=r"records \d+ to \d+ are missing"):
        [*read_records(tmp_path)]
