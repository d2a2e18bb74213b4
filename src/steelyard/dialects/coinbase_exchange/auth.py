"""Signing and verifying: what of a request is signed, and how the signature travels.

The invariant: what is signed is what is sent: timestamp, method, path with its query, and body,
byte for byte. There are two schemes. Production: HMAC-SHA256 by the secret's base64-decoded bytes,
in base64, with a timestamp in seconds and a passphrase. Tutorial, which a well-known beginner's
program uses and the venue itself never had: HMAC-SHA256 by the secret as it is written, in
hexadecimal, with a timestamp in ISO 8601 and no passphrase. A key is of one of the two kinds, and
a request that is signed in the other's way is told what the difference is.

A message of the feed is signed as `GET /users/self/verify`.
"""

import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from hashlib import sha256

from msgspec import Struct

from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import SECOND_NS, KeyKind
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
from steelyard.wire.moments import from_iso, from_seconds, seconds_text

KEY = "cb-access-key"
SIGN = "cb-access-sign"
TIMESTAMP = "cb-access-timestamp"
PASSPHRASE = "cb-access-passphrase"  # noqa: S105 a header's name
VERIFY = ("GET", "/users/self/verify")  # what a message of the feed is signed as
WINDOW_NS = 30 * SECOND_NS
KEY_BYTES = 16
SECRET_BYTES = 64
PASSPHRASE_BYTES = 8
KEY_MAX = 128
_HEX_DIGEST = re.compile("[0-9a-fA-F]{64}")

DIFFERENCE = (
    "A tutorial key signs with the hexadecimal HMAC-SHA256 of timestamp + method + path + body by "
    "the secret as it is written, a CB-ACCESS-TIMESTAMP in ISO 8601 with Z, and no passphrase. "
    "The real Coinbase Exchange, and an ordinary key here, wants the base64 of the HMAC-SHA256 by "
    "the secret's base64-decoded bytes, the timestamp in seconds since 1970, and CB-ACCESS-"
    "PASSPHRASE."
)
MISFITS = {
    KeyKind.TUTORIAL: (
        "this request is signed as a beginner's tutorial does it, and the key is an ordinary one. "
        f"{DIFFERENCE} Create a key with `steelyard key create ACCOUNT --dialect coinbase-exchange "
        "--signing tutorial`, or sign as the venue wants it"
    ),
    KeyKind.HMAC: (
        "this request is signed as the real venue wants it, and the key is a tutorial key. "
        f"{DIFFERENCE} Create a key without `--signing tutorial`, or sign as the tutorial does"
    ),
}


class Login(Struct, frozen=True):
    """What a message of the feed says of its sender."""

    key: str = ""
    signature: str = ""
    timestamp: str = ""
    passphrase: str = ""


def new_key(entropy: Entropy) -> KeyText:
    """Spell a key in 32 hexadecimal digits, its secret as base64 of 64 bytes, and a passphrase."""
    return KeyText(
        entropy(KEY_BYTES).hex(),
        b64encode(entropy(SECRET_BYTES)).decode(),
        entropy(PASSPHRASE_BYTES).hex(),
    )


# -- client half --------------------------------------------------------------------------------


def sign(payload: bytes, secret: bytes) -> str:
    """Return the production signature of a payload; a secret that is not base64 signs as it is."""
    digest = hmac.new(_decoded(secret) or secret, payload, sha256).digest()
    return b64encode(digest).decode()


def payload_of(timestamp: str, method: str, target: str, body: bytes) -> bytes:
    """Return what a request signs."""
    return f"{timestamp}{method}{target}".encode() + body


def signed_headers(
    key: ApiKey, method: str, target: str, body: bytes, now_ns: int
) -> dict[str, str]:
    """Return the headers of a signed request."""
    timestamp = seconds_text(now_ns)
    return {
        KEY: key.key,
        SIGN: sign(payload_of(timestamp, method, target, body), key.secret),
        TIMESTAMP: timestamp,
        PASSPHRASE: key.passphrase,
    }


