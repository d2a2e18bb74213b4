"""The table of figures, and that it and the docs name the same ones."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from backtests import random_run, result_of

from steelyard.backtest.figures import FIGURES, Unit, figures
from steelyard.backtest.metrics import measure

DOCS = Path(__file__).parents[2] / "docs" / "concepts" / "report.md"


@pytest.mark.parametrize("result", [random_run(1, 40), result_of()], ids=["a run", "nothing"])
def test_each_figure_has_a_value_of_its_unit_or_a_reason(result):
    """Money is plain decimal text, counts and times are whole, the rest are floats."""
    for figure in figures(measure(result)):
        match figure.unit, figure.value:
            case _, None:
                assert figure.why not in (None, "", "not known"), figure.name
            case ((Unit.QUOTE | Unit.BASE), value):
                assert re.fullmatch(r"-?\d+(\.\d+)?", value), figure.name
                assert Decimal(value).is_finite()
            case ((Unit.COUNT | Unit.TIME), value):
                assert type(value) is int, figure.name
            case _, value:
                assert type(value) is float, figure.name


def test_names_are_single():
    names = [row.name for row in FIGURES]
    assert len(set(names)) == len(names)
    labels = [row.label for row in FIGURES]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("row", FIGURES, ids=lambda row: row.name)
def test_the_docs_define_each_figure(row):
    """docs/concepts/report.md has its label and its name in the JSON."""
    assert f"| {row.label} | `{row.name}` |" in DOCS.read_text()
