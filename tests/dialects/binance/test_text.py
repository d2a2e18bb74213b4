import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import text
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import MINUTE_NS
from tests.dialects.binance.venue import ETH_BTC, ETH_USDT
from tests.shared.desk import BTC_USDT

LISTINGS = Listings([BTC_USDT, ETH_USDT, ETH_BTC])


@given(st.integers(0, 10**14), st.sampled_from([BTC_USDT, ETH_USDT, ETH_BTC]))
def test_prices_and_sizes_have_8_decimals_and_come_back(steps, instrument):
    """Any number of ticks or lots survives, also beyond the limits of an order."""
    price, size = text.price_text(instrument, steps), text.size_text(instrument, steps)
    assert len(price.partition(".")[2]) == len(size.partition(".")[2]) == 8
    assert text.read_price(instrument, price) == steps
    assert text.read_size(instrument, size) == steps


@given(st.integers(-(10**30), 10**30))
def test_amounts_lose_no_atom(atoms):
    """At least 8 decimals, up to 12 where the books are finer."""
    printed = text.amount_text(atoms)
    assert 8 <= len(printed.partition(".")[2]) <= 12
    assert text.read_amount(printed) == atoms


@pytest.mark.parametrize(
    ("atoms", "printed"),
    [(0, "0.00000000"), (1, "0.000000000001"), (-1_500_000_000_000, "-1.50000000")],
)
def test_amounts_look_like_the_venues(atoms, printed):
    assert text.amount_text(atoms) == printed


@given(st.text(max_size=60))
def test_garbage_is_no_number(garbage):
    """Whatever int() and Decimal() would take beyond digits and a point is refused."""
    try:
        number = text.scaled(garbage, 8)
    except DecodeError:
        return
    assert garbage.isascii()
    assert isinstance(number, int)


@pytest.mark.parametrize(
    "bad", ["", ".", "1e5", "1_0", " 1", "\uff11", "+1", "--1", "nan", "0.123456789", "1" * 60]
)
def test_only_plain_decimals_are_numbers(bad):
    with pytest.raises(DecodeError):
        text.scaled(bad, 8)


@pytest.mark.parametrize(
    ("good", "number"), [("1", 10**8), ("-0.5", -5 * 10**7), ("0.1200000000", 12 * 10**6)]
)
def test_trailing_zeros_are_not_precision(good, number):
    assert text.scaled(good, 8) == number


def test_what_is_between_two_ticks_is_an_error():
    with pytest.raises(DecodeError, match=r"not a multiple of 0\.00005000"):
        text.read_price(ETH_BTC, "0.00007")


def test_dust_of_others_is_rounded_down():
    """Seen on the real venue: a resting 191.389006 BTC where the lot is 0.00001."""
    assert text.whole_lots(BTC_USDT, "191.38900600") == 19_138_900
    with pytest.raises(DecodeError):
        text.read_size(BTC_USDT, "191.38900600")
    with pytest.raises(DecodeError):
        text.whole_lots(BTC_USDT, "-1")


def test_a_step_finer_than_the_venue_can_spell_is_unsupported():
    """Nothing is rounded away in silence."""
    fine = Instrument.spot(
        0,
        (1, "A"),
        (2, "B"),
        tick_size="0.000000001",
        lot_size="1",
        price_max="1",
        size_max="1",
        notional_min="0",
    )
    with pytest.raises(Unsupported, match="finer than 1e-8"):
        text.price_text(fine, 1)


def test_a_symbol_is_found_without_its_separator():
    for instrument in LISTINGS:
        assert text.find_symbol(LISTINGS, text.symbol_text(instrument)) is instrument
    for unknown in ("", "BTC", "BTCUSD", "btcusdt", "BTC-USDT", "A" * 1000):
        assert text.find_symbol(LISTINGS, unknown) is None


def test_timestamps_may_be_in_micro_or_milliseconds():
    assert text.from_ms(1_700_000_000_000) == text.from_ms(1_700_000_000_000_000)
    assert text.to_ms(1_700_000_000_000_999_999) == 1_700_000_000_000


@pytest.mark.parametrize(
    ("change", "before", "printed"),
    [(-190, 100_000, "-0.190"), (1, 3, "33.333"), (-1, 10**9, "0.000"), (5, 0, "0.000")],
)
def test_a_change_in_percent_has_3_decimals(change, before, printed):
    assert text.percent_text(change, before) == printed


def test_an_average_is_rounded_half_up():
    """Two lots at 1 and one at 2 ticks: 0.0133..; nothing traded: zero."""
    quote = BTC_USDT.notional_atoms(1, 2) + BTC_USDT.notional_atoms(2, 1)
    assert text.average_text(BTC_USDT, quote, 3) == "0.01333333"
    assert text.average_text(BTC_USDT, 0, 0) == text.ZERO


@given(st.integers(-12 * 60, 14 * 60).map(lambda minutes: minutes * MINUTE_NS))
def test_a_time_zone_comes_back(ahead_ns):
    assert text.offset_ns(text.offset_text(ahead_ns)) == ahead_ns


@pytest.mark.parametrize("zone", ["", "a", "1:2", "+-1", "--1", "100", "1:000", "\u0661"])
def test_another_time_zone_is_refused(zone):
    with pytest.raises(DecodeError):
        text.offset_ns(zone)


def test_a_unit_of_times_holds_where_it_was_asked_for():
    """And ends there, whatever happens."""
    with pytest.raises(ZeroDivisionError), text.times_in(text.US_NS):
        assert text.to_ms(1_234_567) == 1_234
        with text.times_in(text.MS_NS):
            assert text.to_ms(1_234_567) == 1
        assert text.to_ms(1_234_567) == 1_234
        raise ZeroDivisionError
    assert text.to_ms(1_234_567) == 1
