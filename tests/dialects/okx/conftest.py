import pytest

from tests.dialects.okx.venue import Venue


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
def market(venue: Venue) -> Venue:
    """A last price of 50,000, and a book around it."""
    venue.place(venue.bob, side="sell")
    venue.place()
    venue.place(venue.bob, side="sell", px="51000", sz="1")
    venue.place(venue.bob, px="49000", sz="1")
    return venue
