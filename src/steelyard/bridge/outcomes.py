"""What an exception of the library means: not sent, answered with a no, or not known.

By its class alone, never by its text: the nearest class of its ancestry that stands in the table
counts. The rule behind the table: a class that only a venue's own no can have raised is an answer;
one that may as well stand for a lost answer is Unknown, because an order that is believed dead
and lives is the worst there is. The plain `ExchangeError` is what the library raises for every
code that it does not know, so it is Unknown too; asking again finds out.
"""

import re
from collections.abc import Iterable

from steelyard.domain.messages import SECOND_NS, Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown

PAUSE_NS = 10 * SECOND_NS  # after a venue said that it is too much
TEXT_MAX = 300

# What is refused, and why, in our words.
REFUSED: dict[str, RejectReason] = {
    "InsufficientFunds": RejectReason.INSUFFICIENT_BALANCE,
    "OrderNotFound": RejectReason.UNKNOWN_ORDER,
    "OrderNotCached": RejectReason.UNKNOWN_ORDER,
    "DuplicateOrderId": RejectReason.DUPLICATE_CLIENT_ORDER_ID,
    "OrderImmediatelyFillable": RejectReason.POST_ONLY_WOULD_TAKE,
    "OrderNotFillable": RejectReason.UNSUPPORTED,
    "ContractUnavailable": RejectReason.UNKNOWN_INSTRUMENT,
    "BadSymbol": RejectReason.UNKNOWN_INSTRUMENT,
    "MarketClosed": RejectReason.MARKET_HALTED,
    "InvalidOrder": RejectReason.UNSUPPORTED,
    "ArgumentsRequired": RejectReason.UNSUPPORTED,
    "BadRequest": RejectReason.UNSUPPORTED,
    "OperationRejected": RejectReason.UNSUPPORTED,
    "NoChange": RejectReason.UNSUPPORTED,
    "NotSupported": RejectReason.UNSUPPORTED,
    "InvalidAddress": RejectReason.UNSUPPORTED,
    "InvalidProxySettings": RejectReason.UNSUPPORTED,
}
# It does not accept who asks; the same again does not help.
DENIED = frozenset({"AuthenticationError", "RestrictedLocation"})
# It says that it has not taken it up.
TURNED_AWAY = {"RateLimitExceeded": PAUSE_NS, "DDoSProtection": PAUSE_NS, "InvalidNonce": SECOND_NS}
# It may have been carried out.
UNKNOWN = frozenset(
    {
        "BaseError",
        "ExchangeError",
        "OperationFailed",
        "NetworkError",
        "ExchangeNotAvailable",
        "RequestTimeout",
        "BadResponse",
        "CancelPending",
        "ExchangeClosedByUser",
        "UnsubscribeError",
    }
)
# Whoever asks again may be told.
LATER = frozenset({"OperationFailed", "NetworkError", "Busy", *TURNED_AWAY})
# Causes of which no byte of the request can have left; the library calls them unavailable.
NEVER_LEFT = frozenset(
    {"ClientConnectorError", "ConnectionTimeoutError", "gaierror", "NotLoopback"}
)


def outcome_of(error: BaseException, secrets: Iterable[str] = ()) -> Outcome:
    """Return what became of a request that raised."""
    text = said(error, secrets)
    if _names(error.__cause__) & NEVER_LEFT:
        return NotSent(text)
    for kind in type(error).__mro__:
        name = kind.__name__
        if name in REFUSED:
            return Answered(Refused(REFUSED[name], text))
        if name in DENIED:
            return NotSent(text, is_denied=True)
        if name in TURNED_AWAY:
            return NotSent(text, TURNED_AWAY[name])
        if name in UNKNOWN:
            break
    return Unknown(text)


def may_be_answered_later(error: BaseException) -> bool:
    """Whether the same question may find an answer: not one that is denied or cannot leave."""
    if "NotLoopback" in _names(error.__cause__):
        return False
    return bool(_names(error) & LATER)


def said(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """Return an exception for people: its class and what it says, without secrets or signatures."""
    text = str(error)
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = re.sub(r"\?\S+", "?...", " ".join(text.split()))
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    name = type(error).__name__
    return f"{name}: {text[:TEXT_MAX]}" if text else name


def _names(error: BaseException | None) -> set[str]:
    return set() if error is None else {kind.__name__ for kind in type(error).__mro__}
