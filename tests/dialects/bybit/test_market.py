import pytest

from steelyard.dialects.bybit import market, messages
from steelyard.domain.commands import SetMarketState
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import BookSnapshot
from steelyard.domain.order import MarketState, Side
from tests.shared.desk import BTC_USDT


def test_an_instrument_comes_back_with_its_steps_and_limits(venue):
    wire = market.instrument_to_wire(BTC_USDT, MarketState.OPEN)
    answer = market.instruments_from_wire(messages.Instruments(list=(wire,)))
    (found,) = answer.instruments
    for name in ("symbol", "tick_size", "lot_size", "size_max_lots", "notional_min_atoms"):
        assert getattr(found, name) == getattr(BTC_USDT, name), name
    assert answer.states == (MarketState.OPEN,)


def test_a_market_that_is_closed_is_said_to_be(venue):
    venue.exchange.record(SetMarketState(0, MarketState.HALTED), venue.desk.tick())
    rows = venue.public("/v5/market/instruments-info", category="spot")["result"]["list"]
    assert [row["status"] for row in rows] == ["Closed", "Trading"]
    open_ones = venue.public("/v5/market/instruments-info", category="spot", status="Trading")
    assert [row["symbol"] for row in open_ones["result"]["list"]] == ["ETHUSDT"]


def test_instruments_are_chosen_by_symbol_and_coin_and_contracts_are_none(venue):
    def listed(**pairs):
        answer = venue.public("/v5/market/instruments-info", **pairs)
        assert answer["retCode"] == 0, answer
        return [row["symbol"] for row in answer["result"]["list"]]

    assert listed(category="spot") == ["BTCUSDT", "ETHUSDT"]
    assert listed(category="spot", symbol="ETHUSDT") == ["ETHUSDT"]
    assert listed(category="spot", baseCoin="BTC") == ["BTCUSDT"]
    assert listed(category="linear", limit=1000, status="PreLaunch") == []
    assert venue.public("/v5/market/instruments-info", category="x")["retCode"] == 10001
    unknown = venue.public("/v5/market/instruments-info", category="spot", symbol="X")
    assert unknown["retCode"] == 170121


def test_what_no_whole_number_of_ours_holds_is_left_out():
    wire = market.instrument_to_wire(BTC_USDT, MarketState.OPEN)
    wire.priceFilter.tickSize = "0.0000000001"
    assert market.instruments_from_wire(messages.Instruments(list=(wire,))).instruments == ()


def test_the_clock_is_told_in_the_envelope_too(venue):
    answer = venue.public("/v5/market/time")
    assert answer["time"] == venue.desk.now_ns // 1_000_000
    assert int(answer["result"]["timeNano"]) == venue.desk.now_ns
    with pytest.raises(DecodeError):
        market.clock_from_wire(messages.ServerTime("1", "soon"))


def test_a_book_is_as_deep_as_is_asked_for(venue):
    for price in ("49000", "48000"):
        venue.place(price=price)
    venue.place(venue.other_key, side="Sell", price="51000", qty="0.02")
    one = venue.public("/v5/market/orderbook", category="spot", symbol="BTCUSDT")["result"]
    assert (one["b"], one["a"]) == ([["49000.00", "0.01"]], [["51000.00", "0.02"]])
    deep = venue.public("/v5/market/orderbook", category="spot", symbol="BTCUSDT", limit=50)
    assert len(deep["result"]["b"]) == 2
    wire = messages.Orderbook(**deep["result"])
    book = market.book_from_wire(wire, BTC_USDT, 2)
    assert isinstance(book, BookSnapshot)
    assert (book.bids[0], book.is_numbered) == ((4_900_000, 1_000), False)
    assert (book.known_bid_ticks, book.known_ask_ticks) == (4_800_000, None)


def test_trades_are_newest_first_and_by_the_takers_side(venue):
    venue.place(price="50000")
    for _ in range(2):
        venue.place(venue.other_key, side="Sell", price="50000", qty="0.004")
    rows = venue.public("/v5/market/recent-trade", category="spot", symbol="BTCUSDT")["result"]
    assert [(row["execId"], row["side"]) for row in rows["list"]] == [("2", "Sell"), ("1", "Sell")]
    trade = market.trade_from_wire(messages.PublicTrade(**rows["list"][0]), BTC_USDT)
    assert (trade.price_ticks, trade.size_lots, trade.taker_side) == (5_000_000, 400, Side.SELL)
    with pytest.raises(DecodeError, match="side"):
        market.side_of("buy")


def test_a_ticker_has_the_day_and_the_touch(venue):
    venue.place(price="50000")
    venue.place(venue.other_key, side="Sell", price="50000", qty="0.004")
    (row,) = venue.public("/v5/market/tickers", category="spot", symbol="BTCUSDT")["result"]["list"]
    assert (row["lastPrice"], row["bid1Price"], row["ask1Price"]) == ("50000.00", "50000.00", "")
    ticker = market.ticker_from_wire(messages.Ticker(**row), venue.listings, 5)
    assert (ticker.last_ticks, ticker.volume_lots, ticker.ask_ticks) == (5_000_000, 400, None)
    every = venue.public("/v5/market/tickers", category="spot")["result"]["list"]
    assert [each["symbol"] for each in every] == ["BTCUSDT", "ETHUSDT"]
    assert venue.public("/v5/market/tickers", category="linear")["result"]["list"] == []


def test_candles_are_newest_first(venue):
    venue.place(price="50000")
    venue.place(venue.other_key, side="Sell", price="50000", qty="0.004")
    venue.pass_time(60)
    rows = venue.public("/v5/market/kline", category="spot", symbol="BTCUSDT", interval="1")
    starts = [int(row[0]) for row in rows["result"]["list"]]
    assert starts == sorted(starts, reverse=True)
    candle = market.candle_from_wire(tuple(rows["result"]["list"][-1]), BTC_USDT, 60 * 10**9, 0)
    assert (candle.close_ticks, candle.volume_lots) == (5_000_000, 400)
    wrong = venue.public("/v5/market/kline", category="spot", symbol="BTCUSDT", interval="7")
    assert "interval" in wrong["retMsg"]
