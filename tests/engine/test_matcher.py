"""The book that only matches: against a plain list, against the engine, and its refusals."""

import struct
from collections.abc import Iterator
from random import Random

import pytest

matcher_module = pytest.importorskip("steelyard.engine.matcher")
Matcher = matcher_module.Matcher

STEP = struct.Struct("<Qqqq")
TRADE = struct.Struct("<QQqq")
BUY, SELL, CANCEL = 1, -1, 0


class Naive:
    """Price, then time, in one list that is searched from the front each time."""

    def __init__(self) -> None:
        self.orders: list[list[int]] = []  # [order_id, side, price, size] by time

    def step(self, order_id: int, price: int, size: int, side: int) -> Iterator[tuple[int, ...]]:
        """Carry out one step and yield its trades."""
        if side == CANCEL:
            self.orders = [it for it in self.orders if it[0] != order_id]
            return
        while size:
            far = [it for it in self.orders if it[1] == -side and it[2] * side <= price * side]
            if not far:
                break
            maker = min(far, key=lambda it: it[2] * side)
            lots = min(size, maker[3])
            yield order_id, maker[0], maker[2], lots
            size -= lots
            maker[3] -= lots
            if not maker[3]:
                self.orders.remove(maker)
        if size:
            self.orders.append([order_id, side, price, size])

    def levels(self, side: int) -> list[tuple[int, int]]:
        """Return the levels of a side, best first."""
        prices = sorted({it[2] for it in self.orders if it[1] == side}, reverse=side == BUY)
        return [
            (price, sum(it[3] for it in self.orders if it[1:3] == [side, price]))
            for price in prices
        ]


def random_steps(seed: int, count: int) -> list[tuple[int, int, int, int]]:
    """Return adds, takes and cancels around a price that crosses pages of the ladder."""
    random = Random(seed)
    centre = random.choice((60, 4_000, 2**40))
    steps = []
    for order_id in range(1, count + 1):
        if random.random() < 0.3:
            steps.append((random.randint(1, order_id), 0, 0, CANCEL))
        else:
            price = centre + random.randint(-25, 25)
            steps.append((order_id, price, random.randint(1, 9), random.choice((BUY, SELL))))
    return steps


@pytest.mark.parametrize("seed", range(6))
def test_it_trades_as_a_plain_list_does(seed: int) -> None:
    """In one call, and step by step; and both leave the same book."""
    steps = random_steps(seed, 800)
    naive, batch, single = Naive(), Matcher(), Matcher()
    expected = [trade for step in steps for trade in naive.step(*step)]
    told = batch.apply(b"".join(STEP.pack(*step) for step in steps))
    assert list(TRADE.iter_unpack(told)) == expected
    found = []
    for order_id, price, size, side in steps:
        if side == CANCEL:
            single.cancel(order_id)
        else:
            fills = single.place(order_id, side, price, size)
            found += [(order_id, *fill) for fill in fills]
    assert found == expected
    assert batch.book(99) == single.book(99) == (naive.levels(BUY), naive.levels(SELL))


def test_what_does_nothing_is_named() -> None:
    """A number in use, and a cancel of what is not open."""
    matcher = Matcher()
    steps = [(5, 10, 1, BUY), (5, 11, 1, BUY), (6, 0, 0, CANCEL), (5, 0, 0, CANCEL)]
    matcher.apply(b"".join(STEP.pack(*step) for step in steps))
    assert matcher.refused == [1, 2]
    assert matcher.book(9) == ([], [])
    assert matcher.cancel(5) is None


def test_a_cancel_says_what_was_left() -> None:
    """Of a maker that has traded."""
    matcher = Matcher()
    assert matcher.place(1, SELL, 10, 5) == ()
    assert matcher.place(2, BUY, 12, 2) == ((1, 10, 2),)
    assert matcher.cancel(1) == 3


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ((9, 10, 1, 2), "step 1: side is not 1"),
        ((9, 0, 1, BUY), "step 1: price_ticks is not from 1"),
        ((9, 2**53 + 1, 1, SELL), "step 1: price_ticks"),
        ((9, 10, 0, SELL), "step 1: size_lots is not from 1"),
        ((9, 10, -1, BUY), "step 1: size_lots"),
        ((9, 10, -(2**63), BUY), "step 1: size_lots"),
    ],
)
def test_a_step_that_is_none_stops_all(step: tuple[int, ...], message: str) -> None:
    """Also the good ones before it."""
    matcher = Matcher()
    with pytest.raises(ValueError, match=message):
        matcher.apply(STEP.pack(1, 10, 1, BUY) + STEP.pack(*step))
    assert matcher.book(9) == ([], [])
    with pytest.raises(ValueError, match="end within one"):
        matcher.apply(STEP.pack(1, 10, 1, BUY)[:-1])


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ((9, 0, 10, 1), "side is not"),
        ((9, BUY, 0, 1), "price_ticks is 0"),
        ((9, SELL, 10, 2**53 + 1), "size_lots is 9007199254740993"),
        ((1, SELL, 10, 1), "order 1 is open already"),
    ],
)
def test_an_order_that_is_none_changes_nothing(order: tuple[int, ...], message: str) -> None:
    """And it says why."""
    matcher = Matcher()
    matcher.place(1, BUY, 10, 1)
    with pytest.raises(ValueError, match=message):
        matcher.place(*order)
    assert matcher.book(9) == ([(10, 1)], [])


def test_a_level_has_an_end() -> None:
    """Sums of sizes stay in range."""
    matcher = Matcher()
    for order_id in range(512):
        matcher.place(order_id, BUY, 10, 2**53)
    with pytest.raises(ValueError, match="2\\^62 lots"):
        matcher.place(512, BUY, 10, 1)
    assert matcher.place(512, BUY, 9, 1) == ()
