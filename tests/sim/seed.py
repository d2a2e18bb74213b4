"""Let the world of a seed live again: python -m tests.sim.seed SEED [DIALECT]."""

import sys

from steelyard.sim.plan import plan_of
from steelyard.sim.world import Broken, World
from steelyard.store import segment


def main(words: list[str]) -> int:
    """Return 0 if the world was good, 1 if not."""
    world = World(plan_of(int(words[0]), *words[1:2]), segment)
    try:
        print(world.run())
    except Broken as broken:
        print(broken)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
