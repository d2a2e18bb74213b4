"""`steelyard sweep`: many backtests of one strategy, and what may be believed of the best."""

import sys
import tomllib
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console

from steelyard import __version__
from steelyard.backtest.columns import BarColumns
from steelyard.backtest.config import SignalsTable
from steelyard.backtest.settings import assumptions
from steelyard.backtest.sweep.config import Method, SweepTable, parse_sweep
from steelyard.backtest.sweep.plan import Choice
from steelyard.backtest.sweep.report import About
from steelyard.backtest.sweep.search import Grid, RandomSearch, Search, draw
from steelyard.backtest.sweep.space import Space, parse_space
from steelyard.backtest.sweep.splits import Fold, Span, split
from steelyard.backtest.sweep.trials import Header
from steelyard.cli.backtest import Prepared, prepare
from steelyard.cli.options import Common
from steelyard.cli.sweep_backtest import BacktestWork, Trials, identity_of, sources_here
from steelyard.cli.sweep_optuna import OptunaSearch, seed_of
from steelyard.cli.sweep_run import PAGE, Screen, Sweep, run_sweep
from steelyard.cli.sweep_screen import Bar, tables
from steelyard.cli.terminal import harmless
from steelyard.cli.trader_strategy import load_strategy
from steelyard.domain.errors import ConfigError, SteelyardError
from steelyard.trading.config import StrategyTable
from steelyard.trading.strategy import Strategy

DONE, CHECK_FAILED = 0, 1
LOOKED_AT = 200  # combinations that are asked how far they look back
_EVERYONE = Common()
_HERE = Path("sweeps")


def sweep(
    config: Path,
    /,
    *,
    out: Path = _HERE,
    workers: int | None = None,
    scheduler: str | None = None,
    anew: Annotated[bool, Parameter(negative="")] = False,
    catalog: Path | None = None,
    common: Common = _EVERYONE,
) -> int:
    """Run a strategy with many parameters, and say what may be believed of the best.

    The table [sweep] says what varies and how; [backtest] and [strategy] are those of a backtest.
    Each trial is recorded as it ends: after Ctrl-C or a crash the same command goes on.

    Examples: steelyard sweep trend.toml | steelyard sweep trend.toml --workers 2 |
    steelyard sweep trend.toml --scheduler tcp://10.0.0.5:8786

    Parameters
    ----------
    config
        The configuration; docs/guides/sweeps.md explains [sweep].
    out
        The folder for sweeps, each in a folder of its own, named after the bot.
    workers
        How many trials run at a time; default: what [sweep] says, else one for each core.
    scheduler
        The address of a Dask scheduler, whose workers then run the trials.
    anew
        Begin anew, where the folder has trials; the old record is put aside.
    catalog
        The catalog of `steelyard data`; default: the platform's.
    """
    prepared = prepare(config, catalog)
    table = parse_sweep(tomllib.loads(config.read_text(encoding="utf-8"), parse_float=Decimal))
    if scheduler is not None and workers is not None:
        raise ConfigError("--workers are of this machine; a scheduler knows its own")
    made = configure(prepared, table)
    is_watched = sys.stderr.isatty() and not common.json
    directory = out / prepared.config.bot.name
    done = run_sweep(
        made,
        directory,
        Bar(Console(stderr=True)) if is_watched else Screen(),
        workers=table.workers if workers is None else workers,
        scheduler=scheduler,
        is_anew=anew,
    )
    if common.json:
        print(msgspec.json.encode(done.report).decode(), flush=True)
    else:
        console = Console(highlight=False)
        console.print(tables(done.report))
        console.print(harmless(f"\nreport: {directory / PAGE}"), soft_wrap=True, markup=False)
    return DONE if done.report.best is not None and not done.is_interrupted else CHECK_FAILED


