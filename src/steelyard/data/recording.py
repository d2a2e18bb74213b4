"""Writing a recording: lines of `<local nanoseconds> <frame>`, packed by gzip, one file.

Frames stand as they were received. What waits is written as whole gzip members, so the file can be
read while it grows and after a crash loses no more than what was waiting; a file that is there
already is gone on with. Where frames lack, because a connection broke or a file is gone on with, a
line of the stream `steelyard@gap` says from when to when: no reader takes it for a market's.
"""

import gzip
import zlib
from pathlib import Path
from typing import Self

import msgspec

from steelyard.domain.errors import ConfigError, StorageError

PACK_LEVEL = 6
READ_BYTES = 1 << 20
WAITING_MAX_BYTES = 64 << 20  # unpacked; more means that the disk does not keep up


class TapeWriter:
    """One recording that is being written."""

    def __init__(self, path: Path, limit_bytes: int | None = None) -> None:
        """Begin a file, or go on with it.

        Args:
            path: Where; its folder has to be there.
            limit_bytes: How large the file may become, packed.

        Raises:
            ConfigError: It cannot be written.
        """
        self.path = path
        self.frames = 0
        self.gaps = 0
        self.last_ns = 0
        self._limit_bytes = limit_bytes
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._gap: tuple[int, str] | None = None  # since when frames lack, and why
        try:
            self._bytes = whole_bytes(path) if path.exists() else 0
            self._file = path.open("r+b" if self._bytes else "wb")
            self._file.truncate(self._bytes)  # the rest of a write that was cut short
            self._file.seek(self._bytes)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
        if self._bytes:
            self._gap = (0, "the recording was ended and gone on with")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        self._file.close()
        if not self._bytes:
            self.path.unlink(missing_ok=True)  # there is nothing in it

    @property
    def size_bytes(self) -> int:
        """How large the file is, without what waits."""
        return self._bytes

    @property
    def is_full(self) -> bool:
        """Whether it is as large as it may become."""
        return self._limit_bytes is not None and self._bytes >= self._limit_bytes

    def take(self, frame: str | bytes, now_ns: int) -> None:
        """Take a frame that was received then.

        Raises:
            StorageError: So much waits that the disk cannot be keeping up.
        """
        raw = frame.encode() if isinstance(frame, str) else frame
        now_ns = max(now_ns, self.last_ns)
        if self._gap is not None:
            since_ns, why = self._gap
            mark = msgspec.json.encode({"from_ns": since_ns, "to_ns": now_ns, "why": why})
            # It is a market's line that has to come first: by it a player knows the file.
            self._gap = None
            self.gaps += 1
            self._add(now_ns, b'{"stream":"steelyard@gap","data":' + mark + b"}")
        self._add(now_ns, raw.replace(b"\n", b" "))
        self.frames += 1
        self.last_ns = now_ns

    def broken(self, why: str) -> None:
        """Say that frames lack from the last one on, until the next."""
        if self.last_ns and self._gap is None:
            self._gap = (self.last_ns, why)

    def flush(self) -> None:
        """Write what waits as one gzip member.

        Raises:
            StorageError: The disk refuses.
        """
        if not self._waiting:
            return
        packed = gzip.compress(b"".join(self._waiting), PACK_LEVEL)
        self._waiting, self._waiting_bytes = [], 0
        try:
            self._file.write(packed)
            self._file.flush()
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error.strerror}") from error
        self._bytes += len(packed)

    def _add(self, now_ns: int, raw: bytes) -> None:
        line = b"%d %b\n" % (now_ns, raw)
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        if self._waiting_bytes > WAITING_MAX_BYTES:
            raise StorageError(f"{self.path}: the disk does not keep up with the market")


def whole_bytes(path: Path) -> int:
    """Return where the last whole gzip member of a file ends.

    Raises:
        ConfigError: It is no gzip file.
    """
    end = at = 0
    member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            while block:
                try:
                    member.decompress(block)
                except zlib.error as error:
                    if not end:
                        raise ConfigError(f"{path} is there, and no recording: {error}") from error
                    return end
                at += len(block) - len(member.unused_data)
                if not member.eof:
                    break
                block, end = member.unused_data, at
                member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    return end
