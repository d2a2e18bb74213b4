"""The tables against the dialect's Python code, which is the specification."""

import json
from random import Random

import msgspec
import pytest
import traffic
from feed_twins import Twins
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from mutations import mutated
from recordings import answers, heard

from steelyard.dialects.coinbase_exchange import DIALECT, frames, market, stream, tables
from steelyard.dialects.coinbase_exchange.messages import Product
from steelyard.dialects.coinbase_exchange.text import SIDE_NAMES
from steelyard.domain.errors import AuthError, ConfigError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookDelta, BookSnapshot, Trade
from steelyard.domain.order import OrderType, RejectReason, SelfTrade, Side, TimeInForce
from steelyard.wire.book import LEVELS_MAX, Told
from steelyard.wire.dialect import ApiKey
from steelyard.wire.moments import iso
from steelyard.wire.uuids import client_uuid
from tests.dialects.coinbase_exchange.test_client import place
from tests.shared.desk import BTC_USDT

orders = pytest.importorskip("steelyard.wire.orders", reason="no native module was built")

CLIENT = DIALECT.client
ETH_USDT = Instrument.spot(
    1,
    (3, "ETH"),
    (2, "USDT"),
    tick_size="0.05",
    lot_size="0.001",
    price_max="100000",
    size_max="100000",
    notional_min="1",
)
MARKETS = (BTC_USDT, ETH_USDT)
LISTINGS = Listings(MARKETS)
NOW_NS = 1_700_000_000_123_456_789
OTHERS = (
    b'{"type":"heartbeat","sequence":1,"last_trade_id":1,"product_id":"BTC-USDT","time":"x"}',
    b'{"type":"last_match"}',
    b'{"type":"news","any":["thing"]}',
    b"[]",
    b"{}",
)

