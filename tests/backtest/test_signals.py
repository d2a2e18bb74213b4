"""Arrays trade as a class with the same rules does, and nothing of them is guessed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from msgspec.structs import replace

from steelyard.backtest.columns import BarColumns
from steelyard.backtest.follower import Follower
from steelyard.backtest.indicators import sma
from steelyard.backtest.run import Run
from steelyard.backtest.settings import Closure, Delay
from steelyard.backtest.signals import (
    call_signals,
    changes_of,
    frame_of,
    targets_of,
)
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.order import FeeAsset, MarketState
from steelyard.domain.units import Lots
from steelyard.trading.risk import Limits
from steelyard.trading.strategy import Strategy
from tests.backtest.market import BTC, bars_of, settings_of, walk

FAST, SLOW = 5, 20


class Cross(Strategy):
    """Holds one unit while the fast average is above the slow one; counted in whole ticks."""

    def __init__(self) -> None:
        super().__init__()
        self.closes: list[int] = []

    def on_bar(self, bar: Any) -> None:
        closes = self.closes
        closes.append(bar.close_ticks)
        if len(closes) < SLOW:
            return
        above = sum(closes[-FAST:]) * SLOW > sum(closes[-SLOW:]) * FAST
        if above and self.position.is_flat:
            self.buy(Lots(1_000))
        elif not above and not self.position.is_flat:
            self.sell(Lots(1_000))


def gapped(bars: BarColumns, seed: int) -> BarColumns:
    """Return bars of which one in twenty is missing."""
    kept = np.random.default_rng(seed).integers(0, 20, len(bars)) != 0
    return BarColumns(bars.instrument, bars.interval_ns, *(it[kept] for it in bars[2:]))


def cross(frame: pl.DataFrame, fast: int = FAST, slow: int = SLOW) -> pl.Series:
    """Return the same as `Cross`; a sum is exact where an average is not."""
    close = frame["close"]
    return (close.rolling_sum(fast) * slow > close.rolling_sum(slow) * fast).cast(float)


class Follow(Cross):
    """Holds the same, counted from what is held and on its way, as arrays do."""

    target = 0

    def on_bar(self, bar: Any) -> None:
        closes = self.closes
        closes.append(bar.close_ticks)
        if len(closes) < SLOW:
            return
        above = sum(closes[-FAST:]) * SLOW > sum(closes[-SLOW:]) * FAST
        if (target := 1_000 if above else 0) != self.target:
            self.target = target
            coming = (
                it.place.side * (it.place.size_lots - it.filled_lots) for it in self.open_orders
            )
            missing = target - self.position.lots - sum(coming)
            if missing:
                (self.buy if missing > 0 else self.sell)(Lots(abs(missing)))


FEES: dict[str, Any] = {"maker": Decimal("0.001"), "taker": Decimal("0.003")}
POOR: dict[str, Any] = {"deposits": {"USDT": Decimal(1_010), "BTC": Decimal("0.3")}}
SHARE: dict[str, Any] = {"impact": Decimal("0.1"), "volume_share": Decimal("0.1")}
LATE: dict[str, Any] = {"order_delay": Delay.constant(90 * 10**9), "rejects": Decimal("0.1")}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"at_close": True},
        {**FEES, "fee_asset": FeeAsset.RECEIVED, "curve_ns": 7 * 3600 * 10**9},
        {**FEES, **POOR, "half_spread_ticks": 2},
        {**SHARE, "at_close": True},
        SHARE,
        LATE,
    ],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_class_and_an_array_of_the_same_rules_fill_alike(seed: int, changes: dict[str, Any]):
    """Fill by fill, order by order and point by point of the curve, where bars are missing too."""
    bars, assumed = gapped(walk(6_000, seed), seed), settings_of(**changes)
    targets = targets_of(call_signals(cross, frame_of(bars), {}), bars)
    # What falls short is ordered again, which is more than the rule; a follower does that too.
    falls_short = not {"volume_share", "rejects"}.isdisjoint(changes)
    told = Run(
        Follower(targets) if falls_short else Follow() if changes else Cross(), bars, assumed
    )
    told.go(lambda: 0.0)
    arrays = Run(Strategy(), bars, assumed)
    arrays.go_to(changes_of(call_signals(cross, frame_of(bars), {}), bars), lambda: 0.0)
    one, other = told.result(), arrays.result()
    assert len(one.fills) > (0 if "deposits" in changes else 50)
    assert one.fills.tobytes() == other.fills.tobytes()
    assert one.orders.tobytes() == other.orders.tobytes()
    assert one.curve.tobytes() == other.curve.tobytes()
    assert told.replay.balances() == arrays.replay.balances()
    assert told.replay.totals() == arrays.replay.totals()


@pytest.mark.parametrize("count", [6_000, 66_000])
def test_signals_worked_out_beside_the_run_fill_as_those_worked_out_before(count: int):
    """Few bars in one thread, many in two, and each as a class that is told every bar."""
    bars = gapped(walk(count, 9), 9)
    assumed = settings_of(**FEES)
    close = frame_of(bars)["close"]
    above = sma(close, 5) > sma(close, 20)
    results = []
    for targets in (None, targets_of(above.to_numpy(), bars), changes_of(above, bars)):
        strategy = Strategy() if targets is not None else Follower(targets_of(above, bars))
        run = Run(strategy, bars, assumed)
        if targets is None:
            run.go(lambda: 0.0)
        else:
            run.go_to(targets, lambda: 0.0)
        found = run.result()
        records = [it.tobytes() for it in (found.fills, found.orders, found.curve)]
        results.append((records, run.replay.balances(), run.replay.totals()))
        # Of 66,000 bars enough to trade by known changes in two threads as well.
        assert len(found.fills) > count / 30
    assert results[0] == results[1] == results[2]


def test_the_frame_has_the_nearest_floats():
    """Times in UTC, prices and volume as numbers."""
    frame = frame_of(bars_of([("100.5", "101", "99.5", "100", "1.234")]))
    assert frame.columns == ["time", "open", "high", "low", "close", "volume"]
    assert frame.row(0) == (datetime(2023, 11, 15, tzinfo=UTC), 100.5, 101.0, 99.5, 100.0, 1.234)


BARS = bars_of([(100, 100, 100, 100)] * 4)


@pytest.mark.parametrize(
    ("found", "lots"),
    [
        ([0, 1, 1, 0], [0, 1_000, 1_000, 0]),
        ([np.nan, 1, np.nan, -2], [0, 1_000, 1_000, -2_000]),
        ([0.0019, -0.0019, 0.003, 0.1 + 0.2], [1, -1, 3, 300]),
        (pl.Series([None, 1.0, None, None]), [0, 1_000, 1_000, 1_000]),
        (pl.DataFrame({"target": [1, 2, 3, 4]}), [1_000, 2_000, 3_000, 4_000]),
        (np.array([True, False, True, True]), [1_000, 0, 1_000, 1_000]),
        (np.array([1, 2, 3, 4], np.float32), [1_000, 2_000, 3_000, 4_000]),
        (np.arange(8.0)[::2], [0, 2_000, 4_000, 6_000]),
    ],
)
def test_targets_in_lots(found: Any, lots: list[int]):
    """Between two lots towards zero, missing as before, a float's last digits are not meant."""
    assert targets_of(found, BARS).tolist() == lots


