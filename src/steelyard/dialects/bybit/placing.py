"""New orders, both ways: the venue's types, filters and flags, and ours.

The invariant: nothing is rounded but the size of what protects a buy, which is what is left of it
after the fee. A combination that has no row here is refused.

An order of the filter `tpslOrder` or `StopOrder` waits for its trigger. The venue tells by the last
price from which side that has to come; a stop is what goes with the market, a take-profit what goes
against it. `takeProfit` and `stopLoss` with a limit order are orders of the other side, placed when
it has filled.
"""

from decimal import Decimal
from typing import Any

from steelyard.dialects.bybit import errors
from steelyard.dialects.bybit.order_messages import NewOrder
from steelyard.dialects.bybit.routes import answered, check_category, instrument_of
from steelyard.dialects.bybit.text import (
    SIDE_NAMES,
    amount_text,
    price_text,
    size_text,
    symbol_text,
)
from steelyard.domain.commands import Place, PlaceGroup
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    Refused,
    TickerList,
    TickersQuery,
)
from steelyard.domain.order import (
    FeeAsset,
    GroupKind,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.domain.units import RATE_SCALE, parse_decimal, to_atoms
from steelyard.wire.dialect import Asker

SPOT = "spot"
LINK_MAX = 36
SELF_TRADES: dict[str, SelfTrade] = {
    "None": SelfTrade.NONE,
    "CancelMaker": SelfTrade.CANCEL_OLDEST,
    "CancelTaker": SelfTrade.CANCEL_NEWEST,
    "CancelBoth": SelfTrade.CANCEL_BOTH,
}
SELF_TRADE_NAMES = {mode: name for name, mode in SELF_TRADES.items()}
LIFETIMES: dict[str, TimeInForce] = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "PostOnly": TimeInForce.GTC,
}
ORDER, STOP_ORDER, TPSL_ORDER = "Order", "StopOrder", "tpslOrder"
FILTERS = (ORDER, STOP_ORDER, TPSL_ORDER)
BASE, QUOTE = "baseCoin", "quoteCoin"
RISES, FALLS = 1, 2  # triggerDirection
# By whether it is a limit order, and whether its price is reached from where a stop's is.
WAITING: dict[tuple[bool, bool], OrderType] = {
    (False, True): OrderType.STOP,
    (True, True): OrderType.STOP_LIMIT,
    (False, False): OrderType.TAKE_PROFIT,
    (True, False): OrderType.TAKE_PROFIT_LIMIT,
}
STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_NAMES = {side.name: side for side in Side}


def rises(order_type: OrderType, side: Side) -> bool:
    """Whether the price has to rise to a waiting order's trigger."""
    return (order_type in STOPS) == (side is Side.BUY)


# -- server half --------------------------------------------------------------------------------


def place_from_wire(request: NewOrder, asker: Asker) -> Place | PlaceGroup:
    """Return the command of a new order.

    Raises:
        DecodeError: Something is missing, or does not go with the rest.
        SessionRefused: An unknown symbol.
        UnitError: A number is off its steps.
    """
    instrument = instrument_of(request.category, request.symbol, asker.listings)
    _check_not_offered(request)
    side = _NAMES.get(request.side.upper())
    if side is None:
        raise errors.invalid("side", "Buy or Sell")
    kind = request.orderType.upper()
    if kind not in ("LIMIT", "MARKET"):
        raise errors.invalid("orderType", "Limit or Market")
    entry = _placed(request, instrument, side, asker, is_limit=kind == "LIMIT")
    exits = _exits(request, entry, instrument, asker)
    if not exits:
        return entry
    kinds = {1: GroupKind.OTO, 2: GroupKind.BRACKET}
    return PlaceGroup(kinds[len(exits)], (entry, *exits))


