"""The twin of two legs: a backtest of two tapes, and two bots of one strategy in the sandbox.

Two exchanges, each with its own tape, and the strategy in one process as `cli.trader_legs` runs it.
"""

from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from msgspec.structs import replace

from steelyard import dialects
from steelyard.backtest.columns import Tape as Events
from steelyard.backtest.legs import LegsRun
from steelyard.backtest.legsdata import LegInput
from steelyard.backtest.settings import Settings
from steelyard.domain.messages import SECOND_NS
from steelyard.engine.book import QueueModel
from steelyard.exchange.tape import WARM_NS, Tape, TapeEvent
from steelyard.sim.disk import Disk
from steelyard.sim.exchange_host import ExchangeHost
from steelyard.sim.network import Link
from steelyard.sim.timeline import HostClock, Timeline
from steelyard.sim.trader_host import TraderHost
from steelyard.store import segment
from steelyard.trading.actions import Woken
from steelyard.trading.config import parse_config
from steelyard.trading.legs import Legs
from steelyard.trading.strategy import Strategy, Timer
from steelyard.wire.limits import UNLIMITED
from tests.backtest.test_tape import tape_of
from tests.backtest.test_twin import (
    BEGIN_S,
    BTC_USDT,
    CONFIG,
    DEPOSITS,
    GRAINS,
    GRID_NS,
    QUIET_S,
    START_NS,
    Lived,
    Unwatched,
    act,
    check,
    lived,
    synthetic,
)

LENGTH_S = 96
VENUES = {"one": "native", "other": "binance"}


class SeededLegs(Strategy):
    """Twice a second one thing at each leg from a seed, around the touch that it sees there."""

    leg_names = tuple(VENUES)

    class Params(Strategy.Params):
        """When it begins and ends."""

        begin_ns: int
        end_ns: int

    def on_start(self) -> None:
        """Wait for the moments."""
        self.every("500ms")

    def on_timer(self, timer: Timer) -> None:
        """Do what this moment's dice say."""
        if not self.params.begin_ns <= timer.due_ns < self.params.end_ns:
            return
        for name, leg in self.legs.items():
            book, ticks = leg.book, leg.instrument.price_ticks
            assert book.best_bid is not None
            assert book.best_ask is not None
            chance = Random(f"{name} {timer.due_ns}")
            act(leg, chance, ticks(book.best_bid), ticks(book.best_ask), has_stops=False)


def live(tapes: dict[str, list[TapeEvent]], strategy: Strategy) -> dict[str, Lived]:
    """Let the legs trade, each on the exchange whose market is its tape, until that is over."""
    timeline = Timeline(START_NS)
    legs = Legs(strategy, [*tapes])
    exchanges: dict[str, ExchangeHost] = {}
    bots: dict[str, TraderHost] = {}
    for number, (name, events) in enumerate(tapes.items()):
        random, dialect = Random(number), VENUES[name]
        market = partial(_market, events)
        exchange = exchanges[name] = ExchangeHost(
            timeline,
            Disk(f"exchange {name}'s disk", segment, random),
            HostClock(timeline),
            dialect=dialect,
            limits=UNLIMITED,
            seed=number,
            step_ns=GRID_NS,
            market=market,
        )
        key = exchange.found({"twin": DEPOSITS})["twin"]
        link = Link(timeline, random, exchange, f"127.0.0.{2 + number}", delay_ns=0, jitter_ns=0)
        exchange.links.append(link)
        config = parse_config(CONFIG.format(dialect=dialect))
        bots[name] = TraderHost(
            timeline,
            Disk(f"bot {name}'s disk", segment, random),
            HostClock(timeline),
            link,
            account="twin",
            config=replace(config, bot=replace(config.bot, name=f"twin-{name}")),
            dialect=dialects.find(dialect),
            key=key,
            limits=UNLIMITED,
            strategy=partial(legs.parts.__getitem__, name),
            witness=Unwatched(),
            seed=number,
        )

    def wake() -> None:
        for name in legs.take_due():
            bots[name].step(Woken())

    for name, exchange in exchanges.items():
        bots[name].stepped = wake
        exchange.boot()
        timeline.after(SECOND_NS // 10, f"bot {name} starts", bots[name].boot)
    while not all(exchange.exchange.market.ended for exchange in exchanges.values()):
        assert timeline.advance()
    assert all(bot.trader.status.word == "running" for bot in bots.values())
    return {name: lived(exchanges[name], bots[name], tapes[name]) for name in tapes}


def _market(events: list[TapeEvent], _seed: int) -> Any:
    return Tape(BTC_USDT, lambda: iter(events), "twin")


def test_a_backtest_of_two_legs_fills_as_the_sandbox_does():
    """The same orders and the same fills at both venues, none more or less."""
    tapes = {name: synthetic(seed, LENGTH_S) for seed, name in enumerate(VENUES, 7)}
    last_ns = min(events[-1].time_ns for events in tapes.values())
    make = partial(
        SeededLegs,
        begin_ns=START_NS + BEGIN_S * SECOND_NS,
        end_ns=last_ns - WARM_NS - QUIET_S * SECOND_NS,
    )
    found = live(tapes, make())
    settings = Settings(deposits={}, queue=QueueModel.PROPORTIONAL)
    legs = {}
    for name, events in tapes.items():
        rows = tape_of(events)
        rows["time_ns"] += found[name].shift_ns
        tape = Events(BTC_USDT, partial(_blocks, rows))
        legs[name] = LegInput(tape, name, settings)
    exact = {asset: Decimal(amount) for asset, amount in DEPOSITS.items()}
    run = LegsRun(make(), legs, dict.fromkeys(VENUES, exact))
    run.go(lambda: 0.0)
    result = run.result()
    for name, dialect in VENUES.items():
        assert check(found[name], result.legs[name], GRAINS[dialect]) > 15


def _blocks(rows: Any) -> Any:
    return iter([rows])