levels = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 3)), max_size=6).map(tuple)
times = st.integers(0, 2**62).map(lambda ns: ns // 1_000 * 1_000)
numbers = st.sampled_from([market.instrument_id for market in MARKETS])
trades = st.builds(
    Trade,
    numbers,
    st.integers(0, 2**53),
    st.integers(1, 2**40),
    st.integers(1, 2**40),
    st.sampled_from(list(Side)),
    times,
)
deltas = st.builds(BookDelta, numbers, st.just(0), st.just(0), levels, levels, times)
snapshots = st.builds(BookSnapshot, numbers, st.just(0), levels, levels, times)


def framed(event) -> bytes:
    """Return an event as the venue tells it."""
    match event:
        case BookSnapshot():
            told = stream.snapshot_to_wire(event, LISTINGS)
        case BookDelta():
            told = stream.update_to_wire(event, LISTINGS)
        case _:
            instrument = LISTINGS[event.instrument_id]
            told = frames.Match(
                trade_id=event.trade_id,
                sequence=1,
                maker_order_id="m",
                taker_order_id="t",
                time=iso(event.time_ns),
                product_id=instrument.symbol,
                size=f"{instrument.size(event.size_lots):f}",
                price=f"{instrument.price(event.price_ticks):f}",
                side=SIDE_NAMES[event.taker_side.opposite],
            )
    return msgspec.json.encode(told)


@given(st.lists(st.one_of(deltas, snapshots, trades, st.sampled_from(OTHERS)), max_size=25))
def test_both_follow_alike(told):
    """Whole books and changes of two markets in any order, trades, and what is passed over."""
    twins = Twins(CLIENT, MARKETS)
    for event in told:
        frame = event if isinstance(event, bytes) else framed(event)
        heard_ = twins.receive(frame, NOW_NS)
        if isinstance(event, Trade):
            assert heard_ == [event]


@given(st.one_of(deltas, snapshots, trades), st.randoms(use_true_random=False))
def test_order_space_and_strange_names_do_not_matter(event, random: Random):
    """Names in any order, with space and with names that nobody knows."""
    items = [*json.loads(framed(event)).items(), ("new", {"type": [1, {"a": None}], "é": -1.5e3})]
    random.shuffle(items)
    twins = Twins(CLIENT, MARKETS)
    twins.receive(json.dumps(dict(items), indent=random.choice([None, 1])), NOW_NS)
    twins.receive(json.dumps(dict(items)).encode(), NOW_NS)


@given(st.integers(0, 2**64 - 1))
def test_what_is_broken_is_read_alike(seed):
    """Of whole conversations: another value, a name told twice, half a frame, half another one."""
    random, said = Random(seed), traffic.of_dialect("coinbase-exchange")
    twins = Twins(CLIENT, MARKETS)
    for _ in range(20):
        right = random.choice(said.heard["market"])
        twins.receive(mutated(right, said.all, random), NOW_NS)
        twins.receive(right, NOW_NS)


@pytest.mark.parametrize(
    ("frame", "became"),
    [
        (b'"changes":[["buy","1.00","0.00001"]],"time":"2024-03-11T20:48:46Z"', Told.CHANGED),
        (b'"time":"2024-03-11T20:48:46.5Z","changes":[]', Told.CHANGED),
        # Narrower tables: the Python code takes these, and they enter the same book.
        (b'"changes":[["b\\u0075y","1","2"]],"time":"2024-03-11T20:48:46Z"', Told.CHANGED),
        (b'"changes":[["sell","9","2"]],"time":"2024-03-11T21:48:46+01:00"', Told.CHANGED),
        (b'"changes":[],"time":"2024-03-11 20:48:46"', Told.CHANGED),
        (b'"changes":[["buy","1","0.00001000000000009"]],"time":"2024-03-11"', Told.CHANGED),
        # And these nobody takes.
        (b'"changes":[["buy","90071992547409.93","2"]],"time":"2024-03-11T20:48:46Z"', None),
        (b'"changes":[["buy","1","99999999999999999999"]],"time":"2024-03-11T20:48:46Z"', None),
        (b'"changes":[],"time":"6024-03-11T20:48:46Z"', None),
        (b'"changes":[["buy","1.005","2"]],"time":"2024-03-11T20:48:46Z"', None),
        (b'"changes":[["bought","1","2"]],"time":"2024-03-11T20:48:46Z"', None),
        (b'"changes":[["buy","1","2","3"]],"time":"2024-03-11T20:48:46Z"', None),
        (b'"changes":[["buy","1"]],"time":"2024-03-11T20:48:46Z"', None),
        (b'"changes":[["buy",1,"2"]],"time":"2024-03-11T20:48:46Z"', None),
        (b'"changes":[["buy","1","-2"]],"time":"2024-03-11T20:48:46Z"', None),
        (b'"changes":[["buy","1e2","2"]],"time":"2024-03-11T20:48:46Z"', None),
        (b'"changes":[],"time":"2024-02-30T20:48:46Z"', None),
        (b'"changes":[],"time":5', None),
        (b'"changes":[]', None),
        (b'"time":"2024-03-11T20:48:46Z"', None),
    ],
)
def test_golden_changes(frame, became):
    """What is in a book and what is not."""
    twins = Twins(CLIENT, [BTC_USDT])
    twins.receive(framed(BookSnapshot(0, 0, ((99, 1),), ((101, 1),), 0)), NOW_NS)
    told = twins.receive(b'{"type":"l2update","product_id":"BTC-USDT",%s}' % frame, NOW_NS)
    assert told[0] == ("refused" if became is None else (0, became))
    twins.receive(framed(BookDelta(0, 0, 0, ((98, 1),), (), 5_000)), NOW_NS)


def test_a_book_without_a_time_is_of_when_it_came():
    """Older venues' snapshots have none, and the twin of it is an empty one."""
    twins = Twins(CLIENT, [BTC_USDT])
    for time in (b"", b',"time":""'):
        frame = b'{"type":"snapshot","product_id":"BTC-USDT","asks":[],"bids":[["1","2"]]%s}'
        assert twins.receive(frame % time, NOW_NS) == [(0, Told.WHOLE)]
        assert twins.native.views[0].time_ns == NOW_NS


def test_rests_answer_is_read_too():
    """A book that was asked for has no number of the feed's."""
    reader = pytest.importorskip("steelyard.wire.reader").MarketReader(*tables.market([BTC_USDT]))
    body = b'{"bids":[["1.00","0.1",1]],"asks":[],"sequence":5,"auction_mode":false,"time":"%s"}'
    body = body.replace(b",1]", b"]") % b"2024-03-11T20:48:46.622052Z"
    assert reader.receive_snapshot(0, body) == Told.CHANGED
    assert (reader.book(0).bids(5), reader.book(0).sequence) == ([(100, 10_000)], 0)


def test_steps_that_are_too_fine_are_left_to_the_python_code():
    """There are no such here, but there might be at the venue."""
    assert CLIENT.market_table([replace(BTC_USDT, tick_lot_atoms=1, lot_atoms=10**13)]) is None


# -- what the venue has really sent -------------------------------------------------------------


@pytest.mark.slow
def test_a_captured_day_is_followed_alike(shared_data):
    """Ten markets of 2021: every frame, with the books level by level."""
    ((_, body),) = answers(shared_data / "captures" / "COINBASE.0.gz")
    products = msgspec.json.decode(body, type=tuple[Product, ...])
    listed = {it.symbol: it for it in market.instruments_from_wire(products).instruments}
    captured = [*heard(shared_data / "captures" / "COINBASE.ws.28.0.gz")]
    told = {json.loads(it).get("product_id") for it in captured} - {None}
    markets = [replace(listed[symbol], instrument_id=n) for n, symbol in enumerate(sorted(told))]
    twins, became = Twins(CLIENT, markets), []
    for count, frame in enumerate(captured):
        told = twins.receive(frame, NOW_NS, depth=5 if count % 500 else LEVELS_MAX)
        became += [it for it in told if not isinstance(it, str | int)]
    trades = [it for it in became if isinstance(it, Trade)]
    assert len(trades) == 97
    assert sum(it[1] is Told.WHOLE for it in became if isinstance(it, tuple)) == len(markets)
    assert sum(it[1] is Told.CHANGED for it in became if isinstance(it, tuple)) == 9_719
    assert all(not view.needs_snapshot for view in twins.native.views.values())


# -- orders -------------------------------------------------------------------------------------

KEY = ApiKey("0123456789abcdef" * 2, b"YW4gZXhhbXBsZSBzZWNyZXQsIG5vdCBhIHJlYWwgb25l", "an example")
HOST = "127.0.0.1:8602"


def signer(order, key=KEY):
    return orders.OrderSigner(tables.order_form(order, LISTINGS, key, HOST), key)


def parsed(request: bytes):
    """Return method, target, headers and body of a request."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    method, target, version = first.split(" ")
    assert version == "HTTP/1.1"
    headers = dict(line.split(": ", 1) for line in rest)
    assert headers.pop("host") == HOST
    assert int(headers.pop("content-length")) == len(body)
    return method, target, headers, body


KINDS = [
    (OrderType.LIMIT, TimeInForce.GTC, False),
    (OrderType.LIMIT, TimeInForce.IOC, False),
    (OrderType.LIMIT, TimeInForce.FOK, False),
    (OrderType.LIMIT, TimeInForce.GTC, True),
    (OrderType.MARKET, TimeInForce.IOC, False),
]


@st.composite
def places(draw):
    """Return an order that the venue has."""
    instrument = draw(st.sampled_from(MARKETS))
    order_type, time_in_force, post_only = draw(st.sampled_from(KINDS))
    is_limit = order_type is OrderType.LIMIT
    own = draw(st.one_of(st.none(), st.integers(0, 2**128 - 1)))
    return replace(
        place(),
        instrument_id=instrument.instrument_id,
        side=draw(st.sampled_from(list(Side))),
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=post_only,
        price_ticks=draw(st.integers(1, instrument.price_max_ticks)) if is_limit else None,
        size_lots=draw(st.integers(1, instrument.size_max_lots)),
        self_trade=draw(st.sampled_from([SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_OLDEST])),
        client_order_id="" if own is None else client_uuid(own),
    )


@given(places(), st.integers(0, 2**62))
def test_orders_are_signed_as_the_dialect_signs_them(order, now_ns):
    """Every kind of order, price, size, id and time: the same request, byte for byte."""
    expected = CLIENT.request(order, LISTINGS, KEY, now_ns)
    terms = (order.side, order.price_ticks, order.size_lots, order.client_order_id, now_ns)
    assert parsed(signer(order).request(*terms)) == expected


@given(places(), st.integers(0, 99), st.integers(0, 99))
def test_numbers_are_rounded_to_whole_steps(order, above, over):
    """What is a bit more than a step, of price or size, is sent as whole steps, for the sender."""
    instrument = LISTINGS[order.instrument_id]
    price = instrument.price(order.price_ticks or 1) + instrument.tick_size * above / 100
    size = instrument.size(order.size_lots) + instrument.lot_size * over / 100
    up = int(above > 0 and order.side is Side.SELL)
    if order.price_ticks is not None and order.price_ticks + up > instrument.price_max_ticks:
        return
    ticks = None if order.price_ticks is None else order.price_ticks + up
    form, terms = signer(order), (order.client_order_id, NOW_NS)
    expected = form.request(order.side, ticks, order.size_lots, *terms)
    wanted = None if ticks is None else price
    assert form.sized(order.side, wanted, size, *terms) == expected


def test_a_secret_that_is_mistyped_signs_as_it_does_there():
    """The venue says what is wrong with it; nobody falls over."""
    order, key = place(), KEY._replace(secret=b"not base64!")
    terms = (order.side, order.price_ticks, order.size_lots, "", NOW_NS)
    expected = CLIENT.request(order, LISTINGS, key, NOW_NS)
    assert parsed(signer(order, key).request(*terms)) == expected


def test_an_id_that_the_venue_would_drop_is_refused():
    """An order whose id is not kept could not be found again."""
    form = signer(place(client_order_id=client_uuid(5)))
    for wrong in ("mine", client_uuid(5).upper(), client_uuid(5)[:-1], ""):
        with pytest.raises(UnitError) as caught:
            form.request(Side.BUY, 1, 1, wrong, NOW_NS)
        assert caught.value.reason is RejectReason.UNSUPPORTED


@pytest.mark.parametrize(
    ("order", "key", "host", "error"),
    [
        (place(time_in_force=TimeInForce.GTD, expire_ns=5), KEY, HOST, Unsupported),
        (place(order_type=OrderType.STOP_LIMIT, trigger_ticks=5), KEY, HOST, Unsupported),
        (place(), KEY._replace(key="a\r\nb"), HOST, AuthError),
        (place(), KEY._replace(passphrase=""), HOST, AuthError),
        (place(), KEY, "a b", ConfigError),
    ],
)
def test_forms_that_cannot_be_made_say_why(order, key, host, error):
    with pytest.raises(error):
        tables.order_form(order, LISTINGS, key, host)
