"""Symbols, coins, the clock, books, trades, candles and tickers over REST, both ways.

The invariant: what a symbol says is what the instrument says, so that a client that obeys it is
never refused for a step. The venue tells no highest price and no least value of an order; the
latter there is here, and a field of ours tells it. The number of a book here is of its
stream; the venue does not say whether its own is, so a trader does not rely on it.
"""

from collections.abc import Iterable
from typing import Any

from steelyard.dialects.weex import errors
from steelyard.dialects.weex.messages import (
    BookTicker,
    Coin,
    Depth,
    DepthRequest,
    ExchangeInfo,
    Kline,
    KlinesRequest,
    Level,
    MaybeSymbolRequest,
    Network,
    Nothing,
    Price,
    PublicTrade,
    ServerTime,
    Symbol,
    Ticker,
    TradesRequest,
)
from steelyard.dialects.weex.routes import (
    answered,
    limit_of,
    nothing,
    public,
    signed,
    symbol_of,
)
from steelyard.dialects.weex.text import (
    INTERVALS_NS,
    fill_id,
    find_symbol,
    from_ms,
    listed,
    ms,
    share_text,
    symbol_text,
    trade_number,
)
from steelyard.domain import messages as domain
from steelyard.domain.errors import UnitError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    BookQuery,
    BookSnapshot,
    CandleList,
    CandlesQuery,
    Clock,
    ClockQuery,
    InstrumentList,
    InstrumentsQuery,
    StatusQuery,
    TickerList,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import MarketState, Side
from steelyard.domain.units import RATE_SCALE
from steelyard.wire.dialect import Asker
from steelyard.wire.numerals import (
    amount_text,
    fixed,
    lot,
    price_text,
    rate_text,
    read_amount,
    read_price,
    size_text,
    tick,
    whole_lots,
)

DEPTHS = (15, 200)
TRADES_DEFAULT, TRADES_MAX = 100, 1_000
CANDLES_DEFAULT, CANDLES_MAX = 100, 1_000
ASSET_DECIMALS = 8
PRICE_MAX = 10**9  # in steps, which symbols do not tell
TRADING = frozenset({MarketState.OPEN, MarketState.POST_ONLY})


# -- symbols ------------------------------------------------------------------------------------


def symbol_to_wire(instrument: Instrument, state: MarketState) -> Symbol:
    """Return an instrument."""
    most = size_text(instrument, instrument.size_max_lots)
    band = rate_text(instrument.band_rate_e8 or RATE_SCALE)
    is_open = state in TRADING
    return Symbol(
        symbol=symbol_text(instrument),
        status="TRADING" if is_open else "HALT",
        baseAsset=instrument.base,
        baseAssetPrecision=ASSET_DECIMALS,
        quoteAsset=instrument.quote,
        quoteAssetPrecision=ASSET_DECIMALS,
        tickSize=fixed(*tick(instrument)),
        stepSize=fixed(*lot(instrument)),
        minTradeAmount=size_text(instrument, instrument.size_min_lots),
        maxTradeAmount=most,
        takerFeeRate="0.001",  # a new account's
        makerFeeRate="0.001",
        buyLimitPriceRatio=band,
        sellLimitPriceRatio=band,
        marketBuyLimitSize=most,
        marketSellLimitSize=most,
        marketFallbackPriceRatio="0.2",  # nothing here goes by it
        enableTrade=is_open,
        enableDisplay=True,
        displayDigitMerge=fixed(*tick(instrument)),
        minOrderValue=amount_text(instrument.notional_min_atoms),
    )


def instruments_from_wire(info: ExchangeInfo) -> InstrumentList:
    """Return every instrument, in the order of the answer; what trading is off for is halted.

    What our whole numbers cannot hold is left out.
    """
    asset_ids: dict[str, int] = {}
    found: list[Instrument] = []
    states: list[MarketState] = []
    for symbol in info.symbols:
        base, quote = (
            (asset_ids.setdefault(name, len(asset_ids) + 1), name)
            for name in (symbol.baseAsset, symbol.quoteAsset)
        )
        try:
            instrument = Instrument.spot(
                len(found),
                base,
                quote,
                tick_size=symbol.tickSize,
                lot_size=symbol.stepSize,
                price_max=_times(symbol.tickSize, PRICE_MAX),
                size_max=symbol.maxTradeAmount,
                notional_min=symbol.minOrderValue or "0",
            )
        except UnitError:
            continue
        found.append(instrument)
        is_open = symbol.enableTrade and symbol.status == "TRADING"
        states.append(MarketState.OPEN if is_open else MarketState.HALTED)
    return InstrumentList(tuple(found), tuple(states))


