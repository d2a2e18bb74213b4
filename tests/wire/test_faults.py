"""A plan of trouble: who is met, how often, and that the same order meets the same."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.messages import SECOND_NS, Status
from steelyard.wire.faults import CERTAIN_E6, Fault, FaultPlan, Strike, Trouble

ORDER = ("/api/v3/order", "POST /api/v3/order")
OF_REQUESTS = [trouble for trouble in Trouble if trouble.is_of_requests]
OF_FRAMES = [trouble for trouble in Trouble if trouble.is_of_frames]


def plan(*faults: Fault, seed: int = 1) -> FaultPlan:
    made = FaultPlan(seed)
    for fault in faults:
        made.add(fault)
    return made


def struck(found: Strike | None) -> Trouble | None:
    return found and found.trouble


@pytest.mark.parametrize("trouble", Trouble)
def test_a_fault_befalls_requests_frames_orders_or_clocks_and_never_the_others(trouble):
    made = plan(Fault(trouble, parts_e6=(1,), skew_ns=5))
    met = (
        struck(made.of_request("binance", ORDER, "alice")) is not None,
        struck(made.of_frame("binance", "book", "alice")) is not None,
        struck(made.of_order("binance", "BTC-USDT", "alice")) is not None,
        made.skew_ns("binance") != 0,
    )
    is_order, is_clock = trouble is Trouble.PARTIAL_FILLS, trouble is Trouble.CLOCK_SKEW
    assert met == (trouble.is_of_requests, trouble.is_of_frames, is_order, is_clock)
    assert sum(met) == 1


def test_a_maintenance_leaves_alone_what_is_answered_in_one():
    """The venue's clock, say; and messages of a WebSocket, which it has no answer for."""
    made = plan(Fault(Trouble.MAINTENANCE, retry_after_ns=9))
    assert made.of_request("native", (), "", is_always_open=True) is None
    assert made.of_request("native", (), "", may_answer=False) is None
    assert made.of_request("native", (), "") == Strike(1, Trouble.MAINTENANCE, retry_after_ns=9)


@pytest.mark.parametrize(
    ("fault", "is_told"),
    [
        (Fault(Trouble.MAINTENANCE, retry_after_ns=9), True),
        (Fault(Trouble.MAINTENANCE, dialect="native", retry_after_ns=9), True),
        (Fault(Trouble.MAINTENANCE, dialect="binance"), False),
        (Fault(Trouble.MAINTENANCE, account="alice"), False),
        (Fault(Trouble.MAINTENANCE, where="/api/v3/order"), False),
        (Fault(Trouble.MAINTENANCE, chance_e6=CERTAIN_E6 - 1), False),
        (Fault(Trouble.MAINTENANCE, after=1), False),
        (Fault(Trouble.REFUSED), False),
    ],
)
def test_a_status_tells_of_a_maintenance_of_everybody(fault, is_told):
    """And of no other trouble; how long to wait is what who is turned away is told, too."""
    up = Status(trading=True, market="none", ended=False, time_ns=5)
    down = Status(
        trading=False, market="none", ended=False, time_ns=5, maintenance=True, retry_after_ns=9
    )
    assert plan(fault).told(up, "native") == (down if is_told else up)


def test_a_maintenance_is_told_from_its_first_request_to_its_last():
    up = Status(trading=True, market="none", ended=False, time_ns=5)
    made, told = plan(Fault(Trouble.MAINTENANCE, after=1, times=1)), []
    for _ in range(3):
        told.append(made.told(up, "native").maintenance)
        made.of_request("native", (), "")
    assert told == [False, True, False]
    by_hand = Status(
        trading=False, market="none", ended=False, time_ns=5, maintenance=True, retry_after_ns=7
    )
    assert plan(Fault(Trouble.MAINTENANCE)).told(by_hand, "native") == by_hand


def test_a_script_draws_its_times_once():
    """Each part comes after the one before; the same seed draws the same."""
    fault = Fault(
        Trouble.PARTIAL_FILLS, parts_e6=(5, 3, 2), delay_min_ns=10, delay_max_ns=SECOND_NS
    )
    first, second = (plan(fault, seed=3).of_order("native", "BTC-USDT", "") for _ in range(2))
    assert first == second
    assert [part for part, _ in first.parts] == [5, 3, 2]
    assert len({delay_ns for _, delay_ns in first.parts}) == 3


