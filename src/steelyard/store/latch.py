"""The kill mark of a bot: a file that keeps it from trading, whatever else has happened to it.

    DIR/bots/NAME/killed         the mark: who pressed the button, when and why
    DIR/bots/NAME/lifted         who lifted it, when and why: for a bot that did not run then
    DIR/bots/NAME/closing.jsonl  names of orders by which a kill closes the position, one a line

The invariant: what cannot be looked at counts as set. A mark is set by anybody who may write here
and lifted by a person alone; its words are for people, and a mark that has none is one all the
same. A name is on disk before its order leaves, and stays until the bot's journal has it.
"""

import errno
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from steelyard.domain.errors import ConfigError
from steelyard.store.datadir import Directory, latch_file, write_atomically
from steelyard.store.disk import make_private_file, sync

LIFTED, CLOSING = "lifted", "closing.jsonl"
WORDS_MAX_BYTES = 10_000
CLOSING_MAX_BYTES = 1 << 20


class Latch:
    """One bot's kill mark."""

    def __init__(self, data: Path, bot: str) -> None:
        self.bot = bot
        self._file = latch_file(data, bot)
        self._path = str(self._file)
        self._lifted = self._file.with_name(LIFTED)
        self._closing = self._file.with_name(CLOSING)

    @property
    def is_set(self) -> bool:
        """Whether the bot must not trade; asked before every order."""
        try:
            os.stat(self._path)  # noqa: PTH116 a Path costs several times as much
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def set(self, why: str, who: str, now_ns: int) -> None:
        """Set the mark; one that is set keeps its words, unless it has none.

        A disk that has no room for words has room for a mark without any.

        Raises:
            ConfigError: The disk refuses both.
        """
        if self.is_set and self.words:
            return
        if not self._file.parent.exists():
            Directory(self._file.parent).close()  # of a bot that has never run
        document = {"killed": True, "why": why, "who": who, "time_ms": now_ns // 10**6}
        try:
            write_atomically(self._file, document)
        except ConfigError:
            with suppress(OSError):
                make_private_file(self._file)
            if not self._file.exists():
                raise
        self.forget_lift()

    def lift(self, why: str, who: str, now_ns: int) -> bool:
        """Take the mark away, and leave word of it; return whether there was one.

        Raises:
            ConfigError: The disk refuses.
        """
        was_set = self.is_set
        if self._file.parent.exists():
            document = {"why": why, "who": who, "time_ms": now_ns // 10**6}
            write_atomically(self._lifted, document)
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{self._file} cannot be removed: {error.strerror}") from error
        return was_set

    def lifted_since(self, time_ns: int) -> str | None:
        """Return who lifted it and why, if that was after a time."""
        words = _words(self._lifted)
        time_ms = words.get("time_ms")
        if not isinstance(time_ms, int) or time_ms < time_ns // 10**6:
            return None
        return f"{words.get('why') or 'it was lifted'} ({words.get('who') or 'somebody'})"

    def forget_lift(self) -> None:
        """Take the word of a lift away: the bot has heard it, or it is killed anew."""
        with suppress(OSError):
            self._lifted.unlink(missing_ok=True)

    @property
    def words(self) -> dict[str, Any]:
        """What the mark says; empty where it says nothing that can be read."""
        return _words(self._file)

    @property
    def why(self) -> str:
        """Why the mark is set, in words."""
        words = self.words
        why = str(words.get("why") or "the kill switch was pressed")
        return f"{why} ({words['who']})" if words.get("who") else why

    def note_closing(self, client_order_id: str) -> None:
        """Write down an order that will close the position, before it leaves.

        Raises:
            ConfigError: The disk refuses.
        """
        line = json.dumps({"client_order_id": client_order_id}) + "\n"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(self._closing, flags, 0o600)
            try:
                if os.write(descriptor, line.encode()) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                sync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ConfigError(f"{self._closing} cannot be written: {error.strerror}") from error

    @property
    def closing(self) -> tuple[str, ...]:
        """Names of orders by which kills have closed the position; a torn line is none."""
        found: dict[str, None] = {}
        with suppress(OSError):
            for line in self._closing.read_bytes()[:CLOSING_MAX_BYTES].splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    found[str(json.loads(line)["client_order_id"])] = None
        return tuple(found)


def _words(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        with file.open("rb") as opened:
            document = json.loads(opened.read(WORDS_MAX_BYTES))
        if isinstance(document, dict):
            return {key: document[key] for key in ("why", "who", "time_ms") if key in document}
    return {}
