"""What faults do to an exchange's bytes: answers late or never, frames lost or swapped.

A plan (`wire.faults`) says what befalls what; here it happens, to a connection and at a time that
are handed down: those of a socket, or of a simulation. Without faults in force nothing of this is
in the way.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from steelyard.exchange.gate import Gate
from steelyard.exchange.keys import Keys
from steelyard.exchange.line import Line
from steelyard.exchange.misbehavior import WEBSOCKET
from steelyard.wire.dialect import AccessReason, Channel, Refusal
from steelyard.wire.faults import FaultPlan, Strike, Trouble
from steelyard.wire.http import Request, Response

WAITING_MAX = 10_000  # frames behind a slow one; then the connection is cut
RATE_LIMITED, BANNED, UNAVAILABLE = 429, 418, 503
GATEWAYS = (502, 504)  # of something between client and exchange, which speaks no dialect

Answer = Callable[[Response], None]
Later = Callable[[int, Callable[[], None]], None]  # does something so many ns later


class Reply(Protocol):
    """Where a request's answer goes, once; or the connection is cut off."""

    def __call__(self, response: Response) -> None:
        """Answer."""
        ...

    def cut(self) -> None:
        """End the connection without an answer, as a network that fails would."""
        ...

    def hang(self) -> None:
        """Never answer, and leave the connection open."""
        ...


class Connection(Protocol):
    """A WebSocket as far as frames go out over it."""

    def send(self, payload: bytes) -> None:
        """Send a text."""
        ...

    def send_shared(self, frame: bytes) -> None:
        """Send a frame that was made once for many."""
        ...

    def cut(self) -> None:
        """End it without a word, as a network that fails would."""
        ...

    def mute(self) -> None:
        """Say and hear nothing more, and stay open."""
        ...


def nobody(_response: Response) -> None:
    """Take an answer that nobody gets."""


class RequestTrouble:
    """The faults of one dialect's requests."""

    def __init__(self, plan: FaultPlan, gate: Gate) -> None:
        self._plan = plan
        self._gate = gate

    def strike(self, request: Request) -> Strike | None:
        """Return what befalls a request, or None."""
        if not self._plan.standing:
            return None
        gate = self._gate
        where, account = gate.where(request), gate.claimed_account(request)
        is_always_open = gate.is_always_open(request)
        return self._plan.of_request(
            gate.dialect.name, where, account, is_always_open=is_always_open
        )

    def said(self, strike: Strike, now_ns: int) -> Response:
        """Return an answer of a strike's status, in the venue's words where those are its own."""
        message = f"fault {strike.number} of `steelyard faults list` says so"
        reason = {RATE_LIMITED: AccessReason.IP_LIMIT, BANNED: AccessReason.IP_BANNED}.get(
            strike.status, AccessReason.UNAVAILABLE
        )
        if strike.status in GATEWAYS and strike.trouble.has_status:
            page = f"<html><body><h1>{strike.status}</h1><p>{message}</p></body></html>\n"
            return Response(strike.status, {"content-type": "text/html"}, page.encode())
        if strike.trouble is Trouble.MAINTENANCE:
            reason = AccessReason.MAINTENANCE
        refusal = Refusal(reason, message, "requests", retry_after_ns=strike.retry_after_ns)
        if strike.trouble is Trouble.MAINTENANCE:
            return self._gate.refuse(refusal, now_ns)
        return self._gate.refuse(refusal, now_ns)._replace(status=strike.status)


def befall(
    strike: Strike,
    carry_out: Callable[[Answer], None],
    reply: Reply,
    said: Callable[[], Response],
    later: Later,
) -> None:
    """Let a strike befall a request; `carry_out` takes it up and hands on its answer."""
    delay_ns = strike.delay_ns
    match strike.trouble:
        case Trouble.LOST_REQUEST:
            pass
        case Trouble.LOST_ANSWER:
            carry_out(nobody)
        case Trouble.SLOW_REQUEST:
            later(delay_ns, lambda: carry_out(reply))
        case Trouble.SLOW_ANSWER:
            carry_out(lambda response: later(delay_ns, lambda: reply(response)))
        case Trouble.REPEATED_REQUEST:
            carry_out(reply)
            carry_out(nobody)
        case Trouble.RESET_REQUEST:
            reply.cut()
        case Trouble.RESET_ANSWER:
            carry_out(lambda _: reply.cut())
        case Trouble.HALF_OPEN:
            reply.hang()
        case Trouble.REFUSED | Trouble.MAINTENANCE:
            reply(said())
        case Trouble.FAILED:
            carry_out(lambda _: reply(said()))
        case _:
            raise AssertionError(f"{strike.trouble} befalls no request")


