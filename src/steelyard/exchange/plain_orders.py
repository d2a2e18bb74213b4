"""New orders as nearly everybody sends them, found to be right without the long way.

A short way through the gate (decision 0041), which refuses nothing: what a `PlainOrder` stands
for, the long way would have found right up to its place in the order of checks, and all else goes
that way. What an order's words mean is learned from the long way: of an order that it has
carried out, all but price, size and client order id is kept as a shape, after a comparison with
what the dialect read. A key is learned likewise, if nothing but its revocation or change could
make it worth less, and every key is forgotten when one is created, changed or revoked.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec import Struct

from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill
from steelyard.domain.messages import KeyKind, OrderAnswer
from steelyard.domain.order import FeeAsset, OrderType, SelfTrade, Side, TimeInForce
from steelyard.domain.units import ATOMS_PER_UNIT
from steelyard.exchange.answer_forms import AnswerForm, AnswerForms, Rested
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.history import filled_order, new_order
from steelyard.exchange.keys import KeptKey
from steelyard.wire.choice import OrderReader, order_reader
from steelyard.wire.dialect import Asker, Auth, Credentials, Dialect, Endpoint
from steelyard.wire.http import Request

encode_json = msgspec.json.Encoder().encode


class Shape(NamedTuple):
    """What orders have in common that differ in price, size and client order id alone."""

    instrument: Instrument
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    self_trade: SelfTrade
    fee_asset: FeeAsset
    endpoint: Endpoint
    parameters: Struct  # of the first of them, as the next
    asker: Asker
    window_ns: int
    ahead_ns: int
    form: AnswerForm | None  # of the answer to one that only rests
    took: dict[int, AnswerForm | None]  # to one that one trade has filled, by the fee's asset

    def place(
        self,
        account_id: int,
        price_ticks: int | None,
        size_lots: int | None,
        client_order_id: str,
    ) -> Place:
        """Return an order of this shape."""
        return Place(
            account_id,
            self.instrument.instrument_id,
            self.side,
            self.order_type,
            self.time_in_force,
            self.post_only,
            price_ticks,
            size_lots or 0,
            self.self_trade,
            self.fee_asset,
            client_order_id,
        )


class PlainOrder(NamedTuple):
    """An order that its key's owner has signed just now; everything in it is right."""

    place: Place
    shape: Shape
    kept: KeptKey
    nonce: str  # or nothing
    timestamp_ns: int

    @property
    def credentials(self) -> Credentials:
        """What of its credentials is looked at from here on: key, times and nonce."""
        shape = self.shape
        times = self.timestamp_ns, shape.window_ns, shape.ahead_ns
        return Credentials(self.kept.created.key, "", (), *times, self.nonce or None)


