"""The table of figures that a report shows: name, words, unit, and which way is better.

The page, the terminal, a comparison and docs/concepts/report.md all go by it; `metrics` computes
what it names. A money's value is decimal text, a share's or ratio's a float, a count's and a
time's a whole number; one that cannot be told is None and says why.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from msgspec import Struct

from steelyard.backtest.metrics import Metrics
from steelyard.domain.units import in_full

Value = int | float | str | None


class Unit(StrEnum):
    """What a value is of, and so how it is written."""

    QUOTE = "quote"  # decimal text
    BASE = "base"  # decimal text
    SHARE = "share"  # 0.1 is 10 %
    RATE = "rate"  # the same, small: 0.001 is 10 basis points
    RATIO = "ratio"
    COUNT = "count"
    TIME = "time"  # nanoseconds
    DAYS = "days"


class Row(NamedTuple):
    """One figure: where it is found, and what it is called."""

    name: str  # of the field, after `costs.` or `trades.` where it is of those
    label: str
    group: str
    unit: Unit
    better: int  # 1 higher is better, -1 lower is, 0 neither
    about: str  # one line for a pointer that rests on it


class Figure(Struct, frozen=True, kw_only=True):
    """One figure of a run, ready to be shown."""

    name: str
    label: str
    group: str
    unit: Unit
    better: int
    about: str
    value: Value
    why: str | None = None  # there is no value


RESULT, RISK, MARKET, TRADES, COSTS, ACTIVITY = (
    "Result", "Risk", "Against the market", "Trades", "Costs", "Activity",
)  # fmt: skip
_Q, _S, _R, _N, _T = Unit.QUOTE, Unit.SHARE, Unit.RATIO, Unit.COUNT, Unit.TIME

FIGURES: tuple[Row, ...] = (
    Row("profit_quote", "Profit", RESULT, _Q, 1, "What became of the account, after all costs"),
    Row("return_share", "Return", RESULT, _S, 1, "Profit over the equity at the start"),
    Row("annual_return_share", "Return a year", RESULT, _S, 1, "Compounded over 365 days"),
    Row("start_quote", "Equity at the start", RESULT, _Q, 0, "The first point of the curve"),
    Row("end_quote", "Equity at the end", RESULT, _Q, 1, "The last point of the curve"),
    Row("open_profit_quote", "Of it still open", RESULT, _Q, 0,
        "Profit of the open position at the last price"),
    Row("sharpe", "Sharpe", RISK, _R, 1, "Mean daily return over its deviation, times root 365"),
    Row("sortino", "Sortino", RISK, _R, 1, "The same over the deviation of losing days alone"),
    Row("calmar", "Calmar", RISK, _R, 1, "Return a year over the deepest fall of daily values"),
    Row("drawdown_share", "Deepest drawdown", RISK, _S, -1, "From a peak; of bars at their closes"),
    Row("drawdown_longest_ns", "Longest drawdown", RISK, _T, -1, "From a peak until back there"),
    Row("drawdown_now_share", "Drawdown at the end", RISK, _S, -1, "Below the highest equity"),
    Row("annual_volatility_share", "Volatility a year", RISK, _S, -1,
        "Deviation of daily returns, times root 365"),
    Row("best_day_share", "Best day", RISK, _S, 1, "UTC days"),
    Row("worst_day_share", "Worst day", RISK, _S, 1, "UTC days"),
    Row("skew", "Skew of days", RISK, _R, 1, "Below zero: losses are rarer and larger than gains"),
    Row("kurtosis", "Kurtosis of days", RISK, _R, -1, "3 for the normal distribution"),
    Row("market_return_share", "Holding instead", MARKET, _S, 0,
        "All in at the first price, without costs"),
    Row("market_sharpe", "Its Sharpe", MARKET, _R, 0, "Of having held"),
    Row("market_drawdown_share", "Its drawdown", MARKET, _S, 0, "Of having held, at ends of days"),
    Row("beta", "Beta", MARKET, _R, 0, "How much of the market's day is in one's own"),
    Row("correlation", "Correlation", MARKET, _R, 0, "Of daily returns with the market's"),
    Row("exposed_share", "Time in the market", MARKET, _S, 0, "With a position that is not zero"),
    Row("exposure_mean_share", "Mean exposure", MARKET, _S, 0, "Position's worth over equity"),
    Row("exposure_max_share", "Largest exposure", MARKET, _S, -1, "Position's worth over equity"),
    Row("trades.trips", "Round trips", TRADES, _N, 0, "What one order closed of a position"),
    Row("trades.hit_share", "Hit rate", TRADES, _S, 1, "Trips with a profit after fees"),
    Row("trades.profit_factor", "Profit factor", TRADES, _R, 1, "Won over lost"),
    Row("trades.expectancy_quote", "Expectancy", TRADES, _Q, 1, "Mean profit of a trip"),
    Row("trades.expectancy_share", "Of what it put in", TRADES, _S, 1,
        "Mean of a trip's profit over its entry value"),
    Row("trades.win_mean_quote", "Mean win", TRADES, _Q, 1, "Of trips with a profit"),
    Row("trades.loss_mean_quote", "Mean loss", TRADES, _Q, 1, "Of trips with a loss"),
    Row("trades.best_quote", "Best trip", TRADES, _Q, 1, "After fees"),
    Row("trades.worst_quote", "Worst trip", TRADES, _Q, 1, "After fees"),
    Row("trades.losing_streak", "Losses in a row", TRADES, _N, -1, "The longest streak"),
    Row("trades.holding_mean_ns", "Mean holding time", TRADES, _T, 0,
        "From the average opening to the close"),
    Row("trades.holding_median_ns", "Median holding time", TRADES, _T, 0, "The same"),
    Row("trades.adverse_mean_share", "Mean adverse excursion", TRADES, _S, -1,
        "How far the price went against a trip"),
    Row("trades.adverse_worst_share", "Worst adverse excursion", TRADES, _S, -1, "The same"),
    Row("trades.favorable_mean_share", "Mean favorable excursion", TRADES, _S, 1,
        "How far the price went for a trip"),
    Row("costs.volume_quote", "Traded", COSTS, _Q, 0, "Bought and sold together"),
    Row("costs.turnover_per_year", "Turnover a year", COSTS, _R, -1, "Traded over mean equity"),
    Row("costs.fees_quote", "Fees", COSTS, _Q, -1, "Paid less rebates"),
    Row("costs.rebates_quote", "Rebates", COSTS, _Q, 1, "Received"),
    Row("costs.fee_rate", "Fees paid, as a rate", COSTS, Unit.RATE, -1, "Of all that was traded"),
    Row("costs.breakeven_fee_rate", "Breakeven fee rate", COSTS, Unit.RATE, 1,
        "Of all that was traded: at it the profit is zero"),
    Row("costs.gross_profit_quote", "Profit before fees", COSTS, _Q, 1, "Slippage is inside"),
    Row("costs.slippage.delay_quote", "Slippage: delay", COSTS, _Q, -1,
        "The middle moved while the order was on its way"),
    Row("costs.slippage.taking_quote", "Slippage: taking", COSTS, _Q, -1,
        "Half the spread, and impact, of takers"),
    Row("costs.slippage.resting_quote", "Slippage: resting", COSTS, _Q, -1,
        "Of makers; below zero is spread earned"),
    Row("days", "Days", ACTIVITY, Unit.DAYS, 0, "Of 24 hours"),
    Row("orders", "Orders", ACTIVITY, _N, 0, "That reached the exchange"),
    Row("fills", "Fills", ACTIVITY, _N, 0, "Executions"),
    Row("refused", "Refused by limits", ACTIVITY, _N, -1, "Wishes that never became orders"),
    Row("open_size", "Open at the end", ACTIVITY, Unit.BASE, 0, "Of the fills alone"),
)  # fmt: skip


def figures(metrics: Metrics) -> tuple[Figure, ...]:
    """Return every figure of the table with its value, or with why there is none."""
    return tuple(_figure(row, metrics) for row in FIGURES)


def _figure(row: Row, metrics: Metrics) -> Figure:
    found: Any = metrics
    for part in row.name.split("."):
        found = getattr(found, part)
    value: Value = in_full(found) if isinstance(found, Decimal) else found
    why = None
    if value is None:
        why = metrics.absent.get(row.name.rpartition(".")[2], "not known")
    return Figure(
        name=row.name,
        label=row.label,
        group=row.group,
        unit=row.unit,
        better=row.better,
        about=row.about,
        value=value,
        why=why,
    )
