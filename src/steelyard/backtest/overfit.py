"""How much of a result may be luck: probabilistic and deflated Sharpe, order of trades, signals.

Each is a pure function of numbers and a seed, and says what it takes for granted. None of them
proves a strategy; each can make one doubtful.

Sources: D. Bailey and M. Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (Journal of Risk,
2012) for the probabilistic ratio and the least length of a record, and "The Deflated Sharpe Ratio"
(Journal of Portfolio Management, 2014) for the deflated one. Sharpe ratios here are of one
observation (a day), not of a year: divide by the root of 365.
"""

import math
from statistics import NormalDist

import numpy as np
from msgspec import Struct

from steelyard.backtest.curves import Floats
from steelyard.domain.errors import UsageError

_NORMAL = NormalDist()
EULER_GAMMA = 0.5772156649015329
WORK_MAX = 20_000_000  # numbers that a shuffle may touch in all; runs become fewer beyond it
RUNS_MIN = 100


class Sharpe(Struct, frozen=True, kw_only=True):
    """What a run's Sharpe ratio is worth, given its days and the number of trials before it."""

    daily_sharpe: float
    days: int
    probability: float  # that the true ratio is above zero
    days_needed: float | None  # for a probability of 95 %; None where more days would not help
    trials: int | None
    expected_max: float | None  # the best daily ratio that so many worthless trials would show
    deflated: float | None  # the probability that the true ratio is above that


class Shuffled(Struct, frozen=True, kw_only=True):
    """The same trades in other orders: what the drawdown could have been. Shares are fractions."""

    runs: int
    seed: int
    observed_drawdown_share: float
    median_drawdown_share: float
    p95_drawdown_share: float  # one order in twenty is deeper
    worst_drawdown_share: float
    deeper_share: float  # of orders, with a deeper drawdown than the one that happened
    ruined_share: float  # of orders, in which the equity came to half or less


class Permuted(Struct, frozen=True, kw_only=True):
    """A statistic against what chance makes of it."""

    runs: int
    seed: int
    observed: float
    chance_mean: float
    chance_p95: float
    p_value: float  # (1 + orders at least as good) / (1 + orders): never zero


def probabilistic_sharpe(
    sharpe: float, days: int, skew: float, kurtosis: float, benchmark: float = 0.0
) -> float:
    """Return the probability that the true Sharpe ratio is above a benchmark.

    Takes returns for independent of each other. kurtosis is not in excess: 3 is normal.

    Raises:
        UsageError: Fewer than two observations.
    """
    _enough(days)
    spread = _spread(sharpe, skew, kurtosis)
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt(days - 1) / math.sqrt(spread))


def days_needed(
    sharpe: float, skew: float, kurtosis: float, probability: float = 0.95, benchmark: float = 0.0
) -> float | None:
    """Return the least length of a record; None where the ratio is not above the benchmark."""
    if sharpe <= benchmark:
        return None
    spread = _spread(sharpe, skew, kurtosis)
    return 1.0 + spread * (_NORMAL.inv_cdf(probability) / (sharpe - benchmark)) ** 2


def expected_max_sharpe(trials: int, deviation: float) -> float:
    """Return the best ratio to be expected of so many trials of strategies that are worth nothing.

    deviation is that of the trials' own Sharpe ratios. One trial is expected to show nothing.

    Raises:
        UsageError: No trial, or a negative deviation.
    """
    if trials < 1 or deviation < 0:
        raise UsageError(
            f"trials must be 1 or more and their deviation 0 or more; got {trials}, {deviation}"
        )
    if trials == 1:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return deviation * ((1.0 - EULER_GAMMA) * first + EULER_GAMMA * second)


def deflated_sharpe(
    sharpe: float, days: int, skew: float, kurtosis: float, trials: int, deviation: float
) -> float:
    """Return the probability that the true ratio is above what luck alone shows in so many trials.

    trials are those that were independent; counting related ones too makes it stricter.
    """
    best = expected_max_sharpe(trials, deviation)
    return probabilistic_sharpe(sharpe, days, skew, kurtosis, best)


def judge(
    returns: Floats, trials: int | None = None, deviation: float | None = None
) -> Sharpe | None:
    """Return what the Sharpe ratio of daily returns is worth; None where there is no ratio.

    trials and the deviation of their daily Sharpe ratios come from a sweep.
    """
    if len(returns) < 2:  # noqa: PLR2004 - a deviation needs two
        return None
    spread = float(np.std(returns, ddof=1))
    if spread < 1e-12:  # noqa: PLR2004 - an equity that stands still
        return None
    sharpe = float(np.mean(returns)) / spread
    centered = (returns - np.mean(returns)) / np.std(returns)
    skew, kurtosis = float(np.mean(centered**3)), float(np.mean(centered**4))
    best = deflated = None
    if trials is not None and deviation is not None:
        best = expected_max_sharpe(trials, deviation)
        deflated = probabilistic_sharpe(sharpe, len(returns), skew, kurtosis, best)
    return Sharpe(
        daily_sharpe=sharpe,
        days=len(returns),
        probability=probabilistic_sharpe(sharpe, len(returns), skew, kurtosis),
        days_needed=days_needed(sharpe, skew, kurtosis),
        trials=trials,
        expected_max=best,
        deflated=deflated,
    )


