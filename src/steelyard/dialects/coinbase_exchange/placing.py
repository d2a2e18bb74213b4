"""New orders, both ways: the venue's types and flags, and ours.

The invariant: nothing is rounded. A price off its increment or a size off its own is refused in
the venue's words. `funds` has the fee in it, as the venue has it, so that all of a balance can be
spent.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from steelyard.dialects.coinbase_exchange import errors, tutorial
from steelyard.dialects.coinbase_exchange.messages import NewOrder
from steelyard.dialects.coinbase_exchange.routes import answered, check_profile, product_of
from steelyard.dialects.coinbase_exchange.text import SIDE_NAMES, SIDES
from steelyard.domain.commands import Place
from steelyard.domain.errors import UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import MINUTE_NS, AccountAnswer, AccountQuery, Refused
from steelyard.domain.order import (
    FeeAsset,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
)
from steelyard.domain.units import RATE_SCALE, parse_decimal, to_atoms
from steelyard.wire.dialect import Asker, Refusal, SessionRefused
from steelyard.wire.numerals import amount_text, fixed, lot, price_text, size_text
from steelyard.wire.uuids import is_random_uuid

SELF_TRADES: Mapping[str, SelfTrade] = {
    "dc": SelfTrade.DECREMENT,
    "co": SelfTrade.CANCEL_OLDEST,
    "cn": SelfTrade.CANCEL_NEWEST,
    "cb": SelfTrade.CANCEL_BOTH,
}
SELF_TRADE_NAMES = {mode: name for name, mode in SELF_TRADES.items()}
CANCEL_AFTER_NS = {"min": MINUTE_NS, "hour": 60 * MINUTE_NS, "day": 24 * 60 * MINUTE_NS}
TIMES_IN_FORCE = {
    "GTC": TimeInForce.GTC,
    "GTT": TimeInForce.GTD,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
TIME_IN_FORCE_NAMES = {tif: name for name, tif in TIMES_IN_FORCE.items()}
FLOORS_MAX = 10  # an iceberg shows more than a tenth of itself
# A stop by its side and the way that its price is reached from.
STOPS: Mapping[tuple[Side, str], OrderType] = {
    (Side.SELL, "loss"): OrderType.STOP_LIMIT,
    (Side.BUY, "entry"): OrderType.STOP_LIMIT,
    (Side.SELL, "entry"): OrderType.TAKE_PROFIT_LIMIT,
    (Side.BUY, "loss"): OrderType.TAKE_PROFIT_LIMIT,
}
STOP_NAMES = {(side, kind): name for (side, name), kind in STOPS.items()}
USUAL_STOPS = {Side.SELL: "loss", Side.BUY: "entry"}


# -- server half --------------------------------------------------------------------------------


def place_from_wire(request: NewOrder, asker: Asker) -> Place:
    """Return the command of a new order.

    Raises:
        DecodeError: Something is missing, or does not go with the type.
        SessionRefused: An unknown product, or a number that is off its steps.
    """
    instrument = product_of(request.product_id, asker.listings, errors.PRODUCT_NOT_FOUND)
    check_profile(request.profile_id, asker)
    if request.stop_limit_price is not None:
        raise errors.said(
            "Unsupported order type",
            "take-profit/stop-loss orders are not offered here; place the two orders, and cancel "
            "one when the other has traded",
            "stop_limit_price",
        )
    if tutorial.type_of(request) == "market":
        return _market(request, instrument, asker)
    return _limit(request, instrument, asker)


def _market(request: NewOrder, instrument: Instrument, asker: Asker) -> Place:
    for name in ("price", "stop_price", "stop", "post_only", "max_floor", "cancel_after"):
        if getattr(request, name):
            raise errors.said(
                f"Invalid {name}", "a market order has none: leave it out, or send a limit", name
            )
    if (request.size is None) == (request.funds is None):
        raise errors.said(
            "size or funds is required", "send one of the two with a market order", "size"
        )
    if request.funds is None:
        size_lots, quote_atoms = _size(request.size, instrument, "size"), None
    else:
        size_lots, quote_atoms = 0, _funds(request.funds, asker)
    return Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=SIDES[request.side],
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.FOK if request.time_in_force == "FOK" else TimeInForce.IOC,
        post_only=False,
        price_ticks=None,
        size_lots=size_lots,
        self_trade=_self_trade(request),
        client_order_id=_client_id(request),
        quote_atoms=quote_atoms,
    )


def _self_trade(request: NewOrder) -> SelfTrade:
    """Return what happens where a market order meets an own one; money is not decremented."""
    mode = SELF_TRADES[request.stp or "dc"]
    if request.funds is not None and mode is SelfTrade.DECREMENT:
        return SelfTrade.CANCEL_OLDEST
    return mode


def _limit(request: NewOrder, instrument: Instrument, asker: Asker) -> Place:
    if request.funds is not None:
        raise errors.said("Invalid funds", "funds goes with a market order; send size", "funds")
    if request.price is None:
        raise errors.said(
            "Invalid Price",
            "a limit order has a price; stops are stop-limits on this venue",
            "price",
        )
    if request.size is None:
        raise errors.missing("size")
    side, tif = SIDES[request.side], TIMES_IN_FORCE[request.time_in_force or "GTC"]
    if request.post_only and tif in (TimeInForce.IOC, TimeInForce.FOK):
        raise errors.said(
            "Invalid post_only", "what rests cannot be IOC or FOK: choose one", "post_only"
        )
    if (tif is TimeInForce.GTD) != (request.cancel_after is not None):
        raise errors.said(
            "Invalid cancel_after",
            "time_in_force GTT needs cancel_after (min, hour or day), which no other takes",
            "cancel_after",
        )
    expire_ns = None
    if request.cancel_after is not None:
        expire_ns = asker.sandbox_ns + CANCEL_AFTER_NS[request.cancel_after]
    order_type, trigger_ticks = _stop(request, instrument, side)
    price_ticks = _price(request.price, instrument, "price")
    size_lots = _size(request.size, instrument, "size")
    display_lots = None
    if request.max_floor is not None:
        display_lots = _size(request.max_floor, instrument, "max_floor")
        if display_lots * FLOORS_MAX <= size_lots:
            raise SessionRefused(
                Refusal(
                    RejectReason.DISPLAY_OUT_OF_RANGE,
                    f"max_floor has to be more than a tenth of size {request.size}",
                    "max_floor",
                )
            )
    return Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=order_type,
        time_in_force=tif,
        post_only=bool(request.post_only),
        price_ticks=price_ticks,
        size_lots=size_lots,
        self_trade=SELF_TRADES[request.stp or "dc"],
        client_order_id=_client_id(request),
        display_lots=display_lots,
        trigger_ticks=trigger_ticks,
        expire_ns=expire_ns,
    )


def _stop(request: NewOrder, instrument: Instrument, side: Side) -> tuple[OrderType, int | None]:
    if request.stop_price is None:
        if request.stop is not None or request.type == "stop":
            raise errors.said("Invalid stop_price", "a stop needs stop_price", "stop_price")
        return OrderType.LIMIT, None
    name = request.stop or USUAL_STOPS[side]
    return STOPS[side, name], _price(request.stop_price, instrument, "stop_price")


def refused(answer: Refused, request: NewOrder, asker: Asker) -> None:
    """Say the engine's no with the number that the venue would name.

    Raises:
        SessionRefused: Where there is one.
    """
    instrument = product_of(request.product_id, asker.listings, errors.PRODUCT_NOT_FOUND)
    details = None
    match answer.reason:
        case RejectReason.SIZE_TOO_SMALL:
            details = size_text(instrument, instrument.size_min_lots)
        case RejectReason.SIZE_TOO_LARGE:
            details = size_text(instrument, instrument.size_max_lots)
        case RejectReason.NOTIONAL_TOO_SMALL:
            details = amount_text(instrument.notional_min_atoms)
        case _:
            return
    raise SessionRefused(Refusal(answer.reason, answer.message, answer.field, details=details))


def _client_id(request: NewOrder) -> str:
    """Return the client's own id; one that is no random UUID is passed over, as the venue does."""
    own = request.client_oid or ""
    return own if is_random_uuid(own) else ""


