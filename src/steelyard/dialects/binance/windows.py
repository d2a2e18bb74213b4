"""Statistics of other windows than 24 hours: any that a client names, a day, the last 5 minutes.

The invariant: a window begins on a whole minute, and ends now; that of the average is five minutes
long wherever it is told. There is no reference price here, and the venue's word for that is -2043.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from steelyard.dialects.binance import errors
from steelyard.dialects.binance.candles import mini_of, ticker_to_wire
from steelyard.dialects.binance.frames import AvgPriceEvent, WindowTickerEvent
from steelyard.dialects.binance.market import (
    AVERAGE_MINUTES,
    check_status,
    instrument_of,
    instruments_of,
    public,
)
from steelyard.dialects.binance.market_messages import (
    SymbolStatusRequest,
    TradingDayRequest,
    WindowRequest,
    WindowTicker,
)
from steelyard.dialects.binance.messages import AvgPrice, Nothing, SymbolRequest, Ticker24h
from steelyard.dialects.binance.text import (
    DAY_NS,
    average_text,
    offset_ns,
    price_text,
    symbol_text,
    to_ms,
    window_ns,
)
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import MINUTE_NS, Answer, Ticker, TickerList, WindowsQuery
from steelyard.wire.dialect import Asker, Endpoint

AVERAGE_NS = AVERAGE_MINUTES * MINUTE_NS
WEIGHT_PER_SYMBOL, WEIGHT_MAX = 4, 200
TYPES = ("FULL", "MINI")

# REST name: letter on the stream.
LETTERS = {
    "symbol": "s",
    "priceChange": "p",
    "priceChangePercent": "P",
    "weightedAvgPrice": "w",
    "lastPrice": "c",
    "openPrice": "o",
    "highPrice": "h",
    "lowPrice": "l",
    "volume": "v",
    "quoteVolume": "q",
    "openTime": "O",
    "closeTime": "C",
    "firstId": "F",
    "lastId": "L",
    "count": "n",
}


# -- windows ------------------------------------------------------------------------------------


def window_to_wire(ticker: Ticker24h) -> WindowTicker:
    """Return a window's statistics: those of a day without the touch."""
    return WindowTicker(**{name: getattr(ticker, name) for name in WindowTicker.__struct_fields__})


def window_event(ticker: Ticker24h, name: str) -> WindowTickerEvent:
    """Return a window's statistics as a stream tells them; the window's name is like `1h`."""
    letters = {letter: getattr(ticker, field) for field, letter in LETTERS.items()}
    return WindowTickerEvent(e=f"{name}Ticker", E=ticker.closeTime, **letters)


def _window_query(request: WindowRequest, asker: Asker) -> WindowsQuery:
    _check_type(request.type)
    return WindowsQuery(_ids(_named(request, asker)), window_ns(request.windowSize))


def _day_query(request: TradingDayRequest, asker: Asker) -> WindowsQuery:
    _check_type(request.type)
    return WindowsQuery(_ids(_named(request, asker)), None, offset_ns(request.timeZone))


def _named(request: WindowRequest | TradingDayRequest, asker: Asker) -> tuple[Instrument, ...]:
    if not request.symbol and not request.symbols:
        raise errors.said(
            -1102,
            "Param 'symbol' or 'symbols' must be sent, but both were empty/null!",
            "name one symbol, or several in a JSON list",
            "symbol",
        )
    return instruments_of(request, asker)


def _ids(instruments: Iterable[Instrument]) -> tuple[int, ...]:
    return tuple(instrument.instrument_id for instrument in instruments)


def _check_type(name: str) -> None:
    if name not in TYPES:
        raise errors.said(-1139, "Invalid ticker type.", "there are FULL and MINI", "type")


