"""A new order: what goes with which type, both ways.

The invariant: nothing is rounded; a combination that has no row in `KINDS` is no order here. A buy
at the market says its size in quote, unless `tgtCcy` says otherwise. The venue has no time in
force: it is part of the type. Fees are taken of what is received. Self-trades are prevented.

What closes a position once it is there (`attachAlgoOrds`) makes the order the entry of a group.
Orders that wait for a price are in algos.py.
"""

import re
from decimal import Decimal
from typing import Any, NamedTuple

from steelyard.dialects.okx import errors
from steelyard.dialects.okx.order_messages import AttachedAlgo, NewOrder
from steelyard.dialects.okx.routes import instrument_of
from steelyard.dialects.okx.text import (
    SIDE_NAMES,
    SIDES,
    amount_text,
    find_code,
    price_text,
    size_text,
)
from steelyard.domain.commands import Place, PlaceGroup
from steelyard.domain.errors import UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
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
from steelyard.domain.units import parse_decimal, to_atoms
from steelyard.wire.dialect import Asker

BASE, QUOTE = "base_ccy", "quote_ccy"
CASH = "cash"
MARGIN_MODES = ("cross", "isolated", "spot_isolated")
AT_MARKET = "-1"
ATTACHED_MAX = 1


class Kind(NamedTuple):
    """What a type stands for."""

    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool = False


KINDS: dict[str, Kind] = {
    "market": Kind(OrderType.MARKET, TimeInForce.IOC),
    "limit": Kind(OrderType.LIMIT, TimeInForce.GTC),
    "post_only": Kind(OrderType.LIMIT, TimeInForce.GTC, post_only=True),
    "fok": Kind(OrderType.LIMIT, TimeInForce.FOK),
    "ioc": Kind(OrderType.LIMIT, TimeInForce.IOC),
}
KIND_NAMES = {kind: name for name, kind in KINDS.items()}
SELF_TRADES = {
    "cancel_maker": SelfTrade.CANCEL_OLDEST,
    "cancel_taker": SelfTrade.CANCEL_NEWEST,
    "cancel_both": SelfTrade.CANCEL_BOTH,
}
SELF_TRADE_NAMES = {mode: name for name, mode in SELF_TRADES.items()}
SELF_TRADE_DEFAULT = "cancel_maker"
TRIGGERS = {"last": TriggerBy.LAST, "mark": TriggerBy.MARK, "index": TriggerBy.INDEX}
TRIGGER_NAMES = {by: name for name, by in TRIGGERS.items()}

_CLIENT_ID = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9]{1,16}", re.ASCII)


# -- what a request says, server half -----------------------------------------------------------


def named_instrument(inst_id: str | None, code: int | None, listings: Listings) -> Instrument:
    """Return the instrument that an order's request names, by name or by number.

    Raises:
        DecodeError, Turned away: It names none, or none that is listed.
    """
    if inst_id is None and code is not None:
        found = find_code(listings, code)
        if found is None:
            raise errors.refused(
                errors.NO_INSTRUMENT,
                f"no instrument has the number {code}; public/instruments tells instIdCode",
                RejectReason.UNKNOWN_INSTRUMENT,
                "instIdCode",
            )
        return found
    return instrument_of(inst_id, listings)


def side_of(text: str) -> Side:
    """Return a side.

    Raises:
        DecodeError: It is none.
    """
    found = SIDES.get(text)
    if found is None:
        raise errors.invalid("side", "it is buy or sell")
    return found


def client_id_of(text: str | None, field: str = "clOrdId") -> str:
    """Return a client's own id; nothing where there is none.

    Raises:
        DecodeError: It has another form.
    """
    if text is not None and _CLIENT_ID.fullmatch(text) is None:
        raise errors.invalid(field, "1 to 32 letters and digits")
    return text or ""


def number_of(text: str, field: str) -> Decimal:
    """Return a number.

    Raises:
        DecodeError: It is none.
    """
    try:
        return parse_decimal(text)
    except UnitError as error:
        raise errors.invalid(field, str(error)) from error


def price_of(text: str, field: str, instrument: Instrument) -> int:
    """Return a price in ticks.

    Raises:
        DecodeError: It is no number.
        UnitError: It is off the tick, or out of range.
    """
    try:
        return instrument.price_ticks(number_of(text, field), field)
    except UnitError as error:
        raise UnitError(str(error), error.reason, field) from error


def size_of(text: str, field: str, instrument: Instrument) -> int:
    """Return a size in lots.

    Raises:
        DecodeError: It is no number.
        UnitError: It is off the lot, or out of range.
    """
    try:
        return instrument.size_lots(number_of(text, field), field)
    except UnitError as error:
        raise UnitError(str(error), error.reason, field) from error


def trigger_of(text: str | None, field: str) -> TriggerBy:
    """Return which price is listened to.

    Raises:
        DecodeError: It is none.
    """
    found = TRIGGERS.get(text or "last")
    if found is None:
        raise errors.invalid(field, f"it is {', '.join(TRIGGERS)}")
    return found


