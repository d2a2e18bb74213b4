"""Kills that a page starts: the process of `steelyard kill`, its words, and what it came to."""

import asyncio
import tempfile
import time

import pytest
from exchange_here import ExchangeHere
from ghost_bot import leave_ghost

from steelyard.cli.kill_exchange import cancel_at_exchange
from steelyard.dashboard.kills import MARKED, KillBody, Kills
from steelyard.domain.errors import UsageError
from steelyard.store.latch import Latch

DONE_S = 30


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    with ExchangeHere(tmp_path_factory.mktemp("kills") / "data", "--crowd", "1") as running:
        yield running


async def until_over(kills: Kills, bot: str) -> dict:
    last = time.monotonic() + DONE_S
    while not (shown := kills.shown(bot))["over"]:
        assert time.monotonic() < last, shown
        await asyncio.sleep(0.05)
    return shown


def test_who_types_another_name_kills_nothing(exchange):
    ghost = leave_ghost(exchange)

    async def main() -> None:
        kills = Kills(exchange.data)
        for typed in ("", "ghost", ghost.upper(), f"{ghost} "):
            with pytest.raises(UsageError, match=f"type the bot's name, {ghost}, to confirm"):
                kills.start(KillBody(ghost, typed))
        with pytest.raises(UsageError, match="no bot 'nobody' here"):
            kills.start(KillBody("nobody", "nobody"))
        assert kills.shown(ghost) is None

    asyncio.run(main())
    assert not Latch(exchange.data, ghost).is_set


def test_a_kill_is_marked_at_once_goes_its_steps_and_is_verified_by_a_count(exchange, monkeypatch):
    """Pressed twice it is one kill; when somebody has lifted it, it is shown no more.

    No disk needs to have room for what it says, and its words may be anything.
    """
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    ghost = leave_ghost(exchange)

    async def main() -> None:
        kills = Kills(exchange.data)
        begun = kills.start(KillBody(ghost, ghost, who="ann", why="--enough\0\n"))
        assert (begun["over"], begun["result"]) == (False, None)
        assert [step["text"] for step in begun["steps"]] == [MARKED]
        words = Latch(exchange.data, ghost).words
        assert (words["why"], words["who"]) == ("--enough, on the page", "ann")
        again = kills.start(KillBody(ghost, ghost))
        assert again["pid"] == begun["pid"]
        with pytest.raises(UsageError, match="a kill of it is on its way"):
            kills.start(KillBody(ghost, ghost, flatten=True))
        shown = await until_over(kills, ghost)
        assert shown["error"] is None
        result = shown["result"]
        assert (result["verified"], result["open_orders"], result["canceled"]) == (True, 0, 1)
        texts = [step["text"] for step in shown["steps"]]
        assert texts[:2] == [MARKED, "trading latched off by the kill mark"]
        assert "the bot is not running" in texts
        Latch(exchange.data, ghost).lift("looked at it", "bob", 1)
        assert kills.shown(ghost) is None

    asyncio.run(main())


def test_a_rehearsal_needs_no_name_sends_nothing_and_gives_way_to_a_kill(exchange):
    """Though the bot's key is not here: the exchange issues one for it."""
    ghost = leave_ghost(exchange)

    async def main() -> None:
        kills = Kills(exchange.data)
        kills.start(KillBody(ghost, drill=True, flatten=True))
        shown = await until_over(kills, ghost)
        result = shown["result"]
        assert (result["drill"], result["exit_code"], result["open_orders"]) == (True, 0, 1)
        assert "would be sent: cancel all orders of the account" in result["steps"]
        assert not Latch(exchange.data, ghost).is_set
        rehearsal = kills.start(KillBody(ghost, drill=True))
        kill = kills.start(KillBody(ghost, ghost))
        assert kill["pid"] != rehearsal["pid"]
        assert (await until_over(kills, ghost))["result"]["verified"]

    asyncio.run(main())


def test_a_kill_goes_on_when_whoever_started_it_is_gone(exchange):
    """The loop that served the page is over before the process has begun."""
    ghost, kills = leave_ghost(exchange), Kills(exchange.data)

    async def main() -> None:
        kills.start(KillBody(ghost, ghost))

    asyncio.run(main())
    run = kills._runs[ghost]
    assert run.process.poll() is None
    asyncio.run(run.join())
    assert run.shown["result"]["canceled"] == 1
    assert cancel_at_exchange(exchange.data, ghost)["canceled"] == 0


def test_a_process_that_breaks_off_proves_nothing(exchange):
    ghost = leave_ghost(exchange)

    async def main() -> None:
        kills = Kills(exchange.data)
        kills.start(KillBody(ghost, ghost))
        kills._runs[ghost].process.kill()
        shown = await until_over(kills, ghost)
        assert shown["result"] is None
        assert shown["error"].startswith("the kill switch broke off")
        assert Latch(exchange.data, ghost).is_set

    asyncio.run(main())
