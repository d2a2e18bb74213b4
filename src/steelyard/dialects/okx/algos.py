"""Algo orders: those that wait for a price or follow it, pairs, icebergs; server half.

The invariant: what the engine has not is refused: `twap`, `chase`, fractions of a position, exits
of what a trigger brings. An iceberg rests at its worst price and shows so much of itself; it does
not follow the touch. Which way a price has to come follows from where it is when a `trigger` comes.
"""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from steelyard.dialects.okx import errors
from steelyard.dialects.okx.algo_messages import (
    AlgoAck,
    AmendAlgo,
    AmendAlgos,
    CancelAlgo,
    CancelAlgos,
    NewAlgo,
    NewAlgos,
)
from steelyard.dialects.okx.algo_terms import CONDITIONAL, KINDS, OCO, TRIGGER, is_algo, kind_of
from steelyard.dialects.okx.executions import (
    algo_number,
    is_exit,
)
from steelyard.dialects.okx.messages import Envelope
from steelyard.dialects.okx.orders import (
    Item,
    batch_of,
    count_of,
    envelope_of,
    in_words,
    items_of,
    named,
)
from steelyard.dialects.okx.placing import (
    AT_MARKET,
    BASE,
    CASH,
    MARGIN_MODES,
    check_common,
    client_id_of,
    exits_of,
    number_of,
    price_of,
    side_of,
    size_of,
    trigger_of,
    waiting,
)
from steelyard.dialects.okx.routes import answered, instrument_of, signed
from steelyard.dialects.okx.text import (
    MARK,
    RATE_DECIMALS,
    SIDE_NAMES,
    UNNAMED,
    id_number,
)
from steelyard.domain.commands import Amend, Cancel, Place, PlaceGroup
from steelyard.domain.errors import UnitError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    OrderAnswer,
    OrderList,
    OrderQuery,
    Scope,
    TickerList,
    TickersQuery,
)
from steelyard.domain.order import (
    FeeAsset,
    GroupKind,
    OrderType,
    RejectReason,
    Side,
    TimeInForce,
)
from steelyard.wire.dialect import Asker, Decoded, Refusal

BATCH_MAX = 10


# -- placing ------------------------------------------------------------------------------------


def placed_from_wire(request: NewAlgo, asker: Asker) -> Place | PlaceGroup:
    """Return what a request asks for.

    Raises:
        DecodeError: Parameters do not go together, or it is of a type that is not there.
        UnitError: A price or size is not in whole steps.
        SessionRefused: No such instrument.
    """
    instrument = instrument_of(request.instId, asker.listings)
    check_common(request)
    if request.tdMode not in (CASH, *MARGIN_MODES):
        raise errors.invalid("tdMode", f"it is {CASH}")
    if request.closeFraction is not None:
        raise errors.invalid("closeFraction", "there are no positions here; send sz")
    if request.attachAlgoOrds:
        raise errors.invalid("attachAlgoOrds", "they go with orders that go to market at once")
    if request.sz is None:
        raise errors.said(errors.MISSING, "send the size in base", "sz")
    name = request.algoClOrdId if request.algoClOrdId is not None else request.clOrdId
    plain = Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=side_of(request.side),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        price_ticks=None,
        size_lots=size_of(request.sz, "sz", instrument),
        fee_asset=FeeAsset.RECEIVED,
        client_order_id=client_id_of(name, "algoClOrdId"),
    )
    match request.ordType:
        case "conditional" | "oco":
            return _exits(request, plain, instrument)
        case "trigger":
            return _checked(_triggered(request, plain, instrument, asker), request)
        case "move_order_stop":
            return _checked(_trailing(request, plain, instrument), request)
        case "iceberg" | "smart_iceberg":
            return _iceberg(request, plain, instrument)
        case other:
            known = ", ".join(KINDS)
            raise errors.invalid("ordType", f"{errors.shown(other)} is not here; there are {known}")


