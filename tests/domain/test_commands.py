"""What the engine is told and tells: frozen, tagged, whole."""

from typing import get_args

import msgspec
import pytest

from steelyard.domain.commands import (
    FEES,
    FIRST_USER,
    GROUP_MAX,
    HOUSE,
    WORLD,
    Cancel,
    Command,
    Effect,
    Place,
    PlaceGroup,
)
from steelyard.domain.layout import LAYOUT
from steelyard.domain.order import (
    FeeAsset,
    GroupKind,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
)


@pytest.mark.parametrize("message", [*get_args(Command), *get_args(Effect)])
def test_every_message_is_frozen_tagged_and_has_a_row(message: type):
    """A message cannot change under way, and says what it is."""
    config = message.__struct_config__
    assert config.frozen
    assert config.tag == message.__name__
    assert message in LAYOUT


def test_commands_effects_and_state_have_their_own_numbers():
    """Tags below 100 are commands, below 200 effects; no two share one."""
    tags = [row.tag for row in LAYOUT.values()]
    assert len(set(tags)) == len(tags)
    assert all(LAYOUT[message].tag < 100 for message in get_args(Command))
    assert all(100 < LAYOUT[message].tag < 200 for message in get_args(Effect))


def test_accounts_of_the_house_are_below_the_users():
    """A user's number can never be one of ours."""
    assert len({WORLD, HOUSE, FEES}) == 3
    assert max(WORLD, HOUSE, FEES) < FIRST_USER


def order(account_id: int) -> Place:
    """A plain order."""
    return Place(
        account_id=account_id,
        instrument_id=0,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        price_ticks=1,
        size_lots=1,
    )


def test_an_order_says_nothing_by_default_that_costs_its_owner():
    """Own orders do not trade with each other, and fees are taken in quote."""
    place = order(100)
    assert place.self_trade is SelfTrade.CANCEL_OLDEST
    assert place.fee_asset is FeeAsset.QUOTE
    assert place.client_order_id == ""


def test_a_message_is_itself_again_as_json():
    """The union tells commands apart by their tag."""
    command = Cancel(100, 7)
    decoded = msgspec.json.decode(msgspec.json.encode(command), type=Command)
    assert decoded == command


@pytest.mark.parametrize(
    ("accounts", "problem"),
    [
        ((), f"1 to {GROUP_MAX} orders, not 0"),
        ((100,) * (GROUP_MAX + 1), f"1 to {GROUP_MAX} orders, not {GROUP_MAX + 1}"),
        ((100, 101), "one account"),
    ],
)
def test_what_no_record_could_hold_is_no_group(accounts: tuple[int, ...], problem: str):
    """Neither engine sees it, and the journal is not asked to write it."""
    with pytest.raises(ValueError, match=problem):
        PlaceGroup(GroupKind.BASKET, tuple(order(account) for account in accounts))
