"""What Kraken's WebSocket v2 and its orders look like, for who reads and writes by tables.

The invariant: a table takes what `stream.MarketFollower` takes and says what that says; where a
table is narrower (escapes in names, exponents, prices in quotes, a name told twice, times with an
offset) it refuses, never guesses. Messages of a book have no numbers; they are counted, and each
has the checksum of the book with it.
"""

from collections.abc import Sequence

from steelyard.dialects.kraken import orders
from steelyard.dialects.kraken.auth import KEY_HEADER, KEY_MAX, SIGN_HEADER
from steelyard.dialects.kraken.book import CHECKED
from steelyard.dialects.kraken.parameters import FORM, write
from steelyard.dialects.kraken.placing import SIDE_NAMES, place_to_wire
from steelyard.dialects.kraken.stream import DEPTH
from steelyard.dialects.kraken.text import (
    PRICE_DECIMALS_MAX,
    SIZE_DECIMALS,
    lot_e8,
    price_decimals,
    symbol_text,
    tick_units,
)
from steelyard.domain.commands import Place
from steelyard.domain.errors import AuthError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import Side
from steelyard.wire.http import check_host
from steelyard.wire.tables import (
    Continuity,
    Encoding,
    Field,
    Hash,
    Hole,
    LevelTable,
    MarketTable,
    MessageKind,
    MessageTable,
    OrderForm,
    Slot,
    Steps,
    StreamTable,
    TimeForm,
)

BOOK = (
    Field(Slot.SYMBOL, ("symbol",)),
    Field(Slot.BIDS, ("bids",)),
    Field(Slot.ASKS, ("asks",)),
    Field(Slot.CHECKSUM, ("checksum",)),
    Field(Slot.TIME, ("timestamp",), is_required=False),
)
UPDATE = MessageTable(MessageKind.DELTA, BOOK, names=("book",), is_list=True)
SNAPSHOT = MessageTable(
    MessageKind.SNAPSHOT, BOOK, names=("book",), variants=("snapshot",), is_list=True
)
TRADE = MessageTable(
    MessageKind.TRADE,
    (
        Field(Slot.SYMBOL, ("symbol",)),
        Field(Slot.TAKER_SIDE, ("side",)),
        Field(Slot.PRICE, ("price",)),
        Field(Slot.SIZE, ("qty",)),
        Field(Slot.TEXT, ("ord_type",), is_required=False),
        Field(Slot.TRADE_ID, ("trade_id",)),
        Field(Slot.TIME, ("timestamp",)),
    ),
    names=("trade",),
    is_list=True,
)

MARKET = StreamTable(
    kind_path=("channel",),
    kind_after="",
    variant_path=("type",),
    payload_path=("data",),
    beside=(
        Field(Slot.TEXT, ("method",), is_required=False),
        Field(Slot.INTEGER, ("sequence",), is_required=False),
        Field(Slot.TEXT, ("timestamp",), is_required=False),
    ),
    messages=(SNAPSHOT, UPDATE, TRADE),  # of a book, what is not whole is a change
    snapshot=MessageTable(MessageKind.SNAPSHOT, BOOK),
    decimals=PRICE_DECIMALS_MAX,
    size_decimals=SIZE_DECIMALS,
    has_quotes=False,
    levels=LevelTable(names=("price", "qty")),
    takes_odd=False,
    sold='"sell"',
    bought='"buy"',
    time_form=TimeForm.ISO,
    time_unit_ns=1,
    continuity=Continuity.UNNUMBERED,
    depth=DEPTH,
    checked_levels=CHECKED,
)
"""The channels book and trade. Books that REST tells are not read by it: their levels are lists."""


def steps(instrument: Instrument) -> Steps:
    """Return an instrument as its prices and sizes are counted here.

    Raises:
        Unsupported: Its steps are finer than Kraken spells.
    """
    scale = 10 ** (PRICE_DECIMALS_MAX - price_decimals(instrument))
    return Steps(symbol_text(instrument), tick_units(instrument) * scale, lot_e8(instrument))


def market(instruments: Sequence[Instrument], depth: int = DEPTH) -> MarketTable:
    """Return the channels of some instruments, in that order; depth is what was subscribed to.

    Raises:
        Unsupported: Steps are finer than Kraken spells.
    """
    stream = MARKET if depth == DEPTH else MARKET._replace(depth=depth)
    return MarketTable(stream, tuple(steps(instrument) for instrument in instruments))


# -- orders -------------------------------------------------------------------------------------

HOLES: dict[str, Hole] = {
    "type": Hole.SIDE,
    "volume": Hole.SIZE,
    "cl_ord_id": Hole.CLIENT_ORDER_ID,
}
BURST_NS = SECOND_NS  # within it a clock that stands still or is set back does not repeat nonces


def order_form(place: Place, listings: Listings, key: str, host: str) -> OrderForm:
    """Return the form of orders like one, for other sides, prices, sizes and ids.

    Its time is the nonce, which goes up with each request: a key is for one signer alone. Whatever
    else the order says (a trigger, say) stays. host is the venue's address as the request names
    it: a name, and a port where it is another than usual.

    Raises:
        Unsupported: The venue has no such order, or it has no size.
        AuthError: The key is none of this venue's.
        ConfigError: The host is no host.
    """
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= KEY_MAX):
        raise AuthError("copy the key as it was shown")
    if place.quote_atoms is not None:
        raise Unsupported("an order by its quote amount has no size to be filled in")
    instrument = listings[place.instrument_id]
    price = "price2" if place.order_type.waits else "price"
    holes = HOLES | {price: Hole.PRICE}
    body: list[str | Hole] = ["nonce=", Hole.TIME]
    for pair in write(place_to_wire(place, listings)).split("&"):
        name, _, value = pair.partition("=")
        body += [f"&{name}=", holes.get(name, value)]
    endpoint = orders.ADD
    first = f"{endpoint.method} {endpoint.path} HTTP/1.1"
    headers = {"host": check_host(host), "content-type": FORM, KEY_HEADER: key}
    start = "\r\n".join((first, *(f"{name}: {value}" for name, value in headers.items())))
    return OrderForm(
        signed=(endpoint.path, Hole.DIGEST),
        digested=(Hole.TIME, Hole.BODY),
        head=(
            *(f"{start}\r\n{SIGN_HEADER}: ", Hole.SIGNATURE),
            *("\r\ncontent-length: ", Hole.BODY_LENGTH, "\r\n\r\n"),
        ),
        body=tuple(body),
        buy=SIDE_NAMES[Side.BUY],
        sell=SIDE_NAMES[Side.SELL],
        time_unit_ns=1,
        decimals=price_decimals(instrument),
        tick=tick_units(instrument),
        lot=lot_e8(instrument),
        price_max_ticks=instrument.price_max_ticks,
        size_min_lots=instrument.size_min_lots,
        size_max_lots=instrument.size_max_lots,
        size_decimals=SIZE_DECIMALS,
        is_padded=True,
        hashed=Hash.SHA512,
        encoding=Encoding.BASE64,
        secret=Encoding.BASE64,
        rises_within_ns=BURST_NS,
    )
