"""What keeps a process's memory out of files: a core dump holds every secret that it knows.

The limit on core files stops the kernel's own; on Linux a process that is not dumpable is not
handed to a crash reporter either, and its environment and memory are closed to other processes of
the same user, root apart. What the process itself writes is not this module's to keep.
"""

import resource
import sys
from contextlib import suppress

PR_SET_DUMPABLE = 4


def keep_out_of_dumps() -> None:
    """Have no crash of this process write its memory anywhere."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 nobody else needs it

        with suppress(OSError, AttributeError):  # another libc: the limit has to do
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
