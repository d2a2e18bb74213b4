"""The report of a run of several legs: the whole in one asset, and each leg's own report.

A leg's report is that of a bot of its own (`backtest.report`), but for the rules that ask whether
its profit is to be believed: what one leg loses another may have made, so the whole is asked.
Amounts of the whole come from a curve in floats and are told as such; what moved is in the legs.
"""

import hashlib
from decimal import Context, Decimal
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct

from steelyard.backtest import curves, page, report
from steelyard.backtest.figures import Figure, Unit
from steelyard.backtest.legs import LegsResult
from steelyard.backtest.metrics import MONEY_DECIMALS, Metrics, measure
from steelyard.backtest.page import Template
from steelyard.backtest.report import Report, Verdict
from steelyard.backtest.result import Assumption
from steelyard.backtest.settings import BarPath
from steelyard.backtest.texts import TEXT_MAX, clean
from steelyard.backtest.variants import Variant
from steelyard.backtest.warnings import FEE_FACTOR, TRIPS_MIN, Warned
from steelyard.domain.errors import UsageError
from steelyard.domain.units import in_full, plain
from steelyard.engine.book import QueueModel

SCHEMA = 1
_Q = Unit.QUOTE
_ROWS: tuple[tuple[str, str, str, Unit, int, str], ...] = (
    ("profit_quote", "Profit", "Result", _Q, 1, "What became of all wallets"),
    ("return_share", "Return", "Result", Unit.SHARE, 1, "Profit over the equity at the start"),
    ("start", "Equity at the start", "Result", _Q, 0, "All wallets"),
    ("end", "Equity at the end", "Result", _Q, 1, "All wallets"),
    ("made", "Of it by fills", "Result", _Q, 1, "After fees; the rest is what deposits became"),
    ("sharpe", "Sharpe", "Risk", Unit.RATIO, 1,
        "Mean daily return over its deviation, times root 365"),
    ("drawdown_share", "Deepest drawdown", "Risk", Unit.SHARE, -1,
        "From a peak, at the marks of the curve"),
    ("drawdown_longest_ns", "Longest drawdown", "Risk", Unit.TIME, -1,
        "From a peak until back there"),
    ("fees", "Fees", "Costs", _Q, -1, "Of all legs, at the last prices"),
    ("slippage", "Slippage", "Costs", _Q, -1, "Between decision and fill, of all legs"),
    ("orders", "Orders", "Activity", Unit.COUNT, 0, "Of all legs"),
    ("fills", "Fills", "Activity", Unit.COUNT, 0, "Of all legs"),
    ("refused", "Refused by limits", "Activity", Unit.COUNT, -1, "Wishes that no leg sent"),
)  # fmt: skip
_WIDE = Context(prec=60)


class Wallet(Struct, frozen=True, kw_only=True):
    """What there was of an asset at a venue, and what there is; exact."""

    venue: str
    asset: str
    first: str
    last: str


class LegReport(Struct, frozen=True, kw_only=True):
    """One leg: where it is traded, and its own report."""

    name: str
    venue: str
    report: Report


class Equity(Struct, frozen=True, kw_only=True):
    """The whole over time, a list each; thinned out for drawing."""

    time_s: list[int]
    equity: list[float]
    drawdown: list[float]  # a share, zero or below
    points: int


class LegsReport(Struct, frozen=True, kw_only=True):
    """One run of several legs, as its JSON file has it."""

    schema: int = SCHEMA
    kind: Literal["legs"] = "legs"
    name: str
    strategy: str
    asset: str  # in which the whole is told
    start_ns: int
    end_ns: int
    version: str
    is_partial: bool
    failure: str | None
    seconds: float
    verdict: Verdict
    assumptions: tuple[Assumption, ...]
    warnings: tuple[Warned, ...]
    figures: tuple[Figure, ...]
    curve: Equity
    wallets: tuple[Wallet, ...]
    legs: tuple[LegReport, ...]
    variants: tuple[Variant, ...] = ()
    notes: tuple[tuple[int, str], ...] = ()
    notes_left_out: int = 0


def document(
    result: LegsResult, *, seed: int = 1, variants: tuple[Variant, ...] = ()
) -> LegsReport:
    """Return the report of a run; variants are the whole under what the data do not decide."""
    about = result.about
    legs = {name: report.document(leg, seed=seed, is_leg=True) for name, leg in result.legs.items()}
    whole = _Whole(result, {name: found.metrics for name, found in legs.items()})
    warned = (*whole.warnings(variants), *_of_legs(legs))
    warned = tuple(sorted(warned, key=lambda one: not one.is_serious))
    notes = result.notes[: report.NOTES_MAX]
    return LegsReport(
        name=clean(result.name),
        strategy=clean(about.strategy),
        asset=result.worth.asset,
        start_ns=about.start_ns,
        end_ns=about.end_ns,
        version=clean(about.version),
        is_partial=about.is_partial,
        failure=None if about.failure is None else clean(about.failure[-report.FAILURE_MAX :]),
        seconds=next(iter(result.legs.values())).totals.seconds,
        verdict=whole.verdict(warned),
        assumptions=tuple(
            Assumption(clean(each.about), clean(each.text)) for each in result.assumptions
        ),
        warnings=warned,
        figures=whole.figures(),
        curve=_curve(result),
        wallets=tuple(
            Wallet(venue=venue, asset=asset, first=_text(first), last=_text(last))
            for venue, wallet in result.wallets.items()
            for asset, (first, last) in wallet.items()
        ),
        legs=tuple(
            LegReport(name=name, venue=result.venues[name], report=found)
            for name, found in legs.items()
        ),
        variants=variants,
        notes=tuple((at, clean(text[:TEXT_MAX])) for at, text in notes),
        notes_left_out=len(result.notes) - len(notes),
    )


