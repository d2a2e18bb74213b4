"""Killing and stopping: orders are canceled, and then counted at the venue, not believed.

A kill is journaled before anything else and latches trading off through restarts. It ends in a
report that says verified only when the venue, asked after the last order had ended as far as we
know, has no open order of this bot. Whoever pressed the button is told in bounded time; where
that was not enough the canceling goes on until it is verified. A stop ends the process: it
cancels if it is configured to (but for the stop behind a position), waits a bounded time, also for
fills that the venue counts and has not told, and says what it leaves open; by its exit code too
where that is not what was wanted.
"""

from typing import NamedTuple

from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS, Answer, OrderList, OrdersQuery
from steelyard.trading.actions import Finish, Kill
from steelyard.trading.orders import OwnOrder
from steelyard.trading.orderwork import OWN_ACCOUNT, OrderWork
from steelyard.trading.questions import Questions
from steelyard.trading.records import ClosingNoted, Killed, Resumed
from steelyard.trading.turn import Turn

AGAIN_NS = SECOND_NS // 10
SLOWLY_NS = SECOND_NS // 2
REPORT_NS = 4 * SECOND_NS  # by then whoever pressed the button is told
STOP_NS = 6 * SECOND_NS
OPEN_MAX = 1_000
NAMED_MAX = 5  # orders without their fills, in one line
DONE, VENUE = 0, 3  # exit codes, as the roof has them


class KillReport(NamedTuple):
    """What came of a kill."""

    verified: bool
    open_orders: int
    canceled: int
    steps: tuple[str, ...]
    error: str | None


class Ending:
    """A kill or a stop under way."""

    def __init__(self, begun_ns: int, orders: list[OwnOrder]) -> None:
        self.begun_ns = begun_ns
        self.orders = orders  # that were open then
        self.next_ns = begun_ns
        self.clear_ns: int | None = None  # since when no order is open as far as we know
        self.is_asking = False
        self.counted: int | None = None  # own open orders at the venue
        self.counted_ns = 0  # when that was asked
        self.report: KillReport | None = None

    @property
    def canceled(self) -> int:
        """How many orders were canceled."""
        return sum(order.state is OrderState.CANCELED for order in self.orders)


