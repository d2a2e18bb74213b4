"""What a venue's messages look like, as tables: for `rust/client`, which knows no venue.

A dialect hands these down beside its Python code, which stays the specification: what a table
reads or writes is what that code does, and its tests say so. A table names where things stand and
how they are spelled; it cannot compute.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec


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
    CHECKSUM = 19  # of the book with the message in it
    CHANGES = 20  # levels that say their side themselves
    JOINED = 21  # of how many trades one is, of which TRADE_ID is the last; not told: of one


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
    UNNUMBERED = 3  # messages of a book are counted as they come, from 1 on
    NEXT = (
        4  # each is one update, of the next number; only the stream's own books have such numbers
    )


class Column(IntEnum):
    """What stands in a level."""

    PRICE = 1
    SIZE = 2
    SIDE = 3
    OTHER = 4  # passed over


class TimeForm(IntEnum):
    """How a stream writes times."""

    COUNT = 1  # as a number since 1970
    ISO = 2  # as a text: 2024-03-11T20:48:46.622052Z, with up to nine digits behind the second


class Field(NamedTuple):
    """Where a field stands: the names that lead to it, from the payload on.

    is_quoted: it is a whole number in quotes.
    """

    slot: Slot
    path: tuple[str, ...]
    is_required: bool = True
    is_quoted: bool = False


class MessageTable(NamedTuple):
    """One kind of message: the texts that name it, or what they begin with, and its fields.

    The fields are found fastest in the order in which the venue sends them. Where kinds have
    variants, variants are those meant here; none: any. is_list: the payload is a list of such
    messages: of trades any number, of books one.
    """

    kind: MessageKind
    fields: tuple[Field, ...]
    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    is_list: bool = False


class LevelTable(NamedTuple):
    """What a level is made of: its values in their order, and their names if it is an object."""

    columns: tuple[Column, ...] = (Column.PRICE, Column.SIZE)
    names: tuple[str, ...] = ()


class StreamTable(NamedTuple):
    """The messages of a market stream, and how their values are written.

    Attributes:
        kind_path: The names that lead to the text that says of which kind a message is.
        kind_after: The kind begins behind the first of this in it; empty: it is the whole text.
        payload_path: The names that lead to the payload; none: the message is its own.
        messages: The kinds; others are passed over.
        snapshot: A book that was asked for, which does not say of which instrument.
        decimals: Digits behind the point that prices may have.
        sold, bought: The values of TAKER_SIDE, as they stand in the message.
        time_unit_ns: What the venue's times count.
        fine_from, fine_unit_ns: Times from the one on count the other.
        has_quotes: Whether prices and sizes stand in quotes.
        continuity: How deltas join.
        size_decimals: The same for sizes; None: as many as prices.
        variant_path: The names that lead to a second text, which tells variants of a kind apart.
        beside: SYMBOL, TIME, TEXT and INTEGER that stand beside the payload; from the message on.
        levels: The levels of BIDS and ASKS.
        changes: Those of CHANGES.
        bid, ask: The words for their sides, as they stand in the message.
        takes_odd: Whether prices off the tick are taken, and shown at the next one; else refused.
        has_fillers: Whether a level at price 0 is none, and only fills a place.
        time_form: How times are written.
        depth: How many levels of a side an unnumbered stream tells of; 0: all. What is beyond
            after a message is cut off.
        checked_levels: So many best levels of each side CHECKSUM is made of; 0: there is none.
            It is the CRC-32 of the asks, best first, then the bids: of each price and size its
            digits, without point and without zeros at the beginning.
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
    continuity: Continuity = Continuity.SPAN
    size_decimals: int | None = None
    variant_path: tuple[str, ...] = ()
    beside: tuple[Field, ...] = ()
    levels: LevelTable = LevelTable()
    changes: LevelTable | None = None
    bid: str = ""
    ask: str = ""
    takes_odd: bool = True
    has_fillers: bool = False
    time_form: TimeForm = TimeForm.COUNT
    depth: int = 0
    checked_levels: int = 0


class Steps(NamedTuple):
    """One instrument as a venue counts it: its spelling, and its steps in the last decimals."""

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
    PRICE = 2
    SIZE = 3  # without zeros at its end
    CLIENT_ORDER_ID = 4  # all but letters, digits and -._~ as %XX
    TIME = 5
    SIGNATURE = 6
    SIGNED = 7  # what was signed
    BODY = 8
    BODY_LENGTH = 9  # in bytes
    JSON_ID = 10  # the client order id inside a text of JSON
    DIGEST = 11  # the 32 bytes of the SHA-256 of what is digested


class Hash(IntEnum):
    """What the HMAC of a signature is made with."""

    SHA256 = 1
    SHA512 = 2


class Encoding(IntEnum):
    """How a signature or a secret is spelled."""

    HEX = 1
    BASE64 = 2


class Clock(IntEnum):
    """How an order's time is written."""

    COUNT = 1  # as a number of its unit since 1970
    SECONDS = 2  # in seconds since 1970, with decimals down to its unit
    ISO = 3  # as 2024-03-11T20:48:46.622Z, likewise


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
        size_decimals: The digits of the lot; None: those of the tick.
        is_padded: Whether a price has all its decimals, else no zeros at its end.
        digested: What is hashed by itself and then signed, as DIGEST; none: nothing.
        hashed, encoding: How the signature is made and spelled.
        secret: BASE64 if the key's secret stands for the bytes that it spells; one that is not
            base64 stands for itself.
        clock: How the time is written.
        rises_within_ns: The time is a nonce and goes up with every request; one that is not above
            the last, but within so much of it, is one above it. 0: it is just the time.
        id_form: What a client order id looks like: x is a hexadecimal digit in lower case, y one of
            8, 9, a and b, all else is itself. Empty: anything.
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
    size_decimals: int | None = None
    is_padded: bool = False
    digested: tuple[str | Hole, ...] = ()
    hashed: Hash = Hash.SHA256
    encoding: Encoding = Encoding.HEX
    secret: Encoding | None = None
    clock: Clock = Clock.COUNT
    rises_within_ns: int = 0
    id_form: str = ""


def json_holes(said: Mapping[str, Any], holes: Mapping[str, Hole]) -> tuple[str | Hole, ...]:
    """Return an object of JSON whose fields of these names are texts to be filled in."""
    parts: list[str | Hole] = []
    for name, value in said.items():
        hole = holes.get(name)
        written = msgspec.json.encode(value).decode()
        parts.append(f'{"," if parts else "{"}"{name}":{written if hole is None else ""}')
        if hole is not None:
            parts += ['"', hole, '"']
    return (*parts, "}")
