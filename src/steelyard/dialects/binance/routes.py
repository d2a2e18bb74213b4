"""What signed routes have in common."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from steelyard.dialects.binance import errors
from steelyard.dialects.binance.text import DAY_NS, from_ms
from steelyard.domain.messages import Scope
from steelyard.wire.dialect import Asker, Auth, Endpoint


def signed(
    method: str,
    path: str,
    request: type[Struct],
    response: Any,
    decode: Callable[[Any, Asker], Any],
    encode: Callable[[Any, Any, Asker], Any],
    *,
    scope: Scope,
    weight: int | Callable[[Any], int],
    orders: int = 0,
    summary: str,
) -> Endpoint:
    """Return a signed route, below /api/v3 unless it says; orders is how many it places."""
    return Endpoint(
        method,
        path if path.startswith("/") else f"/api/v3/{path}",
        request,
        response,
        Auth.SIGNED,
        scope,
        decode,
        encode,
        weight if callable(weight) else _always(weight),
        is_order=bool(orders),
        summary=summary,
        orders=_always(orders or 1),
        is_free=scope is Scope.TRADE and not path.endswith("/test"),
    )


def _always(number: int) -> Callable[[Any], int]:
    return lambda _request: number


def span_of(start: int | None, end: int | None) -> tuple[int | None, int | None]:
    """Return a request's span of time in ns; the last millisecond belongs to it.

    Raises:
        DecodeError: It is longer than a day.
    """
    start_ns = None if start is None else from_ms(start)
    end_ns = None if end is None else from_ms(end) + 999_999
    if start_ns is not None and end_ns is not None and end_ns - start_ns > DAY_NS + 999_999:
        raise errors.said(
            -1127, "More than 24 hours between startTime and endTime.", "ask for one day at a time"
        )
    return start_ns, end_ns
