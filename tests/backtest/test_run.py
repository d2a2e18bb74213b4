"""One run: who is told what and when, what is kept of it, and that money and prices hold."""

import gc
import signal
import weakref
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.backtest.columns import BarColumns, bars_from
from steelyard.backtest.result import Result, fee_atoms
from steelyard.backtest.run import Run, machine_rows
from steelyard.backtest.settings import BarPath, Delay, Settings
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import FeeAsset, Side
from steelyard.domain.units import Lots, to_atoms
from steelyard.trading.duration import Duration
from steelyard.trading.strategy import Strategy
from tests.backtest.market import (
    BEGIN_NS,
    BTC,
    MINUTE_NS,
    acting,
    bars_of,
    clock_of,
    fills_of,
    play,
    settings_of,
    walk,
)

FLAT = (100, 100, 100, 100)


class Diary(Strategy):
    """Writes down what it is told."""

    class Params(Strategy.Params):
        bar: Duration | None = None
        timer: Duration | None = None
        history: int = 0
        buys: bool = True

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.lines: list[str] = []

    @property
    def history_bars(self) -> int:
        return int(self.params.history)

    def write(self, text: str) -> None:
        self.lines.append(f"{clock_of(self.now_ns)} {text}")

    def on_start(self) -> None:
        self.write(f"start, {len(self.history)} bars known")
        if self.params.timer:
            self.every(self.params.timer)

    def on_bar(self, bar: Any) -> None:
        gap = " gapped" if bar.is_gapped else ""
        self.write(f"bar {clock_of(bar.open_ns)} {bar.open} {bar.high} {bar.low} {bar.close}{gap}")
        if self.params.buys and self.position.is_flat and not self.open_orders:
            self.buy("1", "95")

    def on_fill(self, fill: Any) -> None:
        self.write(f"fill, holds {self.position.size.normalize()}")

    def on_order(self, order: Any) -> None:
        self.write(f"order {order.client_order_id} {order.state.name}")

    def on_timer(self, timer: Any) -> None:
        self.write(f"timer {clock_of(timer.due_ns)}")

    def on_stop(self) -> None:
        self.write("stop")


def test_news_comes_before_timers_and_timers_before_the_bar_that_closes_then():
    """At one moment: what has filled, then timers, then the bar."""
    diary = Diary(timer="60s")
    play(diary, bars_of([FLAT, (100, 100, 94, 94.5)]), settings_of(path=BarPath.HIGH_FIRST))
    assert diary.lines == [
        "0:00 start, 0 bars known",
        "1:00 timer 1:00",
        "1:00 bar 0:00 100.0 100.0 100.0 100.0",
        "1:00 order 1 WORKING",
        "1:38.333 fill, holds 1",
        "1:38.333 order 1 FILLED",
        "2:00 timer 2:00",
        "2:00 bar 1:00 100.0 100.0 94.0 94.5",
        "2:00 stop",
    ]


def test_news_of_a_bars_last_moment_comes_before_the_bar():
    """With answers that take until then."""
    diary = Diary()
    bars = bars_of([FLAT, (100, 100, 94, 94.5), FLAT])
    play(diary, bars, settings_of(answer_delay=Delay.constant(40 * 10**9)))
    assert diary.lines[2:7] == [
        "1:40 order 1 WORKING",
        "2:00 bar 1:00 100.0 100.0 94.0 94.5",
        "2:18.333 fill, holds 1",
        "2:18.333 order 1 FILLED",
        "3:00 bar 2:00 100.0 100.0 100.0 100.0",
    ]


def test_timers_go_on_in_a_gap_of_the_data_and_begin_with_them():
    """Each multiple of the interval, from the first bar on, bars or not."""
    diary = Diary(timer="30s", buys=False)
    play(diary, bars_of([FLAT, None, FLAT]))
    assert [line for line in diary.lines if "timer" in line] == [
        f"{time} timer {time}" for time in ("0:30", "1:00", "1:30", "2:00", "2:30", "3:00")
    ]


