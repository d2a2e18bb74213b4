import pytest

from tests.dialects.kraken.venue import Venue


@pytest.fixture
def venue() -> Venue:
    return Venue()
