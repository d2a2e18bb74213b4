from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.native import forms, orders, terms
from steelyard.dialects.native.requests import PlaceRequest
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.instrument import Listings
from steelyard.domain.order import FIELDS, Need, OrderType, RejectReason, TimeInForce
from steelyard.wire.dialect import Asker
from steelyard.wire.limits import UNLIMITED
from tests.dialects.native.venue import ETH_BTC
from tests.shared.desk import BTC_USDT

ASKER = Asker(100, "k", 0, Listings([BTC_USDT, ETH_BTC]), UNLIMITED)
BASE = {"symbol": "BTC-USDT", "side": "buy", "size": "0.01"}
GOOD = {
    "limit": {"price": "61000"},
    "market": {},
    "stop": {"trigger_price": "62000"},
    "stop_limit": {"price": "61000", "trigger_price": "62000"},
    "take_profit": {"trigger_price": "60000"},
    "take_profit_limit": {"price": "61000", "trigger_price": "60000"},
    "trailing_stop": {"trail": "150"},
    "trailing_stop_limit": {"price": "61000", "trail": "150"},
}
# A value for each field, and the column of FIELDS that decides on it.
VALUES = {
    "price": ("61000", "price_ticks"),
    "quote_amount": ("250", "quote_atoms"),
    "post_only": (True, "post_only"),
    "display_size": ("0.001", "display_lots"),
    "trigger_price": ("62000", "trigger_ticks"),
    "trail": ("150", "trail"),
    "trail_rate": ("0.01", "trail"),
    "activation_price": ("63000", "activation_ticks"),
    "activation_direction": ("fall", "activation_direction"),
}
EVERY = [OrderType[name.upper()] for name in get_args(forms.OrderType)]


def asked(order_type: str, **changes):
    """A good request of that type with something else in it; None takes a field out."""
    return PlaceRequest(type=order_type, **{**BASE, **GOOD[order_type], **changes})


def placed(order_type: str, **changes):
    return orders.place_from_wire(asked(order_type, **changes), ASKER)


def refused(order_type: str, **changes) -> UnitError:
    with pytest.raises(UnitError) as caught:
        placed(order_type, **changes)
    return caught.value


def test_every_type_can_be_asked_for():
    """The examples of this file are one of each, and good."""
    assert set(EVERY) == set(OrderType) == {placed(name).order_type for name in GOOD}


@pytest.mark.parametrize(("order_type", "field"), [*product(GOOD, VALUES)])
def test_a_field_goes_with_a_type_as_the_table_says(order_type, field):
    """FIELDS alone decides; a refusal names the field, the type, and what that takes."""
    value, column = VALUES[field]
    need = getattr(FIELDS[OrderType[order_type.upper()]], column)
    changes = {field: value}
    if field == "quote_amount":
        changes["size"] = None
    if field == "trail_rate":
        changes["trail"] = None
    if field == "activation_direction" and need is not Need.NEVER:
        changes["activation_price"] = "63000"
    if need is not Need.NEVER:
        assert placed(order_type, **changes)
        return
    if field == "quote_amount":
        changes = {field: value}
    error = refused(order_type, **changes)
    assert (error.reason, error.field) == (RejectReason.UNSUPPORTED, field)
    assert str(error).startswith(f"{field} does not go with a {order_type} order, which must have ")


@pytest.mark.parametrize("order_type", GOOD)
def test_what_a_type_needs_is_missed_by_name(order_type):
    """One by one; the refusal lists all that the type takes."""
    for field in ("size", *GOOD[order_type]):
        with pytest.raises(DecodeError) as caught:
            placed(order_type, **{field: None})
        assert caught.value.field == field
        assert f" is missing: a {order_type} order must have size" in str(caught.value)


@pytest.mark.parametrize(("order_type", "time"), [*product(GOOD, TimeInForce)])
def test_a_time_in_force_goes_with_a_type_as_the_table_says(order_type, time):
    """The others are refused with those that it takes; none given is the first of them."""
    offered = FIELDS[OrderType[order_type.upper()]].time_in_force
    assert placed(order_type).time_in_force is min(offered)
    name = time.name.lower()
    expires = 1_795_000_000_000 if time is TimeInForce.GTD else None
    if time in offered:
        assert placed(order_type, time_in_force=name, expires=expires).time_in_force is time
        return
    error = refused(order_type, time_in_force=name)
    assert (error.reason, error.field) == (RejectReason.UNSUPPORTED, "time_in_force")
    assert str(error).endswith(" or ".join(t.name.lower() for t in sorted(offered)))


@pytest.mark.parametrize(
    ("order_type", "changes", "field", "message"),
    [
        ("market", {"quote_amount": "5"}, "quote_amount", "size and quote_amount say the same"),
        ("trailing_stop", {"trail_rate": "0.1"}, "trail_rate", "trail and trail_rate say the same"),
        ("limit", {"post_only": True, "time_in_force": "ioc"}, "post_only", "has to rest"),
        ("limit", {"display_size": "0", "time_in_force": "fok"}, "display_size", "is not shown"),
        ("limit", {"slide": True}, "slide", "goes with post_only only"),
        (
            "trailing_stop",
            {"activation_direction": "rise"},
            "activation_direction",
            "goes with activation_price only",
        ),
        ("market", {"slide": True}, "slide", "does not go with a market order"),
        ("limit", {"trigger_by": "mark"}, "trigger_by", "does not go with a limit order"),
        ("limit", {"expires": 1}, "expires", "send that, or no expires"),
        ("market", {"expires": 1}, "expires", "does not go with a market order"),
    ],
)
def test_what_excludes_each_other_is_refused(order_type, changes, field, message):
    """Nothing that was sent is ignored."""
    error = refused(order_type, **changes)
    assert (error.reason, error.field) == (RejectReason.UNSUPPORTED, field)
    assert message in str(error)


