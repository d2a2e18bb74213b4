from desk import SECOND_NS, START_NS, Desk

from steelyard.domain.amendments import AmendsQuery
from steelyard.domain.commands import (
    Accepted,
    Amend,
    Cancel,
    CancelAll,
    Canceled,
    Place,
    PlaceGroup,
)
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import FillsQuery, OrderAnswer, OrderQuery, OrdersQuery, Refused
from steelyard.domain.order import (
    CancelCause,
    GroupKind,
    Liquidity,
    OrderType,
    RejectReason,
    Side,
    TimeInForce,
)
from steelyard.exchange import history as module
from steelyard.exchange.history import History
from steelyard.exchange.records import codec


def test_a_limit_order_of_one_that_fills_by_six_tenths_stays_partly_filled(desk):
    """A33: 1 BTC, 0.6 filled, 0.4 remains, and the average is what was paid."""
    desk.place(desk.alice, Side.SELL, "1", "60000")
    desk.place(desk.bob, Side.BUY, "0.6", "60000")
    (order,) = desk.exchange.history.orders(OrdersQuery(desk.alice, 10))
    assert order.state is OrderState.PARTIALLY_FILLED
    assert (order.filled_lots, order.remaining_lots) == (60_000, 40_000)
    assert order.quote_atoms == 36_000 * 10**12


def test_a_market_order_fills_in_pieces_that_are_reported_one_by_one(desk):
    """A32: 1 BTC = 0.5 + 0.3 + 0.2 at three prices."""
    for size, price in (("0.5", "60000"), ("0.3", "60010"), ("0.2", "60020")):
        desk.place(desk.alice, Side.SELL, size, price)
    answer = desk.place(desk.bob, Side.BUY, "1")
    assert [fill.size_lots for fill in answer.fills] == [50_000, 30_000, 20_000]
    assert [fill.price_ticks for fill in answer.fills] == [6_000_000, 6_001_000, 6_002_000]
    assert answer.order.state is OrderState.FILLED
    assert {fill.liquidity for fill in answer.fills} == {Liquidity.TAKER}


def test_each_end_has_its_state(desk):
    resting = desk.place(desk.alice, Side.BUY, "0.1", "50000").order
    desk.exchange.perform(Cancel(desk.alice, resting.order_id), desk.tick())
    ioc = desk.place(desk.alice, Side.BUY, "0.1", "50000", TimeInForce.IOC).order
    fok = desk.place(desk.alice, Side.BUY, "0.1", "50000", TimeInForce.FOK).order
    refused = desk.place(desk.alice, Side.BUY, "100", "900000")
    kept = {o.order_id: o for o in desk.exchange.history.orders(OrdersQuery(desk.alice, 10))}
    assert kept[resting.order_id].state is OrderState.CANCELED
    assert (kept[ioc.order_id].state, ioc.cancel_cause) == (
        OrderState.EXPIRED,
        CancelCause.IOC_REMAINDER,
    )
    assert kept[fok.order_id].cancel_cause is CancelCause.FOK_UNFILLABLE
    assert kept[refused.order_id].state is OrderState.REJECTED
    assert kept[refused.order_id].reject_reason is RejectReason.INSUFFICIENT_BALANCE


def test_an_order_is_found_by_either_id_and_only_by_its_owner(desk):
    order = desk.place(desk.alice, Side.BUY, "0.1", "50000", client_order_id="mine").order
    find = desk.exchange.history.order
    assert find(OrderQuery(desk.alice, order_id=order.order_id)) is order
    assert find(OrderQuery(desk.alice, client_order_id="mine")) is order
    assert find(OrderQuery(desk.alice, order_id=order.order_id, client_order_id="no")) is None
    assert find(OrderQuery(desk.alice, 5, order_id=order.order_id)) is None
    assert find(OrderQuery(desk.bob, order_id=order.order_id)) is None
    answer = desk.exchange.ask(OrderQuery(desk.bob, client_order_id="mine"), desk.now_ns)
    assert isinstance(answer, Refused)


def test_pages_begin_at_the_start_or_end_at_the_newest(desk):
    ids = [desk.place(desk.alice, Side.BUY, "0.1", "50000").order.order_id for _ in range(5)]

    def page(**query):
        return [o.order_id for o in desk.exchange.history.orders(OrdersQuery(desk.alice, **query))]

    assert page(limit=2) == ids[-2:]
    assert page(limit=2, from_order_id=ids[1]) == ids[1:3]
    assert page(limit=9, start_ns=START_NS + 4 * SECOND_NS) == ids[3:]
    assert page(limit=9, end_ns=START_NS + 2 * SECOND_NS) == ids[:2]


