import msgspec
import pytest
from msgspec.structs import replace

from steelyard.dialects.bybit import frames
from steelyard.dialects.bybit.follower import DEPTH, PING_NS, AccountFollower, MarketFollower
from steelyard.dialects.bybit.frames import Topic
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    BalanceEvent,
    BookDelta,
    BookSnapshot,
    Execution,
    OrderEvent,
)
from steelyard.domain.order import OrderType
from steelyard.trading.books import BookView
from steelyard.wire.dialect import ApiKey, ChannelKind
from tests.shared.desk import BTC_USDT

LISTINGS = Listings([BTC_USDT])
NOW_NS = 1_700_000_000 * 10**9
BOOK = f"orderbook.{DEPTH}.BTCUSDT"
ACK = '{"op":"subscribe","success":true,"ret_msg":"subscribe"}'


def following(*kinds):
    follower = MarketFollower([BTC_USDT], LISTINGS, frozenset(kinds or {ChannelKind.BOOK}))
    follower.opened(NOW_NS)
    follower.drain()
    follower.receive(ACK, NOW_NS)
    assert follower.ready
    return follower


def book(number, kind="delta", bids=(("50000.00", "1"),), asks=()):
    data = frames.Book("BTCUSDT", bids, asks, number)
    raw = msgspec.Raw(msgspec.json.encode(data))
    return msgspec.json.encode(Topic(BOOK, ts=1_700_000_000_000, type=kind, data=raw)).decode()


def test_a_book_is_followed_by_the_venues_numbers(venue):
    """Whole, then what changes; ours are counted from 1 on, whatever the venue's are."""
    follower, view = following(), BookView(BTC_USDT)
    follower.receive(book(900, "snapshot"), NOW_NS)
    follower.receive(book(901, bids=(("50000.00", "0"), ("49999.00", "2"))), NOW_NS)
    whole, delta = follower.drain()[1]
    assert isinstance(whole, BookSnapshot)
    assert isinstance(delta, BookDelta)
    assert (whole.sequence, delta.first_sequence) == (1, 2)
    view.snapshot(whole, NOW_NS)
    view.delta(delta, NOW_NS)
    assert tuple(view.bids.first(5)) == ((4_999_900, 200_000),)


def test_a_gap_is_told_and_the_book_asked_for_anew():
    follower, view = following(), BookView(BTC_USDT)
    for frame in (book(5, "snapshot"), book(7)):
        follower.receive(frame, NOW_NS)
    texts, (whole, gap) = follower.drain()
    view.snapshot(whole, NOW_NS)
    view.delta(gap, NOW_NS)
    assert view.needs_snapshot
    assert [msgspec.json.decode(text)["op"] for text in texts] == ["unsubscribe", "subscribe"]
    assert not follower.ready
    follower.receive(book(8), NOW_NS)
    assert follower.drain() == ([], [])
    follower.receive(ACK, NOW_NS)
    follower.receive(book(3, "snapshot"), NOW_NS)
    (fresh,) = follower.drain()[1]
    view.snapshot(fresh, NOW_NS)
    assert not view.needs_snapshot


def test_a_first_number_is_a_restart_of_the_service():
    """The message is whole, whatever it is called."""
    follower = following()
    follower.receive(book(5, "snapshot"), NOW_NS)
    follower.receive(book(1), NOW_NS)
    follower.receive(book(2), NOW_NS)
    kinds = [type(event) for event in follower.drain()[1]]
    assert kinds == [BookSnapshot, BookSnapshot, BookDelta]


def test_it_says_every_20_seconds_that_it_is_there():
    """Whether it hears anything or not."""
    follower = following()
    follower.wake(NOW_NS + PING_NS - 1)
    assert follower.drain()[0] == []
    follower.wake(NOW_NS + PING_NS)
    assert follower.drain()[0] == ['{"op":"ping"}']
    follower.receive('{"op":"pong"}', NOW_NS + 2 * PING_NS)
    assert follower.drain()[0] == ['{"op":"ping"}']


def test_many_topics_go_in_frames_of_ten():
    instruments = [replace(BTC_USDT, instrument_id=n, base=f"A{n}") for n in range(12)]
    follower = MarketFollower(instruments, Listings(instruments), frozenset({ChannelKind.TRADES}))
    follower.opened(NOW_NS)
    sizes = [len(msgspec.json.decode(text)["args"]) for text in follower.drain()[0]]
    assert sizes == [10, 2]
    follower.receive(ACK, NOW_NS)
    assert not follower.ready
    follower.receive(ACK, NOW_NS)
    assert follower.ready


