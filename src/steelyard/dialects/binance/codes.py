"""What Binance's error codes mean to who has sent the request: one table, and why.

The invariant: a code has one standing, whatever route it comes on. What it leaves open is asked of
the venue; only what the venue says it has not taken up is sent again. A code that is not in the
table counts as an answer, because the venue's 4xx are about malformed requests, unless it is of the
-10xx: those are troubles of servers and networks, and some of them say that they do not know.

Status before code: 429, 418 and 403 are said before a request is taken up; of a 5xx the venue says
that the execution may have been a success; anything else that is no 4xx is not from the venue.

The venue gives many reasons under one code (-1013, -2010, -2011, -2038) and tells them apart by its
documented texts alone, so `TEXTS` is the one place where a text is read.
Source: github.com/binance/binance-spot-api-docs, errors.md and rest-api.md, read 2026-11-21.
"""

from collections.abc import Mapping
from enum import IntEnum, auto
from http import HTTPStatus
from typing import NamedTuple

from steelyard.domain.order import RejectReason
from steelyard.wire.outcome import Halt

CANCEL_REPLACE_HALF_DONE = -2021
CANCEL_REJECTED = -2011
ORDER_REJECTED = -2010
INVALID_MESSAGE = -1013
AMEND_REJECTED = -2038
RATE_LIMITED = -1003
TOO_MANY_ORDERS = -1015
BAD_TIME = -1021

SLOW_DOWN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.IM_A_TEAPOT})
TROUBLES = range(-1099, -999)  # of servers and networks, the venue says


class Standing(IntEnum):
    """What a request has come to that was answered with an error."""

    ANSWERED = auto()  # it was looked at and refused: it has changed nothing, and never will
    NOT_TAKEN_UP = auto()  # it may be sent again
    DENIED = auto()  # the same, but with this key or signature that will not help
    UNKNOWN = auto()  # it may have been carried out, in part or whole


class Meaning(NamedTuple):
    """One code: what it leaves of the request, our word for the reason, and why so."""

    standing: Standing
    reason: RejectReason
    why: str


_S, _R = Standing, RejectReason


def _answered(reason: RejectReason, why: str) -> Meaning:
    return Meaning(_S.ANSWERED, reason, why)


def _open(standing: Standing, why: str) -> Meaning:
    return Meaning(standing, _R.UNSUPPORTED, why)


_MALFORMED = _answered(_R.UNSUPPORTED, "the form of the request is checked before it is acted on")
_COMBINATION = _answered(_R.UNSUPPORTED, "an order of this kind is not offered")
_SESSION = _answered(_R.UNSUPPORTED, "about a subscription or session, not an order")
_KEY = _open(_S.DENIED, "keys are checked before anything else")
_ORDER = "the matching engine's no; its text says why"

