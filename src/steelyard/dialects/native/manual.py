"""The native API in words: one list of blocks, from which page and reference are rendered.

Routes, parameters, limits, channels and error codes come from the same tables that the gate
serves from; only the explanations are written here. Text in blocks is plain, with `code` and
[links](#to); how it looks is for page.py and markdown.py.
"""

import json
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any, NamedTuple

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from steelyard.dialects.native import (
    errors,
    forms,
    messages,
    stream,
    stream_messages,
    terms,
)
from steelyard.dialects.native.auth import WS_TARGET, payload, sign
from steelyard.dialects.native.calls import CALLS
from steelyard.dialects.native.examples import EXAMPLES
from steelyard.dialects.native.limits import LIMITS, Weight
from steelyard.dialects.native.openapi import (
    RATE_HEADERS,
    STATUS_NAMES,
    TAGS,
    Json,
    body_example,
    example_of,
    form_of,
    path_names,
    tag_of,
)
from steelyard.dialects.native.parameters import WITH_BODY
from steelyard.dialects.native.programs import program
from steelyard.domain.commands import GROUP_MAX
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import GroupKind, OrderType, RejectReason
from steelyard.wire.dialect import AccessReason, Auth, ChannelKind, Dialect, Endpoint

LINE_MAX = 88  # of JSON in examples


class Heading(NamedTuple):
    """A heading; level 1 is the title."""

    level: int
    text: str
    anchor: str


class Prose(NamedTuple):
    """A paragraph."""

    text: str


class Bullets(NamedTuple):
    """A list."""

    items: tuple[str, ...]


class Table(NamedTuple):
    """A table; cells are text like any other."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Code(NamedTuple):
    """A listing. A language of `python` can be run."""

    language: str
    text: str


class Route(NamedTuple):
    """The head of a route's entry; who is `public` or the scope that is needed."""

    method: str
    path: str
    summary: str
    who: str
    weight: str
    anchor: str


class Problem(NamedTuple):
    """One error code."""

    code: str
    status: int
    meaning: str
    mend: str


Block = Heading | Prose | Bullets | Table | Code | Route | Problem

CONVENTIONS = (
    (
        'Prices, sizes and amounts are decimal strings: `"61000.10"`. Nothing is rounded for you: '
        "a price off the tick or a size off the lot is refused, and the answer names the nearest "
        "right ones."
    ),
    "Times are integers in milliseconds since 1970, UTC; nanoseconds where a name ends in `_ns`.",
    "Symbols are `BTC-USDT`; `BTC/USDT` means the same.",
    (
        "Unknown parameters are refused, and the answer names the one that was probably meant. "
        "Answers may gain fields; ignore what you do not know."
    ),
    (
        "Fees are taken in the quote asset, and a buy's hold includes its fee; an order may say "
        "otherwise by `fee_asset`."
    ),
    (
        "Lists are oldest first. An answer's `next` and `previous` are cursors to what comes after "
        "and before it, null where nothing is; send one as `cursor`, with the same other "
        "parameters. They point at entries, not at counts, so that what happens meanwhile neither "
        "repeats nor hides one."
    ),
)

VECTOR = """\
import hashlib, hmac

signed = b"1795000000000" b"n-1" b"GET" b"/api/v1/orders?open=true" b""
signature = hmac.new(b"a secret", signed, hashlib.sha256).hexdigest()
assert signature == "SIGNATURE"
"""

ORDER_TYPES = {
    OrderType.LIMIT: "At your price or better.",
    OrderType.MARKET: "At what is there, now; never rests.",
    OrderType.STOP: "A market order once the price has moved against you to the trigger.",
    OrderType.STOP_LIMIT: "The same, as a limit order.",
    OrderType.TAKE_PROFIT: "A market order once the price has moved in your favour to the trigger.",
    OrderType.TAKE_PROFIT_LIMIT: "The same, as a limit order.",
    OrderType.TRAILING_STOP: "A stop whose trigger follows the best price at a distance.",
    OrderType.TRAILING_STOP_LIMIT: "The same, as a limit order at `price`, which does not follow.",
}

ON_TYPES = (
    (
        "A stop buy and a take-profit sell wait for a rise to `trigger_price`, a stop sell and a "
        "take-profit buy for a fall. If the price is there already, the order is refused: "
        "[WOULD_TRIGGER](#WOULD_TRIGGER)."
    ),
    (
        "A trailing stop to sell follows the highest price and triggers when the price has fallen "
        "by `trail`, or by `trail_rate` of the highest; to buy, the lowest and a rise. With "
        "`activation_price` it begins when the price has come there: a sell by a rise, a buy by a "
        "fall, or as `activation_direction` says. If the price is there already, it begins at once."
    ),
    (
        "An iceberg shows `display_size` at a time, and each new slice queues anew. A hidden order "
        "(`0`) stands behind everything shown at its price."
    ),
    (
        "A market order that has no `size` trades whole lots until what is left of `quote_amount` "
        "buys no more."
    ),
)

