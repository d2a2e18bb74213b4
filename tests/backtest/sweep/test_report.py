"""What a sweep has found, and what makes one doubt it."""

import math
from random import Random

import msgspec
import pytest
from sweep_samples import FOLDS, SPACE, WHOLE, about, figures, hill, report, row, walked, whole

from steelyard.backtest import overfit
from steelyard.backtest.sweep.figures import Objective
from steelyard.backtest.sweep.plan import Choice
from steelyard.backtest.sweep.report import (
    Found,
    SweepReport,
    document,
    headline,
)
from steelyard.backtest.sweep.splits import DAY_NS
from steelyard.backtest.sweep.trials import Part


def test_the_best_stands_with_its_neighbours_and_a_map():
    found = report(whole())
    assert found.best.params == {"fast": 4, "slow": 30}
    assert found.best.objective == 2.0
    assert found.steadiest.params == found.best.params
    assert found.around_best.neighbours == 8
    assert found.around_best.kept_share > 0.9
    assert [(each.x, each.y, each.best) for each in found.maps] == [("fast", "slow", (3, 2))]
    assert [line.objective for line in found.top] == sorted(
        (line.objective for line in found.top), reverse=True
    )
    assert sum(each.trials for each in found.spread) == found.ended == 28
    assert headline(found) == "best: sharpe 2 with fast = 4, slow = 30, of 28 trials"


def test_a_document_is_read_back_as_it_was_written():
    found = report(whole())
    assert msgspec.json.decode(msgspec.json.encode(found), type=SweepReport) == found


def test_luck_is_the_deflated_sharpe_ratio_over_all_trials():
    """As `backtest.overfit` has it, with ratios of a day."""
    chance = Random(3)
    rows = [row(at, figures(chance.gauss(0, 1)), n) for n, at in enumerate(SPACE.all())]
    found = report(rows)
    daily = [each.figures["sharpe"] / math.sqrt(365) for each in rows]
    mean = sum(daily) / len(daily)
    deviation = math.sqrt(sum((each - mean) ** 2 for each in daily) / (len(daily) - 1))
    expected = overfit.deflated_sharpe(max(daily), 100, 0.1, 3.5, 28, deviation)
    assert found.luck.probability == pytest.approx(expected, rel=1e-12)
    assert found.luck.trials == 28
    assert any("Of 28 worthless trials" in said for said in found.warnings)


def test_without_the_figures_for_it_nothing_is_said_of_luck():
    assert report(whole(skew=None)).luck is None
    assert report(whole()[:2]).luck is None
    assert report(whole(days=1.0)).luck is None


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        (whole()[:5], {"trials": 28}, "It was stopped: 5 of 28 trials have ended"),
        ([*whole()[:-1], row((6, 3), "ValueError: x", 27)], {}, "1 of 28 trials failed"),
        ([row((0, 0), "ValueError: x", 0)], {}, "No trial can be chosen"),
        (whole(trades=3.0), {}, "The best made 3 trades"),
        (
            [row(at, figures(2.0 if at == (3, 2) else 0.1), n) for n, at in enumerate(SPACE.all())],
            {},
            "The best stands alone: its 8 neighbours keep 5% of its sharpe",
        ),
        (
            [row(at, figures(hill(at, (6, 2))), n) for n, at in enumerate(SPACE.all())],
            {},
            "lies at the edge of what was tried (fast = 7)",
        ),
        (whole(), {}, "chosen with hindsight"),
    ],
)
def test_what_makes_one_doubt_it_is_said(rows, more, said):
    assert any(said in each for each in report(rows, **more).warnings)


def test_a_good_sweep_is_doubted_for_its_hindsight_alone():
    said = report(whole(days=1000.0)).warnings
    assert len(said) == 1
    assert "hindsight" in said[0]


def test_trials_with_too_few_trades_are_not_chosen():
    rows = [row(at, figures(hill(at), trades=at[0] * 10.0), n) for n, at in enumerate(SPACE.all())]
    assert report(rows, trades_min=60).best.params["fast"] == 7
    assert report(rows, trades_min=61).best is None


def test_a_figure_that_is_better_when_it_is_less():
    rows = [row(at, {"drawdown": 0.5 - hill(at) / 10}, n) for n, at in enumerate(SPACE.all())]
    less = Choice(Objective("drawdown", is_more_better=False))
    found = document(
        about("drawdown", "min"), Found(SPACE, less, (), WHOLE, 28, {r.key: r for r in rows})
    )
    assert found.best.objective == pytest.approx(0.3)
    assert found.around_best.median > 0.3
    assert found.top[0].objective < found.top[1].objective
    assert min(min(each) for each in found.maps[0].medians) == pytest.approx(0.3)


def test_walking_forward_tells_each_choice_and_its_test():
    """The best is that of the last fold: what one would trade now."""
    found = report(walked([1.0, 0.5, 1.5, 1.0]), FOLDS)
    walk = found.walk_forward
    assert [line.chosen.params["fast"] for line in walk.folds] == [1, 2, 3, 4]
    assert [line.tested.objective for line in walk.folds] == [1.0, 0.5, 1.5, 1.0]
    assert found.best.params["fast"] == 4
    assert {line.fold for line in found.top} == {3}
    assert (walk.tested, walk.gained) == (4, 4)
    assert walk.efficiency_share == pytest.approx(0.1 / 0.2)
    assert walk.return_share == pytest.approx(1.05 * 1.025 * 1.075 * 1.05 - 1)
    assert (walk.objective_train, walk.objective_test) == (2.0, 1.0)
    assert walk.unused_ns == 100 * DAY_NS - FOLDS[-1].test.end_ns
    assert not any("hindsight" in said for said in found.warnings)
    assert not any("Only" in said for said in found.warnings)


def test_tests_that_lose_are_said():
    found = report(walked([-1.0, 0.5, -1.5, -2.0]), FOLDS)
    assert found.walk_forward.gained == 1
    assert "Only 1 of 4 tests gained anything." in found.warnings
    assert any("the tests kept -50%" in said for said in found.warnings)


def test_a_test_that_failed_is_told_and_not_joined():
    rows = walked([1.0, 1.0, 1.0, 1.0])
    rows[-1] = row(rows[-1].at, "ValueError: x", rows[-1].number, 3, Part.TEST)
    walk = report(rows, FOLDS).walk_forward
    assert walk.folds[-1].test_failure == "ValueError: x"
    assert (walk.tested, walk.return_share) == (3, None)


def test_of_nothing_a_report_is_made_all_the_same():
    found = report([], trials=28)
    assert (found.best, found.steadiest, found.luck, found.spread) == (None, None, None, ())
    assert headline(found) == "0 trials, and none that can be chosen"
    assert report([], FOLDS, trials=9).walk_forward.tested == 0
