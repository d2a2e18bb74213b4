"""The kill switch's plan, over every dialect: bytes to a real exchange, time an argument."""

import pytest

from steelyard import dialects
from steelyard.domain.commands import Cancel, CancelAll, Place
from steelyard.domain.messages import SECOND_NS, Acknowledged, OrderList, OrdersQuery, Refused
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.sim.stand import Stand
from steelyard.trading.killing import DENIALS_MAX
from steelyard.wire.outcome import Answered, NotSent, Unknown
from tests.shared.kill_plans import Hand

MINUTE_NS = 60 * SECOND_NS


@pytest.fixture(params=dialects.names())
def stand(request) -> Stand:
    return Stand(dialects.find(request.param))


def rest(stand: Stand, size: int = 1_000, orders: int = 3) -> None:
    """Let alice have orders in the book."""
    for number in range(orders):
        kind = (OrderType.LIMIT, TimeInForce.GTC, False)
        place = Place(0, 0, Side.BUY, *kind, price_ticks=5_000_000 - number, size_lots=size)
        stand.ask(place, stand.key_of("alice"))


def open_orders(stand: Stand) -> int:
    answer = stand.ask(OrdersQuery(0, 100, 0, open_only=True), stand.key_of("alice"))
    return len(answer.orders)


def hand(stand: Stand, fate=None) -> Hand:
    return Hand(stand, stand.key_of("alice"), *([fate] if fate else []))


def test_everything_is_canceled_and_counted(stand):
    """Clear, because the venue has said so after the last cancel."""
    rest(stand)
    acting = hand(stand)
    plan = acting.plan()
    acting.carry_out(plan.steps())
    found = plan.found
    assert (found.is_clear, found.open_orders, found.canceled) == (True, 0, 3)
    assert (found.left, found.trouble) == ((), None)
    assert isinstance(acting.sent[-1], OrdersQuery)
    assert open_orders(stand) == 0


def test_one_market_can_be_canceled_alone(stand):
    """And where the venue cannot do that at once, it is done order by order."""
    rest(stand)
    acting = hand(stand)
    plan = acting.plan(symbols=["BTC-USDT"])
    acting.carry_out(plan.steps())
    assert plan.found.is_clear
    assert open_orders(stand) == 0
    assert all(message.instrument_id == 0 for message in acting.sent if type(message) is CancelAll)


def test_a_market_that_is_not_listed_is_said(stand):
    acting = hand(stand)
    plan = acting.plan(symbols=["BTC-EUR"])
    acting.carry_out(plan.steps())
    assert not plan.found.is_clear
    assert "BTC-EUR" in plan.found.trouble


def test_a_venue_without_an_answer_for_a_minute_is_outlasted(stand):
    """Whether it was carried out or not is not known, so it is counted."""
    rest(stand)
    begun_ns = stand.now_ns

    def fate(_message, now_ns):
        return Unknown("503 Service Unavailable") if now_ns < begun_ns + MINUTE_NS else None

    acting = hand(stand, fate)
    plan = acting.plan()
    acting.carry_out(plan.steps())
    assert plan.found.is_clear
    assert MINUTE_NS <= acting.now_ns - begun_ns < MINUTE_NS + 10 * SECOND_NS
    assert open_orders(stand) == 0


def test_a_venue_that_never_answers_is_not_called_clear(stand):
    """Nothing is known, and that is what is said."""
    rest(stand)
    acting = hand(stand, lambda *_: Unknown("no answer in time"))
    begun_ns = acting.now_ns
    plan = acting.plan(patience_ns=MINUTE_NS)
    acting.carry_out(plan.steps())
    found = plan.found
    assert (found.is_clear, found.open_orders) == (False, None)
    assert "no answer in time" in found.trouble
    assert acting.now_ns - begun_ns <= MINUTE_NS + SECOND_NS


def test_the_venues_word_to_wait_is_kept(stand):
    """429 with a time: nothing is sent before it is over."""
    rest(stand)
    until_ns = stand.now_ns + 20 * SECOND_NS
    asked = []

    def fate(_message, now_ns):
        asked.append(now_ns)
        return None if now_ns >= until_ns else NotSent("429", until_ns - now_ns)

    acting = hand(stand, fate)
    plan = acting.plan()
    acting.carry_out(plan.steps())
    assert plan.found.is_clear
    assert sum(now_ns < until_ns for now_ns in asked) <= 2  # the clock, and one question


