"""Orders, fills and balances of the library as ours, and ours as arguments of the library.

What the library leaves out is not made up: an order without a state is one that was taken and of
which nothing more is known, a size that is no whole number of lots is a DecodeError.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from steelyard.bridge.markets import asset_id
from steelyard.bridge.numbers import (
    MS_NS,
    atoms_of,
    decimal_of,
    fee_atoms_of,
    maybe_decimal,
    number_of,
    trade_number,
)
from steelyard.domain.commands import Place
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import AssetBalance
from steelyard.domain.order import CancelCause, Liquidity, OrderType, Side, TimeInForce
from steelyard.domain.units import EXACT, in_full, plain

SIDES = {"buy": Side.BUY, "sell": Side.SELL}
TYPES = {OrderType.LIMIT: "limit", OrderType.MARKET: "market"}
# What the library calls a limit order's time in force; GTC is what comes of saying nothing.
TIMES: dict[TimeInForce, str | None] = {
    TimeInForce.GTC: None,
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
}
_FORCES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_ENDS = {
    "canceled": OrderState.CANCELED,
    "cancelled": OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}
_BESIDE = frozenset({"info", "free", "used", "total", "debt", "timestamp", "datetime"})


class Call(NamedTuple):
    """The arguments of `create_order`."""

    symbol: str
    order_type: str
    side: str
    amount: str
    price: str | None
    params: dict[str, Any]


def place_call(place: Place, instrument: Instrument, symbol: str) -> Call:
    """Return how the library places an order: our id always with it.

    Raises:
        Unsupported: Neither a limit nor a market order, or with terms that are not offered here.
    """
    order_type = TYPES.get(place.order_type)
    is_market = place.order_type is OrderType.MARKET
    force = place.time_in_force
    if order_type is None or (is_market and force is not TimeInForce.IOC) or force not in TIMES:
        raise Unsupported(
            f"a {place.order_type.name} order {force.name} does not go through the bridge; it "
            "takes LIMIT with GTC, IOC or FOK, and MARKET with IOC"
        )
    beyond = (place.quote_atoms, place.display_lots, place.trigger_ticks, place.expire_ns)
    if any(term is not None for term in beyond) or place.slide or place.reduce_only:
        raise Unsupported("only price, size, time in force and post-only go through the bridge")
    if not place.client_order_id:
        raise Unsupported("no order goes through the bridge without an id of ours")
    params: dict[str, Any] = {"clientOrderId": place.client_order_id}
    if place.post_only:
        params["postOnly"] = True
    if not is_market and (spelled := TIMES[force]) is not None:
        params["timeInForce"] = spelled
    price = (
        None if place.price_ticks is None else in_full(plain(instrument.price(place.price_ticks)))
    )
    size = in_full(plain(instrument.size(place.size_lots)))
    return Call(symbol, order_type, place.side.name.lower(), size, price, params)


def order_of(
    found: Mapping[str, Any],
    instrument: Instrument,
    now_ns: int,
    client_order_id: str,
    placed: Place | None = None,
) -> Order:
    """Return an order of the library.

    client_order_id is what it is called where the library does not tell; placed is what it was
    placed with, for what an answer leaves out.

    Raises:
        DecodeError: Something of it is missing or cannot be counted.
    """
    number = number_of(_text(found, "id"))
    side = SIDES.get(str(found.get("side") or (placed and placed.side.name.lower())))
    if side is None:
        raise DecodeError(f"order {number} is neither bought nor sold")
    order_type = _type_of(found, placed)
    size_lots = _lots(found.get("amount"), instrument, "an order's size")
    if size_lots is None and placed is not None:
        size_lots = placed.size_lots
    filled_lots = _lots(found.get("filled"), instrument, "an order's filled size") or 0
    if size_lots is None:
        raise DecodeError(f"order {number} has no size")
    price_ticks = _price(found, instrument, order_type, placed)
    state, cause = _state_of(found, order_type, filled_lots, size_lots)
    created_ms = found.get("timestamp")
    created_ns = int(created_ms) * MS_NS if isinstance(created_ms, int) else now_ns
    updated_ms = found.get("lastUpdateTimestamp") or found.get("lastTradeTimestamp")
    cost = maybe_decimal(found.get("cost"), "an order's cost")
    named = found.get("clientOrderId")
    force = _FORCES.get(str(found.get("timeInForce")), TimeInForce.GTC)
    if placed is not None:
        force = placed.time_in_force
    elif order_type is OrderType.MARKET:
        force = TimeInForce.IOC
    return Order(
        order_id=number,
        client_order_id=client_order_id or (named if isinstance(named, str) else ""),
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=order_type,
        time_in_force=force,
        post_only=bool(found.get("postOnly")) or (placed is not None and placed.post_only),
        price_ticks=price_ticks,
        size_lots=size_lots,
        state=state,
        filled_lots=filled_lots,
        quote_atoms=0 if cost is None else atoms_of(cost),
        created_ns=created_ns,
        updated_ns=int(updated_ms) * MS_NS if isinstance(updated_ms, int) else now_ns,
        cancel_cause=cause,
    )


def fill_of(found: Mapping[str, Any], instrument: Instrument, client_order_id: str) -> Fill:
    """Return a trade of the account.

    Its price is rounded to the tick where it is finer; what it was worth is exact, as the venue
    tells it. A fee finer than an atom is rounded up.

    Raises:
        DecodeError: Something of it is missing, or its size is no whole number of lots.
    """
    trade_id, order = _text(found, "id"), _text(found, "order")
    time_ms, side = found.get("timestamp"), SIDES.get(str(found.get("side")))
    if not isinstance(time_ms, int) or side is None:
        raise DecodeError(f"trade {trade_id} has no time or side")
    price = decimal_of(found.get("price"), "a fill's price")
    lots = _lots(found.get("amount"), instrument, "a fill's size")
    if not lots or price <= 0:
        raise DecodeError(f"trade {trade_id} has no size or price")
    ticks, rest = EXACT.divmod(price, instrument.tick_size)
    cost = maybe_decimal(found.get("cost"), "a fill's cost")
    exact = EXACT.multiply(price, instrument.size(lots))
    worth = exact if not rest or cost is None else cost
    fee_asset, fee = _fee(found)
    return Fill(
        trade_id=trade_number(trade_id, time_ms),
        order_id=number_of(order),
        client_order_id=client_order_id,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        price_ticks=int(ticks) + (1 if 2 * rest >= instrument.tick_size else 0),
        size_lots=lots,
        quote_atoms=atoms_of(worth),
        liquidity=Liquidity.MAKER if found.get("takerOrMaker") == "maker" else Liquidity.TAKER,
        fee_asset_id=asset_id(fee_asset) if fee_asset else instrument.quote_asset_id,
        fee_atoms=fee_atoms_of(fee),
        time_ns=time_ms * MS_NS,
    )


def balances_of(found: Mapping[str, Any]) -> tuple[AssetBalance, ...]:
    """Return what an account has; assets of which there is nothing are left out.

    Raises:
        DecodeError: An amount is no number.
    """
    balances = []
    for name, account in found.items():
        if name in _BESIDE or not isinstance(account, Mapping):
            continue
        free = maybe_decimal(account.get("free"), f"free {name}")
        used = maybe_decimal(account.get("used"), f"held {name}")
        total = maybe_decimal(account.get("total"), f"{name} in all")
        if free is None:
            free = (total or Decimal(0)) - (used or Decimal(0))
        if used is None:
            used = Decimal(0) if total is None else total - free
        if free or used:
            try:
                number = asset_id(name)
            except DecodeError:
                continue  # nothing that could be traded here
            balances.append(AssetBalance(number, atoms_of(free), atoms_of(used)))
    return tuple(balances)


def _fee(found: Mapping[str, Any]) -> tuple[str, Decimal]:
    """Return the fee of a trade and its asset; of several, those of the first asset."""
    fees = found.get("fees")
    rows = [*fees] if isinstance(fees, list) else []
    if isinstance(fee := found.get("fee"), Mapping) and not rows:
        rows = [fee]
    asset, amount = "", Decimal(0)
    for row in rows:
        cost = maybe_decimal(row.get("cost"), "a fee")
        name = str(row.get("currency") or "")
        if cost is None or not name or (asset and name != asset):
            continue
        asset, amount = name, amount + cost
    return asset, amount


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise DecodeError(f"the library tells no {name} of what the venue told")
    return value


def _lots(value: Any, instrument: Instrument, what: str) -> int | None:
    size = maybe_decimal(value, what)
    if size is None:
        return None
    if size == 0:
        return 0
    try:
        return instrument.size_lots(size, what)
    except UnitError as error:
        raise DecodeError(str(error)) from error


def _type_of(found: Mapping[str, Any], placed: Place | None) -> OrderType:
    if placed is not None:
        return placed.order_type
    return OrderType.MARKET if found.get("type") == "market" else OrderType.LIMIT


def _price(
    found: Mapping[str, Any], instrument: Instrument, order_type: OrderType, placed: Place | None
) -> int | None:
    if order_type is OrderType.MARKET:
        return None
    if placed is not None:
        return placed.price_ticks
    price = maybe_decimal(found.get("price"), "an order's price")
    if price is None or price <= 0:
        raise DecodeError("a limit order has no price")
    try:
        return instrument.price_ticks(price)
    except UnitError as error:
        raise DecodeError(str(error)) from error


def _state_of(
    found: Mapping[str, Any], order_type: OrderType, filled_lots: int, size_lots: int
) -> tuple[OrderState, CancelCause | None]:
    status = found.get("status")
    is_whole = filled_lots >= size_lots > 0
    if status in _ENDS:
        state = _ENDS[str(status)]
        if is_whole and state is not OrderState.REJECTED:
            return OrderState.FILLED, None
        return state, CancelCause.USER if state is OrderState.CANCELED else None
    if status == "closed" or is_whole:
        if is_whole:
            return OrderState.FILLED, None
        if order_type is OrderType.MARKET:
            return OrderState.EXPIRED, CancelCause.NO_LIQUIDITY
        return OrderState.CANCELED, CancelCause.USER
    return (OrderState.PARTIALLY_FILLED if filled_lots else OrderState.WORKING), None
