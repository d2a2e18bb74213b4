"""Tables read what the session reads, and orders by their form are those of the client end."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.dialects.bybit import DIALECT, tables
from steelyard.dialects.bybit.follower import DEPTH
from steelyard.domain.errors import AuthError, ConfigError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookDelta, BookSnapshot, Trade
from steelyard.domain.order import OrderType, SelfTrade, Side, TimeInForce
from steelyard.sim.conformance import PUBLIC, place
from steelyard.sim.stand import BTC_USDT, Stand
from steelyard.trading.books import BookView
from steelyard.trading.feed import MarketFeed
from steelyard.trading.signing import OrderSigners
from steelyard.wire.dialect import ApiKey

reader = pytest.importorskip("steelyard.wire.reader", reason="no native module was built")


class Recorder:
    """A session that keeps what it was sent."""

    def __init__(self, session):
        self.session, self.frames = session, []
        self.target, self.role = session.target, session.role

    def receive(self, frame, now_ns):
        self.frames.append(frame)
        self.session.receive(frame, now_ns)

    def __getattr__(self, name):
        return getattr(self.session, name)


def book(number, kind="delta", bids=(("50000.00", "1"),)):
    data = {"s": "BTCUSDT", "b": bids, "a": [], "u": number, "seq": 1}
    topic = f"orderbook.{DEPTH}.BTCUSDT"
    return json.dumps({"topic": topic, "ts": 1_700_000_000_000, "type": kind, "data": data})


def following():
    """Return a feed whose venue has confirmed everything."""
    session = DIALECT.client.market_session([BTC_USDT], Listings([BTC_USDT]), PUBLIC)
    market = reader.MarketReader(*DIALECT.client.market_table([BTC_USDT]))
    feed = MarketFeed(session, [BTC_USDT], market)
    feed.opened(0)
    feed.receive('{"op":"subscribe","success":true,"ret_msg":"subscribe"}', 0)
    feed.drain()
    return feed


def told(feed, *frames):
    for frame in frames:
        feed.receive(frame, 0)
    texts, events = feed.drain()
    asked = [(said["op"], said["args"][0]) for said in map(json.loads, texts)]
    return asked, [event.became for event in events], feed.books[0]


def test_a_native_reader_keeps_the_book_that_the_session_tells():
    stand, view = Stand(DIALECT), BookView(BTC_USDT)
    recorder = Recorder(DIALECT.client.market_session([BTC_USDT], stand.listings, PUBLIC))
    listener = stand.follow(recorder)
    for turn in range(4):
        stand.ask(place(side=Side.SELL, price_ticks=5_000_000 + turn), stand.key_of("bob"))
        stand.ask(place(size_lots=1_500), stand.key_of("alice"))
        stand.pass_time()
    market = reader.MarketReader(*DIALECT.client.market_table([BTC_USDT]))
    trades = []
    for frame in recorder.frames:
        with suppress(DecodeError):  # an acknowledgement, which is the session's
            if market.receive(frame) == reader.Told.TRADE:
                trades += [it[2:5] for it in market.trades]
    for event in listener.events:
        if isinstance(event, BookSnapshot):
            view.snapshot(event, 0)
        elif isinstance(event, BookDelta):
            view.delta(event, 0)
    found = market.book(0)
    assert found.is_whole
    assert (found.bids(9), found.asks(9)) == (view.bids.first(9), view.asks.first(9))
    heard = [(t.trade_id, t.price_ticks, t.size_lots) for t in listener.of(Trade)]
    assert trades == heard != []


def test_a_book_that_begins_again_at_a_lower_number_replaces_what_there_was():
    """As after the venue's restart: nobody has asked for it."""
    feed = following()
    asked, became, kept = told(feed, book(900, "snapshot"), book(901), book(1, "snapshot", []))
    assert (asked, kept.bids(5)) == ([], [])
    assert became == [reader.Told.WHOLE, reader.Told.CHANGED, reader.Told.WHOLE]
    assert told(feed, book(2))[2].bids(5) == [(5_000_000, 100_000)]