def encode(found: LegsReport) -> bytes:
    """Return the JSON file of a report."""
    return msgspec.json.encode(found)


def html(found: LegsReport, template: Template) -> str:
    """Return the report as one HTML file that needs nothing else."""
    symbols = ", ".join(leg.report.head.symbol for leg in found.legs)
    return page.render(f"{found.name} · {symbols}", encode(found), template)


def read(content: bytes) -> LegsReport | None:
    """Return the report that a JSON file holds; None: it is no report of several legs.

    Raises:
        UsageError: It is one of another schema, or damaged.
    """
    try:
        kind = msgspec.json.decode(content, type=_Kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if kind.kind != "legs":
        return None
    if kind.schema != SCHEMA:
        raise UsageError(
            f"this report of legs has schema {kind.schema}, and this version reads {SCHEMA}; make "
            "it again by `steelyard backtest`"
        )
    try:
        found = msgspec.json.decode(content, type=LegsReport)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"this file is no report of a backtest: {error}") from error
    if not found.legs:
        raise UsageError("this file is no report of a backtest: it has no legs")
    for leg in found.legs:
        if wrong := report.contradiction(leg.report) or _stranger(leg, found):
            raise UsageError(f"this file is no report of a backtest: {leg.name}: {wrong}")
    return found


def _stranger(leg: LegReport, whole: LegsReport) -> str | None:
    """Return why a leg is not of this run; None: it is."""
    one, first, head = leg.report, whole.legs[0].report, leg.report.head
    if [*one.legs] != [each.name for each in whole.legs] or one.legs != first.legs:
        return "it was played beside other legs"
    if head.symbol != one.legs[leg.name]:
        return f"it is of {head.symbol[:40]}, and the leg trades {one.legs[leg.name][:40]}"
    if head.strategy != whole.strategy or (one.params, one.written) != (
        first.params,
        first.written,
    ):
        return "it is of another strategy, or has other parameters"
    if (head.start_ns, head.end_ns) != (whole.start_ns, whole.end_ns):
        return "it is of another time"
    return None


def variant(result: LegsResult, kind: QueueModel | BarPath, *, is_assumed: bool) -> Variant:
    """Return a run's line in the table of what the data do not decide."""
    whole = _Whole(result, {name: measure(leg) for name, leg in result.legs.items()})
    fills = [leg.fills for leg in result.legs.values()]
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(it).tobytes() for it in fills))
    return Variant(
        name=kind.name.lower().replace("_", "-"),
        is_assumed=is_assumed,
        orders=whole.orders,
        fills=whole.fills,
        maker_fills=int(sum(np.count_nonzero(it["is_maker"]) for it in fills)),
        profit_quote=_text(whole.profit),
        fees_quote=_text(whole.fees),
        return_share=whole.share,
        drawdown_share=whole.drawdown,
        sha256=digest.hexdigest(),
        failure=None if result.about.failure is None else "the strategy raised an error",
    )


class _Kind(Struct):
    kind: str = ""
    schema: int = 0