def _checked(place: Place, request: NewAlgo) -> Place:
    """Return an order, of which the unit of its size is known.

    Raises:
        DecodeError: A buy at the market that may be meant in quote.
    """
    is_market_buy = place.side is Side.BUY and not place.order_type.has_limit
    if is_market_buy and request.tgtCcy != BASE:
        raise errors.invalid("tgtCcy", f"a buy at the market that waits is sized in {BASE}: say so")
    return place


def _exits(request: NewAlgo, plain: Place, instrument: Instrument) -> Place | PlaceGroup:
    found = exits_of(request, instrument)
    if not found:
        raise errors.said(errors.MISSING, "send slTriggerPx and slOrdPx, or tp", "slTriggerPx")
    is_pair = request.ordType == OCO
    if is_pair and len(found) == 1:
        missing = "slTriggerPx" if found[0][0] else "tpTriggerPx"
        raise errors.said(errors.MISSING, "of an oco both are sent", missing)
    if not is_pair:
        found = found[-1:]  # of two the venue carries out the stop-loss alone
    places = tuple(
        _checked(
            replace(
                plain,
                order_type=waiting(takes, limit is not None),
                price_ticks=limit,
                trigger_ticks=trigger,
                trigger_by=by,
                client_order_id="" if number else plain.client_order_id,
            ),
            request,
        )
        for number, (takes, (trigger, limit, by)) in enumerate(found)
    )
    return PlaceGroup(GroupKind.OCO, places) if is_pair else places[0]


def _triggered(request: NewAlgo, plain: Place, instrument: Instrument, asker: Asker) -> Place:
    if request.triggerPx is None or request.orderPx is None:
        missing = "triggerPx" if request.triggerPx is None else "orderPx"
        raise errors.said(errors.MISSING, f"send {missing}; {AT_MARKET} is at market", missing)
    trigger = price_of(request.triggerPx, "triggerPx", instrument)
    has_limit = request.orderPx != AT_MARKET
    by = trigger_of(request.triggerPxType, "triggerPxType")
    last = _last_ticks(instrument, asker)
    # From where the price is now: the venue has no word for the way that it has to come.
    rises = trigger > last
    takes_profit = rises is (plain.side is Side.SELL)
    return replace(
        plain,
        order_type=waiting(takes_profit, has_limit),
        price_ticks=price_of(request.orderPx, "orderPx", instrument) if has_limit else None,
        trigger_ticks=trigger,
        trigger_by=by,
        client_order_id=_marked(plain.client_order_id, asker),
    )


def _marked(name: str, asker: Asker) -> str:
    """Return the name under which an order of type `trigger` is kept."""
    if name:
        return f"{MARK}{name}"
    number = asker.now_ns
    while asker.find_order(
        OrderQuery(asker.account_id, client_order_id=f"{MARK}{UNNAMED}{number}")
    ):
        number += 1
    return f"{MARK}{UNNAMED}{number}"


def _last_ticks(instrument: Instrument, asker: Asker) -> int:
    query = TickersQuery((instrument.instrument_id,))
    (ticker,) = answered(asker.ask(query), TickerList).tickers
    if ticker.last_ticks is None:
        raise errors.refused(
            errors.OUT_OF_RANGE,
            "nothing has traded yet, so that nobody knows which way the price has to come",
            RejectReason.WOULD_TRIGGER,
            "triggerPx",
        )
    return ticker.last_ticks


def _trailing(request: NewAlgo, plain: Place, instrument: Instrument) -> Place:
    ratio, spread = request.callbackRatio, request.callbackSpread
    if (ratio is None) == (spread is None):
        raise errors.invalid("callbackRatio", "send callbackRatio or callbackSpread, one of them")
    rate_e8 = None
    if ratio is not None:
        scaled = number_of(ratio, "callbackRatio").scaleb(RATE_DECIMALS)
        most = Decimal(10) ** RATE_DECIMALS
        if not 0 < scaled <= most or scaled != scaled.to_integral_value():
            raise UnitError(
                "callbackRatio is a share above 0, at most 1, of up to 8 decimals: 0.01 is 1 %",
                RejectReason.TRAIL_OUT_OF_RANGE,
                "callbackRatio",
            )
        rate_e8 = int(scaled)
    active = request.activePx
    return replace(
        plain,
        order_type=OrderType.TRAILING_STOP,
        trail_rate_e8=rate_e8,
        trail_ticks=None if spread is None else price_of(spread, "callbackSpread", instrument),
        activation_ticks=None if active is None else price_of(active, "activePx", instrument),
    )


