"""What Bybit's orders look like, for who writes them by tables.

The invariant: a form makes what `client.BybitClient` makes of the same order at the same time.
There is no table of the market stream: a book may begin again at a lower number on the same
subscription, which the native reader does not know.
"""

from msgspec.structs import replace

from steelyard.dialects.bybit import orders
from steelyard.dialects.bybit.auth import KEY, SIGN, TIMESTAMP, WINDOW, WINDOW_MS
from steelyard.dialects.bybit.parameters import JSON, told
from steelyard.dialects.bybit.placing import place_to_wire
from steelyard.dialects.bybit.text import MS_NS, SIDE_NAMES, lot, tick
from steelyard.domain.commands import Place
from steelyard.domain.errors import AuthError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.order import Side
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import check_host
from steelyard.wire.tables import Hole, OrderForm, json_holes

KEY_MAX = 128  # characters of a key
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
