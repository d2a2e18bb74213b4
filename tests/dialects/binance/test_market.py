import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import LIMITS, market
from steelyard.dialects.binance.messages import Depth, ExchangeInfo, SymbolsRequest
from steelyard.domain.commands import ListInstrument, SetMarketState
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    BookQuery,
    BookSnapshot,
    Clock,
    ClockQuery,
    InstrumentList,
    InstrumentsQuery,
    Status,
    StatusQuery,
)
from steelyard.domain.order import MarketState, Side
from steelyard.wire.limits import UNLIMITED, Counts, Limit, Per
from steelyard.wire.outcome import Answered
from tests.dialects.binance.test_text import LISTINGS
from tests.dialects.binance.venue import Venue
from tests.shared.desk import BTC_USDT


def trade(venue: Venue, price: str, size: str = "0.01") -> None:
    """Let bob sell to alice."""
    order = {"symbol": "BTCUSDT", "price": price, "quantity": size}
    venue.place(venue.other_key, **order, side="SELL")
    venue.place(**order, side="BUY")


def test_what_exchange_info_says_is_what_the_instruments_are(venue):
    """Every number of every instrument survives the filters and back."""
    outcome = venue.ask(InstrumentsQuery())
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.answer, InstrumentList)
    assert [i.symbol for i in outcome.answer.instruments] == [i.symbol for i in venue.listings]
    for found, ours in zip(outcome.answer.instruments, venue.listings, strict=True):
        for name in (
            "base",
            "quote",
            "lot_atoms",
            "tick_lot_atoms",
            "price_max_ticks",
            "size_min_lots",
            "size_max_lots",
            "notional_min_atoms",
        ):
            assert getattr(found, name) == getattr(ours, name), name


def test_exchange_info_publishes_the_limits_in_force():
    _, info = Venue(LIMITS).get("exchangeInfo")
    assert info["rateLimits"] == [
        {"rateLimitType": kind, "interval": unit, "intervalNum": count, "limit": limit}
        for kind, unit, count, limit in (
            ("REQUEST_WEIGHT", "MINUTE", 1, 6_000),
            ("RAW_REQUESTS", "MINUTE", 5, 300_000),
            ("ORDERS", "SECOND", 10, 100),
            ("ORDERS", "DAY", 1, 200_000),
        )
    ]
    assert Venue(UNLIMITED).get("exchangeInfo")[1]["rateLimits"] == []


def test_a_limit_of_any_window_has_a_spelling():
    """A profile of the user's own may have hours, or less than a second."""
    for window_ns, unit, count in (
        (3_600_000_000_000, "MINUTE", 60),
        (90_000_000_000, "SECOND", 90),
        (1_000, "SECOND", 1),
    ):
        told = market.limit_to_wire(Limit("x", Per.KEY, Counts.REQUESTS, 5, window_ns))
        assert (told.interval, told.intervalNum) == (unit, count)


@pytest.mark.parametrize(
    ("params", "symbols"),
    [
        ({"symbol": "ETHBTC"}, ["ETHBTC"]),
        ({"symbols": '["ETHBTC","BTCUSDT"]'}, ["ETHBTC", "BTCUSDT"]),
        ({"symbolStatus": "HALT"}, []),
        ({"permissions": "SPOT"}, ["BTCUSDT", "ETHUSDT", "ETHBTC"]),
        ({"showPermissionSets": "false"}, ["BTCUSDT", "ETHUSDT", "ETHBTC"]),
    ],
)
def test_exchange_info_may_be_asked_for_some(venue, params, symbols):
    assert [s["symbol"] for s in venue.get("exchangeInfo", **params)[1]["symbols"]] == symbols


