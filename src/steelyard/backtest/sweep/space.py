"""What a sweep varies: the values of each parameter, and which combinations are let in.

Every axis is a finite list of exact values, also one that is written as a range: a trial is then a
tuple of places on the axes, the same for every search, in every record and on every heat map. A
range between texts ("0.01", "5m") gives texts again, as the strategy would read them in a
configuration. Nothing is rounded silently: an end that no step reaches is refused.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from difflib import get_close_matches
from itertools import product
from math import prod
from typing import Any, NamedTuple

import msgspec

from steelyard.backtest.sweep.constraint import Constraint, Magnitude, magnitude
from steelyard.domain.errors import ConfigError
from steelyard.domain.units import in_full
from steelyard.trading.duration import UNITS_NS, Duration
from steelyard.trading.strategy import Strategy

AXES_MAX = 16
VALUES_MAX = 10_000  # of one axis
POINTS = 10  # of a logarithmic range that does not say how many
_DIGITS = Context(prec=3, rounding=ROUND_HALF_EVEN)  # of what lies between the ends of one
_EXACT = Context(prec=40)
_RANGE_KEYS = ("from", "to", "step", "log", "points")

Value = int | Decimal | bool | str
At = tuple[int, ...]  # a place on each axis


class Axis(NamedTuple):
    """One parameter and its values, rising where they are numbers or durations."""

    name: str
    values: tuple[Value, ...]
    is_ordered: bool  # whether values beside each other are alike

    def text(self, place: int) -> str:
        """Return a value for people."""
        return shown(self.values[place])


class Space(NamedTuple):
    """All axes, what stays the same, and the conditions that a combination has to fulfil."""

    axes: tuple[Axis, ...]
    fixed: dict[str, Any]
    constraints: tuple[Constraint, ...]

    @property
    def size(self) -> int:
        """How many combinations there are, whether let in or not."""
        return prod(len(axis.values) for axis in self.axes)

    def at(self, index: int) -> At:
        """Return the combination of a number below `size`; the last axis turns fastest."""
        places = []
        for axis in reversed(self.axes):
            index, place = divmod(index, len(axis.values))
            places.append(place)
        return tuple(reversed(places))

    def all(self) -> Iterator[At]:
        """Yield the combinations that are let in, in order."""
        for at in product(*(range(len(axis.values)) for axis in self.axes)):
            if self.admits(at):
                yield at

    def varied(self, at: At) -> dict[str, Value]:
        """Return the values at a place by name."""
        pairs = zip(self.axes, at, strict=True)
        return {axis.name: axis.values[place] for axis, place in pairs}

    def params(self, at: At) -> dict[str, Any]:
        """Return all parameters at a place, as the strategy takes them."""
        return {**self.fixed, **self.varied(at)}

    def admits(self, at: At) -> bool:
        """Whether every constraint holds there.

        Raises:
            ConfigError: A constraint cannot be computed.
        """
        if not self.constraints:
            return True
        values = self.params(at)
        return all(constraint.holds(values) for constraint in self.constraints)


def parse_space(
    axes: Mapping[str, Any],
    constraints: tuple[str, ...],
    fixed: Mapping[str, Any],
    strategy: type[Strategy] | None,
) -> Space:
    """Return the space that `[sweep.params]` describes, checked against the strategy's own types.

    fixed are the parameters of `[strategy]`; what is varied replaces them. strategy is None where a
    function decides, which does not say what it takes.

    Raises:
        ConfigError: An unknown parameter, a wrong form, a value that the strategy does not take,
            or a constraint that lets nothing in; the message names the key.
    """
    if not axes:
        raise ConfigError("[sweep.params] is empty; write what to vary, such as fast = [5, 10, 20]")
    if len(axes) > AXES_MAX:
        raise ConfigError(f"[sweep.params] varies {len(axes)} parameters; at most {AXES_MAX}")
    parsed = tuple(parse_axis(name, given) for name, given in axes.items())
    fields: dict[str, Any] = {}
    if strategy is not None:
        fields = {field.name: field for field in msgspec.structs.fields(strategy.Params)}
        _check_axes(parsed, fields, strategy.__name__)
    kept = {name: value for name, value in fixed.items() if name not in axes}
    # What the strategy has by itself can be compared with, too.
    defaults = {
        name: field.default
        for name, field in fields.items()
        if name not in axes and name not in kept and field.default is not msgspec.NODEFAULT
    }
    space = Space(parsed, kept, ())
    if not constraints:
        return space
    conditions = tuple(Constraint(text) for text in constraints)
    known = (*axes, *kept, *defaults)
    for condition in conditions:
        condition.check_names(known)
    used = frozenset().union(*(condition.names for condition in conditions))
    needed = {name: value for name, value in defaults.items() if name in used}
    return Space(parsed, {**needed, **kept}, conditions)


def _check_axes(axes: tuple[Axis, ...], fields: Mapping[str, Any], strategy: str) -> None:
    for axis in axes:
        name = axis.name
        if name not in fields:
            close = get_close_matches(name, fields, 1)
            meant = f"did you mean {close[0]!r}?" if close else f"it takes: {', '.join(fields)}"
            raise ConfigError(f"[sweep.params] {strategy} has no {name!r}; {meant}")
        for value in axis.values:
            _check_value(name, value, fields[name].type)


def parse_axis(name: str, given: object) -> Axis:
    """Return an axis from a list of values or a range.

    Raises:
        ConfigError: Neither of them, or not one that has values.
    """
    where = f"[sweep.params] {name}"
    if isinstance(given, list):
        return _choices(name, given, where)
    if isinstance(given, dict):
        values = _range(given, where)
        return Axis(name, values, is_ordered=True)
    raise ConfigError(
        f"{where} is {shown(given)}; write a list as [5, 10, 20], or a range as "
        "{ from = 5, to = 50, step = 5 }. What does not vary stands in [strategy] params"
    )


def shown(value: object) -> str:
    """Return a value for people: no exponent, and truth values as TOML has them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return in_full(value) if isinstance(value, Decimal) else str(value)


