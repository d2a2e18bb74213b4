from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.native import text
from steelyard.domain.errors import DecodeError
from tests.dialects.native.venue import ETH_BTC
from tests.shared.desk import BTC_USDT

WIDE = Context(prec=80, rounding=ROUND_HALF_EVEN)
steps = st.integers(min_value=0, max_value=2**53)


@pytest.mark.parametrize(
    ("instrument", "ticks", "printed"),
    [
        (BTC_USDT, 6_100_010, "61000.10"),
        (BTC_USDT, 1, "0.01"),
        (BTC_USDT, 0, "0.00"),
        (ETH_BTC, 1, "0.00005"),
        (ETH_BTC, 1_001, "0.05005"),
    ],
)
def test_a_price_has_all_decimals_of_its_tick(instrument, ticks, printed):
    """Prices of one instrument line up, whatever their last digits are."""
    assert text.price_text(instrument, ticks) == printed


@pytest.mark.parametrize(
    ("lots", "printed"), [(50_000, "0.5"), (0, "0"), (1, "0.00001"), (100_000, "1")]
)
def test_a_size_has_no_trailing_zeros(lots, printed):
    """A size of nothing is 0, which removes a level."""
    assert text.size_text(BTC_USDT, lots) == printed


@given(ticks=steps, lots=steps)
def test_prices_and_sizes_come_back_as_they_went(ticks, lots):
    """Printing and reading are exact, at any size and for a tick that is no power of ten."""
    for instrument in (BTC_USDT, ETH_BTC):
        price, size = text.price_text(instrument, ticks), text.size_text(instrument, lots)
        assert Decimal(price) == instrument.price(ticks)
        assert text.steps_of(price, instrument.tick_size, "price") == ticks
        assert text.steps_of(size, instrument.lot_size, "size") == lots


@given(atoms=st.integers(min_value=-(10**34), max_value=10**34))
def test_amounts_come_back_as_they_went(atoms):
    """No atom is lost between the books and the wire, and no exponent appears."""
    printed = text.amount_text(atoms)
    assert "E" not in printed
    assert Decimal(printed) == Decimal(atoms).scaleb(-12, WIDE)
    assert text.to_atoms_exact(printed) == atoms


@pytest.mark.parametrize(
    ("rate", "printed"), [(100_000, "0.001"), (0, "0"), (12_345, "0.00012345")]
)
def test_rates_come_back_as_they_went(rate, printed):
    """0.1 % is 0.001."""
    assert text.rate_text(rate) == printed
    assert text.to_rate_e8(printed) == rate


@given(lots=st.integers(1, 10**9), quote=st.integers(0, 10**25))
def test_an_average_price_is_rounded_half_to_even(lots, quote):
    """It is the quotient to 1e-12, as decimal arithmetic of 80 digits has it."""
    base = Decimal(lots * BTC_USDT.lot_atoms)
    exact = WIDE.divide(Decimal(quote), base)
    wanted = WIDE.quantize(exact, Decimal("1e-12"))
    assert Decimal(text.average_text(BTC_USDT, quote, lots)) == wanted


def test_what_has_not_filled_has_no_average():
    """There is no price of nothing."""
    assert text.average_text(BTC_USDT, 0, 0) is None


@pytest.mark.parametrize(
    ("before", "now", "printed"),
    [
        (10_000, 10_124, "1.24"),
        (10_000, 9_875, "-1.25"),
        (80_000, 80_002, "0.00"),  # 0.0025, and the even one is 0.00
        (200_000, 200_010, "0.00"),  # 0.005
        (200_000, 200_030, "0.02"),  # 0.015
        (3, 3, "0.00"),
        (0, 5, None),
        (None, 5, None),
        (5, None, None),
    ],
)
def test_a_change_has_two_decimals(before, now, printed):
    """Half goes to the even one, and without a base there is no change."""
    assert text.change_percent_text(before, now) == printed


@pytest.mark.parametrize("wrong", ["0.001", "0.015", "1e-400", "9" * 90])
def test_what_is_not_on_the_step_is_not_read(wrong):
    """A peer's number that we could not have printed raises, and is never cut short."""
    with pytest.raises(DecodeError, match="not a multiple"):
        text.steps_of(wrong, Decimal("0.01"), "price")


def test_times_are_whole_milliseconds():
    """They are rounded down, and come back on the millisecond."""
    assert text.to_ms(1_999_999) == 1
    assert text.from_ms(text.to_ms(1_999_999)) == 1_000_000
    assert text.from_ms_or_none(None) is None
    assert text.from_ms_or_none(2) == 2_000_000
