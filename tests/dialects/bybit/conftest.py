import pytest

from tests.dialects.bybit.venue import Venue


@pytest.fixture
def venue() -> Venue:
    return Venue()
