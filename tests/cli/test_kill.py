import json
import os
import signal
import subprocess
import sys

import pytest
from demo_process import Demo

from steelyard.cli.main import run

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


def test_lifting_goes_with_nothing_else(tmp_path, capsys):
    assert run(["kill", "x", "--lift", "--flatten", "--data", str(tmp_path)]) == 2
    assert "--lift goes with nothing that stops a bot" in capsys.readouterr().err


def test_no_bot_at_all_is_said(tmp_path, capsys):
    assert run(["kill", "--data", str(tmp_path)]) == 2
    assert "no bot has run" in capsys.readouterr().err
