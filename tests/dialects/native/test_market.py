import pytest
from msgspec.structs import replace

from steelyard.dialects.native import market, messages
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.messages import (
    MINUTE_NS,
    BookDelta,
    BookSnapshot,
    Candle,
    InstrumentList,
    Ticker,
    Touch,
    Trade,
)
from steelyard.domain.order import MarketState, RejectReason, Side
from steelyard.wire.dialect import Asker
from steelyard.wire.limits import UNLIMITED
from tests.dialects.native.venue import ETH_BTC, Venue, code
from tests.shared.desk import BTC_USDT

MS = 1_000_000


def asker(venue: Venue) -> Asker:
    return Asker(0, "", venue.desk.now_ns, venue.listings, UNLIMITED)


def test_instruments_come_back_with_their_steps_and_limits(venue):
    """A trader's listings have the same whole numbers as the exchange's."""
    wire = market.instruments_to_wire(InstrumentList((BTC_USDT, ETH_BTC)), None, asker(venue))
    assert wire.instruments[0].tick_size == "0.01"
    assert wire.instruments[1].lot_size == "0.001"
    for ours, theirs in zip(
        (BTC_USDT, ETH_BTC), market.instruments_from_wire(wire).instruments, strict=True
    ):
        same = {"instrument_id", "base_asset_id", "quote_asset_id"}
        names = set(ours.__struct_fields__) - same
        assert {n: getattr(ours, n) for n in names} == {n: getattr(theirs, n) for n in names}


def test_what_a_market_lets_happen_comes_along(venue):
    """Its state and the limits that it has; what it has not is null."""
    limited = replace(
        BTC_USDT,
        notional_max_atoms=5_000_000 * 10**12,
        band_rate_e8=5_000_000,
        orders_max=200,
        triggers_max=5,
    )
    halted = InstrumentList((limited, ETH_BTC), (MarketState.HALTED, MarketState.OPEN))
    wire = market.instruments_to_wire(halted, None, asker(venue))
    told = [
        (i.state, i.notional_max, i.price_band, i.orders_max, i.triggers_max)
        for i in wire.instruments
    ]
    assert told == [("halted", "5000000", "0.05", 200, 5), ("open", None, None, None, None)]
    read = market.instruments_from_wire(wire)
    assert read.states == halted.states
    for name in ("notional_max_atoms", "band_rate_e8", "orders_max", "triggers_max"):
        assert getattr(read.instruments[0], name) == getattr(limited, name)
    status, answer = venue.get("/api/v1/instruments")
    assert (status, {i["state"] for i in answer["instruments"]}) == (200, {"open"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tick_size", "0"),
        ("lot_size", "0"),
        ("tick_size", "0.0000000000000000001"),
        ("lot_size", "0.0000000000000000001"),
        ("tick_size", "9" * 80),
        ("lot_size", "9" * 80),
        ("price_max", "9" * 80),
        ("size_max", "9" * 80),
        ("size_min", "0.0000001"),
        ("notional_min", "0.0000000000001"),
        ("notional_max", "0.0000000000001"),
        ("notional_max", "-1"),
        ("price_band", "1.1"),
        ("price_band", "0.000000001"),
        ("orders_max", -1),
        ("triggers_max", -1),
    ],
)
def test_instruments_that_cannot_be_are_not_read(venue, field, value):
    """Steps that break exact arithmetic are a DecodeError, whoever sends them."""
    good = market.instruments_to_wire(InstrumentList((BTC_USDT,)), None, asker(venue))
    fields = {n: getattr(good.instruments[0], n) for n in messages.Instrument.__struct_fields__}
    wire = messages.InstrumentList((messages.Instrument(**{**fields, field: value}),))
    with pytest.raises(DecodeError):
        market.instruments_from_wire(wire)


def test_books_come_back_as_they_went(venue):
    """Snapshot, delta and touch keep sequence, ticks and lots; bids stay bids."""
    snapshot = BookSnapshot(0, 9, ((6_100_010, 5), (6_100_000, 7)), ((6_100_011, 1),), MS)
    wire = market.book_to_wire(snapshot, None, asker(venue))
    assert wire.bids == (("61000.10", "0.00005"), ("61000.00", "0.00007"))
    assert market.book_from_wire(wire, venue.listings) == snapshot
    push = market.snapshot_to_wire(snapshot, BTC_USDT)
    assert market.book_from_wire(push, venue.listings) == snapshot
    delta = BookDelta(1, 10, 12, ((1_000, 0),), ((1_001, 4),), 2 * MS)
    push = market.delta_to_wire(delta, ETH_BTC)
    assert push.bids == (("0.05000", "0"),)
    assert market.delta_from_wire(push, venue.listings) == delta
    assert market.touch_of(snapshot) == Touch(0, 9, 6_100_010, 5, 6_100_011, 1, MS)


@pytest.mark.parametrize("touch", [(10, 5, 12, 6), (0, 0, 12, 6), (10, 5, 0, 0), (0, 0, 0, 0)])
def test_an_empty_side_has_no_price(venue, touch):
    """It is null on the wire and nothing inside."""
    event = Touch(0, 9, *touch, MS)
    push = market.touch_to_wire(event, BTC_USDT)
    assert (push.bid is None, push.ask is None) == (touch[1] == 0, touch[3] == 0)
    assert market.touch_from_wire(push, venue.listings) == event


