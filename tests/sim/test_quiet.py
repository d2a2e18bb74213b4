"""What must be true at the end of a world: each difference, made by hand."""

import pytest

from steelyard.domain.lifecycle import OrderState
from steelyard.sim.plan import calm
from steelyard.sim.quiet import damages, false_bars, unsettled
from steelyard.sim.world import World
from steelyard.store import segment
from steelyard.trading.records import OrderSeen


@pytest.fixture
def world() -> World:
    """A world that has lived to its end."""
    plan = calm(2)
    plan.trouble_s, plan.bar_s = 8, 1
    world = World(plan, segment)
    world.run()
    return world


def found(world: World) -> str:
    return "; ".join(unsettled(world.auditor, world.exchange))


def test_a_world_at_its_end_has_no_difference(world):
    """And no damage, and its bars were the venue's."""
    assert found(world) == ""
    assert [*damages(world.auditor, world.exchange)] == []
    bot = world.bots[0]
    assert len(bot.trader.strategy.bars) > 5
    assert [*false_bars(world.exchange, bot)] == []
    bot.trader.strategy.bars[3].high_ticks += 1
    assert "its bar of" in next(false_bars(world.exchange, bot))


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda w: w.bots[0].die("x"), "it is down"),
        (lambda w: w.exchange.die("x"), "the exchange is down"),
        (
            lambda w: w.bots[0].trader.reconciler.account.balances.clear(),
            "it believes to have None BTC",
        ),
        (lambda w: setattr(w.bots[0], "has_latch", True), "it is running: None"),
        (
            lambda w: setattr(
                next(iter(w.bots[0].trader.turn.state.orders)), "state", OrderState.UNKNOWN
            ),
            "as UNKNOWN",
        ),
        (
            lambda w: w.bots[0].trader.turn.state.portfolio._tally.__setattr__("cash_atoms", 5),
            "it counts position and cash",
        ),
        (lambda w: w.bots[0].trader.turn.state.orders._by_client_id.clear(), "it knows nothing of"),
    ],
)
def test_each_difference_is_told(world, spoil, text):
    """In a sentence that names the bot."""
    spoil(world)
    assert text in found(world)


def test_a_journal_that_tells_another_story_is_damage(world):
    """What changed a state without a record is gone with the process."""
    bot = world.bots[0]
    state = bot.trader.turn.state
    order = next(iter(world.auditor.truth(bot).orders.values()))
    state.apply(OrderSeen(order, "query"), 1)
    assert [*damages(world.auditor, world.exchange)] == []
    next(iter(state.orders)).note = "another story"
    assert "its journal gives another state" in next(damages(world.auditor, world.exchange))


def test_an_exchange_that_forgets_what_it_has_told_is_damage(world):
    """Whatever the bot makes of it."""
    bot = world.bots[0]
    name = next(iter(world.auditor.truth(bot).orders))
    assert world.auditor.forgotten(bot) == set()
    world.exchange.exchange.history.order = lambda _: None
    assert name in world.auditor.forgotten(bot)
    assert "the exchange has told of" in next(damages(world.auditor, world.exchange))
