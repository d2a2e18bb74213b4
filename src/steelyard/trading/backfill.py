"""Trades that a stream did not tell: asked for, and told apart from those that it tells.

The invariant: no trade is told twice, and where some were missed a strategy is told so before any
later one: a `Gap` says from when to when and why, holds what the venue told afterwards, and whether
that is all. Meanwhile what the stream tells waits, but not for long.

Trades are missed while the stream is down, and where their ids, which are gapless, leave some out.
A venue whose ids are not is found out by what it answers, and its ids prove nothing from then on;
nor do they where it has no answer, against which they could be held.
"""

from collections import deque
from itertools import pairwise
from typing import NamedTuple

from steelyard.domain.messages import SECOND_NS, Answer, Trade, TradeList, TradesQuery
from steelyard.trading.questions import Questions
from steelyard.trading.turn import Turn

PAGE = 1_000
PAGES_MAX = 10
WAITING_MAX = 10_000  # trades of the stream that wait for an answer; more end the waiting
JUMPS_MAX = 2  # of ids where nothing was missed, as far as it can be told; then they prove nothing
PATIENCE_NS = 5 * SECOND_NS  # after so long a gap is told as it is


class Gap(NamedTuple):
    """Trades that were missed, by the venue's times of the trade before and the one after.

    trades are those that it told afterwards, oldest first; is_filled: nothing else is missing.
    to_ns is None where nothing has traded since.
    """

    from_ns: int
    to_ns: int | None
    why: str
    trades: tuple[Trade, ...] = ()
    is_filled: bool = False


class TradeBackfill:
    """One instrument's trades, in order."""

    def __init__(self, turn: Turn, questions: Questions) -> None:
        self._turn = turn
        self._questions = questions
        self._last: Trade | None = None  # the newest that is told
        self._why: str | None = None  # why trades are missed, while they are asked for
        self._found: list[Trade] = []
        self._pages = 0
        self._asked = 0  # number of the filling; an answer to an older one is nobody's
        self._until_ns = 0
        self._is_by_time = False  # the venue does not give trades by id
        self._jumps = 0  # of ids in the venue's own lists
        self._is_open = False  # the last gap is told of, and the next trade need not join up
        self._waiting: deque[Trade] = deque()
        self.gaps = 0
        self.unfilled = 0
        self.repeated = 0
        self.told: list[Gap | Trade] = []  # for the strategy

    def up(self, why: str) -> None:
        """The stream is open again, after it was not for a reason."""
        if self._last is not None:
            self._begin(why)

    def down(self) -> None:
        """The stream is gone: what it told last is as good as told."""
        if self._why is not None:
            self._end(is_filled=False)

    def see(self, trade: Trade) -> bool:
        """Take a trade of the stream; return whether it showed that others were left out."""
        last = self._waiting[-1] if self._waiting else self._last
        if last is not None and trade.trade_id <= last.trade_id and trade.time_ns <= last.time_ns:
            self.repeated += 1
            return False
        if self._why is not None:
            self._waiting.append(trade)
            if len(self._waiting) >= WAITING_MAX:
                self._end(is_filled=False)
            return False
        missed = 0 if last is None or self._is_open else trade.first_trade_id - last.trade_id - 1
        self._is_open = False
        if missed > 0 and self._jumps < JUMPS_MAX:
            self._begin(f"the stream has left out {missed} trades")
            self._waiting.append(trade)
            return True
        self._tell(trade)
        return False

    def work(self) -> None:
        """Tell a gap as it is if the venue does not answer."""
        if self._why is None:
            return
        if self._turn.now_ns < self._until_ns:
            self._turn.wake_at(self._until_ns)
        else:
            self._end(is_filled=False)

    def newest(self) -> Trade | None:
        """Return the newest trade that is known."""
        return self._waiting[-1] if self._waiting else self._last

    # -- asking -------------------------------------------------------------------------------

    def _begin(self, why: str) -> None:
        if self._why is not None:
            return
        self._why, self._found, self._pages = why, [], 0
        self._until_ns = self._turn.now_ns + PATIENCE_NS
        self._asked += 1
        self._ask()

    def _ask(self) -> None:
        last = self._found[-1] if self._found else self._last
        assert last is not None, "what is missed comes after something"
        self._pages += 1
        instrument_id, number = self._turn.instrument.instrument_id, self._asked
        if self._is_by_time:
            query = TradesQuery(instrument_id, PAGE, start_ns=last.time_ns)
        else:
            query = TradesQuery(instrument_id, PAGE, from_trade_id=last.trade_id + 1)
        self._questions.ask("missed trades", query, lambda a, _: self._on_trades(a, number))

    def _on_trades(self, answer: Answer, number: int) -> None:
        if self._why is None or number != self._asked:
            return
        if not isinstance(answer, TradeList):
            if self._is_by_time:
                self._jumps += 1
                self._end(is_filled=False)
            else:
                self._is_by_time = True
                self._ask()
            return
        last = self._found[-1] if self._found else self._last
        assert last is not None, "what is missed comes after something"
        first = self._waiting[0].first_trade_id if self._waiting else None
        fresh = sorted(
            (t for t in answer.trades if t.trade_id > last.trade_id), key=lambda t: t.trade_id
        )
        self._found += [t for t in fresh if first is None or t.trade_id < first]
        has_come_to_it = first is not None and any(t.trade_id >= first for t in fresh)
        is_last_page = has_come_to_it or len(answer.trades) < PAGE or not fresh
        if is_last_page or self._pages >= PAGES_MAX:
            self._end(is_filled=is_last_page and self._is_gapless(first))
        else:
            self._ask()

    def _is_gapless(self, first: int | None) -> bool:
        """Whether what was found joins up, as far as ids tell."""
        assert self._last is not None, "what is missed comes after something"
        ids = [t.trade_id for t in self._found] + ([] if first is None else [first])
        if any(after != before + 1 for before, after in pairwise(ids)):
            self._jumps = JUMPS_MAX
        if self._jumps >= JUMPS_MAX:
            return True
        if not ids or ids[0] == self._last.trade_id + 1:
            self._jumps = 0
            return True
        # Either the venue has forgotten what came before, or its ids are not what they are said
        # to be.
        self._jumps += 1
        return False

    def _end(self, *, is_filled: bool) -> None:
        """Tell the gap, and what waited for it."""
        why, last = self._why, self._last
        assert why is not None, "what ends has begun"
        assert last is not None, "what is missed comes after something"
        waiting, self._waiting, self._why = self._waiting, deque(), None
        first = waiting[0].time_ns if waiting else None
        self.told.append(Gap(last.time_ns, first, why, tuple(self._found), is_filled))
        self.gaps += 1
        self.unfilled += not is_filled
        if self._found:
            self._last = self._found[-1]
        self._turn.log(
            "trades.gap",
            f"{why}: {len(self._found)} trades told afterwards"
            + ("" if is_filled else ", others are missing"),
        )
        self._found, self._is_open = [], not is_filled
        for trade in waiting:
            self.see(trade)

    def _tell(self, trade: Trade) -> None:
        self._last = trade
        self.told.append(trade)
