"""The matching engine on the stream of `orders.py`, called from Python.

The whole core checks and updates balances and holds, takes fees, knows orders by number, decodes
commands from records and encodes effects as records. The matcher, the peers and the floors match
and do nothing else.
"""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain
from pathlib import Path
from random import Random
from statistics import median
from struct import Struct
from types import ModuleType
from typing import Any

from bench.measure import Bench
from bench.orders import BEFORE, CANCEL, COUNT, EXPECTED, Step, stream
from bench.turns import Job, in_turns
from steelyard.domain import layout
from steelyard.domain.commands import (
    FIRST_USER,
    Cancel,
    Command,
    Deposit,
    HouseLevel,
    ListInstrument,
    OpenAccount,
    Place,
    Traded,
)
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import OrderType, SelfTrade, Side, TimeInForce
from steelyard.engine import Engine
from steelyard.engine.choice import kinds, new_engine
from steelyard.engine.reference import ReferenceEngine

HERE = Path(__file__).parent
ACCOUNTS = 100
BATCH = 1_024
MATCHER_STEP = Struct("<Qqqq")
MATCHER_TRADE = Struct("<QQqq")
REFERENCE_COUNT = 20_000
PEER = ("limit-order-book", "2.0.0")

# C++, matching only, measured once beside the floor on one core: 11.6M to 54.1M commands/s.
CPP_TRADER_TO_FLOOR = 0.214

OURS = "native, batches"
ONE = "native, one call per command"
MATCHING = "matcher, batches"
MATCHING_ONE = "matcher, one call per order"
CPP_TRADER = "CppTrader, by its ratio to the floor"
FLOOR = "floor: matching only (Rust)"
CALL = "floor: a call from Python to C"


def opening() -> list[Command]:
    """Return a market and its funded accounts."""
    market = Instrument.spot(
        0,
        (1, "BTC"),
        (2, "USDT"),
        tick_size="0.01",
        lot_size="0.00001",
        price_max="1000000",
        size_max="9000",
        notional_min="0.0001",
    )
    commands: list[Command] = [ListInstrument(market)]
    for account_id in range(FIRST_USER, FIRST_USER + ACCOUNTS):
        commands.append(OpenAccount(account_id, 80_000, 100_000))
        commands += [Deposit(account_id, asset_id, 10**22) for asset_id in (1, 2)]
    return commands


def command(step: Step) -> Command:
    """Return a step as a command; its order's number is the one the engine will give it."""
    account_id = FIRST_USER + step.order_id % ACCOUNTS
    if step.kind == CANCEL:
        return Cancel(account_id, step.order_id)
    return Place(
        account_id,
        0,
        Side(step.side),
        OrderType.LIMIT,
        TimeInForce.GTC,
        post_only=False,
        price_ticks=step.price,
        size_lots=step.size,
        self_trade=SelfTrade.NONE,  # the stream knows no accounts
    )


def run() -> Iterator[dict[str, Any]]:
    """Measure ours, the best peer that Python can call, and the floors."""
    bench = Bench()
    steps = stream()
    before, timed = steps[:BEFORE], steps[BEFORE:]
    setup = [*opening(), *map(command, before)]
    with tempfile.TemporaryDirectory() as folder:
        jobs: dict[str, Job] = {}
        if "native" in kinds():
            jobs[OURS] = run_native(bench, setup, timed)
            jobs[MATCHING] = run_matcher(bench, before, timed)
        else:
            bench.skip(OURS, "no native module was built")
        yield from bench.rows()
        if floor := floor_match(bench, steps, Path(folder)):
            jobs[FLOOR] = floor
        # Their ratio is what counts, and a shared machine is quicker now and slower then.
        in_turns(bench, {name: (COUNT, job) for name, job in jobs.items()}, "commands/s")
        bench.scaled(CPP_TRADER, FLOOR, CPP_TRADER_TO_FLOOR)
        yield from bench.rows()
        run_floor_call(bench, timed, Path(folder))
    run_reference(bench, setup, timed)
    run_peer(bench, before, timed)
    yield from bench.rows()
    bench.ratio(MATCHING, FLOOR, 0.55)
    bench.ratio(MATCHING, CPP_TRADER, 2.5)
    bench.ratio(MATCHING_ONE, PEER[0], 3)
    bench.ratio(MATCHING_ONE, CALL, 0.25)
    bench.ratio(OURS, FLOOR, 0.32)
    bench.ratio(OURS, CPP_TRADER, 1.5)
    bench.ratio(ONE, PEER[0])
    bench.ratio(ONE, CALL)
    bench.ratio(OURS, "reference")
    yield from bench.rows()


