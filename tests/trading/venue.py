"""A tiny venue that speaks domain messages: the reference engine and the exchange's history.

It has what a trader depends on: requests that expire, client ids unique among open orders,
private and public events with book sequences, and answers to queries. No bytes, no limits.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from steelyard.domain.commands import (
    Accepted,
    Amend,
    Amended,
    Cancel,
    Canceled,
    Command,
    Deposit,
    Filled,
    HouseLevel,
    HouseTrade,
    LevelChanged,
    ListInstrument,
    OpenAccount,
    Place,
    Rejected,
    Traded,
    Triggered,
)
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    BalanceEvent,
    BookDelta,
    BookQuery,
    BookSnapshot,
    Candle,
    CandleList,
    CandlesQuery,
    Clock,
    ClockQuery,
    Event,
    Execution,
    FillList,
    FillsQuery,
    InstrumentList,
    InstrumentsQuery,
    KeyAnswer,
    KeyQuery,
    OrderAnswer,
    OrderEvent,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Refused,
    Scope,
    Trade,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import CancelCause, FeeAsset, OrderType, RejectReason, Side, TimeInForce
from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.history import History
from steelyard.wire.outcome import Answered, NotSent, Outcome

BOT = 100
OTHER = 101
WINDOW_NS = 5 * SECOND_NS
ATOM = 10**12
WAITS = 1 << 62  # in the number of an order that waits, where those are renumbered

BTC_USDT = Instrument.spot(
    3,
    (7, "BTC"),
    (8, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="1000",
    notional_min="5",
)


class Venue:
    """One instrument, a bot's account, somebody else's account, and a house that makes prices."""

    def __init__(self, *, offset_ns: int = 0, fee_rate_e8: int = 100_000) -> None:
        self.engine = ReferenceEngine()
        self.listings = Listings([BTC_USDT])
        self.history = History(self.listings)
        self.is_numbered = True  # else a book that is asked for has no sequence; streams begin so
        self.scopes = frozenset({Scope.READ, Scope.TRADE})
        self.fee_asset = FeeAsset.RECEIVED
        self.offset_ns = offset_ns  # its clock less the world's
        self.ahead_ns = 0  # its market's time less its clock
        self.frozen_ns: int | None = None  # when its market's time stands still
        self.closes_by_clock = False  # candles are called closed by its clock, not its market
        self.public: list[Event] = []
        self.private: list[Event] = []
        self.sequence = 100
        self.trades: list[Trade] = []  # public ones that the venue remembers
        self.lists_by_id = self.lists_by_time = True
        self.now_ns = 0
        self.hands = 0
        self.renumbers = False  # an order that waits for its price has another number at market
        self.replaces = False  # an amend is another order in place of the old one
        self.filled_before: dict[int, int] = {}  # of the orders in whose place an order is
        self.orders_of_bot: list[Order] = []  # as they arrived, refused ones too
        self.client_ids: list[str] = []
        self.apply(ListInstrument(BTC_USDT))
        for account in (BOT, OTHER):
            self.apply(OpenAccount(account, fee_rate_e8, fee_rate_e8))
            self.apply(Deposit(account, 8, 1_000_000 * ATOM))
            self.apply(Deposit(account, 7, 100 * ATOM))

    @property
    def market_now_ns(self) -> int:
        """What orders, fills, trades, books and candles are dated by."""
        if self.frozen_ns is not None:
            return self.frozen_ns
        return self.now_ns + self.offset_ns + self.ahead_ns

    # -- the market -----------------------------------------------------------------------------

    def book(self, depth: int) -> BookSnapshot:
        """Return the book as it is."""
        levels = self.engine.book(3, depth)
        return BookSnapshot(3, self.sequence, tuple(levels.bids), tuple(levels.asks), self.now_ns)

    def quote(self, mid_ticks: int, size_lots: int = 100_000) -> None:
        """Let the house stand with two levels around a price."""
        for side, levels in (
            (Side.BUY, self.engine.book(3, 10).bids),
            (Side.SELL, self.engine.book(3, 10).asks),
        ):
            wanted = {mid_ticks - int(side) * 50, mid_ticks - int(side) * 100}
            for price, _ in levels:
                if price not in wanted:
                    self.apply(HouseLevel(3, side, price, 0))
            for price in wanted:
                self.apply(HouseLevel(3, side, price, size_lots))

    def gap(self, ask_ticks: int) -> None:
        """Let what is sold be little at the touch, and the rest far away."""
        for price, _ in self.engine.book(3, 10).asks[1:]:
            self.apply(HouseLevel(3, Side.SELL, price, 0))
        best = self.engine.book(3, 10).asks[0][0]
        self.apply(HouseLevel(3, Side.SELL, best, 10))
        self.apply(HouseLevel(3, Side.SELL, ask_ticks, 100_000))

    def house_trade(self, side: Side, price_ticks: int, size_lots: int) -> None:
        """Let a house taker trade at a price."""
        self.apply(HouseTrade(3, side, price_ticks, size_lots))

    def trade_by_hand(self, side: Side) -> None:
        """Let somebody else trade on the bot's account, by hand."""
        self.hands += 1
        touch = self.engine.book(3, 1)
        price = (touch.asks if side is Side.BUY else touch.bids)[0][0] + int(side) * 10
        place = Place(
            BOT,
            3,
            side,
            OrderType.LIMIT,
            TimeInForce.GTC,
            False,
            price,
            777,
            client_order_id=f"hand-{self.hands}",
        )
        self.place_for(BOT, place)

    # -- requests -------------------------------------------------------------------------------

    def perform(self, command: Command, signed_ns: int) -> Outcome:
        """Carry out a bot's command that was signed then, on our clock."""
        now_ns = self.market_now_ns
        if now_ns > signed_ns + WINDOW_NS:
            return NotSent("the timestamp is too old")
        match command:
            case Place():
                return Answered(self._place(command))
            case Cancel():
                found = self.history.order(
                    OrderQuery(
                        *(BOT, 3, command.order_id & ~WAITS or None),
                        client_order_id=command.client_order_id or None,
                    )
                )
                if found is None or not found.state.is_open:
                    return Answered(Refused(RejectReason.UNKNOWN_ORDER, "no such open order"))
                self.apply(Cancel(BOT, found.order_id))
                return Answered(OrderAnswer(self.told(found)))
            case Amend():
                return Answered(self._replace(command) if self.replaces else self._amend(command))
            case _:
                raise AssertionError(command)

    def _amend(self, amend: Amend) -> OrderAnswer | Refused:
        """Change an order as the engine does: it keeps its number."""
        command = msgspec.structs.replace(amend, account_id=BOT, instrument_id=None)
        effects = self.apply(command)
        if isinstance(effects[0], Rejected):
            return Refused(effects[0].reason, effects[0].reason.name, order_id=amend.order_id)
        order = self.history.order(OrderQuery(BOT, order_id=amend.order_id))
        assert order is not None
        filled = sum(isinstance(e, Filled) and e.order_id == order.order_id for e in effects)
        return OrderAnswer(self.told(order), self.history.fills_of(order, filled))

    def _replace(self, amend: Amend) -> OrderAnswer | Refused:
        """Change an order as other venues do: cancel it, and place another under its name."""
        old = self.history.order(OrderQuery(BOT, order_id=amend.order_id))
        if old is None or not old.state.is_open:
            return Refused(RejectReason.UNKNOWN_ORDER, "no such open order")
        size_lots = (amend.size_lots or old.size_lots) - old.filled_lots
        if size_lots <= 0:
            return Refused(RejectReason.SIZE_BELOW_FILLED, "so much has filled")
        self.apply(Cancel(BOT, old.order_id))
        place = Place(
            BOT,
            3,
            old.side,
            old.order_type,
            old.time_in_force,
            old.post_only,
            amend.price_ticks or old.price_ticks,
            size_lots,
            client_order_id=old.client_order_id,
            fee_asset=self.fee_asset,
        )
        effects = self.place_for(BOT, place)
        if isinstance(effects[0], Rejected):
            return Refused(effects[0].reason, "canceled, and the new one refused")
        order = self.history.order(OrderQuery(BOT, order_id=effects[0].order_id))
        assert order is not None
        self.orders_of_bot.remove(old)
        self.orders_of_bot.append(order)
        before = self.filled_before.pop(old.order_id, 0) + old.filled_lots
        self.filled_before[order.order_id] = before
        filled = sum(isinstance(e, Filled) and e.order_id == order.order_id for e in effects)
        return OrderAnswer(self.told(order), self.history.fills_of(order, filled))

    def ask(self, query: Any) -> Outcome:
        """Answer a bot's query."""
        if hasattr(query, "account_id"):
            query = msgspec.structs.replace(query, account_id=BOT)
        match query:
            case InstrumentsQuery():
                return Answered(InstrumentList((BTC_USDT,)))
            case ClockQuery():
                return Answered(Clock(self.now_ns + self.offset_ns))
            case KeyQuery():
                return Answered(KeyAnswer(query.key, BOT, self.scopes, (), 0, None))
            case AccountQuery():
                return Answered(AccountAnswer(BOT, self.balances(BOT), 0, 0, self.now_ns))
            case BookQuery():
                found = self.book(query.depth)
                if not self.is_numbered:
                    found = replace(found, sequence=0, is_numbered=False)
                return Answered(found)
            case TradesQuery():
                return self.list_trades(query)
            case CandlesQuery():
                return Answered(CandleList(self.candles(query)))
            case OrderQuery():
                number = query.order_id and query.order_id & ~WAITS
                found = self.history.order(replace(query, order_id=number))
                if found is None:
                    return Answered(Refused(RejectReason.UNKNOWN_ORDER, "no such order"))
                return Answered(OrderAnswer(self.told(found)))
            case OrdersQuery():
                return Answered(OrderList(tuple(self.told(o) for o in self.history.orders(query))))
            case FillsQuery():
                fills = self.history.fills(query)
                # As venues do whose fills name the order's number only.
                return Answered(
                    FillList(
                        tuple(msgspec.structs.replace(fill, client_order_id="") for fill in fills)
                    )
                )
            case _:
                raise AssertionError(query)

    def list_trades(self, query: TradesQuery) -> Outcome:
        """Return public trades: by id or by time, or by neither where nobody may ask so."""
        ways = {query.from_trade_id: self.lists_by_id, query.start_ns: self.lists_by_time}
        if not all(may for asked, may in ways.items() if asked is not None):
            return Answered(Refused(RejectReason.UNSUPPORTED, "not in this way"))
        found = [
            trade
            for trade in self.trades
            if trade.trade_id >= (query.from_trade_id or 0)
            and trade.time_ns >= (query.start_ns or 0)
        ]
        is_newest = query.from_trade_id is None and query.start_ns is None
        cut = found[-query.limit :] if is_newest else found[: query.limit]
        return Answered(TradeList(tuple(cut)))

    def told(self, order: Order) -> Order:
        """Return an order as it is told of."""
        order = copied(order)
        if not self.renumbers or not order.order_type.waits:
            return order
        if not order.triggered_ns:
            return replace(order, order_id=order.order_id | WAITS)
        kind = OrderType.LIMIT if order.order_type.has_limit else OrderType.MARKET
        return replace(order, order_type=kind, trigger_ticks=None, triggered_ns=0)

    def place_for(self, account: int, place: Place) -> Any:
        """Place an order on an account."""
        return self.apply(msgspec.structs.replace(place, account_id=account))

    def balances(self, account: int) -> tuple[AssetBalance, ...]:
        """Return an account's balances."""
        found = sorted(self.engine.balances(account).items())
        return tuple(AssetBalance(asset, b.free_atoms, b.held_atoms) for asset, b in found)

    def total(self, account: int, asset: int) -> int:
        """Return what an account has of an asset, held or free."""
        return sum(
            b.free_atoms + b.held_atoms for b in self.balances(account) if b.asset_id == asset
        )

    def candles(self, query: CandlesQuery) -> tuple[Candle, ...]:
        """Return flat candles up to now."""
        now_ns, step = self.market_now_ns, query.interval_ns
        over_ns = self.now_ns + self.offset_ns if self.closes_by_clock else now_ns
        first = now_ns // step - query.limit + 1
        return tuple(
            Candle(
                *(3, step, n * step, *([6_000_000] * 4), 0, 0, 0, 0, 0, 0, 0),
                is_closed=(n + 1) * step <= over_ns,
            )
            for n in range(first, now_ns // step + 1)
        )

    def _place(self, place: Place) -> OrderAnswer | Refused:
        if self.history.open_order(BOT, place.client_order_id):
            return Refused(RejectReason.DUPLICATE_CLIENT_ORDER_ID, "duplicate")
        self.client_ids.append(place.client_order_id)
        place = msgspec.structs.replace(place, fee_asset=self.fee_asset)
        effects = self.place_for(BOT, place)
        first = effects[0]
        if isinstance(first, Rejected):
            return Refused(first.reason, first.reason.name, order_id=first.order_id)
        order = self.history.order(OrderQuery(BOT, order_id=first.order_id))
        assert order is not None
        self.orders_of_bot.append(order)
        filled = sum(isinstance(e, Filled) and e.order_id == order.order_id for e in effects)
        return OrderAnswer(self.told(order), self.history.fills_of(order, filled))

    # -- one command ------------------------------------------------------------------------------

    def apply(self, command: Any) -> Any:
        """Let the engine do it, and tell who follows."""
        now_ns = self.market_now_ns
        effects = self.engine.apply(command, now_ns)
        changed: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        for effect in effects:
            match effect:
                case Accepted(account_id=account):
                    order = self.history.accepted(command, effect, now_ns)
                    self._tell(account, Execution.NEW, order, None)
                case Filled(account_id=account):
                    order, fill = self.history.filled(effect, now_ns)
                    self._tell(account, Execution.FILL, order, fill)
                case Canceled(account_id=account):
                    order = self.history.canceled(effect, now_ns)
                    is_user = effect.cause is CancelCause.USER
                    kind = Execution.CANCELED if is_user else Execution.EXPIRED
                    self._tell(account, kind, order, None)
                case Amended(account_id=account):
                    trigger_ticks = command.trigger_ticks if isinstance(command, Amend) else None
                    order = self.history.amended(effect, trigger_ticks, now_ns)
                    self._tell(account, Execution.AMENDED, order, None)
                case Triggered(account_id=account):
                    order = self.history.triggered(effect, now_ns)
                    self._tell(account, Execution.TRIGGERED, order, None)
                case Traded():
                    trade = Trade(
                        3,
                        effect.trade_id,
                        effect.price_ticks,
                        effect.size_lots,
                        effect.taker_side,
                        now_ns,
                    )
                    self.trades.append(trade)
                    self.public.append(trade)
                case LevelChanged():
                    changed[effect.side][effect.price_ticks] = effect.size_lots
                case _:
                    pass
        if changed[Side.BUY] or changed[Side.SELL]:
            self.sequence += 1
            self.public.append(
                BookDelta(
                    3,
                    self.sequence,
                    self.sequence,
                    tuple(changed[Side.BUY].items()),
                    tuple(changed[Side.SELL].items()),
                    now_ns,
                )
            )
        return effects

    def _tell(self, account: int, execution: Execution, order: Order, fill: Any) -> None:
        if account != BOT:
            return
        self.private.append(OrderEvent(execution, self.told(order), fill, self.now_ns))
        self.private.append(BalanceEvent(BOT, self.balances(BOT), self.now_ns))


def copied(order: Order) -> Order:
    """Return an order as it is now, as a message would carry it."""
    return msgspec.structs.replace(order)