def test_bars_are_joined_and_a_gap_is_seen():
    """Five minutes from one: a bar that lacks some is marked, one cut short comes with the next."""
    rows = [(n, n + 5, n, n + 1) for n in range(100, 120)]
    missing = {3, 4, 7, *range(10, 15)}
    diary = Diary(bar="5m", buys=False)
    play(diary, bars_of([None if n in missing else row for n, row in enumerate(rows)]))
    assert diary.lines[1:-1] == [
        "6:00 bar 0:00 100.0 107.0 100.0 103.0 gapped",
        "10:00 bar 5:00 105.0 114.0 105.0 110.0 gapped",
        "20:00 bar 15:00 115.0 124.0 115.0 120.0",
    ]


def test_a_bar_that_ends_alone_does_not_lose_the_one_before():
    """One was cut short, and the next consists of its last minute only: both are told."""
    rows = [(100, 100, 100, 100), *[None] * 8, (101, 101, 101, 101)]
    diary = Diary(bar="5m", buys=False)
    play(diary, bars_of(rows))
    assert [line.split(" ", 2)[2] for line in diary.lines[1:-1]] == [
        "0:00 100.0 100.0 100.0 100.0 gapped",
        "5:00 101.0 101.0 101.0 101.0 gapped",
    ]


def test_bars_that_do_not_add_up_are_refused():
    """Ninety seconds from minutes."""
    with pytest.raises(ConfigError, match="do not add up"):
        Run(Diary(bar="90s"), bars_of([FLAT]), settings_of())


def test_history_is_played_before_the_start():
    """Nobody is told of it, and it is there in on_start."""
    diary = Diary(history=2, buys=False)
    run = play(diary, bars_of([FLAT, FLAT, FLAT]))
    assert diary.lines == [
        "2:00 start, 2 bars known",
        "3:00 bar 2:00 100.0 100.0 100.0 100.0",
        "3:00 stop",
    ]
    assert run.result().totals.events == 3


def test_history_of_longer_bars_is_whole():
    """Two bars of five minutes are ten of one."""
    diary = Diary(bar="5m", history=2, buys=False)
    play(diary, bars_of([FLAT] * 15))
    assert diary.lines[:2] == [
        "10:00 start, 2 bars known",
        "15:00 bar 10:00 100.0 100.0 100.0 100.0",
    ]


def test_more_history_than_data_leaves_nothing_to_trade_on():
    """The strategy starts and stops, and nothing is lost."""
    diary = Diary(history=9, buys=False)
    play(diary, bars_of([FLAT, FLAT]))
    assert diary.lines == ["2:00 start, 2 bars known", "2:00 stop"]


def test_a_bar_that_is_kept_stays_what_it_was():
    """The view is used again only where nobody has kept it."""
    kept: list[Any] = []
    play(
        acting(on_bar=lambda self, bar: kept.append(bar)),
        bars_of([(n, n, n, n) for n in (1, 2, 3)]),
    )
    assert [bar.close for bar in kept] == [1.0, 2.0, 3.0]
    assert [bar.price("close") for bar in kept] == [Decimal(1), Decimal(2), Decimal(3)]


