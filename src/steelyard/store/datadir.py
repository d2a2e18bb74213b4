"""A data directory: what is where, who holds it, and what an older one means.

    DIR/exchange/            one exchange: journal, snapshots, lock, ports.json, admin.token
    DIR/bots/NAME/           one bot, the same way
    (user's config)/seal.key never in DIR, so that a copy of DIR cannot open secrets

One directory is one environment. A lock belongs to a process and goes with it, however it
ends. Every failure is one sentence that names the path and the way out.
"""

import errno
import fcntl
import json
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TextIO

import platformdirs

from steelyard.domain.errors import ConfigError
from steelyard.store.disk import (
    make_private_directory,
    make_private_file,
    remove_parts,
    replace_file,
)

FORMAT = 1
WITHOUT_A_WORD = (
    "its process has ended without a word: its orders may be open; look into its log, and start it "
    "again with `steelyard trade`, or `steelyard kill` it"
)

_LOCK, _FORMAT, _TOKEN, _PORTS = "lock", "format", "admin.token", "ports.json"
_HELD = frozenset({errno.EAGAIN, errno.EACCES})  # what flock says of a lock that another has


def default_directory() -> Path:
    """Return where data goes when nobody says otherwise."""
    return Path(platformdirs.user_data_dir("steelyard", appauthor=False))


def state_directory() -> Path:
    """Return where what all directories of this host share is kept; `STEELYARD_STATE` says else."""
    told = os.environ.get("STEELYARD_STATE")
    return Path(told) if told else Path(platformdirs.user_state_dir("steelyard", appauthor=False))


def config_directory() -> Path:
    """Return where the user's own keys are; made, private, if it is not there.

    Raises:
        ConfigError: It cannot be made.
    """
    return _made(Path(platformdirs.user_config_dir("steelyard", appauthor=False)))


class Directory:
    """One exchange's or bot's directory, held by this process until `close`."""

    def __init__(self, path: Path) -> None:
        """Make it if need be, and lock it.

        Raises:
            ConfigError: Not a directory, not writable, of another format, or held by another.
        """
        self.path = _made(path)
        self._refuse_foreign()
        self._lock = self._locked()
        try:
            self._check_format()
            remove_parts(self.path)
        except OSError as error:
            self._lock.close()
            raise _unusable(self.path, error) from error
        except ConfigError:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the port file and let go of the lock; safe to call twice."""
        if self._lock.closed:
            return
        with suppress(OSError):
            port_file(self.path).unlink(missing_ok=True)
        self._lock.close()

    def token(self) -> str:
        """Return the directory's token, made on first use.

        Raises:
            ConfigError: The disk refuses.
        """
        file = self.path / _TOKEN
        # One that others could read is not a secret any more.
        if not file.exists() or file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            write_atomically(file, secrets.token_urlsafe(32))
        return read_token(self.path)

    def write_ports(self, document: dict[str, Any]) -> None:
        """Say where this process listens, for others on this machine.

        Raises:
            ConfigError: The disk refuses.
        """
        write_atomically(port_file(self.path), {"pid": os.getpid(), **document})

    def _refuse_foreign(self) -> None:
        """Leave a directory alone that has files but not our format file, before any change."""
        names = {entry.name for entry in self.path.iterdir() if not entry.name.startswith(".")}
        if _FORMAT not in names and names - {_LOCK}:
            raise ConfigError(
                f"{self.path} holds something that is not steelyard's; choose another --data"
            )

    def _locked(self) -> TextIO:
        file = self.path / _LOCK
        try:
            make_private_file(file)
            lock = file.open("a+", encoding="ascii", errors="replace")
        except OSError as error:
            raise _unusable(self.path, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read(20).strip() or "unknown"
            lock.close()
            if error.errno not in _HELD:
                raise _unusable(self.path, error) from error
            raise ConfigError(
                f"{self.path} is in use by process {holder}; stop that one or choose another --data"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def _check_format(self) -> None:
        file = self.path / _FORMAT
        if not file.exists():
            write_atomically(file, f"{FORMAT}\n")
            return
        found = file.read_text(encoding="ascii", errors="replace").strip()
        if found == str(FORMAT):
            return
        if found.isdigit() and int(found) > FORMAT:
            raise ConfigError(
                f"{self.path} is of a newer steelyard (data format {int(found)}, this one reads "
                f"{FORMAT}); use a newer steelyard, or choose another --data"
            )
        raise ConfigError(
            f"{self.path} has data format {found[:20]}, this steelyard reads {FORMAT}; "
            "use the steelyard that wrote it, or choose another --data"
        )


def port_file(directory: Path) -> Path:
    """Return where a directory's process says on which ports it listens."""
    return directory / _PORTS