def test_exchange_info_is_what_strict_clients_need(venue):
    """hummingbot: SPOT in a permission set; Nautilus: every flag; ccxt: status TRADING."""
    (symbol,) = venue.get("exchangeInfo", symbol="BTCUSDT")[1]["symbols"]
    assert symbol["permissionSets"] == [["SPOT"]]
    assert symbol["orderTypes"] == [
        *("LIMIT", "LIMIT_MAKER", "MARKET"),
        *("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"),
    ]
    assert {rule["filterType"] for rule in symbol["filters"]} == {
        "PRICE_FILTER",
        "LOT_SIZE",
        "ICEBERG_PARTS",
        "MARKET_LOT_SIZE",
        "TRAILING_DELTA",
        "NOTIONAL",
    }
    flags = {name: value for name, value in symbol.items() if isinstance(value, bool)}
    assert {name for name, value in flags.items() if not value} == {
        "opoAllowed",
        "pegInstructionsAllowed",
        "isMarginTradingAllowed",
    }


@pytest.mark.parametrize(
    ("state", "status", "ours"),
    [
        (MarketState.OPEN, "TRADING", [MarketState.OPEN]),
        (MarketState.POST_ONLY, "TRADING", [MarketState.OPEN]),
        (MarketState.CANCEL_ONLY, "CANCEL_ONLY", [MarketState.CANCEL_ONLY]),
        (MarketState.HALTED, "HALT", [MarketState.HALTED]),
        (MarketState.MAINTENANCE, "BREAK", []),
    ],
)
def test_exchange_info_tells_what_a_market_lets_happen(state, status, ours):
    """And our client end reads it; a market that is away is not listed there."""
    venue = Venue()
    listed = venue.exchange.listings.symbol("BTC-USDT")
    venue.exchange.record(SetMarketState(listed.instrument_id, state), venue.desk.tick())
    _, info = venue.get("exchangeInfo")
    assert [s["status"] for s in info["symbols"]] == [status, "TRADING", "TRADING"]
    _, some = venue.get("exchangeInfo", symbolStatus="TRADING")
    assert len(some["symbols"]) == (3 if status == "TRADING" else 2)
    read = market.instruments_from_wire(msgspec.convert(info, ExchangeInfo))
    assert [*read.states] == [*ours, MarketState.OPEN, MarketState.OPEN]


def test_exchange_info_tells_the_rules_that_an_operator_chose():
    """What refuses by a filter's name is published under that name."""
    venue = Venue()
    listed = venue.exchange.listings.symbol("BTC-USDT")
    ruled = msgspec.structs.replace(listed, band_rate_e8=5_000_000, orders_max=3, triggers_max=2)
    venue.exchange.record(ListInstrument(ruled), venue.desk.tick())
    (symbol,) = venue.get("exchangeInfo", symbol="BTCUSDT")[1]["symbols"]
    filters = {rule.pop("filterType"): rule for rule in symbol["filters"]}
    assert filters["PERCENT_PRICE_BY_SIDE"] == {
        "bidMultiplierUp": "1.05000000",
        "bidMultiplierDown": "0.95000000",
        "askMultiplierUp": "1.05000000",
        "askMultiplierDown": "0.95000000",
        "avgPriceMins": 0,
    }
    assert filters["MAX_NUM_ORDERS"] == {"maxNumOrders": 3}
    assert filters["MAX_NUM_ALGO_ORDERS"] == {"maxNumAlgoOrders": 2}


@pytest.mark.parametrize(
    ("permissions", "count"),
    [
        ("SPOT", 3),
        ('["SPOT"]', 3),
        ('["MARGIN","SPOT"]', 3),
        ("MARGIN", 0),
        ('["LEVERAGED", "TRD_GRP_002"]', 0),
    ],
)
def test_exchange_info_shows_the_symbols_of_permissions(venue, permissions, count):
    status, info = venue.get("exchangeInfo", permissions=permissions)
    assert (status, len(info["symbols"])) == (200, count)


@pytest.mark.parametrize("permissions", ["spot", "[SPOT]", '["SPOT"', "[]", '[""]', '[["SPOT"]]'])
def test_permissions_of_another_form_are_refused(venue, permissions):
    assert venue.get("exchangeInfo", permissions=permissions)[1]["code"] == -1100


def test_exchange_info_leaves_out_permission_sets_on_demand(venue):
    def sets(**params):
        return {str(s["permissionSets"]) for s in venue.get("exchangeInfo", **params)[1]["symbols"]}

    assert sets() == sets(showPermissionSets="true") == {"[['SPOT']]"}
    assert sets(showPermissionSets="false") == {"[]"}
    assert (
        venue.get("exchangeInfo", symbols='["ETHBTC","BTCUSDT"]')[1]["symbols"][0]["symbol"]
        == "ETHBTC"
    )


