"""Private channels of WebSocket v2: executions and balances both ways, and the client's end.

The invariant: every entry of `executions` says all there is to say of its order, and stands in a
message of its own, because clients route a whole message by its first entry. What fills an order
whole is told twice, as `trade` and as `filled`, as the venue does.

Messages are numbered per connection: `frames` makes them without a number, one a line, and the
session that sends them adds it.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from steelyard.dialects.kraken import account, errors
from steelyard.dialects.kraken.account_messages import StreamToken
from steelyard.dialects.kraken.environments import PRIVATE_STREAM
from steelyard.dialects.kraken.executions import (
    CAUSES,
    EXPIRED,
    end_of,
    fill_id,
    flags_of,
    kind_of,
)
from steelyard.dialects.kraken.frames import (
    Ack,
    Balance,
    BalanceChange,
    ChannelName,
    Execution,
    FeePart,
    Message,
    Subscribe,
    Wallet,
)
from steelyard.dialects.kraken.messages import Envelope, Nothing
from steelyard.dialects.kraken.placing import (
    KINDS,
    LIFETIMES,
    SIDE_NAMES,
    SIDES,
    own_id,
    userref_of,
)
from steelyard.dialects.kraken.stream import encode, listed, read_frame, update
from steelyard.dialects.kraken.text import (
    BALANCE_DECIMALS,
    amount_text,
    average_text,
    number,
    order_number,
    order_text,
    price_text,
    read_amount,
    read_price,
    read_rfc3339,
    read_size,
    rfc3339,
    size_text,
    symbol_text,
    text_of,
)
from steelyard.domain import messages as domain
from steelyard.domain.errors import AuthError, DecodeError, RateLimited
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import SECOND_NS, BalanceEvent, Event, OrderEvent
from steelyard.domain.order import FeeAsset, Liquidity, OrderType, TimeInForce
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response

EXECUTIONS, BALANCES = "executions", "balances"
DOLLARS = frozenset({"USD", "USDT", "USDC"})
KNOWN_MAX = 10_000  # orders that a follower remembers; beyond it the oldest is forgotten

# Of an order's state: what `order_status` says.
STATUSES = {
    OrderState.WORKING: "new",
    OrderState.PARTIALLY_FILLED: "partially_filled",
    OrderState.FILLED: "filled",
    OrderState.REJECTED: "canceled",
}


# -- executions ---------------------------------------------------------------------------------


def execution_of(order: Order, kind: str, time_ns: int, listings: Listings) -> Execution:
    """Return all there is to say of an order; kind is what happened to it."""
    instrument = listings[order.instrument_id]
    status, reason = end_of(order)
    is_over = order.state in (OrderState.CANCELED, OrderState.EXPIRED, OrderState.REJECTED)
    by_cost = order.spend_atoms is not None
    size = size_text(instrument, order.filled_lots if by_cost else order.size_lots)

    def price(ticks: int | None) -> Raw:
        return number(price_text(instrument, ticks or 0))

    return Execution(
        order_id=order_text(order.order_id),
        exec_type=kind,
        order_status=status if is_over else STATUSES.get(order.state, "new"),
        timestamp=rfc3339(time_ns),
        cl_ord_id=own_id(order.client_order_id) or UNSET,
        order_userref=userref_of(order.client_order_id) or 0,
        symbol=symbol_text(instrument),
        side=SIDE_NAMES[order.side],
        order_type=kind_of(order),
        order_qty=number(size),
        cash_order_qty=number(amount_text(order.spend_atoms or 0)) if by_cost else UNSET,
        limit_price=price(order.price_ticks),
        limit_price_type="static",
        stop_price=price(order.trigger_ticks),
        display_qty=number(size_text(instrument, order.display_lots))
        if order.display_lots
        else UNSET,
        time_in_force=order.time_in_force.name,
        expire_time=UNSET if order.expire_ns is None else rfc3339(order.expire_ns),
        post_only=order.post_only,
        reduce_only=False,
        margin=False,
        fee_ccy_pref="fcib" if "fcib" in flags_of(order) else "fciq",
        cum_qty=number(size_text(instrument, order.filled_lots)),
        cum_cost=number(amount_text(order.quote_atoms)),
        avg_price=number(average_text(instrument, order.quote_atoms, order.filled_lots)),
        fee_usd_equiv=number("0.0"),
        cancel_reason=reason if is_over and reason else UNSET,
        reason=reason if is_over and reason else UNSET,
    )


def trade_of(order: Order, fill: Fill, listings: Listings) -> Execution:
    """Return a fill of an order."""
    instrument = listings[order.instrument_id]
    fee_asset = listings.asset(fill.fee_asset_id)
    fee = number(amount_text(fill.fee_atoms))
    return msgspec.structs.replace(
        execution_of(order, "trade", fill.time_ns, listings),
        exec_id=fill_id(fill),
        trade_id=fill.trade_id,
        last_qty=number(size_text(instrument, fill.size_lots)),
        last_price=number(price_text(instrument, fill.price_ticks)),
        liquidity_ind="m" if fill.liquidity is Liquidity.MAKER else "t",
        cost=number(amount_text(fill.quote_atoms)),
        fees=(FeePart(asset=fee_asset, qty=fee),),
        fee_usd_equiv=fee if fee_asset in DOLLARS else number("0.0"),
    )


def executions_of(event: OrderEvent, listings: Listings) -> Iterable[Execution]:
    """Yield the entries that an event is told by."""
    order, time_ns = event.order, event.time_ns
    match event.execution:
        case domain.Execution.NEW:
            pending = execution_of(order, "pending_new", time_ns, listings)
            yield msgspec.structs.replace(pending, order_status="pending_new")
            if not order.is_pending:
                yield execution_of(order, "new", time_ns, listings)
        case domain.Execution.RELEASED:
            yield execution_of(order, "new", time_ns, listings)
        case domain.Execution.FILL:
            assert event.fill is not None, "a fill comes with it"
            yield trade_of(order, event.fill, listings)
            if order.state is OrderState.FILLED:
                yield execution_of(order, "filled", time_ns, listings)
        case domain.Execution.CANCELED | domain.Execution.EXPIRED:
            yield execution_of(order, end_of(order)[0], time_ns, listings)
        case domain.Execution.AMENDED:
            yield execution_of(order, "amended", time_ns, listings)
        case domain.Execution.TRIGGERED:
            yield execution_of(order, "restated", time_ns, listings)
        case domain.Execution.REJECTED:
            return  # here a refused order never was one


def frame(form: str, event: Event, listings: Listings) -> bytes | None:
    """Return the messages of an event of an account, one a line and without numbers."""
    if form == EXECUTIONS and isinstance(event, OrderEvent):
        entries = [update(EXECUTIONS, (e,)) for e in executions_of(event, listings)]
        return b"\n".join(entries) or None
    if form == BALANCES and isinstance(event, BalanceEvent):
        return b"\n".join(
            update(BALANCES, (change_to_wire(balance, event.time_ns, listings),))
            for balance in event.balances
        )
    return None


def numbered(payload: bytes, sequence: int) -> bytes:
    """Return a message with its number."""
    return b'%s,"sequence":%d}' % (payload[:-1], sequence)


class _Named(Struct):
    symbol: str


class _Entries(Struct):
    data: tuple[_Named, ...]


_entries = msgspec.json.Decoder(_Entries)


def symbol_in(payload: bytes) -> str:
    """Return the symbol of a message of executions."""
    return _entries.decode(payload).data[0].symbol


def counted(payload: bytes, units: int) -> bytes:
    """Return a message of one entry with the counter in it."""
    return b'%s,"ratecount":%d}]}' % (payload.removesuffix(b"}]}"), units)


# -- balances -----------------------------------------------------------------------------------


def balance_number(balance: domain.AssetBalance) -> Raw:
    """Return all that there is of an asset, what orders hold too."""
    return number(amount_text(balance.free_atoms + balance.held_atoms, BALANCE_DECIMALS))


def hold_number(balance: domain.AssetBalance) -> Raw:
    """Return what orders hold of it."""
    return number(amount_text(balance.held_atoms, BALANCE_DECIMALS))


def balance_to_wire(balance: domain.AssetBalance, listings: Listings) -> Balance:
    """Return a balance."""
    there = balance_number(balance)
    return Balance(
        asset=listings.asset(balance.asset_id),
        balance=there,
        hold_trade=hold_number(balance),
        wallets=(Wallet(balance=there),),
    )


def change_to_wire(balance: domain.AssetBalance, time_ns: int, listings: Listings) -> BalanceChange:
    """Return a balance as it is now; by how much it changed, the session says."""
    return BalanceChange(
        asset=listings.asset(balance.asset_id),
        amount=number("0"),
        fee=number("0"),
        balance=balance_number(balance),
        hold_trade=hold_number(balance),
        timestamp=rfc3339(time_ns),
    )


_changes = msgspec.json.Decoder(tuple[BalanceChange, ...])
_message = msgspec.json.Decoder(Message)


class BalanceLedger:
    """What a connection has been told of balances, so that changes can be told."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, bytes]] = {}

    def tell(self, entry: Balance | BalanceChange) -> int | None:
        """Take in a balance; return by how much it differs from the one before, in atoms.

        None where neither it nor what is held of it differs.
        """
        atoms = read_amount(text_of(entry.balance))
        held = bytes(entry.hold_trade) if isinstance(entry.hold_trade, Raw) else b""
        before = self._told.get(entry.asset, (0, b""))
        self._told[entry.asset] = atoms, held
        return None if (atoms, held) == before else atoms - before[0]

    def changed(self, payload: bytes) -> bytes | None:
        """Return a message with by how much it changed; None where nothing has."""
        message = _message.decode(payload)
        assert isinstance(message.data, Raw), "a message of balances has data"
        (change,) = _changes.decode(bytes(message.data))
        atoms = self.tell(change)
        if atoms is None:
            return None
        amount = number(amount_text(atoms, BALANCE_DECIMALS))
        return update(BALANCES, (msgspec.structs.replace(change, amount=amount),))


