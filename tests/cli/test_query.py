"""Questions in SQL at the command line; of a bot that trades: tests/outside/test_export.py."""

import json

import pytest
from past_bot import leave_bot

from steelyard.cli.main import run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return leave_bot(tmp_path_factory.mktemp("query"))


def said(data, capsys, *arguments: str) -> str:
    assert run([*arguments, "--data", str(data)]) == 0
    return capsys.readouterr().out


def test_without_a_question_the_last_trades_are_shown(data, capsys):
    text = said(data, capsys, "query", "dip")
    assert "trade_id" in text
    assert "BTC-USDT" in text


def test_an_answer_is_rows_with_names(data, capsys):
    question = "SELECT kind, COUNT(*) AS n FROM events GROUP BY kind ORDER BY kind"
    document = json.loads(said(data, capsys, "query", "dip", question, "--json"))
    assert not document["is_cut"]
    counts = {row["kind"]: row["n"] for row in document["rows"]}
    assert counts["RunStarted"] == 1
    assert sum(counts.values()) == document["sequence"]


def test_tables_and_columns_are_shown(data, capsys):
    text = said(data, capsys, "query", "dip", "--tables")
    assert "fills: bot, symbol, trade_id, side" in text
    assert "views: trades" in text


def test_what_is_no_question_is_said(data, capsys):
    assert run(["query", "dip", "DELETE FROM fills", "--data", str(data)]) == 2
    assert "readonly" in capsys.readouterr().err.replace("-", "")
    assert run(["query", "nobody", "--data", str(data)]) == 2
    assert "no bot 'nobody'" in capsys.readouterr().err
