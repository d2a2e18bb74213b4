"""The native reader reads what the follower reads, frame by frame."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.dialects.weex import DIALECT, follower, tables
from steelyard.domain.errors import AuthError, ConfigError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookDelta, BookSnapshot, Trade
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.sim.conformance import place
from steelyard.sim.stand import BTC_USDT as SPOT
from steelyard.trading.actions import BookMoved
from steelyard.trading.books import BookView
from steelyard.trading.feed import MarketFeed
from steelyard.trading.signing import OrderSigners
from steelyard.wire.choice import new_reader
from steelyard.wire.dialect import ApiKey, ChannelKind

KINDS = frozenset({ChannelKind.BOOK, ChannelKind.TRADES})


def frames_of(venue) -> list[bytes]:
    """Return what the exchange tells of a market that moves."""
    number = venue.connect()
    told = venue.subscribe(number, "BTCUSDT@depth200", "BTCUSDT@trade")
    for turn in range(20):
        order = venue.place(price=str(49_000 + turn))
        venue.place(venue.other_key, side="SELL", price=str(49_000 + turn), quantity="0.004")
        venue.place(venue.other_key, side="SELL", price=str(51_000 + turn))
        if turn % 3 == 0:
            venue.call("DELETE", "/api/v3/order", orderId=order)
        venue.pass_time()
        told += venue.heard(number)
    return [msgspec.json.encode(each) for each in told]


def test_a_moving_market_is_read_the_same(venue):
    """Levels, numbers and trades; the reader takes every change of the book by itself."""
    frames, btc = frames_of(venue), venue.listings.symbol("BTC-USDT")
    reader = new_reader(*tables.market([btc]))
    if reader is None:
        pytest.skip("the native reader is not built")
    plain, behind = (follower.MarketFollower([btc], venue.listings, KINDS) for _ in range(2))
    native, view = MarketFeed(behind, [btc], reader), BookView(btc)
    moved = trades = 0
    for frame in frames:
        plain.receive(frame, venue.desk.now_ns)
        native.receive(frame, venue.desk.now_ns)
        (_, told), (_, seen) = plain.drain(), native.drain()
        assert [e for e in told if isinstance(e, Trade)] == [
            e for e in seen if isinstance(e, Trade)
        ]
        trades += sum(isinstance(event, Trade) for event in told)
        for event in told:
            if isinstance(event, BookSnapshot):
                view.snapshot(event, venue.desk.now_ns)
            elif isinstance(event, BookDelta):
                view.delta(event, venue.desk.now_ns)
        for event in seen:
            if isinstance(event, BookMoved):
                moved += 1
                book = native.books[btc.instrument_id]
                assert book.sequence == view.sequence
                for side, levels in ((book.bids, view.bids), (book.asks, view.asks)):
                    assert tuple(side(100)) == tuple(levels.first(100))
    assert trades == 20
    assert moved > 20, "the snapshot, and each turn's change"


def test_steps_that_are_too_fine_are_not_counted():
    fine = Instrument.spot(
        0,
        (1, "X"),
        (2, "Y"),
        tick_size="0.0000000000001",
        lot_size="100",
        price_max="1",
        size_max="1000",
        notional_min="0",
    )
    with pytest.raises(Unsupported, match="finer than 1e-12"):
        tables.steps(fine)


# -- orders -------------------------------------------------------------------------------------

HOST = "localhost:8609"
KEY = ApiKey("k" * 24, b"s" * 32, "a passphrase")
KINDS_OF_ORDERS = [
    {"time_in_force": TimeInForce.GTC},
    {"time_in_force": TimeInForce.IOC},
    {"time_in_force": TimeInForce.FOK},
]
# Steps of one, of a power of ten below it, and of a multiple of one.
BOUNDS = {"price_max": "1000", "size_max": "9000", "notional_min": "5"}
MARKETS = Listings(
    [
        SPOT,
        Instrument.spot(9, (3, "X"), (2, "USDT"), tick_size="0.00005", lot_size="1", **BOUNDS),
        Instrument.spot(5, (4, "Y"), (2, "USDT"), tick_size="5", lot_size="0.025", **BOUNDS),
    ]
)


@settings(max_examples=60)
@given(
    instrument=st.sampled_from([*MARKETS]),
    kind=st.sampled_from(KINDS_OF_ORDERS),
    side=st.sampled_from(Side),
    data=st.data(),
    number=st.integers(0, 2**128 - 1),
    now_ns=st.integers(0, 2**62),
)
def test_orders_are_signed_as_the_client_end_signs_them(
    instrument, kind, side, data, number, now_ns
):
    """Every kind of order, price, size, id and time: the same request, byte for byte."""
    order = place(
        instrument_id=instrument.instrument_id,
        side=side,
        price_ticks=data.draw(st.integers(1, instrument.price_max_ticks)),
        size_lots=data.draw(st.integers(1, instrument.size_max_lots)),
        client_order_id=DIALECT.client.client_order_id(number),
        **kind,
    )
    signers = OrderSigners(DIALECT.client, KEY)
    made = signers.request(order, MARKETS, now_ns)
    if made is None:
        pytest.skip("the native signer is not built")
    assert made == DIALECT.client.request(order, MARKETS, KEY, now_ns)
    for own in ("", "mine", "A" * 32):
        other = replace(order, client_order_id=own)
        assert signers.request(other, MARKETS, 1) is None, "the client end makes it"


@pytest.mark.parametrize(
    ("order", "key", "host", "error"),
    [
        (place(post_only=True), KEY, HOST, Unsupported),
        (place(order_type=OrderType.MARKET, price_ticks=None), KEY, HOST, Unsupported),
        (place(time_in_force=TimeInForce.GTD, expire_ns=5), KEY, HOST, Unsupported),
        (place(), KEY._replace(key="a\r\nb"), HOST, AuthError),
        (place(), KEY._replace(passphrase=""), HOST, AuthError),
        (place(), KEY, "a b", ConfigError),
    ],
)
def test_forms_that_cannot_be_made_say_why(order, key, host, error):
    with pytest.raises(error):
        tables.order_form(order, MARKETS, key, host)
