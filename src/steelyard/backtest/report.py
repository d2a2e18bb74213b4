"""A run's report as a document: what the JSON file holds, and what the page draws from.

Amounts, prices and sizes are decimal text, exact; ratios and what is only drawn are floats; times
are UTC nanoseconds, those of charts whole seconds. The document is bounded whatever the run was:
curves, candles and marks are thinned out for drawing, and tables keep their first and last rows
and say how many they leave out. Figures, marks and sums are made from everything before that.

`SCHEMA` rises with each change that a reader would notice; `read` refuses what it does not know.
"""

import hashlib
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from steelyard.backtest import curves, metrics, overfit, page, trips, warnings
from steelyard.backtest.columns import BarColumns, Source
from steelyard.backtest.costs import slippage_half_atoms
from steelyard.backtest.figures import Figure, Unit, figures
from steelyard.backtest.metrics import Metrics
from steelyard.backtest.overfit import Permuted, Sharpe, Shuffled
from steelyard.backtest.page import Template
from steelyard.backtest.result import Assumption, Records, Result, fee_atoms
from steelyard.backtest.texts import TEXT_MAX, clean, plain_settings
from steelyard.backtest.trips import Books
from steelyard.backtest.variants import Variant
from steelyard.backtest.warnings import Case, Regimes, Warned
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument, foreign_asset_name
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import CancelCause, RejectReason
from steelyard.domain.units import ATOMS_PER_UNIT, EXACT, from_atoms, in_full, plain

SCHEMA = 1
POINTS_MAX = 2_400  # of curves
CANDLES_MAX = 2_400
ROWS_FIRST, ROWS_LAST = 2_000, 500  # of a table
NOTES_MAX = 500
FAILURE_MAX = 8_000
SECOND_NS = 10**9
TIME_MAX_NS = 2**63 - 1
AMOUNT = re.compile(r"-?\d{1,60}(\.\d{1,60})?")
DOUBTS = frozenset({"luck", "timing"})  # reservations with which a profit does not stand yet


class Head(Struct, frozen=True, kw_only=True):
    """Which run it was."""

    name: str
    strategy: str
    symbol: str
    base: str
    quote: str
    tick_size: str
    lot_size: str
    start_ns: int
    end_ns: int
    interval_ns: int | None
    sources: tuple[Source, ...]
    version: str
    is_partial: bool
    failure: str | None
    events: int
    seconds: float  # that the run took


class Verdict(Struct, frozen=True, kw_only=True):
    """The whole report in one line."""

    tone: Literal["good", "unsure", "bad"]
    text: str


class Curve(Struct, frozen=True, kw_only=True):
    """What is drawn over time, a list each; held is of having bought and held, if known."""

    time_s: list[int]
    equity: list[float]
    held: list[float] | None
    drawdown: list[float]  # a share, zero or below
    exposure: list[float]  # the position's worth over the equity, with its sign
    points: int  # of the run, of which these were chosen


class Candles(Struct, frozen=True, kw_only=True):
    """Candles to draw, a list each."""

    interval_ns: int
    decimals: int  # of a price
    time_s: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]  # base


class Marks(Struct, frozen=True, kw_only=True):
    """All fills of a side in a candle as one mark, a list each."""

    time_s: list[int]  # of the candle
    side: list[int]
    fills: list[int]
    size: list[str]
    price: list[str]  # on average, to a tenth of a tick
    fees_quote: list[str]


class TripRows(Struct, frozen=True, kw_only=True):
    """Round trips, a list each, oldest first; the middle may be left out."""

    total: int
    left_out: int
    number: list[int]
    opened_ns: list[int]
    closed_ns: list[int]
    side: list[int]
    size: list[str]
    entry_price: list[str]
    exit_price: list[str]
    fees_quote: list[str]
    profit_quote: list[str]
    profit_share: list[float]  # of the entry value


