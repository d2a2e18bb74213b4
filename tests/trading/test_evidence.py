"""What a journal shows: each number against the journal of a bot that traded, or by hand."""

from decimal import Decimal
from random import Random

import pytest
from msgspec.structs import replace

from steelyard.domain.journal import Record
from steelyard.domain.messages import SECOND_NS
from steelyard.trading.actions import Journal, MarketTold, Start
from steelyard.trading.config import parse_config
from steelyard.trading.evidence import DAY_NS, Identity, gather
from steelyard.trading.records import (
    FORMAT,
    BreakerTripped,
    FillSeen,
    GateChanged,
    Killed,
    MarketNamed,
    Measured,
    OrderPending,
    OrderRefused,
    RunStarted,
    RunStopped,
    codec,
)
from steelyard.trading.state import TraderState
from steelyard.trading.strategy import Strategy
from steelyard.trading.trader import Trader
from tests.trading.session import new_world
from tests.trading.world import CONFIG, hand_world


@pytest.fixture(scope="module")
def journal():
    world = new_world(60)
    world.run(90)
    form = codec()
    return [form.decode(at, payload) for at, payload in enumerate(world.payloads, 1)]


def began(environment: str = "paper", below: str = "1") -> RunStarted:
    return RunStarted(FORMAT, 1, "dip", environment, "a:B", "BTC-USDT", {"below": below})


def written(*messages: tuple[int, object]) -> list[Record]:
    """Return records of (seconds, message)."""
    pairs = enumerate(messages, 1)
    return [Record(at, seconds * SECOND_NS, message) for at, (seconds, message) in pairs]


def gate(reason: str | None) -> GateChanged:
    return GateChanged("running" if reason is None else "gated", reason)


def test_counts_are_those_of_the_journal(journal):
    """Orders, refusals and fills are counted, and profit is what the books have."""
    found = gather(journal)
    kinds = [type(record.message) for record in journal]
    assert found.orders == kinds.count(OrderPending) > 0
    assert found.refused == kinds.count(OrderRefused)
    assert found.fills == kinds.count(FillSeen) > 0
    state = TraderState()
    for record in journal:
        state.replay(record)
    assert found.profit_atoms == state.portfolio.realized_atoms - state.portfolio.fees_atoms
    assert found.exposure_atoms > 0
    assert found.fall_atoms >= max(0, -found.profit_atoms)
    assert found.slippage is not None
    assert abs(found.slippage) < Decimal("0.1")