class _Whole:
    """The whole of a run in numbers, in its asset."""

    def __init__(self, result: LegsResult, legs: dict[str, Metrics]) -> None:
        self.result, self.asset = result, result.worth.asset
        equity = result.curve["equity"]
        self.first = _money(float(equity[0]) if len(equity) else 0.0)
        self.last = _money(float(equity[-1]) if len(equity) else 0.0)
        self.profit = self.last - self.first
        self.share = float(self.profit / self.first) if self.first > 0 else None
        self.drawdown = curves.fall_share(equity)
        self.orders = sum(it.totals.orders for it in result.legs.values())
        self.fills = sum(it.totals.fills for it in result.legs.values())
        self.refused = sum(it.totals.refused for it in result.legs.values())
        self.days = (result.about.end_ns - result.about.start_ns) / curves.DAY_NS
        self.ratios = curves.ratios(curves.days(result.curve).returns)
        prices = (
            np.array([[leg.curve["price"][-1] for leg in result.legs.values()]])
            if len(equity)
            else None
        )
        self.fees = self.made = self.slipped = self.tick = Decimal(0)
        for name, found in legs.items():
            costs = found.costs
            one = 1.0
            if prices is not None:
                quote = result.legs[name].about.instrument.quote
                one = float(result.worth.of(result.venues[name], quote, prices)[0])
            rate = Decimal(repr(one))
            slipped = costs.slippage
            self.fees += costs.fees_quote * rate
            self.made += costs.net_profit_quote * rate
            self.tick += costs.tick_quote * rate
            self.slipped += rate * (
                slipped.delay_quote + slipped.taking_quote + slipped.resting_quote
            )

    def figures(self) -> tuple[Figure, ...]:
        """Return the table of the whole."""
        falls = curves.falls(self.result.curve)
        none = self.ratios.absent
        longest = max((fall.length_ns for fall in falls), default=0)
        values: tuple[Any, ...] = (
            _text(self.profit),
            self.share,
            _text(self.first),
            _text(self.last),
            _text(self.made),
            self.ratios.sharpe,
            self.drawdown,
            longest,
            _text(self.fees),
            _text(self.slipped),
            self.orders,
            self.fills,
            self.refused,
        )
        return tuple(
            Figure(
                name=name,
                label=label,
                group=group,
                unit=unit,
                better=better,
                about=about,
                value=value,
                why=none.get(name, "it began with no equity") if value is None else None,
            )
            for (name, label, group, unit, better, about), value in zip(_ROWS, values, strict=True)
        )

    def warnings(self, variants: tuple[Variant, ...]) -> list[Warned]:
        """Return what speaks against the whole."""
        found, profit, asset = list[Warned](), self.profit, self.asset
        if not self.fills:
            found.append(_warned("no_trades", "It never traded: there is nothing to judge.", 0, 1))
        elif self.fills < TRIPS_MIN:
            text = f"Too few fills: {self.fills} of all legs, and {TRIPS_MIN} are the fewest."
            found.append(_warned("few_fills", text, self.fills, TRIPS_MIN))
        more = self.fees * Decimal(str(FEE_FACTOR - 1))
        for rule, what, cost in (
            ("fees", f"with fees {FEE_FACTOR} times as high", more),
            ("slippage", "with one tick worse in each fill as a taker", self.tick),
        ):
            if self.made > 0 and self.made <= cost:
                left = self.made - cost
                text = (
                    f"Sensitive to costs: {what} what the fills have made, "
                    f"{_short(self.made)} {asset}, becomes {_short(left)} {asset}."
                )
                found.append(_warned(rule, text, float(left), 0))
        profits = [Decimal(it.profit_quote) for it in variants if it.failure is None]
        if len(profits) > 1 and min(profits) <= 0 < max(profits):
            text = (
                f"What the data do not decide, decides: from {_short(min(profits))} to "
                f"{_short(max(profits))} {asset} by it alone."
            )
            found.append(_warned("undecided", text, float(min(profits)), 0))
        if self.share is not None and profit > 0 >= self.made:
            text = (
                f"The prices of what was deposited made {_short(profit - self.made)} {asset}; its "
                f"own fills made {_short(self.made)}."
            )
            found.append(
                Warned(
                    rule="deposits", is_serious=False, text=text, value=float(self.made), limit=0.0
                )
            )
        return found

    def verdict(self, warned: tuple[Warned, ...]) -> Verdict:
        """Return the whole report in one line."""
        if self.result.about.failure is not None:
            return Verdict(tone="bad", text="The strategy failed, and the run ends there.")
        if not self.fills:
            return Verdict(tone="bad", text="It never traded.")
        if self.share is None:
            return Verdict(tone="bad", text="It began with no equity.")
        line = f"It {report.did(self.share)} after all costs in {report.span(self.days)}."
        if self.share <= 0:
            return Verdict(tone="bad", text=line)
        serious = sum(each.is_serious for each in warned)
        if serious:
            things = "One thing speaks" if serious == 1 else f"{serious} things speak"
            return Verdict(tone="unsure", text=f"{line} {things} against believing it.")
        return Verdict(tone="good", text=f"{line} No serious rule speaks against it.")


def _of_legs(legs: dict[str, Report]) -> list[Warned]:
    return [
        msgspec.structs.replace(warned, text=f"{name}: {warned.text}")
        for name, found in legs.items()
        for warned in found.warnings
        if warned.rule not in ("failed", "partial") or name == next(iter(legs))
    ]


def _curve(result: LegsResult) -> Equity:
    curve = result.curve
    count = len(curve)
    step = -(-count // report.POINTS_MAX) if count else 1
    at = np.unique(np.append(np.arange(0, count, step), count - 1)) if count else np.arange(0)
    equity = curve["equity"]
    peaks = np.maximum.accumulate(equity) if count else equity
    falls = np.where(peaks > 0, equity / np.where(peaks > 0, peaks, 1.0) - 1, 0.0)
    return Equity(
        time_s=(curve["time_ns"][at] // 10**9).tolist(),
        equity=equity[at].tolist(),
        drawdown=falls[at].tolist(),
        points=count,
    )


def _warned(rule: str, text: str, value: float, limit: float) -> Warned:
    return Warned(rule=rule, is_serious=True, text=text, value=float(value), limit=float(limit))


def _money(amount: float) -> Decimal:
    return _WIDE.quantize(Decimal(repr(amount)), Decimal(1).scaleb(-MONEY_DECIMALS))


def _short(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _text(amount: Decimal) -> str:
    return in_full(plain(amount))
