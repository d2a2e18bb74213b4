"""A fixed stream of orders for matching engines: 1,000,000 operations on one market.

Half of them add an order that rests, four in ten cancel a live one at random, one in ten takes
what stands at the front. 3,000 adds come before, untimed. The stream is defined by its seed and
by the order in which the random numbers are drawn, so whoever builds it by the same definition
has the same stream; what a correct engine makes of it is `EXPECTED`.
"""

import heapq
from collections import deque
from random import Random
from typing import NamedTuple

ADD, CANCEL, TAKE = 0, 1, 2
BUY, SELL = 1, -1
BEFORE = 3_000
COUNT = 1_000_000
SEED = 7
MIDDLE = 100_000
FAR = 660  # ticks from the middle within which most orders are added
NEAR = 0.4  # of the adds are near the middle instead
LIVE_MIN = 500  # below so many live orders there are only adds
ADDS, NOT_TAKES = 0.5, 0.9


class Step(NamedTuple):
    """One operation; orders are numbered from 1 in the order of adds and takes."""

    kind: int
    order_id: int
    side: int
    price: int
    size: int


class Expected(NamedTuple):
    """What a price-time engine makes of the stream."""

    trades: int
    volume: int
    notional: int
    best_bid: int
    best_ask: int


EXPECTED = Expected(198_021, 5_064_919, 506_595_723_872, 100_033, 100_045)


class Front:
    """One side's levels, with the candidates for the best price in a heap."""

    def __init__(self, sign: int) -> None:
        self.sign = sign  # 1 for bids, whose best is the highest
        self.levels: dict[int, deque[int]] = {}
        self.heap: list[int] = []

    def best(self) -> int | None:
        """Return the best price, dropping candidates that are gone."""
        while self.heap and -self.sign * self.heap[0] not in self.levels:
            heapq.heappop(self.heap)
        return -self.sign * self.heap[0] if self.heap else None

    def add(self, order_id: int, price: int) -> None:
        """Put an order at the back of its level."""
        if price not in self.levels:
            self.levels[price] = deque()
            heapq.heappush(self.heap, -self.sign * price)
        self.levels[price].append(order_id)

    def remove(self, order_id: int, price: int) -> None:
        """Take an order out of its level."""
        self.levels[price].remove(order_id)
        if not self.levels[price]:
            del self.levels[price]


class Builder:
    """Builds the stream while matching it, so that cancels and takes meet live orders."""

    def __init__(self) -> None:
        self.random = Random(SEED)
        self.fronts = (Front(1), Front(-1))
        self.left: dict[int, int] = {}
        self.place: dict[int, tuple[int, int]] = {}  # order: which front, price
        self.live: list[int] = []
        self.position: dict[int, int] = {}
        self.steps: list[Step] = []
        self.middle = float(MIDDLE)
        self.order_id = 0

    def drop(self, order_id: int) -> None:
        """Forget an order; the last of the live ones takes its position."""
        position, last = self.position.pop(order_id), self.live.pop()
        if last != order_id:
            self.live[position] = last
            self.position[last] = position
        del self.left[order_id], self.place[order_id]

    def add(self) -> None:
        """Add an order behind the far side's best price."""
        random = self.random
        which = random.getrandbits(1)
        is_near = random.random() < NEAR
        away = 1 + (int(random.expovariate(0.04)) if is_near else random.randrange(FAR))
        price = int(self.middle) + away if which else int(self.middle) - away
        far = self.fronts[1 - which].best()
        if far is not None:
            price = max(price, far + 1) if which else min(price, far - 1)
        size = random.randint(1, 100)
        self.order_id += 1
        self.fronts[which].add(self.order_id, price)
        self.left[self.order_id] = size
        self.place[self.order_id] = which, price
        self.position[self.order_id] = len(self.live)
        self.live.append(self.order_id)
        self.steps.append(Step(ADD, self.order_id, SELL if which else BUY, price, size))

    def cancel(self) -> None:
        """Cancel any live order."""
        order_id = self.live[self.random.randrange(len(self.live))]
        which, price = self.place[order_id]
        self.fronts[which].remove(order_id, price)
        side = SELL if which else BUY
        self.steps.append(Step(CANCEL, order_id, side, price, self.left[order_id]))
        self.drop(order_id)

    def take(self) -> None:
        """Take from the front, with a limit five ticks behind the last price reached."""
        which = self.random.getrandbits(1)
        front = self.fronts[which]
        size = left = self.random.randint(1, 100)
        self.order_id += 1
        price = 0
        while left:
            best = front.best()
            assert best is not None, "at least LIVE_MIN orders rest"
            price = best
            maker = front.levels[price][0]
            filled = min(left, self.left[maker])
            left -= filled
            self.left[maker] -= filled
            if not self.left[maker]:
                front.remove(maker, price)
                self.drop(maker)
        limit = price + 5 if which else price - 5
        self.steps.append(Step(TAKE, self.order_id, BUY if which else SELL, limit, size))

    def build(self, count: int) -> list[Step]:
        """Return the adds before the stream, then the stream."""
        for _ in range(BEFORE):
            self.add()
        for _ in range(count):
            self.middle += self.random.gauss(0, 0.02)
            chance = self.random.random()
            if chance < ADDS or len(self.live) < LIVE_MIN:
                self.add()
            elif chance < NOT_TAKES:
                self.cancel()
            else:
                self.take()
        return self.steps


def stream(count: int = COUNT) -> list[Step]:
    """Return the `BEFORE` untimed steps and the first `count` timed ones."""
    return Builder().build(count)
