"""Snapshots: the newest two, each whole or not there.

A snapshot is written beside its place, synced, and renamed. Its name is the sequence number
that it includes; its first bytes are magic, a checksum and the length. A damaged one is
skipped, and said so; the journal is kept long enough for the one before.
"""

import os
import zlib
from pathlib import Path
from typing import NamedTuple

from steelyard.domain.errors import StorageError

MAGIC = b"steelyard snapshot 1\n"
KEPT = 2


class Found(NamedTuple):
    """A snapshot and the sequence number of the last record that it includes."""

    sequence: int
    data: bytes


class Snapshots:
    """The snapshots of one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.damaged: list[str] = []
        directory.mkdir(mode=0o700, exist_ok=True)

    def save(self, sequence: int, data: bytes) -> None:
        """Keep a snapshot, and drop all but the newest ones.

        Raises:
            StorageError: The disk refuses; the older ones are as they were.
        """
        body = zlib.compress(data, 1)
        head = MAGIC + zlib.crc32(body).to_bytes(4, "little") + len(body).to_bytes(8, "little")
        place = self._directory / f"{sequence:020d}.snapshot"
        temporary = place.with_suffix(".part")
        try:
            with temporary.open("wb") as file:
                file.write(head + body)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(place)
            _sync_directory(self._directory)
            for old in self._files()[:-KEPT]:
                old.unlink()
        except OSError as error:
            raise StorageError(f"snapshot {place} cannot be written: {error.strerror}") from error

    def latest(self) -> Found | None:
        """Return the newest whole snapshot; damaged ones are named in `damaged`."""
        for file in reversed(self._files()):
            data = _read(file)
            if data is not None:
                return Found(int(file.stem), data)
            self.damaged.append(file.name)
        return None

    def oldest_sequence(self) -> int:
        """Return what the oldest kept snapshot includes: records up to it may go; 0 for none."""
        files = self._files()
        return int(files[0].stem) if len(files) == KEPT else 0

    def _files(self) -> list[Path]:
        return sorted(self._directory.glob("[0-9]*.snapshot"))


def _read(file: Path) -> bytes | None:
    content = file.read_bytes()
    start = len(MAGIC) + 12
    body = content[start:]
    if not content.startswith(MAGIC) or len(content) < start:
        return None
    crc, length = content[len(MAGIC) : len(MAGIC) + 4], content[len(MAGIC) + 4 : start]
    if len(body) != int.from_bytes(length, "little"):
        return None
    if zlib.crc32(body) != int.from_bytes(crc, "little"):
        return None
    return zlib.decompress(body)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