def check_common(request: Any) -> None:
    """Check what every new order may say, and here may say in one way only.

    Raises:
        DecodeError: It says something else.
    """
    if request.posSide not in (None, "net"):
        raise errors.invalid("posSide", "there are no positions here; leave it out")
    if request.tag is not None and _TAG.fullmatch(request.tag) is None:
        raise errors.invalid("tag", "1 to 16 letters and digits")
    if request.reduceOnly:
        raise errors.said(
            errors.REDUCE_ONLY,
            "there are no positions here; leave reduceOnly out",
            "reduceOnly",
        )


# -- from the wire ------------------------------------------------------------------------------


def placed_from_wire(request: NewOrder, asker: Asker) -> Place | PlaceGroup:
    """Return what a request asks for.

    Raises:
        DecodeError: Parameters do not go together.
        UnitError: A price or size is not in whole steps.
        SessionRefused: No such instrument.
    """
    instrument = named_instrument(request.instId, request.instIdCode, asker.listings)
    check_common(request)
    _check_mode(request)
    side, kind = side_of(request.side), _kind(request)
    is_market = kind.order_type is OrderType.MARKET
    if is_market == (request.px is not None):
        how = "a market order has none" if is_market else "send the price of the limit"
        raise errors.invalid("px", how)
    size_lots, quote_atoms = _amount(request, side, instrument, is_market=is_market)
    place = Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=kind.order_type,
        time_in_force=kind.time_in_force,
        post_only=kind.post_only,
        price_ticks=None if request.px is None else price_of(request.px, "px", instrument),
        size_lots=size_lots,
        self_trade=_self_trade(request),
        fee_asset=FeeAsset.RECEIVED,
        client_order_id=client_id_of(request.clOrdId),
        quote_atoms=quote_atoms,
    )
    return _with_exits(place, request.attachAlgoOrds, instrument)


def _kind(request: NewOrder) -> Kind:
    found = KINDS.get(request.ordType)
    if found is None:
        known = ", ".join(KINDS)
        raise errors.invalid("ordType", f"{errors.shown(request.ordType)}: there are {known}")
    return found


def _check_mode(request: NewOrder) -> None:
    if request.tdMode in MARGIN_MODES:
        raise errors.said(
            errors.NO_MARGIN,
            "there is no margin here; send tdMode cash",
            "tdMode",
        )
    if request.tdMode != CASH:
        raise errors.invalid("tdMode", "send tdMode cash")
    for name in ("pxUsd", "pxVol", "slippagePct"):
        if getattr(request, name) is not None:
            raise errors.invalid(name, "it is not for spot; leave it out")
    if request.pxAmendType not in (None, "0"):
        raise errors.invalid("pxAmendType", "prices are not changed for you here; leave it out")


def _amount(
    request: NewOrder, side: Side, instrument: Instrument, *, is_market: bool
) -> tuple[int, int | None]:
    """Return the size in lots, or the amount of quote in atoms."""
    usual = QUOTE if side is Side.BUY else BASE
    unit = (request.tgtCcy or usual) if is_market else BASE
    if unit not in (BASE, QUOTE):
        raise errors.invalid("tgtCcy", f"it is {BASE} or {QUOTE}")
    if unit == BASE:
        return size_of(request.sz, "sz", instrument), None
    atoms = to_atoms(number_of(request.sz, "sz"))
    if atoms <= 0:
        raise UnitError("sz must be positive", RejectReason.SIZE_TOO_SMALL, "sz")
    return 0, atoms


def _self_trade(request: NewOrder) -> SelfTrade:
    found = SELF_TRADES.get(request.stpMode or SELF_TRADE_DEFAULT)
    if found is None:
        raise errors.invalid("stpMode", f"it is {', '.join(SELF_TRADES)}")
    if found is SelfTrade.CANCEL_BOTH and request.ordType == "fok":
        raise errors.said(errors.CONFLICT, "a fok order cancels itself or the other", "stpMode")
    return found


# -- what closes a position ---------------------------------------------------------------------


def exit_of(
    trigger: str | None,
    price: str | None,
    by: str | None,
    name: str,
    instrument: Instrument,
) -> tuple[int, int | None, TriggerBy] | None:
    """Return trigger, limit (None: at the market) and what it listens to, of `tp` or `sl`.

    None where the request says nothing of it.

    Raises:
        DecodeError: It says half of it.
        UnitError: A price is off the tick.
    """
    if trigger is None and price is None:
        return None
    if trigger is None or price is None:
        missing = f"{name}TriggerPx" if trigger is None else f"{name}OrdPx"
        raise errors.said(errors.MISSING, f"send {missing} too; {AT_MARKET} is at market", missing)
    limit = None if price == AT_MARKET else price_of(price, f"{name}OrdPx", instrument)
    ticks = price_of(trigger, f"{name}TriggerPx", instrument)
    return ticks, limit, trigger_of(by, f"{name}TriggerPxType")


