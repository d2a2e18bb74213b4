"""What a strategy sees at the desk of a backtest: what it has been told, and nothing newer."""

from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from steelyard.backtest.desk import place_of, price_of
from steelyard.backtest.settings import Delay
from steelyard.domain.errors import SteelyardError, UsageError
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import Liquidity, RejectReason, Side
from steelyard.domain.units import Lots
from steelyard.trading.duration import Duration
from steelyard.trading.orders import OwnOrder
from steelyard.trading.strategy import Desk, Intent, Position, Strategy, Timer
from tests.backtest.market import BEGIN_NS, BTC, MINUTE_NS, acting, bars_of, play, settings_of

FLAT = (100, 100, 100, 100)


def test_the_desk_before_the_first_price():
    """The time is the first bar's, and there is no price yet."""
    seen: list[Any] = []
    play(acting(on_start=lambda self: seen.append((self.now_ns, self.price))), bars_of([FLAT]))
    assert seen == [(BEGIN_NS, None)]


def test_position_and_average_price_follow_the_fills():
    """Two buys at two prices, and a sale that leaves the average as it is."""
    seen: list[Position] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        seen.append(self.position)
        (self.sell if len(seen) == 3 else self.buy)("1")

    play(acting(on_bar=on_bar), bars_of([FLAT, FLAT, (110, 110, 110, 110), FLAT]))
    assert [(it.size, it.average_price) for it in seen] == [
        (0, None),
        (1, 100),
        (2, 105),
        (1, 105),
    ]


def test_what_has_not_been_told_is_not_seen():
    """With slow answers an order is on its way, and nothing is held, until the news has come."""
    seen: list[Any] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        seen.append((self.position.lots, [order.state for order in self.open_orders]))
        if len(seen) == 1:
            self.buy("1")

    run = play(
        acting(on_bar=on_bar),
        bars_of([FLAT] * 4),
        settings_of(answer_delay=Delay.constant(90 * 10**9)),
    )
    assert seen == [(0, []), (0, [OrderState.PENDING]), (1_000, []), (1_000, [])]
    assert int(run.result().fills["time_ns"][0]) == BEGIN_NS + MINUTE_NS


def test_an_own_order_has_its_terms_and_what_became_of_it():
    """A limit that rests, one that fills in part, one that is refused."""
    seen: list[Any] = []
    told: list[Any] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        if not seen:
            self.buy("2", "95")
            self.sell("1", "100", post_only=True)
        seen.append(self.open_orders)

    play(
        acting(on_bar=on_bar, on_order=lambda self, order: told.append(order)),
        bars_of([(*FLAT, 10), (*FLAT, 10), (100, 100, 90, 94, 10)]),
        settings_of(volume_share=Decimal("0.1")),
    )
    (order,) = seen[1]
    assert (order.client_order_id, order.state, order.filled_lots) == ("1", OrderState.WORKING, 0)
    assert (order.place.price_ticks, order.place.size_lots) == (190, 2_000)
    assert (order.place.side, order.place.post_only) == (Side.BUY, False)
    (order,) = seen[2]
    assert (order.state, order.filled_lots) == (OrderState.PARTIALLY_FILLED, 1_000)
    refused = told[1]
    assert refused.state is OrderState.REJECTED
    assert refused.reject_reason is RejectReason.POST_ONLY_WOULD_TAKE


@pytest.mark.parametrize("name", OwnOrder.__struct_fields__)
def test_an_order_that_is_told_is_an_own_order(name: str):
    """Every field of it is, whether Rust shows it or not; and it is one in a comparison."""
    told: list[Any] = []

    def on_order(self: Strategy, order: Any) -> None:
        told.append((order, self._desk.own_order(int(order.client_order_id) - 1)))

    def on_start(self: Strategy) -> None:
        self.buy("1", "95", post_only=True)
        self.sell("1", "99.5", post_only=True)
        self.stop(Side.SELL, "2", "90")

    play(acting(on_start=on_start, on_order=on_order), bars_of([FLAT, (*FLAT[:2], 89, 90)]))
    assert {str(order.state.name) for order, _ in told} == {"WORKING", "REJECTED", "FILLED"}
    for order, whole in told:
        assert getattr(order, name) == getattr(whole, name)
        assert isinstance(order, OwnOrder)
        assert order == whole == order
        assert (order.client_order_id, order.is_open) == (whole.client_order_id, whole.is_open)
        assert repr(order) == repr(whole)


def test_an_order_that_was_kept_stays_what_it_was():
    """What is told later is another view."""
    kept: list[Any] = []

    def on_order(self: Strategy, order: Any) -> None:
        if order.client_order_id == "2":
            kept.append(order)

    def on_start(self: Strategy) -> None:
        for price in ("95", "94", "93", "92"):
            self.cancel(self.buy("1", price))

    play(acting(on_start=on_start, on_order=on_order), bars_of([FLAT, FLAT]))
    assert [order.state for order in kept] == [OrderState.WORKING, OrderState.CANCELED]
    assert [order.is_open for order in kept] == [True, False]


