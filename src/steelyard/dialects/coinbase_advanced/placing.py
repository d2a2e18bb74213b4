"""New orders, both ways: the venue's order configurations, and ours.

The invariant: nothing is rounded but a size that is said in money. A price off its increment or a
size off its own is refused in the venue's words. What a market order spends (`quote_size` of a buy)
has the fee in it, as the venue has it, so that all of a balance can be spent.
"""

from decimal import Decimal
from typing import NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from steelyard.dialects.coinbase_advanced.brackets import stop_limit_ticks
from steelyard.dialects.coinbase_advanced.order_messages import (
    Configuration,
    NewOrder,
    PreviewRequest,
    Terms,
)
from steelyard.dialects.coinbase_advanced.routes import answered, check_portfolio
from steelyard.dialects.coinbase_advanced.text import SIDE_NAMES, SIDES, is_bracket, kept_id, shown
from steelyard.domain.commands import Place, PlaceGroup
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import AccountAnswer, AccountQuery
from steelyard.domain.order import (
    FeeAsset,
    GroupKind,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
)
from steelyard.domain.units import RATE_SCALE, parse_decimal, to_atoms
from steelyard.wire.dialect import Asker
from steelyard.wire.moments import from_iso, iso
from steelyard.wire.numerals import amount_text, price_text, read_price, read_size, size_text

UP, DOWN = "STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"
# What happens where an order meets an own one: the venue leaves no choice.
SELF_TRADE = SelfTrade.CANCEL_OLDEST


class Kind(NamedTuple):
    """What the key of an order configuration says."""

    time_in_force: TimeInForce
    is_market: bool = False
    has_stop: bool = False
    is_bracket: bool = False


KINDS: dict[str, Kind] = {
    "market_market_ioc": Kind(TimeInForce.IOC, is_market=True),
    "market_market_fok": Kind(TimeInForce.FOK, is_market=True),
    "limit_limit_gtc": Kind(TimeInForce.GTC),
    "limit_limit_gtd": Kind(TimeInForce.GTD),
    "sor_limit_ioc": Kind(TimeInForce.IOC),
    "limit_limit_fok": Kind(TimeInForce.FOK),
    "stop_limit_stop_limit_gtc": Kind(TimeInForce.GTC, has_stop=True),
    "stop_limit_stop_limit_gtd": Kind(TimeInForce.GTD, has_stop=True),
    "trigger_bracket_gtc": Kind(TimeInForce.GTC, is_bracket=True),
    "trigger_bracket_gtd": Kind(TimeInForce.GTD, is_bracket=True),
}
NAMES = {kind: name for name, kind in KINDS.items()}
# What the venue has besides, and why it is refused here.
NOT_HERE = {
    "twap_limit_gtd": "nobody here works an order off over time",
    "scaled_limit_gtc": "place its orders one by one",
}
TIME_MAX_NS = 2**63 - 1
# A stop by its side and the way that its price is reached.
STOPS: dict[tuple[Side, str], OrderType] = {
    (Side.BUY, UP): OrderType.STOP_LIMIT,
    (Side.SELL, DOWN): OrderType.STOP_LIMIT,
    (Side.SELL, UP): OrderType.TAKE_PROFIT_LIMIT,
    (Side.BUY, DOWN): OrderType.TAKE_PROFIT_LIMIT,
}
# Other dialects' orders that wait have no limit, or trail.
WITHOUT_LIMIT = {
    OrderType.STOP_LIMIT: OrderType.STOP,
    OrderType.TAKE_PROFIT_LIMIT: OrderType.TAKE_PROFIT,
}
DIRECTIONS = {(side, kind): direction for (side, direction), kind in STOPS.items()}
DIRECTIONS |= {
    (side, WITHOUT_LIMIT[kind]): direction for (side, kind), direction in DIRECTIONS.items()
}


# -- server half --------------------------------------------------------------------------------


