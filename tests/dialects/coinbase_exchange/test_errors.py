import msgspec
import pytest

from steelyard.dialects.coinbase_exchange import errors
from steelyard.domain.messages import Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, Halt, NotSent, Unknown


def answer(status, body, **headers):
    return errors.refused_outcome(Response(status, headers, body))


def test_every_reason_has_its_words():
    assert set(errors.TURNED_AWAY) == {*AccessReason}
    assert set(errors.REFUSED) == {*RejectReason}


def test_what_belongs_into_a_text_is_in_it_or_left_out():
    refusal = Refusal(RejectReason.SIZE_OFF_LOT, "how", details="0.01")
    told = msgspec.json.decode(errors.response(refusal, 0).body)
    assert told["message"] == "size is too accurate. Smallest unit is 0.01"
    told = msgspec.json.decode(errors.response(refusal._replace(details=None), 0).body)
    assert told == {"message": "size is too accurate", "help": "how"}


@pytest.mark.parametrize("reason", RejectReason, ids=repr)
def test_a_refusal_is_read_as_the_no_that_it_is(reason):
    outcome = errors.refused_outcome(errors.response(Refusal(reason, "how"), 0))
    assert isinstance(outcome, Answered | NotSent)


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (400, "Insufficient funds", RejectReason.INSUFFICIENT_BALANCE),
        (404, "NotFound", RejectReason.UNKNOWN_ORDER),
        (400, "Order already done", RejectReason.UNKNOWN_ORDER),
        (400, "price too precise (30000.001)", RejectReason.PRICE_OFF_TICK),
        (400, "funds is too small. Minimum size is 1", RejectReason.NOTIONAL_TOO_SMALL),
        (400, "something new", RejectReason.UNSUPPORTED),
    ],
)
def test_the_venues_texts_are_understood(status, message, reason):
    outcome = answer(status, msgspec.json.encode({"message": message}))
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.answer, Refused)
    assert outcome.answer.reason is reason


def test_what_was_not_taken_up_is_told_from_what_may_have_been():
    limited = answer(429, b'{"message":"x"}', **{"retry-after": "2"})
    assert limited == NotSent("429 x", 2 * 10**9, halt=Halt.LIMITED)
    assert answer(401, b'{"message":"Invalid API Key"}').is_denied
    assert not answer(401, b'{"message":"request timestamp expired"}').is_denied
    assert answer(400, b'{"message":"invalid signature"}').is_denied
    assert isinstance(answer(503, b'{"message":"x"}'), Unknown)
    assert isinstance(answer(400, b"<html>"), Unknown)
