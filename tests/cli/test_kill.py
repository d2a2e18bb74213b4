import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest
from demo_process import Demo

from steelyard.cli.kill import Target, kill_all
from steelyard.cli.killer import Wanted
from steelyard.cli.main import run
from steelyard.store.datadir import Directory
from steelyard.store.latch import Latch
from steelyard.trading.config import parse_config
from steelyard.wire.dialect import ApiKey
from tests.trading.world import CONFIG

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with Demo(tmp_path_factory.mktemp("kill") / "data") as running:
        yield running
        running.stop()


def test_a_killed_bot_has_nothing_open_and_trades_no_more_until_it_may(demo):
    """F4: latch, cancel, verify at the exchange; and only a person lifts it."""
    demo.wait(lambda s: s["fills"])
    code, result = demo.steelyard("kill", "demo")
    assert code == 0
    killed = result["demo"]
    assert (killed["verified"], killed["open_orders"], killed["bot_answered"]) == (True, 0, True)
    state = demo.bot()
    assert state["status"] == "killed"
    assert state["orders"] == []
    code, document = demo.steelyard("status")
    assert (code, document["bots"][0]["status"]) == (1, "killed")
    assert demo.steelyard("kill", "demo", "--resume")[0] == 0
    demo.wait(lambda s: s["status"] == "running")
    before = len(demo.bot()["fills"])
    demo.wait(lambda s: len(s["fills"]) != before)


def test_what_needs_a_key_has_one_issued_and_each_step_is_told_meanwhile(demo):
    """The demo's bot was given its key by a pipe; its exchange issues one for the drill alone."""
    command = [sys.executable, "-m", "steelyard.cli.main", "kill", "demo", "--drill", "--progress"]
    done = subprocess.run(
        [*command, "--data", str(demo.data), "--json"], capture_output=True, check=False
    )
    result = json.loads(done.stdout)["demo"]
    assert (done.returncode, result["at"], result["drill"]) == (0, "venue", True)
    steps = [json.loads(line) for line in done.stderr.splitlines()]
    assert [step["bot"] for step in steps] == ["demo"] * len(steps)
    assert "the exchange here has issued a key" in steps[0]["text"]
    assert "open orders at the venue" in steps[1]["text"]


def test_the_kill_switch_works_when_the_bot_does_not(demo):
    """Pain 18: a process of its own, that acts at the exchange."""
    os.kill(demo.bot_pid(), signal.SIGKILL)
    code, result = demo.steelyard("kill", "demo")
    killed = result["demo"]
    assert code == 0
    assert (killed["verified"], killed["bot_answered"]) == (True, False)


def test_an_unknown_bot_is_told_how_to_be_named(tmp_path, capsys):
    assert run(["kill", "nobody", "--data", str(tmp_path)]) == 2
    assert "steelyard kill FILE.toml" in capsys.readouterr().err


CONFIGURED = CONFIG.replace('"venue"', '"binance"')


def held(exchange, name: str) -> ApiKey:
    key = exchange.trader(name, {"USDT": "1000"}, dialect="binance")
    return ApiKey(key["key"], key["secret"].encode())


def at(url: str) -> str:
    return CONFIGURED.replace("http://127.0.0.1:1", url, 1)


def test_a_mark_that_cannot_be_set_keeps_no_venue_from_being_asked(exchange, tmp_path):
    """Of this bot and of those beside it; it is said, and it is no kill."""
    (tmp_path / "bots").write_text("in the way")
    config = parse_config(at(exchange.url("binance")))
    targets = [Target(name, config, held(exchange, name)) for name in ("full-a", "full-b")]
    results = asyncio.run(kill_all(tmp_path, targets, Wanted(), "why"))
    for result in results.values():
        assert (result["open_orders"], result["killed"], result["exit_code"]) == (0, False, 1)
        assert result["error"].startswith("the kill mark could not be set")
        assert "trading latched off by the kill mark" not in result["steps"]


def test_a_torn_port_file_keeps_no_bot_from_being_killed(exchange, tmp_path):
    """Its process may be there; the venue is asked all the same."""
    Directory(tmp_path / "bots" / "torn").close()
    (tmp_path / "bots" / "torn" / "ports.json").write_text("{")
    config = parse_config(at(exchange.url("binance")))
    target = Target("torn", config, held(exchange, "torn"))
    result = asyncio.run(kill_all(tmp_path, [target], Wanted(), "why"))["torn"]
    assert (result["exit_code"], result["verified"]) == (0, True)
    assert any("was not asked" in step for step in result["steps"])


def left_by_a_run(data, file, **about):
    """Leave what a bot of that configuration leaves when it has ended."""
    directory = data / "bots" / "test"
    Directory(directory).close()
    document = {"config": str(file), "venue": "binance http://was", "key": "k", **about}
    (directory / "bot.json").write_text(json.dumps(document))


def test_a_configuration_of_another_venue_kills_nothing(tmp_path, capsys, monkeypatch):
    """Edited since the start: a count there says nothing of the bot's orders."""
    file = tmp_path / "test.toml"
    file.write_text(at("http://127.0.0.1:2"))
    left_by_a_run(tmp_path / "data", file)
    monkeypatch.setenv("TEST_KEY", "k")
    monkeypatch.setenv("TEST_SECRET", "s")
    assert run(["kill", "test", "--json", "--data", str(tmp_path / "data")]) == 2
    told = json.loads(capsys.readouterr().out)["test"]
    assert "names another venue by now (binance http://127.0.0.1:2)" in told["error"]
    assert Latch(tmp_path / "data", "test").is_set


@pytest.mark.parametrize(("known", "code"), [(True, 0), (False, 1)])
def test_a_count_by_another_key_than_the_bots_is_no_proof(
    exchange, tmp_path, capsys, monkeypatch, known, code
):
    """It may be another account's; whoever names the configuration says that it is not."""
    key, url = held(exchange, f"rotated-{code}"), exchange.url("binance")
    file = tmp_path / "test.toml"
    file.write_text(at(url))
    left_by_a_run(tmp_path / "data", file, venue=f"binance {url}", key=key.key if known else "k")
    monkeypatch.setenv("TEST_KEY", key.key)
    monkeypatch.setenv("TEST_SECRET", key.secret.decode())
    data = str(tmp_path / "data")
    assert run(["kill", "test", "--json", "--data", data]) == code
    told = json.loads(capsys.readouterr().out)["test"]
    assert (told["verified"], told["open_orders"]) == (known, 0)
    assert known or "is another key than the one with which the bot ran" in told["error"]
    assert run(["kill", str(file), "--json", "--data", data]) == 0


def test_lifting_goes_with_nothing_else(tmp_path, capsys):
    assert run(["kill", "x", "--lift", "--flatten", "--data", str(tmp_path)]) == 2
    assert "--lift goes with nothing that stops a bot" in capsys.readouterr().err


def test_no_bot_at_all_is_said(tmp_path, capsys):
    assert run(["kill", "--data", str(tmp_path)]) == 2
    assert "no bot has run" in capsys.readouterr().err
