from random import Random

import pytest
from desk import BTC, BTC_USDT, USDT, Desk
from msgspec.structs import replace

from steelyard.domain import layout
from steelyard.domain.commands import (
    FEES,
    WORLD,
    AdvanceTime,
    Amend,
    AssignFees,
    Cancel,
    CloseTransfer,
    ListInstrument,
    OpenTransfer,
    Place,
    PlaceGroup,
    SetFeeTier,
    SetFeeToken,
    SetMarketState,
    SetPrice,
)
from steelyard.domain.layout import (
    BalanceState,
    InstrumentState,
    NodeState,
    PendingTransfer,
    WaitingState,
)
from steelyard.domain.messages import FillsQuery, OrdersQuery
from steelyard.domain.order import (
    Direction,
    FeeAsset,
    GroupKind,
    MarketState,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.audit import DIFFERENCES_MAX, audit
from steelyard.exchange.exchange import Exchange

MIDDLE = 6_000_000  # ticks


def audited(desk, state=None):
    return audit(desk.exchange, desk.exchange.engine.snapshot() if state is None else state)


# -- right books ----------------------------------------------------------------------------------


def some_place(random: Random, account: int) -> Place:
    """Return an order of any type; many are refused, which is fine."""
    order_type = random.choice([*OrderType, OrderType.LIMIT, OrderType.LIMIT])
    near = MIDDLE + random.randrange(-30, 30)
    size = random.randrange(100, 100_000)
    times = [TimeInForce.IOC, TimeInForce.FOK] if order_type is OrderType.MARKET else [*TimeInForce]
    time = random.choice([times[0], times[0], *times])
    terms: dict[str, object] = {}
    if order_type.trails:
        terms = random.choice([{"trail_ticks": random.randrange(1, 40)}, {"trail_rate_e8": 9_000}])
        terms["activation_ticks"] = random.choice([None, MIDDLE + random.randrange(-60, 60)])
        terms["activation_direction"] = random.choice([None, *Direction])
    elif order_type.waits:
        terms["trigger_ticks"] = MIDDLE + random.randrange(-60, 60)
    if order_type.waits:
        terms["trigger_by"] = random.choice([*TriggerBy])
    if time is TimeInForce.GTD:
        terms["expire_ns"] = 1_700_000_000_000_000_000 + random.randrange(2_000) * 10**9
    if order_type.has_limit and time in (TimeInForce.GTC, TimeInForce.GTD):
        terms["post_only"] = random.random() < 0.2
        terms["slide"] = bool(terms["post_only"]) and random.random() < 0.5
        terms["display_lots"] = random.choice([None, None, 0, max(1, size // 3)])
    if order_type is OrderType.MARKET and random.random() < 0.4:
        size, terms["quote_atoms"] = 0, random.randrange(10**15, 10**17)
    return Place(
        account,
        0,
        random.choice([*Side]),
        order_type,
        time,
        terms.pop("post_only", False),
        near if order_type.has_limit else None,
        size,
        random.choice([*SelfTrade]),
        random.choice([*FeeAsset]),
        **terms,
    )


def some_group(random: Random, account: int) -> PlaceGroup:
    kind = random.choice([*GroupKind])
    first = some_place(random, account)
    if kind is GroupKind.BASKET:
        return PlaceGroup(kind, (first, some_place(random, account)))
    price, size = MIDDLE + random.randrange(-30, 30), random.randrange(500, 100_000)
    side = random.choice([*Side])
    entry = Place(account, 0, side, OrderType.LIMIT, TimeInForce.GTC, False, price, size)
    far = replace(entry, side=side.opposite, price_ticks=price + side * random.randrange(1, 40))
    trigger = price - side * random.randrange(1, 40)
    stop = replace(far, order_type=OrderType.STOP, price_ticks=None, trigger_ticks=trigger)
    match kind:
        case GroupKind.OCO:
            return PlaceGroup(kind, (far, stop))
        case GroupKind.OTO:
            return PlaceGroup(kind, (entry, random.choice([far, stop])))
        case _:
            return PlaceGroup(kind, (entry, far, stop))


def step(desk, random):
    exchange = desk.exchange
    account = random.choice([desk.alice, desk.bob])
    now_ns = desk.tick(random.choice([1, 1, 1, 60]))
    opened = exchange.history.orders(OrdersQuery(account, 10**6, open_only=True))
    some = random.choice(opened) if opened else None
    match random.randrange(14):
        case 0 | 1 | 2 | 3 | 4 | 5:
            exchange.perform(some_place(random, account), now_ns)
        case 6 | 7:
            exchange.perform(some_group(random, account), now_ns)
        case 8 if some:
            exchange.perform(Cancel(account, some.order_id), now_ns)
        case 9 if some:
            size = max(1, some.size_lots + random.randrange(-500, 200))
            exchange.perform(Amend(account, some.order_id, None, size), now_ns)
        case 10:
            amount = random.randrange(-(10**15), 10**15) or 1
            exchange.perform(OpenTransfer(account, random.choice([BTC, USDT]), amount), now_ns)
        case 11:
            number = random.randrange(1, 30)
            exchange.record(CloseTransfer(number, done=random.random() < 0.5), now_ns)
        case 12:
            state = random.choice([*MarketState, *[MarketState.OPEN] * 20])
            exchange.record(SetMarketState(0, state), now_ns)
            by = random.choice([TriggerBy.MARK, TriggerBy.INDEX])
            exchange.record(SetPrice(0, by, MIDDLE + random.randrange(-60, 60)), now_ns)
        case _:
            exchange.record(AdvanceTime(), now_ns)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_after_every_command_the_books_are_right(seed):
    """All types, groups, fees, transfers and states; also in an exchange restored from it."""
    desk, random = Desk(), Random(seed)
    desk.exchange.record(SetFeeTier(1, 0, 0, 20_000, 70_000), desk.tick())
    desk.exchange.record(SetFeeTier(1, 1, 10**9, -5_000, 40_000), desk.tick())
    desk.exchange.record(SetFeeToken(USDT, BTC, 2_000, 25_000_000), desk.tick())
    desk.exchange.record(AssignFees(desk.alice, 1), desk.tick())
    open_most = 0
    for number in range(300):
        step(desk, random)
        found = audited(desk)
        assert found.differences == [], f"after step {number}"
        open_most = max(open_most, found.open_orders)
    fills = desk.exchange.history.fills(FillsQuery(desk.alice, 10**6))
    orders = desk.exchange.history.orders(OrdersQuery(desk.alice, 10**6))
    assert open_most > 5
    assert len(fills) > 5
    assert any(order.triggered_ns for order in orders), (
        "a walk in which little happens shows little"
    )
    again = Exchange(ReferenceEngine(), None, desk.exchange.keys._seal)
    again.restore(desk.exchange.snapshot())
    assert audit(again, again.engine.snapshot()) == found


# -- books that are off ---------------------------------------------------------------------------


@pytest.fixture
def busy(desk):
    """A desk with an order that rests, one that waits, a withdrawal and a trade behind it."""
    desk.place(desk.alice, Side.SELL, "1", "60000")
    desk.place(desk.bob, Side.BUY, "0.5", "60000")
    desk.place(desk.bob, Side.BUY, "0.1", "50000")
    stop = Place(
        desk.alice, 0, Side.SELL, OrderType.STOP, TimeInForce.GTC, False, None, 1_000,
        trigger_ticks=5_000_000,
    )  # fmt: skip
    desk.exchange.perform(stop, desk.tick())
    desk.exchange.perform(OpenTransfer(desk.alice, USDT, -7 * 10**12), desk.tick())
    desk.exchange.perform(OpenTransfer(desk.alice, BTC, 10**12), desk.tick())
    return desk


def state_with(desk, kind, is_it, **changes):
    """Return the engine's snapshot with one record changed, or with None left out."""
    records, found = [], 0
    for record in layout.decode_all(desk.exchange.engine.snapshot()):
        if isinstance(record, kind) and is_it(record):
            found += 1
            if changes.get("gone"):
                continue
            record = replace(record, **changes)  # noqa: PLW2901
        records.append(layout.encode(record, 0))
    assert found == 1, "the test must change exactly one record"
    return b"".join(records)


def balance_of(account_id, asset_id):
    return lambda balance: (balance.account_id, balance.asset_id) == (account_id, asset_id)


def test_right_books_are_shown_by_asset(busy):
    found = audited(busy)
    assert found.differences == []
    assert (found.accounts, found.open_orders) == (2, 3)
    btc, usdt = found.assets
    assert (btc.total, usdt.total) == (0, 0)
    assert btc.free + btc.held + btc.house + btc.fees == -btc.world == 200 * 10**12
    assert (usdt.pending_withdrawals, btc.pending_deposits) == (7 * 10**12, 10**12)
    assert usdt.fees == 60 * 10**12


@pytest.mark.parametrize(
    ("kind", "is_it", "changes", "words"),
    [
        (BalanceState, balance_of(WORLD, BTC), {"free_atoms": 0}, "200 BTC too much over all acc"),
        (BalanceState, balance_of(100, BTC), {"free_atoms": -1}, "'alice' is overdrawn"),
        (
            BalanceState,
            balance_of(100, BTC),
            {"held_atoms": 0},
            "'alice' holds 0 BTC, but its open",
        ),
        (
            BalanceState,
            balance_of(FEES, USDT),
            {"free_atoms": 59 * 10**12, "held_atoms": 10**12},
            "the fees holds 1 USDT, and has no orders",
        ),
        (
            NodeState,
            lambda node: node.account_id == 101,
            {"remaining_lots": 9_999},
            "'bob' holds 5005 USDT, but its open orders and withdrawals need 5004.4995 USDT",
        ),
        (NodeState, lambda node: node.account_id == 101, {"gone": True}, "need 0 USDT"),
        (WaitingState, lambda _: True, {"size_lots": 999}, "'alice' holds 0.51 BTC, but"),
        (WaitingState, lambda _: True, {"trigger_ticks": 5}, None),
        (PendingTransfer, lambda t: t.amount_atoms < 0, {"gone": True}, "'alice' holds 7 USDT"),
        (
            PendingTransfer,
            lambda t: t.amount_atoms > 0,
            {"gone": True},
            "transfer 2 of 'alice' is shown as pending, but is over",
        ),
        (
            PendingTransfer,
            lambda t: t.amount_atoms > 0,
            {"transfer_id": 9},
            "transfer 9 of 'alice' is pending, but not shown",
        ),
        (
            InstrumentState,
            lambda _: True,
            {"next_trade_id": 9},
            "the last trade is 8 in the engine",
        ),
        (InstrumentState, lambda _: True, {"state": MarketState.HALTED}, "HALTED in the engine"),
    ],
)
def test_what_is_off_is_said_in_words(busy, kind, is_it, changes, words):
    found = audited(busy, state_with(busy, kind, is_it, **changes)).differences
    if words is None:
        assert found == []  # who is told a trigger is not told by the engine
    else:
        assert any(words in said for said in found), found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"price_ticks": 4_999_999}, "its price in ticks is 4999999 in the engine, and"),
        ({"side": Side.SELL}, "its side is SELL in the engine"),
        ({"order_id": 77}, "order 77 of 'bob' is open in the engine, but is not shown as open"),
        ({"gone": True}, "order 3 of 'bob' is shown as open, but is not in the engine"),
        ({"size_lots": 10_001}, "its size in lots is 10001 in the engine, and shown as 10000"),
    ],
)
def test_orders_that_clients_see_are_the_engines(busy, changes, words):
    state = state_with(busy, NodeState, lambda node: node.account_id == 101, **changes)
    assert any(words in said for said in audited(busy, state).differences)


