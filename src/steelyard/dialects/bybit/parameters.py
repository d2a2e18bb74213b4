"""Parameters into request structs and back: queries, and JSON bodies of the same names.

The invariant: a struct comes out only if everything in it has the right type; otherwise a
DecodeError says which name is wrong. Clients write numbers as texts and as numbers, and flags as 0
and 1: a JSON number is taken for a text, digit by digit. Names that a request does not have are
passed over, as the venue does, and so is what is empty.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import FieldInfo, fields

from steelyard.dialects.bybit import errors
from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import Endpoint
from steelyard.wire.http import Request

JSON = "application/json"
PARAMETERS_MAX = 64
VALUE_MAX = 512  # characters of any one value
LIST_MAX = 32
_PATH = re.compile(r"`\$(?:\[[^\]]*\]|\.)?\.?([^`]*)`")
_FIELD = re.compile(r"field `([^`]*)`")

_body = msgspec.json.Decoder(dict[str, Any], float_hook=str)


# -- server half --------------------------------------------------------------------------------


def read(request: Request, endpoint: Endpoint, _captured: Mapping[str, str]) -> Struct:
    """Return a request's parameters: of a GET its query, else its body.

    Raises:
        DecodeError: Something is missing, or of another form.
    """
    given = pairs(request.query) if request.method == "GET" else from_body(request.body)
    parameters: Struct = parse(given, endpoint.request)
    return parameters


def pairs(query: str) -> dict[str, Any]:
    """Return the parameters of a query; of one that is there twice the last.

    Raises:
        DecodeError: Not UTF-8, or too many.
    """
    try:
        found = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise errors.invalid("query", f"at most {PARAMETERS_MAX} parameters in UTF-8") from error
    return dict(found)


def from_body(body: bytes) -> dict[str, Any]:
    """Return the parameters of a JSON object.

    Raises:
        DecodeError: It is none.
    """
    if not body.strip():
        return {}
    try:
        return _body.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.invalid("body", f"send a JSON object: {error}") from error


def parse(given: Mapping[str, Any], kind: type[Struct]) -> Any:
    """Return the struct that parameters make.

    Raises:
        DecodeError: Something is missing, or of another form.
    """
    known = _fields(kind)
    kept = {
        name: _value(name, value)
        for name, value in given.items()
        if name in known and value not in ("", None)
    }
    try:
        return msgspec.convert(kept, kind, strict=False)
    except msgspec.ValidationError as error:
        text = str(error)
        missing, place = _FIELD.search(text), _PATH.search(text)
        name = missing[1] if missing else place[1].partition("[")[0] if place else ""
        raise errors.invalid(name or "parameters", text) from error


def _value(name: str, value: Any) -> Any:
    """Return a value with every number as a text, and without what is empty."""
    match value:
        case bool():
            return value
        case int():
            return str(value) if value.bit_length() <= VALUE_MAX else _refuse(name)
        case str():
            return value if len(value) <= VALUE_MAX and value.isprintable() else _refuse(name)
        case list():
            if len(value) > LIST_MAX:
                raise errors.invalid(name, f"at most {LIST_MAX} entries")
            return [_value(name, each) for each in value]
        case dict():
            return {
                key: _value(key, inner) for key, inner in value.items() if inner not in ("", None)
            }
        case _:
            return _refuse(name)


def _refuse(name: str) -> DecodeError:
    raise errors.invalid(name, f"at most {VALUE_MAX} characters, and none that cannot be printed")


@lru_cache(maxsize=256)
def _fields(kind: type[Struct]) -> Mapping[str, FieldInfo]:
    return {field.encode_name: field for field in fields(kind)}


# -- client half --------------------------------------------------------------------------------


def told(request: Struct) -> dict[str, Any]:
    """Return what of a request is not at its default."""
    return {
        name: getattr(request, field.name)
        for name, field in _fields(type(request)).items()
        if getattr(request, field.name) not in (field.default, UNSET)
    }


def write(endpoint: Endpoint, request: Struct) -> tuple[str, bytes]:
    """Return target and body of a request."""
    given = told(request)
    if endpoint.method == "POST":
        return endpoint.path, msgspec.json.encode(given)
    query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in given.items())
    return f"{endpoint.path}?{query}" if query else endpoint.path, b""
