"""A book order by order, fed by hand; `tests/dialects/native/test_full_book.py` runs an engine."""

from steelyard.domain.commands import LevelChanged, Traded
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import Execution, FullChange, FullChangeKind, FullOrder
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.engine import BookLevels
from steelyard.exchange.full_book import FullBook

BUY = Side.BUY


def order(number, lots, **fields):
    terms = {"order_type": OrderType.LIMIT, "price_ticks": 100, **fields}
    return Order(
        order_id=number, client_order_id="", account_id=7, instrument_id=0, side=BUY,
        time_in_force=TimeInForce.GTC, post_only=False, size_lots=lots, **terms,
    )  # fmt: skip


def test_a_level_is_its_orders_and_what_has_no_number():
    """Also what was there before anybody listened."""
    book = FullBook([order(2, 5), order(1, 3), order(3, 9, display_lots=2)], levels(12))
    assert book.orders() == (
        FullOrder(1, BUY, 100, 3), FullOrder(2, BUY, 100, 5), FullOrder(0, BUY, 100, 4),
    )  # fmt: skip
    assert book.settle() == ()


def levels(lots):
    return BookLevels([(100, lots)], [])


def test_a_match_reduces_its_maker_and_a_level_that_is_gone_is_forgotten():
    resting = order(1, 3)
    book = FullBook([resting], levels(3))
    book.traded(Traded(0, 8, 100, 3, Side.SELL, 9, 1))
    resting.filled_lots, resting.state = 3, OrderState.FILLED
    book.order(Execution.FILL, resting)
    book.level(LevelChanged(0, BUY, 100, 0))
    assert book.settle() == (
        FullChange(FullChangeKind.MATCH, 1, Side.SELL, 100, 3, 8, 0),
        FullChange(FullChangeKind.DONE, 1, BUY, 100, 0),
    )
    assert book.orders() == ()


def test_an_order_that_is_amended_and_fills_is_gone_from_where_it_stood():
    """At its new price it never rested."""
    resting = order(1, 3)
    book = FullBook([resting], levels(3))
    resting.price_ticks = 105
    book.order(Execution.AMENDED, resting)
    book.level(LevelChanged(0, BUY, 100, 0))
    book.traded(Traded(0, 8, 105, 3, BUY, 9, 4))
    resting.filled_lots, resting.state = 3, OrderState.FILLED
    book.order(Execution.FILL, resting)
    done = FullChange(FullChangeKind.DONE, 1, BUY, 100, 0)
    assert [told for told in book.settle() if told.order_id == 1] == [done]
    assert book.orders() == ()
