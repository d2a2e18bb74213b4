"""Orders as the venue shows them: in answers and in executionReports, both ways.

The invariant: a combination of type, time in force and flags that has no row in `TYPES` cannot be
placed here. One that was placed in another dialect is shown in the venue's nearest words. Numbers
of orders are the exchange's own, unchanged. How an order ended is one row of `ENDS`; of two rows
that the venue says alike the first is read.
"""

from typing import NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from steelyard.dialects.binance.frames import (
    ExecutionReport,
)
from steelyard.dialects.binance.messages import (
    OrderFill,
    OrderInfo,
    OrderResult,
)
from steelyard.dialects.binance.text import (
    ZERO,
    amount_text,
    find_symbol,
    from_ms,
    price_text,
    read_amount,
    read_price,
    read_size,
    size_text,
    symbol_text,
    to_ms,
)
from steelyard.domain.commands import Place
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import Execution, OrderEvent
from steelyard.domain.order import (
    CancelCause,
    Direction,
    FeeAsset,
    GroupKind,
    Liquidity,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
)

BIP_E8 = 10_000  # a hundredth of a percent, as a rate times 1e8


class Combination(NamedTuple):
    """How a type is spelled; timeInForce is None where a request must not have one."""

    type: str
    timeInForce: str | None  # noqa: N815


_GTC, _IOC, _FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
_LIFETIMES = {"GTC": _GTC, "IOC": _IOC, "FOK": _FOK}

TYPES: dict[tuple[OrderType, TimeInForce, bool], Combination] = {
    (OrderType.LIMIT, _GTC, False): Combination("LIMIT", "GTC"),
    (OrderType.LIMIT, _IOC, False): Combination("LIMIT", "IOC"),
    (OrderType.LIMIT, _FOK, False): Combination("LIMIT", "FOK"),
    (OrderType.LIMIT, _GTC, True): Combination("LIMIT_MAKER", None),
    (OrderType.MARKET, _IOC, False): Combination("MARKET", None),
    (OrderType.STOP, _GTC, False): Combination("STOP_LOSS", None),
    (OrderType.STOP_LIMIT, _GTC, False): Combination("STOP_LOSS_LIMIT", "GTC"),
    (OrderType.STOP_LIMIT, _IOC, False): Combination("STOP_LOSS_LIMIT", "IOC"),
    (OrderType.STOP_LIMIT, _FOK, False): Combination("STOP_LOSS_LIMIT", "FOK"),
    (OrderType.TAKE_PROFIT, _GTC, False): Combination("TAKE_PROFIT", None),
    (OrderType.TAKE_PROFIT_LIMIT, _GTC, False): Combination("TAKE_PROFIT_LIMIT", "GTC"),
    (OrderType.TAKE_PROFIT_LIMIT, _IOC, False): Combination("TAKE_PROFIT_LIMIT", "IOC"),
    (OrderType.TAKE_PROFIT_LIMIT, _FOK, False): Combination("TAKE_PROFIT_LIMIT", "FOK"),
}
FROM_TYPES = {combination: key for key, combination in TYPES.items()}

# A trailing stop has one of the four names with a trailingDelta, see `trailing_name`.
SHOWN_TYPES: dict[OrderType, str] = {
    OrderType.LIMIT: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.STOP: "STOP_LOSS",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
    OrderType.TAKE_PROFIT: "TAKE_PROFIT",
    OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT_LIMIT",
}
READ_TYPES = {name: kind for kind, name in SHOWN_TYPES.items()} | {"LIMIT_MAKER": OrderType.LIMIT}

SIDES = {side.name: side for side in Side}

SELF_TRADES: dict[str, SelfTrade] = {
    "NONE": SelfTrade.NONE,
    "EXPIRE_TAKER": SelfTrade.CANCEL_NEWEST,
    "EXPIRE_MAKER": SelfTrade.CANCEL_OLDEST,
    "EXPIRE_BOTH": SelfTrade.CANCEL_BOTH,
    "DECREMENT": SelfTrade.DECREMENT,
}
SELF_TRADE_NAMES = {mode: name for name, mode in SELF_TRADES.items()}
SELF_TRADE_DEFAULT = SelfTrade.CANCEL_OLDEST

