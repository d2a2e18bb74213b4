"""A strategy of one's own: sell what RSI calls bought too much, buy it back when it is calm.

steelyard trade fade.toml            trade it, from the folder of this file
python -m pytest test_fade.py        look at what it decides
"""

from decimal import Decimal
from typing import Annotated

from steelyard.strategies.indicator import Indicator
from steelyard.trading.bars import Bar
from steelyard.trading.duration import Duration
from steelyard.trading.parameters import about
from steelyard.trading.strategy import Strategy


class Fade(Strategy):
    """Short `size` from an RSI above `high` until it is below `low`."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of Fade."""

        high: Annotated[Decimal, about("it sells above this", above=50, most=100)] = Decimal(70)
        low: Annotated[Decimal, about("it buys back below this", least=0, most=60)] = Decimal(50)
        size: Annotated[Decimal, about("of a position", unit="base", above=0)] = Decimal("0.01")
        bar: Annotated[Duration, about("how long a bar is")] = Duration("1m")

    params: Params

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        self.rsi = Indicator("RSI", timeperiod=14)

    @property
    def history_bars(self) -> int:
        """So much of the past is told before the start."""
        return self.rsi.bars

    def on_warm_up(self, bar: Bar) -> None:
        """The past is shown to the indicator."""
        self.rsi.see(bar)

    def on_bar(self, bar: Bar) -> None:
        """Decide by the bar that has closed."""
        rsi = self.rsi.see(bar)
        if rsi is None or self.open_orders:
            return
        if rsi > self.params.high and self.position.is_flat:
            self.sell(self.params.size)
        elif rsi < self.params.low and self.position.lots < 0:
            self.buy(-self.position.size)
