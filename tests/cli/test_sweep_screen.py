"""What a person sees of a sweep on a terminal."""

from io import StringIO

import msgspec
from rich.console import Console
from sweep_samples import FOLDS, SPACE, WHOLE, report, row, walked, whole
from sweep_standin import SHARPE

from steelyard.backtest.sweep.plan import Choice, Plan
from steelyard.backtest.sweep.search import Grid
from steelyard.backtest.sweep.trials import Job, Key, Part, row_of
from steelyard.cli.sweep_screen import Bar, tables


def shown(found, width: int = 120) -> str:
    out = StringIO()
    Console(file=out, width=width, color_system=None).print(tables(found))
    return out.getvalue()


def test_the_best_its_map_and_its_doubts_are_shown():
    text = shown(report(whole()))
    assert "best: sharpe 2 with fast = 4, slow = 30, of 28 trials" in text
    assert "sharpe, median by fast → and slow ↓" in text
    assert "2*" in text
    assert "! Everything here was chosen with hindsight" in text


def test_folds_are_shown():
    text = shown(report(walked([1.0, 0.5, -1.5, 1.0]), FOLDS))
    assert "walking forward" in text
    assert "fast=4, slow=30" in text
    assert "3 of 4 gained" in text


def test_of_nothing_it_is_said():
    text = shown(report([row((0, 0), "x\nValueError: no", 0)]))
    assert "none that can be chosen" in text
    assert "ValueError: no" in text


def test_a_strangers_text_is_read_and_not_obeyed():
    found = report([row((0, 0), "ValueError: \x1b[2J[red]no[/]", 0), *whole()[1:]])
    evil = msgspec.structs.replace(found, warnings=(*found.warnings, "\x1b]0;x\x07[bold]"))
    text = shown(evil)
    assert "\x1b" not in text
    assert "[red]no[/]" in text
    assert "[bold]" in text


def test_the_bar_counts_and_names_the_best():
    """What failed is counted, too, and does not become the best."""
    out = StringIO()
    bar = Bar(Console(file=out, width=120, force_terminal=True))
    grid = Grid(SPACE)
    plan = Plan(SPACE, WHOLE, (), (grid,), Choice(SHARPE), grid.round_size, {})
    bar.begin("2 processes", 0, plan.total)
    bar.ended(row((0, 0), {"sharpe": 1.5}, 0), plan)
    bar.ended(row((0, 1), "no", 1), plan)
    bar.ended(row_of(Job(Key(0, Part.TEST, 0), (0, 0), WHOLE), {}, {"sharpe": 9.0}), plan)
    bar.end()
    text = out.getvalue()
    assert "2 processes" in text
    assert "3/28" in text
    assert "best sharpe 1.5, " in text
    assert "1 failed" in text
