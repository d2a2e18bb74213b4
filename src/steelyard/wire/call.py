"""One message of a client end as a request: where it goes, with what, and how its answer is read.

What three venues' clients have in common. What an answer means that is no success is the dialect's.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Answer
from steelyard.wire.budget import Cost
from steelyard.wire.dialect import Auth, Endpoint


class Call(NamedTuple):
    """One message as a request: the route, its parameters, and how the answer is read.

    read takes the body, decoded as this type, the listings and the time.
    """

    endpoint: Endpoint
    parameters: Struct
    body: Any
    read: Callable[[Any, Listings, int], Answer]

    @property
    def cost(self) -> Cost:
        """What it counts as, but for its pair."""
        return cost_of(self.endpoint, self.parameters)


def cost_of(endpoint: Endpoint, parameters: Struct) -> Cost:
    """Return what a request to a route counts as, but for its pair."""
    return Cost(
        endpoint.method,
        endpoint.path,
        endpoint.auth is Auth.NONE,
        endpoint.weight(parameters),
        endpoint.orders(parameters) if endpoint.is_order else 0,
    )


def decoded(body: bytes, kind: Any) -> Any:
    """Return an answer's JSON as a type.

    Raises:
        DecodeError: It is none, or of another form.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"answer: {error}") from error
