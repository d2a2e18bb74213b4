"""Public archives of venues: how their files are named, where they are, which columns they have.

A venue's own part is the module `archive` in its dialect's folder; here it is found by the venue's
name, or by the name of a file.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from steelyard import dialects
from steelyard.data.kinds import Kind
from steelyard.domain.errors import Unsupported
from steelyard.wire.archive import Archive


class Named(NamedTuple):
    """What the name of an archive's file says."""

    archive: Archive
    kind: Kind
    series: str  # the archive's own name of the kind
    symbol: str
    interval: str

    @property
    def venue(self) -> str:
        """The venue's name."""
        return self.archive.venue

    def venue_of(self, names: Sequence[str], *, has_header: bool) -> str:
        """Return whose a file is, by its columns too: markets of one venue are venues of ours."""
        market_of = self.archive.market_of
        if market_of is None:
            return self.venue
        market = market_of(self.series, self.symbol, names, has_header=has_header)
        return f"{self.venue}-{market}" if market else self.venue

    @property
    def form(self) -> str:
        """How the file was understood."""
        return f"{self.archive.title} {self.series}"

    def columns(self, count: int) -> tuple[str, ...] | None:
        """Return the names of so many columns; None where the archive has no such table."""
        tables = self.archive.series[self.series].columns
        return next((names for names in tables if len(names) == count), None)


@cache
def archives() -> tuple[Archive, ...]:
    """Return the archives that there are."""
    found = []
    for name in dialects.names():
        module = f"{dialects.__name__}.{name.replace('-', '_')}.archive"
        if find_spec(module) is not None:
            found.append(import_module(module).ARCHIVE)
    return tuple(found)


def archive_of(venue: str) -> Archive:
    """Return a venue's archive.

    Raises:
        Unsupported: It has none that is known.
    """
    for archive in archives():
        if venue == archive.venue:
            return archive
    known = ", ".join(archive.venue for archive in archives())
    raise Unsupported(f"no public archive of {venue!r} is known; there are those of {known}")


def named(name: str, venue: str = "") -> Named | None:
    """Return what a file's name says; None where it is no archive's."""
    for archive in archives():
        if venue and not venue.startswith(archive.venue):
            continue
        for series, form in archive.series.items():
            if match := form.pattern.fullmatch(name):
                interval = match.groupdict().get("interval") or ""
                return Named(archive, Kind(form.kind), series, match["symbol"], interval)
    return None
