"""Peers trade the same orders on the same bars: `PROGRAM TOOL FILE` prints what they did.

It runs where the peers are and this project is not. The file has a list of runs, each with the
bars, in text, and the wishes: after which bar what is bought or sold at the market. What comes out
is a JSON line, a list as long: each fill as [bar, side, price, size, fee], and the equity
after the last close.
"""

import json
import sys
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

CASH = 10**9
FEE = "0.001"
Told = dict[str, Any]


def nautilus(given: Told) -> Told:
    """NautilusTrader 1: a bar's open is a price of its own, at which nothing waits."""
    from nautilus_trader.backtest.config import BacktestEngineConfig
    from nautilus_trader.backtest.engine import BacktestEngine
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import BTC, USDT
    from nautilus_trader.model.data import Bar, BarType
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import Venue
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.test_kit.providers import TestInstrumentProvider
    from nautilus_trader.trading.strategy import Strategy

    instrument = TestInstrumentProvider.btcusdt_binance()
    kind = BarType.from_str("BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL")
    ticks, lots = instrument.price_precision, instrument.size_precision
    # A bar is told when it has closed, and its prices are then gone through.
    bars = [
        Bar(
            kind, *(Price(float(it), ticks) for it in prices), Quantity(1_000, lots), end_ns, end_ns
        )
        for end_ns, prices in zip(given["ends_ns"], given["bars"], strict=True)
    ]
    fills: list[list[Any]] = []

    class Acts(Strategy):  # type: ignore[misc]
        def on_start(self) -> None:
            self.subscribe_bars(kind)
            self.at = -1

        def on_bar(self, _bar: Any) -> None:
            self.at += 1
            for side, size in given["wishes"].get(str(self.at), []):
                way = OrderSide.BUY if side > 0 else OrderSide.SELL
                quantity = instrument.make_qty(Decimal(size))
                self.submit_order(self.order_factory.market(instrument.id, way, quantity))

        def on_order_filled(self, event: Any) -> None:
            side = 1 if event.order_side == OrderSide.BUY else -1
            fee = event.commission.as_decimal()
            fills.append([self.at, side, str(event.last_px), str(event.last_qty), str(fee)])

    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False)
    )
    money = [Money(CASH, USDT), Money(0, BTC)]
    engine.add_venue(Venue("BINANCE"), OmsType.NETTING, AccountType.CASH, money)
    engine.add_instrument(instrument)
    engine.add_data(bars)
    engine.add_strategy(Acts())
    engine.run()
    account = engine.cache.account_for_venue(Venue("BINANCE"))
    last = Decimal(given["bars"][-1][3])
    cash, base = (account.balance_total(asset).as_decimal() for asset in (USDT, BTC))
    return {"fills": fills, "equity": str(cash + base * last)}


def backtesting(given: Told) -> Told:
    """backtesting.py: orders meet the next open, or with trade_on_close the close."""
    import backtesting as library
    import pandas as pd

    library.backtesting._tqdm = lambda it, **_: it
    frame = pd.DataFrame(
        [[float(it) for it in row] for row in given["bars"]],
        columns=["Open", "High", "Low", "Close"],
        index=pd.to_datetime(given["ends_ns"]),
    )

    class Acts(library.Strategy):  # type: ignore[misc]
        def init(self) -> None:
            pass

        def next(self) -> None:
            at = len(self.data) - 1
            for side, size in given["wishes"].get(str(at), []):
                if side > 0:
                    self.buy(size=int(size))
                else:
                    self.position.close()

    test = library.Backtest(
        frame, Acts, cash=CASH, commission=float(FEE), trade_on_close=given["at_close"]
    )
    found = test.run()
    trades = found["_trades"]
    fills = []
    for _, it in trades.iterrows():
        fills.append([int(it["EntryBar"]), 1, float(it["EntryPrice"]), float(it["Size"]), None])
        fills.append([int(it["ExitBar"]), -1, float(it["ExitPrice"]), float(it["Size"]), None])
    # One that is open at the end is not among them.
    return {
        "fills": fills,
        "equity": float(found["_equity_curve"]["Equity"].iloc[-1]),
        "commission": float(trades["Commission"].sum()),
    }


def vectorbt(given: Told) -> Told:
    """vectorbt: orders from an array, each at a price of its bar that is handed in."""
    import numpy as np
    import pandas as pd
    import vectorbt as library

    count = len(given["bars"])
    close = pd.Series([float(row[3]) for row in given["bars"]])
    opens = pd.Series([float(row[0]) for row in given["bars"]])
    sizes = np.zeros(count)
    for at, wishes in given["wishes"].items():
        # What is wanted after a bar meets the next one's open.
        row = int(at) + (0 if given["at_close"] else 1)
        if row < count:
            sizes[row] = sum(side * float(size) for side, size in wishes)
    portfolio = library.Portfolio.from_orders(
        close,
        size=np.where(sizes == 0, np.nan, sizes),
        price=close if given["at_close"] else opens,
        fees=float(FEE),
        init_cash=float(CASH),
        freq="1min",
    )
    rows = portfolio.orders.records
    fills = [
        [int(it["idx"]), 1 if it["side"] == 0 else -1, it["price"], it["size"], it["fees"]]
        for it in rows.to_dict("records")
    ]
    return {"fills": fills, "equity": float(portfolio.final_value())}


TOOLS = {"nautilus": nautilus, "backtesting": backtesting, "vectorbt": vectorbt}


def main() -> None:
    """Run one peer."""
    warnings.simplefilter("ignore")
    runs = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    print(json.dumps([TOOLS[sys.argv[1]](given) for given in runs], default=float))


if __name__ == "__main__":
    main()
