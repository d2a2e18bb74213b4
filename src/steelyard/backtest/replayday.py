"""A live run played again over what its trader recorded: twice, with and without its delays.

The tape is played from its beginning, so that the book is what it was, and the strategy is started
when the live one was: until then it is told nothing. What a tape ends with is the middle at which
both sides are worth what they are.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from steelyard.backtest import settings as assumed
from steelyard.backtest.columns import Tape
from steelyard.backtest.live import Books, DayOrder, Mark, Split, Tolerance, orders_of, split
from steelyard.backtest.liveday import LiveRun
from steelyard.backtest.run import Run
from steelyard.backtest.settings import Settings
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument
from steelyard.trading.host import Guard, unguarded
from steelyard.trading.risk import Limits
from steelyard.trading.strategy import Strategy, overrides

_TOLD = ("on_bar", "on_timer", "on_fill", "on_order")


class Rules(NamedTuple):
    """By what a run is played again: a new strategy each time, and what it is held to."""

    make: Callable[[], Strategy]
    settings: Settings
    limits: Limits | None = None
    stop_loss: Any = None


class Replayed(NamedTuple):
    """What came of it; failures are tracebacks of the strategy."""

    split: Split
    orders: tuple[DayOrder, ...]  # of the backtest with the day's delays
    refused: int
    failures: tuple[str, ...]
    mark: Mark


class _Played(NamedTuple):
    orders: list[DayOrder]
    profit: Callable[[int], Fraction]
    half_ticks: int
    refused: int
    failure: str | None


def replay(
    live: LiveRun,
    tape: Tape,
    rules: Rules,
    tolerance: Tolerance,
    clock: Callable[[], float],
    guard: Guard = unguarded,
) -> Replayed:
    """Play a live run again, and split the difference.

    Raises:
        UsageError: The recording has no book at the end of the run.
        ConfigError: As a backtest does.
    """
    part = between(tape, live.end_ns)
    delayed = _play(live, part, _with_delays(rules, live), clock, guard)
    backtest = _play(live, part, rules, clock, guard)
    if not delayed.half_ticks:
        raise UsageError(
            "the recording has no book with two sides at the end of the run, so nothing can be "
            "valued; is it of another market, or does it begin after the run?"
        )
    mark = Mark(live.instrument, delayed.half_ticks)
    books = Books(
        mark.orders(live.orders),
        delayed.profit(mark.half_ticks),
        backtest.profit(mark.half_ticks),
    )
    found = split(live.orders, delayed.orders, backtest.orders, mark, tolerance, books)
    failures = tuple(it.failure for it in (delayed, backtest) if it.failure is not None)
    return Replayed(found, tuple(delayed.orders), delayed.refused, failures, mark)


def between(tape: Tape, end_ns: int) -> Tape:
    """Return a tape up to an end."""

    def blocks() -> Iterator[NDArray[np.void]]:
        for block in tape.blocks():
            cut = int(np.searchsorted(block["time_ns"], end_ns, side="right"))
            if cut:
                yield block[:cut]
            if cut < len(block):
                return

    return Tape(tape.instrument, blocks)


def started_at(strategy: Strategy, begin_ns: int) -> Strategy:
    """Return a strategy that is told nothing before a time, and `on_start` first thing after it.

    It is the same object with another class, which looks at the time whenever the book changes.
    """
    kind = type(strategy)
    has_begun = False

    def begin(self: Strategy) -> bool:
        """Whether it has begun before this call."""
        nonlocal has_begun
        if has_begun:
            return True
        if self.now_ns >= begin_ns:
            has_begun = True
            kind.on_start(self)
            self.log("started as late as the live one")  # then its timers are looked at, too
        return False

    def later(name: str) -> Callable[..., None]:
        told = getattr(kind, name)

        def call(self: Strategy, what: Any) -> None:
            if begin(self):
                told(self, what)

        return call

    def on_start(self: Strategy) -> None:
        begin(self)

    def on_stop(self: Strategy) -> None:
        if has_begun:
            kind.on_stop(self)

    wanted = {name: later(name) for name in _TOLD if overrides(strategy, name)}
    if overrides(strategy, "on_trade"):
        wanted["on_trade"] = later("on_trade")
    methods = {**wanted, "on_book": later("on_book"), "on_start": on_start, "on_stop": on_stop}
    strategy.__class__ = type(kind.__name__, (kind,), methods)
    return strategy


def _with_delays(rules: Rules, live: LiveRun) -> Rules:
    measured = replace(
        rules.settings, order_delay=live.delay, answer_delay=assumed.Delay.constant(0)
    )
    return rules._replace(settings=measured)


def _play(
    live: LiveRun, tape: Tape, rules: Rules, clock: Callable[[], float], guard: Guard
) -> _Played:
    strategy = started_at(rules.make(), live.begin_ns)
    made = Run(strategy, tape, rules.settings, limits=rules.limits, stop_loss=rules.stop_loss)
    made.go(clock, guard)
    result = made.result()
    bid, _, ask, _ = made.replay.touch(False)  # noqa: FBT003 without the user's own orders
    quote, base = made.replay.balances()
    before = assumed.deposit_atoms(rules.settings, made.instrument)

    def profit(half_ticks: int) -> Fraction:
        return quote - before[0] + base_worth(base - before[1], half_ticks, live.instrument)

    failure = result.about.failure
    half_ticks = bid + ask if bid and ask else 0
    return _Played(orders_of(result), profit, half_ticks, result.totals.refused, failure)


def base_worth(atoms: int, half_ticks: int, instrument: Instrument) -> Fraction:
    """Return what an amount of base is worth in quote atoms, exactly."""
    return Fraction(atoms * half_ticks * instrument.tick_lot_atoms, 2 * instrument.lot_atoms)
