"""The beginner's tutorial: what its program sends and hears otherwise than the venue's clients.

A key of the kind `tutorial` signs in the simpler way of auth.py. With it, an order may say
`order_type` where the venue says `type`, and what filled at once is answered so (`done`, with its
`executed_value`), where the venue only says that the order was taken up.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from steelyard.dialects.coinbase_exchange import auth, errors
from steelyard.dialects.coinbase_exchange.messages import NewOrder
from steelyard.wire.http import Request

_is_on: ContextVar[bool] = ContextVar("is_on", default=False)


@contextmanager
def manner(request: Request) -> Iterator[None]:
    """Answer as the tutorial expects it while a request is carried out that is signed as it is."""
    before = _is_on.set(auth.is_tutorial(request))
    try:
        yield
    finally:
        _is_on.reset(before)


def is_on() -> bool:
    """Whether the request that is carried out is the tutorial's."""
    return _is_on.get()


def type_of(order: NewOrder) -> str:
    """Return the type of a new order.

    Raises:
        DecodeError: It is said in the tutorial's way, with an ordinary key.
    """
    if order.order_type is None:
        return order.type
    if not is_on():
        raise errors.said(
            "Invalid parameter 'order_type'",
            "the venue says `type`; `order_type` is the tutorial's word, and goes with a key made "
            "by `steelyard key create ACCOUNT --dialect coinbase-exchange --signing tutorial`",
            "order_type",
        )
    return order.order_type
