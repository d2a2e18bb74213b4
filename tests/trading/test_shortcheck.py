"""The short way through the limits lets pass only what the long way approves, and that often."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.domain.commands import Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS, BookSnapshot
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.trading import actions, risk
from steelyard.trading.actions import BookMoved, Role, Sent, Woken
from steelyard.trading.books import BookState, BookView
from steelyard.trading.orders import Amending, Orders
from steelyard.trading.records import BreakerTripped, Killed, OrderPending, ProtectionSeen
from steelyard.trading.risk import OVERDUE_NS, Limits, Situation
from steelyard.trading.shortcheck import passes, plain_limits
from steelyard.trading.startup import Phase
from steelyard.wire.book import Told
from tests.trading.venue import BTC_USDT
from tests.trading.world import hand_world

T0 = 1_700_000_000 * SECOND_NS
LIMITS = Limits(Decimal(1_000), Decimal("0.05"), 3, Decimal("0.02"), Decimal("0.03"))
SIDES = st.sampled_from(Side)


def place(side: Side, lots: int, ticks: int | None, name: str = "a", **more) -> Place:
    kind = OrderType.MARKET if ticks is None else OrderType.LIMIT
    terms = (side, kind, TimeInForce.GTC, False, ticks, lots)
    return Place(0, BTC_USDT.instrument_id, *terms, client_order_id=name, **more)


def book() -> BookView:
    view = BookView(BTC_USDT)
    bids, asks = ((5_999_900, 2_000), (5_990_000, 9_000)), ((6_000_100, 2_000), (6_200_000, 9_000))
    view.snapshot(BookSnapshot(3, 1, bids, asks, T0), T0)
    return view


BOOK = book()


def short(order: Place, limits: Limits, situation: Situation) -> bool:
    plain = plain_limits(limits, BTC_USDT)
    found = situation.orders.plain(order.side, situation.now_ns - OVERDUE_NS)
    half_ticks = situation.book.mid_half_ticks
    if plain is None or found is None:
        return False
    return passes(order, plain, half_ticks, situation.position_lots, *found)


@given(
    place_side=SIDES,
    lots=st.integers(1, 4_000),
    ticks=st.none() | st.integers(5_800_000, 6_200_000),
    pending=st.lists(st.tuples(SIDES, st.integers(1, 3_000), st.integers(0, 900)), max_size=4),
    position=st.integers(-6_000, 6_000),
)
def test_what_it_lets_pass_the_long_way_approves(place_side, lots, ticks, pending, position):
    """Of any order, with any others open for any time, at any position."""
    orders = Orders()
    for number, (side, size_lots, age_ms) in enumerate(pending):
        orders.pend(place(side, size_lots, 6_000_000, str(number)), T0 - age_ms * 10**6)
    at = Situation(BOOK, orders, position, T0)
    order = place(place_side, lots, ticks)
    if short(order, LIMITS, at):
        assert isinstance(risk.check(order, LIMITS, at), risk.Approved)


@pytest.mark.parametrize("side", Side)
def test_an_ordinary_order_passes_up_to_each_limit(side):
    """And not one step further: there the long way has the words."""
    at = Situation(BOOK, Orders(), 0, T0)
    assert short(place(side, 1_000, 6_000_000), LIMITS, at)
    assert not short(place(side, 1_000, None), LIMITS, at)
    assert short(place(side, 1_666, 6_000_000), LIMITS, at)
    assert not short(place(side, 1_667, 6_000_000), LIMITS, at)  # 1,000 of notional
    far = 6_000_000 + int(side) * 120_000
    assert short(place(side, 1_000, far), LIMITS, at)
    assert not short(place(side, 1_000, far + int(side)), LIMITS, at)
    small = LIMITS._replace(max_order_size=Decimal("0.01"))
    assert short(place(side, 1_000, 6_000_000), small, at)
    assert not short(place(side, 1_001, 6_000_000), small, at)
    held = at._replace(position_lots=int(side) * 4_000)
    assert short(place(side, 1_000, 6_000_000), LIMITS, held)
    assert not short(place(side, 1_001, 6_000_000), LIMITS, held)
    for number in range(3):
        assert short(place(side, 10, 6_000_000), LIMITS, at)
        at.orders.pend(place(side, 10, 6_000_000, str(number)), T0)
    assert not short(place(side, 10, 6_000_000), LIMITS, at)


@pytest.mark.parametrize(
    "more",
    [
        {"max_orders_per_minute": 10},
        {"max_daily_loss": Decimal(5)},
        {"max_gross_exposure": Decimal(5_000)},
        {"max_leverage": Decimal(2)},
    ],
)
def test_limits_that_need_more_than_the_order_go_the_long_way(more):
    assert plain_limits(LIMITS, BTC_USDT) is not None
    assert plain_limits(LIMITS._replace(**more), BTC_USDT) is None


def test_orders_in_doubt_go_the_long_way():
    """Unknown, overdue or about to change; others count as they count there."""
    orders = Orders()
    for name, side in (("a", Side.BUY), ("b", Side.BUY), ("c", Side.SELL)):
        orders.pend(place(side, 100, 6_000_000, name), T0)
    assert orders.plain(Side.BUY, T0) == (orders.exposed_lots(Side.BUY), 3) == (200, 3)
    assert orders.plain(Side.SELL, T0) == (100, 3)
    assert orders.plain(Side.BUY, T0 + 1) is None
    orders.adjusted("a", OrderState.WORKING, "seen", T0)
    orders.adjusted("b", OrderState.WORKING, "seen", T0)
    orders.adjusted("c", OrderState.WORKING, "seen", T0)
    assert orders.plain(Side.BUY, T0 + 1) == (200, 3)
    orders.amend("a", Amending(None, 50, None, replaces=False, asked_ns=T0))
    assert orders.plain(Side.BUY, T0) is None
    orders.amend_failed("a", "no", T0)
    assert orders.plain(Side.BUY, T0) == (200, 3)
    orders.adjusted("b", OrderState.UNKNOWN, "lost", T0)
    assert orders.plain(Side.BUY, T0) is None


# -- what a trader knows beside -------------------------------------------------------------------


def calm(view: BookView, now_ns: int) -> int | None:
    """What a native book says, of one that is not."""
    return view.mid_half_ticks if view.state(now_ns) is BookState.LIVE else None


@pytest.fixture
def trader(monkeypatch):
    """A trader that trades, on a book whose short way is there."""
    monkeypatch.setattr(BookView, "calm", calm)
    world = hand_world()
    world.run(3)
    return world.trader


def closed_by(trader, what: str) -> None:
    """Let one thing be in an order's way."""
    turn = trader.turn
    match what:
        case "killed":
            turn.record(Killed("a test", has_file=False))
        case "stop":
            trader.endings.stop_why = "a test"
        case "strategy":
            trader.host.failure = "a test"
        case "lease":
            trader.lease_trouble = "a test"
        case "start":
            trader.startup.phase = Phase.STREAMS
        case "ban":
            trader.halts.until_ns = turn.now_ns + 1
        case "stream":
            trader._streams[Role.PRIVATE] = "a test"
        case "comparison":
            trader.reconciler.is_clean = False
        case "silence":
            turn.now_ns += 3 * 60 * SECOND_NS
        case "protection":
            turn.record(ProtectionSeen("a test"))
        case "breaker":
            turn.record(BreakerTripped("rejects", "a test", "person", None))


