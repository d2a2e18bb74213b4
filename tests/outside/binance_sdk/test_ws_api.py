"""Unmodified binance-sdk-spot over the WebSocket API: every method that it offers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from binance_sdk_spot.websocket_api.websocket_api import SpotWebSocketAPI
from quiet_market import ABOVE, ASK, BELOW, BID, FAR_BELOW, LAST, SYMBOL
from sdk_desk import (
    BRACKET,
    DIFFERENCES,
    NEVER_REPORTED,
    NEVER_TOLD,
    NO_AMENDMENTS,
    NO_PEGS,
    NO_PREVENTED,
    NO_REFERENCE,
    OCO,
    OLD_TIMEOUT,
    PENDING,
    RESTING,
    WORKING,
    SocketDesk,
    numbers,
    offered,
)

from steelyard.dialects.binance.ws_api import METHODS
from steelyard.net.clock import Clock

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(OLD_TIMEOUT)]

Check = Callable[[SocketDesk], Awaitable[None]]
CALLS: dict[str, Check] = {}


def calls(check: Check) -> Check:
    """Take in a check of the method that it is named after."""
    CALLS[check.__name__] = check
    return check


# -- the market ---------------------------------------------------------------------------------


@calls
async def ping(desk):
    assert await desk.ask("ping") == {}


@calls
async def ping_server(desk):
    """A frame of the protocol's own, answered by one."""
    ponged = asyncio.get_running_loop().create_future()
    desk.client.on_connection("pong", ponged.set_result)
    await desk.client.ping_server(desk.client.connections[0])
    await ponged


