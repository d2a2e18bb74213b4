"""The rules of breakers and what they look at: tables, one step on each side of each threshold."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import SECOND_NS
from steelyard.trading.breakers import (
    KINDS,
    Breaker,
    BreakersTable,
    Counted,
    Ranged,
    Rule,
    Slipped,
    Stale,
    in_percent,
    rule_of,
)
from steelyard.trading.config import parse_config
from tests.trading.world import CONFIG

S = SECOND_NS


def rule(name: str, threshold: str, window: str = "10s", resume: str = "ended") -> Rule:
    table = {"threshold": threshold, "window": window, "resume": resume}
    return rule_of(Breaker(name), table)


# -- configuration --------------------------------------------------------------------------------


def test_every_breaker_is_there_as_it_comes():
    """With a sentence that names its threshold and window."""
    rules = BreakersTable().rules
    assert [*rules] == [*Breaker] == [*KINDS]
    for breaker, found in rules.items():
        kind = KINDS[breaker]
        assert (found.shown, found.window, found.resume) == (
            kind.threshold,
            kind.window,
            kind.resume,
        )
        assert kind.threshold in found.text
        assert kind.window in found.text
        assert "{" not in found.text


def test_a_table_changes_what_it_names():
    """The rest is as it comes; `off` is none; numbers may be written as such."""
    text = """
[breakers]
open_orders = "cancel"
rejects = { threshold = 3, resume = "person" }
slippage = { threshold = "0.05%" }
venue = "off"
"""
    table = parse_config(CONFIG + text).breakers
    assert table.open_orders == "cancel"
    rules = table.rules
    assert Breaker.VENUE not in rules
    found = rules[Breaker.REJECTS]
    assert (found.threshold, found.window_ns, found.resume_ns) == (3, 60 * S, None)
    assert found.how_resumed == "it resumes by a person only"
    assert rules[Breaker.SLIPPAGE].threshold == Decimal("0.0005")
    assert rules[Breaker.SLIPPAGE].how_resumed == "it resumes after 15m"
    assert rules[Breaker.STALENESS].how_resumed == "it resumes when that has ended"
    in_force = parse_config(CONFIG + text).in_force
    assert in_force["breakers.rejects"] == "3 in 1m, resume person"
    assert in_force["breakers.venue"] == "off"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("reject = {}", "did you mean 'rejects'?"),
        ("rejects = 3", r"\[breakers\] rejects is 3; write a table such as { threshold = \"10\""),
        ("rejects = { treshold = 3 }", "has 'treshold'; its keys are threshold, window, resume"),
        ("rejects = { threshold = 0 }", "rejects threshold is '0'; write a whole number up to"),
        ('rejects = { threshold = "-1" }', "write a whole number"),
        ("rejects = { threshold = 10001 }", "write a whole number up to 10000"),
        ('rejects = { window = "1 m" }', r"rejects window: '1 m' is not a duration"),
        ('rejects = { window = "2d" }', "rejects window is 2d; it may be up to 24h"),
        ('rejects = { resume = "never" }', 'resume, else "ended" or "person": \'never\' is not a'),
        ('slippage = { threshold = "1" }', "slippage threshold is '1'; write a percentage"),
        ('slippage = { threshold = "0%" }', "write a percentage up to 100%"),
        ('volatility = { threshold = "nan%" }', "write a percentage"),
        ('volatility = { threshold = "101%" }', "write a percentage up to 100%"),
        ('staleness = { threshold = "5m" }', "must be shorter than its window"),
        ('staleness = { threshold = "5" }', "staleness threshold: '5' is not a duration"),
        ('open_orders = "drop"', "open_orders"),
    ],
)
def test_a_rule_that_is_none_is_refused_by_name(line: str, said: str):
    """With what it is, and what to write."""
    with pytest.raises(ConfigError, match=said):
        parse_config(f"{CONFIG}\n[breakers]\n{line}\n")


# -- memories -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times_s", "now_s", "trips"),
    [
        ([0, 1], 1, False),
        ([0, 1, 2], 2, True),
        ([0, 1, 2], 9.9, True),
        ([0, 1, 2], 10, False),  # a window after the first of them
        ([0, 5, 9, 11], 11, True),  # of four the last three count
        ([0, 11, 22], 22, False),
    ],
)
def test_what_is_counted(times_s, now_s, trips):
    """So many within the window, its beginning not in it."""
    memory = Counted(rule("rejects", "3"))
    for at in times_s:
        memory.add(at * S, f"no {at}")
    said = memory.exceeds(int(now_s * S))
    assert said == (f"the last was no {times_s[-1]}" if trips else None)
    memory.forget()
    assert memory.exceeds(int(now_s * S)) is None


@pytest.mark.parametrize(
    ("fills", "now_s", "share"),
    [
        ([], 0, "0"),
        ([(0, 5, 1_000)], 0, "0.005"),
        ([(0, 10, 1_000)], 0, "0.01"),
        ([(0, 11, 1_000)], 0, "0.011"),
        ([(0, 30, 1_000), (1, 0, 2_000)], 1, "0.01"),  # weighed by what it is worth
        ([(0, 30, 1_000), (1, -20, 1_000)], 1, "0.005"),  # a gain counts
        ([(0, 30, 1_000), (10, 0, 1_000)], 10, "0"),
    ],
)
def test_what_fills_cost(fills, now_s, share):
    """The window's cost as a share; more than the threshold trips."""
    memory = Slipped(rule("slippage", "1%"))
    for at, cost, worth in fills:
        memory.add(at * S, cost, worth)
    assert memory.share(now_s * S) == Decimal(share)
    assert (memory.exceeds(now_s * S) is not None) == (Decimal(share) > Decimal("0.01"))