# -- the session, client end --------------------------------------------------------------------

EVENTS = {
    "new": domain.Execution.NEW,
    "trade": domain.Execution.FILL,
    "canceled": domain.Execution.CANCELED,
    "expired": domain.Execution.EXPIRED,
    "amended": domain.Execution.AMENDED,
    "restated": domain.Execution.TRIGGERED,
}
STATES = {
    "pending_new": OrderState.WORKING,
    "new": OrderState.WORKING,
    "partially_filled": OrderState.PARTIALLY_FILLED,
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
}
_executions = msgspec.json.Decoder(tuple[Execution, ...])
_token = msgspec.json.Decoder(Envelope[StreamToken])


class AccountFollower:
    """Our conversation about one account, by a token that is asked for first.

    Balances are told only where the channel says what orders hold, as our exchange's does.
    """

    role = "private"
    target = f"{PRIVATE_STREAM}/v2"

    def __init__(self, sign: Any, key: ApiKey, listings: Listings) -> None:
        self._awaited = {EXECUTIONS, BALANCES}
        self._sign, self._key, self._listings = sign, key, listings
        self._known: dict[str, Execution] = {}
        self._sequences: dict[str, int] = {}
        self._frames: list[str] = []
        self._events: list[Event] = []

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        return not self._awaited

    def opened(self, now_ns: int) -> None:
        """The connection is open; its token is on its way."""

    def errand(self, now_ns: int) -> Request | None:
        """Return the request for a token."""
        request: Request = self._sign(account.TOKEN, Nothing(), self._key, now_ns)
        return request

    def returned(self, response: Response, now_ns: int) -> None:
        """Take the token, and subscribe.

        Raises:
            DecodeError: The response has another form than documented.
            AuthError: The venue does not accept key or signature.
            RateLimited: It wants to be asked later.
        """
        try:
            told = _token.decode(response.body)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"token: {error}") from error
        if not isinstance(told.result, StreamToken):
            self._refused(", ".join(told.error), now_ns)
            return
        token = told.result.token
        for params in (
            ChannelName(channel=EXECUTIONS, token=token, snap_orders=True, snap_trades=False),
            ChannelName(channel=BALANCES, token=token, snapshot=True),
        ):
            self._frames.append(encode(Subscribe(method="subscribe", params=params)).decode())

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented, or one before it was lost.
            AuthError: The venue does not accept the token.
        """
        message = read_frame(frame)
        if isinstance(message, Ack):
            if not message.success:
                self._refused(message.error or "refused", now_ns)
            elif isinstance(message.result, Raw):
                self._awaited.discard(_channel_of(message.result))
        elif message is not None and message.channel in (EXECUTIONS, BALANCES):
            try:
                self._take(message)
            except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
                raise DecodeError(f"{message.channel}: {error}") from error

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told."""
        frames, self._frames = self._frames, []
        events, self._events = self._events, []
        return frames, events

    def _refused(self, text: str, now_ns: int) -> None:
        if text.startswith((errors.KEY_LIMIT, errors.LOCKOUT, errors.BUSY)):
            raise RateLimited(text, 60 * SECOND_NS)
        raise AuthError(f"{text} (at {now_ns} ns by our clock)", text)

    def _take(self, message: Message) -> None:
        """Take one message whole, or nothing of it."""
        is_new = message.type != "snapshot"
        before = self._sequences.get(message.channel, 0)
        if isinstance(message.sequence, int) and is_new and message.sequence != before + 1:
            raise DecodeError(
                f"{message.channel}: {message.sequence} after {before}; something was lost",
                "sequence",
            )
        if not isinstance(message.data, Raw):
            raise DecodeError(f"{message.channel}: a message has no data", "data")
        data = bytes(message.data)
        known: dict[str, Execution] = {}
        if message.channel == EXECUTIONS:
            events = self._executions_in(data, known, is_new=is_new)
        else:
            events = self._balances_in(data) if is_new else []
        if isinstance(message.sequence, int):
            self._sequences[message.channel] = message.sequence
        self._remember(known)
        self._events += events

    def _executions_in(
        self, data: bytes, known: dict[str, Execution], *, is_new: bool
    ) -> list[Event]:
        """Return what is told of orders; known gets all that is known of these from here on."""
        events: list[Event] = []
        for entry in _executions.decode(data):
            was = known.get(entry.order_id) or self._known.get(entry.order_id)
            whole = known[entry.order_id] = _merged(was, entry)
            execution = EVENTS.get(entry.exec_type)
            is_news = was is None or was.order_status != "filled"
            if entry.exec_type == "filled" and is_news and isinstance(whole.cash_order_qty, Raw):
                execution = domain.Execution.EXPIRED  # what is left of its cost buys no lot
            if not is_new or execution is None:
                continue  # the trader asks for what was before; `filled` follows a trade
            order = order_from_execution(whole, self._listings)
            if order.state is OrderState.EXPIRED:
                execution = domain.Execution.EXPIRED
            fill = fill_from_execution(whole, order, self._listings)
            time_ns = read_rfc3339(entry.timestamp)
            events.append(OrderEvent(execution, order, fill, time_ns))
        return events

    def _balances_in(self, data: bytes) -> list[Event]:
        known = {name: asset_id for asset_id, name in self._listings.assets().items()}
        events: list[Event] = []
        for change in _changes.decode(data):
            asset_id = known.get(change.asset)
            if asset_id is None or not isinstance(change.hold_trade, Raw):
                continue
            held = read_amount(text_of(change.hold_trade))
            free = read_amount(text_of(change.balance)) - held
            balance = domain.AssetBalance(asset_id, free, held)
            events.append(BalanceEvent(0, (balance,), read_rfc3339(change.timestamp)))
        return events

    def _remember(self, known: dict[str, Execution]) -> None:
        for order_id, entry in known.items():
            self._known.pop(order_id, None)
            self._known[order_id] = msgspec.structs.replace(
                entry, exec_id=UNSET, trade_id=UNSET, fees=UNSET
            )
        while len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]


