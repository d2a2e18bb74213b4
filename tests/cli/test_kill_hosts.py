"""A kill mark where hosts share it: left for them, obeyed by them, and lifted."""

import asyncio

import msgspec
import pytest
from postgres_server import PostgresServer

from steelyard.cli.kill import Target, kill_all
from steelyard.cli.kill_hosts import (
    is_shared,
    leave_mark,
    not_known_here,
    obeyed_ns,
    take_mark,
)
from steelyard.cli.killer import Wanted
from steelyard.cli.leasing import Lock, take_lease
from steelyard.domain.lease import Allowed, Grip
from steelyard.domain.messages import SECOND_NS
from steelyard.store.latch import Latch
from steelyard.trading.config import parse_config
from steelyard.trading.leasetable import LeaseTable
from steelyard.trading.takeover import Left
from steelyard.wire.dialect import ApiKey
from tests.trading.world import CONFIG


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as running:
        yield running


def shared(url: str):
    text = CONFIG.replace('dialect = "venue"', 'dialect = "binance"')
    config = msgspec.structs.replace(parse_config(text), lease=LeaseTable(url=url, ttl="2s"))
    assert is_shared(config)
    return config


def test_a_kill_on_one_host_latches_the_bot_on_the_next_before_it_begins(server, tmp_path):
    """The standby takes over a killed bot as a killed one, and a mark lifted there is gone."""
    config = shared(server.url)
    name, lock = config.bot.name, Lock(tmp_path, ("dip",))
    latch = Latch(tmp_path, name)

    async def walk():
        assert await leave_mark(config, "pressed elsewhere", "ann") is None
        held = await take_lease({"": config}, name, lock, None, data=tmp_path)
        assert latch.is_set
        assert "pressed elsewhere" in latch.why
        assert "ann" in latch.why
        latch.lift("a person", "bob", 0)
        await held.obey()
        await held.release()
        again = await take_lease({"": config}, name, lock, None, data=tmp_path)
        assert not latch.is_set, "it was lifted where it was obeyed"
        await leave_mark(config, "again", "ann")
        await again.obey()
        assert latch.is_set, "of a holder that trades, too"
        assert await take_mark(config) is None
        await again.obey()
        assert latch.is_set, "a mark of this host is lifted on this host"
        await again.release()

    asyncio.run(walk())


def test_a_kill_that_no_other_host_can_hear_of_is_none(tmp_path):
    """Whatever the venue counts here, a standby may trade in a moment."""
    config = shared("postgresql://nobody@127.0.0.1:1/none")
    target = Target(config.bot.name, config, why_not="no key")
    told = asyncio.run(kill_all(tmp_path, [target], Wanted(), "a test"))[target.name]
    assert (told["killed"], told["verified"]) == (False, False)
    assert "another host may trade it: the lease's database cannot be asked" in told["steps"][-1]
    assert asyncio.run(take_mark(config)) is not None
    drilled = asyncio.run(kill_all(tmp_path, [target], Wanted(is_drill=True), ""))[target.name]
    assert "another host" not in "".join(drilled["steps"]), "a drill tells nobody"
    local = asyncio.run(kill_all(tmp_path, [target], Wanted(is_local=True), ""))[target.name]
    assert "another host" not in "".join(local["steps"]), "nor does a watchdog of one host"


def test_it_is_obeyed_elsewhere_before_the_last_count():
    """A holder whose renewal began right before the mark places until then, and no longer."""
    config = shared("postgresql://x/y")
    grip = Grip(config.lease.ttl_ns)
    grip.granted(0)
    assert grip.allowed(obeyed_ns(config)) is not Allowed.ALL
    assert obeyed_ns(config) >= SECOND_NS


def named(config, name: str, url: str = ""):
    """Return a configuration of another name, and at another exchange."""
    replace = msgspec.structs.replace
    main = replace(config.main, rest=url) if url else config.main
    return replace(config, bot=replace(config.bot, name=name), venue={"main": main})


def test_a_position_is_known_where_it_was_traded_last(server, tmp_path):
    """By the term of the lease; that of a bot with legs is one for all of them."""
    alone, leg = (named(shared(server.url), name) for name in ("far", "pair-a"))

    async def walk():
        assert await not_known_here(alone, 0) is None, "nobody has ever had it"
        for bots, name, config in (({"": alone}, "far", alone), ({"a": leg}, "pair", leg)):
            held = await take_lease(bots, name, Lock(tmp_path, (name,)), None)
            held.leaves["" if config is alone else "a"] = lambda: Left(1, None)
            await held.release()
            assert await not_known_here(config, 1) is None
            assert "with --standby" in await not_known_here(config, 0)
        assert await not_known_here(named(leg, "pair-b"), 0) is None, "no leg of it"

    asyncio.run(walk())
    gone = shared("postgresql://nobody@127.0.0.1:1/none")
    assert "nobody knows" in asyncio.run(not_known_here(gone, 0))


def test_a_position_of_another_host_is_not_called_flat(server, exchange, tmp_path):
    """This journal knows of none; the orders are canceled all the same."""
    config = named(shared(server.url), "elsewhere", exchange.url("binance"))
    key = exchange.trader("elsewhere", {"USDT": "1000"}, dialect="binance")

    async def traded():
        held = await take_lease({"": config}, "elsewhere", Lock(tmp_path, ("other",)), None)
        await held.release()

    asyncio.run(traded())
    target = Target("elsewhere", config, ApiKey(key["key"], key["secret"].encode()))
    wanted = Wanted(flatten=True)
    told = asyncio.run(kill_all(tmp_path / "here", [target], wanted, "why"))["elsewhere"]
    assert (told["verified"], told["open_orders"], told["exit_code"]) == (True, 0, 1)
    assert (told["position"]["is_flat"], told["position"]["left"]) == (False, "?")
    assert "--flatten on that host" in told["position"]["text"]
