"""A journal's file whose batches go to the disk past the page cache.

Native batches stand in memory as they will in the file, block by block, so the disk takes them
from where they were gathered: no copy, no pages to mark and walk, and one wait instead of two.
Otherwise it is a `DiskFile`, which is what it is held against. Where the file system or the
platform takes no such writes, they are ordinary ones, still in one native call.
"""

import os
from pathlib import Path

from steelyard._native import BatchWriter, BlockFile
from steelyard.store.disk import Batch, DiskFile

# Each write is durable when it returns, and where the disk can, that is one command to it.
_FLAGS = os.O_DIRECT | os.O_DSYNC if hasattr(os, "O_DIRECT") else 0


class DirectFile(DiskFile):
    """One open file whose batches are written natively."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open a file for writing, as a `DiskFile`."""
        super().__init__(path, create=create)
        try:
            self._blocks = BlockFile(path, _FLAGS)
        except OSError:
            super().close()
            raise
        # Nothing stands between: after a wait for the disk, every function of Python's is cold.
        self.put = self._blocks.put  # type: ignore[method-assign]

    def hand_over(self, writer: BatchWriter, offset: int, batch: Batch, room_bytes: int) -> bool:
        """Have a native writer put a batch there, if it is a native one."""
        return writer.write(self._blocks, offset, batch, room_bytes)

    def write(self, offset: int, data: bytes) -> None:
        """Write all of it there."""
        self._blocks.forget()
        super().write(offset, data)

    def cut(self, size: int) -> None:
        """Make the file that long."""
        self._blocks.forget()
        super().cut(size)

    def close(self) -> None:
        """Let go of it; safe to call twice."""
        self._blocks.close()
        super().close()
