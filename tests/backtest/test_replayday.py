"""A live run played again: from when it began, to its end, with the delays that it had."""

from decimal import Decimal
from fractions import Fraction
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from steelyard.backtest.columns import EVENT, EventKind, Tape
from steelyard.backtest.live import DayFill, Part, Tolerance
from steelyard.backtest.liveday import LiveRun
from steelyard.backtest.replayday import Rules, base_worth, between, replay, started_at
from steelyard.backtest.run import Run
from steelyard.backtest.settings import Settings
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS
from steelyard.trading.records import FORMAT, RunStarted
from steelyard.trading.strategy import Strategy

S, MS = SECOND_NS, SECOND_NS // 1_000
BEGIN_NS, SECONDS = 1_700_000_000 * S, 30
BTC_USDT = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)
SETTINGS = Settings(deposits={"USDT": Decimal(100_000)})


class Ticker(Strategy):
    """Buys each other second and sells in between, and notes what it is told."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.noted: list[tuple[str, int]] = []

    def on_start(self) -> None:
        self.noted.append(("start", self.now_ns))
        self.every("1s")

    def on_timer(self, timer: Any) -> None:
        self.noted.append(("timer", timer.due_ns))
        order = self.buy if timer.due_ns // S % 2 else self.sell
        order("0.01")

    def on_trade(self, trade: Any) -> None:
        self.noted.append(("trade", trade.time_ns))


def rising_tape() -> Tape:
    """The touch rises by a tick every 100 ms, with a trade each time."""
    rows = []
    for step in range(SECONDS * 10):
        time_ns, mid = BEGIN_NS + step * 100 * MS + 50 * MS, 6_000_000 + step
        rows += [
            (time_ns, 0, mid, EventKind.ASK_LEVEL),
            (time_ns, 90_000, mid - 1, EventKind.BID_LEVEL),
            (time_ns, 90_000, mid + 1, EventKind.ASK_LEVEL),
            (time_ns, 5, mid + 1, EventKind.BUY_TRADE),
        ]
    events = np.array(rows, EVENT)
    return Tape(BTC_USDT, lambda: iter([events[:100], events[100:]]))


def lived(orders: tuple[Any, ...] = (), delays: tuple[tuple[int, int], ...] = ()) -> LiveRun:
    started = RunStarted(FORMAT, 1, "bot", "sandbox", "a:B", "BTC-USDT", {})
    begin_ns, end_ns = BEGIN_NS + 5 * S + 1, BEGIN_NS + 25 * S
    return LiveRun(started, {}, BTC_USDT, begin_ns, end_ns, orders, delays, {}, 0, ())


def test_a_strategy_is_told_nothing_before_it_begins():
    """Its start comes with the first event from then on, and its timers after that."""
    begin_ns = BEGIN_NS + 5 * S + 1
    strategy = Ticker()
    run = Run(started_at(strategy, begin_ns), rising_tape(), SETTINGS)
    run.go(perf_counter)
    assert run.result().about.failure is None
    assert strategy.noted[0] == ("start", BEGIN_NS + 5 * S + 50 * MS)
    assert min(time_ns for _, time_ns in strategy.noted) >= begin_ns
    timers = [time_ns for what, time_ns in strategy.noted if what == "timer"]
    assert timers == [BEGIN_NS + second * S for second in range(6, SECONDS)]


def test_a_tape_is_cut_at_the_end_of_a_run():
    """In the middle of a block or not; and it can be begun anew."""
    for end_ns in (BEGIN_NS + 2 * S, BEGIN_NS + 10 * S, BEGIN_NS + 99 * S):
        cut = between(rising_tape(), end_ns)
        for _ in range(2):
            times = np.concatenate([block["time_ns"] for block in cut.blocks()])
            whole = np.concatenate([block["time_ns"] for block in rising_tape().blocks()])
            assert (times == whole[whole <= end_ns]).all()


def test_a_day_that_went_as_its_backtest_has_no_difference():
    """Its own orders, played again; and what one of them lacks is that part alone."""
    rules = Rules(Ticker, SETTINGS)
    found = replay(lived(), rising_tape(), rules, Tolerance(), perf_counter)
    assert len(found.orders) == 19
    live = lived(found.orders)
    same = replay(live, rising_tape(), rules, Tolerance(), perf_counter).split
    assert (same.gap, same.lines, same.pairs) == (0, (), 19)
    fill: DayFill = found.orders[3].fills[0]
    dearer = fill._replace(fee_quote_atoms=fill.fee_quote_atoms + 5)
    changed = found.orders[3]._replace(fills=(dearer,))
    live = lived((*found.orders[:3], changed, *found.orders[4:]))
    other = replay(live, rising_tape(), rules, Tolerance(), perf_counter).split
    assert other.parts == {**dict.fromkeys(Part, Fraction(0)), Part.FEES: Fraction(-5)}


def test_measured_delays_are_latency():
    """In a market that rises, a delay costs who buys, and pays who sells."""
    rules = Rules(Ticker, SETTINGS)
    delays = ((BEGIN_NS, 300 * MS),)
    delayed = replay(lived((), delays), rising_tape(), rules, Tolerance(), perf_counter)
    live = lived(delayed.orders, delays)
    found = replay(live, rising_tape(), rules, Tolerance(), perf_counter).split
    assert {part for part, atoms in found.parts.items() if atoms} == {Part.LATENCY}
    lines = {line.text.split()[0]: line.atoms for line in found.lines}
    assert lines["buy"] < 0 < lines["sell"]


def test_a_recording_without_a_book_values_nothing():
    """It says so, with what it may be."""
    empty = Tape(BTC_USDT, lambda: iter([np.zeros(0, EVENT)]))
    with pytest.raises(UsageError, match="no book with two sides at the end of the run"):
        replay(lived(), empty, Rules(Ticker, SETTINGS), Tolerance(), perf_counter)


def test_base_is_worth_its_price():
    """One base at 60000.005, exactly."""
    one = 10**12
    assert base_worth(one, 12_000_001, BTC_USDT) == Fraction(60_000_005, 1_000) * one
