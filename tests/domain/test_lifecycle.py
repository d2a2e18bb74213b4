"""An order's life: one table of transitions, and no way back."""

from itertools import product

import pytest

from steelyard.domain.lifecycle import TRANSITIONS, Order, OrderState
from steelyard.domain.order import OrderType, Side, TimeInForce

TERMINAL = {
    OrderState.FILLED,
    OrderState.CANCELED,
    OrderState.EXPIRED,
    OrderState.REJECTED,
    OrderState.ABSENT,
}


def test_every_state_has_its_row():
    """The table is whole, and it is the only one."""
    assert set(TRANSITIONS) == set(OrderState)


@pytest.mark.parametrize("state", OrderState)
def test_a_terminal_state_is_never_left(state: OrderState):
    """What is over is over; what is not can go on."""
    assert (state in TERMINAL) is (not TRANSITIONS[state])
    assert state.is_open is (state not in TERMINAL)


@pytest.mark.parametrize(("before", "after"), list(product(OrderState, OrderState)))
def test_nothing_goes_back(before: OrderState, after: OrderState):
    """Not to itself, not to unsent, and from the venue's book not to unknown or absent."""
    if after in TRANSITIONS[before]:
        assert after is not before
        assert after is not OrderState.PENDING
        assert before not in TRANSITIONS[after]
    if before not in {OrderState.PENDING, OrderState.UNKNOWN}:
        assert not TRANSITIONS[before] & {OrderState.UNKNOWN, OrderState.ABSENT}


def test_only_evidence_leaves_unknown():
    """From unknown an order may be anything that a venue can say, or proven absent."""
    said = set(OrderState) - {OrderState.PENDING, OrderState.UNKNOWN, OrderState.ABSENT}
    assert TRANSITIONS[OrderState.UNKNOWN] == said | {OrderState.ABSENT}


def test_what_remains_is_what_has_not_filled():
    """The two sizes add up to the order's."""
    order = Order(
        order_id=1,
        client_order_id="a",
        account_id=100,
        instrument_id=0,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        price_ticks=5,
        size_lots=7,
        filled_lots=3,
    )
    assert order.remaining_lots == 4
    assert order.state is OrderState.WORKING
