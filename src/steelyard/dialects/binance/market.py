"""Instruments, limits and books, both ways.

The invariant: what a filter says is what the instrument says, so that a client that obeys the
filters is never refused for a step.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from steelyard.dialects.binance import errors
from steelyard.dialects.binance.market_messages import ExecutionRules, SymbolRules
from steelyard.dialects.binance.messages import (
    Depth,
    DepthRequest,
    ExchangeInfo,
    ExchangeInfoRequest,
    FairLimit,
    FairUse,
    Filter,
    Level,
    Nothing,
    RateLimit,
    ServerTime,
    SymbolInfo,
    SymbolsRequest,
    SystemStatus,
)
from steelyard.dialects.binance.text import (
    DAY_NS,
    MS_NS,
    ZERO,
    amount_text,
    find_symbol,
    fixed,
    lot_e8,
    price_text,
    rate_text,
    read_amount,
    read_level,
    read_size,
    size_text,
    symbol_text,
    tick_e8,
    to_ms,
    whole_lots,
)
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    Answer,
    BookQuery,
    BookSnapshot,
    Clock,
    ClockQuery,
    InstrumentList,
    InstrumentsQuery,
    OddLevel,
    Query,
    Status,
    StatusQuery,
)
from steelyard.domain.order import SLICES_MAX, MarketState, RejectReason, Side
from steelyard.domain.units import RATE_SCALE
from steelyard.wire.dialect import Asker, Auth, Endpoint, Refusal, SessionRefused
from steelyard.wire.limits import Counts, Limit, LimitProfile, Usage

DEPTH_MAX = 5_000
STREAMS_MAX = 1_024  # on one connection
ROWS_MAX = 1_000  # trades or candles in one answer
AVERAGE_MINUTES = 5
RULES_WEIGHT_MAX = 40

# The venue's names for a limit's unit of time, longest first; official clients know no others.
_UNITS = (("DAY", DAY_NS), ("MINUTE", MINUTE_NS), ("SECOND", SECOND_NS))
_COUNTS = {
    Counts.WEIGHT: "REQUEST_WEIGHT",
    Counts.ORDERS: "ORDERS",
    Counts.REQUESTS: "RAW_REQUESTS",
}

PERMISSION = "SPOT"  # of every account and symbol
ORDER_TYPES = (
    *("LIMIT", "LIMIT_MAKER", "MARKET"),
    *("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"),
)
SELF_TRADE_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT")
TRAILING_BIPS_MIN, TRAILING_BIPS_MAX = 1, 9_999


# -- instruments --------------------------------------------------------------------------------


def instrument_of(symbol: str, asker: Asker) -> Instrument:
    """Return the instrument that a request names.

    Raises:
        SessionRefused: It is not listed.
    """
    found = find_symbol(asker.listings, symbol)
    if found is None:
        known = ", ".join(sorted(symbol_text(i) for i in asker.listings)[:8])
        raise SessionRefused(
            Refusal(
                RejectReason.UNKNOWN_INSTRUMENT,
                f"{errors.shown(symbol)} is not listed here; there are {known}",
                "symbol",
            )
        )
    return found


# There is no word for post-only; orders that would take are refused all the same.
_STATUSES = {
    MarketState.OPEN: "TRADING",
    MarketState.POST_ONLY: "TRADING",
    MarketState.CANCEL_ONLY: "CANCEL_ONLY",
    MarketState.HALTED: "HALT",
    MarketState.MAINTENANCE: "BREAK",
}
# BREAK is also what has been delisted, by the hundred.
_STATES = {
    "TRADING": MarketState.OPEN,
    "CANCEL_ONLY": MarketState.CANCEL_ONLY,
    "HALT": MarketState.HALTED,
}


def instrument_to_wire(instrument: Instrument, state: MarketState) -> SymbolInfo:
    """Return an instrument with its filters."""
    tick, lot = fixed(tick_e8(instrument)), fixed(lot_e8(instrument))
    largest = size_text(instrument, instrument.size_max_lots)
    most = instrument.notional_atoms(instrument.price_max_ticks, instrument.size_max_lots)
    notional_max = min(most, instrument.notional_max_atoms or most)
    return SymbolInfo(
        symbol=symbol_text(instrument),
        status=_STATUSES[state],
        baseAsset=instrument.base,
        quoteAsset=instrument.quote,
        orderTypes=ORDER_TYPES,
        icebergAllowed=True,
        ocoAllowed=True,
        otoAllowed=True,
        quoteOrderQtyMarketAllowed=True,
        allowTrailingStop=True,
        cancelReplaceAllowed=True,
        amendAllowed=True,
        filters=(
            Filter(
                filterType="PRICE_FILTER",
                minPrice=tick,
                maxPrice=price_text(instrument, instrument.price_max_ticks),
                tickSize=tick,
            ),
            Filter(
                filterType="LOT_SIZE",
                minQty=size_text(instrument, instrument.size_min_lots),
                maxQty=largest,
                stepSize=lot,
            ),
            Filter(filterType="ICEBERG_PARTS", limit=SLICES_MAX),
            Filter(filterType="MARKET_LOT_SIZE", minQty=ZERO, maxQty=largest, stepSize=ZERO),
            Filter(
                filterType="TRAILING_DELTA",
                minTrailingAboveDelta=TRAILING_BIPS_MIN,
                maxTrailingAboveDelta=TRAILING_BIPS_MAX,
                minTrailingBelowDelta=TRAILING_BIPS_MIN,
                maxTrailingBelowDelta=TRAILING_BIPS_MAX,
            ),
            Filter(
                filterType="NOTIONAL",
                minNotional=amount_text(instrument.notional_min_atoms),
                applyMinToMarket=False,
                maxNotional=amount_text(notional_max),
                applyMaxToMarket=False,
                avgPriceMins=AVERAGE_MINUTES,
            ),
            *_chosen_filters(instrument),
        ),
        permissionSets=((PERMISSION,),),
        defaultSelfTradePreventionMode="EXPIRE_MAKER",
        allowedSelfTradePreventionModes=SELF_TRADE_MODES,
    )


def _chosen_filters(instrument: Instrument) -> Iterator[Filter]:
    """Yield the rules that a market has only where its operator says so."""
    if rate_e8 := instrument.band_rate_e8:
        up, down = rate_text(RATE_SCALE + rate_e8), rate_text(RATE_SCALE - rate_e8)
        yield Filter(
            filterType="PERCENT_PRICE_BY_SIDE",
            bidMultiplierUp=up,
            bidMultiplierDown=down,
            askMultiplierUp=up,
            askMultiplierDown=down,
            avgPriceMins=0,  # around the last price
        )
    yield from filters_of_account(instrument)


def filters_of_account(instrument: Instrument) -> Iterator[Filter]:
    """Yield those of them that count an account's orders."""
    if instrument.orders_max:
        yield Filter(filterType="MAX_NUM_ORDERS", maxNumOrders=instrument.orders_max)
    if instrument.triggers_max:
        yield Filter(filterType="MAX_NUM_ALGO_ORDERS", maxNumAlgoOrders=instrument.triggers_max)


