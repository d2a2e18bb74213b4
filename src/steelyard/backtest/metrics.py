"""Everything that a report tells of a run in numbers.

Money is a decimal number of quote, ratios and shares are floats (0.1 is 10 %), times nanoseconds.
Nothing is NaN: a figure that cannot be told is None, and `absent` has the reason under its name.
What a figure means in full is in docs/concepts/report.md.

Profit is told twice, because it is two things: `profit_quote` is what became of the account,
`costs.net_profit_quote` what the fills have made. They differ where the account began with base.
"""

from decimal import Context, Decimal
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from steelyard.backtest import costs, curves, trips
from steelyard.backtest.columns import BarColumns
from steelyard.backtest.costs import Costs
from steelyard.backtest.curves import DAY_NS, YEAR_DAYS, Fall, Floats, Month
from steelyard.backtest.result import Records, Result
from steelyard.backtest.trips import Books, Trip
from steelyard.domain.instrument import Instrument
from steelyard.domain.units import ATOMS_PER_UNIT, EXACT, from_atoms, plain

MONEY_DECIMALS = 8  # of amounts that come from the curve, which is in floats


_WIDE = Context(prec=60)  # rounds, and has room for whatever a float may be of money


class Trades(Struct, frozen=True, kw_only=True):
    """What the round trips say. Profits after fees."""

    trips: int
    wins: int
    losses: int  # a trip of exactly nothing is neither
    hit_share: float | None
    profit_factor: float | None  # what the winners made over what the losers lost
    expectancy_quote: Decimal | None  # the mean profit of a trip
    expectancy_share: float | None  # the mean of profit over entry value
    win_mean_quote: Decimal | None
    loss_mean_quote: Decimal | None  # negative
    best_quote: Decimal | None
    worst_quote: Decimal | None
    losing_streak: int  # so many in a row
    holding_mean_ns: int | None
    holding_median_ns: int | None
    adverse_mean_share: float | None  # how far the price went against a trip, over entry price
    adverse_worst_share: float | None
    favorable_mean_share: float | None
    excursions: int  # trips of which that is known


class Metrics(Struct, frozen=True, kw_only=True):
    """All figures of a run."""

    start_quote: Decimal
    end_quote: Decimal
    profit_quote: Decimal
    return_share: float | None
    market_return_share: float | None  # of having bought all at once and held, without costs
    days: float  # 24 hours each
    daily_returns: int
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    annual_return_share: float | None
    annual_volatility_share: float | None
    market_sharpe: float | None
    market_drawdown_share: float | None
    beta: float | None
    correlation: float | None
    best_day_share: float | None
    worst_day_share: float | None
    skew: float | None
    kurtosis: float | None
    drawdown_share: float  # the deepest fall: of bars at their closes, of a tape at the curve
    drawdown_longest_ns: int  # of the curve
    drawdown_now_share: float
    falls: tuple[Fall, ...]  # the deepest ones
    exposed_share: float | None  # of the time
    exposure_mean_share: float | None  # the position's worth over the equity, over time
    exposure_max_share: float | None
    orders: int
    fills: int
    refused: int
    open_size: Decimal  # base, of the fills alone; negative for a short
    open_profit_quote: Decimal  # of it, at the last mark, after its fees
    costs: Costs
    trades: Trades
    months: tuple[Month, ...]
    absent: dict[str, str]

    def by_name(self) -> dict[str, float | None]:
        """Return each plain figure as a float, for a sweep's objective: `sharpe`, `profit_quote`.

        Those of costs and trades are among them by their own names.
        """
        found: dict[str, float | None] = {}
        for part in (self, self.costs, self.costs.slippage, self.trades):
            for name in part.__struct_fields__:
                value: Any = getattr(part, name)
                if value is None or isinstance(value, int | float | Decimal):
                    found[name] = None if value is None else float(value)
        return found


