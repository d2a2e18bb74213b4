"""What each asset of several legs is worth in one of them, by the middles of the legs themselves.

Nothing else prices anything: an asset is worth what a leg trades it at, or what several of them do
one after the other, the fewest and in their order. A leg at the same venue comes before others.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument

Floats = NDArray[np.float64]


class Step(NamedTuple):
    """One price on the way: of which leg, by its place, and whether it divides."""

    leg: int
    divides: bool


class Worth(NamedTuple):
    """The ways from each asset of each venue to one asset."""

    asset: str
    ways: dict[tuple[str, str], tuple[Step, ...]]  # by venue and asset
    text: str  # in words, for the top of a report

    def of(self, venue: str, asset: str, prices: Floats) -> Floats:
        """Return what one unit is worth, by rows of the prices of the legs."""
        found = np.ones(len(prices))
        for leg, divides in self.ways[(venue, asset)]:
            found = found / prices[:, leg] if divides else found * prices[:, leg]
        return found


def worth_of(instruments: Mapping[str, Instrument], venues: Mapping[str, str], asset: str) -> Worth:
    """Return the ways to an asset.

    Raises:
        ConfigError: From one of the assets there is none.
    """
    names = [*instruments]
    ways: dict[tuple[str, str], tuple[Step, ...]] = {}
    for venue in dict.fromkeys(venues.values()):
        here = [name for name in names if venues[name] == venue]
        order = [*here, *(name for name in names if name not in here)]
        known = _ways(asset, [(names.index(name), instruments[name]) for name in order])
        for name in here:
            for each in (instruments[name].base, instruments[name].quote):
                if each not in known:
                    raise ConfigError(
                        f"no leg tells what {each} is worth in {asset}; name another asset of the "
                        f"legs by equity, such as {instruments[names[0]].quote}"
                    )
                ways[(venue, each)] = known[each]
    return Worth(asset, ways, _text(asset, ways, names))


def _ways(asset: str, legs: list[tuple[int, Instrument]]) -> dict[str, tuple[Step, ...]]:
    found: dict[str, tuple[Step, ...]] = {asset: ()}
    queue = [asset]
    for there in queue:
        for at, instrument in legs:
            base, quote = instrument.base, instrument.quote
            for one, other, divides in ((base, quote, False), (quote, base, True)):
                if other == there and one not in found:
                    found[one] = (Step(at, divides), *found[there])
                    queue.append(one)
    return found


def _text(asset: str, ways: dict[tuple[str, str], tuple[Step, ...]], names: list[str]) -> str:
    priced: dict[tuple[str, str], list[str]] = {}
    for (venue, each), way in ways.items():
        if way:
            by = " and ".join(names[step.leg] for step in way)
            priced.setdefault((each, by), []).append(venue)
    told = [f"{each} at the middle of {by}" for each, by in priced]
    return f"in {asset}; {', '.join(told)}" if told else f"in {asset}"
