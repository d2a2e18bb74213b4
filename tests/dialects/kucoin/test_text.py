"""Numbers, times and ids as KuCoin spells them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.kucoin import text
from steelyard.domain.errors import DecodeError
from tests.shared.desk import BTC_USDT


@given(st.integers(0, 2**59 - 1))
def test_an_id_is_read_back_in_either_form_and_no_other(number):
    """24 characters; a change of any of them makes it somebody else's."""
    for made in (text.order_id(number), text.waiting_id(number)):
        assert len(made) == 24
        assert text.own_number(made) == number
        assert text.own_number(made[:-1] + ("1" if made[-1] != "1" else "2")) != number
    plain, waits = (text.order_number(f(number)) for f in (text.order_id, text.waiting_id))
    assert (plain, text.waits(plain)) == (number, False)
    assert (waits ^ text.WAITS, text.waits(waits)) == (number, True)
    assert text.id_of(plain) == text.order_id(number)
    assert text.id_of(waits) == text.waiting_id(number)


def test_ids_of_another_exchange_are_numbers_that_lead_nowhere():
    real = "670fd33bf9406e0007ab3945"
    assert text.own_number(real) is None
    number = text.order_number(real)
    assert text.is_foreign(number)
    assert not text.waits(number)
    assert number == text.order_number(real) != text.order_number(real[::-1])
    assert text.id_of(number) is None
    stop = text.order_number("vs93gpupfa48anof003u85mb")
    assert text.is_foreign(stop)
    assert text.waits(stop)
    for garbage in ("", "no id", "x" * 100, "1é"):
        with pytest.raises(DecodeError):
            text.order_number(garbage)


def test_numbers_are_in_full_without_zeros_at_their_end():
    assert text.price_text(BTC_USDT, 5_000_000) == "50000"
    assert text.price_text(BTC_USDT, 1) == "0.01"
    assert text.size_text(BTC_USDT, 1_000) == "0.01"
    assert text.amount_text(10**12 // 4) == "0.25"
    assert text.amount_text(-1) == "-0.000000000001"
    assert text.rate_text(100_000) == "0.001"
    assert text.read_price(BTC_USDT, "50000.010") == 5_000_001
    assert text.whole_lots(BTC_USDT, "0.000019999") == 1
    assert text.whole_atoms("1.0000000000019") == 10**12 + 1


@pytest.mark.parametrize("wrong", ["", "1e5", "0x1", "-", "1.2.3", "\uff11", "9" * 60, "NaN"])
def test_what_is_no_number_is_an_error(wrong):
    for read in (
        text.read_amount,
        text.read_rate,
        text.whole_atoms,
        lambda t: text.read_price(BTC_USDT, t),
        lambda t: text.read_size(BTC_USDT, t),
        lambda t: text.whole_lots(BTC_USDT, t),
    ):
        with pytest.raises(DecodeError):
            read(wrong)


def test_what_is_off_a_step_is_an_error_that_names_it():
    with pytest.raises(DecodeError, match=r"multiple of 0\.01"):
        text.read_price(BTC_USDT, "1.001")
    with pytest.raises(DecodeError, match="below zero"):
        text.whole_lots(BTC_USDT, "-1")
    with pytest.raises(DecodeError, match="whole number"):
        text.read_count("-1")


def test_a_wallets_id_is_its_owners():
    made = text.wallet_id(100, 2, 1)
    assert text.wallet_of(100, made) == (2, 1)
    assert text.wallet_of(101, made) is None
    assert text.wallet_of(100, "é") is None
    assert len(text.user_id(100)) == 24
