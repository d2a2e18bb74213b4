"""Orders, fills and balances across the border, in tables."""

from decimal import Decimal

import msgspec
import pytest
from fake_ccxt import MARKET, trade

from steelyard.bridge.markets import TICK_SIZE, asset_id, instrument_of
from steelyard.bridge.orders import balances_of, fill_of, order_of, place_call
from steelyard.domain.commands import Place
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import CancelCause, Liquidity, OrderType, Side, TimeInForce

INSTRUMENT = instrument_of(MARKET, "BTC-USDT", TICK_SIZE)
LIMIT = Place(
    0,
    0,
    Side.SELL,
    OrderType.LIMIT,
    TimeInForce.GTC,
    False,
    10_050,
    123_000,
    client_order_id="a1",
)
NOW_NS = 10**18
ORDER = {
    "id": "77",
    "clientOrderId": "a1",
    "symbol": "BTC/USDT",
    "type": "limit",
    "side": "buy",
    "amount": "2",
    "price": "100.5",
    "filled": "0",
    "cost": "0",
    "status": "open",
    "timestamp": 1_000,
}


@pytest.mark.parametrize(
    ("changes", "call"),
    [
        ({}, ("limit", "sell", "1.23", "100.5", {})),
        (
            {"time_in_force": TimeInForce.IOC},
            ("limit", "sell", "1.23", "100.5", {"timeInForce": "IOC"}),
        ),
        (
            {"time_in_force": TimeInForce.FOK},
            ("limit", "sell", "1.23", "100.5", {"timeInForce": "FOK"}),
        ),
        ({"post_only": True}, ("limit", "sell", "1.23", "100.5", {"postOnly": True})),
        (
            {
                "order_type": OrderType.MARKET,
                "time_in_force": TimeInForce.IOC,
                "price_ticks": None,
                "side": Side.BUY,
                "size_lots": 1,
            },
            ("market", "buy", "0.00001", None, {}),
        ),
    ],
)
def test_an_order_is_the_arguments_of_one_call(changes, call):
    """In decimal texts, with our id in every one."""
    found = place_call(msgspec.structs.replace(LIMIT, **changes), INSTRUMENT, "BTC/USDT")
    *expected, params = call
    assert found == ("BTC/USDT", *expected, {"clientOrderId": "a1", **params})


@pytest.mark.parametrize(
    "changes",
    [
        {"order_type": OrderType.STOP, "trigger_ticks": 5},
        {"time_in_force": TimeInForce.GTD, "expire_ns": 5},
        {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.FOK},
        {"display_lots": 5},
        {"quote_atoms": 5},
        {"slide": True},
        {"client_order_id": ""},
    ],
)
def test_what_the_bridge_does_not_take_is_refused_and_not_sent_otherwise(changes):
    with pytest.raises(Unsupported, match="bridge"):
        place_call(msgspec.structs.replace(LIMIT, **changes), INSTRUMENT, "BTC/USDT")


@pytest.mark.parametrize(
    ("status", "filled", "kind", "state", "cause"),
    [
        ("open", "0", "limit", OrderState.WORKING, None),
        ("open", "0.5", "limit", OrderState.PARTIALLY_FILLED, None),
        ("open", "2", "limit", OrderState.FILLED, None),
        (None, None, "limit", OrderState.WORKING, None),
        ("closed", "2", "limit", OrderState.FILLED, None),
        ("closed", "1", "limit", OrderState.CANCELED, CancelCause.USER),
        ("closed", "1", "market", OrderState.EXPIRED, CancelCause.NO_LIQUIDITY),
        ("canceled", "0", "limit", OrderState.CANCELED, CancelCause.USER),
        ("canceled", "2", "limit", OrderState.FILLED, None),
        ("expired", "1", "limit", OrderState.EXPIRED, None),
        ("rejected", "0", "limit", OrderState.REJECTED, None),
        ("a new word", "0", "limit", OrderState.WORKING, None),
    ],
)
def test_a_status_and_what_has_filled_are_a_state(status, filled, kind, state, cause):
    """An order that may still fill is never said to be over."""
    found = order_of({**ORDER, "status": status, "filled": filled, "type": kind}, INSTRUMENT, 0, "")
    assert (found.state, found.cancel_cause) == (state, cause)


def test_an_order_has_its_numbers():
    found = order_of({**ORDER, "filled": "0.5", "cost": "50.25"}, INSTRUMENT, NOW_NS, "")
    assert (found.order_id, found.client_order_id, found.side) == (77, "a1", Side.BUY)
    assert (found.price_ticks, found.size_lots, found.filled_lots) == (10_050, 200_000, 50_000)
    assert found.quote_atoms == 50_250_000_000_000
    assert (found.created_ns, found.updated_ns) == (10**9, NOW_NS)


