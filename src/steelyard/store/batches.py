r"""Format 2 of a journal's file: batches, each whole or not there.

    u32 crc32 of the rest of the head | u32 crc32 of the body | u32 length of the body
      | u32 count of records, top two bits: a length takes 1, 2 or 4 bytes | u64 first sequence
    the payloads, one after the other | their lengths | \n

Integers are little-endian; checksums are zlib's. A batch is what one sync made durable, so
whatever stands behind one proves it. The end of a body is never zero, and a head has a checksum
of its own, so how far a batch reaches is known, and whether its end was written. From this
follows what an unreadable batch means. It was being written when the power went, and nobody was
told of it, if no later one has begun and bytes of it are *missing*: the file ends inside it, or a
sector of it is zeros, or its end is. Everything else is damage to what was acknowledged. One doubt
is left: inside the very last batch, damage looks like a torn write if a sector of it is zeros.

One checksum for all records takes a third of the time of one each; a single changed bit can be
told from it all the same, and is named with its record.
"""

import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from typing import NamedTuple

from steelyard.store.disk import Batch
from steelyard.store.sectors import SECTOR_BYTES, has_missing

PAYLOAD_MAX_BYTES = 4 << 20
SEARCHED_MAX_BYTES = 1 << 20  # the longest body in which a changed bit is looked for

_HEAD = struct.Struct("<IIIIQ")
_CHECKED = struct.Struct("<IIIQ")
_CHECKED_AT = 4
_WIDTH_BIT = 30
_COUNT = (1 << _WIDTH_BIT) - 1
_WIDTHS = (1, 2, 4)
_END = b"\n"
_POLYNOMIAL = 0xEDB88320  # crc32's
HEAD_BYTES = _HEAD.size


class Head(NamedTuple):
    """What a batch says of itself."""

    body_crc: int
    length: int
    records: int
    width: int
    first_sequence: int


class PythonGathering:
    """Payloads that are gathered for the next batch."""

    def __init__(self) -> None:
        self._payloads: list[bytes] = []
        self._payload_bytes = 0

    def extend(self, payloads: list[bytes]) -> int:
        """Take payloads, all or none; return how many bytes a batch of all takes at most.

        Raises:
            ValueError: One is longer than `PAYLOAD_MAX_BYTES`.
        """
        size_bytes = 0
        for payload in payloads:
            if len(payload) > PAYLOAD_MAX_BYTES:
                raise ValueError(f"a record of {len(payload)} bytes is too long for the journal")
            size_bytes += len(payload)
        self._payloads += payloads
        self._payload_bytes += size_bytes
        count = len(self._payloads)
        return HEAD_BYTES + self._payload_bytes + 4 * count + len(_END) if count else 0

    def take(self, first_sequence: int, offset: int = 0) -> Batch:  # noqa: ARG002 the native one's
        """Return them as one batch that begins with a sequence, and be empty again.

        Args:
            first_sequence: The first record's.
            offset: Where in its file it will be written, as far as is known. Bytes are the same
                anywhere; the native gathering puts the next ones where they need not be moved.

        Raises:
            ValueError: Nothing has been gathered.
        """
        payloads, self._payloads, self._payload_bytes = self._payloads, [], 0
        if not payloads:
            raise ValueError("a batch has a record; nothing has been gathered for this one")
        longest = max(map(len, payloads))
        exponent = next(n for n, width in enumerate(_WIDTHS) if longest < 1 << 8 * width)
        width = _WIDTHS[exponent]
        lengths = [len(payload).to_bytes(width, "little") for payload in payloads]
        body = b"".join([*payloads, *lengths, _END])
        word = len(payloads) | exponent << _WIDTH_BIT
        head = _CHECKED.pack(zlib.crc32(body), len(body), word, first_sequence)
        return zlib.crc32(head).to_bytes(4, "little") + head + body


def python_read(
    content: bytes, at: int, first_sequence: int, count_min: int
) -> tuple[list[bytes], int]:
    """Return the payloads of the whole batches from a place on that have these sequences.

    There are as many as asked for or more, or all. With them comes where they end: in front of the
    first batch that is not whole, or has another sequence.
    """
    payloads: list[bytes] = []
    while len(payloads) < count_min:
        head = head_at(content, at)
        if head is None or head.first_sequence != first_sequence + len(payloads):
            break
        found = _payloads_at(content, at, head)
        if found is None:
            break
        payloads += found
        at += HEAD_BYTES + head.length
    return payloads, at


Gathering: "type[PythonGathering | _native.Gathering]" = PythonGathering
read = python_read
with suppress(ImportError):  # where none was built
    # The same in a fraction of the time: else the disk would wait for Python, and a start too.
    from steelyard import _native

    Gathering, read = _native.Gathering, _native.read_batches


