"""The specification's own corners; what it does is in the tables."""

from itertools import islice
from random import Random

import msgspec
import pytest

from steelyard.domain import layout
from steelyard.domain.commands import (
    FIRST_USER,
    HOUSE,
    Amend,
    Deposit,
    ListInstrument,
    OpenAccount,
    Place,
    Rejected,
)
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import LEVEL_MAX_LOTS, LIMIT_MAX
from steelyard.domain.layout import BalanceState, CounterState, NodeState
from steelyard.domain.order import OrderType, RejectReason, SelfTrade, Side, TimeInForce
from steelyard.engine.choice import Kind, kinds, new_engine
from steelyard.engine.reference import ReferenceEngine
from tests.engine.workload import BTC, WIDE, Workload, instrument, opening

ALL = pytest.mark.parametrize("kind", kinds())


def lived(count: int = 300) -> ReferenceEngine:
    """Return an engine with something in it."""
    engine = ReferenceEngine()
    workload = Workload(Random(2))
    for now_ns, command in enumerate([*opening(), *islice(iter(workload.command, None), count)]):
        engine.apply(command, now_ns)
    assert engine.orders
    return engine


def records() -> list:
    """Return a snapshot's messages."""
    return list(layout.decode_all(lived().snapshot()))


def written(messages: list) -> bytes:
    return b"".join(layout.encode(message, 0) for message in messages)


@ALL
def test_a_level_that_cannot_be_summed_is_refused(kind: Kind):
    """512 orders of the largest size fill a price; one more is AMOUNT_TOO_LARGE."""
    engine = new_engine(kind=kind)
    market = instrument(
        0, 1, 2, lot_atoms=1, tick_lot_atoms=1, size_max_lots=LIMIT_MAX, notional_min_atoms=0
    )
    engine.apply(ListInstrument(market), 0)
    engine.apply(OpenAccount(FIRST_USER, 0, 0), 0)
    engine.apply(Deposit(FIRST_USER, 1, 10**20), 0)
    sell = Place(
        FIRST_USER,
        0,
        Side.SELL,
        OrderType.LIMIT,
        TimeInForce.GTC,
        post_only=False,
        price_ticks=5,
        size_lots=LIMIT_MAX,
    )
    assert LEVEL_MAX_LOTS // LIMIT_MAX == 512
    for _ in range(512):
        assert len(engine.apply(sell, 0)) == 2
    full = Rejected(513, FIRST_USER, RejectReason.AMOUNT_TOO_LARGE)
    assert engine.apply(sell, 0) == [full]
    assert engine.book(0, 1).asks == [(5, LEVEL_MAX_LOTS)]
    elsewhere = msgspec.structs.replace(sell, price_ticks=6)
    assert len(engine.apply(elsewhere, 0)) == 2
    moved = Amend(FIRST_USER, 514, 5, None)
    full = Rejected(514, FIRST_USER, RejectReason.AMOUNT_TOO_LARGE)
    assert engine.apply(moved, 0) == [full]


