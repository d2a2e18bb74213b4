import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.bybit import text
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from tests.shared.desk import BTC_USDT, ETH_USDT

LISTINGS = Listings([BTC_USDT, ETH_USDT])


@given(st.integers(1, 10**8), st.integers(1, 10**8))
def test_prices_and_sizes_come_back(ticks, lots):
    assert text.read_price(BTC_USDT, text.price_text(BTC_USDT, ticks)) == ticks
    assert text.read_size(BTC_USDT, text.size_text(BTC_USDT, lots)) == lots


@given(st.integers(-(10**30), 10**30))
def test_amounts_come_back(atoms):
    assert text.read_amount(text.amount_text(atoms)) == atoms


def test_prices_have_all_decimals_and_sizes_no_zeros():
    assert text.price_text(BTC_USDT, 5_000_000) == "50000.00"
    assert text.size_text(BTC_USDT, 1_000) == "0.01"
    assert text.amount_text(10**12) == "1"
    assert text.rate_text(100_000) == "0.001"


def test_what_is_for_information_is_rounded_half_up():
    assert text.average_text(BTC_USDT, 0, 0) == ""
    assert text.average_text(BTC_USDT, BTC_USDT.notional_atoms(5_000_000, 3), 3) == "50000"
    assert text.share_text(-1, 3) == "-0.3333"
    assert text.share_text(5, 0) == "0"


def test_what_is_off_its_steps_or_no_number_is_refused():
    for wrong in ("0.001", "x", "", "-1", "1e3", "9" * 99):
        with pytest.raises(DecodeError):
            text.read_price(BTC_USDT, wrong)
    assert text.whole_lots(BTC_USDT, "0.0100099") == 1_000
    for wrong in ("-1", "0.0x", "NaN"):
        with pytest.raises(DecodeError):
            text.whole_lots(BTC_USDT, wrong)


def test_symbols_have_no_separator():
    assert text.symbol_text(BTC_USDT) == "BTCUSDT"
    assert text.find_symbol(LISTINGS, "ETHUSDT") is ETH_USDT
    assert text.find_symbol(LISTINGS, "XRPUSDT") is None


def test_times_are_milliseconds():
    assert text.from_ms(text.ms_text(1_700_000_000_123_456_789)) == 1_700_000_000_123_000_000
    for wrong in ("", "-5", "soon", "1" * 17):
        with pytest.raises(DecodeError):
            text.from_ms(wrong)
    assert text.from_iso(text.iso(1_700_000_000 * 10**9)) == 1_700_000_000 * 10**9
    with pytest.raises(DecodeError):
        text.from_iso("yesterday")


def test_ids_are_numbers_and_others_are_folded_to_one():
    """A UUID has always the same number, from which there is no way back."""
    assert text.number_of("1540000000000000001") == 1540000000000000001
    folded = text.number_of("fd4300ae-7847-404e-b947-b46980a4d140")
    assert folded == text.number_of("fd4300ae-7847-404e-b947-b46980a4d140") >= text.FOREIGN
    assert text.order_text(7) == "7"
    with pytest.raises(Unsupported):
        text.order_text(folded)
    for wrong in ("", "x" * 65):
        with pytest.raises(DecodeError):
            text.number_of(wrong)
