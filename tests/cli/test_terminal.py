import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from steelyard.cli.options import Common
from steelyard.cli.terminal import harmless, json_text, shown
from tests.house.source import SRC

HOSTILE = (
    "\x1b[2J",
    "\x9b31m",
    "a\nb",
    "a\rb",
    "\x07",
    "\x7f",
    "\u202e",
    "\u2028",
    "\ud800",
    "\x00",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_terminal_would_obey_is_shown_as_it_is_written(text):
    told = shown(text)
    assert told.isprintable()
    assert "\\" in told


@given(st.text())
def test_a_text_is_one_line_of_what_can_be_read(text):
    """Whatever it is; and what can be read stays as it is, also where it looks like markup."""
    out = StringIO()
    Console(file=out, soft_wrap=True, highlight=False, emoji=False).print(shown(text), end="")
    told = out.getvalue()
    assert told.isprintable()
    if text.isprintable():
        assert told == text


@given(st.text())
def test_a_text_of_several_lines_keeps_its_lines_and_nothing_else(text):
    told = harmless(text)
    assert told.replace("\n", "").replace("\t", "").isprintable()
    assert told.count("\n") == text.count("\n")


@given(st.recursive(st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each)))
def test_a_document_is_the_same_however_it_is_escaped(document):
    told = json_text(document)
    assert told.isprintable()
    assert json.loads(told) == document


@pytest.mark.parametrize("as_json", [True, False])
def test_no_command_passes_on_what_a_terminal_would_obey(as_json, capsys):
    """Also where one forgets to: every answer is printed here."""
    text = "\x1b]0;owned\x07\x9b2J"
    Common(json=as_json).show({"label": text}, f"label {text}\n")
    told = capsys.readouterr().out
    assert told.replace("\n", "").isprintable()
    assert "owned" in told


def test_every_command_asks_here():
    """No command has an escape of its own, which would leave control characters in."""
    own = [
        path.name
        for path in sorted((SRC / "cli").glob("*.py"))
        if "rich.markup" in path.read_text() and path.name != "terminal.py"
    ]
    assert not own, f"use steelyard.cli.terminal.shown in {own}"
