"""Text parameters into request structs and back, with the venue's own errors.

The invariant: a struct comes out only if every parameter is known, given once and of the legal
form; otherwise a DecodeError carries the venue's code and text, and how to mend it. On Binance a
name means the same everywhere, so one table, `PARAMETERS`, holds for REST and the WebSocket API
and for both ends. What the values mean together is judged by the modules that use them.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum, auto
from functools import lru_cache
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from steelyard.dialects.binance import errors
from steelyard.dialects.binance.messages import (
    AnyRequest,
)
from steelyard.dialects.binance.text import DECIMALS, INTERVALS_NS
from steelyard.wire.dialect import Endpoint
from steelyard.wire.http import Request

# Every signed request has them; auth.py reads them.
SIGNING = frozenset({"timestamp", "recvWindow", "signature", "apiKey", "returnRateLimits"})

FORM = "application/x-www-form-urlencoded"

PARAMETERS_MAX = 64
SYMBOLS_MAX = 100
OFFSET_MAX = 10_000  # entries of a list that may be passed over


class Kind(Enum):
    """How a parameter is read and printed."""

    TEXT = auto()
    INTEGER = auto()
    DECIMAL = auto()
    FLAG = auto()
    SYMBOLS = auto()


class Legal(NamedTuple):
    """A form as the venue writes it, and ready to match."""

    text: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the form that a regular expression describes; letters and digits are ASCII."""
        return cls(text, re.compile(text, re.ASCII))


class Parameter(NamedTuple):
    """What a name may stand for. Of a text with choices, `wrong` is what is said to others."""

    kind: Kind
    legal: Legal
    choices: tuple[str, ...] = ()
    wrong: tuple[int, str] = (-1130, "")
    most: int | None = None  # more is read as this much, as the venue does
    least: int = 0


