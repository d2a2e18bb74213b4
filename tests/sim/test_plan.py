"""What seeds bring."""

from collections import Counter

from steelyard import dialects
from steelyard.sim.plan import DIALECTS, JOINED, Happening, Plan, What, calm, plan_of
from steelyard.wire.faults import Fault, Trouble

SEEDS = range(600)


def test_a_seed_is_one_plan():
    """And another seed another one."""
    assert plan_of(7) == plan_of(7) != plan_of(8)
    assert plan_of(7, "native").dialect == "native"


def test_everything_comes_up_among_some_hundred_seeds():
    """What never happens proves nothing."""
    plans = [plan_of(seed) for seed in SEEDS]
    happened = Counter(h.what for plan in plans for h in plan.happenings)
    assert set(happened) == {*What}
    troubles = Counter(
        h.detail.trouble for plan in plans for h in plan.happenings if isinstance(h.detail, Fault)
    )
    assert set(troubles) == {*Trouble}
    assert {plan.dialect for plan in plans} == set(DIALECTS)
    assert {*DIALECTS, *JOINED} == set(dialects.names())
    assert {len(plan.manners) for plan in plans} == {1, 2}
    assert any(any(points) for plan in plans for points in plan.kill_at)
    assert any(plan.is_prompt and plan.bar_s for plan in plans)


def test_some_worlds_are_quiet_enough_to_hold_traders_to_the_budget():
    """Where requests come late or twice, being over a limit is nobody's fault."""
    punctual = [plan for plan in map(plan_of, SEEDS) if plan.is_punctual and plan.has_limits]
    assert len(punctual) > len(SEEDS) // 4
    assert calm(1).is_punctual
    assert not Plan(seed=1, jitter_ns=10**9).is_punctual


def test_no_place_is_told_twice_to_a_venue_that_would_take_it_twice():
    """Binance's ids are unique among open orders only: nobody could tell such a double."""
    for seed in SEEDS:
        plan = plan_of(seed, "binance")
        found = {h.detail.trouble for h in plan.happenings if isinstance(h.detail, Fault)}
        assert Trouble.REPEATED_REQUEST not in found


def test_a_venue_that_takes_what_it_says_it_has_not_is_not_believed():
    """Nor where requests come twice, or a clock is put on."""
    frank = [plan for plan in map(plan_of, SEEDS) if plan.is_frank]
    assert len(frank) > len(SEEDS) // 2
    for fault, is_frank in (
        (Fault(Trouble.FAILED, status=503), True),
        (Fault(Trouble.FAILED, status=429), False),
        (Fault(Trouble.REFUSED, status=429), True),
        (Fault(Trouble.REPEATED_REQUEST), False),
    ):
        happening = Happening(0, What.FAULT, detail=fault)
        assert Plan(seed=1, happenings=(happening,)).is_frank is is_frank
    assert not Plan(seed=1, happenings=(Happening(0, What.CLOCK, lasts_ns=1),)).is_frank
