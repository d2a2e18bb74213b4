"""Trend following by two moving averages: long while the fast one is above the slow one.

At each closed bar it compares the position that it has with the one that it wants, instead of
trading on the moment of crossing; so an order that was refused or never arrived is made up for
at the next bar. It waits while an order of its own is open, and it does not top up: what a fee
took from the size is not bought again.
"""

from collections import deque
from decimal import Decimal

from steelyard.domain.errors import ConfigError
from steelyard.domain.units import Lots
from steelyard.trading.bars import Bar
from steelyard.trading.duration import Duration
from steelyard.trading.strategy import Strategy


class SmaCross(Strategy):
    """Hold `size` while the mean of the last `fast` closes is above that of the last `slow`."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of SmaCross."""

        fast: int = 10  # bars
        slow: int = 30  # bars
        size: Decimal = Decimal("0.01")  # base
        bar: Duration = Duration("1m")

    params: Params

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        if not 0 < self.params.fast < self.params.slow:
            raise ConfigError(
                f"SmaCross: fast is {self.params.fast} and slow is {self.params.slow}; "
                "fast must be smaller, and above zero"
            )
        self._closes: deque[int] = deque(maxlen=self.params.slow)

    @property
    def history_bars(self) -> int:
        """Enough to know both averages at the start."""
        return self.params.slow

    def on_start(self) -> None:
        """Take the bars of the past, so that the first new one can be acted on."""
        for bar in self.history:
            self._closes.append(bar.close_ticks)

    def on_bar(self, bar: Bar) -> None:
        """Compare the averages and trade to the position that follows."""
        self._closes.append(bar.close_ticks)
        if len(self._closes) < self.params.slow or self.open_orders:
            return
        wanted = self.instrument.size_lots(self.params.size) if self.is_rising else 0
        missing = wanted - self.position.lots
        if missing > 0 and self.position.lots <= 0:
            self.buy(Lots(missing))
        elif missing < 0 and not wanted and self.position.lots > 0:
            self.sell(Lots(-missing))

    @property
    def is_rising(self) -> bool:
        """Whether the fast average is above the slow one; whole numbers, no rounding."""
        fast, slow = self.params.fast, self.params.slow
        closes = [*self._closes]
        return sum(closes[-fast:]) * slow > sum(closes) * fast
