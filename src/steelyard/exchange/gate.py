"""One request, from bytes to bytes: the only way into the exchange.

The checks, in this order: address ban and limit, maintenance, key, its expiry, its address list,
the signature, the timestamp and nonce, the scope, the key's and account's limits; then the
parameters are turned into a Command or Query, which the exchange carries out. `Gate.request` is
that order: a dialect hands in how to read parameters and credentials, and does not choose when.
A request that fails a check has changed nothing but counters. Each dialect has its own gate; the
words of every refusal are the dialect's.

Who goes on over the limits is banned, and a key that has brought on many bans is revoked, where
the profile says so (A26). A key answers only for what it has proven: whoever merely names one, or
shares its address, cannot have it revoked.

Every `now_ns` here is wire time (`exchange/sandbox_clock.py`): timestamps, nonces and limits go by
it. A key's expiry and what an order does go by the sandbox's.

A WebSocket is a `Line`: the same checks for each request that comes over it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Struct

from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, PlaceGroup, UserCommand
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    Answer,
    Batch,
    BatchAnswer,
    Clock,
    ClockQuery,
    KeyKind,
    OrderAnswer,
    OrderQuery,
    Query,
    Refused,
    Scope,
    SingleAnswer,
)
from steelyard.domain.order import RejectReason
from steelyard.domain.transfers import MoneyAnswer, MoneyCommand, MoneyMessage
from steelyard.exchange.cashier import Cashier
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.keys import KeptKey, moment
from steelyard.exchange.limiter import Limiter
from steelyard.exchange.personal import Caller
from steelyard.exchange.records import KeyRevoked, NonceUsed
from steelyard.exchange.repeats import known_group
from steelyard.wire.dialect import (
    AccessReason,
    Asker,
    Auth,
    Claim,
    Credentials,
    Dialect,
    Endpoint,
    Read,
    Refusal,
    ServerSession,
    SessionRefused,
    Subscription,
)
from steelyard.wire.http import Request, Response, json_response
from steelyard.wire.limits import LimitProfile, Per, Usage

SUBSCRIPTIONS_PER_LINE = 1_024
TIMESTAMP_STEP_NS = 1_000_000  # one stamped in the millisecond in which we began is not older
OK = "OK"
LOGIN = "WebSocket login"  # as a key's last use
_KEPT_NOWHERE = {"cache-control": "no-store"}  # what is one account's

encode_json = msgspec.json.Encoder().encode


class Gate:
    """The way in for one dialect."""

    def __init__(
        self,
        exchange: Exchange,
        dialect: Dialect,
        profile: LimitProfile,
        since_ns: int = 0,
        cashier: Cashier | None = None,
    ) -> None:
        """Open the way in; nonces that were seen before `since_ns` may have been forgotten."""
        self.exchange = exchange
        self._cashier = cashier or Cashier(exchange)
        self.dialect = dialect
        self.limiter = Limiter(profile)
        self.outcomes: Counter[str] = Counter()  # requests by what came of them: OK, or a reason
        self.routes: Counter[tuple[str, str, str]] = Counter()  # method, path, what came of them
        self._since_ns = since_ns
        self._connected: Counter[str] = Counter()  # WebSockets by address, while they are open
        self._routes = _Routes(dialect.endpoints)
        exchange.feed.speak(dialect.name, dialect.frame)

    def http(self, request: Request, ip: str, now_ns: int) -> Response:
        """Carry out a request and return the response."""
        usage: list[Usage] = []
        try:
            response = self._http(request, ip, now_ns, usage)
        except SessionRefused as refused:
            response = self.refuse(refused.refusal, now_ns)
        if usage:
            headers = self.dialect.usage_headers(tuple(used for part in usage for used in part))
            response = response._replace(headers={**response.headers, **headers})
        return response

    def refuse(self, refusal: Refusal, now_ns: int) -> Response:
        """Return a refusal in the dialect's words, and count it."""
        self.outcomes[refusal.reason.name] += 1
        return self.dialect.refuse(refusal, now_ns)

    def line(self, target: str, ip: str, session_id: int, now: Callable[[], int]) -> "Line | None":
        """Open a WebSocket; None where the dialect has no stream at this target.

        Raises:
            Turned away: `SessionRefused`, where the address is banned or has too many.
        """
        now_ns = now()
        self._refuse_banned(ip, now_ns)
        if refusal := self.limiter.connect(ip, self._connected[ip], now_ns):
            raise SessionRefused(refusal)
        line = Line(self, session_id, ip, now)
        session = self.dialect.session(target, line)
        if session is None:
            return None
        line.session = session
        self._connected[ip] += 1
        return line

    def hang_up(self, ip: str) -> None:
        """A WebSocket of an address is gone."""
        self._connected[ip] -= 1
        if not self._connected[ip]:
            del self._connected[ip]

    def _http(self, request: Request, ip: str, now_ns: int, usage: list[Usage]) -> Response:
        found = self._routes.find(request.method, request.path)
        if isinstance(found, Refusal):
            self.count_ip(1, ip, now_ns, usage)
            raise SessionRefused(found)
        endpoint, captured = found
        dialect = self.dialect
        try:
            result = self.request(
                endpoint,
                lambda: dialect.read(request, endpoint, captured),
                lambda: dialect.credentials(request, endpoint),
                ip,
                now_ns,
                usage,
            )
        except SessionRefused as refused:
            self.routes[endpoint.method, endpoint.path, refused.refusal.reason.name] += 1
            raise
        self.routes[endpoint.method, endpoint.path, OK] += 1
        if isinstance(result, Response):
            return result
        kept_nowhere = None if endpoint.auth is Auth.NONE else _KEPT_NOWHERE
        return json_response(endpoint.status, encode_json(result), kept_nowhere)

    # -- the checks, in their order; HTTP and WebSockets take the same way ----------------------

    def request(
        self,
        endpoint: Endpoint,
        read: Read,
        claim: Claim,
        ip: str,
        now_ns: int,
        usage: list[Usage],
        proven: set[str] | None = None,
    ) -> Any:
        """Check everything in order, carry out, and return the response struct.

        proven gets the key, once its signature has been verified.

        Raises:
            Turned away: `SessionRefused`, with the first of the reasons.
        """
        self._refuse_banned(ip, now_ns)
        # Read this early only because the weight depends on it; what is wrong is told last.
        parameters = _read(read)
        is_read = not isinstance(parameters, DecodeError)
        weight = endpoint.weight(parameters) if is_read else 1
        over = self._count(Per.IP, ip, weight, endpoint, ip, now_ns, usage)
        if over is not None:
            is_signed = endpoint.auth is Auth.SIGNED
            raise SessionRefused(
                self._escalated(over, claim if is_signed else None, ip, now_ns, proven)
            )
        self._refuse_in_maintenance(endpoint)
        kept: KeptKey | None = None
        credentials: Credentials | None = None
        if endpoint.auth is not Auth.NONE:
            credentials = _claimed(claim)
            kept = self.authenticate(credentials, endpoint.auth, ip, now_ns)
            sandbox_ns = self.exchange.time_at(now_ns)
            kept.used(sandbox_ns, ip, f"{endpoint.method} {endpoint.path}")
            if proven is not None:
                proven.add(credentials.key)
            _check_scope(endpoint.scope, kept, sandbox_ns)
            account = str(kept.created.account_id)
            for per, who in ((Per.KEY, kept.created.key), (Per.ACCOUNT, account)):
                over = self._count(per, who, weight, endpoint, ip, now_ns, usage)
                if over is not None:
                    is_proven = endpoint.auth is Auth.SIGNED
                    keys = (*(proven or ()), *((credentials.key,) if is_proven else ()))
                    raise SessionRefused(self._blamed(over, keys, ip, now_ns))
        if isinstance(parameters, DecodeError):
            raise SessionRefused(_malformed(parameters)) from parameters
        result = self._carry_out(endpoint, parameters, kept, credentials, ip, now_ns, usage)
        self.outcomes[OK] += 1
        return result

    def log_in(
        self, credentials: Credentials, scope: Scope, ip: str, now_ns: int, usage: list[Usage]
    ) -> int:
        """Return the account of valid credentials, by the same checks in the same order."""
        self._refuse_banned(ip, now_ns)
        over = self._count(Per.IP, ip, 1, None, ip, now_ns, usage)
        if over is not None:
            raise SessionRefused(self._escalated(over, lambda: credentials, ip, now_ns))
        kept = self.authenticate(credentials, Auth.SIGNED, ip, now_ns)
        sandbox_ns = self.exchange.time_at(now_ns)
        kept.used(sandbox_ns, ip, LOGIN)
        _check_scope(scope, kept, sandbox_ns)
        if credentials.nonce is not None:
            self._journal_nonce(credentials, now_ns)
        self.outcomes[OK] += 1
        return kept.created.account_id

    def count_ip(
        self,
        weight: int,
        ip: str,
        now_ns: int,
        usage: list[Usage],
        proven: Collection[str] = (),
    ) -> None:
        """Count what asks no endpoint against its address, or raise SessionRefused."""
        self._refuse_banned(ip, now_ns)
        over = self._count(Per.IP, ip, weight, None, ip, now_ns, usage)
        if over is not None:
            raise SessionRefused(self._blamed(over, proven, ip, now_ns))

    def _refuse_banned(self, ip: str, now_ns: int) -> None:
        if refusal := self.limiter.ban(ip, now_ns):
            raise SessionRefused(refusal)

    def _refuse_in_maintenance(self, endpoint: Endpoint) -> None:
        retry_after_ns = self.exchange.maintenance_ns
        if retry_after_ns is not None and not endpoint.in_maintenance:
            raise SessionRefused(
                Refusal(
                    AccessReason.MAINTENANCE,
                    "the exchange is in maintenance and took nothing up; ask again in "
                    f"{-(-retry_after_ns // 1_000_000_000)} s",
                    retry_after_ns=retry_after_ns,
                )
            )

    def _count(
        self,
        per: Per,
        who: str,
        weight: int,
        endpoint: Endpoint | None,
        ip: str,
        now_ns: int,
        usage: list[Usage],
    ) -> Refusal | None:
        used, refusal = self.limiter.count(
            per, who, weight=weight, endpoint=endpoint, ip=ip, now_ns=now_ns
        )
        usage.append(used)
        return refusal

    def _escalated(
        self,
        over: Refusal,
        claim: Claim | None,
        ip: str,
        now_ns: int,
        proven: Collection[str] | None = None,
    ) -> Refusal:
        """Return what to say to who is over an address's limits, before keys have been looked at.

        A claim is looked into only where it may cost the key its access: refusing stays cheap.
        """
        keys = set(proven or ())
        may_cost = self.limiter.profile.revoke_after and self.limiter.ban(ip, now_ns)
        if claim is not None and may_cost:
            keys |= {key for key in (self._proves(claim, ip, now_ns),) if key}
        return self._blamed(over, keys, ip, now_ns)

    def _proves(self, claim: Claim, ip: str, now_ns: int) -> str:
        """Return the key that a request proves to hold, or nothing."""
        try:
            return self.authenticate(_claimed(claim), Auth.SIGNED, ip, now_ns).created.key
        except SessionRefused:
            return ""

    def _blamed(self, over: Refusal, keys: Collection[str], ip: str, now_ns: int) -> Refusal:
        """Return what to say to who is over a limit; keys that go on and on are revoked."""
        if not keys or not self.limiter.profile.revoke_after or not self.limiter.ban(ip, now_ns):
            return over
        for key in sorted(set(keys)):
            cause = self.limiter.persists(key, now_ns)
            if cause and self.exchange.keys.find(key) is not None:
                self.exchange.record(KeyRevoked(key, cause), self.exchange.time_at(now_ns))
                over = Refusal(AccessReason.UNKNOWN_KEY, _revoked(cause))
        return over

    def authenticate(self, credentials: Credentials, auth: Auth, ip: str, now_ns: int) -> KeptKey:
        """Return the key that a request proves to hold, or raise SessionRefused."""
        sandbox_ns = self.exchange.time_at(now_ns)
        kept = self.exchange.keys.find(credentials.key)
        refusal: Refusal | None = None
        if kept is None or kept.created.dialect != self.dialect.name:
            cause = self.exchange.keys.cause(credentials.key)
            refusal = Refusal(
                AccessReason.UNKNOWN_KEY,
                _revoked(cause)
                if cause
                else f"no such {self.dialect.name} key; it may have been revoked. "
                "`steelyard key list` shows what there is",
            )
            raise SessionRefused(refusal)
        if kept.is_expired(sandbox_ns):
            refusal = Refusal(AccessReason.KEY_EXPIRED, "this key has expired; create another one")
        elif kept.is_replaced(sandbox_ns):
            refusal = Refusal(
                AccessReason.KEY_ROTATED,
                "this key has been rotated and its overlap is over; use the key that replaces it",
            )
        elif not kept.may_come_from(ip):
            refusal = Refusal(AccessReason.IP_NOT_ALLOWED, f"this key may not be used from {ip}")
        elif auth is Auth.SIGNED:
            refusal = self._signature(credentials, kept, now_ns)
        if refusal:
            raise SessionRefused(refusal)
        return kept

    def _signature(self, credentials: Credentials, kept: KeptKey, now_ns: int) -> Refusal | None:
        if credentials.flaw is not None:
            return credentials.flaw
        if not self._is_proven(credentials, kept):
            kind = kept.created.kind
            other = "secret" if kind is KeyKind.HMAC else f"{kind} public key"
            return Refusal(
                AccessReason.BAD_SIGNATURE,
                f"the signature does not fit the request and this key's {other}; "
                "sign exactly the bytes that are sent",
            )
        if credentials.timestamp_ns is not None:
            behind_ns = now_ns - credentials.timestamp_ns
            if behind_ns > credentials.window_ns:
                return Refusal(
                    AccessReason.STALE_TIMESTAMP,
                    f"the timestamp is {behind_ns // 1_000_000} ms behind this exchange's clock; "
                    f"{credentials.window_ns // 1_000_000} ms are allowed. Set your clock",
                )
            if -behind_ns >= credentials.ahead_ns:
                return Refusal(
                    AccessReason.FUTURE_TIMESTAMP,
                    f"the timestamp is {-behind_ns // 1_000_000} ms ahead of this exchange's "
                    f"clock; less than {credentials.ahead_ns // 1_000_000} ms are allowed. "
                    "Set your clock",
                )
        if credentials.nonce is not None:
            key, nonce = credentials.key, credentials.nonce
            if self.exchange.keys.is_used(key, nonce, now_ns):
                return Refusal(
                    AccessReason.REPEATED_NONCE, "this nonce has been used; use a fresh one"
                )
            stamped_ns = credentials.timestamp_ns or 0
            # After the nonces that outlived a crash: a copy of what was carried out is a copy.
            if stamped_ns + TIMESTAMP_STEP_NS <= self._since_ns:
                return Refusal(
                    AccessReason.STALE_TIMESTAMP,
                    "the timestamp is from before this exchange's start, so whether its nonce is "
                    "new cannot be told. Sign the request anew; if that does not help, set your "
                    "clock",
                )
            # Spent by being signed, whatever becomes of the request.
            self.exchange.keys.nonce_used(key, nonce, _until_ns(credentials, now_ns), now_ns)
        return None

    def _is_proven(self, credentials: Credentials, kept: KeptKey) -> bool:
        """Return whether a key's owner signed the request; its kind is the record's to say."""
        keys = self.exchange.keys
        if kept.created.kind is KeyKind.HMAC:
            return self.dialect.verify(credentials, keys.secret(kept))
        signature = self.dialect.signature(credentials)
        if signature is None:
            return False
        public_key = keys.public_key(kept)
        return any(public_key.verify(payload, signature) for payload in credentials.payloads)

    def _carry_out(
        self,
        endpoint: Endpoint,
        parameters: Struct,
        kept: KeptKey | None,
        credentials: Credentials | None,
        ip: str,
        now_ns: int,
        usage: list[Usage],
    ) -> Any:
        """Decode, carry out, and return the response struct."""
        asker = Asker(
            kept.created.account_id if kept else 0,
            kept.created.key if kept else "",
            now_ns,
            self.exchange.listings,
            self.limiter.profile,
            self.exchange.history.order,
            tuple(used for part in usage for used in part),
        )
        try:
            message = endpoint.decode(parameters, asker)
            if kept is not None and kept.created.products:
                for command in message.commands if isinstance(message, Batch) else (message,):
                    if isinstance(command, UserCommand):
                        self._check_products(command, kept)
            answer = None if message is None else self._act(message, credentials, ip, now_ns)
            if isinstance(answer, Refused):
                raise SessionRefused(Refusal(answer.reason, answer.message, answer.field))
            return endpoint.encode(answer, parameters, asker)
        except UnitError as error:
            raise SessionRefused(Refusal(error.reason, str(error), error.field)) from error
        except Unsupported as error:
            raise SessionRefused(Refusal(RejectReason.UNSUPPORTED, str(error))) from error
        except DecodeError as error:
            raise SessionRefused(_malformed(error)) from error

    def _act(
        self,
        message: UserCommand | Query | Batch | MoneyMessage,
        credentials: Credentials | None,
        ip: str,
        now_ns: int,
    ) -> Answer | MoneyAnswer:
        if isinstance(message, MoneyMessage):
            assert credentials is not None, "what tells of money is signed"
            if isinstance(message, MoneyCommand) and credentials.nonce is not None:
                self._journal_nonce(credentials, now_ns)
            caller = Caller(ip, self.exchange.time_at(now_ns), now_ns)
            return self._cashier.carry_out(message, credentials.key, caller)
        if not isinstance(message, UserCommand | Batch):
            return self._answer(message, now_ns)
        if credentials is not None and credentials.nonce is not None:
            self._journal_nonce(credentials, now_ns)
        if isinstance(message, Batch):
            return BatchAnswer(tuple(self._perform(each, now_ns) for each in message.commands))
        return self._perform(message, now_ns)

    def _perform(self, message: UserCommand, now_ns: int) -> SingleAnswer:
        """Carry out a command, or return what its client order id has been answered already."""
        if isinstance(message, Place) and message.client_order_id:
            known = self._known_order(message)
            if known is not None:
                return known
        if isinstance(message, PlaceGroup):
            is_ever = self.dialect.client_ids_for_ever
            known = known_group(message, self.exchange.history, for_ever=is_ever)
            if known is not None:
                return known
        return self.exchange.perform(message, self.exchange.time_at(now_ns))

    def _answer(self, query: Query, now_ns: int) -> Answer:
        if isinstance(query, ClockQuery):
            return Clock(now_ns)  # what clients sign by; the sandbox's own is the administrator's
        return self.exchange.ask(query, self.exchange.time_at(now_ns))

    def _check_products(self, command: UserCommand, kept: KeptKey) -> None:
        """Turn away what a key that may trade some instruments asks of others."""
        ours = kept.created.products
        asked: list[int | None] = []
        match command:
            case Place() | CancelAll():
                asked = [command.instrument_id]
            case PlaceGroup():
                asked = [place.instrument_id for place in command.places]
            case Amend() | Cancel():
                query = OrderQuery(command.account_id, order_id=command.order_id)
                order = self.exchange.history.order(query)
                asked = [order.instrument_id] if order else []  # the engine says that there is none
            case _:
                pass  # money has no instrument
        listings = self.exchange.listings
        for instrument_id in asked:
            what = "every instrument" if instrument_id is None else listings[instrument_id].symbol
            if what not in ours:
                raise SessionRefused(
                    Refusal(
                        AccessReason.PRODUCT_NOT_ALLOWED,
                        f"this key may trade {', '.join(ours)}, not {what}; name one of these, or "
                        "have the key changed with --products",
                        "symbol",
                    )
                )

    def _journal_nonce(self, credentials: Credentials, now_ns: int) -> None:
        """Have a nonce outlive a restart, because what came with it changes something."""
        key, nonce = credentials.key, credentials.nonce or ""
        used = NonceUsed(key, nonce, _until_ns(credentials, now_ns), now_ns)
        self.exchange.record(used, self.exchange.time_at(now_ns))

    def _known_order(self, place: Place) -> SingleAnswer | None:
        """Return what is to be said to a client order id that is taken, or None."""
        history = self.exchange.history
        if not self.dialect.client_ids_for_ever:
            if history.open_order(place.account_id, place.client_order_id) is None:
                return None
            return Refused(
                RejectReason.DUPLICATE_CLIENT_ORDER_ID,
                f"an open order already has the client order id {place.client_order_id!r}",
            )
        first = history.placed(place.account_id, place.client_order_id)
        if first is None:
            return None
        order = history.by_client_id(place.account_id, place.client_order_id)
        if order is None or first != place or order.group_id:
            which = "no longer kept" if order is None else f"not the same (id {order.order_id})"
            return Refused(
                RejectReason.DUPLICATE_CLIENT_ORDER_ID,
                f"the client order id {place.client_order_id!r} belongs to an earlier order "
                f"that is {which}; use a fresh one",
                "client_order_id",
            )
        if order.reject_reason is not None:
            return Refused(
                order.reject_reason,
                f"this order was refused when it was first sent, for {order.reject_reason.name}; "
                "to try anew, use a fresh client order id",
                order_id=order.order_id,
            )
        return OrderAnswer(order, history.fills_of(order))


