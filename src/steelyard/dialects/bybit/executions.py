"""Orders and executions as the venue shows them, over REST and on the private stream, both ways.

The invariant: what an order is, it is everywhere: one function makes it. The fees that it has paid
are handed in, because an order does not know them.
"""

from collections.abc import Iterable, Mapping

from steelyard.dialects.bybit import errors
from steelyard.dialects.bybit import order_messages as wire
from steelyard.dialects.bybit.market import listed, side_of
from steelyard.dialects.bybit.placing import (
    BASE,
    FALLS,
    QUOTE,
    RISES,
    SELF_TRADE_NAMES,
    SELF_TRADES,
    SPOT,
    STOPS,
    WAITING,
    rises,
)
from steelyard.dialects.bybit.text import (
    RATE_DECIMALS,
    SIDE_NAMES,
    amount_text,
    average_text,
    fixed,
    from_ms,
    half_up,
    ms_text,
    number_of,
    price_text,
    read_amount,
    read_price,
    read_size,
    size_text,
    symbol_text,
    trimmed,
)
from steelyard.domain.commands import Place
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    Liquidity,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
)
from steelyard.domain.units import RATE_SCALE

Fees = Mapping[int, int]  # atoms by asset
NO_FEES: Fees = {}

# cancelType, of what is not an order's own end.
CANCEL_TYPES: dict[CancelCause, str] = {
    CancelCause.USER: "CancelByUser",
    CancelCause.ADMIN: "CancelByAdmin",
    CancelCause.SELF_TRADE: "CancelBySmp",
    CancelCause.SIBLING: "CancelByTpSlTsClear",
    CancelCause.PARENT: "CancelByTpSlTsClear",
}
NO_ERROR = "EC_NoError"
REJECT_REASONS: dict[CancelCause, str] = {
    CancelCause.USER: "EC_PerCancelRequest",
    CancelCause.IOC_REMAINDER: "EC_NoImmediateQtyToFill",
    CancelCause.NO_LIQUIDITY: "EC_NoImmediateQtyToFill",
    CancelCause.PRICE_BAND: "EC_NoImmediateQtyToFill",
    CancelCause.FOK_UNFILLABLE: "EC_CancelForNoFullFill",
    CancelCause.POST_ONLY_WOULD_TAKE: "EC_PostOnlyWillTakeLiquidity",
}
CAUSES: dict[str, CancelCause] = {
    "CancelByUser": CancelCause.USER,
    "CancelByAdmin": CancelCause.ADMIN,
    "CancelByDCP": CancelCause.USER,
    "CancelBySmp": CancelCause.SELF_TRADE,
    "CancelByTpSlTsClear": CancelCause.SIBLING,
}
ENDS: dict[str, CancelCause] = {
    "EC_NoImmediateQtyToFill": CancelCause.IOC_REMAINDER,
    "EC_CancelForNoFullFill": CancelCause.FOK_UNFILLABLE,
    "EC_PostOnlyWillTakeLiquidity": CancelCause.POST_ONLY_WOULD_TAKE,
}
OPEN_STATES = frozenset({"New", "Untriggered", "Triggered", "Created", "Active"})
CANCELED = frozenset({"Cancelled", "PartiallyFilledCanceled", "Deactivated"})
STATUSES = OPEN_STATES | CANCELED | {"PartiallyFilled", "Filled", "Rejected"}
NOT_TOLD = frozenset({None, "", "0", "0.0", "0.00"})


# -- orders to the wire -------------------------------------------------------------------------


def status_of(order: Order) -> str:
    """Return the venue's word for an order's state."""
    match order.state:
        case OrderState.FILLED:
            return "Filled"
        case OrderState.REJECTED:
            return "Rejected"
        case OrderState.CANCELED | OrderState.EXPIRED:
            if order.cancel_cause is CancelCause.QUOTE_SPENT:
                return "Filled"
            if order.order_type.waits and not order.triggered_ns:
                return "Deactivated"
            return "PartiallyFilledCanceled" if order.filled_lots else "Cancelled"
        case OrderState.PARTIALLY_FILLED:
            return "PartiallyFilled"
        case _:
            return "Untriggered" if order.waits else "New"


def filter_of(order: Order) -> str:
    """Return of which filter an order is."""
    if not order.order_type.waits:
        return "Order"
    return "StopOrder" if order.order_type in STOPS else "tpslOrder"


