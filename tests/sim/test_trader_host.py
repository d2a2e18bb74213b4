"""The trader's process in virtual time: journal before send, and what a restart knows."""

import pytest

from steelyard.domain.commands import Place
from steelyard.sim.plan import calm
from steelyard.sim.world import World
from steelyard.store import segment
from steelyard.trading.records import OrderPending, RunStarted

S = 10**9


class Departures:
    """What left, and whether its intent was on the disk by then."""

    def __init__(self, world: World) -> None:
        self.found: list[bool] = []
        self._leaves = world.auditor.leaves
        world.auditor.leaves = self.leaves

    def leaves(self, host, message, request) -> None:
        if isinstance(message, Place):
            intents = [r.message for r in host.records() if isinstance(r.message, OrderPending)]
            names = {intent.place.client_order_id for intent in intents}
            self.found.append(message.client_order_id in names)
        self._leaves(host, message, request)


@pytest.fixture
def world() -> World:
    """A world that has lived for a while."""
    world = World(calm(3), segment)
    world.departures = Departures(world)
    world.timeline.after(0, "exchange", world.exchange.boot)
    world.timeline.after(1, "bot", world.bots[0].boot)
    run(world, 8)
    return world


def run(world: World, until_s: float) -> None:
    while world.timeline.elapsed_s < until_s and world.timeline.advance():
        world.auditor.look()


def test_every_order_is_on_the_disk_before_it_leaves(world):
    """Decision 5; also where the disk is slow."""
    world.bots[0].disk.slow_ns = S // 5
    run(world, 16)
    assert len(world.departures.found) > 5
    assert all(world.departures.found)


def test_a_restart_knows_what_was_written(world):
    """The next run has another number, and trades on."""
    bot = world.bots[0]
    bot.gone = lambda _: None
    before = bot.replayed()
    bot.die("x")
    sent = len(world.departures.found)
    run(world, 9)
    assert len(world.departures.found) == sent, "a process that is gone sends nothing"
    bot.boot()
    names = [order.client_order_id for order in bot.trader.turn.state.orders]
    assert names == [order.client_order_id for order in before.orders] != []
    run(world, 16)
    runs = [r.message.run for r in bot.records() if isinstance(r.message, RunStarted)]
    assert len(set(runs)) == len(runs) == 2
    assert len(world.departures.found) > sent


def test_a_disk_that_refuses_ends_the_process(world):
    """No order leaves any more."""
    bot = world.bots[0]
    ends = []
    bot.gone = ends.append
    bot.disk.trouble = "No space left on device"
    sent = len(world.departures.found)
    run(world, 12)
    assert "No space left" in ends[0]
    assert len(world.departures.found) == sent


def test_the_kill_switchs_file_is_obeyed_by_the_next_process(world):
    """Pressed and lifted while the bot is down."""
    bot = world.bots[0]
    bot.gone = lambda _: None
    bot.die("x")
    bot.kill("somebody")
    bot.boot()
    assert bot.trader.turn.state.killed_why is not None
    run(world, 10)
    assert bot.trader.status.word == "killed"
    bot.die("x")
    bot.resume("somebody")
    bot.boot()
    run(world, 12)
    assert bot.trader.status.word == "running"


def test_streams_come_back(world):
    """After a pause that grows, and trading opens again."""
    bot = world.bots[0]
    bot.link.lose_far()
    run(world, 8.1)
    assert bot.trader.gate is not None
    run(world, 12)
    assert bot.trader.status.word == "running"
