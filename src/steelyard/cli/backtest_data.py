"""The data of a backtest: a file that the configuration names, or a part of the catalog."""

import csv
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

import numpy as np

from steelyard.backtest.columns import BarColumns, Source, Tape
from steelyard.backtest.config import BacktestConfig, moment_ns
from steelyard.backtest.lookahead import cut
from steelyard.backtest.settings import DELAY_MAX_NS, Delay
from steelyard.data.catalog import open_catalog
from steelyard.data.exact import step_of
from steelyard.data.importing import Steps
from steelyard.data.loading import load
from steelyard.data.reading import Wanted
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.exchange.listings import LISTINGS

_OPTION = re.compile(r"--([a-z]+)\b")
_SETTINGS = {  # what messages call by the option of an import
    "interval": "[backtest] interval",
    "tick": "[backtest] tick",
    "lot": "[backtest] lot",
    "round": "[backtest] round = true",
    "steps": "[backtest] steps",
    "venue": "[backtest] venue",
    "symbol": "[strategy] symbol",
}
LISTED = {listing.instrument.symbol: listing.instrument for listing in LISTINGS}


class Opened(NamedTuple):
    """What a backtest plays, and where it came from."""

    data: BarColumns | Tape
    source: Source
    notes: tuple[str, ...] = ()


def open_data(config: BacktestConfig, folder: Path, catalog: Path | None) -> Opened:
    """Return the data that a configuration names; a relative path is one from its own folder.

    Raises:
        ConfigError: There are none in that time, or they are of another market.
        UsageError: The file or the catalog cannot be read as it is.
    """
    table = config.backtest
    start_ns, end_ns = config.span_ns
    symbol = config.strategy.symbol
    if table.data:
        opened = _of_file(config, folder / Path(table.data).expanduser())
    elif table.kind == "tape":
        found, source = open_catalog(catalog).tape(table.venue, symbol, start_ns, end_ns)
        return Opened(found, source)
    else:
        bars, source = open_catalog(catalog).bars(
            table.venue, symbol, table.interval, start_ns, end_ns
        )
        return Opened(bars, source)
    if not isinstance(opened.data, BarColumns):
        if table.start or table.end:
            raise ConfigError(
                "[backtest] from and to choose from bars and from the catalog; import this "
                "recording into the catalog to play a part of it"
            )
        return opened
    return opened._replace(data=_between(opened.data, start_ns, end_ns))


def read_delays(path: Path) -> Delay:
    """Return the delays that a CSV file has measured.

    Its columns are `delay_ms`, and `time` where each holds from then on until the next; without
    times one is drawn for each order.

    Raises:
        ConfigError: It cannot be read, or a row is none; the message names the first.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            names = set(rows.fieldnames or ())
            if not {"delay_ms"} <= names <= {"delay_ms", "time"}:
                raise ConfigError(
                    f"{path} has the columns {', '.join(sorted(names)) or 'none'}; delays have "
                    "delay_ms, and time where they are told by when they were measured"
                )
            found = [_delay_of(row, path, number) for number, row in enumerate(rows, 2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    if not found:
        raise ConfigError(f"{path} has no rows; a delay is at least one number")
    if "time" in names:
        return Delay.recorded(found)
    return Delay.samples([delay_ns for _, delay_ns in found])


def _delay_of(row: dict[str, str], path: Path, line: int) -> tuple[int, int]:
    where = f"{path}, line {line}: "
    try:
        delay_ns = int(Decimal(row["delay_ms"] or "") * 1_000_000)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise ConfigError(
            f"{where}delay_ms is {row['delay_ms']!r}; write milliseconds, such as 12.5"
        ) from error
    if not 0 <= delay_ns <= DELAY_MAX_NS:
        raise ConfigError(f"{where}delay_ms is {row['delay_ms']}; it is from 0 to a day")
    return (moment_ns(row["time"] or "", f"{where}time") if "time" in row else 0), delay_ns


def _of_file(config: BacktestConfig, path: Path) -> Opened:
    table = config.backtest
    wanted = Wanted(table.venue, config.strategy.symbol, table.interval)
    steps = Steps(
        table.steps,
        None if table.tick is None else step_of(table.tick),
        None if table.lot is None else step_of(table.lot),
        table.rounds,
    )
    try:
        loaded = load(path, wanted, steps=steps, listed=LISTED)
    except UsageError as error:
        if not _OPTION.search(str(error)):
            raise
        raise ConfigError(_OPTION.sub(_setting, str(error))) from error
    return Opened(loaded.data, loaded.source, loaded.notes)


def _setting(option: re.Match[str]) -> str:
    """Return what stands in a configuration for an option of `steelyard data import`."""
    name = option[1]
    if name in _SETTINGS:
        return _SETTINGS[name]
    return f"--{name} of `steelyard data import`, and play the catalog by [backtest] venue"


def _between(bars: BarColumns, start_ns: int | None, end_ns: int | None) -> BarColumns:
    first = 0 if start_ns is None else int(np.searchsorted(bars.open_ns, start_ns))
    last = len(bars) if end_ns is None else int(np.searchsorted(bars.open_ns, end_ns))
    if first >= last:
        raise ConfigError("[backtest] from and to leave no bar of the data")
    return cut(bars, first, last)
