r"""Snapshots: the newest two, each whole or not there.

    DIR/00000000000000000042.snapshot     named for the last record that it includes
      steelyard snapshot 1\n
      u32 crc32 of sequence and body | u64 length of body | body, zlib

Invariants: a snapshot takes its place at once (written beside it, synced, renamed); what is read
is what was saved. A damaged one is passed over and named, and the older one serves, for which
the journal is kept long enough. It does not know what a snapshot is of.
"""

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from steelyard.domain.errors import ConfigError, StorageError
from steelyard.store.disk import (
    DiskFile,
    FileType,
    make_private_directory,
    remove_parts,
    replace_file,
)

FORMAT = 1
KEPT = 2

_MAGIC = b"steelyard snapshot "
_HEADER_LINE = _MAGIC + b"%d\n" % FORMAT
_HEAD = struct.Struct("<IQ")
_SEQUENCE = struct.Struct("<Q")


class Found(NamedTuple):
    """A snapshot and the sequence number of the last record that it includes."""

    sequence: int
    data: bytes


class Snapshots:
    """The snapshots of one directory."""

    def __init__(self, directory: Path, *, file_type: FileType = DiskFile) -> None:
        """Make the directory if it is not there.

        Raises:
            StorageError: The disk refuses.
        """
        self._directory = directory
        self._file_type = file_type
        self.damaged: list[str] = []
        try:
            make_private_directory(directory)
            remove_parts(directory)
        except OSError as error:
            raise StorageError(f"{directory} cannot be made: {error.strerror}") from error

    def save(self, sequence: int, data: bytes) -> None:
        """Keep a snapshot that includes all records up to `sequence`; drop all but the newest two.

        Raises:
            StorageError: The disk refuses; the older ones are as they were.
        """
        body = zlib.compress(data, 1)
        head = _HEAD.pack(_checksum(sequence, body), len(body))
        place = self._directory / f"{sequence:020d}.snapshot"
        try:
            replace_file(place, b"".join((_HEADER_LINE, head, body)), file_type=self._file_type)
            self.damaged = [name for name in self.damaged if name != place.name]
            kept = self._whole()[-KEPT:]
            for file in self._files():
                if file not in kept:
                    file.unlink()
        except OSError as error:
            raise StorageError(f"snapshot {place} cannot be saved: {error.strerror}") from error

    def latest(self) -> Found | None:
        """Return the newest whole snapshot; damaged ones are named in `damaged`.

        Raises:
            ConfigError: It is of another format.
        """
        for file in reversed(self._whole()):
            data = _read(file)
            if data is not None:
                return Found(int(file.stem), data)
            self.damaged.append(file.name)
        return None

    @property
    def repair(self) -> str:
        """One sentence on what was passed over, or nothing."""
        if not self.damaged:
            return ""
        return (
            f"damaged and passed over in {self._directory}: {', '.join(self.damaged)}; what "
            "the journal and any older snapshot hold served instead, so nothing is missing"
        )

    def oldest_sequence(self) -> int:
        """Return what the oldest kept snapshot includes: records up to it may go; 0 for none."""
        whole = self._whole()
        return int(whole[-KEPT].stem) if len(whole) >= KEPT else 0

    def _files(self) -> list[Path]:
        return sorted(self._directory.glob("[0-9]*.snapshot"))

    def _whole(self) -> list[Path]:
        return [file for file in self._files() if file.name not in self.damaged]


def _read(file: Path) -> bytes | None:
    """Return what a snapshot holds; None for a damaged one."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    start = len(_HEADER_LINE) + _HEAD.size
    if not content.startswith(_HEADER_LINE):
        _refuse_other_format(file, content)
        return None
    if len(content) < start:
        return None
    crc, length = _HEAD.unpack_from(content, len(_HEADER_LINE))
    body = content[start:]
    if len(body) != length or _checksum(int(file.stem), body) != crc:
        return None
    return zlib.decompress(body)


def _refuse_other_format(file: Path, content: bytes) -> None:
    line, newline, _ = content[: len(_MAGIC) + 12].partition(b"\n")
    version = line.removeprefix(_MAGIC)
    if newline and line.startswith(_MAGIC) and version.isdigit():
        raise ConfigError(
            f"{file} has snapshot format {int(version)}, this steelyard reads {FORMAT}; "
            "use the steelyard that wrote it, or choose another --data"
        )


def _checksum(sequence: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_SEQUENCE.pack(sequence)))
