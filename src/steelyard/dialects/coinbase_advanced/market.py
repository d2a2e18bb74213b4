"""Products, books, trades and candles, both ways.

The invariant: what a product says is what the instrument says, so that a client that obeys it is
never refused for a step. Books have no number. Each route is there twice: private, and under
`/market` for everybody.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from steelyard.dialects.coinbase_advanced import messages
from steelyard.dialects.coinbase_advanced.messages import (
    Book,
    BookRequest,
    Candle,
    Candles,
    CandlesRequest,
    Level,
    Nothing,
    PriceBook,
    Product,
    ProductRequest,
    Products,
    ProductsRequest,
    PublicTrade,
    PublicTrades,
    Time,
    Touches,
    TouchesRequest,
    TradesRequest,
)
from steelyard.dialects.coinbase_advanced.routes import (
    BASE,
    answered,
    limit_of,
    listed,
    moment,
    product_of,
    public,
    signed,
)
from steelyard.dialects.coinbase_advanced.text import (
    SIDE_NAMES,
    SIDES,
    change_text,
    shown,
    trade_number,
    whole_seconds,
)
from steelyard.domain import messages as domain
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    BookQuery,
    BookSnapshot,
    CandleList,
    CandlesQuery,
    Clock,
    ClockQuery,
    InstrumentList,
    InstrumentsQuery,
    TickerList,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import MarketState, RejectReason
from steelyard.wire.dialect import Asker, Endpoint
from steelyard.wire.moments import from_iso, from_seconds, iso
from steelyard.wire.numerals import (
    amount_text,
    fixed,
    lot,
    price_text,
    read_price,
    size_text,
    tick,
    trimmed,
    whole_lots,
)

WHOLE_BOOK = 5_000  # levels of a side; more than books here have
TRADES_DEFAULT, TRADES_MAX = 100, 1_000
CANDLES_MAX = 350
PRODUCTS_MAX = 5_000
PRICE_MAX, SIZE_MAX = 10**9, 10**12  # in steps, of products whose limits are not told
FIAT = ("USD", "EUR", "GBP")
NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana", "USDT": "Tether", "USD": "US Dollar"}
GRANULARITIES: dict[str, int] = {
    "ONE_MINUTE": MINUTE_NS,
    "FIVE_MINUTE": 5 * MINUTE_NS,
    "FIFTEEN_MINUTE": 15 * MINUTE_NS,
    "THIRTY_MINUTE": 30 * MINUTE_NS,
    "ONE_HOUR": 60 * MINUTE_NS,
    "TWO_HOUR": 120 * MINUTE_NS,
    "FOUR_HOUR": 240 * MINUTE_NS,
    "SIX_HOUR": 360 * MINUTE_NS,
    "ONE_DAY": 1_440 * MINUTE_NS,
}
GRANULARITY_NAMES = {interval_ns: name for name, interval_ns in GRANULARITIES.items()}


# -- products -----------------------------------------------------------------------------------


def product_to_wire(
    instrument: Instrument, state: MarketState, ticker: domain.Ticker | None = None
) -> Product:
    """Return an instrument, and its last 24 hours where they are told."""
    is_up = state not in (MarketState.HALTED, MarketState.MAINTENANCE)
    product = Product(
        product_id=instrument.symbol,
        base_increment=fixed(*lot(instrument)),
        quote_increment=fixed(*tick(instrument)),
        quote_min_size=amount_text(instrument.notional_min_atoms),
        quote_max_size=amount_text(
            instrument.notional_max_atoms
            or instrument.notional_atoms(instrument.price_max_ticks, instrument.size_max_lots)
        ),
        base_min_size=size_text(instrument, instrument.size_min_lots),
        base_max_size=size_text(instrument, instrument.size_max_lots),
        base_name=NAMES.get(instrument.base, instrument.base),
        quote_name=NAMES.get(instrument.quote, instrument.quote),
        status="online" if state is not MarketState.MAINTENANCE else "offline",
        is_disabled=state is MarketState.MAINTENANCE,
        cancel_only=state is MarketState.CANCEL_ONLY,
        post_only=state is MarketState.POST_ONLY,
        trading_disabled=not is_up,
        quote_currency_id=instrument.quote,
        base_currency_id=instrument.base,
        base_display_symbol=instrument.base,
        quote_display_symbol=instrument.quote,
        price_increment=fixed(*tick(instrument)),
        display_name=instrument.symbol,
    )
    if ticker is None:
        return product
    return _with_day(product, instrument, ticker)


def _with_day(product: Product, instrument: Instrument, ticker: domain.Ticker) -> Product:
    last = ticker.last_ticks
    return _replaced(
        product,
        price="" if last is None else price_text(instrument, last),
        price_percentage_change_24h=change_text(last, ticker.open_ticks),
        volume_24h=size_text(instrument, ticker.volume_lots),
        volume_percentage_change_24h="0",
        approximate_quote_24h_volume=amount_text(ticker.quote_atoms),
        mid_market_price=_mid(instrument, ticker.bid_ticks, ticker.ask_ticks),
    )


def _replaced(product: Product, **fields: str) -> Product:
    values = {name: getattr(product, name) for name in product.__struct_fields__}
    return Product(**{**values, **fields})


def _mid(instrument: Instrument, bid: int | None, ask: int | None) -> str:
    if not bid or not ask:
        return ""
    coefficient, decimals = tick(instrument)
    return trimmed(fixed((bid + ask) * coefficient * 5, decimals + 1))


def product_state(product: Product) -> MarketState | None:
    """Return what a product lets happen; None of one that has gone for good."""
    if product.status == "delisted":
        return None
    if product.is_disabled or product.status == "offline":
        return MarketState.MAINTENANCE
    if product.trading_disabled or product.view_only:
        return MarketState.HALTED
    if product.cancel_only:
        return MarketState.CANCEL_ONLY
    return MarketState.POST_ONLY if product.post_only else MarketState.OPEN


def instruments_from_wire(products: Iterable[Product]) -> InstrumentList:
    """Return every spot instrument that trades or may trade again, in the order of the answer.

    What our whole numbers cannot hold is left out, and what is another's alias. Limits that are not
    told are far away.
    """
    asset_ids: dict[str, int] = {}
    found: list[Instrument] = []
    states: list[MarketState] = []
    for product in products:
        state = product_state(product)
        if state is None or product.product_type != "SPOT" or product.alias:
            continue
        base, quote = (
            (asset_ids.setdefault(name, len(asset_ids) + 1), name)
            for name in (product.base_currency_id, product.quote_currency_id)
        )
        tick_size = product.price_increment or product.quote_increment
        try:
            found.append(
                Instrument.spot(
                    len(found),
                    base,
                    quote,
                    tick_size=tick_size,
                    lot_size=product.base_increment,
                    price_max=_times(tick_size, PRICE_MAX),
                    size_max=product.base_max_size or _times(product.base_increment, SIZE_MAX),
                    notional_min=product.quote_min_size or "0",
                )
            )
        except UnitError:
            continue
        states.append(state)
    return InstrumentList(tuple(found), tuple(states))


def _times(step: str, number: int) -> str:
    """Return so many steps."""
    whole, _, rest = step.partition(".")
    digits = f"{whole}{rest}"
    if not (digits.isascii() and digits.isdigit() and len(digits) < 40):  # noqa: PLR2004
        raise UnitError(f"step {step[:40]!r} is not a number", RejectReason.UNSUPPORTED)
    return fixed(int(digits) * number, len(rest))


def _tickers(asker: Asker, numbers: tuple[int, ...] | None = None) -> dict[int, domain.Ticker]:
    found = answered(asker.ask(TickersQuery(numbers)), TickerList)
    return {ticker.instrument_id: ticker for ticker in found.tickers}


def _products(answer: Any, request: ProductsRequest, asker: Asker) -> Products:
    known = answered(answer, InstrumentList)
    if request.product_type not in (None, "", "SPOT", "UNKNOWN_PRODUCT_TYPE"):
        return Products(products=(), num_products=0)
    tickers = _tickers(asker)
    found = [
        product_to_wire(instrument, state, tickers.get(instrument.instrument_id))
        for instrument, state in zip(known.instruments, known.states, strict=True)
        if not request.product_ids or instrument.symbol in request.product_ids
    ]
    first = limit_of(request.offset, 0, PRODUCTS_MAX)
    part = found[first : first + limit_of(request.limit, PRODUCTS_MAX, PRODUCTS_MAX)]
    return Products(products=tuple(part), num_products=len(part))


def _product(_answer: None, request: ProductRequest, asker: Asker) -> Product:
    instrument = product_of(request.product_id, asker.listings)
    number = instrument.instrument_id
    return product_to_wire(
        instrument, asker.state_of(number), _tickers(asker, (number,)).get(number)
    )


def ticker_from_wire(wire: Product, instrument: Instrument, now_ns: int) -> domain.Ticker:
    """Return the last price and a day's volume; the rest is in other answers."""
    last = read_price(instrument, wire.price) if wire.price else None
    return domain.Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=now_ns,
        open_ns=now_ns,
        open_ticks=None,
        high_ticks=None,
        low_ticks=None,
        last_ticks=last or None,
        last_lots=0,
        previous_close_ticks=None,
        volume_lots=whole_lots(instrument, wire.volume_24h or "0"),
        quote_atoms=0,
        trade_count=0,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=None,
        bid_lots=0,
        ask_ticks=None,
        ask_lots=0,
    )


