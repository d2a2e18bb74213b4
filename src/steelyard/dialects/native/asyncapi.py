"""The WebSocket of the native API as an AsyncAPI 3.0 document, made from the message structs.

The invariant: it says what `stream` does, because both read the same structs: `OPS` names what may
be said, `CHANNELS` what is pushed. It stands at `/asyncapi.json`, next to the OpenAPI document,
whose schemas and examples these are. It validates nothing.
"""

from inspect import cleandoc
from typing import Any

from msgspec import Struct

from steelyard.dialects.native import stream_messages
from steelyard.dialects.native.auth import WS_TARGET
from steelyard.dialects.native.openapi import PUSHED, SAID, SCHEMAS, VERSION, example_of, schemas_of
from steelyard.wire.dialect import Dialect

Json = dict[str, Any]

MESSAGES = "#/components/messages/"
SOCKET = "#/channels/socket"
HOST = "127.0.0.1:8600"  # where `steelyard exchange` listens unless it is told otherwise
REPLIES: dict[type[Struct], type[Struct]] = {
    stream_messages.Subscribe: stream_messages.Ack,
    stream_messages.Login: stream_messages.Ack,
    stream_messages.Call: stream_messages.Ack,
    stream_messages.Ping: stream_messages.Pong,
}


def document(dialect: Dialect) -> Json:
    """Return the document."""
    known = (*SAID, *PUSHED)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"{dialect.title} WebSocket",
            "version": VERSION,
            "description": "JSON objects in text frames. Each message of yours is answered once, "
            "with its `op` and `id`; then the channels that you follow push what happens. Signing, "
            "channels and every error code are explained at /docs.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": HOST,
                "protocol": "ws",
                "description": "Where `steelyard exchange` listens unless it is told otherwise.",
            }
        },
        "channels": {
            "socket": {
                "address": WS_TARGET,
                "description": "The one WebSocket of this API.",
                "messages": {kind.__name__: {"$ref": MESSAGES + kind.__name__} for kind in known},
            }
        },
        "operations": {
            **{_name(kind): _said(kind) for kind in SAID},
            **{_name(kind): _pushed(kind) for kind in PUSHED if kind not in REPLIES.values()},
        },
        "components": {
            "messages": {kind.__name__: _message(kind) for kind in known},
            "schemas": schemas_of(known),
        },
    }


def _said(kind: type[Struct]) -> Json:
    """Return an operation in which the exchange receives and replies."""
    return {
        "action": "receive",
        "channel": {"$ref": SOCKET},
        "summary": _summary(kind),
        "messages": [_in_channel(kind)],
        "reply": {"channel": {"$ref": SOCKET}, "messages": [_in_channel(REPLIES[kind])]},
    }


def _pushed(kind: type[Struct]) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": SOCKET},
        "summary": _summary(kind),
        "messages": [_in_channel(kind)],
    }


def _in_channel(kind: type[Struct]) -> Json:
    return {"$ref": f"{SOCKET}/messages/{kind.__name__}"}


def _message(kind: type[Struct]) -> Json:
    return {
        "name": kind.__name__,
        "title": kind.__name__,
        "summary": _summary(kind),
        "contentType": "application/json",
        "payload": {"$ref": SCHEMAS + kind.__name__},
        "examples": [{"payload": example_of(kind)}],
    }


def _name(kind: type[Struct]) -> str:
    return kind.__name__[0].lower() + kind.__name__[1:]


def _summary(kind: type[Struct]) -> str:
    return " ".join(cleandoc(kind.__doc__ or "").split("\n\n")[0].split())
