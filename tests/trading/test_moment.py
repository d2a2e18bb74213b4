"""Any past moment of a trader can be rebuilt from its journal."""

from steelyard.trading.actions import Role
from steelyard.trading.state import TraderState
from tests.trading.session import dump, new_world


def test_every_moment_is_rebuilt_from_the_records_before_it():
    """After each record: orders, fills, position, limits, gate, streams, clock, key, refusals."""
    world = new_world(8, crash_at={60})
    lived = []
    act = world._act

    def keep(actions):
        before = len(world.payloads)
        act(actions)
        if len(world.payloads) > before:
            lived.append((len(world.payloads), repr(dump(world.trader.turn.state))))

    world._act = keep
    world.after(3.3, lambda: world.break_stream(Role.PRIVATE, back_s=1))
    world.run(20)
    assert world.crashes == 1
    assert len(lived) > 50
    state, wanted = TraderState(), dict(lived)
    for record in world.records():
        state.replay(record)
        if (live := wanted.get(record.sequence)) is not None:
            assert repr(dump(state)) == live, f"after record {record.sequence}"


def test_a_moment_knows_what_was_so():
    """In words: what held at the end of the session."""
    world = new_world(8)
    world.run(20)
    moment = world.replayed().moment
    assert moment.is_running
    assert moment.gate.status == "running"
    assert moment.streams == {"market": None, "private": None}
    assert moment.limits["risk.price_collar"] == "5%"
    assert moment.clock.offset_ns == 0
    assert moment.key.findings == ()
    assert moment.failure is None