def _until_ns(credentials: Credentials, now_ns: int) -> int:
    # Seen again within the window it would be a replay; after it the timestamp is stale.
    return now_ns + credentials.window_ns + credentials.ahead_ns


class Line:
    """One WebSocket: a session machine, and the door through which it asks."""

    session: ServerSession

    def __init__(self, gate: Gate, session_id: int, ip: str, now: Callable[[], int]) -> None:
        self.session_id = session_id
        self.keys: set[str] = set()  # proven on this line; a revocation closes it
        self.usage: Usage = ()  # what the last request counted
        self._gate = gate
        self._ip = ip
        self._now = now

    @property
    def dialect(self) -> str:
        """The name of the dialect that is spoken."""
        return self._gate.dialect.name

    @property
    def listings(self) -> Listings:
        """What is listed."""
        return self._gate.exchange.listings

    @property
    def limits(self) -> LimitProfile:
        """The limits in force."""
        return self._gate.limiter.profile

    def call(self, endpoint: Endpoint, read: Read, claim: Claim) -> Any:
        """Authenticate, limit and carry out one request; return the response struct."""
        with self._counted() as usage:
            return self._gate.request(
                endpoint, read, claim, self._ip, self._now(), usage, self.keys
            )

    def count(self, weight: int) -> None:
        """Count a message that asks no endpoint against the address, or raise SessionRefused."""
        with self._counted() as usage:
            self._gate.count_ip(weight, self._ip, self._now(), usage, self.keys)

    def authenticate(self, credentials: Credentials, scope: Scope) -> int:
        """Return the account of valid credentials, or raise SessionRefused."""
        with self._counted() as usage:
            account_id = self._gate.log_in(credentials, scope, self._ip, self._now(), usage)
        self.keys.add(credentials.key)
        return account_id

    @contextmanager
    def _counted(self) -> Iterator[list[Usage]]:
        """Keep what a message counts, and what became of it."""
        usage: list[Usage] = []
        try:
            yield usage
        except SessionRefused as refused:
            self._gate.outcomes[refused.refusal.reason.name] += 1
            raise
        finally:
            self.usage = tuple(used for part in usage for used in part)

    def subscribe(self, subscription: Subscription) -> None:
        """Begin a stream for this session."""
        feed = self._gate.exchange.feed
        has_room = len(feed.subscriptions(self.session_id)) < SUBSCRIPTIONS_PER_LINE
        if not has_room or not feed.subscribe(self.session_id, subscription, self._now()):
            raise SessionRefused(
                Refusal(
                    AccessReason.KEY_LIMIT,
                    f"too many streams on one connection; {SUBSCRIPTIONS_PER_LINE} are allowed",
                )
            )

    def unsubscribe(self, subscription: Subscription) -> None:
        """End it."""
        self._gate.exchange.feed.unsubscribe(self.session_id, subscription)

    def snapshot(self, query: Query) -> Answer:
        """Answer a public query, for channels that start with a snapshot."""
        exchange = self._gate.exchange
        return exchange.ask(query, exchange.time_at(self._now()))

    def receive(self, frame: str | bytes) -> None:
        """Take one message from the client."""
        self.session.receive(frame, self._now())

    def close(self) -> None:
        """The connection is gone."""
        self._gate.exchange.feed.leave(self.session_id)
        self._gate.hang_up(self._ip)


