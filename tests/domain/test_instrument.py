"""A market's steps and limits, and finding it by what people call it."""

from decimal import Decimal, localcontext

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import UnitError, Unsupported
from steelyard.domain.instrument import (
    LIMIT_MAX,
    Instrument,
    Listings,
    foreign_asset_id,
    foreign_asset_name,
)
from steelyard.domain.order import RejectReason
from steelyard.domain.units import parse_decimal


def spot(**changes: str) -> Instrument:
    numbers = {
        "tick_size": "0.01",
        "lot_size": "0.00001",
        "price_max": "1000000",
        "size_max": "9000",
        "notional_min": "5",
        **changes,
    }
    return Instrument.spot(0, (1, "BTC"), (2, "USDT"), **numbers)


BTC_USDT = spot()


def test_a_market_is_made_from_the_numbers_that_people_write():
    """Steps become atoms, limits become whole steps."""
    assert msgspec.to_builtins(BTC_USDT) == {
        "instrument_id": 0,
        "symbol": "BTC-USDT",
        "base": "BTC",
        "quote": "USDT",
        "base_asset_id": 1,
        "quote_asset_id": 2,
        "lot_atoms": 10_000_000,
        "tick_lot_atoms": 100_000,
        "price_max_ticks": 100_000_000,
        "size_min_lots": 1,
        "size_max_lots": 900_000_000,
        "notional_min_atoms": 5 * 10**12,
        "notional_max_atoms": 0,
        "band_rate_e8": 0,
        "orders_max": 0,
        "triggers_max": 0,
        "volume_weight_e8": 10**8,
    }
    assert BTC_USDT.tick_size == Decimal("0.01")
    assert BTC_USDT.lot_size == Decimal("0.00001")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tick_size": "0"}, "tick_size must be positive; got 0"),
        ({"lot_size": "-1"}, "lot_size must be positive; got -1"),
        (
            {"tick_size": "0.00000001", "lot_size": "0.00001"},
            "tick_size 0.00000001 times lot_size 0.00001 is finer than 0.000000000001 of the quote",
        ),
        ({"price_max": "1e15"}, f"price_max 1e15 must be 1 to {LIMIT_MAX} times tick_size 0.01"),
        ({"price_max": "1e30"}, f"price_max 1e30 must be 1 to {LIMIT_MAX} times tick_size 0.01"),
        ({"price_max": "0.001"}, f"price_max 0.001 must be 1 to {LIMIT_MAX} times tick_size 0.01"),
        ({"size_max": "1e12"}, f"size_max 1e12 must be 1 to {LIMIT_MAX} times lot_size 0.00001"),
        (
            {"price_max": "1e31"},
            "price_max 1e31 is out of range; write a number from 1e-24 to 1e30",
        ),
        ({"price_max": "NaN"}, "price_max: number 'NaN' is not a decimal number"),
        ({"price_max": "Infinity"}, "price_max: number 'Infinity' is not a decimal number"),
        ({"size_max": "many"}, "size_max: number 'many' is not a decimal number"),
        ({"size_max": "-1"}, "size_max must be positive; got -1"),
        (
            {"tick_size": "1e-25"},
            "tick_size 1e-25 is out of range; write a number from 1e-24 to 1e30",
        ),
        (
            {"lot_size": "1e29"},
            f"lot_size: amount {10**29} is out of range; 10000000000000000000000 is the most",
        ),
        (
            {"notional_min": "1e29"},
            f"notional_min: amount {10**29} is out of range; 10000000000000000000000 is the most",
        ),
        ({"notional_min": "-5"}, "notional_min must not be negative; got -5"),
        ({"notional_min": "sNaN"}, "notional_min: number 'sNaN' is not a decimal number"),
        (
            {"tick_size": "1", "lot_size": "1", "price_max": "1e15", "size_max": "1e15"},
            "price_max times size_max is too large",
        ),
    ],
)
def test_a_market_that_could_not_be_exact_is_not_made(changes: dict[str, str], message: str):
    """It is proven when the market is listed, not when a trade needs it."""
    with pytest.raises(UnitError) as error:
        spot(**changes)
    assert str(error.value) == message
    assert error.value.reason is RejectReason.UNSUPPORTED


@given(st.integers(1, BTC_USDT.price_max_ticks), st.integers(1, BTC_USDT.size_max_lots))
def test_steps_survive_a_round_trip(ticks: int, lots: int):
    """A price and a size are the same number in steps and in decimal."""
    assert BTC_USDT.price_ticks(BTC_USDT.price(ticks)) == ticks
    assert BTC_USDT.size_lots(BTC_USDT.size(lots)) == lots
    notional = BTC_USDT.price(ticks) * BTC_USDT.size(lots)
    assert BTC_USDT.notional_atoms(ticks, lots) == notional * 10**12


