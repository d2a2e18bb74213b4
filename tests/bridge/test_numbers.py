"""Decimal texts and whole numbers, back and forth, exactly."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from steelyard.bridge.numbers import (
    ID_MAX_BYTES,
    atoms_of,
    decimal_of,
    fee_atoms_of,
    level_of,
    levels_of,
    maybe_decimal,
    number_of,
    text_of,
    trade_ms,
    trade_number,
)
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import Side
from steelyard.domain.units import in_full, plain

STEPS = ["1", "0.5", "0.1", "0.05", "0.01", "0.0025", "0.00001", "0.000001", "10", "100"]


def instrument(tick: str, lot: str) -> Instrument:
    return Instrument.spot(
        0,
        (1, "A"),
        (2, "B"),
        tick_size=tick,
        lot_size=lot,
        price_max="100000000",
        size_max="1000000",
        notional_min="0",
    )


@given(st.sampled_from(STEPS), st.sampled_from(STEPS[:7]), st.integers(1, 10**6), st.data())
def test_a_price_and_a_size_of_any_precision_come_back(tick, lot, steps, data):
    """Text to ticks and lots and back, in every spelling that a library may choose."""
    found = instrument(tick, lot)
    price, size = found.price(steps), found.size(steps)
    for value in (price, size):
        spelled = data.draw(
            st.sampled_from([str(value), in_full(value), f"{value:E}", in_full(plain(value))])
        )
        assert decimal_of(spelled, "it") == value
    if steps <= found.size_max_lots:
        assert found.price_ticks(decimal_of(in_full(price), "it")) == steps
        assert found.size_lots(decimal_of(in_full(size), "it")) == steps


@given(st.integers(1, 10**15), st.integers(0, 12))
def test_a_float_of_up_to_15_digits_is_what_the_venue_wrote(digits, places):
    """Books over WebSockets have floats; the shortest form is the text that was read."""
    wrote = Decimal(digits).scaleb(-places)
    assert decimal_of(float(str(wrote)), "it") == wrote


@pytest.mark.parametrize(
    "value", ["", "x", "nan", "inf", None, True, [], {}, "1" * 61, float("nan")]
)
def test_what_is_no_number_is_said_to_be_none(value):
    with pytest.raises(DecodeError, match="which is no number"):
        decimal_of(value, "it")


def test_nothing_is_none():
    assert maybe_decimal(None, "it") is None
    assert maybe_decimal("", "it") is None
    assert maybe_decimal("0", "it") == 0


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=15, min_value=-(10**9), max_value=10**9
    )
)
def test_what_is_finer_than_an_atom_is_against_us(amount):
    """A balance is rounded down, a fee up, by less than an atom each."""
    exact = amount.scaleb(12)
    assert 0 <= exact - atoms_of(amount) < 1
    assert 0 <= fee_atoms_of(amount) - exact < 1


def test_an_amount_beyond_all_amounts_is_refused():
    assert atoms_of(Decimal("1E-50")) == 0
    with pytest.raises(UnitError, match="out of range"):
        atoms_of(Decimal("1E+50"))


# -- books --------------------------------------------------------------------------------------


@given(
    st.decimals(min_value="0.001", max_value=10**6, places=5),
    st.decimals(min_value="0.00001", max_value=10**4, places=7),
    st.sampled_from(Side),
)
def test_a_level_off_the_tick_is_shown_away_from_the_touch(price, size, side):
    """A strategy is never shown a better price, nor more, than there is."""
    found = instrument("0.25", "0.001")
    level = level_of(price, size, side, found)
    assume(level is not None)
    ticks, lots = level
    assert 0 <= (price - found.price(ticks)) * int(side) < found.tick_size
    assert 0 <= size - found.size(lots) < found.lot_size


@pytest.mark.parametrize(
    ("price", "size"), [("0", "1"), ("-1", "1"), ("1", "0"), ("1", "-1"), ("1", "0.0001")]
)
def test_a_level_of_nothing_is_none(price, size):
    assert level_of(Decimal(price), Decimal(size), Side.BUY, instrument("0.25", "0.001")) is None


@pytest.mark.parametrize("number", ["1E+50", "1E-50", "1E+999999"])
def test_a_level_beyond_all_levels_is_left_out(number):
    found = instrument("0.25", "0.001")
    assert level_of(Decimal(number), Decimal(1), Side.SELL, found) is None
    assert level_of(Decimal(1), Decimal("1E-50"), Side.SELL, found) is None


def test_two_levels_that_come_to_one_price_are_one():
    rows = [[100.3, 1.0], ["100.26", "2"], [99, 1, "a third column"], [98, 1]]
    assert levels_of(rows, Side.BUY, instrument("0.25", "0.001"), 3) == {401: 3000, 396: 1000}


def test_a_row_that_is_no_level_is_refused():
    with pytest.raises(DecodeError, match="no price and size"):
        levels_of([[1]], Side.BUY, instrument("0.25", "0.001"), 3)


# -- ids ----------------------------------------------------------------------------------------


@given(
    st.text(min_size=1).filter(
        lambda text: len(text.encode("utf-8", "replace")) <= ID_MAX_BYTES and text.isprintable()
    )
)
def test_an_id_is_a_number_and_the_number_is_the_id(text):
    """No table is needed, so none is lost in a restart."""
    assert text_of(number_of(text)) == text


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), ("28457", 28457), (str(2**64 - 1), 2**64 - 1)]
)
def test_a_decimal_id_is_itself(text, number):
    """As it stands in the venue's own pages."""
    assert number_of(text) == number


@given(
    st.sampled_from(["0", "007", str(2**64), "OABC-12-X", "5f0c-uuid", "\uff11"]),
    st.integers(1, 2**64 - 1),
)
def test_no_other_id_is_taken_for_a_decimal_one(text, number):
    assert number_of(text) != number
    assert text_of(number_of(text)) == text


@pytest.mark.parametrize("text", ["", "x" * (ID_MAX_BYTES + 1)])
def test_an_id_of_no_length_or_too_much_is_refused(text):
    with pytest.raises(DecodeError, match="1 to 128 are understood"):
        number_of(text)


@given(
    st.text(min_size=1, max_size=20),
    st.integers(0, 2**45),
    st.text(min_size=1),
    st.integers(1, 10**9),
)
def test_the_number_of_a_fill_rises_with_its_time(text, time_ms, other, later_ms):
    """The portfolio forgets old fills by their numbers."""
    number = trade_number(text, time_ms)
    assert number == trade_number(text, time_ms)
    assert trade_ms(number) == time_ms
    assert trade_number(other, time_ms + later_ms) > number