GROUPS = {
    GroupKind.BASKET: (
        f"{forms.GROUP_MIN} to {GROUP_MAX} of any kind but market buys",
        "Accepted or refused as one, then each on its own. None may be post-only and meet another.",
    ),
    GroupKind.OCO: (
        "2 that rest or wait, of one symbol, side and size",
        (
            "When one trades for the first time, triggers or ends, the other is canceled. Held is "
            "what the one that needs more needs."
        ),
    ),
    GroupKind.OTO: (
        "an entry (`limit` or `market`, by `size`), then 1 of the same symbol",
        (
            "The second is placed when the entry has filled whole; if the entry ends before, the "
            "second is canceled."
        ),
    ),
    GroupKind.BRACKET: (
        "an entry, then 2 exits of the other side and the same size",
        "When the entry has filled whole, the exits are placed as an `oco`.",
    ),
}

CHANNELS: dict[ChannelKind, tuple[str, str, tuple[type[Struct], ...]]] = {
    ChannelKind.BOOK: (
        "symbol",
        "The whole book once, then what changed, every 100 ms when something did.",
        (stream_messages.BookSnapshotPush, stream_messages.BookDeltaPush),
    ),
    ChannelKind.FULL: (
        "symbol",
        "Every order of the book once, then every change of every order, at once.",
        (stream_messages.FullSnapshotPush, stream_messages.FullChangesPush),
    ),
    ChannelKind.TRADES: ("symbol", "Each public trade, at once.", (stream_messages.TradesPush,)),
    ChannelKind.TOUCH: (
        "symbol",
        "The best bid and ask: at once, then whenever they change.",
        (stream_messages.TouchPush,),
    ),
    ChannelKind.TICKER: (
        "symbol",
        "The last 24 hours: at once, then every second.",
        (stream_messages.TickerPush,),
    ),
    ChannelKind.CANDLES: (
        "symbol, interval (1m)",
        "The current candle at once, then when it changes, at most every 250 ms.",
        (stream_messages.CandlesPush,),
    ),
    ChannelKind.ORDERS: (
        "login, scope read",
        "Your orders, after everything that happens to them, at once.",
        (stream_messages.OrdersPush,),
    ),
    ChannelKind.FILLS: (
        "login, scope read",
        "Each execution of your orders, at once, as `GET /api/v1/fills` has it.",
        (stream_messages.FillsPush,),
    ),
    ChannelKind.BALANCES: (
        "login, scope read",
        "Your balances that changed, at once.",
        (stream_messages.BalancesPush,),
    ),
    ChannelKind.STATUS: (
        "",
        "Whether the exchange takes requests and orders: at once, then whenever that changes.",
        (stream_messages.StatusPush,),
    ),
}


def blocks(dialect: Dialect) -> list[Block]:
    """Return the whole manual."""
    return [
        Heading(1, f"{dialect.title} API", "top"),
        *_basics(),
        *_signing(),
        *_orders(),
        *_order_types(),
        *_groups(),
        *_programs(),
        *_limits(dialect),
        *_routes(dialect),
        *_websocket(),
        *_problems(),
    ]


# -- chapters -----------------------------------------------------------------------------------


def _basics() -> Iterator[Block]:
    yield Prose(
        "REST with JSON under `/api/v1`, and a WebSocket at `/ws/v1`, on the port that "
        "`steelyard exchange` prints first (8600). A machine reads the same as OpenAPI 3.1 at "
        "[/openapi.json](/openapi.json), and the WebSocket as AsyncAPI 3.0 at "
        "[/asyncapi.json](/asyncapi.json)."
    )
    yield Bullets(CONVENTIONS)


