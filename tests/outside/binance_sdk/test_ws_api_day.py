"""Unmodified binance-sdk-spot over the WebSocket API: a day as an account hears it, and keys."""

import itertools

import pytest
from binance_common.constants import TimeUnit
from key_pairs import OFFERED_BY_ALL, pair
from quiet_market import ABOVE, ASK, BELOW, BID, FAR_BELOW, LAST, PLENTY, SYMBOL
from sdk_desk import (
    BRACKET,
    DIFFERENCES,
    NEVER_REPORTED,
    OCO,
    OLD_TIMEOUT,
    RESTING,
    WORKING,
    secret_of,
)

from steelyard.net.clock import Clock

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(OLD_TIMEOUT)]

FOLLOW = "user_data_stream_subscribe_signature"
EVENTS = {
    *("ExecutionReport", "OutboundAccountPosition", "OutboundAccountPositionBInner"),
    *("BalanceUpdate", "ListStatus", "ListStatusOInner", "EventStreamTerminated"),
}
names = (f"sdk-ws-{number}" for number in itertools.count())


async def reports(heard, order_id, until):
    """Return the executions of an order, up to the first one with an execution and status."""
    found = []
    while True:
        report = await heard("ExecutionReport")
        if report.i == order_id:
            found.append(report)
            if (report.x, report.X) == until:
                return found


