from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.messages import (
    SECOND_NS,
    AccountQuery,
    ClockQuery,
    InstrumentList,
    InstrumentsQuery,
    Refused,
)
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.trading.actions import Role
from steelyard.trading.connector import JITTER_NS, MARKET_KINDS, Connector
from steelyard.trading.costs import WEIGHT
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import (
    UNLIMITED,
    Counts,
    Kind,
    Limit,
    LimitProfile,
    Per,
    SlidingCounter,
)
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown
from tests.trading.venue import BTC_USDT

T0 = 1_700_000_000 * SECOND_NS
KEY = ApiKey("key", b"secret")
OK = Response(200, {}, b"")
PLACE = Place(0, 3, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 1, 1, client_order_id="a")


class Client:
    """A venue's language in which every response means what the test says."""

    def __init__(self) -> None:
        self.means: Outcome | Exception = Answered(InstrumentList((BTC_USDT,)))
        self.raises: Exception | None = None
        self.asked: list[Any] = []

    def request(self, message: Any, listings: Any, key: ApiKey, now_ns: int) -> Request:
        if self.raises:
            raise self.raises
        self.asked.append((message, listings, key, now_ns))
        return Request("GET", "/", {}, b"")

    def outcome(self, _message: Any, _response: Response, _listings: Any, _now: int) -> Outcome:
        if isinstance(self.means, Exception):
            raise self.means
        return self.means

    def private_session(self, key: ApiKey, listings: Any, now_ns: int) -> Any:
        return ("private", key, listings, now_ns)

    def market_session(self, instruments: Any, listings: Any, kinds: Any) -> Any:
        return ("market", instruments, kinds)

    def market_table(self, _instruments: Any) -> None:
        return None


def connector(*limits: Limit) -> tuple[Connector, Client]:
    client = Client()
    return Connector(client, KEY, LimitProfile(limits) if limits else UNLIMITED), client


def test_a_request_is_made_with_key_time_and_listings():
    """And the answer to the first one teaches the listings."""
    desk, client = connector()
    assert isinstance(desk.request(InstrumentsQuery(), T0), Request)
    assert client.asked[0][2:] == (KEY, T0)
    desk.outcome(InstrumentsQuery(), OK, T0)
    assert desk.listings.symbol("BTC-USDT") == BTC_USDT


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (Unsupported("not offered"), RejectReason.UNSUPPORTED),
        (UnitError("off", RejectReason.PRICE_OFF_TICK), RejectReason.PRICE_OFF_TICK),
    ],
)
def test_what_the_venue_does_not_offer_is_refused_before_it_is_sent(raised, reason):
    """As an answer, which is terminal; nothing has left."""
    desk, client = connector()
    client.raises = raised
    found = desk.request(PLACE, T0)
    assert found == Answered(Refused(reason, str(raised)))


def test_an_answer_that_cannot_be_read_proves_nothing():
    """Unknown, for commands and queries alike."""
    desk, client = connector()
    client.means = DecodeError("garbage")
    assert isinstance(desk.outcome(ClockQuery(), OK, T0), Unknown)


def test_the_venues_word_to_wait_is_obeyed_by_all():
    """After one 429 nothing is sent until the time is over; afterwards all goes on."""
    desk, client = connector()
    client.means = NotSent("429", 3 * SECOND_NS)
    assert desk.outcome(ClockQuery(), OK, T0) == client.means
    for message in (ClockQuery(), PLACE, Cancel(0, 1)):
        found = desk.request(message, T0 + SECOND_NS)
        assert found == NotSent("waiting for the venue's rate limit", 2 * SECOND_NS)
    assert isinstance(desk.request(PLACE, T0 + 3 * SECOND_NS), Request)


def test_requests_keep_within_a_limit_and_leave_room_for_cancels():
    """Of 10 a second 8 are for anything, the rest for cancels; the next window is new."""
    desk, _ = connector(Limit("r", Per.IP, Counts.REQUESTS, 10, SECOND_NS))
    sent = [desk.request(ClockQuery(), T0) for _ in range(9)]
    assert [isinstance(each, Request) for each in sent] == [True] * 8 + [False]
    assert sent[-1] == NotSent("waiting for the venue's rate limit", SECOND_NS)
    cancels = [desk.request(Cancel(0, 1), T0) for _ in range(3)]
    assert [isinstance(each, Request) for each in cancels] == [True, True, False]
    assert isinstance(desk.request(ClockQuery(), T0 + SECOND_NS), Request)


