"""What KuCoin says when it says no, and what that means to a trader.

The invariant: every refusal has the venue's HTTP status, its code and its text in `msg`, which
clients compare, and how to mend it in `help` beside them. What the order's own terms or the books
say comes with HTTP 200, what the gate says with 4xx.

A command's outcome follows from status and code; the venue has one code, 400100, for whatever is
wrong with a parameter, and there `TEXTS` is the one place where a text is read. A 5xx is Unknown.
"""

from http import HTTPStatus
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from steelyard.dialects.kucoin.messages import ErrorBody
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal, SessionRefused
from steelyard.wire.http import UPGRADE, Response, json_response
from steelyard.wire.limits import is_count
from steelyard.wire.outcome import Answered, Halt, NotSent, Outcome, Unknown

SHOWN_MAX = 60  # characters of a wrong value that are repeated to its sender
SUCCESS = "200000"
PARAMETER = "400100"
RESET = "gw-ratelimit-reset"


class Words(NamedTuple):
    """How a refusal is said."""

    status: int
    code: str
    text: str


def _said(text: str, code: str = PARAMETER) -> Words:
    return Words(HTTPStatus.OK, code, text)


_A, _R = AccessReason, RejectReason
BAD_SYMBOL = _said("symbol not exists", "900001")
NOT_TO_CANCEL = _said("order_not_exist_or_not_allow_to_cancel")
NO_ORDER = _said("order not exist.")
NO_ACCOUNT = _said("account.notExist")
DUPLICATE = _said("validation.createOrder.clientOidDuplicated")
_PERMISSION = Words(403, "400007", "Access denied--> Require more permission.")
_LIMITED = Words(429, "429000", "Too Many Requests")
_BAD_TIME = Words(400, "400002", "Invalid KC-API-TIMESTAMP")
_BAD_KEY = Words(401, "400003", "KC-API-KEY not exists")
_HEADERS = Words(
    401,
    "400001",
    "Please check the header of your request for KC-API-KEY, KC-API-SIGN, KC-API-TIMESTAMP, "
    "KC-API-PASSPHRASE",
)

