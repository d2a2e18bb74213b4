"""What Advanced Trade says when it says no, and what that means to a trader.

The invariant: what an order is refused for is said with HTTP 200 and `success` false, and has its
reason in `preview_failure_reason`, which is all that clients look at. Signatures and limits have
the older form (`errors`), everything else `error`, its details and a message that says how to mend
it.

A command's outcome follows from status and code: a 5xx is Unknown.
"""

from http import HTTPStatus
from typing import NamedTuple

import msgspec
from msgspec import Struct

from steelyard.dialects.coinbase_advanced.messages import ErrorBody, OldError, OldErrors
from steelyard.dialects.coinbase_advanced.order_messages import Failure
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import SECOND_NS, Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal, SessionRefused
from steelyard.wire.http import UPGRADE, Response, json_response
from steelyard.wire.limits import is_count
from steelyard.wire.outcome import Answered, Halt, NotSent, Outcome, Unknown

SHOWN_MAX = 200  # characters of an answer that is none of the venue's


class Words(NamedTuple):
    """How a refusal is said."""

    status: int
    code: str
    text: str
    is_old: bool = False


class Reason(NamedTuple):
    """How an order's refusal is said: twice, and not always by the same name."""

    error: str
    preview: str


_A, _R = AccessReason, RejectReason
UNKNOWN, UNKNOWN_PREVIEW = "UNKNOWN_FAILURE_REASON", "UNKNOWN_PREVIEW_FAILURE_REASON"
SCOPES = "Missing required scopes"  # one client looks for these very words
NO_ORDER = Words(404, "NOT_FOUND", "order with this orderID was not found")
NO_PRODUCT = Words(404, "NOT_FOUND", "valid product_id is required")
NOT_FOUND = Words(404, "NOT_FOUND", "not found")
BAD = Words(400, "INVALID_ARGUMENT", "invalid argument")
_DENIED = Words(401, "authentication_error", "Unauthorized", is_old=True)
_LATE = Words(401, "authentication_error", "request timestamp expired", is_old=True)
_SCOPE = Words(403, "PERMISSION_DENIED", SCOPES)
_FORBIDDEN = Words(403, "PERMISSION_DENIED", "Forbidden")
_OVER = Words(429, "rate_limit_exceeded", "Too many requests", is_old=True)