def test_an_order_is_filled_in_part_made_smaller_and_canceled(quiet, run):
    price = BID + 0.5

    async def scenario(desk):
        heard = await desk.follow(FOLLOW)
        order = {**RESTING, "price": price, "quantity": 0.03, "new_client_order_id": "first"}
        placed = await desk.ask("order_place", **order)
        sale = {"time_in_force": "IOC", "price": price, "quantity": 0.01}
        quiet.maker.new_order(SYMBOL, "SELL", "LIMIT", **sale)
        amend = {"order_id": placed.order_id, "new_client_order_id": "second"}
        await desk.ask("order_amend_keep_priority", SYMBOL, 0.02, **amend)
        cancel = {"order_id": placed.order_id, "new_client_order_id": "end"}
        await desk.ask("order_cancel", SYMBOL, **cancel)
        return await reports(heard, placed.order_id, ("CANCELED", "CANCELED"))

    new, filled, amended, canceled = run(scenario)
    assert [(r.x, r.X) for r in (new, filled, amended)] == [
        ("NEW", "NEW"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("REPLACED", "PARTIALLY_FILLED"),
    ]
    assert (new.w, float(new.q), new.N, new.t) == (True, 0.03, None, -1)
    assert (float(filled.l), float(filled.z), float(filled.L)) == (0.01, 0.01, price)
    assert (filled.m, filled.N, float(filled.n)) == (True, "BTC", 0.00001)
    assert (float(amended.q), amended.c, amended.C) == (0.02, "second", "first")
    assert (canceled.c, canceled.C, float(canceled.z)) == ("end", "second", 0.01)


NEW, FILLED, EXPIRED = ("NEW", "NEW"), ("TRADE", "FILLED"), ("EXPIRED", "EXPIRED")


@pytest.mark.parametrize(
    ("kind", "order", "until", "reason"),
    [
        ("MARKET", {}, FILLED, None),
        ("MARKET", {"quote_order_qty": 100, "quantity": None}, FILLED, None),
        (
            "LIMIT",
            {"time_in_force": "IOC", "price": BELOW},
            EXPIRED,
            "UNFILLED_IOC_QUANTITY_EXPIRED",
        ),
        (
            "LIMIT",
            {"time_in_force": "FOK", "price": BELOW},
            EXPIRED,
            "UNFILLED_FOK_ORDER_EXPIRED",
        ),
        ("LIMIT_MAKER", {"price": BELOW}, NEW, None),
        ("LIMIT", {"time_in_force": "GTC", "price": BELOW, "iceberg_qty": 0.002}, NEW, None),
        ("STOP_LOSS", {"stop_price": ABOVE}, NEW, None),
        (
            "TAKE_PROFIT_LIMIT",
            {"stop_price": BELOW, "price": BELOW, "time_in_force": "GTC"},
            NEW,
            None,
        ),
        ("TAKE_PROFIT", {"stop_price": BELOW}, NEW, None),
        (
            "STOP_LOSS_LIMIT",
            {"trailing_delta": 300, "price": ABOVE, "time_in_force": "GTC"},
            NEW,
            None,
        ),
    ],
)
def test_an_order_of_each_type_is_told(run, kind, order, until, reason):
    async def scenario(desk):
        heard = await desk.follow(FOLLOW)
        parameters = {"symbol": SYMBOL, "side": "BUY", "type": kind, "quantity": 0.02, **order}
        placed = await desk.ask("order_place", **parameters)
        return await reports(heard, placed.order_id, until)

    *_, last = run(scenario)
    assert (last.o, last.S, last.eR) == (kind, "BUY", reason)
    assert last.d == order.get("trailing_delta")
    assert float(last.P) == order.get("stop_price", 0)
    assert float(last.F) == order.get("iceberg_qty", 0)


def test_a_stop_comes_to_life(quiet, run):
    """Somebody sells at the bid, and a purchase then lifts the price over the stop."""

    async def scenario(desk):
        heard = await desk.follow(FOLLOW)
        quiet.maker.new_order(SYMBOL, "SELL", "MARKET", quantity=0.001)
        order = {"stop_price": LAST + 0.5, "price": ASK, "time_in_force": "GTC", "quantity": 0.01}
        stop = await desk.ask("order_place", SYMBOL, "BUY", "STOP_LOSS_LIMIT", **order)
        quiet.maker.new_order(SYMBOL, "BUY", "MARKET", quantity=0.001)
        return await reports(heard, stop.order_id, FILLED)

    waiting, *between, filled = run(scenario)
    assert (waiting.x, waiting.w, waiting.W) == ("NEW", False, None)
    assert [(report.x, report.w) for report in between] == [("NEW", True)]
    assert float(filled.L) == ASK
    assert filled.W >= waiting.T


def test_lists_are_told(run):
    """An OCO is canceled as one; of a bracket the entry fills, and its exits come to life."""

    async def scenario(desk):
        heard = await desk.follow(FOLLOW)
        listed = await desk.ask("order_list_place_oco", **OCO)
        begun = await heard("ListStatus")
        await desk.ask("order_list_cancel", SYMBOL, order_list_id=listed.order_list_id)
        over = await heard("ListStatus")
        entry = {**WORKING, "working_price": ASK, "pending_quantity": 0.01}
        bracket = await desk.ask("order_list_place_otoco", **entry, **BRACKET)
        return begun, over, await reports(heard, bracket.orders[-1].order_id, NEW)

    begun, over, living = run(scenario)
    assert (begun.c, begun.l, begun.L, len(begun.O)) == ("OCO", "EXEC_STARTED", "EXECUTING", 2)
    assert (over.l, over.L, over.g) == ("ALL_DONE", "ALL_DONE", begun.g)
    assert [report.X for report in living] == ["PENDING_NEW", "NEW"]


def test_balances_are_told(quiet, run):
    """What trading moves, and what comes from outside."""
    name = next(names)
    key = quiet.trader(name, PLENTY, dialect="binance")

    async def scenario(desk):
        heard = await desk.follow(FOLLOW)
        quiet.steelyard("account", "deposit", name, "BTC=1")
        deposited = await heard("BalanceUpdate")
        await heard("OutboundAccountPosition")
        await desk.ask("order_place", **RESTING)
        held = await heard("OutboundAccountPosition")
        await desk.ask("user_data_stream_unsubscribe")
        return deposited, held, await heard("EventStreamTerminated")

    deposited, held, terminated = run(scenario, **secret_of(key))
    assert (deposited.a, float(deposited.d)) == ("BTC", 1)
    (dollars,) = [balance for balance in held.B if balance.a == "USDT"]
    locked = BELOW * 0.01
    assert (float(dollars.f), float(dollars.l)) == (float(PLENTY["USDT"]) - locked, locked)
    assert terminated.E


def test_an_order_that_meets_its_owners_is_told(run):
    async def scenario(desk):
        heard = await desk.follow(FOLLOW)
        order = {**RESTING, "price": BID + 0.5}
        await desk.ask("order_place", **order)
        order |= {"side": "SELL", "self_trade_prevention_mode": "EXPIRE_TAKER"}
        met = await desk.ask("order_place", **order)
        return await reports(heard, met.order_id, ("TRADE_PREVENTION", "EXPIRED_IN_MATCH"))

    *_, report = run(scenario)
    assert (report.V, report.w) == ("EXPIRE_TAKER", False)


def test_times_in_microseconds(run, key):
    async def scenario(desk):
        heard = await desk.follow(FOLLOW)
        placed = await desk.ask("order_place", **RESTING)
        return (await desk.ask("time")).server_time, placed, await heard("ExecutionReport")

    now_us, placed, report = run(scenario, **secret_of(key), time_unit=TimeUnit.MICROSECOND)
    assert abs(now_us - Clock().now_ns() // 1_000) < 2_000_000
    assert placed.transact_time == report.T
    assert 0 <= now_us - report.T < 2_000_000


# -- keys and refusals --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OFFERED_BY_ALL)
def test_it_signs_by_a_private_key(quiet, run, kind, tmp_path):
    """Each request, a subscription, and a session that is logged on."""
    private, public = pair(kind)
    (tmp_path / "public.pem").write_text(public)
    options = {"kind": kind, "public-key": str(tmp_path / "public.pem")}
    key = quiet.trader(next(names), PLENTY, dialect="binance", **options)

    async def scenario(desk):
        placed = await desk.ask("order_place", **RESTING)
        await desk.ask("order_cancel", SYMBOL, order_id=placed.order_id)
        await desk.ask(FOLLOW)
        with pytest.raises(ValueError, match="-2035"):  # only of a second subscription
            await desk.ask(FOLLOW)
        await desk.ask("user_data_stream_unsubscribe", subscription_id=0)
        await desk.ask("session_logon")
        heard = await desk.follow("user_data_stream_subscribe")
        placed = await desk.ask("order_place", **RESTING)
        report = await heard("ExecutionReport")
        await desk.ask("session_logout")
        assert (await heard("EventStreamTerminated")).E
        await desk.ask("open_orders_cancel_all", SYMBOL)
        return placed, report

    placed, report = run(scenario, api_key=key["key"], private_key=private)
    assert (report.i, report.X) == (placed.order_id, "NEW")
    other, _ = pair(kind, 1)
    wrong = {"api_key": key["key"], "private_key": other}
    run(lambda desk: desk.refused(-1022, "session_logon"), **wrong)


def test_what_is_wrong_with_a_key_is_said(quiet, run):
    key = quiet.trader(next(names), PLENTY, dialect="binance", scopes="read")
    run(lambda desk: desk.refused(-2015, "order_place", **RESTING), **secret_of(key))
    forged = {"api_key": key["key"], "api_secret": "no such secret"}
    run(lambda desk: desk.refused(-1022, "account_status"), **forged)
    stranger = {"api_key": "x" * 64, "api_secret": "none"}
    run(lambda desk: desk.refused(-2008, "account_status"), **stranger)


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"symbol": "NOSUCH"}, -1121, "Invalid symbol."),
        ({"quantity": 1_000.0}, -2010, "insufficient balance"),
        ({"price": 40_000.001}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": 0.010001}, -1013, "Filter failure: LOT_SIZE"),
        ({"type": "LIMIT_MAKER", "time_in_force": None, "price": ASK}, -2010, "take"),
        ({"time_in_force": None}, -1102, "timeInForce"),
    ],
)
def test_a_wrong_order_is_refused_in_the_venues_words(run, change, code, text):
    for method in ("order_place", "order_test"):
        if code != -2010 or method == "order_place":  # a test asks for no balance and no book
            order = {**RESTING, **change}
            error = run(lambda desk, m=method, o=order: desk.refused(code, m, **o))
            assert text in error["msg"]


