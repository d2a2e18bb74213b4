import pytest

from tests.dialects.coinbase_advanced.venue import Venue


@pytest.fixture
def venue() -> Venue:
    return Venue()
