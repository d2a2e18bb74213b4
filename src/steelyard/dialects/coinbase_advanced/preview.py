"""What an order would cost, or a changed one: answered without placing anything.

What would be refused for its terms is told in `errs`, as it would be in `preview_failure_reason`;
what only the engine knows (balances, post-only) is looked at here as it stands now.
"""

from typing import NamedTuple

from steelyard.dialects.coinbase_advanced import errors, orders, placing
from steelyard.dialects.coinbase_advanced.order_messages import (
    Edited,
    EditPreview,
    EditRequest,
    Preview,
    PreviewRequest,
)
from steelyard.dialects.coinbase_advanced.routes import BASE, answered, nothing, signed
from steelyard.dialects.coinbase_advanced.text import average_text
from steelyard.domain.commands import Place, PlaceGroup
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    BookQuery,
    BookSnapshot,
    Refused,
    Scope,
)
from steelyard.domain.order import OrderType, RejectReason, Side
from steelyard.domain.units import fee_atoms
from steelyard.wire.dialect import Asker, SessionRefused
from steelyard.wire.numerals import amount_text, fixed, price_text, size_text, trimmed
from steelyard.wire.uuids import Id, uuid_of

LEVELS = 5_000  # of a side; more than books here have


class Cost(NamedTuple):
    """What an order would do now."""

    size_lots: int
    quote_atoms: int
    fee_atoms: int
    taken_lots: int
    taken_atoms: int


