"""Who listens on a port, for error messages: Linux tells without privileges, others do not."""

import os
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
_LISTEN = "0A"


def holder_of(port: int, proc: Path = PROC) -> str:
    """Return ` (by process 123, name)` for a port that is taken, or an empty text."""
    with suppress(OSError):
        inodes = _listening_inodes(port, proc)
        for process in sorted(proc.iterdir()) if inodes else ():
            if process.name.isdigit() and _holds(process, inodes):
                return f" (by process {process.name}, {_name(process)})"
    return ""


def _listening_inodes(port: int, proc: Path) -> set[str]:
    found = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):  # a system without IPv6 has no tcp6
            for line in (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(fields[9])
    return found


def _holds(process: Path, inodes: set[str]) -> bool:
    with suppress(OSError):  # another user's, or gone by now
        for descriptor in (process / "fd").iterdir():
            with suppress(OSError):
                target = os.readlink(descriptor)  # noqa: PTH115 a socket is no path
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    return True
    return False


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "which has just ended"