@pytest.mark.parametrize(
    "frame",
    [
        "x",
        "[]",
        '{"topic":5}',
        '{"op":"subscribe","success":false,"ret_msg":"no"}',
        book(5, "snapshot", bids=(("50000.001", "1"),)),
        book(5, "snapshot").replace("BTCUSDT", "X"),
        book(5, "snapshot").replace('"u":5', '"u":"x"'),
    ],
)
def test_garbage_is_one_error_and_leaves_nothing_behind(frame):
    follower = following()
    with pytest.raises(DecodeError):
        follower.receive(frame, NOW_NS)
    assert follower.drain() == ([], [])


def test_what_no_topic_carries_is_unsupported():
    with pytest.raises(Unsupported):
        MarketFollower([BTC_USDT], LISTINGS, frozenset({ChannelKind.FULL}))


# -- an account ---------------------------------------------------------------------------------


def mine(venue, carry):
    """Return a follower whose conversation with the exchange is carried by `carry`."""
    follower = AccountFollower(venue.key, venue.listings)
    number = venue.connect(follower.target)
    follower.opened(venue.desk.now_ns)
    carry(venue, follower, number)
    assert follower.ready
    return follower, number


def carried(venue, follower, number):
    """Carry frames both ways, and return what was told."""
    texts, _ = follower.drain()
    for text in texts:
        venue.say(number, text)
    for message in venue.heard(number):
        follower.receive(msgspec.json.encode(message), venue.desk.now_ns)
    return follower.drain()[1]


def steps(events):
    return [(e.execution, e.order.filled_lots) for e in events if isinstance(e, OrderEvent)]


def test_an_orders_life_is_told_step_by_step(venue):
    follower, number = mine(venue, carried)
    venue.place(orderLinkId="mine")
    venue.post("/v5/order/amend", symbol="BTCUSDT", orderLinkId="mine", qty="0.02")
    venue.place(venue.other_key, side="Sell", qty="0.004")
    venue.post("/v5/order/cancel", symbol="BTCUSDT", orderLinkId="mine")
    events = carried(venue, follower, number)
    assert steps(events) == [
        (Execution.NEW, 0),
        (Execution.AMENDED, 0),
        (Execution.FILL, 400),
        (Execution.CANCELED, 400),
    ]
    fill = next(e.fill for e in events if isinstance(e, OrderEvent) and e.fill)
    assert (fill.size_lots, fill.client_order_id) == (400, "mine")
    assert any(isinstance(event, BalanceEvent) for event in events)


def test_a_market_order_is_new_and_fills(venue):
    follower, number = mine(venue, carried)
    venue.place(venue.other_key, side="Sell", price="50000", qty="1")
    venue.place(orderType="Market", price=None, qty="100")
    assert steps(carried(venue, follower, number)) == [(Execution.NEW, 0), (Execution.FILL, 200)]


def test_a_stop_is_triggered(venue):
    follower, number = mine(venue, carried)
    venue.place(orderFilter="StopOrder", triggerPrice="51000", triggerDirection=1, price="50500")
    for side in ("Sell", "Buy"):
        venue.place(venue.other_key, side=side, price="51000", qty="0.001")
    events = [e for e in carried(venue, follower, number) if isinstance(e, OrderEvent)]
    assert [e.execution for e in events] == [Execution.NEW, Execution.TRIGGERED]
    assert events[1].order.order_type is OrderType.STOP_LIMIT
    assert events[1].order.triggered_ns


def test_an_execution_counts_once_and_one_of_an_unknown_order_too(venue):
    """It was placed before we listened; the venue may say the same twice."""
    venue.place(orderLinkId="mine")
    follower, number = mine(venue, carried)
    venue.place(venue.other_key, side="Sell", qty="0.004")
    heard = venue.heard(number)
    for message in [*heard, *heard]:
        if message["topic"] == "execution":
            follower.receive(msgspec.json.encode(message), venue.desk.now_ns)
    events = follower.drain()[1]
    assert steps(events) == [(Execution.FILL, 400)]
    assert events[0].order.size_lots == 1_000


def test_other_categories_and_other_kinds_of_executions_are_passed_over(venue):
    follower, number = mine(venue, carried)
    venue.place(orderLinkId="mine")
    venue.place(venue.other_key, side="Sell", qty="0.004")
    for message in venue.heard(number):
        for each in message["data"]:
            each["category"] = "linear"
        if message["topic"] != "wallet":
            follower.receive(msgspec.json.encode(message), venue.desk.now_ns)
    assert follower.drain()[1] == []


def test_a_wrong_secret_is_an_auth_error(venue):
    follower = AccountFollower(ApiKey(venue.key.key, b"wrong"), venue.listings)
    number = venue.connect(follower.target)
    follower.opened(venue.desk.now_ns)
    with pytest.raises(AuthError, match="Error sign"):
        carried(venue, follower, number)
