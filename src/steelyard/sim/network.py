"""What lies between a trader and an exchange: delays, cuts, refused and half-open connections.

Requests and WebSockets are carried with their failures told as `net.client` tells them:
`ConnectFailed` where nothing has left, `ConnectionLost` where it may have. What one WebSocket
carries comes in order. A cut link carries nothing: what is under way is lost, and who waits
learns of it by a time-out, or never. Whatever goes wrong at the exchange's end is its own.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from random import Random
from typing import Protocol

from steelyard.domain.errors import ConnectFailed, ConnectionLost, TransportError
from steelyard.domain.messages import SECOND_NS
from steelyard.sim.timeline import Act, Alarm, Timeline
from steelyard.wire.dialect import SessionRefused
from steelyard.wire.http import Request, Response

CONNECT_NS = 5 * SECOND_NS
TOTAL_NS = 10 * SECOND_NS  # for a whole request
PING_NS = 20 * SECOND_NS  # how often a WebSocket's ends ask whether the other one is there
PONG_NS = 20 * SECOND_NS  # how long they wait for it
MS_NS = 1_000_000


class Fate(StrEnum):
    """What a link does to what it should carry."""

    CARRIED = "carried"
    CUT = "cut"  # nothing arrives, and nobody is told
    REFUSED = "refused"  # no new connection is made: a name that cannot be looked up, say


class Far(Protocol):
    """The exchange's end."""

    @property
    def is_up(self) -> bool:
        """Whether there is a process."""
        ...

    def http(self, request: Request, ip: str, reply: "Call") -> None:
        """Take a request."""
        ...

    def open_line(self, target: str, ip: str, socket: "Socket", headers: Mapping[str, str]) -> bool:
        """Take a WebSocket, opened with these headers; False where there is none at this target.

        Raises:
            Turned away: `SessionRefused`.
        """
        ...


class Link:
    """One trader's way to the exchange.

    Attributes:
        fate: What happens on it now.
        ip: The address that the exchange sees.
        late_ns: How much later than their connections break some requests arrive now; 0: none.
    """

    def __init__(
        self, timeline: Timeline, rng: Random, far: Far, ip: str, *, delay_ns: int, jitter_ns: int
    ) -> None:
        self.fate = Fate.CARRIED
        self.ip = ip
        self.late_ns = 0
        self.far = far
        self.timeline = timeline
        self._rng = rng
        self._delay_ns, self._jitter_ns = delay_ns, jitter_ns
        self._calls: dict[Call, None] = {}
        self._sockets: dict[Socket, None] = {}

    def delay_ns(self) -> int:
        """Return how long something takes one way."""
        return self._delay_ns + self._rng.randint(0, self._jitter_ns)

    def send(self, request: Request, returned: Callable[[Response | TransportError], None]) -> None:
        """Send a request; what became of it is told once, in bounded time."""
        call = Call(self, request, returned)
        self._calls[call] = None
        is_late = self.late_ns > 0 and self._rng.random() < 0.5  # noqa: PLR2004 as likely as not
        call.begin(is_kept=self._rng.random() < 0.5, late_ns=self.late_ns * is_late)  # noqa: PLR2004

    def connect(
        self,
        target: str,
        opened: Act,
        heard: Callable[[str], None],
        down: Callable[[str], None],
        headers: Mapping[str, str] | None = None,
    ) -> "Socket":
        """Open a WebSocket; `down` is told once, whether it was open or not."""
        socket = Socket(self, target, opened, heard, down, headers or {})
        self._sockets[socket] = None
        socket.begin()
        return socket

    def forget(self) -> None:
        """The trader's process is gone: what it waits for is told to nobody."""
        for call in [*self._calls]:
            call.drop()
        for socket in [*self._sockets]:
            socket.hang_up()

    def lose_far(self) -> None:
        """The exchange's process is gone, and every connection to it."""
        for call in [*self._calls]:
            call.cut()
        for socket in [*self._sockets]:
            socket.cut()

    def cut(self, fate: Fate) -> None:
        """Let something else happen on it from here on."""
        self.fate = fate
        if fate is Fate.CUT:
            for socket in [*self._sockets]:
                socket.mute()

    def end(self, one: "Call | Socket") -> None:
        """One of them is over."""
        if isinstance(one, Call):
            self._calls.pop(one, None)
        else:
            self._sockets.pop(one, None)


class Call:
    """One request on its way; for the exchange it is where to answer."""

    def __init__(
        self, link: Link, request: Request, returned: Callable[[Response | TransportError], None]
    ) -> None:
        self._link = link
        self._request = request
        self._returned = returned
        self._is_over = self._is_answered = self._is_there = False
        lost = ConnectionLost("no answer in time")
        self._timeout = link.timeline.after(TOTAL_NS, "time-out", lambda: self._finish(lost))

    def begin(self, *, is_kept: bool, late_ns: int = 0) -> None:
        """Leave; is_kept: over a connection from before.

        With late_ns it arrives so much later, and its sender is told that the connection broke.
        """
        link = self._link
        if link.fate is Fate.CUT and is_kept:
            return  # written into a connection that leads nowhere
        if link.fate is Fate.CUT:
            self._later(CONNECT_NS, ConnectFailed("no connection in time"))
        elif (link.fate is Fate.REFUSED and not is_kept) or not link.far.is_up:
            self._later(link.delay_ns(), ConnectFailed("connection refused"))
        else:
            link.timeline.after(link.delay_ns() + late_ns, "request", self._arrive)
            if late_ns:
                self._later(link.delay_ns(), ConnectionLost("the connection was reset"))

    def hang(self) -> None:
        """Never answer; the connection is not told."""
        self._is_answered = True

    def __call__(self, response: Response) -> None:
        """Answer."""
        if not self._is_answered:
            self._is_answered = True
            self._later(self._link.delay_ns(), response)

    def cut(self) -> None:
        """End the connection without an answer."""
        if self._is_there and not self._is_answered:
            self._is_answered = True
            self._later(self._link.delay_ns(), ConnectionLost("the connection was reset"))

    def drop(self) -> None:
        """Nobody waits for it any more; it arrives all the same."""
        self._over()

    def _arrive(self) -> None:
        link = self._link
        if link.fate is Fate.CUT:
            return
        self._is_there = True
        if link.far.is_up:
            link.far.http(self._request, link.ip, self)
        else:
            self.cut()

    def _later(self, delay_ns: int, what: Response | TransportError) -> None:
        def come_back() -> None:
            if self._link.fate is not Fate.CUT or isinstance(what, ConnectFailed):
                self._finish(what)

        self._link.timeline.after(delay_ns, "answer", come_back)

    def _finish(self, what: Response | TransportError) -> None:
        if not self._is_over:
            self._over()
            self._returned(what)

    def _over(self) -> None:
        self._is_over = self._timeout.is_off = True
        self._link.end(self)


