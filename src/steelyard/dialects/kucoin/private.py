"""Private topics of the WebSocket, server end: steps of orders' lives, and balances.

The invariant: each record says all there is to say of its order by then, and only a `match` has a
trade's number. What waits for its price is told on a topic of its own; once triggered it is told
like any other order.

A balance is told with by how much it changed, which the session that sends it works out
(`BalanceLedger`): nobody else knows what it has told before.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from steelyard.dialects.kucoin import frames, placing, telling
from steelyard.dialects.kucoin.account import TRADING, WALLETS
from steelyard.dialects.kucoin.stream import (
    BALANCE,
    ORDERS,
    ORDERS_V2,
    STOPS,
    encode,
    private_message,
)
from steelyard.dialects.kucoin.text import (
    SIDE_NAMES,
    amount_text,
    ms,
    order_id,
    price_text,
    read_amount,
    size_text,
    waiting_id,
    wallet_id,
)
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import (
    AssetBalance,
    BalanceEvent,
    Event,
    Execution,
    OrderEvent,
)
from steelyard.domain.order import Liquidity, OrderType, TimeInForce
from steelyard.wire.dialect import Subscription

ORDER, STOP, ACCOUNT = "orderChange", "stopOrder", "account.balance"
HELD, SETTLED = "trade.hold", "trade.setted"  # the venue's spelling
OPEN, MATCHED, DONE, NEW = "open", "match", "done", "new"


def frame(
    subscription: Subscription, event: Event, listings: Listings
) -> bytes | tuple[bytes, ...] | None:
    """Return the messages of an event of an account."""
    form, account = subscription.form, subscription.channel.account_id
    if isinstance(event, BalanceEvent) and form == BALANCE:
        return tuple(
            private_message(form, ACCOUNT, each, account)
            for each in balances_to_wire(event, listings)
        )
    if not isinstance(event, OrderEvent) or form not in (ORDERS, ORDERS_V2, STOPS):
        return None
    if form == STOPS:
        told = stop_to_wire(event, listings)
        return None if told is None else private_message(form, STOP, told, account)
    return tuple(
        private_message(form, ORDER, each, account)
        for each in changes_of(event, listings, tells_received=form == ORDERS_V2)
    )


# -- orders -------------------------------------------------------------------------------------


def rests(order: Order) -> bool:
    """Whether what an order does not take at once rests in the book."""
    return order.order_type.has_limit and order.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)


def changes_of(
    event: OrderEvent, listings: Listings, *, tells_received: bool
) -> Iterator[frames.OrderChange]:
    """Yield the records that an event is told by."""
    order = event.order
    if order.waits or telling.is_pending(order):
        return
    told = change_to_wire(event, listings)
    match event.execution:
        case Execution.NEW | Execution.TRIGGERED | Execution.RELEASED:
            if tells_received:
                yield replace(told, type="received", status=NEW)
            if rests(order):
                yield replace(told, type=OPEN, status=OPEN)
        case Execution.FILL:
            yield match_to_wire(told, event, listings)
            if order.state is OrderState.FILLED:
                yield replace(told, type="filled", status=DONE)
        case Execution.CANCELED | Execution.EXPIRED:
            if order.order_type.waits and not order.triggered_ns:
                return  # it never came to the market
            yield ended(told, order, listings)
        case Execution.AMENDED:
            yield replace(told, type="update", status=OPEN)
        case Execution.REJECTED:
            return  # here a refused order never was one


def change_to_wire(event: OrderEvent, listings: Listings) -> frames.OrderChange:
    """Return an order as it is after an event; what the event was is left open."""
    order = event.order
    instrument = listings[order.instrument_id]
    spends, is_market = order.spend_atoms is not None, not order.order_type.has_limit
    size = size_text(instrument, order.size_lots)
    left_atoms = max((order.spend_atoms or 0) - order.quote_atoms, 0)
    return frames.OrderChange(
        symbol=instrument.symbol,
        orderType=telling.type_name(order),
        side=SIDE_NAMES[order.side],  # type: ignore[arg-type]
        orderId=order_id(order.order_id),
        clientOid=telling.own_id(order) or "",
        type="",
        status="",
        orderTime=ms(order.created_ns),
        price=UNSET if is_market else price_text(instrument, order.price_ticks or 0),
        size=size,
        originSize=size,
        originFunds=amount_text(order.spend_atoms or 0) if spends else UNSET,
        filledSize=size_text(instrument, order.filled_lots),
        remainSize=size_text(instrument, order.remaining_lots),
        remainFunds=amount_text(left_atoms) if spends else UNSET,
        canceledSize="0",
        canceledFunds="0" if spends else UNSET,
        ts=event.time_ns,
    )


def match_to_wire(
    told: frames.OrderChange, event: OrderEvent, listings: Listings
) -> frames.OrderChange:
    """Return a fill of an order."""
    fill = event.fill
    assert fill is not None, "a fill comes with its execution"
    instrument = listings[fill.instrument_id]
    is_maker = fill.liquidity is Liquidity.MAKER
    is_whole = event.order.state is OrderState.FILLED
    stays = is_maker and not is_whole
    return replace(
        told,
        type=MATCHED,
        status=OPEN if stays else MATCHED,
        liquidity="maker" if is_maker else "taker",
        feeType="makerFee" if is_maker else "takerFee",
        matchPrice=price_text(instrument, fill.price_ticks),
        matchSize=size_text(instrument, fill.size_lots),
        tradeId=str(fill.trade_id),
        remainFunds="0" if is_whole and told.remainFunds is not UNSET else told.remainFunds,
        fee=amount_text(fill.fee_atoms),
        feeCurrency=listings.asset(fill.fee_asset_id),
    )


def ended(told: frames.OrderChange, order: Order, listings: Listings) -> frames.OrderChange:
    """Return that what is left of an order was canceled."""
    instrument = listings[order.instrument_id]
    return replace(
        told,
        type="canceled",
        status=DONE,
        remainSize="0",
        canceledSize=size_text(instrument, order.remaining_lots),
        remainFunds=UNSET if told.remainFunds is UNSET else "0",
        canceledFunds=told.remainFunds,
        cancelReason=telling.cancel_reason(order),
    )


# -- orders that wait ---------------------------------------------------------------------------


def stop_to_wire(event: OrderEvent, listings: Listings) -> frames.StopChange | None:
    """Return a step of the life of an order that waits; None where it does not (any more)."""
    order = event.order
    if not order.order_type.waits or telling.is_pending(order):
        return None
    match event.execution:
        case Execution.NEW | Execution.RELEASED | Execution.AMENDED:
            kind = OPEN
        case Execution.TRIGGERED:
            kind = "triggered"
        case Execution.CANCELED | Execution.EXPIRED if not order.triggered_ns:
            kind = "cancel"
        case _:
            return None
    instrument = listings[order.instrument_id]
    limit = order.price_ticks
    return frames.StopChange(
        orderId=waiting_id(order.order_id),
        symbol=instrument.symbol,
        side=SIDE_NAMES[order.side],  # type: ignore[arg-type]
        orderPrice=UNSET if limit is None else price_text(instrument, limit),
        size=size_text(instrument, order.size_lots),
        stop=stop_name(order),
        stopPrice=price_text(instrument, order.trigger_ticks or 0),
        type=kind,
        triggerSuccess=True if kind == "triggered" else UNSET,
        clientOid=telling.own_id(order) or "",
        createdAt=ms(order.created_ns),
        ts=event.time_ns,
    )


def stop_name(order: Order) -> str:
    """Return the way in which an order's price is reached; one that trails has a stop's."""
    kind = order.order_type
    if kind.trails:
        kind = OrderType.STOP
    return placing.STOP_NAMES[order.side, kind]


# -- balances -----------------------------------------------------------------------------------


def balances_to_wire(event: BalanceEvent, listings: Listings) -> Iterator[frames.BalanceChange]:
    """Yield balances as they are now; by how much they changed, the session says."""
    for balance in event.balances:
        yield balance_to_wire(event.account_id, balance, listings, event.time_ns)


def balance_to_wire(
    account: int, balance: AssetBalance, listings: Listings, time_ns: int
) -> frames.BalanceChange:
    """Return a balance as it is now."""
    return frames.BalanceChange(
        accountId=wallet_id(account, balance.asset_id, WALLETS.index(TRADING[0])),
        currency=listings.asset(balance.asset_id),
        total=amount_text(balance.free_atoms + balance.held_atoms),
        available=amount_text(balance.free_atoms),
        hold=amount_text(balance.held_atoms),
        availableChange="0",
        holdChange="0",
        relationEvent=SETTLED,
        relationEventId=str(time_ns),
        time=str(ms(time_ns)),
    )


class _Told(msgspec.Struct):
    topic: str
    subject: str
    userId: str  # noqa: N815 the venue's own spelling
    data: frames.BalanceChange


_told = msgspec.json.Decoder(_Told)


class BalanceLedger:
    """What a connection knows of balances, so that changes can be told."""

    def __init__(self, balances: Sequence[AssetBalance], listings: Listings) -> None:
        self._known = {
            listings.asset(each.asset_id): (each.free_atoms, each.held_atoms) for each in balances
        }

    def finish(self, payload: bytes) -> Sequence[bytes]:
        """Return a message with by how much a balance changed; none where it has not."""
        told = _told.decode(payload)
        data = told.data
        now = read_amount(data.available), read_amount(data.hold)
        before = self._known.get(data.currency, (0, 0))
        self._known[data.currency] = now
        if now == before:
            return ()
        available, held = now[0] - before[0], now[1] - before[1]
        changed: Any = replace(
            data,
            availableChange=amount_text(available),
            holdChange=amount_text(held),
            relationEvent=HELD if available + held == 0 else SETTLED,
        )
        return (
            encode(
                frames.Message(
                    topic=told.topic,
                    subject=told.subject,
                    id=data.relationEventId,
                    userId=told.userId,
                    channelType="private",
                    data=changed,
                )
            ),
        )
