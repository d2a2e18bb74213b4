"""Products, books, trades, candles and tickers, as a foreign client reads them."""

import pytest

from steelyard.dialects.coinbase_exchange import market
from steelyard.dialects.coinbase_exchange.messages import Product
from steelyard.domain.commands import SetMarketState
from steelyard.domain.messages import Candle
from steelyard.domain.order import MarketState
from tests.shared.desk import BTC_USDT


def test_a_product_says_what_the_instrument_says(venue):
    product = venue.public("/products/BTC-USDT")
    assert product in venue.public("/products")
    assert (product["quote_increment"], product["base_increment"]) == ("0.01", "0.00001")
    assert (product["min_market_funds"], product["status"]) == ("5", "online")
    assert (product["base_min_size"], product["base_max_size"]) == ("0.00001", "9000")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (MarketState.POST_ONLY, {"post_only": True, "trading_disabled": False}),
        (MarketState.CANCEL_ONLY, {"cancel_only": True, "status": "online"}),
        (MarketState.HALTED, {"trading_disabled": True, "status": "online"}),
        (MarketState.MAINTENANCE, {"trading_disabled": True, "status": "offline"}),
    ],
)
def test_what_a_market_lets_happen_comes_through(venue, state, told):
    venue.exchange.record(SetMarketState(0, state), venue.desk.tick())
    product = venue.public("/products/BTC-USDT")
    assert {name: product[name] for name in told} == told
    assert market.product_state(Product(**product)) is state


def test_products_that_are_gone_or_too_fine_are_left_out():
    whole = {
        "id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD",
        "quote_increment": "0.01", "base_increment": "0.00000001", "min_market_funds": "1",
    }  # fmt: skip
    products = [
        Product(**{**whole, "status": "delisted"}),
        Product(**{**whole, "quote_increment": "0.0000000001"}),
        Product(**{**whole, "quote_increment": "x"}),
        Product(**whole),
    ]
    found = market.instruments_from_wire(products)
    assert [i.symbol for i in found.instruments] == ["BTC-USD"]
    assert found.states == (MarketState.OPEN,)


def test_an_unknown_product_is_not_found(venue):
    for what in ("", "/ticker", "/book", "/trades", "/candles", "/stats"):
        status, answer = venue.call("GET", f"/products/X-Y{what}")
        assert (status, answer["message"]) == (404, "NotFound")


def test_a_book_has_levels_with_counts_and_orders_with_ids(venue):
    one, other = venue.place(size="0.01"), venue.place(size="0.02")
    venue.place(venue.other_key, side="sell", price="50001")
    level2 = venue.public("/products/BTC-USDT/book?level=2")
    assert level2["bids"] == [["50000.00", "0.03", 2]]
    level3 = venue.public("/products/BTC-USDT/book?level=3")
    assert level3["bids"] == [["50000.00", "0.01", one["id"]], ["50000.00", "0.02", other["id"]]]
    assert level2["sequence"] == level3["sequence"] > 0
    venue.place(price="49999")
    assert len(venue.public("/products/BTC-USDT/book")["bids"]) == 1
    assert venue.call("GET", "/products/BTC-USDT/book?level=4")[0] == 400


def test_trades_are_newest_first_with_the_makers_side(venue):
    for _ in range(3):
        venue.place(venue.other_key, side="sell")
        venue.place()
    trades = venue.public("/products/BTC-USDT/trades")
    assert [t["trade_id"] for t in trades] == sorted((t["trade_id"] for t in trades), reverse=True)
    assert {t["side"] for t in trades} == {"sell"}
    page = venue.answer("GET", "/products/BTC-USDT/trades?limit=1")
    assert page.headers["cb-after"] == page.headers["cb-before"] == str(trades[0]["trade_id"])
    target = f"/products/BTC-USDT/trades?after={trades[0]['trade_id']}"
    assert venue.public(target) == trades[1:]


def test_candles_are_numbers_and_those_without_trades_are_left_out(venue):
    venue.place(venue.other_key, side="sell")
    venue.place()
    venue.desk.tick(300)
    venue.place(venue.other_key, side="sell", price="50010", size="0.02")
    venue.place(price="50010", size="0.02")
    rows = venue.public("/products/BTC-USDT/candles?granularity=60")
    assert len(rows) == 2
    time, *prices, volume = rows[0]
    assert time % 60 == 0
    assert (prices, volume) == ([50010, 50010, 50010, 50010], 0.02)
    raw = venue.answer("GET", "/products/BTC-USDT/candles?granularity=60").body
    assert b"50010.00,50010.00,50010.00,50010.00,0.02]" in raw
    early, late = rows[1][0], rows[0][0]
    assert venue.public(f"/products/BTC-USDT/candles?start={early}&end={late - 60}") == rows[1:]


def test_too_many_candles_are_refused(venue):
    target = "/products/BTC-USDT/candles?granularity=60&start=2023-11-01&end=2023-11-02"
    status, answer = venue.call("GET", target)
    assert status == 400
    assert "granularity too small" in answer["message"]
    assert venue.call("GET", "/products/BTC-USDT/candles?granularity=61")[0] == 400


def test_a_candle_is_read_with_all_its_digits():
    candle = Candle(0, 60, 0, 1, 4, 1, 3, 12_345, 0, 1, 0, 0, 0, 0, is_closed=True)
    _, low, high, opened, closed, volume = market.candle_to_wire(candle, BTC_USDT)
    texts = [bytes(raw) for raw in (low, high, opened, closed, volume)]
    assert texts == [b"0.01", b"0.04", b"0.01", b"0.03", b"0.12345"]


def test_tickers_stats_and_volumes_are_of_what_traded(venue):
    venue.place(venue.other_key, side="sell", size="0.5")
    venue.place(size="0.2")
    venue.place(price="49990")
    ticker = venue.public("/products/BTC-USDT/ticker")
    told = [ticker[name] for name in ("price", "size", "bid", "ask", "volume")]
    assert told == ["50000.00", "0.2", "49990.00", "50000.00", "0.2"]
    stats = venue.public("/products/BTC-USDT/stats")
    assert [stats[name] for name in ("open", "last", "volume", "volume_30day")] == [
        *("50000.00", "50000.00", "0.2", "0.2")
    ]
    volumes = {v["id"]: v["spot_volume_24hour"] for v in venue.public("/products/volume-summary")}
    assert volumes["BTC-USDT"] == "0.2"
    assert set(venue.public("/products/spark-lines")) == {"BTC-USDT", "ETH-USDT"}


def test_currencies_and_the_clock_are_told(venue):
    assert {c["id"] for c in venue.public("/currencies")} == {"BTC", "ETH", "USDT"}
    assert venue.public("/currencies/BTC")["name"] == "Bitcoin"
    assert venue.call("GET", "/currencies/DOGE")[0] == 404
    time = venue.public("/time")
    assert time["iso"].endswith("Z")
    assert abs(time["epoch"] - venue.desk.now_ns / 10**9) < 1
