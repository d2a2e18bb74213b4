from datetime import UTC, datetime

import polars as pl
import pytest
from desk import BTC_USDT, SECOND_NS
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.domain.commands import Traded
from steelyard.domain.errors import Unsupported
from steelyard.domain.messages import (
    MINUTE_NS,
    AggregatesQuery,
    Candle,
    CandlesQuery,
    Trade,
    TradesQuery,
)
from steelyard.domain.order import Side
from steelyard.exchange.market import (
    BASES,
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
    assert open_of(ns(time), INTERVALS_NS[interval]) == ns(opens)


def test_a_month_ends_where_the_next_begins():
    february = int(datetime(2026, 2, 1, tzinfo=UTC).timestamp()) * SECOND_NS
    march = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * SECOND_NS
    assert next_open(february, MONTH_NS) == march


def ns(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


# What a tape may begin with: right before midnight, a month's end, a leap day, and after one.
starts = st.sampled_from(
    ["2024-02-28T23:59:58", "2024-02-29T23:59:59", "2023-02-28T23:59:00", "2026-11-21T12:34:56"]
)
pauses = st.one_of(
    st.integers(0, 3 * SECOND_NS),
    st.integers(0, 3 * 60 * SECOND_NS),
    st.integers(0, 40 * HOUR_NS),
    st.integers(0, 45 * DAY_NS),
)
steps = st.lists(
    st.tuples(pauses, st.integers(1, 10**8), st.integers(1, 10**9), st.booleans()),
    min_size=1,
    max_size=25,
)


def recomputed(trades, interval, now_ns):
    """Return candles as polars makes them of the trades alone, from the first one's to now's."""
    every = "1mo" if interval == "1M" else interval
    frame = pl.DataFrame(
        {
            "open": pl.Series([t.time_ns for t in trades]).cast(pl.Datetime("ns")),
            "price": [t.price_ticks for t in trades],
            "lots": [t.size_lots for t in trades],
            "bought": [t.size_lots * (t.taker_side is Side.BUY) for t in trades],
            "id": [t.trade_id for t in trades],
        }
    ).with_columns(pl.col("open").dt.truncate(every))
    price, lots, bought = pl.col("price"), pl.col("lots"), pl.col("bought")
    traded = frame.group_by("open", maintain_order=True).agg(
        price.first().alias("first"),
        price.max().alias("high"),
        price.min().alias("low"),
        price.last().alias("close"),
        lots.sum(),
        (price * lots).sum().alias("worth"),
        pl.len().cast(pl.Int64).alias("count"),
        bought.sum(),
        (price * bought).sum().alias("bought_worth"),
        pl.col("id").min().alias("first_id"),
        pl.col("id").max().alias("last_id"),
    )
    end = pl.Series([now_ns]).cast(pl.Datetime("ns")).dt.truncate(every)[0]
    grid = (
        pl.datetime_range(traded["open"].min(), end, every, time_unit="ns", eager=True)
        .alias("open")
        .to_frame()
    )
    last = pl.col("close").forward_fill()
    whole = (
        grid.join(traded, on="open", how="left", maintain_order="left")
        .with_columns(
            *(pl.col(name).fill_null(last) for name in ("first", "high", "low")), close=last
        )
        .with_columns(pl.exclude("open").fill_null(0), pl.col("open").cast(pl.Int64))
    )
    tick_lot = BTC_USDT.tick_lot_atoms
    return [
        Candle(
            0, INTERVALS_NS[interval], row["open"], row["first"], row["high"], row["low"],
            row["close"], row["lots"], row["worth"] * tick_lot, row["count"], row["bought"],
            row["bought_worth"] * tick_lot, row["first_id"], row["last_id"], is_closed=True,
        )
        for row in whole.iter_rows(named=True)
    ]  # fmt: skip


@examples(60)
@given(starts, steps)
def test_candles_equal_what_polars_makes_of_the_trades(start, steps):
    """Every interval from 1s to 1M, without a gap, prices, volumes and counts exact.

    What has left the oldest end of the series that an interval is made of is left out whole:
    no candle is told that lacks a part.
    """
    market = InstrumentMarket(BTC_USDT)
    now_ns, trades = ns(start), []
    for number, (pause_ns, ticks, lots, buys) in enumerate(steps, 1):
        now_ns += pause_ns
        trades.append(trade(market, number, ticks, lots, now_ns, Side.BUY if buys else Side.SELL))
    for interval, length in INTERVALS_NS.items():
        base = max(b for b in BASES if length % b == 0)
        kept_ns = now_ns // base * base - (BASES[base] - 1) * base
        wanted = recomputed(trades, interval, now_ns)
        has_left = trades[0].time_ns // base * base <= kept_ns
        if has_left:
            wanted = [candle for candle in wanted if candle.open_ns >= kept_ns]
        if wanted:
            wanted[-1] = replace(wanted[-1], is_closed=False)
        found = market.candles_of(CandlesQuery(0, length, 10**6), now_ns)
        assert [*found] == wanted, interval


def test_a_candle_of_which_a_part_is_no_longer_kept_is_not_told():
    """Half a candle would say that less was traded than was."""
    market = InstrumentMarket(BTC_USDT)
    for minute in range(BASES[MINUTE_NS] + 7):
        trade(market, minute + 1, 100, 1, START_NS + minute * MINUTE_NS)
    now_ns = START_NS + (BASES[MINUTE_NS] + 6) * MINUTE_NS
    found = market.candles_of(CandlesQuery(0, 15 * MINUTE_NS, 10_000), now_ns)
    assert {candle.trade_count for candle in found[:-1]} == {15}


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


def test_the_parts_of_a_taker_at_a_price_are_one_aggregate():
    """By id or time, or the newest; each command is a taker of its own."""
    market = InstrumentMarket(BTC_USDT)
    trades = [(1, 100), (1, 100), (1, 101), (2, 101), (3, 101), (3, 101)]
    for number, (command, ticks) in enumerate(trades, 1):
        traded = Traded(0, number, ticks, 2, Side.BUY, 0, 0)
        market.traded(traded, START_NS + command * SECOND_NS, command)

    def asked(limit=9, **query):
        found = market.aggregate_list(AggregatesQuery(0, limit, **query)).trades
        return [(a.aggregate_id, a.first_trade_id, a.last_trade_id) for a in found]

    every = [(1, 1, 2), (2, 3, 3), (3, 4, 4), (4, 5, 6)]
    assert asked() == every
    assert asked(2) == every[2:]
    assert asked(2, from_aggregate_id=2) == every[1:3]
    assert asked(start_ns=START_NS + 2 * SECOND_NS) == every[2:]
    assert asked(1, end_ns=START_NS + 2 * SECOND_NS) == every[2:3]
    again = InstrumentMarket(BTC_USDT)
    again.restore(market.snapshot())
    later = again.traded(Traded(0, 7, 101, 2, Side.BUY, 0, 0), START_NS + 4 * SECOND_NS, 1)
    assert later.aggregate_id == 5


def test_a_snapshot_from_before_aggregates_has_one_for_each_trade():
    market = InstrumentMarket(BTC_USDT)
    state = market.snapshot()
    state.trades = [Trade(0, number, 100, 1, Side.BUY, START_NS) for number in (5, 6)]
    market.restore(state)
    assert [t.aggregate_id for t in market.trades] == [5, 6]
    assert market.traded(Traded(0, 7, 100, 1, Side.BUY, 0, 0), START_NS, 1).aggregate_id == 7


@pytest.mark.parametrize(
    ("interval", "offset", "time", "opens", "ends"),
    [
        ("1d", 8 * HOUR_NS, "2026-11-21T17:00", "2026-11-21T16:00", "2026-11-22T16:00"),
        ("1d", 8 * HOUR_NS, "2026-11-21T15:59", "2026-11-20T16:00", "2026-11-21T16:00"),
        ("1h", 345 * MINUTE_NS, "2026-11-21T13:20", "2026-11-21T13:15", "2026-11-21T14:15"),
        ("1w", -HOUR_NS, "2026-11-23T00:30", "2026-11-16T01:00", "2026-11-23T01:00"),
        ("1M", 8 * HOUR_NS, "2026-11-30T17:00", "2026-11-30T16:00", "2026-12-31T16:00"),
    ],
)
def test_candles_open_by_the_days_of_an_offset(interval, offset, time, opens, ends):
    length = INTERVALS_NS[interval]
    assert open_of(ns(time), length, offset) == ns(opens)
    assert next_open(ns(opens), length, offset) == ns(ends)


@pytest.mark.parametrize("interval", ["1m", "1w", "1M"])
def test_there_are_no_candles_of_a_time_that_no_calendar_has(interval):
    """However late it is: who asks for it is told of none."""
    market = InstrumentMarket(BTC_USDT)
    trade(market, 1, 100, 1, START_NS)
    for start_ns in (2**63, 10**18 * 10**9, 10**40):
        query = CandlesQuery(0, INTERVALS_NS[interval], 9, start_ns=start_ns)
        assert market.candles_of(query, START_NS + 1) == ()


def test_days_of_an_offset_are_folded_from_the_hours_in_them():
    market = InstrumentMarket(BTC_USDT)
    midnight_ns = ns("2026-11-21T00:00")
    for hour in range(30):
        trade(market, hour + 1, 100 + hour, 1, midnight_ns + hour * HOUR_NS)
    now_ns = midnight_ns + 30 * HOUR_NS
    days = market.candles_of(CandlesQuery(0, DAY_NS, 9, offset_ns=8 * HOUR_NS), now_ns)
    assert [(d.open_ns - midnight_ns) // HOUR_NS for d in days] == [-8, 16]
    assert [(d.volume_lots, d.open_ticks, d.is_closed) for d in days] == [
        (16, 100, True),
        (14, 116, False),
    ]
    quarter = CandlesQuery(0, HOUR_NS, 1, offset_ns=345 * MINUTE_NS)
    (last,) = market.candles_of(quarter, now_ns)
    assert last.open_ns == now_ns - 45 * MINUTE_NS


def test_a_ticker_may_begin_on_a_minute():
    market = InstrumentMarket(BTC_USDT)
    for minute in range(4):
        trade(market, minute + 1, 100 + minute, 1, START_NS + minute * MINUTE_NS)
    now_ns = START_NS + 4 * MINUTE_NS
    ticker = market.ticker(now_ns, (0, 0, 0, 0), START_NS + 2 * MINUTE_NS)
    assert (ticker.open_ns, ticker.trade_count) == (START_NS + 2 * MINUTE_NS, 2)
    assert (ticker.open_ticks, ticker.high_ticks) == (102, 103)
    assert ticker.last_trade_ns == START_NS + 3 * MINUTE_NS


def test_a_snapshot_restores_everything():
    market = InstrumentMarket(BTC_USDT)
    for number in range(1, 50):
        trade(market, number, 100 + number % 7, 1, START_NS + number * 17 * SECOND_NS)
    again = InstrumentMarket(BTC_USDT)
    again.restore(market.snapshot())
    assert again.snapshot() == market.snapshot()
