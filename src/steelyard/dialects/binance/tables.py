"""What Binance's market streams look like, for who reads them by tables.

The invariant: a table takes what `stream.event_of` takes and says what that says; where a table is
narrower (escapes in names, numbers beyond 64 bits, a name told twice) it refuses, never guesses.
"""

from steelyard.dialects.binance.text import (
    DECIMALS,
    MICROSECONDS_FROM,
    MS_NS,
    US_NS,
    lot_e8,
    symbol_text,
    tick_e8,
)
from steelyard.domain.instrument import Instrument
from steelyard.wire.tables import (
    Continuity,
    Field,
    MessageKind,
    MessageTable,
    Slot,
    Steps,
    StreamTable,
)

_NAME = Field(Slot.TEXT, ("e",), is_required=False)

DELTA = MessageTable(
    MessageKind.DELTA,
    (
        _NAME,
        Field(Slot.TIME, ("E",)),
        Field(Slot.SYMBOL, ("s",)),
        Field(Slot.FIRST, ("U",)),
        Field(Slot.LAST, ("u",)),
        Field(Slot.BIDS, ("b",)),
        Field(Slot.ASKS, ("a",)),
    ),
    names=("depth",),
    prefixes=("depth@",),
)
TRADE = MessageTable(
    MessageKind.TRADE,
    (
        _NAME,
        Field(Slot.INTEGER, ("E",)),
        Field(Slot.SYMBOL, ("s",)),
        Field(Slot.TRADE_ID, ("t",)),
        Field(Slot.PRICE, ("p",)),
        Field(Slot.SIZE, ("q",)),
        Field(Slot.TIME, ("T",)),
        Field(Slot.TAKER_SIDE, ("m",)),
        Field(Slot.FLAG, ("M",), is_required=False),
    ),
    names=("trade",),
)
TOUCH = MessageTable(
    MessageKind.TOUCH,
    (
        Field(Slot.LAST, ("u",)),
        Field(Slot.SYMBOL, ("s",)),
        Field(Slot.BID_PRICE, ("b",)),
        Field(Slot.BID_SIZE, ("B",)),
        Field(Slot.ASK_PRICE, ("a",)),
        Field(Slot.ASK_SIZE, ("A",)),
    ),
    names=("bookTicker",),
)
SNAPSHOT = MessageTable(
    MessageKind.SNAPSHOT,
    (
        Field(Slot.LAST, ("lastUpdateId",)),
        Field(Slot.BIDS, ("bids",)),
        Field(Slot.ASKS, ("asks",)),
    ),
)

MARKET = StreamTable(
    kind_path=("stream",),
    kind_after="@",
    payload_path=("data",),
    messages=(DELTA, TRADE, TOUCH),
    snapshot=SNAPSHOT,
    decimals=DECIMALS,
    sold="true",  # m: the buyer is the maker
    bought="false",
    time_unit_ns=MS_NS,
    fine_from=MICROSECONDS_FROM,
    fine_unit_ns=US_NS,
    continuity=Continuity.SPAN,
)
"""Combined market streams: depth, trade and bookTicker, and REST depth."""


def steps(instrument: Instrument) -> Steps:
    """Return an instrument as Binance counts it.

    Raises:
        Unsupported: Its steps are finer than 1e-8.
    """
    return Steps(symbol_text(instrument), tick_e8(instrument), lot_e8(instrument))
