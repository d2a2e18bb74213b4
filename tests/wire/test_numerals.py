"""Numbers are printed and read without a digit lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import DecodeError
from steelyard.wire import numerals
from tests.shared.desk import BTC_USDT


def test_numbers_are_padded_where_the_venue_pads():
    assert numerals.padded("30000.5", 8) == "30000.50000000"
    assert numerals.padded("0", 16) == "0.0000000000000000"
    assert numerals.padded("1.123456789012", 8) == "1.123456789012"
    assert numerals.price_text(BTC_USDT, 5_000_010) == "50000.10"
    assert numerals.size_text(BTC_USDT, 1_000) == "0.01"
    assert numerals.rate_text(100_000) == "0.001"


@given(st.integers(0, 10**12))
def test_prices_and_sizes_are_read_as_they_were_printed(steps):
    assert numerals.read_price(BTC_USDT, numerals.price_text(BTC_USDT, steps)) == steps
    assert (
        numerals.read_size(BTC_USDT, numerals.padded(numerals.size_text(BTC_USDT, steps), 8))
        == steps
    )


def test_off_step_numbers_are_not_rounded_but_for_the_sizes_of_others():
    for wrong in ("0.001", "x", "1e3", ""):
        with pytest.raises(DecodeError, match="not a multiple"):
            numerals.read_price(BTC_USDT, wrong)
    assert numerals.whole_lots(BTC_USDT, "0.0100099") == 1_000
    with pytest.raises(DecodeError):
        numerals.whole_lots(BTC_USDT, "0.x")
