"""Signing and verifying: a JWT for each request, or the older HMAC.

The invariant: a token is worth one method and path (its `uri`), for two minutes at most, whichever
client has made it: `uri` or `uris`, with a scheme and another host or without. The token of a
WebSocket names no `uri`, and opens no route. Keys are ECDSA on P-256 (ES256, r and s as 64 bytes)
or Ed25519 (EdDSA); there is no nonce that would be used up. Keys of the older kind sign timestamp +
method + path + body by HMAC-SHA256 in hexadecimal; the venue has retired them.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from hashlib import blake2b, sha256
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from steelyard.domain.errors import AuthError, DecodeError
from steelyard.domain.messages import SECOND_NS, KeyKind
from steelyard.wire.dialect import (
    AccessReason,
    ApiKey,
    Credentials,
    Endpoint,
    Entropy,
    KeyText,
    Refusal,
    new_token,
)
from steelyard.wire.http import Request
from steelyard.wire.moments import from_seconds
from steelyard.wire.uuids import client_uuid

AUTHORIZATION, BEARER = "authorization", "Bearer "
KEY, SIGN, TIMESTAMP = "cb-access-key", "cb-access-sign", "cb-access-timestamp"
ISSUER = "cdp"
LIFETIME_NS = 120 * SECOND_NS  # of a token, at most
OWN_LIFETIME_NS = 30 * SECOND_NS  # of ours: until then an order that got no answer may arrive
SKEW_NS = 30 * SECOND_NS  # how far a clock may be ahead; of the older scheme either way
TOKEN_MAX = 4_096
KEY_MAX = 200
HOST = "api.coinbase.com"  # what our own tokens name
EDDSA, ES256 = "EdDSA", "ES256"
KINDS = {EDDSA: KeyKind.ED25519, ES256: KeyKind.ES256}
_RAW_BYTES = 64  # a signature of either kind, as a token has it
_HALF = _RAW_BYTES // 2

MISFIT = (
    "this key is of another kind than the request is signed with: a JWT's alg is ES256 for a P-256 "
    "key and EdDSA for an Ed25519 key; a key with a secret signs by CB-ACCESS-KEY, -SIGN and "
    "-TIMESTAMP"
)


class Header(Struct, frozen=True):
    """A token's header."""

    alg: str
    kid: str
    nonce: str = ""
    typ: str = "JWT"


class Claims(Struct, frozen=True, omit_defaults=True):
    """What a token says of its call; who it is meant for is not read."""

    sub: str
    iss: str
    nbf: int
    exp: int
    uri: str | UnsetType = UNSET
    uris: tuple[str, ...] | UnsetType = UNSET

    @property
    def calls(self) -> tuple[str, ...]:
        """The calls that it is good for."""
        if self.uris is not UNSET:
            return self.uris
        return () if self.uri is UNSET else (self.uri,)


class Login(Struct, frozen=True):
    """What a message of the WebSocket says of its sender in the older scheme."""

    api_key: str = ""
    signature: str = ""
    timestamp: str = ""


_header = msgspec.json.Decoder(Header)
_claims = msgspec.json.Decoder(Claims)


def new_key(entropy: Entropy) -> KeyText:
    """Spell a key of the older kind, and its secret."""
    return KeyText(entropy(16).hex(), new_token(entropy)[:32])


def key_name(entropy: Entropy, kind: KeyKind) -> str:
    """Spell the name of a key pair: ECDSA keys have their organization's before their own."""
    own = _random_uuid(entropy)
    if kind is not KeyKind.ES256:
        return own
    return f"organizations/{_random_uuid(entropy)}/apiKeys/{own}"


def _random_uuid(entropy: Entropy) -> str:
    return client_uuid(int.from_bytes(entropy(16)))


# -- client half --------------------------------------------------------------------------------


def token_of(
    key: ApiKey,
    method: str,
    path: str,
    now_ns: int,
    *,
    nonce: str = "",
    lifetime_ns: int = OWN_LIFETIME_NS,
) -> str:
    """Return a token for one call; without a method for a WebSocket.

    Raises:
        AuthError: The key has no private half, or one of another kind than the venue takes.
    """
    alg = _algorithm(key)
    nbf = now_ns // SECOND_NS
    lifetime = lifetime_ns // SECOND_NS
    uri = f"{method} {HOST}{path}" if method else UNSET
    claims = Claims(key.key, ISSUER, nbf, nbf + lifetime, uri)
    if not nonce:
        told = f"{key.key} {now_ns} {method} {path}".encode()
        nonce = blake2b(told, digest_size=16).hexdigest()
    signed = b".".join(
        _encoded(msgspec.json.encode(part)) for part in (Header(alg, key.key, nonce), claims)
    )
    signature = _raw(_sign(key, signed))
    return b".".join((signed, _encoded(signature))).decode()