def place_from_wire(request: NewOrder | PreviewRequest, asker: Asker) -> Place | PlaceGroup:
    """Return the command of a new order; a bracket is a pair, or hangs on an entry.

    Raises:
        UnitError: An unknown product, or a number that is off its steps.
        Unsupported: The order is none that is offered here.
        DecodeError: Something is missing, or has another form than documented.
    """
    check_portfolio(request.retail_portfolio_id, asker)
    instrument = asker.listings.find(request.product_id)
    if instrument is None:
        known = ", ".join(sorted(each.symbol for each in asker.listings)[:8])
        raise UnitError(
            f"{shown(request.product_id)} is not listed here; there are {known}",
            RejectReason.UNKNOWN_INSTRUMENT,
            "product_id",
        )
    if request.leverage or (request.margin_type or "").upper() not in ("", "UNKNOWN_MARGIN_TYPE"):
        raise Unsupported("there is no margin here; leave leverage and margin_type out")
    name, terms = _only(request.order_configuration)
    kind = KINDS[name]
    if terms.reduce_only is True:
        raise Unsupported("REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS: leave reduce_only out")
    side = SIDES[request.side]
    order_type, trigger_ticks = _type(kind, terms, side, instrument)
    price_ticks = None if kind.is_market else _price(terms.limit_price, instrument, "limit_price")
    size_lots, quote_atoms = _size(kind, terms, price_ticks, instrument)
    if quote_atoms is not None and side is Side.BUY:
        account = answered(asker.ask(AccountQuery(asker.account_id)), AccountAnswer)
        quote_atoms = quote_atoms * RATE_SCALE // (RATE_SCALE + max(account.taker_rate_e8, 0))
    client_id = kept_id(request.client_order_id or "")
    place = Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=order_type,
        time_in_force=kind.time_in_force,
        post_only=terms.post_only is True and kind.time_in_force in _RESTING,
        price_ticks=price_ticks,
        size_lots=size_lots,
        self_trade=SELF_TRADE,
        client_order_id=client_id,
        quote_atoms=quote_atoms,
        trigger_ticks=trigger_ticks,
        expire_ns=_expiry(kind, terms),
    )
    if kind.is_bracket:
        if request.attached_order_configuration:
            raise Unsupported("nothing is attached to a bracket; leave the configuration out")
        return PlaceGroup(GroupKind.OCO, _exits(place, terms, instrument))
    if request.attached_order_configuration:
        return _with_exits(place, request.attached_order_configuration, instrument)
    return place


def _exits(target: Place, terms: Terms, instrument: Instrument) -> tuple[Place, Place]:
    """Return a bracket's two orders."""
    trigger = _price(terms.stop_trigger_price, instrument, "stop_trigger_price")
    stop = replace(
        target,
        order_type=OrderType.STOP_LIMIT,
        price_ticks=stop_limit_ticks(trigger, target.side),
        trigger_ticks=trigger,
        client_order_id="",
    )
    return target, stop


def _with_exits(entry: Place, attached: Configuration, instrument: Instrument) -> PlaceGroup:
    name, terms = _only(attached, "attached_order_configuration")
    kind = KINDS[name]
    if not kind.is_bracket:
        raise Unsupported(f"what is attached is a trigger_bracket_gtc or _gtd, not {shown(name)}")
    if _said(terms.base_size) or _said(terms.quote_size):
        raise Unsupported("what is attached has the size of its order; leave base_size out")
    if entry.order_type.waits or entry.quote_atoms is not None:
        raise Unsupported(
            "a bracket is attached to an order that says base_size and does not wait for a price"
        )
    target = replace(
        entry,
        side=Side.SELL if entry.side is Side.BUY else Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=kind.time_in_force,
        post_only=False,
        price_ticks=_price(terms.limit_price, instrument, "limit_price"),
        client_order_id="",
        expire_ns=_expiry(kind, terms),
    )
    return PlaceGroup(GroupKind.BRACKET, (entry, *_exits(target, terms, instrument)))


_RESTING = (TimeInForce.GTC, TimeInForce.GTD)


def _only(configuration: Configuration, field: str = "order_configuration") -> tuple[str, Terms]:
    if len(configuration) != 1:
        raise DecodeError(f"{field} has exactly one key, one of {', '.join(KINDS)}", field)
    ((name, terms),) = configuration.items()
    if name not in KINDS:
        why = NOT_HERE.get(name, f"there are {', '.join(KINDS)}")
        raise Unsupported(f"order configuration {shown(name)}: {why}")
    return name, terms


