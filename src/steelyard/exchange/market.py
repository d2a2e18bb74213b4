"""Public market data made from trades: the trade tape, candles, 24-hour statistics.

Candles are gap-free: an interval without trades repeats the last price with no volume. Three
base series are kept per instrument (1 s for 2 hours, 1 min for 7 days, 1 h for a year); every
other interval is folded from the longest base that divides it, and a candle of which a part is no
longer kept is left out. Volumes are exact. Times are aligned to the epoch in UTC; weeks start on
Monday, months on the 1st.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import dropwhile, groupby, islice

from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.commands import Traded
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    AggregateList,
    AggregatesQuery,
    Around,
    Candle,
    CandlesQuery,
    Ticker,
    Trade,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import Side
from steelyard.exchange.aggregates import AggregateIds, aggregates_of
from steelyard.exchange.paging import is_within

HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
WEEK_NS = 7 * DAY_NS
MONTH_NS = 30 * DAY_NS  # a name for calendar months: their length varies

INTERVALS_NS: dict[str, int] = {
    "1s": SECOND_NS,
    "1m": MINUTE_NS,
    "3m": 3 * MINUTE_NS,
    "5m": 5 * MINUTE_NS,
    "15m": 15 * MINUTE_NS,
    "30m": 30 * MINUTE_NS,
    "1h": HOUR_NS,
    "2h": 2 * HOUR_NS,
    "4h": 4 * HOUR_NS,
    "6h": 6 * HOUR_NS,
    "8h": 8 * HOUR_NS,
    "12h": 12 * HOUR_NS,
    "1d": DAY_NS,
    "3d": 3 * DAY_NS,
    "1w": WEEK_NS,
    "1M": MONTH_NS,
}
BASES: dict[int, int] = {SECOND_NS: 7_200, MINUTE_NS: 10_080, HOUR_NS: 8_784}  # length to count
TRADES_MAX = 20_000
FRESH_MAX = 256  # trades are entered in candles when somebody asks, or when there are so many
TIME_MAX_NS = 2**63 - 1  # no candle is of a later time, in 2262
_MONDAY_NS = 4 * DAY_NS  # 1970-01-05


def open_of(time_ns: int, interval_ns: int, offset_ns: int = 0) -> int:
    """Return when the candle that holds this time opens, where days are so far ahead of UTC."""
    if offset_ns:
        return open_of(time_ns + offset_ns, interval_ns) - offset_ns
    if interval_ns == MONTH_NS:
        day = datetime.fromtimestamp(time_ns // SECOND_NS, UTC)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * SECOND_NS
    if interval_ns == WEEK_NS:
        return (time_ns - _MONDAY_NS) // WEEK_NS * WEEK_NS + _MONDAY_NS
    return time_ns // interval_ns * interval_ns


def next_open(open_ns: int, interval_ns: int, offset_ns: int = 0) -> int:
    """Return when the candle after this one opens."""
    if interval_ns == MONTH_NS:
        return open_of(open_ns + 32 * DAY_NS, MONTH_NS, offset_ns)
    return open_ns + interval_ns


class MarketData(Struct):
    """One instrument's market data, as a snapshot keeps it."""

    instrument_id: int
    trades: list[Trade]
    candles: list[Candle]