@pytest.mark.parametrize("more", [{"permissions": "SPOT"}, {"symbolStatus": "TRADING"}])
def test_what_chooses_among_all_symbols_does_not_go_with_a_name(venue, more):
    for named in ({"symbol": "BTCUSDT"}, {"symbols": '["BTCUSDT"]'}):
        assert venue.get("exchangeInfo", **named, **more)[1]["code"] == -1128


def test_a_symbol_of_another_status_is_refused_and_among_others_left_out(venue):
    listed = venue.exchange.listings.symbol("BTC-USDT")
    venue.exchange.record(
        SetMarketState(listed.instrument_id, MarketState.HALTED), venue.desk.tick()
    )
    for path in ("depth", "ticker/24hr", "ticker/price", "ticker/bookTicker", "ticker"):
        status, refused = venue.get(path, symbol="BTCUSDT", symbolStatus="TRADING")
        assert (status, refused["code"]) == (400, -1220), path
        assert venue.get(path, symbol="BTCUSDT", symbolStatus="HALT")[0] == 200
    for path in ("ticker/24hr", "ticker/price", "ticker", "ticker/tradingDay"):
        both = '["BTCUSDT","ETHUSDT"]'
        _, found = venue.get(path, symbols=both, symbolStatus="TRADING")
        assert [t["symbol"] for t in found] == ["ETHUSDT"], path
    assert [t["symbol"] for t in venue.get("ticker/price", symbolStatus="HALT")[1]] == ["BTCUSDT"]


def test_no_symbol_has_execution_rules(venue):
    _, every = venue.get("executionRules")
    assert every["symbolRules"][0] == {"symbol": "BTCUSDT", "rules": []}
    assert len(every["symbolRules"]) == 3
    assert len(venue.get("executionRules", symbol="ETHBTC")[1]["symbolRules"]) == 1
    for request, weight in (
        (SymbolsRequest(symbol="A"), 2),
        (SymbolsRequest(symbols=("A",) * 9), 18),
        (SymbolsRequest(symbols=("A",) * 30), 40),
        (SymbolsRequest(symbol="A", symbols=("A",)), 2),
        (SymbolsRequest(), 40),
    ):
        assert market.EXECUTION_RULES.weight(request) == weight
    status, refused = venue.get("executionRules", symbol="BTCUSDT", symbols='["ETHBTC"]')
    assert (status, refused["code"]) == (400, -1128)


@pytest.mark.parametrize("path", ["exchangeInfo", "ticker/24hr", "ticker/price"])
def test_symbol_and_symbols_do_not_go_together(venue, path):
    status, refused = venue.get(path, symbol="BTCUSDT", symbols='["BTCUSDT"]')
    assert (status, refused["code"]) == (400, -1128)


@pytest.mark.parametrize(
    "path", ["exchangeInfo", "depth", "trades", "aggTrades", "avgPrice", "ticker/24hr"]
)
def test_an_unknown_symbol_is_told_the_known_ones(venue, path):
    status, refused = venue.get(path, symbol="FOOBAR")
    assert (status, refused["code"]) == (400, -1121)
    assert refused["msg"].startswith("Invalid symbol. ('FOOBAR' is not listed here; there are BTC")


def test_an_instrument_that_our_numbers_cannot_hold_is_left_out():
    info = market.ExchangeInfo(
        serverTime=0,
        symbols=tuple(
            market.SymbolInfo(
                symbol=f"X{n}USDT",
                status=status,
                baseAsset=f"X{n}",
                quoteAsset="USDT",
                filters=(
                    market.Filter(filterType="PRICE_FILTER", maxPrice="9", tickSize=tick),
                    market.Filter(filterType="LOT_SIZE", minQty="0.3", maxQty="9", stepSize="0.1"),
                ),
            )
            for n, (status, tick) in enumerate(
                [("TRADING", "0.1"), ("BREAK", "0.1"), ("TRADING", "0.00000000")]
            )
        ),
    )
    (found,) = market.instruments_from_wire(info).instruments
    assert (found.symbol, found.size_min_lots, found.notional_min_atoms) == ("X0-USDT", 3, 0)


