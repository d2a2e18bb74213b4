from decimal import Decimal

import pytest

from steelyard.domain.errors import ConfigError, UnitError, UsageError
from steelyard.domain.messages import BookSnapshot
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.domain.units import Lots
from steelyard.trading.bars import Bar
from steelyard.trading.duration import Duration
from steelyard.trading.strategy import (
    INTENTS_MAX,
    TIMERS_MAX,
    CancelIntent,
    Desk,
    Position,
    Strategy,
    overrides,
)
from tests.trading.venue import BTC_USDT


class Sample(Strategy):
    class Params(Strategy.Params, frozen=True, kw_only=True):
        below: Decimal
        count: int = 3
        every: Duration = Duration("60s")

    def on_bar(self, bar: Bar) -> None: ...


def seated(**parameters) -> tuple[Sample, Desk]:
    strategy, desk = Sample(**({"below": "1"} | parameters)), Desk(BTC_USDT)
    strategy.bind(desk)
    return strategy, desk


def test_parameters_are_typed_and_exact():
    """Text becomes Decimal and Duration; what is left out has its default."""
    found = Sample(below="40000.5", every="5m").params
    assert (found.below, found.count, found.every) == (Decimal("40000.5"), 3, Duration("300s"))
    assert Sample(below=Decimal(1)).params.below == 1
    assert Sample(below=40_000).params.below == 40_000


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"belwo": "1"}, "Sample has no parameter 'belwo'; did you mean 'below'?"),
        ({"zzz": 1}, "Sample has no parameter 'zzz'; it takes: below, count, every"),
        ({}, "Sample: Object missing required field `below`"),
        ({"below": "1", "count": "x"}, "Sample: Expected `int`, got `str` - at `count`"),
        ({"below": "1", "every": "soon"}, "'soon' is not a duration"),
        ({"below": "NaN"}, "Sample: below is NaN, which is no amount"),
        ({"below": "cheap"}, "Sample: Invalid decimal string - at `below`"),
    ],
)
def test_a_wrong_parameter_is_named(given: dict, said: str):
    """With the nearest right one, or what was expected."""
    with pytest.raises(ConfigError) as caught:
        Sample(**given)
    assert str(caught.value).startswith(said)


def test_an_order_is_an_intent_in_whole_steps():
    """With a price a limit order that rests, without one a market order."""
    strategy, desk = seated()
    intent = strategy.buy("0.01")
    strategy.sell(Decimal("0.02"), "60000.01", post_only=True)
    strategy.sell(Lots(7), Decimal(60_000), time_in_force=TimeInForce.FOK)
    market, limit, fok = desk.drain()
    assert market is intent
    assert (market.side, market.size_lots, market.order_type) == (Side.BUY, 1_000, OrderType.MARKET)
    assert (limit.price_ticks, limit.post_only, limit.time_in_force) == (
        6_000_001,
        True,
        TimeInForce.GTC,
    )
    assert (fok.size_lots, fok.time_in_force) == (7, TimeInForce.FOK)
    assert desk.drain() == []


@pytest.mark.parametrize("size", [0.01, 1.0, True, None, float("nan")])
def test_a_float_is_no_size(size: object):
    """It is refused with the way to make one."""
    strategy, _ = seated()
    with pytest.raises(UsageError, match=r"self\.size"):
        strategy.buy(size)


def test_a_float_is_no_price():
    """A price is written, not computed in binary."""
    strategy, _ = seated()
    with pytest.raises(UsageError, match=r"price 60000\.0 is a float"):
        strategy.buy("0.01", 60000.0)


@pytest.mark.parametrize("size", ["0.000001", "-1", "0", "1e30", Lots(0), Lots(-5)])
def test_what_is_not_whole_lots_is_refused_not_rounded(size: str):
    """The message names the nearest sizes."""
    strategy, _ = seated()
    with pytest.raises(UnitError):
        strategy.buy(size)


