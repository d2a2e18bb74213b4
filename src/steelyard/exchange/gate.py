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
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any, ParamSpec, cast, get_args

import msgspec
from msgspec import Struct

from steelyard.domain.closing import PlaceClosing
from steelyard.domain.commands import Place, PlaceGroup, UserCommand
from steelyard.domain.dead_man import ArmDeadMan, DeadMan, DeadManMessage
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.messages import (
    Answer,
    Batch,
    BatchAnswer,
    Clock,
    ClockQuery,
    Query,
    Refused,
    Scope,
    SingleAnswer,
    Status,
)
from steelyard.domain.stream_tokens import StreamToken, StreamTokenMessage
from steelyard.domain.transfers import MoneyAnswer, MoneyCommand, MoneyMessage
from steelyard.exchange.access import Access, check_scope, revoked_for
from steelyard.exchange.cashier import Cashier
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.keys import KeptKey
from steelyard.exchange.limiter import Limiter
from steelyard.exchange.line import NO_HEADERS, Line
from steelyard.exchange.partial_fills import PartialFills
from steelyard.exchange.personal import Caller
from steelyard.exchange.plain_orders import PlainOrder, Shape, plain_orders
from steelyard.exchange.plain_way import KEPT_NOWHERE, OK, PlainWay
from steelyard.exchange.records import KeyRevoked
from steelyard.exchange.refusals import in_words, malformed
from steelyard.exchange.repeats import known_group, known_order
from steelyard.exchange.routes import Routes, of_stream
from steelyard.exchange.stream_tokens import StreamTokens
from steelyard.wire.dialect import (
    AccessReason,
    Asker,
    Auth,
    Claim,
    Credentials,
    Decoded,
    Dialect,
    Endpoint,
    Read,
    Refusal,
    SessionRefused,
)
from steelyard.wire.faults import FaultPlan
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import Counts, LimitProfile, Per, Usage

