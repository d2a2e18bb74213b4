"""Running a sweep to its end: trials are given out, recorded as they end, and reported.

What is run is handed in (`Sweep`): this module knows no backtest and no configuration file. It goes
on where a record stops, and stops in order: on Ctrl-C whatever runs is ended, what has ended is
kept and reported, and the same command goes on.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from steelyard.backtest.report import Overfit
from steelyard.backtest.sweep import report
from steelyard.backtest.sweep.page import page
from steelyard.backtest.sweep.plan import Choice, Plan
from steelyard.backtest.sweep.report import About, Found, SweepReport
from steelyard.backtest.sweep.search import Search
from steelyard.backtest.sweep.space import Space, shown
from steelyard.backtest.sweep.splits import Fold, Span
from steelyard.backtest.sweep.trials import Header, Row, row_of
from steelyard.cli.sweep_cell import Payload, Work
from steelyard.cli.sweep_files import TrialFile
from steelyard.cli.sweep_workers import Task, check_installed, workers_of
from steelyard.store.datadir import write_atomically

JSON, PAGE = "sweep.json", "sweep.html"

Doubt = Callable[[dict[str, Any], Span, int, float | None], Overfit | None]


class Sweep(NamedTuple):
    """All that a sweep is, checked.

    doubt runs the best once more, given how many trials it is the best of and the deviation of
    their daily Sharpe ratios, for what shuffling makes of it.
    """

    about: About
    header: Header
    space: Space
    whole: Span
    folds: tuple[Fold, ...]
    searches: tuple[Search, ...]
    choice: Choice
    trials: int  # of one search
    work: Work
    timeout_s: float
    doubt: Doubt | None = None


class Screen:
    """Shows how far a sweep is; this one shows nothing."""

    def begin(self, about: str, done: int, total: int) -> None:
        """Trials begin; so many have ended before."""

    def ended(self, row: Row, plan: Plan) -> None:
        """Another one has ended."""

    def end(self) -> None:
        """No more trials."""


class Done(NamedTuple):
    """What became of it."""

    report: SweepReport
    is_interrupted: bool


def run_sweep(
    sweep: Sweep,
    directory: Path,
    screen: Screen,
    *,
    workers: int = 0,
    scheduler: str | None = None,
    is_anew: bool = False,
) -> Done:
    """Run what is left of a sweep and write its report.

    Raises:
        ConfigError: The record is of another configuration, no trial can be run, or what runs them
            is not installed; then nothing is written.
        TransportError: The cluster is not there, or was lost.
    """
    is_interrupted = False
    check_installed(workers, scheduler)
    with TrialFile(directory, sweep.header, is_anew=is_anew) as file:
        plan = Plan(
            sweep.space,
            sweep.whole,
            sweep.folds,
            sweep.searches,
            sweep.choice,
            sweep.trials,
            file.rows,
        )
        try:
            if plan.next_jobs():
                _run(sweep, plan, file, screen, workers, scheduler)
        except KeyboardInterrupt:
            is_interrupted = True
        found = Found(sweep.space, sweep.choice, sweep.folds, sweep.whole, _total(plan), plan.rows)
        overfit = None if is_interrupted else _overfit(sweep, found)
        document = report.document(sweep.about, found, overfit)
        write_atomically(directory / JSON, msgspec.json.encode(document))
        write_atomically(directory / PAGE, page(document))
    return Done(document, is_interrupted)


def _run(
    sweep: Sweep,
    plan: Plan,
    file: TrialFile,
    screen: Screen,
    workers: int,
    scheduler: str | None,
) -> None:
    space = sweep.space
    pool = workers_of(Payload.of(sweep.work), sweep.timeout_s, workers, scheduler)
    screen.begin(pool.about, len(plan.rows), plan.total)
    try:
        while jobs := plan.next_jobs():
            tasks = [Task(job, space.params(job.at)) for job in jobs]
            for job, ended in pool.run(tasks):
                row = row_of(
                    job, _plain(space.varied(job.at)), ended.result, ended.seconds, ended.worker
                )
                file.append(row)
                plan.take(row)
                screen.ended(row, plan)
    finally:
        pool.close()
        screen.end()


def _total(plan: Plan) -> int:
    """Return how many trials there are; all that have ended, once none is left."""
    return max(len(plan.rows), plan.total) if plan.next_jobs() else len(plan.rows)


def _overfit(sweep: Sweep, found: Found) -> Overfit | None:
    best = found.best
    if sweep.doubt is None or best is None:
        return None
    span = Span(best.start_ns, best.end_ns)
    trials, deviation = report.rivals(best, found)
    return sweep.doubt(sweep.space.params(best.at), span, trials, deviation)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as a record has them: numbers that are not whole are text."""
    return {
        name: value if isinstance(value, bool | int | str) else shown(value)
        for name, value in values.items()
    }
