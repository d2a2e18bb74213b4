"""The tables against the dialect's Python code, which is the specification."""

import json
from random import Random

import msgspec
import pytest
import traffic
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from mutations import mutated
from recordings import streamed

from steelyard.dialects.binance import DIALECT, market, stream, tables
from steelyard.dialects.binance.auth import sign
from steelyard.dialects.binance.messages import Depth
from steelyard.domain.errors import (
    AuthError,
    ConfigError,
    DecodeError,
    UnitError,
    Unsupported,
)
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookDelta, BookSnapshot, Touch, Trade
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.trading.books import BookView
from steelyard.wire.book import LEVELS_MAX
from steelyard.wire.dialect import ApiKey
from tests.dialects.binance.test_client import PLACE
from tests.dialects.binance.test_text import LISTINGS
from tests.shared.desk import BTC_USDT

reader = pytest.importorskip("steelyard.wire.reader", reason="no native module was built")
orders = pytest.importorskip("steelyard.wire.orders", reason="no native module was built")

ALL = list(LISTINGS)
NOW_NS = 1_723_161_600_123_456_789
KEY = ApiKey("k" * 64, b"an example secret, not a real one")
HOST = "127.0.0.1:8601"
SPOT = "binance/spot_btcusdt_20240809.jsonl.gz"

instruments = st.sampled_from(ALL)
sequences = st.integers(0, 2**53)
times = st.integers(0, 2 * 10**12).map(lambda ms: ms * 1_000_000)
prices = st.one_of(st.integers(1, 300), st.integers(1, 2**45))
sizes = st.one_of(st.integers(0, 3), st.integers(0, 2**45))
sides = st.lists(st.tuples(prices, sizes), max_size=20).map(tuple)


def new_reader(listings=ALL):
    return reader.MarketReader(tables.MARKET, [tables.steps(i) for i in listings])


@st.composite
def events(draw):
    """Return an event and the stream it comes on."""
    instrument = draw(instruments)
    number = instrument.instrument_id
    symbol = (instrument.base + instrument.quote).lower()
    match draw(st.sampled_from(["depth", "depth@100ms", "trade", "bookTicker"])):
        case "trade":
            side = draw(st.sampled_from(list(Side)))
            trade = (draw(sequences), draw(prices), draw(sizes), side, draw(times))
            return f"{symbol}@trade", Trade(number, *trade)
        case "bookTicker":
            touch = (draw(sequences), draw(prices), draw(sizes), draw(prices), draw(sizes))
            return f"{symbol}@bookTicker", Touch(number, *touch, NOW_NS)
        case name:
            delta = (draw(sequences), draw(sequences), draw(sides), draw(sides), draw(times))
            return f"{symbol}@{name}", BookDelta(number, *delta)


def framed(name: str, event) -> bytes:
    payload = stream.payload_of(name, event, LISTINGS)
    return msgspec.json.encode({"stream": name, "data": payload})


def told_by(scanner, frame, listings=ALL):
    """Return the event that the tables make of a frame."""
    told = scanner.scan(frame)
    return told and tables.event_of(told, listings[told[1]].instrument_id, NOW_NS)


# -- messages -----------------------------------------------------------------------------------


@given(events())
def test_every_event_is_read_as_the_dialect_reads_it(named):
    """Messages of all kinds and instruments, as bytes and as text."""
    name, event = named
    frame = framed(name, event)
    assert stream.event_of(frame, LISTINGS, NOW_NS) == event
    scanner = new_reader()
    assert told_by(scanner, frame) == event
    assert told_by(scanner, frame.decode()) == event


@given(events(), st.randoms(use_true_random=False))
def test_order_space_and_strange_names_do_not_matter(named, random: Random):
    """Names in any order, with space and with names that nobody knows: the same event."""
    name, event = named
    shuffled = json.loads(framed(name, event))
    for part in (shuffled, shuffled["data"]):
        part["new"] = {"b": [1, {"a": None}], "text": 'a "\\ b é', "u": [-1.5e3, True]}
        items = list(part.items())
        random.shuffle(items)
        part.clear()
        part.update(items)
    frame = json.dumps(shuffled, indent=random.choice([None, 1])).encode()
    assert stream.event_of(frame, LISTINGS, NOW_NS) == event
    assert told_by(new_reader(), frame) == event


