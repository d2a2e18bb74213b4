"""A live day as its trader's journal tells it: runs, their orders and fills, what delayed them.

A journal is folded into its runs, each from the moment its strategy was started to its end, cut at
the ends of the day. Orders are those that were decided on in that time, with all that filled of
them in it. What was there before is named, because a backtest begins without it: a position, open
orders, a strategy that had been running.

Delays are for a tape that goes by the trader's own clock. What the venue did is on such a tape when
the trader heard of it, so an order has arrived there when the venue's first word of it came, and
news takes no time beyond that. This module reads records, not files.
"""

from collections.abc import Iterable
from typing import NamedTuple

from steelyard.backtest.live import DayFill, DayOrder, Terms
from steelyard.backtest.settings import SAMPLES_MAX, Delay
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import Fill
from steelyard.domain.units import in_full, plain
from steelyard.trading.records import (
    BalancesSeen,
    FillSeen,
    GateChanged,
    IntentRefused,
    LimitsSet,
    OrderAdopted,
    OrderAmended,
    OrderPending,
    OrderRefused,
    OrderSeen,
    RunStarted,
    RunStopped,
    StrategyFailed,
    StrategyNoted,
    TimerFired,
)
from steelyard.trading.state import TraderState


class LiveRun(NamedTuple):
    """One process of a bot, as far as it is of the day.

    Attributes:
        started: What it began with.
        limits: The limits and policies in force, by name.
        instrument: What it traded.
        begin_ns, end_ns: From when to when its strategy traded.
        orders: What it wanted in that time.
        delays: When an order was decided, and how long the venue's first word of it took.
        balances: What the account had at its beginning, in atoms by asset; empty: not known.
        refused: How many wishes its limits refused, as far as they were written down.
        missing: What a backtest of it begins without, in sentences.
    """

    started: RunStarted
    limits: dict[str, str]
    instrument: Instrument
    begin_ns: int
    end_ns: int
    orders: tuple[DayOrder, ...]
    delays: tuple[tuple[int, int], ...]
    balances: dict[int, int]
    refused: int
    missing: tuple[str, ...]

    @property
    def delay(self) -> Delay:
        """The measured delays, as a backtest takes them."""
        return Delay.recorded(list(self.delays[:SAMPLES_MAX])) if self.delays else Delay()


class _Order:
    """An order while its records are read."""

    def __init__(self, place: Place, wanted_ns: int) -> None:
        self.place = place
        self.wanted_ns = wanted_ns
        self.seen_ns = 0
        self.arrived_ns = 0
        self.price_ticks, self.trigger_ticks = place.price_ticks, place.trigger_ticks
        self.size_lots = place.size_lots
        self.fills: list[DayFill] = []

    def made(self, known: str) -> DayOrder:
        place = self.place
        terms = Terms(
            int(place.side),
            int(place.order_type),
            int(place.time_in_force),
            place.post_only,
            self.price_ticks or 0,
            self.trigger_ticks or 0,
            self.size_lots,
        )
        fills = tuple(sorted(self.fills, key=lambda fill: fill.time_ns))
        return DayOrder(place.client_order_id, self.wanted_ns, terms, fills, self.arrived_ns, known)


class _Reading:
    """A run while its records are read."""

    def __init__(self, started: RunStarted, time_ns: int) -> None:
        self.started = started
        self.begun_ns = time_ns
        self.limits: dict[str, str] = {}
        self.trades_from_ns = 0
        self.last_ns = time_ns
        self.orders: dict[str, _Order] = {}
        self.known: dict[str, str] = {}
        self.missing: list[str] = []
        self.balances: dict[int, int] = {}
        self.refused = 0
        self.older_fills = 0
        self.foreign_fees = 0
        self.is_whole = True
        self.is_stopped = False


def runs_of(records: Iterable[Record], from_ns: int, to_ns: int) -> list[LiveRun]:
    """Return the runs of a journal that traded in a time, [from_ns, to_ns).

    Args:
        records: The whole journal, in order.
        from_ns: The beginning of the day.
        to_ns: Its end.
    """
    state = TraderState()
    found: list[LiveRun] = []
    run: _Reading | None = None
    for record in records:
        message, time_ns = record.message, record.time_ns
        if isinstance(message, RunStarted):
            if run is not None:
                found += _closed(run, state, from_ns, to_ns)
            run = _Reading(message, time_ns) if time_ns < to_ns else None
        if run is not None and not run.trades_from_ns and is_sign(message) and time_ns < to_ns:
            run.trades_from_ns = run.last_ns  # the last thing that was told before
            _note_beginning(run, state, from_ns)
        state.replay(record)
        if run is None or time_ns >= to_ns:
            continue
        run.last_ns = time_ns
        _read(run, message, time_ns, state, from_ns)
    if run is not None:
        if not run.is_stopped:
            run.last_ns = to_ns  # it runs, for all that is known
        found += _closed(run, state, from_ns, to_ns)
    return found


def is_sign(message: object) -> bool:
    """Whether a record shows that the strategy has been started.

    That the gate is open is written down late where it has just been closed.
    """
    if isinstance(message, GateChanged):
        return message.reason is None
    return isinstance(message, TimerFired | OrderPending | IntentRefused | StrategyNoted)