@calls
async def time(desk):
    told = await desk.ask("time")
    assert abs(told.server_time - Clock().now_ns() // 10**6) < 2_000


@calls
async def exchange_info(desk):
    """Its model is of the answer over REST, so the result stands beside what that has."""
    for parameters in ({}, {"symbol": SYMBOL}, {"symbols": [SYMBOL]}, {"permissions": ["SPOT"]}):
        (symbol,) = desk.beside(await desk.model("exchange_info", **parameters))["symbols"]
        assert (symbol["symbol"], symbol["status"]) == (SYMBOL, "TRADING")


@calls
async def execution_rules(desk):
    (rules,) = (await desk.ask("execution_rules", symbols=[SYMBOL])).symbol_rules
    assert (rules.symbol, rules.rules) == (SYMBOL, [])


@calls
async def depth(desk):
    book = await desk.ask("depth", SYMBOL, limit=5)
    assert (float(book.bids[0][0]), float(book.asks[0][0])) == (BID, ASK)


@calls
async def trades_recent(desk):
    await desk.ask("order_place", SYMBOL, "BUY", "MARKET", quantity=0.01)
    *_, last = await desk.ask("trades_recent", SYMBOL)
    assert (float(last.price), float(last.qty), last.is_buyer_maker) == (ASK, 0.01, False)


@calls
async def trades_historical(desk):
    first, *_ = await desk.ask("trades_historical", SYMBOL, from_id=1)
    assert (first.id, float(first.price)) == (1, LAST)


@calls
async def trades_aggregate(desk):
    first, *_ = await desk.ask("trades_aggregate", SYMBOL, from_id=1)
    assert (first.a, first.f, first.l, float(first.p)) == (1, 1, 1, LAST)


@calls
async def block_trades_historical(desk):
    assert await desk.ask("block_trades_historical", SYMBOL, 1) == []


async def _candles(desk, method):
    *_, last = await desk.ask(method, SYMBOL, "1h", limit=2)
    opened, first, high, low, close, volume, closed, *_ = (
        getattr(value, "actual_instance", value) for value in last
    )
    assert closed - opened + 1 == 3_600_000
    assert float(low) <= min(float(first), float(close)) <= float(high)
    assert float(volume) > 0


@calls
async def klines(desk):
    await _candles(desk, "klines")


@calls
async def ui_klines(desk):
    await _candles(desk, "ui_klines")


@calls
async def avg_price(desk):
    assert BID <= float((await desk.ask("avg_price", SYMBOL)).price) <= ASK


async def _tickers(desk, method, *types):
    """Of one symbol it makes one model, of several another."""
    assert (await desk.ask(method, symbol=SYMBOL)).symbol == SYMBOL
    assert [t.symbol for t in await desk.ask(method, symbols=[SYMBOL])] == [SYMBOL]
    for kind in types:
        (short,) = await desk.ask(method, symbols=[SYMBOL], type=kind, symbol_status="TRADING")
        assert float(short.last_price) > 0


@calls
async def ticker(desk):
    await _tickers(desk, "ticker", "FULL", "MINI")


@calls
async def ticker24hr(desk):
    await _tickers(desk, "ticker24hr", "FULL", "MINI")


@calls
async def ticker_trading_day(desk):
    await _tickers(desk, "ticker_trading_day", "FULL", "MINI")


@calls
async def ticker_price(desk):
    await _tickers(desk, "ticker_price")


@calls
async def ticker_book(desk):
    await _tickers(desk, "ticker_book")


# -- the account --------------------------------------------------------------------------------


@calls
async def account_status(desk):
    told = await desk.ask("account_status", omit_zero_balances=True)
    assert {balance.asset for balance in told.balances} == {"BTC", "USDT"}


@calls
async def account_commission(desk):
    assert float((await desk.ask("account_commission", SYMBOL)).standard_commission.taker) == 0.001


@calls
async def account_rate_limits_orders(desk):
    limits = await desk.ask("account_rate_limits_orders", recv_window=5_000.5)
    assert [(limit.interval, limit.interval_num) for limit in limits] == [
        ("SECOND", 10),
        ("DAY", 1),
    ]


@calls
async def my_filters(desk):
    """As `exchange_info`, but of a signed request it keeps nothing that its model lacks."""
    assert (await desk.model("my_filters", SYMBOL)).rate_limits


@calls
async def my_allocations(desk):
    assert await desk.ask("my_allocations", SYMBOL) == []


@calls
async def my_trades(desk):
    bought = await desk.ask("order_place", SYMBOL, "BUY", "MARKET", quantity=0.02)
    (fill,) = await desk.ask("my_trades", SYMBOL, order_id=bought.order_id)
    assert (fill.id, fill.commission_asset) == (bought.fills[0].trade_id, "BTC")


@calls
async def all_orders(desk):
    placed = await desk.ask("order_place", **RESTING)
    await desk.ask("order_cancel", SYMBOL, order_id=placed.order_id)
    await desk.ask("order_place", **{**RESTING, "time_in_force": "IOC"})
    stop = {"stop_price": ABOVE, "trailing_delta": 250}
    await desk.ask("order_place", SYMBOL, "SELL", "TAKE_PROFIT", quantity=0.01, **stop)
    canceled, expired, trailing = await desk.ask("all_orders", SYMBOL, order_id=placed.order_id)
    assert (canceled.order_id, canceled.status) == (placed.order_id, "CANCELED")
    assert expired.status == "EXPIRED"
    assert (trailing.type, float(trailing.stop_price)) == ("TAKE_PROFIT", ABOVE)


# -- orders -------------------------------------------------------------------------------------


@calls
async def order_place(desk):
    placed = await desk.ask("order_place", **RESTING, new_client_order_id="mine", iceberg_qty=0.001)
    assert (placed.client_order_id, placed.status, placed.fills) == ("mine", "NEW", [])


@calls
async def order_test(desk):
    assert (await desk.ask("order_test", **RESTING)).to_dict() == {}
    rates = await desk.ask("order_test", **RESTING, compute_commission_rates=True)
    assert float(rates.standard_commission_for_order.maker) == 0.001
    assert await desk.ask("open_orders_status", symbol=SYMBOL) == []


@calls
async def order_status(desk):
    placed = await desk.ask("order_place", **RESTING)
    found = await desk.ask("order_status", SYMBOL, order_id=placed.order_id)
    assert (found.status, found.is_working, float(found.price)) == ("NEW", True, BELOW)
    named = {"orig_client_order_id": placed.client_order_id}
    assert await desk.ask("order_status", SYMBOL, **named) == found


@calls
async def order_cancel(desk):
    placed = await desk.ask("order_place", **RESTING)
    named = {"orig_client_order_id": placed.client_order_id, "new_client_order_id": "end"}
    canceled = await desk.ask("order_cancel", SYMBOL, **named)
    assert (canceled.status, canceled.client_order_id) == ("CANCELED", "end")
    listed = await desk.ask("order_list_place_oco", **OCO)
    canceled = await desk.ask("order_cancel", SYMBOL, order_id=listed.orders[1].order_id)
    assert (canceled.order_list_id, canceled.list_order_status) == (
        listed.order_list_id,
        "ALL_DONE",
    )


@calls
async def open_orders_status(desk):
    placed = await desk.ask("order_place", **RESTING)
    assert numbers(await desk.ask("open_orders_status")) == [placed.order_id]


@calls
async def open_orders_cancel_all(desk):
    placed = await desk.ask("order_place", **RESTING)
    of_list = await desk.ask("order_list_place_oco", **OCO)
    alone, listed = await desk.ask("open_orders_cancel_all", SYMBOL)
    assert (alone.order_id, listed.order_list_id) == (placed.order_id, of_list.order_list_id)


@calls
async def order_cancel_replace(desk):
    placed = await desk.ask("order_place", **RESTING)
    change = {**RESTING, "price": FAR_BELOW, "cancel_order_id": placed.order_id}
    told = await desk.ask("order_cancel_replace", **change, cancel_replace_mode="STOP_ON_FAILURE")
    assert (told.cancel_result, told.new_order_result) == ("SUCCESS", "SUCCESS")
    opened = await desk.ask("open_orders_status", symbol=SYMBOL)
    assert numbers(opened) == [told.new_order_response.order_id]


@calls
async def order_amend_keep_priority(desk):
    placed = await desk.ask("order_place", **RESTING)
    told = await desk.ask("order_amend_keep_priority", SYMBOL, 0.005, order_id=placed.order_id)
    assert float(told.amended_order.qty) == 0.005


async def _listed(desk, told, contingency, statuses):
    """Check a list that was placed: as it is told, found and open."""
    assert (told.contingency_type, told.list_order_status) == (contingency, "EXECUTING")
    assert [report.status for report in told.order_reports] == statuses
    opened = await desk.ask("open_orders_status", symbol=SYMBOL)
    assert sorted(numbers(opened)) == sorted(numbers(told.orders))


@calls
async def order_list_place(desk):
    stop = {"stop_price": BELOW, "stop_limit_price": FAR_BELOW, "stop_limit_time_in_force": "GTC"}
    told = await desk.ask("order_list_place", SYMBOL, "SELL", ABOVE, 0.01, **stop)
    await _listed(desk, told, "OCO", ["NEW", "NEW"])


@calls
async def order_list_place_oco(desk):
    told = await desk.ask("order_list_place_oco", **OCO, list_client_order_id="pair")
    assert told.list_client_order_id == "pair"
    await _listed(desk, told, "OCO", ["NEW", "NEW"])


@calls
async def order_list_place_oto(desk):
    told = await desk.ask("order_list_place_oto", **WORKING, **PENDING, pending_quantity=0.01)
    await _listed(desk, told, "OTO", ["NEW", "PENDING_NEW"])


@calls
async def order_list_place_otoco(desk):
    told = await desk.ask("order_list_place_otoco", **WORKING, **BRACKET, pending_quantity=0.01)
    await _listed(desk, told, "OTO", ["NEW", "PENDING_NEW", "PENDING_NEW"])


@calls
async def order_list_status(desk):
    told = await desk.ask("order_list_place_oco", **OCO)
    for named in (
        {"order_list_id": told.order_list_id},
        {"orig_client_order_id": told.list_client_order_id},
    ):
        found = await desk.ask("order_list_status", **named)
        assert numbers(found.orders) == numbers(told.orders)


@calls
async def open_order_lists_status(desk):
    told = await desk.ask("order_list_place_oco", **OCO)
    (found,) = await desk.ask("open_order_lists_status")
    assert found.order_list_id == told.order_list_id


@calls
async def order_list_cancel(desk):
    told = await desk.ask("order_list_place_oco", **OCO)
    named = {"list_client_order_id": told.list_client_order_id}
    canceled = await desk.ask("order_list_cancel", SYMBOL, **named)
    assert {report.status for report in canceled.order_reports} == {"CANCELED"}


@calls
async def all_order_lists(desk):
    told = await desk.ask("order_list_place_oco", **OCO)
    await desk.ask("order_list_cancel", SYMBOL, order_list_id=told.order_list_id)
    (last,) = await desk.ask("all_order_lists", from_id=told.order_list_id)
    assert (last.order_list_id, last.list_order_status) == (told.order_list_id, "ALL_DONE")


# -- the session --------------------------------------------------------------------------------


@calls
async def session_logon(desk):
    """The client then leaves out key and signature."""
    assert (await desk.ask("session_logon")).api_key
    placed = await desk.ask("order_place", **RESTING)
    assert (await desk.ask("order_cancel", SYMBOL, order_id=placed.order_id)).status == "CANCELED"


@calls
async def session_status(desk):
    assert (await desk.ask("session_status")).api_key is None
    logged_on = await desk.ask("session_logon")
    status = await desk.ask("session_status")
    assert (status.api_key, status.user_data_stream) == (logged_on.api_key, False)
    assert status.authorized_since >= status.connected_since


@calls
async def session_logout(desk):
    await desk.ask("session_logon")
    assert (await desk.ask("session_logout")).api_key is None
    await desk.ask("account_status")  # signed again


@calls
async def session_subscriptions(desk):
    assert await desk.ask("session_subscriptions") == []
    told = await desk.ask("user_data_stream_subscribe_signature")
    (found,) = await desk.ask("session_subscriptions")
    assert found.subscription_id == told.subscription_id


@calls
async def user_data_stream_subscribe_signature(desk):
    heard = await desk.follow("user_data_stream_subscribe_signature")
    placed = await desk.ask("order_place", **RESTING)
    report = await heard("ExecutionReport")
    assert (report.i, report.X) == (placed.order_id, "NEW")


@calls
async def user_data_stream_subscribe(desk):
    await desk.ask("session_logon")
    heard = await desk.follow("user_data_stream_subscribe")
    placed = await desk.ask("order_place", **RESTING)
    assert (await heard("ExecutionReport")).i == placed.order_id
    assert "USDT" in {balance.a for balance in (await heard("OutboundAccountPosition")).B}


@calls
async def user_data_stream_unsubscribe(desk):
    heard = await desk.follow("user_data_stream_subscribe_signature")
    assert await desk.ask("user_data_stream_unsubscribe", subscription_id=0) == {}
    assert (await heard("EventStreamTerminated")).E
    assert await desk.ask("session_subscriptions") == []


# What it offers and is not served here: how it is called, what it gets, and why.
SOR = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": 0.01}
LEFT_OUT: dict[str, tuple[dict[str, Any], int, str]] = {
    "reference_price": ({"symbol": SYMBOL}, -2043, NO_REFERENCE),
    "reference_price_calculation": ({"symbol": SYMBOL}, -2043, NO_REFERENCE),
    "order_list_place_opo": ({**WORKING, **PENDING}, -1013, NO_PEGS),
    "order_list_place_opoco": ({**WORKING, **BRACKET}, -1013, NO_PEGS),
    "sor_order_place": (SOR, -1013, NO_PEGS),
    "sor_order_test": (SOR, -1013, NO_PEGS),
    "my_prevented_matches": ({"symbol": SYMBOL}, -1020, NO_PREVENTED),
    "order_amendments": ({"symbol": SYMBOL, "order_id": 1}, -1020, NO_AMENDMENTS),
}


@pytest.mark.parametrize("method", offered(SpotWebSocketAPI))
def test_what_it_offers_is_served_or_left_out(run, told, method):
    told.methods.add(method)
    if method in CALLS:
        run(CALLS[method])
        return
    parameters, code, why = LEFT_OUT[method]
    assert why in DIFFERENCES
    run(lambda desk: desk.refused(code, method, **parameters))


def test_what_is_left_out_is_what_the_dialect_does_not_offer():
    """Of the methods that are served, those that only refuse are left out of its."""
    refusing = {method for method, e in METHODS.items() if e.summary == "Not offered"}
    assert refusing == {
        "orderList.place.opo",
        "orderList.place.opoco",
        "sor.order.place",
        "sor.order.test",
        "myPreventedMatches",
    }
    assert not LEFT_OUT.keys() & CALLS.keys()
    assert LEFT_OUT.keys() | CALLS.keys() == set(offered(SpotWebSocketAPI))


def test_its_models_are_told_all_that_they_have(told):
    """Comes last: it looks at the answers to all methods."""
    if not told.methods >= set(offered(SpotWebSocketAPI)):
        pytest.skip("only after all methods have been called")
    assert {*NEVER_TOLD.values(), *NEVER_REPORTED.values()} <= DIFFERENCES
    assert told.untold() == {
        # Two are of the answer over REST, without an envelope.
        "ExchangeInfoResponse": {"exchange_filters", "server_time", "symbols", "timezone"},
        "MyFiltersResponse": {"asset_filters", "exchange_filters", "symbol_filters"},
        # Nobody is logged on any more.
        "SessionLogoutResponseResult": {"api_key", "authorized_since"},
        # What an event of a fill, of a trailing stop and of an end has.
        "ExecutionReport": {"N", "d", "D", "eR"},
    }
    # Without `rateLimits` it drops the connection, also where its models lack them.
    besides = {name: fields - {"rateLimits"} for name, fields in told.beside().items()}
    assert {name: fields for name, fields in besides.items() if fields} == {
        "ExchangeInfoResponse": {"id", "result", "status"}
    }
