"""`steelyard key audit` against an exchange: what it says is what `steelyard trade` acts on."""

import itertools
import json
import os
from pathlib import Path

import pytest
from bot_process import config_text

from steelyard.cli.key_audit import document, text
from steelyard.cli.main import run
from steelyard.domain.messages import KeyAnswer, Refused, Scope
from steelyard.domain.order import RejectReason
from steelyard.trading.keyaudit import audit

numbers = itertools.count()


@pytest.fixture
def audited(exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """Return what audits a new key of some dialect and scopes: its exit code and document."""

    def act(dialect: str, scopes: str, *more: str, spoken: str = "") -> tuple[int, dict]:
        name = f"audited-{(spoken or dialect).replace(':', '-')}-{next(numbers)}"
        data = ("--data", str(exchange.data))
        assert run(["account", "create", name, *data]) == 0
        create = ["key", "create", name, "--dialect", dialect, "--scopes", scopes, *more]
        capsys.readouterr()
        assert run([*create, *data, "--json"]) == 0
        key = json.loads(capsys.readouterr().out)
        file = tmp_path / f"{name}.toml"
        places = {"rest": exchange.url(dialect), "ws": exchange.url(dialect, "ws")}
        config = config_text(exchange, name, **places)
        file.write_text(config.replace('"binance"', f'"{spoken or dialect}"'))
        monkeypatch.setenv("BOT_KEY", key["key"])
        monkeypatch.setenv("BOT_SECRET", key["secret"])
        code = run(["key", "audit", str(file), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return act


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["binance", "native"])
def test_a_key_is_judged_by_what_the_venue_says(audited, dialect):
    """What it may do, from where, and what a thief could do with it, in either dialect."""
    code, found = audited(dialect, "read,trade", "--ip", "127.0.0.1")
    assert (code, found["may_be_held"], found["ip_bound"]) == (0, True, True)
    assert found["scopes"] == {"read": "yes", "trade": "yes", "withdraw": "no"}
    assert found["findings"] == []
    assert len(found["thief"]) >= 4
    code, found = audited(dialect, "read,trade,withdraw", "--ip", "127.0.0.1", "--expires", "1d")
    assert (code, found["may_be_held"]) == (1, False)
    assert [it["name"] for it in found["findings"]] == ["key.withdraw", "key.ends"]
    code, found = audited(dialect, "read")
    assert (code, found["ip_bound"]) == (1, False)
    assert found["findings"][0]["text"] == "this key lacks the scope trade"


@pytest.mark.slow
def test_each_leg_is_judged_by_its_own_key(audited, exchange, tmp_path, monkeypatch, capsys):
    """One key that a bot may not hold is enough to fail."""
    audited("native", "read,trade", "--ip", "127.0.0.1")
    monkeypatch.setenv("GOOD_KEY", os.environ["BOT_KEY"])
    monkeypatch.setenv("GOOD_SECRET", os.environ["BOT_SECRET"])
    assert audited("binance", "read")[0] == 1
    places = f'rest = "{exchange.url("native")}"\nws = "{exchange.url("native", "ws")}"'
    config = config_text(exchange, "pair").replace('symbol = "BTC-USDT"\n', "")
    file = tmp_path / "pair.toml"
    file.write_text(
        f'{config}\n[legs.bad]\nsymbol = "BTC-USDT"\n'
        '[legs.good]\nvenue = "native"\nsymbol = "ETH-USDT"\n'
        f'[venue.native]\ndialect = "native"\nkey = "env:GOOD"\n{places}\n'
    )
    assert run(["key", "audit", str(file), "--json"]) == 1
    legs = json.loads(capsys.readouterr().out)["legs"]
    assert {leg: found["may_be_held"] for leg, found in legs.items()} == {
        "bad": False,
        "good": True,
    }
    assert run(["key", "audit", str(file)]) == 1
    said = capsys.readouterr().out
    assert said.index("bad read yes") < said.index("good read yes")


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["binance", "kraken"])
def test_a_key_is_judged_through_a_bridge_too(audited, dialect):
    """The venue is asked by the library, and judged alike."""
    spoken = f"ccxt:{dialect}"
    code, found = audited(dialect, "read,trade", "--ip", "127.0.0.1", spoken=spoken)
    assert (code, found["may_be_held"]) == (0, True)
    assert found["scopes"] == {"read": "yes", "trade": "yes", "withdraw": "no"}
    wide = ("--ip", "127.0.0.1", "--expires", "1d")
    code, found = audited(dialect, "read,trade,withdraw", *wide, spoken=spoken)
    assert (code, found["may_be_held"]) == (1, False)
    assert found["scopes"]["withdraw"] == "yes"


def test_people_read_the_same():
    """Verdicts in a line, then what is wrong, then what a thief could do."""
    key = KeyAnswer("k", 0, frozenset({Scope.READ, Scope.TRADE}), (), 0, 10**18)
    told = text(audit(key, None, "BTC-USDT", 0))
    assert told.startswith("read yes · trade yes · withdraw no · from anywhere · ends 2001-09-09")
    assert "a bot may hold it" in told
    unknown = audit(Refused(RejectReason.UNSUPPORTED, "no [such] route"), None, "BTC-USDT", 0)
    assert "read unknown" in text(unknown)
    assert "no \\[such] route" in text(unknown)
    assert document(unknown)["ip_bound"] is None
