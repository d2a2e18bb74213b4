"""Optuna, asked a round at a time: a function of what was tried and of the seed."""

import pytest
from sweep_standin import space

from steelyard.backtest.sweep.constraint import Constraint
from steelyard.backtest.sweep.search import RandomSearch, Search, Tried
from steelyard.backtest.sweep.space import At, Space, parse_axis
from steelyard.cli.sweep_optuna import OptunaSearch, load, seed_of


def wide(*constraints: str) -> Space:
    axes = (
        parse_axis("p", [*range(60)]),
        parse_axis("q", [*range(60)]),
        parse_axis("m", ["wide", "narrow"]),
    )
    return Space(axes, {}, tuple(map(Constraint, constraints)))


def height(at: At) -> float:
    """The top is at (20, 40, 0)."""
    return -((at[0] - 20) ** 2 + (at[1] - 40) ** 2) / 100 - 5 * at[2]


def finish(search: Search, tried: list[Tried] | None = None) -> list[Tried]:
    tried = list(tried or [])
    while round_ := search.propose(tried):
        tried += [Tried(at, height(at) if at[0] % 7 else None) for at in round_]
    return tried


def test_it_proposes_as_many_as_asked_each_once_and_let_in():
    found = finish(OptunaSearch(wide("p < q"), 43, 1, 8))
    assert len(found) == len({each.at for each in found}) == 43
    assert all(at[0] < at[1] for at, _ in found)


def test_the_same_seed_proposes_the_same_and_another_others():
    first, again = (finish(OptunaSearch(wide(), 24, 1, 8)) for _ in range(2))
    assert first == again
    assert first != finish(OptunaSearch(wide(), 24, 2, 8))


def test_going_on_after_any_round_is_going_on():
    """Nothing is remembered but what was tried."""
    whole = finish(OptunaSearch(wide(), 40, 1, 8))
    for rounds in (1, 3):
        assert finish(OptunaSearch(wide(), 40, 1, 8), whole[: rounds * 8]) == whole


def test_it_learns():
    """Of the same number of trials its best is better than chance's, and most of its last are."""
    for seed in (1, 2, 3):
        learned = finish(OptunaSearch(wide(), 96, seed, 8))
        drawn = finish(RandomSearch(wide(), 96, seed))
        late = sorted(each.objective or -99 for each in learned[-48:])
        chance = sorted(each.objective or -99 for each in drawn)
        assert late[24] > chance[72]


def test_a_space_that_is_used_up_ends_the_search():
    axes = parse_axis("p", [1, 2, 3]), parse_axis("q", [1, 2]), parse_axis("m", [7])
    small = Space(axes, {}, ())
    assert len(finish(OptunaSearch(small, 50, 1, 4))) == 6


def test_it_is_optunas_own_sampler():
    """Asked one at a time, it proposes what Optuna's own study with that sampler and seed would."""
    optuna = load()
    search = OptunaSearch(space(), 12, 5, 1)
    tried: list[Tried] = []
    for number in range(12):
        (at,) = search.propose(tried)
        sampler = optuna.samplers.TPESampler(
            seed=seed_of(5, number), multivariate=True, constant_liar=True
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        kinds = {
            axis.name: optuna.distributions.IntDistribution(0, len(axis.values) - 1)
            for axis in space().axes
        }
        for each in tried:
            params = dict(zip(kinds, each.at, strict=True))
            study.add_trial(
                optuna.trial.create_trial(params=params, distributions=kinds, value=each.objective)
            )
        asked = tuple(study.ask(kinds).params.values())
        if asked not in {each.at for each in tried}:  # else ours asks again
            assert at == asked
        tried.append(Tried(at, height((*at, 0))))


@pytest.mark.parametrize("objective", [None, 1.0])
def test_what_failed_is_no_best(objective):
    """A trial without an objective is told as pruned, and never as good."""
    optuna = load()
    study = OptunaSearch(space(), 9, 1, 4).study([Tried((0, 0), objective)], 1)
    (trial,) = study.trials
    state = optuna.trial.TrialState
    assert trial.state is (state.PRUNED if objective is None else state.COMPLETE)
    assert trial.params == {"fast": 0, "slow": 0}
