import asyncio
import itertools
import json

import pytest
from exchange_here import ExchangeHere
from native_client import Client

from steelyard.cli.administration import administer
from steelyard.dashboard.bots import Bots
from steelyard.domain.errors import UsageError
from steelyard.exchange.admin import CancelOrders
from steelyard.store.datadir import Directory, latch_file
from steelyard.testing import LocalExchange


def administered(exchange: LocalExchange):
    async def ask(call):
        return await asyncio.to_thread(administer, exchange.data, call)

    return ask


names = (f"dead-bot-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    """One of our own: the bots of a directory are everybody's to see."""
    with ExchangeHere(tmp_path_factory.mktemp("bots") / "data") as running:
        yield running


@pytest.fixture
def dead_bot(exchange):
    """A bot that has run, has an order open, and is gone without a word."""
    key = exchange.trader(next(names), {"USDT": "10000"}, dialect="native")
    directory = exchange.data / "bots" / "ghost"
    Directory(directory).close()
    document = {"pid": 2**22 - 3, "port": 1, "token": "t", "key": key["key"], "symbol": "BTC-USDT"}
    (directory / "ports.json").write_text(json.dumps(document))
    client = Client(exchange.url("native"), key)
    client.place("buy", "0.01", "20000")
    client.close()
    return "ghost"


def test_a_dead_bots_orders_are_canceled_at_the_exchange_and_counted(exchange, dead_bot):
    bots = Bots(exchange.data, administered(exchange))
    result = asyncio.run(bots.kill(dead_bot))
    assert result["verified"]
    assert (result["canceled"], result["open_orders"], result["bot_answered"]) == (1, 0, False)
    assert "the bot is not running" in result["steps"]
    assert latch_file(exchange.data, dead_bot).exists()
    (described,) = asyncio.run(bots.describe())
    assert (described["alive"], described["killed"]) == (False, True)
    assert asyncio.run(bots.resume(dead_bot))["resumed"]
    assert not latch_file(exchange.data, dead_bot).exists()


def test_a_count_that_is_not_zero_is_not_called_killed(exchange, dead_bot):
    """Fail closed: what the exchange counts decides, not what was tried."""
    real = administered(exchange)

    async def ask(call):
        answer = await real(call)
        return answer | {"open_orders": 1} if isinstance(call, CancelOrders) else answer

    result = asyncio.run(Bots(exchange.data, ask).kill(dead_bot))
    assert (result["killed"], result["verified"], result["open_orders"]) == (False, False, 1)


def test_a_dead_bot_cannot_compare_and_says_so(exchange, dead_bot):
    """What a live one says is in tests/cli/test_reconcile.py."""
    bots = Bots(exchange.data, administered(exchange))
    answer = asyncio.run(bots.reconcile(dead_bot))
    assert answer == {"done": False, "text": "the bot does not run; its start compares everything"}
    with pytest.raises(UsageError, match="no bot 'nobody' here"):
        asyncio.run(bots.reconcile("nobody"))


def test_an_unknown_bot_is_answered_with_the_known_ones(exchange):
    with pytest.raises(UsageError, match="no bot 'nobody' here"):
        asyncio.run(Bots(exchange.data, administered(exchange)).kill("nobody"))


def test_a_bot_that_was_stopped_in_order_hides_no_other(exchange, dead_bot):
    """It has no socket and no place on the page, and the kill switch still finds its account."""
    bots = Bots(exchange.data, administered(exchange))
    directory = exchange.data / "bots" / dead_bot
    about = json.loads((directory / "ports.json").read_text())
    stopped = exchange.data / "bots" / "a-stopped-one"
    Directory(stopped).close()
    (stopped / "bot.json").write_text(json.dumps({"symbol": "BTC-USDT", "key": about["key"]}))
    assert [bot["name"] for bot in asyncio.run(bots.describe())] == [dead_bot]
    assert asyncio.run(bots.kill("a-stopped-one"))["verified"]
    assert asyncio.run(bots.kill(dead_bot))["verified"]
