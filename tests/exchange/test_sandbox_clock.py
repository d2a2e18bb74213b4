"""Two times: what clients sign by, and what orders and the market live by."""

import msgspec
import pytest
from desk import BTC_USDT, SECOND_NS, Desk, PlainSeal
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import UsageError
from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import MINUTE_NS, BookDelta, CandlesQuery, OrdersQuery
from steelyard.domain.order import Side, TimeInForce
from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.admin import Admin, ShowClock
from steelyard.exchange.crowd import Crowd
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.records import FORMAT, Founded
from steelyard.exchange.sandbox_clock import (
    TIME_MAX_NS,
    AdvanceClock,
    FreezeClock,
    ResumeClock,
    SetClock,
)
from steelyard.exchange.tape import Tape
from steelyard.wire.dialect import Channel, ChannelKind, Subscription

DAY_NS = 1440 * MINUTE_NS
HOUR_NS = 60 * MINUTE_NS


def carry_out(desk: Desk, call):
    return desk.admin.carry_out(call, desk.tick())


def test_without_a_word_it_is_the_hosts_time(desk):
    assert desk.exchange.time_at(desk.tick()) == desk.now_ns
    shown = carry_out(desk, ShowClock())
    assert (shown["is_hosts"], shown["ahead_ms"], shown["is_frozen"]) == (True, 0, False)


def test_an_advance_moves_the_sandbox_and_not_the_wire(desk):
    shown = carry_out(desk, AdvanceClock(40 * DAY_NS))
    assert shown["ahead_ms"] == 40 * DAY_NS // 10**6
    assert shown["wire"] == shown["host"] == desk.now_ns // 10**6
    assert desk.exchange.time_at(desk.tick(5)) == desk.now_ns + 40 * DAY_NS


def test_an_order_good_until_then_is_over_when_the_advance_is_done(desk):
    """GTD is sandbox time; nobody has to wait for the next step of the market."""
    until_ns = desk.now_ns + 25 * HOUR_NS
    placed = desk.place(desk.alice, Side.BUY, "1", "100", TimeInForce.GTD, expire_ns=until_ns)
    open_orders = OrdersQuery(desk.alice, 10, open_only=True)
    carry_out(desk, AdvanceClock(24 * HOUR_NS))
    assert desk.exchange.ask(open_orders, desk.exchange.now_ns).orders
    carry_out(desk, AdvanceClock(2 * HOUR_NS))
    assert not desk.exchange.ask(open_orders, desk.exchange.now_ns).orders
    assert placed.order.state is OrderState.EXPIRED


def test_frozen_time_stands_for_orders_and_streams_go_on(desk):
    desk.exchange.feed.speak("test", lambda _s, event, _l: msgspec.json.encode(event))
    carry_out(desk, FreezeClock())
    stood_ns = desk.now_ns
    channel = Channel(ChannelKind.BOOK, 0, period_ns=SECOND_NS)
    assert desk.exchange.feed.subscribe(1, Subscription("test", channel, ""), desk.now_ns)
    wire_ns = desk.tick(3600)
    desk.exchange.step(wire_ns)
    desk.now_ns = desk.exchange.time_at(wire_ns) - SECOND_NS  # it places a second later
    placed = desk.place(desk.alice, Side.BUY, "1", "100")
    assert placed.order.created_ns == stood_ns
    desk.exchange.step(wire_ns + 2 * SECOND_NS)
    assert any(b'"BookDelta"' in frame.payload for frame in desk.exchange.drain().frames)


def test_resumed_time_goes_on_from_where_it_stood(desk):
    carry_out(desk, FreezeClock())
    stood_ns = desk.exchange.time_at(desk.tick(3600))
    carry_out(desk, ResumeClock())
    assert desk.exchange.time_at(desk.tick(7)) == stood_ns + 7 * SECOND_NS
    assert carry_out(desk, SetClock(None))["is_hosts"]


