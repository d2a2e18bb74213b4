import pytest

from steelyard.dialects.bybit import DIALECT
from steelyard.dialects.bybit.entry import OrderEntry
from steelyard.domain.commands import Amend, Cancel, CancelAll
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.messages import Acknowledged, OrderAnswer, Refused
from steelyard.domain.order import RejectReason
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


def test_a_login_that_is_refused_answers_the_request(stand):
    wrong = stand.key_of("alice")._replace(secret=b"wrong")
    outcome = stand.enter(place(), wrong)
    assert isinstance(outcome, NotSent)
    assert outcome.is_denied


def test_what_is_not_on_the_socket_is_unsupported(stand):
    entry = OrderEntry(stand.key_of("alice"))
    with pytest.raises(Unsupported, match="cancel-all"):
        entry.request(CancelAll(0, 0), stand.listings, 0)


def test_frames_about_something_else_are_passed_over_and_garbage_is_one_error():
    entry = OrderEntry(ApiKey("k", b"s"))
    for frame in ('{"op":"pong","retCode":0}', '{"op":"auth","retCode":0}', "{}"):
        assert entry.response(frame) is None
    with pytest.raises(DecodeError):
        entry.response("[")
