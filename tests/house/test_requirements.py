"""Every promise says what shows it, or what is missing; what it names is there."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import names as benches
from steelyard.cli.main import app
from tests.house.source import ROOT

AREAS: dict[str, Any] = tomllib.loads(
    (ROOT / "scripts" / "requirements.toml").read_text(encoding="utf-8")
)
PROMISES = {
    number: promise
    for area in AREAS.values()
    for number, promise in area.items()
    if number != "title"
}
COUNTS = dict(zip("ABCDEFGHIJKL", (45, 30, 15, 19, 17, 13, 16, 7, 9, 8, 3, 10), strict=True))


@cache
def defined_in(path: Path) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def is_there(what: str) -> bool:
    """Return whether a proof can be found: a test, a document, a command."""
    if what.startswith("steelyard "):
        found = app
        for word in re.findall(r"^[a-z-]+|(?<= )[a-z-]+", what.removeprefix("steelyard ")):
            found = found[word]
        return True
    if what.startswith("python -m bench "):
        return what.rsplit(" ", 1)[1] in benches()
    if what.startswith("make "):
        return f"\n{what.removeprefix('make ')}:" in (ROOT / "Makefile").read_text()
    path, _, name = what.partition("::")
    return (ROOT / path).exists() and (not name or name in defined_in(ROOT / path))


def test_every_promise_is_listed_once():
    """No number is left out, and none is there that was never promised."""
    wanted = [f"{letter}{n}" for letter, most in COUNTS.items() for n in range(1, most + 1)]
    assert list(PROMISES) == wanted


@pytest.mark.parametrize("number", PROMISES)
def test_a_promise_is_shown_or_said_to_be_missing(number: str):
    """What shows it exists; where nothing does, it says what is missing."""
    promise = PROMISES[number]
    assert set(promise) <= {"says", "by", "lacks"}
    assert promise.get("by") or promise.get("lacks")
    assert [what for what in promise.get("by", ()) if not is_there(what)] == []
