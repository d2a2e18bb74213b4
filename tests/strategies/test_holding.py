"""What strategies share that hold one thing or nothing."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from steelyard.strategies.holding import Holding
from steelyard.strategies.indicator import Indicator
from steelyard.trading.bars import Bar
from steelyard.trading.bench import Bench
from steelyard.trading.duration import Duration


class Said(Holding):
    """Wants what it is told to want."""

    amount = Decimal("0.5")
    bar_interval = Duration("1m")

    def __init__(self, *wanted: int | None) -> None:
        super().__init__()
        self._wanted: Iterator[int | None] = iter(wanted)
        self.seen: list[float] = []

    def see(self, bar: Bar) -> int | None:
        self.seen.append(bar.close)
        return next(self._wanted, None)


def test_it_trades_from_what_it_has_to_what_it_wants():
    """Also from one side to the other, in one order."""
    bench = Bench(Said(1, 1, -1, 0, None))
    for wanted, position in (
        (["buy 0.5 market"], "0.5"),
        ([], "0.5"),
        (["sell 1 market"], "-0.5"),
        (["buy 0.5 market"], "0"),
        ([], "0"),
    ):
        assert bench.close("100") == wanted
        bench.fill()
        assert bench.position == Decimal(position)


def test_what_was_refused_is_wanted_again_and_what_is_open_is_waited_for():
    """It compares at each bar, and has one order at a time."""
    bench = Bench(Said(1, 1, 1))
    assert bench.close("100") == ["buy 0.5 market"]
    assert bench.close("100") == []
    bench.refuse()
    assert bench.close("100") == ["buy 0.5 market"]


def test_what_fees_left_is_holding_it_and_dust_is_not():
    """It tops nothing up, and does not sell what the venue would not take."""
    assert Bench(Said(1), position="0.4995").close("100") == []
    instrument = Bench(Said()).desk.instrument
    assert instrument.size_min_lots == 1
    assert Bench(Said(0), position="0.00001").close("100") == ["sell 0.00001 market"]


def test_the_past_is_seen_and_nothing_is_ordered_by_it():
    """Its bars come before the first new one."""
    said = Said(1, 1, None)
    bench = Bench(said, history=["1", "2"])
    assert bench.started == []
    assert bench.close("3") == []
    assert said.seen == [1.0, 2.0, 3.0]


def test_it_asks_for_as_much_past_as_its_indicators_look_at():
    """The longest of them counts; none is none."""
    said = Said()
    assert said.history_bars == 0
    said.indicators = (Indicator("SMA", timeperiod=7), Indicator("SMA", timeperiod=3))
    assert said.history_bars == 7


def test_what_it_wants_is_for_each_strategy_to_say():
    """The base holds nothing by itself."""
    holding = Holding()
    with pytest.raises(NotImplementedError):
        holding.see(Bench(Said()).desk.history)  # type: ignore[arg-type]