def measure(result: Result, books: Books | None = None) -> Metrics:
    """Return all figures of a run; books are those of its fills, where they are at hand."""
    about, totals, curve = result.about, result.totals, result.curve
    instrument = about.instrument
    books = books or trips.book(result.fills, instrument)
    absent: dict[str, str] = {}
    span_ns = max(0, about.end_ns - about.start_ns)
    years = span_ns / (YEAR_DAYS * DAY_NS)
    first, last = _ends(curve["equity"])
    mark = _ends(curve["price"])[1]
    daily = curves.days(curve)
    told = curves.ratios(daily.returns)
    market = curves.ratios(daily.market)
    absent |= told.absent
    of_market = {"market_sharpe": "sharpe", "market_drawdown_share": "daily_drawdown_share"}
    absent |= {
        name: f"of the market: {market.absent[its]}"
        for name, its in of_market.items()
        if its in market.absent
    }
    found = curves.falls(curve)
    cost = costs.measure(
        result.fills, books, instrument, mark, float(np.mean(curve["equity"])) if len(curve) else 0,
        years,
    )  # fmt: skip
    trades = _trades(books, instrument, result.candles, absent)
    beta, correlation = _against(daily.returns, daily.market, absent)
    mean, highest = _exposure(curve, absent)
    if first <= 0:
        absent["return_share"] = "the run began with no equity"
    held = curves.held(curve)
    if held is None:
        absent["market_return_share"] = "the price of the mark is not known throughout"
    if not span_ns:
        absent["exposed_share"] = "the run took no time"
    profit = _money(last - first)
    open_profit = books.profit_atoms(_half_ticks(mark, instrument.tick_size), instrument) - (
        books.realized_atoms - (books.fees_atoms - books.open_fees_atoms)
    )
    absent |= cost.absent
    return Metrics(
        start_quote=_money(first),
        end_quote=_money(last),
        profit_quote=profit,
        return_share=last / first - 1.0 if first > 0 else None,
        market_return_share=None if held is None else float(held[-1] / held[0] - 1.0),
        days=span_ns / DAY_NS,
        daily_returns=len(daily.returns),
        sharpe=told.sharpe,
        sortino=told.sortino,
        calmar=told.calmar,
        annual_return_share=told.annual_return_share,
        annual_volatility_share=told.annual_volatility_share,
        market_sharpe=market.sharpe,
        market_drawdown_share=market.daily_drawdown_share,
        beta=beta,
        correlation=correlation,
        best_day_share=told.best_day_share,
        worst_day_share=told.worst_day_share,
        skew=told.skew,
        kurtosis=told.kurtosis,
        drawdown_share=float(totals.drawdown),
        drawdown_longest_ns=max((fall.length_ns for fall in found), default=0),
        drawdown_now_share=_now(curve),
        falls=tuple(curves.deepest(found)),
        exposed_share=totals.exposed_ns / span_ns if span_ns else None,
        exposure_mean_share=mean,
        exposure_max_share=highest,
        orders=totals.orders,
        fills=totals.fills,
        refused=totals.refused,
        open_size=from_atoms(books.position_atoms),
        open_profit_quote=from_atoms(open_profit),
        costs=cost,
        trades=trades,
        months=tuple(curves.months(curve)),
        absent=absent,
    )


