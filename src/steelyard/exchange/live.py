"""The live tape: what a real venue's public stream tells, traded in our engine as the house.

What is received cannot be made anew, so every fact that reaches this machine is a record of the
journal (`MarketHeard`); the machine is a function of these records and of time (decision 0061).
Who tells them keeps the venue's book by the trader's own rules and tells nothing that he knows to
be wrong: changes of a book that is right, trades, or that nothing is known any more.

The invariant: without users the book is the venue's and every trade that was told prints once.
With users it is the venue's around their orders; what they take is back with the next change of
that level. While nothing is known the house stands nowhere and nothing of it trades.

A venue tells a trade and the change of the book that it made on two streams, in either order. A
trade is played as one at once; what then stands at its price is what the venue says, as soon as it
has said so after the trade, or `SETTLE_NS` later.
"""

from collections.abc import Iterable, Iterator

from steelyard.domain.commands import Traded
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS, Candle
from steelyard.domain.order import Side
from steelyard.engine import BookLevels
from steelyard.exchange.house import Books, HouseCommand, HouseCursor, LiveBook, LiveCursor
from steelyard.exchange.mirror import Mirror, MirrorSide
from steelyard.exchange.records import MarketHeard

SETTLE_NS = SECOND_NS
NOT_OPEN = "the venue's stream is not open yet"


class LiveTape:
    """The market of live streams; `house.Market` says what its methods promise."""

    kind = "live"
    ended = False

    def __init__(self, instruments: tuple[Instrument, ...], name: str) -> None:
        """Follow nothing yet. name says which venues' markets it is; other cursors are refused."""
        self.note = name
        self._instruments = instruments
        self._followed = [_Followed(instrument) for instrument in instruments]
        self._heard: list[MarketHeard] = []

    @property
    def notice(self) -> str:
        """Why it stands still, market by market; empty where it does not."""
        return "; ".join(
            f"{each.instrument.symbol}: {each.lost}" for each in self._followed if each.lost
        )

    def lost(self, instrument_id: int) -> str:
        """Return why nothing is known of a market, or nothing."""
        return self._followed[instrument_id].lost

    def instruments(self) -> tuple[Instrument, ...]:
        """Return what is followed."""
        return self._instruments

    # -- time -------------------------------------------------------------------------------

    def hear(self, heard: MarketHeard) -> None:
        """Take a fact; the next `commands` are what follows from it."""
        self._heard.append(heard)

    def commands(self, now_ns: int, books: Books) -> list[HouseCommand]:
        """Return what follows from what was heard, and levels that have waited long enough."""
        out: list[HouseCommand] = []
        for each in self._followed:
            each.mirror.begin(out)
        heard, self._heard = self._heard, []
        for fact in heard:
            self._followed[fact.instrument_id].play(fact, now_ns, books)
        for each in self._followed:
            each.settle(now_ns)
        return out

    def observe(self, traded: Traded) -> None:
        """Keep the mirrors true where a user traded."""
        if traded.instrument_id >= len(self._followed):
            return  # a market that only users make
        mirror = self._followed[traded.instrument_id].mirror
        if traded.taker_order_id and not traded.maker_order_id:
            mirror.eaten(traded.taker_side, traded.price_ticks, traded.size_lots)
        elif traded.maker_order_id and not traded.taker_order_id:
            mirror.stood_aside(traded.taker_side, traded.price_ticks, traded.size_lots)

    def restate(self, instrument_id: int, book: BookLevels) -> list[HouseCommand]:
        """Return what makes the book the venue's again."""
        if instrument_id >= len(self._followed):
            return []
        return self._followed[instrument_id].mirror.restate(book)

    def backfill(self, start_ns: int, now_ns: int) -> Iterator[Candle]:  # noqa: ARG002
        """Yield nothing: the past is the venue's, and comes as a record (`MarketPast`)."""
        return iter(())

    # -- the cursor -------------------------------------------------------------------------

    def cursor(self) -> LiveCursor:
        """Return the state: the venue's books as they were told, and the house's."""
        return LiveCursor(self.note, tuple(each.cursor() for each in self._followed))

    def restore(self, cursor: HouseCursor) -> None:
        """Go on from a cursor of the same markets."""
        if not isinstance(cursor, LiveCursor) or cursor.note != self.note:
            raise ConfigError(
                f"this is the live market {self.note}, and cannot go on from {cursor.note}; "
                "start the exchange with the market that its directory was founded on"
            )
        self._heard = []
        for each, state in zip(self._followed, cursor.books, strict=True):
            each.restore(state)


