"""Private topics: what an event of an account is on each of them, server end.

The invariant: an order tells all there is to tell of it each time, with all the fees that it has
paid so far, and what a wallet tells is worth what it is by the last prices. An event does not know
either: so frames are events as they are, and the session that sends them makes its messages of
them, with what it asks the exchange.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Raw

from steelyard.dialects.bybit.account import prices_of, wallet_to_wire
from steelyard.dialects.bybit.executions import (
    NO_FEES,
    Fees,
    fast_to_wire,
    fees_of,
    fill_to_wire,
    order_to_wire,
)
from steelyard.dialects.bybit.frames import Topic
from steelyard.dialects.bybit.order_messages import Order as WireOrder
from steelyard.dialects.bybit.stream import encode
from steelyard.dialects.bybit.text import to_ms
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    Answer,
    BalanceEvent,
    Event,
    Execution,
    FillList,
    FillsQuery,
    OrderEvent,
    Query,
)
from steelyard.wire.dialect import Channel, ChannelKind

ORDER, EXECUTION, FAST, WALLET = "order", "execution", "execution.fast", "wallet"
DCP = "dcp"
CATEGORIES = ("spot", "linear", "inverse", "option")
KINDS = {
    ORDER: ChannelKind.ORDERS,
    EXECUTION: ChannelKind.FILLS,
    FAST: ChannelKind.FILLS,
    WALLET: ChannelKind.BALANCES,
}
# Topics of which there is nothing to tell: of contracts, and of other categories.
SILENT = frozenset(
    {"position", "greeks"}
    | {f"position.{name}" for name in CATEGORIES}
    | {f"{name}.{c}" for name in (ORDER, EXECUTION, FAST) for c in CATEGORIES[1:]}
)
DCP_SPOT = f"{DCP}.spot"
DCP_TOPICS = frozenset({DCP_SPOT, f"{DCP}.future", f"{DCP}.option"})
FILLS_MAX = 100_000

_order_event = msgspec.json.Decoder(OrderEvent)
_balance_event = msgspec.json.Decoder(BalanceEvent)


def kind_of(topic: str) -> ChannelKind | None:
    """Return what a topic is told by; None where it stays silent."""
    return KINDS.get(topic.removesuffix(".spot"))


def is_topic(topic: str) -> bool:
    """Whether there is such a topic."""
    return kind_of(topic) is not None or topic in SILENT or topic in DCP_TOPICS


def channel_of(topic: str, account_id: int) -> Channel | None:
    """Return the channel of a topic; None where it stays silent."""
    kind = kind_of(topic)
    return None if kind is None else Channel(kind, account_id=account_id)


def packed(event: Event) -> bytes | None:
    """Return an event of an account as it is."""
    return encode(event) if isinstance(event, OrderEvent | BalanceEvent) else None


class Teller:
    """Makes messages of an account's events, for one connection.

    Args:
        account_id: Whose they are.
        listings: What is listed.
        ask: Answers queries about the account.
    """

    def __init__(self, account_id: int, listings: Listings, ask: Callable[[Query], Answer]) -> None:
        self._account_id = account_id
        self._listings = listings
        self._ask = ask
        self._fees: dict[int, dict[int, int]] = {}  # of open orders that have traded
        self._count = 0

    def told(self, topic: str, payload: bytes) -> list[bytes]:
        """Return the messages of a topic that an event is."""
        name = topic.removesuffix(".spot")
        if name == WALLET:
            event = _balance_event.decode(payload)
            prices = prices_of(self._ask, self._listings)
            wallet = wallet_to_wire(event.balances, self._listings, prices)
            return [self._message(topic, wallet, event.time_ns)]
        happened = _order_event.decode(payload)
        order, fill = happened.order, happened.fill
        if name == ORDER:
            return [self._message(topic, each, happened.time_ns) for each in self._orders(happened)]
        if fill is None:
            return []
        data: Any = (
            fast_to_wire(fill, order, self._listings)
            if name == FAST
            else fill_to_wire(fill, order, self._listings, is_streamed=True)
        )
        return [self._message(topic, data, happened.time_ns)]

    def _message(self, topic: str, data: Any, time_ns: int) -> bytes:
        self._count += 1
        name = f"{self._account_id}_{time_ns}_{self._count}"
        entries = Raw(encode((data,)))
        now = to_ms(time_ns)
        return encode(Topic(topic=topic, id=name, creationTime=now, data=entries))

    def _orders(self, event: OrderEvent) -> Iterator[WireOrder]:
        """Yield the states of an order that an event is told by."""
        order = event.order
        if order.is_pending or event.execution is Execution.REJECTED:
            return  # it is not yet, or never was, an order there
        fees = self._fees_of(event)
        told = order_to_wire(order, self._listings, fees, is_streamed=True)
        if event.execution is Execution.TRIGGERED:
            triggered = order_to_wire(order, self._listings, fees, is_streamed=True)
            triggered.orderStatus = "Triggered"
            yield triggered
            if not order.order_type.has_limit:
                return
        yield told

    def _fees_of(self, event: OrderEvent) -> Fees:
        order, fill = event.order, event.fill
        if not order.filled_lots:
            return NO_FEES
        known = self._fees.get(order.order_id)
        if known is not None and fill is not None:
            known[fill.fee_asset_id] = known.get(fill.fee_asset_id, 0) + fill.fee_atoms
        elif fill is not None and fill.size_lots == order.filled_lots:
            known = {fill.fee_asset_id: fill.fee_atoms}
        elif known is None:
            known = self._asked(order)
        if order.state.is_open:
            self._fees[order.order_id] = known
        else:
            self._fees.pop(order.order_id, None)
        return known

    def _asked(self, order: Order) -> dict[int, int]:
        answer = self._ask(FillsQuery(self._account_id, FILLS_MAX, order_id=order.order_id))
        assert isinstance(answer, FillList), "a FillsQuery is answered by fills"
        return fees_of(answer.fills).get(order.order_id, {})
