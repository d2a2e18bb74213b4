"""Every account's orders and fills, as the API shows them.

Built from Places and the engine's effects, never asked of the engine. Open orders are all
kept; of ended ones the newest `ENDED_MAX` per account, of fills the newest `FILLS_MAX`, of
client order ids the newest `CLIENT_IDS_MAX`: what is older leaves, oldest first. Of what an order
was before, its beginning and the newest `AMENDS_MAX` changes stay as long as the order does.

An order that did no more than rest, or filled at once by one trade, is kept as its Place, and
becomes an `Order` when somebody asks for it or something happens to it.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import NamedTuple, TypeVar, cast

from msgspec import Struct, structs

from steelyard.domain.amendments import AmendList, Amendment, AmendsQuery
from steelyard.domain.commands import (
    GROUP_MAX,
    Accepted,
    Amended,
    Canceled,
    Filled,
    Place,
    Triggered,
)
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    FillList,
    FillsQuery,
    OrderList,
    OrderQuery,
    OrdersQuery,
)
from steelyard.domain.order import CancelCause, GroupKind, RejectReason
from steelyard.exchange.paging import is_within, number_of, page

T = TypeVar("T")

ENDED_MAX = 10_000
FILLS_MAX = 50_000
CLIENT_IDS_MAX = 100_000
AMENDS_MAX = 100  # of one order
EXPIRIES_MIN = 1_024

# Nobody asked for these ends: the market or the order's own terms brought them.
_EXPIRED = frozenset(CancelCause) - {CancelCause.USER, CancelCause.ADMIN, CancelCause.SIBLING}


_WITH_ENTRY = frozenset({GroupKind.OTO, GroupKind.BRACKET})


class Group(NamedTuple):
    """What an order belongs to: the number of the group's first order, and how they hang."""

    group_id: int
    kind: GroupKind
    client_group_id: str = ""

    @property
    def has_entry(self) -> bool:
        """Whether all but the first order wait for the first one to fill."""
        return self.kind in _WITH_ENTRY


class AccountHistory(Struct):
    """One account's past, as a snapshot keeps it."""

    account_id: int
    orders: list[Order]  # by order_id
    fills: list[Fill]
    placed: list[Place] = []
    fills_left: int = 0  # how many older ones have left
    amends: dict[int, list[Amendment]] = {}  # by order_id, of those that were amended


Plain = tuple[Place, int, Fill | None]  # what was asked for, when, and what filled all of it


class _Account:
    """One account's orders and fills, indexed."""

    def __init__(self) -> None:
        self.kept: dict[int, Order | Plain] = {}
        self.open: dict[int, None] = {}
        self.ended: deque[int] = deque()
        self.fills: deque[Fill] = deque()
        self.fills_left = 0
        # Ordered: in a dict whose first entries are gone the oldest one is found by a long search.
        self.client_ids: OrderedDict[str, int] = OrderedDict()  # the newest order of each id
        self.placed: OrderedDict[str, Place] = OrderedDict()  # as it was asked for, not amended
        self.groups: OrderedDict[str, int] = OrderedDict()  # the newest group of each name
        self.amends: dict[int, list[Amendment]] = {}  # by order_id, of those that were amended

    def order(self, order_id: int) -> Order | None:
        """Return an order as it is."""
        kept = self.kept.get(order_id)
        return self._told(order_id, kept) if type(kept) is tuple else cast("Order | None", kept)

    def orders(self) -> list[Order]:
        """Return all that are kept."""
        return [
            self._told(order_id, kept) if isinstance(kept, tuple) else kept
            for order_id, kept in [*self.kept.items()]
        ]

    def open_orders(self) -> list[Order]:
        """Return the open ones."""
        return [order for order in map(self.order, [*self.open]) if order is not None]

    def _told(self, order_id: int, plain: Plain) -> Order:
        place, at_ns, fill = plain
        order = new_order(place, order_id, at_ns) if fill is None else filled_order(place, fill)
        self.kept[order_id] = order
        return order

    def add(self, order: Order) -> None:
        self.kept[order.order_id] = order
        self.named(order.client_order_id, order.order_id)
        if order.client_group_id:
            self.group_named(order)
        if order.state.is_open:
            self.open[order.order_id] = None
        else:
            self.end(order.order_id)

    def named(self, client_order_id: str, order_id: int) -> None:
        client_ids = self.client_ids
        if client_order_id in client_ids:
            client_ids.move_to_end(client_order_id)
        client_ids[client_order_id] = order_id
        if len(client_ids) > CLIENT_IDS_MAX:
            client_ids.popitem(last=False)

    def group_named(self, order: Order) -> None:
        self.groups.pop(order.client_group_id, None)
        self.groups[order.client_group_id] = order.group_id
        if len(self.groups) > CLIENT_IDS_MAX:
            self.groups.popitem(last=False)

    def asked(self, place: Place) -> None:
        name, placed = place.client_order_id, self.placed
        if name:
            if name in placed:
                placed.move_to_end(name)
            placed[name] = place
            if len(placed) > CLIENT_IDS_MAX:
                placed.popitem(last=False)

    def fill(self, fill: Fill) -> None:
        self.fills.append(fill)
        if len(self.fills) > FILLS_MAX:
            self.fills.popleft()
            self.fills_left += 1

    def end(self, order_id: int) -> None:
        self.open.pop(order_id, None)
        self.ended.append(order_id)
        if len(self.ended) > ENDED_MAX:
            gone = self.ended.popleft()
            del self.kept[gone]
            self.amends.pop(gone, None)


