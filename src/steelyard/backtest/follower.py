"""Targets of a function of arrays, traded by a strategy: the way of the machine, with limits heard.

It needs no frames, so a run that has none of them does not load what makes them.
"""

import numpy as np

from steelyard.backtest.columns import Ints
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import RejectReason
from steelyard.trading.bars import Bar
from steelyard.trading.orders import OwnOrder
from steelyard.trading.strategy import Intent, Strategy

_SHUT = (
    RejectReason.MARKET_MAINTENANCE,
    RejectReason.MARKET_HALTED,
    RejectReason.MARKET_CANCEL_ONLY,
    RejectReason.MARKET_POST_ONLY,
)


class Follower(Strategy):
    """Trades to targets in lots, a row a bar: what the machine does by itself, with limits heard.

    Where a target stays, what is missing is ordered again at the next bar if an order has filled in
    part, or the market took none; once everything sent is over. What was refused for any other
    reason, by a limit too, is not tried again before the target changes.
    """

    def __init__(self, targets: Ints | None = None) -> None:
        super().__init__()
        self.targets: Ints = np.empty(0, np.int64) if targets is None else targets
        self._at = self._wanted = 0
        self._sent: list[Intent] = []  # those that say whether more is to be sent
        self._over: dict[str, OwnOrder] = {}

    def on_order(self, order: OwnOrder) -> None:
        """Remember what has become of an order."""
        if order.state >= OrderState.FILLED and self._sent:
            self._over[order.place.client_order_id] = order

    def on_bar(self, bar: Bar) -> None:  # noqa: ARG002 the arrays have seen it
        """Order what the target is more, or less, than what is held and on its way."""
        target, self._at = int(self.targets[self._at]), self._at + 1
        if target != self._wanted:
            self._wanted = target
            while self._sent and self._is_over(self._sent[0]):
                self._sent.pop(0)
        elif not self._sent or not self._falls_short():
            return
        if not self._sent:
            self._over.clear()
        coming = sum(order.exposed_lots * int(order.place.side) for order in self.open_orders)
        lots = target - self.position.lots - coming
        if lots > 0:
            self._sent.append(self.buy(self.instrument.size(lots)))
        elif lots < 0:
            self._sent.append(self.sell(self.instrument.size(-lots)))

    def _is_over(self, sent: Intent) -> bool:
        return sent.refusal is not None or sent.client_order_id in self._over

    def _falls_short(self) -> bool:
        """Return whether what was sent is over and has not led to the target; once of it."""
        if not all(map(self._is_over, self._sent)):
            return False
        ended = [self._over.get(sent.client_order_id or "") for sent in self._sent]
        self._sent.clear()
        last = ended[-1]
        is_refused = last is None or (
            last.state is OrderState.REJECTED and not _has_fallen_short(last)
        )
        return not is_refused and any(map(_has_fallen_short, ended))


def _has_fallen_short(order: OwnOrder | None) -> bool:
    """Return whether an order ended unfilled for a reason that may be gone by the next bar."""
    if order is None:
        return False
    return order.state is OrderState.EXPIRED or (
        order.state is OrderState.REJECTED and order.reject_reason in _SHUT
    )
