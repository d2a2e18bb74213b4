"""The source tree as the house rules see it: modules, their imports, and names resolved.

Rules are functions from a module to complaints, so that each can be tried on a few bad lines.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "steelyard"

# The pure floors, bottom up (docs/internals, "Floors"); the rest is shells and roof.
FLOORS_0_TO_3 = frozenset({"domain", "wire", "engine", "dialects", "exchange", "trading", "tax"})
FLOORS_0_TO_4 = FLOORS_0_TO_3 | {"strategies", "backtest", "sim"}


class Module(NamedTuple):
    """One parsed file. `path` is relative to src/steelyard: "exchange/gate.py"."""

    path: str
    tree: ast.Module

    @classmethod
    def of(cls, path: str, text: str) -> Self:
        """Parse a file's text, or a sample that stands for one."""
        return cls(path, ast.parse(text, filename=path))

    @property
    def package(self) -> str:
        """The package, or lone module, that has a floor; empty for steelyard/__init__.py."""
        return self.path.partition("/")[0].removesuffix(".py").replace("__init__", "")

    def at(self, node: ast.AST, complaint: str) -> str:
        """Return a complaint with its place, as editors understand it."""
        return f"src/steelyard/{self.path}:{getattr(node, 'lineno', 1)}: {complaint}"


@cache
def all_modules() -> tuple[Module, ...]:
    """Parse the whole package, once."""
    return tuple(
        Module.of(path.relative_to(SRC).as_posix(), path.read_text())
        for path in sorted(SRC.rglob("*.py"))
    )


@cache
def nodes(module: Module) -> tuple[ast.AST, ...]:
    """Return every node of a module's tree."""
    return tuple(ast.walk(module.tree))


def imports(module: Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the full name of everything imported, at any depth, also under TYPE_CHECKING."""
    package = ["steelyard", *module.path.split("/")[:-1]]
    for node in nodes(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{origin}.{alias.name}", node


class Names:
    """What the names of a module stand for: `dt.now` is datetime.datetime.now."""

    def __init__(self, module: Module) -> None:
        self._origins: dict[str, str] = {}
        for node in nodes(module):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    self._origins[bound] = alias.name if alias.asname else bound
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self._origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def full(self, node: ast.AST) -> str:
        """Return the dotted name of an expression, with imports resolved; empty if it has none."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self._origins.get(node.id, node.id), *reversed(parts)])


def complain(complaints: list[str], moral: str) -> None:
    """Fail with every complaint at once and what to do about them."""
    if complaints:
        raise AssertionError("\n".join([moral, *complaints]))
