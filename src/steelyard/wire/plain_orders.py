"""How a dialect's new orders look as nearly everybody sends them, as a table for `rust/server`.

The table says which names vary from order to order and what is signed, nothing else. What the
rest of an order means, its *shape*, is learned from the dialect's own reading of the first one
(`exchange/plain_orders.py`). A dialect that hands a table down promises two things: orders whose
parameters differ in what varies alone differ in that alone, and the answer to one depends on no
more of its parameters than its shape, and not on who asks, or when: it is told by the order.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from steelyard.domain.instrument import Instrument


class Signed(IntEnum):
    """A piece of what is signed; the numbers are those of `rust/server`."""

    TIMESTAMP = 1  # these two as they were sent
    NONCE = 2
    METHOD = 3
    TARGET = 4
    PARAMETERS = 5  # without a signature that stands among them


class Spelling(NamedTuple):
    """How a dialect's answers spell numbers of an order: texts of prices and sizes, and times.

    Attributes:
        price, size: Of ticks and lots.
        amount: Of an asset, of atoms.
        average: Of an instrument's quote atoms by lots; None where answers have none.
        time_ns: What times are counted in.
        unusual: A header with which answers are told otherwise, or nothing.
    """

    price: Callable[[Instrument, int], str]
    size: Callable[[Instrument, int], str]
    amount: Callable[[int], str]
    average: Callable[[Instrument, int, int], str | None] | None = None
    time_ns: int = 1_000_000
    unusual: str = ""


class OrderTable(NamedTuple):
    """A route on which orders are placed, signed by HMAC-SHA256 in lower-case hexadecimal.

    Attributes:
        method, path: Of the route, whose path captures nothing.
        is_json: The parameters are a flat JSON object in the body, and what proves them is in
            headers. Else they are a form, in body or query, with timestamp and signature in it.
        price, size, client_order_id: What of the parameters varies.
        id_marks: What a client order id may have besides letters and digits.
        id_bytes_max, id_begins_not: How long one may be, and how it does not begin.
        digits_max: Of a number, before its point and behind it.
        signed: What is signed, in its order.
        key, nonce, timestamp, signature: Headers in lower case; in a form the last two are
            parameters. A timestamp is in milliseconds; without a nonce that is an empty name.
        nonce_bytes_max: How long a nonce may be, of letters, digits, - and _.
        spelling: What answers to orders that only rest are filled in with; None: they are not.
    """

    method: str
    path: str
    is_json: bool
    price: str
    size: str
    client_order_id: str
    id_marks: str
    id_bytes_max: int
    id_begins_not: str
    digits_max: tuple[int, int]
    signed: tuple[Signed, ...]
    key: str
    timestamp: str
    signature: str
    nonce: str = ""
    nonce_bytes_max: int = 0
    spelling: Spelling | None = None
