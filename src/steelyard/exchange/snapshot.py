"""The whole exchange at one sequence number of its journal, as one JSON document.

What is in it is each part's own to say (`snapshot` and `restore` there). The engine's part is its
own records, and their hash goes with them.
"""

from typing import TypeVar

import msgspec
from msgspec import Struct

from steelyard.domain.errors import DecodeError
from steelyard.exchange.closings import Entry
from steelyard.exchange.history import AccountHistory
from steelyard.exchange.house import HouseCursor
from steelyard.exchange.keys import People
from steelyard.exchange.market import MarketData
from steelyard.exchange.people import Person
from steelyard.exchange.records import ClockSet, Founded
from steelyard.exchange.statement import AccountStatement

T = TypeVar("T")


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
    clock: ClockSet | None = None
    maintenance_ns: int | None = None
    persons: list[Person] = []
    full_sequences: dict[int, int] = {}  # of changes of books order by order
    dead_men: dict[int, tuple[int, int] | int] = {}
    closings: dict[int, Entry] = {}  # by the number of the order that they close
    held: list[int] = []  # instruments in which the house holds still


class Beginning(Struct):
    """The part of a snapshot that says on which market the exchange runs."""

    founded: Founded | None


def read_snapshot(data: bytes) -> Snapshot:
    """Return the snapshot in a document.

    Raises:
        DecodeError: It cannot be read.
    """
    return _read(data, Snapshot)


def read_founded(data: bytes) -> Founded | None:
    """Return the first record of the exchange that a snapshot is of, without the rest of it.

    Raises:
        DecodeError: It cannot be read.
    """
    return _read(data, Beginning).founded


def _read(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise DecodeError(f"the snapshot cannot be read: {error}") from error