class _Followed:
    """One market: the venue's book as it was told, and the house's part of ours."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.mirror = Mirror(instrument.instrument_id)
        self.lost = NOT_OPEN
        self._told: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}  # lots by key
        self._unsettled: dict[tuple[Side, int], int] = {}  # (side, key) to when it is settled

    def play(self, fact: MarketHeard, now_ns: int, books: Books) -> None:
        """Let the house do what a fact says."""
        mirror = self.mirror
        if fact.lost:
            self.lost = fact.lost
            self._whole(fact)
            return
        for number, price_ticks, size_lots in fact.trades:
            taker = Side(number)
            mirror.print(taker, price_ticks, size_lots, books)
            far = mirror.of(taker).far.side
            self._unsettled[far, far * price_ticks] = now_ns + SETTLE_NS
        if fact.is_whole:
            self.lost = ""
            self._whole(fact)
        else:
            self._change(fact)
        if fact.is_settled:
            self._restore_told([*self._unsettled])

    def settle(self, now_ns: int) -> None:
        """Let the house stand as told where a trade changed that long ago."""
        due = [place for place, due_ns in self._unsettled.items() if due_ns <= now_ns]
        self._restore_told(due)

    def cursor(self) -> LiveBook:
        """Return the state."""
        sides = (self.mirror.bids, self.mirror.asks)
        told = tuple(
            tuple((abs(key), lots) for key, lots in self._told[side.side].items()) for side in sides
        )
        unsettled = tuple((int(s), abs(key), due) for (s, key), due in self._unsettled.items())
        bids, asks = (side.levels() for side in sides)
        return LiveBook(self.lost, bids, asks, told[0], told[1], unsettled)

    def restore(self, state: LiveBook) -> None:
        """Go on from a state."""
        self.lost = state.lost
        self.mirror = Mirror(self.instrument.instrument_id)
        self.mirror.bids.restore(state.bids)
        self.mirror.asks.restore(state.asks)
        for side, told in ((Side.BUY, state.told_bids), (Side.SELL, state.told_asks)):
            self._told[side] = {side * price: lots for price, lots in told}
        self._unsettled = {
            (Side(side), side * price): due_ns for side, price, due_ns in state.unsettled
        }

    def _whole(self, fact: MarketHeard) -> None:
        """Let the house stand as a whole book says, and nowhere else."""
        self._unsettled.clear()
        sides = ((self.mirror.bids, fact.bids), (self.mirror.asks, fact.asks))
        for side, levels in sides:
            wanted = {side.side * price: lots for price, lots in levels}
            before, self._told[side.side] = self._told[side.side], wanted
            self._stand(
                side, sorted((before.keys() | set(side.keys)) - wanted.keys(), reverse=True)
            )
        for side, _ in sides:
            self._stand(side, sorted(self._told[side.side], reverse=True))

    def _change(self, fact: MarketHeard) -> None:
        """Let the house stand as changed levels say: those that are gone first."""
        changes = ((self.mirror.bids, fact.bids), (self.mirror.asks, fact.asks))
        standing: list[tuple[MirrorSide, list[int]]] = []
        for side, levels in changes:
            told, kept = self._told[side.side], []
            for price_ticks, lots in levels:
                key = side.side * price_ticks
                self._unsettled.pop((side.side, key), None)
                if lots:
                    told[key] = lots
                    kept.append(key)
                else:
                    told.pop(key, None)
                    self._stand(side, [key])
            standing.append((side, kept))
        for side, keys in standing:
            self._stand(side, sorted(keys, reverse=True))

    def _restore_told(self, places: Iterable[tuple[Side, int]]) -> None:
        for side, key in places:
            del self._unsettled[side, key]
            self._stand(self.mirror.of(side), [key])

    def _stand(self, side: MirrorSide, keys: Iterable[int]) -> None:
        """Let the house stand at these keys as the venue was heard to.

        Said also where the mirror has it so: around users' orders the mirror may be wrong.
        """
        told = self._told[side.side]
        for key in keys:
            if abs(key) <= self.instrument.price_max_ticks:
                self.mirror.put(side, key, told.get(key, 0))
