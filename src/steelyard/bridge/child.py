"""The child: reads messages from its standard input, and trades for its parent until that ends.

Started as `python -m steelyard.bridge.child`. The key comes over the pipe and is in no argument and
no variable. The pipe's end is the parent's end, and ends the child at once: nothing goes on without
somebody who knows of it. What a library prints goes to the standard error, not among the messages.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress

from steelyard.bridge.answers import Answers
from steelyard.bridge.books import Books
from steelyard.bridge.fills import Fills
from steelyard.bridge.follow import Follower
from steelyard.bridge.library import Library, load
from steelyard.bridge.pipe import (
    VERSION,
    Ask,
    Beat,
    Configure,
    Decoder,
    Failed,
    Follow,
    Hello,
    Ready,
    Reply,
    Reset,
    ToChild,
    Told,
    ToParent,
    encode,
)
from steelyard.bridge.session import Session
from steelyard.bridge.venues import PREFIX
from steelyard.domain.errors import ConfigError, DecodeError
from steelyard.wire.outcome import NotSent

BEAT_S = 1.0
ASKED_MAX = 256  # under way at once; more are turned away
BUFFER_MAX_BYTES = 4 << 20  # beyond it what streams tell is dropped, and the stream is down
CLOSE_S = 2.0
READ_BYTES = 64 << 10
DONE, FAILED = 0, 2


class Outlet:
    """The way to the parent."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def tell(self, message: ToParent) -> bool:
        """Send a message; news are dropped, and False returned, where the parent lags behind."""
        is_full = self._transport.get_write_buffer_size() > BUFFER_MAX_BYTES
        if is_full and isinstance(message, Told):
            return False
        self._transport.write(encode(message))
        return True


class Child:
    """One child, from its first message to its end."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._library: Library | None = None
        self._answers: Answers | None = None
        self._follower: Follower | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked = 0

    async def take(self, message: ToChild) -> None:
        """Do what the parent wants; the first message is a Configure, and no other is.

        Raises:
            ConfigError: The exchange cannot be made so.
            DecodeError: The message comes out of turn.
        """
        if isinstance(message, Configure) and self._library is None:
            await self._configure(message)
            return
        if self._answers is None or self._follower is None or isinstance(message, Configure):
            raise DecodeError(f"a {type(message).__name__} out of turn")
        match message:
            case Ask():
                if self._asked >= ASKED_MAX:
                    full = NotSent(f"{ASKED_MAX} requests are under way already", 1_000_000_000)
                    self._outlet.tell(Reply.of(message.request_id, full))
                    return
                self._asked += 1
                self._spawn(self._ask(message, self._answers))
            case Follow():
                self._spawn(self._follower.run())
            case Reset():
                self._follower.reset(message.role)

    async def close(self) -> None:
        """Let go of everything."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._library is not None:
            await self._library.close()

    async def _configure(self, configure: Configure) -> None:
        """Make the exchange, and say that it is there."""
        if configure.version != VERSION:
            raise ConfigError(f"the bot speaks version {configure.version}, the bridge {VERSION}")
        self._library = Library(configure, await load(configure.exchange))
        await self._library.open()
        venue = PREFIX + configure.exchange
        session = Session(self._library, venue, configure.symbol, self._outlet)
        fills, books = Fills(session), Books(session)
        self._answers = Answers(session, fills, books)
        self._follower = Follower(session, fills, books)
        self._outlet.tell(Ready(self._library.capabilities(venue)))
        self._spawn(self._load(session))
        self._spawn(self._beat())

    async def _beat(self) -> None:
        """Say again and again that it is alive."""
        while True:
            await asyncio.sleep(BEAT_S)
            self._outlet.tell(Beat())

    async def _load(self, session: Session) -> None:
        """Learn the market before anything is asked; who asks meanwhile learns why it fails."""
        with suppress(Exception):
            await session.load()

    async def _ask(self, ask: Ask, answers: Answers) -> None:
        try:
            outcome = await answers.perform(ask.message)
        finally:
            self._asked -= 1
        self._outlet.tell(Reply.of(ask.request_id, outcome))

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def serve(reader: asyncio.StreamReader, outlet: Outlet) -> int:
    """Talk to the parent until its end of the pipe closes; return the exit code."""
    decoder = Decoder(ToChild)
    child = Child(outlet)
    outlet.tell(Hello(VERSION))
    try:
        while piece := await reader.read(READ_BYTES):
            for message in decoder.receive(piece):
                await child.take(message)
    except (ConfigError, DecodeError) as error:
        outlet.tell(Failed(str(error)))
        return FAILED
    finally:
        with suppress(TimeoutError, Exception):
            await asyncio.wait_for(child.close(), CLOSE_S)
    return DONE


async def _main(out: int) -> int:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    stdin = os.fdopen(os.dup(0), "rb", buffering=0)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), stdin)
    transport, _ = await loop.connect_write_pipe(
        asyncio.Protocol, os.fdopen(out, "wb", buffering=0)
    )
    return await serve(reader, Outlet(transport))


def main() -> None:
    """Run a child on the pipes that are its standard input and output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when it is over
    out = os.dup(1)
    os.dup2(2, 1)
    code = asyncio.run(_main(out))
    sys.stderr.flush()
    os._exit(code)  # threads of the library may linger; nobody waits for them


if __name__ == "__main__":
    main()
