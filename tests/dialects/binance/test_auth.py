from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import DIALECT, auth, orders
from steelyard.wire.dialect import AccessReason, ApiKey, Credentials, Refusal
from steelyard.wire.http import Request

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
ORDER = (
    "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
    "&recvWindow=5000&timestamp=1499827319559"
)
WIDE = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
CCXT = (
    "timestamp=1499827319559&symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
    "&quantity=1&price=0.1&newClientOrderId=my-id-1&recvWindow=10000"
)

# (query, body, signature): published by the venue, or computed with ccxt's own sign().
REST_VECTORS = [
    (
        f"symbol=LTCBTC&{ORDER}",
        "",
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
    ),
    (
        "",
        f"symbol=LTCBTC&{ORDER}",
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
    ),
    (
        f"symbol={WIDE}&{ORDER}",
        "",
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    ),
    (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
        "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
        "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
    ),
    ("", CCXT, "a4a2541a1be5147c58fe18a7992cd029f9b418aa38deb2e1886f8dd803497e96"),
]
WS_VECTORS = [
    (
        {
            "symbol": "BTCUSDT",
            "side": "SELL",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.01000000",
            "price": "52000.00",
            "recvWindow": "100",
            "timestamp": "1645423376532",
            "apiKey": KEY,
        },
        "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
    ),
    (
        {"apiKey": KEY, "timestamp": "1747385641636"},
        "681110a6057ad58657af22f5640fab9dd17418834cdfccdc81be8b0f7b2cde3e",
    ),
]


def request_of(query: str, body: str, signature: str) -> Request:
    if body:
        body += f"&signature={signature}"
    else:
        query += f"&signature={signature}"
    return Request("POST", f"/api/v3/order?{query}", {auth.KEY_HEADER: KEY}, body.encode())


def claimed(request: Request) -> Credentials | Refusal:
    return DIALECT.credentials(request, orders.PLACE)


@pytest.mark.parametrize(("query", "body", "signature"), REST_VECTORS)
def test_published_vectors_are_what_we_sign_and_verify(query, body, signature):
    """Query, body or both: the bytes as sent, joined by nothing."""
    assert auth.sign((query + body).encode(), SECRET) == signature
    credentials = claimed(request_of(query, body, signature))
    assert isinstance(credentials, Credentials)
    assert credentials.timestamp_ns == 1_499_827_319_559_000_000
    assert DIALECT.verify(credentials, SECRET)
    assert DIALECT.verify(credentials._replace(signature=signature.upper()), SECRET)
    assert not DIALECT.verify(credentials, SECRET[:-1])


@pytest.mark.parametrize(("params", "signature"), WS_VECTORS)
def test_websocket_vectors_are_sorted_and_signed(params, signature):
    assert auth.sign(auth.sorted_payload(params), SECRET) == signature
    credentials = auth.claims({**params, "signature": signature}, (auth.sorted_payload(params),))
    assert isinstance(credentials, Credentials)
    assert DIALECT.verify(credentials, SECRET)


@pytest.mark.parametrize(("query", "body", "signature"), REST_VECTORS[3:])
def test_a_change_of_any_byte_breaks_the_signature(query, body, signature):
    """No byte of query, body or signature can be changed in transit."""
    raw = f"{query}\n{body}\n{signature}"
    for position, old in enumerate(raw):
        if old in "\n&":
            continue
        new = "0" if old != "0" else "1"
        changed = raw[:position] + new + raw[position + 1 :]
        request = request_of(*changed.split("\n"))
        credentials = claimed(request)
        assert isinstance(credentials, Refusal) or not DIALECT.verify(credentials, SECRET), changed


def test_what_the_client_half_signs_the_server_half_verifies():
    key = ApiKey(KEY, SECRET)
    form = auth.signed_form("symbol=BTCUSDT", key, 1_700_000_000_123_000_000)
    request = Request("GET", f"/api/v3/order?{form}", {auth.KEY_HEADER: KEY}, b"")
    credentials = claimed(request)
    assert isinstance(credentials, Credentials)
    assert DIALECT.verify(credentials, SECRET)
    assert credentials.timestamp_ns == 1_700_000_000_123_000_000
    assert credentials.window_ns == 5_000_000_000


