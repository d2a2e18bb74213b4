"""The messenger's parent: hands alerts to the process that delivers them, and never waits for it.

Addresses go to it by its standard input. A messenger that ends is started again; what comes
meanwhile waits, up to a bound, and what is beyond it is counted.
"""

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec

import msgspec
from msgspec import Struct

from steelyard.bridge.parent import ENVIRONMENT
from steelyard.domain.errors import ConfigError
from steelyard.observe.alerts import Notice
from steelyard.observe.messenger import Delivered, FromMessenger, Problem, Targets, Tell
from steelyard.vault.keys import find
from steelyard.vault.phrase import Ask

CHILD = ("-m", "steelyard.observe.messenger")
WAITING_MAX = 200
BUFFER_MAX_BYTES = 1 << 20
AGAIN_S, AGAIN_MAX_S = 2.0, 300.0
CLOSE_S = 12.0  # for what is told at the end

Say = Callable[[str, str], None]  # a warning into the log: dotted name, text


def addresses(
    references: tuple[str, ...], environment: Mapping[str, str], ask: Ask | None = None
) -> dict[str, str]:
    """Return the address behind each reference; ask is what asks a person for a passphrase.

    Raises:
        ConfigError: There is none, or what is needed to deliver is not installed.
        ConnectFailed: The place that keeps it cannot be reached.
    """
    if references and find_spec("apprise") is None:
        raise ConfigError("[alerts] needs apprise: pip install 'steelyard[alerts]'")
    found = {}
    for reference in references:
        text = find(reference, environment, ask).current.text
        if not text:
            raise ConfigError(f"[alerts] {reference} is a key and no address; --text keeps one")
        found[reference] = text
    return found


class Alerting:
    """One messenger, kept running."""

    def __init__(self, targets: Targets, say: Say) -> None:
        self._targets = [targets]
        self._say = say
        self._waiting: deque[Struct] = deque(maxlen=WAITING_MAX)
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._is_closed = False
        self.delivered = 0
        self.dropped = 0

    def start(self) -> None:
        """Start the messenger, and do not wait for it."""
        self._keeping = asyncio.get_running_loop().create_task(self._keep())

    def aim(self, targets: Targets) -> None:
        """Name more who are told."""
        self._targets.append(targets)
        self._put(targets)

    def tell(self, notice: Notice) -> None:
        """Have something told; it takes a few microseconds, whatever the messenger does."""
        self._put(Tell(notice))

    async def close(self) -> None:
        """Have the messenger tell what is left, and end it; nothing is said to the log any more."""
        self._say = _nothing
        self._is_closed = True
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if self._keeping is not None:
            await asyncio.wait([self._keeping], timeout=CLOSE_S)
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _put(self, message: Struct) -> None:
        process = self._process
        pipe = None if process is None else process.stdin
        if pipe is None or pipe.is_closing():
            if len(self._waiting) == WAITING_MAX:
                self.dropped += 1
            self._waiting.append(message)
        elif pipe.transport.get_write_buffer_size() > BUFFER_MAX_BYTES:
            self.dropped += 1
        else:
            pipe.write(msgspec.json.encode(message) + b"\n")

    async def _keep(self) -> None:
        """Run a messenger, and another when it has ended."""
        pause_s = AGAIN_S
        while not self._has_closed():
            try:
                await self._run()
            except OSError as error:
                self._say("alerts.failed", f"the messenger cannot be started: {error.strerror}")
            self._process = None
            if self._has_closed():  # meanwhile
                return
            self._say("alerts.failed", f"the messenger has ended; again in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, AGAIN_MAX_S)

    async def _run(self) -> None:
        environment = {name: os.environ[name] for name in ENVIRONMENT & os.environ.keys()}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *CHILD,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # a library's words, which may hold an address
            env=environment,
            start_new_session=True,  # Ctrl-C is for the bot, which has last words
        )
        assert process.stdin is not None
        assert process.stdout is not None
        for targets in self._targets:
            process.stdin.write(msgspec.json.encode(targets) + b"\n")
        for message in self._waiting:
            if not isinstance(message, Targets):
                process.stdin.write(msgspec.json.encode(message) + b"\n")
        self._waiting.clear()
        self._process = process
        if self._has_closed():  # while it was started
            process.stdin.close()
        async for line in process.stdout:
            with suppress(msgspec.DecodeError):
                self._heard(msgspec.json.decode(line, type=FromMessenger))
        await process.wait()

    def _has_closed(self) -> bool:
        return self._is_closed

    def _heard(self, message: FromMessenger) -> None:
        match message:
            case Delivered(_, count):
                self.delivered += count
            case Problem(label, why):
                self._say("alerts.undelivered", f"{label}: {why}" if label else why)


def _nothing(name: str, text: str) -> None:
    """Say nothing: whoever listened has gone."""
