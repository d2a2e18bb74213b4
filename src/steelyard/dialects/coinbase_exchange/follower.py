"""The feed from a trader's side: market data, and one's own orders and balances.

A book comes by the channel `level2_batch`, which needs no key: a snapshot, then levels that
changed, in order. They have no numbers at the venue, so they are counted here, from 1 on. Orders
come by the channel `user` of every product, as steps of their lives; what they add up to is kept
here.
"""

from collections.abc import Iterator, Sequence
from typing import get_args

import msgspec
from msgspec.structs import replace

from steelyard.dialects.coinbase_exchange import auth, frames, stream
from steelyard.dialects.coinbase_exchange.frames import Control, Wanted
from steelyard.dialects.coinbase_exchange.orders import listed
from steelyard.dialects.coinbase_exchange.placing import STOPS
from steelyard.dialects.coinbase_exchange.text import CANCEL_REASONS, SIDES
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    AssetBalance,
    BalanceEvent,
    BookDelta,
    BookSnapshot,
    Event,
    Execution,
    OrderEvent,
    Ticker,
    Trade,
)
from steelyard.domain.order import CancelCause, Liquidity, OrderType, Side, TimeInForce
from steelyard.domain.units import fee_atoms
from steelyard.wire.dialect import ApiKey, ChannelKind
from steelyard.wire.moments import from_iso, from_seconds
from steelyard.wire.numerals import read_amount, read_price, read_rate, read_size, whole_lots
from steelyard.wire.uuids import order_number

TARGET = "/"
FOLLOWED: dict[ChannelKind, str] = {
    ChannelKind.BOOK: "level2_batch",
    ChannelKind.TRADES: "matches",
    ChannelKind.TICKER: "ticker",
}
TIME_IN_FORCE = "101:Time In Force"
CAUSES = {reason: cause for cause, reason in CANCEL_REASONS.items()}

_told = msgspec.json.Decoder(frames.Told)
_head = msgspec.json.Decoder(frames.Other)
_TYPES = frozenset(struct.__struct_config__.tag for struct in get_args(frames.Told))


class _Follower:
    """What both conversations have in common: subscribe when the connection opens, then listen."""

    target = TARGET

    def __init__(self, listings: Listings) -> None:
        self.ready = False
        self._listings = listings
        self._out: list[str] = []
        self._events: list[Event] = []
        self._is_subscribed = False
        self._now_ns = 0  # when the last message came

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented, speaks of what is not listed, or says
                that the subscription is not taken.
            AuthError: Key or signature are not accepted.
        """
        message = _read(frame)
        self._now_ns = now_ns
        match message:
            case None:
                return
            case frames.Error():
                self._refused(message)
            case frames.Subscriptions():
                self.ready = self._is_confirmed(message)
            case _:
                self._events += [*self._heard(message)]

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told, in order."""
        out, self._out = self._out, []
        events, self._events = self._events, []
        return out, events

    def _refused(self, error: frames.Error) -> None:
        said = f"{error.message}: {error.reason}"
        if error.message == "Authentication Failed" or "authentication" in error.reason:
            raise AuthError(said, error.message)
        raise DecodeError(f"the venue does not take our subscription: {said}")

    def _is_confirmed(self, message: frames.Subscriptions) -> bool:
        raise NotImplementedError

    def _heard(self, message: frames.Told) -> Iterator[Event]:
        raise NotImplementedError

    def _say(self, control: Control) -> None:
        self._out.append(stream.encode(control).decode())


def _read(frame: str | bytes) -> frames.Told | None:
    """Return a message; None for one of a type that we do not follow.

    Raises:
        DecodeError: It has another form than documented.
    """
    try:
        kind = _head.decode(frame).type
        if not isinstance(kind, str) or kind not in _TYPES:
            return None
        message: frames.Told = _told.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"feed: {error}") from error
    return message


# -- market data --------------------------------------------------------------------------------


