"""The native reader reads what the follower reads, frame by frame."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.dialects.kucoin import DIALECT, follower, tables
from steelyard.domain.errors import AuthError, ConfigError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookDelta, Trade
from steelyard.domain.order import OrderType, SelfTrade, Side, TimeInForce
from steelyard.sim.conformance import place
from steelyard.sim.stand import BTC_USDT as SPOT
from steelyard.trading.actions import BookMoved
from steelyard.trading.feed import MarketFeed
from steelyard.trading.signing import OrderSigners
from steelyard.wire.book import LocalBook
from steelyard.wire.choice import new_reader
from steelyard.wire.dialect import ApiKey, ChannelKind
from tests.dialects.kucoin import recorded
from tests.shared.desk import BTC_USDT

KINDS = frozenset({ChannelKind.BOOK, ChannelKind.TRADES})
UPDATE = b'{"type":"message","topic":"/market/level2:X","subject":"trade.l2update","data":{}}'
T0 = 1_700_000_000 * 10**9


def pair(instruments, listings):
    """Return a plain session, and one with the native reader before it."""
    reader = new_reader(*tables.market(instruments))
    if reader is None:
        pytest.skip("the native reader is not built")
    plain, behind = (follower.MarketFollower(instruments, listings, KINDS) for _ in range(2))
    return plain, MarketFeed(behind, instruments, reader)


def test_a_captured_day_is_read_the_same(shared_data):
    """2,834 changes of books and every trade of 2021, levels and all."""
    listings = recorded.listings_of(shared_data)
    frames = recorded.frames_of(shared_data, listings)
    named = {
        msgspec.json.decode(frame).get("topic", "").partition(":")[2]
        for frame in frames
        if b'"topic":"/market/level2' in frame
    }
    instruments = [listings.symbol(symbol) for symbol in sorted(named) if listings.find(symbol)]
    plain, native = pair(instruments, listings)
    books = {each.instrument_id: LocalBook() for each in instruments}
    for book in (*books.values(), *native.books.values()):
        book.snapshot(0, (), (), 0)
    begun = set()
    trades, changes = 0, 0
    for frame in frames:
        if b'"type":"message"' not in frame or b"/market/ticker" in frame:
            continue
        plain.receive(frame, T0)
        (_, told) = plain.drain()
        for event in told:
            if isinstance(event, BookDelta) and event.instrument_id not in begun:
                begun.add(event.instrument_id)
                for book in (books[event.instrument_id], native.books[event.instrument_id]):
                    book.snapshot(event.first_sequence - 1, (), (), 0)
        native.receive(frame, T0)
        (_, seen) = native.drain()
        assert len(told) == len(seen), frame
        for event, one in zip(told, seen, strict=True):
            if isinstance(event, Trade):
                assert event == one
                trades += 1
                continue
            changes += 1
            assert isinstance(one, BookMoved)
            book = books[event.instrument_id]
            became = book.delta(
                event.first_sequence, event.last_sequence, event.bids, event.asks, event.time_ns
            )
            assert became == one.became, frame
    for number, book in books.items():
        other = native.books[number]
        assert (book.bids(50), book.asks(50)) == (list(other.bids(50)), list(other.asks(50)))
        assert book.sequence == other.sequence
    assert changes > 2_500
    assert trades > 5


def test_garbage_is_the_one_error():
    _, native = pair([BTC_USDT], Listings([BTC_USDT]))
    for garbage in (b"", b"{", UPDATE):
        with pytest.raises(DecodeError):
            native.receive(garbage, T0)


def test_steps_that_are_too_fine_are_left_to_python():
    fine = msgspec.structs.replace(BTC_USDT, tick_lot_atoms=1, lot_atoms=10**12 * 10**3)
    with pytest.raises(Unsupported):
        tables.steps(fine)


# -- orders -------------------------------------------------------------------------------------

HOST = "localhost:8606"
KEY = ApiKey("k" * 24, b"s" * 32, "a passphrase")
KINDS_OF_ORDERS = [
    {"time_in_force": TimeInForce.GTC},
    {"time_in_force": TimeInForce.IOC},
    {"time_in_force": TimeInForce.FOK},
    {"post_only": True},
    {"display_lots": 0},
    *({"self_trade": mode} for mode in SelfTrade),
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
        (place(order_type=OrderType.STOP_LIMIT, trigger_ticks=5), KEY, HOST, Unsupported),
        (place(display_lots=500), KEY, HOST, Unsupported),
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
