"""The data of a backtest: a file that the configuration names, or a part of the catalog."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from steelyard.backtest.columns import BarColumns, Source, Tape
from steelyard.backtest.config import BacktestConfig
from steelyard.backtest.lookahead import cut
from steelyard.data.catalog import open_catalog
from steelyard.data.exact import step_of
from steelyard.data.importing import Steps
from steelyard.data.loading import load
from steelyard.data.reading import Wanted
from steelyard.domain.errors import ConfigError
from steelyard.exchange.listings import LISTINGS

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


def _of_file(config: BacktestConfig, path: Path) -> Opened:
    table = config.backtest
    wanted = Wanted(table.venue, config.strategy.symbol, table.interval)
    steps = Steps(
        table.steps,
        None if table.tick is None else step_of(table.tick),
        None if table.lot is None else step_of(table.lot),
        table.rounds,
    )
    loaded = load(path, wanted, steps=steps, listed=LISTED)
    return Opened(loaded.data, loaded.source, loaded.notes)


def _between(bars: BarColumns, start_ns: int | None, end_ns: int | None) -> BarColumns:
    first = 0 if start_ns is None else int(np.searchsorted(bars.open_ns, start_ns))
    last = len(bars) if end_ns is None else int(np.searchsorted(bars.open_ns, end_ns))
    if first >= last:
        raise ConfigError("[backtest] from and to leave no bar of the data")
    return cut(bars, first, last)
