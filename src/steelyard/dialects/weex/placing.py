"""New orders, both ways: the venue's types and lifetimes, and ours.

The invariant: nothing is rounded, and a combination that the venue has no word for is refused. Spot
has limit and market orders, of three lifetimes, and nothing that waits. Fields of other kinds of
orders are passed over, as the venue does: whoever sends `postOnly` or `triggerPrice` has sent an
order that may trade at once.
"""

import re
from decimal import Decimal

from steelyard.dialects.weex import errors
from steelyard.dialects.weex.order_messages import NewOrder
from steelyard.dialects.weex.routes import symbol_of
from steelyard.dialects.weex.text import SIDE_NAMES, SIDES, symbol_text
from steelyard.domain.commands import Place
from steelyard.domain.errors import UnitError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.order import FeeAsset, OrderType, SelfTrade, TimeInForce
from steelyard.domain.units import parse_decimal
from steelyard.wire.dialect import Asker
from steelyard.wire.numerals import price_text, size_text

LIMIT, MARKET = "LIMIT", "MARKET"
TYPES = {LIMIT: OrderType.LIMIT, MARKET: OrderType.MARKET}
TYPE_NAMES = {kind: name for name, kind in TYPES.items()}
LIFETIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
LIFETIME_NAMES = {lifetime: name for name, lifetime in LIFETIMES.items()}
CLIENT_ID_MAX = 40
# What happens where an order meets an own one: the venue neither says nor asks.
SELF_TRADE = SelfTrade.CANCEL_OLDEST
_CLIENT_ID = re.compile(rf"[.A-Z:/a-z0-9_-]{{1,{CLIENT_ID_MAX}}}", re.ASCII)


def is_client_id(text: str) -> bool:
    """Whether a text can be a client's own id."""
    return _CLIENT_ID.fullmatch(text) is not None


# -- server half --------------------------------------------------------------------------------


def place_from_wire(request: NewOrder, asker: Asker) -> Place:
    """Return the command of a new order.

    Raises:
        DecodeError: Something is missing, or of another form.
        SessionRefused: An unknown symbol.
        UnitError: A number is off its steps.
    """
    instrument = symbol_of(request.symbol, asker.listings)
    if request.side not in SIDES:
        raise errors.invalid("side", "BUY or SELL", errors.SIDE)
    if request.type not in TYPES:
        raise errors.invalid("type", "LIMIT or MARKET", errors.ORDER_TYPE)
    is_limit = request.type == LIMIT
    lifetime = request.timeInForce or "GTC"
    if lifetime not in LIFETIMES:
        raise errors.invalid("timeInForce", f"one of {', '.join(LIFETIMES)}", errors.TIME_IN_FORCE)
    price = None
    if is_limit:
        if request.price is None:
            raise errors.invalid("price", "a LIMIT order has one", errors.EMPTY)
        price = number(request.price, "price")
    own = request.newClientOrderId or ""
    if own and not is_client_id(own):
        raise errors.invalid(
            "newClientOrderId",
            f"at most {CLIENT_ID_MAX} letters, digits and . : / _ -",
            errors.CLIENT_ID,
        )
    price_ticks, size_lots = instrument.order_steps(price, number(request.quantity, "quantity"))
    return Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=SIDES[request.side],
        order_type=TYPES[request.type],
        time_in_force=LIFETIMES[lifetime] if is_limit else TimeInForce.IOC,
        post_only=False,
        price_ticks=price_ticks,
        size_lots=size_lots or 0,
        self_trade=SELF_TRADE,
        fee_asset=FeeAsset.RECEIVED,
        client_order_id=own,
    )


def number(text: str, name: str) -> Decimal:
    """Return the number that a parameter is.

    Raises:
        DecodeError: It is none.
    """
    try:
        return parse_decimal(text)
    except UnitError as error:
        raise errors.invalid(name, str(error)) from error


# -- client half --------------------------------------------------------------------------------


def place_to_wire(place: Place, listings: Listings) -> NewOrder:
    """Return the body of a new order.

    Raises:
        Unsupported: The venue has no word for it.
    """
    _check_offered(place)
    instrument, ticks = listings[place.instrument_id], place.price_ticks
    is_limit = place.order_type is OrderType.LIMIT
    return NewOrder(
        symbol=symbol_text(instrument),
        side=SIDE_NAMES[place.side],
        type=TYPE_NAMES[place.order_type],
        quantity=size_text(instrument, place.size_lots),
        price=None if ticks is None else price_text(instrument, ticks),
        timeInForce=LIFETIME_NAMES[place.time_in_force] if is_limit else None,
        newClientOrderId=place.client_order_id or None,
    )


def _check_offered(place: Place) -> None:
    is_market = place.order_type is OrderType.MARKET
    wrong = {
        f"{place.order_type.name} orders on spot": place.order_type not in TYPE_NAMES,
        "post-only orders on spot": place.post_only,
        "orders that end at a time": place.time_in_force not in LIFETIME_NAMES,
        "market orders that fill whole or not at all": (
            is_market and place.time_in_force is TimeInForce.FOK
        ),
        "market orders of an amount to spend; say a size": place.quote_atoms is not None,
        "icebergs": place.display_lots is not None,
        "reduce-only orders on spot": place.reduce_only,
        "choice of what happens with oneself": place.self_trade is not SELF_TRADE,
        "fees in a token of its own": place.fee_asset is FeeAsset.TOKEN,
        "client ids of this form": bool(place.client_order_id)
        and not is_client_id(place.client_order_id),
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise Unsupported(f"WEEX has no {what}")
