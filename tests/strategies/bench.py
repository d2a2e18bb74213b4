"""Unit tests of a trading idea: a strategy at a desk, plain events, and its wishes."""

from decimal import Decimal
from typing import Any

from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS
from steelyard.trading.bars import Bar
from steelyard.trading.duration import Duration
from steelyard.trading.strategy import Desk, Position, Strategy, Timer

BTC_USDT = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)


class Bench:
    """Feeds a strategy and returns what it wants."""

    def __init__(self, strategy: Strategy, history: list[str] = ()) -> None:  # type: ignore[assignment]
        self.strategy = strategy
        self.desk = Desk(BTC_USDT)
        self.desk.now_ns = 1_700_000_000 * SECOND_NS
        self.desk.history = [self.bar(price) for price in history]
        strategy.bind(self.desk)
        strategy.on_start()

    def hold(self, size: str) -> None:
        """Let the position be this."""
        sign = -1 if size.startswith("-") else 1
        amount = Decimal(size.lstrip("-"))
        lots = BTC_USDT.size_lots(amount) * sign if amount else 0
        self.desk.position = Position(BTC_USDT, lots)

    def timer(self, price: str | None) -> list[Any]:
        """Let a timer fire at a price, and return the wishes."""
        self.desk.last_ticks = None if price is None else BTC_USDT.price_ticks(Decimal(price))
        self.strategy.on_timer(Timer(Duration("60s"), self.desk.now_ns))
        return self.desk.drain()

    def close(self, price: str) -> list[Any]:
        """Let a bar close at a price, and return the wishes."""
        self.strategy.on_bar(self.bar(price))
        return self.desk.drain()

    def bar(self, price: str) -> Bar:
        """Return a flat bar."""
        ticks = BTC_USDT.price_ticks(Decimal(price))
        return Bar(BTC_USDT, SECOND_NS, self.desk.now_ns, ticks, ticks, ticks, ticks)
