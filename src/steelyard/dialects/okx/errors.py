"""What OKX says when it says no, and what its codes mean to a trader.

The invariant: a refusal has the venue's code and text; how to mend it stands beside it in `help`.
Who may not ask, or asks for what is not there, hears it from the whole answer, with an HTTP status.
What becomes of an order is said of each by itself, in `sCode` and `sMsg`, with status 200 and the
code `1` (all were refused) or `2` (some were) of the whole. On a WebSocket some codes are others.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.messages import SECOND_NS, Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Refusal, SessionRefused
from steelyard.wire.http import UPGRADE, Response, json_response
from steelyard.wire.outcome import Answered, Halt, NotSent, Outcome, Unknown

SHOWN_MAX = 60  # characters of a wrong value that are repeated to its sender

_A, _R = AccessReason, RejectReason


class Words(NamedTuple):
    """A code, its text and the HTTP status of an answer that is nothing else."""

    code: str
    text: str
    status: int = 200


OK, ALL_FAILED, SOME_FAILED = "0", "1", "2"
PARAMETER = Words("51000", "Parameter {} error", 400)
NO_INSTRUMENT = Words("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
NO_NAME = Words("51003", "Either client order ID or order ID is required")
DUPLICATE = Words("51016", "Client order ID already exists.")
TIMED_OUT = Words("51149", "Order timed out. Please try again.")
NOT_CANCELED = Words(
    "51400", "Order cancellation failed as the order has been filled, canceled or does not exist."
)
NOTHING_TO_AMEND = Words("51500", "Either order price or amount is required.")
NOT_AMENDED = Words(
    "51503", "Order modification failed as the order has been filled, canceled or does not exist."
)
NOT_AMENDABLE = Words("51506", "Order modification unavailable for the order type.")
NOT_THERE = Words("51603", "Order does not exist")
TOO_MANY = Words("50025", "Parameter {} count exceeds the limit.", 400)
MISSING = Words("50014", "Parameter {} can not be empty.", 400)
BAD_JSON = Words("50002", "JSON syntax error", 400)
NO_BODY = Words("50000", "Body for POST request cannot be empty.", 400)
CONTENT_TYPE = Words("50006", 'Invalid Content-Type. Please use "application/json"', 400)
CONFLICT = Words("50016", "Parameter {} does not match")
NO_POSITION = Words("51023", "Position does not exist")
REDUCE_ONLY = Words("51205", "Reduce-Only is not available")
NO_MARGIN = Words("51010", "Request unsupported under current account mode")
POST_ONLY_AMEND = Words(
    "51511",
    "Order modification failed as the order price did not meet the requirement for Post Only.",
)
UNAVAILABLE_HERE = Words("50062", "This feature is currently unavailable.")

OUT_OF_RANGE = Words("51250", "Algo order price is out of the available range")
TP_TOO_HIGH = Words("51277", "TP trigger price can not be higher than the last price")
SL_TOO_LOW = Words("51278", "SL trigger price can not be lower than the last price")
TP_TOO_LOW = Words("51279", "TP trigger price can not be lower than the last price")
SL_TOO_HIGH = Words("51280", "SL trigger price can not be higher than the last price")

# Two tables, because members of the two enums with the same number are equal.
_BUSY = "Service temporarily unavailable. Please try again later"
TURNED_AWAY: dict[AccessReason, Words] = {
    _A.BODY_TOO_LARGE: Words("50025", "Parameter body count exceeds the limit.", 413),
    _A.UNKNOWN_ENDPOINT: Words("404", "Not Found", 404),
    _A.METHOD_NOT_ALLOWED: Words("50115", "Invalid request method.", 405),
    _A.UPGRADE_REQUIRED: Words("60018", "Connect with a WebSocket client.", 426),
    _A.IP_BANNED: Words("50011", "Too Many Requests", 429),
    _A.IP_LIMIT: Words("50011", "Too Many Requests", 429),
    _A.MAINTENANCE: Words("50001", _BUSY, 503),
    _A.MISSING_KEY: Words("50103", 'Request header "OK-ACCESS-KEY" cannot be empty.', 401),
    _A.UNKNOWN_KEY: Words("50111", "Invalid OK-ACCESS-KEY.", 401),
    _A.KEY_EXPIRED: Words("50119", "API key doesn't exist", 401),
    _A.KEY_ROTATED: Words("50119", "API key doesn't exist", 401),
    _A.IP_NOT_ALLOWED: Words(
        "50110", "Your IP is not included in your API key's IP whitelist.", 401
    ),
    _A.MISSING_SIGNATURE: Words("50106", 'Request header "OK-ACCESS-SIGN" cannot be empty.', 401),
    _A.MISSING_TIMESTAMP: Words(
        "50107", 'Request header "OK-ACCESS-TIMESTAMP" cannot be empty.', 401
    ),
    _A.BAD_SIGNATURE: Words("50113", "Invalid Sign", 401),
    _A.BAD_PASSPHRASE: Words("50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.', 401),
    _A.STALE_TIMESTAMP: Words("50102", "Timestamp request expired", 401),
    _A.FUTURE_TIMESTAMP: Words("50102", "Timestamp request expired", 401),
    _A.REPEATED_NONCE: Words("50113", "Invalid Sign", 401),
    _A.MISSING_SCOPE: Words("50120", "This API key doesn't have permission to use this function"),
    _A.WITHDRAW_COOLING: Words(
        "50120", "This API key doesn't have permission to use this function"
    ),
    _A.KEY_LIMIT: Words("50011", "Too Many Requests", 429),
    _A.ORDER_LIMIT: Words(
        "50061", "You've reached the maximum order rate limit for this account.", 429
    ),
    _A.MALFORMED: PARAMETER,
    _A.PRODUCT_NOT_ALLOWED: Words("51155", "You can't trade this pair with this API key."),
    _A.PERSON_REQUIRED: Words("58208", "Withdrawal failed. Please link your email."),
    _A.DUPLICATE_CLIENT_WITHDRAWAL_ID: Words("58207", "Withdrawal failed due to the client ID."),
    _A.UNKNOWN_ADDRESS: Words("58203", "Please add a withdrawal address."),
    _A.ADDRESS_COOLING: Words(
        "58207", "Withdrawal address is not whitelisted for verification exemption."
    ),
    _A.TOO_MANY_TRANSFERS: Words("58201", "Withdrawal amount exceeds the daily limit."),
    _A.UNAVAILABLE: Words("50026", "System error. Try again later", 500),
}
REFUSED: dict[RejectReason, Words] = {
    _R.UNSUPPORTED: PARAMETER,
    _R.UNKNOWN_ACCOUNT: Words("50012", "Account status invalid"),
    _R.UNKNOWN_INSTRUMENT: NO_INSTRUMENT,
    _R.MARKET_MAINTENANCE: Words("51022", "Instrument suspended."),
    _R.MARKET_HALTED: Words("51022", "Instrument suspended."),
    _R.MARKET_CANCEL_ONLY: Words("51022", "Instrument suspended."),
    _R.MARKET_POST_ONLY: Words("51124", "Only post-only orders are accepted now."),
    _R.PRICE_OFF_TICK: Words("51000", "Parameter px error"),
    _R.SIZE_OFF_LOT: Words("51121", "Order quantity must be a multiple of the lot size."),
    _R.PRICE_OUT_OF_RANGE: Words("51116", "Order price or trigger price exceeds the limit."),
    _R.SIZE_TOO_SMALL: Words("51020", "Your order should meet or exceed the minimum order amount."),
    _R.SIZE_TOO_LARGE: Words("51005", "Your order amount exceeds the max order amount."),
    _R.NOTIONAL_TOO_SMALL: Words("51118", "Total amount should exceed the min amount per order."),
    _R.NOTIONAL_TOO_LARGE: Words("51202", "Market order amount exceeds the maximum amount."),
    _R.AMOUNT_TOO_LARGE: Words("51203", "Order amount exceeds the limit."),
    _R.DISPLAY_OUT_OF_RANGE: Words("51254", "Iceberg average amount error."),
    _R.TRAIL_OUT_OF_RANGE: Words("51257", "Trailing stop order callback rate error."),
    _R.EXPIRY_NOT_AHEAD: TIMED_OUT,
    _R.PRICE_OUTSIDE_BAND: Words("51006", "Order price is not within the price limit."),
    _R.DUPLICATE_CLIENT_ORDER_ID: DUPLICATE,
    _R.UNKNOWN_ORDER: NOT_THERE,
    _R.SIZE_BELOW_FILLED: Words(
        "51515", "Modification failed as the new size is below what was filled."
    ),
    _R.UNKNOWN_TRANSFER: Words("58214", "Withdrawal does not exist."),
    _R.TOO_MANY_ORDERS: Words("51174", "The number of pending orders reached the upper limit."),
    _R.TOO_MANY_TRIGGERS: Words(
        "51261", "The number of pending stop orders reached the upper limit."
    ),
    _R.WOULD_TRIGGER: OUT_OF_RANGE,
    _R.POST_ONLY_WOULD_TAKE: Words("51019", "Post-only order would take liquidity."),
    _R.INSUFFICIENT_BALANCE: Words("51008", "Order failed. Insufficient balance in account"),
    _R.GROUP_REFUSED: Words("51000", "Parameter attachAlgoOrds error"),
}
# On a WebSocket: what is said of a login, and of what is asked for.
WS_LOGIN: dict[AccessReason, Words] = {
    _A.MISSING_KEY: Words("60005", "Invalid apiKey"),
    _A.UNKNOWN_KEY: Words("60005", "Invalid apiKey"),
    _A.KEY_EXPIRED: Words("60032", "API key doesn't exist"),
    _A.KEY_ROTATED: Words("60032", "API key doesn't exist"),
    _A.IP_NOT_ALLOWED: Words("60009", "Login failed."),
    _A.MISSING_SIGNATURE: Words("60007", "Invalid sign"),
    _A.MISSING_TIMESTAMP: Words("60004", "Invalid timestamp"),
    _A.BAD_SIGNATURE: Words("60007", "Invalid sign"),
    _A.BAD_PASSPHRASE: Words("60024", "Wrong passphrase"),
    _A.STALE_TIMESTAMP: Words("60006", "Timestamp request expired"),
    _A.FUTURE_TIMESTAMP: Words("60006", "Timestamp request expired"),
    _A.MISSING_SCOPE: Words("60009", "Login failed."),
    _A.IP_LIMIT: Words("60014", "Requests too frequent"),
    _A.IP_BANNED: Words("60014", "Requests too frequent"),
    _A.KEY_LIMIT: Words("60014", "Requests too frequent"),
    _A.MALFORMED: Words("60013", "Invalid args"),
}


# What has a code of its own on a WebSocket alone.
WS_TEXTS: dict[str, str] = {
    "60004": "Invalid timestamp",
    "60011": "Please log in",
    "60012": "Invalid request",
    "60013": "Invalid args",
    "60014": "Requests too frequent",
    "60018": "Wrong URL or channel, instId, instType doesn't exist. Please use the correct URL, channel and parameters referring to API document.",  # noqa: E501
    "60019": "Invalid op",
    "60028": "The current operation is not supported by this URL.",
    "60031": "The WebSocket endpoint does not allow multiple or repeated logins.",
    "64001": "This channel has been migrated to the '/business' URL.",
    "64002": "This channel is not supported by '/business' URL.",
    "50104": "Wrong passphrase",
    "50106": "Invalid sign",
    "50107": "Invalid timestamp",
}
FORM_MAX = 1_024  # bytes of what a channel is asked for by


# -- server half --------------------------------------------------------------------------------


class ErrorBody(Struct, frozen=True):
    """An answer that says no."""

    code: str
    msg: str
    data: tuple[()] = ()
    help: str = ""


def shown(text: str) -> str:
    """Return what came in, cut to a length and without surprises, to be repeated to its sender."""
    cut = text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."
    return ascii(cut)


def said(words: Words, how: str, field: str | None = None) -> DecodeError:
    """Return a refusal in the venue's words, and how to mend it."""
    return DecodeError(how, field, words.code)