class PlainOrders:
    """The plain orders of one dialect."""

    def __init__(
        self, exchange: Exchange, dialect: Dialect, reader: OrderReader, endpoint: Endpoint
    ) -> None:
        """Know nothing yet, of the orders of a route."""
        assert endpoint.auth is Auth.SIGNED, "who has carried out an order has signed it"
        assert endpoint.charges is None, "what an order is charged depends on more than its shape"
        self.endpoint = endpoint
        self._exchange = exchange
        self._dialect = dialect
        self._reader = reader
        self.find = reader.read  # what is read of a request, as `OrderReader` returns it
        table = dialect.plain_orders
        spelling = None if table is None else table.spelling
        self._forms = None
        self.unusual = ""  # a header with which orders are told otherwise
        if table is not None and spelling is not None:
            self._forms = AnswerForms(spelling, table.id_marks)
            self.unusual = spelling.unusual
        exchange.keys.watch(reader.forget_keys)

    def read(self, request: Request, now_ns: int) -> PlainOrder | None:
        """Return the order that a request places, if it is a plain one; now_ns is stamps' time."""
        found = self.find(*request, now_ns)
        if found is None:
            return None
        shape, *varying, kept, nonce, timestamp_ns = found
        instrument = shape.instrument
        if self.has_changed(instrument):
            return None
        place = shape.place(kept.created.account_id, *varying)
        return PlainOrder(place, shape, kept, nonce, timestamp_ns)

    def has_changed(self, instrument: Instrument) -> bool:
        """Return whether a listing is another one than a shape's; then all are learned anew."""
        is_same = self._exchange.listings.get(instrument.instrument_id) is instrument
        if not is_same:
            self._reader.forget_shapes()
        return not is_same

    def learn(self, request: Request, asker: Callable[[KeptKey], Asker]) -> None:
        """Take in shape and key of a request that the long way has carried out."""
        credentials = self._dialect.credentials(request, self.endpoint)
        if not isinstance(credentials, Credentials) or self.unusual in request.headers:
            return
        kept = self._exchange.keys.find(credentials.key)
        if kept is None or credentials.timestamp_ns is None:
            return
        self._learn_key(kept)
        reader, target, body = self._reader, request.target, request.body
        varying = reader.unknown(target, body)
        if varying is None:
            return
        if reader.is_full():
            reader.forget_shapes()
        parameters = self._dialect.read(request, self.endpoint, {})
        asked_by = asker(kept)
        place = self.endpoint.decode(parameters, asked_by)
        if not isinstance(place, Place):
            reader.refuse(target, body)
            return
        instrument = self._exchange.listings[place.instrument_id]
        if not _is_plain(varying, instrument):
            return  # the next one of this shape may be
        if place != _again(place, varying, instrument):
            reader.refuse(target, body)
            return
        shape = Shape(
            instrument,
            place.side,
            place.order_type,
            place.time_in_force,
            place.post_only,
            place.self_trade,
            place.fee_asset,
            self.endpoint,
            parameters,
            asked_by,
            credentials.window_ns,
            credentials.ahead_ns,
            None,
            {},
        )
        shape = shape._replace(form=self._form(shape))
        reader.learn(
            target,
            body,
            shape,
            (instrument.tick_lot_atoms, instrument.lot_atoms, instrument.price_max_ticks),
            (instrument.lot_atoms, ATOMS_PER_UNIT, instrument.size_max_lots),
            (shape.window_ns, shape.ahead_ns),
        )

    def _form(self, shape: Shape) -> AnswerForm | None:
        if self._forms is None or not shape.order_type.has_limit:
            return None
        endpoint = self.endpoint

        def tell(rested: Rested) -> bytes:
            order_id, name, time_ns, price_ticks, size_lots = rested
            place = shape.place(shape.asker.account_id, price_ticks, size_lots, name)
            order = new_order(place, order_id, time_ns)
            told = endpoint.encode(OrderAnswer(order), shape.parameters, shape.asker)
            return encode_json(told)

        return self._forms.form(shape.instrument, tell)

    def took_form(self, shape: Shape, fill: Fill) -> AnswerForm | None:
        """Return the form of answers to orders that one trade has filled, as it did this one."""
        if self._forms is None:
            return None

        def tell(price_ticks: int, took: Fill) -> bytes:
            name = took.client_order_id
            place = shape.place(took.account_id, price_ticks, took.size_lots, name)
            return self.took(shape, place, took)

        return self._forms.took_form(shape.instrument, fill, tell)

    def took(self, shape: Shape, place: Place, fill: Fill) -> bytes:
        """Return the answer to an order that one trade has filled, as the dialect tells it."""
        answer = OrderAnswer(filled_order(place, fill), (fill,))
        return encode_json(self.endpoint.encode(answer, shape.parameters, shape.asker))

    def _learn_key(self, kept: KeptKey) -> None:
        created = kept.created
        is_plain = (
            created.kind is KeyKind.HMAC
            and created.dialect == self._dialect.name
            and self.endpoint.scope in created.scopes
            and not (created.ip or created.products or created.sealed_passphrase or kept.may_end)
        )
        if is_plain and not self._reader.keeps(created.key):
            self._reader.keep(created.key, self._exchange.keys.secret(kept), kept)


def plain_orders(exchange: Exchange, dialect: Dialect) -> PlainOrders | None:
    """Return what reads a dialect's plain orders; None where it has no table, or nothing can."""
    table = dialect.plain_orders
    reader = None if table is None else order_reader(table)
    if table is None or reader is None:
        return None
    for endpoint in dialect.endpoints:
        if (endpoint.method, endpoint.path) == (table.method, table.path):
            return PlainOrders(exchange, dialect, reader, endpoint)
    return None


def _is_plain(varying: tuple[str | None, ...], instrument: Instrument) -> bool:
    """Return whether price and size, where they are, are written as plain numbers."""
    price, size, _ = varying
    has_price = price is None or instrument.plain_ticks(price) is not None
    return has_price and (size is None or instrument.plain_lots(size) is not None)


def _again(place: Place, varying: tuple[str | None, ...], instrument: Instrument) -> Place:
    """Return an order with nothing but what a shape keeps of it, and what varies."""
    price, size, client_order_id = varying
    return Place(
        place.account_id,
        place.instrument_id,
        place.side,
        place.order_type,
        place.time_in_force,
        place.post_only,
        None if price is None else instrument.plain_ticks(price),
        0 if size is None else instrument.plain_lots(size) or 0,
        place.self_trade,
        place.fee_asset,
        client_order_id or "",
    )
