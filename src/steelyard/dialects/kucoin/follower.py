"""The WebSocket from a trader's side: market data, and one's own orders and balances.

The address is asked for before each connection; nothing is said before the venue has said welcome.
A book comes by `/market/level2`: changes that are numbered, to be joined to a book that is asked
for over REST by the range of their numbers. Orders come as steps of their lives; what they add up
to is kept here. A ping is due at times, or the venue closes.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import astuple, replace

from steelyard.dialects.kucoin import bullet, errors, frames, stream
from steelyard.dialects.kucoin.account import BASE_FEE, TRADE_FEES
from steelyard.dialects.kucoin.account_messages import BaseFee, TradeFee
from steelyard.dialects.kucoin.auth import signed_headers
from steelyard.dialects.kucoin.messages import Envelope
from steelyard.dialects.kucoin.telling import CAUSES, expires, listed
from steelyard.dialects.kucoin.text import (
    MS_NS,
    SIDES,
    order_number,
    read_amount,
    read_count,
    read_price,
    read_rate,
    read_size,
    whole_atoms,
    whole_lots,
)
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    AssetBalance,
    BalanceEvent,
    BookDelta,
    Event,
    Execution,
    OrderEvent,
    Ticker,
    Trade,
)
from steelyard.domain.order import CancelCause, Liquidity, OrderType, TimeInForce
from steelyard.domain.units import fee_atoms
from steelyard.wire.dialect import ApiKey, ChannelKind
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import NotSent

FOLLOWED: dict[ChannelKind, str] = {
    ChannelKind.BOOK: stream.LEVEL2,
    ChannelKind.TRADES: stream.MATCH,
    ChannelKind.TICKER: stream.SNAPSHOT,
}
SYMBOLS_MAX = 100  # in one subscription
KNOWN_MAX = 10_000  # orders that are remembered; beyond it the oldest is forgotten

SYMBOLS_MAX_FEES = 10  # of which rates may be asked at once

_told = msgspec.json.Decoder(frames.Told)
_fees = msgspec.json.Decoder(Envelope[tuple[TradeFee, ...] | BaseFee])


def _read(raw: Raw | Any, kind: Any) -> Any:
    """Return the data of a message.

    Raises:
        DecodeError: It has another form than documented.
    """
    if not isinstance(raw, Raw):
        raise DecodeError("a message has no data")
    try:
        return msgspec.json.decode(bytes(raw), type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"stream: {error}") from error


class _Follower:
    """What both conversations have in common: address, welcome, subscriptions, pings."""

    role = ""

    def __init__(self, listings: Listings, topics: Sequence[str]) -> None:
        self.target = bullet.PATH
        self._listings = listings
        self._topics = tuple(topics)
        self._awaited = {str(number) for number in range(1, len(topics) + 1)}
        self._out: list[str] = []
        self._events: list[Event] = []
        self._now_ns = 0  # when the last message came
        self._ping_ns = bullet.PING_MS * MS_NS
        self._pinged_ns = 0
        self._is_open = False

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        return not self._awaited

    def address_request(self, now_ns: int) -> Request | None:
        """Return what asks for the address."""
        raise NotImplementedError

    def addressed(self, response: Response, now_ns: int) -> None:
        """Take the address.

        Raises:
            AuthError: Key, signature or passphrase are not accepted.
            DecodeError: It is not handed out.
        """
        self.target, self._ping_ns = bullet.target_of(response, f"{self.role}-{now_ns // MS_NS}")

    def opened(self, now_ns: int) -> None:
        """The connection is open; the venue speaks first."""
        self._pinged_ns, self._is_open = now_ns, True

    def wake(self, now_ns: int) -> None:
        """Say that we are there, in good time."""
        if self._is_open and now_ns - self._pinged_ns >= self._ping_ns // 2:
            self._pinged_ns = now_ns
            self._say(frames.Said(type="ping", id=str(now_ns // MS_NS)))

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented, speaks of what is not listed, or says
                that a subscription is not taken.
            AuthError: The token is not accepted.
        """
        try:
            told = _told.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"stream: {error}") from error
        self._now_ns = now_ns
        match told.type:
            case "message":
                self._events += [*self._heard(told)]
            case "welcome":
                self._subscribe()
            case "ack":
                self._awaited.discard(str(told.id))
            case "error":
                self._refused(told)
            case _:
                return  # a pong, or something new

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told, in order."""
        out, self._out = self._out, []
        events, self._events = self._events, []
        return out, events

    def _subscribe(self) -> None:
        for number, topic in enumerate(self._topics, 1):
            self._say(
                frames.Said(
                    type="subscribe",
                    id=str(number),
                    topic=topic,
                    privateChannel=self.role == "private",
                    response=True,
                )
            )

    def _refused(self, told: frames.Told) -> None:
        text = bytes(told.data).decode(errors="replace") if isinstance(told.data, Raw) else ""
        said = f"{told.code}: {text}"
        if str(told.code) == "401":
            raise AuthError(f"the venue does not take the token: {said}", str(told.code))
        raise DecodeError(f"the venue does not take our subscription: {said}")

    def _heard(self, told: frames.Told) -> Iterator[Event]:
        raise NotImplementedError

    def _say(self, said: frames.Said) -> None:
        self._out.append(stream.encode(said).decode())


# -- market data --------------------------------------------------------------------------------


class MarketFollower(_Follower):
    """Our conversation about public topics."""

    role = "market"

    def __init__(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> None:
        for kind in kinds:
            if kind not in FOLLOWED:
                raise Unsupported(f"KuCoin has no public topic that we follow for {kind.name}")
        symbols = [instrument.symbol for instrument in instruments]
        super().__init__(
            listings,
            [
                f"{FOLLOWED[kind]}:{','.join(symbols[first : first + SYMBOLS_MAX])}"
                for kind in sorted(kinds)
                for first in range(0, len(symbols), SYMBOLS_MAX)
            ],
        )

    def address_request(self, now_ns: int) -> Request | None:  # noqa: ARG002
        """Return what asks for the address, of whomever."""
        return Request(bullet.PUBLIC.method, bullet.PUBLIC.path, {}, b"")

    def _heard(self, told: frames.Told) -> Iterator[Event]:
        match told.topic.partition(":")[0]:
            case stream.LEVEL2:
                data = _read(told.data, frames.Level2Data)
                yield delta_from_wire(data, self._listings, self._now_ns)
            case stream.MATCH:
                yield trade_from_wire(_read(told.data, frames.MatchData), self._listings)
            case stream.SNAPSHOT:
                yield ticker_from_wire(_read(told.data, _Numbers), self._listings)
            case _:
                return


def delta_from_wire(data: frames.Level2Data, listings: Listings, now_ns: int) -> BookDelta:
    """Return levels that changed: of several changes of one the newest; of price 0 none."""
    instrument = listed(data.symbol, listings)
    sides = []
    for changes in (data.changes.bids, data.changes.asks):
        ordered = sorted((read_count(row[2], "sequence"), row[0], row[1]) for row in changes)
        found = {
            read_price(instrument, price): whole_lots(instrument, size)
            for _, price, size in ordered
            if price.strip("0.")
        }
        sides.append(tuple(found.items()))
    bids, asks = sides
    return BookDelta(
        instrument.instrument_id,
        data.sequenceStart,
        data.sequenceEnd,
        bids,
        asks,
        data.time * MS_NS or now_ns,
    )


def trade_from_wire(data: frames.MatchData, listings: Listings) -> Trade:
    """Return a public trade."""
    instrument = listed(data.symbol, listings)
    return Trade(
        instrument.instrument_id,
        read_count(data.sequence, "sequence"),
        read_price(instrument, data.price),
        whole_lots(instrument, data.size),
        SIDES[data.side],
        read_count(data.time),
    )


class _Inner(msgspec.Struct):
    symbol: str
    datetime: int
    vol: Raw
    volValue: Raw  # noqa: N815 the venue's own spelling
    buy: Raw = Raw(b"null")
    sell: Raw = Raw(b"null")
    bidSize: Raw = Raw(b"null")  # noqa: N815
    askSize: Raw = Raw(b"null")  # noqa: N815
    lastTradedPrice: Raw = Raw(b"null")  # noqa: N815
    lastSize: Raw = Raw(b"null")  # noqa: N815
    open: Raw = Raw(b"null")
    high: Raw = Raw(b"null")
    low: Raw = Raw(b"null")


class _Numbers(msgspec.Struct):
    """A snapshot's data, with numbers as they are written."""

    data: _Inner


