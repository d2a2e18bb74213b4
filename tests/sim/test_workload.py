"""What bots want and people do."""

from random import Random

import pytest

from steelyard.domain.messages import SECOND_NS, BookSnapshot, OrdersQuery
from steelyard.sim.plan import calm
from steelyard.sim.quoter import LISTED
from steelyard.sim.workload import BY_HAND, Manner, Person, Wisher
from steelyard.sim.world import World
from steelyard.store import segment
from steelyard.trading.duration import Duration
from steelyard.trading.strategy import CancelIntent, Desk, Intent, Timer

BEGIN_NS = 1_700_000_000 * SECOND_NS
EVERY = Duration("1s")


def wishes(manner: Manner, slots: int, until: int = 1_000) -> list[Intent | CancelIntent]:
    """Return what a bot wants in its first slots."""
    strategy = Wisher(
        seed=1,
        manner=manner,
        begin_ns=BEGIN_NS,
        until_ns=BEGIN_NS + until * SECOND_NS,
        every="1s",
    )
    desk = Desk(LISTED)
    desk.book.snapshot(BookSnapshot(0, 1, ((5_999_900, 9),), ((6_000_100, 9),), BEGIN_NS), BEGIN_NS)
    strategy.bind(desk)
    strategy.on_start()
    found = []
    for slot in range(slots):
        desk.reach(BEGIN_NS + slot * SECOND_NS)
        strategy.on_timer(Timer(EVERY, desk.now_ns))
        for _ in range(2):  # of one slot the first alone counts
            strategy.on_book(desk.book)
        found += desk.drain()
    return found


@pytest.mark.parametrize("manner", [*Manner])
def test_no_two_wishes_are_of_one_size_and_side(manner):
    """So a wish that becomes two orders shows; and the same seed wants the same."""
    found = [wish for wish in wishes(manner, 200) if isinstance(wish, Intent)]
    assert len(found) > 40
    assert len({(wish.side, wish.size_lots) for wish in found}) == len(found)
    assert found == [wish for wish in wishes(manner, 200) if isinstance(wish, Intent)]


def test_a_bot_wants_nothing_more_when_its_time_is_over():
    """Then everything can calm down."""
    assert len(wishes(Manner.MAKER, 50, until=10)) == len(wishes(Manner.MAKER, 10))


def test_who_churns_wants_everything():
    """At the market and with a price, patient and not."""
    kinds = {
        (w.order_type, w.time_in_force) for w in wishes(Manner.CHURN, 200) if isinstance(w, Intent)
    }
    assert len(kinds) == 3


def test_a_person_places_and_cancels_by_hand():
    """On the bot's account, its orders too."""
    world = World(calm(1), segment)
    world.exchange.boot()
    while world.timeline.elapsed_s < 1 and world.timeline.advance():
        pass
    machine = world.exchange.exchange
    account_id = machine.keys.account_id("bot-1")
    person = Person("p", Random(3))
    done = [person.act(machine, account_id) for _ in range(30)]
    assert {text.split()[0] for text in done} == {"places", "cancels"}
    names = {order.client_order_id for order in machine.history.orders(OrdersQuery(account_id, 99))}
    assert all(name.startswith(BY_HAND) for name in names)
