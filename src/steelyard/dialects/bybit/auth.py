"""Signing and verifying: what of a request is signed, and how the signature travels.

The invariant: what is signed is what is sent: timestamp, key, window and then the raw query of a
GET or the raw body of a POST, with nothing in between. HMAC-SHA256 by the secret in hexadecimal, or
RSASSA-PKCS1-v1_5 with SHA-256 in base64. Some clients sign a query as it is before it is escaped:
that form is verified too. A WebSocket signs `GET/realtime` and the time at which that expires.
"""

import hmac
from base64 import b32encode, b64decode, b64encode
from binascii import Error as BadBase64
from hashlib import sha256
from urllib.parse import unquote

from steelyard.dialects.bybit.text import MS_NS, ms_text, to_ms
from steelyard.domain.messages import SECOND_NS
from steelyard.wire.dialect import (
    AccessReason,
    ApiKey,
    Credentials,
    Endpoint,
    Entropy,
    KeyText,
    Refusal,
)
from steelyard.wire.http import Request

KEY = "x-bapi-api-key"
SIGN = "x-bapi-sign"
TIMESTAMP = "x-bapi-timestamp"
WINDOW = "x-bapi-recv-window"
WINDOW_MS = 5_000  # where a request does not say; and what ours say
WINDOW_MAX_MS = 60_000  # a longer one counts as this
AHEAD_NS = SECOND_NS
REALTIME = "GET/realtime"
LOGIN_NS = 10 * SECOND_NS  # for how long a login of ours is good
KEY_MAX = 128
KEY_LENGTH, SECRET_LENGTH = 18, 36
KEY_BYTES, SECRET_BYTES = 16, 24
DIGITS_MAX = 15  # of a time or a window in milliseconds


def new_key(entropy: Entropy) -> KeyText:
    """Spell a key in 18 letters and digits and its secret in 36, as the venue does."""
    key, secret = (b32encode(entropy(size)).decode() for size in (KEY_BYTES, SECRET_BYTES))
    return KeyText(key[:KEY_LENGTH], secret[:SECRET_LENGTH])


# -- client half --------------------------------------------------------------------------------


def sign(payload: bytes, key: ApiKey) -> str:
    """Return the signature of a payload: hexadecimal by a secret, base64 by a key pair."""
    if key.sign is not None:
        return b64encode(key.sign(payload)).decode()
    return hmac.new(key.secret, payload, sha256).hexdigest()


def payload_of(timestamp: str, key: str, window: str, sent: bytes) -> bytes:
    """Return what a request signs; `sent` is its raw query or its raw body."""
    return f"{timestamp}{key}{window}".encode() + sent


def signed_headers(key: ApiKey, sent: bytes, now_ns: int) -> dict[str, str]:
    """Return the headers of a signed request."""
    timestamp, window = ms_text(now_ns), str(WINDOW_MS)
    return {
        KEY: key.key,
        TIMESTAMP: timestamp,
        WINDOW: window,
        SIGN: sign(payload_of(timestamp, key.key, window, sent), key),
    }


def login_of(key: ApiKey, now_ns: int) -> tuple[str, int, str]:
    """Return what a WebSocket's `auth` says: key, expiry and signature."""
    expires = to_ms(now_ns + LOGIN_NS)
    return key.key, expires, sign(f"{REALTIME}{expires}".encode(), key)


# -- server half --------------------------------------------------------------------------------


def verify(credentials: Credentials, secret: bytes) -> bool:
    """Return whether one of the payloads was signed with this secret."""
    claimed = credentials.signature.lower().encode("utf-8", "replace")
    return any(
        hmac.compare_digest(hmac.new(secret, payload, sha256).hexdigest().encode(), claimed)
        for payload in credentials.payloads
    )


def signature(credentials: Credentials) -> bytes | None:
    """Return a key pair's signature; None where it is not base64."""
    try:
        return b64decode(credentials.signature.encode(), validate=True)
    except (BadBase64, ValueError):
        return None


def credentials(request: Request, _endpoint: Endpoint) -> Credentials | Refusal:
    """Return what a REST request claims about its sender."""
    headers = request.headers
    key, timestamp = headers.get(KEY, ""), headers.get(TIMESTAMP, "")
    signed, window = headers.get(SIGN, ""), headers.get(WINDOW, "")
    named = _named(key)
    if isinstance(named, Refusal):
        return named
    if not signed:
        return _flawed(key, AccessReason.MISSING_SIGNATURE, "send the signature in X-BAPI-SIGN")
    if not timestamp:
        return _flawed(
            key, AccessReason.MISSING_TIMESTAMP, "send the time in ms in X-BAPI-TIMESTAMP"
        )
    if not is_count(timestamp) or not (is_count(window) or not window):
        return _flawed(
            key,
            AccessReason.MISSING_TIMESTAMP,
            "X-BAPI-TIMESTAMP and X-BAPI-RECV-WINDOW are whole numbers of milliseconds",
        )
    if request.method == "GET":
        raw = request.query
        sent = (raw.encode(), unquote(raw).encode())
    else:
        sent = (request.body, request.body)
    payloads = tuple(dict.fromkeys(payload_of(timestamp, key, window, each) for each in sent))
    window_ms = min(int(window or WINDOW_MS), WINDOW_MAX_MS)
    return Credentials(key, signed, payloads, int(timestamp) * MS_NS, window_ms * MS_NS, AHEAD_NS)


def login_credentials(key: str, expires: str, signed: str, now_ns: int) -> Credentials | Refusal:
    """Return what a WebSocket's `auth` claims about its sender."""
    named = _named(key)
    if isinstance(named, Refusal):
        return named
    if not signed:
        return _flawed(key, AccessReason.MISSING_SIGNATURE, "sign `GET/realtime` and the expiry")
    if not is_count(expires):
        return _flawed(key, AccessReason.MISSING_TIMESTAMP, "say in ms when the signature expires")
    if int(expires) * MS_NS <= now_ns:
        return _flawed(
            key, AccessReason.STALE_TIMESTAMP, "the signature has expired by now: set your clock"
        )
    return Credentials(key, signed, (f"{REALTIME}{expires}".encode(),), None, 0, 0)


def _named(key: str) -> Refusal | None:
    if not key:
        return Refusal(
            AccessReason.MISSING_KEY,
            "this route is private: send X-BAPI-API-KEY, -TIMESTAMP, -RECV-WINDOW and -SIGN",
        )
    if len(key) > KEY_MAX or not (key.isascii() and key.isalnum()):
        return Refusal(
            AccessReason.UNKNOWN_KEY, "a key has letters and digits only; copy it as it was shown"
        )
    return None


def is_count(text: str) -> bool:
    """Whether a text is a whole number as times and windows are."""
    return text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX


def _flawed(key: str, reason: AccessReason, how: str) -> Credentials:
    return Credentials.flawed(key, Refusal(reason, how))
