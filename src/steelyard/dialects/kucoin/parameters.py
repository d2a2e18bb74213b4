"""Path, query and JSON body into request structs and back, with the venue's own errors.

The invariant: a struct comes out only if everything that must be there is there and of the
documented form. Names that a request does not have are passed over, as the venue does; null and
empty texts count as missing. Numbers in a body are taken for texts where texts are documented,
digit by digit. What the values mean together is judged by the modules that use them.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_args
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import NODEFAULT, UNSET, Raw, Struct, ValidationError
from msgspec.structs import FieldInfo, fields

from steelyard.dialects.kucoin import errors
from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import Endpoint
from steelyard.wire.http import Request

PARAMETERS_MAX = 64
VALUE_MAX = 1_024  # characters of any one value
LIST_MAX = 100
JSON = "application/json"

_body = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])


# -- server half --------------------------------------------------------------------------------


def read(request: Request, endpoint: Endpoint, captured: Mapping[str, str]) -> Struct:
    """Return a request's parameters.

    Raises:
        DecodeError: With the venue's words.
    """
    given: dict[str, Any] = pairs(request.query)
    if request.method != "GET" and request.body.strip():
        try:
            given |= _values(_body.decode(request.body))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise errors.said(
                "Bad Request", f"the body has to be a JSON object: {error}"
            ) from error
    return parse({**given, **captured}, endpoint.request)


def pairs(query: str) -> dict[str, str]:
    """Return the parameters of a query; of one that is there twice the last.

    Raises:
        DecodeError: Not UTF-8, or too many.
    """
    try:
        return dict(
            parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX)
        )
    except UnicodeDecodeError as error:
        raise errors.said("Bad Request", "send the query in UTF-8, percent-encoded") from error
    except ValueError as error:
        raise errors.said("Bad Request", f"send at most {PARAMETERS_MAX} parameters") from error


def _values(given: Mapping[str, Raw]) -> dict[str, Any]:
    """Return JSON values with numbers as they are written."""
    return {name: _value(bytes(value)) for name, value in given.items()}


def _value(value: bytes) -> Any:
    match value[:1]:
        case b"{":
            return _values(_body.decode(value))
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
        DecodeError: With the venue's words.
    """
    known = _fields(request)
    values = {
        name: _inner(known[name], value)
        for name, value in given.items()
        if name in known and value is not None and value != ""
    }
    for field in known.values():
        if field.default is NODEFAULT and field.name not in values:
            raise errors.missing(field.name)
    for name, value in values.items():
        _check_text(name, value)
    try:
        return msgspec.convert(values, request, strict=False)
    except ValidationError as error:
        raise _wrong(values, known, error) from error


def _inner(field: FieldInfo, value: Any) -> Any:
    """Return a value with the structs in it read likewise."""
    inner = _struct_in(field)
    if inner is None:
        return value
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise errors.said(f"{field.name} is invalid", "it is a list of objects", field.name)
    return [parse(each, inner) for each in value]


def _check_text(name: str, value: Any) -> None:
    texts = value if isinstance(value, list) else [value]
    for text in texts:
        if isinstance(text, str) and (len(text) > VALUE_MAX or not text.isprintable()):
            how = f"at most {VALUE_MAX} characters, and none that cannot be printed"
            raise errors.said(f"{name} is invalid", how, name)


def _wrong(
    values: Mapping[str, Any], known: Mapping[str, FieldInfo], error: Exception
) -> DecodeError:
    """Return the refusal of the first value that does not have its form."""
    for name, value in values.items():
        try:
            msgspec.convert(value, known[name].type, strict=False)
        except ValidationError as wrong:
            choices = [choice for choice in _choices(known[name].type) if isinstance(choice, str)]
            how = f"send {' or '.join(choices)}" if choices else str(wrong)
            return errors.said(f"{name} is invalid", f"{errors.shown(str(value))}: {how}", name)
    return errors.said("Bad Request", str(error))


def _choices(form: Any) -> list[Any]:
    """Return the words that a form knows."""
    found: list[Any] = []
    for part in get_args(form):
        found += _choices(part) or [part]
    return found


@lru_cache(maxsize=256)
def _fields(request: type[Struct]) -> dict[str, FieldInfo]:
    return {field.encode_name: field for field in fields(request)}


def _struct_in(field: FieldInfo) -> type[Struct] | None:
    """Return the struct that a field has a list of."""
    for part in get_args(field.type):
        if isinstance(part, type) and issubclass(part, Struct):
            return part
    return None


# -- client half --------------------------------------------------------------------------------


def told(request: Struct) -> dict[str, Any]:
    """Return what of a request is not at its default."""
    return {
        field.encode_name: value
        for field in fields(request)
        if (value := getattr(request, field.name)) is not UNSET and value != field.default
    }


def write(endpoint: Endpoint, request: Struct) -> tuple[str, bytes]:
    """Return target and body of a request."""
    given, path = told(request), endpoint.path
    for name in [*given]:
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(str(given.pop(name)), safe=""))
    if endpoint.method == "POST":
        return path, msgspec.json.encode(given) if given else b""
    query = "&".join(f"{name}={quote(str(value), safe=',')}" for name, value in given.items())
    return f"{path}?{query}" if query else path, b""
