"""What a trader weighs: with the books of ten symbols, and after a day compared with an hour.

A bot trades one symbol and is a process of its own, so ten symbols are ten machines; they are
measured in one process, where what they share is there once, and as a process each. The day is one
of virtual time: each second a change of the book and a trade, every other second an order, which
fills, is canceled or is refused. What remembers for long is made to remember less, so that an hour
fills it; whatever grows from then on grows for ever.
"""

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from bench.client import HERE, MARKET
from bench.measure import row
from bench.tick import recorded
from bench.trader import TERMS, Machine
from steelyard.domain.commands import Place
from steelyard.domain.lifecycle import Fill, Liquidity, Order, OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    AssetBalance,
    Execution,
    OrderAnswer,
    OrderEvent,
    Refused,
)
from steelyard.domain.order import RejectReason
from steelyard.trading import amending, balances, host, orders, portfolio
from steelyard.trading.actions import Returned, Send, Sent, Told
from steelyard.trading.books import BookView
from steelyard.trading.strategy import Strategy
from steelyard.wire.outcome import Answered

HOUR_S, DAY_H = 3_600, 24
GROWTH_MAX = 1_000  # blocks: what goes up and down by itself; a day sends 42,000 orders
SYMBOLS = 10
RUNS = 3
UNFILLED, REFUSED = 3, 50  # every so many orders
LATENCY_NS = 10**6
MID = 6_000_000  # ticks
BEGUN_ATOMS = 10**15
# What remembers for long, and how much of it an hour fills.
MEMORIES = (
    (amending, "NUMBERS_MAX", 200),
    (balances, "KNOWN_MAX", 200),
    (orders, "ENDED_MAX", 200),
    (portfolio, "LATE_MAX", 100),
    (portfolio, "SEEN_MAX", 300),
    (portfolio, "POINTS_MAX", 60),
    (host, "REFUSAL_LOG_NS", SECOND_NS),
)


class Turner(Strategy):
    """Buys and sells by turns at the touch, at every other change of the book, and says so."""

    seen = 0

    def on_book(self, book: BookView) -> None:
        """Want an order now and then."""
        self.seen += 1
        best = book.best_bid
        if self.seen % 2 or best is None:
            return
        if self.seen % 100 == 0:
            self.buy("100", best)  # which the limits refuse
        elif self.seen % 4:
            self.buy("0.001", best)
        else:
            self.sell("0.001", best)


class Account(Machine):
    """A machine whose account holds what its fills say, and enough to begin with."""

    def balances(self) -> tuple[AssetBalance, ...]:
        """Return both assets of the market."""
        books = self.trader.turn.state.portfolio
        assert books is not None, "the instrument comes first"
        base, quote = BEGUN_ATOMS + books.position_atoms, BEGUN_ATOMS * MID + books.cash_atoms
        assets = (MARKET.base_asset_id, base), (MARKET.quote_asset_id, quote)
        return tuple(AssetBalance(asset, free_atoms, 0) for asset, free_atoms in assets)