def test_what_an_answer_leaves_out_is_what_was_placed():
    """Some venues answer an order with its number and nothing else."""
    found = order_of({"id": "OABC-1", "status": None}, INSTRUMENT, NOW_NS, "a1", LIMIT)
    assert (found.side, found.price_ticks, found.size_lots) == (Side.SELL, 10_050, 123_000)
    assert (found.state, found.filled_lots) == (OrderState.WORKING, 0)


@pytest.mark.parametrize(
    "missing",
    [
        {"id": None},
        {"id": 5},
        {"side": "both"},
        {"amount": None},
        {"amount": "0.000001"},
        {"price": None},
        {"price": "100.001"},
        {"filled": "x"},
    ],
)
def test_an_order_that_cannot_be_counted_is_refused(missing):
    with pytest.raises(DecodeError):
        order_of({**ORDER, **missing}, INSTRUMENT, NOW_NS, "")


# -- fills --------------------------------------------------------------------------------------


def test_a_fill_has_its_numbers():
    """The fee is rounded up to an atom, in its own asset."""
    found = fill_of(trade(1, 5_000, "77"), INSTRUMENT, "a1")
    assert (found.order_id, found.client_order_id, found.side) == (77, "a1", Side.BUY)
    assert (found.price_ticks, found.size_lots) == (10_050, 50_000)
    assert found.quote_atoms == 50_250_000_000_000
    assert (found.fee_asset_id, found.fee_atoms) == (asset_id("BNB"), 1)
    assert (found.liquidity, found.time_ns) == (Liquidity.MAKER, 5 * 10**9)


@pytest.mark.parametrize(
    ("fields", "fee"),
    [
        ({"fee": None}, ("USDT", 0)),
        ({"fee": {"currency": "BTC", "cost": "0.5"}}, ("BTC", 5 * 10**11)),
        ({"fee": {"currency": "BTC", "cost": "-0.5"}}, ("BTC", -5 * 10**11)),
        ({"fee": {"currency": None, "cost": "1"}}, ("USDT", 0)),
        (
            {"fees": [{"currency": "BTC", "cost": "1"}, {"currency": "BTC", "cost": "2"}]},
            ("BTC", 3 * 10**12),
        ),
        ({"fees": []}, ("BNB", 1)),
    ],
)
def test_a_fee_is_what_the_venue_says(fields, fee):
    found = fill_of(trade(1, 5_000, **fields), INSTRUMENT, "")
    assert (found.fee_asset_id, found.fee_atoms) == (asset_id(fee[0]), fee[1])


def test_a_price_finer_than_a_tick_costs_what_it_cost():
    """The price shown is the nearest tick; the money is exact."""
    found = fill_of(trade(1, 5_000, price="100.506", cost="50.253"), INSTRUMENT, "")
    assert found.price_ticks == 10_051
    assert found.quote_atoms == 50_253_000_000_000


@pytest.mark.parametrize(
    "missing",
    [
        {"id": ""},
        {"order": None},
        {"timestamp": None},
        {"side": None},
        {"price": "0"},
        {"amount": "0"},
        {"amount": "0.000001"},
    ],
)
def test_a_fill_that_cannot_be_counted_is_refused(missing):
    with pytest.raises(DecodeError):
        fill_of(trade(1, 5_000, **missing), INSTRUMENT, "")


def test_balances_are_what_there_is():
    found = balances_of(
        {
            "info": {"BTC": {}},
            "free": {"BTC": "1"},
            "timestamp": 5,
            "BTC": {"free": "1.5", "used": "0.25", "total": "1.75"},
            "USDT": {"free": None, "used": "2", "total": "5"},
            "ETH": {"free": "3", "used": None, "total": "4"},
            "SOL": {"free": "0", "used": "0", "total": "0"},
            "A NAME THAT IS TOO LONG": {"free": "1", "used": "0"},
        }
    )
    told = {b.asset_id: (b.free_atoms, b.held_atoms) for b in found}
    unit = 10**12
    assert told == {
        asset_id("BTC"): (unit * 3 // 2, unit // 4),
        asset_id("USDT"): (3 * unit, 2 * unit),
        asset_id("ETH"): (3 * unit, unit),
    }
    assert Decimal(told[asset_id("BTC")][0]).scaleb(-12) == Decimal("1.5")
