import pytest

from bench import day
from steelyard.domain.lifecycle import OrderState
from steelyard.trading import orders, orderwork, turn

PLANTED = {
    "every latency is kept": (
        orderwork.OrderWork,
        "_note_latency",
        lambda _old: lambda self, latency_ns: self.latencies_ns.append(latency_ns),
    ),
    "no ended order is forgotten": (
        orders.Orders,
        "_forget",
        lambda _old: lambda self, name: self._ended.pop(name),
    ),
    "who waits for an answer is kept": (
        turn.Turn,
        "returned",
        lambda _old: lambda self, returned: self._returning[returned.request_id](returned),
    ),
}


def hours(count: int) -> list[int]:
    """Return how many blocks of memory there are after each hour."""
    with day.short_memories():
        trader = day.Day()
        found = [trader.hour() for _ in range(count)]
    states = {order.state for order in trader.machine.trader.turn.state.orders}
    assert trader.sent > count * 1_700
    assert {OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED} <= states
    assert trader.machine.trader.status.word == "running"
    return found


@pytest.mark.night
@pytest.mark.timeout(3_600)
def test_a_day_leaves_as_much_memory_in_use_as_an_hour():
    """Of a trader that trades all the time, with its memories made as short as an hour."""
    found = hours(day.DAY_H)
    assert found[-1] - found[0] <= day.GROWTH_MAX


@pytest.mark.night
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_leak_is_found_within_three_hours(leak, monkeypatch):
    """So the day's measure would not miss it."""
    owner, name, planted = PLANTED[leak]
    monkeypatch.setattr(owner, name, planted(getattr(owner, name)))
    found = hours(3)
    assert found[-1] - found[0] > day.GROWTH_MAX
