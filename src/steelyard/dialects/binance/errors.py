"""What Binance says when it says no, and what its codes mean to a trader.

The invariant: every refusal has the documented code, status and text. Texts that clients compare
stay as they are, and how to mend it stands beside them in `help`; other texts are followed by it.
What a code means to a trader is in `codes`.
"""

from http import HTTPStatus
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from steelyard.dialects.binance import codes
from steelyard.dialects.binance.codes import (
    AMEND_REJECTED,
    CANCEL_REJECTED,
    INVALID_MESSAGE,
    ORDER_REJECTED,
    Standing,
)
from steelyard.dialects.binance.messages import (
    ErrorBody,
)
from steelyard.dialects.binance.text import MS_NS
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import SECOND_NS, Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal
from steelyard.wire.http import UPGRADE, Response, json_response
from steelyard.wire.limits import LimitProfile
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown

SHOWN_MAX = 60  # characters of a wrong value that are repeated to its sender

NO_SUCH_ORDER = -2013
REPLACE_PARTLY_FAILED = -2021
REPLACE_FAILED = -2022


class Words(NamedTuple):
    """How a refusal is said; verbatim texts are compared by clients."""

    status: int
    code: int
    text: str
    verbatim: bool = False


_A, _R = AccessReason, RejectReason
# The venue has one word for whatever is wrong with a key that it knows.
_NOT_PERMITTED = Words(401, -2015, "Invalid API-key, IP, or permissions for action.")
_LIMITED = Words(400, -4015, "Withdraw is limited.")
_CLOSED = Words(400, ORDER_REJECTED, "Market is closed.", verbatim=True)

