"""Sentences that hurt: what speaks against believing a backtest, each with its rule and its number.

A warning is given where a value is beyond the limit named here, and says both. The limits are
chosen, not proven; none of them makes a strategy good. What is missing below is said in
docs/concepts/report.md.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from steelyard.backtest.columns import BarColumns
from steelyard.backtest.curves import DAY_NS, Floats
from steelyard.backtest.metrics import Metrics
from steelyard.backtest.overfit import Permuted, Sharpe
from steelyard.backtest.result import Records, Result
from steelyard.backtest.trips import Books
from steelyard.backtest.variants import Variant
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import RejectReason
from steelyard.domain.units import EXACT, from_atoms, in_full

TRIPS_MIN = 30
DAYS_MIN = 30.0
SPANS = 12  # equal parts of the run, each of which was up, down or sideways
STEPS_MIN = 10  # of the curve, in a part; with fewer no trend is told from noise
TREND = 0.5  # a part went somewhere if it went further than this share of its random walk
ONE_TREND_SHARE = 0.75  # so many parts of one kind are one regime
CALM_RATIO = 1.5  # the wildest part over the median one: below it there was one volatility
FEE_FACTOR = 1.5
OWN_VOLUME_SHARE = 0.1  # of a candle's volume
OVER_CAPACITY_SHARE = 0.01  # of what was traded, in candles where one's own share is above that
DRAWDOWN_SHARE = 0.2
DRAWDOWN_LENGTH_SHARE = 1 / 3  # of the run
BEST_TRIPS = 3
GAPS_SHARE = 0.01  # of the run
REFUSED_SHARE = 0.1  # of what was wanted
REJECTED_SHARE = 0.5  # of orders, from which on it is another strategy that was tested
OPEN_SHARE = 0.5  # of the profit
PROBABILITY_MIN = 0.95
CHANCE_MAX = 0.05
FILLS_SHARE = 0.2  # by which fills differ between the queue models, over the fewest of them


_MEANT = [RejectReason.POST_ONLY_WOULD_TAKE]


class Warned(Struct, frozen=True, kw_only=True):
    """One sentence: which rule, what was found, what the limit is."""

    rule: str
    is_serious: bool  # it alone is a reason not to believe the profit
    text: str
    value: float
    limit: float


class Case(NamedTuple):
    """All that the rules look at."""

    result: Result
    metrics: Metrics
    books: Books
    sharpe: Sharpe | None
    signals: Permuted | None
    variants: tuple[Variant, ...] = ()


class Regimes(NamedTuple):
    """The kinds of market that a run has seen, by equal parts of its time."""

    up: int
    down: int
    sideways: int
    wildest: float  # the highest volatility of a part over the median one


def judge(case: Case, *, is_leg: bool = False) -> tuple[Warned, ...]:
    """Return what speaks against a run, the serious first, otherwise in the order of the rules.

    Of a leg of several only those are asked that do not ask for its profit.
    """
    rules = OF_LEGS if is_leg else RULES
    found = [warned for rule in rules for warned in rule(case)]
    return tuple(sorted(found, key=lambda warned: not warned.is_serious))


def regimes(curve: Records) -> Regimes | None:
    """Return the kinds of market in the curve's prices; None of too few points to tell.

    A part is up or down where its price went further than half of what a random walk of the same
    steps goes in it (one deviation of a step times the root of their number), else sideways.
    """
    prices = curve["price"]
    if len(prices) < SPANS * STEPS_MIN + 1 or not np.all(prices > 0):
        return None
    steps = np.diff(np.log(prices))
    kinds = {1: 0, -1: 0, 0: 0}
    spreads = []
    for part in np.array_split(steps, SPANS):
        spread = float(np.std(part))
        walk = spread * float(np.sqrt(len(part)))
        gone = float(np.sum(part))
        kinds[0 if abs(gone) <= TREND * walk else int(np.sign(gone))] += 1
        spreads.append(spread)
    usual = float(np.median(spreads))
    return Regimes(kinds[1], kinds[-1], kinds[0], max(spreads) / usual if usual > 0 else 1.0)


def over_capacity(fills: Records, candles: BarColumns) -> tuple[float, float, int]:
    """Return the share of traded lots in candles where one's own share was too large.

    And the largest share, and the number of such candles. A candle without volume is one where any
    fill is all of it; a fill outside of all candles is in no sum.
    """
    at = np.searchsorted(candles.open_ns, fills["time_ns"], side="right") - 1
    inside = (at >= 0) & (
        fills["time_ns"] < candles.open_ns[np.maximum(at, 0)] + candles.interval_ns
    )
    lots = fills["size_lots"][inside].astype(np.float64)
    own = np.bincount(at[inside], weights=lots, minlength=len(candles))
    if not np.sum(own):
        return 0.0, 0.0, 0
    volume = candles.volume_lots.astype(np.float64)
    share: Floats = np.where(own > 0, own / np.maximum(volume, np.maximum(own * 1e-9, 1e-9)), 0.0)
    share = np.minimum(share, 1.0)
    over = share > OWN_VOLUME_SHARE
    return float(np.sum(own[over]) / np.sum(own)), float(np.max(share)), int(np.count_nonzero(over))


def _failed(case: Case) -> Iterator[Warned]:
    if case.result.about.failure is not None:
        last = case.result.about.failure.strip().splitlines()[-1:] or [""]
        yield _hard("failed", f"The strategy raised an error and was stopped: {last[0]}", 1, 0)


def _partial(case: Case) -> Iterator[Warned]:
    if case.result.about.is_partial:
        yield _hard("partial", "The run was stopped before the end of its data.", 1, 0)


def _gaps(case: Case) -> Iterator[Warned]:
    about = case.result.about
    gaps = [gap for source in about.sources for gap in source.gaps]
    missing = sum(until - begin for begin, until in gaps)
    span = about.end_ns - about.start_ns
    if not gaps or span <= 0:
        return
    share, longest = missing / span, max(until - begin for begin, until in gaps)
    text = (
        f"The data have {_count(len(gaps), 'gap')} that make up {_percent(share)} of the run; the "
        f"longest is {_time(longest)}. Whatever happened there, the strategy did not meet it."
    )
    yield Warned(
        rule="gaps", is_serious=share > GAPS_SHARE, text=text, value=share, limit=GAPS_SHARE
    )


def _few_trips(case: Case) -> Iterator[Warned]:
    trips = case.metrics.trades.trips
    if not case.metrics.fills:
        yield _hard("no_trades", "It never traded: there is nothing to judge.", 0, 1)
    elif trips < TRIPS_MIN:
        text = (
            f"Only {_count(trips, 'round trip')}: fewer than {TRIPS_MIN} say next to nothing about "
            "the next one."
        )
        yield _hard("few_trades", text, trips, TRIPS_MIN)


def _short(case: Case) -> Iterator[Warned]:
    if case.metrics.days < DAYS_MIN:
        text = (
            f"It saw {_time(round(case.metrics.days * DAY_NS))} of one market. Figures for a year "
            f"are blown up from that; {DAYS_MIN:.0f} days are the least to take them for more."
        )
        yield _soft("short_period", text, case.metrics.days, DAYS_MIN)


def _one_regime(case: Case) -> Iterator[Warned]:
    seen = regimes(case.result.curve)
    if seen is None:
        return
    kinds = {"rising": seen.up, "falling": seen.down, "sideways": seen.sideways}
    kind = max(kinds, key=lambda name: kinds[name])
    share = kinds[kind] / SPANS
    if share >= ONE_TREND_SHARE:
        text = (
            f"One kind of market: {kinds[kind]} of {SPANS} equal parts of the run were {kind}. It "
            "has not been tried in another."
        )
        yield _hard("one_trend", text, share, ONE_TREND_SHARE)
    if seen.wildest < CALM_RATIO:
        text = (
            f"One kind of volatility: the wildest twelfth of the run was {seen.wildest:.2f} times "
            f"the usual one. Real markets do {CALM_RATIO} and far more."
        )
        yield _soft("one_volatility", text, seen.wildest, CALM_RATIO)


def _cost_sensitive(case: Case) -> Iterator[Warned]:
    costs = case.metrics.costs
    net, quote = costs.net_profit_quote, case.result.about.instrument.quote
    if net <= 0:
        return
    at_more = net - Decimal(str(FEE_FACTOR - 1)) * costs.fees_quote
    if at_more <= 0:
        text = (
            f"Sensitive to costs: with fees {FEE_FACTOR} times as high the profit of "
            f"{_money(net)} {quote} becomes {_money(at_more)} {quote}."
        )
        yield _hard("fees", text, float(at_more), 0)
    at_worse = net - costs.tick_quote
    if at_worse <= 0:
        text = (
            f"Sensitive to slippage: one tick worse in each fill as a taker costs "
            f"{_money(costs.tick_quote)} {quote}, and the profit is {_money(net)} {quote}."
        )
        yield _hard("slippage", text, float(at_worse), 0)


def _capacity(case: Case) -> Iterator[Warned]:
    candles = case.result.candles
    if candles is None or not len(candles) or not len(case.result.fills):
        return
    share, largest, count = over_capacity(case.result.fills, candles)
    if share > OVER_CAPACITY_SHARE:
        text = (
            f"Too large for its market: {_percent(share)} of what it traded was in "
            f"{_count(count, 'candle')} of which it was more than {_percent(OWN_VOLUME_SHARE)} of "
            f"the volume; the most was {_percent(largest)}. The market would have answered."
        )
        yield _hard("capacity", text, share, OVER_CAPACITY_SHARE)


def _drawdown(case: Case) -> Iterator[Warned]:
    depth, longest = case.metrics.drawdown_share, case.metrics.drawdown_longest_ns
    span = case.result.about.end_ns - case.result.about.start_ns
    if depth > DRAWDOWN_SHARE:
        text = f"It fell by {_percent(depth)} from its peak. Would you have let it go on?"
        yield _soft("deep_drawdown", text, depth, DRAWDOWN_SHARE)
    if span > 0 and longest > span * DRAWDOWN_LENGTH_SHARE:
        text = (
            f"It was below an earlier peak for {_time(longest)} on end, {_percent(longest / span)} "
            "of the run."
        )
        yield _soft("long_drawdown", text, longest / span, DRAWDOWN_LENGTH_SHARE)


def _few_winners(case: Case) -> Iterator[Warned]:
    profits = sorted((trip.profit_atoms for trip in case.books.trips), reverse=True)
    total = sum(profits)
    if len(profits) <= BEST_TRIPS or total <= 0:
        return
    rest = total - sum(profits[:BEST_TRIPS])
    if rest <= 0:
        quote = case.result.about.instrument.quote
        text = (
            f"A few trades made it: without the {BEST_TRIPS} best of {len(profits)} round trips "
            f"the profit of {_money(from_atoms(total))} {quote} becomes "
            f"{_money(from_atoms(rest))} {quote}."
        )
        yield _hard("few_winners", text, float(from_atoms(rest)), 0)


def _open(case: Case) -> Iterator[Warned]:
    profit, held = case.metrics.costs.net_profit_quote, case.metrics.open_profit_quote
    if profit > 0 and held > Decimal(str(OPEN_SHARE)) * profit:
        share = float(held / profit)
        text = (
            f"{_percent(share)} of the profit is not taken: it is the open position at the last "
            "price."
        )
        yield _soft("open_profit", text, share, OPEN_SHARE)


def _worse_than_holding(case: Case) -> Iterator[Warned]:
    own, market = case.metrics.return_share, case.metrics.market_return_share
    if own is not None and market is not None and market > max(own, 0.0):
        base = case.result.about.instrument.base
        text = (
            f"Holding {base} would have made {_percent(market, signed=True)}, it made "
            f"{_percent(own, signed=True)}."
        )
        yield _soft("worse_than_holding", text, own, market)


def _luck(case: Case) -> Iterator[Warned]:
    sharpe = case.sharpe
    if sharpe is None or sharpe.daily_sharpe <= 0:
        return
    if sharpe.deflated is not None and sharpe.deflated < PROBABILITY_MIN:
        text = (
            f"Picked as the best of {_count(sharpe.trials or 0, 'trial')}: that its Sharpe ratio "
            f"is more than the luck of so many is {_percent(sharpe.deflated)} probable, below "
            f"{_percent(PROBABILITY_MIN)}."
        )
        yield _hard("picked", text, sharpe.deflated, PROBABILITY_MIN)
    elif sharpe.probability < PROBABILITY_MIN:
        text = (
            f"May be luck: that its Sharpe ratio is above zero at all is "
            f"{_percent(sharpe.probability)} probable after {_count(sharpe.days, 'day')}; "
            f"{_percent(PROBABILITY_MIN)} would take {sharpe.days_needed or 0:,.0f} such days."
        )
        yield _soft("luck", text, sharpe.probability, PROBABILITY_MIN)


def _timing(case: Case) -> Iterator[Warned]:
    signals = case.signals
    if signals is not None and case.metrics.profit_quote > 0 and signals.p_value > CHANCE_MAX:
        text = (
            "Its timing is no better than chance: holding the same positions at other times did as "
            f"well in {_percent(signals.p_value)} of {signals.runs:,} draws."
        )
        yield _soft("timing", text, signals.p_value, CHANCE_MAX)


def _undecided(case: Case) -> Iterator[Warned]:
    """What the queue models, or the orders of a bar's extremes, make of it."""
    rows = [row for row in case.variants if row.failure is None]
    if len(rows) < 2:  # noqa: PLR2004 nothing beside it
        return
    is_tape = case.result.about.interval_ns is None
    rule, its = ("queue", "queue") if is_tape else ("path", "order of a bar's extremes")
    by_profit = sorted(rows, key=lambda row: Decimal(row.profit_quote))
    worst, best = by_profit[0], by_profit[-1]
    low, high = Decimal(worst.profit_quote), Decimal(best.profit_quote)
    quote = case.result.about.instrument.quote
    if low <= 0 < high:
        text = (
            f"The {its} decides: {_money(low)} {quote} if it is {worst.name}, and {_money(high)} "
            f"{quote} if it is {best.name}. Which of them was true the data do not say."
        )
        yield _hard(rule, text, float(low), 0)
        return
    fewest, most = min(row.fills for row in rows), max(row.fills for row in rows)
    share = (most - fewest) / max(fewest, 1)
    if share > FILLS_SHARE:
        text = (
            f"Its fills depend on the {its}: {fewest:,} to {most:,}, and {_money(low)} to "
            f"{_money(high)} {quote}."
        )
        yield _soft(rule, text, share, FILLS_SHARE)


