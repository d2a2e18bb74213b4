"""One of a venue's streams: a session for each connection, and what it tells the machine.

The machine hears that a stream is up when the venue has confirmed every subscription, not when
a socket is open. What a venue tells before that, say a book while it has not confirmed the trades,
is told right after it. A connection that is not confirmed in time is opened anew. Where a session
is one of a pair, two connections are opened, one after the other; they are lost together.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from random import Random
from typing import Any, Protocol

from steelyard.domain.errors import (
    DecodeError,
    PeerError,
    RateLimited,
    TransportError,
    VenueRejected,
)
from steelyard.net.client import Down, Up, WebSocketClient
from steelyard.trading.actions import Input, Role, StreamDown, StreamUp, Told
from steelyard.trading.feed import MarketFeed, own_session
from steelyard.wire.dialect import (
    ClientSession,
    Errand,
    HandedOut,
    Paired,
    Waking,
    opening_headers,
)
from steelyard.wire.http import Request, Response

READY_S = 10.0
WAKE_S = 1.0
EARLY_MAX = 10_000  # events told before every subscription is confirmed; more are garbage


class Owner(Protocol):
    """What a stream asks of the process it belongs to."""

    def session(self, role: Role) -> ClientSession | MarketFeed:
        """Return a new conversation."""
        ...

    def step(self, event: Input) -> None:
        """Give the machine an input."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that is ended with the process."""
        ...

    def venue_now_ns(self) -> int:
        """The time on the venue's clock."""
        ...

    def stamp_ns(self) -> int:
        """The time to sign a request with."""
        ...

    async def hold(self) -> None:
        """Return when a connection may be opened."""
        ...

    async def run_errand(self, request: Request) -> Response:
        """Send a request of a session and return what came back."""
        ...


class Stream:
    """One stream, kept open from `open` on."""

    def __init__(
        self,
        owner: Owner,
        role: Role,
        base_url: str,
        rng: Random,
        record: Callable[[str | bytes], None] | None = None,
        *,
        loopback_only: bool = True,
    ) -> None:
        """`record` is given every message as it was received."""
        self._owner = owner
        self._record = record
        self._role = role
        self._session: ClientSession | MarketFeed | None = None
        self._is_up = False
        self._early: list[Told] = []
        self._opened_at: float | None = None
        self._number = 0  # of the connection
        self._woken_at = 0.0
        self._beside: _Beside | None = None
        self._connect = partial(
            WebSocketClient, base_url, loopback_only=loopback_only, rng=rng, hold=owner.hold
        )
        self._client = self._connect(
            begin=self._begin,
            take=self._take,
            tell=self._tell,
            prepare=self._prepare,
            headers=self._headers,
        )

    def open(self) -> None:
        """Begin to follow."""
        self._owner.spawn(self._client.run())

    def reset(self) -> None:
        """Close the connection, so that it is opened anew."""
        self._owner.spawn(self._client.reset())

    def check(self) -> None:
        """Open anew what does not confirm, and let a session say what it has to say at times."""
        now = asyncio.get_running_loop().time()
        if self._opened_at is not None and now - self._woken_at >= WAKE_S:
            self._woken_at = now
            self._wake()
        if self._opened_at is not None and not self._is_up and now - self._opened_at > READY_S:
            self._opened_at = None
            self.reset()

    def _wake(self) -> None:
        assert self._session is not None, "a connection begins with its session"
        session = own_session(self._session)
        if isinstance(session, Waking):
            session.wake(self._owner.venue_now_ns())
            self._go_on()
        if self._beside is not None:
            self._beside.wake(self._owner.venue_now_ns())

    def _go_on(self) -> None:
        """Tell what the session has heard elsewhere, and send what it has to say of it."""
        assert self._session is not None, "a connection begins with its session"
        if texts := self._drain(self._session):
            self._owner.spawn(self._say(self._number, texts))

    async def _say(self, number: int, texts: list[str]) -> None:
        for text in texts:
            if number == self._number:
                await self._client.send(text)

    async def _prepare(self) -> None:
        """Make a session, and get its address where the venue hands that out."""
        self._is_up = False
        self._early = []
        self._number += 1
        self._session = self._owner.session(self._role)
        session = own_session(self._session)
        if (
            isinstance(session, HandedOut)
            and (request := session.address_request(self._owner.stamp_ns())) is not None
        ):
            response = await self._owner.run_errand(request)
            try:
                session.addressed(response, self._owner.venue_now_ns())
            except (VenueRejected, RateLimited) as error:
                raise DecodeError(str(error)) from error

    def _headers(self) -> dict[str, str]:
        assert self._session is not None, "a connection begins with its session"
        return opening_headers(own_session(self._session), self._owner.venue_now_ns())

    def _begin(self) -> tuple[str, Callable[[], list[str]]]:
        assert self._session is not None, "a connection begins with its session"
        return self._session.target, self._opened

    def _opened(self) -> list[str]:
        assert self._session is not None, "a connection begins with its session"
        self._opened_at = asyncio.get_running_loop().time()
        now_ns = self._owner.venue_now_ns()
        self._session.opened(now_ns)
        session = self._session
        if (
            isinstance(session, Errand)
            and (request := session.errand(self._owner.stamp_ns())) is not None
        ):
            self._owner.spawn(self._run_errand(session, self._number, request))
        if isinstance(session, Paired):
            self._beside = _Beside(session.beside, self._owner, self._connect, self._go_on)
            self._beside.open(self.reset)
        return self._drain(self._session)

    async def _run_errand(self, session: Errand, number: int, request: Request) -> None:
        """Bring a session what it asked for; where that fails, the connection is opened anew."""
        try:
            response = await self._owner.run_errand(request)
            session.returned(response, self._owner.venue_now_ns())
        except (PeerError, TransportError):
            await self._client.reset()
            return
        assert self._session is not None, "a connection begins with its session"
        if number == self._number:  # else it has been opened anew meanwhile
            for text in self._drain(self._session):
                await self._client.send(text)

    def _take(self, message: str | bytes) -> list[str]:
        assert self._session is not None, "a connection begins with its session"
        if self._record is not None:
            self._record(message)
        try:
            self._session.receive(message, self._owner.venue_now_ns())
        except (VenueRejected, RateLimited) as error:
            raise DecodeError(str(error)) from error
        return self._drain(self._session)

    def _drain(self, session: ClientSession | MarketFeed) -> list[str]:
        texts, events = session.drain()
        if session.ready and not self._is_up:
            self._is_up = True
            books = session.books if isinstance(session, MarketFeed) else {}
            self._owner.step(StreamUp(self._role, books))
        told = [*self._early, *map(Told, events)]
        if self._is_up:
            self._early = []
            for each in told:
                self._owner.step(each)
        elif len(told) > EARLY_MAX:
            raise DecodeError(f"{len(told)} messages, and not every subscription is confirmed")
        else:
            self._early = told
        return texts

    def _tell(self, change: Up | Down) -> None:
        if isinstance(change, Down):
            self._is_up, self._opened_at = False, None
            if self._beside is not None:
                self._beside.close()
                self._beside = None
            self._owner.step(StreamDown(self._role, change.why))


