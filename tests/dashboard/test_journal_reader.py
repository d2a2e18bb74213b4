"""The process that reads a journal for a page, by its lines."""

import json
import shutil
import subprocess
import sys

import pytest
from past_bot import leave_bot

from steelyard.cli.main import run
from steelyard.dashboard.journal_reader import Question, Reader
from steelyard.store.journal import Journal, read_records

COMMAND = [sys.executable, "-m", "steelyard.dashboard.journal_reader"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return leave_bot(tmp_path_factory.mktemp("reader"))


def asked(journal, *questions: dict | str) -> list[dict]:
    lines = [q if isinstance(q, str) else json.dumps(q) for q in questions]
    done = subprocess.run(
        [*COMMAND, str(journal)],
        input="\n".join(lines).encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]


def commanded(data, capsys, *words: str) -> dict:
    assert run([*words, "--data", str(data), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_it_says_what_the_command_line_says(data, capsys):
    """Why, a moment by the whole of its millisecond, and a record; then it ends with its input."""
    journal = data / "bots" / "dip" / "journal"
    at = "2023-11-14T22:13:25Z"
    why, past, third = asked(
        journal,
        {"ask": "why"},
        {"ask": "past", "at": 1_700_000_005_000},
        {"ask": "past", "sequence": 3},
    )
    assert {"bot": "dip", **why} == commanded(data, capsys, "why", "dip")
    told = commanded(data, capsys, "replay", "dip", "--at", at)
    del told["at"]
    assert past["document"] == told
    assert {"bot": "dip", **past["why"]} == commanded(data, capsys, "why", "dip", "--at", at)
    assert third["sequence"] == 3


def test_what_cannot_be_asked_is_said_and_the_next_is_answered(data, tmp_path):
    journal = data / "bots" / "dip" / "journal"
    wrong, surprise, timeline = asked(
        journal, "{", {"ask": "the weather"}, {"ask": "timeline", "from": 0}
    )
    assert "malformed" in wrong["error"] or "truncated" in wrong["error"]
    assert surprise == {"error": "there is no 'the weather' to ask for"}
    assert sum(map(sum, timeline["lanes"].values())) > 5
    (nothing,) = asked(tmp_path / "none", {"ask": "why"})
    assert "has no journal" in nothing["error"]


def test_a_journal_that_is_read_for_the_first_time_says_how_far_it_is(data, monkeypatch):
    """Each question reads on for a while; the answer comes when the end is reached."""
    monkeypatch.setattr("steelyard.dashboard.journal_reader.READ_S", -1)
    monkeypatch.setattr("steelyard.dashboard.chronicle.LOOK", 10)
    reader, answers = Reader(data / "bots" / "dip" / "journal"), []
    while "reading" in (answer := reader.answer(Question("why"))):
        answers.append(answer["reading"])
    assert answers == sorted(answers)
    assert len(answers) == len(set(answers)) > 0
    assert answer["sequence"] >= answers[-1]


def test_it_reads_beside_the_writer_who_waits_for_nothing(data):
    """The journal is open for writing all the while, and what is appended is seen."""
    directory = data / "bots" / "dip" / "journal"
    reader = Reader(directory)
    before = reader.answer(Question("why"))["sequence"]
    writer = Journal(directory)
    try:
        payload = next(writer.records(0))[1]
        assert reader.answer(Question("why"))["sequence"] == before
        writer.append_all([payload])
        writer.commit()
        assert reader.answer(Question("why"))["sequence"] == before + 1
    finally:
        writer.close()


def test_a_bot_that_was_deleted_and_begun_anew_has_no_past_of_the_other(tmp_path):
    """Under the same name, while somebody looks; a journal that only grew is read on."""
    first, second = (leave_bot(tmp_path / name) for name in ("first", "second"))
    journal, other = (data / "bots" / "dip" / "journal" for data in (first, second))
    reader = Reader(journal)
    whole = reader.answer(Question("why"))
    shutil.rmtree(journal)
    begun = Journal(journal)
    records = read_records(other)
    payload = next(records)[1].replace(b"1700000000", b"1700000009", 1)
    begun.append_all([payload, *(payload for _, payload in records)][:5])
    begun.commit()
    begun.close()
    assert whole["sequence"] > 5
    assert reader.answer(Question("why"))["sequence"] == 5
