"""Symbols, currencies, the clock, books, trades and candles over REST, both ways.

The invariant: what a symbol says is what the instrument says, so that a client that obeys it is
never refused for a step. The number of a book is that of the channel `/market/level2`.
"""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from steelyard.dialects.kucoin import errors
from steelyard.dialects.kucoin.messages import (
    Book,
    Candle,
    CandlesRequest,
    Chain,
    Currency,
    CurrencyRequest,
    Level,
    Nothing,
    PublicTrade,
    Status,
    Symbol,
    SymbolRequest,
    SymbolsRequest,
)
from steelyard.dialects.kucoin.routes import answered, nothing, public, signed, symbol_of
from steelyard.dialects.kucoin.text import (
    MS_NS,
    SIDE_NAMES,
    SIDES,
    amount_text,
    fixed,
    lot,
    ms,
    price_text,
    rate_text,
    read_count,
    read_price,
    size_text,
    tick,
    whole_atoms,
    whole_lots,
)
from steelyard.domain import messages as domain
from steelyard.domain.errors import UnitError
from steelyard.domain.instrument import Instrument
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
    StatusQuery,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import MarketState
from steelyard.domain.units import RATE_SCALE
from steelyard.wire.dialect import Asker

WHOLE_BOOK = 100_000  # levels of a side; more than books here have
DEPTHS = (20, 100)  # of the public books
TRADES_MAX = 100
CANDLES_MAX = 1_500
FEE = "0.001"  # of a new account
FUNDS_DECIMALS = 8  # of what is spent
FUNDS_MAX = "99999999"
DAY_NS = 24 * 60 * MINUTE_NS
MONTH_NS = 30 * DAY_NS  # a name for calendar months
INTERVALS_NS: dict[str, int] = {
    "1min": MINUTE_NS,
    "3min": 3 * MINUTE_NS,
    "5min": 5 * MINUTE_NS,
    "15min": 15 * MINUTE_NS,
    "30min": 30 * MINUTE_NS,
    "1hour": 60 * MINUTE_NS,
    "2hour": 120 * MINUTE_NS,
    "4hour": 240 * MINUTE_NS,
    "6hour": 360 * MINUTE_NS,
    "8hour": 480 * MINUTE_NS,
    "12hour": 720 * MINUTE_NS,
    "1day": DAY_NS,
    "1week": 7 * DAY_NS,
    "1month": MONTH_NS,
}
INTERVAL_NAMES = {length: name for name, length in INTERVALS_NS.items()}
PRICE_MAX = 10**9  # in steps, which symbols do not tell
SIZES_MAX = tuple(10**digits for digits in range(15, 8, -1))  # likewise, where those told are more
NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana", "USDT": "Tether", "USD": "US Dollar"}
FIAT = frozenset({"USD", "EUR", "GBP"})
MARKETS = {"USDT": "USDS", "USDC": "USDS", "USD": "USDS", "BTC": "BTC", "ETH": "ALTS"}
TRADING = frozenset({MarketState.OPEN, MarketState.POST_ONLY})


# -- symbols ------------------------------------------------------------------------------------


def market_of(instrument: Instrument) -> str:
    """Return the market that a symbol stands in, which goes by its quote asset."""
    return MARKETS.get(instrument.quote, instrument.quote)


def symbol_to_wire(instrument: Instrument, state: MarketState) -> Symbol:
    """Return an instrument."""
    minimum = amount_text(instrument.notional_min_atoms)
    largest = instrument.notional_max_atoms
    return Symbol(
        symbol=instrument.symbol,
        name=instrument.symbol,
        baseCurrency=instrument.base,
        quoteCurrency=instrument.quote,
        feeCurrency=instrument.quote,
        market=market_of(instrument),
        baseMinSize=size_text(instrument, instrument.size_min_lots),
        quoteMinSize=minimum,
        baseMaxSize=size_text(instrument, instrument.size_max_lots),
        quoteMaxSize=amount_text(largest) if largest else FUNDS_MAX,
        baseIncrement=fixed(*lot(instrument)),
        quoteIncrement=fixed(1, FUNDS_DECIMALS),
        priceIncrement=fixed(*tick(instrument)),
        priceLimitRate=rate_text(instrument.band_rate_e8 or RATE_SCALE),
        minFunds=minimum,
        enableTrading=state in TRADING,
    )


