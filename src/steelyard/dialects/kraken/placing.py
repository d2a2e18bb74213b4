"""A new order: what goes with which type, and the order to the wire next to the order from it.

The invariant: a combination that has no row in `KINDS` and `LIFETIMES` is no order here. Prices may
be relative to the last trade (`+10`, `-1%`, `#5`); what they come to is rounded to the tick in the
other side's favour: down for a buyer, up for a seller. Absolute prices are never rounded.

A conditional close is placed for each fill of its order, with the size of the fill.

Over WebSocket the same order has other names (`session`); it is turned into the one of REST first.
"""

import re
from decimal import Decimal
from typing import NamedTuple

import msgspec

from steelyard.dialects.kraken import errors
from steelyard.dialects.kraken.order_messages import AddOrderRequest, BatchedOrder
from steelyard.dialects.kraken.text import (
    pair_id,
    price_decimals,
    price_text,
    read_rfc3339,
    read_seconds,
    size_text,
)
from steelyard.domain.closing import PlaceClosing
from steelyard.domain.commands import Place
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import SECOND_NS, OrderQuery, TickerList, TickersQuery
from steelyard.domain.order import (
    FeeAsset,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.domain.units import EXACT, RATE_SCALE, TEXT_MAX, in_full, plain, to_atoms
from steelyard.wire.dialect import Asker

SIDES = {"buy": Side.BUY, "sell": Side.SELL}
SIDE_NAMES = {side: name for name, side in SIDES.items()}
KINDS: dict[str, OrderType] = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "iceberg": OrderType.LIMIT,
    "stop-loss": OrderType.STOP,
    "stop-loss-limit": OrderType.STOP_LIMIT,
    "take-profit": OrderType.TAKE_PROFIT,
    "take-profit-limit": OrderType.TAKE_PROFIT_LIMIT,
    "trailing-stop": OrderType.TRAILING_STOP,
    "trailing-stop-limit": OrderType.TRAILING_STOP_LIMIT,
}
KIND_NAMES = {kind: name for name, kind in reversed(KINDS.items())}  # a LIMIT is a `limit`
LIFETIMES = {"gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "gtd": TimeInForce.GTD} | {
    "fok": TimeInForce.FOK
}
SELF_TRADES = {
    "cancel-newest": SelfTrade.CANCEL_NEWEST,
    "cancel-oldest": SelfTrade.CANCEL_OLDEST,
    "cancel-both": SelfTrade.CANCEL_BOTH,
}
SELF_TRADE_NAMES = {mode: name for name, mode in SELF_TRADES.items()}
SELF_TRADE_DEFAULT = "cancel-newest"
TRIGGERS = {"last": TriggerBy.LAST, "index": TriggerBy.INDEX}
TRIGGER_NAMES = {by: name for name, by in TRIGGERS.items()}
FLAGS = frozenset({"post", "fcib", "fciq", "nompp", "viqc"})

EXPIRES_AFTER_MIN_NS = 5 * SECOND_NS
DEADLINE_MIN_NS, DEADLINE_MAX_NS = 500_000_000, 60 * SECOND_NS
EXPIRY_MAX_NS = 31 * 24 * 3_600 * SECOND_NS
DISPLAY_PARTS_MAX = 15
USERREF_BITS = 31
CLIENT_ID_MAX = 18

_RELATIVE = re.compile(r"([+#-]?)([0-9]{1,20}(?:\.[0-9]{1,20})?)(%?)", re.ASCII)
_UUID = re.compile(
    r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}"
)
_CLIENT_ID = re.compile(r"[!-~]{1,18}")
_USERREF = re.compile(r"~(-?[0-9]{1,10})~[0-9]{1,30}")


class Price(NamedTuple):
    """A price as a request spells it."""

    sign: str  # +, -, # or nothing
    value: Decimal
    is_percent: bool

    @property
    def is_relative(self) -> bool:
        """Whether it is a distance."""
        return bool(self.sign) or self.is_percent


