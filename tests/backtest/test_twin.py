"""The twin: a backtest over a tape, and a bot on a sandbox exchange over the same tape.

The sandbox is the whole of it: exchange machine, gate, dialect, feeds, journals and the trader's
machine, in one process under virtual time with a network that takes no time. Events of the tape
lie between what the bot does, so that no order of one moment is left to chance.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from itertools import takewhile
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from steelyard import _native, dialects
from steelyard.backtest.columns import Tape as Events
from steelyard.backtest.result import Result
from steelyard.backtest.run import Run
from steelyard.backtest.settings import Settings
from steelyard.dialects.binance.recording import tape_events
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS, BookDelta, Trade
from steelyard.domain.order import Liquidity, Side, TimeInForce
from steelyard.engine.book import QueueModel
from steelyard.exchange.listings import LISTINGS
from steelyard.exchange.tape import WARM_NS, Tape, TapeEvent
from steelyard.sim.disk import Disk
from steelyard.sim.exchange_host import ExchangeHost
from steelyard.sim.network import MS_NS, Link
from steelyard.sim.timeline import HostClock, Timeline
from steelyard.sim.trader_host import TraderHost
from steelyard.store import segment
from steelyard.store.recordings import lines
from steelyard.trading.config import parse_config
from steelyard.trading.records import FillSeen, OrderPending
from steelyard.trading.strategy import Leg, Strategy, Timer
from steelyard.wire.limits import UNLIMITED
from tests.backtest.test_tape import OPENING, records_of, tape_of

BTC_USDT = LISTINGS[0].instrument
GRID_NS = 20 * MS_NS  # the events of a tape, and the exchange's steps, are so far apart
# Half a grid after each second: what a bot does on the second has arrived before.
START_NS = 1_700_000_000 * SECOND_NS + GRID_NS // 2
EVERY_NS = SECOND_NS // 2
RECORDED_S = 150  # of the recording
ALIKE = 0.9  # of the orders that fill there, this share fills the same
BEGIN_S, QUIET_S = 5, 2  # from when on the bot trades, and how long before the end no longer
NETWORK_NS = GRID_NS // 2  # how much later something happens in the sandbox, at most: disks
LEVELS = range(9)
DEPOSITS = {"USDT": Decimal(10_000_000), "BTC": Decimal(100)}

CONFIG = """
[bot]
name = "twin"
environment = "sandbox"
[venue.main]
dialect = "{dialect}"
rest = "http://127.0.0.1:1"
ws = "ws://127.0.0.1:1"
key = "env:EXAMPLE"
[strategy]
class = "tests.backtest.test_twin:Seeded"
symbol = "BTC-USDT"
[risk]
max_order_notional = "1000000"
max_position = "100"
max_open_orders = 40
price_collar = "50%"
"""


class Seeded(Strategy):
    """Twice a second one thing from a seed, around the touch that it sees or is given."""

    class Params(Strategy.Params):
        """What it does and when."""

        seed: int
        begin_ns: int
        end_ns: int
        has_stops: bool = True

    touches: dict[int, tuple[int, int]] | None = None  # by moment, where it is not to look

    def on_start(self) -> None:
        """Wait for the moments."""
        self.every("500ms")

    def on_timer(self, timer: Timer) -> None:
        """Do what this moment's dice say."""
        if not self.params.begin_ns <= timer.due_ns < self.params.end_ns:
            return
        chance = Random(f"{self.params.seed} {timer.due_ns}")
        instrument = self.instrument
        if self.touches is None:
            assert self.book.best_bid is not None
            assert self.book.best_ask is not None
            bid = instrument.price_ticks(self.book.best_bid)
            ask = instrument.price_ticks(self.book.best_ask)
        else:
            bid, ask = self.touches[timer.due_ns]
        act(self, chance, bid, ask, has_stops=self.params.has_stops)


