"""Real books of WebSocket v1, whose checksum is made as v2's: the same code keeps them right.

The reader of v1 is this test's; the dialect speaks v2 alone.
"""

import json
from decimal import Decimal

from recordings import heard

from steelyard.dialects.kraken.book import DepthBook, checksum


def changes(message):
    """Yield (side, price, quantity, checksum) of the levels in a message."""
    for part in message[1:-2]:
        for name in ("a", "b"):
            for price, qty, *_ in part.get(name, ()):
                yield name, price, qty


def test_real_books_have_the_checksums_that_the_venue_told(shared_data):
    """More than four thousand messages without one that differs."""
    books: dict[int, DepthBook] = {}
    compared = 0
    for capture in ("KRAKEN.ws.49.0.gz", "KRAKEN.ws.50.0.gz"):
        books.clear()
        for text in heard(shared_data / "captures" / capture):
            message = json.loads(text)
            if not isinstance(message, list) or not message[-2].startswith("book-"):
                continue
            depth, channel = int(message[-2].removeprefix("book-")), message[0]
            if "as" in message[1]:
                books[channel] = DepthBook(depth)
                for side, name in ((books[channel].asks, "as"), (books[channel].bids, "bs")):
                    for price, qty, *_ in message[1][name]:
                        side.change(ticks(price), price, qty, is_gone=False)
                continue
            book = books[channel]
            for name, price, qty in changes(message):
                side = book.asks if name == "a" else book.bids
                side.change(ticks(price), price, qty, is_gone=Decimal(qty) == 0)
            for side in (book.asks, book.bids):
                side.cut(depth)
            told = next(int(part["c"]) for part in message[1:-2] if "c" in part)
            assert checksum(book.asks.best(), book.bids.best()) == told
            compared += 1
    assert compared > 4_000


def ticks(price: str) -> int:
    """Return a price in steps that are fine enough for every pair."""
    return int(Decimal(price).scaleb(10))
