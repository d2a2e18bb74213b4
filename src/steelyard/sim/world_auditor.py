"""The auditor of a simulated world: what must be true after each step, by the exchange's books.

It hears of what each trader takes in, journals and sends, and of what arrives at the exchange,
and holds one against the other. It believes the exchange's history, the disks, and what it has
itself seen go by; of a trader it only believes what that has written down. What it finds is a
`Violation`. What must be true once everything has calmed down is `sim.quiet`'s.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from steelyard.domain.commands import Amend, Place, UserCommand
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    FillsQuery,
    OrderQuery,
    OrdersQuery,
    Query,
)
from steelyard.domain.order import Side
from steelyard.domain.units import EXACT, to_atoms
from steelyard.sim.exchange_host import ExchangeHost
from steelyard.sim.guard_auditor import SLACK, Broken, GuardAuditor
from steelyard.sim.timeline import Timeline
from steelyard.sim.trader_host import TraderHost
from steelyard.sim.workload import BY_HAND
from steelyard.trading import actions
from steelyard.trading.actions import Input, Role
from steelyard.trading.books import STALE_NS
from steelyard.trading.records import OrderAbsent, OrderPending, OrderRefused, OrderSeen
from steelyard.trading.state import TraderState
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import Answered

ALL = 1_000_000
TOUCH_NS = STALE_NS + 5 * SECOND_NS  # how old what a trader sees of the book may be
DOUBT_NS = SECOND_NS // 2  # an answer that is later than this is missed
DUST_LOTS = 1  # what fees taken from the base may make of a position in whole lots
PACE_MAX = 100  # requests that a bot wants to make in a second, whether they leave or not
RATE_STATUSES = (429, 418)
COMPARED = (OrdersQuery, FillsQuery, AccountQuery)  # what has to be asked before trading opens
NOT_THERE = (OrderState.ABSENT, OrderState.REJECTED)


# When, and the best bid and ask from then on.
_Touch = tuple[int, tuple[int | None, int | None]]


class Violation(Exception):
    """Something that must never be. rule is its short name."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule


class Truth(NamedTuple):
    """What the exchange has of one bot: its orders, and what they have traded, in atoms."""

    orders: dict[str, Order]  # by our id; one that replaced others counts what those have filled
    position_atoms: int
    cash_atoms: int


class _Bot:
    """What the auditor has seen of one bot."""

    def __init__(self, host: TraderHost) -> None:
        self.host = host
        self.intents: dict[str, Place] = {}
        self.order_ids: defaultdict[str, set[int]] = defaultdict(set)
        self.changes: Counter[str] = Counter()  # of an order that were sent, by our id
        self.wishes: dict[tuple[Side, int], str] = {}
        self.stops: set[str] = set()  # ids of orders that protect a position
        self.written_off: set[str] = set()  # by our id: it has put down that they are not there
        self.told: set[str] = set()  # by our id: the venue has told of them
        self.private_up = False
        self.killed = False
        self.verified: object = None  # the report of a kill that was looked at last
        self.wait_until_ns = 0
        self.asked: dict[int, type] = {}  # since the private stream is up
        self.compared: set[type] = set()
        self.pace: deque[int] = deque()  # when it wanted to send something, lately
        self.guards = GuardAuditor(host)


