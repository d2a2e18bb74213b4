"""One instrument's resting orders, written to be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.commands import HOUSE
from steelyard.domain.order import Side
from steelyard.engine.book import Book, BookSide, Order, QueueModel, shrink


def node(
    order_id: int, price: int, lots: int, side: Side = Side.SELL, display: int | None = None
) -> Order:
    account = 100 if order_id else HOUSE
    order = Order(order_id, account, 0, side, price, order_id, lots, lots, display_lots=display)
    order.show()
    return order


def house(*sizes: int) -> list[Order]:
    return [node(0, 5, lots) for lots in sizes]


@pytest.mark.parametrize(("side", "best_first"), [(Side.BUY, [9, 7, 5]), (Side.SELL, [5, 7, 9])])
def test_best_is_the_highest_bid_and_the_lowest_ask(side: Side, best_first: list[int]):
    """Both sides are the same code."""
    levels = BookSide(side)
    assert levels.best() is None
    for number, price in enumerate((7, 5, 9), 1):
        levels.add(node(number, price, 1, side))
    assert list(levels.prices()) == best_first
    assert levels.best() == best_first[0]
    assert levels.prices_within(7) == best_first[:2]
    assert levels.prices_within(None) == best_first


def test_a_level_is_a_queue():
    """First come, first; a size is the sum."""
    levels = BookSide(Side.SELL)
    first, second = node(1, 5, 2), node(2, 5, 3)
    levels.add(first)
    levels.add(second)
    assert list(levels.levels[5]) == [first, second]
    assert levels.front(5) is first
    assert levels.size_at(5) == 5
    levels.remove(first)
    assert levels.size_at(5) == 3
    levels.remove(second)
    assert levels.levels == {}
    assert levels.keys == []
    assert levels.size_at(5) == 0
    assert levels.front(5) is None


def test_what_is_hidden_stands_behind_what_is_shown():
    """The book counts it among what rests and not among what is seen."""
    levels = BookSide(Side.SELL)
    hidden, iceberg, plain = node(1, 5, 4, display=0), node(2, 5, 5, display=2), node(3, 5, 1)
    for each in (hidden, iceberg, plain):
        levels.add(each)
    assert list(levels.levels[5]) == [iceberg, plain, hidden]
    assert levels.size_at(5) == 10
    assert levels.visible_at(5) == 3
    assert levels.best() == 5
    for each in (iceberg, plain):
        levels.remove(each)
    assert levels.front(5) is hidden
    assert levels.visible_at(5) == 0


def test_a_level_knows_its_sums():
    """Whatever becomes of the orders that stand in it."""
    levels = BookSide(Side.SELL)
    hidden, iceberg, plain = node(1, 5, 4, display=0), node(2, 5, 5, display=2), node(3, 5, 3)
    for each in (hidden, iceberg, plain):
        levels.add(each)
    assert (levels.size_at(5), levels.visible_at(5)) == (12, 5)
    levels.take(iceberg, 2)
    assert (iceberg.remaining_lots, iceberg.shown_lots) == (3, 0)
    assert (levels.size_at(5), levels.visible_at(5)) == (10, 3)
    levels.take(hidden, 1)
    assert (levels.size_at(5), levels.visible_at(5)) == (9, 3)
    with levels.recounted(plain, hidden):
        plain.remaining_lots, hidden.remaining_lots = 1, 2
    assert (levels.size_at(5), levels.visible_at(5)) == (6, 1)
    levels.remove(plain)
    assert (levels.size_at(5), levels.visible_at(5)) == (5, 0)


@pytest.mark.parametrize(("side", "best", "next_"), [(Side.BUY, 9, 7), (Side.SELL, 7, 9)])
def test_a_taker_meets_the_best_price_first(side: Side, best: int, next_: int):
    """As far as its limit goes; at a price it meets what is hidden last."""
    levels = BookSide(side)
    assert levels.first(None) is None
    hidden, shown = node(1, best, 1, side, display=0), node(2, best, 1, side)
    for each in (node(3, next_, 1, side), hidden, shown):
        levels.add(each)
    assert levels.first(None) is levels.first(best) is levels.first(next_) is shown
    assert levels.first(best + side) is None
    levels.remove(shown)
    assert levels.first(best) is hidden
    levels.remove(hidden)
    assert levels.first(best) is None


def test_an_iceberg_comes_again_until_it_is_gone():
    """Its slices take turns with what else is shown; hidden orders come last."""
    levels = BookSide(Side.SELL)
    hidden, iceberg, plain = node(1, 5, 4, display=0), node(2, 5, 5, display=2), node(3, 5, 1)
    for each in (hidden, iceberg, plain):
        levels.add(each)
    turns = [(order.order_id, lots) for order, lots in levels.slices(5)]
    assert turns == [(2, 2), (3, 1), (2, 2), (2, 1), (1, 4)]


def test_a_slice_is_never_more_than_what_remains():
    """Whether the order shrinks or begins a new slice."""
    iceberg = node(1, 5, 5, display=3)
    assert iceberg.visible_lots == iceberg.slice_lots == 3
    iceberg.shrink(3)
    assert iceberg.visible_lots == 2
    iceberg.show()
    assert iceberg.visible_lots == 2
    hidden = node(2, 5, 5, display=0)
    assert (hidden.visible_lots, hidden.slice_lots) == (0, 5)


def test_the_front_may_be_that_of_the_users():
    """A house trade at a better price passes the house's size by."""
    levels = BookSide(Side.SELL)
    ahead, order = node(0, 5, 2), node(1, 5, 1)
    levels.add(ahead)
    assert levels.front(5, past_house=True) is None
    levels.add(order)
    assert levels.front(5) is ahead
    assert levels.front(5, past_house=True) is order


