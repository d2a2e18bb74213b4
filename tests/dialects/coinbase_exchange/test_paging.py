import pytest

from steelyard.dialects.coinbase_exchange import paging
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import Around


def test_a_page_names_its_ends():
    page = paging.page(["b", "a"], [2, 1], Around(before=1))
    assert page.headers[paging.BEFORE] == "2"
    assert page.headers[paging.AFTER] == "1"
    assert paging.AFTER not in paging.page(["b", "a"], [2, 1], Around()).headers
    assert paging.page([], [], Around()) == ()


def test_what_is_older_for_the_venue_came_before_for_us():
    assert paging.places_of("7", None) == {"after": 7, "before": None}
    assert paging.places_of(None, "7") == {"after": None, "before": 7}


def test_cursors_and_limits_are_numbers():
    for wrong in ("x", "-1", "1" * 19, ""):
        with pytest.raises(DecodeError):
            paging.cursor_of(wrong, "before")
    assert paging.limit_of(None, 100) == 100
    assert paging.limit_of(5_000) == paging.LIMIT_MAX
    with pytest.raises(DecodeError):
        paging.limit_of(0)
