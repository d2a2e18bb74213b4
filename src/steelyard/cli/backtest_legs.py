"""`steelyard backtest` of a strategy of several legs: all by one clock, and a report of all.

The whole has a report in both forms, and so has each leg, which is a bot by its own name.
"""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from steelyard import __version__
from steelyard.backtest import compare as comparing
from steelyard.backtest import legsreport
from steelyard.backtest.columns import BarColumns
from steelyard.backtest.config import BacktestConfig, read_backtest
from steelyard.backtest.legs import LegsResult, LegsRun
from steelyard.backtest.legsconfig import LegsConfig, parse_legs
from steelyard.backtest.legsdata import LegInput
from steelyard.backtest.legsreport import LegsReport
from steelyard.backtest.tapecandles import CandleTap
from steelyard.backtest.variants import Variant, assumptions, depends_on_path, spelled
from steelyard.cli.backtest_data import Opened, open_data, read_delays
from steelyard.cli.options import Common
from steelyard.cli.report_files import verdict_lines, write_html, write_json
from steelyard.cli.terminal import harmless, shown
from steelyard.cli.trader_strategy import guarded, load_strategy
from steelyard.domain.errors import ConfigError
from steelyard.trading.config import StrategyTable

DONE, CHECK_FAILED = 0, 1


class Prepared(NamedTuple):
    """A configuration with the data of each leg at hand."""

    config: LegsConfig
    opened: dict[str, Opened]


def has_legs(file: Path) -> bool:
    """Return whether a configuration has several legs; what cannot be read has none."""
    try:
        return "legs" in read_backtest(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ConfigError):
        return False


def backtest_legs(
    file: Path, out: Path, catalog: Path | None, common: Common, *, is_quick: bool
) -> int:
    """Run a strategy of several legs over recorded data, and write what came of it."""
    with redirect_stdout(sys.stderr):
        prepared = prepare_legs(file, catalog)
        for name, opened in prepared.opened.items():
            for note in opened.notes:
                Console(stderr=True).print(harmless(f"{name}: {note}"), highlight=False)
        result, was_interrupted = run_legs(prepared)
        variants: tuple[Variant, ...] = ()
        if not (was_interrupted or is_quick):
            variants, was_interrupted = _variants(prepared, result)
    document = legsreport.document(result, variants=variants)
    base = out / prepared.config.name
    write_json(document, base.with_suffix(".json"))
    write_html(document, base.with_suffix(".html"))
    for leg in document.legs:
        of_leg = out / f"{prepared.config.name}-{leg.name}"
        write_json(leg.report, of_leg.with_suffix(".json"))
        write_html(leg.report, of_leg.with_suffix(".html"))
    if common.json:
        print(legsreport.encode(document).decode(), flush=True)
    else:
        _show(document, base)
    return CHECK_FAILED if was_interrupted or result.about.failure is not None else DONE


def prepare_legs(file: Path, catalog: Path | None) -> Prepared:
    """Return a configuration with the data of its legs.

    Raises:
        ConfigError: One of them cannot be had; the message says which and why.
    """
    try:
        config = parse_legs(read_backtest(file.read_text(encoding="utf-8")))
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    opened, legs = {}, {}
    for name, of_leg in config.legs.items():
        delays = {key: read_delays(file.parent / path) for key, path in of_leg.delay_files.items()}
        legs[name] = replace(of_leg, delays=delays)
        try:
            opened[name] = open_data(legs[name], file.parent, catalog)
        except ConfigError as error:
            raise ConfigError(f"leg {name}: {error}") from error
    return Prepared(replace(config, legs=legs), opened)


