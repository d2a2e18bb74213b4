"""The venue's dead man's switch: armed while all is well, and while no stop rests."""

from random import Random

import pytest

from steelyard import dialects
from steelyard.domain.commands import Place
from steelyard.domain.dead_man import ArmDeadMan, DeadMan
from steelyard.domain.errors import Unsupported
from steelyard.domain.messages import SECOND_NS, InstrumentsQuery, OrdersQuery, Refused
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.sim.stand import Stand
from steelyard.trading.actions import Ask, Journal, Returned
from steelyard.trading.deadman import DeadManTimer
from steelyard.trading.records import DeadManChanged, OrderPending
from steelyard.trading.turn import Turn
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown
from tests.trading.world import Rules

MINUTE_NS = 60 * SECOND_NS
LIMIT = (OrderType.LIMIT, TimeInForce.GTC, False)


class Desk:
    """A timer, and a venue that says what the test wants."""

    def __init__(self, after_ns: int | None = MINUTE_NS) -> None:
        self.turn = Turn(Rules(), Random(1))
        self.turn.now_ns = 1_700_000_000 * SECOND_NS
        self.timer = DeadManTimer(self.turn, after_ns)
        self.asked: list[tuple[float, int]] = []
        self.told: list[str] = []
        self.says: Outcome | None = None  # None: yes
        self.begun_ns = self.turn.now_ns

    def run(self, seconds: float, *, is_healthy: bool = True) -> None:
        """Work five times a second, with answers at once."""
        for _ in range(int(seconds * 5)):
            self.turn.now_ns += SECOND_NS // 5
            self.timer.work(is_healthy=is_healthy)
            self.answer()

    def answer(self) -> None:
        turn = self.turn
        for action in turn.drain():
            match action:
                case Ask(request, ArmDeadMan(_, after_ns)):
                    self.asked.append(((turn.now_ns - self.begun_ns) / SECOND_NS, after_ns))
                    due_ns = turn.now_ns + after_ns if after_ns else None
                    says = self.says or Answered(DeadMan(turn.now_ns, due_ns))
                    turn.returned(Returned(request, says, turn.now_ns, turn.now_ns))
                case Journal(DeadManChanged(state, _), _):
                    self.told.append(state)
                case _:
                    pass
        if turn._actions:
            self.answer()


def test_it_is_armed_anew_while_the_bot_is_well():
    """Three times within its time, and said once."""
    desk = Desk()
    desk.run(120)
    assert {after_ns for _, after_ns in desk.asked} == {MINUTE_NS}
    assert len(desk.asked) == 6
    assert desk.told == ["armed"]
    assert desk.timer.due_ns is not None


def test_it_runs_out_while_the_bot_is_not_well():
    """Gated, blind or killed: nothing more is asked, and the venue cancels."""
    desk = Desk()
    desk.run(10)
    before = len(desk.asked)
    desk.run(70, is_healthy=False)
    assert len(desk.asked) == before
    assert desk.told == ["armed", "runs out", "ran out"]
    assert desk.timer.due_ns is None
    desk.run(1)
    assert desk.told[-1] == "armed"


def test_a_bot_that_hangs_arms_nothing():
    """Nobody but its own turns does."""
    desk = Desk()
    desk.run(10)
    before = len(desk.asked)
    desk.turn.now_ns += 3_600 * SECOND_NS
    assert len(desk.asked) == before
    assert desk.timer.due_ns is None


def test_it_is_disarmed_before_a_stop_rests():
    """Or the position would be bare; armed again when the stop is gone."""
    desk = Desk()
    desk.run(10)
    place = Place(0, 0, Side.SELL, *LIMIT, 1, 1, client_order_id="stop")
    desk.turn.record(OrderPending(place, protects=True))
    desk.run(30)
    assert desk.asked[-1][1] == 0
    assert [after_ns for _, after_ns in desk.asked].count(0) == 1
    assert desk.told == ["armed", "disarmed"]
    assert desk.timer.due_ns is None


def test_it_is_not_armed_where_a_stop_rests_from_the_beginning():
    desk = Desk()
    place = Place(0, 0, Side.SELL, *LIMIT, 1, 1, client_order_id="stop")
    desk.turn.record(OrderPending(place, protects=True))
    desk.run(30)
    assert desk.asked == []
    assert desk.told == ["disarmed"]


@pytest.mark.parametrize(
    "says",
    [
        NotSent("limited"),
        Unknown("no answer"),
        Answered(Refused(RejectReason.UNSUPPORTED, "not here")),
    ],
)
def test_a_failure_is_tried_again_once_a_second(says):
    """And nothing is taken for armed that the venue has not said."""
    desk = Desk()
    desk.says = says
    desk.run(10)
    assert 9 <= len(desk.asked) <= 11
    assert "armed" not in desk.told
    desk.says = None
    desk.run(2)
    assert desk.told[-1] == "armed"


def test_the_venues_word_to_wait_is_kept():
    desk = Desk()
    desk.says = NotSent("429", 5 * SECOND_NS)
    desk.run(10)
    assert len(desk.asked) == 2


def test_who_wants_none_has_none():
    desk = Desk(None)
    desk.run(100)
    assert desk.asked == []
    assert desk.told == []


def test_every_dialect_that_has_one_cancels_when_nobody_asks_again():
    """Through bytes, at a real exchange; the others say that they have none."""
    having = []
    for name in dialects.names():
        stand = Stand(dialects.find(name))
        alice = stand.key_of("alice")
        stand.ask(InstrumentsQuery(), None)
        stand.ask(Place(0, 0, Side.BUY, *LIMIT, price_ticks=5_000_000, size_lots=100), alice)
        try:
            answer = stand.ask(ArmDeadMan(0, MINUTE_NS), alice)
        except Unsupported:
            continue
        having.append(name)
        assert isinstance(answer, DeadMan)
        assert MINUTE_NS - SECOND_NS <= answer.due_ns - answer.now_ns <= MINUTE_NS
        stand.pass_time(30 * SECOND_NS)
        stand.ask(ArmDeadMan(0, MINUTE_NS), alice)
        query = OrdersQuery(0, 10, 0, open_only=True)
        stand.pass_time(50 * SECOND_NS)
        assert len(stand.ask(query, alice).orders) == 1
        stand.pass_time(12 * SECOND_NS)
        assert len(stand.ask(query, alice).orders) == 0
        assert stand.ask(ArmDeadMan(0, 0), alice).due_ns is None
    assert having == ["kraken", "kucoin", "okx"]
