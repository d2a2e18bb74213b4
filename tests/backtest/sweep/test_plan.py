"""What is still to be run, whoever ran the rest and however often it was broken off."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.sweep.figures import Objective
from steelyard.backtest.sweep.plan import Choice, Plan
from steelyard.backtest.sweep.search import Grid, Tried, draw
from steelyard.backtest.sweep.space import At, Space, parse_axis
from steelyard.backtest.sweep.splits import Fold, Span
from steelyard.backtest.sweep.trials import Job, Key, Part, Row, row_of
from steelyard.domain.errors import ConfigError

SPACE = Space(tuple(parse_axis(name, [*range(6)]) for name in ("p", "q")), {}, ())
WHOLE = Span(0, 1_000)
FOLDS = (Fold(Span(0, 100), Span(110, 150)), Fold(Span(50, 150), Span(160, 200)))
SHARPE = Objective("sharpe", is_more_better=True)


class Learning:
    """A search whose next round depends on all that it was told."""

    round_size = 3

    def __init__(self, trials: int) -> None:
        self._trials = trials

    def propose(self, tried: Sequence[Tried]) -> list[At]:
        left = min(self.round_size, self._trials - len(tried))
        seed = str([(each.at, each.objective) for each in tried])
        return draw(SPACE, left, Random(seed), frozenset(each.at for each in tried))


def run(job: Job) -> Row:
    """Stand in for a trial: the best is (4, 2) in training, and one place fails."""
    if job.at == (1, 1):
        return row_of(job, SPACE.varied(job.at), "ValueError: no")
    p, q = job.at
    sharpe = -float((p - 4) ** 2 + (q - 2) ** 2) + job.span.start_ns / 1_000
    return row_of(job, SPACE.varied(job.at), {"sharpe": sharpe, "trades": float(p)})


def plan_of(rows: dict[Key, Row], trials: int = 11, folds: tuple[Fold, ...] = FOLDS) -> Plan:
    searches = tuple(Learning(trials) for _ in range(max(1, len(folds))))
    return Plan(SPACE, WHOLE, folds, searches, Choice(SHARPE), trials, rows)


def finish(plan: Plan, random: Random, stop_after: int | None = None) -> dict[Key, Row]:
    """Run what the plan gives out in any order, and give up after so many."""
    ran = 0
    while jobs := plan.next_jobs():
        random.shuffle(jobs)
        for job in jobs:
            if ran == stop_after:
                return plan.rows
            plan.take(run(job))
            ran += 1
    return plan.rows


def test_a_plan_runs_every_fold_and_then_its_test():
    """Training first; the test is of the best that training found, on the test's span."""
    rows = finish(plan_of({}), Random(1))
    assert len(rows) == plan_of({}).total == 2 * 11 + 2
    for fold, (train, test) in enumerate(FOLDS):
        trained = [rows[Key(fold, Part.TRAIN, number)] for number in range(11)]
        assert {(row.start_ns, row.end_ns) for row in trained} == {train}
        assert len({row.at for row in trained}) == 11
        (tested,) = [row for key, row in rows.items() if key[:2] == (fold, Part.TEST)]
        best = Choice(SHARPE).best(trained)
        assert (tested.at, tested.number) == (best.at, best.number)
        assert (tested.start_ns, tested.end_ns) == test


@given(st.integers(0, 23), st.integers(0, 99))
def test_a_sweep_that_was_broken_off_goes_on_as_if_it_had_not_been(stop_after, seed):
    """Whatever had ended by then, in whatever order: the trials are the same ones."""
    whole = finish(plan_of({}), Random(1))
    part = finish(plan_of({}), Random(seed), stop_after)
    assert len(part) == stop_after
    assert finish(plan_of(part), Random(seed + 1)) == whole


def test_rounds_that_have_ended_are_not_proposed_again():
    """So that going on with a long sweep does not take as long as it did."""
    rows = finish(plan_of({}, folds=()), Random(1))
    kept = {key: row for key, row in rows.items() if key.number < 7}
    plan = plan_of(kept, folds=())
    asked = []
    original = Learning.propose

    class Watched(Learning):
        def propose(self, tried):
            asked.append(len(tried))
            return original(self, tried)

    plan._searches = (Watched(11),)
    finish(plan, Random(2))
    assert asked == [6, 9, 11]
    assert plan.rows == rows


def test_rows_of_other_trials_are_refused():
    rows = finish(plan_of({}, folds=()), Random(1))
    key = Key(0, Part.TRAIN, 10)
    foreign = {**rows, key: run(Job(key, (0, 0), Span(0, 999)))}
    with pytest.raises(ConfigError, match="trial 10 of the record is not the one"):
        plan_of(foreign, folds=()).next_jobs()


def test_a_fold_in_which_nothing_can_be_chosen_has_no_test():
    rows = {}
    plan = plan_of(rows, trials=2)
    while jobs := plan.next_jobs():
        for job in jobs:
            plan.take(row_of(job, {}, "ValueError: no"))
    assert all(key.part is Part.TRAIN for key in plan.rows)


def test_of_equals_the_first_is_chosen_and_too_few_trades_do_not_count():
    rows = [run(Job(Key(0, Part.TRAIN, n), at, WHOLE)) for n, at in enumerate([(5, 2), (3, 2)])]
    assert Choice(SHARPE).best(rows).number == 0
    assert Choice(SHARPE).best(reversed(rows)).number == 0
    assert Choice(SHARPE, trades_min=6).best(rows) is None
    assert Choice(SHARPE, trades_min=4).best(rows).at == (5, 2)
    assert Choice(SHARPE).best([run(Job(Key(0, Part.TRAIN, 0), (1, 1), WHOLE))]) is None


def test_a_grid_is_one_round():
    grid = Grid(SPACE)
    plan = Plan(SPACE, WHOLE, (), (grid,), Choice(SHARPE), grid.round_size, {})
    assert len(plan.next_jobs()) == 36
    assert len(finish(plan, Random(0))) == plan.total == 36