class MarketFollower(_Follower):
    """Our conversation about public channels."""

    role = "market"

    def __init__(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> None:
        super().__init__(listings)
        for kind in kinds:
            if kind not in FOLLOWED:
                raise Unsupported(f"Coinbase Exchange has no public channel for {kind.name}")
        self._products = tuple(instrument.symbol for instrument in instruments)
        self._channels = tuple(FOLLOWED[kind] for kind in sorted(kinds))
        self._changes: dict[int, int] = {}  # of books, by instrument

    def opened(self, now_ns: int) -> None:  # noqa: ARG002
        """Subscribe."""
        self._say(Control("subscribe", self._products, self._channels))

    def _is_confirmed(self, message: frames.Subscriptions) -> bool:
        return {channel.name for channel in message.channels} >= set(self._channels)

    def _heard(self, message: frames.Told) -> Iterator[Event]:
        match message:
            case frames.Snapshot():
                yield self._snapshot(message)
            case frames.L2Update():
                yield self._delta(message)
            case frames.LastMatch():
                return  # from before
            case frames.Match():
                yield trade_from_wire(message, self._listings)
            case frames.TickerEvent():
                yield ticker_from_wire(message, self._listings)
            case _:
                return

    def _snapshot(self, message: frames.Snapshot) -> BookSnapshot:
        instrument = listed(message.product_id, self._listings)
        number = instrument.instrument_id
        bids, asks = (
            tuple(
                (read_price(instrument, price), lots)
                for price, size in rows
                if (lots := whole_lots(instrument, size))
            )
            for rows in (message.bids, message.asks)
        )
        time_ns = from_iso(message.time) if message.time else self._now_ns
        return BookSnapshot(number, self._count(number), bids, asks, time_ns)

    def _count(self, number: int) -> int:
        """Return the number of a book's next message, which has been read whole."""
        self._changes[number] = self._changes.get(number, 0) + 1
        return self._changes[number]

    def _delta(self, message: frames.L2Update) -> BookDelta:
        instrument = listed(message.product_id, self._listings)
        number, time_ns = instrument.instrument_id, from_iso(message.time)
        sides: dict[Side, list[tuple[int, int]]] = {Side.BUY: [], Side.SELL: []}
        for side, price, size in message.changes:
            level = read_price(instrument, price), whole_lots(instrument, size)
            sides[SIDES[side]].append(level)
        bids, asks = tuple(sides[Side.BUY]), tuple(sides[Side.SELL])
        sequence = self._count(number)
        return BookDelta(number, sequence, sequence, bids, asks, time_ns)


def trade_from_wire(message: frames.Match, listings: Listings) -> Trade:
    """Return a public trade."""
    instrument = listed(message.product_id, listings)
    return Trade(
        instrument.instrument_id,
        message.trade_id,
        read_price(instrument, message.price),
        whole_lots(instrument, message.size),
        SIDES[message.side].opposite,
        from_iso(message.time),
    )


def ticker_from_wire(message: frames.TickerEvent, listings: Listings) -> Ticker:
    """Return the last trade, the touch and 24 hours."""
    instrument = listed(message.product_id, listings)
    opened, high, low, last, bid, ask = (
        read_price(instrument, text) or None
        for text in (
            *(message.open_24h, message.high_24h, message.low_24h, message.price),
            *(message.best_bid, message.best_ask),
        )
    )
    time_ns = from_iso(message.time)
    return Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=time_ns,
        open_ns=time_ns,
        open_ticks=opened,
        high_ticks=high,
        low_ticks=low,
        last_ticks=last,
        last_lots=whole_lots(instrument, message.last_size),
        previous_close_ticks=None,
        volume_lots=whole_lots(instrument, message.volume_24h),
        quote_atoms=0,
        trade_count=0,
        first_trade_id=0,
        last_trade_id=message.trade_id,
        bid_ticks=bid,
        bid_lots=whole_lots(instrument, message.best_bid_size or "0"),
        ask_ticks=ask,
        ask_lots=whole_lots(instrument, message.best_ask_size or "0"),
        last_trade_ns=time_ns,
        last_side=SIDES[message.side],
        volume_30d_lots=whole_lots(instrument, message.volume_30d),
        full_sequence=message.sequence,
    )


# -- an account ---------------------------------------------------------------------------------


