"""Results of backtests made by hand or by chance, whose books are kept beside them."""

import random

import numpy as np

from steelyard.backtest.columns import BarColumns, Source
from steelyard.backtest.result import FILL, ORDER, POINT, About, Assumption, Result, Totals
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import CancelCause
from steelyard.domain.units import fee_atoms

SECOND, MINUTE, HOUR, DAY = 10**9, 60 * 10**9, 3_600 * 10**9, 86_400 * 10**9
START = 1_735_689_600 * SECOND  # 2025-01-01
ATOMS = 10**12

INSTRUMENT = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)


def fill(
    time_ns, side, price, lots, fee=0, *, asset=2, order_id=0, maker=False, decided=0, arrived=0
):
    """One row of fills: price in ticks, fee in atoms, the middles in half ticks."""
    return (
        time_ns, order_id, price, lots, fee & (2**64 - 1), fee >> 64, 0, decided, arrived, asset,
        side, maker, 0,
    )  # fmt: skip


def fills_of(*rows):
    """Return rows as records, with order ids where none was given and the position after each."""
    fills = np.array(list(rows), FILL)
    fills["order_id"] = [each or n + 1 for n, each in enumerate(fills["order_id"].tolist())]
    fills["position_lots"] = np.cumsum(fills["side"].astype(np.int64) * fills["size_lots"])
    return fills


def curve_of(points):
    """Return (time_ns, equity[, price[, position]]) as a curve."""
    rows = []
    for time_ns, equity, *rest in points:
        price, position = (*rest, 0.0)[:2] if rest else (100.0, 0.0)
        rows.append((time_ns, equity - price * position, position, price, equity))
    return np.array(rows, POINT)


def result_of(fills=None, curve=None, candles=None, *, orders=None, notes=(), totals=None, **about):
    """Return a result around what a test is about."""
    fills = fills_of() if fills is None else fills
    curve = curve_of([(START, 10_000.0), (START + DAY, 10_000.0)]) if curve is None else curve
    equity = curve["equity"]
    peaks = np.maximum.accumulate(equity) if len(curve) else equity
    told = {
        "events": 1_000 if candles is None else len(candles),
        "orders": len(fills),
        "fills": len(fills),
        "refused": 0,
        "fees_atoms": {},
        "exposed_ns": 0,
        "drawdown": float(np.max(1 - equity / np.where(peaks > 0, peaks, 1.0)))
        if len(curve)
        else 0.0,
        "seconds": 0.5,
        **(totals or {}),
    }
    named = {
        "name": "sample",
        "strategy": "steelyard.strategies:SmaCross",
        "params": {"fast": 5, "slow": 30},
        "instrument": INSTRUMENT,
        "sources": (Source("binance/BTC-USDT/1m", "ab" * 32),),
        "start_ns": int(curve["time_ns"][0]) if len(curve) else START,
        "end_ns": int(curve["time_ns"][-1]) if len(curve) else START,
        "interval_ns": MINUTE,
        "assumptions": (
            Assumption("fees", "0.1 % maker and taker"),
            Assumption("path of a bar", "pessimistic: the worse extreme for the position first"),
            Assumption("latency", "20 ms to the exchange, 20 ms back"),
            Assumption("impact", "none beyond the bar's volume"),
        ),
        "settings": {"fees": {"maker": "0.001", "taker": "0.001"}, "latency_ms": 20},
        "version": "0.1.0",
        **about,
    }
    return Result(
        About(**named),
        Totals(**told),
        fills,
        np.array([], ORDER) if orders is None else orders,
        curve,
        candles,
        notes,
    )


def candles_of(open_ns, prices, interval_ns=MINUTE, volume=1_000_000):
    """Return candles that open at one price and close at the next one."""
    prices = np.asarray(prices, np.int64)
    opens, closes = prices[:-1], prices[1:]
    count = len(opens)
    return BarColumns(
        INSTRUMENT,
        interval_ns,
        np.asarray(open_ns, np.int64),
        opens,
        np.maximum(opens, closes),
        np.minimum(opens, closes),
        closes,
        np.full(count, volume, np.int64),
    )