def _type(
    kind: Kind, terms: Terms, side: Side, instrument: Instrument
) -> tuple[OrderType, int | None]:
    if kind.is_market:
        return OrderType.MARKET, None
    if not kind.has_stop:
        return OrderType.LIMIT, None
    direction = terms.stop_direction
    found = STOPS.get((side, direction)) if isinstance(direction, str) else None
    if found is None:
        raise DecodeError(f"stop_direction is {UP} or {DOWN}", "stop_direction")
    return found, _price(terms.stop_price, instrument, "stop_price")


def _size(
    kind: Kind, terms: Terms, price_ticks: int | None, instrument: Instrument
) -> tuple[int, int | None]:
    """Return the size in lots, and of a market order by money how much to spend or to get."""
    base, quote = _said(terms.base_size), _said(terms.quote_size)
    if bool(base) == bool(quote):
        raise DecodeError("send one of base_size and quote_size", "base_size")
    if base:
        return instrument.size_lots(_number(base, "base_size"), "base_size"), None
    atoms = to_atoms(_number(quote, "quote_size"))
    if atoms <= 0:
        raise DecodeError("quote_size has to be positive", "quote_size")
    if kind.is_market:
        return 0, atoms
    price_atoms = instrument.notional_atoms(price_ticks or 1, 1)
    return atoms // max(price_atoms, 1), None


def _expiry(kind: Kind, terms: Terms) -> int | None:
    if kind.time_in_force is not TimeInForce.GTD:
        return None
    if not _said(terms.end_time):
        raise DecodeError("end_time is required, as 2024-03-11T20:48:46Z", "end_time")
    # The zero time of some languages is as past as 1970, and as good as never is too far.
    expire_ns = max(0, from_iso(_said(terms.end_time)))
    if expire_ns > TIME_MAX_NS:
        raise DecodeError("end_time is at most 2262-04-11T23:47:16Z", "end_time")
    return expire_ns


def _price(text: str | UnsetType, instrument: Instrument, name: str) -> int:
    if not _said(text):
        raise DecodeError(f"{name} is required", name)
    return instrument.price_ticks(_number(_said(text), name), name)


def _number(text: str, name: str) -> Decimal:
    try:
        return parse_decimal(text)
    except UnitError as error:
        raise DecodeError(f"{name}: {error}", name) from error


def _said(text: str | UnsetType) -> str:
    return "" if text is UNSET else text


# -- what an order's configuration is -------------------------------------------------------------


def configuration_of(order: Order, instrument: Instrument) -> Configuration:
    """Return the terms of an order; of other dialects' types as near as there is a word.

    One that goes to the market at a price is a stop without a limit: the venue has none such.
    """
    waits, has_limit = order.order_type.waits, order.price_ticks is not None
    is_market = not waits and not has_limit
    tif = order.time_in_force
    if is_market and tif in _RESTING:
        tif = TimeInForce.IOC
    if waits and tif not in _RESTING:
        tif = TimeInForce.GTC
    has_exits = is_bracket(order)
    name = NAMES[Kind(tif, is_market=is_market, has_stop=waits, is_bracket=has_exits)]
    trigger = price_text(instrument, order.trigger_ticks or 0)
    may_post = not is_market and not waits and not has_exits and tif in _RESTING
    by_money = order.spend_atoms is not None
    direction = DIRECTIONS.get((order.side, order.order_type), UP) if waits else UNSET
    terms = Terms(
        base_size=UNSET if by_money else size_text(instrument, order.size_lots),
        quote_size=amount_text(order.spend_atoms or 0) if by_money else UNSET,
        limit_price=price_text(instrument, order.price_ticks or 0) if has_limit else UNSET,
        stop_price=trigger if waits else UNSET,
        stop_trigger_price=trigger if has_exits else UNSET,
        stop_direction=direction,
        end_time=iso(order.expire_ns) if order.expire_ns is not None else UNSET,
        post_only=order.post_only if may_post else UNSET,
    )
    return {name: terms}


def attached_of(bracket: Order, instrument: Instrument) -> Configuration:
    """Return a bracket's terms as its entry has them: without a size."""
    ((name, terms),) = configuration_of(bracket, instrument).items()
    return {name: replace(terms, base_size=UNSET)}


