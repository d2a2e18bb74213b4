"""The short way through a trader's limits: for an order that is ordinary in every respect.

What it lets pass `risk.check` would approve as well, from the same situation; it refuses nothing,
and whatever is odd goes there, where the words are. Ordinary is a new limit order that is no stop,
of a bot whose limits need no more than the order's own numbers, while the gate is open, no breaker
has tripped, nothing lacks its stop and no order is in doubt. It reads what the long way reads, but
in whole numbers, and asks nobody.

Nearly all of that changes by nothing but an input that every part looks at, or by time. What was so
when all parts had looked is kept (`Allowed`) until the next such input, record or order, or until
time alone may make it otherwise; a book that moves leaves it.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import OrderType, Side
from steelyard.domain.units import EXACT, to_atoms
from steelyard.trading.actions import Role
from steelyard.trading.books import BookView
from steelyard.trading.channels import Channel, Channels
from steelyard.trading.ending import Endings
from steelyard.trading.halts import Halts
from steelyard.trading.host import StrategyHost
from steelyard.trading.reconcile import Reconciler
from steelyard.trading.risk import OVERDUE_NS, Limits
from steelyard.trading.startup import Phase, Startup
from steelyard.trading.tripping import Breakers
from steelyard.trading.turn import Turn

# Read once: until Python 3.12 that is a search.
_LIMIT, _BUY, _SELL = OrderType.LIMIT, Side.BUY, Side.SELL
_READY, _PRIVATE, _ACCOUNT, _TRADES = Phase.READY, Role.PRIVATE, Channel.PRIVATE, Channel.TRADES


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
    order_atoms, order_lots, most, orders_max, over, under, tick_lot_atoms = limits
    worst, beyond = position_lots + open_lots + size_lots, 2 * price_ticks - half_ticks
    if place.side is not _BUY:
        worst, beyond = position_lots - open_lots - size_lots, -beyond
    return (
        size_lots <= order_lots
        and price_ticks * size_lots * tick_lot_atoms <= order_atoms
        and -most <= worst <= most
        and open_orders < orders_max
        and (beyond <= 0 or beyond * under <= half_ticks * over)
    )


class Parts(NamedTuple):
    """The parts of a trader that may be in an order's way."""

    startup: Startup
    endings: Endings
    host: StrategyHost
    halts: Halts
    reconciler: Reconciler
    channels: Channels
    breakers: Breakers
    streams: Mapping[Role, str | None]
    lease_trouble: Callable[[], str | None]


class Allowed(NamedTuple):
    """What was so when all parts had looked, and nothing was in an order's way."""

    until_ns: int  # then time alone may make it otherwise
    limits: PlainLimits
    book: BookView
    position_lots: int
    bought_lots: int  # what may still fill of buys
    sold_lots: int
    open_orders: int


class ShortCheck:
    """The short way of one trader."""

    def __init__(self, turn: Turn, limits: Limits, parts: Parts) -> None:
        self._turn = turn
        self._parts = parts
        self._limits = limits
        self._instrument: Instrument | None = None  # whose these are:
        self._plain: PlainLimits | None = None
        self._allowed: Allowed | None = None

    def passes(self, place: Place) -> bool:
        """Whether a new order is one that the long way would approve; False: ask it."""
        turn, allowed = self._turn, self._allowed
        now_ns = turn.now_ns
        if allowed is None or turn.needs_work or now_ns > allowed[0]:
            turn.hear()
            allowed = self._look()
            if allowed is None:
                return False
        _, limits, book, position_lots, bought, sold, open_orders = allowed
        half_ticks = book.calm(now_ns)
        if half_ticks is None or not passes(
            place,
            limits,
            half_ticks,
            position_lots,
            bought if place.side is _BUY else sold,
            open_orders,
        ):
            return False
        self._allowed = None  # it is one more now
        return True

    def forget(self) -> None:
        """Something happens that any part may look at."""
        self._allowed = None

    def look(self) -> None:
        """All parts have looked: keep what is so until the next thing happens."""
        self._allowed = self._look() if self._parts.breakers.is_calm else None

    def _look(self) -> Allowed | None:
        """Return what is so now; None: something is out of the ordinary."""
        turn, parts = self._turn, self._parts
        portfolio, desk = turn.state.portfolio, parts.startup.desk
        if portfolio is None or desk is None or not self.is_calm:
            return None
        instrument = portfolio.instrument
        if instrument is not self._instrument:
            self._instrument, self._plain = instrument, plain_limits(self._limits, instrument)
        orders, doubt_ns = turn.state.orders, turn.now_ns - OVERDUE_NS
        bought, sold = orders.plain(_BUY, doubt_ns), orders.plain(_SELL, doubt_ns)
        if self._plain is None or bought is None or sold is None:
            return None
        until_ns = parts.channels.fresh_until_ns(_ACCOUNT)
        if parts.startup.market is not None and parts.startup.market.wants_trades:
            until_ns = min(until_ns, parts.channels.fresh_until_ns(_TRADES))
        until_ns = min(until_ns, orders.pending_since_ns + OVERDUE_NS)
        return Allowed(
            until_ns, self._plain, desk.book, portfolio.position_lots, bought[0], sold[0], sold[1]
        )

    @property
    def is_calm(self) -> bool:
        """Whether nothing but the limits can be in an order's way."""
        state, parts = self._turn.state, self._parts
        breakers, market = parts.breakers, parts.startup.market
        return (
            state.killed_why is None
            and parts.endings.stop_why is None
            and parts.host.failure is None
            and parts.lease_trouble() is None
            and parts.startup.phase is _READY
            and not parts.halts.until_ns
            and parts.streams[_PRIVATE] is None
            and parts.reconciler.is_clean
            and parts.channels.is_fresh(_ACCOUNT, self._turn.now_ns)
            and market is not None
            and (not market.wants_trades or market.trades_trouble is None)
            and state.moment.unprotected is None
            and (breakers.is_calm or breakers.trouble_now() is None)
        )
