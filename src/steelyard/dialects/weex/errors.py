"""What WEEX says when it says no, and what its codes mean to a trader.

The invariant: a refusal has the venue's code and text in `code` and `msg`, and how to mend it in
`help`. Codes are documented, their HTTP statuses are not: 401 for who one is, 403 for what one may,
404 and 405 for routes, else 400. Of limits the status is 429 and there is no `msg`: well-known
clients take one with a `msg` for an unknown error.

Many refusals of an order share a code. Which of ours it is stands in `reason`, which the venue does
not send: there it is UNSUPPORTED, with the venue's text. -1054 is the venue's word for a fault of
its own and for a lack of money; there `LACKING` is the one text that is compared. A 5xx is Unknown.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from steelyard.dialects.weex.messages import ErrorBody
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal, SessionRefused
from steelyard.wire.http import UPGRADE, Response, json_response
from steelyard.wire.limits import is_count
from steelyard.wire.outcome import Answered, Halt, NotSent, Outcome, Unknown

SHOWN_MAX = 60  # characters of a wrong value that are repeated to its sender
RETRY_AFTER = "retry-after"
SECOND_NS = 1_000_000_000
LACKING = "amount not enough"


class Words(NamedTuple):
    """How a refusal is said. A code of 0 is not said, and neither is its text."""

    status: int
    code: int
    text: str


# Codes that do not follow from a reason alone.
BAD_TIMESTAMP, BAD_CONTENT_TYPE, BAD_JSON = -1043, -1045, -1135
TIME_IN_FORCE, ORDER_TYPE, SIDE, CLIENT_ID = -1115, -1116, -1117, -1180
VALIDATION, EMPTY, WRONG, PRECISION = -1140, -1141, -1142, -1160
TOO_LONG_AGO, START_AFTER_END = -1170, -1171
TEXTS: dict[int, Words] = {
    words.code: words
    for words in (
        Words(401, BAD_TIMESTAMP, "Invalid ACCESS_TIMESTAMP."),
        Words(400, BAD_CONTENT_TYPE, "Invalid Content-Type, please use application/json."),
        Words(400, BAD_JSON, "Invalid JSON request."),
        Words(400, TIME_IN_FORCE, "Invalid timeInForce."),
        Words(400, ORDER_TYPE, "Invalid order type."),
        Words(400, SIDE, "Invalid side."),
        Words(400, VALIDATION, "Parameter validation failed."),
        Words(400, EMPTY, "Parameter cannot be empty."),
        Words(400, WRONG, "Parameter is invalid."),
        Words(400, PRECISION, "Decimal precision error."),
        Words(400, TOO_LONG_AGO, "Time range is invalid."),
        Words(400, START_AFTER_END, "startTime cannot be greater than endTime."),
        Words(
            400,
            CLIENT_ID,
            "client_oid length must not exceed 40 and must not contain special characters.",
        ),
    )
}

_A, _R = AccessReason, RejectReason
_KEY = Words(401, -1049, "API key or passphrase incorrect.")
_EXPIRED = Words(401, -1046, "Request timestamp expired.")
_PERMISSION = Words(403, -1052, "Insufficient permissions for this action.")
_FORBIDDEN = Words(403, -1190, "Access forbidden. Please contact support.")
_LIMITED = Words(429, 0, "")
_DOWN = Words(503, -1000, "An unknown error occurred.")
_PAIR = Words(403, -1058, "No permission for this trading pair.")
NO_SYMBOL = Words(400, -1121, "Invalid symbol.")
NO_ORDER = Words(400, -2200, "Order does not exist.")
NO_CONTRACT_ORDER = Words(400, -3200, "Order does not exist.")
_POOR = Words(400, -1054, f"FAILED_PRECONDITION: available {LACKING}")

# Two tables, because members of the two enums with the same number are equal.
TURNED_AWAY: dict[AccessReason, Words] = {
    _A.BODY_TOO_LARGE: Words(413, WRONG, "Parameter is invalid."),
    _A.UNKNOWN_ENDPOINT: Words(404, WRONG, "Parameter is invalid."),
    _A.METHOD_NOT_ALLOWED: Words(405, -1150, "Request method not supported"),
    _A.UPGRADE_REQUIRED: Words(426, WRONG, "Parameter is invalid."),
    _A.IP_BANNED: _FORBIDDEN,
    _A.IP_LIMIT: _LIMITED,
    _A.MAINTENANCE: _DOWN,
    _A.MISSING_KEY: Words(401, -1040, "ACCESS_KEY header is required."),
    _A.UNKNOWN_KEY: Words(401, -1044, "Invalid ACCESS_KEY."),
    _A.KEY_EXPIRED: _KEY,
    _A.KEY_ROTATED: _KEY,
    _A.IP_NOT_ALLOWED: Words(403, -1056, "Invalid IP address."),
    _A.MISSING_SIGNATURE: Words(401, -1041, "ACCESS_SIGN header is required."),
    _A.MISSING_TIMESTAMP: Words(401, -1042, "ACCESS_TIMESTAMP header is required."),
    _A.BAD_SIGNATURE: Words(401, -1047, "API authentication failed."),
    _A.BAD_PASSPHRASE: _KEY,
    _A.STALE_TIMESTAMP: _EXPIRED,
    _A.FUTURE_TIMESTAMP: _EXPIRED,
    _A.REPEATED_NONCE: _EXPIRED,
    _A.MISSING_SCOPE: _PERMISSION,
    _A.WITHDRAW_COOLING: _PERMISSION,
    _A.KEY_LIMIT: _LIMITED,
    _A.ORDER_LIMIT: _LIMITED,
    _A.MALFORMED: TEXTS[VALIDATION],
    _A.PRODUCT_NOT_ALLOWED: _PAIR,
    _A.PERSON_REQUIRED: Words(403, -1055, "User must bind phone or Google authenticator."),
    _A.DUPLICATE_CLIENT_WITHDRAWAL_ID: TEXTS[WRONG],
    _A.UNKNOWN_ADDRESS: TEXTS[WRONG],
    _A.ADDRESS_COOLING: TEXTS[WRONG],
    _A.TOO_MANY_TRANSFERS: TEXTS[WRONG],
    _A.UNAVAILABLE: _DOWN,
}
REFUSED: dict[RejectReason, Words] = {
    _R.UNSUPPORTED: TEXTS[WRONG],
    _R.UNKNOWN_ACCOUNT: Words(403, -1050, "User status is abnormal."),
    _R.UNKNOWN_INSTRUMENT: NO_SYMBOL,
    _R.MARKET_MAINTENANCE: _PAIR,
    _R.MARKET_HALTED: _PAIR,
    _R.MARKET_CANCEL_ONLY: _PAIR,
    _R.MARKET_POST_ONLY: _PAIR,
    _R.PRICE_OFF_TICK: TEXTS[PRECISION],
    _R.SIZE_OFF_LOT: TEXTS[PRECISION],
    _R.PRICE_OUT_OF_RANGE: TEXTS[VALIDATION],
    _R.SIZE_TOO_SMALL: TEXTS[VALIDATION],
    _R.SIZE_TOO_LARGE: TEXTS[VALIDATION],
    _R.NOTIONAL_TOO_SMALL: TEXTS[VALIDATION],
    _R.NOTIONAL_TOO_LARGE: TEXTS[VALIDATION],
    _R.AMOUNT_TOO_LARGE: TEXTS[VALIDATION],
    _R.DISPLAY_OUT_OF_RANGE: TEXTS[WRONG],
    _R.TRAIL_OUT_OF_RANGE: TEXTS[WRONG],
    _R.EXPIRY_NOT_AHEAD: TEXTS[TIME_IN_FORCE],
    _R.PRICE_OUTSIDE_BAND: TEXTS[VALIDATION],
    _R.DUPLICATE_CLIENT_ORDER_ID: TEXTS[WRONG],
    _R.UNKNOWN_ORDER: NO_ORDER,
    _R.SIZE_BELOW_FILLED: TEXTS[WRONG],
    _R.UNKNOWN_TRANSFER: TEXTS[WRONG],
    _R.TOO_MANY_ORDERS: TEXTS[VALIDATION],
    _R.TOO_MANY_TRIGGERS: TEXTS[VALIDATION],
    _R.WOULD_TRIGGER: TEXTS[WRONG],
    _R.POST_ONLY_WOULD_TAKE: TEXTS[TIME_IN_FORCE],
    _R.INSUFFICIENT_BALANCE: _POOR,
    _R.GROUP_REFUSED: TEXTS[WRONG],
}


# -- server half --------------------------------------------------------------------------------


def shown(text: str) -> str:
    """Return what came in, cut to a length and without surprises, to be repeated to its sender."""
    cut = text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."
    return ascii(cut)


def invalid(field: str, how: str, code: int = VALIDATION) -> DecodeError:
    """Return the refusal of a parameter."""
    return DecodeError(f"{field}: {how}", field, code)


def refused(
    words: Words, reason: RejectReason, how: str, field: str | None = None
) -> SessionRefused:
    """Return a no of the dialect's own, for a reason."""
    return SessionRefused(Refusal(reason, how, field, code=words.code))


