"""Amounts by the short way are those by the long way, errors and their words among them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import UsageError
from steelyard.trading import amounts
from steelyard.trading.amounts import TEXTS_MAX, Amounts
from tests.trading.venue import BTC_USDT

NUMBERS = st.decimals(allow_nan=True, allow_infinity=True) | st.decimals("0", "200000", places=2)
WRITTEN = (
    NUMBERS
    | NUMBERS.map(str)
    | st.integers(0, 10**6).map(lambda steps: str(BTC_USDT.size(steps)))
    | st.integers(1, 10**8).map(BTC_USDT.size)
    | st.sampled_from(["", "0", "-1", " 1", "1e3", "1_000", "0.010", "nan", 0.5, None, True, 7])
)


def outcome(call, *args):
    try:
        return call(*args)
    except Exception as error:  # noqa: BLE001 whatever it is
        return type(error), str(error)


@given(WRITTEN)
def test_a_price_is_the_same_by_either_way(price):
    long_way = outcome(lambda: BTC_USDT.price_ticks(amounts.exact(price, "price")))
    assert outcome(Amounts(BTC_USDT).price_ticks, price) == long_way


@given(WRITTEN)
def test_a_size_is_the_same_by_either_way_and_again(size):
    """The second time a text is remembered."""
    kept = Amounts(BTC_USDT)
    long_way = outcome(amounts.size_lots, size, BTC_USDT)
    assert [outcome(kept.size_lots, size) for _ in range(2)] == [long_way] * 2


def test_only_so_many_texts_are_remembered():
    kept = Amounts(BTC_USDT)
    for lots in range(1, 3 * TEXTS_MAX):
        assert kept.size_lots(str(BTC_USDT.size(lots))) == lots
    assert len(kept._lots) == TEXTS_MAX


def test_nothing_is_a_price_of_nothing():
    assert amounts.ticks(None, BTC_USDT) is None
    assert amounts.ticks("60000.5", BTC_USDT) == 6_000_050


def test_a_float_is_refused_with_the_way_out():
    with pytest.raises(UsageError, match=r"price 0\.5 is a float; write it as text or Decimal"):
        amounts.ticks(0.5, BTC_USDT)
    assert amounts.exact(Decimal("0.5"), "size") == Decimal("0.5")