def test_an_expiry_needs_its_time():
    """And the time may come in any type that rests."""
    with pytest.raises(DecodeError, match="a gtd order needs the time") as caught:
        placed("stop", time_in_force="gtd")
    assert caught.value.field == "expires"
    assert placed("stop", time_in_force="gtd", expires=7).expire_ns == 7_000_000


R = RejectReason


@pytest.mark.parametrize(
    ("order_type", "field", "value", "reason", "message"),
    [
        ("stop", "trigger_price", "62000.001", R.PRICE_OFF_TICK, "trigger_price 62000.001 is not"),
        ("stop", "trigger_price", "0", R.PRICE_OUT_OF_RANGE, "trigger_price 0 must be positive"),
        ("stop", "trigger_price", "1e9", R.PRICE_OUT_OF_RANGE, "above the maximum"),
        ("trailing_stop", "trail", "0.001", R.PRICE_OFF_TICK, "trail 0.001"),
        ("trailing_stop", "trail", "0", R.TRAIL_OUT_OF_RANGE, "trail 0 must be positive"),
        ("trailing_stop", "trail", "1e9", R.TRAIL_OUT_OF_RANGE, "above the maximum"),
        ("trailing_stop", "activation_price", "0.001", R.PRICE_OFF_TICK, "activation_price 0.001"),
        ("limit", "display_size", "0.000001", R.SIZE_OFF_LOT, "display_size 0.000001"),
        ("limit", "display_size", "-1", R.DISPLAY_OUT_OF_RANGE, "display_size -1"),
        ("limit", "display_size", "1e9", R.DISPLAY_OUT_OF_RANGE, "above the maximum"),
    ],
)
def test_a_wrong_number_is_told_by_its_own_name(order_type, field, value, reason, message):
    """Not as the price or size that it is measured like."""
    error = refused(order_type, **{field: value})
    assert (error.reason, error.field) == (reason, field)
    assert message in str(error)


@pytest.mark.parametrize("rate", ["0", "-0.1", "1", "1e9", "0.000000001", "1e-99", "0.123456789"])
def test_a_rate_of_a_trail_is_a_share(rate):
    """Between nothing and all of it, in steps of 1e-8."""
    error = refused("trailing_stop", trail=None, trail_rate=rate)
    assert (error.reason, error.field) == (R.TRAIL_OUT_OF_RANGE, "trail_rate")


@pytest.mark.parametrize(
    ("rate", "rate_e8"), [("0.01", 10**6), ("1e-8", 1), ("0.99999999", 99_999_999)]
)
def test_a_rate_of_a_trail_is_exact(rate, rate_e8):
    assert placed("trailing_stop", trail=None, trail_rate=rate).trail_rate_e8 == rate_e8


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("0", R.SIZE_TOO_SMALL),
        ("-1", R.SIZE_TOO_SMALL),
        ("1e-13", R.SIZE_OFF_LOT),
        ("1e30", R.AMOUNT_TOO_LARGE),
        ("1e99", R.AMOUNT_TOO_LARGE),
    ],
)
def test_an_amount_is_in_whole_atoms(amount, reason):
    """Positive, and within the books."""
    error = refused("market", size=None, quote_amount=amount)
    assert (error.reason, error.field) == (reason, "quote_amount")


def test_zero_shows_nothing():
    """A hidden order is not an order without a display size."""
    assert placed("limit", display_size="0").display_lots == 0
    assert placed("limit", display_size="0.000").display_lots == 0
    assert placed("limit").display_lots is None


def test_the_first_reason_of_several_is_told():
    """Of numbers that are wrong in several ways, by the precedence of RejectReason."""
    error = refused("stop_limit", size="0.000001", price="1e9", trigger_price="0.001")
    assert (error.reason, error.field) == (R.PRICE_OFF_TICK, "trigger_price")


def test_what_a_type_takes_reads_as_a_sentence():
    """It stands in refusals and is what the manual's table is made of."""
    assert terms.TERMS[OrderType.MARKET].text() == "must have size or quote_amount"
    assert terms.TERMS[OrderType.TRAILING_STOP].text() == (
        "must have size, trail or trail_rate and may have activation_price, activation_direction, "
        "trigger_by, expires"
    )


prices = st.none() | st.sampled_from(["61000.10", "1e3", "0", "0.001", "1000000.01", "-1"])
any_order = st.builds(
    PlaceRequest,
    symbol=st.sampled_from(["BTC-USDT", "btc/usdt", "NO-NE"]),
    side=st.sampled_from(["buy", "sell"]),
    type=st.sampled_from(["limit", "market", "stop"]),
    size=st.none() | st.sampled_from(["0.01", "5", "0", "0.000001", "1E-5"]),
    price=prices,
    time_in_force=st.none() | st.sampled_from(["gtc", "ioc", "fok", "gtd"]),
    post_only=st.booleans(),
    client_order_id=st.none() | st.just("id-1"),
    self_trade=st.sampled_from(["none", "cancel_oldest"]),
    fee_asset=st.sampled_from(["quote", "received"]),
    trigger_price=prices,
)


@given(any_order)
def test_a_plain_order_is_read_as_any_other(request):
    """It takes a short way, to the same command or the same refusal."""
    check = terms.check

    def outcome():
        try:
            return orders.place_from_wire(request, ASKER)
        except (UnitError, DecodeError) as error:
            return str(error), error.field

    found = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terms, "check", lambda *terms_of: check(*terms_of) and False)
        assert outcome() == found
