"""The parent's end of a bridge: a child process, kept alive, and what it tells.

Each request gets one outcome, in bounded time: what a child had not answered when it ended, or was
ended, is Unknown. A child that says nothing for `SILENT_S`, or something that cannot be read, is
killed; then both streams are down, and another is started after a pause that grows. A child ends by
itself when its pipe does, so none outlives its parent, however that ends.

Its environment is a few harmless variables of ours: a key may stand in the others.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any, Protocol

from steelyard.bridge.pipe import (
    VERSION,
    Ask,
    Beat,
    Configure,
    Decoder,
    Down,
    Failed,
    Follow,
    Hello,
    Note,
    Ready,
    Reply,
    Reset,
    Told,
    ToParent,
    Up,
    encode,
)
from steelyard.domain.commands import UserCommand
from steelyard.domain.errors import ConfigError, DecodeError
from steelyard.domain.messages import SECOND_NS, Event, Query
from steelyard.wire.capabilities import Capabilities
from steelyard.wire.outcome import NotSent, Outcome, Unknown, delays_ns

START_S = 90.0  # until it is ready; importing the library takes seconds, on a busy machine many
SILENT_S = 15.0  # without a word of a child that is ready
ANSWER_S = 25.0  # for one request, beyond what the child allows itself
ASKED_MAX = 200  # under way at once; more are not sent
BUFFER_MAX_BYTES = 1 << 20  # of what the child has not read; more is not sent
END_S = 3.0  # for a child to end by itself
READ_BYTES = 256 << 10
AGAIN_FIRST_NS, AGAIN_MAX_NS, AGAIN_TRIES = SECOND_NS // 2, 30 * SECOND_NS, 1_000_000_000
LONG_S = 60.0  # a child that has lived for so long is followed by one at once
CHILD = ("-P", "-m", "steelyard.bridge.child")
ROLES = ("market", "private")
ENVIRONMENT = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV"}
    | {"SSL_CERT_FILE", "SSL_CERT_DIR"}
)


class Listener(Protocol):
    """Who is told what comes through a bridge."""

    def replied(self, request_id: int, outcome: Outcome) -> None:
        """A request has its outcome."""
        ...

    def told(self, event: Event) -> None:
        """A stream told of something."""
        ...

    def up(self, role: str) -> None:
        """A stream is followed."""
        ...

    def down(self, role: str, why: str) -> None:
        """A stream is not followed."""
        ...

    def noted(self, text: str) -> None:
        """Something for the log."""
        ...


class Bridge:
    """One exchange, behind a child."""

    def __init__(self, configure: Configure, listener: Listener, rng: Random) -> None:
        self._configure = configure
        self._listener = listener
        self._rng = rng
        self._process: asyncio.subprocess.Process | None = None
        self._decoder = Decoder(ToParent)
        self._waiting: list[Any] = []  # messages that came behind one that was waited for
        self._asked: dict[int, asyncio.TimerHandle] = {}
        self._is_ready = False
        self._is_followed = False
        self._is_closed = False
        self._up: set[str] = set()

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return None if self._process is None else self._process.pid

    async def start(self) -> Capabilities:
        """Start the first child and return what its exchange offers.

        Raises:
            ConfigError: It cannot be made so, or no child can be started.
        """
        try:
            return await self._begin()
        except (DecodeError, TimeoutError, OSError) as error:
            await self._end(str(error))
            raise ConfigError(f"the bridge did not start: {error!r}") from error
        except BaseException:
            await self._end("it did not start")
            raise

    async def run(self) -> None:
        """Keep a child alive until `close`; after `start`."""
        loop = asyncio.get_running_loop()
        delays = self._delays()
        while not self._is_closed:
            begun = loop.time()
            why = await self._listen()
            await self._end(why)
            if self._has_closed():
                return
            self._listener.noted(f"{why}; it is started again")
            if loop.time() - begun > LONG_S:
                delays = self._delays()
            while not self._is_closed:
                await asyncio.sleep(next(delays) / SECOND_NS)
                try:
                    await self._begin()
                except (ConfigError, DecodeError, TimeoutError, OSError) as error:
                    await self._end(str(error))
                    self._listener.noted(f"the bridge did not start: {error}")
                else:
                    break

    def ask(self, request_id: int, message: UserCommand | Query) -> NotSent | None:
        """Hand a request to the child; return why not, if it was not handed over."""
        process = self._process
        if not self._is_ready or process is None or process.stdin is None:
            return NotSent("the bridge is being started", SECOND_NS)
        if len(self._asked) >= ASKED_MAX:
            return NotSent(f"{ASKED_MAX} requests are under way already", SECOND_NS)
        if process.stdin.transport.get_write_buffer_size() > BUFFER_MAX_BYTES:
            return NotSent("the bridge does not read what it is asked", SECOND_NS)
        loop = asyncio.get_running_loop()
        late = Unknown(f"the bridge gave no answer in {ANSWER_S:.0f} s")
        self._asked[request_id] = loop.call_later(ANSWER_S, self._replied, request_id, late)
        self._write(Ask(request_id, message))
        return None

    def follow(self) -> None:
        """Follow the market and the account, with this child and every later one."""
        self._is_followed = True
        if self._is_ready:
            self._write(Follow())

    def reset(self, role: str) -> None:
        """Let go of a stream, and begin anew."""
        if self._is_ready:
            self._write(Reset(role))

    async def close(self) -> None:
        """End the child; what it has not answered is Unknown."""
        self._is_closed = True
        await self._end("the bridge was closed")

    def _has_closed(self) -> bool:
        return self._is_closed

    # -- one child ----------------------------------------------------------------------------

    async def _begin(self) -> Capabilities:
        """Start a child, and talk with it until it is ready."""
        environment = {name: os.environ[name] for name in ENVIRONMENT & os.environ.keys()}
        self._decoder, self._waiting = Decoder(ToParent), []
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *CHILD,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the bot, which still has orders to cancel
        )
        if self._has_closed():  # while it was started
            raise DecodeError("the bridge was closed")
        async with asyncio.timeout(START_S):
            hello = await self._next()
            if not isinstance(hello, Hello) or hello.version != VERSION:
                raise DecodeError(f"the child speaks another version than {VERSION}")
            self._write(self._configure)
            answer = await self._next()
        if isinstance(answer, Failed):
            raise ConfigError(answer.why)
        if not isinstance(answer, Ready):
            raise DecodeError(f"the child began with a {type(answer).__name__}")
        self._is_ready = True
        if self._is_followed:
            self._write(Follow())
        return answer.capabilities

    async def _next(self) -> Any:
        """Return the next message.

        Raises:
            DecodeError: It cannot be read, or the child has ended.
        """
        process = self._process
        assert process is not None, "a child is heard while there is one"
        assert process.stdout is not None, "its output is a pipe"
        while not self._waiting:
            piece = await process.stdout.read(READ_BYTES)
            if not piece:
                raise DecodeError("the child ended")
            self._waiting += self._decoder.receive(piece)
        return self._waiting.pop(0)

    async def _listen(self) -> str:
        """Take what a child tells until it ends, or has to be ended; return why."""
        try:
            while not self._is_closed:
                async with asyncio.timeout(SILENT_S):
                    message = await self._next()
                if isinstance(message, Failed):
                    return f"the bridge failed: {message.why}"
                self._take(message)
        except TimeoutError:
            return f"the bridge said nothing for {SILENT_S:.0f} s"
        except DecodeError as error:
            return f"the bridge broke: {error}"
        return "the bridge was closed"

    def _take(self, message: ToParent) -> None:
        match message:
            case Reply():
                self._replied(message.request_id, message.outcome)
            case Told():
                self._listener.told(message.event)
            case Up():
                self._up.add(message.role)
                self._listener.up(message.role)
            case Down():
                if message.role not in self._up:  # else the machine says so
                    self._listener.noted(f"the {message.role} stream does not open: {message.why}")
                self._up.discard(message.role)
                self._listener.down(message.role, message.why)
            case Note():
                self._listener.noted(message.text)
            case Beat():
                pass
            case Hello() | Ready() | Failed():
                raise DecodeError(f"a {type(message).__name__} out of turn")

    def _replied(self, request_id: int, outcome: Outcome) -> None:
        timer = self._asked.pop(request_id, None)
        if timer is not None:  # else it has had its outcome
            timer.cancel()
            self._listener.replied(request_id, outcome)

    async def _end(self, why: str) -> None:
        """End the child, and say what that means for all that was under way."""
        self._is_ready = False
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()  # its end; what it has read is on its way
            try:
                async with asyncio.timeout(END_S if self._is_closed else 0):
                    await process.wait()
            except TimeoutError:
                _kill(process)
                await process.wait()
            except BaseException:
                _kill(process)
                raise
        for request_id in [*self._asked]:
            self._replied(request_id, Unknown(why))
        for role in sorted(self._up):
            self._listener.down(role, why)
        self._up.clear()

    def _write(self, message: Configure | Ask | Follow | Reset) -> None:
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.write(encode(message))

    def _delays(self) -> Iterator[int]:
        return delays_ns(self._rng, first_ns=AGAIN_FIRST_NS, max_ns=AGAIN_MAX_NS, tries=AGAIN_TRIES)


def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
