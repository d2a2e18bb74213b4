"""Tokens and the older signatures: published ones byte for byte, and what is wrong with others."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from key_pairs import pair

from steelyard.dialects.coinbase_advanced import DIALECT, auth
from steelyard.domain.errors import AuthError
from steelyard.domain.messages import SECOND_NS, AccountQuery, KeyKind
from steelyard.vault.key_pairs import read_public_key, signer
from steelyard.wire.dialect import ApiKey, Credentials, Refusal
from steelyard.wire.http import Request

NOW_NS = 1_700_000_000 * SECOND_NS
NONCE = "00112233445566778899aabbccddeeff"
PUBLISHED = {"nonce": NONCE, "lifetime_ns": auth.LIFETIME_NS}
PATH = "/api/v3/brokerage/accounts"
CALL = f"GET {PATH}"
EDDSA_KEY = "1a2b3c4d-0000-4000-8000-000000000001"
EDDSA_TOKEN = (
    "eyJhbGciOiJFZERTQSIsImtpZCI6IjFhMmIzYzRkLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMSIsIm5vbmNl"
    "IjoiMDAxMTIyMzM0NDU1NjY3Nzg4OTlhYWJiY2NkZGVlZmYiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiIxYTJiM2M0Z"
    "C0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDEiLCJpc3MiOiJjZHAiLCJuYmYiOjE3MDAwMDAwMDAsImV4cCI6MT"
    "cwMDAwMDEyMCwidXJpIjoiR0VUIGFwaS5jb2luYmFzZS5jb20vYXBpL3YzL2Jyb2tlcmFnZS9hY2NvdW50cyJ9.2o"
    "H8LTLyaCcn4y4rVp22zMznFk-tXvP1gqYhTOrl9JqB52v2BUJuIdNgJ9Xf1V6wBGLLL4cZk3ewgbAa_RVgDA"
)
STREAM_SIGNATURE = (
    "yVnNAjZZz93uLb9mXqHips1O8Jrkek6EXW9B14J51g8yOHXaFVhlUl-GWYMyVsXeJtcDpNZVWK9E6OFSQ_a0Dw"
)
ES256_TOKEN = (
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6Im9yZ2FuaXphdGlvbnMvbzEvYXBpS2V5cy9rMSIsIm5v"
    "bmNlIjoiMDAxMTIyMzM0NDU1NjY3Nzg4OTlhYWJiY2NkZGVlZmYifQ.eyJhdWQiOlsicmV0YWlsX3Jlc3RfYXBpX3"
    "Byb3h5Il0sImlzcyI6ImNvaW5iYXNlLWNsb3VkIiwibmJmIjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDAxMjAsInN1"
    "YiI6Im9yZ2FuaXphdGlvbnMvbzEvYXBpS2V5cy9rMSIsImlhdCI6MTcwMDAwMDAwMCwidXJpIjoiR0VUIGFwaS5jb2"
    "luYmFzZS5jb20vYXBpL3YzL2Jyb2tlcmFnZS9hY2NvdW50cyJ9.SftDYJ-3tt0vvzn6y79eJIQ9oEFjDPb6zi8oART"
    "UoUBhdBdSEhMFPThBPB0tbRfNGH5x9PUrvwsXd9toqkPzHA"
)
ES256_PUBLIC = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEn62Erq4Iu+9/AQAU2CzvagneKwz4cbXODE8dE6WaWTQHy0V2nxBw\n"
    "4sJHD+Wxv+YxM8CwzcZOpL83kajsKgf9Tw==\n-----END PUBLIC KEY-----\n"
)
LEGACY = ApiKey("legacykey", b"legacysecret")


def eddsa():
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return ApiKey(EDDSA_KEY, b"", "", private.sign), private.public_key()


def claimed(token, call=CALL):
    found = auth.token_credentials(token, call)
    assert isinstance(found, Credentials)
    return found


def remade(token, **changes):
    """Return a token with other claims and the same signature."""
    header, claims, signature = token.split(".")
    told = json.loads(urlsafe_b64decode(claims + "=="))
    told |= changes
    told = {name: value for name, value in told.items() if value is not None}
    return ".".join((header, urlsafe_b64encode(json.dumps(told).encode()).decode(), signature))


# -- tokens ---------------------------------------------------------------------------------------


def test_an_eddsa_token_is_the_sdks_to_the_byte():
    key, public = eddsa()
    assert auth.token_of(key, "GET", PATH, NOW_NS, **PUBLISHED) == EDDSA_TOKEN
    found = claimed(EDDSA_TOKEN)
    assert (found.kind, found.key, found.flaw) == (KeyKind.ED25519, EDDSA_KEY, None)
    assert (found.timestamp_ns, found.window_ns) == (NOW_NS, 120 * SECOND_NS)
    public.verify(auth.signature(found), found.payloads[0])


def test_a_websockets_token_is_the_published_one_and_names_no_call():
    key, _ = eddsa()
    token = auth.token_of(key, "", "", NOW_NS, **PUBLISHED)
    assert token.endswith(f".{STREAM_SIGNATURE}")
    assert "uri" not in json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claimed(token, None).flaw is None
    assert claimed(token).flaw is not None, "it opens no route"
    assert claimed(EDDSA_TOKEN, None).flaw is not None, "nor does a route's open a WebSocket"


def test_our_own_tokens_are_good_for_less():
    """What has not arrived by then never will."""
    key, _ = eddsa()
    found = claimed(auth.token_of(key, "GET", PATH, NOW_NS))
    assert found.window_ns == auth.OWN_LIFETIME_NS < auth.LIFETIME_NS
    assert DIALECT.client.expiry_ns(AccountQuery(0)) == auth.OWN_LIFETIME_NS


def test_an_es256_token_of_another_client_is_verified():
    found = claimed(ES256_TOKEN)
    assert (found.kind, found.key) == (KeyKind.ES256, "organizations/o1/apiKeys/k1")
    public = read_public_key(KeyKind.ES256, ES256_PUBLIC.encode())
    assert public.verify(found.payloads[0], auth.signature(found))


def test_our_es256_token_has_r_and_s_with_32_bytes_each():
    private, public = pair(KeyKind.ES256)
    key = ApiKey("organizations/a/apiKeys/b", b"", "", signer(private.encode()))
    for second in range(40):  # short halves are padded
        found = claimed(auth.token_of(key, "GET", PATH, NOW_NS + second * SECOND_NS))
        assert len(auth.signature(found)) == 64
        kept = read_public_key(KeyKind.ES256, public.encode())
        assert kept.verify(found.payloads[0], auth.signature(found))


@given(place=st.integers(0, len(EDDSA_TOKEN) - 1), letter=st.sampled_from("AQgw-_x.="))
def test_a_token_with_any_byte_changed_is_none(place, letter):
    _, public = eddsa()
    changed = EDDSA_TOKEN[:place] + letter + EDDSA_TOKEN[place + 1 :]
    found = auth.token_credentials(changed, CALL)
    if changed == EDDSA_TOKEN or isinstance(found, Refusal) or found.flaw is not None:
        return
    made, right = auth.signature(found), urlsafe_b64decode(EDDSA_TOKEN.split(".")[2] + "==")
    if made is None:
        return
    if made != right or place < EDDSA_TOKEN.rindex("."):
        with pytest.raises(InvalidSignature):
            public.verify(made, found.payloads[0])


@pytest.mark.parametrize(
    "uri",
    [
        f"GET api.coinbase.com{PATH}",
        f"GET 127.0.0.1:18082{PATH}",
        f"GET http://127.0.0.1:18082{PATH}",
        f"GET https://api.coinbase.com{PATH}",
    ],
)
def test_a_call_is_recognized_whichever_host_it_names(uri):
    assert claimed(remade(EDDSA_TOKEN, uri=uri)).flaw is None
    assert claimed(remade(EDDSA_TOKEN, uri=None, uris=["GET x/y", uri])).flaw is None


@pytest.mark.parametrize(
    ("changes", "how"),
    [
        ({"uri": f"POST api.coinbase.com{PATH}"}, "uri has to be `GET api.coinbase.com"),
        ({"uri": f"GET api.coinbase.com{PATH}?limit=5"}, "without a query"),
        ({"uri": "GET api.coinbase.com/api/v3/brokerage/orders"}, "uri has to be"),
        ({"uri": None}, "uri has to be"),
        ({"exp": 1_700_000_121}, "two minutes"),
        ({"exp": 1_700_000_000}, "two minutes"),
        ({"nbf": -1, "exp": 100}, "two minutes"),
        ({"sub": "another"}, "sub has to be"),
        ({"exp": None}, "cannot be read"),
        ({"nbf": "now"}, "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_token_is_told(changes, how):
    assert how in claimed(remade(EDDSA_TOKEN, **changes)).flaw.message


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "..", "e30.e30.e30", "é.é.é", "x" * 9_000])
def test_what_is_no_token_names_no_key(token):
    assert isinstance(auth.token_credentials(token, CALL), Refusal)


def test_a_token_without_a_signature_is_none():
    header = urlsafe_b64encode(b'{"alg":"none","kid":"k"}').decode()
    found = auth.token_credentials(f"{header}.{EDDSA_TOKEN.split('.')[1]}.", CALL)
    assert found.flaw is not None


def test_keys_of_other_kinds_sign_nothing():
    with pytest.raises(AuthError, match="ES256"):
        auth.token_of(ApiKey("k", b"", "", lambda _: b"x" * 256), "GET", PATH, NOW_NS)
    with pytest.raises(AuthError, match="private key"):
        auth.token_of(LEGACY, "GET", PATH, NOW_NS)


# -- the older scheme -----------------------------------------------------------------------------


def legacy(method, target, body=b"", timestamp="1700000000", signature=""):
    headers = {auth.KEY: "legacykey", auth.SIGN: signature, auth.TIMESTAMP: timestamp}
    return auth.credentials(Request(method, target, headers, body), DIALECT.endpoints[0])


ORDER = (
    b'{"client_order_id":"cid-1","product_id":"BTC-USD","side":"BUY","order_configuration":'
    b'{"limit_limit_gtc":{"base_size":"0.01","limit_price":"30000","post_only":false}}}'
)


@pytest.mark.parametrize(
    ("method", "target", "body", "signature"),
    [
        ("GET", PATH, b"", "e5c38fb528f0577b581fe7962cf83e7ca2c11ab20ab2c794dcfcda6d27fa17cc"),
        (
            "POST",
            "/api/v3/brokerage/orders",
            ORDER,
            "67af729ffa313d990c87cef07b7f2f724f7f98ae7e7c9dccd8221edc6bdd60c8",
        ),
        (  # a GET of which the path alone is signed
            "GET",
            "/api/v3/brokerage/orders/historical/fills?product_id=BTC-USD",
            b"",
            "5e765de5c12c112691e8e46140edf596cbee03623a40b3e7a51fcb4a5d8eaa8a",
        ),
    ],
)
def test_published_signatures_of_the_older_scheme(method, target, body, signature):
    found = legacy(method, target, body, signature=signature)
    assert auth.verify(found, b"legacysecret")
    assert not auth.verify(found, b"legacysecreu")
    wrong = signature[:-1] + ("0" if signature[-1] != "0" else "1")
    assert not auth.verify(legacy(method, target, body, signature=wrong), b"legacysecret")
    headers = auth.signed_headers(LEGACY, method, target, body, NOW_NS)
    assert headers == {auth.KEY: "legacykey", auth.SIGN: signature, auth.TIMESTAMP: "1700000000"}


def test_a_query_may_be_signed_as_it_is_sent():
    target = "/v2/accounts?limit=250"
    signature = auth.sign(f"1700000000GET{target}".encode(), b"legacysecret")
    assert auth.verify(legacy("GET", target, signature=signature), b"legacysecret")


def test_a_websockets_older_signature_is_the_published_one():
    login = auth.login_of(LEGACY, "user", ("BTC-USD",), NOW_NS)
    assert login["signature"] == "9aaca46638878320036192dc75ab3cdbd8d6b08a15c4d277b6e3278d1733f14e"
    found = auth.stream_credentials("", auth.Login(**login), "user", ("BTC-USD",))
    assert auth.verify(found, b"legacysecret")


def test_what_is_missing_is_told_by_name():
    assert isinstance(
        auth.credentials(Request("GET", PATH, {}, b""), DIALECT.endpoints[0]), Refusal
    )
    assert "sign" in legacy("GET", PATH).flaw.message
    assert "time" in legacy("GET", PATH, timestamp="", signature="x").flaw.message
    assert "TIMESTAMP" in legacy("GET", PATH, timestamp="x", signature="x").flaw.message


# -- keys -----------------------------------------------------------------------------------------


def test_keys_look_as_the_venues_do(venue):
    made = [auth.key_name(lambda size: bytes(range(size)), kind) for kind in auth.KINDS.values()]
    assert made[1].startswith("organizations/")
    assert "/apiKeys/" in made[1]
    assert "/" not in made[0]
    assert len(auth.new_key(bytes).secret) == 32
    assert "organizations" not in venue.key.key
