"""Several orders in one request: placed, amended or canceled each by itself.

The invariant: an entry that is refused has an empty id and a code beside it, and changes nothing
for the others; the request as a whole is a success. The two lists are parallel.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from steelyard.dialects.bybit import errors, orders, placing
from steelyard.dialects.bybit.messages import Envelope
from steelyard.dialects.bybit.order_messages import (
    AmendedOrder,
    BatchCode,
    BatchCodes,
    Batched,
    BatchedIds,
    BatchRequest,
    CanceledOrder,
    NewOrder,
)
from steelyard.dialects.bybit.parameters import parse
from steelyard.dialects.bybit.placing import check_spot
from steelyard.dialects.bybit.routes import answered, signed, wrapped
from steelyard.dialects.bybit.text import ms_text
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.messages import Batch, BatchAnswer, Refused, Scope
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Refusal, SessionRefused

ENTRIES_MAX = 10  # of spot
OK = BatchCode(0, "OK")
Read = Callable[[Any, Asker], orders.Command]
Refuse = Callable[[Refused, Any, Asker], None]


def count(request: BatchRequest) -> int:
    """Return how many orders a batch is; each counts."""
    return max(1, len(request.request))


def _read(
    entry: dict[str, Any], request: BatchRequest, kind: type[Struct], read: Read, asker: Asker
) -> tuple[Any, orders.Command | Exception]:
    """Return an entry as a struct, and as a command or why it is none."""
    try:
        parsed = parse({**entry, "category": request.category}, kind)
    except DecodeError as error:
        return None, error
    try:
        return parsed, read(parsed, asker)
    except (DecodeError, SessionRefused) as error:
        return parsed, error
    except UnitError as error:
        return parsed, SessionRefused(Refusal(error.reason, str(error), error.field))
    except Unsupported as error:
        return parsed, SessionRefused(Refusal(RejectReason.UNSUPPORTED, str(error)))


def _decoder(kind: type[Struct], read: Read) -> Callable[[BatchRequest, Asker], Batch]:
    def decode(request: BatchRequest, asker: Asker) -> Batch:
        check_spot(request.category)
        if not 1 <= len(request.request) <= ENTRIES_MAX:
            raise errors.invalid("request", f"1 to {ENTRIES_MAX} orders")
        found = [_read(entry, request, kind, read, asker)[1] for entry in request.request]
        request.read = found
        return Batch(tuple(each for each in found if not isinstance(each, Exception)))

    return decode


def _encoder(kind: type[Struct], refuse: Refuse | None) -> Callable[..., Envelope[Any]]:
    def encode(answer: Any, request: BatchRequest, asker: Asker) -> Envelope[Any]:
        answers = iter(answered(answer, BatchAnswer).answers)
        rows: list[BatchedIds] = []
        codes: list[BatchCode] = []
        for entry, read in zip(request.request, request.read, strict=True):
            named = {name: str(entry.get(name) or "") for name in ("symbol", "orderLinkId")}
            try:
                if isinstance(read, Exception):
                    raise read
                each = next(answers)
                if isinstance(each, Refused) and refuse is not None:
                    refuse(each, parse({**entry, "category": request.category}, kind), asker)
                ids = orders.placed(orders.checked(each), None, asker)  # type: ignore[arg-type]
            except errors.REFUSALS as error:
                words, how = errors.words_for(error)
                rows.append(BatchedIds(request.category, orderId="", **named))
                codes.append(BatchCode(words.code, words.text, how))
                continue
            named["orderLinkId"] = ids.orderLinkId
            row = BatchedIds(request.category, orderId=ids.orderId, **named)
            if kind is NewOrder:
                row.createAt = ms_text(asker.sandbox_ns)
            rows.append(row)
            codes.append(OK)
        return wrapped(Batched(tuple(rows)), asker.now_ns, BatchCodes(tuple(codes)))

    return encode


CREATE = signed(
    "POST",
    "/v5/order/create-batch",
    BatchRequest,
    Batched,
    _decoder(NewOrder, placing.place_from_wire),
    _encoder(NewOrder, placing.refused),
    scope=Scope.TRADE,
    weight=count,
    is_order=True,
    orders=count,
    summary="Place up to 10 orders",
)
AMEND = signed(
    "POST",
    "/v5/order/amend-batch",
    BatchRequest,
    Batched,
    _decoder(AmendedOrder, orders.amend_from_wire),
    _encoder(AmendedOrder, None),
    scope=Scope.TRADE,
    weight=count,
    summary="Amend up to 10 orders",
)
CANCEL = signed(
    "POST",
    "/v5/order/cancel-batch",
    BatchRequest,
    Batched,
    _decoder(CanceledOrder, orders.cancel_from_wire),
    _encoder(CanceledOrder, None),
    scope=Scope.TRADE,
    weight=count,
    summary="Cancel up to 10 orders",
)
ENDPOINTS = (CREATE, AMEND, CANCEL)
