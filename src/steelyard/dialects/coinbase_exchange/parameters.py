"""Path, query and JSON body into request structs and back, with the venue's own errors.

The invariant: a struct comes out only if everything that must be there is there and of the
documented form. Names that the venue does not have are passed over, as it does, but for those that
are spelled in another case than a known one. Numbers in a body are taken for texts, digit by digit.
What the values mean together is judged by the modules that use them.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_origin
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import NODEFAULT, UNSET, Raw, Struct
from msgspec.structs import FieldInfo, fields

from steelyard.dialects.coinbase_exchange import errors
from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import Endpoint
from steelyard.wire.http import Request

PARAMETERS_MAX = 64
VALUE_MAX = 256  # characters of any one value
JSON = "application/json"

_body = msgspec.json.Decoder(dict[str, Raw])


# -- server half --------------------------------------------------------------------------------


def read(request: Request, endpoint: Endpoint, captured: Mapping[str, str]) -> Struct:
    """Return a request's parameters.

    Raises:
        DecodeError: With the venue's words.
    """
    given = pairs(request.query)
    if request.method != "GET" and request.body.strip():
        given = {**given, **_from_body(request.body)}
    given |= {name: [text] for name, text in captured.items()}
    return parse(given, endpoint.request)


def pairs(query: str) -> dict[str, list[str]]:
    """Return the parameters of a query; some may be there several times.

    Raises:
        DecodeError: Not UTF-8, or too many.
    """
    found: dict[str, list[str]] = {}
    try:
        for name, text in parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX
        ):
            found.setdefault(name, []).append(text)
    except UnicodeDecodeError as error:
        raise errors.said("Bad request", "send the query in UTF-8, percent-encoded") from error
    except ValueError as error:
        raise errors.said("Bad request", f"send at most {PARAMETERS_MAX} parameters") from error
    return found


def _from_body(body: bytes) -> dict[str, list[str]]:
    try:
        raw = _body.decode(body)
        return {name: texts for name, value in raw.items() if (texts := _texts(bytes(value)))}
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.said("Bad request", f"the body has to be a JSON object: {error}") from error


def _texts(value: bytes) -> list[str]:
    """Return a JSON value as texts: null as none, a list as several, numbers as they are written.

    Raises:
        msgspec.DecodeError: It is an object, or a list of others than texts.
    """
    match value[:1]:
        case b"n":
            return []
        case b'"':
            return [msgspec.json.decode(value, type=str)]
        case b"[":
            return msgspec.json.decode(value, type=list[str])
        case b"{":
            raise msgspec.DecodeError("no parameter is an object")
        case _:
            return [value.decode()]


def parse(given: Mapping[str, list[str]], request: type[Struct]) -> Struct:
    """Return a request struct from named texts.

    Raises:
        DecodeError: With the venue's words.
    """
    values: dict[str, Any] = {}
    known = _fields(request)
    for name, texts in given.items():
        field = known.get(name)
        if field is None:
            _refuse_miscased(name, known)
            continue
        if any(len(text) > VALUE_MAX or not text.isprintable() for text in texts):
            raise errors.said(
                f"Invalid {name}",
                f"at most {VALUE_MAX} characters, and none that cannot be printed",
                name,
            )
        if get_origin(field.type) is tuple:
            values[name] = texts
        elif texts[-1]:
            values[name] = texts[-1]
    for field in known.values():
        if field.default is NODEFAULT and field.name not in values:
            raise errors.missing(field.name)
    try:
        return msgspec.convert(values, request, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong(values, known, error) from error


def _refuse_miscased(name: str, known: Mapping[str, FieldInfo]) -> None:
    meant = next((each for each in known if each.lower() == name.lower()), None)
    if meant is not None:
        raise errors.said(
            f"Invalid parameter {errors.shown(name)}", f"it is spelled {meant}", meant
        )


def _wrong(
    values: Mapping[str, Any], known: Mapping[str, FieldInfo], error: Exception
) -> DecodeError:
    """Return the refusal of the first value that does not have its form."""
    for name, value in values.items():
        try:
            msgspec.convert(value, known[name].type, strict=False)
        except msgspec.ValidationError as wrong:
            choices = getattr(_inner(known[name].type), "__args__", ())
            how = " or ".join(str(choice) for choice in choices) or str(wrong)
            return errors.said(f"Invalid {name}", f"{errors.shown(str(value))}: send {how}", name)
    return errors.said("Bad request", str(error))


def _inner(form: Any) -> Any:
    """Return a form without its None."""
    parts = [part for part in getattr(form, "__args__", ()) if part is not type(None)]
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], str | int) else form


@lru_cache(maxsize=128)
def _fields(request: type[Struct]) -> dict[str, FieldInfo]:
    return {field.name: field for field in fields(request)}


# -- client half --------------------------------------------------------------------------------


def told(request: Struct) -> dict[str, Any]:
    """Return what of a request is not at its default."""
    return {
        field.name: getattr(request, field.name)
        for field in _fields(type(request)).values()
        if getattr(request, field.name) not in (field.default, UNSET)
    }


def write(endpoint: Endpoint, request: Struct) -> tuple[str, bytes]:
    """Return target and body of a request."""
    given, path = told(request), endpoint.path
    for name in [*given]:
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(str(given.pop(name)), safe=":"))
    if endpoint.method == "POST":
        return path, msgspec.json.encode(given)
    texts = (
        f"{name}={quote(str(text), safe='')}"
        for name, value in given.items()
        for text in (value if isinstance(value, tuple) else (value,))
    )
    query = "&".join(texts)
    return f"{path}?{query}" if query else path, b""
