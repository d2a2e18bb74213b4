"""Starting an exchange whose journal holds 10,000,000 commands, with a snapshot and without.

The journal is made as the exchange makes it: a crowd's market that steps 20 times a second, whose
hash is noted each second, users' commands between the steps. `OpenExchange` opens it, each time in
a process of its own: first the journal alone, then a snapshot of all that and the commands of the
time behind it in which the next snapshot is due. That is the worst moment for a crash.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from bench.measure import resident_peak_mib, row
from steelyard.cli.exchange_process import SNAPSHOT_S, STEP_S
from steelyard.cli.market_source import CrowdSource, founding, make_market
from steelyard.cli.opening import OpenExchange
from steelyard.domain import layout
from steelyard.domain.commands import (
    FIRST_USER,
    Cancel,
    Command,
    Deposit,
    Filled,
    OpenAccount,
    Place,
    Traded,
)
from steelyard.domain.order import OrderType, SelfTrade, Side, TimeInForce
from steelyard.engine.choice import kinds, new_engine
from steelyard.exchange.exchange import NOTED_STEPS, Exchange
from steelyard.exchange.house import BOOK_DEPTH
from steelyard.exchange.records import ExchangeRecord, MarketStep, codec
from steelyard.store.datadir import Directory
from steelyard.store.journal import Journal
from steelyard.vault.seal import FileSeal

COUNT = 10_000_000
RATE = 5_000  # users' commands a second: more than the ports of one exchange carry
ACCOUNTS = 10
RUNS = 3
BEGIN_NS = 1_790_000_000 * 10**9
STEP_NS = int(STEP_S * 1e9)
PER_STEP = int(RATE * STEP_S)
OPEN_MAX = 3_000  # orders that rest; then each new one has the oldest canceled
TAKES = 0.1
TAG_TRADED, TAG_FILLED = layout.LAYOUT[Traded].tag, layout.LAYOUT[Filled].tag
WHOLE = "the whole journal"
NEWEST = "newest snapshot and a minute of the journal"
PARTS = {"snapshot": "", "make": ", made", "save": ", packed and written"}
TERMS = struct.Struct("<qqq")  # of a Place: time, price, size, behind its head


def run() -> Iterator[dict[str, Any]]:
    """Yield what each start took, and how much there was to read."""
    if "native" not in kinds():
        yield {"name": WHOLE, "skipped": "no native module was built"}
        return
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DISK")) as scratch:
        data = Path(scratch) / "data"
        builder = Builder(data)
        builder.go_on(COUNT)
        yield row("journal", "MiB", [builder.journal_mib])
        builder.close()
        yield from _rows(WHOLE, COUNT, [_opened(data, builder, "--save")])
        builder.reopen()
        behind = int(RATE * SNAPSHOT_S)
        builder.go_on(behind)
        builder.close()
        yield from _rows(NEWEST, behind, [_opened(data, builder) for _ in range(RUNS)])


def _rows(name: str, count: int, found: list[dict[str, float]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of one way to start."""
    yield row(name, "s", [it["seconds"] for it in found])
    yield row(f"{name}, own processor time", "s", [it["own_seconds"] for it in found])
    if "save_s" in found[0]:
        yield row(f"{name}, commands", "commands/s", [count / it["seconds"] for it in found])
        for part, unit in (("snapshot", "MiB"), ("make", "s"), ("save", "s")):
            figures = [it[f"{part}_{unit.lower()}"] for it in found]
            yield row(f"snapshot of it{PARTS[part]}", unit, figures)
    yield row(f"{name}, resident at most", "MiB", [it["peak_mib"] for it in found])


def _opened(data: Path, builder: "Builder", *options: str) -> dict[str, float]:
    """Return what a start in a process of its own took; it must lead to the builder's state."""
    command = [sys.executable, "-m", "bench.replay", str(data), *options]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(data / "config")}
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout
    found: dict[str, Any] = json.loads(told)
    assert found.pop("state_hash") == builder.state_hash(), "the start led to another state"
    return found


def _open(data: Path, *, is_saved: bool) -> dict[str, float]:
    """Open a directory as the exchange does; return what it took."""
    begun, own = time.perf_counter(), time.process_time()
    opened = OpenExchange(data, None, BEGIN_NS)
    told = {"seconds": time.perf_counter() - begun, "own_seconds": time.process_time() - own}
    told["peak_mib"] = resident_peak_mib()
    if is_saved:
        begun = time.perf_counter()
        snapshot = opened.exchange.snapshot()
        told["make_s"] = time.perf_counter() - begun
        opened.save_snapshot(snapshot)
        told["save_s"] = time.perf_counter() - begun - told["make_s"]
        told["snapshot_mib"] = len(snapshot) / (1 << 20)
    opened.close()
    return {**told, "state_hash": opened.exchange.engine.state_hash()}


