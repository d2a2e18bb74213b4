"""A book as a trader sees it: kept from snapshot and deltas, and honest about its age and depth.

The invariant: what it shows is the venue's book as it was at `sequence`, or `trouble` says why
not. The book itself is a `wire.book.Book`, this module's own or one that the stream keeps; this
view adds what a book cannot know. A venue that says nothing may have nothing to say, so silence
alone only makes the book `quiet`: whoever reads it compares with a snapshot and calls `confirm`.
A snapshot has a depth, and levels beyond it are shown to nobody: before the market gets there the
book is to be read again (`needs_depth`). It asks for nothing itself, and it reads no clock.

What rests at a price that is no whole tick any more is shown at the next one away from the other
side, so that neither touch nor depth ever look better than they are.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum

from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS, BookDelta, BookSnapshot
from steelyard.domain.order import Side
from steelyard.domain.units import EXACT, in_full
from steelyard.wire.book import Book, LocalBook, Pairs, Told

STALE_NS = 10 * SECOND_NS  # after this long without news or a confirmation, trust nothing
QUIET_NS = STALE_NS // 2  # after this long without news, ask whether there is any
COMPARED = 5  # levels of a side that have to agree where sequences cannot be compared
RENEW_SHARE = 4  # read it again when the market is within the last quarter of what is known

_CHANGED = int(Told.CHANGED)  # read once: until Python 3.12 that is a search
_multiply = EXACT.multiply
_Look = Callable[[int, int | None, int | None, int], int | None]


class BookState(StrEnum):
    """Whether a book may be traded on, in a word."""

    LIVE = "live"
    WAITING = "waiting"  # not received yet
    GAP = "gap"  # not whole: only a snapshot helps
    BEHIND = "behind"  # the stream owes us changes
    STALE = "stale"  # nothing has confirmed it for long
    SHALLOW = "shallow"  # the market has left what is known
    CROSSED = "crossed"


class BookSide:
    """One side of a book: its prices are in ticks, its sizes in lots."""

    __slots__ = ("_is_asks", "_view")

    def __init__(self, view: "BookView", side: Side) -> None:
        self._view = view
        self._is_asks = side is Side.SELL

    @property
    def best_ticks(self) -> int | None:
        """The best price, or None where nothing rests."""
        book = self._view.book
        return book.ask_ticks if self._is_asks else book.bid_ticks

    @property
    def known_ticks(self) -> int | None:
        """The last price to which every level is known; None: there are no others."""
        return self._view.book.known_ticks[self._is_asks]

    def first(self, depth: int) -> Pairs:
        """Return the best levels as (price_ticks, size_lots), as far as they are known."""
        book = self._view.book
        return book.asks(depth) if self._is_asks else book.bids(depth)

    def walk(self, size_lots: int) -> tuple[int, int] | None:
        """Return (last price_ticks, sum of price times lots) of taking a size, or None: too thin.

        The sum is in ticks times lots. What is not known does not count.
        """
        return self._view.book.walk(self._is_asks, size_lots)

    def __len__(self) -> int:
        return self._view.book.counts[self._is_asks]


class BookView:
    """One instrument's book."""

    def __init__(self, instrument: Instrument, stale_ns: int = STALE_NS) -> None:
        """Show an empty book, which without news or a confirmation is good for so long."""
        self.instrument = instrument
        self.stale_ns = stale_ns
        self.book: Book = LocalBook()
        self.snapshots = 0  # taken
        self._gaps_before = 0  # of the books before this one
        self._owed_sequence = 0  # the venue is known to be this far
        self._heard_ns: int | None = None  # when the book was last known to be right, our clock
        self._first_ticks: tuple[int | None, int | None] = (None, None)  # the touch of the snapshot
        self._broken_why = ""
        self._tick_size = instrument.tick_size
        self._look: _Look | None = None  # of a native book: its half ticks, where all is well

    # Twice the middle of a book that was well when it was last told of; None: the long way knows.
    _calm_half_ticks: int | None = None

    # Made anew for whoever asks: kept, they would keep the view, and all that its book stands on.
    @property
    def bids(self) -> BookSide:
        """The side of those who buy."""
        return BookSide(self, Side.BUY)

    @property
    def asks(self) -> BookSide:
        """The side of those who sell."""
        return BookSide(self, Side.SELL)

    def follow(self, book: Book) -> None:
        """Show another book from here on, one that its stream keeps; it waits for a snapshot."""
        self._gaps_before += self.book.gaps
        self.book, self._calm_half_ticks = book, None
        self._look = getattr(book, "calm", None)
        self._broken_why = "the stream has begun anew"

    def reset(self, why: str = "the stream has begun anew") -> None:
        """What came before may not join up, or is not enough: only a snapshot helps."""
        self._calm_half_ticks = None
        self.book.reset()
        self._broken_why = why

    def snapshot(self, snapshot: BookSnapshot, now_ns: int) -> None:
        """Take a whole book and the deltas that waited for it."""
        self._calm_half_ticks = None
        told = self.book.snapshot(
            snapshot.sequence,
            snapshot.bids,
            snapshot.asks,
            snapshot.time_ns,
            snapshot.odd_bids,
            snapshot.odd_asks,
            snapshot.known_bid_ticks,
            snapshot.known_ask_ticks,
        )
        if told in (Told.OLD, Told.WAITS):
            return  # older than what we have
        self._renewed(now_ns)

    def _renewed(self, now_ns: int) -> None:
        """A whole book is there."""
        self.snapshots += 1
        self._heard_ns, self._owed_sequence = now_ns, 0
        self._first_ticks = self.book.bid_ticks, self.book.ask_ticks
        self._broken_why = "the book has a gap"

    def delta(self, delta: BookDelta, now_ns: int) -> int:
        """Take a change; return what became of it, a `wire.book.Told`."""
        told = self.book.delta(
            delta.first_sequence,
            delta.last_sequence,
            delta.bids,
            delta.asks,
            delta.time_ns,
            delta.odd_bids,
            delta.odd_asks,
        )
        self.moved(told, now_ns)
        return told

    def changed(self, now_ns: int) -> int | None:
        """The book has changed as it should; return what is `calm` now."""
        self._heard_ns = now_ns
        self._calm_half_ticks = half_ticks = (
            None
            if self._look is None
            else self._look(self._owed_sequence, *self._first_ticks, RENEW_SHARE)
        )
        return half_ticks

    def moved(self, told: int, now_ns: int) -> None:
        """The book has been told of a change, and this became of it."""
        if told == _CHANGED:
            self.changed(now_ns)
            return
        self._calm_half_ticks = None
        if told == Told.WHOLE:
            self._renewed(now_ns)
        elif told == Told.GAP:
            self._broken_why = "the book has a gap"

    def confirm(self, snapshot: BookSnapshot, now_ns: int) -> bool:
        """Compare with a snapshot asked for in a silence; False: the stream owes us changes.

        Until it has told them the book is not to be traded on. Without a number it is what stands
        in the snapshot that is compared.
        """
        self._calm_half_ticks = None
        ahead = snapshot.sequence
        if not snapshot.is_numbered:
            ahead = self.sequence + (0 if self._agrees(snapshot) else 1)
        if not self.book.is_whole or ahead > self.sequence:
            self._owed_sequence = ahead
            return False
        if not snapshot.is_numbered:
            self._owed_sequence = 0  # what looked like a change to come was on its way
        self._heard_ns = now_ns
        return True

    def _agrees(self, snapshot: BookSnapshot) -> bool:
        """Whether the best levels of a snapshot are those of the book."""
        sides = ((self.bids, snapshot.bids), (self.asks, snapshot.asks))
        return all([*side.first(COMPARED)] == [*told[:COMPARED]] for side, told in sides)

    @property
    def sequence(self) -> int:
        """The venue's number of the last change."""
        return self.book.sequence

    @property
    def time_ns(self) -> int:
        """The venue's time of the last change."""
        return self.book.time_ns

    @property
    def gaps(self) -> int:
        """How often changes were missing."""
        return self._gaps_before + self.book.gaps

    @property
    def odd_levels(self) -> int:
        """How many levels are shown at another price than their own, which is off the tick."""
        return sum(self.book.odd_counts)

    @property
    def needs_snapshot(self) -> bool:
        """Whether nothing but a snapshot helps."""
        return not self.book.is_whole

    @property
    def needs_depth(self) -> bool:
        """Whether the market comes near the end of what is known of the book."""
        known_bid, known_ask = self.book.known_ticks
        if known_bid is None and known_ask is None:
            return False
        return self._nears(Side.BUY, known_bid) or self._nears(Side.SELL, known_ask)

    def is_quiet(self, now_ns: int) -> bool:
        """Whether it is time to ask if the book is still right."""
        return self.book.is_whole and now_ns >= self.quiet_at_ns()

    def quiet_at_ns(self) -> int:
        """Return when a whole book becomes quiet."""
        return (self._heard_ns or 0) + self.stale_ns // 2

    def age_ns(self, now_ns: int) -> int | None:
        """Return for how long nothing was told and confirmed; None: nothing ever was."""
        return None if self._heard_ns is None else now_ns - self._heard_ns

    def state(self, now_ns: int) -> BookState:
        """Return whether the book may be traded on, in a word."""
        book = self.book
        if self._heard_ns is None:
            return BookState.WAITING
        if not book.is_whole:
            return BookState.GAP
        if book.sequence < self._owed_sequence:
            return BookState.BEHIND
        if now_ns - self._heard_ns > self.stale_ns:
            return BookState.STALE
        bid, ask = book.bid_ticks, book.ask_ticks
        if bid is not None and ask is not None and bid >= ask:
            return BookState.CROSSED
        known_bid, known_ask = book.known_ticks
        if known_bid is not None and (bid is None or bid < known_bid):
            return BookState.SHALLOW
        if known_ask is not None and (ask is None or ask > known_ask):
            return BookState.SHALLOW
        return BookState.LIVE

    def calm(self, now_ns: int) -> int | None:
        """Return `mid_half_ticks` of a book without `trouble`, by a short way; None: ask those.

        Nor are there odd levels then, nor does it need depth.
        """
        heard_ns = self._heard_ns
        if heard_ns is None or now_ns - heard_ns > self.stale_ns:
            return None
        return self._calm_half_ticks

    def trouble(self, now_ns: int) -> str | None:
        """Return why the book is not to be traded on, or None."""
        if self.calm(now_ns) is not None:
            return None
        match self.state(now_ns):
            case BookState.LIVE:
                return None
            case BookState.WAITING:
                return "the book has not been received yet"
            case BookState.GAP:
                return f"{self._broken_why}; waiting for a new snapshot"
            case BookState.BEHIND:
                return "the book is behind the venue's: the stream has not told of changes"
            case BookState.STALE:
                seconds = (now_ns - (self._heard_ns or 0)) // SECOND_NS
                return f"the book is stale: nothing confirmed it for {seconds} s"
            case BookState.SHALLOW:
                return "the market has moved beyond what is known of the book"
            case BookState.CROSSED:
                bid, ask = self.best_bid, self.best_ask
                assert bid is not None, "a crossed book has two sides"
                assert ask is not None, "a crossed book has two sides"
                return f"the book is crossed: bid {in_full(bid)}, ask {in_full(ask)}"

    @property
    def mid_half_ticks(self) -> int | None:
        """Twice the mid price in ticks, so that it is whole; None without a bid or an ask."""
        if self._calm_half_ticks is not None:
            return self._calm_half_ticks
        bid, ask = self.book.bid_ticks, self.book.ask_ticks
        return None if bid is None or ask is None else bid + ask

    @property
    def mid(self) -> Decimal | None:
        """The middle between the best bid and the best ask."""
        half_ticks = self.mid_half_ticks
        if half_ticks is None:
            return None
        return self.instrument.price(half_ticks) * Decimal("0.5")

    @property
    def best_bid(self) -> Decimal | None:
        """The best price at which somebody buys."""
        ticks = self.book.bid_ticks
        return None if ticks is None else _multiply(Decimal(ticks), self._tick_size)

    @property
    def best_ask(self) -> Decimal | None:
        """The best price at which somebody sells."""
        ticks = self.book.ask_ticks
        return None if ticks is None else _multiply(Decimal(ticks), self._tick_size)

    def of(self, side: Side) -> BookSide:
        """Return the side on which orders of that side rest."""
        return self.bids if side is Side.BUY else self.asks

    def _nears(self, side: Side, known_ticks: int | None) -> bool:
        """Whether a side's best price is in the last part of what is known of it."""
        if known_ticks is None:
            return False
        best = self.of(side).best_ticks
        first = self._first_ticks[side is Side.SELL]
        if best is None or first is None:
            return True
        sign = int(side)
        return sign * (best - known_ticks) * RENEW_SHARE < sign * (first - known_ticks)
