import msgspec
import pytest

from steelyard.dialects.bybit import errors
from steelyard.dialects.bybit.messages import Head
from steelyard.domain.messages import Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, Halt, NotSent, Unknown

OK = Response(200, {}, b"")


def said(reason, **more):
    response = errors.response(Refusal(reason, "do it so", **more), 10**9)
    return response, msgspec.json.decode(response.body)


def test_a_refusal_is_a_200_with_code_text_and_help():
    response, body = said(RejectReason.INSUFFICIENT_BALANCE)
    assert response.status == 200
    assert body == {
        "retCode": 170131,
        "retMsg": "Balance insufficient",
        "result": {},
        "retExtInfo": {"help": "do it so"},
        "time": 1_000,
    }
    assert said(AccessReason.UNKNOWN_ENDPOINT)[0].status == 404
    assert said(AccessReason.IP_LIMIT)[0].status == 403
    assert said(AccessReason.MALFORMED)[1]["retMsg"] == "params error: do it so"


def test_who_is_over_a_limit_is_told_until_when():
    response, _ = said(AccessReason.KEY_LIMIT, retry_after_ns=10**9)
    assert response.headers[errors.RESET] == "2001"
    outcome = errors.refused_outcome(Head(10006), response, 10**9)
    assert outcome == NotSent("10006 ", 1_001 * 10**6, halt=Halt.LIMITED)


@pytest.mark.parametrize("reason", RejectReason)
def test_a_refusal_of_the_engine_is_read_as_a_no(reason):
    """By its own reason, where the venue has a code of its own for it."""
    _, body = said(reason)
    outcome = errors.refused_outcome(Head(body["retCode"], body["retMsg"]), OK, 0)
    if reason is RejectReason.UNKNOWN_ACCOUNT:
        assert isinstance(outcome, NotSent)
        return
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.answer, Refused)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (10000, Unknown),
        (10016, Unknown),
        (170007, Unknown),
        (170146, Unknown),
        (10002, NotSent),
        (10003, NotSent),
        (10004, NotSent),
        (10010, NotSent),
        (33004, NotSent),
        (170005, NotSent),
        (170131, Answered),
        (999999, Answered),
    ],
)
def test_a_code_has_one_meaning(code, kind):
    assert isinstance(errors.refused_outcome(Head(code, "x"), OK, 0), kind)


def test_a_wrong_clock_is_told_from_a_wrong_key():
    assert errors.refused_outcome(Head(10002), OK, 0).blames_clock
    assert errors.refused_outcome(Head(10003), OK, 0).is_denied
    assert errors.refused_outcome(Head(10016), OK, 0).is_closed


@pytest.mark.parametrize("code", [110001, 110008, 170139, 170142, 170143, 170213])
def test_an_order_that_is_not_open_is_unknown_whatever_the_venue_calls_it(code):
    assert errors.reason_of(code) is RejectReason.UNKNOWN_ORDER


def test_what_is_shown_of_a_wrong_value_is_short_and_plain():
    assert errors.shown("é" * 100) == ascii("é" * 60 + "...")
