"""Private channels: what an event of an account is on each of them, both ways.

The invariant: an order tells all there is to tell of it each time, with the fees that it has paid
and the prices at which it has traded so far. An event does not know either: so frames are events as
they are, and the session that sends them makes its messages of them, with what it asks the
exchange.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from steelyard.dialects.weex import frames
from steelyard.dialects.weex.executions import (
    cause_of,
    fee_asset_of,
    lifetime_from,
    lifetime_of,
    own_name,
    state_from,
    status_of,
    type_of,
)
from steelyard.dialects.weex.placing import SELF_TRADE, TYPES
from steelyard.dialects.weex.stream import encode
from steelyard.dialects.weex.text import (
    SIDE_NAMES,
    average_ticks,
    fill_id,
    fill_number,
    from_ms,
    listed,
    ms,
    ms_text,
    order_id,
    order_number,
    side_of,
    symbol_text,
)
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    Answer,
    AssetBalance,
    BalanceEvent,
    Event,
    Execution,
    FillList,
    FillsQuery,
    OrderEvent,
    Query,
)
from steelyard.domain.order import CancelCause, FeeAsset, Liquidity, OrderType
from steelyard.wire.dialect import Channel, ChannelKind
from steelyard.wire.numerals import (
    amount_text,
    price_text,
    rate_text,
    read_amount,
    read_price,
    read_size,
    size_text,
)

ORDERS, FILL, ACCOUNT, POSITIONS = "orders", "fill", "account", "positions"
KINDS = {
    ORDERS: ChannelKind.ORDERS,
    FILL: ChannelKind.FILLS,
    ACCOUNT: ChannelKind.BALANCES,
}
ALIASES = {"order": ORDERS}  # the documentation's spelling; what is told is `orders` all the same
FILLS_MAX = 100_000
NO_REASON = "UNKNOWN_ORDER_CANCEL_REASON"
# The venue's word for one of them is known; the others are ours.
CANCEL_REASONS = {cause: cause.name for cause in CancelCause} | {CancelCause.USER: "USER_CANCELED"}
CAUSES = {name: cause for cause, name in CANCEL_REASONS.items()}
ASKED = frozenset({CancelCause.USER, CancelCause.ADMIN, CancelCause.SIBLING})
LIQUIDITY_NAMES = {Liquidity.MAKER: "MAKER", Liquidity.TAKER: "TAKER"}

_order_event = msgspec.json.Decoder(OrderEvent)
_balance_event = msgspec.json.Decoder(BalanceEvent)


def name_of(param: str) -> str | None:
    """Return the channel that a client means; None where there is no such one."""
    name = ALIASES.get(param, param)
    return name if name in KINDS or name == POSITIONS else None


def channel_of(name: str, account_id: int) -> Channel | None:
    """Return the channel of a name; None where it stays silent, as positions do."""
    kind = KINDS.get(name)
    return None if kind is None else Channel(kind, account_id=account_id)


def packed(event: Event) -> bytes | None:
    """Return an event of an account as it is."""
    return encode(event) if isinstance(event, OrderEvent | BalanceEvent) else None


# -- to the wire --------------------------------------------------------------------------------


class Traded(NamedTuple):
    """What the fills of an order come to: prices in ticks, and fees."""

    latest: int = 0
    highest: int = 0
    lowest: int = 0
    fees_atoms: int = 0

    def with_fill(self, fill: Fill) -> "Traded":
        """Return the same with one fill more."""
        price = fill.price_ticks
        lowest = min(self.lowest, price) if self.latest else price
        return Traded(price, max(self.highest, price), lowest, self.fees_atoms + fill.fee_atoms)


NOTHING = Traded()


class Teller:
    """Makes messages of an account's events, for one connection.

    Args:
        account_id: Whose they are.
        listings: What is listed.
        ask: Answers queries about the account.
    """

    def __init__(self, account_id: int, listings: Listings, ask: Callable[[Query], Answer]) -> None:
        self._account_id = account_id
        self._listings = listings
        self._ask = ask
        self._traded: dict[int, Traded] = {}  # of open orders that have
        self._count = 0
        self._rates: tuple[str, str] | None = None  # maker and taker

    def told(self, name: str, payload: bytes) -> list[bytes]:
        """Return the message of a channel that an event is; none where it says nothing of it."""
        if name == ACCOUNT:
            event = _balance_event.decode(payload)
            rows = tuple(balance_to_wire(b, self._listings) for b in event.balances)
            return [self._message(name, rows, event.time_ns)]
        happened = _order_event.decode(payload)
        order, fill = happened.order, happened.fill
        if name == FILL:
            if fill is None:
                return []
            return [self._message(name, (fill_to_wire(fill, self._listings),), happened.time_ns)]
        if order.is_pending or happened.execution is Execution.REJECTED:
            return []  # it is not yet, or never was, an order there
        maker, taker = self._fees()
        data = order_to_wire(order, self._listings, self._traded_of(happened), maker, taker)
        return [self._message(name, (data,), happened.time_ns)]

    def _message(self, name: str, data: Any, time_ns: int) -> bytes:
        self._count += 1
        return encode(
            frames.AccountMessage(
                e=name, E=ms(time_ns), v=self._count, msgEvent="OrderUpdate", d=data
            )
        )

    def _fees(self) -> tuple[str, str]:
        if self._rates is None:
            account = self._ask(AccountQuery(self._account_id))
            assert isinstance(account, AccountAnswer), "an AccountQuery is answered by an account"
            self._rates = rate_text(account.maker_rate_e8), rate_text(account.taker_rate_e8)
        return self._rates

    def _traded_of(self, event: OrderEvent) -> Traded:
        order, fill = event.order, event.fill
        if not order.filled_lots:
            return NOTHING
        known = self._traded.get(order.order_id)
        if known is not None:
            known = known.with_fill(fill) if fill is not None else known
        elif fill is not None and fill.size_lots == order.filled_lots:
            known = NOTHING.with_fill(fill)
        else:
            known = self._asked(order)
        if order.state.is_open:
            self._traded[order.order_id] = known
        else:
            self._traded.pop(order.order_id, None)
        return known

    def _asked(self, order: Order) -> Traded:
        answer = self._ask(FillsQuery(self._account_id, FILLS_MAX, order_id=order.order_id))
        assert isinstance(answer, FillList), "a FillsQuery is answered by fills"
        found = NOTHING
        for fill in answer.fills:
            found = found.with_fill(fill)
        return found


def order_to_wire(
    order: Order, listings: Listings, traded: Traded, maker: str, taker: str
) -> frames.OrderData:
    """Return an order as it is."""
    instrument = listings[order.instrument_id]
    cause = None if order.state.is_open else order.cancel_cause

    def price(ticks: int | None) -> str:
        return price_text(instrument, ticks) if ticks else "0"

    return frames.OrderData(
        id=str(order_id(order.order_id)),
        symbol=symbol_text(instrument),
        baseCoin=instrument.base,
        quoteCoin=instrument.quote,
        orderSide=SIDE_NAMES[order.side],
        price=price(order.price_ticks),
        size=size_text(instrument, order.size_lots),
        value=amount_text(order.spend_atoms or 0),
        clientOrderId=own_name(order),
        type=type_of(order),
        timeInForce=lifetime_of(order),
        triggerPrice=price(order.trigger_ticks),
        takerFeeRate=taker,
        makerFeeRate=maker,
        status=status_of(order),
        cancelReason=NO_REASON if cause is None else CANCEL_REASONS[cause],
        latestFillPrice=price(traded.latest),
        maxFillPrice=price(traded.highest),
        minFillPrice=price(traded.lowest),
        cumFillSize=size_text(instrument, order.filled_lots),
        cumFillValue=amount_text(order.quote_atoms),
        cumFillFee=amount_text(traded.fees_atoms),
        createdTime=ms_text(order.created_ns),
        updatedTime=ms_text(order.updated_ns),
    )


def fill_to_wire(fill: Fill, listings: Listings) -> frames.FillData:
    """Return a fill."""
    instrument, time = listings[fill.instrument_id], ms_text(fill.time_ns)
    return frames.FillData(
        id=str(fill_id(fill.trade_id)),
        symbol=symbol_text(instrument),
        baseCoin=instrument.base,
        quoteCoin=instrument.quote,
        orderId=str(order_id(fill.order_id)),
        orderSide=SIDE_NAMES[fill.side],
        fillSize=size_text(instrument, fill.size_lots),
        fillValue=amount_text(fill.quote_atoms),
        fillFee=amount_text(fill.fee_atoms),
        direction=LIQUIDITY_NAMES[fill.liquidity],
        createdTime=time,
        updatedTime=time,
    )


def balance_to_wire(balance: AssetBalance, listings: Listings) -> frames.BalanceData:
    """Return how much there is of a coin."""
    return frames.BalanceData(
        coin=listings.asset(balance.asset_id),
        equity=amount_text(balance.free_atoms + balance.held_atoms),
        available=amount_text(balance.free_atoms),
        frozen=amount_text(balance.held_atoms),
    )


# -- from the wire ------------------------------------------------------------------------------


def order_from_wire(wire: frames.OrderData, listings: Listings) -> Order:
    """Return an order.

    Raises:
        DecodeError: Of an unknown symbol, or with words or numbers that we do not know.
    """
    instrument = listed(wire.symbol, listings)
    order_type = TYPES.get(wire.type)
    if order_type is None:
        raise DecodeError(f"an order of type {wire.type[:20]!a}", "type")
    is_limit, lifetime = order_type is OrderType.LIMIT, lifetime_from(wire.timeInForce, order_type)
    filled_lots = read_size(instrument, wire.cumFillSize)
    state = state_from(wire.status, filled_lots, lifetime, order_type)
    cause = cause_of(state, lifetime, order_type)
    if cause is not None and wire.cancelReason in CAUSES:
        cause = CAUSES[wire.cancelReason]
        state = OrderState.CANCELED if cause in ASKED else OrderState.EXPIRED
    created_ns, size_lots = from_ms(wire.createdTime), read_size(instrument, wire.size)
    return Order(
        order_id=order_number(wire.id),
        client_order_id=wire.clientOrderId,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side_of(wire.orderSide),
        order_type=order_type,
        time_in_force=lifetime,
        post_only=False,
        price_ticks=read_price(instrument, wire.price) if is_limit else None,
        size_lots=size_lots,
        spend_atoms=None if size_lots else read_amount(wire.value),
        self_trade=SELF_TRADE,
        fee_asset=FeeAsset.RECEIVED,
        state=state,
        filled_lots=filled_lots,
        quote_atoms=read_amount(wire.cumFillValue),
        created_ns=created_ns,
        updated_ns=max(from_ms(wire.updatedTime), created_ns),
        cancel_cause=cause,
    )


def fill_from_wire(wire: frames.FillData, listings: Listings) -> Fill:
    """Return a fill; its price is its value by its size.

    Raises:
        DecodeError: Of an unknown symbol, or with words or numbers that we do not know.
    """
    instrument, side = listed(wire.symbol, listings), side_of(wire.orderSide)
    size_lots, told_atoms = read_size(instrument, wire.fillSize), read_amount(wire.fillValue)
    price_ticks = average_ticks(instrument, told_atoms, size_lots)
    return Fill(
        trade_id=fill_number(wire.id),
        order_id=order_number(wire.orderId),
        client_order_id="",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=Liquidity.MAKER if wire.direction == "MAKER" else Liquidity.TAKER,
        fee_asset_id=fee_asset_of(side, instrument),
        fee_atoms=read_amount(wire.fillFee),
        time_ns=from_ms(wire.createdTime),
    )


def balances_from_wire(
    rows: tuple[frames.BalanceData, ...], listings: Listings, time_ns: int
) -> BalanceEvent:
    """Return balances of coins that a listed symbol uses.

    Raises:
        DecodeError: An amount is none.
    """
    ids = {name: asset_id for asset_id, name in listings.assets().items()}
    return BalanceEvent(
        0,
        tuple(
            AssetBalance(ids[row.coin], read_amount(row.available), read_amount(row.frozen))
            for row in rows
            if row.coin in ids
        ),
        time_ns,
    )