def instruments_from_wire(symbols: Iterable[Symbol]) -> InstrumentList:
    """Return every instrument, in the order of the answer; what trading is off for is halted.

    What our whole numbers cannot hold is left out. Limits that are not told are far away.
    """
    asset_ids: dict[str, int] = {}
    found: list[Instrument] = []
    states: list[MarketState] = []
    for symbol in symbols:
        base, quote = (
            (asset_ids.setdefault(name, len(asset_ids) + 1), name)
            for name in (symbol.baseCurrency, symbol.quoteCurrency)
        )
        instrument = _instrument(symbol, len(found), base, quote)
        if instrument is None:
            continue
        smallest = -(-whole_atoms(symbol.baseMinSize) // instrument.lot_atoms)
        if not 1 <= smallest <= instrument.size_max_lots:
            smallest = instrument.size_min_lots
        # Of a coin that was renamed the symbol keeps the old name, and orders go by that.
        found.append(replace(instrument, symbol=symbol.symbol, size_min_lots=smallest))
        states.append(MarketState.OPEN if symbol.enableTrading else MarketState.HALTED)
    return InstrumentList(tuple(found), tuple(states))


def _instrument(
    symbol: Symbol, number: int, base: tuple[int, str], quote: tuple[int, str]
) -> Instrument | None:
    """Return a symbol as an instrument; None where our whole numbers cannot hold it.

    The venue's largest sizes are beyond them for most symbols: then it is the largest that is not.
    """
    most = (_times(symbol.baseIncrement, steps) for steps in SIZES_MAX)
    for size_max in (symbol.baseMaxSize, *most):
        try:
            return Instrument.spot(
                number,
                base,
                quote,
                tick_size=symbol.priceIncrement,
                lot_size=symbol.baseIncrement,
                price_max=_times(symbol.priceIncrement, PRICE_MAX),
                size_max=size_max,
                notional_min=symbol.minFunds or symbol.quoteMinSize,
            )
        except UnitError:
            continue
    return None


def _times(step: str, number: int) -> str:
    """Return so many steps."""
    whole, _, rest = step.partition(".")
    digits = whole + rest
    if not (digits.isascii() and digits.isdigit()):
        return "0"  # which no instrument has
    return fixed(int(digits) * number, len(rest))


def _symbols(answer: Any, request: SymbolsRequest, _asker: Asker) -> tuple[Symbol, ...]:
    listed = answered(answer, InstrumentList)
    return tuple(
        symbol_to_wire(instrument, state)
        for instrument, state in zip(listed.instruments, listed.states, strict=True)
        if request.market in (None, market_of(instrument))
    )


def _symbol(_answer: None, request: SymbolRequest, asker: Asker) -> Symbol:
    instrument = symbol_of(request.symbol, asker.listings)
    return symbol_to_wire(instrument, asker.state_of(instrument.instrument_id))


def _markets(_answer: None, _request: Nothing, asker: Asker) -> tuple[str, ...]:
    return tuple(dict.fromkeys(market_of(instrument) for instrument in asker.listings))


# -- currencies ---------------------------------------------------------------------------------


def currency_to_wire(name: str) -> Currency:
    """Return an asset."""
    chain = Chain(chainName=name, chainId=name.lower())
    return Currency(
        currency=name,
        name=name,
        fullName=NAMES.get(name, name),
        precision=2 if name in FIAT else FUNDS_DECIMALS,
        chains=None if name in FIAT else (chain,),
    )


def _currencies(_answer: None, _request: Nothing, asker: Asker) -> tuple[Currency, ...]:
    return tuple(currency_to_wire(name) for name in asker.listings.assets().values())


def _currency(_answer: None, request: CurrencyRequest, asker: Asker) -> Currency:
    if request.currency not in asker.listings.assets().values():
        known = ", ".join(asker.listings.assets().values())
        raise errors.said(
            "currency not exists",
            f"no currency {errors.shown(request.currency)}; there are {known}",
            "currency",
        )
    return currency_to_wire(request.currency)


# -- the clock and the status -------------------------------------------------------------------


def _time(answer: Any, _request: Nothing, _asker: Asker) -> int:
    return ms(answered(answer, Clock).time_ns)


def _status(answer: Any, _request: Nothing, _asker: Asker) -> Status:
    status = answered(answer, domain.Status)
    if status.maintenance:
        return Status("close", status.notice or "in maintenance")
    return Status("open" if status.trading else "cancelonly", status.notice)


def status_from_wire(wire: Status, now_ns: int) -> domain.Status:
    """Return whether the venue trades."""
    return domain.Status(
        wire.status == "open",
        "",
        ended=False,
        time_ns=now_ns,
        maintenance=wire.status == "close",
        notice=wire.msg,
    )


# -- books --------------------------------------------------------------------------------------


def levels_to_wire(instrument: Instrument, rows: Iterable[tuple[int, int]]) -> tuple[Level, ...]:
    """Return levels as texts."""
    return tuple((price_text(instrument, t), size_text(instrument, n)) for t, n in rows)


def levels_from_wire(instrument: Instrument, rows: Iterable[Level]) -> tuple[tuple[int, int], ...]:
    """Return levels in ticks and lots, without those of less than a lot."""
    read = ((read_price(instrument, row[0]), whole_lots(instrument, row[1])) for row in rows)
    return tuple((ticks, lots) for ticks, lots in read if lots)


def book_to_wire(snapshot: BookSnapshot, instrument: Instrument) -> Book:
    """Return a book."""
    return Book(
        time=ms(snapshot.time_ns),
        sequence=str(snapshot.sequence),
        bids=levels_to_wire(instrument, snapshot.bids),
        asks=levels_to_wire(instrument, snapshot.asks),
    )


def book_from_wire(book: Book, instrument: Instrument) -> BookSnapshot:
    """Return a book."""
    return BookSnapshot(
        instrument.instrument_id,
        read_count(book.sequence, "sequence"),
        levels_from_wire(instrument, book.bids),
        levels_from_wire(instrument, book.asks),
        book.time * MS_NS,
    )


def _book(answer: Any, request: SymbolRequest, asker: Asker) -> Book:
    return book_to_wire(answered(answer, BookSnapshot), symbol_of(request.symbol, asker.listings))


def _book_query(depth: int) -> Any:
    def decode(request: SymbolRequest, asker: Asker) -> BookQuery:
        return BookQuery(symbol_of(request.symbol, asker.listings).instrument_id, depth)

    return decode


# -- trades -------------------------------------------------------------------------------------


def _trades_query(request: SymbolRequest, asker: Asker) -> TradesQuery:
    return TradesQuery(symbol_of(request.symbol, asker.listings).instrument_id, TRADES_MAX)


def _trades(answer: Any, request: SymbolRequest, asker: Asker) -> tuple[PublicTrade, ...]:
    instrument = symbol_of(request.symbol, asker.listings)
    return tuple(trade_to_wire(trade, instrument) for trade in answered(answer, TradeList).trades)


def trade_to_wire(trade: domain.Trade, instrument: Instrument) -> PublicTrade:
    """Return a public trade."""
    return PublicTrade(
        sequence=str(trade.trade_id),
        price=price_text(instrument, trade.price_ticks),
        size=size_text(instrument, trade.size_lots),
        side=SIDE_NAMES[trade.taker_side],  # type: ignore[arg-type]
        time=trade.time_ns,
    )


def trade_from_wire(wire: PublicTrade, instrument: Instrument) -> domain.Trade:
    """Return a public trade."""
    return domain.Trade(
        instrument.instrument_id,
        read_count(wire.sequence, "sequence"),
        read_price(instrument, wire.price),
        whole_lots(instrument, wire.size),
        SIDES[wire.side],
        wire.time,
    )


# -- candles ------------------------------------------------------------------------------------


def _candles_query(request: CandlesRequest, asker: Asker) -> CandlesQuery:
    instrument, interval_ns = symbol_of(request.symbol, asker.listings), interval_of(request.type)
    start, end = request.startAt, request.endAt
    start_ns = None if not start else start * SECOND_NS
    end_ns = None if not end else end * SECOND_NS - 1
    if start_ns is not None:
        # The newest that fit, where there are more.
        until_ns = asker.sandbox_ns if end_ns is None else min(end_ns, asker.sandbox_ns)
        start_ns = max(start_ns, until_ns - CANDLES_MAX * interval_ns + 1)
    return CandlesQuery(instrument.instrument_id, interval_ns, CANDLES_MAX, start_ns, end_ns)


def interval_of(name: str) -> int:
    """Return the length of candles.

    Raises:
        DecodeError: There are none such.
    """
    if name not in INTERVALS_NS:
        raise errors.said("type is invalid", f"one of {', '.join(INTERVALS_NS)}", "type")
    return INTERVALS_NS[name]


def _candles(answer: Any, request: CandlesRequest, asker: Asker) -> tuple[Candle, ...]:
    instrument = symbol_of(request.symbol, asker.listings)
    candles = answered(answer, CandleList).candles
    traded = (candle for candle in reversed(candles) if candle.trade_count)
    return tuple(candle_to_wire(candle, instrument) for candle in traded)


def candle_to_wire(candle: domain.Candle, instrument: Instrument) -> Candle:
    """Return a candle in the venue's order: time, open, close, high, low, volume, turnover."""
    opened, closed, high, low = (
        price_text(instrument, ticks)
        for ticks in (
            *(candle.open_ticks, candle.close_ticks),
            *(candle.high_ticks, candle.low_ticks),
        )
    )
    volume, turnover = size_text(instrument, candle.volume_lots), amount_text(candle.quote_atoms)
    return str(candle.open_ns // SECOND_NS), opened, closed, high, low, volume, turnover


def candle_from_wire(
    row: Candle, instrument: Instrument, interval_ns: int, now_ns: int
) -> domain.Candle:
    """Return a candle; what the venue does not tell, counts and sides, is 0."""
    open_ns = read_count(row[0]) * SECOND_NS
    opened, closed, high, low = (read_price(instrument, text) for text in row[1:5])
    return domain.Candle(
        instrument.instrument_id,
        interval_ns,
        open_ns,
        opened,
        high,
        low,
        closed,
        whole_lots(instrument, row[5]),
        whole_atoms(row[6]),
        0,
        0,
        0,
        0,
        0,
        open_ns + interval_ns <= now_ns,
    )


# -- what there is not --------------------------------------------------------------------------


def _none(_answer: None, _request: Nothing, _asker: Asker) -> tuple[str, ...]:
    return ()


# -- routes -------------------------------------------------------------------------------------

TIME = public(
    "/api/v1/timestamp",
    Nothing,
    int,
    lambda _r, _a: ClockQuery(),
    _time,
    weight=3,
    summary="The exchange's clock",
)
STATUS = public(
    "/api/v1/status",
    Nothing,
    Status,
    lambda _r, _a: StatusQuery(),
    _status,
    weight=3,
    summary="Whether it trades",
    in_maintenance=True,
)
SYMBOLS = public(
    "/api/v2/symbols",
    SymbolsRequest,
    tuple[Symbol, ...],
    lambda _r, _a: InstrumentsQuery(),
    _symbols,
    weight=4,
    summary="All symbols",
)
BOOKS = {
    depth: public(
        f"/api/v1/market/orderbook/level2_{depth}",
        SymbolRequest,
        Book,
        _book_query(depth),
        _book,
        weight=2,
        summary=f"The best {depth} levels",
    )
    for depth in DEPTHS
}
FULL_BOOK = signed(
    "GET",
    "/api/v3/market/orderbook/level2",
    SymbolRequest,
    Book,
    _book_query(WHOLE_BOOK),
    _book,
    weight=3,
    summary="A whole book; signed",
)
TRADES = public(
    "/api/v1/market/histories",
    SymbolRequest,
    tuple[PublicTrade, ...],
    _trades_query,
    _trades,
    weight=3,
    summary="The last 100 trades",
)
CANDLES = public(
    "/api/v1/market/candles",
    CandlesRequest,
    tuple[Candle, ...],
    _candles_query,
    _candles,
    weight=3,
    summary="Candles, newest first; those without trades are left out",
)
ENDPOINTS = (
    TIME,
    STATUS,
    SYMBOLS,
    SYMBOLS._replace(path="/api/v1/symbols", summary="The same, as older clients ask for it"),
    public(
        "/api/v2/symbols/{symbol}",
        SymbolRequest,
        Symbol,
        nothing,
        _symbol,
        weight=4,
        summary="One symbol",
    ),
    public(
        "/api/v1/markets",
        Nothing,
        tuple[str, ...],
        nothing,
        _markets,
        weight=3,
        summary="The markets that symbols stand in",
    ),
    public(
        "/api/v3/currencies",
        Nothing,
        tuple[Currency, ...],
        nothing,
        _currencies,
        weight=3,
        summary="All currencies",
    ),
    public(
        "/api/v3/currencies/{currency}",
        CurrencyRequest,
        Currency,
        nothing,
        _currency,
        weight=3,
        summary="One currency",
    ),
    *BOOKS.values(),
    FULL_BOOK,
    TRADES,
    CANDLES,
    public(
        "/api/v1/contracts/active",
        Nothing,
        tuple[str, ...],
        nothing,
        _none,
        weight=3,
        summary="Contracts: none, as ccxt asks",
    ),
)
