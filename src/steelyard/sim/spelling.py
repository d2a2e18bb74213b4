"""Names and answers of a dialogue, over dialects that take not every name or do not say it all.

Some venues take only client order ids of their own form: the names of a dialogue are then sent as
ids that the dialect prints, and read back. Some answer a command before they have carried it out:
what has become of its orders is then asked for, as a client would. An order to add liquidity that
was taken up so, and canceled because it would have taken, is a refusal in a dialogue. Some answer a
query in parts: all of them are asked for.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, PlaceGroup, UserCommand
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    SECOND_NS,
    Acknowledged,
    Event,
    FillList,
    FillsQuery,
    OrderAnswer,
    OrderEvent,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Query,
    Refused,
)
from steelyard.domain.order import CancelCause, OrderType, RejectReason, Side, TimeInForce
from steelyard.wire.dialect import ApiKey, ClientEnd, Dialect, Parted
from steelyard.wire.outcome import Answered, Outcome

NAME = "mine-1"  # as dialogues call their orders
LIST_MAX = 100

Ask = Callable[[Query], Outcome]


class Spelling:
    """The names of one dialogue as a dialect takes them."""

    def __init__(self, dialect: Dialect, listings: Listings) -> None:
        self._dialect = dialect
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._is_plain = _takes(dialect, listings, NAME)
        self._begun: set[int] = set()  # orders that were told of, where some are taken up in vain

    def spelled(self, message: Any) -> Any:
        """Return a message with names as the dialect takes them."""
        if self._is_plain:
            return message
        if isinstance(message, PlaceGroup):
            return replace(message, places=tuple(map(self.spelled, message.places)))
        name = getattr(message, "client_order_id", None)
        return replace(message, client_order_id=self._id_of(name)) if name else message

    def read(self, outcome: Outcome) -> Outcome:
        """Return an outcome with the names of the dialogue."""
        if self._is_plain or not isinstance(outcome, Answered):
            return outcome
        match outcome.answer:
            case OrderAnswer() as answer:
                fills = tuple(map(self.named, answer.fills))
                return Answered(replace(answer, order=self.named(answer.order), fills=fills))
            case OrderList() as answer:
                return Answered(replace(answer, orders=tuple(map(self.named, answer.orders))))
            case FillList() as answer:
                return Answered(replace(answer, fills=tuple(map(self.named, answer.fills))))
            case _:
                return outcome

    def heard(self, events: Iterable[Event]) -> list[Event]:
        """Return events with the names of the dialogue."""
        return [self._event(event) for event in events if not self._is_refusal(event)]

    def _is_refusal(self, event: Event) -> bool:
        """Whether an event is about an order that was taken up and canceled at once."""
        if self._dialect.answers_in_full or not isinstance(event, OrderEvent):
            return False
        is_first = event.order.order_id not in self._begun
        self._begun.add(event.order.order_id)
        return is_first and _would_take(event.order)

    def _event(self, event: Event) -> Event:
        if self._is_plain or not isinstance(event, OrderEvent):
            return event
        fill = None if event.fill is None else self.named(event.fill)
        return replace(event, order=self.named(event.order), fill=fill)

    def named(self, told: Any) -> Any:
        """Return an order or a fill under its name in the dialogue."""
        name = self._names.get(told.client_order_id)
        return told if name is None else replace(told, client_order_id=name)

    def _id_of(self, name: str) -> str:
        if name not in self._ids:
            number = int.from_bytes(name.encode()[:15])
            self._ids[name] = self._dialect.client.client_order_id(number)
            self._names[self._ids[name]] = name
        return self._ids[name]


def asked_whole(client: ClientEnd, query: Query, ask: Ask) -> Outcome:
    """Ask a query, and where the answer has parts for all of them."""
    outcome = ask(query)
    if not isinstance(client, Parted) or not isinstance(outcome, Answered):
        return outcome
    parts = [outcome.answer]
    while (next_query := client.further(query, parts)) is not None:
        outcome = ask(next_query)
        if not isinstance(outcome, Answered):
            return outcome
        parts.append(outcome.answer)
    return Answered(client.joined(query, parts))


def _would_take(order: Order) -> bool:
    return order.cancel_cause is CancelCause.POST_ONLY_WOULD_TAKE and not order.filled_lots


def completed(message: UserCommand | Query, carry_out: Callable[[], Outcome], ask: Ask) -> Outcome:
    """Carry out a message, and ask for what its answer does not say."""
    listed: Outcome | None = None
    if isinstance(message, CancelAll):
        listed = ask(OrdersQuery(0, LIST_MAX, message.instrument_id, open_only=True))
    outcome = carry_out()
    if not isinstance(outcome, Answered):
        return outcome
    match message, outcome.answer:
        case Place(), OrderAnswer(order):
            here = order.instrument_id
            now = _found(OrderQuery(0, here, order.order_id), ask)
            fills = ask(FillsQuery(0, LIST_MAX, here, order.order_id))
            if isinstance(now, Answered) and isinstance(now.answer, OrderAnswer):
                if _would_take(now.answer.order):
                    why = "it was taken up, and canceled at once"
                    return Answered(Refused(RejectReason.POST_ONLY_WOULD_TAKE, why))
                told = fills.answer if isinstance(fills, Answered) else None
                found = told.fills if isinstance(told, FillList) else ()
                return Answered(OrderAnswer(now.answer.order, found))
            return now
        case Cancel(), Acknowledged():
            named = message.order_id or None, message.client_order_id
            return _found(OrderQuery(0, message.instrument_id, *named), ask)
        case Amend(), Acknowledged():
            return ask(OrderQuery(0, message.instrument_id, message.order_id))
        case OrderQuery(client_order_id=str(name)), Refused(reason=RejectReason.UNKNOWN_ORDER):
            # By its name an order may be found in one of two lists alone.
            return _named(name, ask) or outcome
        case CancelAll(), Acknowledged():
            orders = []
            open_before = listed.answer if isinstance(listed, Answered) else None
            for was in open_before.orders if isinstance(open_before, OrderList) else ():
                now = _found(OrderQuery(0, was.instrument_id, was.order_id), ask)
                if isinstance(now, Answered) and isinstance(now.answer, OrderAnswer):
                    orders.append(now.answer.order)
            return Answered(OrderList(tuple(orders)))
        case _:
            return outcome


def _found(query: OrderQuery, ask: Ask) -> Outcome:
    """Ask for an order in the list where it should be, or else in the other one."""
    outcome = ask(query)
    match outcome:
        case Answered(answer=Refused(reason=RejectReason.UNKNOWN_ORDER)):
            return ask(replace(query, has_ended=True))
        case _:
            return outcome


def _named(name: str, ask: Ask) -> Outcome | None:
    """Return the order of a name as the list of all has it."""
    listed = ask(OrdersQuery(0, LIST_MAX))
    orders = listed.answer if isinstance(listed, Answered) else None
    known = orders.orders if isinstance(orders, OrderList) else ()
    return next((Answered(OrderAnswer(o)) for o in known if o.client_order_id == name), None)


def _takes(dialect: Dialect, listings: Listings, name: str) -> bool:
    """Whether a dialect takes a client order id like this."""
    limit = (OrderType.LIMIT, TimeInForce.GTC, False)
    place = Place(0, 0, Side.BUY, *limit, 1, 1, client_order_id=name)
    try:
        dialect.client.request(place, listings, ApiKey("key", b"secret"), SECOND_NS)
    except Unsupported:
        return False
    return True
