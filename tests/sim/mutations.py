"""Planted bugs: each is one of the ways in which traders lose money to plumbing.

The numbers are those of the list of pains that the trader was built against. A mutation replaces
a function of the trader, or of the process around it, by one that makes the mistake; the
simulation has to find each of them.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from steelyard.domain import exposure as exposure_words
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import RejectReason
from steelyard.sim import world
from steelyard.sim.disk import Commit
from steelyard.sim.exchange_host import ExchangeHost
from steelyard.sim.plan import EXCHANGE, Happening, Plan, What, plan_of
from steelyard.sim.trader_host import TraderHost
from steelyard.sim.workload import Manner
from steelyard.trading import connector, risk
from steelyard.trading.bars import BarBuilder
from steelyard.trading.books import BookState, BookView
from steelyard.trading.breakers import Breaker
from steelyard.trading.connector import Connector
from steelyard.trading.days import Days
from steelyard.trading.ending import Endings
from steelyard.trading.inquiry import Inquiries
from steelyard.trading.marketdata import MarketData
from steelyard.trading.orders import Orders
from steelyard.trading.orderwork import OrderWork
from steelyard.trading.portfolio import Booked, Portfolio
from steelyard.trading.protection import Protection
from steelyard.trading.questions import Questions
from steelyard.trading.reconcile import Reconciler
from steelyard.trading.records import (
    Adjusted,
    BreakerTripped,
    DayBegan,
    OrderAbsent,
    OrderRefused,
    ProtectionSet,
)
from steelyard.trading.shortcheck import ShortCheck
from steelyard.trading.state import TraderState
from steelyard.trading.strategy import Intent
from steelyard.trading.trader import Trader
from steelyard.trading.tripping import Breakers
from steelyard.trading.venueclock import VenueClock
from steelyard.wire.book import LocalBook
from steelyard.wire.faults import Fault, Trouble
from steelyard.wire.outcome import Answered, NotSent

Patch = pytest.MonkeyPatch


class Mutation(NamedTuple):
    """One planted bug. dialect is where it is looked for; more is what happens to it besides."""

    pain: int
    name: str
    plant: Callable[[Patch], None]
    dialect: str = "binance"
    more: tuple[Happening, ...] = ()
    manner: Manner | None = None  # of the first bot; None: what the seed says
    is_guarded: bool = False  # whether limits are narrow and breakers trip soon

    def plan(self, seed: int) -> Plan:
        """Return the plan of a seed."""
        plan = plan_of(seed, self.dialect)
        plan.is_guarded = self.is_guarded
        if self.manner is not None:
            plan.manners = (self.manner, *plan.manners[1:])
        plan.happenings = tuple(sorted((*plan.happenings, *self.more), key=lambda h: h.at_ns))
        return plan


# What few seeds have: a book's frames are lost, or end, and nobody answers for it, or requests are
# too many, or connections break again and again.
LOST = Fault(Trouble.LOST_FRAME, where="book", chance_e6=200_000)
MANY = Fault(Trouble.REFUSED, chance_e6=200_000, status=429)
STORM = (Happening(5 * SECOND_NS, What.FAULT, EXCHANGE, 20 * SECOND_NS, MANY),)
SILENT = Fault(Trouble.SILENT_STREAM, where="book", times=1)
SILENCE = (Happening(5 * SECOND_NS, What.FAULT, EXCHANGE, 20 * SECOND_NS, SILENT),)
QUIET = Fault(Trouble.SILENT_STREAM, where="depth", times=1)  # as Kraken's book is called
MUTE = (Happening(5 * SECOND_NS, What.FAULT, EXCHANGE, 20 * SECOND_NS, QUIET),)
UNASKED = Fault(Trouble.REFUSED, where="/api/v3/depth", status=503)
DARKNESS = (*SILENCE, Happening(5 * SECOND_NS, What.FAULT, EXCHANGE, 20 * SECOND_NS, UNASKED))
BUSY = Fault(Trouble.REFUSED, chance_e6=150_000, status=503)
CLOSINGS = (Happening(5 * SECOND_NS, What.FAULT, EXCHANGE, 20 * SECOND_NS, BUSY),)
KILLED = (Happening(20 * SECOND_NS, What.SIGKILL, 0),)
SWITCHES = tuple(Happening(at * SECOND_NS, What.SWITCH, 0, SECOND_NS) for at in (9, 17, 25))
MEDDLING = tuple(Happening(at * SECOND_NS, What.PERSON, 0) for at in range(8, 30, 2))
BREAKS = tuple(Happening(s * SECOND_NS, What.RESET, 0) for s in (6, 12, 18, 24))
GAPS = (Happening(5 * SECOND_NS, What.FAULT, EXCHANGE, 20 * SECOND_NS, LOST),)


def around(patch: Patch, owner: Any, name: str, made: Callable[[Any], Any]) -> None:
    """Replace a function by what `made` makes of it."""
    patch.setattr(owner, name, made(getattr(owner, name)))


# -- orders without an answer ---------------------------------------------------------------------


def sends_again_under_a_new_id(patch: Patch) -> None:
    def doubt(self, order, why, *, after_crash=False):
        if order.state is not OrderState.PENDING:
            return
        self._turn.record(OrderAbsent(order.client_order_id, why))
        place = order.place
        if not after_crash and order.cancel_why is None:
            wish = Intent(
                *(place.side, place.size_lots, place.order_type, place.time_in_force),
                *(place.price_ticks, place.post_only),
            )
            self.place(wish)

    patch.setattr(OrderWork, "doubt", doubt)


def sends_again_under_the_same_id(patch: Patch) -> None:
    def doubt(self, order, why, *, after_crash=False):
        if order.state is OrderState.PENDING and not after_crash and order.attempts < 3:
            self._send(order)

    patch.setattr(OrderWork, "doubt", doubt)


def takes_an_error_for_gone(patch: Patch) -> None:
    def doubt(self, order, why, *, after_crash=False):
        if order.state is OrderState.PENDING:
            self._turn.record(OrderAbsent(order.client_order_id, why))

    patch.setattr(OrderWork, "doubt", doubt)


def gives_up_after_three_questions(patch: Patch) -> None:
    asked: Counter[str] = Counter()

    def conclude(real):
        def mutated(self, order, inquiry):
            name = order.client_order_id
            asked[name] += 1
            if order.state is OrderState.UNKNOWN and asked[name] >= 3:
                reason = RejectReason.UNKNOWN_ORDER
                self._turn.record(OrderRefused(name, reason, "three times not there"))
                return
            real(self, order, inquiry)

        return mutated

    around(patch, Inquiries, "_conclude", conclude)


def believes_in_absence_at_once(patch: Patch) -> None:
    patch.setattr(Inquiries, "proof_ns", lambda *_: 0)


def does_not_count_what_is_unknown(patch: Patch) -> None:
    patch.setattr(risk, "_unknown_refusal", lambda *_: None)

    def exposed_lots(self, side):
        found = (o for o in self.open if o.state is not OrderState.UNKNOWN)
        return sum(o.exposed_lots for o in found if o.place.side is side and o.was_seen)

    patch.setattr(Orders, "exposed_lots", exposed_lots)


# -- cancels and fills ----------------------------------------------------------------------------


def believes_its_own_cancels(patch: Patch) -> None:
    def canceled(real):
        def mutated(self, order, returned):
            real(self, order, returned)
            if order.is_open:
                name, why = order.client_order_id, "a cancel was sent"
                self._turn.record(Adjusted(name, order.state, OrderState.CANCELED, why))

        return mutated

    around(patch, OrderWork, "_canceled", canceled)


def asks_for_no_fills(patch: Patch) -> None:
    def see_fill(real):
        def mutated(self, fill, source, client_order_id=""):
            if source != "stream":
                return self._turn.state.orders.find(client_order_id, fill.order_id)
            return real(self, fill, source, client_order_id)

        return mutated

    around(patch, OrderWork, "see_fill", see_fill)


def books_fills_twice(patch: Patch) -> None:
    patch.setattr(Portfolio, "look_up", lambda *_: Booked.NEW)


def does_not_mind_a_late_answer(patch: Patch) -> None:
    patch.setattr(risk, "OVERDUE_NS", 10**18)


def does_not_mind_an_unknown_change(patch: Patch) -> None:
    def in_doubt(real):
        return lambda order, situation: order.amending is None and real(order, situation)

    around(patch, risk, "_is_in_doubt", in_doubt)


def takes_a_part_for_the_whole(patch: Patch) -> None:
    def filled(real):
        def mutated(self, client_order_id, fill, now_ns):
            real(self, client_order_id, fill, now_ns)
            self._move(self[client_order_id], OrderState.FILLED, now_ns)

        return mutated

    around(patch, Orders, "filled", filled)


def counts_foreign_fills(patch: Patch) -> None:
    def see_fill(real):
        def mutated(self, fill, source, client_order_id=""):
            orders = self._turn.state.orders
            if orders.find(fill.client_order_id or client_order_id, fill.order_id) is None:
                client_order_id = next((o.client_order_id for o in orders), "")
                fill = fill.__class__(
                    **{
                        **{name: getattr(fill, name) for name in fill.__struct_fields__},
                        "client_order_id": client_order_id,
                    }
                )
            return real(self, fill, source, client_order_id)

        return mutated

    around(patch, OrderWork, "see_fill", see_fill)


# -- restarts and reconnects ----------------------------------------------------------------------


def forgets_its_position_at_a_restart(patch: Patch) -> None:
    def run_started(real):
        def mutated(self, message, time_ns):
            real(self, message, time_ns)
            self.portfolio = None

        return mutated

    around(patch, TraderState, "_run_started", run_started)


def forgets_open_orders_at_a_restart(patch: Patch) -> None:
    def run_started(real):
        def mutated(self, message, time_ns):
            real(self, message, time_ns)
            self.orders._open.clear()

        return mutated

    around(patch, TraderState, "_run_started", run_started)


def compares_once_and_never_again(patch: Patch) -> None:
    def require(real):
        def mutated(self):
            if not self.is_clean:
                real(self)

        return mutated

    around(patch, Reconciler, "require", require)


def trades_while_it_is_gated(patch: Patch) -> None:
    patch.setattr(Trader, "gate", property(lambda _: None))


def uses_an_id_again(patch: Patch) -> None:
    def mutated(self, config, key_id, strategy, rules, *rest):
        class Short:
            expiry_ns = staticmethod(rules.expiry_ns)

            @staticmethod
            def client_order_id(number):
                return rules.client_order_id(number & 0xFFFF)  # without bot and run

        real(self, config, key_id, strategy, Short(), *rest)

    real = Trader.__init__
    patch.setattr(Trader, "__init__", mutated)


# -- market data ----------------------------------------------------------------------------------


def trusts_a_silent_book(patch: Patch) -> None:
    def state(real):
        def mutated(self, now_ns):
            found = real(self, now_ns)
            return BookState.LIVE if found in (BookState.STALE, BookState.BEHIND) else found

        return mutated

    around(patch, BookView, "state", state)


def takes_any_answer_for_a_confirmation(patch: Patch) -> None:
    def confirm(self, _snapshot, now_ns):
        self._heard_ns = now_ns
        return True

    patch.setattr(BookView, "confirm", confirm)


def never_asks_whether_the_book_is_right(patch: Patch) -> None:
    trusts_a_silent_book(patch)
    patch.setattr(BookView, "is_quiet", lambda *_: False)


def ignores_gaps_in_the_book(patch: Patch) -> None:
    patch.setattr(connector, "new_reader", lambda *_: None)

    def delta(real):
        def mutated(self, first, last, *rest):
            if self.is_whole:
                first = min(first, self.sequence + 1)
            return real(self, first, last, *rest)

        return mutated

    around(patch, LocalBook, "delta", delta)


def goes_on_with_its_bars_after_a_gap(patch: Patch) -> None:
    patch.setattr(BarBuilder, "unseed", lambda _: None)
    patch.setattr(MarketData, "_ask_candles", lambda *_: None)
    patch.setattr(MarketData, "want_bars", _want_bars_at_once)


def _want_bars_at_once(self, interval_ns, history_bars):
    self._builder = BarBuilder(self._turn.instrument, interval_ns)
    self._history_bars = history_bars
    self._builder.seed(())


def believes_that_a_candle_is_over(patch: Patch) -> None:
    patch.setattr(MarketData, "_dated", lambda _, candles: candles)


# -- pace and clocks ------------------------------------------------------------------------------


def ignores_when_to_come_back(patch: Patch) -> None:
    def outcome(real):
        def mutated(self, message, response, now_ns):
            found = real(self, message, response, now_ns)
            self._wait_until_ns = 0
            return found._replace(retry_after_ns=0) if isinstance(found, NotSent) else found

        return mutated

    around(patch, Connector, "outcome", outcome)


def tries_again_without_a_pause(patch: Patch) -> None:
    def returned(self, question, returned):
        question.is_asked = False
        if isinstance(returned.outcome, Answered):
            del self._open[id(question)]
            question.answered(returned.outcome.answer, returned.sent_ns)
        else:
            self._ask(question)

    patch.setattr(Questions, "_returned", returned)


def cancels_without_a_pause(patch: Patch) -> None:
    def canceled(real):
        def mutated(self, order, returned):
            real(self, order, returned)
            self._work_of(order.client_order_id).cancel_ns = 0

        return mutated

    around(patch, OrderWork, "_canceled", canceled)


def signs_by_its_own_clock(patch: Patch) -> None:
    def returned(real):
        def mutated(self, returned):
            real(self, returned)
            self._turn.offset_ns = 0

        return mutated

    around(patch, VenueClock, "_returned", returned)


def begins_its_nonces_anew(patch: Patch) -> None:
    def request(self, message, now_ns):
        return real(self, message, now_ns % 60_000_000_000)

    real = Connector.request
    patch.setattr(Connector, "request", request)


# -- kill, disk, life -----------------------------------------------------------------------------


def does_not_obey_the_kill_switch(patch: Patch) -> None:
    patch.setattr(Endings, "begin_kill", lambda *_: None)


def forgets_to_cancel_when_it_is_killed(patch: Patch) -> None:
    def begin_kill(real):
        def mutated(self, event):
            cancel, self._work.cancel = self._work.cancel, lambda *_: None
            real(self, event)
            self._work.cancel = cancel
            self.kill = None

        return mutated

    around(patch, Endings, "begin_kill", begin_kill)


def sends_before_it_has_written(patch: Patch) -> None:
    def release_send(self, request_id, command):
        self.timeline.after(
            0, "too early", lambda: self.is_up and self._ask(request_id, command, is_command=True)
        )

    patch.setattr(TraderHost, "_release_send", release_send)


def goes_on_when_the_disk_refuses(patch: Patch) -> None:
    def written(real):
        def mutated(self, last_sequence):
            if self._disk.trouble is None or "bot" not in self._disk.name:
                real(self, last_sequence)
                return
            self._is_writing, self._writing = False, b""
            waiting = [*self._waiting]
            self._waiting.clear()
            for _, act in waiting:
                act()

        return mutated

    around(patch, Commit, "_written", written)


def asks_once_and_waits_for_ever(patch: Patch) -> None:
    def returned(real):
        def mutated(self, question, returned):
            if isinstance(returned.outcome, Answered):
                real(self, question, returned)

        return mutated

    around(patch, Questions, "_returned", returned)


def answers_before_it_has_written(patch: Patch) -> None:
    def turn(real):
        def mutated(self, act, then=None):
            if then is None:
                real(self, act)
                return
            real(self, lambda: then(act()))

        return mutated

    around(patch, ExchangeHost, "turn", turn)


def calls_a_kill_verified_at_once(patch: Patch) -> None:
    def work_kill(real):
        def mutated(self, *, is_connected):
            if self.kill is not None and self.kill.report is None:
                self.kill.report = self._report(self.kill, None)
            real(self, is_connected=is_connected)

        return mutated

    around(patch, Endings, "work_kill", work_kill)


# -- stops ----------------------------------------------------------------------------------------


def forgets_the_stop_at_a_restart(patch: Patch) -> None:
    def made(real):
        def replay(self, record):
            if not isinstance(record.message, ProtectionSet):
                real(self, record)

        return replay

    around(patch, TraderState, "replay", made)


def never_makes_a_stop_smaller(patch: Patch) -> None:
    def made(real):
        def keep(self, stop, lots, *, is_open):
            cancel = self._work.cancel
            self._work.cancel = lambda order, why: (
                None if "larger than" in why else cancel(order, why)
            )
            real(self, stop, lots, is_open=is_open)
            self._work.cancel = cancel

        return keep

    around(patch, Protection, "_keep", made)


def takes_a_stop_for_granted(patch: Patch) -> None:
    def made(real):
        def covered(self, lots, stop, *, only_seen):
            was_placed = any(order.protects for order in self._turn.state.orders)
            return abs(lots) if was_placed else real(self, lots, stop, only_seen=only_seen)

        return covered

    around(patch, Protection, "_covered_lots", made)


# -- limits and breakers --------------------------------------------------------------------------


def ignores(limit: str) -> Callable[[Patch], None]:
    """Return a bug: a limit is not looked at."""

    def plant(patch: Patch) -> None:
        for name, at in (("check", 1), ("check_amend", 2)):

            def made(real, at=at):
                def mutated(*arguments):
                    told = [*arguments]
                    told[at] = told[at]._replace(**{limit: None})
                    return real(*told)

                return mutated

            around(patch, risk, name, made)

    plant.__name__ = f"ignores_{limit}"
    return plant


def never_trips(breaker: Breaker) -> Callable[[Patch], None]:
    """Return a bug: a breaker does not trip."""

    def plant(patch: Patch) -> None:
        def made(real):
            return lambda self, which: None if which is breaker else real(self, which)

        around(patch, Breakers, "_look", made)

    plant.__name__ = f"never_trips_{breaker}"
    return plant


def counts_no_other_bot(patch: Patch) -> None:
    patch.setattr(world, "decided", lambda _others, *rest: exposure_words.decided((), *rest))


def survives_its_drawdown(patch: Patch) -> None:
    def made(real):
        def mutated(self, turn, max_drawdown, kill):
            real(self, turn, max_drawdown, lambda _: None)

        return mutated

    around(patch, Days, "__init__", made)


def forgives_the_day_at_a_restart(patch: Patch) -> None:
    def made(real):
        def replay(self, record):
            if not isinstance(record.message, DayBegan):
                real(self, record)

        return replay

    around(patch, TraderState, "replay", made)


def forgets_breakers_at_a_restart(patch: Patch) -> None:
    def made(real):
        def replay(self, record):
            if not isinstance(record.message, BreakerTripped):
                real(self, record)

        return replay

    around(patch, TraderState, "replay", made)


def orders_while_a_breaker_has_tripped(patch: Patch) -> None:
    patch.setattr(risk, "_breaker_refusal", lambda *_: None)


def believes_at_once_that_it_has_ended(patch: Patch) -> None:
    patch.setattr(Breakers, "_has_ended", lambda *_: True)


def resumes_before_its_time(patch: Patch) -> None:
    def made(real):
        def look(self, breaker):
            before = {*self._turn.state.breakers}
            real(self, breaker)
            for name in {*self._turn.state.breakers} - before:
                if self.rules[Breaker(name)].resume_ns is not None:
                    self._turn.wake_at(self._turn.now_ns)

        return look

    def work(self):
        for name, (_, message) in [*self._turn.state.breakers.items()]:
            if message.until_ns is not None:
                self._resume(name, "its rule", "now")

    around(patch, Breakers, "_look", made)
    patch.setattr(Breakers, "work", work)


# -- the short way through the limits -------------------------------------------------------------


def never_looks_again(patch: Patch) -> None:
    def made(real):
        def passes(self, place):
            turn, kept = self._turn, self._allowed
            if kept is None:
                return real(self, place)
            self._allowed = kept._replace(until_ns=turn.now_ns)
            needed, turn.needs_work = turn.needs_work, False
            found = real(self, place)
            turn.needs_work = needed or turn.needs_work
            return found

        return passes

    patch.setattr(ShortCheck, "forget", lambda _: None)
    around(patch, ShortCheck, "passes", made)


def counts_no_order_that_it_let_pass(patch: Patch) -> None:
    def made(real):
        def passes(self, place):
            kept = self._allowed
            found = real(self, place)
            self._allowed = kept or self._allowed
            return found

        return passes

    around(patch, ShortCheck, "passes", made)


def is_calm_whatever_happens(patch: Patch) -> None:
    patch.setattr(ShortCheck, "is_calm", property(lambda self: bool(self._parts.startup.market)))


def looks_at_no_breaker_on_the_short_way(patch: Patch) -> None:
    def made(real):
        def init(self, turn, limits, parts):
            class Calm:
                is_calm = True

            real(self, turn, limits, parts._replace(breakers=Calm()))

        return init

    around(patch, ShortCheck, "__init__", made)


MUTATIONS = (
    Mutation(
        1, "an order without an answer is sent again, with a new id", sends_again_under_a_new_id
    ),
    Mutation(1, "an order without an answer is sent again", sends_again_under_the_same_id),
    Mutation(1, "an id is used again by the next run", uses_an_id_again),
    Mutation(3, "a cancel that was sent is believed", believes_its_own_cancels),
    Mutation(4, "an error says that the order is gone", takes_an_error_for_gone),
    Mutation(5, "unknown becomes rejected after three questions", gives_up_after_three_questions),
    Mutation(5, "an order that is not there yet is absent", believes_in_absence_at_once),
    Mutation(5, "what is unknown does not count", does_not_count_what_is_unknown),
    Mutation(5, "an answer that is late is not missed", does_not_mind_a_late_answer),
    Mutation(
        5,
        "a change of an order that is unknown does not count",
        does_not_mind_an_unknown_change,
        manner=Manner.HOLDER,
    ),
    Mutation(6, "fills are heard and never asked for", asks_for_no_fills),
    Mutation(7, "a fill that is told twice is booked twice", books_fills_twice),
    Mutation(8, "a restart forgets the position", forgets_its_position_at_a_restart),
    Mutation(8, "a restart forgets open orders", forgets_open_orders_at_a_restart),
    Mutation(8, "somebody else's fills are counted", counts_foreign_fills),
    Mutation(
        9,
        "a restart forgets that the position has a stop",
        forgets_the_stop_at_a_restart,
        more=KILLED,
        manner=Manner.HOLDER,
    ),
    Mutation(
        9,
        "a stop that was placed once is believed to be there",
        takes_a_stop_for_granted,
        more=MEDDLING,
        manner=Manner.HOLDER,
    ),
    Mutation(
        9,
        "a stop stays larger than its position",
        never_makes_a_stop_smaller,
        manner=Manner.HOLDER,
    ),
    Mutation(10, "a part of a fill is taken for the whole", takes_a_part_for_the_whole),
    Mutation(11, "nothing is compared after a reconnect", compares_once_and_never_again),
    Mutation(11, "it trades while it is gated", trades_while_it_is_gated),
    Mutation(12, "a silent book is trusted", trusts_a_silent_book, more=DARKNESS),
    Mutation(
        12,
        "nobody asks whether a silent book is right",
        never_asks_whether_the_book_is_right,
        more=SILENCE,
    ),
    Mutation(
        12,
        "any answer confirms a silent book",
        takes_any_answer_for_a_confirmation,
        "kraken",
        more=MUTE,
    ),
    Mutation(13, "gaps in the book are ignored", ignores_gaps_in_the_book, more=GAPS),
    Mutation(14, "bars go on after a gap", goes_on_with_its_bars_after_a_gap),
    Mutation(
        14,
        "a candle is over when the venue's clock says so",
        believes_that_a_candle_is_over,
        more=BREAKS,
    ),
    Mutation(15, "when to come back is ignored", ignores_when_to_come_back, more=STORM),
    Mutation(15, "queries are repeated without a pause", tries_again_without_a_pause),
    Mutation(16, "requests are signed by the wrong clock", signs_by_its_own_clock),
    Mutation(17, "nonces begin anew", begins_its_nonces_anew, "kraken"),
    Mutation(18, "the kill switch is not obeyed", does_not_obey_the_kill_switch),
    Mutation(18, "a kill leaves orders open", forgets_to_cancel_when_it_is_killed),
    Mutation(18, "a kill is called verified at once", calls_a_kill_verified_at_once, more=SWITCHES),
    Mutation(19, "an order leaves before it is written down", sends_before_it_has_written),
    Mutation(19, "it goes on when its disk refuses", goes_on_when_the_disk_refuses),
    Mutation(19, "the exchange answers before it has written", answers_before_it_has_written),
    Mutation(20, "a question that fails is not asked again", asks_once_and_waits_for_ever),
    Mutation(26, "a cancel is repeated without a pause", cancels_without_a_pause),
    *(
        Mutation(26, f"{limit} is not looked at", ignores(limit), is_guarded=True)
        for limit in (
            "max_order_size",
            "max_orders_per_minute",
            "max_daily_loss",
            "max_gross_exposure",
            "max_leverage",
        )
    ),
    Mutation(26, "other bots are not counted", counts_no_other_bot, is_guarded=True),
    Mutation(26, "a drawdown does not kill", survives_its_drawdown, is_guarded=True),
    Mutation(
        26,
        "a restart forgives what the day has lost",
        forgives_the_day_at_a_restart,
        more=KILLED,
        is_guarded=True,
    ),
    *(
        Mutation(
            26,
            f"the breaker {breaker} does not trip",
            never_trips(breaker),
            more=CLOSINGS if breaker is Breaker.VENUE else (),
            is_guarded=True,
        )
        for breaker in Breaker
    ),
    Mutation(
        26,
        "a restart forgets that a breaker has tripped",
        forgets_breakers_at_a_restart,
        more=KILLED,
        is_guarded=True,
    ),
    Mutation(
        26,
        "orders that add risk pass while a breaker has tripped",
        orders_while_a_breaker_has_tripped,
        is_guarded=True,
    ),
    Mutation(
        26,
        "a breaker takes its condition for ended at once",
        believes_at_once_that_it_has_ended,
        is_guarded=True,
    ),
    Mutation(26, "what was allowed once stays allowed", never_looks_again, manner=Manner.QUICK),
    Mutation(
        26,
        "an order that was let pass is not counted",
        counts_no_order_that_it_let_pass,
        manner=Manner.QUICK,
    ),
    Mutation(
        18,
        "the short way looks at no gate and no kill",
        is_calm_whatever_happens,
        manner=Manner.QUICK,
    ),
    Mutation(
        26,
        "the short way looks at no breaker",
        looks_at_no_breaker_on_the_short_way,
        manner=Manner.QUICK,
        is_guarded=True,
    ),
    Mutation(26, "a breaker resumes before its time", resumes_before_its_time, is_guarded=True),
)

# The seed that caught each one last, which is tried first; when plans have changed it is another.
CAUGHT_BY = {
    "never_looks_again": 55,
    "counts_no_order_that_it_let_pass": 1,
    "is_calm_whatever_happens": 2,
    "looks_at_no_breaker_on_the_short_way": 1,
    "ignores_max_order_size": 1,
    "ignores_max_orders_per_minute": 58,
    "ignores_max_daily_loss": 1,
    "ignores_max_gross_exposure": 48,
    "ignores_max_leverage": 42,
    "counts_no_other_bot": 48,
    "survives_its_drawdown": 9,
    "forgives_the_day_at_a_restart": 2,
    "never_trips_slippage": 2,
    "never_trips_rejects": 21,
    "never_trips_heartbeats": 4,
    "never_trips_staleness": 10,
    "never_trips_volatility": 4,
    "never_trips_venue": 1,
    "never_trips_order_rate": 10,
    "forgets_breakers_at_a_restart": 7,
    "orders_while_a_breaker_has_tripped": 2,
    "believes_at_once_that_it_has_ended": 2,
    "resumes_before_its_time": 1,
    "does_not_mind_a_late_answer": 4,
    "does_not_mind_an_unknown_change": 42,
    "forgets_the_stop_at_a_restart": 6,
    "takes_a_stop_for_granted": 1,
    "never_makes_a_stop_smaller": 16,
    "calls_a_kill_verified_at_once": 1,
    "sends_again_under_a_new_id": 13,
    "sends_again_under_the_same_id": 17,
    "uses_an_id_again": 3,
    "believes_its_own_cancels": 49,
    "takes_an_error_for_gone": 13,
    "gives_up_after_three_questions": 36,
    "believes_in_absence_at_once": 19,
    "does_not_count_what_is_unknown": 34,
    "asks_for_no_fills": 13,
    "books_fills_twice": 1,
    "forgets_its_position_at_a_restart": 11,
    "forgets_open_orders_at_a_restart": 3,
    "counts_foreign_fills": 1,
    "takes_a_part_for_the_whole": 5,
    "compares_once_and_never_again": 4,
    "trades_while_it_is_gated": 10,
    "trusts_a_silent_book": 6,
    "never_asks_whether_the_book_is_right": 1,
    "takes_any_answer_for_a_confirmation": 2,
    "ignores_gaps_in_the_book": 2,
    "goes_on_with_its_bars_after_a_gap": 20,
    "believes_that_a_candle_is_over": 6,
    "ignores_when_to_come_back": 30,
    "tries_again_without_a_pause": 6,
    "signs_by_its_own_clock": 4,
    "begins_its_nonces_anew": 1,
    "does_not_obey_the_kill_switch": 3,
    "forgets_to_cancel_when_it_is_killed": 3,
    "sends_before_it_has_written": 1,
    "goes_on_when_the_disk_refuses": 20,
    "answers_before_it_has_written": 13,
    "asks_once_and_waits_for_ever": 5,
    "cancels_without_a_pause": 36,
}
