"""What routes have in common."""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from steelyard.dialects.coinbase_exchange import errors
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import Refused, Scope
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Auth, Endpoint
from steelyard.wire.uuids import profile_uuid

A = TypeVar("A")


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
    none = Auth.NONE
    return Endpoint(
        "GET", path, request, response, none, None, decode, encode, _one, summary=summary
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


def product_of(
    product_id: str, listings: Listings, words: errors.Words = errors.NOT_FOUND
) -> Instrument:
    """Return the instrument that a request names, in the venue's spelling or with a slash.

    Raises:
        SessionRefused: It is not listed.
    """
    found = listings.find(product_id.replace("/", "-"))
    if found is None:
        known = ", ".join(sorted(each.symbol for each in listings)[:8])
        raise errors.refused(
            words,
            f"{errors.shown(product_id)} is not listed here; there are {known}",
            RejectReason.UNKNOWN_INSTRUMENT,
            "product_id",
        )
    return found


def check_profile(profile_id: str | None, asker: Asker) -> None:
    """Turn away who speaks of another profile than the one that there is.

    Raises:
        SessionRefused: It is another.
    """
    mine = profile_uuid(asker.account_id)
    if profile_id not in (None, mine):
        raise errors.refused(
            errors.NOT_FOUND,
            f"an account has one profile here, {mine}; leave profile_id out",
            RejectReason.UNKNOWN_ACCOUNT,
            "profile_id",
        )


def needs_key(what: str) -> Exception:
    """Return what is raised where a request has to be signed and there is no key."""
    return UsageError(
        f"{what} is signed: give a key (steelyard key create ACCOUNT --dialect coinbase-exchange)"
    )
