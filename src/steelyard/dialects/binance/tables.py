"""What Binance's market streams and orders look like, for who reads and writes by tables.

The invariant: a table takes what `stream.event_of` takes and says what that says; where a table is
narrower (escapes in names, numbers beyond 64 bits, a name told twice) it refuses, never guesses.
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from steelyard.dialects.binance import orders
from steelyard.dialects.binance.auth import KEY_HEADER, KEY_MAX, SIGNATURE, WINDOW_MS
from steelyard.dialects.binance.parameters import FORM, write
from steelyard.dialects.binance.placing import place_to_wire
from steelyard.dialects.binance.text import (
    DECIMALS,
    MICROSECONDS_FROM,
    MS_NS,
    UNIT_HEADER,
    US_NS,
    amount_text,
    lot_e8,
    price_text,
    size_text,
    symbol_text,
    tick_e8,
)
from steelyard.domain.commands import Place
from steelyard.domain.errors import AuthError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookDelta, Event, OddLevel, Touch, Trade
from steelyard.domain.order import Side
from steelyard.wire.http import check_host
from steelyard.wire.plain_orders import OrderTable, Signed, Spelling
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


PLAIN_ORDERS = OrderTable(
    method="POST",
    path="/api/v3/order",
    is_json=False,
    price="price",
    size="quantity",
    client_order_id="newClientOrderId",
    id_marks=".:/_-",
    id_bytes_max=36,
    id_begins_not="",
    digits_max=(18, DECIMALS),
    signed=(Signed.PARAMETERS,),
    key=KEY_HEADER,
    timestamp="timestamp",
    signature=SIGNATURE,
    spelling=Spelling(price_text, size_text, amount_text, unusual=UNIT_HEADER),
)


def steps(instrument: Instrument) -> Steps:
    """Return an instrument as Binance counts it.

    Raises:
        Unsupported: Its steps are finer than 1e-8.
    """
    return Steps(symbol_text(instrument), tick_e8(instrument), lot_e8(instrument))


def market(instruments: Sequence[Instrument]) -> MarketTable:
    """Return the streams of some instruments, in that order.

    Raises:
        Unsupported: Steps are finer than 1e-8.
    """
    return MarketTable(MARKET, tuple(steps(instrument) for instrument in instruments))


def event_of(told: tuple[Any, ...], instrument_id: int, now_ns: int) -> Event:
    """Return what `MarketReader.scan` tells as the event that it is.

    A touch has no time of its own: now_ns is when it came.
    """
    match told[0]:
        case MessageKind.DELTA:
            first, last, bids, asks, time_ns, odd_bids, odd_asks = told[2:]
            delta = BookDelta(instrument_id, first, last, bids, asks, time_ns)
            if odd_bids or odd_asks:
                sides = (tuple(map(OddLevel._make, odd)) for odd in (odd_bids, odd_asks))
                odd_bids, odd_asks = sides
                return replace(delta, odd_bids=odd_bids, odd_asks=odd_asks)
            return delta
        case MessageKind.TRADE:
            trade_id, price_ticks, size_lots, is_sold, time_ns, _ = told[2:]
            side = Side.SELL if is_sold else Side.BUY
            return Trade(instrument_id, trade_id, price_ticks, size_lots, side, time_ns)
        case _:
            assert told[0] == MessageKind.TOUCH, "a stream tells no whole books"
            sequence, bid_ticks, bid_lots, ask_ticks, ask_lots, _ = told[2:]
            return Touch(instrument_id, sequence, bid_ticks, bid_lots, ask_ticks, ask_lots, now_ns)


# -- orders -------------------------------------------------------------------------------------

HOLES: dict[str, Hole] = {
    "side": Hole.SIDE,
    "quantity": Hole.SIZE,
    "price": Hole.PRICE,
    "newClientOrderId": Hole.CLIENT_ORDER_ID,
}


def order_form(place: Place, listings: Listings, key: str, host: str) -> OrderForm:
    """Return the form of orders like one, for other sides, prices, sizes, ids and times.

    Whatever else the order says (a trigger, say) stays. host is the venue's address as the request
    names it: a name, and a port where it is another than usual.

    Raises:
        Unsupported: The venue has no such order, or it has no size.
        AuthError: The key is none of this venue's.
        ConfigError: The host is no host.
    """
    if not (key.isascii() and key.isalnum() and len(key) <= KEY_MAX):
        raise AuthError("a key has letters and digits only; copy it as it was shown")
    check_host(host)
    if place.quote_atoms is not None:
        raise Unsupported("an order by its quote amount has no size to be filled in")
    instrument = listings[place.instrument_id]
    signed: list[str | Hole] = []
    for pair in write(place_to_wire(place, listings)).split("&"):
        name, _, value = pair.partition("=")
        signed += [f"{'&' if signed else ''}{name}=", HOLES.get(name, value)]
    signed += [f"&recvWindow={WINDOW_MS}&timestamp=", Hole.TIME]
    endpoint = orders.PLACE
    head = (
        f"{endpoint.method} {endpoint.path} HTTP/1.1\r\nhost: {host}\r\n{KEY_HEADER}: {key}\r\n"
        f"content-type: {FORM}\r\ncontent-length: "
    )
    return OrderForm(
        signed=tuple(signed),
        head=(head, Hole.BODY_LENGTH, "\r\n\r\n"),
        body=(Hole.SIGNED, f"&{SIGNATURE}=", Hole.SIGNATURE),
        buy=Side.BUY.name,
        sell=Side.SELL.name,
        time_unit_ns=MS_NS,
        decimals=DECIMALS,
        tick=tick_e8(instrument),
        lot=lot_e8(instrument),
        price_max_ticks=instrument.price_max_ticks,
        size_min_lots=instrument.size_min_lots,
        size_max_lots=instrument.size_max_lots,
    )