# Why an order ended: the status, the expiry reason, and the execution type of the event. What the
# venue never says of an order of its own has its nearest words.
EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
PENDING_NEW = "PENDING_NEW"  # its list's working order has not filled
NO_LIST = -1
ENDS: dict[CancelCause, tuple[str, str | None, str]] = {
    CancelCause.USER: ("CANCELED", None, "CANCELED"),
    CancelCause.IOC_REMAINDER: ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED", "EXPIRED"),
    CancelCause.FOK_UNFILLABLE: ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED", "EXPIRED"),
    CancelCause.NO_LIQUIDITY: ("EXPIRED", "INSUFFICIENT_LIQUIDITY", "EXPIRED"),
    CancelCause.SELF_TRADE: (EXPIRED_IN_MATCH, None, "TRADE_PREVENTION"),
    CancelCause.ADMIN: ("EXPIRED", "EXCHANGE_CANCELED", "EXPIRED"),
    CancelCause.EXPIRED: ("EXPIRED", None, "EXPIRED"),  # spot has no GTD
    CancelCause.SIBLING: ("EXPIRED", "OCO_TRIGGER", "EXPIRED"),
    CancelCause.PARENT: ("EXPIRED", "OTO_PHASE_ONE_EXPIRED", "EXPIRED"),
    CancelCause.INSUFFICIENT_BALANCE: ("EXPIRED", "REJECTED", "EXPIRED"),
    CancelCause.POST_ONLY_WOULD_TAKE: ("EXPIRED", "REJECTED", "EXPIRED"),
    CancelCause.PRICE_BAND: ("EXPIRED", "EXECUTION_RULE_PRICE_RANGE_EXCEEDED", "EXPIRED"),
    CancelCause.QUOTE_SPENT: ("EXPIRED", None, "EXPIRED"),  # where it bought nothing at all
    CancelCause.LEVEL_FULL: ("EXPIRED", "EXCHANGE_CANCELED", "EXPIRED"),
}
CAUSES = {reason: cause for cause, (_, reason, _) in reversed(ENDS.items()) if reason}
# The venue says EXPIRED of these, and we that somebody canceled them.
_CANCELED = frozenset({CancelCause.ADMIN, CancelCause.SIBLING})

STATUSES: dict[OrderState, str] = {
    OrderState.WORKING: "NEW",
    OrderState.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderState.FILLED: "FILLED",
    OrderState.REJECTED: "REJECTED",
}
STATES: dict[str, OrderState] = {
    **{status: state for state, status in STATUSES.items()},
    PENDING_NEW: OrderState.WORKING,
    "PENDING_CANCEL": OrderState.WORKING,
    "CANCELED": OrderState.CANCELED,
    "EXPIRED": OrderState.EXPIRED,
    EXPIRED_IN_MATCH: OrderState.EXPIRED,
}

EXECUTIONS: dict[str, Execution] = {
    "NEW": Execution.NEW,
    "TRADE": Execution.FILL,
    "CANCELED": Execution.CANCELED,
    "REPLACED": Execution.AMENDED,
    "REJECTED": Execution.REJECTED,
    "EXPIRED": Execution.EXPIRED,
    "TRADE_PREVENTION": Execution.EXPIRED,
}
EXECUTION_NAMES = {
    Execution.NEW: "NEW",
    Execution.FILL: "TRADE",
    Execution.AMENDED: "REPLACED",
    Execution.REJECTED: "REJECTED",
    Execution.RELEASED: "NEW",
    Execution.TRIGGERED: "NEW",  # the status stays NEW, and the order is now working
}

# -- an order -----------------------------------------------------------------------------------


def end_of(order: Order) -> tuple[str, str | None, str]:
    """Return an order's status, expiry reason and, where it has ended, execution type."""
    if order.cancel_cause is not None and not order.state.is_open:
        return ENDS[order.cancel_cause]
    if order.is_pending and order.state.is_open:
        return PENDING_NEW, None, ""
    # Filled and still ended by an event of its own: a market order that has spent its amount.
    return STATUSES[order.state], None, "EXPIRED" if order.state is OrderState.FILLED else ""


