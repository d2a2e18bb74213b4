"""Peers on the bars of `bars_data`: `PYTHON -m bench.bars_peers TOOL` prints one JSON line.

Each peer lives in an environment of its own, which has neither steelyard nor the others. The rate
is that of the run phase, as its own clock around it says; what it builds before is `load_s`.
"""

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from bench import bars_data

Told = dict[str, Any]
RUNS = 5
COLUMNS = ("ts", "open", "high", "low", "close", "volume")


def nautilus2(data: bars_data.Columns) -> tuple[Callable[[], Told], Told]:
    """NautilusTrader 2: its Python strategy, its own averages, its fees."""
    begun = time.perf_counter()
    import decimal  # noqa: PLC0415 what is imported is measured

    from nautilus_trader.backtest import (  # type: ignore[import-not-found] # noqa: PLC0415
        BacktestEngine,
        BacktestEngineConfig,
    )
    from nautilus_trader.common import (  # type: ignore[import-not-found] # noqa: PLC0415
        LoggerConfig,
        LogLevel,
    )
    from nautilus_trader.execution import (  # type: ignore[import-not-found] # noqa: PLC0415
        MakerTakerFeeModel,
    )
    from nautilus_trader.indicators import (  # type: ignore[import-not-found] # noqa: PLC0415
        SimpleMovingAverage,
    )
    from nautilus_trader.model import (  # type: ignore[import-not-found] # noqa: PLC0415
        AccountType,
        Bar,
        BarType,
        Currency,
        Money,
        OmsType,
        OrderSide,
        Price,
        Quantity,
        Venue,
    )
    from nautilus_trader.testkit.providers import (  # type: ignore[import-not-found] # noqa: PLC0415
        TestInstrumentProvider,
    )
    from nautilus_trader.trading import (  # type: ignore[import-not-found] # noqa: PLC0415
        Strategy,
    )

    import_s = time.perf_counter() - begun
    quiet = LoggerConfig(stdout_level=LogLevel.OFF, bypass_logging=True, print_config=False)
    instrument = TestInstrumentProvider.btcusdt_binance()
    ticks, lots = instrument.price_precision, instrument.size_precision
    kind = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    begun = time.perf_counter()
    rows = zip(*(data[name].tolist() for name in COLUMNS), strict=True)
    made = [
        Bar(kind, *(Price(it, ticks) for it in prices), Quantity(volume, lots), ts, ts)
        for ts, *prices, volume in rows
    ]
    load_s = time.perf_counter() - begun
    size = Quantity(1, lots)

    class Cross(Strategy):  # type: ignore[misc]
        def on_start(self) -> None:
            self.fast = SimpleMovingAverage(bars_data.FAST)
            self.slow = SimpleMovingAverage(bars_data.SLOW)
            self.register_indicator_for_bars(kind, self.fast)
            self.register_indicator_for_bars(kind, self.slow)
            self.subscribe_bars(kind)
            self.above: bool | None = None
            self.fills = 0

        def on_bar(self, _bar: Any) -> None:
            if not self.slow.initialized:
                return
            above = self.fast.value > self.slow.value
            if above != self.above:
                if above or self.above is not None:
                    side = OrderSide.BUY if above else OrderSide.SELL
                    self.submit_order(self.order_factory.market(instrument.id, side, size))
                self.above = above

        def on_order_filled(self, _event: Any) -> None:
            self.fills += 1

    fee = decimal.Decimal(str(bars_data.FEE))
    told: Told = {"import_s": import_s, "load_s": load_s}

    def job() -> Told:
        engine = BacktestEngine(
            BacktestEngineConfig(run_analysis=False, bypass_logging=True, logging=quiet)
        )
        money = [
            Money(bars_data.CASH, Currency.from_str("USDT")),
            Money(10, Currency.from_str("BTC")),
        ]
        engine.add_venue(
            Venue("BINANCE"),
            OmsType.NETTING,
            AccountType.CASH,
            money,
            fee_model=MakerTakerFeeModel(fee, fee),
        )
        engine.add_instrument(instrument)
        begun = time.perf_counter()
        engine.add_data(made)
        told["load_s"] = load_s + time.perf_counter() - begun
        strategy = Cross()
        engine.add_strategy(strategy)
        begun = time.perf_counter()
        engine.run()
        seconds = time.perf_counter() - begun
        fills, orders = strategy.fills, engine.cache.orders_total_count()
        engine.dispose()
        return {"seconds": seconds, "fills": fills, "orders": orders}

    return job, told


