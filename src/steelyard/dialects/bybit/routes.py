"""What routes have in common: the envelope, categories, symbols and pages.

A category is a set of instruments. The exchange has those of `spot`; the others are empty, and what
is asked of them is answered with nothing, or that there is no such symbol: the day they are not,
nothing here changes but `instruments_of`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from steelyard.dialects.bybit import errors
from steelyard.dialects.bybit.messages import Envelope
from steelyard.dialects.bybit.text import MS_NS, find_symbol, to_ms
from steelyard.domain.errors import AuthError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import Refused, Scope
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Auth, Endpoint

A = TypeVar("A")
SPOT = "spot"
CATEGORIES = (SPOT, "linear", "inverse", "option")
CURSOR_DIGITS_MAX = 18

Decode = Callable[[Any, Asker], Any]
Encode = Callable[[Any, Any, Asker], Any]


def wrapped(result: Any, now_ns: int, more: Any = None) -> Envelope[Any]:
    """Return a result in the envelope of a success; `more` stands beside it."""
    return Envelope(0, "OK", result, {} if more is None else more, to_ms(now_ns))


def _in_envelope(encode: Encode) -> Encode:
    def enveloped(answer: Any, request: Any, asker: Asker) -> Envelope[Any]:
        result = encode(answer, request, asker)
        return result if isinstance(result, Envelope) else wrapped(result, asker.now_ns)

    return enveloped


def public(
    path: str,
    request: type[Struct],
    response: Any,
    decode: Decode,
    encode: Encode,
    *,
    summary: str,
    in_maintenance: bool = False,
) -> Endpoint:
    """Return a route for everybody; it answers what encode returns, in the envelope."""
    return Endpoint(
        "GET",
        path,
        request,
        Envelope[response],
        Auth.NONE,
        None,
        decode,
        _in_envelope(encode),
        one,
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
    scope: Scope | None = Scope.READ,
    weight: Callable[[Any], int] | None = None,
    is_order: bool = False,
    orders: Callable[[Any], int] | None = None,
    refused: Callable[[Refused, Any, Asker], Any] | None = None,
    summary: str,
) -> Endpoint:
    """Return a private route; likewise."""
    return Endpoint(
        method,
        path,
        request,
        Envelope[response],
        Auth.SIGNED,
        scope,
        decode,
        _in_envelope(encode),
        weight or one,
        is_order=is_order,
        orders=orders or one,
        summary=summary,
        refused=refused,
    )


def one(_request: Any) -> int:
    """Most requests count as one."""
    return 1


def nothing(_request: Any, _asker: Asker) -> None:
    """The route is answered by its encode alone."""


def answered(answer: Any, kind: type[A]) -> A:
    """Return an answer that is known to be of a kind."""
    assert isinstance(answer, kind), f"{type(answer).__name__} is no {kind.__name__}"
    return answer


# -- categories and symbols ---------------------------------------------------------------------


def check_category(category: str | None) -> str:
    """Return a category.

    Raises:
        DecodeError: There is no such category.
    """
    if category not in CATEGORIES:
        raise errors.invalid("category", f"one of {', '.join(CATEGORIES)}")
    assert category is not None, "None is none of them"
    return category


def instruments_of(category: str | None, listings: Listings) -> tuple[Instrument, ...]:
    """Return what is listed in a category.

    Raises:
        DecodeError: There is no such category.
    """
    return tuple(listings) if check_category(category) == SPOT else ()


def find_in(category: str | None, symbol: str, listings: Listings) -> Instrument | None:
    """Return an instrument of a category, in the venue's spelling or in ours; None: not listed.

    Raises:
        DecodeError: There is no such category.
    """
    if check_category(category) != SPOT:
        return None
    return find_symbol(listings, symbol) or listings.find(symbol)


def instrument_of(category: str | None, symbol: str | None, listings: Listings) -> Instrument:
    """Return the instrument that a request names.

    Raises:
        DecodeError: It names none, or a contract, or there is no such category.
        SessionRefused: It is not listed.
    """
    if symbol is None:
        raise errors.invalid("symbol", "name one, as BTCUSDT")
    found = find_in(category, symbol, listings)
    if found is None and category != SPOT:
        raise errors.not_listed(symbol)
    if found is None:
        known = ", ".join(sorted(i.base + i.quote for i in instruments_of(category, listings))[:8])
        raise errors.refused(
            errors.NO_SYMBOL,
            RejectReason.UNKNOWN_INSTRUMENT,
            f"{errors.shown(symbol)} is not listed here; there are {known}",
            "symbol",
        )
    return found


# -- pages --------------------------------------------------------------------------------------


def limit_of(limit: int | None, default: int, most: int) -> int:
    """Return how many are asked for.

    Raises:
        DecodeError: It is none, or below one; more than there may be counts as the most.
    """
    if limit is None:
        return default
    if limit < 1:
        raise errors.invalid("limit", f"from 1 to {most}")
    return min(limit, most)


def cursor_of(cursor: str | None) -> int | None:
    """Return the place that a cursor of ours names.

    Raises:
        DecodeError: It is none of ours.
    """
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit()) or len(cursor) > CURSOR_DIGITS_MAX:
        raise errors.invalid("cursor", "send `nextPageCursor` as it was told")
    return int(cursor)


def cursor_text(place: int | None) -> str:
    """Return the cursor of a place; empty at the end of a list."""
    return "" if place is None else str(place)


def span_of(start: int | None, end: int | None, most_ns: int) -> tuple[int | None, int | None]:
    """Return start and end of a time in nanoseconds.

    Raises:
        DecodeError: It ends before it begins, or is too long.
    """
    start_ns = None if start is None else start * MS_NS
    end_ns = None if end is None else end * MS_NS + MS_NS - 1
    for name, value in (("startTime", start), ("endTime", end)):
        if value is not None and not 0 <= value < 2**53:
            raise errors.invalid(name, "a number of milliseconds since 1970")
    if start_ns is not None and end_ns is None:
        end_ns = start_ns + most_ns
    if end_ns is not None and start_ns is None:
        start_ns = max(0, end_ns - most_ns)
    if start_ns is not None and end_ns is not None:
        if end_ns < start_ns:
            raise errors.invalid("endTime", "it is before startTime")
        if end_ns - start_ns > most_ns + MS_NS:
            days = most_ns // (24 * 3_600 * 1_000 * MS_NS)
            raise errors.invalid("endTime", f"at most {days} days after startTime")
    return start_ns, end_ns


def needs_key(path: str) -> AuthError:
    """Return what is raised where a request has to be signed and there is no key."""
    return AuthError(f"{path} is signed: give a key (steelyard key create ACCOUNT --dialect bybit)")
