"""From a tick to an order: the bytes of a book update in, the bytes of a signed order out.

Ours is the trader's whole machine: the book, a strategy in Python that looks at the touch and
wants an order, risk, the journal's record of it, what the host's traders share of the venue's
limits (in files), the signed request. That it has left is told and recorded behind that. With "on
disk" the record is synced before the request is made, as it is in a bot. The peer is ccxt.pro's
handler, then `create_order`, which writes nothing down; with its rate limiter, as it is by default,
but with room for everything, and without. All end where the request is handed to aiohttp, which
sends it in either.
Both take the same five minutes of Binance BTCUSDT and want an order at every tenth update. Times
are the thread's processor time, in microseconds, because a shared machine gives each run another
share of it, and by the clock where the disk is waited for. Garbage is collected outside of them.
"""

import asyncio
import gc
import gzip
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

from bench.client import (
    ACK,
    CCXT,
    HERE,
    KEY,
    LISTINGS,
    MARKET,
    RECORDING,
    CcxtClient,
    ccxt_market,
    first_update,
    peer,
)
from bench.measure import Bench, row
from bench.trader import BEGIN_NS, STEP_NS, Machine
from steelyard.dialects.binance import DIALECT
from steelyard.store.journal import Journal
from steelyard.store.pacing import Names, SharedPacing
from steelyard.trading import actions
from steelyard.trading.books import BookView
from steelyard.trading.connector import Connector
from steelyard.trading.records import codec
from steelyard.trading.strategy import Strategy
from steelyard.wire.http import Request

ROUNDS = 5
EVERY = 10  # updates
SYNCED = 200  # orders on disk
HOST = "api.binance.com"
BOOTED_NS = BEGIN_NS - 10**15

OURS = "tick to order"
DURABLE = "tick to order, on disk"
PEER = "ccxt.pro handler, then create_order"
BARE = "ccxt.pro handler, then create_order without its rate limiter"


class Buyer(Strategy):
    """Wants to buy below the touch when it is told to."""

    is_due = False

    def on_book(self, book: BookView) -> None:
        """Look at the touch; ask for less than it."""
        best = book.best_bid
        if self.is_due and best is not None:
            self.is_due = False
            self.buy("0.001", best - 1)


