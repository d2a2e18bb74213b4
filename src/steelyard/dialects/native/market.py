"""Instruments, books, trades, candles, tickers: each to the wire next to each from the wire.

The client's direction reads what the server's direction prints, exactly, but for what the wire
does not carry: nanoseconds, a taker's share of a candle, trade ids in sums. Those come back as
whole milliseconds, zero or None.
"""

from typing import Any

from msgspec.structs import replace

from steelyard.dialects.native import forms, messages, requests, stream_messages
from steelyard.dialects.native.checksum import checksum
from steelyard.dialects.native.cursors import cursors_of, places_of
from steelyard.dialects.native.text import (
    MARKET_STATE_NAMES,
    MARKET_STATES,
    SIDES,
    amount_or_none,
    amount_text,
    change_percent_text,
    from_ms,
    from_ms_or_none,
    price_text,
    rate_text,
    size_text,
    steps_of,
    to_atoms_exact,
    to_ms,
    to_rate_e8,
)
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    BookDelta,
    BookQuery,
    BookSnapshot,
    Candle,
    CandleList,
    CandlesQuery,
    InstrumentList,
    InstrumentsQuery,
    Ticker,
    TickerList,
    TickersQuery,
    Touch,
    Trade,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import MarketState, RejectReason
from steelyard.wire.dialect import Asker

HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS

INTERVALS_NS: dict[forms.Interval, int] = {
    "1s": SECOND_NS,
    "1m": MINUTE_NS,
    "3m": 3 * MINUTE_NS,
    "5m": 5 * MINUTE_NS,
    "15m": 15 * MINUTE_NS,
    "30m": 30 * MINUTE_NS,
    "1h": HOUR_NS,
    "2h": 2 * HOUR_NS,
    "4h": 4 * HOUR_NS,
    "6h": 6 * HOUR_NS,
    "8h": 8 * HOUR_NS,
    "12h": 12 * HOUR_NS,
    "1d": DAY_NS,
    "3d": 3 * DAY_NS,
    "1w": 7 * DAY_NS,
    "1M": 30 * DAY_NS,  # calendar months, by agreement with the candles' keeper
}
INTERVAL_NAMES: dict[int, forms.Interval] = {ns: name for name, ns in INTERVALS_NS.items()}

BOOK_WEIGHTS = ((100, 2), (500, 5), (forms.BOOK_DEPTH_MAX, 10))  # up to this depth
TICKER_WEIGHTS = (1, 4)  # of one, of all


def instrument_of(symbol: str, listings: Listings) -> Instrument:
    """Return an instrument by its symbol.

    Raises:
        UnitError: Nothing of that name trades here (UNKNOWN_INSTRUMENT).
    """
    try:
        return listings.symbol(symbol)
    except Unsupported as error:
        raise UnitError(str(error), RejectReason.UNKNOWN_INSTRUMENT, "symbol") from error


def listed(symbol: str, listings: Listings) -> Instrument:
    """Return an instrument that the exchange has named.

    Raises:
        DecodeError: We do not know it.
    """
    found = listings.find(symbol)
    if found is None:
        raise DecodeError(f"the exchange speaks of {symbol!r}, which is not listed here", "symbol")
    return found


def interval_of(interval_ns: int) -> forms.Interval:
    """Return the name of a candle's length.

    Raises:
        Unsupported: This API has no candles of that length.
    """
    found = INTERVAL_NAMES.get(interval_ns)
    if found is None:
        raise Unsupported(
            f"no candles of {interval_ns} ns here; there are {', '.join(INTERVALS_NS)}"
        )
    return found


# -- instruments --------------------------------------------------------------------------------


def instruments_query(_request: requests.InstrumentsRequest, _asker: Asker) -> InstrumentsQuery:
    """Return the query for everything that is listed."""
    return InstrumentsQuery()