def test_a_strategy_that_raises_ends_its_run_and_what_was_found_is_kept():
    """The guard's text is in the result, with the fills until then and the curve's last point."""

    def on_bar(self: Strategy, bar: Any) -> None:
        if self.position.is_flat:
            self.buy("1")
        else:
            raise ZeroDivisionError("oh")

    def guard(call: Any) -> str | None:
        try:
            call()
        except ZeroDivisionError as error:
            return f"it said {error}"
        return None

    run = Run(acting(on_bar=on_bar), bars_of([FLAT] * 9), settings_of())
    run.go(lambda: 0.0, guard)
    result = run.result()
    assert result.about.failure == "it said oh"
    assert result.about.is_partial
    assert result.totals.events == 2
    assert fills_of(result) == ["1:00 1 buy 1 @ 100"]
    assert result.curve["time_ns"][-1] == BEGIN_NS + 2 * MINUTE_NS
    assert result.about.end_ns == BEGIN_NS + 2 * MINUTE_NS


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Heed Ctrl-C as a program does; one of several test processes may not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_an_interruption_leaves_a_partial_result():
    """Ctrl-C while the strategy thinks, and while only the machine plays."""

    def on_bar(self: Strategy, bar: Any) -> None:
        if self.now_ns == BEGIN_NS + 3 * MINUTE_NS:
            signal.raise_signal(signal.SIGINT)

    run = Run(acting(on_bar=on_bar), bars_of([FLAT] * 9), settings_of())
    with pytest.raises(KeyboardInterrupt):
        run.go(lambda: 0.0)
    assert run.result().about.is_partial
    assert 3 <= run.result().totals.events < 9
    looked: list[int] = []

    def interrupt(count: int) -> None:
        looked.append(count)
        raise KeyboardInterrupt

    run = Run(Strategy(), walk(20_000, 1), settings_of())
    with pytest.raises(KeyboardInterrupt):
        run.go(lambda: 0.0, looked=interrupt)
    assert looked == [run.result().totals.events]
    assert run.result().about.is_partial


def test_a_run_says_how_long_it_took_by_the_clock_it_was_given():
    """The clock is asked before and after."""
    times = iter([10.0, 12.5])
    run = Run(Strategy(), bars_of([FLAT]), settings_of())
    run.go(lambda: next(times))
    assert run.result().totals.seconds == 2.5


def test_bars_are_checked_unless_their_rows_are_at_hand():
    """What contradicts itself is refused with the bar that does."""
    bars = bars_of([FLAT, (100, 99, 98, 100)])
    with pytest.raises(UsageError, match=r"bar 2 .* outside its low and high"):
        Run(Strategy(), bars, settings_of())
    good = bars_of([FLAT])
    run = Run(Strategy(), good, settings_of(), rows=machine_rows(good))
    run.go(lambda: 0.0)
    assert run.result().totals.events == 1


def test_no_bars_are_no_run_and_no_error():
    """Nothing is played; there is nothing to draw."""
    result = play(Strategy(), bars_of([])).result()
    assert (result.totals.events, result.candles, len(result.curve)) == (0, None, 0)


class Gambler(Strategy):
    """Does at random whatever a strategy can."""

    class Params(Strategy.Params):
        seed: int

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.random = np.random.default_rng(self.params.seed)
        self.amended: set[int] = set()

    def on_start(self) -> None:
        self.every("37s")

    def on_bar(self, bar: Any) -> None:
        self.act()

    def on_timer(self, timer: Any) -> None:
        if self.random.random() < 0.2:
            self.act()

    def on_fill(self, fill: Any) -> None:
        if self.random.random() < 0.3:
            self.act()

    def act(self) -> None:
        if self.price is None:
            return
        dice = self.random.integers(0, 10)
        side = Side.BUY if self.random.random() < 0.5 else Side.SELL
        size = Lots(int(self.random.integers(1, 5_000)))
        away = Decimal(int(self.random.integers(-8, 9))) / 2
        price = self.price + away
        act = self.buy if side is Side.BUY else self.sell
        if dice < 3:
            act(size)
        elif dice < 6:
            act(size, price, post_only=bool(self.random.random() < 0.3))
        elif dice == 6:
            self.stop(side, size, self.price + side * abs(away))
        elif dice == 7:
            self.take_profit(side, size, self.price - side * abs(away), price)
        elif dice == 8 and self.open_orders:
            self.cancel(self.open_orders[0])
        elif dice == 9 and self.open_orders:
            order = self.open_orders[-1]
            if order.place.price_ticks and not order.place.trigger_ticks:
                self.amend(order, price=price, size=Lots(order.filled_lots + 10))
                self.amended.add(order.order_id)


