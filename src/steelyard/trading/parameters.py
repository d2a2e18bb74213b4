"""What a strategy's parameters mean and may be, said where they are declared.

    class Params(Strategy.Params, frozen=True, kw_only=True):
        size: Annotated[Decimal, about("how much each order buys", unit="base", above=0)]

Bounds are checked when a strategy is made, so a configuration, a sweep and a test hear the same
sentence. The guide's tables are made from the same words. What two parameters have to do with each
other is for the strategy to say.
"""

from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct

from steelyard.domain.errors import ConfigError
from steelyard.domain.units import in_full, plain
from steelyard.trading.duration import Duration

KNOWN_MAX = 256  # classes of parameters whose bounds are kept at hand
_WORDS = {int: "whole number", Decimal: "number", bool: "yes or no", str: "text", Duration: "time"}


class Bounds(NamedTuple):
    """Between what a number has to be; None: no matter."""

    above: Decimal | None = None
    least: Decimal | None = None
    most: Decimal | None = None

    def flaw(self, value: Any) -> str | None:
        """Return what a value ought to be, if it is not."""
        if self.above is not None and value <= self.above:
            return f"must be above {_shown(self.above)}"
        if self.least is not None and value < self.least:
            return f"must be {_shown(self.least)} or more"
        if self.most is not None and value > self.most:
            return f"must be {_shown(self.most)} or less"
        return None

    def __str__(self) -> str:
        low = self.above if self.above is not None else self.least
        words = []
        if low is not None:
            words.append(("above " if self.above is not None else "from ") + _shown(low))
        if self.most is not None:
            words.append(f"up to {_shown(self.most)}")
        return ", ".join(words)


class Row(NamedTuple):
    """One parameter, as a table has it."""

    name: str
    kind: str
    default: str
    bounds: str
    meaning: str


def about(
    meaning: str,
    *,
    unit: str = "",
    above: int | str | None = None,
    least: int | str | None = None,
    most: int | str | None = None,
) -> msgspec.Meta:
    """Return what `Annotated` has beside a parameter's type.

    Args:
        meaning: What it is, in a few words.
        unit: Of a number, such as `quote`, `base`, `bars` or `%`.
        above: It must be more than this.
        least: It must be this or more.
        most: It must be this or less.
    """
    limits = (None if limit is None else Decimal(limit) for limit in (above, least, most))
    return msgspec.Meta(description=meaning, extra={"unit": unit, "bounds": Bounds(*limits)})


def read_parameters(strategy: str, params: type[Struct], given: dict[str, Any]) -> Any:
    """Return the parameters of a strategy, by its name, as their struct.

    Raises:
        ConfigError: An unknown, missing or wrong parameter; the message names it.
    """
    known = params.__struct_fields__
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, 1)
            meant = f"did you mean {close[0]!r}?" if close else f"it takes: {', '.join(known)}"
            raise ConfigError(f"{strategy} has no parameter {name!r}; {meant}")
    try:
        found = msgspec.convert(given, params, dec_hook=_read_special)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{strategy}: {error}".replace("$.", "")) from error
    for name in known:
        value = getattr(found, name)
        if isinstance(value, Decimal) and not value.is_finite():
            raise ConfigError(f"{strategy}: {name} is {value}, which is no amount")
    check_bounds(found, strategy)
    return found


def check_bounds(params: Struct, strategy: str) -> None:
    """Refuse parameters that are out of their bounds.

    Raises:
        ConfigError: The first that is; the message says what it must be.
    """
    for name, bounds in _bounds(type(params)):
        value = getattr(params, name)
        if value is None:
            continue
        if (flaw := bounds.flaw(value)) is not None:
            number = value if isinstance(value, Decimal) else Decimal(value)
            raise ConfigError(f"{strategy}: {name} is {_shown(number)}; it {flaw}")


def rows(params: type[Struct]) -> list[Row]:
    """Return the parameters of a class for a table, in their order."""
    hints = get_type_hints(params, include_extras=True)
    found = []
    for field in msgspec.structs.fields(params):
        kind, said = _said(hints[field.name])
        default = "must be given" if field.default is NODEFAULT else _default(field.default)
        words = _kind(kind) + (f", {said['unit']}" if said.get("unit") else "")
        bounds = str(said.get("bounds", ""))
        found.append(Row(field.name, words, default, bounds, said.get("meaning", "")))
    return found


def _read_special(kind: type, value: Any) -> Any:
    if kind is Duration and isinstance(value, Duration | str):
        return Duration.of(value)
    raise NotImplementedError


@lru_cache(KNOWN_MAX)
def _bounds(params: type[Struct]) -> tuple[tuple[str, Bounds], ...]:
    hints = get_type_hints(params, include_extras=True)
    found = ((name, _said(hints[name])[1].get("bounds")) for name in params.__struct_fields__)
    return tuple(
        (name, bounds) for name, bounds in found if bounds is not None and bounds != Bounds()
    )


def _said(hint: Any) -> tuple[Any, Mapping[str, Any]]:
    """Return a type without what was said about it, and that."""
    if get_origin(hint) is not Annotated:
        return hint, {}
    kind, *said = get_args(hint)
    metas = [meta for meta in said if isinstance(meta, msgspec.Meta) and meta.extra]
    if not metas:
        return kind, {}
    return kind, {"meaning": metas[-1].description or "", **(metas[-1].extra or {})}


def _kind(kind: Any) -> str:
    if get_origin(kind) in (Union, UnionType):
        return " or none".join(_kind(part) for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is dict:
        return f"{_kind(get_args(kind)[1])} for each name"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(f"`{member.value}`" for member in kind)
    return _WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def _default(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case Decimal():
            return f"`{_shown(value)}`"
        case Enum():
            return f"`{value.value}`"
        case _:
            return f"`{value}`"


def _shown(number: Decimal) -> str:
    return in_full(plain(number))