def _number(raw: Raw) -> str | None:
    """Return a bare number as a plain text; None where it is null."""
    text = bytes(raw).decode(errors="replace")
    if text == "null":
        return None
    try:
        return f"{Decimal(text):f}"
    except InvalidOperation as error:
        raise DecodeError(f"number {text[:40]!r} is none") from error


def ticker_from_wire(wire: _Numbers, listings: Listings) -> Ticker:
    """Return 24 hours of a symbol."""
    data = wire.data
    instrument = listed(data.symbol, listings)

    def ticks(raw: Raw) -> int | None:
        text = _number(raw)
        return None if text is None else read_price(instrument, text) or None

    def lots(raw: Raw) -> int:
        return whole_lots(instrument, _number(raw) or "0")

    time_ns = data.datetime * MS_NS
    return Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=time_ns,
        open_ns=time_ns,
        open_ticks=ticks(data.open),
        high_ticks=ticks(data.high),
        low_ticks=ticks(data.low),
        last_ticks=ticks(data.lastTradedPrice),
        last_lots=lots(data.lastSize),
        previous_close_ticks=None,
        volume_lots=lots(data.vol),
        quote_atoms=whole_atoms(_number(data.volValue) or "0"),
        trade_count=0,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=ticks(data.buy),
        bid_lots=lots(data.bidSize),
        ask_ticks=ticks(data.sell),
        ask_lots=lots(data.askSize),
    )


