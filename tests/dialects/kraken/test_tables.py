"""The tables against the dialect's Python code, which is the specification."""

import json
from random import Random

import msgspec
import pytest
import traffic
from feed_twins import Twins
from hypothesis import given, settings
from hypothesis import strategies as st
from kraken_frames import books_of_old
from msgspec.structs import replace
from mutations import mutated

from steelyard.dialects.kraken import DIALECT, stream, tables
from steelyard.dialects.kraken.book import checksum
from steelyard.dialects.kraken.client import KrakenClient
from steelyard.dialects.kraken.frames import Level
from steelyard.dialects.kraken.text import price_text, size_text
from steelyard.domain.errors import AuthError, ConfigError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookDelta, BookSnapshot, Trade
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.trading.feed import MarketFeed
from steelyard.wire.book import LEVELS_MAX, Told
from steelyard.wire.dialect import ChannelKind
from steelyard.wire.tables import MessageKind
from tests.dialects.kraken.test_client import KEY, PLACE
from tests.shared.desk import BTC_USDT

orders = pytest.importorskip("steelyard.wire.orders", reason="no native module was built")

CLIENT = DIALECT.client
SOL_USD = Instrument.spot(
    1,
    (3, "SOL"),
    (4, "USD"),
    tick_size="0.0005",
    lot_size="0.00000001",
    price_max="100000",
    size_max="100000",
    notional_min="0.5",
)
MARKETS = (BTC_USDT, SOL_USD)
LISTINGS = Listings(MARKETS)
NOW_NS = 1_700_000_000_123_456_789
OTHERS = (
    b'{"channel":"heartbeat"}',
    b'{"channel":"status","type":"update","data":[{"system":"online"}]}',
    b'{"method":"pong","time_in":"x","time_out":"x"}',
    b'{"channel":"trade","type":"snapshot","data":[]}',
    b'{"channel":"book","type":"update","data":[]}',
    b"[]",
    b"{}",
)
Sides = tuple[dict[int, int], dict[int, int]]


class Market:
    """What the venue knows of one instrument, and how it tells its best levels."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.sides: Sides = ({}, {})
        self.told: Sides = ({}, {})
        self.time_ns = 1_000

    def view(self) -> Sides:
        """Return the levels that the stream tells of."""
        bids, asks = self.sides
        best = sorted(bids, reverse=True)[: stream.DEPTH], sorted(asks)[: stream.DEPTH]
        return {it: bids[it] for it in best[0]}, {it: asks[it] for it in best[1]}

    def change(self, changes) -> None:
        """Set sizes at prices, 0 removes; side 0 are the bids."""
        for side, ticks, lots in changes:
            self.sides[side].pop(ticks, None)
            if lots:
                self.sides[side][ticks] = lots

    def frame(self, *, is_whole: bool) -> bytes:
        """Return all levels, or those that are other than when it was last told."""
        self.time_ns += 1_000
        before, now = self.told, self.view()
        self.told = now
        rows = []
        for side, sign in ((0, -1), (1, 1)):
            changed = now[side] if is_whole else dict(now[side].items() - before[side].items())
            if not is_whole:
                gone = before[side].keys() - now[side].keys()
                changed |= {it: 0 for it in gone if it not in self.sides[side]}
            rows.append(tuple(sorted(changed.items(), key=lambda it: it[0] * sign)))
        number, time_ns = self.instrument.instrument_id, self.time_ns
        best = tuple(tuple(side.items()) for side in now)
        if is_whole:
            told = stream.book_to_wire(BookSnapshot(number, 0, *best, time_ns), LISTINGS)
            return stream.update("book", (told,), "snapshot")
        delta = BookDelta(number, 0, 0, *rows, time_ns, best=best)
        return stream.update("book", (stream.delta_to_wire(delta, LISTINGS),))


changes = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 60), st.integers(0, 3)), max_size=6)
trades = st.builds(
    Trade,
    st.sampled_from([0, 1]),
    st.integers(0, 2**53),
    st.integers(1, 2**40),
    st.integers(1, 2**40),
    st.sampled_from(list(Side)),
    st.integers(0, 2**62).map(lambda ns: ns // 1_000 * 1_000),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["update"] * 6 + ["whole", "lost", "wrong"]), changes),
        st.tuples(st.just("trades"), st.lists(trades, max_size=3)),
        st.tuples(st.just("other"), st.sampled_from(OTHERS)),
    ),
    max_size=30,
)


DEPTH = 12  # of the books in the next test; those of the session are told to a hundred


@given(STEPS, st.sampled_from(MARKETS), st.integers(0, 40))
def test_both_follow_alike(steps, instrument, levels):
    """Books of more levels than are told, changes, lost and wrong ones, trades, other things."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "DEPTH", DEPTH)
        follow(steps, instrument, levels)


