"""The native API as an OpenAPI 3.1 document, made from the endpoint table and the structs.

The invariant: it says what the gate does, because both read the same rows: routes, parameters,
forms, every status that can occur with its codes, the signing headers, the rate limit headers.
It validates nothing. OpenAPI has no word for WebSockets: their messages stand under `x-websocket`,
and asyncapi.py has the words.
"""

from collections.abc import Iterable, Mapping
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from steelyard.dialects.native import errors, messages, stream_messages
from steelyard.dialects.native.auth import HEADERS, WS_TARGET
from steelyard.dialects.native.endpoints import BASE
from steelyard.dialects.native.examples import EXAMPLES
from steelyard.dialects.native.parameters import WITH_BODY, declared
from steelyard.wire.dialect import Auth, Dialect, Endpoint, Refusal

Json = dict[str, Any]

VERSION = "1"
SCHEMAS = "#/components/schemas/"

TAGS = {
    "Exchange": "The exchange itself: its clock, its status, its limits.",
    "Market data": "Open to all: what trades, at what prices.",
    "Orders": "Your orders and executions. Signed.",
    "Account": "Your balances, what moved, money out, your key. Signed.",
    "Documents": "This API about itself.",
}
_TAG_OF = {
    "time": "Exchange",
    "status": "Exchange",
    "limits": "Exchange",
    "instruments": "Market data",
    "book": "Market data",
    "trades": "Market data",
    "candles": "Market data",
    "ticker": "Market data",
    "orders": "Orders",
    "groups": "Orders",
    "fills": "Orders",
    "account": "Account",
    "key": "Account",
    "withdrawals": "Account",
    "transfers": "Account",
    "statement": "Account",
    "openapi.json": "Documents",
    "asyncapi.json": "Documents",
    "docs": "Documents",
}
SCHEMES = {
    "steelyard-key": "The key's name.",
    "steelyard-timestamp": "Your clock in milliseconds since 1970, UTC: at most 5 s behind the "
    "exchange's, less than 1 s ahead.",
    "steelyard-nonce": "1 to 36 letters, digits, - or _; never twice with one key.",
    "steelyard-signature": "Lower-case hex HMAC-SHA256, with the key's secret, of timestamp + "
    "nonce + METHOD + target + body: the bytes as they are sent, without separators. The target "
    "is path and query. Of an Ed25519 or RSA key, base64 of its signature of the same bytes.",
}
RATE_HEADERS = {
    "X-RateLimit-Limit": ("The units of the limit that is nearest to its end.", "integer"),
    "X-RateLimit-Remaining": ("How many of them are left in this window.", "integer"),
    "X-RateLimit-Reset": ("Seconds until the window ends.", "integer"),
    "X-RateLimit-Name": ("Which limit of /api/v1/limits it is.", "string"),
}
STATUS_NAMES = {
    400: "Malformed or refused",
    401: "Key, signature, timestamp or nonce",
    403: "Scope, address, cooling period or person",
    404: "No such order, transfer or address",
    409: "The client_order_id or client_withdrawal_id is taken",
    413: "The body is too large",
    418: "Banned for going on over the limits; wait for Retry-After",
    429: "Too much; wait for Retry-After",
    503: "The exchange is in maintenance, or stopping",
}
SAID = (
    stream_messages.Subscribe,
    stream_messages.Login,
    stream_messages.Call,
    stream_messages.Ping,
)
PUSHED = (
    stream_messages.Ack,
    stream_messages.Pong,
    stream_messages.BookSnapshotPush,
    stream_messages.BookDeltaPush,
    stream_messages.FullSnapshotPush,
    stream_messages.FullChangesPush,
    stream_messages.TradesPush,
    stream_messages.TickerPush,
    stream_messages.CandlesPush,
    stream_messages.TouchPush,
    stream_messages.OrdersPush,
    stream_messages.FillsPush,
    stream_messages.BalancesPush,
    stream_messages.StatusPush,
)


