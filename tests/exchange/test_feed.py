import msgspec
import pytest
from desk import SECOND_NS, Desk

from steelyard.domain.commands import Cancel, CloseTransfer, Deposit, HouseLevel, OpenTransfer
from steelyard.domain.messages import BookDelta, BookQuery, Execution
from steelyard.domain.order import Side
from steelyard.exchange import feed as module
from steelyard.wire.dialect import Channel, ChannelKind, Subscription

PERIOD_NS = SECOND_NS // 10


def listen(desk: Desk, *channels: Channel, session: int = 1, form: str = ""):
    """Subscribe a session; frames come as (form, event) pairs in `sent`."""
    sent = []

    def encode(subscription, event, _listings):
        # Orders are one mutable object: what is sent is how they are now.
        sent.append((subscription.form, msgspec.json.decode(msgspec.json.encode(event))))
        return str(len(sent)).encode()

    desk.exchange.feed.speak("test", encode)
    for channel in channels:
        assert desk.exchange.feed.subscribe(
            session, Subscription("test", channel, form), desk.now_ns
        )
    return sent


def book(**fields):
    return Channel(ChannelKind.BOOK, 0, **{"period_ns": PERIOD_NS, **fields})


def test_deltas_chain_without_a_gap_and_rebuild_the_book(desk):
    """C6: a snapshot and the deltas after it always give the exchange's own book."""
    deltas = []
    desk.exchange.feed.speak("test", lambda _s, event, _l: deltas.append(event) or b"x")
    for number in range(5):
        desk.exchange.record(HouseLevel(0, Side.BUY, 5_000_000 - number, 10), desk.tick())
    desk.exchange.feed.subscribe(1, Subscription("test", book(), ""), desk.now_ns)
    snapshot = desk.exchange.ask(BookQuery(0, 100), desk.now_ns)
    bids, sequence = dict(snapshot.bids), snapshot.sequence
    for number in range(30):
        lots = number * 7 % 5
        desk.exchange.record(HouseLevel(0, Side.BUY, 5_000_000 - number % 9, lots), desk.now_ns)
        if number % 4 == 0:
            desk.now_ns += PERIOD_NS
            desk.exchange.feed.wake(desk.now_ns)
    desk.exchange.feed.wake(desk.now_ns + PERIOD_NS)
    for delta in deltas:
        assert isinstance(delta, BookDelta)
        assert delta.first_sequence == sequence + 1
        sequence = delta.last_sequence
        bids.update(delta.bids)
    assert sorted((t, n) for t, n in bids.items() if n) == sorted(desk.exchange.levels(0, 100).bids)


def test_a_late_subscriber_makes_the_gathered_delta_go_out_first(desk):
    """Otherwise its snapshot and its first delta would overlap."""
    sent = listen(desk, book())
    desk.exchange.record(HouseLevel(0, Side.BUY, 100, 1), desk.now_ns)
    listened = Subscription("test", book(), "late")
    desk.exchange.feed.subscribe(2, listened, desk.now_ns)
    assert [form for form, _ in sent] == [""]
    assert desk.exchange.drain().frames[0].sessions == (1,)


def test_a_book_with_a_depth_is_told_whole_and_only_when_it_is_news(desk):
    top = book(depth=2)
    sent = listen(desk, top)
    for number in range(4):
        desk.exchange.record(HouseLevel(0, Side.BUY, 100 + number, 5), desk.now_ns)
    assert sent == []
    desk.exchange.feed.wake(desk.tick())
    (_, told), *more = sent
    assert (told["type"], told["bids"], told["sequence"]) == (
        "BookSnapshot",
        [[103, 5], [102, 5]],
        4,
    )
    assert more == []
    desk.exchange.feed.wake(desk.tick())
    assert len(sent) == 1
    late = listen(desk, top, session=2)
    desk.exchange.feed.wake(desk.tick())
    assert [event["sequence"] for _, event in late] == [4]
    for session in (1, 2):
        desk.exchange.feed.leave(session)
    desk.exchange.record(HouseLevel(0, Side.BUY, 100, 9), desk.now_ns)
    assert desk.exchange.feed.deadline_ns is None


def test_a_level_that_is_pushed_beyond_the_depth_is_told_as_gone_where_that_is_wanted():
    """Else whoever hears it cuts it off."""
    before, now = [(9, 1), (8, 1)], [(10, 1), (9, 1)]
    assert module.changes_within(Side.BUY, before, now, 2) == ((10, 1),)
    assert module.changes_within(Side.BUY, before, now, None) == ((10, 1), (8, 0))


def test_each_form_is_encoded_once_for_all_its_listeners(desk):
    sent = listen(desk, Channel(ChannelKind.TRADES, 0))
    for session in (2, 3):
        desk.exchange.feed.subscribe(
            session, Subscription("test", Channel(ChannelKind.TRADES, 0), ""), desk.now_ns
        )
    desk.place(desk.alice, Side.SELL, "0.1", "60000")
    desk.place(desk.bob, Side.BUY, "0.1")
    assert len(sent) == 1
    assert desk.exchange.drain().frames[-1].sessions == (1, 2, 3)


