"""A cheap market from a seed: makers around prices that wander, each by itself, and takers.

For simulations, where the crowd would cost more than all the rest. Like any market of an
exchange it is a function of its seed, its cursor and the times it is called at, so that a
restart goes on as it was. Takers come in small sizes, so that resting orders fill in parts, and
now and then sweep through the book.
"""

from collections.abc import Iterator

from steelyard.domain.commands import HouseLevel, HouseTrade, Traded
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import MINUTE_NS, SECOND_NS, Candle
from steelyard.domain.order import Side
from steelyard.engine import BookLevels
from steelyard.exchange.chance import Chance, mixed
from steelyard.exchange.house import Books, CrowdCursor, HouseCommand, HouseCursor, LadderState

STEP_NS = 100_000_000
OPENING_TICKS = 6_000_000
PAST_CANDLES = 5  # of each interval
LEVELS = 4
GAP_TICKS = 40  # from one level to the next
SIZE_MIN_LOTS, SIZE_SPREAD_LOTS = 300, 4_000
WANDER_TICKS = 60  # at most, in a step
LEAP_TICKS = 900  # now and then
SWEEP_TICKS = 400
TAKES_MAX_LOTS = 1_500

LISTED = Instrument.spot(
    0,
    (1, "BTC"),
    (4, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)


ETH_BTC = Instrument.spot(
    1,
    (2, "ETH"),
    (1, "BTC"),
    tick_size="0.000001",
    lot_size="0.0001",
    price_max="10000",
    size_max="9000",
    notional_min="0.0001",
)
ETH_USDT = Instrument.spot(
    2,
    (2, "ETH"),
    (4, "USDT"),
    tick_size="0.01",
    lot_size="0.0001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)


class Quoter:
    """The market of a seed; `house.Market` says what its methods promise."""

    kind = "crowd"
    ended = False
    listed: tuple[Instrument, ...] = (LISTED,)
    opening_ticks: tuple[int, ...] = (OPENING_TICKS,)

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.note = f"seed {seed}"
        self._chance = Chance(mixed(seed, 11))
        self._mids = [*self.opening_ticks]
        self._levels: list[dict[Side, dict[int, int]]] = [
            {Side.BUY: {}, Side.SELL: {}} for _ in self.listed
        ]
        self._time_ns = 0

    def instruments(self) -> tuple[Instrument, ...]:
        """Return what is listed."""
        return self.listed

    def backfill(self, start_ns: int, now_ns: int) -> Iterator[Candle]:
        """Yield a flat past: a few minutes and seconds of it are enough to begin bars with."""
        for interval_ns in (MINUTE_NS, SECOND_NS):
            last = now_ns // interval_ns
            for number in range(last - PAST_CANDLES, last):
                open_ns = number * interval_ns
                for at, mid in enumerate(self._mids):
                    numbers = (at, interval_ns, open_ns, mid, mid, mid, mid, 0, 0, 0, 0, 0, 0, 0)
                    if open_ns >= start_ns:
                        yield Candle(*numbers, is_closed=True)

    def commands(self, now_ns: int, books: Books) -> list[HouseCommand]:  # noqa: ARG002 it looks at no book
        """Return what is due up to now_ns, in whole steps; of a pause only the last one."""
        out: list[HouseCommand] = []
        if now_ns - self._time_ns >= STEP_NS:
            self._time_ns = now_ns - now_ns % STEP_NS
            for at in range(len(self.listed)):
                self._step(at, out)
        return out

    def observe(self, traded: Traded) -> None:
        """Nobody impresses it."""

    def restate(self, instrument_id: int, book: BookLevels) -> list[HouseCommand]:  # noqa: ARG002
        """Return its levels."""
        return [
            HouseLevel(instrument_id, side, price, size)
            for side, levels in self._levels[instrument_id].items()
            for price, size in levels.items()
        ]

    def cursor(self) -> CrowdCursor:
        """Return the state."""
        ladders = []
        for levels in self._levels:
            bids, asks = (tuple(levels[side].items()) for side in (Side.BUY, Side.SELL))
            ladders.append(LadderState(bids, asks, (0, 0), ()))
        mids = tuple(self._mids)
        return CrowdCursor(self.seed, self._time_ns, self._chance.state, mids, tuple(ladders))

    def restore(self, cursor: HouseCursor) -> None:
        """Go on from a cursor."""
        assert isinstance(cursor, CrowdCursor), "it is its own"
        self._time_ns, self._chance.state = cursor.time_ns, cursor.chance
        self._mids = [*cursor.prices]
        self._levels = [
            {Side.BUY: dict(ladder.bids), Side.SELL: dict(ladder.asks)} for ladder in cursor.ladders
        ]

    def _step(self, at: int, out: list[HouseCommand]) -> None:
        chance = self._chance
        wander = chance.below(2 * WANDER_TICKS + 1) - WANDER_TICKS
        if chance.below(60) == 0:
            wander += LEAP_TICKS if chance.below(2) else -LEAP_TICKS
        back = (self.opening_ticks[at] - self._mids[at]) // 50
        self._mids[at] += wander + back
        if chance.below(3):
            self._quote(at, out)
        for _ in range(chance.below(3)):
            side = Side.BUY if chance.below(2) else Side.SELL
            reach = SWEEP_TICKS if chance.below(8) == 0 else GAP_TICKS
            size = 1 + chance.below(TAKES_MAX_LOTS)
            out.append(HouseTrade(at, side, self._mids[at] + int(side) * reach, size))

    def _quote(self, at: int, out: list[HouseCommand]) -> None:
        chance = self._chance
        for side in (Side.BUY, Side.SELL):
            wanted = {
                self._mids[at] - int(side) * GAP_TICKS * (level + 1): SIZE_MIN_LOTS
                + chance.below(SIZE_SPREAD_LOTS)
                for level in range(LEVELS)
            }
            gone = [price for price in self._levels[at][side] if price not in wanted]
            out += (HouseLevel(at, side, price, 0) for price in gone)
            out += (HouseLevel(at, side, price, size) for price, size in wanted.items())
            self._levels[at][side] = wanted


class TriangleQuoter(Quoter):
    """Three markets of three assets, whose prices go together on average only."""

    listed = (LISTED, ETH_BTC, ETH_USDT)
    opening_ticks = (OPENING_TICKS, 50_000, 300_000)
