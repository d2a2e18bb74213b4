"""Worlds of many seeds, for the tests that go through them."""

from steelyard.sim.plan import plan_of
from steelyard.sim.world import Report, World
from steelyard.store import segment

QUICK, FULL = 20, 160  # seeds in `make check` and in `make test`
FILES = 4  # in which those are that only `make test` goes through: workers share files
PER_FILE = (FULL - QUICK) // FILES
PER_TEST = 35  # seeds
EVENTS_MIN = 1_000  # on average: a world in which little happens proves little


def live(seed: int, dialect: str | None = None) -> Report:
    """Let the world of a seed live."""
    return World(plan_of(seed, dialect), segment).run()


def live_all(seeds: range, dialect: str | None = None) -> None:
    """Let those of many live, in which enough has to happen."""
    reports = [live(seed, dialect) for seed in seeds]
    assert sum(report.events for report in reports) >= EVENTS_MIN * len(reports)


def firsts(number: int) -> range:
    """Return the first seeds of the tests in a file, which are numbered from 1."""
    end = 1 + QUICK + number * PER_FILE
    return range(end - PER_FILE, end, PER_TEST)
