"""A live day beside its backtest: each kind of difference is its own part, and parts add up."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.live import (
    PAIR_NS,
    Books,
    DayFill,
    DayOrder,
    Mark,
    Part,
    Split,
    Terms,
    Tolerance,
    order_text,
    paired,
    split,
)
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS

BTC_USDT = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)
TICK_LOT = BTC_USDT.tick_lot_atoms
MARK = Mark(BTC_USDT, 12_000_001)
SPACE_NS = 10 * PAIR_NS


def fills_of(side: int) -> st.SearchStrategy[tuple[DayFill, ...]]:
    number = st.integers(1, 10_000)
    fill = st.builds(
        DayFill,
        st.just(0),
        st.integers(5_990_000, 6_010_000),
        number,
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.integers(0, 10**12),
    )
    return st.lists(fill, max_size=4).map(tuple)


@st.composite
def days(draw: st.DrawFn, least: int = 0) -> list[DayOrder]:
    """Orders so far apart that each is a decision of its own."""
    count = draw(st.integers(least, 6))
    orders = []
    for number in range(count):
        side = draw(st.sampled_from((1, -1)))
        price = draw(st.integers(5_990_000, 6_010_000))
        fills = draw(fills_of(side))
        size = max(1, sum(fill.size_lots for fill in fills))
        terms = Terms(side, 1, 1, False, price, 0, size)
        orders.append(DayOrder(f"o{number}", (number + 1) * SPACE_NS, terms, fills))
    return orders


def moved(found: Split) -> set[Part]:
    return {part for part, atoms in found.parts.items() if atoms}


def with_fill(order: DayOrder, **changes: int) -> DayOrder:
    first, *rest = order.fills
    return order._replace(fills=(first._replace(**changes), *rest))


def filled(orders: list[DayOrder]) -> list[DayOrder]:
    """Return orders each of which has filled by something, at another price than the mark."""
    fill = DayFill(0, 5_999_000, 500, True, 7 * TICK_LOT)
    return [order if order.fills else order._replace(fills=(fill,)) for order in orders]


@given(days(), days(), days(), st.integers(0, 3), st.integers(0, 20_000))
def test_the_parts_always_add_up(live, delayed, backtest, seconds, ticks):
    """Whatever the three have in common; to the last atom, and so do the lines of each part."""
    found = split(live, delayed, backtest, MARK, Tolerance(seconds * SECOND_NS, ticks))
    assert sum(found.parts.values()) == found.gap
    assert found.gap == MARK.orders(live) - MARK.orders(backtest)
    for part, atoms in found.parts.items():
        assert sum(line.atoms for line in found.lines if line.part is part) == atoms


@given(days())
def test_the_same_day_has_no_difference(orders):
    """No part, no line, and every order has its pair."""
    found = split(orders, orders, orders, MARK)
    assert (moved(found), found.lines, found.pairs) == (set(), (), len(orders))


@given(days(1), st.integers(1, 10**18))
def test_a_planted_fee_moves_fees_alone(orders, fee):
    """The live day is charged more: the part is that, and negative."""
    orders = filled(orders)
    first = orders[0].fills[0]
    live = [with_fill(orders[0], fee_quote_atoms=first.fee_quote_atoms + fee), *orders[1:]]
    found = split(live, orders, orders, MARK)
    assert moved(found) == {Part.FEES}
    assert found.parts[Part.FEES] == -fee
    assert [line.live for line in found.lines] == [orders[0].name]


@given(days(1), st.integers(1, 1_000))
def test_a_planted_price_moves_price_alone(orders, ticks):
    """The live day fills worse by so many ticks, on every lot of a fill."""
    orders = filled(orders)
    first, side = orders[0].fills[0], orders[0].terms.side
    live = [with_fill(orders[0], price_ticks=first.price_ticks + side * ticks), *orders[1:]]
    found = split(live, orders, orders, MARK)
    assert moved(found) == {Part.PRICE}
    assert found.parts[Part.PRICE] == -ticks * first.size_lots * TICK_LOT


@given(days(1))
def test_a_fill_that_one_lacks_moves_missed_fills_alone(orders):
    """With its fee: what the backtest has earned by it, the live day has not."""
    orders = filled(orders)
    live = [orders[0]._replace(fills=()), *orders[1:]]
    worth = MARK.order(orders[0])
    found = split(live, orders, orders, MARK)
    assert moved(found) <= {Part.MISSED}
    assert found.parts[Part.MISSED] == -worth
    (line,) = found.lines
    assert (line.live, line.backtest) == ("o0", "o0")
    assert "0 filled live" in line.text
    other = split(orders, live, live, MARK)
    assert other.parts[Part.MISSED] == worth


@given(days(1), st.sampled_from(("size_lots", "side", "order_type", "price_ticks", "time")))
def test_a_decision_that_differs_is_a_bug_of_both(orders, what):
    """The live order and the backtest's are named, and each counts by what it brought."""
    orders = filled(orders)
    first = orders[0]
    if what == "time":
        other = first._replace(wanted_ns=first.wanted_ns + PAIR_NS + 1)
    else:
        change = {"size_lots": first.terms.size_lots + 1, "side": -first.terms.side}
        change |= {"order_type": 2, "price_ticks": first.terms.price_ticks + 1}
        other = first._replace(terms=first.terms._replace(**{what: change[what]}))
    found = split([other, *orders[1:]], orders, orders, MARK)
    assert moved(found) <= {Part.BUG}
    assert found.parts[Part.BUG] == MARK.order(other) - MARK.order(first)
    assert sorted((line.live, line.backtest) for line in found.lines) == [("", "o0"), ("o0", "")]
    assert all(line.part is Part.BUG and line.time_ns for line in found.lines)


