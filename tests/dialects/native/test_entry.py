"""Order entry over the native WebSocket, our end."""

import msgspec
import pytest

from steelyard.dialects.native import DIALECT
from steelyard.dialects.native.entry import OrderEntry
from steelyard.domain.commands import Amend, Cancel, CancelAll, Deposit, Place, PlaceGroup
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.messages import Refused
from steelyard.domain.order import GroupKind, OrderType, RejectReason, Side, TimeInForce
from steelyard.sim.stand import Stand
from steelyard.wire.dialect import ApiKey
from steelyard.wire.outcome import NotSent

LIMIT = (OrderType.LIMIT, TimeInForce.GTC, False)
BUY = Place(0, 0, Side.BUY, *LIMIT, 5_000_000, 1_000, client_order_id="a")
KEY = ApiKey("key", b"secret")


@pytest.fixture
def stand() -> Stand:
    return Stand(DIALECT)


def enter(stand: Stand, command):
    return stand.enter(command, stand.key_of("alice"))


def test_every_command_of_a_trader_has_its_call(stand):
    """Answered as over REST, from place to cancel."""
    order = enter(stand, BUY).answer.order
    assert order.client_order_id == "a"
    amended = enter(stand, Amend(0, order.order_id, None, 500, None, 0)).answer.order
    assert amended.size_lots == 500
    canceled = enter(stand, Cancel(0, order.order_id, 0)).answer.order
    assert not canceled.state.is_open
    pair = tuple(Place(0, 0, Side.BUY, *LIMIT, ticks, 1_000) for ticks in (4_000_000, 4_000_001))
    assert len(enter(stand, PlaceGroup(GroupKind.BASKET, pair)).answer.orders) == 2
    assert len(enter(stand, CancelAll(0, None)).answer.orders) == 2
    assert enter(stand, CancelAll(0, 0)).answer.orders == ()


def test_a_refusal_has_its_reason(stand):
    refused = enter(stand, Cancel(0, 999, 0)).answer
    assert isinstance(refused, Refused)
    assert refused.reason is RejectReason.UNKNOWN_ORDER


def test_a_login_that_is_refused_refuses_what_comes_after(stand):
    outcome = stand.enter(BUY, ApiKey(stand.key_of("alice").key, b"wrong"))
    assert isinstance(outcome, NotSent)
    assert outcome.is_denied


def test_what_is_no_traders_command_is_not_sent(stand):
    with pytest.raises(Unsupported, match="Deposit cannot be sent"):
        OrderEntry(KEY).request(Deposit(0, 1, 1), stand.listings, 0)


def test_what_is_about_something_else_answers_nothing(stand):
    entry = OrderEntry(KEY)
    entry.request(BUY, stand.listings, 0)
    for other in ({"op": "login", "id": "login", "ok": True}, {"op": "place", "id": 2, "ok": True}):
        assert entry.response(msgspec.json.encode(other)) is None
    answer = {"op": "place", "id": 1, "ok": True, "result": {"x": 1}}
    response = entry.response(msgspec.json.encode(answer))
    assert (response.status, response.body) == (200, b'{"x":1}')


@pytest.mark.parametrize("frame", [b"", b"[]", b"{}", "nonsense", b"\xff", b"[" * 50_000])
def test_garbage_is_a_decode_error(frame):
    with pytest.raises(DecodeError, match="order entry"):
        OrderEntry(KEY).response(frame)