def act(leg: Leg, chance: Random, bid: int, ask: int, *, has_stops: bool) -> None:
    """Do at a leg what the dice say, around the touch."""
    side = chance.choice((Side.BUY, Side.SELL))
    near, far = (bid, ask) if side is Side.BUY else (ask, bid)
    order = leg.buy if side is Side.BUY else leg.sell
    size = leg.instrument.size(chance.choice((500, 3_000, 20_000, 40_000)))
    deep = chance.randrange(0, 200)
    is_open = leg.open_orders

    def price(ticks: int) -> Any:
        return leg.instrument.price(ticks)

    match chance.randrange(10):
        case 0 | 1 | 2 | 3:
            at = near - side * chance.choice((0, 0, 0, 1, deep))
            order(size, price(at), post_only=True)
        case 4:
            order(size, price(far + side * chance.choice((0, 50, deep))))
        case 5:
            order(size, price(far), time_in_force=TimeInForce.IOC)
        case 6:
            order(size)
        case 7 if has_stops:
            leg.stop(side, size, price(far + side * (1 + deep)))
        case _ if is_open:
            leg.cancel(is_open[chance.randrange(len(is_open))])
        case _:
            pass


class Fact(NamedTuple):
    """A fill: of which order, at which price, how much, on which side, at rest or not, when."""

    order: int
    price_ticks: int
    size_lots: int
    side: int
    is_maker: bool
    fee_atoms: int
    time_ns: int


class Unwatched:
    """Watches nothing that a trader does."""

    def took(self, *_: object) -> None:
        """An input."""

    def leaves(self, *_: object) -> None:
        """A request."""

    def came_back(self, *_: object) -> None:
        """A response."""


class Lived(NamedTuple):
    """What a sandbox has seen."""

    pending: list[tuple[int, Any]]  # when, and the order
    fills: list[Fact]
    shift_ns: int  # from the recording's time to the sandbox's
    orders: list[OrderState]


