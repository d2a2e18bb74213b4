"""Momentum: what has risen is held in the hope that it goes on, what has stopped rising is sold.

How much the close has changed over the last `bars` (TA-Lib's ROC) decides: above `enter` it buys,
below `leave` it sells again. Between the two it keeps what it has, so that a price that trembles
at a threshold costs no fees.
"""

from decimal import Decimal
from typing import Annotated

from steelyard.domain.errors import ConfigError
from steelyard.domain.units import in_full
from steelyard.strategies.holding import Holding
from steelyard.strategies.indicator import Indicator
from steelyard.trading.bars import Bar
from steelyard.trading.duration import Duration
from steelyard.trading.parameters import about
from steelyard.trading.strategy import Strategy


class Momentum(Holding):
    """Hold `size` from a rise of more than `enter` on until the change is below `leave`."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of Momentum."""

        bars: Annotated[
            int, about("over how many the change is measured", unit="bars", least=1, most=800)
        ] = 30
        enter: Annotated[
            Decimal, about("a change above this is bought", unit="%", above=0, most=100)
        ] = Decimal("0.5")
        leave: Annotated[
            Decimal, about("a change below this is sold", unit="%", least=-100, most=100)
        ] = Decimal(0)
        size: Annotated[Decimal, about("what it holds", unit="base", above=0)] = Decimal("0.01")
        bar: Annotated[Duration, about("how long a bar is")] = Duration("1m")
        both_ways: Annotated[
            bool, about("whether a fall is sold short by the same thresholds, upside down")
        ] = False

    params: Params

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        params = self.params
        if params.leave >= params.enter:
            raise ConfigError(
                f"Momentum: leave is {in_full(params.leave)} and enter is "
                f"{in_full(params.enter)}; leave must be smaller"
            )
        self.amount = params.size
        self._change = Indicator("ROC", timeperiod=params.bars)
        self.indicators = (self._change,)
        self._enter, self._leave = float(params.enter), float(params.leave)

    def see(self, bar: Bar) -> int | None:
        """Return the side of a change that is large enough, 0 when it has ended."""
        change = self._change.see(bar)
        if change is None:
            return None
        if change > self._enter:
            return 1
        if self.params.both_ways and change < -self._enter:
            return -1
        return 0 if self._has_ended(change) else None

    def _has_ended(self, change: float) -> bool:
        """Whether the move that the position was taken for is over."""
        return change * self.held < self._leave
