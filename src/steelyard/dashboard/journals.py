"""Questions about bots' journals, answered by processes of their own (`journal_reader`).

The process that serves a page reads no journal: an exchange, or a bot, would stand still meanwhile.
Each bot that is asked about has a reader, which remembers what it has read; there are a few at
most, which those keep who ask all the time, and one that nobody asks ends. Questions to a reader
wait in a line that is bounded.
"""

import asyncio
import sys
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from steelyard.domain.errors import ConnectFailed, ConnectionLost, UsageError
from steelyard.store.datadir import bot_directories

READERS_MAX = 4
WAITING_MAX = 32  # questions to one reader
IDLE_S = 120.0
BUSY_S = 6.0  # a page asks every two seconds; one that is looked at keeps its reader
ANSWER_S = 20.0
ANSWER_MAX_BYTES = 16 << 20


class _Reader:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.line = asyncio.Lock()
        self.waiting = 0
        self.asked = 0.0

    async def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Ask, after those who asked before."""
        if self.waiting >= WAITING_MAX:
            raise UsageError("too many ask about this journal at once; try again in a second")
        self.waiting += 1
        try:
            async with self.line:
                return await asyncio.wait_for(self._answer(question), ANSWER_S)
        finally:
            self.waiting -= 1

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None, "they are pipes"
        assert stdout is not None, "they are pipes"
        stdin.write(msgspec.json.encode(question) + b"\n")
        await stdin.drain()
        line = await stdout.readline()
        if not line:
            raise ConnectionResetError("it has ended")
        answer: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        return answer

    def end(self) -> None:
        """Have the process end."""
        if self.process.returncode is None:
            self.process.kill()

    async def join(self) -> None:
        """Wait for its end, and let go of its pipes."""
        await self.process.wait()
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None, "they are pipes"
        assert stdout is not None, "they are pipes"
        stdin.close()
        with suppress(OSError, RuntimeError):  # RuntimeError: somebody still reads
            await stdout.read()


class Journals:
    """The journals of a data directory's bots."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._readers: dict[str, _Reader] = {}
        self._starting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, bot: str, question: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of a bot's reader, which is started if need be.

        Raises:
            UsageError: No such bot has run here, or its journal cannot be read.
            ConnectFailed: No reader can be started.
            ConnectionLost: The reader does not answer.
        """
        reader = await self._reader(bot)
        reader.asked = asyncio.get_running_loop().time()
        try:
            answer = await reader.ask(question)
        except (OSError, ValueError, TimeoutError) as error:
            self._forget(bot, reader)
            raise ConnectionLost(
                f"whoever reads the journal of {bot} broke off; ask again, or run "
                f"`steelyard replay {bot}`"
            ) from error
        except asyncio.CancelledError:
            self._forget(bot, reader)  # its answer would be taken for that of the next question
            raise
        if "error" in answer:
            raise UsageError(str(answer["error"]))
        return answer

    async def close(self) -> None:
        """End all of them."""
        for bot, reader in [*self._readers.items()]:
            self._forget(bot, reader)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reader(self, bot: str) -> _Reader:
        known = bot_directories(self._data)
        if bot not in known:
            raise UsageError(f"no bot {bot!r} here; there are: {', '.join(known) or 'none'}")
        async with self._starting:
            found = self._readers.get(bot)
            if found is not None and found.process.returncode is None:
                return found
            while len(self._readers) >= READERS_MAX:
                oldest = min(self._readers, key=lambda name: self._readers[name].asked)
                if self._readers[oldest].asked > asyncio.get_running_loop().time() - BUSY_S:
                    names = ", ".join(self._readers)
                    raise UsageError(
                        f"{READERS_MAX} journals are looked at now, of {names}; close one of those "
                        f"pages, or run `steelyard why {bot}`"
                    )
                self._forget(oldest, self._readers[oldest])
            # Its name is one of ours, and goes to no shell.
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "steelyard.dashboard.journal_reader",
                    str(self._data / "bots" / bot / "journal"),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=ANSWER_MAX_BYTES,
                    start_new_session=True,
                )
            except OSError as error:
                raise ConnectFailed(
                    f"nobody can be started here who reads the journal: {error.strerror}; run "
                    f"`steelyard why {bot}` in a terminal"
                ) from error
            reader = self._readers[bot] = _Reader(process)
            reader.asked = asyncio.get_running_loop().time()
            self._keep(self._end_idle(bot, reader))
            return reader

    async def _end_idle(self, bot: str, reader: _Reader) -> None:
        loop = asyncio.get_running_loop()
        while reader.process.returncode is None:
            left_s = reader.asked + IDLE_S - loop.time()
            if left_s <= 0 and not reader.waiting:
                break
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader.process.wait(), max(1.0, left_s))
        self._forget(bot, reader)
        await reader.join()

    def _keep(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self, bot: str, reader: _Reader) -> None:
        reader.end()
        if self._readers.get(bot) is reader:
            del self._readers[bot]
