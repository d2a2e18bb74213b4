import json

from steelyard.dialects.okx import DIALECT
from steelyard.dialects.okx.limits import LIMITS, PRIVATE, PUBLIC
from tests.dialects.okx.venue import Venue


def test_every_limit_is_of_a_route_that_there_is():
    routes = {f"{e.method} {e.path}".replace("/api/v5/", "") for e in DIALECT.endpoints}
    assert set(PRIVATE) <= routes
    assert {f"GET {path}" for path in PUBLIC} <= routes


def test_a_batch_counts_its_orders_on_a_counter_of_its_own():
    venue = Venue(LIMITS)
    many = [venue.order(px="40000")] * 20
    for _ in range(15):
        assert venue.post("trade/batch-orders", many)["code"] == "0"
    told = venue.post("trade/batch-orders", many[:1])
    assert (told["code"], told["msg"]) == ("50011", "Too Many Requests")
    assert venue.post("trade/order", venue.order())["code"] == "0"


def test_who_is_over_a_limit_is_let_in_two_seconds_later():
    venue = Venue(LIMITS)
    for _ in range(10):
        assert venue.get("public/time")["code"] == "0"
    response = venue.http("GET", "/api/v5/public/time")
    assert (response.status, json.loads(response.body)["code"]) == (429, "50011")
    venue.desk.now_ns += 2 * 10**9
    assert venue.get("public/time")["code"] == "0"