class InstrumentMarket:
    """Trades and candles of one instrument."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.trades: deque[Trade] = deque(maxlen=TRADES_MAX)
        self._aggregates = AggregateIds()
        self._series: dict[int, deque[Candle]] = {
            length: deque(maxlen=count) for length, count in BASES.items()
        }
        self._fresh: list[Trade] = []  # that are in no candle yet

    # -- what happened ----------------------------------------------------------------------

    def traded(self, effect: Traded, now_ns: int, command: int = 0) -> Trade:
        """Enter a trade that a command has brought; commands have numbers that never repeat."""
        trade = Trade(
            effect.instrument_id,
            effect.trade_id,
            effect.price_ticks,
            effect.size_lots,
            effect.taker_side,
            now_ns,
            self._aggregates.number(command, effect),
        )
        self.trades.append(trade)
        self._fresh.append(trade)
        if len(self._fresh) >= FRESH_MAX:
            self._fold_fresh()
        return trade

    @property
    def series(self) -> dict[int, deque[Candle]]:
        """The candles of each base length, with all that has traded."""
        if self._fresh:
            self._fold_fresh()
        return self._series

    def _fold_fresh(self) -> None:
        """Enter trades in candles: those of a second together."""
        fresh, self._fresh = self._fresh, []
        for _, trades in groupby(fresh, _second_of):
            parts = [*trades]
            for length, series in self._series.items():
                self._advance(series, length, parts[0].time_ns, parts[0].price_ticks)
                series[-1] = self._with_trades(series[-1], parts)

    def load(self, candle: Candle) -> None:
        """Enter a candle of history; per base series they come in order, before any trade."""
        series = self.series[candle.interval_ns]
        self._bridge(series, candle.interval_ns, candle.open_ns)
        if not series or candle.open_ns > series[-1].open_ns:
            _close_last(series)
            series.append(candle)
        if candle.interval_ns == MINUTE_NS:
            hours, open_ns = self.series[HOUR_NS], open_of(candle.open_ns, HOUR_NS)
            self._bridge(hours, HOUR_NS, open_ns)
            if hours and hours[-1].open_ns == open_ns:
                hours[-1] = _fold(hours[-1], candle)
            elif not hours or hours[-1].open_ns < open_ns:
                _close_last(hours)
                hours.append(replace(candle, interval_ns=HOUR_NS, open_ns=open_ns))

    def enter_past(self, candles: Sequence[tuple[int, ...]], now_ns: int) -> None:
        """Enter a venue's closed minutes (`MarketPast`) that are newer than what is known."""
        if candles:
            self.forget_flat_end(candles[0][0])
        series = self.series[MINUTE_NS]
        known_ns = series[-1].open_ns if series else -1
        for open_ns, *prices, volume_lots, quote_atoms, count in candles:
            if known_ns < open_ns and open_ns + MINUTE_NS <= now_ns:
                first, high, low, last = prices
                about = (self.instrument.instrument_id, MINUTE_NS, open_ns, first, high, low, last)
                traded = (volume_lots, quote_atoms, count, 0, 0, 0, 0)
                self.load(Candle(*about, *traded, is_closed=True))

    def forget_flat_end(self, since_ns: int) -> None:
        """Forget candles without volume at the end, from a time on: somebody knows better now."""
        for length in (MINUTE_NS, HOUR_NS):
            series = self.series[length]
            while series and not series[-1].volume_lots and series[-1].open_ns + length > since_ns:
                series.pop()

    def _bridge(self, series: deque[Candle], length: int, open_ns: int) -> None:
        """Leave no gap before a candle that is about to come."""
        if not series or open_ns <= series[-1].open_ns + length:
            return
        if length == SECOND_NS:
            # Flat seconds would not add up to the minutes that are known of that time.
            series.clear()
            return
        self._advance(series, length, open_ns - length, None)

    def _advance(
        self, series: deque[Candle], length: int, now_ns: int, first_ticks: int | None
    ) -> None:
        """Open candles up to now; skipped ones are flat. An empty series needs a first price."""
        open_ns = open_of(now_ns, length)
        if not series:
            if first_ticks is not None:
                series.append(self._flat(length, open_ns, first_ticks))
            return
        last = series[-1]
        if last.open_ns >= open_ns:
            return
        series[-1] = replace(last, is_closed=True)
        reachable = open_ns - ((series.maxlen or 1) - 1) * length
        at = max(last.open_ns + length, reachable)
        while at <= open_ns:
            series.append(self._flat(length, at, last.close_ticks, is_closed=at < open_ns))
            at += length

    def _flat(self, length: int, open_ns: int, ticks: int, *, is_closed: bool = False) -> Candle:
        return Candle(
            self.instrument.instrument_id,
            length,
            open_ns,
            ticks,
            ticks,
            ticks,
            ticks,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            is_closed,
        )

    def _with_trades(self, candle: Candle, trades: list[Trade]) -> Candle:
        """Return a candle with some trades more."""
        is_first = candle.trade_count == 0
        first, last, buy = trades[0], trades[-1], Side.BUY
        high = first.price_ticks if is_first else candle.high_ticks
        low = first.price_ticks if is_first else candle.low_ticks
        priced_lots = priced_bought = bought = lots = 0
        for trade in trades:
            price, size = trade.price_ticks, trade.size_lots
            high, low = max(high, price), min(low, price)
            lots += size
            priced_lots += price * size
            if trade.taker_side is buy:
                bought += size
                priced_bought += price * size
        step = self.instrument.tick_lot_atoms
        return replace(
            candle,
            open_ticks=first.price_ticks if is_first else candle.open_ticks,
            high_ticks=high,
            low_ticks=low,
            close_ticks=last.price_ticks,
            volume_lots=candle.volume_lots + lots,
            quote_atoms=candle.quote_atoms + priced_lots * step,
            trade_count=candle.trade_count + len(trades),
            taker_buy_lots=candle.taker_buy_lots + bought,
            taker_buy_quote_atoms=candle.taker_buy_quote_atoms + priced_bought * step,
            first_trade_id=first.trade_id if is_first else candle.first_trade_id,
            last_trade_id=last.trade_id,
        )

    # -- what is asked ----------------------------------------------------------------------

    def trades_of(self, query: TradesQuery) -> tuple[Trade, ...]:
        """Return public trades, oldest first."""
        return self.trade_list(query).trades

    def trade_list(self, query: TradesQuery) -> TradeList:
        """Return the same, and where the list goes on."""
        first = bisect_left(self.trades, query.from_trade_id or 0, key=lambda t: t.trade_id)
        if query.start_ns is not None:
            first = max(first, bisect_left(self.trades, query.start_ns, key=lambda t: t.time_ns))
        last = len(self.trades)
        if query.end_ns is not None:
            last = bisect_left(self.trades, query.end_ns + 1, key=lambda t: t.time_ns)
        if query.after is not None:
            first = max(first, bisect_right(self.trades, query.after, key=_trade_id))
        if query.before is not None:
            last = min(last, bisect_left(self.trades, query.before, key=_trade_id))
        has_start = (query.from_trade_id, query.start_ns, query.after) != (None, None, None)
        if has_start and query.before is None:
            last = min(last, first + query.limit)
        else:
            first = max(first, last - query.limit)
        part = tuple(islice(self.trades, first, max(first, last)))
        is_older = part and self.trades[0].trade_id < part[0].trade_id
        is_newer = part and part[-1].trade_id < self.trades[-1].trade_id
        before = part[0].trade_id if is_older else None
        return TradeList(part, Around(before, part[-1].trade_id if is_newer else None))

    def aggregate_list(self, query: AggregatesQuery) -> AggregateList:
        """Return aggregates, oldest first; one of which a part is no longer kept is left out."""
        trades: Iterable[Trade] = self.trades
        if len(self.trades) == TRADES_MAX:
            cut = self.trades[0].aggregate_id
            trades = dropwhile(lambda trade: trade.aggregate_id == cut, trades)
        from_id, start_ns, end_ns = query.from_aggregate_id, query.start_ns, query.end_ns
        wanted = aggregates_of(
            trade
            for trade in trades
            if (from_id is None or trade.aggregate_id >= from_id)
            and is_within(trade.time_ns, start_ns, end_ns)
        )
        if (from_id, start_ns) == (None, None):
            return AggregateList(tuple(deque(wanted, maxlen=query.limit)))
        return AggregateList(tuple(islice(wanted, query.limit)))

    def candles_of(self, query: CandlesQuery, now_ns: int) -> tuple[Candle, ...]:
        """Return candles, oldest first, up to the one that is open now.

        Raises:
            Unsupported: No such interval.
        """
        length, offset_ns = query.interval_ns, query.offset_ns
        bases = (HOUR_NS, MINUTE_NS, SECOND_NS)
        base = next((b for b in bases if length % b == 0 and offset_ns % b == 0), 0)
        if query.interval_ns not in INTERVALS_NS.values() or not base:
            raise Unsupported(
                f"no candles of {query.interval_ns} ns; there are {', '.join(INTERVALS_NS)}"
            )
        series = self.series[base]
        self._advance(series, base, now_ns, None)
        from_start = query.start_ns is not None
        start_ns = query.start_ns if query.start_ns is not None else 0
        if not from_start and series:
            newest = min(query.end_ns if query.end_ns is not None else now_ns, now_ns)
            start_ns = newest - (query.limit + 1) * max(length, DAY_NS * 31 * (length == MONTH_NS))
        start_ns = min(max(start_ns, 0), TIME_MAX_NS)
        first = bisect_left(series, open_of(start_ns, length, offset_ns), key=lambda c: c.open_ns)
        if first == 0 and len(series) == series.maxlen:
            # A candle whose first part has left would be told with less than was traded.
            whole_ns = open_of(series[0].open_ns, length, offset_ns)
            if whole_ns < series[0].open_ns:
                whole_ns = next_open(whole_ns, length, offset_ns)
            first = bisect_left(series, whole_ns, key=lambda c: c.open_ns)
        wanted: Iterable[Candle] = islice(series, first, None)
        if length != base:
            wanted = _folded(wanted, length, offset_ns)
        found = [
            candle
            for candle in wanted
            if candle.open_ns >= start_ns
            and (query.end_ns is None or candle.open_ns <= query.end_ns)
        ]
        return tuple(found[: query.limit] if from_start else found[-query.limit :])

    def current(self, interval_ns: int, now_ns: int, offset_ns: int = 0) -> tuple[Candle, ...]:
        """Return the last closed candle and the open one."""
        wanted = CandlesQuery(
            self.instrument.instrument_id, interval_ns, limit=2, offset_ns=offset_ns
        )
        return self.candles_of(wanted, now_ns)

    def ticker(
        self,
        now_ns: int,
        touch: tuple[int, int, int, int],
        start_ns: int | None = None,
        full_sequence: int = 0,
    ) -> Ticker:
        """Return the last 24 hours, or what was since a whole minute.

        touch is bid ticks, lots, ask ticks, lots (0 for none).
        """
        minutes = self.series[MINUTE_NS]
        self._advance(minutes, MINUTE_NS, now_ns, None)
        start_ns = now_ns - DAY_NS if start_ns is None else start_ns
        first = bisect_left(minutes, start_ns, key=lambda c: c.open_ns)
        day = list(islice(minutes, first, None))
        last = self.trades[-1] if self.trades else None
        traded = [candle for candle in day if candle.trade_count]
        bid, bid_lots, ask, ask_lots = touch
        return Ticker(
            instrument_id=self.instrument.instrument_id,
            time_ns=now_ns,
            open_ns=start_ns,
            open_ticks=day[0].open_ticks if day else None,
            high_ticks=max((c.high_ticks for c in day), default=None),
            low_ticks=min((c.low_ticks for c in day), default=None),
            last_ticks=last.price_ticks if last else (day[-1].close_ticks if day else None),
            last_lots=last.size_lots if last else 0,
            previous_close_ticks=minutes[first - 1].close_ticks if first else None,
            volume_lots=sum(c.volume_lots for c in day),
            quote_atoms=sum(c.quote_atoms for c in day),
            trade_count=sum(c.trade_count for c in day),
            first_trade_id=traded[0].first_trade_id if traded else 0,
            last_trade_id=traded[-1].last_trade_id if traded else 0,
            bid_ticks=bid or None,
            bid_lots=bid_lots,
            ask_ticks=ask or None,
            ask_lots=ask_lots,
            last_trade_ns=last.time_ns if last else 0,
            last_side=last.taker_side if last else None,
            volume_30d_lots=self._volume_since(now_ns - 30 * DAY_NS),
            full_sequence=full_sequence,
        )

    def _volume_since(self, start_ns: int) -> int:
        """Return the volume since the whole hour at or after a time, as far as it is kept."""
        hours = self.series[HOUR_NS]
        first = bisect_left(hours, start_ns, key=lambda c: c.open_ns)
        return sum(c.volume_lots for c in islice(hours, first, None))

    # -- snapshots --------------------------------------------------------------------------

    def snapshot(self) -> MarketData:
        """Return everything that is kept."""
        candles = [candle for series in self.series.values() for candle in series]
        return MarketData(self.instrument.instrument_id, [*self.trades], candles)

    def restore(self, state: MarketData) -> None:
        """Replace an empty market's data."""
        # A snapshot from before there were aggregates has each trade as its own.
        self.trades.extend(
            trade if trade.aggregate_id else replace(trade, aggregate_id=trade.trade_id)
            for trade in state.trades
        )
        if self.trades:
            self._aggregates.restore(self.trades[-1].aggregate_id)
        for candle in state.candles:
            self.series[candle.interval_ns].append(candle)


