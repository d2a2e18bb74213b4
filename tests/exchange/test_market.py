from collections import defaultdict
from datetime import UTC, datetime

import pytest
from desk import BTC_USDT, SECOND_NS
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.commands import Traded
from steelyard.domain.errors import Unsupported
from steelyard.domain.messages import MINUTE_NS, Candle, CandlesQuery, TradesQuery
from steelyard.domain.order import Side
from steelyard.exchange.market import (
    DAY_NS,
    HOUR_NS,
    INTERVALS_NS,
    MONTH_NS,
    InstrumentMarket,
    next_open,
    open_of,
)

START_NS = 1_700_006_400_000_000_000  # a whole hour


def trade(market, trade_id, ticks, lots, at_ns, side=Side.BUY):
    return market.traded(Traded(0, trade_id, ticks, lots, side, 0, 0), at_ns)


@pytest.mark.parametrize(
    ("interval", "time", "opens"),
    [
        ("1m", "2026-11-21T13:45:59", "2026-11-21T13:45:00"),
        ("4h", "2026-11-21T13:45:59", "2026-11-21T12:00:00"),
        ("1d", "2026-11-21T13:45:59", "2026-11-21T00:00:00"),
        ("1w", "2026-11-21T13:45:59", "2026-11-16T00:00:00"),  # a Monday
        ("1M", "2026-11-21T13:45:59", "2026-11-01T00:00:00"),
    ],
)
def test_candles_open_where_venues_open_them(interval, time, opens):
    def ns(text):
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS

    assert open_of(ns(time), INTERVALS_NS[interval]) == ns(opens)


def test_a_month_ends_where_the_next_begins():
    february = int(datetime(2026, 2, 1, tzinfo=UTC).timestamp()) * SECOND_NS
    march = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * SECOND_NS
    assert next_open(february, MONTH_NS) == march


steps = st.lists(
    st.tuples(
        st.integers(0, 3 * 60 * SECOND_NS), st.integers(1, 50), st.integers(1, 9), st.booleans()
    ),
    min_size=1,
    max_size=60,
)


@given(steps)
def test_candles_equal_a_recomputation_from_the_trades(steps):
    """Every interval, gap-free, with exact prices, volumes and counts."""
    market = InstrumentMarket(BTC_USDT)
    now_ns, trades = START_NS, []
    for number, (pause_ns, ticks, lots, buys) in enumerate(steps, 1):
        now_ns += pause_ns
        trades.append(trade(market, number, ticks, lots, now_ns, Side.BUY if buys else Side.SELL))
    for interval_ns in (SECOND_NS, MINUTE_NS, 5 * MINUTE_NS, HOUR_NS):
        by_open = defaultdict(list)
        for one in trades:
            by_open[open_of(one.time_ns, interval_ns)].append(one)
        opens = [*range(min(by_open), open_of(now_ns, interval_ns) + 1, interval_ns)][-7200:]
        found = market.candles_of(CandlesQuery(0, interval_ns, 10_000), now_ns)
        assert [c.open_ns for c in found] == opens
        for candle in found:
            inside = by_open.get(candle.open_ns, [])
            assert candle.trade_count == len(inside)
            assert candle.volume_lots == sum(t.size_lots for t in inside)
            assert candle.taker_buy_lots == sum(
                t.size_lots for t in inside if t.taker_side is Side.BUY
            )
            assert candle.quote_atoms == sum(
                BTC_USDT.notional_atoms(t.price_ticks, t.size_lots) for t in inside
            )
            prices = [t.price_ticks for t in inside]
            if prices:
                wanted = (prices[0], max(prices), min(prices), prices[-1])
            else:
                last = [t.price_ticks for t in trades if t.time_ns < candle.open_ns][-1]
                wanted = (last,) * 4
            assert wanted == (
                candle.open_ticks,
                candle.high_ticks,
                candle.low_ticks,
                candle.close_ticks,
            )
            assert candle.is_closed == (candle.open_ns < opens[-1])


def test_a_candle_query_pages_from_a_start_or_back_from_the_end():
    market = InstrumentMarket(BTC_USDT)
    for minute in range(10):
        trade(market, minute + 1, 100 + minute, 1, START_NS + minute * MINUTE_NS)
    now_ns = START_NS + 9 * MINUTE_NS

    def closes(**query):
        found = market.candles_of(CandlesQuery(0, MINUTE_NS, **query), now_ns)
        return [candle.close_ticks for candle in found]

    assert closes(limit=3) == [107, 108, 109]
    assert closes(limit=2, start_ns=START_NS + 4 * MINUTE_NS) == [104, 105]
    assert closes(limit=2, end_ns=START_NS + 4 * MINUTE_NS) == [103, 104]


def test_an_unknown_interval_is_refused_by_name():
    with pytest.raises(Unsupported, match="there are 1s, 1m, 3m"):
        InstrumentMarket(BTC_USDT).candles_of(CandlesQuery(0, 7 * SECOND_NS, 1), START_NS)


def test_history_is_loaded_before_trades_and_folded_into_hours():
    market = InstrumentMarket(BTC_USDT)
    for minute in range(120):
        market.load(
            Candle(
                0,
                MINUTE_NS,
                START_NS + minute * MINUTE_NS,
                100,
                100 + minute,
                90,
                95,
                10,
                1000,
                2,
                5,
                500,
                0,
                0,
                True,
            )
        )
    hours = market.candles_of(CandlesQuery(0, HOUR_NS, 9), START_NS + 2 * HOUR_NS - 1)
    assert [(h.high_ticks, h.volume_lots) for h in hours] == [(159, 600), (219, 600)]


def test_the_ticker_tells_of_the_last_day_only():
    market = InstrumentMarket(BTC_USDT)
    trade(market, 1, 500, 7, START_NS)
    now_ns = START_NS + DAY_NS + 2 * MINUTE_NS
    trade(market, 2, 100, 3, now_ns - MINUTE_NS)
    ticker = market.ticker(now_ns, (99, 5, 0, 0))
    assert (ticker.volume_lots, ticker.trade_count, ticker.last_ticks) == (3, 1, 100)
    assert (ticker.bid_ticks, ticker.ask_ticks) == (99, None)
    assert ticker.previous_close_ticks == 500


def test_public_trades_page_by_id_and_by_time():
    market = InstrumentMarket(BTC_USDT)
    for number in range(1, 11):
        trade(market, number, 100, 1, START_NS + number * SECOND_NS)

    def ids(**query):
        return [t.trade_id for t in market.trades_of(TradesQuery(0, **query))]

    assert ids(limit=3) == [8, 9, 10]
    assert ids(limit=3, from_trade_id=4) == [4, 5, 6]
    assert ids(limit=9, start_ns=START_NS + 8 * SECOND_NS) == [8, 9, 10]
    assert ids(limit=2, end_ns=START_NS + 5 * SECOND_NS) == [4, 5]


def test_a_snapshot_restores_everything():
    market = InstrumentMarket(BTC_USDT)
    for number in range(1, 50):
        trade(market, number, 100 + number % 7, 1, START_NS + number * 17 * SECOND_NS)
    again = InstrumentMarket(BTC_USDT)
    again.restore(market.snapshot())
    assert again.snapshot() == market.snapshot()
