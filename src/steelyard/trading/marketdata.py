"""What a trader knows of its market: book, last price and bars, each resynchronized by itself.

The invariant: a strategy is shown nothing that is known to be wrong. A book with a gap waits
for a snapshot; one that has been quiet for long is compared with one; a stream that owes us
changes again and again is opened anew. Bars close by the market's own time, and wait for the
venue's candles after every break, in a silence, and where that time has leapt.
Orders are not decided here: `BookView.trouble` says whether the book may be traded on.

Snapshots are asked for with growing pauses until a book has held for a while; after some in a row
that did not, the stream is opened anew.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from steelyard.domain.messages import (
    SECOND_NS,
    Answer,
    BookDelta,
    BookQuery,
    BookSnapshot,
    Candle,
    CandleList,
    CandlesQuery,
    Trade,
    TradeList,
    TradesQuery,
)
from steelyard.trading.actions import BookMoved, ResetStream, Role
from steelyard.trading.backfill import TradeBackfill
from steelyard.trading.bars import Bar, BarBuilder
from steelyard.trading.channels import Budgets, Channel, Channels
from steelyard.trading.markettime import LEAP_NS, MarketTime
from steelyard.trading.questions import Questions
from steelyard.trading.strategy import Desk
from steelyard.trading.turn import Turn
from steelyard.wire.book import Book, LocalBook, Told
from steelyard.wire.outcome import delays_ns

SNAPSHOT_DEPTH = 1_000  # five times as deep weighs five times as much; beyond is not known
DEPTH_WHY = "the market comes to the end of what is known of the book"
PROBE_DEPTH = 5  # its sequence is compared, or these levels
SNAPSHOT_WAIT_NS = SECOND_NS // 4  # the stream may begin with one
SNAPSHOT_AGAIN_NS = SECOND_NS // 2  # the first pause; each is twice as long as the one before
SNAPSHOT_PAUSE_MAX_NS = 30 * SECOND_NS
SNAPSHOTS_MAX = 6  # in a row that did not give a book that held; then the stream is opened anew
HELD_NS = 10 * SECOND_NS  # a book that has been whole for so long is mended
PROBES_MAX = 3  # unconfirmed in a row; then the stream is dead
TRADES_COMPARED = 10
TRADES_AGAIN_NS = SECOND_NS
TRADES_UNCONFIRMED_MAX = 2  # in a row; then the stream is dead
CANDLES_MAX = 1_000
CANDLES_AGAIN_NS = SECOND_NS  # in a silence
STANDING_NS = 10 * SECOND_NS  # a bar that is so long overdue is told of
NEVER_NS = 2**63
PAUSES_MAX = 1_000_000_000
_CHANGED, _GAP = int(Told.CHANGED), int(Told.GAP)  # read once: until Python 3.12 a search
TIME_AGAIN_NS = 60 * SECOND_NS  # what time it is, is not told more often


class MarketData:
    """One instrument's market, for one strategy."""

    def __init__(
        self, turn: Turn, questions: Questions, desk: Desk, channels: Channels | None = None
    ) -> None:
        self.backfill = TradeBackfill(turn, questions)
        self._channels = channels or Channels(Budgets())
        self.wants_trades = False  # somebody needs them
        self._is_asking_trades = False
        self._trades_ns = 0  # not compared before
        self._unconfirmed = 0  # comparisons in a row by which trades are missing
        self._turn = turn
        self._questions = questions
        self._desk = desk
        self._builder: BarBuilder | None = None
        self._history_bars = 0
        self._is_up = False
        self._snapshot_ns = 0  # not asked for before
        self._snapshots = 0  # asked for since the book last held
        self._pauses_ns = self._new_pauses()
        self._whole_ns: int | None = None  # since when the book is whole
        self._has_told_odd = False
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
        self._told_now_ns: int | None = None  # the time of a change of the book, to be followed
        self._overdue_ns: int | None = None  # since when no bar closes that should
        self.has_history = True
        self.closed: list[Bar] = []  # for the strategy
        self.down_why: str | None = "the market stream is not open yet"

    def want_trades(self) -> None:
        """Compare trades with the venue's when they have been silent for long."""
        self.wants_trades = True

    def want_bars(self, interval_ns: int, history_bars: int) -> None:
        """Build bars, with so many closed ones as history at the start."""
        self._builder = BarBuilder(self._turn.instrument, interval_ns)
        self._history_bars = min(history_bars, CANDLES_MAX - 2)
        self.wants_trades = True
        self.has_history = False

    # -- what is told -------------------------------------------------------------------------

    def up(self, book: Book | None = None) -> None:
        """The stream is open: what it tells from here on is gapless.

        book is one that the stream keeps; None: it tells every change.
        """
        why, self._is_up, self.down_why = self.down_why, True, None
        self._channels.hear(Channel.TRADES, self._turn.now_ns)
        self._unconfirmed = 0
        self.backfill.up(why or "the stream has begun anew")
        if book is not None or self._desk.book.needs_snapshot:  # else it has come before this word
            self._desk.book.follow(LocalBook() if book is None else book)
        self._snapshot_ns = max(self._snapshot_ns, self._turn.now_ns + SNAPSHOT_WAIT_NS)
        self._probes = 0
        self._time.forget()
        self._ask_candles()

    def down(self, why: str) -> None:
        """The stream is gone."""
        self._is_up, self.down_why = False, f"the market stream is down: {why}"
        self._whole_ns = None
        self._desk.book.reset(self.down_why)
        self.backfill.down()
        if self._builder is not None:
            self._builder.unseed()

    def changed(self, event: BookMoved) -> int | None:
        """Take that the book has moved in a hurry; return what is `calm` then, None: `see` it.

        What `catch_up` does waits until it is called.
        """
        desk = self._desk
        if event.became != _CHANGED or event.instrument_id != desk.instrument.instrument_id:
            return None
        half_ticks = desk.book.changed(self._turn.now_ns)
        if half_ticks is not None:
            self._probes = 0
            self._told_now_ns = event.time_ns
        return half_ticks

    def see(self, event: BookMoved | BookSnapshot | BookDelta | Trade) -> bool:
        """Take an event; return whether the strategy should hear of the book.

        What it should hear of trades is in `backfill.told`.
        """
        desk, now_ns = self._desk, self._turn.now_ns
        if type(event) is BookMoved and event.became == _CHANGED:
            if event.instrument_id != desk.instrument.instrument_id:
                return False
            if desk.book.changed(now_ns) is not None:
                self._probes = 0
                self._hear(event.time_ns)
                return True
            self._hear(event.time_ns)
            return self._moved(_CHANGED)
        if event.instrument_id != self._turn.instrument.instrument_id:
            return False
        is_whole = isinstance(event, BookMoved) and event.became == Told.WHOLE
        if not is_whole and not isinstance(event, BookSnapshot):
            self._hear(event.time_ns)
        match event:
            case Trade():
                self._channels.hear(Channel.TRADES, now_ns)
                self._unconfirmed = 0
                desk.last_ticks = event.price_ticks
                if self.backfill.see(event):
                    self._ask_candles()
                if self._builder is not None:
                    self.closed += self._builder.add(event)
                return False
            case BookMoved():
                desk.book.moved(event.became, now_ns)
                if is_whole:
                    self._taken()
                    return True
                return self._moved(event.became)
            case BookDelta():
                return self._moved(desk.book.delta(event, now_ns))
            case BookSnapshot():
                self._take(event)
                return not desk.book.needs_snapshot

    def catch_up(self) -> None:
        """Follow the market's time by the last change of the book, when its orders have left."""
        time_ns, self._told_now_ns = self._told_now_ns, None
        if time_ns is not None:
            self._hear(time_ns)

    def _moved(self, became: int) -> bool:
        """Follow what became of a change of the book; return whether the book has changed."""
        book = self._desk.book
        self._probes = 0
        if became == _GAP or book.needs_depth:
            self._turn.needs_work = True
        if became == _GAP:
            self._turn.warn("book.gap", f"after sequence {book.sequence}")
            self._whole_ns = None
        if not self._has_told_odd and book.odd_levels:
            self._tell_odd()
        return became == _CHANGED

    def _take(self, snapshot: BookSnapshot) -> None:
        """Take a whole book."""
        book = self._desk.book
        book.snapshot(snapshot, self._turn.now_ns)
        self._taken()

    def _taken(self) -> None:
        """A whole book may be there."""
        book = self._desk.book
        if self._whole_ns is None and not book.needs_snapshot:
            self._whole_ns = self._turn.now_ns
        if book.odd_levels and not self._has_told_odd:
            self._tell_odd()

    def _tell_odd(self) -> None:
        """Say once that prices are rounded."""
        self._has_told_odd = True
        self._turn.warn(
            "book.off_tick",
            f"{self._desk.book.odd_levels} levels have prices that are no multiple of the tick "
            f"{self._turn.instrument.tick_size}: orders from before it was changed. They are shown "
            "at the next tick away from the touch. If the venue has just changed the tick, start "
            "the bot again",
        )

    # -- what is due --------------------------------------------------------------------------

    def work(self) -> None:
        """Close bars, and ask for what the book needs."""
        turn, book = self._turn, self._desk.book
        self.backfill.work()
        if self._builder is not None:
            self._close_bars(self._builder)
        if self._is_up and self.wants_trades:
            self._compare_trades()
        if not self._is_up or self._is_asking_book:
            return
        if self._whole_ns is not None and self._snapshots:
            self._settle(self._whole_ns + HELD_NS)
        if not book.needs_snapshot and book.needs_depth and turn.now_ns >= self._snapshot_ns:
            book.reset(DEPTH_WHY)
            self._whole_ns = None
        if book.needs_snapshot:
            self._resync()
        elif book.is_quiet(turn.now_ns):
            if turn.now_ns < self._probe_ns:
                turn.wake_at(self._probe_ns)
                return
            self._ask_book(PROBE_DEPTH)
        else:
            turn.wake_at(book.quiet_at_ns())

    def _resync(self) -> None:
        """Ask for a snapshot, with growing pauses; open the stream anew where none helps."""
        turn = self._turn
        if turn.now_ns < self._snapshot_ns:
            turn.wake_at(self._snapshot_ns)
            return
        if self._snapshots >= SNAPSHOTS_MAX:
            self._snapshots = 0
            self._snapshot_ns = turn.now_ns + next(self._pauses_ns)
            turn.act(ResetStream(Role.MARKET, "no snapshot that was asked for mends the book"))
            return
        self._snapshots += 1
        self._ask_book(SNAPSHOT_DEPTH)

    def _settle(self, held_ns: int) -> None:
        """Forget how often a snapshot was asked for, once the book has held."""
        if self._turn.now_ns < held_ns:
            self._turn.wake_at(held_ns)
            return
        self._snapshots, self._pauses_ns = 0, self._new_pauses()

    def _new_pauses(self) -> Iterator[int]:
        first_ns, max_ns = SNAPSHOT_AGAIN_NS, SNAPSHOT_PAUSE_MAX_NS
        return delays_ns(self._turn.rng, first_ns=first_ns, max_ns=max_ns, tries=PAUSES_MAX)

    def _ask_book(self, depth: int) -> None:
        self._is_asking_book = True
        query = BookQuery(self._turn.instrument.instrument_id, depth)
        self._questions.ask("the book", query, self._on_book)

    def _on_book(self, answer: Answer, _asked_ns: int) -> None:
        self._is_asking_book = False
        turn, book = self._turn, self._desk.book
        if not isinstance(answer, BookSnapshot) or book.needs_snapshot:
            self._snapshot_ns = self._probe_ns = turn.now_ns + next(self._pauses_ns)
        if not isinstance(answer, BookSnapshot):
            return
        if book.needs_snapshot:
            if answer.is_numbered:
                self._take(answer)
            else:  # nothing that the stream tells could be joined to it
                self._snapshots = SNAPSHOTS_MAX
            return
        if not book.is_quiet(turn.now_ns) or book.confirm(answer, turn.now_ns):
            self._probes = 0
            return
        self._probes += 1
        self._probe_ns = turn.now_ns + SECOND_NS
        where = f"at sequence {answer.sequence}" if answer.is_numbered else "elsewhere"
        turn.warn("book.behind", f"the venue is {where}, the stream told up to {book.sequence}")
        if self._probes >= PROBES_MAX:
            self._probes = 0
            turn.act(ResetStream(Role.MARKET, "it no longer tells what happens"))

    # -- trades -------------------------------------------------------------------------------

    @property
    def trades_trouble(self) -> str | None:
        """Why trades are not to be relied on; None where they are, or nobody wants them."""
        if not self.wants_trades or not self._is_up:
            return None
        return self._channels.trouble(Channel.TRADES, self._turn.now_ns)

    def _compare_trades(self) -> None:
        """Ask the venue for its newest trades when none were told for half of their budget."""
        turn, channels = self._turn, self._channels
        if self._is_asking_trades:
            return
        age_ns = channels.age_ns(Channel.TRADES, turn.now_ns) or 0
        due_ns = turn.now_ns - age_ns + channels.budgets.trades_ns // 2
        due_ns = max(due_ns, self._trades_ns)
        if turn.now_ns < due_ns:
            turn.wake_at(due_ns)
            return
        self._is_asking_trades = True
        query = TradesQuery(turn.instrument.instrument_id, TRADES_COMPARED)
        self._questions.ask("the newest trades", query, self._on_trades)

    def _on_trades(self, answer: Answer, _asked_ns: int) -> None:
        self._is_asking_trades = False
        turn = self._turn
        self._trades_ns = turn.now_ns + TRADES_AGAIN_NS
        if not isinstance(answer, TradeList):
            # It does not tell them to who asks: what cannot be compared is not called stale.
            self.wants_trades = False  # somebody needs them
            turn.warn("trades.unchecked", "the venue lists no trades; their silence proves nothing")
            return
        newest, known = max(answer.trades, key=_by_id, default=None), self.backfill.newest()
        is_behind = newest is not None and (known is None or newest.trade_id > known.trade_id)
        if not is_behind or known is None:  # before the stream's first one there were others
            self._channels.hear(Channel.TRADES, turn.now_ns)
            self._unconfirmed = 0
            return
        self._unconfirmed += 1
        if self._unconfirmed >= TRADES_UNCONFIRMED_MAX:
            self._unconfirmed = 0
            turn.act(ResetStream(Role.MARKET, "it no longer tells trades"))

    # -- bars ---------------------------------------------------------------------------------

    def _hear(self, time_ns: int) -> None:
        """Follow the market's time; where it has leapt, the bars begin anew."""
        turn = self._turn
        has_leapt = self._time.hear(time_ns, turn.now_ns)
        if self._builder is not None and time_ns >= (self._builder.deadline_ns or 0):
            turn.needs_work = True
        turn.market_offset_ns = self._time.offset_ns
        ahead_ns = time_ns - turn.now_ns - turn.offset_ns
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
        closed = self._builder.seed(self._dated(candles))
        self._tell_overdue(has_closed=bool(closed))
        if self.has_history:
            self.closed += closed
            return
        self.has_history = True
        self._desk.history = closed[-self._history_bars :] if self._history_bars else []

    def _dated(self, candles: tuple[Candle, ...]) -> Iterator[Candle]:
        """Yield candles of which the newest is closed only if it is over by the market's time.

        Most venues do not tell whether it is, and their clock may be ahead of their market.
        """
        newest_ns = max((candle.open_ns for candle in candles), default=0)
        offset_ns = self._time.offset_ns
        for candle in candles:
            is_over = offset_ns is not None and (
                candle.open_ns + candle.interval_ns <= self._turn.now_ns + offset_ns
            )
            is_open = candle.is_closed and candle.open_ns == newest_ns and not is_over
            yield replace(candle, is_closed=False) if is_open else candle

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


def _by_id(trade: Trade) -> int:
    return trade.trade_id