class Users:
    """Users' commands as records: they rest near the middle, cancel the oldest, and take some."""

    def __init__(self, next_order_id: int) -> None:
        self._random = Random(7)
        self._next_order_id = next_order_id
        self._open: deque[int] = deque()
        self._gone: set[int] = set()
        self._places = {
            (account_id, side): layout.encode(_place(account_id, side), 0)
            for account_id in range(FIRST_USER, FIRST_USER + ACCOUNTS)
            for side in Side
        }

    def commands(self, count: int, now_ns: int, bid: int, ask: int) -> list[bytes]:
        """Return records of commands around the best prices."""
        found = []
        for _ in range(count):
            if len(self._open) > OPEN_MAX and (order_id := self._oldest()):
                found.append(layout.encode(Cancel(_account_of(order_id), order_id), now_ns))
            else:
                found.append(self._placed(now_ns, bid, ask))
        return found

    def filled(self, order_id: int) -> None:
        """Learn that an order has filled whole."""
        self._gone.add(order_id)

    def _oldest(self) -> int:
        """Return the order that rests longest; 0 where too few do."""
        while len(self._open) > OPEN_MAX:
            order_id = self._open.popleft()
            if order_id not in self._gone:
                return order_id
            self._gone.discard(order_id)
        return 0

    def _placed(self, now_ns: int, bid: int, ask: int) -> bytes:
        random = self._random
        order_id = self._next_order_id
        self._next_order_id += 1
        side = random.choice((Side.BUY, Side.SELL))
        if random.random() < TAKES:
            price = ask + 5 if side is Side.BUY else bid - 5
        else:
            away = int(random.expovariate(0.005))
            price = bid - away if side is Side.BUY else ask + away
        self._open.append(order_id)
        record = bytearray(self._places[_account_of(order_id), side])
        TERMS.pack_into(record, layout.HEAD.size, now_ns, price, random.randint(100, 2_000))
        return bytes(record)


class Builder:
    """An exchange's journal, made by its store and its engine without what else it keeps."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._place = data / "exchange" / "journal"
        self.reopen()
        self._codec = codec()
        source = CrowdSource(1)
        # Only its founding is needed: from then on engine and market are asked here.
        exchange = Exchange(new_engine(), make_market(source), FileSeal(data / "seal.key"))
        exchange.found(founding(source), BEGIN_NS)
        self._now_ns = BEGIN_NS
        self._write([founding(source)])
        assert exchange.market is not None, "a crowd is a market"
        self._market = exchange.market
        self._engine: Any = exchange.engine  # the native one, which takes many records at once
        self._steps = 0
        opening: list[Command] = []
        for account_id in range(FIRST_USER, FIRST_USER + ACCOUNTS):
            opening.append(OpenAccount(account_id, 80_000, 100_000))
            opening += [Deposit(account_id, asset_id, 10**22) for asset_id in (1, 4)]
        for command in opening:
            self._engine.apply(command, self._now_ns)
        self._write([*opening])
        self._users = Users(1)

    @property
    def journal_mib(self) -> float:
        """How much the journal takes."""
        return sum(file.stat().st_size for file in self._place.iterdir()) / (1 << 20)

    def state_hash(self) -> int:
        """Return the hash of the engine's state."""
        return self._engine.state_hash()

    def go_on(self, count: int) -> int:
        """Add a number of users' commands and the market's steps; return the last sequence."""
        for _ in range(count // PER_STEP):
            self._now_ns += STEP_NS
            self._step()
            bids, asks = self._engine.book(0, 1)
            records = self._users.commands(PER_STEP, self._now_ns, bids[0][0], asks[0][0])
            self._journal.append_all([b"L" + record for record in records])
            self._watch(self._engine.apply_records(b"".join(records)))
            if self._journal.waiting_bytes > 8 << 20:
                self._journal.commit()
        return self._journal.commit()

    def reopen(self) -> None:
        """Hold the directory, for the first time or again."""
        self._directory = Directory(self._data / "exchange")
        self._journal = Journal(self._place)

    def close(self) -> None:
        """Let go of the directory, so that another process may open it."""
        self._journal.close()
        self._directory.close()

    def _step(self) -> None:
        self._steps += 1
        is_noted = self._steps % NOTED_STEPS == 0
        self._write([MarketStep(self._engine.state_hash() if is_noted else 0)])
        engine, now_ns = self._engine, self._now_ns
        # Each command is carried out before the market makes the next: it looks at the book.
        commands = self._market.commands(now_ns, lambda i: engine.book(i, BOOK_DEPTH))
        effects = (engine.apply_records(layout.encode(it, now_ns)) for it in commands)
        self._watch(b"".join(effects))

    def _watch(self, effects: bytes) -> None:
        """Show the market the trades with users, and the users what has filled."""
        offset = 0
        while offset < len(effects):
            tag, size, _ = layout.HEAD.unpack_from(effects, offset)
            if tag in (TAG_TRADED, TAG_FILLED):
                effect = layout.decode(effects, offset)[0]
                if isinstance(effect, Filled):
                    if not effect.remaining_lots:
                        self._users.filled(effect.order_id)
                elif effect.taker_order_id or effect.maker_order_id:
                    self._market.observe(effect)
            offset += size

    def _write(self, messages: list[Command | ExchangeRecord]) -> None:
        self._journal.append_all([self._codec.encode(it, self._now_ns) for it in messages])


def _account_of(order_id: int) -> int:
    return FIRST_USER + order_id % ACCOUNTS


def _place(account_id: int, side: Side) -> Place:
    return Place(
        account_id,
        0,
        side,
        OrderType.LIMIT,
        TimeInForce.GTC,
        post_only=False,
        price_ticks=1,
        size_lots=1,
        self_trade=SelfTrade.NONE,
    )


if __name__ == "__main__":
    opened = _open(Path(sys.argv[1]), is_saved="--save" in sys.argv)
    print(json.dumps(opened))
