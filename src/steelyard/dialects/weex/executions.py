"""Orders and fills as the venue shows them over REST, both ways.

The invariant: an order that works is NEW, whatever has filled of it; what has filled is a sum of
its own. Why one was canceled is not told: what ends by its terms has expired, all else was asked
for. A fill does not say what its fee is in: it is what was received.
"""

from steelyard.dialects.weex import order_messages as wire
from steelyard.dialects.weex.placing import (
    LIFETIME_NAMES,
    LIFETIMES,
    SELF_TRADE,
    TYPE_NAMES,
    TYPES,
)
from steelyard.dialects.weex.text import (
    SIDE_NAMES,
    fill_id,
    fill_number,
    from_ms,
    listed,
    ms,
    order_id,
    order_number,
    side_of,
    symbol_text,
)
from steelyard.domain.commands import Place
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    Liquidity,
    OrderType,
    Side,
    TimeInForce,
)
from steelyard.wire.numerals import (
    amount_text,
    price_text,
    read_amount,
    read_price,
    read_size,
    size_text,
)

NEW, FILLED, CANCELED, UNTRIGGERED = "NEW", "FILLED", "CANCELED", "UNTRIGGERED"
OPEN = frozenset({NEW, "PENDING", "CANCELING", "PARTIALLY_FILLED", UNTRIGGERED})
OVER = frozenset({CANCELED, "EXPIRED"})


def status_of(order: Order) -> str:
    """Return the venue's word for an order's state."""
    if order.state.is_open:
        return UNTRIGGERED if order.waits else NEW
    is_whole = order.state is OrderState.FILLED or order.cancel_cause is CancelCause.QUOTE_SPENT
    return FILLED if is_whole else CANCELED


def type_of(order: Order) -> str:
    """Return the venue's word for an order's type; of one that waits, what it becomes."""
    return TYPE_NAMES[OrderType.LIMIT if order.order_type.has_limit else OrderType.MARKET]


def lifetime_of(order: Order) -> str:
    """Return the venue's word for an order's lifetime; those it does not have last until canceled.

    Orders of other dialects are among them.
    """
    if order.order_type is OrderType.MARKET:
        return "IOC"
    return LIFETIME_NAMES.get(order.time_in_force, "GTC")


def own_name(order: Order) -> str:
    """Return what its owner calls an order; nothing where the exchange has named it."""
    own = order.client_order_id
    return "" if own == f"sy-{order.order_id}" else own


# -- orders -------------------------------------------------------------------------------------


def order_to_wire(order: Order, instrument: Instrument) -> wire.Order:
    """Return an order as it is."""
    ticks = order.price_ticks
    return wire.Order(
        symbol=symbol_text(instrument),
        orderId=order_id(order.order_id),
        clientOrderId=own_name(order),
        price="0" if ticks is None else price_text(instrument, ticks),
        origQty=size_text(instrument, order.size_lots),
        executedQty=size_text(instrument, order.filled_lots),
        cummulativeQuoteQty=amount_text(order.quote_atoms),
        status=status_of(order),
        timeInForce=lifetime_of(order),
        type=type_of(order),
        side=SIDE_NAMES[order.side],
        time=ms(order.created_ns),
        updateTime=ms(order.updated_ns),
        isWorking=order.state.is_open and not order.waits,
    )


def order_from_wire(found: wire.Order, listings: Listings) -> Order:
    """Return an order.

    Raises:
        DecodeError: Of an unknown symbol, or with words or numbers that we do not know.
    """
    instrument = listed(found.symbol, listings)
    order_type = TYPES.get(found.type)
    if order_type is None:
        raise DecodeError(f"an order of type {found.type[:20]!a}", "type")
    filled_lots = read_size(instrument, found.executedQty)
    is_limit, lifetime = order_type is OrderType.LIMIT, lifetime_from(found.timeInForce, order_type)
    state = state_from(found.status, filled_lots, lifetime, order_type)
    created_ns = from_ms(found.time)
    return Order(
        order_id=order_number(found.orderId),
        client_order_id=found.clientOrderId,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side_of(found.side),
        order_type=order_type,
        time_in_force=lifetime,
        post_only=False,
        price_ticks=read_price(instrument, found.price) if is_limit else None,
        size_lots=read_size(instrument, found.origQty),
        self_trade=SELF_TRADE,
        fee_asset=FeeAsset.RECEIVED,
        state=state,
        filled_lots=filled_lots,
        quote_atoms=read_amount(found.cummulativeQuoteQty),
        created_ns=created_ns,
        updated_ns=max(from_ms(found.updateTime), created_ns),
        cancel_cause=cause_of(state, lifetime, order_type),
    )


