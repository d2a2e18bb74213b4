r"""The form of one journal file, and the judgment of a damaged one.

    steelyard journal 1\n
    u32 length, top bit: begins a batch | u32 crc32 | u64 sequence | payload      ... repeated
    zeros                                                        room made beforehand, or nothing

Integers are little-endian; the checksum (zlib's) covers length, sequence and payload. A batch is
what one sync made durable, so a later batch proves every earlier one. From this follows what an
unreadable record means. It was being written when the power went, and nobody was told of it, if
no later batch exists and bytes of it are *missing*: the file ends inside it, or it has a zero
sector or a zero end. Everything else is damage to what was acknowledged. The one doubt: damage
inside the very last record, if that ends in zeros, looks like a torn write.

Pure functions over bytes; files are the journal's.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from steelyard.domain.errors import ConfigError

FORMAT = 1
MAGIC = b"steelyard journal "
HEADER_LINE = MAGIC + b"%d\n" % FORMAT
HEADER_LINE_MAX_BYTES = len(MAGIC) + 12
PAYLOAD_MAX_BYTES = 4 << 20
RUN_MAX = 4_096  # records that are handed over at once
SECTOR_BYTES = 512  # what a disk writes whole or not at all

_HEAD = struct.Struct("<IIQ")
_CHECKED = struct.Struct("<IQ")
_BEGINS_BATCH = 1 << 31
HEAD_BYTES = _HEAD.size


class Damaged(ConfigError):
    """A record that must be there cannot be read."""

    def __init__(self, file: Path, offset: int, sequence: int) -> None:
        super().__init__(
            f"journal record {sequence} is damaged: {file}, byte {offset}; nothing after it can "
            "be trusted. Restore the directory from a copy, or choose another --data"
        )
        self.offset = offset
        self.sequence = sequence


class Read(NamedTuple):
    """One whole record and where it stands."""

    offset: int
    sequence: int
    payload: bytes
    begins_batch: bool

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.offset + HEAD_BYTES + len(self.payload)


class Run(NamedTuple):
    """Whole records that follow each other, and where they end."""

    first_sequence: int
    payloads: list[bytes]
    end: int

    @property
    def last_sequence(self) -> int:
        """The sequence of the last one."""
        return self.first_sequence + len(self.payloads) - 1


class End(NamedTuple):
    """Where a segment's records end, and how many bytes behind that were a torn write."""

    offset: int
    last_sequence: int
    torn_bytes: int


def encode_records(payloads: list[bytes], first_sequence: int, begins_batch: bool) -> bytes:  # noqa: FBT001 as the native one
    """Return payloads as records, one after the other.

    Raises:
        ValueError: One is longer than `PAYLOAD_MAX_BYTES`.
    """
    found = []
    mark = _BEGINS_BATCH if begins_batch else 0
    for sequence, payload in enumerate(payloads, first_sequence):
        if len(payload) > PAYLOAD_MAX_BYTES:
            raise ValueError(f"a record of {len(payload)} bytes is too long for the journal")
        word = len(payload) | mark
        crc = zlib.crc32(payload, zlib.crc32(_CHECKED.pack(word, sequence)))
        found += [_HEAD.pack(word, crc, sequence), payload]
        mark = 0
    return b"".join(found)


def read_records(
    content: bytes, at: int, first_sequence: int, count_max: int
) -> tuple[list[bytes], int]:
    """Return the payloads of the whole records from a place on that have these sequences.

    With them comes where they end: in front of the first that is not whole, or has another one.
    """
    payloads: list[bytes] = []
    while len(payloads) < count_max and (record := _record_at(content, at)):
        if record.sequence != first_sequence + len(payloads):
            break
        payloads.append(record.payload)
        at = record.end
    return payloads, at


encode, read = encode_records, read_records
with suppress(ImportError):  # where none was built
    # The same in a fifteenth of the time: else the disk would wait for Python, and a start too.
    from steelyard import _native

    encode, read = _native.encode_records, _native.read_records


def first_sequence(batch: bytes) -> int:
    """Return the sequence of a batch's first record."""
    sequence: int = _HEAD.unpack_from(batch)[2]
    return sequence


