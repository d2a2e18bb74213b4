"""What a bot's own port serves: its state, its kill switch, its metrics.

    ws   /ws?token=T      the whole state, pushed when it has changed
    GET  /status          the same, once
    POST /kill, /resume   the latch; answered when the venue has been asked
    POST /reconcile       compare everything with the venue now
    POST /resolve         {"client_order_id", "decision", "who", "why"}: a person decides
    POST /breaker         {"name", "who", "why"}: a breaker that has tripped may resume
    GET  /metrics         numbers for Prometheus, without a token
    GET  /, /assets/...   the page of all bots here, without a token; what it asks is /page/...

Host must be this port on loopback, and Origin, where a browser sends one, any page of this
machine; the token, which pages from elsewhere cannot read, must fit (`x-steelyard-token`, or
in the query for a WebSocket, which can have no headers).
"""

import asyncio
import hmac
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Annotated, Any, Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta, Struct

from steelyard.cli.exposition import Buckets, Family, Sample, Value, exposition, metrics_response
from steelyard.cli.trader_page import TraderPage
from steelyard.dashboard.headers import private
from steelyard.net.server import WebSocketConnection
from steelyard.trading.actions import Decision
from steelyard.wire.http import Request, Response, json_response

NS_PER_MS = 1_000_000
TOKEN_HEADER = "x-steelyard-token"  # noqa: S105 a header's name
SOCKETS_MAX = 20
MS_PER_S, US_PER_S = 1_000, 1_000_000
CLOCK = ("offset_us", "error_us", "jitter_us")
PATHS = ("/status", "/metrics", "/kill", "/resume", "/reconcile", "/resolve", "/breaker")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Bot(Protocol):
    """What the site asks of the process behind it."""

    def document(self) -> dict[str, Any]:
        """Return the state."""
        ...

    async def kill(self, why: str) -> dict[str, Any]:
        """Latch trading off, and return what came of it."""
        ...

    async def resume(self, why: str) -> dict[str, Any]:
        """Lift the latch."""
        ...

    async def reconcile(self, who: str) -> dict[str, Any]:
        """Compare everything with the venue, and return what came of it."""
        ...

    async def resolve(
        self, client_order_id: str, decision: Decision, who: str, why: str
    ) -> dict[str, Any]:
        """Take a person's word on an order, and return whether it counts."""
        ...

    async def resume_breaker(self, name: str, who: str, why: str) -> dict[str, Any]:
        """Let a breaker resume, and return whether it has."""
        ...


class BreakerBody(Struct, forbid_unknown_fields=True):
    """What /breaker is sent."""

    name: str
    why: Annotated[str, Meta(min_length=1, max_length=500)]
    who: Annotated[str, Meta(min_length=1, max_length=100)] = "a person at this machine"


class ResolveBody(Struct, forbid_unknown_fields=True):
    """What /resolve is sent."""

    client_order_id: str
    decision: Decision
    why: Annotated[str, Meta(min_length=1, max_length=500)]
    who: Annotated[str, Meta(min_length=1, max_length=100)] = "a person at this machine"


