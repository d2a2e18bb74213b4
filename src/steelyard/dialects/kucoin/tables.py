"""What KuCoin's market stream and orders look like, for who reads and writes by tables.

The invariant: a table takes what `MarketFollower` takes and says what that says; where a table is
narrower (escapes in names, numbers beyond 64 bits, a name told twice) it refuses, never guesses.
"""

from collections.abc import Sequence

from steelyard.dialects.kucoin.text import lot, tick
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Instrument
from steelyard.wire.tables import (
    Column,
    Field,
    LevelTable,
    MarketTable,
    MessageKind,
    MessageTable,
    Slot,
    Steps,
    StreamTable,
)

USER_AGENT = "steelyard"
DECIMALS = 12  # of prices and sizes, at most
MS_NS = 1_000_000
NS_FROM = 10**15  # times from here on are in nanoseconds

UPDATE = MessageTable(
    MessageKind.DELTA,
    (
        Field(Slot.ASKS, ("changes", "asks")),
        Field(Slot.BIDS, ("changes", "bids")),
        Field(Slot.FIRST, ("sequenceStart",)),
        Field(Slot.LAST, ("sequenceEnd",)),
        Field(Slot.SYMBOL, ("symbol",)),
        Field(Slot.TIME, ("time",), is_required=False),
    ),
    names=("trade.l2update",),
)
MATCH = MessageTable(
    MessageKind.TRADE,
    (
        Field(Slot.PRICE, ("price",)),
        Field(Slot.SIZE, ("size",)),
        Field(Slot.TAKER_SIDE, ("side",)),
        Field(Slot.SYMBOL, ("symbol",)),
        Field(Slot.TRADE_ID, ("sequence",), is_quoted=True),
        Field(Slot.TIME, ("time",), is_quoted=True),
    ),
    names=("trade.l3match",),
)
ASKED = MessageTable(
    MessageKind.SNAPSHOT,
    (
        Field(Slot.TIME, ("data", "time")),
        Field(Slot.LAST, ("data", "sequence"), is_quoted=True),
        Field(Slot.BIDS, ("data", "bids")),
        Field(Slot.ASKS, ("data", "asks")),
    ),
)
MARKET = StreamTable(
    kind_path=("subject",),
    kind_after="",
    payload_path=("data",),
    messages=(UPDATE, MATCH),
    snapshot=ASKED,
    decimals=DECIMALS,
    sold='"sell"',
    bought='"buy"',
    time_unit_ns=MS_NS,
    fine_from=NS_FROM,
    fine_unit_ns=1,
    levels=LevelTable((Column.PRICE, Column.SIZE, Column.OTHER)),
    takes_odd=False,
    has_fillers=True,
)
"""The topics level2 and match."""


def steps(instrument: Instrument) -> Steps:
    """Return an instrument as its prices and sizes are counted here.

    Raises:
        Unsupported: Its steps are finer than `DECIMALS` tell.
    """
    units = []
    for coefficient, decimals in (tick(instrument), lot(instrument)):
        if decimals > DECIMALS:
            raise Unsupported(f"{instrument.symbol} has steps of more than {DECIMALS} decimals")
        units.append(coefficient * 10 ** (DECIMALS - decimals))
    return Steps(instrument.symbol, *units)


def market(instruments: Sequence[Instrument]) -> MarketTable:
    """Return the stream of some instruments, in that order.

    Raises:
        Unsupported: Steps are finer than `DECIMALS` tell.
    """
    return MarketTable(MARKET, tuple(steps(instrument) for instrument in instruments))
