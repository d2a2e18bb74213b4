"""The watchdog's command, on directories as bots leave them; bots that run: tests/outside."""

import asyncio
import json
import os

import pytest

from steelyard.cli.main import run
from steelyard.cli.options import Common
from steelyard.cli.watch import HOOKS_MAX, Watching
from steelyard.cli.watch_alerts import Telling
from steelyard.observe.watchdog import Policy
from steelyard.store.datadir import Directory
from steelyard.store.latch import Latch


@pytest.fixture
def left(tmp_path):
    """Return what leaves a bot's directory with these files."""

    def leave(name: str, **files):
        directory = tmp_path / "bots" / name
        Directory(directory).close()
        for file, document in files.items():
            (directory / f"{file}.json").write_text(json.dumps(document))

    return leave


def watched(data, policy):
    """Return a watch whose command hangs."""
    hanging = ["sleep", "600"]
    return Watching(data, (), policy, hanging, Common(), Telling(data, {}))


GHOST = {"pid": 2**22 - 3, "port": 1, "token": "t"}


def looked(tmp_path, capsys, *options) -> tuple[int, list[dict]]:
    code = run(["watch", "--once", "--data", str(tmp_path), "--json", *options])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_crash_is_told_and_fails_the_check(tmp_path, left, capsys):
    left("dip", ports=GHOST, bot={"symbol": "BTC-USDT"})
    code, (alert,) = looked(tmp_path, capsys)
    assert code == 1
    assert (alert["bot"], alert["alert"], alert["kind"]) == ("dip", "trouble", "crashed")


def test_what_ended_in_order_or_was_killed_or_never_ran_is_well(tmp_path, left, capsys):
    left("ended", bot={}, ended={"code": 0, "why": "SIGTERM"})
    left("unborn")
    left("killed", ports=GHOST, bot={"symbol": "BTC-USDT"})
    Latch(tmp_path, "killed").set("x", "y", 1)
    assert looked(tmp_path, capsys) == (0, [])


def test_a_bot_that_failed_is_told_with_its_last_word(tmp_path, left, capsys):
    left("dip", bot={"symbol": "x"}, ended={"code": 3, "why": "2 orders are left open"})
    code, (alert,) = looked(tmp_path, capsys)
    assert (code, alert["text"]) == (1, "it has ended: 2 orders are left open")


def test_a_process_that_does_not_answer_is_silent(tmp_path, left, capsys):
    left("dip", ports={"pid": os.getpid(), "port": 1, "token": "t"}, bot={"symbol": "x"})
    code, (alert,) = looked(tmp_path, capsys)
    assert (code, alert["kind"]) == (1, "silent")


def test_a_command_is_given_each_alert(tmp_path, left, capsys):
    """As JSON on its standard input; nothing of it is read by a shell."""
    left("dip", ports=GHOST, bot={"symbol": "x"})
    told = tmp_path / "told; rm"
    looked(tmp_path, capsys, "--run", f"tee '{told}'")
    assert json.loads(told.read_text())["kind"] == "crashed"


def test_a_command_that_fails_is_said_and_no_more(tmp_path, left, capsys):
    left("dip", ports=GHOST, bot={"symbol": "x"})
    arguments = ["watch", "--once", "--data", str(tmp_path), "--run"]
    assert run([*arguments, "false"]) == 1
    assert "--run false ended with 1" in capsys.readouterr().err
    assert run([*arguments, "/nowhere"]) == 1
    assert "No such file" in capsys.readouterr().err


def test_a_command_that_hangs_delays_no_kill(tmp_path, left, capsys, monkeypatch):
    """Nor the next look; at the end it is waited for a while, and ended."""
    left("dip", ports=GHOST, bot={"symbol": "x"})
    watching = watched(tmp_path, Policy(kill_ns=0))

    async def look() -> None:
        async with asyncio.timeout(10):
            await watching.look()
            await asyncio.gather(*watching._acting.values())
            assert Latch(tmp_path, "dip").is_set
            await watching.look()
        monkeypatch.setattr("steelyard.cli.watch.HOOK_S", 0.1)
        await watching._end_hooks()

    asyncio.run(look())
    said = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert [line.split(": ")[1] for line in said] == ["TROUBLE", "KILLING", "kill-failed", "over"]


def test_more_commands_than_can_wait_are_left_out_and_said(tmp_path, left, capsys, monkeypatch):
    left("dip")
    watching = watched(tmp_path, Policy())

    async def begin() -> None:
        for _ in range(HOOKS_MAX + 1):
            watching._begin_hook({"bot": "dip"})
        watching._begin_hook({"bot": "another"})
        assert {name: len(tasks) for name, tasks in watching._hooks.items()} == {
            "dip": HOOKS_MAX,
            "another": 1,
        }
        monkeypatch.setattr("steelyard.cli.watch.HOOK_S", 0.1)
        await watching._end_hooks()

    asyncio.run(begin())
    assert "20 of it hang or wait; this alert is left out" in capsys.readouterr().err


def test_what_cannot_be_watched_is_said(tmp_path, left, capsys):
    left("dip")
    assert run(["watch", "nobody", "--data", str(tmp_path)]) == 2
    assert "no bot 'nobody' has run" in capsys.readouterr().err
    assert run(["watch", "--every", "1ms", "--data", str(tmp_path)]) == 2
    assert "100ms or more" in capsys.readouterr().err