def instruments_from_wire(info: ExchangeInfo) -> InstrumentList:
    """Return every spot instrument that trades or may trade again, in the order of the answer.

    What our whole numbers cannot hold is left out.
    """
    asset_ids: dict[str, int] = {}
    found: list[Instrument] = []
    states: list[MarketState] = []
    for symbol in info.symbols:
        if symbol.status not in _STATES or not symbol.isSpotTradingAllowed:
            continue
        filters = {rule.filterType: rule for rule in symbol.filters}
        ids = [
            asset_ids.setdefault(name, len(asset_ids) + 1)
            for name in (symbol.baseAsset, symbol.quoteAsset)
        ]
        try:
            found.append(_instrument_from_wire(symbol, filters, len(found), ids))
        except UnitError:
            continue
        states.append(_STATES[symbol.status])
    return InstrumentList(tuple(found), tuple(states))


def _instrument_from_wire(
    symbol: SymbolInfo, filters: dict[str, Filter], instrument_id: int, asset_ids: list[int]
) -> Instrument:
    price, lot = filters.get("PRICE_FILTER"), filters.get("LOT_SIZE")
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL")
    if price is None or lot is None:
        raise DecodeError(f"{symbol.symbol} has no PRICE_FILTER or no LOT_SIZE", "filters")
    instrument = Instrument.spot(
        instrument_id,
        (asset_ids[0], symbol.baseAsset),
        (asset_ids[1], symbol.quoteAsset),
        tick_size=_number(price.tickSize, "tickSize"),
        lot_size=_number(lot.stepSize, "stepSize"),
        price_max=_number(price.maxPrice, "maxPrice"),
        size_max=_number(lot.maxQty, "maxQty"),
        notional_min=_number(notional.minNotional, "minNotional") if notional else "0",
    )
    smallest = read_size(instrument, _number(lot.minQty, "minQty"))
    if smallest == instrument.size_min_lots:
        return instrument
    values = {name: getattr(instrument, name) for name in instrument.__struct_fields__}
    return Instrument(**{**values, "size_min_lots": max(smallest, 1)})


