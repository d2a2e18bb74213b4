"""Trades that were missed, on the machine as a whole."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.domain.messages import SECOND_NS, Trade, TradesQuery
from steelyard.domain.order import Side
from steelyard.trading.actions import Role, Told
from steelyard.trading.backfill import PATIENCE_NS, Gap
from steelyard.wire.outcome import Unknown
from tests.trading.world import Fate, Hand, World

EVERY_S = 0.25


def trading_world(
    fate: Callable[[Any, int], Fate] | None = None, *, from_s: float = 1.0, until_s: float = 20
) -> World:
    """A market that trades four times a second."""
    world = World(Hand, fate=fate)
    world.venue.quote(6_000_000)
    world.after(0, world.boot)
    for step in range(int((until_s - from_s) / EVERY_S)):
        at_s = from_s + step * EVERY_S
        world.after(at_s, lambda: world.venue.house_trade(Side.BUY, 6_000_050, 10))
    return world


def told_in_order(hand: Hand) -> list[int]:
    """Return the ids of all trades that a strategy knows, in the order in which it was told."""
    ids: list[int] = []
    for kind, item in hand.heard:
        if kind == "trade":
            ids.append(item.trade_id)
        elif kind == "gap":
            ids += [trade.trade_id for trade in item.trades]
    return ids


def test_what_was_missed_while_the_stream_was_down_is_told_afterwards():
    """Once, before any later trade, as what it is; nothing is missing."""
    world = trading_world()
    world.after(5.1, lambda: world.break_stream(Role.MARKET, "the line broke", back_s=2.0))
    world.run(12)
    (gap,) = world.hand.told_of("gap")
    assert gap.is_filled
    assert len(gap.trades) == 2 / EVERY_S
    assert "the line broke" in gap.why
    assert gap.from_ns < gap.trades[0].time_ns <= gap.trades[-1].time_ns
    ids = told_in_order(world.hand)
    assert ids == [*range(ids[0], ids[-1] + 1)]
    assert world.trader.market.backfill.unfilled == 0


def test_a_break_in_which_nothing_traded_is_told_too():
    """It may have missed something; it has not."""
    world = trading_world(until_s=4)
    world.after(6, lambda: world.break_stream(Role.MARKET))
    world.run(12)
    (gap,) = world.hand.told_of("gap")
    assert gap[1:] == (None, gap.why, (), True)


@pytest.mark.parametrize("lists_by_time", [True, False])
def test_a_venue_that_does_not_list_by_id_is_asked_by_time(lists_by_time):
    """And where it lists neither way, the gap is told as one."""
    world = trading_world()
    world.venue.lists_by_id, world.venue.lists_by_time = False, lists_by_time
    world.after(5.1, lambda: world.break_stream(Role.MARKET, back_s=1.0))
    world.run(12)
    (gap,) = world.hand.told_of("gap")
    assert gap.is_filled is lists_by_time
    assert len(gap.trades) == (4 if lists_by_time else 0)
    assert world.trader.market.backfill.unfilled == (not lists_by_time)


def test_what_the_venue_has_forgotten_stays_a_gap():
    """What it still tells is told; the rest is said to be missing."""
    world = trading_world()
    world.after(5.1, lambda: world.break_stream(Role.MARKET, back_s=2.0))
    world.after(6.9, lambda: world.venue.trades.__delitem__(slice(0, -3)))
    world.run(12)
    (gap,) = world.hand.told_of("gap")
    assert not gap.is_filled
    assert 1 <= len(gap.trades) < 2 / EVERY_S


def test_a_venue_that_does_not_answer_holds_nothing_up_for_long():
    """The stream's trades wait a few seconds, and are told behind an open gap."""

    def fate(message: Any, _number: int) -> Fate:
        is_asked = isinstance(message, TradesQuery) and message.from_trade_id is not None
        return Fate(outcome=Unknown("no answer")) if is_asked else Fate()

    world = trading_world(fate)
    world.after(5.1, lambda: world.break_stream(Role.MARKET, back_s=0.5))
    world.run(5.6 + PATIENCE_NS / SECOND_NS - 0.2)
    assert world.hand.told_of("gap") == []
    world.run(14)
    (gap,) = world.hand.told_of("gap")
    assert not gap.is_filled
    assert not gap.trades
    after = [t for t in world.hand.told_of("trade") if t.time_ns > gap.from_ns]
    assert after[0].time_ns == gap.to_ns
    assert len(after) > 10