# -- userrefs -----------------------------------------------------------------------------------


def userref_id(userref: int, asker: Asker, place: int = 0) -> str:
    """Return the client order id of an order that has a userref, of which there may be many."""
    number = asker.now_ns + place
    while asker.find_order(OrderQuery(asker.account_id, client_order_id=f"~{userref}~{number}")):
        number += 1
    return f"~{userref}~{number}"


def userref_of(client_order_id: str) -> int | None:
    """Return the userref in a client order id, None where it has none."""
    found = _USERREF.fullmatch(client_order_id)
    return None if found is None else int(found[1])


def own_id(client_order_id: str) -> str | None:
    """Return the cl_ord_id of an order, None where its owner gave it none."""
    is_given = _UUID.fullmatch(client_order_id) or _CLIENT_ID.fullmatch(client_order_id)
    is_ours = client_order_id.startswith("sy-") or userref_of(client_order_id) is not None
    return client_order_id if is_given and not is_ours else None


def check_client_id(text: str) -> str:
    """Return a cl_ord_id.

    Raises:
        DecodeError: It is neither a UUID nor short.
    """
    if _UUID.fullmatch(text) is None and _CLIENT_ID.fullmatch(text) is None:
        raise errors.invalid(
            "cl_ord_id", f"a UUID with or without dashes, or 1 to {CLIENT_ID_MAX} characters"
        )
    return text


# -- to the wire --------------------------------------------------------------------------------