@pytest.mark.parametrize("rarely", [1, 3, 40, 500])
def test_flags_are_positions_of_one_and_of_none(rarely: int):
    """However they come, and wherever they change; one row a bar comes back."""
    bars = walk(1_003, 1)
    flags = np.cumsum(np.random.default_rng(rarely).integers(0, rarely, len(bars)) == 0) % 2 == 1
    expected = np.where(flags, 1_000, 0).tolist()
    for found in (flags, flags.astype(float), pl.Series(flags), flags.tolist()):
        assert targets_of(found, bars).tolist() == expected


def test_flags_of_more_than_an_order_may_be_are_refused():
    """One unit is more than the instrument allows."""
    small = replace(BTC, size_max_lots=500)
    bars = bars_of([(100, 100, 100, 100)] * 20, instrument=small)
    with pytest.raises(ConfigError, match=r"want 1\.0 at bar 17, more than an order may be"):
        changes_of(np.arange(20) >= 17, bars)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ([1, 2], r"signals gave \(2,\) values for 4 bars"),
        ([[1, 2, 3, 4]], r"\(1, 4\) values for 4 bars"),
        (["a", "b", "c", "d"], "signals gave no numbers"),
        (None, "signals gave"),
        ([1, 2, np.inf, 4], "infinite position"),
        ([1, 2, 3, 1e30], "want 1e\\+30 at bar 3, more than an order may be"),
    ],
)
def test_what_is_no_target_is_refused(found: Any, text: str):
    """The message says how many there should be, or which is wrong."""
    with pytest.raises(ConfigError, match=text):
        targets_of(found, BARS)


