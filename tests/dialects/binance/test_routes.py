import pytest

from steelyard.dialects.binance import order_lists
from steelyard.dialects.binance.routes import DAY_NS, span_of
from steelyard.domain.errors import DecodeError

MS = 1_000_000


def test_a_span_is_a_day_at_most_and_its_last_millisecond_belongs_to_it():
    assert span_of(None, None) == (None, None)
    assert span_of(1_700_000_000_000, 1_700_086_400_000) == (
        1_700_000_000_000 * MS,
        1_700_000_000_000 * MS + DAY_NS + MS - 1,
    )
    with pytest.raises(DecodeError, match="More than 24 hours"):
        span_of(1_700_000_000_000, 1_700_086_400_001)


def test_a_list_counts_as_its_orders():
    counted = {each.path: each.orders(None) for each in order_lists.ENDPOINTS if each.is_order}
    assert {path.rpartition("/")[2]: count for path, count in counted.items()} == {
        "oco": 2,
        "oto": 2,
        "otoco": 3,
    }
