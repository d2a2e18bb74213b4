"""What a venue's messages look like, as tables: for `rust/client`, which knows no venue.

A dialect hands these down beside its Python code, which stays the specification: what a table
reads or writes is what that code does, and its tests say so. A table names where things stand and
how they are spelled; it cannot compute.
"""

from enum import IntEnum
from typing import NamedTuple


class Slot(IntEnum):
    """What a field of a message means; the numbers are those of `rust/client`."""

    SYMBOL = 1
    FIRST = 2  # the first update that a delta holds
    LAST = 3  # its last; of a snapshot or touch, up to which it is
    PREVIOUS = 4  # the last update of the delta before
    TIME = 5  # the venue's
    TRADE_ID = 6
    PRICE = 7
    SIZE = 8
    TAKER_SIDE = 9
    BIDS = 10
    ASKS = 11
    BID_PRICE = 12
    BID_SIZE = 13
    ASK_PRICE = 14
    ASK_SIZE = 15
    TEXT = 16  # of no meaning here, but it must be a text
    INTEGER = 17
    FLAG = 18


class MessageKind(IntEnum):
    """What a message is."""

    SNAPSHOT = 1
    DELTA = 2
    TRADE = 3
    TOUCH = 4


class Continuity(IntEnum):
    """How the deltas of a book join."""

    SPAN = 1  # the first update of each follows the last of the one before
    PREVIOUS = 2  # each says the last of the one before; numbers are not consecutive
    UNNUMBERED = 3


class Field(NamedTuple):
    """Where a field stands: the names that lead to it, from the payload on."""

    slot: Slot
    path: tuple[str, ...]
    is_required: bool = True


class MessageTable(NamedTuple):
    """One kind of message: the texts that name it, or what they begin with, and its fields.

    The fields are found fastest in the order in which the venue sends them.
    """

    kind: MessageKind
    fields: tuple[Field, ...]
    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


class StreamTable(NamedTuple):
    """The messages of a market stream, and how their values are written.

    Attributes:
        kind_path: The names that lead to the text that says of which kind a message is.
        kind_after: The kind begins behind the first of this in it; empty: it is the whole text.
        payload_path: The names that lead to the payload; none: the message is its own.
        messages: The kinds; others are passed over.
        snapshot: A book that was asked for, which does not say of which instrument.
        decimals: Digits behind the point that prices and sizes may have.
        sold, bought: The values of TAKER_SIDE, as they stand in the message.
        time_unit_ns: What the venue's times count.
        fine_from, fine_unit_ns: Times from the one on count the other.
        has_quotes: Whether prices and sizes stand in quotes.
        level_length: Elements of a level: price, size, and what is passed over.
        continuity: How deltas join.
    """

    kind_path: tuple[str, ...]
    kind_after: str
    payload_path: tuple[str, ...]
    messages: tuple[MessageTable, ...]
    snapshot: MessageTable
    decimals: int
    sold: str
    bought: str
    time_unit_ns: int
    fine_from: int = 2**63 - 1
    fine_unit_ns: int = 1
    has_quotes: bool = True
    level_length: int = 2
    continuity: Continuity = Continuity.SPAN


class Steps(NamedTuple):
    """One instrument as a venue counts it: its spelling, and its steps in the last decimal."""

    symbol: str
    tick: int
    lot: int


class MarketTable(NamedTuple):
    """A market stream of some instruments, as a native reader reads it."""

    stream: StreamTable
    instruments: tuple[Steps, ...]


class Hole(IntEnum):
    """What is filled in where it stands in a form."""

    SIDE = 1
    PRICE = 2  # without zeros at its end
    SIZE = 3
    CLIENT_ORDER_ID = 4  # all but letters, digits and -._~ as %XX
    TIME = 5
    SIGNATURE = 6  # hexadecimal
    SIGNED = 7  # what was signed
    BODY = 8
    BODY_LENGTH = 9  # in bytes


class OrderForm(NamedTuple):
    """Orders of one kind, instrument and key as a request, with holes for what differs.

    Attributes:
        signed: What the signature covers.
        head: The request up to its body: first line, headers, empty line.
        body: The body.
        buy, sell: The words for the sides.
        time_unit_ns: What the time counts.
        decimals: Digits behind the point in which the steps are told.
        tick, lot: The steps, in units of the last of them.
        price_max_ticks, size_min_lots, size_max_lots: The instrument's limits, inclusive.
    """

    signed: tuple[str | Hole, ...]
    head: tuple[str | Hole, ...]
    body: tuple[str | Hole, ...]
    buy: str
    sell: str
    time_unit_ns: int
    decimals: int
    tick: int
    lot: int
    price_max_ticks: int
    size_min_lots: int
    size_max_lots: int
