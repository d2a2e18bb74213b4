"""The keeper of a strategy in a backtest does what the trader's keeper does."""

import itertools
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.backtest.host import NOTES_MAX, LastPrice, Open, stop_ticks
from steelyard.backtest.settings import Delay
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import Side
from steelyard.trading.risk import Limits
from steelyard.trading.strategy import Intent, Strategy
from tests.backtest.market import BTC, MINUTE_NS, acting, bars_of, fills_of, play, settings_of

FLAT = (100, 100, 100, 100)


def test_a_wish_has_its_number_or_its_refusal_after_the_call():
    """The number is the name by which it is canceled; a refusal is a sentence."""
    wishes: list[Intent] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        if not wishes:
            wishes.extend((self.buy("1", "90"), self.buy("9", "90")))

    limits = Limits(Decimal(500), Decimal(100), 10, Decimal(1))
    run = play(acting(on_bar=on_bar), bars_of([FLAT] * 3), limits=limits)
    assert (wishes[0].client_order_id, wishes[0].refusal) == ("1", None)
    assert wishes[1].client_order_id == ""
    assert str(wishes[1].refusal).startswith("max_order_notional is 500 USDT")
    assert (run.host.refused, run.host.refusals) == (1, {"max_order_notional": 1})
    assert run.result().totals.refused == 1


def test_a_cancel_or_an_amend_of_nothing():
    """A cancel is forgotten; an amend is refused."""
    wishes: list[Any] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        self.cancel("7")
        wishes.append(self.amend("7", price="90"))

    run = play(acting(on_bar=on_bar), bars_of([FLAT]))
    assert wishes[0].refusal == "there is no such order of this bot"
    assert run.result().totals.orders == 0