def test_only_what_came_after_a_moment_counts(journal):
    """Evidence is used once: two parts have together what the whole has."""
    middle = journal[len(journal) // 2].time_ns
    whole, late = gather(journal), gather(journal, middle)
    early = gather([record for record in journal if record.time_ns <= middle])
    assert early.fills + late.fills == whole.fills
    assert early.orders + late.orders == whole.orders
    assert early.profit_atoms + late.profit_atoms == whole.profit_atoms
    assert gather(journal, journal[-1].time_ns).fills == 0


def test_time_counts_while_orders_may_leave():
    """A gate, the end of a run, and a run that broke off end it; a day counts that it touched."""
    day = DAY_NS // SECOND_NS
    found = gather(
        written(
            (10, began()),
            (20, gate(None)),
            (50, gate("the book is stale")),
            (day - 10, gate(None)),
            (day + 10, RunStopped("stopped")),
            (3 * day, began()),
            (3 * day + 5, gate(None)),
            (3 * day + 7, Killed("by hand", has_file=False)),
            (9 * day, began()),
        )
    )
    assert found.open_ns == (30 + 20 + 2) * SECOND_NS
    assert found.days == 3


def test_time_in_which_the_bot_did_not_run_is_not_counted():
    """The machine slept, or its clock was set: of that time there is no sign of life."""
    day = DAY_NS // SECOND_NS
    beats = [(at, Measured({})) for at in range(80, 400, 60)]
    slept = [(at + 5 * day, message) for at, message in beats]
    found = gather(written((10, began()), (20, gate(None)), *beats, *slept))
    assert found.open_ns == (380 - 20 + 300) * SECOND_NS
    assert found.days == 2
    leapt = gather(written((10, began()), (20, gate(None)), (9 * day, gate("stale"))))
    assert (leapt.open_ns, leapt.days) == (0, 0)


def test_what_a_bot_of_another_name_has_shown_is_its_own():
    """Whose journal was copied, or whose directory was renamed, has shown nothing yet."""
    of_another = replace(began(), bot="dip-2")
    runs = [(10, of_another), (20, gate(None)), (50, gate("why"))]
    own = [(60, began()), (70, gate(None)), (75, gate("why"))]
    assert gather(written(*runs)).bot == "dip-2"
    assert gather(written(*runs, *own)).open_ns == 5 * SECOND_NS


def test_a_bot_that_only_waits_shows_that_it_runs():
    """Nothing is ordered and nothing changes: all its open time counts."""
    world = hand_world()
    world.run(280)
    form = codec()
    records = [form.decode(at, payload) for at, payload in enumerate(world.payloads, 1)]
    gates = [it for it in records if isinstance(it.message, GateChanged)]
    (opened,) = [it for it in gates if it.message.reason is None]
    assert gather(records).open_ns == records[-1].time_ns - opened.time_ns > 270 * SECOND_NS


def test_the_markets_that_orders_met_are_told():
    """Each of a run's, however short it was there; what a run does not tell is not told."""
    live, crowd = MarketNamed("live", "binance wss://a.example"), MarketNamed("crowd")
    open_for = [(20, gate(None)), (50, gate("why"))]
    only = [(10, began()), (11, live), *open_for, (60, crowd)]
    assert gather(written(*only)).markets == ("live binance wss://a.example",)
    both = [*only, (70, gate(None)), (80, gate("why"))]
    assert gather(written(*both)).markets == ("crowd", "live binance wss://a.example")
    silent = [(10, began()), (11, live), (15, began()), *open_for]
    assert gather(written(*silent)).markets == ("",)


def test_what_an_exchange_tells_of_its_market_is_in_each_run():
    """Told before the run begins, and again when another exchange answers; no change, no record."""
    world = hand_world()
    world.run(1)
    for told in (MarketTold("crowd"), MarketTold("crowd"), MarketTold("live", "a b"), MarketTold()):
        world.step(told)
    assert [it.kind for it in world.messages(MarketNamed)] == ["crowd", "live", ""]
    trader = Trader(
        parse_config(CONFIG), "key", Strategy(), world.rules, Random(1)
    )  # a new process, which has asked before it begins
    assert trader.step(MarketTold("tape"), 1) == []
    records = [it.message for it in trader.step(Start(), 2) if isinstance(it, Journal)]
    kinds = [type(message) for message in records]
    assert kinds.index(RunStarted) < kinds.index(MarketNamed)
    assert MarketNamed("tape") in records


def test_another_bot_begins_anew():
    """Other parameters, or another environment, and nothing of what was before counts."""
    first = [(10, began(below="1")), (20, gate(None)), (30, gate("why"))]
    for other in (began(below="2"), began("sandbox")):
        found = gather(written(*first, (40, other), (50, gate(None)), (51, gate("why"))))
        assert found.open_ns == SECOND_NS
        assert found.identity == Identity("a:B", "BTC-USDT", other.parameters)
        assert found.environment == other.environment
    again = gather(written(*first, (40, began(below="1")), (50, gate(None)), (51, gate("why"))))
    assert again.open_ns == 11 * SECOND_NS


def test_what_is_open_is_named():
    """A kill and a breaker are incidents until they are over; before a run there is nothing."""
    assert gather([]) is None
    tripped = BreakerTripped("rejects", "too many", None)
    found = gather(written((1, began()), (2, Killed("by hand", has_file=False)), (3, tripped)))
    assert found.incidents == ("it was killed: by hand", "the breaker rejects has tripped")
    assert found.refused_share is None
    assert found.fall_share is None


def test_other_code_is_another_bot_and_so_is_another_venue_of_real_money():
    """What the one has shown does not count for the other."""
    for environment, change, counted in (
        ("paper", {"code": "c2"}, 100),
        ("paper", {"venue": "binance http://127.0.0.1:2"}, 200),
        ("live", {"venue": "binance https://b.example"}, 100),
    ):
        first = replace(began(environment), code="c1", venue="binance https://a.example")
        messages = [(1, first), (1, gate(None)), (101, RunStopped("x"))]
        messages += [(200, replace(first, **change)), (200, gate(None)), (300, RunStopped("x"))]
        found = gather(written(*messages))
        assert found.open_ns == counted * SECOND_NS, change
        assert (found.code, found.venue) == tuple(
            {"code": "c1", "venue": "binance https://a.example", **change}[key]
            for key in ("code", "venue")
        )
