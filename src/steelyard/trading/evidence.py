"""What a bot has shown where it is: days, fills, slippage, refusals, falls, and what is still open.

Read from its journal and from nothing else, so that nobody has to take a bot's word. The invariant:
only runs of the last run's name, environment, class, symbol, parameters and code count, and with
real money of its venue, because a bot with others is another bot; and only what came after a
moment, because evidence is used once. Time counts while new orders may leave and the bot shows that
it runs: it writes something each minute, and a longer silence (the machine slept, a clock was set,
the process stood still) counts for nothing. Amounts are atoms of quote.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS
from steelyard.trading.breakers import share_of
from steelyard.trading.codes import difference
from steelyard.trading.config import HERE
from steelyard.trading.measures import NOTE_NS
from steelyard.trading.records import (
    FillSeen,
    GateChanged,
    MarketNamed,
    OrderPending,
    OrderRefused,
    RunStarted,
    RunStopped,
    TraderRecord,
)
from steelyard.trading.state import TraderState
from steelyard.trading.tripping import slippage

DAY_NS = 24 * 3_600 * SECOND_NS
SILENT_NS = 2 * NOTE_NS  # between two records; one minute's may be late, but not two


class Identity(Struct, frozen=True, omit_defaults=True):
    """Which bot it is: another class, symbol or parameter makes it another one.

    So does another leg: of a strategy of several, legs has what each of them trades, by name.
    """

    strategy: str
    symbol: str
    parameters: dict[str, str]
    legs: dict[str, str] = {}


class Evidence(Struct, frozen=True, kw_only=True):
    """What a journal shows of a bot in one environment."""

    bot: str
    environment: str
    identity: Identity
    venue: str = ""  # where its orders went; empty: its journal does not say
    markets: tuple[str, ...] = ()  # that its orders met, as `MarketNamed` has them in a line
    code: str = ""  # of its strategy, as `codes` has it; empty: its journal does not say
    open_ns: int = 0  # for which it ran and new orders could leave
    days: int = 0  # of UTC in which they could
    orders: int = 0
    refused: int = 0
    fills: int = 0
    slippage: Decimal | None = None  # a fraction of the middle; None: nothing tells
    fall_atoms: int = 0  # the deepest of the realized profit after fees
    exposure_atoms: int = 0  # the most that its position was worth
    profit_atoms: int = 0  # realized, after fees
    incidents: tuple[str, ...] = ()  # what is open now

    @property
    def refused_share(self) -> Decimal | None:
        """The part of its orders that the venue refused; None: there were none."""
        return share_of(self.refused, self.orders) if self.orders else None

    @property
    def fall_share(self) -> Decimal | None:
        """The deepest fall in parts of the most that it had at stake; None: it had nothing."""
        return share_of(self.fall_atoms, self.exposure_atoms) if self.exposure_atoms else None


def gather(records: Iterable[Record], since_ns: int = 0) -> Evidence | None:
    """Return what a journal shows after a moment; None: no run has begun in it."""
    found = _Gathering(since_ns)
    for record in records:
        found.take(record)
    return found.evidence()


class _Gathering:
    """The evidence of one identity in one environment; another one begins it anew."""

    def __init__(self, since_ns: int) -> None:
        self._since_ns = since_ns
        self._state = TraderState()
        self._run: RunStarted | None = None
        self._time_ns = 0
        self._is_open, self._market = False, ""
        self._begin()

    def _begin(self) -> None:
        self._open_ns = self._orders = self._refused = self._fills = 0
        self._days: set[int] = set()
        self._markets: set[str] = set()
        self._cost = self._worth = 0
        self._base_atoms: int | None = None  # the profit where this evidence begins
        self._peak_atoms = self._fall_atoms = self._exposure_atoms = 0

    def take(self, record: Record) -> None:
        """Go on by one record."""
        message, before_ns = record.message, self._time_ns
        if isinstance(message, RunStarted):
            if self._run is None or _is_other(message, self._run):
                self._begin()
            self._run = message
        self._state.replay(record)
        self._time_ns = record.time_ns
        if record.time_ns > self._since_ns:
            if not isinstance(message, RunStarted):  # it may have ended at any time before
                self._count(max(before_ns, self._since_ns))
            self._see(message)
        if isinstance(message, GateChanged):
            self._is_open = message.reason is None
        elif isinstance(message, MarketNamed):
            self._market = f"{message.kind} {message.venue}".strip()
        elif isinstance(message, RunStarted | RunStopped):
            self._is_open, self._market = False, ""

    def _see(self, message: TraderRecord) -> None:
        if self._base_atoms is None:
            self._base_atoms = self._profit_atoms()
        match message:
            case OrderPending():
                self._orders += 1
                self._markets.add(self._market)
            case OrderRefused():
                self._refused += 1
            case FillSeen():
                self._take_fill(message)
            case _:
                pass

    def _count(self, since_ns: int) -> None:
        """Count the time up to now in which orders could leave, if the bot ran meanwhile."""
        until_ns = self._time_ns
        if self._is_open and 0 <= until_ns - since_ns <= SILENT_NS:
            self._open_ns += until_ns - since_ns
            self._markets.add(self._market)
            self._days.update((since_ns // DAY_NS, until_ns // DAY_NS))

    def _take_fill(self, message: FillSeen) -> None:
        fill, portfolio = message.fill, self._state.portfolio
        assert portfolio is not None, "no fill comes before the instrument"
        self._fills += 1
        order = self._state.orders.find(message.client_order_id)
        if order is not None and (told := slippage(order, fill)) is not None:
            self._cost += told[0]
            self._worth += told[1]
        profit = self._profit_atoms() - (self._base_atoms or 0)
        self._peak_atoms = max(self._peak_atoms, profit)
        self._fall_atoms = max(self._fall_atoms, self._peak_atoms - profit)
        size_atoms = fill.size_lots * portfolio.instrument.lot_atoms
        worth = abs(portfolio.position_atoms) * fill.quote_atoms // max(1, size_atoms)
        self._exposure_atoms = max(self._exposure_atoms, worth, fill.quote_atoms)

    def _profit_atoms(self) -> int:
        portfolio = self._state.portfolio
        return 0 if portfolio is None else portfolio.realized_atoms - portfolio.fees_atoms

    def evidence(self) -> Evidence | None:
        """Return what was found."""
        run = self._run
        if run is None:
            return None
        return Evidence(
            bot=run.bot,
            environment=run.environment,
            identity=identity_of(run),
            venue=run.venue,
            markets=tuple(sorted(self._markets)),
            code=run.code,
            open_ns=self._open_ns,
            days=len(self._days),
            orders=self._orders,
            refused=self._refused,
            fills=self._fills,
            slippage=share_of(self._cost, self._worth) if self._worth else None,
            fall_atoms=self._fall_atoms,
            exposure_atoms=self._exposure_atoms,
            profit_atoms=self._profit_atoms() - (self._base_atoms or 0),
            incidents=tuple(self._incidents()),
        )

    def _incidents(self) -> list[str]:
        state = self._state
        found = [] if state.killed_why is None else [f"it was killed: {state.killed_why}"]
        found += [f"the breaker {name} has tripped" for name in sorted(state.breakers)]
        unknown = [o for o in state.orders.open if o.state is OrderState.UNKNOWN]
        if unknown:
            found.append(f"what became of {len(unknown)} of its orders is unknown")
        if state.moment.failure is not None:
            found.append("its strategy has failed")
        if state.moment.unprotected is not None:
            found.append(f"its position has no stop: {state.moment.unprotected}")
        return found


def identity_of(run: RunStarted) -> Identity:
    """Return which bot a run was of."""
    return Identity(run.strategy, run.symbol, run.parameters, run.legs)


def _is_other(run: RunStarted, before: RunStarted) -> bool:
    return _who(run) != _who(before) or difference(before.code, run.code) is not None


def _who(run: RunStarted) -> tuple[object, ...]:
    venue = "" if run.environment in HERE else run.venue  # of practice it may change its port
    return run.bot, run.environment, identity_of(run), venue
