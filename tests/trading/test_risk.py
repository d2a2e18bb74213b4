from decimal import Decimal

import msgspec
import pytest

from steelyard.domain.commands import Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS, BookDelta, BookSnapshot
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.trading.books import BookView
from steelyard.trading.exposure import Claim, Exposed
from steelyard.trading.orders import Amending, Orders
from steelyard.trading.risk import (
    OVERDUE_NS,
    Approved,
    Limits,
    Refused,
    Situation,
    check,
    check_amend,
)
from tests.trading.venue import BTC_USDT

T0 = 1_700_000_000 * SECOND_NS
LIMITS = Limits(Decimal(1_000), Decimal("0.05"), 3, Decimal("0.02"))


def place(
    side: Side = Side.BUY, lots: int = 1_000, ticks: int | None = 6_000_000, name: str = "a"
) -> Place:
    is_limit = ticks is not None
    return Place(
        0,
        3,
        side,
        OrderType.LIMIT if is_limit else OrderType.MARKET,
        TimeInForce.GTC if is_limit else TimeInForce.IOC,
        False,
        ticks,
        lots,
        client_order_id=name,
    )


def book() -> BookView:
    view = BookView(BTC_USDT)
    bids, asks = ((5_999_900, 2_000), (5_990_000, 9_000)), ((6_000_100, 2_000), (6_200_000, 9_000))
    view.snapshot(BookSnapshot(3, 1, bids, asks, T0), T0)
    return view


def situation(*pending: Place, position: int = 0, unknown: bool = False, **more) -> Situation:
    orders = Orders()
    for each in pending:
        orders.pend(each, T0)
        if unknown:
            orders.unknown(each.client_order_id, None, T0)
    return Situation(more.pop("book", book()), orders, position, T0, **more)


def verdict(order: Place, at: Situation | None = None, **limits) -> str:
    found = check(order, LIMITS._replace(**limits), at or situation())
    return "approved" if isinstance(found, Approved) else found.limit


def test_an_ordinary_order_passes():
    """Inside every limit, limit and market alike."""
    assert verdict(place()) == "approved"
    assert verdict(place(ticks=None)) == "approved"


@pytest.mark.parametrize(
    ("order", "limit"),
    [
        (place(lots=1_667), "max_order_notional"),  # 1,000.20 USDT
        (place(lots=1_667, ticks=None), "max_order_notional"),
        (place(ticks=6_120_001), "price_collar"),
        (place(Side.SELL, ticks=5_879_999), "price_collar"),
        (place(lots=12_000, ticks=None), "depth"),
    ],
)
def test_each_limit_refuses(order: Place, limit: str):
    """One step beyond each limit is refused by that limit."""
    assert verdict(order) == limit


@pytest.mark.parametrize(
    "order",
    [
        place(lots=1_666),  # 999.60
        place(ticks=6_120_000),
        place(Side.SELL, ticks=5_880_000),
        place(ticks=3_000_000),  # patience is not dangerous
        place(Side.SELL, ticks=9_000_000, lots=1_000),
    ],
)
def test_just_inside_each_limit_passes(order: Place):
    """A limit is inclusive, and the collar is on the side that hurts."""
    assert verdict(order, max_order_notional=Decimal(1_000)) == "approved"


def test_a_market_order_may_not_walk_past_the_collar():
    """Its last price counts, not its average: 61,000 is 3 % from the middle."""
    wide = {"max_order_notional": Decimal(10**6), "max_position": Decimal(10)}
    assert verdict(place(lots=2_000, ticks=None), **wide) == "approved"
    assert verdict(place(lots=2_001, ticks=None), **wide) == "price_collar"


def test_open_orders_count_as_filled():
    """0.04 is held, 0.01 is wanted by an open order: nothing more fits into 0.05."""
    assert verdict(place(), situation(position=4_000)) == "approved"
    at = situation(place(name="b"), position=4_000)
    assert verdict(place(lots=1), at) == "max_position"
    assert verdict(place(Side.SELL), at) == "approved"


def test_a_short_is_limited_as_a_long():
    """The position's size counts, not its sign."""
    assert verdict(place(Side.SELL), situation(position=-4_000)) == "approved"
    assert verdict(place(Side.SELL, lots=1_001), situation(position=-4_000)) == "max_position"