def _iceberg(request: NewAlgo, plain: Place, instrument: Instrument) -> Place:
    if request.szLimit is None or request.pxLimit is None:
        missing = "szLimit" if request.szLimit is None else "pxLimit"
        raise errors.said(errors.MISSING, f"send {missing}", missing)
    return replace(
        plain,
        price_ticks=price_of(request.pxLimit, "pxLimit", instrument),
        display_lots=size_of(request.szLimit, "szLimit", instrument),
    )


def _place(request: NewAlgos, asker: Asker) -> Decoded:
    return batch_of(items_of(request, asker, placed_from_wire, 1))


def _placed(answer: Any, request: NewAlgos, asker: Asker) -> Envelope[AlgoAck]:
    return envelope_of(items_of(request, asker, placed_from_wire, 1), answer, asker, _placed_one)


def _placed_one(item: Item, told: Any, _asker: Asker) -> tuple[AlgoAck, bool]:
    algo: NewAlgo = item.request
    own = {"clOrdId": algo.clOrdId or "", "algoClOrdId": algo.algoClOrdId or ""}
    own["tag"] = algo.tag or ""
    match told:
        case OrderAnswer():
            return AlgoAck(algoId=str(algo_number(told.order)), sCode=errors.OK, **own), False
        case OrderList(orders):
            return AlgoAck(algoId=str(algo_number(orders[0])), sCode=errors.OK, **own), False
        case Refusal():
            if told.reason is RejectReason.WOULD_TRIGGER and told.code is None:
                told = told._replace(code=_would_trigger(item))
            words = errors.words_of(told)
            row = AlgoAck(sCode=words.code, sMsg=words.text, help=told.message, **own)
            return row, True
        case _:
            raise AssertionError("a new order is answered by itself")


def _would_trigger(item: Item) -> str | None:
    """Return the code of a trigger price that is there already."""
    if item.request.triggerPx is not None:
        return None
    is_sell = item.request.side == SIDE_NAMES[Side.SELL]
    stops = item.request.slTriggerPx is not None
    return ("51280" if is_sell else "51278") if stops else ("51279" if is_sell else "51277")


# -- canceling and amending ---------------------------------------------------------------------


def find_algo(algo_id: str | None, own: str | None, asker: Asker) -> Order | None:
    """Return the first order of an algo order by one of its names; by the venue's of both.

    Raises:
        DecodeError: It is not named.
    """
    if algo_id is not None:
        number = id_number(algo_id) or 0
        found = asker.find_order(OrderQuery(asker.account_id, order_id=number))
    elif own is not None:
        found = named(own, None, asker)
    else:
        raise errors.said(errors.NO_NAME, "send algoId or algoClOrdId", "algoId")
    return found if found is not None and is_algo(found) else None


def _named(request: CancelAlgo | AmendAlgo, words: errors.Words, asker: Asker) -> Order:
    instrument = instrument_of(request.instId, asker.listings)
    found = find_algo(request.algoId, request.algoClOrdId, asker)
    if found is None or found.instrument_id != instrument.instrument_id:
        how = "there is no such algo order; trade/orders-algo-pending lists those that wait"
        raise errors.refused(words, how, RejectReason.UNKNOWN_ORDER, "algoId")
    return found


def _canceled_from_wire(request: CancelAlgo, asker: Asker) -> Cancel:
    return Cancel(asker.account_id, _named(request, errors.NOT_CANCELED, asker).order_id)


def _cancel(request: CancelAlgos, asker: Asker) -> Decoded:
    return batch_of(items_of(request, asker, _canceled_from_wire, BATCH_MAX))