def _check_not_offered(request: NewOrder) -> None:
    if request.isLeverage:
        raise errors.refused(
            errors.NO_MARGIN,
            RejectReason.UNSUPPORTED,
            "nothing is lent here: leave isLeverage out, or send 0",
            "isLeverage",
        )
    for name in ("slippageToleranceType", "bboSideType"):
        if getattr(request, name) is not None:
            raise errors.invalid(name, "not offered here: name a price, or send a market order")
    if request.triggerBy not in (None, "LastPrice"):
        raise errors.invalid("triggerBy", "spot orders listen to LastPrice")


def _placed(
    request: NewOrder, instrument: Instrument, side: Side, asker: Asker, *, is_limit: bool
) -> Place:
    price = None
    if is_limit:
        if request.price is None:
            raise errors.invalid("price", "a limit order has one")
        price = number(request.price, "price")
    order_type, trigger_ticks = _waiting(request, instrument, side, asker, is_limit=is_limit)
    tif, post_only = _lifetime(request, order_type, is_limit=is_limit)
    by_quote = not is_limit and _unit(request, side) == QUOTE
    if by_quote and order_type.waits:
        raise errors.invalid(
            "marketUnit", "what waits for its trigger has a size: send marketUnit baseCoin"
        )
    size = number(request.qty, "qty")
    quote_atoms = _spent(size) if by_quote else None
    price_ticks, size_lots = instrument.order_steps(price, None if by_quote else size)
    return Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=order_type,
        time_in_force=tif,
        post_only=post_only,
        price_ticks=price_ticks,
        size_lots=size_lots or 0,
        self_trade=_self_trade(request.smpType),
        fee_asset=FeeAsset.RECEIVED,
        client_order_id=link_of(request.orderLinkId),
        quote_atoms=quote_atoms,
        trigger_ticks=trigger_ticks,
    )


def _unit(request: NewOrder, side: Side) -> str:
    """Return in which coin a market order says how much: a buy's is the quote unless it says."""
    unit = request.marketUnit
    if unit is None:
        return QUOTE if side is Side.BUY and request.triggerPrice is None else BASE
    if unit not in (BASE, QUOTE):
        raise errors.invalid("marketUnit", f"{BASE} or {QUOTE}")
    return unit


def _lifetime(
    request: NewOrder, order_type: OrderType, *, is_limit: bool
) -> tuple[TimeInForce, bool]:
    name = request.timeInForce or "GTC"
    if not is_limit:
        waits = order_type.waits  # such a one lasts until then
        return (TimeInForce.GTC if waits else TimeInForce.IOC), False
    if name not in LIFETIMES:
        raise errors.invalid("timeInForce", f"one of {', '.join(LIFETIMES)}")
    return LIFETIMES[name], name == "PostOnly"


def _waiting(
    request: NewOrder, instrument: Instrument, side: Side, asker: Asker, *, is_limit: bool
) -> tuple[OrderType, int | None]:
    wanted = request.orderFilter or ORDER
    if wanted not in FILTERS:
        raise errors.invalid("orderFilter", f"one of {', '.join(FILTERS)}")
    if wanted == ORDER:
        if request.triggerPrice is not None:
            raise errors.invalid(
                "orderFilter", f"an order with a triggerPrice is {STOP_ORDER} or {TPSL_ORDER}"
            )
        return (OrderType.LIMIT if is_limit else OrderType.MARKET), None
    if request.triggerPrice is None:
        raise errors.invalid("triggerPrice", f"an order of the filter {wanted} has one")
    trigger_ticks = instrument.price_ticks(
        number(request.triggerPrice, "triggerPrice"), "triggerPrice"
    )
    is_rising = _comes_from_below(request, instrument, trigger_ticks, side, asker)
    is_stop = is_rising == (side is Side.BUY)
    return WAITING[is_limit, is_stop], trigger_ticks