def test_an_amended_order_keeps_its_place_in_the_list(desk):
    order = desk.place(desk.alice, Side.BUY, "0.2", "50000", client_order_id="a").order
    answer = desk.exchange.perform(
        Amend(desk.alice, order.order_id, 5_100_000, 10_000), desk.tick()
    )
    assert isinstance(answer, OrderAnswer)
    assert (answer.order.price_ticks, answer.order.size_lots) == (5_100_000, 10_000)
    assert answer.order.client_order_id == "a"


def test_ended_orders_leave_oldest_first_and_open_ones_never(desk, monkeypatch):
    monkeypatch.setattr(module, "ENDED_MAX", 3)
    held = desk.place(desk.alice, Side.BUY, "0.1", "40000").order.order_id
    ended = [
        desk.place(desk.alice, Side.BUY, "0.1", "40000", TimeInForce.IOC).order.order_id
        for _ in range(5)
    ]
    kept = [o.order_id for o in desk.exchange.history.orders(OrdersQuery(desk.alice, 99))]
    assert kept == [held, *ended[-3:]]


def test_cancel_all_answers_with_what_it_canceled(desk):
    ids = [desk.place(desk.alice, Side.BUY, "0.1", "50000").order.order_id for _ in range(3)]
    desk.place(desk.bob, Side.BUY, "0.1", "50000")
    answer = desk.exchange.perform(CancelAll(desk.alice, None), desk.tick())
    assert [o.order_id for o in answer.orders] == ids
    assert all(o.state is OrderState.CANCELED for o in answer.orders)
    assert desk.exchange.history.orders(OrdersQuery(desk.bob, 9, open_only=True))


def test_a_snapshot_restores_everything(desk: Desk):
    desk.place(desk.alice, Side.SELL, "1", "60000", client_order_id="x")
    desk.place(desk.bob, Side.BUY, "0.6", "60000")
    again = History(Listings([*desk.exchange.listings]))
    again.restore(desk.exchange.history.snapshot())
    assert again.snapshot() == desk.exchange.history.snapshot()
    assert again.open_order(desk.alice, "x").filled_lots == 60_000
    assert len(again.fills(FillsQuery(desk.alice, 9))) == 1


def oto(desk: Desk, *, name: str = "") -> PlaceGroup:
    """An entry to buy at 50,000 and a sale at 60,000 that waits for it."""
    entry = Place(
        desk.alice, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 5_000_000, 1_000
    )
    exit_ = Place(
        desk.alice, 0, Side.SELL, OrderType.LIMIT, TimeInForce.GTC, False, 6_000_000, 1_000
    )
    return PlaceGroup(GroupKind.OTO, (entry, exit_), name)


def test_what_waits_for_an_entry_is_pending_until_that_has_filled(desk):
    """Filled in part is not enough; if the entry ends, it never acts."""
    entry, exit_ = desk.exchange.perform(oto(desk), desk.tick()).orders
    assert (entry.is_pending, exit_.is_pending) == (False, True)
    desk.place(desk.bob, Side.SELL, "0.004", "50000")
    assert exit_.is_pending
    desk.place(desk.bob, Side.SELL, "0.006", "50000")
    assert (entry.state, exit_.is_pending) == (OrderState.FILLED, False)
    assert exit_.updated_ns == desk.now_ns
    entry, exit_ = desk.exchange.perform(oto(desk), desk.tick()).orders
    desk.exchange.perform(Cancel(desk.alice, entry.order_id), desk.tick())
    assert (exit_.state, exit_.cancel_cause) == (OrderState.CANCELED, CancelCause.USER)


