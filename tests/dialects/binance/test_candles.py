from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import candles
from steelyard.dialects.binance.messages import Kline, SymbolsRequest, Ticker24h, TickerRequest
from steelyard.dialects.binance.text import INTERVALS_NS, MONTH_NS
from steelyard.domain.messages import Candle, CandleList, CandlesQuery, Ticker, TickersQuery
from tests.dialects.binance.test_market import trade
from tests.dialects.binance.test_text import LISTINGS

MINUTE_NS = 60_000_000_000
ticks = st.integers(1, 10**9)
count = st.integers(0, 10**9)
atoms = st.integers(0, 10**20)


@st.composite
def any_candle(draw) -> Candle:
    interval_ns = draw(st.sampled_from([*INTERVALS_NS.values()]))
    open_ns = draw(st.integers(0, 20_000)) * 86_400_000_000_000
    return Candle(
        draw(st.sampled_from([0, 1, 2])),
        interval_ns,
        open_ns,
        *(draw(ticks) for _ in range(4)),
        draw(count),
        draw(atoms),
        draw(count),
        draw(count),
        draw(atoms),
        0,
        0,
        is_closed=True,
    )


@given(any_candle())
def test_a_candle_survives_the_answer(candle):
    """But for the ids of its trades, which the answer does not have."""
    wire = msgspec.json.decode(
        msgspec.json.encode(candles.candle_to_wire(candle, LISTINGS)), type=Kline
    )
    instrument = LISTINGS[candle.instrument_id]
    far = 2**62
    assert candles.candle_from_wire(wire, instrument, candle.interval_ns, far) == candle


@st.composite
def any_ticker(draw) -> Ticker:
    def maybe():
        return draw(st.none() | ticks)

    return Ticker(
        draw(st.sampled_from([0, 1, 2])),
        draw(st.integers(1, 10**6)) * 1_000_000,
        draw(st.integers(1, 10**6)) * 1_000_000,
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        draw(count),
        maybe(),
        draw(count),
        draw(atoms),
        *(draw(count) for _ in range(3)),
        maybe(),
        draw(count),
        maybe(),
        draw(count),
    )


@given(any_ticker())
def test_a_ticker_survives_the_answer(ticker):
    """What never traded is zero on the wire and None again behind it."""
    wire = msgspec.json.encode(candles.ticker_to_wire(ticker, LISTINGS))
    decoded = msgspec.json.decode(wire, type=Ticker24h)
    assert candles.ticker_from_wire(decoded, LISTINGS[ticker.instrument_id]) == ticker


