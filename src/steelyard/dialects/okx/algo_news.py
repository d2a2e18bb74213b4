"""What two channels tell of orders that wait, put together: `orders-algo` and `orders`.

The invariant: an order that waits is told by the first until its price was heard, and by the second
from then on; an order that has gone to market is never told as waiting again, whichever of the two
connections is faster. An iceberg is the exception: at the venue its slices come and go as orders of
their own (`source` 13), so its beginning and its end are its algo order's, and its fills theirs.
"""

from collections import OrderedDict

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from steelyard.dialects.okx import private
from steelyard.dialects.okx.algo_messages import AlgoInfo
from steelyard.dialects.okx.algo_terms import CANCELED, FAILED, LIVE, PARTLY, order_from_wire
from steelyard.dialects.okx.executions import BY_ALGO
from steelyard.dialects.okx.order_messages import OrderInfo
from steelyard.dialects.okx.text import SPOT, read_id, read_ms
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import Event, Execution, OrderEvent
from steelyard.domain.order import CancelCause

KNOWN_MAX = 10_000  # algo orders that are remembered; beyond it the oldest is forgotten
OVER = (CANCELED, FAILED, "partially_failed")
NO_BALANCE = "51008"

_algos = msgspec.json.Decoder(tuple[AlgoInfo, ...])


class _Known(Struct):
    """What was told of an algo order."""

    terms: tuple[str, ...] = ()
    size_lots: int = 0  # of an iceberg
    filled_lots: int = 0
    is_at_market: bool = False


class AlgoNews:
    """The algo orders that one conversation has heard of."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()  # by algoId

    def orders(self, data: bytes, listings: Listings) -> list[Event]:
        """Return what a push of orders tells; other instruments are passed over.

        Raises:
            DecodeError: It has another form than documented.
        """
        found: list[Event] = []
        for row in private.rows_read(data, listings):
            if row.algoId and row.source == BY_ALGO:
                event = self._slice(row, listings)
            else:
                event = private.order_event(row, listings)
                if row.algoId:
                    self._keep(row.algoId).is_at_market = True
            if event is not None:
                found.append(event)
        return found

    def algos(self, data: bytes, listings: Listings) -> list[Event]:
        """Return what a push of algo orders tells; other instruments are passed over.

        Raises:
            DecodeError: It has another form than documented.
        """
        try:
            rows = _algos.decode(data)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"orders-algo: {error}") from error
        found = (
            self._told(row, listings)
            for row in rows
            if row.instType == SPOT and listings.find(row.instId) is not None
        )
        return [event for event in found if event is not None]

    def _told(self, row: AlgoInfo, listings: Listings) -> OrderEvent | None:
        order = order_from_wire(row, listings)
        before = self._known.get(row.algoId, _Known())
        time_ns = order.updated_ns
        if row.state in OVER:
            self._known.pop(row.algoId, None)
            order = replace(order, filled_lots=before.filled_lots)
            if row.state == CANCELED:
                return OrderEvent(Execution.CANCELED, order, None, time_ns)
            cause = CancelCause.ADMIN
            if row.failCode == NO_BALANCE:
                cause = CancelCause.INSUFFICIENT_BALANCE
            order = replace(order, state=OrderState.EXPIRED, cancel_cause=cause)
            return OrderEvent(Execution.EXPIRED, order, None, time_ns)
        if row.state not in (LIVE, PARTLY) or before.is_at_market:
            return None  # `orders` tells what has become of it
        terms, known_terms = _terms(row), before.terms
        if terms == known_terms:
            return None
        known = self._keep(row.algoId)
        known.terms, known.size_lots = terms, order.size_lots
        order = replace(order, filled_lots=known.filled_lots)
        kind = Execution.AMENDED if known_terms else Execution.NEW
        return OrderEvent(kind, order, None, time_ns)

    def _slice(self, row: OrderInfo, listings: Listings) -> OrderEvent | None:
        """Return what an iceberg's order at market tells of it: its fills, and nothing else."""
        event = private.order_event(row, listings)
        if event is None or event.fill is None:
            return None
        known = self._keep(row.algoId)
        known.filled_lots += event.fill.size_lots
        size_lots = known.size_lots or event.order.size_lots
        is_whole = 0 < known.size_lots <= known.filled_lots
        order = replace(
            event.order,
            order_id=read_id(row.algoId, "algoId"),
            size_lots=size_lots,
            filled_lots=min(known.filled_lots, size_lots),
            triggered_ns=0,
            created_ns=read_ms(row.cTime),
            state=OrderState.FILLED if is_whole else OrderState.PARTIALLY_FILLED,
        )
        return replace(event, order=order)

    def _keep(self, number: str) -> _Known:
        known = self._known.setdefault(number, _Known())
        self._known.move_to_end(number)
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return known


def _terms(row: AlgoInfo) -> tuple[str, ...]:
    """Return what an amendment may change; a trailing stop's trigger moves by itself."""
    return (
        *(row.sz, row.triggerPx, row.ordPx, row.slTriggerPx, row.slOrdPx),
        *(row.tpTriggerPx, row.tpOrdPx, row.callbackRatio, row.callbackSpread, row.activePx),
    )
