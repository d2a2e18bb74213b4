"""Products, currencies, books, trades, tickers and candles, both ways.

The invariant: what a product says is what the instrument says, so that a client that obeys it is
never refused for a step. The number of a book is that of the newest message of the full channel.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Raw

from steelyard.dialects.coinbase_exchange import errors, paging
from steelyard.dialects.coinbase_exchange.messages import (
    Book,
    BookRequest,
    Candle,
    CandlesRequest,
    CandleText,
    Currency,
    CurrencyDetails,
    CurrencyNetwork,
    CurrencyRequest,
    FullBook,
    Level,
    Nothing,
    Product,
    ProductRequest,
    PublicTrade,
    Spark,
    Stats,
    Ticker,
    Time,
    TradesRequest,
    VolumeSummary,
)
from steelyard.dialects.coinbase_exchange.routes import answered, nothing, product_of, public
from steelyard.dialects.coinbase_exchange.text import SIDE_NAMES, SIDES
from steelyard.domain import messages as domain
from steelyard.domain.errors import UnitError
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
    FullBookQuery,
    FullBookSnapshot,
    FullOrder,
    InstrumentList,
    InstrumentsQuery,
    TickerList,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import MarketState, RejectReason, Side
from steelyard.domain.units import RATE_SCALE
from steelyard.wire.dialect import Asker
from steelyard.wire.moments import from_iso, from_time, iso, seconds_text
from steelyard.wire.numerals import (
    amount_text,
    fixed,
    lot,
    price_text,
    read_price,
    size_text,
    tick,
    whole_lots,
)
from steelyard.wire.uuids import level_uuid, order_uuid

WHOLE_BOOK = 5_000  # levels of a side; more than books here have
CANDLES_MAX = 300
TRADES_DEFAULT = 1_000
SPARK_NS, SPARKS_MAX = 10 * MINUTE_NS, 145  # of a day
SPARK_PART_NS = 5 * MINUTE_NS  # candles of ten minutes are made of these
PRICE_MAX = 10**9  # in steps, of products whose limits are not told
SIZE_MAX = 10**12
FIAT = {"USD": "$", "EUR": "€", "GBP": "£"}
NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana", "USDT": "Tether", "USD": "US Dollar"}


# -- products -----------------------------------------------------------------------------------


def product_to_wire(instrument: Instrument, state: MarketState) -> Product:
    """Return an instrument."""
    return Product(
        id=instrument.symbol,
        base_currency=instrument.base,
        quote_currency=instrument.quote,
        quote_increment=fixed(*tick(instrument)),
        base_increment=fixed(*lot(instrument)),
        display_name=instrument.symbol,
        min_market_funds=amount_text(instrument.notional_min_atoms),
        post_only=state is MarketState.POST_ONLY,
        cancel_only=state is MarketState.CANCEL_ONLY,
        status="offline" if state is MarketState.MAINTENANCE else "online",
        trading_disabled=state in (MarketState.HALTED, MarketState.MAINTENANCE),
        max_slippage_percentage=fixed(instrument.band_rate_e8 or RATE_SCALE, 8),
        base_min_size=size_text(instrument, instrument.size_min_lots),
        base_max_size=size_text(instrument, instrument.size_max_lots),
    )


def product_state(product: Product) -> MarketState | None:
    """Return what a product lets happen; None of one that has gone for good."""
    if product.status in ("delisted", "internal"):
        return None
    if product.status == "offline":
        return MarketState.MAINTENANCE
    if product.trading_disabled:
        return MarketState.HALTED
    if product.cancel_only:
        return MarketState.CANCEL_ONLY
    return MarketState.POST_ONLY if product.post_only else MarketState.OPEN


def instruments_from_wire(products: Iterable[Product]) -> InstrumentList:
    """Return every instrument that trades or may trade again, in the order of the answer.

    What our whole numbers cannot hold is left out. Limits that are not told are far away.
    """
    asset_ids: dict[str, int] = {}
    found: list[Instrument] = []
    states: list[MarketState] = []
    for product in products:
        state = product_state(product)
        if state is None:
            continue
        base, quote = (
            (asset_ids.setdefault(name, len(asset_ids) + 1), name)
            for name in (product.base_currency, product.quote_currency)
        )
        try:
            found.append(
                Instrument.spot(
                    len(found),
                    base,
                    quote,
                    tick_size=product.quote_increment,
                    lot_size=product.base_increment,
                    price_max=_times(product.quote_increment, PRICE_MAX),
                    size_max=product.base_max_size or _times(product.base_increment, SIZE_MAX),
                    notional_min=product.min_market_funds,
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
    if not (digits.isascii() and digits.isdigit()):
        raise UnitError(f"step {step[:40]!r} is not a number", RejectReason.UNSUPPORTED)
    return fixed(int(digits) * number, len(rest))


def _products(answer: Any, _request: Nothing, _asker: Asker) -> tuple[Product, ...]:
    listed = answered(answer, InstrumentList)
    return tuple(map(product_to_wire, listed.instruments, listed.states))


def _product(_answer: None, request: ProductRequest, asker: Asker) -> Product:
    instrument = product_of(request.product_id, asker.listings)
    return product_to_wire(instrument, asker.state_of(instrument.instrument_id))


# -- currencies ---------------------------------------------------------------------------------


def currency_to_wire(name: str) -> Currency:
    """Return an asset."""
    is_fiat, smallest = name in FIAT, "0.01" if name in FIAT else "0.00000001"
    network = () if is_fiat else (CurrencyNetwork(id=name.lower(), name=NAMES.get(name, name)),)
    return Currency(
        id=name,
        name=NAMES.get(name, name),
        min_size=smallest,
        max_precision=smallest,
        details=CurrencyDetails(
            type="fiat" if is_fiat else "crypto",
            symbol=FIAT.get(name),
            min_withdrawal_amount=None if is_fiat else Raw(smallest.encode()),
        ),
        default_network="" if is_fiat else name.lower(),
        supported_networks=network,
        display_name=name,
    )


def _currencies(_answer: None, _request: Nothing, asker: Asker) -> tuple[Currency, ...]:
    return tuple(currency_to_wire(name) for name in asker.listings.assets().values())


def _currency(_answer: None, request: CurrencyRequest, asker: Asker) -> Currency:
    if request.currency_id not in asker.listings.assets().values():
        known = ", ".join(asker.listings.assets().values())
        raise errors.refused(
            errors.NOT_FOUND,
            f"no currency {errors.shown(request.currency_id)}; there are {known}",
            RejectReason.UNKNOWN_INSTRUMENT,
        )
    return currency_to_wire(request.currency_id)


# -- the clock ----------------------------------------------------------------------------------


def _time(answer: Any, _request: Nothing, _asker: Asker) -> Time:
    time_ns = answered(answer, Clock).time_ns
    return Time(iso(time_ns, 3), Raw(seconds_text(time_ns).encode()))


def clock_from_wire(wire: Time) -> Clock:
    """Return the venue's time."""
    return Clock(from_iso(wire.iso))


