"""Unmodified binance-sdk-spot over REST: every method that it offers, and a day of trading."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from binance_common.configuration import ConfigurationRestAPI
from binance_common.constants import TimeUnit
from binance_common.errors import (
    BadRequestError,
    ClientError,
    NotFoundError,
    TooManyRequestsError,
    UnauthorizedError,
)
from binance_sdk_spot.rest_api.models import (
    NewOrderSideEnum,
    NewOrderTimeInForceEnum,
    NewOrderTypeEnum,
)
from binance_sdk_spot.rest_api.rest_api import SpotRestAPI
from binance_sdk_spot.spot import Spot
from key_pairs import OFFERED_BY_ALL, pair
from quiet_market import (
    ABOVE,
    ASK,
    BELOW,
    BID,
    FAR_BELOW,
    LAST,
    PLENTY,
    SYMBOL,
    quiet_exchange,
)
from sdk_desk import (
    BESIDES,
    DIFFERENCES,
    NEVER_TOLD,
    NO_AMENDMENTS,
    NO_PEGS,
    NO_PREVENTED,
    NO_REFERENCE,
    NOT_DOCUMENTED,
    RESTING,
    Told,
    numbers,
    offered,
    secret_of,
    spot,
)

from steelyard.dialects.binance import DIALECT
from steelyard.net.clock import Clock

pytestmark = pytest.mark.slow

SELL_OCO = {"symbol": SYMBOL, "side": "SELL", "quantity": 0.01}
WORKING = {
    "symbol": SYMBOL,
    "working_type": "LIMIT",
    "working_side": "BUY",
    "working_price": BELOW,
    "working_quantity": 0.01,
    "working_time_in_force": "GTC",
    "pending_side": "SELL",
}
BRACKET = {
    "pending_above_type": "LIMIT_MAKER",
    "pending_above_price": ABOVE,
    "pending_below_type": "STOP_LOSS_LIMIT",
    "pending_below_stop_price": FAR_BELOW,
    "pending_below_price": FAR_BELOW,
    "pending_below_time_in_force": "GTC",
}
LISTS_WITH = {"listClientOrderId", "orders", "orderReports"}
ORDERS_MAX = 100  # in ten seconds
names = (f"sdk-{number}" for number in itertools.count())


class Desk:
    """A client with an account, and what its models made of the answers."""

    def __init__(self, client: SpotRestAPI, told: Told) -> None:
        self.client = client
        self._told = told

    def ask(self, method: str, *arguments: Any, **parameters: Any) -> Any:
        """Call a method and return what it made of the answer."""
        answer = getattr(self.client, method)(*arguments, **parameters)
        assert answer.status == 200
        assert {limit.rateLimitType for limit in answer.rate_limits} >= {"REQUEST_WEIGHT"}
        found = answer.data()
        self._told.add(found)
        return getattr(found, "actual_instance", found)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """An exchange on which nobody trades who is not asked to."""
    with quiet_exchange(tmp_path_factory.mktemp("quiet")) as running:
        running.settings = running.env("binance", client="binance-sdk-spot")
        maker = running.trader("maker", PLENTY, dialect="binance")
        running.maker = spot(running.settings, **secret_of(maker)).rest_api
        yield running


@pytest.fixture(scope="module")
def told():
    return Told()


@pytest.fixture(scope="module")
def desk(quiet, told):
    key = quiet.trader(next(names), PLENTY, dialect="binance")
    return Desk(spot(quiet.settings, **secret_of(key)).rest_api, told)


@pytest.fixture(autouse=True)
def _as_declared(caplog):
    """It warns of values that it had to convert, and of answers that fit no model."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call")] == []


@pytest.fixture(autouse=True)
def _nothing_stays(request, desk):
    yield
    if desk.client.get_open_orders(SYMBOL).data():
        desk.client.delete_open_orders(SYMBOL)


def refused(kind: type[Exception], code: int, call: Callable[[], Any]) -> Any:
    with pytest.raises(kind) as told:
        call()
    assert told.value.status_code == code
    return told.value


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
    (last,) = desk.ask("all_orders", SYMBOL, order_id=placed.order_id)
    assert (last.order_id, last.status) == (placed.order_id, "CANCELED")
    begun = {"start_time": last.time, "end_time": last.time + 1_000}
    assert placed.order_id in numbers(desk.ask("all_orders", SYMBOL, **begun))


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
    of_list = desk.ask("order_list_oco", **SELL_OCO, **_oco())
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


def _oco(below_type="STOP_LOSS_LIMIT"):
    return {
        "above_type": "LIMIT_MAKER",
        "above_price": ABOVE,
        "below_type": below_type,
        "below_stop_price": BELOW,
        "below_price": FAR_BELOW,
        "below_time_in_force": "GTC",
    }


