"""What Coinbase Exchange says when it says no, and what that means to a trader.

The invariant: every refusal has the venue's status and its text as `message`, which clients
compare, and how to mend it in `help` beside it. The venue has no codes, only texts, so `TEXTS` is
the one place where a text is read.

A command's outcome follows from status and text: a 5xx is Unknown.
"""

from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from steelyard.dialects.coinbase_exchange.messages import ErrorBody
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import SECOND_NS, Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal, SessionRefused
from steelyard.wire.http import UPGRADE, Response, json_response
from steelyard.wire.outcome import Answered, Halt, NotSent, Outcome, Unknown

SHOWN_MAX = 60  # characters of a wrong value that are repeated to its sender


class Words(NamedTuple):
    """How a refusal is said."""

    status: int
    text: str


_A, _R = AccessReason, RejectReason
NOT_FOUND = Words(404, "NotFound")
ORDER_NOT_FOUND = Words(404, "order not found")
ALREADY_DONE = Words(400, "Order already done")
BAD_ORDER_ID = Words(400, "Invalid order id")
PRODUCT_NOT_FOUND = Words(404, "Product not found")
PASSPHRASE_MISSING = Words(401, "CB-ACCESS-PASSPHRASE header is required")
_FORBIDDEN = Words(403, "Forbidden")
_BAD_KEY = Words(401, "Invalid API Key")
_BAD_TIME = Words(401, "request timestamp expired")
_BAD_SIGNATURE = Words(401, "invalid signature")
_OVER = Words(429, "Private rate limit exceeded")

