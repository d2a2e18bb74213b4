"""Both kinds of venue are what a trader's process asks for."""

import inspect

import pytest

from steelyard.cli.bridge_venue import BridgeVenue
from steelyard.cli.dialect_venue import DialectVenue
from steelyard.cli.trader_process import TraderProcess
from steelyard.cli.venue import Owner, Venue


def methods(kind: type) -> dict[str, list[str]]:
    """Return the methods of a class by name, with the names of their parameters."""
    found = inspect.getmembers(kind, inspect.isfunction)
    return {
        name: list(inspect.signature(act).parameters)
        for name, act in found
        if not name.startswith("_")
    }


@pytest.mark.parametrize("kind", [DialectVenue, BridgeVenue])
def test_a_venue_has_what_a_process_asks_for(kind: type):
    """With the same parameters: a process does not know which it has."""
    assert methods(Venue).items() <= methods(kind).items()
    assert isinstance(inspect.getattr_static(kind, "rules"), property)


def test_a_process_has_what_a_venue_asks_for():
    assert methods(Owner).items() <= methods(TraderProcess).items()
