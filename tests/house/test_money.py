"""No float touches money: floors 0 to 3 have integers, and Decimal at their edges."""

import ast
from functools import cache

import pytest

from tests.house.source import FLOORS_0_TO_3, Module, Names, all_modules, complain, nodes

# (module, qualified name it happens in): why. An entry that nothing needs any more fails a test.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("trading/bars.py", "FloatPrice.__get__"): "strategies compute in floats; no order carries one",
    ("trading/strategy.py", "Leg.size"): "the one door by which a float becomes whole lots",
}

FLOAT_MATH = {
    f"math.{name}"
    for name in "sqrt pow exp exp2 expm1 log log2 log10 log1p fsum fmod ldexp inf nan e pi".split()
}


def floats(module: Module) -> list[tuple[str, ast.AST, str]]:
    """Return (qualified name around it, where, what) for each float and each way to get one."""
    names = Names(module)
    seen: list[tuple[str, ast.AST, str]] = []

    def visit(node: ast.AST, inside: str) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = f"{inside}.{node.name}".lstrip(".")
        match node:
            case ast.Constant(value=float() | complex() as value):
                seen.append((inside, node, f"the literal {value}"))
            case ast.Name(id="float" | "complex" as name):
                seen.append((inside, node, name))
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                seen.append((inside, node, "/ (a division names its rounding, in domain/units.py)"))
            case ast.Attribute() | ast.Name() if names.full(node) in FLOAT_MATH:
                seen.append((inside, node, names.full(node)))
            case ast.Constant(value=str() as text) if is_annotation(node) and "float" in text:
                seen.append((inside, node, "float"))
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    annotations = {
        id(part)
        for node in nodes(module)
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if part is not None
    }

    def is_annotation(node: ast.AST) -> bool:
        return id(node) in annotations

    visit(module.tree, "")
    return seen


@cache
def found(module: Module) -> tuple[tuple[str, ast.AST, str], ...]:
    """Return the floats of a module, looked for once."""
    return tuple(floats(module))


def complaints(module: Module) -> list[str]:
    """Return where a module of floors 0 to 3 leaves the integers."""
    return [
        module.at(node, f"{what} in {inside or 'the module'}")
        for inside, node, what in found(module)
        if (module.path, inside) not in EXCEPTIONS
    ]


def test_floors_0_to_3_have_no_floats():
    """A price is ticks, a size is lots, a balance is atoms, a rate is scaled."""
    exact = [module for module in all_modules() if module.package in FLOORS_0_TO_3]
    complain(
        [line for module in exact for line in complaints(module)],
        "Use ticks, lots, atoms or Decimal; strategies and reports may compute in floats:",
    )


def test_exceptions_are_needed():
    """An exception that outlived its reason is taken off the list."""
    used = {(module.path, inside) for module in all_modules() for inside, _, _ in found(module)}
    assert set(EXCEPTIONS) <= used


@pytest.mark.parametrize(
    "line",
    [
        "fee = 0.001",
        "x = 1e3",
        "def f(price: float) -> None: ...",
        "def f() -> 'float': ...",
        "def f(prices: list[float | None]) -> None: ...",
        "class Order:\n    price: float",
        "x = float('1.5')",
        "half = size / 2",
        "size /= 2",
        "import math\nx = math.sqrt(2)",
        "from math import inf\nbest = inf",
        "x = isinstance(1, float)",
    ],
)
def test_a_float_is_seen(line: str):
    """The rule fails where it should."""
    assert complaints(Module.of("domain/sample.py", line))


@pytest.mark.parametrize(
    "line",
    [
        "RATE_E8 = 100_000",
        "half = size // 2",
        "from decimal import Decimal\nx = Decimal('0.1')",
        "'''Strategies may compute in float, 0.5 of them do.'''",
        "import math\nx = math.gcd(4, 6) + math.isqrt(9)",
    ],
)
def test_an_exact_line_is_fine(line: str):
    """The rule passes where it should."""
    assert complaints(Module.of("domain/sample.py", line)) == []