def test_the_last_millisecond_of_a_candle():
    """A month is as long as the calendar says."""
    day = datetime(2024, 2, 1, tzinfo=UTC)
    open_ns = int(day.timestamp()) * 1_000_000_000
    march = int(datetime(2024, 3, 1, tzinfo=UTC).timestamp()) * 1_000
    assert candles.close_ms(open_ns, MONTH_NS) == march - 1
    december = int(datetime(2024, 12, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
    january = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1_000
    assert candles.close_ms(december, MONTH_NS) == january - 1
    assert candles.close_ms(0, MINUTE_NS) == 59_999


def test_candles_are_asked_by_interval_and_time(venue):
    trade(venue, "50000")
    venue.desk.tick(60)
    trade(venue, "50100", "0.02")
    _, rows = venue.get("klines", symbol="BTCUSDT", interval="1m")
    assert [len(row) for row in rows] == [12, 12]
    first, second = rows
    assert second[0] - first[0] == 60_000
    assert second[6] == second[0] + 59_999
    assert second[1:6] == [*["50100.00000000"] * 4, "0.02000000"]
    assert (second[7], second[8]) == ("1002.00000000", 1)
    assert venue.get("uiKlines", symbol="BTCUSDT", interval="1m")[1] == rows
    from_second = {"startTime": second[0], "limit": 5}
    assert venue.get("klines", symbol="BTCUSDT", interval="1m", **from_second)[1] == [second]
    answer = venue.ask(CandlesQuery(0, MINUTE_NS, 10)).answer
    assert isinstance(answer, CandleList)
    assert [c.close_ticks for c in answer.candles] == [5_000_000, 5_010_000]
    assert [c.is_closed for c in answer.candles] == [True, False]


def test_a_trader_asks_by_the_days_of_a_time_zone(venue):
    trade(venue, "50000")
    hour_ns = 60 * MINUTE_NS
    (day,) = venue.ask(CandlesQuery(0, 24 * hour_ns, 3, offset_ns=-3 * hour_ns)).answer.candles
    assert (day.open_ns - 3 * hour_ns) % (24 * hour_ns) == 0
    assert day.volume_lots == 1_000


def test_an_unknown_interval_is_refused(venue):
    _, refused = venue.get("klines", symbol="BTCUSDT", interval="7m")
    assert refused["code"] == -1120
    assert refused["msg"].startswith("Invalid interval. ('7m' is none of 1s, 1m,")


def test_candles_open_by_the_days_of_a_time_zone(venue):
    """Their times, and those that are asked for, stay UTC."""
    trade(venue, "50000")
    hour_ms = 3_600_000
    for zone, hours in (("0", 0), ("8", 8), ("-3:30", -3.5)):
        _, (day,) = venue.get("klines", symbol="BTCUSDT", interval="1d", timeZone=zone)
        assert (day[0] + int(hours * hour_ms)) % (24 * hour_ms) == 0
        assert day[6] == day[0] + 24 * hour_ms - 1
        later = venue.get(
            "klines", symbol="BTCUSDT", interval="1d", timeZone=zone, startTime=day[6]
        )
        assert later[1] == []


def test_the_average_price_weighs_by_volume(venue):
    trade(venue, "50000", "0.01")
    trade(venue, "50300", "0.02")
    _, average = venue.get("avgPrice", symbol="BTCUSDT")
    assert (average["mins"], average["price"]) == (5, "50200.00000000")


def test_one_symbol_is_an_object_and_several_are_an_array(venue):
    trade(venue, "50000")
    for path in ("ticker/24hr", "ticker/price", "ticker/bookTicker"):
        _, one = venue.get(path, symbol="BTCUSDT")
        assert one["symbol"] == "BTCUSDT"
        _, some = venue.get(path, symbols='["ETHUSDT","BTCUSDT"]')
        assert [t["symbol"] for t in some] == ["ETHUSDT", "BTCUSDT"]
        _, all_of_them = venue.get(path)
        assert len(all_of_them) == 3
    assert venue.get("ticker/price", symbol="BTCUSDT")[1]["price"] == "50000.00000000"
    assert venue.ask(TickersQuery((0,))).answer.tickers[0].last_ticks == 5_000_000
    assert len(venue.ask(TickersQuery()).answer.tickers) == 3


def test_a_mini_ticker_has_no_book(venue):
    _, mini = venue.get("ticker/24hr", symbol="BTCUSDT", type="MINI")
    assert "bidPrice" not in mini
    assert "quoteVolume" in mini
    _, refused = venue.get("ticker/24hr", symbol="BTCUSDT", type="LIMIT")
    assert refused["code"] == -1139


@pytest.mark.parametrize(
    ("endpoint", "request_", "weight"),
    [
        (candles.TICKER_24H, TickerRequest(symbol="A"), 2),
        (candles.TICKER_24H, TickerRequest(symbols=("A",) * 21), 40),
        (candles.TICKER_24H, TickerRequest(), 80),
        (candles.TICKER_PRICE, SymbolsRequest(symbol="A"), 2),
        (candles.TICKER_BOOK, SymbolsRequest(), 4),
    ],
)
def test_more_symbols_weigh_more(endpoint, request_, weight):
    assert endpoint.weight(request_) == weight