# -- books --------------------------------------------------------------------------------------


def _book_query(request: BookRequest, asker: Asker) -> BookQuery | FullBookQuery:
    number = product_of(request.product_id, asker.listings).instrument_id
    if request.level == 3:  # noqa: PLR2004 the venue's number for every order
        return FullBookQuery(number)
    return BookQuery(number, 1 if request.level == 1 else WHOLE_BOOK)


def _book(answer: Any, request: BookRequest, asker: Asker) -> Book | FullBook:
    if isinstance(answer, FullBookSnapshot):
        return full_book_to_wire(answer, asker.listings)
    snapshot = answered(answer, BookSnapshot)
    return book_to_wire(snapshot, asker, is_touch=request.level == 1)


def book_to_wire(snapshot: BookSnapshot, asker: Asker, *, is_touch: bool = False) -> Book:
    """Return a book level by level, with how many orders stand in each."""
    instrument = asker.listings[snapshot.instrument_id]
    full = asker.ask(FullBookQuery(snapshot.instrument_id))
    counts: dict[tuple[Side, int], int] = {}
    for order in full.orders if isinstance(full, FullBookSnapshot) else ():
        where = order.side, order.price_ticks
        counts[where] = counts.get(where, 0) + 1

    def levels(side: Side, rows: Iterable[tuple[int, int]]) -> tuple[Level, ...]:
        return tuple(
            (price_text(instrument, t), size_text(instrument, n), counts.get((side, t), 1))
            for t, n in rows
        )

    depth = 1 if is_touch else None
    return Book(
        bids=levels(Side.BUY, snapshot.bids[:depth]),
        asks=levels(Side.SELL, snapshot.asks[:depth]),
        sequence=snapshot.full_sequence,
        time=iso(snapshot.time_ns),
    )