# -- ours ---------------------------------------------------------------------------------------


def run_native(bench: Bench, setup: list[Command], timed: list[Step]) -> Job:
    """Measure the native engine one by one and with its hash asked for; return it in batches."""
    native = import_module("steelyard._native")
    opened = b"".join(layout.encode(each, 0) for each in setup)
    records = [layout.encode(command(step), 1) for step in timed]
    batches = [b"".join(records[at : at + BATCH]) for at in range(0, len(records), BATCH)]

    def prepare() -> Any:
        engine = native.Engine(2)
        engine.apply(opened)
        engine.state_hash()
        return engine

    def in_batches(engine: Any) -> Any:
        for batch in batches:
            engine.apply(batch)
        return engine

    def in_batches_hashed(engine: Any) -> None:
        for batch in batches:
            engine.apply(batch)
            engine.state_hash()

    def one_by_one(engine: Any) -> None:
        apply = engine.apply
        for record in records:
            apply(record)

    def one_by_one_hashed(engine: Any) -> None:
        apply, state_hash = engine.apply, engine.state_hash
        for record in records:
            apply(record)
            state_hash()

    engine = in_batches(prepare())
    effects = chain.from_iterable(map(layout.decode_all, map(prepare().apply, batches)))
    trades = [(it.price_ticks, it.size_lots) for it in effects if isinstance(it, Traded)]
    check(engine.book(0, 1), trades)
    assert not any(total for _, total in engine.totals())
    bench.measure(f"{OURS}, hash after each", COUNT, prepare, in_batches_hashed)
    bench.measure(ONE, COUNT, prepare, one_by_one)
    bench.measure(f"{ONE}, hash after each", COUNT, prepare, one_by_one_hashed)
    run_through_structs(bench, setup, [command(step) for step in timed[:200_000]])
    run_house(bench, native)

    def job() -> float:
        engine = prepare()
        return elapsed_s(lambda: in_batches(engine))

    return job


def run_matcher(bench: Bench, before: list[Step], timed: list[Step]) -> Job:
    """Measure matching and nothing else, call by call; return it in batches."""
    matcher_class = import_module("steelyard.engine.matcher").Matcher

    def record(step: Step) -> bytes:
        side = 0 if step.kind == CANCEL else step.side
        return MATCHER_STEP.pack(step.order_id, step.price, step.size, side)

    records = [record(step) for step in timed]
    batches = [b"".join(records[at : at + BATCH]) for at in range(0, len(records), BATCH)]
    calls = [(it.kind == CANCEL, it.order_id, it.side, it.price, it.size) for it in timed]

    def prepare() -> Any:
        matcher = matcher_class()
        matcher.apply(b"".join(map(record, before)))
        return matcher

    def in_batches(matcher: Any) -> tuple[Any, list[bytes]]:
        apply = matcher.apply
        return matcher, [apply(batch) for batch in batches]

    def one_by_one(matcher: Any) -> tuple[Any, list[Any]]:
        place, cancel, told = matcher.place, matcher.cancel, []
        for is_cancel, order_id, side, price, size in calls:
            if is_cancel:
                cancel(order_id)
            elif fills := place(order_id, side, price, size):
                told.append(fills)
        return matcher, told

    matcher, told = in_batches(prepare())
    trades = [it[2:] for trades in told for it in MATCHER_TRADE.iter_unpack(trades)]
    check(matcher.book(1), trades)
    matcher, told = bench.measure(MATCHING_ONE, COUNT, prepare, one_by_one)
    check(matcher.book(1), [it[1:] for fills in told for it in fills])

    def job() -> float:
        matcher = prepare()
        return elapsed_s(lambda: in_batches(matcher))

    return job


