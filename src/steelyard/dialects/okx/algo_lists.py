"""Algo orders looked up and listed over REST; server half.

The invariant: a list is of the types that it is asked for, which have to be named; rows come newest
first, and cursors are the numbers of algo orders.
"""

from typing import Any

from steelyard.dialects.okx import errors
from steelyard.dialects.okx.algo_messages import AlgoInfo, AlgoRequest, AlgosRequest
from steelyard.dialects.okx.algo_terms import (
    CANCELED,
    EFFECTIVE,
    FAILED,
    ICEBERG,
    KINDS,
    LIVE,
    OLD_ICEBERG,
    PARTLY,
    algo_to_wire,
    grouped,
    kind_of,
    state_of,
)
from steelyard.dialects.okx.algos import find_algo
from steelyard.dialects.okx.executions import algo_number
from steelyard.dialects.okx.order_lists import ORDERS_MAX, PAGE
from steelyard.dialects.okx.routes import (
    answered,
    instrument_of,
    is_spot,
    limit_of,
    nothing,
    page,
    signed,
)
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import OrderList, OrdersQuery
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker

# Types that the venue has and nobody here does: a list of them is empty.
OTHERS = ("chase", "twap")
STATES = (EFFECTIVE, CANCELED, FAILED)


def _algo(_answer: None, request: AlgoRequest, asker: Asker) -> tuple[AlgoInfo, ...]:
    found = find_algo(request.algoId, request.algoClOrdId, asker)
    if found is None:
        how = "there is no such algo order of this account; trade/order looks up the others"
        raise errors.refused(errors.NOT_THERE, how, RejectReason.UNKNOWN_ORDER, "algoId")
    return (algo_to_wire(legs_of(found, asker), asker.listings),)


def legs_of(order: Order, asker: Asker) -> tuple[Order, ...]:
    """Return the orders of the algo order that an order belongs to."""
    if order.group_id == 0 or not order.hangs_together:
        return (order,)
    first = algo_number(order)
    query = OrdersQuery(asker.account_id, 2, order_ids=(first, first + 1))
    found = answered(asker.ask(query), OrderList).orders
    mine = [o for legs in grouped(found) for o in legs if algo_number(o) == first]
    return tuple(mine) or (order,)


def kinds_of(text: str) -> frozenset[str]:
    """Return the types that a list is asked for.

    Raises:
        DecodeError: One is none.
    """
    names = text.split(",")
    unknown = [name for name in names if name not in (*KINDS, *OTHERS)]
    if unknown:
        how = f"{errors.shown(unknown[0])}: there are {', '.join((*KINDS, *OTHERS))}"
        raise errors.invalid("ordType", how)
    return frozenset(ICEBERG if name == OLD_ICEBERG else name for name in names)


def _pending_query(request: AlgosRequest, asker: Asker) -> OrdersQuery:
    return _query(request, asker, open_only=True)


def _history_query(request: AlgosRequest, asker: Asker) -> OrdersQuery:
    if request.state is None and request.algoId is None:
        raise errors.said(errors.MISSING, "send state or algoId", "state")
    if request.state not in (None, *STATES):
        raise errors.invalid("state", f"it is {', '.join(STATES)}")
    return _query(request, asker, open_only=False)


def _query(request: AlgosRequest, asker: Asker, *, open_only: bool) -> OrdersQuery:
    kinds_of(request.ordType)
    is_spot(request.instType)
    instrument_id = None
    if request.instId is not None:
        instrument_id = instrument_of(request.instId, asker.listings).instrument_id
    return OrdersQuery(asker.account_id, ORDERS_MAX, instrument_id, open_only=open_only)


def _pending(answer: Any, request: AlgosRequest, asker: Asker) -> tuple[AlgoInfo, ...]:
    return _rows(answer, request, asker, (LIVE, PARTLY))


def _history(answer: Any, request: AlgosRequest, asker: Asker) -> tuple[AlgoInfo, ...]:
    return _rows(answer, request, asker, (request.state,) if request.state else STATES)


def _rows(
    answer: Any, request: AlgosRequest, asker: Asker, states: tuple[str, ...]
) -> tuple[AlgoInfo, ...]:
    kinds = kinds_of(request.ordType)
    found = [
        legs
        for legs in reversed(grouped(answered(answer, OrderList).orders))
        if kind_of(legs[0]) in kinds
        and state_of(legs) in states
        and request.algoId in (None, str(algo_number(legs[0])))
        and is_spot(request.instType)
    ]
    limit = limit_of(request.limit, PAGE, PAGE)
    part = page(found, _number, request.after, request.before, limit)
    return tuple(algo_to_wire(legs, asker.listings) for legs in part)


def _number(legs: tuple[Order, ...]) -> int:
    return algo_number(legs[0])


# -- routes -------------------------------------------------------------------------------------

QUERY = signed("GET", "trade/order-algo", AlgoRequest, AlgoInfo, nothing, _algo, "One algo order")
PENDING = signed(
    "GET",
    "trade/orders-algo-pending",
    AlgosRequest,
    AlgoInfo,
    _pending_query,
    _pending,
    "Algo orders that wait",
)
HISTORY = signed(
    "GET",
    "trade/orders-algo-history",
    AlgosRequest,
    AlgoInfo,
    _history_query,
    _history,
    "Algo orders that went to market or were canceled",
)
ENDPOINTS = (QUERY, PENDING, HISTORY)
