"""The bench on which strategies are tested: it does what it is told, and nothing by itself."""

from decimal import Decimal

import pytest

from steelyard.domain.errors import UsageError
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import RejectReason, Side
from steelyard.trading.bars import Bar
from steelyard.trading.bench import BTC_USDT, START_NS, Bench
from steelyard.trading.duration import Duration
from steelyard.trading.strategy import Strategy


class Diary(Strategy):
    """Writes down what it is told, and does what it is given to do."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        bar: Duration = Duration("1m")

    def __init__(self, *acts) -> None:
        super().__init__()
        self._acts = iter(acts)

    def act(self, text: str) -> None:
        self.log(text)
        next(self._acts, lambda _: None)(self)

    def on_warm_up(self, bar: Bar) -> None:
        self.log(f"past {bar.close_ticks}")

    def on_start(self) -> None:
        self.every("60s")
        self.every("5m")
        self.act("start")

    def on_bar(self, bar) -> None:
        self.act(f"bar {bar.open_ns - START_NS} {bar.price('close')}")

    def on_book(self, book) -> None:
        self.act(f"book {book.best_bid} {book.best_ask} {book.trouble(self.now_ns)}")

    def on_trade(self, trade) -> None:
        self.act(f"trade {trade.price_ticks} {trade.size_lots} {self.price}")

    def on_timer(self, timer) -> None:
        self.act(f"timer {timer.every} {timer.due_ns % timer.every.ns}")

    def on_fill(self, fill) -> None:
        self.act(f"fill {fill.side.name} {fill.size_lots} {self.position.size}")

    def on_order(self, order) -> None:
        self.act(f"order {order.client_order_id} {order.state.name}")

    def on_stop(self) -> None:
        self.act("stop")


def test_each_callback_is_told_what_the_test_says():
    """In its order, and with nothing in between."""
    bench = Bench(Diary(), history=["1", "2"], price="3")
    bench.close("100", "101")
    bench.book("99", "101")
    bench.trade("98", "2")
    bench.timer()
    bench.timer(every="5m")
    bench.stop()
    assert bench.log == [
        "past 100",
        "past 200",
        "start",
        "bar 100000000000 100.00",
        "bar 160000000000 101.00",
        "book 99.00 101.00 None",
        "trade 9800 200000 98.00",
        "timer 60s 0",
        "timer 5m 0",
        "stop",
    ]


def test_wishes_are_words_and_then_open_orders():
    """Until they are filled, refused or canceled."""
    bench = Bench(Diary(lambda it: (it.buy("0.1"), it.sell("0.2", "101"))), price="100")
    assert bench.started == ["buy 0.1 market", "sell 0.2 limit at 101.00"]
    assert bench.open == ["buy 0.1 market", "sell 0.2 limit at 101.00"]
    bench.refuse(RejectReason.INSUFFICIENT_BALANCE)
    assert bench.open == []
    assert bench.log[1:] == ["order 1 REJECTED", "order 2 REJECTED"]


def test_a_fill_moves_the_position_before_it_is_told():
    """At the order's own price, at the touch, or at the price that is given; in parts too."""

    def orders(it):
        it.buy("0.1")
        it.sell("0.04", "102")

    bench = Bench(Diary(orders), price="100")
    bench.book("99", "101")
    assert bench.fill() == []
    assert bench.position == Decimal("0.06")
    assert bench.log[-4:] == [
        "fill BUY 10000 0.10000",
        "order 1 FILLED",
        "fill SELL 4000 0.06000",
        "order 2 FILLED",
    ]
    # (0.1 bought at 101, 0.04 of it sold)
    assert bench.desk.position.average_price == 101


def test_parts_fill_one_after_the_other():
    """What is left stays open."""
    bench = Bench(Diary(lambda it: it.buy("0.1", "90")), price="100")
    bench.fill(size="0.03")
    assert bench.open == ["buy 0.07 limit at 90.00"]
    (order,) = bench.desk.open_orders()
    assert order.state is OrderState.PARTIALLY_FILLED
    bench.fill_line("91")
    assert bench.position == Decimal("0.03")
    bench.fill_line("90")
    assert (bench.open, bench.position) == ([], Decimal("0.1"))


def test_what_a_fill_leads_to_is_returned():
    """So is what follows from a refusal."""
    sells = lambda it: it.sell("0.1", "110")  # noqa: E731
    bench = Bench(Diary(lambda it: it.buy("0.1", "90"), sells), price="100")
    assert bench.fill() == ["sell 0.1 limit at 110.00"]


def test_a_cancel_ends_an_order_and_an_amend_changes_it():
    """At once: what could happen meanwhile is for the sandbox to show."""

    def amends(it):
        it.amend(it.open_orders[0], price="91")

    bench = Bench(Diary(lambda it: it.buy("0.1", "90"), amends, Strategy.cancel_all), price="100")
    assert bench.trade("100") == ["amend at 91.00"]
    assert bench.open == ["buy 0.1 limit at 91.00"]
    assert bench.trade("100") == ["cancel buy 0.1 limit at 91.00"]
    assert bench.open == []


def test_a_stop_and_a_protection_are_words_too():
    """With their trigger."""

    def waits(it):
        it.stop(Side.SELL, "0.1", "90")
        it.protect("80")

    bench = Bench(Diary(waits), price="100")
    assert bench.started == ["sell 0.1 stop from 90.00 on", "protect from 80.00 on"]


def test_it_begins_with_the_position_that_is_given():
    """Bought at the price at the start, or at one that is named."""
    bench = Bench(Diary(), position="-0.5", price="100")
    assert (bench.position, bench.desk.position.average_price) == (Decimal("-0.5"), 100)
    bench.hold("0.2", "90")
    assert (bench.position, bench.desk.position.average_price) == (Decimal("0.2"), 90)
    bench.hold("0")
    assert bench.desk.position.is_flat


def test_a_market_order_without_a_market_asks_for_a_price():
    """Nothing is made up."""
    bench = Bench(Diary(lambda it: it.buy("0.1")))
    with pytest.raises(AssertionError, match="give fill"):
        bench.fill()
    bench.fill("100")
    assert bench.position == Decimal("0.1")


def test_parameters_are_checked_against_the_instrument():
    """As at the start of a bot."""

    class Picky(Strategy):
        def check(self, instrument) -> None:
            instrument.size_lots(Decimal("0.000001"))

    with pytest.raises(UsageError, match="lot_size"):
        Bench(Picky(), instrument=BTC_USDT)


def test_ordering_by_the_past_is_refused():
    """While it is warmed up nothing can be traded on."""

    class Hasty(Strategy):
        def on_warm_up(self, bar) -> None:
            self.buy("1")

    with pytest.raises(UsageError, match="on_warm_up is about the past"):
        Bench(Hasty(), history=["100"])
