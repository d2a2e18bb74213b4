"""How much may be asked: the pools, orders and cancels; and what is said of too much."""

from steelyard.dialects.weex import limits
from steelyard.wire.http import Response
from tests.dialects.weex.venue import Venue


def test_a_public_pool_is_five_hundred_and_its_no_has_no_msg():
    """Symbols weigh 20: the 26th request is one too many, and says when to come again."""
    venue = Venue(limits.LIMITS)
    for _ in range(25):
        assert "symbols" in venue.public("/api/v3/exchangeInfo")
    refused = venue.public("/api/v3/exchangeInfo")
    assert "msg" not in refused
    assert "code" not in refused
    assert refused["help"]


def test_orders_are_a_hundred_a_minute():
    venue = Venue(limits.LIMITS)
    for number in range(100):
        venue.place(price=str(30_000 + number), quantity="0.001")
        if number % 10 == 0:
            venue.pass_time()
    status, _ = venue.try_to_place()
    assert status == 429
    venue.pass_time(60)
    venue.place()


def test_cancels_are_eighty_in_ten_seconds():
    """Those that find nothing too."""
    venue = Venue(limits.LIMITS)
    told = [venue.call("DELETE", "/api/v3/order", orderId=1)[0] for _ in range(81)]
    assert told == [400] * 80 + [429]


def test_nothing_is_told_of_the_venues_own_limits():
    """Only of those that somebody has set here."""
    assert limits.spent(Response(200, {}, b"")) == ()
    assert limits.usage_headers(()) == {}
