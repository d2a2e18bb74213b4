"""The streams, a trader's end: books that chain, orders and fills in either order, logins."""

import msgspec
import pytest

from steelyard.dialects.weex.follower import AccountFollower, MarketFollower
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import BookDelta, BookSnapshot, Execution, OrderEvent
from steelyard.domain.order import CancelCause, Liquidity
from steelyard.wire.dialect import ChannelKind, opening_headers
from tests.dialects.weex.venue import PRIVATE

BOOK = frozenset({ChannelKind.BOOK})
T0 = 1_700_000_000 * 10**9


def market(venue, kinds=BOOK):
    follower = MarketFollower([venue.listings.symbol("BTC-USDT")], venue.listings, kinds)
    follower.opened(T0)
    return follower


def account(venue):
    follower = AccountFollower(venue.key, venue.listings)
    follower.opened(T0)
    return follower


def hear(follower, *messages):
    """Let it take messages, and return what it makes of them."""
    for message in messages:
        follower.receive(msgspec.json.encode(message), T0)
    return follower.drain()[1]


def depth(event, before, number, bids=(), asks=()):
    kind = "SNAPSHOT" if event.endswith("Snapshot") else "CHANGED"
    head = {"e": event, "E": 1_700_000_000_000, "s": "BTCUSDT", "U": before, "u": number}
    return {**head, "l": 200, "d": kind, "b": bids, "a": asks}


def test_a_book_goes_on_from_the_number_before(venue):
    follower = market(venue)
    assert '"BTCUSDT@depth200"' in follower.drain()[0][0]
    assert not follower.ready
    assert hear(follower, {"result": True, "id": "sy"}) == []
    assert follower.ready
    assert hear(follower, depth("depth", 3, 4)) == [], "the book is on its way"
    whole, change = hear(
        follower,
        depth("depthSnapshot", 7, 10, [["50000.00", "1"], ["49999.00", "0"]]),
        depth("depth", 10, 15, [["50000.00", "0"]], [["50001.00", "2.5"]]),
    )
    assert isinstance(whole, BookSnapshot)
    assert (whole.sequence, whole.bids) == (10, ((5_000_000, 100_000),))
    assert isinstance(change, BookDelta)
    assert (change.first_sequence, change.last_sequence) == (11, 15)
    assert (change.bids, change.asks) == (((5_000_000, 0),), ((5_000_100, 250_000),))


def test_a_gap_is_told_and_the_book_subscribed_to_anew(venue):
    """And what comes before the new one is passed over."""
    follower = market(venue)
    hear(follower, {"result": True}, depth("depthSnapshot", 7, 10))
    follower.receive(msgspec.json.encode(depth("depth", 12, 15)), T0)
    said, (gap,) = follower.drain()
    assert gap.first_sequence > 11
    methods = [msgspec.json.decode(text)["method"] for text in said]
    assert methods == ["UNSUBSCRIBE", "SUBSCRIBE"]
    assert not follower.ready
    assert hear(follower, depth("depth", 15, 16)) == []
    assert hear(follower, {"result": True}, {"result": True}) == []
    assert follower.ready
    assert len(hear(follower, depth("depthSnapshot", 15, 20))) == 1


def test_other_public_channels_are_events(venue):
    kinds = frozenset(ChannelKind(n) for n in (1, 2, 3, 4, 5))
    follower = market(venue, kinds)
    number = venue.connect()
    for text in follower.drain()[0]:
        venue.say(number, text)
    venue.place(price="49999")
    venue.place(venue.other_key, side="SELL", price="49999", quantity="0.004")
    venue.pass_time()
    told = {type(event).__name__ for event in hear(follower, *venue.heard(number))}
    assert told >= {"BookSnapshot", "BookDelta", "Trade", "Touch", "Ticker", "Candle"}
    assert follower.ready
    with pytest.raises(Unsupported, match="FULL"):
        MarketFollower([], venue.listings, frozenset({ChannelKind.FULL}))


