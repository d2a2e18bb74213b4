from steelyard.domain.commands import Cancel, Place, PlaceGroup
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import Execution, GroupEvent, OrderEvent
from steelyard.domain.order import GroupKind, OrderType, Side, TimeInForce
from steelyard.exchange.telling import asked_by
from steelyard.wire.dialect import Channel, ChannelKind, Subscription


def order(desk, side: Side, ticks: int) -> Place:
    terms = (OrderType.LIMIT, TimeInForce.GTC, False)
    return Place(desk.alice, 0, side, *terms, ticks, 1_000)


def heard(desk, monkeypatch):
    """Let alice listen, and return what she is told."""
    events = []
    monkeypatch.setattr(
        desk.exchange.feed, "_publish", lambda _channel, event: events.append(event)
    )
    channel = Channel(ChannelKind.ORDERS, account_id=desk.alice)
    desk.exchange.feed.subscribe(1, Subscription("native", channel, ""), desk.now_ns)
    return events


def test_a_group_is_told_when_it_begins_and_when_its_last_order_has_ended(desk, monkeypatch):
    events = heard(desk, monkeypatch)
    oco = PlaceGroup(
        GroupKind.OCO, (order(desk, Side.SELL, 6_000_000), order(desk, Side.SELL, 7_000_000))
    )
    first, second = desk.exchange.perform(oco, desk.tick()).orders
    groups = [event for event in events if isinstance(event, GroupEvent)]
    assert [(event.orders, event.is_over) for event in groups] == [((first, second), False)]
    events.clear()
    desk.exchange.perform(Cancel(desk.alice, second.order_id, request_id="end"), desk.tick())
    *orders, over = [e for e in events if isinstance(e, OrderEvent | GroupEvent)]
    assert {(e.order.order_id, e.request_id) for e in orders} == {
        (first.order_id, ""),
        (second.order_id, "end"),
    }, "the cancel's own name goes with the order that it was for"
    assert (over.orders, over.is_over) == ((first, second), True)


def test_a_basket_is_no_group_that_hangs_together(desk, monkeypatch):
    events = heard(desk, monkeypatch)
    basket = PlaceGroup(
        GroupKind.BASKET, (order(desk, Side.SELL, 6_000_000), order(desk, Side.BUY, 4_000_000))
    )
    desk.exchange.perform(basket, desk.tick())
    assert not [event for event in events if isinstance(event, GroupEvent)]


def test_the_last_fill_of_an_order_by_amount_says_that_it_is_filled(desk, monkeypatch):
    """What is left of the amount buys no lot, so nothing is said after it."""
    for ticks in (5_000_000, 5_000_100):
        desk.exchange.perform(
            Place(desk.bob, 0, Side.SELL, OrderType.LIMIT, TimeInForce.GTC, False, ticks, 1_000),
            desk.tick(),
        )
    events = heard(desk, monkeypatch)
    market = (OrderType.MARKET, TimeInForce.IOC, False)
    bought = Place(desk.alice, 0, Side.BUY, *market, None, 0, quote_atoms=700 * 10**12)
    answer = desk.exchange.perform(bought, desk.tick())
    told = [(e.execution, e.order.state) for e in events if isinstance(e, OrderEvent)]
    assert [execution for execution, _ in told] == [Execution.NEW, *[Execution.FILL] * 2]
    assert answer.order.state is told[-1][1] is OrderState.FILLED
    assert answer.order.filled_lots == 1_399


def test_a_command_asks_for_its_orders(desk):
    one = order(desk, Side.BUY, 1)
    assert [*asked_by(one)] == [one]
    assert [*asked_by(PlaceGroup(GroupKind.BASKET, (one, one)))] == [one, one]
    assert [*asked_by(Cancel(desk.alice, 1))] == []