_BY_CODE = TEXTS | {words.code: words for words in (NO_SYMBOL, NO_ORDER, NO_CONTRACT_ORDER)}


def words_of(refusal: Refusal) -> Words:
    """Return how a refusal is said."""
    if isinstance(refusal.code, int) and refusal.code in _BY_CODE:
        return _BY_CODE[refusal.code]
    if isinstance(refusal.reason, AccessReason):
        return TURNED_AWAY[refusal.reason]
    return REFUSED[refusal.reason]


def body_of(refusal: Refusal) -> ErrorBody:
    """Return what a refusal says."""
    words, is_order = words_of(refusal), isinstance(refusal.reason, RejectReason)
    return ErrorBody(
        code=words.code or UNSET,
        msg=words.text or UNSET,
        help=refusal.message,
        reason=refusal.reason.name if is_order else UNSET,
    )


def response(refusal: Refusal, _now_ns: int) -> Response:
    """Return the response to a refused request."""
    headers = {}
    if refusal.retry_after_ns:
        headers[RETRY_AFTER] = str(-(-refusal.retry_after_ns // SECOND_NS))
    if refusal.reason is AccessReason.METHOD_NOT_ALLOWED and refusal.field:
        headers["allow"] = refusal.field
    if refusal.reason is AccessReason.UPGRADE_REQUIRED:
        headers |= UPGRADE
    body = msgspec.json.encode(body_of(refusal))
    return json_response(words_of(refusal).status, body, headers)


# -- client half --------------------------------------------------------------------------------

# Of these the venue has not looked at the order: key, signature, passphrase, address, permission.
DENIED = frozenset(
    {-1040, -1041, -1042, -1043, -1044, -1047, -1049, -1050, -1051, -1052, -1053}
) | {*(-1055, -1056, -1057, -1190, -3236)}
LATE = -1046
# The venue's own words for "I do not know".
MAYBE = frozenset({-1000, -1054})
CODES: Mapping[int, RejectReason] = {
    -1058: _R.MARKET_HALTED,
    -1121: _R.UNKNOWN_INSTRUMENT,
    -2007: _R.UNKNOWN_INSTRUMENT,
    -2200: _R.UNKNOWN_ORDER,
    -3235: _R.MARKET_HALTED,
    -3200: _R.UNKNOWN_ORDER,
    -3007: _R.SIZE_TOO_LARGE,
}
_REASONS = {reason.name: reason for reason in RejectReason}


def reason_of(error: ErrorBody) -> RejectReason:
    """Return our word for a refusal; UNSUPPORTED where there is none."""
    if error.reason is not UNSET and error.reason in _REASONS:
        return _REASONS[error.reason]
    if LACKING in (error.msg or ""):
        return RejectReason.INSUFFICIENT_BALANCE
    return CODES.get(code_of(error), RejectReason.UNSUPPORTED)


def code_of(error: ErrorBody) -> int:
    """Return the code of a refusal, which is a text in some; 0 where there is none."""
    text = str(error.code) if error.code is not UNSET else ""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 6 else 0  # noqa: PLR2004


def refused_outcome(response: Response) -> Outcome:
    """Return what a response that is no success means."""
    try:
        error = msgspec.json.decode(response.body, type=ErrorBody)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        error = ErrorBody(msg=response.body[:SHOWN_MAX].decode(errors="replace"))
    code, text = code_of(error), error.msg or ""
    why = f"{response.status} {code} {text}"
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        return NotSent(why, _wait_ns(response), halt=Halt.LIMITED)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or not code:
        return Unknown(why, is_closed=response.status == HTTPStatus.SERVICE_UNAVAILABLE)
    reason = reason_of(error)
    if code in MAYBE and reason is RejectReason.UNSUPPORTED:
        return Unknown(why)
    if code == LATE:
        return NotSent(why, blames_clock=True)
    if code in DENIED:
        return NotSent(why, is_denied=True)
    return Answered(Refused(reason, f"{code} {text}: {error.help}" if error.help else why))


def _wait_ns(response: Response) -> int:
    text = response.headers.get(RETRY_AFTER, "")
    return int(text) * SECOND_NS if is_count(text) else 0