# -- the clock ----------------------------------------------------------------------------------


def _time(answer: Any, _request: Nothing, _asker: Asker) -> Time:
    time_ns = answered(answer, Clock).time_ns
    return Time(
        whole_seconds(time_ns), str(time_ns // SECOND_NS), str(time_ns // (SECOND_NS // 1_000))
    )


def clock_from_wire(wire: Time) -> Clock:
    """Return the venue's time.

    Raises:
        DecodeError: It is none.
    """
    text = wire.epochMillis
    if not (text.isascii() and text.isdigit() and len(text) < 17):  # noqa: PLR2004 of 64 bits
        raise DecodeError(f"{shown(text)} is no time in milliseconds", "epochMillis")
    return Clock(int(text) * (SECOND_NS // 1_000))


# -- books --------------------------------------------------------------------------------------


def _book_query(request: BookRequest, asker: Asker) -> BookQuery:
    number = product_of(request.product_id, asker.listings).instrument_id
    return BookQuery(number, limit_of(request.limit, WHOLE_BOOK, WHOLE_BOOK))


def price_book(snapshot: BookSnapshot, listings: Listings, depth: int | None = None) -> PriceBook:
    """Return a book."""
    instrument = listings[snapshot.instrument_id]

    def levels(rows: Iterable[tuple[int, int]]) -> tuple[Level, ...]:
        return tuple(
            Level(price_text(instrument, ticks), size_text(instrument, lots))
            for ticks, lots in rows
        )

    return PriceBook(
        product_id=instrument.symbol,
        bids=levels(snapshot.bids[:depth]),
        asks=levels(snapshot.asks[:depth]),
        time=iso(snapshot.time_ns),
    )


def _book(answer: Any, _request: BookRequest, asker: Asker) -> Book:
    snapshot = answered(answer, BookSnapshot)
    instrument = asker.listings[snapshot.instrument_id]
    book = price_book(snapshot, asker.listings)
    last = _tickers(asker, (snapshot.instrument_id,))[snapshot.instrument_id].last_ticks
    told = Book(pricebook=book, last="" if last is None else price_text(instrument, last))
    if not snapshot.bids or not snapshot.asks:
        return told
    bid, ask = snapshot.bids[0][0], snapshot.asks[0][0]
    return Book(
        pricebook=book,
        last=told.last,
        mid_market=_mid(instrument, bid, ask),
        spread_bps=trimmed(fixed((ask - bid) * 2 * 10**10 // (bid + ask), 6)),
        spread_absolute=trimmed(price_text(instrument, ask - bid)),
    )


def book_from_wire(wire: PriceBook, instrument: Instrument) -> BookSnapshot:
    """Return a book. It has no number, so no change applies to it."""

    def levels(rows: Iterable[Level]) -> tuple[tuple[int, int], ...]:
        read = (
            (read_price(instrument, row.price), whole_lots(instrument, row.size)) for row in rows
        )
        return tuple((ticks, lots) for ticks, lots in read if lots)

    return BookSnapshot(
        instrument.instrument_id,
        0,
        levels(wire.bids),
        levels(wire.asks),
        from_iso(wire.time),
        is_numbered=False,
    )


def _touches(_answer: None, request: TouchesRequest, asker: Asker) -> Touches:
    wanted = [product_of(name, asker.listings) for name in request.product_ids]
    return Touches(
        tuple(
            price_book(
                answered(asker.ask(BookQuery(each.instrument_id, 1)), BookSnapshot),
                asker.listings,
                1,
            )
            for each in (wanted or asker.listings)
        )
    )


# -- trades -------------------------------------------------------------------------------------


def _trades_query(request: TradesRequest, asker: Asker) -> TradesQuery:
    instrument = product_of(request.product_id, asker.listings)
    return TradesQuery(
        instrument.instrument_id,
        limit_of(request.limit, TRADES_DEFAULT, TRADES_MAX),
        start_ns=moment(request.start, "start"),
        end_ns=moment(request.end, "end"),
    )


def _trades(answer: Any, request: TradesRequest, asker: Asker) -> PublicTrades:
    instrument = product_of(request.product_id, asker.listings)
    number = instrument.instrument_id
    ticker = _tickers(asker, (number,))[number]
    bid, ask = (
        "" if ticks is None else price_text(instrument, ticks)
        for ticks in (ticker.bid_ticks, ticker.ask_ticks)
    )
    return PublicTrades(
        trades=tuple(
            trade_to_wire(trade, instrument) for trade in answered(answer, TradeList).trades[::-1]
        ),
        best_bid=bid,
        best_ask=ask,
    )


def trade_to_wire(trade: domain.Trade, instrument: Instrument) -> PublicTrade:
    """Return a public trade."""
    return PublicTrade(
        trade_id=str(trade.trade_id),
        product_id=instrument.symbol,
        price=price_text(instrument, trade.price_ticks),
        size=size_text(instrument, trade.size_lots),
        time=iso(trade.time_ns),
        side=SIDE_NAMES[trade.taker_side.opposite],  # type: ignore[arg-type]
        bid="",
        ask="",
        exchange="coinbase",
    )


def trade_from_wire(wire: messages.PublicTrade, listings: Listings) -> domain.Trade:
    """Return a public trade.

    Raises:
        DecodeError: Of an unknown product, or off its steps.
    """
    instrument, time_ns = listed(wire.product_id, listings), from_iso(wire.time)
    return domain.Trade(
        instrument.instrument_id,
        trade_number(wire.trade_id, time_ns),
        read_price(instrument, wire.price),
        whole_lots(instrument, wire.size),
        SIDES[wire.side].opposite,
        time_ns,
    )


# -- candles ------------------------------------------------------------------------------------


def _candles_query(request: CandlesRequest, asker: Asker) -> CandlesQuery:
    instrument = product_of(request.product_id, asker.listings)
    interval_ns = GRANULARITIES[request.granularity]
    start_ns, end_ns = moment(request.start, "start"), moment(request.end, "end")
    most = limit_of(request.limit, CANDLES_MAX, CANDLES_MAX)
    if start_ns is not None:
        end_ns = asker.sandbox_ns if end_ns is None else end_ns
        if (end_ns - start_ns) // interval_ns > CANDLES_MAX:
            raise DecodeError(
                f"number of candles requested should be less than {CANDLES_MAX}: ask for a shorter "
                "time, or longer candles",
                "granularity",
            )
    return CandlesQuery(instrument.instrument_id, interval_ns, most, start_ns, end_ns)


def _candles(answer: Any, request: CandlesRequest, asker: Asker) -> Candles:
    instrument = product_of(request.product_id, asker.listings)
    found = answered(answer, CandleList).candles
    return Candles(
        tuple(candle_to_wire(each, instrument) for each in reversed(found) if each.trade_count)
    )


def candle_to_wire(candle: domain.Candle, instrument: Instrument) -> Candle:
    """Return a candle."""
    return Candle(
        start=str(candle.open_ns // SECOND_NS),
        low=price_text(instrument, candle.low_ticks),
        high=price_text(instrument, candle.high_ticks),
        open=price_text(instrument, candle.open_ticks),
        close=price_text(instrument, candle.close_ticks),
        volume=size_text(instrument, candle.volume_lots),
    )


def candle_from_wire(
    wire: Candle, instrument: Instrument, interval_ns: int, now_ns: int
) -> domain.Candle:
    """Return a candle; what the venue does not tell, money and counts, is 0."""
    open_ns = from_seconds(wire.start)
    opened, high, low, closed = (
        read_price(instrument, price) for price in (wire.open, wire.high, wire.low, wire.close)
    )
    return domain.Candle(
        instrument.instrument_id,
        interval_ns,
        open_ns,
        opened,
        high,
        low,
        closed,
        whole_lots(instrument, wire.volume),
        0,
        0,
        0,
        0,
        0,
        0,
        open_ns + interval_ns <= now_ns,
    )


# -- routes -------------------------------------------------------------------------------------


def _both(
    path: str,
    request: type[Struct],
    response: Any,
    decode: Callable[[Any, Asker], Any],
    encode: Callable[[Any, Any, Asker], Any],
    *,
    summary: str,
) -> tuple[Endpoint, Endpoint]:
    """Return a route for everybody, and the same for who signs."""
    return (
        public(f"{BASE}/market{path}", request, response, decode, encode, summary=summary),
        signed("GET", f"{BASE}{path}", request, response, decode, encode, summary=summary),
    )


def _none(_request: Any, _asker: Asker) -> None:
    return None


TIME = public(
    f"{BASE}/time", Nothing, Time, lambda _r, _a: ClockQuery(), _time, summary="The clock"
)
PRODUCTS, _PRODUCTS_SIGNED = _both(
    "/products",
    ProductsRequest,
    Products,
    lambda _r, _a: InstrumentsQuery(),
    _products,
    summary="All products, or those that are named",
)
PRODUCT, _PRODUCT_SIGNED = _both(
    "/products/{product_id}", ProductRequest, Product, _none, _product, summary="One product"
)
BOOK, _BOOK_SIGNED = _both(
    "/product_book", BookRequest, Book, _book_query, _book, summary="A book, level by level"
)
TRADES, _TRADES_SIGNED = _both(
    "/products/{product_id}/ticker",
    TradesRequest,
    PublicTrades,
    _trades_query,
    _trades,
    summary="Public trades, newest first, and the touch",
)
CANDLES, _CANDLES_SIGNED = _both(
    "/products/{product_id}/candles",
    CandlesRequest,
    Candles,
    _candles_query,
    _candles,
    summary="Candles; those without trades are left out",
)
TOUCHES = signed(
    "GET",
    f"{BASE}/best_bid_ask",
    TouchesRequest,
    Touches,
    _none,
    _touches,
    summary="The best prices of products",
)
PUBLIC_ENDPOINTS = (TIME, PRODUCTS, PRODUCT, BOOK, TRADES, CANDLES)
ENDPOINTS = (
    *PUBLIC_ENDPOINTS,
    _PRODUCTS_SIGNED,
    _PRODUCT_SIGNED,
    _BOOK_SIGNED,
    _TRADES_SIGNED,
    _CANDLES_SIGNED,
    TOUCHES,
)
