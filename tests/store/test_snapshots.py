import errno
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError, StorageError
from steelyard.store.snapshots import Found, Snapshots
from tests.store.faulty import FaultyDisk


def names(directory: Path) -> list[int]:
    return sorted(int(file.stem) for file in directory.iterdir())


def test_the_newest_is_found(tmp_path: Path):
    """None at first; then what was saved last, by this process or another."""
    snapshots = Snapshots(tmp_path / "s")
    assert snapshots.latest() is None
    assert snapshots.oldest_sequence() == 0
    snapshots.save(9, b"nine")
    snapshots.save(10, b"ten" * 1000)
    assert snapshots.latest() == Found(10, b"ten" * 1000)
    assert Snapshots(tmp_path / "s").latest() == (10, b"ten" * 1000)


def test_two_are_kept(tmp_path: Path):
    """Records up to the older of two may go, and none before there are two."""
    snapshots = Snapshots(tmp_path / "s")
    oldest = []
    for sequence in (5, 100, 200, 3_000_000_000):
        snapshots.save(sequence, b"x")
        oldest.append(snapshots.oldest_sequence())
    assert names(tmp_path / "s") == [200, 3_000_000_000]
    assert oldest == [0, 5, 100, 200]


def test_every_cut_and_every_changed_byte_is_noticed(tmp_path: Path):
    """A damaged snapshot is passed over and named; the one before it serves."""
    Snapshots(tmp_path / "s").save(1, b"old")
    Snapshots(tmp_path / "s").save(2, b"new state")
    file = tmp_path / "s" / f"{2:020d}.snapshot"
    whole = file.read_bytes()
    version = whole.index(b"1\n")
    bad = [whole[:cut] for cut in range(len(whole))]
    bad += [
        whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :]
        for at in range(len(whole))
        if at != version
    ]
    for content in bad:
        file.write_bytes(content)
        snapshots = Snapshots(tmp_path / "s")
        assert snapshots.latest() == (1, b"old")
        assert snapshots.damaged == [file.name]
        assert f": {file.name}; what the journal and any older snapshot hold" in snapshots.repair
        assert Snapshots(tmp_path / "s").repair == ""


def test_a_renamed_snapshot_is_damaged(tmp_path: Path):
    """Its name says which records it includes, so the checksum covers it."""
    snapshots = Snapshots(tmp_path / "s")
    snapshots.save(1, b"state")
    (tmp_path / "s" / f"{1:020d}.snapshot").rename(tmp_path / "s" / f"{7:020d}.snapshot")
    assert snapshots.latest() is None
    assert snapshots.damaged == [f"{7:020d}.snapshot"]


def test_a_damaged_one_is_not_counted_on(tmp_path: Path):
    """Records stay until two whole snapshots include them; then the damaged one goes."""
    snapshots = Snapshots(tmp_path / "s")
    snapshots.save(1, b"a")
    snapshots.save(2, b"b")
    (tmp_path / "s" / f"{2:020d}.snapshot").write_bytes(b"?")
    snapshots = Snapshots(tmp_path / "s")
    assert snapshots.latest() == (1, b"a")
    snapshots.save(3, b"c")
    assert snapshots.oldest_sequence() == 1
    assert names(tmp_path / "s") == [1, 3]


def test_a_newer_format_refuses(tmp_path: Path):
    """It is not damage: passing it over would go back in time."""
    snapshots = Snapshots(tmp_path / "s")
    snapshots.save(1, b"a")
    file = tmp_path / "s" / f"{1:020d}.snapshot"
    file.write_bytes(file.read_bytes().replace(b"snapshot 1", b"snapshot 12"))
    with pytest.raises(ConfigError, match="has snapshot format 12, this steelyard reads 1; use"):
        snapshots.latest()


def test_a_disk_that_refuses_leaves_the_old_ones(tmp_path: Path):
    """Fail the 1st operation, then the 2nd...: the newest snapshot is whole, always."""
    Snapshots(tmp_path / "s").save(1, b"a")
    Snapshots(tmp_path / "s").save(2, b"b")
    for n in (1, 2, 3):
        faulty = Snapshots(tmp_path / "s", file_type=FaultyDisk(n, errno.ENOSPC).open)
        with pytest.raises(StorageError, match="cannot be saved: No space left"):
            faulty.save(3, b"c")
        assert Snapshots(tmp_path / "s").latest() == (2, b"b")
        assert names(tmp_path / "s") == [1, 2]


def test_what_a_killed_process_left_is_removed(tmp_path: Path):
    """A part of a snapshot is not a snapshot."""
    Snapshots(tmp_path / "s").save(1, b"a")
    (tmp_path / "s" / ".00000000000000000002.snapshot.abcd.part").write_bytes(b"half")
    assert Snapshots(tmp_path / "s").latest() == (1, b"a")
    assert names(tmp_path / "s") == [1]