class Day:
    """A trader's day, hour by hour."""

    def __init__(self) -> None:
        self.strategy = Turner()
        self.machine = Account(MARKET, 1, self.strategy, is_native=True)
        self.sent = 0
        self._update, self._trades = 1, 0

    def hour(self) -> int:
        """Let an hour pass; return how many blocks of memory Python holds after it."""
        for second in range(HOUR_S):
            self.machine.now_ns += SECOND_NS
            self._hear(self._depth(second))
            self._hear(self._trade(second))
            self._do(self.machine.wake())
        gc.collect()
        return sys.getallocatedblocks()

    def _hear(self, frame: bytes) -> None:
        machine = self.machine
        machine.session.receive(frame, machine.now_ns)
        for event in machine.session.drain()[1]:
            self._do(machine.step(Told(event)))

    def _do(self, sends: list[Send]) -> None:
        """Carry out what the machine sends: most orders fill, some do not, few are refused."""
        machine = self.machine
        for send in sends:
            place = send.command
            assert isinstance(place, Place), "nothing else is sent"
            self.sent += 1
            machine.step(Sent(send.request_id))
            order = Order(
                order_id=self.sent,
                state=OrderState.CANCELED,
                **{name: getattr(place, name) for name in TERMS},
            )
            told: tuple[Fill, ...] = ()
            if self.sent % UNFILLED:
                told = (self._fill(place),)
                order.state, order.filled_lots = OrderState.FILLED, place.size_lots
                order.quote_atoms = told[0].quote_atoms
            answer: OrderAnswer | Refused = OrderAnswer(order, told)
            if self.sent % REFUSED == 0:
                answer = Refused(RejectReason.MARKET_HALTED, "an example")
            times_ns = machine.now_ns, machine.now_ns + LATENCY_NS + self.sent
            machine.step(Returned(send.request_id, Answered(answer), *times_ns))
            if isinstance(answer, OrderAnswer):
                fill = next(iter(told), None)
                execution = Execution.FILL if told else Execution.CANCELED
                machine.step(Told(OrderEvent(execution, order, fill, machine.now_ns)))

    def _fill(self, place: Place) -> Fill:
        ticks = place.price_ticks or MID
        return Fill(
            trade_id=self.sent,
            order_id=self.sent,
            client_order_id=place.client_order_id,
            account_id=place.account_id,
            instrument_id=place.instrument_id,
            side=place.side,
            price_ticks=ticks,
            size_lots=place.size_lots,
            quote_atoms=MARKET.notional_atoms(ticks, place.size_lots),
            liquidity=Liquidity.MAKER,
            fee_asset_id=MARKET.quote_asset_id,
            fee_atoms=1_000,
            time_ns=self.machine.now_ns,
        )

    def _depth(self, second: int) -> bytes:
        """Return a change of the book that leaves as many levels as there were."""
        first, self._update = self._update + 1, self._update + 2
        bid, size = MID - second % 50, f"{1 + second % 3}.00000000"
        old = MID - (second - 1) % 50
        bids = [[_price(bid), size]] + ([[_price(old), "0.00000000"]] if old != bid else [])
        asks = [[_price(MID + 1 + second % 7), size]]
        return _frame(
            "depth@100ms",
            {"e": "depthUpdate", "E": self._ms, "U": first, "u": first + 1, "b": bids, "a": asks},
        )

    def _trade(self, second: int) -> bytes:
        self._trades += 1
        number = self._trades
        told = {"e": "trade", "E": self._ms, "t": number, "p": _price(MID), "q": "0.10000000"}
        return _frame("trade", {**told, "T": self._ms, "m": second % 2 == 0, "M": True})

    @property
    def _ms(self) -> int:
        return self.machine.now_ns // 10**6


def _price(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02d}000000"


def _frame(stream: str, data: dict[str, Any]) -> bytes:
    whole = {"stream": f"btcusdt@{stream}", "data": {"s": "BTCUSDT", **data}}
    return json.dumps(whole, separators=(",", ":")).encode()


@contextmanager
def short_memories() -> Iterator[None]:
    """Have what remembers for long remember less."""
    with ExitStack() as stack:
        for module, name, most in MEMORIES:
            stack.enter_context(patch.object(module, name, most))
        yield


def grown(hours: int = DAY_H) -> tuple[int, int, int]:
    """Return blocks of memory after an hour and after many, and how many orders were sent."""
    with short_memories():
        day = Day()
        found = [day.hour() for _ in range(hours)]
    return found[0], found[-1], day.sent


def run() -> Iterator[dict[str, Any]]:
    """Return what books of ten symbols weigh, and by how much a day is more than an hour."""
    for count in (0, 1, SYMBOLS) if recorded() else ():
        weights = [_resident_mib(count) for _ in range(RUNS)]
        yield row(f"resident with the machines and books of {count} symbols", "MiB", weights)
    first, last, sent = grown()
    yield {
        "name": f"blocks of memory after {DAY_H} hours, beside those after one",
        "first": first,
        "last": last,
        "orders": sent,
        "goal": f"at most {GROWTH_MAX} more",
    }


def _resident_mib(count: int) -> float:
    """Return the resident memory of a process that has so many symbols, each with its book."""
    told = subprocess.run(
        [sys.executable, "-m", "bench.weigh", str(count)],
        capture_output=True,
        text=True,
        check=True,
        cwd=HERE.parent,
    )
    return float(told.stdout)
