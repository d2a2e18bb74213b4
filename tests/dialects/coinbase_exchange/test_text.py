import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.coinbase_exchange import text
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from tests.shared.desk import BTC_USDT

numbers = st.integers(0, 2**64 - 1)


@given(numbers, st.sampled_from([*text.Id]), st.sampled_from([*text.Id]))
def test_ids_are_random_looking_uuids_and_lead_back(number, kind, other):
    """And one kind's is never taken for another's."""
    uuid = text.uuid_of(kind, number)
    assert text.is_random_uuid(uuid)
    assert text.number_of(kind, uuid) == number
    if other is not kind:
        assert text.number_of(other, uuid) is None


def test_a_foreign_uuid_has_a_number_that_leads_nowhere():
    theirs = "a9625b04-fc66-4999-a876-543c3684d702"
    number = text.order_number(theirs)
    assert text.is_foreign(number)
    assert number < 2**64
    assert number == text.order_number(theirs)
    assert text.number_of(text.Id.ORDER, theirs) is None
    assert not text.is_foreign(text.order_number(text.order_uuid(7)))
    for wrong in ("", "7", theirs.upper(), theirs + "\n", theirs.replace("-", "")):
        with pytest.raises(DecodeError, match="is not a UUID"):
            text.order_number(wrong)


def test_client_ids_are_random_uuids():
    assert text.is_random_uuid(text.client_uuid(0))
    assert text.client_uuid(1) == text.client_uuid(1) != text.client_uuid(2)
    assert not text.is_random_uuid("1985ca2d-61ef-19f1-bfce-6c39d8462914")  # version 1
    assert not text.is_random_uuid("1985CA2D-61EF-49F1-BFCE-6C39D8462914")


def test_accounts_are_ones_own_or_nobodys():
    mine = text.account_uuid(100, 2)
    assert text.asset_of(100, mine) == 2
    assert text.asset_of(101, mine) is None
    assert len(text.user_id(100)) == 24


@pytest.mark.parametrize(
    ("written", "time_ns"),
    [
        ("2024-03-11T20:48:46.622052Z", 1_710_190_126_622_052_000),
        ("2024-03-11T20:48:46Z", 1_710_190_126_000_000_000),
        ("2024-03-11 20:48:46", 1_710_190_126_000_000_000),
        ("2024-03-11T21:48:46+01:00", 1_710_190_126_000_000_000),
        ("2024-03-11", 1_710_115_200_000_000_000),
        ("1710190126.622052", 1_710_190_126_622_052_000),
        ("1710190126", 1_710_190_126_000_000_000),
    ],
)
def test_times_are_read_as_people_write_them(written, time_ns):
    assert text.from_time(written) == time_ns


@pytest.mark.parametrize("written", ["", "now", "2024-13-01", "2024-03-11T25:00:00Z", "-5", "1e9"])
def test_what_is_no_time_says_how_to_write_one(written):
    with pytest.raises(DecodeError, match="2024-03-11T20:48:46"):
        text.from_time(written)


@given(st.integers(0, 4 * 10**18))
def test_a_printed_time_is_read_to_the_microsecond(time_ns):
    assert text.from_iso(text.iso(time_ns)) == time_ns // 1_000 * 1_000


def test_numbers_are_padded_where_the_venue_pads():
    assert text.padded("30000.5", 8) == "30000.50000000"
    assert text.padded("0", 16) == "0.0000000000000000"
    assert text.padded("1.123456789012", 8) == "1.123456789012"
    assert text.price_text(BTC_USDT, 5_000_010) == "50000.10"
    assert text.size_text(BTC_USDT, 1_000) == "0.01"
    assert text.rate_text(100_000) == "0.001"


@given(st.integers(0, 10**12))
def test_prices_and_sizes_are_read_as_they_were_printed(steps):
    assert text.read_price(BTC_USDT, text.price_text(BTC_USDT, steps)) == steps
    assert text.read_size(BTC_USDT, text.padded(text.size_text(BTC_USDT, steps), 8)) == steps


def test_off_step_numbers_are_not_rounded_but_for_the_sizes_of_others():
    for wrong in ("0.001", "x", "1e3", ""):
        with pytest.raises(DecodeError, match="not a multiple"):
            text.read_price(BTC_USDT, wrong)
    assert text.whole_lots(BTC_USDT, "0.0100099") == 1_000
    with pytest.raises(DecodeError):
        text.whole_lots(BTC_USDT, "0.x")


def test_a_level_has_one_id_a_side_and_price():
    ids = {text.level_uuid(side, ticks) for side in Side for ticks in (1, 2, 2**50)}
    assert len(ids) == 6