def shuffle_trades(profits: Floats, start: float, seed: int, runs: int = 1_000) -> Shuffled | None:
    """Return the drawdowns of the same trades in other orders; None of fewer than two trades.

    Takes trades for independent and their sizes for unchanged by what came before, so the end is
    always the same and only the way there differs. Falls are measured at the ends of trades. The
    runs become fewer where trades are very many.

    Raises:
        UsageError: The start is not positive.
    """
    if start <= 0:
        raise UsageError(f"an equity to begin with must be positive; got {start}")
    if len(profits) < 2:  # noqa: PLR2004 - one trade has one order
        return None
    runs = _affordable(runs, len(profits))
    rng = np.random.default_rng(seed)
    falls, lowest = np.empty(runs), np.empty(runs)
    for run in range(runs):
        falls[run], lowest[run] = _fall(rng.permutation(profits), start)
    observed = _fall(profits, start)[0]
    # Another order of the same sums may differ from this one in the last bit.
    deeper = falls > observed + 1e-12
    return Shuffled(
        runs=runs,
        seed=seed,
        observed_drawdown_share=observed,
        median_drawdown_share=float(np.median(falls)),
        p95_drawdown_share=float(np.quantile(falls, 0.95)),
        worst_drawdown_share=float(np.max(falls)),
        deeper_share=float(np.mean(deeper)),
        ruined_share=float(np.mean(lowest <= start / 2)),
    )


def permute_signals(
    positions: Floats, returns: Floats, seed: int, runs: int = 1_000
) -> Permuted | None:
    """Return whether positions were held at better times than chance would have chosen.

    positions[i] is what was held while returns[i] happened. The statistic is the sum of their
    products. Each run turns the positions by a random number of steps, as on a ring: so they stay
    as long and as many as they were, and the market stays as it was; only their agreement is
    broken. Costs are left out on both sides: they are the same for every turn.

    None where there is nothing to turn: fewer than three steps, or positions that never change.

    Raises:
        UsageError: The two are not equally long.
    """
    if len(positions) != len(returns):
        raise UsageError(f"{len(positions)} positions do not fit {len(returns)} returns")
    count = len(positions)
    if count < 3 or float(np.ptp(positions)) == 0.0:  # noqa: PLR2004 - two steps have one turn
        return None
    observed = float(np.dot(positions, returns))
    # All turns at once: a circular correlation. What is drawn is which of them are looked at.
    spectrum = np.conj(np.fft.rfft(positions)) * np.fft.rfft(returns)
    sums = np.fft.irfft(spectrum, count)  # sums[k] is of the positions, k steps later
    turns = np.random.default_rng(seed).integers(1, count, runs)
    return _against_chance(observed, sums[turns], seed)


def flip_trades(profits: Floats, seed: int, runs: int = 1_000) -> Permuted | None:
    """Return whether trades win more than a coin would: each run turns random signs around.

    Takes a trade that is worth nothing for as likely to win an amount as to lose it. The statistic
    is the mean profit. None of fewer than two trades.
    """
    if len(profits) < 2:  # noqa: PLR2004 - one coin has no distribution
        return None
    runs = _affordable(runs, len(profits))
    rng = np.random.default_rng(seed)
    chance = np.empty(runs)
    for run in range(runs):
        signs = rng.integers(0, 2, len(profits), np.int8) * 2.0 - 1.0
        chance[run] = np.mean(signs * profits)
    return _against_chance(float(np.mean(profits)), chance, seed)


def _against_chance(observed: float, chance: Floats, seed: int) -> Permuted:
    tolerance = 1e-9 * max(abs(observed), float(np.max(np.abs(chance))))
    as_good = int(np.count_nonzero(chance >= observed - tolerance))
    return Permuted(
        runs=len(chance),
        seed=seed,
        observed=observed,
        chance_mean=float(np.mean(chance)),
        chance_p95=float(np.quantile(chance, 0.95)),
        p_value=(1 + as_good) / (1 + len(chance)),
    )


def _fall(profits: Floats, start: float) -> tuple[float, float]:
    """Return the deepest fall and the lowest equity of profits in this order."""
    equity = np.concatenate([[start], start + np.cumsum(profits)])
    peaks = np.maximum.accumulate(equity)
    return float(np.max((peaks - equity) / peaks)), float(np.min(equity))


def _affordable(runs: int, length: int) -> int:
    return max(min(runs, WORK_MAX // length), min(runs, RUNS_MIN))


def _spread(sharpe: float, skew: float, kurtosis: float) -> float:
    """Return the variance of a Sharpe ratio's estimate, times observations less one."""
    spread = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    # No distribution has a kurtosis below 1 + skew^2, which keeps it positive; rounding may not.
    return max(spread, 1e-12)


def _enough(days: int) -> None:
    if days < 2:  # noqa: PLR2004 - a deviation needs two
        raise UsageError(f"{days} daily returns; two are the fewest that have a Sharpe ratio")