ASSUMED = st.fixed_dictionaries(
    {
        "path": st.sampled_from(BarPath),
        "fills_by_touch": st.booleans(),
        "at_close": st.booleans(),
        "half_spread_ticks": st.integers(0, 2),
        "slippage": st.sampled_from([Decimal(0), Decimal("0.001")]),
        "impact": st.sampled_from([Decimal(0), Decimal("0.01")]),
        "volume_share": st.sampled_from([Decimal(0), Decimal("0.1"), Decimal(1)]),
        "maker": st.sampled_from([Decimal("-0.0001"), Decimal("0.001")]),
        "taker": st.sampled_from([Decimal(0), Decimal("0.0025")]),
        "fee_asset": st.sampled_from([FeeAsset.QUOTE, FeeAsset.RECEIVED]),
        "order_delay": st.sampled_from([Delay(), Delay.samples([0, 10**9, 7 * 10**10])]),
        "answer_delay": st.sampled_from([Delay(), Delay.constant(5 * 10**9)]),
        "rejects": st.sampled_from([Decimal(0), Decimal("0.1")]),
        "seed": st.integers(0, 9),
    }
)


def gamble(assumed: dict[str, Any], seed: int, bars: BarColumns) -> tuple[Run, Settings, set[int]]:
    settings, gambler = settings_of(**assumed), Gambler(seed=seed)
    return play(gambler, bars, settings), settings, gambler.amended


@settings(max_examples=40)
@given(ASSUMED, st.integers(0, 10**6))
def test_money_is_conserved_and_positions_come_from_fills(assumed: dict[str, Any], seed: int):
    """What the account has is what it had, plus its fills, less its fees, to the last atom.

    The engine's own balances are compared with the account's at every bar by the machine's test in
    Rust, and at the end of every run.
    """
    run, settled, _ = gamble(assumed, seed, walk(120, seed))
    result = run.result()
    quote, base = (to_atoms(settled.deposits[asset]) for asset in ("USDT", "BTC"))
    first = base
    for row, fee in zip(result.fills, fee_atoms(result.fills), strict=True):
        side, lots = int(row["side"]), int(row["size_lots"])
        base += side * lots * BTC.lot_atoms
        quote -= side * BTC.notional_atoms(int(row["price_ticks"]), lots)
        if row["fee_asset_id"] == BTC.base_asset_id:
            base -= fee
        else:
            quote -= fee
        whole = abs(base - first) // BTC.lot_atoms * (1 if base >= first else -1)
        assert row["position_lots"] == whole
    assert run.replay.balances() == (quote, base)
    assert len(result.orders) == result.totals.orders
    filled = {int(row["order_id"]): 0 for row in result.orders}
    for row in result.fills:
        filled[int(row["order_id"])] += int(row["size_lots"])
    assert [filled[int(row["order_id"])] for row in result.orders] == result.orders[
        "filled_lots"
    ].tolist()
    assert (result.orders["filled_lots"] <= result.orders["size_lots"]).all()


