from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.kraken import text
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument, Listings
from tests.shared.desk import BTC_USDT

NUMBERS = st.integers(0, 2**62 - 1)


def instrument(base: str, quote: str, number: int = 0) -> Instrument:
    return Instrument.spot(
        number,
        (1, base),
        (2, quote),
        tick_size="0.1",
        lot_size="0.00001",
        price_max="1000000",
        size_max="9000",
        notional_min="5",
    )


@pytest.mark.parametrize(
    ("pair", "names"),
    [
        (("BTC", "USD"), ("XXBTZUSD", "XBTUSD", "XBT/USD", "BTC/USD")),
        (("ETH", "BTC"), ("XETHXXBT", "ETHXBT", "ETH/XBT", "ETH/BTC")),
        (("BTC", "USDT"), ("XBTUSDT", "XBTUSDT", "XBT/USDT", "BTC/USDT")),
        (("SOL", "USD"), ("SOLUSD", "SOLUSD", "SOL/USD", "SOL/USD")),
        (("DOGE", "EUR"), ("XXDGZEUR", "XDGEUR", "XDG/EUR", "DOGE/EUR")),
    ],
)
def test_a_pair_has_four_names_and_is_found_by_each(pair, names):
    one = instrument(*pair)
    listings = Listings([one])
    spelled = (text.pair_id, text.pair_alt, text.pair_ws, text.symbol_text)
    assert tuple(spell(one) for spell in spelled) == names
    assert all(text.find_pair(listings, name) is one for name in names)
    assert text.find_symbol(listings, names[3]) is one
    assert text.find_pair(listings, "NOSUCH") is None


def test_a_stream_knows_no_xbt():
    assert text.find_symbol(Listings([instrument("BTC", "USD")]), "XBT/USD") is None


@given(NUMBERS, NUMBERS)
def test_ids_are_as_many_as_their_numbers_and_have_a_way_back(one, other):
    spelled = text.order_text(one)
    assert text.order_number(spelled) == one
    assert len(spelled) == 19
    assert (spelled == text.order_text(other)) == (one == other)


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=16))
def test_the_venues_own_ids_have_a_way_back_once_they_were_read(letters):
    """In numbers that fit 63 bits, as journals need them."""
    spelled = f"O{letters[:5]}-{letters[5:10]}-{letters[10:]}"
    number = text.order_number(spelled)
    assert 0 <= number < 2**63
    assert text.order_text(number) == spelled


@given(st.integers(0, 2**15), st.integers(0, 2**60), st.booleans())
def test_the_id_of_a_fill_says_of_which_trade_it_is(instrument_id, trade_id, is_buy):
    spelled = text.fill_text(instrument_id, trade_id, is_buy=is_buy)
    assert text.fill_numbers(spelled) == (instrument_id, trade_id, is_buy)
    assert text.order_number(spelled) is None


@pytest.mark.parametrize("wrong", ["", "O", "OUF4EM-FRGI2", "oUF4EM-FRGI2-MQMWZD", "17"])
def test_what_is_no_id_is_none(wrong):
    assert text.order_number(wrong) is None


@given(st.integers(0, 10**12))
def test_prices_and_sizes_have_a_way_back(steps):
    assert text.read_price(BTC_USDT, text.price_text(BTC_USDT, steps)) == steps
    assert text.read_size(BTC_USDT, text.size_text(BTC_USDT, steps)) == steps
    assert Decimal(text.price_text(BTC_USDT, steps)) == BTC_USDT.price(steps)


@given(st.integers(-(10**30), 10**30))
def test_amounts_are_exact(atoms):
    assert text.read_amount(text.amount_text(atoms)) == atoms


@pytest.mark.parametrize(
    ("atoms", "shown"), [(0, "0.00000"), (10**12, "1.00000"), (-1, "-0.000000000001")]
)
def test_amounts_have_five_decimals_or_as_many_as_they_need(atoms, shown):
    assert text.amount_text(atoms) == shown


@given(st.integers(0, 4 * 10**18))
def test_times_have_a_way_back_to_the_microsecond(time_ns):
    floored = time_ns // 1_000 * 1_000
    assert text.read_seconds(text.seconds_text(time_ns)) == floored
    assert text.read_rfc3339(text.rfc3339(time_ns)) == floored


@pytest.mark.parametrize("wrong", ["", "now", "2024-13-01T00:00:00Z", "1710190126", "2024-01-01"])
def test_what_is_no_time_is_told_so(wrong):
    with pytest.raises(DecodeError, match="2024-03-11T20:48:46"):
        text.read_rfc3339(wrong)


@pytest.mark.parametrize("wrong", ["", "-1", "1e5000", "1.2.3", "NaN", "0x1", "1" * 40])
def test_what_is_no_number_is_told_so(wrong):
    with pytest.raises(DecodeError):
        text.scaled(wrong.replace("-1", "--1"), 8)


@pytest.mark.parametrize(
    ("rate_e8", "shown"), [(100_000, "0.1000"), (0, "0.0000"), (1, "0.000001")]
)
def test_rates_are_in_percent(rate_e8, shown):
    assert text.rate_percent(rate_e8) == shown