def _windows(answer: Answer | None, request: Any, asker: Asker) -> Struct | tuple[Struct, ...]:
    """Return the response: one object where one symbol was named, else an array."""
    assert isinstance(answer, TickerList), "a WindowsQuery is answered by tickers"
    part: Callable[[Ticker24h], Struct] = mini_of if request.type == "MINI" else window_to_wire
    found = []
    for ticker in answer.tickers:
        wire = ticker_to_wire(ticker, asker.listings)
        if isinstance(request, TradingDayRequest):
            wire = replace(wire, closeTime=to_ms(ticker.open_ns + DAY_NS) - 1)
        found.append(part(wire))
    return found[0] if request.symbol else tuple(found)


def _weight(request: WindowRequest | TradingDayRequest) -> int:
    count = len(request.symbols or ()) or 1
    return min(WEIGHT_PER_SYMBOL * count, WEIGHT_MAX)


# -- the average price --------------------------------------------------------------------------


def average_of(ticker: Ticker, instrument: Instrument) -> str:
    """Return the price weighted by volume; the last one where nothing traded."""
    if ticker.volume_lots:
        return average_text(instrument, ticker.quote_atoms, ticker.volume_lots)
    return price_text(instrument, ticker.last_ticks)


def average_event(ticker: Ticker, listings: Listings) -> AvgPriceEvent:
    """Return the average price as a stream tells it."""
    instrument = listings[ticker.instrument_id]
    return AvgPriceEvent(
        E=to_ms(ticker.time_ns),
        s=symbol_text(instrument),
        i=f"{AVERAGE_MINUTES}m",
        w=average_of(ticker, instrument),
        T=to_ms(ticker.last_trade_ns),
    )


def _average_query(request: SymbolRequest, asker: Asker) -> WindowsQuery:
    return WindowsQuery((instrument_of(request.symbol, asker).instrument_id,), AVERAGE_NS)


def _average(answer: Answer | None, _request: SymbolRequest, asker: Asker) -> AvgPrice:
    assert isinstance(answer, TickerList), "a WindowsQuery is answered by tickers"
    (ticker,) = answer.tickers
    instrument = asker.listings[ticker.instrument_id]
    return AvgPrice(
        mins=AVERAGE_MINUTES,
        price=average_of(ticker, instrument),
        closeTime=to_ms(ticker.last_trade_ns),
    )


# -- what there is not --------------------------------------------------------------------------


def _no_reference_price(request: SymbolRequest | SymbolStatusRequest, asker: Asker) -> None:
    instrument = instrument_of(request.symbol, asker)
    if isinstance(request, SymbolStatusRequest):
        check_status(instrument, request.symbolStatus, asker)
    raise errors.said(
        -2043,
        "This symbol doesn't have a reference price.",
        "no market here has one; ask for avgPrice",
        "symbol",
    )


def _never(_answer: Answer | None, _request: Struct, _asker: Asker) -> Struct:
    raise AssertionError("a request that is refused has no answer")


# -- routes -------------------------------------------------------------------------------------

TICKER = public(
    "ticker",
    WindowRequest,
    WindowTicker | tuple[WindowTicker, ...],
    _window_query,
    _windows,
    weight=_weight,
    summary="Statistics of a window of any length",
)
TRADING_DAY = public(
    "ticker/tradingDay",
    TradingDayRequest,
    WindowTicker | tuple[WindowTicker, ...],
    _day_query,
    _windows,
    weight=_weight,
    summary="Statistics of the day so far",
)
AVG_PRICE = public(
    "avgPrice",
    SymbolRequest,
    AvgPrice,
    _average_query,
    _average,
    weight=2,
    summary="Average price of five minutes",
)
REFERENCE_PRICE = public(
    "referencePrice",
    SymbolRequest,
    Nothing,
    _no_reference_price,
    _never,
    weight=2,
    summary="Reference price: no symbol has one",
)
REFERENCE_CALCULATION = public(
    "referencePrice/calculation",
    SymbolStatusRequest,
    Nothing,
    _no_reference_price,
    _never,
    weight=2,
    summary="How the reference price is made: no symbol has one",
)

ENDPOINTS: tuple[Endpoint, ...] = (
    TICKER,
    TRADING_DAY,
    AVG_PRICE,
    REFERENCE_PRICE,
    REFERENCE_CALCULATION,
)
