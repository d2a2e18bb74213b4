"""What things are worth: the prices around which the crowd's makers quote.

BTC, ETH and SOL in dollars (USDT) diffuse and jump together, with a volatility that itself
wanders slowly, flares up quickly and follows the hours of the day; the price of USDT in USD
stays within some basis points of 1. ETH-BTC, BTC-USD and ETH-USD have no price of their own:
they are quotients of these, which is what closes the triangles.

A worth is quote per base times 1e9; a move is relative, times 1e9. A step is 50 ms. The same
laws, over longer steps, make the history before opening (`exchange/backfill.py`).
"""

from functools import cache
from math import isqrt
from typing import NamedTuple

from steelyard.exchange.chance import NORMAL_SIGMA, ONE_E16, Chance, exp2_e16

E9 = 10**9
STEP_NS = 50_000_000
STEPS_PER_SECOND = 20
HOUR_NS = 3_600 * E9

# Opening prices, and one second's moves at an ordinary moment.
OPENING_E9 = (61_000 * E9, 2_650 * E9, 152 * E9)
_COMMON_E9 = 24_000  # the move that BTC, ETH and SOL share
_SHARES_E2 = (100, 112, 135)  # how much of it each takes, in percent
_OWN_E9 = (3_000, 14_000, 24_000)

# A gust is a passing disagreement about the price: it makes seconds lively, not days.
_GUST_E9 = 85_000  # standard deviation
_GUST_STEPS = 36

_BASIS_STEPS = 18_000
_BASIS_E9 = 150_000  # USD per USDT strays 1.5 basis points around 1
BASIS_MAX_E9 = 900_000

# Logarithms of the volatility, base 2, times 65536.
_SLOW_STEPS, _SLOW_E16 = 24_000, 32_000
_FLARE_STEPS, _FLARE_E16 = 500, 30_000
_FLARE_MAX_E16 = 120_000

_JUMP_STEPS = 2_600  # one in about two minutes
_JUMP_E9 = 200_000
_JUMP_SPREAD_E10 = 700

# Business by the hour of the day, UTC, in percent: quiet before Asia opens, loud with New York.
_HOURS_E2 = (
    *(92, 95, 92, 84, 78, 76, 80, 92, 102, 104, 98, 94),
    *(102, 124, 142, 140, 128, 118, 108, 102, 98, 94, 90, 88),
)

_SCALED = NORMAL_SIGMA * 1_000_000
_SCALED_HALF = _SCALED // 2
_STEP_ROOT_E6 = 223_607  # the root of 0.05 s

_RANGE = 16  # a worth stays within a sixteenth and sixteen times its opening


