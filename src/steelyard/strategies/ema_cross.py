"""Trend following by two exponential moving averages, which forget slowly instead of all at once.

As `SmaCross`, with TA-Lib's EMA. `margin` keeps it from trading on every touch: the averages have
to be apart by so much before it changes its mind, in either direction.
"""

from decimal import Decimal
from typing import Annotated

from steelyard.domain.errors import ConfigError
from steelyard.strategies.holding import Holding
from steelyard.strategies.indicator import Indicator
from steelyard.trading.bars import Bar
from steelyard.trading.duration import Duration
from steelyard.trading.parameters import about
from steelyard.trading.strategy import Strategy


class EmaCross(Holding):
    """Hold `size` while the fast average is above the slow one, and nothing while it is below."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of EmaCross."""

        fast: Annotated[int, about("of the fast average", unit="bars", least=2, most=100)] = 12
        slow: Annotated[int, about("of the slow average", unit="bars", least=3, most=149)] = 26
        margin: Annotated[
            Decimal,
            about("how far apart they have to be, of the slow one", unit="%", least=0, most=50),
        ] = Decimal("0.05")
        size: Annotated[Decimal, about("what it holds", unit="base", above=0)] = Decimal("0.01")
        bar: Annotated[Duration, about("how long a bar is")] = Duration("1m")
        both_ways: Annotated[bool, about("whether it goes short while the fast one is below")] = (
            False
        )

    params: Params

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        params = self.params
        if params.fast >= params.slow:
            raise ConfigError(
                f"EmaCross: fast is {params.fast} and slow is {params.slow}; fast must be smaller"
            )
        self.amount = params.size
        self._fast = Indicator("EMA", timeperiod=params.fast)
        self._slow = Indicator("EMA", timeperiod=params.slow)
        self._margin = float(params.margin) / 100
        self.indicators = (self._fast, self._slow)

    def see(self, bar: Bar) -> int | None:
        """Return the side of the trend; None while the averages are within the margin."""
        fast, slow = self._fast.see(bar), self._slow.see(bar)
        if fast is None or slow is None:
            return None
        apart = fast / slow - 1
        if abs(apart) <= self._margin:
            return None
        if apart > 0:
            return 1
        return -1 if self.params.both_ways else 0