LOGIN = "WebSocket login"  # as a key's last use
_COMMANDS = frozenset(get_args(UserCommand))
_JSON = {"content-type": "application/json"}
_UNSIGNED = Auth.NONE  # read once: to read a member is slow before 3.12
P = ParamSpec("P")

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
        tokens: StreamTokens | None = None,
    ) -> None:
        """Open the way in; nonces that were seen before `since_ns` may have been forgotten.

        Without `tokens` there are no stream tokens.
        """
        self.exchange = exchange
        self._cashier = cashier or Cashier(exchange)
        self.dialect = dialect
        self.limiter = Limiter(profile)
        self.outcomes: Counter[str] = Counter()  # requests by what came of them: OK, or a reason
        self.routes: Counter[tuple[str, str, str]] = Counter()  # method, path, what came of them
        self._access = Access(exchange, dialect, since_ns)
        self._faults = FaultPlan()
        self.partial_fills: PartialFills | None = None
        self._tokens = tokens
        self._given_back: Counter[int] = Counter()  # first fills that were, by account
        self._connected: Counter[str] = Counter()  # WebSockets by address, while they are open
        self._routes = Routes(dialect.endpoints)
        self._names = {(e.method, e.path): f"{e.method} {e.path}" for e in dialect.endpoints}
        self._plain_orders = orders = plain_orders(exchange, dialect)
        self._plain_way: PlainWay | None = None
        if orders is not None and not self.limiter.has_limits:
            parts = orders, self._access, self.limiter, self.outcomes, self.routes
            self._plain_way = PlainWay(exchange, dialect, *parts, self._finish_plain)
        exchange.feed.speak(dialect.name, dialect.frame)

    def http(self, request: Request, ip: str, now_ns: int) -> Response:
        """Carry out a request and return the response."""
        usage: list[Usage] = []
        try:
            plain = None if self._plain_way is None else self._plain_way.place(request, ip, now_ns)
            if plain is not None:
                return plain
            manner = self.dialect.manner
            if manner is None:
                response = self._http(request, ip, now_ns, usage)
            else:
                with manner(request):
                    response = self._http(request, ip, now_ns, usage)
        except SessionRefused as refused:
            response = self.refuse(refused.refusal, now_ns)
        if usage:
            status, headers, body = response
            told = self.dialect.usage_headers(tuple(used for part in usage for used in part))
            return Response(status, {**headers, **told}, body)
        return response

    def misbehave(self, plan: FaultPlan, partial_fills: PartialFills) -> None:
        """Have the clock and new orders go by a plan of faults."""
        name, self._faults = self.dialect.name, plan
        if self._plain_way is not None:
            self._plain_way.faults = plan
        self._access.skew = lambda: plan.skew_ns(name)
        self.partial_fills = partial_fills

    def where(self, request: Request) -> tuple[str, ...]:
        """Return the names of a request's route: its path, and its method and path."""
        found = self._routes.find(request.method, request.path)
        if isinstance(found, Refusal):
            return ()
        endpoint, _ = found
        return endpoint.path, f"{endpoint.method} {endpoint.path}"

    def is_always_open(self, request: Request) -> bool:
        """Whether a request is answered in a maintenance too."""
        found = self._routes.find(request.method, request.path)
        return not isinstance(found, Refusal) and found[0].in_maintenance

    def claimed_account(self, request: Request) -> str:
        """Return whose key a request names, proven or not; empty where it names none of ours."""
        found = self._routes.find(request.method, request.path)
        if isinstance(found, Refusal) or found[0].auth is Auth.NONE:
            return ""
        claimed = self.dialect.credentials(request, found[0])
        kept = None if isinstance(claimed, Refusal) else self.exchange.keys.find(claimed.key)
        return "" if kept is None else self.exchange.keys.name_of(kept.created.account_id)

    def refuse(self, refusal: Refusal, now_ns: int) -> Response:
        """Return a refusal in the dialect's words, and count it."""
        self.outcomes[refusal.reason.name] += 1
        return self.dialect.refuse(refusal, now_ns)

    def line(
        self,
        target: str,
        ip: str,
        session_id: int,
        now: Callable[[], int],
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Line | None:
        """Open a WebSocket; None where the dialect has no stream at this target.

        headers are those of the request that opens it, by names in lower case.

        Raises:
            Turned away: `SessionRefused`, where the address is banned or has too many.
        """
        now_ns = now()
        self._refuse_banned(ip, now_ns)
        if refusal := self.limiter.connect(ip, self._connected[ip], now_ns):
            raise SessionRefused(refusal)
        line = Line(self, session_id, ip, now, headers)
        session = self.dialect.session(target, line)
        if session is None:
            return None
        line.session = session
        self._connected[ip] += 1
        return line

    def redeem(self, token: str, ip: str, now_ns: int) -> tuple[int, str] | None:
        """Return account and key of a stream token that is good.

        It opens what its key opens now: nothing where that has ended, may no longer read, or may
        not be used from this address.
        """
        sandbox_ns = self.exchange.time_at(now_ns)
        owner = self._tokens.owner(token, sandbox_ns) if self._tokens else None
        if owner is None or self.exchange.keys.ended(owner[1], sandbox_ns) is not None:
            return None
        kept = self.exchange.keys.find(owner[1])
        if kept is None or Scope.READ not in kept.created.scopes or not kept.may_come_from(ip):
            return None
        return owner

    def hang_up(self, ip: str) -> None:
        """A WebSocket of an address is gone."""
        self._connected[ip] -= 1
        if not self._connected[ip]:
            del self._connected[ip]

    def _http(self, request: Request, ip: str, now_ns: int, usage: list[Usage]) -> Response:
        plain_orders = self._plain_orders
        if plain_orders is not None and self._plain_way is None:
            plain = plain_orders.read(request, now_ns + self._access.skew())
            if plain is not None and (
                not plain.nonce
                or self._access.is_new(
                    plain.kept.created.key, plain.nonce, plain.timestamp_ns, now_ns
                )
            ):
                place = self._place_plain
                return self._responded(
                    plain.shape.endpoint, place, plain, request, ip, now_ns, usage
                )
        found = self._routes.find(request.method, request.path)
        if isinstance(found, Refusal):
            self.count_ip(1, ip, now_ns, usage)
            raise SessionRefused(of_stream(self.dialect, request) or found)
        endpoint, captured = found
        dialect = self.dialect
        response = self._responded(
            endpoint,
            self.request,
            endpoint,
            lambda: dialect.read(request, endpoint, captured),
            lambda: dialect.credentials(request, endpoint),
            ip,
            now_ns,
            usage,
        )
        if plain_orders is not None and endpoint is plain_orders.endpoint:
            plain_orders.learn(request, lambda kept: self._asker(kept, now_ns, usage))
        return response

    def _responded(
        self, endpoint: Endpoint, carry_out: Callable[P, Any], *args: P.args, **kwargs: P.kwargs
    ) -> Response:
        """Carry out a request, count by its route what came of it, and return the response."""
        route = endpoint.method, endpoint.path
        try:
            result = carry_out(*args, **kwargs)
        except SessionRefused as refused:
            self.routes[*route, refused.refusal.reason.name] += 1
            raise
        self.routes[*route, OK] += 1
        if isinstance(result, Response):
            return result
        headers = _JSON if endpoint.auth is _UNSIGNED else KEPT_NOWHERE
        return Response(endpoint.status, headers, encode_json(result))

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
        orders = endpoint.orders(parameters) if is_read else 1
        over = self._count(Per.IP, ip, weight, endpoint, ip, now_ns, usage, orders)
        if over is not None:
            is_signed = endpoint.auth is Auth.SIGNED
            raise SessionRefused(
                self._escalated(over, claim if is_signed else None, ip, now_ns, proven)
            )
        self._refuse_in_maintenance(endpoint)
        kept: KeptKey | None = None
        credentials: Credentials | None = None
        parties = [(Per.IP, ip)]
        if endpoint.auth is not Auth.NONE:
            credentials = _claimed(claim)
            if credentials.token:
                credentials, kept = self._vouched(credentials, ip, now_ns)
            else:
                kept = self._access.authenticate(credentials, endpoint.auth, ip, now_ns)
            # Who only names a key neither uses it nor uses up its limits; a login has proven it.
            is_proven = endpoint.auth is Auth.SIGNED or credentials.key in (proven or ())
            if proven is not None and endpoint.auth is Auth.SIGNED:
                proven.add(credentials.key)
            keys = (*(proven or ()), *((credentials.key,) if is_proven else ()))
            parties += self._admit(
                endpoint, kept, weight, orders, ip, now_ns, usage, keys, is_proven=is_proven
            )
        if isinstance(parameters, DecodeError):
            raise SessionRefused(malformed(parameters)) from parameters
        result = self._carry_out(endpoint, parameters, kept, credentials, ip, now_ns, usage)
        self._succeeded(endpoint, result, parties, weight, now_ns, usage)
        return result

    def _place_plain(
        self, plain: PlainOrder, request: Request, ip: str, now_ns: int, usage: list[Usage]
    ) -> Any:
        """As `request`, of an order that is known to be right and signed by its key's owner.

        The same checks in the same order, less those whose outcome is known.
        """
        endpoint, kept, shape = plain.shape.endpoint, plain.kept, plain.shape
        credentials, parameters = plain.credentials, shape.parameters
        self._refuse_banned(ip, now_ns)
        weight, orders = endpoint.weight(parameters), endpoint.orders(parameters)
        over = self._count(Per.IP, ip, weight, endpoint, ip, now_ns, usage, orders)
        if over is not None:
            claim = self.dialect.credentials(request, endpoint)
            raise SessionRefused(self._escalated(over, lambda: claim, ip, now_ns))
        self._refuse_in_maintenance(endpoint)
        self._access.spend_nonce(credentials, now_ns)
        keys = (kept.created.key,)
        parties = self._admit(
            endpoint, kept, weight, orders, ip, now_ns, usage, keys, is_proven=True
        )
        if plain.nonce:
            self._access.journal_nonce(credentials, now_ns)
        try:
            answer = self._place(plain.place, self.exchange.time_at(now_ns))
        except (UnitError, Unsupported, DecodeError) as error:
            raise SessionRefused(in_words(error)) from error
        result = self._tell_plain(answer, shape, kept, now_ns, usage)
        self._succeeded(endpoint, result, [(Per.IP, ip), *parties], weight, now_ns, usage)
        return result

    def _tell_plain(
        self, answer: SingleAnswer, shape: Shape, kept: KeptKey, now_ns: int, usage: list[Usage]
    ) -> Any:
        """Return what is answered to a plain order, or raise SessionRefused."""
        try:
            if not isinstance(answer, Refused):
                return shape.endpoint.encode(answer, shape.parameters, shape.asker)
            asker = self._asker(kept, now_ns, usage)
            return self._refused(answer, shape.endpoint, shape.parameters, asker)
        except (UnitError, Unsupported, DecodeError) as error:
            raise SessionRefused(in_words(error)) from error

    def _finish_plain(self, answer: SingleAnswer, shape: Shape, kept: KeptKey, ns: int) -> Response:
        """Answer an order that came the plain way, and count it."""
        response = self._responded(shape.endpoint, self._tell_plain, answer, shape, kept, ns, [])
        self.outcomes[OK] += 1
        return response

    def _admit(
        self,
        endpoint: Endpoint,
        kept: KeptKey,
        weight: int,
        orders: int,
        ip: str,
        now_ns: int,
        usage: list[Usage],
        keys: tuple[str, ...],
        *,
        is_proven: bool,
    ) -> list[tuple[Per, str]]:
        """Check and count what a key does; return whose limits it counts against.

        Raises:
            Turned away: `SessionRefused`, for its scopes or limits; keys are blamed for the latter.
        """
        created, sandbox_ns = kept.created, self.exchange.time_at(now_ns)
        if is_proven:
            kept.used(sandbox_ns, ip, self._names[endpoint.method, endpoint.path])
        check_scope(endpoint.scope, kept, sandbox_ns)
        self._give_fills_back(created.account_id, now_ns)
        if not is_proven:
            return []
        parties = [(Per.KEY, created.key), (Per.ACCOUNT, str(created.account_id))]
        for per, who in parties:
            over = self._count(per, who, weight, endpoint, ip, now_ns, usage, orders)
            if over is not None:
                raise SessionRefused(self._blamed(over, keys, ip, now_ns))
        return parties

    def _succeeded(
        self,
        endpoint: Endpoint,
        result: Any,
        parties: list[tuple[Per, str]],
        weight: int,
        now_ns: int,
        usage: list[Usage],
    ) -> None:
        """Count what was carried out, and give back what it weighed where success is free."""
        self.outcomes[OK] += 1
        if not (endpoint.is_free and usage):
            return
        if isinstance(result, Response) and result.status >= HTTPStatus.BAD_REQUEST:
            return
        usage[:] = [
            self.limiter.give_back(*party, Counts.WEIGHT, weight, endpoint=endpoint, now_ns=now_ns)
            for party in parties
        ]

    def _vouched(
        self, credentials: Credentials, ip: str, now_ns: int
    ) -> tuple[Credentials, KeptKey]:
        """Return the credentials of the key that a stream token stands for, and the key."""
        owner = self.redeem(credentials.token, ip, now_ns)
        kept = None if owner is None else self.exchange.keys.find(owner[1])
        if kept is None:
            why = "the token is unknown or its time is over; ask for another one"
            raise SessionRefused(Refusal(AccessReason.UNKNOWN_KEY, why))
        return credentials._replace(key=kept.created.key), kept

    def _give_fills_back(self, account_id: int, now_ns: int) -> None:
        """Do not count against an account's order limits what has traded since it last asked."""
        if not self.dialect.fills_give_back:
            return
        fills = self.exchange.counts.first_fills[account_id]
        fresh = fills - self._given_back[account_id]
        if fresh:
            self._given_back[account_id] = fills
            self.limiter.give_back(
                Per.ACCOUNT,
                str(account_id),
                Counts.ORDERS,
                fresh,
                endpoint=None,
                now_ns=now_ns,
            )

    def log_in(
        self,
        credentials: Credentials,
        scope: Scope | None,
        ip: str,
        now_ns: int,
        usage: list[Usage],
    ) -> int:
        """Return the account of valid credentials, by the same checks in the same order."""
        self._refuse_banned(ip, now_ns)
        over = self._count(Per.IP, ip, 1, None, ip, now_ns, usage)
        if over is not None:
            raise SessionRefused(self._escalated(over, lambda: credentials, ip, now_ns))
        kept = self._access.authenticate(credentials, Auth.SIGNED, ip, now_ns)
        sandbox_ns = self.exchange.time_at(now_ns)
        kept.used(sandbox_ns, ip, LOGIN)
        check_scope(scope, kept, sandbox_ns)
        if credentials.nonce is not None:
            self._access.journal_nonce(credentials, now_ns)
        self.outcomes[OK] += 1
        return kept.created.account_id

    def require(self, key: str, scope: Scope, ip: str, now_ns: int) -> None:
        """Raise SessionRefused unless a key that has been proven still may do this."""
        claimed = Credentials(key, "", (), None, 0, 0)
        kept = self._access.authenticate(claimed, Auth.KEY, ip, now_ns)
        check_scope(scope, kept, self.exchange.time_at(now_ns))

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
        orders: int = 1,
    ) -> Refusal | None:
        if not self.limiter.counts_of(per, endpoint):
            return None
        used, refusal = self.limiter.count(
            per, who, weight=weight, endpoint=endpoint, ip=ip, now_ns=now_ns, orders=orders
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
            return self._access.authenticate(_claimed(claim), Auth.SIGNED, ip, now_ns).created.key
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
                over = Refusal(AccessReason.UNKNOWN_KEY, revoked_for(cause))
        return over

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
        asker = self._asker(kept, now_ns, usage)
        try:
            charges = self._charge(endpoint, parameters, asker, ip, now_ns)
            message = endpoint.decode(parameters, asker)
            if kept is not None and kept.created.products:
                self._check_products(message, kept)
            # Before it is carried out: who hears of it hears of a counter that has it.
            for who, aged in charges:
                self.limiter.charge(who, aged, may_overshoot=True, ip=ip, now_ns=now_ns)
            answer = None if message is None else self._act(message, credentials, ip, now_ns)
            if isinstance(answer, Refused):
                for who, aged in charges:
                    self.limiter.charge(who, -aged, may_overshoot=True, ip=ip, now_ns=now_ns)
                return self._refused(answer, endpoint, parameters, asker)
            return endpoint.encode(answer, parameters, asker)
        except (UnitError, Unsupported, DecodeError) as error:
            raise SessionRefused(in_words(error)) from error

    def _asker(self, kept: KeptKey | None, now_ns: int, usage: list[Usage]) -> Asker:
        return Asker(
            kept.created.account_id if kept else 0,
            kept.created.key if kept else "",
            now_ns,
            self.exchange.listings,
            self.limiter.profile,
            self.exchange.history.order,
            tuple(used for part in usage for used in part) if usage else (),
            self.exchange.state_of,
            lambda query: self._answer(query, now_ns),
            self.exchange.time_at(now_ns),
        )

    @staticmethod
    def _refused(answer: Refused, endpoint: Endpoint, parameters: Struct, asker: Asker) -> Any:
        """Return what a route answers to the engine's refusal, or raise the usual one."""
        told = endpoint.refused and endpoint.refused(answer, parameters, asker)
        if told is not None:
            return told
        raise SessionRefused(Refusal(answer.reason, answer.message, answer.field))

    def _check_products(self, message: Decoded, kept: KeptKey) -> None:
        for each in message.commands if isinstance(message, Batch) else (message,):
            command = each.place if isinstance(each, PlaceClosing) else each
            if isinstance(command, UserCommand | ArmDeadMan):
                self._access.check_products(command, kept)

    def _charge(
        self, endpoint: Endpoint, parameters: Struct, asker: Asker, ip: str, now_ns: int
    ) -> list[tuple[str, int]]:
        """Count what a request costs per pair; return what is to be counted once it has succeeded.

        Raises:
            Turned away: `SessionRefused`, where it is more than is left.
        """
        later: list[tuple[str, int]] = []
        if endpoint.charges is None:
            return later
        for charge in endpoint.charges(parameters, asker):
            who = f"{asker.account_id}:{charge.instrument_id}"
            _, refusal = self.limiter.charge(
                who,
                charge.units,
                aged=charge.aged,
                may_overshoot=charge.may_overshoot,
                ip=ip,
                now_ns=now_ns,
            )
            if refusal is not None:
                raise SessionRefused(refusal)
            later.append((who, charge.aged))
        return later

    def _act(
        self,
        message: UserCommand
        | PlaceClosing
        | Query
        | Batch
        | MoneyMessage
        | StreamTokenMessage
        | DeadManMessage,
        credentials: Credentials | None,
        ip: str,
        now_ns: int,
    ) -> Answer | MoneyAnswer | StreamToken | DeadMan:
        if type(message) in _COMMANDS:
            if credentials is not None and credentials.nonce is not None:
                self._access.journal_nonce(credentials, now_ns)
            return self._perform(cast("UserCommand", message), now_ns)
        if isinstance(message, StreamTokenMessage):
            if self._tokens is None:
                raise Unsupported("there are no stream tokens here")
            return self._tokens.carry_out(message, self.exchange.time_at(now_ns))
        if isinstance(message, MoneyMessage):
            assert credentials is not None, "what tells of money is signed"
            if isinstance(message, MoneyCommand) and credentials.nonce is not None:
                self._access.journal_nonce(credentials, now_ns)
            caller = Caller(ip, self.exchange.time_at(now_ns), now_ns)
            return self._cashier.carry_out(message, credentials.key, caller)
        if not isinstance(message, PlaceClosing | Batch | DeadManMessage):
            return self._answer(cast("Query", message), now_ns)
        if credentials is not None and credentials.nonce is not None:
            self._access.journal_nonce(credentials, now_ns)
        if isinstance(message, DeadManMessage):
            return self.exchange.arm(message, self.exchange.time_at(now_ns))
        if isinstance(message, PlaceClosing):
            return self._perform(message, now_ns)
        return BatchAnswer(tuple(self._perform(each, now_ns) for each in message.commands))

    def _perform(self, message: UserCommand | PlaceClosing, now_ns: int) -> SingleAnswer:
        """Carry out a command, or return what its client order id has been answered already."""
        sandbox_ns = self.exchange.time_at(now_ns)
        if isinstance(message, Place):
            return self._place(message, sandbox_ns)
        history, for_ever = self.exchange.history, self.dialect.client_ids_for_ever
        known: SingleAnswer | None = None
        if isinstance(message, PlaceClosing):
            if message.place.client_order_id:
                known = known_order(message.place, history, for_ever=for_ever)
            if known is not None:
                return known
            return self.exchange.place_closing(message, sandbox_ns)
        if isinstance(message, PlaceGroup):
            known = known_group(message, history, for_ever=for_ever)
        return known if known is not None else self.exchange.perform(message, sandbox_ns)

    def _place(self, place: Place, sandbox_ns: int) -> SingleAnswer:
        """Place an order, or return what its client order id has been answered already."""
        if place.client_order_id:
            for_ever = self.dialect.client_ids_for_ever
            known = known_order(place, self.exchange.history, for_ever=for_ever)
            if known is not None:
                return known
        if self.partial_fills is not None:
            return self.partial_fills.perform(place, self.dialect.name, sandbox_ns)
        return self.exchange.perform(place, sandbox_ns)

    def _answer(self, query: Query, now_ns: int) -> Answer:
        if isinstance(query, ClockQuery):
            # What clients sign by; the sandbox's own is the administrator's.
            return Clock(now_ns + self._access.skew())
        answer = self.exchange.ask(query, self.exchange.time_at(now_ns))
        return self._faults.told(answer, self.dialect.name) if type(answer) is Status else answer


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
