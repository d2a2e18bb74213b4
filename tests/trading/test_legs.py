"""One strategy on several legs: what it is told, where its wishes go, what an error leads to."""

from decimal import Decimal
from typing import Any

import pytest

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.trading.bars import Bar
from steelyard.trading.bench import BTC_USDT, Bench, LegsBench
from steelyard.trading.duration import Duration
from steelyard.trading.legs import LEGS_MAX, Legs, check_names
from steelyard.trading.strategy import ANY_LEGS, Desk, Strategy, Timer

TWO = {"near": BTC_USDT, "far": BTC_USDT}


class Pair(Strategy):
    """Writes down what it is told, and of which leg."""

    leg_names = ("near", "far")

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.seen: list[str] = []

    def on_start(self) -> None:
        self.seen.append(f"start, {[*self.legs]}")
        self.every("10s")

    def on_book(self, book) -> None:
        self.seen.append(f"{self.told.name} {book.best_bid}")

    def on_timer(self, timer) -> None:
        self.seen.append(f"{self.told.name} {timer.every}")
        self.log("a timer")
        for leg in self.legs.values():
            leg.buy("0.1", "90")

    def on_fill(self, fill) -> None:
        positions = {name: str(leg.position.size) for name, leg in self.legs.items()}
        self.seen.append(f"{self.told.name} {fill.size_lots} {positions}")

    def on_stop(self) -> None:
        self.seen.append("stop")


def parts_of(strategy: Strategy, *names: str) -> tuple[Legs, dict[str, Desk]]:
    legs = Legs(strategy, names)
    desks = {name: Desk(BTC_USDT) for name in names}
    for name, desk in desks.items():
        legs.parts[name].check(BTC_USDT)
        legs.parts[name].bind(desk)
    return legs, desks


def test_it_starts_when_every_leg_trades_and_hears_nothing_before():
    """Once, whichever leg is the last."""
    pair = Pair()
    legs, desks = parts_of(pair, "near", "far")
    legs.parts["far"].on_start()
    legs.parts["far"].on_book(desks["far"].book)
    assert pair.seen == []
    legs.parts["near"].on_start()
    assert pair.seen == ["start, ['near', 'far']"]


def test_it_knows_of_which_leg_it_is_told():
    """And sees all of them, as they are now."""
    pair = Pair()
    bench = LegsBench(pair, TWO)
    bench["far"].book("99", "101")
    bench["near"].book("98", "100")
    bench["near"].timer()
    bench["far"].fill(size="0.04")
    assert pair.seen[1:] == [
        "far 99.00",
        "near 98.00",
        "near 10s",
        "far 4000 {'near': '0.00000', 'far': '0.04000'}",
    ]


def test_wishes_go_to_the_leg_that_they_are_for():
    """Those of another leg are carried out after the call too; timers and the log are of `self`."""
    bench = LegsBench(Pair(), TWO)
    assert [*bench["near"].desk.timers] == [Duration("10s")]
    assert not bench["far"].desk.timers
    assert bench["near"].timer() == [
        "near: buy 0.1 limit at 90.00",
        "far: buy 0.1 limit at 90.00",
    ]
    assert bench["near"].log == ["a timer"]


def test_the_other_legs_are_due_once():
    """The shell asks which they are, after each turn."""
    legs, desks = parts_of(Pair(), "near", "far")
    legs.parts["near"].on_start()
    legs.parts["far"].on_start()
    assert legs.take_due() == ["near"]  # for its timer
    legs.parts["near"].on_timer(Timer(Duration("10s"), 0))
    assert legs.take_due() == ["far"]
    assert legs.take_due() == []
    assert [len(desk.drain()) for desk in desks.values()] == [1, 1]


def test_an_error_drops_the_wishes_of_every_leg_and_fails_them_all():
    """Half of what a call wanted is worse than nothing of it."""

    class Torn(Pair):
        def on_timer(self, timer) -> None:
            super().on_timer(timer)
            raise RuntimeError("torn")

    legs, desks = parts_of(Torn(), "near", "far")
    for part in legs.parts.values():
        part.on_start()
    legs.take_due()
    with pytest.raises(RuntimeError, match="torn"):
        legs.parts["near"].on_timer(Timer(Duration("10s"), 0))
    assert [desk.drain() for desk in desks.values()] == [[], []]
    assert legs.take_due() == ["far"]
    assert legs.parts["near"].failed_elsewhere is None, "its own trader knows"
    assert "leg near" in legs.parts["far"].failed_elsewhere
    seen = [*legs.strategy.seen]
    legs.parts["far"].on_book(desks["far"].book)
    assert legs.strategy.seen == seen