def _choices(name: str, given: list[Any], where: str) -> Axis:
    if not 0 < len(given) <= VALUES_MAX:
        raise ConfigError(f"{where} has {len(given)} values; from 1 to {VALUES_MAX} are possible")
    for value in given:
        if not isinstance(value, int | Decimal | str):
            raise ConfigError(f"{where} has {value!r}, which is no number, text, true or false")
        if isinstance(value, Decimal) and not value.is_finite():
            raise ConfigError(f"{where} has {value}, which is no amount")
    counted = [magnitude(value) for value in given]
    if len(set(counted)) < len(counted):
        twice = next(value for value in given if counted.count(magnitude(value)) > 1)
        raise ConfigError(f"{where} has {shown(twice)} twice")
    if all(isinstance(count, Decimal) for count in counted):
        rising = sorted(given, key=lambda value: Decimal(magnitude(value)))
        return Axis(name, tuple(rising), is_ordered=True)
    return Axis(name, tuple(given), is_ordered=False)


def _range(given: dict[str, Any], where: str) -> tuple[Value, ...]:
    for key in given:
        if key not in _RANGE_KEYS:
            close = get_close_matches(key, _RANGE_KEYS, 1)
            known = f"known are: {', '.join(_RANGE_KEYS)}"
            meant = f"did you mean {close[0]!r}?" if close else known
            raise ConfigError(f"{where} {key!r} is not a key of a range; {meant}")
    if "from" not in given or "to" not in given:
        raise ConfigError(f"{where} is a range without {'to' if 'from' in given else 'from'}")
    low, high = given["from"], given["to"]
    write = _writer(low, high, where)
    start, end = _number(low, where), _number(high, where)
    if start > end:
        raise ConfigError(f"{where} goes from {shown(low)} down to {shown(high)}; turn it round")
    is_log = given.get("log", False)
    if not isinstance(is_log, bool):
        raise ConfigError(f"{where} log is {shown(is_log)}; write true or leave it out")
    if is_log:
        if "step" in given:
            raise ConfigError(f"{where} has a step and is logarithmic; write points instead")
        return _logarithmic(start, end, given.get("points", POINTS), write, where)
    if "points" in given:
        raise ConfigError(f"{where} has points; they go with log = true. Write a step instead")
    if "step" in given:
        step = _number(given["step"], where)
    elif isinstance(low, int) and isinstance(high, int):
        step = Decimal(1)
    else:
        raise ConfigError(f"{where} is a range without a step; write one, or log = true")
    if step <= 0:
        raise ConfigError(f"{where} has a step of {shown(given['step'])}; it must be above zero")
    count, rest = divmod(end - start, step)
    if rest:
        reached = start + count * step
        raise ConfigError(
            f"{where}: no step leads to {shown(high)}; nearest: {write(reached)}, "
            f"{write(reached + step)}"
        )
    if count >= VALUES_MAX:
        raise ConfigError(f"{where} has {count + 1} values, over {VALUES_MAX}; take a larger step")
    return tuple(write(start + place * step) for place in range(int(count) + 1))