def elapsed_s(work: Callable[[], object]) -> float:
    """Return what some work takes by the clock, as the floor measures itself."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def check(book: Any, trades: list[tuple[int, int]]) -> None:
    """Compare trades, volume, notional and best prices with what must come out."""
    bids, asks = book
    volume, notional = sum(size for _, size in trades), sum(p * size for p, size in trades)
    found = (len(trades), volume, notional, bids[0][0], asks[0][0])
    assert found == EXPECTED, found


def run_through_structs(bench: Bench, setup: list[Command], commands: list[Command]) -> None:
    """Measure what an exchange pays that speaks in messages: encode, call, decode."""

    def prepare() -> Engine:
        return applied(new_engine(), setup)

    def job(engine: Engine) -> None:
        for each in commands:
            engine.apply(each, 1)

    bench.measure("native, messages in and out", len(commands), prepare, job)


def run_house(bench: Bench, native: ModuleType) -> None:
    """Measure a book that only the house makes: levels near the middle change their size."""
    random = Random(1)
    opened = b"".join(layout.encode(each, 0) for each in opening())
    facts = []
    for _ in range(200_000):
        side = random.choice((Side.BUY, Side.SELL))
        price = 100_000 - side * (1 + int(random.expovariate(0.02)))
        facts.append(layout.encode(HouseLevel(0, side, price, random.randrange(1, 500)), 1))
    batches = [b"".join(facts[at : at + BATCH]) for at in range(0, len(facts), BATCH)]

    def prepare() -> Any:
        engine = native.Engine(2)
        engine.apply(opened)
        return engine

    def job(engine: Any) -> None:
        for batch in batches:
            engine.apply(batch)

    bench.measure("native, levels of the house", len(facts), prepare, job)


def run_reference(bench: Bench, setup: list[Command], timed: list[Step]) -> None:
    """Measure the specification on the first part of the stream."""
    commands = [command(step) for step in timed[:REFERENCE_COUNT]]

    def job(engine: Engine) -> None:
        for each in commands:
            engine.apply(each, 1)

    bench.measure("reference", len(commands), lambda: applied(ReferenceEngine(), setup), job)


def applied(engine: Engine, commands: list[Command]) -> Engine:
    """Return an engine after these commands."""
    for each in commands:
        engine.apply(each, 0)
    return engine


# -- others -------------------------------------------------------------------------------------


def run_peer(bench: Bench, before: list[Step], timed: list[Step]) -> None:
    """Measure the fastest engine on the package index that Python can call: C++ by ctypes."""
    name, pinned = PEER
    try:
        found = version(name)
    except PackageNotFoundError:
        found = ""
    if found != pinned:
        bench.skip(name, f"needs {name}=={pinned} (pip install), found {found or 'none'}")
        return
    book_class = import_module("limit_order_book").LimitOrderBook

    def feed(book: Any, steps: list[Step]) -> Any:
        buy, sell, cancel = book.limit_buy, book.limit_sell, book.cancel
        for kind, order_id, side, price, size in steps:
            if kind == CANCEL:
                cancel(order_id)
            elif side > 0:
                buy(order_id, size, price)
            else:
                sell(order_id, size, price)
        return book

    book = bench.measure(
        name, len(timed), lambda: feed(book_class(), before), lambda book: feed(book, timed)
    )
    assert (book.best_buy(), book.best_sell()) == EXPECTED[-2:], "the peer sees other prices"


def floor_match(bench: Bench, steps: list[Step], folder: Path) -> Job | None:
    """Build the matching and nothing else; return it."""
    rustc = shutil.which("rustc")
    if rustc is None:
        bench.skip(FLOOR, "needs rustc")
        return None
    program, data = folder / "floor_match", folder / "steps.bin"
    source = str(HERE / "floor_match.rs")
    built = [rustc, "--edition", "2024", "-C", "opt-level=3", "-o", str(program), source]
    subprocess.run(built, check=True)
    data.write_bytes(array("i", chain.from_iterable(steps)).tobytes())
    asked = [str(program), str(data), str(BEFORE), "4"]

    def job() -> float:
        told = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
        runs = [line.split() for line in told.splitlines()[1:]]  # the first warms up
        for _, *sums in runs:
            assert tuple(map(int, sums)) == EXPECTED[:3], sums
        return median(float(seconds) for seconds, *_ in runs)

    return job


def run_floor_call(bench: Bench, timed: list[Step], folder: Path) -> None:
    """Build and call a C function that takes an order and does nothing with it."""
    compiler = shutil.which("cc")
    headers = sysconfig.get_path("include")
    if compiler is None or not (Path(headers) / "Python.h").exists():
        bench.skip(CALL, "needs a C compiler and Python's headers")
        return
    library = folder / "floor_call.so"
    flags = ["-O2", "-shared", "-fPIC", f"-I{headers}"]
    if sys.platform == "darwin":
        flags += ["-undefined", "dynamic_lookup"]
    source = str(HERE / "floor_call.c")
    subprocess.run([compiler, *flags, "-o", str(library), source], check=True)
    spec = spec_from_file_location("floor_call", library)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)

    def job(place: Any) -> None:
        for kind, order_id, side, price, size in timed:
            place(kind, order_id, side, price, size)

    bench.measure(CALL, len(timed), lambda: module.place, job)
