"""Bars: what traded in each interval, from the venue's candles and then from the trades told.

An interval begins at a multiple of its length since the epoch, by the market's time. It closes
a little after its end, because the last trades are still on their way; a trade that comes even
later is counted, not added: a closed bar never changes and is never given again. Without trades
a bar repeats the last price. A bar before which bars, or in which trades, may be missing says so
(`is_gapped`).
Nothing here asks for candles: `seed` takes the answer.
"""

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct

from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS, Candle, Trade

GRACE_NS = SECOND_NS // 5
WAITING_MAX = 10_000  # trades kept while candles are asked for; the oldest leave
QUIET_MAX = 1_000  # flat bars in a row; a longer silence is a gap


class FloatPrice:
    """A price of a bar as a float, for indicators: the nearest one to the exact price."""

    def __init__(self, ticks: str) -> None:
        self._ticks = ticks

    def __get__(self, bar: "Bar", owner: type | None = None) -> float:
        """Return ticks in quote per base."""
        ticks: int = getattr(bar, self._ticks)
        return ticks * bar.instrument.tick_lot_atoms / bar.instrument.lot_atoms


class Bar(Struct):
    """One interval. Prices as ticks, as floats (`close`) and exact (`price("close")`)."""

    instrument: Instrument
    interval_ns: int
    open_ns: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int = 0
    trade_count: int = 0
    is_gapped: bool = False

    open = FloatPrice("open_ticks")
    high = FloatPrice("high_ticks")
    low = FloatPrice("low_ticks")
    close = FloatPrice("close_ticks")

    def price(self, which: str) -> Decimal:
        """Return a price exactly; which is open, high, low or close."""
        ticks: int = getattr(self, f"{which}_ticks")
        return self.instrument.price(ticks)

    @property
    def volume(self) -> Decimal:
        """What traded, in base."""
        return self.instrument.size(self.volume_lots)

    @property
    def time(self) -> datetime:
        """When the interval began."""
        return datetime.fromtimestamp(self.open_ns // SECOND_NS, UTC)

    @classmethod
    def of_candle(cls, instrument: Instrument, candle: Candle) -> "Bar":
        """Return a venue's candle as a bar."""
        return cls(
            instrument,
            candle.interval_ns,
            candle.open_ns,
            candle.open_ticks,
            candle.high_ticks,
            candle.low_ticks,
            candle.close_ticks,
            candle.volume_lots,
            candle.trade_count,
        )


class BarBuilder:
    """Builds the bars of one instrument and interval."""

    def __init__(self, instrument: Instrument, interval_ns: int) -> None:
        self.interval_ns = interval_ns
        self.late_trades = 0
        self._instrument = instrument
        self._bar: Bar | None = None  # the interval that is open
        self._closed_ns: int | None = None  # when the last bar that was given away began
        self._last_trade_id = 0
        self._waiting: deque[Trade] = deque(maxlen=WAITING_MAX)
        self._is_seeded = False
        self._is_gapped = False

    def unseed(self) -> None:
        """Trades may have been missed: wait for candles again."""
        self._is_seeded = False
        self._waiting.clear()

    def seed(self, candles: Iterable[Candle]) -> list[Bar]:
        """Take the venue's newest candles and return the closed bars that were not given yet.

        The trades that came since `unseed` are counted on top of the open candle. Without
        candles the first bar is the one of the next trade, and it says that it has a gap.
        """
        self._is_seeded = True
        found = sorted(candles, key=lambda candle: candle.open_ns)
        closed = [
            Bar.of_candle(self._instrument, candle)
            for candle in found
            if candle.is_closed and (self._closed_ns is None or candle.open_ns > self._closed_ns)
        ]
        if self._closed_ns is not None:
            next_ns = self._closed_ns + self.interval_ns
            first_ns = found[0].open_ns if found else None
            self._is_gapped = first_ns is None or first_ns > next_ns
        if closed:
            closed[0].is_gapped, self._is_gapped = self._is_gapped, False
            self._closed_ns = closed[-1].open_ns
        self._bar = None
        if found:
            self._last_trade_id = max(candle.last_trade_id for candle in found)
            last = found[-1]
            self._bar = Bar.of_candle(self._instrument, last)
            if last.is_closed:
                self._bar = self._flat(last.open_ns + self.interval_ns, last.close_ticks)
        waiting, self._waiting = self._waiting, deque(maxlen=WAITING_MAX)
        for trade in waiting:
            closed += self.add(trade)
        return closed

    def add(self, trade: Trade) -> list[Bar]:
        """Count a trade and return the bars that it closes."""
        if not self._is_seeded:
            self._waiting.append(trade)
            return []
        if trade.trade_id <= self._last_trade_id:
            return []
        self._last_trade_id = trade.trade_id
        open_ns = trade.time_ns - trade.time_ns % self.interval_ns
        closed = self._close_before(open_ns)
        if self._bar is None:
            self._bar = self._flat(open_ns, trade.price_ticks)
            self._is_gapped = True
        if trade.time_ns < self._bar.open_ns:
            self.late_trades += 1
        else:
            _count(self._bar, trade)
        return closed

    def close_due(self, market_now_ns: int) -> list[Bar]:
        """Return the bars whose time is over."""
        if not self._is_seeded:
            return []
        end_ns = market_now_ns - GRACE_NS
        return self._close_before(end_ns - end_ns % self.interval_ns)

    @property
    def deadline_ns(self) -> int | None:
        """When `close_due` has something to do, by the market's time."""
        if self._bar is None or not self._is_seeded:
            return None
        return self._bar.open_ns + self.interval_ns + GRACE_NS

    def _close_before(self, open_ns: int) -> list[Bar]:
        """Close intervals until the open one begins at `open_ns` or later."""
        closed: list[Bar] = []
        while self._bar is not None and self._bar.open_ns < open_ns:
            bar = self._bar
            next_ns = bar.open_ns + self.interval_ns
            if self._closed_ns is None or bar.open_ns > self._closed_ns:
                bar.is_gapped, self._is_gapped = self._is_gapped, False
                closed.append(bar)
                self._closed_ns = bar.open_ns
            if len(closed) > QUIET_MAX:
                next_ns, self._is_gapped = max(next_ns, open_ns), True
            self._bar = self._flat(next_ns, bar.close_ticks)
        return closed

    def _flat(self, open_ns: int, ticks: int) -> Bar:
        return Bar(self._instrument, self.interval_ns, open_ns, ticks, ticks, ticks, ticks)


def _count(bar: Bar, trade: Trade) -> None:
    ticks = trade.price_ticks
    if bar.volume_lots == 0:  # not every venue's candles say how many trades they are of
        bar.open_ticks = bar.high_ticks = bar.low_ticks = ticks
    bar.high_ticks = max(bar.high_ticks, ticks)
    bar.low_ticks = min(bar.low_ticks, ticks)
    bar.close_ticks = ticks
    bar.volume_lots += trade.size_lots
    bar.trade_count += 1