def vectorbt(data: bars_data.Columns) -> tuple[Callable[[], Told], Told]:
    """Vectorbt: averages, crossings and a portfolio from signals."""
    begun = time.perf_counter()
    import pandas as pd  # type: ignore[import-untyped] # noqa: PLC0415
    import vectorbt as vbt  # type: ignore[import-not-found] # noqa: PLC0415

    told: Told = {"import_s": time.perf_counter() - begun, "load_s": 0.0}
    close = pd.Series(data["close"], index=pd.to_datetime(data["ts"]))

    def job() -> Told:
        begun = time.perf_counter()
        fast, slow = vbt.MA.run(close, bars_data.FAST), vbt.MA.run(close, bars_data.SLOW)
        portfolio = vbt.Portfolio.from_signals(
            close,
            fast.ma_crossed_above(slow),
            fast.ma_crossed_below(slow),
            size=1.0,
            fees=bars_data.FEE,
            init_cash=bars_data.CASH,
            freq="1min",
        )
        fills, final = int(portfolio.orders.count()), float(portfolio.final_value())
        return {"seconds": time.perf_counter() - begun, "fills": fills, "final": final}

    return job, told


def _loop(close: Any, count: int, fee: float) -> tuple[int, float]:
    fast = slow = 0.0
    position = 0
    cash = bars_data.CASH
    fills = 0
    before = -1
    for at in range(count):
        price = close[at]
        fast += price
        slow += price
        if at >= bars_data.FAST:
            fast -= close[at - bars_data.FAST]
        if at >= bars_data.SLOW:
            slow -= close[at - bars_data.SLOW]
        if at >= bars_data.SLOW - 1:
            above = 1 if fast * 5.0 > slow else 0
            if above != before:
                if above:
                    cash -= price * (1 + fee)
                    position += 1
                    fills += 1
                elif position:
                    cash += price * (1 - fee)
                    position -= 1
                    fills += 1
                before = above
    return fills, cash + position * close[count - 1]


def floor_numba(data: bars_data.Columns) -> tuple[Callable[[], Told], Told]:
    """One compiled pass that keeps two sums and books what it trades."""
    begun = time.perf_counter()
    import numba  # type: ignore[import-not-found] # noqa: PLC0415

    told: Told = {"import_s": time.perf_counter() - begun, "load_s": 0.0}
    compiled = numba.njit(_loop)

    def job() -> Told:
        begun = time.perf_counter()
        fills, final = compiled(data["close"], len(data["close"]), bars_data.FEE)
        return {"seconds": time.perf_counter() - begun, "fills": fills, "final": final}

    return job, told


TOOLS = {"nautilus2": nautilus2, "vectorbt": vectorbt, "floor_numba": floor_numba}


def main() -> None:
    """Run one of them and tell what it took."""
    warnings.simplefilter("ignore")
    data = bars_data.bars()
    begun = time.perf_counter()
    job, told = TOOLS[sys.argv[1]](data)
    first = job()
    told["cold_s"] = time.perf_counter() - begun
    found = [job() for _ in range(RUNS)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told |= {
        "first_s": first["seconds"],
        "rates": [len(data["close"]) / it["seconds"] for it in found],
        "peak_mib": peak / (1 << 20 if sys.platform == "darwin" else 1 << 10),
        "numpy": np.__version__,
        **{name: value for name, value in found[-1].items() if name != "seconds"},
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