# Two tables, because members of the two enums with the same number are equal.
TURNED_AWAY: dict[AccessReason, Words] = {
    _A.BODY_TOO_LARGE: Words(413, "413000", "Request Entity Too Large"),
    _A.UNKNOWN_ENDPOINT: Words(404, "404000", "Url Not Found"),
    _A.METHOD_NOT_ALLOWED: Words(405, "405", "Method Not Allowed"),
    _A.UPGRADE_REQUIRED: Words(426, "426", "Upgrade Required"),
    _A.IP_BANNED: Words(403, "1015", "You are being rate limited"),
    _A.IP_LIMIT: _LIMITED,
    _A.MAINTENANCE: Words(503, "503", "System is under maintenance"),
    _A.MISSING_KEY: _HEADERS,
    _A.UNKNOWN_KEY: _BAD_KEY,
    _A.KEY_EXPIRED: _BAD_KEY,
    _A.KEY_ROTATED: _BAD_KEY,
    _A.IP_NOT_ALLOWED: Words(403, "400006", "Invalid request ip"),
    _A.MISSING_SIGNATURE: _HEADERS,
    _A.MISSING_TIMESTAMP: _HEADERS,
    _A.BAD_SIGNATURE: Words(401, "400005", "Invalid KC-API-SIGN"),
    _A.BAD_PASSPHRASE: Words(401, "400004", "Invalid KC-API-PASSPHRASE"),
    _A.STALE_TIMESTAMP: _BAD_TIME,
    _A.FUTURE_TIMESTAMP: _BAD_TIME,
    _A.REPEATED_NONCE: _BAD_TIME,
    _A.MISSING_SCOPE: _PERMISSION,
    _A.WITHDRAW_COOLING: _PERMISSION,
    _A.KEY_LIMIT: _LIMITED,
    _A.ORDER_LIMIT: _LIMITED,
    _A.MALFORMED: _said("Bad Request"),
    _A.PRODUCT_NOT_ALLOWED: Words(200, "400200", "Forbidden to place an order"),
    _A.PERSON_REQUIRED: _said("validation.withdraw.notAllowed"),
    _A.DUPLICATE_CLIENT_WITHDRAWAL_ID: _said("validation.withdraw.duplicated"),
    _A.UNKNOWN_ADDRESS: _said("withdraw.address.notInAddressBook", "260210"),
    _A.ADDRESS_COOLING: _said("withdraw.address.notYetUsable", "260210"),
    _A.TOO_MANY_TRANSFERS: _said("Unsuccessful! Exceeded the max. withdrawals under way"),
    _A.UNAVAILABLE: Words(503, "500000", "Internal Server Error"),
}
REFUSED: dict[RejectReason, Words] = {
    _R.UNSUPPORTED: _said("validation.notSupported"),
    _R.UNKNOWN_ACCOUNT: NO_ACCOUNT,
    _R.UNKNOWN_INSTRUMENT: BAD_SYMBOL,
    _R.MARKET_MAINTENANCE: _said("The trading pair is temporarily closed", "600203"),
    _R.MARKET_HALTED: _said("The trading pair is temporarily closed", "600203"),
    _R.MARKET_CANCEL_ONLY: _said("The trading pair only allows canceling", "200001"),
    _R.MARKET_POST_ONLY: _said("The trading pair only allows post-only orders", "200002"),
    _R.PRICE_OFF_TICK: _said("Price increment invalid."),
    _R.SIZE_OFF_LOT: _said("Order size increment invalid."),
    _R.PRICE_OUT_OF_RANGE: _said("Order price out of range."),
    _R.SIZE_TOO_SMALL: _said("Order size below the minimum requirement."),
    _R.SIZE_TOO_LARGE: _said("Order size above the maximum requirement."),
    _R.NOTIONAL_TOO_SMALL: _said("Order funds below the minimum requirement.", "600101"),
    _R.NOTIONAL_TOO_LARGE: _said("Order funds above the maximum requirement.", "600102"),
    _R.AMOUNT_TOO_LARGE: _said("Order size above the maximum amount."),
    _R.DISPLAY_OUT_OF_RANGE: _said("validation.createOrder.visibleSizeInvalid"),
    _R.TRAIL_OUT_OF_RANGE: _said("validation.createOrder.trailNotSupported"),
    _R.EXPIRY_NOT_AHEAD: _said("validation.createOrder.cancelAfterInvalid"),
    _R.PRICE_OUTSIDE_BAND: _said("The order price exceeds the price protection", "300000"),
    _R.DUPLICATE_CLIENT_ORDER_ID: DUPLICATE,
    _R.UNKNOWN_ORDER: NO_ORDER,
    _R.SIZE_BELOW_FILLED: _said("The new size is below what has filled"),
    _R.UNKNOWN_TRANSFER: _said("withdraw.notExist"),
    _R.TOO_MANY_ORDERS: _said("Exceeded the maximum number of open orders", "200003"),
    _R.TOO_MANY_TRIGGERS: _said("Exceeded the maximum number of stop orders", "200005"),
    _R.WOULD_TRIGGER: _said("The stop price has been reached already", "300001"),
    _R.POST_ONLY_WOULD_TAKE: _said("The post-only order would match", "300002"),
    _R.INSUFFICIENT_BALANCE: _said("Balance insufficient!", "200004"),
    _R.GROUP_REFUSED: _said("Another order of the request was refused", "200006"),
}
_BY_TEXT = {
    words.text: words
    for words in (BAD_SYMBOL, NOT_TO_CANCEL, NO_ORDER, NO_ACCOUNT, DUPLICATE, *REFUSED.values())
}


# -- server half --------------------------------------------------------------------------------


def shown(text: str) -> str:
    """Return what came in, cut to a length and without surprises, to be repeated to its sender."""
    cut = text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."
    return ascii(cut)


def said(text: str, how: str, field: str | None = None) -> DecodeError:
    """Return a refusal of a parameter in the venue's words, and how to mend it."""
    return DecodeError(how, field, text)


def refused(
    words: Words, how: str, reason: RejectReason, field: str | None = None
) -> SessionRefused:
    """Return a refusal for a reason, in other words than its usual ones."""
    return SessionRefused(Refusal(reason, how, field, code=words.text))


def missing(name: str) -> DecodeError:
    """Return the refusal of a request that lacks something."""
    return said(f"{name} is required", f"send {name}", name)


def words_of(refusal: Refusal) -> Words:
    """Return how a refusal is said."""
    code = refusal.code
    if isinstance(code, str):
        return _BY_TEXT.get(code, _said(code))
    if isinstance(refusal.reason, AccessReason):
        return TURNED_AWAY[refusal.reason]
    return REFUSED[refusal.reason]