def test_notes_are_kept_with_their_times_and_bounded():
    """The first ones; on_stop may still say something."""

    def on_bar(self: Strategy, bar: Any) -> None:
        for _ in range(NOTES_MAX // 2 - 1):
            self.log("x")

    strategy = acting(on_bar=on_bar, on_stop=lambda self: [self.log("bye") for _ in range(9)])
    notes = play(strategy, bars_of([FLAT] * 2)).result().notes
    assert len(notes) == NOTES_MAX
    assert [text for _, text in notes[-3:]] == ["x", "bye", "bye"] or notes[-1][1] == "bye"
    assert notes[0][0] < notes[-1][0]


def test_nothing_is_carried_out_in_on_stop():
    """The data are over."""
    run = play(acting(on_stop=lambda self: self.buy("1")), bars_of([FLAT]))
    assert run.result().totals.orders == 0


def test_orders_lead_to_orders_at_one_moment():
    """A fill that leads to an order that fills, ten times, at one open."""
    fills: list[Any] = []

    def on_fill(self: Strategy, fill: Any) -> None:
        fills.append(fill.time_ns)
        if len(fills) < 10:
            self.buy("1")

    play(acting(on_start=lambda self: self.buy("1"), on_fill=on_fill), bars_of([FLAT]))
    assert len(fills) == 10
    assert len(set(fills)) == 1


def test_protect_works_through_a_helper_outside_of_the_class():
    """Nobody has to have seen the word in the class."""

    def shield(strategy: Strategy) -> None:
        strategy.protect("95")

    def on_bar(self: Strategy, bar: Any) -> None:
        if self.now_ns % (120 * 10**9):
            shield(self)
            self.buy("1")

    run = play(acting(on_bar=on_bar), bars_of([FLAT, FLAT, (100, 100, 90, 90)]))
    assert fills_of(run.result())[-1].endswith("@ 95")


def test_the_stop_is_not_shown_and_not_canceled_by_cancel_all():
    """It is the host's."""
    shown: list[int] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        shown.append(len(self.open_orders))
        self.cancel_all()
        if len(shown) == 1:
            self.buy("1")
            self.protect("95")
            self.buy("1", "80")

    run = play(acting(on_bar=on_bar), bars_of([FLAT, FLAT, FLAT, (100, 100, 90, 90)]))
    assert shown == [0, 1, 0, 0]
    assert fills_of(run.result())[-1].split()[2:] == ["sell", "1", "@", "95"]


def test_a_stop_that_comes_before_the_hold_is_free_is_placed_again():
    """On spot the old stop holds what the new one sells; with other delays it may come first."""

    def on_bar(self: Strategy, bar: Any) -> None:
        if len(self.history) == 0:
            self.history.append(bar)
            self.buy("1")
        self.protect(str(90 + self.now_ns // (60 * 10**9) % 5))

    assumed = settings_of(
        deposits={"USDT": Decimal(100)},
        order_delay=Delay.samples([0, 10 * 10**9, 25 * 10**9]),
        seed=3,
    )
    run = play(acting(on_bar=on_bar), bars_of([FLAT] * 60 + [(100, 100, 50, 50)]), assumed)
    orders = run.result().orders
    refused = int((orders["reject_reason"] != 0).sum())
    assert refused > 3, "the delays have to make some of them come too early"
    assert run.desk.position.is_flat, "and yet the position was sold by a stop"


@settings(max_examples=50)
@given(st.integers(1, 10**6), st.sampled_from(["0.01", "0.055", "0.5"]), st.sampled_from(Side))
def test_the_configured_stop_is_where_the_trader_puts_it(ticks: int, share: str, side: Side):
    """Down to a whole tick on both sides, at least one tick."""
    average = BTC.price(ticks) + Decimal("0.123")
    found = stop_ticks(average, Decimal(share), side, BTC)
    exact = average * (1 - side * Decimal(share)) / BTC.tick_size
    assert found == max(1, int(exact))


@pytest.mark.parametrize("size", [1, 10**9])
def test_without_a_book_everything_is_worth_the_last_price(size: int):
    """Before there is one nothing can be checked."""
    assert LastPrice(BTC, 200).of(Side.BUY).walk(size) == (200, 200 * size)
    assert LastPrice(BTC, 200).trouble(0) is None
    assert LastPrice(BTC, 0).trouble(0) == "there is no price yet"
    assert LastPrice(BTC, 0).mid_half_ticks is None
    assert Open([], deque()).exposed_lots(Side.BUY) == 0


# -- limits that may be left out ------------------------------------------------------------------

WIDE = Limits(Decimal(10**6), Decimal(100), 100, Decimal(1))


def refused_in(
    bars: Any, wants: dict[int, Callable[[Strategy], Any]], deposit: int = 10**6, **limits: Any
) -> list[str]:
    """Return what was refused, as `bar: limit`, of wishes by the number of the bar."""
    count = itertools.count()
    wishes: list[tuple[int, Intent]] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        number = next(count)
        if number in wants:
            wishes.append((number, wants[number](self)))

    settings = settings_of(deposits={"USDT": Decimal(deposit)})
    run = play(acting(on_bar=on_bar), bars, settings, limits=WIDE._replace(**limits))
    found = [f"{number}: {str(w.refusal).split()[0]}" for number, w in wishes if w.refusal]
    assert run.host.refused == len(found)
    return found


def buys(size: str, *numbers: int) -> dict[int, Callable[[Strategy], Any]]:
    return dict.fromkeys(numbers, lambda self: self.buy(size))


def test_limits_of_bots_hold_in_a_backtest():
    """Size, orders and changes in any minute, leverage, and what the position may be worth."""
    flat = bars_of([FLAT] * 6)
    assert refused_in(flat, buys("2", 0), max_order_size=Decimal("1.5")) == ["0: max_order_size"]
    exposed = refused_in(flat, buys("1", 0, 1, 2, 3), max_gross_exposure=Decimal(200))
    assert exposed == ["2: max_gross_exposure", "3: max_gross_exposure"]
    levered = refused_in(flat, buys("1", 0, 1, 2), 1_000, max_leverage=Decimal("0.2"))
    assert levered == ["2: max_leverage"]
    seconds = bars_of([FLAT] * 70, SECOND_NS)
    wants = buys("1", 0, 1, 2, 59, 61, 62)
    assert refused_in(seconds, wants, max_orders_per_minute=2) == [
        "2: max_orders_per_minute",
        "59: max_orders_per_minute",
    ]


def test_a_day_that_has_lost_enough_adds_no_risk_until_the_next():
    """From midnight UTC; what reduces goes, and a loss of yesterday is yesterday's."""
    hours = [FLAT] * 3 + [(90, 90, 90, 90)] * 21 + [(85, 85, 85, 85)] * 3
    wants = {**buys("1", 0, 5, 6, 24), 8: lambda self: self.sell("0.5")}
    loss = refused_in(bars_of(hours, 60 * MINUTE_NS), wants, max_daily_loss=Decimal(10))
    assert loss == ["5: max_daily_loss", "6: max_daily_loss"]
    assert refused_in(bars_of(hours, 60 * MINUTE_NS), wants, max_daily_loss=Decimal(13)) == []
