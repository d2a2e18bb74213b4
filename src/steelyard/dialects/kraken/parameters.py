"""Parameters into request structs and back: forms, and JSON bodies of the same names.

The invariant: a struct comes out only if everything in it has the right type; otherwise a
DecodeError has the venue's text, `EGeneral:Invalid arguments:<name>`, and says how to mend it.
Clients write booleans in any case and as 0 and 1, numbers as texts and as numbers. Names that a
request does not have are passed over, as the venue does, and so is what is empty.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import Struct, inspect

from steelyard.dialects.kraken import errors
from steelyard.domain.errors import UnitError
from steelyard.domain.units import TEXT_MAX, in_full, parse_decimal
from steelyard.wire.dialect import Endpoint
from steelyard.wire.http import Request

FORM = "application/x-www-form-urlencoded"
PARAMETERS_MAX = 64
LIST_MAX = 200
_PATH = re.compile(r"`?\$(?:\[[^\]]*\]|\.)?\.?([^`]*)`")
_FIELD = re.compile(r"field `([^`]*)`")

_json = msgspec.json.Decoder(dict[str, Any], float_hook=str)


# -- server half --------------------------------------------------------------------------------


def read(request: Request, endpoint: Endpoint, captured: Mapping[str, str]) -> Struct:
    """Return a request's parameters; where query and body both have one, the body's.

    Raises:
        DecodeError: With the venue's words.
    """
    given = {**pairs(request.query.encode()), **body_of(request.body), **captured}
    parameters: Struct = parse(given, endpoint.request)
    return parameters


def body_of(body: bytes) -> dict[str, Any]:
    """Return the parameters of a form, or of a JSON object.

    Raises:
        DecodeError: It is neither, or has too many.
    """
    if body[:1] not in (b"{", b" ", b"\n", b"["):
        return pairs(body)
    try:
        return _flat(_json.decode(body))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.said(errors.ARGUMENTS, f"the body is no JSON object: {error}") from error


def pairs(text: bytes) -> dict[str, Any]:
    """Return the parameters of a query or form; what ends in [] is a list.

    Raises:
        DecodeError: Not UTF-8, or too many.
    """
    if not text:
        return {}
    try:
        found = parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=PARAMETERS_MAX)
    except (UnicodeDecodeError, ValueError) as error:
        raise errors.said(
            errors.ARGUMENTS, f"at most {PARAMETERS_MAX} parameters in UTF-8: {error}"
        ) from error
    given: dict[str, Any] = {}
    for name, value in found:
        if name.endswith("[]"):
            given.setdefault(name[:-2], []).append(value)
        else:
            given[name] = value
    return given


def parse(given: Mapping[str, Any], kind: type[Struct]) -> Any:
    """Return the struct that parameters make.

    Raises:
        DecodeError: With the venue's words.
    """
    kept = {name: value for name, value in given.items() if value not in ("", None)}
    check_numbers(kept, kind)
    try:
        return msgspec.convert(kept, kind, strict=False)
    except msgspec.ValidationError as error:
        text = str(error)
        missing = _FIELD.search(text)
        place = _PATH.search(text)
        name = missing[1] if missing else place[1].partition("[")[0] if place else ""
        raise errors.invalid(name or "nonce", text) from error


def check_numbers(given: Mapping[str, Any], kind: type[Struct]) -> None:
    """Look at each text that is to become a number, also in structs within: NaN is none.

    Raises:
        DecodeError: With the venue's words.
    """
    numbers, inner = _shape(kind)
    for name, value in given.items():
        if name in numbers and isinstance(value, str):
            try:
                parse_decimal(value)
            except UnitError as error:
                raise errors.invalid(name, str(error)) from error
        elif (found := inner.get(name)) is not None:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict):
                    check_numbers(each, found)


@cache
def _shape(kind: type[Struct]) -> tuple[frozenset[str], Mapping[str, type[Struct]]]:
    """Return the names of a struct's numbers, and of structs in it, alone or in lists."""
    told = inspect.type_info(kind)
    assert isinstance(told, inspect.StructType), "requests are structs"
    numbers, inner = set(), {}
    for field in told.fields:
        one = field.type
        for known in one.types if isinstance(one, inspect.UnionType) else (one,):
            if isinstance(known, inspect.ListType | inspect.VarTupleType):
                known = known.item_type  # noqa: PLW2901 what is in it counts
            if isinstance(known, inspect.DecimalType):
                numbers.add(field.encode_name)
            elif isinstance(known, inspect.StructType):
                inner[field.encode_name] = known.cls
    return frozenset(numbers), inner


def _flat(given: dict[str, Any]) -> dict[str, Any]:
    """Return an object's values as texts; an object in it as `name[inner]`."""
    flat: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, dict):
            flat |= {f"{name}[{inner}]": _text(each) for inner, each in value.items()}
        elif isinstance(value, list):
            if len(value) > LIST_MAX:
                raise errors.invalid(name, f"at most {LIST_MAX} entries")
            flat[name] = [_flat(v) if isinstance(v, dict) else _text(v) for v in value]
        else:
            flat[name] = _text(value)
    return flat


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:TEXT_MAX] if isinstance(value, int) else value


# -- client half --------------------------------------------------------------------------------


def write(request: Struct) -> str:
    """Return a struct as a form, without what is not said."""
    fields = msgspec.structs.fields(request)
    said = [(field.encode_name, getattr(request, field.name)) for field in fields]
    defaults = {field.encode_name: field.default for field in fields}
    return "&".join(
        f"{name}={quote(_printed(value), safe='')}"
        for name, value in said
        if value is not None and value != defaults[name]
    )


def _printed(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return in_full(value) if isinstance(value, Decimal) else str(value)