def test_it_stops_once_and_hears_nothing_more():
    """With the first leg that ends."""
    pair = Pair()
    legs, desks = parts_of(pair, "near", "far")
    for part in legs.parts.values():
        part.on_start()
    legs.parts["far"].on_stop()
    legs.parts["near"].on_stop()
    legs.parts["near"].on_book(desks["near"].book)
    assert pair.seen[1:] == ["stop"]


def test_the_past_of_every_leg_is_told_before_the_start():
    """Bars that close while a leg waits for the others are past by then."""

    class Warm(Pair):
        bar_interval = Duration("1m")
        history_bars = 2

        def on_warm_up(self, bar: Bar) -> None:
            self.seen.append(f"{self.told.name} past {bar.close_ticks}")

        def on_bar(self, bar: Bar) -> None:
            self.seen.append(f"{self.told.name} bar {bar.close_ticks}")

    def bar(ticks: int) -> Bar:
        return Bar(BTC_USDT, 1, 0, ticks, ticks, ticks, ticks)

    warm = Warm()
    legs, desks = parts_of(warm, "near", "far")
    desks["near"].history, desks["far"].history = [bar(1)], [bar(2)]
    near, far = legs.parts.values()
    assert (near.history_bars, far.bar_interval) == (2, Duration("1m"))
    near.on_start()
    near.on_bar(bar(3))
    far.on_bar(bar(9))  # it does not trade yet: its past is not known yet either
    far.on_start()
    near.on_bar(bar(4))
    expected = ["near past 1", "near past 3", "far past 2", "start, ['near', 'far']", "near bar 4"]
    assert warm.seen == expected


def test_self_has_no_market_where_there_are_several():
    """Which is meant has to be said; the sentence says how."""
    pair = Pair()
    bench = LegsBench(pair, TWO)
    for act in (lambda: pair.buy("0.1"), lambda: pair.position, pair.cancel_all):
        with pytest.raises(UsageError, match="say which: self"):
            act()
    with pytest.raises(UsageError, match="there is no leg 'mid'; there are: near, far"):
        pair.leg("mid")
    assert pair.now_ns == bench["near"].desk.now_ns


def test_a_strategy_of_one_instrument_is_its_own_leg():
    """And has no others."""
    strategy = Strategy()
    Bench(strategy)
    assert strategy.told is strategy
    assert strategy.legs == {}
    with pytest.raises(UsageError, match="it trades one instrument"):
        strategy.leg("near")


def test_why_a_leg_cannot_trade_is_told():
    """So that a strategy does not begin what it cannot end."""
    pair = Pair()
    bench = LegsBench(pair, TWO)
    bench["far"].desk.trouble = lambda: "the private stream is down"
    troubles = {name: leg.trouble for name, leg in pair.legs.items()}
    assert troubles == {"near": None, "far": "the private stream is down"}


def test_instruments_are_checked_each_and_together():
    """The leg that is known last says what is wrong with all."""

    class Fussy(Pair):
        def check_legs(self, instruments) -> None:
            raise UsageError(f"no: {', '.join(instruments)}")

    legs = Legs(Fussy(), ("near", "far"))
    legs.parts["far"].check(BTC_USDT)
    with pytest.raises(UsageError, match="no: near, far"):
        legs.parts["near"].check(BTC_USDT)


def test_a_call_for_one_leg_leaves_the_others_clock_no_earlier():
    """What a strategy asks of another leg is of now."""
    pair = Pair()
    bench = LegsBench(pair, TWO)
    bench["near"].wait(10**9)
    bench["near"].book("99", "101")
    assert pair.leg("far").now_ns == bench["near"].desk.now_ns


class Many(Strategy):
    leg_names = ANY_LEGS


@pytest.mark.parametrize(
    ("kind", "names", "said"),
    [
        (Pair, [], r"Pair trades on several legs: write \[legs.NAME\] for each.*near, far"),
        (Pair, ["near"], r"Pair trades on the legs near, far; \[legs\] has near"),
        (Pair, ["near", "mid"], r"\[legs\] has near, mid"),
        (Strategy, ["near"], r"trades one instrument: write it as \[strategy\] symbol"),
        (Many, [], "any names"),
        (Many, [str(number) for number in range(LEGS_MAX + 1)], "has 21; at most 20"),
    ],
)
def test_legs_have_to_be_the_strategys(kind: type[Strategy], names: list[str], said: str):
    """By name, or any where it takes any."""
    with pytest.raises(ConfigError, match=said):
        check_names(kind, names)


def test_legs_that_fit_are_taken():
    """In whichever order."""
    check_names(Pair, ["far", "near"])
    check_names(Many, ["a", "b", "c"])
    check_names(Strategy, [])
    assert Decimal(1) == LegsBench(Pair(), TWO, positions={"far": "1"})["far"].position