def test_reducing_a_position_that_is_too_large_is_allowed():
    """A limit that was lowered must not trap what is held."""
    at = situation(position=9_000)
    assert verdict(place(Side.SELL), at) == "approved"
    assert verdict(place(Side.BUY, lots=1), at) == "max_position"


def test_too_many_open_orders_are_refused():
    """The count includes those not answered yet."""
    orders = [place(lots=1, name=name) for name in "bcd"]
    assert verdict(place(lots=1), situation(*orders[:2])) == "approved"
    assert verdict(place(lots=1), situation(*orders)) == "max_open_orders"


def test_an_unknown_order_blocks_new_risk_but_not_its_reduction():
    """While it may have arrived, only what brings the position nearer to zero goes."""
    at = situation(place(name="b"), position=2_000, unknown=True)
    assert verdict(place(), at) == "unknown"
    assert verdict(place(Side.SELL, lots=3_000), at) == "unknown"  # beyond what is held
    assert verdict(place(Side.SELL, lots=1_000), at) == "approved"


def test_an_overdue_answer_is_as_an_unknown_order():
    """A venue that stands still gets one order, not one each second."""
    at = situation(place(name="b", lots=10))
    assert verdict(place(), at) == "approved"
    later = book()
    later.delta(BookDelta(3, 2, 2, (), (), T0), T0 + SECOND_NS)
    at = at._replace(now_ns=T0 + OVERDUE_NS + 1, book=later)
    assert verdict(place(), at) == "unknown"
    assert verdict(at.orders["b"].place, at._replace(retried="b")) == "approved"


def test_an_attempt_that_is_repeated_is_not_counted_twice():
    """The order itself is among the open ones already."""
    orders = [place(lots=1_000, name=name) for name in "abc"]
    at = situation(*orders, position=2_000)
    assert verdict(orders[0], at) == "max_position"
    assert verdict(orders[0], at._replace(retried="a")) == "approved"


def test_the_first_reason_is_told():
    """Killed before gated before the book before limits."""
    hopeless = place(lots=12_000, ticks=None)
    nothing = BookView(BTC_USDT)
    assert verdict(hopeless, situation(killed="x", gate="y", book=nothing)) == "killed"
    assert verdict(hopeless, situation(gate="y", book=nothing)) == "gate"
    assert verdict(hopeless, situation(book=nothing)) == "book"


def test_a_stale_crossed_or_empty_book_blocks():
    """Nothing is priced by a book that is not right."""
    assert verdict(place(), situation()._replace(now_ns=T0 + 60 * SECOND_NS)) == "book"
    crossed = book()
    crossed.delta(BookDelta(3, 2, 2, ((6_100_000, 1),), (), T0), T0)
    assert verdict(place(), situation(book=crossed)) == "book"
    empty = BookView(BTC_USDT)
    empty.snapshot(BookSnapshot(3, 1, (), ((6_000_000, 5),), T0), T0)
    assert verdict(place(), situation(book=empty)) == "price_collar"


def test_a_refusal_says_limit_value_and_way_out():
    """These sentences are what a user sees."""
    texts = {
        "notional": check(place(lots=2_000), LIMITS, situation()),
        "position": check(place(), LIMITS, situation(position=4_500)),
        "count": check(place(), LIMITS._replace(max_open_orders=0), situation()),
        "collar": check(place(ticks=6_130_000), LIMITS, situation()),
        "killed": check(place(), LIMITS, situation(killed="the kill switch was pressed")),
    }
    assert {name: found.text for name, found in texts.items() if isinstance(found, Refused)} == {
        "notional": "max_order_notional is 1000 USDT, this order is worth 1200; make it smaller or "
        "raise [risk] max_order_notional",
        "position": "max_position is 0.05 BTC, with this order and all open ones filled the "
        "position would be 0.055; make it smaller, cancel something or raise [risk] max_position",
        "count": "max_open_orders is 0 and 0 are open; cancel one or raise [risk] max_open_orders",
        "collar": "price_collar is 2 % around 60000, this order would trade at 61300.00; mend "
        "the price or widen [risk] price_collar",
        "killed": "trading is latched off (the kill switch was pressed); lift it with --resume",
    }


def test_a_partly_filled_order_counts_with_its_rest():
    """What has filled is in the position already."""
    at = situation(place(name="b", lots=1_000), position=3_600)
    order = at.orders["b"]
    order.filled_lots = order.venue_filled_lots = 600
    assert order.exposed_lots == 400
    assert verdict(place(), at) == "approved"
    assert verdict(place(lots=1_001), at._replace(orders=at.orders)) == "max_position"
    assert msgspec.structs.replace(order, venue_filled_lots=900).exposed_lots == 400