def test_an_instrument_without_its_filters_is_an_error():
    symbol = market.SymbolInfo(symbol="AB", status="TRADING", baseAsset="A", quoteAsset="B")
    with pytest.raises(DecodeError, match="no PRICE_FILTER"):
        market.instruments_from_wire(market.ExchangeInfo(serverTime=0, symbols=(symbol,)))


def test_a_book_comes_back_in_ticks_and_lots(venue):
    venue.place(price="49000")
    venue.place(price="49000", quantity="0.5")
    venue.place(venue.other_key, side="SELL", price="51000")
    _, depth = venue.get("depth", symbol="BTCUSDT")
    assert depth["bids"] == [["49000.00000000", "0.51000000"]]
    assert depth["asks"] == [["51000.00000000", "0.01000000"]]
    answer = venue.ask(BookQuery(0, 10)).answer
    assert isinstance(answer, BookSnapshot)
    assert answer.sequence == depth["lastUpdateId"]
    assert (answer.bids, answer.asks) == (((4_900_000, 51_000),), ((5_100_000, 1_000),))


@pytest.mark.parametrize(("limit", "weight"), [(100, 5), (101, 25), (1000, 50), (5000, 250)])
def test_a_deeper_book_weighs_more(limit, weight):
    assert market.DEPTH.weight(market.DepthRequest(symbol="BTCUSDT", limit=limit)) == weight


def test_time_and_status(venue):
    assert venue.get("ping") == (200, {})
    clock = venue.ask(ClockQuery()).answer
    assert isinstance(clock, Clock)
    assert 0 <= venue.desk.now_ns - clock.time_ns < 1_000_000
    status = venue.ask(StatusQuery()).answer
    assert isinstance(status, Status)
    assert status.trading


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.sampled_from([*LISTINGS]))
def test_levels_come_back(ticks, lots, instrument: Instrument):
    wire = market.levels_to_wire(instrument, [(ticks, lots)])
    for side in Side:
        assert market.levels_from_wire(instrument, side, wire) == (((ticks, lots),), ())


def test_levels_off_the_tick_are_shown_away_from_the_touch():
    """Bids at the tick below, asks at the one above, sizes in whole lots; each keeps its price."""
    wire = [("50000.01500000", "0.00001999"), ("50000.02", "0.5"), ("49999.999", "0.00000000")]
    whole = ((5_000_002, 50_000),)
    below = ((5_000_001_500_000, 5_000_001, 1), (4_999_999_900_000, 4_999_999, 0))
    above = ((5_000_001_500_000, 5_000_002, 1), (4_999_999_900_000, 5_000_000, 0))
    assert market.levels_from_wire(BTC_USDT, Side.BUY, wire) == (whole, below)
    assert market.levels_from_wire(BTC_USDT, Side.SELL, wire) == (whole, above)
    for price in ("-0.001", "1.000000001", "1e5", ""):
        with pytest.raises(DecodeError):
            market.levels_from_wire(BTC_USDT, Side.BUY, [(price, "1")])


def test_a_book_says_how_deep_it_is_known():
    """A side with as many levels as were asked for goes on; one with fewer is all there is."""
    bids, asks = (("10", "1"), ("9", "1"), ("8.995", "1")), (("11", "1"), ("12", "1"))
    wire = Depth(lastUpdateId=7, bids=bids, asks=asks)
    book = market.book_from_wire(wire, BTC_USDT, 3, 0)
    assert (book.known_bid_ticks, book.known_ask_ticks) == (899, None)
    book = market.book_from_wire(wire, BTC_USDT, 2, 0)
    assert (book.known_bid_ticks, book.known_ask_ticks) == (899, 1200)


def test_an_unknown_route_and_method_are_refused(venue):
    status, refused = venue.get("nothing")
    assert (status, refused["code"]) == (404, -1020)
    status, refused = venue.call("POST", "depth")
    assert (status, refused["code"]) == (405, -1020)