def _canceled(answer: Any, request: CancelAlgos, asker: Asker) -> Envelope[AlgoAck]:
    items = items_of(request, asker, _canceled_from_wire, BATCH_MAX)
    return envelope_of(items, answer, asker, _canceled_one)


def _canceled_one(item: Item, told: Any, _asker: Asker) -> tuple[AlgoAck, bool]:
    return _changed_one(item, told, errors.NOT_CANCELED)


def _changed_one(item: Item, told: Any, unknown: errors.Words, **more: Any) -> tuple[AlgoAck, bool]:
    request = item.request
    number = request.algoId or ""
    if isinstance(item.command, Cancel | Amend):
        number = str(item.command.order_id)
    named = {"algoId": number, "algoClOrdId": request.algoClOrdId or "", **more}
    if isinstance(told, Refusal):
        words = in_words(told, unknown)
        return AlgoAck(sCode=words.code, sMsg=words.text, help=told.message, **named), True
    return AlgoAck(sCode=errors.OK, **named), False


def _amended_from_wire(request: AmendAlgo, asker: Asker) -> Amend:
    order = _named(request, errors.NOT_AMENDED, asker)
    instrument, kind = asker.listings[order.instrument_id], kind_of(order)
    if kind not in (CONDITIONAL, TRIGGER) or is_exit(order) or order.triggered_ns:
        how = "of algo orders, trigger and conditional ones with one leg can be changed"
        raise errors.said(errors.NOT_AMENDABLE, how)
    if request.cxlOnFail:
        raise errors.invalid("cxlOnFail", "an order stays as it was; cancel it yourself")
    trigger, limit = request.newTriggerPx, request.newOrdPx
    if kind == CONDITIONAL:
        takes = order.order_type in (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
        trigger = request.newTpTriggerPx if takes else request.newSlTriggerPx
        limit = request.newTpOrdPx if takes else request.newSlOrdPx
    if trigger is None and limit is None and request.newSz is None:
        raise errors.said(errors.NOTHING_TO_AMEND, "send a new trigger, price or size", "newSz")
    if limit is not None and (limit == AT_MARKET) is order.order_type.has_limit:
        how = "an order at market has no price, and a limit keeps one"
        raise errors.said(errors.NOT_AMENDABLE, how)
    if limit == AT_MARKET:
        limit = None
    return Amend(
        asker.account_id,
        order.order_id,
        None if limit is None else price_of(limit, "newOrdPx", instrument),
        None if request.newSz is None else size_of(request.newSz, "newSz", instrument),
        None if trigger is None else price_of(trigger, "newTriggerPx", instrument),
    )


def _amend(request: AmendAlgos, asker: Asker) -> Decoded:
    return batch_of(items_of(request, asker, _amended_from_wire, BATCH_MAX))


def _amended(answer: Any, request: AmendAlgos, asker: Asker) -> Envelope[AlgoAck]:
    items = items_of(request, asker, _amended_from_wire, BATCH_MAX)
    return envelope_of(items, answer, asker, _amended_one)


def _amended_one(item: Item, told: Any, _asker: Asker) -> tuple[AlgoAck, bool]:
    return _changed_one(item, told, errors.NOT_AMENDED, reqId=item.request.reqId or "")


# -- routes -------------------------------------------------------------------------------------

PLACE = signed(
    "POST",
    "trade/order-algo",
    NewAlgos,
    AlgoAck,
    _place,
    _placed,
    "Place an algo order",
    scope=Scope.TRADE,
    is_order=True,
    is_enveloped=True,
)
CANCEL = signed(
    "POST",
    "trade/cancel-algos",
    CancelAlgos,
    AlgoAck,
    _cancel,
    _canceled,
    "Cancel up to 10 algo orders",
    scope=Scope.TRADE,
    weight=count_of,
    is_enveloped=True,
)
AMEND = signed(
    "POST",
    "trade/amend-algos",
    AmendAlgos,
    AlgoAck,
    _amend,
    _amended,
    "Change an algo order",
    scope=Scope.TRADE,
    is_enveloped=True,
)
ENDPOINTS = (PLACE, CANCEL, AMEND)