def on_grid(recorded: Iterable[TapeEvent]) -> list[TapeEvent]:
    """Return events in the order that they have, their times raised to the next of the grid."""
    events = iter(recorded)
    first = next(events)
    zero_ns = first.time_ns
    found = [first]
    for event in events:
        steps = -(-(event.time_ns - zero_ns) // GRID_NS)
        found.append(replace(event, time_ns=zero_ns + steps * GRID_NS))
    return found


def synthetic(seed: int, length_s: int) -> list[TapeEvent]:
    """A market from a seed, which is quiet before each moment that the bot looks at it."""
    chance, mid, events = Random(seed), 6_000_000, []
    books: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
    sequence = 0

    def tell(time_ns: int, changes: dict[Side, dict[int, int]]) -> None:
        nonlocal sequence
        sequence += 1
        bids, asks = (tuple(changes.get(side, {}).items()) for side in (Side.BUY, Side.SELL))
        events.append(BookDelta(0, sequence, sequence, bids, asks, time_ns))

    def quote(time_ns: int) -> None:
        wanted = {
            side: {
                mid - side * (5 + 7 * level): chance.randrange(100, 40_000) for level in range(9)
            }
            for side in books
        }
        gone = {s: {p: 0 for p in books[s] if p not in wanted[s]} for s in books}
        tell(time_ns, gone)  # first, so that it never crosses itself
        tell(time_ns, wanted)
        books.update(wanted)

    for moment in range(length_s * SECOND_NS // EVERY_NS):
        begin_ns = START_NS + moment * EVERY_NS
        for step in range(20):
            time_ns = begin_ns + step * GRID_NS
            if step == 0 or chance.random() < 0.15:
                mid += chance.randrange(-40, 41) * (chance.random() < 0.4)
                quote(time_ns)
            if chance.random() < 0.4:
                side = chance.choice((Side.BUY, Side.SELL))
                prices = sorted(books[Side(-side)], reverse=side is Side.SELL)
                price, size = prices[chance.randrange(3)], chance.randrange(10, 30_000)
                sequence += 1
                events.append(Trade(0, sequence, price, size, side, time_ns))
    return events


def live(events: list[TapeEvent], dialect: str, seed: int, make: Callable[[], Seeded]) -> Lived:
    """Let a bot trade on an exchange whose market is the tape, until that is over."""
    timeline = Timeline(START_NS)
    random = Random(seed)
    exchange = ExchangeHost(
        timeline,
        Disk("exchange's disk", segment, random),
        HostClock(timeline),
        dialect=dialect,
        limits=UNLIMITED,
        seed=seed,
        step_ns=GRID_NS,
        market=lambda _: Tape(BTC_USDT, lambda: iter(events), "twin"),
    )
    key = exchange.found({"twin": DEPOSITS})["twin"]
    link = Link(timeline, random, exchange, "127.0.0.2", delay_ns=0, jitter_ns=0)
    exchange.links.append(link)
    bot = TraderHost(
        timeline,
        Disk("bot's disk", segment, random),
        HostClock(timeline),
        link,
        account="twin",
        config=parse_config(CONFIG.format(dialect=dialect)),
        dialect=dialects.find(dialect),
        key=key,
        limits=UNLIMITED,
        strategy=make,
        witness=Unwatched(),
        seed=seed,
    )
    exchange.boot()
    timeline.after(SECOND_NS // 10, "bot starts", bot.boot)
    while not exchange.exchange.market.ended:
        assert timeline.advance()
    assert bot.is_up
    assert bot.trader.status.word == "running", bot.trader.status
    return lived(exchange, bot, events)


def lived(exchange: ExchangeHost, bot: TraderHost, events: list[TapeEvent]) -> Lived:
    """Return what a bot has journaled."""
    cursor = exchange.exchange.market.cursor()
    records = bot.records()
    pending = [(r.time_ns, r.message.place) for r in records if type(r.message) is OrderPending]
    places = {place.client_order_id: at for at, (_, place) in enumerate(pending)}
    fills = [
        Fact(
            places[message.client_order_id],
            message.fill.price_ticks,
            message.fill.size_lots,
            int(message.fill.side),
            message.fill.liquidity is Liquidity.MAKER,
            message.fill.fee_atoms,
            message.fill.time_ns,
        )
        for message in (record.message for record in records)
        if type(message) is FillSeen
    ]
    states = [bot.trader.turn.state.orders[name].state for name in places]
    return Lived(pending, fills, cursor.start_ns - events[0].time_ns, states)


def replay(
    events: list[TapeEvent],
    shift_ns: int,
    make: Callable[[], Seeded],
    queue: QueueModel = QueueModel.PROPORTIONAL,  # as the exchange has it
) -> Run:
    """Backtest the same over the same, in the sandbox's time."""
    rows = tape_of(events)
    rows["time_ns"] += shift_ns
    settings = Settings(deposits=DEPOSITS, queue=queue)
    run = Run(make(), Events(BTC_USDT, lambda: iter([rows])), settings)
    run.go(lambda: 0.0)
    return run


def facts_of(found: Result) -> list[Fact]:
    """Return the fills of a backtest."""
    return sorted(
        Fact(
            int(row["order_id"]) - 1,
            int(row["price_ticks"]),
            int(row["size_lots"]),
            int(row["side"]),
            bool(row["is_maker"]),
            int(row["fee_atoms_low"]),
            int(row["time_ns"]),
        )
        for row in found.fills
    )


def check(lived: Lived, found: Result, grain_ns: int) -> int:
    """Hold one to the other, and return how many fills there were."""
    assert found.about.failure is None
    assert len(lived.pending) == len(found.orders)
    for (time_ns, place), row, state in zip(lived.pending, found.orders, lived.orders, strict=True):
        terms = (place.side, place.order_type, place.price_ticks or 0, place.size_lots)
        assert terms == (row["side"], row["order_type"], row["price_ticks"], row["size_lots"])
        assert 0 <= time_ns - row["wanted_ns"] < NETWORK_NS
        assert state == row["state"], (place, row)
    theirs = sorted(lived.fills)
    ours = facts_of(found)
    assert [fact[:5] for fact in theirs] == [fact[:5] for fact in ours]
    for a, b in zip(theirs, ours, strict=True):
        assert -grain_ns < a.time_ns - b.time_ns < NETWORK_NS, (a, b)
        if b.is_maker:
            assert abs(a.time_ns - b.time_ns) < grain_ns, "it happened with an event of the tape"
    return len(ours)


# How finely a dialect tells the time of a fill.
GRAINS = {"native": 1, "binance": MS_NS}


def maker(events: list[TapeEvent], dialect: str) -> Callable[[], Seeded]:
    """Return what makes a bot that trades while a tape lasts; it is warm after its first minute."""
    length_ns = events[-1].time_ns - events[0].time_ns - WARM_NS
    return partial(
        Seeded,
        seed=3,
        begin_ns=START_NS + BEGIN_S * SECOND_NS,
        end_ns=START_NS + length_ns - QUIET_S * SECOND_NS,
        has_stops=dialect == "native",
    )


@pytest.mark.parametrize("dialect", GRAINS)
def test_a_backtest_fills_as_the_sandbox_does(dialect: str):
    """A strategy that looks at the book: the same orders, the same fills, none more or less."""
    events = synthetic(7, 150)
    make = maker(events, dialect)
    found = live(events, dialect, 1, make)
    run = replay(events, found.shift_ns, make)
    assert check(found, run.result(), GRAINS[dialect]) > 60


def test_another_queue_is_another_backtest():
    """What is held together here can differ: with other assumptions it does."""
    events = synthetic(7, 150)
    make = maker(events, "native")
    found = [replay(events, -WARM_NS, make, model).result().fills for model in QueueModel]
    assert len({fills["size_lots"].tobytes() for fills in found}) > 1


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("dialect", GRAINS)
def test_a_recorded_market_fills_most_orders_alike(shared_data: Path, dialect: str):
    """Minutes of a real market, with touches told, for it is never quiet.

    Not all of them: where recorded levels cross each other, or a user's order, the sandbox's tape
    mends its house by what it has seen, and the backtest's book goes on as recorded.
    """
    file = shared_data / "binance" / "spot_btcusdt_20240809.jsonl.gz"
    recorded = tape_events(lines(file), BTC_USDT)
    first = next(recorded)
    end_ns = first.time_ns + RECORDED_S * SECOND_NS
    rest = takewhile(lambda event: event.time_ns < end_ns, recorded)
    events = on_grid([first, *rest])
    touches = touches_of(events, START_NS - WARM_NS - first.time_ns)
    recorded_bot = type("Recorded", (Seeded,), {"touches": touches})
    made = maker(events, dialect)
    make = partial(recorded_bot, **made.keywords)
    found = live(events, dialect, 2, make)
    run = replay(events, found.shift_ns, make)
    theirs, ours = by_order(found.fills), by_order(facts_of(run.result()))
    either = set(theirs) | set(ours)
    same = [order for order in either if theirs.get(order) == ours.get(order)]
    assert len(found.pending) == len(run.result().orders)
    assert len(either) > 60
    assert len(same) >= ALIKE * len(either), (len(same), len(either))


def by_order(facts: list[Fact]) -> dict[int, list[tuple[int, ...]]]:
    """Return fills by order, without their times."""
    found: dict[int, list[tuple[int, ...]]] = {}
    for fact in sorted(facts):
        found.setdefault(fact.order, []).append(fact[1:5])
    return found


def touches_of(events: list[TapeEvent], shift_ns: int) -> dict[int, tuple[int, int]]:
    """Return the house's best prices at each moment of the sandbox's time."""
    rows = tape_of(events)
    rows["time_ns"] += shift_ns
    market = _native.TapeMarket(records_of(OPENING, 0), QueueModel.PROPORTIONAL)
    market.feed(rows.tobytes())
    found = {}
    for moment in range(START_NS // EVERY_NS + 1, int(rows["time_ns"][-1]) // EVERY_NS):
        market.play(moment * EVERY_NS)
        bid, _, ask, _ = market.touch(False)
        found[moment * EVERY_NS] = (bid, ask)
    return found