class FillRows(Struct, frozen=True, kw_only=True):
    """Fills, a list each, oldest first; the middle may be left out."""

    total: int
    left_out: int
    sha256: str  # of all of them: two runs with the same one have the same fills
    number: list[int]
    time_ns: list[int]
    order_id: list[int]
    side: list[int]
    price: list[str]
    size: list[str]
    is_maker: list[int]
    fee: list[str]
    fee_asset: list[str]
    delay_quote: list[str]  # what waiting cost, empty where no middle is known
    price_quote: list[str]  # what the price cost against the middle on arrival
    position: list[str]


class Tally(Struct, frozen=True, kw_only=True):
    """How orders ended: so many of this state, for this reason."""

    state: str
    reason: str | None
    orders: int


class Overfit(Struct, frozen=True, kw_only=True):
    """How much may be luck; what cannot be told is None and has a reason."""

    sharpe: Sharpe | None
    order: Shuffled | None
    signals: Permuted | None
    coin: Permuted | None
    absent: dict[str, str]


OF_A_LEG = Overfit(
    sharpe=None, order=None, signals=None, coin=None,
    absent=dict.fromkeys(("sharpe", "order", "signals", "coin"), "a leg is not judged alone"),
)  # fmt: skip


class Report(Struct, frozen=True, kw_only=True):
    """One run, as its JSON file has it."""

    schema: int = SCHEMA
    kind: Literal["report"] = "report"
    head: Head
    verdict: Verdict
    assumptions: tuple[Assumption, ...]
    warnings: tuple[Warned, ...]
    figures: tuple[Figure, ...]
    metrics: Metrics
    other_fees: dict[str, str]  # by asset, of those without a price here
    regimes: Regimes | None
    curve: Curve
    candles: Candles | None
    marks: Marks
    trips: TripRows
    fills: FillRows
    orders: tuple[Tally, ...]
    overfit: Overfit
    variants: tuple[Variant, ...] = ()  # the same run under what the data do not decide
    params: dict[str, Any]
    written: dict[str, str] | None = None  # of them, as the configuration had it
    legs: dict[str, str] = {}  # of what strategy of several this is one: what each trades
    settings: dict[str, Any]
    notes: tuple[tuple[int, str], ...]
    notes_left_out: int


def document(
    result: Result,
    *,
    seed: int = 1,
    trials: int | None = None,
    deviation: float | None = None,
    variants: tuple[Variant, ...] = (),
    is_leg: bool = False,
) -> Report:
    """Return the report of a run; variants are its lines under what the data do not decide.

    seed is of what is drawn by chance (orders of trades, turns of signals). trials, and the
    deviation of their daily Sharpe ratios, say of how many runs this one was picked. Of a leg only
    the rules are asked that do not ask for its profit.
    """
    about, instrument = result.about, result.about.instrument
    books = trips.book(result.fills, instrument)
    told = metrics.measure(result, books)
    luck = OF_A_LEG if is_leg else _overfit(result, books, seed, trials, deviation)
    case = Case(result, told, books, luck.sharpe, luck.signals, variants)
    warned = warnings.judge(case, is_leg=is_leg)
    candles = _joined(result.candles)
    return Report(
        head=Head(
            name=clean(about.name),
            strategy=clean(about.strategy),
            symbol=clean(instrument.symbol),
            base=clean(instrument.base),
            quote=clean(instrument.quote),
            tick_size=in_full(instrument.tick_size),
            lot_size=in_full(instrument.lot_size),
            start_ns=about.start_ns,
            end_ns=about.end_ns,
            interval_ns=about.interval_ns,
            sources=tuple(
                source._replace(name=clean(source.name), gaps=source.gaps[:NOTES_MAX])
                for source in about.sources
            ),
            version=clean(about.version),
            is_partial=about.is_partial,
            failure=None if about.failure is None else clean(about.failure[-FAILURE_MAX:]),
            events=result.totals.events,
            seconds=float(result.totals.seconds),
        ),
        verdict=verdict(result, told, warned),
        assumptions=tuple(
            Assumption(clean(each.about), clean(each.text)) for each in about.assumptions
        ),
        warnings=warned,
        figures=figures(told),
        metrics=told,
        other_fees={
            _asset(asset, instrument): in_full(from_atoms(fee))
            for asset, fee in books.other_fees.items()
        },
        regimes=warnings.regimes(result.curve),
        curve=_curve(result.curve),
        candles=None if candles is None else _candles(candles),
        marks=_marks(result.fills, books, candles, instrument),
        trips=_trips(books, instrument),
        fills=_fills(result.fills, instrument),
        orders=_orders(result.orders),
        overfit=luck,
        variants=variants,
        params=plain_settings(about.params),
        written=about.written,
        legs=about.legs,
        settings=plain_settings(about.settings),
        notes=tuple((at, clean(text[:TEXT_MAX])) for at, text in result.notes[:NOTES_MAX]),
        notes_left_out=max(0, len(result.notes) - NOTES_MAX),
    )