# Two tables, because members of the two enums with the same number are equal.
TURNED_AWAY: dict[AccessReason, Words] = {
    _A.BODY_TOO_LARGE: Words(413, "INVALID_ARGUMENT", "request body too large"),
    _A.UNKNOWN_ENDPOINT: NOT_FOUND,
    _A.METHOD_NOT_ALLOWED: Words(405, "UNIMPLEMENTED", "method not allowed"),
    _A.UPGRADE_REQUIRED: Words(426, "INVALID_ARGUMENT", "upgrade required"),
    _A.IP_BANNED: _OVER,
    _A.IP_LIMIT: _OVER,
    _A.MAINTENANCE: Words(503, "UNAVAILABLE", "Coinbase Advanced is under maintenance"),
    _A.MISSING_KEY: _DENIED,
    _A.UNKNOWN_KEY: _DENIED,
    _A.KEY_EXPIRED: _DENIED,
    _A.KEY_ROTATED: _DENIED,
    _A.IP_NOT_ALLOWED: _DENIED,
    _A.MISSING_SIGNATURE: _DENIED,
    _A.MISSING_TIMESTAMP: _DENIED,
    _A.BAD_SIGNATURE: _DENIED,
    _A.BAD_PASSPHRASE: _DENIED,
    _A.STALE_TIMESTAMP: _LATE,
    _A.FUTURE_TIMESTAMP: _LATE,
    _A.REPEATED_NONCE: _DENIED,
    _A.MISSING_SCOPE: _SCOPE,
    _A.WITHDRAW_COOLING: _FORBIDDEN,
    _A.KEY_LIMIT: _OVER,
    _A.ORDER_LIMIT: _OVER,
    _A.MALFORMED: BAD,
    _A.PRODUCT_NOT_ALLOWED: _FORBIDDEN,
    _A.PERSON_REQUIRED: _FORBIDDEN,
    _A.DUPLICATE_CLIENT_WITHDRAWAL_ID: Words(400, "INVALID_ARGUMENT", "duplicate idem"),
    _A.UNKNOWN_ADDRESS: Words(400, "INVALID_ARGUMENT", "address not in address book"),
    _A.ADDRESS_COOLING: Words(400, "INVALID_ARGUMENT", "address not yet usable"),
    _A.TOO_MANY_TRANSFERS: Words(400, "INVALID_ARGUMENT", "too many transfers"),
    _A.UNAVAILABLE: Words(503, "UNAVAILABLE", "service unavailable"),
}
_UNOFFERED = Reason("UNSUPPORTED_ORDER_CONFIGURATION", "UNSUPPORTED_ORDER_CONFIGURATION")
_DISABLED = Reason("TRADING_DISABLED", UNKNOWN_PREVIEW)
_COMMANDER = Reason("COMMANDER_REJECTED_NEW_ORDER", UNKNOWN_PREVIEW)
_TOO_LARGE = Reason(UNKNOWN, "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE")
ABOVE = Reason(UNKNOWN, "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE")
BELOW = Reason(UNKNOWN, "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE")
REFUSED: dict[RejectReason, Reason] = {
    _R.UNSUPPORTED: _UNOFFERED,
    _R.UNKNOWN_ACCOUNT: Reason("INVALID_REQUEST", UNKNOWN_PREVIEW),
    _R.UNKNOWN_INSTRUMENT: Reason("INVALID_PRODUCT_ID", "PREVIEW_INVALID_PRODUCT_ID"),
    _R.MARKET_MAINTENANCE: Reason("TRADING_DISABLED", "PREVIEW_TRADING_DISABLED"),
    _R.MARKET_HALTED: _DISABLED,
    _R.MARKET_CANCEL_ONLY: Reason("ORDER_ENTRY_DISABLED", UNKNOWN_PREVIEW),
    _R.MARKET_POST_ONLY: Reason("ORDER_ENTRY_DISABLED", "PREVIEW_POST_ONLY_MODE"),
    _R.PRICE_OFF_TICK: Reason("INVALID_PRICE_PRECISION", "PREVIEW_INVALID_PRICE_PRECISION"),
    _R.SIZE_OFF_LOT: Reason("INVALID_SIZE_PRECISION", "PREVIEW_INVALID_SIZE_PRECISION"),
    _R.PRICE_OUT_OF_RANGE: Reason("INVALID_LIMIT_PRICE", "PREVIEW_INVALID_LIMIT_PRICE"),
    _R.SIZE_TOO_SMALL: Reason(UNKNOWN, "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
    _R.SIZE_TOO_LARGE: Reason(UNKNOWN, "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE"),
    _R.NOTIONAL_TOO_SMALL: Reason(UNKNOWN, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
    _R.NOTIONAL_TOO_LARGE: _TOO_LARGE,
    _R.AMOUNT_TOO_LARGE: _TOO_LARGE,
    _R.DISPLAY_OUT_OF_RANGE: _UNOFFERED,
    _R.TRAIL_OUT_OF_RANGE: _UNOFFERED,
    _R.EXPIRY_NOT_AHEAD: Reason("END_TIME_IS_IN_THE_PAST", "PREVIEW_END_TIME_IS_IN_THE_PAST"),
    _R.PRICE_OUTSIDE_BAND: Reason(
        "LIMIT_PRICE_TOO_FAR_FROM_MARKET", "PREVIEW_LIMIT_PRICE_TOO_FAR_FROM_MARKET"
    ),
    _R.DUPLICATE_CLIENT_ORDER_ID: Reason("DUPLICATE_CLIENT_ORDER_ID", UNKNOWN_PREVIEW),
    _R.UNKNOWN_ORDER: Reason("ORDER_NOT_FOUND", UNKNOWN_PREVIEW),
    _R.SIZE_BELOW_FILLED: Reason("CANNOT_EDIT_TO_BELOW_FILLED_SIZE", UNKNOWN_PREVIEW),
    _R.UNKNOWN_TRANSFER: Reason("INVALID_REQUEST", UNKNOWN_PREVIEW),
    _R.TOO_MANY_ORDERS: _COMMANDER,
    _R.TOO_MANY_TRIGGERS: _COMMANDER,
    _R.WOULD_TRIGGER: ABOVE,
    _R.POST_ONLY_WOULD_TAKE: Reason(
        "INVALID_LIMIT_PRICE_POST_ONLY", "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"
    ),
    _R.INSUFFICIENT_BALANCE: Reason("INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
    _R.GROUP_REFUSED: _COMMANDER,
}


# -- server half --------------------------------------------------------------------------------


def refused(words: Words, how: str, reason: RejectReason, field: str | None = None) -> Exception:
    """Return a refusal in words of its own, and how to mend it."""
    return SessionRefused(Refusal(reason, how, field, details=words))


def told(body: Struct, how: str, reason: RejectReason) -> Exception:
    """Return a refusal that the venue says with HTTP 200 and a whole body."""
    return SessionRefused(Refusal(reason, how, details=body))


def failure(said: Refused, *, is_below: bool = False) -> Failure:
    """Return why an order is refused; is_below tells which way a stop is past its price."""
    reason = REFUSED[said.reason]
    if said.reason is RejectReason.WOULD_TRIGGER and is_below:
        reason = BELOW
    return Failure(
        error=reason.error,
        message=said.message,
        error_details=said.field or "",
        preview_failure_reason=reason.preview,
        new_order_failure_reason=reason.error,
    )


def words_of(refusal: Refusal) -> Words:
    """Return how a refusal is said where it is not an order's."""
    if isinstance(refusal.details, Words):
        return refusal.details
    if isinstance(refusal.reason, AccessReason):
        return TURNED_AWAY[refusal.reason]
    reason = REFUSED[refusal.reason]
    return BAD._replace(code=BAD.code if reason.error == UNKNOWN else reason.error)


def body_of(refusal: Refusal) -> Struct:
    """Return the body of a refusal."""
    if isinstance(refusal.details, Struct):
        return refusal.details
    words = words_of(refusal)
    said = f"{words.text}: {refusal.message}"
    if words.is_old:
        return OldErrors((OldError(words.code, said),))
    return ErrorBody(words.code, words.text, said)


def response(refusal: Refusal, _now_ns: int) -> Response:
    """Return the response to a refused request."""
    status = HTTPStatus.OK if isinstance(refusal.details, Struct) else words_of(refusal).status
    headers = {}
    if refusal.retry_after_ns:
        headers["retry-after"] = str(-(-refusal.retry_after_ns // SECOND_NS))
    if refusal.reason is AccessReason.METHOD_NOT_ALLOWED and refusal.field:
        headers["allow"] = refusal.field
    if refusal.reason is AccessReason.UPGRADE_REQUIRED:
        headers |= UPGRADE
    return json_response(status, msgspec.json.encode(body_of(refusal)), headers)


# -- client half --------------------------------------------------------------------------------

_AMBIGUOUS = {UNKNOWN, UNKNOWN_PREVIEW, "INVALID_REQUEST", "COMMANDER_REJECTED_NEW_ORDER"}
BY_NAME: dict[str, RejectReason] = {
    **{
        name: reason
        for reason, names in reversed(REFUSED.items())
        for name in names
        if name not in _AMBIGUOUS
    },
    BELOW.preview: _R.WOULD_TRIGGER,
    "TRADING_DISABLED": _R.MARKET_HALTED,
    "COMMANDER_REJECTED_NEW_ORDER": _R.TOO_MANY_ORDERS,
    "PREVIEW_INVALID_QUOTE_SIZE_PRECISION": _R.SIZE_OFF_LOT,
    "ORDER_ENTRY_DISABLED": _R.MARKET_CANCEL_ONLY,
    "UNKNOWN_CANCEL_ORDER": _R.UNKNOWN_ORDER,
    "ORDER_IS_FULLY_FILLED": _R.UNKNOWN_ORDER,
    "ONLY_OPEN_ORDERS_CAN_BE_EDITED": _R.UNKNOWN_ORDER,
    "INVALID_EDITED_PRICE": _R.PRICE_OUT_OF_RANGE,
    "INVALID_EDITED_SIZE": _R.SIZE_TOO_SMALL,
}
DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def reason_of(*names: str) -> RejectReason:
    """Return our word for the first name that says something; UNSUPPORTED where none does."""
    return next((BY_NAME[name] for name in names if name in BY_NAME), RejectReason.UNSUPPORTED)


def refusal_of(failed: Failure) -> Refused:
    """Return why an order was not taken up."""
    names = (failed.preview_failure_reason, failed.error, failed.new_order_failure_reason)
    code = next((name for name in names if "UNKNOWN" not in name), failed.error)
    return Refused(reason_of(*names), f"{code}: {failed.message or failed.error_details}")


class _Any(Struct):
    error: str = ""
    error_details: str = ""
    message: str = ""
    errors: tuple[OldError, ...] = ()


def refused_outcome(response: Response) -> Outcome:
    """Return what a response that is no success means."""
    status = response.status
    try:
        said = msgspec.json.decode(response.body, type=_Any)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        said = _Any(message=response.body[:SHOWN_MAX].decode(errors="replace"))
    old = said.errors[0] if said.errors else OldError("", "")
    text = old.message or said.message or said.error_details
    why = f"{status} {said.error or old.id} {text}".strip()
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return NotSent(why, _retry_after_ns(response), halt=Halt.LIMITED)
    if status in DENIED:
        is_late = text.startswith(_LATE.text)
        return NotSent(why, 0, not is_late, blames_clock=is_late)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or not (said.error or old.id):
        return Unknown(why)
    details = said.error_details or said.message
    if details == NO_ORDER.text:
        return Answered(Refused(RejectReason.UNKNOWN_ORDER, why))
    if details == NO_PRODUCT.text:
        return Answered(Refused(RejectReason.UNKNOWN_INSTRUMENT, why))
    return Answered(Refused(reason_of(said.error), why))


def _retry_after_ns(response: Response) -> int:
    headers = response.headers
    for name in ("retry-after", "x-ratelimit-reset"):
        if is_count(text := headers.get(name, "")):
            return int(text) * SECOND_NS
    return 0


def unreadable(what: str, text: str) -> DecodeError:
    """Return the error of a word that the venue does not have."""
    return DecodeError(f"{what} {text} is none that we know", what)
