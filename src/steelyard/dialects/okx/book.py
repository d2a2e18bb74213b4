"""Books' checksums, and until when the venue has told them.

    CRC-32 of up to 25 levels: price and size of the best bid, of the best ask, of the second bid
    and so on; where one side is over the other goes on; with colons between them, as they are
    transmitted; as a signed number of 32 bits.

The invariant: what happened before `RETIRED_NS` is told with its checksum, by the exchange's own
clock, and what happens from then on with 0, which nobody may check.

Source: https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel, read
2026-11-22.
"""

from collections.abc import Sequence
from itertools import zip_longest
from zlib import crc32

from steelyard.dialects.okx.text import price_text, size_text
from steelyard.domain.instrument import Instrument

CHECKED = 25
RETIRED_NS = 1_782_172_800_000_000_000  # 2026-06-23T00:00:00Z
SIGN_BIT = 1 << 31

Text = tuple[str, str]  # price and size as transmitted
Pairs = Sequence[tuple[int, int]]


def checksum(bids: Sequence[Text], asks: Sequence[Text]) -> int:
    """Return the checksum of levels, best first; of 25 of each side at most."""
    parts: list[str] = []
    for bid, ask in zip_longest(bids[:CHECKED], asks[:CHECKED]):
        for level in (bid, ask):
            if level is not None:
                parts += level
    unsigned = crc32(":".join(parts).encode())
    return unsigned - 2 * SIGN_BIT if unsigned & SIGN_BIT else unsigned


def checksum_of(instrument: Instrument, bids: Pairs, asks: Pairs, time_ns: int) -> int:
    """Return the checksum that is told of a book at a time; 0 once it is retired."""
    if time_ns >= RETIRED_NS:
        return 0

    def texts(levels: Pairs) -> list[Text]:
        return [
            (price_text(instrument, ticks), size_text(instrument, lots))
            for ticks, lots in levels[:CHECKED]
        ]

    return checksum(texts(bids), texts(asks))
