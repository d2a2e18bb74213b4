import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.store import datadir
from steelyard.store.datadir import Directory, port_file, read_document, read_token

HOLD = """
import sys
from pathlib import Path
from steelyard.store.datadir import Directory
held = Directory(Path(sys.argv[1]))
held.write_ports({"ports": {"native": 8600}})
print("held", flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_directory_is_made_private(tmp_path: Path):
    """It, and what was missing above it, is for its owner only."""
    with Directory(tmp_path / "data" / "bots" / "dip") as directory:
        assert {mode(p) for p in (directory.path, *directory.path.parents[:2])} == {0o700}
        assert mode(directory.path / "format") == 0o600
    with Directory(directory.path):
        pass


def test_a_held_directory_says_by_whom(tmp_path: Path):
    """The second process is told the first one's id; when that is killed, the lock is free."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "d")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    with pytest.raises(ConfigError, match=f"d is in use by process {child.pid}; stop that one or"):
        Directory(tmp_path / "d")
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    assert port_file(tmp_path / "d").exists()
    with Directory(tmp_path / "d"):
        pass
    assert not port_file(tmp_path / "d").exists()


def test_the_port_file_goes_with_a_clean_stop(tmp_path: Path):
    """Who finds it knows where to ask; who does not knows that nobody listens."""
    directory = Directory(tmp_path / "d")
    directory.write_ports({"ports": {"binance": 8601}})
    assert read_document(port_file(directory.path)) == {
        "pid": os.getpid(),
        "ports": {"binance": 8601},
    }
    assert mode(port_file(directory.path)) == 0o600
    directory.close()
    directory.close()
    assert read_document(port_file(directory.path), missing={}) == {}
    with pytest.raises(ConfigError, match=r"ports\.json is not there; the process it belongs to"):
        read_document(port_file(directory.path))


def test_a_token_is_made_once_and_private(tmp_path: Path):
    """The same token for as long as the directory lives; a new one if others could read it."""
    with Directory(tmp_path / "d") as directory:
        token = directory.token()
        file = directory.path / "admin.token"
        assert len(token) >= 40
        assert mode(file) == 0o600
        assert directory.token() == token == read_token(directory.path)
        file.chmod(0o644)
        assert directory.token() != token
        assert mode(file) == 0o600
    with pytest.raises(ConfigError, match=r"no token in .*: No such file"):
        read_token(tmp_path)
    (tmp_path / "admin.token").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"is damaged; delete admin\.token"):
        read_token(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("2\n", r"is of a newer steelyard \(data format 2, this one reads 1\); use a newer"),
        ("0\n", "has data format 0, this steelyard reads 1; use the steelyard that wrote it"),
        ("\u00e9x", "has data format .*, this steelyard reads 1"),
    ],
)
def test_another_format_refuses(tmp_path: Path, content, sentence):
    """One sentence, and the lock is free again."""
    with Directory(tmp_path / "d"):
        pass
    (tmp_path / "d" / "format").write_text(content)
    for _ in range(2):
        with pytest.raises(ConfigError, match=sentence):
            Directory(tmp_path / "d")


def test_a_foreign_directory_is_left_alone(tmp_path: Path):
    """A mistyped --data changes nothing."""
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ConfigError, match="holds something that is not steelyard's"):
        Directory(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_beginning_that_was_cut_short_is_continued(tmp_path: Path):
    """A process that was killed between lock and format left nothing of worth."""
    (tmp_path / "lock").touch()
    (tmp_path / ".format.ab.part").touch()
    with Directory(tmp_path):
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["format", "lock"]


def test_a_file_in_the_way_is_named(tmp_path: Path):
    """Whether it is the directory itself or above it."""
    (tmp_path / "f").touch()
    for path in (tmp_path / "f", tmp_path / "f" / "exchange"):
        with pytest.raises(ConfigError, match=r"/f is a file; --data needs a directory"):
            Directory(path)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path, monkeypatch, number):
    """A read-only disk, a missing permission, no space: path, reason and way out."""

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    sentence = f"cannot be (made|used): {os.strerror(number)}; choose another --data"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", refuse)
        with pytest.raises(ConfigError, match=sentence):
            Directory(tmp_path / "d")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        with pytest.raises(ConfigError, match=sentence):
            Directory(tmp_path / "d")
    with Directory(tmp_path / "d") as directory, monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", refuse)
        with pytest.raises(ConfigError, match=f"cannot be written: {os.strerror(number)}"):
            directory.write_ports({})