def test_pings_are_answered_and_refusals_raised(venue):
    for ping in ({"event": "ping", "time": "1"}, {"type": "ping", "time": "1"}):
        follower = market(venue)
        follower.drain()
        follower.receive(msgspec.json.encode(ping), T0)
        assert "PONG" in follower.drain()[0][0]
    refusal = {"result": False, "id": "sy", "msg": "INVALID_ARGUMENT: invalid symbol : X"}
    with pytest.raises(DecodeError, match="invalid symbol"):
        hear(market(venue), refusal)
    with pytest.raises(DecodeError):
        hear(market(venue), depth("depth", "x", 1))
    with pytest.raises(DecodeError, match="not listed"):
        hear(market(venue), {**depth("depth", 1, 2), "s": "NOPEUSDT"})


def live(venue):
    """Return a follower of alice's account, and how it hears what there is."""
    follower = account(venue)
    headers = opening_headers(follower, venue.desk.now_ns)
    number = venue.connect(PRIVATE, headers)
    for text in follower.drain()[0]:
        venue.say(number, text)
    assert hear(follower, *venue.heard(number)) == []
    assert follower.ready
    return follower, number


def test_an_order_is_told_from_new_to_canceled(venue):
    """Its fills by `fill` alone, with client id, price and fee."""
    follower, number = live(venue)
    mine = venue.place(newClientOrderId="mine")
    venue.place(venue.other_key, side="SELL", quantity="0.004")
    venue.call("DELETE", "/api/v3/order", orderId=mine)
    events = [e for e in hear(follower, *venue.heard(number)) if isinstance(e, OrderEvent)]
    assert [e.execution for e in events] == [Execution.NEW, Execution.FILL, Execution.CANCELED]
    assert {e.order.client_order_id for e in events} == {"mine"}
    fill = events[1].fill
    assert (fill.price_ticks, fill.size_lots, fill.client_order_id) == (5_000_000, 400, "mine")
    assert (fill.liquidity, fill.fee_atoms) == (Liquidity.MAKER, 4_000_000)
    assert [e.order.filled_lots for e in events] == [0, 400, 400]
    assert events[2].order.cancel_cause is CancelCause.USER


def test_a_fill_that_comes_before_its_order_is_not_lost(venue):
    """Nor told twice."""
    follower, number = live(venue)
    venue.place(venue.other_key, side="SELL")
    venue.place(newClientOrderId="mine")
    heard = venue.heard(number)
    fills = [each for each in heard if each["e"] == "fill"]
    others = [each for each in heard if each["e"] == "orders"]
    events = hear(follower, *others, *fills, *fills)
    assert [e.execution for e in events] == [Execution.NEW, Execution.FILL]
    assert events[1].order.state is OrderState.FILLED
    early = account(venue)
    told = hear(early, *fills, *others)
    assert [e.execution for e in told if e.fill is not None] == [Execution.FILL]


def test_what_ends_at_once_has_expired(venue):
    """By the reason that is told, or by its terms where none is."""
    follower, number = live(venue)
    venue.place(timeInForce="IOC")
    heard = venue.heard(number)
    told = [e for e in hear(follower, *heard) if isinstance(e, OrderEvent)]
    assert told[-1].order.cancel_cause is CancelCause.IOC_REMAINDER
    plain = [each for each in heard if each["e"] == "orders"]
    for each in plain:
        each["d"][0]["cancelReason"] = "UNKNOWN_ORDER_CANCEL_REASON"
    last = [e for e in hear(account(venue), *plain) if isinstance(e, OrderEvent)][-1]
    assert (last.execution, last.order.state) == (Execution.EXPIRED, OrderState.EXPIRED)


def test_whom_the_venue_does_not_know_gets_an_auth_error(venue):
    wrong = AccountFollower(venue.key._replace(secret=b"wrong"), venue.listings)
    wrong.opened(T0)
    number = venue.connect(PRIVATE, opening_headers(wrong, venue.desk.now_ns))
    with pytest.raises(AuthError, match="API authentication failed") as raised:
        hear(wrong, *venue.heard(number))
    assert raised.value.code == -1047
    assert not wrong.ready