def excursions(
    trips_: tuple[Trip, ...], candles: BarColumns, tick_lot_atoms: int, lot_atoms: int
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return how far the price went against each trip and for it, as shares of its entry price.

    Only candles that lie wholly between opening and closing count, so what is told is the least
    that it was. The third array says for which trips there is any such candle.
    """
    opened = np.array([trip.opened_ns for trip in trips_], np.int64)
    closed = np.array([trip.closed_ns for trip in trips_], np.int64)
    begin = np.searchsorted(candles.open_ns, opened, side="left")
    end = np.searchsorted(candles.open_ns + candles.interval_ns, closed, side="right")
    known = end > begin
    side = np.array([trip.side for trip in trips_], np.float64)
    entry = np.array(
        [trip.entry_atoms * lot_atoms / (trip.size_atoms * tick_lot_atoms) for trip in trips_]
    )  # in ticks
    lows = _extremes(candles.low_ticks, begin, end, known, np.minimum)
    highs = _extremes(candles.high_ticks, begin, end, known, np.maximum)
    down, up = (lows - entry) / entry, (highs - entry) / entry
    against = np.where(side > 0, -down, up)
    favor = np.where(side > 0, up, -down)
    return np.maximum(against, 0.0), np.maximum(favor, 0.0), known


def _extremes(
    values: NDArray[np.int64],
    begin: NDArray[np.intp],
    end: NDArray[np.intp],
    known: NDArray[np.bool_],
    better: np.ufunc,
) -> Floats:
    """Return the extreme of values[begin:end] for each pair, by a table of powers of two."""
    levels = [values.astype(np.float64)]
    while 2 ** len(levels) <= len(values):
        half = 2 ** (len(levels) - 1)
        levels.append(better(levels[-1][:-half], levels[-1][half:]))
    found = np.zeros(len(begin))
    length = np.where(known, end - begin, 1)
    power = np.frexp(length)[1] - 1
    for level in np.unique(power[known]).tolist():
        at = np.flatnonzero(known & (power == level))
        table = levels[level]
        found[at] = better(table[begin[at]], table[end[at] - 2**level])
    return found


def _trades(
    books: Books,
    instrument: Instrument,
    candles: BarColumns | None,
    absent: dict[str, str],
) -> Trades:
    done = books.trips
    profits = [trip.profit_atoms for trip in done]
    wins = [profit for profit in profits if profit > 0]
    losses = [profit for profit in profits if profit < 0]
    holding = sorted(trip.closed_ns - trip.opened_ns for trip in done)
    against = favor = None
    known = 0
    if not done:
        names = (
            "hit_share", "profit_factor", "expectancy_quote", "expectancy_share", "win_mean_quote",
            "loss_mean_quote", "best_quote", "worst_quote", "holding_mean_ns", "holding_median_ns",
        )  # fmt: skip
        absent |= dict.fromkeys(names, "no position was closed")
    else:
        if not losses:
            absent |= dict.fromkeys(("profit_factor", "loss_mean_quote"), "no trip lost anything")
        if not wins:
            absent["win_mean_quote"] = "no trip won anything"
    if done and candles is not None and len(candles):
        against, favor, is_known = excursions(
            done, candles, instrument.tick_lot_atoms, instrument.lot_atoms
        )
        against, favor = against[is_known], favor[is_known]
        known = len(against)
    if not known:
        why = "no whole candle lies inside of any trip"
        for name in ("adverse_mean_share", "adverse_worst_share", "favorable_mean_share"):
            absent[name] = why
    return Trades(
        trips=len(done),
        wins=len(wins),
        losses=len(losses),
        hit_share=len(wins) / len(done) if done else None,
        profit_factor=sum(wins) / -sum(losses) if losses else None,
        expectancy_quote=_mean_quote(profits),
        expectancy_share=float(np.mean([trip.profit_atoms / trip.entry_atoms for trip in done]))
        if done
        else None,
        win_mean_quote=_mean_quote(wins),
        loss_mean_quote=_mean_quote(losses),
        best_quote=from_atoms(max(profits)) if done else None,
        worst_quote=from_atoms(min(profits)) if done else None,
        losing_streak=_streak(profits),
        holding_mean_ns=sum(holding) // len(holding) if done else None,
        holding_median_ns=holding[len(holding) // 2] if done else None,
        adverse_mean_share=float(np.mean(against)) if known and against is not None else None,
        adverse_worst_share=float(np.max(against)) if known and against is not None else None,
        favorable_mean_share=float(np.mean(favor)) if known and favor is not None else None,
        excursions=known,
    )


def _streak(profits: list[int]) -> int:
    longest = now = 0
    for profit in profits:
        now = now + 1 if profit < 0 else 0
        longest = max(longest, now)
    return longest


def _against(
    returns: Floats, market: Floats, absent: dict[str, str]
) -> tuple[float | None, float | None]:
    """Return beta and correlation of daily returns with the market's."""
    flat = curves.FLAT
    if len(returns) < 2 or len(market) != len(returns):  # noqa: PLR2004 - a covariance needs two
        absent |= dict.fromkeys(("beta", "correlation"), "too few days to compare with the market")
        return None, None
    spread, own = float(np.std(market)), float(np.std(returns))
    if spread < flat or own < flat:
        why = "the market did not move" if spread < flat else "the equity did not move"
        absent |= dict.fromkeys(("beta", "correlation"), why)
        return None, None
    together = float(np.mean((returns - np.mean(returns)) * (market - np.mean(market))))
    return together / spread**2, together / (spread * own)


def _exposure(curve: Records, absent: dict[str, str]) -> tuple[float | None, float | None]:
    """Return the mean and the largest worth of the position over the equity."""
    if len(curve) < 2 or not np.all(curve["equity"] > 0):  # noqa: PLR2004 - a time has two ends
        why = "the equity was not positive throughout"
        absent |= dict.fromkeys(("exposure_mean_share", "exposure_max_share"), why)
        return None, None
    share = np.abs(curve["position"] * curve["price"]) / curve["equity"]
    weights = np.diff(curve["time_ns"]).astype(np.float64)
    if not np.sum(weights):
        weights = np.ones(len(weights))
    return float(np.average(share[:-1], weights=weights)), float(np.max(share))


def _now(curve: Records) -> float:
    equity = curve["equity"]
    peak = float(np.max(equity)) if len(equity) else 0.0
    return max(0.0, 1.0 - float(equity[-1]) / peak) if peak > 0 else 0.0


def _ends(values: Floats) -> tuple[float, float]:
    return (float(values[0]), float(values[-1])) if len(values) else (0.0, 0.0)


def _half_ticks(mark: float, tick_size: Decimal) -> int:
    return round(2 * Decimal(mark) / tick_size)


def _money(value: float) -> Decimal:
    """Return an amount of the curve as a decimal number, to a hundred millionth."""
    return plain(Decimal(value).quantize(Decimal(1).scaleb(-MONEY_DECIMALS), context=_WIDE))


def _mean_quote(atoms: list[int]) -> Decimal | None:
    """Return the mean of amounts in quote, rounded down to an atom; None of none."""
    if not atoms:
        return None
    return EXACT.divide(Decimal(sum(atoms) // len(atoms)), Decimal(ATOMS_PER_UNIT))