def latch_file(data: Path, bot: str) -> Path:
    """Return the file that keeps a killed bot from trading."""
    return data / "bots" / bot / "killed"


def bot_directories(data: Path) -> list[str]:
    """Return the names of the bots that have run in a data directory."""
    bots = data / "bots"
    if not bots.is_dir():
        return []
    return sorted(entry.name for entry in bots.iterdir() if (entry / _FORMAT).exists())


def read_token(directory: Path) -> str:
    """Return a directory's token.

    Raises:
        ConfigError: There is none, or it may not be read.
    """
    try:
        return (directory / _TOKEN).read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(
            f"no token in {directory}: {error.strerror}; run this as the user who started it"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"the token in {directory} is damaged; delete {_TOKEN} and restart"
        ) from error


def about_file(directory: Path) -> Path:
    """Return the file that says who a bot is, also when it does not run."""
    return directory / "bot.json"


def ended_file(directory: Path) -> Path:
    """Return the file in which a bot that has ended by itself says why; not there while it runs."""
    return directory / "ended.json"


def read_document(file: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a small JSON document.

    Raises:
        ConfigError: It is not there and `missing` is None, or it cannot be read.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        if missing is not None:
            return missing
        raise ConfigError(
            f"{file} is not there; the process it belongs to is not running"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{file} cannot be read: it is not a JSON object")
    return document


def is_alive(document: dict[str, Any]) -> bool:
    """Whether the process that wrote a port file is still there; a crash leaves the file behind."""
    try:
        pid = int(document["pid"])
        os.kill(pid, 0)
    except (KeyError, ValueError, TypeError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not _has_ended(pid)


def _has_ended(pid: int) -> bool:
    """Whether a process is only kept because whoever started it has not asked how it ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[:1] == [b"Z"]
    return False


def may_run(directory: Path) -> bool:
    """Whether a directory's process may be there, as it may where nothing can be read."""
    try:
        return is_alive(read_document(port_file(directory), missing={}))
    except ConfigError:
        return True


def ending_of(directory: Path) -> tuple[bool, str | None]:
    """Return whether a bot that is not there has ended without a word, and what it said if not.

    One that has ended in order says so in a file; one that never ran has nothing to say.

    Raises:
        ConfigError: Its files cannot be read.
    """
    if why := read_document(ended_file(directory), missing={}).get("why"):
        return False, str(why)
    has_run = bool(read_document(about_file(directory), missing={}))
    return has_run, WITHOUT_A_WORD if has_run else None


def write_atomically(file: Path, content: str | bytes | dict[str, Any]) -> None:
    """Write a file so that a reader sees the old one or the new one, readable by its owner only.

    Raises:
        ConfigError: The place cannot be written to.
    """
    if isinstance(content, dict):
        content = json.dumps(content)
    data = content.encode() if isinstance(content, str) else content
    try:
        replace_file(file, data)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error


def _made(path: Path) -> Path:
    try:
        make_private_directory(path)
    except FileExistsError as error:
        raise ConfigError(f"{error.filename} is a file; --data needs a directory") from error
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be made: {error.strerror}; choose another --data"
        ) from error
    if not os.access(path, os.R_OK | os.X_OK):
        raise ConfigError(f"{path} may not be read by this user; choose another --data")
    return path


def _unusable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be used: {error.strerror}; choose another --data")
