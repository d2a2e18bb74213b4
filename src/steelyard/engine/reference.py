"""The reference engine: the specification of matching, holds and settlement.

A command is refused whole, for the first reason in the order of `RejectReason`, or carried
out whole: refuse, hold, match, settle, rest. Effects come back in the order in which they
happened; the levels touched follow at the end, in the order of touch, consecutive repeats
merged.

Money: a resting order holds `remaining_lots * hold_per_lot` of one asset, so every partial
fill releases a whole share of it. The rates are those of the account when the order was
placed. A buy whose fee is taken in quote holds the fee too, rounded up per lot, which is never
less than the fees of its fills.

It trusts that numbers fit their fields (`domain/layout.py`): decoding has seen to that.
"""

from steelyard.domain import layout
from steelyard.domain.commands import (
    FEES,
    FIRST_USER,
    HOUSE,
    WORLD,
    Accepted,
    Amend,
    Amended,
    Cancel,
    CancelAll,
    Canceled,
    Command,
    Deposit,
    Effect,
    Filled,
    HouseLevel,
    HouseTrade,
    LevelChanged,
    ListInstrument,
    OpenAccount,
    Place,
    Rejected,
    Traded,
    Transferred,
    Withdraw,
)
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import (
    LEVEL_MAX_LOTS,
    LIMIT_MAX,
    NOTIONAL_MAX_ATOMS,
    Instrument,
)
from steelyard.domain.layout import (
    AccountState,
    BalanceState,
    CounterState,
    InstrumentState,
    NodeState,
    StateRecord,
)
from steelyard.domain.ledger import MAY_OWE, Balance, Ledger
from steelyard.domain.order import (
    FIELDS,
    CancelCause,
    FeeAsset,
    Liquidity,
    Need,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
)
from steelyard.domain.units import AMOUNT_MAX_ATOMS, RATE_SCALE, fee_atoms
from steelyard.engine import BookLevels
from steelyard.engine.book import Book, Node, QueueModel, shrink

# A match planned before anything is changed: the maker, and how much of it.
Plan = list[tuple[Node, int]]