def test_an_unknown_parameter_is_named():
    with pytest.raises(ConfigError, match="unexpected keyword argument 'quick'"):
        call_signals(cross, frame_of(BARS), {"quick": 1})


def test_an_error_inside_is_the_functions_own():
    """Also one of arguments: only the call itself is a question of configuration."""

    def broken(frame: pl.DataFrame) -> Any:
        return cross(frame, 1, 2, 3)  # type: ignore[call-arg]

    with pytest.raises(ConfigError, match=r"ended by TypeError.*test_signals.py, line \d+"):
        call_signals(broken, frame_of(BARS), {})


def test_a_target_that_cannot_be_paid_is_refused_by_the_exchange_and_the_run_goes_on():
    """The order is there, as refused, and the next difference is counted from what is held."""
    bars = bars_of([(100, 100, 100, 100)] * 5)
    run = Run(Strategy(), bars, settings_of(deposits={"USDT": BTC.price(300)}))
    run.go_to(targets_of([1, 3, 1, 0, 0], bars), lambda: 0.0)
    orders = run.result().orders
    assert orders["reject_reason"].astype(bool).tolist() == [False, True, False]
    assert orders["size_lots"].tolist() == [1_000, 2_000, 1_000]
    assert run.desk.position.is_flat


def test_a_fee_in_base_is_not_sold():
    """What is held is what is left of a buy: going flat sells that, and nothing is left over."""
    bars = bars_of([(100, 100, 100, 100)] * 5)
    assumed = settings_of(
        deposits={"USDT": BTC.price(1000)}, taker=BTC.price(2) / 1000, fee_asset=FeeAsset.RECEIVED
    )
    run = Run(Strategy(), bars, assumed)
    run.go_to(targets_of([1, 1, 0, 0, 0], bars), lambda: 0.0)
    assert run.result().fills["size_lots"].tolist() == [1_000, 999]


def test_fewer_targets_than_bars_are_refused():
    """Nothing is made up for the rest."""
    run = Run(Strategy(), BARS, settings_of())
    with pytest.raises(ValueError, match="3 targets for 4 bars"):
        run.go_to(np.zeros(3, np.int64), lambda: 0.0)


def test_under_limits_a_follower_trades_to_the_targets():
    """With limits that refuse nothing it fills as the machine does; with others they are heard."""
    bars = walk(2_000, 4)
    targets = targets_of(call_signals(cross, frame_of(bars), {}), bars)
    free = Run(Strategy(), bars, settings_of())
    free.go_to(targets, lambda: 0.0)
    runs = []
    for size in ("1000", "0.5"):
        limits = Limits(Decimal(10**9), Decimal(size), 100, Decimal(1))
        runs.append(Run(Follower(), bars, settings_of(), limits=limits))
        runs[-1].go_to(targets, lambda: 0.0)
    wide, narrow = runs
    assert len(free.result().fills) > 30
    assert wide.result().fills.tobytes() == free.result().fills.tobytes()
    assert wide.result().curve.tobytes() == free.result().curve.tobytes()
    assert narrow.host.refused > 10
    assert len(narrow.result().fills) == 0
    assert "limits" in dict(narrow.result().about.assumptions)
    with pytest.raises(UsageError, match="Follower"):
        Run(Strategy(), bars, settings_of(), limits=limits).go_to(targets, lambda: 0.0)