def run() -> Iterator[dict[str, Any]]:
    """Measure the way from a tick to an order, and what a long one weighs."""
    bench = Bench()
    frames = recorded()
    if not frames:
        bench.skip(OURS, f"needs the recording {RECORDING} in the folder STEELYARD_DATA names")
        yield from bench.rows()
        return
    jobs: dict[str, Callable[[], list[float]]] = {OURS: lambda: ours(frames)}
    if peer(bench, CCXT, PEER):
        jobs[PEER] = lambda: ccxt_pro(frames, is_paced=True)
        jobs[BARE] = lambda: ccxt_pro(frames, is_paced=False)
    jobs[DURABLE] = lambda: durable(frames[: SYNCED * EVERY])
    yield from bench.rows()
    medians: dict[str, list[float]] = {name: [] for name in jobs}
    tails: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(ROUNDS + 1):
        for name, job in jobs.items():
            gc.collect()
            gc.disable()
            found = sorted(job())
            gc.enable()
            if turn:
                medians[name].append(found[len(found) // 2])
                tails[name].append(found[len(found) * 99 // 100])
    for name in jobs:
        yield row(f"{name}: p50", "us", medians[name])
        yield row(f"{name}: p99", "us", tails[name])
    if PEER in jobs:
        for name, other, goal in ((OURS, PEER, 10), (OURS, BARE, None), (DURABLE, PEER, None)):
            for what, figures in (("p50", medians), ("p99", tails)):
                # Turn by turn: a machine that is shared changes its pace meanwhile.
                turns = zip(figures[other], figures[name], strict=True)
                ratio = statistics.median(theirs / us for theirs, us in turns)
                yield {
                    "name": f"{name}: {what}",
                    "against": other,
                    "ratio": round(ratio, 1),
                    "goal": goal,
                }


def recorded() -> list[bytes]:
    """Return the recorded changes of a book; none where the recording is not there."""
    told = os.environ.get("STEELYARD_DATA")
    path = (Path(told) if told else HERE.parent.parent / "shared" / "data") / RECORDING
    if not path.is_file():
        return []
    with gzip.open(path) as lines:
        frames = [line.rstrip().partition(b" ")[2] for line in lines]
    return [frame for frame in frames if b"depthUpdate" in frame[:60]]


def ours(frames: list[bytes], journal: Journal | None = None) -> list[float]:
    """Return how long each order took, in us; with a journal it is on disk before its bytes are."""
    buyer = Buyer()
    machine = Machine(MARKET, first_update(frames) - 1, buyer, is_native=True)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        pacing = SharedPacing(
            Path(folder),
            Names(HOST, KEY.key, ""),
            DIALECT.limits,
            Random(1),
            machine.now_ns,
            lambda: machine.now_ns - BOOTED_NS,
        )
        try:
            connector = Connector(DIALECT.client, KEY, DIALECT.limits, pacing)
            connector.listings = LISTINGS
            connector.make_ready(MARKET)  # as when its stream is opened
            return orders(frames, buyer, machine, connector, journal)
        finally:
            pacing.close()


def orders(
    frames: list[bytes],
    buyer: Buyer,
    machine: Machine,
    connector: Connector,
    journal: Journal | None,
) -> list[float]:
    """Return how long each order took, in us."""
    found: list[float] = []
    clock = time.thread_time_ns if journal is None else time.perf_counter_ns
    for number, frame in enumerate(frames):
        machine.now_ns += STEP_NS
        buyer.is_due = is_tick = number % EVERY == 0
        start = clock()
        sent = one(machine, frame, connector, journal)
        end = clock()
        if sent is not None:
            left(machine, sent, journal)
        machine.wake()
        if is_tick and sent is not None:
            found.append((end - start) / 1_000)
            machine.answer(sent)
    assert len(found) > len(frames) // EVERY * 9 // 10, "nearly every tick led to an order"
    return found


def one(machine: Machine, frame: bytes, connector: Connector, journal: Journal | None) -> Any:
    """Take a frame as the process does, up to an order's request; return its action, or None."""
    session, trader = machine.session, machine.trader
    session.receive(frame, machine.now_ns)
    for event in session.drain()[1]:
        for action in trader.step(actions.Told(event), machine.now_ns):
            if isinstance(action, actions.Journal):
                write(action, journal)
            elif isinstance(action, actions.Send):
                if journal is not None:
                    journal.commit()
                request = connector.request(action.command, machine.now_ns)
                assert isinstance(request, Request), request
                return action
    return None


def left(machine: Machine, sent: Any, journal: Journal | None) -> None:
    """Tell that an order has left, as the process does once aiohttp has its bytes."""
    for told in machine.trader.step(actions.Sent(sent.request_id), machine.now_ns):
        assert isinstance(told, actions.Journal), told
        write(told, journal)


def write(action: actions.Journal, journal: Journal | None) -> None:
    """Encode a record, and append it where there is a journal."""
    payload = CODEC.encode(action.message, action.time_ns)
    if journal is not None:
        journal.append(payload)


def durable(frames: list[bytes]) -> list[float]:
    """Return how long each order took with its record synced first."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        journal = Journal(Path(folder))
        try:
            return ours(frames, journal)
        finally:
            journal.close()


def ccxt_pro(frames: list[bytes], *, is_paced: bool) -> list[float]:
    """Return how long ccxt.pro takes for a book update and an order, in us, with nothing sent."""
    config = {"apiKey": KEY.key, "secret": KEY.secret.decode(), "enableRateLimit": is_paced}
    exchange = ccxt_market(import_module("ccxt.pro").binance({"newUpdates": True, **config}))
    loads = import_module("ccxt.async_support.base.ws.client").json_parser.loads

    async def nothing(*_: object, **__: object) -> dict[str, Any]:
        return dict(ACK)

    exchange.fetch = nothing
    book = exchange.order_book({})
    book["symbol"], book["nonce"] = "BTC/USDT", first_update(frames) - 1
    exchange.orderbooks = {"BTC/USDT": book}
    client = CcxtClient(exchange.urls["api"]["ws"]["spot"])
    texts = [frame.decode() for frame in frames]

    async def work() -> list[float]:
        exchange.asyncio_loop = asyncio.get_running_loop()
        exchange.init_throttler()
        exchange.throttler.config["tokens"] = math.inf  # it never waits
        found = []
        for number, text in enumerate(texts):
            start = time.thread_time_ns()
            exchange.handle_message(client, loads(text)["data"])
            if number % EVERY == 0:
                price = book["bids"][0][0] - 1
                await exchange.create_order("BTC/USDT", "limit", "buy", 0.001, price)
                found.append((time.thread_time_ns() - start) / 1_000)
        return found

    return asyncio.run(work())


CODEC = codec()
