"""What an order is in the venue's words, both ways: open or done, what filled, what it has paid.

The invariant: an order is told by flags (`active`, `cancelExist`) and sums; it has no state. Sums
of fees are of its fills, all in the quote asset.
"""

from collections.abc import Iterable, Sequence

from msgspec import UNSET, UnsetType

from steelyard.dialects.kucoin import order_messages, placing
from steelyard.dialects.kucoin.routes import answered
from steelyard.dialects.kucoin.text import (
    MS_NS,
    SIDE_NAMES,
    SIDES,
    amount_text,
    ms,
    order_id,
    order_number,
    price_text,
    rate_text,
    read_amount,
    read_price,
    read_size,
    size_text,
    whole_atoms,
)
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import FillList, FillsQuery, OrderList, OrdersQuery
from steelyard.domain.order import CancelCause, Liquidity, OrderType, SelfTrade, TimeInForce
from steelyard.domain.units import RATE_SCALE
from steelyard.wire.dialect import Asker

KEPT_MAX = 200_000  # orders or fills looked through for a list: all that an account has
LIQUIDITIES = {"maker": Liquidity.MAKER, "taker": Liquidity.TAKER}
CAUSES = {cause.name.lower(): cause for cause in CancelCause}
ASKED = frozenset({CancelCause.USER, CancelCause.ADMIN, CancelCause.SIBLING})
LIQUIDITY_NAMES = {liquidity: name for name, liquidity in LIQUIDITIES.items()}


# -- orders -------------------------------------------------------------------------------------


def type_name(order: Order) -> str:
    """Return the venue's word for an order's type."""
    return "limit" if order.order_type.has_limit else "market"


def own_id(order: Order) -> str | None:
    """Return what an order's owner calls it, None where that is nothing."""
    name = order.client_order_id
    return None if name in ("", f"sy-{order.order_id}") else name