def invalid(field: str, how: str) -> DecodeError:
    """Return the refusal of a parameter."""
    return said(PARAMETER, how, field)


def refused(
    words: Words, how: str, reason: RejectReason, field: str | None = None
) -> SessionRefused:
    """Return a refusal for a reason, in other words than its usual ones."""
    return SessionRefused(Refusal(reason, how, field, code=words.code))


_ALL = (
    *(NO_INSTRUMENT, NO_NAME, DUPLICATE, TIMED_OUT, NOT_CANCELED, NOTHING_TO_AMEND, NOT_AMENDED),
    *(NOT_AMENDABLE, NOT_THERE, TOO_MANY, MISSING, BAD_JSON, NO_BODY, CONTENT_TYPE, CONFLICT),
    *(UNAVAILABLE_HERE, PARAMETER, NO_POSITION, REDUCE_ONLY, NO_MARGIN, POST_ONLY_AMEND),
    *(OUT_OF_RANGE, TP_TOO_HIGH, SL_TOO_LOW, TP_TOO_LOW, SL_TOO_HIGH),
    Words("50104", 'Request header "OK-ACCESS-PASSPHRASE" cannot be empty.', 401),
    Words("50112", "Invalid OK-ACCESS-TIMESTAMP.", 401),
)
_BY_CODE = {
    words.code: words for words in (*reversed(REFUSED.values()), *TURNED_AWAY.values(), *_ALL)
}