def exits_of(request: Any, instrument: Instrument) -> list[tuple[bool, Any]]:
    """Return what a request says of taking profit (True) and of stopping a loss (False)."""
    found = (
        (True, (request.tpTriggerPx, request.tpOrdPx, request.tpTriggerPxType, "tp")),
        (False, (request.slTriggerPx, request.slOrdPx, request.slTriggerPxType, "sl")),
    )
    return [(takes, it) for takes, said in found if (it := exit_of(*said, instrument)) is not None]


def waiting(takes_profit: bool, has_limit: bool) -> OrderType:  # noqa: FBT001 two facts
    """Return the type of an order that takes profit or stops a loss."""
    if takes_profit:
        return OrderType.TAKE_PROFIT_LIMIT if has_limit else OrderType.TAKE_PROFIT
    return OrderType.STOP_LIMIT if has_limit else OrderType.STOP


def _with_exits(
    place: Place, attached: tuple[AttachedAlgo, ...], instrument: Instrument
) -> Place | PlaceGroup:
    if not attached:
        return place
    if len(attached) > ATTACHED_MAX:
        raise errors.said(errors.TOO_MANY, "one take-profit and one stop-loss", "attachAlgoOrds")
    (algo,) = attached
    if place.quote_atoms is not None:
        raise errors.invalid("tgtCcy", "what closes an order needs its size: send base_ccy")
    if algo.sz is not None and size_of(algo.sz, "sz", instrument) != place.size_lots:
        raise errors.invalid("attachAlgoOrds", "what closes an order here has its size")
    if algo.tpTriggerRatio or algo.slTriggerRatio:
        raise errors.invalid("attachAlgoOrds", "send prices, not ratios")
    found = exits_of(algo, instrument)
    if not found:
        raise errors.invalid("attachAlgoOrds", "send tpTriggerPx and tpOrdPx, or slTriggerPx too")
    name = client_id_of(algo.attachAlgoClOrdId, "attachAlgoClOrdId")
    exits = tuple(
        Place(
            account_id=place.account_id,
            instrument_id=place.instrument_id,
            side=place.side.opposite,
            order_type=waiting(takes, limit is not None),
            time_in_force=TimeInForce.GTC,
            post_only=False,
            price_ticks=limit,
            size_lots=place.size_lots,
            self_trade=place.self_trade,
            fee_asset=FeeAsset.RECEIVED,
            client_order_id="" if number else name,
            trigger_by=by,
            trigger_ticks=trigger,
        )
        for number, (takes, (trigger, limit, by)) in enumerate(found)
    )
    kind = GroupKind.OTO if len(exits) == 1 else GroupKind.BRACKET
    return PlaceGroup(kind, (place, *exits))


# -- to the wire --------------------------------------------------------------------------------


def place_to_wire(place: Place, listings: Listings) -> NewOrder:
    """Return the request that places an order at once.

    Raises:
        Unsupported: The venue has no such order.
    """
    refuse_unsaid(place)
    if place.order_type.waits or place.display_lots is not None:
        raise Unsupported("OKX places orders that wait, and icebergs, as algo orders")
    instrument = listings[place.instrument_id]
    kind = Kind(place.order_type, place.time_in_force, place.post_only)
    if kind not in KIND_NAMES:
        raise Unsupported(
            f"OKX has no {place.order_type.name} {place.time_in_force.name} order of that kind"
        )
    is_market = place.order_type is OrderType.MARKET
    by_quote = place.quote_atoms
    unit = None
    if is_market:
        unit = BASE if by_quote is None else QUOTE
    return NewOrder(
        instId=instrument.symbol,
        tdMode=CASH,
        side=SIDE_NAMES[place.side],
        ordType=KIND_NAMES[kind],
        sz=size_text(instrument, place.size_lots) if by_quote is None else amount_text(by_quote),
        px=None if place.price_ticks is None else price_text(instrument, place.price_ticks),
        tgtCcy=unit,
        clOrdId=place.client_order_id or None,
        stpMode=SELF_TRADE_NAMES[place.self_trade],
    )


def refuse_unsaid(place: Place) -> None:
    """Raise Unsupported for the first term of an order for which the venue has no word."""
    terms = {
        "post-only orders that slide": place.slide,
        "reduce-only orders on spot": place.reduce_only,
        "orders that end at a time": place.time_in_force is TimeInForce.GTD,
        "hidden orders: an iceberg shows something": place.display_lots == 0,
        f"self-trade mode {place.self_trade.name}": place.self_trade not in SELF_TRADE_NAMES,
        "client ids of that form; 1 to 32 letters and digits": bool(place.client_order_id)
        and _CLIENT_ID.fullmatch(place.client_order_id) is None,
    }
    for what, is_there in terms.items():
        if is_there:
            raise Unsupported(f"OKX has no {what}")