@settings(max_examples=40)
@given(ASSUMED, st.integers(0, 10**6))
def test_nothing_fills_where_the_price_has_not_been(assumed: dict[str, Any], seed: int):
    """A taker pays a price of its bar, and slippage; who rests gets a limit that was passed.

    Passed is what lies between the close before a bar and its extremes. Where volume is scarce,
    the rest of a limit order may rest beyond the price, and fills at its limit: not looked at here.
    """
    bars = walk(120, seed)
    run, rules, amended = gamble(assumed, seed, bars)
    result = run.result()
    beyond = rules.slippage + rules.impact
    for row in result.fills:
        at = int(np.searchsorted(bars.open_ns, row["time_ns"], "right")) - 1
        ended = row["time_ns"] == bars.open_ns[at] and at > 0 and rules.at_close
        low, high = int(bars.low_ticks[at]), int(bars.high_ticks[at])
        if at:
            before = int(bars.close_ticks[at - 1])
            if row["is_maker"] or ended:
                low, high = min(low, before), max(high, before)
        if int(row["order_id"]) in amended:
            continue  # its limit was another one then
        price = int(row["price_ticks"])
        order = result.orders[int(row["order_id"]) - 1]
        limit = int(order["price_ticks"])
        if limit:
            assert (limit - price) * int(row["side"]) >= 0, "beyond its limit"
        # One more tick where two orders go off at one price. Who rests inside the spread that is
        # assumed is the first to trade when the price moves on.
        room = rules.half_spread_ticks + int(high * beyond) + 2
        if row["is_maker"]:
            assert price == limit
        if not rules.volume_share:
            assert low - room <= price <= high + room


@settings(max_examples=15)
@given(ASSUMED, st.integers(0, 99))
def test_the_same_seed_gives_the_same_bytes(assumed: dict[str, Any], seed: int):
    """Fills, orders and curve, byte by byte."""
    first, second = (gamble(assumed, seed, walk(60, seed))[0] for _ in range(2))
    one, other = first.result(), second.result()
    assert one.fills.tobytes() == other.fills.tobytes()
    assert one.orders.tobytes() == other.orders.tobytes()
    assert one.curve.tobytes() == other.curve.tobytes()
    assert first.replay.totals() == second.replay.totals()


def test_another_seed_draws_other_delays():
    """The dice decide, and nothing else does."""
    delays = Delay.samples([n * 10**9 for n in range(50)])

    def times(seed: int) -> list[int]:
        settings = settings_of(order_delay=delays, seed=seed)
        run = play(acting(on_bar=lambda self, bar: self.buy("0.1")), walk(50, 1), settings)
        found: list[int] = run.result().fills["time_ns"].tolist()
        return found

    assert times(1) == times(1) != times(2)


def test_a_look_ahead_cannot_be_written():
    """Nothing within a strategy's reach knows of a bar that has not been played.

    The test is the spy that would use it: at each bar it walks every object that it can reach from
    itself and the bar, through attributes and containers, and looks for numbers of later bars.
    """
    future = [(7_000 + n, 7_000 + n, 7_000 + n, 7_000 + n) for n in range(5)]
    bars = bars_of(future)
    ticks = {int(it) for it in bars.close_ticks} | {float(row[0]) for row in future}
    seen: list[set[Any]] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        found: set[Any] = set()
        reach(self, found, set(), 0)
        reach(bar, found, set(), 0)
        seen.append(found & ticks)

    play(acting(on_bar=on_bar), bars)
    assert len(seen) == 5
    for at, found in enumerate(seen):
        assert found <= {int(bars.close_ticks[n]) for n in range(at + 1)} | {
            float(row[0]) for row in future[: at + 1]
        }
        assert int(bars.close_ticks[at]) in found, "the spy sees what has been played"


def reach(thing: Any, found: set[Any], met: set[int], depth: int) -> None:
    """Collect the numbers that can be reached from an object without calling what plays."""
    if id(thing) in met or depth > 6:
        return
    met.add(id(thing))
    if isinstance(thing, int | float):
        found.add(thing)
        return
    if isinstance(thing, str | bytes | type) or callable(thing):
        return
    if isinstance(thing, dict):
        for value in thing.values():
            reach(value, found, met, depth + 1)
        return
    if isinstance(thing, list | tuple | set):
        for value in thing:
            reach(value, found, met, depth + 1)
        return
    if isinstance(thing, np.ndarray):
        found.update(thing.ravel().tolist())
        return
    for name in dir(thing):
        if name.startswith("__"):
            continue
        try:
            value = getattr(thing, name)
        except Exception:  # noqa: BLE001 whatever a property says, it is not a number
            continue
        reach(value, found, met, depth + 1)


