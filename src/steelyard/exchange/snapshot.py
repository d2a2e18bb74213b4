"""The whole exchange at one sequence number of its journal, as one JSON document.

What is in it is each part's own to say (`snapshot` and `restore` there). The engine's part is its
own records, and their hash goes with them.
"""

import msgspec
from msgspec import Struct

from steelyard.domain.errors import DecodeError
from steelyard.exchange.history import AccountHistory
from steelyard.exchange.house import HouseCursor
from steelyard.exchange.keys import People
from steelyard.exchange.market import MarketData
from steelyard.exchange.records import Founded
from steelyard.exchange.statement import AccountStatement


class Snapshot(Struct):
    """The whole exchange at one sequence number of its journal."""

    format: int
    founded: Founded | None
    now_ns: int
    stepped_ns: int
    engine: bytes
    engine_hash: int
    people: People
    rates: dict[int, tuple[int, int]]
    history: list[AccountHistory]
    statements: list[AccountStatement]
    markets: list[MarketData]
    sequences: dict[int, int]
    market_cursor: HouseCursor | None


def read_snapshot(data: bytes) -> Snapshot:
    """Return the snapshot in a document.

    Raises:
        DecodeError: It cannot be read.
    """
    try:
        return msgspec.json.decode(data, type=Snapshot)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise DecodeError(f"the snapshot cannot be read: {error}") from error
