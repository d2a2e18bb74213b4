import msgspec
import pytest

from steelyard.dialects.binance import DIALECT, LIMITS, errors
from steelyard.dialects.binance.messages import ErrorBody
from steelyard.domain.messages import Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, NotSent, Unknown

NOW_NS = 1_700_000_000_000_000_000
A, R = AccessReason, RejectReason

# The venue's status, code and words, as clients rely on them.
SAID = [
    (A.BAD_SIGNATURE, 400, -1022, "Signature for this request is not valid."),
    (
        A.MISSING_SIGNATURE,
        400,
        -1102,
        "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.",
    ),
    (A.MISSING_KEY, 401, -2014, "API-key format invalid."),
    (A.UNKNOWN_KEY, 401, -2008, "Invalid Api-Key ID."),
    (A.IP_NOT_ALLOWED, 401, -2015, "Invalid API-key, IP, or permissions for action."),
    (A.MISSING_SCOPE, 401, -2015, "Invalid API-key, IP, or permissions for action."),
    (A.KEY_EXPIRED, 401, -2015, "Invalid API-key, IP, or permissions for action."),
    (A.KEY_ROTATED, 401, -2015, "Invalid API-key, IP, or permissions for action."),
    (A.WITHDRAW_COOLING, 401, -2015, "Invalid API-key, IP, or permissions for action."),
    (A.PRODUCT_NOT_ALLOWED, 401, -2015, "Invalid API-key, IP, or permissions for action."),
    (A.STALE_TIMESTAMP, 400, -1021, "Timestamp for this request is outside of the recvWindow."),
    (
        A.FUTURE_TIMESTAMP,
        400,
        -1021,
        "Timestamp for this request was 1000ms ahead of the server's time.",
    ),
    (A.UNKNOWN_ENDPOINT, 404, -1020, "This operation is not supported."),
    (A.UPGRADE_REQUIRED, 426, -1020, "This operation is not supported."),
    (A.UNAVAILABLE, 503, -1008, "Server is currently overloaded with other requests."),
    (R.UNKNOWN_INSTRUMENT, 400, -1121, "Invalid symbol."),
    (R.PRICE_OFF_TICK, 400, -1013, "Filter failure: PRICE_FILTER"),
    (R.SIZE_OFF_LOT, 400, -1013, "Filter failure: LOT_SIZE"),
    (R.NOTIONAL_TOO_SMALL, 400, -1013, "Filter failure: NOTIONAL"),
]
VERBATIM = [
    (R.INSUFFICIENT_BALANCE, 400, -2010, "Account has insufficient balance for requested action."),
    (R.POST_ONLY_WOULD_TAKE, 400, -2010, "Order would immediately match and take."),
    (R.DUPLICATE_CLIENT_ORDER_ID, 400, -2010, "Duplicate order sent."),
    (R.UNKNOWN_ORDER, 400, -2013, "Order does not exist."),
    (R.WOULD_TRIGGER, 400, -2010, "Order would trigger immediately."),
    (R.MARKET_HALTED, 400, -2010, "Market is closed."),
    (A.MAINTENANCE, 503, -1016, "System is under maintenance."),
]


def said(refusal: Refusal) -> tuple[Response, ErrorBody]:
    response = DIALECT.refuse(refusal, NOW_NS)
    return response, msgspec.json.decode(response.body, type=ErrorBody)


@pytest.mark.parametrize(("reason", "status", "code", "text"), SAID)
def test_a_refusal_has_the_venues_words_and_ours(reason, status, code, text):
    """Status, code, text; then in brackets how to mend it."""
    response, body = said(Refusal(reason, "do this"))
    assert (response.status, body.code) == (status, code)
    assert body.msg.startswith(text)
    assert body.msg.endswith("(do this)")


@pytest.mark.parametrize(("reason", "status", "code", "text"), VERBATIM)
def test_texts_that_clients_compare_stay_as_they_are(reason, status, code, text):
    """Ccxt and hummingbot tell these apart by the whole text; ours stands beside it."""
    response, body = said(Refusal(reason, "do this"))
    assert (response.status, body.code, body.msg, body.help) == (status, code, text, "do this")


def test_a_reason_of_the_gate_and_one_of_the_engine_have_words_of_their_own():
    """Members of two IntEnums with one number would be equal, so they share no number."""
    assert not {int(reason) for reason in A} & {int(reason) for reason in R}
    assert said(Refusal(A.BAD_SIGNATURE, ""))[1].code == -1022
    assert said(Refusal(R.DUPLICATE_CLIENT_ORDER_ID, ""))[1].code == -2010


def test_limits_say_which_and_how_long():
    refusal = Refusal(
        A.IP_LIMIT, "wait", "request weight per 1 MINUTE", retry_after_ns=1_500_000_000
    )
    response, body = said(refusal)
    assert (response.status, body.code) == (429, -1003)
    assert "current limit is 6000 request weight per 1 MINUTE." in body.msg
    assert response.headers["retry-after"] == "2"
    response, body = said(Refusal(A.ORDER_LIMIT, "wait", "orders per 10 SECOND", retry_after_ns=1))
    assert (response.status, body.code) == (429, -1015)
    assert "Too many new orders; current limit is 100 orders per 10 SECOND." in body.msg


def test_a_ban_says_until_when():
    response, body = said(Refusal(A.IP_BANNED, "stop", retry_after_ns=60_000_000_000))
    assert (response.status, body.code) == (418, -1003)
    assert "IP banned until 1700000060000." in body.msg


