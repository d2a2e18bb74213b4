import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from steelyard.cli.doctor import units
from steelyard.cli.init import configure
from steelyard.cli.main import run
from steelyard.net.clock import Clock
from steelyard.store.datadir import Directory, about_file
from steelyard.vault.kept import DAY_MS, Kept, Secret, Terms
from steelyard.vault.sealed import Kdf, SealedFile

GHOST = {"pid": 2**22 - 3, "port": 1, "token": "t"}
PHRASE = "correct horse battery"


@pytest.fixture
def vault(tmp_path, monkeypatch) -> SealedFile:
    monkeypatch.setenv("STEELYARD_VAULT", str(tmp_path / "vault.json"))
    return SealedFile(tmp_path / "vault.json", kdf=Kdf(bytes(16), 8, 1, 1))


@pytest.fixture
def looked(tmp_path, capsys, vault):
    """Return what looks over a data directory: exit code, and grade by name of finding."""

    def look(*configs) -> tuple[int, dict[str, str], str]:
        data = tmp_path / "data"
        capsys.readouterr()
        code = run(["doctor", *map(str, configs), "--data", str(data), "--json"])
        out = capsys.readouterr().out
        return code, {it["name"]: it["grade"] for it in json.loads(out)["findings"]}, out

    return look


def answers(out: str) -> dict[str, str]:
    """Return what is said of each item of the checklists."""
    return {
        row["number"]: row["answer"]
        for rows in json.loads(out)["checklists"].values()
        for row in rows
    }


def test_a_new_machine_is_fine_or_to_be_minded(looked):
    """Nothing is made by looking."""
    code, found, out = looked()
    assert found["python"] == "fine"
    assert found["data"] == "fine"
    assert found["vault.none"] == "mind"
    assert code == (1 if "wrong" in found.values() else 0)
    said = answers(out)
    assert (said["S6"], said["S1"], said["S14"]) == ("yes", "unknown", "yours")


def test_people_read_what_to_mend_and_every_item_with_how(looked, tmp_path, capsys):
    config = tmp_path / "dip.toml"
    config.write_text(configure("dip", "kraken", {}))
    run(["doctor", str(config), "--data", str(tmp_path / "data")])
    said = " ".join(capsys.readouterr().out.split())
    assert "no S10 The kill switch has a key of its own (dip): a second key" in said
    assert "yours P20 You know what you do when the venue is away" in said
    assert "unknown P14 The kill switch was rehearsed with the real key: steelyard kill" in said
    assert "mind dip: the venue could cancel everything" in said
    assert "yes P3 Each configuration can be run security" not in said


def test_what_init_writes_can_be_run_and_what_it_leaves_open_is_said(looked, tmp_path):
    config = tmp_path / "dip.toml"
    config.write_text(configure("dip", "native", {}))
    _, found, out = looked(config)
    assert found["config"] == "fine"
    assert found["risk.losses"] in {"fine", "mind"}
    assert (found["key.kill"], found["alerts"]) == ("mind", "mind")
    assert found["key.place"] == "fine"
    said = answers(out)
    assert (said["P3"], said["S1"], said["S2"], said["P12"]) == ("yes",) * 4
    assert (said["S10"], said["P8"], said["P14"]) == ("no", "no", "unknown")


def test_a_configuration_with_a_mistake_or_a_key_in_it_is_wrong(looked, tmp_path):
    """The key is not shown."""
    secret = "q7Zp2LmX9vR4tY8wB1nK6sD3fG5hJ0aC"
    config = tmp_path / "dip.toml"
    config.write_text(configure("dip", "native", {}) + f'# api_secret = "{secret}"\n')
    code, found, out = looked(config)
    assert (code, found["config.secret"]) == (1, "wrong")
    assert secret not in out
    config.write_text("[bot]\nnam = 1\n")
    code, found, _ = looked(config)
    assert (code, found["config"]) == (1, "wrong")


