"""What a backtest of legs is given, and what of it does not fit together."""

from typing import Any

import pytest

from steelyard.backtest.columns import BarColumns
from steelyard.backtest.legsdata import MARKS_MAX, mark_ns, overlapping
from steelyard.domain.errors import ConfigError
from tests.backtest.market import MINUTE_NS
from tests.backtest.test_legs import ETH, flat, leg, legs_of, play, quoted, tape


def later_by(minutes: int, bars: BarColumns) -> BarColumns:
    instrument, interval_ns, open_ns, *rest = bars
    return BarColumns(instrument, interval_ns, open_ns + minutes * MINUTE_NS, *rest)


@pytest.mark.parametrize(
    ("legs", "wallets", "text"),
    [
        ({"a": "bars"}, {"main": {"ETH": 1}}, "wallets: ETH is not traded at main; deposit BTC"),
        ({"a": "bars"}, {"other": {"USDT": 1}}, "no leg is at other; legs are at main"),
        ({"a": "bars"}, {"main": {"USDT": -1}}, "wallets: USDT at main is -1"),
        ({"a": "bars"}, {"main": {}}, "there is no money at main, where legs trade"),
        ({"a": "bars", "b": "tape"}, {}, "a has bars of 60 s, b has a tape: give all legs"),
        ({"a": "bars", "b": "later"}, {}, "no time in common: a has 2023-11-15T00:00:00 to"),
    ],
)
def test_what_does_not_fit_together_is_refused(legs: Any, wallets: Any, text: str):
    """The message says what was found and what would do."""
    kinds = {
        "bars": leg(flat(3, 1_000)),
        "tape": leg(tape(quoted(1, 2), ETH)),
        "later": leg(later_by(9, flat(9, 100, ETH))),
    }
    given = {name: kinds[kind] for name, kind in legs.items()}
    with pytest.raises(ConfigError, match=text):
        play(legs_of(), given, wallets or None)


def test_bars_are_cut_to_the_time_that_all_have():
    """From the latest beginning to the earliest end."""
    legs = {"a": leg(flat(9, 1_000)), "b": leg(later_by(4, flat(9, 100, ETH)))}
    found = overlapping(legs)
    assert [len(it.data) for it in found.values()] == [5, 5]
    assert len({int(it.data.open_ns[0]) for it in found.values()}) == 1


def test_marks_are_bounded_however_long_the_data_are():
    """So many points at most, on whole minutes."""
    two = flat(2, 1_000)
    two.open_ns[1] += 600_000 * MINUTE_NS
    step_ns = mark_ns({"a": leg(two)})
    assert step_ns % MINUTE_NS == 0
    assert MARKS_MAX // 2 < 600_000 * MINUTE_NS / step_ns <= MARKS_MAX
