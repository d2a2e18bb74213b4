"""Trades and candles of the public: both halves.

The invariant: `after` asks for what is older than a trade's id or a time, `before` for what is
newer, both without it; rows come newest first. A day begins in UTC+8, unless a bar's name says
`utc`.
"""

from collections.abc import Iterable
from typing import Any

from steelyard.dialects.okx import errors, messages
from steelyard.dialects.okx.market import DAY_NS, EAST_NS
from steelyard.dialects.okx.messages import Candle, CandlesRequest, TradesRequest
from steelyard.dialects.okx.routes import (
    answered,
    cursor_of,
    instrument_of,
    limit_of,
    moment,
    public,
)
from steelyard.dialects.okx.text import (
    MS_NS,
    SIDE_NAMES,
    SIDES,
    amount_text,
    ms,
    price_text,
    read_amount,
    read_id,
    read_ms,
    read_price,
    size_text,
    whole_lots,
)
from steelyard.domain import messages as domain
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    CandleList,
    CandlesQuery,
    Trade,
    TradeList,
    TradesQuery,
)
from steelyard.wire.dialect import Asker, Endpoint

TRADES_MAX, TRADES_DEFAULT = 500, 100
OLD_TRADES_MAX = 100
CANDLES_MAX, CANDLES_DEFAULT = 300, 100
LOOKED_THROUGH_MAX = 20_000  # candles, for a page that begins somewhere
BY_ID, BY_TIME = "1", "2"
HOUR_NS = 60 * MINUTE_NS

_SHORT = {
    "1s": SECOND_NS,
    **{f"{n}m": n * MINUTE_NS for n in (1, 3, 5, 15, 30)},
    **{f"{n}H": n * HOUR_NS for n in (1, 2, 4)},
}
_LONG = {
    **{f"{n}H": n * HOUR_NS for n in (6, 12)},
    **{f"{n}D": n * DAY_NS for n in (1, 3)},
    "1W": 7 * DAY_NS,
    "1M": 30 * DAY_NS,  # the name of calendar months
}
# A bar's length, and how far ahead of UTC its days are.
BARS: dict[str, tuple[int, int]] = {
    **{name: (length, 0) for name, length in _SHORT.items()},
    **{name: (length, EAST_NS) for name, length in _LONG.items()},
    **{f"{name}utc": (length, 0) for name, length in _LONG.items()},
}
BAR_NAMES = {bar: name for name, bar in reversed(BARS.items())}


# -- trades -------------------------------------------------------------------------------------


def _trades_query(request: TradesRequest, asker: Asker) -> TradesQuery:
    instrument = instrument_of(request.instId, asker.listings)
    return TradesQuery(
        instrument.instrument_id, limit_of(request.limit, TRADES_DEFAULT, TRADES_MAX)
    )


def _old_trades_query(request: TradesRequest, asker: Asker) -> TradesQuery:
    instrument = instrument_of(request.instId, asker.listings)
    limit = limit_of(request.limit, OLD_TRADES_MAX, OLD_TRADES_MAX)
    kind = request.type or BY_ID
    if kind not in (BY_ID, BY_TIME):
        raise errors.invalid("type", "it is 1, by trade ids, or 2, by time")
    if kind == BY_ID:
        older, newer = cursor_of(request.after, "after"), cursor_of(request.before, "before")
        return TradesQuery(instrument.instrument_id, limit, after=newer, before=older)
    older_ns = moment(request.after, "after")
    end_ns = None if older_ns is None else older_ns - 1
    return TradesQuery(instrument.instrument_id, limit, end_ns=end_ns)


def trades_from(trade_id: int, instrument: Instrument) -> TradesRequest:
    """Return the request for as many trades as come on a page, from an id on.

    Ids are gapless: both ends are named, because `before` alone asks for the newest.
    """
    return TradesRequest(
        instId=instrument.symbol,
        type=BY_ID,
        before=str(max(trade_id, 1) - 1),
        after=str(max(trade_id, 1) + OLD_TRADES_MAX),
        limit=str(OLD_TRADES_MAX),
    )


def _trades(answer: Any, request: TradesRequest, asker: Asker) -> Iterable[messages.Trade]:
    instrument = instrument_of(request.instId, asker.listings)
    trades = reversed(answered(answer, TradeList).trades)
    return tuple(trade_to_wire(trade, instrument) for trade in trades)


def trade_to_wire(trade: Trade, instrument: Instrument) -> messages.Trade:
    """Return a public trade."""
    return messages.Trade(
        instId=instrument.symbol,
        tradeId=str(trade.trade_id),
        px=price_text(instrument, trade.price_ticks),
        sz=size_text(instrument, trade.size_lots),
        side=SIDE_NAMES[trade.taker_side],
        ts=ms(trade.time_ns),
        source="0",
    )