def _number(text: Any, field: str) -> str:
    if not isinstance(text, str):
        raise DecodeError(f"a filter has no {field}", field)
    read_amount(text)
    return text


def _exchange_info(
    answer: Answer | None, request: ExchangeInfoRequest, asker: Asker
) -> ExchangeInfo:
    assert isinstance(answer, InstrumentList), "an InstrumentsQuery is answered by instruments"
    states = dict(zip(answer.instruments, answer.states, strict=True))
    names_some = request.symbol or request.symbols
    if names_some and (request.symbolStatus or request.permissions):
        raise errors.said(
            -1128,
            "Combination of optional parameters invalid.",
            "symbolStatus and permissions choose among all symbols; send them without symbol and "
            "symbols",
        )
    wanted: Iterable[Instrument] = instruments_of(request, asker) if names_some else states
    if request.symbolStatus is not None:
        wanted = (it for it in wanted if _STATUSES[states[it]] == request.symbolStatus)
    if request.permissions is not None and PERMISSION not in _permissions(request.permissions):
        wanted = ()
    symbols = (instrument_to_wire(it, states[it]) for it in wanted)
    if not request.showPermissionSets:
        symbols = (replace(symbol, permissionSets=()) for symbol in symbols)
    return ExchangeInfo(
        serverTime=to_ms(asker.now_ns),
        rateLimits=tuple(limit_to_wire(limit) for limit in _told(asker.limits)),
        symbols=tuple(symbols),
        fairUse=fair_use_to_wire(asker.limits),
    )


def _rules_weight(request: SymbolsRequest) -> int:
    named = 1 if request.symbol else len(request.symbols or ())
    return min(2 * named, RULES_WEIGHT_MAX) if named else RULES_WEIGHT_MAX


def _permissions(text: str) -> tuple[str, ...]:
    """Return the permissions that are named: one as it is, or several in a JSON list."""
    if not text.startswith("["):
        return (text,)
    return msgspec.json.decode(text, type=tuple[str, ...])


def _told(profile: LimitProfile) -> Iterator[Limit]:
    """Yield the limits that rateLimits tells: not those of single routes, as the wallet has."""
    return (limit for limit in profile.limits if not any("/" in route for route in limit.routes))


def _execution_rules(
    _answer: Answer | None, request: SymbolsRequest, asker: Asker
) -> ExecutionRules:
    named = instruments_of(request, asker)
    return ExecutionRules(symbolRules=tuple(SymbolRules(symbol=symbol_text(it)) for it in named))


def fair_use_to_wire(profile: LimitProfile) -> FairUse:
    """Return all that a profile enforces."""
    sockets = profile.sockets
    return FairUse(
        limits=tuple(
            FairLimit(
                name=limit.name,
                per=limit.per.value,
                counts=limit.counts.value,
                limit=limit.limit,
                windowMs=limit.window_ns // MS_NS,
                kind=limit.kind.value,
                routes=limit.routes,
            )
            for limit in profile.limits
        ),
        banAfter=profile.ban_after,
        banMs=profile.ban_ns // MS_NS,
        revokeAfter=profile.revoke_after,
        revokeWithinMs=profile.revoke_within_ns // MS_NS,
        wsConnections=sockets.connections,
        wsConnects=sockets.connects,
        wsConnectsMs=sockets.connects_ns // MS_NS,
        wsStreams=sockets.subscriptions_most(STREAMS_MAX),
        wsMessagesPerSecond=sockets.messages,
    )


