"""The page on security names tests that exist, and every requirement in it says how it stands."""

import ast
import re
from pathlib import Path

from tests.house.source import ROOT, complain

PAGE = ROOT / "docs" / "internals" / "security.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
ROW = re.compile(r"(?m)^\| ([^|]+) \| ([^|]+) \| (.+) \|$")
NUMBERS = re.compile(r"\d+\.\d+\.\d+(?:, \d+\.\d+\.\d+)*")
ELSE = ("does not apply", "not yet")


def missing(text: str, tests: Path) -> list[str]:
    """Return the tests that a text names and that are not there."""
    named = NAMED.findall(text)
    defined = {name: functions(tests / name) for name in {name for name, _ in named}}
    return [f"{name}::{test}" for name, test in named if test not in defined[name]]


def functions(file: Path) -> set[str]:
    """Return what a test file defines; nothing where it is not there."""
    body = ast.parse(file.read_text()).body if file.is_file() else []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {each.name for each in body if isinstance(each, kinds)}


def rows(text: str) -> list[tuple[str, str]]:
    """Return the requirements of a text, each with what it says about how it stands."""
    found = [(number, how) for number, _, how in ROW.findall(text) if NUMBERS.fullmatch(number)]
    return [(number, how) for numbers, how in found for number in numbers.split(", ")]


def silent(text: str) -> list[str]:
    """Return the requirements that neither a test shows nor words excuse."""
    return [
        number for number, how in rows(text) if not how.startswith(ELSE) and not NAMED.match(how)
    ]


def test_every_test_that_it_names_exists():
    """A test that was renamed takes its line with it."""
    text = PAGE.read_text()
    assert len(NAMED.findall(text)) == text.count("::test_") > 100
    complain(missing(text, ROOT / "tests"), "docs/internals/security.md names these tests:")


def test_every_requirement_says_how_it_stands():
    """Shown by a test, or not applicable, or not yet; none twice."""
    numbers = [number for number, _ in rows(PAGE.read_text())]
    assert len(numbers) > 100
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    complain(silent(PAGE.read_text()), "Say of these which test shows them:")
    complain(twice, "These stand twice:")


def sinks(text: str) -> list[str]:
    """Return what in a text would turn words into HTML or a program."""
    return re.findall(
        r"\{@html|\b(?:inner|outer)HTML|insertAdjacentHTML|document\.write|srcdoc"
        r"|\beval\(|\bnew Function\b|javascript:",
        text,
    )


def test_the_page_sets_no_html_and_evaluates_nothing():
    """Whatever comes from elsewhere becomes text; Svelte escapes all that is not asked for."""
    sources = [f for kind in ("svelte", "ts") for f in (ROOT / "web" / "src").rglob(f"*.{kind}")]
    assert len(sources) > 10
    found = [f"{file.name}: {sink}" for file in sources for sink in sinks(file.read_text())]
    complain(found, "Show these as text:")
    assert sinks("<p>{@html x}</p> node.innerHTML = x; eval(x)") == ["{@html", "innerHTML", "eval("]


def test_a_wrong_line_is_seen(tmp_path: Path):
    """A file that is gone, a test that is not in it, a row that says nothing."""
    (tmp_path / "test_a.py").write_text("def test_b():\n    def test_c(): ...\n")
    text = (
        "| 1.1.1 | x | `test_a.py::test_b` |\n| 1.1.2, 1.1.3 | x | sure |\n"
        "| 1.1.4 | x | `test_a.py::test_c`. Not yet: y |\n| 1.1.5 | x | not yet |\n"
        "| 1.1.6 | x | does not apply |\n| No. | x | y |\n`gone/test_a.py::test_b`"
    )
    assert missing(text, tmp_path) == ["test_a.py::test_c", "gone/test_a.py::test_b"]
    assert silent(text) == ["1.1.2", "1.1.3"]
