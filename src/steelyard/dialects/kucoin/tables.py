"""What KuCoin's market stream and orders look like, for who reads and writes by tables.

The invariant: a table takes what `MarketFollower` takes and says what that says; where a table is
narrower (escapes in names, numbers beyond 64 bits, a name told twice) it refuses, never guesses.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from steelyard.dialects.kucoin import auth, orders, placing
from steelyard.dialects.kucoin.auth import KEY_MAX
from steelyard.dialects.kucoin.parameters import JSON, told
from steelyard.dialects.kucoin.text import SIDE_NAMES, lot, tick
from steelyard.domain.commands import Place
from steelyard.domain.errors import AuthError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.order import Side
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import check_host
from steelyard.wire.tables import (
    Column,
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


# -- orders -------------------------------------------------------------------------------------

HOLES: dict[str, Hole] = {
    "side": Hole.SIDE,
    "size": Hole.SIZE,
    "price": Hole.PRICE,
    "clientOid": Hole.JSON_ID,
}
OWN_ID = "x" * 32  # as our client prints ids


def order_form(place: Place, listings: Listings, key: ApiKey, host: str) -> OrderForm:
    """Return the form of orders like one, for other sides, prices, sizes, ids and times.

    host is the venue's address as the request names it: a name, and a port where it is another
    than usual. What waits says by its side which way its price has to come, and how little of an
    iceberg may be seen depends on its size: the client end signs those.

    Raises:
        Unsupported: The venue has no such order, or it waits, is an iceberg, or has no price.
        AuthError: The key or its passphrase is none of this venue's.
        ConfigError: The host is no host.
    """
    for text in (key.key, key.passphrase):
        if not (text.isascii() and text.isprintable() and 0 < len(text) <= KEY_MAX):
            raise AuthError("a key has a passphrase; copy both as they were shown")
    if place.quote_atoms is not None or place.price_ticks is None:
        raise Unsupported("an order at the market has no price or size to be filled in")
    if place.order_type.waits or place.display_lots:
        raise Unsupported("an order that waits, and an iceberg, is signed by the client")
    named = replace(place, client_order_id="0" * len(OWN_ID))
    endpoint, instrument = orders.PLACE_SYNC, listings[place.instrument_id]
    headers = {"host": check_host(host), "user-agent": USER_AGENT, "content-type": JSON}
    headers |= {auth.KEY: key.key, auth.VERSION: auth.OUR_VERSION}
    headers[auth.PASSPHRASE] = auth.sign(key.passphrase.encode(), key.secret)
    first = f"{endpoint.method} {endpoint.path} HTTP/1.1"
    start = "\r\n".join((first, *(f"{name}: {value}" for name, value in headers.items())))
    step = steps(instrument)
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
        decimals=DECIMALS,
        tick=step.tick,
        lot=step.lot,
        price_max_ticks=instrument.price_max_ticks,
        size_min_lots=instrument.size_min_lots,
        size_max_lots=instrument.size_max_lots,
        encoding=Encoding.BASE64,
        id_form=OWN_ID,
    )
