"""`steelyard trade --check`: what a venue offers, and whether a bot may trade there."""

import json

import pytest
from bot_process import CONFIG, DIP_BUYER

from steelyard.cli.main import run

FIELDS = {
    "name": "checked",
    "on_stop": "cancel",
    "rest": "http://127.0.0.1:1",
    "ws": "ws://127.0.0.1:1",
    "strategy": DIP_BUYER,
    "params": "{}",
}


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Check a configuration; return the exit code and the document."""
    monkeypatch.setenv("BOT_KEY", "k")
    monkeypatch.setenv("BOT_SECRET", "hush-hush")

    def check(dialect: str, where: str | None = None, *options: str) -> tuple[int, str]:
        text = CONFIG.format_map(FIELDS).replace('"binance"', f'"{dialect}"')
        if where is not None:
            lines = [x for x in text.splitlines() if not x.startswith(("rest =", "ws ="))]
            text = "\n".join(lines).replace('key = "env:BOT"', f'key = "env:BOT"\n{where}')
        file = tmp_path / "bot.toml"
        file.write_text(text)
        code = run(["trade", str(file), "--check", "--data", str(tmp_path), *options])
        said = capsys.readouterr()
        assert "hush-hush" not in said.out + said.err
        return code, said.out + said.err

    return check


def test_a_dialect_of_ours_may_be_traded_on(check):
    """Nobody has to listen there, and nothing is left behind."""
    code, said = check("binance", None, "--json")
    document = json.loads(said)
    assert (code, document["venue"], document["refused"]) == (0, "binance", [])
    assert document["lookup"] == "client-id"
    code, said = check("binance")
    assert code == 0
    assert "LIMIT GTC" in said


@pytest.mark.slow
def test_a_venue_behind_a_bridge_shows_what_it_lacks(check):
    """Kraken's orders do not expire: told, and no reason to refuse."""
    urls = 'settings = { urls = { api = { public = "http://127.0.0.1:1" } } }'
    code, said = check("ccxt:kraken", urls, "--json")
    document = json.loads(said)
    assert (code, document["request_expiry_ns"], document["refused"]) == (0, None, [])
    assert document["lookup"] == "lists"
    assert any("until a person decides" in text for text in document["warnings"])


@pytest.mark.slow
def test_a_venue_that_nobody_has_compared_is_refused_until_it_is_accepted(check):
    urls = 'settings = { urls = { api = { public = "http://127.0.0.1:1" } } }'
    code, said = check("ccxt:bitstamp", urls, "--json")
    document = json.loads(said)
    assert (code, document["accept"]) == (1, ["no-lookup", "unchecked"])
    assert "nobody has compared yet" in said
    code, said = check("ccxt:bitstamp", f"{urls}\naccept = {document['accept']}")
    assert code == 0
