"""A new order: what goes with which type, and the order to the wire next to the order from it.

`TERMS` is the venue's table of what a type must and may have; what it says is checked before
anything is counted in ticks or lots. The legs of an order list are orders like any other: `leg`
spells what is wrong with one in the names of its list's request.

Pegged orders are refused in the venue's words: the engine has none.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from itertools import compress
from operator import attrgetter
from typing import NamedTuple

from steelyard.dialects.binance import codes, errors
from steelyard.dialects.binance.executions import (
    BIP_E8,
    FROM_TYPES,
    SELF_TRADE_DEFAULT,
    SELF_TRADE_NAMES,
    SELF_TRADES,
    SIDES,
    TYPES,
    Combination,
    trailing_bips,
    trailing_direction,
    trailing_name,
)
from steelyard.dialects.binance.market import (
    TRAILING_BIPS_MAX,
    TRAILING_BIPS_MIN,
    instrument_of,
)
from steelyard.dialects.binance.messages import OrderRequest
from steelyard.dialects.binance.text import amount_text, symbol_text
from steelyard.domain.commands import Place
from steelyard.domain.errors import UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.order import FeeAsset, OrderType, RejectReason, SelfTrade, TimeInForce
from steelyard.domain.units import plain, to_atoms
from steelyard.wire.dialect import Asker

STRATEGY_TYPE_MIN = 1_000_000


class Terms(NamedTuple):
    """What an order of one type takes: all of `must`, one of each pair, any of `may`."""

    must: tuple[str, ...]
    one_of: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    both: bool = False  # more than one of `one_of` may be sent

    @property
    def names(self) -> frozenset[str]:
        """Every parameter that goes with the type."""
        return frozenset((*self.must, *self.one_of, *self.may))


_LIMITED = ("timeInForce", "quantity", "price")
_STOPPED = ("stopPrice", "trailingDelta")

TERMS: dict[str, Terms] = {
    "LIMIT": Terms(_LIMITED, may=("icebergQty",)),
    "LIMIT_MAKER": Terms(("quantity", "price"), may=("icebergQty",)),
    "MARKET": Terms((), ("quantity", "quoteOrderQty")),
    "STOP_LOSS": Terms(("quantity",), _STOPPED, both=True),
    "STOP_LOSS_LIMIT": Terms(_LIMITED, _STOPPED, ("icebergQty",), both=True),
    "TAKE_PROFIT": Terms(("quantity",), _STOPPED, both=True),
    "TAKE_PROFIT_LIMIT": Terms(_LIMITED, _STOPPED, ("icebergQty",), both=True),
}
GOVERNED = (*_LIMITED, "quoteOrderQty", *_STOPPED, "icebergQty")
_governed = attrgetter(*GOVERNED)
_USUAL = frozenset(_LIMITED)

Name = Callable[[str], str]  # how a request calls what an order calls so


def _as_it_is(name: str) -> str:
    return name


# -- to the wire --------------------------------------------------------------------------------


def place_to_wire(place: Place, listings: Listings) -> OrderRequest:
    """Return the request that places an order.

    Raises:
        Unsupported: The venue has no such combination.
    """
    combination = TYPES.get((place.order_type, place.time_in_force, place.post_only))
    is_gtd = place.time_in_force is TimeInForce.GTD
    if place.order_type.trails and not is_gtd and not place.post_only:
        combination = trailing_name(place)
    if combination is None:
        raise Unsupported(
            f"Binance has no {place.order_type.name} order with {place.time_in_force.name}"
            f"{' and post_only' if place.post_only else ''}"
        )
    if unsaid := _unsaid(place):
        raise Unsupported(f"Binance has no word for {unsaid}")
    instrument = listings[place.instrument_id]
    stop_ticks = place.trigger_ticks or place.activation_ticks
    display = place.display_lots
    return OrderRequest(
        symbol=symbol_text(instrument),
        side=place.side.name,
        type=combination.type,
        timeInForce=combination.timeInForce,
        quantity=plain(instrument.size(place.size_lots)) if place.quote_atoms is None else None,
        quoteOrderQty=None
        if place.quote_atoms is None
        else Decimal(amount_text(place.quote_atoms)),
        price=_plain_price(instrument, place.price_ticks),
        stopPrice=_plain_price(instrument, stop_ticks),
        trailingDelta=trailing_bips(place.trail_rate_e8),
        icebergQty=None if display is None else plain(instrument.size(display)),
        newClientOrderId=place.client_order_id or None,
        newOrderRespType="FULL",
        selfTradePreventionMode=SELF_TRADE_NAMES[place.self_trade],
    )


def _plain_price(instrument: Instrument, ticks: int | None) -> Decimal | None:
    return None if ticks is None else plain(instrument.price(ticks))


def _unsaid(place: Place) -> str | None:
    """Return the first term of an order for which the venue has no word."""
    rate_e8 = place.trail_rate_e8
    terms = {
        "slide": place.slide,
        "reduce_only": place.reduce_only,
        "trail_ticks: a trail is in bips": place.trail_ticks is not None,
        "a trail_rate that is no whole number of bips": bool(rate_e8 and rate_e8 % BIP_E8),
        "display_lots 0: an iceberg shows something": place.display_lots == 0,
    }
    return next((name for name, is_there in terms.items() if is_there), None)


# -- from the wire ------------------------------------------------------------------------------


def place_from_wire(request: OrderRequest, asker: Asker, name: Name = _as_it_is) -> Place:
    """Return the Place that a request asks for; name is how its parameters are called.

    Raises:
        DecodeError: Parameters do not go together.
        UnitError: A price or size is not in whole steps.
        SessionRefused: No such symbol.
    """
    instrument = instrument_of(request.symbol, asker)
    _refuse_what_is_not_offered(request, name)
    is_plain = _is_plain(request.type, tuple(each is not None for each in _governed(request)))
    if not is_plain:
        _check(request, name)
    order_type, time_in_force, post_only = _kind(request)
    is_trailing = request.trailingDelta is not None
    price_ticks, size_lots = instrument.order_steps(
        _positive("price", request.price, name), _positive("quantity", request.quantity, name)
    )
    if is_plain:
        return Place(
            asker.account_id,
            instrument.instrument_id,
            SIDES[request.side],
            order_type,
            time_in_force,
            post_only,
            price_ticks,
            size_lots or 0,
            _self_trade(request),
            FeeAsset.RECEIVED,
            request.newClientOrderId or "",
        )
    stop = _positive("stopPrice", request.stopPrice, name)
    stop_ticks = None if stop is None else instrument.price_ticks(stop, name("stopPrice"))
    return Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=SIDES[request.side],
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=post_only,
        price_ticks=price_ticks,
        size_lots=size_lots or 0,
        self_trade=_self_trade(request),
        fee_asset=FeeAsset.RECEIVED,
        client_order_id=request.newClientOrderId or "",
        quote_atoms=_spend_atoms(request, name),
        display_lots=_display_lots(request, instrument, name),
        trigger_ticks=None if is_trailing else stop_ticks,
        trail_rate_e8=_trail_rate_e8(request, name),
        activation_ticks=stop_ticks if is_trailing else None,
        activation_direction=trailing_direction(request.type, SIDES[request.side])
        if is_trailing
        else None,
    )


def _refuse_what_is_not_offered(request: OrderRequest, name: Name) -> None:
    if request.pegPriceType is not None or request.pegOffsetType is not None:
        raise errors.said(
            codes.INVALID_MESSAGE,
            "Pegged orders are not supported for this symbol.",
            "there are none here; send a price",
            name("pegPriceType"),
        )
    if request.strategyType is not None and request.strategyType < STRATEGY_TYPE_MIN:
        raise errors.said(
            -1134,
            "`strategyType` was less than 1000000.",
            "smaller ones are the venue's own",
            name("strategyType"),
        )


@lru_cache(maxsize=1_024)
def _is_plain(kind: str, are_given: tuple[bool, ...]) -> bool:
    """Whether an order has all that its type must have, and nothing that few orders have."""
    terms = TERMS.get(kind)
    if terms is None:
        return False
    given = set(compress(GOVERNED, are_given))
    is_right = given.issuperset(terms.must) and given <= terms.names
    is_clear = not terms.one_of or len(given.intersection(terms.one_of)) == 1
    return is_right and is_clear and given <= _USUAL


def _check(request: OrderRequest, name: Name) -> None:
    """Check that everything is there and goes together."""
    kind = request.type
    terms = TERMS.get(kind)
    if terms is None:
        known = ", ".join(TERMS)
        raise errors.said(-1116, "Invalid orderType.", f"there are {known}", name("type"))
    for wanted in terms.must:
        if getattr(request, wanted) is None:
            raise errors.missing(name(wanted))
    sent = [each for each in terms.one_of if getattr(request, each) is not None]
    if terms.one_of and not sent:
        first, second = map(name, terms.one_of)
        raise errors.said(
            -1102,
            f"Param '{first}' or '{second}' must be sent, but both were empty/null!",
            f"a {kind} order needs one of them",
            first,
        )
    if len(sent) > 1 and not terms.both:
        raise errors.said(
            -1128,
            "Combination of optional parameters invalid.",
            f"{' and '.join(map(name, sent))} say the same; send one of them",
            name(sent[1]),
        )
    for given in GOVERNED:
        if getattr(request, given) is not None and given not in terms.names:
            raise errors.superfluous(name(given), f"a {kind} order has none")
    if request.icebergQty and request.timeInForce not in (None, "GTC"):
        raise errors.said(
            -1160,
            f"Parameter '{name('icebergQty')}' is not supported if "
            f"'{name('timeInForce')}' is not GTC.",
            "what does not rest is not shown; leave it out, or send GTC",
            name("icebergQty"),
        )


def _kind(request: OrderRequest) -> tuple[OrderType, TimeInForce, bool]:
    kind, lifetime, post_only = FROM_TYPES[Combination(request.type, request.timeInForce)]
    if request.trailingDelta is not None:
        kind = OrderType.TRAILING_STOP_LIMIT if kind.has_limit else OrderType.TRAILING_STOP
    return kind, lifetime, post_only


def _positive(own: str, value: Decimal | None, name: Name) -> Decimal | None:
    if value == 0:
        called = name(own)
        raise errors.said(
            codes.INVALID_MESSAGE, f"Invalid {called}.", f"{called} must be above 0", called
        )
    return value


def _spend_atoms(request: OrderRequest, name: Name) -> int | None:
    amount = _positive("quoteOrderQty", request.quoteOrderQty, name)
    if amount is None:
        return None
    try:
        return to_atoms(amount)
    except UnitError as error:
        raise errors.said(
            -1111,
            "Parameter 'quoteOrderQty' has too much precision.",
            str(error),
            name("quoteOrderQty"),
        ) from error


def _display_lots(request: OrderRequest, instrument: Instrument, name: Name) -> int | None:
    if not request.icebergQty:
        return None  # the venue takes 0 for an order that shows all of it
    try:
        return instrument.size_lots(request.icebergQty, name("icebergQty"))
    except UnitError as error:
        if error.reason in (RejectReason.SIZE_TOO_SMALL, RejectReason.SIZE_TOO_LARGE):
            why = RejectReason.DISPLAY_OUT_OF_RANGE
            raise UnitError(str(error), why, error.field) from error
        raise


def _trail_rate_e8(request: OrderRequest, name: Name) -> int | None:
    bips = request.trailingDelta
    if bips is None:
        return None
    if not TRAILING_BIPS_MIN <= bips <= TRAILING_BIPS_MAX:
        raise UnitError(
            f"{name('trailingDelta')} {bips} must be {TRAILING_BIPS_MIN} to {TRAILING_BIPS_MAX} "
            "bips; 100 are 1 %",
            RejectReason.TRAIL_OUT_OF_RANGE,
            name("trailingDelta"),
        )
    return bips * BIP_E8


def _self_trade(request: OrderRequest) -> SelfTrade:
    mode = request.selfTradePreventionMode
    if mode is None:
        return SELF_TRADE_DEFAULT
    found = SELF_TRADES.get(mode)
    if found is None:
        raise errors.said(
            codes.INVALID_MESSAGE,
            "This symbol does not allow the specified self-trade prevention mode.",
            f"{mode} moves trades between accounts of one owner; there are "
            f"{', '.join(SELF_TRADES)}",
            "selfTradePreventionMode",
        )
    return found