# Two tables, because members of the two enums with the same number are equal.
TURNED_AWAY: dict[AccessReason, Words] = {
    _A.BODY_TOO_LARGE: Words(413, "Request body too large"),
    _A.UNKNOWN_ENDPOINT: NOT_FOUND,
    _A.METHOD_NOT_ALLOWED: Words(405, "Method not allowed"),
    _A.UPGRADE_REQUIRED: Words(426, "Upgrade required"),
    _A.IP_BANNED: Words(429, "Public rate limit exceeded"),
    _A.IP_LIMIT: Words(429, "Public rate limit exceeded"),
    _A.MAINTENANCE: Words(503, "Coinbase Exchange is under maintenance"),
    _A.MISSING_KEY: Words(401, "CB-ACCESS-KEY header is required"),
    _A.UNKNOWN_KEY: _BAD_KEY,
    _A.KEY_EXPIRED: _BAD_KEY,
    _A.KEY_ROTATED: _BAD_KEY,
    _A.IP_NOT_ALLOWED: Words(401, "IP does not match IP whitelist"),
    _A.MISSING_SIGNATURE: Words(401, "CB-ACCESS-SIGN header is required"),
    _A.MISSING_TIMESTAMP: Words(401, "CB-ACCESS-TIMESTAMP header is required"),
    _A.BAD_SIGNATURE: _BAD_SIGNATURE,
    _A.BAD_PASSPHRASE: Words(401, "Invalid Passphrase"),
    _A.STALE_TIMESTAMP: _BAD_TIME,
    _A.FUTURE_TIMESTAMP: _BAD_TIME,
    _A.REPEATED_NONCE: _BAD_SIGNATURE,
    _A.MISSING_SCOPE: _FORBIDDEN,
    _A.WITHDRAW_COOLING: _FORBIDDEN,
    _A.KEY_LIMIT: _OVER,
    _A.ORDER_LIMIT: _OVER,
    _A.MALFORMED: Words(400, "Bad request"),
    _A.PRODUCT_NOT_ALLOWED: Words(403, "Trading pair not available"),
    _A.PERSON_REQUIRED: _FORBIDDEN,
    _A.DUPLICATE_CLIENT_WITHDRAWAL_ID: Words(400, "Duplicate nonce"),
    _A.UNKNOWN_ADDRESS: Words(400, "Address not in address book"),
    _A.ADDRESS_COOLING: Words(400, "Address not yet usable"),
    _A.TOO_MANY_TRANSFERS: Words(400, "Too many transfers"),
    _A.UNAVAILABLE: Words(503, "Service unavailable"),
}
REFUSED: dict[RejectReason, Words] = {
    _R.UNSUPPORTED: Words(400, "Unsupported request"),
    _R.UNKNOWN_ACCOUNT: NOT_FOUND,
    _R.UNKNOWN_INSTRUMENT: PRODUCT_NOT_FOUND,
    _R.MARKET_MAINTENANCE: Words(400, "Cancel only mode"),
    _R.MARKET_HALTED: Words(400, "Cancel only mode"),
    _R.MARKET_CANCEL_ONLY: Words(400, "Cancel only mode"),
    _R.MARKET_POST_ONLY: Words(400, "Post only mode"),
    _R.PRICE_OFF_TICK: Words(400, "price too precise ({})"),
    _R.SIZE_OFF_LOT: Words(400, "size is too accurate. Smallest unit is {}"),
    _R.PRICE_OUT_OF_RANGE: Words(400, "Invalid Price"),
    _R.SIZE_TOO_SMALL: Words(400, "size is too small. Minimum size is {}"),
    _R.SIZE_TOO_LARGE: Words(400, "size is too large. Maximum size is {}"),
    _R.NOTIONAL_TOO_SMALL: Words(400, "funds is too small. Minimum size is {}"),
    _R.NOTIONAL_TOO_LARGE: Words(400, "funds is too large"),
    _R.AMOUNT_TOO_LARGE: Words(400, "amount is too large"),
    _R.DISPLAY_OUT_OF_RANGE: Words(400, "Invalid max_floor"),
    _R.TRAIL_OUT_OF_RANGE: Words(400, "Unsupported order type"),
    _R.EXPIRY_NOT_AHEAD: Words(400, "Invalid cancel_after"),
    _R.PRICE_OUTSIDE_BAND: Words(400, "price outside of price bound"),
    _R.DUPLICATE_CLIENT_ORDER_ID: Words(400, "Duplicate client_oid"),
    _R.UNKNOWN_ORDER: ORDER_NOT_FOUND,
    _R.SIZE_BELOW_FILLED: ALREADY_DONE,
    _R.UNKNOWN_TRANSFER: NOT_FOUND,
    _R.TOO_MANY_ORDERS: Words(400, "Too many open orders"),
    _R.TOO_MANY_TRIGGERS: Words(400, "Too many open stop orders"),
    _R.WOULD_TRIGGER: Words(400, "stop price is past the last trade price"),
    _R.POST_ONLY_WOULD_TAKE: Words(400, "post only"),
    _R.INSUFFICIENT_BALANCE: Words(400, "Insufficient funds"),
    _R.GROUP_REFUSED: Words(400, "Order rejected"),
}
# By their texts, for refusals that carry one as `code`.
_BY_TEXT = {
    words.text: words
    for words in (
        *(NOT_FOUND, ORDER_NOT_FOUND, ALREADY_DONE, BAD_ORDER_ID),
        *(PRODUCT_NOT_FOUND, PASSPHRASE_MISSING),
    )
}


# -- server half --------------------------------------------------------------------------------


def shown(text: str) -> str:
    """Return what came in, cut to a length and without surprises, to be repeated to its sender."""
    cut = text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."
    return ascii(cut)


def said(text: str, how: str, field: str | None = None) -> DecodeError:
    """Return a refusal in the venue's words, and how to mend it."""
    return DecodeError(how, field, text)


def refused(words: Words, how: str, reason: RejectReason, field: str | None = None) -> Exception:
    """Return a refusal for a reason, in other words than its usual ones."""
    return SessionRefused(Refusal(reason, how, field, code=words.text))


def missing(name: str) -> DecodeError:
    """Return the refusal of a request that lacks something."""
    return said(f"{name} is required", f"send {name}", name)


def words_of(refusal: Refusal) -> tuple[int, ErrorBody]:
    """Return status and body of a refusal."""
    code = refusal.code
    if isinstance(code, str):
        words = _BY_TEXT.get(code, Words(HTTPStatus.BAD_REQUEST, code))
    elif isinstance(refusal.reason, AccessReason):
        words = TURNED_AWAY[refusal.reason]
    else:
        words = REFUSED[refusal.reason]
    return words.status, ErrorBody(
        message=filled(words.text, refusal.details), help=refusal.message
    )


