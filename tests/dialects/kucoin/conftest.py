import pytest

from tests.dialects.kucoin.venue import Venue


@pytest.fixture
def venue() -> Venue:
    return Venue()
