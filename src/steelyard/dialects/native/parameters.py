"""Strict reading: names and values from a path, a query or a JSON object into a request struct.

The invariant: a struct comes out only if every name is known, given once and of the documented
form, and nothing that must be there is missing; otherwise a DecodeError says which field, what
was expected, what came, and how to mend it. Nothing is guessed, rounded or ignored. What the
values mean together is checked by the structs themselves and by orders.py.
"""

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, get_args
from urllib.parse import parse_qsl

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.inspect import Metadata, StructType, VarTupleType, type_info
from msgspec.structs import fields

from steelyard.dialects.native import forms
from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import Endpoint
from steelyard.wire.http import Request

_DECLARED = {tuple(sorted(get_args(choices))): get_args(choices) for choices in forms.CHOICES}
T = TypeVar("T", bound=Struct)

SHOWN_MAX = 60  # characters of a wrong value that are repeated to its sender
WITH_BODY = frozenset({"POST", "PATCH"})

_decode = msgspec.json.Decoder().decode
_pairs_of = json.JSONDecoder(object_pairs_hook=list).decode

# What people call it elsewhere; spelling mistakes are found without this table.
_ELSEWHERE = {
    "quantity": "size",
    "qty": "size",
    "amount": "size",
    "volume": "size",
    "instrument": "symbol",
    "market": "symbol",
    "pair": "symbol",
    "product_id": "symbol",
    "ordertype": "type",
    "tif": "time_in_force",
    "newclientorderid": "client_order_id",
    "clordid": "client_order_id",
    "orderid": "order_id",
    "stp": "self_trade",
    "quoteorderqty": "quote_amount",
    "funds": "quote_amount",
    "icebergqty": "display_size",
    "visible_size": "display_size",
    "stopprice": "trigger_price",
    "triggerprice": "trigger_price",
    "stop_price": "trigger_price",
    "trailingdelta": "trail_rate",
    "expiretime": "expires",
    "goodtilldate": "expires",
    "from": "from_id",
    "starttime": "start",
    "endtime": "end",
    "since": "start",
    "timeframe": "interval",
    "channels": "channel",
}


class Field(NamedTuple):
    """How one field is read and what is said when it cannot be."""

    name: str
    form: Any  # the annotation
    kind: str  # string, integer, boolean, array; "" for anything
    expected: str
    choices: tuple[str, ...]
    is_required: bool
    item: type[Struct] | None  # of a list of objects


def read(request: Request, endpoint: Endpoint, captured: Mapping[str, str]) -> Struct:
    """Return a request's parameters.

    Raises:
        DecodeError: They do not have the documented form.
    """
    route = f"{endpoint.method} {endpoint.path}"
    given: list[tuple[str, Any]] = []
    path_names = set(captured)
    if endpoint.method in WITH_BODY:
        if request.query:
            raise DecodeError(
                f"{route} takes no query; put the parameters into a JSON body",
                request.query.partition("=")[0][:SHOWN_MAX],
            )
        if not captured and (made := _flat(request.body, endpoint.request)) is not None:
            return made
        given = parse_object(request.body, "the body")
    else:
        # A body that is signed but not read could be moved over into the target.
        if request.body:
            raise DecodeError(f"{route} takes no body; put the parameters into the query", "body")
        given = [(name, _Text(text)) for name, text in _pairs(request.query)]
    for name, _ in given:
        if name in path_names:
            raise DecodeError(f"{name} is part of the path of {route}; send it there only", name)
    given += [(name, _Text(text)) for name, text in captured.items()]
    return build(endpoint.request, given, route)


def _flat(body: bytes, struct: type[T]) -> T | None:
    """Return what most bodies hold; None for any that needs a closer look.

    As many colons as names: no name is given twice, and nothing is nested. Without escapes, JSON
    in printable ASCII has printable texts.
    """
    if not body.isascii() or b"\\" in body or b"\x7f" in body:
        return None
    try:
        values = _decode(body)
        if type(values) is not dict or body.count(b":") != len(values):
            return None
        made: T = _decoder(struct).decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return None if b"[" in body and _has_list(values) else made


def _has_list(values: dict[str, Any]) -> bool:
    return any(isinstance(value, list) for value in values.values())


