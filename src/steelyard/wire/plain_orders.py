"""How a dialect's new orders look as nearly everybody sends them, as a table for `rust/server`.

The table says which names vary from order to order and what is signed, nothing else. What the
rest of an order means, its *shape*, is learned from the dialect's own reading of the first one
(`exchange/plain_orders.py`). A dialect that hands a table down promises two things: orders whose
parameters differ in what varies alone differ in that alone, and the answer to one depends on no
more of its parameters than its shape, and not on who asks, or when: it is told by the order.
"""

from enum import IntEnum
from typing import NamedTuple


class Signed(IntEnum):
    """A piece of what is signed; the numbers are those of `rust/server`."""

    TIMESTAMP = 1  # these two as they were sent
    NONCE = 2
    METHOD = 3
    TARGET = 4
    PARAMETERS = 5  # without a signature that stands among them


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
