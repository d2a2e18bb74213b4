"""Bars and runs for tests: one market, minutes from the beginning of a day."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from steelyard.backtest.columns import BarColumns
from steelyard.backtest.result import Result, fee_atoms
from steelyard.backtest.run import Run
from steelyard.backtest.settings import Settings
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import Side
from steelyard.domain.units import from_atoms, in_full, plain
from steelyard.trading.strategy import Strategy

MINUTE_NS = 60 * 10**9
BEGIN_NS = 1_700_006_400 * 10**9  # midnight UTC, 2023-11-15
BTC = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USDT"),
    tick_size="0.5",
    lot_size="0.001",
    price_max="1000000",
    size_max="9000",
    notional_min="0",
)
Row = tuple[str | int | float, ...]


def bars_of(
    rows: Sequence[Row | None], interval_ns: int = MINUTE_NS, instrument: Instrument = BTC
) -> BarColumns:
    """Return bars from (open, high, low, close) or with a volume in base; None is a missing one."""
    found = []
    for at, row in enumerate(rows):
        if row is not None:
            *prices, volume = row if len(row) > 4 else (*row, 1_000)
            ticks = [int(Decimal(str(price)) / instrument.tick_size) for price in prices]
            lots = int(Decimal(str(volume)) / instrument.lot_size)
            found.append((BEGIN_NS + at * interval_ns, *ticks, lots))
    columns = np.array(found, np.int64).reshape(-1, 6).T
    return BarColumns(instrument, interval_ns, *(np.ascontiguousarray(it) for it in columns))


def walk(count: int, seed: int, instrument: Instrument = BTC) -> BarColumns:
    """Return bars of a price that goes at random."""
    random = np.random.default_rng(seed)
    close = 2_000 + np.cumsum(random.integers(-6, 7, count))
    close = np.maximum(close, 200).astype(np.int64)
    opens = np.concatenate(([2_000], close[:-1])) + random.integers(-2, 3, count)
    high = np.maximum(opens, close) + random.integers(0, 5, count)
    low = np.minimum(opens, close) - random.integers(0, 5, count)
    volume = random.integers(0, 5_000, count)
    times = BEGIN_NS + np.arange(count, dtype=np.int64) * MINUTE_NS
    return BarColumns(instrument, MINUTE_NS, times, opens, high, low, close, volume)


def settings_of(**changes: Any) -> Settings:
    """Return assumptions without fees, with plenty of both assets."""
    free = {"maker": Decimal(0), "taker": Decimal(0)}
    deposits = {"USDT": Decimal(1_000_000), "BTC": Decimal(1_000)}
    return Settings(**{"deposits": deposits, "timers_in_bars": True, **free, **changes})


def play(
    strategy: Strategy, bars: BarColumns, settings: Settings | None = None, **more: Any
) -> Run:
    """Run a strategy to the end."""
    run = Run(strategy, bars, settings or settings_of(), **more)
    run.go(lambda: 0.0)
    return run


def acting(**callbacks: Callable[..., None]) -> Strategy:
    """Return a strategy whose callbacks are these functions of itself."""
    return type("Acting", (Strategy,), callbacks)()


def clock_of(time_ns: int) -> str:
    """Return a time as minutes and seconds since the beginning, to the millisecond."""
    millis = round((time_ns - BEGIN_NS) / 1_000_000)
    minutes, rest = divmod(millis, 60_000)
    seconds = f"{rest // 1000:02}" + (f".{rest % 1000:03}" if rest % 1000 else "")
    return f"{minutes}:{seconds}"


def fills_of(result: Result, names: dict[int, str] | None = None) -> list[str]:
    """Return each fill as a line."""
    instrument = result.about.instrument
    assets = {
        instrument.base_asset_id: instrument.base,
        instrument.quote_asset_id: instrument.quote,
    }
    lines = []
    for row, fee in zip(result.fills, fee_atoms(result.fills), strict=True):
        number = int(row["order_id"])
        name = (names or {}).get(number, str(number))
        size = in_full(plain(instrument.size(int(row["size_lots"]))))
        price = in_full(plain(instrument.price(int(row["price_ticks"]))))
        paid = in_full(plain(from_atoms(fee))) if fee else ""
        costs = f" fee {paid} {assets[int(row['fee_asset_id'])]}" if paid else ""
        rests = " maker" if row["is_maker"] else ""
        side = Side(int(row["side"])).name.lower()
        lines.append(
            f"{clock_of(int(row['time_ns']))} {name} {side} {size} @ {price}{rests}{costs}"
        )
    return lines
