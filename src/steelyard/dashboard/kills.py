"""Kills that were started on a page: `steelyard kill`, in a process of its own for each.

The process has its own connection and key, in a session of its own: whoever served the page may
hang or end, and the kill goes on. What it says goes into files that have no name, so that nobody
has to read them for it to go on, and in memory, so that no disk has to have room. Here it is only
started and its words are read; what became of a kill is its own document, and without one nothing
is verified.

A kill is refused without the bot's name typed; a rehearsal needs none, because it sends nothing.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.net.clock import Clock
from steelyard.store.datadir import bot_directories
from steelyard.store.latch import Latch

MS_NS = 1_000_000
LOOK_S = 0.05  # between two looks whether a process has ended
MARKED = "the kill mark is set: the bot places nothing from here on"
STEPS_MAX = 200  # that are shown; the newest
SAID_MAX_BYTES = 1 << 20
KEPT_MAX = 100  # bots whose last kill is remembered

Text = Annotated[str, Meta(max_length=200)]


class KillBody(Struct, forbid_unknown_fields=True):
    """What a page sends: which bot, its name typed by a person, and what is wanted."""

    bot: Text
    confirm: Text = ""
    flatten: bool = False
    drill: bool = False
    who: Text = ""
    why: Text = ""


class _Said(Struct):
    """A line of the process: a step."""

    time: int
    text: str
    open_orders: int | None = None


class KillRun:
    """One process, and what it has said so far; its files are closed when it is over."""

    def __init__(
        self,
        body: KillBody,
        process: subprocess.Popen[bytes],
        document: IO[bytes],
        said: IO[bytes],
        *,
        is_marked: bool,
    ) -> None:
        """is_marked: the kill mark was set before the process began."""
        self.body = body
        self._is_marked = is_marked
        self.process = process
        self._begun_ms = Clock().now_ns() // MS_NS
        self._document, self._said = document, said
        self._last: dict[str, Any] | None = None

    @property
    def is_over(self) -> bool:
        """Whether the process has ended, and all that it said was read."""
        return self._last is not None

    async def join(self) -> None:
        """Wait for its end."""
        while self.process.poll() is None:  # noqa: ASYNC110 nobody tells of its end
            await asyncio.sleep(LOOK_S)
        self._last = self._shown(is_over=True)
        self._document.close()
        self._said.close()

    @property
    def shown(self) -> dict[str, Any]:
        """How it stands."""
        return self._last or self._shown(is_over=False)

    def _shown(self, *, is_over: bool) -> dict[str, Any]:
        steps, words = _steps(self._said)
        if self._is_marked:
            steps.insert(0, _Said(self._begun_ms, MARKED))
        result = _result(self._document, self.body.bot) if is_over else None
        error = None
        if is_over and result is None:
            last = words[-1] if words else f"it ended with exit code {self.process.returncode}"
            error = f"the kill switch broke off: {last}"
        return {
            "bot": self.body.bot,
            "drill": self.body.drill,
            "flatten": self.body.flatten,
            "begun": self._begun_ms,
            "elapsed_ms": Clock().now_ns() // MS_NS - self._begun_ms,
            "pid": self.process.pid,
            "over": is_over,
            "steps": [msgspec.to_builtins(step) for step in steps[-STEPS_MAX:]],
            "result": result,
            "error": error,
        }


class Kills:
    """The kills of a data directory's bots that began here; of each bot the last."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._runs: dict[str, KillRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, body: KillBody) -> dict[str, Any]:
        """Start a kill or a rehearsal, and return how it stands.

        One that is on its way is not begun again; a rehearsal gives way to a kill.

        Raises:
            UsageError: No such bot, the name was not typed, or it wants more than one on its way.
            ConfigError: This machine starts no process.
        """
        known = bot_directories(self._data)
        if body.bot not in known:
            raise UsageError(f"no bot {body.bot!r} here; there are: {', '.join(known) or 'none'}")
        if not body.drill and body.confirm != body.bot:
            raise UsageError(f"type the bot's name, {body.bot}, to confirm; nothing was done")
        if (run := self._runs.get(body.bot)) is not None and not run.is_over:
            if not run.body.drill or body.drill:
                if body.flatten and not run.body.flatten:
                    raise UsageError(
                        "a kill of it is on its way; close the position when that is done"
                    )
                return run.shown
            run.process.terminate()
        is_marked = not body.drill and self._mark(body)
        return self._spawn(body, is_marked=is_marked).shown

    def forget(self, bot: str) -> None:
        """Show the last kill of a bot no more: its mark has been lifted."""
        if bot in self._runs and self._runs[bot].is_over:
            del self._runs[bot]

    def _mark(self, body: KillBody) -> bool:
        """Set the kill mark now: the process, which sets it too, takes a second to begin."""
        who = _line(body.who) or "somebody"
        with suppress(ConfigError):  # the process meets the same, and says so
            Latch(self._data, body.bot).set(_why(body), who, Clock().now_ns())
            return True
        return False

    def shown(self, bot: str) -> dict[str, Any] | None:
        """Return how the last kill of a bot stands; None: there was none here, or it was lifted."""
        if bot not in self._runs:
            return None
        found = self._runs[bot].shown
        is_done = found["over"] and not found["drill"] and found["error"] is None
        if is_done and not Latch(self._data, bot).is_set:
            self.forget(bot)  # by a command, or on the page of another port
            return None
        return found

    def _spawn(self, body: KillBody, *, is_marked: bool) -> KillRun:
        # A list and no shell: the name is one of ours, and a person's words are one argument.
        command = [sys.executable, "-m", "steelyard.cli.main", "kill", body.bot]
        command += ["--data", str(self._data), "--json", "--progress"]
        command += [f"--why={_why(body)}"]
        command += ["--flatten"] if body.flatten else []
        command += ["--drill"] if body.drill else []
        files: list[IO[bytes]] = []
        try:
            for _ in range(2):
                files.append(_nameless())  # noqa: PERF401 what was opened before one fails is closed
            document, said = files
            # Not asyncio's: that would end the process together with the loop.
            process = subprocess.Popen(  # noqa: S603 ourselves
                command,
                stdin=subprocess.DEVNULL,
                stdout=document,
                stderr=said,
                start_new_session=True,
            )
        except OSError as error:
            for file in files:
                file.close()
            raise ConfigError(
                f"the kill switch could not be started here: {error.strerror}; run "
                f"`steelyard kill {body.bot}` in a terminal"
            ) from error
        run = KillRun(body, process, document, said, is_marked=is_marked)
        self._runs.pop(body.bot, None)
        self._runs[body.bot] = run
        while len(self._runs) > KEPT_MAX:
            self._runs.pop(next(iter(self._runs)))
        task = asyncio.get_running_loop().create_task(run.join())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run