# -- limits that may be left out ------------------------------------------------------------------


def refusal(order: Place, at: Situation | None = None, **limits) -> Refused:
    found = check(order, LIMITS._replace(**limits), at or situation())
    assert isinstance(found, Refused)
    return found


SENT = [place(lots=1, name=name) for name in "bcd"]
HELD = situation(position=4_000)  # worth 2,400
SHORT = situation(position=-4_000)


@pytest.mark.parametrize(
    ("limit", "value", "order", "at", "reduces"),
    [
        ("max_order_size", "0.00999", place(), situation(), False),
        ("max_orders_per_minute", 2, place(lots=1), situation(*SENT[:2]), False),
        ("max_daily_loss", "10", place(), HELD._replace(loss_atoms=10 * 10**12), True),
        ("max_leverage", "0.5", place(), HELD._replace(equity_atoms=5_999 * 10**12), True),
        ("max_gross_exposure", "2999", place(), HELD, True),
    ],
)
def test_each_limit_that_may_be_left_out(limit, value, order, at, reduces):
    """One step beyond is refused by its name with value and way out; at it, it passes."""
    wide = {"max_order_notional": Decimal(10**6), "max_position": Decimal(10)}
    most = value if isinstance(value, int) else Decimal(value)
    refused = refusal(order, at, **wide, **{limit: most})
    assert refused.limit == limit
    assert f"{limit} is {value}" in refused.text
    assert f"[risk] {limit}" in refused.text
    step = 1 if isinstance(value, int) else Decimal("0.01") if limit == "max_leverage" else 1
    step = Decimal("0.00001") if limit == "max_order_size" else step
    assert verdict(order, at, **wide, **{limit: most + step}) == "approved"
    assert verdict(order, at, **wide) == "approved"
    if reduces:
        assert verdict(place(Side.SELL), at, **wide, **{limit: most}) == "approved"
        turns = verdict(place(Side.SELL, lots=4_001), at, **wide, **{limit: most})
        assert turns == (limit if limit == "max_daily_loss" else "approved")  # to short by a lot


def test_refusals_say_what_it_would_come_to():
    """Limit, use and way out, in one sentence."""
    wide = {"max_order_notional": Decimal(10**6), "max_position": Decimal(10)}
    said = refusal(place(), HELD, **wide, max_gross_exposure=Decimal(2999)).text
    assert said == (
        "max_gross_exposure is 2999 USDT, with this order and all open ones filled this bot would "
        "have 3000, and no other bot has any; make it smaller, reduce another bot or raise [risk] "
        "max_gross_exposure"
    )
    poor = HELD._replace(equity_atoms=1_000 * 10**12)
    said = refusal(place(), poor, **wide, max_leverage=Decimal("2.5")).text
    assert said == (
        "max_leverage is 2.5, with this order and all open ones filled the position would be worth "
        "3000 USDT, and the account is worth 1000; make it smaller, pay something in or raise "
        "[risk] max_leverage"
    )


def test_a_short_counts_against_exposure_and_leverage_as_a_long():
    """And what the other side could come to counts as well."""
    wide = {"max_order_notional": Decimal(10**6), "max_position": Decimal(10)}
    order, rich = place(Side.SELL), SHORT._replace(equity_atoms=2_999 * 10**12)
    assert verdict(order, rich, **wide, max_leverage=Decimal(1)) == "max_leverage"
    assert verdict(order, SHORT, **wide, max_gross_exposure=Decimal(2_999)) == "max_gross_exposure"
    both = situation(place(lots=9_000, name="b"))
    order = place(Side.SELL, lots=1)
    assert verdict(order, both, **wide, max_gross_exposure=Decimal(5_399)) == "max_gross_exposure"
    assert verdict(order, both, **wide, max_gross_exposure=Decimal(5_400)) == "approved"


def test_what_cannot_be_checked_is_refused():
    """No price of the day, no balance, no sums: a limit that nobody can look at is not kept."""
    assert verdict(place(), max_daily_loss=Decimal(1)) == "max_daily_loss"
    assert verdict(place(), max_leverage=Decimal(1)) == "max_leverage"

    class Broken:
        def claim(self, *_):
            return Claim(is_granted=False, trouble="the file is gone")

    at = situation(exposed=Exposed(Broken()))
    refused = refusal(place(), at, max_gross_exposure=Decimal(10**6))
    assert refused.text == "max_gross_exposure cannot be checked: the file is gone"