def random_fills(seed, count, *, assets=(2,), fee_rate_e8=100_000, lots_max=50_000, rests=0.3):
    """Return fills at a price that wanders, some of them of one order."""
    rng = random.Random(seed)
    price, order_id, rows, time_ns = 6_000_000, 0, [], START
    for _ in range(count):
        time_ns += rng.randrange(1, 600) * SECOND
        price = max(10_000, price + rng.randrange(-20_000, 20_001))
        if not rows or rng.random() < 0.7:
            order_id += 1
            side, maker = rng.choice((1, -1)), rng.random() < rests
        lots, asset = rng.randrange(1, lots_max), rng.choice(assets)
        amount = lots * INSTRUMENT.lot_atoms if asset == 1 else price * lots * 100_000
        fee = fee_atoms(amount, fee_rate_e8)
        middle = 2 * price + side * rng.randrange(-40, 5)
        rows.append(
            fill(
                time_ns,
                side,
                price,
                lots,
                fee,
                asset=asset,
                order_id=order_id,
                maker=maker,
                decided=middle + rng.randrange(-20, 21),
                arrived=middle,
            )
        )
    return fills_of(*rows)


def random_run(seed=1, days=120, *, step_ns=15 * MINUTE, trades=400, drift=0.0, skill=0.0, **about):
    """Return a whole run: a market by chance, a strategy that is long or flat, exact accounts.

    skill is the chance that it looks at the price a day later before it chooses.
    """
    rng = np.random.default_rng(seed)
    count = days * DAY // step_ns
    wild = 0.0022 * np.exp(0.5 * np.sin(np.arange(count + 1) / count * 19 + seed))
    steps = rng.standard_normal(count + 1) * wild + drift / count
    prices = np.round(6_000_000 * np.exp(np.cumsum(steps))).astype(np.int64)
    times = START + step_ns * np.arange(count)
    wick = np.abs(rng.standard_normal((2, count))) * 0.001
    opens, closes = prices[:-1], prices[1:]
    volume = (rng.lognormal(0, 0.7, count) * 4_000_000 * (1 + 200 * np.abs(steps[1:]))).astype(int)
    candles = BarColumns(
        INSTRUMENT,
        step_ns,
        times,
        opens,
        (np.maximum(opens, closes) * (1 + wick[0])).astype(np.int64),
        (np.minimum(opens, closes) * (1 - wick[1])).astype(np.int64),
        closes,
        volume,
    )
    every = max(1, count // (trades + 1))
    rows, orders, cash, held, points, exposed = [], [], 10_000 * ATOMS, 0, [], 0
    points.append((START, 1e4, 0.0, float(prices[0]) / 100, 1e4))
    fees = 0
    for n in range(count):
        time_ns, price = int(times[n]), int(opens[n])
        if n and n % every == 0:
            ahead = int(closes[min(count - 1, n + DAY // step_ns)]) > price
            wants = ahead if rng.random() < skill else bool(rng.random() < 0.5)
            if wants != (held > 0):
                side = 1 if wants else -1
                lots = held or cash * 9 // 10 // (price * 100_000)
                slip = int(rng.integers(0, 120))
                paid = price + side * slip
                maker = bool(rng.random() < 0.35)
                fee = fee_atoms(paid * lots * 100_000, 20_000 if maker else 50_000)
                cash -= side * paid * lots * 100_000 + fee
                held += side * lots
                fees += fee
                number = len(orders) + 1
                late = int(rng.integers(-30, 60))
                rows.append(
                    fill(
                        time_ns + SECOND,
                        side,
                        paid,
                        lots,
                        fee,
                        order_id=number,
                        maker=maker,
                        decided=2 * price - side * late,
                        arrived=2 * price,
                    )
                )
                orders.append(
                    (
                        number,
                        time_ns,
                        time_ns + 20_000_000,
                        time_ns + SECOND,
                        0,
                        0,
                        lots,
                        lots,
                        side,
                        2,
                        2,
                        0,
                        OrderState.FILLED,
                        0,
                        0,
                        0,
                    )
                )
                if rng.random() < 0.1:
                    orders.append(
                        (
                            number * 1_000,
                            time_ns,
                            time_ns,
                            time_ns,
                            price,
                            0,
                            lots,
                            0,
                            side,
                            1,
                            1,
                            0,
                            OrderState.CANCELED,
                            0,
                            CancelCause.USER,
                            0,
                        )
                    )
        exposed += step_ns if held else 0
        base, close = held * 1e-5, int(closes[n]) / 100
        quote = cash / ATOMS
        points.append((time_ns + step_ns, quote, base, close, quote + base * close))
    curve = np.array(points, POINT)
    totals = {"exposed_ns": exposed, "events": count, "orders": len(orders), "seconds": 0.31}
    return result_of(
        fills_of(*rows),
        curve,
        candles,
        orders=np.array(orders, ORDER),
        totals=totals,
        interval_ns=step_ns,
        **about,
    )