def spelled(order: Order) -> Combination:
    """Return an order's type and time in force, the nearest ones where the venue has none."""
    if order.order_type.trails:
        return trailing_name(order)
    key = (order.order_type, order.time_in_force, order.post_only)
    if (offered := TYPES.get(key)) is not None:
        return offered
    if order.order_type is OrderType.LIMIT and order.post_only:
        return Combination("LIMIT_MAKER", None)
    rests = order.time_in_force is TimeInForce.GTD or not order.order_type.has_limit
    lifetime = None if rests else order.time_in_force.name
    return Combination(SHOWN_TYPES[order.order_type], lifetime)


def _read_type(order_type: str, time_in_force: str) -> tuple[OrderType, TimeInForce, bool] | None:
    kind = READ_TYPES.get(order_type)
    if kind is None:
        return None
    if kind is OrderType.MARKET:
        return kind, _IOC, False
    lifetime = _LIFETIMES.get(time_in_force) if order_type.endswith("LIMIT") else _GTC
    return None if lifetime is None else (kind, lifetime, order_type == "LIMIT_MAKER")


def list_id(order: Order) -> int:
    """Return the number of the order's list, -1 where it is in none; a basket is no list."""
    is_listed = order.group_kind is not None and order.group_kind is not GroupKind.BASKET
    return order.group_id if is_listed else NO_LIST


def _stop_ticks(order: Order) -> int | None:
    return order.trigger_ticks if order.trigger_ticks is not None else order.activation_ticks


def _trailing_ms(order: Order) -> int:
    """Return since when a trailing stop follows the price, -1 where that is not known."""
    return NO_LIST if order.activation_ticks is not None else to_ms(order.created_ns)


def trailing_name(order: Order | Place) -> Combination:
    """Return what the venue calls a trailing stop.

    All of its names follow the best price and trigger on the way back. A STOP_LOSS begins when the
    price has come to where a stop would trigger, a TAKE_PROFIT where a profit would be taken.
    """
    direction = order.activation_direction
    if direction is None:
        takes_profit = order.activation_ticks is not None  # as the engine means it by itself
    else:
        takes_profit = (direction is Direction.RISE) == (order.side is Side.SELL)
    name = "TAKE_PROFIT" if takes_profit else "STOP_LOSS"
    if not order.order_type.has_limit:
        return Combination(name, None)
    rests = order.time_in_force is TimeInForce.GTD
    return Combination(f"{name}_LIMIT", "GTC" if rests else order.time_in_force.name)


def trailing_direction(order_type: str, side: Side) -> Direction:
    """Return which way the price comes to a trailing stop's stopPrice."""
    takes_profit = order_type.startswith("TAKE_PROFIT")
    return Direction.RISE if takes_profit == (side is Side.SELL) else Direction.FALL


def trailing_bips(rate_e8: int | None) -> int | None:
    """Return a trail in bips."""
    return None if rate_e8 is None else rate_e8 // BIP_E8


def _working_ms(order: Order) -> int:
    """Return when an order came to the book, -1 while it waits for its price."""
    return -1 if order.waits or order.is_pending else to_ms(order.triggered_ns or order.created_ns)


def result_to_wire(
    order: Order, listings: Listings, fills: tuple[OrderFill, ...] | UnsetType = UNSET
) -> OrderResult:
    """Return an order as a new order's or a cancel's response has it."""
    instrument = listings[order.instrument_id]
    status, expiry, _ = end_of(order)
    combination = spelled(order)
    bips = trailing_bips(order.trail_rate_e8)
    return OrderResult(
        symbol=symbol_text(instrument),
        orderId=order.order_id,
        orderListId=list_id(order),
        clientOrderId=order.client_order_id,
        transactTime=to_ms(order.updated_ns),
        price=price_text(instrument, order.price_ticks),
        origQty=size_text(instrument, order.size_lots or order.filled_lots),
        executedQty=size_text(instrument, order.filled_lots),
        cummulativeQuoteQty=amount_text(order.quote_atoms),
        status=status,
        timeInForce=combination.timeInForce or "GTC",
        type=combination.type,
        side=order.side.name,
        origQuoteOrderQty=amount_text(order.spend_atoms or 0),
        stopPrice=price_text(instrument, _stop_ticks(order)) if order.order_type.waits else UNSET,
        icebergQty=size_text(instrument, order.display_lots) if order.display_lots else UNSET,
        trailingDelta=UNSET if bips is None else bips,
        trailingTime=UNSET if bips is None else _trailing_ms(order),
        workingTime=_working_ms(order),
        selfTradePreventionMode=SELF_TRADE_NAMES[order.self_trade],
        expiryReason=expiry or UNSET,
        fills=fills,
    )


