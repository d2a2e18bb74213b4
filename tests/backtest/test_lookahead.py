"""A planted look-ahead and a planted memory without end are found, and honest signals pass."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from steelyard.backtest.columns import EVENT, BarColumns, EventKind, Tape
from steelyard.backtest.lookahead import (
    BARS_MIN,
    CHANGES_MAX,
    CUTS,
    Checked,
    check_run,
    check_signals,
    check_tape,
    cut,
    cuts,
)
from steelyard.backtest.result import Records
from steelyard.backtest.signals import frame_of, targets_of
from steelyard.domain.errors import ConfigError
from steelyard.trading.strategy import Strategy
from tests.backtest.market import BTC, play, walk

BARS = walk(400, 5)


def targets(signals: Callable[[pl.DataFrame], Any]) -> Callable[[BarColumns], Any]:
    return lambda bars: targets_of(signals(frame_of(bars)), bars)


def honest(frame: pl.DataFrame) -> pl.Series:
    close = frame["close"]
    return (close > close.rolling_mean(10)).cast(float)


def test_honest_signals_pass():
    """An average of ten looks back ten."""
    assert check_signals(targets(honest), BARS).findings == []


@pytest.mark.parametrize(
    "signals",
    [
        lambda frame: (frame["close"].shift(-1) > frame["close"]).cast(float),
        lambda frame: (frame["close"] > frame["close"].mean()).cast(float),
        lambda frame: (frame["close"].shift(-30) > frame["close"]).cast(float),
        lambda frame: frame["close"].is_in([frame["close"].max()]).cast(float),
    ],
    ids=["the next close", "the mean of all", "thirty bars on", "the highest of all"],
)
def test_a_look_ahead_is_found(signals: Callable[[pl.DataFrame], Any]):
    """What is said of a bar changes when the data end earlier."""
    found = check_signals(targets(signals), BARS).findings
    assert "look-ahead" in [one.kind for one in found]


@pytest.mark.parametrize("share", [0.0037, 0.0042])
def test_a_peek_at_one_bar_now_and_then_is_found(share: float):
    """It shows only where the data end at the very bar of which it speaks."""
    bars = walk(20_000, 3)

    def peek(frame: pl.DataFrame) -> pl.Series:
        close = frame["close"]
        return (close.shift(-1) / close - 1 > share).cast(float)

    whole = targets(peek)(bars)
    assert 0 < np.count_nonzero(whole) < len(bars) / 10, "it is rare"
    checked = check_signals(targets(peek), bars)
    assert [one.kind for one in checked.findings] == ["look-ahead"]
    assert CUTS < checked.tried <= CUTS + CHANGES_MAX


def tape_of(count: int) -> Tape:
    """Return a tape of a price that goes up and down, a trade a second, in blocks of 100."""
    events = np.zeros(2 * count, EVENT)
    events["time_ns"] = np.arange(2 * count) // 2 * 10**9 + 10**18
    events["kind"] = np.where(np.arange(2 * count) % 2, EventKind.BEST_ASK, EventKind.BEST_BID)
    events["tick"] = 2_000 + np.arange(2 * count) // 2 % 30 + np.arange(2 * count) % 2
    events["lots"] = 100_000
    blocks = [events[at : at + 100] for at in range(0, len(events), 100)]
    span = int(events["time_ns"][0]), int(events["time_ns"][-1])
    return Tape(BTC, lambda: iter(blocks), None, span)


def told_at(moments: Callable[[Tape], int]) -> Callable[[Tape], Records]:
    """Return the fills of who buys and sells by turns, a second apart, until a moment."""

    def run(tape: Tape) -> Records:
        last_ns = moments(tape)

        def act(self: Strategy, _: Any) -> None:
            if self.desk_now < last_ns:
                (self.buy if self.position.is_flat else self.sell)("1")

        made = type("Acts", (Strategy,), {"on_timer": act, "on_start": lambda it: it.every("1s")})
        made.desk_now = property(lambda it: int(it.now.timestamp()) * 10**9)
        found: Records = play(made(), tape).result().fills
        return found

    return run


def test_a_tape_is_ended_earlier():
    """Who knows when it ends is found out, and who does not passes."""
    tape = tape_of(400)
    assert check_tape(told_at(lambda _: 10**18 + 10**12), tape) == Checked([], 1)
    ends = told_at(lambda it: sum(len(block) for block in it.blocks()) * 10**9 // 4 + 10**18)
    (found,) = check_tape(ends, tape).findings
    assert found.kind == "look-ahead"
    assert 0 < found.bar < 800
    with pytest.raises(ConfigError, match="does not say when it begins"):
        check_tape(ends, tape._replace(span_ns=None))


def test_a_look_ahead_says_where():
    """The first bar of which something else is said, and how the data were cut."""
    (found, *_) = check_signals(
        targets(lambda frame: (frame["close"].shift(-1) > frame["close"]).cast(float)), BARS
    ).findings
    assert "data end at bar" in found.text
    assert 0 <= found.bar < 400
    assert 0 < found.share <= 0.5


def test_a_memory_without_end_is_found_and_is_no_look_ahead():
    """A sum of everything so far never forgets where the data begin."""
    found = check_signals(
        targets(lambda frame: (frame["close"].cum_sum() % 7 > 3).cast(float)), BARS
    ).findings
    assert [one.kind for one in found] == ["recursive"]
    assert "data begin at bar 100" in found[0].text


def test_an_exponential_average_forgets():
    """In theory it does not; after a few lengths nothing is left of it."""
    signals = lambda frame: (frame["close"] > frame["close"].ewm_mean(span=5)).cast(float)  # noqa: E731
    assert check_signals(targets(signals), BARS).findings == []


def fills(act: Callable[..., None]) -> Callable[[BarColumns], Records]:
    def run(bars: BarColumns) -> Records:
        found: Records = play(type("Acts", (Strategy,), {"on_bar": act})(), bars).result().fills
        return found

    return run


def by_turns(self: Strategy, bar: Any) -> None:
    if bar.close_ticks % 5 == 0:
        (self.buy if self.position.is_flat else self.sell)("1")


def by_price(self: Strategy, bar: Any) -> None:
    if self.position.is_flat and bar.close_ticks % 5 == 0:
        self.buy("1")
    elif not self.position.is_flat and bar.close_ticks % 5 == 1:
        self.sell("1")


def test_a_class_that_forgets_passes():
    """Whatever it has done before, the price decides what it holds."""
    assert check_run(fills(by_price), BARS).findings == []


def test_a_class_whose_doings_depend_on_the_beginning_is_found():
    """By turns it buys and sells: one bar more at the beginning, and all is the other way round."""
    bars = next(
        bars
        for seed in range(50)
        if sum((bars := walk(400, seed)).close_ticks[:100] % 5 == 0) % 2 == 1
    )
    found = check_run(fills(by_turns), bars).findings
    assert [one.kind for one in found] == ["recursive"]


def test_a_class_that_cheats_is_found():
    """One that was handed the data by other means than the machine."""
    whole = BARS.close_ticks.tolist()

    def run(bars: BarColumns) -> Records:
        last = len(bars) - 1

        def act(self: Strategy, bar: Any) -> None:
            at = int((bar.open_ns - BARS.open_ns[0]) // bars.interval_ns)
            if self.position.is_flat and at + 50 <= last and whole[at + 50] > bar.close_ticks:
                self.buy("1")
            elif not self.position.is_flat:
                self.sell("1")

        return fills(act)(bars)

    assert "look-ahead" in [one.kind for one in check_run(run, BARS).findings]


def test_too_few_bars_tell_nothing():
    """And the message says how many do."""
    with pytest.raises(ConfigError, match=f"give at least {BARS_MIN}"):
        check_signals(targets(honest), cut(BARS, 0, BARS_MIN - 1))
    with pytest.raises(ConfigError, match=f"give at least {BARS_MIN}"):
        check_run(fills(by_price), cut(BARS, 0, BARS_MIN - 1))


def test_cuts_are_spread():
    """Some near the beginning, some near the end, and none beyond."""
    found = cuts(1_000)
    assert found == sorted(set(found))
    assert 0 < found[0] < 150
    assert 850 < found[-1] < 1_000
    assert (np.diff(found) < 100).all()
