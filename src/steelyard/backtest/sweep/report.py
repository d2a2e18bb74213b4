"""What a sweep has found, for programs and for the page: one document, made from its rows.

The best trial stands beside what makes one doubt it: its neighbours, how good the best of so many
worthless ones would have been (the deflated Sharpe ratio), and, walking forward, what became of
each choice on data that it was not chosen by. Where the objective is signed inside (more is
better), the document has it as people know it.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median, stdev
from typing import Any, NamedTuple

from msgspec import Struct

from steelyard.backtest.overfit import Permuted, Shuffled, deflated_sharpe, expected_max_sharpe
from steelyard.backtest.sweep.figures import FIGURES, Figures, Objective, shown_figure
from steelyard.backtest.sweep.plan import Choice
from steelyard.backtest.sweep.space import At, Space, shown
from steelyard.backtest.sweep.splits import Fold, Span, unused_ns
from steelyard.backtest.sweep.surface import (
    HeatMap,
    Neighbourhood,
    heat_maps,
    index,
    neighbourhood,
    steadiest,
)
from steelyard.backtest.sweep.trials import Key, Part, Row, failures

VERSION = 1
TOP = 20  # trials that are listed
FAILURES_MAX = 20  # kinds of failure that are listed
POINTS_MAX = 20_000  # trials that a map of surfaces is made of at most; the best ones
YEAR_DAYS = 365
TRADES_FEW = 30
LIKELY = 0.95
KEPT_FEW = 0.5
_LEAST = 3  # trials for a deviation that says anything


class TrialLine(Struct, frozen=True, kw_only=True):
    """One trial. figures are those of `figures.FIGURES`, as far as the run had them."""

    fold: int
    number: int
    params: dict[str, Any]
    objective: float | None
    figures: Figures


class Luck(Struct, frozen=True, kw_only=True):
    """The best Sharpe ratio against what luck shows in so many trials; ratios are of a day.

    probability is the deflated Sharpe ratio: that the true ratio is above expected_max.
    """

    trials: int
    sharpe: float
    expected_max: float
    probability: float


class FoldLine(Struct, frozen=True, kw_only=True):
    """One step of walking forward; chosen and tested are absent where nothing could be chosen."""

    fold: int
    train: Span
    test: Span
    trials: int
    failed: int
    chosen: TrialLine | None
    tested: TrialLine | None
    test_failure: str | None
    luck: Luck | None


class WalkForwardLine(Struct, frozen=True, kw_only=True):
    """All tests together, of which no part was chosen by hindsight.

    efficiency_share is the yearly return of the tests over that of the trainings that chose them;
    objective_... are medians over the folds.
    """

    folds: tuple[FoldLine, ...]
    tested: int
    gained: int  # tests whose return is above zero
    return_share: float | None  # of all tests, one after the other
    efficiency_share: float | None
    objective_train: float | None
    objective_test: float | None
    unused_ns: int


class Failure(Struct, frozen=True, kw_only=True):
    """A kind of failure, by the last line of what the trials said."""

    said: str
    trials: int
    example: dict[str, Any]
    text: str


class AxisLine(Struct, frozen=True, kw_only=True):
    """A parameter and the values that were let in."""

    name: str
    values: tuple[str, ...]
    is_ordered: bool


class Doubts(Struct, frozen=True, kw_only=True):
    """What shuffling makes of the best trial's run; absent where the run has too little for it."""

    order: Shuffled | None = None  # of its trades
    signals: Permuted | None = None
    absent: str | None = None  # why, where something is


class About(Struct, frozen=True, kw_only=True):
    """Which sweep it was."""

    name: str
    strategy: str
    fixed: dict[str, Any]
    data: str
    method: str
    objective: str
    direction: str  # max or min
    seed: int
    span: Span
    constraints: tuple[str, ...] = ()
    assumptions: tuple[tuple[str, str], ...] = ()
    version: str = ""


class SweepReport(Struct, frozen=True, kw_only=True):
    """The whole document; `sweep.json` is this."""

    schema: int = VERSION
    about: About
    axes: tuple[AxisLine, ...]
    combinations: int
    trials: int  # planned
    ended: int
    failed: int
    is_partial: bool
    seconds: float  # that trials took, all added up
    best: TrialLine | None
    around_best: Neighbourhood | None
    steadiest: TrialLine | None
    around_steadiest: Neighbourhood | None
    luck: Luck | None
    doubts: Doubts
    top: tuple[TrialLine, ...]
    maps: tuple[HeatMap, ...]
    walk_forward: WalkForwardLine | None
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]


class Found(NamedTuple):
    """What a document is made of."""

    space: Space
    choice: Choice
    folds: tuple[Fold, ...]
    whole: Span
    trials: int
    rows: Mapping[Key, Row]

    @property
    def trained(self) -> list[Row]:
        """The rows that are chosen from, in order."""
        rows = (row for row in self.rows.values() if row.part is Part.TRAIN)
        return sorted(rows, key=lambda row: row.key)

    @property
    def best(self) -> Row | None:
        """What one would trade now: the best of all, walking forward that of the last fold."""
        last = len(self.folds) - 1
        return self.choice.best(row for row in self.trained if not self.folds or row.fold == last)


