"""What a request costs at a venue, as its dialect's own table of routes says.

A route of the table is read as the exchange's end reads it, because what it weighs may depend on
what it asks for; that of an order does not, and is read once. A route that is not in the table
costs `WEIGHT`, which is on the safe side for what a trader asks.
"""

from collections.abc import Callable
from typing import NamedTuple

from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import Auth, Dialect
from steelyard.wire.http import Request

WEIGHT = 20


class Cost(NamedTuple):
    """A request's weight; is_public is None where it is not known whether it needs a key."""

    weight: int = WEIGHT
    is_public: bool | None = None


UNKNOWN = Cost()
Costs = Callable[[Request], Cost]


def unknown(_request: Request) -> Cost:
    """Return what any request costs of which nothing is known."""
    return UNKNOWN


def costs_of(dialect: Dialect) -> Costs:
    """Return what requests cost at a venue."""
    routes = {(each.method, each.path): each for each in dialect.endpoints}
    known: dict[tuple[str, str], Cost] = {}  # of orders

    def cost(request: Request) -> Cost:
        route = request.method, request.path
        if (found := known.get(route)) is not None:
            return found
        endpoint = routes.get(route)
        if endpoint is None:
            return UNKNOWN
        is_public = endpoint.auth is Auth.NONE
        try:
            found = Cost(endpoint.weight(dialect.read(request, endpoint, {})), is_public)
        except DecodeError:
            return Cost(is_public=is_public)
        if endpoint.is_order:
            known[route] = found
        return found

    return cost
