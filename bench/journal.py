"""Records on disk, batch by batch: our journal beside the least that a disk can be asked for.

The floor overwrites zeros that are on the disk already and syncs, without form, checksum or
check. The journal does the same with its room made beforehand, as the floor's file is. How the
zeros are handed over matters: the page cache makes pages as large as a write, up to megabytes, and
each later write into one walks through all of it. 64 KiB at once is the quickest that was found, so
the floor has that. A second floor overwrites past the page cache, as the journal does. All take
turns every few batches, each time in another order, so that a busy moment of the disk hits all of
them. The next rows leave nothing out: files grow and new ones are begun, and a group commit hands
the batches to its writer's thread. The last one has no disk at all: it is what of the journal's own
work stands in a row with the disk, and hardly changes with what else the disk does.
"""

import asyncio
import mmap
import os
import random
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
from steelyard.store.disk import Batch, DiskFile
from steelyard.store.journal import Journal

RECORD = b"x" * 200
BATCHES = {1: 400, 10: 400, 100: 300, 1_000: 200}  # records in one: how many a turn
ROOM_STEP_BYTES = 1 << 20
ZEROS = bytes(64 << 10)
BLOCK_BYTES = 4096
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
        f"floor past the page cache, batches of {size}": _direct_floor,
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
        commits = {name: commit for name, (commit, _) in opened.items()}
        spent = _take_turns(commits, count, random.Random(turn))
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
    bench.ratio(ours, f"floor past the page cache, batches of {size}")
    bench.ratio(ours, f"sqlite WAL, batches of {size}", SQLITE_GOALS.get(size))
    yield from bench.rows()


class NoDisk(DiskFile):
    """A file that takes no time, and keeps nothing."""

    def put(self, offset: int, batch: Batch, room_bytes: int) -> None:
        """Forget it."""

    def write(self, offset: int, data: bytes) -> None:
        """Forget it."""

    def sync(self) -> None:
        """Have nothing to wait for."""


def _time_of(commit: Callable[[], object]) -> float:
    begun = perf_counter()
    commit()
    return perf_counter() - begun


def _take_turns(
    commits: dict[str, Callable[[], object]], count: int, rng: random.Random
) -> dict[str, float]:
    """Return how long each took for so many batches."""
    for commit in commits.values():
        commit()  # makes the room
    spent = dict.fromkeys(commits, 0.0)
    names = [*commits]
    for _ in range(count // SLICE):
        rng.shuffle(names)
        for name in names:
            begun = perf_counter()
            for _ in range(SLICE):
                commits[name]()
            spent[name] += perf_counter() - begun
    return spent


def _room_bytes(size: int) -> int:
    """Return a little more than a turn writes, and no more: disks have limits of their own."""
    written = (BATCHES[size] + 1) * size * (len(RECORD) + 32)
    return written + -written % ROOM_STEP_BYTES


def _prepared(place: Path, size: int) -> Writer:
    room_bytes = _room_bytes(size)
    return _writer(Journal(place, segment_bytes=2 * room_bytes, room_bytes=room_bytes), size)


def _growing(place: Path, size: int) -> Writer:
    return _writer(Journal(place), size)


def _writer(journal: Journal, size: int) -> Writer:
    batch = [RECORD] * size

    def commit() -> None:
        journal.append_all(batch)
        journal.commit()

    return commit, journal.close


def _floor(place: Path, size: int) -> Writer:
    descriptor = _zeros(place / "file", size)
    batch = RECORD * size
    offset = 0

    def commit() -> None:
        nonlocal offset
        os.pwrite(descriptor, batch, offset)
        os.fdatasync(descriptor)
        offset += len(batch)

    return commit, lambda: os.close(descriptor)


def _direct_floor(place: Path, size: int) -> Writer:
    """Whole blocks out of memory that is made ready outside the timing, but for where it begins."""
    os.close(_zeros(place / "file", size))
    descriptor = os.open(place / "file", os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
    length = len(RECORD) * size
    blocks = memoryview(mmap.mmap(-1, length + 2 * BLOCK_BYTES))
    blocks[:] = RECORD[:1] * len(blocks)
    offset = 0

    def commit() -> None:
        nonlocal offset
        end = offset + length
        begin = offset - offset % BLOCK_BYTES
        os.pwrite(descriptor, blocks[: end + -end % BLOCK_BYTES - begin], begin)
        offset = end

    return commit, lambda: os.close(descriptor)


def _zeros(file: Path, size: int) -> int:
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY)
    for _ in range(_room_bytes(size) // len(ZEROS)):
        os.write(descriptor, ZEROS)
    os.fsync(descriptor)
    return descriptor


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
