"""Unmodified binance-sdk-spot over REST: a day of trading, keys and refusals."""

import itertools

import pytest
from binance_common.configuration import ConfigurationRestAPI
from binance_common.constants import TimeUnit
from binance_common.errors import (
    BadRequestError,
    ClientError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
)
from binance_sdk_spot.spot import Spot
from key_pairs import OFFERED_BY_ALL, pair
from quiet_market import ABOVE, ASK, BELOW, BID, FAR_BELOW, LAST, PLENTY, SYMBOL
from sdk_desk import RESTING, Desk, refused, secret_of, spot

pytestmark = pytest.mark.slow

ORDERS_MAX = 100  # in ten seconds
names = (f"sdk-{number}" for number in itertools.count())

# -- a day of trading ---------------------------------------------------------------------------

RESTS, WAITS = ("NEW", True), ("NEW", False)


@pytest.mark.parametrize(
    ("kind", "side", "parameters", "shown"),
    [
        ("LIMIT", "SELL", {"price": ABOVE, "time_in_force": "GTC"}, RESTS),
        ("LIMIT", "BUY", {"price": BELOW, "time_in_force": "IOC"}, ("EXPIRED", True)),
        ("LIMIT", "BUY", {"price": BELOW, "time_in_force": "FOK"}, ("EXPIRED", True)),
        ("LIMIT", "BUY", {"price": ASK, "time_in_force": "FOK"}, ("FILLED", True)),
        ("LIMIT_MAKER", "BUY", {"price": BELOW}, RESTS),
        (
            "LIMIT",
            "BUY",
            {"price": BELOW, "time_in_force": "GTC", "iceberg_qty": 0.001},
            RESTS,
        ),
        ("MARKET", "SELL", {}, ("FILLED", True)),
        ("STOP_LOSS", "SELL", {"stop_price": BELOW}, WAITS),
        ("STOP_LOSS", "BUY", {"stop_price": ABOVE}, WAITS),
        (
            "STOP_LOSS_LIMIT",
            "SELL",
            {"stop_price": BELOW, "price": FAR_BELOW, "time_in_force": "GTC"},
            WAITS,
        ),
        ("TAKE_PROFIT", "SELL", {"stop_price": ABOVE}, WAITS),
        (
            "TAKE_PROFIT_LIMIT",
            "BUY",
            {"stop_price": BELOW, "price": BELOW, "time_in_force": "IOC"},
            WAITS,
        ),
        ("STOP_LOSS", "SELL", {"trailing_delta": 250}, WAITS),
        ("TAKE_PROFIT", "SELL", {"trailing_delta": 250, "stop_price": ABOVE}, WAITS),
        (
            "STOP_LOSS_LIMIT",
            "BUY",
            {"trailing_delta": 250, "price": ABOVE, "time_in_force": "GTC"},
            WAITS,
        ),
    ],
)
def test_an_order_of_each_type(desk, kind, side, parameters, shown):
    """As it is placed, found and canceled, and in its own words throughout."""
    order = {"symbol": SYMBOL, "side": side, "type": kind, "quantity": 0.02, **parameters}
    assert desk.ask("order_test", **order).to_dict() == {}
    placed = desk.ask("new_order", **order, new_order_resp_type="FULL")
    found = desk.ask("get_order", SYMBOL, order_id=placed.order_id)
    assert (found.status, found.is_working) == shown
    assert (found.type, found.side, float(found.orig_qty)) == (kind, side, 0.02)
    for name, value in parameters.items():
        assert type(value)(getattr(found, name)) == value
    if found.status == "NEW":
        canceled = desk.ask("delete_order", SYMBOL, order_id=placed.order_id)
        assert (canceled.status, canceled.type) == ("CANCELED", kind)


