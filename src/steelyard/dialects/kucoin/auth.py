"""Signing and verifying: what of a request is signed, and how signature and passphrase travel.

The invariant: what is signed is what is sent: time, method, path with its query, and body, byte for
byte. Well-known clients sign the query as it reads and send it percent-encoded; that is taken as a
second form. The signature is HMAC-SHA256 by the secret, in base64. Of the key's version 2 and 3 the
passphrase is told as its own HMAC by the secret, of version 1, or without a version, as it is.

Public routes pass over what a client has signed for nothing.
"""

import hmac
from base64 import b64encode
from hashlib import sha256
from urllib.parse import unquote

from steelyard.dialects.kucoin.text import MS_NS, read_count
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

KEY = "kc-api-key"
SIGN = "kc-api-sign"
TIMESTAMP = "kc-api-timestamp"
PASSPHRASE = "kc-api-passphrase"  # noqa: S105 a header's name
VERSION = "kc-api-key-version"
OUR_VERSION = "3"
SIGNED_VERSIONS = ("2", "3")  # of which the passphrase is signed
WINDOW_NS = 5 * SECOND_NS
KEY_BYTES = 16
KEY_LENGTH = 24
SECRET_BYTES = 16
PASSPHRASE_BYTES = 8
KEY_MAX = 128


def new_key(entropy: Entropy) -> KeyText:
    """Spell a key in 24 hexadecimal digits, its secret as a UUID, and a passphrase."""
    digits = entropy(SECRET_BYTES).hex()
    parts = digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]
    return KeyText(
        entropy(KEY_BYTES).hex()[:KEY_LENGTH], "-".join(parts), entropy(PASSPHRASE_BYTES).hex()
    )


# -- client half --------------------------------------------------------------------------------


def sign(payload: bytes, secret: bytes) -> str:
    """Return the signature of a payload, and of a passphrase likewise."""
    return b64encode(hmac.digest(secret, payload, sha256)).decode()


def payload_of(timestamp: str, method: str, target: str, body: bytes) -> bytes:
    """Return what a request signs."""
    return f"{timestamp}{method}{target}".encode() + body


def signed_headers(
    key: ApiKey, method: str, target: str, body: bytes, now_ns: int
) -> dict[str, str]:
    """Return the headers of a signed request."""
    timestamp = str(now_ns // MS_NS)
    return {
        KEY: key.key,
        SIGN: sign(payload_of(timestamp, method, target, body), key.secret),
        TIMESTAMP: timestamp,
        PASSPHRASE: sign(key.passphrase.encode(), key.secret),
        VERSION: OUR_VERSION,
    }


# -- server half --------------------------------------------------------------------------------


def verify(credentials: Credentials, secret: bytes) -> bool:
    """Return whether one of the payloads was signed with this secret."""
    claimed = credentials.signature.encode("utf-8", "replace")
    return any(
        hmac.compare_digest(sign(payload, secret).encode(), claimed)
        for payload in credentials.payloads
    )


def signature(_credentials: Credentials) -> bytes | None:
    """Return no bytes: the venue has no key pairs."""
    return None


def signed_passphrase(secret: bytes, passphrase: bytes) -> bytes:
    """Return what newer keys tell instead of their passphrase."""
    return sign(passphrase, secret).encode()


def credentials(request: Request, _endpoint: Endpoint) -> Credentials | Refusal:
    """Return what a request claims about its sender; a Refusal where no key is named."""
    headers, key = request.headers, request.headers.get(KEY, "")
    if not key:
        return Refusal(
            AccessReason.MISSING_KEY,
            "this route is private: send KC-API-KEY, -SIGN, -TIMESTAMP, -PASSPHRASE and "
            "-KEY-VERSION",
        )
    if len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
        return Refusal(
            AccessReason.UNKNOWN_KEY, "a key has 24 hexadecimal digits; copy it as it was shown"
        )
    told, timestamp = headers.get(SIGN, ""), headers.get(TIMESTAMP, "")
    if not told:
        return _flawed(key, AccessReason.MISSING_SIGNATURE, "sign the request with the secret")
    if not timestamp:
        return _flawed(
            key, AccessReason.MISSING_TIMESTAMP, "send the time that was signed, in milliseconds"
        )
    if not headers.get(PASSPHRASE):
        return _flawed(
            key,
            AccessReason.MISSING_SIGNATURE,
            "send KC-API-PASSPHRASE: of version 2 and 3 the base64 of the HMAC-SHA256 of the "
            "passphrase by the secret",
        )
    version = headers.get(VERSION, "1")
    if version not in ("1", *SIGNED_VERSIONS):
        return _flawed(key, AccessReason.BAD_PASSPHRASE, "KC-API-KEY-VERSION is 1, 2 or 3")
    try:
        timestamp_ns = read_count(timestamp, "KC-API-TIMESTAMP") * MS_NS
    except DecodeError as error:
        return _flawed(key, AccessReason.STALE_TIMESTAMP, f"{error}; it is in milliseconds")
    target, body = request.target, request.body if request.method != "GET" else b""
    targets = [target] if "%" not in target else [target, unquote(target)]
    return Credentials(
        key,
        told,
        tuple(payload_of(timestamp, request.method, each, body) for each in targets),
        timestamp_ns,
        WINDOW_NS,
        WINDOW_NS,
        passphrase=headers[PASSPHRASE],
        tell_passphrase=signed_passphrase if version in SIGNED_VERSIONS else None,
    )


def _flawed(key: str, reason: AccessReason, how: str) -> Credentials:
    return Credentials.flawed(key, Refusal(reason, how))