def test_a_lock_that_cannot_be_had_is_no_other_process(tmp_path: Path, monkeypatch):
    """Some network disks have no locks."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(ConfigError, match="cannot be used: No locks available; choose another"):
        Directory(tmp_path / "d")


def test_a_document_is_the_old_or_the_new(tmp_path: Path):
    """Text, bytes and documents are put in place at once; what is not JSON is named."""
    file = tmp_path / "ready.json"
    datadir.write_atomically(file, {"ready": True})
    assert json.loads(file.read_text()) == {"ready": True}
    datadir.write_atomically(file, "[1]")
    with pytest.raises(ConfigError, match=r"ready\.json cannot be read: it is not a JSON object"):
        read_document(file)
    datadir.write_atomically(file, b"\xff")
    with pytest.raises(ConfigError, match=r"ready\.json cannot be read"):
        read_document(file)
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        datadir.write_atomically(tmp_path / "no" / "ready.json", "{}")
    assert [entry.name for entry in tmp_path.iterdir()] == ["ready.json"]


def test_a_port_file_of_a_dead_process_is_known():
    """A crash leaves the file behind; what is no process id is nobody's."""
    child = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    assert datadir.is_alive({"pid": os.getpid()})
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not datadir.is_alive({"pid": child.pid}), "nobody has asked how it ended yet"
    child.wait()
    child.stdout.close()
    for document in ({"pid": child.pid}, {}, {"pid": "x"}, {"pid": None}, {"pid": 10**30}):
        assert not datadir.is_alive(document)


def test_bots_are_those_that_have_run(tmp_path: Path):
    """A directory without a format file is no bot."""
    assert datadir.bot_directories(tmp_path) == []
    for name in ("sma", "dip"):
        Directory(tmp_path / "bots" / name).close()
    (tmp_path / "bots" / "notes").mkdir()
    assert datadir.bot_directories(tmp_path) == ["dip", "sma"]
    assert datadir.latch_file(tmp_path, "dip") == tmp_path / "bots" / "dip" / "killed"


def test_directories_are_the_platforms(tmp_path: Path, monkeypatch):
    """Data and keys are apart, so that a copy of the one does not open the other."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in datadir.default_directory().parents
    assert not datadir.default_directory().exists()
    keys = datadir.config_directory()
    assert mode(keys) == 0o700
    assert keys != datadir.default_directory()


def test_nobody_else_may_read_the_lock(tmp_path: Path):
    """Also one that an older version made readable for all."""
    for _ in range(2):
        with Directory(tmp_path / "d"):
            assert (tmp_path / "d" / "lock").stat().st_mode & 0o777 == 0o600
        (tmp_path / "d" / "lock").chmod(0o644)


def test_what_may_run_is_what_nothing_speaks_against(tmp_path: Path):
    file = port_file(tmp_path)
    assert not datadir.may_run(tmp_path)
    file.write_text(json.dumps({"pid": os.getpid()}))
    assert datadir.may_run(tmp_path)
    file.write_text(json.dumps({"pid": 2**22 - 3}))
    assert not datadir.may_run(tmp_path)
    file.write_text("{")
    assert datadir.may_run(tmp_path)


def test_an_end_without_a_word_is_one_of_a_bot_that_ran(tmp_path: Path):
    assert datadir.ending_of(tmp_path) == (False, None)
    datadir.about_file(tmp_path).write_text('{"symbol": "BTC-USDT"}')
    assert datadir.ending_of(tmp_path) == (True, datadir.WITHOUT_A_WORD)
    datadir.ended_file(tmp_path).write_text('{"why": "SIGTERM", "code": 0}')
    assert datadir.ending_of(tmp_path) == (False, "SIGTERM")
