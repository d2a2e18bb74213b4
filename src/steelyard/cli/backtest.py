"""`steelyard backtest`: run a strategy over recorded data, and say what came of it."""

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from steelyard import __version__
from steelyard.backtest import compare as comparing
from steelyard.backtest import lookahead, report, trips
from steelyard.backtest.columns import BarColumns, Tape
from steelyard.backtest.config import BacktestConfig, SignalsTable, parse_backtest
from steelyard.backtest.figures import Unit
from steelyard.backtest.follower import Follower
from steelyard.backtest.lookahead import Checked
from steelyard.backtest.metrics import measure
from steelyard.backtest.report import Report
from steelyard.backtest.result import Records, Result
from steelyard.backtest.run import Run
from steelyard.backtest.settings import steady
from steelyard.backtest.signals import (
    Signals,
    call_signals,
    changes_of,
    frame_of,
    targets_of,
)
from steelyard.backtest.tapecandles import CandleTap
from steelyard.backtest.variants import Variant, assumptions, depends_on_path, spelled, variant
from steelyard.cli.backtest_data import Opened, open_data, read_delays
from steelyard.cli.backtest_legs import backtest_legs, has_legs
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
from steelyard.domain.messages import SECOND_NS
from steelyard.trading.config import StrategyTable

DONE, CHECK_FAILED = 0, 1
_EVERYONE = Common()
_HERE = Path("backtests")
CURVE_POINTS = 2_000  # of a tape that is not longer than a day or so
MINUTE_NS = 60 * SECOND_NS


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
    quick: Annotated[bool, Parameter(negative="")] = False,
    compare: Annotated[tuple[Path, Path] | None, Parameter(consume_multiple=False)] = None,
    common: Common = _EVERYONE,
) -> int:
    """Run a strategy over recorded data: the same class, engine, fees and limits as live.

    It writes a report to read (HTML) and one for programs (JSON), and prints the verdict. Ctrl-C
    keeps what was found until then. Of a strategy of several legs there is a report of the whole
    (BOT) and one of each leg (BOT-LEG).

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
    quick
        Run under what the configuration assumes alone. Otherwise a tape is played under all three
        queue models, and bars inside of which something filled under every order of their extremes;
        the report shows them beside each other.
    compare
        Put two reports (JSON) beside each other instead of running anything.
    """
    if compare is not None:
        return _compare(compare, out, common)
    if config is None:
        raise UsageError("name a configuration, or two reports after --compare")
    if has_legs(config):
        if check:
            raise UsageError(
                f"{config} has several legs, and --check tries one instrument: leave it out"
            )
        return backtest_legs(config, out, catalog, common, is_quick=quick)
    with redirect_stdout(sys.stderr):  # what a strategy prints is no part of a document
        prepared = prepare(config, catalog)
    for note in prepared.opened.notes:
        Console(stderr=True).print(harmless(note), highlight=False)
    if check:
        return _check(prepared, common)
    is_watched = sys.stderr.isatty() and not common.json
    variants: tuple[Variant, ...] = ()
    with redirect_stdout(sys.stderr):
        result, was_interrupted = run(prepared, is_watched=is_watched)
        if not (was_interrupted or quick):
            variants, was_interrupted = _variants(prepared, result, is_watched=is_watched)
    document = report.document(result, variants=variants)
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
    delays = {name: read_delays(file.parent / path) for name, path in config.delay_files.items()}
    config = replace(config, delays=delays)
    table = config.strategy
    signals = load_signals(table.signals) if isinstance(table, SignalsTable) else None
    opened = open_data(config, file.parent, catalog)
    if signals is not None and not isinstance(opened.data, BarColumns):
        raise ConfigError(
            f"{file}: a function of arrays is asked for a frame of bars, and these data are a "
            "tape; choose bars, or write the rule as a class"
        )
    return Prepared(config, opened, opened.data, signals)


def run(prepared: Prepared, *, is_watched: bool) -> tuple[Result, bool]:
    """Run it; return what was found, and whether somebody stopped it before the end."""
    config, data = prepared.config, prepared.data
    tap = None if isinstance(data, BarColumns) else CandleTap(data)
    made = make(prepared, data if tap is None else tap.tape)
    was_interrupted = False
    with progress(data, tap, is_watched=is_watched) as looked:
        try:
            if isinstance(data, BarColumns) and prepared.signals is not None:
                made.go_to(changes_of(_found(prepared, data), data), perf_counter)
            else:
                made.go(perf_counter, guarded, looked)
        except KeyboardInterrupt:
            was_interrupted = True
    found = made.result(
        name=config.bot.name, sources=(prepared.opened.source,), version=__version__
    )
    if tap is not None:
        found = found._replace(bars=tap.candles(found.about.end_ns, found.curve))
    if isinstance(config.strategy, SignalsTable):
        about = replace(
            found.about, strategy=config.strategy.signals, params=config.strategy.params
        )
    else:  # by the names that a bot's journal has, so that the ladder knows it again
        written = {name: str(value) for name, value in config.strategy.params.items()}
        about = replace(found.about, strategy=config.strategy.class_name, written=written)
    return found._replace(about=about), was_interrupted


