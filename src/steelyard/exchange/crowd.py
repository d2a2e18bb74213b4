"""The crowd: seeded participants who make six markets out of nothing, offline.

Worths come from `fair`, makers quote around them (`quotes`), takers arrive in bursts
(`takers`); here they are put on one clock of 50 ms steps. Everything that a user sees of it
goes through the engine as house commands. The invariant: seed, cursor, times and users' trades
decide every command. It keeps no book but its own ladders, and no money: the house has no end.

An opening is staged: sellers have just pushed prices a few basis points below their worth, so
they come back within seconds, and who averages 1-second bars has something to do at once.
"""

from collections.abc import Iterator
from math import isqrt

from steelyard.domain.commands import Traded
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS, Candle
from steelyard.domain.order import Side
from steelyard.engine import BookLevels
from steelyard.exchange.backfill import Worths, history
from steelyard.exchange.chance import ONE_E16, Chance, mixed
from steelyard.exchange.fair import (
    E9,
    OPENING_E9,
    STEP_NS,
    FairPrices,
    Weather,
    pace_e2,
    quoted,
    times,
)
from steelyard.exchange.house import (
    PAUSE_NS,
    Books,
    CrowdCursor,
    HouseCommand,
    HouseCursor,
    LadderState,
)
from steelyard.exchange.listings import LISTINGS
from steelyard.exchange.quotes import MILLI, Ladder
from steelyard.exchange.takers import Takers

_LEAP_MAX_NS = 7 * 86_400 * E9
_OPENING_PUSH_E9 = -800_000
_OPENING_SPREAD_E9 = 12_000_000  # seeds open within 1.2 % of the usual prices
_SWEEP_LEVELS = 6
_SWEEP_E9 = 600_000  # how far behind the best a house taker goes
_WILD_MAX_E16 = 6 * ONE_E16
_CALM_E32 = ONE_E16 * ONE_E16 * 3 // 2


