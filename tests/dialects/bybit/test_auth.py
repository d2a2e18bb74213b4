"""Signing and verifying, by the vectors of the fact sheet."""

import pytest

from steelyard.dialects.bybit import auth
from steelyard.domain.messages import SECOND_NS
from steelyard.wire.dialect import AccessReason, ApiKey, Credentials, Refusal
from steelyard.wire.http import Request

KEY = ApiKey("XXXXXXXXXX", b"YYYYYYYYYY")
NOW_NS = 1658384314791 * 1_000_000
ORDER = (
    b'{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.01",'
    b'"price":"30000","timeInForce":"GTC"}'
)
VECTORS = [
    (
        ("GET", "/v5/x?category=option&symbol=BTC-29JUL22-25000-C", b""),
        "37813c67fafb3017e92354eb88f218e7e52a98f9f5eb74cfcf0b21f17edb143b",
    ),
    (
        ("POST", "/v5/x", ORDER),
        "b07154c3a25969b2b99d7877846f1058134f49d9a86672b47cdb46d48a84c3b3",
    ),
    (("GET", "/v5/x?", b""), "e5b212f0e7e7a8bcdfe57d2dbf1618123747c43c601efa628c9ac63c2dd4f35e"),
    (("POST", "/v5/x", b"{}"), "2b2982e7eb855f46b1926eb149efc1b2f8d124a9825f8ade8d84bd675e2d78dc"),
]


def request(method, target, body, **changed):
    sent = body if method == "POST" else target.partition("?")[2].encode()
    headers = {**auth.signed_headers(KEY, sent, NOW_NS), **changed}
    return Request(method, target, headers, body)


@pytest.mark.parametrize(("sent", "signature"), VECTORS)
def test_a_published_signature_is_made_and_verified(sent, signature):
    made = request(*sent)
    assert made.headers[auth.SIGN] == signature
    claimed = auth.credentials(made, None)
    assert isinstance(claimed, Credentials)
    assert auth.verify(claimed, KEY.secret)
    assert claimed.timestamp_ns == NOW_NS
    assert (claimed.window_ns, claimed.ahead_ns) == (5 * SECOND_NS, SECOND_NS)


@pytest.mark.parametrize(("sent", "_signature"), VECTORS)
def test_tampering_with_any_byte_fails(sent, _signature):
    method, target, body = sent
    whole = body if method == "POST" else target.encode()
    first = 0 if method == "POST" else target.index("?") + 1
    for place in range(first, len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        text = bytes(changed)
        path = target if method == "POST" else text.decode("latin-1")
        other = Request(method, path, request(*sent).headers, text if method == "POST" else body)
        claimed = auth.credentials(other, None)
        assert not auth.verify(claimed, KEY.secret), place
    for name in (auth.TIMESTAMP, auth.WINDOW):
        other = request(*sent)
        headers = {**other.headers, name: other.headers[name][:-1] + "7"}
        assert not auth.verify(auth.credentials(other._replace(headers=headers), None), KEY.secret)


def test_a_query_may_be_signed_before_it_is_escaped():
    """Pybit does so."""
    sent = request("GET", "/v5/x?cursor=a,b", b"")
    claimed = auth.credentials(sent._replace(target="/v5/x?cursor=a%2Cb"), None)
    assert auth.verify(claimed, KEY.secret)


def test_a_login_is_signed_by_its_expiry():
    expires_ms = 1662350400000
    key, expires, signature = auth.login_of(KEY, expires_ms * 1_000_000 - auth.LOGIN_NS)
    assert (key, expires) == (KEY.key, expires_ms)
    assert signature == "9c4c0629fddfee26ca0da50a7fed51968fce6935d34b02e772d3bd0c34327bd1"
    claimed = auth.login_credentials(key, str(expires), signature, 0)
    assert auth.verify(claimed, KEY.secret)
    late = auth.login_credentials(key, str(expires), signature, expires_ms * 1_000_000)
    assert late.flaw.reason is AccessReason.STALE_TIMESTAMP


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({auth.KEY: ""}, AccessReason.MISSING_KEY),
        ({auth.KEY: "a b"}, AccessReason.UNKNOWN_KEY),
        ({auth.SIGN: ""}, AccessReason.MISSING_SIGNATURE),
        ({auth.TIMESTAMP: ""}, AccessReason.MISSING_TIMESTAMP),
        ({auth.TIMESTAMP: "soon"}, AccessReason.MISSING_TIMESTAMP),
        ({auth.WINDOW: "-1"}, AccessReason.MISSING_TIMESTAMP),
    ],
)
def test_what_is_missing_is_named(changed, reason):
    claimed = auth.credentials(request("GET", "/v5/x", b"", **changed), None)
    refusal = claimed if isinstance(claimed, Refusal) else claimed.flaw
    assert refusal.reason is reason


def test_a_window_that_is_not_told_is_five_seconds_and_none_is_longer_than_a_minute():
    assert auth.credentials(request("GET", "/v5/x", b"", **{auth.WINDOW: ""}), None).window_ns == (
        5 * SECOND_NS
    )
    long = auth.credentials(request("GET", "/v5/x", b"", **{auth.WINDOW: "9000000"}), None)
    assert long.window_ns == 60 * SECOND_NS


def test_keys_look_as_the_venues_do():
    made = auth.new_key(lambda size: bytes(range(size)))
    assert (len(made.key), len(made.secret)) == (18, 36)
    assert (made.key + made.secret).isalnum()