def full_book_to_wire(snapshot: FullBookSnapshot, listings: Listings) -> FullBook:
    """Return a book order by order, best first, and at a price in the order of their coming."""
    instrument = listings[snapshot.instrument_id]

    def rows(side: Side) -> tuple[tuple[str, str, str], ...]:
        orders = [order for order in snapshot.orders if order.side is side]
        orders.sort(key=lambda order: -order.price_ticks * side)
        return tuple(
            (
                price_text(instrument, order.price_ticks),
                size_text(instrument, order.size_lots),
                full_order_uuid(order),
            )
            for order in orders
        )

    return FullBook(
        bids=rows(Side.BUY),
        asks=rows(Side.SELL),
        sequence=snapshot.full_sequence,
        time=iso(snapshot.time_ns),
    )


def full_order_uuid(order: FullOrder) -> str:
    """Return an order's id, or that of a size which belongs to no one order."""
    return (
        order_uuid(order.order_id) if order.order_id else level_uuid(order.side, order.price_ticks)
    )


def book_from_wire(book: Book, instrument: Instrument) -> BookSnapshot:
    """Return a book. Its number is none that changes of levels have, so it counts as none."""

    def levels(rows: Iterable[Level]) -> tuple[tuple[int, int], ...]:
        read = ((read_price(instrument, row[0]), whole_lots(instrument, row[1])) for row in rows)
        return tuple((ticks, lots) for ticks, lots in read if lots)

    return BookSnapshot(
        instrument.instrument_id,
        0,
        levels(book.bids),
        levels(book.asks),
        from_iso(book.time),
        full_sequence=book.sequence,
        is_numbered=False,
    )


# -- trades -------------------------------------------------------------------------------------


def _trades_query(request: TradesRequest, asker: Asker) -> TradesQuery:
    instrument = product_of(request.product_id, asker.listings)
    limit = paging.limit_of(request.limit, TRADES_DEFAULT)
    places = paging.places_of(request.before, request.after)
    return TradesQuery(instrument.instrument_id, limit, **places)


def _trades(answer: Any, request: TradesRequest, asker: Asker) -> Any:
    listed = answered(answer, TradeList)
    instrument = product_of(request.product_id, asker.listings)
    newest_first = listed.trades[::-1]
    rows = [trade_to_wire(trade, instrument) for trade in newest_first]
    return paging.page(rows, [trade.trade_id for trade in newest_first], listed.around)


def trade_to_wire(trade: domain.Trade, instrument: Instrument) -> PublicTrade:
    """Return a public trade."""
    return PublicTrade(
        trade_id=trade.trade_id,
        side=SIDE_NAMES[trade.taker_side.opposite],  # type: ignore[arg-type]
        size=size_text(instrument, trade.size_lots),
        price=price_text(instrument, trade.price_ticks),
        time=iso(trade.time_ns),
    )


def trade_from_wire(wire: PublicTrade, instrument: Instrument) -> domain.Trade:
    """Return a public trade."""
    return domain.Trade(
        instrument.instrument_id,
        wire.trade_id,
        read_price(instrument, wire.price),
        whole_lots(instrument, wire.size),
        SIDES[wire.side].opposite,
        from_iso(wire.time),
    )


# -- candles ------------------------------------------------------------------------------------