def _times(step: str, number: int) -> str:
    """Return so many steps."""
    whole, _, rest = step.partition(".")
    digits = whole + rest
    if not (digits.isascii() and digits.isdigit()):
        return "0"  # which no instrument has
    return fixed(int(digits) * number, len(rest))


def _info(answer: Any, request: MaybeSymbolRequest, asker: Asker) -> ExchangeInfo:
    found = answered(answer, InstrumentList)
    only = None if request.symbol is None else symbol_of(request.symbol, asker.listings)
    return ExchangeInfo(
        timezone="UTC",
        serverTime=ms(asker.sandbox_ns),
        symbols=tuple(
            symbol_to_wire(instrument, state)
            for instrument, state in zip(found.instruments, found.states, strict=True)
            if only is None or instrument.instrument_id == only.instrument_id
        ),
    )


def _names(_answer: None, _request: Nothing, asker: Asker) -> tuple[str, ...]:
    return tuple(
        symbol_text(each)
        for each in asker.listings
        if asker.state_of(each.instrument_id) in TRADING
    )


# -- coins --------------------------------------------------------------------------------------


def coin_to_wire(name: str) -> Coin:
    """Return an asset; it moves over one network, called after it, and not by this API."""
    network = Network(
        network=name,
        coin=name,
        name=name,
        isDefault=True,
        depositEnable=False,
        withdrawEnable=False,
        withdrawFee="0",
        withdrawMin="0",
    )
    return Coin(
        coin=name,
        name=name,
        depositAllEnable=False,
        withdrawAllEnable=False,
        networkList=(network,),
    )


def _coins(_answer: None, _request: Nothing, asker: Asker) -> tuple[Coin, ...]:
    return tuple(coin_to_wire(name) for name in asker.listings.assets().values())


# -- the clock ----------------------------------------------------------------------------------


def _time(answer: Any, _request: Nothing, _asker: Asker) -> ServerTime:
    return ServerTime(ms(answered(answer, Clock).time_ns))


def clock_from_wire(wire: ServerTime) -> Clock:
    """Return the venue's time.

    Raises:
        DecodeError: It is none.
    """
    return Clock(from_ms(wire.serverTime))


def _ping(_answer: Any, _request: Nothing, _asker: Asker) -> Nothing:
    return Nothing()


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


def book_to_wire(book: BookSnapshot, instrument: Instrument) -> Depth:
    """Return a book."""
    return Depth(
        lastUpdateId=book.sequence,
        bids=levels_to_wire(instrument, book.bids),
        asks=levels_to_wire(instrument, book.asks),
    )


def book_from_wire(wire: Depth, instrument: Instrument, depth: int, now_ns: int) -> BookSnapshot:
    """Return a book of which so many levels were asked for. Its number says nothing."""
    bids, asks = (
        tuple(level for level in levels_from_wire(instrument, levels) if level[1])
        for levels in (wire.bids, wire.asks)
    )
    book = BookSnapshot(instrument.instrument_id, 0, bids, asks, now_ns, is_numbered=False)
    return book.cut_at(depth)


def _book_query(request: DepthRequest, asker: Asker) -> BookQuery:
    limit = DEPTHS[0] if request.limit is None else request.limit
    if limit not in DEPTHS:
        raise errors.invalid("limit", f"one of {', '.join(map(str, DEPTHS))}")
    return BookQuery(symbol_of(request.symbol, asker.listings).instrument_id, limit)


def _book(answer: Any, request: DepthRequest, asker: Asker) -> Depth:
    return book_to_wire(answered(answer, BookSnapshot), symbol_of(request.symbol, asker.listings))


# -- trades -------------------------------------------------------------------------------------


def trade_to_wire(trade: domain.Trade, instrument: Instrument) -> PublicTrade:
    """Return a public trade."""
    value = instrument.notional_atoms(trade.price_ticks, trade.size_lots)
    return PublicTrade(
        id=str(fill_id(trade.trade_id)),
        price=price_text(instrument, trade.price_ticks),
        qty=size_text(instrument, trade.size_lots),
        quoteQty=amount_text(value),
        time=ms(trade.time_ns),
        isBuyerMaker=trade.taker_side is Side.SELL,
    )


