from msgspec.structs import replace

from steelyard.domain.commands import Accepted, Canceled, Place, PlaceGroup
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import OrderList, Refused
from steelyard.domain.order import (
    CancelCause,
    GroupKind,
    OrderType,
    RejectReason,
    Side,
    TimeInForce,
)
from steelyard.exchange.history import Group, History
from steelyard.exchange.repeats import known_group
from tests.shared.desk import BTC_USDT

TARGET = Place(
    100,
    0,
    Side.SELL,
    OrderType.LIMIT,
    TimeInForce.GTC,
    False,
    7_000_000,
    1_000,
    client_order_id="target",
)
STOP = Place(
    100,
    0,
    Side.SELL,
    OrderType.STOP,
    TimeInForce.GTC,
    False,
    None,
    1_000,
    client_order_id="stop",
    trigger_ticks=5_000_000,
)
OCO = PlaceGroup(GroupKind.OCO, (TARGET, STOP))
DUPLICATE = RejectReason.DUPLICATE_CLIENT_ORDER_ID


def after(group: PlaceGroup, first: int = 7) -> History:
    """A history in which a group was accepted."""
    history = History(Listings([BTC_USDT]))
    for number, place in enumerate(group.places, first):
        history.accepted(place, Accepted(number, 100, 0), 1, Group(first, group.kind))
    return history


def refused(*reasons: RejectReason) -> History:
    """A history in which the group was refused."""
    history = History(Listings([BTC_USDT]))
    for number, (place, reason) in enumerate(zip(OCO.places, reasons, strict=True), 7):
        history.rejected(place, number, reason, 1)
    return history


def said(group: PlaceGroup, history: History, *, for_ever: bool = True):
    return known_group(group, history, for_ever=for_ever)


def reason_of(answer) -> RejectReason:
    assert isinstance(answer, Refused), answer
    return answer.reason


def test_a_group_that_nobody_knows_is_new():
    """Also one without any names: it can be sent twice, and is then placed twice."""
    empty = History(Listings([BTC_USDT]))
    unnamed = PlaceGroup(GroupKind.OCO, tuple(replace(p, client_order_id="") for p in OCO.places))
    for for_ever in (True, False):
        assert said(OCO, empty, for_ever=for_ever) is None
        assert said(unnamed, after(OCO), for_ever=for_ever) is None
        assert said(unnamed, after(unnamed), for_ever=for_ever) is None


def test_the_same_group_again_is_answered_with_its_orders():
    """As they are now: one of them may have ended."""
    history = after(OCO)
    assert [o.order_id for o in said(OCO, history).orders] == [7, 8]
    history.canceled(Canceled(8, 100, 0, 1_000, CancelCause.SIBLING), 2)
    answer = said(OCO, history)
    assert isinstance(answer, OrderList)
    assert [o.cancel_cause for o in answer.orders] == [None, CancelCause.SIBLING]


def test_another_group_under_a_known_name_is_refused():
    """Other terms, another kind, another order, more orders, or fewer of the names."""
    history = after(OCO)
    third = replace(TARGET, client_order_id="third")
    for other in (
        PlaceGroup(GroupKind.OCO, (replace(TARGET, size_lots=999), STOP)),
        PlaceGroup(GroupKind.BASKET, OCO.places),
        PlaceGroup(GroupKind.OCO, (STOP, TARGET)),
        PlaceGroup(GroupKind.OCO, (*OCO.places, third)),
        PlaceGroup(GroupKind.OCO, (TARGET, third)),
        PlaceGroup(GroupKind.OCO, (TARGET, replace(STOP, client_order_id=""))),
    ):
        answer = said(other, history)
        assert (reason_of(answer), answer.field) == (DUPLICATE, "client_order_id")


def test_orders_that_were_placed_alone_are_no_group():
    """Their names are taken, though each order is the same."""
    history = History(Listings([BTC_USDT]))
    for number, place in enumerate(OCO.places, 7):
        history.accepted(place, Accepted(number, 100, 0), 1)
    assert reason_of(said(OCO, history)) is DUPLICATE


def test_a_group_that_was_refused_is_refused_again():
    """For the reason that one of its orders had of its own; a late copy cannot trade."""
    reason = RejectReason.WOULD_TRIGGER
    answer = said(OCO, refused(RejectReason.GROUP_REFUSED, reason))
    assert (reason_of(answer), answer.order_id) == (reason, 7)
    assert "fresh client order ids" in answer.message


def test_a_name_is_given_to_one_order_of_a_group():
    """Otherwise neither could be told from the other."""
    twice = PlaceGroup(GroupKind.OCO, (TARGET, replace(STOP, client_order_id="target")))
    for for_ever in (True, False):
        answer = said(twice, History(Listings([BTC_USDT])), for_ever=for_ever)
        assert reason_of(answer) is DUPLICATE


def test_where_names_are_of_open_orders_an_ended_one_is_free_again():
    """As for single orders of such a venue."""
    history = after(OCO)
    assert reason_of(said(OCO, history, for_ever=False)) is DUPLICATE
    for number in (7, 8):
        history.canceled(Canceled(number, 100, 0, 1_000, CancelCause.USER), 2)
    assert said(OCO, history, for_ever=False) is None


def test_an_order_that_is_no_longer_kept_keeps_its_name(monkeypatch):
    """What it became cannot be told, so the name is refused."""
    monkeypatch.setattr("steelyard.exchange.history.ENDED_MAX", 0)
    history = after(OCO)
    history.canceled(Canceled(8, 100, 0, 1_000, CancelCause.USER), 2)
    assert reason_of(said(OCO, history)) is DUPLICATE
