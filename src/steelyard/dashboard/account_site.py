"""`/account/*` on the native port: what a person does in a browser, as JSON.

Three guards stand before every route: Host and Origin (`guard.py`), the session's cookie, and on
everything but GET the session's CSRF token in `x-steelyard-csrf`. What may be done is decided by
the pure machine (`exchange/personal.py`); this reads, hashes passwords beside the loop, and answers
when what happened is on disk. Errors are `{"error": {"code", "message", "field", "hint"}}`.

The cookie is named after the port, because browsers share cookies between the ports of a host; over
TLS it is `Secure`. `Path=/account` rules the `__Host-` prefix out.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import Struct

from steelyard.dashboard.guard import Guard
from steelyard.dashboard.hashing import Busy, Hashing, Passwords
from steelyard.dashboard.pace import Pace
from steelyard.dashboard.sessions import Session, Sessions
from steelyard.domain.errors import ConfigError, SteelyardError, UsageError
from steelyard.exchange.admin import Admin
from steelyard.exchange.declined import Decline, Declined
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.people import Person
from steelyard.exchange.personal import Caller, Personal
from steelyard.wire.dialect import Entropy
from steelyard.wire.http import Request, Response, json_response
from steelyard.wire.limits import Counts, Limit, Per

CSRF_HEADER = "x-steelyard-csrf"
BODY_MAX_BYTES = 16 << 10
MINUTE_NS = 60 * 1_000_000_000
# From one address; who is signed in counts alone. A page asks a few times a minute, and a person
# has a few of them open.
REQUESTS_PER_IP = Limit("account requests", Per.IP, Counts.REQUESTS, 1_200, MINUTE_NS)
VISITS_PER_IP = Limit("account visits", Per.IP, Counts.REQUESTS, 120, MINUTE_NS)  # new sessions
OPEN_MAX = 200  # requests that are being answered; beyond it 503
ROOT = "/account/"
SECOND_NS = 1_000_000_000

Reply = Callable[[Response], None]
T = TypeVar("T")
encode = msgspec.json.Encoder().encode

_STATUS = {
    Decline.CREDENTIALS: 401,
    Decline.SECOND_FACTOR: 401,
    Decline.LOCKED: 429,
    Decline.RATE_LIMITED: 429,
    Decline.MAINTENANCE: 503,
    Decline.TOTP_REQUIRED: 403,
    Decline.PASSWORD_CHANGE_REQUIRED: 403,
    Decline.NAME_TAKEN: 409,
    Decline.NOT_FOUND: 404,
    Decline.CONFLICT: 409,
    Decline.INVALID: 400,
    Decline.INSUFFICIENT_BALANCE: 409,
    Decline.TOO_MANY: 409,
    Decline.COOLING: 409,
}


class AccountHost(Protocol):
    """What the account site asks of the process around it."""

    exchange: Exchange
    admin: Admin
    personal: Personal

    def wire_ns(self) -> int:
        """Return the time that people's telephones show."""
        ...

    def sandbox_ns(self) -> int:
        """Return the exchange's time."""
        ...

    def answer(self, act: Callable[[], Any]) -> "asyncio.Future[Any]":
        """Let the machine act once; done when it is on disk."""
        ...


class Asked(NamedTuple):
    """One request that has passed the guards."""

    body: Any  # the route's struct
    name: str  # what the path names, or ""
    query: dict[str, str]
    session: Session
    caller: Caller


class Said(NamedTuple):
    """An answer; token is the session's new id, where it has one."""

    document: Any
    status: int = 200
    token: str | None = None


Handler = Callable[[Asked], Awaitable[Said]]


class Route(NamedTuple):
    """One method of one path; `*` in the path is a name, which the handler gets."""

    method: str
    path: str
    act: Handler
    body: type[Struct] | None = None
    is_open: bool = False  # to who has not signed in
    even_temporary: bool = False  # even with a password that has to be changed
    in_maintenance: bool = False  # carried out all the same; what is only read always is


