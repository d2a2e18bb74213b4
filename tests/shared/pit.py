"""A market against an engine, for tests: what a shell does in a turn, and no more."""

from collections import defaultdict
from collections.abc import Iterable

from steelyard.domain.commands import (
    Accepted,
    CancelAll,
    Deposit,
    Effect,
    Filled,
    HouseLevel,
    HouseTrade,
    ListInstrument,
    OpenAccount,
    Place,
    Traded,
)
from steelyard.domain.layout import NodeState
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.engine.book import QueueModel
from steelyard.engine.choice import Kind, new_engine
from steelyard.exchange.engine_state import records_of
from steelyard.exchange.house import BOOK_DEPTH, Market

SECOND_NS = 1_000_000_000
OPEN_NS = 1_732_026_600 * SECOND_NS  # 2024-11-19 14:30 UTC, on a minute
TICK_NS = 50_000_000
USERS = (100, 101)
PLENTY_ATOMS = 10**24


class Pit:
    """One market and one engine on one clock, with two rich users."""

    def __init__(
        self,
        market: Market,
        queue_model: QueueModel = QueueModel.PROPORTIONAL,
        kind: Kind = "native",
    ) -> None:
        self.market = market
        self.engine = new_engine(queue_model, kind)
        self.now_ns = OPEN_NS
        self.commands: list[HouseLevel | HouseTrade] = []  # of the last turn
        self.trades: list[tuple[int, Traded]] = []
        self.fills: list[tuple[int, Filled]] = []
        for instrument in market.instruments():
            self.engine.apply(ListInstrument(instrument), self.now_ns)
        for account in USERS:
            self.engine.apply(OpenAccount(account, 0, 0), self.now_ns)
            for asset in range(1, 6):
                self.engine.apply(Deposit(account, asset, PLENTY_ATOMS), self.now_ns)

    def turn(self, now_ns: int | None = None) -> None:
        """Let the market do what is due."""
        self.now_ns = self.now_ns if now_ns is None else now_ns
        self.commands = self.market.commands(
            self.now_ns, lambda instrument_id: self.engine.book(instrument_id, BOOK_DEPTH)
        )
        effects: list[Effect] = []
        for command in self.commands:
            effects += self.engine.apply(command, self.now_ns)
        self.happened(effects)

    def run(self, ns: int, tick_ns: int = TICK_NS) -> None:
        """Let time pass in even ticks."""
        for now_ns in range(self.now_ns + tick_ns, self.now_ns + ns + 1, tick_ns):
            self.turn(now_ns)

    def place(
        self,
        instrument_id: int,
        side: Side,
        lots: int,
        price_ticks: int | None = None,
        account: int = USERS[0],
    ) -> int:
        """Let a user place an order; return its id."""
        is_market = price_ticks is None
        effects = self.engine.apply(
            Place(
                account,
                instrument_id,
                side,
                OrderType.MARKET if is_market else OrderType.LIMIT,
                TimeInForce.IOC if is_market else TimeInForce.GTC,
                False,
                price_ticks,
                lots,
            ),
            self.now_ns,
        )
        assert isinstance(effects[0], Accepted), effects
        self.happened(effects)
        return effects[0].order_id

    def cancel_all(self, account: int = USERS[0]) -> None:
        """Let a user cancel everything."""
        self.happened(self.engine.apply(CancelAll(account, None), self.now_ns))

    def happened(self, effects: Iterable[Effect]) -> None:
        """Write down effects, and show the market the trades of users."""
        for effect in effects:
            if isinstance(effect, Traded):
                self.trades.append((self.now_ns, effect))
                if effect.taker_order_id or effect.maker_order_id:
                    self.market.observe(effect)
            elif isinstance(effect, Filled):
                self.fills.append((self.now_ns, effect))

    def touch(self, instrument_id: int) -> tuple[int, int]:
        """Return the best bid and ask in ticks."""
        book = self.engine.book(instrument_id, 1)
        return book.bids[0][0], book.asks[0][0]

    def house(self, instrument_id: int, side: Side) -> dict[int, int]:
        """Return the house's own size by price, as the engine has it."""
        sizes: dict[int, int] = defaultdict(int)
        for node in records_of(self.engine.snapshot(), NodeState):
            if not node.order_id and (node.instrument_id, node.side) == (instrument_id, side):
                sizes[node.price_ticks] += node.remaining_lots
        return dict(sizes)

    def filled_lots(self, order_id: int) -> int:
        """Return how much of an order has filled."""
        return sum(fill.size_lots for _, fill in self.fills if fill.order_id == order_id)
