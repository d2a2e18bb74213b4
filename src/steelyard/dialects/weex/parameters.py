"""Query and JSON body into request structs and back, with the venue's own errors.

The invariant: a struct comes out only if everything that must be there is there and of the
documented form. Names that a request does not have are passed over, as the venue does: an order's
`postOnly` too. Null and empty texts count as missing. Numbers in a body are taken for texts where
texts are documented, digit by digit. A DELETE has a query, or a body.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import NODEFAULT, UNSET, Raw, Struct, ValidationError
from msgspec.structs import FieldInfo, fields

from steelyard.dialects.weex import errors
from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import Endpoint
from steelyard.wire.http import Request

PARAMETERS_MAX = 64
VALUE_MAX = 512  # characters of any one value
LIST_MAX = 100
JSON = "application/json"
BODIES = frozenset({"/api/v3/order/batch", "/capi/v3/batchOrders"})  # of which a DELETE has one

_body = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])


# -- server half --------------------------------------------------------------------------------


def read(request: Request, endpoint: Endpoint, _captured: Mapping[str, str]) -> Struct:
    """Return a request's parameters.

    Raises:
        DecodeError: With the venue's code.
    """
    given: dict[str, Any] = pairs(request.query)
    if request.method != "GET" and request.body.strip():
        told = request.headers.get("content-type", "")
        if told.partition(";")[0].strip().lower() != JSON:
            raise errors.invalid(
                "Content-Type", f"send {JSON} with a body", errors.BAD_CONTENT_TYPE
            )
        given |= from_body(request.body)
    return parse(given, endpoint.request)


def pairs(query: str) -> dict[str, str]:
    """Return the parameters of a query; of one that is there twice the last.

    Raises:
        DecodeError: Not UTF-8, or too many.
    """
    try:
        found = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX
        )
    except ValueError as error:
        raise errors.invalid("query", f"at most {PARAMETERS_MAX} parameters in UTF-8") from error
    return dict(found)


def from_body(body: bytes) -> dict[str, Any]:
    """Return the parameters of a JSON object, with numbers as they are written.

    Raises:
        DecodeError: It is none.
    """
    try:
        return {name: _value(bytes(value)) for name, value in _body.decode(body).items()}
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.invalid("body", f"send a JSON object: {error}", errors.BAD_JSON) from error


def _value(value: bytes) -> Any:
    match value[:1]:
        case b"{":
            return None  # no request has an object in it
        case b"[":
            parts = _list.decode(value)
            if len(parts) > LIST_MAX:
                raise msgspec.DecodeError(f"a list has at most {LIST_MAX} entries")
            return [_value(bytes(part)) for part in parts]
        case b'"' | b"t" | b"f" | b"n":
            return msgspec.json.decode(value)
        case _:
            return value.decode()


def parse(given: Mapping[str, Any], request: type[Struct]) -> Struct:
    """Return a request struct from named values.

    Raises:
        DecodeError: With the venue's code.
    """
    known = _fields(request)
    values = {
        name: value
        for name, value in given.items()
        if name in known and value is not None and value != ""
    }
    for field in known.values():
        if field.default is NODEFAULT and field.name not in values:
            raise errors.invalid(field.name, "send it", errors.EMPTY)
    for name, value in values.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and (len(text) > VALUE_MAX or not text.isprintable()):
                how = f"at most {VALUE_MAX} characters, and none that cannot be printed"
                raise errors.invalid(name, how)
    try:
        return msgspec.convert(values, request, strict=False)
    except ValidationError as error:
        raise _wrong(values, known, error) from error


def _wrong(
    values: Mapping[str, Any], known: Mapping[str, FieldInfo], error: Exception
) -> DecodeError:
    """Return the refusal of the first value that does not have its form."""
    for name, value in values.items():
        try:
            msgspec.convert(value, known[name].type, strict=False)
        except ValidationError as wrong:
            return errors.invalid(name, f"{errors.shown(str(value))}: {wrong}")
    return errors.invalid("parameters", str(error))


@lru_cache(maxsize=256)
def _fields(request: type[Struct]) -> dict[str, FieldInfo]:
    return {field.encode_name: field for field in fields(request)}


# -- client half --------------------------------------------------------------------------------


def told(request: Struct) -> dict[str, Any]:
    """Return what of a request is not at its default."""
    return {
        name: value
        for name, field in _fields(type(request)).items()
        if (value := getattr(request, field.name)) is not UNSET and value != field.default
    }


def write(endpoint: Endpoint, request: Struct) -> tuple[str, bytes]:
    """Return target and body of a request."""
    given = told(request)
    if endpoint.method == "POST" or endpoint.path in BODIES:
        return endpoint.path, msgspec.json.encode(given)
    query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in given.items())
    return f"{endpoint.path}?{query}" if query else endpoint.path, b""