def test_a_firing_that_was_kept_stays_what_it_was_and_is_a_timer():
    """The next call fills the same view anew, unless somebody has it."""
    kept: list[Any] = []
    seen: set[int] = set()

    def on_timer(self: Strategy, timer: Any) -> None:
        seen.add(id(timer))
        if len(kept) < 2:
            kept.append(timer)

    on_start = {"on_start": lambda self: self.every("10s")}
    play(acting(on_timer=on_timer, **on_start), bars_of([FLAT, FLAT]))
    first, second = kept
    assert (first.due_ns, second.due_ns) == (BEGIN_NS + 10**10, BEGIN_NS + 2 * 10**10)
    assert first == Timer(Duration("10s"), first.due_ns) != second
    assert isinstance(first, Timer)
    assert [*first] == [first.every, first.due_ns] == [first[0], first[1]]
    assert len(seen) == 3, "two that were kept, and one for all others"


def test_rust_takes_an_intent_apart_by_these_fields():
    """In this order; another one needs another `place` in rust/python/src/run.rs."""
    assert Intent.__struct_fields__ == (
        "side",
        "size_lots",
        "order_type",
        "time_in_force",
        "price_ticks",
        "post_only",
        "client_order_id",
        "refusal",
        "trigger_ticks",
    )


def test_a_position_that_was_read_stays_what_it_was_and_is_a_position():
    """Its average price is of then, whenever it is asked for; it can be taken apart like one."""
    seen: list[Any] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        seen.append(self.position)
        self.buy("1")

    run = play(acting(on_bar=on_bar), bars_of([FLAT, FLAT, (110, 110, 110, 110)]))
    instrument, lots, average = seen[2]
    assert (instrument.symbol, lots, average) == ("BTC-USDT", 2_000, 105)
    assert isinstance(seen[1], Position)
    assert seen[1] == Position(instrument, 1_000, Decimal(100)) != seen[2]
    assert seen[1]._replace(lots=0).is_flat
    assert (len(seen[1]), seen[1][1], hash(seen[1])) == (3, 1_000, hash(seen[1]))
    assert seen[0].is_flat
    assert run.desk.position is run.desk.position


@pytest.mark.parametrize(
    ("size", "price", "lots", "ticks"),
    [
        ("1", "100", 1_000, 200),
        (Decimal("0.001"), Decimal("1E+2"), 1, 200),
        (Lots(7), "0.5", 7, 1),
        (" 1", "100", None, None),
        ("1", "100.3", None, None),
        ("0.0001", "100", None, None),
        ("0", "100", None, None),
        ("9001", "100", None, None),
        (Lots(0), "100", None, None),
        (True, "100", None, None),
        (1.0, "100", None, None),
        ("1", 100, None, None),
        ("1", "1000000.5", None, None),
        ("1", "-100", None, None),
        (Decimal("nan"), "100", None, None),
        ("1", "1" * 30, None, None),
        ("1_000", "100", None, None),
        ("\u0661", "100", None, None),
    ],
)
def test_wishes_are_read_and_refused_as_at_a_traders_desk(
    size: Any, price: Any, lots: int | None, ticks: int | None
):
    """In the same words, the first time and again."""
    told: list[Any] = []

    def ask(strategy: Strategy) -> Any:
        try:
            return strategy.buy(size, price, post_only=True)
        except (SteelyardError, InvalidOperation) as error:
            return type(error), str(error)

    live = Strategy()
    live.bind(Desk(BTC))
    expected = ask(live)
    assert isinstance(expected, Intent) == (lots is not None)
    if lots is not None:
        assert (expected.size_lots, expected.price_ticks) == (lots, ticks)
        expected = (lots, ticks, expected.order_type, expected.time_in_force, True)

    def on_bar(self: Strategy, bar: Any) -> None:
        found = ask(self)
        if isinstance(found, Intent):
            kind, time = found.order_type, found.time_in_force
            found = (found.size_lots, found.price_ticks, kind, time, found.post_only)
        told.append(found)

    play(acting(on_bar=on_bar), bars_of([FLAT] * 3))
    assert told == [expected] * 3


def test_a_fill_is_told_whole():
    """As the trader's Fill: what, at what price, for what, by which order."""
    told: list[Any] = []
    play(
        acting(on_start=lambda self: self.buy("2"), on_fill=lambda self, fill: told.append(fill)),
        bars_of([FLAT]),
        settings_of(taker=Decimal("0.001")),
    )
    (fill,) = told
    assert (fill.order_id, fill.client_order_id, fill.side) == (1, "1", Side.BUY)
    assert (fill.price_ticks, fill.size_lots, fill.liquidity) == (200, 2_000, Liquidity.TAKER)
    assert fill.quote_atoms == 200 * 10**12
    assert (fill.fee_asset_id, fill.fee_atoms) == (BTC.quote_asset_id, 2 * 10**11)
    assert fill.time_ns == BEGIN_NS


def test_a_loop_of_wishes_is_stopped():
    """A hundred in one call, as at a trader's desk."""

    def on_bar(self: Strategy, bar: Any) -> None:
        for _ in range(101):
            self.buy("1")

    with pytest.raises(UsageError, match="a loop"):
        play(acting(on_bar=on_bar), bars_of([FLAT]))


def test_names_of_orders_are_their_numbers():
    """And what is no name is no order."""
    assert [place_of(name) for name in ("1", "12", "x", "", None, 3)] == [0, 11, -1, -1, -1, -1]
    assert price_of(401, BTC) == Decimal("100.25")
