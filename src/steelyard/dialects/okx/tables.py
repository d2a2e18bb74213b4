"""What OKX's market streams and orders look like, for who reads and writes by tables.

The invariant: a table takes what `follower.MarketFollower` takes and says what that says; where a
table is narrower (escapes in names, a name told twice) it refuses, never guesses.
"""

from collections.abc import Sequence

from steelyard.dialects.okx.text import lot, tick
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Instrument
from steelyard.wire.tables import (
    Column,
    Continuity,
    Field,
    LevelTable,
    MarketTable,
    MessageKind,
    MessageTable,
    Slot,
    Steps,
    StreamTable,
)

DECIMALS = 12
MS_NS = 1_000_000

BOOK = (
    Field(Slot.ASKS, ("asks",)),
    Field(Slot.BIDS, ("bids",)),
    Field(Slot.TIME, ("ts",), is_quoted=True),
    Field(Slot.INTEGER, ("checksum",), is_required=False),
    Field(Slot.PREVIOUS, ("prevSeqId",)),
    Field(Slot.LAST, ("seqId",)),
)
UPDATE = MessageTable(MessageKind.DELTA, BOOK, names=("books",), variants=("update",), is_list=True)
SNAPSHOT = MessageTable(
    MessageKind.SNAPSHOT, BOOK, names=("books",), variants=("snapshot",), is_list=True
)
TRADE = MessageTable(
    MessageKind.TRADE,
    (
        Field(Slot.TEXT, ("instId",)),
        Field(Slot.TRADE_ID, ("tradeId",), is_quoted=True),
        Field(Slot.PRICE, ("px",)),
        Field(Slot.SIZE, ("sz",)),
        Field(Slot.TAKER_SIDE, ("side",)),
        Field(Slot.TIME, ("ts",), is_quoted=True),
    ),
    names=("trades",),
    is_list=True,
)
ASKED = MessageTable(
    MessageKind.SNAPSHOT,
    (Field(Slot.ASKS, ("asks",)), Field(Slot.BIDS, ("bids",)), Field(Slot.LAST, ("seqId",))),
)

MARKET = StreamTable(
    kind_path=("arg", "channel"),
    kind_after="",
    variant_path=("action",),
    payload_path=("data",),
    beside=(Field(Slot.SYMBOL, ("arg", "instId")),),
    messages=(UPDATE, SNAPSHOT, TRADE),
    snapshot=ASKED,
    decimals=DECIMALS,
    sold='"sell"',
    bought='"buy"',
    time_unit_ns=MS_NS,
    levels=LevelTable((Column.PRICE, Column.SIZE, Column.OTHER, Column.OTHER)),
    continuity=Continuity.PREVIOUS,
    takes_odd=False,
)
"""The channels books and trades."""


def steps(instrument: Instrument) -> Steps:
    """Return an instrument as its prices and sizes are counted here.

    Raises:
        Unsupported: Its steps are finer than 1e-12.
    """
    (price, price_decimals), (size, size_decimals) = tick(instrument), lot(instrument)
    if max(price_decimals, size_decimals) > DECIMALS:
        raise Unsupported("steps finer than 1e-12 are not counted here")
    return Steps(
        instrument.symbol,
        price * 10 ** (DECIMALS - price_decimals),
        size * 10 ** (DECIMALS - size_decimals),
    )


def market(instruments: Sequence[Instrument]) -> MarketTable:
    """Return the channels of some instruments, in that order.

    Raises:
        Unsupported: Steps are finer than 1e-12.
    """
    return MarketTable(MARKET, tuple(steps(instrument) for instrument in instruments))
