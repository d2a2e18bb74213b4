from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard import dialects
from steelyard.domain.commands import Cancel, Place
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    SECOND_NS,
    AccountQuery,
    ClockQuery,
    InstrumentList,
    InstrumentsQuery,
    Refused,
)
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.store.pacing import Names, SharedPacing
from steelyard.trading.actions import Role
from steelyard.trading.connector import MARKET_KINDS, WEIGHT, Connector
from steelyard.wire.budget import JITTER_NS, PAUSE_FIRST_NS, PAUSE_JITTER, SLOTS, Cost, Spent
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
from steelyard.wire.outcome import Answered, Halt, NotSent, Outcome, Unknown
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
        assert found == NotSent("the venue said to wait", 2 * SECOND_NS)
    assert isinstance(desk.request(PLACE, T0 + 3 * SECOND_NS), Request)


@pytest.mark.parametrize("answer", [Response(429, {}, b""), Response(429, {}, b"<html>")])
def test_a_429_stops_everything_whatever_else_it_says(answer):
    """Also where it is a gateway's, of which nothing can be read: a second, and a little more."""
    desk, client = connector()
    client.means = Unknown("cannot be read") if answer.body else NotSent("429")
    desk.outcome(PLACE, answer, T0)
    held = desk.request(Cancel(0, 1), T0)
    assert isinstance(held, NotSent)
    assert PAUSE_FIRST_NS <= held.retry_after_ns <= PAUSE_FIRST_NS + PAUSE_FIRST_NS // PAUSE_JITTER
    assert isinstance(desk.request(Cancel(0, 1), T0 + held.retry_after_ns), Request)


def test_a_header_says_how_long_where_the_dialect_does_not():
    """Retry-After is HTTP's; the outcome tells it on."""
    desk, client = connector()
    client.means = NotSent("429", halt=Halt.LIMITED)
    found = desk.outcome(PLACE, Response(429, {"retry-after": "7"}, b""), T0)
    assert found == client.means._replace(retry_after_ns=7 * SECOND_NS)


def test_a_418_is_a_ban():
    """With the venue's own time."""
    desk, client = connector()
    client.means = NotSent("418")
    desk.outcome(PLACE, Response(418, {"retry-after": "90"}, b""), T0)
    assert desk.pacing.stop(T0) == (T0 + 90 * SECOND_NS, True)
    assert desk.request(Cancel(0, 1), T0).why == "the venue has banned this host"


class PacedClient(Client):
    """One that says what its requests weigh, and what the venue says."""

    nonces_rise = True

    def cost(self, message: Any, _listings: Any) -> Cost:
        return Cost("GET", "/", True, 250 if isinstance(message, AccountQuery) else 1)

    def spent(self, response: Response) -> tuple[Spent, ...]:
        used = response.headers.get("used")
        return () if used is None else (Spent(int(used), "w"),)

    def limits_request(self) -> Request:
        return Request("GET", "/limits", {}, b"")

    def limits_of(self, response: Response) -> LimitProfile:
        if response.status != 200:
            raise DecodeError("none")
        return LimitProfile((Limit("w", Per.IP, Counts.WEIGHT, 100, SECOND_NS),))


def paced() -> tuple[Connector, PacedClient]:
    client = PacedClient()
    limit = Limit("w", Per.IP, Counts.WEIGHT, 1000, 60 * SECOND_NS)
    return Connector(client, KEY, LimitProfile((limit,))), client


def test_a_request_weighs_what_the_dialect_says():
    """800 of 1,000 are for anything: three heavy ones, and fifty light ones."""
    desk, _ = paced()
    heavy = [isinstance(desk.request(AccountQuery(0), T0), Request) for _ in range(4)]
    light = [isinstance(desk.request(ClockQuery(), T0), Request) for _ in range(51)]
    assert heavy == [True] * 3 + [False]
    assert light == [True] * 50 + [False]


def test_what_the_venue_says_is_used_is_used():
    """By whomever; less than was counted here is not believed."""
    desk, _ = paced()
    assert isinstance(desk.request(AccountQuery(0), T0), Request)
    desk.outcome(AccountQuery(0), Response(200, {"used": "10"}, b""), T0)
    assert desk.pacing.usage(T0)["w"] == (250, 1000)
    desk.outcome(AccountQuery(0), Response(200, {"used": "790"}, b""), T0)
    assert desk.pacing.usage(T0)["w"] == (790, 1000)
    assert isinstance(desk.request(AccountQuery(0), T0), NotSent)


def test_the_venues_own_limits_are_kept_once_it_has_told_them():
    """They may be stricter than the published ones."""
    desk, _ = paced()
    assert desk.limits_request() == Request("GET", "/limits", {}, b"")
    assert desk.learn_limits(OK)
    assert not desk.learn_limits(OK)
    sent = [isinstance(desk.request(ClockQuery(), T0), Request) for _ in range(81)]
    assert sent == [True] * 80 + [False]
    with pytest.raises(DecodeError):
        desk.learn_limits(Response(503, {}, b""))


def test_nonces_rise_whatever_the_clock_does():
    """Three at one time, then one from before: each is above the last."""
    desk, client = paced()
    for now_ns in (T0, T0, T0, T0 - SECOND_NS, T0 + SECOND_NS):
        desk.request(ClockQuery(), now_ns, T0)
    stamps = [asked[3] for asked in client.asked]
    assert stamps == [T0, T0 + 1, T0 + 2, T0 + 3, T0 + SECOND_NS]


