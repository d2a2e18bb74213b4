"""Signing and verifying: what of a request is signed, and where its nonce is.

    API-Sign = base64(HMAC-SHA512(base64decode(secret), path + SHA256(nonce + body)))

The invariant: what is signed is what is sent, byte for byte; the nonce is the one that the body
says, in a form or in JSON, and has to rise. There is no timestamp, so a request that is late is
carried out whenever it arrives, unless a later one of the same key came before.

Source: https://docs.kraken.com/api/docs/guides/spot-rest-auth, read 2026-11-20.
"""

import hmac
from base64 import b64decode, b64encode
from hashlib import sha256, sha512
from urllib.parse import unquote_plus

import msgspec
from msgspec import Raw, Struct

from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import AccessReason, Credentials, Endpoint, Entropy, KeyText, Refusal
from steelyard.wire.http import Request

KEY_HEADER, SIGN_HEADER = "api-key", "api-sign"
KEY_MAX = 128
KEY_BYTES, SECRET_BYTES = 40, 64
NONCE_BITS = 64
NONCE_DIGITS = 20


class _Nonce(Struct):
    nonce: Raw


_json = msgspec.json.Decoder(_Nonce)


def new_key(entropy: Entropy) -> KeyText:
    """Spell a key and its secret as the venue does: 56 and 88 characters of base64."""
    # Clients put keys into headers and logs; + and / in one are a nuisance and no gain.
    key = b64encode(entropy(KEY_BYTES)).decode().translate({43: "A", 47: "B", 61: "C"})
    return KeyText(key, b64encode(entropy(SECRET_BYTES)).decode())


# -- client half --------------------------------------------------------------------------------


def sign(path: str, nonce: str, body: bytes, secret: bytes) -> str:
    """Return the signature of a request; the secret is base64, as it was shown."""
    return _signed(payload_of(path, nonce, body), secret)


def payload_of(path: str, nonce: str, body: bytes) -> bytes:
    """Return what is signed."""
    return path.encode() + sha256(nonce.encode() + body).digest()


def _signed(payload: bytes, secret: bytes) -> str:
    return b64encode(hmac.new(_key(secret), payload, sha512).digest()).decode()


def _key(secret: bytes) -> bytes:
    try:
        return b64decode(secret, validate=True)
    except ValueError:
        return secret  # mistyped; the venue will say that the signature is not valid


# -- server half --------------------------------------------------------------------------------


def verify(credentials: Credentials, secret: bytes) -> bool:
    """Return whether the payload was signed with this secret."""
    claimed = credentials.signature.encode("ascii", "replace")
    return any(
        hmac.compare_digest(_signed(payload, secret).encode(), claimed)
        for payload in credentials.payloads
    )


def signature(_credentials: Credentials) -> None:
    """There are no key pairs."""


def credentials(request: Request, _endpoint: Endpoint) -> Credentials | Refusal:
    """Return what a REST request claims about its sender."""
    key = request.headers.get(KEY_HEADER, "")
    if not key:
        return Refusal(AccessReason.MISSING_KEY, "send the key in the header API-Key")
    if len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
        return Refusal(AccessReason.MISSING_KEY, "copy the key as it was shown")
    signed = request.headers.get(SIGN_HEADER, "")
    if not signed:
        flaw = Refusal(
            AccessReason.MISSING_SIGNATURE,
            "sign path, nonce and body with the key's secret, and send it in the header API-Sign",
        )
        return Credentials.flawed(key, flaw)
    try:
        text = nonce_of(request.body)
        number = nonce_number(text)
    except DecodeError as error:
        flaw = Refusal(AccessReason.MISSING_TIMESTAMP, str(error), "nonce")
        return Credentials.flawed(key, flaw)
    path = request.target.partition("?")[0]
    payload = payload_of(path, text, request.body)
    return Credentials(key, signed, (payload,), None, 0, 0, nonce=str(number), nonce_rises=True)


def nonce_of(body: bytes) -> str:
    """Return the nonce of a form or JSON body, as it stands there.

    Raises:
        DecodeError: There is none.
    """
    if body[:1] == b"{":
        try:
            raw = bytes(_json.decode(body).nonce)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise DecodeError(f"the body has no nonce: {error}", "nonce") from error
        return raw.strip(b'"').decode("ascii", "replace")
    for part in body.split(b"&"):
        name, _, value = part.partition(b"=")
        if name == b"nonce":
            return unquote_plus(value.decode("ascii", "replace"))
    raise DecodeError("the body has no nonce: a number that rises with each request", "nonce")


def nonce_number(text: str) -> int:
    """Return a nonce; its unit is the client's.

    Raises:
        DecodeError: It is no unsigned 64-bit number.
    """
    is_number = text.isascii() and text.isdigit() and len(text) <= NONCE_DIGITS
    if not is_number or int(text) >> NONCE_BITS:
        raise DecodeError("a nonce is a whole number of at most 64 bits", "nonce")
    return int(text)