def test_a_groups_name_and_a_new_name_outlive_a_restart(desk):
    """The engine knows neither, so each has a record; a snapshot has them in its orders."""
    entry = desk.exchange.perform(oto(desk, name="plan"), desk.tick()).orders[0]
    other = desk.place(desk.alice, Side.BUY, "0.1", "40000", client_order_id="old").order
    smaller = Amend(desk.alice, other.order_id, None, 5_000, client_order_id="new")
    answer = desk.exchange.perform(smaller, desk.tick())
    assert (answer.former_client_order_id, answer.order.client_order_id) == ("old", "new")
    coded, again = codec(), Desk(funded=False).exchange
    for number, (time_ns, message) in enumerate(desk.exchange.drain().records, 1):
        again.replay(coded.decode(number, coded.encode(message, time_ns)))
    restored = Desk(funded=False).exchange
    restored.restore(desk.exchange.snapshot())
    for exchange in (desk.exchange, again, restored):
        kept = exchange.history
        named = OrderQuery(desk.alice, client_group_id="plan")
        assert kept.order(named).order_id == entry.order_id
        assert [o.client_group_id for o in kept.group(kept.order(named))] == ["plan", "plan"]
        assert kept.by_client_id(desk.alice, "new").order_id == other.order_id
        assert kept.by_client_id(desk.alice, "old") is None
        grouped = OrdersQuery(desk.alice, 10, grouped_only=True)
        assert [order.order_id for order in kept.orders(grouped)] == [
            entry.order_id,
            entry.order_id + 1,
        ]
    assert again.snapshot() == restored.snapshot() == desk.exchange.snapshot()


def test_the_newest_group_of_a_name_is_the_one_that_is_found(desk):
    for _ in range(2):
        entry = desk.exchange.perform(oto(desk, name="plan"), desk.tick()).orders[0]
        desk.exchange.perform(Cancel(desk.alice, entry.order_id), desk.tick())
    found = desk.exchange.history.order(OrderQuery(desk.alice, client_group_id="plan"))
    assert found.order_id == entry.order_id
    bobs = desk.exchange.history.order(OrderQuery(desk.bob, client_group_id="plan"))
    assert bobs is None


def test_what_an_order_was_is_kept_through_a_snapshot(desk):
    order = desk.place(desk.alice, Side.BUY, "0.1", "50000").order
    for size in (9_000, 8_000):
        amend = Amend(desk.alice, order.order_id, None, size)
        desk.exchange.perform(amend, desk.tick())
    asked = AmendsQuery(desk.alice, order.order_id)
    trail = desk.exchange.history.amend_list(asked).amends
    assert [(a.number, a.size_lots) for a in trail] == [(0, 10_000), (1, 9_000), (2, 8_000)]
    restored = History(desk.exchange.listings)
    restored.restore(desk.exchange.history.snapshot())
    assert restored.amend_list(asked).amends == trail
    assert restored.amend_list(AmendsQuery(desk.bob, order.order_id)).amends == ()


def test_of_many_amendments_the_beginning_and_the_newest_are_kept(desk, monkeypatch):
    monkeypatch.setattr(module, "AMENDS_MAX", 2)
    order = desk.place(desk.alice, Side.BUY, "0.1", "50000").order
    for size in (9_000, 8_000, 7_000):
        desk.exchange.perform(Amend(desk.alice, order.order_id, None, size), desk.tick())
    trail = desk.exchange.history.amend_list(AmendsQuery(desk.alice, order.order_id)).amends
    assert [a.number for a in trail] == [0, 2, 3]


def test_what_the_exchange_changed_by_itself_is_told_apart(desk):
    """A post_only order that slides stands at another price than it was sent with."""
    desk.place(desk.bob, Side.SELL, "1", "50000")
    placed = desk.place(desk.alice, Side.BUY, "0.1", "50001", post_only=True, slide=True).order
    trail = desk.exchange.history.amend_list(AmendsQuery(desk.alice, placed.order_id)).amends
    assert [(a.is_asked, a.price_ticks) for a in trail] == [(True, 5_000_100), (False, 4_999_999)]


def test_an_order_that_only_rested_is_one_like_all_others():
    """It becomes an order when somebody asks, and is the same one from then on."""
    lazy, eager = History(Listings()), History(Listings())
    for number, name in enumerate(("a", "", "b", "a"), 1):
        place = Place(
            100, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 5, 7, client_order_id=name
        )
        lazy.rested(place, number, START_NS + number)
        eager.accepted(place, Accepted(number, 100, 0), START_NS + number)
    assert lazy.is_taken(100, "a", for_ever=False)
    assert not lazy.is_taken(100, "c", for_ever=True)
    assert not lazy.is_taken(101, "a", for_ever=True)
    assert lazy.numbered(100, 2).client_order_id == "sy-2"
    assert lazy.numbered(100, 2) is lazy.by_client_id(100, "sy-2")
    for history in (lazy, eager):
        canceled = Canceled(1, 100, 0, 7, CancelCause.USER)
        history.canceled(canceled, START_NS + 9)
    for query in (OrdersQuery(100, 9), OrdersQuery(100, 9, open_only=True)):
        assert lazy.orders(query) == eager.orders(query)
    assert lazy.snapshot() == eager.snapshot()
