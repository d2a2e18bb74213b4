"""One market followed for its own sake: the trader's book and trades without an account.

It is the part of a trader that knows its market (`marketdata`): the same snapshots, gaps, probes
and resets, for whoever wants to know what a venue says and when not to believe it. The invariant:
while `trouble` is None the book is the venue's. Trades are told in order and once; of those that
were missed it is told that they were, and they are not told afterwards: who follows a market now
can do nothing in its past.
"""

from random import Random

from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import BookDelta, BookSnapshot, Trade
from steelyard.trading.actions import (
    Action,
    BookMoved,
    Input,
    Returned,
    Role,
    StreamDown,
    StreamUp,
    Told,
)
from steelyard.trading.backfill import Gap
from steelyard.trading.books import BookView
from steelyard.trading.marketdata import MarketData
from steelyard.trading.portfolio import Portfolio
from steelyard.trading.questions import Questions
from steelyard.trading.strategy import Desk
from steelyard.trading.turn import Rules, Turn


class Follower:
    """A machine as the trader is one: inputs in, actions out; it only asks and resets."""

    def __init__(self, instrument: Instrument, rules: Rules, rng: Random) -> None:
        self._turn = Turn(rules, rng)
        self._turn.state.portfolio = Portfolio(instrument)
        self._questions = Questions(self._turn)
        self._desk = Desk(instrument)
        self._market = MarketData(self._turn, self._questions, self._desk)
        self._market.want_trades()
        self._trades: list[Trade] = []
        self.missed = 0  # trades, as far as the venue has told of them afterwards

    @property
    def book(self) -> BookView:
        """The book as it was told."""
        return self._desk.book

    @property
    def deadline_ns(self) -> int | None:
        """When to step again with `Woken`."""
        return self._turn.deadline_ns

    def trouble(self, now_ns: int) -> str | None:
        """Return why what is known is not to be relied on, or None."""
        return self._market.down_why or self.book.trouble(now_ns) or self._market.trades_trouble

    def step(self, event: Input, now_ns: int) -> list[Action]:
        """Take what happened, and return what to do."""
        turn = self._turn
        turn.now_ns = max(turn.now_ns, now_ns)
        match event:
            case StreamUp(role=Role.MARKET):
                self._market.up(event.books.get(turn.instrument.instrument_id))
            case StreamDown(role=Role.MARKET):
                self._market.down(event.why)
            case Told(event=BookMoved() | BookDelta() | BookSnapshot() | Trade() as told):
                self._market.see(told)
            case Returned():
                turn.returned(event)
            case _:
                pass  # nothing of a market's
        turn.deadline_ns = None
        self._market.work()
        self._questions.work()
        self._take_trades()
        return turn.drain()

    def trades(self) -> list[Trade]:
        """Return what was told since the last call."""
        trades, self._trades = self._trades, []
        return trades

    def _take_trades(self) -> None:
        told, self._market.backfill.told = self._market.backfill.told, []
        for each in told:
            if isinstance(each, Gap):
                self.missed += len(each.trades)
            else:
                self._trades.append(each)
