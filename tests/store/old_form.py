"""Format 1 of a journal's file, as older steelyards wrote it; nothing in `src` does any more."""

import struct
import zlib
from collections.abc import Iterable

HEADER_LINE = b"steelyard journal 1\n"
BEGINS_BATCH = 1 << 31


def encode(payloads: Iterable[bytes], first_sequence: int) -> bytes:
    """Return one batch."""
    found, mark = b"", BEGINS_BATCH
    for sequence, payload in enumerate(payloads, first_sequence):
        checked = struct.pack("<IQ", len(payload) | mark, sequence)
        crc = zlib.crc32(payload, zlib.crc32(checked))
        found += checked[:4] + struct.pack("<I", crc) + checked[4:] + payload
        mark = 0
    return found


def written(batches: Iterable[list[bytes]], first: int = 1) -> bytes:
    """Return a segment."""
    out = HEADER_LINE
    for batch in batches:
        out += encode(batch, first)
        first += len(batch)
    return out
