"""The specification's own corners; what it does is in the tables."""

from collections import Counter
from itertools import islice
from random import Random

import msgspec
import pytest

from steelyard.domain import layout
from steelyard.domain.commands import (
    FEES,
    FIRST_USER,
    HOUSE,
    Accepted,
    Amend,
    Deposit,
    HouseLevel,
    ListInstrument,
    OpenAccount,
    Place,
    Rejected,
    SetPrice,
)
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import LEVEL_MAX_LOTS, LIMIT_MAX
from steelyard.domain.layout import (
    AccountState,
    BalanceState,
    CounterState,
    FeeTierState,
    FeeTokenState,
    GroupState,
    InstrumentState,
    NodeState,
    PendingTransfer,
    TermsState,
    VolumeState,
    WaitingState,
)
from steelyard.domain.order import (
    Direction,
    FeeAsset,
    GroupKind,
    MarketState,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.engine.choice import Kind, kinds, new_engine
from steelyard.engine.reference import ReferenceEngine
from tests.engine.workload import ACCOUNTS, BTC, WIDE, instrument, life, opening

ALL = pytest.mark.parametrize("kind", kinds())


def lived(count: int = 255) -> ReferenceEngine:
    """Return an engine with something in it."""
    engine = ReferenceEngine()
    for command, now_ns in islice(life(Random(71)), count):
        engine.apply(command, now_ns)
    assert engine.state.orders
    return engine


def test_what_is_counted_is_what_a_walk_finds():
    """The orders of an account in a market and the sums of a level, after a restart too."""
    engine = ReferenceEngine()
    for number, (command, now_ns) in enumerate(islice(life(Random(5)), 3_000)):
        engine.apply(command, now_ns)
        if number % 500 == 499:
            snapshot, engine = engine.snapshot(), ReferenceEngine()
            engine.restore(snapshot)
        for market_id, market in engine.state.markets.items():
            own = [it for it in engine.state.orders.values() if it.instrument_id == market_id]
            waiting = [it for it in own if it.order_type.waits]
            assert +market.open_counts == Counter(it.account_id for it in own)
            assert +market.trigger_counts == Counter(it.account_id for it in waiting)
            for level in (*market.book.bids.levels.values(), *market.book.asks.levels.values()):
                assert level.total_lots == sum(it.remaining_lots for it in level)
                assert level.visible_lots == sum(it.visible_lots for it in level)


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
    with pytest.raises(KeyError):
        engine.rates(100, 0)
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


def change(kind: type, at: int = 0, /, **values):
    """Return a function that changes one record of a snapshot."""
    wanted = values.pop("of", lambda record: True)

    def changed(messages: list) -> list:
        places = [
            place
            for place, message in enumerate(messages)
            if isinstance(message, kind) and wanted(message)
        ]
        place = places[at]
        new = {
            name: value(getattr(messages[place], name)) if callable(value) else value
            for name, value in values.items()
        }
        assert msgspec.structs.replace(messages[place], **new) != messages[place]
        messages[place] = msgspec.structs.replace(messages[place], **new)
        return messages

    return changed


def drop(kind: type, of=lambda record: True):
    """Return a function that leaves one record out."""

    def dropped(messages: list) -> list:
        found = next(message for message in messages if isinstance(message, kind) and of(message))
        return [message for message in messages if message is not found]

    return dropped


def share_a_time(messages: list) -> list:
    """Let a waiting order have the priority of a resting one."""
    node = next(message for message in messages if isinstance(message, NodeState))
    return change(WaitingState, priority=node.priority, of=waits)(messages)


def pay_in_quote(messages: list) -> list:
    """Let fees in a quote asset be paid in that asset."""
    token = next(message for message in messages if isinstance(message, FeeTokenState))
    return change(FeeTokenState, quote_asset_id=token.token_asset_id)(messages)


def is_order(record) -> bool:
    return record.order_id != 0


def is_child(record) -> bool:
    return record.is_child


def waits(record) -> bool:
    return not record.is_child


def is_limited(record) -> bool:
    return waits(record) and record.price_ticks is not None


def trails(record) -> bool:
    return waits(record) and record.order_type.trails


def is_triggered(record) -> bool:
    return waits(record) and record.trigger_ticks is not None


def double(kind: type):
    """Return a function that tells something twice."""

    def doubled(messages: list) -> list:
        at, record = next(it for it in enumerate(messages) if isinstance(it[1], kind))
        return [*messages[:at], record, *messages[at:]]

    return doubled


def cross(messages: list) -> list:
    """Let the house sell below the best bid."""
    bid = next(m for m in messages if isinstance(m, NodeState) and m.side is Side.BUY)
    place = max(at for at, m in enumerate(messages) if isinstance(m, NodeState)) + 1
    counters = messages[-1]
    ask = NodeState(
        bid.instrument_id,
        Side.SELL,
        bid.price_ticks,
        counters.next_priority,
        0,
        HOUSE,
        0,
        3,
        False,
        SelfTrade.NONE,
        FeeAsset.QUOTE,
        0,
        0,
    )
    behind = msgspec.structs.replace(counters, next_priority=counters.next_priority + 1)
    return [*messages[:place], ask, *messages[place:-1], behind]


DAMAGES = {
    "nothing": lambda messages: [],
    "no counters": lambda messages: messages[:-1],
    "counters twice": lambda messages: [*messages, messages[-1]],
    "no first listing": lambda messages: messages[1:],
    "a listing twice": double(ListInstrument),
    "a command": lambda messages: [*messages[:-1], Deposit(100, BTC, 1), messages[-1]],
    "an order twice": double(NodeState),
    "an order gone": drop(NodeState, is_order),
    "a balance that does not sum up": change(BalanceState, free_atoms=5),
    "a hold below zero": change(BalanceState, -1, held_atoms=-1),
    "a balance below zero": change(BalanceState, -1, free_atoms=-1),
    "a balance of somebody else": change(BalanceState, -1, account_id=1),
    "a node in no market": change(NodeState, instrument_id=55),
    "a node without a price": change(NodeState, price_ticks=0),
    "a node without a size": change(NodeState, remaining_lots=0),
    "a house node with an owner": change(NodeState, order_id=0, of=is_order),
    "a node of nobody": change(NodeState, account_id=55, of=is_order),
    "a node ahead of its time": change(NodeState, -1, priority=1),
    "a node that pays too much": change(NodeState, maker_rate_e8=10**8 + 1, of=is_order),
    "a taker with a rebate": change(NodeState, taker_rate_e8=-1, of=is_order),
    "a node larger than its order": change(NodeState, size_lots=1, of=is_order),
    "numbers to be given again": change(CounterState, next_order_id=1),
    "times to be given again": change(CounterState, next_priority=1),
    "transfers to be given again": change(CounterState, next_transfer_id=1),
    "a market without a trade number": change(InstrumentState, next_trade_id=0),
    "a market gone": drop(InstrumentState),
    "a price out of range": change(InstrumentState, mark_ticks=10_001),
    "a crossed book": cross,
    "a tier gone": drop(FeeTierState),
    "a tier that does not rise": change(FeeTierState, 1, volume_micros=0),
    "a tier with a taker's rebate": change(FeeTierState, taker_rate_e8=-1),
    "a token that is its quote": pay_in_quote,
    "a token without a rate": change(FeeTokenState, rate_e8=0),
    "an account with an unknown schedule": change(AccountState, schedule_id=55),
    "an account of the venue": change(AccountState, account_id=FEES),
    "a volume of nobody": change(VolumeState, account_id=55),
    "a volume without a schedule": change(VolumeState, -1, account_id=ACCOUNTS[2]),
    "a volume of nothing": change(VolumeState, volume_micros=0),
    "a volume beyond its range": change(VolumeState, volume_micros=2**120 + 1),
    "a transfer of nothing": change(PendingTransfer, amount_atoms=0),
    "a transfer of nobody": change(PendingTransfer, account_id=55),
    "a transfer in the other direction": change(
        PendingTransfer, amount_atoms=lambda amount_atoms: -amount_atoms
    ),
    "terms of nothing": change(TermsState, order_id=10**6),
    "terms that are none": change(
        TermsState, display_lots=None, shown_lots=0, expire_ns=None, group_id=0, slide=False
    ),
    "terms that show too much": change(TermsState, display_lots=2, shown_lots=3),
    "terms of a hidden order that is shown": change(TermsState, display_lots=0, shown_lots=1),
    "terms of another group": change(TermsState, group_id=10**6),
    "one waits in no market": change(WaitingState, instrument_id=55),
    "one waits for nobody": change(WaitingState, account_id=55),
    "one waits without a size": change(WaitingState, size_lots=0, of=waits),
    "one waits with a field too many": change(WaitingState, trail_ticks=5, of=is_triggered),
    "one waits with a direction too many": change(
        WaitingState, activation_direction=Direction.RISE, of=is_triggered
    ),
    "one waits without its trigger": change(WaitingState, trigger_ticks=None, of=is_triggered),
    "one waits at no price": change(WaitingState, trigger_ticks=10_001, of=is_triggered),
    "one waits with another hold": change(
        WaitingState, price_ticks=lambda price: price - 1, of=is_limited
    ),
    "one waits without its time": change(WaitingState, priority=0, of=waits),
    "one waits at another's time": share_a_time,
    "one waits as a limit order": change(WaitingState, order_type=OrderType.LIMIT, of=waits),
    "one follows a price that is none": change(WaitingState, best_ticks=10**7, of=trails),
    "a child that has a time": change(WaitingState, priority=10**6, of=is_child),
    "a child that follows a price": change(WaitingState, best_ticks=5, of=is_child),
    "a child that is none": change(WaitingState, is_child=False, of=is_child),
    "a child of nobody": change(WaitingState, group_id=0, of=is_child),
    "a group gone": drop(GroupState),
    "a group of others": change(GroupState, first_order_id=10**6),
    "a group of another number": change(GroupState, group_id=lambda number: number + 5),
    "a group with one too few": change(GroupState, second_order_id=0),
    "a basket": change(GroupState, kind=GroupKind.BASKET),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@ALL
def test_a_snapshot_that_is_no_state_is_refused(kind: Kind, damage: str):
    """Whatever is not a state that commands could have led to."""
    with pytest.raises(DecodeError):
        new_engine(kind=kind).restore(written(DAMAGES[damage](records())))


@ALL
def test_an_order_that_should_have_heard_is_refused(kind: Kind):
    """In an open market no order waits for a price that is there."""
    engine = ReferenceEngine()
    for command in opening():
        engine.apply(command, 0)
    stop = Place(
        102,
        0,
        Side.BUY,
        OrderType.STOP,
        TimeInForce.GTC,
        post_only=False,
        price_ticks=None,
        size_lots=5,
        trigger_by=TriggerBy.MARK,
        trigger_ticks=1_010,
    )
    trail = msgspec.structs.replace(
        stop, order_type=OrderType.TRAILING_STOP, trigger_ticks=None, trail_ticks=10
    )
    engine.apply(SetPrice(0, TriggerBy.MARK, 1_000), 0)
    for order in (stop, trail):
        assert isinstance(engine.apply(order, 0)[0], Accepted)
    told = list(layout.decode_all(engine.snapshot()))
    new_engine(kind=kind).restore(written(told))
    for mark_ticks in (1_010, 999):
        changed = change(InstrumentState, mark_ticks=mark_ticks)(list(told))
        with pytest.raises(DecodeError):
            new_engine(kind=kind).restore(written(changed))
    closed = change(InstrumentState, mark_ticks=1_010, state=MarketState.HALTED)(list(told))
    new_engine(kind=kind).restore(written(closed))


@pytest.mark.parametrize(
    ("side", "direction", "sign"),
    [
        (Side.SELL, None, 1),
        (Side.SELL, Direction.RISE, 1),
        (Side.SELL, Direction.FALL, -1),
        (Side.BUY, None, -1),
        (Side.BUY, Direction.FALL, -1),
        (Side.BUY, Direction.RISE, 1),
    ],
)
@ALL
def test_a_trailing_stop_that_should_follow_is_refused(
    kind: Kind, side: Side, direction: Direction | None, sign: int
):
    """In an open market none waits for an activation that is there, from either side."""
    engine = ReferenceEngine()
    for command in opening():
        engine.apply(command, 0)
    activation_ticks = 1_000 + 10 * sign
    trail = Place(
        102,
        0,
        side,
        OrderType.TRAILING_STOP_LIMIT,
        TimeInForce.GTC,
        post_only=False,
        price_ticks=1_000,
        size_lots=5,
        trigger_by=TriggerBy.MARK,
        trail_ticks=5,
        activation_ticks=activation_ticks,
        activation_direction=direction,
    )
    engine.apply(SetPrice(0, TriggerBy.MARK, 1_000), 0)
    assert isinstance(engine.apply(trail, 0)[0], Accepted)
    told = list(layout.decode_all(engine.snapshot()))
    for mark_ticks in (activation_ticks - sign, activation_ticks - 20 * sign):
        near = change(InstrumentState, mark_ticks=mark_ticks)(list(told))
        new_engine(kind=kind).restore(written(near))
    for mark_ticks in (activation_ticks, activation_ticks + sign):
        there = change(InstrumentState, mark_ticks=mark_ticks)(list(told))
        with pytest.raises(DecodeError):
            new_engine(kind=kind).restore(written(there))
        follows = change(WaitingState, best_ticks=mark_ticks)(there)
        new_engine(kind=kind).restore(written(follows))


@ALL
def test_house_behind_house_is_no_queue(kind: Kind):
    """Two house sizes in a row would be one."""
    engine = ReferenceEngine()
    for command in opening():
        engine.apply(command, 0)
    engine.apply(HouseLevel(0, Side.BUY, 5, 3), 0)
    told = list(layout.decode_all(engine.snapshot()))
    new_engine(kind=kind).restore(written(told))
    (node,) = (record for record in told if isinstance(record, NodeState))
    at = told.index(node) + 1
    again = msgspec.structs.replace(node, priority=node.priority + 1)
    counters = msgspec.structs.replace(told[-1], next_priority=node.priority + 2)
    with pytest.raises(DecodeError):
        new_engine(kind=kind).restore(written([*told[:at], again, *told[at:-1], counters]))
    elsewhere = msgspec.structs.replace(again, price_ticks=6)
    new_engine(kind=kind).restore(written([*told[:at], elsewhere, *told[at:-1], counters]))


@ALL
def test_a_damaged_snapshot_is_refused_or_a_state(kind: Kind):
    """One wrong byte anywhere never raises anything but DecodeError."""
    snapshot = lived(200).snapshot()
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
