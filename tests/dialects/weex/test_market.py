"""Public routes, as a foreign client reads them."""

import pytest

from steelyard.dialects.weex import market, messages
from steelyard.domain.order import MarketState


def test_symbols_say_the_steps_and_the_least_value(venue):
    """The latter in a field of ours."""
    info = venue.public("/api/v3/exchangeInfo")
    assert [each["symbol"] for each in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    (btc,) = venue.public("/api/v3/exchangeInfo", symbol="BTCUSDT")["symbols"]
    assert (btc["tickSize"], btc["stepSize"], btc["status"]) == ("0.01", "0.00001", "TRADING")
    assert btc["enableTrade"]
    assert btc["minOrderValue"] == "5"
    assert venue.public("/api/v3/exchangeInfo", symbol="NOPE")["code"] == -1121
    assert venue.get("/api/v3/apiTradingSymbols") == ["BTCUSDT", "ETHUSDT"]


def test_what_is_not_traded_is_halted_for_us():
    """And steps that our numbers cannot hold are left out."""
    base = {
        name: "0.1" if kind is str else 8 if kind is int else True
        for name, kind in messages.Symbol.__annotations__.items()
    }
    rows = [
        {**base, "symbol": "AUSDT", "baseAsset": "A", "quoteAsset": "USDT", "status": "TRADING"},
        {**base, "symbol": "BUSDT", "baseAsset": "B", "quoteAsset": "USDT", "status": "HALT"},
        {**base, "symbol": "CUSDT", "baseAsset": "C", "quoteAsset": "USDT", "tickSize": "1e-20"},
    ]
    for row in rows:
        row |= {"maxTradeAmount": "1000", "minOrderValue": "0.1"}
    symbols = tuple(messages.Symbol(**row) for row in rows)
    info = messages.ExchangeInfo(timezone="UTC", serverTime=1, symbols=symbols)
    found = market.instruments_from_wire(info)
    assert [each.symbol for each in found.instruments] == ["A-USDT", "B-USDT"]
    assert found.states == (MarketState.OPEN, MarketState.HALTED)


def test_the_clock_ping_and_coins(venue):
    assert venue.public("/api/v3/time")["serverTime"] == venue.desk.now_ns // 1_000_000
    assert venue.public("/api/v3/ping") == {}
    coins = {coin["coin"]: coin for coin in venue.public("/api/v3/coins")}
    assert {"BTC", "ETH", "USDT"} <= set(coins)
    assert coins["BTC"]["networkList"][0]["withdrawEnable"] is False


def test_books_have_two_depths(venue):
    for price in range(49_000, 49_020):
        venue.place(price=str(price), quantity="0.001")
    path = "/api/v3/market/depth"
    assert len(venue.public(path, symbol="BTCUSDT")["bids"]) == 15
    assert len(venue.public(path, symbol="BTCUSDT", limit=200)["bids"]) == 20
    assert venue.public(path, symbol="BTCUSDT", limit=50)["code"] == -1140


def test_tickers_are_lists_and_their_change_a_fraction(venue):
    venue.place(venue.other_key, side="SELL", price="50000")
    venue.place()
    venue.place(venue.other_key, side="SELL", price="49000")
    venue.place(price="49000")
    (ticker,) = venue.public("/api/v3/market/ticker/24hr", symbol="BTCUSDT")
    assert (ticker["priceChange"], ticker["priceChangePercent"]) == ("-1000.00", "-0.02")
    assert (ticker["lastPrice"], ticker["volume"], ticker["count"]) == ("49000.00", "0.02", 2)
    both = venue.public("/api/v3/market/ticker/price")
    assert [each["price"] for each in both] == ["49000.00", "0.00"]
    (touch,) = venue.public("/api/v3/market/ticker/bookTicker", symbol="BTCUSDT")
    assert touch["bidQty"] == "0"


def test_trades_are_newest_first_and_say_who_rested(venue):
    venue.place(venue.other_key, side="SELL")
    venue.place(quantity="0.02")
    venue.place(venue.other_key, side="SELL")
    trades = venue.public("/api/v3/market/trades", symbol="BTCUSDT")
    assert [trade["isBuyerMaker"] for trade in trades] == [True, False]
    assert trades[0]["id"] > trades[1]["id"]
    assert len(venue.public("/api/v3/market/trades", symbol="BTCUSDT", limit=1)) == 1


@pytest.mark.parametrize(("wrong", "code"), [({"interval": "3m"}, -1140), ({}, -1141)])
def test_candles_come_oldest_first(venue, wrong, code):
    venue.place(venue.other_key, side="SELL")
    venue.place()
    venue.pass_time(60)
    path = "/api/v3/market/klines"
    rows = venue.public(path, symbol="BTCUSDT", interval="1m")
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    opened, *prices, volume, closed, value, count, bought, _ = rows[-1 if rows[-1][8] else -2]
    assert closed - opened == 59_999
    assert (prices, volume, value) == (["50000.00"] * 4, "0.01", "500")
    assert (count, bought) == (1, "0.01")
    assert venue.public(path, symbol="BTCUSDT", **wrong)["code"] == code
