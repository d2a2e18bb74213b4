"""What is written in a market script: the form of it, and how it is read.

A script is lines of text; what stands after `#` is a comment. Its head says what is listed, the
rest what happens when, in the words of the dialogues:

    market BTC-USDT                         as the crowd lists it, or with steps of its own:
    market ACME-USDT tick 0.01 lot 0.001 price-max 100000 size-max 1000 minimum 5
    history 1h at 50000                     flat candles before the opening; 24h at most

    at +0s: book bid 49999 2, bid 49998 3, ask 50001 2
                                            the house stands there with these sizes
    at +1s: book bid 49998 gone             and there no more
    at +2s: book gone                       nor anywhere
    at +3s: trade buy 0.5 @ 50001           a house taker trades at this price, with whoever stands
    at +4s: trade sell 3                    or at the best prices, one after the other
    at +5s until +9s every 500ms: trade sell 0.2
    at +10s: price 49000 over 5s            the whole book walks there, and trades on its way
    at +20s: gap 47000                      the whole book stands there at once; nothing trades
    at +21s: halt                           or: post-only, cancel-only, open
    at +60s: end                            or: loop, which begins anew

A duration is a number and ms, s, m or h. With several markets a line names its own:
`at +1s: ETH-USDT trade buy 1`. Times need not be in order; lines of one time keep theirs. Where
neither `end` nor `loop` stands the script is over after its last line.

What can be seen in a line is checked here; that a bid does not cross the house's own asks, or a
price has a book to walk, is checked when a market is made of it (`exchange/script.py`), so that no
line can fail later. A script knows the house alone: it has no users, no accounts and no faults.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from steelyard.domain.errors import UnitError, UsageError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.domain.order import MarketState, Side
from steelyard.domain.units import parse_decimal

SCRIPT_MAX_BYTES = 1 << 20
ACTS_MAX = 100_000  # with all that `every` and `over` make of a line
MARKETS_MAX = 16
WALK_NS = SECOND_NS // 10  # how often a price that walks takes a step
HISTORY_MAX_NS = 24 * 60 * MINUTE_NS
_UNITS_NS = {"ms": SECOND_NS // 1000, "s": SECOND_NS, "m": MINUTE_NS, "h": 60 * MINUTE_NS}
_DIGITS_MAX = 9
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_LEVELS = {"bid": Side.BUY, "ask": Side.SELL}
_STATES = {
    "halt": MarketState.HALTED,
    "open": MarketState.OPEN,
    "post-only": MarketState.POST_ONLY,
    "cancel-only": MarketState.CANCEL_ONLY,
}
_STEPS = {
    "tick": "tick_size",
    "lot": "lot_size",
    "price-max": "price_max",
    "size-max": "size_max",
    "minimum": "notional_min",
}
_SYMBOL = re.compile(r"[A-Z0-9]{1,11}-[A-Z0-9]{1,11}")
_WHEN = re.compile(r"at \+(\S+)(?: until \+(\S+) every (\S+))?: (.+)")


class Level(NamedTuple):
    """The house stands with this size at a price; 0: no more."""

    side: Side
    price_ticks: int
    size_lots: int


class Stand(NamedTuple):
    """`book`: these levels are from here on; without any the whole book is gone."""

    levels: tuple[Level, ...]


class Take(NamedTuple):
    """`trade`: a house taker, at one price or (None) at the best ones."""

    side: Side
    size_lots: int
    price_ticks: int | None


class Shift(NamedTuple):
    """`price` and `gap`: the book goes the nth part of its way to a price."""

    price_ticks: int
    steps_left: int
    trades: bool


class Become(NamedTuple):
    """`halt`, `open` and their like."""

    state: MarketState


Deed = Stand | Take | Shift | Become


class Act(NamedTuple):
    """One thing that happens, by when since the opening; line is where it is written."""

    at_ns: int
    line: int
    instrument_id: int
    deed: Deed


class ScriptText(NamedTuple):
    """A script that was read. acts are in time order; history is (length, price) by instrument."""

    instruments: tuple[Instrument, ...]
    acts: tuple[Act, ...]
    length_ns: int
    loops: bool
    history: dict[int, tuple[int, int]]


def parse_script(name: str, text: str, listings: Listings) -> ScriptText:
    """Return what a script says.

    Raises:
        UsageError: A line is none, or cannot be done; the message names it.
    """
    reader = _Reader(listings)
    for number, written in enumerate(text.splitlines(), 1):
        line = " ".join(re.sub(r"(^|\s)#.*", "", written).split())
        if not line:
            continue
        try:
            reader.read(number, line)
        except (UnitError, UsageError) as error:
            raise UsageError(f"{name}:{number}: {error}") from error
    try:
        return reader.finish()
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error


class _Reader:
    """Takes one line after the other."""

    def __init__(self, listings: Listings) -> None:
        self._known = listings
        self._assets: dict[str, int] = {name: at for at, name in listings.assets().items()}
        self._listed = Listings()
        self._acts: list[Act] = []
        self._history: dict[int, tuple[int, int]] = {}
        self._over: tuple[int, bool] | None = None  # when, and whether it begins anew

    def read(self, number: int, line: str) -> None:
        """Take a line."""
        word, _, rest = line.partition(" ")
        if word in ("market", "history") and self._acts:
            raise UsageError(f"{word!r} belongs to the head; write it before the first `at`")
        if word == "market":
            self._market(rest.split())
        elif word == "history":
            self._past(rest.split())
        elif match := _WHEN.fullmatch(line):
            self._at(number, *match.groups())
        else:
            raise UsageError(
                f"{line!r} is no line of a script: it should begin with `market`, `history`, or "
                "a time such as `at +1s: trade buy 0.5 @ 50001`"
            )

    def finish(self) -> ScriptText:
        """Return what all lines say together."""
        if not self._acts:
            raise UsageError("nothing happens in it; write a line such as `at +0s: book bid 100 2`")
        acts = tuple(sorted(self._acts, key=lambda act: act.at_ns))
        length_ns, loops = self._over or (acts[-1].at_ns, False)
        if acts[-1].at_ns > length_ns:
            raise UsageError(f"line {acts[-1].line} comes after the end of the script")
        return ScriptText(tuple(self._listed), acts, length_ns, loops, self._history)

    # -- the head -----------------------------------------------------------------------------

    def _market(self, words: list[str]) -> None:
        symbol = words[0].replace("/", "-").upper() if words else ""
        if not _SYMBOL.fullmatch(symbol):
            raise UsageError("a market needs a symbol, such as `market BTC-USDT`")
        if self._listed.find(symbol) is not None:
            raise UsageError(f"{symbol} is listed already")
        if len(self._listed) == MARKETS_MAX:
            raise UsageError(f"a script has {MARKETS_MAX} markets at most")
        at = len(self._listed)
        if len(words) == 1:
            found = self._known.find(symbol)
            if found is None:
                known = ", ".join(instrument.symbol for instrument in self._known)
                raise UsageError(
                    f"no listing {symbol}; there are {known}; or give its steps: `market {symbol} "
                    "tick 0.01 lot 0.001 price-max 100000 size-max 1000 minimum 5`"
                )
            self._listed.add(replace(found, instrument_id=at))
            return
        steps = dict(zip(words[1::2], words[2::2], strict=False))
        if len(words) != 1 + 2 * len(_STEPS) or set(steps) != set(_STEPS):
            raise UsageError(f"give each of {', '.join(_STEPS)} once, with its number")
        base, quote = symbol.split("-")
        if base == quote:
            raise UsageError(f"{symbol}: an asset is not traded for itself")
        self._listed.add(
            Instrument.spot(
                at,
                (self._asset(base), base),
                (self._asset(quote), quote),
                **{_STEPS[word]: number for word, number in steps.items()},
            )
        )

    def _asset(self, name: str) -> int:
        return self._assets.setdefault(name, max(self._assets.values(), default=0) + 1)

    def _past(self, words: list[str]) -> None:
        instrument, words = self._named(words)
        if len(words) != 3 or words[1] != "at":  # noqa: PLR2004
            raise UsageError("write how long and at what price, as in `history 1h at 50000`")
        length_ns = duration_ns(words[0])
        if not MINUTE_NS <= length_ns <= HISTORY_MAX_NS:
            raise UsageError(f"history {words[0]} must be from 1m to 24h")
        price_ticks = instrument.price_ticks(parse_decimal(words[2]))
        self._history[instrument.instrument_id] = length_ns, price_ticks

    # -- what happens -------------------------------------------------------------------------

    def _at(self, number: int, at: str, until: str | None, every: str | None, what: str) -> None:
        at_ns = duration_ns(at, or_none=True)
        if what in ("end", "loop"):
            self._finish_at(at_ns, what, repeats=until is not None)
            return
        instrument, words = self._named(what.split())
        made = [*self._deeds(instrument, words)]
        times = [at_ns]
        if until is not None and every is not None:
            step_ns = duration_ns(every)
            last_ns = duration_ns(until)
            if last_ns <= at_ns:
                raise UsageError(f"until +{until} should be later than +{at}")
            if (last_ns - at_ns) // step_ns >= ACTS_MAX:
                raise UsageError(f"every {every} until +{until} is too often: {ACTS_MAX} at most")
            times = [*range(at_ns, last_ns + 1, step_ns)]
        if len(self._acts) + len(times) * len(made) > ACTS_MAX:
            raise UsageError(f"more than {ACTS_MAX} things would happen; say fewer")
        self._acts += (
            Act(time_ns + later_ns, number, instrument.instrument_id, deed)
            for time_ns in times
            for later_ns, deed in made
        )

    def _finish_at(self, at_ns: int, what: str, *, repeats: bool) -> None:
        if self._over is not None:
            raise UsageError("a script ends once: `end` or `loop`, on one line")
        if repeats:
            raise UsageError(f"{what} happens once; leave until and every out")
        if at_ns < SECOND_NS:
            raise UsageError(f"{what} should come a second after the opening, or later")
        self._over = at_ns, what == "loop"

    def _named(self, words: list[str]) -> tuple[Instrument, list[str]]:
        """Return the market that a line speaks of, and what it says."""
        if not len(self._listed):
            raise UsageError("say first what is listed, such as `market BTC-USDT`")
        if words and _SYMBOL.fullmatch(words[0]):
            found = self._listed.find(words[0])
            if found is None:
                known = ", ".join(instrument.symbol for instrument in self._listed)
                raise UsageError(f"{words[0]} is not in the script's head, which lists {known}")
            return found, words[1:]
        if len(self._listed) > 1:
            raise UsageError("there are several markets; write which one before the word")
        return self._listed[0], words

    def _deeds(self, instrument: Instrument, words: list[str]) -> Iterator[tuple[int, Deed]]:
        """Yield what a line makes happen, and how much later than its time."""
        match words:
            case ["book", "gone"]:
                yield 0, Stand(())
            case ["book", *rest]:
                levels = " ".join(rest).split(", ")
                yield 0, Stand(tuple(_level(instrument, text.split()) for text in levels))
            case ["trade", side, size] if side in _SIDES:
                yield 0, Take(_SIDES[side], instrument.size_lots(parse_decimal(size)), None)
            case ["trade", side, size, "@", price] if side in _SIDES:
                lots = instrument.size_lots(parse_decimal(size))
                yield 0, Take(_SIDES[side], lots, instrument.price_ticks(parse_decimal(price)))
            case ["gap", price]:
                yield 0, Shift(instrument.price_ticks(parse_decimal(price)), 1, trades=False)
            case ["price", price]:
                yield 0, Shift(instrument.price_ticks(parse_decimal(price)), 1, trades=True)
            case ["price", price, "over", span]:
                ticks, steps = (
                    instrument.price_ticks(parse_decimal(price)),
                    duration_ns(span) // WALK_NS,
                )
                if not 1 <= steps <= ACTS_MAX:
                    raise UsageError(f"price over {span} should take 100ms or longer")
                for step in range(steps):
                    yield step * WALK_NS, Shift(ticks, steps - step, trades=True)
            case [word] if word in _STATES:
                yield 0, Become(_STATES[word])
            case _:
                raise UsageError(
                    f"{' '.join(words)!r} is nothing that can happen; there are `book bid PRICE "
                    "SIZE`, `trade buy SIZE @ PRICE`, `price PRICE over 5s`, `gap PRICE`, "
                    f"{', '.join(_STATES)}, end, loop"
                )


def duration_ns(text: str, *, or_none: bool = False) -> int:
    """Return a duration such as 1.5s; where or_none it may be 0.

    Raises:
        UsageError: It is none.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", text)
    if match is None or len(match[1]) > _DIGITS_MAX:
        raise UsageError(f"{text!r} is no duration; write a number and ms, s, m or h, as in 1.5s")
    length = Decimal(match[1]) * _UNITS_NS[match[2]]
    if length % (SECOND_NS // 1000) or (not length and not or_none):
        raise UsageError(f"{text!r} should be a whole number of milliseconds, above 0")
    return int(length)


def _level(instrument: Instrument, words: list[str]) -> Level:
    match words:
        case [side, price, "gone"] if side in _LEVELS:
            return Level(_LEVELS[side], instrument.price_ticks(parse_decimal(price)), 0)
        case [side, price, size] if side in _LEVELS:
            lots = instrument.size_lots(parse_decimal(size))
            return Level(_LEVELS[side], instrument.price_ticks(parse_decimal(price)), lots)
        case _:
            raise UsageError(
                f"{' '.join(words)!r} is no level; write `bid PRICE SIZE`, `ask PRICE SIZE` or "
                "`bid PRICE gone`, with commas between them"
            )
