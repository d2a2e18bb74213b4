"""What `steelyard data record` does: a venue's stream into a file that can be played.

The frames are written as they are received; the dialect's own session keeps the conversation, and
what it cannot read is written all the same. Where the venue's stream does not begin with the book,
the book is asked for over REST and written beside it.
"""

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from steelyard import dialects
from steelyard.cli.data import InCatalog
from steelyard.cli.terminal import shown
from steelyard.data.captures import captures
from steelyard.data.instruments import checked_symbol
from steelyard.data.recording import TapeWriter
from steelyard.domain.errors import (
    AuthError,
    ConfigError,
    ConnectFailed,
    DecodeError,
    PeerError,
    TransportError,
    Unsupported,
    UsageError,
)
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookQuery, InstrumentList, InstrumentsQuery
from steelyard.net.client import Down, HttpClient, Up, WebSocketClient
from steelyard.net.clock import Clock
from steelyard.net.loop import run_loop
from steelyard.wire.capture import Capture
from steelyard.wire.dialect import ChannelKind, ClientSession, Dialect, HandedOut, Waking
from steelyard.wire.outcome import Answered

FLUSH_S = 1.0
SNAPSHOT_AFTER_S = 1.0  # changes of the book have to be there before it
SNAPSHOT_DEPTH = 1_000
TOTAL_S = 30.0  # the list of instruments of a large venue is long
HOURS_MAX = 24 * 366
KINDS = (
    frozenset({ChannelKind.BOOK, ChannelKind.TRADES, ChannelKind.TOUCH}),
    frozenset({ChannelKind.BOOK, ChannelKind.TRADES}),
)
_SIZES = {"KB": 10**3, "MB": 10**6, "GB": 10**9}


