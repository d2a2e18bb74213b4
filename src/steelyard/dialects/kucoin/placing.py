"""New orders, both ways: the venue's types and flags, and ours.

The invariant: nothing is rounded. A price off its increment or a size off its own is refused in
the venue's words. Without `stp` an order trades with one's own.
"""

from collections.abc import Mapping
from decimal import Decimal

from steelyard.dialects.kucoin import errors
from steelyard.dialects.kucoin.market import FUNDS_DECIMALS
from steelyard.dialects.kucoin.order_messages import NewOrder
from steelyard.dialects.kucoin.routes import answered, symbol_of
from steelyard.dialects.kucoin.text import (
    MS_NS,
    SIDE_NAMES,
    SIDES,
    amount_text,
    is_client_id,
    price_text,
    size_text,
)
from steelyard.domain.commands import Place
from steelyard.domain.errors import UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import SECOND_NS, TickerList, TickersQuery
from steelyard.domain.order import (
    FeeAsset,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.domain.units import parse_decimal, to_atoms
from steelyard.wire.dialect import Asker, Refusal, SessionRefused

SELF_TRADES: Mapping[str, SelfTrade] = {
    "DC": SelfTrade.DECREMENT,
    "CO": SelfTrade.CANCEL_OLDEST,
    "CN": SelfTrade.CANCEL_NEWEST,
    "CB": SelfTrade.CANCEL_BOTH,
}
SELF_TRADE_NAMES = {mode: name for name, mode in SELF_TRADES.items()}
TIMES_IN_FORCE = {
    "GTC": TimeInForce.GTC,
    "GTT": TimeInForce.GTD,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
TIME_IN_FORCE_NAMES = {tif: name for name, tif in TIMES_IN_FORCE.items()}
# An order that waits, by its side and the way in which its price is reached.
STOPS: Mapping[tuple[Side, str], OrderType] = {
    (Side.SELL, "loss"): OrderType.STOP,
    (Side.BUY, "entry"): OrderType.STOP,
    (Side.SELL, "entry"): OrderType.TAKE_PROFIT,
    (Side.BUY, "loss"): OrderType.TAKE_PROFIT,
}
LIMITED = {
    OrderType.STOP: OrderType.STOP_LIMIT,
    OrderType.TAKE_PROFIT: OrderType.TAKE_PROFIT_LIMIT,
}
STOP_NAMES = {(side, kind): name for (side, name), kind in STOPS.items()} | {
    (side, LIMITED[kind]): name for (side, name), kind in STOPS.items()
}
SLICES_MAX = 20  # an iceberg shows at least so much of itself
REMARK_MAX = 20
CANCEL_AFTER_MAX_S = 5_184_000


# -- server half --------------------------------------------------------------------------------


def place_from_wire(request: NewOrder, asker: Asker) -> Place:
    """Return the command of a new order that does not wait.

    Raises:
        DecodeError: Something is missing, or does not go with the type.
        SessionRefused: An unknown symbol, or a number that is off its steps.
    """
    instrument = symbol_of(request.symbol, asker.listings)
    if request.stopPrice is not None or request.stop is not None:
        raise errors.said(
            "stopPrice is invalid",
            "orders that wait for a price are another route's: POST /api/v1/stop-order",
            "stopPrice",
        )
    _check_words(request, asker)
    if request.type == "market":
        return _market(request, instrument, asker)
    return _limit(request, instrument, asker)


def stop_from_wire(request: NewOrder, asker: Asker) -> Place:
    """Return the command of a new order that waits for its price.

    Raises:
        DecodeError: Something is missing, or does not go with the type.
        SessionRefused: An unknown symbol, or a number that is off its steps.
    """
    instrument = symbol_of(request.symbol, asker.listings)
    if request.stopPrice is None:
        raise errors.missing("stopPrice")
    _check_words(request, asker)
    trigger_ticks = price_of(request.stopPrice, instrument, "stopPrice")
    name = request.stop or _side_of_price(trigger_ticks, instrument, asker)
    kind = STOPS[SIDES[request.side], name]
    if request.type == "market":
        if request.size is None:
            raise errors.said(
                "size is required",
                "orders that wait are sized here; `funds` goes with those that do not",
                "size",
            )
        return Place(
            account_id=asker.account_id,
            instrument_id=instrument.instrument_id,
            side=SIDES[request.side],
            order_type=kind,
            time_in_force=TimeInForce.GTC,
            post_only=False,
            price_ticks=None,
            size_lots=size_of(request.size, instrument, "size"),
            self_trade=_self_trade(request),
            client_order_id=request.clientOid or "",
            trigger_ticks=trigger_ticks,
        )
    return _limit(request, instrument, asker, LIMITED[kind], trigger_ticks)


def _side_of_price(trigger_ticks: int, instrument: Instrument, asker: Asker) -> str:
    """Return which way a price has to go to come to a trigger."""
    asked = asker.ask(TickersQuery((instrument.instrument_id,)))
    (ticker,) = answered(asked, TickerList).tickers
    return "entry" if trigger_ticks > (ticker.last_ticks or 0) else "loss"


def _check_words(request: NewOrder, asker: Asker) -> None:
    own = request.clientOid
    if own is not None and not is_client_id(own):
        raise errors.said("clientOid is invalid", "1 to 40 letters, digits, _ and -", "clientOid")
    for name in ("remark", "tags"):
        text = getattr(request, name)
        most = REMARK_MAX if name == "remark" else 2 * REMARK_MAX
        if text is not None and (len(text) > most or not text.isascii()):
            raise errors.said(f"{name} is invalid", f"at most {most} ASCII characters", name)
    window, sent = request.allowMaxTimeWindow, request.clientTimestamp
    if window is not None and sent is not None and sent + window < asker.now_ns // MS_NS:
        raise errors.said(
            "clientTimestamp is invalid",
            "the order came later than clientTimestamp + allowMaxTimeWindow allows",
            "clientTimestamp",
        )
    if request.tradeType not in (None, "TRADE"):
        raise errors.said("tradeType is invalid", "there is no margin here: TRADE", "tradeType")


def _market(request: NewOrder, instrument: Instrument, asker: Asker) -> Place:
    if (request.size is None) == (request.funds is None):
        raise errors.said(
            "size or funds is required", "send one of the two with a market order", "size"
        )
    if request.stp == "DC":
        raise errors.said("stp is invalid", "DC does not go with market orders", "stp")
    size_lots, quote_atoms = 0, None
    if request.funds is None:
        size_lots = size_of(request.size, instrument, "size")
    else:
        quote_atoms = funds_of(request.funds)
    return Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=SIDES[request.side],
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        post_only=False,
        price_ticks=None,
        size_lots=size_lots,
        self_trade=_self_trade(request),
        client_order_id=request.clientOid or "",
        quote_atoms=quote_atoms,
    )


def _self_trade(request: NewOrder) -> SelfTrade:
    return SelfTrade.NONE if request.stp is None else SELF_TRADES[request.stp]


def _limit(
    request: NewOrder,
    instrument: Instrument,
    asker: Asker,
    order_type: OrderType = OrderType.LIMIT,
    trigger_ticks: int | None = None,
) -> Place:
    if request.funds is not None:
        raise errors.said("funds is invalid", "funds goes with a market order; send size", "funds")
    if request.price is None:
        raise errors.missing("price")
    if request.size is None:
        raise errors.missing("size")
    tif = TIMES_IN_FORCE[request.timeInForce]
    rests = tif in (TimeInForce.GTC, TimeInForce.GTD)
    expire_ns = None
    if tif is TimeInForce.GTD:
        expire_ns = _expiry(request.cancelAfter, asker)
    price_ticks = price_of(request.price, instrument, "price")
    size_lots = size_of(request.size, instrument, "size")
    return Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=SIDES[request.side],
        order_type=order_type,
        time_in_force=tif,
        post_only=request.postOnly and rests,  # the venue passes over it with the others
        price_ticks=price_ticks,
        size_lots=size_lots,
        self_trade=_self_trade(request),
        client_order_id=request.clientOid or "",
        display_lots=_display(request, instrument, size_lots, rests=rests),
        trigger_ticks=trigger_ticks,
        expire_ns=expire_ns,
    )