def encode(payloads: list[bytes], first_sequence: int) -> bytes:
    """Return payloads as one batch.

    Raises:
        ValueError: There are none, or one is longer than `PAYLOAD_MAX_BYTES`.
    """
    gathering = Gathering()
    gathering.extend(payloads)
    return bytes(gathering.take(first_sequence))


def first_sequence(batch: Batch) -> int:
    """Return the sequence of a batch's first record."""
    sequence: int = _HEAD.unpack_from(bytes(batch))[-1]
    return sequence


def head_at(content: bytes, at: int) -> Head | None:
    """Return the head of the batch that begins there, if one does."""
    if at + HEAD_BYTES > len(content):
        return None
    crc, body_crc, length, word, sequence = _HEAD.unpack_from(content, at)
    count, exponent = word & _COUNT, word >> _WIDTH_BIT
    checked = content[at + _CHECKED_AT : at + HEAD_BYTES]
    if exponent >= len(_WIDTHS) or not count or zlib.crc32(checked) != crc:
        return None
    return Head(body_crc, length, count, _WIDTHS[exponent], sequence)


def suspects(content: bytes, at: int, sequence: int) -> tuple[int, int]:
    """Return the first and the last record of which the unreadable batch there may have lost one.

    They are the same where only one can have been changed.
    """
    head = head_at(content, at)
    if head is None or head.first_sequence != sequence:
        return sequence, sequence
    last = sequence + head.records - 1
    body = content[at + HEAD_BYTES : at + HEAD_BYTES + head.length]
    if len(body) < head.length or len(body) > SEARCHED_MAX_BYTES:
        return sequence, last
    place = _changed_byte(len(body), zlib.crc32(body) ^ head.body_crc)
    if place is None:
        return sequence, last
    number = head.records - 1
    lengths_at = len(body) - len(_END) - head.records * head.width
    if place >= lengths_at:
        number = min(number, (place - lengths_at) // head.width)
    else:
        number = bisect_right([*accumulate(_lengths_of(body, head))], place)
    return sequence + number, sequence + number


def is_torn(content: bytes, at: int, sequence: int) -> bool:
    """Whether the unreadable batch that begins there was still being written."""
    head = head_at(content, at)
    if head is not None and head.first_sequence != sequence:
        return False
    end = at + HEAD_BYTES + (0 if head is None else head.length)
    behind = at + 1 if head is None else end
    if any(True for _ in _heads_after(content, behind, sequence)):
        return False  # it was begun when this one was on the disk
    if head is not None:
        return has_missing(content, at, end) or content[end - 1] == 0
    # How far it reaches is not known, but its head is there if the sectors with it are.
    if len(content.rstrip(b"\0")) <= end:
        return True
    return has_missing(content, at, min(end + -end % SECTOR_BYTES, len(content)))


def _payloads_at(content: bytes, at: int, head: Head) -> list[bytes] | None:
    start = at + HEAD_BYTES
    body = content[start : start + head.length]
    if len(body) < head.length or zlib.crc32(body) != head.body_crc:
        return None
    lengths = _lengths_of(body, head)
    if len(body) != sum(lengths) + head.records * head.width + len(_END):
        return None
    ends = [0, *accumulate(lengths)]
    return [body[low:high] for low, high in pairwise(ends)]


def _lengths_of(body: bytes, head: Head) -> Sequence[int]:
    end = len(body) - len(_END)
    found = body[max(0, end - head.records * head.width) : end]
    width = head.width
    return [int.from_bytes(found[at : at + width], "little") for at in range(0, len(found), width)]


def _changed_byte(length: int, difference: int) -> int | None:
    """Return where a body's one changed bit is, by the difference that it makes to the checksum.

    A changed bit that n bits stand behind makes the same one in whatever data.
    """
    found = _POLYNOMIAL
    for behind in range(8 * length):
        if found == difference:
            return length - 1 - behind // 8
        found = found >> 1 ^ (_POLYNOMIAL if found & 1 else 0)
    return None


def _heads_after(content: bytes, place: int, sequence: int) -> Iterator[Head]:
    """Yield the heads of batches with later sequences from a place on, wherever they begin."""
    last = len(content.rstrip(b"\0"))
    highest = sequence + last
    offset = HEAD_BYTES - 8
    for at in range(place, last - HEAD_BYTES + 1):
        found = int.from_bytes(content[at + offset : at + HEAD_BYTES], "little")
        if sequence < found <= highest and (head := head_at(content, at)) is not None:
            yield head
