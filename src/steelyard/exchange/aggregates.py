"""Public trades as aggregates: those of one taker order at one price and time, as one.

The invariant: aggregates have numbers of their own, gapless per instrument, and every trade is in
exactly one. They are not kept beside the trades but made of them: the parts of one stand next to
each other, because an order takes price after price.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from steelyard.domain.commands import Traded
from steelyard.domain.messages import AggregateTrade, Trade
from steelyard.domain.order import Side


class AggregateIds:
    """The numbers of one instrument's aggregates."""

    def __init__(self) -> None:
        self._last = 0
        self._of: tuple[int, int, int, Side] | None = None

    def number(self, command: int, effect: Traded) -> int:
        """Return the aggregate that a trade belongs to; commands have numbers that never repeat.

        A house has no order ids, but each of its commands is one taker.
        """
        of = (command, effect.taker_order_id, effect.price_ticks, effect.taker_side)
        if of != self._of:
            self._of = of
            self._last += 1
        return self._last

    def restore(self, last: int) -> None:
        """Go on behind a number."""
        self._last, self._of = last, None


def aggregates_of(trades: Iterable[Trade]) -> Iterator[AggregateTrade]:
    """Yield the aggregates that trades in their order make."""
    for aggregate_id, parts in groupby(trades, aggregate_id_of):
        whole = [*parts]
        first = whole[0]
        yield AggregateTrade(
            first.instrument_id,
            aggregate_id,
            first.price_ticks,
            sum(part.size_lots for part in whole),
            first.trade_id,
            whole[-1].trade_id,
            first.taker_side,
            first.time_ns,
        )


def aggregate_id_of(trade: Trade) -> int:
    """Return the aggregate that a trade belongs to."""
    return trade.aggregate_id