def _candles_query(request: CandlesRequest, asker: Asker) -> CandlesQuery:
    instrument = product_of(request.product_id, asker.listings)
    interval_ns = request.granularity * SECOND_NS
    start_ns = None if request.start is None else _moment(request.start, "start")
    end_ns = None if request.end is None else _moment(request.end, "end")
    if start_ns is not None:
        end_ns = asker.sandbox_ns if end_ns is None else end_ns
        if (end_ns - start_ns) // interval_ns > CANDLES_MAX:
            raise errors.said(
                "granularity too small for the requested time range. Count of aggregations "
                f"requested exceeds {CANDLES_MAX}",
                "ask for a shorter time, or longer candles",
                "granularity",
            )
    return CandlesQuery(instrument.instrument_id, interval_ns, CANDLES_MAX, start_ns, end_ns)


def _moment(text: str, name: str) -> int:
    try:
        return from_time(text)
    except ValueError as error:
        raise errors.said(f"Invalid {name}", str(error), name) from error


def _candles(answer: Any, request: CandlesRequest, asker: Asker) -> tuple[CandleText, ...]:
    candles = answered(answer, CandleList).candles
    instrument = product_of(request.product_id, asker.listings)
    traded = (candle for candle in reversed(candles) if candle.trade_count)
    return tuple(candle_to_wire(candle, instrument) for candle in traded)


def candle_to_wire(candle: domain.Candle, instrument: Instrument) -> CandleText:
    """Return a candle in the venue's order: time, low, high, open, close, volume."""
    prices = (candle.low_ticks, candle.high_ticks, candle.open_ticks, candle.close_ticks)
    low, high, opened, closed = (Raw(price_text(instrument, p).encode()) for p in prices)
    volume = Raw(size_text(instrument, candle.volume_lots).encode())
    return candle.open_ns // SECOND_NS, low, high, opened, closed, volume


def candle_from_wire(
    row: Candle, instrument: Instrument, interval_ns: int, now_ns: int
) -> domain.Candle:
    """Return a candle; what the venue does not tell, money and counts, is 0."""
    open_ns = row[0] * SECOND_NS
    low, high, opened, closed = (read_price(instrument, f"{p:f}") for p in row[1:5])
    return domain.Candle(
        instrument.instrument_id,
        interval_ns,
        open_ns,
        opened,
        high,
        low,
        closed,
        whole_lots(instrument, f"{row[5]:f}"),
        0,
        0,
        0,
        0,
        0,
        0,
        open_ns + interval_ns <= now_ns,
    )


# -- tickers ------------------------------------------------------------------------------------


def _ticker_query(request: ProductRequest, asker: Asker) -> TickersQuery:
    return TickersQuery((product_of(request.product_id, asker.listings).instrument_id,))


def _ticker(answer: Any, request: ProductRequest, asker: Asker) -> Ticker:
    (ticker,) = answered(answer, TickerList).tickers
    return ticker_to_wire(ticker, product_of(request.product_id, asker.listings))


def ticker_to_wire(ticker: domain.Ticker, instrument: Instrument) -> Ticker:
    """Return the last trade, the touch and a day's volume."""
    return Ticker(
        ask=price_text(instrument, ticker.ask_ticks or 0),
        bid=price_text(instrument, ticker.bid_ticks or 0),
        volume=size_text(instrument, ticker.volume_lots),
        trade_id=ticker.last_trade_id,
        price=price_text(instrument, ticker.last_ticks or 0),
        size=size_text(instrument, ticker.last_lots),
        time=iso(ticker.last_trade_ns or ticker.time_ns),
    )


def ticker_from_wire(wire: Ticker, instrument: Instrument, now_ns: int) -> domain.Ticker:
    """Return the last trade, the touch and a day's volume; the rest is in other answers."""
    return domain.Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=now_ns,
        open_ns=now_ns,
        open_ticks=None,
        high_ticks=None,
        low_ticks=None,
        last_ticks=read_price(instrument, wire.price) or None,
        last_lots=whole_lots(instrument, wire.size),
        previous_close_ticks=None,
        volume_lots=whole_lots(instrument, wire.volume),
        quote_atoms=0,
        trade_count=0,
        first_trade_id=0,
        last_trade_id=wire.trade_id,
        bid_ticks=read_price(instrument, wire.bid) or None,
        bid_lots=0,
        ask_ticks=read_price(instrument, wire.ask) or None,
        ask_lots=0,
        last_trade_ns=from_iso(wire.time),
    )