@given(days(1), st.integers(1, 1_000))
def test_planted_delays_move_latency_alone(orders, ticks):
    """What the delays of the day change in the backtest, and the live day has too."""
    orders = filled(orders)
    first, side = orders[0].fills[0], orders[0].terms.side
    later = [with_fill(orders[0], price_ticks=first.price_ticks + side * ticks), *orders[1:]]
    found = split(later, later, orders, MARK)
    assert moved(found) == {Part.LATENCY}
    assert found.parts[Part.LATENCY] == -ticks * first.size_lots * TICK_LOT


@pytest.mark.parametrize("each", range(3))
def test_what_books_know_beyond_orders_is_a_bug_or_latency(each):
    """It is named and counted, so that nothing is left over."""
    worth = [Fraction(0)] * 3
    worth[each] = Fraction(5)
    found = split([], [], [], MARK, books=Books(*worth))
    assert found.gap == sum(found.parts.values())
    assert {line.text for line in found.lines} == {
        f"the books of the {name} and its orders do not agree"
        for name in (
            ("live day", "backtest with that day's delays", "backtest without that day's delays")[
                each
            ],
        )
    }


def test_a_fill_in_parts_is_compared_lot_by_lot():
    """Half of it at another price, and a rest that only the backtest has."""
    terms = Terms(1, 1, 1, False, 6_000_000, 0, 10)
    mine = (DayFill(1, 100, 2, True, 5), DayFill(2, 90, 2, True, 5))
    theirs = (DayFill(1, 100, 6, True, 30),)
    mark = Mark(BTC_USDT, 240)
    found = split(
        [DayOrder("a", 0, terms, mine)],
        [DayOrder("1", 0, terms, theirs)],
        [DayOrder("1", 0, terms, theirs)],
        mark,
    )
    assert found.parts == {
        Part.LATENCY: 0,
        Part.FEES: 20 - 10,
        Part.MISSED: -(2 * 20 * TICK_LOT - 10),
        Part.PRICE: 2 * 10 * TICK_LOT,
        Part.BUG: 0,
    }


def test_orders_are_paired_with_the_nearest():
    """An order more in between does not shift those behind it."""
    terms = Terms(1, 1, 1, False, 6_000_000, 0, 10)
    ones = [DayOrder(str(at), at * SECOND_NS // 2, terms) for at in range(5)]
    others = [ones[at]._replace(wanted_ns=ones[at].wanted_ns + 1_000) for at in (0, 1, 3, 4)]
    pairs, left, none = paired(ones, others, Tolerance())
    assert [(one.name, other.name) for one, other in pairs] == [(n, n) for n in "0134"]
    assert [order.name for order in left] == ["2"]
    assert none == []


def test_a_price_may_differ_by_what_is_tolerated():
    """Then it is one decision, and what it filled at is its price."""
    terms = Terms(1, 1, 1, False, 6_000_000, 0, 10)
    near = terms._replace(price_ticks=6_000_003)
    one, other = [DayOrder("a", 0, terms)], [DayOrder("b", 0, near)]
    assert len(paired(one, other, Tolerance(price_ticks=3))[0]) == 1
    assert len(paired(one, other, Tolerance(price_ticks=2))[0]) == 0


def test_what_follows_from_a_missed_fill_is_no_bug():
    """While positions differ by it; once they are the same again, what only one wants is a bug."""

    def order(number: int, side: int, *fills: int) -> DayOrder:
        terms = Terms(side, 1, 1, False, 6_000_000, 0, 500)
        at_ns = number * SPACE_NS
        made = tuple(DayFill(at_ns + 1, 5_990_000, lots, True) for lots in fills)
        return DayOrder(f"o{number}", at_ns, terms, made)

    missed, sells, bug = order(1, 1, 500), order(2, -1, 500), order(3, -1, 300)
    other = [missed._replace(fills=())]
    found = split([missed, sells, bug], other, other, MARK)
    parts = {line.live: line.part for line in found.lines}
    assert parts == {"o1": Part.MISSED, "o2": Part.MISSED, "o3": Part.BUG}
    text = next(line.text for line in found.lines if line.live == "o2")
    assert text.endswith("follows from missed fills: live had 0.005 more then")
    assert found.parts[Part.BUG] == MARK.orders([bug])
    found = split(other, [missed, sells, bug], [missed, sells, bug], MARK)
    assert {line.backtest: line.part for line in found.lines if line.part is not Part.LATENCY} == {
        "o1": Part.MISSED,
        "o2": Part.MISSED,
        "o3": Part.BUG,
    }


def test_an_order_in_words():
    """Side, size, type, price, trigger."""
    terms = Terms(-1, 4, 1, False, 6_000_000, 6_000_100, 1_000)
    assert order_text(terms, BTC_USDT) == "sell 0.01 stop-limit 60000 at 60001"
