"""The market of a tape on a recorded day: against the whole engine, and by another's fills."""

import gzip
import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from nights import at_night
from numpy.typing import NDArray

from bench.captures import CAPTURES, Capture, events_of
from steelyard import _native
from steelyard.backtest.columns import EVENT, EventKind
from steelyard.dialects.binance.recording import tape_events
from steelyard.domain.commands import (
    Amend,
    Cancel,
    Command,
    Deposit,
    Effect,
    Filled,
    HouseLevel,
    HouseTrade,
    LevelChanged,
    ListInstrument,
    OpenAccount,
    Place,
    PlaceGroup,
    Traded,
)
from steelyard.domain.messages import SECOND_NS, BookDelta, Touch, Trade
from steelyard.domain.order import FeeAsset, GroupKind, OrderType, SelfTrade, Side, TimeInForce
from steelyard.engine.book import QueueModel
from steelyard.engine.native import DECODER, ENCODER, NativeEngine
from steelyard.exchange.listings import LISTINGS

ME = 100
BTC_USDT = LISTINGS[0].instrument
SIDES = (Side.BUY, Side.SELL)
OPENING: tuple[Command, ...] = (
    ListInstrument(BTC_USDT),
    OpenAccount(ME, 20_000, 100_000),
    Deposit(ME, BTC_USDT.base_asset_id, 10**16),
    Deposit(ME, BTC_USDT.quote_asset_id, 10**20),
)


def records_of(commands: Iterable[Command], now_ns: int) -> bytes:
    return b"".join(ENCODER.encode(command, now_ns) for command in commands)


def tape_of(recorded: Iterable[BookDelta | Trade | Touch]) -> NDArray[np.void]:
    """Return a recording as events; its touch counts where it is newer than the depth."""
    rows: list[tuple[int, int, int, int]] = []
    depth_sequence = 0
    touch: Touch | None = None

    def follow(known: Touch, time_ns: int) -> None:
        rows.append((time_ns, known.bid_lots, known.bid_ticks, EventKind.BEST_BID))
        rows.append((time_ns, known.ask_lots, known.ask_ticks, EventKind.BEST_ASK))

    for event in recorded:
        match event:
            case BookDelta():
                depth_sequence = event.last_sequence
                for kind, levels in (
                    (EventKind.BID_LEVEL, event.bids),
                    (EventKind.ASK_LEVEL, event.asks),
                ):
                    rows += [(event.time_ns, lots, price, kind) for price, lots in levels]
                if touch is not None and touch.sequence > depth_sequence:
                    follow(touch, event.time_ns)
            case Touch():
                touch = event
                if event.sequence > depth_sequence:
                    follow(event, event.time_ns)
            case Trade():
                is_buy = event.taker_side is Side.BUY
                kind = EventKind.BUY_TRADE if is_buy else EventKind.SELL_TRADE
                rows.append((event.time_ns, event.size_lots, event.price_ticks, kind))
    return np.array(rows, EVENT)


class Whole:
    """The engine with every level and trade of a tape in it."""

    def __init__(self, events: NDArray[np.void], model: QueueModel) -> None:
        self.engine = NativeEngine(model)
        for command in OPENING:
            self.engine.apply(command, 0)
        self._events = iter(events.tolist())
        self._next: tuple[int, int, int, int] | None = next(self._events, None)

    def play(self, until_ns: int) -> list[Effect]:
        """Play up to and with a time."""
        effects: list[Effect] = []
        pending: list[bytes] = []
        while self._next is not None and self._next[0] <= until_ns:
            time_ns, lots, tick, kind = self._next
            if kind in {EventKind.BEST_BID, EventKind.BEST_ASK}:
                effects += self._apply(pending)
                pending = []
                effects += self._follow(time_ns, lots, tick, SIDES[kind == EventKind.BEST_ASK])
            elif kind in {EventKind.BID_LEVEL, EventKind.ASK_LEVEL}:
                level = HouseLevel(0, SIDES[kind == EventKind.ASK_LEVEL], tick, lots)
                pending.append(ENCODER.encode(level, time_ns))
            else:
                trade = HouseTrade(0, SIDES[kind == EventKind.SELL_TRADE], tick, lots)
                pending.append(ENCODER.encode(trade, time_ns))
            self._next = next(self._events, None)
        return effects + self._apply(pending)

    def _apply(self, records: list[bytes]) -> list[Effect]:
        return DECODER.decode_all(self.engine.apply_records(b"".join(records)))

    def _follow(self, time_ns: int, lots: int, tick: int, side: Side) -> list[Effect]:
        """Take away what the house has better than its touch."""
        if not lots:
            return []
        book = self.engine.book(0, 200)
        levels = book.bids if side is Side.BUY else book.asks
        better = [price for price, _ in levels if side * price > side * tick]
        assert len(better) < len(levels) or len(levels) < 200
        stale = [HouseLevel(0, side, price, 0) for price in better]
        commands = [*stale, HouseLevel(0, side, tick, lots)]
        return self._apply([ENCODER.encode(command, time_ns) for command in commands])


