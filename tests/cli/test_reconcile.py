"""A comparison that a person asks for: over the bot's own port, by the command."""

import asyncio
import json

import pytest

from steelyard.cli.main import run
from steelyard.cli.reconcile import running_bot
from steelyard.domain.errors import UsageError
from steelyard.net.loop import run_loop
from steelyard.testing import LocalExchange
from tests.cli.test_trader_process import is_running
from tests.cli.trader_bot import running, settings, until


def test_a_running_bot_compares_when_asked(exchange_of_bots: LocalExchange, capsys):
    """The exit code and the document say what came of it."""
    what = settings(exchange_of_bots, "Rester", "compared")

    async def main() -> None:
        async with running(what) as process:
            await until(lambda: is_running(process))
            data = str(exchange_of_bots.data)
            code = await asyncio.to_thread(run, ["reconcile", "compared", "--data", data, "--json"])
            assert code == 0

    run_loop(main())
    document = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert document["done"] is True
    assert "as the venue has them" in document["text"]


def test_a_bot_that_does_not_run_is_said_so(exchange_of_bots: LocalExchange, tmp_path):
    """With what to do about it."""
    what = settings(exchange_of_bots, "Idle", "resting")

    async def main() -> None:
        async with running(what) as process:
            await until(lambda: is_running(process))

    run_loop(main())
    with pytest.raises(UsageError, match="does not run; start it with `steelyard trade`"):
        running_bot(exchange_of_bots.data, "resting")
    with pytest.raises(UsageError, match="no bot 'nobody' in"):
        running_bot(tmp_path, "nobody")
