from typing import get_args

import msgspec
import pytest
from msgspec import Struct

from steelyard.dialects.native import forms, market, stream, text
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import Execution, Scope
from steelyard.domain.order import CancelCause, Liquidity, OrderType, SelfTrade, Side, TimeInForce
from steelyard.exchange.market import INTERVALS_NS
from steelyard.wire.dialect import ChannelKind

TRADERS_ONLY = {OrderState.PENDING, OrderState.UNKNOWN, OrderState.ABSENT}


@pytest.mark.parametrize(
    ("choices", "enum", "without"),
    [
        (forms.Side, Side, set()),
        (forms.OrderType, OrderType, set()),
        (forms.TimeInForce, TimeInForce, set()),
        (forms.SelfTrade, SelfTrade, set()),
        (forms.Liquidity, Liquidity, set()),
        (forms.OrderState, OrderState, TRADERS_ONLY),
        (forms.CancelCause, CancelCause, set()),
        (forms.Execution, Execution, set()),
        (forms.ScopeName, Scope, set()),
        (forms.ChannelName, ChannelKind, stream.ELSEWHERE),
    ],
)
def test_the_wire_has_a_word_for_every_member(choices, enum, without):
    """A new member of the domain cannot be forgotten here."""
    assert set(get_args(choices)) == {m.name.lower() for m in enum if m not in without}


def test_intervals_are_those_that_the_exchange_keeps():
    """Names and lengths agree with the keeper of the candles."""
    assert dict(market.INTERVALS_NS) == INTERVALS_NS
    assert list(get_args(forms.Interval)) == list(market.INTERVALS_NS)


def test_every_choice_is_registered():
    """CHOICES lets schemas keep the order of the declaration; no two have the same words."""
    literals = [v for v in vars(forms).values() if get_args(v) and isinstance(get_args(v)[0], str)]
    assert set(literals) == set(forms.CHOICES)
    assert len({tuple(sorted(get_args(c))) for c in forms.CHOICES}) == len(forms.CHOICES)


class Asked(Struct):
    size: forms.AskedSize
    name: forms.AskedClientOrderId = "a"


@pytest.mark.parametrize("size", ["1", "0.5", "61000.10", "-1", "1e30", "1E-5", "0" * 48])
def test_a_number_may_be_plain_or_scientific(size):
    """A negative or giant one has a form; it is refused later, by what it means."""
    assert msgspec.convert({"size": size}, Asked).size == size


@pytest.mark.parametrize(
    "size", ["", " 1", "+1", "1.", ".5", "NaN", "Infinity", "1_000", "1,5", "0x1", "٣", "0" * 49]
)
def test_anything_else_is_not_a_number(size):
    """Python would read some of these; the API does not."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"size": size}, Asked)


@pytest.mark.parametrize("name", ["", "a" * 37, "sy-1", "a b", "ä", "a/b", "a\x00"])
def test_a_client_order_id_fits_a_path_and_the_journal(name):
    """Names that the exchange gives itself cannot be taken either."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"size": "1", "name": name}, Asked)


def test_names_and_members_are_each_others_inverse():
    """What is sent is read back as the same."""
    assert all(text.SIDES[name] is side for side, name in text.SIDE_NAMES.items())
    assert all(text.ORDER_STATES[name] is s for s, name in text.ORDER_STATE_NAMES.items())