# The only flaws for which tables refuse what the Python code takes.
NARROWER = ("escapes", "told twice", "too large", "nested too deep", "not JSON")

PIECES = st.sampled_from(
    [b'"', b"\\", b"\\u0041", b"\xff", b"\x00", b'"b":[', b'"s":"ETHBTC",', b"0.000000001"]
    + [piece.encode() for piece in " { } [ ] , : - 0 . e5 null true \n".split(" ")]
    + [b"9" * 30]
)


@given(events(), st.data())
def test_what_is_broken_is_read_alike_or_refused(named, data):
    """A frame with bytes cut out or put in: never another event, never another error."""
    frame = framed(*named)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(frame)))
        end = data.draw(st.integers(start, min(len(frame), start + 12)))
        frame = frame[:start] + data.draw(PIECES) + frame[end:]
    agree_on(frame)


def agree_on(frame: bytes) -> None:
    """Read a frame by the tables and by the dialect's code: the same event, or a refusal."""
    scanner = new_reader()
    expected = attempted(stream.event_of, frame, LISTINGS, NOW_NS)
    event = attempted(told_by, scanner, frame)
    if isinstance(event, DecodeError):
        is_narrower = any(flaw in str(event) for flaw in NARROWER) or tells_twice(frame)
        assert isinstance(expected, DecodeError) or is_narrower, (frame, event, expected)
    elif event is None:
        assert not isinstance(expected, BookDelta | Trade | Touch), frame
    else:
        assert event == expected, frame


def tells_twice(frame: bytes) -> bool:
    """Whether an object of a frame has a name twice: then the dialect's code takes the last."""
    seen = []

    def look(pairs):
        seen.append(len(pairs) != len(dict(pairs)))
        return dict(pairs)

    try:
        json.loads(frame.decode("latin-1"), object_pairs_hook=look, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return any(seen)


@given(st.integers(0, 2**64 - 1))
def test_what_the_venue_says_is_read_alike_or_refused_when_it_is_broken(seed):
    """Of whole conversations: another value, a name told twice, half a frame, half another one."""
    random, said = Random(seed), traffic.of_dialect("binance")
    for _ in range(20):
        frame = mutated(random.choice(said.heard["market"]), said.all, random)
        agree_on(frame)


def attempted(read, *args):
    """Return what reading gives, or its error."""
    try:
        return read(*args)
    except DecodeError as error:
        return error


@given(st.one_of(st.binary(max_size=200), st.text(max_size=100)))
def test_garbage_is_one_error(garbage):
    """Whatever comes, it is a DecodeError, and the books stay as they were."""
    scanner = new_reader()
    for place in range(len(ALL)):
        scanner.book(place).snapshot(1, [(5, 5)], [(6, 6)], 0)
    for take in (scanner.receive, scanner.scan, lambda it: scanner.receive_snapshot(0, it)):
        with pytest.raises(DecodeError):
            take(garbage)
    for place in range(len(ALL)):
        book = scanner.book(place)
        assert (book.sequence, book.bids(9), book.asks(9)) == (1, [(5, 5)], [(6, 6)])


def test_other_streams_are_passed_over():
    """Candles, tickers and what may come some day are left to who understands them."""
    scanner = new_reader()
    for name in ("btcusdt@kline_1s", "btcusdt@depth5", "btcusdt@trade@x", "!miniTicker@arr", "x"):
        frame = b'{"stream":"%s","data":[{"any":"thing"}]}' % name.encode()
        assert scanner.scan(frame) is None
        assert scanner.receive(frame) == reader.Told.PASSED_OVER


# -- books --------------------------------------------------------------------------------------


def same(book, view: BookView) -> None:
    """Compare a native book with a view, level by level."""
    if view._heard_ns is not None:
        assert (book.sequence, book.time_ns) == (view.sequence, view.time_ns)
    assert (book.is_whole, book.gaps) == (not view.needs_snapshot, view.gaps)
    assert book.bids(LEVELS_MAX) == view.bids.first(LEVELS_MAX)
    assert book.asks(LEVELS_MAX) == view.asks.first(LEVELS_MAX)
    assert (book.bid_ticks, book.ask_ticks) == (view.bids.best_ticks, view.asks.best_ticks)
    assert (book.bid_lots, book.ask_lots) == (view.book.bid_lots, view.book.ask_lots)
    assert book.counts == (len(view.bids), len(view.asks))
    assert sum(book.odd_counts) == view.odd_levels
    assert book.known_ticks == (view.bids.known_ticks, view.asks.known_ticks)
    for side, is_asks in ((view.bids, False), (view.asks, True)):
        for lots in (1, 5, 10**6):
            assert book.walk(is_asks, lots) == side.walk(lots)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["next", "next", "next", "next", "again", "gap", "snapshot", "reset"]),
        st.integers(1, 3),
        st.lists(st.tuples(st.integers(1, 90), st.integers(0, 3)), max_size=6).map(tuple),
        st.lists(st.tuples(st.integers(50, 140), st.integers(0, 3)), max_size=6).map(tuple),
    ),
    max_size=40,
)


