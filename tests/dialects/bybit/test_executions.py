import msgspec
import pytest
from msgspec.structs import replace

from steelyard.dialects.bybit import executions
from steelyard.dialects.bybit import order_messages as wire
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import FillsQuery, OrdersQuery
from steelyard.domain.order import CancelCause, OrderType, Side, TimeInForce
from tests.shared.desk import BTC_USDT

LISTINGS = Listings([BTC_USDT])
ORDER = Order(
    order_id=5,
    client_order_id="mine",
    account_id=7,
    instrument_id=0,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    post_only=False,
    price_ticks=5_000_000,
    size_lots=1_000,
    created_ns=10**18,
    updated_ns=10**18,
)
STOP = replace(ORDER, order_type=OrderType.STOP_LIMIT, trigger_ticks=5_100_000)
_C = OrderState.CANCELED
STATUSES = [
    (ORDER, "New"),
    (replace(ORDER, state=OrderState.PARTIALLY_FILLED, filled_lots=5), "PartiallyFilled"),
    (replace(ORDER, state=OrderState.FILLED, filled_lots=1_000), "Filled"),
    (replace(ORDER, state=_C, cancel_cause=CancelCause.USER), "Cancelled"),
    (
        replace(ORDER, state=_C, cancel_cause=CancelCause.USER, filled_lots=5),
        "PartiallyFilledCanceled",
    ),
    (replace(ORDER, state=OrderState.REJECTED), "Rejected"),
    (STOP, "Untriggered"),
    (replace(STOP, triggered_ns=10**18), "New"),
    (replace(STOP, state=_C, cancel_cause=CancelCause.USER), "Deactivated"),
]


@pytest.mark.parametrize(("order", "status"), STATUSES)
def test_an_order_comes_back_in_its_state(order, status):
    told = executions.order_to_wire(order, LISTINGS)
    assert told.orderStatus == status
    found = executions.order_from_wire(again(told), LISTINGS)
    for name in ("order_id", "client_order_id", "order_type", "state", "filled_lots", "size_lots"):
        assert getattr(found, name) == getattr(order, name), name
    for name in ("price_ticks", "trigger_ticks", "cancel_cause", "side", "triggered_ns"):
        assert getattr(found, name) == getattr(order, name), name


@pytest.mark.parametrize(
    ("tif", "cause", "reason"),
    [
        (TimeInForce.IOC, CancelCause.IOC_REMAINDER, "EC_NoImmediateQtyToFill"),
        (TimeInForce.FOK, CancelCause.FOK_UNFILLABLE, "EC_CancelForNoFullFill"),
    ],
)
def test_an_order_that_ends_by_its_own_terms_has_expired(tif, cause, reason):
    state = OrderState.EXPIRED
    order = replace(ORDER, time_in_force=tif, state=state, cancel_cause=cause)
    told = executions.order_to_wire(order, LISTINGS)
    assert (told.orderStatus, told.rejectReason, told.cancelType) == (
        "Cancelled",
        reason,
        "UNKNOWN",
    )
    found = executions.order_from_wire(told, LISTINGS)
    assert (found.state, found.cancel_cause, found.time_in_force) == (state, cause, tif)


def test_from_where_a_trigger_is_reached_may_be_told_by_the_price_of_then():
    """As the venue's own spot orders do."""
    told = executions.order_to_wire(STOP, LISTINGS)
    for before, kind in (
        ("50000.00", OrderType.STOP_LIMIT),
        ("52000.00", OrderType.TAKE_PROFIT_LIMIT),
    ):
        other = replace(told, triggerDirection=0, basePrice=before)
        assert executions.order_from_wire(other, LISTINGS).order_type is kind


def test_what_we_have_no_word_for_is_garbage():
    told = executions.order_to_wire(ORDER, LISTINGS)
    for changed in (
        {"orderStatus": "Odd"},
        {"symbol": "X"},
        {"side": "Long"},
        {"price": "1.001"},
        {"createdTime": "soon"},
    ):
        with pytest.raises(DecodeError):
            executions.order_from_wire(replace(told, **changed), LISTINGS)


def test_the_two_forms_of_an_order_differ_where_the_venues_do():
    rest = msgspec.to_builtins(executions.order_to_wire(ORDER, LISTINGS))
    told = msgspec.to_builtins(executions.order_to_wire(ORDER, LISTINGS, is_streamed=True))
    assert told.keys() - rest.keys() == {
        *("category", "lastPriceOnCreated", "closedPnl", "feeCurrency")
    }
    assert rest.keys() - told.keys() == {"basePrice", "ocoTriggerBy", "extraFees"}
    assert not {"tpslMode", "createType"} & (rest.keys() | told.keys())


def test_an_execution_comes_back_to_the_atom(venue):
    venue.place()
    venue.place(venue.other_key, side="Sell", qty="0.004")
    for account_id in (venue.desk.alice, venue.desk.bob):
        (fill,) = venue.exchange.ask(FillsQuery(account_id, 10), venue.desk.now_ns).fills
        (order,) = venue.exchange.ask(OrdersQuery(account_id, 10), venue.desk.now_ns).orders
        told = executions.fill_to_wire(fill, order, venue.listings)
        found = executions.fill_from_wire(told, venue.listings)
        for name in ("trade_id", "order_id", "side", "size_lots", "fee_atoms", "liquidity"):
            assert getattr(found, name) == getattr(fill, name), name
        assert executions.fees_of([fill]) == {fill.order_id: {fill.fee_asset_id: fill.fee_atoms}}
        fast = executions.fast_to_wire(fill, order, venue.listings)
        assert (fast.orderLinkId == "") or not fast.isMaker


def test_an_execution_of_an_order_that_is_no_longer_kept_says_less(venue):
    venue.place()
    venue.place(venue.other_key, side="Sell", qty="0.004")
    (fill,) = venue.exchange.ask(FillsQuery(venue.desk.alice, 10), venue.desk.now_ns).fills
    assert executions.fill_to_wire(fill, None, venue.listings).orderQty == ""


def again(told: wire.Order) -> wire.Order:
    return msgspec.json.decode(msgspec.json.encode(told), type=wire.Order)
