"""Key references: a configuration says where a key is, never what it is.

env:NAME    NAME_KEY and NAME_SECRET (and NAME_PASSPHRASE) of the environment
pipe:N      one JSON document {"key", "secret", "passphrase"} from file descriptor N
"""

import os
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from steelyard.domain.errors import ConfigError, Unsupported
from steelyard.wire.dialect import ApiKey

PIPE_MAX_BYTES = 64 << 10


class _Document(Struct):
    key: str
    secret: str
    passphrase: str = ""


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
        case "pipe" if name.isdigit():
            return _from_pipe(int(name))
        case "vault" | "aws-sm" | "gcp-sm":
            raise Unsupported(f"key {reference!r}: {place} is not read yet; use env:NAME")
        case _:
            raise ConfigError("a key should be a reference such as env:NAME, never the key itself")


def _from_environment(name: str, environment: Mapping[str, str]) -> ApiKey:
    key, secret = environment.get(f"{name}_KEY"), environment.get(f"{name}_SECRET")
    if not key or not secret:
        raise ConfigError(f"key env:{name}: set {name}_KEY and {name}_SECRET")
    return ApiKey(key, secret.encode(), environment.get(f"{name}_PASSPHRASE", ""))


def _from_pipe(descriptor: int) -> ApiKey:
    try:
        with os.fdopen(descriptor, "rb") as pipe:
            document = msgspec.json.decode(pipe.read(PIPE_MAX_BYTES), type=_Document)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"key pipe:{descriptor} gave no key: {error}") from error
    return ApiKey(document.key, document.secret.encode(), document.passphrase)