class BotSite:
    """The site of one bot."""

    def __init__(
        self,
        bot: Bot,
        token: str,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        hidden: Callable[[bytes], bytes] = bytes,
        page: TraderPage | None = None,
    ) -> None:
        """`hidden` takes secrets out of what is told: an error of a strategy may say them."""
        self.port = 0  # known once it listens
        self._hidden = hidden
        self._page = page
        self._bot = bot
        self._token = token
        self._spawn = spawn
        self._sockets: set[WebSocketConnection] = set()
        self._last = b""

    # -- requests -----------------------------------------------------------------------------

    def http(self, request: Request, _ip: str, send: Callable[[Response], None]) -> None:
        """Answer a request."""

        def reply(response: Response) -> None:
            send(private(response))

        page = self._page if self._page and self._page.serves(request.path) else None
        is_open = request.path == "/metrics" or (page is not None and page.is_open(request.path))
        refused = self._refusal(request, needs_token=not is_open)
        if refused is not None:
            reply(refused)
            return
        if page is not None:
            self._spawn(self._answer_page(page, request, reply))
            return
        match request.method, request.path:
            case "GET", "/status":
                reply(json_response(200, self._encoded(self._bot.document())))
            case "GET", "/metrics":
                reply(metrics_response(metrics_text(self._bot.document())))
            case "POST", "/kill":
                self._spawn(self._answer(self._bot.kill("the kill switch was pressed"), reply))
            case "POST", "/resume":
                self._spawn(self._answer(self._bot.resume("the latch was lifted"), reply))
            case "POST", "/reconcile":
                self._spawn(self._answer(self._bot.reconcile("somebody on this machine"), reply))
            case "POST", "/resolve":
                self._resolve(request.body, reply)
            case "POST", "/breaker":
                self._resume_breaker(request.body, reply)
            case _, path if path in PATHS:
                reply(_refused(405, "METHOD_NOT_ALLOWED", "use GET for status, POST for kill"))
            case _:
                reply(_refused(404, "NOT_FOUND", f"there are {', '.join(PATHS)}"))

    async def _answer_page(
        self, page: TraderPage, request: Request, reply: Callable[[Response], None]
    ) -> None:
        reply(await page.respond(request))

    async def close(self) -> None:
        """Let go of what the page has started."""
        if self._page is not None:
            await self._page.close()

    def _resolve(self, body: bytes, reply: Callable[[Response], None]) -> None:
        try:
            asked = msgspec.json.decode(body, type=ResolveBody)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reply(_refused(400, "BODY", str(error)))
            return
        deciding = self._bot.resolve(asked.client_order_id, asked.decision, asked.who, asked.why)
        self._spawn(self._answer(deciding, reply))

    def _resume_breaker(self, body: bytes, reply: Callable[[Response], None]) -> None:
        try:
            asked = msgspec.json.decode(body, type=BreakerBody)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reply(_refused(400, "BODY", str(error)))
            return
        resuming = self._bot.resume_breaker(asked.name, asked.who, asked.why)
        self._spawn(self._answer(resuming, reply))

    async def _answer(
        self, result: Coroutine[Any, Any, dict[str, Any]], reply: Callable[[Response], None]
    ) -> None:
        document = await result
        status = 503 if document.get("error") else 200
        reply(json_response(status, self._encoded(document)))

    # -- the stream of states -----------------------------------------------------------------

    def websocket(
        self, request: Request, _ip: str, connection: WebSocketConnection
    ) -> bool | Response:
        """Begin to push the state; a Response says why not."""
        if refused := self._refusal(request, needs_token=True):
            return refused
        if request.path != "/ws":
            return _refused(404, "NOT_FOUND", "the stream of this bot is at /ws")
        if len(self._sockets) >= SOCKETS_MAX:
            return _refused(503, "FULL", f"{SOCKETS_MAX} pages watch this bot; close one of them")
        self._sockets.add(connection)
        connection.on_close = lambda: self._sockets.discard(connection)
        # The handshake ends after this call; the state follows it.
        asyncio.get_running_loop().call_soon(
            lambda: connection.send(self._encoded(self._bot.document()))
        )
        return True

    def push(self) -> None:
        """Send the state to everybody, if it is another one than last time."""
        if not self._sockets:
            return
        document = self._bot.document()
        payload = self._encoded(document)
        quiet = dict.fromkeys(("time", "channels", "strategy"))  # they change all the time
        if lease := document.get("lease"):
            quiet["lease"] = {**lease, "left_ms": None, "until": None}
        fingerprint = msgspec.json.encode({**document, **quiet})
        if fingerprint == self._last:
            return
        self._last = fingerprint
        for socket in self._sockets:
            socket.send(payload)

    def _encoded(self, document: dict[str, Any]) -> bytes:
        return self._hidden(msgspec.json.encode(document))

    # -- who asks -----------------------------------------------------------------------------

    def _refusal(self, request: Request, *, needs_token: bool) -> Response | None:
        try:
            host = urlsplit(f"//{request.headers.get('host', '')}")
            origin = urlsplit(request.headers.get("origin", "http://127.0.0.1"))
            is_ours = host.hostname in _LOOPBACK and host.port == self.port
            is_local = origin.hostname in _LOOPBACK and origin.scheme == "http"
        except ValueError:
            is_ours = is_local = False
        if not is_ours:
            return _refused(403, "HOST", "this is not the host that this bot listens on")
        if not is_local:
            return _refused(403, "ORIGIN", "a page from elsewhere may not ask this")
        if not needs_token:
            return None
        given = request.headers.get(TOKEN_HEADER) or next(
            iter(parse_qs(request.query).get("token", [])), ""
        )
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return _refused(401, "TOKEN", f"send this bot's token in {TOKEN_HEADER}, or as ?token=")
        return None


