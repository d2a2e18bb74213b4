import errno
import os
import stat
from pathlib import Path

import pytest

from steelyard.store.disk import DiskFile, make_private_directory, replace_file
from tests.store.faulty import FaultyDisk


def test_a_file_is_written_where_it_is_told(tmp_path: Path):
    """Writes go to their offsets, a cut shortens, and only the owner may read."""
    file = DiskFile(tmp_path / "f", create=True)
    file.write(3, b"def")
    file.write(0, b"abc")
    file.write(6, b"ghi")
    file.cut(7)
    file.sync()
    file.close()
    file.close()
    assert (tmp_path / "f").read_bytes() == b"abcdefg"
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


def test_making_never_overwrites(tmp_path: Path):
    """A file that is there is somebody's."""
    (tmp_path / "f").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        DiskFile(tmp_path / "f", create=True)
    assert (tmp_path / "f").read_bytes() == b"precious"


def test_a_partial_write_is_continued(tmp_path: Path, monkeypatch):
    """The kernel may take less than it is given."""
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[:3], at))
    file = DiskFile(tmp_path / "f", create=True)
    file.write(2, b"0123456789")
    file.close()
    assert (tmp_path / "f").read_bytes() == b"\0\x000123456789"


def test_a_replaced_file_is_the_old_or_the_new(tmp_path: Path):
    """Whichever operation fails, the old content is there, and nothing else is left behind."""
    path = tmp_path / "f"
    replace_file(path, b"old")
    probe = FaultyDisk()
    replace_file(path, b"old", file_type=probe.open)
    assert probe.operations == 3
    for n in range(1, probe.operations + 1):
        with pytest.raises(OSError, match="Input/output error"):
            replace_file(path, b"new", file_type=FaultyDisk(n, errno.EIO).open)
        assert path.read_bytes() == b"old"
        assert [entry.name for entry in tmp_path.iterdir()] == ["f"]
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_directory_that_another_program_makes_meanwhile_is_there(tmp_path: Path, monkeypatch):
    """Traders of a host begin together: what one has just missed another has just made."""
    wanted, really = tmp_path / "host" / "pace", Path.is_dir

    def is_dir(path: Path) -> bool:
        found = really(path)
        if not found:
            path.mkdir()
        return found

    monkeypatch.setattr(Path, "is_dir", is_dir)
    make_private_directory(wanted)
    assert really(wanted)


def test_a_file_is_no_directory(tmp_path: Path):
    """What is there is not taken for one."""
    (tmp_path / "f").touch()
    with pytest.raises(FileExistsError):
        make_private_directory(tmp_path / "f")


def test_a_plain_file_is_handed_no_batch(tmp_path: Path):
    """What another thread writes natively is a native file's; here `put` does it."""
    file = DiskFile(tmp_path / "f", create=True)
    assert not file.hand_over(None, 0, b"batch", 0)
    file.close()
    assert (tmp_path / "f").read_bytes() == b""
