"""Who takes in a crowd: noise, momentum and mean reversion, in bursts.

Each taker makes the next ones likelier for some seconds (a self-exciting process), so trades
come in bursts. Noise takers tend to repeat their last side, as split orders do; momentum takers
follow the last seconds, mean-reversion takers bet against the last half minute. Sizes are
log-normal. What takers buy the makers are short of, so they quote higher until they have got
rid of it: `push` is the sum of three such inventories that fade at different speeds. That is
all the impact there is, for the crowd's takers and for users alike.
"""

from math import isqrt
from typing import NamedTuple

from steelyard.domain.order import Side
from steelyard.exchange.chance import Chance
from steelyard.exchange.fair import STEPS_PER_SECOND

_FADE_STEPS = (24, 110, 800)
_FADE_E2 = (45, 28, 12)  # of an impact, the rest stays
STAYS_E2 = 15
_PUSH_MAX_E9 = 30_000_000  # 3 %

_SUBSTEPS = 4  # at most as many takers in a step
_BITS = 65_535
# Each taker makes 0.75 others likelier within about two seconds: most of them few, some many.
_FEEDBACK_E16 = (110, 1_690)
_FEEDBACK_STEPS = 40
EXCITED_E2 = 370  # so takers are as many times those that come by themselves, in percent
_EXCITED_MAX_E16 = 16_000
_MEDIANS_LINEAR = 60  # an impact grows with the size up to so many medians, then with its root

_QUICK_STEPS = 80  # what momentum takers look at
_SLOW_STEPS = 500  # what mean-reversion takers look at
_MOMENTUM_E4, _REVERSION_E4 = 3, 6  # of 16 takers 3 follow momentum, 3 bet on reversion
_REPEAT_E3 = 3  # of 8 noise takers repeat the last side
_SPREAD_E10 = 2_200  # log-normal: a standard deviation is 2^2.15


class Appetite(NamedTuple):
    """How takers behave on one instrument.

    Attributes:
        rate_e3: Takers per second times 1000 that come by themselves; with those that they
            excite it is 4 times as many.
        median_lots: Half of them want less.
        impact_e9: How far a median size moves the makers, relative, times 1e9.
    """

    rate_e3: int
    median_lots: int
    impact_e9: int


class Takers:
    """The takers of one instrument, and the mark that they leave on its makers."""

    __slots__ = ("appetite", "chance", "excited_e8", "fading_e9", "last", "quick", "slow")

    def __init__(self, appetite: Appetite, chance: Chance) -> None:
        self.appetite = appetite
        self.chance = chance
        self.last = Side.BUY
        self.excited_e8 = 0
        self.fading_e9 = [0, 0, 0]
        self.quick = 0  # averages of the worth, in thousandths of a tick
        self.slow = 0

    def push_e9(self) -> int:
        """Return how far the makers' inventories shift their quotes, relative, times 1e9."""
        push = self.fading_e9[0] + self.fading_e9[1] + self.fading_e9[2]
        return max(-_PUSH_MAX_E9, min(_PUSH_MAX_E9, push))

    def fade(self) -> None:
        """Let a step pass: inventories shrink, excitement ebbs."""
        a, b, c = self.fading_e9
        self.fading_e9 = [
            a - _toward_zero(a, _FADE_STEPS[0]),
            b - _toward_zero(b, _FADE_STEPS[1]),
            c - _toward_zero(c, _FADE_STEPS[2]),
        ]
        self.excited_e8 -= self.excited_e8 // _FEEDBACK_STEPS

    def coming(self, busy_e16: int) -> int:
        """Return how many takers come in this step; busy_e16 is 65536 at ordinary times."""
        likely = self.appetite.rate_e3 * busy_e16 // (1_000 * STEPS_PER_SECOND * _SUBSTEPS)
        likely += self.excited_e8 >> 8
        word = self.chance.word()
        return (
            ((word & _BITS) < likely)
            + ((word >> 16 & _BITS) < likely)
            + ((word >> 32 & _BITS) < likely)
            + ((word >> 48) < likely)
        )

    def excite(self, *, is_news: bool = False) -> None:
        """Make takers likelier, as a taker does; news always excites many."""
        few, many = _FEEDBACK_E16
        more = many if is_news or self.chance.word() & 7 == 0 else few
        self.excited_e8 = min(self.excited_e8 + (more << 8), _EXCITED_MAX_E16 << 8)

    def wish(self, worth_milli: int) -> tuple[Side, int]:
        """Return what the next taker wants: a side and a size in lots."""
        word = self.chance.word()
        kind = word & 15
        if kind < _MOMENTUM_E4 and self.quick:
            side = Side.BUY if worth_milli >= self.quick else Side.SELL
        elif kind < _REVERSION_E4 and self.slow:
            side = Side.SELL if worth_milli >= self.slow else Side.BUY
        elif word >> 4 & 7 < _REPEAT_E3:
            side = self.last
        else:
            side = Side.BUY if word >> 8 & 1 else Side.SELL
        self.last = side
        return side, self.chance.lognormal(self.appetite.median_lots, _SPREAD_E10) + 1

    def watch(self, worth_milli: int) -> None:
        """Let the averages follow the worth."""
        if not self.slow:
            self.quick = self.slow = worth_milli
        self.quick += _toward_zero(worth_milli - self.quick, _QUICK_STEPS)
        self.slow += _toward_zero(worth_milli - self.slow, _SLOW_STEPS)

    def press(self, side: Side, size_lots: int) -> int:
        """Let a trade of takers move the makers; return the move that stays, times 1e9."""
        median = self.appetite.median_lots
        linear = median * _MEDIANS_LINEAR
        if size_lots > linear:
            size_lots = isqrt(linear * size_lots)
        move = side * (size_lots * self.appetite.impact_e9 // median)
        for at, share in enumerate(_FADE_E2):
            self.fading_e9[at] += move * share // 100
        return move * STAYS_E2 // 100

    def numbers(self) -> tuple[int, ...]:
        """Return the state for a cursor."""
        return (*self.fading_e9, self.excited_e8, int(self.last), self.quick, self.slow)

    def restore(self, numbers: tuple[int, ...]) -> None:
        """Go on from a cursor's numbers."""
        *fading, self.excited_e8, last, self.quick, self.slow = numbers
        self.fading_e9 = list(fading)
        self.last = Side(last)


def _toward_zero(number: int, divisor: int) -> int:
    """Divide, rounding toward zero on both sides, so that nothing drifts."""
    return number // divisor if number >= 0 else -(-number // divisor)
