"""The script: a market made of timed lines, for lessons and tests.

`script_text` says what may stand in one. The house does what is written when its time has come,
divided by the speed, counted from the opening; a pause of the process is a pause of the script.

The invariant: without users the book and the trades are what the lines say, each time the same;
with users they are so around their orders, and what users take is back when a line next speaks of
that level. A change of a market's state ends the turn: the exchange then states the house's book
anew, and what comes after is due in the next turn. It reads no files.
"""

from collections.abc import Iterable, Iterator

from steelyard.domain.commands import SetMarketState, Traded
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import MINUTE_NS, SECOND_NS, Candle
from steelyard.domain.order import MarketState, Side
from steelyard.domain.units import in_full
from steelyard.engine import BookLevels
from steelyard.exchange.house import PAUSE_NS, Books, HouseCommand, HouseCursor, ScriptCursor
from steelyard.exchange.mirror import Mirror, MirrorSide
from steelyard.exchange.script_text import Act, Become, Level, ScriptText, Shift, Stand, Take
from steelyard.exchange.tape import SPEED_ONE_E4, AtEnd, speed_text

SECONDS_KEPT_NS = 2 * 60 * MINUTE_NS  # of the flat past there are 1-second candles for so long
WALK_SHARE = 2  # a walking price trades one nth of what stands at the best price