def configure(prepared: Prepared, table: SweepTable) -> Sweep:
    """Return a sweep, with every check that needs no trial.

    Raises:
        ConfigError: The table does not fit the strategy or the data; the message names the key.
    """
    config, bars = prepared.config, prepared.data
    if not isinstance(bars, BarColumns):
        raise ConfigError("[backtest] kind: sweeps run over bars, and these data are a tape")
    strategy = config.strategy
    kind = strategy_class(strategy) if isinstance(strategy, StrategyTable) else None
    space = parse_space(table.params, table.constraints, strategy.params, kind)
    whole = Span(int(bars.open_ns[0]), int(bars.open_ns[-1]) + bars.interval_ns)
    interval_ns, reach_ns = reach_of(space, strategy, bars.interval_ns)
    folds: tuple[Fold, ...] = ()
    warm_ns = reach_ns
    if (walk := table.walk_forward) is not None:
        reach_ns = max(reach_ns, walk.horizon_ns)
        splits = walk.walk(reach_ns)
        folds = split(whole, splits, interval_ns, reach_ns)
        warm_ns = splits.purge_ns
    work = BacktestWork(config, bars, sources_here(), warm_ns)
    searches, trials = searches_of(space, table, len(folds))
    objective = table.ranked_by
    identity = {**identity_of(work, prepared.opened.source.sha256), **table.identity}
    if isinstance(searches[0], OptunaSearch):
        identity["Optuna"] = searches[0].version
    said = assumptions(config.settings, bars.instrument, is_tape=False)
    name = strategy.signals if isinstance(strategy, SignalsTable) else strategy.class_name
    about = About(
        name=config.bot.name,
        strategy=name,
        fixed={key: value for key, value in strategy.params.items() if key not in table.params},
        data=prepared.opened.source.name,
        method=table.method.value,
        objective=objective.name,
        direction="max" if objective.is_more_better else "min",
        seed=table.seed,
        span=whole,
        constraints=table.constraints,
        assumptions=tuple((each.about, each.text) for each in said),
        version=__version__,
    )
    return Sweep(
        about,
        Header(program=__version__, identity=identity),
        space,
        whole,
        folds,
        searches,
        Choice(objective, table.trades_min),
        trials,
        work,
        table.timeout_ns / 1e9,
        Trials(work).overfit,
    )


def searches_of(space: Space, table: SweepTable, folds: int) -> tuple[tuple[Search, ...], int]:
    """Return a search for each fold, or the only one, and how many trials each has at most.

    Raises:
        ConfigError: What it takes is not installed, or the constraints let nothing in.
    """
    count = max(1, folds)
    match table.method:
        case Method.GRID:
            grid = Grid(space)
            return (grid,) * count, grid.round_size
        case Method.RANDOM:
            # The same trials in each fold, so that folds can be compared.
            drawn = RandomSearch(space, table.trials, table.seed)
            return (drawn,) * count, drawn.round_size
        case Method.OPTUNA:
            seeds = [seed_of(table.seed, fold) for fold in range(count)]
            return tuple(
                OptunaSearch(space, table.trials, seed, table.batch) for seed in seeds
            ), min(table.trials, space.size)


def reach_of(
    space: Space, strategy: StrategyTable | SignalsTable, interval_ns: int
) -> tuple[int, int]:
    """Return the longest bar that the strategy asks for, and how far it looks back at most.

    Asked of the corners of the space and of some combinations in between. What a function of
    arrays looks at is not known: 0.
    """
    longest_ns, reach_ns = interval_ns, 0
    if isinstance(strategy, SignalsTable):
        return longest_ns, reach_ns
    ends = [{0, len(axis.values) - 1} for axis in space.axes]
    corners = _some_corners([sorted(each) for each in ends])
    try:
        between = draw(space, LOOKED_AT, Random(1))
    except ConfigError:
        between = []
    for at in [*corners, *between]:
        if not space.admits(at):
            continue
        try:
            made = load_strategy(msgspec.structs.replace(strategy, params=space.params(at)))
            bar = made.bar_interval
            history = made.history_bars
        except SteelyardError:
            continue  # a trial of it will say so
        each_ns = interval_ns if bar is None else bar.ns
        longest_ns = max(longest_ns, each_ns)
        reach_ns = max(reach_ns, history * each_ns)
    return longest_ns, -(-reach_ns // longest_ns) * longest_ns


def _some_corners(ends: list[list[int]]) -> list[tuple[int, ...]]:
    corners: list[tuple[int, ...]] = [()]
    for places in ends:
        if len(corners) * len(places) > LOOKED_AT:
            places = places[-1:]  # noqa: PLW2901 the larger value
        corners = [(*corner, place) for corner in corners for place in places]
    return corners


def strategy_class(table: StrategyTable) -> type[Strategy]:
    """Return the class that a configuration names; parameters that vary need not be there.

    Raises:
        ConfigError: There is no such class.
    """
    try:
        return type(load_strategy(table))
    except ConfigError:
        # It may be there and only refuse what is not its final parameters.
        module, _, name = table.class_name.partition(":")
        found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type) and issubclass(found, Strategy) and found is not Strategy:
            return found
        raise
