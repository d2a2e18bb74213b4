"""A drill's report: what was expected, what was seen, and an exit code that says which."""

import json

import pytest

from steelyard.cli.drill import Rehearsal, as_document, as_text, read_document
from steelyard.cli.drill_steps import Finding
from steelyard.cli.main import run
from steelyard.domain.errors import ConfigError
from tests.trading.world import CONFIG

GOOD, BAD = Finding("it comes back", "it did", is_good=True), Finding("a | b", "c", is_good=False)


def rehearsal(*findings: Finding, failure: str = "") -> Rehearsal:
    return Rehearsal("kill", "Press it.", "2026-01-01", 1.5, [*findings], failure)


def test_a_step_is_good_if_all_of_it_is():
    assert rehearsal(GOOD).is_good
    assert not rehearsal(GOOD, BAD).is_good
    assert not rehearsal(GOOD, failure="not in time").is_good


def test_the_report_says_what_was_seen_and_that_no_venue_was_spoken_to():
    report = as_document([rehearsal(GOOD, BAD), rehearsal(failure="not in time")], 0, "dip.toml")
    assert report["as_expected"] is False
    assert [step["as_expected"] for step in report["steps"]] == [False, False]
    text = as_text(report)
    for said in (
        "# Drill of 1970-01-01T00:00:00.000Z",
        "No real venue was spoken to",
        "## kill: NOT as expected",
        "| it comes back | it did | yes |",
        r"| a \| b | c | **no** |",
        "It ended early: not in time",
    ):
        assert said in text
    assert "As expected. Bot: b" in as_text(as_document([rehearsal(GOOD)], 0, "b"))


def test_of_a_configuration_the_strategy_is_taken_and_where_it_trades_is_not(tmp_path):
    file = tmp_path / "dip.toml"
    file.write_text(CONFIG)
    found = read_document(file)
    assert found["dialect"] == "venue"
    assert found["strategy"]["symbol"]
    file.write_text("[bot]")
    with pytest.raises(ConfigError, match=r"dip\.toml: "):
        read_document(file)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fire"], "no step 'fire'; there are: kill, restart, failover, rotate, restore"),
        (["kill", "--within", "3h"], "--within is 3h; write 1s to 30m"),
        (["kill", "--to", "/none"], "/none is no folder"),
        (["kill", "--config", "/none.toml"], "/none.toml cannot be read"),
    ],
)
def test_what_cannot_be_drilled_is_said_before_anything_begins(arguments, said, capsys):
    assert run(["drill", *arguments, "--json"]) == 2
    assert said in json.loads(capsys.readouterr().out)["error"]["message"]


@pytest.mark.slow
def test_a_step_that_fails_is_reported_and_leaves_nothing_behind(tmp_path, capsys, monkeypatch):
    """An exchange takes longer than a second to start; exit code 1, and both reports."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert run(["drill", "kill", "--within", "1s", "--to", str(tmp_path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["steps"][0]["failure"].startswith("not in time: ")
    (text,) = tmp_path.glob("drill-*.md")
    assert "It ended early: not in time" in text.read_text()
    (document,) = tmp_path.glob("drill-*.json")
    assert json.loads(document.read_text())["as_expected"] is False
    assert [*(tmp_path / "temporary").iterdir()] == []
