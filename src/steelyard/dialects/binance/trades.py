"""Public trades, one by one and as aggregates, both ways.

The invariant: an aggregate is what one taker order traded at one price and time, with a number of
its own and the ids of its first and last trade. There are no block trades here.
"""

from msgspec import Struct

from steelyard.dialects.binance.market import ROWS_MAX, instrument_of, public
from steelyard.dialects.binance.market_messages import BlockTradesRequest
from steelyard.dialects.binance.messages import (
    AggTrade,
    AggTradesRequest,
    HistoricalTradesRequest,
    PublicTrade,
    TradesRequest,
)
from steelyard.dialects.binance.text import (
    amount_text,
    from_ms,
    price_text,
    resting_price,
    size_text,
    to_ms,
    whole_lots,
)
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    AggregateList,
    AggregatesQuery,
    AggregateTrade,
    Answer,
    Trade,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import Side
from steelyard.wire.dialect import Asker, Endpoint


def trade_to_wire(trade: Trade, listings: Listings) -> PublicTrade:
    """Return a public trade."""
    instrument = listings[trade.instrument_id]
    return PublicTrade(
        id=trade.trade_id,
        price=price_text(instrument, trade.price_ticks),
        qty=size_text(instrument, trade.size_lots),
        quoteQty=amount_text(instrument.notional_atoms(trade.price_ticks, trade.size_lots)),
        time=to_ms(trade.time_ns),
        isBuyerMaker=trade.taker_side is Side.SELL,
    )


def trade_from_wire(trade: PublicTrade, instrument: Instrument) -> Trade:
    """Return a public trade of a response, at the price at which its maker's order was shown."""
    return Trade(
        instrument.instrument_id,
        trade.id,
        resting_price(instrument, Side.BUY if trade.isBuyerMaker else Side.SELL, trade.price),
        whole_lots(instrument, trade.qty),
        Side.SELL if trade.isBuyerMaker else Side.BUY,
        from_ms(trade.time),
    )


def _trades(answer: Answer | None, _request: Struct, asker: Asker) -> tuple[PublicTrade, ...]:
    assert isinstance(answer, TradeList), "a TradesQuery is answered by trades"
    return tuple(trade_to_wire(trade, asker.listings) for trade in answer.trades)


def aggregate_to_wire(trade: AggregateTrade, listings: Listings) -> AggTrade:
    """Return an aggregate trade."""
    instrument = listings[trade.instrument_id]
    return AggTrade(
        a=trade.aggregate_id,
        p=price_text(instrument, trade.price_ticks),
        q=size_text(instrument, trade.size_lots),
        f=trade.first_trade_id,
        l=trade.last_trade_id,
        T=to_ms(trade.time_ns),
        m=trade.taker_side is Side.SELL,
    )


def _agg_trades(answer: Answer | None, _request: Struct, asker: Asker) -> tuple[AggTrade, ...]:
    assert isinstance(answer, AggregateList), "an AggregatesQuery is answered by aggregates"
    return tuple(aggregate_to_wire(trade, asker.listings) for trade in answer.trades)


def _trades_query(request: TradesRequest | HistoricalTradesRequest, asker: Asker) -> TradesQuery:
    from_id = request.fromId if isinstance(request, HistoricalTradesRequest) else None
    instrument_id = instrument_of(request.symbol, asker).instrument_id
    return TradesQuery(instrument_id, min(request.limit, ROWS_MAX), from_id)


def _agg_trades_query(request: AggTradesRequest, asker: Asker) -> AggregatesQuery:
    return AggregatesQuery(
        instrument_of(request.symbol, asker).instrument_id,
        min(request.limit, ROWS_MAX),
        request.fromId,
        None if request.startTime is None else from_ms(request.startTime),
        None if request.endTime is None else from_ms(request.endTime) + 999_999,
    )


def _no_block_trades(request: BlockTradesRequest, asker: Asker) -> None:
    instrument_of(request.symbol, asker)


# -- routes -------------------------------------------------------------------------------------

TRADES = public(
    "trades",
    TradesRequest,
    tuple[PublicTrade, ...],
    _trades_query,
    _trades,
    weight=25,
    summary="Newest trades",
)
HISTORICAL_TRADES = public(
    "historicalTrades",
    HistoricalTradesRequest,
    tuple[PublicTrade, ...],
    _trades_query,
    _trades,
    weight=25,
    summary="Trades from an id on",
)
AGG_TRADES = public(
    "aggTrades",
    AggTradesRequest,
    tuple[AggTrade, ...],
    _agg_trades_query,
    _agg_trades,
    weight=4,
    summary="Trades, those of one taker at a price as one",
)
BLOCK_TRADES = public(
    "historicalBlockTrades",
    BlockTradesRequest,
    tuple[Struct, ...],
    _no_block_trades,
    lambda _answer, _request, _asker: (),
    weight=25,
    summary="Block trades: none",
)

ENDPOINTS: tuple[Endpoint, ...] = (TRADES, HISTORICAL_TRADES, AGG_TRADES, BLOCK_TRADES)
