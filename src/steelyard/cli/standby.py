"""Who waits to take a bot over, as a file that others of this machine read.

    DIR/standby/NAME.PID.json   {"pid", "bot", "since", "waits_for"}

A file of a process that has ended says nothing; it is removed by whoever comes across it.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from steelyard.domain.errors import ConfigError
from steelyard.net.clock import Clock
from steelyard.store import datadir
from steelyard.store.disk import make_private_directory

MS_NS = 10**6


class StandbyFile:
    """What one process that waits says of itself."""

    def __init__(self, data: Path, bot: str) -> None:
        self._file = data / "standby" / f"{bot}.{os.getpid()}.json"
        self._document: dict[str, Any] = {
            "pid": os.getpid(),
            "bot": bot,
            "since": Clock().now_ns() // MS_NS,
        }
        self._said = ""

    def say(self, why: str) -> bool:
        """Say what is waited for; return whether that is new.

        Raises:
            ConfigError: The disk refuses.
        """
        if why == self._said:
            return False
        self._said = why
        try:
            make_private_directory(self._file.parent)
        except OSError as error:
            raise ConfigError(f"{self._file.parent} cannot be made: {error.strerror}") from error
        datadir.write_atomically(self._file, {**self._document, "waits_for": why})
        return True

    def close(self) -> None:
        """Wait no longer."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)


def standbys(data: Path) -> list[dict[str, Any]]:
    """Return what those say that wait in a data directory."""
    found = []
    for file in sorted((data / "standby").glob("*.json")):
        with suppress(ConfigError):
            document = datadir.read_document(file, missing={})
            if document and datadir.is_alive(document):
                found.append(document)
                continue
        with suppress(OSError):
            file.unlink(missing_ok=True)
    return found