def test_a_crash_a_kill_mark_and_a_key_that_is_due_are_found(looked, tmp_path, vault):
    directory = tmp_path / "data" / "bots" / "dip"
    Directory(directory).close()
    (directory / "ports.json").write_text(json.dumps(GHOST))
    (directory / "killed").write_text("{}")
    old = Terms(changed=Clock().now_ns() // 10**6 - 400 * DAY_MS)
    vault.put("k", Kept(Secret("k", "s"), old), PHRASE, new=True)
    code, found, out = looked()
    assert code == 1
    assert (found["bot.crashed"], found["bot.killed"]) == ("wrong", "mind")
    assert found["key.due"] == "wrong"
    said = answers(out)
    assert (said["P9"], said["S11"]) == ("no", "no")


def ran(data, name, config):
    """Leave what a bot that has ended in order leaves."""
    Directory(data / "bots" / name).close()
    about_file(data / "bots" / name).write_text(json.dumps({"config": str(config)}))


@pytest.fixture
def written(tmp_path):
    """Return what writes a configuration with some texts replaced."""

    def write(name: str, *changes: tuple[str, str], dialect: str = "kraken"):
        text = configure(name, dialect, {})
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / f"{name}.toml"
        file.write_text(text)
        file.chmod(0o600)
        return file

    return write


def test_two_bots_with_one_key_and_two_environments_in_a_directory_are_found(
    looked, written, tmp_path
):
    """Each alone is fine; what is wrong is that they are together."""
    dip = written("dip")
    key = next(line for line in dip.read_text().splitlines() if line.startswith("key = "))
    dop = written("dop", (key.replace("dip", "dop"), key), ('"sandbox"', '"paper"'))
    ran(tmp_path / "data", "dip", dip)
    _, _, out = looked()
    assert (answers(out)["S9"], answers(out)["P13"], answers(out)["P9"]) == ("yes",) * 3
    ran(tmp_path / "data", "dop", dop)
    code, _, out = looked()
    assert (answers(out)["S9"], answers(out)["P13"]) == ("no", "no")
    shared = {it["about"] for it in json.loads(out)["findings"] if it["name"] == "key.shared"}
    assert (code, shared) == (1, {"dip", "dop"})
    assert "bots of paper and sandbox" in out


def test_what_a_bot_may_do_and_is_bounded_by_is_answered(looked, written, monkeypatch):
    """Waivers, a breaker that is off, real money without its rung, a file that others change."""
    config = written(
        "dip",
        ('"sandbox"', '"live"'),
        ("http:", "https:"),
        ("ws:", "wss:"),
        ("[venue.main]", '[venue.main]\nwaive = ["any-ip"]\ndead_man = "60s"'),
    )
    config.write_text(config.read_text() + '\n[breakers]\nslippage = "off"\n')
    monkeypatch.setenv("STEELYARD_VAULT_PASSPHRASE", PHRASE)
    _, found, out = looked(config)
    assert (found["rung"], found["risk.breakers"]) == ("wrong", "mind")
    said = answers(out)
    names = {"S13": "no", "P10": "no", "P7": "no", "P12": "yes", "S7": "yes", "S5": "no"}
    assert {number: said[number] for number in names} == names
    assert PHRASE not in out
    config.chmod(0o666)
    _, found, out = looked(config)
    assert answers(out)["S7"] == "no"


def test_each_leg_of_a_bot_is_looked_at(looked, written):
    """Legs may share the bot's key, and are not two bots."""
    config = written("dip", dialect="native")
    lines = [line for line in config.read_text().splitlines() if not line.startswith("symbol = ")]
    legs = '[legs.one]\nsymbol = "BTC-USDT"\n[legs.two]\nsymbol = "ETH-USDT"\n'
    config.write_text("\n".join([*lines, legs]))
    _, _, out = looked(config)
    assert (answers(out)["S9"], answers(out)["P3"]) == ("yes", "yes")
    about = {it["about"] for it in json.loads(out)["findings"] if it["name"] == "key.kill"}
    assert about == {"dip-one", "dip-two"}


def test_what_systemd_starts_is_seen(tmp_path):
    """By the links that `systemctl enable` makes."""
    configs = {"dip": "dip", "other": "other"}
    assert [*units(configs, tmp_path)] == []
    folder = tmp_path / "multi-user.target.wants"
    folder.mkdir()
    for name in ("steelyard-bot@dip", "steelyard-watch", "cron"):
        (folder / f"{name}.service").touch()
    found = {(it.name, it.about, it.grade) for it in units(configs, tmp_path)}
    assert found == {
        ("watch.unit", "machine", "fine"),
        ("bot.unit", "dip", "fine"),
        ("bot.unit", "other", "mind"),
    }
    assert [it.name for it in units({"x": "x"}, tmp_path)] == ["watch.unit"], "of no bot of ours"


class Answering(BaseHTTPRequestHandler):
    """The port of a bot, as far as the doctor asks it."""

    standbys: ClassVar[list[str]] = []

    def do_GET(self):
        body = json.dumps({"lease": {"standbys": self.standbys}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_standby_is_a_yes_only_where_a_bot_that_runs_says_who_waits(looked, written, tmp_path):
    """That the lease could be shared is none yet, and of a bot that does not run nobody knows."""
    real = ('"sandbox"', '"live"'), ("http:", "https:"), ("ws:", "wss:")
    alone = written("dip", *real)
    assert answers(looked(alone)[2])["P22"] == "no"
    alone.write_text(alone.read_text() + '\n[lease]\nurl = "postgresql://db/bots"\n')
    assert answers(looked(alone)[2])["P22"] == "unknown"
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Directory(tmp_path / "data/bots/dip") as own:
            own.write_ports({"port": server.server_port, "token": "x"})
            assert answers(looked(alone)[2])["P22"] == "no"
            Answering.standbys.append("other (process 1)")
            assert answers(looked(alone)[2])["P22"] == "yes"
        server.shutdown()


def test_a_vault_that_others_may_read_is_wrong(looked, vault):
    vault.put("k", Kept(Secret("k", "s")), PHRASE, new=True)
    vault.path.chmod(0o644)
    code, found, _ = looked()
    assert (code, found["vault"]) == (1, "wrong")
