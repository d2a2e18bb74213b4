import msgspec
import pytest
from msgspec.structs import replace

from steelyard import dialects
from steelyard.bridge import venues
from steelyard.domain.commands import Place
from steelyard.domain.errors import InvariantError
from steelyard.domain.lifecycle import TRANSITIONS, Fill, Order, OrderState
from steelyard.domain.order import Liquidity, OrderType, RejectReason, Side, TimeInForce
from steelyard.trading import orders as module
from steelyard.trading.orders import ClientIds, Orders

S = OrderState


def place(name: str = "a", lots: int = 100) -> Place:
    return Place(
        0,
        3,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        False,
        6_000_000,
        lots,
        client_order_id=name,
    )


def told(state: OrderState, filled: int = 0, name: str = "a", order_id: int = 7) -> Order:
    return Order(
        order_id=order_id,
        client_order_id=name,
        account_id=0,
        instrument_id=3,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        price_ticks=6_000_000,
        size_lots=100,
        state=state,
        filled_lots=filled,
    )


def fill(lots: int, trade_id: int = 1) -> Fill:
    return Fill(
        trade_id=trade_id,
        order_id=7,
        client_order_id="a",
        account_id=0,
        instrument_id=3,
        side=Side.BUY,
        price_ticks=6_000_000,
        size_lots=lots,
        quote_atoms=lots,
        liquidity=Liquidity.MAKER,
        fee_asset_id=8,
        fee_atoms=0,
        time_ns=1,
    )


def at(state: OrderState) -> Orders:
    """Return one order in a state, on the way that leads there."""
    orders = Orders()
    orders.pend(place(), 0)
    match state:
        case S.PENDING:
            pass
        case S.UNKNOWN:
            orders.unknown("a", 5, 0)
        case S.REJECTED:
            orders.refused("a", RejectReason.INSUFFICIENT_BALANCE, "no", 0)
        case S.ABSENT:
            orders.absent("a", "never arrived", 0)
        case _:
            orders.seen(told(state), 0)
    assert orders["a"].state is state
    return orders


@pytest.mark.parametrize("before", [*S])
@pytest.mark.parametrize("after", [s for s in S if s not in {S.PENDING, S.UNKNOWN, S.ABSENT}])
def test_what_the_venue_tells_follows_the_table(before: OrderState, after: OrderState):
    """Every pair of states: allowed ones are taken, late and repeated news change nothing."""
    orders = at(before)
    news = told(after)
    is_allowed = after in TRANSITIONS[before]
    assert orders.tells_news(news) is (is_allowed or not orders["a"].was_seen)
    orders.seen(news, 1)
    assert orders["a"].state is (after if is_allowed else before)
    assert [o.client_order_id for o in orders.open] == (["a"] if orders["a"].is_open else [])


@pytest.mark.parametrize("before", [*S])
def test_only_an_order_that_was_never_seen_becomes_unknown_or_absent(before: OrderState):
    """Presence is proof: no doubt and no proof of absence reaches an order after it."""
    for after, act in (
        (S.UNKNOWN, lambda orders: orders.unknown("a", 9, 1)),
        (S.ABSENT, lambda orders: orders.absent("a", "proof", 1)),
    ):
        orders = at(before)
        act(orders)
        allowed = after in TRANSITIONS[before]
        assert orders["a"].state is (after if allowed else before)
        assert not (allowed and orders["a"].was_seen)


def test_a_fill_is_presence():
    """An order that was in doubt is there when it fills; the last lot ends it."""
    orders = at(S.UNKNOWN)
    orders.filled("a", fill(40), 1)
    assert orders["a"].state is S.PARTIALLY_FILLED
    assert orders.find("", 7) is orders["a"]
    orders.filled("a", fill(60, 2), 2)
    assert orders["a"].state is S.FILLED
    assert orders.open == []


def test_a_fill_after_the_end_counts_and_does_not_reopen():
    """Venues report out of order; an ended order stays ended."""
    orders = at(S.CANCELED)
    orders.filled("a", fill(40), 1)
    assert (orders["a"].state, orders["a"].filled_lots) == (S.CANCELED, 40)


def test_fills_that_are_missing_count_as_exposure():
    """The venue says 60 filled, 40 were told: 20 may still come into the position."""
    orders = at(S.WORKING)
    orders.seen(told(S.CANCELED, filled=60), 1)
    orders.filled("a", fill(40), 1)
    assert orders.unsettled == [orders["a"]]
    assert orders.exposed_lots(Side.BUY) == 20
    orders.filled("a", fill(20, 2), 2)
    assert orders.unsettled == []
    assert orders.exposed_lots(Side.BUY) == 0


def test_an_older_count_does_not_take_fills_back():
    """The highest count that the venue ever told stays."""
    orders = at(S.WORKING)
    orders.seen(told(S.PARTIALLY_FILLED, filled=60), 1)
    orders.seen(told(S.WORKING, filled=10), 2)
    assert orders["a"].venue_filled_lots == 60