def instruments_to_wire(
    answer: InstrumentList, _request: requests.InstrumentsRequest, _asker: Asker
) -> messages.InstrumentList:
    """Return what is listed, in quote and base."""
    states = answer.states or (MarketState.OPEN,) * len(answer.instruments)
    return messages.InstrumentList(
        tuple(
            messages.Instrument(
                symbol=i.symbol,
                base=i.base,
                quote=i.quote,
                tick_size=price_text(i, 1),
                lot_size=size_text(i, 1),
                price_max=price_text(i, i.price_max_ticks),
                size_min=size_text(i, i.size_min_lots),
                size_max=size_text(i, i.size_max_lots),
                notional_min=amount_text(i.notional_min_atoms),
                notional_max=amount_or_none(i.notional_max_atoms or None),
                price_band=rate_text(i.band_rate_e8) if i.band_rate_e8 else None,
                orders_max=i.orders_max or None,
                triggers_max=i.triggers_max or None,
                state=MARKET_STATE_NAMES[state],
            )
            for i, state in zip(answer.instruments, states, strict=True)
        )
    )


def instruments_from_wire(wire: messages.InstrumentList) -> InstrumentList:
    """Return what is listed, in whole numbers.

    Instruments are numbered in the order of the list, assets as they first come up in it.
    """
    assets: dict[str, int] = {}
    found = []
    for instrument_id, i in enumerate(wire.instruments):
        base = (assets.setdefault(i.base, len(assets) + 1), i.base)
        quote = (assets.setdefault(i.quote, len(assets) + 1), i.quote)
        try:
            instrument = Instrument.spot(
                instrument_id,
                base,
                quote,
                tick_size=i.tick_size,
                lot_size=i.lot_size,
                price_max=i.price_max,
                size_max=i.size_max,
                notional_min=i.notional_min,
            )
        except (UnitError, ArithmeticError) as error:
            raise DecodeError(f"{i.symbol} has steps we cannot use: {error}", i.symbol) from error
        instrument = replace(
            instrument,
            size_min_lots=lots_of(instrument, i.size_min),
            notional_max_atoms=0 if i.notional_max is None else to_atoms_exact(i.notional_max),
            band_rate_e8=0 if i.price_band is None else to_rate_e8(i.price_band),
            orders_max=i.orders_max or 0,
            triggers_max=i.triggers_max or 0,
        )
        if not instrument.is_sound or min(instrument.orders_max, instrument.triggers_max) < 0:
            raise DecodeError(f"{i.symbol} has limits we cannot use", i.symbol)
        found.append(instrument)
    states = tuple(MARKET_STATES[i.state] for i in wire.instruments)
    return InstrumentList(tuple(found), states)


# -- books --------------------------------------------------------------------------------------


def book_query(request: requests.BookRequest, asker: Asker) -> BookQuery:
    """Return the query for a book."""
    instrument = instrument_of(request.symbol, asker.listings)
    return BookQuery(instrument.instrument_id, request.depth)


def book_weight(request: requests.BookRequest) -> int:
    """Return what a book of that depth counts for."""
    return next(weight for depth, weight in BOOK_WEIGHTS if request.depth <= depth)


def book_to_wire(
    answer: BookSnapshot, _request: requests.BookRequest, asker: Asker
) -> messages.Book:
    """Return a book as texts."""
    instrument = asker.listings[answer.instrument_id]
    return messages.Book(
        symbol=instrument.symbol,
        sequence=answer.sequence,
        bids=levels_to_wire(instrument, answer.bids),
        asks=levels_to_wire(instrument, answer.asks),
        time=to_ms(answer.time_ns),
    )


def book_from_wire(
    wire: messages.Book | stream_messages.BookSnapshotPush, listings: Listings
) -> BookSnapshot:
    """Return a book in ticks and lots."""
    instrument = listed(wire.symbol, listings)
    return BookSnapshot(
        instrument.instrument_id,
        wire.sequence,
        levels_from_wire(instrument, wire.bids),
        levels_from_wire(instrument, wire.asks),
        from_ms(wire.time),
    )


