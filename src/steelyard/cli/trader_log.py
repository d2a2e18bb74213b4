"""A bot's log: lines for people, in its directory, on the terminal, and on its page.

One event per line: time, level, dotted name, text. The files are bounded: when `bot.log` is full
it becomes `bot.log.1`, what was that becomes `bot.log.2`, and the oldest goes. What is written
comes from the machine and the shell, neither of which holds a secret in a form that prints; what a
strategy or a venue says may have one, which is taken out.
"""

import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from steelyard.cli.terminal import harmless
from steelyard.store.disk import make_private_file
from steelyard.trading.actions import Level, Log

FILE_MAX_BYTES = 10 << 20
FILES_KEPT = 5  # full ones, beside the one that is written
LINES_SHOWN = 50
NS_PER_MS = 1_000_000

Heard = Callable[[Level, str, str, int], None]  # level, name, text, time


class BotLog:
    """The log of one running bot."""

    def __init__(
        self,
        directory: Path,
        terminal: TextIO | None = None,
        hidden: Callable[[bytes], bytes] = bytes,
        heard: Heard | None = None,
    ) -> None:
        """`terminal` shows every line; without it standard error shows what matters.

        hidden takes the secrets out of a text, which a strategy or a venue may have said; heard
        is told each line without them.
        """
        self._hidden = hidden
        self._heard = heard
        self.lines: deque[dict[str, object]] = deque(maxlen=LINES_SHOWN)
        self._path = directory / "bot.log"
        self._file = self._opened()
        self._terminal = terminal
        self._is_alone = False

    def write(self, line: Log, now_ns: int) -> None:
        """Write a line."""
        level, name, said = line
        text = self._hidden(said.encode(errors="replace")).decode(errors="replace")
        ms = now_ns // NS_PER_MS
        self.lines.append({"time": ms, "level": level.value, "text": f"{name}: {text}"})
        moment = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        whole = f"{moment}.{ms % 1000:03d}Z {level.value:7} {name} {text}\n"
        self._file.write(whole)
        self._file.flush()
        if self._file.tell() > FILE_MAX_BYTES:
            self._file.close()
            for number in range(FILES_KEPT - 1, 0, -1):
                with suppress(FileNotFoundError):
                    rotated(self._path, number).replace(rotated(self._path, number + 1))
            self._path.replace(rotated(self._path, 1))
            self._file = self._opened()
        if self._heard is not None:
            self._heard(level, name, text, now_ns)
        self._show(level, whole)

    def _show(self, level: Level, whole: str) -> None:
        """Show a line to who reads along; if nobody does any more, the bot goes on without him."""
        if self._is_alone or (self._terminal is None and level is Level.INFO):
            return
        try:
            (self._terminal or sys.stderr).write(harmless(whole))
        except (OSError, ValueError):  # a pipe's other end, or the terminal, is gone
            self._is_alone = True

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _opened(self) -> TextIO:
        make_private_file(self._path)
        return self._path.open("a", encoding="utf-8")


def rotated(path: Path, number: int) -> Path:
    """Return where a full log is; 1 is the last one that was filled."""
    return path.with_name(f"{path.name}.{number}")
