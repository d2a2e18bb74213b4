"""Orders and fills as REST and the channel `orders` show them, both ways.

The invariant: an order has one number, on the venue's list of orders and on that of algo orders. An
order that waits is not on the first until its price was heard, and then names itself as its algo.
A post-only order that would have taken is an order that was taken up and canceled by the system;
whatever else was refused never was one. What an order has paid is below zero, a rebate above.
"""

from collections import defaultdict
from collections.abc import Iterable

from steelyard.dialects.okx.order_messages import AttachedInfo, FillInfo, Linked, OrderInfo
from steelyard.dialects.okx.placing import (
    AT_MARKET,
    BASE,
    KIND_NAMES,
    KINDS,
    QUOTE,
    SELF_TRADE_NAMES,
    SELF_TRADES,
    TRIGGER_NAMES,
    Kind,
)
from steelyard.dialects.okx.text import (
    MARK,
    SIDE_NAMES,
    SIDES,
    amount_text,
    average_text,
    listed,
    ms,
    own_id,
    price_text,
    rate_text,
    read_amount,
    read_average,
    read_id,
    read_ms,
    read_price,
    read_size,
    size_text,
)
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import FillList, FillsQuery
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    GroupKind,
    Liquidity,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
)
from steelyard.domain.units import RATE_SCALE
from steelyard.wire.dialect import Asker

FILLS_MAX = 200_000  # looked through for what orders have paid: all that an account has
BY_USER, BY_SYSTEM, POST_ONLY = "1", "0", "31"
CAUSES: dict[CancelCause, str] = {
    CancelCause.USER: BY_USER,
    CancelCause.IOC_REMAINDER: "14",
    CancelCause.FOK_UNFILLABLE: "13",
    CancelCause.NO_LIQUIDITY: "14",
    CancelCause.SELF_TRADE: "32",
    CancelCause.POST_ONLY_WOULD_TAKE: POST_ONLY,
    CancelCause.PRICE_BAND: "15",
}
CAUSES_READ = {source: cause for cause, source in reversed(CAUSES.items())} | {
    "20": CancelCause.USER,  # the dead man's switch, which the account's owner has set
}
# Nobody asked for these ends, as the exchange's history has it.
EXPIRED = frozenset(CancelCause) - {CancelCause.USER, CancelCause.ADMIN, CancelCause.SIBLING}
STATES = {
    OrderState.WORKING: "live",
    OrderState.PARTIALLY_FILLED: "partially_filled",
    OrderState.FILLED: "filled",
}
LIVE, PARTIAL, FILLED, CANCELED = "live", "partially_filled", "filled", "canceled"
ENDED = (FILLED, CANCELED, "mmp_canceled")
EXEC_TYPES = {Liquidity.MAKER: "M", Liquidity.TAKER: "T"}
LIQUIDITIES = {name: liquidity for liquidity, name in EXEC_TYPES.items()}
# Where an order comes from that was an algo order: the venue's `source`.
BY_TRIGGER, BY_EXIT, BY_ALGO, BY_TRAIL = "6", "7", "13", "25"
_WITH_ENTRY = frozenset({GroupKind.OTO, GroupKind.BRACKET})
_BILL_PLACES = 500  # trades of one microsecond that are told apart


# -- what is an order here ----------------------------------------------------------------------


def is_iceberg(order: Order) -> bool:
    """Whether an order shows a part of itself at a time: the venue has it as an algo order."""
    return order.display_lots is not None and not order.order_type.waits


def is_exit(order: Order) -> bool:
    """Whether an order closes what its group's entry has opened."""
    return order.group_kind in _WITH_ENTRY and order.order_id != order.group_id


def is_told(order: Order) -> bool:
    """Whether an order is on the list of orders: it went to market, or was refused there."""
    if order.state is OrderState.REJECTED:
        return order.reject_reason is RejectReason.POST_ONLY_WOULD_TAKE
    if order.is_pending:
        return False
    return not order.order_type.waits or bool(order.triggered_ns)


