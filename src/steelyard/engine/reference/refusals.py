"""What is wrong with a request before anything is reserved: its form, its market, its numbers.

Reasons are found in the order of `RejectReason`; what depends on the books (room for one more
order, funds, whether it would take) follows in `placing` and `amending`.
"""

from steelyard.domain.commands import Place
from steelyard.domain.instrument import LEVEL_MAX_LOTS, Instrument
from steelyard.domain.order import (
    FIELDS,
    SLICES_MAX,
    MarketState,
    Need,
    OrderType,
    RejectReason,
    SelfTrade,
    TimeInForce,
    TriggerBy,
)
from steelyard.domain.units import RATE_SCALE
from steelyard.engine.book import Order
from steelyard.engine.reference.state import Market, State

MARKET_REFUSALS = {
    MarketState.POST_ONLY: RejectReason.MARKET_POST_ONLY,
    MarketState.CANCEL_ONLY: RejectReason.MARKET_CANCEL_ONLY,
    MarketState.HALTED: RejectReason.MARKET_HALTED,
    MarketState.MAINTENANCE: RejectReason.MARKET_MAINTENANCE,
}
RESTING = frozenset({TimeInForce.GTC, TimeInForce.GTD})
_UNFIT = {True: Need.NEVER, False: Need.MUST}  # by whether the field is there


def of_place(state: State, place: Place) -> RejectReason | None:
    """Return what is wrong with an order in itself."""
    if place.reduce_only or not is_offered(place):
        return RejectReason.UNSUPPORTED
    if place.account_id not in state.accounts:
        return RejectReason.UNKNOWN_ACCOUNT
    market = state.markets.get(place.instrument_id)
    if market is None:
        return RejectReason.UNKNOWN_INSTRUMENT
    adds_only = place.order_type is OrderType.LIMIT and place.post_only
    if reason := of_state(market, adds_only=adds_only):
        return reason
    instrument = market.instrument
    prices = (place.price_ticks, place.trigger_ticks, place.activation_ticks)
    if not are_prices(instrument, prices):
        return RejectReason.PRICE_OUT_OF_RANGE
    if place.quote_atoms is not None:
        return _of_notional(instrument, place.quote_atoms)
    if reason := of_size(instrument, place.price_ticks, place.size_lots):
        return reason
    near = market.book.of(place.side)
    if place.price_ticks is not None:
        total_lots = near.size_at(place.price_ticks) + place.size_lots
        if total_lots > LEVEL_MAX_LOTS:
            return RejectReason.AMOUNT_TOO_LARGE
    if place.display_lots and not instrument.size_min_lots <= place.display_lots <= place.size_lots:
        return RejectReason.DISPLAY_OUT_OF_RANGE
    if are_too_many_slices(place.display_lots, place.size_lots):
        return RejectReason.DISPLAY_OUT_OF_RANGE
    if not _is_trail(instrument, place):
        return RejectReason.TRAIL_OUT_OF_RANGE
    if place.expire_ns is not None and place.expire_ns <= state.now_ns:
        return RejectReason.EXPIRY_NOT_AHEAD
    return of_band(market, place.price_ticks)


def is_offered(place: Place | Order) -> bool:
    """Return whether an order has the fields that go with its type, and no others."""
    fields = FIELDS[place.order_type]
    rests = place.time_in_force in RESTING
    trails = (place.trail_ticks is not None) + (place.trail_rate_e8 is not None)
    has = (
        (fields.price_ticks, place.price_ticks is not None),
        (fields.quote_atoms, place.quote_atoms is not None),
        (fields.post_only, place.post_only),
        (fields.display_lots, place.display_lots is not None),
        (fields.trigger_ticks, place.trigger_ticks is not None),
        (fields.trail, trails == 1),
        (fields.activation_ticks, place.activation_ticks is not None),
        (fields.activation_direction, place.activation_direction is not None),
    )
    is_by_amount = place.quote_atoms is not None
    for need, it_has in has:
        if need is _UNFIT[it_has]:
            return False
    return (
        place.time_in_force in fields.time_in_force
        and trails <= 1
        and (rests or not (place.post_only or place.display_lots is not None))
        and (place.post_only or not place.slide)
        and (place.expire_ns is not None) == (place.time_in_force is TimeInForce.GTD)
        and (place.order_type.waits or place.trigger_by is TriggerBy.LAST)
        and not (is_by_amount and (place.size_lots or place.self_trade is SelfTrade.DECREMENT))
    )


def of_state(market: Market, *, adds_only: bool) -> RejectReason | None:
    """Return why a market lets nothing pass, or nothing that might take."""
    is_open = market.state is MarketState.OPEN
    if is_open or (market.state is MarketState.POST_ONLY and adds_only):
        return None
    return MARKET_REFUSALS[market.state]


def are_prices(instrument: Instrument, prices: tuple[int | None, ...]) -> bool:
    """Return whether all prices that are there can be prices."""
    for price in prices:
        if price is not None and not 1 <= price <= instrument.price_max_ticks:
            return False
    return True


def of_size(instrument: Instrument, price_ticks: int | None, size_lots: int) -> RejectReason | None:
    """Return what is wrong with a size, and with what it is worth at a limit."""
    if size_lots < instrument.size_min_lots:
        return RejectReason.SIZE_TOO_SMALL
    if size_lots > instrument.size_max_lots:
        return RejectReason.SIZE_TOO_LARGE
    if price_ticks is None:
        return None
    return _of_notional(instrument, instrument.notional_atoms(price_ticks, size_lots))


def _of_notional(instrument: Instrument, notional_atoms: int) -> RejectReason | None:
    if notional_atoms < max(1, instrument.notional_min_atoms):
        return RejectReason.NOTIONAL_TOO_SMALL
    if instrument.notional_max_atoms and notional_atoms > instrument.notional_max_atoms:
        return RejectReason.NOTIONAL_TOO_LARGE
    return None


def are_too_many_slices(display_lots: int | None, size_lots: int) -> bool:
    """Return whether an iceberg would come back too often."""
    return bool(display_lots) and size_lots > (display_lots or 0) * SLICES_MAX


def _is_trail(instrument: Instrument, place: Place) -> bool:
    rate, ticks = place.trail_rate_e8, place.trail_ticks
    return (ticks is None or 1 <= ticks <= instrument.price_max_ticks) and (
        rate is None or 1 <= rate < RATE_SCALE
    )


def of_band(market: Market, price_ticks: int | None) -> RejectReason | None:
    """Return whether a limit is too far from the reference."""
    band = market.band
    if price_ticks is None or band is None or band[0] <= price_ticks <= band[1]:
        return None
    return RejectReason.PRICE_OUTSIDE_BAND
