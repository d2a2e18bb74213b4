"""Trend following by two moving averages: long while the fast one is above the slow one.

At each closed bar it compares the position that it has with the one that it wants, instead of
trading on the moment of crossing; so an order that was refused or never arrived is made up for
at the next bar. With `both_ways` it also goes short while the fast average is below: on a spot
market that is selling what the account holds, to buy it back lower. It waits while an order of
its own is open, and it does not top up: what a fee took from the size is not bought again.
"""

from collections import deque
from decimal import Decimal
from typing import Annotated

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.units import Lots
from steelyard.trading.bars import Bar
from steelyard.trading.duration import Duration
from steelyard.trading.parameters import about
from steelyard.trading.strategy import Strategy


class SmaCross(Strategy):
    """Hold `size` while the mean of the last `fast` closes is above that of the last `slow`.

    Where it is below, hold nothing, or with `both_ways` be short by the same size.
    """

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of SmaCross."""

        fast: Annotated[int, about("of the fast average", unit="bars")] = 10
        slow: Annotated[int, about("of the slow average", unit="bars")] = 30
        size: Annotated[Decimal, about("what it holds", unit="base", above=0)] = Decimal("0.01")
        bar: Annotated[Duration, about("how long a bar is")] = Duration("1m")
        both_ways: Annotated[bool, about("whether it goes short while the fast one is below")] = (
            False
        )

    params: Params

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        if not 0 < self.params.fast < self.params.slow:
            raise ConfigError(
                f"SmaCross: fast is {self.params.fast} and slow is {self.params.slow}; "
                "fast must be smaller, and above zero"
            )
        self._closes: deque[int] = deque(maxlen=self.params.slow)

    def check(self, instrument: Instrument) -> None:
        """The size is in whole lots and within the limits."""
        instrument.size_lots(self.params.size)

    @property
    def history_bars(self) -> int:
        """Enough to know both averages at the start."""
        return self.params.slow

    def on_warm_up(self, bar: Bar) -> None:
        """Take a bar of the past, so that the first new one can be acted on."""
        self._closes.append(bar.close_ticks)

    def on_bar(self, bar: Bar) -> None:
        """Compare the averages and trade to the position that follows."""
        self._closes.append(bar.close_ticks)
        if len(self._closes) < self.params.slow or self.open_orders:
            return
        trend, has = self.trend, self.position.lots
        size = self.instrument.size_lots(self.params.size)
        if trend > 0 and has <= 0:
            self.buy(Lots(size - has))
        elif trend < 0 and self.params.both_ways and has >= 0:
            self.sell(Lots(size + has))
        elif trend <= 0 and not self.params.both_ways and has > 0:
            self.sell(Lots(has))

    @property
    def trend(self) -> int:
        """The sign of the fast average minus the slow one; whole numbers, no rounding."""
        fast, slow = self.params.fast, self.params.slow
        closes = [*self._closes]
        difference = sum(closes[-fast:]) * slow - sum(closes) * fast
        return (difference > 0) - (difference < 0)
