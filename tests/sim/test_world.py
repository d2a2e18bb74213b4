"""Worlds of many seeds, in which nothing that must never be may be.

One seed again: .venv/bin/python -m tests.sim.seed SEED
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard import dialects
from steelyard.domain.messages import SECOND_NS
from steelyard.sim.plan import JOINED, calm
from steelyard.sim.world import World
from steelyard.store import segment
from tests.sim.worlds import FULL, QUICK, live, live_all

ROOT = Path(__file__).resolve().parents[2]
BAD_SEEDS = [
    line.partition("#")[0].split()
    for line in (Path(__file__).parent / "seeds.txt").read_text().splitlines()
    if line.partition("#")[0].strip()
]
NIGHT = 10_000
PER_NIGHT = 250  # seeds of a test
JOINED_SEEDS, JOINED_NIGHT = range(1, 7), 1_000  # of each dialect that no seed draws


@pytest.mark.parametrize("dialect", dialects.names())
def test_a_calm_world_agrees_at_once(dialect):
    """Without trouble: orders are placed, filled in parts and canceled, and nothing is in doubt."""
    world = World(calm(1, dialect), segment)
    report = world.run()
    assert report.simulated_s < 120
    assert report.counts["decided"] > 10
    truth = world.auditor.truth(world.bots[0])
    assert truth.position_atoms or truth.cash_atoms
    assert world.exchange.over_limits() == {}


def test_a_bot_starts_however_far_apart_the_clocks_have_been_put():
    """A real one asks for leave; what it then makes of the clocks is what worlds look at."""
    plan = calm(1)
    plan.trouble_s, plan.ahead_ns = 8, (-40 * SECOND_NS, 60 * SECOND_NS, 0)
    assert World(plan, segment).run().counts["decided"] > 0


@pytest.mark.parametrize("seed", BAD_SEEDS, ids=" ".join)
def test_seeds_that_were_bad_once_are_good(seed):
    """Each found something; see the history of seeds.txt."""
    live(int(seed[0]), *seed[1:])


def test_some_seeds_are_good():
    """The first of those that `make test` goes through (`test_worlds_1.py` and so on)."""
    live_all(range(1, 1 + QUICK))


@pytest.mark.night
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("first", range(1 + FULL, 1 + FULL + NIGHT, PER_NIGHT))
def test_very_many_seeds_are_good(first):
    """The same at length."""
    live_all(range(first, first + PER_NIGHT))


@pytest.mark.slow
@pytest.mark.parametrize("dialect", JOINED)
def test_a_dialect_that_no_seed_draws_has_worlds_of_its_own(dialect):
    """The same troubles, told in its words."""
    live_all(JOINED_SEEDS, dialect)


@pytest.mark.night
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("dialect", JOINED)
@pytest.mark.parametrize("first", range(1, 1 + JOINED_NIGHT, PER_NIGHT))
def test_very_many_worlds_of_it_are_good(dialect, first):
    """The same at length."""
    live_all(range(first, first + PER_NIGHT), dialect)


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
