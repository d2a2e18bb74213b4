"""What durable files need of a disk, and nothing more: whole writes, real syncs, atomic names.

A write that returned may still be in a cache; after `sync` it is on the medium. A new or renamed
file is there for sure only when its directory has been synced too. Failures are `OSError`:
what one means is the caller's to say.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol

PRIVATE_DIRECTORY, PRIVATE_FILE = 0o700, 0o600
PART = ".part"  # how the name of a file ends that is not in place yet


class Batch(Protocol):
    """What is written at once; bytes, or memory that becomes bytes where a file needs them."""

    def __len__(self) -> int:
        """How many bytes it has."""

    def __bytes__(self) -> bytes:
        """Return them."""


class Writer(Protocol):
    """What has batches written meanwhile, one at a time; `_native.BatchWriter` does."""

    def fileno(self) -> int:
        """Return a descriptor that can be read when one is done."""
        ...

    def take(self) -> int:
        """Return how many ns the disk took for the one that is done, or raise OSError."""
        ...


class DiskFile:
    """One open file that is written at given places. Tests hand in one that fails or is slow."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open a file for writing; `create` makes it, and it must not be there yet."""
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if create else 0)
        self._descriptor = os.open(path, flags, PRIVATE_FILE)

    def write(self, offset: int, data: bytes) -> None:
        """Write all of it there."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            view, offset = view[written:], offset + written

    def sync(self) -> None:
        """Return when what was written is on the medium."""
        sync(self._descriptor)

    def put(self, offset: int, batch: Batch, room_bytes: int) -> None:
        """Write a batch and so many zeros behind it; return when they are on the medium."""
        self.write(offset, bytes(batch) + bytes(room_bytes))
        self.sync()

    def hand_over(self, _writer: Any, _offset: int, _batch: Batch, _room_bytes: int) -> bool:
        """Have a writer `put` a batch there meanwhile; False: this file hands none over."""
        return False

    def cut(self, size: int) -> None:
        """Make the file that long."""
        os.ftruncate(self._descriptor, size)

    def close(self) -> None:
        """Let go of it; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


FileType = Callable[..., DiskFile]


def sync(descriptor: int) -> None:
    """Bring a file's data, and as much of its size as is needed to read it, to the medium."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 not everywhere

        # There fsync stops at the drive's cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def sync_directory(directory: Path) -> None:
    """Bring a directory's names to the medium."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes, *, file_type: FileType = DiskFile) -> None:
    """Put a file in place so that whoever looks, even after a power cut, sees the old or the new.

    Only its owner may read it.
    """
    part = path.with_name(f".{path.name}.{token_hex(4)}{PART}")
    file = file_type(part, create=True)
    try:
        file.write(0, data)
        file.sync()
        file.close()
        part.replace(path)
    except BaseException:
        file.close()
        part.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def remove_parts(directory: Path) -> None:
    """Remove what `replace_file` left where a process was killed in the middle of it."""
    for part in directory.glob(f".*{PART}"):
        part.unlink(missing_ok=True)


def make_private_file(path: Path) -> None:
    """Make an empty file if it is not there; either way only its owner may read it."""
    path.touch(mode=PRIVATE_FILE)
    path.chmod(PRIVATE_FILE)  # it may be of an older version


def make_private_directory(directory: Path) -> None:
    """Make a directory and what is missing above it, for their owner only.

    Another program may do the same at the same time.
    """
    if not directory.parent.is_dir():
        make_private_directory(directory.parent)
    if not directory.is_dir():
        directory.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
        sync_directory(directory.parent)
