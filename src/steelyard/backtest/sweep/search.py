"""Which trials to run: all of a grid, or a seeded handful of them.

A search proposes in rounds and is a function of what it has been told: the same results so far give
the same next round, whoever ran them, in whatever order and however often the sweep was broken
off. Searches that learn (the roof has one over Optuna) are told the rounds before in their order.
Nothing is proposed twice.
"""

from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import NamedTuple, Protocol

from steelyard.backtest.sweep.space import At, Space
from steelyard.domain.errors import ConfigError

TRIALS_MAX = 1_000_000
ENUMERATED_MAX = 200_000  # above it, a random trial is drawn and not chosen from a list
_DRAWS = 1_000  # for one trial; a constraint that lets fewer than one in so many in is refused


class Tried(NamedTuple):
    """A trial as a search is told of it; None where it failed or there is nothing to measure."""

    at: At
    objective: float | None


class Search(Protocol):
    """Proposes trials."""

    round_size: int  # of each round but the last

    def propose(self, tried: Sequence[Tried]) -> list[At]:
        """Return the next round, given all rounds before; nothing when it is over."""
        ...


class Grid:
    """Every combination that the constraints let in."""

    def __init__(self, space: Space) -> None:
        """Count them.

        Raises:
            ConfigError: There are none, or too many.
        """
        if space.size > TRIALS_MAX:
            raise ConfigError(
                f"[sweep.params] make {space.size:,} combinations, over {TRIALS_MAX:,}; take fewer "
                'values, or method = "random" or "optuna" with trials'
            )
        self._all = list(space.all())
        if not self._all:
            raise ConfigError("[sweep] constraints let no combination in")
        self.round_size = len(self._all)

    def propose(self, tried: Sequence[Tried]) -> list[At]:
        """Return all of them, once."""
        return self._all[len(tried) :]


class RandomSearch:
    """A number of different combinations, drawn evenly and by a seed."""

    def __init__(self, space: Space, trials: int, seed: int) -> None:
        """Draw them.

        Raises:
            ConfigError: The constraints let none in, or hardly any.
        """
        self._drawn = draw(space, trials, Random(seed))
        self.round_size = len(self._drawn)

    def propose(self, tried: Sequence[Tried]) -> list[At]:
        """Return all of them, once."""
        return self._drawn[len(tried) :]


def draw(space: Space, count: int, chance: Random, taken: frozenset[At] = frozenset()) -> list[At]:
    """Return different combinations that are let in and not taken; fewer where there are not more.

    Raises:
        ConfigError: There are none, or so few that they are not found.
    """
    if space.size <= ENUMERATED_MAX:
        free = [at for at in space.all() if at not in taken]
        if not free and not taken:
            raise ConfigError("[sweep] constraints let no combination in")
        return chance.sample(free, min(count, len(free)))
    found: dict[At, None] = {}
    draws = (space.at(chance.randrange(space.size)) for _ in range(count * _DRAWS))
    fresh = (at for at in draws if at not in taken and at not in found and space.admits(at))
    for at in islice(fresh, count):
        found[at] = None
    if not found:
        raise ConfigError(
            f"[sweep] constraints let hardly any combination in: of {count * _DRAWS:,} that were "
            "drawn, none; narrow [sweep.params]"
        )
    return list(found)