def test_a_ban_beyond_the_patience_is_said_at_once(stand):
    acting = hand(stand, lambda *_: NotSent("banned", 3_600 * SECOND_NS))
    begun_ns = acting.now_ns
    plan = acting.plan()
    acting.carry_out(plan.steps())
    assert plan.found.open_orders is None
    assert "banned" in plan.found.trouble
    assert acting.now_ns - begun_ns < SECOND_NS


def test_a_key_that_is_not_accepted_is_not_tried_for_ever(stand):
    asked = []

    def fate(message, _now_ns):
        if isinstance(message, OrdersQuery):
            asked.append(message)
            return NotSent("invalid key", is_denied=True)
        return None

    acting = hand(stand, fate)
    plan = acting.plan()
    acting.carry_out(plan.steps())
    assert len(asked) == DENIALS_MAX
    assert "does not accept this key: invalid key" in plan.found.trouble


def test_orders_that_come_meanwhile_are_canceled_too(stand):
    """A bot that goes on is met again in the next count, order by order."""
    rest(stand)
    late = [1, 2, 3, 4]

    def fate(message, _now_ns):
        if isinstance(message, OrdersQuery) and late:
            late.pop()
            rest(stand, size=2_000, orders=1)

    acting = hand(stand, fate)
    plan = acting.plan()
    acting.carry_out(plan.steps())
    assert plan.found.is_clear
    # Where a venue has two books one comes between the counts, and "all" takes it uncounted.
    assert plan.found.canceled == (6 if stand.dialect.name == "kucoin" else 7)
    assert any(type(message) is Cancel for message in acting.sent)
    assert open_orders(stand) == 0


def test_the_last_count_is_made_when_nothing_can_be_on_its_way(stand):
    """An order that was signed before the mark and arrives late is seen."""
    acting = hand(stand)
    begun_ns, is_late = acting.now_ns, [True]

    def fate(_message, now_ns):
        if is_late and now_ns > begun_ns + 3 * SECOND_NS:
            is_late.clear()
            rest(stand, orders=1)

    acting.fate = fate
    plan = acting.plan(settle_ns=5 * SECOND_NS)
    acting.carry_out(plan.steps())
    assert (plan.found.is_clear, plan.found.canceled) == (True, 1)
    assert acting.now_ns >= begun_ns + 5 * SECOND_NS
    assert open_orders(stand) == 0


def test_a_bot_that_says_it_is_done_is_not_waited_for(stand):
    """The last count may come nearer while it is waited for."""
    acting = hand(stand)
    plan = acting.plan(settle_ns=100 * SECOND_NS)
    steps, begun_ns = plan.steps(), acting.now_ns

    def fate(_message, _now_ns):
        plan.settled_ns = 0

    acting.fate = fate
    acting.carry_out(steps)
    assert plan.found.is_clear
    assert acting.now_ns < begun_ns + 2 * SECOND_NS


def test_what_is_left_is_named(stand):
    """A cancel that the venue refuses again and again ends in a list of what stands there."""
    rest(stand, orders=2)

    def fate(message, _now_ns):
        if isinstance(message, Cancel | CancelAll):
            return Answered(Refused(RejectReason.MARKET_HALTED, "no cancels now"))
        return None

    acting = hand(stand, fate)
    plan = acting.plan(patience_ns=5 * SECOND_NS)
    acting.carry_out(plan.steps())
    found = plan.found
    assert (found.is_clear, found.open_orders, len(found.left)) == (False, 2, 2)
    prices = sorted(line.partition(" (")[0] for line in found.left)
    assert prices == ["BTC-USDT: buy 0.01 at 49999.99", "BTC-USDT: buy 0.01 at 50000"]
    assert "no cancels now" in " ".join(plan.said)
    assert open_orders(stand) == 2


def test_a_cancel_that_says_yes_and_does_nothing_is_not_believed(stand):
    """The count decides."""
    rest(stand, orders=1)

    def fate(message, _now_ns):
        if isinstance(message, CancelAll):
            return Answered(OrderList(()))
        return Answered(Acknowledged()) if isinstance(message, Cancel) else None

    acting = hand(stand, fate)
    plan = acting.plan(patience_ns=3 * SECOND_NS)
    acting.carry_out(plan.steps())
    assert (plan.found.is_clear, plan.found.open_orders) == (False, 1)


def test_a_drill_sends_nothing_that_changes_anything(stand):
    """It counts, and says what it would send."""
    rest(stand)
    acting = hand(stand)
    plan = acting.plan(is_drill=True)
    acting.carry_out(plan.steps(), is_drill=True)
    assert plan.found.open_orders == 3
    assert not any(isinstance(message, Cancel | CancelAll | Place) for message in acting.sent)
    assert any(line.startswith("would be sent: cancel") for line in plan.said)
    assert open_orders(stand) == 3