@pytest.mark.parametrize(
    ("price", "message", "reason"),
    [
        (
            "27150.005",
            (
                "price 27150.005 is not a multiple of tick_size 0.01 (BTC-USDT); "
                "nearest: 27150.00, 27150.01"
            ),
            RejectReason.PRICE_OFF_TICK,
        ),
        (
            "1000000.005",
            (
                "price 1000000.005 is not a multiple of tick_size 0.01 (BTC-USDT); "
                "nearest: 1000000.00"
            ),
            RejectReason.PRICE_OFF_TICK,
        ),
        (
            "-0.005",
            "price -0.005 is not a multiple of tick_size 0.01 (BTC-USDT); nearest: 0.01",
            RejectReason.PRICE_OFF_TICK,
        ),
        (
            "1234567890123456789012345678901.005",
            (
                "price 1234567890123456789012345678901.005 is not a multiple of tick_size 0.01 "
                "(BTC-USDT); nearest: 1000000.00"
            ),
            RejectReason.PRICE_OFF_TICK,
        ),
        ("0", "price 0 must be positive (BTC-USDT)", RejectReason.PRICE_OUT_OF_RANGE),
        ("-1", "price -1 must be positive (BTC-USDT)", RejectReason.PRICE_OUT_OF_RANGE),
        (
            "1000000.01",
            "price 1000000.01 is above the maximum 1000000 (BTC-USDT)",
            RejectReason.PRICE_OUT_OF_RANGE,
        ),
        (
            "1E+40",
            f"price {10**40} is above the maximum 1000000 (BTC-USDT)",
            RejectReason.PRICE_OUT_OF_RANGE,
        ),
    ],
)
def test_a_price_is_refused_and_not_rounded(price: str, message: str, reason: RejectReason):
    """The message says what would do."""
    with pytest.raises(UnitError) as error:
        BTC_USDT.price_ticks(Decimal(price))
    assert str(error.value) == message
    assert error.value.reason is reason


@pytest.mark.parametrize(
    ("size", "message", "reason"),
    [
        (
            "0.000015",
            (
                "size 0.000015 is not a multiple of lot_size 0.00001 (BTC-USDT); "
                "nearest: 0.00001, 0.00002"
            ),
            RejectReason.SIZE_OFF_LOT,
        ),
        ("0", "size 0 must be positive (BTC-USDT)", RejectReason.SIZE_TOO_SMALL),
        (
            "9000.00001",
            "size 9000.00001 is above the maximum 9000 (BTC-USDT)",
            RejectReason.SIZE_TOO_LARGE,
        ),
    ],
)
def test_a_size_is_refused_and_not_rounded(size: str, message: str, reason: RejectReason):
    """The message says what would do."""
    with pytest.raises(UnitError) as error:
        BTC_USDT.size_lots(Decimal(size))
    assert str(error.value) == message
    assert error.value.reason is reason


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=None, min_value=-(10**32), max_value=10**32
    ),
    st.decimals(
        allow_nan=False, allow_infinity=False, places=None, min_value=-(10**32), max_value=10**32
    ),
)
def test_the_first_reason_is_told_of_price_and_size(price: Decimal, size: Decimal):
    """RejectReason's order: off a step before out of range, of either."""
    reasons = []
    with localcontext(prec=100):
        if price % Decimal("0.01"):
            reasons.append(RejectReason.PRICE_OFF_TICK)
        if size % Decimal("0.00001"):
            reasons.append(RejectReason.SIZE_OFF_LOT)
    if not 0 < price <= 1_000_000:
        reasons.append(RejectReason.PRICE_OUT_OF_RANGE)
    if size <= 0:
        reasons.append(RejectReason.SIZE_TOO_SMALL)
    if size > 9_000:
        reasons.append(RejectReason.SIZE_TOO_LARGE)
    if not reasons:
        ticks, lots = BTC_USDT.order_steps(price, size)
        assert (BTC_USDT.price(ticks), BTC_USDT.size(lots)) == (price, size)
        return
    with pytest.raises(UnitError) as error:
        BTC_USDT.order_steps(price, size)
    assert error.value.reason in reasons
    if max(price.adjusted(), size.adjusted()) <= 30:  # beyond, steps are not counted
        assert error.value.reason is min(reasons)