def test_a_minute_is_a_minute():
    """What was decided on sixty seconds ago no longer counts; changes do, and retries do not."""
    at = situation(*SENT[:2])
    limit = {"max_orders_per_minute": 2}
    later = book()
    later.delta(BookDelta(3, 2, 2, (), (), T0), T0 + 59 * SECOND_NS)
    just = at._replace(book=later, now_ns=T0 + 60 * SECOND_NS - 1, orders=seen(at.orders))
    assert verdict(place(lots=1), just, **limit) == "max_orders_per_minute"
    assert verdict(place(lots=1), just._replace(now_ns=T0 + 60 * SECOND_NS), **limit) == "approved"
    assert verdict(SENT[0], at._replace(retried="b"), **limit) == "approved"
    order = at.orders["b"]
    found = check_amend(order, change(6_000_001), LIMITS._replace(**limit), at)
    assert found is not None
    assert found.limit == "max_orders_per_minute"


def seen(orders: Orders) -> Orders:
    """Return orders whose answers have come: nothing of them is overdue."""
    for order in orders:
        order.state = OrderState.WORKING
    return orders


def change(price: int | None = None, size: int | None = None) -> Amending:
    return Amending(price, size, None, replaces=False, asked_ns=T0)


def test_a_stop_is_not_held_by_the_count_or_the_rate():
    """The position is what it is; that the stop behind it is one too many helps nobody."""
    at = situation(*SENT, position=2_000)
    stop = place(Side.SELL, lots=2_000)
    limits = {"max_open_orders": 3, "max_orders_per_minute": 3}
    limits["max_order_notional"] = Decimal(10**6)
    assert verdict(stop, at, **limits) == "max_open_orders"
    assert verdict(stop, at._replace(protects=True), **limits) == "approved"


@pytest.mark.parametrize(
    "limit", ["breaker", "max_daily_loss", "max_leverage", "max_gross_exposure"]
)
def test_a_change_that_adds_risk_passes_the_same_limits(limit):
    """Making an order larger is refused, making it smaller is not."""
    at = situation(place(name="b"), loss_atoms=0, equity_atoms=10**18)
    limits = LIMITS._replace(max_daily_loss=Decimal(1), max_leverage=Decimal(10))
    limits = limits._replace(max_gross_exposure=Decimal(10**6))
    match limit:
        case "breaker":
            at = at._replace(breaker="the breaker rejects has tripped")
        case "max_daily_loss":
            at = at._replace(loss_atoms=10**12)
        case "max_leverage":
            at = at._replace(equity_atoms=10**12)
        case _:
            limits = limits._replace(max_gross_exposure=Decimal(1))
    order = at.orders["b"]
    found = check_amend(order, change(size=1_001), limits, at)
    assert found is not None
    assert found.limit == limit
    assert check_amend(order, change(size=999), limits, at) is None


def test_a_breaker_holds_what_adds_risk_and_nothing_else():
    """It says which one, why, and what may go all the same."""
    at = situation(position=2_000, breaker="the breaker rejects has tripped: x; by a person")
    wide = {"max_order_notional": Decimal(10**6)}
    assert verdict(place(Side.SELL, lots=2_000), at, **wide) == "approved"
    refused = refusal(place(Side.SELL, lots=2_001), at, **wide)
    assert refused.limit == "breaker"
    assert refused.text == (
        "the breaker rejects has tripped: x; by a person; only what reduces the position is sent"
    )


ONLY_WHAT_REDUCES = ["breaker", "max_daily_loss", "protection"]


def held_by(at: Situation, limit: str) -> tuple[Limits, Situation]:
    """Return a situation in which only what reduces may be sent, by one of the limits."""
    match limit:
        case "breaker":
            return LIMITS, at._replace(breaker="the breaker rejects has tripped")
        case "protection":
            return LIMITS, at._replace(unprotected="0.01 BTC of the position has no stop")
        case _:
            return LIMITS._replace(max_daily_loss=Decimal(1)), at._replace(loss_atoms=10**12)


