"""24 hours of symbols, and the touch, over REST, both ways.

The invariant: what divides (changes, averages) is rounded down, and nobody counts with it. Sizes of
the touch are told in the list of all symbols, and not of one.
"""

from typing import Any

from msgspec.structs import replace

from steelyard.dialects.kucoin.market import DAY_NS, FEE
from steelyard.dialects.kucoin.messages import (
    AllTickers,
    Level1,
    Nothing,
    Stats,
    SymbolRequest,
    TickerRow,
)
from steelyard.dialects.kucoin.routes import answered, public, symbol_of
from steelyard.dialects.kucoin.text import (
    MS_NS,
    amount_text,
    fixed,
    ms,
    price_text,
    read_price,
    size_text,
    trimmed,
    whole_atoms,
    whole_lots,
)
from steelyard.domain import messages as domain
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import BookQuery, BookSnapshot, TickerList, TickersQuery
from steelyard.wire.dialect import Asker


def maybe_price(instrument: Instrument, ticks: int | None) -> str | None:
    """Return a price, None where there is none."""
    return None if ticks is None else price_text(instrument, ticks)


def change_of(ticker: domain.Ticker, instrument: Instrument) -> tuple[str | None, str | None]:
    """Return by how much and by which rate the price has changed; rounded down."""
    if ticker.last_ticks is None or not ticker.open_ticks:
        return None, None
    ticks = ticker.last_ticks - ticker.open_ticks
    rate_e4 = ticks * 10_000 // ticker.open_ticks
    change = price_text(instrument, abs(ticks))
    return f"-{change}" if ticks < 0 else change, trimmed(fixed(rate_e4, 4))


def average_of(ticker: domain.Ticker, instrument: Instrument) -> str | None:
    """Return the average price of 24 hours; rounded down to 8 decimals."""
    if not ticker.volume_lots:
        return None
    # quote atoms per base atom, times 10 ** 8
    value = ticker.quote_atoms * 10**8 // (ticker.volume_lots * instrument.lot_atoms)
    return trimmed(fixed(value, 8))


def _ticker_query(request: SymbolRequest, asker: Asker) -> TickersQuery:
    return TickersQuery((symbol_of(request.symbol, asker.listings).instrument_id,))


def _stats(answer: Any, request: SymbolRequest, asker: Asker) -> Stats:
    (ticker,) = answered(answer, TickerList).tickers
    return stats_to_wire(ticker, symbol_of(request.symbol, asker.listings))


def stats_to_wire(ticker: domain.Ticker, instrument: Instrument) -> Stats:
    """Return 24 hours of a symbol."""
    price, rate = change_of(ticker, instrument)
    return Stats(
        time=ms(ticker.time_ns),
        symbol=instrument.symbol,
        buy=maybe_price(instrument, ticker.bid_ticks),
        sell=maybe_price(instrument, ticker.ask_ticks),
        changeRate=rate,
        changePrice=price,
        high=maybe_price(instrument, ticker.high_ticks),
        low=maybe_price(instrument, ticker.low_ticks),
        vol=size_text(instrument, ticker.volume_lots),
        volValue=amount_text(ticker.quote_atoms),
        last=maybe_price(instrument, ticker.last_ticks),
        averagePrice=average_of(ticker, instrument),
        takerFeeRate=FEE,
        makerFeeRate=FEE,
    )


def ticker_from_wire(wire: Stats, instrument: Instrument) -> domain.Ticker:
    """Return 24 hours of a symbol; sizes of the touch are in other answers, and 0 here."""

    def ticks(text: str | None) -> int | None:
        return None if text is None else read_price(instrument, text) or None

    last, time_ns = ticks(wire.last), wire.time * MS_NS
    opened = None
    if last is not None and wire.changePrice is not None:
        change = wire.changePrice.removeprefix("-")
        moved = read_price(instrument, change)
        opened = last + moved if wire.changePrice.startswith("-") else last - moved
    return domain.Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=time_ns,
        open_ns=time_ns - DAY_NS,
        open_ticks=opened,
        high_ticks=ticks(wire.high),
        low_ticks=ticks(wire.low),
        last_ticks=last,
        last_lots=0,
        previous_close_ticks=None,
        volume_lots=whole_lots(instrument, wire.vol),
        quote_atoms=whole_atoms(wire.volValue),
        trade_count=0,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=ticks(wire.buy),
        bid_lots=0,
        ask_ticks=ticks(wire.sell),
        ask_lots=0,
    )


