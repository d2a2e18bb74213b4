"""The native API's own limits, how they are published, and what each answer says of them.

Numbers are of the size that venues publish (10 to 50 requests a second, orders apart), with
room for a burst: a key may send 50 requests in one second, but 1,200 weight in a minute. Who is
refused a hundred times and goes on is banned for two minutes.
"""

from collections.abc import Callable, Iterable
from typing import Any

from steelyard.dialects.native import forms, messages
from steelyard.dialects.native.auth import AHEAD_NS, WINDOW_NS
from steelyard.dialects.native.text import to_ms
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.wire.dialect import Endpoint
from steelyard.wire.limits import Counts, Kind, Limit, LimitProfile, Per, SocketLimits

MS_NS = 10**6
LIMITS = LimitProfile(
    (
        Limit("ip_weight_1m", Per.IP, Counts.WEIGHT, 6_000, MINUTE_NS),
        Limit("key_requests_1s", Per.KEY, Counts.REQUESTS, 50, SECOND_NS),
        Limit("key_weight_1m", Per.KEY, Counts.WEIGHT, 1_200, MINUTE_NS),
        Limit("account_orders_10s", Per.ACCOUNT, Counts.ORDERS, 100, 10 * SECOND_NS),
    ),
    ban_after=100,
    ban_ns=2 * MINUTE_NS,
    sockets=SocketLimits(
        connections=1_000,
        connects=1_200,
        connects_ns=MINUTE_NS,
        subscriptions=forms.SUBSCRIPTIONS_MAX,
        messages=50,
    ),
)


class Weight:
    """What a route counts for: from `least` to `most`, which `of` tells by the request."""

    def __init__(self, least: int, most: int, of: Callable[[Any], int] | None = None) -> None:
        self.least = least
        self.most = most
        self._of = of

    def __call__(self, request: Any) -> int:
        """Return the weight of one request."""
        return self.least if self._of is None else self._of(request)


def limits_to_wire(profile: LimitProfile, endpoints: Iterable[Endpoint]) -> messages.Limits:
    """Return the limits in force for programs to read."""
    sockets = profile.sockets
    return messages.Limits(
        rate_limits=tuple(
            messages.RateLimit(
                name=limit.name,
                per=limit.per.value,
                counts=limit.counts.value,
                limit=limit.limit,
                window_ms=to_ms(limit.window_ns),
                kind=limit.kind.value,
                routes=limit.routes,
            )
            for limit in profile.limits
        ),
        weights=tuple(_weight(endpoint) for endpoint in endpoints),
        ban_after=profile.ban_after,
        ban_ms=to_ms(profile.ban_ns),
        revoke_after=profile.revoke_after,
        revoke_within_ms=to_ms(profile.revoke_within_ns),
        timestamp_behind_ms_max=to_ms(WINDOW_NS),
        timestamp_ahead_ms_max=to_ms(AHEAD_NS),
        connections_max=sockets.connections,
        connects_max=sockets.connects,
        connects_window_ms=to_ms(sockets.connects_ns),
        subscriptions_max=sockets.subscriptions_most(forms.SUBSCRIPTIONS_MAX),
        messages_per_second_max=sockets.messages,
    )


def limits_from_wire(told: messages.Limits) -> LimitProfile:
    """Return the limits that a program was told."""
    sockets = SocketLimits(
        told.connections_max,
        told.connects_max,
        told.connects_window_ms * MS_NS,
        told.subscriptions_max,
        told.messages_per_second_max,
    )
    limits = tuple(
        Limit(
            limit.name,
            Per(limit.per),
            Counts(limit.counts),
            limit.limit,
            limit.window_ms * MS_NS,
            Kind(limit.kind),
            tuple(limit.routes),
        )
        for limit in told.rate_limits
    )
    return LimitProfile(limits, told.ban_after, told.ban_ms * MS_NS, sockets=sockets)


def _weight(endpoint: Endpoint) -> messages.RouteWeight:
    weight = endpoint.weight
    assert isinstance(weight, Weight), "routes of this table say their weight's range"
    return messages.RouteWeight(
        method=endpoint.method,
        path=endpoint.path,
        weight_min=weight.least,
        weight_max=weight.most,
        is_order=endpoint.is_order,
    )
