"""What routes have in common: their envelope, the pools that they draw on, and what they name."""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from steelyard.dialects.kucoin import errors
from steelyard.dialects.kucoin.messages import Envelope
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import Refused, Scope
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Auth, Endpoint

A = TypeVar("A")
Decode = Callable[[Any, Asker], Any]
Encode = Callable[[Any, Any, Asker], Any]


def public(
    path: str,
    request: type[Struct],
    data: Any,
    decode: Decode,
    encode: Encode,
    *,
    weight: int,
    summary: str,
    method: str = "GET",
    in_maintenance: bool = False,
) -> Endpoint:
    """Return a route for everybody."""
    return Endpoint(
        method,
        path,
        request,
        Envelope[data],
        Auth.NONE,
        None,
        decode,
        enveloped(encode),
        always(weight),
        summary=summary,
        in_maintenance=in_maintenance,
    )


def signed(
    method: str,
    path: str,
    request: type[Struct],
    data: Any,
    decode: Decode,
    encode: Encode,
    *,
    weight: int,
    summary: str,
    scope: Scope | None = Scope.READ,
    orders: Callable[[Any], int] | None = None,
    refused: Callable[[Refused, Any, Asker], Any] | None = None,
) -> Endpoint:
    """Return a private route; orders is how many orders a request holds, where it places any."""
    told = refused and enveloped_refusal(refused)
    return Endpoint(
        method,
        path,
        request,
        Envelope[data],
        Auth.SIGNED,
        scope,
        decode,
        enveloped(encode),
        always(weight),
        is_order=orders is not None,
        summary=summary,
        orders=orders or always(1),
        refused=told,
    )


def enveloped(encode: Encode) -> Encode:
    """Return an encode whose answer stands in an envelope."""

    def enveloping(answer: Any, request: Any, asker: Asker) -> Any:
        return Envelope(errors.SUCCESS, encode(answer, request, asker))

    return enveloping


def enveloped_refusal(
    refused: Callable[[Refused, Any, Asker], Any],
) -> Callable[[Refused, Any, Asker], Any]:
    """Return what to say to a refusal in an envelope; None stays None."""

    def enveloping(answer: Refused, request: Any, asker: Asker) -> Any:
        told = refused(answer, request, asker)
        return None if told is None else Envelope(errors.SUCCESS, told)

    return enveloping


def always(value: int) -> Callable[[Any], int]:
    """Return a weight that is the same for every request."""
    return lambda _request: value


def nothing(_request: Any, _asker: Asker) -> None:
    """The route is answered by its encode alone."""


def answered(answer: Any, kind: type[A]) -> A:
    """Return an answer that is known to be of a kind."""
    assert isinstance(answer, kind), f"{type(answer).__name__} is no {kind.__name__}"
    return answer


def symbol_of(
    symbol: str, listings: Listings, words: errors.Words = errors.BAD_SYMBOL
) -> Instrument:
    """Return the instrument that a request names.

    Raises:
        SessionRefused: It is not listed.
    """
    found = listings.find(symbol)
    if found is None:
        known = ", ".join(sorted(each.symbol for each in listings)[:8])
        raise errors.refused(
            words,
            f"{errors.shown(symbol)} is not listed here; there are {known}",
            RejectReason.UNKNOWN_INSTRUMENT,
            "symbol",
        )
    return found


def maybe_symbol(symbol: str | None, listings: Listings) -> int | None:
    """Return the number of the instrument that a request names, None where it names none.

    Raises:
        SessionRefused: It is not listed.
    """
    return None if symbol is None else symbol_of(symbol, listings).instrument_id


def needs_key(what: str) -> Exception:
    """Return what is raised where a request has to be signed and there is no key."""
    return UsageError(
        f"{what} is signed: give a key (steelyard key create ACCOUNT --dialect kucoin)"
    )