def _expiry(after_s: int | None, asker: Asker) -> int:
    if after_s is None or not 1 <= after_s <= CANCEL_AFTER_MAX_S:
        raise errors.said(
            "cancelAfter is invalid",
            f"timeInForce GTT needs cancelAfter, from 1 to {CANCEL_AFTER_MAX_S} seconds",
            "cancelAfter",
        )
    return asker.sandbox_ns + after_s * SECOND_NS


def _display(
    request: NewOrder, instrument: Instrument, size_lots: int, *, rests: bool
) -> int | None:
    """Return how much of an order is to be seen, None where all of it is."""
    if request.hidden and request.iceberg:
        raise errors.said("iceberg is invalid", "hidden or iceberg: choose one", "iceberg")
    if not rests:
        return None
    if request.hidden:
        return 0
    if not request.iceberg:
        return None
    if request.visibleSize is None:
        raise errors.missing("visibleSize")
    display_lots = size_of(request.visibleSize, instrument, "visibleSize")
    if display_lots * SLICES_MAX < size_lots:
        raise errors.said(
            "validation.createOrder.visibleSizeInvalid",
            f"visibleSize has to be at least 1/{SLICES_MAX} of size {request.size}",
            "visibleSize",
        )
    return display_lots


def number_of(text: str | None, name: str) -> Decimal:
    """Return a number that a request has.

    Raises:
        DecodeError: It is none.
    """
    try:
        return parse_decimal(text or "")
    except UnitError as error:
        raise errors.said(f"{name} is invalid", str(error), name) from error


