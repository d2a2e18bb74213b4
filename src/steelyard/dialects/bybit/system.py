"""Whether the exchange trades, and how far from the last price an order may be, both ways.

The invariant: both are read off the exchange as it is. A maintenance is told while it lasts, and
while everything else is turned away: none is known before it begins, or kept once it is over.
"""

from typing import Any

from steelyard.dialects.bybit import errors
from steelyard.dialects.bybit.messages import (
    PriceLimit,
    PriceLimitRequest,
    SystemEvent,
    SystemStatus,
    SystemStatusRequest,
)
from steelyard.dialects.bybit.routes import SPOT, answered, instrument_of, public
from steelyard.dialects.bybit.text import ms_text, price_text, symbol_text
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import Status, StatusQuery, TickerList, TickersQuery
from steelyard.domain.units import RATE_SCALE
from steelyard.wire.dialect import Asker

ONGOING, COMPLETED = "ongoing", "completed"
STATES = ("scheduled", ONGOING, COMPLETED, "canceled")
EVENT_ID = "maintenance"


# -- maintenance --------------------------------------------------------------------------------


def status_to_wire(status: Status) -> tuple[SystemEvent, ...]:
    """Return the maintenance that goes on; nothing where there is none.

    When it began is not known: what is told is now, and how long requests should wait.
    """
    if not status.maintenance:
        return ()
    return (
        SystemEvent(
            id=EVENT_ID,
            title="Maintenance",
            state=ONGOING,
            begin=ms_text(status.time_ns),
            end=ms_text(status.time_ns + status.retry_after_ns),
        ),
    )


def status_to_stream(status: Status) -> SystemEvent:
    """Return the maintenance that goes on, or one that is over; who has heard of none drops that.

    When one began is not known: what is over is told with the time at which that was told.
    """
    for event in status_to_wire(status):
        return event
    now = ms_text(status.time_ns)
    return SystemEvent(id=EVENT_ID, title="Maintenance", state=COMPLETED, begin=now, end=now)


def status_from_wire(result: SystemStatus, now_ns: int) -> Status:
    """Return whether the venue trades."""
    is_off = any(event.state == ONGOING for event in result.list)
    return Status(not is_off, "none", False, now_ns, is_off)  # noqa: FBT003


def _status(answer: Any, request: SystemStatusRequest, _asker: Asker) -> SystemStatus:
    if request.state is not None and request.state not in STATES:
        raise errors.invalid("state", f"one of {', '.join(STATES)}")
    return SystemStatus(
        tuple(
            event
            for event in status_to_wire(answered(answer, Status))
            if request.state in (None, event.state) and request.id in (None, event.id)
        )
    )


# -- prices -------------------------------------------------------------------------------------


def _limit_query(request: PriceLimitRequest, asker: Asker) -> TickersQuery:
    instrument = instrument_of(request.category or SPOT, request.symbol, asker.listings)
    return TickersQuery((instrument.instrument_id,))


def _limit(answer: Any, request: PriceLimitRequest, asker: Asker) -> PriceLimit:
    (ticker,) = answered(answer, TickerList).tickers
    instrument = instrument_of(request.category or SPOT, request.symbol, asker.listings)
    return limits_of(instrument, ticker.last_ticks, asker.now_ns)


def limits_of(instrument: Instrument, last: int | None, now_ns: int) -> PriceLimit:
    """Return how far from the last price an order may be; without a band, how far at all.

    last is in ticks; None: nothing has traded. Both ends are whole ticks inside the band.
    """
    rate_e8 = instrument.band_rate_e8
    lowest, highest = 1, instrument.price_max_ticks
    if rate_e8 and last is not None:
        lowest = max(lowest, -(-last * (RATE_SCALE - rate_e8) // RATE_SCALE))
        highest = min(highest, last * (RATE_SCALE + rate_e8) // RATE_SCALE)
    return PriceLimit(
        symbol=symbol_text(instrument),
        buyLmt=price_text(instrument, highest),
        sellLmt=price_text(instrument, lowest),
        ts=ms_text(now_ns),
    )


# -- routes -------------------------------------------------------------------------------------

STATUS = public(
    "/v5/system/status",
    SystemStatusRequest,
    SystemStatus,
    lambda _r, _a: StatusQuery(),
    _status,
    summary="A maintenance, while it lasts",
    in_maintenance=True,
)
ENDPOINTS = (
    STATUS,
    public(
        "/v5/market/price-limit",
        PriceLimitRequest,
        PriceLimit,
        _limit_query,
        _limit,
        summary="How far from the last price an order may be",
    ),
)