def place_to_wire(place: Place, listings: Listings) -> AddOrderRequest:
    """Return the request that places an order.

    Raises:
        Unsupported: The venue has no such order.
    """
    if unsaid := _unsaid(place):
        raise Unsupported(f"Kraken has no word for {unsaid}")
    instrument = listings[place.instrument_id]
    kind = KIND_NAMES[place.order_type]
    price, price2 = _prices(place, instrument)
    is_market = place.order_type is OrderType.MARKET
    by_amount = place.quote_atoms
    flags = [
        *(("post",) if place.post_only else ()),
        *(("viqc",) if by_amount is not None else ()),
    ]
    size = plain(instrument.size(place.size_lots))
    return AddOrderRequest(
        pair=pair_id(instrument),
        type=SIDE_NAMES[place.side],
        ordertype="iceberg" if place.display_lots else kind,
        volume=size if by_amount is None else plain(EXACT.divide(Decimal(by_amount), 10**12)),
        displayvol=plain(instrument.size(place.display_lots)) if place.display_lots else None,
        price=price,
        price2=price2,
        trigger=TRIGGER_NAMES[place.trigger_by] if place.order_type.waits else None,
        stptype=SELF_TRADE_NAMES[place.self_trade],
        oflags=",".join(flags) or None,
        timeinforce=None
        if is_market or place.time_in_force is TimeInForce.GTC
        else place.time_in_force.name,
        expiretm=None if place.expire_ns is None else str(-(-place.expire_ns // SECOND_NS)),
        cl_ord_id=place.client_order_id or None,
    )


def _prices(place: Place, instrument: Instrument) -> tuple[str | None, str | None]:
    """Return price and price2."""
    limit = None if place.price_ticks is None else price_text(instrument, place.price_ticks)
    if not place.order_type.waits:
        return limit, None
    if place.trail_ticks is not None:
        return f"+{price_text(instrument, place.trail_ticks)}", limit
    if place.trail_rate_e8 is not None:
        percent = in_full(plain(EXACT.divide(Decimal(place.trail_rate_e8), RATE_SCALE // 100)))
        return f"+{percent}%", limit
    assert place.trigger_ticks is not None, "what waits has a trigger or a trail"
    return price_text(instrument, place.trigger_ticks), limit


def _unsaid(place: Place) -> str | None:
    """Return the first term of an order for which the venue has no word."""
    waits = place.order_type.waits
    terms = {
        "slide": place.slide,
        "reduce_only": place.reduce_only,
        "an activation price": place.activation_ticks is not None,
        "a hidden order: an iceberg shows something": place.display_lots == 0,
        "the mark price": place.trigger_by is TriggerBy.MARK,
        f"self-trade mode {place.self_trade.name}": place.self_trade not in SELF_TRADE_NAMES,
        "a market order that is all or nothing": place.order_type is OrderType.MARKET
        and place.time_in_force is TimeInForce.FOK,
        "a stop that is an iceberg": waits and place.display_lots is not None,
    }
    return next((name for name, is_there in terms.items() if is_there), None)


# -- from the wire ------------------------------------------------------------------------------


def placed_from_wire(
    request: BatchedOrder, instrument: Instrument, asker: Asker, number: int = 0
) -> Place | PlaceClosing:
    """Return what a request asks for; number is its place among several.

    Raises:
        DecodeError: Parameters do not go together.
        UnitError: A price or size is not in whole steps.
    """
    place = _place(request, instrument, asker, number)
    if request.close_ordertype is None:
        return place
    closing = BatchedOrder(
        type=SIDE_NAMES[place.side.opposite],
        ordertype=request.close_ordertype,
        volume=request.volume,
        price=request.close_price,
        price2=request.close_price2,
        stptype=request.stptype,
        trigger=request.trigger,
    )
    if place.quote_atoms is not None:
        raise errors.invalid("close[ordertype]", "an order by cost has no size to be closed")
    closed = _place(closing, instrument, asker, number)
    return PlaceClosing(place, msgspec.structs.replace(closed, size_lots=0))


def _place(request: BatchedOrder, instrument: Instrument, asker: Asker, number: int) -> Place:
    side = SIDES.get(request.type)
    if side is None:
        raise errors.invalid("type", "it is buy or sell")
    kind = KINDS.get(request.ordertype)
    if kind is None:
        raise errors.invalid("ordertype", f"there are {', '.join(KINDS)}")
    _refuse_margin(request)
    flags = _flags(request.oflags, kind, side)
    lifetime, expire_ns = _lifetime(request, kind, asker.sandbox_ns)
    by_cost = "viqc" in flags
    prices = _Prices(request, instrument, side, asker)
    limit, trigger, trail_ticks, trail_rate_e8 = prices.of(kind)
    return Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=kind,
        time_in_force=lifetime,
        post_only="post" in flags,
        price_ticks=limit,
        size_lots=0 if by_cost else instrument.size_lots(request.volume, "volume"),
        self_trade=_self_trade(request),
        fee_asset=FeeAsset.RECEIVED if "fcib" in flags else FeeAsset.QUOTE,
        client_order_id=_client_id(request, asker, number),
        quote_atoms=_cost_atoms(request) if by_cost else None,
        display_lots=_display_lots(request, instrument),
        trigger_by=_trigger_by(request),
        trigger_ticks=trigger,
        trail_ticks=trail_ticks,
        trail_rate_e8=trail_rate_e8,
        expire_ns=expire_ns,
    )


def check_deadline(text: str | None, now_ns: int) -> None:
    """Raise DecodeError where a request came too late, or says so too far ahead."""
    if text is None:
        return
    try:
        deadline_ns = read_rfc3339(text)
    except DecodeError as error:
        raise errors.invalid("deadline", str(error)) from error
    if deadline_ns <= now_ns:
        raise errors.said(errors.DEADLINE, "the deadline had passed; it was not carried out")
    if not DEADLINE_MIN_NS <= deadline_ns - now_ns <= DEADLINE_MAX_NS:
        raise errors.invalid("deadline", "it is half a second to a minute ahead")


def _refuse_margin(request: BatchedOrder) -> None:
    if request.leverage not in (None, "none", "0", "1", "1:1"):
        raise errors.invalid("leverage", "there is no margin here; leave it out")
    if request.reduce_only:
        raise errors.said(
            "EOrder:Reduce only:No position exists",
            "there are no positions without margin; leave reduce_only out",
        )
    if request.starttm not in (None, "0"):
        raise errors.invalid("starttm", "nothing is scheduled here; send the order when it is due")


def _flags(text: str | None, kind: OrderType, side: Side) -> frozenset[str]:
    flags = frozenset(part.strip() for part in (text or "").split(",") if part.strip())
    if unknown := sorted(flags - FLAGS):
        raise errors.invalid("oflags", f"{', '.join(unknown)}: there are {', '.join(FLAGS)}")
    if {"fcib", "fciq"} <= flags:
        raise errors.invalid("oflags", "a fee is taken in one asset: fcib or fciq")
    if "fcib" in flags and side is Side.SELL:
        raise errors.invalid("oflags", "a seller's fee is taken from what it gets: fciq")
    if "viqc" in flags and kind is not OrderType.MARKET:
        raise errors.invalid("oflags", "viqc goes with market orders")
    if "post" in flags and not kind.has_limit:
        raise errors.invalid("oflags", "post goes with orders that have a limit")
    return flags


def _lifetime(
    request: BatchedOrder, kind: OrderType, now_ns: int
) -> tuple[TimeInForce, int | None]:
    name = (request.timeinforce or "gtc").lower()
    lifetime = LIFETIMES.get(name)
    if lifetime is None:
        raise errors.invalid("timeinforce", "it is GTC, IOC, GTD or FOK")
    expire_ns = _expire_ns(request.expiretm, now_ns)
    if expire_ns is not None and lifetime is TimeInForce.GTC:
        lifetime = TimeInForce.GTD
    if (lifetime is TimeInForce.GTD) != (expire_ns is not None):
        raise errors.invalid("expiretm", "it goes with GTD, and GTD with it")
    if kind is OrderType.MARKET:
        return TimeInForce.IOC, None
    return lifetime, expire_ns


def _expire_ns(text: str | None, now_ns: int) -> int | None:
    if text in (None, "0"):
        return None
    assert text is not None, "it was compared above"
    try:
        if "T" in text:
            at_ns = read_rfc3339(text)
        elif text.startswith("+"):
            after_ns = read_seconds(text[1:])
            if after_ns < EXPIRES_AFTER_MIN_NS:
                raise errors.invalid("expiretm", "+n is at least 5 s")
            at_ns = now_ns + after_ns
        else:
            at_ns = read_seconds(text)
    except DecodeError as error:
        raise errors.invalid("expiretm", str(error)) from error
    if not now_ns < at_ns <= now_ns + EXPIRY_MAX_NS:
        raise errors.invalid("expiretm", "it is ahead, by a month at most")
    return at_ns


def _self_trade(request: BatchedOrder) -> SelfTrade:
    name = (request.stptype or request.stp_type or SELF_TRADE_DEFAULT).replace("_", "-")
    found = SELF_TRADES.get(name)
    if found is None:
        raise errors.invalid("stptype", f"it is {', '.join(SELF_TRADES)}")
    return found


def _trigger_by(request: BatchedOrder) -> TriggerBy:
    found = TRIGGERS.get(request.trigger or "last")
    if found is None:
        raise errors.invalid("trigger", "it is last or index")
    return found


def _client_id(request: BatchedOrder, asker: Asker, number: int) -> str:
    if request.cl_ord_id is not None:
        if request.userref:
            raise errors.invalid("userref", "an order has a cl_ord_id or a userref, not both")
        return check_client_id(request.cl_ord_id)
    if not request.userref:
        return ""
    if not -(1 << USERREF_BITS) <= request.userref < 1 << USERREF_BITS:
        raise errors.invalid("userref", "it is a whole number of 32 bits")
    return userref_id(request.userref, asker, number)


def _cost_atoms(request: BatchedOrder) -> int:
    try:
        atoms = to_atoms(request.volume)
    except UnitError as error:
        raise errors.invalid("volume", str(error)) from error
    if atoms <= 0:
        raise errors.invalid("volume", "with viqc it is what to spend, above 0")
    return atoms


def _display_lots(request: BatchedOrder, instrument: Instrument) -> int | None:
    shown = request.displayvol
    if request.ordertype != "iceberg":
        if shown:
            raise errors.invalid("displayvol", "it goes with the order type iceberg")
        return None
    if not shown or shown * DISPLAY_PARTS_MAX < request.volume or shown > request.volume:
        raise errors.invalid(
            "displayvol", f"an iceberg shows at least 1/{DISPLAY_PARTS_MAX} of its volume"
        )
    return instrument.size_lots(shown, "displayvol")


# -- prices -------------------------------------------------------------------------------------


def read_price_words(text: str, field: str) -> Price:
    """Return a price as it is spelled.

    Raises:
        DecodeError: It is none.
    """
    found = _RELATIVE.fullmatch(text) if len(text) <= TEXT_MAX else None
    if found is None:
        raise errors.invalid(
            field, f"{errors.shown(text)} is no price such as 30000, +10, -1% or #5"
        )
    sign, value, percent = found.groups()
    return Price(sign, Decimal(value), bool(percent))


def absolute_ticks(text: str, field: str, instrument: Instrument) -> int:
    """Return a price that has to stand for itself, in ticks.

    Raises:
        DecodeError: It is none, or has too many decimals.
        UnitError: It is off the tick, or out of range.
    """
    price = read_price_words(text, field)
    if price.is_relative:
        raise errors.invalid(field, "here a price stands for itself; send it without a sign")
    return _ticks(price.value, field, instrument)


def _ticks(value: Decimal, field: str, instrument: Instrument) -> int:
    decimals = price_decimals(instrument)
    if value != round(value, decimals):
        pair = pair_id(instrument)
        raise errors.said(
            f"{errors.INVALID_PRICE}:{pair} price can only be specified up to {decimals} decimals.",
            f"{field} {value} has more",
            field,
        )
    return instrument.price_ticks(value, field)


class _Prices:
    """Price and price2 of a request, as its type means them."""

    def __init__(
        self, request: BatchedOrder, instrument: Instrument, side: Side, asker: Asker
    ) -> None:
        self._request, self._instrument, self._side, self._asker = request, instrument, side, asker

    def of(self, kind: OrderType) -> tuple[int | None, int | None, int | None, int | None]:
        """Return limit and trigger in ticks, and a trail in ticks or as a rate."""
        request = self._request
        if not kind.waits:
            if request.price2 not in (None, "0"):
                raise errors.invalid("price2", f"a {request.ordertype} order has none")
            if kind is OrderType.MARKET:
                return None, None, None, None
            return self._resolved(request.price, "price", kind), None, None, None
        limit = self._resolved(request.price2, "price2", kind) if kind.has_limit else None
        if not kind.trails:
            return limit, self._resolved(request.price, "price", kind), None, None
        trail = self._wanted(request.price, "price")
        if trail.sign != "+":
            raise errors.invalid("price", "a trailing stop's price is its distance, as +100 or +1%")
        if trail.is_percent:
            rate_e8 = EXACT.multiply(trail.value, RATE_SCALE // 100)
            if rate_e8 != int(rate_e8):
                raise errors.invalid("price", "a distance has at most 6 decimals of a percent")
            return limit, None, None, int(rate_e8)
        return limit, None, _ticks(trail.value, "price", self._instrument), None

    def _wanted(self, text: str | None, field: str) -> Price:
        if text is None or text == "0":
            raise errors.invalid(field, f"a {self._request.ordertype} order needs it")
        return read_price_words(text, field)

    def _resolved(self, text: str | None, field: str, kind: OrderType) -> int:
        price = self._wanted(text, field)
        if not price.is_relative:
            return _ticks(price.value, field, self._instrument)
        if kind.trails:
            raise errors.invalid(
                field, "the limit of a trailing stop stays where it is set; send an absolute price"
            )
        last = self._last()
        part = EXACT.multiply(last, price.value).scaleb(-2)
        distance = part if price.is_percent else price.value
        rises = price.sign == "+" or (price.sign == "#" and self._is_above(kind))
        value = last + distance if rises else last - distance
        step = self._instrument.tick_size
        steps = int(EXACT.divide_int(value, step))
        if self._side is Side.SELL and EXACT.remainder(value, step):
            steps += 1
        return self._instrument.price_ticks(EXACT.multiply(step, steps), field)

    def _is_above(self, kind: OrderType) -> bool:
        """Whether `#` adds: where such an order would wait."""
        stops = kind in (OrderType.STOP, OrderType.STOP_LIMIT)
        return (self._side is Side.BUY) == stops

    def _last(self) -> Decimal:
        answer = self._asker.ask(TickersQuery((self._instrument.instrument_id,)))
        assert isinstance(answer, TickerList), "a TickersQuery is answered by tickers"
        last = answer.tickers[0].last_ticks
        if not last:
            raise errors.said(
                errors.INVALID_PRICE, "nothing has traded yet to which a price could be relative"
            )
        return self._instrument.price(last)


# -- in words -----------------------------------------------------------------------------------


class Said(NamedTuple):
    """An order's terms as far as words have them."""

    side: Side
    order_type: OrderType
    size_lots: int
    price_ticks: int | None
    trigger_ticks: int | None
    trail_ticks: int | None
    trail_rate_e8: int | None
    spend_atoms: int | None


def said_of(place: Place) -> Said:
    """Return the terms of a new order."""
    return Said(
        place.side,
        place.order_type,
        place.size_lots,
        place.price_ticks,
        place.trigger_ticks,
        place.trail_ticks,
        place.trail_rate_e8,
        place.quote_atoms,
    )


def first_price(said: Said, instrument: Instrument) -> str:
    """Return what `price` of an order's description says: limit, trigger or distance."""
    if said.trail_ticks is not None:
        return f"+{price_text(instrument, said.trail_ticks)}"
    if said.trail_rate_e8 is not None:
        percent = plain(EXACT.divide(Decimal(said.trail_rate_e8), RATE_SCALE // 100))
        return f"+{percent:.4f}%" if percent == round(percent, 4) else f"+{in_full(percent)}%"
    ticks = said.trigger_ticks if said.order_type.waits else said.price_ticks
    return "0" if ticks is None else price_text(instrument, ticks)


def second_price(said: Said, instrument: Instrument) -> str:
    """Return what `price2` says: the limit of what waits."""
    if not said.order_type.waits or said.price_ticks is None:
        return "0"
    return price_text(instrument, said.price_ticks)


def words(said: Said, instrument: Instrument, pair: str) -> str:
    """Return an order in the words of `descr.order`, which clients take apart at blanks."""
    if said.spend_atoms is None:
        size = size_text(instrument, said.size_lots)
    else:
        size = in_full(plain(EXACT.divide(Decimal(said.spend_atoms), 10**12)))
    kind = KIND_NAMES[said.order_type]
    named = kind.removesuffix("-limit").replace("-", " ") if said.order_type.waits else kind
    text = f"{SIDE_NAMES[said.side]} {size} {pair} @ {named}"
    if said.order_type is OrderType.MARKET:
        return text
    text = f"{text} {first_price(said, instrument)}"
    if said.order_type.waits and said.order_type.has_limit:
        text = f"{text} -> limit {second_price(said, instrument)}"
    return text


def closing_words(said: Said, instrument: Instrument) -> str:
    """Return a conditional close in the words of `descr.close`."""
    return f"close position @ {words(said, instrument, '').partition('@ ')[2]}"