def document(dialect: Dialect, server_url: str) -> Json:
    """Return the document; `/` as server_url means wherever it was read from."""
    answers = {e.response for e in dialect.endpoints if _is_struct(e.response)}
    bodies = {e.request: e for e in dialect.endpoints if e.method in WITH_BODY}
    paths: dict[str, Json] = {}
    for endpoint in dialect.endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{dialect.title} API",
            "version": VERSION,
            "summary": "An exchange on your machine, over REST and WebSocket.",
            "description": "Prices, sizes and amounts are decimal strings and are never rounded. "
            "Times are milliseconds since 1970, UTC. Unknown parameters are refused.\n\n"
            f"Signing, the WebSocket at `{WS_TARGET}` and every error code are explained at "
            "[/docs](/docs).",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server_url}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas((*answers, *bodies, *SAID, *PUSHED, messages.Error), bodies),
            "examples": {code.reason.name: _example_of(code) for code in errors.CODES.values()},
            "headers": _headers(),
            "securitySchemes": {
                name: {
                    "type": "apiKey",
                    "in": "header",
                    "name": name.upper(),
                    "description": SCHEMES[name],
                }
                for name in HEADERS
            },
        },
        "x-websocket": {
            "path": WS_TARGET,
            "send": [{"$ref": SCHEMAS + kind.__name__} for kind in SAID],
            "receive": [{"$ref": SCHEMAS + kind.__name__} for kind in PUSHED],
        },
    }


def schemas_of(kinds: Iterable[type]) -> Json:
    """Return the schemas of messages and of what stands in them, by name."""
    return _schemas(kinds, {})


def tag_of(endpoint: Endpoint) -> str:
    """Return the group that a route belongs to."""
    return _TAG_OF[endpoint.path.removeprefix(BASE).split("/")[1]]


def form_of(annotation: Any) -> Json:
    """Return a field's schema without its null, and with what its description says."""
    schema: Json = msgspec.json.schema(annotation)
    whole = next((s for s in schema.get("anyOf", ()) if s.get("type") != "null"), schema)
    return _tidy(whole)


def example_of(struct: type[Struct]) -> Json:
    """Return the example of a message."""
    example: Json = msgspec.json.decode(msgspec.json.encode(EXAMPLES[struct]))
    return example


def body_example(struct: type[Struct], in_path: Iterable[str]) -> Json:
    """Return the example of a request's body: what is in the path and every default left out."""
    brief: Json = _brief(EXAMPLES[struct])
    return {name: value for name, value in brief.items() if name not in in_path}


def error_example(code: errors.Code) -> Json:
    """Return what a refusal with this code looks like."""
    said = messages.Error(errors.detail(Refusal(code.reason, code.meaning)))
    example: Json = msgspec.to_builtins(said)
    return example


def path_names(endpoint: Endpoint) -> list[str]:
    """Return the parameters that stand in a route's path."""
    return [part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")]


# -- one route ----------------------------------------------------------------------------------


def _operation(endpoint: Endpoint) -> Json:
    in_path = path_names(endpoint)
    operation: Json = {
        "operationId": _operation_id(endpoint),
        "tags": [tag_of(endpoint)],
        "summary": endpoint.summary,
        "description": cleandoc(endpoint.request.__doc__ or ""),
        "parameters": [
            _parameter(info, "path" if info.name in in_path else "query")
            for info in fields(endpoint.request)
            if info.name in in_path or endpoint.method not in WITH_BODY
        ],
        "responses": _responses(endpoint),
    }
    if endpoint.method in WITH_BODY:
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": SCHEMAS + endpoint.request.__name__},
                    "example": body_example(endpoint.request, in_path),
                }
            },
        }
    if endpoint.auth is Auth.SIGNED:
        operation["security"] = [{name: [] for name in HEADERS}]
    else:
        operation["security"] = []
    if endpoint.scope is not None:
        operation["x-scope"] = endpoint.scope.value
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    parts = endpoint.path.removeprefix(BASE).replace(".", "_").replace("-", "_").split("/")
    return "_".join([endpoint.method.lower(), *(part.strip("{}") for part in parts[1:])])


