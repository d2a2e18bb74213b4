"""A data directory: what is where, who holds it, and what an older one means.

    DIR/exchange/            one exchange: journal, snapshots, lock, ports.json, admin.token
    DIR/bots/NAME/           one bot, the same way
    (user's config)/seal.key never in DIR, so that a copy of DIR cannot open secrets

One directory is one environment. A lock belongs to a process and goes with it, however it
ends. Every failure is one sentence that names the path and the way out.
"""

import fcntl
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import platformdirs

from steelyard.domain.errors import ConfigError

FORMAT = 1
PRIVATE_DIRECTORY, PRIVATE_FILE = 0o700, 0o600


def default_directory() -> Path:
    """Return where data goes when nobody says otherwise."""
    return Path(platformdirs.user_data_dir("steelyard", appauthor=False))


def config_directory() -> Path:
    """Return where the user's own keys are; made, private, if it is not there."""
    path = Path(platformdirs.user_config_dir("steelyard", appauthor=False))
    return _made(path)


class Directory:
    """One exchange's or bot's directory, held by this process until `close`."""

    def __init__(self, path: Path) -> None:
        """Make it if need be, and lock it.

        Raises:
            ConfigError: Not a directory, not writable, of another format, or held by another.
        """
        self.path = _made(path)
        self._check_format()
        self._lock = self._locked()

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
        """Return the directory's token, made on first use."""
        file = self.path / "admin.token"
        if not file.exists():
            write_atomically(file, secrets.token_urlsafe(32))
        return read_token(self.path)

    def write_ports(self, document: dict[str, Any]) -> None:
        """Say where this process listens, for others on this machine."""
        write_atomically(port_file(self.path), json.dumps({"pid": os.getpid(), **document}))

    def _locked(self) -> Any:
        file = self.path / "lock"
        lock = file.open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read(20).strip() or "unknown"
            lock.close()
            raise ConfigError(
                f"{self.path} is in use by process {holder}; stop that one or choose another --data"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def _check_format(self) -> None:
        file = self.path / "format"
        if not file.exists():
            if any(name != "lock" for name in os.listdir(self.path)):
                raise ConfigError(
                    f"{self.path} holds something that is not steelyard's; choose another --data"
                )
            write_atomically(file, f"{FORMAT}\n")
            return
        found = file.read_text(encoding="ascii", errors="replace").strip()
        if found != str(FORMAT):
            raise ConfigError(
                f"{self.path} has data format {found[:20]}, this steelyard reads {FORMAT}; "
                "use the steelyard that wrote it, or choose another --data"
            )


def port_file(directory: Path) -> Path:
    """Return where a directory's process says on which ports it listens."""
    return directory / "ports.json"


def latch_file(data: Path, bot: str) -> Path:
    """Return the file that keeps a killed bot from trading."""
    return data / "bots" / bot / "killed"


def bot_directories(data: Path) -> list[str]:
    """Return the names of the bots that have run in a data directory."""
    bots = data / "bots"
    if not bots.is_dir():
        return []
    return sorted(entry.name for entry in bots.iterdir() if (entry / "format").exists())


def read_token(directory: Path) -> str:
    """Return a directory's token.

    Raises:
        ConfigError: There is none, or it may not be read.
    """
    try:
        return (directory / "admin.token").read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(
            f"no token in {directory}: {error.strerror}; run this as the user who started it"
        ) from error


def read_document(file: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a small JSON document.

    Raises:
        ConfigError: It is not there and `missing` is None, or it cannot be read.
    """
    try:
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        if missing is not None:
            return missing
        raise ConfigError(
            f"{file} is not there; the process it belongs to is not running"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    return document


def write_atomically(file: Path, content: str | bytes | dict[str, Any]) -> None:
    """Write a file so that a reader sees the old one or the new one, readable by its owner only.

    Raises:
        ConfigError: The place cannot be written to.
    """
    if isinstance(content, dict):
        content = json.dumps(content)
    data = content.encode() if isinstance(content, str) else content
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error


def _made(path: Path) -> Path:
    try:
        path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ConfigError(f"{path} is a file; --data needs a directory") from error
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be made: {error.strerror}; choose another --data"
        ) from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigError(f"{path} is not writable by this user; choose another --data")
    return path
