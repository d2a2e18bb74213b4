"""Orders that close themselves fill by fill: on the exchange, and through restarts."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.domain.closing import PlaceClosing
from steelyard.domain.commands import AdvanceTime, Cancel, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import OrderAnswer, OrdersQuery, Refused
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.closings import Closings
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.records import FillClosed, codec
from steelyard.sim.stand import PlainSeal
from tests.shared.desk import BTC_USDT, Desk

LEAST = 10  # lots that are worth enough to be an order
LIMIT = (OrderType.LIMIT, TimeInForce.GTC, False)


def order(account, side, size, price) -> Place:
    ticks = BTC_USDT.price_ticks(Decimal(price))
    return Place(account, 0, side, *LIMIT, ticks, BTC_USDT.size_lots(Decimal(size)))


def closing(desk, size="0.1", close="60000", side=Side.SELL) -> PlaceClosing:
    """Alice buys at 50,000 and, unless told otherwise, sells each fill at 60,000."""
    back = replace(order(desk.alice, side, "0.1", close), size_lots=0)
    return PlaceClosing(order(desk.alice, Side.BUY, size, "50000"), back)


def placed(desk, message) -> int:
    answer = desk.exchange.place_closing(message, desk.tick())
    assert isinstance(answer, OrderAnswer), answer
    return answer.order.order_id


def closes(exchange, account, order_id):
    """Return the orders that close one, oldest first."""
    orders = exchange.history.orders(OrdersQuery(account, 100))
    return [found for found in orders if found.closes_id == order_id]


def sizes(desk, order_id):
    return [found.size_lots for found in closes(desk.exchange, desk.alice, order_id)]


def test_each_fill_has_an_order_of_its_size(desk):
    order_id = placed(desk, closing(desk))
    for size in ("0.03", "0.02"):
        desk.place(desk.bob, Side.SELL, size, "50000")
    assert sizes(desk, order_id) == [3_000, 2_000]
    found = closes(desk.exchange, desk.alice, order_id)
    assert {(o.side, o.price_ticks) for o in found} == {(Side.SELL, 6_000_000)}


def test_what_fills_at_once_is_closed_fill_by_fill(desk):
    for size in ("0.04", "0.06"):
        desk.place(desk.bob, Side.SELL, size, "50000")
    assert sizes(desk, placed(desk, closing(desk))) == [4_000, 6_000]


def test_a_close_lives_on_by_itself(desk):
    """The rest of the order is canceled: what closes its fills stays, and nothing more comes."""
    order_id = placed(desk, closing(desk))
    desk.place(desk.bob, Side.SELL, "0.03", "50000")
    desk.exchange.perform(Cancel(desk.alice, order_id), desk.tick())
    (close,) = closes(desk.exchange, desk.alice, order_id)
    assert close.state is OrderState.WORKING
    desk.place(desk.bob, Side.BUY, "0.03", "60000")
    assert close.state is OrderState.FILLED
    assert sizes(desk, order_id) == [3_000]
    assert desk.exchange.closings.snapshot() == {}


def test_a_refused_order_closes_nothing(desk):
    answer = desk.exchange.place_closing(closing(desk, size="1000"), desk.tick())
    assert isinstance(answer, Refused)
    assert answer.reason is RejectReason.INSUFFICIENT_BALANCE
    assert desk.exchange.closings.snapshot() == {}


def test_a_close_that_is_refused_is_kept_as_what_it_is(desk):
    """It costs more than there is."""
    order_id = placed(desk, closing(desk, size="15", close="999999", side=Side.BUY))
    desk.place(desk.bob, Side.SELL, "15", "50000")
    (close,) = closes(desk.exchange, desk.alice, order_id)
    assert close.state is OrderState.REJECTED


def test_fills_too_small_to_be_orders_are_closed_together(desk):
    """And with the end of the order whatever is left."""
    least = replace(BTC_USDT, size_min_lots=100)
    desk.exchange.listings.add(least)
    order_id = placed(desk, closing(desk))
    for size in ("0.0006", "0.0006", "0.0005"):
        desk.place(desk.bob, Side.SELL, size, "50000")
    assert sizes(desk, order_id) == [120]
    desk.exchange.perform(Cancel(desk.alice, order_id), desk.tick())
    assert sizes(desk, order_id) == [120, 50]


def test_nothing_is_due_of_nobody(desk):
    assert Closings(desk.exchange.listings).due() is None


@given(st.lists(st.integers(LEAST, 3_000), min_size=1, max_size=12), st.integers(0, 20))
def test_every_fill_is_closed_once_through_a_restart(fills, cut):
    """Replayed from the journal up to anywhere, an exchange goes on as if it had never stopped."""
    desk = Desk()
    order_id = placed(desk, closing(desk))
    left = 10_000
    for lots in fills:
        size_lots = min(lots, left) if left >= LEAST else 0
        if size_lots:
            sell = replace(order(desk.bob, Side.SELL, "0.1", "50000"), size_lots=size_lots)
            desk.exchange.record(sell, desk.tick())
        left -= size_lots
    desk.exchange.record(AdvanceTime(), desk.tick())
    records, coded = desk.exchange.drain().records, codec()
    cut = min(cut, len(records))
    first, second = (Exchange(ReferenceEngine(), None, PlainSeal()) for _ in range(2))
    for number, (time_ns, message) in enumerate(records[:cut], 1):
        first.replay(coded.decode(number, coded.encode(message, time_ns)))
    if cut:
        second.restore(first.snapshot())
    # What closes fills comes by itself from here on, what was cut off in between as well.
    for time_ns, message in records[cut:]:
        if not isinstance(message, FillClosed):
            second.record(message, time_ns)
    told = [sizes_of(exchange, desk.alice, order_id) for exchange in (desk.exchange, second)]
    assert told[0] == told[1]
    assert sum(told[0]) == 10_000 - left
    assert second.engine.state_hash() == desk.exchange.engine.state_hash()


def sizes_of(exchange, account, order_id):
    return [found.size_lots for found in closes(exchange, account, order_id)]