def befall_message(
    strike: Strike,
    carry_out: Callable[[Callable[[list[bytes]], None]], None],
    say: Callable[[list[bytes]], None],
    connection: Connection,
    later: Later,
) -> None:
    """Let a strike befall what a client says on a WebSocket; there are no statuses there."""
    delay_ns = strike.delay_ns
    match strike.trouble:
        case Trouble.LOST_REQUEST:
            pass
        case Trouble.LOST_ANSWER:
            carry_out(lambda _: None)
        case Trouble.SLOW_REQUEST:
            later(delay_ns, lambda: carry_out(say))
        case Trouble.SLOW_ANSWER:
            carry_out(lambda frames: later(delay_ns, lambda: say(frames)))
        case Trouble.REPEATED_REQUEST:
            carry_out(say)
            carry_out(say)
        case Trouble.RESET_REQUEST:
            connection.cut()
        case Trouble.RESET_ANSWER:
            carry_out(lambda _: connection.cut())
        case Trouble.HALF_OPEN:
            connection.mute()
        case _:
            raise AssertionError(f"{strike.trouble} befalls no message")


class Voice:
    """What is said on a WebSocket, as far as faults let it through, in order but for them."""

    def __init__(
        self, connection: Connection, framed: Callable[[bytes], bytes], later: Later
    ) -> None:
        self.connection = connection
        self._framed = framed
        self._later = later
        self._waiting: deque[bytes] = deque()
        self._swapped: bytes | None = None
        self._is_held = False

    def send(self, payload: bytes) -> None:
        """Send a text."""
        self.send_shared(self._framed(payload))

    def send_shared(self, frame: bytes) -> None:
        """Send a frame, behind those that wait."""
        if self._is_held:
            if len(self._waiting) >= WAITING_MAX:
                self.connection.cut()
                return
            self._waiting.append(frame)
            return
        self.connection.send_shared(frame)
        if self._swapped is not None:
            swapped, self._swapped = self._swapped, None
            self.connection.send_shared(swapped)

    def befall(self, strike: Strike, frame: bytes) -> None:
        """Let a strike befall a frame."""
        match strike.trouble:
            case Trouble.LOST_FRAME:
                pass
            case Trouble.REPEATED_FRAME:
                self.send_shared(frame)
                self.send_shared(frame)
            case Trouble.SWAPPED_FRAME if self._swapped is None:
                self._swapped = frame
            case Trouble.SWAPPED_FRAME:
                self.send_shared(frame)
            case Trouble.SLOW_FRAME:
                if not self._is_held:
                    self._is_held = True
                    self._later(strike.delay_ns, self._go_on)
                self.send_shared(frame)
            case Trouble.RESET_STREAM:
                self.connection.cut()
            case Trouble.SILENT_STREAM:
                self.connection.mute()
            case _:
                raise AssertionError(f"{strike.trouble} befalls no frame")

    def _go_on(self) -> None:
        self._is_held = False
        while self._waiting:
            self.send_shared(self._waiting.popleft())


class Voices:
    """The WebSockets that a fault has struck, and what strikes them next.

    framed makes a frame of a text, later lets something happen some time from now.
    """

    def __init__(
        self, plan: FaultPlan, keys: Keys, framed: Callable[[bytes], bytes], later: Later
    ) -> None:
        self._plan = plan
        self._keys = keys
        self._framed = framed
        self._later = later
        self._struck: dict[int, Voice] = {}

    @property
    def are_needed(self) -> bool:
        """Whether any frame may go otherwise than straight on."""
        standing = self._plan.standing
        return bool(self._struck) or any(one.fault.trouble.is_of_frames for one in standing)

    def of(self, line: Line, connection: Connection) -> Voice | Connection:
        """Return what to say something on."""
        return self._struck.get(line.session_id, connection)

    def tell(self, line: Line, connection: Connection, frame: bytes, channel: Channel) -> None:
        """Send a channel's frame, or let a fault befall it."""
        account = self._account(line, channel)
        strike = self._plan.of_frame(line.dialect, channel.kind.name.lower(), account)
        if strike is None:
            self.of(line, connection).send_shared(frame)
            return
        voice = self._struck.setdefault(
            line.session_id, Voice(connection, self._framed, self._later)
        )
        voice.befall(strike, frame)

    def heard(self, line: Line) -> Strike | None:
        """Return what befalls a client's message to a WebSocket, or None."""
        if not self._plan.standing:
            return None
        account = self._account(line, None)
        return self._plan.of_request(line.dialect, (WEBSOCKET,), account, may_answer=False)

    def forget(self, session_id: int) -> None:
        """A WebSocket is gone."""
        self._struck.pop(session_id, None)

    def _account(self, line: Line, channel: Channel | None) -> str:
        """Return whose a WebSocket is: the channel's account, or that of a key it has proven."""
        if channel is not None and channel.account_id:
            return self._keys.name_of(channel.account_id)
        kept = (self._keys.find(key) for key in line.keys)
        return next((self._keys.name_of(k.created.account_id) for k in kept if k), "")