def _merged(known: Execution | None, entry: Execution) -> Execution:
    """Return an entry with what was told of its order before."""
    if known is None:
        return entry
    names = (name for name in entry.__struct_fields__ if getattr(entry, name) is not UNSET)
    return msgspec.structs.replace(known, **{name: getattr(entry, name) for name in names})


class _Channel(Struct):
    channel: str = ""


def _channel_of(result: Raw) -> str:
    try:
        return msgspec.json.decode(result, type=_Channel).channel
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"an acknowledgement names no channel: {error}") from error


def order_from_execution(entry: Execution, listings: Listings) -> Order:
    """Return an order from all that was told of it.

    Raises:
        DecodeError: Something that has to be there is missing.
    """
    order_id, state = order_number(entry.order_id), STATES.get(entry.order_status)
    kind = KINDS.get(entry.order_type) if isinstance(entry.order_type, str) else None
    side = SIDES.get(entry.side) if isinstance(entry.side, str) else None
    if order_id is None or state is None or kind is None or side is None:
        raise DecodeError(f"executions: {entry.order_id[:20]!r} is of an unknown form")
    if not isinstance(entry.symbol, str) or not isinstance(entry.order_qty, Raw):
        raise DecodeError(f"executions: {entry.order_id[:20]!r} has no symbol or quantity")
    instrument = listed(entry.symbol, listings)

    def ticks(raw: Raw | msgspec.UnsetType) -> int | None:
        return read_price(instrument, text_of(raw)) or None if isinstance(raw, Raw) else None

    cost = entry.cash_order_qty
    spend_atoms = read_amount(text_of(cost)) if isinstance(cost, Raw) else None
    size_lots = 0 if spend_atoms else read_size(instrument, text_of(entry.order_qty))
    filled = entry.cum_qty
    filled_lots = read_size(instrument, text_of(filled)) if isinstance(filled, Raw) else 0
    if state is OrderState.WORKING and filled_lots:
        state = OrderState.PARTIALLY_FILLED
    if filled_lots and filled_lots == size_lots and state.is_open:
        state = OrderState.FILLED
    reason = entry.cancel_reason if isinstance(entry.cancel_reason, str) else ""
    cause = CAUSES.get(reason)
    if cause in EXPIRED and state is OrderState.CANCELED:
        state = OrderState.EXPIRED
    lifetime = entry.time_in_force.lower() if isinstance(entry.time_in_force, str) else "gtc"
    time_ns = read_rfc3339(entry.timestamp)
    return Order(
        order_id=order_id,
        client_order_id=entry.cl_ord_id if isinstance(entry.cl_ord_id, str) else "",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=kind,
        time_in_force=TimeInForce.IOC
        if kind is OrderType.MARKET
        else LIFETIMES.get(lifetime, TimeInForce.GTC),
        post_only=entry.post_only is True,
        price_ticks=ticks(entry.limit_price) if kind.has_limit else None,
        size_lots=size_lots,
        spend_atoms=spend_atoms,
        fee_asset=FeeAsset.RECEIVED if entry.fee_ccy_pref == "fcib" else FeeAsset.QUOTE,
        state=state,
        filled_lots=filled_lots,
        quote_atoms=read_amount(text_of(entry.cum_cost)) if isinstance(entry.cum_cost, Raw) else 0,
        created_ns=time_ns,
        updated_ns=time_ns,
        cancel_cause=cause,
        trigger_ticks=ticks(entry.stop_price) if kind.waits else None,
    )


