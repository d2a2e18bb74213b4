"""Key references: a configuration says where a key is, never what it is.

    env:NAME    NAME_KEY and NAME_SECRET (and NAME_PASSPHRASE) of the environment
    pipe:N      one JSON document {"key", "secret", "passphrase"} from file descriptor N;
                pipe:0 is standard input

The secret of a key pair is its private key as PEM. The document may have more fields, so what
`steelyard key create --json` prints will do. No message of this module ever holds a key.
"""

import os
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from steelyard.domain.errors import ConfigError, Unsupported
from steelyard.vault.key_pairs import PRIVATE, signer
from steelyard.wire.dialect import ApiKey

PIPE_MAX_BYTES = 64 << 10
_STDERR = 2
_DESCRIPTOR_DIGITS_MAX = 4


class _Document(Struct):
    key: str
    secret: str
    passphrase: str | None = None


def resolve(reference: str, environment: Mapping[str, str]) -> ApiKey:
    """Return the key that a reference names.

    Raises:
        ConfigError: Nothing is there; the message says what was looked for.
        Unsupported: A place that is not read yet.
    """
    place, _, name = reference.partition(":")
    match place:
        case "env" if name:
            return _from_environment(name, environment)
        case "pipe" if name.isdecimal() and len(name) <= _DESCRIPTOR_DIGITS_MAX:
            return _from_pipe(int(name))
        case "vault" | "aws-sm" | "gcp-sm":
            raise Unsupported(
                f"key {reference!r}: {place} is not read yet; what works is env:NAME (with "
                "NAME_KEY and NAME_SECRET set) and pipe:N (a JSON document on descriptor N)"
            )
        case _:
            # Not repeated: whoever pasted a key here should not find it in a log.
            raise ConfigError(
                "a key should be a reference, env:NAME or pipe:N, never the key itself"
            )


def _from_environment(name: str, environment: Mapping[str, str]) -> ApiKey:
    key, secret = environment.get(f"{name}_KEY"), environment.get(f"{name}_SECRET")
    if not key or not secret:
        raise ConfigError(
            f"key env:{name}: set {name}_KEY and {name}_SECRET, and {name}_PASSPHRASE where the "
            "venue wants one"
        )
    # What is not UTF-8 in the environment comes as surrogates.
    value = secret.encode(errors="surrogateescape")
    return _api_key(key, value, environment.get(f"{name}_PASSPHRASE", ""))


def _from_pipe(descriptor: int) -> ApiKey:
    try:
        # Were standard input closed, the next socket would be descriptor 0, at which uvloop aborts.
        with os.fdopen(descriptor, "rb", closefd=descriptor > _STDERR) as pipe:
            text = pipe.read(PIPE_MAX_BYTES)
        document = msgspec.json.decode(text, type=_Document)
    except OSError as error:
        raise ConfigError(f"key pipe:{descriptor} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Without its cause: a decoder's message may repeat what it read.
        document = None
    if document is None or not document.key or not document.secret:
        raise ConfigError(
            f'key pipe:{descriptor} gave no key: expected {{"key": ..., "secret": ...}} as JSON'
        )
    return _api_key(document.key, document.secret.encode(), document.passphrase or "")


def _api_key(key: str, secret: bytes, passphrase: str) -> ApiKey:
    if PRIVATE in secret:
        return ApiKey(key, b"", passphrase, signer(secret))
    return ApiKey(key, secret, passphrase)
