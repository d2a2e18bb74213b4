"""How a client finds an order wherever it is, and gets all of a list."""

import pytest

from steelyard.dialects.okx import DIALECT, history, lookups
from steelyard.domain.commands import Cancel
from steelyard.domain.errors import Unsupported
from steelyard.domain.messages import (
    FillsQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Refused,
    TradesQuery,
)
from steelyard.domain.order import OrderType, Side
from steelyard.sim.conformance import place
from steelyard.sim.stand import Stand


@pytest.fixture
def stand():
    stand = Stand(DIALECT)
    stand.ask(place(side=Side.SELL), stand.key_of("bob"))
    stand.ask(place(), stand.key_of("alice"))
    return stand


def whole(stand, query):
    """Return the answer to a query, of all of its parts, and how many these were."""
    client, answers, asked = DIALECT.client, [], query
    while asked is not None:
        answers.append(stand.ask(asked, stand.key_of("alice")))
        asked = client.further(query, answers)
    return client.joined(query, answers), len(answers)


def test_trades_from_an_id_on_come_page_by_page(stand, monkeypatch):
    """From the id on, without holes, and no further than was asked; at the end the last ones."""
    for number in range(6):
        stand.ask(place(side=Side.SELL, client_order_id=f"s{number}"), stand.key_of("bob"))
        stand.ask(place(client_order_id=f"b{number}"), stand.key_of("alice"))
    for module in (history, lookups):
        monkeypatch.setattr(module, "OLD_TRADES_MAX", 2)
    for first, limit, ids, asked in ((2, 4, [2, 3, 4, 5], 2), (4, 9, [4, 5, 6, 7], 3)):
        answer, parts = whole(stand, TradesQuery(0, limit, from_trade_id=first))
        assert ([trade.trade_id for trade in answer.trades], parts) == (ids, asked)
    answer, parts = whole(stand, TradesQuery(0, 9, from_trade_id=8))
    assert (answer.trades, parts) == ((), 1)


def stop(**fields):
    terms = {"order_type": OrderType.STOP, "side": Side.SELL, "price_ticks": None}
    return place(**{**terms, "trigger_ticks": 4_000_000, "client_order_id": "stop", **fields})


def test_an_order_that_waits_is_found_on_the_other_list(stand):
    placed = stand.ask(stop(), stand.key_of("alice")).order
    for query in (
        OrderQuery(0, 0, client_order_id="stop"),
        OrderQuery(0, 0, order_id=placed.order_id),
    ):
        answer, parts = whole(stand, query)
        assert isinstance(answer, OrderAnswer)
        assert (answer.order.order_id, answer.order.waits, parts) == (placed.order_id, True, 2)


def test_an_order_that_is_on_no_list_is_not_there(stand):
    answer, parts = whole(stand, OrderQuery(0, 0, client_order_id="nobody"))
    assert (isinstance(answer, Refused), parts) == (True, 2)
    with pytest.raises(Unsupported, match="instrument"):
        lookups.call_of(OrderQuery(0, order_id=5), stand.listings)


def test_open_orders_are_those_at_market_and_those_that_wait(stand):
    key = stand.key_of("alice")
    wanted = [
        stand.ask(order, key).order.order_id
        for order in (
            place(price_ticks=4_900_000),
            stop(),
            stop(order_type=OrderType.TAKE_PROFIT, trigger_ticks=6_000_000, client_order_id="t"),
            place(price_ticks=4_900_001, display_lots=500),
        )
    ]
    answer, parts = whole(stand, OrdersQuery(0, 10, 0, open_only=True))
    assert isinstance(answer, OrderList)
    assert [order.order_id for order in answer.orders] == wanted
    assert parts == 1 + len(lookups.WAITING)


def test_lists_go_on_page_by_page(stand):
    key = stand.key_of("alice")
    for n in range(103):
        stand.ask(place(price_ticks=4_000_000 + n, size_lots=500), key)
    answer, _ = whole(stand, OrdersQuery(0, 200, 0, open_only=True))
    assert len(answer.orders) == 103
    for order in answer.orders:
        stand.ask(Cancel(0, order.order_id, 0), key)
    answer, parts = whole(stand, OrdersQuery(0, 200, 0))
    assert (len(answer.orders), parts) == (104, 2)
    answer, parts = whole(stand, OrdersQuery(0, 50, 0))
    assert (len(answer.orders), parts) == (50, 1)
    for _ in range(101):
        stand.ask(place(side=Side.SELL, price_ticks=5_000_000, size_lots=20), stand.key_of("bob"))
        stand.ask(place(size_lots=20), key)
    answer, parts = whole(stand, FillsQuery(0, 500, 0))
    assert (len(answer.fills), parts) == (102, 2)
    answer, parts = whole(stand, FillsQuery(0, 500, 0, from_trade_id=100))
    assert [fill.trade_id for fill in answer.fills] == [100, 101, 102]


def test_an_open_iceberg_is_told_with_what_it_has_filled(stand):
    """Which the list of algo orders does not say, and the other one does not say what it shows."""
    number = stand.ask(place(display_lots=200), stand.key_of("alice")).order.order_id
    stand.ask(place(side=Side.SELL, size_lots=200), stand.key_of("bob"))
    listed, _ = whole(stand, OrdersQuery(0, 100, 0, open_only=True))
    (order,) = listed.orders
    assert (order.order_id, order.filled_lots, order.display_lots) == (number, 200, 200)