def _signing() -> Iterator[Block]:
    yield Heading(2, "Signing", "signing")
    yield Prose(
        "Make a key with `steelyard key create ACCOUNT --dialect native --scopes read,trade`; the "
        "secret is shown once. A signed request carries four headers:"
    )
    yield Table(
        ("header", "holds"),
        (
            ("`STEELYARD-KEY`", "the key"),
            (
                "`STEELYARD-TIMESTAMP`",
                "your clock in milliseconds: at most 5 s behind ours, less than 1 s ahead",
            ),
            ("`STEELYARD-NONCE`", "1 to 36 letters, digits, `-` or `_`; never twice with one key"),
            (
                "`STEELYARD-SIGNATURE`",
                "lower-case hex HMAC-SHA256(secret, timestamp + nonce + METHOD + target + body)",
            ),
        ),
    )
    yield Prose(
        "Or keep the private half of a key pair to yourself: `steelyard key create ACCOUNT "
        "--dialect native --kind ed25519 --public-key PUBLIC.pem`, `--kind rsa` with 2048 to 4096 "
        "bits, or `--kind es256`. The same bytes are signed then, by Ed25519, by RSA as PKCS #1 "
        "v1.5 with SHA-256, or by ECDSA on P-256 with SHA-256 (in DER, or r and s as 64 bytes), "
        "and `STEELYARD-SIGNATURE` is that signature in base64."
    )
    yield Prose(
        "What is wrong is told in this order: limit of the address, key, its expiry or rotation, "
        "its address list, signature, timestamp, nonce, scope, limits of the key, and only then "
        "parameters and the products that the key may trade. "
        "Nonces of requests that change something are on disk; those of reads are forgotten in a "
        "crash, so what was signed before the exchange's start is refused as stale."
    )
    yield Prose(
        "The parts are joined without separators. Target is path and query, body the raw bytes, "
        "both exactly as they are sent; a request without a body signs none. This example needs "
        "nothing but Python:"
    )
    yield Code("python", program("order.py"))
    yield Prose("To check your own signing, compare with this:")
    yield Code("python runnable", VECTOR.replace("SIGNATURE", _vector()))


def _orders() -> Iterator[Block]:
    yield Heading(2, "Orders that cannot double", "idempotency")
    yield Prose(
        "Give every order a `client_order_id`. It is good for one order of your account for ever. "
        "The same order sent again with it is not placed again: it is answered with the first "
        "one. Another order with it is refused with 409 "
        "[DUPLICATE_CLIENT_ORDER_ID](#DUPLICATE_CLIENT_ORDER_ID)."
    )
    yield Prose(
        "When no answer comes, the order may be live all the same. Ask "
        "`GET /api/v1/orders/by-client-id/{client_order_id}`, or send it again with a new "
        "timestamp and nonce: both are safe. A request is not taken up later than 5 s after its "
        "timestamp, so a 404 after that proves that it never arrived."
    )
    yield Prose(
        "A refusal by code is final: nothing was placed. Only [UNAVAILABLE](#UNAVAILABLE) and "
        "[REPEATED_NONCE](#REPEATED_NONCE) leave it open, for the same reason."
    )


def _order_types() -> Iterator[Block]:
    yield Heading(2, "Order types", "order-types")
    yield Prose("Every order has a symbol, a side and a type. What else goes with which type:")
    yield Table(
        ("type", "must have", "may have", "time in force", "what it does"),
        tuple(
            (
                f"`{order_type.name.lower()}`",
                ", ".join(" or ".join(f"`{way}`" for way in ways) for ways in row.must),
                " ".join(f"`{name}`" for name in row.may),
                " ".join(f"`{time.name.lower()}`" for time in row.time_in_force),
                ORDER_TYPES[order_type],
            )
            for order_type, row in terms.TERMS.items()
        ),
    )
    yield Prose(
        "The first time in force is the default. `client_order_id` and `self_trade` go with all; "
        "`post_only`, `slide` and `display_size` only with `gtc` or `gtd`, `expires` only with "
        "`gtd`."
    )
    yield Bullets(ON_TYPES)


def _groups() -> Iterator[Block]:
    yield Heading(2, "Groups", "groups")
    yield Prose(
        "Orders of one request that hang together. All are accepted, or none: then the answer says "
        "why the first one was refused that had a reason of its own."
    )
    yield Table(
        ("kind", "orders", "what they do"),
        tuple((f"`{kind.name.lower()}`", *GROUPS[kind]) for kind in GroupKind),
    )


def _programs() -> Iterator[Block]:
    yield Heading(2, "Programs to begin with", "programs")
    yield Prose(
        "Each runs as it stands, with `STEELYARD_KEY` and `STEELYARD_SECRET` in its environment "
        "(`STEELYARD_URL` where the exchange is elsewhere), and needs no package. They sign, place "
        "an order far from the market, read it, cancel it; the one in Python for that is under "
        "[Signing](#signing). `POST /api/v1/orders` is only an example of a route: the rest of "
        "this manual lists all. As files they are in docs/examples/native."
    )
    yield Heading(3, "JavaScript (Node 22, or 20 with --experimental-websocket)", "javascript")
    yield Code("javascript", program("order.mjs"))
    yield Heading(3, "Shell (bash, curl, openssl)", "shell")
    yield Code("bash", program("order.sh"))
    yield Heading(3, "A stream in Python, without a package", "stream")
    yield Code("python", program("stream.py"))


