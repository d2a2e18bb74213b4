"""Events to public and private streams: who listens to what, and each frame encoded once.

Books have one sequence number per instrument, counted up by one for each changed level and
kept in snapshots, so that REST snapshots, deltas and touches of all dialects share it. A book
channel gathers changes for its period; a new subscriber makes the current gathering go out
first, so that its snapshot and its first delta meet without overlap. A book channel with a depth
tells its best levels anew when its period is over, if the book changed or somebody joined.
Candles and tickers are sent when their period is over and something changed; a ticker without a
period when something traded. Orders and balances go out at once.

Each change of a book order by order has a number too, without gaps for whoever follows it. Where
nobody does it goes on all the same, by leaps.

Periods are of wire time, so that a frozen sandbox still tells what users do; the times in events
are the sandbox's.

The feed returns frames and never sends: the shell holds them back until the command that
caused them is on disk.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from steelyard.domain.commands import LevelChanged, Traded
from steelyard.domain.instrument import Listings
from steelyard.domain.ledger import Balance
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import (
    AssetBalance,
    BalanceEvent,
    BalanceLocked,
    BalanceMoved,
    BookDelta,
    BookSnapshot,
    Candle,
    Event,
    Execution,
    FullBookChanges,
    FullBookSnapshot,
    GroupEvent,
    OrderEvent,
    OwnChanges,
    Status,
    Ticker,
    Touch,
    Trade,
)
from steelyard.domain.order import Side
from steelyard.engine import BookLevels
from steelyard.exchange.aggregates import aggregates_of
from steelyard.exchange.full_book import FullBook
from steelyard.exchange.own_changes import OwnGathering
from steelyard.wire.dialect import Channel, ChannelKind, Finish, Subscription

CHECKED_DEPTH = 25  # levels of a side that go with a delta, for checksums
WHOLE_BOOK = 2**31 - 1
CHANGES_MAX = 2  # of a book, by one thing that happens to an order
SUBSCRIPTIONS_MAX = 20_000  # over all sessions; one more is refused

Encode = Callable[[Subscription, Event, Listings], bytes | tuple[bytes, ...] | None]


class Frames(NamedTuple):
    """One encoded text frame and the sessions that get it."""

    payload: bytes
    sessions: tuple[int, ...]
    channel: Channel


class Sources(Protocol):
    """What the feed reads when a channel is due; the exchange is it."""

    def time_at(self, wire_ns: int) -> int:
        """The sandbox time at a wire time."""
        ...

    @property
    def listings(self) -> Listings:
        """What is listed."""
        ...

    def levels(self, instrument_id: int, depth: int) -> BookLevels:
        """The book as it stands."""
        ...

    def open_orders(self, instrument_id: int) -> Iterable[Order]:
        """All accounts' open orders of an instrument."""
        ...

    def ticker(self, instrument_id: int, now_ns: int, window_ns: int = 0) -> Ticker:
        """The last 24 hours, or another window."""
        ...

    def current_candles(
        self, instrument_id: int, interval_ns: int, now_ns: int, offset_ns: int = 0
    ) -> tuple[Candle, ...]:
        """The last closed candle and the open one."""
        ...


class _Gathering:
    """The levels that changed since a book channel was last flushed."""

    def __init__(self, first_sequence: int) -> None:
        self.first_sequence = first_sequence
        self.levels: dict[tuple[Side, int], int] = {}


