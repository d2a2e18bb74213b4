import json

import pytest

from steelyard.dialects.okx import errors
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.messages import Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal, SessionRefused
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, Halt, NotSent, Unknown


def said(code, status=200, msg="m", data=()):
    return Response(status, {}, json.dumps({"code": code, "msg": msg, "data": data}).encode())


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (said("50011", 429), NotSent("50011 m", halt=Halt.LIMITED)),
        (said("50013", 429), NotSent("50013 m", 1_000_000_000)),
        (said("50102", 401), NotSent("50102 m", blames_clock=True)),
        (said("50113", 401), NotSent("50113 m", is_denied=True)),
        (said("50120"), NotSent("50120 m", is_denied=True)),
        (said("60011"), NotSent("60011 m")),
        (said("50001", 503), Unknown("50001 m", is_closed=True)),
        (said("50004", 400), Unknown("50004 m")),
        (said("50026", 500), Unknown("50026 m")),
        (said("51001"), Answered(Refused(RejectReason.UNKNOWN_INSTRUMENT, "51001 m"))),
        (said("1"), Unknown("1 m")),
        (
            said("1", data=[{"sCode": "51008", "sMsg": "no money"}]),
            Answered(Refused(RejectReason.INSUFFICIENT_BALANCE, "51008 no money")),
        ),
        (
            said("2", data=[{"sCode": "0"}, {"sCode": "51400", "sMsg": "gone"}]),
            Answered(Refused(RejectReason.UNKNOWN_ORDER, "51400 gone")),
        ),
        (Response(502, {}, b"<html>"), Unknown("502 <html>")),
        (said("0"), None),
    ],
)
def test_codes_say_what_became_of_a_request(response, outcome):
    assert errors.refused_outcome(response) == outcome


@pytest.mark.parametrize("reason", [*AccessReason, *RejectReason])
def test_every_reason_has_a_code_and_every_code_one_meaning_or_none(reason):
    words = errors.words_of(Refusal(reason, "how", "px"))
    assert words.code.isdigit()
    assert "{}" not in words.text


def test_a_code_names_its_words():
    words = errors.words_of(Refusal(AccessReason.MALFORMED, "how", "instId", code="50014"))
    assert words == errors.Words("50014", "Parameter instId can not be empty.", 400)
    assert errors.words_of(Refusal(AccessReason.MALFORMED, "{how}", code="9")).text == "{how}"


def test_what_is_raised_while_reading_becomes_a_refusal():
    refusal = Refusal(RejectReason.UNKNOWN_ORDER, "m")
    raised = [
        (SessionRefused(refusal), refusal),
        (UnitError("m", RejectReason.PRICE_OFF_TICK, "px"), RejectReason.PRICE_OFF_TICK),
        (DecodeError("m", "px", "50014"), AccessReason.MALFORMED),
        (Unsupported("m"), RejectReason.UNSUPPORTED),
    ]
    for error, wanted in raised:
        found = errors.refusal_of(error)
        assert wanted in (found, found.reason)


def test_a_wait_is_told_in_whole_seconds():
    response = errors.response(Refusal(AccessReason.KEY_LIMIT, "slowly", retry_after_ns=1), 0)
    assert (response.status, response.headers["retry-after"]) == (429, "1")
    assert errors.refused_outcome(response) == NotSent(
        "50011 Too Many Requests", 1_000_000_000, halt=Halt.LIMITED
    )
