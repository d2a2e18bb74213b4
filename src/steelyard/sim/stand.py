"""A small exchange in memory with a dialect before it, spoken to by that dialect's client half.

Every message goes through bytes: the client half writes a request, the gate answers it, the client
half reads the answer. Sessions are carried both ways, frame by frame, after each message. Time is
the stand's own and goes on by `STEP_NS` a message. It takes no sides: what an answer or an event
should have been, its user judges. The exchange has no market: only who has an account trades.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import count
from typing import Any

from steelyard import dialects
from steelyard.domain.commands import ListInstrument, UserCommand
from steelyard.domain.errors import AuthError, ConfigError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import SECOND_NS, Answer, Event, Query, Scope
from steelyard.engine import Engine
from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.admin import Admin
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.gate import Gate
from steelyard.exchange.keys import ReadPublicKey, no_public_keys
from steelyard.exchange.line import Line
from steelyard.exchange.records import FORMAT, Founded, KeyChanged, KeyRevoked
from steelyard.exchange.stream_tokens import StreamTokens
from steelyard.wire.dialect import (
    ApiKey,
    ClientSession,
    Dialect,
    Ending,
    Entropy,
    EntrySession,
    Errand,
    HandedOut,
    Paired,
    Waking,
    opening_headers,
)
from steelyard.wire.http import Response
from steelyard.wire.limits import UNLIMITED, LimitProfile
from steelyard.wire.outcome import Answered, Outcome, Unknown

HERE = "127.0.0.1"
START_NS = 1_700_000_000_000_000_000
STEP_NS = 50_000_000  # from one message to the next
POLICY = 1008  # the close code of a session whose key is good no longer
GOING_AWAY = 1001  # that of one which has lasted as long as it may
TRADER = (Scope.READ, Scope.TRADE)

BTC_USDT = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)
PLENTY: Mapping[str, Decimal] = {"USDT": Decimal(1_000_000), "BTC": Decimal(100)}
ALICE_AND_BOB: Mapping[str, Mapping[str, Decimal]] = {"alice": PLENTY, "bob": PLENTY}


class PlainSeal:
    """Reversible, visible and bound to its context: for an exchange that is thrown away."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Return what `open` opens."""
        return context + b"|" + plain[::-1]

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return what was sealed in this context."""
        found, _, reversed_plain = sealed.partition(b"|")
        assert found == context, "it was sealed in another context"
        return reversed_plain[::-1]

    def digest(self, plain: bytes, context: bytes) -> bytes:
        """Return what tells two values apart and neither's text."""
        return hashlib.sha256(context + b"|" + plain).digest()


class Listener:
    """A client's session, and all that it was told.

    Attributes:
        events: What it was told, in order; whoever reads them may clear them.
        closed: The close code and reason, once the exchange has closed it.
        beside: Who hears the other connection of a pair.
    """

    def __init__(self, session: ClientSession) -> None:
        self.session = session
        self.events: list[Event] = []
        self.closed: tuple[int, str] | None = None
        self.beside: Listener | None = None

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        return self.session.ready

    def of(self, kind: type) -> list[Any]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def drain_frames(self) -> list[str]:
        """Return the frames to send; keep what was told."""
        frames, events = self.session.drain()
        self.events += events
        return frames


