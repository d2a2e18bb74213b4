"""Instruments, the clock, books, trades, candles and tickers, both ways.

The invariant: what an instrument says is what the listing says, so that a client that obeys it is
never refused for a step. A book that is asked for has no number that its stream's messages share:
those are counted for each connection.
"""

from collections.abc import Iterable
from typing import Any

from steelyard.dialects.bybit import errors
from steelyard.dialects.bybit.messages import (
    Candle,
    Envelope,
    InstrumentInfo,
    Instruments,
    InstrumentsRequest,
    KlineRequest,
    Klines,
    Level,
    LotSizeFilter,
    Nothing,
    Orderbook,
    OrderbookRequest,
    PriceFilter,
    PublicTrade,
    RecentTrades,
    RecentTradesRequest,
    RiskParameters,
    ServerTime,
    Ticker,
    Tickers,
    TickersRequest,
)
from steelyard.dialects.bybit.routes import (
    answered,
    check_category,
    find_in,
    instrument_of,
    instruments_of,
    limit_of,
    public,
    wrapped,
)
from steelyard.dialects.bybit.text import (
    ATOM_DECIMALS,
    INTERVALS_NS,
    MS_NS,
    SIDE_NAMES,
    SIDES,
    amount_text,
    fixed,
    from_ms,
    lot,
    ms_text,
    number_of,
    price_text,
    rate_text,
    read_amount,
    read_price,
    share_text,
    size_text,
    symbol_text,
    tick,
    to_ms,
    whole_lots,
)
from steelyard.domain import messages as domain
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
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
from steelyard.domain.order import MarketState, Side
from steelyard.wire.dialect import Asker

BOOK_MAX = 1_000
TRADES_MAX = 60
CANDLES_DEFAULT, CANDLES_MAX = 200, 1_000
DAY_NS = 86_400 * SECOND_NS
BAND_RATE_E8 = 10**8  # told where there is none
PRICE_MAX = 10**9  # in steps: the venue tells no limit
DOLLARS = frozenset({"USD", "USDT", "USDC"})
STATES = {MarketState.OPEN: "Trading", MarketState.POST_ONLY: "Trading"}


# -- instruments --------------------------------------------------------------------------------


def instrument_to_wire(instrument: Instrument, state: MarketState) -> InstrumentInfo:
    """Return an instrument."""
    most = size_text(instrument, instrument.size_max_lots)
    band = rate_text(instrument.band_rate_e8 or BAND_RATE_E8)
    return InstrumentInfo(
        symbol=symbol_text(instrument),
        symbolId=instrument.instrument_id + 1,
        baseCoin=instrument.base,
        quoteCoin=instrument.quote,
        innovation="0",
        status=STATES.get(state, "Closed"),
        marginTrading="none",
        stTag="0",
        lotSizeFilter=LotSizeFilter(
            basePrecision=fixed(*lot(instrument)),
            quotePrecision=fixed(1, min(ATOM_DECIMALS, tick(instrument)[1] + lot(instrument)[1])),
            minOrderQty=size_text(instrument, instrument.size_min_lots),
            maxOrderQty=most,
            minOrderAmt=amount_text(instrument.notional_min_atoms),
            maxOrderAmt=amount_text(
                instrument.notional_max_atoms
                or instrument.notional_atoms(instrument.price_max_ticks, instrument.size_max_lots)
            ),
            maxLimitOrderQty=most,
            maxMarketOrderQty=most,
            postOnlyMaxLimitOrderSize=most,
        ),
        priceFilter=PriceFilter(fixed(*tick(instrument))),
        riskParameters=RiskParameters(band, band),
        symbolType="",
    )


def instruments_from_wire(result: Instruments) -> InstrumentList:
    """Return every instrument that trades or may trade again, in the order of the answer.

    What our whole numbers cannot hold is left out. A highest price is not told.
    """
    asset_ids: dict[str, int] = {}
    found: list[Instrument] = []
    states: list[MarketState] = []
    for info in result.list:
        base, quote = (
            (asset_ids.setdefault(name, len(asset_ids) + 1), name)
            for name in (info.baseCoin, info.quoteCoin)
        )
        sizes = info.lotSizeFilter
        try:
            instrument = Instrument.spot(
                len(found),
                base,
                quote,
                tick_size=info.priceFilter.tickSize,
                lot_size=sizes.basePrecision,
                price_max=_times(info.priceFilter.tickSize, PRICE_MAX),
                size_max=sizes.maxOrderQty,
                notional_min=sizes.minOrderAmt,
            )
        except UnitError:
            continue
        found.append(instrument)
        states.append(MarketState.OPEN if info.status == "Trading" else MarketState.HALTED)
    return InstrumentList(tuple(found), tuple(states))