def lifetime_from(text: str, order_type: OrderType) -> TimeInForce:
    """Return our word for a lifetime; a market order's is always the same."""
    if order_type is OrderType.MARKET:
        return TimeInForce.IOC
    return LIFETIMES.get(text, TimeInForce.GTC)


def state_from(
    status: str, filled_lots: int, lifetime: TimeInForce, order_type: OrderType
) -> OrderState:
    """Return an order's state.

    Raises:
        DecodeError: By a word that we do not know.
    """
    if status in OPEN:
        return OrderState.PARTIALLY_FILLED if filled_lots else OrderState.WORKING
    if status == FILLED:
        return OrderState.FILLED
    if status in OVER:
        return OrderState.EXPIRED if _ends_at_once(lifetime, order_type) else OrderState.CANCELED
    if status == "REJECTED":
        return OrderState.REJECTED
    raise DecodeError(f"an order of status {status[:20]!a}", "status")


def cause_of(state: OrderState, lifetime: TimeInForce, order_type: OrderType) -> CancelCause | None:
    """Return why an order ended, by its terms; None where it was not canceled."""
    if state not in (OrderState.EXPIRED, OrderState.CANCELED):
        return None
    if order_type is OrderType.MARKET:
        return CancelCause.NO_LIQUIDITY
    if lifetime is TimeInForce.FOK:
        return CancelCause.FOK_UNFILLABLE
    return CancelCause.IOC_REMAINDER if lifetime is TimeInForce.IOC else CancelCause.USER


def _ends_at_once(lifetime: TimeInForce, order_type: OrderType) -> bool:
    return order_type is OrderType.MARKET or lifetime is not TimeInForce.GTC


def as_asked(number: int, place: Place) -> Order:
    """Return an order of which nothing is known but that it was taken up."""
    return Order(
        order_id=number,
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
    )


# -- fills --------------------------------------------------------------------------------------


def fee_asset_of(side: Side, instrument: Instrument) -> int:
    """Return the asset that a fee is taken of: the one received."""
    return instrument.base_asset_id if side is Side.BUY else instrument.quote_asset_id


def fill_to_wire(fill: Fill, instrument: Instrument) -> wire.MyTrade:
    """Return a fill."""
    return wire.MyTrade(
        symbol=symbol_text(instrument),
        id=fill_id(fill.trade_id),
        orderId=order_id(fill.order_id),
        price=price_text(instrument, fill.price_ticks),
        qty=size_text(instrument, fill.size_lots),
        quoteQty=amount_text(fill.quote_atoms),
        commission=amount_text(fill.fee_atoms),
        time=ms(fill.time_ns),
        isBuyer=fill.side is Side.BUY,
        isMaker=fill.liquidity is Liquidity.MAKER,
    )


def fill_from_wire(found: wire.MyTrade, listings: Listings) -> Fill:
    """Return a fill; one that does not say whose order rested counts as a taker's.

    Raises:
        DecodeError: Of an unknown symbol, or with numbers that we do not know.
    """
    instrument = listed(found.symbol, listings)
    side = Side.BUY if found.isBuyer else Side.SELL
    price_ticks = read_price(instrument, found.price)
    size_lots = read_size(instrument, found.qty)
    return Fill(
        trade_id=fill_number(found.id),
        order_id=order_number(found.orderId),
        client_order_id="",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=Liquidity.MAKER if found.isMaker is True else Liquidity.TAKER,
        fee_asset_id=fee_asset_of(side, instrument),
        fee_atoms=read_amount(found.commission),
        time_ns=from_ms(found.time),
    )
