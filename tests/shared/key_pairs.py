"""Key pairs for tests: the one that Binance publishes, and some that are made once per run."""

from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from steelyard.domain.messages import KeyKind

# Published in the venue's FIX documentation.
PRIVATE = (
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u\n"
    "-----END PRIVATE KEY-----\n"
)
PUBLIC = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGUIKv9dSpWXBViXp2m6vAIb8QMFJYBgyFEQsFJlqgA0=\n"
    "-----END PUBLIC KEY-----\n"
)
PAIRS = (KeyKind.ED25519, KeyKind.RSA, KeyKind.ES256)
OFFERED_BY_ALL = (KeyKind.ED25519, KeyKind.RSA)


def private_pem(key) -> str:
    """Return a private key in the form that OpenSSL writes and clients read."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key) -> str:
    """Return its public half."""
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@lru_cache
def rsa_pair(bits: int = 2048, number: int = 0) -> tuple[str, str]:
    """Return the PEMs of a pair, private half first; another for each number."""
    del number
    key = rsa.generate_private_key(65537, bits)
    return private_pem(key), public_pem(key)


@lru_cache
def pair(kind: KeyKind, number: int = 0) -> tuple[str, str]:
    """Return the PEMs of a pair, private half first; another for each number."""
    if kind is KeyKind.RSA:
        return rsa_pair(2048, number)
    if kind is KeyKind.ES256:
        curve = ec.derive_private_key(number + 1, ec.SECP256R1())
        return private_pem(curve), public_pem(curve)
    key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    return private_pem(key), public_pem(key)


@lru_cache
def other_curve() -> str:
    """Return a public key of a kind that is not offered."""
    return public_pem(ec.generate_private_key(ec.SECP384R1()))
