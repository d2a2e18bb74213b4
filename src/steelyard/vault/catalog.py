"""Which secrets are kept elsewhere than in the sealed file: names and terms, and no secret.

Keyrings and clouds are not asked for lists: a bot's role may read its own secret alone. So what
`steelyard vault add` has put there is written down here, for `list` and the reminders.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from steelyard.domain.errors import ConfigError
from steelyard.vault.kept import Terms

NAMES_MAX = 1_000
Write = Callable[[Path, dict[str, Any]], None]  # puts a private file in place at once


class Named(Struct, frozen=True):
    """One secret elsewhere; stage is how far a rotation of it is."""

    reference: str
    terms: Terms
    stage: str = ""


class _File(Struct):
    secrets: list[Named] = []


class Catalog:
    """The list in a file."""

    def __init__(self, path: Path, write: Write) -> None:
        self._path = path
        self._write = write

    def elsewhere(self) -> list[Named]:
        """Return what is kept elsewhere.

        Raises:
            ConfigError: The file is damaged.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_File).secrets
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigError(
                f"{self._path} cannot be read; it holds names only, so delete it and add them again"
            ) from error

    def add(self, named: Named) -> None:
        """Write one down, in place of what was written of it before.

        Raises:
            ConfigError: The list is full, or the disk refuses.
        """
        if named.reference.startswith("vault:"):
            return  # the sealed file says so itself
        others = [it for it in self.elsewhere() if it.reference != named.reference]
        if len(others) >= NAMES_MAX:
            raise ConfigError(f"{self._path} names {NAMES_MAX} secrets already; remove one")
        self._put([*others, named])

    def remove(self, reference: str) -> None:
        """Take one off.

        Raises:
            ConfigError: The disk refuses.
        """
        found = self.elsewhere()
        left = [it for it in found if it.reference != reference]
        if left != found:
            self._put(left)

    def _put(self, secrets: list[Named]) -> None:
        secrets.sort(key=lambda it: it.reference)
        self._write(self._path, msgspec.to_builtins(_File(secrets)))
