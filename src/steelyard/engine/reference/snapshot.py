"""The whole state as records, and back: what an engine writes is what it reads.

The order of records is canonical: listings, markets, fees, accounts, volumes, balances,
transfers, what only some resting orders have, resting orders by priority, waiting ones by number,
groups, counters. A snapshot is taken in only if an engine in that state would write the same
bytes, and only if commands could have led there (`possible.py`).
"""

from heapq import heapify

from steelyard.domain import layout
from steelyard.domain.commands import (
    AssignFees,
    ListInstrument,
    OpenAccount,
    SetFeeTier,
    SetFeeToken,
)
from steelyard.domain.errors import DecodeError
from steelyard.domain.layout import (
    AccountState,
    BalanceState,
    CounterState,
    FeeTierState,
    FeeTokenState,
    GroupState,
    InstrumentState,
    NodeState,
    PendingTransfer,
    StateRecord,
    TermsState,
    VolumeState,
    WaitingState,
)
from steelyard.domain.ledger import Balance
from steelyard.domain.order import TimeInForce, TriggerBy
from steelyard.engine.book import Order, QueueModel
from steelyard.engine.reference import administration, possible
from steelyard.engine.reference.possible import need
from steelyard.engine.reference.state import Group, State, Transfer


def state_hash(state: State) -> int:
    """Return the hash of a state, computed from nothing each time."""
    return layout.state_hash(iter(_records(state)))


def write(state: State) -> bytes:
    """Return a state as records."""
    listings = (ListInstrument(m.instrument) for _, m in sorted(state.markets.items()))
    return b"".join(layout.encode(record, 0) for record in (*listings, *_records(state)))


def read(records: bytes, queue_model: QueueModel) -> State:
    """Return the state that a snapshot tells.

    Raises:
        DecodeError: It has bytes that are no records, or is no possible state.
    """
    state = State(queue_model)
    terms: dict[int, TermsState] = {}
    for record in layout.decode_all(records):
        _take_in(state, terms, record)
    need(not state.effects, "a listing, an account or a fee would have been refused")
    state.expiries = [
        (order.expire_ns, order.order_id)
        for order in state.orders.values()
        if order.expire_ns is not None
    ]
    heapify(state.expiries)
    for market in state.markets.values():
        # They were read by number; who hears a price first goes by time.
        market.waiting = dict(sorted(market.waiting.items(), key=lambda it: it[1].priority))
    possible.check(state)
    need(write(state) == records, "it is not what an engine would write")
    return state


# -- writing --------------------------------------------------------------------------------


def _records(state: State) -> list[StateRecord]:
    resting = [
        order
        for market in state.markets.values()
        for side in (market.book.bids, market.book.asks)
        for level in side.levels.values()
        for order in level
    ]
    outside = [
        order
        for _, order in sorted(state.orders.items())
        if order.is_child or order.order_id in state.market(order).waiting
    ]
    return [
        *_markets_and_fees(state),
        *_accounts(state),
        *_money(state),
        *(_terms(order) for order in sorted(resting, key=_number) if _has_terms(order)),
        *(_node(order) for order in sorted(resting, key=_time)),
        *(_waiting(order) for order in outside),
        *(_group(group) for _, group in sorted(state.groups.items())),
        CounterState(state.next_order_id, state.next_priority, state.next_transfer_id),
    ]


def _number(order: Order) -> int:
    return order.order_id


def _time(order: Order) -> int:
    return order.priority


def _markets_and_fees(state: State) -> list[StateRecord]:
    return [
        *(
            InstrumentState(
                instrument_id,
                market.next_trade_id,
                market.prices[TriggerBy.LAST],
                market.prices[TriggerBy.MARK],
                market.prices[TriggerBy.INDEX],
                market.state,
            )
            for instrument_id, market in sorted(state.markets.items())
        ),
        *(
            FeeTierState(schedule_id, tier, *told)
            for schedule_id, tiers in sorted(state.schedules.items())
            for tier, told in enumerate(tiers)
        ),
        *(FeeTokenState(asset_id, *token) for asset_id, token in sorted(state.tokens.items())),
    ]


def _accounts(state: State) -> list[StateRecord]:
    accounts = sorted(state.accounts.items())
    return [
        *(
            AccountState(account_id, a.schedule_id, a.maker_rate_e8, a.taker_rate_e8)
            for account_id, a in accounts
        ),
        *(
            VolumeState(account_id, day, volume)
            for account_id, account in accounts
            for day, volume in sorted(account.volumes.items())
        ),
    ]


def _money(state: State) -> list[StateRecord]:
    return [
        *(BalanceState(account_id, asset_id, *b) for account_id, asset_id, b in state.ledger),
        *(
            PendingTransfer(t.account_id, t.asset_id, transfer_id, t.amount_atoms)
            for transfer_id, t in sorted(state.transfers.items())
        ),
    ]


