"""Signing next to verifying: what of a request is signed, and how it travels.

    signature = hex(HMAC-SHA256(secret, timestamp + nonce + METHOD + target + body))

The secret is the text that was shown when the key was made, as UTF-8. With a key pair, Ed25519,
RSA (PKCS #1 v1.5 with SHA-256) or ES256, the private half signs the same bytes, and the signature
is in base64; the gate asks the public half, because a pure floor has no elliptic curves.

Target and body are the bytes that are sent. The parts are joined without a separator, which is
safe because none can give a byte to its neighbour: a timestamp has 13 digits, no method begins or
ends another, a target ends where a body begins with `{`, and routes without a body refuse one.
Whether a key exists, a timestamp is fresh or a nonce is new is for the gate to say.
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode

from steelyard.dialects.native import stream_messages
from steelyard.domain.messages import SECOND_NS
from steelyard.wire.dialect import AccessReason, ApiKey, Credentials, Endpoint, Refusal
from steelyard.wire.http import Request

KEY = "steelyard-key"
TIMESTAMP = "steelyard-timestamp"
NONCE = "steelyard-nonce"
SIGNATURE = "steelyard-signature"
HEADERS = (KEY, TIMESTAMP, NONCE, SIGNATURE)

WINDOW_NS = 5 * SECOND_NS
AHEAD_NS = SECOND_NS
MS_NS = 1_000_000
TIMESTAMP_DIGITS = 13  # until the year 2286
NONCE_MAX = 36
SIGNATURE_DIGITS = 64
SHOWN_DIGITS_MAX = 20  # of a wrong number, that are repeated to its sender
WS_TARGET = "/ws/v1"

_NONCE = re.compile(rf"[A-Za-z0-9_-]{{1,{NONCE_MAX}}}", re.ASCII)


def payload(timestamp_ms: str, nonce: str, method: str, target: str, body: bytes) -> bytes:
    """Return the bytes that are signed."""
    return f"{timestamp_ms}{nonce}{method}{target}".encode() + body


def sign(secret: bytes, signed: bytes) -> str:
    """Return the signature of a payload."""
    return hmac.digest(secret, signed, "sha256").hex()


def verify(credentials: Credentials, secret: bytes) -> bool:
    """Whether the secret's owner signed the payload; takes the same time for any answer."""
    claimed = credentials.signature.encode(errors="replace")
    for signed in credentials.payloads:
        if hmac.compare_digest(sign(secret, signed).encode(), claimed):
            return True
    return False


def signature(credentials: Credentials) -> bytes | None:
    """Return the bytes of a key pair's signature; None where it is not base64.

    Of several spellings of the same bytes only the one that encoders write is taken.
    """
    try:
        found = b64decode(credentials.signature, validate=True)
    except ValueError:
        return None
    return found if b64encode(found).decode() == credentials.signature else None