def test_what_is_not_there_is_said(run):
    async def scenario(desk):
        await desk.refused(-2011, "order_cancel", SYMBOL, order_id=10**9)
        await desk.refused(-2013, "order_status", SYMBOL, order_id=10**9)
        await desk.refused(-2011, "open_orders_cancel_all", SYMBOL)
        await desk.refused(-2036, "user_data_stream_unsubscribe", subscription_id=7)
        change = {**RESTING, "price": FAR_BELOW, "cancel_order_id": 10**9}
        failed = {"cancel_replace_mode": "STOP_ON_FAILURE"}
        error = await desk.refused(-2022, "order_cancel_replace", **change, **failed)
        assert error["data"]["newOrderResult"] == "NOT_ATTEMPTED"
        partly = {"cancel_replace_mode": "ALLOW_FAILURE"}
        error = await desk.refused(-2021, "order_cancel_replace", **change, **partly)
        assert error["data"]["newOrderResponse"]["status"] == "NEW"

    run(scenario)


def test_its_models_of_events_are_told_all_that_they_have(told):
    """Comes last: it looks at what was heard all day."""
    heard = {kind.__name__ for kind in told.fields} & EVENTS
    if heard != EVENTS:
        pytest.skip("only after a whole day")
    assert set(NEVER_REPORTED.values()) <= DIFFERENCES
    assert EVENTS.isdisjoint(told.untold())
    assert EVENTS.isdisjoint(told.beside())
