"""Are the books right? Everything that is told about money and orders, held against the engine.

Per asset: what users have, free and held, the house, the fees and the world, which sum to zero.
What is held is computed anew from the open orders and pending withdrawals in the engine's own
records. Statements end in the balances; the orders and trades that clients are shown are those
that the engine has. It shares no code with the engines on purpose, changes nothing, and goes on
after a difference: each is told in words, up to `DIFFERENCES_MAX`.

Its time grows with the open orders: about half a second for 20,000 of them.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from msgspec import Struct

from steelyard.domain.commands import FEES, FIRST_USER, HOUSE, WORLD
from steelyard.domain.instrument import Listings
from steelyard.domain.layout import (
    AccountState,
    BalanceState,
    GroupState,
    InstrumentState,
    NodeState,
    PendingTransfer,
    TermsState,
    WaitingState,
)
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import OrdersQuery, TradeList, TradesQuery
from steelyard.domain.order import FeeAsset, GroupKind, Side
from steelyard.domain.units import fee_atoms, from_atoms, in_full
from steelyard.exchange.engine_state import records_of
from steelyard.exchange.exchange import Exchange

DIFFERENCES_MAX = 100
ALL = 2**62  # a limit of a query that is none

# Whose money, what of: (account, asset).
Amounts = dict[tuple[int, int], int]


class AssetBooks(Struct, frozen=True):
    """One asset's sums over all accounts, in atoms; `total` is zero if the books are right.

    pending_* are announced and not carried out: a withdrawal is part of `held`, a deposit of
    nothing yet.
    """

    asset_id: int
    free: int
    held: int
    house: int
    fees: int
    world: int
    total: int
    pending_deposits: int
    pending_withdrawals: int


class Audit(Struct, frozen=True):
    """What an audit has seen, and every difference in a sentence; none is right books."""

    accounts: int
    open_orders: int
    assets: list[AssetBooks]
    differences: list[str]


def audit(exchange: Exchange, state: bytes) -> Audit:
    """Hold an exchange's books against `state`, its engine's snapshot."""
    books = _Books(exchange, state)
    return Audit(
        len(books.accounts),
        len(books.orders),
        books.assets(),
        [*islice(books.differences(), DIFFERENCES_MAX)],
    )


class _Open(NamedTuple):
    """An open order of the engine, wherever it is there; price_ticks is None without a limit."""

    order_id: int
    account_id: int
    instrument_id: int
    side: Side
    price_ticks: int | None
    size_lots: int
    remaining_lots: int
    quote_rate_e8: int  # of the fee that a buy holds
    group_id: int
    is_child: bool  # waits for its entry
    waits: bool  # for its price


class _Books:
    """An engine's records, and what the exchange tells of them."""

    def __init__(self, exchange: Exchange, state: bytes) -> None:
        self.exchange = exchange
        self.listings: Listings = exchange.listings
        self.names = {i: repr(name) for name, i in exchange.keys.people.names.items()}
        self.names.update({WORLD: "the world", HOUSE: "the house", FEES: "the fees"})
        self.accounts = [account.account_id for account in records_of(state, AccountState)]
        self.balances: dict[tuple[int, int], BalanceState] = {
            (balance.account_id, balance.asset_id): balance
            for balance in records_of(state, BalanceState)
        }
        self.transfers: list[PendingTransfer] = [*records_of(state, PendingTransfer)]
        self.markets: list[InstrumentState] = [*records_of(state, InstrumentState)]
        groups = {terms.order_id: terms.group_id for terms in records_of(state, TermsState)}
        self.orders: dict[int, _Open] = {
            record.order_id: _open(record, groups)
            for record in records_of(state, NodeState, WaitingState)
            if record.order_id
        }
        self.kinds = {group.group_id: group.kind for group in records_of(state, GroupState)}

    def assets(self) -> list[AssetBooks]:
        """Return each asset's sums."""
        found = []
        for asset_id in sorted({asset_id for _, asset_id in self.balances}):
            of = {who: b for (who, what), b in self.balances.items() if what == asset_id}
            users = [balance for who, balance in of.items() if who >= FIRST_USER]
            pending = [t.amount_atoms for t in self.transfers if t.asset_id == asset_id]
            house, fees, world = (
                of[who].free_atoms + of[who].held_atoms if who in of else 0
                for who in (HOUSE, FEES, WORLD)
            )
            found.append(
                AssetBooks(
                    asset_id=asset_id,
                    free=sum(balance.free_atoms for balance in users),
                    held=sum(balance.held_atoms for balance in users),
                    house=house,
                    fees=fees,
                    world=world,
                    total=sum(b.free_atoms + b.held_atoms for b in of.values()),
                    pending_deposits=sum(amount for amount in pending if amount > 0),
                    pending_withdrawals=-sum(amount for amount in pending if amount < 0),
                )
            )
        return found

    def differences(self) -> Iterator[str]:
        """Yield every difference, those of money first."""
        return chain(
            self._unbalanced(),
            self._overdrawn(),
            self._misheld(),
            self._misstated(),
            self._mistold_orders(),
            self._mistold_transfers(),
            self._mistold_markets(),
        )

    # -- money ------------------------------------------------------------------------------

    def _unbalanced(self) -> Iterator[str]:
        for books in self.assets():
            if books.total:
                yield (
                    f"{self._amount(books.asset_id, books.total)} too much over all accounts: "
                    "what one got, no other has paid"
                )
        for asset_id, atoms in self.exchange.engine.totals().items():
            if atoms:
                yield f"the engine itself counts {self._amount(asset_id, atoms)} too much"

    def _overdrawn(self) -> Iterator[str]:
        for (who, asset_id), balance in self.balances.items():
            if balance.held_atoms < 0 or (who >= FIRST_USER and balance.free_atoms < 0):
                yield (
                    f"{self._name(who)} is overdrawn: {in_full(from_atoms(balance.free_atoms))} "
                    f"free and {in_full(from_atoms(balance.held_atoms))} held "
                    f"{self.listings.asset(asset_id)}"
                )
            elif who < FIRST_USER and balance.held_atoms:
                held = self._amount(asset_id, balance.held_atoms)
                yield f"{self._name(who)} holds {held}, and has no orders"

    def _misheld(self) -> Iterator[str]:
        needed = self._needed()
        held = {at: b.held_atoms for at, b in self.balances.items() if at[0] >= FIRST_USER}
        for who, asset_id in sorted({*needed, *held}):
            has, needs = held.get((who, asset_id), 0), needed.get((who, asset_id), 0)
            if has != needs:
                yield (
                    f"{self._name(who)} holds {self._amount(asset_id, has)}, but its open orders "
                    f"and withdrawals need {self._amount(asset_id, needs)}"
                )

    def _needed(self) -> Amounts:
        """Return what all open orders and pending withdrawals hold; an OCO the larger, once."""
        needed: Amounts = defaultdict(int)
        pairs: dict[int, tuple[tuple[int, int], int]] = {}
        for order in self.orders.values():
            at, atoms = self._hold(order)
            if self.kinds.get(order.group_id) is GroupKind.OCO:
                pairs[order.group_id] = at, max(atoms, pairs.get(order.group_id, (at, 0))[1])
            else:
                needed[at] += atoms
        for at, atoms in pairs.values():
            needed[at] += atoms
        for transfer in self.transfers:
            needed[transfer.account_id, transfer.asset_id] += max(0, -transfer.amount_atoms)
        return {at: atoms for at, atoms in needed.items() if atoms}

    def _hold(self, order: _Open) -> tuple[tuple[int, int], int]:
        """Return of whom and what an order holds, and how much."""
        instrument = self.listings[order.instrument_id]
        if order.side is Side.SELL:
            asset_id, per_lot = instrument.base_asset_id, instrument.lot_atoms
        else:
            asset_id = instrument.quote_asset_id
            per_lot = instrument.notional_atoms(order.price_ticks or 0, 1)
            per_lot += fee_atoms(per_lot, order.quote_rate_e8)
        lots = 0 if order.is_child else order.remaining_lots
        return (order.account_id, asset_id), lots * per_lot

    def _misstated(self) -> Iterator[str]:
        statements = self.exchange.statements
        owned: dict[int, dict[int, BalanceState]] = defaultdict(dict)
        for (who, asset_id), balance in self.balances.items():
            owned[who][asset_id] = balance
        for who in self.accounts:
            stated, own = statements.closing(who), owned[who]
            for asset_id in sorted({*stated, *own}):
                has = 0
                if asset_id in own:
                    has = own[asset_id].free_atoms + own[asset_id].held_atoms
                if stated.get(asset_id, 0) != has:
                    yield (
                        f"the statement of {self._name(who)} ends in "
                        f"{self._amount(asset_id, stated.get(asset_id, 0))}, but it has "
                        f"{self._amount(asset_id, has)}"
                    )

    # -- what clients are told --------------------------------------------------------------

    def _mistold_orders(self) -> Iterator[str]:
        shown: dict[int, Order] = {}
        for who in {*self.accounts, *self.exchange.keys.people.names.values()}:
            query = OrdersQuery(who, ALL, open_only=True)
            shown.update((order.order_id, order) for order in self.exchange.history.orders(query))
        for number in sorted({*shown, *self.orders}):
            if number not in shown:
                who = self._name(self.orders[number].account_id)
                yield f"order {number} of {who} is open in the engine, but is not shown as open"
            elif number not in self.orders:
                who = self._name(shown[number].account_id)
                yield f"order {number} of {who} is shown as open, but is not in the engine"
            else:
                yield from self._mistold_order(self.orders[number], shown[number])

    def _mistold_order(self, order: _Open, shown: Order) -> Iterator[str]:
        waits = shown.waits if not order.is_child else order.waits
        for what, engine_says, is_shown in (
            ("account", order.account_id, shown.account_id),
            ("instrument", order.instrument_id, shown.instrument_id),
            ("side", order.side.name, shown.side.name),
            ("price in ticks", order.price_ticks, shown.price_ticks),
            ("size in lots", order.size_lots, shown.size_lots),
            ("remaining lots", order.remaining_lots, shown.remaining_lots),
            ("wait for its price", order.waits, waits),
        ):
            if engine_says != is_shown:
                yield (
                    f"order {order.order_id} of {self._name(order.account_id)}: its {what} is "
                    f"{engine_says} in the engine, and shown as {is_shown}"
                )

    def _mistold_transfers(self) -> Iterator[str]:
        pending = {t.transfer_id: t for t in self.transfers}
        for transfer in self.transfers:
            known = self.exchange.statements.pending(transfer.account_id, transfer.transfer_id)
            if known is None or known.amount_atoms != transfer.amount_atoms:
                who = self._name(transfer.account_id)
                yield f"transfer {transfer.transfer_id} of {who} is pending, but not shown as that"
        for who in self.accounts:
            for number in self.exchange.statements.pending_ids(who):
                if number not in pending:
                    name = self._name(who)
                    yield f"transfer {number} of {name} is shown as pending, but is over"

    def _mistold_markets(self) -> Iterator[str]:
        for market in self.markets:
            symbol = self.listings[market.instrument_id].symbol
            state = self.exchange.state_of(market.instrument_id)
            if state is not market.state:
                yield f"{symbol} is {market.state.name} in the engine, and shown as {state.name}"
            answer = self.exchange.ask(TradesQuery(market.instrument_id, 1), 0)
            assert isinstance(answer, TradeList), "trades are answered by a list"
            told = answer.trades[-1].trade_id if answer.trades else 0
            if told != market.next_trade_id - 1:
                yield (
                    f"{symbol}: the last trade is {market.next_trade_id - 1} in the engine, and "
                    f"{told} on the tape"
                )

    # -- words ------------------------------------------------------------------------------

    def _name(self, account_id: int) -> str:
        return self.names.get(account_id, f"account {account_id}")

    def _amount(self, asset_id: int, atoms: int) -> str:
        return f"{in_full(from_atoms(atoms))} {self.listings.asset(asset_id)}"


def _open(record: NodeState | WaitingState, groups: dict[int, int]) -> _Open:
    """Return an open order from its record; groups is the group of each order that rests."""
    if isinstance(record, NodeState):
        remaining, group_id = record.remaining_lots, groups.get(record.order_id, 0)
        is_child = waits = False
    else:
        remaining, group_id = record.size_lots, record.group_id
        is_child, waits = record.is_child, record.order_type.waits
    is_in_quote = record.fee_asset is FeeAsset.QUOTE
    return _Open(
        record.order_id,
        record.account_id,
        record.instrument_id,
        record.side,
        record.price_ticks,
        record.size_lots,
        remaining,
        max(record.maker_rate_e8, record.taker_rate_e8, 0) if is_in_quote else 0,
        group_id,
        is_child=is_child,
        waits=waits,
    )