# Two tables, because members of the two enums with the same number are equal.
TURNED_AWAY: dict[AccessReason, Words] = {
    _A.BODY_TOO_LARGE: Words(413, -1101, "Too many parameters sent for this endpoint."),
    _A.UNKNOWN_ENDPOINT: Words(404, -1020, "This operation is not supported."),
    _A.METHOD_NOT_ALLOWED: Words(405, -1020, "This operation is not supported."),
    _A.UPGRADE_REQUIRED: Words(426, -1020, "This operation is not supported."),
    _A.IP_BANNED: Words(
        418,
        -1003,
        "Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
    ),
    _A.IP_LIMIT: Words(
        429,
        -1003,
        "Too much request weight used; current limit is {limit}. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
    ),
    _A.MISSING_KEY: Words(401, -2014, "API-key format invalid."),
    _A.UNKNOWN_KEY: Words(401, -2008, "Invalid Api-Key ID."),
    _A.KEY_EXPIRED: _NOT_PERMITTED,
    _A.KEY_ROTATED: _NOT_PERMITTED,
    _A.IP_NOT_ALLOWED: _NOT_PERMITTED,
    _A.MISSING_SIGNATURE: Words(
        400,
        -1102,
        "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.",
    ),
    _A.BAD_SIGNATURE: Words(400, -1022, "Signature for this request is not valid."),
    _A.MISSING_TIMESTAMP: Words(
        400,
        -1102,
        "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.",
    ),
    _A.STALE_TIMESTAMP: Words(
        400, -1021, "Timestamp for this request is outside of the recvWindow."
    ),
    _A.FUTURE_TIMESTAMP: Words(
        400, -1021, "Timestamp for this request was 1000ms ahead of the server's time."
    ),
    _A.BAD_PASSPHRASE: Words(400, -1022, "Signature for this request is not valid."),
    _A.REPEATED_NONCE: Words(400, -1022, "Signature for this request is not valid."),
    _A.MISSING_SCOPE: _NOT_PERMITTED,
    _A.WITHDRAW_COOLING: _NOT_PERMITTED,
    _A.PRODUCT_NOT_ALLOWED: _NOT_PERMITTED,
    _A.PERSON_REQUIRED: _LIMITED,
    _A.DUPLICATE_CLIENT_WITHDRAWAL_ID: Words(
        400, -1130, "Data sent for parameter 'withdrawOrderId' is not valid."
    ),
    _A.UNKNOWN_ADDRESS: Words(
        400, -4035, "This address is not on the whitelist. Please join and try again."
    ),
    _A.ADDRESS_COOLING: Words(400, -4036, "The new address needs to be withdrawn in 24 hours."),
    _A.TOO_MANY_TRANSFERS: _LIMITED,
    _A.KEY_LIMIT: Words(429, -1003, "Too many requests queued."),
    _A.ORDER_LIMIT: Words(429, -1015, "Too many new orders; current limit is {limit}."),
    _A.MALFORMED: Words(400, -1130, "Invalid data sent for a parameter."),
    # ccxt knows maintenance by this text; the venue documents none.
    _A.MAINTENANCE: Words(503, -1016, "System is under maintenance.", verbatim=True),
    _A.UNAVAILABLE: Words(
        503,
        -1008,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
    ),
}
REFUSED: dict[RejectReason, Words] = {
    _R.UNSUPPORTED: Words(400, -1020, "This operation is not supported."),
    _R.UNKNOWN_ACCOUNT: _NOT_PERMITTED,
    _R.UNKNOWN_INSTRUMENT: Words(400, -1121, "Invalid symbol."),
    # The venue has one word for every state in which a symbol does not trade.
    _R.MARKET_MAINTENANCE: _CLOSED,
    _R.MARKET_HALTED: _CLOSED,
    _R.MARKET_CANCEL_ONLY: _CLOSED,
    _R.MARKET_POST_ONLY: _CLOSED,
    _R.PRICE_OFF_TICK: Words(400, INVALID_MESSAGE, "Filter failure: PRICE_FILTER"),
    _R.PRICE_OUT_OF_RANGE: Words(400, INVALID_MESSAGE, "Filter failure: PRICE_FILTER"),
    _R.SIZE_OFF_LOT: Words(400, INVALID_MESSAGE, "Filter failure: LOT_SIZE"),
    _R.SIZE_TOO_SMALL: Words(400, INVALID_MESSAGE, "Filter failure: LOT_SIZE"),
    _R.SIZE_TOO_LARGE: Words(400, INVALID_MESSAGE, "Filter failure: LOT_SIZE"),
    _R.NOTIONAL_TOO_SMALL: Words(400, INVALID_MESSAGE, "Filter failure: NOTIONAL"),
    _R.NOTIONAL_TOO_LARGE: Words(400, INVALID_MESSAGE, "Filter failure: NOTIONAL"),
    _R.AMOUNT_TOO_LARGE: Words(400, INVALID_MESSAGE, "Filter failure: NOTIONAL"),
    _R.DISPLAY_OUT_OF_RANGE: Words(400, INVALID_MESSAGE, "Filter failure: ICEBERG_PARTS"),
    _R.TRAIL_OUT_OF_RANGE: Words(400, INVALID_MESSAGE, "Filter failure: TRAILING_DELTA"),
    # Spot has no GTD.
    _R.EXPIRY_NOT_AHEAD: Words(400, -1115, "Invalid timeInForce."),
    _R.PRICE_OUTSIDE_BAND: Words(400, INVALID_MESSAGE, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    _R.DUPLICATE_CLIENT_ORDER_ID: Words(
        400, ORDER_REJECTED, "Duplicate order sent.", verbatim=True
    ),
    _R.UNKNOWN_ORDER: Words(400, NO_SUCH_ORDER, "Order does not exist.", verbatim=True),
    _R.SIZE_BELOW_FILLED: Words(400, -2038, "Quantity is not above what has been executed."),
    # Transfers are the wallet's, not this API's.
    _R.UNKNOWN_TRANSFER: Words(400, -1130, "Invalid data sent for a parameter."),
    _R.TOO_MANY_ORDERS: Words(400, INVALID_MESSAGE, "Filter failure: MAX_NUM_ORDERS"),
    _R.TOO_MANY_TRIGGERS: Words(400, INVALID_MESSAGE, "Filter failure: MAX_NUM_ALGO_ORDERS"),
    _R.WOULD_TRIGGER: Words(400, ORDER_REJECTED, "Order would trigger immediately.", verbatim=True),
    _R.POST_ONLY_WOULD_TAKE: Words(
        400, ORDER_REJECTED, "Order would immediately match and take.", verbatim=True
    ),
    _R.INSUFFICIENT_BALANCE: Words(
        400,
        ORDER_REJECTED,
        "Account has insufficient balance for requested action.",
        verbatim=True,
    ),
    # The venue refuses a list of orders by the reason of the one that is at fault.
    _R.GROUP_REFUSED: Words(400, ORDER_REJECTED, "Order rejected."),
}

# Where the reason alone does not tell: an order that cannot be canceled.
CODES: dict[int, Words] = {
    CANCEL_REJECTED: Words(400, CANCEL_REJECTED, "Unknown order sent.", verbatim=True),
    AMEND_REJECTED: Words(400, AMEND_REJECTED, "Unknown order sent.", verbatim=True),
    REPLACE_PARTLY_FAILED: Words(
        409, REPLACE_PARTLY_FAILED, "Order cancel-replace partially failed.", verbatim=True
    ),
    REPLACE_FAILED: Words(400, REPLACE_FAILED, "Order cancel-replace failed.", verbatim=True),
}


# -- server half --------------------------------------------------------------------------------


def shown(text: str) -> str:
    """Return what came in, cut to a length and without surprises, to be repeated to its sender."""
    cut = text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."
    return ascii(cut)


def said(code: int, text: str, how: str, field: str | None = None) -> DecodeError:
    """Return a refusal in the venue's words, followed by how to mend it."""
    return DecodeError(f"{text} ({how})", field, code)


def illegal(name: str, legal: str, text: str) -> DecodeError:
    """Return the refusal of a value of the wrong form."""
    return said(
        -1100,
        f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.",
        f"got {shown(text)}",
        name,
    )


def missing(name: str) -> DecodeError:
    """Return the refusal of a request that lacks something."""
    return said(
        -1102,
        f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
        f"send {name}",
        name,
    )


def superfluous(name: str, how: str) -> DecodeError:
    """Return the refusal of a parameter that this kind of request does not take."""
    return said(-1106, f"Parameter '{name}' sent when not required.", how, name)


def words_of(refusal: Refusal, now_ns: int, limits: LimitProfile) -> tuple[int, ErrorBody]:
    """Return status and body of a refusal; limits are those that its `field` may name."""
    code = refusal.code
    if refusal.reason is AccessReason.MALFORMED and isinstance(code, int):
        return HTTPStatus.BAD_REQUEST, ErrorBody(code=code, msg=refusal.message)
    words = CODES[code] if isinstance(code, int) else words_for(refusal.reason)
    if words.verbatim:
        data = UNSET if refusal.details is None else refusal.details
        return words.status, ErrorBody(
            code=words.code, msg=words.text, help=refusal.message, data=data
        )
    text = words.text.format(
        until_ms=(now_ns + refusal.retry_after_ns) // MS_NS,
        limit=_limit_text(refusal.field, limits),
    )
    return words.status, ErrorBody(code=words.code, msg=f"{text} ({refusal.message})")


def words_for(reason: AccessReason | RejectReason) -> Words:
    """Return how a reason is said."""
    return TURNED_AWAY[reason] if isinstance(reason, AccessReason) else REFUSED[reason]


def response(refusal: Refusal, now_ns: int, limits: LimitProfile) -> Response:
    """Return the response to a refused request."""
    status, body = words_of(refusal, now_ns, limits)
    headers = {}
    if refusal.retry_after_ns:
        headers["retry-after"] = str(-(-refusal.retry_after_ns // SECOND_NS))
    if refusal.reason is AccessReason.METHOD_NOT_ALLOWED and refusal.field:
        headers["allow"] = refusal.field
    if refusal.reason is AccessReason.UPGRADE_REQUIRED:
        headers |= UPGRADE
    return json_response(status, msgspec.json.encode(body), headers)


def _limit_text(name: str | None, limits: LimitProfile) -> str:
    for limit in limits.limits:
        if limit.name == name:
            return f"{limit.limit} {name}"
    return "reached"


# -- client half --------------------------------------------------------------------------------


def refused_outcome(response: Response) -> Outcome:
    """Return what a response that is no success means."""
    try:
        error = msgspec.json.decode(response.body, type=ErrorBody)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        error = ErrorBody(code=0, msg=response.body[:SHOWN_MAX].decode(errors="replace"))
    why = f"{response.status} {error.code} {error.msg}"
    meaning = codes.meaning_of(response.status, error.code, error.msg)
    match meaning.standing:
        case Standing.ANSWERED:
            return Answered(Refused(meaning.reason, f"{error.code} {error.msg}"))
        case Standing.UNKNOWN:
            return Unknown(why)
        case Standing.NOT_TAKEN_UP | Standing.DENIED:
            is_denied = meaning.standing is Standing.DENIED
            halt = codes.halt_of(response.status, error.code)
            blames_clock = error.code == codes.BAD_TIME
            return NotSent(why, _retry_after_ns(response), is_denied, halt, blames_clock)


def _retry_after_ns(response: Response) -> int:
    text = response.headers.get("retry-after", "")
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004
    return seconds * SECOND_NS
