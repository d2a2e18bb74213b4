"""Effects become what people see: orders, fills, statements, market data and events, in one pass.

The invariant: everything here follows from commands and effects, so that a replay tells the same.
Nothing is decided, and the engine is only asked for balances.
"""

from collections.abc import Iterable, Iterator

from steelyard.domain.commands import (
    FIRST_USER,
    Accepted,
    Amend,
    Amended,
    Cancel,
    CancelAll,
    Canceled,
    Command,
    Effect,
    Filled,
    LevelChanged,
    MarketStateChanged,
    Place,
    PlaceGroup,
    Rejected,
    Traded,
    TransferChanged,
    Transferred,
    Triggered,
)
from steelyard.domain.instrument import Listings
from steelyard.domain.ledger import Balance
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import BalanceLocked, BalanceMoved, Execution, OrderQuery
from steelyard.domain.order import CancelCause, MarketState, TransferState
from steelyard.engine import Engine
from steelyard.exchange.counts import Counts
from steelyard.exchange.feed import Feed
from steelyard.exchange.history import Group, History
from steelyard.exchange.market import InstrumentMarket
from steelyard.exchange.people import People
from steelyard.exchange.statement import Statements

# Read once: to read a member is slow before Python 3.12.
_QUOTE_SPENT = CancelCause.QUOTE_SPENT
_NEW, _FILL = Execution.NEW, Execution.FILL
_CHANGES = (Canceled, Amended, Triggered)
_LEVELS = frozenset({LevelChanged})


