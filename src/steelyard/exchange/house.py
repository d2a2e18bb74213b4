"""What an exchange asks of the market that trades in it: crowd, tape, script or live tape.

A market is a pure machine that makes the house's commands. The invariant: what it returns
depends only on what it was made from (seed, recording, text), what it was told (the live tape),
its cursor, and the calls since, so a journal of times, of what it was told and of users' trades is
enough to replay it. It does not apply its commands, keep books for others, or know users: it sees
their orders as sizes in a book and their trades as trades.

One turn of the shell is `commands(now_ns, books)`, every command applied in order at now_ns,
then `observe` for the trades in which a user took part; users' commands of the same turn come
before or after that block, never between.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from steelyard.domain.commands import HouseLevel, HouseTrade, SetMarketState, Traded
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS, Candle
from steelyard.engine import BookLevels

BOOK_DEPTH = 50  # levels a side that `Books` gives
PAUSE_NS = 5 * SECOND_NS  # longer silence is a pause: bridged, not stepped through

# The book of an instrument as it stands, users' orders included.
Books = Callable[[int], BookLevels]
# A market that changes its state does so last in a turn: the exchange then restates its book.
HouseCommand = HouseLevel | HouseTrade | SetMarketState


class LadderState(Struct, frozen=True, array_like=True):
    """What the crowd remembers of one instrument, in the order of its listing.

    Levels are the house's own (price_ticks, size_lots), best first; guards and takers are
    explained in `exchange/quotes.py` and `exchange/takers.py`.
    """

    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    guards: tuple[int, int]
    takers: tuple[int, ...]


class CrowdCursor(Struct, frozen=True, tag=True):
    """Where a crowd is. time_ns is the end of its last step, 0 before the first."""

    seed: int
    time_ns: int
    chance: int
    prices: tuple[int, ...]
    ladders: tuple[LadderState, ...]

    @property
    def note(self) -> str:
        """The market's note."""
        return f"seed {self.seed}"


class TapeCursor(Struct, frozen=True, tag=True):
    """Where a tape is: `offset` events of lap `lap` are done; recorded zero is at start_ns.

    Levels are the house's own (price_ticks, size_lots), best first.
    """

    note: str
    start_ns: int
    time_ns: int
    lap: int
    offset: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


class ScriptCursor(Struct, frozen=True, tag=True):
    """Where a script is: `offset` acts of lap `lap` are done, of an opening at start_ns.

    books are the house's own (bids, asks) by instrument, as the levels of `TapeCursor`.
    """

    note: str
    start_ns: int
    time_ns: int
    lap: int
    offset: int
    books: tuple[tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]], ...]


class LiveBook(Struct, frozen=True, array_like=True):
    """One market of a live tape: why it is lost, the house's levels, those that were told.

    unsettled are (side, price_ticks, when) of levels that a trade has changed; see
    `exchange/live.py`.
    """

    lost: str
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    told_bids: tuple[tuple[int, int], ...]
    told_asks: tuple[tuple[int, int], ...]
    unsettled: tuple[tuple[int, int, int], ...]


class LiveCursor(Struct, frozen=True, tag=True):
    """Where a live tape is; books by instrument."""

    note: str
    books: tuple[LiveBook, ...]


HouseCursor = CrowdCursor | TapeCursor | ScriptCursor | LiveCursor


class Market(Protocol):
    """The house's side of a practice exchange."""

    kind: str  # "crowd", "tape", "script" or "live", as `Status.market` says it
    note: str  # "seed 7", or the recording and its speed: "spot_btcusdt_20240809 @2x"

    @property
    def ended(self) -> bool:
        """Whether no command will ever come again: a tape that is over and does not loop."""
        ...

    def instruments(self) -> tuple[Instrument, ...]:
        """Return what the market wants listed, ids from 0."""
        ...

    def backfill(self, start_ns: int, now_ns: int) -> Iterator[Candle]:
        """Yield history from start_ns to now_ns: 1-minute candles, and 1-second ones at its end.

        Candles come by instrument, then interval (minutes first), then time, aligned to their
        interval. The one that now_ns falls into has `is_closed` False: it holds what happened
        until now. Nothing here has trade ids (0). Call it before the `commands` of the same
        now_ns; it changes nothing. Before opening it is the past that ends in the opening
        price; after a pause of the process, the missing part of the market.
        """
        ...

    def commands(self, now_ns: int, books: Books) -> list[HouseCommand]:
        """Return everything that is due up to now_ns, to be applied in order at now_ns.

        Calls may come at any pace, but time never goes back. After more than `PAUSE_NS` the
        crowd leaps and opens its books anew, and a tape goes on where it stopped.
        """
        ...

    def observe(self, traded: Traded) -> None:
        """Learn of a trade in which a user took part; others are ignored."""
        ...

    def restate(self, instrument_id: int, book: BookLevels) -> list[HouseCommand]:
        """Return what makes a market's whole book what this says it is.

        For a market that opens: while it was closed, the house's commands were refused there.
        """
        ...

    def cursor(self) -> HouseCursor:
        """Return the state from which a new market of the same making goes on identically."""
        ...

    def restore(self, cursor: HouseCursor) -> None:
        """Go on from a cursor.

        Raises:
            ConfigError: The cursor is of another market.
        """
        ...
