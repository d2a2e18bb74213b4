"""What an order is made of."""

from itertools import pairwise

import pytest

from steelyard.domain.order import (
    FIELDS,
    CancelCause,
    FeeAsset,
    Liquidity,
    Need,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
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


def test_reasons_are_in_the_order_in_which_they_are_checked():
    """Its own form, then what it names, then the market; all engines report the first."""
    reasons = list(RejectReason)
    assert all(before < after for before, after in pairwise(reasons))
    own = [reason for reason in reasons if reason < RejectReason.UNKNOWN_ORDER]
    assert own[0] is RejectReason.UNSUPPORTED
    assert reasons[-1] is RejectReason.INSUFFICIENT_BALANCE


@pytest.mark.parametrize(
    ("member", "number"),
    [
        (OrderType.MARKET, 2),
        (TimeInForce.FOK, 3),
        (SelfTrade.CANCEL_BOTH, 3),
        (FeeAsset.RECEIVED, 1),
        (CancelCause.ADMIN, 6),
        (Liquidity.TAKER, 2),
        (RejectReason.INSUFFICIENT_BALANCE, 31),
    ],
)
def test_numbers_are_for_ever(member, number: int):
    """They stand in journals: a member is added behind, never renumbered."""
    assert member == number
