"""The trading counter, by the examples of the venue's documentation."""

import pytest

from steelyard.dialects.kraken.limits import LIMITS
from tests.dialects.kraken.venue import HERE, Venue


@pytest.fixture
def venue() -> Venue:
    return Venue(LIMITS)


def used(venue: Venue) -> int:
    """Return what stands on the trading counter of alice's pair."""
    who = f"{venue.desk.alice}:0"
    usage, _ = venue.gate.limiter.charge(who, 0, ip=HERE, now_ns=venue.desk.now_ns)
    return usage[0].used


def test_a_young_order_costs_more_to_amend_and_to_cancel(venue):
    """Add 1; amend after 7 s 1 + 2; cancel 36 s later 4: the documentation's example.

    Meanwhile 3.75 a second come back.
    """
    txid = venue.add()
    assert used(venue) == 1
    venue.pass_time(7)
    venue.result("AmendOrder", txid=txid, limit_price="49000")
    assert used(venue) == 3
    venue.pass_time(36)
    venue.result("CancelOrder", txid=txid)
    assert used(venue) == 4


@pytest.mark.parametrize(
    ("age_s", "cost"), [(0, 8), (5, 6), (10, 5), (15, 4), (45, 2), (90, 1), (300, 0)]
)
def test_the_older_an_order_is_the_cheaper_is_its_cancel(venue, age_s, cost):
    txid = venue.add()
    venue.pass_time(age_s)
    before = used(venue)
    venue.result("CancelOrder", txid=txid)
    assert used(venue) - before == cost


def test_what_is_refused_costs_its_fixed_part(venue):
    given = {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "volume": "x", "price": "1"}
    venue.error("AddOrder", {**given, "volume": "100", "price": "50000"})
    venue.error("AddOrder", {**given, "volume": "0.01", "price": "50000.001"})
    assert used(venue) == 2


def test_beyond_the_counter_nothing_is_placed_until_it_has_drained(venue):
    for _ in range(180):
        venue.add(volume="0.001")
    given = {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "volume": "1", "price": "50"}
    assert venue.error("AddOrder", given) == "EOrder:Rate limit exceeded"
    assert used(venue) == 180
    venue.pass_time(1)
    assert venue.result("AddOrder", given)["txid"]
    venue.add(venue.bob, volume="0.001")  # another account's counter is its own


def test_cancels_of_many_overshoot_and_are_carried_out(venue):
    ids = [venue.add(volume="0.001") for _ in range(40)]
    told = venue.post_json("CancelOrderBatch", {"orders": ids})
    assert told["result"] == {"count": 40}
    assert used(venue) == 40 + 40 * 8
    wanted = {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "volume": "1", "price": "50"}
    assert venue.error("AddOrder", wanted) == "EOrder:Rate limit exceeded"


def test_a_batch_costs_half(venue):
    order = {"type": "buy", "ordertype": "limit", "volume": "0.01", "price": "50000"}
    venue.post_json("AddOrderBatch", {"pair": "XBTUSDT", "orders": [order] * 4})
    assert used(venue) == 2


def test_questions_have_a_counter_of_their_own(venue):
    for _ in range(20):
        venue.result("Balance")
    assert venue.error("Balance") == "EAPI:Rate limit exceeded"
    venue.add()  # placing is not on it
    venue.pass_time(2)
    venue.result("TradesHistory")
    assert venue.error("Balance") == "EAPI:Rate limit exceeded"


def test_a_cancel_that_the_engine_refuses_costs_no_age(venue):
    """The order has ended by then: its age was not to be paid."""
    txid = venue.add()
    venue.result("CancelOrder", txid=txid)
    before = used(venue)
    venue.error("CancelOrder", txid=txid)
    assert used(venue) == before


def test_an_amendment_that_the_engine_refuses_costs_its_fixed_part_alone(venue):
    txid = venue.add()
    before = used(venue)
    assert venue.error("AmendOrder", txid=txid, order_qty="1000") == "EOrder:Insufficient funds"
    assert used(venue) - before == 1