class Feed:
    """All streams of an exchange."""

    def __init__(self, sources: Sources) -> None:
        self.sequences: dict[int, int] = defaultdict(int)
        self.full_sequences: dict[int, int] = defaultdict(int)
        self._sources = sources
        self._encoders: dict[str, Encode] = {}
        self._subscribers: dict[Channel, dict[Subscription, dict[int, None]]] = {}
        self._sessions: dict[int, dict[Subscription, None]] = {}
        self._book_channels: dict[int, dict[Channel, None]] = {}
        self._gathered: dict[Channel, _Gathering] = {}
        self._stale: set[Channel] = set()  # books with a depth that have something new to tell
        self._touches: dict[int, tuple[int, int, int, int]] = {}
        self._moved: set[int] = set()  # instruments with a touch channel and a changed level
        self._views: dict[Channel, BookLevels] = {}  # what those who hear changes of a depth see
        self._finishes: dict[tuple[int, Subscription], Finish] = {}
        self._due_ns: dict[Channel, int] = {}
        self._sent_candles: dict[Channel, Candle] = {}
        self._full: dict[int, FullBook] = {}  # by instrument, while somebody follows it
        self._own: dict[Channel, OwnGathering] = {}  # while its account follows it
        self._traded: set[int] = set()  # by the command, where tickers are told at once
        self._told: dict[int, int] = {}  # the sequence up to which that has been told
        self._untold: dict[int, list[Trade]] = {}  # of the command, where aggregates are heard
        self._count = 0
        self._out: list[Frames] = []

    def speak(self, dialect: str, encode: Encode) -> None:
        """Use this function for the dialect's frames."""
        self._encoders[dialect] = encode

    # -- who listens ------------------------------------------------------------------------

    def subscribe(
        self,
        session: int,
        subscription: Subscription,
        wire_ns: int,
        finish: Finish | None = None,
    ) -> bool:
        """Add a listener; False where `SUBSCRIPTIONS_MAX` is reached.

        finish turns each frame into those of this session.
        """
        mine = self._sessions.setdefault(session, {})
        if subscription in mine:
            return True
        if self._count >= SUBSCRIPTIONS_MAX:
            return False
        self._count += 1
        channel = subscription.channel
        if finish is not None:
            self._finishes[session, subscription] = finish
        if channel.kind in (ChannelKind.BOOK, ChannelKind.DEPTH):
            if channel.kind is ChannelKind.DEPTH:
                self._tell_depth(channel, self._sources.time_at(wire_ns))
            elif channel.depth:
                self._stale.add(channel)
            else:
                self._flush_book(channel, self._sources.time_at(wire_ns))
            self._book_channels.setdefault(channel.instrument_id, {})[channel] = None
        if channel.kind is ChannelKind.FULL and channel.instrument_id not in self._full:
            self._full[channel.instrument_id] = self._new_full(channel.instrument_id)
            self._told[channel.instrument_id] = self.sequences[channel.instrument_id]
        if channel.kind is ChannelKind.FULL and channel.account_id:
            self._own.setdefault(channel, OwnGathering())
        mine[subscription] = None
        self._subscribers.setdefault(channel, {}).setdefault(subscription, {})[session] = None
        if channel.period_ns:
            self._due_ns.setdefault(channel, wire_ns + channel.period_ns)
        return True

    def unsubscribe(self, session: int, subscription: Subscription) -> None:
        """Drop a listener."""
        if self._sessions.get(session, {}).pop(subscription, False) is False:
            return
        self._count -= 1
        self._finishes.pop((session, subscription), None)
        forms = self._subscribers[subscription.channel]
        del forms[subscription][session]
        if not forms[subscription]:
            del forms[subscription]
        if not forms:
            channel = subscription.channel
            del self._subscribers[channel]
            self._own.pop(channel, None)
            if channel.kind is ChannelKind.FULL and not self._follows(channel.instrument_id):
                del self._full[channel.instrument_id], self._told[channel.instrument_id]
            self._gathered.pop(channel, None)
            self._views.pop(channel, None)
            self._stale.discard(channel)
            self._due_ns.pop(channel, None)
            self._sent_candles.pop(channel, None)
            self._book_channels.get(channel.instrument_id, {}).pop(channel, None)

    def leave(self, session: int) -> None:
        """Drop everything a closed session listened to."""
        for subscription in [*self._sessions.get(session, ())]:
            self.unsubscribe(session, subscription)
        self._sessions.pop(session, None)

    def subscriptions(self, session: int) -> tuple[Subscription, ...]:
        """Return what a session listens to."""
        return tuple(self._sessions.get(session, ()))

    def _follows(self, instrument_id: int) -> bool:
        """Whether anybody follows a book order by order, or own orders in it."""
        return any(
            channel.kind is ChannelKind.FULL and channel.instrument_id == instrument_id
            for channel in self._subscribers
        )

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens to anything; while a journal is replayed nobody does."""
        return bool(self._subscribers)

    # -- what happened ----------------------------------------------------------------------

    def level(self, effect: LevelChanged, now_ns: int) -> None:
        """A level of a book changed."""
        sequence = self.sequences[effect.instrument_id] + 1
        self.sequences[effect.instrument_id] = sequence
        self._pass(effect.instrument_id, 1)
        if not self._subscribers:
            return
        if (full := self._full.get(effect.instrument_id)) is not None:
            full.level(effect)
        self._moved.add(effect.instrument_id)
        for channel in self._book_channels.get(effect.instrument_id, ()):
            if channel.depth:
                self._stale.add(channel)
                continue
            gathered = self._gathered.get(channel)
            if gathered is None:
                gathered = self._gathered[channel] = _Gathering(sequence)
            gathered.levels[effect.side, effect.price_ticks] = effect.size_lots
            if not channel.period_ns:
                self._flush_book(channel, now_ns)

    def rested(self, instrument_id: int) -> None:
        """An order came into the book and changed its level, while nobody listens to anything."""
        self.sequences[instrument_id] += 1
        self.full_sequences[instrument_id] += 1 + CHANGES_MAX

    def took(self, instrument_id: int, levels: int) -> None:
        """An order came, and one trade filled it; so many levels changed, and nobody listens."""
        self.sequences[instrument_id] += levels
        self.full_sequences[instrument_id] += 1 + levels + 2 * CHANGES_MAX

    def trade(self, trade: Trade, effect: Traded) -> None:
        """A public trade happened."""
        self._pass(trade.instrument_id, 1)
        if (full := self._full.get(trade.instrument_id)) is not None:
            full.traded(effect)
        if self._subscribers:
            self._publish(Channel(ChannelKind.TRADES, trade.instrument_id), trade)
            if Channel(ChannelKind.TICKER, trade.instrument_id) in self._subscribers:
                self._traded.add(trade.instrument_id)
            if Channel(ChannelKind.AGGREGATES, trade.instrument_id) in self._subscribers:
                self._untold.setdefault(trade.instrument_id, []).append(trade)

    def status(self, status: Status) -> None:
        """The exchange takes orders again, or no longer."""
        self._publish(Channel(ChannelKind.STATUS), status)

    def order(
        self,
        execution: Execution,
        order: Order,
        fill: Fill | None,
        now_ns: int,
        request_id: str = "",
    ) -> None:
        """An order changed."""
        self._pass(order.instrument_id, CHANGES_MAX)
        if not self._subscribers:
            return
        own = Channel(ChannelKind.FULL, order.instrument_id, order.account_id)
        if (gathering := self._own.get(own)) is not None:
            gathering.order(execution, order, fill)
        if (full := self._full.get(order.instrument_id)) is not None:
            full.order(execution, order)
        channel = Channel(ChannelKind.ORDERS, account_id=order.account_id)
        fills = Channel(ChannelKind.FILLS, account_id=order.account_id)
        if channel in self._subscribers:
            self._publish(channel, OrderEvent(execution, order, fill, now_ns, request_id))
        if fill is not None and fills in self._subscribers:
            self._publish(fills, OrderEvent(execution, order, fill, now_ns))

    def refused(self, order: Order, now_ns: int) -> None:
        """An order was refused: on most venues it never was one, and nobody hears of it."""
        channel = Channel(ChannelKind.REFUSED, account_id=order.account_id)
        if channel in self._subscribers:
            self._publish(channel, OrderEvent(Execution.REJECTED, order, None, now_ns))

    def group(self, orders: tuple[Order, ...], now_ns: int, *, is_over: bool) -> None:
        """A group of orders begins, or is over."""
        channel = Channel(ChannelKind.ORDERS, account_id=orders[0].account_id)
        if channel in self._subscribers:
            self._publish(channel, GroupEvent(orders, is_over, now_ns))

    def balances(
        self, account_id: int, balances: Iterable[tuple[int, Balance]], now_ns: int
    ) -> None:
        """Balances of an account changed."""
        channel = Channel(ChannelKind.BALANCES, account_id=account_id)
        if channel in self._subscribers:
            now = tuple(AssetBalance(a, b.free_atoms, b.held_atoms) for a, b in balances)
            self._publish(channel, BalanceEvent(account_id, now, now_ns))

    def moved(self, event: BalanceMoved | BalanceLocked) -> None:
        """Something came, went or is locked, other than by an order."""
        self._publish(Channel(ChannelKind.FUNDS, account_id=event.account_id), event)

    def settle(self, now_ns: int) -> None:
        """A command is over: tell of aggregates, touches that moved, and every order's changes."""
        for instrument_id, trades in self._untold.items():
            for aggregate in aggregates_of(trades):
                self._publish(Channel(ChannelKind.AGGREGATES, instrument_id), aggregate)
        self._untold.clear()
        for instrument_id, full in self._full.items():
            self._tell_full(instrument_id, full, now_ns)
        for instrument_id in sorted(self._traded):
            ticker = self._sources.ticker(instrument_id, now_ns)
            self._publish(Channel(ChannelKind.TICKER, instrument_id), ticker)
        self._traded.clear()
        for instrument_id in sorted(self._moved):
            channel = Channel(ChannelKind.TOUCH, instrument_id)
            if channel not in self._subscribers:
                continue
            touch = touch_of(self._sources.levels(instrument_id, 1))
            if touch != self._touches.get(instrument_id):
                self._touches[instrument_id] = touch
                sequence = self.sequences[instrument_id]
                self._publish(channel, Touch(instrument_id, sequence, *touch, now_ns))
        self._moved.clear()

    # -- what is due ------------------------------------------------------------------------

    @property
    def deadline_ns(self) -> int | None:
        """When the next channel is due, in wire time."""
        return min(self._due_ns.values(), default=None)

    def wake(self, wire_ns: int) -> None:
        """Flush every channel that is due."""
        now_ns = self._sources.time_at(wire_ns)
        for channel, due_ns in [*self._due_ns.items()]:
            if due_ns > wire_ns:
                continue
            # Periods that were slept through are skipped, not made up.
            missed = (wire_ns - due_ns) // channel.period_ns
            self._due_ns[channel] = due_ns + (missed + 1) * channel.period_ns
            match channel.kind:
                case ChannelKind.BOOK if channel.depth:
                    self._tell_book(channel, now_ns)
                case ChannelKind.DEPTH:
                    self._tell_depth(channel, now_ns)
                case ChannelKind.BOOK:
                    self._flush_book(channel, now_ns)
                case ChannelKind.TICKER:
                    ticker = self._sources.ticker(
                        channel.instrument_id, now_ns, channel.interval_ns
                    )
                    self._publish(channel, ticker)
                case ChannelKind.CANDLES:
                    self._flush_candles(channel, now_ns)
                case _:
                    pass

    def drain(self) -> list[Frames]:
        """Return the frames since the last drain, in order."""
        out, self._out = self._out, []
        return out

    def _flush_book(self, channel: Channel, now_ns: int) -> None:
        gathered = self._gathered.pop(channel, None)
        if gathered is None:
            return
        best = self._sources.levels(channel.instrument_id, CHECKED_DEPTH)
        sides: dict[Side, list[tuple[int, int]]] = {Side.BUY: [], Side.SELL: []}
        for (side, ticks), lots in gathered.levels.items():
            sides[side].append((ticks, lots))
        delta = BookDelta(
            channel.instrument_id,
            gathered.first_sequence,
            self.sequences[channel.instrument_id],
            tuple(sorted(sides[Side.BUY], reverse=True)),
            tuple(sorted(sides[Side.SELL])),
            now_ns,
            (tuple(best.bids), tuple(best.asks)),
        )
        self._publish(channel, delta)

    def full_book(self, instrument_id: int, now_ns: int) -> FullBookSnapshot:
        """Return a book order by order."""
        full = self._full.get(instrument_id) or self._new_full(instrument_id)
        sequence, newest = self.sequences[instrument_id], self.full_sequences[instrument_id]
        return FullBookSnapshot(instrument_id, sequence, full.orders(), now_ns, newest)

    def _new_full(self, instrument_id: int) -> FullBook:
        sources = self._sources
        return FullBook(
            sources.open_orders(instrument_id), sources.levels(instrument_id, WHOLE_BOOK)
        )

    def _tell_full(self, instrument_id: int, full: FullBook, now_ns: int) -> None:
        changes, last = full.settle(), self.sequences[instrument_id]
        first, number = self._told[instrument_id] + 1, self.full_sequences[instrument_id] + 1
        self.full_sequences[instrument_id] += len(changes)
        if changes or first <= last:
            self._told[instrument_id] = last
            told = FullBookChanges(instrument_id, first, last, changes, now_ns, number)
            self._publish(Channel(ChannelKind.FULL, instrument_id), told)
        for channel, gathering in self._own.items():
            if channel.instrument_id == instrument_id and (
                own := gathering.settle(changes, number)
            ):
                account_id = channel.account_id
                self._publish(channel, OwnChanges(instrument_id, account_id, own, now_ns))

    def _pass(self, instrument_id: int, changes: int) -> None:
        """Count on where nobody follows a book order by order: at least as many as there are.

        So the numbers never go back, whoever followed before a restart.
        """
        if instrument_id not in self._full:
            self.full_sequences[instrument_id] += changes

    def _tell_book(self, channel: Channel, now_ns: int) -> None:
        if channel not in self._stale:
            return
        self._stale.discard(channel)
        instrument_id = channel.instrument_id
        levels = self._sources.levels(instrument_id, channel.depth)
        sequence = self.sequences[instrument_id]
        bids, asks = tuple(levels.bids), tuple(levels.asks)
        self._publish(channel, BookSnapshot(instrument_id, sequence, bids, asks, now_ns))

    def _tell_depth(self, channel: Channel, now_ns: int) -> None:
        """Tell what changed among the best levels since it was last told; begin with nothing."""
        if channel in self._views and channel not in self._stale:
            return
        self._stale.discard(channel)
        instrument_id, depth = channel.instrument_id, channel.depth
        before = self._views.get(channel)
        now = self._views[channel] = self._sources.levels(instrument_id, depth)
        if before is None:
            return
        cut = None if channel.tells_beyond else depth
        bids = changes_within(Side.BUY, before.bids, now.bids, cut)
        asks = changes_within(Side.SELL, before.asks, now.asks, cut)
        if bids or asks:
            sequence = self.sequences[instrument_id]
            best = (tuple(now.bids[:CHECKED_DEPTH]), tuple(now.asks[:CHECKED_DEPTH]))
            delta = BookDelta(instrument_id, sequence, sequence, bids, asks, now_ns, best)
            self._publish(channel, delta)

    def _flush_candles(self, channel: Channel, now_ns: int) -> None:
        candles = self._sources.current_candles(
            channel.instrument_id, channel.interval_ns, now_ns, channel.offset_ns
        )
        sent = self._sent_candles.get(channel)
        for candle in candles:
            is_past = sent is None or candle.open_ns < sent.open_ns
            if candle.is_closed and is_past:
                continue
            if candle != sent:
                self._publish(channel, candle)
                self._sent_candles[channel] = candle

    def _publish(self, channel: Channel, event: Event) -> None:
        forms = self._subscribers.get(channel)
        if not forms:
            return
        for subscription, sessions in forms.items():
            encode = self._encoders[subscription.dialect]
            payload = encode(subscription, event, self._sources.listings)
            if payload is None:
                continue
            payloads = (payload,) if isinstance(payload, bytes) else payload
            if not self._finishes:
                self._out += [Frames(each, tuple(sessions), channel) for each in payloads]
                continue
            shared = tuple(s for s in sessions if (s, subscription) not in self._finishes)
            if shared:
                self._out += [Frames(each, shared, channel) for each in payloads]
            for session in sessions:
                if (finish := self._finishes.get((session, subscription))) is not None:
                    own = (frame for each in payloads for frame in finish(each))
                    self._out += [Frames(frame, (session,), channel) for frame in own]


def changes_within(
    side: Side,
    before: Sequence[tuple[int, int]],
    now: Sequence[tuple[int, int]],
    depth: int | None,
) -> tuple[tuple[int, int], ...]:
    """Return the levels of a side that differ, best first; 0 lots where one is gone.

    One that others have pushed beyond the depth is not told: who hears this cuts it off. Without a
    depth it is told as gone.
    """
    old, new = dict(before), dict(now)
    changed = {ticks: lots for ticks, lots in now if old.get(ticks) != lots}
    worst = now[-1][0] if len(now) == depth else None
    for ticks, _ in before:
        is_beyond = worst is not None and (worst - ticks) * side > 0
        if ticks not in new and not is_beyond:
            changed[ticks] = 0
    return tuple(sorted(changed.items(), reverse=side is Side.BUY))


def touch_of(levels: BookLevels) -> tuple[int, int, int, int]:
    """Return best bid ticks and lots, best ask ticks and lots; zeros where a side is empty."""
    bid = levels.bids[0] if levels.bids else (0, 0)
    ask = levels.asks[0] if levels.asks else (0, 0)
    return (*bid, *ask)