def _limits(dialect: Dialect) -> Iterator[Block]:
    yield Heading(2, "Limits", "limits")
    yield Prose(
        "These hold unless the exchange was started with other ones (`--limits`); "
        "`GET /api/v1/limits` says which are in force. Windows are aligned to the clock. Over a "
        "limit the answer is 429 with `Retry-After`; who goes on all the same is banned, with 418."
    )
    yield Table(
        ("name", "counts", "of each", "at most", "in"),
        tuple(
            (
                f"`{limit.name}`",
                limit.counts.value,
                limit.per.value,
                f"{limit.limit:,}",
                f"{limit.window_ns // SECOND_NS} s",
            )
            for limit in dialect.limits.limits
        ),
    )
    yield Prose("Every answer says what is left of the limit that is nearest to its end:")
    yield Table(
        ("header", "holds"),
        tuple((f"`{name}`", about) for name, (about, _) in RATE_HEADERS.items()),
    )


def _routes(dialect: Dialect) -> Iterator[Block]:
    for tag, about in TAGS.items():
        yield Heading(2, tag, tag.lower().replace(" ", "-"))
        yield Prose(about)
        for endpoint in dialect.endpoints:
            if tag_of(endpoint) == tag:
                yield from _route(endpoint)


def _route(endpoint: Endpoint) -> Iterator[Block]:
    yield Route(
        endpoint.method,
        endpoint.path,
        endpoint.summary,
        _who(endpoint),
        _weight(endpoint),
        anchor_of(endpoint),
    )
    for paragraph in cleandoc(endpoint.request.__doc__ or "").split("\n\n"):
        yield Prose(" ".join(paragraph.split()))
    in_path = path_names(endpoint)
    in_rest = "body" if endpoint.method in WITH_BODY else "query"
    rows = tuple(
        (
            f"`{info.encode_name}`",
            "path" if info.encode_name in in_path else in_rest,
            *_form(info),
        )
        for info in fields(endpoint.request)
    )
    if rows:
        yield Table(("parameter", "in", "form", "default", "meaning"), rows)
    if endpoint.method in WITH_BODY:
        yield Prose("Body:")
        yield Code("json", pretty(body_example(endpoint.request, in_path)))
    if _is_struct(endpoint.response):
        yield Prose("Answer:")
        yield Code("json", pretty(example_of(endpoint.response)))
    own = [code.reason.name for code in errors.own_codes_of(endpoint)]
    if own:
        links = ", ".join(f"[{name}](#{name})" for name in own)
        yield Prose(f"May be refused with {links}.")


def _websocket() -> Iterator[Block]:
    yield Heading(2, "WebSocket", "websocket")
    yield Prose(
        f"Connect to `{WS_TARGET}` and send JSON objects in text frames. Each is answered once, "
        'with the `op` and `id` that you gave: `"ok": true`, or `"ok": false` and an `error` as '
        "in REST. A mistake never closes the connection. Binary frames do (1003), and so do more "
        f"than {LIMITS.sockets.messages} messages in one second (1008). An address with too "
        "many connections, or that opens them too fast, is answered 429 and `Retry-After` instead "
        "of the upgrade; `GET /api/v1/limits` has the numbers in force."
    )
    for about, said in (
        (
            "Follow channels. To leave them, send the same with `unsubscribe`.",
            {
                "op": "subscribe",
                "id": 1,
                "channels": [
                    {"channel": "book", "symbol": "BTC-USDT"},
                    {"channel": "candles", "symbol": "BTC-USDT", "interval": "1m"},
                ],
            },
        ),
        (
            (
                "Log in, for calls and for `orders`, `fills` and `balances`: sign timestamp + "
                f'nonce + `"GET{WS_TARGET}"`. A key of any scope may; each call and channel asks '
                "for its own."
            ),
            {
                "op": "login",
                "id": 2,
                "key": "...",
                "timestamp": 1_795_000_000_000,
                "nonce": "n-1",
                "signature": "...",
            },
        ),
        (
            (
                "Call: once logged in, do what REST does, without signing each. `params` are the "
                "route's parameters, those of its path too; `result` of the answer is what REST "
                "answers, and limits, scopes and refusals are the same."
            ),
            msgspec.to_builtins(EXAMPLES[stream_messages.Call]),
        ),
        ('Ask whether the exchange is there; the answer is `{"op":"pong"}`.', {"op": "ping"}),
    ):
        yield Prose(about)
        yield Code("json", pretty(said))
    yield Table(
        ("call", "is what REST says so"),
        tuple((f"`{op}`", f"`{e.method} {e.path}`") for op, e in CALLS.items()),
    )
    yield Table(
        ("channel", "needs", "tells"),
        tuple(
            (f"[`{stream.KIND_NAMES[kind]}`](#channel-{stream.KIND_NAMES[kind]})", needs, tells)
            for kind, (needs, tells, _) in CHANNELS.items()
        ),
    )
    yield Prose(
        f"One connection follows at most {forms.SUBSCRIPTIONS_MAX} channels. Subscribing once "
        "more to a channel starts it anew, with a snapshot."
    )
    for kind, (_, _, pushes) in CHANNELS.items():
        name = stream.KIND_NAMES[kind]
        yield Heading(3, f"Channel {name}", f"channel-{name}")
        for push in pushes:
            for paragraph in cleandoc(push.__doc__ or "").split("\n\n"):
                yield Prose(" ".join(paragraph.split()))
            yield Code("json", pretty(_channel_first(example_of(push))))