@lru_cache(maxsize=256)
def _decoder(struct: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(struct)


def parse_object(text: bytes | str, what: str) -> list[tuple[str, Any]]:
    """Return the names and values of a JSON object, in order and with repetitions.

    Raises:
        DecodeError: Empty, not UTF-8, not JSON, or not an object; `what` names it.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise DecodeError(
                f"{what} is not UTF-8: byte {error.object[error.start]:#04x} at position "
                f"{error.start}; encode the JSON text as UTF-8",
                "body",
            ) from error
    if not text.strip():
        raise DecodeError(f"{what} is empty; send a JSON object such as {{...}}", "body")
    try:
        # The strict parser says whether it is JSON, the lenient one keeps repeated names.
        value = msgspec.json.decode(text)
        if not isinstance(value, dict):
            raise DecodeError(f"{what} must be a JSON object, {{...}}; got {_shown(value)}", "body")
        pairs = _pairs_of(text)
        for name, inner in pairs:
            if (repeated := _repeated(inner, name)) is not None:
                raise DecodeError(f"{repeated} is given twice; send it once", repeated)
    except (msgspec.DecodeError, ValueError) as error:
        raise DecodeError(f"{what} is not valid JSON: {error}", "body") from error
    except RecursionError as error:
        raise DecodeError(f"{what} is nested too deeply; send a flat object", "body") from error
    return [(name, value[name]) for name, _ in pairs]


def build(struct: type[T], given: Iterable[tuple[str, Any]], what: str, within: str = "") -> T:
    """Return a struct from names and values.

    what names the receiver in messages, within the place of a nested object: `channels[0].`.

    Raises:
        DecodeError: A name is unknown or repeated, a value has another form, one is missing.
    """
    known = plan(struct)
    values: dict[str, Any] = {}
    for name, value in given:
        field = known.get(name)
        if field is None:
            raise DecodeError(_unknown(name, known, what), within + name[:SHOWN_MAX])
        if name in values:
            raise DecodeError(f"{name} is given twice; send it once", within + name)
        values[name] = _from_text(field, value) if isinstance(value, _Text) else value
    missing = [f for f in known.values() if f.is_required and f.name not in values]
    if missing:
        first = missing[0]
        others = f" (so is {', '.join(f.name for f in missing[1:])})" if missing[1:] else ""
        raise DecodeError(
            f"{within}{first.name} is missing{others}; it must be {first.expected}",
            within + first.name,
        )
    try:
        made = msgspec.convert(values, struct)
    except msgspec.ValidationError as error:
        for name, value in values.items():
            _check(known[name], value, within)
        raise DecodeError(f"{what} cannot be read: {error}") from error
    for name, value in values.items():
        # A pattern's $ lets a line break at the end through.
        if isinstance(value, str) and not value.isprintable() and known[name].kind:
            raise _wrong(known[name], value, within)
        if known[name].item is not None:
            _check(known[name], value, within)
    return made


@lru_cache(maxsize=256)
def plan(struct: type[Struct]) -> dict[str, Field]:
    """Return how each field of a struct is read."""
    found = {}
    for info in fields(struct):
        schema = msgspec.json.schema(info.type)
        schema = next((s for s in schema.get("anyOf", ()) if s.get("type") != "null"), schema)
        if "enum" in schema:
            schema["enum"] = declared(schema["enum"])
        is_required = info.default is NODEFAULT and info.default_factory is NODEFAULT
        inner = type_info(info.type)
        if isinstance(inner, Metadata):
            inner = inner.type
        is_list = isinstance(inner, VarTupleType) and isinstance(inner.item_type, StructType)
        found[info.encode_name] = Field(
            info.encode_name,
            info.type,
            "string" if "enum" in schema else schema.get("type", ""),
            _expected(schema),
            tuple(schema.get("enum", ())),
            is_required,
            inner.item_type.cls if is_list else None,  # type: ignore[attr-defined]
        )
    return found


def declared(choices: Iterable[str]) -> list[str]:
    """Return choices in the order of their declaration; schemas sort them by letter."""
    return [*_DECLARED.get(tuple(choices), choices)]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, or None."""
    known = [*known]
    plain_name = name[:SHOWN_MAX].lower()
    elsewhere = _ELSEWHERE.get(plain_name.replace("_", ""), _ELSEWHERE.get(plain_name))
    if elsewhere in known:
        return elsewhere
    close = get_close_matches(plain_name, [k.lower() for k in known], n=1)
    return next((k for k in known if close and k.lower() == close[0]), None)


def _repeated(inner: Any, place: str) -> str | None:
    """Return the first name that is given twice within a value; objects are lists of pairs."""
    names: set[str] = set()
    for position, item in enumerate(inner if isinstance(inner, list) else ()):
        is_pair = isinstance(item, tuple)
        here = f"{place}.{item[0][:SHOWN_MAX]}" if is_pair else f"{place}[{position}]"
        if is_pair and item[0] in names:
            return here
        names.update(item[:1] if is_pair else ())
        if (found := _repeated(item[1] if is_pair else item, here)) is not None:
            return found
    return None


def _pairs(query: str) -> list[tuple[str, str]]:
    if not query:
        return []
    try:
        return parse_qsl(
            query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=64
        )
    except UnicodeDecodeError as error:
        raise DecodeError(
            "the query is not UTF-8 after percent-decoding; encode each value as UTF-8, then "
            "percent-encode it",
            "query",
        ) from error
    except ValueError as error:
        raise DecodeError(
            f"the query cannot be read ({error}); write name=value&name=value", "query"
        ) from error


class _Text(str):
    """A value from a path or query, whose type is only known from the field."""

    __slots__ = ()


def _check(field: Field, value: Any, within: str) -> None:
    """Raise a DecodeError if this is a value that cannot be read."""
    if field.item is not None and isinstance(value, list):
        for position, item in enumerate(value):
            place = f"{within}{field.name}[{position}]"
            if not isinstance(item, dict):
                raise DecodeError(f"{place} must be an object, {{...}}; got {_shown(item)}", place)
            build(field.item, item.items(), place, f"{place}.")
    try:
        msgspec.convert(value, field.form)
    except msgspec.ValidationError as error:
        raise _wrong(field, value, within) from error


def _wrong(field: Field, value: Any, within: str) -> DecodeError:
    return DecodeError(
        f"{within}{field.name} must be {field.expected}; got {_shown(value)}"
        + _advice(field, value),
        within + field.name,
    )


def _from_text(field: Field, text: str) -> str | int | bool:
    if field.kind == "integer" and text.isascii() and text.isdigit() and len(text) < SHOWN_MAX:
        return int(text)
    if field.kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return str(text)


def _expected(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f'"{choice}"' for choice in schema["enum"])
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "integer":
            least, most = schema.get("minimum", 0), schema.get("maximum")
            noun = schema.get("title", "number")
            return f"a whole number from {least} to {most} ({noun})"
        case "array":
            noun = schema.get("title", "entries")
            least, most = schema.get("minItems"), schema.get("maxItems")
            return "a list" + (f" of {least} to {most} {noun}" if most else "")
        case "string":
            noun = schema.get("title", "text")
            examples = schema.get("examples", ())
            return f"a {noun}" + (f' such as "{examples[0]}"' if examples else "")
        case _:
            return "JSON"


def _advice(field: Field, value: Any) -> str:
    if field.choices and isinstance(value, str):
        close = nearest(value, field.choices)
        return f"; did you mean {_shown(close)}?" if close else ""
    is_number = not isinstance(value, str | bool | list | dict) and value is not None
    if field.kind == "string" and is_number:
        return ": put it in quotes"
    if field.kind in ("integer", "boolean") and isinstance(value, str):
        return "" if field.kind == "boolean" else ": digits only, without a point or quotes"
    return ""


def _unknown(name: str, known: Mapping[str, Field], what: str) -> str:
    close = nearest(name, known)
    meant = f"; did you mean {close}? " if close else "; "
    takes = ", ".join(known) or "no parameters"
    return f"unknown parameter {_shown(name)}{meant}{what} takes {takes}"


def _shown(value: Any) -> str:
    """Return a value as its sender would recognise it, not too long."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case list():
            return "a list"
        case dict():
            return "an object"
        case str():
            clipped = value if len(value) <= SHOWN_MAX else value[:SHOWN_MAX] + "..."
            return json.dumps(clipped)
        case _:
            return f"the number {str(value)[:SHOWN_MAX]}"
