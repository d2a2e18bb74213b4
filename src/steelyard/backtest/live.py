"""A live day beside backtests of it: where the difference in profit comes from, to the last atom.

    live - backtest = latency + fees + missed fills + price + bug

`backtest` assumes the delays that its settings say, `delayed` is the same with those that were
measured that day: their difference is latency, and what is left is split order by order between the
live day and `delayed`. Orders are paired by what was wanted and when (`Tolerance`). Lots that both
have filled differ in price and in fee; lots that only one has filled are missed, and so is what an
order brings that only one has wanted while such lots had led the two to different positions: it
follows from them. Any other order that only one has wanted is a bug, and so is whatever the books
of either say beyond their orders.

The invariant: the parts add up exactly, because each fill is counted once, every number is a
fraction of whole numbers, and everything is marked at one price. Nothing is read here, and nothing
is played: whoever calls has done both. Fees in an asset that the market does not trade have no
price here, and are left out of both sides; who reads the day says so.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from steelyard.backtest.result import Result, fee_atoms
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import OrderType, Side
from steelyard.domain.units import in_full, plain

PAIR_NS = SECOND_NS  # how far apart two may decide the same, unless told otherwise
ZERO = Fraction(0)


class Part(StrEnum):
    """Where a difference comes from."""

    LATENCY = "latency"
    FEES = "fees"
    MISSED = "missed fills"
    PRICE = "price"
    BUG = "bug"


class DayFill(NamedTuple):
    """One execution; a fee is in quote, in base, or both are 0."""

    time_ns: int
    price_ticks: int
    size_lots: int
    is_maker: bool
    fee_quote_atoms: int = 0
    fee_base_atoms: int = 0


class Terms(NamedTuple):
    """What was wanted; 0 is an absent price. Numbers are those of `domain.order`."""

    side: int
    order_type: int
    time_in_force: int
    post_only: bool
    price_ticks: int
    trigger_ticks: int
    size_lots: int


class DayOrder(NamedTuple):
    """One order of a day: decided when, arrived when (0: not known), and what filled of it.

    known is what the decision was made on, as far as its day kept that.
    """

    name: str
    wanted_ns: int
    terms: Terms
    fills: tuple[DayFill, ...] = ()
    arrived_ns: int = 0
    known: str = ""

    @property
    def filled_lots(self) -> int:
        """How much of it has filled."""
        return sum(fill.size_lots for fill in self.fills)


class Tolerance(NamedTuple):
    """How far apart two orders may be and still be the same decision."""

    time_ns: int = PAIR_NS
    price_ticks: int = 0


class Mark(NamedTuple):
    """The price at which everything is worth what it is: a middle, in half ticks."""

    instrument: Instrument
    half_ticks: int

    def fill(self, side: int, fill: DayFill) -> Fraction:
        """Return what a fill has brought until now, without its fee."""
        ticks = Fraction(self.half_ticks, 2) - fill.price_ticks
        return side * ticks * fill.size_lots * self.instrument.tick_lot_atoms

    def fee(self, fill: DayFill) -> Fraction:
        """Return what its fee is worth."""
        instrument = self.instrument
        base = Fraction(fill.fee_base_atoms * self.half_ticks, 2 * instrument.lot_atoms)
        return fill.fee_quote_atoms + base * instrument.tick_lot_atoms

    def order(self, order: DayOrder) -> Fraction:
        """Return what an order has brought, after fees."""
        side = order.terms.side
        return sum((self.fill(side, it) - self.fee(it) for it in order.fills), ZERO)

    def orders(self, orders: Iterable[DayOrder]) -> Fraction:
        """Return what orders have brought, after fees."""
        return sum((self.order(order) for order in orders), ZERO)


class Line(NamedTuple):
    """A share of a part that has a name: which order, when it was wanted, how much in quote atoms.

    live and backtest are the orders' names; empty where there is none.
    """

    part: Part
    live: str
    backtest: str
    time_ns: int
    atoms: Fraction
    text: str


class Books(NamedTuple):
    """What the books of each say was earned, in quote atoms; they know nothing of orders."""

    live: Fraction
    delayed: Fraction
    backtest: Fraction


class Split(NamedTuple):
    """The difference, its parts in quote atoms, and the lines that each part is made of."""

    live: Fraction
    backtest: Fraction
    parts: dict[Part, Fraction]
    lines: tuple[Line, ...]
    pairs: int

    @property
    def gap(self) -> Fraction:
        """Live less backtest."""
        return self.live - self.backtest


def split(
    live: Sequence[DayOrder],
    delayed: Sequence[DayOrder],
    backtest: Sequence[DayOrder],
    mark: Mark,
    tolerance: Tolerance = Tolerance(),  # noqa: B008 a tuple of numbers
    books: Books | None = None,
) -> Split:
    """Split the difference between a live day and a backtest of it.

    Args:
        live: The orders of the day.
        delayed: Those of the backtest with the delays of that day.
        backtest: Those of the backtest with the delays that it assumes.
        mark: The last middle.
        tolerance: How far apart two may be and still be the same decision.
        books: What each has earned by its own books; None: what its orders add up to.
    """
    orders = Books(*(mark.orders(each) for each in (live, delayed, backtest)))
    books = orders if books is None else books
    lines = [*_latency(delayed, backtest, mark, tolerance)]
    for part, each, by_orders, sign in (
        (Part.LATENCY, "backtest without that day's delays", books.backtest - orders.backtest, -1),
        (Part.LATENCY, "backtest with that day's delays", books.delayed - orders.delayed, 1),
        (Part.BUG, "backtest with that day's delays", books.delayed - orders.delayed, -1),
        (Part.BUG, "live day", books.live - orders.live, 1),
    ):
        if by_orders:
            text = f"the books of the {each} and its orders do not agree"
            lines.append(Line(part, "", "", 0, sign * by_orders, text))
    pairs, only_live, only_backtest = paired(live, delayed, tolerance)
    for one, other in pairs:
        lines += _pair(one, other, mark)
    follows = _follow(pairs, only_live, only_backtest)
    lines += _unpaired(only_live, only_backtest, mark, tolerance, follows)
    parts = dict.fromkeys(Part, ZERO)
    for line in lines:
        parts[line.part] += line.atoms
    lines.sort(key=lambda line: (-abs(line.atoms), line.time_ns, line.live, line.backtest))
    found = Split(books.live, books.backtest, parts, tuple(lines), len(pairs))
    assert sum(parts.values(), ZERO) == found.gap, "each fill is counted once"
    return found


Pairs = list[tuple[DayOrder, DayOrder]]


def paired(
    ones: Sequence[DayOrder], others: Sequence[DayOrder], tolerance: Tolerance
) -> tuple[Pairs, list[DayOrder], list[DayOrder]]:
    """Pair orders of the same terms, those nearest in time first, in the order of their times.

    Returns:
        The pairs, and what is left of both.
    """
    groups: dict[Terms, tuple[list[DayOrder], list[DayOrder]]] = defaultdict(lambda: ([], []))
    for at, orders in enumerate((ones, others)):
        for order in orders:
            groups[order.terms._replace(price_ticks=0)][at].append(order)
    pairs: Pairs = []
    for mine, theirs in groups.values():
        pairs += _paired(mine, theirs, tolerance)
    taken = {id(order) for pair in pairs for order in pair}
    pairs.sort(key=lambda pair: pair[0].wanted_ns)
    return (
        pairs,
        [order for order in ones if id(order) not in taken],
        [order for order in others if id(order) not in taken],
    )


def _paired(ones: list[DayOrder], others: list[DayOrder], tolerance: Tolerance) -> Pairs:
    ones = sorted(ones, key=lambda order: order.wanted_ns)
    others = sorted(others, key=lambda order: order.wanted_ns)
    times = [order.wanted_ns for order in others]
    found: list[tuple[int, int, int, int]] = []
    for at, one in enumerate(ones):
        first = bisect_left(times, one.wanted_ns - tolerance.time_ns)
        for there in range(first, len(others)):
            apart_ns = abs(times[there] - one.wanted_ns)
            if apart_ns > tolerance.time_ns:
                break
            ticks = abs(others[there].terms.price_ticks - one.terms.price_ticks)
            if ticks <= tolerance.price_ticks:
                found.append((apart_ns, ticks, at, there))
    pairs: Pairs = []
    is_taken: tuple[set[int], set[int]] = (set(), set())
    for _, _, at, there in sorted(found):
        if at not in is_taken[0] and there not in is_taken[1]:
            is_taken[0].add(at)
            is_taken[1].add(there)
            pairs.append((ones[at], others[there]))
    return pairs


def _pair(live: DayOrder, backtest: DayOrder, mark: Mark) -> list[Line]:
    """Return how the fills of one order differ: lot by lot, in the order in which they came."""
    side = live.terms.side
    lots = min(live.filled_lots, backtest.filled_lots)
    mine, my_rest = _cut(live.fills, lots)
    theirs, their_rest = _cut(backtest.fills, lots)
    price = _worth(mine, side, mark) - _worth(theirs, side, mark)
    fees = sum(map(mark.fee, theirs), ZERO) - sum(map(mark.fee, mine), ZERO)
    missed = ZERO
    for rest, sign in ((my_rest, 1), (their_rest, -1)):
        missed += sign * sum((mark.fill(side, it) - mark.fee(it) for it in rest), ZERO)
    what = order_text(live.terms, mark.instrument)
    size = mark.instrument.size
    found = []
    for part, atoms, is_there, text in (
        (Part.PRICE, price, price != 0, f"{what}: filled at {_average(mine, mark)} live, at "),
        (Part.FEES, fees, fees != 0, f"{what}: charged otherwise than the settings do"),
        (Part.MISSED, missed, bool(my_rest or their_rest), ""),
    ):
        if not is_there:
            continue
        said = text
        if part is Part.PRICE:
            said = f"{text}{_average(theirs, mark)} in the backtest"
        elif part is Part.MISSED:
            filled = [in_full(plain(size(each.filled_lots))) for each in (live, backtest)]
            said = f"{what}: {filled[0]} filled live, {filled[1]} in the backtest"
        found.append(Line(part, live.name, backtest.name, live.wanted_ns, atoms, said))
    return found


def _latency(
    delayed: Sequence[DayOrder], backtest: Sequence[DayOrder], mark: Mark, tolerance: Tolerance
) -> Iterable[Line]:
    """Yield what the delays have changed of each order of the backtest."""
    pairs, only_delayed, only_backtest = paired(delayed, backtest, tolerance)
    for one, other in pairs:
        if atoms := mark.order(one) - mark.order(other):
            text = f"{order_text(one.terms, mark.instrument)}: other fills with that day's delays"
            yield Line(Part.LATENCY, "", one.name, one.wanted_ns, atoms, text)
    for orders, sign, where in ((only_delayed, 1, "with"), (only_backtest, -1, "without")):
        for order in orders:
            if atoms := sign * mark.order(order):
                what = order_text(order.terms, mark.instrument)
                text = f"{what}: wanted only {where} that day's delays"
                yield Line(Part.LATENCY, "", order.name, order.wanted_ns, atoms, text)


def _unpaired(
    live: list[DayOrder],
    backtest: list[DayOrder],
    mark: Mark,
    tolerance: Tolerance,
    follows: dict[int, int],
) -> Iterable[Line]:
    """Yield a line for each order that only one of them wanted, with what came near to it."""
    for orders, others, is_live in ((live, backtest, True), (backtest, live, False)):
        where, elsewhere = ("live", "backtest") if is_live else ("backtest", "live day")
        near = sorted(others, key=lambda order: order.wanted_ns)
        times = [order.wanted_ns for order in near]
        for order in orders:
            text = f"{order_text(order.terms, mark.instrument)}: wanted only {where}"
            first = bisect_left(times, order.wanted_ns - tolerance.time_ns)
            beside = [
                it
                for it in near[first : first + NEAR_MAX]
                if it.wanted_ns <= order.wanted_ns + tolerance.time_ns
                and it.terms[:2] == order.terms[:2]
            ]
            if beside:
                best = min(beside, key=lambda it: abs(it.wanted_ns - order.wanted_ns))
                text += f"; the {elsewhere} has {order_text(best.terms, mark.instrument)} then"
            if order.known:
                text += f"; known then: {order.known}"
            names = (order.name, "") if is_live else ("", order.name)
            atoms = mark.order(order) * (1 if is_live else -1)
            part = Part.BUG
            if lots := follows.get(id(order)):
                part = Part.MISSED
                size = in_full(plain(mark.instrument.size(abs(lots))))
                text += f"; follows from missed fills: live had {size} {_MORE[lots > 0]} then"
            yield Line(part, *names, order.wanted_ns, atoms, text)


_MORE = {True: "more", False: "less"}


def _follow(pairs: Pairs, live: list[DayOrder], backtest: list[DayOrder]) -> dict[int, int]:
    """Return the orders that only one wanted while missed fills had parted their positions.

    By their ids, with how many lots live had more. What such an order fills counts as well, so once
    the positions are the same again nothing follows any more; what a bug fills does not count.
    """
    moves: list[tuple[int, int]] = []  # when live came to have so many lots more

    def note(order: DayOrder, sign: int) -> None:
        side = sign * order.terms.side
        moves.extend((fill.time_ns, side * fill.size_lots) for fill in order.fills)

    for one, other in pairs:
        note(one, 1)
        note(other, -1)
    moves.sort()
    found: dict[int, int] = {}
    wanted = [(order, 1) for order in live] + [(order, -1) for order in backtest]
    wanted.sort(key=lambda it: it[0].wanted_ns)
    at = lots = 0
    for order, sign in wanted:
        while at < len(moves) and moves[at][0] <= order.wanted_ns:
            lots += moves[at][1]
            at += 1
        if lots:
            found[id(order)] = lots
            later = moves[at:]
            del moves[at:]
            note(order, sign)
            moves[at:] = sorted(later + moves[at:])
    return found


NEAR_MAX = 100  # orders that are looked at for one that came near


def order_text(terms: Terms, instrument: Instrument) -> str:
    """Return an order in words: `buy 0.01 limit 60000`."""
    side = Side(terms.side).name.lower()
    kind = OrderType(terms.order_type).name.lower().replace("_", "-")
    words = [side, in_full(plain(instrument.size(terms.size_lots))), kind]
    if terms.price_ticks:
        words.append(in_full(plain(instrument.price(terms.price_ticks))))
    if terms.trigger_ticks:
        words.append(f"at {in_full(plain(instrument.price(terms.trigger_ticks)))}")
    return " ".join(words)


def orders_of(result: Result) -> list[DayOrder]:
    """Return the orders of a backtest with their fills."""
    base_id = result.about.instrument.base_asset_id
    fills: dict[int, list[DayFill]] = defaultdict(list)
    for row, fee in zip(result.fills.tolist(), fee_atoms(result.fills), strict=True):
        order_id, fields = row[1], dict(zip(result.fills.dtype.names or (), row, strict=True))
        is_base = fields["fee_asset_id"] == base_id
        fills[order_id].append(
            DayFill(
                fields["time_ns"],
                fields["price_ticks"],
                fields["size_lots"],
                bool(fields["is_maker"]),
                0 if is_base else fee,
                fee if is_base else 0,
            )
        )
    return [
        DayOrder(
            str(int(row["order_id"])),
            int(row["wanted_ns"]),
            Terms(
                int(row["side"]),
                int(row["order_type"]),
                int(row["time_in_force"]),
                bool(row["post_only"]),
                int(row["price_ticks"]),
                int(row["trigger_ticks"]),
                int(row["size_lots"]),
            ),
            tuple(fills[int(row["order_id"])]),
            int(row["arrived_ns"]),
        )
        for row in result.orders
    ]


def _cut(fills: Iterable[DayFill], lots: int) -> tuple[list[DayFill], list[DayFill]]:
    """Cut fills where so many lots have filled; a fee goes with its lots, rounded to the rest."""
    first: list[DayFill] = []
    rest: list[DayFill] = []
    for fill in fills:
        took = min(lots, fill.size_lots)
        lots -= took
        if not took:
            rest.append(fill)
        elif took == fill.size_lots:
            first.append(fill)
        else:
            quote = fill.fee_quote_atoms * took // fill.size_lots
            base = fill.fee_base_atoms * took // fill.size_lots
            first.append(fill._replace(size_lots=took, fee_quote_atoms=quote, fee_base_atoms=base))
            rest.append(
                fill._replace(
                    size_lots=fill.size_lots - took,
                    fee_quote_atoms=fill.fee_quote_atoms - quote,
                    fee_base_atoms=fill.fee_base_atoms - base,
                )
            )
    return first, rest


def _worth(fills: Iterable[DayFill], side: int, mark: Mark) -> Fraction:
    return sum((mark.fill(side, fill) for fill in fills), ZERO)


def _average(fills: list[DayFill], mark: Mark) -> str:
    """Return the average price of fills in words, to a hundredth of a tick."""
    lots = sum(fill.size_lots for fill in fills)
    if not lots:
        return "no price"
    hundredths = 100 * sum(fill.price_ticks * fill.size_lots for fill in fills) // lots
    return in_full(plain(mark.instrument.price(hundredths) / 100))