def _stats(answer: Any, request: ProductRequest, asker: Asker) -> Stats:
    (ticker,) = answered(answer, TickerList).tickers
    instrument = product_of(request.product_id, asker.listings)
    opened, high, low, last = (
        price_text(instrument, ticks or 0)
        for ticks in (ticker.open_ticks, ticker.high_ticks, ticker.low_ticks, ticker.last_ticks)
    )
    return Stats(
        open=opened,
        high=high,
        low=low,
        last=last,
        volume=size_text(instrument, ticker.volume_lots),
        volume_30day=size_text(instrument, ticker.volume_30d_lots),
    )


def _volumes(answer: Any, _request: Nothing, asker: Asker) -> tuple[VolumeSummary, ...]:
    return tuple(
        VolumeSummary(
            id=instrument.symbol,
            base_currency=instrument.base,
            quote_currency=instrument.quote,
            display_name=instrument.symbol,
            spot_volume_24hour=size_text(instrument, ticker.volume_lots),
            spot_volume_30day=size_text(instrument, ticker.volume_30d_lots),
        )
        for ticker in answered(answer, TickerList).tickers
        for instrument in (asker.listings[ticker.instrument_id],)
    )


def _sparks(_answer: None, _request: Nothing, asker: Asker) -> dict[str, tuple[Spark, ...]]:
    """Return prices ten minutes apart, newest first."""
    found = {}
    for instrument in asker.listings:
        query = CandlesQuery(instrument.instrument_id, SPARK_PART_NS, 2 * SPARKS_MAX)
        candles = answered(asker.ask(query), CandleList).candles
        found[instrument.symbol] = tuple(
            (candle.open_ns // SECOND_NS, price_text(instrument, candle.open_ticks))
            for candle in reversed(candles)
            if candle.open_ns % SPARK_NS == 0
        )
    return found


# -- routes -------------------------------------------------------------------------------------

TIME = public(
    "/time", Nothing, Time, lambda _r, _a: ClockQuery(), _time, summary="The exchange's clock"
)
PRODUCTS = public(
    "/products",
    Nothing,
    tuple[Product, ...],
    lambda _r, _a: InstrumentsQuery(),
    _products,
    summary="All products",
)
BOOK = public("/products/{product_id}/book", BookRequest, Any, _book_query, _book, summary="A book")
TRADES = public(
    "/products/{product_id}/trades",
    TradesRequest,
    tuple[PublicTrade, ...],
    _trades_query,
    _trades,
    summary="Public trades",
)
CANDLES = public(
    "/products/{product_id}/candles",
    CandlesRequest,
    tuple[Candle, ...],
    _candles_query,
    _candles,
    summary="Candles; those without trades are left out",
)
TICKER = public(
    "/products/{product_id}/ticker",
    ProductRequest,
    Ticker,
    _ticker_query,
    _ticker,
    summary="Last trade, touch and volume",
)
ENDPOINTS = (
    TIME,
    public(
        "/currencies", Nothing, tuple[Currency, ...], nothing, _currencies, summary="All currencies"
    ),
    public(
        "/currencies/{currency_id}",
        CurrencyRequest,
        Currency,
        nothing,
        _currency,
        summary="One currency",
    ),
    PRODUCTS,
    public(
        "/products/volume-summary",
        Nothing,
        tuple[VolumeSummary, ...],
        lambda _r, _a: TickersQuery(),
        _volumes,
        summary="Every product's volumes of 24 hours and 30 days",
    ),
    public(
        "/products/spark-lines",
        Nothing,
        dict[str, tuple[Spark, ...]],
        nothing,
        _sparks,
        summary="A day's prices of every product, ten minutes apart",
    ),
    public(
        "/products/{product_id}", ProductRequest, Product, nothing, _product, summary="One product"
    ),
    TICKER,
    public(
        "/products/{product_id}/stats",
        ProductRequest,
        Stats,
        _ticker_query,
        _stats,
        summary="Statistics of 24 hours, volume of 30 days",
    ),
    BOOK,
    TRADES,
    CANDLES,
    public(
        "/ticker",
        ProductRequest,
        Ticker,
        _ticker_query,
        _ticker,
        summary="The same as /products/{product_id}/ticker, as the beginner's tutorial asks",
    ),
)
