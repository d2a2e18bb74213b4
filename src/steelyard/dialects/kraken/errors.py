"""What Kraken says when it says no, and what its words mean to a trader.

The invariant: a refusal is HTTP 200 with the venue's own text in `error`, to the letter, because
clients compare it; how to mend it stands beside it in `help`. The texts are the venue's codes:
there are no numbers. On WebSocket v2 the same text stands in `error` of an answer.
"""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from steelyard.dialects.kraken.messages import Envelope
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import SECOND_NS, Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal, SessionRefused
from steelyard.wire.http import UPGRADE, Response, json_response
from steelyard.wire.outcome import Answered, Halt, NotSent, Outcome, Unknown

SHOWN_MAX = 60  # characters of a wrong value that are repeated to its sender

ARGUMENTS = "EGeneral:Invalid arguments"
UNKNOWN_PAIR = "EQuery:Unknown asset pair"
UNKNOWN_ASSET = "EQuery:Unknown asset"
UNKNOWN_ORDER = "EOrder:Unknown order"
INVALID_ORDER = "EOrder:Invalid order"
INVALID_PRICE = "EOrder:Invalid price"
CANCEL_ONLY = "EService:Market in cancel_only mode"
POST_ONLY = "EOrder:Post only order"
DEADLINE = "EService:Deadline elapsed"
UNKNOWN_METHOD = "EGeneral:Unknown method"
DENIED = "EGeneral:Permission denied"
BAD_NONCE = "EAPI:Invalid nonce"
BAD_KEY = "EAPI:Invalid key"
BAD_SIGNATURE = "EAPI:Invalid signature"
KEY_LIMIT = "EAPI:Rate limit exceeded"
ORDER_LIMIT = "EOrder:Rate limit exceeded"
LOCKOUT = "EGeneral:Temporary lockout"
UNAVAILABLE = "EService:Unavailable"
BUSY = "EService:Busy"
INTERNAL = "EGeneral:Internal error"
BAD_SESSION = "ESession:Invalid session"

_A, _R = AccessReason, RejectReason

