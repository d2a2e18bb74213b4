from decimal import Decimal

from msgspec.structs import replace

from steelyard.domain.messages import SECOND_NS, Candle, Trade
from steelyard.domain.order import Side
from steelyard.trading.bars import GRACE_NS, QUIET_MAX, Bar, BarBuilder
from tests.trading.venue import BTC_USDT

T0 = 1_700_000_000 * SECOND_NS


def trade(number: int, seconds: float, ticks: int, lots: int = 10) -> Trade:
    return Trade(3, number, ticks, lots, Side.BUY, T0 + int(seconds * SECOND_NS))


def candle(seconds: int, ticks: int, last_trade_id: int = 0, *, is_closed: bool) -> Candle:
    open_ns = T0 + seconds * SECOND_NS
    return Candle(
        3,
        SECOND_NS,
        open_ns,
        ticks,
        ticks,
        ticks,
        ticks,
        5,
        0,
        1,
        0,
        0,
        0,
        last_trade_id,
        is_closed,
    )


def closes(bars: list[Bar]) -> list[tuple[int, int, int]]:
    return [((b.open_ns - T0) // SECOND_NS, b.close_ticks, b.trade_count) for b in bars]


def seeded(*candles: Candle) -> BarBuilder:
    builder = BarBuilder(BTC_USDT, SECOND_NS)
    builder.seed(candles)
    return builder


def test_a_bar_holds_first_highest_lowest_and_last_price():
    """Open, high, low, close, volume and count are those of the interval's trades."""
    builder = seeded(candle(0, 100, is_closed=True))
    for number, ticks in enumerate([105, 120, 95, 110], 1):
        assert builder.add(trade(number, 1 + number / 10, ticks)) == []
    (bar,) = builder.add(trade(9, 2.0, 111))
    assert (bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks) == (105, 120, 95, 110)
    assert (bar.volume_lots, bar.trade_count, bar.is_gapped) == (40, 4, False)


def test_time_closes_a_bar_after_a_grace():
    """Without a later trade the clock closes it, once the last trades had time to come."""
    builder = seeded(candle(0, 100, is_closed=True))
    builder.add(trade(1, 1.5, 105))
    assert builder.close_due(T0 + 2 * SECOND_NS) == []
    assert builder.deadline_ns == T0 + 2 * SECOND_NS + GRACE_NS
    assert closes(builder.close_due(builder.deadline_ns)) == [(1, 105, 1)]


def test_a_bar_that_was_given_is_not_given_again():
    """The venue's candles may be behind what the clock has closed."""
    builder = seeded(candle(0, 100, is_closed=True))
    assert closes(builder.close_due(T0 + 3 * SECOND_NS + GRACE_NS)) == [(1, 100, 0), (2, 100, 0)]
    builder.unseed()
    assert builder.seed([candle(0, 100, is_closed=True), candle(1, 100, is_closed=False)]) == []
    assert builder.add(trade(1, 1.5, 105)) == []
    assert closes(builder.close_due(T0 + 4 * SECOND_NS + GRACE_NS)) == [(3, 105, 0)]


def test_a_quiet_interval_repeats_the_last_price():
    """No trades is a flat bar, not a missing one."""
    builder = seeded(candle(0, 100, is_closed=True))
    builder.add(trade(1, 1.5, 105))
    bars = builder.close_due(T0 + 4 * SECOND_NS + GRACE_NS)
    assert closes(bars) == [(1, 105, 1), (2, 105, 0), (3, 105, 0)]


def test_a_late_trade_changes_no_closed_bar():
    """It is counted as late, and the open bar does not take it."""
    builder = seeded(candle(0, 100, is_closed=True))
    builder.close_due(T0 + 2 * SECOND_NS + GRACE_NS)
    assert builder.add(trade(1, 1.9, 999)) == []
    assert builder.late_trades == 1
    assert closes(builder.close_due(T0 + 3 * SECOND_NS + GRACE_NS)) == [(2, 100, 0)]


def test_a_trade_told_twice_counts_once():
    """The trade id decides, as after a reconnect."""
    builder = seeded(candle(0, 100, is_closed=True))
    for _ in range(2):
        builder.add(trade(7, 1.5, 105))
    assert closes(builder.close_due(T0 + 2 * SECOND_NS + GRACE_NS)) == [(1, 105, 1)]


def test_the_open_candle_is_gone_on_from():
    """Trades that came while it was asked for count on top, those it knows do not."""
    builder = BarBuilder(BTC_USDT, SECOND_NS)
    for number in (4, 5, 6):
        builder.add(trade(number, 1.5, 100 + number))
    closed = builder.seed([candle(0, 90, 3, is_closed=True), candle(1, 105, 5, is_closed=False)])
    assert closes(closed) == [(0, 90, 1)]
    assert closes(builder.close_due(T0 + 2 * SECOND_NS + GRACE_NS)) == [(1, 106, 2)]


def test_an_open_candle_that_does_not_count_its_trades_is_gone_on_from():
    """What has traded in it is told by its volume, at every venue."""
    builder = seeded(replace(candle(1, 100, is_closed=False), trade_count=0, high_ticks=130))
    builder.add(trade(1, 1.5, 90))
    (bar,) = builder.close_due(T0 + 2 * SECOND_NS + GRACE_NS)
    assert (bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks) == (100, 130, 90, 90)


def test_bars_missed_in_a_break_come_from_candles():
    """After a reconnect each missed bar is given once, and nothing is marked if none is missing."""
    builder = seeded(candle(0, 100, is_closed=True))
    builder.close_due(T0 + 2 * SECOND_NS + GRACE_NS)
    builder.unseed()
    candles = [candle(n, 200 + n, is_closed=n < 5) for n in range(6)]
    closed = builder.seed(candles)
    assert closes(closed) == [(n, 200 + n, 1) for n in (2, 3, 4)]
    assert not any(bar.is_gapped for bar in closed)


def test_a_gap_that_candles_do_not_fill_is_marked():
    """The first bar after it says so, the next does not."""
    builder = seeded(candle(0, 100, is_closed=True))
    builder.unseed()
    closed = builder.seed([candle(n, 200, is_closed=True) for n in (50, 51)])
    assert [bar.is_gapped for bar in closed] == [True, False]


def test_without_candles_bars_begin_with_a_trade():
    """The first one may lack trades and says so."""
    builder = seeded()
    assert builder.deadline_ns is None
    builder.add(trade(1, 0.5, 100))
    (bar,) = builder.close_due(T0 + SECOND_NS + GRACE_NS)
    assert bar.is_gapped


def test_a_very_long_silence_is_a_gap_not_a_flood():
    """After `QUIET_MAX` flat bars the rest is skipped and marked."""
    builder = seeded(candle(0, 100, is_closed=True))
    bars = builder.close_due(T0 + 10 * QUIET_MAX * SECOND_NS)
    assert len(bars) == QUIET_MAX + 1
    (after,) = builder.close_due(T0 + (10 * QUIET_MAX + 1) * SECOND_NS)
    assert after.is_gapped


def test_prices_are_exact_and_floats_are_the_nearest():
    """`price` is a Decimal; `close` is what the exact price rounds to."""
    bar = Bar(BTC_USDT, SECOND_NS, T0, 6_000_001, 6_000_002, 5_999_999, 6_000_003, 123)
    assert bar.price("close") == Decimal("60000.03")
    assert (bar.open, bar.high, bar.low, bar.close) == (60000.01, 60000.02, 59999.99, 60000.03)
    assert bar.volume == Decimal("0.00123")
    assert bar.time.isoformat() == "2023-11-14T22:13:20+00:00"
