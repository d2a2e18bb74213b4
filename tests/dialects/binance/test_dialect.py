"""What the manifest itself decides: units of time, and what of its limits comes back."""

import pytest

from steelyard.dialects.binance import DIALECT, LIMITS
from steelyard.wire.limits import Counts, Limit, LimitProfile, Per
from tests.dialects.binance.test_ws_api import ORDER, Talk
from tests.dialects.binance.venue import Venue

MINUTE_NS = 60_000_000_000
DAY_NS = 1_440 * MINUTE_NS


def unit(name):
    return {"x-mbx-time-unit": name}


@pytest.mark.parametrize("name", ["MICROSECOND", "microsecond"])
def test_a_header_asks_for_microseconds(venue, name):
    """Of every time in the answer, and of no other answer."""
    venue.place(price="49000")
    venue.place(venue.other_key, side="SELL", price="49000")
    _, fine = venue.get_with(unit(name), "trades", symbol="BTCUSDT")
    _, coarse = venue.get("trades", symbol="BTCUSDT")
    assert fine[0]["time"] // 1_000 == coarse[0]["time"]
    assert venue.get_with(unit(name), "time")[1]["serverTime"] == venue.desk.now_ns // 1_000
    assert venue.get("time")[1]["serverTime"] == venue.desk.now_ns // 1_000_000
    _, (kline,) = venue.get_with(unit(name), "klines", symbol="BTCUSDT", interval="1m")
    assert (kline[0], kline[6] - kline[0]) == (kline[0] // 10**6 * 10**6, 59_999_999)


def test_durations_stay_what_they_are():
    venue = Venue(LIMITS)
    fine = venue.get_with(unit("MICROSECOND"), "exchangeInfo")[1]
    coarse = venue.get("exchangeInfo")[1]
    assert fine["fairUse"] == coarse["fairUse"]
    assert fine["rateLimits"] == coarse["rateLimits"]


def test_another_unit_is_refused(venue):
    status, refused = venue.get_with(unit("SECOND"), "time")
    assert (status, refused["code"]) == (400, -1194)
    assert venue.get_with(unit("MILLISECOND"), "time")[0] == 200


def used(venue, method, path, params):
    response = venue.send(venue.signed(method, path, params))
    return response.status, response.headers["x-mbx-used-weight-1m"]


def test_an_order_that_succeeds_weighs_nothing_and_one_that_fails_does():
    """So do its cancellation, and a test, which always weighs."""
    venue = Venue(LIMITS)
    order = {**ORDER}
    assert used(venue, "POST", "order", {**order, "newClientOrderId": "mine"}) == (200, "0")
    assert used(venue, "POST", "order", {**order, "quantity": "0.000001"}) == (400, "1")
    assert used(venue, "POST", "order/test", order) == (200, "2")
    cancel = {"symbol": "BTCUSDT", "origClientOrderId": "mine"}
    assert used(venue, "DELETE", "order", cancel) == (200, "2")
    assert used(venue, "DELETE", "order", cancel) == (400, "3")
    talk = Talk(venue)
    counts = [
        talk.ask_signed("order.place", **{**ORDER, "quantity": size})["rateLimits"][0]["count"]
        for size in ("0.01", "0.000001")
    ]
    assert counts == [5, 6]  # connecting costs 2


def order_count(venue):
    response = venue.send(venue.signed("GET", "rateLimit/order", {}))
    return int(response.headers["x-mbx-order-count-10s"])


def test_an_order_that_trades_is_not_counted_any_more():
    """With its first fill, whichever side it was; further fills give nothing back, nor do ends."""
    venue = Venue(LIMITS)
    venue.desk.now_ns -= venue.desk.now_ns % 10_000_000_000
    for price in ("49000", "49001", "49002"):
        placed = venue.place(price=price)
    assert order_count(venue) == 3
    venue.call("DELETE", "order", symbol="BTCUSDT", orderId=placed["orderId"])
    assert order_count(venue) == 3
    for _ in range(2):
        venue.place(venue.other_key, side="SELL", price="49001", quantity="0.005")
        assert order_count(venue) == 2
    venue.place(venue.other_key, side="SELL", price="48000", quantity="0.02")
    assert order_count(venue) == 1


def test_a_profile_of_someone_else_is_not_given_more_than_it_has_taken():
    """A fill of an order from before the window cannot make the count less than nothing."""
    one = LimitProfile((Limit("o", Per.ACCOUNT, Counts.ORDERS, 1, DAY_NS),))
    venue = Venue(one)
    venue.place(price="49000")
    venue.desk.now_ns += DAY_NS
    venue.place(venue.other_key, side="SELL", price="49000")
    venue.place(price="49000")
    status, refused = venue.call("POST", "order", ORDER)
    assert (status, refused["code"]) == (429, -1015)


def test_withdrawals_have_limits_of_their_own_which_rate_limits_do_not_tell():
    """As weights for a wallet's routes are apart from the 6,000 of the others at the venue."""
    venue = Venue(LIMITS)
    assert [limit["rateLimitType"] for limit in venue.get("exchangeInfo")[1]["rateLimits"]] == [
        *("REQUEST_WEIGHT", "RAW_REQUESTS", "ORDERS", "ORDERS"),
    ]
    routes = {route for limit in LIMITS.limits for route in limit.routes}
    assert routes <= {endpoint.path for endpoint in DIALECT.endpoints}
    assert len(routes) == 2


def test_weights_are_those_of_the_fact_sheet():
    """Of the routes whose weight does not depend on the request."""
    weights = {
        (e.method, e.path.removeprefix("/api/v3/")): e.weight(None)
        for e in DIALECT.endpoints
        if "lambda" in getattr(e.weight, "__qualname__", "") and not _asks(e)
    }
    wanted = {
        1: ["ping", "time"],
        2: ["klines", "uiKlines", "avgPrice", "referencePrice"],
        4: ["aggTrades"],
        20: ["exchangeInfo", "account", "account/commission", "allOrders", "myAllocations"],
        25: ["trades", "historicalTrades"],
        40: ["rateLimit/order", "myFilters"],
    }
    for weight, paths in wanted.items():
        for path in paths:
            assert weights["GET", path] == weight, path
    assert weights["GET", "/sapi/v1/capital/config/getall"] == 10
    assert weights["GET", "/sapi/v1/capital/deposit/address"] == 10
    assert weights["GET", "/sapi/v1/capital/deposit/hisrec"] == 1


def _asks(endpoint):
    try:
        endpoint.weight(None)
    except AttributeError:
        return True
    return False
