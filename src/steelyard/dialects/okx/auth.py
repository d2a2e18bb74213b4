"""Signing and verifying: what of a request is signed, and how the signature travels.

    OK-ACCESS-SIGN = base64(HMAC-SHA256(secret, timestamp + method + path with its query + body))

The invariant: what is signed is what is sent, byte for byte. REST says its time in ISO 8601, a
login over a WebSocket in seconds, and signs `GET /users/self/verify`. There is no nonce. A key has
a passphrase, which is sent as it is.

A key's name that begins with `demo:` is one of the venue's demo trading: the mark is not sent, but
requests say `x-simulated-trading: 1`. Here all trading is simulated, and that header is as good
as its absence.

Source: https://www.okx.com/docs-v5/en/#overview-rest-authentication, read 2026-11-22.
"""

# ruff: noqa: N815  the venue's names

import hmac
from base64 import b64encode
from hashlib import sha256

from msgspec import Struct

from steelyard.dialects.okx.text import from_iso, from_seconds, iso
from steelyard.domain.errors import DecodeError
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

KEY = "ok-access-key"
SIGN = "ok-access-sign"
TIMESTAMP = "ok-access-timestamp"
PASSPHRASE = "ok-access-passphrase"  # noqa: S105 a header's name
SIMULATED = "x-simulated-trading"
DEMO = "demo:"
VERIFY = ("GET", "/users/self/verify")  # what a login is signed as
WINDOW_NS = 30 * SECOND_NS
KEY_MAX = 128
PASSPHRASE_BYTES = 8


class Login(Struct, frozen=True):
    """What a login says of its sender."""

    apiKey: str = ""
    passphrase: str = ""
    timestamp: str | int = ""
    sign: str = ""


def new_key(entropy: Entropy) -> KeyText:
    """Spell a key as a UUID, its secret in 32 hexadecimal digits, and a passphrase."""
    digits = entropy(16).hex()
    key = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return KeyText(key, entropy(16).hex().upper(), entropy(PASSPHRASE_BYTES).hex())


# -- client half --------------------------------------------------------------------------------


def sign(payload: bytes, secret: bytes) -> str:
    """Return the signature of a payload."""
    return b64encode(hmac.new(secret, payload, sha256).digest()).decode()


def payload_of(timestamp: str, method: str, target: str, body: bytes) -> bytes:
    """Return what a request signs."""
    return f"{timestamp}{method}{target}".encode() + body


def signed_headers(
    key: ApiKey, method: str, target: str, body: bytes, now_ns: int
) -> dict[str, str]:
    """Return the headers of a signed request."""
    timestamp = iso(now_ns)
    headers = {
        KEY: key.key.removeprefix(DEMO),
        SIGN: sign(payload_of(timestamp, method, target, body), key.secret),
        TIMESTAMP: timestamp,
        PASSPHRASE: key.passphrase,
    }
    return {**headers, SIMULATED: "1"} if key.key.startswith(DEMO) else headers


def login_of(key: ApiKey, now_ns: int) -> Login:
    """Return what a login says to prove its sender."""
    timestamp = str(now_ns // SECOND_NS)
    return Login(
        apiKey=key.key.removeprefix(DEMO),
        passphrase=key.passphrase,
        timestamp=timestamp,
        sign=sign(payload_of(timestamp, *VERIFY, b""), key.secret),
    )


# -- server half --------------------------------------------------------------------------------


def verify(credentials: Credentials, secret: bytes) -> bool:
    """Return whether the payload was signed with this secret."""
    claimed = credentials.signature.encode("utf-8", "replace")
    return any(
        hmac.compare_digest(sign(payload, secret).encode(), claimed)
        for payload in credentials.payloads
    )


def signature(_credentials: Credentials) -> bytes | None:
    """Return no bytes: the venue has no key pairs."""
    return None


def credentials(request: Request, _endpoint: Endpoint) -> Credentials | Refusal:
    """Return what a REST request claims about its sender."""
    headers = request.headers
    timestamp = headers.get(TIMESTAMP, "")
    login = Login(headers.get(KEY, ""), headers.get(PASSPHRASE, ""), "", headers.get(SIGN, ""))
    flawed = _flaw(login, timestamp)
    if flawed is not None:
        return flawed
    try:
        timestamp_ns = from_iso(timestamp)
    except DecodeError as error:
        flaw = Refusal(AccessReason.MISSING_TIMESTAMP, str(error), TIMESTAMP, code="50112")
        return Credentials.flawed(login.apiKey, flaw)
    payload = payload_of(timestamp, request.method, request.target, request.body)
    return _claim(login, payload, timestamp_ns)


def login_credentials(login: Login) -> Credentials | Refusal:
    """Return what a login over a WebSocket claims about its sender."""
    timestamp = str(login.timestamp)
    flawed = _flaw(login, timestamp)
    if flawed is not None:
        return flawed
    try:
        timestamp_ns = from_seconds(timestamp)
    except DecodeError as error:
        flaw = Refusal(AccessReason.MISSING_TIMESTAMP, str(error), "timestamp", code="60004")
        return Credentials.flawed(login.apiKey, flaw)
    return _claim(login, payload_of(timestamp, *VERIFY, b""), timestamp_ns)


def _claim(login: Login, payload: bytes, timestamp_ns: int) -> Credentials:
    return Credentials(
        login.apiKey,
        login.sign,
        (payload,),
        timestamp_ns,
        WINDOW_NS,
        WINDOW_NS,
        passphrase=login.passphrase,
    )


def _flaw(login: Login, timestamp: str) -> Credentials | Refusal | None:
    """Return what is to be said where something is missing."""
    key = login.apiKey
    if not key:
        return Refusal(
            AccessReason.MISSING_KEY,
            "this is private: send OK-ACCESS-KEY, -SIGN, -TIMESTAMP and -PASSPHRASE",
        )
    if len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
        return Refusal(AccessReason.UNKNOWN_KEY, "copy the key as it was shown")
    how = "sign timestamp, method, path and body with the key's secret"
    missing = {
        (AccessReason.BAD_PASSPHRASE, "50104", "send the passphrase of the key"): login.passphrase,
        (AccessReason.MISSING_SIGNATURE, "50106", how): login.sign,
        (AccessReason.MISSING_TIMESTAMP, "50107", "send the time that was signed"): timestamp,
    }
    for (reason, code, mend), said in missing.items():
        if not said:
            return Credentials.flawed(key, Refusal(reason, mend, code=code))
    return None
