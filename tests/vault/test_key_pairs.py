from base64 import b64decode, encodebytes
from collections.abc import Callable
from functools import lru_cache

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from key_pairs import (
    PAIRS,
    PRIVATE,
    PUBLIC,
    other_curve,
    pair,
    private_pem,
    public_pem,
    rsa_pair,
)

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.messages import KeyKind
from steelyard.vault.key_pairs import (
    PEM_MAX_BYTES,
    OwnersKey,
    new_es256_pair,
    read_public_key,
    signer,
)

ORDER = (
    b"symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2"
    b"&timestamp=1668481559918&recvWindow=5000"
)
# With the key that Binance publishes; the last is of its FIX documentation, the other was computed
# with two libraries.
VECTORS = [
    (
        ORDER,
        "inDT086KVIP8vgUfw5sV3VTkescWztiAGlf4x8FLKHM4NInsn0c1kYVLoGMO8cyjfR6vmTku2YQE0gtfVVlfCw==",
    ),
    (
        b"A\x01EXAMPLE\x01SPOT\x011\x0120240627-11:17:25.223",
        "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA==",
    ),
]


@lru_cache
def read(kind: KeyKind, number: int = 0) -> OwnersKey:
    return read_public_key(kind, pair(kind, number)[1].encode())


@lru_cache
def private(kind: KeyKind, number: int) -> Callable[[bytes], bytes]:
    return signer(pair(kind, number)[0].encode())


def sign(kind: KeyKind, payload: bytes, number: int = 0) -> bytes:
    return private(kind, number)(payload)


@pytest.mark.parametrize(("payload", "signature"), VECTORS)
def test_published_signatures_are_what_we_make_and_verify(payload, signature):
    public = read_public_key(KeyKind.ED25519, PUBLIC.encode())
    assert signer(PRIVATE.encode())(payload) == b64decode(signature)
    assert public.verify(payload, b64decode(signature))
    assert not public.verify(payload + b"0", b64decode(signature))


@pytest.mark.parametrize("kind", PAIRS)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_signature_is_good_for_one_key_and_one_payload(kind, payload, other):
    """Not for another payload, not under another key, not under a key of another kind."""
    signature = sign(kind, payload)
    assert signature == sign(kind, payload), "a journal that is replayed sends the same bytes"
    assert read(kind).verify(payload, signature)
    assert read(kind).verify(other, signature) is (payload == other)
    assert not read(kind, 1).verify(payload, signature)
    assert not any(read(another).verify(payload, signature) for another in PAIRS if another != kind)