class Crowd:
    """The market of a seed; `house.Market` says what its methods promise."""

    kind = "crowd"
    ended = False

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.note = f"seed {seed}"
        self._chance = Chance(mixed(seed, 1))
        self._fair = FairPrices(self._chance, _opening_worths(seed))
        self._ladders = [
            Ladder(listing.instrument.instrument_id, listing.makers, self._chance)
            for listing in LISTINGS
        ]
        self._takers = [Takers(listing.appetite, self._chance) for listing in LISTINGS]
        self._time_ns = 0

    def instruments(self) -> tuple[Instrument, ...]:
        """Return the six listings."""
        return tuple(listing.instrument for listing in LISTINGS)

    # -- time -------------------------------------------------------------------------------

    def commands(self, now_ns: int, books: Books) -> list[HouseCommand]:
        """Return what the crowd does up to now_ns, in whole steps."""
        out: list[HouseCommand] = []
        for ladder in self._ladders:
            ladder.begin(out)
        if self._time_ns == 0 or now_ns - self._time_ns > PAUSE_NS:
            self._reopen(now_ns)
        for ladder in self._ladders:
            if not ladder.bids.keys or not ladder.asks.keys:
                ladder.mend(self._worths_milli()[ladder.instrument_id])
        while self._time_ns + STEP_NS <= now_ns:
            self._time_ns += STEP_NS
            self._step(books)
        return out

    def observe(self, traded: Traded) -> None:
        """Let a user's trade move the crowd, and keep the ladder true."""
        at = traded.instrument_id
        if at >= len(self._ladders):
            return  # a market that only users make
        ladder, side = self._ladders[at], traded.taker_side
        if traded.taker_order_id:
            if not traded.maker_order_id:
                ladder.eaten(side, traded.price_ticks, traded.size_lots)
                ladder.shy(side, traded.price_ticks)
            self._press(at, side, traded.size_lots)
            self._takers[at].excite()
        elif traded.maker_order_id:
            ladder.stood_aside(side, traded.price_ticks, traded.size_lots)

    def restate(self, instrument_id: int, book: BookLevels) -> list[HouseCommand]:
        """Return what makes a market's book its makers' again."""
        if instrument_id >= len(self._ladders):
            return []
        return self._ladders[instrument_id].restate(book)

    def _step(self, books: Books) -> None:
        fair = self._fair
        is_jump = fair.step(self._time_ns)
        strength = min(fair.weather.strength_e16(), _WILD_MAX_E16)
        calm = min(ONE_E16, _CALM_E32 // strength)
        busy = (ONE_E16 + strength) // 2 * pace_e2(self._time_ns) // 100
        worths = self._worths_milli()
        for at, ladder in enumerate(self._ladders):
            takers, worth = self._takers[at], worths[at]
            takers.fade()
            takers.watch(worth)
            if is_jump:
                takers.excite(is_news=True)
            coming = takers.coming(busy)
            if not ladder.is_seen and (coming or ladder.is_wide()):
                ladder.see(books(ladder.instrument_id))
            for _ in range(coming):
                self._take(at, worth)
            ladder.step(worth, calm)

    def _take(self, at: int, worth_milli: int) -> None:
        takers, ladder = self._takers[at], self._ladders[at]
        side, size = takers.wish(worth_milli)
        got = ladder.take(side, size, worth_milli // MILLI * _SWEEP_E9 // E9 + 1, _SWEEP_LEVELS)
        takers.excite()
        if got:
            self._press(at, side, got)

    def _press(self, at: int, side: Side, size_lots: int) -> None:
        stays = self._takers[at].press(side, size_lots)
        if at < len(OPENING_E9):
            self._fair.nudge(at, stays)

    def _worths_milli(self) -> list[int]:
        """Return what makers quote around, in thousandths of a tick, by listing."""
        fair = self._fair
        pushes = [takers.push_e9() for takers in self._takers]
        worths = quoted(
            times(fair.btc_e9, pushes[0] + fair.gust_e9),
            times(fair.eth_e9, pushes[1] + fair.gust_e9),
            times(fair.sol_e9, pushes[2] + fair.gust_e9),
            fair.basis_e9,
        )
        return [
            times(worth, push if at >= len(OPENING_E9) else 0) * MILLI // listing.tick_e9
            for at, (worth, push, listing) in enumerate(zip(worths, pushes, LISTINGS, strict=True))
        ]

    # -- opening and pauses -----------------------------------------------------------------

    def backfill(self, start_ns: int, now_ns: int) -> Iterator[Candle]:
        """Yield the day that led to the opening, or the last week of what a pause hid."""
        start_ns = max(start_ns, now_ns - _LEAP_MAX_NS)
        begin: Worths | None = None
        fair = self._fair
        btc, eth, sol = fair.btc_e9, fair.eth_e9, fair.sol_e9
        if self._time_ns:
            pushes = [takers.push_e9() + fair.gust_e9 for takers in self._takers]
            begin = Worths(
                times(btc, pushes[0]), times(eth, pushes[1]), times(sol, pushes[2]), fair.basis_e9
            )
            btc, eth, sol = map(times, (btc, eth, sol), self._leap(now_ns))
        end = Worths(btc, eth, sol, fair.basis_e9)
        seed = mixed(self.seed, self._time_ns, now_ns)
        return history(LISTINGS, (start_ns, now_ns), seed, (begin, end), _OPENING_PUSH_E9)

    def _leap(self, now_ns: int) -> tuple[int, int, int]:
        """Return the moves over the pause that ends now: those of one long step."""
        pause_ns = min(now_ns - self._time_ns, _LEAP_MAX_NS)
        chance = Chance(mixed(self.seed, self._time_ns, now_ns, 4))
        root_e6 = isqrt(pause_ns * 1_000_000_000_000 // SECOND_NS)
        return Weather().moves(chance, 100, root_e6, 0).moves_e9

    def _reopen(self, now_ns: int) -> None:
        """Make every book anew: at the opening, and after a pause, in one leap."""
        if self._time_ns:
            self._fair.leap(self._leap(now_ns))
        self._time_ns = now_ns
        for at, takers in enumerate(self._takers):
            push = _OPENING_PUSH_E9 if at < len(OPENING_E9) else 0
            takers.restore((push * 3 // 4, push // 4, 0, 0, Side.BUY, 0, 0))
        for ladder, worth in zip(self._ladders, self._worths_milli(), strict=True):
            ladder.open(worth)

    # -- the cursor -------------------------------------------------------------------------

    def cursor(self) -> CrowdCursor:
        """Return the state."""
        ladders = zip(self._ladders, self._takers, strict=True)
        return CrowdCursor(
            self.seed,
            self._time_ns,
            self._chance.state,
            self._fair.numbers(),
            tuple(
                LadderState(
                    ladder.bids.levels(),
                    ladder.asks.levels(),
                    (ladder.guards[Side.BUY], ladder.guards[Side.SELL]),
                    takers.numbers(),
                )
                for ladder, takers in ladders
            ),
        )

    def restore(self, cursor: HouseCursor) -> None:
        """Go on from a cursor of the same seed."""
        if not isinstance(cursor, CrowdCursor) or cursor.seed != self.seed:
            raise ConfigError(
                f"this is the crowd of {self.note}, and cannot go on from {cursor.note!r}; "
                "start the exchange with the market that its directory was founded on"
            )
        self._time_ns = cursor.time_ns
        self._chance.state = cursor.chance
        self._fair.restore(cursor.prices)
        for at, state in enumerate(cursor.ladders):
            ladder = self._ladders[at]
            ladder.bids.restore(state.bids)
            ladder.asks.restore(state.asks)
            ladder.guards = dict(zip((Side.BUY, Side.SELL), state.guards, strict=True))
            self._takers[at].restore(state.takers)


def _opening_worths(seed: int) -> tuple[int, int, int]:
    """Return the prices at which a seed opens."""
    chance = Chance(mixed(seed, 5))
    shared = chance.below(2 * _OPENING_SPREAD_E9) - _OPENING_SPREAD_E9
    btc, eth, sol = (
        times(opening, shared + chance.below(_OPENING_SPREAD_E9)) for opening in OPENING_E9
    )
    return btc, eth, sol