def _has_terms(order: Order) -> bool:
    has = order.display_lots is not None or order.expire_ns is not None
    return has or order.group_id != 0 or order.slide


def _terms(order: Order) -> TermsState:
    return TermsState(
        order.order_id,
        order.display_lots,
        order.shown_lots,
        order.expire_ns,
        order.group_id,
        order.slide,
    )


def _node(order: Order) -> NodeState:
    return NodeState(**{name: getattr(order, name) for name in NodeState.__struct_fields__})


def _waiting(order: Order) -> WaitingState:
    return WaitingState(**{name: getattr(order, name) for name in WaitingState.__struct_fields__})


def _group(group: Group) -> GroupState:
    entry = [group.entry] if group.entry else []
    numbers = [order.order_id for order in (*entry, *group.pair)]
    return GroupState(group.group_id, group.kind, *numbers, *[0] * (3 - len(numbers)))


# -- reading --------------------------------------------------------------------------------


def _take_in(state: State, terms: dict[int, TermsState], record: object) -> None:
    match record:
        case ListInstrument(instrument):
            administration.list_instrument(state, instrument)
        case InstrumentState():
            _set_market(state, record)
        case FeeTierState():
            administration.set_fee_tier(state, SetFeeTier(*_values(record)))
        case FeeTokenState():
            administration.set_fee_token(state, SetFeeToken(*_values(record)))
        case AccountState(account_id, schedule_id, maker, taker):
            administration.open_account(state, OpenAccount(account_id, maker, taker))
            administration.assign_fees(state, AssignFees(account_id, schedule_id))
        case VolumeState(account_id, day, volume):
            need(account_id in state.accounts, "an account is not open")
            state.accounts[account_id].volumes[day] = volume
        case BalanceState(account_id, asset_id, free, held):
            state.ledger.restore(account_id, asset_id, Balance(free, held))
        case PendingTransfer(account_id, asset_id, transfer_id, amount):
            state.transfers[transfer_id] = Transfer(account_id, asset_id, amount)
        case TermsState():
            terms[record.order_id] = record
        case NodeState():
            _set_node(state, record, terms.get(record.order_id))
        case WaitingState():
            _set_waiting(state, record)
        case GroupState():
            _set_group(state, record)
        case CounterState():
            state.next_order_id = record.next_order_id
            state.next_priority = record.next_priority
            state.next_transfer_id = record.next_transfer_id
        case _:
            raise DecodeError(f"{type(record).__name__} does not belong in a snapshot")


def _values(record: FeeTierState | FeeTokenState) -> list[int]:
    return [getattr(record, name) for name in record.__struct_fields__]


def _set_market(state: State, record: InstrumentState) -> None:
    market = state.markets.get(record.instrument_id)
    need(market is not None, "an instrument is not listed")
    assert market is not None
    market.next_trade_id, market.state = record.next_trade_id, record.state
    market.prices = {
        TriggerBy.LAST: record.last_ticks,
        TriggerBy.MARK: record.mark_ticks,
        TriggerBy.INDEX: record.index_ticks,
    }


def _set_node(state: State, record: NodeState, terms: TermsState | None) -> None:
    order = Order(**{name: getattr(record, name) for name in NodeState.__struct_fields__})
    if terms and not order.is_house:
        order.display_lots, order.shown_lots = terms.display_lots, terms.shown_lots
        order.expire_ns, order.group_id, order.slide = terms.expire_ns, terms.group_id, terms.slide
        if terms.expire_ns is not None:
            order.time_in_force = TimeInForce.GTD
    need(possible.may_rest(state, order), "an order is not one that could rest")
    market = state.market(order)
    market.near(order).add(order)
    if not order.is_house:
        order.is_holding = True
        state.open(order)


def _set_waiting(state: State, record: WaitingState) -> None:
    values = {name: getattr(record, name) for name in WaitingState.__struct_fields__}
    order = Order(**values, remaining_lots=record.size_lots)
    need(possible.may_wait(state, order), "an order is not one that could wait")
    state.open(order)
    if not order.is_child:
        order.is_holding = True
        state.market(order).waiting[order.order_id] = order


def _set_group(state: State, record: GroupState) -> None:
    numbers = (record.first_order_id, record.second_order_id, record.third_order_id)
    orders = [state.orders.get(number) for number in numbers if number]
    need(None not in orders, "an order of a group is not there")
    members = [order for order in orders if order]
    has_entry = record.kind in possible.WITH_ENTRY
    entry, pair = (members[0], members[1:]) if has_entry and members else (None, members)
    state.groups[record.group_id] = Group(record.group_id, record.kind, entry, pair)
