import pytest

from tests.dialects.native.venue import Venue


@pytest.fixture
def venue() -> Venue:
    return Venue()