class ReferenceEngine:
    """One engine, all instruments and accounts."""

    def __init__(self, queue_model: QueueModel = QueueModel.PROPORTIONAL) -> None:
        self.queue_model = queue_model
        self.ledger = Ledger()
        self.instruments: dict[int, Instrument] = {}
        self.books: dict[int, Book] = {}
        self.next_trade_id: dict[int, int] = {}
        self.rates: dict[int, tuple[int, int]] = {}  # account_id -> maker, taker
        self.orders: dict[int, Node] = {}
        self.next_order_id = 1
        self.next_priority = 1
        self._effects: list[Effect] = []
        self._touched: list[tuple[int, Side, int]] = []

    # -- commands ---------------------------------------------------------------------------

    def apply(self, command: Command, now_ns: int) -> list[Effect]:  # noqa: ARG002 GTD comes later
        """Carry out one command whole, or refuse it whole, and return what happened."""
        self._effects, self._touched = [], []
        match command:
            case Place():
                self._place(command)
            case Cancel():
                self._cancel(command)
            case Amend():
                self._amend(command)
            case CancelAll():
                self._cancel_all(command)
            case HouseLevel():
                self._house_level(command)
            case HouseTrade():
                self._house_trade(command)
            case Deposit():
                self._deposit(command)
            case Withdraw():
                self._withdraw(command)
            case OpenAccount():
                self._open_account(command)
            case ListInstrument():
                self._list(command.instrument)
        for instrument_id, side, price_ticks in self._touched:
            size_lots = self.books[instrument_id].of(side).size_at(price_ticks)
            self._effects.append(LevelChanged(instrument_id, side, price_ticks, size_lots))
        return self._effects

    def _open_account(self, account: OpenAccount) -> None:
        if max(account.maker_rate_e8, account.taker_rate_e8) > RATE_SCALE:
            self._refuse(account.account_id, 0, RejectReason.UNSUPPORTED)
        elif account.account_id < FIRST_USER:
            self._refuse(account.account_id, 0, RejectReason.UNKNOWN_ACCOUNT)
        else:
            self.rates[account.account_id] = (account.maker_rate_e8, account.taker_rate_e8)

    def _list(self, instrument: Instrument) -> None:
        """Open a market or change its limits; what holds are made of stays as it is."""
        old = self.instruments.get(instrument.instrument_id, instrument)
        if not instrument.is_sound or not old.may_become(instrument):
            self._refuse(0, 0, RejectReason.UNSUPPORTED)
            return
        self.instruments[instrument.instrument_id] = instrument
        self.books.setdefault(instrument.instrument_id, Book())
        self.next_trade_id.setdefault(instrument.instrument_id, 1)

    def _place(self, place: Place) -> None:
        order_id = self.next_order_id
        self.next_order_id += 1
        if reason := self._refusal_of_form(place):
            self._effects.append(Rejected(order_id, place.account_id, reason))
            return
        maker_rate, taker_rate = self.rates[place.account_id]
        taker = Node(
            order_id=order_id,
            account_id=place.account_id,
            instrument_id=place.instrument_id,
            side=place.side,
            price_ticks=place.price_ticks or 0,
            priority=0,
            size_lots=place.size_lots,
            remaining_lots=place.size_lots,
            post_only=place.post_only,
            self_trade=place.self_trade,
            fee_asset=place.fee_asset,
            maker_rate_e8=maker_rate,
            taker_rate_e8=taker_rate,
        )
        is_market = place.order_type is OrderType.MARKET
        limit = None if is_market else taker.price_ticks
        if place.post_only and self._would_take(taker):
            reason = RejectReason.POST_ONLY_WOULD_TAKE
        elif self._needed_atoms(taker, limit) > self._free(taker):
            reason = RejectReason.INSUFFICIENT_BALANCE
        if reason:
            self._effects.append(Rejected(order_id, place.account_id, reason))
            return
        self._effects.append(Accepted(order_id, place.account_id, place.instrument_id))
        if (
            place.time_in_force is TimeInForce.FOK
            and self._fillable(taker, limit) < place.size_lots
        ):
            self._announce_cancel(taker, CancelCause.FOK_UNFILLABLE)
            return
        if not is_market:
            self._hold(taker)
        if self._match(taker, limit, held=not is_market) or taker.remaining_lots == 0:
            return
        if is_market:
            self._announce_cancel(taker, CancelCause.NO_LIQUIDITY)
        elif place.time_in_force is TimeInForce.GTC:
            self._rest(taker)
        else:
            self._release(taker)
            self._announce_cancel(taker, CancelCause.IOC_REMAINDER)

    def _cancel(self, cancel: Cancel) -> None:
        node = self._own_order(cancel.account_id, cancel.order_id)
        if node is None:
            self._refuse(cancel.account_id, cancel.order_id, RejectReason.UNKNOWN_ORDER)
        else:
            self._withdraw_order(node, CancelCause.USER)

    def _cancel_all(self, cancel: CancelAll) -> None:
        if cancel.account_id not in self.rates:
            self._refuse(cancel.account_id, 0, RejectReason.UNKNOWN_ACCOUNT)
            return
        if cancel.instrument_id is not None and cancel.instrument_id not in self.instruments:
            self._refuse(cancel.account_id, 0, RejectReason.UNKNOWN_INSTRUMENT)
            return
        for order_id in sorted(self.orders):
            node = self.orders[order_id]
            if node.account_id == cancel.account_id and cancel.instrument_id in (
                None,
                node.instrument_id,
            ):
                self._withdraw_order(node, cancel.cause)

    def _amend(self, amend: Amend) -> None:
        node = self._own_order(amend.account_id, amend.order_id)
        reason: RejectReason | None = None
        if node is None:
            self._refuse(amend.account_id, amend.order_id, RejectReason.UNKNOWN_ORDER)
            return
        instrument = self.instruments[node.instrument_id]
        price = node.price_ticks if amend.price_ticks is None else amend.price_ticks
        size = node.size_lots if amend.size_lots is None else amend.size_lots
        filled = node.size_lots - node.remaining_lots
        reason = self._refusal_of_numbers(instrument, node.side, price, size)
        if reason is None and size <= filled:
            reason = RejectReason.SIZE_BELOW_FILLED
        changed = Node(
            node.order_id,
            node.account_id,
            node.instrument_id,
            node.side,
            price,
            node.priority,
            size,
            size - filled,
            node.post_only,
            node.self_trade,
            node.fee_asset,
            node.maker_rate_e8,
            node.taker_rate_e8,
        )
        if reason is None and node.post_only and self._would_take(changed):
            reason = RejectReason.POST_ONLY_WOULD_TAKE
        if reason is None and self._hold_atoms(changed) > self._free(node) + self._hold_atoms(node):
            reason = RejectReason.INSUFFICIENT_BALANCE
        if reason:
            self._refuse(amend.account_id, amend.order_id, reason)
            return
        keeps_priority = price == node.price_ticks and size <= node.size_lots
        self._release(node)
        self._effects.append(
            Amended(node.order_id, node.account_id, node.instrument_id, price, size, keeps_priority)
        )
        if keeps_priority:
            node.size_lots, node.remaining_lots = size, size - filled
            self._hold(node)
            self._touch(node)
            return
        self._unlink(node)
        self._hold(changed)
        if not self._match(changed, price, held=True) and changed.remaining_lots:
            self._rest(changed)

    def _deposit(self, deposit: Deposit) -> None:
        if deposit.account_id not in self.rates:
            reason = RejectReason.UNKNOWN_ACCOUNT
        elif deposit.amount_atoms <= 0:
            reason = RejectReason.SIZE_TOO_SMALL
        elif (
            deposit.amount_atoms
            > AMOUNT_MAX_ATOMS + self.ledger.balance(WORLD, deposit.asset_id).free_atoms
        ):
            reason = RejectReason.AMOUNT_TOO_LARGE
        else:
            self.ledger.move(deposit.asset_id, WORLD, deposit.account_id, deposit.amount_atoms)
            self._effects.append(
                Transferred(deposit.account_id, deposit.asset_id, deposit.amount_atoms)
            )
            return
        self._refuse(deposit.account_id, 0, reason)

    def _withdraw(self, withdraw: Withdraw) -> None:
        free = self.ledger.balance(withdraw.account_id, withdraw.asset_id).free_atoms
        if withdraw.account_id not in self.rates:
            reason = RejectReason.UNKNOWN_ACCOUNT
        elif withdraw.amount_atoms <= 0:
            reason = RejectReason.SIZE_TOO_SMALL
        elif withdraw.amount_atoms > free:
            reason = RejectReason.INSUFFICIENT_BALANCE
        else:
            self.ledger.move(withdraw.asset_id, withdraw.account_id, WORLD, withdraw.amount_atoms)
            self._effects.append(
                Transferred(withdraw.account_id, withdraw.asset_id, -withdraw.amount_atoms)
            )
            return
        self._refuse(withdraw.account_id, 0, reason)

    # -- the house --------------------------------------------------------------------------

    def _house_level(self, level: HouseLevel) -> None:
        if reason := self._refusal_of_house(level, lots_min=0):
            self._refuse(HOUSE, 0, reason)
            return
        book = self.books[level.instrument_id]
        left = level.size_lots
        if left:
            far = book.of(level.side.opposite)
            for price in far.prices_within(level.price_ticks):
                for node in list(far.levels[price]):
                    if node.is_house:
                        self._touch(node)
                        far.remove(node)
                    elif left:
                        lots = min(left, node.remaining_lots)
                        left -= lots
                        self._trade(level.instrument_id, level.side, None, node, price, lots)
        own = book.of(level.side)
        nodes = own.house_nodes(level.price_ticks)
        standing = sum(node.remaining_lots for node in nodes)
        if left == standing:
            return
        self._touched_add(level.instrument_id, level.side, level.price_ticks)
        if left > standing:
            if own.ends_with_house(level.price_ticks):
                own.levels[level.price_ticks][-1].remaining_lots += left - standing
            else:
                own.add(self._house_node(level, left - standing))
        else:
            shrink(nodes, left, self.queue_model)
            for node in nodes:
                if node.remaining_lots == 0:
                    own.remove(node)

    def _house_trade(self, trade: HouseTrade) -> None:
        if reason := self._refusal_of_house(trade, lots_min=1):
            self._refuse(HOUSE, 0, reason)
            return
        far = self.books[trade.instrument_id].of(trade.side.opposite)
        left = trade.size_lots
        for price in far.prices_within(trade.price_ticks):
            for node in list(far.levels[price]):
                if left == 0:
                    return
                if node.is_house and price != trade.price_ticks:
                    continue
                lots = min(left, node.remaining_lots)
                left -= lots
                self._trade(trade.instrument_id, trade.side, None, node, price, lots)
        if left:
            self._print(trade.instrument_id, trade.side, 0, 0, trade.price_ticks, left)

    def _house_node(self, level: HouseLevel, lots: int) -> Node:
        return Node(
            0,
            HOUSE,
            level.instrument_id,
            level.side,
            level.price_ticks,
            self._priority(),
            0,
            lots,
        )

    # -- refusals ---------------------------------------------------------------------------

    def _refusal_of_form(self, place: Place) -> RejectReason | None:
        fields = FIELDS[place.order_type]
        if (
            place.time_in_force not in fields.time_in_force
            or (place.post_only and fields.post_only is Need.NEVER)
            or (place.post_only and place.time_in_force is not TimeInForce.GTC)
            or (place.price_ticks is None) == (fields.price_ticks is Need.MUST)
        ):
            return RejectReason.UNSUPPORTED
        if place.account_id not in self.rates:
            return RejectReason.UNKNOWN_ACCOUNT
        instrument = self.instruments.get(place.instrument_id)
        if instrument is None:
            return RejectReason.UNKNOWN_INSTRUMENT
        return self._refusal_of_numbers(instrument, place.side, place.price_ticks, place.size_lots)

    def _refusal_of_numbers(
        self, instrument: Instrument, side: Side, price_ticks: int | None, size_lots: int
    ) -> RejectReason | None:
        if price_ticks is not None and not 1 <= price_ticks <= instrument.price_max_ticks:
            return RejectReason.PRICE_OUT_OF_RANGE
        if size_lots < instrument.size_min_lots:
            return RejectReason.SIZE_TOO_SMALL
        if size_lots > instrument.size_max_lots:
            return RejectReason.SIZE_TOO_LARGE
        if price_ticks is None:
            return None
        if instrument.notional_atoms(price_ticks, size_lots) < instrument.notional_min_atoms:
            return RejectReason.NOTIONAL_TOO_SMALL
        resting = self.books[instrument.instrument_id].of(side).size_at(price_ticks)
        if resting + size_lots > LEVEL_MAX_LOTS:
            return RejectReason.AMOUNT_TOO_LARGE
        return None

    def _refusal_of_house(
        self, fact: HouseLevel | HouseTrade, *, lots_min: int
    ) -> RejectReason | None:
        instrument = self.instruments.get(fact.instrument_id)
        if instrument is None:
            return RejectReason.UNKNOWN_INSTRUMENT
        if not 1 <= fact.price_ticks <= instrument.price_max_ticks:
            return RejectReason.PRICE_OUT_OF_RANGE
        if fact.size_lots < lots_min:
            return RejectReason.SIZE_TOO_SMALL
        if fact.size_lots > LIMIT_MAX:  # a level's total may exceed one order's maximum
            return RejectReason.SIZE_TOO_LARGE
        return None

    def _would_take(self, node: Node) -> bool:
        best = self.books[node.instrument_id].of(node.side.opposite).best()
        return best is not None and best * node.side <= node.price_ticks * node.side

    def _own_order(self, account_id: int, order_id: int) -> Node | None:
        node = self.orders.get(order_id)
        return node if node is not None and node.account_id == account_id else None

    def _refuse(self, account_id: int, order_id: int, reason: RejectReason) -> None:
        self._effects.append(Rejected(order_id, account_id, reason))

    # -- holds ------------------------------------------------------------------------------

    def _hold_asset(self, node: Node) -> int:
        instrument = self.instruments[node.instrument_id]
        return instrument.quote_asset_id if node.side is Side.BUY else instrument.base_asset_id

    def _hold_atoms(self, node: Node) -> int:
        instrument = self.instruments[node.instrument_id]
        if node.side is Side.SELL:
            return node.remaining_lots * instrument.lot_atoms
        per_lot = node.price_ticks * instrument.tick_lot_atoms
        if node.fee_asset is FeeAsset.QUOTE:
            per_lot += fee_atoms(per_lot, max(node.maker_rate_e8, node.taker_rate_e8))
        return node.remaining_lots * per_lot

    def _free(self, node: Node) -> int:
        return self.ledger.balance(node.account_id, self._hold_asset(node)).free_atoms

    def _needed_atoms(self, taker: Node, limit: int | None) -> int:
        """Return what must be free: the hold, or for a market buy what its fills will cost."""
        if limit is not None or taker.side is Side.SELL:
            return self._hold_atoms(taker)
        tick_lot_atoms = self.instruments[taker.instrument_id].tick_lot_atoms
        costs = [
            maker.price_ticks * lots * tick_lot_atoms for maker, lots in self._plan(taker, None)
        ]
        if taker.fee_asset is FeeAsset.QUOTE:
            costs = [cost + fee_atoms(cost, taker.taker_rate_e8) for cost in costs]
        return sum(costs)

    def _hold(self, node: Node) -> None:
        self.ledger.hold(node.account_id, self._hold_asset(node), self._hold_atoms(node))

    def _release(self, node: Node) -> None:
        self.ledger.release(node.account_id, self._hold_asset(node), self._hold_atoms(node))

    # -- matching ---------------------------------------------------------------------------

    def _plan(self, taker: Node, limit: int | None) -> Plan:
        """Return what the taker would fill, with self-trade prevention taken into account."""
        far = self.books[taker.instrument_id].of(taker.side.opposite)
        plan: Plan = []
        left = taker.remaining_lots
        for price in far.prices_within(limit):
            for maker in far.levels[price]:
                if left == 0:
                    return plan
                if maker.account_id == taker.account_id:
                    if taker.self_trade in (SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_BOTH):
                        return plan
                    if taker.self_trade is SelfTrade.CANCEL_OLDEST:
                        continue
                lots = min(left, maker.remaining_lots)
                plan.append((maker, lots))
                left -= lots
        return plan

    def _fillable(self, taker: Node, limit: int | None) -> int:
        return sum(lots for _, lots in self._plan(taker, limit))

    def _match(self, taker: Node, limit: int | None, *, held: bool) -> bool:
        """Fill the taker; True where self-trade prevention ended it (its hold is released)."""
        far = self.books[taker.instrument_id].of(taker.side.opposite)
        for price in far.prices_within(limit):
            for maker in list(far.levels[price]):
                if taker.remaining_lots == 0:
                    return False
                if maker.account_id == taker.account_id and taker.self_trade is not SelfTrade.NONE:
                    if taker.self_trade is not SelfTrade.CANCEL_NEWEST:
                        self._withdraw_order(maker, CancelCause.SELF_TRADE)
                    if taker.self_trade is not SelfTrade.CANCEL_OLDEST:
                        if held:
                            self._release(taker)
                        self._announce_cancel(taker, CancelCause.SELF_TRADE)
                        return True
                    continue
                lots = min(taker.remaining_lots, maker.remaining_lots)
                self._trade(
                    taker.instrument_id, taker.side, taker, maker, price, lots, taker_held=held
                )
        return False

    def _trade(
        self,
        instrument_id: int,
        taker_side: Side,
        taker: Node | None,
        maker: Node,
        price_ticks: int,
        lots: int,
        *,
        taker_held: bool = False,
    ) -> None:
        """Settle one trade and take it off the maker's place; taker None is the house."""
        trade_id = self._print(
            instrument_id,
            taker_side,
            taker.order_id if taker else 0,
            maker.order_id,
            price_ticks,
            lots,
        )
        self._touch(maker)
        if taker or not maker.is_house:
            self._pay(instrument_id, taker_side, taker, maker, price_ticks, lots, held=taker_held)
        if taker:
            taker.remaining_lots -= lots
            self._charge(taker, trade_id, price_ticks, lots, Liquidity.TAKER)
        maker.remaining_lots -= lots
        if not maker.is_house:
            self._charge(maker, trade_id, price_ticks, lots, Liquidity.MAKER)
        if maker.remaining_lots == 0:
            self.books[instrument_id].of(maker.side).remove(maker)
            self.orders.pop(maker.order_id, None)

    def _pay(
        self,
        instrument_id: int,
        taker_side: Side,
        taker: Node | None,
        maker: Node,
        price_ticks: int,
        lots: int,
        *,
        held: bool,
    ) -> None:
        """Release both holds' shares and swap base against quote."""
        instrument = self.instruments[instrument_id]
        if taker and held:
            self._release_share(taker, lots)
        if not maker.is_house:
            self._release_share(maker, lots)
        taker_account = taker.account_id if taker else HOUSE
        buyer, seller = (
            (taker_account, maker.account_id)
            if taker_side is Side.BUY
            else (maker.account_id, taker_account)
        )
        self.ledger.move(
            instrument.quote_asset_id, buyer, seller, instrument.notional_atoms(price_ticks, lots)
        )
        self.ledger.move(instrument.base_asset_id, seller, buyer, lots * instrument.lot_atoms)

    def _release_share(self, node: Node, lots: int) -> None:
        share = self._hold_atoms(node) // node.remaining_lots * lots
        self.ledger.release(node.account_id, self._hold_asset(node), share)

    def _charge(
        self, node: Node, trade_id: int, price_ticks: int, lots: int, liquidity: Liquidity
    ) -> None:
        """Take one side's fee and tell its owner of the fill."""
        instrument = self.instruments[node.instrument_id]
        rate = node.maker_rate_e8 if liquidity is Liquidity.MAKER else node.taker_rate_e8
        if node.side is Side.BUY and node.fee_asset is FeeAsset.RECEIVED:
            asset_id, amount = instrument.base_asset_id, lots * instrument.lot_atoms
        else:
            asset_id, amount = (
                instrument.quote_asset_id,
                instrument.notional_atoms(price_ticks, lots),
            )
        fee = fee_atoms(amount, rate)
        self.ledger.move(asset_id, node.account_id, FEES, fee)
        self._effects.append(
            Filled(
                node.order_id,
                node.account_id,
                node.instrument_id,
                trade_id,
                node.side,
                price_ticks,
                lots,
                node.remaining_lots,
                liquidity,
                asset_id,
                fee,
            )
        )

    def _print(
        self,
        instrument_id: int,
        taker_side: Side,
        taker_order_id: int,
        maker_order_id: int,
        price_ticks: int,
        lots: int,
    ) -> int:
        trade_id = self.next_trade_id[instrument_id]
        self.next_trade_id[instrument_id] = trade_id + 1
        self._effects.append(
            Traded(
                instrument_id,
                trade_id,
                price_ticks,
                lots,
                taker_side,
                taker_order_id,
                maker_order_id,
            )
        )
        return trade_id

    # -- the book ---------------------------------------------------------------------------

    def _priority(self) -> int:
        priority = self.next_priority
        self.next_priority += 1
        return priority

    def _rest(self, node: Node) -> None:
        node.priority = self._priority()
        self.orders[node.order_id] = node
        self.books[node.instrument_id].of(node.side).add(node)
        self._touch(node)

    def _unlink(self, node: Node) -> None:
        self.books[node.instrument_id].of(node.side).remove(node)
        del self.orders[node.order_id]
        self._touch(node)

    def _withdraw_order(self, node: Node, cause: CancelCause) -> None:
        self._release(node)
        self._unlink(node)
        self._announce_cancel(node, cause)

    def _announce_cancel(self, node: Node, cause: CancelCause) -> None:
        self._effects.append(
            Canceled(node.order_id, node.account_id, node.instrument_id, node.remaining_lots, cause)
        )

    def _touch(self, node: Node) -> None:
        self._touched_add(node.instrument_id, node.side, node.price_ticks)

    def _touched_add(self, instrument_id: int, side: Side, price_ticks: int) -> None:
        level = (instrument_id, side, price_ticks)
        if not self._touched or self._touched[-1] != level:
            self._touched.append(level)

    # -- questions --------------------------------------------------------------------------

    def book(self, instrument_id: int, depth: int) -> BookLevels:
        """Return up to `depth` levels of each side."""
        book = self.books[instrument_id]
        bids, asks = (
            [(price, side.size_at(price)) for price, _ in zip(side.prices(), range(depth))]  # noqa: B905
            for side in (book.bids, book.asks)
        )
        return BookLevels(bids, asks)

    def balances(self, account_id: int) -> dict[int, Balance]:
        """Return an account's balances by asset id; absent means zero."""
        return self.ledger.of(account_id)

    def totals(self) -> dict[int, int]:
        """Return each asset's sum over all accounts, which is zero."""
        return self.ledger.totals()

    def state_hash(self) -> int:
        """Return the hash of the whole state, computed from nothing each time."""
        return layout.state_hash(iter(self._state()))

    def snapshot(self) -> bytes:
        """Return the whole state as records, in one canonical order."""
        listings = (ListInstrument(i) for _, i in sorted(self.instruments.items()))
        return b"".join(layout.encode(record, 0) for record in (*listings, *self._state()))

    def restore(self, snapshot: bytes) -> None:
        """Replace an empty engine's state by a snapshot's.

        Raises:
            DecodeError: It has bytes that are no records, or is no possible state; the engine is
                then of no use.
        """
        record: object = None
        for following in layout.decode_all(snapshot):
            _need(not isinstance(record, CounterState), "something follows the counters")
            record = following
            self._restore_record(record)
        _need(isinstance(record, CounterState), "the counters at the end are missing")
        self._check()

    def _restore_record(self, record: object) -> None:
        match record:
            case ListInstrument(instrument):
                is_new = instrument.instrument_id not in self.instruments
                _need(is_new and instrument.is_sound, "a listing is not sound, or there twice")
                self._list(instrument)
            case InstrumentState():
                _need(record.instrument_id in self.instruments, "an instrument is not listed")
                self.next_trade_id[record.instrument_id] = record.next_trade_id
            case AccountState(account_id, maker, taker):
                self._open_account(OpenAccount(account_id, maker, taker))
                _need(account_id in self.rates, "an account cannot be opened")
            case BalanceState():
                self._restore_balance(record)
            case NodeState():
                self._restore_node(record)
            case CounterState():
                is_ahead = (
                    record.next_order_id >= self.next_order_id
                    and record.next_priority >= self.next_priority
                )
                _need(is_ahead, "a counter is behind what it counts")
                self.next_order_id = record.next_order_id
                self.next_priority = record.next_priority
            case _:
                raise DecodeError(f"{type(record).__name__} does not belong in a snapshot")

    def _restore_balance(self, record: BalanceState) -> None:
        account_id, asset_id, balance = (
            record.account_id,
            record.asset_id,
            Balance(record.free_atoms, record.held_atoms),
        )
        is_possible = balance.held_atoms >= 0 and (balance.free_atoms >= 0 or account_id in MAY_OWE)
        is_new = not any(self.ledger.balance(account_id, asset_id))
        _need(
            is_possible and is_new and any(balance),
            "a balance is negative, nothing, or there twice",
        )
        self.ledger.restore(account_id, asset_id, balance)

    def _check(self) -> None:
        """Check what only the whole state can show: its books balance and are not crossed."""
        holds: dict[tuple[int, int], int] = {}
        for node in self.orders.values():
            key = (node.account_id, self._hold_asset(node))
            holds[key] = holds.get(key, 0) + self._hold_atoms(node)
        held = {(a, s): b.held_atoms for a, s, b in self.ledger if b.held_atoms}
        _need(holds == held, "a balance does not hold what its orders need")
        _need(not any(self.totals().values()), "an asset does not sum to zero")
        for book in self.books.values():
            bid, ask = book.bids.best(), book.asks.best()
            _need(bid is None or ask is None or bid < ask, "a book is crossed")

    def _restore_node(self, record: NodeState) -> None:
        node = Node(
            record.order_id,
            record.account_id,
            record.instrument_id,
            record.side,
            record.price_ticks,
            record.priority,
            record.size_lots,
            record.remaining_lots,
            record.post_only,
            record.self_trade,
            record.fee_asset,
            record.maker_rate_e8,
            record.taker_rate_e8,
        )
        instrument = self.instruments.get(node.instrument_id)
        _need(instrument is not None, "an instrument is not listed")
        assert instrument is not None
        side = self.books[node.instrument_id].of(node.side)
        is_possible = (
            _is_possible(node, instrument)
            and node.priority >= self.next_priority
            and side.size_at(node.price_ticks) <= LEVEL_MAX_LOTS
            and (node.is_house or node.account_id in self.rates)
            and not (node.is_house and side.ends_with_house(node.price_ticks))
            and node.order_id not in self.orders
        )
        _need(is_possible, "an order is not one that could rest")
        side.add(node)
        # As the counters would stand after this order; the record at the end may be ahead.
        self.next_priority = node.priority + 1
        if not node.is_house:
            self.next_order_id = max(self.next_order_id, node.order_id + 1)
            self.orders[node.order_id] = node

    def _state(self) -> list[StateRecord]:
        """Return the state as records: by instrument, account, balance, then queues by priority."""
        records: list[StateRecord] = []
        records += [InstrumentState(i, n) for i, n in sorted(self.next_trade_id.items())]
        records += [AccountState(a, m, t) for a, (m, t) in sorted(self.rates.items())]
        records += [BalanceState(a, s, b.free_atoms, b.held_atoms) for a, s, b in self.ledger]
        nodes = [
            node
            for book in self.books.values()
            for side in (book.bids, book.asks)
            for level in side.levels.values()
            for node in level
        ]
        records += [_node_state(node) for node in sorted(nodes, key=lambda node: node.priority)]
        records.append(CounterState(self.next_order_id, self.next_priority))
        return records