class _Beside:
    """The other connection of a pair: opened once, and closed with the first one.

    Args:
        session: What is said there.
        owner: The stream's.
        connect: Makes a connection of the same venue.
        heard: Called after every message: the first session may have something to tell.
    """

    def __init__(
        self,
        session: ClientSession,
        owner: Owner,
        connect: Callable[..., WebSocketClient],
        heard: Callable[[], None],
    ) -> None:
        self._session, self._owner, self._heard = session, owner, heard
        self._client = connect(begin=self._begin, take=self._take, tell=self._tell)
        self._work: asyncio.Task[None] | None = None
        self._lost: Callable[[], None] | None = None

    def open(self, lost: Callable[[], None]) -> None:
        """Connect; `lost` is called when the connection breaks, or cannot be opened."""
        self._lost = lost
        self._work = self._owner.spawn(self._client.run())

    def close(self) -> None:
        """Break the connection."""
        self._lost = None
        if self._work is not None:
            self._work.cancel()

    def wake(self, now_ns: int) -> None:
        """Let the session say what it has to say at times."""
        if self._work is not None and isinstance(self._session, Waking):
            self._session.wake(now_ns)
            self._owner.spawn(self._say(self._session.drain()[0]))

    async def _say(self, texts: list[str]) -> None:
        for text in texts:
            await self._client.send(text)

    def _begin(self) -> tuple[str, Callable[[], list[str]]]:
        return self._session.target, self._opened

    def _opened(self) -> list[str]:
        self._session.opened(self._owner.venue_now_ns())
        return self._session.drain()[0]

    def _take(self, message: str | bytes) -> list[str]:
        try:
            self._session.receive(message, self._owner.venue_now_ns())
        except (VenueRejected, RateLimited) as error:
            raise DecodeError(str(error)) from error
        texts = self._session.drain()[0]
        self._heard()
        return texts

    def _tell(self, change: Up | Down) -> None:
        if isinstance(change, Down) and self._lost is not None:
            lost = self._lost
            self.close()
            lost()