FAMILIES = tuple(
    Family(f"steelyard_bot_{name}", kind, text, ("bot", "symbol"))
    for name, kind, text in (
        ("running", "gauge", "1 while the bot may trade."),
        ("killed", "gauge", "1 after the kill switch."),
        ("position_base", "gauge", "What its fills add up to, in the base asset."),
        ("pnl_quote", "gauge", "Profit and loss after fees, in the quote asset."),
        ("fees_quote", "counter", "Fees paid, in the quote asset."),
        ("open_orders", "gauge", "Its orders that are open."),
        ("foreign_orders", "gauge", "Open orders on its symbol that are not its own."),
        ("book_live", "gauge", "1 while its book may be traded on."),
        ("book_gaps_total", "counter", "How often changes of the book were missing."),
        ("book_snapshots_total", "counter", "How often the book was read as a whole."),
        (
            "book_off_tick_levels",
            "gauge",
            "Levels whose price is off the tick, shown at the next.",
        ),
        ("refused_intents_total", "counter", "What the risk limits refused."),
        ("trade_gaps_total", "counter", "How often trades were missed."),
        ("trade_gaps_unfilled_total", "counter", "How often not all of them were told afterwards."),
        ("clock_offset_seconds", "gauge", "The venue's clock less this machine's."),
        ("clock_error_seconds", "gauge", "How wrong that may be."),
        ("clock_jitter_seconds", "gauge", "How much the last measurements of it differ."),
        ("venue_stop_seconds", "gauge", "For how long the venue wants nothing sent."),
        ("venue_banned", "gauge", "1 while the venue has banned this machine."),
        ("order_ms_p50", "gauge", "Median time from an order to its answer, in ms."),
        ("order_ms_p99", "gauge", "The same of the slowest of a hundred."),
        ("pnl_realized_quote", "gauge", "Realized profit after fees, in the quote asset."),
        ("orders_total", "counter", "Orders that were decided on, in this run."),
        ("fill_ratio", "gauge", "What was filled as a share of what was ordered, by size."),
        (
            "slippage_ratio",
            "gauge",
            "What fills cost against the middle on which they were decided, as a share.",
        ),
        ("reject_ratio", "gauge", "Orders that the venue refused as a share of all."),
        ("spread_quote", "gauge", "From the best bid to the best ask."),
    )
)


CHANNEL_AGE = Family(
    "steelyard_bot_channel_age_seconds",
    "gauge",
    "For how long a channel said nothing and nothing proved it right.",
    ("bot", "symbol", "channel"),
)
LIMIT_USED, LIMIT = (
    Family(f"steelyard_bot_{name}", "gauge", text, ("bot", "symbol", "limit"))
    for name, text in (
        ("limit_used", "What all traders of this machine have used of a venue's limit."),
        ("limit", "How much of it there is."),
    )
)