def price_of(text: str | None, instrument: Instrument, name: str) -> int:
    """Return a price in ticks.

    Raises:
        DecodeError: It is no number.
        SessionRefused: It is off the increment, or out of range.
    """
    try:
        return instrument.price_ticks(number_of(text, name), name)
    except UnitError as error:
        raise SessionRefused(Refusal(error.reason, str(error), name)) from error


def size_of(text: str | None, instrument: Instrument, name: str) -> int:
    """Return a size in lots.

    Raises:
        DecodeError: It is no number.
        SessionRefused: It is off the increment, or out of range.
    """
    try:
        return instrument.size_lots(number_of(text, name), name)
    except UnitError as error:
        raise SessionRefused(Refusal(error.reason, str(error), name)) from error


def funds_of(text: str) -> int:
    """Return how much to spend, in atoms.

    Raises:
        DecodeError: It is no number, not positive, or off the increment.
    """
    number = number_of(text, "funds")
    exponent = number.normalize().as_tuple().exponent
    if number <= 0 or not isinstance(exponent, int) or exponent < -FUNDS_DECIMALS:
        raise errors.said(
            "Funds increment invalid.",
            f"funds has to be positive and has at most {FUNDS_DECIMALS} decimals",
            "funds",
        )
    return to_atoms(number)


# -- client half --------------------------------------------------------------------------------


def place_to_wire(place: Place, listings: Listings) -> NewOrder:
    """Return the body of a new order.

    Raises:
        Unsupported: The venue has no word for it.
    """
    _check_offered(place)
    instrument = listings[place.instrument_id]
    ticks, display, trigger = place.price_ticks, place.display_lots, place.trigger_ticks
    spends = place.quote_atoms is not None
    return NewOrder(
        symbol=instrument.symbol,
        side=SIDE_NAMES[place.side],  # type: ignore[arg-type]
        type="limit" if place.order_type.has_limit else "market",
        clientOid=place.client_order_id or None,
        price=None if ticks is None else price_text(instrument, ticks),
        size=None if spends else size_text(instrument, place.size_lots),
        funds=funds_text(place.quote_atoms) if place.quote_atoms is not None else None,
        timeInForce=_time_in_force(place),  # type: ignore[arg-type]
        postOnly=place.post_only,
        hidden=display == 0,
        iceberg=bool(display),
        visibleSize=size_text(instrument, display) if display else None,
        stp=SELF_TRADE_NAMES.get(place.self_trade),  # type: ignore[arg-type]
        stop=STOP_NAMES.get((place.side, place.order_type)),  # type: ignore[arg-type]
        stopPrice=None if trigger is None else price_text(instrument, trigger),
    )


def funds_text(atoms: int) -> str:
    """Return an amount to spend.

    Raises:
        Unsupported: It is finer than the venue takes.
    """
    if atoms % 10 ** (12 - FUNDS_DECIMALS):
        raise Unsupported(f"KuCoin spends amounts of at most {FUNDS_DECIMALS} decimals")
    return amount_text(atoms)


def _time_in_force(place: Place) -> str:
    if place.order_type is OrderType.MARKET and place.time_in_force is TimeInForce.IOC:
        return "GTC"  # which is the default, and means nothing of a market order
    return TIME_IN_FORCE_NAMES[place.time_in_force]


def _check_offered(place: Place) -> None:
    is_market = not place.order_type.has_limit
    wrong = {
        f"{place.order_type.name} orders": place.order_type.trails,
        "triggers by anything but the last price": place.trigger_by is not TriggerBy.LAST,
        "GTD to a moment; its GTT counts seconds from when an order arrives": (
            place.time_in_force is TimeInForce.GTD
        ),
        "DC on market orders": is_market and place.self_trade is SelfTrade.DECREMENT,
        "market orders that fill whole or not at all": (
            is_market and place.time_in_force is TimeInForce.FOK
        ),
        "fees in anything but the quote asset": place.fee_asset is not FeeAsset.QUOTE,
        "post-only orders that slide": place.slide,
        "reduce-only orders": place.reduce_only,
        "post-only orders that do not rest": place.post_only
        and place.time_in_force in (TimeInForce.IOC, TimeInForce.FOK),
        "such client ids: 1 to 40 letters, digits, _ and -": bool(place.client_order_id)
        and not is_client_id(place.client_order_id),
        "icebergs that show less than 1/20": bool(place.display_lots)
        and (place.display_lots or 0) * SLICES_MAX < place.size_lots,
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise Unsupported(f"KuCoin has no {what}")