def _comes_from_below(
    request: NewOrder, instrument: Instrument, trigger_ticks: int, side: Side, asker: Asker
) -> bool:
    """Whether the price has to rise to the trigger: by what is said, or by the last price."""
    if request.triggerDirection is not None:
        if request.triggerDirection not in (RISES, FALLS):
            raise errors.invalid("triggerDirection", "1 where the price rises to it, else 2")
        return request.triggerDirection == RISES
    found = answered(asker.ask(TickersQuery((instrument.instrument_id,))), TickerList).tickers
    last = found[0].last_ticks
    if last is None or last == trigger_ticks:
        return side is Side.BUY  # a stop
    return trigger_ticks > last


def _exits(
    request: NewOrder, entry: Place, instrument: Instrument, asker: Asker
) -> tuple[Place, ...]:
    """Return the orders that protect what a limit order will have bought or sold."""
    wanted = [
        (name, trigger, kind, limit, is_stop)
        for name, trigger, kind, limit, is_stop in (
            ("tp", request.takeProfit, request.tpOrderType, request.tpLimitPrice, False),
            ("sl", request.stopLoss, request.slOrderType, request.slLimitPrice, True),
        )
        if trigger is not None and trigger.strip("0.")
    ]
    if not wanted:
        return ()
    if entry.order_type is not OrderType.LIMIT:
        raise errors.invalid("takeProfit", "takeProfit and stopLoss go with limit orders")
    if len(wanted) > 1 and wanted[0][2] != "Limit":
        raise errors.invalid(
            "tpOrderType", "of two exits the take-profit is a limit order here: send Limit"
        )
    lots = entry.size_lots
    if entry.side is Side.BUY and len(wanted) == 1:  # of two the exchange sees to it itself
        rates = answered(asker.ask(AccountQuery(asker.account_id)), AccountAnswer)
        rate_e8 = max(rates.maker_rate_e8, rates.taker_rate_e8, 0)
        lots = lots * (RATE_SCALE - rate_e8) // RATE_SCALE
    return tuple(
        _exit(each, entry, instrument, lots, is_one_of_two=len(wanted) > 1) for each in wanted
    )


def _exit(
    wanted: Any, entry: Place, instrument: Instrument, lots: int, *, is_one_of_two: bool
) -> Place:
    name, trigger, kind, limit, is_stop = wanted
    if kind not in (None, "Market", "Limit"):
        raise errors.invalid(f"{name}OrderType", "Market or Limit")
    is_limit = kind == "Limit"
    if is_limit and limit is None:
        raise errors.invalid(f"{name}LimitPrice", "a limit order has one")
    field = "stopLoss" if is_stop else "takeProfit"
    trigger_ticks: int | None = instrument.price_ticks(number(trigger, field), field)
    price_ticks = (
        instrument.price_ticks(number(limit, f"{name}LimitPrice"), f"{name}LimitPrice")
        if is_limit
        else None
    )
    order_type = WAITING[is_limit, is_stop]
    if is_one_of_two and not is_stop:
        order_type, trigger_ticks = OrderType.LIMIT, None  # it rests in the book
    return Place(
        account_id=entry.account_id,
        instrument_id=entry.instrument_id,
        side=entry.side.opposite,
        order_type=order_type,
        time_in_force=TimeInForce.GTC,
        post_only=is_one_of_two and not is_stop,
        price_ticks=price_ticks,
        size_lots=lots,
        self_trade=entry.self_trade,
        fee_asset=FeeAsset.RECEIVED,
        trigger_ticks=trigger_ticks,
    )


def _self_trade(name: str | None) -> SelfTrade:
    found = SELF_TRADES.get(name or "None")
    if found is None:
        raise errors.invalid("smpType", f"one of {', '.join(SELF_TRADES)}")
    return found


def link_of(text: str | None) -> str:
    """Return a client's own id.

    Raises:
        DecodeError: It has other characters than letters, digits, - and _, or too many.
    """
    if text is None:
        return ""
    plain = text.replace("-", "").replace("_", "")
    is_plain = not plain or (plain.isascii() and plain.isalnum())
    if len(text) > LINK_MAX or not is_plain:
        raise errors.invalid(
            "orderLinkId", f"at most {LINK_MAX} letters, digits, dashes and underscores"
        )
    return text


