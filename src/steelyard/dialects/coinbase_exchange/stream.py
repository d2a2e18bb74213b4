"""Channels of the feed: their names, and what an event is on each of them.

The invariant: one event and one channel make the same frames, whoever listens.
"""

import msgspec

from steelyard.dialects.coinbase_exchange import frames, full
from steelyard.dialects.coinbase_exchange.text import SIDE_NAMES
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    SECOND_NS,
    BalanceEvent,
    BookDelta,
    BookSnapshot,
    Event,
    FullBookChanges,
    OwnChanges,
    Ticker,
)
from steelyard.domain.order import Side
from steelyard.wire.dialect import Channel, ChannelKind, Subscription
from steelyard.wire.moments import iso
from steelyard.wire.numerals import amount_text, price_text, size_text
from steelyard.wire.uuids import account_uuid

NAME = "coinbase-exchange"
BATCH_NS = 50_000_000
TICKER_BATCH_NS = 5 * SECOND_NS

# What a channel of a product is told by; the user channel's has an account too.
CHANNELS: dict[str, Channel] = {
    "heartbeat": Channel(ChannelKind.TICKER, period_ns=SECOND_NS),
    "ticker": Channel(ChannelKind.TICKER),
    "ticker_batch": Channel(ChannelKind.TICKER, period_ns=TICKER_BATCH_NS),
    "level2": Channel(ChannelKind.BOOK),
    "level2_batch": Channel(ChannelKind.BOOK, period_ns=BATCH_NS),
    "full": Channel(ChannelKind.FULL),
    "level3": Channel(ChannelKind.FULL),
    "matches": Channel(ChannelKind.FULL),
    "user": Channel(ChannelKind.FULL),
}
ALIASES = {"level2_50": "level2_batch", "ticker_1000": "ticker_batch"}
SILENT = frozenset({"auctionfeed", "rfq_matches"})  # there is nothing to tell here
STATUS, BALANCE = "status", "balance"
NAMES = (*CHANNELS, *ALIASES, *sorted(SILENT), STATUS, BALANCE)
SIGNED = frozenset({"full", "user", "level2", "level3", BALANCE})  # those that need a key
OF_AN_ACCOUNT = frozenset({"user", BALANCE})

encode = msgspec.json.Encoder().encode


def subscription_of(name: str, instrument_id: int, account_id: int) -> Subscription:
    """Return the subscription of a product's channel; those of an account are its own."""
    own = account_id if name in OF_AN_ACCOUNT else 0
    channel = CHANNELS[name]._replace(instrument_id=instrument_id, account_id=own)
    return Subscription(NAME, channel, name)


def balance_subscription(account_id: int, asset_id: int | None) -> Subscription:
    """Return the subscription of one currency's balances; None is every currency."""
    form = f"{BALANCE}:{'' if asset_id is None else asset_id}"
    return Subscription(NAME, Channel(ChannelKind.BALANCES, account_id=account_id), form)


def frame(
    subscription: Subscription, event: Event, listings: Listings
) -> bytes | tuple[bytes, ...] | None:
    """Return the text frames of an event on a channel."""
    match event:
        case FullBookChanges():
            return full.public_frames(event, listings, subscription.form)
        case OwnChanges():
            return full.own_frames(event, listings)
        case BookDelta():
            return encode(update_to_wire(event, listings))
        case Ticker() if subscription.form == "heartbeat":
            return encode(heartbeat_to_wire(event, listings))
        case Ticker():
            told = ticker_to_wire(event, listings)
            return None if told is None else encode(told)
        case BalanceEvent():
            return tuple(map(encode, balances_to_wire(event, listings, subscription.form)))
        case _:
            return None


def snapshot_to_wire(snapshot: BookSnapshot, listings: Listings) -> frames.Snapshot:
    """Return a whole book."""
    instrument = listings[snapshot.instrument_id]
    bids, asks = (
        tuple((price_text(instrument, t), size_text(instrument, n)) for t, n in rows)
        for rows in (snapshot.bids, snapshot.asks)
    )
    return frames.Snapshot(
        product_id=instrument.symbol, asks=asks, bids=bids, time=iso(snapshot.time_ns)
    )


def update_to_wire(delta: BookDelta, listings: Listings) -> frames.L2Update:
    """Return levels that changed."""
    instrument = listings[delta.instrument_id]
    return frames.L2Update(
        product_id=instrument.symbol,
        changes=tuple(
            (SIDE_NAMES[side], price_text(instrument, t), size_text(instrument, n))  # type: ignore[misc]
            for side, rows in ((Side.BUY, delta.bids), (Side.SELL, delta.asks))
            for t, n in rows
        ),
        time=iso(delta.time_ns),
    )


def heartbeat_to_wire(ticker: Ticker, listings: Listings) -> frames.Heartbeat:
    """Return how far a product has come."""
    return frames.Heartbeat(
        sequence=ticker.full_sequence,
        last_trade_id=ticker.last_trade_id,
        product_id=listings[ticker.instrument_id].symbol,
        time=iso(ticker.time_ns),
    )


def ticker_to_wire(ticker: Ticker, listings: Listings) -> frames.TickerEvent | None:
    """Return the last trade, the touch and 24 hours; None where nothing has traded."""
    instrument = listings[ticker.instrument_id]
    if ticker.last_ticks is None:
        return None
    opened, low, high, bid, ask = (
        price_text(instrument, ticks or 0)
        for ticks in (
            *(ticker.open_ticks, ticker.low_ticks, ticker.high_ticks),
            *(ticker.bid_ticks, ticker.ask_ticks),
        )
    )
    return frames.TickerEvent(
        sequence=ticker.full_sequence,
        product_id=instrument.symbol,
        price=price_text(instrument, ticker.last_ticks),
        open_24h=opened,
        volume_24h=size_text(instrument, ticker.volume_lots),
        low_24h=low,
        high_24h=high,
        volume_30d=size_text(instrument, ticker.volume_30d_lots),
        best_bid=bid,
        best_bid_size=size_text(instrument, ticker.bid_lots),
        best_ask=ask,
        best_ask_size=size_text(instrument, ticker.ask_lots),
        side=SIDE_NAMES[ticker.last_side or Side.BUY],  # type: ignore[arg-type]
        time=iso(ticker.last_trade_ns or ticker.time_ns),
        trade_id=ticker.last_trade_id,
        last_size=size_text(instrument, ticker.last_lots),
    )


def balances_to_wire(
    event: BalanceEvent, listings: Listings, form: str
) -> tuple[frames.BalanceUpdate, ...]:
    """Return balances, those of the currency that a subscription names, or all."""
    wanted = form.partition(":")[2]
    return tuple(
        frames.BalanceUpdate(
            account_id=account_uuid(event.account_id, balance.asset_id),
            currency=listings.asset(balance.asset_id),
            holds=amount_text(balance.held_atoms),
            available=amount_text(balance.free_atoms),
            updated=iso(event.time_ns),
            timestamp=iso(event.time_ns),
        )
        for balance in event.balances
        if wanted in ("", str(balance.asset_id))
    )
