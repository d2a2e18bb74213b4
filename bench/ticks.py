"""A tape under a quoter: how many events a second a backtest plays, and how soon the first is over.

The quoter joins the best bid and the best ask every 100 ms with 0.01 BTC, post-only, replaces an
order when the touch has moved, and keeps its position within 0.1 BTC. Ours runs it compiled
(`rust/replay`, the whole engine behind it: holds, fees, events) and in plain Python, as anybody's
strategy. The peer is hftbacktest with its fastest book and a compiled strategy; the floors keep a
book and its best prices (`floor_book.rs`). All play the same two captures of Binance BTCUSDT,
futures and spot, and have them in memory.

The peer pins an older numpy: `STEELYARD_HFT_PYTHON` names a Python that has hftbacktest 2.4.4, else
this one is asked. `python -m bench.ticks NAME` prints its fills and their hash, for the oracle in
`tests/backtest/test_tape.py`.
"""

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from bench.captures import CAPTURES, Capture, Events, events_of, found
from bench.measure import RUNS, Bench, row
from steelyard import _native
from steelyard.backtest.columns import Tape
from steelyard.backtest.run import Run
from steelyard.backtest.settings import Settings
from steelyard.domain.commands import (
    Cancel,
    Command,
    Deposit,
    Filled,
    ListInstrument,
    OpenAccount,
    Place,
    Rejected,
)
from steelyard.domain.instrument import Instrument
from steelyard.domain.layout import encode
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.engine.book import QueueModel
from steelyard.engine.native import DECODER, ENCODER
from steelyard.trading.orders import OwnOrder
from steelyard.trading.strategy import Intent, Strategy, Timer

HERE = Path(__file__).parent
ME = 100
STEP_NS = 100_000_000
SIZE, MOST = Decimal("0.01"), Decimal("0.1")
BUY, SELL = Side.BUY, Side.SELL
BLOCK = 1 << 13  # events
PEER_VERSION = "2.4.4"
# A process that does nothing else, from the first import to the result.
COLD = """
import time
began = time.perf_counter()
import sys
from pathlib import Path
from steelyard import _native
opening, records, *quoter = sys.argv[1:]
opening, records = Path(opening).read_bytes(), Path(records).read_bytes()
_native.quote_tape(opening, 2, records, tuple(map(int, quoter)))
print(time.perf_counter() - began)
"""

COMPILED = "compiled quoter"
PYTHON = "Python quoter"
BARE = "Python loop over the bare market"
PEER = "hftbacktest, ROI depth, compiled quoter"
SEARCHED = "floor: a book whose best prices are searched"
KEPT = "floor: a book whose best prices are kept"