def _funds(text: str, asker: Asker) -> int:
    """Return how much to spend besides the fee, in atoms."""
    atoms = to_atoms(_number(text, "funds"))
    if atoms <= 0:
        raise errors.said("Invalid funds", "it has to be positive", "funds")
    account = answered(asker.ask(AccountQuery(asker.account_id)), AccountAnswer)
    return atoms * RATE_SCALE // (RATE_SCALE + max(account.taker_rate_e8, 0))


def _number(text: str | None, name: str) -> Decimal:
    try:
        return parse_decimal(text or "")
    except UnitError as error:
        words = "Invalid Price" if name == "price" else f"Invalid {name}"
        raise errors.said(words, str(error), name) from error


def _price(text: str | None, instrument: Instrument, name: str) -> int:
    number = _number(text, name)
    try:
        return instrument.price_ticks(number, name)
    except UnitError as error:
        is_small = error.reason is RejectReason.PRICE_OUT_OF_RANGE and number <= 0
        if is_small:
            words = errors.Words(400, "price too small")
            raise errors.refused(words, str(error), error.reason, name) from error
        raise SessionRefused(Refusal(error.reason, str(error), name, details=text)) from error


def _size(text: str | None, instrument: Instrument, name: str) -> int:
    number = _number(text, name)
    try:
        return instrument.size_lots(number, name)
    except UnitError as error:
        details: Any = {
            RejectReason.SIZE_OFF_LOT: fixed(*lot(instrument)),
            RejectReason.SIZE_TOO_SMALL: size_text(instrument, instrument.size_min_lots),
            RejectReason.SIZE_TOO_LARGE: size_text(instrument, instrument.size_max_lots),
        }.get(error.reason)
        raise SessionRefused(Refusal(error.reason, str(error), name, details=details)) from error