def pace_e2(time_ns: int) -> int:
    """Return how busy an hour of the day is, in percent of the average."""
    hour, within = divmod(time_ns, HOUR_NS)
    here, there = _HOURS_E2[hour % 24], _HOURS_E2[(hour + 1) % 24]
    return here + (there - here) * (within // E9) // 3_600


def times(worth_e9: int, move_e9: int) -> int:
    """Return a worth after a relative move."""
    return worth_e9 + worth_e9 * move_e9 // E9


def quoted(btc_e9: int, eth_e9: int, sol_e9: int, basis_e9: int) -> tuple[int, ...]:
    """Return what the six instruments are worth, in the order of `exchange/listings.py`."""
    return (
        *(btc_e9, eth_e9, sol_e9),
        eth_e9 * E9 // btc_e9,
        times(btc_e9, basis_e9),
        times(eth_e9, basis_e9),
    )


def basis_step(basis_e9: int, chance: Chance, steps: int = 1) -> int:
    """Return by how much USDT is worth more than a USD, some steps later."""
    basis = reverted(basis_e9, _BASIS_STEPS, _BASIS_E9, chance, steps)
    return max(-BASIS_MAX_E9, min(BASIS_MAX_E9, basis))


class Moves(NamedTuple):
    """How BTC, ETH and SOL moved, and whether they jumped."""

    moves_e9: tuple[int, int, int]
    is_jump: bool


class Weather:
    """Volatility: a slow climate times flares, and the moves that they make together."""

    __slots__ = ("flare_e16", "slow_e16")

    def __init__(self, slow_e16: int = 0, flare_e16: int = 0) -> None:
        self.slow_e16 = slow_e16
        self.flare_e16 = flare_e16

    def strength_e16(self) -> int:
        """Return the volatility now; 65536 is ordinary."""
        return exp2_e16(self.slow_e16 + self.flare_e16)

    def step(self, chance: Chance, steps: int = 1) -> None:
        """Let the weather change over some steps."""
        self.slow_e16 = reverted(self.slow_e16, _SLOW_STEPS, _SLOW_E16, chance, steps)
        flare = reverted(self.flare_e16, _FLARE_STEPS, _FLARE_E16, chance, steps)
        self.flare_e16 = min(flare, _FLARE_MAX_E16)

    def moves(self, chance: Chance, pace: int, root_e6: int, steps: int = 1) -> Moves:
        """Return the moves of some steps; root_e6 is their time's root in seconds, times 1e6."""
        scale = self.strength_e16() * pace // 100 * root_e6 >> 16
        common = _scaled(chance.normal() * _COMMON_E9, scale)
        is_jump = chance.below(_JUMP_STEPS) < steps
        if is_jump:
            jump = chance.lognormal(_JUMP_E9, _JUMP_SPREAD_E10) * pace // 100
            common += jump if chance.word() & 1 else -jump
            self.flare_e16 = min(self.flare_e16 + ONE_E16, _FLARE_MAX_E16)
        btc, eth, sol = (
            common * share // 100 + _scaled(chance.normal() * own, scale)
            for share, own in zip(_SHARES_E2, _OWN_E9, strict=True)
        )
        return Moves((btc, eth, sol), is_jump)


class FairPrices:
    """The worth of everything, stepped in time."""

    __slots__ = ("basis_e9", "btc_e9", "chance", "eth_e9", "gust_e9", "sol_e9", "weather")

    def __init__(self, chance: Chance, worths_e9: tuple[int, int, int]) -> None:
        self.chance = chance
        self.btc_e9, self.eth_e9, self.sol_e9 = worths_e9
        self.basis_e9 = basis_step(0, chance, _BASIS_STEPS)
        self.gust_e9 = 0
        self.weather = Weather()

    def step(self, time_ns: int) -> bool:
        """Go on by one step that ends at time_ns; return whether prices jumped."""
        chance, weather = self.chance, self.weather
        pace = pace_e2(time_ns)
        weather.step(chance)
        moves, is_jump = weather.moves(chance, pace, _STEP_ROOT_E6)
        self._move(moves)
        self.basis_e9 = basis_step(self.basis_e9, chance)
        self.gust_e9 = reverted(self.gust_e9, _GUST_STEPS, _GUST_E9 * pace // 100, chance)
        return is_jump

    def leap(self, moves_e9: tuple[int, int, int]) -> None:
        """Go on by moves that were made elsewhere, for a pause that no step covers."""
        self._move(moves_e9)
        self.gust_e9 = 0
        self.weather.flare_e16 = 0

    def nudge(self, asset: int, move_e9: int) -> None:
        """Let trades move the worth of BTC (0), ETH (1) or SOL (2) for good."""
        moves = [0, 0, 0]
        moves[asset] = move_e9
        self._move((moves[0], moves[1], moves[2]))

    def numbers(self) -> tuple[int, ...]:
        """Return the state for a cursor."""
        weather = self.weather
        return (
            *(self.btc_e9, self.eth_e9, self.sol_e9),
            *(self.basis_e9, self.gust_e9, weather.slow_e16, weather.flare_e16),
        )

    def restore(self, numbers: tuple[int, ...]) -> None:
        """Go on from a cursor's numbers."""
        self.btc_e9, self.eth_e9, self.sol_e9, self.basis_e9, self.gust_e9, slow, flare = numbers
        self.weather = Weather(slow, flare)

    def _move(self, moves_e9: tuple[int, int, int]) -> None:
        worths = (self.btc_e9, self.eth_e9, self.sol_e9)
        self.btc_e9, self.eth_e9, self.sol_e9 = (
            max(opening // _RANGE, min(opening * _RANGE, times(worth, move)))
            for worth, move, opening in zip(worths, moves_e9, OPENING_E9, strict=True)
        )


def reverted(value: int, reach: int, sigma: int, chance: Chance, steps: int = 1) -> int:
    """Return a value that is pulled to 0 within `reach` steps and strays by sigma around it."""
    kept = max(0, reach - steps)
    return (value * kept + reach // 2) // reach + _scaled(
        chance.normal() * sigma, _fresh_e6(reach, kept)
    )


def _scaled(number: int, scale_e6: int) -> int:
    """Return a normal number times a scale, rounded to nearest so that nothing drifts."""
    return (number * scale_e6 + _SCALED_HALF) // _SCALED


@cache
def _fresh_e6(reach: int, kept: int) -> int:
    """Return how much new deviation keeps the old one's size: the root of 1 - (kept/reach)^2."""
    return isqrt((reach**2 - kept**2) * E9 * 1_000 // reach**2)