@given(STEPS, st.booleans())
def test_books_go_through_the_same_states(steps, as_bytes):
    """Deltas in order, told twice, with gaps, around snapshots: the same book each time."""
    scanner, view = new_reader([BTC_USDT]), BookView(BTC_USDT)
    book = scanner.book(0)
    last = 10
    for what, count, bids, asks in steps:
        match what:
            case "reset":
                view.reset()
                book.reset()
            case "snapshot":
                snapshot = BookSnapshot(0, last + count - 2, bids, asks, NOW_NS)
                view.snapshot(snapshot, NOW_NS)
                if as_bytes:
                    scanner.receive_snapshot(0, depth_body(snapshot))
                    assert book.time_ns in {0, view.time_ns}
                    view.book.time_ns = book.time_ns
                else:
                    book.snapshot(snapshot.sequence, bids, asks, NOW_NS)
            case _:
                first = last + {"next": 1, "again": -1, "gap": 2}[what]
                last = max(last, first + count - 1)
                delta = BookDelta(0, first, first + count - 1, bids, asks, NOW_NS // 10**6 * 10**6)
                became = view.delta(delta, NOW_NS)
                told = scanner.receive(framed("btcusdt@depth", delta))
                assert told == became
        same(book, view)


# At a tick of a cent, a third of these are whole.
PRICE_TEXTS = st.sampled_from([f"{price / 200:.3f}" for price in range(180, 220)])
ODD_SIDES = st.lists(st.tuples(PRICE_TEXTS, st.sampled_from(["0", "1", "2.00001"])), max_size=6)
ODD_STEPS = st.lists(
    st.tuples(st.sampled_from(["next"] * 4 + ["gap", "snapshot"]), ODD_SIDES, ODD_SIDES),
    max_size=30,
)


@given(ODD_STEPS)
def test_levels_off_the_tick_are_the_same_in_both_books(steps):
    """Set, changed and removed by their own price, in deltas and snapshots, beside whole ticks."""
    scanner, view = new_reader([BTC_USDT]), BookView(BTC_USDT)
    last = 10
    for what, bids, asks in steps:
        if what == "snapshot":
            told = {"bids": tuple(dict(bids).items()), "asks": tuple(dict(asks).items())}
            depth = Depth(lastUpdateId=last, **told)
            snapshot = market.book_from_wire(depth, BTC_USDT, 5, 0)
            view.snapshot(snapshot, NOW_NS)
            book = scanner.book(0)
            book.snapshot(
                *(last, snapshot.bids, snapshot.asks, 0, snapshot.odd_bids, snapshot.odd_asks),
                *(snapshot.known_bid_ticks, snapshot.known_ask_ticks),
            )
        else:
            last += 1 + (what == "gap")
            data = {"e": "depthUpdate", "E": 5, "s": "BTCUSDT", "U": last, "u": last}
            data |= {"b": bids, "a": asks}
            frame = msgspec.json.encode({"stream": "btcusdt@depth", "data": data})
            event = stream.event_of(frame, LISTINGS, NOW_NS)
            assert told_by(scanner, frame) == event
            assert scanner.receive(frame) == view.delta(event, NOW_NS)
        same(scanner.book(0), view)


def test_trades_and_touches_off_the_tick_are_where_the_book_shows_them():
    """A taker who bought took the ask above, one who sold the bid below."""
    for is_sold, ticks in ((True, 100), (False, 101)):
        data = {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 1, "p": "1.005", "q": "1", "T": 1}
        data |= {"m": is_sold, "M": True}
        frame = msgspec.json.encode({"stream": "btcusdt@trade", "data": data})
        event = stream.event_of(frame, LISTINGS, NOW_NS)
        assert event.price_ticks == ticks
        assert told_by(new_reader(), frame) == event
    data = {"u": 1, "s": "BTCUSDT", "b": "1.005", "B": "1", "a": "1.007", "A": "1"}
    frame = msgspec.json.encode({"stream": "btcusdt@bookTicker", "data": data})
    event = stream.event_of(frame, LISTINGS, NOW_NS)
    assert (event.bid_ticks, event.ask_ticks) == (100, 101)
    assert told_by(new_reader(), frame) == event


def depth_body(snapshot: BookSnapshot) -> bytes:
    """Return a book as REST tells it."""
    levels = (market.levels_to_wire(BTC_USDT, side) for side in (snapshot.bids, snapshot.asks))
    bids, asks = levels
    return msgspec.json.encode(Depth(lastUpdateId=snapshot.sequence, bids=bids, asks=asks))


def test_the_limits_are_the_views():
    """The worst levels leave, and deltas that wait for too long are forgotten, as they do there."""
    scanner, view = new_reader([BTC_USDT]), BookView(BTC_USDT)
    deltas = [BookDelta(0, 5, 5, (), (), 0)]
    many = tuple((price, 1) for price in range(1, LEVELS_MAX + 10))
    deltas += [BookDelta(0, 6, 6, many, many, 0), BookDelta(0, 7, 7, ((3, 9),), ((3, 9),), 0)]
    view.snapshot(BookSnapshot(0, 4, (), (), 0), 0)
    scanner.book(0).snapshot(4, [], [], 0)
    for delta in deltas:
        view.delta(delta, 0)
        scanner.receive(framed("btcusdt@depth", delta))
        same(scanner.book(0), view)
    scanner.book(0).reset()
    view.reset()
    for number in range(8, 1_020):
        delta = BookDelta(0, number, number, ((number, 1),), (), 0)
        view.delta(delta, 0)
        assert scanner.receive(framed("btcusdt@depth", delta)) == reader.Told.WAITS
    for sequence in (900, 1_010):
        view.snapshot(BookSnapshot(0, sequence, (), (), 0), 0)
        scanner.book(0).snapshot(sequence, [], [], 0)
        same(scanner.book(0), view)


# -- what the venue has really sent -------------------------------------------------------------


@pytest.mark.slow
def test_a_recording_is_read_as_the_dialect_reads_it(shared_data):
    """Every frame of five minutes gives the same event, and every delta the same book."""
    scanner, view = new_reader([BTC_USDT]), BookView(BTC_USDT)
    book = scanner.book(0)
    deltas = 0
    for _, frame in streamed(shared_data / SPOT):
        expected = stream.event_of(frame, LISTINGS, NOW_NS)
        assert told_by(scanner, frame, [BTC_USDT]) == expected
        if isinstance(expected, BookDelta):
            if deltas == 0:
                view.snapshot(BookSnapshot(0, expected.first_sequence - 1, (), (), 0), 0)
                book.snapshot(expected.first_sequence - 1, [], [], 0)
            deltas += 1
            assert view.delta(expected, 0) == reader.Told.CHANGED
            assert scanner.receive(frame) == reader.Told.CHANGED
            assert (book.bids(20), book.asks(20)) == (view.bids.first(20), view.asks.first(20))
            if deltas % 100 == 0:
                same(book, view)
    same(book, view)
    assert deltas == 3_044


def captured_markets() -> list[Instrument]:
    """Return the markets of a capture; in their books rest orders of finer, older ticks."""
    symbols = ("NKN-USDT", "BLZ-ETH", "LRC-BTC", "RUNE-EUR")
    return [
        Instrument.spot(
            n,
            (2 * n + 1, symbol.partition("-")[0]),
            (2 * n + 2, symbol.partition("-")[2]),
            tick_size="0.00000001",
            lot_size="0.0001",
            price_max="1000",
            size_max="1000000",
            notional_min="0",
        )
        for n, symbol in enumerate(symbols)
    ]


def test_captured_markets_join_their_snapshots(captured):
    """Frames and REST books of four markets, 2021: same events, same books, no gap."""
    markets = captured_markets()
    listings = Listings(markets)
    scanner = new_reader(markets)
    views = [BookView(market) for market in markets]
    frames = [frame for _, frame in captured("BINANCE.ws.1.0.gz") if frame.startswith("{")]
    for frame in frames:
        expected = stream.event_of(frame, listings, NOW_NS)
        if isinstance(expected, BookDelta | Trade | Touch):
            assert told_by(scanner, frame, markets) == expected
        if isinstance(expected, BookDelta):
            views[expected.instrument_id].delta(expected, NOW_NS)
            assert scanner.receive(frame) == reader.Told.WAITS
    for address, body in captured("BINANCE.http.0.0.gz"):
        symbol = address.partition("symbol=")[2].partition("&")[0]
        place = next(n for n, it in enumerate(markets) if it.base + it.quote == symbol)
        depth = msgspec.json.decode(body, type=Depth)
        snapshot = market.book_from_wire(depth, markets[place], 5_000, 0)
        views[place].snapshot(snapshot, NOW_NS)
        assert scanner.receive_snapshot(place, body) == reader.Told.CHANGED
        same(scanner.book(place), views[place])
        assert scanner.book(place).gaps == 0
    assert any(scanner.book(place).is_whole for place in range(len(markets)))


# -- orders -------------------------------------------------------------------------------------


def signer(place=PLACE):
    return orders.OrderSigner(tables.order_form(place, LISTINGS, KEY.key, HOST), KEY)


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


kinds = st.sampled_from(
    [
        (OrderType.LIMIT, TimeInForce.GTC, False),
        (OrderType.LIMIT, TimeInForce.IOC, False),
        (OrderType.LIMIT, TimeInForce.FOK, False),
        (OrderType.LIMIT, TimeInForce.GTC, True),
        (OrderType.MARKET, TimeInForce.IOC, False),
    ]
)
ids = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=36)