def test_a_statement_that_ends_elsewhere_is_seen(busy):
    """Bob has an atom that no line of his statement has brought; Alice lacks it."""
    records = []
    for record in layout.decode_all(busy.exchange.engine.snapshot()):
        if isinstance(record, BalanceState) and record.asset_id == BTC and record.account_id >= 100:
            shift = 1 if record.account_id == 101 else -1
            record = replace(record, free_atoms=record.free_atoms + shift)  # noqa: PLW2901
        records.append(layout.encode(record, 0))
    said = audited(busy, b"".join(records)).differences
    assert [words.split(" ends in ")[0] for words in said] == [
        "the statement of 'alice'",
        "the statement of 'bob'",
    ]


def test_an_oco_holds_the_larger_once(desk):
    """The audit does not count it twice, and sees where the engine would."""
    target = Place(
        desk.alice, 0, Side.SELL, OrderType.LIMIT, TimeInForce.GTC, False, 6_100_000, 5_000
    )
    stop = replace(target, order_type=OrderType.STOP, price_ticks=None, trigger_ticks=5_000_000)
    desk.exchange.perform(PlaceGroup(GroupKind.OCO, (target, stop)), desk.tick())
    assert audited(desk).differences == []
    held = 2 * 5_000 * BTC_USDT.lot_atoms
    twice = state_with(
        desk, BalanceState, balance_of(desk.alice, BTC), held_atoms=held,
        free_atoms=100 * 10**12 - held,
    )  # fmt: skip
    assert audited(desk, twice).differences == [
        "'alice' holds 0.1 BTC, but its open orders and withdrawals need 0.05 BTC"
    ]


def test_differences_are_told_up_to_a_bound(desk):
    for n in range(DIFFERENCES_MAX + 5):
        desk.place(desk.alice, Side.BUY, "0.001", f"{50000 + n}")
    empty = Desk().exchange.engine.snapshot()
    assert len(audited(desk, empty).differences) == DIFFERENCES_MAX


def test_an_audit_changes_nothing(busy):
    busy.exchange.record(ListInstrument(BTC_USDT), busy.tick())
    before = busy.exchange.snapshot()
    audited(busy)
    assert busy.exchange.snapshot() == before