def canceled_to_wire(order: Order, listings: Listings, client_id: str | None) -> OrderResult:
    """Return a canceled order; the cancel has a client id of its own, and no time of working."""
    return replace(
        result_to_wire(order, listings),
        origClientOrderId=order.client_order_id,
        clientOrderId=client_id or cancel_id(order.order_id),
        workingTime=UNSET,
    )


def info_to_wire(order: Order, listings: Listings) -> OrderInfo:
    """Return an order as a query's response has it."""
    result, instrument = result_to_wire(order, listings), listings[order.instrument_id]
    return OrderInfo(
        symbol=result.symbol,
        orderId=result.orderId,
        orderListId=result.orderListId,
        clientOrderId=result.clientOrderId,
        price=result.price,
        origQty=result.origQty,
        executedQty=result.executedQty,
        cummulativeQuoteQty=result.cummulativeQuoteQty,
        status=result.status,
        timeInForce=result.timeInForce,
        type=result.type,
        side=result.side,
        stopPrice=price_text(instrument, _stop_ticks(order)),
        icebergQty=size_text(instrument, order.display_lots or 0),
        trailingDelta=result.trailingDelta,
        trailingTime=result.trailingTime,
        time=to_ms(order.created_ns),
        updateTime=to_ms(order.updated_ns),
        isWorking=not order.waits and not order.is_pending,
        workingTime=result.workingTime,
        origQuoteOrderQty=result.origQuoteOrderQty,
        selfTradePreventionMode=result.selfTradePreventionMode,
        expiryReason=result.expiryReason,
    )


def result_from_wire(result: OrderResult, listings: Listings) -> Order:
    """Return the order of a new order's or a cancel's response."""
    is_cancel = result.origClientOrderId is not UNSET
    created = result.workingTime if isinstance(result.workingTime, int) else -1
    return _order_from_wire(
        result,
        listings,
        client_order_id=result.origClientOrderId if is_cancel else result.clientOrderId,  # type: ignore[arg-type]
        created_ns=from_ms(created if created >= 0 else result.transactTime),
        updated_ns=from_ms(result.transactTime),
    )


def info_from_wire(info: OrderInfo, listings: Listings) -> Order:
    """Return the order of a query's response."""
    return _order_from_wire(
        info,
        listings,
        client_order_id=info.clientOrderId,
        created_ns=from_ms(info.time),
        updated_ns=from_ms(info.updateTime),
    )


def _order_from_wire(
    told: OrderResult | OrderInfo,
    listings: Listings,
    *,
    client_order_id: str,
    created_ns: int,
    updated_ns: int,
) -> Order:
    expiry = told.expiryReason if isinstance(told.expiryReason, str) else None
    return order_of(
        listings,
        symbol=told.symbol,
        order_id=told.orderId,
        client_order_id=client_order_id,
        side=told.side,
        order_type=told.type,
        time_in_force=told.timeInForce,
        price=told.price,
        size=told.origQty,
        filled=told.executedQty,
        quote=told.cummulativeQuoteQty,
        status=told.status,
        expiry=expiry,
        self_trade=told.selfTradePreventionMode,
        created_ns=created_ns,
        updated_ns=updated_ns,
        trigger=told.stopPrice if isinstance(told.stopPrice, str) else ZERO,
        display=told.icebergQty if isinstance(told.icebergQty, str) else ZERO,
        bips=told.trailingDelta if isinstance(told.trailingDelta, int) else 0,
        spend=told.origQuoteOrderQty,
        list_number=told.orderListId,
    )


