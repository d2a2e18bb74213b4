"""What routes have in common: their envelope, their weights, and what a request names."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from steelyard.dialects.okx import errors
from steelyard.dialects.okx.messages import Envelope
from steelyard.dialects.okx.text import SPOT, read_ms
from steelyard.domain.errors import DecodeError, UsageError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import Scope
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Auth, Endpoint

API = "/api/v5/"
INST_TYPES = (SPOT, "MARGIN", "SWAP", "FUTURES", "OPTION", "ANY", "EVENTS")
A = TypeVar("A")

Decode = Callable[[Any, Asker], Any]
Encode = Callable[[Any, Any, Asker], Any]


def public(
    path: str, request: type[Struct], row: Any, decode: Decode, encode: Encode, summary: str
) -> Endpoint:
    """Return a route for everybody; row is an entry of the answer's data."""
    return Endpoint(
        "GET",
        API + path,
        request,
        Envelope[row],
        Auth.NONE,
        None,
        decode,
        enveloped(encode),
        one,
        summary=summary,
        in_maintenance=path == "system/status",
    )


def signed(
    method: str,
    path: str,
    request: type[Struct],
    row: Any,
    decode: Decode,
    encode: Encode,
    summary: str,
    *,
    scope: Scope = Scope.READ,
    weight: Callable[[Any], int] | None = None,
    is_order: bool = False,
    is_enveloped: bool = False,
) -> Endpoint:
    """Return a private route; is_enveloped: its encode returns the whole answer.

    Where weight is given, it is how many orders a request is about.
    """
    return Endpoint(
        method,
        API + path,
        request,
        Envelope[row],
        Auth.SIGNED,
        scope,
        decode,
        encode if is_enveloped else enveloped(encode),
        weight or one,
        is_order=is_order,
        summary=summary,
        orders=(weight or one) if is_order else one,
    )


def enveloped(encode: Encode) -> Encode:
    """Return an encode whose rows stand in an envelope."""

    def enveloping(answer: Any, request: Any, asker: Asker) -> Any:
        return Envelope(data=tuple(encode(answer, request, asker)))

    return enveloping


def one(_request: Any) -> int:
    """Return the weight of a request: they are counted."""
    return 1


def nothing(_request: Any, _asker: Asker) -> None:
    """The route is answered by its encode alone."""


def none(_answer: Any, _request: Any, _asker: Asker) -> tuple[Any, ...]:
    """Return no rows: there is nothing of that kind here."""
    return ()


def answered(answer: Any, kind: type[A]) -> A:
    """Return an answer that is known to be of a kind."""
    assert isinstance(answer, kind), f"{type(answer).__name__} is no {kind.__name__}"
    return answer


def instrument_of(inst_id: str | None, listings: Listings) -> Instrument:
    """Return the instrument that a request names.

    Raises:
        DecodeError, Turned away: It names none, or none that is listed.
    """
    if inst_id is None:
        raise errors.said(errors.MISSING, "send instId, as BTC-USDT", "instId")
    found = listings.find(inst_id)
    if found is None:
        known = ", ".join(sorted(each.symbol for each in listings)[:8])
        raise errors.refused(
            errors.NO_INSTRUMENT,
            f"{errors.shown(inst_id)} is not listed here; there are {known}",
            RejectReason.UNKNOWN_INSTRUMENT,
            "instId",
        )
    return found


def is_spot(inst_type: str | None) -> bool:
    """Return whether spot is among the types that a request names; without a name it is.

    Raises:
        DecodeError: It is no type at all.
    """
    if inst_type is not None and inst_type not in INST_TYPES:
        raise errors.invalid("instType", f"it is one of {', '.join(INST_TYPES)}")
    return inst_type in (None, SPOT, "ANY")


def limit_of(text: str | None, default: int, most: int) -> int:
    """Return how many rows are wanted, at most so many.

    Raises:
        DecodeError: It is no number above 0.
    """
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text)):  # noqa: PLR2004
        raise errors.invalid("limit", f"it is 1 to {most}")
    return min(int(text), most)


def moment(text: str | None, field: str) -> int | None:
    """Return a time in ns.

    Raises:
        DecodeError: It is none.
    """
    if text is None:
        return None
    try:
        return read_ms(text)
    except DecodeError as error:
        raise errors.invalid(field, str(error)) from error


def page(
    rows: Sequence[A],
    name_of: Callable[[A], int],
    after: str | None,
    before: str | None,
    limit: int,
) -> tuple[A, ...]:
    """Return a part of a list, newest first: what is older than after, and newer than before.

    Raises:
        DecodeError: A cursor is none.
    """
    older, newer = cursor_of(after, "after"), cursor_of(before, "before")
    found = [
        row
        for row in rows
        if (older is None or name_of(row) < older) and (newer is None or name_of(row) > newer)
    ]
    # Only newer than a cursor: the part that borders on it.
    return tuple(found[-limit:] if newer is not None and older is None else found[:limit])


def cursor_of(text: str | None, field: str) -> int | None:
    """Return the number in a cursor.

    Raises:
        DecodeError: It is none.
    """
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 40):  # noqa: PLR2004
        raise errors.invalid(field, "it is the id of a row of another page")
    return int(text)


def needs_key(what: str) -> Exception:
    """Return what is raised where a request has to be signed and there is no key."""
    return UsageError(f"{what} is signed: give a key (steelyard key create ACCOUNT --dialect okx)")
