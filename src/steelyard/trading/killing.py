"""The kill switch's plan: cancel, count at the venue, cancel what is left, until nothing is.

A plan says what to do next and is told what became of it; it does no I/O and reads no clock, and
knows nothing of the bot's process. The invariant: an account counts as clear only when the venue,
asked after `settle_ns` (by then whatever a bot had signed before is worthless), lists no open
order. An error is no evidence, so it is asked again, with growing pauses, until the patience is
over. Then the report says what is left, or that nobody knows.

A drill is the same plan: whoever carries it out builds the commands and sends none of them.
"""

from collections.abc import Generator, Sequence
from random import Random
from typing import NamedTuple

from steelyard.domain.commands import Cancel, CancelAll, UserCommand
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    SECOND_NS,
    Answer,
    ClockQuery,
    InstrumentList,
    InstrumentsQuery,
    OrderList,
    OrdersQuery,
    Query,
    Refused,
)
from steelyard.domain.order import RejectReason
from steelyard.domain.units import in_full, plain
from steelyard.trading.orderwork import OWN_ACCOUNT
from steelyard.trading.turn import Rules
from steelyard.wire.dialect import Parted
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown, delays_ns

PATIENCE_NS = 180 * SECOND_NS  # a venue that says 503 for a minute is outlasted
PAUSE_FIRST_NS, PAUSE_MAX_NS = SECOND_NS // 4, 4 * SECOND_NS
AGAIN_NS = SECOND_NS // 10  # between a cancel that was taken and the next count
OPEN_MAX = 1_000  # of a list; what is beyond comes in the next round
DENIALS_MAX = 3  # the same key is not accepted any better the fourth time
PARTS_MAX = 50  # of one list
SETTLE_NS = SECOND_NS // 2
LISTED_MAX = 20  # orders in a report, beside their number
_TRIES = 1_000_000_000


class Ask(NamedTuple):
    """Send a message, and tell what became of it; what is it in words, for people."""

    message: UserCommand | Query
    what: str


class Pause(NamedTuple):
    """Come back after so long."""

    pause_ns: int


class WriteDown(NamedTuple):
    """Put a client order id where the bot will find it, before an order of that name leaves."""

    client_order_id: str


Act = Ask | Pause | WriteDown


class Heard(NamedTuple):
    """What became of an act: the outcome of an Ask, and the time now, on our clock."""

    outcome: Outcome | None
    now_ns: int


Steps = Generator[Act, Heard, None]


class Found(NamedTuple):
    """What a plan knows when it has ended.

    open_orders is None where the venue has not told any; trouble is why it ended early.
    """

    open_orders: int | None
    left: tuple[str, ...]
    canceled: int
    is_clear: bool
    trouble: str | None


class Given(Exception):
    """The patience is over, or there is no use in going on; the text says why."""