# Two tables, because members of the two enums with the same number are equal.
TURNED_AWAY: dict[AccessReason, str] = {
    _A.BODY_TOO_LARGE: ARGUMENTS,
    _A.UNKNOWN_ENDPOINT: UNKNOWN_METHOD,
    _A.METHOD_NOT_ALLOWED: UNKNOWN_METHOD,
    _A.UPGRADE_REQUIRED: UNKNOWN_METHOD,
    _A.IP_BANNED: LOCKOUT,
    _A.IP_LIMIT: KEY_LIMIT,
    _A.MAINTENANCE: BUSY,
    _A.MISSING_KEY: BAD_KEY,
    _A.UNKNOWN_KEY: BAD_KEY,
    _A.KEY_EXPIRED: BAD_KEY,
    _A.KEY_ROTATED: BAD_KEY,
    _A.IP_NOT_ALLOWED: DENIED,
    _A.MISSING_SIGNATURE: BAD_SIGNATURE,
    _A.MISSING_TIMESTAMP: BAD_NONCE,
    _A.BAD_SIGNATURE: BAD_SIGNATURE,
    _A.BAD_PASSPHRASE: BAD_SIGNATURE,
    _A.STALE_TIMESTAMP: BAD_NONCE,
    _A.FUTURE_TIMESTAMP: BAD_NONCE,
    _A.REPEATED_NONCE: BAD_NONCE,
    _A.MISSING_SCOPE: DENIED,
    _A.WITHDRAW_COOLING: DENIED,
    _A.KEY_LIMIT: KEY_LIMIT,
    _A.ORDER_LIMIT: ORDER_LIMIT,
    _A.MALFORMED: ARGUMENTS,
    _A.PRODUCT_NOT_ALLOWED: DENIED,
    _A.PERSON_REQUIRED: "EFunding:Failed",
    _A.DUPLICATE_CLIENT_WITHDRAWAL_ID: ARGUMENTS,
    _A.UNKNOWN_ADDRESS: "EFunding:Unknown withdraw key",
    _A.ADDRESS_COOLING: "EFunding:Unknown withdraw key",
    _A.TOO_MANY_TRANSFERS: "EFunding:Failed",
    _A.UNAVAILABLE: UNAVAILABLE,
}
REFUSED: dict[RejectReason, str] = {
    _R.UNSUPPORTED: ARGUMENTS,
    _R.UNKNOWN_ACCOUNT: DENIED,
    _R.UNKNOWN_INSTRUMENT: UNKNOWN_PAIR,
    _R.MARKET_MAINTENANCE: f"{CANCEL_ONLY}:maintenance",
    _R.MARKET_HALTED: f"{CANCEL_ONLY}:halted",
    _R.MARKET_CANCEL_ONLY: CANCEL_ONLY,
    _R.MARKET_POST_ONLY: "EService:Market in post_only mode",
    _R.PRICE_OFF_TICK: "EOrder:Tick size check failed",
    _R.SIZE_OFF_LOT: f"{ARGUMENTS}:volume",
    _R.PRICE_OUT_OF_RANGE: INVALID_PRICE,
    _R.SIZE_TOO_SMALL: "EOrder:Order minimum not met",
    _R.SIZE_TOO_LARGE: f"{ARGUMENTS}:volume",
    _R.NOTIONAL_TOO_SMALL: "EOrder:Cost minimum not met",
    _R.NOTIONAL_TOO_LARGE: f"{ARGUMENTS}:volume",
    _R.AMOUNT_TOO_LARGE: f"{ARGUMENTS}:volume",
    _R.DISPLAY_OUT_OF_RANGE: f"{ARGUMENTS}:displayvol",
    _R.TRAIL_OUT_OF_RANGE: INVALID_PRICE,
    _R.EXPIRY_NOT_AHEAD: f"{ARGUMENTS}:expiretm",
    _R.PRICE_OUTSIDE_BAND: f"{INVALID_PRICE}:outside of the price band",
    _R.DUPLICATE_CLIENT_ORDER_ID: "EOrder:cl_ord_id already in use",
    _R.UNKNOWN_ORDER: UNKNOWN_ORDER,
    _R.SIZE_BELOW_FILLED: f"{ARGUMENTS}:order_qty",
    _R.UNKNOWN_TRANSFER: "EFunding:Unknown reference id",
    _R.TOO_MANY_ORDERS: "EOrder:Orders limit exceeded",
    _R.TOO_MANY_TRIGGERS: "EOrder:Orders limit exceeded",
    _R.WOULD_TRIGGER: f"{INVALID_PRICE}:the trigger price is there already",
    _R.POST_ONLY_WOULD_TAKE: POST_ONLY,
    _R.INSUFFICIENT_BALANCE: "EOrder:Insufficient funds",
    _R.GROUP_REFUSED: INVALID_ORDER,
}


# -- server half --------------------------------------------------------------------------------


def shown(text: str) -> str:
    """Return what came in, cut to a length and without surprises, to be repeated to its sender."""
    cut = text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."
    return ascii(cut)


def said(text: str, how: str, field: str | None = None) -> DecodeError:
    """Return a refusal in the venue's words, and how to mend it."""
    return DecodeError(how, field, text)


def invalid(field: str, how: str) -> DecodeError:
    """Return the refusal of a parameter."""
    return said(f"{ARGUMENTS}:{field}", how, field)


def text_for(refusal: Refusal) -> str:
    """Return the venue's text for a refusal."""
    if isinstance(refusal.code, str):
        return refusal.code
    reason = refusal.reason
    return TURNED_AWAY[reason] if isinstance(reason, AccessReason) else REFUSED[reason]


REFUSALS = (DecodeError, SessionRefused)


