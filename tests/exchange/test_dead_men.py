from steelyard.domain.dead_man import ArmDeadMan, DeadMan
from steelyard.domain.journal import Record
from steelyard.domain.order import Side
from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.dead_men import DeadMen
from steelyard.exchange.exchange import Exchange
from steelyard.sim.stand import PlainSeal
from tests.shared.desk import SECOND_NS, Desk


def test_accounts_fall_due_by_their_numbers_and_only_if_armed():
    dead_men = DeadMen()
    for account, due_ns in ((3, 30), (1, 20), (2, 99)):
        dead_men.set(account, due_ns)
    assert (dead_men.due(19), dead_men.due(30)) == ([], [1, 3])
    dead_men.set(1, 0)
    assert dead_men.due(30) == [3]
    assert dead_men.told(1, 5) == DeadMan(5, None)


def test_how_long_it_was_set_to_is_kept_and_snapshots_of_before_tell_only_when():
    dead_men, again = DeadMen(), DeadMen()
    set_ = dead_men.wish(ArmDeadMan(3, 30), 100)
    dead_men.set(set_.account_id, set_.due_ns, set_.after_ns)
    again.restore(dead_men.snapshot())
    assert again.told(3, 101) == DeadMan(101, 130, 30)
    again.restore({3: 130})
    assert again.told(3, 101) == DeadMan(101, 130)
    assert dead_men.wish(ArmDeadMan(3, 0), 100).due_ns == 0


def open_orders(exchange: Exchange) -> int:
    return len([*exchange.open_orders(0)])


def test_a_switch_survives_a_snapshot_and_a_replay():
    """What was armed before a restart cancels after it."""
    desk = Desk()
    desk.place(desk.alice, Side.BUY, "0.01", "50000")
    desk.exchange.arm(ArmDeadMan(desk.alice, 60 * SECOND_NS), desk.now_ns)
    data, records = desk.exchange.snapshot(), desk.exchange.drain().records
    restored = Exchange(ReferenceEngine(), None, PlainSeal())
    restored.restore(data)
    replayed = Exchange(ReferenceEngine(), None, PlainSeal())
    for number, (time_ns, message) in enumerate(records, 1):
        replayed.replay(Record(number, time_ns, message))
    for exchange in (restored, replayed):
        assert open_orders(exchange) == 1
        exchange.step(desk.now_ns + 59 * SECOND_NS)
        assert open_orders(exchange) == 1
        exchange.step(desk.now_ns + 60 * SECOND_NS)
        assert open_orders(exchange) == 0
    assert restored.dead_men.snapshot() == {}