def test_trades_come_back_as_they_went(venue):
    """The taker's side is told, not the maker's."""
    trade = Trade(0, 77, 6_100_010, 20_000, Side.SELL, MS)
    push = market.trade_push(trade, BTC_USDT)
    assert (push.taker_side, push.price, push.size) == ("sell", "61000.10", "0.2")
    assert market.trade_from_wire(push, venue.listings) == trade


def candle(**changes) -> Candle:
    values = {
        "instrument_id": 0,
        "interval_ns": MINUTE_NS,
        "open_ns": MINUTE_NS,
        "open_ticks": 10,
        "high_ticks": 13,
        "low_ticks": 9,
        "close_ticks": 12,
        "volume_lots": 10**12,
        "quote_atoms": 123,
        "trade_count": 4,
        "taker_buy_lots": 0,
        "taker_buy_quote_atoms": 0,
        "first_trade_id": 0,
        "last_trade_id": 0,
        "is_closed": True,
    }
    return Candle(**{**values, **changes})


@pytest.mark.parametrize("interval_ns", market.INTERVAL_NAMES)
def test_candles_come_back_as_they_went(venue, interval_ns):
    """All but the taker's part and the trade ids, which are not on the wire."""
    push = market.candle_push(candle(interval_ns=interval_ns), BTC_USDT)
    assert (push.open, push.high, push.low, push.close) == ("0.10", "0.13", "0.09", "0.12")
    assert market.candle_from_wire(push, venue.listings) == candle(interval_ns=interval_ns)


def test_tickers_come_back_as_they_went(venue):
    """Where nothing traded or rests there is null, and None."""
    full = Ticker(
        instrument_id=0,
        time_ns=market.DAY_NS + MS,
        open_ns=MS,
        open_ticks=100,
        high_ticks=140,
        low_ticks=90,
        last_ticks=110,
        last_lots=0,
        previous_close_ticks=None,
        volume_lots=5,
        quote_atoms=6,
        trade_count=7,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=109,
        bid_lots=1,
        ask_ticks=111,
        ask_lots=2,
    )
    push = market.ticker_push(full, BTC_USDT)
    assert (push.change_percent, push.bid, push.ask) == ("10.00", "1.09", "1.11")
    assert market.ticker_from_wire(push, venue.listings) == full
    _, answer = venue.get("/api/v1/ticker?symbol=ETH-BTC")
    empty = answer["tickers"][0]
    assert (empty["last"], empty["bid"], empty["change_percent"]) == (None, None, None)
    assert market.ticker_from_wire(messages.Ticker(**empty), venue.listings).last_ticks is None


def test_one_ticker_or_all_in_one_call(venue):
    """Without a symbol the answer has every instrument (A28)."""
    assert len(venue.get("/api/v1/ticker")[1]["tickers"]) == 2
    assert len(venue.get("/api/v1/ticker?symbol=BTC/USDT")[1]["tickers"]) == 1


def test_an_unknown_symbol_is_named_with_the_known_ones(venue):
    """On every route, by its own code."""
    for target in ("book", "trades", "candles", "ticker"):
        status, answer = venue.get(f"/api/v1/{target}?symbol=DOGE-USDT")
        assert (status, code(answer)) == (400, "UNKNOWN_INSTRUMENT")
        assert answer["error"]["field"] == "symbol"
        assert "BTC-USDT" in answer["error"]["message"]
    with pytest.raises(UnitError) as caught:
        market.instrument_of("X", venue.listings)
    assert caught.value.reason is RejectReason.UNKNOWN_INSTRUMENT


def test_a_peer_that_speaks_of_something_else_is_not_understood(venue):
    """A client reads only what it lists."""
    with pytest.raises(DecodeError, match="not listed here"):
        market.listed("DOGE-USDT", venue.listings)
    with pytest.raises(Unsupported, match="no candles of 7 ns"):
        market.interval_of(7)


def test_market_data_is_that_of_the_exchange(venue):
    """Book, trades and candles show what was just placed and traded."""
    venue.place(side="sell", size="0.03", price="61000.11")
    venue.place(size="0.01", price="61000.11", key=venue.other_key)
    _, book = venue.get("/api/v1/book?symbol=BTC-USDT&depth=5")
    assert (book["bids"], book["asks"]) == ([], [["61000.11", "0.02"]])
    assert book["sequence"] > 0
    _, answer = venue.get("/api/v1/trades?symbol=BTC-USDT&limit=1")
    assert answer["trades"][0]["taker_side"] == "buy"
    first = answer["trades"][0]["trade_id"]
    assert venue.get(f"/api/v1/trades?symbol=BTC-USDT&from_id={first + 1}")[1]["trades"] == []
    _, answer = venue.get("/api/v1/candles?symbol=BTC-USDT&interval=1s&limit=2")
    assert answer["candles"][-1]["volume"] in ("0", "0.01")
    assert sum(c["trades"] for c in answer["candles"]) == 1