class Entry:
    """An `EntrySession` as a session that is followed: it sends commands and keeps responses."""

    role = "entry"
    ready = True

    def __init__(self, session: EntrySession) -> None:
        self.target = session.target
        self.responses: list[Response] = []
        self._session = session
        self._frames: list[str] = []

    def opened(self, now_ns: int) -> None:
        """Send what comes before any request."""
        self._frames += self._session.opened(now_ns)

    def say(self, message: UserCommand, listings: Listings, now_ns: int) -> None:
        """Send a command.

        Raises:
            Unsupported: The venue does not offer this.
        """
        frame = self._session.request(message, listings, now_ns)
        self.responses.clear()
        self._frames.append(frame)

    def receive(self, frame: str | bytes, now_ns: int) -> None:  # noqa: ARG002
        """Keep what answers."""
        response = self._session.response(frame)
        if response is not None:
            self.responses.append(response)

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return the frames to send; it is told no events."""
        frames, self._frames = self._frames, []
        return frames, []


class SmallExchange:
    """An exchange without a market, its administrator, named accounts and a clock.

    Args:
        instruments: What is listed.
        accounts: What each account begins with, by asset name; their ids are in `account_ids`.
        engine: A new one; the reference engine unless told otherwise.
        read_public_key: How the exchange reads the public halves of key pairs.
    """

    def __init__(
        self,
        *,
        instruments: Sequence[Instrument] = (BTC_USDT,),
        accounts: Mapping[str, Mapping[str, Decimal]] = ALICE_AND_BOB,
        engine: Engine | None = None,
        read_public_key: ReadPublicKey = no_public_keys,
    ) -> None:
        seal, seeds = PlainSeal(), count()
        self.entropy: Entropy = lambda size: next(seeds).to_bytes(8, "big") * (size // 8)
        self.now_ns = START_NS
        self.exchange = Exchange(engine or ReferenceEngine(), None, seal, read_public_key)
        self.listings = self.exchange.listings
        self.admin = Admin(self.exchange, seal, self.entropy)
        self.exchange.found(Founded(FORMAT, "none", ""), self.now_ns)
        for instrument in instruments:
            self.exchange.record(ListInstrument(instrument), self.now_ns)
        self.account_ids: dict[str, int] = {}
        for name, deposits in accounts.items():
            self.open_account(name, deposits)

    def open_account(self, name: str, deposits: Mapping[str, Decimal]) -> int:
        """Open an account with something in it; return its number."""
        answer = self.admin.create_account(name, dict(deposits), self.exchange.time_at(self.now_ns))
        self.account_ids[name] = answer.account_id
        return answer.account_id


class Stand(SmallExchange):
    """A small exchange, a dialect's gate before it, and its client half to talk through it.

    Args:
        dialect: Whose language is spoken.
        limits: What the gate enforces.
        options: Those of `SmallExchange`.
    """

    def __init__(
        self, dialect: Dialect, *, limits: LimitProfile = UNLIMITED, **options: Any
    ) -> None:
        super().__init__(**options)
        try:
            dialects.find(dialect.name)
        except Unsupported as error:
            raise ConfigError(
                f"{error}: install the package that offers it, or call dialects.register"
            ) from error
        self.dialect = dialect
        self.gate = Gate(self.exchange, dialect, limits, tokens=StreamTokens(self.entropy))
        self._keys: dict[str, ApiKey] = {}
        self._lines: dict[int, tuple[Line, Listener]] = {}
        self._entries: dict[str, tuple[Entry, Listener]] = {}  # by key
        self._numbers = count(1)

    # -- keys ---------------------------------------------------------------------------------

    def key(self, account: str, *scopes: Scope, **options: Any) -> ApiKey:
        """Issue a key for this dialect; `options` are those of `Issuing.create_key`."""
        made = self.admin.create_key(
            account,
            dialect=self.dialect.name,
            scopes=scopes or TRADER,
            now_ns=self.exchange.time_at(self.now_ns),
            **options,
        )
        return ApiKey(made.key, made.secret.encode(), made.passphrase)

    def key_of(self, account: str) -> ApiKey:
        """Return the key by which an account trades here unless told otherwise."""
        if account not in self._keys:
            self._keys[account] = self.key(account)
        return self._keys[account]

    # -- messages -----------------------------------------------------------------------------

    def send(self, message: UserCommand | Query, key: ApiKey | None, ip: str = HERE) -> Outcome:
        """Send a message and return what became of it; sessions have heard of it by then.

        Raises:
            Unsupported: The venue does not offer this.
            DecodeError: The answer to a query has another form than documented.
        """
        self.now_ns += STEP_NS
        client, now_ns = self.dialect.client, self.now_ns
        request = client.request(message, self.listings, key, now_ns)
        response = self.gate.http(request, ip, now_ns)
        outcome = client.outcome(message, response, self.listings, now_ns)
        self.deliver()
        return outcome

    def enter(self, command: UserCommand, key: ApiKey, ip: str = HERE) -> Outcome:
        """Send a command over a WebSocket, opened where there is none; else as `send`.

        Raises:
            Unsupported: The venue does not offer this, or takes no orders so.
        """
        if self.dialect.entry is None:
            raise Unsupported(f"{self.dialect.name} takes orders over REST alone")
        entry, listener = self._entries.get(key.key, (None, None))
        if entry is None or listener is None or listener.closed is not None:
            entry = Entry(self.dialect.entry(key))
            self._entries[key.key] = entry, self.follow(entry, ip)
        self.now_ns += STEP_NS
        if not entry.responses:  # else what came before has been refused already
            entry.say(command, self.listings, self.now_ns)
            self.deliver()
        if not entry.responses:
            return Unknown("the connection was closed before an answer came")
        response = entry.responses.pop(0)
        return self.dialect.client.outcome(command, response, self.listings, self.now_ns)

    def ask(self, message: UserCommand | Query, key: ApiKey | None) -> Answer:
        """Send a message that has to be answered, and return the answer.

        Raises:
            Unsupported: The venue does not offer this.
            AssertionError: It was not answered; the outcome says why.
        """
        outcome = self.send(message, key)
        assert isinstance(outcome, Answered), outcome
        return outcome.answer

    # -- sessions -----------------------------------------------------------------------------

    def follow(self, session: ClientSession, ip: str = HERE) -> Listener:
        """Connect a session of the client half, and return what hears it.

        Raises:
            AuthError, RateLimited: As the session does.
        """
        self.now_ns += STEP_NS
        if isinstance(session, HandedOut) and (asked := session.address_request(self.now_ns)):
            session.addressed(self.gate.http(asked, ip, self.now_ns), self.now_ns)
        number = next(self._numbers)
        headers = opening_headers(session, self.now_ns)
        line = self.gate.line(session.target, ip, number, lambda: self.now_ns, headers)
        assert line is not None, f"{self.dialect.name} has no stream at {session.target}"
        listener = Listener(session)
        self._lines[number] = (line, listener)
        session.opened(self.now_ns)
        if isinstance(session, Errand) and (request := session.errand(self.now_ns)) is not None:
            session.returned(self.gate.http(request, ip, self.now_ns), self.now_ns)
        self.deliver()
        if isinstance(session, Paired):
            listener.beside = self.follow(session.beside, ip)
        return listener

    def drop(self, listener: Listener) -> None:
        """Break a session's connection: it hears nothing more, and is not told so."""
        for number, (line, found) in [*self._lines.items()]:
            if found in (listener, listener.beside):
                del self._lines[number]
                line.close()

    def deliver(self) -> None:
        """Carry frames both ways until nobody has any."""
        busy = True
        while busy:
            busy = False
            for number, (line, listener) in [*self._lines.items()]:
                for frame in listener.drain_frames():
                    line.receive(frame)
                    busy = True
                busy |= self._tell(line, listener)
                if line.session.closing is not None:
                    self._close(number, *line.session.closing)
            output = self.exchange.drain()
            for payload, numbers, _ in output.frames:
                for number in numbers:
                    if number in self._lines:
                        self._lines[number][1].session.receive(payload.decode(), self.now_ns)
                        busy = True
            for _, record in output.records:
                if isinstance(record, KeyRevoked):
                    self._close_those_of(record.key, "the key has been revoked")
                elif isinstance(record, KeyChanged):
                    self._close_those_of(record.key, "the key has been changed; connect again")

    # -- time ---------------------------------------------------------------------------------

    def pass_time(self, duration_ns: int = SECOND_NS) -> None:
        """Let time go on, and all that falls due with it happen."""
        self.now_ns += duration_ns
        waking = [s.session for _, s in self._lines.values() if isinstance(s.session, Waking)]
        for session in waking:
            session.wake(self.now_ns)
        if waking:
            self.deliver()
        self.exchange.step(self.now_ns)
        sandbox_ns, keys = self.exchange.time_at(self.now_ns), self.exchange.keys
        for number, (line, _) in [*self._lines.items()]:
            why = next((w for key in line.keys if (w := keys.ended(key, sandbox_ns))), None)
            if why is not None:
                line.session.end(Ending.KEY, self.now_ns)
                self._close(number, POLICY, why)
            elif line.is_old(self.now_ns):
                line.session.end(Ending.AGE, self.now_ns)
                self._close(number, GOING_AWAY, "a connection lasts no longer; connect again")
            else:
                line.session.wake(self.now_ns)
        self.deliver()

    # -- inside -------------------------------------------------------------------------------

    def _tell(self, line: Line, listener: Listener) -> bool:
        payloads = line.session.drain()
        for payload in payloads:
            listener.session.receive(payload.decode(), self.now_ns)
        return bool(payloads)

    def _close_those_of(self, key: str, why: str) -> None:
        for number, (line, _) in [*self._lines.items()]:
            if key in line.keys:
                line.session.end(Ending.KEY, self.now_ns)
                self._close(number, POLICY, why)

    def _close(self, number: int, code: int, reason: str) -> None:
        line, listener = self._lines.pop(number)
        with suppress(AuthError):  # the last word of some venues; that it is closed says as much
            self._tell(line, listener)
        listener.drain_frames()
        listener.closed = (code, reason)
        line.close()
