"""What a bot measures of its trading, against what it is known to have done."""

from decimal import Decimal

import pytest

from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import Side
from steelyard.trading.measures import BOUNDS_NS, HORIZONS_NS, NOTE_NS, Spread
from steelyard.trading.records import FillMarked, Measured
from steelyard.trading.report import state_document
from tests.trading.world import World, hand_world


def shares(world: World) -> dict:
    return state_document(world.trader)["measures"]


def test_what_is_filled_of_what_was_ordered():
    """By size: one is filled, one rests, one is refused by the venue."""
    world = hand_world(
        lambda hand: hand.buy("0.01"),
        lambda hand: hand.buy("0.03", "59000"),
        lambda hand: hand.buy("0.00005", "59000"),  # worth less than the venue takes
    )
    world.run(3)
    found = shares(world)
    assert found["orders"] == 3
    assert found["refusals"] == {"NOTIONAL_TOO_SMALL": 1}
    assert Decimal(found["fill_ratio"]) == Decimal(1_000 * 10**12 // 4_005).scaleb(-12)


def test_an_order_that_was_changed_counts_as_it_is_now(monkeypatch):
    """Made smaller twice; the memory of sizes that nobody needs is let go."""
    monkeypatch.setattr("steelyard.trading.measures.SIZES_MAX", 1)
    world = hand_world(
        lambda hand: hand.buy("0.01", "59000"),
        lambda hand: hand.amend(hand.open_orders[0], size="0.005"),
        lambda hand: hand.buy("0.005"),
        lambda hand: hand.amend(hand.open_orders[0], size="0.003"),
    )
    world.run(3)
    assert Decimal(shares(world)["fill_ratio"]) == Decimal("0.625")
    assert len(world.trader.measures._sizes) == 1


def test_a_refusal_is_an_answer_that_took_its_time():
    world = hand_world(lambda hand: hand.buy("0.00005", "59000"))
    world.run(2)
    assert world.trader.measures.latencies["ack"].count == 1


def test_slippage_is_against_the_middle_of_the_decision():
    """The best ask is half a tick-gap of 50 above 6,000,000."""
    world = hand_world(lambda hand: hand.buy("0.01"))
    world.run(2)
    (pending,) = world.trader.turn.state.orders
    assert pending.mid_half_ticks in (12_000_000, 12_000_020)
    cost = Decimal(100 * 10**12 // pending.mid_half_ticks).scaleb(-12)
    assert Decimal(shares(world)["slippage"]) == cost


def test_adverse_selection_is_what_the_middle_does_after_a_fill():
    """Down by one percent two seconds after a buy: nothing after one second, all after five."""
    world = hand_world(lambda hand: hand.buy("0.01"), falls={2.5: 5_940_000})
    world.run(3)
    found = shares(world)["adverse"]
    assert abs(Decimal(found["1s"])) < Decimal("0.00001")
    assert (found["5s"], found["30s"]) == (None, None)
    world.run(40)
    found = shares(world)["adverse"]
    assert Decimal("0.0099") < Decimal(found["5s"]) < Decimal("0.0101")
    assert Decimal("0.0099") < Decimal(found["30s"]) < Decimal("0.0101")
    (marked,) = world.messages(FillMarked)
    assert len(marked.mid_half_ticks) == 1 + len(HORIZONS_NS)
    assert marked.mid_half_ticks[2] - marked.mid_half_ticks[0] in (-120_000, -119_980, -120_020)
    assert marked.side is Side.BUY


def test_a_middle_that_is_not_known_marks_nothing():
    """The book was not to be relied on then."""
    from steelyard.trading.actions import Role

    world = hand_world(lambda hand: hand.buy("0.01"))
    world.after(0.9, lambda: world.break_stream(Role.MARKET, back_s=3))
    world.run(40)
    (marked,) = world.messages(FillMarked)
    assert marked.mid_half_ticks[1] is None
    assert shares(world)["adverse"]["1s"] is None


def test_each_step_has_its_latency():
    """The world's requests take 2 ms there and back each."""
    world = hand_world(lambda hand: hand.buy("0.01"), lambda hand: hand.buy("0.01"))
    world.run(2)
    found = world.trader.measures.latencies
    assert {step: spread.count for step, spread in found.items()} == dict.fromkeys(
        ("decided", "wire", "ack", "fill"), 2
    )
    assert found["ack"].sum_ns == 2 * 4_000_000
    assert 0 < found["fill"].sum_ns <= 2 * 4_000_000


@pytest.mark.parametrize(
    ("time_ns", "at"), [(-5, 0), (0, 0), (10**6, 0), (10**6 + 1, 1), (61 * SECOND_NS, -1)]
)
def test_a_time_is_in_its_bucket(time_ns: int, at: int):
    """A bound is in its own; what is longer than all is in the last, below zero is a clock's."""
    spread = Spread()
    spread.add(time_ns)
    assert spread.counts[at] == 1
    assert len(spread.counts) == len(BOUNDS_NS) + 1
    assert spread.sum_ns == max(0, time_ns)


def test_what_is_ahead_only_becomes_less():
    """What stood there first; a level that shrinks and grows again has grown behind."""
    world = hand_world(lambda hand: hand.buy("0.01", "59999.00"))
    for half in range(8):
        world.after(half / 2 + 0.01, lambda: world.venue.quote(6_000_000, 500))
    world.run(1.4)
    (order,) = world.trader.turn.state.orders
    ahead = world.trader.measures.ahead_lots(order.client_order_id)
    assert ahead == 500
    (row,) = state_document(world.trader)["orders"]
    assert row["ahead"] == "0.005"
    world.after(1.45, lambda: world.venue.quote(6_000_000, 300))
    world.after(2.45, lambda: world.venue.quote(6_000_000, 100_000))
    world.run(4)
    assert world.trader.measures.ahead_lots(order.client_order_id) == 300


def test_liquidity_is_what_stands_near_the_middle():
    """Two levels on each side, all within a tenth of a percent; none while the book is wrong."""
    world = hand_world()
    world.run(1)
    found = shares(world)
    assert found["spread"] in ("1", "1.00")
    assert found["depth"] == dict.fromkeys(("bid_1", "bid_10", "ask_1", "ask_10"), "2")
    world.die()
    world.boot()
    assert shares(world)["depth"] is None


def test_the_numbers_go_into_the_journal():
    """Each minute, also where there are none; the last has all that was measured by then."""
    world = hand_world(lambda hand: hand.buy("0.01"))
    world.run(3 * NOTE_NS // SECOND_NS)
    found = world.messages(Measured)
    assert len(found) == 2
    assert found[-1].numbers == world.trader.measures.noted
    assert found[-1].numbers["filled_lots"] == 1_000
    idle = hand_world()
    idle.run(90)
    assert [it.numbers for it in idle.messages(Measured)] == [{}]
    assert idle.trader.turn.state.moment.measured is None