def _listed(desk, told, contingency, statuses):
    """Check a list that was placed: as it is told, found and open."""
    assert (told.contingency_type, told.list_order_status) == (contingency, "EXECUTING")
    assert numbers(told.orders) == numbers(told.order_reports)
    assert [report.status for report in told.order_reports] == statuses
    assert sorted(numbers(desk.ask("get_open_orders", SYMBOL))) == sorted(numbers(told.orders))


@calls
def order_list_oco(desk):
    told = desk.ask("order_list_oco", **SELL_OCO, **_oco(), list_client_order_id="pair")
    assert told.list_client_order_id == "pair"
    _listed(desk, told, "OCO", ["NEW", "NEW"])


@calls
def order_oco(desk):
    prices = {"price": ABOVE, "stop_price": BELOW, "stop_limit_price": FAR_BELOW}
    told = desk.ask("order_oco", **SELL_OCO, **prices, stop_limit_time_in_force="GTC")
    _listed(desk, told, "OCO", ["NEW", "NEW"])


@calls
def order_list_oto(desk):
    pending = {"pending_type": "LIMIT", "pending_price": ABOVE, "pending_time_in_force": "GTC"}
    told = desk.ask("order_list_oto", **WORKING, **pending, pending_quantity=0.01)
    _listed(desk, told, "OTO", ["NEW", "PENDING_NEW"])


@calls
def order_list_otoco(desk):
    told = desk.ask("order_list_otoco", **WORKING, **BRACKET, pending_quantity=0.01)
    _listed(desk, told, "OTO", ["NEW", "PENDING_NEW", "PENDING_NEW"])


@calls
def get_order_list(desk):
    told = desk.ask("order_list_oco", **SELL_OCO, **_oco())
    found = desk.ask("get_order_list", order_list_id=told.order_list_id)
    assert numbers(found.orders) == numbers(told.orders)
    by_name = desk.ask("get_order_list", orig_client_order_id=told.list_client_order_id)
    assert by_name == found


@calls
def open_order_list(desk):
    told = desk.ask("order_list_oco", **SELL_OCO, **_oco())
    (found,) = desk.ask("open_order_list")
    assert (found.order_list_id, found.list_order_status) == (told.order_list_id, "EXECUTING")


@calls
def delete_order_list(desk):
    told = desk.ask("order_list_oco", **SELL_OCO, **_oco())
    canceled = desk.ask("delete_order_list", SYMBOL, order_list_id=told.order_list_id)
    assert (canceled.list_status_type, canceled.list_order_status) == ("ALL_DONE", "ALL_DONE")
    assert {report.status for report in canceled.order_reports} == {"CANCELED"}


@calls
def all_order_list(desk):
    told = desk.ask("order_list_oco", **SELL_OCO, **_oco())
    desk.ask("delete_order", SYMBOL, order_id=told.orders[0].order_id)  # takes the other along
    (last,) = desk.ask("all_order_list", from_id=told.order_list_id)
    assert (last.order_list_id, last.list_order_status) == (told.order_list_id, "ALL_DONE")


# What it offers and is not served here: how it is called, what it gets, and why.
OPO = {**WORKING, "pending_type": "LIMIT", "pending_price": ABOVE, "pending_time_in_force": "GTC"}
SOR = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": 0.01}
LEFT_OUT: dict[str, tuple[dict[str, Any], type[Exception], int, str]] = {
    "reference_price": ({"symbol": SYMBOL}, BadRequestError, -2043, NO_REFERENCE),
    "reference_price_calculation": ({"symbol": SYMBOL}, BadRequestError, -2043, NO_REFERENCE),
    "order_list_opo": (OPO, BadRequestError, -1013, NO_PEGS),
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


def test_too_many_orders_are_refused_with_the_time_to_wait(quiet):
    key = quiet.trader(next(names), PLENTY, dialect="binance")
    client = spot(quiet.settings, **secret_of(key)).rest_api
    with pytest.raises(TooManyRequestsError) as slowed:
        for _ in range(3 * ORDERS_MAX):
            client.new_order(**{**RESTING, "price": FAR_BELOW})
    assert slowed.value.status_code == -1015
    assert 0 < slowed.value.retry_after <= 10


def test_its_models_are_told_all_that_they_have(told):
    """Comes last: it looks at the answers to all methods."""
    if not told.methods >= set(offered(SpotRestAPI)):
        pytest.skip("only after all methods have been called")
    assert set(NEVER_TOLD.values()) <= DIFFERENCES
    assert told.untold() == NOT_DOCUMENTED
    assert told.beside() == BESIDES
