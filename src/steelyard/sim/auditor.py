"""What a client that only listens believes, and the auditor who holds it against the exchange.

A `Belief` looks things up when it begins and from then on learns from its stream alone. Once its
connection has broken it no longer claims to be right, until it has asked for its open orders and
its balances again. The auditor compares all that is believed with what the exchange has, and adds
what the audit of the exchange's own books found. Nothing here changes anything.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    AccountAnswer,
    AssetBalance,
    BalanceEvent,
    Event,
    Execution,
    OrderAnswer,
    OrderEvent,
    OrderList,
    OrderQuery,
    OrdersQuery,
)
from steelyard.sim.words import LIST_MAX, Words
from steelyard.trading.books import BookView

ORDERS, BALANCES = "orders", "balances"


class Belief:
    """What one participant believes of its account.

    Attributes:
        account: Whose it is.
        orders: By the venue's number, those that have ended too.
        balances: By asset id.
        unsure: What it has to ask for before it can be right again.
    """

    def __init__(self, account: str) -> None:
        self.account = account
        self.orders: dict[int, Order] = {}
        self.balances: dict[int, AssetBalance] = {}
        self.unsure: set[str] = {ORDERS, BALANCES}

    def lose(self) -> None:
        """The connection has broken: what happens from here on is not heard."""
        self.unsure = {ORDERS, BALANCES}

    def hear(self, event: Event) -> None:
        """Take what a stream told."""
        if isinstance(event, OrderEvent):
            if event.execution is Execution.TRIGGERED:
                self._succeed(event.order)
            self.orders[event.order.order_id] = event.order
        elif isinstance(event, BalanceEvent):
            self.balances.update((b.asset_id, b) for b in event.balances)

    def _succeed(self, order: Order) -> None:
        """Some venues give an order another number when it is triggered: it is the same one."""
        name = order.client_order_id
        for number, known in [*self.orders.items()]:
            if name and known.client_order_id == name and known.waits and number != order.order_id:
                del self.orders[number]

    def learn(self, message: Any, answer: Any) -> None:
        """Take an answer that was asked for: all open orders, all balances, or one order.

        Answers to commands teach nothing here: who only listens has not seen them.
        """
        match answer:
            case OrderList(orders) if isinstance(message, OrdersQuery) and message.open_only:
                ended = {n: order for n, order in self.orders.items() if not order.state.is_open}
                self.orders = ended | {order.order_id: order for order in orders}
                self.unsure.discard(ORDERS)
            case AccountAnswer():
                self.balances = {b.asset_id: b for b in answer.balances}
                self.unsure.discard(BALANCES)
            case OrderAnswer(order) if isinstance(message, OrderQuery):
                self.orders[order.order_id] = order
            case _:
                pass

    def named(self, client_order_id: str) -> Order | None:
        """Return the newest order of a name."""
        numbers = (n for n, o in self.orders.items() if o.client_order_id == client_order_id)
        number = max(numbers, default=None)
        return None if number is None else self.orders[number]

    def open_orders(self) -> list[Order]:
        """Return the orders that are believed to be open."""
        return [order for order in self.orders.values() if order.state.is_open]


class Truth(NamedTuple):
    """What the exchange has, of the accounts and the instrument of one dialogue.

    differences are what its own audit found; levels are (price_ticks, size_lots), best first.
    """

    open_orders: Mapping[str, tuple[Order, ...]]  # by account
    balances: Mapping[str, tuple[AssetBalance, ...]]
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    differences: tuple[str, ...] = ()


def differences(
    truth: Truth, beliefs: Mapping[str, Belief], book: BookView, words: Words
) -> Iterator[str]:
    """Yield what is believed and is not so, and what is wrong in the books themselves."""
    yield from truth.differences
    for name, belief in beliefs.items():
        if ORDERS not in belief.unsure:
            yield from _of_orders(name, belief, truth.open_orders[belief.account], words)
        if BALANCES not in belief.unsure:
            yield from _of_balances(name, belief, truth.balances[belief.account], words)
    if book.gaps:
        yield f"the market's stream has left out something: {book.gaps} gaps in its numbers"
    believed = words.book(book.bids.first(LIST_MAX), book.asks.first(LIST_MAX))
    there = words.book(truth.bids[:LIST_MAX], truth.asks[:LIST_MAX])
    if believed != there:
        yield f"the book is believed to be {believed}, and is {there}"


def _of_orders(name: str, belief: Belief, there: Iterable[Order], words: Words) -> Iterator[str]:
    real = {order.order_id: words.order(order) for order in there}
    # Some venues give an order that waits for its price a number of its own.
    called = {order.client_order_id: order.order_id for order in there if order.waits}
    believed = {
        called.get(order.client_order_id, order.order_id)
        if order.waits and order.order_id not in real
        else order.order_id: words.order(order)
        for order in belief.open_orders()
    }
    for number in sorted({*believed, *real}):
        if number not in believed:
            yield f"{name} knows nothing of the open order {real[number]}"
        elif number not in real:
            yield f"{name} believes {believed[number]}, but that order is not open"
        elif believed[number] != real[number]:
            yield f"{name} believes {believed[number]}, and it is {real[number]}"


def _of_balances(
    name: str, belief: Belief, there: Iterable[AssetBalance], words: Words
) -> Iterator[str]:
    believed, real = words.balances(belief.balances.values()), words.balances(there)
    if believed != real:
        yield f"{name} believes to have {believed or 'nothing'}, and has {real or 'nothing'}"
