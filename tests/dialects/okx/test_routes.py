import pytest

from steelyard.dialects.okx import routes
from steelyard.domain.errors import DecodeError, UsageError
from steelyard.domain.instrument import Listings
from steelyard.sim.stand import BTC_USDT
from steelyard.wire.dialect import SessionRefused

ROWS = [9, 7, 5, 3, 1]


@pytest.mark.parametrize(
    ("after", "before", "limit", "part"),
    [
        (None, None, 2, (9, 7)),
        ("7", None, 2, (5, 3)),
        (None, "3", 2, (7, 5)),
        ("9", "1", 2, (7, 5)),
        ("0", None, 2, ()),
        (None, "9", 2, ()),
    ],
)
def test_pages_go_either_way_without_the_cursor(after, before, limit, part):
    assert routes.page(ROWS, lambda row: row, after, before, limit) == part


def test_parameters_that_are_none_are_told():
    for wrong in ("x", "", "-1", "1" * 50):
        with pytest.raises(DecodeError):
            routes.cursor_of(wrong, "after")
        with pytest.raises(DecodeError):
            routes.limit_of(wrong, 1, 1)
    with pytest.raises(DecodeError):
        routes.moment("soon", "begin")
    with pytest.raises(DecodeError):
        routes.is_spot("spot")
    assert routes.limit_of("500", 100, 300) == 300
    assert routes.is_spot(None)
    assert not routes.is_spot("SWAP")


def test_an_instrument_has_to_be_there():
    listings = Listings([BTC_USDT])
    assert routes.instrument_of("BTC-USDT", listings) is BTC_USDT
    with pytest.raises(DecodeError):
        routes.instrument_of(None, listings)
    with pytest.raises(SessionRefused, match="there are BTC-USDT"):
        routes.instrument_of("btc-usdt", listings)
    assert isinstance(routes.needs_key("x"), UsageError)