class Joiner(Strategy):
    """The same quoter, as somebody writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.own: dict[Side, tuple[Intent, Decimal] | None] = {BUY: None, SELL: None}

    def on_start(self) -> None:
        """Ask to be woken."""
        self.every("100ms")

    def on_timer(self, _: Timer) -> None:
        """Join both sides."""
        book = self.book
        bid, ask = book.best_bid, book.best_ask
        if bid is None or ask is None:
            return
        held = self.position.size
        for side, price in ((BUY, bid), (SELL, ask)):
            own = self.own[side]
            if own is not None and own[1] != price:
                self.cancel(own[0])
                own = None
            if own is None:
                if side * held < MOST:
                    order = self.buy if side is BUY else self.sell
                    own = (order(SIZE, price, post_only=True), price)
                self.own[side] = own

    def on_order(self, order: OwnOrder) -> None:
        """Forget an order that is over."""
        own = self.own[order.place.side]
        is_own = own is not None and own[0].client_order_id == order.client_order_id
        if is_own and not order.is_open:
            self.own[order.place.side] = None


def run() -> Iterator[dict[str, Any]]:
    """Measure both captures, and a cold run of the first."""
    for capture in CAPTURES:
        bench = Bench()
        path = found(capture)
        if path is None:
            bench.skip(capture.name, f"needs {capture.path} in the folder STEELYARD_DATA names")
            yield from bench.rows()
            continue
        with tempfile.TemporaryDirectory() as name:
            events = events_of(path, capture)
            yield from measured(bench, capture, events, Path(name))


def measured(
    bench: Bench, capture: Capture, events: Events, folder: Path
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one capture."""
    of = f"{capture.name}: "
    count = len(events.events)
    saved = save(capture, events, folder)
    records = events.events.tobytes()
    told: dict[str, tuple[int, ...]] = {}

    def compiled(_: None) -> None:
        told[COMPILED] = quoted(capture, records)

    def python(made: Run) -> None:
        made.go(time.perf_counter)

    bench.measure(of + COMPILED, count, lambda: None, compiled, unit="events/s")

    def bare(_: None) -> None:
        told[BARE] = looped(capture, events)

    bench.measure(of + BARE, count, lambda: None, bare, unit="events/s")
    bench.measure(of + PYTHON, count, lambda: joining(capture, events), python, unit="events/s")
    floors(bench, of, saved, folder, count)
    peer = peer_of(saved, RUNS)
    if isinstance(peer, str):
        bench.skip(of + PEER, peer)
    else:
        bench.tell(of + PEER, peer["rates"], count, "events/s")
    bench.ratio(of + COMPILED, of + PEER, 4)
    bench.ratio(of + COMPILED, of + SEARCHED, 1.2)
    bench.ratio(of + COMPILED, of + KEPT)
    bench.ratio(of + PYTHON, of + PEER, 2.5)
    bench.ratio(of + BARE, of + PEER)
    yield from bench.rows()
    orders, filled, executions, position, wakes = told[COMPILED]
    yield {
        "name": of + COMPILED,
        "orders": orders,
        "filled": filled,
        "executions": executions,
        "position_lots": position,
        "wakes": wakes,
    }
    cold = [cold_run(saved, capture) for _ in range(RUNS)]
    yield row(of + "cold run of ours, compiled quoter", "s", cold)
    if not isinstance(peer, str):
        theirs = peer["import_s"] + peer["first_s"]
        yield row(of + "cold run of hftbacktest", "s", [theirs])
        ratio = round(theirs / statistics.median(cold), 1)
        yield {"name": of + "cold run", "against": PEER, "ratio": ratio, "goal": 10}


def listing(capture: Capture) -> Instrument:
    """Return the market of a capture."""
    return Instrument.spot(
        0,
        (1, "BTC"),
        (2, "USDT"),
        tick_size=capture.tick_size,
        lot_size=capture.lot_size,
        price_max="200000",
        size_max="1000",
        notional_min="0",
    )


def opening(capture: Capture) -> bytes:
    """Return what opens the market of a capture: its listing, an account, its money."""
    commands: tuple[Command, ...] = (
        ListInstrument(listing(capture)),
        OpenAccount(ME, 100_000, 100_000),
        Deposit(ME, 1, 10**15),
        Deposit(ME, 2, 10**20),
    )
    return b"".join(encode(command, 0) for command in commands)


def quoter(capture: Capture) -> tuple[int, int, int, int]:
    """Return how the compiled quoter quotes."""
    size_lots = int(SIZE / Decimal(capture.lot_size))
    return (ME, STEP_NS, size_lots, 10 * size_lots)


def quoted(capture: Capture, records: bytes) -> tuple[int, int, int, int, int]:
    """Play a tape under the compiled quoter."""
    model = QueueModel.PROPORTIONAL
    return _native.quote_tape(opening(capture), model, records, quoter(capture))


def looped(capture: Capture, events: Events) -> tuple[int, ...]:
    """Play a tape under the quoter as a loop around the market: Python without a desk."""
    market = _native.TapeMarket(opening(capture), QueueModel.PROPORTIONAL)
    size_lots = quoter(capture)[2]
    own: dict[Side, tuple[int, int] | None] = {Side.BUY: None, Side.SELL: None}
    orders = executions = held = 0

    def hear(effects: bytes) -> None:
        nonlocal executions, held
        for effect in DECODER.decode_all(effects):
            if isinstance(effect, Filled):
                executions += 1
                held += effect.side * effect.size_lots
                if effect.remaining_lots == 0:
                    own[effect.side] = None
            elif isinstance(effect, Rejected):
                for side, stands in own.items():
                    if stands is not None and stands[0] == effect.order_id:
                        own[side] = None

    played = events.events
    now_ns, end_ns = int(played["time_ns"][0]), int(played["time_ns"][-1])
    market.feed(played.tobytes())
    while now_ns < end_ns:
        now_ns += STEP_NS
        if effects := market.play(now_ns):
            hear(effects)
        bid, _, ask, _ = market.touch(with_own=False)
        if not (bid and ask):
            continue
        for side, price in ((Side.BUY, bid), (Side.SELL, ask)):
            stands = own[side]
            if stands is not None and stands[1] != price:
                market.apply(ENCODER.encode(Cancel(ME, stands[0]), now_ns))
                own[side] = stands = None
            if stands is None and side * held < 10 * size_lots:
                orders += 1
                own[side] = (orders, price)
                place = Place(
                    ME,
                    0,
                    side,
                    OrderType.LIMIT,
                    TimeInForce.GTC,
                    post_only=True,
                    price_ticks=price,
                    size_lots=size_lots,
                )
                hear(market.apply(ENCODER.encode(place, now_ns)))
    return orders, executions, held


