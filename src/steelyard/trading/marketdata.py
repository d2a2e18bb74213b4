"""What a trader knows of its market: book, last price and bars, each resynchronized by itself.

The invariant: a strategy is shown nothing that is known to be wrong. A book with a gap waits
for a snapshot; one that has been quiet for long is compared with one; a stream that owes us
changes again and again is opened anew. Bars close by the market's own time, and wait for the
venue's candles after every break, in a silence, and where that time has leapt.
Orders are not decided here: `BookView.trouble` says whether the book may be traded on.
"""

from steelyard.domain.messages import (
    SECOND_NS,
    Answer,
    BookDelta,
    BookQuery,
    BookSnapshot,
    CandleList,
    CandlesQuery,
    Trade,
)
from steelyard.trading.actions import ResetStream, Role
from steelyard.trading.bars import Bar, BarBuilder
from steelyard.trading.markettime import LEAP_NS, MarketTime
from steelyard.trading.questions import Questions
from steelyard.trading.strategy import Desk
from steelyard.trading.turn import Turn

SNAPSHOT_DEPTH = 1_000
PROBE_DEPTH = 5  # only its sequence is compared
SNAPSHOT_WAIT_NS = SECOND_NS // 4  # the stream may begin with one
SNAPSHOT_AGAIN_NS = SECOND_NS // 2
PROBES_MAX = 3  # unconfirmed in a row; then the stream is dead
CANDLES_MAX = 1_000
CANDLES_AGAIN_NS = SECOND_NS  # in a silence
STANDING_NS = 10 * SECOND_NS  # a bar that is so long overdue is told of
NEVER_NS = 2**63
TIME_AGAIN_NS = 60 * SECOND_NS  # what time it is, is not told more often


