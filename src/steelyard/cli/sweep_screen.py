"""What a person sees of a sweep: a bar while it runs, then tables.

The bar is on standard error and only on a terminal. Everything that comes from a configuration or a
strategy goes through `shown`: it is read, never obeyed.
"""

from rich.console import Console, Group, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.style import Style
from rich.table import Table
from rich.text import Text

from steelyard.backtest.sweep.color import is_light, rgb
from steelyard.backtest.sweep.figures import FIGURES, shown_figure
from steelyard.backtest.sweep.plan import Plan
from steelyard.backtest.sweep.report import SweepReport, TrialLine, headline, shuffled
from steelyard.backtest.sweep.space import shown as shown_value
from steelyard.backtest.sweep.surface import HeatMap
from steelyard.backtest.sweep.trials import Part, Row
from steelyard.cli.options import shown_time
from steelyard.cli.sweep_run import Screen
from steelyard.cli.terminal import harmless

TOP = 10
COLUMNS = ("return", "drawdown", "sharpe", "trades")
CELL = 7  # letters of a map's cell
MAP_COLUMNS_MAX = 14
MAPS_MAX = 3


class Bar(Screen):
    """A line on a terminal that says how far it is and how long it will take."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._failed = 0
        self._best: float | None = None

    def begin(self, about: str, done: int, total: int) -> None:
        """Draw it."""
        self._task = self._progress.add_task(about, total=total, completed=done, note="")
        self._progress.start()

    def ended(self, row: Row, plan: Plan) -> None:
        """Go one further."""
        assert self._task is not None, "it has begun"
        self._failed += row.failure is not None
        value = plan.choice.value(row)
        if row.part is Part.TRAIN and value is not None:
            self._best = value if self._best is None else max(self._best, value)
        notes = []
        if self._best is not None:
            objective = plan.choice.objective
            best = shown_figure(objective.name, objective.plain(self._best))
            notes.append(f"best {objective.name} {best}")
        if self._failed:
            notes.append(f"[red]{self._failed} failed[/]")
        # A search that learns may find fewer trials than it was given.
        self._progress.update(self._task, advance=1, note=", ".join(notes))

    def end(self) -> None:
        """Take it away."""
        self._progress.stop()


def tables(report: SweepReport) -> Group:
    """Return what a person reads at the end."""
    parts: list[RenderableType] = [Text(harmless(headline(report)), style="bold")]
    if report.top:
        parts.append(_top(report))
    parts += [_map(found, report.about.objective) for found in _widest(report)]
    if report.walk_forward is not None:
        parts.append(_folds(report))
    parts.append(_facts(report))
    parts += [Text(harmless(f"! {said}"), style="yellow") for said in report.warnings]
    return Group(*parts)


def _top(report: SweepReport) -> Table:
    name = report.about.objective
    table = Table(title="the best trials", title_justify="left", box=None, pad_edge=False)
    params = [axis.name for axis in report.axes]
    figures = [name, *(column for column in COLUMNS if column != name)]
    table.add_column("trial", justify="right")
    for column in (*params, *figures):
        table.add_column(harmless(column), justify="right")
    for line in report.top[:TOP]:
        values = [harmless(shown_value(line.params.get(each, ""))) for each in params]
        found = [shown_figure(each, line.figures.get(each)) for each in figures]
        table.add_row(_number(line, report), *map(Text, (*values, *found)))
    return table


def _number(line: TrialLine, report: SweepReport) -> str:
    return f"{line.fold}/{line.number}" if report.walk_forward is not None else str(line.number)


def _widest(report: SweepReport) -> list[HeatMap]:
    """Return the maps that fit on a terminal."""
    fitting = [each for each in report.maps if len(each.x_labels) <= MAP_COLUMNS_MAX]
    return fitting[:MAPS_MAX]


def _map(found: HeatMap, objective: str) -> Table:
    title = f"{objective}, median by {found.x} →" + (f" and {found.y} ↓" if found.y else "")
    table = Table(title=harmless(title), title_justify="left", box=None, padding=(0, 0))
    table.add_column("", justify="right")
    for label in found.x_labels:
        table.add_column(Text(harmless(label)), justify="center", min_width=CELL)
    known = [value for row in found.medians for value in row if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    is_more_better = FIGURES[objective].is_more_better
    for place, (label, row) in enumerate(zip(found.y_labels, found.medians, strict=True)):
        cells = []
        for column, value in enumerate(row):
            if value is None:
                cells.append(Text("·".center(CELL), style="dim"))
                continue
            share = 1.0 if high == low else (value - low) / (high - low)
            back = rgb(share if is_more_better else 1 - share)
            mark = "*" if found.best == (column, place) else ""
            text = f"{shown_figure(objective, value)}{mark}".center(CELL)
            letters = "black" if is_light(back) else "white"
            style = Style(color=letters, bgcolor="#{:02x}{:02x}{:02x}".format(*back))
            cells.append(Text(text, style=style))
        table.add_row(Text(harmless(label) + " "), *cells)
    return table


def _folds(report: SweepReport) -> Table:
    walk, name = report.walk_forward, report.about.objective
    assert walk is not None, "asked only if it is there"
    table = Table(title="walking forward", title_justify="left", box=None, pad_edge=False)
    for column in ("test from", "to", "chosen", f"{name} train", f"{name} test", "return test"):
        table.add_column(harmless(column), justify="right")
    for line in walk.folds:
        chosen, tested = line.chosen, line.tested
        params = "-"
        if chosen is not None:
            params = ", ".join(f"{key}={shown_value(v)}" for key, v in chosen.params.items())
        table.add_row(
            shown_time(line.test.start_ns // 1_000_000)[:10],
            shown_time(line.test.end_ns // 1_000_000)[:10],
            Text(harmless(params)),
            shown_figure(name, None if chosen is None else chosen.objective),
            shown_figure(name, None if tested is None else tested.objective),
            shown_figure("return", None if tested is None else tested.figures.get("return")),
        )
    return table


def _facts(report: SweepReport) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    rows: list[tuple[str, str]] = []
    around = report.around_best
    if around is not None and around.neighbours:
        kept = "" if around.kept_share is None else f", {around.kept_share:.0%} of the best"
        middle = shown_figure(report.about.objective, around.median)
        rows.append(("neighbours", f"{around.neighbours}, median {middle}{kept}"))
    if report.steadiest is not None:
        params = ", ".join(f"{k} = {shown_value(v)}" for k, v in report.steadiest.params.items())
        rows.append(("steadiest", params))
    if report.luck is not None:
        rows.append(
            ("deflated Sharpe", f"{report.luck.probability:.1%} over {report.luck.trials:,} trials")
        )
    rows += shuffled(report)
    walk = report.walk_forward
    if walk is not None:
        kept = "-" if walk.efficiency_share is None else f"{walk.efficiency_share:.0%}"
        rows.append(("walk-forward efficiency", kept))
        joined = shown_figure("return", walk.return_share)
        rows.append(("tests", f"{walk.gained} of {walk.tested} gained, together {joined}"))
    rows.append(("trials", f"{report.ended:,} of {report.trials:,}, {report.failed:,} failed"))
    for name, text in rows:
        table.add_row(name, Text(harmless(text)))
    return table