SYMBOL = Legal.of("^[A-Z0-9-_.]{1,20}$")
AMOUNT = Legal.of(r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
INTEGER = Legal.of("^[0-9]{1,20}$")
CLIENT_ID = Legal.of(r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
WORD = Legal.of("^[A-Za-z0-9_+:-]{1,32}$")
COIN = Legal.of("^[A-Z0-9]{1,20}$")
ADDRESS = Legal.of("^[A-Za-z0-9:._-]{1,128}$")
NAMED = Legal.of("^[A-Za-z0-9 :._-]{1,128}$")
TOKEN = Legal.of("^[A-Za-z0-9]{1,128}$")
NUMBERS = Legal.of("^[0-9]{1,20}(,[0-9]{1,20}){0,44}$")
WINDOW = Legal.of("^([1-9]|[1-5][0-9])m$|^([1-9]|1[0-9]|2[0-3])h$|^[1-7]d$")
PERMISSIONS = Legal.of(
    r'^([A-Z0-9_]{1,20}|\["[A-Z0-9_]{1,20}"( ?, ?"[A-Z0-9_]{1,20}"){0,40}\])$',
)


def _choice(code: int, text: str, *choices: str) -> Parameter:
    return Parameter(Kind.TEXT, WORD, choices, (code, text))


_COUNT = Parameter(Kind.INTEGER, INTEGER)
_AMOUNT = Parameter(Kind.DECIMAL, AMOUNT)
_CLIENT_ID = Parameter(Kind.TEXT, CLIENT_ID)
_WORD = Parameter(Kind.TEXT, WORD)
_FLAG = Parameter(Kind.FLAG, Legal.of("^(true|false)$"))

PARAMETERS: dict[str, Parameter] = {
    "symbol": Parameter(Kind.TEXT, SYMBOL),
    "symbols": Parameter(Kind.SYMBOLS, SYMBOL),
    "side": _choice(-1117, "Invalid side.", "BUY", "SELL"),
    "type": _choice(
        -1116,
        "Invalid orderType.",
        *("LIMIT", "MARKET", "LIMIT_MAKER"),
        *("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"),
        *("FULL", "MINI"),  # of a ticker
    ),
    "timeInForce": _choice(-1115, "Invalid timeInForce.", "GTC", "IOC", "FOK"),
    "interval": _choice(-1120, "Invalid interval.", *INTERVALS_NS),
    "newOrderRespType": _choice(
        -1130, "Data sent for parameter 'newOrderRespType' is not valid.", "ACK", "RESULT", "FULL"
    ),
    "selfTradePreventionMode": _choice(
        -1130,
        "Data sent for parameter 'selfTradePreventionMode' is not valid.",
        *("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"),
    ),
    "cancelRestrictions": _choice(
        -1145, "Invalid cancelRestrictions", "ONLY_NEW", "ONLY_PARTIALLY_FILLED"
    ),
    "symbolStatus": _choice(-1122, "Invalid symbolStatus.", "TRADING", "HALT", "BREAK"),
    "cancelReplaceMode": _choice(
        -1130,
        "Data sent for parameter 'cancelReplaceMode' is not valid.",
        *("STOP_ON_FAILURE", "ALLOW_FAILURE"),
    ),
    "orderRateLimitExceededMode": _choice(
        -1130,
        "Data sent for parameter 'orderRateLimitExceededMode' is not valid.",
        *("DO_NOTHING", "CANCEL_ONLY"),
    ),
    "stopLimitTimeInForce": _choice(-1115, "Invalid timeInForce.", "GTC", "IOC", "FOK"),
    "newQty": _AMOUNT,
    "limitIcebergQty": _AMOUNT,
    "stopIcebergQty": _AMOUNT,
    "stopLimitPrice": _AMOUNT,
    **dict.fromkeys(
        (
            *("listClientOrderId", "limitClientOrderId", "stopClientOrderId"),
            *("cancelNewClientOrderId", "cancelOrigClientOrderId"),
        ),
        _CLIENT_ID,
    ),
    **dict.fromkeys(
        (
            *("orderListId", "cancelOrderId"),
            *("limitStrategyId", "limitStrategyType", "stopStrategyId", "stopStrategyType"),
        ),
        _COUNT,
    ),
    "quantity": _AMOUNT,
    "quoteOrderQty": _AMOUNT,
    "price": _AMOUNT,
    "stopPrice": _AMOUNT,
    "icebergQty": _AMOUNT,
    "newClientOrderId": _CLIENT_ID,
    "origClientOrderId": _CLIENT_ID,
    "orderId": _COUNT,
    "fromId": _COUNT,
    "startTime": _COUNT,
    "endTime": _COUNT,
    "strategyId": _COUNT,
    "strategyType": _COUNT,
    "trailingDelta": _COUNT,
    "pegOffsetValue": _COUNT,
    "subscriptionId": _COUNT,
    "limit": Parameter(Kind.INTEGER, INTEGER, least=1, most=5_000),
    "timeZone": _WORD,
    "permissions": Parameter(Kind.TEXT, PERMISSIONS),
    "windowSize": Parameter(Kind.TEXT, WINDOW),
    "listenKey": Parameter(Kind.TEXT, TOKEN),
    "coin": Parameter(Kind.TEXT, COIN),
    "network": _WORD,
    "address": Parameter(Kind.TEXT, ADDRESS),
    "addressTag": Parameter(Kind.TEXT, ADDRESS),
    "name": Parameter(Kind.TEXT, NAMED),
    "withdrawOrderId": _CLIENT_ID,
    "amount": Parameter(Kind.DECIMAL, AMOUNT),
    "transactionFeeFlag": _FLAG,
    "walletType": _COUNT,
    "status": _COUNT,
    "offset": Parameter(Kind.INTEGER, INTEGER, most=OFFSET_MAX),
    "txId": Parameter(Kind.TEXT, NAMED),
    "idList": Parameter(Kind.TEXT, NUMBERS),
    "includeSource": _FLAG,
    "preventedMatchId": _COUNT,
    "fromPreventedMatchId": _COUNT,
    "fromAllocationId": _COUNT,
    "pegPriceType": _WORD,
    "pegOffsetType": _WORD,
    "showPermissionSets": _FLAG,
    "omitZeroBalances": _FLAG,
    "computeCommissionRates": _FLAG,
}

# A leg of an order list has an order's parameters with a prefix.
for _prefix in ("above", "below", "working", "pending", "pendingAbove", "pendingBelow"):
    for _own in (
        *("type", "side", "quantity", "price", "stopPrice", "trailingDelta", "timeInForce"),
        *("icebergQty", "strategyId", "strategyType"),
        *("pegPriceType", "pegOffsetType", "pegOffsetValue"),
    ):
        PARAMETERS[f"{_prefix}{_own[0].upper()}{_own[1:]}"] = PARAMETERS[_own]
    PARAMETERS[f"{_prefix}ClientOrderId"] = _CLIENT_ID


# -- server half --------------------------------------------------------------------------------


def read(request: Request, endpoint: Endpoint, captured: Mapping[str, str]) -> Struct:
    """Return a request's parameters; where query and body both have one, the query's.

    Raises:
        DecodeError: With the venue's code and words.
    """
    given = pairs(request.query.encode())
    if request.method in {"POST", "PUT", "DELETE"} and request.body:
        given = {**pairs(request.body), **given}
    is_strict = endpoint.path.startswith("/api/") and endpoint.request is not AnyRequest
    return parse({**given, **captured}, endpoint.request, is_strict=is_strict)


def pairs(text: bytes) -> dict[str, str]:
    """Return the parameters of a query or form.

    Raises:
        DecodeError: Not UTF-8, too many, or one of them twice.
    """
    if not text:
        return {}
    try:
        found = parse_qsl(
            text.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=PARAMETERS_MAX,
        )
    except UnicodeDecodeError as error:
        raise errors.said(
            -1100, "Illegal characters found in a parameter.", "send UTF-8, percent-encoded"
        ) from error
    except ValueError as error:
        raise errors.said(
            -1101, "Too many parameters sent for this endpoint.", f"send at most {PARAMETERS_MAX}"
        ) from error
    names = dict(found)
    if len(names) < len(found):
        twice = next(name for name, _ in found if [n for n, _ in found].count(name) > 1)
        raise errors.said(
            -1101,
            "Duplicate values for a parameter detected.",
            f"send {errors.shown(twice)} once",
            twice,
        )
    return names


def parse(given: Mapping[str, str], request: type[Struct], *, is_strict: bool = True) -> Struct:
    """Return a request struct from named texts; strictly, no other names may be among them.

    Raises:
        DecodeError: With the venue's code and words.
    """
    values: dict[str, Any] = {}
    wanted = _fields(request)
    for field in wanted:
        text = given.get(field.name)
        if text:
            values[field.name] = value_of(field.name, text)
        elif field.default is NODEFAULT:
            raise errors.missing(field.name)
        elif text is not None:
            raise errors.said(
                -1105,
                f"Parameter '{field.name}' was empty.",
                "give it a value or leave it out",
                field.name,
            )
    unread = [name for name in given if name not in values and name not in SIGNING]
    if unread and is_strict:
        _refuse_unread(len(given), unread, wanted)
    return request(**values)


def value_of(name: str, text: str) -> Any:
    """Return one parameter's value.

    Raises:
        DecodeError: With the venue's code and words.
    """
    parameter = PARAMETERS[name]
    if parameter.kind is Kind.SYMBOLS:
        return _symbols(name, text)
    if not parameter.legal.pattern.fullmatch(text):
        raise errors.illegal(name, parameter.legal.text, text)
    match parameter.kind:
        case Kind.FLAG:
            return text == "true"
        case Kind.DECIMAL:
            if len(text.partition(".")[2]) > DECIMALS:
                raise errors.said(
                    -1111,
                    f"Parameter '{name}' has too much precision.",
                    f"{errors.shown(text)} has more than {DECIMALS} decimals",
                    name,
                )
            return Decimal(text)
        case Kind.INTEGER:
            return _integer(name, text, parameter)
        case _:
            if parameter.choices and text not in parameter.choices:
                code, said = parameter.wrong
                known = ", ".join(parameter.choices)
                raise errors.said(code, said, f"{errors.shown(text)} is none of {known}", name)
            return text


def _integer(name: str, text: str, parameter: Parameter) -> int:
    number = int(text)
    if number >= 2**63:
        raise errors.said(-1108, f"Parameter '{name}' overflowed.", "it has to be below 2^63", name)
    if number < parameter.least:
        raise errors.said(
            -1130,
            f"Data sent for parameter '{name}' is not valid.",
            f"the least is {parameter.least}",
            name,
        )
    return number if parameter.most is None else min(number, parameter.most)


def _symbols(name: str, text: str) -> tuple[str, ...]:
    try:
        found = msgspec.json.decode(text, type=tuple[str, ...])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.illegal(name, '["BTCUSDT","ETHUSDT"]', text) from error
    if not found or len(found) > SYMBOLS_MAX:
        raise errors.illegal(name, f"1 to {SYMBOLS_MAX} symbols", text)
    for symbol in found:
        if not SYMBOL.pattern.fullmatch(symbol):
            raise errors.illegal(name, SYMBOL.text, symbol)
    if len(set(found)) < len(found):
        raise errors.said(
            -1151, "Symbol is present multiple times in the list.", "name each once", name
        )
    return found


def _refuse_unread(sent: int, unread: Sequence[str], wanted: Sequence[FieldInfo]) -> None:
    known = ", ".join(field.name for field in wanted) or "no parameters"
    raise errors.said(
        -1104,
        f"Not all sent parameters were read; read '{sent - len(unread)}' parameter(s) but was "
        f"sent '{sent}'.",
        f"not read: {', '.join(errors.shown(name) for name in unread[:5])}; "
        f"this request takes {known}",
        unread[0],
    )


@lru_cache(maxsize=128)
def _fields(request: type[Struct]) -> tuple[FieldInfo, ...]:
    return fields(request)


@lru_cache(maxsize=128)
def _defaults(request: type[Struct]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in _fields(request))


# -- client half --------------------------------------------------------------------------------


def write(request: Struct) -> str:
    """Return a request struct as a query or form, without what is at its default."""
    pairs = []
    for name, default in _defaults(type(request)):
        value = getattr(request, name)
        if value is not default and value != default:
            text = text_of(value)
            pairs.append(
                f"{name}={text if text.isalnum() and text.isascii() else quote(text, safe='')}"
            )
    return "&".join(pairs)


def text_of(value: Any) -> str:
    """Return one parameter as text."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return msgspec.json.encode(value).decode()
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


def texts_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Return JSON parameters as the texts that a query would have.

    Raises:
        DecodeError: One of them is an object, or null.
    """
    texts = {}
    for name, value in params.items():
        match value:
            case str():
                texts[name] = value
            case bool() | int():
                texts[name] = text_of(value)
            case list():
                texts[name] = msgspec.json.encode(value).decode()
            case _:
                raise errors.said(
                    -1102,
                    f"Mandatory parameter '{errors.shown(name)}' was not sent, was empty/null, "
                    "or malformed.",
                    "send a text, a number or a list of texts, or leave it out",
                    name,
                )
    return texts