@pytest.mark.parametrize(
    "what",
    [
        *("killed", "stop", "strategy", "lease", "start", "ban", "stream", "comparison"),
        *("silence", "protection", "breaker"),
    ],
)
def test_whatever_is_in_its_way_an_order_is_told_so(trader, what):
    """Each of them is looked at by the short way too: it lets nothing pass that is refused."""
    order = place(Side.BUY, 10, trader.desk.book.mid_half_ticks // 2)
    assert trader._short.is_calm
    assert trader._check(order, "", protects=False) is None
    closed_by(trader, what)
    assert not trader._short.is_calm
    assert trader._check(order, "", protects=False) is not None


def test_what_was_so_holds_until_anything_but_a_book_is_told(trader):
    """And no longer than time leaves it as it was; each order is counted before the next."""
    short = trader._short
    now_ns, order = trader.turn.now_ns, place(Side.BUY, 10, trader.desk.book.mid_half_ticks // 2)
    trader.step(Woken(), now_ns)
    allowed = short._allowed
    assert allowed is not None
    moved = BookMoved(trader.turn.instrument.instrument_id, int(Told.CHANGED), now_ns)
    trader.step(actions.Told(moved), now_ns)
    assert short._allowed is allowed
    assert trader._check(order, "", protects=False) is None
    assert short._allowed is None
    trader.step(Sent(10**6), now_ns)
    assert short._allowed is None
    trader.step(Woken(), now_ns)
    assert short._allowed is not None
    for record in (Killed("a test", has_file=False), BreakerTripped("rejects", "", "person", None)):
        trader.turn.record(record)
        assert trader._check(order, "", protects=False) is not None


def test_an_answer_that_is_overdue_ends_it_by_time_alone(trader):
    turn, short = trader.turn, trader._short
    order = place(Side.BUY, 10, trader.desk.book.mid_half_ticks // 2)
    turn.record(OrderPending(replace(order, client_order_id="pending")))
    short.look()
    assert short._allowed.until_ns == turn.now_ns + OVERDUE_NS
    turn.now_ns += OVERDUE_NS
    assert short.passes(order)
    short.look()
    turn.now_ns += 1
    assert not short.passes(order)
    assert trader._check(order, "", protects=False).limit == "unknown"
