"""24 hours of symbols, and the touch: what the exchange tells and what a trader reads."""

import msgspec

from steelyard.dialects.kucoin import tickers
from steelyard.dialects.kucoin.messages import AllTickers, Stats
from tests.dialects.kucoin.venue import BTC
from tests.shared.desk import BTC_USDT


def trade(venue, price="50000", size="0.01"):
    venue.place(price=price, size=size)
    venue.place(venue.bob, side="sell", price=price, size=size)


def test_a_day_is_told_with_its_change(venue):
    trade(venue, "50000")
    trade(venue, "49000", "0.03")
    told = venue.public(f"/api/v1/market/stats?symbol={BTC}")
    assert (told["last"], told["changePrice"], told["changeRate"]) == ("49000", "-1000", "-0.02")
    assert (told["high"], told["low"], told["vol"]) == ("50000", "49000", "0.04")
    assert (told["volValue"], told["averagePrice"]) == ("1970", "49250")
    read = tickers.ticker_from_wire(msgspec.convert(told, Stats), BTC_USDT)
    assert (read.open_ticks, read.last_ticks) == (5_000_000, 4_900_000)
    every = venue.public("/api/v1/market/allTickers")
    assert {row["symbol"]: row["last"] for row in every["ticker"]} == {
        BTC: "49000",
        "ETH-USDT": None,
    }


def test_the_touch_is_told_of_one_symbol_and_of_all(venue):
    """A level 1 has the number of the book; the list of all has the sizes of the touch."""
    venue.place(price="49000", size="0.02")
    venue.place(venue.bob, side="sell", price="51000", size="0.03")
    told = venue.public(f"/api/v1/market/orderbook/level1?symbol={BTC}")
    assert (told["bestBid"], told["bestBidSize"]) == ("49000", "0.02")
    assert (told["bestAsk"], told["bestAskSize"]) == ("51000", "0.03")
    book = venue.public(f"/api/v1/market/orderbook/level2_20?symbol={BTC}")
    assert told["sequence"] == book["sequence"]
    every = msgspec.convert(venue.public("/api/v1/market/allTickers"), AllTickers)
    row = next(row for row in every.ticker if row.symbol == BTC)
    read = tickers.row_from_wire(row, BTC_USDT, every.time)
    assert (read.bid_ticks, read.bid_lots) == (4_900_000, 2_000)
    assert (read.ask_ticks, read.ask_lots) == (5_100_000, 3_000)