def snapshot_to_wire(
    answer: BookSnapshot, instrument: Instrument
) -> stream_messages.BookSnapshotPush:
    """Return a book as the first push of its channel."""
    return stream_messages.BookSnapshotPush(
        channel="book",
        type="snapshot",
        symbol=instrument.symbol,
        sequence=answer.sequence,
        bids=levels_to_wire(instrument, answer.bids),
        asks=levels_to_wire(instrument, answer.asks),
        time=to_ms(answer.time_ns),
        checksum=checksum(instrument, answer.bids, answer.asks),
    )


def delta_to_wire(event: BookDelta, instrument: Instrument) -> stream_messages.BookDeltaPush:
    """Return levels that changed."""
    return stream_messages.BookDeltaPush(
        channel="book",
        type="delta",
        symbol=instrument.symbol,
        first_sequence=event.first_sequence,
        last_sequence=event.last_sequence,
        bids=levels_to_wire(instrument, event.bids),
        asks=levels_to_wire(instrument, event.asks),
        time=to_ms(event.time_ns),
        checksum=None if event.best is None else checksum(instrument, *event.best),
    )


def delta_from_wire(wire: stream_messages.BookDeltaPush, listings: Listings) -> BookDelta:
    """Return levels that changed, in ticks and lots."""
    instrument = listed(wire.symbol, listings)
    return BookDelta(
        instrument.instrument_id,
        wire.first_sequence,
        wire.last_sequence,
        levels_from_wire(instrument, wire.bids),
        levels_from_wire(instrument, wire.asks),
        from_ms(wire.time),
    )


def touch_to_wire(event: Touch, instrument: Instrument) -> stream_messages.TouchPush:
    """Return the best bid and ask."""
    return stream_messages.TouchPush(
        channel="touch",
        symbol=instrument.symbol,
        sequence=event.sequence,
        bid=price_text(instrument, event.bid_ticks) if event.bid_lots else None,
        bid_size=size_text(instrument, event.bid_lots),
        ask=price_text(instrument, event.ask_ticks) if event.ask_lots else None,
        ask_size=size_text(instrument, event.ask_lots),
        time=to_ms(event.time_ns),
    )


def touch_from_wire(wire: stream_messages.TouchPush, listings: Listings) -> Touch:
    """Return the best bid and ask in ticks and lots."""
    instrument = listed(wire.symbol, listings)
    return Touch(
        instrument.instrument_id,
        wire.sequence,
        ticks_or_none(instrument, wire.bid) or 0,
        lots_of(instrument, wire.bid_size),
        ticks_or_none(instrument, wire.ask) or 0,
        lots_of(instrument, wire.ask_size),
        from_ms(wire.time),
    )


def touch_of(answer: BookSnapshot) -> Touch:
    """Return the touch of a book."""
    bid = answer.bids[0] if answer.bids else (0, 0)
    ask = answer.asks[0] if answer.asks else (0, 0)
    return Touch(answer.instrument_id, answer.sequence, *bid, *ask, answer.time_ns)


def levels_to_wire(
    instrument: Instrument, levels: tuple[tuple[int, int], ...]
) -> tuple[tuple[str, str], ...]:
    """Return levels as texts."""
    return tuple(
        (price_text(instrument, ticks), size_text(instrument, lots)) for ticks, lots in levels
    )


def levels_from_wire(
    instrument: Instrument, levels: tuple[tuple[str, str], ...]
) -> tuple[tuple[int, int], ...]:
    """Return levels in ticks and lots."""
    return tuple((ticks_of(instrument, price), lots_of(instrument, size)) for price, size in levels)


# -- trades -------------------------------------------------------------------------------------


def trades_query(request: requests.TradesRequest, asker: Asker) -> TradesQuery:
    """Return the query for public trades.

    Raises:
        UnitError: The symbol is not listed.
        DecodeError: The cursor is of another list.
    """
    after, before = places_of(request.cursor, "trades")
    instrument = instrument_of(request.symbol, asker.listings)
    return TradesQuery(
        instrument.instrument_id,
        request.limit,
        from_trade_id=request.from_id,
        start_ns=from_ms_or_none(request.start),
        end_ns=from_ms_or_none(request.end),
        after=after,
        before=before,
    )


