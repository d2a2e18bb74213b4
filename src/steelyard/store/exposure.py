"""What the bots of a host could come to hold together: one small file per bot, and one lock.

The files lie outside every data directory, beside those of pacing. The invariant: between lock and
unlock one bot alone has read the others' parts and written its own, so two that ask at once never
get the same; a bot that is killed leaves its part, because its position and orders are still there.
A part ends when its bot tells another one, when the directory of the bot is gone, or when a kill
has closed the position of a bot that does not run.

Which bots are together: on real venues all of the host; where orders stay on this machine, those of
one data directory, because a directory is one practice world. A file that cannot be read grants
nothing to anybody: the sentence names it. A part is written whole or not at all.
"""

import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from steelyard.domain.errors import ConfigError, UnitError
from steelyard.domain.exposure import Claim, Part, decided
from steelyard.domain.units import from_atoms, in_full, parse_decimal, to_atoms
from steelyard.store.disk import make_private_directory

LOCK_TRIES, LOCK_PAUSE_S = 100, 0.0005  # a lock is held for a fraction of a millisecond
LOCK, SUFFIX = "lock", ".json"
PARTS_MAX = 1_000  # bots of one host
_HELD = frozenset({errno.EAGAIN, errno.EACCES})


class Told(Struct, frozen=True, forbid_unknown_fields=True):
    """What one bot has told: amounts are decimal texts in quote, the directory is its own."""

    bot: str
    directory: str
    quote: Annotated[str, Meta(max_length=40)]
    amount: str
    time_ns: int


class _Busy(Exception):
    """The lock is not to be had now."""


class SharedExposure:
    """One bot's view of what all of a group have."""

    def __init__(self, state: Path, group: str, directory: Path, bot: str) -> None:
        """Join a group; directory is the bot's own, whose end is the end of its part.

        Raises:
            ConfigError: The files cannot be made or written.
        """
        self._directory = directory.resolve()
        self._bot = bot
        self._folder = state / "exposure" / _digest(group)
        self._path = self._folder / _part_name(self._directory, bot)
        try:
            make_private_directory(self._folder)
            self._fd = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(
                f"what bots of this host hold together cannot be kept in {self._folder}: "
                f"{error.strerror or error}; make it writable, or name another directory in "
                "STEELYARD_STATE"
            ) from error

    def claim(self, quote: str, atoms: int, most_atoms: int | None, now_ns: int) -> Claim:
        """Make this bot's part so much, if with all others' it is at most most_atoms."""
        try:
            with self._locked():
                others = [
                    Part(told.bot, to_atoms(parse_decimal(told.amount)))
                    for told in self._others()
                    if told.quote == quote
                ]
                claim = decided(others, atoms, most_atoms)
                if claim.is_granted:
                    amount = in_full(from_atoms(atoms))
                    self._write(Told(self._bot, str(self._directory), quote, amount, now_ns))
                return claim
        except _Busy:
            return Claim(is_granted=False, trouble="another bot of this host holds the file")
        except (msgspec.DecodeError, UnitError) as error:
            return Claim(is_granted=False, trouble=f"{error}; look at it, and remove it")
        except OSError as error:
            return Claim(is_granted=False, trouble=f"{self._folder}: {error.strerror or error}")

    def close(self) -> None:
        """Let go of the lock's file; the part stays."""
        os.close(self._fd)

    def _others(self) -> Iterator[Told]:
        """Yield the parts of the other bots; of those whose directory is gone none is left."""
        found = sorted(self._folder.glob(f"*{SUFFIX}"))
        if len(found) > PARTS_MAX:
            raise OSError(errno.E2BIG, f"more than {PARTS_MAX} bots share it; remove old files")
        for path in found:
            if path == self._path:
                continue
            try:
                told = msgspec.json.decode(path.read_bytes(), type=Told)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise msgspec.DecodeError(f"{path} cannot be read: {error}") from error
            if Path(told.directory).is_dir():
                yield told
            else:
                path.unlink(missing_ok=True)

    def _write(self, told: Told) -> None:
        made = self._path.with_suffix(".new")
        fd = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, msgspec.json.encode(told))
        finally:
            os.close(fd)
        made.replace(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        for _ in range(LOCK_TRIES):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in _HELD:
                    raise
                time.sleep(LOCK_PAUSE_S)
        else:
            raise _Busy
        try:
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(self._fd, fcntl.LOCK_UN)


def release(state: Path, directory: Path, bot: str) -> bool:
    """Take away the part of a bot that does not run and holds nothing; return whether it had one.

    Raises:
        ConfigError: The file cannot be removed.
    """
    name = _part_name(directory.resolve(), bot)
    try:
        found = [*(state / "exposure").glob(f"*/{name}")]
        for path in found:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"its part of what all bots hold stays in {state / 'exposure'}: "
            f"{error.strerror or error}; start the bot, or remove {name} there"
        ) from error
    return bool(found)


def _part_name(directory: Path, bot: str) -> str:
    return f"{bot}.{_digest(str(directory))}{SUFFIX}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