# -- an account ---------------------------------------------------------------------------------


class AccountFollower(_Follower):
    """Our conversation about an account's orders and balances."""

    role = "private"

    def __init__(self, key: ApiKey, listings: Listings) -> None:
        super().__init__(listings, (stream.ORDERS_V2, stream.BALANCE))
        self._key = key
        self._orders: OrderedDict[str, Order] = OrderedDict()  # by id, those that are open
        self._rested: set[str] = set()  # of those the ones that have been in the book
        self._rates: dict[str, tuple[int, int]] | None = None  # maker and taker, by symbol

    def address_request(self, now_ns: int) -> Request | None:
        """Return what asks for the address, signed."""
        endpoint = bullet.PRIVATE
        headers = signed_headers(self._key, endpoint.method, endpoint.path, b"", now_ns)
        return Request(endpoint.method, endpoint.path, headers, b"")

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed, and the rates of fees are known."""
        return super().ready and self._rates is not None

    def errand(self, now_ns: int) -> Request | None:
        """Return what asks for the rates of fees, which fills do not tell: per symbol if few."""
        symbols = [instrument.symbol for instrument in self._listings]
        if 0 < len(symbols) <= SYMBOLS_MAX_FEES:
            target, endpoint = f"?symbols={','.join(symbols)}", TRADE_FEES
        else:
            target, endpoint = "", BASE_FEE
        target = endpoint.path + target
        headers = signed_headers(self._key, endpoint.method, target, b"", now_ns)
        return Request(endpoint.method, target, headers, b"")

    def returned(self, response: Response, now_ns: int) -> None:  # noqa: ARG002
        """Take the rates.

        Raises:
            AuthError: Key, signature or passphrase are not accepted.
            DecodeError: They are not told.
        """
        try:
            data = _fees.decode(response.body).data
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            data = UNSET
        if data is UNSET:
            outcome = errors.refused_outcome(response)
            if isinstance(outcome, NotSent) and outcome.is_denied:
                raise AuthError(f"the venue tells no fees: {outcome.why}")
            raise DecodeError(f"the venue tells no fees: {response.body[:200]!r}")
        rows = data if isinstance(data, tuple) else (TradeFee("", *astuple(data)),)
        self._rates = {
            row.symbol: (read_rate(row.makerFeeRate), read_rate(row.takerFeeRate)) for row in rows
        }

    def _rate(self, symbol: str, *, is_maker: bool) -> int:
        """Return a rate of fees, times 1e8."""
        rates = self._rates or {}
        maker, taker = rates.get(symbol) or rates.get("") or (0, 0)
        return maker if is_maker else taker

    def _heard(self, told: frames.Told) -> Iterator[Event]:
        match told.topic:
            case stream.ORDERS | stream.ORDERS_V2:
                yield from self._changed(_read(told.data, frames.OrderChange))
            case stream.BALANCE:
                yield from self._balance(_read(told.data, frames.BalanceChange))
            case _:
                return

    def _keep(self, key: str, order: Order) -> None:
        self._orders[key] = order
        if len(self._orders) > KNOWN_MAX:
            gone, _ = self._orders.popitem(last=False)
            self._rested.discard(gone)

    # -- orders -------------------------------------------------------------------------------

    def _changed(self, data: frames.OrderChange) -> Iterator[OrderEvent]:
        instrument = listed(data.symbol, self._listings)
        key = data.orderId
        order = self._orders.get(key)
        if data.type in ("received", "open"):
            if data.type == "open":
                self._rested.add(key)
            if order is None:
                yield self._new(data, instrument)
            return
        if order is None:
            order = _order_of(data, instrument)
        match data.type:
            case "match":
                yield self._matched(data, order, instrument)
            case "update":
                yield self._updated(data, order, instrument)
            case "canceled":
                yield self._canceled(data, order)
            case "filled":
                self._forget(key)
                if order.state is not OrderState.FILLED:  # of an amount that was not spent whole
                    order = replace(order, state=OrderState.FILLED, updated_ns=data.ts)
                    yield OrderEvent(Execution.AMENDED, order, None, data.ts)
            case _:
                return

    def _new(self, data: frames.OrderChange, instrument: Instrument) -> OrderEvent:
        order = _order_of(data, instrument)
        order = replace(order, filled_lots=0, state=OrderState.WORKING)
        self._keep(data.orderId, order)
        return OrderEvent(Execution.NEW, order, None, data.ts)

    def _matched(
        self, data: frames.OrderChange, order: Order, instrument: Instrument
    ) -> OrderEvent:
        if not data.matchPrice or not data.matchSize or not data.tradeId:
            raise DecodeError("a match has no price, size or trade")
        price_ticks = read_price(instrument, data.matchPrice)
        size_lots = read_size(instrument, data.matchSize)
        quote_atoms = instrument.notional_atoms(price_ticks, size_lots)
        filled_lots = order.filled_lots + size_lots
        is_whole = 0 < order.size_lots <= filled_lots
        if order.spend_atoms is not None:
            is_whole = bool(data.remainFunds) and not str(data.remainFunds).strip("0.")
        order = replace(
            order,
            filled_lots=filled_lots,
            quote_atoms=order.quote_atoms + quote_atoms,
            state=OrderState.FILLED if is_whole else OrderState.PARTIALLY_FILLED,
            updated_ns=data.ts,
        )
        self._keep(data.orderId, order)
        is_maker = data.liquidity == "maker"
        fill = Fill(
            trade_id=read_count(data.tradeId, "tradeId"),
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            account_id=0,
            instrument_id=instrument.instrument_id,
            side=order.side,
            price_ticks=price_ticks,
            size_lots=size_lots,
            quote_atoms=quote_atoms,
            liquidity=Liquidity.MAKER if is_maker else Liquidity.TAKER,
            fee_asset_id=instrument.quote_asset_id,
            fee_atoms=fee_atoms(quote_atoms, self._rate(data.symbol, is_maker=is_maker))
            if data.fee is UNSET
            else read_amount(data.fee),
            time_ns=data.ts,
        )
        return OrderEvent(Execution.FILL, order, fill, data.ts)

    def _updated(
        self, data: frames.OrderChange, order: Order, instrument: Instrument
    ) -> OrderEvent:
        if data.size:
            order = replace(order, size_lots=read_size(instrument, data.size))
        if data.price:
            order = replace(order, price_ticks=read_price(instrument, data.price))
        order = replace(order, updated_ns=data.ts)
        self._keep(data.orderId, order)
        return OrderEvent(Execution.AMENDED, order, None, data.ts)

    def _canceled(self, data: frames.OrderChange, order: Order) -> OrderEvent:
        cause = self._cause(data)
        expired = expires(cause)
        order = replace(
            order,
            state=OrderState.EXPIRED if expired else OrderState.CANCELED,
            cancel_cause=cause,
            updated_ns=data.ts,
        )
        self._forget(data.orderId)
        execution = Execution.EXPIRED if expired else Execution.CANCELED
        return OrderEvent(execution, order, None, data.ts)

    def _cause(self, data: frames.OrderChange) -> CancelCause:
        """Return why an order ended; the venue does not say, but what never rested expired."""
        if data.cancelReason:
            return CAUSES.get(data.cancelReason, CancelCause.USER)
        rested = data.orderId in self._rested or data.orderId not in self._orders
        return CancelCause.USER if rested else CancelCause.IOC_REMAINDER

    def _forget(self, key: str) -> None:
        self._orders.pop(key, None)
        self._rested.discard(key)

    # -- balances -----------------------------------------------------------------------------

    def _balance(self, data: frames.BalanceChange) -> Iterator[BalanceEvent]:
        if not data.relationEvent.startswith(("trade.", "trade_hf.")):
            return  # of another wallet
        try:
            asset_id = self._listings.asset_id(data.currency)
        except Unsupported:
            return  # of no symbol here
        balance = AssetBalance(asset_id, read_amount(data.available), read_amount(data.hold))
        yield BalanceEvent(0, (balance,), read_count(data.time) * MS_NS)


def _order_of(data: frames.OrderChange, instrument: Instrument) -> Order:
    """Return as much of an order as a record tells."""
    is_market = data.orderType == "market"
    spends = bool(data.originFunds) and not (data.originSize or data.size or "0").strip("0.")
    size = "0" if spends else data.originSize or data.size or "0"
    return Order(
        order_id=order_number(data.orderId),
        client_order_id=data.clientOid,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=SIDES[data.side],
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        time_in_force=TimeInForce.IOC if is_market else TimeInForce.GTC,
        post_only=False,
        price_ticks=read_price(instrument, data.price) if data.price and not is_market else None,
        size_lots=read_size(instrument, size),
        spend_atoms=read_amount(data.originFunds) if data.originFunds and spends else None,
        filled_lots=_filled_before(data, instrument),
        created_ns=data.orderTime * MS_NS,
        updated_ns=data.ts,
    )


def _filled_before(data: frames.OrderChange, instrument: Instrument) -> int:
    """Return what had filled before a record: a match counts itself."""
    filled = read_size(instrument, data.filledSize) if data.filledSize else 0
    return max(0, filled - (read_size(instrument, data.matchSize) if data.matchSize else 0))