class AccountSite:
    """The guards, the sessions and the table of routes."""

    def __init__(
        self,
        host: AccountHost,
        guard: Guard,
        *,
        entropy: Entropy,
        passwords: Passwords,
        tls_port: int | None = None,
    ) -> None:
        """Serve where `guard` stands; `tls_port` is the one that speaks TLS, where there is one."""
        self.host = host
        self.sessions = Sessions(entropy)
        self.hashing = Hashing(passwords)
        self._guard = guard
        self._requests, self._visits = Pace(REQUESTS_PER_IP), Pace(VISITS_PER_IP)
        self._tls_port = "" if tls_port is None else str(tls_port)
        self._is_over = False
        self._routes: dict[str, dict[str, Route]] = {}
        self._decoders: dict[type[Struct], msgspec.json.Decoder[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, routes: list[Route]) -> None:
        """Serve more routes."""
        for route in routes:
            self._routes.setdefault(route.path, {})[route.method] = route
            if route.body is not None:
                self._decoders[route.body] = msgspec.json.Decoder(route.body)

    def routes(self) -> list[Route]:
        """Return every route."""
        return [route for methods in self._routes.values() for route in methods.values()]

    def close(self) -> None:
        """Answer who waits that nothing more will come, and let go of the threads."""
        self._is_over = True
        for task in self._tasks:
            task.cancel()
        self.hashing.close()

    def serves(self, path: str) -> bool:
        """Whether a path is of this site."""
        return path.startswith(ROOT)

    def http(self, request: Request, ip: str, reply: Reply) -> None:
        """Answer a request, later."""
        if refusal := self._guard.refusal(request, needs_token=False):
            reply(refusal)
            return
        if self._is_over:
            reply(_stopping())
            return
        try:
            asker = self._asker(request, ip)
            if asker == ip or not self._closes_a_door(request):
                self._count(self._requests, REQUESTS_PER_IP, asker)
        except Declined as declined:
            reply(_declined(declined))
            return
        if len(self._tasks) >= OPEN_MAX:
            reply(error(503, "BUSY", "too much at once; try again in a second", retry_after_s=1))
            return
        task = asyncio.get_running_loop().create_task(self._later(request, ip, reply))
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, reply))

    def caller(self, ip: str) -> Caller:
        """Return who asks, at this moment."""
        return Caller(ip, self.host.sandbox_ns(), self.host.wire_ns())

    def person(self, session: Session) -> Person:
        """Return who a session is of."""
        assert session.person_id is not None, "the route is not open"
        return self.host.exchange.people.get(session.person_id)

    async def act(self, session: Session, work: Callable[[], T]) -> T:
        """Let the machine act, and return what came of it when it is on disk.

        Raises:
            Declined: Somebody has signed the session out since its request came.
            UsageError: What the act raised; what it had changed by then is on disk too.
        """

        def carefully() -> tuple[T | None, UsageError | None]:
            try:
                if session.person_id is not None and not self.sessions.is_live(session):
                    raise _signed_out()
                return work(), None
            except UsageError as refused:
                return None, refused

        result, refused = await self.host.answer(carefully)
        if refused is not None:
            raise refused
        done: T = result
        return done

    def _ended(self, task: "asyncio.Task[None]", reply: Reply) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            reply(_stopping())

    # -- one request ------------------------------------------------------------------------

    async def _later(self, request: Request, ip: str, reply: Reply) -> None:
        try:
            response = await self._respond(request, ip)
        except Declined as declined:
            response = _declined(declined)
        except Busy as busy:
            response = error(503, "BUSY", str(busy), retry_after_s=1)
        except ConfigError:  # about our files, which are nobody's business
            reply(_failed())
            raise
        except UsageError as refused:
            response = error(400, "INVALID", str(refused))
        except SteelyardError as failed:
            response = error(502, "FAILED", str(failed))
        except Exception:
            reply(_failed())
            raise
        reply(response)

    async def _respond(self, request: Request, ip: str) -> Response:
        route, name = self._find(request)
        caller = self.caller(ip)
        session, token = self._session(request, route, caller)
        if request.method != "GET":
            self._check_csrf(request, session)
        if not route.is_open:
            if session.person_id is None:
                raise _signed_out()
            if self.person(session).is_temporary and not route.even_temporary:
                raise Declined(
                    Decline.PASSWORD_CHANGE_REQUIRED,
                    "this password is a temporary one; choose your own first",
                    hint="POST /account/password",
                )
        self._refuse_in_maintenance(request, route)
        body = self._body(request, route)
        said = await route.act(Asked(body, name, dict(request.pairs()), session, caller))
        headers = {}
        token = said.token or token
        if token:
            secure = "; Secure" if _port(request) == self._tls_port else ""
            headers["set-cookie"] = (
                f"{_cookie(request)}={token}; HttpOnly; SameSite=Strict; Path=/account{secure}"
            )
        return json_response(said.status, encode(said.document), headers)

    def _closes_a_door(self, request: Request) -> bool:
        """Return whether it only takes something away from who may be over a limit."""
        try:
            route, _ = self._find(request)
        except Declined:
            return False
        return route.in_maintenance and not route.is_open

    def _asker(self, request: Request, ip: str) -> str:
        """Return who a request counts against: its address, or a session that is signed in.

        So whoever is signed in is not kept out by what others of their address send.
        """
        session = self._known(request, self.host.sandbox_ns())
        return ip if session is None or session.person_id is None else session.session_id

    def _count(self, pace: Pace, limit: Limit, who: str) -> None:
        """Count a request, or raise Declined; by the host's clock, which never stops."""
        wait_ns = pace.wait_ns(who, self.host.wire_ns())
        if wait_ns:
            raise Declined(
                Decline.RATE_LIMITED,
                f"over the limit of {limit.limit} {limit.name} per "
                f"{limit.window_ns // SECOND_NS} s",
                hint="wait for as long as Retry-After says, and ask less often",
                retry_after_ns=wait_ns,
            )

    def _refuse_in_maintenance(self, request: Request, route: Route) -> None:
        if request.method == "GET" or route.in_maintenance:
            return
        wait_ns = self.host.exchange.maintenance_ns
        if wait_ns is not None:
            raise Declined(
                Decline.MAINTENANCE,
                "the exchange is in maintenance: nothing was taken up",
                retry_after_ns=wait_ns,
            )

    def _find(self, request: Request) -> tuple[Route, str]:
        path, name = request.path, ""
        methods = self._routes.get(path)
        if methods is None:
            parts = path.split("/")
            for place in range(3, len(parts)):
                pattern = "/".join([*parts[:place], "*", *parts[place + 1 :]])
                if parts[place] and pattern in self._routes:
                    methods, name = self._routes[pattern], parts[place]
                    break
        if methods is None:
            raise _Refused(404, "NOT_FOUND", f"there is no {path[:100]} here")
        route = methods.get(request.method)
        if route is None:
            allowed = ", ".join(sorted(methods))
            raise _Refused(405, "METHOD", f"{path[:100]} takes {allowed}")
        return route, name

    def _session(
        self, request: Request, route: Route, caller: Caller
    ) -> tuple[Session, str | None]:
        """Return the request's session, and the cookie's value where it has to be set."""
        session = self._known(request, caller.now_ns)
        if session is not None and not self._has_ended(session):
            return session, None
        if request.method != "GET":
            raise _Refused(
                403, "CSRF", "there is no session, or it has ended: GET /account/session first"
            )
        if not route.is_open:
            raise _Refused(401, "SIGN_IN", "sign in first: POST /account/sign-in")
        self._count(self._visits, VISITS_PER_IP, caller.ip)
        agent = request.headers.get("user-agent", "")
        token, session = self.sessions.open(caller.ip, agent, caller.now_ns)
        return session, token

    def _known(self, request: Request, now_ns: int) -> Session | None:
        """Return the session of a request's cookie."""
        session, cookie = None, _cookie(request)
        for part in request.headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == cookie:
                session = self.sessions.find(value, now_ns)
        return session

    def _has_ended(self, session: Session) -> bool:
        """Whether the password was changed since, by another session or an administrator."""
        if session.person_id is None or session.generation == self.person(session).generation:
            return False
        self.sessions.end(session)
        return True

    @staticmethod
    def _check_csrf(request: Request, session: Session) -> None:
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), session.csrf.encode()):
            raise _Refused(
                403, "CSRF", f"send the session's CSRF token in {CSRF_HEADER}: GET /account/session"
            )

    def _body(self, request: Request, route: Route) -> Any:
        if len(request.body) > BODY_MAX_BYTES:
            raise _Refused(413, "TOO_LARGE", f"a body here has at most {BODY_MAX_BYTES} bytes")
        if route.body is None:
            return None
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.body and kind != "application/json":
            raise _Refused(415, "MEDIA_TYPE", "send the body as application/json")
        try:
            return self._decoders[route.body].decode(request.body or b"{}")
        except (msgspec.DecodeError, UnicodeError, RecursionError) as wrong:
            raise _malformed(str(wrong)) from wrong


