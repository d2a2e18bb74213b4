import json

import pytest

from steelyard.dialects.kraken import errors
from steelyard.domain.messages import Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal
from steelyard.wire.outcome import Answered, NotSent, Unknown


@pytest.mark.parametrize("reason", [*AccessReason, *RejectReason])
def test_every_refusal_has_the_venues_form(reason):
    response = errors.response(Refusal(reason, "do this"), 0)
    body = json.loads(response.body)
    (text,) = body["error"]
    assert text[0] == "E"
    assert ":" in text
    assert body["help"] == "do this"


@pytest.mark.parametrize(
    ("texts", "status", "outcome"),
    [
        (("EOrder:Insufficient funds",), 200, RejectReason.INSUFFICIENT_BALANCE),
        (("EOrder:Unknown order",), 200, RejectReason.UNKNOWN_ORDER),
        (("EGeneral:Invalid arguments:volume",), 200, RejectReason.SIZE_OFF_LOT),
        (("EGeneral:Invalid arguments:else",), 200, RejectReason.UNSUPPORTED),
        (("EOrder:Invalid price:XBTUSD price can ...",), 200, RejectReason.PRICE_OUT_OF_RANGE),
        (("EOrder:Something new",), 200, RejectReason.UNSUPPORTED),
        (("EAPI:Invalid nonce",), 200, NotSent),
        (("EAPI:Rate limit exceeded",), 200, NotSent),
        (("EOrder:Rate limit exceeded",), 200, NotSent),
        (("EService: Throttled: 1710190126",), 200, NotSent),
        (("EService:Busy",), 200, NotSent),
        (("EService:Unavailable",), 200, Unknown),
        (("EGeneral:Internal error",), 200, Unknown),
        (("EOrder:Insufficient funds",), 502, Unknown),
        ((), 520, Unknown),
        ((), 200, Unknown),
    ],
)
def test_what_an_answer_means_for_a_command(texts, status, outcome):
    found = errors.refused_outcome(texts, status, b"<html>")
    if isinstance(outcome, RejectReason):
        assert isinstance(found, Answered)
        assert isinstance(found.answer, Refused)
        assert found.answer.reason is outcome
    else:
        assert isinstance(found, outcome)


def test_who_is_not_accepted_need_not_try_again():
    for text in ("EAPI:Invalid key", "EAPI:Invalid signature", "EGeneral:Permission denied"):
        found = errors.refused_outcome((text,), 200, b"")
        assert isinstance(found, NotSent)
        assert found.is_denied
