"""Path, query and JSON body into request structs and back.

The invariant: a struct comes out only if everything that must be there is there and of the
documented form. Names that the venue does not have are passed over, as it does. A GET's body, which
one client sends, is not read.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_origin
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import FieldInfo, fields

from steelyard.dialects.coinbase_advanced.text import shown
from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import Endpoint
from steelyard.wire.http import Request

PARAMETERS_MAX = 64
VALUE_MAX = 256  # characters of any one value
JSON = "application/json"


# -- server half --------------------------------------------------------------------------------


def read(request: Request, endpoint: Endpoint, captured: Mapping[str, str]) -> Struct:
    """Return a request's parameters.

    Raises:
        DecodeError: Something is missing, or has another form than documented.
    """
    if endpoint.method in ("POST", "PUT"):
        return _from_body(request.body, endpoint.request, captured)
    given = _pairs(request.query)
    given |= {name: [text] for name, text in captured.items()}
    return _parse(given, endpoint.request)


def _from_body(body: bytes, kind: type[Struct], captured: Mapping[str, str]) -> Struct:
    try:
        raw = msgspec.json.decode(body or b"{}")
        _check(raw)
        if not isinstance(raw, dict):
            raise DecodeError("the body has to be a JSON object")
        found: Struct = msgspec.convert({**raw, **captured}, kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DecodeError(
            f"the body has to be a JSON object of the documented form: {error}"
        ) from (error)
    return found


def _check(value: Any) -> None:
    """Refuse texts that are longer than any, or cannot be printed."""
    match value:
        case str() if len(value) > VALUE_MAX or not value.isprintable():
            raise DecodeError(f"{shown(value)}: at most {VALUE_MAX} printable characters")
        case dict():
            for name, each in value.items():
                _check(name)
                _check(each)
        case list():
            for each in value:
                _check(each)
        case _:
            pass


def _pairs(query: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX
        )
    except UnicodeDecodeError as error:
        raise DecodeError("send the query in UTF-8, percent-encoded") from error
    except ValueError as error:
        raise DecodeError(f"send at most {PARAMETERS_MAX} parameters") from error
    for name, text in pairs:
        found.setdefault(name, []).append(text)
    return found


def _parse(given: Mapping[str, list[str]], kind: type[Struct]) -> Struct:
    values: dict[str, Any] = {}
    known = _fields(kind)
    for name, texts in given.items():
        field = known.get(name)
        if field is None:
            continue
        for text in texts:
            _check(text)
        if get_origin(field.type) is tuple:
            values[name] = [text for text in texts if text]
        elif texts[-1]:
            values[name] = texts[-1]
    try:
        found: Struct = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise DecodeError(str(error)) from error
    return found


@lru_cache(maxsize=128)
def _fields(kind: type[Struct]) -> dict[str, FieldInfo]:
    return {field.name: field for field in fields(kind)}


# -- client half --------------------------------------------------------------------------------


def write(endpoint: Endpoint, request: Struct) -> tuple[str, bytes]:
    """Return target and body of a request."""
    given, path = _told(request), endpoint.path
    for name in [*given]:
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(str(given.pop(name)), safe=""))
    if endpoint.method == "POST":
        return path, msgspec.json.encode(given)
    query = "&".join(
        f"{name}={quote(str(text), safe='')}"
        for name, value in given.items()
        for text in (value if isinstance(value, tuple) else (value,))
    )
    return f"{path}?{query}" if query else path, b""


def _told(request: Struct) -> dict[str, Any]:
    """Return what of a request is not at its default."""
    return {
        field.name: getattr(request, field.name)
        for field in _fields(type(request)).values()
        if getattr(request, field.name) not in (field.default, UNSET)
    }
