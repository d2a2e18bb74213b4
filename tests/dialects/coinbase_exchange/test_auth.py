"""Signatures: the published scheme's vectors, tampering, and the tutorial's scheme."""

import msgspec
import pytest

from steelyard.dialects.coinbase_exchange import auth
from steelyard.domain.messages import KeyKind, Scope
from steelyard.wire.dialect import ApiKey, Credentials
from steelyard.wire.http import Request

KEY = "0123456789abcdef0123456789abcdef"
SECRET = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
PASSPHRASE = "test-passphrase"
NOW_NS = 1_700_000_000 * 10**9
OWN = "1985ca2d-61ef-49f1-bfce-6c39d8462914"
ORDER = (
    b'{"type":"limit","side":"buy","product_id":"BTC-USD","price":"30000.00","size":"0.01",'
    b'"client_oid":"1985ca2d-61ef-49f1-bfce-6c39d8462914"}'
)
# What ccxt's coinbaseexchange signs with this key at 1700000000, and an independent HMAC too.
VECTORS = [
    ("GET", "/accounts", b"", "rGG1JqXQ+E6pZei33vupSfjDznqIYp7EiYs3JKWtKIw="),
    (
        "GET",
        "/orders?product_id=BTC-USD&status=all",
        b"",
        "5hN3XK6lpdshXoCn65VHed0icmvpDjIVEfYNcGmgaQQ=",
    ),
    ("GET", "/fills?product_id=BTC-USD", b"", "euKOW4TkhfPZ8JqOW4bqzH/pWFVys4EofY/2ogmYyts="),
    ("GET", f"/orders/client:{OWN}", b"", "1SsILUHkHdk184biDa+3e3oMIrV3lyAhG7aafvX5jws="),
    ("POST", "/orders", ORDER, "HjW+0CFaz1IUQhR36F3Xud25Vyi4sNCj1pGapfDZN5M="),
    (
        "DELETE",
        "/orders/a9625b04-fc66-4999-a876-543c3684d702",
        b'{"product_id":"BTC/USD"}',
        "xH2jvWfTzm9vCgOwvftO7nOVl7DLSIcV31hc2e/rkco=",
    ),
    ("GET", "/users/self/verify", b"", "4w5N81jN+R8BEl+8gu26Lel0jalXF5uTezix+T8v9eY="),
]


def login(method, target, body, timestamp="1700000000"):
    sign = auth.sign(auth.payload_of(timestamp, method, target, body), SECRET)
    return auth.Login(KEY, sign, timestamp, PASSPHRASE)


@pytest.mark.parametrize(("method", "target", "body", "expected"), VECTORS)
def test_signatures_are_those_of_the_documented_scheme(method, target, body, expected):
    """Through sign and verify; with any byte of the request changed it no longer holds."""
    signed = login(method, target, body)
    assert signed.signature == expected
    claimed = auth.claims(signed, method, target, body)
    assert isinstance(claimed, Credentials)
    assert auth.verify(claimed, SECRET)
    (payload,) = claimed.payloads
    for place in range(len(payload)):
        changed = bytearray(payload)
        changed[place] ^= 1
        assert not auth.verify(claimed._replace(payloads=(bytes(changed),)), SECRET)
    assert not auth.verify(claimed._replace(signature=expected[:-2] + "A="), SECRET)


def test_our_own_headers_are_read_as_they_were_made():
    key = ApiKey(KEY, SECRET, PASSPHRASE)
    headers = auth.signed_headers(key, "GET", "/accounts", b"", NOW_NS)
    claimed = auth.credentials(Request("GET", "/accounts", headers, b""), None)
    assert isinstance(claimed, Credentials)
    assert (claimed.timestamp_ns, claimed.passphrase) == (NOW_NS, PASSPHRASE)
    assert auth.verify(claimed, SECRET)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("cb-access-key", "CB-ACCESS-KEY header is required"),
        ("cb-access-sign", "CB-ACCESS-SIGN header is required"),
        ("cb-access-timestamp", "CB-ACCESS-TIMESTAMP header is required"),
        ("cb-access-passphrase", "Invalid Passphrase"),
    ],
)
def test_a_missing_header_is_named(venue, header, message):
    headers = auth.signed_headers(venue.key, "GET", "/accounts", b"", venue.desk.now_ns)
    del headers[header]
    response = venue.send(Request("GET", "/accounts", headers, b""))
    assert (response.status, msgspec.json.decode(response.body)["message"]) == (401, message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": "f" * 32}, "Invalid API Key"),
        ({"secret": b"AAAA"}, "invalid signature"),
        ({"passphrase": "another"}, "Invalid Passphrase"),
    ],
)
def test_wrong_keys_are_told_apart(venue, changes, message):
    status, answer = venue.call("GET", "/accounts", key=venue.key._replace(**changes))
    assert (status, answer["message"]) == (401, message)


@pytest.mark.parametrize(("seconds", "status"), [(-31, 401), (-29, 200), (29, 200), (31, 401)])
def test_a_timestamp_is_good_for_thirty_seconds_either_way(venue, seconds, status):
    signed_at_ns = venue.desk.now_ns + seconds * 10**9
    headers = auth.signed_headers(venue.key, "GET", "/accounts", b"", signed_at_ns)
    response = venue.send(Request("GET", "/accounts", headers, b""))
    assert response.status == status
    if status == 401:
        assert msgspec.json.decode(response.body)["message"] == "request timestamp expired"


def test_whole_seconds_are_as_good_as_parts_of_them(venue):
    seconds = str(venue.desk.now_ns // 10**9)
    payload = auth.payload_of(seconds, "GET", "/accounts", b"")
    headers = {
        "cb-access-key": venue.key.key,
        "cb-access-sign": auth.sign(payload, venue.key.secret),
        "cb-access-timestamp": seconds,
        "cb-access-passphrase": venue.key.passphrase,
    }
    assert venue.send(Request("GET", "/accounts", headers, b"")).status == 200


def test_a_key_that_may_not_trade_is_forbidden_to(venue):
    reader = venue.new_key("alice", Scope.READ)
    body = {"product_id": "BTC-USDT", "side": "buy", "price": "1", "size": "1"}
    assert venue.call("POST", "/orders", body, key=reader)[0] == 403


def test_keys_look_like_the_venues(venue):
    """32 hexadecimal digits, a secret of 64 bytes in base64, a passphrase."""
    key = venue.key
    assert (len(key.key), len(key.secret), bool(key.passphrase)) == (32, 88, True)
    int(key.key, 16)
    tutorial = venue.new_key("alice", kind=KeyKind.TUTORIAL)
    assert (len(tutorial.key), tutorial.passphrase) == (32, "")