def cost_of(place: Place, book: BookSnapshot, rates: AccountAnswer, instrument: Instrument) -> Cost:
    """Return what an order would take from a book, and what the rest would cost at its price."""
    is_buy = place.side is Side.BUY
    taken_lots = taken_atoms = 0
    budget = place.quote_atoms
    for ticks, lots in book.asks if is_buy else book.bids:
        if place.order_type.waits or not _crosses(place, ticks):
            break
        want = lots
        if budget is None:
            want = min(lots, place.size_lots - taken_lots)
        else:
            want = min(lots, (budget - taken_atoms) // max(instrument.notional_atoms(ticks, 1), 1))
        taken_lots += want
        taken_atoms += instrument.notional_atoms(ticks, want)
        if want < lots:
            break
    rest_lots = 0
    if place.price_ticks is not None:
        rest_lots = max(place.size_lots - taken_lots, 0)
    rest_atoms = instrument.notional_atoms(place.price_ticks or 0, rest_lots)
    fees = fee_atoms(taken_atoms, rates.taker_rate_e8) + fee_atoms(rest_atoms, rates.maker_rate_e8)
    return Cost(taken_lots + rest_lots, taken_atoms + rest_atoms, fees, taken_lots, taken_atoms)


def _crosses(place: Place, ticks: int) -> bool:
    if place.price_ticks is None:
        return True
    return (ticks - place.price_ticks) * place.side <= 0


def _problem(
    place: Place, cost: Cost, rates: AccountAnswer, instrument: Instrument
) -> RejectReason | None:
    """Return why an order would be refused now; None where it would not."""
    is_market = place.order_type is OrderType.MARKET
    if place.post_only and cost.taken_lots:
        return RejectReason.POST_ONLY_WOULD_TAKE
    if not is_market and cost.quote_atoms < instrument.notional_min_atoms:
        return RejectReason.NOTIONAL_TOO_SMALL
    is_buy = place.side is Side.BUY
    asset_id = instrument.quote_asset_id if is_buy else instrument.base_asset_id
    free = next((b.free_atoms for b in rates.balances if b.asset_id == asset_id), 0)
    needed = (
        cost.quote_atoms + max(cost.fee_atoms, 0)
        if is_buy
        else cost.size_lots * instrument.lot_atoms
    )
    return RejectReason.INSUFFICIENT_BALANCE if needed > free else None


class _Seen(NamedTuple):
    """A book and an account as they are now."""

    instrument: Instrument
    book: BookSnapshot
    rates: AccountAnswer

    @property
    def touch(self) -> tuple[str, str]:
        """The best bid and ask."""
        bids, asks = self.book.bids, self.book.asks
        return (
            price_text(self.instrument, bids[0][0]) if bids else "",
            price_text(self.instrument, asks[0][0]) if asks else "",
        )


def _look(instrument_id: int, asker: Asker) -> _Seen:
    return _Seen(
        asker.listings[instrument_id],
        answered(asker.ask(BookQuery(instrument_id, LEVELS)), BookSnapshot),
        answered(asker.ask(AccountQuery(asker.account_id)), AccountAnswer),
    )


def _slippage(cost: Cost, seen: _Seen, side: Side) -> str:
    """Return how much worse than the best price the taken part would be, as a share."""
    levels = seen.book.asks if side is Side.BUY else seen.book.bids
    if not cost.taken_lots or not levels:
        return "0"
    best = seen.instrument.notional_atoms(levels[0][0], cost.taken_lots)
    worse = abs(cost.taken_atoms - best)
    return trimmed(fixed(worse * 10**8 // max(best, 1), 8))


def _preview(_answer: None, request: PreviewRequest, asker: Asker) -> Preview:
    try:
        place = placing.place_from_wire(request, asker)
    except UnitError as error:
        return _errs(Refused(error.reason, str(error)))
    except Unsupported as error:
        return _errs(Refused(RejectReason.UNSUPPORTED, str(error)))
    if isinstance(place, PlaceGroup):
        place = place.places[0]  # a bracket's target, or the entry that one is attached to
    seen = _look(place.instrument_id, asker)
    cost = cost_of(place, seen.book, seen.rates, seen.instrument)
    problem = _problem(place, cost, seen.rates, seen.instrument)
    bid, ask = seen.touch
    total = cost.quote_atoms + cost.fee_atoms * place.side
    return Preview(
        order_total=amount_text(total),
        commission_total=amount_text(cost.fee_atoms),
        errs=() if problem is None else (errors.REFUSED[problem].preview,),
        quote_size=amount_text(cost.quote_atoms),
        base_size=size_text(seen.instrument, cost.size_lots),
        best_bid=bid,
        best_ask=ask,
        slippage=_slippage(cost, seen, place.side),
        preview_id=uuid_of(Id.LEDGER, asker.now_ns),
        average_filled_price=average_text(seen.instrument, cost.quote_atoms, cost.size_lots),
    )


def _errs(said: Refused) -> Preview:
    failure = errors.failure(said)
    known = failure.preview_failure_reason
    return Preview(errs=(failure.error if known == errors.UNKNOWN_PREVIEW else known,))


def _edit_preview(_answer: None, request: EditRequest, asker: Asker) -> EditPreview:
    try:
        amend = orders.amend_from_wire(request, asker)
    except SessionRefused as error:
        told = error.refusal.details
        if isinstance(told, Edited):
            return EditPreview(errors=told.errors)
        raise
    order = orders.find_order(request.order_id, asker)
    if order is None:
        raise DecodeError("the order is gone", "order_id")
    price_ticks = order.price_ticks if amend.price_ticks is None else amend.price_ticks
    size_lots = order.size_lots if amend.size_lots is None else amend.size_lots
    place = Place(
        order.account_id,
        order.instrument_id,
        order.side,
        order.order_type,
        order.time_in_force,
        order.post_only,
        price_ticks,
        max(size_lots - order.filled_lots, 0),
    )
    seen = _look(order.instrument_id, asker)
    cost = cost_of(place, seen.book, seen.rates, seen.instrument)
    bid, ask = seen.touch
    return EditPreview(
        slippage=_slippage(cost, seen, order.side),
        order_total=amount_text(cost.quote_atoms + cost.fee_atoms * order.side),
        commission_total=amount_text(cost.fee_atoms),
        quote_size=amount_text(cost.quote_atoms),
        base_size=size_text(seen.instrument, cost.size_lots),
        best_bid=bid,
        best_ask=ask,
        average_filled_price=average_text(seen.instrument, cost.quote_atoms, cost.size_lots),
    )


ENDPOINTS = (
    signed(
        "POST",
        f"{BASE}/orders/preview",
        PreviewRequest,
        Preview,
        nothing,
        _preview,
        scope=Scope.READ,
        summary="What an order would cost",
    ),
    signed(
        "POST",
        f"{BASE}/orders/edit_preview",
        EditRequest,
        EditPreview,
        nothing,
        _edit_preview,
        scope=Scope.READ,
        summary="What a changed order would cost",
    ),
)