def _times(step: str, number: int) -> str:
    """Return so many steps."""
    whole, _, rest = step.partition(".")
    digits = f"{whole}{rest}"
    if not (digits.isascii() and digits.isdigit()):
        raise DecodeError(f"step {step[:40]!r} is not a number")
    return fixed(int(digits) * number, len(rest))


def instruments_to_wire(answer: Any, request: InstrumentsRequest, asker: Asker) -> Instruments:
    """Return what is listed in a category, or of it what was asked for."""
    listed = answered(answer, InstrumentList)
    category = check_category(request.category)
    wanted = instruments_of(category, asker.listings)
    if request.symbol is not None:
        named = find_in(category, request.symbol, asker.listings)
        if named is None and wanted:
            instrument_of(category, request.symbol, asker.listings)  # says that there is none
        wanted = () if named is None else (named,)
    if request.baseCoin is not None:
        wanted = tuple(i for i in wanted if i.base == request.baseCoin)
    numbers = {instrument.instrument_id for instrument in wanted}
    rows = (
        instrument_to_wire(instrument, state)
        for instrument, state in zip(listed.instruments, listed.states, strict=True)
        if instrument.instrument_id in numbers
    )
    kept = tuple(row for row in rows if request.status in (None, row.status))
    return Instruments(category=category, list=kept, nextPageCursor="")


# -- the clock ----------------------------------------------------------------------------------


