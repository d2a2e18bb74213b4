"""`steelyard data`: bring market data in, see what is there, and what is wrong with it.

A catalog is a folder of its own, not of an exchange's data, and may be shared by all of them. What
the commands do is in `data_catalog`, `data_download` and `data_record`; those need numpy and
polars, which not everybody installs, and are imported when a command is called.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from steelyard.cli.terminal import harmless, json_text
from steelyard.domain.errors import ConfigError

EXTRA = frozenset({"numpy", "polars"})


@Parameter(name="*")
@dataclass(frozen=True)
class InCatalog:
    """Options of every command on a catalog.

    Parameters
    ----------
    catalog
        Folder of the catalog; default: STEELYARD_CATALOG, or the platform's folder for data.
    json
        Print one JSON document for programs instead of text for people.
    """

    catalog: Path | None = None
    json: Annotated[bool, Parameter(negative="")] = False

    def show(self, document: Any, text: str) -> None:
        """Print a result: as JSON, or as text for people."""
        if self.json:
            print(json_text(document), flush=True)
        else:
            Console(soft_wrap=True, highlight=False).print(harmless(text))

    def say(self, text: str) -> None:
        """Tell a person how far it is; a program waits for the document."""
        if not self.json:
            Console(soft_wrap=True, highlight=False).print(harmless(text))


_DEFAULT = InCatalog()


def import_data(
    *file: Path,
    venue: str = "",
    symbol: str = "",
    interval: str = "",
    kind: str = "",
    columns: str = "",
    ends: Annotated[bool | None, Parameter(negative="--begins")] = None,
    tick: str = "",
    lot: str = "",
    steps: str = "listed",
    round: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002 the option's name
    replace: Annotated[bool, Parameter(negative="")] = False,
    common: InCatalog = _DEFAULT,
) -> int:
    """Bring files into the catalog: of Binance's archive, Freqtrade, Nautilus, ccxt, recordings.

    What a file does not say is taken from its name, or asked for by an option. Prices and sizes
    are kept exactly; what is off the steps is refused, and the first such row is named. The same
    file again is passed over; rows that are there already are kept once, and rows that contradict
    them are refused.

    Example: steelyard data import BTCUSDT-1m-2024-01.zip BTCUSDT-1m-2024-02.zip

    Parameters
    ----------
    file
        CSV, Parquet, feather, JSON rows, or a recording; packed by zip or gzip or not at all.
    venue
        Whose data it is: a name of your choice, as binance or binance-um. Default: as the file
        says, else files.
    symbol
        The market, as BTC-USDT.
    interval
        Of bars: 1s, 1m, 4h, 1d.
    kind
        What its rows are, where that is not clear.
    columns
        Names of the columns in their order, where the table has none or others:
        time,open,high,low,close,volume.
    ends
        Bars are told by when they end; else by when they begin.
    tick
        The price step; default: the listing's, else the finest decimal of the data.
    lot
        The size step, likewise.
    steps
        `listed` takes the steps of a market that is listed; `derived` those of the data.
    round
        Take numbers off the steps to the nearest; the manifest says how many.
    replace
        Let the file's rows take the place of those that they contradict, also where the file was
        imported before; a file of the catalog that is damaged is written anew.
    """
    from_user = (venue, symbol, interval, kind, columns, ends)
    steps_of = (steps, tick, lot, round)
    code: int = _work("catalog").import_files(file, from_user, steps_of, common, replaces=replace)
    return code


def list_data(*, common: InCatalog = _DEFAULT) -> int:
    """List what the catalog holds: from when to when, where gaps are, and from which sources."""
    code: int = _work("catalog").show_datasets(common)
    return code


def check_data(
    *name: str,
    start: Annotated[str, Parameter(name="--from")] = "",
    end: Annotated[str, Parameter(name="--to")] = "",
    common: InCatalog = _DEFAULT,
) -> int:
    """Check data: gaps, duplicates, order of time, crossed books, outliers.

    The exit code is 1 where something was found. Gaps and outliers are facts about the market or
    its recording as often as mistakes: they are listed with their places, so that you can judge.

    Example: steelyard data check binance/BTC-USDT

    Parameters
    ----------
    name
        What to check, as `list` names it, or the beginning of it; default: everything.
    start
        From when on: 2024-01-05.
    end
        Until when.
    """
    code: int = _work("catalog").show_findings(name, start, end, common)
    return code


def download_data(
    symbol: str,
    /,
    *,
    start: Annotated[str, Parameter(name="--from")],
    end: Annotated[str, Parameter(name="--to")] = "",
    series: str = "klines",
    interval: str = "",
    market: str = "spot",
    venue: str = "",
    base_url: str = "",
    keep: Path | None = None,
    tick: str = "",
    lot: str = "",
    steps: str = "listed",
    round: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002 the option's name
    common: InCatalog = _DEFAULT,
) -> int:
    """Download a venue's public archive and import it.

    Whole months come as one file. A day that the archive does not have is named as a gap. Files
    that were imported before are not downloaded again, and what an interrupted run has begun is
    gone on with.

    Example: steelyard data download BTC-USDT --interval 1m --from 2024-01-01 --to 2024-03-31

    Parameters
    ----------
    symbol
        The market, as BTC-USDT.
    start
        The first day: 2024-01-01.
    end
        The last day, included; default: yesterday (UTC).
    series
        klines, aggTrades, trades or bookTicker.
    interval
        Of klines: 1s, 1m, 1h, 1d.
    market
        spot; um and cm are futures. Theirs get a venue of their own: the venue's name, a dash, and
        the market's.
    venue
        Whose archive; default: the one that is known.
    base_url
        Another place that has the same files.
    keep
        Folder in which the files stay; else they go when they are imported.
    tick
        The price step; default: the listing's, else the finest decimal of the data.
    lot
        The size step, likewise.
    steps
        `listed` takes the steps of a market that is listed; `derived` those of the data.
    round
        Take numbers off the steps to the nearest; the manifest says how many.
    """
    wish = (symbol, start, end, series, interval, market, venue)
    steps_of = (steps, tick, lot, round)
    code: int = _work("download").download_files(wish, steps_of, base_url, keep, common)
    return code


def record_data(
    dialect: str,
    symbol: str,
    /,
    out: Path | None = None,
    *,
    rest: str,
    ws: str,
    hours: float = 0.0,
    size: str = "",
    common: InCatalog = _DEFAULT,
) -> int:
    """Record a venue's public stream: book, trades, and the touch where there is a stream of it.

    Nothing is sent but what a subscription takes; no key is used. A connection that breaks is
    opened again, and the recording says from when to when frames lack. Ctrl-C ends it in order.

    Example: steelyard data record binance BTC-USDT --rest https://api.binance.com --ws
    wss://stream.binance.com:9443 --hours 24

    Parameters
    ----------
    dialect
        Which language the venue speaks: any but native, as binance or coinbase-advanced.
    symbol
        The market, as BTC-USDT.
    out
        The file; default: DIALECT-SYMBOL-TIME.jsonl.gz here. One that is there is gone on with.
    rest
        Where the venue answers requests: https://api.binance.com, or an exchange of yours.
    ws
        Where its streams are: wss://stream.binance.com:9443.
    hours
        End after so long; else when you say so.
    size
        End when the file is so large: 500MB, 2GB.
    """
    code: int = _work("record").record_stream(dialect, symbol, out, (rest, ws), hours, size, common)
    return code


def _work(what: str) -> Any:
    """Return the module that does it.

    Raises:
        ConfigError: numpy or polars is not installed.
    """
    try:
        return import_module(f"steelyard.cli.data_{what}")
    except ModuleNotFoundError as error:
        if error.name in EXTRA:
            raise ConfigError(
                f"market data needs {error.name}: pip install 'steelyard[data]'"
            ) from error
        raise
