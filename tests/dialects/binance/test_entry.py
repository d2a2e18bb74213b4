"""Order entry over the WebSocket API, our end."""

import msgspec
import pytest

from steelyard.dialects.binance import DIALECT
from steelyard.dialects.binance.entry import OrderEntry
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, PlaceGroup
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.messages import Refused
from steelyard.domain.order import GroupKind, OrderType, RejectReason, Side, TimeInForce
from steelyard.sim.stand import Stand
from steelyard.wire.dialect import ApiKey
from steelyard.wire.limits import Counts, Limit, LimitProfile, Per
from steelyard.wire.outcome import NotSent

LIMIT = (OrderType.LIMIT, TimeInForce.GTC)
BUY = Place(0, 0, Side.BUY, *LIMIT, False, 5_000_000, 1_000, client_order_id="a")
KEY = ApiKey("key", b"secret")


@pytest.fixture
def stand() -> Stand:
    return Stand(DIALECT)


def enter(stand: Stand, command):
    return stand.enter(command, stand.key_of("alice"))


def test_every_command_of_a_trader_has_its_method(stand):
    """Answered as over REST, from place to cancel."""
    order = enter(stand, BUY).answer.order
    assert order.client_order_id == "a"
    amended = enter(stand, Amend(0, order.order_id, None, 500, None, 0, "a")).answer.order
    assert amended.size_lots == 500
    canceled = enter(stand, Cancel(0, order.order_id, 0)).answer.order
    assert not canceled.state.is_open
    entry = Place(0, 0, Side.BUY, *LIMIT, False, 4_000_000, 1_000)
    exit_ = Place(0, 0, Side.SELL, *LIMIT, True, 6_000_000, 1_000)
    assert len(enter(stand, PlaceGroup(GroupKind.OTO, (entry, exit_))).answer.orders) == 2
    assert len(enter(stand, CancelAll(0, 0)).answer.orders) == 2
    assert enter(stand, CancelAll(0, 0)).answer.orders == ()


def test_a_refusal_has_its_reason(stand):
    refused = enter(stand, Cancel(0, 999, 0)).answer
    assert isinstance(refused, Refused)
    assert refused.reason is RejectReason.UNKNOWN_ORDER


def test_a_signature_that_is_wrong_is_denied(stand):
    outcome = stand.enter(BUY, ApiKey(stand.key_of("alice").key, b"wrong"))
    assert isinstance(outcome, NotSent)
    assert outcome.is_denied


def test_a_limit_says_how_long_to_wait():
    """The frame has a time where REST has a header."""
    once = LimitProfile((Limit("once", Per.ACCOUNT, Counts.ORDERS, 1, 60 * 10**9),))
    stand = Stand(DIALECT, limits=once)
    enter(stand, BUY)
    outcome = enter(stand, BUY)
    assert isinstance(outcome, NotSent)
    assert 0 < outcome.retry_after_ns <= 60 * 10**9


def test_what_the_venue_does_not_offer_is_not_sent(stand):
    with pytest.raises(Unsupported, match="wants to know the instrument"):
        OrderEntry(KEY).request(CancelAll(0, None), stand.listings, 0)


def test_what_is_about_something_else_answers_nothing(stand):
    entry = OrderEntry(KEY)
    entry.request(BUY, stand.listings, 0)
    for other in ({"id": 2, "status": 200, "result": {}}, {"subscriptionId": 0, "event": {}}):
        assert entry.response(msgspec.json.encode(other)) is None
    response = entry.response(msgspec.json.encode({"id": 1, "status": 200, "result": {"x": 1}}))
    assert (response.status, response.body) == (200, b'{"x":1}')


@pytest.mark.parametrize("frame", [b"", b"[]", '{"id":[]}', "nonsense", b"\xff", b"[" * 50_000])
def test_garbage_is_a_decode_error(frame):
    with pytest.raises(DecodeError, match="order entry"):
        OrderEntry(KEY).response(frame)