def encode(report: Report) -> bytes:
    """Return the JSON file of a report."""
    return msgspec.json.encode(report)


def read(content: bytes) -> Report:
    """Return the report that a JSON file holds.

    Raises:
        UsageError: It is no report, or one of another schema.
    """
    try:
        kind = msgspec.json.decode(content, type=_Kind)
        if kind.kind != "report":
            more = "; give that of a leg, BOT-LEG.json" if kind.kind == "legs" else ""
            raise UsageError(f"this file holds a {kind.kind[:40]!r} and not a report{more}")
        if kind.schema != SCHEMA:
            raise UsageError(
                f"this report has schema {kind.schema}, and this version reads {SCHEMA}; make it "
                "again by `steelyard backtest`"
            )
        found = msgspec.json.decode(content, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"this file is no report of a backtest: {error}") from error
    if wrong := contradiction(found):
        raise UsageError(f"this file is no report of a backtest: {wrong}")
    return found


def html(report: Report, template: Template) -> str:
    """Return the report as one HTML file that needs nothing else."""
    return page.render(f"{report.head.name} · {report.head.symbol}", encode(report), template)


def verdict(result: Result, told: Metrics, warned: tuple[Warned, ...]) -> Verdict:
    """Return the line at the top: what came out, against what, and whether to believe it."""
    serious = sum(each.is_serious for each in warned)
    if result.about.failure is not None:
        return Verdict(tone="bad", text="The strategy failed, and the run ends there.")
    if not told.fills:
        return Verdict(tone="bad", text="It never traded.")
    days = span(told.days)
    own, market = told.return_share, told.market_return_share
    if own is None:
        return Verdict(tone="bad", text=f"It began with no equity, and ran for {days}.")
    holding = "" if market is None else f"; holding {result.about.instrument.base} {did(market)}"
    line = f"It {did(own)} after all costs in {days}{holding}."
    if own <= 0:
        return Verdict(tone="bad", text=clean(line))
    if not warned:
        return Verdict(
            tone="good", text=clean(f"{line} No rule speaks against it, which is no promise.")
        )
    if serious:
        things = "One thing speaks" if serious == 1 else f"{serious} things speak"
        return Verdict(tone="unsure", text=clean(f"{line} {things} against believing it."))
    count = len(warned)
    tone: Literal["good", "unsure"] = (
        "unsure" if any(each.rule in DOUBTS for each in warned) else "good"
    )
    notes = "One reservation" if count == 1 else f"{count} reservations"
    return Verdict(tone=tone, text=clean(f"{line} {notes}, none of them serious."))