def login_of(key: ApiKey, now_ns: int) -> Login:
    """Return what a message of the feed says to prove its sender."""
    headers = signed_headers(key, *VERIFY, b"", now_ns)
    return Login(key.key, headers[SIGN], headers[TIMESTAMP], key.passphrase)


# -- server half --------------------------------------------------------------------------------


def sign_tutorial(payload: bytes, secret: bytes) -> str:
    """Return the tutorial's signature of a payload."""
    return hmac.new(secret, payload, sha256).hexdigest()


def verify(credentials: Credentials, secret: bytes) -> bool:
    """Return whether the payload was signed with this secret, in the scheme it was signed in."""
    is_tutorial = credentials.kind is KeyKind.TUTORIAL
    if not is_tutorial and _decoded(secret) is None:
        return False
    make, claimed = (sign_tutorial if is_tutorial else sign), credentials.signature
    if is_tutorial:
        claimed = claimed.lower()
    return any(
        hmac.compare_digest(make(payload, secret).encode(), claimed.encode("utf-8", "replace"))
        for payload in credentials.payloads
    )


def signature(_credentials: Credentials) -> bytes | None:
    """Return no bytes: the venue has no key pairs."""
    return None


def is_tutorial(request: Request) -> bool:
    """Whether a request is signed as the tutorial does it."""
    return _HEX_DIGEST.fullmatch(request.headers.get(SIGN, "")) is not None


def credentials(request: Request, _endpoint: Endpoint) -> Credentials | Refusal:
    """Return what a REST request claims about its sender."""
    headers = request.headers
    login = Login(
        headers.get(KEY, ""),
        headers.get(SIGN, ""),
        headers.get(TIMESTAMP, ""),
        headers.get(PASSPHRASE, ""),
    )
    return claims(login, request.method, request.target, request.body)


def login_credentials(login: Login) -> Credentials | Refusal:
    """Return what a message of the feed claims about its sender."""
    return claims(login, *VERIFY, b"")


def claims(login: Login, method: str, target: str, body: bytes) -> Credentials | Refusal:
    """Return credentials from what makes them; a Refusal where no key is named."""
    key = login.key
    if not key:
        return Refusal(
            AccessReason.MISSING_KEY,
            "this route is private: send CB-ACCESS-KEY, -SIGN, -TIMESTAMP and -PASSPHRASE",
        )
    if len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
        return Refusal(
            AccessReason.UNKNOWN_KEY, "a key has 32 hexadecimal digits; copy it as it was shown"
        )
    if not login.signature:
        return _flawed(key, AccessReason.MISSING_SIGNATURE, "sign the request with the secret")
    kind = KeyKind.TUTORIAL if _HEX_DIGEST.fullmatch(login.signature) else KeyKind.HMAC
    if not login.timestamp:
        return _flawed(
            key, AccessReason.MISSING_TIMESTAMP, "send the time that was signed, in seconds"
        )
    try:
        read = from_iso if kind is KeyKind.TUTORIAL else from_seconds
        timestamp_ns = read(login.timestamp)
    except DecodeError as error:
        return _flawed(key, AccessReason.BAD_SIGNATURE, f"CB-ACCESS-TIMESTAMP: {error}")
    return Credentials(
        key,
        login.signature,
        (payload_of(login.timestamp, method, target, body),),
        timestamp_ns,
        WINDOW_NS,
        WINDOW_NS,
        passphrase=login.passphrase,
        kind=kind,
        misfit=MISFITS[kind],
    )


def _flawed(key: str, reason: AccessReason, how: str) -> Credentials:
    return Credentials.flawed(key, Refusal(reason, how))


def _decoded(secret: bytes) -> bytes | None:
    try:
        return b64decode(secret, validate=True)
    except (BadBase64, ValueError):
        return None
