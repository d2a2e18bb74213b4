"""Who of a host's bots sees to something that an account has only one of, such as its dead man.

The invariant: one process has it, and it goes with the process, however that ends. Names are
digests, as in `pacing`.
"""

import fcntl
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from steelyard.domain.errors import ConfigError
from steelyard.store.disk import make_private_directory, make_private_file

SUFFIX = ".owner"


class Taken(ConfigError):
    """Another process of this host has it."""


class Ownership:
    """A lock on what the names tell, held until `close`."""

    def __init__(self, directory: Path, what: str, *names: str) -> None:
        """Take it.

        Raises:
            Taken: Another process of this host has it.
            ConfigError: The disk refuses.
        """
        path = path_of(directory, what, names)
        file: TextIO | None = None
        try:
            make_private_directory(directory)
            make_private_file(path)
            file = path.open("a+", encoding="ascii", errors="replace")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            assert file is not None, "it was opened before it was locked"
            file.seek(0)
            holder = file.read(20).strip() or "unknown"
            file.close()
            raise Taken(f"process {holder} of this machine has it") from None
        except OSError as error:
            if file is not None:
                file.close()
            raise ConfigError(f"{path} cannot be used: {error.strerror}") from error
        self._file = file
        with suppress(OSError):  # on a full disk the others are told no number
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()

    def close(self) -> None:
        """Let go of it; safe to call twice."""
        with suppress(OSError):  # what it could not say on a full disk
            self._file.close()


def holder_of(directory: Path, what: str, *names: str) -> str | None:
    """Return the id of the process that has it; None: nobody has."""
    pid = ""
    try:
        with path_of(directory, what, names).open(encoding="ascii", errors="replace") as file:
            pid = file.read(20).strip()
            # Whoever begins now is not to find it locked by who only looks: the dead are known.
            if not pid.isdecimal() or not _is_alive(int(pid)):
                return None
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return pid
    except OSError:
        pass
    return None


def held_since_ns(directory: Path, what: str, *names: str) -> int | None:
    """Return when the process that has it took it; None: nobody has."""
    if holder_of(directory, what, *names) is None:
        return None
    try:
        return path_of(directory, what, names).stat().st_mtime_ns
    except OSError:
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def path_of(directory: Path, what: str, names: tuple[str, ...]) -> Path:
    """Return the file that is locked."""
    digest = sha256("\0".join(names).encode()).hexdigest()[:16]
    return directory / f"{what}.{digest}{SUFFIX}"
