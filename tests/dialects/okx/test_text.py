import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.okx import text
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.sim.stand import BTC_USDT

LISTINGS = Listings([BTC_USDT])


@pytest.mark.parametrize(
    ("ticks", "told"), [(5_000_000, "50000"), (5_000_010, "50000.1"), (1, "0.01"), (0, "0")]
)
def test_prices_have_no_zeros_at_their_end(ticks, told):
    assert text.price_text(BTC_USDT, ticks) == told
    assert text.read_price(BTC_USDT, told) == ticks
    assert text.read_price(BTC_USDT, f"{told}{'' if '.' in told else '.'}00") == ticks


@given(lots=st.integers(0, 2**50))
def test_sizes_come_back(lots):
    assert text.read_size(BTC_USDT, text.size_text(BTC_USDT, lots)) == lots


@given(parts=st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 10**6)), min_size=1))
def test_an_average_price_tells_what_was_paid_to_the_atom(parts):
    lots = sum(size for _, size in parts)
    atoms = sum(BTC_USDT.notional_atoms(ticks, size) for ticks, size in parts)
    told = text.average_text(BTC_USDT, atoms, lots)
    assert text.read_average(BTC_USDT, told, lots) == atoms


def test_without_a_trade_there_is_no_average():
    assert text.average_text(BTC_USDT, 0, 0) == ""
    assert text.read_average(BTC_USDT, "0", 0) == 0


@pytest.mark.parametrize("wrong", ["", "x", "1e5", "50000.001", "-1", "1_0", "NaN", "\u0661"])
def test_a_price_that_is_none_is_an_error(wrong):
    with pytest.raises(DecodeError):
        text.read_price(BTC_USDT, wrong)


def test_sizes_of_others_are_cut_to_whole_lots():
    assert text.whole_lots(BTC_USDT, "0.000019") == 1
    with pytest.raises(DecodeError):
        text.whole_lots(BTC_USDT, "-1")
    with pytest.raises(DecodeError):
        text.whole_lots(BTC_USDT, "0.00x")


def test_amounts_finer_than_an_atom_are_cut_and_nothing_is_nothing():
    assert text.read_amount("100.52768569797846") == 100_527_685_697_978
    assert text.read_amount("") == 0
    assert text.amount_text(-1_500_000_000_000) == "-1.5"


def test_times_in_their_three_forms():
    at_ns = 1_700_000_000_123_456_789
    assert text.iso(at_ns) == "2023-11-14T22:13:20.123Z"
    assert text.from_iso("2023-11-14T22:13:20.123Z") == 1_700_000_000_123_000_000
    assert text.from_iso("2023-11-14T22:13:20Z") == 1_700_000_000_000_000_000
    assert text.ms(at_ns) == "1700000000123"
    assert text.us(at_ns) == "1700000000123456"
    assert text.read_ms("1700000000123") == 1_700_000_000_123_000_000
    assert text.from_seconds("1700000000.5") == 1_700_000_000_500_000_000


@pytest.mark.parametrize("wrong", ["", "2023-11-14", "2023-13-14T22:13:20.000Z", "1700000000", "x"])
def test_a_time_that_is_none_is_an_error(wrong):
    with pytest.raises(DecodeError, match="ISO 8601"):
        text.from_iso(wrong)


@pytest.mark.parametrize("wrong", ["x", "17000000001234", "-1", "1.5"])
def test_milliseconds_that_are_none_are_an_error(wrong):
    with pytest.raises(DecodeError, match="milliseconds"):
        text.read_ms(wrong)


def test_ids_are_numbers_of_at_most_63_bits():
    assert text.id_number("2497956918703120385") == 2497956918703120385
    for wrong in ("", "-1", "x", "1.0", str(2**63), "12345678901234567890"):
        assert text.id_number(wrong) is None
    with pytest.raises(DecodeError, match="ordId"):
        text.read_id("x")


def test_an_order_that_was_given_no_name_has_none():
    assert text.own_id("sy-5", 5) == ""
    assert text.own_id("mine", 5) == "mine"
    assert text.own_id("t-mine", 5) == "mine"
    assert text.own_id("t-~170", 5) == ""


def test_an_instrument_has_a_number_too():
    assert text.find_code(LISTINGS, text.code_of(BTC_USDT)) is BTC_USDT
    assert text.find_code(LISTINGS, 7) is None
    with pytest.raises(DecodeError, match="not listed"):
        text.listed("ETH-USDT", LISTINGS)
