"""How fast simulated worlds live: exchange, traders, network and disks of a seed, to their end.

There is no peer to compare with: no other trader is simulated against an exchange's own code. The
unit is what the proof is counted in, worlds; the other rows say how much happens in one.
"""

import time
from collections.abc import Iterator
from typing import Any

from bench.measure import row
from steelyard.sim.plan import plan_of
from steelyard.sim.world import World
from steelyard.store import segment

WORLDS = 60  # the first seeds of those that the tests go through
TURNS = 3


def run() -> Iterator[dict[str, Any]]:
    """Let the same worlds live a few times, by this process's own time."""
    worlds, events, hours = [], [], []
    for _ in range(TURNS):
        began_s = time.process_time()
        reports = [World(plan_of(seed), segment).run() for seed in range(1, 1 + WORLDS)]
        took_s = time.process_time() - began_s
        worlds.append(WORLDS / took_s)
        events.append(sum(report.events for report in reports) / took_s)
        hours.append(sum(report.simulated_s for report in reports) / 3_600 / took_s)
    yield row("worlds", "worlds/s", worlds)
    yield row("what happens in them", "events/s", events)
    yield row("their time", "simulated hours/s", hours)
