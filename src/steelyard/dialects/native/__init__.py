"""Steelyard's own API, `native`: REST with JSON under /api/v1, a WebSocket at /ws/v1.

It is a dialect like any venue's, so it passes the same gate, journal, limits and errors. What it
promises beyond them: amounts are decimal strings and never rounded, unknown input is refused
with the name that was meant, and a client_order_id is good for one order for ever.
"""

from functools import lru_cache
from typing import Any

import msgspec

from steelyard.dialects.native import (
    asyncapi,
    auth,
    errors,
    limits,
    manual,
    openapi,
    page,
    parameters,
    requests,
    stream,
)
from steelyard.dialects.native.client import NativeClient
from steelyard.dialects.native.endpoints import ENDPOINTS
from steelyard.dialects.native.entry import OrderEntry
from steelyard.dialects.native.tables import PLAIN_ORDERS
from steelyard.domain.errors import Unsupported
from steelyard.domain.messages import KeyKind
from steelyard.wire.dialect import Asker, Auth, Dialect, Endpoint
from steelyard.wire.http import Response
from steelyard.wire.limits import ratelimit_headers

NAME = "native"


def _nothing(_request: Any, _asker: Asker) -> None:
    """The route is answered by its encode alone."""


def _openapi(_answer: None, _request: requests.OpenApiRequest, _asker: Asker) -> Response:
    return Response(200, {"content-type": "application/json"}, _openapi_bytes())


def _asyncapi(_answer: None, _request: requests.AsyncApiRequest, _asker: Asker) -> Response:
    return Response(200, {"content-type": "application/json"}, _asyncapi_bytes())


def _docs(_answer: None, _request: requests.DocsRequest, _asker: Asker) -> Response:
    return Response(200, page.HEADERS, _docs_bytes())


@lru_cache(maxsize=1)
def _openapi_bytes() -> bytes:
    return msgspec.json.encode(openapi.document(DIALECT, "/"))


@lru_cache(maxsize=1)
def _asyncapi_bytes() -> bytes:
    return msgspec.json.encode(asyncapi.document(DIALECT))


@lru_cache(maxsize=1)
def _docs_bytes() -> bytes:
    return page.html(manual.blocks(DIALECT)).encode()


def _environment(client: str, rest: str, ws: str) -> dict[str, Any]:
    if client not in ("python", "curl"):
        raise Unsupported(
            f"no client {client!r} speaks the native API; there are: python, curl. "
            f"Any HTTP client will do: {rest}/docs"
        )
    return {
        "STEELYARD_URL": rest,
        "STEELYARD_WS": ws + auth.WS_TARGET,
        "STEELYARD_KEY": "",
        "STEELYARD_SECRET": "",
    }


DIALECT = Dialect(
    name=NAME,
    title="Steelyard native",
    port_offset=0,
    docs=("/docs", "/openapi.json", "/asyncapi.json", "docs/reference/native-api.md"),
    endpoints=(
        *ENDPOINTS,
        Endpoint(
            "GET",
            "/openapi.json",
            requests.OpenApiRequest,
            dict,
            Auth.NONE,
            None,
            _nothing,
            _openapi,
            limits.Weight(1, 1),
            summary="This API for programs",
            in_maintenance=True,
        ),
        Endpoint(
            "GET",
            "/asyncapi.json",
            requests.AsyncApiRequest,
            dict,
            Auth.NONE,
            None,
            _nothing,
            _asyncapi,
            limits.Weight(1, 1),
            summary="Its WebSocket for programs",
            in_maintenance=True,
        ),
        Endpoint(
            "GET",
            "/docs",
            requests.DocsRequest,
            str,
            Auth.NONE,
            None,
            _nothing,
            _docs,
            limits.Weight(1, 1),
            summary="This API for people",
            in_maintenance=True,
        ),
    ),
    limits=limits.LIMITS,
    known_differences=(
        (
            "a client_order_id is remembered among the newest 100,000 of its account",
            "for ever has to fit into memory; a name comes back only after so many others",
        ),
    ),
    read=parameters.read,
    credentials=auth.credentials,
    verify=auth.verify,
    signature=auth.signature,
    refuse=errors.refuse,
    usage_headers=ratelimit_headers,
    session=stream.session,
    has_stream=stream.is_target,
    frame=stream.frame,
    client=NativeClient(),
    environment=_environment,
    client_ids_for_ever=True,
    key_kinds=frozenset(KeyKind) - {KeyKind.TUTORIAL},
    entry=OrderEntry,
    plain_orders=PLAIN_ORDERS,
)