def _node_state(node: Node) -> NodeState:
    return NodeState(
        node.instrument_id,
        node.side,
        node.price_ticks,
        node.priority,
        node.order_id,
        node.account_id,
        node.size_lots,
        node.remaining_lots,
        node.post_only,
        node.self_trade,
        node.fee_asset,
        node.maker_rate_e8,
        node.taker_rate_e8,
    )


def _need(ok: bool, otherwise: str) -> None:  # noqa: FBT001 what is needed reads first
    if not ok:
        raise DecodeError(f"snapshot: {otherwise}")


def _is_possible(node: Node, instrument: Instrument) -> bool:
    """Return whether a node's numbers are such as rest in a market."""
    if (
        not 1 <= node.price_ticks <= instrument.price_max_ticks
        or not 1 <= node.remaining_lots <= LIMIT_MAX
        or max(node.maker_rate_e8, node.taker_rate_e8) > RATE_SCALE
    ):
        return False
    if node.is_house:
        plain = Node(0, HOUSE, 0, node.side, 0, 0, 0, 0)
        kept = ("account_id", "size_lots", "post_only", "self_trade", "fee_asset")
        rates = node.maker_rate_e8 + node.taker_rate_e8
        return rates == 0 and all(getattr(node, name) == getattr(plain, name) for name in kept)
    notional = instrument.notional_atoms(node.price_ticks, node.size_lots)
    return (
        node.remaining_lots <= node.size_lots <= LIMIT_MAX
        and max(notional, node.size_lots * instrument.lot_atoms) <= NOTIONAL_MAX_ATOMS
    )
