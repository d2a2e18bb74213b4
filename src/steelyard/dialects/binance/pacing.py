"""How the venue tells a trader of its limits: which are in force, and how much of them is used.

Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits, read 2026-11-21.
"""

import re
from collections.abc import Mapping

from steelyard.dialects.binance.messages import ExchangeInfo, FairUse, RateLimit
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.wire.budget import Spent
from steelyard.wire.limits import (
    Counts,
    Kind,
    Limit,
    LimitProfile,
    Per,
    SocketLimits,
    is_count,
    ratelimit_told,
)

MS_NS = 10**6
_UNITS_NS = {
    "s": SECOND_NS,
    "m": MINUTE_NS,
    "h": 60 * MINUTE_NS,
    "d": 24 * 60 * MINUTE_NS,
}
_HEADER = re.compile(r"x-mbx-(used-weight|order-count)-([0-9]{1,4})([smhd])")
_COUNTS = {"used-weight": Counts.WEIGHT, "order-count": Counts.ORDERS}
_TYPES = {
    "REQUEST_WEIGHT": (Per.IP, Counts.WEIGHT, "request weight"),
    "RAW_REQUESTS": (Per.IP, Counts.REQUESTS, "raw requests"),
    "ORDERS": (Per.ACCOUNT, Counts.ORDERS, "orders"),
}


def spent(headers: Mapping[str, str]) -> tuple[Spent, ...]:
    """Return what headers say of limits: `X-MBX-USED-WEIGHT-1M`, `X-MBX-ORDER-COUNT-10S`."""
    found = []
    for name, value in headers.items():
        match = _HEADER.fullmatch(name)
        if match is not None and is_count(value):
            counts, number, unit = match.groups()
            window_ns = int(number) * _UNITS_NS[unit]
            found.append(Spent(int(value), counts=_COUNTS[counts], window_ns=window_ns))
    if (told := ratelimit_told(headers)) is not None:  # of limits that the venue does not have
        found.append(Spent(told[1], told[0]))
    return tuple(found)


def limits_of(info: ExchangeInfo) -> LimitProfile:
    """Return the limits of exchangeInfo; where it tells of fair use, that is all of them."""
    if isinstance(info.fairUse, FairUse):
        return _fair(info.fairUse)
    return LimitProfile(tuple(_limit(told) for told in info.rateLimits if _is_known(told)))


def _is_known(told: RateLimit) -> bool:
    return (
        told.rateLimitType in _TYPES
        and told.interval[:1].lower() in _UNITS_NS
        and told.intervalNum > 0
        and told.limit > 0
    )


def _limit(told: RateLimit) -> Limit:
    per, counts, name = _TYPES[told.rateLimitType]
    window_ns = told.intervalNum * _UNITS_NS[told.interval[0].lower()]
    name = f"{name} per {told.intervalNum} {told.interval}"
    return Limit(name, per, counts, told.limit, window_ns)


def _fair(told: FairUse) -> LimitProfile:
    sockets = SocketLimits(
        told.wsConnections,
        told.wsConnects,
        told.wsConnectsMs * MS_NS,
        told.wsStreams,
        told.wsMessagesPerSecond,
    )
    limits = tuple(
        Limit(
            limit.name,
            Per(limit.per),
            Counts(limit.counts),
            limit.limit,
            limit.windowMs * MS_NS,
            Kind(limit.kind),
            tuple(limit.routes),
        )
        for limit in told.limits
    )
    return LimitProfile(limits, told.banAfter, told.banMs * MS_NS, sockets=sockets)
