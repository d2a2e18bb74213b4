"""What a venue's public archive of market data is made of, as values: names, places, columns.

An archive has files of a day or a month per symbol and series. It is told as patterns of names and
templates of paths; whoever downloads or reads the files does the rest.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Series(NamedTuple):
    """One series of files.

    pattern matches a file's name without the endings of its packing; its groups are `symbol`,
    `date` and, of bars, `interval`. columns are the tables that the series had over time, told
    apart by how many columns they have. daily and monthly are paths below the archive's base, with
    `{symbol}`, `{date}` and `{interval}`; empty where there are none.
    """

    kind: str  # bars, trades, aggtrades, touch, depth
    pattern: re.Pattern[str]
    columns: tuple[tuple[str, ...], ...]
    daily: str
    monthly: str


class MarketOf(Protocol):
    """Tells by what is in a file which of a venue's markets it is of."""

    def __call__(self, series: str, symbol: str, names: Sequence[str], *, has_header: bool) -> str:
        """Return the market's name for users; empty: the main one, or the file does not tell."""
        ...


class Archive(NamedTuple):
    """A venue's archive. The venue of a market that is not the main one is `<venue>-<market>`."""

    venue: str
    title: str
    base_url: str
    markets: dict[str, str]  # by the name for users: what `{market}` is in a path
    series: dict[str, Series]
    checksum: str  # what is added to a path to get its checksum's
    missing_symbol: str = ""
    market_of: MarketOf | None = None
