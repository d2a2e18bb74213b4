import msgspec
import pytest

from steelyard.dialects.native import DIALECT, errors
from steelyard.domain.commands import Cancel, Place
from steelyard.domain.messages import ClockQuery, Refused
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.wire.dialect import AccessReason, Refusal
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, NotSent, Unknown

PLACE = Place(100, 0, Side.BUY, OrderType.MARKET, TimeInForce.IOC, False, None, 1)
EVERY = [*AccessReason, *RejectReason]
STATUSES = {400, 401, 403, 404, 405, 409, 413, 418, 426, 429, 503}


def test_every_reason_has_its_own_code():
    """No refusal is without words, and no two have the same name."""
    assert {c.reason for c in errors.CODES.values() if isinstance(c.reason, AccessReason)} == set(
        AccessReason
    )
    assert {c.reason for c in errors.CODES.values() if isinstance(c.reason, RejectReason)} == set(
        RejectReason
    )
    assert len(errors.CODES) == len(EVERY)


@pytest.mark.parametrize("reason", EVERY, ids=lambda r: f"{type(r).__name__}.{r.name}")
def test_a_refusal_says_what_where_and_how_to_mend(reason):
    """As numbers, reasons of the two enums are equal; each still gets its own words."""
    response = errors.refuse(Refusal(reason, "what happened"), 0)
    error = msgspec.json.decode(response.body)["error"]
    code = errors.CODES[reason.name]
    assert code.reason is reason
    assert response.status == code.status
    assert response.status in STATUSES
    assert error["code"] == reason.name
    assert error["message"] == "what happened"
    assert error["docs"] == f"/docs#{reason.name}"
    assert error["hint"] == code.mend
    assert error["field"] == code.field
    assert response.headers["content-type"] == "application/json"


def headers(reason, **named) -> dict[str, str]:
    return errors.refuse(Refusal(reason, "", **named), 0).headers


def test_a_limit_says_when_to_come_back():
    """Retry-After is whole seconds, rounded up, never 0."""
    assert headers(AccessReason.KEY_LIMIT, retry_after_ns=1)["retry-after"] == "1"
    assert headers(AccessReason.IP_BANNED, retry_after_ns=1_000_000_001)["retry-after"] == "2"
    assert headers(AccessReason.UNAVAILABLE)["retry-after"] == "1"
    assert "retry-after" not in headers(AccessReason.MALFORMED)


def test_statuses_carry_the_headers_that_http_asks_for():
    """405 names the methods, 401 the scheme."""
    assert headers(AccessReason.METHOD_NOT_ALLOWED, field="DELETE, GET")["allow"] == "DELETE, GET"
    assert headers(AccessReason.BAD_SIGNATURE)["www-authenticate"] == errors.SCHEME


def test_a_field_is_an_input():
    """The gate's note on which limit or methods is not shown as a field of the request."""
    assert errors.detail(Refusal(AccessReason.KEY_LIMIT, "", "key_weight_1m")).field is None
    assert errors.detail(Refusal(AccessReason.METHOD_NOT_ALLOWED, "", "GET")).field is None
    assert errors.detail(Refusal(RejectReason.INSUFFICIENT_BALANCE, "", "price")).field == "price"
    # Equal to METHOD_NOT_ALLOWED as a number.
    assert errors.detail(Refusal(RejectReason(3), "", "symbol")).field == "symbol"


def outcome(reason, message=PLACE, **named):
    return errors.outcome_of_error(message, errors.refuse(Refusal(reason, "no", **named), 0))


@pytest.mark.parametrize("reason", RejectReason)
def test_a_refusal_by_the_engine_is_an_answer(reason):
    """The venue has decided, and the trader learns for what reason."""
    found = outcome(reason)
    assert isinstance(found, Answered)
    assert isinstance(found.answer, Refused)
    assert (found.answer.reason, found.answer.message) == (reason, "no")


OPEN = {AccessReason.UNAVAILABLE, AccessReason.REPEATED_NONCE}