def response(refusal: Refusal, _now_ns: int) -> Response:
    """Return the response to a refused request."""
    words = words_of(refusal)
    headers = {}
    if refusal.retry_after_ns:
        headers[RESET] = str(-(-refusal.retry_after_ns // 1_000_000))
        headers["retry-after"] = str(-(-refusal.retry_after_ns // 1_000_000_000))
    if refusal.reason is AccessReason.METHOD_NOT_ALLOWED and refusal.field:
        headers["allow"] = refusal.field
    if refusal.reason is AccessReason.UPGRADE_REQUIRED:
        headers |= UPGRADE
    body = ErrorBody(code=words.code, msg=words.text, help=refusal.message)
    return json_response(words.status, msgspec.json.encode(body), headers)


# -- client half --------------------------------------------------------------------------------

# Codes of which each is one reason, documented or met with.
CODES: dict[str, RejectReason] = {
    "200003": _R.TOO_MANY_ORDERS,
    "102427": _R.TOO_MANY_ORDERS,
    "200005": _R.TOO_MANY_TRIGGERS,
    "200004": _R.INSUFFICIENT_BALANCE,
    "102421": _R.INSUFFICIENT_BALANCE,
    "600100": _R.INSUFFICIENT_BALANCE,
    "600101": _R.NOTIONAL_TOO_SMALL,
    "600102": _R.NOTIONAL_TOO_LARGE,
    "600203": _R.MARKET_HALTED,
    "200001": _R.MARKET_CANCEL_ONLY,
    "200002": _R.MARKET_POST_ONLY,
    "300000": _R.PRICE_OUTSIDE_BAND,
    "300001": _R.WOULD_TRIGGER,
    "300002": _R.POST_ONLY_WOULD_TAKE,
    "102426": _R.DUPLICATE_CLIENT_ORDER_ID,
    "102436": _R.UNKNOWN_ORDER,
    "102428": _R.UNKNOWN_ORDER,
    "900001": _R.UNKNOWN_INSTRUMENT,
    "400600": _R.UNKNOWN_INSTRUMENT,
    "400000": _R.UNKNOWN_INSTRUMENT,
}
# The beginnings of texts that come with 400100.
TEXTS: tuple[tuple[str, RejectReason], ...] = (
    ("order_not_exist", _R.UNKNOWN_ORDER),
    ("order not exist", _R.UNKNOWN_ORDER),
    ("Order not exist", _R.UNKNOWN_ORDER),
    ("The order does not exist", _R.UNKNOWN_ORDER),
    ("validation.createOrder.clientOidDuplicated", _R.DUPLICATE_CLIENT_ORDER_ID),
    ("validation.createOrder.visibleSizeInvalid", _R.DISPLAY_OUT_OF_RANGE),
    ("validation.createOrder.cancelAfterInvalid", _R.EXPIRY_NOT_AHEAD),
    ("Price increment invalid", _R.PRICE_OFF_TICK),
    ("Order price out of range", _R.PRICE_OUT_OF_RANGE),
    ("Order size increment invalid", _R.SIZE_OFF_LOT),
    ("Order size below the minimum", _R.SIZE_TOO_SMALL),
    ("The quantity is below the minimum", _R.SIZE_TOO_SMALL),
    ("Order size above the maximum requirement", _R.SIZE_TOO_LARGE),
    ("Order size above the maximum amount", _R.AMOUNT_TOO_LARGE),
    ("Order funds below the minimum", _R.NOTIONAL_TOO_SMALL),
    ("The order funds should more", _R.NOTIONAL_TOO_SMALL),
    ("The new size is below what has filled", _R.SIZE_BELOW_FILLED),
)
BAD_CLOCK = "400002"
# Of these the venue has not looked at the order: key, signature, passphrase, address, permission.
DENIED = frozenset({"400001", "400003", "400004", "400005", "400006", "400007", "400200", "411100"})
LIMITED = frozenset({"429000", "1015"})


def reason_of(code: str, text: str) -> RejectReason:
    """Return our word for a refusal; UNSUPPORTED where there is none."""
    if code in CODES:
        return CODES[code]
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
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            return NotSent(f"{response.status}", _reset_ns(response), halt=Halt.LIMITED)
        return Unknown(f"{response.status} {response.body[:SHOWN_MAX].decode(errors='replace')}")
    text = error.msg
    why = f"{response.status} {error.code} {text}"
    if response.status == HTTPStatus.TOO_MANY_REQUESTS or error.code in LIMITED:
        is_ban = error.code == "1015"
        return NotSent(why, _reset_ns(response), halt=Halt.BANNED if is_ban else Halt.LIMITED)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code.startswith("5"):
        return Unknown(why, is_closed=response.status == HTTPStatus.SERVICE_UNAVAILABLE)
    if error.code == BAD_CLOCK:
        return NotSent(why, blames_clock=True)
    if error.code in DENIED:
        return NotSent(why, is_denied=True)
    reason = reason_of(error.code, text)
    return Answered(Refused(reason, text if error.help is UNSET else f"{text}: {error.help}"))


def _reset_ns(response: Response) -> int:
    text = response.headers.get(RESET, "")
    return int(text) * 1_000_000 if is_count(text) else 0
