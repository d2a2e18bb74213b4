"""`steelyard logs`: a bot's log, its last lines, or on and on, also while its files rotate."""

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TextIO

from cyclopts import Parameter

from steelyard.cli.options import Common
from steelyard.cli.terminal import harmless
from steelyard.cli.trader_log import FILES_KEPT, rotated
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.store.datadir import bot_directories
from steelyard.trading.actions import Level

_EVERYONE = Common()
LINES_MAX = 1_000_000
LOOK_S = 0.2
_WORDS = frozenset(each.value for each in Level)
_ORDER = (Level.INFO, Level.WARNING, Level.ERROR)


def logs(
    bot: str,
    /,
    *,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative="")] = False,
    lines: Annotated[int, Parameter(name=["--lines", "-n"])] = 50,
    level: Level = Level.INFO,
    common: Common = _EVERYONE,
) -> int:
    """Show the last lines of a bot's log; with -f, go on with what comes, until Ctrl-C.

    The log is bot.log in the bot's directory. At 10 MiB it becomes bot.log.1, and so on; five full
    ones are kept.

    Examples: steelyard logs dip | steelyard logs dip -f --level warning |
    steelyard logs dip -n 1000

    Parameters
    ----------
    bot
        Its name.
    follow
        Go on.
    lines
        How many lines of before.
    level
        Only lines that matter at least so much: info, warning, error.
    """
    if not 0 <= lines <= LINES_MAX:
        raise UsageError(f"--lines {lines} should be from 0 to {LINES_MAX}")
    known = bot_directories(common.directory)
    if bot not in known:
        raise UsageError(f"no bot {bot!r}; there are: {', '.join(known) or 'none'}")
    path = common.directory / "bots" / bot / "bot.log"
    wanted = frozenset(each.value for each in _ORDER[_ORDER.index(level) :])
    kept, current = before(path, lines, wanted)
    for line in kept:
        _show(line, common)
    if current is None:
        if not follow:
            return 0
        raise ConfigError(f"{path} is not there yet; the bot has never run")
    with current:
        if follow:
            for line in coming(path, current):
                if _matters(line, wanted):
                    _show(line, common)
    return 0


def before(path: Path, count: int, wanted: frozenset[str]) -> tuple[list[str], TextIO | None]:
    """Return the last lines that matter, from as many files as it takes, and the open newest."""
    try:
        current = path.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return [], None
    kept = deque((line for line in current if _matters(line, wanted)), maxlen=count)
    for number in range(1, FILES_KEPT + 1):
        if len(kept) >= count:
            break
        try:
            with rotated(path, number).open(encoding="utf-8", errors="replace") as file:
                older = deque((line for line in file if _matters(line, wanted)), maxlen=count)
        except FileNotFoundError:
            break
        kept = deque([*older, *kept], maxlen=count)
    return [*kept], current


def coming(path: Path, current: TextIO, look_s: float = LOOK_S) -> Iterator[str]:
    """Yield lines as they come, on and on, into the next file when this one is full."""
    rest, opened = "", None
    try:
        while True:
            while line := current.readline():
                rest += line
                if rest.endswith("\n"):
                    yield rest
                    rest = ""
            following = _next_file(path, current)
            if following is None:
                time.sleep(look_s)
                continue
            if last := current.readline():  # written before it was full, and after we had looked
                following.close()
                rest += last
                if rest.endswith("\n"):
                    yield rest
                    rest = ""
                continue
            if rest:  # a line that a full disk has cut off goes on nowhere
                yield f"{rest}\n"
                rest = ""
            if opened is not None:
                opened.close()
            current = opened = following
    finally:
        if opened is not None:
            opened.close()


def _next_file(path: Path, current: TextIO) -> TextIO | None:
    """Return the file that was begun when this one was full; None: it is still the newest.

    Names go on while we look, so what was opened is looked for once more.
    """
    own = os.fstat(current.fileno()).st_ino
    names = [path, *(rotated(path, number) for number in range(1, FILES_KEPT + 1))]
    while True:
        numbers = [_number_of(name) for name in names]
        if numbers[0] is None:
            return None  # between two files
        if numbers[0] == own:
            return None
        # One that is gone by now was before the oldest that is left.
        there = [place for place, number in enumerate(numbers) if number is not None]
        place = numbers.index(own) - 1 if own in numbers else there[-1]
        try:
            following = names[place].open(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue
        if os.fstat(following.fileno()).st_ino == numbers[place]:
            return following
        following.close()


def _number_of(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _matters(line: str, wanted: frozenset[str]) -> bool:
    """Whether a line has a level that is wanted; a line that goes on from another has none."""
    parts = line.split(maxsplit=2)
    return len(parts) < 3 or parts[1] not in _WORDS or parts[1] in wanted  # noqa: PLR2004 time, level, rest


def _show(line: str, common: Common) -> None:
    text = line.rstrip("\n")
    parts = text.split(maxsplit=3)
    if common.json and len(parts) == 4:  # noqa: PLR2004 time, level, name, text
        document = dict(zip(("time", "level", "name", "text"), parts, strict=True))
        common.show(document)
    else:
        print(harmless(text), flush=True)