FLAT = bars_of([(100, 100, 100, 100, 10)] * 8)
SHUT = Closure(FLAT.open_ns[0] + 1, FLAT.open_ns[2] + 1, MarketState.HALTED)


@pytest.mark.parametrize("is_limited", [False, True])
@pytest.mark.parametrize(
    ("assumed", "targets", "sizes"),
    [
        ({"volume_share": Decimal("0.04")}, [1] * 8, [1_000, 600, 200]),
        ({"volume_share": Decimal("0.04")}, [1, 1, 0, 0, 0, 0, 0, 0], [1_000, 600, 800, 400]),
        ({"closures": (SHUT,)}, [1] * 8, [1_000, 1_000, 1_000]),
        ({"deposits": {"USDT": Decimal(50)}}, [1] * 8, [1_000]),
        ({"deposits": {"USDT": Decimal(50)}}, [1, 1, 0, 1, 1, 1, 1, 1], [1_000, 1_000]),
        ({"taker": Decimal("0.002"), "fee_asset": FeeAsset.RECEIVED}, [1] * 8, [1_000]),
    ],
)
def test_what_did_not_trade_is_ordered_again(
    assumed: dict[str, Any],
    targets: list[int],
    sizes: list[int],
    is_limited: bool,
):
    """At the next bar while the target stays; not what cannot be paid, and not a fee in base."""
    limits = Limits(Decimal(10**9), Decimal(1000), 100, Decimal(1)) if is_limited else None
    run = Run(Follower(), FLAT, settings_of(**assumed), limits=limits)
    run.go_to(targets_of(targets, FLAT), lambda: 0.0)
    assert run.result().orders["size_lots"].tolist() == sizes


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("delay_s", [0, 100])
def test_a_follower_tries_again_where_the_machine_does(seed: int, delay_s: int):
    """With all that lets an order fall short, order by order and fill by fill."""
    bars = walk(3_000, seed)
    closures = (Closure(bars.open_ns[500] + 7, bars.open_ns[540] + 7, MarketState.POST_ONLY),)
    assumed = settings_of(
        volume_share=Decimal("0.03"),
        rejects=Decimal("0.2"),
        closures=closures,
        order_delay=Delay.constant(delay_s * 10**9),
        answer_delay=Delay.constant(delay_s * 10**9),
        deposits={"USDT": Decimal(1_000), "BTC": Decimal(1)},
    )
    wanted = np.random.default_rng(seed).integers(-2_000, 12_000, 3_000)
    targets = np.where(np.arange(3_000) % 20 == 0, wanted, 0)
    targets = np.repeat(targets[::20], 20)
    limits = Limits(Decimal(10**9), Decimal(1000), 1_000, Decimal(1))
    runs = [Run(Follower(), bars, assumed, limits=each) for each in (None, limits)]
    for run in runs:
        run.go_to(targets, lambda: 0.0)
    one, other = (run.result() for run in runs)
    assert other.totals.refused == 0
    assert len(one.orders) > 200
    assert one.orders.tobytes() == other.orders.tobytes()
    assert one.fills.tobytes() == other.fills.tobytes()


@pytest.mark.parametrize("ending", [ZeroDivisionError("no"), SystemExit(0)])
def test_a_function_that_ends_by_an_error_is_told_with_its_line(ending: BaseException):
    def broken(_: pl.DataFrame) -> None:
        raise ending

    with pytest.raises(ConfigError, match=rf"{type(ending).__name__}.*test_signals.py, line \d+"):
        call_signals(broken, frame_of(BARS), {})
