import pytest

from tests.dialects.binance.venue import Venue


@pytest.fixture
def venue() -> Venue:
    return Venue()
