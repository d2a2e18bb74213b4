"""Candles and 24-hour statistics, both ways.

The invariant: a candle without trades repeats the last price four times and has no volume. What
is a quotient (average price, change in percent) is information, rounded half up, never booked.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from steelyard.dialects.binance import errors
from steelyard.dialects.binance.market import ROWS_MAX, instrument_of, instruments_of, public
from steelyard.dialects.binance.messages import (
    BookTicker,
    Kline,
    KlinesRequest,
    MiniTicker24h,
    SymbolsRequest,
    Ticker24h,
    TickerPrice,
    TickerRequest,
)
from steelyard.dialects.binance.text import (
    INTERVALS_NS,
    MONTH_NS,
    amount_text,
    average_text,
    fixed,
    from_ms,
    nearest_price,
    offset_ns,
    percent_text,
    price_text,
    read_amount,
    resting_price,
    size_text,
    symbol_text,
    tick_e8,
    to_ms,
    whole_lots,
)
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    SECOND_NS,
    Answer,
    Candle,
    CandleList,
    CandlesQuery,
    Ticker,
    TickerList,
    TickersQuery,
)
from steelyard.domain.order import Side
from steelyard.wire.dialect import Asker, Endpoint

# -- candles ------------------------------------------------------------------------------------


def close_ms(open_ns: int, interval_ns: int, ahead_ns: int = 0) -> int:
    """Return the last millisecond (or microsecond) of the candle that opens then.

    ahead_ns is how far ahead of UTC the month is.
    """
    if interval_ns != MONTH_NS:
        return to_ms(open_ns + interval_ns) - 1
    opened = datetime.fromtimestamp((open_ns + ahead_ns) // SECOND_NS, UTC)
    years, month = divmod(opened.month, 12)
    following = datetime(opened.year + years, month + 1, 1, tzinfo=UTC)
    return to_ms(int(following.timestamp()) * SECOND_NS - ahead_ns) - 1


def candle_to_wire(candle: Candle, listings: Listings, ahead_ns: int = 0) -> Kline:
    """Return a candle as an array; ahead_ns is how far ahead of UTC it was asked for."""
    instrument = listings[candle.instrument_id]
    return (
        to_ms(candle.open_ns),
        price_text(instrument, candle.open_ticks),
        price_text(instrument, candle.high_ticks),
        price_text(instrument, candle.low_ticks),
        price_text(instrument, candle.close_ticks),
        size_text(instrument, candle.volume_lots),
        close_ms(candle.open_ns, candle.interval_ns, ahead_ns),
        amount_text(candle.quote_atoms),
        candle.trade_count,
        size_text(instrument, candle.taker_buy_lots),
        amount_text(candle.taker_buy_quote_atoms),
        "0",
    )


def candle_from_wire(kline: Kline, instrument: Instrument, interval_ns: int, now_ns: int) -> Candle:
    """Return a candle of a response, which does not tell ids of trades.

    Prices off today's tick are rounded: the highest up, the lowest down, the others to the nearest.
    """
    return Candle(
        instrument.instrument_id,
        interval_ns,
        from_ms(kline[0]),
        nearest_price(instrument, kline[1]),
        resting_price(instrument, Side.SELL, kline[2]),
        resting_price(instrument, Side.BUY, kline[3]),
        nearest_price(instrument, kline[4]),
        whole_lots(instrument, kline[5]),
        read_amount(kline[7]),
        kline[8],
        whole_lots(instrument, kline[9]),
        read_amount(kline[10]),
        0,
        0,
        is_closed=from_ms(kline[6]) < now_ns,
    )


def _klines_query(request: KlinesRequest, asker: Asker) -> CandlesQuery:
    return CandlesQuery(
        instrument_of(request.symbol, asker).instrument_id,
        INTERVALS_NS[request.interval],
        min(request.limit, ROWS_MAX),
        None if request.startTime is None else from_ms(request.startTime),
        None if request.endTime is None else from_ms(request.endTime),
        offset_ns(request.timeZone or "0"),
    )


def _klines(answer: Answer | None, request: KlinesRequest, asker: Asker) -> tuple[Kline, ...]:
    assert isinstance(answer, CandleList), "a CandlesQuery is answered by candles"
    ahead_ns = offset_ns(request.timeZone or "0")
    return tuple(candle_to_wire(candle, asker.listings, ahead_ns) for candle in answer.candles)


# -- tickers ------------------------------------------------------------------------------------


def ticker_to_wire(ticker: Ticker, listings: Listings) -> Ticker24h:
    """Return a day's statistics; zeros where nothing rests or traded."""
    instrument = listings[ticker.instrument_id]
    change = (ticker.last_ticks or 0) - (ticker.open_ticks or 0)

    def price(ticks: int | None) -> str:
        return price_text(instrument, ticks)

    return Ticker24h(
        symbol=symbol_text(instrument),
        priceChange=fixed(change * tick_e8(instrument)),
        priceChangePercent=percent_text(change, ticker.open_ticks or 0),
        weightedAvgPrice=average_text(instrument, ticker.quote_atoms, ticker.volume_lots),
        prevClosePrice=price(ticker.previous_close_ticks),
        lastPrice=price(ticker.last_ticks),
        lastQty=size_text(instrument, ticker.last_lots),
        bidPrice=price(ticker.bid_ticks),
        bidQty=size_text(instrument, ticker.bid_lots),
        askPrice=price(ticker.ask_ticks),
        askQty=size_text(instrument, ticker.ask_lots),
        openPrice=price(ticker.open_ticks),
        highPrice=price(ticker.high_ticks),
        lowPrice=price(ticker.low_ticks),
        volume=size_text(instrument, ticker.volume_lots),
        quoteVolume=amount_text(ticker.quote_atoms),
        openTime=to_ms(ticker.open_ns),
        closeTime=to_ms(ticker.time_ns),
        firstId=ticker.first_trade_id,
        lastId=ticker.last_trade_id,
        count=ticker.trade_count,
    )


