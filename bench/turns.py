"""Jobs that are timed in turns, in one process: ours, the peers' and the floor's."""

import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from bench.measure import Bench

ROUNDS = 7
CRYPTOFEED, CCXT, PYTHON_BINANCE = "cryptofeed", "ccxt", "python-binance"
PEERS = {CRYPTOFEED: "2.5.0", CCXT: "4.5.90", PYTHON_BINANCE: "1.0.37"}

Job = Callable[[], float]  # does the work once and returns the processor time it took, in s


def in_turns(bench: Bench, jobs: dict[str, tuple[int, Job]], unit: str) -> None:
    """Time each job in each round; the first round does not count."""
    rates: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(ROUNDS + 1):
        for name, (work, job) in jobs.items():
            seconds = job()
            if turn:
                rates[name].append(work / seconds)
    for name, found in rates.items():
        bench.tell(name, found, jobs[name][0], unit)


def timed(work: Callable[[], object]) -> float:
    """Return the processor time of some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def times(count: int, work: Callable[[], object]) -> tuple[int, Job]:
    """Return how much work it is to do something so many times, and the job."""

    def job() -> None:
        for _ in range(count):
            work()

    return count, lambda: timed(job)


def peer(bench: Bench, package: str, row_name: str) -> bool:
    """Whether a peer is here in the version that was compared; if not, say how to get it."""
    try:
        found = version(package)
    except PackageNotFoundError:
        found = ""
    if found == PEERS[package]:
        return True
    bench.skip(
        row_name, f"needs {package}=={PEERS[package]} (pip install), found {found or 'none'}"
    )
    return False
