import pytest

from steelyard.dialects.okx import DIALECT
from steelyard.dialects.okx.entry import OrderEntry
from steelyard.domain.commands import Amend, Cancel
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.messages import Acknowledged, OrderAnswer, Refused
from steelyard.domain.order import OrderType, RejectReason
from steelyard.sim.conformance import place
from steelyard.sim.stand import Stand
from steelyard.wire.dialect import ApiKey
from steelyard.wire.outcome import Answered, NotSent


@pytest.fixture
def stand():
    return Stand(DIALECT)


def test_commands_go_over_the_socket_and_mean_what_they_mean_over_rest(stand):
    key = stand.key_of("alice")
    placed = stand.enter(place(client_order_id="mine"), key)
    assert isinstance(placed.answer, OrderAnswer)
    amend = Amend(0, placed.answer.order.order_id, None, 2_000, instrument_id=0)
    assert stand.enter(amend, key) == Answered(Acknowledged())
    assert stand.enter(Cancel(0, 0, 0, "mine"), key) == Answered(Acknowledged())
    again = stand.enter(Cancel(0, 0, 0, "mine"), key)
    assert isinstance(again.answer, Refused)
    assert again.answer.reason is RejectReason.UNKNOWN_ORDER


def test_what_an_order_lacks_is_refused_over_the_socket_too(stand):
    outcome = stand.enter(place(size_lots=10**8), stand.key_of("alice"))
    assert outcome.answer.reason is RejectReason.INSUFFICIENT_BALANCE


def test_a_login_that_is_refused_answers_the_request(stand):
    wrong = stand.key_of("alice")._replace(secret=b"wrong")
    outcome = stand.enter(place(), wrong)
    assert isinstance(outcome, NotSent)
    assert outcome.is_denied


def test_orders_that_wait_are_not_on_the_socket(stand):
    """Nor is the cancel of one, which the client end knows of."""
    key = stand.key_of("alice")
    stop = place(order_type=OrderType.STOP, price_ticks=None, trigger_ticks=6_000_000)
    for message in (stop, Cancel(0, stand.ask(stop, key).order.order_id, 0)):
        with pytest.raises(Unsupported, match="algo"):
            stand.enter(message, key)


def test_frames_about_something_else_are_passed_over_and_garbage_is_one_error():
    entry = OrderEntry(ApiKey("k", b"s", "p"), DIALECT.client)
    for frame in ("pong", '{"event":"login","code":"0"}', '{"id":"7","op":"order","code":"0"}'):
        assert entry.response(frame) is None
    with pytest.raises(DecodeError):
        entry.response("[")
