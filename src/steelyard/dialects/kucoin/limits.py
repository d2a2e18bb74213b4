"""How much a client may ask: the venue's pools of weights, and what it says of them.

The numbers are those of VIP level 0. A pool is what may be used in 30 seconds; private pools are an
account's, the public one an address's.

Source: https://www.kucoin.com/docs-new/rate-limit, read 2026-11-20.
"""

from collections.abc import Iterable

from steelyard.domain.messages import SECOND_NS
from steelyard.wire.budget import Spent
from steelyard.wire.dialect import Endpoint
from steelyard.wire.http import Response
from steelyard.wire.limits import (
    PUBLIC,
    Counts,
    Limit,
    LimitProfile,
    Per,
    SocketLimits,
    Usage,
    is_count,
    ratelimit_headers,
    ratelimit_told,
)

WINDOW_NS = 30 * SECOND_NS
SPOT, MANAGEMENT = "spot pool", "management pool"
SPOT_MAX, OTHER_MAX = 4_000, 2_000
LIMIT, REMAINING, RESET = "gw-ratelimit-limit", "gw-ratelimit-remaining", "gw-ratelimit-reset"


def profile(spot: Iterable[Endpoint], management: Iterable[Endpoint]) -> LimitProfile:
    """Return the limits, of which each pool has its routes."""

    def pool(name: str, per: Per, most: int, routes: Iterable[str]) -> Limit:
        return Limit(name, per, Counts.WEIGHT, most, WINDOW_NS, routes=tuple(sorted(routes)))

    def paths(endpoints: Iterable[Endpoint]) -> set[str]:
        return {f"{endpoint.method} {endpoint.path}" for endpoint in endpoints}

    return LimitProfile(
        (
            pool("public pool", Per.IP, OTHER_MAX, (PUBLIC,)),
            pool(SPOT, Per.ACCOUNT, SPOT_MAX, paths(spot)),
            pool(MANAGEMENT, Per.ACCOUNT, OTHER_MAX, paths(management)),
        ),
        sockets=SocketLimits(
            connections=50,
            connects=30,
            connects_ns=60 * SECOND_NS,
            subscriptions=300,
            messages=100,
        ),
    )


def usage_headers(usage: Usage) -> dict[str, str]:
    """Return what is left of a pool; of limits that are not the venue's, in our own names."""
    pools = [used for used in usage if used.limit.name in ("public pool", SPOT, MANAGEMENT)]
    others = ratelimit_headers(tuple(used for used in usage if used not in pools))
    if not pools:
        return others
    used = pools[-1]
    return others | {
        LIMIT: str(used.limit.limit),
        REMAINING: str(max(0, used.limit.limit - used.used)),
        RESET: str(-(-used.wait_ns // 1_000_000)),
    }


def spent(response: Response) -> tuple[Spent, ...]:
    """Return what headers say of limits.

    They do not name the pool. That of orders is known by its size; the others are as large as each
    other, and not told apart.
    """
    headers, found = response.headers, []
    limit, left = headers.get(LIMIT, ""), headers.get(REMAINING, "")
    if is_count(limit) and is_count(left) and int(limit) == SPOT_MAX:
        found.append(Spent(max(0, SPOT_MAX - int(left)), SPOT))
    if (told := ratelimit_told(headers)) is not None:  # of limits that the venue does not have
        found.append(Spent(told[1], told[0]))
    return tuple(found)