_NAMES = ("bot", "symbol")
REJECTS = Family(
    "steelyard_bot_rejects_total", "counter", "Orders that the venue refused.", (*_NAMES, "reason")
)
ADVERSE = Family(
    "steelyard_bot_adverse_selection_ratio",
    "gauge",
    "How far the middle moved against fills after a time, as a share.",
    (*_NAMES, "after"),
)
LATENCY = Family(
    "steelyard_bot_latency_seconds",
    "histogram",
    "decided: from the venue's time of the book to the decision; wire: until its bytes leave; ack: "
    "until the venue's answer; fill: from the decision to the first fill.",
    (*_NAMES, "step"),
)
QUEUE = Family(
    "steelyard_bot_queue_ahead_base",
    "gauge",
    "What is at most ahead of resting orders at their prices, together.",
    (*_NAMES, "side"),
)
DEPTH = Family(
    "steelyard_bot_depth_base",
    "gauge",
    "What stands within a share of the middle.",
    (*_NAMES, "side", "within"),
)
RISK_LIMIT, RISK_USED = (
    Family(f"steelyard_bot_{name}", "gauge", text, (*_NAMES, "limit"))
    for name, text in (
        ("risk_limit", "A limit of [risk] that is set."),
        ("risk_used", "What is used of it."),
    )
)
BREAKER = Family(
    "steelyard_bot_breaker_tripped",
    "gauge",
    "1 while a breaker holds what adds risk; of those that are not off.",
    (*_NAMES, "breaker"),
)
LEASE_TERM, LEASE_ALLOWED, LEASE_LEFT, LEASE_STANDBYS = (
    Family(f"steelyard_bot_lease_{name}", "gauge", text, (*_NAMES, "kind"))
    for name, text in (
        ("term", "How often the bot's lease has been taken; who has a lower one has lost it."),
        ("allowed", "What may leave: 2 everything, 1 only cancels, 0 nothing."),
        ("left_seconds", "How long it lasts without a renewal; a lock of the host has no end."),
        ("standbys", "How many other hosts wait to take over."),
    )
)
_ALLOWED = {"nothing": 0, "cancels": 1, "all": 2}
NAN = "NaN"
WITHIN = {"1": "0.1%", "10": "1%"}
LABELED = (
    CHANNEL_AGE,
    LIMIT_USED,
    LIMIT,
    REJECTS,
    ADVERSE,
    LATENCY,
    QUEUE,
    DEPTH,
    RISK_LIMIT,
    RISK_USED,
    BREAKER,
    LEASE_TERM,
    LEASE_ALLOWED,
    LEASE_LEFT,
    LEASE_STANDBYS,
)
MS_TO_S = 1_000


def metrics_text(document: dict[str, Any]) -> str:
    """Return a state as Prometheus reads numbers."""
    clock = document["clock"] or dict.fromkeys(CLOCK, float("nan"))
    pacing = document["pacing"] or {"limits": (), "stopped_until": None, "is_banned": False}
    stopped_ms = max(0, (pacing["stopped_until"] or 0) - document["time"])
    bot = document["bot"]
    latency = document["latency"] or {}
    measures = document["measures"]
    book = document["book"] or {"state": "waiting", "gaps": 0, "snapshots": 0, "off_tick": 0}
    values: tuple[Value, ...] = (
        int(document["status"] == "running"),
        int(document["status"] == "killed"),
        document["position"]["size"],
        document["pnl"]["total"],
        document["pnl"]["fees"],
        len(document["orders"]),
        document["foreign_orders"],
        int(book["state"] == "live"),
        book["gaps"],
        book["snapshots"],
        book["off_tick"],
        document["risk"]["refused"],
        document["trades"]["gaps"],
        document["trades"]["unfilled"],
        *(clock[name] / US_PER_S for name in CLOCK),
        stopped_ms / MS_PER_S,
        int(pacing["is_banned"]),
        latency.get("order_ms_p50", "NaN"),
        latency.get("order_ms_p99", "NaN"),
        _realized(document["pnl"]),
        measures["orders"],
        _or_nan(measures["fill_ratio"]),
        _or_nan(measures["slippage"]),
        sum(measures["refusals"].values()) / measures["orders"] if measures["orders"] else NAN,
        _or_nan(measures["spread"]),
    )
    labels = (bot["name"], bot["symbol"])
    told = zip(FAMILIES, values, strict=True)
    found: dict[Family, Sequence[Sample | Buckets]] = {
        family: [(labels, value)] for family, value in told
    }
    found |= _measured(document, labels)
    found |= _leased(document.get("lease"), labels)
    found[CHANNEL_AGE] = [
        ((*labels, name), channel["age_ms"] / MS_PER_S)
        for name, channel in document["channels"].items()
        if channel["age_ms"] is not None
    ]
    found[LIMIT_USED] = [((*labels, row["name"]), row["used"]) for row in pacing["limits"]]
    found[LIMIT] = [((*labels, row["name"]), row["limit"]) for row in pacing["limits"]]
    return exposition(found)


