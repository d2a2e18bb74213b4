"""The short way through a trader's limits: for an order that is ordinary in every respect.

What it lets pass `risk.check` would approve as well, from the same situation; it refuses nothing,
and whatever is odd goes there, where the words are. Ordinary is a new limit order that is no stop,
of a bot whose limits need no more than the order's own numbers, while the gate is open, no breaker
has tripped, nothing lacks its stop and no order is in doubt. It reads what the long way reads, but
in whole numbers, and asks nobody.
"""

from typing import NamedTuple

from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import OrderType, Side
from steelyard.domain.units import EXACT, to_atoms
from steelyard.trading.risk import OVERDUE_NS, Limits
from steelyard.trading.startup import Startup
from steelyard.trading.turn import Turn

_LIMIT, _BUY = OrderType.LIMIT, Side.BUY  # read once: until Python 3.12 that is a search


class PlainLimits(NamedTuple):
    """A bot's limits in whole numbers of its instrument. The collar is a fraction."""

    order_atoms: int
    order_lots: int
    position_lots: int
    open_orders: int
    collar_over: int
    collar_under: int
    tick_lot_atoms: int


def plain_limits(limits: Limits, instrument: Instrument) -> PlainLimits | None:
    """Return limits as the short way has them; None: some need more than an order's numbers."""
    more = (
        limits.max_orders_per_minute,
        limits.max_daily_loss,
        limits.max_gross_exposure,
        limits.max_leverage,
    )
    if more != (None, None, None, None):
        return None
    lot_size, most = instrument.lot_size, limits.max_order_size
    over, under = limits.price_collar.as_integer_ratio()
    return PlainLimits(
        to_atoms(limits.max_order_notional),
        instrument.size_max_lots if most is None else int(EXACT.divide_int(most, lot_size)),
        int(EXACT.divide_int(limits.max_position, lot_size)),
        limits.max_open_orders,
        over,
        under,
        instrument.tick_lot_atoms,
    )


def passes(
    place: Place,
    limits: PlainLimits,
    half_ticks: int,
    position_lots: int,
    open_lots: int,
    open_orders: int,
) -> bool:
    """Whether an ordinary order keeps all limits; False: the long way knows.

    half_ticks is twice the middle of the book, open_lots what may still fill on the order's side.
    """
    price_ticks, size_lots = place.price_ticks, place.size_lots
    if place.order_type is not _LIMIT or price_ticks is None or place.trigger_ticks is not None:
        return False
    worst, beyond = position_lots + open_lots + size_lots, 2 * price_ticks - half_ticks
    if place.side is not _BUY:
        worst, beyond = position_lots - open_lots - size_lots, -beyond
    return (
        size_lots <= limits.order_lots
        and price_ticks * size_lots * limits.tick_lot_atoms <= limits.order_atoms
        and -limits.position_lots <= worst <= limits.position_lots
        and open_orders < limits.open_orders
        and (beyond <= 0 or beyond * limits.collar_under <= half_ticks * limits.collar_over)
    )


class ShortCheck:
    """The short way of one trader whose gate is known to be open, and no breaker tripped."""

    def __init__(self, turn: Turn, limits: Limits, startup: Startup) -> None:
        self._turn = turn
        self._startup = startup
        self._limits = limits
        self._instrument: Instrument | None = None  # whose these are:
        self._plain: PlainLimits | None = None

    def passes(self, place: Place) -> bool:
        """Whether a new order is one that the long way would approve; False: ask it."""
        turn = self._turn
        state, now_ns = turn.state, turn.now_ns
        portfolio, desk = state.portfolio, self._startup.desk
        if portfolio is None or desk is None:
            return False
        instrument = portfolio.instrument
        if instrument is not self._instrument:
            self._instrument, self._plain = instrument, plain_limits(self._limits, instrument)
        limits, half_ticks = self._plain, desk.book.calm(now_ns)
        if limits is None or half_ticks is None:
            return False
        found = state.orders.plain(place.side, now_ns - OVERDUE_NS)
        if found is None:
            return False
        return passes(place, limits, half_ticks, portfolio.position_lots, *found)
