"""What routes have in common: how one is made, what it names, and how much of a list is wanted."""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from steelyard.dialects.weex import errors
from steelyard.dialects.weex.text import MS_NS, find_symbol, symbol_text
from steelyard.domain.errors import AuthError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import Refused, Scope
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Auth, Endpoint

A = TypeVar("A")
Decode = Callable[[Any, Asker], Any]
Encode = Callable[[Any, Any, Asker], Any]
TIME_MAX_MS = 2**53


def public(
    path: str,
    request: type[Struct],
    response: Any,
    decode: Decode,
    encode: Encode,
    *,
    weight: int,
    summary: str,
    in_maintenance: bool = False,
) -> Endpoint:
    """Return a route for everybody; weight is what it counts of the address's pool."""
    return Endpoint(
        "GET",
        path,
        request,
        response,
        Auth.NONE,
        None,
        decode,
        encode,
        lambda _: weight,
        summary=summary,
        in_maintenance=in_maintenance,
    )


def signed(
    method: str,
    path: str,
    request: type[Struct],
    response: Any,
    decode: Decode,
    encode: Encode,
    *,
    weight: int,
    summary: str,
    scope: Scope | None = Scope.READ,
    is_order: bool = False,
    refused: Callable[[Refused, Any, Asker], Any] | None = None,
) -> Endpoint:
    """Return a private route; weight is what it counts of the account's pool."""
    return Endpoint(
        method,
        path,
        request,
        response,
        Auth.SIGNED,
        scope,
        decode,
        encode,
        lambda _: weight,
        is_order=is_order,
        summary=summary,
        refused=refused,
    )


def nothing(_request: Any, _asker: Asker) -> None:
    """The route is answered by its encode alone."""


def answered(answer: Any, kind: type[A]) -> A:
    """Return an answer that is known to be of a kind."""
    assert isinstance(answer, kind), f"{type(answer).__name__} is no {kind.__name__}"
    return answer


def symbol_of(symbol: str, listings: Listings) -> Instrument:
    """Return the instrument that a request names.

    Raises:
        SessionRefused: It is not listed.
    """
    found = find_symbol(listings, symbol)
    if found is None:
        known = ", ".join(sorted(symbol_text(each) for each in listings)[:8])
        raise errors.refused(
            errors.NO_SYMBOL,
            RejectReason.UNKNOWN_INSTRUMENT,
            f"no symbol {errors.shown(symbol)}; there are {known or 'none'}",
            "symbol",
        )
    return found


def limit_of(limit: int | None, default: int, most: int) -> int:
    """Return how many are asked for.

    Raises:
        DecodeError: None, or less; more than there may be counts as the most.
    """
    if limit is None:
        return default
    if limit < 1:
        raise errors.invalid("limit", f"limit must be between 1 and {most}")
    return min(limit, most)


def span_of(start: int | None, end: int | None) -> tuple[int | None, int | None]:
    """Return start and end of a time in nanoseconds, both of them in it.

    Raises:
        DecodeError: It ends before it begins, or is no time.
    """
    for name, value in (("startTime", start), ("endTime", end)):
        if value is not None and not 0 <= value < TIME_MAX_MS:
            raise errors.invalid(name, "a number of milliseconds since 1970", errors.TOO_LONG_AGO)
    if start is not None and end is not None and start > end:
        raise errors.invalid("startTime", "it is after endTime", errors.START_AFTER_END)
    return (
        None if start is None else start * MS_NS,
        None if end is None else end * MS_NS + MS_NS - 1,
    )


def needs_key(route: str) -> AuthError:
    """Return what is raised where a request has to be signed and there is no key."""
    return AuthError(f"{route} is signed: give a key (steelyard key create ACCOUNT --dialect weex)")
