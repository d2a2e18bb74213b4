"""How much a client may ask: per address, and per account and route within a sliding second.

The numbers are those of spot without a VIP level. A batch counts each of its orders, in a bucket of
its own; order entry over the socket shares the routes' buckets. Every private answer says how much
of the tightest one is left. Source: https://bybit-exchange.github.io/docs/v5/rate-limit, read
2026-11-22.
"""

from steelyard.dialects.bybit.text import MS_NS
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.wire.limits import (
    Counts,
    Kind,
    Limit,
    LimitProfile,
    Per,
    SocketLimits,
    Usage,
    ratelimit_headers,
)

# By name: how many a second, of which routes.
PER_SECOND: dict[str, tuple[int, tuple[str, ...]]] = {
    "create": (20, ("/v5/order/create",)),
    "amend": (10, ("/v5/order/amend",)),
    "cancel": (20, ("/v5/order/cancel",)),
    "cancel-all": (20, ("/v5/order/cancel-all",)),
    "create-batch": (20, ("/v5/order/create-batch",)),
    "amend-batch": (20, ("/v5/order/amend-batch",)),
    "cancel-batch": (20, ("/v5/order/cancel-batch",)),
    "realtime": (50, ("/v5/order/realtime",)),
    "history": (50, ("/v5/order/history",)),
    "executions": (50, ("/v5/execution/list",)),
    "positions": (50, ("/v5/position/list",)),
    "balance": (50, ("/v5/account/wallet-balance",)),
    "info": (50, ("/v5/account/info",)),
    "fee-rate": (5, ("/v5/account/fee-rate",)),
    "log": (25, ("/v5/account/transaction-log",)),
    "withdraw": (5, ("/v5/asset/withdraw/create",)),
}
LIMITS = LimitProfile(
    (
        Limit("address", Per.IP, Counts.REQUESTS, 600, 5 * SECOND_NS, Kind.SLIDING),
        *(
            Limit(name, Per.ACCOUNT, Counts.WEIGHT, most, SECOND_NS, Kind.SLIDING, routes)
            for name, (most, routes) in PER_SECOND.items()
        ),
    ),
    sockets=SocketLimits(connections=1_000, connects=500, connects_ns=5 * MINUTE_NS),
)


def told_of(usage: Usage) -> dict[str, str]:
    """Return what is left of the route's limit, as the venue names it; nothing where it has none.

    The time is when units come back: now, where some are left.
    """
    for used in usage:
        if used.limit in LIMITS.limits and used.limit.per is Per.ACCOUNT:
            now_ns = used.reset_ns - used.wait_ns
            return {
                "X-Bapi-Limit": str(used.limit.limit),
                "X-Bapi-Limit-Status": str(max(0, used.limit.limit - used.used)),
                "X-Bapi-Limit-Reset-Timestamp": str(
                    (used.reset_ns if used.is_over else now_ns) // MS_NS + used.is_over
                ),
            }
    return {}


def usage_headers(usage: Usage) -> dict[str, str]:
    """Return the same as headers, and those of limits that are not the venue's own."""
    foreign = tuple(used for used in usage if used.limit not in LIMITS.limits)
    return {
        **{name.lower(): text for name, text in told_of(usage).items()},
        **ratelimit_headers(foreign),
    }