def trade_from_wire(wire: PublicTrade, instrument: Instrument) -> domain.Trade:
    """Return a public trade.

    Raises:
        DecodeError: Something in it has another form than documented.
    """
    return domain.Trade(
        instrument.instrument_id,
        trade_number(wire.id),
        read_price(instrument, wire.price),
        whole_lots(instrument, wire.qty),
        Side.SELL if wire.isBuyerMaker else Side.BUY,
        from_ms(wire.time),
    )


def _trades_query(request: TradesRequest, asker: Asker) -> TradesQuery:
    number = symbol_of(request.symbol, asker.listings).instrument_id
    return TradesQuery(number, limit_of(request.limit, TRADES_DEFAULT, TRADES_MAX))


def _trades(answer: Any, request: TradesRequest, asker: Asker) -> tuple[PublicTrade, ...]:
    instrument = symbol_of(request.symbol, asker.listings)
    trades = answered(answer, TradeList).trades
    return tuple(trade_to_wire(trade, instrument) for trade in reversed(trades))


# -- candles ------------------------------------------------------------------------------------


def candle_to_wire(candle: domain.Candle, instrument: Instrument) -> Kline:
    """Return a candle in the venue's order."""
    prices = (candle.open_ticks, candle.high_ticks, candle.low_ticks, candle.close_ticks)
    opened, high, low, closed = (price_text(instrument, ticks) for ticks in prices)
    return (
        ms(candle.open_ns),
        *(opened, high, low, closed),
        size_text(instrument, candle.volume_lots),
        ms(candle.open_ns + candle.interval_ns) - 1,
        amount_text(candle.quote_atoms),
        candle.trade_count,
        size_text(instrument, candle.taker_buy_lots),
        amount_text(candle.taker_buy_quote_atoms),
    )