def ticker_from_wire(wire: Ticker24h, instrument: Instrument) -> Ticker:
    """Return a day's statistics of a response."""

    def price(text: str, side: Side | None = None) -> int | None:
        if side is None:
            return nearest_price(instrument, text) or None
        return resting_price(instrument, side, text) or None

    return Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=from_ms(wire.closeTime),
        open_ns=from_ms(wire.openTime),
        open_ticks=price(wire.openPrice),
        high_ticks=price(wire.highPrice, Side.SELL),
        low_ticks=price(wire.lowPrice, Side.BUY),
        last_ticks=price(wire.lastPrice),
        last_lots=whole_lots(instrument, wire.lastQty),
        previous_close_ticks=price(wire.prevClosePrice),
        volume_lots=whole_lots(instrument, wire.volume),
        quote_atoms=read_amount(wire.quoteVolume),
        trade_count=wire.count,
        first_trade_id=wire.firstId,
        last_trade_id=wire.lastId,
        bid_ticks=price(wire.bidPrice, Side.BUY),
        bid_lots=whole_lots(instrument, wire.bidQty),
        ask_ticks=price(wire.askPrice, Side.SELL),
        ask_lots=whole_lots(instrument, wire.askQty),
    )


def mini_of(ticker: Ticker24h) -> MiniTicker24h:
    """Return a ticker without the touch and what is made of the other numbers."""
    return MiniTicker24h(
        **{name: getattr(ticker, name) for name in MiniTicker24h.__struct_fields__}
    )


def _price_only(ticker: Ticker24h) -> TickerPrice:
    return TickerPrice(symbol=ticker.symbol, price=ticker.lastPrice)


def _touch_only(ticker: Ticker24h) -> BookTicker:
    return BookTicker(
        symbol=ticker.symbol,
        bidPrice=ticker.bidPrice,
        bidQty=ticker.bidQty,
        askPrice=ticker.askPrice,
        askQty=ticker.askQty,
    )


def _tickers_query(request: TickerRequest | SymbolsRequest, asker: Asker) -> TickersQuery:
    if isinstance(request, TickerRequest) and request.type not in {"FULL", "MINI"}:
        raise errors.said(-1139, "Invalid ticker type.", "there are FULL and MINI", "type")
    return TickersQuery(tuple(it.instrument_id for it in instruments_of(request, asker)))


def _tickers(
    part: Callable[[Ticker24h], Struct],
) -> Callable[[Answer | None, Any, Asker], Struct | tuple[Struct, ...]]:
    """Return an encoder: one object where one symbol was named, else an array."""

    def encode(answer: Answer | None, request: Any, asker: Asker) -> Struct | tuple[Struct, ...]:
        assert isinstance(answer, TickerList), "a TickersQuery is answered by tickers"
        shorten = mini_of if getattr(request, "type", "") == "MINI" else part
        found = tuple(shorten(ticker_to_wire(t, asker.listings)) for t in answer.tickers)
        return found[0] if request.symbol else found

    return encode


def _ticker_weight(request: TickerRequest) -> int:
    count = 1 if request.symbol else len(request.symbols or ())
    return 80 if not count or count > 100 else 2 if count <= 20 else 40  # noqa: PLR2004


def _short_ticker_weight(request: SymbolsRequest) -> int:
    return 2 if request.symbol else 4


# -- routes ------------------------------------------------------------------------------------

KLINES = public(
    "klines",
    KlinesRequest,
    tuple[Kline, ...],
    _klines_query,
    _klines,
    weight=2,
    summary="Candles",
)
UI_KLINES = KLINES._replace(path="/api/v3/uiKlines")
TICKER_24H = public(
    "ticker/24hr",
    TickerRequest,
    Ticker24h | tuple[Ticker24h, ...],
    _tickers_query,
    _tickers(lambda ticker: ticker),
    weight=_ticker_weight,
    summary="Statistics of 24 hours",
)
TICKER_PRICE = public(
    "ticker/price",
    SymbolsRequest,
    TickerPrice | tuple[TickerPrice, ...],
    _tickers_query,
    _tickers(_price_only),
    weight=_short_ticker_weight,
    summary="Last prices",
)
TICKER_BOOK = public(
    "ticker/bookTicker",
    SymbolsRequest,
    BookTicker | tuple[BookTicker, ...],
    _tickers_query,
    _tickers(_touch_only),
    weight=_short_ticker_weight,
    summary="Best bids and asks",
)

ENDPOINTS: tuple[Endpoint, ...] = (
    KLINES,
    UI_KLINES,
    TICKER_24H,
    TICKER_PRICE,
    TICKER_BOOK,
)
