"""Both halves of key pairs: Ed25519, RSA as PKCS #1 v1.5 with SHA-256, and ES256.

ES256 is ECDSA on the curve P-256 with SHA-256. It is signed in DER, as most libraries do, and
verified in DER or as the 64 bytes r and s, which JSON Web Tokens carry.

An exchange reads the public half, a trader the private one. The invariant: what reads is of a
kind and strength that is offered, and what a public half verifies was signed by its private
half. No message of this module holds anything of a file, and none has a cause that does.
"""

from collections.abc import Callable
from typing import TypeGuard

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.messages import KeyKind

PEM_MAX_BYTES = 16 << 10
RSA_BITS_MIN, RSA_BITS_MAX = 2048, 4096

PRIVATE = b"PRIVATE KEY"  # in the first line of the private half, in any of its forms

RAW_ES256_BYTES = 64  # r and s, 32 each; one in DER is so short once in 2^40 or less
_HALF = RAW_ES256_BYTES // 2

_NAMES = {KeyKind.ED25519: "an Ed25519", KeyKind.RSA: "an RSA", KeyKind.ES256: "a P-256"}


class OwnersKey:
    """A public key that verifies; `read_public_key` makes them."""

    def __init__(self, key: Ed25519PublicKey | RSAPublicKey | EllipticCurvePublicKey) -> None:
        self._key = key

    @property
    def pem(self) -> bytes:
        """The key as PEM SubjectPublicKeyInfo, without what else was in the owner's file."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verify(self, payload: bytes, signature: bytes) -> bool:
        """Return whether the private half signed just this payload."""
        try:
            if isinstance(self._key, RSAPublicKey):
                self._key.verify(signature, payload, PKCS1v15(), SHA256())
            elif isinstance(self._key, EllipticCurvePublicKey):
                self._key.verify(_in_der(signature), payload, ECDSA(SHA256()))
            else:
                self._key.verify(signature, payload)
        except InvalidSignature:
            return False
        return True


def read_public_key(kind: KeyKind, pem: bytes) -> OwnersKey:
    """Return the public key in a PEM document.

    Raises:
        UsageError: It is none, or a private key, or of another kind, or too weak; the message
            says how to make the right one.
    """
    refuse_private(pem)
    try:
        key = load_pem_public_key(pem) if len(pem) <= PEM_MAX_BYTES else None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if key is None:
        raise UsageError(
            "this is not a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----; "
            "make one with openssl pkey -in PRIVATE.pem -pubout -out PUBLIC.pem"
        )
    if kind is KeyKind.ED25519 and isinstance(key, Ed25519PublicKey):
        return OwnersKey(key)
    if kind is KeyKind.RSA and isinstance(key, RSAPublicKey):
        return OwnersKey(_strong(key))
    if kind is KeyKind.ES256 and _is_p256(key):
        return OwnersKey(key)
    found = type(key).__name__.removesuffix("PublicKey")
    raise UsageError(
        f"this is a public key of another kind: {found}; --kind {kind} needs {_NAMES[kind]} key"
    )


def signer(pem: bytes) -> Callable[[bytes], bytes]:
    """Return what signs payloads with the private key in a PEM document.

    Raises:
        ConfigError: It is none, or has a password, or is of a kind that is not offered.
    """
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        key = None
    if isinstance(key, Ed25519PrivateKey):
        return key.sign
    if isinstance(key, RSAPrivateKey):
        rsa = key
        return lambda payload: rsa.sign(payload, PKCS1v15(), SHA256())
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        curve, scheme = key, ECDSA(SHA256(), deterministic_signing=True)
        return lambda payload: curve.sign(payload, scheme)
    raise ConfigError(
        "the private key cannot be read: expected Ed25519, RSA or P-256 as PEM, without a password"
    )


def new_es256_pair() -> tuple[str, str]:
    """Return a fresh ES256 pair in PEM, the private half first; it is nowhere else."""
    key = generate_private_key(SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, OwnersKey(key.public_key()).pem.decode()


def refuse_private(pem: bytes) -> None:
    """Let nothing pass that holds a private key.

    Raises:
        UsageError: It does; the message says how to make the public half.
    """
    if PRIVATE in pem:
        raise UsageError(
            "this is a private key, which nobody but you should have; upload its public half: "
            "openssl pkey -in PRIVATE.pem -pubout -out PUBLIC.pem"
        )


def _is_p256(key: object) -> TypeGuard[EllipticCurvePublicKey]:
    return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)


def _in_der(signature: bytes) -> bytes:
    if len(signature) != RAW_ES256_BYTES:
        return signature
    r, s = signature[:_HALF], signature[_HALF:]
    return encode_dss_signature(int.from_bytes(r), int.from_bytes(s))


def _strong(key: RSAPublicKey) -> RSAPublicKey:
    if not RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX:
        raise UsageError(
            f"this RSA key has {key.key_size} bits; {RSA_BITS_MIN} to {RSA_BITS_MAX} are taken"
        )
    return key