# -- client half --------------------------------------------------------------------------------


def place_to_wire(place: Place, listings: Listings) -> NewOrder:
    """Return the body of a new order.

    Raises:
        Unsupported: The venue has no word for it.
    """
    _check_offered(place)
    instrument = listings[place.instrument_id]
    is_market = place.order_type is OrderType.MARKET
    stop = STOP_NAMES.get((place.side, place.order_type))
    ticks, trigger = place.price_ticks, place.trigger_ticks
    display = place.display_lots
    return NewOrder(
        product_id=instrument.symbol,
        side=SIDE_NAMES[place.side],  # type: ignore[arg-type]
        type="market" if is_market else "limit",
        price=None if ticks is None else price_text(instrument, ticks),
        size=size_text(instrument, place.size_lots),
        stop=stop,  # type: ignore[arg-type]
        stop_price=None if trigger is None else price_text(instrument, trigger),
        time_in_force=None if is_market else TIME_IN_FORCE_NAMES[place.time_in_force],  # type: ignore[arg-type]
        post_only=place.post_only or None,
        stp=SELF_TRADE_NAMES[place.self_trade],  # type: ignore[arg-type]
        client_oid=place.client_order_id or None,
        max_floor=None if display is None else size_text(instrument, display),
    )


def _check_offered(place: Place) -> None:
    offered = (OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
    wrong = {
        f"{place.order_type.name} orders": place.order_type not in offered,
        "GTD to a moment of one's own; it has a minute, an hour and a day": (
            place.time_in_force is TimeInForce.GTD
        ),
        "market orders that fill whole or not at all": (
            place.order_type is OrderType.MARKET and place.time_in_force is TimeInForce.FOK
        ),
        "an amount to spend without its fee; say a size": place.quote_atoms is not None,
        "trades with oneself": place.self_trade not in SELF_TRADE_NAMES,
        "fees in anything but the quote asset": place.fee_asset is not FeeAsset.QUOTE,
        "post-only orders that slide": place.slide,
        "reduce-only orders": place.reduce_only,
        "client ids that are no random UUIDs": bool(place.client_order_id)
        and not is_random_uuid(place.client_order_id),
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise Unsupported(f"Coinbase Exchange has no {what}")
