"""Orders and fills as REST shows them, both ways.

The invariant: an order's own words are the ones it was placed with; what became of it is one row of
`ENDS`. `price` is the average of what filled, `limitprice` and `stopprice` are where it stands now.
An order of another dialect is shown in the nearest words.
"""

from collections import defaultdict
from collections.abc import Iterable

from msgspec import UNSET, Raw

from steelyard.dialects.kraken.account_messages import TradeInfo
from steelyard.dialects.kraken.order_messages import OrderInfo, OrderTerms
from steelyard.dialects.kraken.placing import (
    KIND_NAMES,
    KINDS,
    LIFETIMES,
    SIDE_NAMES,
    SIDES,
    TRIGGER_NAMES,
    Said,
    closing_words,
    first_price,
    own_id,
    second_price,
    userref_of,
    words,
)
from steelyard.dialects.kraken.placing import said_of as said_of_place
from steelyard.dialects.kraken.text import (
    SIZE_DECIMALS,
    amount_text,
    asset_name,
    average_text,
    fill_text,
    find_pair,
    order_number,
    order_text,
    pair_alt,
    pair_id,
    price_text,
    read_amount,
    read_price,
    read_seconds,
    read_size,
    seconds,
    size_text,
    text_of,
)
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import FillList, FillsQuery, OrderList, OrdersQuery
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    GroupKind,
    Liquidity,
    OrderType,
    Side,
    TimeInForce,
)
from steelyard.wire.dialect import Asker

FILLS_MAX = 50_000
NEVER = Raw(b"0")

# Why an order ended: its status and the reason that is told.
ENDS: dict[CancelCause, tuple[str, str]] = {
    CancelCause.USER: ("canceled", "User requested"),
    CancelCause.IOC_REMAINDER: ("canceled", "IOC order remainder"),
    CancelCause.FOK_UNFILLABLE: ("canceled", "FOK order cannot be filled"),
    CancelCause.NO_LIQUIDITY: ("canceled", "Insufficient liquidity"),
    CancelCause.SELF_TRADE: ("canceled", "STP"),
    CancelCause.ADMIN: ("canceled", "Canceled by admin"),
    CancelCause.EXPIRED: ("expired", "Order expired"),
    CancelCause.SIBLING: ("canceled", "OCO"),
    CancelCause.PARENT: ("canceled", "Primary order closed"),
    CancelCause.INSUFFICIENT_BALANCE: ("canceled", "Insufficient funds"),
    CancelCause.POST_ONLY_WOULD_TAKE: ("canceled", "Post only order"),
    CancelCause.PRICE_BAND: ("canceled", "Market price protection"),
    CancelCause.QUOTE_SPENT: ("canceled", "Cost spent"),
    CancelCause.LEVEL_FULL: ("canceled", "Canceled by admin"),
}
CAUSES = {reason: cause for cause, (_, reason) in reversed(ENDS.items())}
STATES = {
    "pending": OrderState.WORKING,
    "open": OrderState.WORKING,
    "closed": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
}
# Nobody asked for these ends, as the exchange's history has it.
EXPIRED = frozenset(CancelCause) - {CancelCause.USER, CancelCause.ADMIN, CancelCause.SIBLING}


def said_of(order: Order) -> Said:
    """Return the terms of an order."""
    return Said(
        order.side,
        order.order_type,
        order.size_lots,
        order.price_ticks,
        order.trigger_ticks,
        order.trail_ticks,
        order.trail_rate_e8,
        order.spend_atoms,
    )


def end_of(order: Order) -> tuple[str, str | None]:
    """Return status and reason."""
    if order.state.is_open:
        return ("pending" if order.is_pending else "open"), None
    if order.state is OrderState.REJECTED:
        return "canceled", "Rejected"
    if order.cancel_cause is None or order.state is OrderState.FILLED:
        return "closed", None
    return ENDS[order.cancel_cause]


def flags_of(order: Order) -> str:
    """Return the flags of an order, with commas."""
    flags = ["fcib" if order.fee_asset is not FeeAsset.QUOTE and order.side is Side.BUY else "fciq"]
    if order.post_only:
        flags.insert(0, "post")
    if order.spend_atoms is not None:
        flags.append("viqc")
    return ",".join(flags)


def kind_of(order: Order) -> str:
    """Return the venue's name of an order's type."""
    is_iceberg = order.display_lots and not order.order_type.waits
    return "iceberg" if is_iceberg else KIND_NAMES[order.order_type]


