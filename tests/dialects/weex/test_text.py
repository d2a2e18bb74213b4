"""Ids beyond 2^53 and back, times, quotients."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.weex import text
from steelyard.domain.errors import DecodeError
from tests.shared.desk import BTC_USDT


@given(st.integers(0, text.LOWER - text.FILLS_FROM - 1))
def test_ids_are_beyond_2_to_53_and_lead_back(number):
    for there, back, own in (
        (text.order_id, text.order_number, text.own_order),
        (text.fill_id, text.fill_number, text.own_fill),
    ):
        told = there(number)
        assert told > 2**53
        assert back(told) == back(str(told)) == own(str(told)) == number


@given(st.integers(0, text.LOWER - 1))
def test_every_id_of_a_venue_is_a_number_of_ours_and_leads_back(told):
    """Also one that is below where ours begin; our exchange knows none of those."""
    assert text.order_id(text.order_number(told)) == told
    if told < text.ORDERS_FROM:
        assert text.own_order(str(told)) is None


@pytest.mark.parametrize("wrong", ["", "x", "-1", "1" * 20, str(text.LOWER), "٣"])
def test_what_is_no_id_is_refused(wrong):
    with pytest.raises(DecodeError):
        text.order_number(wrong)
    assert text.own_order(wrong) is None


def test_a_public_trade_may_be_a_uuid():
    """Which is folded to a number above all others, always the same."""
    name = "41099265-7985-4f4c-af93-2cc3bc1cf13b"
    assert text.trade_number(name) == text.trade_number(name) >= text.FOREIGN
    assert text.trade_number(str(text.fill_id(7))) == 7
    with pytest.raises(DecodeError):
        text.trade_number("")


def test_a_fills_price_is_its_value_by_its_size():
    """To the nearest tick: the venue may cut decimals off."""
    value = BTC_USDT.notional_atoms(5_000_001, 333)
    assert text.average_ticks(BTC_USDT, value, 333) == 5_000_001
    assert text.average_ticks(BTC_USDT, value - 1, 333) == 5_000_001
    with pytest.raises(DecodeError):
        text.average_ticks(BTC_USDT, value, 0)


def test_shares_and_averages_are_for_reading():
    assert text.share_text(-1, 3) == "-0.333333"
    assert text.share_text(1, 0) == "0"
    assert text.average_text(BTC_USDT, 0, 0) == "0"


def test_times_are_milliseconds():
    assert text.from_ms("1700000000123") == text.from_ms(1_700_000_000_123)
    assert text.ms_text(text.from_ms("1700000000123")) == "1700000000123"
    for wrong in ("", "-1", "1.5", "9" * 17):
        with pytest.raises(DecodeError):
            text.from_ms(wrong)
