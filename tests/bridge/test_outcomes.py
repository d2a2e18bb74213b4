"""Every exception that the library has, and what it means."""

import importlib.util
from pathlib import Path

import pytest

from steelyard.bridge.outcomes import (
    DENIED,
    PAUSE_NS,
    REFUSED,
    TEXT_MAX,
    TURNED_AWAY,
    UNKNOWN,
    outcome_of,
    said,
)
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import RejectReason
from steelyard.wire.outcome import Answered, NotSent, Unknown


def library_errors():
    """Load the library's errors without the library."""
    path = Path(importlib.util.find_spec("ccxt").origin).parent / "base" / "errors.py"
    spec = importlib.util.spec_from_file_location("ccxt_errors", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ERRORS = library_errors()
UNSUPPORTED = RejectReason.UNSUPPORTED
# class: what an order that raised it came to
TABLE = {
    "BaseError": "unknown",
    "ExchangeError": "unknown",  # any code that the library does not know
    "AuthenticationError": "denied",
    "PermissionDenied": "denied",
    "AccountNotEnabled": "denied",
    "AccountSuspended": "denied",
    "ArgumentsRequired": UNSUPPORTED,
    "BadRequest": UNSUPPORTED,
    "BadSymbol": RejectReason.UNKNOWN_INSTRUMENT,
    "OperationRejected": UNSUPPORTED,
    "NoChange": UNSUPPORTED,
    "MarginModeAlreadySet": UNSUPPORTED,
    "MarketClosed": RejectReason.MARKET_HALTED,
    "ManualInteractionNeeded": UNSUPPORTED,
    "RestrictedLocation": "denied",
    "InsufficientFunds": RejectReason.INSUFFICIENT_BALANCE,
    "InvalidAddress": UNSUPPORTED,
    "AddressPending": UNSUPPORTED,
    "InvalidOrder": UNSUPPORTED,
    "OrderNotFound": RejectReason.UNKNOWN_ORDER,
    "OrderNotCached": RejectReason.UNKNOWN_ORDER,
    "OrderImmediatelyFillable": RejectReason.POST_ONLY_WOULD_TAKE,
    "OrderNotFillable": UNSUPPORTED,
    "DuplicateOrderId": RejectReason.DUPLICATE_CLIENT_ORDER_ID,
    "ContractUnavailable": RejectReason.UNKNOWN_INSTRUMENT,
    "NotSupported": UNSUPPORTED,
    "InvalidProxySettings": UNSUPPORTED,
    "ExchangeClosedByUser": "unknown",
    "OperationFailed": "unknown",
    "NetworkError": "unknown",
    "DDoSProtection": PAUSE_NS,
    "RateLimitExceeded": PAUSE_NS,
    "ExchangeNotAvailable": "unknown",  # a lost answer, or a 5xx
    "OnMaintenance": "unknown",  # several venues say it of an order that they took
    "InvalidNonce": SECOND_NS,
    "ChecksumError": SECOND_NS,
    "RequestTimeout": "unknown",
    "BadResponse": "unknown",
    "NullResponse": "unknown",
    "CancelPending": "unknown",
    "UnsubscribeError": "unknown",
}


def all_classes() -> list[str]:
    return [
        name
        for name, value in vars(ERRORS).items()
        if isinstance(value, type) and issubclass(value, ERRORS.BaseError)
    ]


def test_the_table_has_every_class_that_the_library_has():
    """A new version that adds one fails here."""
    assert sorted(TABLE) == sorted(all_classes())
    assert {*REFUSED, *DENIED, *TURNED_AWAY, *UNKNOWN} <= set(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_class_means_one_outcome(name):
    """By the class, whatever the text says."""
    for text in ("timeout", "insufficient balance", ""):
        outcome = outcome_of(getattr(ERRORS, name)(text))
        match TABLE[name]:
            case "unknown":
                assert isinstance(outcome, Unknown)
            case "denied":
                assert isinstance(outcome, NotSent)
                assert outcome.is_denied
            case RejectReason() as reason:
                assert isinstance(outcome, Answered)
                assert outcome.answer.reason is reason
            case pause_ns:
                assert (outcome.retry_after_ns, outcome.is_denied) == (pause_ns, False)


@pytest.mark.parametrize("error", [KeyError("id"), TypeError("x"), ZeroDivisionError()])
def test_what_is_no_error_of_the_library_is_not_known(error):
    """It stumbled over an answer: there was one."""
    assert isinstance(outcome_of(error), Unknown)


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("ClientConnectorError", NotSent),
        ("gaierror", NotSent),
        ("ServerDisconnectedError", Unknown),
    ],
)
def test_an_exchange_that_is_not_there_has_taken_nothing(cause, kind):
    """The same class stands for a connection that was never made and for one that broke."""
    error = ERRORS.ExchangeNotAvailable("binance POST http://127.0.0.1:1/order")
    error.__cause__ = type(cause, (OSError,), {})()
    assert type(outcome_of(error)) is kind


def test_neither_secrets_nor_signatures_are_repeated():
    error = ERRORS.RequestTimeout("x GET http://h/p?apiKey=K1&signature=abc hush\n\x1b[31m")
    text = said(error, ("hush", "K1", ""))
    assert text == "RequestTimeout: x GET http://h/p?... *** ?[31m"
    assert len(said(ERRORS.ExchangeError("x" * 9999))) <= TEXT_MAX + 20