@st.composite
def places(draw):
    """Return an order that the venue has."""
    instrument = draw(instruments)
    order_type, time_in_force, post_only = draw(kinds)
    is_limit = order_type is OrderType.LIMIT
    return replace(
        PLACE,
        instrument_id=instrument.instrument_id,
        side=draw(st.sampled_from(list(Side))),
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=post_only,
        price_ticks=draw(st.integers(1, instrument.price_max_ticks)) if is_limit else None,
        size_lots=draw(st.integers(1, instrument.size_max_lots)),
        client_order_id=draw(st.one_of(st.just(""), ids)),
    )


@given(places(), st.integers(0, 2**62))
def test_orders_are_signed_as_the_dialect_signs_them(place, now_ns):
    """Every kind of order, price, size, id and time: the same request, byte for byte."""
    expected = DIALECT.client.request(place, LISTINGS, KEY, now_ns)
    terms = (place.side, place.price_ticks, place.size_lots, place.client_order_id, now_ns)
    method, target, headers, body = parsed(signer(place).request(*terms))
    assert (method, target, headers, body) == expected


@given(places(), st.integers(0, 99), st.integers(0, 99))
def test_numbers_are_rounded_to_whole_steps(place, above, over):
    """What is a bit more than a step, of price or size, is sent as whole steps, for the sender."""
    instrument = LISTINGS[place.instrument_id]
    tick, lot = instrument.tick_size, instrument.lot_size
    price = instrument.price(place.price_ticks or 1) + tick * above / 100
    size = instrument.size(place.size_lots) + lot * over / 100
    up = int(above > 0 and place.side is Side.SELL)
    if place.price_ticks is not None and place.price_ticks + up > instrument.price_max_ticks:
        return
    ticks = None if place.price_ticks is None else place.price_ticks + up
    form = signer(place)
    terms = (place.client_order_id, NOW_NS)
    expected = form.request(place.side, ticks, place.size_lots, *terms)
    wanted = None if ticks is None else price
    assert form.sized(place.side, wanted, size, *terms) == expected
    assert form.sized(place.side, wanted and f"{wanted:f}", f"{size:f}", *terms) == expected


