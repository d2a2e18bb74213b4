"""Parameters into request structs and back: queries, and JSON objects or arrays of them.

The invariant: a struct comes out only if everything in it has the right type; otherwise a
DecodeError has the venue's code and names the parameter. Numbers in JSON are taken for texts, digit
by digit. Nothing (an empty text, null) is as good as a parameter that is not there, as some clients
send all that there is. Names that a request does not have are passed over.

A struct of `Items` is an array of objects; on a route for one order it is that one's object.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import NODEFAULT, UNSET, Raw, Struct
from msgspec.structs import FieldInfo, fields

from steelyard.dialects.okx import errors
from steelyard.dialects.okx.messages import Items
from steelyard.wire.dialect import Endpoint
from steelyard.wire.http import Request

JSON = "application/json"
PARAMETERS_MAX = 64
VALUE_MAX = 512  # characters of any one value
ITEMS_READ_MAX = 100  # of an array; how many a route takes is said there
EXPIRY = "exptime"  # a header: when the venue is to drop the request
LISTS = ("batch-orders", "cancel-batch-orders", "amend-batch-orders", "cancel-algos", "amend-algos")
SINGLE = frozenset({"amend-algos"})  # an object, and for some clients an array of them

_object = msgspec.json.Decoder(dict[str, Raw])
_array = msgspec.json.Decoder(list[dict[str, Raw]])
_list = msgspec.json.Decoder(list[Raw])


# -- server half --------------------------------------------------------------------------------


def read(request: Request, endpoint: Endpoint, _captured: Mapping[str, str]) -> Struct:
    """Return a request's parameters.

    Raises:
        DecodeError: With the venue's words.
    """
    kind = endpoint.request
    if endpoint.method == "GET":
        parameters: Struct = parse(pairs(request.query), kind)
        return parameters
    body = request.body.strip()
    declared = request.headers.get("content-type", JSON)
    if not declared.startswith(JSON):
        raise errors.said(errors.CONTENT_TYPE, f"send Content-Type: {JSON}")
    if not body and fields(kind):
        raise errors.said(errors.NO_BODY, "send the parameters as JSON")
    expiry = request.headers.get(EXPIRY, "")
    if issubclass(kind, Items):
        return read_items(body, endpoint, expiry)
    given = _decoded(_object, body) if body else {}
    found: Struct = parse(texts_of(given), kind)
    return found


def read_items(body: bytes, endpoint: Endpoint, expiry: str = "") -> Struct:
    """Return the entries of an array, or of the one object that a route takes.

    Raises:
        DecodeError: With the venue's words.
    """
    name = endpoint.path.rpartition("/")[2]
    takes_list = name in LISTS and (name not in SINGLE or body[:1] == b"[")
    given = _decoded(_array, body) if takes_list else [_decoded(_object, body)]
    if not 1 <= len(given) <= ITEMS_READ_MAX:
        how = "far more than any route takes at once" if given else "send at least one entry"
        raise errors.said(errors.TOO_MANY, how, "args")
    return items_of([texts_of(each) for each in given], endpoint.request, expiry)


def items_of(given: list[dict[str, Any]], kind: type[Struct], expiry: str = "") -> Struct:
    """Return the struct of some entries.

    Raises:
        DecodeError: With the venue's words.
    """
    of = {field.name: field for field in _fields(kind)}["items"].type.__args__[0]
    return kind(items=tuple(parse(each, of) for each in given), expTime=expiry)


def _decoded(decoder: Any, body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.said(errors.BAD_JSON, f"the body is not as documented: {error}") from error


def pairs(query: str) -> dict[str, Any]:
    """Return the parameters of a query.

    Raises:
        DecodeError: Not UTF-8, or too many.
    """
    try:
        found = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX
        )
    except UnicodeDecodeError as error:
        raise errors.said(errors.PARAMETER, "send the query in UTF-8, percent-encoded") from error
    except ValueError as error:
        raise errors.said(errors.PARAMETER, f"at most {PARAMETERS_MAX} parameters") from error
    return dict(found)


def texts_of(given: Mapping[str, Raw]) -> dict[str, Any]:
    """Return values as texts, truths, lists and objects of such; numbers as they are written.

    Raises:
        DecodeError: A value is none of these.
    """
    try:
        return {name: _text(bytes(value)) for name, value in given.items()}
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.said(errors.BAD_JSON, f"the body is not as documented: {error}") from error


def _text(value: bytes) -> Any:
    match value[:1]:
        case b"n":
            return None
        case b'"':
            return msgspec.json.decode(value, type=str)
        case b"[":
            return [_text(bytes(each)) for each in _list.decode(value)]
        case b"{":
            return {name: _text(bytes(each)) for name, each in _object.decode(value).items()}
        case b"t" | b"f":
            return value == b"true"
        case _:
            return value.decode()


def parse(given: Mapping[str, Any], kind: type[Struct]) -> Any:
    """Return a request struct.

    Raises:
        DecodeError: With the venue's words.
    """
    values: dict[str, Any] = {}
    for field in _fields(kind):
        name = field.encode_name
        value = given.get(name)
        if value is None or value in ("", []):
            if field.default is NODEFAULT and field.default_factory is NODEFAULT:
                raise errors.said(errors.MISSING, f"send {name}", name)
            continue
        if isinstance(value, str) and (len(value) > VALUE_MAX or not value.isprintable()):
            raise errors.invalid(name, f"at most {VALUE_MAX} characters that can be printed")
        values[name] = _without_nothing(value)
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise errors.invalid(_wrong(values, kind), str(error)) from error


def _without_nothing(value: Any) -> Any:
    """Return a value, of whose objects nothing is left that says nothing."""
    if isinstance(value, list):
        return [_without_nothing(each) for each in value]
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if each not in (None, "", [])}
        return {name: _without_nothing(each) for name, each in kept.items()}
    return value


def _wrong(values: Mapping[str, Any], kind: type[Struct]) -> str:
    """Return the name of the first value that has not its form."""
    types = {field.encode_name: field.type for field in _fields(kind)}
    for name, value in values.items():
        try:
            msgspec.convert(value, types[name], strict=False)
        except msgspec.ValidationError:
            return name
    return "args"


@cache
def _fields(kind: type[Struct]) -> tuple[FieldInfo, ...]:
    return fields(kind)


# -- client half --------------------------------------------------------------------------------


def told(request: Struct) -> dict[str, Any]:
    """Return what of a request is not at its default."""
    return {
        field.encode_name: value
        for field in _fields(type(request))
        if (value := getattr(request, field.name)) not in (field.default, UNSET, None, ())
    }


def write(endpoint: Endpoint, request: Struct) -> tuple[str, bytes]:
    """Return target and body of a request."""
    if endpoint.method == "GET":
        query = "&".join(f"{name}={quote(str(v), safe='')}" for name, v in told(request).items())
        return f"{endpoint.path}?{query}" if query else endpoint.path, b""
    body: Any = told(request)
    if isinstance(request, Items):
        entries = [_plain(told(item)) for item in body["items"]]
        is_list = endpoint.path.rpartition("/")[2] in set(LISTS) - SINGLE
        body = entries if is_list else entries[0]
    return endpoint.path, msgspec.json.encode(body)


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry whose inner structs say only what is not at its default either."""
    return {
        name: [told(each) for each in value] if isinstance(value, tuple) else value
        for name, value in entry.items()
    }