def _time(answer: Any, _request: Nothing, _asker: Asker) -> Envelope[Any]:
    time_ns = answered(answer, Clock).time_ns
    return wrapped(ServerTime(str(time_ns // SECOND_NS), str(time_ns)), time_ns)


def clock_from_wire(result: ServerTime) -> Clock:
    """Return the venue's time.

    Raises:
        DecodeError: It is none.
    """
    text = result.timeNano
    if not (text.isascii() and text.isdigit() and len(text) <= 20):  # noqa: PLR2004
        raise DecodeError(f"timeNano {text[:40]!r} is not a number of nanoseconds")
    return Clock(int(text))


# -- tickers ------------------------------------------------------------------------------------


def ticker_to_wire(ticker: domain.Ticker, listings: Listings) -> Ticker:
    """Return the last 24 hours and the touch; what there is not is empty."""
    instrument = listings[ticker.instrument_id]

    def price(ticks: int | None) -> str:
        return price_text(instrument, ticks) if ticks else ""

    opened, last = ticker.open_ticks or 0, ticker.last_ticks or 0
    return Ticker(
        symbol=symbol_text(instrument),
        bid1Price=price(ticker.bid_ticks),
        bid1Size=size_text(instrument, ticker.bid_lots),
        ask1Price=price(ticker.ask_ticks),
        ask1Size=size_text(instrument, ticker.ask_lots),
        lastPrice=price(ticker.last_ticks),
        prevPrice24h=price(ticker.open_ticks),
        price24hPcnt=share_text(last - opened, opened),
        highPrice24h=price(ticker.high_ticks),
        lowPrice24h=price(ticker.low_ticks),
        turnover24h=amount_text(ticker.quote_atoms),
        volume24h=size_text(instrument, ticker.volume_lots),
        usdIndexPrice=price(ticker.last_ticks) if instrument.quote in DOLLARS else "",
    )


def ticker_from_wire(wire: Ticker, listings: Listings, now_ns: int) -> domain.Ticker:
    """Return the last 24 hours and the touch.

    Raises:
        DecodeError: Something is no number.
    """
    instrument = listed(wire.symbol, listings)

    def price(text: str) -> int | None:
        return (read_price(instrument, text) if text else 0) or None

    return domain.Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=now_ns,
        open_ns=now_ns - DAY_NS,
        open_ticks=price(wire.prevPrice24h),
        high_ticks=price(wire.highPrice24h),
        low_ticks=price(wire.lowPrice24h),
        last_ticks=price(wire.lastPrice),
        last_lots=0,
        previous_close_ticks=None,
        volume_lots=whole_lots(instrument, wire.volume24h),
        quote_atoms=read_amount(wire.turnover24h),
        trade_count=0,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=price(wire.bid1Price),
        bid_lots=whole_lots(instrument, wire.bid1Size or "0"),
        ask_ticks=price(wire.ask1Price),
        ask_lots=whole_lots(instrument, wire.ask1Size or "0"),
    )


def _tickers_query(request: TickersRequest, asker: Asker) -> TickersQuery:
    if request.symbol is None:
        found = instruments_of(request.category, asker.listings)
        return TickersQuery(tuple(instrument.instrument_id for instrument in found))
    if check_category(request.category) != "spot":
        return TickersQuery(())
    instrument = instrument_of(request.category, request.symbol, asker.listings)
    return TickersQuery((instrument.instrument_id,))


def _tickers(answer: Any, request: TickersRequest, asker: Asker) -> Tickers:
    found = answered(answer, TickerList).tickers
    return Tickers(request.category, tuple(ticker_to_wire(each, asker.listings) for each in found))


# -- books --------------------------------------------------------------------------------------


def levels_to_wire(instrument: Instrument, levels: Iterable[tuple[int, int]]) -> tuple[Level, ...]:
    """Return levels of a book; a size of nothing takes one away."""
    return tuple(
        (price_text(instrument, ticks), size_text(instrument, lots)) for ticks, lots in levels
    )


def levels_from_wire(
    instrument: Instrument, levels: Iterable[Level]
) -> tuple[tuple[int, int], ...]:
    """Return levels of a book.

    Raises:
        DecodeError: A price is not a multiple of the tick, or a size is none.
    """
    return tuple(
        (read_price(instrument, price), whole_lots(instrument, size)) for price, size in levels
    )


def book_to_wire(book: BookSnapshot, listings: Listings) -> Orderbook:
    """Return a book."""
    instrument, now = listings[book.instrument_id], to_ms(book.time_ns)
    return Orderbook(
        s=symbol_text(instrument),
        b=levels_to_wire(instrument, book.bids),
        a=levels_to_wire(instrument, book.asks),
        ts=now,
        u=book.sequence,
        seq=book.sequence,
        cts=now,
    )


def book_from_wire(wire: Orderbook, instrument: Instrument, depth: int) -> BookSnapshot:
    """Return a book of which so many levels were asked for. Its number says nothing."""
    bids, asks = (
        tuple(level for level in levels_from_wire(instrument, levels) if level[1])
        for levels in (wire.b, wire.a)
    )
    number = instrument.instrument_id
    book = BookSnapshot(number, 0, bids, asks, from_ms(wire.ts), is_numbered=False)
    return book.cut_at(depth)


def _book_query(request: OrderbookRequest, asker: Asker) -> BookQuery:
    instrument = instrument_of(request.category, request.symbol, asker.listings)
    return BookQuery(instrument.instrument_id, limit_of(request.limit, 1, BOOK_MAX))


def _book(answer: Any, _request: OrderbookRequest, asker: Asker) -> Orderbook:
    return book_to_wire(answered(answer, BookSnapshot), asker.listings)


# -- trades -------------------------------------------------------------------------------------


def trade_to_wire(trade: domain.Trade, instrument: Instrument) -> PublicTrade:
    """Return a public trade."""
    return PublicTrade(
        execId=str(trade.trade_id),
        symbol=symbol_text(instrument),
        price=price_text(instrument, trade.price_ticks),
        size=size_text(instrument, trade.size_lots),
        side=SIDE_NAMES[trade.taker_side],
        time=ms_text(trade.time_ns),
        isRPITrade=False,
        seq=str(trade.trade_id),
    )


def trade_from_wire(wire: PublicTrade, instrument: Instrument) -> domain.Trade:
    """Return a public trade.

    Raises:
        DecodeError: Something in it has another form than documented.
    """
    return domain.Trade(
        instrument.instrument_id,
        number_of(wire.execId),
        read_price(instrument, wire.price),
        whole_lots(instrument, wire.size),
        side_of(wire.side),
        from_ms(wire.time),
    )


def side_of(text: str) -> Side:
    """Return the side of a word.

    Raises:
        DecodeError: It is none.
    """
    found = SIDES.get(text)
    if found is None:
        raise DecodeError(f"side {errors.shown(text)} is neither Buy nor Sell", "side")
    return found


def _trades_query(request: RecentTradesRequest, asker: Asker) -> TradesQuery:
    instrument = instrument_of(request.category, request.symbol, asker.listings)
    return TradesQuery(instrument.instrument_id, limit_of(request.limit, TRADES_MAX, TRADES_MAX))


def _trades(answer: Any, request: RecentTradesRequest, asker: Asker) -> RecentTrades:
    trades = answered(answer, TradeList).trades
    rows = (trade_to_wire(trade, asker.listings[trade.instrument_id]) for trade in reversed(trades))
    return RecentTrades(request.category, tuple(rows))


# -- candles ------------------------------------------------------------------------------------


def candle_to_wire(candle: domain.Candle, instrument: Instrument) -> Candle:
    """Return a candle in the venue's order: start, open, high, low, close, volume, turnover."""
    prices = (candle.open_ticks, candle.high_ticks, candle.low_ticks, candle.close_ticks)
    opened, high, low, closed = (price_text(instrument, ticks) for ticks in prices)
    volume = size_text(instrument, candle.volume_lots)
    turnover = amount_text(candle.quote_atoms)
    return ms_text(candle.open_ns), opened, high, low, closed, volume, turnover


def candle_from_wire(
    row: Candle, instrument: Instrument, interval_ns: int, now_ns: int
) -> domain.Candle:
    """Return a candle; what the venue does not tell is 0.

    Raises:
        DecodeError: Something in it is no number.
    """
    open_ns = from_ms(row[0])
    opened, high, low, closed = (read_price(instrument, text) for text in row[1:5])
    return domain.Candle(
        instrument_id=instrument.instrument_id,
        interval_ns=interval_ns,
        open_ns=open_ns,
        open_ticks=opened,
        high_ticks=high,
        low_ticks=low,
        close_ticks=closed,
        volume_lots=whole_lots(instrument, row[5]),
        quote_atoms=read_amount(row[6]),
        trade_count=0,
        taker_buy_lots=0,
        taker_buy_quote_atoms=0,
        first_trade_id=0,
        last_trade_id=0,
        is_closed=open_ns + interval_ns <= now_ns,
    )


def interval_of(text: str) -> int:
    """Return the length of an interval.

    Raises:
        DecodeError: There is none of that name.
    """
    found = INTERVALS_NS.get(text)
    if found is None:
        raise errors.invalid("interval", f"one of {', '.join(INTERVALS_NS)}")
    return found


def _candles_query(request: KlineRequest, asker: Asker) -> CandlesQuery:
    instrument = instrument_of(request.category, request.symbol, asker.listings)
    interval_ns = interval_of(request.interval)
    for name in ("start", "end"):
        value = getattr(request, name)
        if value is not None and not 0 <= value < 2**53:
            raise errors.invalid(name, "a number of milliseconds since 1970")
    return CandlesQuery(
        instrument.instrument_id,
        interval_ns,
        limit_of(request.limit, CANDLES_DEFAULT, CANDLES_MAX),
        None if request.start is None else request.start * MS_NS,
        None if request.end is None else request.end * MS_NS,
    )


def _candles(answer: Any, request: KlineRequest, asker: Asker) -> Klines:
    instrument = instrument_of(request.category, request.symbol, asker.listings)
    candles = answered(answer, CandleList).candles
    rows = tuple(candle_to_wire(candle, instrument) for candle in reversed(candles))
    return Klines(symbol_text(instrument), request.category, rows)


def listed(symbol: str, listings: Listings) -> Instrument:
    """Return the instrument that a venue speaks of.

    Raises:
        DecodeError: It is not listed.
    """
    found = find_in("spot", symbol, listings)
    if found is None:
        raise DecodeError(f"{symbol[:20]!r} is not listed; read the instruments again", "symbol")
    return found


# -- routes -------------------------------------------------------------------------------------

TIME = public(
    "/v5/market/time",
    Nothing,
    ServerTime,
    lambda _r, _a: ClockQuery(),
    _time,
    summary="The exchange's clock",
)
INSTRUMENTS = public(
    "/v5/market/instruments-info",
    InstrumentsRequest,
    Instruments,
    lambda _r, _a: InstrumentsQuery(),
    instruments_to_wire,
    summary="Symbols of a category, with their steps and limits",
)
TICKERS = public(
    "/v5/market/tickers",
    TickersRequest,
    Tickers,
    _tickers_query,
    _tickers,
    summary="The last 24 hours and the touch",
)
ORDERBOOK = public(
    "/v5/market/orderbook", OrderbookRequest, Orderbook, _book_query, _book, summary="A book"
)
TRADES = public(
    "/v5/market/recent-trade",
    RecentTradesRequest,
    RecentTrades,
    _trades_query,
    _trades,
    summary="The newest public trades",
)
KLINE = public(
    "/v5/market/kline", KlineRequest, Klines, _candles_query, _candles, summary="Candles"
)
ENDPOINTS = (
    TIME,
    INSTRUMENTS,
    TICKERS,
    ORDERBOOK,
    TRADES,
    KLINE,
)