CODES: Mapping[int, Meaning] = {
    # -- servers and networks
    -1000: _open(_S.UNKNOWN, "an unknown error while processing the request"),
    -1001: _open(_S.UNKNOWN, "disconnected inside: it does not say before or after the order"),
    -1002: _open(_S.DENIED, "not authorized: nothing was executed"),
    RATE_LIMITED: _open(_S.NOT_TAKEN_UP, "a limit is checked before the request"),
    -1006: _open(_S.UNKNOWN, "`execution status unknown`, it says"),
    -1007: _open(_S.UNKNOWN, "`execution status unknown`, it says"),
    -1008: _open(_S.UNKNOWN, "overloaded: it does not say whether the order was passed on"),
    INVALID_MESSAGE: _answered(_R.UNSUPPORTED, "`did not reach the Matching Engine`, it says"),
    -1014: _COMBINATION,
    TOO_MANY_ORDERS: _open(_S.NOT_TAKEN_UP, "a limit is checked before the order"),
    -1016: _open(_S.NOT_TAKEN_UP, "the service is not there"),
    -1020: _answered(_R.UNSUPPORTED, "there is no such operation"),
    BAD_TIME: _open(_S.NOT_TAKEN_UP, "too late or early is never carried out; a new time may be"),
    -1022: _KEY,
    -1033: _open(_S.DENIED, "the session's name is in use"),
    -1034: _open(_S.NOT_TAKEN_UP, "a limit of connections"),
    -1035: _open(_S.NOT_TAKEN_UP, "logged out: nothing is taken here any more"),
    # -- the request
    **dict.fromkeys(
        (-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1117, -1118, -1119, -1120, -1122),
        _MALFORMED,
    ),
    **dict.fromkeys(
        (-1127, -1128, -1130, -1134, -1135, -1139, -1145, -1151, -1152, -1153, -1155), _MALFORMED
    ),
    **dict.fromkeys((-1161, -1194, -1210, -1211, -1220, -1221), _MALFORMED),
    -1108: _answered(_R.AMOUNT_TOO_LARGE, "a number that overflows"),
    -1111: _answered(_R.SIZE_OFF_LOT, "a number that is too fine; its text may say price"),
    -1112: _answered(_R.UNSUPPORTED, "there is nothing in the book to trade with"),
    -1114: _COMBINATION,
    -1115: _COMBINATION,
    -1116: _COMBINATION,
    -1121: _answered(_R.UNKNOWN_INSTRUMENT, "no such symbol"),
    -1125: _SESSION,
    **dict.fromkeys((-1158, -1160, -1165, -1166, -1168, -1196, -1197, -1198, -1199), _COMBINATION),
    **dict.fromkeys((-1222, -1223, -1224, -1225), _COMBINATION),
    # -- forms and sessions of FIX and SBE, which this API has not
    **dict.fromkeys(range(-1180, -1168), _SESSION),
    -1181: _open(_S.NOT_TAKEN_UP, "a limit of messages"),
    **dict.fromkeys(range(-1191, -1181), _SESSION),
    # -- orders, keys, subscriptions
    ORDER_REJECTED: _answered(_R.UNSUPPORTED, _ORDER),
    CANCEL_REJECTED: _answered(_R.UNSUPPORTED, _ORDER),
    -2008: _KEY,  # not documented, and really sent
    -2013: _answered(_R.UNKNOWN_ORDER, "no such order"),
    -2014: _KEY,
    -2015: _KEY,
    -2016: _answered(_R.UNSUPPORTED, "there is no window of trading"),
    CANCEL_REPLACE_HALF_DONE: _open(_S.UNKNOWN, "one half was done, the other not"),
    -2022: _answered(_R.UNSUPPORTED, "neither half was done"),
    -2026: _answered(_R.UNKNOWN_ORDER, "over since 90 days and never filled: archived"),
    -2035: _SESSION,
    -2036: _SESSION,
    AMEND_REJECTED: _answered(_R.UNSUPPORTED, _ORDER),
    -2039: _answered(_R.UNKNOWN_ORDER, "no order has both of these ids"),
    -2042: _SESSION,
    -2043: _answered(_R.UNSUPPORTED, "there is no such price"),
    # -- the wallet
    -4008: _answered(_R.UNSUPPORTED, "what the wallet's forms refuse"),
    -4015: _answered(_R.UNSUPPORTED, "withdrawing is limited"),
    -4035: _answered(_R.UNSUPPORTED, "an address that is not on the list"),
    -4036: _answered(_R.UNSUPPORTED, "an address that is too new"),
}