def trades_to_wire(
    answer: TradeList, _request: requests.TradesRequest, asker: Asker
) -> messages.TradeList:
    """Return public trades as texts."""
    trades = tuple(
        messages.Trade(**_trade_fields(t, asker.listings[t.instrument_id])) for t in answer.trades
    )
    return messages.TradeList(trades, *cursors_of(answer.around, "trades"))


def trade_push(event: Trade, instrument: Instrument) -> stream_messages.TradesPush:
    """Return a public trade as its channel tells it."""
    return stream_messages.TradesPush(**_trade_fields(event, instrument))


def trade_from_wire(wire: messages.Trade, listings: Listings) -> Trade:
    """Return a public trade in ticks and lots."""
    instrument = listed(wire.symbol, listings)
    return Trade(
        instrument.instrument_id,
        wire.trade_id,
        ticks_of(instrument, wire.price),
        lots_of(instrument, wire.size),
        SIDES[wire.taker_side],
        from_ms(wire.time),
    )


# -- candles ------------------------------------------------------------------------------------


def candles_query(request: requests.CandlesRequest, asker: Asker) -> CandlesQuery:
    """Return the query for candles."""
    instrument = instrument_of(request.symbol, asker.listings)
    return CandlesQuery(
        instrument.instrument_id,
        INTERVALS_NS[request.interval],
        request.limit,
        start_ns=from_ms_or_none(request.start),
        end_ns=from_ms_or_none(request.end),
    )


def candles_to_wire(
    answer: CandleList, _request: requests.CandlesRequest, asker: Asker
) -> messages.CandleList:
    """Return candles as texts."""
    return messages.CandleList(
        tuple(
            messages.Candle(**_candle_fields(c, asker.listings[c.instrument_id]))
            for c in answer.candles
        )
    )


def candle_push(event: Candle, instrument: Instrument) -> stream_messages.CandlesPush:
    """Return a candle as its channel tells it."""
    return stream_messages.CandlesPush(**_candle_fields(event, instrument))


def candle_from_wire(wire: messages.Candle, listings: Listings) -> Candle:
    """Return a candle in ticks and lots."""
    instrument = listed(wire.symbol, listings)
    return Candle(
        instrument_id=instrument.instrument_id,
        interval_ns=INTERVALS_NS[wire.interval],
        open_ns=from_ms(wire.open_time),
        open_ticks=ticks_of(instrument, wire.open),
        high_ticks=ticks_of(instrument, wire.high),
        low_ticks=ticks_of(instrument, wire.low),
        close_ticks=ticks_of(instrument, wire.close),
        volume_lots=lots_of(instrument, wire.volume),
        quote_atoms=to_atoms_exact(wire.quote_volume),
        trade_count=wire.trades,
        taker_buy_lots=0,
        taker_buy_quote_atoms=0,
        first_trade_id=0,
        last_trade_id=0,
        is_closed=wire.closed,
    )


# -- tickers ------------------------------------------------------------------------------------


def ticker_query(request: requests.TickerRequest, asker: Asker) -> TickersQuery:
    """Return the query for one ticker or all."""
    if request.symbol is None:
        return TickersQuery()
    return TickersQuery((instrument_of(request.symbol, asker.listings).instrument_id,))


def ticker_weight(request: requests.TickerRequest) -> int:
    """Return what one ticker or all of them count for."""
    return TICKER_WEIGHTS[request.symbol is None]


def tickers_to_wire(
    answer: TickerList, _request: requests.TickerRequest, asker: Asker
) -> messages.TickerList:
    """Return tickers as texts."""
    return messages.TickerList(
        tuple(
            messages.Ticker(**_ticker_fields(t, asker.listings[t.instrument_id]))
            for t in answer.tickers
        )
    )


def ticker_push(event: Ticker, instrument: Instrument) -> stream_messages.TickerPush:
    """Return a ticker as its channel tells it."""
    return stream_messages.TickerPush(**_ticker_fields(event, instrument))


