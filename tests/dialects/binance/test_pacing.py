import msgspec
import pytest

from steelyard import dialects
from steelyard.dialects.binance import LIMITS
from steelyard.dialects.binance.market import fair_use_to_wire, limit_to_wire
from steelyard.dialects.binance.messages import ExchangeInfo
from steelyard.dialects.binance.pacing import limits_of, spent
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.wire.budget import Spent
from steelyard.wire.http import Response
from steelyard.wire.limits import Counts, Kind, Limit, LimitProfile, Per, Used

CLIENT = dialects.find("binance").client


def test_the_venues_headers_say_what_is_used():
    """As documented; what is no such header, or no number, is passed over."""
    headers = {
        "x-mbx-used-weight": "9",
        "x-mbx-used-weight-1m": "12",
        "x-mbx-order-count-10s": "3",
        "x-mbx-order-count-1d": "40",
        "x-mbx-used-weight-1y": "1",
        "x-mbx-order-count-2h": "-1",
        "x-mbx-used-weight-5m": "9" * 30,
    }
    assert spent(headers) == (
        Spent(12, counts=Counts.WEIGHT, window_ns=MINUTE_NS),
        Spent(3, counts=Counts.ORDERS, window_ns=10 * SECOND_NS),
        Spent(40, counts=Counts.ORDERS, window_ns=1440 * MINUTE_NS),
    )


def test_what_our_server_says_is_read_as_it_was_meant():
    """Both ends: of the venue's own limits, and of others by their names."""
    other = Limit("odd", Per.IP, Counts.REQUESTS, 10, SECOND_NS, Kind.SLIDING)
    usage = (*(Used(limit, 7, 0) for limit in LIMITS.limits), Used(other, 4, 0))
    headers = dialects.find("binance").usage_headers(usage)
    told = spent(headers)
    assert Spent(4, "odd") in told
    assert Spent(7, counts=Counts.WEIGHT, window_ns=MINUTE_NS) in told
    assert Spent(7, counts=Counts.ORDERS, window_ns=10 * SECOND_NS) in told


def info(limits: LimitProfile, *, is_ours: bool) -> ExchangeInfo:
    rows = tuple(limit_to_wire(limit) for limit in limits.limits if not limit.routes)
    if not is_ours:
        return ExchangeInfo(serverTime=0, rateLimits=rows, symbols=())
    return ExchangeInfo(serverTime=0, rateLimits=rows, symbols=(), fairUse=fair_use_to_wire(limits))


def test_the_limits_in_force_are_those_that_exchange_info_tells():
    """Of the venue four rows; of our exchange everything that is enforced."""
    told = limits_of(info(LIMITS, is_ours=False))
    assert told.limits == tuple(limit for limit in LIMITS.limits if not limit.routes)
    whole = limits_of(info(LIMITS, is_ours=True))
    assert whole.limits == LIMITS.limits
    assert (whole.ban_after, whole.ban_ns) == (LIMITS.ban_after, LIMITS.ban_ns)
    assert whole.sockets.connects == LIMITS.sockets.connects


@pytest.mark.parametrize(
    "row",
    [
        {"rateLimitType": "CONNECTIONS", "interval": "MINUTE", "intervalNum": 5, "limit": 1},
        {"rateLimitType": "ORDERS", "interval": "YEAR", "intervalNum": 1, "limit": 1},
        {"rateLimitType": "ORDERS", "interval": "", "intervalNum": 1, "limit": 1},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 0, "limit": 1},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 0},
    ],
)
def test_a_limit_of_a_kind_that_is_not_known_is_passed_over(row):
    """New kinds must not keep a trader from starting."""
    body = {"timezone": "UTC", "serverTime": 1, "rateLimits": [row], "symbols": []}
    response = Response(200, {}, msgspec.json.encode(body))
    assert CLIENT.limits_of(response) == LimitProfile(())


@pytest.mark.parametrize("response", [Response(503, {}, b"{}"), Response(200, {}, b"<html>")])
def test_what_tells_no_limits_is_said(response):
    with pytest.raises(DecodeError):
        CLIENT.limits_of(response)
