import pytest
from desk import BTC_USDT, PlainSeal

from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import SECOND_NS
from steelyard.exchange.keys import Keys
from steelyard.exchange.misbehavior import (
    FAULTS_MAX,
    ClearFaults,
    ListFaults,
    Misbehavior,
    SetFault,
)
from steelyard.wire.faults import DELAY_MAX_NS, Fault, Trouble

REFUSED = Fault(Trouble.REFUSED, status=429)


@pytest.fixture
def misbehavior() -> Misbehavior:
    keys = Keys(PlainSeal())
    keys.named(100, "alice")
    return Misbehavior(keys, Listings([BTC_USDT]))


def test_faults_are_set_listed_and_cleared(misbehavior):
    set_ = misbehavior.carry_out(SetFault(REFUSED, seed=7))
    assert (set_["number"], set_["fault"], set_["status"]) == (1, "refused", 429)
    slow = Fault(Trouble.SLOW_FRAME, "native", "book", "alice", 500_000, 1, 2, 5 * 10**6, SECOND_NS)
    assert misbehavior.carry_out(SetFault(slow))["delay_ms"] == [5, 1_000]
    listed = misbehavior.carry_out(ListFaults())
    assert listed["seed"] == 7
    assert [fault["number"] for fault in listed["faults"]] == [1, 2]
    assert listed["faults"][1] == {
        "number": 2,
        "fault": "slow-frame",
        "dialect": "native",
        "where": "book",
        "account": "alice",
        "chance_e6": 500_000,
        "after": 1,
        "times": 2,
        "met": 0,
        "struck": 0,
        "over": False,
        "delay_ms": [5, 1_000],
    }
    assert misbehavior.carry_out(ClearFaults(1)) == {"cleared": 1}
    assert misbehavior.carry_out(ClearFaults()) == {"cleared": 1}
    assert misbehavior.carry_out(ListFaults())["faults"] == []


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        (
            Fault(Trouble.MAINTENANCE, retry_after_ns=30 * SECOND_NS),
            {"retry_after_ms": 30_000},
        ),
        (REFUSED, {"status": 429, "retry_after_ms": 1_000}),
        (
            Fault(Trouble.PARTIAL_FILLS, where="BTC-USDT", parts_e6=(500_000, 300_000, 200_000)),
            {"parts_e6": [500_000, 300_000, 200_000], "delay_ms": [1_000, 1_000]},
        ),
        (Fault(Trouble.CLOCK_SKEW, "kraken", skew_ns=-3 * SECOND_NS), {"skew_ms": -3_000}),
    ],
)
def test_a_fault_is_shown_with_what_is_its_own(misbehavior, fault, shown):
    told = misbehavior.carry_out(SetFault(fault))
    assert {name: told[name] for name in shown} == shown


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(Trouble.PARTIAL_FILLS), "--parts are parts of an order"),
        (Fault(Trouble.PARTIAL_FILLS, parts_e6=(600_000, 500_000)), "come to at most 1"),
        (Fault(Trouble.PARTIAL_FILLS, parts_e6=(500_000, 0)), "above 0"),
        (Fault(Trouble.PARTIAL_FILLS, where="book", parts_e6=(1,)), "'book' is no symbol"),
        (Fault(Trouble.CLOCK_SKEW), "--skew is a time"),
        (Fault(Trouble.CLOCK_SKEW, skew_ns=10**18), "at most 24h"),
        (Fault(Trouble.CLOCK_SKEW, "mars", skew_ns=1), "no dialect 'mars'"),
        (Fault(Trouble.CLOCK_SKEW, account="alice", skew_ns=1), "wrong for everybody"),
        (Fault(Trouble.CLOCK_SKEW, times=1, skew_ns=1), "wrong for everybody"),
        (Fault(Trouble.MAINTENANCE, where="websocket"), "is no route that maintenance"),
        (Fault(Trouble.REFUSED, retry_after_ns=DELAY_MAX_NS + 1), "--retry-after"),
        (Fault(Trouble.REFUSED, dialect="nasdaq"), "no dialect 'nasdaq'"),
        (Fault(Trouble.REFUSED, account="bob"), "no account 'bob'"),
        (Fault(Trouble.REFUSED, where="/nowhere"), "is no route that refused could befall"),
        (Fault(Trouble.REFUSED, where="websocket"), "is no route that refused could befall"),
        (Fault(Trouble.LOST_ANSWER, "native", "/api/v3/order"), "is no route"),
        (Fault(Trouble.REFUSED, where="/api/v3/ping", account="alice"), "names no account"),
        (Fault(Trouble.LOST_FRAME, where="/api/v3/order"), "is nothing that frames carry: book"),
        (Fault(Trouble.REFUSED, chance_e6=0), "--chance is above 0%"),
        (Fault(Trouble.REFUSED, chance_e6=1_000_001), "at most 100%"),
        (Fault(Trouble.REFUSED, times=-1), "--after and --times"),
        (Fault(Trouble.REFUSED, after=10**10), "--after and --times"),
        (Fault(Trouble.SLOW_ANSWER, delay_min_ns=2, delay_max_ns=1), "--delay"),
        (Fault(Trouble.SLOW_ANSWER, delay_max_ns=DELAY_MAX_NS + 1), "--delay"),
        (Fault(Trouble.FAILED, status=200), "--status 200 is none of 418"),
    ],
)
def test_what_could_never_strike_is_refused(misbehavior, fault, said):
    """Silence would look as if the client had stood it."""
    with pytest.raises(UsageError, match=said):
        misbehavior.carry_out(SetFault(fault))
    assert misbehavior.plan.standing == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Trouble.LOST_ANSWER, "binance", "POST /api/v3/order", "alice"),
        Fault(Trouble.LOST_ANSWER, where="/api/v1/orders"),
        Fault(Trouble.LOST_REQUEST, where="websocket"),
        Fault(Trouble.SILENT_STREAM, where="orders"),
    ],
)
def test_what_can_strike_is_not(misbehavior, fault):
    assert misbehavior.carry_out(SetFault(fault))["number"] == 1


def test_a_seed_is_a_number(misbehavior):
    with pytest.raises(UsageError, match="--seed"):
        misbehavior.carry_out(SetFault(REFUSED, seed=-1))


def test_faults_are_bounded_and_what_is_not_there_is_not_cleared(misbehavior):
    for _ in range(FAULTS_MAX):
        misbehavior.carry_out(SetFault(REFUSED))
    with pytest.raises(UsageError, match="clear some"):
        misbehavior.carry_out(SetFault(REFUSED))
    with pytest.raises(UsageError, match="no fault 101 is in force"):
        misbehavior.carry_out(ClearFaults(101))