def test_what_was_stale():
    """Added up within the window; what lasts counts so far, and a beginning leaves at its end."""
    memory = Stale(rule("staleness", "3s"))
    memory.see(0, "no book")
    assert memory.exceeds(3 * S) is None
    assert memory.exceeds(3 * S + 1) == "the last was: no book"
    memory.see(2 * S, None)
    memory.see(5 * S, "no stream")
    memory.see(5 * S, "no stream")
    memory.see(6 * S, None)
    assert memory.stale_ns(6 * S) == 3 * S
    assert memory.exceeds(6 * S) is None
    memory.see(7 * S, "again")
    assert memory.is_now
    assert memory.exceeds(7 * S + 1) == "the last was: again"
    memory.see(8 * S, None)
    assert memory.stale_ns(11 * S) == 3 * S  # a second of the first span is left
    assert memory.stale_ns(30 * S) == 0
    memory.see(31 * S, "x")
    memory.forget()
    assert not memory.is_now


@pytest.mark.parametrize(
    ("prices", "share"),
    [
        ([(0, 1_000)], "0"),
        ([(0, 1_000), (1, 1_050)], "0.05"),
        ([(0, 1_000), (1, 1_051)], "0.051"),
        ([(0, 1_051), (1, 1_000), (9, 1_020)], "0.051"),  # down and half of it back
        ([(0, 1_051), (11, 1_000)], "0"),  # slowly
        ([(0, 1_000), (5, 1_030), (11, 1_060)], "0.0291"),
    ],
)
def test_how_far_it_moved(prices, share):
    """The highest against the lowest of the window, whichever came first."""
    memory = Ranged(rule("volatility", "5%"))
    for at, price in prices:
        memory.add(at * S, price)
    now_ns = prices[-1][0] * S
    assert memory.share(now_ns).quantize(Decimal("0.0001")) == Decimal(share)
    assert (memory.exceeds(now_ns) is not None) == (Decimal(share) > Decimal("0.05"))


def test_memories_are_bounded():
    """Whatever comes, and however fast."""
    counted, ranged = Counted(rule("rejects", "3")), Ranged(rule("volatility", "5%"))
    slipped, stale = Slipped(rule("slippage", "1%")), Stale(rule("staleness", "1s"))
    for n in range(5_000):
        counted.add(n, "")
        slipped.add(n, 1, 1)
        ranged.add(n * S // 100, 1_000 + n)
        stale.see(2 * n, "x")
        stale.see(2 * n + 1, None)
    assert len(counted._times_ns) == 3
    assert len(slipped.fills) == 1_000
    assert len(stale._spans) == 1_000
    assert len(ranged._buckets) <= 62


def test_a_share_is_shown_to_a_hundredth_of_a_percent():
    assert in_percent(Decimal("0.01234")) == "1.23%"
    assert in_percent(Decimal("-0.5")) == "-50%"


@given(st.lists(st.integers(0, 40), max_size=30))
def test_a_hit_counts_as_one_that_is_added(pauses):
    """By the short way and the long one the threshold is reached at the same time."""
    rule = rule_of(Breaker.ORDER_RATE, {"threshold": "5", "window": "1m"})
    short, long = Counted(rule), Counted(rule)
    now_ns = 10**18
    for pause in pauses:
        now_ns += pause * SECOND_NS
        long.add(now_ns, "")
        assert short.hits(now_ns) == (long.exceeds(now_ns) is not None)
        assert short.count(now_ns) == long.count(now_ns)


@given(st.lists(st.tuples(st.integers(0, 70), st.integers(1_000, 1_100)), max_size=40))
def test_a_range_says_whenever_it_has_become_wider(steps):
    """So a look that is left out would have found no more than the one before."""
    memory = Ranged(rule_of(Breaker.VOLATILITY, {"window": "1m"}))
    now_ns, before = 10**18, Decimal(0)
    for pause_s, price in steps:
        now_ns += pause_s * SECOND_NS // 10
        is_told = memory.add(now_ns, price)
        share = memory.share(now_ns)
        assert is_told or share <= before
        before = share