class History:
    """Orders and fills of all accounts."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._accounts: dict[int, _Account] = {}
        self._expiries: list[tuple[int, int, int]] = []  # a heap of (expire_ns, account, order)
        self._expiries_max = EXPIRIES_MIN

    # -- what happened ----------------------------------------------------------------------

    def accepted(
        self, place: Place, effect: Accepted, now_ns: int, group: Group | None = None
    ) -> Order:
        """Enter a new order."""
        order = new_order(place, effect.order_id, now_ns)
        if group is not None:
            order.group_id, order.group_kind, order.client_group_id = group
            order.is_pending = group.has_entry and order.order_id != group.group_id
        self._watch(order)
        account = self._account(place.account_id)
        account.add(order)
        account.asked(place)
        return order

    def rested(self, place: Place, order_id: int, now_ns: int) -> None:
        """Enter a plain order that has only come into the book."""
        account = self._entered(place, order_id)
        account.kept[order_id] = place, now_ns, None
        account.open[order_id] = None

    def took(self, place: Place, effect: Filled, now_ns: int) -> Fill:
        """Enter a plain order that one execution has filled at once."""
        order_id = effect.order_id
        account = self._entered(place, order_id)
        fill = self._fill(effect, place.client_order_id or unnamed(order_id), now_ns)
        account.kept[order_id] = place, now_ns, fill
        account.fill(fill)
        account.end(order_id)
        return fill

    def _entered(self, place: Place, order_id: int) -> _Account:
        """Enter what an order is called, and return its account."""
        account = self._accounts.get(place.account_id) or self._account(place.account_id)
        name = place.client_order_id
        if name:
            account.asked(place)
        account.named(name or unnamed(order_id), order_id)
        return account

    def rejected(self, place: Place, order_id: int, reason: RejectReason, now_ns: int) -> Order:
        """Enter an order that was refused; it is kept like any ended one."""
        order = new_order(place, order_id, now_ns)
        order.state, order.reject_reason = OrderState.REJECTED, reason
        account = self._account(place.account_id)
        account.add(order)
        account.asked(place)
        return order

    def filled(self, effect: Filled, now_ns: int, *, is_last: bool = False) -> tuple[Order, Fill]:
        """Enter an execution; is_last, where an order by amount cannot have one lot more."""
        account = self._account(effect.account_id)
        order = account.order(effect.order_id)
        assert order is not None, "what happens to an order that is kept"
        fill = self._fill(effect, order.client_order_id, now_ns)
        account.fill(fill)
        order.filled_lots += effect.size_lots
        order.quote_atoms += fill.quote_atoms
        order.updated_ns = now_ns
        if is_last or (effect.remaining_lots == 0 and order.spend_atoms is None):
            order.state = OrderState.FILLED
            account.end(order.order_id)
        else:
            order.state = OrderState.PARTIALLY_FILLED
        return order, fill

    def _fill(self, effect: Filled, client_order_id: str, now_ns: int) -> Fill:
        instrument = self._listings[effect.instrument_id]
        return Fill(
            trade_id=effect.trade_id,
            order_id=effect.order_id,
            client_order_id=client_order_id,
            account_id=effect.account_id,
            instrument_id=effect.instrument_id,
            side=effect.side,
            price_ticks=effect.price_ticks,
            size_lots=effect.size_lots,
            quote_atoms=instrument.notional_atoms(effect.price_ticks, effect.size_lots),
            liquidity=effect.liquidity,
            fee_asset_id=effect.fee_asset_id,
            fee_atoms=effect.fee_atoms,
            time_ns=now_ns,
        )

    def canceled(self, effect: Canceled, now_ns: int, cause: CancelCause | None = None) -> Order:
        """Enter an end before everything filled; cause, where it is another than the engine's."""
        cause = effect.cause if cause is None else cause
        account = self._account(effect.account_id)
        order = account.order(effect.order_id)
        assert order is not None, "what happens to an order that is kept"
        if cause is CancelCause.QUOTE_SPENT and order.filled_lots:
            order.state = OrderState.FILLED
        else:
            order.cancel_cause = cause
            order.state = OrderState.EXPIRED if cause in _EXPIRED else OrderState.CANCELED
        order.updated_ns = now_ns
        account.end(order.order_id)
        return order

    def amended(
        self,
        effect: Amended,
        trigger_ticks: int | None,
        now_ns: int,
        *,
        is_asked: bool = True,
    ) -> Order:
        """Enter a new price, size or trigger (None where that has not changed)."""
        account = self._account(effect.account_id)
        order = account.order(effect.order_id)
        assert order is not None, "what happens to an order that is kept"
        trail = account.amends.setdefault(order.order_id, [_beginning(order)])
        if order.price_ticks is not None:
            order.price_ticks = effect.price_ticks
        order.size_lots = effect.size_lots
        if trigger_ticks is not None:
            order.trigger_ticks = trigger_ticks
        order.updated_ns = now_ns
        trail.append(_terms(order, trail[-1].number + 1, is_asked=is_asked))
        if len(trail) > AMENDS_MAX + 1:
            del trail[1]
        return order

    def triggered(self, effect: Triggered, now_ns: int) -> Order:
        """Enter that an order's price was heard."""
        order = self._account(effect.account_id).order(effect.order_id)
        assert order is not None, "an order that waits is kept"
        order.triggered_ns = order.updated_ns = now_ns
        return order

    def released(self, entry: Order, now_ns: int) -> list[Order]:
        """Enter that orders no longer wait for their entry, which has filled; return them."""
        if entry.group_kind not in _WITH_ENTRY or entry.state is not OrderState.FILLED:
            return []
        orders = [order for order in self.group(entry) if order.is_pending]
        for order in orders:
            order.is_pending, order.updated_ns = False, now_ns
        return orders

    def renamed(self, account_id: int, order_id: int, client_order_id: str) -> None:
        """Enter another client id of an order; its old one names nothing any more."""
        account = self._account(account_id)
        order = account.order(order_id)
        if order is None or order.client_order_id == client_order_id:
            return
        if account.client_ids.get(order.client_order_id) == order_id:
            del account.client_ids[order.client_order_id]
        order.client_order_id = client_order_id
        account.named(client_order_id, order_id)

    def group_named(self, account_id: int, group_id: int, client_group_id: str) -> None:
        """Enter what its owner calls a group."""
        account = self._account(account_id)
        first = account.order(group_id)
        for order in self.group(first) if first is not None else ():
            order.client_group_id = client_group_id
            account.group_named(order)

    # -- what is asked ----------------------------------------------------------------------

    def group(self, member: Order) -> list[Order]:
        """Return the orders of a member's group that are kept, in their order."""
        if not member.group_id:
            return []
        numbers = range(member.group_id, member.group_id + GROUP_MAX)
        found = map(self._account(member.account_id).order, numbers)
        return [o for o in found if o is not None and o.group_id == member.group_id]

    def next_expiry_ns(self) -> int | None:
        """Return when the next open order expires, None where none does."""
        while self._expiries:
            expire_ns, account_id, order_id = self._expiries[0]
            if order_id in self._account(account_id).open:
                return expire_ns
            heappop(self._expiries)
        return None

    def order(self, query: OrderQuery) -> Order | None:
        """Return one order, by either id; both must fit where both are given."""
        account = self._accounts.get(query.account_id)
        if account is None:
            return None
        order_id = query.order_id
        if query.client_group_id is not None:
            order_id = account.groups.get(query.client_group_id, 0)
        elif order_id is None:
            order_id = account.client_ids.get(query.client_order_id or "", 0)
        order = account.order(order_id)
        if order is None or query.instrument_id not in (None, order.instrument_id):
            return None
        if query.client_order_id not in (None, order.client_order_id):
            return None
        return order

    def amend_list(self, query: AmendsQuery) -> AmendList:
        """Return what an order was and is, oldest first."""
        account = self._accounts.get(query.account_id)
        order = None if account is None else account.order(query.order_id)
        if account is None or order is None:
            return AmendList(())
        return AmendList(tuple(account.amends.get(order.order_id) or [_beginning(order)]))

    def numbered(self, account_id: int, order_id: int) -> Order | None:
        """Return one order by the exchange's number."""
        account = self._accounts.get(account_id)
        return None if account is None else account.order(order_id)

    def open_orders(self, instrument_id: int) -> Iterable[Order]:
        """Return all accounts' open orders of an instrument."""
        return [
            order
            for account in self._accounts.values()
            for order in account.open_orders()
            if order.instrument_id == instrument_id
        ]

    def open_order(self, account_id: int, client_order_id: str) -> Order | None:
        """Return the open order of that client id."""
        account = self._accounts.get(account_id)
        if account is None:
            return None
        order_id = account.client_ids.get(client_order_id, 0)
        return account.order(order_id) if order_id in account.open else None

    def is_taken(self, account_id: int, client_order_id: str, *, for_ever: bool) -> bool:
        """Whether a client's name is an open order's, or (for_ever) has ever been one's."""
        account = self._accounts.get(account_id)
        if account is None:
            return False
        if for_ever:
            return client_order_id in account.placed
        return account.client_ids.get(client_order_id) in account.open

    def by_client_id(self, account_id: int, client_order_id: str) -> Order | None:
        """Return the newest order of that client id, open or ended."""
        return self.order(OrderQuery(account_id, client_order_id=client_order_id))

    def placed(self, account_id: int, client_order_id: str) -> Place | None:
        """Return the newest Place of that client id as it was asked, refused or not."""
        account = self._accounts.get(account_id)
        return None if account is None else account.placed.get(client_order_id)

    def orders(self, query: OrdersQuery) -> tuple[Order, ...]:
        """Return orders, oldest first; without a start the newest."""
        return self.order_list(query).orders

    def order_list(self, query: OrdersQuery) -> OrderList:
        """Return the same, and where the list goes on."""
        account = self._accounts.get(query.account_id)
        if account is None:
            return OrderList(())
        if query.order_ids:
            wanted = map(account.order, dict.fromkeys(query.order_ids))
            candidates = [
                order
                for order in wanted
                if order is not None and (order.order_id in account.open or not query.open_only)
            ]
        else:
            candidates = account.open_orders() if query.open_only else account.orders()
        found = [
            (order.order_id, order)
            for order in candidates
            if query.instrument_id in (None, order.instrument_id)
            and (query.from_order_id is None or order.order_id >= query.from_order_id)
            and not (query.accepted_only and order.state is OrderState.REJECTED)
            and not (query.grouped_only and not order.hangs_together)
            and is_within(order.created_ns, query.start_ns, query.end_ns)
        ]
        found.sort(key=number_of)
        return OrderList(*page(found, query, query.from_order_id))

    def fills(self, query: FillsQuery) -> tuple[Fill, ...]:
        """Return fills, oldest first; without a start the newest."""
        return self.fill_list(query).fills

    def fill_list(self, query: FillsQuery) -> FillList:
        """Return the same, and where the list goes on."""
        account = self._accounts.get(query.account_id)
        if account is None:
            return FillList(())
        found = [
            (number, fill)
            for number, fill in enumerate(account.fills, account.fills_left + 1)
            if query.instrument_id in (None, fill.instrument_id)
            and query.order_id in (None, fill.order_id)
            and (query.from_trade_id is None or fill.trade_id >= query.from_trade_id)
            and is_within(fill.time_ns, query.start_ns, query.end_ns)
        ]
        return FillList(*page(found, query, query.from_trade_id))

    def fills_of(self, order: Order, newest: int | None = None) -> tuple[Fill, ...]:
        """Return an order's fills, oldest first; of many only so many of the newest."""
        fills = reversed(self._account(order.account_id).fills)
        found = [*islice((f for f in fills if f.order_id == order.order_id), newest)]
        return tuple(reversed(found))

    # -- snapshots --------------------------------------------------------------------------

    def snapshot(self) -> list[AccountHistory]:
        """Return everything that is kept."""
        return [
            AccountHistory(
                account_id,
                sorted(account.orders(), key=_by_id),
                [*account.fills],
                [*account.placed.values()],
                account.fills_left,
                {number: [*trail] for number, trail in account.amends.items()},
            )
            for account_id, account in self._accounts.items()
        ]

    def restore(self, accounts: Iterable[AccountHistory]) -> None:
        """Replace an empty history."""
        for kept in accounts:
            account = self._account(kept.account_id)
            for order in kept.orders:
                account.add(order)
                if order.state.is_open:
                    self._watch(order)
            account.fills.extend(kept.fills)
            account.fills_left = kept.fills_left
            account.amends = {number: [*trail] for number, trail in kept.amends.items()}
            for place in kept.placed:
                account.asked(place)

    def _watch(self, order: Order) -> None:
        if order.expire_ns is None:
            return
        heappush(self._expiries, (order.expire_ns, order.account_id, order.order_id))
        if len(self._expiries) > self._expiries_max:
            # Those that ended before their time are still in it.
            self._expiries = [it for it in self._expiries if it[2] in self._account(it[1]).open]
            heapify(self._expiries)
            self._expiries_max = max(EXPIRIES_MIN, 2 * len(self._expiries))

    def _account(self, account_id: int) -> _Account:
        found = self._accounts.get(account_id)
        if found is None:
            found = self._accounts[account_id] = _Account()
        return found