def ticker_from_wire(wire: messages.Ticker, listings: Listings) -> Ticker:
    """Return a ticker in ticks and lots."""
    instrument = listed(wire.symbol, listings)
    time_ns = from_ms(wire.time)
    return Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=time_ns,
        open_ns=time_ns - DAY_NS,
        open_ticks=ticks_or_none(instrument, wire.open),
        high_ticks=ticks_or_none(instrument, wire.high),
        low_ticks=ticks_or_none(instrument, wire.low),
        last_ticks=ticks_or_none(instrument, wire.last),
        last_lots=0,
        previous_close_ticks=None,
        volume_lots=lots_of(instrument, wire.volume),
        quote_atoms=to_atoms_exact(wire.quote_volume),
        trade_count=wire.trades,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=ticks_or_none(instrument, wire.bid),
        bid_lots=lots_of(instrument, wire.bid_size),
        ask_ticks=ticks_or_none(instrument, wire.ask),
        ask_lots=lots_of(instrument, wire.ask_size),
    )


# -- fields and numbers -------------------------------------------------------------------------


def ticks_of(instrument: Instrument, price: str) -> int:
    """Return a price that the exchange has printed, in ticks.

    Raises:
        DecodeError: It is not a multiple of the tick.
    """
    return steps_of(price, instrument.tick_size, "price")


def lots_of(instrument: Instrument, size: str) -> int:
    """Return a size that the exchange has printed, in lots.

    Raises:
        DecodeError: It is not a multiple of the lot.
    """
    return steps_of(size, instrument.lot_size, "size")


def ticks_or_none(instrument: Instrument, price: str | None) -> int | None:
    """Return a price that the exchange has printed, in ticks, where there is one.

    Raises:
        DecodeError: It is not a multiple of the tick.
    """
    return None if price is None else ticks_of(instrument, price)


def lots_or_none(instrument: Instrument, size: str | None) -> int | None:
    """Return a size that the exchange has printed, in lots, where there is one.

    Raises:
        DecodeError: It is not a multiple of the lot.
    """
    return None if size is None else lots_of(instrument, size)


def price_or_none(instrument: Instrument, ticks: int | None) -> str | None:
    """Return a price as text, where there is one."""
    return None if ticks is None else price_text(instrument, ticks)


def _trade_fields(trade: Trade, instrument: Instrument) -> dict[str, Any]:
    return {
        "symbol": instrument.symbol,
        "trade_id": trade.trade_id,
        "price": price_text(instrument, trade.price_ticks),
        "size": size_text(instrument, trade.size_lots),
        "taker_side": trade.taker_side.name.lower(),
        "time": to_ms(trade.time_ns),
    }


def _candle_fields(candle: Candle, instrument: Instrument) -> dict[str, Any]:
    return {
        "symbol": instrument.symbol,
        "interval": interval_of(candle.interval_ns),
        "open_time": to_ms(candle.open_ns),
        "open": price_text(instrument, candle.open_ticks),
        "high": price_text(instrument, candle.high_ticks),
        "low": price_text(instrument, candle.low_ticks),
        "close": price_text(instrument, candle.close_ticks),
        "volume": size_text(instrument, candle.volume_lots),
        "quote_volume": amount_text(candle.quote_atoms),
        "trades": candle.trade_count,
        "closed": candle.is_closed,
    }


def _ticker_fields(ticker: Ticker, instrument: Instrument) -> dict[str, Any]:
    return {
        "symbol": instrument.symbol,
        "last": price_or_none(instrument, ticker.last_ticks),
        "open": price_or_none(instrument, ticker.open_ticks),
        "high": price_or_none(instrument, ticker.high_ticks),
        "low": price_or_none(instrument, ticker.low_ticks),
        "volume": size_text(instrument, ticker.volume_lots),
        "quote_volume": amount_text(ticker.quote_atoms),
        "trades": ticker.trade_count,
        "bid": price_or_none(instrument, ticker.bid_ticks),
        "bid_size": size_text(instrument, ticker.bid_lots),
        "ask": price_or_none(instrument, ticker.ask_ticks),
        "ask_size": size_text(instrument, ticker.ask_lots),
        "change_percent": change_percent_text(ticker.open_ticks, ticker.last_ticks),
        "time": to_ms(ticker.time_ns),
    }