def record_stream(
    dialect: str,
    symbol: str,
    out: Path | None,
    urls: tuple[str, str],
    hours: float,
    size: str,
    common: InCatalog,
) -> int:
    """Record until the time is over, the file is full, or somebody ends it."""
    rest, ws = urls
    capture = _capture_of(dialect)
    if not 0 <= hours <= HOURS_MAX:
        raise UsageError(f"--hours {hours} should be from 0 to {HOURS_MAX}")
    limit = parse_size(size) if size else None
    ours, clock = checked_symbol(symbol), Clock()
    if out is None:
        moment = datetime.fromtimestamp(clock.now_ns() // 10**9, UTC)
        out = Path(f"{dialect}-{ours}-{moment:%Y%m%dT%H%M%SZ}.jsonl.gz")
    http = HttpClient(rest, loopback_only=False, total_s=TOTAL_S)
    recording = _Recording(dialects.find(dialect), capture, http, ws, clock, common.say)
    with TapeWriter(out.expanduser(), limit) as writer:
        run_loop(recording.run(ours, writer, hours * 3600))
    document = {
        "file": str(out),
        "frames": writer.frames,
        "bytes": writer.size_bytes,
        "gaps": writer.gaps,
        "unread": recording.unread,
    }
    gaps = f", {writer.gaps} gaps" if writer.gaps else ""
    unread = f", {recording.unread} of them unread" if recording.unread else ""
    text = f"{shown(str(out))}: {writer.frames} frames{unread}{gaps}, {writer.size_bytes} bytes"
    common.show(document, text)
    if not writer.frames:
        raise ConnectFailed(f"nothing was received from {ws}: {recording.why or 'no market data'}")
    return 0


def parse_size(text: str) -> int:
    """Return a size such as `500MB` in bytes.

    Raises:
        UsageError: Not of that form.
    """
    match = re.fullmatch(r"([0-9]{1,6})(KB|MB|GB)", text.upper())
    if match is None or not int(match[1]):
        raise UsageError(f"{text!r} is not a size; write 500MB or 2GB")
    return int(match[1]) * _SIZES[match[2]]


class _Recording:
    """The connections of one recording."""

    def __init__(
        self,
        dialect: Dialect,
        capture: Capture,
        http: HttpClient,
        ws: str,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self.unread = 0  # frames that the session could not read
        self.why = ""  # the connection is down
        self._dialect, self._capture, self._http = dialect, capture, http
        self._ws, self._clock, self._say = ws, clock, say
        self._session: ClientSession | None = None
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self, symbol: str, writer: TapeWriter, seconds: float) -> None:
        """Record until the time is over, the file is full, or somebody ends it."""
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, stopped.set)
        try:
            listings = await self._listings()
            instrument = listings.symbol(symbol)
            client = self._client(instrument, listings, writer)
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                following = tasks.create_task(client.run())
                flushing = tasks.create_task(_flushed(writer, stopped, partial(self._wake, client)))
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds or None):
                        await stopped.wait()
                stopped.set()
                following.cancel()
                flushing.cancel()
                for task in self._snapshots:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            for name in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(name)
            await self._http.close()

    @property
    def _snapshots(self) -> list[asyncio.Task[None]]:
        return [task for task in (self._asking,) if task is not None]

    _asking: asyncio.Task[None] | None = None

    async def _listings(self) -> Listings:
        query = InstrumentsQuery()
        request = self._dialect.client.request(query, Listings(), None, self._clock.now_ns())
        response = await self._http.send(request)
        now_ns = self._clock.now_ns()
        outcome = self._dialect.client.outcome(query, response, Listings(), now_ns)
        if not isinstance(outcome, Answered) or not isinstance(outcome.answer, InstrumentList):
            raise DecodeError(
                f"{self._http.base_url} does not say what is listed (HTTP {response.status})"
            )
        return Listings(outcome.answer.instruments)

    def _client(
        self, instrument: Instrument, listings: Listings, writer: TapeWriter
    ) -> WebSocketClient:
        async def prepare() -> None:
            """Make a session, and get its address where the venue hands that out."""
            self._session = session = self._new_session(instrument, listings)
            if not isinstance(session, HandedOut):
                return
            request = session.address_request(self._clock.now_ns())
            if request is not None:
                session.addressed(await self._http.send(request), self._clock.now_ns())

        def begin() -> tuple[str, Callable[[], list[str]]]:
            session = self._session
            assert session is not None, "a connection begins with its session"

            def opened() -> list[str]:
                session.opened(self._clock.now_ns())
                self._ask(instrument, listings, writer)
                return session.drain()[0]

            return session.target, opened

        def take(message: str | bytes) -> list[str]:
            now_ns = self._clock.now_ns()
            writer.take(message, now_ns)
            assert self._session is not None, "a connection begins with its session"
            try:
                self._session.receive(message, now_ns)
                return self._session.drain()[0]
            except AuthError:
                raise
            except (PeerError, UsageError):
                self.unread += 1
                return []

        def tell(change: Up | Down) -> None:
            if isinstance(change, Down):
                self.why = change.why
                writer.broken(f"the connection was lost: {change.why}")
                self._say(f"down: {shown(change.why)}; trying again")
            else:
                self._say(f"connected to {shown(self._ws)}; Ctrl-C ends the recording")

        return WebSocketClient(
            self._ws,
            loopback_only=False,
            begin=begin,
            take=take,
            tell=tell,
            rng=Random(),
            prepare=prepare,
        )

    async def _wake(self, client: WebSocketClient) -> None:
        """Say what the venue wants to hear at times."""
        session = self._session
        if session is None or not isinstance(session, Waking):
            return
        session.wake(self._clock.now_ns())
        for text in session.drain()[0]:
            await client.send(text)

    def _new_session(self, instrument: Instrument, listings: Listings) -> ClientSession:
        for kinds in KINDS[:-1]:
            with suppress(Unsupported):
                return self._dialect.client.market_session([instrument], listings, kinds)
        return self._dialect.client.market_session([instrument], listings, KINDS[-1])

    def _ask(self, instrument: Instrument, listings: Listings, writer: TapeWriter) -> None:
        """Have the book asked for, where the stream does not begin with it."""
        if self._capture.snapshot is None or self._tasks is None:
            return
        if self._asking is not None:
            self._asking.cancel()
        self._asking = self._tasks.create_task(self._snapshot(instrument, listings, writer))

    async def _snapshot(
        self, instrument: Instrument, listings: Listings, writer: TapeWriter
    ) -> None:
        assert self._capture.snapshot is not None, "only such books are asked for"
        await asyncio.sleep(SNAPSHOT_AFTER_S)
        query = BookQuery(instrument.instrument_id, SNAPSHOT_DEPTH)
        now_ns = self._clock.now_ns()
        try:
            request = self._dialect.client.request(query, listings, None, now_ns)
            response = await self._http.send(request)
            frame = self._capture.snapshot(instrument, response.body)
        except (TransportError, PeerError) as error:
            self._say(f"the book was not had: {shown(str(error))}")
            return
        writer.take(frame, self._clock.now_ns())


async def _flushed(
    writer: TapeWriter, stopped: asyncio.Event, wake: Callable[[], Awaitable[None]]
) -> None:
    """Write what waits once a second, until the file is full, and `wake` as often."""
    while not stopped.is_set():
        await asyncio.sleep(FLUSH_S)
        await wake()
        writer.flush()
        if writer.is_full:
            stopped.set()


def _capture_of(dialect: str) -> Capture:
    known: dict[str, Any] = {capture.venue: capture for capture in captures()}
    if dialect not in known:
        raise ConfigError(
            f"recordings of {dialect!r} cannot be read; those of {', '.join(sorted(known))} can"
        )
    found: Capture = known[dialect]
    return found
