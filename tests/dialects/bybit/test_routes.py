import pytest

from steelyard.dialects.bybit import routes
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Clock, Status
from steelyard.wire.dialect import SessionRefused
from tests.shared.desk import BTC_USDT

LISTINGS = Listings([BTC_USDT])


def test_a_category_has_its_instruments_and_those_of_contracts_none():
    assert routes.instruments_of("spot", LISTINGS) == (BTC_USDT,)
    assert routes.instruments_of("linear", LISTINGS) == ()
    with pytest.raises(DecodeError, match="category"):
        routes.instruments_of("margin", LISTINGS)


def test_the_same_symbol_is_listed_in_one_category_only():
    assert routes.instrument_of("spot", "BTCUSDT", LISTINGS) is BTC_USDT
    with pytest.raises(SessionRefused) as caught:
        routes.instrument_of("spot", "X", LISTINGS)
    assert caught.value.refusal.code == 170121
    with pytest.raises(DecodeError, match="symbol invalid 'BTCUSDT'"):
        routes.instrument_of("linear", "BTCUSDT", LISTINGS)
    with pytest.raises(DecodeError, match="symbol"):
        routes.instrument_of("spot", None, LISTINGS)


def test_limits_and_cursors_are_bounded():
    assert [routes.limit_of(n, 20, 50) for n in (None, 5, 500)] == [20, 5, 50]
    with pytest.raises(DecodeError):
        routes.limit_of(0, 20, 50)
    assert (routes.cursor_of(None), routes.cursor_of("7")) == (None, 7)
    assert (routes.cursor_text(None), routes.cursor_text(7)) == ("", "7")
    for wrong in ("x", "-1", "1" * 30):
        with pytest.raises(DecodeError):
            routes.cursor_of(wrong)


def test_a_time_of_which_one_end_is_told_is_as_long_as_may_be():
    most = 7 * 86_400 * 10**9
    assert routes.span_of(None, None, most) == (None, None)
    start, end = routes.span_of(1_700_000_000_000, None, most)
    assert end - start == most
    start, end = routes.span_of(None, 1_700_000_000_000, most)
    assert end - start == most
    with pytest.raises(DecodeError, match="before"):
        routes.span_of(2_000, 1_000, most)
    with pytest.raises(DecodeError, match="7 days"):
        routes.span_of(0, 8 * 86_400_000, most)


def test_an_answer_of_another_kind_is_our_own_fault():
    assert routes.answered(Clock(5), Clock).time_ns == 5
    with pytest.raises(AssertionError):
        routes.answered(Clock(5), Status)
