"""What a sweep varies, as it is written and as it is checked."""

import itertools
import tomllib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.sweep.space import Space, parse_axis, parse_space
from steelyard.domain.errors import ConfigError
from steelyard.strategies import SmaCross
from steelyard.trading.duration import Duration
from steelyard.trading.strategy import Strategy


class Many(Strategy):
    class Params(Strategy.Params, frozen=True, kw_only=True):
        needed: Decimal
        count: int = 3
        share: float = 0.5
        bar: Duration = Duration("1m")
        mode: str = "wide"
        is_on: bool = True


def space_of(text: str, fixed: dict | None = None, strategy: type[Strategy] = SmaCross) -> Space:
    table = tomllib.loads(text, parse_float=Decimal)
    return parse_space(
        table.get("params", {}), tuple(table.get("constraints", ())), fixed or {}, strategy
    )


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("[20, 5, 10]", (5, 10, 20)),
        ("[1.5, 0.5]", (Decimal("0.5"), Decimal("1.5"))),
        ('["0.10", "0.02"]', ("0.02", "0.10")),
        ('["1h", "5m"]', ("5m", "1h")),
        ('["wide", "narrow"]', ("wide", "narrow")),
        ("[true, false]", (True, False)),
        ("{ from = 5, to = 8 }", (5, 6, 7, 8)),
        ("{ from = 5, to = 20, step = 5 }", (5, 10, 15, 20)),
        ("{ from = 0.1, to = 0.3, step = 0.1 }", (Decimal("0.1"), Decimal("0.2"), Decimal("0.3"))),
        ('{ from = "0.01", to = "0.03", step = "0.01" }', ("0.01", "0.02", "0.03")),
        ('{ from = "1m", to = "2m", step = "30s" }', ("1m", "90s", "2m")),
        ("{ from = 1, to = 1000, log = true, points = 4 }", (1, 10, 100, 1000)),
        ("{ from = 1, to = 4, log = true, points = 9 }", (1, 2, 3, 4)),
        ('{ from = "0.01", to = "1", log = true, points = 3 }', ("0.01", "0.1", "1")),
        ("{ from = 7, to = 7 }", (7,)),
    ],
)
def test_an_axis_has_the_values_that_are_written(written, values):
    """Exact, rising, and of the same kind as in the configuration."""
    axis = parse_axis("x", tomllib.loads(f"x = {written}", parse_float=Decimal)["x"])
    assert axis.values == values
    assert [type(value) for value in axis.values] == [type(value) for value in values]
    has_order = not isinstance(values[0], bool) and "wide" not in values
    assert axis.is_ordered is has_order


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("5", r"write a list as \[5, 10, 20\]"),
        ("[]", "has 0 values"),
        ("[5, 5]", "has 5 twice"),
        ('["0.1", "0.10"]', "has 0.1 twice"),
        ("[[1]]", "which is no number"),
        ("[nan]", "is no amount"),
        ("{ from = 5 }", "without to"),
        ("{ to = 5 }", "without from"),
        ("{ from = 5, to = 1 }", "turn it round"),
        ("{ from = 5, to = 12, step = 5 }", "no step leads to 12; nearest: 10, 15"),
        ("{ from = 5, to = 10, step = 0 }", "must be above zero"),
        ("{ from = 0.5, to = 1.5 }", "without a step"),
        ("{ from = 1, to = 20000 }", "take a larger step"),
        ("{ from = 1, to = 9, stop = 2 }", "did you mean 'step'"),
        ("{ from = 1, to = 9, points = 2 }", "they go with log"),
        ("{ from = 1, to = 9, log = true, step = 2 }", "write points instead"),
        ("{ from = 0, to = 9, log = true }", "must be above zero"),
        ("{ from = 1, to = 9, log = true, points = 1 }", "from 2 to"),
        ('{ from = "1m", to = 5 }', "write both ends alike"),
        ('{ from = "1m", to = "5" }', "write both ends alike"),
        ('{ from = "a", to = "b" }', "write both ends alike"),
        ("{ from = inf, to = inf }", "no number and no duration"),
    ],
)
def test_an_axis_that_is_none_is_refused_with_the_way_out(written, said):
    with pytest.raises(ConfigError, match=said):
        parse_axis("x", tomllib.loads(f"x = {written}", parse_float=Decimal)["x"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("params = {}", "is empty"),
        ("params = { fats = [1] }", "did you mean 'fast'"),
        ("params = { fast = [1.5] }", "1.5 is not what the strategy takes: expected `int`"),
        ("params = { fast = [true] }", "expected `int`, got `bool`"),
        ('params = { bar = ["1x"] }', "'1x' is not a duration"),
        ("params = { bar = [5] }", "expected `Duration`, got `int`"),
        ("params = { fast = [1] }\nconstraints = ['fast < slo']", "did you mean 'slow'"),
    ],
)
def test_a_space_is_checked_against_the_strategy(text, said):
    """A wrong name or type is found before a trial is run, and not by each of them."""
    with pytest.raises(ConfigError, match=said):
        space_of(text)