def algo_number(order: Order) -> int:
    """Return the number of the algo order that an order belongs to; of two exits the first's."""
    if order.group_kind is GroupKind.OCO:
        return order.group_id
    if order.group_kind is GroupKind.BRACKET and is_exit(order):
        return order.group_id + 1
    return order.order_id


def source_of(order: Order) -> str:
    """Return which kind of algo order an order was; nothing where it was none."""
    if is_iceberg(order):
        return BY_ALGO
    if order.order_type.trails:
        return BY_TRAIL
    if not order.order_type.waits:
        return ""
    is_bare = not order.group_id and order.client_order_id.startswith(MARK)
    return BY_TRIGGER if is_bare else BY_EXIT


def kind_name(order: Order) -> str:
    """Return the type of an order as it is at market."""
    if order.order_type is OrderType.MARKET or not order.order_type.has_limit:
        return "market"
    lifetime = order.time_in_force
    if lifetime is TimeInForce.GTD:
        lifetime = TimeInForce.GTC  # of another dialect
    return KIND_NAMES[Kind(OrderType.LIMIT, lifetime, order.post_only)]


def state_of(order: Order) -> str:
    """Return the venue's word for an order's state."""
    return STATES.get(order.state, CANCELED)


def cancel_source(order: Order) -> str:
    """Return why an order was canceled; nothing where it was not."""
    if order.state is OrderState.REJECTED:
        return POST_ONLY
    if state_of(order) != CANCELED or order.cancel_cause is None:
        return ""
    return CAUSES.get(order.cancel_cause, BY_SYSTEM)


# -- orders to the wire -------------------------------------------------------------------------


def order_to_wire(
    order: Order, listings: Listings, fills: Iterable[Fill] = (), exits: Iterable[Order] = ()
) -> OrderInfo:
    """Return an order with its fills, and with what closes its position once it has filled."""
    instrument = listings[order.instrument_id]
    own_fills = sorted(fills, key=lambda fill: (fill.time_ns, fill.trade_id))
    last = own_fills[-1] if own_fills else None
    is_buy = order.side is Side.BUY
    by_quote = order.spend_atoms is not None
    is_market = order.order_type is OrderType.MARKET
    paid = sum(fill.fee_atoms for fill in own_fills)
    fee_asset = listings.asset(last.fee_asset_id) if last else _received(order, instrument)
    was_algo = order.order_type.waits or is_iceberg(order)
    name = own_id(order.client_order_id, order.order_id)
    closing = attached_to_wire(exits, listings)
    unit = ""
    if is_market:
        unit = QUOTE if by_quote else BASE
    return OrderInfo(
        instId=instrument.symbol,
        ordId=str(order.order_id),
        clOrdId=name,
        px=price_text(instrument, order.price_ticks) if order.price_ticks else "",
        sz=amount_text(order.spend_atoms or 0)
        if by_quote
        else size_text(instrument, order.size_lots),
        ordType=kind_name(order),
        side=SIDE_NAMES[order.side],
        tgtCcy=unit,
        state=state_of(order),
        accFillSz=size_text(instrument, order.filled_lots),
        avgPx=average_text(instrument, order.quote_atoms, order.filled_lots),
        fillPx=price_text(instrument, last.price_ticks) if last else "",
        fillSz=size_text(instrument, last.size_lots) if last else "0",
        fillTime=ms(last.time_ns) if last else "",
        tradeId=str(last.trade_id) if last else "",
        fee=amount_text(-max(paid, 0)),
        feeCcy=fee_asset,
        rebate=amount_text(max(-paid, 0)),
        rebateCcy=instrument.quote if is_buy else instrument.base,
        cancelSource=cancel_source(order),
        cancelSourceReason="",
        stpMode=SELF_TRADE_NAMES.get(order.self_trade, ""),
        source=source_of(order),
        algoId=str(algo_number(order)) if was_algo else "",
        algoClOrdId=name if was_algo else "",
        attachAlgoClOrdId=closing[0].attachAlgoClOrdId if closing else "",
        attachAlgoOrds=closing,
        linkedAlgoOrd=Linked(),
        tradeQuoteCcy=instrument.quote,
        cTime=ms(order.created_ns),
        uTime=ms(order.updated_ns),
    )


