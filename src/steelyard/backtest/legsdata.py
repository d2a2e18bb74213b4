"""What a backtest of several legs is given: data and terms of each, and the wallets of venues.

All legs have bars of one length, or all have tapes: inside of a longer bar no price of a leg is
known to trade at. Bars are cut to the time that all legs have; a tape ends by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from steelyard.backtest.columns import BarColumns, Tape
from steelyard.backtest.lookahead import cut
from steelyard.backtest.result import Assumption, Result
from steelyard.backtest.settings import Settings
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS
from steelyard.trading.risk import Limits

A_LEG = "a leg"  # the assumption that says so
MARKS_MAX = 10_000  # of the equity over a whole run, about

Wallets = Mapping[str, Mapping[str, Decimal]]


class LegInput(NamedTuple):
    """What one leg plays: its data, at which venue, and what it is held to.

    Deposits are the venue's (`wallets`), not of settings.
    """

    data: BarColumns | Tape
    venue: str = "main"
    settings: Settings = Settings(deposits={})
    limits: Limits | None = None
    stop_loss: Decimal | None = None


def own_instrument(given: LegInput, at: int, ids: Mapping[str, int]) -> Instrument:
    """Return a leg's instrument by its place among the legs, and assets by their own numbers."""
    instrument = given.data.instrument
    return replace(
        instrument,
        instrument_id=at,
        base_asset_id=ids[instrument.base],
        quote_asset_id=ids[instrument.quote],
    )


def assets_of(instrument: Instrument) -> tuple[str, str]:
    """Return base and quote."""
    return instrument.base, instrument.quote


def asset_ids(legs: Mapping[str, LegInput]) -> dict[str, int]:
    """Return a number for each asset of the legs."""
    assets = [asset for leg in legs.values() for asset in assets_of(leg.data.instrument)]
    return {asset: number for number, asset in enumerate(dict.fromkeys(assets), 1)}


def numbers(venues: Sequence[str]) -> list[int]:
    """Return venues as numbers, the same for the same one."""
    places = {venue: at for at, venue in enumerate(dict.fromkeys(venues))}
    return [places[venue] for venue in venues]


def check_alike(legs: Mapping[str, LegInput]) -> None:
    """Refuse legs of which one would be traded where no price of it is known.

    Raises:
        ConfigError: They have not one kind of data.
    """
    kinds = {
        name: leg.data.interval_ns if isinstance(leg.data, BarColumns) else 0
        for name, leg in legs.items()
    }
    if len(set(kinds.values())) > 1:
        told = ", ".join(
            f"{name} has {f'bars of {kind // SECOND_NS} s' if kind else 'a tape'}"
            for name, kind in kinds.items()
        )
        raise ConfigError(
            f"{told}: give all legs bars of one interval, or tapes; inside of a longer bar no "
            "price is known to trade at"
        )


def check_wallets(wallets: Wallets, legs: Mapping[str, LegInput]) -> None:
    """Refuse money where no leg is, or of what none trades.

    Raises:
        ConfigError: The message says what can be deposited.
    """
    venues = list(dict.fromkeys(leg.venue for leg in legs.values()))
    for venue, wallet in wallets.items():
        if venue not in venues:
            raise ConfigError(f"wallets: no leg is at {venue}; legs are at {', '.join(venues)}")
        known = dict.fromkeys(
            asset
            for leg in legs.values()
            if leg.venue == venue
            for asset in assets_of(leg.data.instrument)
        )
        for asset, amount in wallet.items():
            if asset not in known:
                raise ConfigError(
                    f"wallets: {asset} is not traded at {venue}; deposit {', '.join(known)}"
                )
            if not amount.is_finite() or amount < 0:
                raise ConfigError(f"wallets: {asset} at {venue} is {amount}; it must be an amount")
    for venue in venues:
        if not any(wallets.get(venue, {}).values()):
            raise ConfigError(f"wallets: there is no money at {venue}, where legs trade")


def overlapping(legs: Mapping[str, LegInput]) -> dict[str, LegInput]:
    """Return the legs with the bars that all of them have the time of; tapes end by themselves.

    Raises:
        ConfigError: There is no such time.
    """
    spans = {name: _span_ns(leg.data) for name, leg in legs.items()}
    known = [span for span in spans.values() if span is not None]
    first = max((span[0] for span in known), default=0)
    last = min((span[1] for span in known), default=0)
    if known and first >= last:
        told = ", ".join(
            f"{name} has {moment_text(span[0])} to {moment_text(span[1])}"
            for name, span in spans.items()
            if span is not None
        )
        raise no_common_time(told)
    return {name: leg._replace(data=_between(leg.data, first, last)) for name, leg in legs.items()}


def _span_ns(data: BarColumns | Tape) -> tuple[int, int] | None:
    if not isinstance(data, BarColumns):
        return data.span_ns
    if not len(data):
        return 0, 0
    return int(data.open_ns[0]), int(data.open_ns[-1]) + data.interval_ns


def _between(data: BarColumns | Tape, first_ns: int, last_ns: int) -> BarColumns | Tape:
    if not isinstance(data, BarColumns):
        return data
    begin, end = np.searchsorted(data.open_ns, [first_ns, last_ns])
    return data if end - begin == len(data) else cut(data, int(begin), int(end))


def no_common_time(told: str) -> ConfigError:
    """Return what is said of data that do not overlap."""
    return ConfigError(f"the data of the legs have no time in common: {told}")


def moment_text(time_ns: int) -> str:
    """Return a time to the second, UTC."""
    return str(np.datetime64(time_ns, "ns").astype("datetime64[s]"))


def mark_ns(legs: Mapping[str, LegInput]) -> int:
    """Return how far apart marks are: a minute at least for bars, a second for tapes."""
    spans = [span for leg in legs.values() if (span := _span_ns(leg.data)) is not None]
    length_ns = min((last - first for first, last in spans), default=0)
    one = next(iter(legs.values())).data
    least_ns = max(one.interval_ns, 60 * SECOND_NS) if isinstance(one, BarColumns) else SECOND_NS
    return max(least_ns, -(-length_ns // MARKS_MAX // least_ns) * least_ns)


def step_ns_of(legs: Mapping[str, LegInput]) -> int:
    """Return the length of the bars, inside of which no timer goes off; 0 for tapes."""
    one = next(iter(legs.values()))
    is_free = one.settings.timers_in_bars
    return one.data.interval_ns if isinstance(one.data, BarColumns) and not is_free else 0


def taken_by_all(legs: Mapping[str, Result]) -> Iterator[Assumption]:
    """Yield what the legs take for granted: once where it is the same for all, else of each."""
    told: dict[str, dict[str, str]] = {}
    for name, leg in legs.items():
        for about, text in leg.about.assumptions:
            if about != A_LEG:
                told.setdefault(about, {})[name] = text
    for about, texts in told.items():
        if len(texts) == len(legs) and len({*texts.values()}) == 1:
            yield Assumption(about, next(iter(texts.values())))
        else:
            each = "; ".join(f"{name}: {text}" for name, text in texts.items())
            yield Assumption(about, each)