MILLISECONDS = st.integers(0, JITTER_NS // 1_000_000)


@given(st.lists(st.tuples(st.integers(0, 400), MILLISECONDS, st.booleans()), max_size=80))
def test_a_limit_that_slides_is_kept_where_requests_arrive(steps):
    """However unevenly they travel: the venue's own counter never has to refuse one."""
    limit = Limit("r", Per.IP, Counts.REQUESTS, 10, SECOND_NS, Kind.SLIDING)
    desk, _ = connector(limit)
    now_ns, arrivals = T0, []
    for pause_ms, delay_ms, is_cancel in steps:
        now_ns += pause_ms * 1_000_000
        found = desk.request(Cancel(0, 1) if is_cancel else ClockQuery(), now_ns)
        if isinstance(found, Request):
            arrivals.append(now_ns + delay_ms * 1_000_000)
        else:
            assert 0 < found.retry_after_ns <= SECOND_NS + JITTER_NS
    venue = SlidingCounter()
    assert not any(venue.add(limit, 1, at_ns).is_over for at_ns in sorted(arrivals))


def test_what_a_limit_that_slides_asks_to_wait_is_enough():
    """After it the same request goes out; a nanosecond before it does not."""
    desk, _ = connector(Limit("r", Per.IP, Counts.REQUESTS, 10, SECOND_NS, Kind.SLIDING))
    for step in range(8):
        assert isinstance(desk.request(ClockQuery(), T0 + step), Request)
    late = T0 + SECOND_NS // 2
    waits = desk.request(ClockQuery(), late)
    assert waits == NotSent("waiting for the venue's rate limit", SECOND_NS // 2 + JITTER_NS)
    again = late + waits.retry_after_ns
    assert isinstance(desk.request(ClockQuery(), again - 1), NotSent)
    assert isinstance(desk.request(ClockQuery(), again), Request)


def test_a_limit_of_other_routes_holds_nobody_up():
    """A venue's limit on withdrawals is none on orders; what it covers, it paces."""
    other, ours, any_id, private = (
        Limit("r", Per.ACCOUNT, Counts.REQUESTS, 2, SECOND_NS, routes=(route,))
        for route in ("/withdraw", "GET /", "/orders/{order_id}", "private")
    )
    for limit, is_paced in ((other, False), (ours, True), (any_id, True), (private, True)):
        trader, _ = connector(limit)
        told = [trader.request(ClockQuery(), T0) for _ in range(4)]
        assert any(isinstance(each, NotSent) for each in told) is is_paced, limit


def test_orders_are_counted_by_themselves():
    """A query does not use up the order limit."""
    desk, _ = connector(Limit("o", Per.ACCOUNT, Counts.ORDERS, 5, 10 * SECOND_NS))
    for _ in range(50):
        assert isinstance(desk.request(AccountQuery(0), T0), Request)
    sent = [isinstance(desk.request(PLACE, T0), Request) for _ in range(5)]
    assert sent == [True] * 4 + [False]


def test_weights_are_counted_on_the_safe_side():
    """Each request counts as a heavy one."""
    desk, _ = connector(Limit("w", Per.IP, Counts.WEIGHT, 10 * WEIGHT, SECOND_NS))
    sent = [isinstance(desk.request(ClockQuery(), T0), Request) for _ in range(9)]
    assert sent == [True] * 8 + [False]


def test_a_tiny_limit_still_lets_one_through():
    """Otherwise a bot would wait for ever."""
    desk, _ = connector(Limit("w", Per.IP, Counts.WEIGHT, 1, SECOND_NS))
    assert isinstance(desk.request(ClockQuery(), T0), Request)
    assert isinstance(desk.request(ClockQuery(), T0), NotSent)


def test_sessions_follow_market_and_account():
    """The private one is signed with the key, the market one needs none."""
    desk, _ = connector()
    assert desk.session(Role.MARKET, BTC_USDT, T0) == ("market", [BTC_USDT], MARKET_KINDS)
    assert desk.session(Role.PRIVATE, BTC_USDT, T0)[:2] == ("private", KEY)
