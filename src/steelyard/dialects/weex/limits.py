"""How much a client may ask: pools of weights, and how many orders and cancels.

The documentation contradicts itself. One page says 500 of weight in 10 seconds per address, another
1,000 per address and 1,000 per account; a third counts orders by the minute. Each limit here is the
strictest that is written somewhere. Where a route has two weights, by address and by account, the
account's is never the smaller one: private routes count in the account's pool alone.

No header tells of any of it. Source: https://www.weex.com/api-doc (V3), read 2026-11.
"""

from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.wire.budget import Spent
from steelyard.wire.http import Response
from steelyard.wire.limits import (
    PRIVATE,
    PUBLIC,
    Counts,
    Kind,
    Limit,
    LimitProfile,
    Per,
    SocketLimits,
    Usage,
    ratelimit_headers,
    ratelimit_told,
)

ADDRESS, ACCOUNT, ORDERS, CANCELS, MORE_CANCELS = (
    *("address pool", "account pool", "orders", "cancels", "cancels of a minute"),
)
ADDRESS_MAX, ACCOUNT_MAX, ORDERS_MAX = 500, 1_000, 100
CANCELS_MAX, MORE_CANCELS_MAX = 80, 200
POOL_NS = 10 * SECOND_NS
CANCEL_ROUTES = (
    "DELETE /api/v3/order",
    "DELETE /api/v3/openOrders",
    "DELETE /api/v3/order/batch",
)


def _sliding(
    name: str, per: Per, counts: Counts, most: int, window_ns: int, routes: tuple[str, ...] = ()
) -> Limit:
    return Limit(name, per, counts, most, window_ns, Kind.SLIDING, routes)


LIMITS = LimitProfile(
    (
        _sliding(ADDRESS, Per.IP, Counts.WEIGHT, ADDRESS_MAX, POOL_NS, (PUBLIC,)),
        _sliding(ACCOUNT, Per.ACCOUNT, Counts.WEIGHT, ACCOUNT_MAX, POOL_NS, (PRIVATE,)),
        _sliding(ORDERS, Per.ACCOUNT, Counts.ORDERS, ORDERS_MAX, MINUTE_NS),
        _sliding(CANCELS, Per.ACCOUNT, Counts.REQUESTS, CANCELS_MAX, POOL_NS, CANCEL_ROUTES),
        _sliding(
            MORE_CANCELS, Per.ACCOUNT, Counts.REQUESTS, MORE_CANCELS_MAX, MINUTE_NS, CANCEL_ROUTES
        ),
    ),
    sockets=SocketLimits(
        connections=20, connects=300, connects_ns=5 * MINUTE_NS, subscriptions=100
    ),
)


def usage_headers(usage: Usage) -> dict[str, str]:
    """Return what is used of limits that are not the venue's: it tells nothing of its own."""
    return ratelimit_headers(tuple(used for used in usage if used.limit not in LIMITS.limits))


def spent(response: Response) -> tuple[Spent, ...]:
    """Return what headers say of limits that are not the venue's."""
    told = ratelimit_told(response.headers)
    return () if told is None else (Spent(told[1], told[0]),)