@pytest.mark.parametrize(
    "changes",
    [
        {"quote_asset_id": 1},
        {"lot_atoms": 0},
        {"tick_lot_atoms": -1},
        {"price_max_ticks": LIMIT_MAX + 1},
        {"price_max_ticks": 0},
        {"size_min_lots": 0},
        {"size_min_lots": 900_000_001},
        {"size_max_lots": LIMIT_MAX + 1},
        {"notional_min_atoms": -1},
        {"size_max_lots": LIMIT_MAX, "lot_atoms": 2**46},
        {"tick_lot_atoms": 2**63 - 1},
        {"notional_max_atoms": -1},
        {"band_rate_e8": -1},
        {"band_rate_e8": 10**8 + 1},
        {"volume_weight_e8": -1},
        {"volume_weight_e8": 2**48 + 1},
    ],
)
def test_a_listing_that_arrived_broken_is_not_sound(changes: dict[str, int]):
    """What was not made by `spot` is looked at before it is listed."""
    assert BTC_USDT.is_sound
    assert not msgspec.structs.replace(BTC_USDT, **changes).is_sound


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({"size_max_lots": 5, "size_min_lots": 3, "notional_min_atoms": 0}, True),
        ({"price_max_ticks": 100_000_001, "symbol": "XBT-USDT"}, True),
        ({"price_max_ticks": 99_999_999}, False),
        ({"lot_atoms": 1}, False),
        ({"tick_lot_atoms": 1}, False),
        ({"base_asset_id": 3}, False),
        ({"quote_asset_id": 3}, False),
    ],
)
def test_a_listing_may_change_what_no_hold_is_made_of(changes: dict[str, int], may: bool):
    """Limits may change; assets and steps may not, and no resting price falls out of range."""
    assert BTC_USDT.may_become(msgspec.structs.replace(BTC_USDT, **changes)) is may


def test_listings_are_found_by_number_and_by_any_spelling():
    """`BTC-USDT` is ours, `BTC/USDT` is ccxt's."""
    listings = Listings([BTC_USDT])
    assert listings[0] is listings.symbol("BTC-USDT") is listings.symbol("btc/usdt") is BTC_USDT
    assert listings.find("BTC-USDT") is BTC_USDT
    assert listings.find("btc/usdt") is None
    assert listings.has(0)
    assert not listings.has(1)
    assert list(listings) == [BTC_USDT]
    assert len(listings) == 1
    assert listings.assets() == {1: "BTC", 2: "USDT"}
    assert listings.asset(2) == "USDT"
    assert listings.asset_id("usdt") == 2


def test_what_is_not_listed_is_named_with_what_is():
    """An unknown name is answered with the known ones."""
    listings = Listings([BTC_USDT])
    with pytest.raises(Unsupported, match=r"^no instrument 'XRP-USDT' here; known: BTC-USDT$"):
        listings.symbol("XRP-USDT")
    with pytest.raises(Unsupported, match=r"^no asset 'XRP' here; known: BTC, USDT$"):
        listings.asset_id("XRP")


@given(st.text("ABCXYZ0129", min_size=1, max_size=11))
def test_an_asset_that_no_instrument_uses_has_a_number_all_the_same(name):
    """Fees in a venue's own coin are told by it, whoever reads the number later."""
    listings = Listings([spot()])
    number = listings.any_asset_id(name.lower())
    assert listings.asset(number) == name
    assert number == foreign_asset_id(name) < 2**63
    assert number not in listings.assets()


def test_the_assets_of_instruments_keep_their_numbers():
    listings = Listings([spot()])
    assert listings.any_asset_id("usdt") == listings.asset_id("USDT")
    assert foreign_asset_name(listings.asset_id("USDT")) is None


@pytest.mark.parametrize("name", ["", "ABCDEFGHIJKL", "no body", "Ä"])
def test_what_is_no_assets_name_has_none(name):
    with pytest.raises(Unsupported, match="no name that can be kept"):
        Listings().any_asset_id(name)


NUMBERS = st.from_regex(r"[+-]?[0-9]{0,22}\.?[0-9]{0,14}([eE]-?[0-9])?", fullmatch=True)


@given(NUMBERS | st.text(alphabet="0123456789._ \u0661", max_size=50))
def test_a_plain_text_is_the_number_that_it_reads_as(text: str):
    """What is read in one go is what is read with care, or is left to that."""
    for plain, careful in (
        (BTC_USDT.plain_ticks, BTC_USDT.price_ticks),
        (BTC_USDT.plain_lots, BTC_USDT.size_lots),
    ):
        found = plain(text)
        assert found is None or found == careful(parse_decimal(text))


@given(st.integers(1, BTC_USDT.price_max_ticks), st.integers(1, BTC_USDT.size_max_lots))
def test_what_is_printed_is_plain(ticks: int, lots: int):
    """Ordinary numbers take the short way."""
    assert BTC_USDT.plain_ticks(f"{BTC_USDT.price(ticks):f}") == ticks
    assert BTC_USDT.plain_lots(f"{BTC_USDT.size(lots):f}") == lots
