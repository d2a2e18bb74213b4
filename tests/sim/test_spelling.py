"""Names that a venue does not take, and answers that do not say it all."""

import pytest
from msgspec.structs import replace

from steelyard import dialects
from steelyard.domain.commands import Cancel, CancelAll
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    Acknowledged,
    Execution,
    OrderAnswer,
    OrderEvent,
    OrderList,
    OrdersQuery,
    Refused,
)
from steelyard.domain.order import OrderType, RejectReason, Side
from steelyard.sim.conformance import place
from steelyard.sim.spelling import NAME, Spelling, asked_whole, completed
from steelyard.sim.stand import Stand
from steelyard.wire.outcome import Answered, NotSent


@pytest.fixture
def stand() -> Stand:
    return Stand(dialects.find("coinbase-exchange"))


def say(stand, message):
    key = stand.key_of("alice")
    return completed(message, lambda: stand.send(message, key), lambda q: stand.send(q, key))


def test_names_are_sent_as_the_dialect_prints_ids_and_read_back(stand):
    spelling = Spelling(stand.dialect, stand.listings)
    message = spelling.spelled(place(client_order_id=NAME))
    assert message.client_order_id != NAME
    outcome = spelling.read(say(stand, message))
    assert outcome.answer.order.client_order_id == NAME
    assert spelling.spelled(Cancel(0, 1, 0, NAME)).client_order_id == message.client_order_id


def test_names_that_are_taken_stay():
    stand = Stand(dialects.find("native"))
    spelling = Spelling(stand.dialect, stand.listings)
    message = place(client_order_id=NAME)
    assert spelling.spelled(message) is message


def test_what_an_answer_does_not_say_is_asked_for(stand):
    placed = say(stand, place()).answer.order
    canceled = say(stand, Cancel(0, placed.order_id, 0)).answer
    assert isinstance(canceled, OrderAnswer)
    assert canceled.order.state is OrderState.CANCELED
    for price_ticks in (4_900_000, 4_900_001):
        say(stand, place(price_ticks=price_ticks))
    ended = say(stand, CancelAll(0, 0)).answer
    assert isinstance(ended, OrderList)
    assert [order.state for order in ended.orders] == [OrderState.CANCELED] * 2


def test_what_was_not_taken_is_not_asked_about():
    outcome = completed(place(), lambda: NotSent("why"), lambda _: pytest.fail("asked"))
    assert outcome == NotSent("why")
    answer = Answered(Acknowledged())
    assert completed(replace(place()), lambda: answer, lambda _: pytest.fail("asked")) is answer


def test_an_order_taken_up_and_canceled_because_it_would_take_is_a_refusal():
    """Where a venue says so of post-only orders: no order was there, and none was heard of."""
    stand = Stand(dialects.find("okx"))
    key, bobs = stand.key_of("alice"), stand.key_of("bob")
    session = stand.dialect.client.private_session(key, stand.listings, stand.now_ns)
    listener = stand.follow(session)
    stand.ask(place(side=Side.SELL), bobs)
    outcome = say(stand, place(post_only=True, client_order_id="mine1"))
    assert isinstance(outcome.answer, Refused)
    assert outcome.answer.reason is RejectReason.POST_ONLY_WOULD_TAKE
    assert [e.execution for e in listener.of(OrderEvent)] == [Execution.EXPIRED]
    assert Spelling(stand.dialect, stand.listings).heard(listener.of(OrderEvent)) == []


def test_a_list_in_parts_is_asked_for_whole():
    """Orders at market and those that wait are two lists at some venues."""
    stand = Stand(dialects.find("okx"))
    key, client = stand.key_of("alice"), stand.dialect.client
    stand.ask(place(price_ticks=4_000_000), key)
    stop = {"order_type": OrderType.STOP, "price_ticks": None, "trigger_ticks": 6_000_000}
    stand.ask(place(**stop), key)
    query = OrdersQuery(0, 100, open_only=True)
    told = asked_whole(client, query, lambda part: stand.send(part, key)).answer
    assert [order.order_type for order in told.orders] == [OrderType.LIMIT, OrderType.STOP]
    refused = asked_whole(client, query, lambda _: NotSent("why"))
    assert refused == NotSent("why")