def _close_last(series: deque[Candle]) -> None:
    if series and not series[-1].is_closed:
        series[-1] = replace(series[-1], is_closed=True)


def _fold(whole: Candle, part: Candle, offset_ns: int = 0) -> Candle:
    """Return a candle with a later part added."""
    end_ns = next_open(whole.open_ns, whole.interval_ns, offset_ns)
    is_last = end_ns == next_open(part.open_ns, part.interval_ns)
    is_closed = part.is_closed and is_last
    if not part.trade_count:
        return replace(whole, is_closed=is_closed)
    if not whole.trade_count:
        # What was flat so far takes its prices from the first trade.
        return replace(
            part, interval_ns=whole.interval_ns, open_ns=whole.open_ns, is_closed=is_closed
        )
    return replace(
        whole,
        high_ticks=max(whole.high_ticks, part.high_ticks),
        low_ticks=min(whole.low_ticks, part.low_ticks),
        close_ticks=part.close_ticks,
        volume_lots=whole.volume_lots + part.volume_lots,
        quote_atoms=whole.quote_atoms + part.quote_atoms,
        trade_count=whole.trade_count + part.trade_count,
        taker_buy_lots=whole.taker_buy_lots + part.taker_buy_lots,
        taker_buy_quote_atoms=whole.taker_buy_quote_atoms + part.taker_buy_quote_atoms,
        last_trade_id=part.last_trade_id,
        is_closed=is_closed,
    )


def _folded(candles: Iterable[Candle], interval_ns: int, offset_ns: int = 0) -> Iterator[Candle]:
    """Yield candles of a longer interval."""
    whole: Candle | None = None
    for candle in candles:
        open_ns = open_of(candle.open_ns, interval_ns, offset_ns)
        if whole is not None and whole.open_ns == open_ns:
            whole = _fold(whole, candle, offset_ns)
            continue
        if whole is not None:
            yield replace(whole, is_closed=True)
        flat = replace(candle, interval_ns=interval_ns, open_ns=open_ns, trade_count=0)
        whole = (
            _fold(flat, candle, offset_ns) if candle.trade_count else replace(flat, is_closed=False)
        )
    if whole is not None:
        yield whole


def _trade_id(trade: Trade) -> int:
    return trade.trade_id


def _second_of(trade: Trade) -> int:
    return trade.time_ns // SECOND_NS