class Read(NamedTuple):
    """What an order's configuration says, as far as we have words for it."""

    order_type: OrderType
    time_in_force: TimeInForce
    price_ticks: int | None
    trigger_ticks: int | None
    size_lots: int
    spend_atoms: int | None
    post_only: bool
    expire_ns: int | None


def terms_from_wire(configuration: Configuration, side: Side, instrument: Instrument) -> Read:
    """Return the terms of an order that a venue tells of; a bracket is a limit order at its target.

    Raises:
        DecodeError: There are none, or a number is off its steps.
    """
    if len(configuration) != 1:
        raise DecodeError("order_configuration has exactly one key", "order_configuration")
    ((name, terms),) = configuration.items()
    kind = KINDS.get(name, Kind(TimeInForce.GTD if name.endswith("gtd") else TimeInForce.GTC))
    order_type = OrderType.MARKET if kind.is_market else OrderType.LIMIT
    if kind.has_stop:
        order_type = STOPS.get((side, _said(terms.stop_direction)), OrderType.STOP_LIMIT)
        if not _said(terms.limit_price):
            order_type = WITHOUT_LIMIT[order_type]

    def price(text: str) -> int | None:
        return read_price(instrument, text) if text else None

    quote = _said(terms.quote_size)
    base = _said(terms.base_size)
    end = _said(terms.end_time)
    return Read(
        order_type,
        kind.time_in_force,
        price(_said(terms.limit_price)),
        price(_said(terms.stop_price)) if kind.has_stop else None,
        read_size(instrument, base) if base else 0,
        _atoms(quote) if quote and not base else None,
        terms.post_only is True,
        from_iso(end) if end else None,
    )


def _atoms(text: str) -> int:
    try:
        return to_atoms(parse_decimal(text))
    except UnitError as error:
        raise DecodeError(f"quote_size: {error}", "quote_size") from error


# -- client half --------------------------------------------------------------------------------


def place_to_wire(place: Place, listings: Listings) -> NewOrder:
    """Return the body of a new order.

    Raises:
        Unsupported: The venue has no word for it.
    """
    _check_offered(place)
    instrument = listings[place.instrument_id]
    is_market, has_stop = place.order_type is OrderType.MARKET, place.order_type.waits
    name = NAMES[Kind(place.time_in_force, is_market=is_market, has_stop=has_stop)]
    may_post = not is_market and not has_stop and place.time_in_force in _RESTING
    terms = Terms(
        base_size=size_text(instrument, place.size_lots),
        limit_price=_printed(place.price_ticks, instrument),
        stop_price=_printed(place.trigger_ticks, instrument),
        stop_direction=DIRECTIONS[place.side, place.order_type] if has_stop else UNSET,
        end_time=UNSET if place.expire_ns is None else iso(place.expire_ns),
        post_only=place.post_only if may_post else UNSET,
    )
    return NewOrder(
        client_order_id=place.client_order_id,
        product_id=instrument.symbol,
        side=SIDE_NAMES[place.side],  # type: ignore[arg-type]
        order_configuration={name: terms},
    )


def _printed(ticks: int | None, instrument: Instrument) -> str | UnsetType:
    return UNSET if ticks is None else price_text(instrument, ticks)


def _check_offered(place: Place) -> None:
    offered = (OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
    is_market, waits = place.order_type is OrderType.MARKET, place.order_type.waits
    wrong = {
        f"{place.order_type.name} orders": place.order_type not in offered,
        "stops that are IOC or FOK": waits and place.time_in_force not in _RESTING,
        "post-only stops": waits and place.post_only,
        "icebergs": place.display_lots is not None,
        "market orders that fill whole or not at all": (
            is_market and place.time_in_force is TimeInForce.FOK
        ),
        "an amount to spend without its fee; say a size": place.quote_atoms is not None,
        "choice of what happens with oneself": place.self_trade is not SELF_TRADE,
        "fees in anything but the quote asset": place.fee_asset is not FeeAsset.QUOTE,
        "post-only orders that slide": place.slide,
        "reduce-only orders": place.reduce_only,
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise Unsupported(f"Coinbase Advanced has no {what}")
