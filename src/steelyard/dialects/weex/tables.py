"""What WEEX's stream of books looks like, for who reads by tables.

The invariant: the table takes what `follower.MarketFollower` takes and says what that says; where
it is narrower (escapes in names, a name told twice) it refuses, never guesses. Trades are not in
it: their ids may be UUIDs.
"""

from collections.abc import Sequence

from steelyard.dialects.weex.text import symbol_text
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Instrument
from steelyard.wire.numerals import lot, tick
from steelyard.wire.tables import (
    Continuity,
    Field,
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
    Field(Slot.TIME, ("E",)),
    Field(Slot.SYMBOL, ("s",)),
    Field(Slot.PREVIOUS, ("U",)),
    Field(Slot.LAST, ("u",)),
    Field(Slot.INTEGER, ("l",)),
    Field(Slot.BIDS, ("b",)),
    Field(Slot.ASKS, ("a",)),
)
UPDATE = MessageTable(MessageKind.DELTA, BOOK, names=("depth",))
SNAPSHOT = MessageTable(MessageKind.SNAPSHOT, BOOK, names=("depthSnapshot",))
ASKED = MessageTable(
    MessageKind.SNAPSHOT,
    (
        Field(Slot.LAST, ("lastUpdateId",)),
        Field(Slot.BIDS, ("bids",)),
        Field(Slot.ASKS, ("asks",)),
    ),
)
MARKET = StreamTable(
    kind_path=("e",),
    kind_after="",
    payload_path=(),
    messages=(UPDATE, SNAPSHOT),
    snapshot=ASKED,
    decimals=DECIMALS,
    sold="true",
    bought="false",
    time_unit_ns=MS_NS,
    continuity=Continuity.PREVIOUS,
    takes_odd=False,
)
"""The channel depth, of either depth."""


def steps(instrument: Instrument) -> Steps:
    """Return an instrument as its prices and sizes are counted here.

    Raises:
        Unsupported: Its steps are finer than 1e-12.
    """
    (price, price_decimals), (size, size_decimals) = tick(instrument), lot(instrument)
    if max(price_decimals, size_decimals) > DECIMALS:
        raise Unsupported("steps finer than 1e-12 are not counted here")
    return Steps(
        symbol_text(instrument),
        price * 10 ** (DECIMALS - price_decimals),
        size * 10 ** (DECIMALS - size_decimals),
    )


def market(instruments: Sequence[Instrument]) -> MarketTable:
    """Return the channels of some instruments, in that order.

    Raises:
        Unsupported: Steps are finer than 1e-12.
    """
    return MarketTable(MARKET, tuple(steps(instrument) for instrument in instruments))
