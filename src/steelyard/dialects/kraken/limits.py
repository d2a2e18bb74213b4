"""How much a client may ask, and what an order costs on the trading counter.

The numbers are those of a Pro account. A counter is a bucket: what is counted drains evenly. The
trading counter is one per account and pair, for REST and WebSocket together; what a transaction
costs depends on how long ago the order was made or amended.

Source: https://docs.kraken.com/api/docs/guides/spot-ratelimits, read 2026-11-20.
"""

from collections.abc import Iterable
from typing import Any

from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.wire.dialect import Charge
from steelyard.wire.limits import PRIVATE, Counts, Kind, Limit, LimitProfile, Per, SocketLimits

REST_MAX = 20
TRADING_MAX = 180  # drains by 3.75 a second

LIMITS = LimitProfile(
    (
        Limit(
            "API counter",
            Per.KEY,
            Counts.WEIGHT,
            REST_MAX,
            REST_MAX * SECOND_NS,
            Kind.BUCKET,
            (PRIVATE,),
        ),
        Limit("trading counter", Per.PAIR, Counts.ORDERS, TRADING_MAX, 48 * SECOND_NS, Kind.BUCKET),
    ),
    sockets=SocketLimits(connects=150, connects_ns=10 * MINUTE_NS),
)

# Up to which age (exclusive) what is added to the fixed part.
Penalties = tuple[tuple[int, int], ...]
AMEND: Penalties = ((5, 3), (10, 2), (15, 1))
EDIT: Penalties = ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1))
CANCEL: Penalties = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))


def penalty(penalties: Penalties, order: Order, now_ns: int) -> int:
    """Return what an order of this age costs besides the fixed part."""
    age_ns = now_ns - order.updated_ns if order.state.is_open else now_ns - order.created_ns
    return next((units for s, units in penalties if age_ns < s * SECOND_NS), 0)


def placed(instrument_id: int, orders: int = 1, *, is_batch: bool = False) -> tuple[Charge, ...]:
    """Return what new orders cost, whether they are accepted or not; a batch half of it."""
    return (Charge(instrument_id, (orders + 1) // 2 if is_batch else orders),)


def changed(penalties: Penalties, order: Order | None, now_ns: int) -> tuple[Charge, ...]:
    """Return what an amendment or edit costs: one, and what its age adds."""
    if order is None:
        return ()
    return (Charge(order.instrument_id, 1, penalty(penalties, order, now_ns)),)


def canceled(
    orders: Iterable[Order | Any], now_ns: int, *, may_overshoot: bool = False
) -> tuple[Charge, ...]:
    """Return what cancels cost, per instrument; those of a batch may overshoot."""
    units: dict[int, int] = {}
    for order in orders:
        if order is not None and order.state.is_open:
            known = units.get(order.instrument_id, 0)
            units[order.instrument_id] = known + penalty(CANCEL, order, now_ns)
    return tuple(Charge(i, 0, sum_, may_overshoot) for i, sum_ in units.items())
