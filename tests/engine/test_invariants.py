"""What holds whatever happens, seen from outside: from a snapshot, and from effects.

A machine sends the commands of the workload and others that Hypothesis invents around few prices
and sizes, and looks after each at all that must be true of a state and of what was told.
"""

from collections import defaultdict
from itertools import pairwise
from random import Random
from typing import NamedTuple

import pytest
from examples import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from msgspec.structs import replace

from steelyard.domain import layout
from steelyard.domain.commands import (
    Accepted,
    AdvanceTime,
    Amend,
    Amended,
    Cancel,
    Canceled,
    Command,
    Filled,
    HouseLevel,
    HouseTrade,
    Place,
    PlaceGroup,
    Rejected,
    SetMarketState,
    SetPrice,
    Traded,
    Triggered,
)
from steelyard.domain.layout import (
    BalanceState,
    GroupState,
    InstrumentState,
    NodeState,
    PendingTransfer,
    TermsState,
    WaitingState,
)
from steelyard.domain.order import (
    Direction,
    FeeAsset,
    GroupKind,
    Liquidity,
    MarketState,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.engine.choice import Kind, kinds, new_engine
from tests.engine.workload import ACCOUNTS, MARKETS, START_NS, Workload, opening

MARKET = MARKETS[0].instrument_id
INSTRUMENTS = {market.instrument_id: market for market in MARKETS}
PRICES = st.integers(998, 1_002)
SIZES = st.integers(2, 12)
SIDES = st.sampled_from(Side)
USERS = st.sampled_from(ACCOUNTS)
AHEAD_NS = st.sampled_from([1, 3, 10, 50])


@st.composite
def orders(draw) -> Place:
    """Return an order that may be accepted, around few prices."""
    order_type = draw(st.sampled_from([OrderType.LIMIT, *OrderType]))
    has_limit = order_type.has_limit
    waits_or_rests = order_type.waits or draw(st.booleans())
    rests = has_limit and waits_or_rests
    time_in_force = draw(
        st.sampled_from([TimeInForce.GTC, TimeInForce.GTD])
        if rests or (order_type.waits and not has_limit)
        else st.sampled_from([TimeInForce.IOC, TimeInForce.FOK])
    )
    size = draw(SIZES)
    post_only = rests and draw(st.booleans())
    trails = order_type.trails
    return Place(
        draw(USERS),
        MARKET,
        draw(SIDES),
        order_type,
        time_in_force,
        post_only=post_only,
        price_ticks=draw(PRICES) if has_limit else None,
        size_lots=size,
        self_trade=draw(st.sampled_from(SelfTrade)),
        fee_asset=draw(st.sampled_from(FeeAsset)),
        slide=post_only and draw(st.booleans()),
        display_lots=draw(st.sampled_from([None, 0, 2, size])) if rests else None,
        trigger_by=draw(st.sampled_from(TriggerBy)) if order_type.waits else TriggerBy.LAST,
        trigger_ticks=draw(PRICES) if order_type.waits and not trails else None,
        trail_ticks=draw(st.integers(1, 3)) if trails else None,
        activation_ticks=draw(st.none() | PRICES) if trails else None,
        expire_ns=draw(AHEAD_NS) if time_in_force is TimeInForce.GTD else None,
        activation_direction=draw(st.sampled_from([None, *Direction])) if trails else None,
    )


class Standing(NamedTuple):
    """A user's order at rest, before a command."""

    order_id: int
    price_ticks: int
    is_shown: bool


class Engine(RuleBasedStateMachine):
    """One engine under all kinds of commands, and what an outsider knows of its orders."""

    kind: Kind = "reference"

    @initialize(seed=st.integers(0, 10**6))
    def open(self, seed: int) -> None:
        """Make a funded exchange."""
        self.engine = new_engine(kind=self.kind)
        self.workload = Workload(Random(seed))
        self.now_ns = START_NS
        self.next_order_id = 1
        self.size: dict[int, int] = {}  # of accepted orders that have one
        self.filled: dict[int, int] = defaultdict(int)
        self.account: dict[int, int] = {}
        self.over: set[int] = set()
        self.ocos: list[tuple[int, int]] = []
        for command in opening():
            self.send(command)

    # -- commands ---------------------------------------------------------------------------

    @rule(order=orders())
    def place(self, order: Place) -> None:
        """Place an order."""
        self.send(self.dated(order))

    @rule(side=SIDES, size=st.integers(4, 40), account_id=USERS)
    def sweep(self, side: Side, size: int, account_id: int) -> None:
        """Take through many levels."""
        price = 1_000 + 5 * side
        kind = OrderType.LIMIT, TimeInForce.IOC
        self.send(
            Place(
                account_id,
                MARKET,
                side,
                *kind,
                post_only=False,
                price_ticks=price,
                size_lots=size,
                self_trade=SelfTrade.NONE,
            )
        )

    @rule(account_id=USERS, side=SIDES, price=PRICES, display=st.sampled_from([None, 0, 2]))
    def rest(self, account_id: int, side: Side, price: int, display: int | None) -> None:
        """Let an order of each kind come to rest: plain, hidden, an iceberg."""
        kind = OrderType.LIMIT, TimeInForce.GTC
        self.send(
            Place(
                account_id,
                MARKET,
                side,
                *kind,
                post_only=True,
                slide=True,
                price_ticks=price,
                size_lots=5,
                display_lots=display,
            )
        )

    @rule(account_id=USERS, side=SIDES, price=PRICES, apart=st.integers(0, 2), waits=st.booleans())
    def rest_oco(self, account_id: int, side: Side, price: int, apart: int, *, waits: bool) -> None:
        """Let both orders of an OCO come to rest, or one of them wait."""
        kind = OrderType.LIMIT, TimeInForce.GTC
        one = Place(
            account_id,
            MARKET,
            side,
            *kind,
            post_only=True,
            slide=True,
            price_ticks=price,
            size_lots=4,
        )
        other = replace(one, price_ticks=price - apart * side)
        if waits:
            other = replace(
                other,
                order_type=OrderType.STOP,
                post_only=False,
                slide=False,
                price_ticks=None,
                trigger_by=TriggerBy.MARK,
                trigger_ticks=price + apart * side,
            )
        self.send(PlaceGroup(GroupKind.OCO, (one, other)))

    @rule(kind=st.sampled_from(GroupKind), given=st.lists(orders(), min_size=2, max_size=3))
    def place_group(self, kind: GroupKind, given: list[Place]) -> None:
        """Place orders that hang together, made to fit each other where they must."""
        first = given[0]
        side = first.side.opposite if kind is GroupKind.BRACKET else first.side
        places = [replace(self.dated(it), account_id=first.account_id) for it in given]
        if kind in {GroupKind.OCO, GroupKind.BRACKET}:
            start = 0 if kind is GroupKind.OCO else 1
            places[start:] = [
                replace(it, side=side, size_lots=first.size_lots, display_lots=None)
                for it in places[start:]
            ]
        self.send(PlaceGroup(kind, tuple(places[: 3 if kind is GroupKind.BRACKET else 2])))

    @rule(
        back=st.integers(0, 12),
        price=st.none() | PRICES,
        size=st.none() | st.integers(1, 14),
        trigger=st.none() | PRICES,
    )
    def amend(self, back: int, price: int | None, size: int | None, trigger: int | None) -> None:
        """Amend one of the last orders."""
        order_id = max(1, self.next_order_id - 1 - back)
        self.send(Amend(self.account.get(order_id, ACCOUNTS[0]), order_id, price, size, trigger))

    @rule(back=st.integers(0, 12))
    def cancel(self, back: int) -> None:
        """Cancel one of the last orders."""
        order_id = max(1, self.next_order_id - 1 - back)
        self.send(Cancel(self.account.get(order_id, ACCOUNTS[0]), order_id))

    @rule(side=SIDES, price=PRICES, size=st.sampled_from([0, 1, 5, 30]), is_trade=st.booleans())
    def house(self, side: Side, price: int, size: int, is_trade: bool) -> None:
        """Let the house stand or trade."""
        self.send((HouseTrade if is_trade else HouseLevel)(MARKET, side, price, size))

    @rule(by=st.sampled_from([TriggerBy.MARK, TriggerBy.INDEX]), price=PRICES)
    def tell(self, by: TriggerBy, price: int) -> None:
        """Tell a price."""
        self.send(SetPrice(MARKET, by, price))

    @rule(state=st.sampled_from([*[MarketState.OPEN] * 12, *MarketState]))
    def set_state(self, state: MarketState) -> None:
        """Open or restrict the market."""
        self.send(SetMarketState(MARKET, state))

    @rule(later=AHEAD_NS)
    def wait(self, later: int) -> None:
        """Let time pass."""
        self.now_ns += later
        self.send(AdvanceTime())

    @precondition(lambda self: self.next_order_id < 200)
    @rule(count=st.integers(1, 20))
    def live(self, count: int) -> None:
        """Let the workload send some of its commands."""
        for _ in range(count):
            self.workload.orders = self.next_order_id - 1
            self.workload.now_ns = max(self.workload.now_ns, self.now_ns)
            command = self.workload.command()
            self.now_ns = self.workload.now_ns
            self.send(command)

    def dated(self, order: Place) -> Place:
        """Return an order whose expiry is that far ahead of now."""
        is_dated = order.expire_ns is not None
        return replace(order, expire_ns=self.now_ns + order.expire_ns) if is_dated else order

    # -- what was told ----------------------------------------------------------------------

    def send(self, command: Command) -> None:
        """Carry out a command and check its effects."""
        before = self.best_first()
        effects = self.engine.apply(command, self.now_ns)
        places: tuple[Place, ...] = ()
        if isinstance(command, Place | PlaceGroup):
            places = command.places if isinstance(command, PlaceGroup) else (command,)
        numbers = range(self.next_order_id, self.next_order_id + len(places))
        self.next_order_id += len(places)
        told = {it.order_id for it in effects if isinstance(it, Accepted | Rejected)}
        assert set(numbers) <= told, "each order is accepted or refused"
        is_accepted = bool(places) and any(isinstance(it, Accepted) for it in effects)
        if is_accepted:
            for number, place in zip(numbers, places, strict=True):
                self.account[number] = place.account_id
                if place.quote_atoms is None:
                    self.size[number] = place.size_lots
        if is_accepted and isinstance(command, PlaceGroup):
            if command.kind is GroupKind.OCO:
                self.ocos.append((numbers[0], numbers[1]))
            elif command.kind is GroupKind.BRACKET:
                self.ocos.append((numbers[1], numbers[2]))
        resting = {it.order_id for standing in before.values() for it in standing}
        self.check_fills(effects, resting)
        self.check_priority(before, effects)
        assert not any(self.engine.totals().values()), "an asset does not sum to zero"

    def check_fills(self, effects, resting: set[int]) -> None:
        """No order fills beyond its size or once it is over; of an OCO one is left and fills."""
        for effect in effects:
            match effect:
                case Amended():
                    is_larger = effect.size_lots > self.size[effect.order_id]
                    was_resting = effect.order_id in resting
                    assert not (effect.kept_priority and is_larger and was_resting)
                    self.size[effect.order_id] = effect.size_lots
                case Filled():
                    assert effect.order_id not in self.over
                    self.filled[effect.order_id] += effect.size_lots
                    if effect.order_id in self.size:
                        left = self.size[effect.order_id] - self.filled[effect.order_id]
                        assert left == effect.remaining_lots >= 0, "more filled than was ordered"
                        if left == 0:
                            self.over.add(effect.order_id)
                    assert effect.liquidity is not Liquidity.TAKER or effect.fee_atoms >= 0
                case Canceled():
                    assert effect.order_id not in self.over
                    self.over.add(effect.order_id)
        triggered = {effect.order_id for effect in effects if isinstance(effect, Triggered)}
        for first, second in self.ocos:
            assert first not in triggered or second in self.over
            assert second not in triggered or first in self.over
            assert not (self.filled[first] and self.filled[second]), "both of an OCO have filled"

    def check_priority(self, before, effects) -> None:
        """A sweep meets better prices first, and at a price who stood there in their order."""
        trades = [effect for effect in effects if isinstance(effect, Traded)]
        first = trades[0] if trades else None
        if first is None or not first.maker_order_id or not first.taker_order_id:
            return
        of_first = [trade for trade in trades if trade.taker_order_id == first.taker_order_id]
        for one, next_ in pairwise(of_first):
            assert one.price_ticks * one.taker_side <= next_.price_ticks * one.taker_side
        gone = {effect.order_id for effect in effects if isinstance(effect, Canceled)}
        standing = [
            it
            for it in before.get((first.instrument_id, first.taker_side.opposite), ())
            if it.order_id not in gone
        ]
        numbers = [it.order_id for it in standing]
        met = [trade.maker_order_id for trade in of_first]
        known = [number for number in dict.fromkeys(met) if number in numbers]
        assert known == numbers[: len(known)], "somebody was passed over"
        for at, number in enumerate(met):
            if number in met[:at] and number in numbers:
                beside = {
                    it.order_id
                    for it in standing
                    if it.price_ticks == of_first[at].price_ticks and it.is_shown
                }
                assert beside <= set(met[:at]), "an iceberg came again before its turn"

    # -- what is ----------------------------------------------------------------------------

    def records(self) -> list:
        """Return the state as records."""
        return list(layout.decode_all(self.engine.snapshot()))

    def best_first(self) -> dict[tuple[int, Side], list[Standing]]:
        """Return the users' orders of each side in the order in which a sweep meets them."""
        records = self.records()
        hidden = {
            it.order_id for it in records if isinstance(it, TermsState) and it.display_lots == 0
        }
        sides: dict[tuple[int, Side], list[NodeState]] = defaultdict(list)
        for it in records:
            if isinstance(it, NodeState) and it.order_id:
                sides[it.instrument_id, it.side].append(it)

        def turn(it: NodeState) -> tuple[int, bool, int]:
            return -it.price_ticks * it.side, it.order_id in hidden, it.priority

        return {
            key: [
                Standing(it.order_id, it.price_ticks, it.order_id not in hidden)
                for it in sorted(nodes, key=turn)
            ]
            for key, nodes in sides.items()
        }

    @invariant()
    def an_open_book_is_not_crossed(self) -> None:
        """The best bid is below the best ask, hidden orders too."""
        best: dict[tuple[int, Side], int] = {}
        for it in self.records():
            if isinstance(it, NodeState):
                key = (it.instrument_id, it.side)
                best[key] = max(best.get(key, -(2**63)), it.price_ticks * it.side)
        for instrument_id in INSTRUMENTS:
            bid, ask = best.get((instrument_id, Side.BUY)), best.get((instrument_id, Side.SELL))
            assert bid is None or ask is None or bid < -ask

    @invariant()
    def the_book_shows_what_is_shown(self) -> None:
        """A level is the sum of its slices; an iceberg shows at most what it said, hidden none."""
        records = self.records()
        terms = {it.order_id: it for it in records if isinstance(it, TermsState)}
        levels: dict[tuple[int, Side], dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for it in records:
            if not isinstance(it, NodeState):
                continue
            its = terms.get(it.order_id)
            shown = it.remaining_lots
            if its is not None and its.display_lots is not None:
                shown = its.shown_lots
                assert shown <= its.display_lots
                assert shown <= it.remaining_lots
            if shown:
                levels[it.instrument_id, it.side][it.price_ticks] += shown
        for instrument_id in INSTRUMENTS:
            book = self.engine.book(instrument_id, 1_000)
            for side, told in ((Side.BUY, book.bids), (Side.SELL, book.asks)):
                expected = sorted(levels[instrument_id, side].items(), key=lambda it: -it[0] * side)
                assert told == expected

    @invariant()
    def holds_are_open_exposure(self) -> None:
        """What is held is what open orders and withdrawals need, and no free is below zero."""
        records = self.records()
        terms = {it.order_id: it.group_id for it in records if isinstance(it, TermsState)}
        ocos = {
            it.group_id for it in records if isinstance(it, GroupState) and it.kind is GroupKind.OCO
        }
        needed: dict[tuple[int, int], int] = defaultdict(int)
        larger: dict[tuple[int, int, int], int] = defaultdict(int)
        for it in records:
            if isinstance(it, PendingTransfer) and it.amount_atoms < 0:
                needed[it.account_id, it.asset_id] -= it.amount_atoms
            is_resting = isinstance(it, NodeState) and it.order_id
            if not is_resting and not (isinstance(it, WaitingState) and not it.is_child):
                continue
            asset_id, atoms = exposure(it)
            group_id = terms.get(it.order_id, 0) if is_resting else it.group_id
            if group_id in ocos:
                key = (it.account_id, asset_id, group_id)
                larger[key] = max(larger[key], atoms)
            else:
                needed[it.account_id, asset_id] += atoms
        for (account_id, asset_id, _), atoms in larger.items():
            needed[account_id, asset_id] += atoms
        held = {
            (it.account_id, it.asset_id): it.held_atoms
            for it in records
            if isinstance(it, BalanceState)
        }
        assert {key: it for key, it in needed.items() if it} == {
            key: it for key, it in held.items() if it
        }
        assert all(
            it.free_atoms >= 0
            for it in records
            if isinstance(it, BalanceState) and it.account_id in ACCOUNTS
        )

    @invariant()
    def nothing_outlives_its_time(self) -> None:
        """What has expired is nowhere."""
        for it in self.records():
            if isinstance(it, TermsState | WaitingState) and it.expire_ns is not None:
                assert it.expire_ns > self.now_ns

    @invariant()
    def who_waits_has_not_heard(self) -> None:
        """In an open market no order waits for a price that is there."""
        records = self.records()
        markets = {it.instrument_id: it for it in records if isinstance(it, InstrumentState)}
        for it in records:
            if not isinstance(it, WaitingState) or it.is_child or it.trigger_ticks is None:
                continue
            market = markets[it.instrument_id]
            price = (market.last_ticks, market.mark_ticks, market.index_ticks)[it.trigger_by - 1]
            if market.state is MarketState.OPEN and price:
                is_stop = it.order_type in {OrderType.STOP, OrderType.STOP_LIMIT}
                rises = is_stop == (it.side is Side.BUY)
                assert price < it.trigger_ticks if rises else price > it.trigger_ticks

    @invariant()
    def who_does_not_follow_yet_waits_for_its_activation(self) -> None:
        """In an open market a trailing stop follows as soon as a price is where it begins."""
        records = self.records()
        markets = {it.instrument_id: it for it in records if isinstance(it, InstrumentState)}
        for it in records:
            if not isinstance(it, WaitingState) or it.is_child or not it.order_type.trails:
                continue
            market = markets[it.instrument_id]
            price = (market.last_ticks, market.mark_ticks, market.index_ticks)[it.trigger_by - 1]
            if market.state is not MarketState.OPEN or not price or it.best_ticks:
                continue
            usual = {Side.SELL: Direction.RISE, Side.BUY: Direction.FALL}[it.side]
            rises = (it.activation_direction or usual) is Direction.RISE
            assert it.activation_ticks is not None
            assert price < it.activation_ticks if rises else price > it.activation_ticks

    @invariant()
    def a_snapshot_is_the_state(self) -> None:
        """Another engine takes it in and is the same."""
        restored = new_engine(kind=self.kind)
        restored.restore(self.engine.snapshot())
        assert restored.state_hash() == self.engine.state_hash()


def exposure(order: NodeState | WaitingState) -> tuple[int, int]:
    """Return the asset that an order holds, and how much."""
    market = INSTRUMENTS[order.instrument_id]
    lots = order.remaining_lots if isinstance(order, NodeState) else order.size_lots
    if order.side is Side.SELL:
        return market.base_asset_id, lots * market.lot_atoms
    if order.price_ticks is None:
        return market.quote_asset_id, 0
    cost = order.price_ticks * market.tick_lot_atoms
    rate = max(order.maker_rate_e8, order.taker_rate_e8, 0)
    fee = -(-cost * rate // 10**8) if order.fee_asset is FeeAsset.QUOTE else 0
    return market.quote_asset_id, lots * (cost + fee)


class NativeEngine(Engine):
    """The same under the fast twin."""

    kind = "native"


LONG = settings(examples(40), stateful_step_count=50)
TestReference = Engine.TestCase
TestReference.settings = LONG
if "native" in kinds():
    TestReference = pytest.mark.slow(TestReference)
    TestNative = NativeEngine.TestCase
    TestNative.settings = LONG