def _leased(lease: dict[str, Any] | None, labels: tuple[str, str]) -> dict[Family, list[Sample]]:
    """Return the families of a bot's lease; without samples where it has none."""
    families = (LEASE_TERM, LEASE_ALLOWED, LEASE_LEFT, LEASE_STANDBYS)
    if lease is None:
        return {family: [] for family in families}
    left_ms = lease["left_ms"]
    values: tuple[Value, ...] = (
        lease["term"],
        _ALLOWED[lease["allowed"]],
        "+Inf" if left_ms is None else left_ms / MS_PER_S,
        len(lease["standbys"]),
    )
    told = (*labels, lease["kind"])
    return {family: [(told, value)] for family, value in zip(families, values, strict=True)}


def _measured(
    document: dict[str, Any], labels: tuple[str, str]
) -> dict[Family, Sequence[Sample | Buckets]]:
    """Return the families with labels of what a bot measures, and of its limits and breakers."""
    measures = document["measures"]
    ahead = {"buy": Decimal(0), "sell": Decimal(0)}
    for order in document["orders"]:
        if order.get("ahead") is not None:
            ahead[order["side"]] += Decimal(order["ahead"])
    bounds_s = tuple(bound_ms / MS_TO_S for bound_ms in measures["bounds_ms"])
    limits = [use for use in document["risk"]["limits"] if use["limit"] is not None]
    return {
        REJECTS: [((*labels, why), count) for why, count in sorted(measures["refusals"].items())],
        ADVERSE: [((*labels, after), _or_nan(of)) for after, of in measures["adverse"].items()],
        LATENCY: [
            Buckets((*labels, step), bounds_s, tuple(counts), sum_us / US_PER_S)
            for step, (counts, sum_us) in measures["latencies"].items()
        ],
        QUEUE: [((*labels, side), str(size)) for side, size in ahead.items()],
        DEPTH: [
            ((*labels, side, WITHIN[parts]), size)
            for name, size in (measures["depth"] or {}).items()
            for side, _, parts in (name.partition("_"),)
        ],
        RISK_LIMIT: [((*labels, use["name"]), use["limit"]) for use in limits],
        RISK_USED: [
            ((*labels, use["name"]), use["used"]) for use in limits if use["used"] is not None
        ],
        BREAKER: [
            ((*labels, breaker["name"]), int(breaker["state"] == "tripped"))
            for breaker in document["breakers"]
            if breaker["state"] != "off"
        ],
    }


def _or_nan(text: str | None) -> str:
    return NAN if text is None else text


def _realized(pnl: dict[str, str]) -> str:
    return str(Decimal(pnl["realized"]) - Decimal(pnl["fees"]))


def _refused(status: int, code: str, message: str) -> Response:
    return json_response(status, msgspec.json.encode({"error": {"code": code, "message": message}}))


def latency(latencies_ns: list[int]) -> dict[str, float] | None:
    """Return how long orders took, in the middle and at the longest; None: there was none."""
    if not latencies_ns:
        return None
    ordered = sorted(latencies_ns)
    return {
        "order_ms_p50": round(ordered[len(ordered) // 2] / NS_PER_MS, 2),
        "order_ms_p99": round(ordered[len(ordered) * 99 // 100] / NS_PER_MS, 2),
    }