class AccountFollower(_Follower):
    """Our conversation about an account's orders and balances."""

    role = "private"

    def __init__(self, key: ApiKey, listings: Listings) -> None:
        super().__init__(listings)
        self._key = key
        self._products = tuple(instrument.symbol for instrument in listings)
        self._orders: dict[str, Order] = {}  # open ones, by the venue's id
        self._rested: set[str] = set()  # of those the ones that have been in the book

    def opened(self, now_ns: int) -> None:
        """Subscribe; balances by themselves, because not every venue tells of all at once."""
        login = auth.login_of(self._key, now_ns)
        for products, channel in ((self._products, "user"), (None, Wanted(stream.BALANCE))):
            self._say(
                Control(
                    "subscribe",
                    products,
                    (channel,),
                    login.key,
                    login.signature,
                    msgspec.Raw(f'"{login.timestamp}"'.encode()),
                    login.passphrase,
                )
            )

    def _refused(self, error: frames.Error) -> None:
        if self.ready and error.message != "Authentication Failed":
            return  # without the balances, which are asked for over REST too
        super()._refused(error)

    def _is_confirmed(self, message: frames.Subscriptions) -> bool:
        return any(channel.name == "user" for channel in message.channels)

    def _heard(self, message: frames.Told) -> Iterator[Event]:
        match message:
            case frames.Received():
                yield self._received(message)
            case frames.Activate():
                yield self._activated(message)
            case frames.LastMatch():
                return
            case frames.Match():
                yield from self._matched(message)
            case frames.Open() if message.order_id in self._orders:
                self._rested.add(message.order_id)
            case frames.Change():
                yield from self._changed(message)
            case frames.Done():
                yield from self._done(message)
            case frames.BalanceUpdate():
                yield self._balance(message)
            case _:
                return

    def _received(self, message: frames.Received) -> OrderEvent:
        instrument, time_ns = listed(message.product_id, self._listings), from_iso(message.time)
        known = self._orders.get(message.order_id)
        if known is not None:
            order = replace(known, triggered_ns=time_ns, updated_ns=time_ns)
            self._orders[message.order_id] = order
            return OrderEvent(Execution.TRIGGERED, order, None, time_ns)
        is_market = message.order_type == "market"
        order = Order(
            order_id=order_number(message.order_id),
            client_order_id=message.client_oid or "",
            account_id=0,
            instrument_id=instrument.instrument_id,
            side=SIDES[message.side],
            order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
            time_in_force=TimeInForce.IOC if is_market else TimeInForce.GTC,
            post_only=False,
            price_ticks=read_price(instrument, message.price) if message.price else None,
            size_lots=read_size(instrument, message.size) if message.size else 0,
            spend_atoms=read_amount(message.funds) if message.funds else None,
            created_ns=time_ns,
            updated_ns=time_ns,
        )
        self._orders[message.order_id] = order
        return OrderEvent(Execution.NEW, order, None, time_ns)

    def _activated(self, message: frames.Activate) -> OrderEvent:
        instrument = listed(message.product_id, self._listings)
        time_ns, side = from_seconds(message.timestamp), SIDES[message.side]
        order = Order(
            order_id=order_number(message.order_id),
            client_order_id=message.client_oid or "",
            account_id=0,
            instrument_id=instrument.instrument_id,
            side=side,
            order_type=STOPS.get((side, message.stop_type), OrderType.STOP_LIMIT),
            time_in_force=TimeInForce.GTC,
            post_only=False,
            price_ticks=None,
            size_lots=read_size(instrument, message.size) if message.size else 0,
            trigger_ticks=read_price(instrument, message.stop_price),
            created_ns=time_ns,
            updated_ns=time_ns,
        )
        self._orders[message.order_id] = order
        return OrderEvent(Execution.NEW, order, None, time_ns)

    def _matched(self, message: frames.Match) -> Iterator[OrderEvent]:
        """Yield an event for each side of a match that is one's own."""
        instrument = listed(message.product_id, self._listings)
        sides = (
            (Liquidity.MAKER, message.maker_order_id, message.maker_user_id),
            (Liquidity.TAKER, message.taker_order_id, message.taker_user_id),
        )
        for liquidity, order_id, user in sides:
            if not user and order_id not in self._orders:
                continue
            is_maker = liquidity is Liquidity.MAKER
            side = SIDES[message.side] if is_maker else SIDES[message.side].opposite
            rate = (message.maker_fee_rate if is_maker else message.taker_fee_rate) or "0"
            time_ns, rate_e8 = from_iso(message.time), read_rate(rate)
            number = order_number(order_id)
            order = self._orders.get(order_id) or _unknown(number, instrument, side, time_ns)
            price_ticks = read_price(instrument, message.price)
            size_lots = read_size(instrument, message.size)
            quote_atoms = instrument.notional_atoms(price_ticks, size_lots)
            filled_lots = order.filled_lots + size_lots
            is_whole = 0 < order.size_lots <= filled_lots
            order = replace(
                order,
                filled_lots=filled_lots,
                quote_atoms=order.quote_atoms + quote_atoms,
                state=OrderState.FILLED if is_whole else OrderState.PARTIALLY_FILLED,
                updated_ns=time_ns,
            )
            self._orders[order_id] = order
            fill = Fill(
                trade_id=message.trade_id,
                order_id=order.order_id,
                client_order_id=order.client_order_id,
                account_id=0,
                instrument_id=instrument.instrument_id,
                side=side,
                price_ticks=price_ticks,
                size_lots=size_lots,
                quote_atoms=quote_atoms,
                liquidity=liquidity,
                fee_asset_id=instrument.quote_asset_id,
                fee_atoms=fee_atoms(quote_atoms, rate_e8),
                time_ns=time_ns,
            )
            yield OrderEvent(Execution.FILL, order, fill, time_ns)

    def _changed(self, message: frames.Change) -> Iterator[OrderEvent]:
        order = self._orders.get(message.order_id)
        if order is None:
            return
        instrument, time_ns = listed(message.product_id, self._listings), from_iso(message.time)
        price = message.new_price or message.price
        if price:
            order = replace(order, price_ticks=read_price(instrument, price))
        if message.new_size:
            left = read_size(instrument, message.new_size)
            order = replace(order, size_lots=order.filled_lots + left, updated_ns=time_ns)
        self._orders[message.order_id] = order
        yield OrderEvent(Execution.AMENDED, order, None, time_ns)

    def _done(self, message: frames.Done) -> Iterator[OrderEvent]:
        instrument, time_ns = listed(message.product_id, self._listings), from_iso(message.time)
        number = order_number(message.order_id)
        order = self._orders.pop(message.order_id, None)
        if message.reason == "filled":
            self._rested.discard(message.order_id)
            return  # its last match has said so
        if order is None:
            order = _unknown(number, instrument, SIDES[message.side], time_ns)
            if message.remaining_size:
                order = replace(order, size_lots=read_size(instrument, message.remaining_size))
        cause = self._cause(message)
        is_expired = cause not in (CancelCause.USER, CancelCause.ADMIN)
        order = replace(
            order,
            state=OrderState.EXPIRED if is_expired else OrderState.CANCELED,
            cancel_cause=cause,
            updated_ns=time_ns,
        )
        execution = Execution.EXPIRED if is_expired else Execution.CANCELED
        self._rested.discard(message.order_id)
        yield OrderEvent(execution, order, None, time_ns)

    def _cause(self, message: frames.Done) -> CancelCause:
        """Return why an order ended; the venue has one word for whatever its time in force does."""
        reason = message.cancel_reason or ""
        if reason == TIME_IN_FORCE:
            rested = message.order_id in self._rested
            return CancelCause.EXPIRED if rested else CancelCause.IOC_REMAINDER
        return CAUSES.get(reason, CancelCause.USER)

    def _balance(self, message: frames.BalanceUpdate) -> BalanceEvent:
        try:
            asset_id = self._listings.asset_id(message.currency)
        except Unsupported as error:
            raise DecodeError(str(error), "currency") from error
        balance = AssetBalance(asset_id, read_amount(message.available), read_amount(message.holds))
        return BalanceEvent(0, (balance,), from_iso(message.timestamp))


def _unknown(number: int, instrument: Instrument, side: Side, time_ns: int) -> Order:
    """Return as much of an order as a step of its life tells: it was placed before we listened."""
    return Order(
        order_id=number,
        client_order_id="",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        price_ticks=None,
        size_lots=0,
        created_ns=time_ns,
        updated_ns=time_ns,
    )