def test_the_spy_finds_what_is_within_reach():
    """Its own test: a strategy that was handed the future is caught."""
    bars = bars_of([(7_000 + n, 7_000 + n, 7_000 + n, 7_000 + n) for n in range(3)])
    found: set[Any] = set()
    strategy = acting()
    strategy.stolen = {"bars": [bars]}  # type: ignore[attr-defined]
    reach(strategy, found, set(), 0)
    assert int(bars.close_ticks[2]) in found


def test_orders_are_kept_with_their_times():
    """When wanted, when arrived, when over."""
    run = play(
        acting(on_bar=lambda self, bar: self.buy("1") if self.position.is_flat else None),
        bars_of([FLAT] * 3),
        settings_of(order_delay=Delay.constant(10**9)),
    )
    (row,) = run.result().orders
    second = 10**9
    assert [int(row[name]) - BEGIN_NS for name in ("wanted_ns", "arrived_ns", "ended_ns")] == [
        60 * second,
        61 * second,
        61 * second,
    ]
    assert row["state"] == OrderState.FILLED


def test_exposure_and_drawdown():
    """For how long something was held, and how deep the equity fell from its peak."""

    def on_bar(self: Strategy, bar: Any) -> None:
        if self.position.is_flat and self.now_ns == BEGIN_NS + MINUTE_NS:
            self.buy("1")
        elif self.now_ns == BEGIN_NS + 3 * MINUTE_NS:
            self.sell("1")

    bars = bars_of([FLAT, FLAT, (100, 100, 50, 60), (60, 60, 60, 60), (60, 60, 60, 60)])
    settings = settings_of(deposits={"USDT": Decimal(200)})
    result: Result = play(acting(on_bar=on_bar), bars, settings).result()
    assert result.totals.exposed_ns == 2 * MINUTE_NS
    assert result.totals.drawdown == pytest.approx(40 / 200)
    assert [float(it) for it in result.curve["equity"]] == [200, 200, 200, 160, 160, 160]
    assert all(a < b for a, b in pairwise(result.curve["time_ns"].tolist()))


def test_a_run_that_nobody_has_is_gone_at_once():
    """Nothing in it holds itself: what it has found is large, and a sweep makes many."""
    gc.collect()
    gc.disable()
    try:
        run = play(acting(on_bar=lambda self, _: self.buy("0.001")), bars_of([FLAT] * 5))
        assert len(run.result().fills) == 4
        left = [weakref.ref(it) for it in (run, run.desk, run.desk.book, run.host)]
        del run
        assert [it() for it in left] == [None] * 4
    finally:
        gc.enable()


def test_a_result_is_the_same_on_memory_that_loading_has_touched():
    """The first result over many bars that needs much of it takes it, and no other has it."""
    count = 1 << 17
    steps = walk(count, 5)
    floats = (it * 0.5 for it in steps[3:7])
    bars, rows = bars_from(BTC, MINUTE_NS, steps.open_ns, *floats, steps.volume_lots / 1_000)
    random = np.random.default_rng(6)

    def found(sizes: Any, rows: Any) -> Result:
        run = Run(Strategy(), bars, settings_of(), rows=rows)
        run.go_to(sizes, lambda: 0.0)
        return run.result()

    few = np.repeat(np.array([0, 1_000], np.int64), count // 2)
    many = [random.integers(0, 900, count // 32).repeat(32) for _ in range(3)]
    results = [found(sizes, rows) for sizes in (few, *many)]
    for result, sizes in zip(results, (few, *many), strict=True):
        other = found(sizes, machine_rows(bars))
        for one, fresh in zip(result[2:5], other[2:5], strict=True):
            assert one.tobytes() == fresh.tobytes()
            assert not one.flags.writeable
    owners = [{id(it.base) for it in result[2:5]} for result in results]
    assert [len(it) for it in owners].count(1) == 1, "of one all three lie in the same memory"
    assert rows.take_sheet() is None