def unnamed(order_id: int) -> str:
    """Return what an order is called to which its client has given no name."""
    return f"sy-{order_id}"


def new_order(place: Place, order_id: int, now_ns: int) -> Order:
    """Return an order to which nothing has happened yet."""
    return Order(
        order_id=order_id,
        client_order_id=place.client_order_id or unnamed(order_id),
        account_id=place.account_id,
        instrument_id=place.instrument_id,
        side=place.side,
        order_type=place.order_type,
        time_in_force=place.time_in_force,
        post_only=place.post_only,
        price_ticks=place.price_ticks,
        size_lots=place.size_lots,
        self_trade=place.self_trade,
        fee_asset=place.fee_asset,
        created_ns=now_ns,
        updated_ns=now_ns,
        slide=place.slide,
        spend_atoms=place.quote_atoms,
        display_lots=place.display_lots,
        trigger_by=place.trigger_by,
        trigger_ticks=place.trigger_ticks,
        trail_ticks=place.trail_ticks,
        trail_rate_e8=place.trail_rate_e8,
        activation_ticks=place.activation_ticks,
        activation_direction=place.activation_direction,
        expire_ns=place.expire_ns,
    )


def filled_order(place: Place, fill: Fill) -> Order:
    """Return an order that one execution has filled at once."""
    order = new_order(place, fill.order_id, fill.time_ns)
    order.state = OrderState.FILLED
    order.filled_lots, order.quote_atoms = fill.size_lots, fill.quote_atoms
    return order


def _beginning(order: Order) -> Amendment:
    """Return the terms of an order that has never been amended, as it was placed."""
    terms = _terms(order, 0, is_asked=True)
    return structs.replace(terms, time_ns=order.created_ns, remaining_lots=order.size_lots)


def _terms(order: Order, number: int, *, is_asked: bool) -> Amendment:
    return Amendment(
        number,
        order.updated_ns,
        order.size_lots,
        order.remaining_lots,
        order.price_ticks,
        order.trigger_ticks,
        is_asked,
    )


def _by_id(order: Order) -> int:
    return order.order_id
