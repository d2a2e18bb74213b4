"""Key references: a configuration says where a key is, never what it is.

    vault:NAME, keyring:NAME, aws-sm:NAME, gcp-sm:NAME, hashicorp:PATH
                where secrets are kept (`places`)
    env:NAME    NAME_KEY and NAME_SECRET (and NAME_PASSPHRASE) of the environment; for a text
                alone, NAME itself
    pipe:N      one JSON document {"key", "secret", "passphrase"} from file descriptor N;
                pipe:0 is standard input

The secret of a key pair is its private key as PEM. The document may have more fields, so what
`steelyard key create --json` prints will do. No message of this module ever holds a key.
"""

import os
from collections.abc import Mapping

from steelyard.domain.errors import ConfigError
from steelyard.vault.kept import Holder, Kept, Secret, decode
from steelyard.vault.phrase import Ask
from steelyard.vault.places import PLACES, Vault
from steelyard.wire.dialect import ApiKey

PIPE_MAX_BYTES = 64 << 10
_STDERR = 2
_DESCRIPTOR_DIGITS_MAX = 4


def resolve(
    reference: str,
    environment: Mapping[str, str],
    holder: Holder | None = None,
    ask: Ask | None = None,
) -> ApiKey:
    """Return the key that a reference names.

    holder is who will use it; None: a person, or the kill switch. ask is what asks a person for
    the vault's passphrase; None: nobody is there.

    Raises:
        ConfigError: Nothing is there, or it is another's; the message says what was looked for.
        ConnectFailed: The place that keeps it cannot be reached.
    """
    kept = find(reference, environment, ask)
    if holder is not None:
        kept.terms.refuse(reference, holder)
    if not kept.current.is_key:
        raise ConfigError(f"{reference} is a text and no key")
    return kept.current.api_key()


def is_kept(reference: str) -> bool:
    """Whether a reference is of a place that keeps terms beside the secret."""
    return reference.partition(":")[0] in PLACES


def find(reference: str, environment: Mapping[str, str], ask: Ask | None = None) -> Kept:
    """Return what a reference names, with the terms of a place that has any.

    Raises:
        ConfigError: Nothing is there; the message says what was looked for.
        ConnectFailed: The place that keeps it cannot be reached.
    """
    kind, _, name = reference.partition(":")
    match kind:
        case "env" if name:
            return Kept(_from_environment(name, environment))
        case "pipe" if name.isdecimal() and len(name) <= _DESCRIPTOR_DIGITS_MAX:
            return _from_pipe(int(name))
        case _ if kind in PLACES and name:
            return Vault(environment, ask).open(reference)
        case _:
            # Not repeated: whoever pasted a key here should not find it in a log.
            raise ConfigError(
                "a key should be a reference, vault:NAME, env:NAME or pipe:N, never the key itself"
            )


def _from_environment(name: str, environment: Mapping[str, str]) -> Secret:
    key, secret = environment.get(f"{name}_KEY"), environment.get(f"{name}_SECRET")
    if key and secret:
        return Secret(key, secret, environment.get(f"{name}_PASSPHRASE", ""))
    if not key and not secret and (text := environment.get(name)):
        return Secret(text=text)
    raise ConfigError(
        f"key env:{name}: set {name}_KEY and {name}_SECRET, and {name}_PASSPHRASE where the "
        "venue wants one"
    )


def _from_pipe(descriptor: int) -> Kept:
    try:
        # Were standard input closed, the next socket would be descriptor 0, at which uvloop aborts.
        with os.fdopen(descriptor, "rb", closefd=descriptor > _STDERR) as pipe:
            text = pipe.read(PIPE_MAX_BYTES)
    except OSError as error:
        raise ConfigError(f"key pipe:{descriptor} cannot be read: {error.strerror}") from error
    return decode(text, f"key pipe:{descriptor}")
