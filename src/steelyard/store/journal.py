"""The append-only journal: segments of checked records, durable by the batch.

    0000000000000000001.log     named for its first sequence
      magic and version, 16 bytes
      u32 length | u32 crc32 of sequence and payload | u64 sequence | payload    ... repeated

Invariants: sequences start at 1 and have no gap; what `commit` has returned for is on disk. A
record that was being written when the power went (the tail of the last segment) is cut off and
counted in `torn_bytes`; anything damaged before that refuses to open and is named. After the
disk has refused once, the journal takes nothing more: what memory holds beyond it was never
acknowledged.
"""

import os
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from steelyard.domain.errors import ConfigError, StorageError

MAGIC = b"steelyard.log\x00\x00\x01"
HEADER = struct.Struct("<IIQ")
SEQUENCE = struct.Struct("<Q")
SEGMENT_BYTES = 64 << 20
PAYLOAD_MAX_BYTES = 4 << 20
BUFFER_MAX_BYTES = 64 << 20  # unwritten records; beyond it the disk does not keep up


class Journal:
    """One directory of segments, open for appending."""

    def __init__(self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Check the newest segment and continue it.

        Raises:
            ConfigError: A record is damaged or missing, or the format is another one's.
            StorageError: The disk refuses.
        """
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._buffer: list[bytes] = []
        self._buffered_bytes = 0
        self._failure: StorageError | None = None
        self.torn_bytes = 0
        directory.mkdir(mode=0o700, exist_ok=True)
        segments = self._segments()
        if not segments:
            segments = [self._new_segment(1)]
        self.last_sequence = int(segments[-1].stem) - 1
        end = self._check_tail(segments[-1])
        self._file = segments[-1].open("r+b", buffering=0)
        self._file.seek(end)
        self._end = end

    # -- reading ------------------------------------------------------------------------------

    def records(self, after: int) -> Iterator[tuple[int, bytes]]:
        """Yield (sequence, payload) of every durable record after a sequence.

        Raises:
            ConfigError: A record is damaged or missing; the message names it.
        """
        segments = self._segments()
        starts = [int(segment.stem) for segment in segments]
        if starts[0] > after + 1:
            raise ConfigError(
                f"records {after + 1} to {starts[0] - 1} are missing from {self._directory}"
            )
        expected = None
        for number, segment in enumerate(segments):
            if number + 1 < len(starts) and starts[number + 1] <= after + 1:
                continue
            if expected is not None and starts[number] != expected:
                raise ConfigError(f"record {expected} is missing from {self._directory}")
            expected = starts[number]
            for sequence, payload in self._read(segment, starts[number]):
                expected = sequence + 1
                if sequence > after:
                    yield sequence, payload

    def _read(self, segment: Path, first: int) -> Iterator[tuple[int, bytes]]:
        """Yield a segment's records; stops at its end, which may be torn in the last one."""
        expected = first
        with segment.open("rb") as file:
            check_magic(file, segment)
            while True:
                at = file.tell()
                head = file.read(HEADER.size)
                if not head.strip(b"\0"):
                    return
                length, crc, sequence = HEADER.unpack(head.ljust(HEADER.size, b"\0"))
                payload = file.read(min(length, PAYLOAD_MAX_BYTES + 1))
                is_whole = (
                    len(head) == HEADER.size
                    and len(payload) == length
                    and sequence == expected
                    and zlib.crc32(payload, zlib.crc32(SEQUENCE.pack(sequence))) == crc
                )
                if not is_whole:
                    raise Damaged(segment, at, expected)
                yield sequence, payload
                expected += 1

    def _check_tail(self, segment: Path) -> int:
        """Find the end of the newest segment; cut off a record that was being written."""
        end = len(MAGIC)
        try:
            for sequence, payload in self._read(segment, int(segment.stem)):
                self.last_sequence = sequence
                end += HEADER.size + len(payload)
        except Damaged as damaged:
            if self._is_followed(segment, damaged):
                raise
            with segment.open("r+b") as file:
                file.seek(0, os.SEEK_END)
                self.torn_bytes = file.tell() - end
                file.truncate(end)
                sync(file)
        else:
            # Zeros behind the last record are space made beforehand.
            if segment.stat().st_size > end:
                os.truncate(segment, end)
        return end

    @staticmethod
    def _is_followed(segment: Path, damaged: "Damaged") -> bool:
        """Whether a whole record stands behind a damaged one: then it was not the tail."""
        content = segment.read_bytes()
        for number in range(damaged.sequence + 1, damaged.sequence + 4):
            needle = SEQUENCE.pack(number)
            at = content.find(needle, damaged.offset)
            while at >= 0:
                start = at - 8
                length, crc, sequence = HEADER.unpack_from(content, start)
                payload = content[start + HEADER.size : start + HEADER.size + length]
                fits = len(payload) == length and sequence == number
                if fits and zlib.crc32(payload, zlib.crc32(needle)) == crc:
                    return True
                at = content.find(needle, at + 1)
        return False

    # -- writing ------------------------------------------------------------------------------

    def append(self, payload: bytes) -> int:
        """Take a record for the next commit; return its sequence.

        Raises:
            StorageError: The disk has refused, or too much is waiting for it.
        """
        if self._failure is not None:
            raise self._failure
        if len(payload) > PAYLOAD_MAX_BYTES:
            raise StorageError(f"a record of {len(payload)} bytes is too long for the journal")
        if self._buffered_bytes > BUFFER_MAX_BYTES:
            raise self._fail("the disk does not keep up with the journal")
        self.last_sequence += 1
        sequence = self.last_sequence
        crc = zlib.crc32(payload, zlib.crc32(SEQUENCE.pack(sequence)))
        self._buffer.append(HEADER.pack(len(payload), crc, sequence) + payload)
        self._buffered_bytes += len(self._buffer[-1])
        return sequence

    def take(self) -> tuple[int, bytes]:
        """Hand over what has been appended: the last sequence of it, and its bytes."""
        batch, self._buffer = b"".join(self._buffer), []
        self._buffered_bytes = 0
        return self.last_sequence, batch

    def write(self, last_sequence: int, batch: bytes) -> None:
        """Make a batch durable. May run in another thread than `append`; one at a time.

        Raises:
            StorageError: The disk refuses; nothing of the batch counts.
        """
        if self._failure is not None:
            raise self._failure
        try:
            view = memoryview(batch)
            while view:
                view = view[self._file.write(view) or 0 :]
            sync(self._file)
            self._end += len(batch)
            if self._end >= self._segment_bytes:
                self._file.close()
                self._file = self._new_segment(last_sequence + 1).open("r+b", buffering=0)
                self._end = self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise self._fail(f"the journal cannot be written: {error.strerror}") from error

    def commit(self) -> int:
        """Make everything appended durable, here and now; return the last sequence of it."""
        last_sequence, batch = self.take()
        if batch:
            self.write(last_sequence, batch)
        return last_sequence

    def retire(self, before: int) -> None:
        """Delete segments that hold only records before a sequence."""
        segments = self._segments()
        for segment, following in zip(segments, segments[1:], strict=False):
            if int(following.stem) <= before:
                segment.unlink()

    def close(self) -> None:
        """Let go of the file; what was not committed is not kept."""
        self._file.close()

    def _segments(self) -> list[Path]:
        return sorted(self._directory.glob("[0-9]*.log"))

    def _new_segment(self, first: int) -> Path:
        segment = self._directory / f"{first:020d}.log"
        try:
            with segment.open("xb") as file:
                file.write(MAGIC)
                sync(file)
            descriptor = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._fail(f"{segment} cannot be made: {error.strerror}") from error
        return segment

    def _fail(self, message: str) -> StorageError:
        self._failure = StorageError(f"{message} ({self._directory})")
        return self._failure


class Damaged(ConfigError):
    """A record does not check out."""

    def __init__(self, segment: Path, offset: int, sequence: int) -> None:
        super().__init__(
            f"journal record {sequence} is damaged: {segment}, byte {offset}. "
            "Restore the directory from a copy; nothing after it can be trusted"
        )
        self.offset = offset
        self.sequence = sequence


def check_magic(file: BinaryIO, segment: Path) -> None:
    """Refuse a file that is not a segment of this version."""
    magic = file.read(len(MAGIC))
    if magic[:-1] != MAGIC[:-1]:
        raise ConfigError(f"{segment} is not a steelyard journal")
    if magic != MAGIC:
        raise ConfigError(
            f"{segment} is a journal of version {magic[-1]}, this steelyard reads {MAGIC[-1]}; "
            "use the steelyard that wrote it, or another --data"
        )


def sync(file: BinaryIO) -> None:
    """Put a file's data on the platter, not into a cache."""
    file.flush()
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 not everywhere

        fcntl.fcntl(file.fileno(), fcntl.F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(file.fileno())
    else:
        os.fsync(file.fileno())
