"""What a trader spends on a frame of its market: bytes to the strategy, the whole machine between.

The machine is the real one, started against a venue that answers from a table; it trades nothing.
Its shell's part (socket, journal, timer) is left out.
"""

import time
from collections.abc import Callable
from random import Random
from typing import Any

from steelyard.dialects.binance import DIALECT
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    Answer,
    AssetBalance,
    BookQuery,
    BookSnapshot,
    CandleList,
    CandlesQuery,
    Clock,
    ClockQuery,
    FillList,
    FillsQuery,
    InstrumentList,
    InstrumentsQuery,
    KeyAnswer,
    KeyQuery,
    OrderAnswer,
    OrderList,
    OrdersQuery,
    Scope,
)
from steelyard.trading.actions import Ask, Returned, Role, Send, Start, StreamUp, Told, Woken
from steelyard.trading.books import BookView
from steelyard.trading.config import parse_config
from steelyard.trading.connector import MARKET_KINDS
from steelyard.trading.feed import MarketFeed
from steelyard.trading.strategy import Strategy
from steelyard.trading.trader import Trader
from steelyard.wire.choice import new_reader
from steelyard.wire.dialect import ClientSession
from steelyard.wire.outcome import Answered

CONFIG = """
[bot]
name = "bench"
environment = "sandbox"
[venue.main]
dialect = "binance"
rest = "http://127.0.0.1:1"
ws = "ws://127.0.0.1:1"
key = "env:BENCH"
[strategy]
class = "bench:Watcher"
symbol = "BTC-USDT"
[risk]
max_order_notional = "1000"
max_position = "1"
max_open_orders = 1
price_collar = "2%"
"""
SCOPES = frozenset({Scope.READ, Scope.TRADE})
TERMS = (
    "client_order_id",
    "account_id",
    "instrument_id",
    "side",
    "order_type",
    "time_in_force",
    "post_only",
    "price_ticks",
    "size_lots",
)
BEGIN_NS = 1_723_161_600_000_000_000
STEP_NS = 20_000_000  # between frames


class Watcher(Strategy):
    """Looks at the touch at every change of the book, and does nothing."""

    seen = 0

    def on_book(self, book: BookView) -> None:
        """Look."""
        self.seen += book.bids.best_ticks is not None


class Machine:
    """A trader that is ready, and its conversation with the market."""

    def __init__(
        self, market: Instrument, sequence: int, strategy: Strategy, *, is_native: bool
    ) -> None:
        self.now_ns = BEGIN_NS
        self._market, self._sequence, self._order_id = market, sequence, 0
        self.strategy = strategy
        config = parse_config(CONFIG)
        self.trader = Trader(config, "key", self.strategy, DIALECT.client, Random(1))
        self.session: ClientSession | MarketFeed = DIALECT.client.market_session(
            [market], Listings([market]), MARKET_KINDS
        )
        books = {}
        if is_native and (table := DIALECT.client.market_table([market])):
            reader = new_reader(*table)
            assert reader is not None, "the native module is there"
            feed = MarketFeed(self.session, [market], reader)
            self.session, books = feed, feed.books
        self.step(Start())
        self.step(StreamUp(Role.MARKET, books))
        self.step(StreamUp(Role.PRIVATE))
        for _ in range(100):
            if self.trader.status.word == "running":
                return
            self.now_ns += STEP_NS * 10
            self.step(Woken())
        raise AssertionError(self.trader.status)

    def frame(self, frame: bytes) -> None:
        """Take a frame, as the process does."""
        session, step = self.session, self.trader.step
        session.receive(frame, self.now_ns)
        for event in session.drain()[1]:
            step(Told(event), self.now_ns)

    def wake(self) -> list[Send]:
        """Do what is due, as the process's timer does; return what is to be sent."""
        deadline_ns = self.trader.deadline_ns
        is_due = deadline_ns is not None and deadline_ns <= self.now_ns
        return self.step(Woken()) if is_due else []

    def answer(self, sent: Send) -> None:
        """Let the venue say that an order was taken up and has ended unfilled."""
        place = sent.command
        assert isinstance(place, Place), "only orders are answered"
        self._order_id += 1
        terms = {name: getattr(place, name) for name in TERMS}
        order = Order(order_id=self._order_id, state=OrderState.CANCELED, **terms)
        outcome = Answered(OrderAnswer(order))
        self.step(Returned(sent.request_id, outcome, self.now_ns, self.now_ns))

    def step(self, event: Any) -> list[Send]:
        """Take an input, and the answers to what is asked then; return what is to be sent."""
        waiting, sent = [event], []
        while waiting:
            for action in self.trader.step(waiting.pop(0), self.now_ns):
                if isinstance(action, Ask):
                    answer = Answered(self._answer(action.query))
                    times_ns = self.now_ns, self.now_ns + 1
                    waiting.append(Returned(action.request_id, answer, *times_ns))
                elif isinstance(action, Send):
                    sent.append(action)
        return sent

    def balances(self) -> tuple[AssetBalance, ...]:
        """Return what the account holds: nothing is known."""
        return ()

    def _snapshot(self) -> BookSnapshot:
        return BookSnapshot(self._market.instrument_id, self._sequence, (), (), 0)

    def _answer(self, query: Any) -> Answer:
        answers: dict[type, Callable[[], Answer]] = {
            InstrumentsQuery: lambda: InstrumentList((self._market,)),
            KeyQuery: lambda: KeyAnswer("key", 0, SCOPES, (), 0, None),
            AccountQuery: lambda: AccountAnswer(0, self.balances(), 0, 0, self.now_ns),
            ClockQuery: lambda: Clock(self.now_ns),
            BookQuery: self._snapshot,
            CandlesQuery: lambda: CandleList(()),
            OrdersQuery: lambda: OrderList(()),
            FillsQuery: lambda: FillList(()),
        }
        return answers[type(query)]()


def trader_job(
    frames: list[bytes], market: Instrument, sequence: int, *, is_native: bool
) -> Callable[[], float]:
    """Return what takes every frame and returns the processor time; sequence comes before them."""

    def job() -> float:
        watcher = Watcher()
        machine = Machine(market, sequence, watcher, is_native=is_native)
        take = machine.frame
        start = time.process_time()
        for frame in frames:
            machine.now_ns += STEP_NS
            take(frame)
        seconds = time.process_time() - start
        desk = machine.trader.desk
        assert desk is not None, "a trader that runs has a desk"
        assert desk.book.gaps == 0, "the recording has none"
        assert watcher.seen > len(frames) // 10, "the strategy has looked"
        return seconds

    return job