@pytest.mark.parametrize(
    ("price", "size", "reason"),
    [
        ("0", "1", RejectReason.PRICE_OUT_OF_RANGE),
        ("0.009", "1", RejectReason.PRICE_OUT_OF_RANGE),
        ("-1", "1", RejectReason.PRICE_OUT_OF_RANGE),
        ("1000000.01", "1", RejectReason.PRICE_OUT_OF_RANGE),
        ("9" * 30, "1", RejectReason.PRICE_OUT_OF_RANGE),
        ("1", "0.000009", RejectReason.SIZE_TOO_SMALL),
        ("1", "-1", RejectReason.SIZE_TOO_SMALL),
        ("1", "9000.00001", RejectReason.SIZE_TOO_LARGE),
        ("1", "9" * 30, RejectReason.SIZE_TOO_LARGE),
        ("1e3", "1", RejectReason.UNSUPPORTED),
        ("", "1", RejectReason.UNSUPPORTED),
        ("1", " 1", RejectReason.UNSUPPORTED),
        (None, "1", RejectReason.UNSUPPORTED),
    ],
)
def test_what_does_not_fit_the_instrument_is_refused(price, size, reason):
    """With the reason that a venue would give."""
    with pytest.raises(UnitError) as caught:
        signer().sized(Side.BUY, price, size, "id", NOW_NS)
    assert caught.value.reason is reason


