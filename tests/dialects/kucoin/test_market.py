"""Symbols, books, trades and candles: what the exchange tells and what a trader reads."""

from decimal import Decimal

import msgspec
import pytest

from steelyard.dialects.kucoin import market
from steelyard.dialects.kucoin.messages import Book, Candle, PublicTrade, Symbol
from steelyard.domain.order import MarketState, Side
from tests.dialects.kucoin import recorded
from tests.dialects.kucoin.venue import BTC
from tests.shared.desk import BTC_USDT


def converted(told, kind):
    return msgspec.convert(told, kind)


def trade(venue, price="50000", size="0.01"):
    venue.place(price=price, size=size)
    venue.place(venue.bob, side="sell", price=price, size=size)


def test_a_symbol_says_what_the_instrument_says(venue):
    told = venue.public("/api/v2/symbols")
    assert told == venue.public("/api/v1/symbols") == venue.public("/api/v2/symbols?market=USDS")
    assert venue.public("/api/v2/symbols?market=BTC") == []
    assert venue.public(f"/api/v2/symbols/{BTC}") == told[0]
    read = market.instruments_from_wire(converted(told, tuple[Symbol, ...]))
    first = read.instruments[0]
    for name in ("symbol", "tick_size", "lot_size", "size_min_lots", "size_max_lots"):
        assert getattr(first, name) == getattr(BTC_USDT, name), name
    assert first.notional_min_atoms == BTC_USDT.notional_min_atoms
    assert read.states == (MarketState.OPEN,) * 2
    assert [c["currency"] for c in venue.public("/api/v3/currencies")] == ["BTC", "USDT", "ETH"]
    assert venue.public("/api/v3/currencies/BTC")["chains"][0]["chainName"] == "BTC"
    assert venue.public("/api/v1/markets") == ["USDS"]
    assert venue.public("/api/v1/contracts/active") == []


def test_symbols_that_our_numbers_cannot_hold_are_left_out(venue):
    """Of a coin that was renamed the symbol keeps the old name."""
    symbol = converted(venue.public(f"/api/v2/symbols/{BTC}"), Symbol)
    wrong = [
        msgspec.structs.replace(symbol, **change)
        for change in (
            {"priceIncrement": "0.0000000001"},
            {"priceIncrement": "x"},
            {"priceIncrement": "0"},
        )
    ]
    off = msgspec.structs.replace(symbol, enableTrading=False)
    old = msgspec.structs.replace(symbol, symbol="OLD-USDT")
    read = market.instruments_from_wire([*wrong, off, old])
    assert [i.symbol for i in read.instruments] == [BTC, "OLD-USDT"]
    assert read.states == (MarketState.HALTED, MarketState.OPEN)


def test_the_clock_and_the_status_are_told(venue):
    assert venue.public("/api/v1/timestamp") == venue.desk.now_ns // 10**6
    assert venue.public("/api/v1/status")["status"] == "open"


def test_a_book_has_the_number_of_the_stream(venue):
    venue.place(price="49000", size="0.5")
    venue.place(venue.bob, side="sell", price="51000", size="0.25")
    books = [
        venue.public(f"/api/v1/market/orderbook/level2_{depth}?symbol={BTC}") for depth in (20, 100)
    ]
    books.append(venue.get(f"/api/v3/market/orderbook/level2?symbol={BTC}"))
    for told in books:
        assert (told["bids"], told["asks"]) == ([["49000", "0.5"]], [["51000", "0.25"]])
        read = market.book_from_wire(converted(told, Book), BTC_USDT)
        assert (read.bids, read.asks) == (((4_900_000, 50_000),), ((5_100_000, 25_000),))
        assert read.sequence == 2
        assert read.is_numbered
    touch = venue.public(f"/api/v1/market/orderbook/level1?symbol={BTC}")
    assert (touch["bestBid"], touch["bestAskSize"], touch["price"]) == ("49000", "0.25", None)


def test_trades_have_the_side_of_their_taker(venue):
    trade(venue)
    (told,) = venue.public(f"/api/v1/market/histories?symbol={BTC}")
    assert (told["side"], told["price"], told["size"]) == ("sell", "50000", "0.01")
    read = market.trade_from_wire(converted(told, PublicTrade), BTC_USDT)
    assert (read.taker_side, read.price_ticks, read.size_lots) == (Side.SELL, 5_000_000, 1_000)


def test_candles_stand_in_the_venues_order_newest_first(venue):
    for price in ("50000", "50300", "49900", "50100"):
        trade(venue, price)
    venue.pass_time(120)
    trade(venue, "51000")
    newest, *_, oldest = rows = venue.public(f"/api/v1/market/candles?symbol={BTC}&type=1min")
    assert oldest[1:6] == ["50000", "50100", "50300", "49900", "0.04"]
    assert newest[1:3] == ["51000", "51000"]
    assert all(int(row[5].replace(".", "")) for row in rows), "none without trades"
    read = market.candle_from_wire(converted(oldest, Candle), BTC_USDT, 60 * 10**9, 2**62)
    ticks = (read.open_ticks, read.close_ticks, read.high_ticks, read.low_ticks)
    assert ticks == (5_000_000, 5_010_000, 5_030_000, 4_990_000)
    assert read.is_closed
    until = f"&startAt={oldest[0]}&endAt={newest[0]}"
    told = venue.public(f"/api/v1/market/candles?symbol={BTC}&type=1min{until}")
    assert told == rows[1:]
    assert venue.public(f"/api/v1/market/candles?symbol={BTC}&type=1week&startAt=0")
    for name in market.INTERVALS_NS:
        assert venue.public(f"/api/v1/market/candles?symbol={BTC}&type={name}")


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("market/stats?symbol=X-Y", "900001"),
        ("market/stats", "400100"),
        (f"market/candles?symbol={BTC}&type=7min", "400100"),
        ("nothing", "404000"),
    ],
)
def test_what_there_is_not_is_said_in_the_venues_codes(venue, target, code):
    assert venue.refused("GET", f"/api/v1/{target}")[1] == code


def test_what_the_venue_really_listed_is_read(shared_data):
    """All 634 symbols and nine books of 2021; left out is what costs less than an atom a step."""
    symbols, listings = recorded.symbols_of(shared_data), recorded.listings_of(shared_data)
    fine = [
        symbol.symbol
        for symbol in symbols
        if Decimal(symbol.priceIncrement) * Decimal(symbol.baseIncrement) < Decimal("1e-12")
    ]
    assert [s.symbol for s in symbols if listings.find(s.symbol) is None] == fine
    assert len(listings) == 634 - len(fine) > 500
    books = recorded.books_of(shared_data)
    assert len(books) >= 9
    for symbol, told in books.items():
        instrument = listings.find(symbol)
        if instrument is not None:
            read = market.book_from_wire(told, instrument)
            assert read.bids[0][0] < read.asks[0][0]
            assert read.sequence == int(told.sequence)