def _variants(
    prepared: Prepared, found: Result, *, is_watched: bool
) -> tuple[tuple[Variant, ...], bool]:
    """Return what comes of it otherwise assumed, and whether somebody had enough of that."""
    has_bars = isinstance(prepared.data, BarColumns)
    if has_bars and not depends_on_path(found):
        return (), False
    kinds, assumed = assumptions(prepared.config.settings, has_bars=has_bars)
    rows: list[Variant] = []
    for kind in kinds:
        result, was_interrupted = found, False
        if kind is not assumed:
            changed = replace(prepared.config.backtest, **spelled(kind))
            config = replace(prepared.config, backtest=changed)
            result, was_interrupted = run(prepared._replace(config=config), is_watched=is_watched)
        if was_interrupted:
            return tuple(rows), True
        told = measure(result, trips.book(result.fills, result.about.instrument))
        rows.append(variant(result, told, kind, is_assumed=kind is assumed))
    return tuple(rows), False


def make(prepared: Prepared, data: BarColumns | Tape, *, is_steady: bool = False) -> Run:
    """Return a run of a configuration on some data; a steady one throws no dice."""
    config = prepared.config
    table = config.strategy
    strategy = load_strategy(table) if isinstance(table, StrategyTable) else Follower()
    risk = config.risk
    settings = config.settings
    if not isinstance(data, BarColumns) and data.span_ns is not None:
        settings = replace(settings, curve_ns=curve_ns(*data.span_ns))
    if is_steady:
        settings = steady(settings)
    return Run(
        strategy,
        data,
        settings,
        limits=None if risk is None else risk.limits,
        stop_loss=None if risk is None else risk.stop_loss_share,
    )


def curve_ns(first_ns: int, last_ns: int) -> int:
    """Return how far apart the points of a tape's curve are: some thousand in all."""
    return min(max((last_ns - first_ns) // CURVE_POINTS, SECOND_NS), MINUTE_NS)


class progress:  # noqa: N801 used as the function that a context manager is
    """A bar on standard error while a run goes on, with the time that is left.

    Bars are counted; how far a tape has come is a matter of its time.
    """

    def __init__(self, data: BarColumns | Tape, tap: CandleTap | None, *, is_watched: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not is_watched,
            transient=True,
        )
        self._tap = tap
        self._first_ns = 0
        total: int | None = None
        if isinstance(data, BarColumns):
            total = len(data)
        elif data.span_ns is not None:
            self._first_ns = data.span_ns[0]
            total = data.span_ns[1] - self._first_ns
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return self._looked

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _looked(self, done: int) -> None:
        at = done if self._tap is None else max(self._tap.now_ns - self._first_ns, 0)
        self._progress.update(self._task, description=f"{done:,} played", completed=at)


def _found(prepared: Prepared, bars: BarColumns) -> Any:
    signals, table = prepared.signals, prepared.config.strategy
    assert signals is not None, "asked only where arrays decide"
    return call_signals(signals, frame_of(bars), table.params)


def _check(prepared: Prepared, common: Common) -> int:
    def fills(data: BarColumns | Tape) -> Records:
        made = make(prepared, data, is_steady=True)
        made.go(perf_counter, guarded)
        found = made.result()
        if found.about.failure is not None:
            raise ConfigError(
                f"the strategy raised an error, so nothing can be compared: "
                f"{found.about.failure.splitlines()[-1]}; run it without --check to see where"
            )
        return found.fills

    data = prepared.data
    with redirect_stdout(sys.stderr):
        if not isinstance(data, BarColumns):
            checked = lookahead.check_tape(fills, data)
        elif prepared.signals is not None:
            checked = lookahead.check_signals(
                lambda bars: targets_of(_found(prepared, bars), bars), data
            )
        else:
            checked = lookahead.check_run(fills, data)
    found = checked.findings
    document = {"findings": [one._asdict() for one in found], "tried": checked.tried}
    is_tape = not isinstance(data, BarColumns)
    common.show(document, "\n".join(_sentences(checked, is_tape=is_tape)))
    return CHECK_FAILED if found else DONE


def _sentences(checked: Checked, *, is_tape: bool) -> list[str]:
    tried = f"tried with data that end at {checked.tried} places"
    if not checked.findings and is_tape:
        said = (
            f"no dependence on the future found; {tried} (where a tape begins is not tried: who "
            "waits in a queue, and what is held by then, depends on it rightly)"
        )
        return [said]
    if not checked.findings:
        return [f"no dependence on the future found, and none on where the data begin; {tried}"]
    told = {
        "look-ahead": "depends on the future: it decides otherwise when",
        "recursive": "depends on where the data begin: it decides otherwise when",
    }
    what = "event" if is_tape else "bar"
    return [
        f"[red]{one.kind}[/]  {told[one.kind]} {one.text}; first at {what} {one.bar}, "
        f"{one.share:.1%} of what was compared"
        for one in checked.findings
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
    if document.variants:
        console.print()
        console.print(_variant_table(document))
    console.print(f"\nreport: {shown(str(file))}")


def _variant_table(document: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Queue" if document.head.interval_ns is None else "Extremes")
    for heading in ("Orders", "Fills", "As a maker", f"Profit, {document.head.quote}", "Drawdown"):
        table.add_column(shown(heading), justify="right")
    for each in document.variants:
        table.add_row(
            f"{each.name}{' (assumed)' if each.is_assumed else ''}",
            f"{each.orders:,}",
            f"{each.fills:,}",
            f"{each.maker_fills:,}",
            comparing.written(each.profit_quote, Unit.QUOTE),
            comparing.written(each.drawdown_share, Unit.SHARE),
        )
    return table


def figure_text(figure: Any) -> str:
    """Return a figure's value for a terminal."""
    return comparing.written(figure.value, figure.unit)
