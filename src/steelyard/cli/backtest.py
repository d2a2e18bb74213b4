"""`steelyard backtest`: run a strategy over recorded data, and say what came of it."""

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from steelyard import __version__
from steelyard.backtest import compare as comparing
from steelyard.backtest import lookahead, report
from steelyard.backtest.columns import BarColumns, Tape
from steelyard.backtest.config import BacktestConfig, SignalsTable, parse_backtest
from steelyard.backtest.lookahead import Finding
from steelyard.backtest.report import Report
from steelyard.backtest.result import Records, Result
from steelyard.backtest.run import Run
from steelyard.backtest.signals import Signals, call_signals, changes_of, frame_of, targets_of
from steelyard.cli.backtest_data import Opened, open_data
from steelyard.cli.options import Common
from steelyard.cli.report_files import (
    read_report,
    show_comparison,
    verdict_lines,
    write_html,
    write_json,
)
from steelyard.cli.terminal import harmless, shown
from steelyard.cli.trader_strategy import guarded, load_signals, load_strategy
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.trading.config import StrategyTable
from steelyard.trading.strategy import Strategy

DONE, CHECK_FAILED = 0, 1
_EVERYONE = Common()
_HERE = Path("backtests")


class Targets(Strategy):
    """Stands where a function of arrays decides: it is told nothing and wants nothing."""


class Prepared(NamedTuple):
    """A configuration with its data and its strategy at hand."""

    config: BacktestConfig
    opened: Opened
    data: BarColumns | Tape
    signals: Signals | None


def backtest(
    config: Path | None = None,
    /,
    *,
    out: Path = _HERE,
    catalog: Path | None = None,
    check: Annotated[bool, Parameter(negative="")] = False,
    compare: Annotated[tuple[Path, Path] | None, Parameter(consume_multiple=False)] = None,
    common: Common = _EVERYONE,
) -> int:
    """Run a strategy over recorded data: the same class, engine, fees and limits as live.

    It writes a report to read (HTML) and one for programs (JSON), and prints the verdict. Ctrl-C
    keeps what was found until then.

    Examples: steelyard backtest trend.toml | steelyard backtest trend.toml --check |
    steelyard backtest --compare backtests/a.json backtests/b.json

    Parameters
    ----------
    config
        The configuration; docs/reference/configuration.md lists its keys.
    out
        The folder for the reports, which are named after the bot.
    catalog
        The catalog of `steelyard data`; default: the platform's.
    check
        Run again on data that begin and end elsewhere, and report what depends on that.
    compare
        Put two reports (JSON) beside each other instead of running anything.
    """
    if compare is not None:
        return _compare(compare, out, common)
    if config is None:
        raise UsageError("name a configuration, or two reports after --compare")
    prepared = prepare(config, catalog)
    for note in prepared.opened.notes:
        Console(stderr=True).print(harmless(note), highlight=False)
    if check:
        return _check(prepared, common)
    result, was_interrupted = run(prepared, is_watched=sys.stderr.isatty() and not common.json)
    document = report.document(result)
    base = out / prepared.config.bot.name
    files = base.with_suffix(".json"), base.with_suffix(".html")
    write_json(document, files[0])
    write_html(document, files[1])
    if common.json:
        print(report.encode(document).decode(), flush=True)
    else:
        _show(document, files[1])
    return CHECK_FAILED if was_interrupted or result.about.failure is not None else DONE


