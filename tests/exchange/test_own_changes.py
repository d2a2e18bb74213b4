"""An account's orders step by step, fed by hand; the dialects' tests run an engine."""

from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import Execution, FullChange, FullChangeKind
from steelyard.domain.order import Liquidity, OrderType, Side, TimeInForce
from steelyard.exchange.own_changes import OwnGathering

KIND = FullChangeKind


def order(number, lots, **fields):
    terms = {"order_type": OrderType.LIMIT, "price_ticks": 100, **fields}
    return Order(
        order_id=number, client_order_id="", account_id=7, instrument_id=0, side=Side.BUY,
        time_in_force=TimeInForce.GTC, post_only=False, size_lots=lots, **terms,
    )  # fmt: skip


def fill(of, lots, liquidity):
    return Fill(
        trade_id=8, order_id=of.order_id, client_order_id="", account_id=7, instrument_id=0,
        side=of.side, price_ticks=100, size_lots=lots, quote_atoms=1, liquidity=liquidity,
        fee_asset_id=2, fee_atoms=0, time_ns=0,
    )  # fmt: skip


def told(gathering, changes=(), first=10):
    return [(own.change.kind, own.number) for own in gathering.settle(changes, first)]


def test_an_order_is_open_after_what_it_has_met():
    """With the numbers of the book's own changes."""
    gathering, taker = OwnGathering(), order(1, 5)
    gathering.order(Execution.NEW, taker, None)
    taker.filled_lots, taker.state = 2, OrderState.PARTIALLY_FILLED
    gathering.order(Execution.FILL, taker, fill(taker, 2, Liquidity.TAKER))
    book = (
        FullChange(KIND.RECEIVED, 1, Side.BUY, 100, 5),
        FullChange(KIND.MATCH, 4, Side.BUY, 100, 2, 8, 1),
        FullChange(KIND.OPEN, 1, Side.BUY, 100, 3),
    )
    received, match, opened = gathering.settle(book, 10)
    assert [own.number for own in (received, match, opened)] == [10, 11, 12]
    assert (match.change.order_id, match.change.taker_order_id) == (4, 1)
    assert (opened.change.kind, opened.change.size_lots) == (KIND.OPEN, 3)
    assert gathering.settle((), 13) == ()


def test_what_others_cannot_see_has_the_newest_number():
    gathering, hidden = OwnGathering(), order(1, 5, display_lots=2)
    gathering.order(Execution.NEW, hidden, None)
    change = FullChange(KIND.CHANGE, 0, Side.BUY, 100, 2)
    assert told(gathering, (change,)) == [(KIND.RECEIVED, 10), (KIND.OPEN, 10)]


def test_a_maker_that_has_filled_is_done_at_once():
    gathering, maker = OwnGathering(), order(1, 5)
    maker.filled_lots, maker.state = 5, OrderState.FILLED
    gathering.order(Execution.FILL, maker, fill(maker, 5, Liquidity.MAKER))
    match, done = gathering.settle((), 10)
    assert (match.change.order_id, match.change.side) == (1, Side.SELL)
    assert (done.change.kind, done.change.size_lots) == (KIND.DONE, 0)


def test_a_stop_waits_is_triggered_and_opens():
    gathering = OwnGathering()
    stop = order(1, 5, order_type=OrderType.STOP_LIMIT, trigger_ticks=110)
    gathering.order(Execution.NEW, stop, None)
    assert [kind for kind, _ in told(gathering)] == [KIND.RECEIVED]
    stop.triggered_ns = 1
    gathering.order(Execution.TRIGGERED, stop, None)
    assert [kind for kind, _ in told(gathering)] == [KIND.TRIGGERED, KIND.OPEN]


def test_a_change_says_what_was_there_before():
    gathering, resting = OwnGathering(), order(1, 5)
    gathering.order(Execution.NEW, resting, None)
    gathering.settle((), 10)
    resting.size_lots, resting.price_ticks = 3, 101
    gathering.order(Execution.AMENDED, resting, None)
    (own,) = gathering.settle((), 11)
    change = own.change
    assert (change.before_lots, change.before_ticks) == (5, 100)
    assert (change.size_lots, change.price_ticks) == (3, 101)
