"""Whom the watchdog tells; that it arrives: test_alerting and tests/outside/test_alerts.py."""

import json

import pytest
from mail_server import MailServer

from steelyard.cli.main import run
from steelyard.net.clock import Clock
from steelyard.store.datadir import Directory
from steelyard.vault.kept import DAY_MS, Kept, Secret, Terms
from steelyard.vault.sealed import Kdf, SealedFile

pytest.importorskip("apprise", reason="apprise is not installed: steelyard[alerts]")
pytestmark = pytest.mark.slow

GHOST = {"pid": 2**22 - 3, "port": 1, "token": "t"}
CONFIG = """
[bot]
name = "{name}"
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
to = ["{to}"]
"""


@pytest.fixture
def crashed(tmp_path):
    """Return what leaves a bot behind that has crashed, with its configuration."""

    def leave(name: str, to: str) -> None:
        directory = tmp_path / "bots" / name
        Directory(directory).close()
        config = tmp_path / f"{name}.toml"
        config.write_text(CONFIG.format(name=name, to=to))
        (directory / "ports.json").write_text(json.dumps(GHOST))
        about = {"symbol": "BTC-USDT", "config": str(config)}
        (directory / "bot.json").write_text(json.dumps(about))

    return leave


def subjects(server: MailServer) -> list[str]:
    return sorted(mail["Subject"] for mail in server.mails)


def test_each_bots_people_hear_of_it_and_those_of_the_watchdog_of_all(
    tmp_path, crashed, monkeypatch, capsys
):
    crashed("dip", "env:DIPS")
    crashed("grid", "env:GRIDS")
    with MailServer() as dips, MailServer() as grids, MailServer() as everybody:
        monkeypatch.setenv("DIPS", dips.address())
        monkeypatch.setenv("GRIDS", grids.address())
        monkeypatch.setenv("ALL", everybody.address())
        code = run(["watch", "--once", "--data", str(tmp_path), "--alert", "env:ALL"])
        assert code == 1
        assert subjects(dips) == ["steelyard dip: ERROR watch.crashed"]
        assert subjects(grids) == ["steelyard grid: ERROR watch.crashed"]
        whole = "".join(everybody.texts())
        assert "steelyard dip: ERROR watch.crashed" in whole
        assert "steelyard grid: ERROR watch.crashed" in whole
    assert "dip: TROUBLE: crashed" in capsys.readouterr().out, "and it is printed as before"


def test_people_who_cannot_be_had_are_said_and_the_others_hear(
    tmp_path, crashed, monkeypatch, capsys
):
    crashed("dip", "env:UNSET")
    with MailServer() as everybody:
        monkeypatch.setenv("ALL", everybody.address())
        run(["watch", "--once", "--data", str(tmp_path), "--alert", "env:ALL"])
        assert len(everybody.mails) == 1
    said = capsys.readouterr().err
    assert said.count("its own [alerts] are not told: key env:UNSET: set") == 1


def test_a_key_that_is_due_is_told_to_its_bots_people(tmp_path, crashed, monkeypatch, capsys):
    """Once a day, and without a passphrase."""
    crashed("dip", "env:DIPS")
    vault = tmp_path / "vault.json"
    monkeypatch.setenv("STEELYARD_VAULT", str(vault))
    terms = Terms("dip", changed=Clock().now_ns() // 10**6 - 200 * DAY_MS)
    phrase = "correct horse battery"
    SealedFile(vault, kdf=Kdf(bytes(16), 8, 1, 1)).put(
        "k", Kept(Secret("k", "s"), terms), phrase, new=True
    )
    with MailServer() as dips:
        monkeypatch.setenv("DIPS", dips.address())
        run(["watch", "--once", "--data", str(tmp_path)])
        whole = "".join(dips.texts())
        assert "steelyard dip: ERROR watch.crashed" in whole
        assert "steelyard dip: key.due" in whole
    assert "vault:k is due to be rotated: it is 200 days old" in capsys.readouterr().out
