"""Errors are split by blame, and told apart by class and reason, never by text."""

import inspect

import pytest

from steelyard.domain import errors
from steelyard.domain.errors import (
    AuthError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    DecodeError,
    InvariantError,
    PeerError,
    RateLimited,
    SteelyardError,
    StorageError,
    TransportError,
    UnitError,
    Unsupported,
    UsageError,
    VenueRejected,
)
from steelyard.domain.order import RejectReason

BLAME = {
    UsageError: {ConfigError, UnitError, Unsupported},
    PeerError: {DecodeError, AuthError, RateLimited, VenueRejected},
    TransportError: {ConnectFailed, ConnectionLost},
    StorageError: set(),
    InvariantError: set(),
}


def test_the_tree_is_the_one_that_is_drawn():
    """Each error is under exactly one kind of blame, and the drawing names it."""
    found = {
        error
        for error in vars(errors).values()
        if inspect.isclass(error) and issubclass(error, Exception)
    }
    assert found == {SteelyardError, *BLAME, *set().union(*BLAME.values())}
    for blame, kinds in BLAME.items():
        assert blame.__bases__ == (SteelyardError,)
        assert set(blame.__subclasses__()) >= kinds
        assert all(kind.__bases__ == (blame,) for kind in kinds)
    for error in found:
        assert error.__name__ in (errors.__doc__ or "")
        assert error.__doc__, f"{error.__name__} does not say whose fault it is"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnitError("m", RejectReason.SIZE_OFF_LOT), {"reason": RejectReason.SIZE_OFF_LOT}),
        (DecodeError("m"), {"field": None}),
        (DecodeError("m", "price"), {"field": "price"}),
        (AuthError("m", -2015), {"code": -2015}),
        (RateLimited("m", 5), {"retry_after_ns": 5}),
        (
            VenueRejected("m", RejectReason.UNKNOWN_ORDER, "51603"),
            {"reason": RejectReason.UNKNOWN_ORDER, "code": "51603"},
        ),
    ],
)
def test_an_error_carries_what_code_needs(error: SteelyardError, told: dict[str, object]):
    """The text is for people; the rest is an attribute."""
    assert str(error) == "m"
    assert told.items() <= vars(error).items()
