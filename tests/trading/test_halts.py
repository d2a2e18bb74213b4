from random import Random

from steelyard.domain.messages import SECOND_NS
from steelyard.trading.actions import Level, Log, VenueHalt
from steelyard.trading.halts import Halts
from steelyard.trading.turn import Turn
from tests.trading.world import BEGIN_NS, Rules, hand_world

T0 = 1_700_000_000 * SECOND_NS


def desk() -> tuple[Halts, Turn]:
    turn = Turn(Rules(), Random(1))
    turn.now_ns = T0
    return Halts(turn), turn


def lines(turn: Turn) -> list[tuple[Level, str]]:
    return [(action.level, action.name) for action in turn.drain() if isinstance(action, Log)]


def test_a_ban_is_told_once_and_has_a_clock():
    """However many requests hear of it; another one is another one."""
    halts, turn = desk()
    until_ns = T0 + 120 * SECOND_NS
    for late_ns in (0, 100, 200):
        halts.take(VenueHalt(until_ns + late_ns, is_ban=True))
    assert lines(turn) == [(Level.ERROR, "venue.banned")]
    assert halts.trouble == "the venue has banned this host until 2023-11-14 22:15:20 UTC"
    halts.take(VenueHalt(until_ns + 3_600 * SECOND_NS, is_ban=True))
    assert lines(turn) == [(Level.ERROR, "venue.banned")]
    assert halts.bans == 2


def test_it_ends_by_itself_and_that_is_told():
    """At its time the machine is woken, and the gate is open."""
    halts, turn = desk()
    halts.take(VenueHalt(T0 + SECOND_NS, is_ban=True))
    turn.drain()
    halts.work()
    assert turn.deadline_ns == T0 + SECOND_NS
    turn.now_ns = T0 + SECOND_NS
    assert halts.trouble is None
    halts.work()
    halts.work()
    assert lines(turn) == [(Level.INFO, "venue.open")]


def test_a_pause_of_seconds_gates_nothing():
    """What is sent meanwhile comes back and is sent again."""
    halts, turn = desk()
    halts.take(VenueHalt(T0 + SECOND_NS, is_ban=False))
    assert halts.trouble is None
    assert lines(turn) == [(Level.WARNING, "venue.limited")]
    halts.take(VenueHalt(0, is_ban=False))
    assert lines(turn) == []


def test_a_banned_trader_is_gated_until_the_ban_is_over():
    """Its status says so, and what its strategy wants meanwhile is refused."""
    world = hand_world(*[lambda hand: hand.buy("0.01")] * 140)
    world.run(1)
    assert world.trader.status.word == "running"
    world.step(VenueHalt(BEGIN_NS + 3 * SECOND_NS, is_ban=True))
    commands = len(world.commands)
    world.run(2.9)
    assert world.trader.status.word == "gated"
    assert "has banned this host" in world.trader.status.reason
    assert len(world.commands) == commands
    world.run(4)
    assert str(world.trader.status.reason).startswith("the breaker venue has tripped")
    world.run(15)
    assert world.trader.status.word == "running"
    assert len(world.commands) > commands
