import pytest

from tests.dialects.coinbase_exchange.venue import Venue


@pytest.fixture
def venue() -> Venue:
    return Venue()
