import hashlib
import hmac
import shutil
import subprocess
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.native import DIALECT, auth, stream_messages
from steelyard.wire.dialect import AccessReason, ApiKey, Credentials, Refusal
from steelyard.wire.http import Request

KEY = ApiKey("k-1", b"a secret")
NOW_NS = 1_795_000_000_000_000_000
BODY = b'{"symbol":"BTC-USDT","side":"buy","type":"market","size":"0.01"}'
PLACE = next(e for e in DIALECT.endpoints if e.method == "POST")

# (timestamp, nonce, method, target, body, signature); the signatures by hand:
# printf %s 'TEXT' | openssl dgst -sha256 -hmac 'a secret'
VECTORS = [
    (
        "1795000000000",
        "n-1",
        "GET",
        "/api/v1/orders?open=true",
        b"",
        "ce437ee864fbe89b930457220c4672bcd520f11566df6095f5dd85c43fd7f9b3",
    ),
    (
        "1795000000000",
        "n-2",
        "POST",
        "/api/v1/orders",
        BODY,
        "58f3482eb66cb28bcb3064a2c88281f87da2e96c68faacfd0b4c6a7588650efc",
    ),
    (
        "1795000000000",
        "n-3",
        "DELETE",
        "/api/v1/orders/1024",
        b"",
        "73833148dca023448463b8dbfb8d8a4d433439f99dc40e5746eec934289dc8df",
    ),
    (
        "1795000000000",
        "n-4",
        "GET",
        "/ws/v1",
        b"",
        "0a3b357f8adff0c44c2ac3491a45e054086cd3a761a8f98bd2041d852eb7a8eb",
    ),
]


@pytest.mark.parametrize(("timestamp", "nonce", "method", "target", "body", "signature"), VECTORS)
def test_signatures_are_what_openssl_makes(timestamp, nonce, method, target, body, signature):
    """The recipe of the documentation, word by word, without our functions."""
    text = timestamp.encode() + nonce.encode() + method.encode() + target.encode() + body
    assert hmac.new(KEY.secret, text, hashlib.sha256).hexdigest() == signature
    assert auth.sign(KEY.secret, auth.payload(timestamp, nonce, method, target, body)) == signature


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v[1])
def test_openssl_says_the_same(vector):
    """The vectors are not our own opinion."""
    *parts, body, signature = vector
    command = ["openssl", "dgst", "-sha256", "-hmac", KEY.secret.decode()]
    text = "".join(parts).encode() + body
    done = subprocess.run(command, input=text, capture_output=True, check=True)
    assert done.stdout.decode().split()[-1] == signature


def signed(method="POST", target="/api/v1/orders", body=BODY, now_ns=NOW_NS) -> Request:
    headers = auth.signed_headers(KEY, method, target, body, now_ns)
    return Request(method, target, headers, body)


def verifies(request: Request, secret: bytes = KEY.secret) -> bool:
    claimed = auth.credentials(request, PLACE)
    return isinstance(claimed, Credentials) and auth.verify(claimed, secret)


def test_what_one_half_signs_the_other_verifies():
    """Key, timestamp and nonce arrive as they were sent."""
    claimed = auth.credentials(signed(), PLACE)
    assert auth.verify(claimed, KEY.secret)
    assert (claimed.key, claimed.timestamp_ns) == ("k-1", NOW_NS)
    assert (claimed.window_ns, claimed.ahead_ns) == (5_000_000_000, 1_000_000_000)
    assert not auth.verify(claimed, b"another secret")


@given(st.data())
def test_any_changed_byte_breaks_the_signature(data):
    """Method, target, body, timestamp, nonce, signature: one byte more, less or other is seen."""
    request = signed()
    part = data.draw(st.sampled_from(["target", "body", "method", *auth.HEADERS[1:]]))
    is_header = part in auth.HEADERS
    before = request.headers[part] if is_header else getattr(request, part)
    text = before.decode() if isinstance(before, bytes) else before
    position = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from(["", "x", "0", text[position] * 2]))
    after = text[:position] + letter + text[position + 1 :]
    if after == text:
        return
    if is_header:
        changed = request._replace(headers={**request.headers, part: after})
    else:
        changed = request._replace(**{part: after.encode() if part == "body" else after})
    assert not verifies(changed)


def test_no_byte_moves_between_the_parts():
    """Digits of the timestamp cannot become the nonce, nor the end of the target the body."""
    request = signed("DELETE", "/api/v1/orders/1024", b"")
    stamp, nonce = request.headers[auth.TIMESTAMP], request.headers[auth.NONCE]
    moved = {**request.headers, auth.TIMESTAMP: stamp[:-1], auth.NONCE: stamp[-1] + nonce}
    refusal = auth.credentials(request._replace(headers=moved), PLACE).flaw
    assert "13 digits" in refusal.message
    # This one verifies, and is refused for carrying a body: see test_parameters.
    shorter = request._replace(target="/api/v1/orders/102", body=b"4")
    assert verifies(shorter)