def test_a_float_is_no_price():
    """It would be rounded before we see it."""
    with pytest.raises(TypeError, match="pass a str or a Decimal"):
        signer().sized(Side.BUY, 50_000.0, "1", "id", NOW_NS)


@pytest.mark.parametrize(
    ("key", "host", "error"),
    [("", HOST, AuthError), ("a\r\nb: c", HOST, AuthError), ("k", "x\r\ny", ConfigError)],
)
def test_nothing_slips_into_the_head(key, host, error):
    with pytest.raises(error):
        tables.order_form(PLACE, LISTINGS, key, host)


def test_an_order_without_a_size_has_no_form():
    """What it may cost is no hole to be filled in."""
    kind = {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "price_ticks": None}
    place = replace(PLACE, **kind, size_lots=0, quote_atoms=10**15)
    with pytest.raises(Unsupported, match="no size"):
        tables.order_form(place, LISTINGS, KEY.key, HOST)


def test_the_signature_covers_what_is_sent():
    """Body and signature belong together, and to this secret."""
    body = parsed(signer().sized(Side.SELL, 50_000, "0.5", "id", NOW_NS))[3]
    signed, _, signature = body.rpartition(b"&signature=")
    assert signature.decode() == sign(signed, KEY.secret)
    assert signature.decode() != sign(signed, b"another")