def test_size_rounds_a_float_down_to_lots():
    """Never up, and always to something that can be ordered."""
    strategy, desk = seated()
    assert strategy.size(0.123456789) == Decimal("0.12345")
    assert strategy.size(0.1 + 0.2) == Decimal("0.30000")
    assert strategy.size(Decimal("0.99999999")) == Decimal("0.99999")
    assert strategy.size(1e-9) == 0
    strategy.buy(strategy.size(0.05))
    assert desk.drain()[0].size_lots == 5_000
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UnitError):
            strategy.size(wrong)


def test_a_cancel_names_an_intent_or_an_id():
    """Either is kept for after the call."""
    strategy, desk = seated()
    intent = strategy.buy("0.01")
    strategy.cancel(intent)
    strategy.cancel("abc")
    _, first, second = desk.drain()
    assert isinstance(first, CancelIntent)
    assert (first.target, second.target) == (intent, "abc")


@pytest.mark.parametrize(
    "wish",
    [
        lambda it: it.buy("1", "5", time_in_force="IOC"),
        lambda it: it.sell("1", "5", post_only="yes"),
        lambda it: it.cancel(None),
        lambda it: it.cancel([]),
        lambda it: it.amend(5, price="1"),
        lambda it: it.stop("sell", "1", "5"),
        lambda it: it.take_profit(Side.SELL, "1", None),
    ],
)
def test_what_is_no_order_raises_in_the_call_that_wants_it(wish: object):
    """There it is the strategy's own error; later it would be the bot's, and end it."""
    strategy, desk = seated()
    with pytest.raises(UsageError):
        wish(strategy)
    assert desk.intents == []


def test_whatever_is_logged_is_text():
    """A number, nothing, or half a letter: none of it may stop a journal."""
    strategy, desk = seated()
    for said in (5, None, b"x", "\ud800"):
        strategy.log(said)
    assert desk.notes == ["5", "None", "b'x'", "\\ud800"]


def test_an_endless_loop_of_orders_is_stopped():
    """More than `INTENTS_MAX` in one call is a mistake."""
    strategy, _ = seated()
    for _ in range(INTENTS_MAX):
        strategy.buy(Lots(1))
    with pytest.raises(UsageError, match="a loop"):
        strategy.buy(Lots(1))


def test_timers_are_bounded_and_durations():
    """`every` takes text, refuses nonsense and too many."""
    strategy, desk = seated()
    strategy.every("60s")
    assert [*desk.timers] == [Duration("1m")]
    with pytest.raises(ConfigError):
        strategy.every("often")
    for number in range(1, TIMERS_MAX):
        strategy.every(f"{number}s")
    with pytest.raises(UsageError):
        strategy.every("7h")


def test_price_is_the_last_trade_or_else_the_middle():
    """And nothing before either is known."""
    strategy, desk = seated()
    assert strategy.price is None
    desk.book.snapshot(BookSnapshot(3, 1, ((100, 1),), ((103, 1),), 0), 0)
    assert strategy.price == Decimal("1.015")
    desk.last_ticks = 102
    assert strategy.price == Decimal("1.02")


def test_position_and_time_are_as_the_desk_has_them():
    """Exact, in base and UTC."""
    strategy, desk = seated()
    assert strategy.position.is_flat
    desk.position = Position(BTC_USDT, -150, Decimal(60_000))
    desk.now_ns = 1_700_000_000_123_456_789
    assert strategy.position.size == Decimal("-0.00150")
    assert strategy.now.isoformat() == "2023-11-14T22:13:20.123456+00:00"


def test_a_strategy_cannot_act_before_it_sits():
    """Not while it is made."""
    with pytest.raises(UsageError, match="from on_start on"):
        Sample(below="1").buy("0.01")


def test_only_overridden_callbacks_are_wanted():
    """The base's empty ones do not count."""
    strategy, _ = seated()
    assert overrides(strategy, "on_bar")
    assert not overrides(strategy, "on_book")


def test_bars_are_those_of_the_parameter_bar():
    """Without one there are none."""

    class Barred(Strategy):
        class Params(Strategy.Params, frozen=True, kw_only=True):
            bar: Duration = Duration("1m")

    assert Barred(bar="5s").bar_interval == Duration("5s")
    assert Sample(below="1").bar_interval is None
