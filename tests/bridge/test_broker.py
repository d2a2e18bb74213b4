"""No mark of a third party leaves."""

import pytest

from steelyard.bridge.broker import blank, check, cleaned
from steelyard.domain.errors import Unsupported

MARK = "x-TKT5PX2F"


def test_options_that_hold_marks_are_emptied_and_remembered():
    """At any depth, and nothing else."""
    options = {
        "broker": {"spot": MARK, "swap": {"deep": "x-DEEP"}, "rebate": True},
        "partner": {"id": "ccxt", "key": "9e58cc35-5b5e"},
        "brokerId": "abc",
        "recvWindow": 5_000,
        "defaultType": "spot",
    }
    assert blank(options) == {MARK, "x-DEEP", "ccxt", "9e58cc35-5b5e"}
    assert options == {
        "broker": {"spot": "", "swap": {"deep": ""}, "rebate": True},
        "partner": {"id": "", "key": ""},
        "brokerId": "",
        "recvWindow": 5_000,
        "defaultType": "spot",
    }


def test_headers_that_name_a_broker_are_dropped():
    """By their names, and by what stands in them."""
    headers = {"Referer": "CCXT", "X-MBX-APIKEY": "k", "Other": f"by {MARK}", "KC-API-PARTNER": "p"}
    assert cleaned(headers, frozenset({MARK})) == {"X-MBX-APIKEY": "k"}
    assert cleaned(None, frozenset({MARK})) is None


@pytest.mark.parametrize(
    ("url", "body"), [(f"http://h/?id={MARK}1", None), ("http://h/", f"a={MARK}")]
)
def test_a_request_with_a_mark_does_not_leave(url, body):
    with pytest.raises(Unsupported, match="nothing was sent"):
        check(url, body, frozenset({MARK}))


def test_a_request_without_one_leaves():
    check("http://h/?id=a1", "b=2", frozenset({MARK}))