def test_every_type_of_parameter_can_be_varied():
    """What is varied replaces what is fixed, and the strategy takes every combination."""
    space = space_of(
        """
        [params]
        needed = ["0.1", "0.2"]
        count = [1, 2]
        share = { from = 0.25, to = 0.75, step = 0.25 }
        bar = ["1m", "5m"]
        mode = ["wide", "narrow"]
        is_on = [true, false]
        """,
        {"count": 9},
        Many,
    )
    assert space.size == 2 * 2 * 3 * 2 * 2 * 2
    made = [Many(**space.params(at)).params for at in space.all()]
    assert len({(p.needed, p.count, p.share, p.bar, p.mode, p.is_on) for p in made}) == space.size
    assert {p.count for p in made} == {1, 2}


def test_a_constraint_sees_what_is_fixed_and_what_the_strategy_has_by_itself():
    """Slow is 30 if nobody says otherwise."""
    text = "params = { fast = [10, 20, 30, 40] }\nconstraints = ['fast < slow']"
    fasts = [space_of(text).varied(at)["fast"] for at in space_of(text).all()]
    assert fasts == [10, 20]
    fixed = space_of(text, {"slow": 40})
    assert [fixed.varied(at)["fast"] for at in fixed.all()] == [10, 20, 30]
    assert space_of("params = { fast = [10] }").fixed == {}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.data())
def test_combinations_are_numbered_without_gaps(lengths, data):
    """A number below the size is one combination, in the order in which all are listed."""
    axes = tuple(parse_axis(f"p{i}", [*range(n)]) for i, n in enumerate(lengths))
    space = Space(axes, {}, ())
    number = data.draw(st.integers(0, space.size - 1))
    assert list(space.all())[number] == space.at(number)


@given(
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.integers(2, 60),
    st.booleans(),
)
def test_a_logarithmic_range_rises_from_end_to_end(low, width, points, is_text):
    """Both ends are exact, every value is a different one, and none lies outside."""
    ends = {"from": low, "to": low + width}
    if is_text:
        ends = {key: f"{value / 100:.2f}" for key, value in ends.items()}
    values = parse_axis("x", {**ends, "log": True, "points": points}).values
    numbers = [Decimal(value) for value in values]
    assert (numbers[0], numbers[-1]) == tuple(Decimal(end) for end in ends.values())
    assert all(a < b for a, b in itertools.pairwise(numbers))
    assert 2 <= len(values) <= points


@given(st.integers(0, 10**6), st.integers(1, 10**4), st.integers(0, 300))
def test_a_range_has_every_step(low, step, count):
    values = parse_axis("x", {"from": low, "to": low + step * count, "step": step}).values
    assert values == tuple(range(low, low + step * count + 1, step))
