"""The tape: a recording of a real venue that trades in our engine as the house.

At each price the house stands with the recorded size, and each recorded trade is a house taker.
The recorded touch is followed too: it comes more often than the depth, and what our book has
better than it is stale. Recorded time is shifted to now and divided by the speed; the first
minute is there at once, because a recording without a snapshot needs it to fill the book: its
book opens the market, its trades are the history before it.

The invariant: without users the book is the recorded one and every recorded trade prints once.
With users it is the recorded one around their orders; what they take is back with the next
recorded change of that level. A pause of the process is a pause of the tape. It reads no files:
whoever makes it hands it a way to begin the recording anew.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from msgspec.structs import replace

from steelyard.domain.commands import Traded
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import MINUTE_NS, SECOND_NS, BookDelta, Candle, Touch, Trade
from steelyard.domain.order import Side
from steelyard.engine import BookLevels
from steelyard.exchange.house import PAUSE_NS, Books, HouseCommand, HouseCursor, TapeCursor
from steelyard.exchange.mirror import Mirror, MirrorSide

TapeEvent = BookDelta | Trade | Touch
Source = Callable[[], Iterable[TapeEvent]]

WARM_NS = MINUTE_NS  # how much of a recording is there at once
SPEED_ONE_E4 = 10_000


def speed_text(speed_e4: int) -> str:
    """Return a speed as one writes it: 1, 2.5."""
    whole, part = divmod(speed_e4, SPEED_ONE_E4)
    return f"{whole}{f'.{part:04}'.rstrip('0') if part else ''}"


class AtEnd(StrEnum):
    """What comes after the last event."""

    HOLD = "hold"  # the book stays as it is
    LOOP = "loop"  # the recording begins anew, from its warm book
    EXIT = "exit"  # as hold; the shell ends the exchange when it sees `ended`


class Tape:
    """The market of one recording; `house.Market` says what its methods promise."""

    kind = "tape"

    def __init__(
        self,
        instrument: Instrument,
        source: Source,
        name: str,
        *,
        speed_e4: int = SPEED_ONE_E4,
        at_end: AtEnd = AtEnd.HOLD,
    ) -> None:
        """`source` begins the recording anew each time; its events come in time order.

        name says which recording it is, best with its hash; a cursor of another is refused.

        Raises:
            ConfigError: The recording is not longer than the minute that warms the book.
        """
        assert speed_e4 > 0, "the speed was checked when it was read"
        self.name = name
        self.at_end = at_end
        self.speed_e4 = speed_e4
        self.note = f"{name} @{speed_text(speed_e4)}x"
        self._instrument = instrument
        self._source = source
        self._mirror = Mirror(instrument.instrument_id)
        self._events: Iterator[TapeEvent] = iter(())
        self._next: TapeEvent | None = None
        self._warm_trades: list[Trade] = []
        self._zero_ns = 0  # recorded
        self._start_ns = 0  # when that was, or would have been, for us
        self._time_ns = 0
        self._lap = 0
        self._offset = 0
        self._depth_sequence = 0
        self._touch: Touch | None = None
        self._begin()
        if self._next is None:
            raise ConfigError(
                f"the recording {name} is not longer than {WARM_NS // SECOND_NS} s, which is what "
                "it takes to fill the book; give a longer one"
            )

    @property
    def ended(self) -> bool:
        """Whether the recording is over and does not loop."""
        return self._next is None

    def instruments(self) -> tuple[Instrument, ...]:
        """Return the one instrument that was recorded."""
        return (self._instrument,)

    # -- time -------------------------------------------------------------------------------

    def commands(self, now_ns: int, books: Books) -> list[HouseCommand]:
        """Return what the recording has up to now_ns."""
        mirror = self._mirror
        mirror.begin([])
        if self._time_ns == 0:
            self._start_ns = now_ns - WARM_NS * SPEED_ONE_E4 // self.speed_e4
            self._open()
        elif now_ns - self._time_ns > PAUSE_NS:
            self._start_ns += now_ns - self._time_ns
        self._time_ns = now_ns
        until_ns = self._recorded(now_ns)
        while (event := self._next) is not None and event.time_ns <= until_ns:
            self._play(event, books)
            self._advance()
        if self.ended and self.at_end is AtEnd.LOOP:
            self._loop(now_ns)
        return mirror.out

    def observe(self, traded: Traded) -> None:
        """Keep the mirror true where a user traded."""
        if traded.taker_order_id and not traded.maker_order_id:
            self._mirror.eaten(traded.taker_side, traded.price_ticks, traded.size_lots)
        elif traded.maker_order_id and not traded.taker_order_id:
            self._mirror.stood_aside(traded.taker_side, traded.price_ticks, traded.size_lots)

    def restate(self, instrument_id: int, book: BookLevels) -> list[HouseCommand]:
        """Return what makes the book the recorded one again."""
        assert instrument_id == self._instrument.instrument_id, "a tape has one market"
        return self._mirror.restate(book)

    def backfill(self, start_ns: int, now_ns: int) -> Iterator[Candle]:
        """Yield the candles of the minute that warmed the book; a pause has none."""
        if self._time_ns:
            return
        # What is recorded ends at now, however fast it is played.
        begin_ns = now_ns - WARM_NS * SPEED_ONE_E4 // self.speed_e4
        trades = [
            replace(trade, time_ns=begin_ns + self._played(trade.time_ns - self._zero_ns))
            for trade in self._warm_trades
        ]
        trades = [trade for trade in trades if start_ns <= trade.time_ns < now_ns]
        for interval_ns in (MINUTE_NS, SECOND_NS):
            yield from candles_of(trades, self._instrument, interval_ns, now_ns)

    # -- the cursor -------------------------------------------------------------------------

    def cursor(self) -> TapeCursor:
        """Return the state: where the recording stands, and the house's book."""
        mirror = self._mirror
        return TapeCursor(
            self.note,
            self._start_ns,
            self._time_ns,
            self._lap,
            self._offset,
            mirror.bids.levels(),
            mirror.asks.levels(),
        )

    def restore(self, cursor: HouseCursor) -> None:
        """Go on from a cursor of the same recording at the same speed."""
        if not isinstance(cursor, TapeCursor) or cursor.note != self.note:
            raise ConfigError(
                f"this is the tape {self.note}, and cannot go on from {cursor.note}; "
                "start the exchange with the market that its directory was founded on"
            )
        self._begin()
        while self._offset < cursor.offset and (event := self._next) is not None:
            self._note(event)
            self._advance()
        self._start_ns, self._time_ns, self._lap = cursor.start_ns, cursor.time_ns, cursor.lap
        self._mirror.bids.restore(cursor.bids)
        self._mirror.asks.restore(cursor.asks)

    def _open(self) -> None:
        """Make the book that the first minute has warmed."""
        for side in (self._mirror.bids, self._mirror.asks):
            for key in tuple(side.keys):
                self._mirror.put(side, key, side.lots[key])

    # -- events -----------------------------------------------------------------------------

    def _play(self, event: TapeEvent, books: Books) -> None:
        """Turn one event into commands."""
        self._note(event)
        match event:
            case BookDelta():
                self._restate(event)
                touch = self._touch
                if touch is not None and touch.sequence > event.last_sequence:
                    self._follow(touch)  # the touch knows more than this depth
            case Touch():
                if event.sequence > self._depth_sequence:
                    self._follow(event)
            case Trade():
                self._mirror.print(event.taker_side, event.price_ticks, event.size_lots, books)

    def _note(self, event: TapeEvent) -> None:
        match event:
            case BookDelta():
                self._depth_sequence = event.last_sequence
            case Touch():
                self._touch = event
            case Trade():
                pass

    def _restate(self, delta: BookDelta) -> None:
        for side, levels in ((self._mirror.bids, delta.bids), (self._mirror.asks, delta.asks)):
            for price_ticks, lots in levels:
                self._stand(side, side.side * price_ticks, lots, is_news=True)

    def _follow(self, touch: Touch) -> None:
        """Let the house's best be the recorded one: what is better is stale."""
        mirror = self._mirror
        for side, price_ticks, lots in (
            (mirror.bids, touch.bid_ticks, touch.bid_lots),
            (mirror.asks, touch.ask_ticks, touch.ask_lots),
        ):
            if not lots:
                continue
            key = side.side * price_ticks
            while side.keys and side.keys[-1] > key:
                mirror.put(side, side.keys[-1], 0)
            self._stand(side, key, lots)

    def _stand(self, side: MirrorSide, key: int, lots: int, *, is_news: bool = False) -> None:
        """Let the house stand at a key.

        News of a level is said also where the mirror has it so: around users' orders that may be
        wrong.
        """
        is_said = is_news or lots != side.lots.get(key, 0)
        if is_said and abs(key) <= self._instrument.price_max_ticks:
            self._mirror.put(side, key, lots)

    # -- the recording ----------------------------------------------------------------------

    def _begin(self) -> None:
        """Begin the recording: warm the mirror by its first minute, without commands."""
        self._events = iter(self._source())
        self._next = next(self._events, None)
        self._offset = 0
        self._depth_sequence, self._touch = 0, None
        self._mirror = Mirror(self._instrument.instrument_id)
        self._warm_trades = []
        self._zero_ns = self._next.time_ns if self._next else 0
        while (event := self._next) is not None and event.time_ns < self._zero_ns + WARM_NS:
            if isinstance(event, Trade):
                self._warm_trades.append(event)
            else:
                self._play(event, _no_books)
            self._advance()
        self._mirror.begin([])

    def _advance(self) -> None:
        self._next = next(self._events, None)
        self._offset += 1

    def _loop(self, now_ns: int) -> None:
        """Begin the next lap at now, going from the last book to the warm one level by level."""
        last = self._mirror
        self._begin()
        warm, self._mirror = self._mirror, last
        for side, wanted in ((last.bids, warm.bids), (last.asks, warm.asks)):
            for key in [key for key in side.keys if key not in wanted.lots]:
                last.put(side, key, 0)
        for side, wanted in ((last.bids, warm.bids), (last.asks, warm.asks)):
            for key in wanted.keys:
                self._stand(side, key, wanted.lots[key])
        self._lap += 1
        self._start_ns = now_ns - WARM_NS * SPEED_ONE_E4 // self.speed_e4

    def _recorded(self, now_ns: int) -> int:
        return self._zero_ns + (now_ns - self._start_ns) * self.speed_e4 // SPEED_ONE_E4

    def _played(self, recorded_ns: int) -> int:
        return recorded_ns * SPEED_ONE_E4 // self.speed_e4


