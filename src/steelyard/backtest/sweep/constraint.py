"""Conditions between parameters, as a person writes them: `fast < slow`, `slow - fast >= 5`.

A condition is comparisons of sums and products of names and numbers, joined by and, or, not. It is
read into a tree of these and nothing else: no calls, no attributes, no powers, and nothing is ever
evaluated as a program. Numbers are exact; a duration counts in nanoseconds.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from difflib import get_close_matches
from typing import Any

from steelyard.domain.errors import ConfigError
from steelyard.trading.duration import Duration

LENGTH_MAX = 500
EXAMPLE = 'write a condition such as "fast < slow" or "slow - fast >= 5"'

Magnitude = Decimal | str | bool
_ARITHMETIC: dict[type, Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def magnitude(value: object) -> Magnitude:
    """Return what a value counts as in a condition.

    Numbers, also those written as text, are numbers; durations are nanoseconds; other texts and
    truth values are only equal or not.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    text = str(value)
    try:
        number = Decimal(text)
    except DecimalException:
        pass
    else:
        return number if number.is_finite() else text
    try:
        return Decimal(Duration(text).ns)
    except ConfigError:
        return text


class Constraint:
    """One condition; `holds` says whether values fulfil it."""

    def __init__(self, text: str) -> None:
        """Read it.

        Raises:
            ConfigError: Not a condition; the message says what stands where it must not.
        """
        self.text = text
        if len(text) > LENGTH_MAX:
            raise ConfigError(f"a constraint of {len(text)} characters is over {LENGTH_MAX}")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._wrong("it cannot be read") from error
        self.names: frozenset[str] = frozenset(_check(self._tree, self._wrong))

    def check_names(self, known: tuple[str, ...]) -> None:
        """Refuse a condition on what is not there.

        Raises:
            ConfigError: A name is no parameter; the message names the nearest.
        """
        for name in sorted(self.names - set(known)):
            close = get_close_matches(name, known, 1)
            meant = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(known)}"
            raise self._wrong(f"{name!r} is not a parameter with a value; {meant}", example=False)

    def holds(self, values: Mapping[str, object]) -> bool:
        """Whether the values fulfil the condition.

        Raises:
            ConfigError: It cannot be said: a text is compared with a number, or a division by 0.
        """
        try:
            return bool(_value(self._tree, values))
        except DecimalException as error:
            raise self._wrong("it divides by zero, or its numbers are too large") from error
        except TypeError as error:
            raise self._wrong("it compares or adds what is not a number") from error

    def _wrong(self, why: str, *, example: bool = True) -> ConfigError:
        return ConfigError(
            f"[sweep] constraints: {self.text!r}: {why}" + (f"; {EXAMPLE}" if example else "")
        )

    def __repr__(self) -> str:
        return f"Constraint({self.text!r})"


def _check(node: ast.expr, wrong: Callable[[str], ConfigError]) -> list[str]:
    """Return the names in a condition, having refused all that is not one."""
    is_not = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    if not (is_not or isinstance(node, ast.Compare | ast.BoolOp)):
        raise wrong("it compares nothing")
    names: list[str] = []
    for part in ast.walk(node):
        match part:
            case ast.Name(id=name):
                names.append(name)
            case ast.Constant(value=value):
                if not isinstance(value, int | float | str):
                    raise wrong(f"{value!r} is no number and no text")
            case ast.Compare(ops=ops):
                for comparison in ops:
                    if type(comparison) not in _COMPARISONS:
                        raise wrong("it compares in a way that is not offered")
            case ast.BinOp(op=op):
                if type(op) not in _ARITHMETIC:
                    raise wrong("it computes in a way that is not offered")
            case ast.UnaryOp(op=ast.Not() | ast.USub()) | ast.BoolOp():
                pass
            case ast.expr():
                raise wrong("it may have names, numbers, + - * / % and comparisons only")
            case _:
                pass
    if not names:
        raise wrong("it names no parameter")
    return names


def _value(node: ast.expr, values: Mapping[str, object]) -> Magnitude:
    match node:
        case ast.Name(id=name):
            return magnitude(values[name])
        case ast.Constant(value=value):
            return magnitude(value)
        case ast.BoolOp(op=op, values=parts):
            every = all if isinstance(op, ast.And) else any
            return every(_value(part, values) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, values)
        case ast.UnaryOp(operand=operand):
            return -_number(_value(operand, values))
        case ast.BinOp(left=left, op=op, right=right):
            compute = _ARITHMETIC[type(op)]
            return compute(_number(_value(left, values)), _number(_value(right, values)))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            before = _value(left, values)
            for comparison, part in zip(ops, comparators, strict=True):
                after = _value(part, values)
                if not _COMPARISONS[type(comparison)](before, after):
                    return False
                before = after
            return True
        case _:
            raise AssertionError(node)


def _number(value: Magnitude) -> Decimal:
    if isinstance(value, Decimal):
        return value
    raise TypeError(value)