class WorldAuditor:
    """Watches one world.

    Args:
        timeline: When.
        exchange: Whose books are the truth.
        slack_ns: How much too early a trader may think that a wait is over; None: clocks are put
            on and back, and nobody can say.
        is_frank: Whether an order that the venue says it has not taken does not come after all.
        wishes_differ: Whether no two wishes of a bot are of one side and size, so that a wish which
            becomes two orders shows.
        knows_touches: Whether a bot sees the book only as it is between two events; where it is
            told within one, what it has seen cannot be known for wrong.
        replaces: Whether a change of an order is another order in its place.

    Attributes:
        counts: How often something was looked at, by what; a rule that never was proves nothing.
    """

    def __init__(
        self,
        timeline: Timeline,
        exchange: ExchangeHost,
        slack_ns: int | None,
        *,
        is_frank: bool = True,
        wishes_differ: bool = True,
        knows_touches: bool = True,
        replaces: bool = False,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._timeline = timeline
        self._exchange = exchange
        self._slack_ns = slack_ns
        self._is_frank = is_frank
        self._wishes_differ = wishes_differ
        self._knows_touches = knows_touches
        self._replaces = replaces
        self._bots: dict[str, _Bot] = {}
        self._by_intent: dict[str, _Bot] = {}
        self._touches: defaultdict[str, deque[_Touch]] = defaultdict(deque)  # by symbol
        exchange.recorded = self._recorded

    def watch(self, host: TraderHost) -> None:
        """Watch a bot from here on."""
        self._bots[host.name] = _Bot(host)

    @property
    def intents(self) -> Mapping[str, Place]:
        """Everything that any bot has decided on, by our id."""
        return {name: bot.intents[name] for name, bot in self._by_intent.items()}

    # -- what a trader does -----------------------------------------------------------------------

    def took(self, host: TraderHost, event: Input, wanted: list[actions.Action]) -> None:
        """A machine took an input and wants this."""
        bot = self._bots[host.name]
        try:
            bot.guards.took(event, wanted)
        except Broken as broken:
            raise Violation(broken.rule, f"{host.name}: {broken.text}") from broken
        match event:
            case actions.Start():
                # What a process knew that is gone, and had not written down, it never sent.
                bot.private_up, bot.killed = False, False
                bot.asked.clear()
                bot.compared.clear()
                orders = host.trader.turn.state.orders
                bot.written_off = {o.client_order_id for o in orders if o.state in NOT_THERE}
            case actions.StreamUp(role=Role.PRIVATE):
                bot.private_up = True
                bot.asked.clear()
                bot.compared.clear()
            case actions.StreamDown(role=Role.PRIVATE):
                bot.private_up = False
            case actions.Kill():
                bot.killed = True
            case actions.Resume():
                bot.killed = False
            case actions.Returned():
                kind = bot.asked.pop(event.request_id, None)
                if kind is not None and isinstance(event.outcome, Answered):
                    bot.compared.add(kind)
            case _:
                pass
        asks = sum(isinstance(action, actions.Send | actions.Ask) for action in wanted)
        bot.pace.extend([self._timeline.now_ns] * asks)
        while bot.pace and bot.pace[0] < self._timeline.now_ns - SECOND_NS:
            bot.pace.popleft()
        if len(bot.pace) > PACE_MAX:
            raise Violation("storm", f"{host.name} wants {len(bot.pace)} requests in a second")
        for action in wanted:
            match action:
                case actions.Journal(OrderPending(place, protects)):
                    self._decided(bot, place)
                    if protects:
                        bot.stops.add(place.client_order_id)
                case actions.Journal(OrderAbsent(name) | OrderRefused(name)):
                    self._wrote_off(bot, name)
                case actions.Journal(OrderSeen(order)):
                    self._heard(bot, order)
                case actions.Ask(request_id, query) if isinstance(query, COMPARED):
                    bot.asked[request_id] = type(query)

        self._check_kill(bot)

    def _check_kill(self, bot: _Bot) -> None:
        """A kill that calls itself verified has left no order of the bot's open."""
        kill = bot.host.trader.endings.kill
        report = None if kill is None else kill.report
        if report is bot.verified or not self._exchange.is_up:
            return
        bot.verified = report
        if report is None or not report.verified or not self._is_frank:
            return
        self.counts["kills"] += 1
        truth = self.truth(bot.host).orders
        if left := [name for name, order in truth.items() if order.state.is_open]:
            raise Violation("killed", f"{bot.host.name} calls its kill verified, and has {left}")

    def _decided(self, bot: _Bot, place: Place) -> None:
        name = place.client_order_id
        self.counts["decided"] += 1
        if bot.killed or bot.host.has_latch:
            raise Violation("killed", f"{bot.host.name} wants {name} while the kill switch is on")
        if not bot.private_up:
            raise Violation("gated", f"{bot.host.name} wants {name} without its private stream")
        if missing := [kind.__name__ for kind in COMPARED if kind not in bot.compared]:
            raise Violation(
                "compared", f"{bot.host.name} wants {name} before it has answers to {missing}"
            )
        if name in self._by_intent:
            raise Violation("intent", f"{bot.host.name} uses the id {name} again")
        self._check_touch(bot, name)
        self._check_doubt(bot, place)
        bot.intents[name] = place
        self._by_intent[name] = bot

    def _wrote_off(self, bot: _Bot, name: str) -> None:
        """A bot has put down that an order is not there, and will not be."""
        self.counts["written off"] += 1
        bot.written_off.add(name)
        if self._is_frank and self._exchange.is_up and self._stands(bot, name):
            raise Violation("written off", f"{bot.host.name} writes off {name}, which is there")

    def _heard(self, bot: _Bot, order: Order) -> None:
        """The venue has told a bot of an order of its."""
        own = bot.host.trader.turn.state.orders.find(order.client_order_id, order.order_id)
        if own is not None and order.state is not OrderState.REJECTED:
            bot.told.add(own.client_order_id)

    def _stands(self, bot: _Bot, name: str) -> bool:
        """Whether the exchange has taken an order."""
        exchange = self._exchange.exchange
        account_id = exchange.keys.account_id(bot.host.account)
        found = exchange.history.order(OrderQuery(account_id, client_order_id=name))
        return found is not None and found.state is not OrderState.REJECTED

    def forgotten(self, host: TraderHost) -> set[str]:
        """Return the orders, by our id, that the exchange has told of and does not have."""
        bot = self._bots[host.name]
        return {name for name in bot.told if not self._stands(bot, name)}

    def _check_doubt(self, bot: _Bot, place: Place) -> None:
        """Nothing adds risk while it is not known what became of an order, or of its change."""
        turn, name = bot.host.trader.turn, place.client_order_id
        if int(place.side) * _lots(turn.state) < 0:
            return
        for order in turn.state.orders.may_fill:
            amending = order.amending
            asked_ns = order.created_ns if amending is None else amending.asked_ns
            is_asked = order.state is OrderState.PENDING or amending is not None
            is_late = is_asked and turn.now_ns - asked_ns > DOUBT_NS
            is_unknown = order.state is OrderState.UNKNOWN or (amending and amending.is_unknown)
            if order.client_order_id != name and (is_late or is_unknown):
                raise Violation(
                    "doubt",
                    f"{bot.host.name} wants {name} and does not know of {order.client_order_id}",
                )

    def _check_touch(self, bot: _Bot, name: str) -> None:
        """The book on which it decided was the venue's a short time ago."""
        if not self._knows_touches:
            return
        desk = bot.host.trader.desk
        assert desk is not None, "who orders has a book"
        seen = desk.book.book.bid_ticks, desk.book.book.ask_ticks
        if all(touch != seen for _, touch in self._touches[_symbol(bot.host)]):
            raise Violation(
                "book", f"{bot.host.name} wants {name} on the touch {seen}, which there was not"
            )

    def leaves(self, host: TraderHost, message: UserCommand | Query, request: Request) -> None:
        """A request leaves."""
        bot = self._bots[host.name]
        self.counts["requests"] += 1
        if isinstance(message, Place) and not host.is_durable(message.client_order_id):
            raise Violation(
                "durable", f"{host.name} sends {message.client_order_id} before it is on its disk"
            )
        if isinstance(message, Amend):
            bot.changes[message.client_order_id] += 1
        if self._slack_ns is None:
            return
        if self._timeline.now_ns < bot.wait_until_ns - self._slack_ns:
            left_ms = (bot.wait_until_ns - self._timeline.now_ns) // 10**6
            raise Violation(
                "wait",
                f"{host.name} sends {request.method} {request.path} {left_ms} ms before the venue "
                "wants to hear of it again",
            )

    def came_back(self, host: TraderHost, response: Response) -> None:
        """A response has come."""
        if response.status in RATE_STATUSES and (wait := response.headers.get("retry-after")):
            bot = self._bots[host.name]
            until_ns = self._timeline.now_ns + int(wait) * SECOND_NS
            bot.wait_until_ns = max(bot.wait_until_ns, until_ns)
            self.counts["waits"] += 1

    # -- what the exchange does -------------------------------------------------------------------

    def look(self) -> None:
        """Note what there is to see now; called after each event."""
        if not self._exchange.is_up:
            return
        machine, now_ns = self._exchange.exchange, self._timeline.now_ns
        for symbol in {_symbol(bot.host): None for bot in self._bots.values()}:
            levels = machine.levels(machine.listings.symbol(symbol).instrument_id, 1)
            touch = (
                levels.bids[0][0] if levels.bids else None,
                levels.asks[0][0] if levels.asks else None,
            )
            touches = self._touches[symbol]
            if not touches or touches[-1][1] != touch:
                touches.append((now_ns, touch))
            while len(touches) > 1 and touches[1][0] < now_ns - TOUCH_NS:
                touches.popleft()

    def listing(self, host: TraderHost) -> Instrument:
        """Return what a bot trades, as the exchange has it."""
        return self._exchange.exchange.listings.symbol(_symbol(host))

    def _recorded(self, _time_ns: int, message: object) -> None:
        if isinstance(message, Place) and message.client_order_id:
            self._arrived(message)

    def _arrived(self, place: Place) -> None:
        """The exchange has carried out a Place, or refused it."""
        name, history = place.client_order_id, self._exchange.exchange.history
        bot = self._by_intent.get(name)
        if bot is None:
            if not name.startswith(BY_HAND):
                raise Violation("intent", f"order {name} came without an intent")
            return
        self.counts["arrived"] += 1
        found = history.order(OrderQuery(place.account_id, client_order_id=name))
        if found is None or found.state is OrderState.REJECTED:
            return
        if name in bot.written_off and self._is_frank:
            raise Violation("written off", f"{name} arrives, which its bot has written off")
        numbers = bot.order_ids[name]
        numbers.add(found.order_id)
        # Some venues put another order in the place of one that is changed.
        if len(numbers) > 1 + (bot.changes[name] if self._replaces else 0):
            raise Violation("double", f"{name} has become the orders {numbers}")
        if len(numbers) > 1:
            self._check_limits(bot, place)
            return
        wish = (place.side, place.size_lots)
        # A stop is as large as the position, and comes again when it has gone.
        is_single = self._wishes_differ and name not in bot.stops
        if is_single and bot.wishes.setdefault(wish, name) != name:
            raise Violation(
                "double", f"{bot.wishes[wish]} and {name} are of one wish: {wish[1]} lots"
            )
        self._check_limits(bot, place)

    def _check_limits(self, bot: _Bot, place: Place) -> None:
        """No limit is exceeded if everything that is open at the venue fills."""
        truth = self.truth(bot.host)
        limits, instrument = bot.host.config.limits, self.listing(bot.host)
        open_orders = [order for order in truth.orders.values() if order.state.is_open]
        count = sum(order.client_order_id not in bot.stops for order in open_orders)
        if count > limits.max_open_orders:
            raise Violation("max_open_orders", f"{count} are open at the venue, besides stops")
        if place.price_ticks is not None:
            worth = instrument.notional_atoms(place.price_ticks, place.size_lots)
            if worth > to_atoms(limits.max_order_notional):
                raise Violation("max_order_notional", f"{place.client_order_id} is worth {worth}")
        if place.client_order_id not in bot.stops:
            self._check_together(bot, place, truth)
        most = EXACT.divide(limits.max_position, instrument.lot_size)
        position = truth.position_atoms // instrument.lot_atoms
        for side in Side:
            waiting = sum(o.remaining_lots for o in open_orders if o.side is side)
            worst = int(side) * position + waiting
            self.counts["near the limit"] += waiting > 0 and worst > most / 2
            if worst > most + DUST_LOTS and waiting:
                raise Violation(
                    "max_position",
                    f"if all of {bot.host.name}'s {side.name} orders fill it has {worst} lots, "
                    f"allowed are {most}",
                )

    def _check_together(self, bot: _Bot, place: Place, truth: Truth) -> None:
        """What the bots could come to hold together, and this one against its account's worth."""
        limits, instrument = bot.host.config.limits, self.listing(bot.host)
        levels = self._exchange.exchange.levels(instrument.instrument_id, 1)
        if limits.max_gross_exposure is None or not (levels.bids and levels.asks):
            return
        half_ticks = levels.bids[0][0] + levels.asks[0][0]
        lot_atoms = half_ticks * instrument.tick_lot_atoms // 2
        sides = _sides(truth, instrument.lot_atoms)
        if sides[place.side] < max(sides.values()):
            return  # the other side is the larger one
        worst = {
            name: max(_sides(self.truth(other.host), instrument.lot_atoms).values())
            for name, other in self._bots.items()
        }
        self.counts["together"] += len(worst) > 1
        if sum(worst.values()) * lot_atoms > to_atoms(limits.max_gross_exposure) * SLACK:
            raise Violation("max_gross_exposure", f"with {place.client_order_id} {worst} lots")
        if limits.max_leverage is not None:
            deposit = sum(
                balance.free_atoms + balance.held_atoms
                if balance.asset_id == instrument.quote_asset_id
                else (balance.free_atoms + balance.held_atoms) * lot_atoms // instrument.lot_atoms
                for balance in self._balances(bot)
                if balance.asset_id in (instrument.quote_asset_id, instrument.base_asset_id)
            )
            if worst[bot.host.name] * lot_atoms > deposit * limits.max_leverage * SLACK:
                raise Violation("max_leverage", f"with {place.client_order_id} {worst} lots")

    def _balances(self, bot: _Bot) -> tuple[AssetBalance, ...]:
        exchange = self._exchange.exchange
        account_id = exchange.keys.account_id(bot.host.account)
        answer = exchange.ask(AccountQuery(account_id), exchange.now_ns)
        assert isinstance(answer, AccountAnswer), "it is what was asked for"
        return answer.balances

    def truth(self, host: TraderHost) -> Truth:
        """Return what the exchange has of a bot."""
        bot, exchange = self._bots[host.name], self._exchange.exchange
        account_id = exchange.keys.account_id(host.account)
        instrument = self.listing(host)
        found = exchange.history.orders(OrdersQuery(account_id, ALL))
        orders: dict[str, Order] = {}
        numbers = set()
        for order in found:
            name = order.client_order_id
            if name not in bot.intents or order.state is OrderState.REJECTED:
                continue
            numbers.add(order.order_id)
            before = orders[name].filled_lots if name in orders else 0
            orders[name] = order
            if before:
                size_lots, filled_lots = before + order.size_lots, before + order.filled_lots
                orders[name] = replace(order, size_lots=size_lots, filled_lots=filled_lots)
        position = cash = 0
        for fill in exchange.history.fills(FillsQuery(account_id, ALL)):
            if fill.order_id not in numbers:
                continue
            sign = int(fill.side)
            position += sign * fill.size_lots * instrument.lot_atoms
            cash -= sign * fill.quote_atoms
            if fill.fee_asset_id == instrument.base_asset_id:
                position -= fill.fee_atoms
            else:
                cash -= fill.fee_atoms
        return Truth(orders, position, cash)

    def stops(self, host: TraderHost) -> frozenset[str]:
        """Return the ids of the orders by which a bot has wanted to protect its position."""
        return frozenset(self._bots[host.name].stops)

    def hosts(self) -> Iterator[TraderHost]:
        """Yield the bots."""
        yield from (bot.host for bot in self._bots.values())


def _symbol(host: TraderHost) -> str:
    return host.config.strategy.symbol


def _sides(truth: Truth, lot_atoms: int) -> dict[Side, int]:
    """Return the largest position that the open orders of each side can lead to, in lots."""
    position = truth.position_atoms // lot_atoms
    found = {}
    for side in Side:
        waiting = sum(
            order.remaining_lots
            for order in truth.orders.values()
            if order.state.is_open and order.side is side
        )
        found[side] = abs(position + int(side) * waiting)
    return found


def _lots(state: TraderState) -> int:
    """Return the position that a bot believes to have."""
    return 0 if state.portfolio is None else state.portfolio.position_lots