class Endings:
    """The kill and the stop of one trader."""

    def __init__(self, turn: Turn, questions: Questions, work: OrderWork) -> None:
        self._turn = turn
        self._questions = questions
        self._work = work
        self._stop: Ending | None = None
        self._stop_cancels = False
        self.kill: Ending | None = None
        self.stop_why: str | None = None

    # -- the kill -----------------------------------------------------------------------------

    def begin_kill(self, event: Kill) -> None:
        """Latch trading off, and want every order canceled."""
        turn = self._turn
        if turn.state.killed_why is None:
            turn.record(Killed(event.why, event.has_file))
        turn.alarm("killed", event.why)
        self.kill = Ending(turn.now_ns, turn.state.orders.open)
        for order in self.kill.orders:
            self._work.cancel(order, f"killed: {event.why}")

    def resume(self, why: str) -> None:
        """Lift the latch."""
        if self._turn.state.killed_why is not None:
            self._turn.record(Resumed(why))
            self._turn.warn("resumed", why)
        self.kill = None

    def note_closing(self, names: tuple[str, ...]) -> None:
        """Know orders of the kill switch for the bot's own."""
        turn = self._turn
        if new := tuple(name for name in names if name not in turn.state.closing):
            turn.record(ClosingNoted(new))
            turn.warn("killed", f"the position is closed by the kill switch: {', '.join(new)}")

    def work_kill(self, *, is_connected: bool) -> None:
        """Go on with a kill until it is verified."""
        kill, turn = self.kill, self._turn
        if kill is None or (kill.report is not None and kill.report.verified):
            return
        still_open = turn.state.orders.may_fill
        for order in still_open:
            self._work.cancel(order, "killed")
        if still_open:
            kill.clear_ns = None
        elif kill.clear_ns is None:
            kill.clear_ns = turn.now_ns
        if is_connected:
            self._count(kill)
        if kill.counted == 0 and kill.clear_ns is not None and kill.counted_ns >= kill.clear_ns:
            kill.report = self._report(kill, None)
            turn.warn("kill.verified", "0 open orders of this bot at the venue")
        elif kill.report is None:
            self._give_report(kill)

    def _give_report(self, kill: Ending) -> None:
        """Say that it is not verified, when time is up."""
        turn = self._turn
        if turn.now_ns < kill.begun_ns + REPORT_NS:
            turn.wake_at(kill.begun_ns + REPORT_NS)
            return
        counted = "not known" if kill.counted is None else str(kill.counted)
        error = (
            f"not verified: {len(turn.state.orders.open)} orders may still be open, counted at the "
            f"venue: {counted}; the bot keeps canceling"
        )
        kill.report = self._report(kill, error)
        turn.alarm("kill.unverified", error)

    def _report(self, kill: Ending, error: str | None) -> KillReport:
        still_open = max(len(self._turn.state.orders.open), kill.counted or 0)
        steps = (
            "trading latched off",
            f"{kill.canceled} orders canceled",
            error or "0 open orders of this bot at the venue",
        )
        return KillReport(error is None, still_open, kill.canceled, steps, error)

    def _count(self, kill: Ending) -> None:
        """Ask which orders are open: at once when none should be, else now and then."""
        turn = self._turn
        if kill.is_asking:
            return
        if turn.now_ns < kill.next_ns:
            turn.wake_at(kill.next_ns)
            return
        kill.is_asking = True

        def answered(answer: Answer, asked_ns: int) -> None:
            kill.is_asking = False
            is_slow = kill.report is not None or kill.clear_ns is None
            kill.next_ns = turn.now_ns + (SLOWLY_NS if is_slow else AGAIN_NS)
            if isinstance(answer, OrderList):
                own = [self._work.see_order(told, "query") for told in answer.orders]
                kill.counted = sum(order is not None for order in own)
                kill.counted_ns = asked_ns

        instrument_id = turn.instrument.instrument_id
        query = OrdersQuery(OWN_ACCOUNT, OPEN_MAX, instrument_id, open_only=True)
        self._questions.ask("open orders", query, answered)

    # -- the stop -----------------------------------------------------------------------------

    def begin_stop(self, why: str, *, cancels: bool) -> None:
        """Begin to end in order."""
        turn = self._turn
        self.stop_why = why
        self._stop_cancels = cancels
        self._stop = Ending(turn.now_ns, turn.state.orders.open)
        turn.log("stopping", why)
        if cancels:
            for order in self._stop.orders:
                if not order.protects:
                    self._work.cancel(order, "the bot is stopping")

    def work_stop(self) -> Finish | None:
        """Return the end when nothing is waited for any more, or None."""
        stop, turn = self._stop, self._turn
        if stop is None:
            return None
        waits = any(
            order.cancel_why is not None or self._work.is_in_flight(order)
            for order in turn.state.orders.open
        )
        missing = [order for order in turn.state.orders.unsettled if not order.is_count_waived]
        # Without a connection yet: the start goes on meanwhile, because only it leads to one.
        if (waits or missing) and turn.now_ns < stop.begun_ns + STOP_NS:
            turn.wake_at(stop.begun_ns + STOP_NS)
            return None
        stops = sum(order.protects for order in turn.state.orders.open)
        if stops:
            turn.warn("stopped", f"{stops} stops are left at the venue, behind the position")
        left = len(turn.state.orders.open) - stops
        if left and self._stop_cancels:
            text = (
                f"{left} orders of this bot may be left open: the venue has not confirmed their "
                f"cancel in {STOP_NS // SECOND_NS} s; `steelyard kill` cancels them"
            )
            turn.alarm("stopped", text)
        elif left:
            turn.warn("stopped", f"{left} orders of this bot are left open, as configured")
        if missing:
            names = ", ".join(order.client_order_id for order in missing[:NAMED_MAX])
            text = f"fills of {len(missing)} orders are missing ({names})"
            turn.warn("stopped", f"{text}: the next start asks for them")
        code = VENUE if left and self._stop_cancels else DONE
        text = f"{self.stop_why}; {stop.canceled} orders canceled, {left} left open"
        return Finish(code, text)
