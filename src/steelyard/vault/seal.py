"""Sealing what an exchange must keep to verify: AES-256-GCM, the key in the user's own place.

The key file is made once, for its owner only, outside every data directory: a copied or backed
up data directory cannot open a secret.
"""

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from steelyard.domain.errors import ConfigError

KEY_BYTES, NONCE_BYTES = 32, 12
VERSION = b"\x01"


class FileSeal:
    """The seal whose key is in a file."""

    def __init__(self, key_file: Path) -> None:
        """Read the key, made on first use.

        Raises:
            ConfigError: The file is open to others, or not a key.
        """
        self._file = key_file
        self._cipher = AESGCM(_key(key_file))

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Return the sealed form; the same context is needed to open it."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return VERSION + nonce + self._cipher.encrypt(nonce, plain, VERSION + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            ConfigError: Another key sealed it, or it has been changed.
        """
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            if sealed[:1] != VERSION:
                raise InvalidTag
            return self._cipher.decrypt(nonce, body, VERSION + context)
        except (InvalidTag, ValueError) as error:
            raise ConfigError(
                f"a sealed secret does not open with {self._file}; if this data comes from "
                "another machine or user, issue new keys with `steelyard key create`"
            ) from error


def _key(file: Path) -> bytes:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError(f"the seal key {file} cannot be made: {error.strerror}") from error
    else:
        with os.fdopen(descriptor, "wb") as out:
            out.write(secrets.token_bytes(KEY_BYTES))
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"the seal key {file} is open to others; run: chmod 600 {file}")
    key = file.read_bytes()
    if len(key) != KEY_BYTES:
        raise ConfigError(f"the seal key {file} is not {KEY_BYTES} bytes; it has been damaged")
    return key
