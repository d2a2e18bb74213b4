"""Unmodified binance-sdk-spot over REST: every method that it offers."""

from collections.abc import Callable
from typing import Any

import pytest
from binance_common.errors import BadRequestError, NotFoundError
from binance_sdk_spot.rest_api.models import (
    NewOrderSideEnum,
    NewOrderTimeInForceEnum,
    NewOrderTypeEnum,
)
from binance_sdk_spot.rest_api.rest_api import SpotRestAPI
from quiet_market import ABOVE, ASK, BELOW, BID, FAR_BELOW, LAST, SYMBOL
from sdk_desk import (
    BESIDES,
    BRACKET,
    DIFFERENCES,
    NEVER_TOLD,
    NO_AMENDMENTS,
    NO_PEGS,
    NO_PREVENTED,
    NO_REFERENCE,
    NOT_DOCUMENTED,
    OCO,
    PENDING,
    RESTING,
    WORKING,
    Desk,
    numbers,
    offered,
    refused,
)

from steelyard.dialects.binance import DIALECT
from steelyard.net.clock import Clock

pytestmark = pytest.mark.slow

# -- every method -------------------------------------------------------------------------------

CALLS: dict[str, Callable[[Desk], None]] = {}


def calls(check: Callable[[Desk], None]) -> Callable[[Desk], None]:
    """Take in a check of the method that it is named after."""
    CALLS[check.__name__] = check
    return check


@calls
def ping(desk):
    assert desk.ask("ping") == {}