def test_frozen_time_can_be_moved_and_stays_frozen(desk):
    carry_out(desk, FreezeClock())
    before_ns = desk.exchange.time_at(desk.now_ns)
    shown = carry_out(desk, AdvanceClock(HOUR_NS))
    assert shown["is_frozen"]
    assert desk.exchange.time_at(desk.tick(99)) == before_ns + HOUR_NS


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (SetClock(1), "never goes back"),
        (SetClock(TIME_MAX_NS + 1), "ends with the year 2199"),
        (AdvanceClock(0), "such as 25h"),
        (AdvanceClock(-1), "such as 25h"),
        (AdvanceClock(TIME_MAX_NS), "ends with the year 2199"),
        (ResumeClock(), "not frozen"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_no_record(desk, call, words):
    desk.exchange.drain()
    with pytest.raises(UsageError, match=words):
        carry_out(desk, call)
    assert not desk.exchange.drain().records


def test_back_to_the_host_is_refused_while_the_sandbox_is_ahead(desk):
    carry_out(desk, AdvanceClock(HOUR_NS))
    with pytest.raises(UsageError, match="3600 s before the sandbox's time"):
        carry_out(desk, SetClock(None))


calls = st.lists(
    st.one_of(
        st.integers(-DAY_NS, 400 * DAY_NS).map(AdvanceClock),
        st.integers(0, TIME_MAX_NS * 2).map(SetClock),
        st.sampled_from([SetClock(None), FreezeClock(), ResumeClock(), ShowClock()]),
    ),
    max_size=12,
)


@given(calls, st.integers(-3 * SECOND_NS, 3 * SECOND_NS))
def test_it_never_goes_back_and_the_records_give_the_same_clock(made, skew_ns):
    """Whatever the administrator does, and on another host clock after a restart."""
    desk = Desk()
    desk.exchange.clock.skew_ns = skew_ns
    records, last_ns = [*desk.exchange.drain().records], desk.exchange.now_ns
    for call in made:
        try:
            carry_out(desk, call)
        except UsageError:
            continue
        assert desk.exchange.time_at(desk.now_ns) >= last_ns
        last_ns = desk.exchange.time_at(desk.now_ns)
    records += desk.exchange.drain().records
    again = Exchange(ReferenceEngine(), None, PlainSeal())
    again.clock.skew_ns = skew_ns
    for sequence, (time_ns, message) in enumerate(records, 1):
        again.replay(Record(sequence, time_ns, message))
    restored = Exchange(ReferenceEngine(), None, PlainSeal())
    restored.restore(desk.exchange.snapshot())
    restored.clock.skew_ns = skew_ns
    for other in (again, restored):
        assert other.time_at(desk.now_ns + SECOND_NS) == desk.exchange.time_at(
            desk.now_ns + SECOND_NS
        )
        assert other.time_at(0) >= other.now_ns == desk.exchange.now_ns


def test_a_snapshot_from_before_there_was_a_clock_is_read(desk):
    old = msgspec.json.decode(desk.exchange.snapshot())
    del old["clock"]
    restored = Exchange(ReferenceEngine(), None, PlainSeal())
    restored.restore(msgspec.json.encode(old))
    assert restored.time_at(desk.now_ns) == desk.now_ns


@pytest.fixture
def crowded():
    """An exchange with a crowd, and its administrator."""
    exchange = Exchange(ReferenceEngine(), Crowd(1), PlainSeal())
    start_ns = 1_795_000_000 * SECOND_NS
    exchange.found(Founded(FORMAT, "crowd", "1"), start_ns)
    exchange.step(start_ns)
    return exchange, Admin(exchange, PlainSeal(), bytes), start_ns


@pytest.mark.parametrize("hours", [1, 25, 24 * 9])
def test_candles_have_no_gap_over_an_advance(crowded, hours):
    exchange, admin, start_ns = crowded
    exchange.step(start_ns + SECOND_NS)
    admin.carry_out(AdvanceClock(hours * HOUR_NS), start_ns + 2 * SECOND_NS)
    exchange.step(start_ns + 2 * SECOND_NS)
    now_ns = exchange.now_ns
    assert now_ns == start_ns + 2 * SECOND_NS + hours * HOUR_NS
    for interval_ns in (SECOND_NS, MINUTE_NS, HOUR_NS):
        query = CandlesQuery(0, interval_ns, limit=20_000)
        candles = exchange.ask(query, now_ns).candles
        opens = [c.open_ns for c in candles]
        assert opens == list(range(opens[0], opens[0] + len(opens) * interval_ns, interval_ns))
        assert opens[-1] == now_ns // interval_ns * interval_ns
        assert all(c.is_closed for c in candles[:-1])
    hourly = exchange.ask(CandlesQuery(0, HOUR_NS, limit=10_000), now_ns).candles
    assert len(hourly) >= 24 + hours
    busy = sum(1 for candle in hourly if candle.trade_count)
    assert busy >= min(hours, 24)


def test_a_frozen_market_stands_and_writes_nothing(crowded):
    exchange, admin, start_ns = crowded
    admin.carry_out(FreezeClock(), start_ns + SECOND_NS)
    exchange.drain()
    book = exchange.levels(0, 50)
    for n in range(100):
        exchange.step(start_ns + 2 * SECOND_NS + n * SECOND_NS // 20)
    assert not exchange.drain().records
    assert exchange.levels(0, 50) == book
    admin.carry_out(ResumeClock(), start_ns + 60 * SECOND_NS)
    exchange.step(start_ns + 62 * SECOND_NS)
    assert exchange.now_ns == start_ns + 3 * SECOND_NS
    assert exchange.drain().records


def test_a_tape_goes_on_where_it_stopped(desk):
    """What is recorded has its own time: an advance is a pause to it, as freezing is."""

    def recorded():
        for second in range(90):
            levels = ((5_000_000 + second, 100),)
            yield BookDelta(0, second, second, levels, (), second * SECOND_NS + 1)

    tape = Tape(BTC_USDT, recorded, "recorded")
    exchange = Exchange(ReferenceEngine(), tape, PlainSeal())
    admin = Admin(exchange, PlainSeal(), bytes)
    wire_ns = 1_795_000_000 * SECOND_NS
    exchange.found(Founded(FORMAT, "tape", "recorded"), wire_ns)

    def best(seconds):
        exchange.step(wire_ns + int(seconds * SECOND_NS))
        return exchange.levels(0, 1).bids[0][0] - 5_000_000

    assert (best(0), best(3), best(5)) == (60, 63, 65)
    admin.carry_out(AdvanceClock(40 * DAY_NS), wire_ns + 5 * SECOND_NS)
    assert (best(5), best(7)) == (65, 67)
    admin.carry_out(FreezeClock(), wire_ns + 7 * SECOND_NS)
    assert (best(8), best(30)) == (67, 67)
    admin.carry_out(ResumeClock(), wire_ns + 30 * SECOND_NS)
    assert best(32) == 69
