"""Lists that come 50 at a time, and orders that may be in one of two."""

import pytest

from steelyard.dialects.kraken import lists
from steelyard.dialects.kraken.client import KrakenClient
from steelyard.dialects.kraken.text import order_number
from steelyard.domain.messages import (
    FillList,
    FillsQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Refused,
)
from steelyard.wire.outcome import Answered

FILLS = 120


class Asking:
    """Our client's end at the venue in memory, with as many requests as a query takes."""

    def __init__(self, venue) -> None:
        self.venue, self.client, self.requests = venue, KrakenClient(), 0

    def ask(self, query):
        answers, asked = [], query
        while asked is not None:
            answers.append(self.one(asked))
            asked = self.client.further(query, answers)
        return self.client.joined(query, answers)

    def one(self, query):
        self.requests += 1
        desk = self.venue.desk
        self.venue.nonce += 1
        listings = desk.exchange.listings
        request = self.client.request(query, listings, self.venue.alice, self.venue.nonce)
        response = self.venue.gate.http(request, "127.0.0.1", desk.now_ns)
        outcome = self.client.outcome(query, response, listings, desk.now_ns)
        assert isinstance(outcome, Answered), outcome
        return outcome.answer


@pytest.fixture
def asking(venue):
    return Asking(venue)


@pytest.fixture
def traded(asking):
    """An account with 120 fills, one a second."""
    for _ in range(FILLS):
        asking.venue.add(asking.venue.bob, type="sell", volume="0.0001")
        asking.venue.add(volume="0.0001")
        asking.venue.pass_time(1)
    return asking


@pytest.mark.parametrize(
    ("query", "trades", "requests"),
    [
        (FillsQuery(0, 1_000), range(1, 121), 3),
        (FillsQuery(0, 60), range(61, 121), 2),
        (FillsQuery(0, 10), range(111, 121), 1),
        (FillsQuery(0, 1_000, from_trade_id=116), range(116, 121), 1),
        (FillsQuery(0, 1_000, from_trade_id=31), range(31, 121), 2),
        (FillsQuery(0, 20, from_trade_id=31), range(31, 51), 2),
        (FillsQuery(0, 1_000, from_trade_id=500), range(0), 1),
    ],
    ids=str,
)
def test_every_fill_is_there_once_however_many_pages_it_takes(traded, query, trades, requests):
    """From a fill on, from a time on, or the newest."""
    told = traded.ask(query)
    assert isinstance(told, FillList)
    assert [fill.trade_id for fill in told.fills] == [*trades]
    assert traded.requests == requests


def test_what_comes_in_between_two_pages_moves_nothing_out_of_the_list(traded):
    query = FillsQuery(0, 1_000)
    first = traded.one(query)
    traded.venue.add(traded.venue.bob, type="sell", volume="0.0001")
    traded.venue.add(volume="0.0001")
    answers = [first]
    while (more := traded.client.further(query, answers)) is not None:
        answers.append(traded.one(more))
    told = [fill.trade_id for fill in traded.client.joined(query, answers).fills]
    assert told == [*range(1, 121)]


def test_the_fills_of_one_order_are_looked_for_in_a_few_pages_only(traded, monkeypatch):
    monkeypatch.setattr(lists, "ORDER_PARTS_MAX", 2)
    assert traded.ask(FillsQuery(0, 1_000, order_id=2)).fills == ()
    assert traded.requests == 2


def test_orders_that_ended_are_all_told(asking):
    for _ in range(105):
        asking.venue.result("CancelOrder", txid=asking.venue.add())
    told = asking.ask(OrdersQuery(0, 1_000))
    assert isinstance(told, OrderList)
    ids = [order.order_id for order in told.orders]
    assert ids == sorted(set(ids))
    assert (len(ids), asking.requests) == (105, 3)
    assert [o.order_id for o in asking.ask(OrdersQuery(0, 7)).orders] == ids[-7:]


def test_a_name_finds_what_is_open_and_what_has_ended(asking):
    txid = asking.venue.add(cl_ord_id="mine")
    query = OrderQuery(0, client_order_id="mine")
    told = asking.ask(query)
    assert isinstance(told, OrderAnswer)
    assert (told.order.order_id, asking.requests) == (order_number(txid), 1)
    asking.venue.result("CancelOrder", txid=txid)
    told = asking.ask(query)
    assert isinstance(told, OrderAnswer)
    assert (told.order.state.is_open, asking.requests) == (False, 3)


def test_a_name_of_nothing_is_said_to_be_none_when_both_lists_were_looked_through(asking):
    assert isinstance(asking.ask(OrderQuery(0, client_order_id="nobody")), Refused)
    assert asking.requests == 2