@calls
def time(desk):
    assert abs(desk.ask("time").server_time - Clock().now_ns() // 10**6) < 2_000


@calls
def exchange_info(desk):
    everything = desk.ask("exchange_info")
    assert [symbol.symbol for symbol in everything.symbols] == [SYMBOL]
    (one,) = desk.ask("exchange_info", symbol=SYMBOL).symbols
    filters = {rule.actual_instance.filter_type: rule.actual_instance for rule in one.filters}
    assert filters["PRICE_FILTER"].tick_size == "0.01000000"
    assert filters["LOT_SIZE"].step_size == "0.00001000"
    assert one.status == "TRADING"
    named = desk.ask("exchange_info", symbols=[SYMBOL], show_permission_sets=False)
    assert named.symbols[0].permission_sets == []
    spots = desk.ask("exchange_info", permissions=["SPOT"], symbol_status="TRADING").symbols
    assert spots == everything.symbols


@calls
def execution_rules(desk):
    (rules,) = desk.ask("execution_rules", symbol=SYMBOL).symbol_rules
    assert (rules.symbol, rules.rules) == (SYMBOL, [])


@calls
def depth(desk):
    book = desk.ask("depth", SYMBOL, limit=5)
    assert (float(book.bids[0][0]), float(book.asks[0][0])) == (BID, ASK)


@calls
def get_trades(desk):
    desk.ask("new_order", SYMBOL, "BUY", "MARKET", quantity=0.01)
    *_, last = desk.ask("get_trades", SYMBOL)
    assert (float(last.price), float(last.qty), last.is_buyer_maker) == (ASK, 0.01, False)


@calls
def historical_trades(desk):
    first, *_ = desk.ask("historical_trades", SYMBOL, from_id=1)
    assert (first.id, float(first.price)) == (1, LAST)


@calls
def historical_block_trades(desk):
    assert desk.ask("historical_block_trades", SYMBOL, 1) == []


@calls
def agg_trades(desk):
    first, *_ = desk.ask("agg_trades", SYMBOL, from_id=1)
    assert (first.a, first.f, first.l, float(first.p)) == (1, 1, 1, LAST)


def _candles(desk, method):
    *_, last = desk.ask(method, SYMBOL, "1h", limit=2)
    opened, first, high, low, close, volume, closed, *_, ignored = last
    assert closed - opened + 1 == 3_600_000
    assert float(low) <= min(float(first), float(close)) <= float(high)
    assert float(volume) > 0
    assert ignored == "0"


@calls
def klines(desk):
    _candles(desk, "klines")


@calls
def ui_klines(desk):
    _candles(desk, "ui_klines")


@calls
def avg_price(desk):
    assert BID <= float(desk.ask("avg_price", SYMBOL).price) <= ASK


def _tickers(desk, method, *types):
    """Of one symbol it makes one model, of several another."""
    assert desk.ask(method, symbol=SYMBOL).symbol == SYMBOL
    assert [ticker.symbol for ticker in desk.ask(method, symbols=[SYMBOL])] == [SYMBOL]
    for kind in types:
        (short,) = desk.ask(method, symbols=[SYMBOL], type=kind, symbol_status="TRADING")
        assert float(short.last_price) > 0


@calls
def ticker(desk):
    _tickers(desk, "ticker", "FULL", "MINI")
    window = desk.ask("ticker", symbol=SYMBOL, window_size="4h")
    assert 0 < window.close_time - window.open_time - 4 * 3_600_000 < 60_000  # whole minutes


@calls
def ticker24hr(desk):
    _tickers(desk, "ticker24hr", "FULL", "MINI")
    assert len(desk.ask("ticker24hr")) == 1


@calls
def ticker_trading_day(desk):
    _tickers(desk, "ticker_trading_day", "FULL", "MINI")


@calls
def ticker_price(desk):
    _tickers(desk, "ticker_price")


@calls
def ticker_book_ticker(desk):
    _tickers(desk, "ticker_book_ticker")
    touch = desk.ask("ticker_book_ticker", symbol=SYMBOL)
    assert (float(touch.bid_price), float(touch.ask_price)) == (BID, ASK)


@calls
def get_account(desk):
    balances = {b.asset: b for b in desk.ask("get_account", omit_zero_balances=True).balances}
    assert set(balances) == {"BTC", "USDT"}
    desk.ask("new_order", **RESTING)
    locked = {b.asset: float(b.locked) for b in desk.ask("get_account").balances}
    assert (locked["USDT"], locked["BTC"]) == (BELOW * 0.01, 0)


@calls
def account_commission(desk):
    rates = desk.ask("account_commission", SYMBOL)
    assert float(rates.standard_commission.taker) == 0.001
    assert rates.discount.discount_asset == "BNB"


@calls
def rate_limit_order(desk):
    before = [limit.count for limit in desk.ask("rate_limit_order")]
    desk.ask("new_order", **RESTING)
    after = desk.ask("rate_limit_order")
    assert [(limit.interval, limit.interval_num) for limit in after] == [("SECOND", 10), ("DAY", 1)]
    assert after[1].count == before[1] + 1


@calls
def my_filters(desk):
    assert desk.ask("my_filters", SYMBOL).asset_filters == []


@calls
def my_allocations(desk):
    assert desk.ask("my_allocations", SYMBOL) == []


@calls
def my_trades(desk):
    bought = desk.ask("new_order", SYMBOL, "BUY", "MARKET", quantity=0.02)
    (fill,) = desk.ask("my_trades", SYMBOL, order_id=bought.order_id)
    assert (float(fill.qty), fill.commission_asset, fill.is_maker) == (0.02, "BTC", False)
    assert fill.id == bought.fills[0].trade_id
    *_, latest = desk.ask("my_trades", SYMBOL, limit=5)
    assert latest.id == fill.id


@calls
def new_order(desk):
    placed = desk.ask(
        "new_order",
        SYMBOL,
        NewOrderSideEnum.SELL,
        NewOrderTypeEnum.LIMIT,
        time_in_force=NewOrderTimeInForceEnum.GTC,
        quantity=0.01,
        price=ABOVE,
        new_client_order_id="mine",
    )
    assert (placed.client_order_id, placed.status, placed.fills) == ("mine", "NEW", [])


@calls
def order_test(desk):
    before = numbers(desk.ask("all_orders", SYMBOL))
    assert desk.ask("order_test", **RESTING).to_dict() == {}
    rates = desk.ask("order_test", **RESTING, compute_commission_rates=True)
    assert float(rates.standard_commission_for_order.maker) == 0.001
    assert numbers(desk.ask("all_orders", SYMBOL)) == before


@calls
def get_order(desk):
    placed = desk.ask("new_order", **RESTING)
    found = desk.ask("get_order", SYMBOL, order_id=placed.order_id)
    assert (found.status, found.is_working, float(found.price)) == ("NEW", True, BELOW)
    assert desk.ask("get_order", SYMBOL, orig_client_order_id=placed.client_order_id) == found


@calls
def get_open_orders(desk):
    placed = desk.ask("new_order", **RESTING)
    assert numbers(desk.ask("get_open_orders", SYMBOL)) == [placed.order_id]
    assert numbers(desk.ask("get_open_orders")) == [placed.order_id]


@calls
def all_orders(desk):
    placed = desk.ask("new_order", **RESTING)
    desk.ask("delete_order", SYMBOL, order_id=placed.order_id)
    desk.ask("new_order", **{**RESTING, "time_in_force": "IOC"})
    desk.ask("new_order", SYMBOL, "SELL", "STOP_LOSS", quantity=0.01, trailing_delta=250)
    canceled, expired, trailing = desk.ask("all_orders", SYMBOL, order_id=placed.order_id)
    assert (canceled.order_id, canceled.status) == (placed.order_id, "CANCELED")
    assert expired.expiry_reason == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert (trailing.trailing_delta, trailing.trailing_time) == (250, trailing.time)
    span = {"start_time": canceled.time, "end_time": canceled.time + 1_000}
    assert placed.order_id in numbers(desk.ask("all_orders", SYMBOL, **span))


@calls
def delete_order(desk):
    placed = desk.ask("new_order", **RESTING)
    canceled = desk.ask(
        "delete_order",
        SYMBOL,
        orig_client_order_id=placed.client_order_id,
        new_client_order_id="the-cancel",
        cancel_restrictions="ONLY_NEW",
    )
    assert canceled.status == "CANCELED"
    assert canceled.orig_client_order_id == placed.client_order_id
    assert canceled.client_order_id == "the-cancel"


@calls
def delete_open_orders(desk):
    placed = [desk.ask("new_order", **RESTING) for _ in range(2)]
    of_list = desk.ask("order_list_oco", **OCO)
    canceled = desk.ask("delete_open_orders", SYMBOL)
    assert numbers(canceled)[:2] == numbers(placed)
    assert canceled[2].order_list_id == of_list.order_list_id
    assert desk.ask("get_open_orders", SYMBOL) == []


@calls
def order_cancel_replace(desk):
    placed = desk.ask("new_order", **RESTING)
    change = {**RESTING, "price": FAR_BELOW, "cancel_order_id": placed.order_id}
    told = desk.ask("order_cancel_replace", **change, cancel_replace_mode="STOP_ON_FAILURE")
    assert (told.cancel_result, told.new_order_result) == ("SUCCESS", "SUCCESS")
    assert told.cancel_response.order_id == placed.order_id
    assert numbers(desk.ask("get_open_orders", SYMBOL)) == [told.new_order_response.order_id]


@calls
def order_amend_keep_priority(desk):
    placed = desk.ask("new_order", **RESTING)
    told = desk.ask("order_amend_keep_priority", SYMBOL, 0.005, order_id=placed.order_id)
    amended = told.amended_order
    assert (amended.order_id, float(amended.qty)) == (placed.order_id, 0.005)
    assert amended.orig_client_order_id == placed.client_order_id
    assert float(desk.ask("get_order", SYMBOL, order_id=placed.order_id).orig_qty) == 0.005


def _listed(desk, told, contingency, statuses):
    """Check a list that was placed: as it is told, found and open."""
    assert (told.contingency_type, told.list_order_status) == (contingency, "EXECUTING")
    assert numbers(told.orders) == numbers(told.order_reports)
    assert [report.status for report in told.order_reports] == statuses
    assert sorted(numbers(desk.ask("get_open_orders", SYMBOL))) == sorted(numbers(told.orders))


@calls
def order_list_oco(desk):
    told = desk.ask("order_list_oco", **OCO, list_client_order_id="pair")
    assert told.list_client_order_id == "pair"
    _listed(desk, told, "OCO", ["NEW", "NEW"])


@calls
def order_oco(desk):
    order = {"symbol": SYMBOL, "side": "SELL", "quantity": 0.01, "price": ABOVE}
    stop = {"stop_price": BELOW, "stop_limit_price": FAR_BELOW}
    told = desk.ask("order_oco", **order, **stop, stop_limit_time_in_force="GTC")
    _listed(desk, told, "OCO", ["NEW", "NEW"])


@calls
def order_list_oto(desk):
    told = desk.ask("order_list_oto", **WORKING, **PENDING, pending_quantity=0.01)
    _listed(desk, told, "OTO", ["NEW", "PENDING_NEW"])


@calls
def order_list_otoco(desk):
    told = desk.ask("order_list_otoco", **WORKING, **BRACKET, pending_quantity=0.01)
    _listed(desk, told, "OTO", ["NEW", "PENDING_NEW", "PENDING_NEW"])


@calls
def get_order_list(desk):
    told = desk.ask("order_list_oco", **OCO)
    found = desk.ask("get_order_list", order_list_id=told.order_list_id)
    assert numbers(found.orders) == numbers(told.orders)
    by_name = desk.ask("get_order_list", orig_client_order_id=told.list_client_order_id)
    assert by_name == found


@calls
def open_order_list(desk):
    told = desk.ask("order_list_oco", **OCO)
    (found,) = desk.ask("open_order_list")
    assert (found.order_list_id, found.list_order_status) == (told.order_list_id, "EXECUTING")


@calls
def delete_order_list(desk):
    told = desk.ask("order_list_oco", **OCO)
    canceled = desk.ask("delete_order_list", SYMBOL, order_list_id=told.order_list_id)
    assert (canceled.list_status_type, canceled.list_order_status) == ("ALL_DONE", "ALL_DONE")
    assert {report.status for report in canceled.order_reports} == {"CANCELED"}


@calls
def all_order_list(desk):
    told = desk.ask("order_list_oco", **OCO)
    desk.ask("delete_order", SYMBOL, order_id=told.orders[0].order_id)  # takes the other along
    (last,) = desk.ask("all_order_list", from_id=told.order_list_id)
    assert (last.order_list_id, last.list_order_status) == (told.order_list_id, "ALL_DONE")


# What it offers and is not served here: how it is called, what it gets, and why.
SOR = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": 0.01}
LEFT_OUT: dict[str, tuple[dict[str, Any], type[Exception], int, str]] = {
    "reference_price": ({"symbol": SYMBOL}, BadRequestError, -2043, NO_REFERENCE),
    "reference_price_calculation": ({"symbol": SYMBOL}, BadRequestError, -2043, NO_REFERENCE),
    "order_list_opo": ({**WORKING, **PENDING}, BadRequestError, -1013, NO_PEGS),
    "order_list_opoco": ({**WORKING, **BRACKET}, BadRequestError, -1013, NO_PEGS),
    "sor_order": (SOR, BadRequestError, -1013, NO_PEGS),
    "sor_order_test": (SOR, BadRequestError, -1013, NO_PEGS),
    "my_prevented_matches": ({"symbol": SYMBOL}, BadRequestError, -1020, NO_PREVENTED),
    "order_amendments": ({"symbol": SYMBOL, "order_id": 1}, NotFoundError, -1020, NO_AMENDMENTS),
}
# These raise in the SDK itself, before anything is sent.
BROKEN = {"send_request", "send_signed_request"}


@pytest.mark.parametrize("method", offered(SpotRestAPI))
def test_what_it_offers_is_served_or_left_out(desk, told, method):
    told.methods.add(method)
    if method in CALLS:
        CALLS[method](desk)
    elif method in BROKEN:
        with pytest.raises(TypeError, match="not subscriptable"):
            getattr(desk.client, method)("/api/v3/time", "GET")
    else:
        parameters, kind, code, why = LEFT_OUT[method]
        assert why in DIFFERENCES
        refused(kind, code, lambda: getattr(desk.client, method)(**parameters))


def test_what_is_left_out_is_what_the_dialect_does_not_offer():
    """The routes that only refuse are those of its methods that are left out."""
    refusing = {e.path for e in DIALECT.endpoints if e.summary == "Not offered"}
    assert refusing == {
        "/api/v3/orderList/opo",
        "/api/v3/orderList/opoco",
        "/api/v3/sor/order",
        "/api/v3/sor/order/test",
        "/api/v3/myPreventedMatches",
    }
    assert not LEFT_OUT.keys() & CALLS.keys()
    assert LEFT_OUT.keys() | CALLS.keys() | BROKEN == set(offered(SpotRestAPI))


def test_its_models_are_told_all_that_they_have(told):
    """Comes last: it looks at the answers to all methods."""
    if not told.methods >= set(offered(SpotRestAPI)):
        pytest.skip("only after all methods have been called")
    assert set(NEVER_TOLD.values()) <= DIFFERENCES
    assert told.untold() == NOT_DOCUMENTED
    assert told.beside() == BESIDES