def test_an_id_used_twice_is_our_fault():
    """It stops everything: the same id must never leave twice."""
    orders = at(S.PENDING)
    with pytest.raises(InvariantError):
        orders.pend(place(), 1)


def test_somebody_elses_order_is_not_taken():
    """Neither id is ours."""
    orders = at(S.PENDING)
    assert orders.find("b", 9) is None
    assert not orders.tells_news(told(S.WORKING, name="b", order_id=9))
    with pytest.raises(InvariantError):
        orders.seen(told(S.WORKING, name="b", order_id=9), 1)


def test_an_adjustment_may_go_where_the_table_does_not():
    """The venue's word on what we had wrong counts, and reopens an order."""
    orders = at(S.ABSENT)
    orders.adjusted("a", S.WORKING, "found", 1)
    assert [o.client_order_id for o in orders.open] == ["a"]
    orders.adjusted("a", S.CANCELED, "gone", 2)
    assert orders.open == []
    assert orders["a"].note == "gone"


def test_ended_orders_are_forgotten_at_last(monkeypatch: pytest.MonkeyPatch):
    """The oldest leave; open ones never do."""
    monkeypatch.setattr(module, "ENDED_MAX", 3)
    orders = Orders()
    for number in range(10):
        orders.pend(place(str(number)), 0)
        if number:
            orders.absent(str(number), "", 0)
    assert [o.client_order_id for o in orders] == ["0", "7", "8", "9"]


def test_client_ids_are_128_bits_and_never_repeat():
    """Bot, run and sequence each have their place; another of any gives another id."""
    ids = [ClientIds(bot, run) for bot in ("a", "b") for run in (1, 2)]
    numbers = [each.next() for each in ids for _ in range(3)]
    assert len(set(numbers)) == len(numbers)
    assert all(0 < number < 1 << 128 for number in numbers)
    assert [number & (1 << 64) - 1 for number in numbers[:3]] == [1, 2, 3]
    assert numbers[0] >> 64 & (1 << 32) - 1 == 1


def test_orders_are_plain_values():
    """What an order is can be copied, compared and written down."""
    orders = at(S.WORKING)
    assert msgspec.structs.replace(orders["a"]) == orders["a"]


@pytest.mark.parametrize("name", ["native", "binance", "kraken", "coinbase-exchange"])
def test_an_id_of_this_bot_is_known_by_itself(name: str):
    """Where ids are printed in the order of their numbers; elsewhere nobody claims to know."""
    printed = dialects.find(name).client.client_order_id
    ours = [ClientIds("dip", run) for run in (1, 1_700_000_000, 2**32 - 1)]
    others = [ClientIds(other, 1_700_000_000) for other in ("dip2", "dop", "x")]
    is_known = name != "coinbase-exchange"
    for ids in ours:
        assert ours[0].owns(printed(ids.next()), printed) is is_known
    for ids in others:
        assert not ours[0].owns(printed(ids.next()), printed)
    for text in ("", "hand", "f" * 32, "sy" + "z" * 22):
        assert not ours[0].owns(text, printed)


@pytest.mark.parametrize("name", ["okx", "kraken", "coinbase"])
def test_an_id_behind_a_bridge_is_known_by_itself(name: str):
    """Letters and digits, or UUIDs that look random: both in the order of their numbers."""

    def printed(number: int) -> str:
        return venues.client_order_id(name, number)

    assert ClientIds("dip", 5).owns(printed(ClientIds("dip", 7).next()), printed)
    assert not ClientIds("dip", 5).owns(printed(ClientIds("dop", 7).next()), printed)


def test_an_order_that_waited_is_known_from_its_past_and_from_another():
    """Another number is its own once it no longer waits; what is told late changes nothing."""
    stop = replace(place(), order_type=OrderType.STOP_LIMIT, trigger_ticks=5)
    waiting = replace(told(S.WORKING), order_type=OrderType.STOP_LIMIT, order_id=8)
    orders = Orders()
    order = orders.pend(stop, 0)
    orders.seen(waiting, 1)
    assert order.goes_to_market(told(S.WORKING))
    assert order.goes_to_market(replace(waiting, order_id=7, triggered_ns=1))
    assert not order.goes_to_market(replace(waiting, order_id=7)), "that is another order"
    orders.triggered("a", 7, S.WORKING, 2)
    assert (order.order_id, order.former, orders.find("", 8)) == (7, {8: 0}, order)
    assert order.is_past(replace(waiting, order_id=9))
    assert not order.is_past(told(S.WORKING))
    assert not order.goes_to_market(told(S.WORKING, order_id=9)), "it has come once"
    found_late = Orders()
    found_late.pend(stop, 0)
    found_late.seen(told(S.PARTIALLY_FILLED, 1), 1)
    assert found_late["a"].is_past(waiting)