def test_a_clock_is_as_wrong_as_all_that_is_in_force():
    """For the dialect that is named, or for all."""
    made = plan(
        Fault(Trouble.CLOCK_SKEW, "kraken", skew_ns=5), Fault(Trouble.CLOCK_SKEW, skew_ns=-2)
    )
    assert (made.skew_ns("kraken"), made.skew_ns("binance")) == (3, -2)
    made.clear()
    assert made.skew_ns("kraken") == 0


@pytest.mark.parametrize(
    ("fault", "fits"),
    [
        (Fault(Trouble.REFUSED), True),
        (Fault(Trouble.REFUSED, dialect="binance"), True),
        (Fault(Trouble.REFUSED, dialect="kraken"), False),
        (Fault(Trouble.REFUSED, where="/api/v3/order"), True),
        (Fault(Trouble.REFUSED, where="POST /api/v3/order"), True),
        (Fault(Trouble.REFUSED, where="DELETE /api/v3/order"), False),
        (Fault(Trouble.REFUSED, account="alice"), True),
        (Fault(Trouble.REFUSED, account="bob"), False),
        (Fault(Trouble.REFUSED, chance_e6=0), False),
    ],
)
def test_a_fault_befalls_whom_it_names(fault, fits):
    assert (plan(fault).of_request("binance", ORDER, "alice") is not None) == fits


def test_it_lets_some_go_strikes_so_often_and_is_over():
    made = plan(Fault(Trouble.LOST_ANSWER, after=2, times=3))
    met = [struck(made.of_request("binance", ORDER, "alice")) for _ in range(8)]
    assert met == [None, None, *[Trouble.LOST_ANSWER] * 3, None, None, None]
    (standing,) = made.standing
    assert (standing.met, standing.struck, standing.is_over) == (5, 3, True)


def test_the_first_that_strikes_is_what_happens():
    """And one that it kept from being asked has not been met."""
    made = plan(Fault(Trouble.REFUSED, times=1, status=429), Fault(Trouble.LOST_REQUEST))
    assert made.of_request("native", (), "") == Strike(1, Trouble.REFUSED, 0, 429, SECOND_NS)
    assert made.of_request("native", (), "") == Strike(2, Trouble.LOST_REQUEST)
    assert [one.met for one in made.standing] == [1, 1]


def test_one_is_cleared_by_its_number_which_no_other_gets():
    made = plan(Fault(Trouble.REFUSED), Fault(Trouble.FAILED))
    assert made.clear(1) == 1
    assert made.clear(1) == 0
    assert made.add(Fault(Trouble.REFUSED)).number == 3
    assert [one.number for one in made.standing] == [2, 3]
    assert made.clear() == 2
    assert made.standing == []


FAULTS = st.builds(
    Fault,
    trouble=st.sampled_from(Trouble),
    dialect=st.sampled_from(["", "binance", "kraken"]),
    where=st.sampled_from(["", *ORDER, "book"]),
    account=st.sampled_from(["", "alice"]),
    chance_e6=st.integers(0, CERTAIN_E6),
    after=st.integers(0, 3),
    times=st.integers(0, 3),
    delay_min_ns=st.just(0),
    delay_max_ns=st.integers(0, SECOND_NS),
    status=st.sampled_from([418, 429, 500, 503]),
)


@given(st.lists(FAULTS, max_size=5), st.integers(0, 2**32), st.integers(1, 40))
def test_the_same_order_meets_the_same_trouble(faults, seed, count):
    def lived() -> list[Strike | None]:
        made = plan(*faults, seed=seed)
        told = []
        for number in range(count):
            who = "alice" if number % 3 else "bob"
            told.append(made.of_request("binance", ORDER, who))
            told.append(made.of_frame("binance", "book", who))
        for one in made.standing:
            assert not one.fault.times or one.struck <= one.fault.times
            assert one.struck <= one.met
            delays = [t.delay_ns for t in told if t and t.number == one.number]
            assert all(0 <= delay <= one.fault.delay_max_ns for delay in delays)
        return told

    assert lived() == lived()


def test_a_chance_is_a_chance():
    made = plan(Fault(Trouble.LOST_FRAME, chance_e6=250_000), seed=3)
    met = Counter(struck(made.of_frame("native", "book", "")) for _ in range(4_000))
    assert 900 < met[Trouble.LOST_FRAME] < 1_100
