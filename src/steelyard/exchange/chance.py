"""Seeded randomness in whole numbers: the dice of the crowd.

The generator is splitmix64, whose whole state is one 64-bit number, so a cursor can hold it.
The invariant: the same state gives the same numbers on every machine and Python. Logarithms
and powers are read from tables of 256 steps made by integer roots: good to a third of a
percent, which is plenty for dice and too coarse for money.

Source of the mixing constants: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number
Generators" (2014).
"""

from bisect import bisect_right
from math import isqrt

MASK64 = 2**64 - 1
ONE_E16 = 65_536  # fixed point with 16 binary digits
NORMAL_SIGMA = 37_837  # the standard deviation of `Chance.normal`, whose unit is arbitrary


def _root_of_two() -> int:
    """Return 2 ** (1 / 256) with 64 binary digits."""
    root = 2 << 64
    for _ in range(8):
        root = isqrt(root << 64)
    return root


def _powers() -> tuple[int, ...]:
    root, power, powers = _root_of_two(), 1 << 64, []
    for _ in range(256):
        powers.append(power >> 48)
        power = power * root >> 64
    return tuple(powers)


_EXP2_E16 = _powers()  # 2 ** (i / 256)
_LOG2_E16 = tuple(  # log2(1 + i / 256)
    (bisect_right(_EXP2_E16, ONE_E16 + i * 256) - 1) * 256 for i in range(256)
)


def exp2_e16(exponent_e16: int) -> int:
    """Return 2 to a power; both have 16 binary digits after the point."""
    whole = exponent_e16 >> 16
    power = _EXP2_E16[exponent_e16 >> 8 & 255]
    return power << whole if whole >= 0 else power >> -whole


def log2_e16(number: int) -> int:
    """Return the binary logarithm of a whole number >= 1, with 16 binary digits."""
    whole = number.bit_length() - 1
    fraction = (number << 8 >> whole) & 255
    return (whole << 16) + _LOG2_E16[fraction]


class Chance:
    """A stream of random numbers; `state` is all of it."""

    __slots__ = ("state",)

    def __init__(self, seed: int) -> None:
        """Any seed does; neighbors give unrelated streams."""
        self.state = seed & MASK64

    def word(self) -> int:
        """Return 64 random bits."""
        self.state = state = (self.state + 0x9E3779B97F4A7C15) & MASK64
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & MASK64
        state = (state ^ state >> 27) * 0x94D049BB133111EB & MASK64
        return state ^ state >> 31

    def below(self, limit: int) -> int:
        """Return a number in [0, limit), limit at most 2^32: the bias is below 2^-32."""
        return (self.word() >> 32) * limit >> 32

    def normal(self) -> int:
        """Return a nearly normal number: mean 0, standard deviation `NORMAL_SIGMA`.

        The sum of four uniforms: never beyond 3.5 standard deviations. Fat tails are the
        business of whoever needs them.
        """
        word = self.word()
        return (word & 65535) + (word >> 16 & 65535) + (word >> 32 & 65535) + (word >> 48) - 131_070

    def lognormal(self, median: int, spread_e10: int) -> int:
        """Return median times 2 to a normal power of standard deviation spread_e10 / 1024."""
        exponent_e16 = self.normal() * spread_e10 * 64 // NORMAL_SIGMA
        return median * exp2_e16(exponent_e16) >> 16


def mixed(*numbers: int) -> int:
    """Return one seed made of several numbers, all of which matter."""
    chance = Chance(0)
    for number in numbers:
        chance.state ^= number & MASK64
        chance.state = chance.word()
    return chance.state