class Script:
    """The market of one script; `house.Market` says what its methods promise."""

    kind = "script"

    def __init__(
        self,
        text: ScriptText,
        name: str,
        *,
        speed_e4: int = SPEED_ONE_E4,
        at_end: AtEnd | None = None,
    ) -> None:
        """Make a market of a text; without at_end it ends as the text says.

        name says which script it is, best with its hash; a cursor of another is refused.

        Raises:
            ConfigError: A line cannot be done; the message names it.
        """
        assert speed_e4 > 0, "the speed was checked when it was read"
        self.name = name
        self.at_end = at_end or (AtEnd.LOOP if text.loops else AtEnd.HOLD)
        self.speed_e4 = speed_e4
        self.note = f"{name} @{speed_text(speed_e4)}x"
        self._text = text
        self._start_ns = 0
        self._time_ns = 0
        self._lap = 0
        self._offset = 0
        self._mirrors = self._new_mirrors()
        self._rehearse()

    @property
    def ended(self) -> bool:
        """Whether its last line is done and it does not loop."""
        return (
            self._offset == len(self._text.acts)
            and self.at_end is not AtEnd.LOOP
            and self._time_ns > 0
            and self._elapsed(self._time_ns) >= self._text.length_ns
        )

    def instruments(self) -> tuple[Instrument, ...]:
        """Return what its head lists."""
        return self._text.instruments

    # -- time -------------------------------------------------------------------------------

    def commands(self, now_ns: int, books: Books) -> list[HouseCommand]:
        """Return what is due up to now_ns, or up to a change of a market's state."""
        out: list[HouseCommand] = []
        for mirror in self._mirrors:
            mirror.begin(out)
        if self._time_ns == 0:
            self._start_ns = now_ns
        elif now_ns - self._time_ns > PAUSE_NS:
            self._start_ns += now_ns - self._time_ns
        self._time_ns = now_ns
        until_ns = self._elapsed(now_ns)
        if self._play(until_ns, books, out) and self._is_lap_over(until_ns):
            self._lap += 1
            self._offset, self._start_ns = 0, now_ns
            for mirror in self._mirrors:
                _clear(mirror, books)
            self._play(0, books, out)
        return out

    def observe(self, traded: Traded) -> None:
        """Keep the mirrors true where a user traded."""
        if traded.instrument_id >= len(self._mirrors):
            return  # a market that only users make
        mirror = self._mirrors[traded.instrument_id]
        if traded.taker_order_id and not traded.maker_order_id:
            mirror.eaten(traded.taker_side, traded.price_ticks, traded.size_lots)
        elif traded.maker_order_id and not traded.taker_order_id:
            mirror.stood_aside(traded.taker_side, traded.price_ticks, traded.size_lots)

    def restate(self, instrument_id: int, book: BookLevels) -> list[HouseCommand]:
        """Return what makes a market's book the script's again."""
        if instrument_id >= len(self._mirrors):
            return []
        return self._mirrors[instrument_id].restate(book)

    def backfill(self, start_ns: int, now_ns: int) -> Iterator[Candle]:
        """Yield the flat candles that the head asks for; a pause has none."""
        if self._time_ns:
            return
        for instrument_id, (length_ns, ticks) in sorted(self._text.history.items()):
            for interval_ns, kept_ns in (
                (MINUTE_NS, length_ns),
                (SECOND_NS, min(length_ns, SECONDS_KEPT_NS)),
            ):
                begin_ns = max(start_ns, now_ns - kept_ns)
                for open_ns in range(begin_ns // interval_ns * interval_ns, now_ns, interval_ns):
                    is_closed = open_ns + interval_ns <= now_ns
                    yield _flat(instrument_id, interval_ns, open_ns, ticks, is_closed=is_closed)

    # -- the cursor -------------------------------------------------------------------------

    def cursor(self) -> ScriptCursor:
        """Return the state: which line is next, and the house's books."""
        return ScriptCursor(
            self.note,
            self._start_ns,
            self._time_ns,
            self._lap,
            self._offset,
            tuple((mirror.bids.levels(), mirror.asks.levels()) for mirror in self._mirrors),
        )

    def restore(self, cursor: HouseCursor) -> None:
        """Go on from a cursor of the same script at the same speed."""
        if not isinstance(cursor, ScriptCursor) or cursor.note != self.note:
            raise ConfigError(
                f"this is the script {self.note}, and cannot go on from {cursor.note}; "
                "start the exchange with the market that its directory was founded on"
            )
        self._start_ns, self._time_ns = cursor.start_ns, cursor.time_ns
        self._lap, self._offset = cursor.lap, cursor.offset
        self._mirrors = self._new_mirrors()
        for mirror, (bids, asks) in zip(self._mirrors, cursor.books, strict=True):
            mirror.bids.restore(bids)
            mirror.asks.restore(asks)

    # -- lines ------------------------------------------------------------------------------

    def _play(self, until_ns: int, books: Books, out: list[HouseCommand]) -> bool:
        """Do what is due; return whether that is all, and the turn may go on."""
        acts = self._text.acts
        while self._offset < len(acts) and acts[self._offset].at_ns <= until_ns:
            act = acts[self._offset]
            self._offset += 1
            if isinstance(act.deed, Become):
                out.append(SetMarketState(act.instrument_id, act.deed.state))
                return False
            self._do(act, books)
        return True

    def _do(self, act: Act, books: Books) -> None:
        """Do what a line says, but for a market's state."""
        mirror = self._mirrors[act.instrument_id]
        match act.deed:
            case Stand(levels) if not levels:
                _clear(mirror, books)
            case Stand(levels):
                for side, ticks, lots in levels:
                    mirror.put(mirror.of(side), side * ticks, lots)
            case Take(side, lots, None):
                mirror.look(books)
                _sweep(mirror, side, lots)
            case Take(side, lots, ticks):
                mirror.print(side, ticks, lots, books)
            case Shift():
                mirror.look(books)
                _shift(mirror, act.deed, self._text.instruments[act.instrument_id].price_max_ticks)
            case Become():
                raise AssertionError("a market's state is the last word of a turn")

    def _is_lap_over(self, until_ns: int) -> bool:
        return (
            self.at_end is AtEnd.LOOP
            and self._offset == len(self._text.acts)
            and until_ns >= self._text.length_ns
        )

    def _elapsed(self, now_ns: int) -> int:
        return (now_ns - self._start_ns) * self.speed_e4 // SPEED_ONE_E4

    def _new_mirrors(self) -> list[Mirror]:
        return [Mirror(instrument.instrument_id) for instrument in self._text.instruments]

    def _rehearse(self) -> None:
        """Walk through it with nobody else there.

        Raises:
            ConfigError: A line cannot be done.
        """
        states: dict[int, MarketState] = {}
        for act in self._text.acts:
            mirror = self._mirrors[act.instrument_id]
            if flaw := _flaw(act, mirror, self._text.instruments[act.instrument_id]):
                raise ConfigError(f"{self.name}, line {act.line}: {flaw}")
            if isinstance(act.deed, Become):
                states[act.instrument_id] = act.deed.state
                continue
            mirror.begin([])
            self._do(act, _nobody_else(mirror))
        if self.at_end is AtEnd.LOOP:
            if self._text.length_ns < SECOND_NS:
                raise ConfigError(
                    f"{self.name} is over at once; to loop, end it with `at +10s: loop`"
                )
            closed = [at for at, state in states.items() if state is not MarketState.OPEN]
            if closed:
                symbol = self._text.instruments[closed[0]].symbol
                raise ConfigError(f"{self.name} loops and leaves {symbol} closed; open it again")
        self._mirrors = self._new_mirrors()


def _flaw(act: Act, mirror: Mirror, instrument: Instrument) -> str | None:
    """Return why a line cannot be done with what stands there."""
    match act.deed:
        case Stand(levels):
            return _crossing(levels, mirror, instrument)
        case Take(side, _, None) if not mirror.of(side).far.keys:
            return "nothing stands there to trade with; write a price, or a book before"
        case Shift() if not (mirror.bids.keys and mirror.asks.keys):
            return "a price needs a book with both sides; write `book bid ..., ask ...` before"
        case Shift():
            by = _way(mirror, act.deed)
            lowest, highest = mirror.bids.keys[0] + by, by - mirror.asks.keys[0]
            if lowest < 1 or highest > instrument.price_max_ticks:
                return (
                    "there the book would reach below the lowest price or above the highest; "
                    "write another price, or a narrower book"
                )
        case _:
            pass
    return None


def _crossing(levels: Iterable[Level], mirror: Mirror, instrument: Instrument) -> str | None:
    """Return which level would cross the house's own book."""
    standing = {side.side: {*side.keys} for side in (mirror.bids, mirror.asks)}
    for side, ticks, lots in levels:
        far = standing[mirror.of(side).far.side]
        if not lots:
            standing[side].discard(side * ticks)
            continue
        if far and max(far) >= -side * ticks:
            word, other = ("bid", "ask") if side is Side.BUY else ("ask", "bid")
            price, best = (in_full(instrument.price(n)) for n in (ticks, abs(max(far))))
            return (
                f"`{word} {price}` would cross the house's own {other} of {best}; write "
                f"`{other} {best} gone` before it"
            )
        standing[side].add(side * ticks)
    return None


def _nobody_else(mirror: Mirror) -> Books:
    """Return the book as it is where only the house stands."""
    return lambda _: BookLevels([*mirror.bids.levels()], [*mirror.asks.levels()])


def _clear(mirror: Mirror, books: Books) -> None:
    mirror.look(books)
    for side in (mirror.bids, mirror.asks):
        _stand(mirror, side, {})


def _stand(mirror: Mirror, side: MirrorSide, wanted: dict[int, int]) -> None:
    """Let the house stand on a side at these keys alone.

    Said of every level that is seen: around users' orders the mirror may have missed some.
    """
    for key in sorted({*side.keys, *side.users} - wanted.keys(), reverse=True):
        mirror.put(side, key, 0)
    for key in sorted(wanted, reverse=True):
        mirror.put(side, key, wanted[key])


def _sweep(mirror: Mirror, side: Side, lots: int) -> None:
    """Trade at the best prices, one after the other, as long as something stands there."""
    far = mirror.of(side).far
    while lots and (key := far.best_of_all()) is not None:
        traded = min(lots, far.lots.get(key, 0) + far.users.get(key, 0))
        mirror.trade(side, abs(key), traded)
        lots -= traded


def _way(mirror: Mirror, shift: Shift) -> int:
    """Return by how many ticks the book goes now: the nth part of what is left."""
    touch = [abs(side.keys[-1]) for side in (mirror.bids, mirror.asks) if side.keys]
    left_half_ticks = 2 * shift.price_ticks - sum(touch) * 2 // len(touch)
    return left_half_ticks // (2 * shift.steps_left)


def _shift(mirror: Mirror, shift: Shift, price_max_ticks: int) -> None:
    """Move the whole book; where the price walks, somebody trades ahead of it."""
    if not (mirror.bids.keys or mirror.asks.keys):
        return  # users have taken everything
    by = _way(mirror, shift)
    if not by:
        return
    before = {side.side: dict(side.lots) for side in (mirror.bids, mirror.asks)}
    ahead, behind = (mirror.asks, mirror.bids) if by > 0 else (mirror.bids, mirror.asks)
    if shift.trades and (key := ahead.best_of_all()) is not None:
        standing = ahead.lots.get(key, 0) + ahead.users.get(key, 0)
        if standing >= WALK_SHARE:
            mirror.trade(behind.side, abs(key), standing // WALK_SHARE)
    for side in (ahead, behind):
        moved = {key + side.side * by: lots for key, lots in before[side.side].items()}
        _stand(mirror, side, {k: n for k, n in moved.items() if 1 <= abs(k) <= price_max_ticks})


def _flat(
    instrument_id: int, interval_ns: int, open_ns: int, ticks: int, *, is_closed: bool
) -> Candle:
    """Return a candle in which nothing traded."""
    nothing = (0,) * 7
    return Candle(
        instrument_id, interval_ns, open_ns, ticks, ticks, ticks, ticks, *nothing, is_closed
    )