def candle_from_wire(
    row: Kline, instrument: Instrument, interval_ns: int, now_ns: int
) -> domain.Candle:
    """Return a candle.

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
        quote_atoms=read_amount(row[7]),
        trade_count=row[8],
        taker_buy_lots=whole_lots(instrument, row[9]),
        taker_buy_quote_atoms=read_amount(row[10]),
        first_trade_id=0,
        last_trade_id=0,
        is_closed=open_ns + interval_ns <= now_ns,
    )


def _candles_query(request: KlinesRequest, asker: Asker) -> CandlesQuery:
    number = symbol_of(request.symbol, asker.listings).instrument_id
    if request.interval not in INTERVALS_NS:
        raise errors.invalid("interval", f"one of {', '.join(INTERVALS_NS)}")
    limit = limit_of(request.limit, CANDLES_DEFAULT, CANDLES_MAX)
    return CandlesQuery(number, INTERVALS_NS[request.interval], limit)


def _candles(answer: Any, request: KlinesRequest, asker: Asker) -> tuple[Kline, ...]:
    instrument = symbol_of(request.symbol, asker.listings)
    candles = answered(answer, CandleList).candles
    return tuple(candle_to_wire(candle, instrument) for candle in candles)


# -- tickers ------------------------------------------------------------------------------------


def ticker_to_wire(ticker: domain.Ticker, listings: Listings) -> Ticker:
    """Return the last 24 hours and the touch; what there is not is 0."""
    instrument = listings[ticker.instrument_id]

    def price(ticks: int | None) -> str:
        return price_text(instrument, ticks or 0)

    opened, last = ticker.open_ticks or 0, ticker.last_ticks or 0
    change = last - opened if opened and last else 0
    sign = "-" if change < 0 else ""
    return Ticker(
        symbol=symbol_text(instrument),
        priceChange=sign + price(abs(change)),
        priceChangePercent=share_text(change, opened),
        lastPrice=price(ticker.last_ticks),
        bidPrice=price(ticker.bid_ticks),
        bidQty=size_text(instrument, ticker.bid_lots),
        askPrice=price(ticker.ask_ticks),
        askQty=size_text(instrument, ticker.ask_lots),
        openPrice=price(ticker.open_ticks),
        highPrice=price(ticker.high_ticks),
        lowPrice=price(ticker.low_ticks),
        volume=size_text(instrument, ticker.volume_lots),
        quoteVolume=amount_text(ticker.quote_atoms),
        openTime=ms(ticker.open_ns),
        closeTime=ms(ticker.time_ns),
        count=ticker.trade_count,
    )


def ticker_from_wire(wire: Ticker, instrument: Instrument) -> domain.Ticker:
    """Return the last 24 hours and the touch.

    Raises:
        DecodeError: Something is no number.
    """

    def price(text: str) -> int | None:
        return read_price(instrument, text) or None

    return domain.Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=from_ms(wire.closeTime),
        open_ns=from_ms(wire.openTime),
        open_ticks=price(wire.openPrice),
        high_ticks=price(wire.highPrice),
        low_ticks=price(wire.lowPrice),
        last_ticks=price(wire.lastPrice),
        last_lots=0,
        previous_close_ticks=None,
        volume_lots=whole_lots(instrument, wire.volume),
        quote_atoms=read_amount(wire.quoteVolume),
        trade_count=wire.count,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=price(wire.bidPrice),
        bid_lots=whole_lots(instrument, wire.bidQty),
        ask_ticks=price(wire.askPrice),
        ask_lots=whole_lots(instrument, wire.askQty),
    )


def tickers_from_wire(wires: Iterable[Ticker], listings: Listings) -> TickerList:
    """Return the tickers of what is listed."""
    return TickerList(
        tuple(
            ticker_from_wire(wire, listed(wire.symbol, listings))
            for wire in wires
            if find_symbol(listings, wire.symbol) is not None
        )
    )


def _tickers_query(request: MaybeSymbolRequest, asker: Asker) -> TickersQuery:
    if request.symbol is None:
        return TickersQuery(tuple(each.instrument_id for each in asker.listings))
    return TickersQuery((symbol_of(request.symbol, asker.listings).instrument_id,))


def _tickers(answer: Any, _request: MaybeSymbolRequest, asker: Asker) -> tuple[Ticker, ...]:
    return tuple(ticker_to_wire(t, asker.listings) for t in answered(answer, TickerList).tickers)


def _prices(answer: Any, request: MaybeSymbolRequest, asker: Asker) -> tuple[Price, ...]:
    return tuple(Price(t.symbol, t.lastPrice) for t in _tickers(answer, request, asker))


def _touches(answer: Any, request: MaybeSymbolRequest, asker: Asker) -> tuple[BookTicker, ...]:
    return tuple(
        BookTicker(t.symbol, t.bidPrice, t.bidQty, t.askPrice, t.askQty)
        for t in _tickers(answer, request, asker)
    )


# -- routes -------------------------------------------------------------------------------------

TIME = public(
    "/api/v3/time",
    Nothing,
    ServerTime,
    lambda _r, _a: ClockQuery(),
    _time,
    weight=1,
    summary="The exchange's clock",
)
PING = public(
    "/api/v3/ping",
    Nothing,
    Nothing,
    lambda _r, _a: StatusQuery(),
    _ping,
    weight=1,
    summary="Whether anybody is there",
)
INFO = public(
    "/api/v3/exchangeInfo",
    MaybeSymbolRequest,
    ExchangeInfo,
    lambda _r, _a: InstrumentsQuery(),
    _info,
    weight=20,
    summary="Symbols, with their steps and limits",
)
TICKERS = public(
    "/api/v3/market/ticker/24hr",
    MaybeSymbolRequest,
    tuple[Ticker, ...],
    _tickers_query,
    _tickers,
    weight=2,
    summary="The last 24 hours and the touch; of one symbol a list too",
)
DEPTH = public(
    "/api/v3/market/depth",
    DepthRequest,
    Depth,
    _book_query,
    _book,
    weight=5,
    summary="A book, of 15 or 200 levels",
)
TRADES = public(
    "/api/v3/market/trades",
    TradesRequest,
    tuple[PublicTrade, ...],
    _trades_query,
    _trades,
    weight=25,
    summary="The newest public trades",
)
KLINES = public(
    "/api/v3/market/klines",
    KlinesRequest,
    tuple[Kline, ...],
    _candles_query,
    _candles,
    weight=2,
    summary="The newest candles, oldest first",
)
ENDPOINTS = (
    TIME,
    PING,
    public("/api/v3/coins", Nothing, tuple[Coin, ...], nothing, _coins, weight=5, summary="Assets"),
    INFO,
    signed(
        "GET",
        "/api/v3/apiTradingSymbols",
        Nothing,
        tuple[str, ...],
        nothing,
        _names,
        weight=5,
        summary="Symbols that may be traded over the API",
    ),
    TICKERS,
    public(
        "/api/v3/market/ticker/price",
        MaybeSymbolRequest,
        tuple[Price, ...],
        _tickers_query,
        _prices,
        weight=4,
        summary="Last prices",
    ),
    public(
        "/api/v3/market/ticker/bookTicker",
        MaybeSymbolRequest,
        tuple[BookTicker, ...],
        _tickers_query,
        _touches,
        weight=4,
        summary="The touch",
    ),
    DEPTH,
    TRADES,
    KLINES,
)