def test_house_sizes_that_touch_become_one():
    """Never two in a row: the front one takes the other's size."""
    levels = BookSide(Side.SELL)
    front, order, back = node(0, 5, 2), node(1, 5, 1), node(0, 5, 3)
    for each in (front, order, back):
        levels.add(each)
    assert levels.last_house(5) is back
    levels.remove(order)
    assert levels.house_nodes(5) == [front]
    assert front.remaining_lots == 5
    assert levels.last_house(6) is None


def test_a_book_has_two_sides():
    """And gives the one that is asked for."""
    book = Book()
    assert book.of(Side.BUY) is book.bids
    assert book.of(Side.SELL) is book.asks


@pytest.mark.parametrize(
    ("model", "left"),
    [
        (QueueModel.PESSIMISTIC, [4, 1, 0]),
        (QueueModel.PROPORTIONAL, [2, 1, 2]),
        (QueueModel.OPTIMISTIC, [0, 1, 4]),
    ],
)
def test_a_shrink_leaves_where_the_model_says(model: QueueModel, left: list[int]):
    """From the back, evenly, from the front."""
    nodes = house(4, 2, 4)
    shrink(nodes, 5, model)
    assert [node.remaining_lots for node in nodes] == left


@given(
    st.lists(st.integers(1, 2**53), min_size=1, max_size=6),
    st.integers(0, 2**53),
    st.sampled_from(QueueModel),
)
def test_a_shrink_is_exact(sizes: list[int], total: int, model: QueueModel):
    """The new sizes add up to the new total and none has grown."""
    total %= sum(sizes) + 1
    nodes = house(*sizes)
    shrink(nodes, total, model)
    left = [node.remaining_lots for node in nodes]
    assert sum(left) == total
    if model is not QueueModel.PROPORTIONAL:
        assert all(0 <= now <= before for now, before in zip(left, sizes, strict=True))
    # What stands ahead of a user never grows: that is what a queue model is about.
    for users_place in range(len(sizes)):
        assert sum(left[:users_place]) <= sum(sizes[:users_place])


def test_a_shrink_does_not_grow():
    """More than there is would be our own mistake."""
    with pytest.raises(AssertionError, match="a shrink does not grow"):
        shrink(house(1), 2, QueueModel.PROPORTIONAL)