def stop_type_of(order: Order) -> str:
    """Return the venue's word for what an order waits for; empty where it does not."""
    if not order.order_type.waits:
        return ""
    return "Stop" if order.order_type in STOPS else "tpslOrder"


def order_to_wire(
    order: Order, listings: Listings, fees: Fees = NO_FEES, *, is_streamed: bool = False
) -> wire.Order:
    """Return an order as it is."""
    instrument = listings[order.instrument_id]
    is_limit, by_quote = order.order_type.has_limit, order.spend_atoms is not None
    is_over = not order.state.is_open
    cause = order.cancel_cause if is_over else None
    waits, trigger = order.order_type.waits, order.trigger_ticks
    size = (
        amount_text(order.spend_atoms or 0) if by_quote else size_text(instrument, order.size_lots)
    )
    left = order.remaining_lots
    value = instrument.notional_atoms(order.price_ticks or 0, left)
    paid = {listings.asset(asset): amount_text(atoms) for asset, atoms in sorted(fees.items())}
    unit = (QUOTE if by_quote else BASE) if not is_limit else ""
    found = wire.Order(
        symbol=symbol_text(instrument),
        orderId=str(order.order_id),
        orderLinkId=own_link(order),
        side=SIDE_NAMES[order.side],
        orderType="Limit" if is_limit else "Market",
        orderStatus=status_of(order),
        cancelType="UNKNOWN" if cause is None else CANCEL_TYPES.get(cause, "UNKNOWN"),
        rejectReason=NO_ERROR if cause is None else REJECT_REASONS.get(cause, NO_ERROR),
        timeInForce=_lifetime(order),
        isLeverage="0",
        price="0" if order.price_ticks is None else price_text(instrument, order.price_ticks),
        qty=size,
        avgPrice=average_text(instrument, order.quote_atoms, order.filled_lots),
        leavesQty=size_text(instrument, left),
        leavesValue=amount_text(value),
        cumExecQty=size_text(instrument, order.filled_lots),
        cumExecValue=amount_text(order.quote_atoms),
        cumExecFee=amount_text(sum(fees.values())),
        cumFeeDetail=paid,
        stopOrderType=stop_type_of(order),
        triggerPrice="" if trigger is None else price_text(instrument, trigger),
        triggerDirection=(RISES if rises(order.order_type, order.side) else FALLS) if waits else 0,
        triggerBy="LastPrice" if waits else "",
        smpType=SELF_TRADE_NAMES.get(order.self_trade, "None"),
        marketUnit=unit,
        createdTime=ms_text(order.created_ns),
        updatedTime=ms_text(order.updated_ns),
    )
    if is_streamed:
        found.category = SPOT
        found.lastPriceOnCreated = found.closedPnl = ""
        found.closedPnl = "0"
        found.feeCurrency = fee_coin(order.side, instrument)
    else:
        found.basePrice = found.ocoTriggerBy = ""
        found.extraFees = ""
    return found


def own_link(order: Order) -> str:
    """Return what its owner calls an order; nothing where the exchange has named it."""
    own = order.client_order_id
    return "" if own == f"sy-{order.order_id}" else own


def fee_coin(side: Side, instrument: Instrument) -> str:
    """Return the coin that fees are taken of: the one received."""
    return instrument.base if side is Side.BUY else instrument.quote


def _lifetime(order: Order) -> str:
    if order.post_only:
        return "PostOnly"
    if order.time_in_force is TimeInForce.GTD:
        return "GTC"  # of another dialect; the venue has no such thing
    return "IOC" if order.order_type is OrderType.MARKET else order.time_in_force.name


# -- orders from the wire -----------------------------------------------------------------------


