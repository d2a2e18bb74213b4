"""Mean reversion: what is far below its mean is bought and sold when it is back there.

How far is counted in standard deviations of the last `bars` closes (TA-Lib's BBANDS), so a nervous
market has to move farther. A price that goes on falling is left at `stop`, and then nothing is
bought until it has been at the mean again: the way in which this strategy loses is a trend.
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


class MeanReversion(Holding):
    """Hold `size` from `enter` deviations below the mean until the price is back at it."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of MeanReversion."""

        bars: Annotated[
            int, about("of which mean and deviation are", unit="bars", least=3, most=800)
        ] = 60
        enter: Annotated[
            Decimal,
            about("how far from the mean it buys", unit="deviations", above=0, most=10),
        ] = Decimal(2)
        leave: Annotated[
            Decimal,
            about("how far from the mean it sells again", unit="deviations", least=0, most=10),
        ] = Decimal(0)
        stop: Annotated[
            Decimal,
            about("how far from the mean it gives up", unit="deviations", above=0, most=100),
        ] = Decimal(4)
        size: Annotated[Decimal, about("what it holds", unit="base", above=0)] = Decimal("0.01")
        bar: Annotated[Duration, about("how long a bar is")] = Duration("1m")
        both_ways: Annotated[bool, about("whether what is far above is sold short")] = False

    params: Params

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        params = self.params
        if not params.leave < params.enter < params.stop:
            raise ConfigError(
                f"MeanReversion: leave {in_full(params.leave)}, enter {in_full(params.enter)} and "
                f"stop {in_full(params.stop)} must be in this order, each farther from the mean"
            )
        self.amount = params.size
        self._bands = Indicator("BBANDS", timeperiod=params.bars, nbdevup=1.0, nbdevdn=1.0)
        self.indicators = (self._bands,)
        self._enter, self._leave = float(params.enter), float(params.leave)
        self._stop = float(params.stop)
        self._given_up = 0  # the side that lost, until the price has been at the mean again

    def see(self, bar: Bar) -> int | None:
        """Return the side of the way back to the mean, 0 when it has been gone or given up."""
        bands = self._bands.see(bar)
        if bands is None:
            return None
        upper, mean, _ = bands
        deviation = upper - mean
        away = (bar.close - mean) / deviation if deviation > 0 else 0.0
        far, side = abs(away), (-1 if away > 0 else 1)
        if far <= self._leave or side != self._given_up:
            self._given_up = 0
        if far >= self._stop:
            self._given_up = side
        if far <= self._leave or side == self._given_up:
            return 0
        if far >= self._enter:
            return side if side > 0 or self.params.both_ways else 0
        return None if self.held == side else 0