def test_a_wrong_method_is_told_the_right_ones():
    assert said(Refusal(A.METHOD_NOT_ALLOWED, "", "GET, POST"))[0].headers["allow"] == "GET, POST"


# (status, body, what it means to a trader)
OUTCOMES = [
    (
        400,
        '{"code":-2010,"msg":"Account has insufficient balance for requested action."}',
        R.INSUFFICIENT_BALANCE,
    ),
    (400, '{"code":-2010,"msg":"Order would immediately match and take."}', R.POST_ONLY_WOULD_TAKE),
    (400, '{"code":-2010,"msg":"Duplicate order sent."}', R.DUPLICATE_CLIENT_ORDER_ID),
    (400, '{"code":-2010,"msg":"Market is closed."}', R.MARKET_HALTED),
    (400, '{"code":-1013,"msg":"Filter failure: NOTIONAL"}', R.NOTIONAL_TOO_SMALL),
    (400, '{"code":-1013,"msg":"Filter failure: MIN_NOTIONAL"}', R.NOTIONAL_TOO_SMALL),
    (400, '{"code":-1013,"msg":"Filter failure: PRICE_FILTER"}', R.PRICE_OFF_TICK),
    (400, '{"code":-2011,"msg":"Unknown order sent."}', R.UNKNOWN_ORDER),
    (400, '{"code":-2013,"msg":"Order does not exist."}', R.UNKNOWN_ORDER),
    (400, '{"code":-2038,"msg":"Unknown order sent."}', R.UNKNOWN_ORDER),
    (
        400,
        '{"code":-2038,"msg":"Order amend (quantity increase) is not supported."}',
        R.SIZE_BELOW_FILLED,
    ),
    (400, '{"code":-1121,"msg":"Invalid symbol."}', R.UNKNOWN_INSTRUMENT),
    (400, '{"code":-9999,"msg":"Something new."}', R.UNSUPPORTED),
    (
        400,
        '{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}',
        NotSent,
    ),
    (401, '{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}', NotSent),
    (429, '{"code":-1003,"msg":"Too much request weight used."}', NotSent),
    (418, '{"code":-1003,"msg":"Way too much request weight used."}', NotSent),
    (429, "", NotSent),
    (403, "<html>WAF</html>", NotSent),
    (400, '{"code":-1006,"msg":"An unexpected response was received."}', Unknown),
    (504, '{"code":-1007,"msg":"Timeout waiting for response from backend server."}', Unknown),
    (503, '{"code":-1008,"msg":"Server is currently overloaded."}', Unknown),
    (500, "", Unknown),
    (502, "<html>Bad Gateway</html>", Unknown),
    (302, "", Unknown),
    (404, "<html>not Binance</html>", Unknown),
    (400, '{"code":"x"}', Unknown),
]


@pytest.mark.parametrize(("status", "body", "meaning"), OUTCOMES)
def test_every_refusal_is_an_outcome(status, body, meaning):
    """A 5xx is unknown, never a failure; what was not taken up may be sent again."""
    outcome = errors.refused_outcome(Response(status, {}, body.encode()))
    if isinstance(meaning, RejectReason):
        assert isinstance(outcome, Answered)
        assert isinstance(outcome.answer, Refused)
        assert outcome.answer.reason is meaning
    else:
        assert isinstance(outcome, meaning)
        assert str(status) in outcome.why


def test_a_limit_tells_how_long_to_wait():
    outcome = errors.refused_outcome(Response(429, {"retry-after": "7"}, b"{}"))
    assert outcome.retry_after_ns == 7_000_000_000
    outcome = errors.refused_outcome(Response(429, {"retry-after": "soon"}, b"{}"))
    assert outcome.retry_after_ns == 0


# What comes back as another reason, because the venue has one word for several.
FOLDED = {
    R.PRICE_OUT_OF_RANGE: R.PRICE_OFF_TICK,
    R.SIZE_TOO_SMALL: R.SIZE_OFF_LOT,
    R.SIZE_TOO_LARGE: R.SIZE_OFF_LOT,
    R.AMOUNT_TOO_LARGE: R.NOTIONAL_TOO_SMALL,
    R.NOTIONAL_TOO_LARGE: R.NOTIONAL_TOO_SMALL,
    R.MARKET_MAINTENANCE: R.MARKET_HALTED,
    R.MARKET_CANCEL_ONLY: R.MARKET_HALTED,
    R.MARKET_POST_ONLY: R.MARKET_HALTED,
    # What the venue cannot mean: it has neither GTD nor transfers over this API.
    R.EXPIRY_NOT_AHEAD: R.UNSUPPORTED,
    R.UNKNOWN_TRANSFER: R.UNSUPPORTED,
    R.GROUP_REFUSED: R.UNSUPPORTED,
}


@pytest.mark.parametrize("reason", [r for r in R if r is not R.UNKNOWN_ACCOUNT])
def test_a_reject_reason_comes_back_as_itself_or_its_venue_sibling(reason):
    """What our server half says, our client half understands."""
    response = DIALECT.refuse(Refusal(reason, "mend it"), NOW_NS)
    outcome = errors.refused_outcome(response)
    assert isinstance(outcome, Answered)
    assert outcome.answer.reason is FOLDED.get(reason, reason)


def test_every_reason_has_words():
    assert set(errors.TURNED_AWAY) == set(AccessReason)
    assert set(errors.REFUSED) == set(RejectReason)
    for limit in LIMITS.limits:
        assert " per " in limit.name


def test_what_came_in_is_repeated_short_and_harmless():
    assert errors.shown("<b>\x00" + "x" * 100) == "'<b>\\x00" + "x" * 56 + "...'"