@pytest.mark.parametrize("number", [1, 900, 901, 903])
def test_another_number_than_the_next_one_is_a_gap_and_the_book_is_asked_for_anew(number):
    """Also one from before: it is of a book that this one is not."""
    feed = following()
    told(feed, book(900, "snapshot"), book(901))
    asked, became, kept = told(feed, book(number))
    topic = f"orderbook.{DEPTH}.BTCUSDT"
    assert asked == [("unsubscribe", topic), ("subscribe", topic)]
    assert became == [reader.Told.GAP]
    assert not kept.is_whole
    assert told(feed, book(904), book(3, "snapshot"), book(4))[2].is_whole


def test_steps_that_are_too_fine_have_no_table():
    fine = Instrument(0, "A-B", "A", "B", 1, 2, 10**13, 1, 10, 1, 10, 0)
    with pytest.raises(Unsupported):
        tables.steps(fine)
    assert DIALECT.client.market_table([fine]) is None


# -- orders -------------------------------------------------------------------------------------

HOST = "localhost:8605"
KEY = ApiKey("k" * 18, b"s" * 36)
KINDS = [
    (TimeInForce.GTC, False),
    (TimeInForce.IOC, False),
    (TimeInForce.FOK, False),
    (TimeInForce.GTC, True),
]
MODES = [SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_OLDEST, SelfTrade.CANCEL_BOTH]
# Steps of one, of a power of ten below it, and of a multiple of one.
STOP = replace(place(), order_type=OrderType.STOP_LIMIT, trigger_ticks=5)
BOUNDS = {"price_max": "1000", "size_max": "9000", "notional_min": "5"}
MARKETS = Listings(
    [
        BTC_USDT,
        Instrument.spot(9, (3, "X"), (2, "USDT"), tick_size="0.00005", lot_size="1", **BOUNDS),
        Instrument.spot(5, (4, "Y"), (2, "USDT"), tick_size="5", lot_size="0.025", **BOUNDS),
    ]
)


@given(
    instrument=st.sampled_from([*MARKETS]),
    kind=st.sampled_from(KINDS),
    self_trade=st.sampled_from(MODES),
    side=st.sampled_from(Side),
    data=st.data(),
    number=st.integers(0, 2**128 - 1),
    now_ns=st.integers(0, 2**62),
)
def test_orders_are_signed_as_the_client_end_signs_them(
    instrument, kind, self_trade, side, data, number, now_ns
):
    """Every kind of order, price, size, id and time: the same request, byte for byte."""
    order = replace(
        place(),
        instrument_id=instrument.instrument_id,
        side=side,
        time_in_force=kind[0],
        post_only=kind[1],
        self_trade=self_trade,
        price_ticks=data.draw(st.integers(1, instrument.price_max_ticks)),
        size_lots=data.draw(st.integers(1, instrument.size_max_lots)),
        client_order_id=DIALECT.client.client_order_id(number),
    )
    made = OrderSigners(DIALECT.client, KEY).request(order, MARKETS, now_ns)
    assert made == DIALECT.client.request(order, MARKETS, KEY, now_ns)


@pytest.mark.parametrize("own", ["", "mine", "A" * 32])
def test_other_ids_than_our_own_are_left_to_the_client_end(own):
    """Also none at all: the form has a place for one."""
    signers = OrderSigners(DIALECT.client, KEY)
    assert signers.request(replace(place(), client_order_id="0" * 32), MARKETS, 1) is not None
    assert signers.request(replace(place(), client_order_id=own), MARKETS, 1) is None


@pytest.mark.parametrize(
    ("order", "key", "host", "error"),
    [
        (replace(place(), time_in_force=TimeInForce.GTD, expire_ns=5), KEY, HOST, Unsupported),
        (
            replace(place(), order_type=OrderType.STOP_LIMIT, trigger_ticks=5),
            KEY,
            HOST,
            Unsupported,
        ),
        (replace(place(), order_type=OrderType.MARKET, price_ticks=None), KEY, HOST, Unsupported),
        (place(), KEY._replace(key="a\r\nb"), HOST, AuthError),
        (place(), KEY, "a b", ConfigError),
    ],
)
def test_forms_that_cannot_be_made_say_why(order, key, host, error):
    with pytest.raises(error):
        tables.order_form(order, MARKETS, key, host)