def number(text: str, name: str) -> Decimal:
    """Return the number that a parameter is.

    Raises:
        DecodeError: It is none.
    """
    try:
        return parse_decimal(text)
    except UnitError as error:
        raise errors.invalid(name, str(error)) from error


def _spent(amount: Decimal) -> int:
    atoms = to_atoms(amount)
    if atoms <= 0:
        raise UnitError("qty has to be positive", RejectReason.SIZE_TOO_SMALL, "qty")
    return atoms


def refused(answer: Refused, request: NewOrder, _asker: Asker) -> None:
    """Say the engine's no in words that the reason alone does not have.

    Raises:
        SessionRefused: Where there are some.
    """
    words = None
    is_sell = request.side.upper() == Side.SELL.name
    if answer.reason is RejectReason.PRICE_OUTSIDE_BAND and is_sell:
        words = errors.SELL_BAND
    elif answer.reason is RejectReason.WOULD_TRIGGER and request.triggerDirection == FALLS:
        words = errors.FALLING
    if words is not None:
        raise errors.refused(words, answer.reason, answer.message, answer.field)


# -- client half --------------------------------------------------------------------------------


def place_to_wire(place: Place, listings: Listings) -> NewOrder:
    """Return the body of a new order.

    Raises:
        Unsupported: The venue has no word for it.
    """
    _check_offered(place)
    instrument = listings[place.instrument_id]
    order_type, ticks, trigger = place.order_type, place.price_ticks, place.trigger_ticks
    is_limit, waits = order_type.has_limit, order_type.waits
    by_quote = place.quote_atoms is not None
    tif = "PostOnly" if place.post_only else place.time_in_force.name
    direction = RISES if rises(order_type, place.side) else FALLS
    return NewOrder(
        category=SPOT,
        symbol=symbol_text(instrument),
        side=SIDE_NAMES[place.side],
        orderType="Limit" if is_limit else "Market",
        qty=amount_text(place.quote_atoms or 0)
        if by_quote
        else size_text(instrument, place.size_lots),
        price=None if ticks is None else price_text(instrument, ticks),
        timeInForce=tif if is_limit else None,
        orderLinkId=place.client_order_id or None,
        marketUnit=None if is_limit else QUOTE if by_quote else BASE,
        triggerPrice=None if trigger is None else price_text(instrument, trigger),
        triggerDirection=direction if waits else None,
        orderFilter=(STOP_ORDER if order_type in STOPS else TPSL_ORDER) if waits else None,
        smpType=SELF_TRADE_NAMES[place.self_trade],
    )


def _check_offered(place: Place) -> None:
    kinds = {OrderType.LIMIT, OrderType.MARKET, *WAITING.values()}
    link = place.client_order_id
    wrong = {
        f"{place.order_type.name} orders on spot": place.order_type not in kinds,
        "orders that end at a time": place.time_in_force is TimeInForce.GTD,
        "market orders that fill whole or not at all": (
            place.order_type is OrderType.MARKET and place.time_in_force is TimeInForce.FOK
        ),
        "icebergs": place.display_lots is not None,
        "post-only orders that slide": place.slide,
        "reduce-only orders on spot": place.reduce_only,
        "triggers by another price than the last on spot": (
            place.order_type.waits and place.trigger_by is not TriggerBy.LAST
        ),
        "self-trades that decrement": place.self_trade not in SELF_TRADE_NAMES,
        "fees in a token of its own": place.fee_asset is FeeAsset.TOKEN,
        "client ids of this form": not _is_link(link),
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise Unsupported(f"Bybit has no {what}")


def _is_link(text: str) -> bool:
    try:
        return link_of(text) == text
    except DecodeError:
        return False


def check_spot(category: str | None) -> None:
    """Turn away who asks for orders of a category that nothing is listed in.

    Raises:
        DecodeError: It is none, or another than spot.
    """
    if check_category(category) != SPOT:
        raise errors.invalid("category", f"nothing is listed in {category} here; there is spot")