def candles_of(
    trades: list[Trade], instrument: Instrument, interval_ns: int, now_ns: int
) -> Iterator[Candle]:
    """Yield gap-free candles of trades in time order, up to the one that now_ns falls into."""
    if not trades:
        return
    at, close = 0, trades[0].price_ticks
    open_ns = trades[0].time_ns // interval_ns * interval_ns
    while open_ns < now_ns:
        end_ns = open_ns + interval_ns
        first = at
        while at < len(trades) and trades[at].time_ns < end_ns:
            at += 1
        part = trades[first:at]
        prices = [trade.price_ticks for trade in part] or [close]
        close = prices[-1]
        quotes = [instrument.notional_atoms(t.price_ticks, t.size_lots) for t in part]
        bought = [t.taker_side is Side.BUY for t in part]
        yield Candle(
            instrument.instrument_id,
            interval_ns,
            open_ns,
            prices[0],
            max(prices),
            min(prices),
            close,
            sum(t.size_lots for t in part),
            sum(quotes),
            len(part),
            sum(t.size_lots for t, is_buy in zip(part, bought, strict=True) if is_buy),
            sum(quote for quote, is_buy in zip(quotes, bought, strict=True) if is_buy),
            0,
            0,
            end_ns <= now_ns,
        )
        open_ns = end_ns


def _no_books(instrument_id: int) -> BookLevels:
    raise AssertionError(f"a warm-up needs no book of {instrument_id}")
