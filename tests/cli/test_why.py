"""Why, at the command line; what it says: tests/trading/test_reasons.py."""

import json

import pytest
from past_bot import leave_bot

from steelyard.cli.main import run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return leave_bot(tmp_path_factory.mktemp("past"))


def said(data, capsys, *arguments: str) -> str:
    assert run([*arguments, "--data", str(data)]) == 0
    return capsys.readouterr().out


def test_the_answer_comes_first(data, capsys):
    answer = json.loads(said(data, capsys, "why", "dip", "--lines", "5", "--json"))
    assert len(answer["lines"]) == 5
    first, *gates = said(data, capsys, "why", "dip").splitlines()
    assert first == f"dip: {answer['answer']}"
    assert gates[1].split()[:2] == ["passes", "kill"]


def test_a_bot_that_has_crashed_does_not_run_though_its_journal_ends_so(data, capsys):
    """Of now the files count, of the past its journal alone."""
    first, process, *_ = said(data, capsys, "why", "dip").splitlines()
    assert first == "dip: no order could leave: process: it has ended without a word"
    assert process.split()[:2] == ["STOPS", "process"]
    _, process, *_ = said(data, capsys, "why", "dip", "--at", "1s").splitlines()
    assert process.split()[:2] == ["passes", "process"]


def test_an_earlier_moment_has_its_own_answer(data, capsys):
    answer = json.loads(said(data, capsys, "why", "dip", "--at", "2020-01-01", "--json"))
    assert answer["answer"] == "no order could leave: process: it does not run"
    assert answer["lines"] == []


@pytest.mark.parametrize("lines", ["0", "1000000"])
def test_how_many_lines_is_bounded(data, capsys, lines):
    assert run(["why", "dip", "--lines", lines, "--data", str(data)]) == 2
    assert "--lines is 1 to 10000" in capsys.readouterr().err