def _logarithmic(
    start: Decimal, end: Decimal, points: object, write: Callable[[Decimal], Value], where: str
) -> tuple[Value, ...]:
    """Return points whose ratio is the same but for rounding, both ends exactly."""
    if start <= 0:
        raise ConfigError(f"{where} is logarithmic and begins at {start}; it must be above zero")
    if not isinstance(points, int) or not 2 <= points <= VALUES_MAX:  # noqa: PLR2004 both ends
        raise ConfigError(f"{where} points is {points}; from 2 to {VALUES_MAX} are possible")
    ratio = _EXACT.ln(_EXACT.divide(end, start))
    between = [
        _EXACT.multiply(start, _EXACT.exp(ratio * place / (points - 1)))
        for place in range(1, points - 1)
    ]
    found: dict[Magnitude, Value] = {}
    for number in (start, *map(_DIGITS.normalize, between), end):
        if start <= number <= end:
            value = write(number)
            found.setdefault(magnitude(value), value)
    return tuple(found.values())


def _number(value: object, where: str) -> Decimal:
    counted = magnitude(value)
    is_written = isinstance(value, int | Decimal | str)
    if is_written and isinstance(counted, Decimal) and counted.is_finite():
        return counted
    raise ConfigError(f"{where} has {shown(value)} in a range, which is no number and no duration")


def _writer(low: object, high: object, where: str) -> Callable[[Decimal], Value]:
    """Return what writes a number of a range as its ends are written."""
    if isinstance(low, str) and isinstance(high, str):
        units = {text.lstrip("0123456789.") for text in (low, high)}
        if units == {""}:
            return in_full
        if units <= set(UNITS_NS):
            finest = min(units, key=lambda unit: UNITS_NS[unit])
            return lambda number: _duration_text(number, finest)
    elif not isinstance(low, str) and not isinstance(high, str):
        if isinstance(low, int) and isinstance(high, int):
            return lambda number: int(number.to_integral_value(ROUND_HALF_EVEN))
        return lambda number: number
    raise ConfigError(
        f"{where} goes from {shown(low)} to {shown(high)}; write both ends alike: as numbers, "
        "as texts of numbers, or as durations"
    )


def _duration_text(number: Decimal, unit: str) -> str:
    """Return nanoseconds as a duration: in the unit of the ends, or a finer one where needed."""
    for name in sorted(UNITS_NS, key=lambda name: -UNITS_NS[name]):
        if UNITS_NS[name] <= UNITS_NS[unit] and number % UNITS_NS[name] == 0:
            return f"{int(number) // UNITS_NS[name]}{name}"
    return f"{max(1, round(number / UNITS_NS[unit]))}{unit}"


def _check_value(name: str, value: Value, kind: Any) -> None:
    try:
        msgspec.convert(value, kind, dec_hook=_read_special)
    except (msgspec.ValidationError, ConfigError, NotImplementedError) as error:
        said = str(error)
        raise ConfigError(
            f"[sweep.params] {name}: {shown(value)} is not what the strategy takes: "
            f"{said[:1].lower()}{said[1:]}"
        ) from error


def _read_special(kind: type, value: Any) -> Any:
    if kind is Duration and isinstance(value, str):
        return Duration(value)
    raise NotImplementedError(f"expected `{kind.__name__}`, got `{type(value).__name__}`")