def _parameter(info: Any, where: str) -> Json:
    schema = form_of(info.type)
    about = schema.pop("description", "")
    if info.default is not NODEFAULT and info.default is not None:
        schema["default"] = info.default
    parameter: Json = {
        "name": info.encode_name,
        "in": where,
        "required": info.default is NODEFAULT and info.default_factory is NODEFAULT,
        "schema": schema,
    }
    return {**parameter, "description": about} if about else parameter


def _responses(endpoint: Endpoint) -> Json:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in RATE_HEADERS}
    found: Json = {
        str(endpoint.status): {
            "description": endpoint.summary,
            "headers": headers,
            "content": _content(endpoint.response),
        }
    }
    by_status: dict[int, list[str]] = {}
    for code in errors.codes_of(endpoint):
        by_status.setdefault(code.status, []).append(code.reason.name)
    for status, names in by_status.items():
        waits = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
        found[str(status)] = {
            "description": STATUS_NAMES[status],
            "headers": {**headers, **(waits if status in errors.PASSING else {})},
            "content": {
                "application/json": {
                    "schema": {"$ref": SCHEMAS + "Error"},
                    "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in names},
                }
            },
        }
    return found


def _content(response: Any) -> Json:
    if response is str:
        return {"text/html": {"schema": {"type": "string"}}}
    if not _is_struct(response):
        return {"application/json": {"schema": {"type": "object"}}}
    return {
        "application/json": {
            "schema": {"$ref": SCHEMAS + response.__name__},
            "example": example_of(response),
        }
    }


# -- components ---------------------------------------------------------------------------------


def _schemas(kinds: Iterable[type], bodies: Mapping[type, Endpoint]) -> Json:
    ordered = sorted(set(kinds), key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=SCHEMAS + "{name}")
    for struct, endpoint in bodies.items():
        schema = components[struct.__name__]
        for name in path_names(endpoint):
            del schema["properties"][name]
            schema["required"].remove(name)
        if not schema["required"]:
            del schema["required"]
    return {name: _tidy(schema) for name, schema in sorted(components.items())}


def _headers() -> Json:
    found: Json = {
        name: {"description": about, "schema": {"type": kind}}
        for name, (about, kind) in RATE_HEADERS.items()
    }
    found["Retry-After"] = {
        "description": "Seconds to wait before the next request.",
        "schema": {"type": "integer", "minimum": 1},
    }
    return found


def _example_of(code: errors.Code) -> Json:
    return {"summary": code.meaning, "description": code.mend, "value": error_example(code)}


def _brief(value: Any) -> Any:
    if isinstance(value, Struct):
        told = ((info, getattr(value, info.name)) for info in fields(value))
        return {info.encode_name: _brief(it) for info, it in told if it != info.default}
    return [_brief(item) for item in value] if isinstance(value, tuple) else value


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _tidy(schema: Json) -> Json:
    """Return a schema with clean docstrings, and a type wherever one follows."""
    found: Json = {}
    for key, value in schema.items():
        if isinstance(value, dict):
            found[key] = _tidy(value)
        elif isinstance(value, list):
            found[key] = [_tidy(item) if isinstance(item, dict) else item for item in value]
        elif key == "description" and isinstance(value, str):
            found[key] = cleandoc(value)
        else:
            found[key] = value
    pair = found.pop("prefixItems", None)
    if pair:
        # Few tools read tuples; both places have the same form, which every tool reads.
        shared = {key: pair[0][key] for key in ("type", "pattern")}
        assert all(shared.items() <= place.items() for place in pair), "pairs are of one form"
        found["items"] = shared
    choices = found.get("enum")
    if isinstance(choices, list) and all(isinstance(choice, str) for choice in choices):
        found |= {"type": "string", "enum": declared(choices)}
    return found
