"""What Coinbase Exchange's feed and orders look like, for who reads and writes by tables.

The invariant: a table takes what `MarketFollower` takes and says what that says; where a table is
narrower (escapes in names, numbers beyond 64 bits, a name told twice, times with an offset) it
refuses, never guesses. Messages of a book have no numbers; they are counted.
"""

from collections.abc import Sequence

from steelyard.dialects.coinbase_exchange import orders
from steelyard.dialects.coinbase_exchange.auth import KEY, KEY_MAX, PASSPHRASE, SIGN, TIMESTAMP
from steelyard.dialects.coinbase_exchange.parameters import JSON, told
from steelyard.dialects.coinbase_exchange.placing import place_to_wire
from steelyard.dialects.coinbase_exchange.text import SIDE_NAMES
from steelyard.domain.commands import Place
from steelyard.domain.errors import AuthError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.order import Side
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import check_host
from steelyard.wire.numerals import ATOM_DECIMALS, lot, tick
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
    TimeForm,
    json_holes,
)

USER_AGENT = "steelyard"
DECIMALS = ATOM_DECIMALS  # of prices and sizes, at most
MS_NS = 1_000_000

UPDATE = MessageTable(
    MessageKind.DELTA,
    (
        Field(Slot.SYMBOL, ("product_id",)),
        Field(Slot.CHANGES, ("changes",)),
        Field(Slot.TIME, ("time",)),
    ),
    names=("l2update",),
)
SNAPSHOT = MessageTable(
    MessageKind.SNAPSHOT,
    (
        Field(Slot.SYMBOL, ("product_id",)),
        Field(Slot.ASKS, ("asks",)),
        Field(Slot.BIDS, ("bids",)),
        Field(Slot.TIME, ("time",), is_required=False),
    ),
    names=("snapshot",),
)
_OF_ITS_SIDES = ("user_id", "profile_id", "fee_rate")
MATCH = MessageTable(
    MessageKind.TRADE,
    (
        Field(Slot.TRADE_ID, ("trade_id",)),
        Field(Slot.TEXT, ("maker_order_id",)),
        Field(Slot.TEXT, ("taker_order_id",)),
        Field(Slot.TAKER_SIDE, ("side",)),
        Field(Slot.SIZE, ("size",)),
        Field(Slot.PRICE, ("price",)),
        Field(Slot.SYMBOL, ("product_id",)),
        Field(Slot.INTEGER, ("sequence",)),
        Field(Slot.TIME, ("time",)),
        *(
            Field(Slot.TEXT, (f"{side}{name}",), is_required=False)
            for side in ("taker_", "maker_", "")
            for name in _OF_ITS_SIDES
            if side or name != "fee_rate"
        ),
    ),
    names=("match",),
)
ASKED = MessageTable(
    MessageKind.SNAPSHOT,
    (
        Field(Slot.BIDS, ("bids",)),
        Field(Slot.ASKS, ("asks",)),
        Field(Slot.TIME, ("time",)),
    ),
)

MARKET = StreamTable(
    kind_path=("type",),
    kind_after="",
    payload_path=(),
    messages=(UPDATE, MATCH, SNAPSHOT),
    snapshot=ASKED,
    decimals=DECIMALS,
    changes=LevelTable((Column.SIDE, Column.PRICE, Column.SIZE)),
    bid='"buy"',
    ask='"sell"',
    takes_odd=False,
    sold='"buy"',  # side: the maker's
    bought='"sell"',
    time_form=TimeForm.ISO,
    time_unit_ns=1,
    continuity=Continuity.UNNUMBERED,
)
"""The channels level2, level2_batch and matches."""


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
    """Return the feed of some instruments, in that order.

    Raises:
        Unsupported: Steps are finer than `DECIMALS` tell.
    """
    return MarketTable(MARKET, tuple(steps(instrument) for instrument in instruments))


# -- orders -------------------------------------------------------------------------------------

HOLES: dict[str, Hole] = {
    "side": Hole.SIDE,
    "size": Hole.SIZE,
    "price": Hole.PRICE,
    "client_oid": Hole.JSON_ID,
}
RANDOM_UUID = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx"


def order_form(place: Place, listings: Listings, key: ApiKey, host: str) -> OrderForm:
    """Return the form of orders like one, for other sides, prices, sizes, ids and times.

    host is the venue's address as the request names it: a name, and a port where it is another
    than usual.

    Raises:
        Unsupported: The venue has no such order, or what it says depends on its side.
        AuthError: The key or its passphrase is none of this venue's.
        ConfigError: The host is no host.
    """
    for text in (key.key, key.passphrase):
        if not (text.isascii() and text.isprintable() and 0 < len(text) <= KEY_MAX):
            raise AuthError("a key has a passphrase; copy both as they were shown")
    if place.order_type.waits:
        raise Unsupported("which way a stop waits is said by side; sign it by the client")
    instrument = listings[place.instrument_id]
    endpoint = orders.PLACE
    first = f"{endpoint.method} {endpoint.path} HTTP/1.1"
    headers = {
        "host": check_host(host),
        "user-agent": USER_AGENT,
        "content-type": JSON,
        KEY: key.key,
        PASSPHRASE: key.passphrase,
    }
    start = "\r\n".join((first, *(f"{name}: {value}" for name, value in headers.items())))
    price, size = tick(instrument), lot(instrument)
    return OrderForm(
        signed=(Hole.TIME, f"{endpoint.method}{endpoint.path}", Hole.BODY),
        head=(
            *(f"{start}\r\n{TIMESTAMP}: ", Hole.TIME, f"\r\n{SIGN}: ", Hole.SIGNATURE),
            *("\r\ncontent-length: ", Hole.BODY_LENGTH, "\r\n\r\n"),
        ),
        body=json_holes(told(place_to_wire(place, listings)), HOLES),
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
        secret=Encoding.BASE64,
        clock=Clock.SECONDS,
        id_form=RANDOM_UUID,
    )
