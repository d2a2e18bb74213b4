"""Make markets to try the strategies of several legs on, from a seed: trades and bars.

    python markets.py
    steelyard backtest cross_venue.toml

They are made up: prices of two venues, and around three markets, drift apart and come back. What a
strategy makes of them says that it works, and nothing of what it would make of real ones.
"""

from pathlib import Path
from random import Random

SECONDS = 3_600
MINUTES = 10 * 24 * 60
START = 1_767_225_600  # 2026-01-01, UTC


def wander(chance: Random, step: float, pull: float = 0.0, count: int = SECONDS) -> list[float]:
    """Return a way in parts of one that begins at 0; what pulls brings it back there."""
    at, way = 0.0, []
    for _ in range(count):
        at += chance.gauss(0, step) - pull * at
        way.append(at)
    return way


def write(name: str, chance: Random, prices: list[float], digits: int, size: float) -> None:
    """Write one trade a second to a file."""
    rows = ["time,price,size,side"]
    for at, price in enumerate(prices):
        amount = round(size * chance.uniform(0.2, 2), 4)
        rows.append(f"{START + at},{price:.{digits}f},{amount},{chance.choice(('buy', 'sell'))}")
    Path(name).write_text("\n".join([*rows, ""]))


def write_bars(name: str, prices: list[float]) -> None:
    """Write one bar a minute to a file."""
    rows, opened = ["time,open,high,low,close,volume"], prices[0]
    for at, close in enumerate(prices):
        high, low = max(opened, close), min(opened, close)
        prices_of_bar = ",".join(f"{price:.2f}" for price in (opened, high, low, close))
        rows.append(f"{START + 60 * at},{prices_of_bar},50")
        opened = close
    Path(name).write_text("\n".join([*rows, ""]))


def main(seed: int = 1) -> None:
    """Write the trades of all legs of all examples."""
    chance = Random(seed)
    btc = [60_000 * (1 + part) for part in wander(chance, 0.0002)]
    eth = [3_000 * (1 + part) for part in wander(chance, 0.0003)]
    apart = wander(chance, 0.0006, 0.02)
    around = wander(chance, 0.0006, 0.02)
    write("btc.csv", chance, btc, 2, 2)
    write("eth.csv", chance, eth, 2, 20)
    there = [price * (1 + part) for price, part in zip(btc, apart, strict=True)]
    write("btc_there.csv", chance, there, 2, 2)
    cross = [e / b * (1 + part) for e, b, part in zip(eth, btc, around, strict=True)]
    write("eth_btc.csv", chance, cross, 5, 20)
    for name, price in (("btc", 60_000), ("eth", 3_000)):
        days = [price * (1 + part) for part in wander(chance, 0.001, count=MINUTES)]
        write_bars(f"{name}_days.csv", days)


if __name__ == "__main__":
    main()