class Teller:
    """Enters effects in the history and the market data, and tells the feed.

    Attributes:
        counts: What happened, by kind; replaced after a replay.
        states: What each market lets happen, where that is not everything.
        rates: Each account's own fee rates, as it was opened with.
    """

    def __init__(
        self,
        engine: Engine,
        listings: Listings,
        history: History,
        statements: Statements,
        people: People,
        feed: Feed,
        markets: dict[int, InstrumentMarket],
    ) -> None:
        self.counts = Counts()
        self.states: dict[int, MarketState] = {}
        self.rates: dict[int, tuple[int, int]] = {}
        self._engine = engine
        self._listings = listings
        self._history = history
        self._statements = statements
        self._people = people
        self._feed = feed
        self._markets = markets
        self._told = 0  # commands: the trades of one belong together
        self._now_ns = 0

    def tell(self, command: Command, effects: list[Effect], now_ns: int) -> None:
        """Enter effects in the history and the market data, and tell the feed."""
        self._now_ns = now_ns
        self._told += 1
        touched: dict[tuple[int, int], None] = {}  # (account, instrument or -asset - 1)
        group: Group | None = None
        number = 0  # of the order of the command that is told of next
        ended: dict[int, Order] = {}  # one order of each group of which some has ended
        spent = _spent(effects)
        for effect in effects:
            if isinstance(effect, LevelChanged):
                self._feed.level(effect, now_ns)
            elif isinstance(effect, Accepted):
                self.counts.orders += 1
                if isinstance(command, PlaceGroup):
                    group = group or Group(effect.order_id, command.kind, command.client_group_id)
                place = _asked(command, number)
                assert place is not None, "an order is accepted that was asked for"
                number += 1
                order = self._history.accepted(place, effect, now_ns, group)
                self._feed.order(_NEW, order, None, now_ns)
                touched[effect.account_id, effect.instrument_id] = None
            elif isinstance(effect, Traded):
                self.counts.trades += 1
                trade = self._markets[effect.instrument_id].traded(effect, now_ns, self._told)
                self._feed.trade(trade, effect)
            elif isinstance(effect, Filled):
                is_last = spent.get(effect.order_id) is effect
                order = self._tell_filled(effect, is_last=is_last)
                touched[effect.account_id, effect.instrument_id] = None
                touched[effect.account_id, -effect.fee_asset_id - 1] = None
                if order.group_kind is not None and _has_ended(order):
                    ended[order.group_id] = order
            elif isinstance(effect, _CHANGES):
                if spent and isinstance(effect, Canceled) and effect.order_id in spent:
                    continue  # its last fill has said so
                order = self._tell_change(command, effect)
                if order.group_kind is not None and _has_ended(order):
                    ended[order.group_id] = order
                touched[effect.account_id, effect.instrument_id] = None
            elif isinstance(effect, Rejected):
                self._tell_rejected(_asked(command, number), effect)
                number += 1
            elif isinstance(effect, MarketStateChanged):
                self.states[effect.instrument_id] = effect.state
            else:
                self._tell_transfer(effect)
                touched[effect.account_id, -effect.asset_id - 1] = None
        if self._feed.is_heard:
            self._tell_groups(command, group, ended.values())
            self._tell_balances(touched)
            self._feed.settle(now_ns)

    def rested(self, place: Place, order_id: int, now_ns: int) -> None:
        """As `tell`, of an order that did no more than rest, while nobody listens to anything."""
        self._told += 1
        self.counts.orders += 1
        self._feed.rested(place.instrument_id)
        self._history.rested(place, order_id, now_ns)

    def took(self, place: Place, effects: list[Effect], now_ns: int) -> Fill | None:
        """As `tell`, of an order that one trade with the house has filled at once.

        Nobody listens to anything. Returns the fill; None, and has told nothing, of other effects.
        """
        match effects:
            case [
                Accepted(),
                Traded(maker_order_id=0) as traded,
                Filled(remaining_lots=0) as filled,
                *levels,
            ] if {*map(type, levels)} <= _LEVELS:
                pass
            case _:
                return None
        self._told += 1
        counts = self.counts
        counts.orders += 1
        counts.trades += 1
        counts.fills += 1
        counts.first_fills[filled.account_id] += 1
        self._markets[traded.instrument_id].traded(traded, now_ns, self._told)
        self._statements.filled(filled, now_ns)
        self._feed.took(traded.instrument_id, len(levels))
        return self._history.took(place, filled, now_ns)

    def _tell_filled(self, effect: Filled, *, is_last: bool) -> Order:
        now_ns = self._now_ns
        self.counts.fills += 1
        self._statements.filled(effect, now_ns)
        order, fill = self._history.filled(effect, now_ns, is_last=is_last)
        if order.filled_lots == fill.size_lots:
            self.counts.first_fills[effect.account_id] += 1
        self._feed.order(_FILL, order, fill, now_ns)
        for child in self._history.released(order, now_ns):
            self._feed.order(Execution.RELEASED, child, None, now_ns)
        return order

    def _tell_groups(self, command: Command, placed: Group | None, ended: Iterable[Order]) -> None:
        if placed is not None and isinstance(command, PlaceGroup):
            query = OrderQuery(command.account_id, order_id=placed.group_id)
            first = self._history.order(query)
            if first is not None and first.hangs_together:
                orders = tuple(self._history.group(first))
                self._feed.group(orders, self._now_ns, is_over=False)
        for member in ended:
            orders = tuple(self._history.group(member))
            if orders and not any(order.state.is_open for order in orders):
                self._feed.group(orders, self._now_ns, is_over=True)

    def _tell_change(self, command: Command, effect: Canceled | Amended | Triggered) -> Order:
        now_ns, request_id = self._now_ns, ""
        if isinstance(effect, Canceled):
            order = self._history.canceled(effect, now_ns, _cause(command, effect))
            if isinstance(command, Cancel) and command.order_id == effect.order_id:
                request_id = command.request_id
            is_expired = order.state is OrderState.EXPIRED
            execution = Execution.EXPIRED if is_expired else Execution.CANCELED
        elif isinstance(effect, Amended):
            asked = isinstance(command, Amend) and command.order_id == effect.order_id
            trigger = command.trigger_ticks if isinstance(command, Amend) else None
            order = self._history.amended(effect, trigger, now_ns, is_asked=asked)
            if isinstance(command, Amend) and command.client_order_id:
                request_id = order.client_order_id
                self._history.renamed(order.account_id, order.order_id, command.client_order_id)
            execution = Execution.AMENDED
        else:
            order = self._history.triggered(effect, now_ns)
            execution = Execution.TRIGGERED
        self._feed.order(execution, order, None, now_ns, request_id)
        return order

    def _tell_rejected(self, place: Place | None, effect: Rejected) -> None:
        self.counts.rejects[effect.reason.name] += 1
        if place is None or effect.account_id < FIRST_USER:
            return
        if self._listings.has(place.instrument_id) and place.account_id in self.rates:
            order = self._history.rejected(place, effect.order_id, effect.reason, self._now_ns)
            self._feed.refused(order, self._now_ns)

    def _tell_transfer(self, effect: Transferred | TransferChanged) -> None:
        now_ns = self._now_ns
        account_id, asset_id, atoms = effect.account_id, effect.asset_id, effect.amount_atoms
        if isinstance(effect, Transferred):
            self._statements.transferred(effect, now_ns)
            self._feed.moved(BalanceMoved(account_id, asset_id, atoms, now_ns))
            return
        self._statements.transfer_changed(effect, now_ns)
        self._people.transfer_changed(effect)
        if atoms < 0:  # a withdrawal holds its amount from its beginning to its end
            is_begun = effect.state is TransferState.PENDING
            told_atoms = -atoms if is_begun else atoms
            self._feed.moved(BalanceLocked(account_id, asset_id, told_atoms, now_ns))

    def _tell_balances(self, touched: Iterable[tuple[int, int]]) -> None:
        """Tell each account of the assets that were touched, each once."""
        assets: dict[int, dict[int, None]] = {}
        for account_id, what in touched:
            of_account = assets.setdefault(account_id, {})
            if what < 0:
                of_account[-what - 1] = None
            else:
                instrument = self._listings[what]
                of_account[instrument.base_asset_id] = of_account[instrument.quote_asset_id] = None
        nothing = Balance(0, 0)
        for account_id, of_account in assets.items():
            balances = self._engine.balances(account_id)
            told = [(asset_id, balances.get(asset_id, nothing)) for asset_id in of_account]
            self._feed.balances(account_id, told, self._now_ns)


def _spent(effects: list[Effect]) -> dict[int, Filled]:
    """Return the last fill of each order by amount that could have not one lot more."""
    if Canceled not in map(type, effects):
        return {}
    over = {e.order_id for e in effects if type(e) is Canceled and e.cause is _QUOTE_SPENT}
    if not over:
        return {}
    return {e.order_id: e for e in effects if isinstance(e, Filled) and e.order_id in over}


def _has_ended(order: Order) -> bool:
    return order.hangs_together and not order.state.is_open


def _asked(command: Command, number: int) -> Place | None:
    """Return the order of that number that a command asks for, from 0 on."""
    if type(command) is Place:
        return command if number == 0 else None
    places = command.places if isinstance(command, PlaceGroup) else ()
    return places[number] if number < len(places) else None


def asked_by(command: Command) -> Iterator[Place]:
    """Yield the orders that a command asks for, in the order of their numbers."""
    match command:
        case Place():
            yield command
        case PlaceGroup():
            yield from command.places
        case _:
            pass


def _cause(command: Command, effect: Canceled) -> CancelCause:
    """Return why an order ended: what its owner's cancel took with it, its owner canceled."""
    went_along = effect.cause in (CancelCause.SIBLING, CancelCause.PARENT)
    if isinstance(command, Cancel) and went_along:
        return CancelCause.USER
    if isinstance(command, CancelAll) and went_along:
        return command.cause
    return effect.cause
