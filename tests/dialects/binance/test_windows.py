import pytest

from steelyard.dialects.binance import windows
from steelyard.dialects.binance.market_messages import WindowRequest
from tests.dialects.binance.test_market import trade
from tests.dialects.binance.venue import Venue

MINUTE_MS = 60_000
DAY_MS = 1_440 * MINUTE_MS


def now_ms(venue: Venue) -> int:
    return venue.desk.now_ns // 1_000_000


@pytest.mark.parametrize(
    ("size", "minutes"), [("1m", 1), ("59m", 59), ("4h", 240), ("23h", 1_380), ("7d", 10_080)]
)
def test_a_window_begins_on_a_whole_minute_and_ends_now(venue, size, minutes):
    trade(venue, "50000")
    _, window = venue.get("ticker", symbol="BTCUSDT", windowSize=size)
    assert window["closeTime"] == now_ms(venue)
    assert window["openTime"] % MINUTE_MS == 0
    assert 0 <= window["closeTime"] - window["openTime"] - minutes * MINUTE_MS < MINUTE_MS


def test_a_window_tells_of_what_was_in_it(venue):
    trade(venue, "50000")
    venue.desk.tick(600)
    trade(venue, "50100", "0.02")
    trade(venue, "50050", "0.01")
    _, short = venue.get("ticker", symbol="BTCUSDT", windowSize="5m")
    prices = [short[f"{which}Price"] for which in ("open", "high", "last")]
    assert prices == ["50000.00000000", "50100.00000000", "50050.00000000"]
    assert (short["volume"], short["count"]) == ("0.03000000", 2)
    _, long = venue.get("ticker", symbol="BTCUSDT")
    assert (long["volume"], long["count"], long["openPrice"]) == ("0.04000000", 3, "50000.00000000")
    assert long["priceChange"] == "50.00000000"
    assert not {"bidPrice", "lastQty", "prevClosePrice"} & long.keys()


def test_one_symbol_is_an_object_several_are_an_array_and_none_is_refused(venue):
    for path in ("ticker", "ticker/tradingDay"):
        assert venue.get(path, symbol="BTCUSDT")[1]["symbol"] == "BTCUSDT"
        _, some = venue.get(path, symbols='["ETHUSDT","BTCUSDT"]', type="MINI")
        assert [t["symbol"] for t in some] == ["ETHUSDT", "BTCUSDT"]
        assert "priceChange" not in some[0]
        assert venue.get(path)[1]["code"] == -1102
        assert venue.get(path, symbol="BTCUSDT", type="LIMIT")[1]["code"] == -1139


@pytest.mark.parametrize("size", ["0m", "60m", "24h", "8d", "1d2h", "1w", "-1m", "m"])
def test_a_window_of_another_size_is_refused(venue, size):
    assert venue.get("ticker", symbol="BTCUSDT", windowSize=size)[1]["code"] == -1100


@pytest.mark.parametrize(
    ("zone", "minutes"), [("0", 0), ("8", 480), ("-1:00", -60), ("05:45", 345)]
)
def test_a_trading_day_is_that_of_its_time_zone(venue, zone, minutes):
    _, day = venue.get("ticker/tradingDay", symbol="BTCUSDT", timeZone=zone)
    assert (day["openTime"] + minutes * MINUTE_MS) % DAY_MS == 0
    assert day["openTime"] <= now_ms(venue) <= day["closeTime"]
    assert day["closeTime"] == day["openTime"] + DAY_MS - 1


@pytest.mark.parametrize("zone", ["14:01", "-12:01", "15", "1:60", "x", "08:0"])
def test_a_time_zone_that_there_is_not_is_refused(venue, zone):
    for path, more in (("ticker/tradingDay", {}), ("klines", {"interval": "1d"})):
        status, refused = venue.get(path, symbol="BTCUSDT", timeZone=zone, **more)
        assert (status, refused["code"]) == (400, -1130)


def test_the_average_is_the_same_in_an_answer_and_on_its_stream(venue):
    """Weighted by volume over five minutes, with the time of the last trade."""
    line = venue.open("/ws/btcusdt@avgPrice")
    trade(venue, "50000", "0.01")
    trade(venue, "50300", "0.02")
    traded_ms = now_ms(venue)
    venue.wait(2)
    told = venue.heard(line)[-1]
    _, average = venue.get("avgPrice", symbol="BTCUSDT")
    assert average == {"mins": 5, "price": "50200.00000000", "closeTime": traded_ms}
    assert (told["i"], told["w"], told["T"]) == ("5m", average["price"], traded_ms)
    venue.desk.tick(600)
    assert venue.get("avgPrice", symbol="BTCUSDT")[1]["price"] == "50300.00000000"


def test_no_symbol_has_a_reference_price(venue):
    """The venue's own word for that."""
    for path in ("referencePrice", "referencePrice/calculation"):
        status, refused = venue.get(path, symbol="BTCUSDT")
        assert (status, refused["code"]) == (400, -2043)
        assert refused["msg"].startswith("This symbol doesn't have a reference price.")
        assert venue.get(path, symbol="NOPE")[1]["code"] == -1121
    refused = venue.get("referencePrice/calculation", symbol="BTCUSDT", symbolStatus="HALT")[1]
    assert refused["code"] == -1220


@pytest.mark.parametrize(("symbols", "weight"), [(None, 4), (1, 4), (2, 8), (50, 200), (60, 200)])
def test_a_window_weighs_by_its_symbols(symbols, weight):
    named = None if symbols is None else ("A",) * symbols
    assert (
        windows.TICKER.weight(WindowRequest(symbol="A" if named is None else None, symbols=named))
        == weight
    )