class Told:
    """An account's orders, ready to be told with their fills."""

    def __init__(self, orders: Iterable[Order], asker: Asker, *, trades: bool = False) -> None:
        self._orders, self._asker, self._trades = [*orders], asker, trades
        self._fills: dict[int, list[Fill]] = defaultdict(list)
        filled = [order for order in self._orders if order.filled_lots]
        if filled:
            start_ns = min(order.created_ns for order in filled)
            query = FillsQuery(asker.account_id, FILLS_MAX, start_ns=start_ns)
            answer = asker.ask(query)
            assert isinstance(answer, FillList), "a FillsQuery is answered by fills"
            for fill in answer.fills:
                self._fills[fill.order_id].append(fill)

    def infos(self) -> dict[str, OrderInfo]:
        """Return the orders by id."""
        return {order_text(order.order_id): self.info(order) for order in self._orders}

    def info(self, order: Order) -> OrderInfo:
        """Return an order."""
        instrument = self._asker.listings[order.instrument_id]
        said, pair = said_of(order), pair_alt(instrument)
        status, reason = end_of(order)
        fills = self._fills[order.order_id]
        has_ended = not order.state.is_open
        is_limit = order.order_type.has_limit and order.price_ticks is not None
        is_child = order.group_kind is GroupKind.OTO and order.order_id != order.group_id
        entry_id = order.group_id if is_child else order.closes_id or None
        spend_atoms = order.spend_atoms
        return OrderInfo(
            refid=None if entry_id is None else order_text(entry_id),
            userref=userref_of(order.client_order_id),
            cl_ord_id=own_id(order.client_order_id) or UNSET,
            status=status,
            reason=reason if has_ended else UNSET,
            opentm=seconds(order.created_ns),
            closetm=seconds(order.updated_ns) if has_ended else UNSET,
            starttm=NEVER,
            expiretm=NEVER if order.expire_ns is None else seconds(order.expire_ns),
            descr=OrderTerms(
                pair=pair,
                type=SIDE_NAMES[order.side],
                ordertype=kind_of(order),
                price=first_price(said, instrument),
                price2=second_price(said, instrument),
                order=words(said, instrument, pair),
                close=self._closing(order, instrument),
            ),
            vol=size_text(instrument, order.size_lots)
            if spend_atoms is None
            else amount_text(spend_atoms, SIZE_DECIMALS),
            vol_exec=size_text(instrument, order.filled_lots),
            cost=amount_text(order.quote_atoms),
            fee=amount_text(sum(fill.fee_atoms for fill in fills)),
            price=average_text(instrument, order.quote_atoms, order.filled_lots),
            stopprice=price_text(instrument, order.trigger_ticks or 0),
            limitprice=price_text(
                instrument,
                (order.price_ticks or 0) if is_limit and order.order_type.waits else 0,
            ),
            trigger=TRIGGER_NAMES.get(order.trigger_by, "last")
            if order.order_type.waits
            else UNSET,
            oflags=flags_of(order),
            timeinforce=order.time_in_force.name,
            displayvol=size_text(instrument, order.display_lots) if order.display_lots else UNSET,
            trades=tuple(fill_id(fill) for fill in fills) if self._trades else UNSET,
        )

    def _closing(self, order: Order, instrument: Instrument) -> str:
        """Return what closes an order's position, in words."""
        if order.closing is not None:
            return closing_words(said_of_place(order.closing), instrument)
        if order.group_kind is not GroupKind.OTO or order.order_id != order.group_id:
            return ""
        query = OrdersQuery(order.account_id, 1, order_ids=(order.order_id + 1,))
        answer = self._asker.ask(query)
        assert isinstance(answer, OrderList), "an OrdersQuery is answered by orders"
        return closing_words(said_of(answer.orders[0]), instrument) if answer.orders else ""


def fill_id(fill: Fill) -> str:
    """Return the id of a fill."""
    return fill_text(fill.instrument_id, fill.trade_id, is_buy=fill.side is Side.BUY)


