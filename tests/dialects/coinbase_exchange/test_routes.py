import pytest

from steelyard.dialects.coinbase_exchange import errors, routes
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Clock, Status
from steelyard.wire.dialect import Asker, SessionRefused
from steelyard.wire.limits import UNLIMITED
from steelyard.wire.uuids import profile_uuid
from tests.shared.desk import BTC_USDT

LISTINGS = Listings([BTC_USDT])
ASKER = Asker(7, "k", 0, LISTINGS, UNLIMITED)


def test_a_product_may_have_a_slash():
    """Ccxt sends its own form with a cancel."""
    assert routes.product_of("BTC/USDT", LISTINGS) is BTC_USDT
    with pytest.raises(SessionRefused, match="there are BTC-USDT") as caught:
        routes.product_of("X", LISTINGS, errors.PRODUCT_NOT_FOUND)
    assert caught.value.refusal.code == "Product not found"


def test_a_profile_is_ones_own_or_not_found():
    routes.check_profile(None, ASKER)
    routes.check_profile(profile_uuid(7), ASKER)
    with pytest.raises(SessionRefused):
        routes.check_profile(profile_uuid(8), ASKER)


def test_an_answer_of_another_kind_is_our_own_fault():
    assert routes.answered(Clock(5), Clock).time_ns == 5
    with pytest.raises(AssertionError):
        routes.answered(Clock(5), Status)