def limit_to_wire(limit: Limit, used: int | None = None) -> RateLimit:
    """Return a limit, with its use where that is known."""
    unit, length = next(u for u in _UNITS if limit.window_ns % u[1] == 0 or u[0] == "SECOND")
    return RateLimit(
        rateLimitType=_COUNTS[limit.counts],
        interval=unit,
        intervalNum=max(limit.window_ns // length, 1),
        limit=limit.limit,
        count=UNSET if used is None else used,
    )


def usage_to_wire(usage: Usage, *counts: Counts) -> tuple[RateLimit, ...]:
    """Return limits of these kinds with their use."""
    return tuple(
        limit_to_wire(u.limit, u.used)
        for u in usage
        if u.limit.counts in counts and not any("/" in route for route in u.limit.routes)
    )


def names_of(request: Any) -> tuple[str, ...]:
    """Return the symbols that a request names; only one of its two parameters may do so."""
    if request.symbol and request.symbols:
        raise errors.said(
            -1128,
            "Combination of optional parameters invalid.",
            "send symbol or symbols, not both",
            "symbols",
        )
    return (request.symbol,) if request.symbol else request.symbols or ()


def instruments_of(request: Any, asker: Asker) -> tuple[Instrument, ...]:
    """Return what a request names, or everything, as far as it has the status that is asked for.

    Raises:
        SessionRefused: A symbol is not listed.
        DecodeError: The one symbol that is named has another status.
    """
    status: str | None = request.symbolStatus
    if request.symbol and not request.symbols:
        instrument = instrument_of(request.symbol, asker)
        check_status(instrument, status, asker)
        return (instrument,)
    names = names_of(request)
    named = tuple(instrument_of(name, asker) for name in names) if names else asker.listings
    return tuple(it for it in named if status in (None, _status_of(it, asker)))


def check_status(instrument: Instrument, status: str | None, asker: Asker) -> None:
    """Raise DecodeError where an instrument has another status than is asked for."""
    now = _status_of(instrument, asker)
    if status not in (None, now):
        raise errors.said(
            -1220,
            "The symbol's status does not match the requested symbolStatus.",
            f"{symbol_text(instrument)} is {now}",
            "symbolStatus",
        )


def _status_of(instrument: Instrument, asker: Asker) -> str:
    return _STATUSES[asker.state_of(instrument.instrument_id)]


# -- books --------------------------------------------------------------------------------------


def book_to_wire(answer: Answer | None, _request: Struct, asker: Asker) -> Depth:
    """Return the response with a book."""
    assert isinstance(answer, BookSnapshot), "a BookQuery is answered by a book"
    return depth_to_wire(answer, asker.listings)


def depth_to_wire(book: BookSnapshot, listings: Listings) -> Depth:
    """Return a book, whole or its best levels, as REST and streams have it."""
    instrument = listings[book.instrument_id]
    return Depth(
        lastUpdateId=book.sequence,
        bids=levels_to_wire(instrument, book.bids),
        asks=levels_to_wire(instrument, book.asks),
    )


def book_from_wire(depth: Depth, instrument: Instrument, limit: int, now_ns: int) -> BookSnapshot:
    """Return the book of a response, which has no time of its own; limit is what was asked for."""
    bids, odd_bids = levels_from_wire(instrument, Side.BUY, depth.bids)
    asks, odd_asks = levels_from_wire(instrument, Side.SELL, depth.asks)
    return BookSnapshot(
        instrument.instrument_id,
        depth.lastUpdateId,
        bids,
        asks,
        now_ns,
        odd_bids,
        odd_asks,
    ).cut_at(limit)


def levels_to_wire(instrument: Instrument, levels: Iterable[tuple[int, int]]) -> tuple[Level, ...]:
    """Return levels of a book as pairs of texts."""
    tick, lot = tick_e8(instrument), lot_e8(instrument)
    return tuple((fixed(ticks * tick), fixed(lots * lot)) for ticks, lots in levels)


def levels_from_wire(
    instrument: Instrument, side: Side, levels: Iterable[Level]
) -> tuple[tuple[tuple[int, int], ...], tuple[OddLevel, ...]]:
    """Return levels of a book in ticks and lots, and those that are off the tick."""
    whole: list[tuple[int, int]] = []
    odd: list[OddLevel] = []
    for price, size in levels:
        ticks, price_e8, is_off = read_level(instrument, side, price)
        lots = whole_lots(instrument, size)
        if is_off:
            odd.append(OddLevel(price_e8, ticks, lots))
        else:
            whole.append((ticks, lots))
    return tuple(whole), tuple(odd)


def _depth_weight(request: DepthRequest) -> int:
    return next(
        weight
        for limit, weight in ((100, 5), (500, 25), (1_000, 50), (DEPTH_MAX, 250))
        if request.limit <= limit
    )


# -- routes -------------------------------------------------------------------------------------


def public(
    path: str,
    request: type[Struct],
    response: Any,
    decode: Callable[[Any, Asker], Query | None],
    encode: Callable[[Any, Any, Asker], Any],
    *,
    weight: int | Callable[[Any], int],
    summary: str,
    in_maintenance: bool = False,
) -> Endpoint:
    """Return a route that needs no key."""
    weigh = weight if callable(weight) else lambda _request: weight
    return Endpoint(
        "GET",
        path if path.startswith("/") else f"/api/v3/{path}",
        request,
        response,
        Auth.NONE,
        None,
        decode,
        encode,
        weigh,
        summary=summary,
        in_maintenance=in_maintenance,
    )


def _depth_query(request: DepthRequest, asker: Asker) -> BookQuery:
    instrument = instrument_of(request.symbol, asker)
    check_status(instrument, request.symbolStatus, asker)
    return BookQuery(instrument.instrument_id, request.limit)


def _server_time(answer: Answer | None, _request: Struct, _asker: Asker) -> ServerTime:
    assert isinstance(answer, Clock), "a ClockQuery is answered by a time"
    return ServerTime(serverTime=to_ms(answer.time_ns))


def _system_status(answer: Answer | None, _request: Struct, _asker: Asker) -> SystemStatus:
    assert isinstance(answer, Status), "a StatusQuery is answered by a status"
    return SystemStatus(
        status=0 if answer.trading else 1, msg="normal" if answer.trading else "system_maintenance"
    )


PING = public(
    "ping",
    Nothing,
    Nothing,
    lambda _request, _asker: None,
    lambda _answer, _request, _asker: Nothing(),
    weight=1,
    summary="Is it there",
    in_maintenance=True,
)
TIME = public(
    "time",
    Nothing,
    ServerTime,
    lambda _request, _asker: ClockQuery(),
    _server_time,
    weight=1,
    summary="The exchange's clock",
    in_maintenance=True,
)
EXCHANGE_INFO = public(
    "exchangeInfo",
    ExchangeInfoRequest,
    ExchangeInfo,
    lambda _request, _asker: InstrumentsQuery(),
    _exchange_info,
    weight=20,
    summary="Symbols, filters and limits",
)
DEPTH = public(
    "depth",
    DepthRequest,
    Depth,
    _depth_query,
    book_to_wire,
    weight=_depth_weight,
    summary="A book",
)
EXECUTION_RULES = public(
    "executionRules",
    SymbolsRequest,
    ExecutionRules,
    lambda _request, _asker: None,
    _execution_rules,
    weight=_rules_weight,
    summary="Rules on the prices of trades: none",
)
SYSTEM_STATUS = public(
    "/sapi/v1/system/status",
    Nothing,
    SystemStatus,
    lambda _request, _asker: StatusQuery(),
    _system_status,
    weight=1,
    summary="Whether the exchange trades",
    in_maintenance=True,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    PING,
    TIME,
    EXCHANGE_INFO,
    DEPTH,
    EXECUTION_RULES,
    SYSTEM_STATUS,
)