def order_of(
    listings: Listings,
    *,
    symbol: str,
    order_id: int,
    client_order_id: str,
    side: str,
    order_type: str,
    time_in_force: str,
    price: str,
    size: str,
    filled: str,
    quote: str,
    status: str,
    expiry: str | None,
    self_trade: str,
    created_ns: int,
    updated_ns: int,
    trigger: str = ZERO,
    display: str = ZERO,
    bips: int = 0,
    spend: str = ZERO,
    list_number: int = NO_LIST,
) -> Order:
    """Return an order from its parts as the venue spells them.

    Raises:
        DecodeError: One of them is nothing that we know.
    """
    instrument = listed(symbol, listings)
    known = _read_type(order_type, time_in_force)
    state = STATES.get(status)
    if known is None or state is None or side not in SIDES:
        raise DecodeError(
            f"order {order_id} is {side} {order_type} {time_in_force} {status}, which this "
            "dialect does not know; it was placed by something else"
        )
    kind, lifetime, post_only = known
    stop_ticks = (read_price(instrument, trigger) or None) if kind.waits else None
    if bips:
        kind = OrderType.TRAILING_STOP_LIMIT if kind.has_limit else OrderType.TRAILING_STOP
    spend_atoms = read_amount(spend) or None
    order = Order(
        order_id=order_id,
        client_order_id=client_order_id,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=SIDES[side],
        order_type=kind,
        time_in_force=lifetime,
        post_only=post_only,
        price_ticks=read_price(instrument, price) if kind.has_limit else None,
        size_lots=0 if spend_atoms else read_size(instrument, size),
        self_trade=SELF_TRADES.get(self_trade, SelfTrade.NONE),
        fee_asset=FeeAsset.RECEIVED,
        state=state,
        filled_lots=read_size(instrument, filled),
        quote_atoms=max(read_amount(quote), 0),
        created_ns=created_ns,
        updated_ns=updated_ns,
        spend_atoms=spend_atoms,
        display_lots=read_size(instrument, display) or None,
        trigger_ticks=None if bips else stop_ticks,
        trail_rate_e8=bips * BIP_E8 or None,
        activation_ticks=stop_ticks if bips else None,
        activation_direction=trailing_direction(order_type, SIDES[side]) if bips else None,
        group_id=max(list_number, 0),
        is_pending=status == PENDING_NEW,
    )
    order.cancel_cause = _cause(order, status, expiry)
    if order.cancel_cause in _CANCELED:
        order.state = OrderState.CANCELED
    return order


def _cause(order: Order, status: str, expiry: str | None) -> CancelCause | None:
    if order.state is OrderState.CANCELED:
        return CancelCause.USER
    if order.state is not OrderState.EXPIRED:
        return None
    if status == EXPIRED_IN_MATCH:
        return CancelCause.SELF_TRADE
    if expiry in CAUSES:
        return CAUSES[expiry]
    if order.order_type is OrderType.MARKET:
        return CancelCause.NO_LIQUIDITY
    if order.time_in_force is TimeInForce.IOC:
        return CancelCause.IOC_REMAINDER
    return CancelCause.FOK_UNFILLABLE if order.time_in_force is _FOK else CancelCause.ADMIN


def listed(symbol: str, listings: Listings) -> Instrument:
    """Return the instrument of a name that the venue uses.

    Raises:
        DecodeError: It is not listed.
    """
    found = find_symbol(listings, symbol)
    if found is None:
        raise DecodeError(f"no instrument {symbol[:40]!r} is listed; read the instruments again")
    return found


# -- a fill ------------------------------------------------------------------------------------


def fill_to_wire(fill: Fill, listings: Listings) -> OrderFill:
    """Return a fill as a new order's response has it."""
    instrument = listings[fill.instrument_id]
    return OrderFill(
        price=price_text(instrument, fill.price_ticks),
        qty=size_text(instrument, fill.size_lots),
        commission=amount_text(fill.fee_atoms),
        commissionAsset=listings.asset(fill.fee_asset_id),
        tradeId=fill.trade_id,
    )


def fill_from_wire(fill: OrderFill, order: Order, listings: Listings) -> Fill:
    """Return a fill that a new order took at once."""
    instrument = listings[order.instrument_id]
    price_ticks, size_lots = read_price(instrument, fill.price), read_size(instrument, fill.qty)
    return Fill(
        trade_id=fill.tradeId,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account_id=order.account_id,
        instrument_id=order.instrument_id,
        side=order.side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=Liquidity.TAKER,
        fee_asset_id=_asset(fill.commissionAsset, listings),
        fee_atoms=read_amount(fill.commission),
        time_ns=order.updated_ns,
    )


# -- events -------------------------------------------------------------------------------------


def cancel_id(order_id: int) -> str:
    """Return the client id that a cancel gets where it was given none."""
    return f"sycancel{order_id}"


def _request_id(event: OrderEvent) -> str:
    return event.request_id or cancel_id(event.order.order_id)


