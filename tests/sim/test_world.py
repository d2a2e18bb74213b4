"""Worlds of many seeds, in which nothing that must never be may be.

One seed again: .venv/bin/python -m tests.sim.seed SEED
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.sim.plan import calm, plan_of
from steelyard.sim.world import Report, World
from steelyard.store import segment

ROOT = Path(__file__).resolve().parents[2]
BAD_SEEDS = [
    int(line.partition("#")[0])
    for line in (Path(__file__).parent / "seeds.txt").read_text().splitlines()
    if line.partition("#")[0].strip()
]
QUICK, FULL, NIGHT = 20, 300, 10_000
PER_TEST = 25  # seeds, so that workers share them
EVENTS_MIN = 1_000  # on average: a world in which little happens proves little


def live(seed: int, dialect: str | None = None) -> Report:
    return World(plan_of(seed, dialect), segment).run()


def live_all(seeds: range) -> None:
    reports = [live(seed) for seed in seeds]
    assert sum(report.events for report in reports) >= EVENTS_MIN * len(reports)


@pytest.mark.parametrize("dialect", ["binance", "native", "coinbase-exchange", "kraken"])
def test_a_calm_world_agrees_at_once(dialect):
    """Without trouble: orders are placed, filled in parts and canceled, and nothing is in doubt."""
    world = World(calm(1, dialect), segment)
    report = world.run()
    assert report.simulated_s < 120
    assert report.counts["decided"] > 10
    truth = world.auditor.truth(world.bots[0])
    assert truth.position_atoms or truth.cash_atoms
    assert world.exchange.over_limits() == {}


@pytest.mark.parametrize("seed", BAD_SEEDS)
def test_seeds_that_were_bad_once_are_good(seed):
    """Each found something; see the history of seeds.txt."""
    live(seed)


def test_some_seeds_are_good():
    """The first of those that `make test` goes through."""
    live_all(range(1, 1 + QUICK))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(1, 1 + FULL, PER_TEST))
def test_many_seeds_are_good(first):
    """Whatever goes wrong, nothing is doubled, lost, miscounted or let out too early."""
    live_all(range(first, first + PER_TEST))


@pytest.mark.night
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("first", range(1 + FULL, 1 + FULL + NIGHT, 10 * PER_TEST))
def test_very_many_seeds_are_good(first):
    """The same at length."""
    live_all(range(first, first + 10 * PER_TEST))


# -- determinism ----------------------------------------------------------------------------------

DIGEST = """
from steelyard.sim.plan import plan_of
from steelyard.sim.world import World
from steelyard.store import segment
for seed in {seeds}:
    print(World(plan_of(seed), segment).run().digest)
"""
SEEDS = [3, 4, 12]


def test_a_seed_is_the_same_world_twice_in_a_process():
    """To the last byte on every wire."""
    first = [live(seed).digest for seed in SEEDS]
    assert first == [live(seed).digest for seed in SEEDS]
    assert len(set(first)) == len(SEEDS)


def test_a_seed_is_the_same_world_in_every_process():
    """Also where sets are in another order."""
    found = set()
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", DIGEST.format(seeds=SEEDS)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout)
    assert found == {"".join(f"{live(seed).digest}\n" for seed in SEEDS)}
