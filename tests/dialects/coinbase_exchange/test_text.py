from steelyard.dialects.coinbase_exchange import text
from steelyard.domain.order import CancelCause, Side


def test_words_lead_both_ways():
    assert {text.SIDES[name]: name for name in text.SIDES} == text.SIDE_NAMES
    assert text.SIDES["buy"] is Side.BUY


def test_who_cancels_its_own_order_hears_no_reason():
    assert CancelCause.USER not in text.CANCEL_REASONS
    assert text.CANCEL_REASONS[CancelCause.SELF_TRADE] == "102:Self Trade Prevention"