def _refused(case: Case) -> Iterator[Warned]:
    refused, orders = case.metrics.refused, case.metrics.orders
    share = refused / (refused + orders) if refused else 0.0
    if share > REFUSED_SHARE:
        named = case.result.totals.refusals
        most = max(named, key=lambda name: named[name], default="")
        which = f" ({most}: {named[most]:,})" if most else ""
        text = (
            f"Limits refused {refused:,} of {refused + orders:,} things that the strategy wanted"
            f"{which}: what was tested is the strategy and its limits together."
        )
        yield _soft("refused", text, share, REFUSED_SHARE)


def _rejected(case: Case) -> Iterator[Warned]:
    """Orders that the exchange refused; post-only ones that would take are meant to be."""
    orders = case.result.orders
    reasons = orders["reject_reason"][orders["state"] == OrderState.REJECTED]
    reasons = reasons[~np.isin(reasons, _MEANT)]
    if not len(orders) or len(reasons) <= REFUSED_SHARE * len(orders):
        return
    numbers, counts = np.unique(reasons, return_counts=True)
    most = int(numbers[np.argmax(counts)])
    name = RejectReason(most).name.lower().replace("_", " ")
    hint = ""
    if most == RejectReason.INSUFFICIENT_BALANCE:
        base = case.result.about.instrument.base
        hint = f": deposit more or order less; what is sold has to be there, so deposit {base} too"
    share = len(reasons) / len(orders)
    text = (
        f"The exchange refused {len(reasons):,} of {_count(len(orders), 'order')}, "
        f"{int(counts.max()):,} of them for {name}{hint}."
    )
    make = _hard if share > REJECTED_SHARE else _soft
    yield make("rejected", text, share, REFUSED_SHARE)