def document(about: About, found: Found, doubts: Doubts | None = None) -> SweepReport:
    """Return the report of the rows that there are, whether all have ended or not."""
    objective = found.choice.objective
    trained = found.trained
    by_place = _by_place(trained, found.choice)
    points = {at: median(value for value, _ in pairs) for at, pairs in by_place.items()}
    best = found.best
    surface = index(found.space, points)
    steady = steadiest(surface)
    steady_row = None if steady is None else by_place[steady][-1][1]
    ranked = sorted(
        ((value, row) for pairs in by_place.values() for value, row in pairs[-1:]),
        key=lambda pair: (-points[pair[1].at], pair[1].key),
    )
    ended = len(found.rows)
    walk = _walk_forward(found) if found.folds else None
    of_best = [row for row in trained if best is not None and row.fold == best.fold]
    report = SweepReport(
        about=about,
        axes=tuple(
            AxisLine(
                name=axis.name,
                values=tuple(axis.text(place) for place in range(len(axis.values))),
                is_ordered=axis.is_ordered,
            )
            for axis in found.space.axes
        ),
        combinations=found.space.size,
        trials=found.trials,
        ended=ended,
        failed=sum(row.failure is not None for row in found.rows.values()),
        is_partial=ended < found.trials,
        seconds=sum(row.seconds for row in found.rows.values()),
        best=None if best is None else _trial(best, objective),
        around_best=None if best is None else neighbourhood(surface, best.at, objective),
        steadiest=None if steady_row is None else _trial(steady_row, objective),
        around_steadiest=None if steady is None else neighbourhood(surface, steady, objective),
        luck=None if best is None else luck_of(best, of_best),
        doubts=Doubts() if doubts is None else doubts,
        top=tuple(_trial(row, objective) for _, row in ranked[:TOP]),
        maps=heat_maps(found.space, points, objective, None if best is None else best.at),
        walk_forward=walk,
        failures=tuple(
            Failure(
                said=said,
                trials=len(rows),
                example=rows[0].params,
                text=rows[0].failure or "",
            )
            for said, rows in list(failures(found.rows.values()).items())[:FAILURES_MAX]
        ),
        warnings=(),
    )
    return _with_warnings(report, found)


def luck_of(best: Row, rows: Sequence[Row]) -> Luck | None:
    """Return how the best compares with luck; None where the runs do not have the figures."""
    figures = best.figures or {}
    needed = [figures.get(name) for name in ("sharpe", "days", "skew", "kurtosis")]
    yearly = [found for row in rows if (found := (row.figures or {}).get("sharpe")) is not None]
    if len(yearly) < _LEAST or any(value is None for value in needed):
        return None
    sharpe, days, skew, kurtosis = (value for value in needed if value is not None)
    if days < 2:  # noqa: PLR2004 a deviation needs two
        return None
    a_day = math.sqrt(YEAR_DAYS)
    deviation = stdev(value / a_day for value in yearly)
    return Luck(
        trials=len(yearly),
        sharpe=sharpe / a_day,
        expected_max=expected_max_sharpe(len(yearly), deviation),
        probability=deflated_sharpe(
            sharpe / a_day, int(days), skew, kurtosis, len(yearly), deviation
        ),
    )


def _by_place(rows: Sequence[Row], choice: Choice) -> dict[At, list[tuple[float, Row]]]:
    """Return values and rows by place, of all folds; the best `POINTS_MAX` places."""
    found: dict[At, list[tuple[float, Row]]] = {}
    for row in rows:
        if (value := choice.value(row)) is not None:
            found.setdefault(row.at, []).append((value, row))
    if len(found) <= POINTS_MAX:
        return found
    kept = sorted(found, key=lambda at: -median(value for value, _ in found[at]))[:POINTS_MAX]
    return {at: found[at] for at in kept}


def _trial(row: Row, objective: Objective) -> TrialLine:
    figures = row.figures or {}
    return TrialLine(
        fold=row.fold,
        number=row.number,
        params=row.params,
        objective=figures.get(objective.name),
        figures=figures,
    )


def _walk_forward(found: Found) -> WalkForwardLine:
    objective = found.choice.objective
    lines = []
    for number, fold in enumerate(found.folds):
        rows = [row for row in found.trained if row.fold == number]
        chosen = found.choice.best(rows)
        key = None if chosen is None else Key(number, Part.TEST, chosen.number)
        tested = None if key is None else found.rows.get(key)
        has_figures = tested is not None and tested.figures is not None
        lines.append(
            FoldLine(
                fold=number,
                train=fold.train,
                test=fold.test,
                trials=len(rows),
                failed=sum(row.failure is not None for row in rows),
                chosen=None if chosen is None else _trial(chosen, objective),
                tested=_trial(tested, objective) if tested is not None and has_figures else None,
                test_failure=None if tested is None else tested.failure,
                luck=None if chosen is None else luck_of(chosen, rows),
            )
        )
    pairs = [(line.chosen, line.tested) for line in lines if line.chosen and line.tested]
    tests = [test for _, test in pairs]
    returns = [test.figures.get("return") for test in tests]
    known = [value for value in returns if value is not None]
    return WalkForwardLine(
        folds=tuple(lines),
        tested=len(tests),
        gained=sum(value > 0 for value in known),
        return_share=math.prod(1 + value for value in known) - 1
        if known and len(known) == len(found.folds)
        else None,
        efficiency_share=_efficiency(pairs),
        objective_train=_median([chosen.objective for chosen, _ in pairs]),
        objective_test=_median([test.objective for test in tests]),
        unused_ns=unused_ns(found.whole, found.folds),
    )