@ALL
def test_the_largest_amounts_are_exact(kind: Kind):
    """The largest order at the largest price pays the largest fee to the last atom."""
    engine = new_engine(kind=kind)
    market = instrument(
        0,
        1,
        2,
        lot_atoms=2**45,
        tick_lot_atoms=1,
        price_max_ticks=2**45,
        size_max_lots=LIMIT_MAX,
        notional_min_atoms=0,
    )
    assert market.is_sound
    engine.apply(ListInstrument(market), 0)
    notional = 2**98
    for account, asset, atoms in ((100, 2, notional * 2), (101, 1, LIMIT_MAX * 2**45)):
        engine.apply(OpenAccount(account, 33_333_333, 99_999_999), 0)
        engine.apply(Deposit(account, asset, atoms), 0)
    buy = Place(
        100,
        0,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        post_only=False,
        price_ticks=2**45,
        size_lots=LIMIT_MAX,
    )
    engine.apply(buy, 0)
    sell = msgspec.structs.replace(buy, account_id=101, side=Side.SELL)
    engine.apply(sell, 0)
    maker_fee = -(-notional * 33_333_333 // 10**8)
    taker_fee = -(-notional * 99_999_999 // 10**8)
    assert engine.balances(3)[2].free_atoms == maker_fee + taker_fee
    assert engine.balances(100)[2].free_atoms == notional - maker_fee
    assert not any(engine.totals().values())


@ALL
def test_what_is_asked_of_nothing(kind: Kind):
    """No market, no account and no depth have plain answers."""
    engine = new_engine(kind=kind)
    with pytest.raises(KeyError):
        engine.book(0, 5)
    assert engine.balances(100) == {}
    assert engine.totals() == {}
    for command in opening():
        engine.apply(command, 0)
    for depth in (0, -1):
        assert engine.book(WIDE, depth) == ([], [])


@ALL
def test_a_snapshot_is_taken_in_whole(kind: Kind):
    """It is the same state, queue by queue."""
    engine, restored = lived(), new_engine(kind=kind)
    restored.restore(engine.snapshot())
    assert restored.snapshot() == engine.snapshot()
    assert restored.state_hash() == engine.state_hash()


def change(kind: type, at: int = 0, **values):
    """Return a function that changes one record of a snapshot."""

    def changed(messages: list) -> list:
        places = [
            place
            for place, message in enumerate(messages)
            if isinstance(message, kind) and getattr(message, "order_id", 1) != 0
        ]
        place = places[at]
        messages[place] = msgspec.structs.replace(messages[place], **values)
        return messages

    return changed


def is_order(message) -> bool:
    return isinstance(message, NodeState) and message.order_id != 0


def double_an_order(messages: list) -> list:
    order = next(message for message in messages if is_order(message))
    return [*messages[:-1], order, messages[-1]]


def drop_an_order(messages: list) -> list:
    order = next(message for message in messages if is_order(message))
    return [message for message in messages if message is not order]


@pytest.mark.parametrize(
    "damage",
    [
        lambda messages: [],
        lambda messages: messages[:-1],
        lambda messages: [*messages, messages[-1]],
        lambda messages: messages[1:],
        lambda messages: [messages[0], *messages],
        lambda messages: [*messages[:-1], Deposit(100, BTC, 1), messages[-1]],
        double_an_order,
        drop_an_order,
        change(BalanceState, free_atoms=5),
        change(BalanceState, -1, held_atoms=-1),
        change(BalanceState, -1, free_atoms=-1),
        change(BalanceState, -1, account_id=1),
        change(NodeState, instrument_id=55),
        change(NodeState, price_ticks=0),
        change(NodeState, remaining_lots=0),
        change(NodeState, order_id=0),
        change(NodeState, account_id=55),
        change(NodeState, -1, priority=1),
        change(NodeState, maker_rate_e8=10**8 + 1),
        change(CounterState, next_order_id=1),
        change(CounterState, next_priority=1),
    ],
)
@ALL
def test_a_snapshot_that_is_no_state_is_refused(kind: Kind, damage):
    """Whatever is not a state that commands could have led to."""
    with pytest.raises(DecodeError):
        new_engine(kind=kind).restore(written(damage(records())))


@ALL
def test_house_behind_house_is_no_queue(kind: Kind):
    """Two house sizes in a row would be one."""
    engine = new_engine(kind=kind)
    messages = [message for message in records() if isinstance(message, ListInstrument)]
    node = NodeState(
        0, Side.BUY, 5, 1, 0, HOUSE, 0, 3, post_only=False, self_trade=SelfTrade.NONE,
        fee_asset=0, maker_rate_e8=0, taker_rate_e8=0,
    )  # fmt: skip
    counters = CounterState(1, 9)
    engine.restore(written([*messages, node, counters]))
    twice = [*messages, node, msgspec.structs.replace(node, priority=2), counters]
    with pytest.raises(DecodeError):
        new_engine(kind=kind).restore(written(twice))
    crossed = msgspec.structs.replace(node, side=Side.SELL, priority=2)
    with pytest.raises(DecodeError):
        new_engine(kind=kind).restore(written([*messages, node, crossed, counters]))


@ALL
def test_a_damaged_snapshot_is_refused_or_a_state(kind: Kind):
    """One wrong byte anywhere never raises anything but DecodeError."""
    snapshot = lived(120).snapshot()
    random = Random(4)
    refused = 0
    for _ in range(400):
        damaged = bytearray(snapshot)
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
        engine = new_engine(kind=kind)
        try:
            engine.restore(bytes(damaged))
        except DecodeError:
            refused += 1
            continue
        assert not any(engine.totals().values())
    assert refused > 200