def _problems() -> Iterator[Block]:
    yield Heading(2, "Errors", "errors")
    yield Prose(
        "Every no has this form. Programs decide by `code`, which never changes its meaning; "
        "`message` says what happened and what was expected, `field` which input was at fault, "
        "`hint` what to do."
    )
    yield Code("json", pretty(example_of(messages.Error)))
    yield Table(
        ("status", "meaning"),
        (
            ("200", "Done."),
            *((str(status), f"{about}.") for status, about in STATUS_NAMES.items()),
        ),
    )
    for title, anchor, kind in (
        ("What the exchange says of a request", "errors-request", AccessReason),
        ("What the engine says of an order", "errors-order", RejectReason),
    ):
        yield Heading(3, title, anchor)
        for code in errors.CODES.values():
            if isinstance(code.reason, kind):
                yield Problem(code.reason.name, code.status, code.meaning, code.mend)


# -- parts --------------------------------------------------------------------------------------


def anchor_of(endpoint: Endpoint) -> str:
    """Return where a route's entry is."""
    return f"{endpoint.method} {endpoint.path}".replace(" ", "-").replace("{", "").replace("}", "")


def pretty(value: Any) -> str:
    """Return JSON over several lines, with short lists and objects kept on one."""
    return "\n".join(_lines(value, 0))


def _lines(value: Any, depth: int) -> list[str]:
    flat = json.dumps(value)
    if len(flat) + 2 * depth <= LINE_MAX or not isinstance(value, dict | list) or not value:
        return [flat]
    entries: list[tuple[str, Any]]
    if isinstance(value, dict):
        (opening, closing), entries = "{}", [(f"{json.dumps(k)}: ", v) for k, v in value.items()]
    else:
        (opening, closing), entries = "[]", [("", v) for v in value]
    found = [opening]
    for name, item in entries:
        first, *rest = _lines(item, depth + 1)
        found += [f"{'  ' * (depth + 1)}{name}{first}", *rest]
        found[-1] += ","
    found[-1] = found[-1].removesuffix(",")
    return [*found, "  " * depth + closing]


def _channel_first(push: Json) -> Json:
    return {"channel": push["channel"], **push}


def _form(info: Any) -> tuple[str, str, str]:
    schema = form_of(info.type)
    is_required = info.default is NODEFAULT and info.default_factory is NODEFAULT
    if is_required:
        default = "required"
    elif info.default is None:
        default = ""
    else:
        shown = info.default if isinstance(info.default, str) else json.dumps(info.default)
        default = f"`{shown}`"
    if "enum" in schema:
        form = " ".join(f"`{choice}`" for choice in schema["enum"])
    else:
        form = str(schema.get("title", schema.get("type", "")))
        if "maxItems" in schema:
            form = f"{schema['minItems']} to {schema['maxItems']} {form}"
        if "minimum" in schema and schema.get("maximum", 0) <= forms.LIST_MAX:
            form += f", {schema['minimum']} to {schema['maximum']:,}"
    return form, default, schema.get("description", "")


def _who(endpoint: Endpoint) -> str:
    if endpoint.auth is Auth.NONE:
        return "public"
    return endpoint.scope.value if endpoint.scope else "any key"


def _weight(endpoint: Endpoint) -> str:
    weight = endpoint.weight
    assert isinstance(weight, Weight), "routes of this API say their weight's range"
    if weight.least == weight.most:
        return str(weight.least)
    return f"{weight.least} to {weight.most}"


def _vector() -> str:
    signed = payload("1795000000000", "n-1", "GET", "/api/v1/orders?open=true", b"")
    return sign(b"a secret", signed)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
