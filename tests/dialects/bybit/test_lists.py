import pytest

from steelyard.dialects.bybit import DIALECT, lists, orders
from steelyard.domain.messages import (
    Around,
    FillList,
    FillsQuery,
    OrderQuery,
    OrdersQuery,
    Refused,
)
from steelyard.domain.order import RejectReason
from steelyard.sim.conformance import place
from steelyard.sim.stand import Stand

CLIENT = DIALECT.client


def asked(stand, query):
    """Return the answer of all parts, and how many there were."""
    key, parts, part = stand.key_of("alice"), [], query
    while part is not None:
        parts.append(stand.ask(part, key))
        part = CLIENT.further(query, parts)
    return CLIENT.joined(query, parts), len(parts)


@pytest.fixture
def stand():
    return Stand(DIALECT)


def test_a_long_list_comes_whole_and_in_order(stand):
    numbers = [
        stand.ask(place(price_ticks=4_000_000 + n, size_lots=50), stand.key_of("alice"))
        for n in range(120)
    ]
    found, parts = asked(stand, OrdersQuery(0, 500, 0, open_only=True))
    assert [order.order_id for order in found.orders] == [n.order.order_id for n in numbers]
    assert parts == 3
    newest, parts = asked(stand, OrdersQuery(0, 30, 0, open_only=True))
    assert [o.order_id for o in newest.orders] == [n.order.order_id for n in numbers[-30:]]
    assert parts == 1


def test_what_is_older_than_a_week_is_asked_for_week_by_week(stand):
    start_ns = stand.now_ns
    for _ in range(3):
        stand.ask(place(size_lots=100), stand.key_of("bob"))
        stand.ask(place(side=-1, size_lots=100), stand.key_of("alice"))
        stand.pass_time(5 * 86_400 * 10**9)
    found, parts = asked(stand, FillsQuery(0, 500, 0, start_ns=start_ns))
    assert len(found.fills) == 3
    assert parts == 3


def test_an_order_is_looked_for_among_those_that_ended_too():
    query = OrderQuery(0, 0, client_order_id="x")
    gone = Refused(RejectReason.UNKNOWN_ORDER, "")
    again = lists.further(query, [gone])
    assert again.has_ended
    assert lists.further(query, [gone, gone]) is None


def test_a_cursor_is_remembered_by_a_number():
    cursors = lists.Cursors()
    number = cursors.number("132766%3A2%2C132766%3A2")
    assert cursors.text(number) == "132766%3A2%2C132766%3A2"
    assert cursors.text(None) is None
    for n in range(lists.CURSORS_MAX + 1):
        cursors.number(f"x{n}")
    assert cursors.text(number) is None


def test_the_pages_of_a_week_come_before_the_next_week():
    query = FillsQuery(0, 500, 0, start_ns=10)
    first = FillList((), Around(7, 10 + orders.SPAN_NS))
    assert lists.further(query, [first]) == FillsQuery(0, 500, 0, start_ns=10, before=7)
    last = FillList((), Around(None, 10 + orders.SPAN_NS))
    after = lists.further(query, [first, last])
    assert (after.start_ns, after.before) == (10 + orders.SPAN_NS, None)
