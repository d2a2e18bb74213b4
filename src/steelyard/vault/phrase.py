"""Where the passphrase of the vault comes from, and the lease that makes it needless.

In this order: leases, files of which each opens one entry; then for everything a file that systemd
hands over, a file that is named, an environment variable, and last a person at a terminal. Never a
command line, which every process of the machine can read.
"""

import base64
import binascii
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from steelyard.domain.errors import ConfigError

VARIABLE = "STEELYARD_VAULT_PASSPHRASE"
FILE_VARIABLE = "STEELYARD_VAULT_PASSPHRASE_FILE"
LEASE_VARIABLE = "STEELYARD_VAULT_LEASE"
CREDENTIALS_VARIABLE, CREDENTIAL = "CREDENTIALS_DIRECTORY", "steelyard-vault"
FILE_MAX_BYTES = 4 << 10
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

Ask = Callable[[str], str]  # what asks a person for a passphrase, by a question


class Lease(Struct, frozen=True):
    """What a lease's file holds; the token is base64."""

    name: str
    bot: str
    until: int
    token: str

    def __repr__(self) -> str:
        return "Lease(***)"


def passphrase(environment: Mapping[str, str], ask: Ask | None = None) -> str:
    """Return the vault's passphrase; ask is None where nobody is there to be asked.

    Raises:
        ConfigError: There is none, or its file is open to others.
    """
    if folder := environment.get(CREDENTIALS_VARIABLE):
        file = Path(folder) / CREDENTIAL
        if file.exists():
            return _first_line(file, is_ours=False)
    if named := environment.get(FILE_VARIABLE):
        return _first_line(Path(named), is_ours=True)
    if told := environment.get(VARIABLE):
        return told
    if ask is None:
        raise ConfigError(
            f"the vault is locked: name a file with its passphrase in {FILE_VARIABLE}, or hand the "
            f"bot a lease in {LEASE_VARIABLE} (steelyard vault lease)"
        )
    return ask("passphrase of the vault: ")


def lease(environment: Mapping[str, str], name: str) -> bytes | None:
    """Return the token of the lease of a name; None: this process was handed no lease at all.

    The variable names one file, or several as a path does: of a key, and of where alerts go.

    Raises:
        ConfigError: None is of this name, or a file cannot be read or is open to others.
    """
    named = environment.get(LEASE_VARIABLE)
    if not named:
        return None
    folder = environment.get(CREDENTIALS_VARIABLE)
    others = []
    for file in filter(None, named.split(os.pathsep)):
        # systemd sees to its own: what it hands over may have an access list, and no narrow mode.
        text = _read(Path(file), is_ours=not (folder and Path(file).parent == Path(folder)))
        try:
            found = msgspec.json.decode(text, type=Lease)
            token = base64.b64decode(found.token, validate=True)
        except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error):
            raise ConfigError(f"{file} is no lease; issue one: steelyard vault lease") from None
        if found.name == name:
            return token
        others.append(f"the lease {file} is of vault:{found.name}, and opens nothing else")
    raise ConfigError(f"{'; '.join(others)}; for vault:{name} name one more in {LEASE_VARIABLE}")


def _first_line(file: Path, *, is_ours: bool) -> str:
    text = _read(file, is_ours=is_ours).decode(errors="surrogateescape").partition("\n")[0]
    if not text:
        raise ConfigError(f"{file} is empty; its first line should be the vault's passphrase")
    return text


def _read(file: Path, *, is_ours: bool) -> bytes:
    """Return what is in a file that only its owner may read; systemd sees to its own."""
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read(FILE_MAX_BYTES)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    if is_ours and mode & _OTHERS:
        raise ConfigError(f"{file} is open to others; run: chmod 600 {file}")
    return text
