"""Private channels: orders, algo orders, fills and balances, both ways.

The invariant: every push says all that there is to say of its order, and of one execution at most.
An order that waits is told on `orders-algo` alone, and on `orders` once it goes to market. What an
order has paid in all is the connection's to say: an event knows of its own fill only (`FeeLedger`).
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from steelyard.dialects.okx import algo_terms
from steelyard.dialects.okx.account import balance_read, detail_to_wire
from steelyard.dialects.okx.account_messages import Balance
from steelyard.dialects.okx.channels import wanted_of
from steelyard.dialects.okx.executions import (
    CANCELED,
    ENDED,
    EXEC_TYPES,
    LIQUIDITIES,
    asset_id,
    is_told,
    order_from_wire,
    order_to_wire,
)
from steelyard.dialects.okx.frames import BalanceAndPosition, BalanceData, Filled
from steelyard.dialects.okx.order_messages import OrderInfo
from steelyard.dialects.okx.stream import encode, push
from steelyard.dialects.okx.text import (
    SIDE_NAMES,
    SPOT,
    amount_text,
    ms,
    own_id,
    price_text,
    read_amount,
    read_id,
    read_ms,
    read_price,
    read_size,
    size_text,
)
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    BalanceEvent,
    BalanceLocked,
    BalanceMoved,
    Event,
    Execution,
    OrderEvent,
)
from steelyard.domain.order import Liquidity

DOLLARS = frozenset({"USD", "USDT", "USDC"})
TOLD_MAX = 10_000  # orders of which a connection remembers what they have paid
_FINAL = (Execution.CANCELED, Execution.EXPIRED)


# -- events to the wire -------------------------------------------------------------------------


def is_heard(form: str, order: Order, listings: Listings) -> bool:
    """Whether a subscription of orders is about an order."""
    wanted = wanted_of(form)
    if wanted.instType not in ("", SPOT, "ANY") or wanted.instFamily or wanted.uly:
        return False
    return wanted.instId in ("", listings[order.instrument_id].symbol)


def frame(form: str, event: Event, listings: Listings) -> bytes | None:
    """Return the frame of an event on a channel of an account."""
    match wanted_of(form).channel, event:
        case "orders", OrderEvent() if is_heard(form, event.order, listings):
            row = pushed_order(event, listings)
            return None if row is None else push(form, (row,))
        case "orders-algo", OrderEvent() if is_heard(form, event.order, listings):
            rows = pushed_algo(event, listings)
            return push(form, rows) if rows else None
        case "fills", OrderEvent(fill=Fill() as fill) if is_heard(form, event.order, listings):
            return push(form, (pushed_fill(fill, listings),))
        case "account", BalanceEvent():
            return _with(push(form, (changed_account(event, listings),)), "event_update")
        case "balance_and_position", BalanceEvent():
            return push(form, (changed_balances(event, listings, "filled"),))
        case (("deposit-info" | "withdrawal-info"), (BalanceMoved() | BalanceLocked())):
            return push(form, ())  # what has become of which one the connection looks up
        case _:
            return None


def pushed_order(event: OrderEvent, listings: Listings) -> OrderInfo | None:
    """Return what the channel of orders says of an event; None for nothing."""
    order, fill = event.order, event.fill
    if not is_told(order) or event.execution is Execution.RELEASED:
        return None
    if event.execution is Execution.NEW and order.order_type.waits:
        return None
    instrument = listings[order.instrument_id]
    row = order_to_wire(order, listings, () if fill is None else (fill,))
    more: dict[str, Any] = {
        "notionalUsd": "",
        "execType": "",
        "fillFee": "0",
        "fillFeeCcy": "",
        "fillPnl": "0",
        "fillNotionalUsd": "",
        "amendSource": "",
        "amendResult": "",
        "reqId": "",
        "code": "0",
        "msg": "",
        "lastPx": "",
    }
    if fill is not None:
        is_usd = instrument.quote in DOLLARS
        more |= {
            "execType": EXEC_TYPES[fill.liquidity],
            "fillFee": amount_text(-fill.fee_atoms),
            "fillFeeCcy": listings.asset(fill.fee_asset_id),
            "fillNotionalUsd": amount_text(fill.quote_atoms) if is_usd else "",
            "lastPx": price_text(instrument, fill.price_ticks),
        }
    if event.execution is Execution.AMENDED:
        more |= {"amendSource": "1", "amendResult": "0"}
    return replace(row, uTime=ms(event.time_ns), **more)


def pushed_algo(event: OrderEvent, listings: Listings) -> tuple[Any, ...]:
    """Return what the channel of algo orders says of an event; nothing where it says nothing.

    Of a pair of which one cancels the other each leg is told by itself.
    """
    order = event.order
    if not algo_terms.is_algo(order):
        return ()
    is_fill = event.execution is Execution.FILL
    if is_fill and order.order_type.waits:
        return ()
    if event.execution in _FINAL and order.triggered_ns:
        return ()  # what it became is an order by now
    return (algo_terms.algo_to_wire((order,), listings),)


def pushed_fill(fill: Fill, listings: Listings) -> Filled:
    """Return what the channel of fills says."""
    instrument = listings[fill.instrument_id]
    return Filled(
        instId=instrument.symbol,
        fillSz=size_text(instrument, fill.size_lots),
        fillPx=price_text(instrument, fill.price_ticks),
        side=SIDE_NAMES[fill.side],
        ts=ms(fill.time_ns),
        ordId=str(fill.order_id),
        tradeId=str(fill.trade_id),
        execType=EXEC_TYPES[fill.liquidity],
        clOrdId=own_id(fill.client_order_id, fill.order_id),
    )


def changed_account(event: BalanceEvent, listings: Listings) -> Balance:
    """Return the currencies that an event changed."""
    details = (detail_to_wire(b, listings, event.time_ns) for b in event.balances)
    return Balance(uTime=ms(event.time_ns), details=tuple(details))


def changed_balances(
    event: BalanceEvent, listings: Listings, event_type: str
) -> BalanceAndPosition:
    """Return the same in the form of `balance_and_position`."""
    now = ms(event.time_ns)
    return BalanceAndPosition(
        pTime=now,
        eventType=event_type,
        balData=tuple(
            BalanceData(
                ccy=listings.asset(b.asset_id),
                cashBal=amount_text(b.free_atoms + b.held_atoms),
                uTime=now,
            )
            for b in event.balances
        ),
    )


def _with(payload: bytes, event_type: str) -> bytes:
    """Return a push that says whether it is the first."""
    head = b'"eventType":"%s","curPage":1,"lastPage":true,"data":' % event_type.encode()
    return payload.replace(b'"data":', head, 1)


def first_account(form: str, row: Balance) -> bytes:
    """Return the push with which `account` begins."""
    return _with(push(form, (row,)), "snapshot")


# -- what an order has paid ---------------------------------------------------------------------


class _Push(Struct):
    arg: Raw
    data: tuple[OrderInfo, ...]


_push = msgspec.json.Decoder(_Push)


class FeeLedger:
    """What the orders that a connection hears of have paid; before_atoms tells what came before."""

    def __init__(self, before_atoms: Callable[[int, int], int]) -> None:
        self._before_atoms = before_atoms
        self._paid: dict[str, tuple[int, str]] = {}

    def told(self, payload: bytes) -> Sequence[bytes]:
        """Return a push with what its order has paid in all."""
        pushed = _push.decode(payload)
        (row,) = pushed.data
        paid, name = self._paid.pop(row.ordId, (0, row.feeCcy))
        if row.tradeId:
            if not paid and row.accFillSz != row.fillSz:
                paid = self._before_atoms(int(row.ordId), int(row.tradeId))
            assert isinstance(row.fillFee, str), "a fill says its fee"
            paid, name = paid - read_amount(row.fillFee), row.feeCcy
        if row.state not in ENDED:
            self._paid[row.ordId] = paid, name
            if len(self._paid) > TOLD_MAX:
                del self._paid[next(iter(self._paid))]
        row = replace(
            row,
            fee=amount_text(-max(paid, 0)),
            rebate=amount_text(max(-paid, 0)),
            feeCcy=name,
        )
        return (b'{"arg":%s,"data":%s}' % (bytes(pushed.arg), encode((row,))),)


# -- events from the wire -----------------------------------------------------------------------

_orders = msgspec.json.Decoder(tuple[OrderInfo, ...])
_accounts = msgspec.json.Decoder(tuple[Balance, ...])


def rows_read(data: bytes, listings: Listings) -> list[OrderInfo]:
    """Return the rows of a push of orders; other instruments are passed over.

    Raises:
        DecodeError: It has another form than documented.
    """
    try:
        rows = _orders.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"orders: {error}") from error
    return [row for row in rows if row.instType == SPOT and listings.find(row.instId) is not None]


def order_event(wire: OrderInfo, listings: Listings) -> OrderEvent | None:
    """Return what a push says that has happened; None for what is said twice."""
    order, time_ns = order_from_wire(wire, listings), read_ms(wire.uTime)
    fill = fill_in(wire, order, listings)
    if fill is not None:
        if 0 < order.size_lots <= order.filled_lots:
            order = replace(order, state=OrderState.FILLED)
        return OrderEvent(Execution.FILL, order, fill, time_ns)
    if wire.state == CANCELED or order.state in (OrderState.CANCELED, OrderState.EXPIRED):
        is_expired = order.state is OrderState.EXPIRED
        kind = Execution.EXPIRED if is_expired else Execution.CANCELED
        return OrderEvent(kind, order, None, time_ns)
    if order.state is OrderState.FILLED:
        if order.spend_atoms is None:
            return None  # its last fill has said so
        return OrderEvent(Execution.EXPIRED, order, None, time_ns)  # nothing more of it can fill
    if wire.amendResult not in ("", msgspec.UNSET):
        return OrderEvent(Execution.AMENDED, order, None, time_ns)
    if wire.algoId:
        return OrderEvent(Execution.TRIGGERED, order, None, time_ns)
    return OrderEvent(Execution.NEW, order, None, time_ns)


def fill_in(wire: OrderInfo, order: Order, listings: Listings) -> Fill | None:
    """Return the execution that a push tells; None where it tells none.

    Raises:
        DecodeError: It tells half of one.
    """
    if not wire.tradeId or wire.fillSz in ("", "0"):
        return None
    instrument = listings[order.instrument_id]
    if not isinstance(wire.fillFee, str) or not isinstance(wire.fillFeeCcy, str):
        raise DecodeError(f"orders: a fill of {wire.ordId[:20]!r} does not say its fee", "fillFee")
    price_ticks = read_price(instrument, wire.fillPx)
    size_lots = read_size(instrument, wire.fillSz)
    kind = wire.execType if isinstance(wire.execType, str) else ""
    return Fill(
        trade_id=read_id(wire.tradeId, "tradeId"),
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account_id=0,
        instrument_id=order.instrument_id,
        side=order.side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=LIQUIDITIES.get(kind, Liquidity.TAKER),
        fee_asset_id=asset_id(wire.fillFeeCcy, listings),
        fee_atoms=-read_amount(wire.fillFee),
        time_ns=read_ms(wire.fillTime),
    )


def balances_read(data: bytes, listings: Listings) -> list[Event]:
    """Return what a push of an account tells; assets that no instrument uses are passed over.

    Raises:
        DecodeError: It has another form than documented.
    """
    try:
        rows = _accounts.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"account: {error}") from error
    names = set(listings.assets().values())
    found: list[Event] = []
    for row in rows:
        kept = tuple(balance_read(d, listings) for d in row.details if d.ccy in names)
        if kept:
            found.append(BalanceEvent(0, kept, read_ms(row.uTime)))
    return found