@pytest.mark.parametrize("limit", ONLY_WHAT_REDUCES)
@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_a_change_that_trades_sooner_is_held_as_a_new_order(limit, side):
    """A resting order brought to the market buys as one that is placed there."""
    far, near = 6_000_000 - 10_000 * int(side), 6_000_000 + 100 * int(side)
    at = situation(place(side, ticks=far, name="b"))
    limits, at = held_by(at, limit)
    order = at.orders["b"]
    found = check_amend(order, change(near), limits, at)
    assert found is not None
    assert found.limit == limit
    assert check_amend(order, change(far - 10_000 * int(side)), limits, at) is None
    order.filled_lots = 400  # what is left of it ends the position
    reducing = at._replace(position_lots=-600 * int(side))
    assert check_amend(order, change(near), limits, reducing) is None


def waiting(kind: OrderType, side: Side, trigger: int, *, lots: int = 1_000) -> Place:
    return Place(
        0, 3, side, kind, TimeInForce.GTC, False, None, lots,
        trigger_ticks=trigger, client_order_id="w",
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "sign"), [(OrderType.STOP, 1), (OrderType.TAKE_PROFIT, -1)])
@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_a_trigger_that_comes_nearer_is_held_too(kind, sign, side):
    """A stop waits above the market to buy, a take-profit below."""
    trigger = 6_000_000 + 20_000 * sign * int(side)
    at = situation(waiting(kind, side, trigger), breaker="the breaker rejects has tripped")
    order = at.orders["w"]

    def moved(by: int) -> Amending:
        return Amending(None, None, trigger + by * sign * int(side), replaces=False, asked_ns=T0)

    found = check_amend(order, moved(-10_000), LIMITS, at)
    assert found is not None
    assert found.limit == "breaker"
    assert check_amend(order, moved(10_000), LIMITS, at) is None


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
@pytest.mark.parametrize("kind", [OrderType.STOP, OrderType.TAKE_PROFIT])
def test_a_trigger_that_the_market_has_passed_is_a_market_order(kind, side):
    """It trades at once, whatever it says that it waits for: by size, worth and collar."""
    toward = int(side) if kind is OrderType.STOP else -int(side)
    passed = waiting(kind, side, 6_000_000 - 5_000_000 * toward, lots=2_000)
    limits = {"max_order_notional": Decimal("1199.9")}  # 0.02 of it are worth 1200
    assert verdict(passed, situation(), **limits) == "max_order_notional"
    assert verdict(passed, situation(), max_order_notional=Decimal(10**6)) == "approved"
    deep = waiting(kind, side, passed.trigger_ticks, lots=4_000)
    wide = {"max_order_notional": Decimal(10**6), "price_collar": Decimal("0.001")}
    assert verdict(deep, situation(), **wide) == "price_collar"
    ahead = waiting(kind, side, 6_000_000 + 20_000 * toward, lots=4_000)
    assert verdict(ahead, situation(), **wide) == "approved"
    assert verdict(deep, situation(protects=True), **wide) == "approved"


def test_stops_behind_the_position_neither_count_nor_are_held():
    """In any minute: not as orders, and not when they are moved; a breaker does not hold them."""
    limits = LIMITS._replace(max_orders_per_minute=1, max_order_notional=Decimal(10**6))
    at = situation(position=1_000, breaker="the breaker rejects has tripped")
    stop = waiting(OrderType.STOP, Side.SELL, 5_900_000)
    order = at.orders.pend(stop, T0, protects=True)
    order.state = OrderState.WORKING
    moved = Amending(None, None, 5_950_000, replaces=False, asked_ns=T0)
    at.orders.amend("w", moved)
    assert at.orders.decided_since(T0 - 1) == 0
    order.amending = None
    at.orders.pend(place(name="b"), T0)
    assert at.orders.decided_since(T0 - 1) == 1
    assert check_amend(order, moved, limits, at) is None


def test_what_lacks_is_not_in_the_way_of_the_stop_itself():
    """Also where other sales, should they fill, would leave less to protect than it has."""
    at = situation(
        place(Side.SELL, 600, 6_100_000, "b"), position=1_000, unprotected="0.01 BTC has no stop"
    )
    stop = waiting(OrderType.STOP, Side.SELL, 5_900_000)
    assert verdict(stop, at) == "protection"
    for more in ({}, {"breaker": "it has tripped"}, {"loss_atoms": 10**20}):
        held = at._replace(**more)
        assert verdict(stop, held, max_daily_loss=Decimal(1)) != "approved"
        held = held._replace(protects=True)
        assert verdict(stop, held, max_daily_loss=Decimal(1)) == "approved"
