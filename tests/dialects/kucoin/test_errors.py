"""Refusals in the venue's words, and what its words mean to a trader."""

import msgspec
import pytest

from steelyard.dialects.kucoin import errors
from steelyard.domain.messages import Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, Halt, NotSent, Unknown


@pytest.mark.parametrize("reason", [*AccessReason, *RejectReason], ids=lambda r: r.name)
def test_every_reason_has_status_code_and_text(reason):
    response = errors.response(Refusal(reason, "mend it", None, 1_500_000), 0)
    body = msgspec.json.decode(response.body)
    assert body["help"] == "mend it"
    assert body["code"]
    assert body["msg"]
    assert body["code"] != errors.SUCCESS
    assert response.headers["gw-ratelimit-reset"] == "2"
    if isinstance(reason, RejectReason):
        assert response.status == 200


@pytest.mark.parametrize("reason", RejectReason, ids=lambda r: r.name)
def test_what_the_engine_says_comes_back_as_it_was_or_as_unsupported(reason):
    outcome = errors.refused_outcome(errors.response(Refusal(reason, "so"), 0))
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.answer, Refused)
    coarser = {
        RejectReason.MARKET_MAINTENANCE: RejectReason.MARKET_HALTED,
        RejectReason.UNKNOWN_ACCOUNT: RejectReason.UNSUPPORTED,
        RejectReason.TRAIL_OUT_OF_RANGE: RejectReason.UNSUPPORTED,
        RejectReason.UNKNOWN_TRANSFER: RejectReason.UNSUPPORTED,
        RejectReason.GROUP_REFUSED: RejectReason.UNSUPPORTED,
    }
    assert outcome.answer.reason is coarser.get(reason, reason)
    assert "so" in outcome.answer.message


def said(status, code, msg="x", **headers):
    body = msgspec.json.encode({"code": code, "msg": msg})
    return errors.refused_outcome(Response(status, headers, body))


def test_a_server_fault_proves_nothing():
    for outcome in (
        said(500, "500000"),
        said(200, "500000"),
        said(503, "503"),
        errors.refused_outcome(Response(502, {}, b"<html>")),
        errors.refused_outcome(Response(200, {}, b"")),
    ):
        assert isinstance(outcome, Unknown)
    assert said(503, "503").is_closed


def test_what_was_not_looked_at_was_not_sent():
    for code in ("400001", "400003", "400004", "400005", "400006", "400007"):
        assert said(401, code).is_denied, code
    late = said(400, "400002")
    assert isinstance(late, NotSent)
    assert late.blames_clock
    assert not late.is_denied


def test_a_limit_says_for_how_long():
    over = said(429, "429000", **{"gw-ratelimit-reset": "1500"})
    assert (over.halt, over.retry_after_ns) == (Halt.LIMITED, 1_500_000_000)
    assert said(200, "429000").halt is Halt.LIMITED
    assert said(403, "1015").halt is Halt.BANNED
    bare = errors.refused_outcome(Response(429, {"gw-ratelimit-reset": "no"}, b""))
    assert (bare.halt, bare.retry_after_ns) == (Halt.LIMITED, 0)


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        ("400100", "order_not_exist_or_not_allow_to_cancel", RejectReason.UNKNOWN_ORDER),
        ("102436", "", RejectReason.UNKNOWN_ORDER),
        ("200004", "Balance insufficient!", RejectReason.INSUFFICIENT_BALANCE),
        ("600101", "The order funds should more then 0.1", RejectReason.NOTIONAL_TOO_SMALL),
        ("400100", "The order funds should more then 0.1", RejectReason.NOTIONAL_TOO_SMALL),
        ("400100", "something new", RejectReason.UNSUPPORTED),
        ("123456", "", RejectReason.UNSUPPORTED),
    ],
)
def test_codes_that_were_met_with_are_known(code, text, reason):
    outcome = said(200, code, text)
    assert isinstance(outcome, Answered)
    assert outcome.answer.reason is reason


def test_what_came_in_is_repeated_without_surprises():
    assert errors.shown("a\n\u202eb") == "'a\\n\\u202eb'"
    assert len(errors.shown("x" * 500)) < 80