def _fees_elsewhere(case: Case) -> Iterator[Warned]:
    if case.books.other_fees:
        count = len(case.books.other_fees)
        text = (
            f"Fees in {_count(count, 'other asset')} have no price here and are not in the profit; "
            "the costs name them."
        )
        yield _soft("unvalued_fees", text, count, 0)


RULES: tuple[Callable[[Case], Iterator[Warned]], ...] = (
    _failed,
    _partial,
    _rejected,
    _few_trips,
    _cost_sensitive,
    _undecided,
    _capacity,
    _few_winners,
    _one_regime,
    _gaps,
    _luck,
    _timing,
    _worse_than_holding,
    _drawdown,
    _open,
    _short,
    _refused,
    _fees_elsewhere,
)
OF_LEGS = (_failed, _partial, _rejected, _capacity, _gaps, _refused, _fees_elsewhere)


def _hard(rule: str, text: str, value: float, limit: float) -> Warned:
    return Warned(rule=rule, is_serious=True, text=text, value=float(value), limit=float(limit))


def _soft(rule: str, text: str, value: float, limit: float) -> Warned:
    return Warned(rule=rule, is_serious=False, text=text, value=float(value), limit=float(limit))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _percent(share: float, *, signed: bool = False) -> str:
    return f"{100 * share:{'+' if signed else ''},.1f} %"


def _money(amount: Decimal) -> str:
    rounded = amount.quantize(Decimal("0.01"), context=EXACT_ROUNDED)
    return in_full(rounded or Decimal(0))


EXACT_ROUNDED = EXACT.copy()
EXACT_ROUNDED.clear_traps()


def _time(duration_ns: int) -> str:
    """Return a duration in its largest sensible unit: `3.5 days`, `45 min`."""
    seconds = duration_ns / 10**9
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s"