def filled(text: str, value: Any) -> str:
    """Return a text with the number that belongs to it, where that is known."""
    if "{}" not in text:
        return text
    if value is None:
        return text.partition(". ")[0].removesuffix(" ({})")
    return text.format(value)


def response(refusal: Refusal, _now_ns: int) -> Response:
    """Return the response to a refused request."""
    status, body = words_of(refusal)
    headers = {}
    if refusal.retry_after_ns:
        headers["retry-after"] = str(-(-refusal.retry_after_ns // SECOND_NS))
    if refusal.reason is AccessReason.METHOD_NOT_ALLOWED and refusal.field:
        headers["allow"] = refusal.field
    if refusal.reason is AccessReason.UPGRADE_REQUIRED:
        headers |= UPGRADE
    return json_response(status, msgspec.json.encode(body), headers)


# -- client half --------------------------------------------------------------------------------

# The beginnings of texts, documented or met with.
TEXTS: tuple[tuple[str, RejectReason], ...] = (
    ("Insufficient funds", _R.INSUFFICIENT_BALANCE),
    ("price too precise", _R.PRICE_OFF_TICK),
    ("price too small", _R.PRICE_OUT_OF_RANGE),
    ("price is too accurate", _R.PRICE_OFF_TICK),
    ("price outside", _R.PRICE_OUTSIDE_BAND),
    ("Invalid Price", _R.PRICE_OUT_OF_RANGE),
    ("size is too accurate", _R.SIZE_OFF_LOT),
    ("size is too small", _R.SIZE_TOO_SMALL),
    ("size is too large", _R.SIZE_TOO_LARGE),
    ("funds is too small", _R.NOTIONAL_TOO_SMALL),
    ("funds is too large", _R.NOTIONAL_TOO_LARGE),
    ("amount is too large", _R.AMOUNT_TOO_LARGE),
    ("Invalid max_floor", _R.DISPLAY_OUT_OF_RANGE),
    ("Duplicate client_oid", _R.DUPLICATE_CLIENT_ORDER_ID),
    ("NotFound", _R.UNKNOWN_ORDER),
    ("order not found", _R.UNKNOWN_ORDER),
    ("Order already done", _R.UNKNOWN_ORDER),
    ("Invalid order id", _R.UNKNOWN_ORDER),
    ("Product not found", _R.UNKNOWN_INSTRUMENT),
    ("Too many open orders", _R.TOO_MANY_ORDERS),
    ("Too many open stop orders", _R.TOO_MANY_TRIGGERS),
    ("stop price is past", _R.WOULD_TRIGGER),
    ("Cancel only mode", _R.MARKET_CANCEL_ONLY),
    ("Post only mode", _R.MARKET_POST_ONLY),
    ("Limit only mode", _R.UNSUPPORTED),
    ("post only", _R.POST_ONLY_WOULD_TAKE),
    ("Trading pair not available", _R.UNSUPPORTED),
)
DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
# Refusals of older days with status 400, of which nothing was taken up.
NOT_TAKEN_UP = ("invalid signature", "request timestamp expired", "Invalid API Key")


def reason_of(text: str) -> RejectReason:
    """Return our word for a refusal; UNSUPPORTED where there is none."""
    for beginning, reason in TEXTS:
        if text.startswith(beginning):
            return reason
    return RejectReason.UNSUPPORTED


def refused_outcome(response: Response) -> Outcome:
    """Return what a response that is no success means."""
    try:
        error = msgspec.json.decode(response.body, type=ErrorBody)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # Not the venue's API: a proxy, a portal, another server.
        return Unknown(f"{response.status} {response.body[:SHOWN_MAX].decode(errors='replace')}")
    text = error.message
    why = f"{response.status} {text}"
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        return NotSent(why, _retry_after_ns(response), halt=Halt.LIMITED)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unknown(why)
    reason = reason_of(text)
    is_known = reason is not RejectReason.UNSUPPORTED
    if (response.status in DENIED and not is_known) or text.startswith(NOT_TAKEN_UP):
        is_late = text.startswith("request timestamp expired")
        return NotSent(why, 0, not is_late, blames_clock=is_late)
    return Answered(Refused(reason, text if error.help is UNSET else f"{text}: {error.help}"))


def _retry_after_ns(response: Response) -> int:
    text = response.headers.get("retry-after", "")
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004
    return seconds * SECOND_NS
