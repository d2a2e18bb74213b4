from collections import defaultdict
from itertools import pairwise
from statistics import fmean, median
from time import process_time

import pytest
from pit import OPEN_NS, Pit

from steelyard.domain.messages import MINUTE_NS, SECOND_NS, Candle
from steelyard.exchange.backfill import Worths, history
from steelyard.exchange.crowd import Crowd
from steelyard.exchange.fair import OPENING_E9
from steelyard.exchange.listings import LISTINGS

DAY_NS = 24 * 60 * MINUTE_NS
Series = dict[tuple[int, int], list[Candle]]


def sorted_out(candles: list[Candle]) -> Series:
    """Return candles by (instrument, interval), in their order."""
    series: Series = defaultdict(list)
    for candle in candles:
        series[candle.instrument_id, candle.interval_ns].append(candle)
    return series


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return Crowd(7)


@pytest.fixture(scope="module")
def day(crowd: Crowd) -> list[Candle]:
    return list(crowd.backfill(OPEN_NS - DAY_NS, OPEN_NS))


def test_a_day_is_whole(day: list[Candle]):
    """1,440 minutes and 900 seconds of each instrument, aligned, gapless, all closed."""
    series = sorted_out(day)
    assert list(series) == [(i, ns) for i in range(6) for ns in (MINUTE_NS, SECOND_NS)]
    for (_, interval_ns), candles in series.items():
        assert len(candles) == (1_440 if interval_ns == MINUTE_NS else 900)
        assert candles[0].open_ns % interval_ns == 0
        assert all(b.open_ns - a.open_ns == interval_ns for a, b in pairwise(candles))
        assert candles[-1].open_ns + interval_ns == OPEN_NS
        assert all(candle.is_closed for candle in candles)


def test_candles_are_possible(day: list[Candle]):
    """High and low enclose open and close; what was bought is part of what traded."""
    for c in day:
        assert 0 < c.low_ticks <= min(c.open_ticks, c.close_ticks)
        assert max(c.open_ticks, c.close_ticks) <= c.high_ticks
        assert 0 <= c.taker_buy_lots <= c.volume_lots
        assert 0 <= c.taker_buy_quote_atoms <= c.quote_atoms
        assert (c.trade_count == 0) == (c.volume_lots == 0) == (c.quote_atoms == 0)
        instrument = LISTINGS[c.instrument_id].instrument
        if c.volume_lots:
            mean = c.quote_atoms / (c.volume_lots * instrument.tick_lot_atoms)
            assert c.low_ticks <= mean <= c.high_ticks


@pytest.mark.parametrize("seed", range(40))
def test_no_price_moves_without_a_trade(seed: int):
    """Not even in the last stretch, which has to end where the market opens."""
    now_ns = OPEN_NS + seed * 23 * SECOND_NS // 1_000
    for c in Crowd(seed).backfill(OPEN_NS - 2 * MINUTE_NS, now_ns):
        if not c.trade_count:
            assert c.open_ticks == c.high_ticks == c.low_ticks == c.close_ticks
            assert c.volume_lots == 0


def test_candles_join(day: list[Candle]):
    """Each opens where the last one closed."""
    for candles in sorted_out(day).values():
        assert all(a.close_ticks == b.open_ticks for a, b in pairwise(candles))


def test_the_last_minutes_are_made_of_seconds(day: list[Candle]):
    """Fifteen minutes can be folded from the seconds, to the atom."""
    series = sorted_out(day)
    for i in range(6):
        for candle in series[i, MINUTE_NS][-15:]:
            end_ns = candle.open_ns + MINUTE_NS
            part = [c for c in series[i, SECOND_NS] if candle.open_ns <= c.open_ns < end_ns]
            assert candle.open_ticks == part[0].open_ticks
            assert candle.close_ticks == part[-1].close_ticks
            assert candle.high_ticks == max(c.high_ticks for c in part)
            assert candle.low_ticks == min(c.low_ticks for c in part)
            for field in ("volume_lots", "quote_atoms", "trade_count", "taker_buy_lots"):
                assert getattr(candle, field) == sum(getattr(c, field) for c in part)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_past_ends_in_the_opening_price(seed: int):
    """The last close of every instrument is at its first touch, give or take a tick."""
    pit = Pit(Crowd(seed))
    series = sorted_out(list(pit.market.backfill(OPEN_NS - DAY_NS, OPEN_NS)))
    pit.turn()
    for i in range(6):
        bid, ask = pit.touch(i)
        assert bid - 1 <= series[i, MINUTE_NS][-1].close_ticks <= ask + 1
        assert series[i, MINUTE_NS][-1].close_ticks == series[i, SECOND_NS][-1].close_ticks


