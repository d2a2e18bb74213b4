"""Signing and verifying: what of a request is signed, and how the signature travels.

The invariant: what is signed is what is sent. On REST that is the raw query followed by the raw
body without a separator, less the `signature` pair; on the WebSocket API all parameters less the
signature, sorted by name. HMAC-SHA256 is in hexadecimal; Ed25519 and RSA (PKCS #1 v1.5 with
SHA-256) are in base64, percent-encoded in a query or form. A pure floor has no elliptic curves:
this module says which bytes a key pair signed and which are the signature, and the gate asks the
key.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, unquote, unquote_plus

from steelyard.dialects.binance import errors
from steelyard.dialects.binance.parameters import AMOUNT, INTEGER
from steelyard.dialects.binance.text import DECIMALS, from_ms, scaled, to_ms
from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import AccessReason, ApiKey, Credentials, Endpoint, Refusal
from steelyard.wire.http import Request

KEY_HEADER = "x-mbx-apikey"
SIGNATURE = "signature"
WINDOW_MS = 5_000
WINDOW_MAX_MS = 60_000
WINDOW_DECIMALS = 3  # of milliseconds
AHEAD_NS = 1_000_000_000
KEY_MAX = 128
_SIGNATURE = SIGNATURE.encode()
_CLAIMED = (b"timestamp", b"recvWindow", _SIGNATURE)
WINDOWS_MAX = 64  # texts of recvWindow that are remembered


# -- client half --------------------------------------------------------------------------------


def sign(payload: bytes, secret: bytes) -> str:
    """Return the signature of a payload, in lower-case hexadecimal."""
    return hmac.digest(secret, payload, "sha256").hex()


def signature_by(key: ApiKey, payload: bytes) -> str:
    """Return a key's signature of a payload as text: of a secret, or of a private key."""
    if key.sign is not None:
        return b64encode(key.sign(payload)).decode()
    return sign(payload, key.secret)


def signed_form(form: str, key: ApiKey, now_ns: int) -> str:
    """Return a form or query with recvWindow, timestamp and signature."""
    form = f"{form}{'&' if form else ''}recvWindow={WINDOW_MS}&timestamp={to_ms(now_ns)}"
    return f"{form}&{SIGNATURE}={quote(signature_by(key, form.encode()), safe='')}"


def signed_params(params: Mapping[str, str | int], key: ApiKey, now_ns: int) -> dict[str, object]:
    """Return the parameters of a WebSocket request with key, timestamp and signature."""
    whole = {**params, "apiKey": key.key, "recvWindow": WINDOW_MS, "timestamp": to_ms(now_ns)}
    payload = sorted_payload({name: str(value) for name, value in whole.items()})
    return {**whole, SIGNATURE: signature_by(key, payload)}


# -- server half --------------------------------------------------------------------------------


def verify(credentials: Credentials, secret: bytes) -> bool:
    """Return whether one of the payloads was signed with this secret."""
    claimed = credentials.signature.lower().encode("ascii", "replace")
    for payload in credentials.payloads:
        if hmac.compare_digest(sign(payload, secret).encode(), claimed):
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


def credentials(request: Request, _endpoint: Endpoint) -> Credentials | Refusal:
    """Return what a REST request claims about its sender."""
    query, claimed = _without_signature(request.query.encode())
    body, claimed_in_body = _without_signature(request.body)
    raw = query + body
    given = {**claimed_in_body, **claimed, "apiKey": request.headers.get(KEY_HEADER, "")}
    given[SIGNATURE] = unquote(given.get(SIGNATURE, ""))  # base64's +, / and = are sent encoded
    if b"%" not in raw and b"+" not in raw:
        return claims(given, (raw,))
    # python-binance signs what it encodes only afterwards.
    return claims(given, (raw, unquote_plus(raw.decode(errors="replace")).encode()))


def claims(given: Mapping[str, str], payloads: tuple[bytes, ...]) -> Credentials | Refusal:
    """Return credentials from the parameters that make them; a Refusal where no key is named."""
    key, signature = given.get("apiKey", ""), given.get(SIGNATURE, "")
    if not key:
        return Refusal(AccessReason.MISSING_KEY, "send the key in the header X-MBX-APIKEY")
    if len(key) > KEY_MAX or not (key.isascii() and key.isalnum()):
        return Refusal(
            AccessReason.MISSING_KEY, "a key has letters and digits only; copy it as it was shown"
        )
    if not signature:
        flaw = Refusal(
            AccessReason.MISSING_SIGNATURE, "sign query and body with the key's secret", SIGNATURE
        )
        return Credentials.flawed(key, flaw)
    try:
        timestamp = _timestamp(given.get("timestamp", ""))
        window_ns = _window_ns(given.get("recvWindow", ""))
    except DecodeError as error:
        flaw = Refusal(AccessReason.MALFORMED, str(error), error.field, code=error.code)
        return Credentials.flawed(key, flaw)
    if timestamp is None:
        flaw = Refusal(
            AccessReason.MISSING_TIMESTAMP, "send the time in ms since 1970", "timestamp"
        )
        return Credentials.flawed(key, flaw)
    return Credentials(key, signature, payloads, from_ms(timestamp), window_ns, AHEAD_NS)


def sorted_payload(params: Mapping[str, str]) -> bytes:
    """Return what a WebSocket request signs."""
    return "&".join(
        f"{name}={params[name]}" for name in sorted(params) if name != SIGNATURE
    ).encode()


def _without_signature(text: bytes) -> tuple[bytes, dict[str, str]]:
    """Return a query or form without its signature, and the pairs that make credentials."""
    claimed: dict[str, str] = {}
    if not text:
        return text, claimed
    kept: list[bytes] = []
    for part in text.split(b"&"):
        if part.startswith(_CLAIMED):
            name, _, value = part.partition(b"=")
            if name in _CLAIMED:
                claimed.setdefault(name.decode(), value.decode("ascii", "replace"))
            if name == _SIGNATURE:
                continue
        kept.append(part)
    return b"&".join(kept), claimed


def _timestamp(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > DECIMALS + DECIMALS + 2:
        raise errors.illegal("timestamp", INTEGER.text, text)
    return int(text)


@lru_cache(maxsize=WINDOWS_MAX)
def _window_ns(text: str) -> int:
    """Return recvWindow; it may have three decimals, for microseconds."""
    if not text:
        return WINDOW_MS * 1_000_000
    if len(text.partition(".")[2]) > WINDOW_DECIMALS:
        raise errors.said(
            -1111,
            "Parameter 'recvWindow' has too much precision.",
            f"{errors.shown(text)} has more than {WINDOW_DECIMALS} decimals",
            "recvWindow",
        )
    try:
        window_ns = scaled(text, 6)
    except DecodeError as error:
        raise errors.illegal("recvWindow", AMOUNT.text, text) from error
    if not 0 < window_ns <= WINDOW_MAX_MS * 1_000_000:
        raise errors.said(
            -1102,
            f"'recvWindow' contains unexpected value. Cannot be greater than {WINDOW_MAX_MS}.",
            "it is in ms and above 0",
            "recvWindow",
        )
    return window_ns