def contradiction(found: Report) -> str | None:
    """Return what a file says that no report of ours does, beyond what its types tell."""
    for figure in found.figures:
        is_text = isinstance(figure.value, str)
        if figure.value is not None and is_text is not (figure.unit in (Unit.QUOTE, Unit.BASE)):
            return f"the figure {figure.name[:40]!r} is not of its unit"
        if is_text and not AMOUNT.fullmatch(str(figure.value)):
            return f"the figure {figure.name[:40]!r} is no amount"
    for rows in (found.fills, found.trips):
        columns = [value for value in msgspec.structs.astuple(rows) if isinstance(value, list)]
        if len({len(column) for column in columns}) > 1:
            return "the columns of a table are not equally long"
        if rows.left_out and len(rows.number) < ROWS_FIRST:
            return "a table leaves rows out, and has not its first ones"
    times = [found.head.start_ns, found.head.end_ns, *found.fills.time_ns]
    if not all(0 <= time_ns <= TIME_MAX_NS for time_ns in times):
        return "a time is beyond what a clock can tell"
    if len(found.curve.time_s) != len(found.curve.equity):
        return "the columns of the curve are not equally long"
    return None


def span(days: float) -> str:
    """Return the length of a run in the largest unit of which it has two."""
    for unit, per_day in (("days", 1), ("hours", 24), ("minutes", 1_440)):
        if days * per_day >= 2:  # noqa: PLR2004 - two of a unit are enough to count in it
            return f"{days * per_day:,.0f} {unit}"
    return f"{days * 86_400:,.0f} seconds"


def did(share: float) -> str:
    """Return what became of the account."""
    return f"{'lost' if share < 0 else 'made'} {abs(100 * share):,.2f} %"


class _Kind(Struct):
    kind: str
    schema: int


def _overfit(
    result: Result, books: Books, seed: int, trials: int | None, deviation: float | None
) -> Overfit:
    absent: dict[str, str] = {}
    curve = result.curve
    sharpe = overfit.judge(curves.days(curve).returns, trials, deviation)
    if sharpe is None:
        absent["sharpe"] = "there is no Sharpe ratio: too few days, or nothing moved"
    elif sharpe.deflated is None:
        absent["deflated"] = "one run alone; a sweep knows of how many it was picked"
    profits = np.array([trip.profit_atoms / ATOMS_PER_UNIT for trip in books.trips])
    start = float(curve["equity"][0]) if len(curve) else 0.0
    order = overfit.shuffle_trades(profits, start, seed) if start > 0 else None
    coin = overfit.flip_trades(profits, seed)
    if order is None:
        absent["order"] = "fewer than two round trips have no other order"
    if coin is None:
        absent["coin"] = "fewer than two round trips"
    signals = None
    if len(curve) and np.all(curve["equity"] > 0) and np.all(curve["price"] > 0):
        share = curve["position"] * curve["price"] / curve["equity"]
        moves = np.diff(curve["price"]) / curve["price"][:-1]
        signals = overfit.permute_signals(share[:-1], moves, seed)
    if signals is None:
        absent["signals"] = "the position never changed, or the curve has too few points"
    return Overfit(sharpe=sharpe, order=order, signals=signals, coin=coin, absent=absent)