def order_from_wire(found: wire.Order, listings: Listings) -> Order:
    """Return an order.

    Raises:
        DecodeError: Of an unknown symbol, or with words or numbers that we do not know.
    """
    instrument, side = listed(found.symbol, listings), side_of(found.side)
    is_limit, filled_lots = (
        found.orderType == "Limit",
        read_size(instrument, found.cumExecQty or "0"),
    )
    by_quote = found.marketUnit == QUOTE and not is_limit
    order_type, trigger_ticks = _waiting(found, instrument, side, is_limit=is_limit)
    tif = {"IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}.get(found.timeInForce, TimeInForce.GTC)
    if order_type.waits and not is_limit:
        tif = TimeInForce.GTC
    state = _state(found, filled_lots)
    updated_ns = from_ms(found.updatedTime)
    has_triggered = order_type.waits and (
        found.orderStatus in ("New", "Triggered") or filled_lots > 0 or state is OrderState.FILLED
    )
    return Order(
        order_id=number_of(found.orderId),
        client_order_id=found.orderLinkId,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=order_type,
        time_in_force=tif,
        post_only=found.timeInForce == "PostOnly",
        price_ticks=read_price(instrument, found.price or "0") if is_limit else None,
        size_lots=0 if by_quote else read_size(instrument, found.qty),
        self_trade=SELF_TRADES.get(found.smpType, SelfTrade.NONE),
        fee_asset=FeeAsset.RECEIVED,
        state=state,
        filled_lots=filled_lots,
        quote_atoms=read_amount(found.cumExecValue or "0"),
        created_ns=from_ms(found.createdTime),
        updated_ns=updated_ns,
        reject_reason=_reject_reason(found) if state is OrderState.REJECTED else None,
        cancel_cause=_cause(found) if found.orderStatus in CANCELED else None,
        spend_atoms=read_amount(found.qty) if by_quote else None,
        trigger_ticks=trigger_ticks,
        triggered_ns=updated_ns if has_triggered else 0,
    )


def _state(found: wire.Order, filled_lots: int) -> OrderState:
    match found.orderStatus:
        case "PartiallyFilled":
            return OrderState.PARTIALLY_FILLED
        case "Filled":
            return OrderState.FILLED
        case "Rejected":
            return OrderState.REJECTED
        case status if status in OPEN_STATES:
            return OrderState.PARTIALLY_FILLED if filled_lots else OrderState.WORKING
        case status if status in CANCELED:
            is_canceled = _cause(found) in (CancelCause.USER, CancelCause.ADMIN)
            return OrderState.CANCELED if is_canceled else OrderState.EXPIRED
        case unknown:
            raise DecodeError(f"an order of status {errors.shown(unknown)}", "orderStatus")


def _cause(found: wire.Order) -> CancelCause:
    """Return why an order ended; by its own terms where nobody canceled it."""
    cause = CAUSES.get(found.cancelType) or ENDS.get(found.rejectReason)
    if cause is CancelCause.IOC_REMAINDER and found.orderType == "Market":
        return CancelCause.NO_LIQUIDITY
    if cause is not None:
        return cause
    if found.timeInForce == "FOK":
        return CancelCause.FOK_UNFILLABLE
    ends_at_once = found.timeInForce == "IOC" or found.orderType == "Market"
    return CancelCause.IOC_REMAINDER if ends_at_once else CancelCause.USER


def _reject_reason(found: wire.Order) -> RejectReason:
    if found.rejectReason == "EC_PostOnlyWillTakeLiquidity":
        return RejectReason.POST_ONLY_WOULD_TAKE
    return RejectReason.UNSUPPORTED


def _waiting(
    found: wire.Order, instrument: Instrument, side: Side, *, is_limit: bool
) -> tuple[OrderType, int | None]:
    if found.triggerPrice in NOT_TOLD:
        return (OrderType.LIMIT if is_limit else OrderType.MARKET), None
    ticks = read_price(instrument, found.triggerPrice)
    is_rising = (side is Side.BUY) == (found.stopOrderType not in ("tpslOrder", "TakeProfit"))
    before = found.basePrice or found.lastPriceOnCreated
    if found.triggerDirection in (RISES, FALLS):
        is_rising = found.triggerDirection == RISES
    elif before and before not in NOT_TOLD:
        is_rising = read_price(instrument, before) < ticks
    return WAITING[is_limit, is_rising == (side is Side.BUY)], ticks


def as_asked(order_id: int, place: Place) -> Order:
    """Return an order of which nothing is known but that it was taken up."""
    return Order(
        order_id=order_id,
        client_order_id=place.client_order_id,
        account_id=0,
        instrument_id=place.instrument_id,
        side=place.side,
        order_type=place.order_type,
        time_in_force=place.time_in_force,
        post_only=place.post_only,
        price_ticks=place.price_ticks,
        size_lots=place.size_lots,
        self_trade=place.self_trade,
        fee_asset=FeeAsset.RECEIVED,
        spend_atoms=place.quote_atoms,
        trigger_by=place.trigger_by,
        trigger_ticks=place.trigger_ticks,
    )


# -- executions ---------------------------------------------------------------------------------


def fees_of(fills: Iterable[Fill]) -> dict[int, dict[int, int]]:
    """Return what orders have paid, by their numbers."""
    found: dict[int, dict[int, int]] = {}
    for fill in fills:
        paid = found.setdefault(fill.order_id, {})
        paid[fill.fee_asset_id] = paid.get(fill.fee_asset_id, 0) + fill.fee_atoms
    return found


def fill_to_wire(
    fill: Fill, order: Order | None, listings: Listings, *, is_streamed: bool = False
) -> wire.Execution:
    """Return an execution; order is whose it is, where that is still kept."""
    instrument = listings[fill.instrument_id]
    price, size, left, kind, stop, unit = "", "", "0", "Limit", "", ""
    if order is not None:
        is_limit = order.order_type.has_limit
        kind, stop = "Limit" if is_limit else "Market", stop_type_of(order)
        price = "0" if order.price_ticks is None else price_text(instrument, order.price_ticks)
        by_quote = order.spend_atoms is not None
        spent = amount_text(order.spend_atoms or 0)
        size = spent if by_quote else size_text(instrument, order.size_lots)
        left = size_text(instrument, order.remaining_lots)
        unit = "" if is_limit else QUOTE if by_quote else BASE
    found = wire.Execution(
        symbol=symbol_text(instrument),
        orderId=str(fill.order_id),
        orderLinkId="" if order is None else own_link(order),
        side=SIDE_NAMES[fill.side],
        orderPrice=price,
        orderQty=size,
        leavesQty=left,
        orderType=kind,
        stopOrderType=stop,
        execFee=amount_text(fill.fee_atoms),
        feeCurrency=listings.asset(fill.fee_asset_id),
        feeRate=_rate(fill, instrument),
        execId=str(fill.trade_id),
        execPrice=price_text(instrument, fill.price_ticks),
        execQty=size_text(instrument, fill.size_lots),
        execValue=amount_text(fill.quote_atoms),
        execTime=ms_text(fill.time_ns),
        isMaker=fill.liquidity is Liquidity.MAKER,
        extraFees="",
        seq=fill.trade_id,
    )
    if is_streamed:
        found.category, found.isLeverage, found.createType = SPOT, "0", "CreateByUser"
        found.marketUnit, found.execPnl, found.closedSize = unit, "0", "0"
    return found


def fast_to_wire(fill: Fill, order: Order, listings: Listings) -> wire.FastExecution:
    """Return an execution in few words; a maker's order is not named."""
    instrument, is_maker = listings[fill.instrument_id], fill.liquidity is Liquidity.MAKER
    return wire.FastExecution(
        category=SPOT,
        symbol=symbol_text(instrument),
        execId=str(fill.trade_id),
        execPrice=price_text(instrument, fill.price_ticks),
        execQty=size_text(instrument, fill.size_lots),
        orderId=str(fill.order_id),
        isMaker=is_maker,
        orderLinkId="" if is_maker else own_link(order),
        side=SIDE_NAMES[fill.side],
        execTime=ms_text(fill.time_ns),
        seq=fill.trade_id,
    )


def _rate(fill: Fill, instrument: Instrument) -> str:
    """Return a fee as a share of what was received; for information only."""
    received = fill.quote_atoms
    if fill.fee_asset_id == instrument.base_asset_id:
        received = fill.size_lots * instrument.lot_atoms
    elif fill.fee_asset_id != instrument.quote_asset_id:
        return ""
    if not received:
        return ""
    rate = half_up(abs(fill.fee_atoms) * RATE_SCALE, received)
    return trimmed(fixed(-rate if fill.fee_atoms < 0 else rate, RATE_DECIMALS))


def fill_from_wire(found: wire.Execution, listings: Listings) -> Fill:
    """Return an execution.

    Raises:
        DecodeError: Of an unknown symbol or coin, or with numbers that we do not know.
    """
    instrument, side = listed(found.symbol, listings), side_of(found.side)
    coin = found.feeCurrency or fee_coin(side, instrument)
    try:
        fee_asset_id = listings.any_asset_id(coin)
    except Unsupported as error:
        raise DecodeError(f"a fee in {coin[:20]!r}, which is no asset", "feeCurrency") from error
    price_ticks = read_price(instrument, found.execPrice)
    size_lots = read_size(instrument, found.execQty)
    return Fill(
        trade_id=number_of(found.execId),
        order_id=number_of(found.orderId),
        client_order_id=found.orderLinkId,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=Liquidity.MAKER if found.isMaker else Liquidity.TAKER,
        fee_asset_id=fee_asset_id,
        fee_atoms=read_amount(found.execFee or "0"),
        time_ns=from_ms(found.execTime),
    )