@pytest.mark.parametrize(
    ("header", "value", "reason", "message"),
    [
        ("steelyard-key", None, AccessReason.MISSING_KEY, "STEELYARD-KEY is missing"),
        ("steelyard-signature", "", AccessReason.MISSING_SIGNATURE, "STEELYARD-SIGNATURE is"),
        ("steelyard-timestamp", None, AccessReason.MISSING_TIMESTAMP, "STEELYARD-TIMESTAMP is"),
        ("steelyard-nonce", None, AccessReason.MALFORMED, "STEELYARD-NONCE is missing"),
        ("steelyard-timestamp", "1795000000", AccessReason.MALFORMED, "are these seconds?"),
        ("steelyard-timestamp", "1795000000000000", AccessReason.MALFORMED, "microseconds?"),
        ("steelyard-timestamp", "1795000000000000000", AccessReason.MALFORMED, "nanoseconds?"),
        ("steelyard-timestamp", "١٧٩٥٠٠٠٠٠٠٠٠٠", AccessReason.MALFORMED, "13 digits"),
        ("steelyard-timestamp", "-179500000000", AccessReason.MALFORMED, "13 digits"),
        ("steelyard-nonce", "a" * 37, AccessReason.MALFORMED, "1 to 36 letters"),
        ("steelyard-nonce", "a b", AccessReason.MALFORMED, "1 to 36 letters"),
        ("steelyard-nonce", "ä", AccessReason.MALFORMED, "1 to 36 letters"),
    ],
)
def test_a_missing_or_malformed_header_is_named(header, value, reason, message):
    """The first thing that is wrong is said, with the header it is in."""
    request = signed()
    headers = {**request.headers, header: value}
    if value is None:
        del headers[header]
    found = auth.credentials(request._replace(headers=headers), PLACE)
    refusal = found if isinstance(found, Refusal) else found.flaw
    assert isinstance(found, Refusal) is (reason is AccessReason.MISSING_KEY)
    assert refusal.reason is reason
    assert refusal.field == header.upper()
    assert message in refusal.message


@pytest.mark.parametrize("signature", ["x", "A" * 64, "ä" * 64, "\udcff", "0" * 100_000])
def test_a_signature_of_another_form_is_just_wrong(signature):
    """Whatever it is, comparing it raises nothing."""
    request = signed()
    headers = {**request.headers, auth.SIGNATURE: signature}
    assert not verifies(request._replace(headers=headers))
    upper = {**request.headers, auth.SIGNATURE: request.headers[auth.SIGNATURE].upper()}
    assert not verifies(request._replace(headers=upper))


def test_a_nonce_is_made_of_the_request_and_its_time():
    """Two different requests never share one; the same again at another time has another."""
    requests = [
        signed(),
        signed(now_ns=NOW_NS + 1),
        signed(body=BODY + b" "),
        signed(target="/api/v1/orders/1"),
        signed("PATCH"),
    ]
    assert len({r.headers[auth.NONCE] for r in requests}) == len(requests)
    assert signed() == signed()


def test_a_login_signs_the_stream():
    """The WebSocket's login is a signature of GET /ws/v1."""
    login = auth.login_to_wire(KEY, NOW_NS)
    claimed = auth.login_credentials(login)
    assert isinstance(claimed, Credentials)
    assert auth.verify(claimed, KEY.secret)
    text = f"{login.timestamp}{login.nonce}GET/ws/v1".encode()
    assert hmac.new(KEY.secret, text, hashlib.sha256).hexdigest() == login.signature


def test_a_malformed_login_names_its_own_field():
    """Over the WebSocket there are no headers to name."""
    login = stream_messages.Login(key="k", timestamp=1, nonce="n", signature="0" * 64)
    flaw = auth.login_credentials(login).flaw
    assert flaw is not None
    assert flaw.field == "timestamp"


@pytest.mark.parametrize("spelling", ["Cx==", "Cw=", "Cw", "Cw===", "Cw==\n", " Cw==", "Cw=="])
def test_a_signature_in_base64_has_one_spelling(spelling):
    """The bits of its last digit that are not used are zero, and nothing stands around it."""
    claimed = Credentials("key", "abcd" + spelling, (b"",), None, 0, 0)
    expected = b64decode("abcdCw==") if spelling == "Cw==" else None
    assert auth.signature(claimed) == expected
