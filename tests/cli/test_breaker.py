"""A bot's breakers, from the command line: shown, and let resume by a person."""

import asyncio
import json

import pytest

from steelyard.cli.main import run
from steelyard.net.loop import run_loop
from steelyard.testing import LocalExchange
from steelyard.trading.records import BreakerResumed, BreakerTripped
from tests.cli.test_trader_process import is_running
from tests.cli.trader_bot import running, settings, until


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["resume", "nobody", "rejects", "--why", " "], "say why it may resume"),
        (["resume", "nobody", "rejects", "--why", "so"], "no bot 'nobody' in"),
        (["list", "nobody"], "no bot 'nobody' in"),
    ],
)
def test_what_is_said_wrong_is_refused(more: list[str], message: str, tmp_path, capsys):
    """Before anybody is asked."""
    assert run(["breaker", *more, "--data", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_a_breaker_is_shown_and_resumed(exchange_of_bots: LocalExchange, capsys):
    """The exit code says whether one has tripped; who let it resume and why is journaled."""
    what = settings(exchange_of_bots, "Idle", "held")
    data = ["--data", str(exchange_of_bots.data), "--json"]

    async def command(*words: str) -> tuple[int, dict]:
        code = await asyncio.to_thread(run, ["breaker", *words, *data])
        return code, json.loads(capsys.readouterr().out.strip().splitlines()[-1])

    async def main() -> None:
        async with running(what) as process:
            await until(lambda: is_running(process))
            code, document = await command("list", "held")
            assert (code, {b["state"] for b in document["breakers"]}) == (0, {"ready"})
            process.trader.turn.record(BreakerTripped("rejects", "by hand", "person"))
            code, document = await command("list", "held")
            states = {b["name"]: b["state"] for b in document["breakers"]}
            assert (code, states["rejects"], states["venue"]) == (1, "tripped", "ready")
            code, document = await command("resume", "held", "venue", "--why", "x")
            assert (code, document["text"]) == (1, "the breaker venue has not tripped")
            code, document = await command("resume", "held", "rejects", "--why", "it is well")
            assert (code, document["done"]) == (0, True)
            assert process.trader.turn.state.breakers == {}
            resumed = [
                action.message
                for action in process.trader.turn.drain()
                if isinstance(getattr(action, "message", None), BreakerResumed)
            ]
            assert resumed == []  # it has been carried out: it is in the journal

    run_loop(main())
