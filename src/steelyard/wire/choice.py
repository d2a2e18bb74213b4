"""Which readers of streams and orders and signer of orders: native ones where they are, else none.

Who gets none does it by his own Python code, which does the same.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from steelyard.wire.book import Book
from steelyard.wire.dialect import ApiKey
from steelyard.wire.plain_orders import OrderTable
from steelyard.wire.tables import OrderForm, Steps, StreamTable


class OrderReader(Protocol):
    """What reads the plain orders of a table; `_native.PlainOrders` does."""

    def keep(self, key: str, secret: bytes, owner: Any) -> None:
        """Take in what a key signs with, and whose it is."""
        ...

    def keeps(self, key: str) -> bool:
        """Whether a key has been taken in."""
        ...

    def forget_keys(self) -> None:
        """Know no key any more."""
        ...

    def forget_shapes(self) -> None:
        """Know no shape any more."""
        ...

    def is_full(self) -> bool:
        """Whether very many shapes are known."""
        ...

    def unknown(self, target: str, body: bytes) -> tuple[str | None, str | None, str | None] | None:
        """Return price, size and client order id of a request whose shape is not known."""
        ...

    def learn(
        self,
        target: str,
        body: bytes,
        kept: Any,
        price: tuple[int, int, int],
        size: tuple[int, int, int],
        times_ns: tuple[int, int],
    ) -> None:
        """Take in a request's shape, what is kept of it, steps, and how fresh a stamp must be."""
        ...

    def refuse(self, target: str, body: bytes) -> None:
        """Take in that requests of a shape are not plain."""
        ...

    def read(
        self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int
    ) -> tuple[Any, int | None, int | None, str, Any, str, int] | None:
        """Return the order that a request places, if it is plain, fresh and signed by its key.

        That is what is kept of its shape, price and size in steps, client order id, whose its key
        is, nonce and timestamp.
        """
        ...


class Reader(Protocol):
    """What reads the frames of a market stream; `wire.reader.MarketReader` does."""

    def scan(self, frame: str | bytes, now_ns: int = 0) -> tuple[Any, ...] | None:
        """Return what a frame says, None if it is none of the table's kinds, or DecodeError."""
        ...

    def receive(self, frame: str | bytes, now_ns: int = 0) -> int:
        """Take a frame into the books; return a `Told`, or raise DecodeError.

        now_ns is the time of what tells none.
        """
        ...

    def book(self, place: int) -> Book:
        """Return the book of an instrument."""
        ...

    def number(self, place: int) -> int:
        """Return the number of an instrument's next message, where they are counted."""
        ...

    @property
    def is_counted(self) -> bool:
        """Whether messages of books have no numbers, and are counted."""
        ...

    @property
    def is_wrong(self) -> bool:
        """Whether the last message had another checksum than its book."""
        ...

    @property
    def kind(self) -> int:
        """The kind of the last message, also where it was refused; 0: it was not clear."""
        ...

    @property
    def place(self) -> int:
        """The place of the instrument that the last message was of."""
        ...

    @property
    def time_ns(self) -> int:
        """The venue's time of the last message."""
        ...

    @property
    def trade(self) -> tuple[int, int, int, int, int, bool, int, int]:
        """The last trade, as `scan` returns it."""
        ...

    @property
    def trades(self) -> list[tuple[int, int, int, int, int, bool, int, int]]:
        """All trades of the last message."""
        ...

    @property
    def touch(self) -> tuple[int, int, int, int, int, int, int, int]:
        """The last touch, as `scan` returns it."""
        ...


class Signer(Protocol):
    """What fills in a form and signs; `wire.orders.OrderSigner` does."""

    def request(
        self, side: int, price_ticks: int | None, size_lots: int, client_order_id: str, now_ns: int
    ) -> bytes:
        """Return an order as bytes to send, or raise UnitError."""
        ...

    def body(
        self, side: int, price_ticks: int | None, size_lots: int, client_order_id: str, now_ns: int
    ) -> bytes:
        """Return the body alone of what `request` returns."""
        ...


def new_reader(table: StreamTable, instruments: Sequence[Steps]) -> Reader | None:
    """Return what reads frames by a table, None where no native module was built."""
    if find_spec("steelyard._native") is None:
        return None
    reader = import_module("steelyard.wire.reader")
    return cast("Reader", reader.MarketReader(table, instruments))


def new_signer(form: OrderForm, key: ApiKey) -> Signer | None:
    """Return what signs orders by a form, None where no native module was built.

    Raises:
        ConfigError: The form cannot be filled in, or the key signs by itself.
    """
    if find_spec("steelyard._native") is None:
        return None
    orders = import_module("steelyard.wire.orders")
    return cast("Signer", orders.OrderSigner(form, key))


def order_reader(table: OrderTable) -> OrderReader | None:
    """Return what reads a dialect's plain orders in one go, None where nothing does."""
    if find_spec("steelyard._native") is None:
        return None
    native = import_module("steelyard._native")
    return cast("OrderReader", native.PlainOrders(table))