def text_and_help(refused: Exception) -> tuple[str, str]:
    """Return what is said to one of `REFUSALS`, and how to mend it."""
    if isinstance(refused, SessionRefused):
        return text_for(refused.refusal), refused.refusal.message
    code = refused.code if isinstance(refused, DecodeError) else None
    return str(code or refused), str(refused)


def response(refusal: Refusal, _now_ns: int) -> Response:
    """Return the response to a refused request."""
    body = Envelope[None](error=(text_for(refusal),), help=refusal.message)
    headers = {}
    if refusal.retry_after_ns:
        headers["retry-after"] = str(-(-refusal.retry_after_ns // SECOND_NS))
    if refusal.reason is AccessReason.UPGRADE_REQUIRED:
        return json_response(426, msgspec.json.encode(body), {**headers, **UPGRADE})
    return json_response(HTTPStatus.OK, msgspec.json.encode(body), headers)


# -- client half --------------------------------------------------------------------------------

# What was not taken up, and may be sent again: with another nonce, later.
NOT_TAKEN_UP = frozenset({BAD_NONCE, BUSY})
# Likewise, and the venue wants to be left alone for a while; it does not say for how long.
LIMITS = frozenset({KEY_LIMIT, ORDER_LIMIT})
# Of what was not taken up: who asks is not accepted, and will not be.
DENIALS = frozenset({BAD_KEY, BAD_SIGNATURE, DENIED, BAD_SESSION})
# The venue's own words for "I do not know".
# It is not in service, which it says with status 200.
CLOSED = frozenset({BUSY, UNAVAILABLE})
MAYBE = frozenset({UNAVAILABLE, INTERNAL, "EService:Timeout"})
THROTTLED = "EService: Throttled"

REASONS: Mapping[str, RejectReason] = {
    **{text: reason for reason, text in reversed(REFUSED.items())},
    ARGUMENTS: _R.UNSUPPORTED,
    UNKNOWN_PAIR: _R.UNKNOWN_INSTRUMENT,
    "EQuery:Invalid asset pair": _R.UNKNOWN_INSTRUMENT,
    UNKNOWN_ORDER: _R.UNKNOWN_ORDER,
    INVALID_ORDER: _R.UNKNOWN_ORDER,
    INVALID_PRICE: _R.PRICE_OUT_OF_RANGE,
    "EOrder:Invalid price argument": _R.PRICE_OUT_OF_RANGE,
    f"{ARGUMENTS}:price": _R.PRICE_OUT_OF_RANGE,
    f"{ARGUMENTS}:volume": _R.SIZE_OFF_LOT,
    "EOrder:Orders limit exceeded": _R.TOO_MANY_ORDERS,
}


def reason_of(text: str) -> RejectReason:
    """Return our word for a refusal; UNSUPPORTED where there is none."""
    found = REASONS.get(text)
    if found is None:
        severity, _, rest = text.partition(":")
        found = REASONS.get(f"{severity}:{rest.partition(':')[0]}")
    return _R.UNSUPPORTED if found is None else found


def refused_outcome(texts: tuple[str, ...], status: int, body: bytes) -> Outcome:
    """Return what an answer with errors means, or one that is no success."""
    if not texts:
        return Unknown(f"{status} {body[:SHOWN_MAX].decode(errors='replace')}")
    why = ", ".join(texts)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or any(text in MAYBE for text in texts):
        return Unknown(why, is_closed=any(text in CLOSED for text in texts))
    if any(text in DENIALS for text in texts):
        return NotSent(why, 0, is_denied=True)
    if LOCKOUT in texts:
        return NotSent(why, halt=Halt.BANNED)
    if any(text in LIMITS or text.startswith(THROTTLED) for text in texts):
        return NotSent(why, halt=Halt.LIMITED)
    if any(text in NOT_TAKEN_UP for text in texts):
        return NotSent(why, SECOND_NS, is_closed=any(text in CLOSED for text in texts))
    return Answered(Refused(reason_of(texts[0]), why))