def test_a_client_that_signs_before_it_encodes_is_let_in():
    """python-binance: the value is signed as it is and encoded afterwards."""
    value = '["BTCUSDT","ETHUSDT"]'
    signature = auth.sign(f"symbols={value}&timestamp=1".encode(), SECRET)
    request = request_of(f"symbols={quote(value)}&timestamp=1", "", signature)
    assert DIALECT.verify(claimed(request), SECRET)


@pytest.mark.parametrize(
    ("query", "headers", "reason"),
    [
        ("timestamp=1&signature=aa", {}, AccessReason.MISSING_KEY),
        ("timestamp=1&signature=aa", {auth.KEY_HEADER: "k-e-y"}, AccessReason.MISSING_KEY),
        ("timestamp=1&signature=aa", {auth.KEY_HEADER: "x" * 129}, AccessReason.MISSING_KEY),
        ("timestamp=1", {auth.KEY_HEADER: KEY}, AccessReason.MISSING_SIGNATURE),
        ("signature=aa", {auth.KEY_HEADER: KEY}, AccessReason.MISSING_TIMESTAMP),
        ("timestamp=x&signature=aa", {auth.KEY_HEADER: KEY}, AccessReason.MALFORMED),
        ("timestamp=-1&signature=aa", {auth.KEY_HEADER: KEY}, AccessReason.MALFORMED),
        (f"timestamp={'9' * 30}&signature=aa", {auth.KEY_HEADER: KEY}, AccessReason.MALFORMED),
        (
            "timestamp=1&recvWindow=60001&signature=aa",
            {auth.KEY_HEADER: KEY},
            AccessReason.MALFORMED,
        ),
        ("timestamp=1&recvWindow=0&signature=aa", {auth.KEY_HEADER: KEY}, AccessReason.MALFORMED),
        ("timestamp=1&recvWindow=ab&signature=aa", {auth.KEY_HEADER: KEY}, AccessReason.MALFORMED),
    ],
)
def test_incomplete_credentials_are_told_apart(query, headers, reason):
    found = claimed(Request("GET", f"/api/v3/account?{query}", headers, b""))
    refusal = found if isinstance(found, Refusal) else found.flaw
    assert refusal.reason is reason
    assert isinstance(found, Refusal) is (reason is AccessReason.MISSING_KEY)


def test_a_window_may_have_three_decimals():
    request = Request(
        "GET",
        "/api/v3/account?timestamp=1&recvWindow=6000.346&signature=aa",
        {auth.KEY_HEADER: KEY},
        b"",
    )
    assert claimed(request).window_ns == 6_000_346_000
    longer = claimed(request._replace(target=request.target.replace("346", "3460")))
    assert (longer.flaw.reason, longer.flaw.code) == (AccessReason.MALFORMED, -1111)


@given(st.binary(max_size=80), st.binary(max_size=80), st.text(max_size=20))
def test_garbage_makes_no_credentials_that_verify(query, body, key):
    """Nothing but a Refusal or Credentials comes out, and those do not verify."""
    target = "/api/v3/order?" + query.decode("latin-1")
    request = Request("POST", target, {auth.KEY_HEADER: key}, body)
    found = claimed(request)
    assert isinstance(found, Refusal) or not DIALECT.verify(found, SECRET)


parts = st.sampled_from(
    ["signature", "timestamp", "recvWindow", "signatures", "a", "=", "=", "&", "&", "1", "\n"]
)


@given(st.lists(parts, max_size=14).map("".join))
def test_what_is_signed_is_all_but_the_signature(query):
    """Every other pair is, as it stands and where it stands; of claims the first counts."""
    found = claimed(Request("POST", f"/?{query}", {auth.KEY_HEADER: KEY}, b""))
    pairs = [pair.partition("=")[::2] for pair in query.split("&")]
    firsts = dict(reversed(pairs))
    if not firsts.get("signature"):
        assert found.flaw.reason is AccessReason.MISSING_SIGNATURE
    elif found.flaw is None:
        kept = [pair for pair in query.split("&") if pair.partition("=")[0] != "signature"]
        assert found.payloads == ("&".join(kept).encode(),)
        assert found.signature == firsts["signature"]
        assert found.timestamp_ns == int(firsts["timestamp"]) * 1_000_000