def of_user(effects: Iterable[Effect]) -> list[Effect]:
    """Return what concerns the user's orders; trades are numbered by who knows them all."""
    found = [effect for effect in effects if not isinstance(effect, LevelChanged | Traded)]
    return [effect if not isinstance(effect, Filled) else numberless(effect) for effect in found]


def numberless(filled: Filled) -> Filled:
    return Filled(
        *(0 if name == "trade_id" else getattr(filled, name) for name in Filled.__struct_fields__)
    )


@dataclass
class Script:
    """Somebody who does a bit of everything, the same for the same seed."""

    random: random.Random
    orders: int = 0
    open: list[int] = field(default_factory=list)

    def commands(self, now_ns: int, bid: int, ask: int) -> Iterator[Command]:
        """Yield what comes at a moment."""
        pick = self.random.choice
        side = pick(SIDES)
        near, far = (bid, ask) if side is Side.BUY else (ask, bid)
        size = pick((700, 5_000, 60_000, 900_000))
        deep = self.random.randrange(0, 300)
        if len(self.open) > 12 or (self.open and self.random.random() < 0.3):
            order_id = self.open.pop(self.random.randrange(len(self.open)))
            if self.random.random() < 0.3:
                yield Amend(ME, order_id, pick((None, near - side * deep)), size)
            else:
                yield Cancel(ME, order_id)
        kind = self.random.randrange(10)
        if kind < 4:
            price = near - side * pick((0, 0, 0, 1, deep))
            yield self.place(side, OrderType.LIMIT, size, price, post_only=True)
        elif kind == 4:
            yield self.place(side, OrderType.LIMIT, size, far + side * pick((0, 50, deep)))
        elif kind == 5:
            force = pick((TimeInForce.IOC, TimeInForce.FOK))
            yield self.place(side, OrderType.MARKET, size, None, force)
        elif kind == 6:
            trigger = far + side * (1 + deep)
            yield self.place(side, OrderType.STOP, size, None, trigger_ticks=trigger)
        elif kind == 7:
            yield self.place(side, OrderType.TRAILING_STOP, size, None, trail_ticks=50 + deep)
        elif kind == 8:
            display = max(size // 7, 100)
            yield self.place(side, OrderType.LIMIT, size, near, display_lots=display)
        else:
            gain = self.place(side, OrderType.LIMIT, size, near - side * deep)
            loss = self.place(
                side, OrderType.STOP, size, None, trigger_ticks=far + side * (deep + 1)
            )
            yield PlaceGroup(GroupKind.OCO, (gain, loss))

    def place(
        self,
        side: Side,
        order_type: OrderType,
        size: int,
        price: int | None,
        force: TimeInForce = TimeInForce.GTC,
        *,
        post_only: bool = False,
        **terms: int,
    ) -> Place:
        self.orders += 1
        self.open.append(self.orders)
        return Place(
            ME,
            0,
            side,
            order_type,
            force,
            post_only,
            price,
            size,
            self_trade=SelfTrade.CANCEL_OLDEST,
            fee_asset=FeeAsset.QUOTE,
            **terms,
        )


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> NDArray[np.void]:
    path = shared_data / "binance" / "spot_btcusdt_20240809.jsonl.gz"
    with gzip.open(path, "rb") as lines:
        return tape_of(tape_events(lines, BTC_USDT))


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [QueueModel.PESSIMISTIC, *at_night(QueueModel.PROPORTIONAL, QueueModel.OPTIMISTIC)]
)
def test_a_recorded_day_fills_orders_as_the_whole_engine_does(
    recorded: NDArray[np.void], model: QueueModel
):
    """Order, time, price, size, maker or taker, fee: everything is the same, and so is the book."""
    light = _native.TapeMarket(records_of(OPENING, 0), model)
    light.feed(recorded.tobytes())
    whole = Whole(recorded, model)
    script = Script(random.Random(int(model)))
    fills = 0
    now_ns = int(recorded["time_ns"][0])
    while now_ns < recorded["time_ns"][-1]:
        now_ns += SECOND_NS // 5
        found = of_user(DECODER.decode_all(light.play(now_ns)))
        assert found == of_user(whole.play(now_ns))
        fills += sum(isinstance(effect, Filled) for effect in found)
        book = whole.engine.book(0, 1)
        touch = light.touch(True)
        assert touch == (*(book.bids or [(0, 0)])[0], *(book.asks or [(0, 0)])[0])
        if not (book.bids and book.asks):
            continue
        for command in script.commands(now_ns, touch[0], touch[2]):
            record = ENCODER.encode(command, now_ns)
            found = of_user(DECODER.decode_all(light.apply(record)))
            assert found == of_user(whole.engine.apply(command, now_ns)), command
            fills += sum(isinstance(effect, Filled) for effect in found)
    assert fills > 1_000
    balances = whole.engine.balances(ME).items()
    assert light.balances(ME) == [
        (asset, it.free_atoms, it.held_atoms) for asset, it in sorted(balances)
    ]