def follow(steps, instrument, levels):
    twins = Twins(CLIENT, MARKETS, table=tables.market(MARKETS, DEPTH))
    market, is_there = Market(instrument), False
    market.change([(n % 2, 30 + (n if n % 2 else -n) // 2, 1 + n % 7) for n in range(levels)])
    for what, told in steps:
        match what:
            case "trades":
                rows = tuple(stream.trade_to_wire(trade, LISTINGS) for trade in told)
                assert twins.receive(stream.update("trade", rows), NOW_NS) == told
                continue
            case "other":
                twins.receive(told, NOW_NS)
                continue
        market.change(told)
        frame = market.frame(is_whole=what == "whole")
        if what == "lost":
            continue
        if what == "wrong":
            frame = frame.replace(b'"checksum":', b'"checksum":1')
        heard = twins.receive(frame, NOW_NS)
        if any("unsubscribe" in it for it in heard if isinstance(it, str)):
            is_there = False
        elif what == "whole":
            is_there = True
            assert heard == [(instrument.instrument_id, Told.WHOLE)]
        if is_there and not deep_loss(steps):
            bids, asks = market.told
            book = twins.native.views[instrument.instrument_id].book
            assert (dict(book.bids(LEVELS_MAX)), dict(book.asks(LEVELS_MAX))) == (bids, asks)


def deep_loss(steps) -> bool:
    """Whether a change was lost of which no checksum may tell: it was not among the best ten."""
    return any(what == "lost" for what, _ in steps)


def whole(instrument=BTC_USDT) -> bytes:
    market = Market(instrument)
    market.change([(0, 90 - n, 1 + n) for n in range(12)])
    market.change([(1, 100 + n, 1 + n) for n in range(12)])
    return market.frame(is_whole=True)


@given(st.randoms(use_true_random=False))
def test_order_space_and_strange_names_do_not_matter(random: Random):
    """Names in any order at every depth, with space and with names that nobody knows."""

    def shuffled(value):
        if isinstance(value, list):
            return [shuffled(it) for it in value]
        if isinstance(value, dict):
            items = [(name, shuffled(it)) for name, it in value.items()]
            items.append(("new", {"channel": [1, {"a": None}]}))
            random.shuffle(items)
            return dict(items)
        return value

    text = whole().decode()
    exact = json.loads(text, parse_float=lambda it: f"<{it}>")
    indent = random.choice([None, 1])
    frame = json.dumps(shuffled(exact), indent=indent).replace('"<', "").replace('>"', "")
    twins = Twins(CLIENT, MARKETS)
    assert twins.receive(frame, NOW_NS) == [(0, Told.WHOLE)]


@given(st.integers(0, 2**64 - 1))
def test_what_is_broken_is_read_alike(seed):
    """Of whole conversations: another value, a name told twice, half a frame, half another one.

    Where the tables are narrower a change may be lost between the two ways; then the book is asked
    for anew, as after a wrong checksum, and nothing else differs.
    """
    random, said = Random(seed), traffic.of_dialect("kraken")
    right = said.heard["market"]
    twins = Twins(CLIENT, MARKETS)
    for _ in range(20):
        frame = random.choice(right)
        for told in (mutated(frame, said.all, random), frame):
            try:
                twins.receive(told, NOW_NS)
            except AssertionError:
                assert has_lost_a_change(twins.native.session), told
                twins = Twins(CLIENT, MARKETS)


def has_lost_a_change(feed: MarketFeed) -> bool:
    """Whether the last frame was a change that the reader refused, and the book is asked for."""
    return feed._reader.kind == MessageKind.DELTA and not feed.books[0].is_whole


LEVEL = b'{"price":0.91,"qty":0.00002000}'


@pytest.mark.parametrize(
    ("bids", "is_taken"),
    [
        (b"[]", True),
        (b"[%s]" % LEVEL, True),
        (b"[%s,%s]" % (LEVEL, LEVEL), True),
        (b'[{"qty":0.00002000,"price":0.91}]', True),
        (b'[{"price":0.91,"qty":0.00002000,"side":"b"}]', True),
        (b'[{"price":0.9100,"qty":0.00002000}]', True),
        (b'[{"price":0.91,"qty":0.000020}]', True),
        (b'[{"price":0.91,"qty":0}]', True),
        (b'[{"price":0.91,"qty":0.00000001}]', True),  # less than a lot
        (b'[{"price":0.915,"qty":1}]', False),
        (b'[{"price":0.91,"qty":-1}]', False),
        (b'[{"price":0.91,"qty":0.000000001}]', False),
        (b'[{"price":0.91}]', False),
        (b'[{"price":0.91,"qty":null}]', False),
        (b'[{"price":00.91,"qty":1}]', False),
        (b'[{"price":1.,"qty":1}]', False),
        (b'[["0.91","1"]]', False),
        (b"{}", False),
    ],
)
def test_golden_changes(bids, is_taken):
    """What a level is and what not; their checksums are of what was transmitted."""
    twins = Twins(CLIENT, [BTC_USDT])
    twins.receive(whole(), NOW_NS)
    frame = (
        b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USDT","bids":%s,"asks":[],'
        b'"checksum":%d,"timestamp":"2024-03-11T20:48:46.622101Z"}]}'
    )
    told = twins.receive(frame % (bids, 5), NOW_NS)
    if not is_taken:
        assert told == ["refused"]
        return
    assert (0, Told.GAP) in told
    assert "unsubscribe" in str(told)
    twins.receive(whole(), NOW_NS)
    checksum = checksum_with(bids)
    told = twins.receive(frame % (bids, checksum), NOW_NS)
    assert told == [(0, Told.CHANGED), 1_710_190_126_622_101_000]


def checksum_with(bids: bytes) -> int:
    """Return the checksum of the whole book with some changes, by the session's own code."""
    session = stream.MarketFollower([BTC_USDT], LISTINGS, frozenset({ChannelKind.BOOK}))
    session.receive(whole(), 0)
    book = session._books[0]
    for level in msgspec.json.decode(bids, type=tuple[Level, ...]):
        ((ticks, _, price, qty),) = stream.levels_from_wire(BTC_USDT, [level])
        book.bids.change(ticks, price, qty, is_gone=not float(qty))
    return checksum(book.asks.best(), book.bids.best())


@pytest.mark.parametrize(
    "wrong",
    [
        (b'"price":0.91', b'"price":9.1e-1'),
        (b'"price":0.91', b'"price":"0.91"'),
        (b'"price"', b'"pric\\u0065"'),
        (b"2024-03-11T20:48:46Z", b"2024-03-11T21:48:46+01:00"),
    ],
)
def test_a_change_that_is_lost_between_both_ways_brings_the_book_anew(wrong):
    """The table refuses it, the Python code takes it and has no book to put it into."""
    twins = Twins(CLIENT, [BTC_USDT])
    twins.receive(whole(), NOW_NS)
    frame = b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USDT","bids":[%s],"asks":'
    frame += b'[],"checksum":%d,"timestamp":"2024-03-11T20:48:46Z"}]}'
    right = frame % (LEVEL, checksum_with(b"[%s]" % LEVEL))
    feed, book = twins.native.session, twins.native.session.books[0]
    feed.receive(right.replace(*wrong), NOW_NS)
    texts, events = feed.drain()
    assert ["unsubscribe" in texts[0], "subscribe" in texts[1]] == [True, True]
    assert [event.became for event in events] == [Told.GAP]
    assert (book.is_whole, feed.ready) == (False, False)
    feed.receive(whole(), NOW_NS)
    assert [event.became for event in feed.drain()[1]] == [Told.WHOLE]
    feed.receive(right, NOW_NS)
    assert [event.became for event in feed.drain()[1]] == [Told.CHANGED]
    assert book.bid_ticks == 91


def test_a_book_that_only_the_python_code_reads_goes_on_there():
    """Until another comes that the table takes; numbers go on, and gaps stay gaps."""
    twins, market = Twins(CLIENT, [BTC_USDT]), Market(BTC_USDT)
    market.change([(0, 90 - n, 1 + n) for n in range(12)])
    first = market.frame(is_whole=True).replace(b'"price"', b'"pric\\u0065"')
    assert twins.receive(first, NOW_NS) == [(0, Told.WHOLE)]
    for ticks in (91, 92):
        market.change([(0, ticks, 5)])
        assert twins.receive(market.frame(is_whole=False), NOW_NS)[0] == (0, Told.CHANGED)
    market.change([(0, 93, 5)])
    wrong = market.frame(is_whole=False).replace(b'"checksum":', b'"checksum":1')
    assert (0, Told.GAP) in twins.receive(wrong, NOW_NS)
    assert twins.receive(market.frame(is_whole=True), NOW_NS) == [(0, Told.WHOLE)]
    market.change([(0, 94, 5)])
    assert twins.receive(market.frame(is_whole=False), NOW_NS)[0] == (0, Told.CHANGED)
    assert twins.native.views[0].book.bid_ticks == 94


def test_a_book_that_rest_told_waits_for_the_streams():
    """It has no number, and what follows is of the stream's own book."""
    twins, market = Twins(CLIENT, [BTC_USDT]), Market(BTC_USDT)
    market.change([(0, 90, 5)])
    for follower in (twins.native, twins.python):
        follower.views[0].snapshot(BookSnapshot(0, 0, ((80, 1),), (), 5), NOW_NS)
    assert twins.receive(market.frame(is_whole=False), NOW_NS) == []
    assert twins.receive(market.frame(is_whole=True), NOW_NS) == [(0, Told.WHOLE)]
    assert twins.native.views[0].book.bid_ticks == 90


def test_a_book_without_a_time_is_of_when_it_came():
    twins = Twins(CLIENT, [BTC_USDT])
    frame = whole()
    start = frame.index(b',"timestamp"')
    assert twins.receive(frame[:start] + b"}]}", NOW_NS) == [(0, Told.WHOLE)]
    assert twins.native.views[0].time_ns == NOW_NS


def test_steps_that_are_too_fine_are_left_to_the_python_code():
    assert CLIENT.market_table([replace(BTC_USDT, lot_atoms=1_000)]) is None


# -- what the venue has really sent -------------------------------------------------------------


@pytest.mark.slow
def test_captured_books_are_followed_alike(shared_data, monkeypatch: pytest.MonkeyPatch):
    """More than four thousand messages of ten markets with the venue's checksums, none wrong."""
    monkeypatch.setattr(stream, "DEPTH", 1_000)
    captured = books_of_old(shared_data / "captures" / "KRAKEN.ws.50.0.gz")
    symbols = sorted({json.loads(it)["data"][0]["symbol"] for it in captured})
    markets = [market_of(n, symbol, captured) for n, symbol in enumerate(symbols)]
    twins = Twins(CLIENT, markets, table=tables.market(markets, 1_000))
    became = []
    for count, frame in enumerate(captured):
        told = twins.receive(frame, NOW_NS, depth=12 if count % 300 else LEVELS_MAX)
        became += [it for it in told if not isinstance(it, int)]
    assert {it[1] for it in became} == {Told.WHOLE, Told.CHANGED}
    assert (len(became), len(markets)) == (len(captured), 10)
    assert len(captured) > 4_000


def market_of(number: int, symbol: str, captured: list[bytes]) -> Instrument:
    """Return the market of a symbol: its tick has as many decimals as its prices."""
    frames = [json.loads(it, parse_float=str)["data"][0] for it in captured]
    levels = (it for book in frames if book["symbol"] == symbol for it in book["bids"])
    decimals = max(len(it["price"].rstrip("0").partition(".")[2]) for it in levels)
    base, _, quote = symbol.partition("/")
    lot = max(12 - decimals, 0)
    return Instrument.spot(
        number,
        (2 * number + 1, base),
        (2 * number + 2, quote),
        tick_size=f"1e-{decimals}",
        lot_size=f"1e-{min(lot, 8)}",
        price_max="100000",
        size_max="1000000",
        notional_min="0",
    )


# -- orders -------------------------------------------------------------------------------------

HOST = "127.0.0.1:8603"


def signer(order, key=KEY):
    return orders.OrderSigner(tables.order_form(order, LISTINGS, key.key, HOST), key)


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
    (OrderType.LIMIT, TimeInForce.GTC, False, None),
    (OrderType.LIMIT, TimeInForce.IOC, False, None),
    (OrderType.LIMIT, TimeInForce.GTC, True, None),
    (OrderType.MARKET, TimeInForce.IOC, False, None),
    (OrderType.STOP, TimeInForce.GTC, False, 700),
    (OrderType.TAKE_PROFIT_LIMIT, TimeInForce.GTC, False, 900),
]
ids = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=36)


@st.composite
def places(draw):
    """Return an order that the venue has."""
    instrument = draw(st.sampled_from(MARKETS))
    order_type, time_in_force, post_only, trigger_ticks = draw(st.sampled_from(KINDS))
    has_price = order_type in (OrderType.LIMIT, OrderType.TAKE_PROFIT_LIMIT)
    return replace(
        PLACE,
        instrument_id=instrument.instrument_id,
        side=draw(st.sampled_from(list(Side))),
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=post_only,
        trigger_ticks=trigger_ticks,
        price_ticks=draw(st.integers(1, instrument.price_max_ticks)) if has_price else None,
        size_lots=draw(st.integers(1, instrument.size_max_lots)),
        client_order_id=draw(st.one_of(st.just(""), ids)),
    )


@given(places(), st.lists(st.integers(1, 2**62), min_size=1, max_size=4))
@settings(max_examples=60)
def test_orders_are_signed_as_the_dialect_signs_them(order, times_ns):
    """Every kind of order, price, size, id and nonce: the same request, byte for byte."""
    client, form = KrakenClient(), signer(order)
    for now_ns in (*times_ns, times_ns[-1], times_ns[-1] - 1):
        expected = client.request(order, LISTINGS, KEY, now_ns)
        terms = (order.side, order.price_ticks, order.size_lots, order.client_order_id, now_ns)
        assert parsed(form.request(*terms)) == expected


@given(places(), st.integers(0, 99), st.integers(0, 99))
@settings(max_examples=60)
def test_numbers_are_rounded_to_whole_steps(order, above, over):
    """What is a bit more than a step, of price or size, is sent as whole steps, for the sender."""
    instrument = LISTINGS[order.instrument_id]
    price = instrument.price(order.price_ticks or 1) + instrument.tick_size * above / 100
    size = instrument.size(order.size_lots) + instrument.lot_size * over / 100
    up = int(above > 0 and order.side is Side.SELL)
    if order.price_ticks is not None and order.price_ticks + up > instrument.price_max_ticks:
        return
    ticks = None if order.price_ticks is None else order.price_ticks + up
    terms = (order.client_order_id, NOW_NS)
    expected = signer(order).request(order.side, ticks, order.size_lots, *terms)
    wanted = None if ticks is None else price
    assert signer(order).sized(order.side, wanted, size, *terms) == expected


def test_a_secret_that_is_mistyped_signs_as_it_does_there():
    key = KEY._replace(secret=b"not base64!")
    expected = KrakenClient().request(PLACE, LISTINGS, key, NOW_NS)
    terms = (PLACE.side, PLACE.price_ticks, PLACE.size_lots, "mine", NOW_NS)
    assert parsed(signer(PLACE, key).request(*terms)) == expected


@pytest.mark.parametrize(
    ("order", "key", "host", "error"),
    [
        (replace(PLACE, slide=True, post_only=True), "k", HOST, Unsupported),
        (replace(PLACE, quote_atoms=5), "k", HOST, Unsupported),
        (PLACE, "a\r\nb", HOST, AuthError),
        (PLACE, "", HOST, AuthError),
        (PLACE, "k", "a b", ConfigError),
    ],
)
def test_forms_that_cannot_be_made_say_why(order, key, host, error):
    with pytest.raises(error):
        tables.order_form(order, LISTINGS, key, host)


def test_texts_are_what_the_form_is_made_of():
    """The largest steps of either market are printed in full."""
    for instrument in MARKETS:
        assert price_text(instrument, 1).count(".") == size_text(instrument, 1).count(".") == 1
