"""Tables read what the session reads, on what our exchange sends and on what the venue sent."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.dialects.okx import DIALECT, tables
from steelyard.domain.errors import AuthError, ConfigError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookDelta, BookSnapshot, Trade
from steelyard.domain.order import OrderType, SelfTrade, Side, TimeInForce
from steelyard.sim.conformance import PUBLIC, place
from steelyard.sim.stand import BTC_USDT, Stand
from steelyard.trading.books import BookView
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
    assert (found.sequence, found.bids(9), found.asks(9)) == (
        view.sequence,
        view.bids.first(9),
        view.asks.first(9),
    )
    told = [(t.trade_id, t.price_ticks, t.size_lots) for t in listener.of(Trade)]
    assert trades == told
    assert told


def test_several_trades_told_as_one_are_read_as_the_session_reads_them(shared_data):
    """On what the venue sent; its tick was a finer one."""
    recorded = (shared_data / "payloads/okx/ws_trades.json").read_bytes()
    fine = Instrument.spot(
        *(0, (1, "BTC"), (2, "USD")),
        tick_size="0.1",
        lot_size="0.00000001",
        price_max="1000000",
        size_max="9000",
        notional_min="5",
    )
    session = DIALECT.client.market_session([fine], Listings([fine]), PUBLIC)
    market = reader.MarketReader(*DIALECT.client.market_table([fine]))
    session.receive(recorded, 0)
    assert market.receive(recorded) == reader.Told.TRADE
    (told,) = session.drain()[1]
    ((*_, trade_id, price_ticks, size_lots, is_sold, time_ns, joined),) = market.trades
    assert told == Trade(
        0, trade_id, price_ticks, size_lots, Side.SELL if is_sold else Side.BUY, time_ns, 0, joined
    )
    assert joined == 3
    for count in (b'"0"', b'"130639475"', b"3"):
        with pytest.raises(DecodeError):
            market.receive(recorded.replace(b'"3"', count))


def test_steps_finer_than_it_counts_are_not_read():
    fine = Instrument(0, "A-B", "A", "B", 1, 2, 10**13, 1, 10, 1, 10, 0)
    with pytest.raises(Unsupported, match="1e-12"):
        tables.steps(fine)
    assert DIALECT.client.market_table([fine]) is None


# -- orders -------------------------------------------------------------------------------------

HOST = "localhost:8604"
KEY = ApiKey("k" * 36, b"s" * 32, "a passphrase")
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
        (place(), KEY._replace(passphrase=""), HOST, AuthError),
        (place(), KEY, "a b", ConfigError),
    ],
)
def test_forms_that_cannot_be_made_say_why(order, key, host, error):
    with pytest.raises(error):
        tables.order_form(order, MARKETS, key, host)


def test_a_key_of_the_demo_says_so():
    """The venue tells its demo from the real one by a header."""
    key = KEY._replace(key=f"demo:{KEY.key}")
    order = replace(place(), client_order_id="0" * 32)
    made = OrderSigners(DIALECT.client, key).request(order, MARKETS, 5)
    assert made == DIALECT.client.request(order, MARKETS, key, 5)
    assert made.headers["x-simulated-trading"] == "1"