def test_trades_that_a_stream_leaves_out_are_asked_for():
    """Their ids tell; the bars wait for the venue's candles too."""
    world = trading_world()
    world.run(5.05)
    world.venue.house_trade(Side.BUY, 6_000_050, 10)
    world.venue.public.clear()  # lost on the way
    world.run(8)
    (gap,) = world.hand.told_of("gap")
    assert gap.is_filled
    assert len(gap.trades) == 1
    assert gap.why == "the stream has left out 1 trades"
    ids = told_in_order(world.hand)
    assert ids == [*range(ids[0], ids[-1] + 1)]


def test_trades_that_are_told_as_one_leave_no_gap():
    """A venue may tell several of a taker at once, under the last one's id; others are missed."""
    world = trading_world(until_s=3)
    world.run(4)
    last = world.venue.trades[-1]

    def told(behind: int, joined: int) -> Trade:
        """Return a trade so far behind the last one, of so many."""
        number, time_ns = last.trade_id + behind, last.time_ns + behind
        return replace(last, trade_id=number, time_ns=time_ns, joined=joined)

    for trade in (told(3, 3), told(4, 1)):
        world.step(Told(trade))
        assert world.hand.told_of("trade")[-1] == trade
    world.venue.trades.append(told(5, 1))  # lost on the way
    world.step(Told(told(9, 4)))
    world.run(5)
    (gap,) = world.hand.told_of("gap")
    assert (gap.trades, gap.is_filled) == ((told(5, 1),), True)
    assert world.hand.told_of("trade")[-1] == told(9, 4)


def test_a_trade_that_is_told_twice_is_told_once():
    """Streams repeat themselves."""
    world = trading_world()
    world.run(4.05)
    before = len(world.hand.told_of("trade"))
    for trade in world.venue.trades[-3:]:
        world.step(Told(trade))
    assert len(world.hand.told_of("trade")) == before
    assert world.trader.market.backfill.repeated == 3


@pytest.mark.parametrize("lists", [True, False])
def test_a_venue_whose_ids_leave_some_out_is_not_asked_again_and_again(lists):
    """Its own list shows that nothing was missed; where it has none, as over a bridge, none can."""
    world = trading_world(until_s=3)
    world.venue.lists_by_id = world.venue.lists_by_time = lists
    world.run(4)
    last = world.venue.trades[-1]
    for number in range(1, 30):
        trade = replace(last, trade_id=last.trade_id + 7 * number, time_ns=last.time_ns + number)
        world.venue.trades.append(trade)
        world.step(Told(trade))
        world.run(4 + number / 10)
    world.run(10)
    assert len(world.hand.told_of("gap")) <= 2
    assert told_in_order(world.hand)[-29:] == [last.trade_id + 7 * n for n in range(1, 30)]


@given(
    st.lists(
        st.tuples(st.integers(10, 160), st.integers(1, 15), st.booleans()), min_size=1, max_size=4
    ),
    st.sets(st.integers(0, 60), max_size=6),
)
def test_every_trade_is_told_once_and_in_order(breaks, lost):
    """Whatever breaks and gets lost: by a venue that remembers, nothing is missing in the end."""
    world = trading_world(until_s=18)
    for at, length, _ in breaks:
        world.after(
            at / 10, lambda back_s=length / 10: world.break_stream(Role.MARKET, "b", back_s)
        )

    def lose() -> None:
        world.venue.public[:] = [e for e in world.venue.public if not isinstance(e, Trade)]

    for step in lost:
        world.after(1 + step * EVERY_S, lose)
    world.run(30)
    ids = told_in_order(world.hand)
    assert ids == [*range(ids[0], ids[-1] + 1)]
    assert ids[-1] == world.venue.trades[-1].trade_id
    assert all(gap.is_filled for gap in world.hand.told_of("gap"))


def test_a_gap_is_what_a_strategy_is_told():
    """Its words are the documented ones."""
    assert Gap._fields == ("from_ns", "to_ns", "why", "trades", "is_filled")
