"""The search that learns: Optuna's tree-structured Parzen estimator, asked a round at a time.

A round is a function of the rounds before and of the seed: a study is made anew from what was
tried, with a sampler seeded for that round, and asked for so many trials. So it proposes the same
ones whatever the number of workers, and goes on after a crash as if there had been none; the record
of trials is all that is kept. How many a round has is part of the configuration ([sweep] batch),
not of the machine: the larger, the more can run at a time, and the less each is told.

Optuna sees places on axes, not values: an axis whose values have an order is a whole number to it,
any other is categorical. It does not know constraints, nor that a trial twice is one wasted, so
what is not let in or was tried is asked again, and after some tries drawn instead.
"""

import hashlib
import warnings
from collections.abc import Sequence
from random import Random
from types import ModuleType
from typing import Any

from steelyard.backtest.sweep.search import Tried, draw
from steelyard.backtest.sweep.space import At, Space
from steelyard.domain.errors import ConfigError

ASKS_MAX = 50  # for one trial, before it is drawn


class OptunaSearch:
    """Proposes what Optuna thinks promising."""

    def __init__(self, space: Space, trials: int, seed: int, batch: int) -> None:
        """Take what it is about.

        Raises:
            ConfigError: Optuna is not installed, or the constraints let nothing in.
        """
        self._optuna = load()
        self._space, self._seed = space, seed
        self._trials = trials
        self.round_size = batch
        self._distributions = {
            axis.name: self._optuna.distributions.IntDistribution(0, len(axis.values) - 1)
            if axis.is_ordered
            else self._optuna.distributions.CategoricalDistribution(range(len(axis.values)))
            for axis in space.axes
        }

    @property
    def version(self) -> str:
        """Which Optuna: another one may propose other trials."""
        return str(self._optuna.__version__)

    def propose(self, tried: Sequence[Tried]) -> list[At]:
        """Return the next round."""
        count = min(self.round_size, self._trials - len(tried))
        if count <= 0:
            return []
        number = len(tried) // self.round_size
        study = self.study(tried, seed_of(self._seed, number))
        taken = {each.at for each in tried}
        found: list[At] = []
        chance = Random(seed_of(self._seed, number) + 1)
        while len(found) < count:
            at = self._ask(study, taken)
            if at is None:
                drawn = draw(self._space, 1, chance, frozenset(taken))
                if not drawn:  # all of the space was tried
                    break
                at = drawn[0]
            taken.add(at)
            found.append(at)
        return found

    def study(self, tried: Sequence[Tried], seed: int) -> Any:
        """Return an Optuna study that knows what was tried; less than nothing was found is pruned.

        Values are signed: more is better.
        """
        optuna = self._optuna
        state = optuna.trial.TrialState
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        names = [axis.name for axis in self._space.axes]
        study.add_trials(
            [
                optuna.trial.create_trial(
                    params=dict(zip(names, each.at, strict=True)),
                    distributions=self._distributions,
                    value=each.objective,
                    state=state.PRUNED if each.objective is None else state.COMPLETE,
                )
                for each in tried
            ]
        )
        return study

    def _ask(self, study: Any, taken: set[At]) -> At | None:
        """Return a place that is let in and was not tried; None where Optuna finds none."""
        for _ in range(ASKS_MAX):
            asked = study.ask(self._distributions)
            at = tuple(int(asked.params[axis.name]) for axis in self._space.axes)
            if at not in taken and self._space.admits(at):
                return at
            study.tell(asked, state=self._optuna.trial.TrialState.FAIL)
        return None


def load() -> ModuleType:
    """Return Optuna, which then says nothing on the terminal.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import optuna  # noqa: PLC0415 not everybody has it
    except ImportError as error:
        raise ConfigError(
            "[sweep] method \"optuna\" needs Optuna: pip install 'steelyard[sweep]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def seed_of(seed: int, number: int) -> int:
    """Return a seed of 32 bits for one of several that are made from one."""
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % (2**32 - 2)
