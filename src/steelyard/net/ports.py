"""Who listens on a port, for error messages: Linux tells without privileges, others do not."""

import os
from contextlib import suppress
from pathlib import Path

_LISTEN = "0A"


def holder_of(port: int) -> str:
    """Return ` (by process 123, name)` for a port that is taken, or an empty text."""
    with suppress(OSError, ValueError):
        inodes = _listening_inodes(port)
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and _holds(process, inodes):
                name = (process / "comm").read_text(encoding="utf-8").strip()
                return f" (by process {process.name}, {name})"
    return ""


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _holds(process: Path, inodes: set[str]) -> bool:
    with suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with suppress(OSError):
                target = os.readlink(descriptor)  # noqa: PTH115 a socket is no path
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    return True
    return False