def _tickers(answer: Any, _request: Nothing, asker: Asker) -> AllTickers:
    return AllTickers(
        ms(asker.sandbox_ns),
        tuple(
            row_to_wire(ticker, asker.listings[ticker.instrument_id])
            for ticker in answered(answer, TickerList).tickers
        ),
    )


def row_to_wire(ticker: domain.Ticker, instrument: Instrument) -> TickerRow:
    """Return 24 hours of a symbol, as they stand among those of all."""
    stats = stats_to_wire(ticker, instrument)
    return TickerRow(
        symbol=stats.symbol,
        symbolName=stats.symbol,
        buy=stats.buy,
        bestBidSize=_touch(instrument, ticker.bid_lots),
        sell=stats.sell,
        bestAskSize=_touch(instrument, ticker.ask_lots),
        changeRate=stats.changeRate,
        changePrice=stats.changePrice,
        high=stats.high,
        low=stats.low,
        vol=stats.vol,
        volValue=stats.volValue,
        last=stats.last,
        averagePrice=stats.averagePrice,
        takerFeeRate=FEE,
        makerFeeRate=FEE,
    )


def row_from_wire(wire: TickerRow, instrument: Instrument, time_ms: int) -> domain.Ticker:
    """Return 24 hours of a symbol of the list of all."""
    stats = Stats(
        time=time_ms,
        symbol=wire.symbol,
        buy=wire.buy,
        sell=wire.sell,
        changeRate=wire.changeRate,
        changePrice=wire.changePrice,
        high=wire.high,
        low=wire.low,
        vol=wire.vol,
        volValue=wire.volValue,
        last=wire.last,
        averagePrice=wire.averagePrice,
        takerFeeRate=wire.takerFeeRate,
        makerFeeRate=wire.makerFeeRate,
    )
    return replace(
        ticker_from_wire(stats, instrument),
        bid_lots=whole_lots(instrument, wire.bestBidSize or "0"),
        ask_lots=whole_lots(instrument, wire.bestAskSize or "0"),
    )


def _touch(instrument: Instrument, lots: int) -> str | None:
    return size_text(instrument, lots) if lots else None


def level1_to_wire(ticker: domain.Ticker, sequence: int, instrument: Instrument) -> Level1:
    """Return the last trade and the touch."""
    last = ticker.last_ticks
    return Level1(
        time=ms(ticker.time_ns),
        sequence=str(sequence),
        price=maybe_price(instrument, last),
        size=None if last is None else size_text(instrument, ticker.last_lots),
        bestBid=maybe_price(instrument, ticker.bid_ticks),
        bestBidSize=_touch(instrument, ticker.bid_lots),
        bestAsk=maybe_price(instrument, ticker.ask_ticks),
        bestAskSize=_touch(instrument, ticker.ask_lots),
    )


def _level1(answer: Any, request: SymbolRequest, asker: Asker) -> Level1:
    (ticker,) = answered(answer, TickerList).tickers
    instrument = symbol_of(request.symbol, asker.listings)
    book = answered(asker.ask(BookQuery(instrument.instrument_id, 1)), BookSnapshot)
    return level1_to_wire(ticker, book.sequence, instrument)


# -- routes -------------------------------------------------------------------------------------

STATS = public(
    "/api/v1/market/stats",
    SymbolRequest,
    Stats,
    _ticker_query,
    _stats,
    weight=15,
    summary="24 hours of a symbol",
)
TICKERS = public(
    "/api/v1/market/allTickers",
    Nothing,
    AllTickers,
    lambda _r, _a: TickersQuery(),
    _tickers,
    weight=15,
    summary="24 hours of all symbols",
)
ENDPOINTS = (
    public(
        "/api/v1/market/orderbook/level1",
        SymbolRequest,
        Level1,
        _ticker_query,
        _level1,
        weight=2,
        summary="The last trade and the touch",
    ),
    STATS,
    TICKERS,
)
