"""Money of orders: what they hold, what a trade moves, what it costs.

An order holds `remaining_lots * hold_per_lot` of one asset, so every partial fill gives back a
whole share. A buy whose fee is taken in quote holds the fee too, rounded up per lot, which is
never less than the fees of its fills. Of an OCO only the order that needs more holds. Orders that
wait for their entry, market buys and orders by quote_atoms hold nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from steelyard.domain.commands import FEES, HOUSE, Filled
from steelyard.domain.order import FeeAsset, GroupKind, Liquidity, Side
from steelyard.domain.units import RATE_SCALE, fee_atoms
from steelyard.engine.book import Order
from steelyard.engine.reference.fees import count_volume
from steelyard.engine.reference.state import Market, State

TOKEN_FEE_MAX_ATOMS = 2**64  # a larger fee in quote is not converted: the product stays an i128


def hold_asset(state: State, order: Order) -> int:
    """Return the asset that an order holds."""
    instrument = state.market(order).instrument
    return instrument.quote_asset_id if order.side > 0 else instrument.base_asset_id


def hold_per_lot(state: State, order: Order) -> int:
    """Return what one lot of an order holds."""
    instrument = state.market(order).instrument
    if order.side < 0:
        return instrument.lot_atoms
    if order.price_ticks is None:
        return 0
    cost = order.price_ticks * instrument.tick_lot_atoms
    if order.fee_asset is FeeAsset.QUOTE:
        cost += fee_atoms(cost, max(order.maker_rate_e8, order.taker_rate_e8, 0))
    return cost


def hold_atoms(state: State, order: Order) -> int:
    """Return what an order needs to hold alone."""
    return order.remaining_lots * hold_per_lot(state, order)


def held_atoms(state: State, order: Order) -> int:
    """Return what is held for an order, or once for the two of an OCO."""
    if not order.is_holding:
        return 0
    group = state.groups.get(order.group_id)
    if group is None or group.kind is not GroupKind.OCO:
        return hold_atoms(state, order)
    return max(hold_atoms(state, each) for each in group.pair)


def free_atoms(state: State, order: Order) -> int:
    """Return what its account has free of the asset that an order holds."""
    return state.ledger.free_atoms(order.account_id, hold_asset(state, order))


def hold(state: State, orders: list[Order]) -> None:
    """Set aside what an order, or an OCO, needs."""
    for order in orders:
        order.is_holding = True
    first = orders[0]
    state.ledger.hold(first.account_id, hold_asset(state, first), held_atoms(state, first))


def release_share(state: State, order: Order, lots: int) -> None:
    """Give back what was held for lots that have traded; an order of an OCO has left it before."""
    atoms = lots * hold_per_lot(state, order)
    state.ledger.release(order.account_id, hold_asset(state, order), atoms)


def release(state: State, order: Order, *, staying: Order | None = None) -> None:
    """Give back what is held for an order, but for what the other one of an OCO needs."""
    kept = hold_atoms(state, staying) if staying else 0
    atoms = held_atoms(state, order) - kept
    state.ledger.release(order.account_id, hold_asset(state, order), atoms)


@contextmanager
def reheld(state: State, order: Order) -> Iterator[None]:
    """Hold what an order needs after a change that is made inside of this."""
    before = held_atoms(state, order)
    yield
    more = held_atoms(state, order) - before
    move = state.ledger.hold if more > 0 else state.ledger.release
    move(order.account_id, hold_asset(state, order), abs(more))


def swap(
    state: State, market: Market, buyer: Order | None, seller: Order | None, price: int, lots: int
) -> None:
    """Move base against quote; None is the house."""
    instrument = market.instrument
    buying = buyer.account_id if buyer else HOUSE
    selling = seller.account_id if seller else HOUSE
    notional = instrument.notional_atoms(price, lots)
    state.ledger.move(instrument.quote_asset_id, buying, selling, notional)
    state.ledger.move(instrument.base_asset_id, selling, buying, lots * instrument.lot_atoms)


def charge(
    state: State, order: Order, trade_id: int, price: int, lots: int, liquidity: Liquidity
) -> None:
    """Take one side's fee, or give its rebate, count its volume and tell its owner of the fill."""
    market = state.market(order)
    rate = order.maker_rate_e8 if liquidity is Liquidity.MAKER else order.taker_rate_e8
    asset_id, fee = _fee(state, order, price, lots, rate)
    payer, payee = (order.account_id, FEES) if fee >= 0 else (FEES, order.account_id)
    state.ledger.move(asset_id, payer, payee, abs(fee))
    count_volume(state, order.account_id, market.instrument, price, lots)
    state.effects.append(
        Filled(
            order.order_id,
            order.account_id,
            order.instrument_id,
            trade_id,
            order.side,
            price,
            lots,
            order.remaining_lots,
            liquidity,
            asset_id,
            fee,
        )
    )


def _fee(state: State, order: Order, price: int, lots: int, rate_e8: int) -> tuple[int, int]:
    """Return the asset and the amount of a fill's fee."""
    instrument = state.market(order).instrument
    in_quote = fee_atoms(instrument.notional_atoms(price, lots), rate_e8)
    if order.fee_asset is FeeAsset.TOKEN:
        token = state.tokens.get(instrument.quote_asset_id)
        # A sell by amount holds nothing: a fee in what it sells could take what it still needs.
        sells_by_amount = order.side is Side.SELL and order.quote_atoms is not None
        if sells_by_amount and token and token.asset_id == instrument.base_asset_id:
            token = None
        if token and 0 < in_quote <= TOKEN_FEE_MAX_ATOMS:
            discounted = fee_atoms(in_quote, RATE_SCALE - token.discount_e8)
            fee = fee_atoms(discounted, token.rate_e8)
            if fee <= state.ledger.free_atoms(order.account_id, token.asset_id):
                return token.asset_id, fee
    if order.side is Side.BUY and order.fee_asset is not FeeAsset.QUOTE:
        return instrument.base_asset_id, fee_atoms(lots * instrument.lot_atoms, rate_e8)
    return instrument.quote_asset_id, in_quote