def test_a_streams_connection_and_errand_are_paid_for():
    """They count where the venue counts them."""
    desk, _ = paced()
    request = Request("POST", "/token", {}, b"")
    assert desk.connect(T0) is None
    assert desk.errand(T0, request) is None
    assert desk.pacing.usage(T0)["w"] == (3, 1000)
    desk.heard(Response(429, {"retry-after": "2"}, b""), T0, T0)
    assert desk.connect(T0).wait_ns == desk.errand(T0, request).wait_ns == 2 * SECOND_NS


def test_requests_keep_within_a_limit_and_leave_room_for_cancels():
    """Of 10 a second 8 are for anything, the rest for cancels; a window later all is new."""
    desk, _ = connector(Limit("r", Per.IP, Counts.REQUESTS, 10, SECOND_NS))
    sent = [desk.request(ClockQuery(), T0) for _ in range(9)]
    assert [isinstance(each, Request) for each in sent] == [True] * 8 + [False]
    wait_ns = sent[-1].retry_after_ns
    assert SECOND_NS + JITTER_NS <= wait_ns <= MOST_NS
    assert sent[-1].why == "waiting for the venue's rate limit (r)"
    cancels = [desk.request(Cancel(0, 1), T0) for _ in range(3)]
    assert [isinstance(each, Request) for each in cancels] == [True, True, False]
    assert isinstance(desk.request(ClockQuery(), T0 + wait_ns), Request)


def test_what_is_urgent_may_use_what_is_kept_for_cancels_whatever_it_asks():
    """The kill switch has to count as well."""
    limits = LimitProfile((Limit("r", Per.IP, Counts.REQUESTS, 10, SECOND_NS),))
    desk = Connector(Client(), KEY, limits, is_urgent=True)
    sent = [desk.request(ClockQuery(), T0) for _ in range(11)]
    assert [isinstance(each, Request) for each in sent] == [True] * 10 + [False]


def test_a_rehearsal_makes_the_request_and_uses_nothing():
    """What the venue does not offer is told, as if it had been sent."""
    desk, client = connector(Limit("r", Per.IP, Counts.REQUESTS, 1, SECOND_NS))
    for _ in range(5):
        assert isinstance(desk.rehearse(Cancel(0, 1), T0), Answered)
    assert len(client.asked) == 5
    assert isinstance(desk.request(Cancel(0, 1), T0), Request)
    client.raises = Unsupported("no such thing")
    assert desk.rehearse(Cancel(0, 1), T0).answer.reason is RejectReason.UNSUPPORTED


# What was used in a window of a second is back after so long.
MOST_NS = (SECOND_NS + JITTER_NS) * SLOTS // (SLOTS - 1) + SLOTS

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
            assert 0 < found.retry_after_ns <= MOST_NS
    venue = SlidingCounter()
    assert not any(venue.add(limit, 1, at_ns).is_over for at_ns in sorted(arrivals))


def test_what_a_limit_that_slides_asks_to_wait_is_enough():
    """After it the same request goes out; a nanosecond before it does not."""
    desk, _ = connector(Limit("r", Per.IP, Counts.REQUESTS, 10, SECOND_NS, Kind.SLIDING))
    for step in range(8):
        assert isinstance(desk.request(ClockQuery(), T0 + step), Request)
    late = T0 + SECOND_NS // 2
    waits = desk.request(ClockQuery(), late)
    assert waits.retry_after_ns >= SECOND_NS // 2 + JITTER_NS
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


STEPS = st.tuples(
    st.integers(0, 3 * SECOND_NS),
    st.sampled_from(Side),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.booleans(),
)


@settings(max_examples=30)
@given(st.lists(STEPS, min_size=1, max_size=40))
def test_what_is_signed_and_paid_for_at_once_is_the_long_way_s(tmp_path_factory, steps):
    """Request for request, refusal for refusal, and file for file."""
    pytest.importorskip("steelyard._native")
    client, listings = dialects.find("binance").client, Listings([BTC_USDT])
    limits = LimitProfile(
        (
            Limit("ip", Per.IP, Counts.WEIGHT, 20, 10 * SECOND_NS),
            Limit("account", Per.ACCOUNT, Counts.ORDERS, 6, 5 * SECOND_NS),
        )
    )
    ends, now_ns = [], T0
    for _ in range(2):
        folder = tmp_path_factory.mktemp("pace")
        pacing = SharedPacing(
            folder, Names("h", "k", ""), limits, Random(1), T0, lambda: now_ns - T0 + SECOND_NS
        )
        ends.append((Connector(client, KEY, limits, pacing), pacing, folder))
        ends[-1][0].listings = listings
        ends[-1][0].make_ready(BTC_USDT)
    ends[1][0]._is_plain = False
    try:
        for after_ns, side, ticks, lots, is_maker in steps:
            now_ns += after_ns
            place = replace(
                PLACE,
                instrument_id=BTC_USDT.instrument_id,
                side=side,
                price_ticks=ticks,
                size_lots=lots,
                post_only=is_maker,
            )
            short, long = (end.request(place, now_ns) for end, *_ in ends)
            assert short == long
            states = [
                [path.read_bytes() for path in sorted(folder.iterdir())] for *_, folder in ends
            ]
            assert states[0] == states[1]
    finally:
        for _, pacing, _ in ends:
            pacing.close()
