r"""Format 1 of a journal's file, which is read and no longer written: records one by one.

    u32 length, top bit: begins a batch | u32 crc32 | u64 sequence | payload      ... repeated

Integers are little-endian; the checksum (zlib's) covers length, sequence and payload. A later batch
proves every earlier one. An unreadable record was being written when the power went if no later
batch exists and bytes of it are missing, or if it ends in zeros: there damage inside the very last
record looks like a torn write.

Pure functions over bytes.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from steelyard.store.batches import PAYLOAD_MAX_BYTES
from steelyard.store.sectors import has_missing

_HEAD = struct.Struct("<IIQ")
_CHECKED = struct.Struct("<IQ")
_BEGINS_BATCH = 1 << 31
HEAD_BYTES = _HEAD.size


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


def python_read(
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


read = python_read
with suppress(ImportError):  # where none was built
    from steelyard import _native

    read = _native.read_records


def suspects(_content: bytes, _at: int, sequence: int) -> tuple[int, int]:
    """Return the first and the last record that may be damaged: here each is checked alone."""
    return sequence, sequence


def is_torn(content: bytes, at: int, sequence: int) -> bool:
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
    return has_missing(content, at, end)


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