def words_of(refusal: Refusal) -> Words:
    """Return code, text and status of a refusal, with the parameter that it is about."""
    if isinstance(refusal.code, str):
        found = _BY_CODE.get(refusal.code, Words(refusal.code, refusal.message, 400))
    elif isinstance(refusal.reason, AccessReason):
        found = TURNED_AWAY[refusal.reason]
    else:
        found = REFUSED[refusal.reason]
    return found._replace(text=found.text.replace("{}", refusal.field or "").replace("  ", " "))


REFUSALS = (DecodeError, UnitError, Unsupported, SessionRefused)


def refusal_of(error: Exception) -> Refusal:
    """Return what one of `REFUSALS` says."""
    match error:
        case SessionRefused():
            return error.refusal
        case UnitError():
            return Refusal(error.reason, str(error), error.field)
        case DecodeError():
            return Refusal(_A.MALFORMED, str(error), error.field, code=error.code)
        case _:
            return Refusal(_R.UNSUPPORTED, str(error))


def response(refusal: Refusal, _now_ns: int) -> Response:
    """Return the response to a refused request."""
    words = words_of(refusal)
    headers = {}
    if refusal.retry_after_ns:
        headers["retry-after"] = str(-(-refusal.retry_after_ns // SECOND_NS))
    if refusal.reason is _A.METHOD_NOT_ALLOWED and refusal.field:
        headers["allow"] = refusal.field
    if refusal.reason is _A.UPGRADE_REQUIRED:
        headers |= UPGRADE
    body = ErrorBody(words.code, words.text, help=refusal.message)
    return json_response(words.status, msgspec.json.encode(body), headers)


# -- client half --------------------------------------------------------------------------------

# Who asks is not accepted, and will not be.
DENIALS = frozenset(
    {
        *("50007", "50008", "50009", "50012", "50030", "50035", "50100", "50101", "50103", "50104"),
        *("50105", "50106", "50107", "50110", "50111", "50113", "50114", "50119", "50120"),
        *("60005", "60007", "60009", "60024", "60032"),
    }
)
CLOCK = frozenset({"50102", "50112", "60004", "60006"})
EARLY = frozenset({"60011"})  # an order that came before its login
LIMITS = frozenset({"50011", "50061", "60014"})
CLOSED = frozenset({"50001", "50005"})
# The venue's own words for "I do not know".
MAYBE = frozenset({"50001", "50004", "50005", "50026", "51149"})
BUSY = frozenset({"50013"})  # not taken up; later it may be

REASONS: Mapping[str, RejectReason] = {
    **{words.code: reason for reason, words in reversed(REFUSED.items())},
    "51000": _R.UNSUPPORTED,
    "51004": _R.SIZE_TOO_LARGE,
    "51009": _R.MARKET_HALTED,
    "51010": _R.UNSUPPORTED,
    "51011": _R.DUPLICATE_CLIENT_ORDER_ID,
    "51012": _R.UNKNOWN_INSTRUMENT,
    "51015": _R.UNKNOWN_INSTRUMENT,
    "51021": _R.MARKET_HALTED,
    "51022": _R.MARKET_HALTED,
    "51025": _R.TOO_MANY_ORDERS,
    "51100": _R.SIZE_TOO_SMALL,
    "51119": _R.INSUFFICIENT_BALANCE,
    "51120": _R.SIZE_TOO_SMALL,
    "51127": _R.INSUFFICIENT_BALANCE,
    "51131": _R.INSUFFICIENT_BALANCE,
    "51137": _R.PRICE_OUTSIDE_BAND,
    "51138": _R.PRICE_OUTSIDE_BAND,
    "51201": _R.NOTIONAL_TOO_LARGE,
    "51260": _R.TOO_MANY_TRIGGERS,
    "51262": _R.TOO_MANY_TRIGGERS,
    "51277": _R.WOULD_TRIGGER,
    "51278": _R.WOULD_TRIGGER,
    "51279": _R.WOULD_TRIGGER,
    "51280": _R.WOULD_TRIGGER,
    "51400": _R.UNKNOWN_ORDER,
    "51401": _R.UNKNOWN_ORDER,
    "51402": _R.UNKNOWN_ORDER,
    "51410": _R.UNKNOWN_ORDER,
    "51502": _R.INSUFFICIENT_BALANCE,
    "51503": _R.UNKNOWN_ORDER,
    "51509": _R.UNKNOWN_ORDER,
    "51510": _R.UNKNOWN_ORDER,
    "51511": _R.POST_ONLY_WOULD_TAKE,
    "51603": _R.UNKNOWN_ORDER,
}


class Item(Struct):
    """As much of an answer's entry as tells whether it is a no."""

    sCode: str = ""  # noqa: N815
    sMsg: str = ""  # noqa: N815


class Head(Struct):
    """As much of an answer as tells whether it is one, and a no."""

    code: str
    msg: str
    data: Any


def refused_outcome(response: Response) -> Outcome | None:
    """Return what a response means that is no success; None where it is one."""
    try:
        head = msgspec.json.decode(response.body, type=Head)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # Not the venue's API: a proxy, a portal, another server.
        return Unknown(f"{response.status} {response.body[:SHOWN_MAX].decode(errors='replace')}")
    if head.code == OK and response.status == HTTPStatus.OK:
        return None
    code, text = head.code, head.msg
    if code in (ALL_FAILED, SOME_FAILED):
        try:
            items = msgspec.convert(head.data, tuple[Item, ...])
        except msgspec.ValidationError:
            items = ()
        code, text = next(
            ((i.sCode, i.sMsg) for i in items if i.sCode not in ("", OK)), (code, text)
        )
    return _meaning(code, f"{code} {text}", response)


def _meaning(code: str, why: str, response: Response) -> Outcome:
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or code in MAYBE:
        return Unknown(why, is_closed=code in CLOSED)
    if code in LIMITS or response.status == HTTPStatus.TOO_MANY_REQUESTS:
        if code in BUSY:
            return NotSent(why, SECOND_NS)
        return NotSent(why, _retry_after_ns(response), halt=Halt.LIMITED)
    if code in CLOCK:
        return NotSent(why, 0, blames_clock=True)
    if code in EARLY:
        return NotSent(why)
    if code in DENIALS:
        return NotSent(why, 0, is_denied=True)
    if code in (OK, ALL_FAILED, SOME_FAILED):
        return Unknown(why)  # a no that does not say of what
    return Answered(Refused(REASONS.get(code, _R.UNSUPPORTED), why))


def _retry_after_ns(response: Response) -> int:
    text = response.headers.get("retry-after", "")
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004
    return seconds * SECOND_NS
