"""What routes have in common: their envelope, their weights, and what a request names."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from steelyard.dialects.kraken import errors
from steelyard.dialects.kraken.messages import Envelope
from steelyard.dialects.kraken.text import find_pair, pair_alt, read_seconds
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import Scope
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Auth, Charges, Endpoint, Refusal, SessionRefused

PUBLIC, PRIVATE = "/0/public/", "/0/private/"
LIST_WEIGHT = 2  # of ledgers and histories of trades

Decode = Callable[[Any, Asker], Any]
Encode = Callable[[Any, Any, Asker], Any]


def public(
    name: str, request: type[Struct], result: Any, decode: Decode, encode: Encode, summary: str
) -> Endpoint:
    """Return a route for everybody."""
    return Endpoint(
        "GET",
        PUBLIC + name,
        request,
        Envelope[result],
        Auth.NONE,
        None,
        decode,
        enveloped(encode),
        always(1),
        summary=summary,
        in_maintenance=name == "SystemStatus",
    )


def private(
    name: str,
    request: type[Struct],
    result: Any,
    decode: Decode,
    encode: Encode,
    summary: str,
    *,
    scope: Scope = Scope.READ,
    weight: int = 1,
    charges: Charges | None = None,
    orders: Callable[[Any], int] | None = None,
) -> Endpoint:
    """Return a signed route; charges are on the trading counter, orders how many it places."""
    return Endpoint(
        "POST",
        PRIVATE + name,
        request,
        Envelope[result],
        Auth.SIGNED,
        scope,
        decode,
        enveloped(encode),
        always(weight),
        is_order=orders is not None,
        summary=summary,
        orders=orders or always(1),
        charges=charges,
    )


def enveloped(encode: Encode) -> Encode:
    """Return an encode whose answer stands in an envelope."""

    def enveloping(answer: Any, request: Any, asker: Asker) -> Any:
        return Envelope(result=encode(answer, request, asker))

    return enveloping


def always(value: int) -> Callable[[Any], int]:
    """Return a weight that is the same for every request."""
    return lambda _request: value


def instrument_of(pair: str, listings: Listings) -> Instrument:
    """Return the instrument that a request names.

    Raises:
        SessionRefused: It is not listed.
    """
    found = find_pair(listings, pair)
    if found is None:
        known = ", ".join(sorted(pair_alt(i) for i in listings)[:8])
        raise SessionRefused(
            Refusal(
                RejectReason.UNKNOWN_INSTRUMENT,
                f"{errors.shown(pair)} is not listed here; there are {known}",
                "pair",
            )
        )
    return found


def instruments_of(pairs: str | None, listings: Listings) -> tuple[Instrument, ...]:
    """Return what a request names, with commas between them, or everything."""
    if pairs is None:
        return tuple(listings)
    return tuple(instrument_of(pair, listings) for pair in pairs.split(","))


def time_of(text: str | None, field: str) -> int | None:
    """Return a time in seconds, in ns.

    Raises:
        DecodeError: It is none.
    """
    if text is None:
        return None
    try:
        return read_seconds(text)
    except DecodeError as error:
        raise errors.invalid(field, str(error)) from error
