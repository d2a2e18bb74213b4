import pytest

from tests.dialects.weex.venue import Venue


@pytest.fixture
def venue() -> Venue:
    return Venue()