# Orders, whole fills, and the hash of their lines `time_ns tick side`, by time and side, as
# `python -m bench.ticks NAME` prints them with hftbacktest 2.4.4.
FILLS = {
    "usdm": (867, 471, "3e4dfca85d2989ebf1c6f9eae7f6fd974e88d26f173e6b5ed1cdc26359c19f2c"),
    "spot": (992, 530, "f09caf82f8ee00c61d2afa022fbf3bf91f5eafdc0ce454c0cb70b11aaab1bf9f"),
}


@pytest.mark.slow
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda it: it.name)
def test_under_anothers_conventions_every_fill_is_the_others(shared_data: Path, capture: Capture):
    """Each of hftbacktest's fills, at the same time, price and side, and no other."""
    events, local_ns = events_of(shared_data / capture.path, capture)
    # Its clock of reception was behind the venue's: nothing is heard before it happened.
    local_ns = local_ns - min(0, int((local_ns - events["time_ns"]).min()))
    orders, fills = _native.oracle_fills(events.tobytes(), local_ns.tobytes(), 1 << 24)
    ordered = sorted(fills, key=lambda it: (it[0], it[2]))
    lines = "".join(f"{time_ns} {tick} {side}\n" for time_ns, tick, side in ordered)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    assert (orders, len(fills), digest) == FILLS[capture.name]


def test_a_block_that_is_none_says_what_is_wrong():
    """The event, its place, and how to mend it; nothing of the block is played."""
    market = _native.TapeMarket(records_of(OPENING, 0), QueueModel.PROPORTIONAL)
    good = (5, 7, 100, EventKind.BID_LEVEL)
    for bad, message in (
        ((4, 1, 100, 0), r"event 1 is earlier than the one before it: sort by time"),
        ((6, 1, 100, 7), r"event 1 is of no kind: 0 to 6 are"),
        ((6, -1, 100, 0), r"event 1 has a size below 0 or above 2\^53 lots"),
    ):
        with pytest.raises(ValueError, match=message):
            market.feed(np.array([good, bad], EVENT).tobytes())
    with pytest.raises(ValueError, match="cut off: a block is whole records of 24 bytes"):
        market.feed(b"1" * 25)
    assert market.play(10) == b""
    assert market.touch(True) == (0, 0, 0, 0)


def test_prices_beyond_the_listing_are_passed_over_and_counted():
    """What the listing has no price for cannot stand in its book."""
    market = _native.TapeMarket(records_of(OPENING, 0), QueueModel.PROPORTIONAL)
    rows = [(5, 7, 100, 0), (5, 7, 0, 0), (6, 7, 2**32 - 1, 1), (6, 3, 101, 1)]
    market.feed(np.array(rows, EVENT).tobytes())
    market.play(10)
    assert market.touch(False) == (100, 7, 101, 3)
    assert market.passed_over == 2


def test_what_opens_a_market_begins_with_its_listing():
    """Anything else is refused with a sentence."""
    with pytest.raises(ValueError, match="the first command lists no instrument"):
        _native.TapeMarket(records_of(OPENING[1:], 0), QueueModel.PROPORTIONAL)
    with pytest.raises(ValueError, match="queue model 9 is not 1, 2 or 3"):
        _native.TapeMarket(records_of(OPENING, 0), 9)