def joining(capture: Capture, events: Events) -> Run:
    """Return a backtest of the Python quoter that has not begun."""
    played = events.events
    blocks = [played[at : at + BLOCK] for at in range(0, len(played), BLOCK)]
    tape = Tape(listing(capture), lambda: iter(blocks))
    deposits = {"BTC": Decimal(1_000), "USDT": Decimal(100_000_000)}
    settings = Settings(deposits=deposits, queue=QueueModel.PROPORTIONAL)
    return Run(Joiner(), tape, settings)


def save(capture: Capture, events: Events, folder: Path) -> Path:
    """Write a capture's events for the programs that are not this one."""
    places = [len(it.partition(".")[2]) for it in (capture.tick_size, capture.lot_size)]
    path = folder / f"{capture.name}.npz"
    np.savez(path, events=events.events, local_ns=events.local_ns, places=places)
    path.with_suffix(".bin").write_bytes(events.events.tobytes())
    return path


def floors(bench: Bench, of: str, saved: Path, folder: Path, count: int) -> None:
    """Build and run both floors."""
    rustc = shutil.which("rustc")
    if rustc is None:
        bench.skip(of + KEPT, "needs rustc")
        return
    program, source = folder / "floor_book", str(HERE / "floor_book.rs")
    build = [rustc, "--edition", "2024", "-C", "opt-level=3", "-o", str(program), source]
    subprocess.run(build, check=True)
    command = [str(program), str(saved.with_suffix(".bin")), str(RUNS)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    searched, kept = (line.split() for line in lines[:2])
    assert searched[1] == kept[1], "both floors have the same best prices"
    bench.tell(of + SEARCHED, [float(it) for it in searched[2:]], count, "events/s")
    bench.tell(of + KEPT, [float(it) for it in kept[2:]], count, "events/s")


def peer_of(saved: Path, runs: int) -> dict[str, Any] | str:
    """Return what the peer measured, or why it did not."""
    python = os.environ.get("STEELYARD_HFT_PYTHON", sys.executable)
    asked = [python, "-c", "from importlib.metadata import version as v; print(v('hftbacktest'))"]
    version = subprocess.run(asked, check=False, capture_output=True, text=True).stdout.strip()
    if version != PEER_VERSION:
        return (
            f"needs hftbacktest=={PEER_VERSION} (pip install) in the Python that "
            f"STEELYARD_HFT_PYTHON names; {python} has {version or 'none'}"
        )
    command = [python, str(HERE / "hft_peer.py"), str(saved), str(runs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def cold_run(saved: Path, capture: Capture) -> float:
    """Return how long a new process takes from its first import to the first result."""
    records, opens = saved.with_suffix(".bin"), saved.with_suffix(".opening")
    opens.write_bytes(opening(capture))
    numbers = [str(it) for it in quoter(capture)]
    command = [sys.executable, "-c", COLD, str(opens), str(records), *numbers]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def main(arguments: list[str]) -> None:
    """Print the peer's fills of a capture."""
    capture = next(it for it in CAPTURES if [it.name] == arguments)
    path = found(capture)
    assert path is not None, f"{capture.path} is not in the folder that STEELYARD_DATA names"
    with tempfile.TemporaryDirectory() as name:
        peer = peer_of(save(capture, events_of(path, capture), Path(name)), 0)
    if isinstance(peer, str):
        raise SystemExit(peer)
    lines = "".join(f"{time_ns} {tick} {side}\n" for time_ns, tick, side in peer["fills"])
    print(lines, end="")
    digest = hashlib.sha256(lines.encode()).hexdigest()
    print(f"orders {peer['orders']} fills {len(peer['fills'])} sha256 {digest}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