@pytest.mark.parametrize("reason", [r for r in AccessReason if r not in OPEN])
def test_a_refusal_by_the_gate_means_that_nothing_was_taken_up(reason):
    """It may be sent again once what is wrong is mended."""
    assert isinstance(outcome(reason), NotSent)


@pytest.mark.parametrize("reason", OPEN)
def test_two_refusals_prove_nothing_about_a_command(reason):
    """A copy may have come first, or the disk may have failed after the fact."""
    assert isinstance(outcome(reason), Unknown)
    assert isinstance(outcome(reason, Cancel(100, 1)), Unknown)
    assert isinstance(outcome(reason, ClockQuery()), NotSent)


def test_the_pause_comes_along():
    """What Retry-After says is what the trader waits."""
    assert outcome(AccessReason.KEY_LIMIT, retry_after_ns=3 * 10**9).retry_after_ns == 3 * 10**9


@pytest.mark.parametrize(
    ("status", "body", "retry"),
    [
        (502, b"<html>bad gateway</html>", ""),
        (404, b"{}", ""),
        (500, b"", ""),
        (400, b'{"error":{"code":1}}', ""),
        (400, b"\xff", ""),
        (429, b'{"error":"slow down"}', "x"),
    ],
)
def test_what_is_not_our_error_proves_nothing(status, body, retry):
    """A proxy's word for it is not the exchange's."""
    response = Response(status, {"retry-after": retry}, body)
    assert isinstance(errors.outcome_of_error(PLACE, response), Unknown)


def test_a_no_with_a_fault_of_the_server_proves_nothing():
    """Whoever said it, it was not the engine."""
    said = errors.refuse(Refusal(RejectReason.UNKNOWN_ORDER, "no"), 0)
    assert isinstance(errors.outcome_of_error(PLACE, said), Answered)
    assert isinstance(errors.outcome_of_error(PLACE, said._replace(status=503)), Unknown)


def test_a_code_from_the_future_proves_nothing():
    """An exchange that is newer than its client may mean anything by it."""
    body = errors.refuse(Refusal(AccessReason.MALFORMED, ""), 0).body
    response = Response(400, {}, body.replace(b"MALFORMED", b"MISSHAPEN"))
    assert isinstance(errors.outcome_of_error(PLACE, response), Unknown)


@pytest.mark.parametrize(("text", "ns"), [("2", 2 * 10**9), ("-1", 0), ("soon", 0), ("9" * 99, 0)])
def test_a_wild_retry_after_is_harmless(text, ns):
    """It is at most a bounded number of seconds."""
    response = errors.refuse(Refusal(AccessReason.IP_LIMIT, ""), 0)
    found = errors.outcome_of_error(PLACE, response._replace(headers={"retry-after": text}))
    assert isinstance(found, NotSent)
    assert found.retry_after_ns == ns


def route(method: str, path: str) -> set[str]:
    endpoint = next(e for e in DIALECT.endpoints if (e.method, e.path) == (method, path))
    return {code.reason.name for code in errors.codes_of(endpoint)}


def test_each_route_knows_what_it_may_say():
    """The documentation of a route lists what can happen there and nothing else."""
    assert route("GET", "/api/v1/time") == {
        "MALFORMED",
        "BODY_TOO_LARGE",
        "IP_LIMIT",
        "IP_BANNED",
        "UNAVAILABLE",
    }
    assert "UNKNOWN_INSTRUMENT" in route("GET", "/api/v1/book")
    assert "MISSING_SCOPE" in route("GET", "/api/v1/account")
    assert "MISSING_SCOPE" not in route("GET", "/api/v1/key")
    assert {"DUPLICATE_CLIENT_ORDER_ID", "ORDER_LIMIT"} <= route("POST", "/api/v1/orders")
    assert route("DELETE", "/api/v1/orders/{order_id}") >= {"UNKNOWN_ORDER", "BAD_SIGNATURE"}