def runs(content: bytes, file: Path, first: int) -> Iterator[Run]:
    """Yield a finished segment's records, many at a time.

    Raises:
        ConfigError: Not a segment of this format.
        Damaged: One cannot be read; the message names it.
    """
    at = header_end(content, file)
    expected = first
    while True:
        payloads, at = read(content, at, expected, RUN_MAX)
        if not payloads:
            break
        yield Run(expected, payloads, at)
        expected += len(payloads)
    if not _is_zero(content, at):
        raise Damaged(file, at, expected)


def end_of_last(content: bytes, file: Path, first: int) -> End:
    """Return where the newest segment's records end.

    Raises:
        ConfigError: Not a segment of this format.
        Damaged: A record that has been acknowledged cannot be read.
    """
    written = content.rstrip(b"\0")
    if not content.startswith(HEADER_LINE) and HEADER_LINE.startswith(written):
        return End(0, first - 1, len(written))  # it was just being made
    end, last = header_end(content, file), first - 1
    try:
        for run in runs(content, file, first):
            end, last = run.end, run.last_sequence
    except Damaged as damaged:
        if not _is_torn(content, damaged.offset, damaged.sequence):
            raise
    else:
        return End(end, last, 0)
    return End(end, last, len(written) - end)


def header_end(content: bytes, file: Path) -> int:
    """Return where the records begin.

    Raises:
        ConfigError: Not a segment, or of a format that is not ours.
    """
    if content.startswith(HEADER_LINE):
        return len(HEADER_LINE)
    line, newline, _ = content[:HEADER_LINE_MAX_BYTES].partition(b"\n")
    version = line.removeprefix(MAGIC)
    if not newline or not line.startswith(MAGIC) or not version.isdigit():
        raise ConfigError(
            f"{file} is not a steelyard journal; move it away, or choose another --data"
        )
    raise ConfigError(
        f"{file} has journal format {int(version)}, this steelyard reads {FORMAT}; "
        "use the steelyard that wrote it, or choose another --data"
    )


def _record_at(content: bytes, at: int) -> Read | None:
    """Return the whole record that begins there, if one does."""
    start = at + HEAD_BYTES
    if start > len(content):
        return None
    word, crc, sequence = _HEAD.unpack_from(content, at)
    length = word & ~_BEGINS_BATCH
    payload = content[start : start + length]
    if length > PAYLOAD_MAX_BYTES or len(payload) < length or not sequence:
        return None
    if zlib.crc32(payload, zlib.crc32(_CHECKED.pack(word, sequence))) != crc:
        return None
    return Read(at, sequence, payload, begins_batch=bool(word & _BEGINS_BATCH))


def _is_torn(content: bytes, at: int, sequence: int) -> bool:
    """Whether the unreadable record that begins there was still being written."""
    following: Read | None = None
    for record in _found_after(content, at, sequence):
        if record.begins_batch:
            return False
        following = following or record
    if following is not None:
        end = following.offset
    elif at + HEAD_BYTES > len(content):
        return True
    else:
        length = _HEAD.unpack_from(content, at)[0] & ~_BEGINS_BATCH
        end = at + HEAD_BYTES + length
        if length > PAYLOAD_MAX_BYTES:
            return False  # bytes go missing, they do not grow
        if end > len(content) or content[end - 1] == 0:
            return True
    return any(
        _is_zero(content, max(at, sector), min(end, sector + SECTOR_BYTES))
        for sector in range(at - at % SECTOR_BYTES, end, SECTOR_BYTES)
    )


def _found_after(content: bytes, at: int, sequence: int) -> Iterator[Read]:
    """Yield the whole records behind a place, wherever they begin, with later sequences."""
    last = len(content.rstrip(b"\0"))
    highest = sequence + (last - at) // HEAD_BYTES
    place = at + 1
    while place + HEAD_BYTES <= last:
        found = sequence < _HEAD.unpack_from(content, place)[2] <= highest
        record = _record_at(content, place) if found else None
        if record is None:
            place += 1
        else:
            yield record
            place = record.end


def _is_zero(content: bytes, start: int, end: int | None = None) -> bool:
    return not content[start:end].strip(b"\0")