def test_orders_and_balances_are_told_to_their_owner_only(desk):
    sent = listen(
        desk,
        Channel(ChannelKind.ORDERS, account_id=desk.alice),
        Channel(ChannelKind.BALANCES, account_id=desk.alice),
    )
    order = desk.place(desk.alice, Side.SELL, "1", "60000").order
    desk.place(desk.bob, Side.BUY, "0.4")
    desk.exchange.perform(Cancel(desk.alice, order.order_id), desk.tick())
    orders = [event for _, event in sent if event["type"] == "OrderEvent"]
    assert [event["execution"] for event in orders] == [
        Execution.NEW,
        Execution.FILL,
        Execution.CANCELED,
    ]
    assert [event["order"]["filled_lots"] for event in orders] == [0, 40_000, 40_000]
    assert {event["order"]["account_id"] for event in orders} == {desk.alice}
    balances = [event["balances"] for _, event in sent if event["type"] == "BalanceEvent"]
    assert [b["held_atoms"] for b in (each[0] for each in balances)] == [
        10**12,
        6 * 10**11,
        0,
    ]


def test_the_touch_is_told_when_it_moves_and_not_otherwise(desk):
    sent = listen(desk, Channel(ChannelKind.TOUCH, 0))
    desk.place(desk.alice, Side.BUY, "0.1", "50000")
    desk.place(desk.alice, Side.BUY, "0.1", "49000")
    desk.place(desk.alice, Side.BUY, "0.1", "51000")
    assert [event["bid_ticks"] for _, event in sent] == [5_000_000, 5_100_000]


def test_a_closing_candle_is_sent_once_more_as_closed(desk):
    channel = Channel(ChannelKind.CANDLES, 0, period_ns=SECOND_NS, interval_ns=60 * SECOND_NS)
    sent = listen(desk, channel)
    desk.place(desk.alice, Side.SELL, "0.1", "60000")
    desk.place(desk.bob, Side.BUY, "0.1")
    desk.exchange.feed.wake(desk.tick())
    desk.exchange.feed.wake(desk.tick())  # nothing new: nothing sent
    desk.exchange.feed.wake(desk.tick(60))
    assert [(event["trade_count"], event["is_closed"]) for _, event in sent] == [
        (1, False),
        (1, True),
        (0, False),
    ]


def test_slept_through_periods_are_skipped(desk):
    listen(desk, Channel(ChannelKind.TICKER, 0, period_ns=SECOND_NS))
    desk.exchange.feed.wake(desk.tick(3600))
    assert len(desk.exchange.drain().frames) == 1
    assert desk.exchange.feed.deadline_ns > desk.now_ns


def test_a_session_that_leaves_is_forgotten_everywhere(desk):
    sent = listen(desk, book(), Channel(ChannelKind.TRADES, 0))
    desk.exchange.feed.leave(1)
    desk.place(desk.alice, Side.SELL, "0.1", "60000")
    desk.place(desk.bob, Side.BUY, "0.1")
    desk.exchange.feed.wake(desk.tick(60))
    assert sent == []
    assert desk.exchange.feed.subscriptions(1) == ()
    assert desk.exchange.feed.deadline_ns is None


@pytest.mark.parametrize("room", [1, 3])
def test_subscriptions_are_bounded(desk, monkeypatch, room):
    monkeypatch.setattr(module, "SUBSCRIPTIONS_MAX", room)
    desk.exchange.feed.speak("test", lambda *_: b"")
    told = [
        desk.exchange.feed.subscribe(
            number, Subscription("test", Channel(ChannelKind.TRADES, 0), ""), 0
        )
        for number in range(room + 1)
    ]
    assert told == [True] * room + [False]
    desk.exchange.feed.leave(0)
    assert desk.exchange.feed.subscribe(
        9, Subscription("test", Channel(ChannelKind.TRADES, 0), ""), 0
    )


def test_the_trades_of_one_taker_at_a_price_are_told_as_one(desk):
    """At the end of its command, so that an aggregate is whole when it is told."""
    sent = listen(desk, Channel(ChannelKind.AGGREGATES, 0), Channel(ChannelKind.TRADES, 0))
    for size in ("1", "2"):
        desk.place(desk.alice, Side.SELL, size, "50000")
    desk.place(desk.bob, Side.BUY, "2", "50000")
    desk.place(desk.bob, Side.BUY, "1", "50000")
    told = [event for _, event in sent]
    assert [event["type"] for event in told] == [
        *("Trade", "Trade", "AggregateTrade"),
        *("Trade", "AggregateTrade"),
    ]
    first, second = (event for event in told if event["type"] == "AggregateTrade")
    assert (first["aggregate_id"], first["first_trade_id"], first["last_trade_id"]) == (1, 1, 2)
    assert (second["aggregate_id"], second["size_lots"]) == (2, 100_000)


def test_what_comes_goes_or_is_held_is_told_besides_the_balances(desk):
    """A trade is not: its account hears of it another way."""
    sent = listen(desk, Channel(ChannelKind.FUNDS, account_id=desk.alice))
    record, now_ns = desk.exchange.record, desk.tick()
    record(Deposit(desk.alice, 1, 5), now_ns)
    record(OpenTransfer(desk.alice, 1, -3), now_ns)
    record(OpenTransfer(desk.alice, 1, 9), now_ns)
    first = desk.exchange.statements.pending_ids(desk.alice)[0]
    record(CloseTransfer(first, done=True), now_ns)
    desk.place(desk.alice, Side.SELL, "1", "50000")
    desk.place(desk.bob, Side.BUY, "1", "50000")
    told = [(event["type"], event["asset_id"], event["amount_atoms"]) for _, event in sent]
    assert told == [
        ("BalanceMoved", 1, 5),
        ("BalanceLocked", 1, 3),
        ("BalanceMoved", 1, -3),
        ("BalanceLocked", 1, -3),
    ]