def test_the_past_is_lively(day: list[Candle]):
    """Minutes of BTC span 3 to 10 basis points, an hour here and there is twice another."""
    minutes = sorted_out(day)[0, MINUTE_NS]
    spans = [(c.high_ticks - c.low_ticks) / c.close_ticks * 1e4 for c in minutes]
    assert 3 < median(spans) < 10
    assert max(spans) < 150
    hours = [fmean(spans[at : at + 60]) for at in range(0, 1_440, 60)]
    assert max(hours) > 2 * min(hours)
    moves = [b.close_ticks / a.close_ticks - 1 for a, b in pairwise(minutes)]
    mean = fmean(moves)
    together = fmean((a - mean) * (b - mean) for a, b in pairwise(moves))
    assert abs(together) < 0.15 * fmean((m - mean) ** 2 for m in moves)


def test_the_past_keeps_the_ties(day: list[Candle]):
    """At every minute's end ETH-BTC is ETH over BTC, and dollars are dollars."""
    series = sorted_out(day)
    closes = [[c.close_ticks for c in series[i, MINUTE_NS]] for i in range(6)]
    for btc, eth, _, eth_btc, btc_usd, eth_usd in zip(*closes, strict=True):
        assert abs(eth_btc * 1e-5 * btc / eth - 1) < 8e-4
        assert abs(btc_usd / btc - 1) < 16e-4
        assert abs(eth_usd / eth - 1) < 16e-4


@pytest.mark.slow
def test_the_past_is_the_seed(day: list[Candle]):
    """The same seed and span give the same day, other seeds another."""
    assert list(Crowd(7).backfill(OPEN_NS - DAY_NS, OPEN_NS)) == day
    assert list(Crowd(8).backfill(OPEN_NS - DAY_NS, OPEN_NS)) != day


def test_an_unfinished_minute_is_said_to_be(crowd: Crowd):
    """Where now is within a minute and a second, those two are open and end at the same price."""
    now_ns = OPEN_NS + 42 * SECOND_NS + 300_000_000
    series = sorted_out(list(crowd.backfill(now_ns - 3_600 * SECOND_NS, now_ns)))
    for i in range(6):
        minutes, seconds = series[i, MINUTE_NS], series[i, SECOND_NS]
        assert [c.is_closed for c in minutes[-2:]] == [True, False]
        assert [c.is_closed for c in seconds[-2:]] == [True, False]
        assert minutes[-1].open_ns == OPEN_NS
        assert seconds[-1].open_ns == OPEN_NS + 42 * SECOND_NS
        assert minutes[-1].close_ticks == seconds[-1].close_ticks


def test_a_pause_is_joined_at_both_ends():
    """Nothing moves before the start, then the path leads to the end's price."""
    begin = Worths(*OPENING_E9, 0)
    end = Worths(*(worth * 102 // 100 for worth in OPENING_E9), 100_000)
    start_ns = OPEN_NS + 20 * SECOND_NS
    series = sorted_out(
        list(history(LISTINGS, (start_ns, OPEN_NS + 7_200 * SECOND_NS), 5, (begin, end), 0))
    )
    minutes = series[0, MINUTE_NS]
    assert abs(minutes[0].open_ticks - 6_100_000) <= 1
    assert abs(minutes[0].close_ticks / 6_100_000 - 1) < 0.003
    assert abs(minutes[-1].close_ticks - 6_222_000) <= 1
    assert abs(series[4, MINUTE_NS][-1].close_ticks - 6_222_622) <= 1


@pytest.mark.parametrize("length_ns", [1, SECOND_NS - 1, 5 * SECOND_NS, 61 * SECOND_NS])
def test_a_short_span_is_no_trouble(length_ns: int):
    """Spans of a nanosecond, of seconds and of a minute come out whole."""
    worths = Worths(*OPENING_E9, 0)
    start_ns = OPEN_NS + 55 * SECOND_NS
    candles = list(history(LISTINGS, (start_ns, start_ns + length_ns), 5, (worths, worths), 0))
    assert {c.instrument_id for c in candles} == set(range(6))
    assert abs(candles[-1].close_ticks - 265_000) <= 1


def test_no_time_has_no_candles():
    """An empty span yields nothing."""
    worths = Worths(*OPENING_E9, 0)
    assert list(history(LISTINGS, (OPEN_NS, OPEN_NS), 5, (worths, worths), 0)) == []


@pytest.mark.slow
def test_a_day_is_made_quickly(crowd: Crowd):
    """All six days cost far less than the start-up they are part of (150 ms when unloaded)."""
    best_s = 9.0
    for _ in range(5):
        begin_s = process_time()
        count = sum(1 for _ in crowd.backfill(OPEN_NS - DAY_NS, OPEN_NS))
        best_s = min(best_s, process_time() - begin_s)
    assert count == 6 * (1_440 + 900)
    assert best_s < 0.4