def trade_from_wire(wire: messages.Trade, instrument: Instrument) -> Trade:
    """Return a public trade, which may be of several that the venue tells as one.

    Raises:
        DecodeError: It has no side, or is of none or of more trades than there can have been.
    """
    if wire.side not in SIDES:
        raise DecodeError(f"a trade of side {wire.side[:20]!r}", "side")
    trade_id, joined = read_id(wire.tradeId, "tradeId"), 1
    if isinstance(wire.count, str):
        joined = read_id(wire.count, "count")
    if not 1 <= joined <= max(trade_id, 1):
        raise DecodeError(f"trade {trade_id} cannot be of {joined} trades", "count")
    return Trade(
        instrument.instrument_id,
        trade_id,
        read_price(instrument, wire.px),
        whole_lots(instrument, wire.sz),
        SIDES[wire.side],
        read_ms(wire.ts),
        joined=joined,
    )


# -- candles ------------------------------------------------------------------------------------


def bar_of(name: str) -> tuple[int, int]:
    """Return a bar's length, and how far ahead of UTC its days are.

    Raises:
        DecodeError: There is none of that name here.
    """
    found = BARS.get(name)
    if found is None:
        raise errors.invalid("bar", f"it is one of {', '.join(BARS)}")
    return found


def _candles_query(request: CandlesRequest, asker: Asker) -> CandlesQuery:
    instrument = instrument_of(request.instId, asker.listings)
    length_ns, offset_ns = bar_of(request.bar)
    limit = limit_of(request.limit, CANDLES_DEFAULT, CANDLES_MAX)
    older_ns, newer_ns = moment(request.after, "after"), moment(request.before, "before")
    return CandlesQuery(
        instrument.instrument_id,
        length_ns,
        limit if newer_ns is None else LOOKED_THROUGH_MAX,
        None if newer_ns is None else newer_ns + MS_NS,
        None if older_ns is None else older_ns - MS_NS,
        offset_ns,
    )


def _candles(answer: Any, request: CandlesRequest, asker: Asker) -> tuple[Candle, ...]:
    instrument = instrument_of(request.instId, asker.listings)
    limit = limit_of(request.limit, CANDLES_DEFAULT, CANDLES_MAX)
    candles = answered(answer, CandleList).candles[::-1][:limit]
    return tuple(candle_to_wire(candle, instrument) for candle in candles)


def candle_to_wire(candle: domain.Candle, instrument: Instrument) -> Candle:
    """Return a candle."""
    prices = (candle.open_ticks, candle.high_ticks, candle.low_ticks, candle.close_ticks)
    opened, high, low, closed = (price_text(instrument, ticks) for ticks in prices)
    money = amount_text(candle.quote_atoms)
    return (
        *(ms(candle.open_ns), opened, high, low, closed),
        *(size_text(instrument, candle.volume_lots), money, money),
        "1" if candle.is_closed else "0",
    )


def candle_from_wire(wire: Candle, instrument: Instrument, interval_ns: int) -> domain.Candle:
    """Return a candle; what the venue does not tell, counts and the takers' part, is 0."""
    opened, high, low, closed = (read_price(instrument, text) for text in wire[1:5])
    return domain.Candle(
        instrument_id=instrument.instrument_id,
        interval_ns=interval_ns,
        open_ns=read_ms(wire[0]),
        open_ticks=opened,
        high_ticks=high,
        low_ticks=low,
        close_ticks=closed,
        volume_lots=whole_lots(instrument, wire[5]),
        quote_atoms=read_amount(wire[7]),
        trade_count=0,
        taker_buy_lots=0,
        taker_buy_quote_atoms=0,
        first_trade_id=0,
        last_trade_id=0,
        is_closed=wire[8] == "1",
    )


# -- routes -------------------------------------------------------------------------------------

TRADES = public(
    "market/trades", TradesRequest, messages.Trade, _trades_query, _trades, "The newest trades"
)
OLD_TRADES = public(
    "market/history-trades",
    TradesRequest,
    messages.Trade,
    _old_trades_query,
    _trades,
    "Trades, page by page",
)
CANDLES = public("market/candles", CandlesRequest, Candle, _candles_query, _candles, "Candles")
OLD_CANDLES = public(
    "market/history-candles", CandlesRequest, Candle, _candles_query, _candles, "Older candles"
)
ENDPOINTS: tuple[Endpoint, ...] = (TRADES, OLD_TRADES, CANDLES, OLD_CANDLES)
