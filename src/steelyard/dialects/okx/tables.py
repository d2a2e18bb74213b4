"""What OKX's market streams and orders look like, for who reads and writes by tables.

The invariant: a table takes what `follower.MarketFollower` takes and says what that says; where a
table is narrower (escapes in names, a name told twice) it refuses, never guesses.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from steelyard.dialects.okx import orders, placing
from steelyard.dialects.okx.auth import DEMO, KEY, PASSPHRASE, SIGN, SIMULATED, TIMESTAMP
from steelyard.dialects.okx.parameters import JSON, told
from steelyard.dialects.okx.text import SIDE_NAMES, lot, tick
from steelyard.domain.commands import Place
from steelyard.domain.errors import AuthError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.order import Side
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import check_host
from steelyard.wire.tables import (
    Clock,
    Column,
    Continuity,
    Encoding,
    Field,
    Hole,
    LevelTable,
    MarketTable,
    MessageKind,
    MessageTable,
    OrderForm,
    Slot,
    Steps,
    StreamTable,
    json_holes,
)

DECIMALS = 12
KEY_MAX = 128  # characters of a key, and of a passphrase
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
        Field(Slot.JOINED, ("count",), is_required=False, is_quoted=True),
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


# -- orders -------------------------------------------------------------------------------------

HOLES: dict[str, Hole] = {
    "side": Hole.SIDE,
    "sz": Hole.SIZE,
    "px": Hole.PRICE,
    "clOrdId": Hole.JSON_ID,
}
OWN_ID = "x" * 32  # as our client prints ids


def order_form(place: Place, listings: Listings, key: ApiKey, host: str) -> OrderForm:
    """Return the form of orders like one, for other sides, prices, sizes, ids and times.

    host is the venue's address as the request names it: a name, and a port where it is another
    than usual. Orders that wait, and icebergs, are algo orders, which the client end signs.

    Raises:
        Unsupported: The venue has no such order, or it is an algo order, or has no size or price.
        AuthError: The key or its passphrase is none of this venue's.
        ConfigError: The host is no host.
    """
    for text in (key.key, key.passphrase):
        if not (text.isascii() and text.isprintable() and 0 < len(text) <= KEY_MAX):
            raise AuthError("a key has a passphrase; copy both as they were shown")
    if place.quote_atoms is not None or place.price_ticks is None:
        raise Unsupported("an order at the market has no price or size to be filled in")
    named = replace(place, client_order_id="0" * len(OWN_ID))
    endpoint = orders.PLACE
    headers = {"host": check_host(host), "content-type": JSON}
    headers |= {KEY: key.key.removeprefix(DEMO), PASSPHRASE: key.passphrase}
    if key.key.startswith(DEMO):
        headers[SIMULATED] = "1"
    first = f"{endpoint.method} {endpoint.path} HTTP/1.1"
    start = "\r\n".join((first, *(f"{name}: {value}" for name, value in headers.items())))
    step = steps(listings[place.instrument_id])
    instrument = listings[place.instrument_id]
    return OrderForm(
        signed=(Hole.TIME, f"{endpoint.method}{endpoint.path}", Hole.BODY),
        head=(
            *(f"{start}\r\n{TIMESTAMP}: ", Hole.TIME, f"\r\n{SIGN}: ", Hole.SIGNATURE),
            *("\r\ncontent-length: ", Hole.BODY_LENGTH, "\r\n\r\n"),
        ),
        body=json_holes(told(placing.place_to_wire(named, listings)), HOLES),
        buy=SIDE_NAMES[Side.BUY],
        sell=SIDE_NAMES[Side.SELL],
        time_unit_ns=MS_NS,
        decimals=DECIMALS,
        tick=step.tick,
        lot=step.lot,
        price_max_ticks=instrument.price_max_ticks,
        size_min_lots=instrument.size_min_lots,
        size_max_lots=instrument.size_max_lots,
        encoding=Encoding.BASE64,
        clock=Clock.ISO,
        id_form=OWN_ID,
    )
