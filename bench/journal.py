"""Records on disk, batch by batch: our journal beside the least that a disk can be asked for.

The floor overwrites zeros that are on the disk already and syncs, without form, checksum or
check. The journal does the same with its room made beforehand, as the floor's file is. All take
turns every few batches, each time in another order, so that a busy moment of the disk hits all of
them. The next rows leave nothing out: files grow and new ones are begun, and a group commit hands
the batches to its writer's thread. The last one has no disk at all: it is what of the journal's own
work stands in a row with the disk, and hardly changes with what else the disk does.
"""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.measure import Bench
from steelyard.domain.errors import StorageError
from steelyard.store.commit import GroupCommit
from steelyard.store.disk import DiskFile
from steelyard.store.journal import Journal

RECORD = b"x" * 200
BATCHES = {1: 400, 10: 400, 100: 300, 1_000: 200}  # records in one: how many a turn
ROOM_BYTES = 64 << 20  # more than a turn writes
SLICE = 10  # batches of one, then of the next
TURNS = 9
GOAL = 0.9  # of the floor
SQLITE_GOALS = {1: 1.2, 1_000: 6.0}

Writer = tuple[Callable[[], object], Callable[[], object]]  # commits one batch, closes


def run() -> Iterator[dict[str, Any]]:
    """Yield records per second by batch, and ours against the floor."""
    for size, count in BATCHES.items():
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DISK")) as scratch:
            yield from _rows(Path(scratch), size, count)


def _rows(scratch: Path, size: int, count: int) -> Iterator[dict[str, Any]]:
    bench = Bench()
    writers = {
        f"journal, batches of {size}": _prepared,
        f"floor, batches of {size}": _floor,
        f"sqlite WAL, batches of {size}": _sqlite,
        f"journal as it grows, batches of {size}": _growing,
    }
    rates: dict[str, list[float]] = {name: [] for name in writers}
    for turn in range(TURNS + 1):
        opened = {}
        for name, writer in writers.items():
            place = scratch / f"{writer.__name__}-{turn}"
            place.mkdir()
            opened[name] = writer(place, size)
        spent = _take_turns({name: commit for name, (commit, _) in opened.items()}, count)
        for name, (_, close) in opened.items():
            if turn:  # the first one warms up
                rates[name].append(size * count / spent[name])
            close()
            shutil.rmtree(scratch / f"{writers[name].__name__}-{turn}")
    for name, found in rates.items():
        bench.tell(name, found, size * count, "records/s")
    name = f"group commit, batches of {size}"
    found = [asyncio.run(_grouped(scratch / f"{turn}", size, count)) for turn in range(TURNS)]
    bench.tell(name, found, size * count, "records/s")
    with tempfile.TemporaryDirectory() as place:
        commit, close = _writer(Journal(Path(place), file_type=NoDisk, room_bytes=0), size)
        found = [size / _time_of(commit) for _ in range(count)]
        close()
    bench.tell(f"without a disk, batches of {size}", found, size, "records/s")
    ours = f"journal, batches of {size}"
    bench.ratio(ours, f"floor, batches of {size}", GOAL)
    bench.ratio(ours, f"sqlite WAL, batches of {size}", SQLITE_GOALS.get(size))
    yield from bench.rows()


class NoDisk(DiskFile):
    """A file that takes no time, and keeps nothing."""

    def write(self, offset: int, data: bytes) -> None:
        """Forget it."""

    def sync(self) -> None:
        """Have nothing to wait for."""


def _time_of(commit: Callable[[], object]) -> float:
    begun = perf_counter()
    commit()
    return perf_counter() - begun


def _take_turns(commits: dict[str, Callable[[], object]], count: int) -> dict[str, float]:
    """Return how long each took for so many batches."""
    for commit in commits.values():
        commit()  # makes the room
    spent = dict.fromkeys(commits, 0.0)
    names = [*commits]
    for _ in range(count // SLICE):
        names = [*names[1:], names[0]]
        for name in names:
            begun = perf_counter()
            for _ in range(SLICE):
                commits[name]()
            spent[name] += perf_counter() - begun
    return spent


def _prepared(place: Path, size: int) -> Writer:
    return _writer(Journal(place, segment_bytes=2 * ROOM_BYTES, room_bytes=ROOM_BYTES), size)


def _growing(place: Path, size: int) -> Writer:
    return _writer(Journal(place), size)


def _writer(journal: Journal, size: int) -> Writer:
    batch = [RECORD] * size

    def commit() -> None:
        journal.append_all(batch)
        journal.commit()

    return commit, journal.close


def _floor(place: Path, size: int) -> Writer:
    descriptor = os.open(place / "file", os.O_CREAT | os.O_WRONLY)
    for _ in range(ROOM_BYTES >> 20):
        os.write(descriptor, bytes(1 << 20))
    os.fsync(descriptor)
    batch = RECORD * size
    offset = 0

    def commit() -> None:
        nonlocal offset
        os.pwrite(descriptor, batch, offset)
        os.fdatasync(descriptor)
        offset += len(batch)

    return commit, lambda: os.close(descriptor)


def _sqlite(place: Path, size: int) -> Writer:
    base = sqlite3.connect(place / "base", isolation_level=None)
    base.execute("pragma journal_mode=wal")
    base.execute("pragma synchronous=full")
    base.execute("create table records (sequence integer primary key, payload blob)")
    rows = [(RECORD,)] * size

    def commit() -> None:
        base.execute("begin")
        base.executemany("insert into records (payload) values (?)", rows)
        base.execute("commit")

    return commit, base.close


async def _grouped(directory: Path, size: int, count: int) -> float:
    """Return records per second where each batch follows from the one before."""
    journal = Journal(directory)
    over = asyncio.get_running_loop().create_future()
    batch = [RECORD] * size
    left = count

    def fail(error: StorageError) -> None:
        over.set_exception(error)

    def follow() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            over.set_result(None)
        else:
            commit.release(journal.append_all(batch), follow)

    commit = GroupCommit(journal, on_failure=fail)
    begun = perf_counter()
    follow()
    await over
    rate = size * count / (perf_counter() - begun)
    await commit.stop()
    journal.close()
    return rate
