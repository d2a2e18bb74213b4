"""What a command costs as the books grow: resting orders and instruments, and memory.

Every row places an order and cancels one, so that the number of resting orders stays. In the rows
"near" all but the newest orders lie still, as they do on a market; in the rows "anywhere" the
order to cancel is drawn from all that rest, which shows what the caches no longer hold.
"""

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

from bench.engine import BATCH, opening
from bench.measure import Bench
from steelyard.domain import layout
from steelyard.domain.commands import FIRST_USER, Cancel, ListInstrument, Place
from steelyard.domain.order import OrderType, SelfTrade, Side, TimeInForce
from steelyard.engine.choice import kinds

RESTING = (1_000, 10_000, 100_000, 1_000_000)
INSTRUMENTS = (1, 10, 100, 1_000)
PAIRS = 100_000
LEVELS = 500  # a side, of the one instrument
FEW_LEVELS = 20  # a side, of many instruments
FEW_RESTING = 100  # in each of many instruments
MIDDLE = 150_000


def run() -> Iterator[dict[str, Any]]:
    """Measure the curve over resting orders, then over instruments."""
    bench = Bench()
    if "native" not in kinds():
        bench.skip("curve", "no native module was built")
        yield from bench.rows()
        return
    for resting in RESTING:
        Curve(resting, 1, LEVELS).measure(bench)
        yield from bench.rows()
    for instruments in INSTRUMENTS:
        Curve(FEW_RESTING * instruments, instruments, FEW_LEVELS).measure(bench)
        yield from bench.rows()


class Curve:
    """Books of some size, and the commands that keep them so."""

    def __init__(self, resting: int, instruments: int, levels: int) -> None:
        self.resting, self.instruments, self.levels = resting, instruments, levels
        self.random = Random(resting + instruments)
        listing, *accounts = opening()
        assert isinstance(listing, ListInstrument)
        self.opened = [layout.encode(each, 0) for each in accounts]
        for number in range(instruments):
            market = type(listing.instrument)(
                **{
                    field: getattr(listing.instrument, field)
                    for field in listing.instrument.__struct_fields__
                }
                | {"instrument_id": number, "symbol": f"BTC-USDT-{number}"}
            )
            self.opened.append(layout.encode(ListInstrument(market), 0))
        self.orders = [self.place(order_id) for order_id in range(1, resting + 1)]

    def place(self, order_id: int) -> bytes:
        """Return an order that rests somewhere in its book."""
        side = self.random.choice((Side.BUY, Side.SELL))
        price = MIDDLE - side * self.random.randint(1, self.levels)
        order = Place(
            FIRST_USER + order_id % 100,
            order_id % self.instruments,
            side,
            OrderType.LIMIT,
            TimeInForce.GTC,
            post_only=False,
            price_ticks=price,
            size_lots=1,
            self_trade=SelfTrade.NONE,
        )
        return layout.encode(order, 1)

    def pairs(self, *, anywhere: bool) -> list[bytes]:
        """Return batches of a new order and a cancel each."""
        live = list(range(1, self.resting + 1))
        records = []
        for order_id in range(self.resting + 1, self.resting + 1 + PAIRS):
            records.append(self.place(order_id))
            live.append(order_id)
            newest = len(live) - min(len(live), 100)
            at = self.random.randrange(0 if anywhere else newest, len(live))
            live[at], live[-1] = live[-1], live[at]
            old = live.pop()
            records.append(layout.encode(Cancel(FIRST_USER + old % 100, old), 1))
        return [b"".join(records[at : at + BATCH]) for at in range(0, len(records), BATCH)]

    def measure(self, bench: Bench) -> None:
        """Measure both ways of canceling, and what a resting order takes."""
        native = import_module("steelyard._native")

        def prepare() -> Any:
            engine = native.Engine(2)
            engine.apply(b"".join(self.opened))
            for at in range(0, len(self.orders), BATCH):
                engine.apply(b"".join(self.orders[at : at + BATCH]))
            return engine

        markets = "market" if self.instruments == 1 else "markets"
        name = f"{self.resting:,} resting in {self.instruments:,} {markets}"
        for anywhere in (False, True):
            batches = self.pairs(anywhere=anywhere)

            def job(engine: Any, batches: list[bytes] = batches) -> None:
                for batch in batches:
                    engine.apply(batch)

            told = f"{name}, {'anywhere' if anywhere else 'near'}"
            bench.measure(told, 2 * PAIRS, prepare, job)
        if self.resting == RESTING[-1]:
            before = resident_bytes()
            engine = prepare()
            size = (resident_bytes() - before) / self.resting
            snapshot = len(engine.snapshot()) / self.resting
            bench.tell("memory of a resting order", [size], self.resting, "bytes")
            bench.tell("the same in a snapshot", [snapshot], self.resting, "bytes")


def resident_bytes() -> int:
    """Return what this process holds in memory; 0 where the system does not say."""
    try:
        with Path("/proc/self/statm").open() as status:
            return int(status.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
