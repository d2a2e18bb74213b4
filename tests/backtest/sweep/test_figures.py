"""Figures by name: what can be an objective, and which way it is better."""

import math
from decimal import Decimal

import pytest

from steelyard.backtest.sweep.figures import (
    FIGURES,
    Objective,
    cleaned,
    parse_objective,
    shown_figure,
)
from steelyard.domain.errors import ConfigError


def test_an_objective_knows_its_direction_unless_told():
    assert parse_objective("sharpe", None) == Objective("sharpe", is_more_better=True)
    assert parse_objective("drawdown", None) == Objective("drawdown", is_more_better=False)
    assert parse_objective("drawdown", "max") == Objective("drawdown", is_more_better=True)


def test_a_wrong_objective_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'sharpe'"):
        parse_objective("sharp", None)
    with pytest.raises(ConfigError, match='write "max" or "min"'):
        parse_objective("sharpe", "up")


def test_more_is_better_once_it_is_signed():
    """And back again."""
    shallow = Objective("drawdown", is_more_better=False)
    assert shallow.value({"drawdown": 0.1}) > shallow.value({"drawdown": 0.3})
    assert shallow.plain(shallow.value({"drawdown": 0.3})) == 0.3
    assert shallow.value({"drawdown": None}) is None
    assert shallow.value({}) is None
    assert shallow.value(None) is None


def test_what_is_no_number_is_absent():
    """NaN and infinity never reach a record; what is no figure at all is a mistake."""
    found = cleaned({"a": math.nan, "b": math.inf, "c": 3, "d": Decimal("1.5"), "e": None})
    assert found == {"a": None, "b": None, "c": 3.0, "d": 1.5, "e": None}
    with pytest.raises(TypeError, match="the figure a is 'x'"):
        cleaned({"a": "x"})


def test_figures_are_shown_as_people_read_them():
    shown = [("return", 0.1234), ("sharpe", 1.23456), ("trades", 1200.0), ("fees", None)]
    assert [shown_figure(*each) for each in shown] == ["12.34%", "1.235", "1,200", "-"]
    assert "profit" in FIGURES
