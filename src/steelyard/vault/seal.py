"""Sealing what an exchange must keep to verify: AES-256-GCM, the key in the user's own place.

    u8 version | 12 bytes nonce | ciphertext and 16 bytes tag

What only has to be recognized is not sealed but hashed: HMAC-SHA-256 under a key made of the same.

The key file is made once, for its owner only, outside every data directory: a copied or backed
up data directory cannot open a secret. What is sealed is bound to a context (whose secret it
is), so one cannot be put in another's place.
"""

import hashlib
import hmac
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from steelyard.domain.errors import ConfigError

KEY_BYTES, NONCE_BYTES = 32, 12
VERSION = b"\x01"
_HASHING = b"steelyard keyed hash, version 1"

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class FileSeal:
    """The seal whose key is in a file."""

    def __init__(self, key_file: Path) -> None:
        """Read the key, made on first use.

        Raises:
            ConfigError: The file is open to others, or not a key, or cannot be made.
        """
        key = _key(key_file)
        self._cipher = AESGCM(key)
        self._hash_key = hmac.digest(key, _HASHING, hashlib.sha256)  # apart from the cipher's

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Return the sealed form; the same context is needed to open it."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return VERSION + nonce + self._cipher.encrypt(nonce, plain, VERSION + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            ConfigError: Another key or version sealed it, or it has been changed.
        """
        if sealed[:1] != VERSION:
            raise ConfigError(
                f"a sealed secret has version {sealed[:1].hex() or 'none'}, this steelyard opens "
                f"{VERSION.hex()}; use the steelyard that wrote it, or issue new keys with "
                "`steelyard key create`"
            )
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, VERSION + context)
        except (InvalidTag, ValueError) as error:  # ValueError: cut inside the nonce
            raise ConfigError(
                "a sealed secret does not open with this user's seal key; if this data comes from "
                "another machine or user, issue new keys with `steelyard key create`"
            ) from error

    def digest(self, plain: bytes, context: bytes) -> bytes:
        """Return a hash of 32 bytes that nobody can make, or guess at, without the key."""
        size = len(context).to_bytes(4, "big")
        return hmac.digest(self._hash_key, size + context + plain, hashlib.sha256)


def _key(file: Path) -> bytes:
    try:
        if not file.exists():
            _make(file)
        mode, key = file.stat().st_mode, file.read_bytes()
    except OSError as error:
        raise ConfigError(f"the seal key {file} cannot be used: {error.strerror}") from error
    if mode & _OTHERS:
        raise ConfigError(f"the seal key {file} is open to others; run: chmod 600 {file}")
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"the seal key {file} has {len(key)} bytes instead of {KEY_BYTES}: it is damaged. "
            "Restore it from a copy, or delete it and issue new keys with `steelyard key create`"
        )
    return key


def _make(file: Path) -> None:
    """Put a key in place at once, and never over another: two processes may begin together."""
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(secrets.token_bytes(KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            file.hardlink_to(part)
    finally:
        part.unlink()