def report_to_wire(event: OrderEvent, listings: Listings) -> ExecutionReport:
    """Return an order event as an executionReport."""
    order, fill = event.order, event.fill
    result = result_to_wire(order, listings)
    instrument = listings[order.instrument_id]
    _, expiry, ended = end_of(order)
    execution = EXECUTION_NAMES.get(event.execution) or ended
    is_cancel = execution == "CANCELED"
    time = to_ms(event.time_ns)
    return ExecutionReport(
        E=time,
        s=result.symbol,
        c=_request_id(event) if is_cancel else order.client_order_id,
        S=result.side,
        o=result.type,
        f=result.timeInForce,
        q=result.origQty,
        p=result.price,
        P=price_text(instrument, _stop_ticks(order)),
        F=size_text(instrument, order.display_lots or 0),
        g=result.orderListId,
        C=order.client_order_id if is_cancel else event.request_id,
        x=execution,
        X=result.status,
        i=order.order_id,
        l=size_text(instrument, fill.size_lots) if fill else ZERO,
        z=result.executedQty,
        L=price_text(instrument, fill.price_ticks) if fill else ZERO,
        n=amount_text(fill.fee_atoms) if fill else "0",
        N=listings.asset(fill.fee_asset_id) if fill else None,
        T=time,
        t=fill.trade_id if fill else -1,
        I=order.order_id,
        w=order.state.is_open and not order.waits and not order.is_pending,
        m=bool(fill and fill.liquidity is Liquidity.MAKER),
        O=to_ms(order.created_ns),
        Z=result.cummulativeQuoteQty,
        Y=amount_text(fill.quote_atoms) if fill else ZERO,
        Q=result.origQuoteOrderQty,
        W=UNSET if order.waits or order.is_pending else _working_ms(order),
        d=result.trailingDelta,
        D=result.trailingTime,
        V=result.selfTradePreventionMode,
        eR=expiry or UNSET,
    )


def report_from_wire(report: ExecutionReport, listings: Listings) -> OrderEvent:
    """Return the order event of an executionReport.

    Raises:
        DecodeError: It tells of something that we do not know.
    """
    execution = EXECUTIONS.get(report.x)
    if execution is None:
        raise DecodeError(f"execution type {report.x!r} is unknown", "x")
    is_cancel = execution is Execution.CANCELED
    order = order_of(
        listings,
        symbol=report.s,
        order_id=report.i,
        # c is then the id of the cancel.
        client_order_id=(report.C or report.c) if is_cancel else report.c,
        side=report.S,
        order_type=report.o,
        time_in_force=report.f,
        price=report.p,
        size=report.q,
        filled=report.z,
        quote=report.Z,
        status=report.X,
        expiry=report.eR if isinstance(report.eR, str) else None,
        self_trade=report.V,
        created_ns=from_ms(report.O),
        updated_ns=from_ms(report.T),
        trigger=report.P,
        display=report.F,
        bips=report.d if isinstance(report.d, int) else 0,
        spend=report.Q,
        list_number=report.g,
    )
    if order.cancel_cause in _CANCELED:
        execution = Execution.CANCELED
    fill = _fill_of(report, order, listings) if execution is Execution.FILL else None
    # A cancel that names no other order has no name of its own either.
    request_id = report.c if is_cancel and report.C else report.C
    return OrderEvent(execution, order, fill, from_ms(report.T), request_id)


def _fill_of(report: ExecutionReport, order: Order, listings: Listings) -> Fill:
    instrument = listings[order.instrument_id]
    price_ticks, size_lots = read_price(instrument, report.L), read_size(instrument, report.l)
    fee_asset_id = instrument.quote_asset_id if report.N is None else _asset(report.N, listings)
    return Fill(
        trade_id=report.t,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account_id=0,
        instrument_id=order.instrument_id,
        side=order.side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=Liquidity.MAKER if report.m else Liquidity.TAKER,
        fee_asset_id=fee_asset_id,
        fee_atoms=read_amount(report.n or "0"),
        time_ns=from_ms(report.T),
    )


def _asset(name: str, listings: Listings) -> int:
    try:
        return listings.any_asset_id(name)
    except Unsupported as error:
        raise DecodeError(f"a fee in {name[:20]!r}, which is no asset") from error