def fill_from_execution(entry: Execution, order: Order, listings: Listings) -> Fill | None:
    """Return the fill in an entry; None where it has none.

    Raises:
        DecodeError: It has another form than documented.
    """
    if entry.exec_type != "trade":
        return None
    last_qty, last_price, cost = entry.last_qty, entry.last_price, entry.cost
    fees, trade_id = entry.fees, entry.trade_id
    if (
        not isinstance(last_qty, Raw)
        or not isinstance(last_price, Raw)
        or not isinstance(cost, Raw)
        or not isinstance(trade_id, int)
        or not isinstance(fees, tuple)
        or not fees
    ):
        raise DecodeError(f"executions: a trade of {entry.order_id[:20]!r} is not told whole")
    instrument = listings[order.instrument_id]
    return Fill(
        trade_id=trade_id,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account_id=0,
        instrument_id=order.instrument_id,
        side=order.side,
        price_ticks=read_price(instrument, text_of(last_price)),
        size_lots=read_size(instrument, text_of(last_qty)),
        quote_atoms=read_amount(text_of(cost)),
        liquidity=Liquidity.MAKER if entry.liquidity_ind == "m" else Liquidity.TAKER,
        fee_asset_id=listings.asset_id(fees[0].asset),
        fee_atoms=read_amount(text_of(fees[0].qty)),
        time_ns=read_rfc3339(entry.timestamp),
    )
