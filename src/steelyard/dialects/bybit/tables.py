"""What Bybit's market stream and orders look like, for who reads and writes by tables.

The invariant: a table takes what `follower.MarketFollower` takes and says what that says, but for
the numbers of books: those are the venue's here, and that one's own count there. A form makes what
`client.BybitClient` makes of the same order at the same time. Where a table is narrower (ids of
trades that are no numbers, names told twice) it refuses, never guesses.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from steelyard.dialects.bybit import orders
from steelyard.dialects.bybit.auth import KEY, SIGN, TIMESTAMP, WINDOW, WINDOW_MS
from steelyard.dialects.bybit.follower import DEPTH
from steelyard.dialects.bybit.parameters import JSON, told
from steelyard.dialects.bybit.placing import place_to_wire
from steelyard.dialects.bybit.text import MS_NS, SIDE_NAMES, lot, symbol_text, tick
from steelyard.domain.commands import Place
from steelyard.domain.errors import AuthError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.order import Side
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import check_host
from steelyard.wire.tables import (
    Continuity,
    Field,
    Hole,
    MarketTable,
    MessageKind,
    MessageTable,
    OrderForm,
    Slot,
    Steps,
    StreamTable,
    json_holes,
)

KEY_MAX = 128  # characters of a key
DECIMALS = 12
BOOK = (
    Field(Slot.SYMBOL, ("s",)),
    Field(Slot.BIDS, ("b",)),
    Field(Slot.ASKS, ("a",)),
    Field(Slot.LAST, ("u",)),
)
BOOKS = (f"orderbook.{DEPTH}.",)
DELTA = MessageTable(MessageKind.DELTA, BOOK, prefixes=BOOKS, variants=("delta",))
WHOLE = MessageTable(MessageKind.SNAPSHOT, BOOK, prefixes=BOOKS, variants=("snapshot",))
TRADE = MessageTable(
    MessageKind.TRADE,
    (
        Field(Slot.TIME, ("T",)),
        Field(Slot.SYMBOL, ("s",)),
        Field(Slot.TAKER_SIDE, ("S",)),
        Field(Slot.SIZE, ("v",)),
        Field(Slot.PRICE, ("p",)),
        Field(Slot.TRADE_ID, ("i",), is_quoted=True),
    ),
    prefixes=("publicTrade.",),
    is_list=True,
)
ASKED = MessageTable(
    MessageKind.SNAPSHOT,
    tuple(field._replace(path=("result", *field.path)) for field in BOOK[1:]),
)
MARKET = StreamTable(
    kind_path=("topic",),
    kind_after="",
    variant_path=("type",),
    payload_path=("data",),
    beside=(Field(Slot.TIME, ("ts",)),),
    messages=(DELTA, WHOLE, TRADE),
    snapshot=ASKED,
    decimals=DECIMALS,
    sold='"Sell"',
    bought='"Buy"',
    time_unit_ns=MS_NS,
    continuity=Continuity.NEXT,
    takes_odd=False,
)
"""The topics orderbook and publicTrade."""


def market(instruments: Sequence[Instrument]) -> MarketTable:
    """Return the topics of some instruments, in that order.

    Raises:
        Unsupported: Steps are finer than 1e-12.
    """
    return MarketTable(MARKET, tuple(steps(instrument) for instrument in instruments))


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


# -- orders -------------------------------------------------------------------------------------

HOLES: dict[str, Hole] = {
    "side": Hole.SIDE,
    "qty": Hole.SIZE,
    "price": Hole.PRICE,
    "orderLinkId": Hole.JSON_ID,
}
OWN_ID = "x" * 32  # as our client prints ids


def order_form(place: Place, listings: Listings, key: ApiKey, host: str) -> OrderForm:
    """Return the form of orders like one, for other sides, prices, sizes, ids and times.

    host is the venue's address as the request names it: a name, and a port where it is another
    than usual. What waits says by its side which way its price has to come: the client end signs
    it.

    Raises:
        Unsupported: The venue has no such order, or it waits, or has no size or price.
        AuthError: The key is none of this venue's.
        ConfigError: The host is no host.
    """
    if not (key.key.isascii() and key.key.isprintable() and 0 < len(key.key) <= KEY_MAX):
        raise AuthError("copy the key as it was shown")
    if place.quote_atoms is not None or place.price_ticks is None:
        raise Unsupported("an order at the market has no price or size to be filled in")
    if place.order_type.waits:
        raise Unsupported("which way an order waits is said by side; sign it by the client")
    named = replace(place, client_order_id="0" * len(OWN_ID))
    endpoint, window = orders.PLACE, str(WINDOW_MS)
    headers = {"host": check_host(host), "content-type": JSON, KEY: key.key, WINDOW: window}
    first = f"{endpoint.method} {endpoint.path} HTTP/1.1"
    start = "\r\n".join((first, *(f"{name}: {value}" for name, value in headers.items())))
    instrument = listings[place.instrument_id]
    price, size = tick(instrument), lot(instrument)
    return OrderForm(
        signed=(Hole.TIME, f"{key.key}{window}", Hole.BODY),
        head=(
            *(f"{start}\r\n{TIMESTAMP}: ", Hole.TIME, f"\r\n{SIGN}: ", Hole.SIGNATURE),
            *("\r\ncontent-length: ", Hole.BODY_LENGTH, "\r\n\r\n"),
        ),
        body=json_holes(told(place_to_wire(named, listings)), HOLES),
        buy=SIDE_NAMES[Side.BUY],
        sell=SIDE_NAMES[Side.SELL],
        time_unit_ns=MS_NS,
        decimals=price[1],
        tick=price[0],
        lot=size[0],
        price_max_ticks=instrument.price_max_ticks,
        size_min_lots=instrument.size_min_lots,
        size_max_lots=instrument.size_max_lots,
        size_decimals=size[1],
        is_padded=True,
        id_form=OWN_ID,
    )