@pytest.mark.parametrize("kind", PAIRS)
@given(st.binary(max_size=600), st.data())
def test_what_is_no_signature_is_refused_and_never_raises(kind, garbage, data):
    """Any bytes of any length; and a real one with a bit changed, cut off or added."""
    assert not read(kind).verify(b"payload", garbage)
    signature = sign(kind, b"payload")
    at = data.draw(st.integers(0, 8 * len(signature) - 1))
    changed = bytearray(signature)
    changed[at // 8] ^= 1 << at % 8
    for wrong in (bytes(changed), signature[:-1], signature + b"\0", b"\0" + signature, b""):
        assert not read(kind).verify(b"payload", wrong)


# RFC 6979, A.2.5: P-256 with SHA-256, the message "sample".
RFC_6979_KEY = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
RFC_6979_R = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
RFC_6979_S = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8


def test_an_es256_signature_is_the_published_one_and_is_read_in_both_forms():
    """DER, as most libraries write it, and r and s side by side, as JSON Web Tokens do."""
    key = derive_private_key(RFC_6979_KEY, SECP256R1())
    private, public = private_pem(key), public_pem(key)
    in_der = encode_dss_signature(RFC_6979_R, RFC_6979_S)
    raw = RFC_6979_R.to_bytes(32, "big") + RFC_6979_S.to_bytes(32, "big")
    assert signer(private.encode())(b"sample") == in_der
    found = read_public_key(KeyKind.ES256, public.encode())
    for signature in (in_der, raw):
        assert found.verify(b"sample", signature)
        assert not found.verify(b"other", signature)
    for wrong in (bytes(64), b"\xff" * 64, raw[::-1], raw[32:] + raw[:32], raw[:63]):
        assert not found.verify(b"sample", wrong)


def test_a_pair_that_is_made_fits_and_is_another_each_time():
    private, public = new_es256_pair()
    found = read_public_key(KeyKind.ES256, public.encode())
    assert found.verify(b"payload", signer(private.encode())(b"payload"))
    assert new_es256_pair()[0] != private


@pytest.mark.slow
@pytest.mark.parametrize("bits", [2048, 4096])
def test_rsa_keys_of_all_sizes_that_are_offered(bits):
    private, public = rsa_pair(bits)
    signature = signer(private.encode())(b"payload")
    assert len(signature) == bits // 8
    assert read_public_key(KeyKind.RSA, public.encode()).verify(b"payload", signature)


@pytest.mark.parametrize("kind", PAIRS)
def test_what_is_kept_is_the_key_and_nothing_else(kind):
    """Comments and whatever else is in the file stay with the owner; what is kept reads again."""
    public = pair(kind)[1]
    found = read_public_key(kind, f"my key, {kind}\n{public}more\n".encode())
    assert found.pem.decode() == public
    assert read_public_key(kind, found.pem).verify(b"p", sign(kind, b"p"))


def public_rsa(bits: int, exponent: int = 65537) -> str:
    """Return an RSA key that only looks like one: nobody has its private half."""

    def der(tag: int, content: bytes) -> bytes:
        return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content

    modulus = der(2, (2**bits - 1).to_bytes(bits // 8 + 1, "big"))
    short = exponent.to_bytes(exponent.bit_length() // 8 + 1, "big")
    numbers = der(0x30, modulus + bytes([2, len(short)]) + short)
    rsa_encryption = bytes.fromhex("300d06092a864886f70d0101010500")
    body = encodebytes(der(0x30, rsa_encryption + der(3, b"\0" + numbers))).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n"


@pytest.mark.parametrize(
    ("kind", "pem", "words"),
    [
        (KeyKind.ED25519, lambda: PRIVATE, "this is a private key, .* upload its public half: ope"),
        (KeyKind.RSA, lambda: rsa_pair()[0], "this is a private key"),
        (KeyKind.RSA, lambda: PUBLIC + rsa_pair()[0], "this is a private key"),
        (KeyKind.ED25519, other_curve, "another kind: EC.*--kind ed25519 needs an Ed25519 key"),
        (KeyKind.ES256, other_curve, "another kind: EC.*--kind es256 needs a P-256 key"),
        (KeyKind.RSA, lambda: PUBLIC, "another kind: Ed25519; --kind rsa needs an RSA key"),
        (KeyKind.ED25519, lambda: rsa_pair()[1], "another kind: RSA; --kind ed25519 needs an Ed"),
        (KeyKind.RSA, lambda: public_rsa(2047), "has 2047 bits; 2048 to 4096 are taken"),
        (KeyKind.RSA, lambda: public_rsa(4097), "has 4097 bits; 2048 to 4096 are taken"),
        (KeyKind.RSA, lambda: public_rsa(2048, 1), "this is not a"),  # everybody could sign
        (KeyKind.RSA, lambda: public_rsa(2048, 65538), "this is not a public key"),
        (KeyKind.RSA, lambda: "", "this is not a public key in PEM, which begins with -----BEGIN"),
        (KeyKind.RSA, lambda: "hunter2", "this is not a public key in PEM"),
        (KeyKind.ED25519, lambda: PUBLIC.replace("MCow", "MCox"), "this is not a public key"),
        (KeyKind.ED25519, lambda: "ssh-ed25519 AAAA me@here", "this is not a public key"),
        (KeyKind.ED25519, lambda: PUBLIC + " " * PEM_MAX_BYTES, "this is not a public key"),
    ],
)
def test_a_file_that_holds_no_such_key_is_told_what_it_should_hold(kind, pem, words):
    """The message names the mistake; it repeats nothing of the file, nor does a cause."""
    with pytest.raises(UsageError, match=words) as caught:
        read_public_key(kind, pem().encode())
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@given(st.binary(max_size=300))
def test_garbage_is_a_usage_error_and_no_other(garbage):
    body = b"-----BEGIN PUBLIC KEY-----\n" + garbage + b"\n-----END PUBLIC KEY-----\n"
    for pem in (garbage, body):
        with pytest.raises(UsageError):
            read_public_key(KeyKind.ED25519, pem)
        with pytest.raises(ConfigError):
            signer(pem)


def test_a_private_key_that_cannot_be_used_says_what_was_expected():
    """Another curve, a password, a public half."""
    locked = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")
    )
    for pem in (locked, PUBLIC.encode(), b"-----BEGIN PRIVATE KEY-----"):
        with pytest.raises(
            ConfigError, match="expected Ed25519, RSA or P-256 as PEM, without a pass"
        ):
            signer(pem)
