import json

import pytest
from mail_server import MailServer

from steelyard.cli.main import run

pytest.importorskip("apprise", reason="apprise is not installed: steelyard[alerts]")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning"),  # one of its parts
]

CONFIG = """
[bot]
name = "dip"
environment = "sandbox"
[venue.main]
dialect = "native"
rest = "http://127.0.0.1:1"
ws = "ws://127.0.0.1:1"
key = "env:NONE"
[strategy]
class = "a:B"
symbol = "BTC-USDT"
[risk]
max_order_notional = "1"
max_position = "1"
max_open_orders = 1
price_collar = "1%"
[alerts]
to = ["env:MAIL"]
"""


def test_everybody_whom_a_bot_names_is_told_that_it_is_a_test(tmp_path, monkeypatch, capsys):
    (tmp_path / "dip.toml").write_text(CONFIG)
    with MailServer() as server:
        monkeypatch.setenv("MAIL", server.address("canary"))
        assert run(["alerts", "test", str(tmp_path / "dip.toml")]) == 0
        assert [mail["Subject"] for mail in server.mails] == ["steelyard dip: alerts.test"]
    out = capsys.readouterr().out
    assert out == "delivered env:MAIL\n"


def test_a_bot_of_legs_has_one_table_of_alerts(tmp_path, monkeypatch):
    legs = CONFIG.replace('symbol = "BTC-USDT"\n', "")
    legs += '[legs.one]\nsymbol = "BTC-USDT"\n[legs.other]\nsymbol = "ETH-USDT"\n'
    (tmp_path / "dip.toml").write_text(legs)
    with MailServer() as server:
        monkeypatch.setenv("MAIL", server.address("canary"))
        assert run(["alerts", "test", str(tmp_path / "dip.toml")]) == 0
        assert len(server.mails) == 1


def test_what_does_not_arrive_fails_the_check(monkeypatch, capsys):
    """The one that arrives is told all the same."""
    with MailServer() as server:
        monkeypatch.setenv("GOOD", server.address())
        bad = "mailto://a:canary@127.0.0.1:1/me@example.com?from=bot@example.com&mode=insecure"
        monkeypatch.setenv("BAD", bad)
        assert run(["alerts", "test", "--to", "env:BAD", "env:GOOD", "--json"]) == 1
        assert len(server.mails) == 1
    out = capsys.readouterr().out
    results = json.loads(out)["results"]
    assert [row["delivered"] for row in results] == [False, True]
    assert "canary" not in out


def test_nobody_to_tell_is_said(capsys):
    assert run(["alerts", "test"]) == 2
    assert "nobody is named" in capsys.readouterr().err
