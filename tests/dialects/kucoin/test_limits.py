"""Pools: which routes draw on which, what headers tell, and what a trader reads in them."""

from steelyard.dialects.kucoin import DIALECT, LIMITS, limits
from steelyard.wire.budget import Spent
from steelyard.wire.dialect import Auth
from steelyard.wire.http import Request, Response
from tests.dialects.kucoin.venue import HF, Venue


def test_every_route_draws_on_one_pool():
    for endpoint in DIALECT.endpoints:
        is_public = endpoint.auth is Auth.NONE
        pools = [
            limit.name
            for limit in LIMITS.limits
            if limit.covers(endpoint.method, endpoint.path, is_public=is_public)
        ]
        assert len(pools) == 1, endpoint
        assert (pools == ["public pool"]) == is_public


def test_what_is_left_is_told_and_read():
    venue = Venue(LIMITS)
    response = venue.send(Request("GET", "/api/v1/timestamp", {}, b""))
    assert response.headers["gw-ratelimit-limit"] == "2000"
    assert response.headers["gw-ratelimit-remaining"] == "1997"
    assert 0 < int(response.headers["gw-ratelimit-reset"]) <= 30_000
    assert limits.spent(response) == (), "public and management pools are as large as each other"
    response = venue.answer("GET", f"{HF}/active?symbol=BTC-USDT")
    assert response.headers["gw-ratelimit-remaining"] == "3998"
    assert limits.spent(response) == (Spent(2, "spot pool"),)


def test_who_is_over_is_told_when_to_come_back():
    venue = Venue(LIMITS)
    for _ in range(100):
        venue.answer("GET", "/api/v1/user/api-key")
    response = venue.answer("GET", "/api/v1/user/api-key")
    assert response.status == 429
    assert response.headers["gw-ratelimit-remaining"] == "0"
    assert int(response.headers["gw-ratelimit-reset"]) > 0


def test_headers_that_make_no_sense_say_nothing():
    for left in ("", "x", "-1", "9" * 40):
        headers = {"gw-ratelimit-limit": "4000", "gw-ratelimit-remaining": left}
        assert limits.spent(Response(200, headers, b"")) == ()
