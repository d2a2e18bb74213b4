"""What routes have in common."""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from steelyard.dialects.coinbase_advanced import errors
from steelyard.dialects.coinbase_advanced.text import shown
from steelyard.domain.errors import DecodeError, UsageError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import Refused, Scope
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Auth, Endpoint
from steelyard.wire.moments import from_time
from steelyard.wire.uuids import profile_uuid

BASE = "/api/v3/brokerage"
KEPT_MAX = 200_000  # orders or fills looked through for a list: all that an account has
CURSOR_DIGITS_MAX = 18

A = TypeVar("A")
Row = TypeVar("Row")


def public(
    path: str,
    request: type[Struct],
    response: Any,
    decode: Callable[[Any, Asker], Any],
    encode: Callable[[Any, Any, Asker], Any],
    *,
    summary: str,
) -> Endpoint:
    """Return a route for everybody."""
    return Endpoint(
        "GET", path, request, response, Auth.NONE, None, decode, encode, _one, summary=summary
    )


def signed(
    method: str,
    path: str,
    request: type[Struct],
    response: Any,
    decode: Callable[[Any, Asker], Any],
    encode: Callable[[Any, Any, Asker], Any],
    *,
    scope: Scope | None = Scope.READ,
    is_order: bool = False,
    refused: Callable[[Refused, Any, Asker], Any] | None = None,
    summary: str,
) -> Endpoint:
    """Return a private route."""
    return Endpoint(
        method,
        path,
        request,
        response,
        Auth.SIGNED,
        scope,
        decode,
        encode,
        _one,
        is_order=is_order,
        summary=summary,
        refused=refused,
    )


def _one(_request: Any) -> int:
    return 1


def nothing(_request: Any, _asker: Asker) -> None:
    """The route is answered by its encode alone."""


def answered(answer: Any, kind: type[A]) -> A:
    """Return an answer that is known to be of a kind."""
    assert isinstance(answer, kind), f"{type(answer).__name__} is no {kind.__name__}"
    return answer


def product_of(product_id: str, listings: Listings) -> Instrument:
    """Return the instrument that a request names.

    Raises:
        SessionRefused: It is not listed.
    """
    found = listings.find(product_id)
    if found is None:
        known = ", ".join(sorted(each.symbol for each in listings)[:8])
        raise errors.refused(
            errors.NO_PRODUCT,
            f"{shown(product_id)} is not listed here; there are {known}",
            RejectReason.UNKNOWN_INSTRUMENT,
            "product_id",
        )
    return found


def listed(product_id: str, listings: Listings) -> Instrument:
    """Return an instrument that a venue speaks of.

    Raises:
        DecodeError: We have not read of it.
    """
    found = listings.find(product_id)
    if found is None:
        raise DecodeError(f"{shown(product_id)} is not among the products", "product_id")
    return found


def check_portfolio(portfolio_id: str | None, asker: Asker) -> None:
    """Turn away who speaks of another portfolio than the one that there is.

    Raises:
        SessionRefused: It is another.
    """
    mine = profile_uuid(asker.account_id)
    if portfolio_id not in (None, "", mine):
        raise errors.refused(
            errors.Words(400, "INVALID_ARGUMENT", "account is not available"),
            f"an account has one portfolio here, {mine}; leave retail_portfolio_id out",
            RejectReason.UNKNOWN_ACCOUNT,
            "retail_portfolio_id",
        )


def moment(text: str | None, name: str) -> int | None:
    """Return a time that a list begins or ends with, in seconds or RFC 3339.

    Raises:
        DecodeError: It is none.
    """
    if text is None:
        return None
    try:
        return from_time(text)
    except DecodeError as error:
        raise DecodeError(f"{name}: {error}", name) from error


def limit_of(limit: int | None, default: int, most: int) -> int:
    """Return how many entries are wanted; none or 0 is the default.

    Raises:
        DecodeError: Fewer than none.
    """
    if limit is not None and limit < 0:
        raise DecodeError(f"limit {limit}: from 1 to {most}", "limit")
    return min(limit or default, most)


def part_of(
    rows: list[Row],
    numbers: list[int],
    cursor: str | None,
    limit: int,
) -> tuple[list[Row], str]:
    """Return the part of a list, newest first, that begins after a cursor, and the next cursor.

    Raises:
        DecodeError: The cursor is none of ours.
    """
    first = 0
    if cursor:
        if len(cursor) > CURSOR_DIGITS_MAX or not (cursor.isascii() and cursor.isdigit()):
            raise DecodeError("cursor: send what the page before said", "cursor")
        last = int(cursor)
        first = next((place for place, number in enumerate(numbers) if number < last), len(rows))
    end = first + limit
    return rows[first:end], str(numbers[end - 1]) if end < len(rows) else ""


def needs_key(what: str) -> Exception:
    """Return what is raised where a request has to be signed and there is no key."""
    return UsageError(
        f"{what} is signed: give a key (steelyard key create ACCOUNT --dialect coinbase-advanced)"
    )
