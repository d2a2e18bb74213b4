"""The beginner's program: hexadecimal signatures, ISO times, and orders that are done at once."""

import hashlib
import hmac
from datetime import UTC, datetime

import msgspec
import pytest

from steelyard.dialects.coinbase_exchange import auth
from steelyard.domain.messages import KeyKind
from steelyard.wire.http import Request


def send(venue, key, method, target, body=None):
    """Send a request just as the tutorial does."""
    raw = b"" if body is None else msgspec.json.encode(body)
    timestamp = f"{datetime.fromtimestamp(venue.desk.now_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}Z"
    message = f"{timestamp}{method}{target}".encode() + raw
    headers = {
        "cb-access-key": key.key,
        "cb-access-sign": hmac.new(key.secret, message, hashlib.sha256).hexdigest(),
        "cb-access-timestamp": timestamp,
    }
    response = venue.send(Request(method, target, headers, raw))
    return response.status, msgspec.json.decode(response.body)


@pytest.fixture
def key(venue):
    return venue.new_key("alice", kind=KeyKind.TUTORIAL)


def test_balances_and_tickers_are_read(venue, key):
    status, accounts = send(venue, key, "GET", "/accounts")
    assert status == 200
    assert {a["currency"]: a["available"] for a in accounts}["USDT"] == "1000000"
    venue.place(venue.other_key, side="sell")
    venue.place()
    assert send(venue, key, "GET", "/ticker?product_id=BTC-USDT")[1]["price"] == "50000.00"
    assert send(venue, key, "GET", "/products/BTC-USDT/ticker")[1]["price"] == "50000.00"


def test_a_market_order_that_fills_is_done_with_its_value(venue, key):
    """A8, A9: product_id, side, order_type and size in; status and executed_value out."""
    venue.place(venue.other_key, side="sell", price="42157.50", size="1")
    body = {"product_id": "BTC-USDT", "side": "buy", "order_type": "market", "size": "0.1"}
    status, order = send(venue, key, "POST", "/orders", body)
    assert status == 200
    assert (order["status"], order["done_reason"], order["settled"]) == ("done", "filled", True)
    assert (order["product_id"], order["side"], order["size"]) == ("BTC-USDT", "buy", "0.10000000")
    assert order["executed_value"] == "4215.7500000000000000"
    assert order["fill_fees"] == "4.2157500000000000"


def test_an_ordinary_key_is_told_what_the_difference_is(venue):
    status, answer = send(venue, venue.key, "GET", "/accounts")
    assert (status, answer["message"]) == (401, "invalid signature")
    assert "hexadecimal" in answer["help"]
    assert "--signing tutorial" in answer["help"]
    assert "CB-ACCESS-PASSPHRASE" in answer["help"]


def test_a_tutorial_key_is_told_so_too(venue, key):
    headers = auth.signed_headers(key, "GET", "/accounts", b"", venue.desk.now_ns)
    response = venue.send(Request("GET", "/accounts", headers, b""))
    answer = msgspec.json.decode(response.body)
    assert (response.status, answer["message"]) == (401, "invalid signature")
    assert "this key is a tutorial key" in answer["help"] or "tutorial key" in answer["help"]


def test_a_wrong_secret_is_no_better_here(venue, key):
    assert send(venue, key._replace(secret=b"wrong"), "GET", "/accounts")[0] == 401
    status, _ = send(venue, key._replace(secret=venue.key.secret), "GET", "/accounts")
    assert status == 401


def test_the_tutorials_word_for_a_type_needs_its_key(venue):
    body = {"product_id": "BTC-USDT", "side": "buy", "order_type": "market", "size": "0.1"}
    status, answer = venue.call("POST", "/orders", body)
    assert status == 400
    assert "`type`" in answer["help"]