def test_a_market_order_spends_an_amount(desk):
    spent = desk.ask("new_order", SYMBOL, "BUY", "MARKET", quote_order_qty=100)
    assert (spent.status, float(spent.orig_quote_order_qty)) == ("FILLED", 100)
    assert 99 < float(spent.cummulative_quote_qty) <= 100


def test_an_order_fills_in_part_and_in_whole(quiet, desk):
    """By a second account, and the balances move by just that."""
    price = BID + 0.5
    before = {b.asset: float(b.free) for b in desk.ask("get_account").balances}
    order = {**RESTING, "price": price, "quantity": 0.03}
    placed = desk.ask("new_order", **order)
    for filled, status in ((0.01, "PARTIALLY_FILLED"), (0.03, "FILLED")):
        quiet.maker.new_order(
            SYMBOL,
            "SELL",
            "LIMIT",
            time_in_force="IOC",
            price=price,
            quantity=0.01 if filled < 0.03 else 0.02,
        )
        found = desk.ask("get_order", SYMBOL, order_id=placed.order_id)
        assert (found.status, float(found.executed_qty)) == (status, filled)
    fills = desk.ask("my_trades", SYMBOL, order_id=placed.order_id)
    assert [(float(fill.qty), fill.is_maker) for fill in fills] == [(0.01, True), (0.02, True)]
    after = {b.asset: float(b.free) for b in desk.ask("get_account").balances}
    fee = sum(float(fill.commission) for fill in fills)
    assert after["BTC"] - before["BTC"] == pytest.approx(0.03 - fee)
    assert before["USDT"] - after["USDT"] == pytest.approx(0.03 * price)


def test_a_trade_triggers_a_stop(quiet, desk):
    quiet.maker.new_order(
        SYMBOL, "SELL", "MARKET", quantity=0.001, self_trade_prevention_mode="NONE"
    )
    stop = desk.ask("new_order", SYMBOL, "BUY", "STOP_LOSS", quantity=0.01, stop_price=LAST + 0.5)
    desk.ask("new_order", SYMBOL, "BUY", "MARKET", quantity=0.001)
    found = desk.ask("get_order", SYMBOL, order_id=stop.order_id)
    assert (found.status, found.is_working) == ("FILLED", True)
    assert found.working_time >= stop.transact_time


def test_an_order_that_meets_its_owners_ends_as_said(desk):
    own = desk.ask("new_order", **{**RESTING, "price": BID + 0.5})
    met = desk.ask(
        "new_order",
        **{**RESTING, "side": "SELL", "price": BID + 0.5},
        self_trade_prevention_mode="EXPIRE_TAKER",
    )
    assert met.status == "EXPIRED_IN_MATCH"
    assert desk.ask("get_order", SYMBOL, order_id=own.order_id).status == "NEW"


def test_times_in_microseconds(quiet, desk):
    settings = quiet.settings["ConfigurationRestAPI"]
    client = Spot(ConfigurationRestAPI(**settings, time_unit=TimeUnit.MICROSECOND.value)).rest_api
    seconds = client.time().data().server_time / 10**6
    assert seconds == pytest.approx(desk.ask("time").server_time / 10**3, abs=5)


# -- keys and refusals --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OFFERED_BY_ALL)
def test_it_signs_by_a_private_key(quiet, told, kind, tmp_path):
    private, public = pair(kind)
    (tmp_path / "public.pem").write_text(public)
    options = {"kind": kind, "public-key": str(tmp_path / "public.pem")}
    key = quiet.trader(next(names), PLENTY, dialect="binance", **options)
    desk = Desk(spot(quiet.settings, api_key=key["key"], private_key=private).rest_api, told)
    placed = desk.ask("new_order", **RESTING)
    assert desk.ask("delete_order", SYMBOL, order_id=placed.order_id).status == "CANCELED"
    other, _ = pair(kind, 1)
    wrong = spot(quiet.settings, api_key=key["key"], private_key=other).rest_api
    refused(BadRequestError, -1022, wrong.get_account)