def _sign(key: ApiKey, payload: bytes) -> bytes:
    if key.sign is None:
        raise AuthError("a JWT is signed with a private key, as PEM; this key has none")
    return key.sign(payload)


def _algorithm(key: ApiKey) -> str:
    """Return how a key signs: what it makes is 64 bytes long, or in DER, as ECDSA's are.

    Raises:
        AuthError: Neither.
    """
    made = _sign(key, b"")
    if len(made) == _RAW_BYTES:
        return EDDSA
    if made[:1] == b"\x30" and len(made) < 2 * _RAW_BYTES:
        return ES256
    raise AuthError("the venue takes P-256 (ES256) and Ed25519 keys; this one is of another kind")


def _raw(signature: bytes) -> bytes:
    """Return a signature as tokens have it: of one in DER, r and s with 32 bytes each."""
    if len(signature) == _RAW_BYTES:
        return signature
    length = signature[3]
    r, s = signature[4 : 4 + length], signature[6 + length :]
    return b"".join(int.from_bytes(half).to_bytes(_HALF) for half in (r, s))


def sign(payload: bytes, secret: bytes) -> str:
    """Return the older scheme's signature of a payload."""
    return hmac.new(secret, payload, sha256).hexdigest()


def signed_headers(
    key: ApiKey, method: str, target: str, body: bytes, now_ns: int
) -> dict[str, str]:
    """Return the headers of a signed request.

    Raises:
        AuthError: As `token_of` does.
    """
    path = target.partition("?")[0]
    if key.sign is not None:
        return {AUTHORIZATION: f"{BEARER}{token_of(key, method, path, now_ns)}"}
    timestamp = str(now_ns // SECOND_NS)
    signature = sign(f"{timestamp}{method}{path}".encode() + body, key.secret)
    return {KEY: key.key, SIGN: signature, TIMESTAMP: timestamp}


def login_of(key: ApiKey, channel: str, products: tuple[str, ...], now_ns: int) -> dict[str, Any]:
    """Return what a subscription says to prove its sender.

    Raises:
        AuthError: As `token_of` does.
    """
    if key.sign is not None:
        return {"jwt": token_of(key, "", "", now_ns)}
    timestamp = str(now_ns // SECOND_NS)
    payload = f"{timestamp}{channel}{','.join(products)}".encode()
    return {"api_key": key.key, "signature": sign(payload, key.secret), "timestamp": timestamp}


# -- server half --------------------------------------------------------------------------------


def verify(credentials: Credentials, secret: bytes) -> bool:
    """Return whether a payload was signed with this secret, in the older scheme."""
    claimed = credentials.signature.lower().encode("utf-8", "replace")
    return any(
        hmac.compare_digest(sign(payload, secret).encode(), claimed)
        for payload in credentials.payloads
    )


def signature(credentials: Credentials) -> bytes | None:
    """Return the signature of a token; None where it is none."""
    try:
        made = _decoded(credentials.signature)
    except DecodeError:
        return None
    return made if len(made) == _RAW_BYTES else None


def credentials(request: Request, _endpoint: Endpoint) -> Credentials | Refusal:
    """Return what a REST request claims about its sender."""
    bearer = request.headers.get(AUTHORIZATION, "")
    if bearer.startswith(BEARER):
        path = request.target.partition("?")[0]
        return token_credentials(bearer.removeprefix(BEARER).strip(), f"{request.method} {path}")
    login = Login(
        request.headers.get(KEY, ""),
        request.headers.get(SIGN, ""),
        request.headers.get(TIMESTAMP, ""),
    )
    called = f"{login.timestamp}{request.method}".encode()
    # Of a GET one client signs the path alone, as it does of a token; and others what is sent.
    paths = dict.fromkeys((request.target, request.target.partition("?")[0]))
    payloads = tuple(called + path.encode() + request.body for path in paths)
    return login_credentials(login, payloads)


def stream_credentials(
    jwt: str, login: Login, channel: str, products: tuple[str, ...]
) -> Credentials | Refusal:
    """Return what a subscription claims about its sender."""
    if jwt:
        return token_credentials(jwt, None)
    payload = f"{login.timestamp}{channel}{','.join(products)}".encode()
    return login_credentials(login, (payload,))


def login_credentials(login: Login, payloads: tuple[bytes, ...]) -> Credentials | Refusal:
    """Return what somebody claims in the older scheme."""
    key = login.api_key
    if not key:
        return Refusal(
            AccessReason.MISSING_KEY,
            "this is private: send `Authorization: Bearer` and a JWT that is signed by your key",
        )
    if not _is_name(key):
        return Refusal(AccessReason.UNKNOWN_KEY, "this is no key's name; copy it as it was shown")
    if not login.signature:
        return _flawed(key, AccessReason.MISSING_SIGNATURE, "sign the request with the secret")
    if not login.timestamp:
        return _flawed(key, AccessReason.MISSING_TIMESTAMP, "send the time that was signed")
    try:
        timestamp_ns = from_seconds(login.timestamp)
    except DecodeError as error:
        return _flawed(key, AccessReason.BAD_SIGNATURE, f"CB-ACCESS-TIMESTAMP: {error}")
    return Credentials(
        key,
        login.signature,
        payloads,
        timestamp_ns,
        SKEW_NS,
        SKEW_NS,
        kind=KeyKind.HMAC,
        misfit=MISFIT,
    )


def token_credentials(token: str, call: str | None) -> Credentials | Refusal:
    """Return what a token claims; call is the method and path that it has to be for.

    Without a call it is a WebSocket's, and has to be for none.
    """
    signed, _, made = token.rpartition(".")
    first, _, second = signed.partition(".")
    try:
        header: Header = _read(_header, first)
    except DecodeError as error:
        return Refusal(AccessReason.UNKNOWN_KEY, f"the JWT's header cannot be read: {error}")
    key = header.kid
    if not _is_name(key):
        return Refusal(AccessReason.UNKNOWN_KEY, "the JWT's kid is no key's name")
    try:
        claims: Claims = _read(_claims, second)
    except DecodeError as error:
        return _flawed(key, AccessReason.BAD_SIGNATURE, f"the JWT's claims cannot be read: {error}")
    kind = KINDS.get(header.alg)
    if kind is None:
        return _flawed(key, AccessReason.BAD_SIGNATURE, "the JWT's alg has to be ES256 or EdDSA")
    flaw = _flaw(claims, key, call)
    if flaw:
        return _flawed(key, AccessReason.BAD_SIGNATURE, flaw)
    return Credentials(
        key,
        made,
        (signed.encode(),),
        claims.nbf * SECOND_NS,
        (claims.exp - claims.nbf) * SECOND_NS,
        SKEW_NS,
        kind=kind,
        misfit=MISFIT,
    )


def _flaw(claims: Claims, key: str, call: str | None) -> str:
    """Return what is wrong with a token's claims; nothing, if nothing is."""
    if claims.sub != key:
        return "the JWT's sub has to be the key's name, as its kid is"
    lifetime_ns = (claims.exp - claims.nbf) * SECOND_NS
    if not 0 < lifetime_ns <= LIFETIME_NS or not 0 < claims.nbf < 1 << 33:
        return "a JWT is good for two minutes at most: exp is nbf + 120, in seconds"
    calls = claims.calls
    if call is None:
        return "the JWT of a WebSocket names no uri" if calls else ""
    if call not in map(_call, calls):
        return f"the JWT's uri has to be `{call.replace(' ', f' {HOST}')}`, without a query"
    return ""


def _call(uri: str) -> str:
    """Return the method and path of a uri, whichever host it names and how."""
    method, _, where = uri.partition(" ")
    _, slashes, rest = where.partition("://")
    host_and_path = rest if slashes else where
    return f"{method} /{host_and_path.partition('/')[2]}"


def _is_name(key: str) -> bool:
    return 0 < len(key) <= KEY_MAX and key.isascii() and key.isprintable()


def _flawed(key: str, reason: AccessReason, how: str) -> Credentials:
    return Credentials.flawed(key, Refusal(reason, how))


def _encoded(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def _decoded(part: str) -> bytes:
    try:
        raw = part.encode("ascii")
        return urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    except (BadBase64, ValueError) as error:
        raise DecodeError(f"it is not base64url: {error}") from error


def _read(decoder: msgspec.json.Decoder[Any], part: str) -> Any:
    if len(part) > TOKEN_MAX:
        raise DecodeError(f"it has more than {TOKEN_MAX} characters")
    try:
        return decoder.decode(_decoded(part))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error