def _curve(curve: Records) -> Curve:
    if not len(curve):
        return Curve(time_s=[], equity=[], held=None, drawdown=[], exposure=[], points=0)
    equity, held = curve["equity"], curves.held(curve)
    peaks = np.maximum.accumulate(equity)
    drawdown = np.where(peaks > 0, equity / np.where(peaks > 0, peaks, 1.0) - 1.0, 0.0)
    safe = np.where(equity > 0, equity, 1.0)
    exposure = np.where(equity > 0, curve["position"] * curve["price"] / safe, 0.0)
    series = [equity, exposure] if held is None else [equity, exposure, held]
    at = curves.thin(curve["time_ns"], series, POINTS_MAX)
    return Curve(
        time_s=(curve["time_ns"][at] // SECOND_NS).tolist(),
        equity=_short(equity[at]),
        held=None if held is None else _short(held[at]),
        drawdown=_short(drawdown[at]),
        exposure=_short(exposure[at]),
        points=len(curve),
    )


def _joined(candles: BarColumns | None) -> BarColumns | None:
    """Return candles of at least a second, at most so many; several become one."""
    if candles is None or not len(candles):
        return None
    span = int(candles.open_ns[-1] - candles.open_ns[0]) + candles.interval_ns
    few = max(
        -(-SECOND_NS // candles.interval_ns),
        -(-span // (candles.interval_ns * CANDLES_MAX)) if len(candles) > CANDLES_MAX else 1,
    )
    if few == 1:
        return candles
    interval = candles.interval_ns * few
    group = candles.open_ns // interval
    begins = np.flatnonzero(np.diff(group, prepend=group[:1] - 1))
    ends = np.append(begins[1:], len(candles)) - 1
    return BarColumns(
        candles.instrument,
        interval,
        group[begins] * interval,
        candles.open_ticks[begins],
        np.maximum.reduceat(candles.high_ticks, begins),
        np.minimum.reduceat(candles.low_ticks, begins),
        candles.close_ticks[ends],
        np.add.reduceat(candles.volume_lots, begins),
    )


def _candles(candles: BarColumns) -> Candles:
    tick, lot = float(candles.instrument.tick_size), float(candles.instrument.lot_size)
    exponent = candles.instrument.tick_size.as_tuple().exponent
    return Candles(
        interval_ns=candles.interval_ns,
        decimals=-exponent if isinstance(exponent, int) else 0,
        time_s=(candles.open_ns // SECOND_NS).tolist(),
        open=_short(candles.open_ticks * tick),
        high=_short(candles.high_ticks * tick),
        low=_short(candles.low_ticks * tick),
        close=_short(candles.close_ticks * tick),
        volume=_short(candles.volume_lots * lot),
    )


def _marks(
    fills: Records, books: Books, candles: BarColumns | None, instrument: Instrument
) -> Marks:
    """Return a mark for all fills of a side in a candle; those in a gap go to the candle before."""
    found: dict[tuple[int, int], list[int]] = {}
    if candles is not None and len(fills):
        at = np.maximum(np.searchsorted(candles.open_ns, fills["time_ns"], side="right") - 1, 0)
        rows = zip(
            at.tolist(), fills["side"].tolist(), fills["size_lots"].tolist(), books.quote_atoms,
            books.fee_values, strict=True,
        )  # fmt: skip
        for candle, side, lots, worth, fee in rows:
            mark = found.setdefault((candle, side), [0, 0, 0, 0])
            mark[0] += 1
            mark[1] += lots
            mark[2] += worth
            mark[3] += fee
    keys = sorted(found)
    times = [] if candles is None else (candles.open_ns // SECOND_NS).tolist()
    return Marks(
        time_s=[times[candle] for candle, _ in keys],
        side=[side for _, side in keys],
        fills=[found[key][0] for key in keys],
        size=[in_full(instrument.size(found[key][1])) for key in keys],
        price=[
            _price(found[key][2], found[key][1] * instrument.lot_atoms, instrument) for key in keys
        ],
        fees_quote=[in_full(from_atoms(found[key][3])) for key in keys],
    )


def _trips(books: Books, instrument: Instrument) -> TripRows:
    numbers = _kept(len(books.trips))
    kept = [books.trips[number] for number in numbers]
    return TripRows(
        total=len(books.trips),
        left_out=len(books.trips) - len(kept),
        number=[number + 1 for number in numbers],
        opened_ns=[trip.opened_ns for trip in kept],
        closed_ns=[trip.closed_ns for trip in kept],
        side=[trip.side for trip in kept],
        size=[in_full(from_atoms(trip.size_atoms)) for trip in kept],
        entry_price=[_price(trip.entry_atoms, trip.size_atoms, instrument) for trip in kept],
        exit_price=[_price(trip.exit_atoms, trip.size_atoms, instrument) for trip in kept],
        fees_quote=[in_full(from_atoms(trip.fees_atoms)) for trip in kept],
        profit_quote=[in_full(from_atoms(trip.profit_atoms)) for trip in kept],
        profit_share=[trip.profit_atoms / trip.entry_atoms for trip in kept],
    )


def _fills(fills: Records, instrument: Instrument) -> FillRows:
    at = _kept(len(fills))
    kept = fills[at]
    delays, prices = slippage_half_atoms(kept, instrument)
    known = ((kept["decided_half_ticks"] != 0) & (kept["arrived_half_ticks"] != 0)).tolist()

    def cost(half_atoms: int, is_known: bool) -> str:  # noqa: FBT001 - a column's cell
        if not is_known:
            return ""
        return in_full(plain(EXACT.divide(Decimal(half_atoms), Decimal(2 * ATOMS_PER_UNIT))))

    return FillRows(
        total=len(fills),
        left_out=len(fills) - len(kept),
        sha256=hashlib.sha256(np.ascontiguousarray(fills).tobytes()).hexdigest(),
        number=[number + 1 for number in at],
        time_ns=kept["time_ns"].tolist(),
        order_id=kept["order_id"].tolist(),
        side=kept["side"].tolist(),
        price=[in_full(instrument.price(ticks)) for ticks in kept["price_ticks"].tolist()],
        size=[in_full(instrument.size(lots)) for lots in kept["size_lots"].tolist()],
        is_maker=kept["is_maker"].tolist(),
        fee=[in_full(from_atoms(fee)) for fee in fee_atoms(kept)],
        fee_asset=[_asset(asset, instrument) for asset in kept["fee_asset_id"].tolist()],
        delay_quote=[cost(*each) for each in zip(delays, known, strict=True)],
        price_quote=[cost(*each) for each in zip(prices, known, strict=True)],
        position=[in_full(instrument.size(lots)) for lots in kept["position_lots"].tolist()],
    )


def _orders(orders: Records) -> tuple[Tally, ...]:
    """Return how orders ended, the most frequent first."""
    counts: dict[tuple[str, str | None], int] = {}
    columns = (orders[name].tolist() for name in ("state", "reject_reason", "cancel_cause"))
    for state, reject, cancel in zip(*columns, strict=True):
        reason = _name(RejectReason, reject) if reject else _name(CancelCause, cancel)
        key = (_name(OrderState, state) or str(state), reason)
        counts[key] = counts.get(key, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return tuple(
        Tally(state=state, reason=reason, orders=count) for (state, reason), count in ordered
    )


def _name(kind: Callable[[int], Any], value: int) -> str | None:
    if not value:
        return None
    try:
        return str(kind(value).name).lower().replace("_", " ")
    except ValueError:
        return str(value)


def _kept(rows: int) -> list[int]:
    """Return which rows of a table are kept: the first ones and the last ones."""
    if rows <= ROWS_FIRST + ROWS_LAST:
        return list(range(rows))
    return [*range(ROWS_FIRST), *range(rows - ROWS_LAST, rows)]


def _price(value_atoms: int, size_atoms: int, instrument: Instrument) -> str:
    """Return an average price, to a tenth of a tick, rounded down."""
    tenths = 10 * value_atoms * instrument.lot_atoms // (size_atoms * instrument.tick_lot_atoms)
    return in_full(plain(EXACT.multiply(instrument.tick_size, EXACT.scaleb(Decimal(tenths), -1))))


def _asset(asset_id: int, instrument: Instrument) -> str:
    if asset_id == instrument.base_asset_id:
        return clean(instrument.base)
    if asset_id == instrument.quote_asset_id:
        return clean(instrument.quote)
    return foreign_asset_name(asset_id) or f"asset {asset_id}"


def _short(values: NDArray[np.floating[Any]]) -> list[float]:
    """Return floats of nine digits, which is more than a screen shows; none is NaN or infinite."""
    return [float(f"{value:.9g}") if math.isfinite(value) else 0.0 for value in values.tolist()]
