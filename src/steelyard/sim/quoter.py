"""A cheap market of one instrument from a seed: makers around a price that wanders, and takers.

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


class Quoter:
    """The market of a seed; `house.Market` says what its methods promise."""

    kind = "crowd"
    ended = False

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.note = f"seed {seed}"
        self._chance = Chance(mixed(seed, 11))
        self._mid = OPENING_TICKS
        self._levels: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self._time_ns = 0

    def instruments(self) -> tuple[Instrument, ...]:
        """Return the one listing."""
        return (LISTED,)

    def backfill(self, start_ns: int, now_ns: int) -> Iterator[Candle]:
        """Yield a flat past: a few minutes and seconds of it are enough to begin bars with."""
        mid = self._mid
        for interval_ns in (MINUTE_NS, SECOND_NS):
            last = now_ns // interval_ns
            for number in range(last - PAST_CANDLES, last):
                open_ns = number * interval_ns
                numbers = (0, interval_ns, open_ns, mid, mid, mid, mid, 0, 0, 0, 0, 0, 0, 0)
                if open_ns >= start_ns:
                    yield Candle(*numbers, is_closed=True)

    def commands(self, now_ns: int, books: Books) -> list[HouseCommand]:  # noqa: ARG002 it looks at no book
        """Return what is due up to now_ns, in whole steps; of a pause only the last one."""
        out: list[HouseCommand] = []
        if now_ns - self._time_ns >= STEP_NS:
            self._time_ns = now_ns - now_ns % STEP_NS
            self._step(out)
        return out

    def observe(self, traded: Traded) -> None:
        """Nobody impresses it."""

    def restate(self, instrument_id: int, book: BookLevels) -> list[HouseCommand]:  # noqa: ARG002
        """Return its levels."""
        return [
            HouseLevel(0, side, price, size)
            for side, levels in self._levels.items()
            for price, size in levels.items()
        ]

    def cursor(self) -> CrowdCursor:
        """Return the state."""
        bids, asks = (tuple(self._levels[side].items()) for side in (Side.BUY, Side.SELL))
        ladder = LadderState(bids, asks, (0, 0), ())
        return CrowdCursor(self.seed, self._time_ns, self._chance.state, (self._mid,), (ladder,))

    def restore(self, cursor: HouseCursor) -> None:
        """Go on from a cursor."""
        assert isinstance(cursor, CrowdCursor), "it is its own"
        self._time_ns, self._chance.state = cursor.time_ns, cursor.chance
        (self._mid,) = cursor.prices
        ladder = cursor.ladders[0]
        self._levels = {Side.BUY: dict(ladder.bids), Side.SELL: dict(ladder.asks)}

    def _step(self, out: list[HouseCommand]) -> None:
        chance = self._chance
        wander = chance.below(2 * WANDER_TICKS + 1) - WANDER_TICKS
        if chance.below(60) == 0:
            wander += LEAP_TICKS if chance.below(2) else -LEAP_TICKS
        back = (OPENING_TICKS - self._mid) // 50
        self._mid += wander + back
        if chance.below(3):
            self._quote(out)
        for _ in range(chance.below(3)):
            side = Side.BUY if chance.below(2) else Side.SELL
            reach = SWEEP_TICKS if chance.below(8) == 0 else GAP_TICKS
            size = 1 + chance.below(TAKES_MAX_LOTS)
            out.append(HouseTrade(0, side, self._mid + int(side) * reach, size))

    def _quote(self, out: list[HouseCommand]) -> None:
        chance = self._chance
        for side in (Side.BUY, Side.SELL):
            wanted = {
                self._mid - int(side) * GAP_TICKS * (level + 1): SIZE_MIN_LOTS
                + chance.below(SIZE_SPREAD_LOTS)
                for level in range(LEVELS)
            }
            gone = [price for price in self._levels[side] if price not in wanted]
            out += (HouseLevel(0, side, price, 0) for price in gone)
            out += (HouseLevel(0, side, price, size) for price, size in wanted.items())
            self._levels[side] = wanted
