"""The auditor of limits and breakers: each rule, broken by hand; unguarded bots are left alone."""

from collections import Counter

import pytest
from msgspec.structs import replace

from steelyard.domain.commands import Place
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.sim.guard_auditor import Broken, GuardAuditor
from steelyard.sim.plan import calm, plan_of
from steelyard.sim.world import World
from steelyard.store import segment
from steelyard.trading.actions import Input, Journal, Role, StreamDown, Woken
from steelyard.trading.records import (
    AmendPending,
    BreakerResumed,
    BreakerTripped,
    OrderPending,
    OrderRefused,
    PeakSeen,
    TraderRecord,
)

PLACE = Place(
    *(0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC),
    post_only=False,
    price_ticks=5_900_000,
    size_lots=200,
    client_order_id="x-1",
)


class Stage:
    """A guarded bot that has started, and an auditor that has not seen it do anything."""

    def __init__(self) -> None:
        plan = calm(1)
        plan.is_guarded = True
        world = World(plan, segment)
        world.timeline.after(0, "exchange", world.exchange.boot)
        world.timeline.after(1, "bot", world.bots[0].boot)
        while world.timeline.elapsed_s < 0.9 and world.timeline.advance():
            world.auditor.look()
        self.host = world.bots[0]
        self.auditor = GuardAuditor(self.host)
        self.now_ns = self.host.trader.turn.now_ns

    def journal(self, *messages: TraderRecord, event: Input | None = None, at_s: float = 0) -> None:
        now_ns = self.now_ns + int(at_s * 10**9)
        self.auditor.took(event or Woken(), [Journal(message, now_ns) for message in messages])

    def order(self, **changes) -> OrderPending:
        assert self.host.trader.desk is not None
        half_ticks = self.host.trader.desk.book.mid_half_ticks
        return OrderPending(replace(PLACE, **changes), mid_half_ticks=half_ticks)


@pytest.fixture(scope="module")
def staged() -> Stage:
    return Stage()


@pytest.fixture
def stage(staged: Stage) -> Stage:
    staged.auditor = GuardAuditor(staged.host)
    return staged


def broken(rule: str):
    """Expect that a rule is broken, by its name."""

    class Expecting:
        def __enter__(self) -> None:
            self.context = pytest.raises(Broken)
            self.caught = self.context.__enter__()

        def __exit__(self, *error: object) -> bool:
            is_broken = bool(self.context.__exit__(*error))
            assert self.caught.value.rule == rule
            return is_broken

    return Expecting()


REFUSED = OrderRefused("x", RejectReason.INSUFFICIENT_BALANCE, "x")


def test_what_is_allowed_passes(stage: Stage):
    stage.journal(stage.order(), REFUSED, stage.order(size_lots=299))


def test_nothing_adds_risk_while_a_breaker_has_tripped(stage: Stage):
    stage.journal(BreakerTripped("rejects", "x", "2s", 1))
    with broken("breaker"):
        stage.journal(stage.order())
    stage.journal(BreakerResumed("rejects", "anna", "x"), stage.order())


def test_a_breaker_that_should_have_tripped_has(stage: Stage):
    """By what was refused, and by streams that broke; what was long ago does not count."""
    stage.journal(REFUSED, at_s=-7)
    stage.journal(REFUSED, stage.order())
    with broken("untripped"):
        stage.journal(REFUSED, stage.order())
    stage.auditor = GuardAuditor(stage.host)
    for _ in range(3):
        stage.auditor._up.add(Role.MARKET)
        stage.journal(event=StreamDown(Role.MARKET, "x"))
    with broken("untripped"):
        stage.journal(stage.order())


def test_no_breaker_resumes_before_its_rule_allows_it(stage: Stage):
    """A person may; and of one that has not tripped there is nothing to resume."""
    tripped = BreakerTripped("rejects", "x", "2s", 1)
    stage.journal(tripped)
    with broken("resumed"):
        stage.journal(BreakerResumed("rejects", "its rule", "x"), at_s=1.9)
    stage.journal(BreakerResumed("rejects", "its rule", "x"), at_s=2)
    with broken("resumed"):
        stage.journal(BreakerResumed("rejects", "its rule", "x"), at_s=3)
    stage.journal(tripped, BreakerResumed("rejects", "anna", "x"))


def test_limits_of_size_and_rate(stage: Stage):
    with broken("max_order_size"):
        stage.journal(stage.order(size_lots=301))
    with broken("max_order_size"):
        stage.journal(AmendPending("x-1", None, 301, None))
    for number in range(29):
        stage.journal(stage.order(), at_s=-30 + number)
        stage.auditor._times.clear()  # the breaker of the rate is another matter
    stage.journal(stage.order())
    with broken("max_orders_per_minute"):
        stage.journal(stage.order())


def test_what_the_day_has_lost(stage: Stage):
    stage.auditor._cash = -2 * 10**12
    with broken("max_daily_loss"):
        stage.journal(stage.order())


def test_a_drawdown_that_lasts(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """Below the highest that the bot has written down, for seconds."""
    monkeypatch.setattr(GuardAuditor, "_check_held", lambda *_: None)
    config = stage.host.config
    risk = replace(config.risk, max_drawdown="2", max_daily_loss="off")
    monkeypatch.setattr(stage.host, "config", replace(config, risk=risk))
    stage.journal(PeakSeen(3 * 10**12))
    turn, now_ns = stage.host.trader.turn, stage.now_ns
    stage.journal(stage.order())
    turn.now_ns = now_ns + 4 * 10**9
    try:
        with broken("max_drawdown"):
            stage.journal(stage.order())
    finally:
        turn.now_ns = now_ns


def test_the_middle_is_the_one_that_was_seen(stage: Stage):
    with broken("mid"):
        stage.journal(OrderPending(PLACE, mid_half_ticks=1))


def test_worlds_without_guards_have_none():
    """Their breakers are off, and their limits as they were."""
    host = World(calm(1), segment).bots[0]
    assert host.config.breakers.rules == {}
    assert host.config.limits[4:] == (None,) * 5


def test_breakers_trip_in_guarded_worlds():
    """A rule that nothing ever comes near proves nothing."""
    counts: Counter[str] = Counter()
    for seed in (1, 2, 6, 8, 15):
        plan = plan_of(seed, "binance")
        plan.is_guarded = True
        world = World(plan, segment)
        world.run()
        for bot in world.auditor._bots.values():
            counts.update(bot.guards.counts)
    names = {name.removeprefix("tripped ") for name in counts if name.startswith("tripped ")}
    assert names >= {"slippage", "rejects", "staleness", "order_rate"}
    assert counts["held against"] > 20
    assert counts["resumed"] > 5