def _read(read: Read) -> Struct | DecodeError:
    try:
        return read()
    except DecodeError as error:
        return error


def _claimed(claim: Claim) -> Credentials:
    claimed = claim()
    if isinstance(claimed, Refusal):
        raise SessionRefused(claimed)
    return claimed


def _check_scope(scope: Scope | None, kept: KeptKey, now_ns: int) -> None:
    scopes = kept.created.scopes
    if scope is not None and scope not in scopes:
        have = ", ".join(sorted(scopes))
        raise SessionRefused(
            Refusal(
                AccessReason.MISSING_SCOPE,
                f"this key may {have}, not {scope}; create one with --scopes {scope}",
            )
        )
    if scope is Scope.WITHDRAW and kept.is_cooling(now_ns):
        from_ns = kept.created.withdraw_from_ns or 0
        raise SessionRefused(
            Refusal(
                AccessReason.WITHDRAW_COOLING,
                f"this key may withdraw from {moment(from_ns)} ({from_ns // 1_000_000}) on: that "
                "scope or an address of its list is new. If you did not ask for it, revoke the key",
            )
        )


def _revoked(cause: str) -> str:
    return (
        f"this key has been revoked for {cause}. That is final: mend the program, then let a "
        "person make another key with `steelyard key create`"
    )