def _read(run: _Reading, message: object, time_ns: int, state: TraderState, from_ns: int) -> None:
    match message:
        case LimitsSet():
            run.limits = message.limits
        case OrderPending(place=place):
            if time_ns >= from_ns:
                run.orders[place.client_order_id] = _Order(place, time_ns)
                run.known[place.client_order_id] = _known(state)
        case OrderSeen(order=seen):
            _heard(run, seen.client_order_id, time_ns, seen.created_ns)
        case OrderRefused():
            _heard(run, message.client_order_id, time_ns, 0)
        case OrderAmended():
            if (order := run.orders.get(message.client_order_id)) is not None:
                order.price_ticks, order.size_lots = message.price_ticks, message.size_lots
                order.trigger_ticks = message.trigger_ticks
        case FillSeen(fill=fill):
            _filled(run, message.client_order_id, fill, time_ns, from_ns, state)
        case IntentRefused():
            run.refused += 1 + message.omitted
        case OrderAdopted():
            run.missing.append(
                f"order {message.order.client_order_id or message.order.order_id} was adopted: it "
                "was not the strategy's, and what it filled is left out"
            )
        case StrategyFailed():
            run.missing.append("the strategy failed that day and was not called any more")
        case BalancesSeen() if run.trades_from_ns and not run.balances:
            run.balances = dict(message.atoms)
        case RunStopped():
            run.is_stopped = True
        case _:
            pass


def _note_beginning(run: _Reading, state: TraderState, from_ns: int) -> None:
    """Note what the run had when its strategy was started."""
    run.balances = dict(state.books.seen_atoms or {})
    portfolio = state.portfolio
    if portfolio is not None and portfolio.position_lots:
        size = in_full(plain(portfolio.instrument.size(portfolio.position_lots)))
        run.missing.append(
            f"it began with a position of {size} {portfolio.instrument.base}; the backtest has the "
            "account's balances, and its strategy sees no position"
        )
    if open_orders := state.orders.open:
        run.missing.append(
            f"it began with {len(open_orders)} open orders, which the backtest does not have: "
            + ", ".join(order.client_order_id for order in open_orders[:5])
        )
    if run.begun_ns < from_ns:
        run.is_whole = False


def _heard(run: _Reading, name: str, time_ns: int, venue_ns: int) -> None:
    order = run.orders.get(name)
    if order is not None and not order.seen_ns:
        order.seen_ns = time_ns
        order.arrived_ns = venue_ns


def _filled(
    run: _Reading, name: str, fill: Fill, time_ns: int, from_ns: int, state: TraderState
) -> None:
    if time_ns < from_ns:
        return
    _heard(run, name, time_ns, fill.time_ns)
    order = run.orders.get(name)
    if order is None:
        run.older_fills += 1
        return
    instrument = state.instrument
    assert instrument is not None, "the instrument is known before a fill"
    is_quote = fill.fee_asset_id == instrument.quote_asset_id
    is_base = fill.fee_asset_id == instrument.base_asset_id
    run.foreign_fees += bool(fill.fee_atoms) and not (is_quote or is_base)
    order.fills.append(
        DayFill(
            fill.time_ns,
            fill.price_ticks,
            fill.size_lots,
            fill.liquidity.name == "MAKER",
            fill.fee_atoms if is_quote else 0,
            fill.fee_atoms if is_base else 0,
        )
    )


def _known(state: TraderState) -> str:
    """Return what a decision was made on, as far as the journal knows it."""
    portfolio = state.portfolio
    if portfolio is None:
        return ""
    size = in_full(plain(portfolio.instrument.size(portfolio.position_lots)))
    # The order itself is among the open ones already.
    return f"position {size}, {len(state.orders.open) - 1} other orders open"


def _closed(run: _Reading, state: TraderState, from_ns: int, to_ns: int) -> list[LiveRun]:
    """Return a run that has been read to its end, if any of it is of the day."""
    end_ns = min(run.last_ns, to_ns)
    if not run.trades_from_ns or end_ns <= from_ns or state.instrument is None:
        return []
    missing = list(run.missing)
    if not run.is_whole or run.trades_from_ns < from_ns:
        missing.append(
            "it had been running when the day began; what its strategy remembered from before is "
            "not known, and the backtest starts it anew"
        )
    if run.older_fills:
        missing.append(
            f"{run.older_fills} fills were of orders from before; they are left out of both sides"
        )
    if run.foreign_fees:
        missing.append(
            f"{run.foreign_fees} fills were charged in an asset that the market does not trade; "
            "those fees are left out"
        )
    delays = tuple(
        sorted(
            (order.wanted_ns, order.seen_ns - order.wanted_ns)
            for order in run.orders.values()
            if order.seen_ns
        )
    )
    if run.orders and not delays:
        missing.append("no order was answered, so no delay was measured")
    return [
        LiveRun(
            run.started,
            run.limits,
            state.instrument,
            max(run.trades_from_ns, from_ns),
            end_ns,
            tuple(order.made(run.known[name]) for name, order in run.orders.items()),
            delays,
            run.balances,
            run.refused,
            tuple(missing),
        )
    ]
