"""Markets of the library, as instruments or with the reason why not."""

from copy import deepcopy
from decimal import Decimal

import pytest
from fake_ccxt import MARKET

from steelyard.bridge.markets import (
    DECIMAL_PLACES,
    SIGNIFICANT_DIGITS,
    TICK_SIZE,
    asset_id,
    candle_of,
    instrument_of,
    market_of,
    public_trade_id,
)
from steelyard.domain.errors import DecodeError, Unsupported

MINUTE_NS = 60 * 10**9


def changed(**places) -> dict:
    """Return the market with other numbers, by `precision__price` and the like."""
    market = deepcopy(MARKET)
    for place, value in places.items():
        *path, last = place.split("__")
        table = market
        for step in path:
            table = table[step]
        table[last] = value
    return market


def test_a_market_is_an_instrument_in_whole_steps():
    found = instrument_of(MARKET, "BTC-USDT", TICK_SIZE)
    assert (found.tick_size, found.lot_size) == (Decimal("0.01"), Decimal("0.00001"))
    assert found.size_min_lots == 2
    assert found.price(found.price_max_ticks) == 1_000_000
    assert found.notional_min_atoms == 5 * 10**12
    assert found.is_sound


@pytest.mark.parametrize(
    ("changes", "mode", "tick", "lot"),
    [
        ({"precision__price": 2, "precision__amount": 5}, DECIMAL_PLACES, "0.01", "0.00001"),
        ({"precision__price": "-1", "precision__amount": 0}, DECIMAL_PLACES, "10", "1"),
        ({"precision__price": "0.05", "precision__amount": "10"}, TICK_SIZE, "0.05", "10"),
        ({"precision__price": 1e-08, "precision__amount": "1"}, TICK_SIZE, "0.00000001", "1"),
    ],
)
def test_steps_are_told_in_two_ways(changes, mode, tick, lot):
    """As a step or as a number of places; a float is what it looks like."""
    found = instrument_of(changed(**changes), "BTC-USDT", mode)
    assert (found.tick_size, found.lot_size) == (Decimal(tick), Decimal(lot))
    assert found.is_sound


@pytest.mark.parametrize(
    ("changes", "mode", "said"),
    [
        ({"precision__price": None}, TICK_SIZE, "BTC-USDT: price step is not told"),
        ({}, SIGNIFICANT_DIGITS, "price step changes with the price"),
        ({"precision__price": "0"}, TICK_SIZE, "price step changes with the price"),
        ({"precision__amount": "1.5"}, DECIMAL_PLACES, "price step changes with the price"),
        (
            {"precision__price": "0.00001", "precision__amount": "0.00000001"},
            TICK_SIZE,
            "cannot be counted in whole numbers here: tick_size 0.00001 times lot_size",
        ),
        ({"limits__amount__min": "10000"}, TICK_SIZE, "smallest size 10000 is out of range"),
    ],
)
def test_a_market_that_cannot_be_counted_says_why(changes, mode, said):
    with pytest.raises(Unsupported, match=said):
        instrument_of(changed(**changes), "BTC-USDT", mode)


@pytest.mark.parametrize("name", ["price", "amount", "cost"])
def test_a_limit_that_is_not_told_is_a_large_one(name):
    """Or none: an order's numbers fit all the same."""
    market = changed(**{f"limits__{name}": {}})
    found = instrument_of(market, "BTC-USDT", TICK_SIZE)
    assert found.is_sound
    assert found.size_min_lots >= 1


def test_a_size_between_two_lots_is_not_large_enough():
    found = instrument_of(changed(limits__amount__min="0.000011"), "BTC-USDT", TICK_SIZE)
    assert found.size_min_lots == 2


@pytest.mark.parametrize(
    ("symbol", "fields", "said"),
    [
        ("ETH-USDT", {}, "has no market 'ETH-USDT'; there are: BTC-USDT"),
        ("BTC-USDT", {"spot": False}, "is no spot market"),
        ("BTC-USDT", {"active": False}, "is not traded at x at the moment"),
    ],
)
def test_a_market_that_is_not_there_is_named_with_what_is(symbol, fields, said):
    with pytest.raises(Unsupported, match=said):
        market_of({"BTC/USDT": {**MARKET, **fields}}, symbol, "x")


def test_an_assets_number_is_its_name():
    """After a restart, and at every venue."""
    numbers = [asset_id(name) for name in ("BTC", "USDT", "1INCH", "1", "BTC2", "A" * 16)]
    assert len(set(numbers)) == len(numbers)
    assert asset_id("BTC") == numbers[0]
    for wrong in ("", "A" * 17, "B\n"):
        with pytest.raises(DecodeError):
            asset_id(wrong)


def test_a_candle_that_is_open_counts_up_to_now():
    """Trades that come later are added; those before it are in it."""
    instrument = instrument_of(MARKET, "BTC-USDT", TICK_SIZE)
    row = [60_000, "100", 102.5, "99.99", "101", "3.000004"]
    closed = candle_of(row, instrument, MINUTE_NS, 200 * 10**9)
    still = candle_of(row, instrument, MINUTE_NS, 90 * 10**9)
    assert (closed.is_closed, still.is_closed) == (True, False)
    assert (closed.open_ticks, closed.high_ticks, closed.low_ticks) == (10_000, 10_250, 9_999)
    assert closed.volume_lots == 300_000
    assert public_trade_id(89_999, 5) <= still.last_trade_id < public_trade_id(90_000, 0)
    assert closed.last_trade_id < public_trade_id(120_000, 0)


@pytest.mark.parametrize("row", [[], [1, 2], {}, [1, "x", "1", "1", "1", "1"]])
def test_a_row_that_is_no_candle_is_refused(row):
    instrument = instrument_of(MARKET, "BTC-USDT", TICK_SIZE)
    with pytest.raises(DecodeError):
        candle_of(row, instrument, MINUTE_NS, 0)
