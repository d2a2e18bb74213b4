"""Signing and verifying: what of a request is signed, and how the private stream is opened.

The invariant: what is signed is what is sent: time, method, path with its query, and body, byte for
byte; a DELETE may have a body, and then it is signed. Some clients sign the query as it reads and
send it percent-encoded; that is taken as a second form. The signature is HMAC-SHA256 by the secret,
in base64. The passphrase is told as it is.

Nobody logs in on the private stream: the same headers stand in the request that opens it. There the
time and a constant path are signed, whatever the address is.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import unquote

from steelyard.dialects.weex.text import MS_NS, TIME_DIGITS_MAX
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

KEY = "access-key"
SIGN = "access-sign"
TIMESTAMP = "access-timestamp"
PASSPHRASE = "access-passphrase"  # noqa: S105 a header's name
AGENT = "user-agent"
USER_AGENT = "steelyard"  # the venue wants one
STREAM_PATH = "/v3/ws/private"  # which is signed, wherever the stream is
WINDOW_NS = 30 * SECOND_NS
KEY_MAX = 128
KEY_BYTES, SECRET_BYTES, PASSPHRASE_BYTES = 16, 32, 8
BAD_TIMESTAMP = -1043


def new_key(entropy: Entropy) -> KeyText:
    """Spell a key as the venue does, its secret in 64 hexadecimal digits, and a passphrase."""
    return KeyText(
        f"weex_{entropy(KEY_BYTES).hex()}",
        entropy(SECRET_BYTES).hex(),
        entropy(PASSPHRASE_BYTES).hex(),
    )


# -- client half --------------------------------------------------------------------------------


def sign(payload: bytes, secret: bytes) -> str:
    """Return the signature of a payload."""
    return b64encode(hmac.digest(secret, payload, sha256)).decode()


def payload_of(timestamp: str, method: str, target: str, body: bytes) -> bytes:
    """Return what a request signs."""
    return f"{timestamp}{method}{target}".encode() + body


def stream_payload(timestamp: str) -> bytes:
    """Return what is signed to open the private stream."""
    return f"{timestamp}{STREAM_PATH}".encode()


def signed_headers(
    key: ApiKey, method: str, target: str, body: bytes, now_ns: int
) -> dict[str, str]:
    """Return the headers of a signed request."""
    timestamp = str(now_ns // MS_NS)
    return _headers(key, timestamp, payload_of(timestamp, method, target, body))


def stream_headers(key: ApiKey, now_ns: int) -> dict[str, str]:
    """Return the headers that open the private stream."""
    timestamp = str(now_ns // MS_NS)
    return _headers(key, timestamp, stream_payload(timestamp))


def _headers(key: ApiKey, timestamp: str, payload: bytes) -> dict[str, str]:
    return {
        KEY: key.key,
        SIGN: sign(payload, key.secret),
        TIMESTAMP: timestamp,
        PASSPHRASE: key.passphrase,
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


def credentials(request: Request, _endpoint: Endpoint) -> Credentials | Refusal:
    """Return what a request claims about its sender; a Refusal where no key is named."""
    target, body = request.target, request.body if request.method != "GET" else b""
    targets = [target] if "%" not in target else [target, unquote(target)]
    timestamp = request.headers.get(TIMESTAMP, "")
    payloads = tuple(payload_of(timestamp, request.method, each, body) for each in targets)
    return _claimed(request.headers, payloads)


def stream_credentials(headers: Mapping[str, str]) -> Credentials | Refusal:
    """Return what the request that opens the private stream claims; likewise."""
    return _claimed(headers, (stream_payload(headers.get(TIMESTAMP, "")),))


def _claimed(headers: Mapping[str, str], payloads: tuple[bytes, ...]) -> Credentials | Refusal:
    key, told = headers.get(KEY, ""), headers.get(SIGN, "")
    timestamp, passphrase = headers.get(TIMESTAMP, ""), headers.get(PASSPHRASE, "")
    if not key:
        return Refusal(
            AccessReason.MISSING_KEY,
            "this is private: send ACCESS-KEY, ACCESS-SIGN, ACCESS-TIMESTAMP and ACCESS-PASSPHRASE",
        )
    if len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
        return Refusal(AccessReason.UNKNOWN_KEY, "copy the key as it was shown")
    if not told:
        return _flawed(key, AccessReason.MISSING_SIGNATURE, "sign it, and send ACCESS-SIGN")
    if not timestamp:
        return _flawed(
            key, AccessReason.MISSING_TIMESTAMP, "send the time that was signed, in milliseconds"
        )
    is_count = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= TIME_DIGITS_MAX
    if not is_count:
        how = "ACCESS-TIMESTAMP is a whole number of milliseconds since 1970"
        refusal = Refusal(AccessReason.MISSING_TIMESTAMP, how, code=BAD_TIMESTAMP)
        return Credentials.flawed(key, refusal)
    if not passphrase:
        return _flawed(key, AccessReason.BAD_PASSPHRASE, "send ACCESS-PASSPHRASE, as it is")
    timestamp_ns = int(timestamp) * MS_NS
    return Credentials(
        key, told, payloads, timestamp_ns, WINDOW_NS, WINDOW_NS, passphrase=passphrase
    )


def _flawed(key: str, reason: AccessReason, how: str) -> Credentials:
    return Credentials.flawed(key, Refusal(reason, how))