def _efficiency(pairs: Sequence[tuple[TrialLine, TrialLine]]) -> float | None:
    """Return the mean yearly return of tests over that of trainings; None where that is none."""
    both = [
        (train, test)
        for chosen, tested in pairs
        if (train := chosen.figures.get("annual_return")) is not None
        and (test := tested.figures.get("annual_return")) is not None
    ]
    if not both:
        return None
    trained = fmean(train for train, _ in both)
    return fmean(test for _, test in both) / trained if trained > 0 else None


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


# --- what hurts ---------------------------------------------------------------------------------


def _with_warnings(report: SweepReport, found: Found) -> SweepReport:
    said = [*_of_run(report), *_of_best(report, found), *_of_walk(report)]
    fields = {name: getattr(report, name) for name in report.__struct_fields__}
    return SweepReport(**{**fields, "warnings": tuple(said)})


def _of_run(report: SweepReport) -> list[str]:
    said = []
    if report.is_partial:
        said.append(
            f"It was stopped: {report.ended:,} of {report.trials:,} trials have ended. "
            "The same command goes on."
        )
    if report.failed:
        worst = report.failures[0]
        said.append(
            f"{report.failed:,} of {report.ended:,} trials failed, {worst.trials:,} of them with: "
            f"{worst.said}"
        )
    if report.best is None:
        said.append("No trial can be chosen: none has the objective, with trades enough to tell.")
    return said


def _of_best(report: SweepReport, found: Found) -> list[str]:
    best = report.best
    if best is None:
        return []
    said = []
    edges = [
        f"{axis.name} = {shown(best.params[axis.name])}"
        for axis in found.space.axes
        if axis.is_ordered
        and len(axis.values) > 2  # noqa: PLR2004 both of two are ends
        and shown(best.params[axis.name]) in {axis.text(0), axis.text(-1)}
    ]
    if edges:
        said.append(
            f"The best lies at the edge of what was tried ({', '.join(edges)}): a better one may "
            "lie beyond."
        )
    around = report.around_best
    if around is not None and around.kept_share is not None and around.kept_share < KEPT_FEW:
        said.append(
            f"The best stands alone: its {around.neighbours} neighbours keep "
            f"{around.kept_share:.0%} of its {report.about.objective} in the median. "
            "That is what luck looks like."
        )
    trades = best.figures.get("trades")
    if trades is not None and trades < TRADES_FEW:
        said.append(
            f"The best made {int(trades)} trades: too few to tell skill from luck "
            f"(trades_min in [sweep] leaves such trials out)."
        )
    if report.luck is not None and report.luck.probability < LIKELY:
        said.append(
            f"Of {report.luck.trials:,} worthless trials the best would show a Sharpe ratio of "
            f"{report.luck.expected_max * math.sqrt(YEAR_DAYS):.2f}; that this one is truly "
            f"better has a probability of {report.luck.probability:.0%}."
        )
    return said


def _of_walk(report: SweepReport) -> list[str]:
    walk = report.walk_forward
    if walk is None:
        if report.best is None:
            return []
        return [
            "Everything here was chosen with hindsight: no trial was tested on data that it was "
            "not chosen by. [sweep.walk_forward] does that."
        ]
    said = []
    if walk.tested and walk.gained * 2 < walk.tested:
        said.append(f"Only {walk.gained} of {walk.tested} tests gained anything.")
    if walk.efficiency_share is not None and walk.efficiency_share < KEPT_FEW:
        said.append(
            f"Of the yearly return that was chosen, the tests kept {walk.efficiency_share:.0%}."
        )
    failed = sum(line.test_failure is not None for line in walk.folds)
    if failed:
        said.append(f"{failed} of {len(walk.folds)} tests failed.")
    return said


def headline(report: SweepReport) -> str:
    """Return in one line what was found."""
    name = report.about.objective
    if report.best is None:
        return f"{report.ended:,} trials, and none that can be chosen"
    params = ", ".join(f"{key} = {shown(value)}" for key, value in report.best.params.items())
    value = shown_figure(name, report.best.objective)
    where = " in the last training" if report.walk_forward else ""
    of = f"of {report.ended:,} trials"
    assert name in FIGURES, "objectives are figures"
    return f"best{where}: {name} {value} with {params}, {of}"