def _received(order: Order, instrument: Instrument) -> str:
    return instrument.base if order.side is Side.BUY else instrument.quote


def attached_to_wire(exits: Iterable[Order], listings: Listings) -> tuple[AttachedInfo, ...]:
    """Return what closes a position, as the row of its entry says it; nothing without exits."""
    found = sorted(exits, key=lambda order: order.order_id)
    if not found:
        return ()
    first, instrument = found[0], listings[found[0].instrument_id]
    said: dict[str, str] = {}
    for order in found:
        said |= exit_to_wire(order, instrument)
    return (
        AttachedInfo(
            attachAlgoId=str(algo_number(first)),
            attachAlgoClOrdId=own_id(first.client_order_id, first.order_id),
            **said,
        ),
    )


def exit_to_wire(order: Order, instrument: Instrument) -> dict[str, str]:
    """Return trigger, limit and what it listens to, of an order that takes profit or stops."""
    takes = order.order_type in (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
    name = "tp" if takes else "sl"
    limit = order.price_ticks
    return {
        f"{name}TriggerPx": price_text(instrument, order.trigger_ticks or 0),
        f"{name}OrdPx": AT_MARKET if limit is None else price_text(instrument, limit),
        f"{name}TriggerPxType": TRIGGER_NAMES[order.trigger_by],
    }


class Told:
    """Orders of an account, ready to be told with their fills and exits."""

    def __init__(self, orders: Iterable[Order], asker: Asker) -> None:
        self._orders, self._asker = [*orders], asker
        self._fills: dict[int, list[Fill]] = defaultdict(list)
        filled = [order for order in self._orders if order.filled_lots]
        if filled:
            only = filled[0].order_id if len(filled) == 1 else None
            start_ns = min(order.created_ns for order in filled)
            query = FillsQuery(asker.account_id, FILLS_MAX, order_id=only, start_ns=start_ns)
            answer = asker.ask(query)
            assert isinstance(answer, FillList), "a FillsQuery is answered by fills"
            for fill in answer.fills:
                self._fills[fill.order_id].append(fill)

    def rows(self, exits: dict[int, list[Order]] | None = None) -> tuple[OrderInfo, ...]:
        """Return the orders; exits are those of each entry."""
        listings, closing = self._asker.listings, exits or {}
        return tuple(
            order_to_wire(
                order, listings, self._fills[order.order_id], closing.get(order.order_id, ())
            )
            for order in self._orders
        )


# -- orders from the wire -----------------------------------------------------------------------


def order_from_wire(wire: OrderInfo, listings: Listings) -> Order:
    """Return an order; one that waited is as it was when it went to market.

    Raises:
        DecodeError: Of an unlisted instrument, or a word that we do not know.
    """
    instrument = listed(wire.instId, listings)
    side, kind = SIDES.get(wire.side), KINDS.get(wire.ordType)
    if side is None or kind is None:
        raise DecodeError(f"an order of {wire.side[:20]!r} and {wire.ordType[:20]!r}", "ordType")
    by_quote = wire.tgtCcy == QUOTE and kind.order_type is OrderType.MARKET
    filled_lots = read_size(instrument, wire.accFillSz or "0")
    cause, state = _end_read(wire, filled_lots)
    created_ns = read_ms(wire.cTime)
    return Order(
        order_id=read_id(wire.ordId),
        client_order_id=wire.clOrdId or wire.algoClOrdId,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=kind.order_type,
        time_in_force=kind.time_in_force,
        post_only=kind.post_only,
        price_ticks=read_price(instrument, wire.px)
        if wire.px and kind.order_type.has_limit
        else None,
        size_lots=0 if by_quote else read_size(instrument, wire.sz),
        self_trade=SELF_TRADES.get(wire.stpMode, SelfTrade.CANCEL_OLDEST),
        fee_asset=FeeAsset.RECEIVED,
        state=state,
        filled_lots=filled_lots,
        quote_atoms=read_average(instrument, wire.avgPx, filled_lots),
        created_ns=created_ns,
        updated_ns=read_ms(wire.uTime) or created_ns,
        cancel_cause=cause,
        spend_atoms=read_amount(wire.sz) if by_quote else None,
        triggered_ns=created_ns if wire.algoId else 0,
    )


def _end_read(wire: OrderInfo, filled_lots: int) -> tuple[CancelCause | None, OrderState]:
    match wire.state:
        case "live" | "partially_filled":
            return None, OrderState.PARTIALLY_FILLED if filled_lots else OrderState.WORKING
        case "filled":
            return None, OrderState.FILLED
        case "canceled" | "mmp_canceled":
            cause = CAUSES_READ.get(wire.cancelSource, CancelCause.ADMIN)
            if cause is CancelCause.IOC_REMAINDER and wire.ordType == "market":
                cause = CancelCause.NO_LIQUIDITY  # both are told as one
            return cause, OrderState.EXPIRED if cause in EXPIRED else OrderState.CANCELED
        case _:
            raise DecodeError(f"an order of state {wire.state[:20]!r}", "state")


# -- fills --------------------------------------------------------------------------------------


def bill_number(fill: Fill) -> int:
    """Return the number under which a fill is listed: later ones have greater numbers."""
    place = fill.trade_id % _BILL_PLACES * 2 + (fill.side is Side.SELL)
    return fill.time_ns // 1_000 * 2 * _BILL_PLACES + place


def fill_to_wire(fill: Fill, listings: Listings) -> FillInfo:
    """Return an execution."""
    instrument = listings[fill.instrument_id]
    is_buy = fill.side is Side.BUY
    gross = fill.size_lots * instrument.lot_atoms
    if fill.fee_asset_id == instrument.quote_asset_id:
        gross = fill.quote_atoms
    rate_e8 = fill.fee_atoms * RATE_SCALE // gross if gross else 0
    return FillInfo(
        instId=instrument.symbol,
        tradeId=str(fill.trade_id),
        ordId=str(fill.order_id),
        clOrdId=own_id(fill.client_order_id, fill.order_id),
        billId=str(bill_number(fill)),
        subType="1" if is_buy else "2",
        tag="",
        side=SIDE_NAMES[fill.side],
        posSide="net",
        fillPx=price_text(instrument, fill.price_ticks),
        fillSz=size_text(instrument, fill.size_lots),
        execType=EXEC_TYPES[fill.liquidity],
        fee=amount_text(-fill.fee_atoms),
        feeCcy=listings.asset(fill.fee_asset_id),
        feeRate=rate_text(-rate_e8),
        fillPnl="0",
        fillTime=ms(fill.time_ns),
        ts=ms(fill.time_ns),
        tradeQuoteCcy=instrument.quote,
    )


def fill_from_wire(wire: FillInfo, listings: Listings) -> Fill:
    """Return an execution.

    Raises:
        DecodeError: Of an unlisted instrument, or a word that we do not know.
    """
    instrument = listed(wire.instId, listings)
    price_ticks = read_price(instrument, wire.fillPx)
    size_lots = read_size(instrument, wire.fillSz)
    if wire.side not in SIDES:
        raise DecodeError(f"a fill of side {wire.side[:20]!r}", "side")
    return Fill(
        trade_id=read_id(wire.tradeId, "tradeId"),
        order_id=read_id(wire.ordId),
        client_order_id=wire.clOrdId,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=SIDES[wire.side],
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=LIQUIDITIES.get(wire.execType, Liquidity.TAKER),
        fee_asset_id=asset_id(wire.feeCcy, listings),
        fee_atoms=-read_amount(wire.fee),
        time_ns=read_ms(wire.fillTime if isinstance(wire.fillTime, str) else wire.ts),
    )


def asset_id(name: str, listings: Listings) -> int:
    """Return an asset's number, also of one that no instrument uses.

    Raises:
        DecodeError: It is no name.
    """
    try:
        return listings.any_asset_id(name)
    except Unsupported as error:
        raise DecodeError(str(error), "ccy") from error