class Killing:
    """One account's orders, until none is open.

    `steps` are carried out by whoever has the connection. symbols are the only ones that are
    looked at; none: all of the account.
    """

    def __init__(
        self,
        rules: Rules,
        rng: Random,
        now_ns: int,
        *,
        symbols: Sequence[str] = (),
        patience_ns: int = PATIENCE_NS,
        settle_ns: int = 0,
        is_drill: bool = False,
    ) -> None:
        self.rules = rules
        self.is_drill = is_drill
        self.listings = Listings()
        self.now_ns = now_ns
        self.said: list[str] = []  # what was done, for people
        self._symbols = tuple(symbols)
        self._rng = rng
        self._until_ns = now_ns + patience_ns
        self.settled_ns = now_ns + settle_ns  # the last count is made after it
        self._denials = 0
        self._trouble: str | None = None
        self._open: list[Order] | None = None
        self._is_clear = False
        self._met: set[tuple[int, int]] = set()  # orders that were open at some time

    @property
    def found(self) -> Found:
        """What is known now."""
        left = self._open or []
        now = {(order.instrument_id, order.order_id) for order in left}
        return Found(
            None if self._open is None else len(left),
            tuple(self._told(order) for order in left[:LISTED_MAX]),
            len(self._met - now),
            self._is_clear,
            None if self._is_clear else self._trouble,
        )

    # -- the plan -----------------------------------------------------------------------------

    def steps(self) -> Steps:
        """Cancel and count until nothing is open, or the patience is over."""
        try:
            yield from self.prepare()
            yield from self.clear()
        except Given as given:
            self._trouble = str(given)

    def prepare(self) -> Steps:
        """Ask what must be known before an order can be named.

        Raises:
            Given: The venue did not tell it.
        """
        heard = yield Ask(ClockQuery(), "the time")  # without it ours is as good as it is
        self.now_ns = heard.now_ns
        answer = yield from self.answer(InstrumentsQuery(), "its markets")
        if not isinstance(answer, InstrumentList):
            raise Given(f"the venue does not tell its markets: {said(answer)}")
        self.listings = Listings(answer.instruments)
        try:
            for symbol in self._symbols:
                self.listings.symbol(symbol)
        except Unsupported as error:
            raise Given(str(error)) from error

    def clear(self) -> Steps:
        """Cancel and count; a drill does each of it once.

        Raises:
            Given: The patience is over.
        """
        self._is_clear = False
        for tries in range(_TRIES):
            counted = yield from self._count()
            if not counted:
                if self.is_drill or self.now_ns >= self.settled_ns:
                    self._is_clear = True
                    return
                while self.now_ns < self.settled_ns:  # which may come nearer meanwhile
                    yield from self.pause(min(SETTLE_NS, self.settled_ns - self.now_ns))
                continue
            yield from self._cancel(counted, is_first=not tries)
            if self.is_drill:
                return
            yield from self.pause(AGAIN_NS)

    def _count(self) -> Generator[Act, Heard, list[Order]]:
        """Ask which orders are open."""
        found: list[Order] = []
        wanted: list[Instrument | None] = [self.listings.symbol(s) for s in self._symbols]
        for instrument in wanted or [None]:
            number = None if instrument is None else instrument.instrument_id
            query = OrdersQuery(OWN_ACCOUNT, OPEN_MAX, number, open_only=True)
            what = f"open orders of {instrument.symbol}" if instrument else "open orders"
            answer = yield from self.answer(query, what)
            if not isinstance(answer, OrderList):
                raise Given(f"the venue does not list {what}: {said(answer)}")
            found += [order for order in answer.orders if order.state.is_open]
        if self._open is None:
            self.said.append(f"{len(found)} open orders at the venue")
        self._open = found
        self._met |= {(order.instrument_id, order.order_id) for order in found}
        return found

    def _cancel(self, orders: list[Order], *, is_first: bool) -> Steps:
        """Cancel all at once where the venue can, or else each by itself.

        What is still there after that was not reached by it: from the second round on each order
        is canceled by its own name.
        """
        if is_first:
            if not self._symbols and (yield from self._does(CancelAll(OWN_ACCOUNT, None))):
                return
            numbers = dict.fromkeys(order.instrument_id for order in orders)
            done = set()
            for number in numbers:
                if (yield from self._does(CancelAll(OWN_ACCOUNT, number))):
                    done.add(number)
            orders = [order for order in orders if order.instrument_id not in done]
        for order in orders:
            cancel = Cancel(OWN_ACCOUNT, order.order_id, order.instrument_id, order.client_order_id)
            yield from self._does(cancel)

    def _does(self, command: CancelAll | Cancel) -> Generator[Act, Heard, bool]:
        """Send a cancel; return whether the venue has such a thing. The count tells the rest."""
        what = self._words(command)
        for _ in range(_TRIES):
            heard = yield Ask(command, what)
            self.now_ns = heard.now_ns
            match heard.outcome:
                case Answered(Refused(RejectReason.UNSUPPORTED)):
                    return False
                case Answered(Refused() as refused):
                    self.said.append(f"{what}: {refused.message}")
                    return True
                case Answered():
                    self.said.append(f"{'would be ' if self.is_drill else ''}sent: {what}")
                    return True
                case Unknown(why):
                    self._trouble = f"{what}: {why}"
                    return True  # counting tells whether it arrived
                case NotSent() as not_sent:
                    yield from self.hold(not_sent, what)
                case None:
                    return True
        return True

    # -- asking -------------------------------------------------------------------------------

    def answer(self, query: Query, what: str) -> Generator[Act, Heard, Answer]:
        """Ask until there is an answer; all parts of one that comes in parts.

        Raises:
            Given: The patience is over before.
        """
        parts: list[Answer] = []
        asked: Query | None = query
        pauses = self.pauses()
        for _ in range(_TRIES):
            assert asked is not None, "there is a next part, or all are there"
            heard = yield Ask(asked, what)
            self.now_ns = heard.now_ns
            match heard.outcome:
                case Answered(answer):
                    self._denials = 0
                    parts.append(answer)
                    if not isinstance(self.rules, Parted):
                        return answer
                    asked = self.rules.further(query, parts)
                    if asked is None or len(parts) >= PARTS_MAX:
                        return self.rules.joined(query, parts)
                case NotSent() as not_sent:
                    yield from self.hold(not_sent, what, next(pauses))
                case Unknown(why):
                    self._trouble = f"{what}: {why}"
                    yield from self.pause(next(pauses))
                case None:
                    break
        raise Given(f"the venue does not tell {what}")

    def pauses(self) -> Generator[int, None, None]:
        """Return growing pauses."""
        first, most = PAUSE_FIRST_NS, PAUSE_MAX_NS
        yield from delays_ns(self._rng, first_ns=first, max_ns=most, tries=_TRIES)

    def hold(self, not_sent: NotSent, what: str, pause_ns: int = PAUSE_FIRST_NS) -> Steps:
        """Wait as long as the venue, or its limits, want it.

        Raises:
            Given: That is longer than the patience, or the key is not accepted.
        """
        self._trouble = f"{what}: {not_sent.why}"
        if not_sent.is_denied:
            self._denials += 1
            if self._denials >= DENIALS_MAX:
                raise Given(f"the venue does not accept this key: {not_sent.why}")
        if not_sent.blames_clock:
            heard = yield Ask(ClockQuery(), "the time")
            self.now_ns = heard.now_ns
        yield from self.pause(max(pause_ns, not_sent.retry_after_ns))

    def hindered(self, why: str) -> None:
        """Keep what is waited for, to be said if it takes too long."""
        self._trouble = why

    def pause(self, pause_ns: int) -> Steps:
        """Wait.

        Raises:
            Given: The patience would be over.
        """
        if self.now_ns + pause_ns > self._until_ns:
            why = self._trouble or "orders are still open"
            raise Given(f"not done in the time that there was: {why}")
        heard = yield Pause(pause_ns)
        self.now_ns = heard.now_ns

    # -- words --------------------------------------------------------------------------------

    def _words(self, command: CancelAll | Cancel) -> str:
        match command:
            case CancelAll():
                number = command.instrument_id
                of = "the account" if number is None else self.listings[number].symbol
                return f"cancel all orders of {of}"
            case Cancel():
                return f"cancel order {command.order_id or command.client_order_id}"

    def _told(self, order: Order) -> str:
        return order_in_words(order, self.listings)


def order_in_words(order: Order, listings: Listings) -> str:
    """Return an open order in a line: what is left of it, and its ids."""
    instrument = listings[order.instrument_id]
    size = in_full(plain(instrument.size(order.remaining_lots)))
    price_ticks = order.price_ticks
    at = "" if price_ticks is None else f" at {in_full(plain(instrument.price(price_ticks)))}"
    name = f", {order.client_order_id}" if order.client_order_id else ""
    side, symbol = order.side.name.lower(), instrument.symbol
    return f"{symbol}: {side} {size}{at} (order {order.order_id}{name})"


def said(answer: Answer) -> str:
    """Return what an answer of another kind than was asked for says."""
    return answer.message if isinstance(answer, Refused) else f"a {type(answer).__name__}"
