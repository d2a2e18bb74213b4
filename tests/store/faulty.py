"""A disk that refuses, tears or waits on command: what tests hand to the journal as its files."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from threading import Event

from steelyard.store.disk import DiskFile


class FaultyDisk:
    """Makes files whose nth operation fails, once and for ever after.

    A failing write leaves half of its bytes, as a full disk does.
    """

    def __init__(self, fail_at: int | None = None, error: int = errno.ENOSPC) -> None:
        self.fail_at = fail_at
        self.error = error
        self.operations = 0

    def open(self, path: Path, *, create: bool = False) -> "FaultyFile":
        self.check()
        return FaultyFile(self, path, create=create)

    def check(self, partly: Callable[[], None] = lambda: None) -> None:
        """Count an operation; the chosen one and all later ones fail."""
        self.operations += 1
        if self.fail_at is not None and self.operations >= self.fail_at:
            if self.operations == self.fail_at:
                partly()
            raise OSError(self.error, os.strerror(self.error))


class FaultyFile(DiskFile):
    def __init__(self, disk: FaultyDisk, path: Path, *, create: bool = False) -> None:
        super().__init__(path, create=create)
        self._disk = disk

    def write(self, offset: int, data: bytes) -> None:
        half = data[: len(data) // 2]
        self._disk.check(lambda: super(FaultyFile, self).write(offset, half))
        super().write(offset, data)

    def sync(self) -> None:
        self._disk.check()
        super().sync()


class SlowDisk:
    """Makes files whose syncs wait, one at a time, until `let` is set; `reached` says one waits.

    With `error` set, what has waited fails.
    """

    def __init__(self) -> None:
        self.is_slow = False
        self.error: int | None = None
        self.reached, self.let = Event(), Event()
        self.syncs = 0

    def open(self, path: Path, *, create: bool = False) -> "SlowFile":
        return SlowFile(self, path, create=create)


class SlowFile(DiskFile):
    def __init__(self, disk: SlowDisk, path: Path, *, create: bool = False) -> None:
        super().__init__(path, create=create)
        self._disk = disk

    def sync(self) -> None:
        disk = self._disk
        if disk.is_slow:
            disk.reached.set()
            assert disk.let.wait(30), "the test forgot the disk"
            disk.let.clear()
        if disk.error is not None:
            raise OSError(disk.error, os.strerror(disk.error))
        super().sync()
        disk.syncs += 1