class _Refused(Declined):
    """What the guards refuse, with its own status and code."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(Decline.INVALID, message, field=field)
        self.status, self.word = status, code


def _signed_out() -> _Refused:
    return _Refused(401, "SIGN_IN", "sign in first: POST /account/sign-in")


def error(
    status: int,
    code: str,
    message: str,
    *,
    field: str | None = None,
    hint: str | None = None,
    retry_after_s: int | None = None,
) -> Response:
    """Return an error in the site's form."""
    headers = {}
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    document = {"error": {"code": code, "message": message, "field": field, "hint": hint}}
    return json_response(status, encode(document), headers)


def _port(request: Request) -> str:
    return request.headers["host"].rpartition(":")[2]  # the guard knows it


def _cookie(request: Request) -> str:
    """Return the cookie's name."""
    return f"steelyard-session-{_port(request)}"


def _failed() -> Response:
    return error(500, "FAILED", "this went wrong here; the log of the exchange says how")


def _stopping() -> Response:
    return error(
        503,
        "UNAVAILABLE",
        "this exchange is stopping; whether this was carried out is not known here, so look when "
        "it runs again",
    )


def _declined(declined: Declined) -> Response:
    if isinstance(declined, _Refused):
        return error(declined.status, declined.word, str(declined), field=declined.field)
    wait_ns = declined.retry_after_ns
    return error(
        _STATUS[declined.code],
        declined.code.value,
        str(declined),
        field=declined.field,
        hint=declined.hint,
        retry_after_s=None if wait_ns is None else ceil(wait_ns / SECOND_NS),
    )


def _malformed(message: str) -> _Refused:
    """Return the refusal of a body, with the field that msgspec's message names."""
    text, _, path = message.partition(" - at `$")
    field = path.rstrip("`").strip(".") or None
    return _Refused(400, "INVALID", text, field)
