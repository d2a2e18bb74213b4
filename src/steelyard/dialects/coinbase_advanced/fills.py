"""Fills over REST, both ways, and what they have cost.

The invariant: a fill is told under the number under which its order is told (see `brackets`).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from steelyard.dialects.coinbase_advanced import brackets, order_messages
from steelyard.dialects.coinbase_advanced.order_messages import Fills, FillsRequest, OrdersRequest
from steelyard.dialects.coinbase_advanced.routes import (
    BASE,
    KEPT_MAX,
    answered,
    check_portfolio,
    limit_of,
    listed,
    moment,
    part_of,
    product_of,
    signed,
)
from steelyard.dialects.coinbase_advanced.text import (
    LIQUIDITIES,
    LIQUIDITY_NAMES,
    SIDE_NAMES,
    SIDES,
    trade_number,
)
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import FillList, FillsQuery
from steelyard.domain.order import Liquidity
from steelyard.wire.dialect import Asker
from steelyard.wire.moments import from_iso, iso
from steelyard.wire.numerals import (
    amount_text,
    price_text,
    read_amount,
    read_price,
    read_size,
    size_text,
)
from steelyard.wire.uuids import Id, number_of, order_uuid, profile_uuid, user_id, uuid_of

FILLS_DEFAULT, FILLS_MAX = 100, 1_000
Number = Callable[[str], int]  # of an order's id


def fees_of(fills: Iterable[Fill], instrument: Instrument) -> int:
    """Return what fills have cost, of the quote asset."""
    return sum(fill.fee_atoms for fill in fills if fill.fee_asset_id == instrument.quote_asset_id)


def fills_by_order(orders: Sequence[Order], asker: Asker) -> dict[int, list[Fill]]:
    """Return the fills of orders, oldest first, by the numbers under which orders are told."""
    found: dict[int, list[Fill]] = {}
    if any(order.filled_lots for order in orders):
        told = {brackets.acting_number(order): order.order_id for order in orders}
        only = next(iter(told)) if len(orders) == 1 else None
        query = FillsQuery(asker.account_id, KEPT_MAX, order_id=only)
        for fill in answered(asker.ask(query), FillList).fills:
            found.setdefault(told.get(fill.order_id, fill.order_id), []).append(fill)
    return found


def products_of(request: OrdersRequest | FillsRequest, asker: Asker) -> frozenset[int]:
    """Return the products that a list is asked for."""
    names = {*request.product_ids, *((request.product_id,) if request.product_id else ())}
    return frozenset(product_of(name, asker.listings).instrument_id for name in names)


def only_product(request: OrdersRequest | FillsRequest, asker: Asker) -> int | None:
    """Return the product that a list is asked for, where it is one."""
    found = products_of(request, asker)
    return next(iter(found)) if len(found) == 1 else None


def _fills_query(request: FillsRequest, asker: Asker) -> FillsQuery:
    check_portfolio(request.retail_portfolio_id, asker)
    return FillsQuery(
        asker.account_id,
        KEPT_MAX,
        only_product(request, asker),
        start_ns=moment(request.start_sequence_timestamp, "start_sequence_timestamp"),
        end_ns=moment(request.end_sequence_timestamp, "end_sequence_timestamp"),
    )


def _fills(answer: Any, request: FillsRequest, asker: Asker) -> Fills:
    products = products_of(request, asker)
    names = {*request.order_ids, *((request.order_id,) if request.order_id else ())}
    ids, trades = {number_of(Id.ORDER, each) for each in names}, set(request.trade_ids)
    numbers = brackets.told_numbers(asker, KEPT_MAX)
    found = [
        fill
        for fill in (_told(each, numbers) for each in answered(answer, FillList).fills)
        if (not products or fill.instrument_id in products)
        and (not ids or fill.order_id in ids)
        and (not trades or str(fill.trade_id) in trades)
    ][::-1]
    places = [len(found) - place for place in range(len(found))]  # none moves: the oldest is 1
    most = limit_of(request.limit, FILLS_DEFAULT, FILLS_MAX)
    part, cursor = part_of(found, places, request.cursor, most)
    if request.sort_by == "PRICE":
        part.sort(key=lambda fill: fill.price_ticks, reverse=True)
    return Fills(tuple(fill_to_wire(fill, asker.listings) for fill in part), cursor)


def _told(fill: Fill, numbers: dict[int, int]) -> Fill:
    number = numbers.get(fill.order_id)
    return fill if number is None else replace(fill, order_id=number)


def fill_to_wire(fill: Fill, listings: Listings) -> order_messages.Fill:
    """Return an execution."""
    instrument = listings[fill.instrument_id]
    entry = fill.order_id << 24 ^ fill.trade_id
    return order_messages.Fill(
        entry_id=uuid_of(Id.LEDGER, entry & (1 << 64) - 1),
        trade_id=str(fill.trade_id),
        order_id=order_uuid(fill.order_id),
        trade_time=iso(fill.time_ns),
        price=price_text(instrument, fill.price_ticks),
        size=size_text(instrument, fill.size_lots),
        commission=amount_text(fees_of((fill,), instrument)),
        product_id=instrument.symbol,
        sequence_timestamp=iso(fill.time_ns),
        liquidity_indicator=LIQUIDITY_NAMES[fill.liquidity],
        user_id=user_id(fill.account_id),
        side=SIDE_NAMES[fill.side],  # type: ignore[arg-type]
        retail_portfolio_id=profile_uuid(fill.account_id),
    )


def fill_from_wire(wire: order_messages.Fill, listings: Listings, number: Number) -> Fill:
    """Return an execution; its fee is in the quote asset.

    Raises:
        DecodeError: Of an unknown product, or off its steps.
    """
    instrument = listed(wire.product_id, listings)
    price_ticks, time_ns = read_price(instrument, wire.price), from_iso(wire.trade_time)
    if wire.size_in_quote:
        size_lots = read_amount(wire.size) // max(instrument.notional_atoms(price_ticks, 1), 1)
    else:
        size_lots = read_size(instrument, wire.size)
    return Fill(
        trade_id=trade_number(wire.trade_id, time_ns),
        order_id=number(wire.order_id),
        client_order_id="",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=SIDES[wire.side],
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=LIQUIDITIES.get(wire.liquidity_indicator, Liquidity.TAKER),
        fee_asset_id=instrument.quote_asset_id,
        fee_atoms=read_amount(wire.commission or "0"),
        time_ns=time_ns,
    )


FILLS = signed(
    "GET",
    f"{BASE}/orders/historical/fills",
    FillsRequest,
    Fills,
    _fills_query,
    _fills,
    summary="Fills, newest first",
)
