"""The WebSocket from a trader's side: one's own orders and balances.

Orders come as steps of their lives; what they add up to is kept here. One that waits for its price
is told on a topic of its own, and once it is triggered as a new order of the same name: here that
is a step of the life of the one that has waited, under another number.
"""

from collections import OrderedDict
from collections.abc import Iterator

import msgspec
from msgspec import UNSET
from msgspec.structs import astuple, replace

from steelyard.dialects.kucoin import bullet, errors, frames, placing, stream
from steelyard.dialects.kucoin.account import BASE_FEE, TRADE_FEES
from steelyard.dialects.kucoin.account_messages import BaseFee, TradeFee
from steelyard.dialects.kucoin.auth import signed_headers
from steelyard.dialects.kucoin.follower import Follower, read_data
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
)
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    AssetBalance,
    BalanceEvent,
    Event,
    Execution,
    OrderEvent,
)
from steelyard.domain.order import CancelCause, Liquidity, OrderType, TimeInForce
from steelyard.domain.units import fee_atoms
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import NotSent

KNOWN_MAX = 10_000  # orders that are remembered; beyond it the oldest is forgotten
SYMBOLS_MAX_FEES = 10  # of which rates may be asked at once

_fees = msgspec.json.Decoder(Envelope[tuple[TradeFee, ...] | BaseFee])


class AccountFollower(Follower):
    """Our conversation about an account's orders and balances."""

    role = "private"

    def __init__(self, key: ApiKey, listings: Listings) -> None:
        super().__init__(listings, (stream.ORDERS_V2, stream.BALANCE, stream.STOPS))
        self._key = key
        self._waiting: OrderedDict[str, Order] = OrderedDict()  # by our id, those of a price
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
                yield from self._changed(read_data(told.data, frames.OrderChange))
            case stream.BALANCE:
                yield from self._balance(read_data(told.data, frames.BalanceChange))
            case stream.STOPS:
                yield from self._waits(read_data(told.data, frames.StopChange))
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
                yield self._canceled(data, order, instrument)
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
        waited = self._waiting.pop(data.clientOid, None) if data.clientOid else None
        if waited is not None:
            order = replace(
                order,
                order_type=waited.order_type,
                time_in_force=waited.time_in_force,
                trigger_ticks=waited.trigger_ticks,
                triggered_ns=data.ts,
            )
        self._keep(data.orderId, order)
        execution = Execution.NEW if waited is None else Execution.TRIGGERED
        return OrderEvent(execution, order, None, data.ts)

    def _matched(
        self, data: frames.OrderChange, order: Order, instrument: Instrument
    ) -> OrderEvent:
        if not data.matchPrice or not data.matchSize or not data.tradeId:
            raise DecodeError("a match has no price, size or trade")
        price_ticks = read_price(instrument, data.matchPrice)
        size_lots = read_size(instrument, data.matchSize)
        quote_atoms = instrument.notional_atoms(price_ticks, size_lots)
        # The venue tells the sum, in which a match is that was not told.
        filled_lots = max(order.filled_lots, _filled_before(data, instrument)) + size_lots
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

    def _canceled(
        self, data: frames.OrderChange, order: Order, instrument: Instrument
    ) -> OrderEvent:
        cause = self._cause(data)
        expired = expires(cause)
        order = replace(
            order,
            filled_lots=max(order.filled_lots, _filled_before(data, instrument)),
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

    # -- orders that wait ---------------------------------------------------------------------

    def _waits(self, data: frames.StopChange) -> Iterator[OrderEvent]:
        """Tell of an order that waits; what becomes of it once triggered is told as of any other.

        The venue tells no name of it, so there it is told of once it ends, by its number.
        """
        order = _waiting_of(data, listed(data.symbol, self._listings))
        name = data.clientOid
        match data.type:
            case "open" if name:
                kind = Execution.AMENDED if name in self._waiting else Execution.NEW
                self._waiting[name] = order
                if len(self._waiting) > KNOWN_MAX:
                    self._waiting.popitem(last=False)
                yield OrderEvent(kind, order, None, data.ts)
            case "cancel":
                self._waiting.pop(name, None)
                order = replace(order, state=OrderState.CANCELED, cancel_cause=CancelCause.USER)
                yield OrderEvent(Execution.CANCELED, order, None, data.ts)
            case _:
                return

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


def _waiting_of(data: frames.StopChange, instrument: Instrument) -> Order:
    """Return as much of an order that waits as a record tells."""
    side = SIDES[data.side]
    kind = placing.STOPS.get((side, data.stop), OrderType.STOP)
    price = data.orderPrice or ""
    has_limit = bool(price.strip("0."))
    return Order(
        order_id=order_number(data.orderId),
        client_order_id=data.clientOid,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=placing.LIMITED[kind] if has_limit else kind,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        price_ticks=read_price(instrument, price) if has_limit else None,
        size_lots=read_size(instrument, data.size),
        trigger_ticks=read_price(instrument, data.stopPrice),
        created_ns=data.createdAt * MS_NS,
        updated_ns=data.ts,
    )


def _filled_before(data: frames.OrderChange, instrument: Instrument) -> int:
    """Return what had filled before a record: a match counts itself."""
    filled = read_size(instrument, data.filledSize) if data.filledSize else 0
    return max(0, filled - (read_size(instrument, data.matchSize) if data.matchSize else 0))
