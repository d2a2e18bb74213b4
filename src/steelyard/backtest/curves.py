"""What a curve of equity says: days, ratios in 365-day terms, falls, months; and thinning it.

A crypto market has no closing bell: days, months and years are UTC, and a year has 365 of them.
Each UTC day that a run touches has one return, from the last value before it to its last value; the
first day begins with the run, the last one ends with it. A day without a point has the return 0.

Nothing here is NaN or infinite: a figure that cannot be told is None, and `absent` says why.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.backtest.columns import Ints
from steelyard.backtest.result import Records

Floats = NDArray[np.float64]

DAY_NS = 86_400 * 10**9
YEAR_DAYS = 365
FALLS_MAX = 5  # of the deepest, for a table
FALL_MIN = 0.0001
FLAT = 1e-12  # a daily deviation below it is what floats make of an equity that stands still


class Days(NamedTuple):
    """The account at the start of a run and at each end of a UTC day of it."""

    end_ns: Ints  # of each day, without the start
    equity: Floats  # one more than days: the start comes first
    price: Floats  # of the mark, the same

    @property
    def returns(self) -> Floats:
        """The return of each day; empty where the equity was not positive throughout."""
        return _returns(self.equity)

    @property
    def market(self) -> Floats:
        """The same of the price: of having bought and held."""
        return _returns(self.price)


class Ratios(NamedTuple):
    """Figures of daily returns, a year having 365 days; as empyrical has them.

    Shares are fractions: 0.1 is 10 %. absent has the reason of each that is None.
    """

    sharpe: float | None
    sortino: float | None
    calmar: float | None
    annual_return_share: float | None
    annual_volatility_share: float | None
    daily_drawdown_share: float | None  # the deepest fall, of the ends of days alone
    best_day_share: float | None
    worst_day_share: float | None
    skew: float | None  # of daily returns, as a population's
    kurtosis: float | None  # the same, not in excess: 3 for the normal distribution
    absent: dict[str, str]


class Fall(NamedTuple):
    """A fall of the equity from a peak until it is back there."""

    peak_ns: int
    trough_ns: int
    recovered_ns: int | None  # None: it never was
    depth_share: float  # positive: 0.2 is a fall by 20 %
    length_ns: int  # from the peak to its recovery, or to the end of the run


class Month(NamedTuple):
    """One month, or the part of it that a run has."""

    year: int
    month: int  # 1 to 12
    return_share: float
    market_share: float | None  # of having bought and held


def days(curve: Records) -> Days:
    """Return the account at the ends of days; a day without a point keeps the value before it."""
    last = _lasts((curve["time_ns"] - 1) // DAY_NS)
    index = (curve["time_ns"][last] - 1) // DAY_NS
    if not len(last):
        return Days(index, curve["equity"][:1].copy(), curve["price"][:1].copy())
    every = np.arange(index[0], index[-1] + 1)
    known = last[np.searchsorted(index, every, side="right") - 1]
    return Days(
        (every + 1) * DAY_NS,
        np.concatenate([curve["equity"][:1], curve["equity"][known]]),
        np.concatenate([curve["price"][:1], curve["price"][known]]),
    )


def fall_share(equity: Floats) -> float:
    """Return the deepest fall from a peak, as a fraction of the peak."""
    if not len(equity):
        return 0.0
    peaks = np.maximum.accumulate(equity)
    with np.errstate(divide="ignore", invalid="ignore"):
        falls = np.where(peaks > 0, (peaks - equity) / peaks, 0.0)
    return float(np.max(falls))


def ratios(returns: Floats) -> Ratios:
    """Return the figures of daily returns.

    Fewer than two days have none of them: one return has no deviation, and a year made of one day
    says nothing.
    """
    absent: dict[str, str] = {}
    if len(returns) < 2:  # noqa: PLR2004 - a deviation needs two
        why = f"too few days: {len(returns)}, and two are the fewest"
        names = [name for name in Ratios._fields if name != "absent"]
        nothing: dict[str, Any] = dict.fromkeys(names)
        return Ratios(**nothing, absent=dict.fromkeys(names, why))
    mean, deviation = float(np.mean(returns)), float(np.std(returns, ddof=1))
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    growth = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    fall = float(np.max(1.0 - growth / np.maximum.accumulate(growth)))
    annual = _power(float(growth[-1]), YEAR_DAYS / len(returns))
    sharpe = sortino = calmar = skew = kurtosis = None
    if deviation < FLAT:
        absent |= dict.fromkeys(("sharpe", "skew", "kurtosis"), "the equity did not move")
    else:
        sharpe = mean / deviation * math.sqrt(YEAR_DAYS)
        centered = (returns - mean) / np.std(returns)
        skew, kurtosis = float(np.mean(centered**3)), float(np.mean(centered**4))
    if downside < FLAT:
        absent["sortino"] = "no day lost anything"
    else:
        sortino = mean * YEAR_DAYS / (downside * math.sqrt(YEAR_DAYS))
    if annual is None:
        absent |= dict.fromkeys(
            ("annual_return_share", "calmar"), "a year of such days is beyond any number"
        )
    elif fall < FLAT:
        absent["calmar"] = "the equity never fell from one day's end to another"
    else:
        calmar = annual / fall
    return Ratios(
        sharpe=sharpe,
        sortino=sortino,
        calmar=calmar,
        annual_return_share=annual,
        annual_volatility_share=deviation * math.sqrt(YEAR_DAYS),
        daily_drawdown_share=fall,
        best_day_share=float(np.max(returns)),
        worst_day_share=float(np.min(returns)),
        skew=skew,
        kurtosis=kurtosis,
        absent=absent,
    )


def falls(curve: Records) -> list[Fall]:
    """Return every fall of the curve from a peak, in time order."""
    equity, times = curve["equity"], curve["time_ns"]
    if not len(equity):
        return []
    peaks = np.maximum.accumulate(equity)
    below = np.concatenate([[False], equity < peaks, [False]])
    begins = np.flatnonzero(~below[:-1] & below[1:])  # the first point below
    ends = np.flatnonzero(below[:-1] & ~below[1:])  # the first one that is not, or the end
    found = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        trough = begin + int(np.argmin(equity[begin:end]))
        peak = float(peaks[begin])
        if peak <= 0:
            continue
        is_over = end < len(equity)
        peak_ns, until_ns = int(times[begin - 1]), int(times[end if is_over else -1])
        found.append(
            Fall(
                peak_ns,
                int(times[trough]),
                until_ns if is_over else None,
                1.0 - float(equity[trough]) / peak,
                until_ns - peak_ns,
            )
        )
    return found


def deepest(found: list[Fall]) -> list[Fall]:
    """Return the deepest falls, the deepest first; one that rounds to nothing is none."""
    return sorted(
        filter(lambda fall: fall.depth_share >= FALL_MIN, found), key=lambda fall: -fall.depth_share
    )[:FALLS_MAX]


def months(curve: Records) -> list[Month]:
    """Return the return of each UTC month that the curve touches, oldest first.

    Empty where the equity was not positive at the end of each.
    """
    if not len(curve):
        return []
    stamps = (curve["time_ns"] - 1).astype("datetime64[ns]").astype("datetime64[M]")
    last = _lasts(stamps.astype(np.int64))
    known = np.concatenate([[0], last])
    returns, market = _returns(curve["equity"][known]), _returns(curve["price"][known])
    if not len(returns):
        return []
    count = stamps[last].astype(np.int64)  # months since 1970
    return [
        Month(1970 + at // 12, at % 12 + 1, value, float(market[n]) if len(market) else None)
        for n, (at, value) in enumerate(zip(count.tolist(), returns.tolist(), strict=True))
    ]


def held(curve: Records) -> Floats | None:
    """Return the equity of having bought at the first price and held, without costs."""
    prices = curve["price"]
    if not len(curve) or not np.all(prices > 0):
        return None
    return np.asarray(curve["equity"][0] * (prices / prices[0]), np.float64)


def thin(times_ns: Ints, series: list[Floats], points_max: int) -> NDArray[np.intp]:
    """Return which points to draw: at most so many, no two of one second, no extreme left out.

    Points are taken from stretches of equal number: of each its last one, and where each series
    is lowest and highest. points_max counts all of them.
    """
    seconds = times_ns // 10**9
    kept = np.flatnonzero(np.diff(seconds, append=seconds[-1:] + 1))
    if len(kept) <= points_max:
        return kept
    per_stretch = 1 + 2 * len(series)
    edges = np.linspace(0, len(kept), max(1, points_max // per_stretch) + 1).astype(int)
    chosen = {int(kept[0]), int(kept[-1])}
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = kept[begin:end]
        chosen.add(int(part[-1]))
        for values in series:
            chosen.add(int(part[np.argmin(values[part])]))
            chosen.add(int(part[np.argmax(values[part])]))
    return np.array(sorted(chosen), np.intp)


def _lasts(index: Ints) -> NDArray[np.intp]:
    """Return the last point of each run of equal numbers; the very first point is only a start."""
    found = np.flatnonzero(np.diff(index, append=index[-1:] + 1))
    return found[found > 0]


def _returns(values: Floats) -> Floats:
    if len(values) < 2 or not np.all(values > 0):  # noqa: PLR2004 - one value has no return
        return np.empty(0)
    return np.asarray(values[1:] / values[:-1] - 1.0, np.float64)


def _power(base: float, exponent: float) -> float | None:
    """Return base ** exponent - 1; None where no float holds it."""
    try:
        return float(base**exponent) - 1.0
    except OverflowError:
        return None
