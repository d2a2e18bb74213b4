"""What WEEX's stream of books and its orders look like, for who reads and writes by tables.

The invariant: the table takes what `follower.MarketFollower` takes and says what that says; where
it is narrower (escapes in names, a name told twice) it refuses, never guesses. Trades are not in
it: their ids may be UUIDs.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from steelyard.dialects.weex import auth, orders, placing
from steelyard.dialects.weex.parameters import JSON, told
from steelyard.dialects.weex.text import SIDE_NAMES, symbol_text
from steelyard.domain.commands import Place
from steelyard.domain.errors import AuthError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.order import Side
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import check_host
from steelyard.wire.numerals import lot, tick
from steelyard.wire.tables import (
    Continuity,
    Encoding,
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


# -- orders -------------------------------------------------------------------------------------

HOLES: dict[str, Hole] = {
    "side": Hole.SIDE,
    "quantity": Hole.SIZE,
    "price": Hole.PRICE,
    "newClientOrderId": Hole.JSON_ID,
}
OWN_ID = "x" * 32  # as our client prints ids


def order_form(place: Place, listings: Listings, key: ApiKey, host: str) -> OrderForm:
    """Return the form of orders like one, for other sides, prices, sizes, ids and times.

    host is the venue's address as the request names it: a name, and a port where it is another
    than usual.

    Raises:
        Unsupported: The venue has no such order, or it has no price.
        AuthError: The key or its passphrase is none of this venue's.
        ConfigError: The host is no host.
    """
    for text in (key.key, key.passphrase):
        if not (text.isascii() and text.isprintable() and 0 < len(text) <= auth.KEY_MAX):
            raise AuthError("a key has a passphrase; copy both as they were shown")
    if place.quote_atoms is not None or place.price_ticks is None:
        raise Unsupported("an order at the market has no price to be filled in")
    named = replace(place, client_order_id="0" * len(OWN_ID))
    endpoint, instrument = orders.PLACE, listings[place.instrument_id]
    headers = {"host": check_host(host), auth.AGENT: auth.USER_AGENT, "content-type": JSON}
    headers |= {auth.KEY: key.key, auth.PASSPHRASE: key.passphrase}
    first = f"{endpoint.method} {endpoint.path} HTTP/1.1"
    start = "\r\n".join((first, *(f"{name}: {value}" for name, value in headers.items())))
    price, size = tick(instrument), lot(instrument)
    return OrderForm(
        signed=(Hole.TIME, f"{endpoint.method}{endpoint.path}", Hole.BODY),
        head=(
            *(f"{start}\r\n{auth.TIMESTAMP}: ", Hole.TIME, f"\r\n{auth.SIGN}: ", Hole.SIGNATURE),
            *("\r\ncontent-length: ", Hole.BODY_LENGTH, "\r\n\r\n"),
        ),
        body=json_holes(told(placing.place_to_wire(named, listings)), HOLES),
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
        encoding=Encoding.BASE64,
        id_form=OWN_ID,
    )