def _malformed(error: DecodeError) -> Refusal:
    return Refusal(AccessReason.MALFORMED, str(error), error.field, code=error.code)


class _Routes:
    """Endpoints by method and path; `{name}` segments capture."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self._plain: dict[str, dict[str, Endpoint]] = {}
        self._captures: list[tuple[list[str], dict[str, Endpoint]]] = []
        for endpoint in endpoints:
            self._methods(endpoint.path)[endpoint.method] = endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | Refusal:
        """Return the endpoint and what its path captured."""
        captured: dict[str, str] = {}
        methods = self._plain.get(path)
        if methods is None:
            for segments, candidates in self._captures:
                found = _capture(segments, path)
                if found is not None:
                    methods, captured = candidates, found
                    break
        if methods is None:
            return Refusal(AccessReason.UNKNOWN_ENDPOINT, f"there is no {path[:200]} here")
        endpoint = methods.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            allowed = ", ".join(sorted(methods))
            return Refusal(AccessReason.METHOD_NOT_ALLOWED, f"{path} takes {allowed}", allowed)
        return endpoint, captured

    def _methods(self, path: str) -> dict[str, Endpoint]:
        if "{" not in path:
            return self._plain.setdefault(path, {})
        segments = path.split("/")
        for known, methods in self._captures:
            if known == segments:
                return methods
        methods = {}
        self._captures.append((segments, methods))
        return methods


def _capture(segments: list[str], path: str) -> dict[str, str] | None:
    parts = path.split("/")
    if len(parts) != len(segments):
        return None
    captured = {}
    for segment, part in zip(segments, parts, strict=True):
        if segment.startswith("{"):
            captured[segment[1:-1]] = part
        elif segment != part:
            return None
    return captured