class Socket:
    """One WebSocket: the exchange sends, cuts, mutes and closes it; the trader says and hangs up.

    Attributes:
        on_message: What the exchange's end does with a text.
        on_close: What it does when the connection is gone.
    """

    def __init__(
        self,
        link: Link,
        target: str,
        opened: Act,
        heard: Callable[[str], None],
        down: Callable[[str], None],
        headers: Mapping[str, str],
    ) -> None:
        self.on_message: Callable[[str], None] = lambda _: None
        self.on_close: Act = lambda: None
        self._link = link
        self._target, self._headers = target, headers
        self._opened, self._heard, self._down = opened, heard, down
        self._is_far_over = self._is_near_over = self._is_silent = False
        self._to_far_ns = self._to_near_ns = 0  # when the last thing sent arrives

    def begin(self) -> None:
        """Connect."""
        link = self._link
        if link.fate is Fate.CUT:
            link.timeline.after(CONNECT_NS, "no socket", lambda: self._end("no connection in time"))
        elif link.fate is Fate.REFUSED or not link.far.is_up:
            link.timeline.after(link.delay_ns(), "no socket", lambda: self._end("refused"))
        else:
            self._towards_far("connect", self._connect)

    # -- the exchange's end -----------------------------------------------------------------------

    def send(self, payload: bytes) -> None:
        """Send a text."""
        self._towards_near("frame", lambda: self._hear(payload))

    def send_shared(self, frame: bytes) -> None:
        """Send a frame; here it is its text."""
        self.send(frame)

    def cut(self) -> None:
        """End it without a word."""
        self._close_far()
        self._towards_near("reset", lambda: self._end("the connection was reset"))

    def mute(self) -> None:
        """Say and hear nothing more, and stay open until an end wonders."""
        if self._is_silent:
            return
        self._is_silent = True
        self._link.timeline.after(PING_NS // 2 + PONG_NS, "no pong", self._wonder)

    def close(self, code: int, reason: str) -> None:
        """Close it in order."""
        self._close_far()
        self._towards_near("close", lambda: self._end(f"closed: {code} {reason}"))

    # -- the trader's end -------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Send a text."""
        if not self._is_near_over:
            self._towards_far("say", lambda: self._listen(text))

    def hang_up(self) -> None:
        """Close it; nobody is told here any more."""
        if not self._is_near_over:
            self._is_near_over = True
            self._towards_far("hang up", self._close_far)
            self._link.end(self)

    # -- between them -----------------------------------------------------------------------------

    def _connect(self) -> None:
        if not self._link.far.is_up:
            self.cut()
            return
        handshake = self._towards_near("open", self._open)  # before any frame
        why = "there is no such stream"
        try:
            is_taken = self._link.far.open_line(self._target, self._link.ip, self, self._headers)
        except SessionRefused as refused:
            why, is_taken = f"refused: {refused.refusal.message}", False
        if not is_taken:
            handshake.is_off = True
            self._towards_near("refused", lambda: self._end(why))

    def _open(self) -> None:
        if not self._is_near_over:
            self._opened()

    def _hear(self, payload: bytes) -> None:
        if not self._is_near_over:
            self._link.timeline.trace(payload)
            self._heard(payload.decode())

    def _listen(self, text: str) -> None:
        if not self._is_far_over:
            self.on_message(text)

    def _close_far(self) -> None:
        if not self._is_far_over:
            self._is_far_over = True
            self.on_close()

    def _wonder(self) -> None:
        self._close_far()
        self._end("no pong")

    def _end(self, why: str) -> None:
        if not self._is_near_over:
            self._is_near_over = True
            self._link.end(self)
            self._close_far()
            self._down(why)

    def _towards_far(self, name: str, act: Act) -> None:
        timeline = self._link.timeline
        self._to_far_ns = max(self._to_far_ns, timeline.now_ns + self._link.delay_ns())
        timeline.at(self._to_far_ns, name, lambda: self._carry(act))

    def _towards_near(self, name: str, act: Act) -> Alarm:
        timeline = self._link.timeline
        self._to_near_ns = max(self._to_near_ns, timeline.now_ns + self._link.delay_ns())
        return timeline.at(self._to_near_ns, name, lambda: self._carry(act))

    def _carry(self, act: Act) -> None:
        if self._is_silent:
            return
        if self._link.fate is Fate.CUT:
            self.mute()
            return
        act()