class MarketData:
    """One instrument's market, for one strategy."""

    def __init__(self, turn: Turn, questions: Questions, desk: Desk) -> None:
        self._turn = turn
        self._questions = questions
        self._desk = desk
        self._builder: BarBuilder | None = None
        self._history_bars = 0
        self._is_up = False
        self._snapshot_ns = 0
        self._probe_ns = 0
        self._probes = 0  # unconfirmed in a row
        self._is_asking_book = False
        self._is_asking_candles = False
        self._candles_are_old = False  # asked for before time leapt
        self._has_candles = True  # until the venue says that it has none
        self._candles_ns = 0  # not asked for again before
        self._time = MarketTime()
        self._told_ahead_ns = 0  # what was said of the market's time, and when
        self._told_ns: int | None = None
        self._overdue_ns: int | None = None  # since when no bar closes that should
        self.has_history = True
        self.closed: list[Bar] = []  # for the strategy
        self.down_why: str | None = "the market stream is not open yet"

    def want_bars(self, interval_ns: int, history_bars: int) -> None:
        """Build bars, with so many closed ones as history at the start."""
        self._builder = BarBuilder(self._turn.instrument, interval_ns)
        self._history_bars = min(history_bars, CANDLES_MAX - 2)
        self.has_history = False

    # -- what is told -------------------------------------------------------------------------

    def up(self) -> None:
        """The stream is open: what it tells from here on is gapless."""
        self._is_up, self.down_why = True, None
        self._desk.book.reset()
        self._snapshot_ns = self._turn.now_ns + SNAPSHOT_WAIT_NS
        self._probes = 0
        self._time.forget()
        self._ask_candles()

    def down(self, why: str) -> None:
        """The stream is gone."""
        self._is_up, self.down_why = False, f"the market stream is down: {why}"
        self._desk.book.reset()
        if self._builder is not None:
            self._builder.unseed()

    def see(self, event: BookSnapshot | BookDelta | Trade) -> bool:
        """Take an event; return whether the strategy should hear of it."""
        desk, now_ns = self._desk, self._turn.now_ns
        if event.instrument_id != self._turn.instrument.instrument_id:
            return False
        if not isinstance(event, BookSnapshot):
            self._hear(event.time_ns)
        match event:
            case Trade():
                desk.last_ticks = event.price_ticks
                if self._builder is not None:
                    self.closed += self._builder.add(event)
                return True
            case BookDelta():
                gaps = desk.book.gaps
                has_changed = desk.book.delta(event, now_ns)
                if desk.book.gaps > gaps:
                    self._turn.warn("book.gap", f"before sequence {event.first_sequence}")
                    self._snapshot_ns = now_ns
                self._probes = 0
                return has_changed
            case BookSnapshot():
                desk.book.snapshot(event, now_ns)
                return not desk.book.needs_snapshot

    # -- what is due --------------------------------------------------------------------------

    def work(self) -> None:
        """Close bars, and ask for what the book needs."""
        turn, book = self._turn, self._desk.book
        if self._builder is not None:
            self._close_bars(self._builder)
        if not self._is_up or self._is_asking_book:
            return
        if book.needs_snapshot:
            if turn.now_ns < self._snapshot_ns:
                turn.wake_at(self._snapshot_ns)
                return
            self._ask_book(SNAPSHOT_DEPTH)
        elif book.is_quiet(turn.now_ns):
            if turn.now_ns < self._probe_ns:
                turn.wake_at(self._probe_ns)
                return
            self._ask_book(PROBE_DEPTH)
        else:
            turn.wake_at(book.quiet_at_ns())

    def _ask_book(self, depth: int) -> None:
        self._is_asking_book = True
        query = BookQuery(self._turn.instrument.instrument_id, depth)
        self._questions.ask("the book", query, self._on_book)

    def _on_book(self, answer: Answer, _asked_ns: int) -> None:
        self._is_asking_book = False
        turn, book = self._turn, self._desk.book
        if not isinstance(answer, BookSnapshot):
            self._snapshot_ns = self._probe_ns = turn.now_ns + SNAPSHOT_AGAIN_NS
            return
        if book.needs_snapshot:
            book.snapshot(answer, turn.now_ns)
            self._snapshot_ns = turn.now_ns + SNAPSHOT_AGAIN_NS
            return
        if not book.is_quiet(turn.now_ns) or book.confirm(answer, turn.now_ns):
            self._probes = 0
            return
        self._probes += 1
        self._probe_ns = turn.now_ns + SECOND_NS
        turn.warn(
            "book.behind",
            f"the venue is at sequence {answer.sequence}, the stream told up to {book.sequence}",
        )
        if self._probes >= PROBES_MAX:
            self._probes = 0
            turn.act(ResetStream(Role.MARKET, "it no longer tells what happens"))

    # -- bars ---------------------------------------------------------------------------------

    def _hear(self, time_ns: int) -> None:
        """Follow the market's time; where it has leapt, the bars begin anew."""
        turn = self._turn
        has_leapt = self._time.hear(time_ns, turn.now_ns)
        turn.market_offset_ns = self._time.offset_ns
        ahead_ns = time_ns - turn.venue_now_ns
        if abs(ahead_ns - self._told_ahead_ns) > LEAP_NS and (
            self._told_ns is None or turn.now_ns - self._told_ns >= TIME_AGAIN_NS
        ):
            self._told_ahead_ns, self._told_ns = ahead_ns, turn.now_ns
            where = "ahead of" if ahead_ns > 0 else "behind"
            turn.warn(
                "market.time",
                f"the market's time is {abs(ahead_ns) // 10**6} ms {where} the venue's "
                "clock; bars go by it",
            )
        if has_leapt:
            self._ask_candles()

    def _close_bars(self, builder: BarBuilder) -> None:
        """Close what is over by the market's time; in a silence ask the venue what is."""
        turn, time = self._turn, self._time
        market_ns = time.at(turn.now_ns)
        if market_ns is None and not self._has_candles:
            market_ns = turn.now_ns + (turn.offset_ns if time.offset_ns is None else time.offset_ns)
        if market_ns is not None:
            self.closed += builder.close_due(market_ns)
            if (deadline_ns := builder.deadline_ns) is not None:
                turn.wake_at(turn.now_ns + deadline_ns - market_ns)
        elif (deadline_ns := builder.deadline_ns) is not None:
            due_ns = turn.now_ns if time.offset_ns is None else deadline_ns - time.offset_ns
            ask_ns = max(due_ns, self._candles_ns)
            if turn.now_ns < ask_ns:
                turn.wake_at(ask_ns)
                return
            if self._overdue_ns is None:
                self._overdue_ns = turn.now_ns
            self._ask_candles()

    def _ask_candles(self) -> None:
        """Let the bars wait for the venue's candles."""
        builder = self._builder
        if builder is None:
            return
        builder.unseed()
        self._candles_ns = self._turn.now_ns + CANDLES_AGAIN_NS
        if self._is_asking_candles:
            self._candles_are_old = True
            return
        self._is_asking_candles = True
        limit = min(CANDLES_MAX, max(self._history_bars + 2, 10))
        query = CandlesQuery(self._turn.instrument.instrument_id, builder.interval_ns, limit)
        self._questions.ask("candles", query, self._on_candles)

    def _on_candles(self, answer: Answer, _asked_ns: int) -> None:
        self._is_asking_candles = False
        assert self._builder is not None, "candles are asked for with a builder"
        if self._candles_are_old:
            self._candles_are_old = False
            self._ask_candles()
            return
        if not self._is_up:
            return  # asked again when the stream is back
        candles = answer.candles if isinstance(answer, CandleList) else ()
        if not candles and self._has_candles:
            self._turn.warn("bars.no_history", "the venue has no candles; bars begin with trades")
        self._has_candles = bool(candles)
        closed = self._builder.seed(candles)
        self._tell_overdue(has_closed=bool(closed))
        if self.has_history:
            self.closed += closed
            return
        self.has_history = True
        self._desk.history = closed[-self._history_bars :] if self._history_bars else []

    def _tell_overdue(self, *, has_closed: bool) -> None:
        """Say once that the market's time stands still."""
        if has_closed or self._time.at(self._turn.now_ns) is not None:
            self._overdue_ns = None
        elif self._overdue_ns is not None and self._turn.now_ns - self._overdue_ns >= STANDING_NS:
            self._overdue_ns = NEVER_NS  # once is enough
            self._turn.warn(
                "bars.overdue",
                "the market is silent and its candles do not go on; bars wait for them. A "
                "sandbox's clock that is frozen does this",
            )
