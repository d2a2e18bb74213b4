"""Kraken's recorded books of WebSocket v1 as frames of v2: the same levels and checksums.

The venue's checksum is made of the same digits in both, so what it told then holds now. A whole
book of v1 has none, and gets its own.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from recordings import heard

TIME = "2021-04-17T16:48:52.825306Z"
CHECKED = 10

Rows = Sequence[Sequence[str]]


def books_of_old(path: Path) -> list[bytes]:
    """Return the books of a capture, a frame of v2 for each of v1."""
    messages = (json.loads(text) for text in heard(path))
    return [_new(it) for it in messages if isinstance(it, list) and it[-2].startswith("book-")]


def _new(message: list[Any]) -> bytes:
    """Return the frame of v2 that says what a message of v1 does."""
    parts, symbol = message[1:-2], message[-1].replace("XBT", "BTC")
    is_whole = "as" in parts[0]
    asks, bids = (
        [row for part in parts for row in part.get(name, ())]
        for name in (("as", "bs") if is_whole else ("a", "b"))
    )
    checksum = _checksum(asks, bids) if is_whole else next(it["c"] for it in parts if "c" in it)
    entry = (
        f'{{"symbol":"{symbol}","bids":[{_levels(bids)}],"asks":[{_levels(asks)}],'
        f'"checksum":{checksum},"timestamp":"{TIME}"}}'
    )
    kind = "snapshot" if is_whole else "update"
    return f'{{"channel":"book","type":"{kind}","data":[{entry}]}}'.encode()


def _levels(rows: Rows) -> str:
    return ",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty, *_ in rows)


def _checksum(asks: Rows, bids: Rows) -> int:
    digits = (
        number.replace(".", "").lstrip("0")
        for rows in (asks, bids)
        for row in rows[:CHECKED]
        for number in row[:2]
    )
    return crc32("".join(digits).encode())