def cancel_after(order: Order) -> int:
    """Return after how many seconds an order is canceled, 0 for never."""
    if order.expire_ns is None:
        return 0
    return max(0, (order.expire_ns - order.created_ns) // 1_000_000_000)


def is_canceled(order: Order) -> bool:
    """Whether some of an order was canceled."""
    return not order.state.is_open and order.state is not OrderState.FILLED


def funds_of(order: Order, instrument: Instrument) -> int:
    """Return what an order is worth in all, in atoms, as far as its terms say so."""
    if order.spend_atoms is not None:
        return order.spend_atoms
    return instrument.notional_atoms(order.price_ticks or 0, order.size_lots)


def order_to_wire(order: Order, instrument: Instrument, fee_atoms: int = 0) -> order_messages.Order:
    """Return an order as it is; fee_atoms is what it has paid so far."""
    funds_atoms = funds_of(order, instrument)
    left = max(order.size_lots - order.filled_lots, 0)
    left_atoms = instrument.notional_atoms(order.price_ticks or 0, left)
    if order.spend_atoms is not None:
        left_atoms = max(order.spend_atoms - order.quote_atoms, 0)
    is_open, over = order.state.is_open, is_canceled(order)
    display = order.display_lots
    return order_messages.Order(
        id=order_id(order.order_id),
        clientOid=own_id(order),
        symbol=instrument.symbol,
        type=type_name(order),
        side=SIDE_NAMES[order.side],  # type: ignore[arg-type]
        price=price_text(instrument, order.price_ticks or 0),
        size=size_text(instrument, order.size_lots),
        funds=amount_text(funds_atoms),
        dealSize=size_text(instrument, order.filled_lots),
        dealFunds=amount_text(order.quote_atoms),
        remainSize=size_text(instrument, left if is_open else 0),
        remainFunds=amount_text(left_atoms if is_open else 0),
        cancelledSize=size_text(instrument, left if over else 0),
        cancelledFunds=amount_text(left_atoms if over else 0),
        fee=amount_text(fee_atoms),
        feeCurrency=instrument.quote,
        stp=placing.SELF_TRADE_NAMES.get(order.self_trade),
        timeInForce=_time_in_force(order),
        postOnly=order.post_only,
        hidden=display == 0,
        iceberg=bool(display),
        visibleSize=size_text(instrument, display or 0),
        cancelAfter=cancel_after(order),
        cancelExist=over,
        inOrderBook=is_open and not order.waits,
        active=is_open,
        createdAt=ms(order.created_ns),
        lastUpdatedAt=ms(order.updated_ns),
        cancelReason=cancel_reason(order),
    )


def cancel_reason(order: Order) -> str | UnsetType:
    """Return why an order was canceled, where that is known; the venue does not say."""
    return UNSET if order.cancel_cause is None else order.cancel_cause.name.lower()


def expires(cause: CancelCause) -> bool:
    """Whether an order that ended for a cause has ended by its own terms."""
    return cause not in ASKED


def _time_in_force(order: Order) -> str:
    if order.order_type is OrderType.MARKET:
        return "GTC"
    return placing.TIME_IN_FORCE_NAMES[order.time_in_force]


def order_from_wire(wire: order_messages.Order, listings: Listings) -> Order:
    """Return an order.

    Raises:
        DecodeError: Of an unknown symbol, or a word that we do not know.
    """
    instrument = listed(wire.symbol, listings)
    if wire.type not in ("limit", "market"):
        raise DecodeError("an order of a type that we do not know", "type")
    is_market = wire.type == "market"
    filled_lots = read_size(instrument, wire.dealSize)
    size_lots = read_size(instrument, wire.size) if wire.size else 0
    tif = placing.TIMES_IN_FORCE.get(wire.timeInForce, TimeInForce.GTC)
    created_ns = wire.createdAt * MS_NS
    spend_atoms = None
    if is_market and not size_lots and wire.funds:
        spend_atoms = read_amount(wire.funds)
    display_lots = None
    if wire.hidden:
        display_lots = 0
    elif wire.iceberg and wire.visibleSize:
        display_lots = read_size(instrument, wire.visibleSize)
    return Order(
        order_id=order_number(wire.id),
        client_order_id=wire.clientOid or "",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=SIDES[wire.side],
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        time_in_force=TimeInForce.IOC if is_market else tif,
        post_only=wire.postOnly,
        price_ticks=None if is_market or not wire.price else read_price(instrument, wire.price),
        size_lots=size_lots,
        self_trade=placing.SELF_TRADES.get(wire.stp or "", SelfTrade.NONE),
        state=_state(wire, tif, filled_lots, is_market=is_market),
        filled_lots=filled_lots,
        quote_atoms=whole_atoms(wire.dealFunds),
        created_ns=created_ns,
        updated_ns=max(wire.lastUpdatedAt * MS_NS, created_ns),
        spend_atoms=spend_atoms,
        display_lots=display_lots,
        expire_ns=created_ns + wire.cancelAfter * 1_000_000_000
        if tif is TimeInForce.GTD and wire.cancelAfter > 0
        else None,
    )


def _state(
    wire: order_messages.Order, tif: TimeInForce, filled_lots: int, *, is_market: bool
) -> OrderState:
    """Return an order's state; why the rest of one was canceled only its terms can tell."""
    if wire.active:
        return OrderState.PARTIALLY_FILLED if filled_lots else OrderState.WORKING
    if not wire.cancelExist:
        return OrderState.FILLED
    has_expired = is_market or tif in (TimeInForce.IOC, TimeInForce.FOK)
    if tif is TimeInForce.GTD and wire.cancelAfter > 0:
        has_expired = wire.lastUpdatedAt - wire.createdAt >= wire.cancelAfter * 1_000
    if wire.cancelReason in CAUSES:
        has_expired = expires(CAUSES[str(wire.cancelReason)])
    return OrderState.EXPIRED if has_expired else OrderState.CANCELED


def listed(symbol: str, listings: Listings) -> Instrument:
    """Return an instrument that a venue speaks of.

    Raises:
        DecodeError: We have not read of it.
    """
    found = listings.find(symbol)
    if found is None:
        raise DecodeError(f"{symbol[:40]!a} is not among the symbols", "symbol")
    return found


# -- what an account has --------------------------------------------------------------------------


def orders_of(asker: Asker, instrument_id: int | None, *, open_only: bool) -> list[Order]:
    """Return an account's orders, oldest first; none that still wait for their price."""
    query = OrdersQuery(asker.account_id, KEPT_MAX, instrument_id, open_only=open_only)
    found = answered(asker.ask(query), OrderList).orders
    return [order for order in found if not order.waits and not is_pending(order)]


def is_pending(order: Order) -> bool:
    """Whether an order waits for another one of its group."""
    return order.is_pending and order.state.is_open


def paid(orders: Sequence[Order], asker: Asker) -> dict[int, int]:
    """Return what each of some orders has paid, in atoms of the quote asset."""
    if not any(order.filled_lots for order in orders):
        return {}
    only = orders[0].order_id if len(orders) == 1 else None
    query = FillsQuery(asker.account_id, KEPT_MAX, order_id=only)
    return fees_by_order(answered(asker.ask(query), FillList).fills, asker.listings)


def fees_by_order(fills: Iterable[Fill], listings: Listings) -> dict[int, int]:
    """Return what fills have cost of the quote asset, by their orders."""
    found: dict[int, int] = {}
    for fill in fills:
        if fill.fee_asset_id == listings[fill.instrument_id].quote_asset_id:
            found[fill.order_id] = found.get(fill.order_id, 0) + fill.fee_atoms
    return found


def told(orders: Sequence[Order], asker: Asker) -> tuple[order_messages.Order, ...]:
    """Return orders with what they have paid."""
    fees = paid(orders, asker)
    return tuple(
        order_to_wire(order, asker.listings[order.instrument_id], fees.get(order.order_id, 0))
        for order in orders
    )


# -- fills --------------------------------------------------------------------------------------


def fill_number(fill: Fill) -> int:
    """Return a fill's number: of its trade, and of its side, because one may be on both."""
    return fill.trade_id << 1 | (fill.side < 0)


def fee_rate(fill: Fill) -> str:
    """Return the rate that a fill was charged, rounded down to 8 decimals."""
    return rate_text(fill.fee_atoms * RATE_SCALE // fill.quote_atoms if fill.quote_atoms else 0)


def fill_to_wire(fill: Fill, listings: Listings, order: Order | None) -> order_messages.Fill:
    """Return an execution."""
    instrument = listings[fill.instrument_id]
    named = order is not None and (order.side, order.order_type)
    stop = placing.STOP_NAMES.get(named, "") if named else ""  # those that trail have no name
    return order_messages.Fill(
        id=fill_number(fill),
        symbol=instrument.symbol,
        tradeId=fill.trade_id,
        orderId=order_id(fill.order_id),
        side=SIDE_NAMES[fill.side],  # type: ignore[arg-type]
        liquidity=LIQUIDITY_NAMES[fill.liquidity],  # type: ignore[arg-type]
        price=price_text(instrument, fill.price_ticks),
        size=size_text(instrument, fill.size_lots),
        funds=amount_text(fill.quote_atoms),
        fee=amount_text(fill.fee_atoms),
        feeRate=fee_rate(fill),
        feeCurrency=listings.asset(fill.fee_asset_id),
        stop=stop,
        type="limit" if order is None else type_name(order),
        createdAt=ms(fill.time_ns),
    )


def fill_from_wire(wire: order_messages.Fill, listings: Listings) -> Fill:
    """Return an execution.

    Raises:
        DecodeError: Of an unknown symbol.
    """
    instrument = listed(wire.symbol, listings)
    price_ticks, size_lots = read_price(instrument, wire.price), read_size(instrument, wire.size)
    fee_asset = wire.feeCurrency or instrument.quote
    return Fill(
        trade_id=wire.tradeId,
        order_id=order_number(wire.orderId),
        client_order_id="",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=SIDES[wire.side],
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=LIQUIDITIES[wire.liquidity],
        fee_asset_id=_fee_asset(fee_asset, listings),
        fee_atoms=whole_atoms(wire.fee),
        time_ns=wire.createdAt * MS_NS,
    )


def _fee_asset(name: str, listings: Listings) -> int:
    try:
        return listings.any_asset_id(name)
    except Unsupported as error:
        raise DecodeError(str(error), "feeCurrency") from error
