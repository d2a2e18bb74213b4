"""The table [sweep], and what is refused in it."""

import tomllib
from decimal import Decimal

import pytest

from steelyard.backtest.sweep.config import Method, SweepTable, parse_sweep
from steelyard.backtest.sweep.splits import DAY_NS
from steelyard.domain.errors import ConfigError

PARAMS = "[sweep.params]\nfast = [5, 10]\n"


def parsed(text: str, params: str = PARAMS) -> SweepTable:
    return parse_sweep(tomllib.loads(f"[sweep]\n{text}\n{params}", parse_float=Decimal))


def test_little_has_to_be_said():
    """A grid by its Sharpe ratio on all cores, with ten minutes for a trial."""
    table = parsed("")
    assert (table.method, table.ranked_by.name, table.workers) == (Method.GRID, "sharpe", 0)
    assert table.timeout_ns == 600 * 10**9
    assert table.walk_forward is None


def test_everything_can_be_said():
    table = parsed(
        'method = "optuna"\ntrials = 50\nobjective = "drawdown"\ndirection = "min"\nseed = 3\n'
        'batch = 4\ntrades_min = 20\nconstraints = ["fast < 9"]\nworkers = 2\ntimeout = "30s"\n'
        'walk_forward = { train = "90d", test = "30d", purge = "1d", embargo = "1h", '
        'horizon = "6h", anchored = true }'
    )
    assert not table.ranked_by.is_more_better
    walk = table.walk_forward.walk(7)
    assert (walk.train_ns, walk.test_ns, walk.step_ns) == (90 * DAY_NS, 30 * DAY_NS, 30 * DAY_NS)
    assert (walk.purge_ns, walk.embargo_ns, walk.is_anchored) == (DAY_NS, DAY_NS // 24, True)
    assert table.walk_forward.horizon_ns == DAY_NS // 4


def test_the_purge_is_what_the_strategy_reaches_over_unless_it_is_said():
    table = parsed('walk_forward = { train = "90d", test = "30d" }')
    assert table.walk_forward.walk(7).purge_ns == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('methid = "grid"', r"\[sweep\] 'methid'.*did you mean 'method'"),
        ('method = "gird"', r"\[sweep\] method: invalid enum value 'gird'"),
        ('method = "random"', "needs trials"),
        ("trials = 5", "a grid runs all combinations"),
        ('method = "random"\ntrials = -1', "trials is -1"),
        ('objective = "sharp"', "did you mean 'sharpe'"),
        ("seed = -1", "seed is -1"),
        ('seed = "x"', r"\[sweep\] seed: expected `int`, got `str`"),
        ("workers = 5000", "workers is 5000"),
        ("batch = 0", "batch is 0"),
        ('timeout = "soon"', r"\[sweep\] timeout: 'soon' is not a duration"),
        ('walk_forward = { train = "90d" }', "missing required field `test`"),
        ('walk_forward = { train = "90", test = "1d" }', r"walk_forward\] train: '90'"),
        ('walk_forward = { train = "90d", test = "1d", purg = "1d" }', "did you mean 'purge'"),
        ('walk_forward = { train = "90d", test = "1d", horizon = "x" }', "horizon: 'x'"),
    ],
)
def test_what_is_wrong_is_named_with_the_way_out(text, said):
    with pytest.raises(ConfigError, match=said):
        parsed(text)


def test_the_table_and_its_params_must_be_there():
    with pytest.raises(ConfigError, match=r"\[sweep\] is missing"):
        parse_sweep({})
    with pytest.raises(ConfigError, match="missing required field `params`"):
        parsed("", params="")


def test_who_works_on_it_is_no_part_of_what_it_is():
    """More workers may go on with a sweep; another seed may not."""
    identity = parsed("").identity
    assert parsed('workers = 2\ntimeout = "1s"').identity == identity
    assert parsed("seed = 2").identity != identity
    assert parsed("", params="[sweep.params]\nfast = [5]").identity != identity
