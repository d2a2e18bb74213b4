"""Signatures: those of an independent client, and what is told of wrong ones."""

import base64
import hashlib
import hmac

import pytest

from steelyard.dialects.weex import auth
from steelyard.wire.dialect import AccessReason, ApiKey, Refusal
from steelyard.wire.http import Request
from tests.dialects.weex.venue import JSON, PRIVATE, STEP_NS

# Made by ccxt's `sign` at 1700000000000.
KEY = ApiKey("weex_1a2b3c4d", b"9f86d081884c7d659a2feaa0c55ad015", "Passphrase123")
T = "1700000000000"
NOW_NS = int(T) * 1_000_000
BODY = (
    '{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.01",'
    '"price":"30000","newClientOrderId":"abc123"}'
)
VECTORS = [
    ("GET", "/api/v3/account/", "", "e3O+qrwOikjmmnemZG/CsP3XTbsPUoTRKoryqDxHhdE="),
    (
        "GET",
        "/api/v3/order?orderId=738970996765098600",
        "",
        "ICz02ANXtLV8X09TDcTGpX4OocSUsW8EPtRHj9AZ21I=",
    ),
    ("POST", "/api/v3/order", BODY, "AbaDhAHKENY8lQ5HmtMGCsg+Z6I0sP5zTJzBBt54unc="),
    (
        "DELETE",
        "/api/v3/order?orderId=738970996765098600",
        "",
        "IvHfglooLw+UVI0vQ6De7cIO3wwF5INzIgWk19ZySY4=",
    ),
    (
        "DELETE",
        "/api/v3/order/batch",
        '{"orderIds":[1,2]}',
        "i/q3l9Sup8+eub3Ep8vBhjHL1yWZb0W96N3JuYaPXZE=",
    ),
]
STREAM = "ytGLD2ZlTNkMYZnuqO4uJIGtEWKWdwbuDz5DqO2DYFw="


@pytest.mark.parametrize(("method", "target", "body", "signature"), VECTORS)
def test_a_request_is_signed_as_elsewhere_and_verified(method, target, body, signature):
    """A DELETE's body too; and nothing else fits the signature."""
    headers = auth.signed_headers(KEY, method, target, body.encode(), NOW_NS)
    assert headers[auth.SIGN] == signature
    assert headers[auth.PASSPHRASE] == "Passphrase123"
    claimed = auth.credentials(Request(method, target, headers, body.encode()), None)
    assert auth.verify(claimed, KEY.secret)
    assert not auth.verify(claimed, b"another")
    for other in (
        Request(method, target + "0", headers, body.encode()),
        Request("POST" if method != "POST" else "DELETE", target, headers, body.encode()),
        Request(method, target, headers | {auth.TIMESTAMP: "1700000000001"}, body.encode()),
    ):
        assert not auth.verify(auth.credentials(other, None), KEY.secret)
    if method != "GET":
        longer = Request(method, target, headers, body.encode() + b" ")
        assert not auth.verify(auth.credentials(longer, None), KEY.secret)


def test_the_stream_is_opened_with_a_signature_of_a_constant_path():
    headers = auth.stream_headers(KEY, NOW_NS)
    assert headers[auth.SIGN] == STREAM
    assert auth.verify(auth.stream_credentials(headers), KEY.secret)
    later = headers | {auth.TIMESTAMP: "1700000000001"}
    assert not auth.verify(auth.stream_credentials(later), KEY.secret)


def test_a_query_may_be_signed_as_it_reads():
    """Before it is percent-encoded."""
    target = "/api/v3/order?origClientOrderId=a%3Ab"
    headers = auth.signed_headers(KEY, "GET", "/api/v3/order?origClientOrderId=a:b", b"", NOW_NS)
    claimed = auth.credentials(Request("GET", target, headers, b""), None)
    assert auth.verify(claimed, KEY.secret)


WRONG = [
    ({auth.KEY: ""}, 401, -1040),
    ({auth.KEY: "weex_none"}, 401, -1044),
    ({auth.SIGN: ""}, 401, -1041),
    ({auth.SIGN: "bm8="}, 401, -1047),
    ({auth.TIMESTAMP: ""}, 401, -1042),
    ({auth.TIMESTAMP: "soon"}, 401, -1043),
    ({auth.PASSPHRASE: ""}, 401, -1049),
    ({auth.PASSPHRASE: "wrong"}, 401, -1049),
]


@pytest.mark.parametrize(("wrong", "status", "code"), WRONG)
def test_what_is_wrong_has_the_venues_code(venue, wrong, status, code):
    """On REST and, in a message before the end, on the private stream."""
    path = "/api/v3/account/"
    now_ns = venue.desk.now_ns + STEP_NS
    headers = auth.signed_headers(venue.key, "GET", path, b"", now_ns) | wrong
    response = venue.send(Request("GET", path, JSON | headers, b""))
    assert (response.status, code) == (status, code)
    assert f'"code":{code}'.encode() in response.body
    told = auth.stream_headers(venue.key, venue.desk.now_ns) | wrong
    number = venue.connect(PRIVATE, told)
    (said,) = venue.heard(number)
    assert (said["result"], said["code"]) == (False, code)
    assert venue.closing(number)[0] == 1008


def test_an_old_request_is_told_of_by_its_time(venue):
    """The window is 30 seconds."""
    path = "/api/v3/account/"
    for age_s, expected in ((29, 200), (31, 401)):
        then_ns = venue.desk.now_ns - age_s * 10**9
        headers = auth.signed_headers(venue.key, "GET", path, b"", then_ns)
        assert venue.send(Request("GET", path, headers, b"")).status == expected


def test_a_key_that_cannot_be_one_is_no_claim():
    refused = auth.stream_credentials({auth.KEY: "k" * 129})
    assert isinstance(refused, Refusal)
    assert refused.reason is AccessReason.UNKNOWN_KEY


def test_keys_look_like_the_venues():
    """And the passphrase is alphanumeric."""
    made = auth.new_key(lambda size: bytes(range(size)))
    assert made.key.startswith("weex_")
    assert made.passphrase.isalnum()
    digest = hmac.new(made.secret.encode(), b"x", hashlib.sha256).digest()
    assert auth.sign(b"x", made.secret.encode()) == base64.b64encode(digest).decode()
