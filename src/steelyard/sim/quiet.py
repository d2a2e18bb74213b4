"""What must be true of a simulated world once its troubles are over and some time has passed.

Each difference is a sentence; none means that trader, disks and exchange agree. They are looked
at again and again until there is none, or it has taken too long.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import CandleList, CandlesQuery
from steelyard.exchange.audit import audit
from steelyard.sim.exchange_host import ExchangeHost
from steelyard.sim.trader_host import TraderHost
from steelyard.sim.workload import Wisher
from steelyard.sim.world_auditor import ALL, WorldAuditor
from steelyard.trading.records import ProtectionSet
from steelyard.trading.state import TraderState

DOUBTFUL = (OrderState.PENDING, OrderState.UNKNOWN)
UNSYNCED = "its journal is not on its disk"  # true for a moment after each thing that it does


def unsettled(auditor: WorldAuditor, exchange: ExchangeHost) -> Iterator[str]:
    """Yield where a bot and the exchange do not agree (yet)."""
    if not exchange.is_up:
        yield "the exchange is down"
        return
    for host in auditor.hosts():
        yield from (f"{host.name}: {text}" for text in _of_bot(auditor, exchange, host))


def damages(auditor: WorldAuditor, exchange: ExchangeHost) -> Iterator[str]:
    """Yield what is wrong in books and journals, where both are quiet."""
    machine = exchange.exchange
    yield from audit(machine, machine.engine.snapshot()).differences
    for host in auditor.hosts():
        live, replayed = dumped(host.trader.turn.state), dumped(host.replayed())
        if live != replayed:
            yield f"{host.name}: its journal gives another state than it has"
        if lost := auditor.forgotten(host):
            yield f"{host.name}: the exchange has told of {sorted(lost)}, and does not have them"


def false_bars(exchange: ExchangeHost, host: TraderHost) -> Iterator[str]:
    """Yield the bars that a bot's strategy was given, without a mark, and that were not so.

    Only for worlds in which no trade comes late: one that does is not in its bar. Of what traded
    while candles were asked for, venues do not say whether it is in them: volumes are not compared.
    """
    strategy = host.trader.strategy
    assert isinstance(strategy, Wisher), "the bots of a world are"
    if not strategy.bars:
        return
    interval_ns = strategy.bars[0].interval_ns
    query = CandlesQuery(0, interval_ns, ALL, start_ns=strategy.bars[0].open_ns)
    answer = exchange.exchange.ask(query, exchange.exchange.now_ns)
    assert isinstance(answer, CandleList), "there are candles of every whole second"
    there = {candle.open_ns: candle for candle in answer.candles}
    for bar in strategy.bars:
        real = there.get(bar.open_ns)
        if bar.is_gapped or real is None:
            continue
        ours = (bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks)
        theirs = (real.open_ticks, real.high_ticks, real.low_ticks, real.close_ticks)
        if ours != theirs:
            yield f"{host.name}: its bar of {bar.time:%H:%M:%S} is {ours}, at the venue {theirs}"


def _of_bot(auditor: WorldAuditor, exchange: ExchangeHost, host: TraderHost) -> Iterator[str]:
    if not host.is_up:
        yield "it is down"
        return
    trader, state = host.trader, host.trader.turn.state
    # Where requests do not expire a person decides about an order that cannot be found.
    waits = {
        order.client_order_id
        for order in state.orders
        if order.state is OrderState.UNKNOWN and order.expires_ns is None
    }
    status = trader.status
    # Who has fallen too far has pressed its own switch, and only a person lifts that.
    has_fallen = state.killed_why is not None and not state.killed_has_file
    may_fall = host.config.risk.drawdown is not None or trader.host.failure is not None
    is_killed = host.has_latch or (has_fallen and may_fall)
    has_failed = trader.host.failure is not None
    word = "killed" if is_killed else "gated" if has_failed else "running"
    if not waits and status.word != word:
        yield f"it is {status.word}: {status.reason}"
    if not host.is_synced:
        yield UNSYNCED
    truth = auditor.truth(host)
    believed = {order.client_order_id: order for order in state.orders}
    for name, order in truth.orders.items():
        ours = believed.get(name)
        if ours is None:
            yield f"it knows nothing of its order {name}"
        elif (ours.state, ours.filled_lots) != (order.state, order.filled_lots):
            yield (
                f"it has {name} as {ours.state.name} with {ours.filled_lots} filled, it is "
                f"{order.state.name} with {order.filled_lots}"
            )
        elif ours.cancel_why is not None and order.state.is_open:
            yield f"{name} is still open, and was to be canceled: {ours.cancel_why}"
    for name, ours in believed.items():
        if name in waits and name not in truth.orders:
            continue
        if ours.state in DOUBTFUL or (ours.is_open and name not in truth.orders):
            yield f"it has {name} as {ours.state.name}, and the venue has {name in truth.orders}"
    if is_killed and (left := [o for o in truth.orders.values() if o.state.is_open]):
        yield f"it is killed, and {len(left)} of its orders are open"
    portfolio = state.portfolio
    if portfolio is None:
        yield "it has no books"
        return
    has = portfolio.position_atoms, portfolio.cash_atoms
    if has != (truth.position_atoms, truth.cash_atoms):
        yield (
            f"it counts position and cash {has}, by the venue's fills they are "
            f"{(truth.position_atoms, truth.cash_atoms)}"
        )
    yield from _of_balances(auditor, exchange, host)
    if not (is_killed or waits):
        yield from _of_stops(auditor, host)


def _of_stops(auditor: WorldAuditor, host: TraderHost) -> Iterator[str]:
    """Hold the stops that stand at the venue against the position, and the wish on the disk."""
    wish = None
    for record in host.records():
        if isinstance(record.message, ProtectionSet):
            wish = record.message.trigger_ticks
    truth, instrument = auditor.truth(host), auditor.listing(host)
    lots = truth.position_atoms // instrument.lot_atoms
    ours = auditor.stops(host)
    stops = [o for name, o in truth.orders.items() if name in ours and o.state.is_open]
    covered = sum(order.remaining_lots for order in stops)
    if wish is None or instrument.notional_atoms(wish, lots) < instrument.notional_min_atoms:
        wanted = 0
    else:
        wanted = lots
    auditor.counts["protected"] += wanted > 0
    if covered != wanted or any(order.trigger_ticks != wish for order in stops):
        told = [(order.trigger_ticks, order.remaining_lots) for order in stops]
        yield f"a stop at {wish} is to end {wanted} lots; at the venue are {told}"


def _of_balances(auditor: WorldAuditor, exchange: ExchangeHost, host: TraderHost) -> Iterator[str]:
    machine, believed = exchange.exchange, host.trader.reconciler.account.balances
    balances = machine.engine.balances(machine.keys.account_id(host.account))
    there, here = auditor.listing(host), host.trader.turn.instrument
    for name, theirs, ours in (
        (there.base, there.base_asset_id, here.base_asset_id),
        (there.quote, there.quote_asset_id, here.quote_asset_id),
    ):
        real = (balances[theirs].free_atoms, balances[theirs].held_atoms)
        if believed.get(ours) != real:
            yield f"it believes to have {believed.get(ours)} {name}, free and held; it has {real}"


def dumped(state: TraderState) -> Any:
    """Return everything in a trader's state that lasts, to be compared."""
    portfolio = state.portfolio
    books = None
    if portfolio is not None:
        books = (
            portfolio.position_atoms,
            portfolio.cash_atoms,
            portfolio.realized_atoms,
            portfolio.fees_atoms,
            portfolio.other_fees,
        )
    return (
        [msgspec.to_builtins(order) for order in state.orders],
        [order.client_order_id for order in state.orders.open],
        [order.client_order_id for order in state.orders.unsettled],
        books,
        [*state.recent_fills],
        (state.run, state.begun_ns, state.symbol, state.timer_slots),
        (state.killed_why, state.killed_has_file, state.fills_checked),
    )
