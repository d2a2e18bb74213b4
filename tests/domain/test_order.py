"""What an order is made of."""

from itertools import pairwise

import pytest

from steelyard.domain.order import (
    FIELDS,
    CancelCause,
    Direction,
    FeeAsset,
    GroupKind,
    Liquidity,
    MarketState,
    Need,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TransferState,
    TriggerBy,
)


def test_sides_are_signs():
    """Matching is written once because a side is a factor."""
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY
    assert Side.BUY + Side.SELL == 0


def test_every_order_type_has_its_row():
    """FIELDS is the one table that says which field goes with which type."""
    assert set(FIELDS) == set(OrderType)
    assert FIELDS[OrderType.LIMIT].price_ticks is Need.MUST
    assert FIELDS[OrderType.MARKET].price_ticks is Need.NEVER
    assert TimeInForce.GTC not in FIELDS[OrderType.MARKET].time_in_force
    assert FIELDS[OrderType.MARKET].post_only is Need.NEVER
    for fields in FIELDS.values():
        assert fields.time_in_force, "an order type that no time in force goes with"
        assert fields.reduce_only is Need.NEVER, "spot has nothing to reduce"


@pytest.mark.parametrize("order_type", OrderType)
def test_what_a_type_is_and_which_fields_it_takes_agree(order_type: OrderType):
    """It has a limit if it takes a price, and waits if it takes a trigger or a trail."""
    fields = FIELDS[order_type]
    assert order_type.has_limit == (fields.price_ticks is Need.MUST)
    waits = Need.MUST in {fields.trigger_ticks, fields.trail}
    assert order_type.waits == waits
    assert order_type.trails == (fields.trail is Need.MUST)
    assert (
        (fields.post_only is Need.MAY) == order_type.has_limit == (fields.display_lots is Need.MAY)
    )
    if not order_type.has_limit and waits:
        assert fields.time_in_force == {TimeInForce.GTC, TimeInForce.GTD}, "how long it waits"


def test_reasons_are_in_the_order_in_which_they_are_checked():
    """Its own form, then what it names, then the market; all engines report the first."""
    reasons = list(RejectReason)
    assert all(before < after for before, after in pairwise(reasons))
    own = [reason for reason in reasons if reason < RejectReason.UNKNOWN_ORDER]
    assert own[0] is RejectReason.UNSUPPORTED
    assert reasons[-2:] == [RejectReason.INSUFFICIENT_BALANCE, RejectReason.GROUP_REFUSED]


@pytest.mark.parametrize(
    ("member", "number"),
    [
        (OrderType.MARKET, 2),
        (OrderType.TRAILING_STOP, 7),
        (OrderType.TRAILING_STOP_LIMIT, 8),
        (Direction.RISE, 1),
        (Direction.FALL, 2),
        (TimeInForce.FOK, 3),
        (TimeInForce.GTD, 4),
        (TriggerBy.INDEX, 3),
        (GroupKind.BRACKET, 4),
        (MarketState.MAINTENANCE, 5),
        (TransferState.CANCELED, 3),
        (SelfTrade.CANCEL_BOTH, 3),
        (SelfTrade.DECREMENT, 4),
        (FeeAsset.RECEIVED, 1),
        (FeeAsset.TOKEN, 2),
        (CancelCause.ADMIN, 6),
        (CancelCause.LEVEL_FULL, 14),
        (Liquidity.TAKER, 2),
        (RejectReason.UNKNOWN_ORDER, 30),
        (RejectReason.INSUFFICIENT_BALANCE, 44),
    ],
)
def test_numbers_are_for_ever(member, number: int):
    """They stand in journals: a member is added behind, never renumbered."""
    assert member == number