def run_legs(prepared: Prepared) -> tuple[LegsResult, bool]:
    """Run it; return what was found, and whether somebody stopped it before the end."""
    config = prepared.config
    taps = {
        name: CandleTap(opened.data)
        for name, opened in prepared.opened.items()
        if not isinstance(opened.data, BarColumns)
    }
    table = _strategy(config)
    run = LegsRun(
        load_strategy(table, [*config.legs]),
        {
            name: _input(of_leg, config.venues[name], prepared.opened[name], taps.get(name))
            for name, of_leg in config.legs.items()
        },
        config.wallets,
        equity=config.equity,
    )
    was_interrupted = False
    try:
        run.go(perf_counter, guarded)
    except KeyboardInterrupt:
        was_interrupted = True
    sources = {name: (opened.source,) for name, opened in prepared.opened.items()}
    found = run.result(name=config.name, sources=sources, version=__version__)
    # By the names that a bot's journal has, so that the ladder knows it again.
    written = {name: str(value) for name, value in table.params.items()}
    legs = {}
    for name, leg in found.legs.items():
        about = replace(leg.about, strategy=table.class_name, written=written)
        legs[name] = leg._replace(about=about)
        if name in taps:
            candles = taps[name].candles(about.end_ns, leg.curve)
            legs[name] = legs[name]._replace(bars=candles)
    about = replace(found.about, strategy=table.class_name, written=written)
    return found._replace(legs=legs, about=about), was_interrupted


def _strategy(config: LegsConfig) -> StrategyTable:
    table = next(iter(config.legs.values())).strategy
    assert isinstance(table, StrategyTable), "legs have a class"
    return table


def _input(config: BacktestConfig, venue: str, opened: Opened, tap: CandleTap | None) -> LegInput:
    risk = config.risk
    return LegInput(
        opened.data if tap is None else tap.tape,
        venue,
        config.settings,
        None if risk is None else risk.limits,
        None if risk is None else risk.stop_loss_share,
    )


def _variants(prepared: Prepared, found: LegsResult) -> tuple[tuple[Variant, ...], bool]:
    """Return the whole otherwise assumed, and whether somebody had enough of that."""
    config = prepared.config
    has_bars = all(isinstance(opened.data, BarColumns) for opened in prepared.opened.values())
    if has_bars and not any(depends_on_path(leg) for leg in found.legs.values()):
        return (), False
    first = next(iter(config.legs.values())).settings
    kinds, assumed = assumptions(first, has_bars=has_bars)
    rows: list[Variant] = []
    for kind in kinds:
        result, was_interrupted = found, False
        if kind is not assumed:
            changed = spelled(kind)
            legs = {
                name: replace(of_leg, backtest=replace(of_leg.backtest, **changed))
                for name, of_leg in config.legs.items()
            }
            again = prepared._replace(config=replace(config, legs=legs))
            result, was_interrupted = run_legs(again)
        if was_interrupted:
            return tuple(rows), True
        rows.append(legsreport.variant(result, kind, is_assumed=kind is assumed))
    return tuple(rows), False


def _show(document: LegsReport, base: Path) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for line in verdict_lines(document):
        console.print(line, markup=False)
    console.print()
    for each in document.assumptions:
        console.print(harmless(f"{each.about}: {each.text}"), markup=False)
    whole = Table(box=None, show_header=False, pad_edge=False)
    whole.add_column()
    whole.add_column(justify="right")
    for figure in document.figures:
        whole.add_row(shown(figure.label), shown(comparing.written(figure.value, figure.unit)))
    for table in (whole, _legs_table(document), _wallets_table(document)):
        console.print()
        console.print(table)
    console.print(f"\nreport: {shown(str(base))}.html; each leg: {shown(str(base))}-LEG.html")


def _legs_table(document: LegsReport) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Leg", "Venue", "Symbol"):
        table.add_column(heading)
    for heading in ("Orders", "Fills", "Its fills made", "Fees", "Slippage", "Position"):
        table.add_column(heading, justify="right")
    for leg in document.legs:
        told, head = leg.report.metrics, leg.report.head
        slipped = told.costs.slippage
        slippage = slipped.delay_quote + slipped.taking_quote + slipped.resting_quote
        table.add_row(
            shown(leg.name),
            shown(leg.venue),
            shown(head.symbol),
            f"{told.orders:,}",
            f"{told.fills:,}",
            shown(f"{told.costs.net_profit_quote:,.4f} {head.quote}"),
            f"{told.costs.fees_quote:,.4f}",
            f"{slippage:,.4f}",
            shown(f"{told.open_size} {head.base}"),
        )
    return table


def _wallets_table(document: LegsReport) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Wallet", "Asset"):
        table.add_column(heading)
    for heading in ("Before", "After"):
        table.add_column(heading, justify="right")
    for each in document.wallets:
        table.add_row(shown(each.venue), shown(each.asset), each.first, each.last)
    return table
