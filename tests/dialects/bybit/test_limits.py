from steelyard.dialects.bybit import DIALECT
from steelyard.dialects.bybit.limits import LIMITS, PER_SECOND, told_of, usage_headers
from steelyard.domain.messages import SECOND_NS
from steelyard.wire.limits import Counts, Kind, Limit, Per, Used
from tests.dialects.bybit.venue import Venue

CREATE = next(limit for limit in LIMITS.limits if limit.name == "create")


def test_every_limit_is_of_a_route():
    """A route that is misspelled would have no limit."""
    paths = {endpoint.path for endpoint in DIALECT.endpoints}
    assert {path for _, routes in PER_SECOND.values() for path in routes} <= paths


def test_what_is_left_is_told_and_until_when():
    used = Used(CREATE, 3, 5 * SECOND_NS, 1 * SECOND_NS)
    assert told_of((used,)) == {
        "X-Bapi-Limit": "20",
        "X-Bapi-Limit-Status": "17",
        "X-Bapi-Limit-Reset-Timestamp": "4000",
    }
    over = told_of((used._replace(used=20, is_over=True),))
    assert over["X-Bapi-Limit-Reset-Timestamp"] == "5001"
    odd = Limit("odd", Per.IP, Counts.REQUESTS, 10, SECOND_NS, Kind.SLIDING)
    assert usage_headers((Used(odd, 4, 0),))["x-ratelimit-name"] == "odd"


def test_the_21st_order_of_a_second_waits():
    """A refused one is told with HTTP 200, and places nothing."""
    venue = Venue(LIMITS)
    venue.desk.now_ns += 10 * SECOND_NS
    placed = [venue.try_to_place(qty="0.001", price=str(20_000 + n)) for n in range(20)]
    assert {answer["retCode"] for answer in placed} == {0}
    # 50 ms lie between two: the window of a second has room again.
    assert venue.try_to_place(qty="0.001")["retCode"] == 0
    entry = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001"}
    batch = [{**entry, "price": str(30_000 + n)} for n in range(10)]
    codes = [venue.post("/v5/order/create-batch", request=batch)["retCode"] for _ in range(3)]
    assert codes == [0, 0, 10006]
