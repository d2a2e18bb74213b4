"""What Bybit says when it says no, and what its codes mean to a trader.

The invariant: a refusal is HTTP 200 with the venue's own code and text in `retCode` and `retMsg`,
because clients throw away the body of anything else; how to mend it is in `retExtInfo.help`. A
malformed parameter is `params error: ` and what is wrong with it, as the venue has it. Only what is
told of before a request is looked at has a status of its own.

A code has one meaning, whatever route it comes on. What it leaves open is asked of the venue; what
is not in the tables counts as an answer. Source: https://bybit-exchange.github.io/docs/v5/error,
read 2026-11-22.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from steelyard.dialects.bybit.messages import Envelope, Head, Help
from steelyard.dialects.bybit.text import MS_NS, to_ms
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal, SessionRefused
from steelyard.wire.http import UPGRADE, Response, json_response
from steelyard.wire.outcome import Answered, Halt, NotSent, Outcome, Unknown

SHOWN_MAX = 60  # characters of a wrong value that are repeated to its sender
RESET = "x-bapi-limit-reset-timestamp"


class Words(NamedTuple):
    """How a refusal is said."""

    code: int
    text: str
    status: int = HTTPStatus.OK


PARAMS = 10001
BAD_TIME = 10002
BAD_KEY = Words(10003, "API key is invalid.")
BAD_SIGN = Words(10004, "Error sign, please check your signature generation algorithm.")
DENIED = Words(10005, "Permission denied, please check your API key permissions.")
LIMITED = Words(10006, "Too many visits. Exceeded the API Rate Limit.")
IP_LIMITED = 10018
NO_ORDER = Words(170213, "Order does not exist.")
FILLED = Words(170139, "Order has been filled.")
CANCELED = Words(170142, "Order has been cancelled")
NO_SYMBOL = Words(170121, "Invalid symbol.")
NO_MARGIN = Words(170344, "Symbol is not supported on Margin Trading.")
BUY_BAND = Words(170193, "Buy order price cannot be higher than the price limitation.")
SELL_BAND = Words(170194, "Sell order price cannot be lower than the price limitation.")
NO_POCKET = Words(131231, "Transfers into this account are not supported.")
RISING = Words(110092, "expect Rising, but trigger_price is not above current")
FALLING = Words(110093, "expect Falling, but trigger_price is not below current")
EXPIRED = Words(33004, "Your api key has expired.")

_A, _R = AccessReason, RejectReason
_LATE = Words(BAD_TIME, "The request time exceeds the time window range.")
_PARAMS = Words(PARAMS, "Request parameter error.")
_NOT_OPEN = Words(170151, "The trading pair is not open yet.")
_TOO_MANY = Words(170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders.")
_WITHDRAWAL = Words(131002, "Illegal account")
_ADDRESS = Words(131099, "The address is not in the withdrawal address book.")

# Two tables, because members of the two enums with the same number are equal.
TURNED_AWAY: dict[AccessReason, Words] = {
    _A.BODY_TOO_LARGE: Words(PARAMS, "Request parameter error.", 413),
    _A.UNKNOWN_ENDPOINT: Words(10017, "Route not found.", 404),
    _A.METHOD_NOT_ALLOWED: Words(10017, "Route not found.", 400),
    _A.UPGRADE_REQUIRED: Words(10017, "Route not found.", 426),
    _A.IP_BANNED: Words(IP_LIMITED, "access too frequent", 403),
    _A.IP_LIMIT: Words(IP_LIMITED, "access too frequent", 403),
    _A.MAINTENANCE: Words(10016, "Server error.", 503),
    _A.MISSING_KEY: BAD_KEY,
    _A.UNKNOWN_KEY: BAD_KEY,
    _A.KEY_EXPIRED: EXPIRED,
    _A.KEY_ROTATED: EXPIRED,
    _A.IP_NOT_ALLOWED: Words(
        10010, "Unmatched IP, please check your API key's bound IP addresses."
    ),
    _A.MISSING_SIGNATURE: BAD_SIGN,
    _A.MISSING_TIMESTAMP: _LATE,
    _A.BAD_SIGNATURE: BAD_SIGN,
    _A.BAD_PASSPHRASE: BAD_SIGN,
    _A.STALE_TIMESTAMP: _LATE,
    _A.FUTURE_TIMESTAMP: _LATE,
    _A.REPEATED_NONCE: BAD_SIGN,
    _A.MISSING_SCOPE: DENIED,
    _A.WITHDRAW_COOLING: DENIED,
    _A.KEY_LIMIT: LIMITED,
    _A.ORDER_LIMIT: LIMITED,
    _A.MALFORMED: _PARAMS,
    _A.PRODUCT_NOT_ALLOWED: Words(
        10029, "The requested symbol is invalid, please check symbol whitelist"
    ),
    _A.PERSON_REQUIRED: _WITHDRAWAL,
    _A.DUPLICATE_CLIENT_WITHDRAWAL_ID: Words(10014, "Invalid duplicate request."),
    _A.UNKNOWN_ADDRESS: _ADDRESS,
    _A.ADDRESS_COOLING: _ADDRESS,
    _A.TOO_MANY_TRANSFERS: _WITHDRAWAL,
    _A.UNAVAILABLE: Words(10016, "Server error.", 503),
}
REFUSED: dict[RejectReason, Words] = {
    _R.UNSUPPORTED: _PARAMS,
    _R.UNKNOWN_ACCOUNT: DENIED,
    _R.UNKNOWN_INSTRUMENT: NO_SYMBOL,
    _R.MARKET_MAINTENANCE: _NOT_OPEN,
    _R.MARKET_HALTED: _NOT_OPEN,
    _R.MARKET_CANCEL_ONLY: _NOT_OPEN,
    _R.MARKET_POST_ONLY: Words(170217, "Only LIMIT-MAKER order is supported for the current pair."),
    _R.PRICE_OFF_TICK: Words(170134, "Order price decimal too long."),
    _R.SIZE_OFF_LOT: Words(170137, "Order volume decimal too long"),
    _R.PRICE_OUT_OF_RANGE: Words(170132, "Order price too high."),
    _R.SIZE_TOO_SMALL: Words(170136, "Order quantity lower than the minimum."),
    _R.SIZE_TOO_LARGE: Words(170381, "Order quantity too large."),
    _R.NOTIONAL_TOO_SMALL: Words(170140, "Order value exceeded lower limit"),
    _R.NOTIONAL_TOO_LARGE: Words(170124, "Order amount too large."),
    _R.AMOUNT_TOO_LARGE: Words(170124, "Order amount too large."),
    _R.DISPLAY_OUT_OF_RANGE: _PARAMS,
    _R.TRAIL_OUT_OF_RANGE: _PARAMS,
    _R.EXPIRY_NOT_AHEAD: Words(170115, "Invalid timeInForce."),
    _R.PRICE_OUTSIDE_BAND: BUY_BAND,
    _R.DUPLICATE_CLIENT_ORDER_ID: Words(170141, "Duplicate clientOrderId"),
    _R.UNKNOWN_ORDER: NO_ORDER,
    _R.SIZE_BELOW_FILLED: Words(
        110064,
        "The modified contract quantity cannot be less than or equal to the filled quantity.",
    ),
    _R.UNKNOWN_TRANSFER: Words(131217, "The withdrawal does not exist."),
    _R.TOO_MANY_ORDERS: _TOO_MANY,
    _R.TOO_MANY_TRIGGERS: _TOO_MANY,
    _R.WOULD_TRIGGER: RISING,
    _R.POST_ONLY_WOULD_TAKE: Words(
        170218, "The LIMIT-MAKER order is rejected due to invalid price."
    ),
    _R.INSUFFICIENT_BALANCE: Words(170131, "Balance insufficient"),
    _R.GROUP_REFUSED: Words(170210, "New order rejected."),
}
_BY_CODE = {
    words.code: words
    for words in (
        *(FILLED, CANCELED, NO_ORDER, NO_MARGIN, NO_POCKET),
        *(BUY_BAND, SELL_BAND, RISING, FALLING),
    )
}


# -- server half --------------------------------------------------------------------------------


def shown(text: str) -> str:
    """Return what came in, cut to a length and without surprises, to be repeated to its sender."""
    cut = text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."
    return ascii(cut)


def invalid(field: str, how: str) -> DecodeError:
    """Return the refusal of a parameter."""
    return DecodeError(f"{field}: {how}", field, PARAMS)


def not_listed(symbol: str) -> DecodeError:
    """Return the refusal of a contract, of which none is listed here."""
    return DecodeError(
        f"symbol invalid {shown(symbol)}: only spot is traded here", "symbol", PARAMS
    )


def refused(words: Words, reason: RejectReason, how: str, field: str | None = None) -> Exception:
    """Return a no in words that the reason alone does not have."""
    return SessionRefused(Refusal(reason, how, field, code=words.code))


def words_of(refusal: Refusal) -> tuple[Words, str]:
    """Return the words for a refusal, and how to mend it."""
    code = refusal.code
    if refusal.reason is AccessReason.MALFORMED:
        return Words(PARAMS, f"params error: {refusal.message}"), refusal.message
    if isinstance(code, int) and code in _BY_CODE:
        return _BY_CODE[code], refusal.message
    reason = refusal.reason
    words = TURNED_AWAY[reason] if isinstance(reason, AccessReason) else REFUSED[reason]
    if words is _PARAMS:
        return Words(PARAMS, f"params error: {refusal.message}"), refusal.message
    return words, refusal.message


REFUSALS = (DecodeError, SessionRefused)


def words_for(error: Exception) -> tuple[Words, str]:
    """Return the words for one of `REFUSALS`, and how to mend it."""
    if isinstance(error, SessionRefused):
        return words_of(error.refusal)
    return words_of(Refusal(AccessReason.MALFORMED, str(error)))


def response(refusal: Refusal, now_ns: int) -> Response:
    """Return the response to a refused request."""
    words, how = words_of(refusal)
    body = Envelope[dict[str, Any]](
        retCode=words.code,
        retMsg=words.text,
        result={},
        retExtInfo=Help(how),
        time=to_ms(now_ns),
    )
    headers = {}
    if refusal.retry_after_ns:
        headers[RESET] = str(to_ms(now_ns + refusal.retry_after_ns) + 1)
    if refusal.reason is AccessReason.UPGRADE_REQUIRED:
        headers |= UPGRADE
    return json_response(words.status, msgspec.json.encode(body), headers)


# -- client half --------------------------------------------------------------------------------

# Nobody of this key will be let in, whatever is sent.
DENIALS = frozenset({10003, 10004, 10005, 10007, 10008, 10009, 10010, 10024, 10027, 10028}) | {
    *(10029, 33004, -2015, 100028)
}
# Nothing was taken up; the venue wants to be left alone for a while.
LIMITS = frozenset({10006, IP_LIMITED, 10429, 20003, 170005, 170222, 429})
# The venue's own words for "I do not know".
MAYBE = frozenset({10000, 10016, 10019, 170001, 170007, 170032, 170146, 170147, 170035, 110079})
CLOSED = frozenset({10016, 10019})

REASONS: Mapping[int, RejectReason] = {
    **{words.code: reason for reason, words in reversed(REFUSED.items())},
    PARAMS: _R.UNSUPPORTED,
    10014: _R.DUPLICATE_CLIENT_ORDER_ID,
    110001: _R.UNKNOWN_ORDER,
    110003: _R.PRICE_OUTSIDE_BAND,
    110004: _R.INSUFFICIENT_BALANCE,
    110007: _R.INSUFFICIENT_BALANCE,
    110008: _R.UNKNOWN_ORDER,
    110009: _R.TOO_MANY_TRIGGERS,
    110010: _R.UNKNOWN_ORDER,
    110012: _R.INSUFFICIENT_BALANCE,
    110017: _R.SIZE_TOO_SMALL,
    110020: _R.TOO_MANY_ORDERS,
    110072: _R.DUPLICATE_CLIENT_ORDER_ID,
    110092: _R.WOULD_TRIGGER,
    110093: _R.WOULD_TRIGGER,
    110094: _R.NOTIONAL_TOO_SMALL,
    110103: _R.MARKET_POST_ONLY,
    170033: _R.INSUFFICIENT_BALANCE,
    170124: _R.NOTIONAL_TOO_LARGE,
    170132: _R.PRICE_OUT_OF_RANGE,
    170133: _R.PRICE_OUT_OF_RANGE,
    170135: _R.SIZE_TOO_LARGE,
    170139: _R.UNKNOWN_ORDER,
    170142: _R.UNKNOWN_ORDER,
    170143: _R.UNKNOWN_ORDER,
    170148: _R.SIZE_OFF_LOT,
    170151: _R.MARKET_HALTED,
    170190: _R.UNKNOWN_ORDER,
    170192: _R.PRICE_OUTSIDE_BAND,
    170193: _R.PRICE_OUTSIDE_BAND,
    170194: _R.PRICE_OUTSIDE_BAND,
    170371: _R.PRICE_OUTSIDE_BAND,
    170372: _R.PRICE_OUTSIDE_BAND,
    170382: _R.SIZE_TOO_LARGE,
    170810: _R.TOO_MANY_ORDERS,
}


def reason_of(code: int) -> RejectReason:
    """Return our word for a refusal; UNSUPPORTED where there is none."""
    return REASONS.get(code, _R.UNSUPPORTED)


def refused_outcome(head: Head, response: Response, now_ns: int) -> Outcome:
    """Return what an answer means whose code is not 0, or whose status is no success."""
    code, why = head.retCode, f"{head.retCode} {head.retMsg}"
    if code in LIMITS or response.status in (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS):
        return NotSent(why, _wait_ns(response, now_ns), halt=Halt.LIMITED)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or code in MAYBE or code == 0:
        return Unknown(why, is_closed=code in CLOSED)
    if code == BAD_TIME:
        return NotSent(why, blames_clock=True)
    if code in DENIALS:
        return NotSent(why, is_denied=True)
    how = head.help
    return Answered(Refused(reason_of(code), f"{why}: {how}" if how else why))


def _wait_ns(response: Response, now_ns: int) -> int:
    text = response.headers.get(RESET, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):  # noqa: PLR2004
        return 0
    return max(0, int(text) * MS_NS - now_ns)