def test_what_is_wrong_with_a_key_is_said(quiet):
    name = next(names)
    key = quiet.trader(name, PLENTY, dialect="binance", scopes="read")
    reader = spot(quiet.settings, **secret_of(key)).rest_api
    assert reader.get_account().data().can_trade
    refused(UnauthorizedError, -2015, lambda: reader.new_order(**RESTING))
    forged = spot(quiet.settings, api_key=key["key"], api_secret="no such secret").rest_api
    refused(BadRequestError, -1022, forged.get_account)
    stranger = spot(quiet.settings, api_key="x" * 64, api_secret="none").rest_api
    refused(UnauthorizedError, -2008, stranger.get_account)


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"symbol": "NOSUCH"}, -1121, "Invalid symbol."),
        ({"quantity": 1_000.0}, -2010, "Account has insufficient balance for requested action."),
        ({"price": 40_000.001}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": 0.010001}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": 0.0001}, -1013, "Filter failure: NOTIONAL"),
        ({"type": "LIMIT_MAKER", "price": ASK, "time_in_force": None}, -2010, "immediately"),
        ({"type": "STOP_LOSS", "stop_price": ABOVE, "side": "SELL"}, -1106, "timeInForce"),
        ({"type": "NEXT_WEEK"}, -1116, "Invalid orderType."),
        ({"time_in_force": None}, -1102, "timeInForce"),
        ({"recv_window": 60_001}, -1102, "Cannot be greater than 60000."),
    ],
)
def test_a_wrong_order_is_refused_in_the_venues_words(desk, change, code, text):
    order = {**RESTING, **change}
    error = refused(BadRequestError, code, lambda: desk.client.new_order(**order))
    assert text in error.error_message


def test_what_is_not_there_is_said(desk):
    refused(BadRequestError, -2011, lambda: desk.client.delete_order(SYMBOL, order_id=10**9))
    refused(BadRequestError, -2013, lambda: desk.client.get_order(SYMBOL, order_id=10**9))
    refused(BadRequestError, -2011, lambda: desk.client.delete_open_orders(SYMBOL))
    refused(BadRequestError, -2013, lambda: desk.client.get_order_list(order_list_id=10**9))


def test_a_replacement_fails_in_whole_or_in_part(desk):
    """A conflict has no exception of its own in it, nor a code."""
    gone = {**RESTING, "cancel_order_id": 10**9}

    def replace(mode, **change):
        change = {**gone, **change}
        return desk.client.order_cancel_replace(**change, cancel_replace_mode=mode)

    refused(BadRequestError, -2022, lambda: replace("STOP_ON_FAILURE"))
    with pytest.raises(ClientError, match="partially failed"):
        replace("ALLOW_FAILURE")
    placed = desk.ask("new_order", **RESTING)
    with pytest.raises(ClientError, match="partially failed"):
        replace("STOP_ON_FAILURE", cancel_order_id=placed.order_id, quantity=1_000.0)


def test_maintenance_is_an_error_of_the_servers(quiet, desk):
    """What is not safe to send again is sent once."""
    quiet.steelyard("exchange", "maintenance", "on")
    try:
        with pytest.raises(ServerError) as told:
            desk.client.new_order(**RESTING)
    finally:
        quiet.steelyard("exchange", "maintenance", "off")
    assert told.value.status_code == 503
    assert desk.client.get_open_orders(SYMBOL).data() == []


def test_too_many_orders_are_refused_with_the_time_to_wait(quiet):
    key = quiet.trader(next(names), PLENTY, dialect="binance")
    client = spot(quiet.settings, **secret_of(key)).rest_api
    with pytest.raises(TooManyRequestsError) as slowed:
        for _ in range(3 * ORDERS_MAX):
            client.new_order(**{**RESTING, "price": FAR_BELOW})
    assert slowed.value.status_code == -1015
    assert 0 < slowed.value.retry_after <= 10
