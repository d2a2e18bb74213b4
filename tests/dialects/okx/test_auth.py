"""Signatures: vectors made by an unmodified client library with its clock stopped."""

import pytest

from steelyard.dialects.okx import auth
from steelyard.wire.dialect import AccessReason, ApiKey, Credentials, Refusal
from steelyard.wire.http import Request
from tests.dialects.okx.venue import PAIR

KEY = ApiKey("k-okx-1", b"22582BD0CFF14C41EDBF1AB98506286D", "Pass-1234")
AT_NS = 1_700_000_000_000_000_000
ORDER = (
    b'{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"30000",'
    b'"sz":"0.01","clOrdId":"b15"}'
)
VECTORS = [
    ("GET", "/api/v5/account/balance?ccy=BTC", b"", "qIRPNBEMj/dg0I5nZPdy1cNFp39x3c30GoloQDeM8Wg="),
    ("POST", "/api/v5/trade/order", ORDER, "Aua2CP03CiramG998l0dk3pApiWxzjiPeXzMiv9UKI0="),
]


@pytest.mark.parametrize(("method", "target", "body", "signature"), VECTORS)
def test_vectors_are_signed_and_verified(method, target, body, signature):
    headers = auth.signed_headers(KEY, method, target, body, AT_NS)
    assert headers == {
        "ok-access-key": "k-okx-1",
        "ok-access-sign": signature,
        "ok-access-timestamp": "2023-11-14T22:13:20.000Z",
        "ok-access-passphrase": "Pass-1234",
    }
    claimed = auth.credentials(Request(method, target, headers, body), None)
    assert isinstance(claimed, Credentials)
    assert claimed.timestamp_ns == AT_NS
    assert auth.verify(claimed, KEY.secret)
    assert not auth.verify(claimed, KEY.secret[:-1] + b"0")


@pytest.mark.parametrize(("method", "target", "body", "signature"), VECTORS)
def test_tampering_with_any_byte_fails(method, target, body, signature):
    headers = auth.signed_headers(KEY, method, target, body, AT_NS)
    changed = [Request("PUT", target, headers, body)]
    changed += [
        Request(method, target[:i] + chr(ord(target[i]) ^ 1) + target[i + 1 :], headers, body)
        for i in range(len(target))
    ]
    changed += [
        Request(method, target, headers, body[:i] + bytes([body[i] ^ 1]) + body[i + 1 :])
        for i in range(len(body))
    ]
    later = {**headers, "ok-access-timestamp": "2023-11-14T22:13:20.001Z"}
    changed.append(Request(method, target, later, body))
    for request in changed:
        claimed = auth.credentials(request, None)
        assert isinstance(claimed, Credentials)
        assert not auth.verify(claimed, KEY.secret), request


def test_a_login_has_its_vector():
    login = auth.login_of(KEY, 1_795_220_430_000_000_000)
    assert login == auth.Login(
        "k-okx-1", "Pass-1234", "1795220430", "Oo2XCH20GlEmLwCIIgOfudSwPP7qhFw1Ev7nAMOtMDw="
    )
    for timestamp in ("1795220430", 1_795_220_430):  # some send it as a number
        said = auth.Login(login.apiKey, login.passphrase, timestamp, login.sign)
        claimed = auth.login_credentials(said)
        assert isinstance(claimed, Credentials)
        assert auth.verify(claimed, KEY.secret)


def test_a_key_of_the_demo_says_so_in_a_header_alone():
    headers = auth.signed_headers(KEY._replace(key="demo:k-okx-1"), "GET", "/x", b"", AT_NS)
    assert headers["ok-access-key"] == "k-okx-1"
    assert headers["x-simulated-trading"] == "1"
    assert auth.login_of(KEY._replace(key="demo:k-okx-1"), AT_NS).apiKey == "k-okx-1"


@pytest.mark.parametrize(
    ("header", "value", "status", "code"),
    [
        ("ok-access-key", "", 401, "50103"),
        ("ok-access-key", "nobody", 401, "50111"),
        ("ok-access-key", "x" * 200, 401, "50111"),
        ("ok-access-passphrase", "", 401, "50104"),
        ("ok-access-passphrase", "wrong", 401, "50105"),
        ("ok-access-sign", "", 401, "50106"),
        ("ok-access-sign", "wrong", 401, "50113"),
        ("ok-access-timestamp", "", 401, "50107"),
        ("ok-access-timestamp", "1700000000", 401, "50112"),
    ],
)
def test_what_is_wrong_with_a_request_has_its_code(venue, header, value, status, code):
    import json

    target = "/api/v5/account/balance"
    signed = auth.signed_headers(venue.alice, "GET", target, b"", venue.desk.now_ns)
    response = venue.http("GET", target, {**signed, header: value})
    assert (response.status, json.loads(response.body)["code"]) == (status, code)


@pytest.mark.parametrize("away_s", [-31, 31])
def test_a_timestamp_is_good_for_half_a_minute_either_way(venue, away_s):
    import json

    target = "/api/v5/account/balance"
    for seconds, code in ((away_s, "50102"), (away_s // 2, "0")):
        at_ns = venue.desk.now_ns + seconds * 10**9
        signed = auth.signed_headers(venue.alice, "GET", target, b"", at_ns)
        assert json.loads(venue.http("GET", target, signed).body)["code"] == code


def test_scopes_are_asked_for(venue):
    reader = venue.key("alice", scopes=("read",))
    assert venue.post("trade/order", venue.order(), reader)["code"] == "50120"
    assert venue.get("account/balance", reader)["code"] == "0"
    assert venue.rows("trade/orders-pending", instId=PAIR) == []


def test_a_new_key_looks_like_the_venues():
    made = auth.new_key(lambda size: bytes(range(size)))
    assert made.key == "00010203-0405-0607-0809-0a0b0c0d0e0f"
    assert made.secret == "000102030405060708090A0B0C0D0E0F"
    assert made.passphrase


def test_who_names_no_key_is_told_so():
    refused = auth.credentials(Request("GET", "/", {}, b""), None)
    assert isinstance(refused, Refusal)
    assert refused.reason is AccessReason.MISSING_KEY
    assert auth.signature(Credentials.flawed("k", refused)) is None
