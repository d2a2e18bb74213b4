"""A past moment at the command line; what it is held to: tests/trading/test_past.py."""

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


def test_a_moment_is_shown_as_text_and_as_a_document(data, capsys):
    document = json.loads(said(data, capsys, "replay", "dip", "--json"))
    assert document["bot"]["name"] == "test"
    assert document["fills"]
    text = said(data, capsys, "replay", "dip")
    assert f"after record {document['sequence']} of" in text
    assert f"position {document['position']['size']}" in text


def test_a_moment_is_a_time_or_a_record(data, capsys):
    """Of a time, all that was written up to the end of its millisecond counts."""
    third = json.loads(said(data, capsys, "replay", "dip", "--sequence", "3", "--json"))
    assert third["sequence"] == 3
    at = ("--at", "2023-11-14T22:13:25Z")
    fifth = json.loads(said(data, capsys, "replay", "dip", *at, "--json"))
    assert fifth["written"] <= fifth["at"] + 0.999
    assert fifth["sequence"] > 3
    nothing = said(data, capsys, "replay", "dip", "--at", "2020-01-01")
    assert "nothing was written by then" in nothing


def test_what_is_no_moment_is_said(data, capsys):
    for arguments, words in (
        (["--at", "1h", "--sequence", "3"], "by --at or by --sequence"),
        (["--sequence", "-1"], "counts from 1"),
        (["--at", "yesterday"], "is not a time"),
    ):
        assert run(["replay", "dip", *arguments, "--data", str(data)]) == 2
        assert words in " ".join(capsys.readouterr().err.split())
    assert run(["replay", "nobody", "--data", str(data)]) == 2
    assert "no bot 'nobody'" in capsys.readouterr().err