def signed_headers(
    key: ApiKey, method: str, target: str, body: bytes, now_ns: int
) -> dict[str, str]:
    """Return the four headers of a signed request."""
    timestamp = str(now_ns // MS_NS)
    nonce = fresh_nonce(method, target, body, now_ns)
    signature = signature_by(key, payload(timestamp, nonce, method, target, body))
    return {KEY: key.key, TIMESTAMP: timestamp, NONCE: nonce, SIGNATURE: signature}


def signature_by(key: ApiKey, signed: bytes) -> str:
    """Return a key's signature of a payload as text: of a secret, or of a private key."""
    if key.sign is not None:
        return b64encode(key.sign(signed)).decode()
    return sign(key.secret, signed)


def fresh_nonce(method: str, target: str, body: bytes, now_ns: int) -> str:
    """Return a nonce that only the same request at the same nanosecond has.

    It is made of the request, not of chance, so that a replayed journal sends the same bytes.
    """
    about = f"{now_ns} {method} {target} ".encode() + body
    return hashlib.sha256(about).hexdigest()[:32]


def credentials(request: Request, _endpoint: Endpoint) -> Credentials | Refusal:
    """Return what a request claims about its sender; a Refusal where it names no key."""
    headers = request.headers
    key, signature = headers.get(KEY, ""), headers.get(SIGNATURE, "")
    timestamp, nonce = headers.get(TIMESTAMP, ""), headers.get(NONCE, "")
    if not key:
        return _missing(AccessReason.MISSING_KEY, KEY)
    if not (signature and timestamp and nonce):
        return Credentials.flawed(key, _first_missing(signature, timestamp))
    if flaw := _malformed(timestamp, nonce):
        return Credentials.flawed(key, flaw)
    signed = payload(timestamp, nonce, request.method, request.target, request.body)
    return _claim(key, signature, signed, int(timestamp), nonce)


def login_credentials(login: stream_messages.Login) -> Credentials:
    """Return what a WebSocket login claims."""
    timestamp = str(login.timestamp)
    if flaw := _malformed(timestamp, login.nonce):
        field = (flaw.field or "").removeprefix("STEELYARD-").lower()
        return Credentials.flawed(login.key, flaw._replace(field=field))
    signed = payload(timestamp, login.nonce, "GET", WS_TARGET, b"")
    return _claim(login.key, login.signature, signed, login.timestamp, login.nonce)


def login_to_wire(key: ApiKey, now_ns: int) -> stream_messages.Login:
    """Return the login of a WebSocket."""
    headers = signed_headers(key, "GET", WS_TARGET, b"", now_ns)
    return stream_messages.Login(
        id="login",
        key=headers[KEY],
        timestamp=int(headers[TIMESTAMP]),
        nonce=headers[NONCE],
        signature=headers[SIGNATURE],
    )


def _claim(key: str, signature: str, signed: bytes, timestamp_ms: int, nonce: str) -> Credentials:
    return Credentials(
        key=key,
        signature=signature,
        payloads=(signed,),
        timestamp_ns=timestamp_ms * MS_NS,
        window_ns=WINDOW_NS,
        ahead_ns=AHEAD_NS,
        nonce=nonce,
    )


def _first_missing(signature: str, timestamp: str) -> Refusal:
    """Return what to say of the first that is missing; without another one it is the nonce."""
    if not signature:
        return _missing(AccessReason.MISSING_SIGNATURE, SIGNATURE)
    if not timestamp:
        return _missing(AccessReason.MISSING_TIMESTAMP, TIMESTAMP)
    return _missing(AccessReason.MALFORMED, NONCE)


def _missing(reason: AccessReason, name: str) -> Refusal:
    upper = name.upper()
    return Refusal(
        reason,
        f"the header {upper} is missing; a signed request carries "
        + ", ".join(header.upper() for header in HEADERS),
        upper,
    )


def _malformed(timestamp: str, nonce: str) -> Refusal | None:
    # Only digits are repeated: a secret that was put in the wrong header must not be in an answer.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) == TIMESTAMP_DIGITS):
        unit = {10: "seconds", 16: "microseconds", 19: "nanoseconds"}.get(len(timestamp))
        guess = f" (are these {unit}?)" if unit and timestamp.isdigit() else ""
        return Refusal(
            AccessReason.MALFORMED,
            f"the timestamp must be milliseconds since 1970, {TIMESTAMP_DIGITS} digits; "
            f"got {_shown(timestamp)}{guess}",
            TIMESTAMP.upper(),
        )
    if not _NONCE.fullmatch(nonce):
        return Refusal(
            AccessReason.MALFORMED,
            f"the nonce must be 1 to {NONCE_MAX} letters, digits, - or _; got {_shown(nonce)}",
            NONCE.upper(),
        )
    return None


def _shown(value: str) -> str:
    is_number = value.isascii() and value.isdigit() and len(value) <= SHOWN_DIGITS_MAX
    return value if is_number else f"{len(value)} characters"
