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

from steelyard.backtest.overfit import deflated_sharpe, expected_max_sharpe
from steelyard.backtest.report import Overfit
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
BINS_MAX = 40
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


class Bin(Struct, frozen=True, kw_only=True):
    """How many trials have an objective from low to high."""

    low: float
    high: float
    trials: int


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
    overfit: Overfit | None  # of the best trial, run once more
    spread: tuple[Bin, ...]  # of the objective over all trials
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
        return self.choice.best(self.choosable)

    @property
    def choosable(self) -> list[Row]:
        """What it is the best of."""
        last = len(self.folds) - 1
        return [row for row in self.trained if not self.folds or row.fold == last]


def document(about: About, found: Found, overfit: Overfit | None = None) -> SweepReport:
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
        ((value, row) for row in found.choosable if (value := found.choice.value(row)) is not None),
        key=lambda pair: (-pair[0], pair[1].number),
    )
    ended = len(found.rows)
    walk = _walk_forward(found) if found.folds else None
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
        luck=None if best is None else luck_of(best, found),
        overfit=overfit,
        spread=_spread([objective.plain(value) for value in points.values()]),
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


def rivals(best: Row, found: Found) -> tuple[int, float | None]:
    """Return of how many trials the best was picked, and the deviation of their Sharpe ratios.

    Ratios are of a day; the deviation is None where there are too few.
    """
    daily = [
        value / math.sqrt(YEAR_DAYS)
        for row in found.trained
        if row.fold == best.fold and (value := (row.figures or {}).get("sharpe")) is not None
    ]
    return len(daily), stdev(daily) if len(daily) >= _LEAST else None


def luck_of(best: Row, found: Found) -> Luck | None:
    """Return how the best compares with luck; None where the runs do not have the figures."""
    figures = best.figures or {}
    sharpe, days = figures.get("sharpe"), figures.get("days")
    skew, kurtosis = figures.get("skew"), figures.get("kurtosis")
    trials, deviation = rivals(best, found)
    if sharpe is None or days is None or skew is None or kurtosis is None or deviation is None:
        return None
    if days < 2:  # noqa: PLR2004 a deviation needs two
        return None
    daily = sharpe / math.sqrt(YEAR_DAYS)
    return Luck(
        trials=trials,
        sharpe=daily,
        expected_max=expected_max_sharpe(trials, deviation),
        probability=deflated_sharpe(daily, int(days), skew, kurtosis, trials, deviation),
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


def _spread(values: Sequence[float]) -> tuple[Bin, ...]:
    """Return how values are spread, in bins of the same width."""
    if not values:
        return ()
    low, high = min(values), max(values)
    if low == high:
        return (Bin(low=low, high=high, trials=len(values)),)
    count = min(BINS_MAX, max(_LEAST, round(2 * len(values) ** 0.5)))
    counts = [0] * count
    for value in values:
        counts[min(count - 1, int((value - low) / (high - low) * count))] += 1
    edges = [low + (high - low) * edge / count for edge in range(count)] + [high]
    return tuple(
        Bin(low=edges[place], high=edges[place + 1], trials=trials)
        for place, trials in enumerate(counts)
    )


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
                luck=None if chosen is None else luck_of(chosen, found),
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
        hindsight = (
            "Everything here was chosen with hindsight: no trial was tested on data that it was "
            "not chosen by. [sweep.walk_forward] does that."
        )
        return [hindsight]
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


def shuffled(report: SweepReport) -> list[tuple[str, str]]:
    """Return what shuffling made of the best trial, as names and sentences."""
    overfit, rows = report.overfit, list[tuple[str, str]]()
    if overfit is None:
        return rows
    if overfit.order is not None:
        order = overfit.order
        said = (
            f"drawdown {order.median_drawdown_share:.1%} in the median, "
            f"{order.p95_drawdown_share:.1%} in one order of twenty "
            f"(it was {order.observed_drawdown_share:.1%})"
        )
        rows.append(
            (
                "trades in other orders",
                said,
            )
        )
    for name, found in (("signals", overfit.signals), ("wins", overfit.coin)):
        if found is not None:
            rows.append(
                (
                    f"{name} against chance",
                    f"chance alone is at least as good with a probability of {found.p_value:.1%}",
                )
            )
    return rows