def prepare(file: Path, catalog: Path | None) -> Prepared:
    """Return a configuration with its data, and its strategy where that is a function.

    Raises:
        ConfigError: One of them cannot be had; the message says which and why.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    try:
        config = parse_backtest(text)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    table = config.strategy
    signals = load_signals(table.signals) if isinstance(table, SignalsTable) else None
    opened = open_data(config, file.parent, catalog)
    if not isinstance(opened.data, BarColumns):
        raise ConfigError("tapes are not played by this version yet; choose bars")
    return Prepared(config, opened, opened.data, signals)


def run(prepared: Prepared, *, is_watched: bool) -> tuple[Result, bool]:
    """Run it; return what was found, and whether somebody stopped it before the end."""
    made = make(prepared, prepared.data)
    was_interrupted = False
    total = len(prepared.data) if isinstance(prepared.data, BarColumns) else None
    with progress(total, is_watched=is_watched) as looked:
        try:
            if isinstance(prepared.data, BarColumns) and prepared.signals is not None:
                made.go_to(changes_of(_found(prepared, prepared.data), prepared.data), perf_counter)
            else:
                made.go(perf_counter, guarded, looked)
        except KeyboardInterrupt:
            was_interrupted = True
    config = prepared.config
    found = made.result(
        name=config.bot.name, sources=(prepared.opened.source,), version=__version__
    )
    if isinstance(config.strategy, SignalsTable):
        about = found.about
        changed = {"strategy": config.strategy.signals, "params": config.strategy.params}
        found = found._replace(about=type(about)(**{**_fields(about), **changed}))
    return found, was_interrupted


def make(prepared: Prepared, data: BarColumns | Tape) -> Run:
    """Return a run of a configuration on some data."""
    config = prepared.config
    table = config.strategy
    strategy = load_strategy(table) if isinstance(table, StrategyTable) else Targets()
    risk = config.risk
    return Run(
        strategy,
        data,
        config.settings,
        limits=None if risk is None else risk.limits,
        stop_loss=None if risk is None else risk.stop_loss_share,
    )


class progress:  # noqa: N801 used as the function that a context manager is
    """A bar on standard error while a run goes on, with the time that is left."""

    def __init__(self, total: int | None, *, is_watched: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.completed:,.0f} played"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not is_watched,
            transient=True,
        )
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return lambda done: self._progress.update(self._task, completed=done)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _found(prepared: Prepared, bars: BarColumns) -> Any:
    signals, table = prepared.signals, prepared.config.strategy
    assert signals is not None, "asked only where arrays decide"
    return call_signals(signals, frame_of(bars), table.params)


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def _check(prepared: Prepared, common: Common) -> int:
    if not isinstance(prepared.data, BarColumns):
        raise ConfigError(
            "--check runs on bars that begin and end elsewhere; these data are a tape"
        )
    if prepared.signals is not None:
        found = lookahead.check_signals(
            lambda bars: targets_of(_found(prepared, bars), bars), prepared.data
        )
    else:

        def fills(bars: BarColumns) -> Records:
            made = make(prepared, bars)
            made.go(perf_counter)
            return made.result().fills

        found = lookahead.check_run(fills, prepared.data)
    document = {"findings": [one._asdict() for one in found]}
    common.show(document, "\n".join(_sentences(found)))
    return CHECK_FAILED if found else DONE


def _sentences(found: list[Finding]) -> list[str]:
    if not found:
        return ["no dependence on the future, and none on where the data begin"]
    told = {
        "look-ahead": "depends on the future: it decides otherwise when",
        "recursive": "depends on where the data begin: it decides otherwise when",
    }
    return [
        f"[red]{one.kind}[/]  {told[one.kind]} {one.text}; first at bar {one.bar}, "
        f"{one.share:.1%} of what was compared"
        for one in found
    ]


def _compare(files: tuple[Path, Path], out: Path, common: Common) -> int:
    both = [read_report(path) for path in files]
    document = comparing.document(*both)
    name = f"{files[0].stem}-and-{files[1].stem}"
    write_json(document, out / f"{name}.json")
    write_html(document, out / f"{name}.html")
    if common.json:
        print(comparing.encode(document).decode(), flush=True)
    else:
        console = Console()
        show_comparison(document, console)
        console.print(f"\n{shown(str(out / name))}.html", highlight=False)
    return DONE


def _show(document: Report, file: Path) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for line in verdict_lines(document):
        console.print(line, markup=False)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for figure in document.figures:
        table.add_row(shown(figure.label), shown(figure_text(figure)))
    console.print()
    console.print(table)
    console.print(f"\nreport: {shown(str(file))}")


def figure_text(figure: Any) -> str:
    """Return a figure's value for a terminal."""
    return comparing.written(figure.value, figure.unit)
