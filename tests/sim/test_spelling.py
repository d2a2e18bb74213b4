"""Names that a venue does not take, and answers that do not say it all."""

import pytest
from msgspec.structs import replace

from steelyard import dialects
from steelyard.domain.commands import Cancel, CancelAll
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import Acknowledged, OrderAnswer, OrderList
from steelyard.sim.conformance import place
from steelyard.sim.spelling import NAME, Spelling, completed
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
