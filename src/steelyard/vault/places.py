"""Where secrets are kept, by reference: `PLACE:NAME`.

    vault:NAME       the user's sealed file
    keyring:NAME     the system's keyring
    aws-sm:NAME      AWS Secrets Manager
    gcp-sm:NAME      Google Cloud Secret Manager, as PROJECT/NAME or NAME
    hashicorp:PATH   HashiCorp Vault, version 2 of its key/value store

Each place keeps the same document (`kept`). Libraries are loaded when their place is first asked,
and a missing one is told with what installs it. Who may read what in a place of others is that
place's to say: a bot's own role there should read its own secret and nothing else.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import platformdirs

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.vault import phrase
from steelyard.vault.kept import Kept, decode, encode
from steelyard.vault.phrase import Ask
from steelyard.vault.sealed import SealedFile

FILE_VARIABLE = "STEELYARD_VAULT"
FILE = "vault.json"
PLACES = ("vault", "keyring", "aws-sm", "gcp-sm", "hashicorp")
NS_PER_MS = 1_000_000


class Place(Protocol):
    """What keeps secrets under names."""

    def read(self, name: str) -> bytes | None:
        """Return the document under a name; None: there is none.

        Raises:
            ConfigError: The place refuses.
            ConnectFailed: It cannot be reached.
        """
        ...

    def write(self, name: str, document: bytes) -> None:
        """Keep a document under a name, in place of the one that is there."""
        ...

    def remove(self, name: str) -> None:
        """Forget a name."""
        ...


class Vault:
    """All places, for one user; the passphrase is asked for once, when it is first needed."""

    def __init__(
        self, environment: Mapping[str, str] | None = None, ask: Ask | None = None
    ) -> None:
        self.environment = os.environ if environment is None else environment
        self.file = SealedFile(vault_file(self.environment))
        self._ask = ask
        self._phrase: str | None = None

    def open(self, reference: str, *, now_ms: int | None = None) -> Kept:
        """Return what is kept under a reference.

        Raises:
            ConfigError: There is nothing, or it may not be had.
            ConnectFailed: Its place cannot be reached.
        """
        kind, name = split(reference)
        if kind == "vault":
            token = phrase.lease(self.environment, name)
            if token is not None:
                return self.file.open_by_lease(name, token, now_ms or _now_ms())
            self.file.require(name)
            return self.file.open(name, self.phrase)
        document = place(kind, self.environment).read(name)
        if document is None:
            raise ConfigError(f"{reference} is not there; put it there: steelyard vault add")
        return decode(document, reference)

    def put(self, reference: str, kept: Kept, *, new: bool) -> None:
        """Keep something; `new` refuses what is there already, otherwise it must be.

        Raises:
            UsageError: It is taken, or no name.
            ConfigError: The place refuses.
            ConnectFailed: It cannot be reached.
        """
        kind, name = split(reference)
        if kind == "vault":
            self.file.put(name, kept, self.phrase, new=new)
            return
        document, found = encode(kept), place(kind, self.environment)
        is_there = found.read(name) is not None
        if new and is_there:
            raise UsageError(
                f"{reference} is there already; for a new key: steelyard vault rotate {reference}"
            )
        if not new and not is_there:
            raise ConfigError(f"{reference} is not there; put it there: steelyard vault add")
        found.write(name, document)

    def remove(self, reference: str) -> None:
        """Forget what is under a reference.

        Raises:
            ConfigError: There is nothing, or the place refuses.
            ConnectFailed: It cannot be reached.
        """
        kind, name = split(reference)
        if kind == "vault":
            self.file.remove(name, self.phrase)
            return
        found = place(kind, self.environment)
        if found.read(name) is None:
            raise ConfigError(f"{reference} is not there")
        found.remove(name)

    @property
    def phrase(self) -> str:
        """The passphrase of the sealed file."""
        if self._phrase is None:
            self._phrase = phrase.passphrase(self.environment, self._ask)
        return self._phrase


def vault_file(environment: Mapping[str, str]) -> Path:
    """Return where the user's sealed file is; outside of every data directory."""
    told = environment.get(FILE_VARIABLE)
    folder = Path(platformdirs.user_config_dir("steelyard", appauthor=False))
    return Path(told) if told else folder / FILE


def split(reference: str) -> tuple[str, str]:
    """Return place and name; a name alone is in the sealed file.

    Raises:
        UsageError: There is no such place; nothing of it is repeated, because it may be a key.
    """
    kind, colon, name = reference.partition(":")
    if not colon:
        return "vault", reference
    if kind not in PLACES or not name:
        raise UsageError(f"a secret is named PLACE:NAME, with a place of {', '.join(PLACES)}")
    return kind, name


def full(reference: str) -> str:
    """Return a reference with its place."""
    return ":".join(split(reference))


def place(kind: str, environment: Mapping[str, str]) -> Place:
    """Return a place that is not the sealed file.

    Raises:
        ConfigError: Its library is not installed, or it is not set up.
    """
    try:
        match kind:
            case "keyring":
                from steelyard.vault.system import SystemKeyring  # noqa: PLC0415 an extra

                return SystemKeyring()
            case "aws-sm":
                from steelyard.vault.aws import AwsSecrets  # noqa: PLC0415 an extra

                return AwsSecrets(environment)
            case "gcp-sm":
                from steelyard.vault.gcp import GcpSecrets  # noqa: PLC0415 an extra

                return GcpSecrets(environment)
            case _:
                from steelyard.vault.hashicorp import HashicorpVault  # noqa: PLC0415 an extra

                return HashicorpVault(environment)
    except ImportError as error:
        extra = kind.removesuffix("-sm")
        raise ConfigError(f"{kind}: needs a library: pip install 'steelyard[{extra}]'") from error


def _now_ms() -> int:
    return time.time_ns() // NS_PER_MS  # noqa: TID251 a lease's end is on the host's clock