def order_from_wire(txid: str, info: OrderInfo, listings: Listings) -> Order:
    """Return an order.

    Raises:
        DecodeError: It has another form than documented, or its pair is not listed.
    """
    instrument = find_pair(listings, info.descr.pair)
    kind = KINDS.get(info.descr.ordertype)
    side = SIDES.get(info.descr.type)
    order_id = order_number(txid)
    state = STATES.get(info.status)
    if instrument is None or kind is None or side is None or order_id is None or state is None:
        raise DecodeError(f"order {txid[:20]!r} ({info.descr.order[:80]!r}) is of an unknown form")
    filled_lots = read_size(instrument, info.vol_exec)
    if filled_lots and state is OrderState.WORKING:
        state = OrderState.PARTIALLY_FILLED
    reason = info.reason if isinstance(info.reason, str) else ""
    cause = CAUSES.get(reason)
    if cause in EXPIRED and state is OrderState.CANCELED:
        state = OrderState.EXPIRED
    lifetime = info.timeinforce.lower() if isinstance(info.timeinforce, str) else "gtc"
    flags = info.oflags.split(",")
    prices = _Read(info.descr, instrument, kind)
    spend_atoms = read_amount(info.vol) if "viqc" in flags else None
    closed = info.closetm
    return Order(
        order_id=order_id,
        client_order_id=_client_id(info),
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=kind,
        time_in_force=TimeInForce.IOC
        if kind is OrderType.MARKET
        else LIFETIMES.get(lifetime, TimeInForce.GTC),
        post_only="post" in flags,
        price_ticks=prices.limit,
        size_lots=0 if spend_atoms is not None else read_size(instrument, info.vol),
        spend_atoms=spend_atoms,
        fee_asset=FeeAsset.RECEIVED if "fcib" in flags else FeeAsset.QUOTE,
        state=state,
        filled_lots=filled_lots,
        quote_atoms=read_amount(info.cost),
        created_ns=read_seconds(text_of(info.opentm)),
        updated_ns=read_seconds(text_of(closed if isinstance(closed, Raw) else info.opentm)),
        cancel_cause=cause,
        display_lots=read_size(instrument, info.displayvol)
        if isinstance(info.displayvol, str)
        else None,
        trigger_ticks=prices.trigger,
        trail_ticks=prices.trail_ticks,
        expire_ns=_expire_ns(info),
        is_pending=info.status == "pending",
    )


def _client_id(info: OrderInfo) -> str:
    if isinstance(info.cl_ord_id, str):
        return info.cl_ord_id
    return ""


def _expire_ns(info: OrderInfo) -> int | None:
    if not isinstance(info.expiretm, Raw):
        return None
    return read_seconds(text_of(info.expiretm)) or None


class _Read:
    """The prices of an order's description."""

    def __init__(self, descr: OrderTerms, instrument: Instrument, kind: OrderType) -> None:
        self.limit = self.trigger = self.trail_ticks = None
        first, second = descr.price, descr.price2
        if kind.trails:
            if first.startswith("+") and not first.endswith("%"):
                self.trail_ticks = read_price(instrument, first[1:])
        elif kind.waits:
            self.trigger = read_price(instrument, first) or None
        elif kind.has_limit:
            self.limit = read_price(instrument, first)
        if kind.waits and kind.has_limit and second[:1].isdigit():
            self.limit = read_price(instrument, second)


# -- fills --------------------------------------------------------------------------------------


def trade_to_wire(fill: Fill, kind: str, listings: Listings, *, pair: str = "") -> TradeInfo:
    """Return a fill; kind is its order's type."""
    instrument = listings[fill.instrument_id]
    fee_asset = listings.asset(fill.fee_asset_id)
    return TradeInfo(
        ordertxid=order_text(fill.order_id),
        pair=pair or pair_id(instrument),
        time=seconds(fill.time_ns),
        type=SIDE_NAMES[fill.side],
        ordertype=kind,
        price=price_text(instrument, fill.price_ticks),
        cost=amount_text(fill.quote_atoms),
        fee=amount_text(fill.fee_atoms),
        vol=size_text(instrument, fill.size_lots),
        trade_id=fill.trade_id,
        maker=fill.liquidity is Liquidity.MAKER,
        fee_asset=UNSET if fee_asset == instrument.quote else fee_asset,
    )


def trade_from_wire(wire: TradeInfo, listings: Listings) -> Fill | None:
    """Return a fill; None where its pair is not listed.

    Raises:
        DecodeError: It has another form than documented.
    """
    instrument = find_pair(listings, wire.pair)
    if instrument is None:
        return None
    side, order_id = SIDES.get(wire.type), order_number(wire.ordertxid)
    if side is None or order_id is None:
        raise DecodeError(f"a trade of order {wire.ordertxid[:20]!r} is of an unknown form")
    is_other = isinstance(wire.fee_asset, str)
    fee_asset = asset_name(wire.fee_asset) if is_other else instrument.quote  # type: ignore[arg-type]
    return Fill(
        trade_id=wire.trade_id,
        order_id=order_id,
        client_order_id="",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        price_ticks=read_price(instrument, wire.price),
        size_lots=read_size(instrument, wire.vol),
        quote_atoms=read_amount(wire.cost),
        liquidity=Liquidity.MAKER if wire.maker else Liquidity.TAKER,
        fee_asset_id=listings.asset_id(fee_asset),
        fee_atoms=read_amount(wire.fee),
        time_ns=read_seconds(text_of(wire.time)),
    )
