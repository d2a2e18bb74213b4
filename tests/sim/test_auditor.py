"""What is believed by who only listened, and what the auditor says when it is wrong."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    BookQuery,
    OrderEvent,
    OrderQuery,
    OrdersQuery,
)
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.sim.auditor import BALANCES, ORDERS, Belief, differences
from steelyard.sim.rungs import PUBLIC, Direct
from steelyard.sim.words import Words
from steelyard.trading.books import BookView

LIMIT = (OrderType.LIMIT, TimeInForce.GTC, False)
BUY = Place(0, 0, Side.BUY, *LIMIT, 5_000_000, 1_000, client_order_id="a")
OPEN = OrdersQuery(0, 10, 0, open_only=True)


class Desk:
    """One account on the direct rung, somebody who listens, and the auditor."""

    def __init__(self) -> None:
        self.rung = Direct()
        self.rung.open_account("alice", {"USDT": Decimal(1_000)})
        self.words = Words(self.rung.instrument, self.rung.listings)
        self.belief, self.book = Belief("alice"), BookView(self.rung.instrument)
        self.rung.listen("alice")
        self.rung.listen(PUBLIC)
        self.belief.unsure.clear()
        self.book.snapshot(self.rung.send(PUBLIC, BookQuery(0, 10)).answer, 0)

    def hear(self) -> None:
        self.rung.settle()
        for event in self.rung.drain("alice")[0]:
            self.belief.hear(event)
        for event in self.rung.drain(PUBLIC)[0]:
            self.book.delta(event, 0)

    def audit(self) -> list[str]:
        truth = self.rung.truth(("alice",))
        return [*differences(truth, {"alice": self.belief}, self.book, self.words)]


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.rung.send("alice", BUY)
    desk.hear()
    desk.belief.balances = {b.asset_id: b for b in desk.rung.truth(("alice",)).balances["alice"]}
    return desk


def test_who_has_heard_everything_is_right(desk):
    assert desk.audit() == []


def test_an_order_that_was_not_heard_of(desk):
    desk.belief.orders.clear()
    assert desk.audit() == ["alice knows nothing of the open order a open 0.01 @ 50000"]


def test_an_order_that_is_believed_to_be_open(desk):
    order = next(iter(desk.belief.orders.values()))
    desk.belief.orders[99] = replace(order, order_id=99, client_order_id="b")
    told = "alice believes b open 0.01 @ 50000, but that order is not open"
    assert desk.audit() == [told]


def test_a_fill_that_was_not_heard(desk):
    (number,) = desk.belief.orders
    desk.belief.orders[number] = replace(desk.belief.orders[number], filled_lots=1)
    assert desk.audit() == [
        "alice believes a open, filled 0.00001 of 0.01 @ 50000, and it is a open 0.01 @ 50000"
    ]


def test_a_balance_that_was_not_heard(desk):
    desk.belief.balances.clear()
    (told,) = desk.audit()
    assert told.startswith("alice believes to have nothing, and has USDT ")


def test_a_book_that_is_behind(desk):
    desk.rung.send("alice", replace(BUY, price_ticks=4_000_000, client_order_id="b"))
    told = desk.audit()
    assert "the book is believed to be 50000:0.01 | -, and is 50000:0.01 40000:0.01 | -" in told


def test_a_gap_in_the_numbers_is_told_even_where_the_book_is_right(desk):
    """Who resyncs at once would never notice."""
    desk.book.gaps = 1
    told = "the market's stream has left out something: 1 gaps in its numbers"
    assert desk.audit() == [told]


def test_what_the_audit_of_the_books_finds_is_told_first(desk):
    truth = desk.rung.truth(("alice",))._replace(differences=("the books are cooked",))
    told = differences(truth, {"alice": desk.belief}, desk.book, desk.words)
    assert [*told] == ["the books are cooked"]


def test_who_has_lost_the_connection_claims_nothing_until_it_has_asked(desk):
    """Orders and balances, each by itself."""
    desk.belief.lose()
    desk.belief.orders.clear()
    desk.belief.balances.clear()
    assert desk.audit() == []
    desk.belief.learn(OPEN, desk.rung.send("alice", OPEN).answer)
    assert desk.belief.unsure == {BALANCES}
    assert desk.audit() == []
    desk.belief.unsure = {ORDERS}
    assert len(desk.audit()) == 1


def test_an_order_that_has_ended_unheard_is_gone_once_the_open_ones_are_asked_for(desk):
    (number,) = desk.belief.orders
    desk.belief.lose()
    desk.rung.send("alice", Cancel(0, number, 0))
    desk.belief.learn(OPEN, desk.rung.send("alice", OPEN).answer)
    assert desk.belief.open_orders() == []
    assert desk.belief.named("a") is None
    query = OrderQuery(0, 0, number)
    desk.belief.learn(query, desk.rung.send("alice", query).answer)
    assert desk.belief.named("a").state is OrderState.CANCELED


def test_of_two_orders_of_a_name_the_newer_is_meant(desk):
    (order,) = desk.belief.orders.values()
    desk.belief.hear(OrderEvent(1, replace(order, order_id=9, size_lots=5), None, 0))
    assert desk.belief.named("a").size_lots == 5


def test_answers_to_commands_teach_nothing(desk):
    """They would hide what a stream forgets to tell."""
    desk.belief.orders.clear()
    command = replace(BUY, size_lots=100, client_order_id="b")
    answer = desk.rung.send("alice", command).answer
    assert answer.order.state.is_open
    desk.belief.learn(command, answer)
    assert desk.belief.orders == {}