def _why(body: KillBody) -> str:
    return f"{_line(body.why) or 'the kill switch was pressed'}, on the page"


def _line(text: str) -> str:
    """Return a person's words as one line; no program takes a zero byte for an argument."""
    return "".join(each if each.isprintable() else " " for each in text).strip()


def _nameless() -> IO[bytes]:
    """Open a file without a name, in memory where there is that: a full disk stops no kill."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("steelyard-kill"), "w+b")
    return tempfile.TemporaryFile()


def _steps(said: IO[bytes]) -> tuple[list[_Said], list[str]]:
    """Return the steps that were said, and the lines that were none."""
    steps: list[_Said] = []
    words: list[str] = []
    for line in _read(said).splitlines():
        try:
            steps.append(msgspec.json.decode(line, type=_Said))
        except (msgspec.DecodeError, UnicodeDecodeError):
            if text := line.decode(errors="replace").strip():
                words.append(text)
    return steps, words


def _result(document: IO[bytes], bot: str) -> dict[str, Any] | None:
    """Return what the process says became of it; None: it did not come to that."""
    try:
        found = msgspec.json.decode(_read(document), type=dict[str, dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found.get(bot)


def _read(file: IO[bytes]) -> bytes:
    """Return what a process has written, and leave where it writes next, which is shared."""
    return os.pread(file.fileno(), SAID_MAX_BYTES, 0)