_MATCHING = (ORDER_REJECTED, CANCEL_REJECTED, AMEND_REJECTED)
_CHECKED = (*_MATCHING, INVALID_MESSAGE)
# Which codes, the beginning of a documented text, and our word; the first that fits counts.
TEXTS: tuple[tuple[tuple[int, ...], str, RejectReason], ...] = (
    (_MATCHING, "Unknown order sent", _R.UNKNOWN_ORDER),
    (_MATCHING, "Duplicate order sent", _R.DUPLICATE_CLIENT_ORDER_ID),
    (_MATCHING, "Market is closed", _R.MARKET_HALTED),
    (_MATCHING, "Account has insufficient balance", _R.INSUFFICIENT_BALANCE),
    (_MATCHING, "Order would trigger immediately", _R.WOULD_TRIGGER),
    (_MATCHING, "Order would immediately match", _R.POST_ONLY_WOULD_TAKE),
    (_MATCHING, "Price * QTY is zero or less", _R.NOTIONAL_TOO_SMALL),
    (_MATCHING, "IcebergQty exceeds QTY", _R.DISPLAY_OUT_OF_RANGE),
    (_MATCHING, "Quantity is not above", _R.SIZE_BELOW_FILLED),  # the venue documents no text
    (_CHECKED, "Filter failure: PRICE_FILTER", _R.PRICE_OFF_TICK),
    (_CHECKED, "Filter failure: PERCENT_PRICE", _R.PRICE_OUTSIDE_BAND),
    (_CHECKED, "Filter failure: LOT_SIZE", _R.SIZE_OFF_LOT),
    (_CHECKED, "Filter failure: MARKET_LOT_SIZE", _R.SIZE_TOO_LARGE),
    (_CHECKED, "Filter failure: NOTIONAL", _R.NOTIONAL_TOO_SMALL),
    (_CHECKED, "Filter failure: MIN_NOTIONAL", _R.NOTIONAL_TOO_SMALL),
    (_CHECKED, "Filter failure: ICEBERG_PARTS", _R.DISPLAY_OUT_OF_RANGE),
    (_CHECKED, "Filter failure: TRAILING_DELTA", _R.TRAIL_OUT_OF_RANGE),
    (_CHECKED, "Filter failure: MAX_POSITION", _R.AMOUNT_TOO_LARGE),
    (_CHECKED, "Filter failure: MAX_NUM_ALGO_ORDERS", _R.TOO_MANY_TRIGGERS),
    (_CHECKED, "Filter failure: EXCHANGE_MAX_NUM_ALGO_ORDERS", _R.TOO_MANY_TRIGGERS),
    (_CHECKED, "Filter failure: MAX_NUM_ORDER_AMENDS", _R.UNSUPPORTED),
    (_CHECKED, "Filter failure: MAX_NUM_", _R.TOO_MANY_ORDERS),  # orders, lists, icebergs
    (_CHECKED, "Filter failure: EXCHANGE_MAX_NUM_", _R.TOO_MANY_ORDERS),
    ((INVALID_MESSAGE,), "Invalid quantity", _R.SIZE_TOO_SMALL),
    ((INVALID_MESSAGE,), "Invalid price", _R.PRICE_OUT_OF_RANGE),
    ((-1111,), "Parameter 'price'", _R.PRICE_OFF_TICK),
    ((-1111,), "Parameter 'stopPrice'", _R.PRICE_OFF_TICK),
)

_ELSEWHERE = _open(Standing.UNKNOWN, "this is no answer of the venue's")
_NEW_TROUBLE = _open(Standing.UNKNOWN, "a code of servers and networks that is not known")
_NEW = _open(Standing.ANSWERED, "a code that is not known, of a request that was refused")
_SLOW_DOWN = _open(Standing.NOT_TAKEN_UP, "limits are checked before the request")
_FIREWALL = _open(Standing.NOT_TAKEN_UP, "turned away in front of the API")
_INTERNAL = _open(Standing.UNKNOWN, "of a 5xx the venue says that it may have been a success")


def halt_of(status: int, code: int) -> Halt | None:
    """Return the venue's word to stop that an error is; None: it is none."""
    if status == HTTPStatus.IM_A_TEAPOT:
        return Halt.BANNED
    is_limit = status == HTTPStatus.TOO_MANY_REQUESTS or code in (RATE_LIMITED, TOO_MANY_ORDERS)
    return Halt.LIMITED if is_limit else None


def meaning_of(status: int, code: int, text: str) -> Meaning:
    """Return what an error means, by HTTP status, code (0: there was none) and text."""
    if status in SLOW_DOWN:
        return _SLOW_DOWN
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _INTERNAL
    if status == HTTPStatus.FORBIDDEN:
        return _FIREWALL
    if code >= 0 or status < HTTPStatus.BAD_REQUEST:
        return _ELSEWHERE
    meaning = CODES.get(code, _NEW_TROUBLE if code in TROUBLES else _NEW)
    for codes, beginning, reason in TEXTS:
        if code in codes and text.startswith(beginning):
            return meaning._replace(reason=reason)
    return meaning
