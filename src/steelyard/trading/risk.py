"""The one door to the venue: an order passes every limit, or is refused with a reason.

Limits are checked in a fixed order and the first that fails is told: what it is, what the
order would have made of it, and how to change it. Position counts as the worst that can come:
every open order as if filled, and an unknown one too. While an order is unknown, or its answer
is overdue, nothing may add risk on either side; what reduces the position may go. A market order
is priced by walking the book as it stands, one that waits for a price by that price. An amend is
checked as the order that it makes, with the old one counted too. Cancels need no approval.
"""

from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from steelyard.domain.commands import Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import OrderType, Side
from steelyard.domain.units import EXACT, from_atoms, in_full, plain, to_atoms
from steelyard.trading.books import BookView
from steelyard.trading.orders import Amending, Orders, OwnOrder

OVERDUE_NS = SECOND_NS // 2  # an answer that takes longer may never come


class Limits(NamedTuple):
    """What a bot may do, from its configuration. price_collar is a fraction: 0.02 is 2 %."""

    max_order_notional: Decimal  # quote
    max_position: Decimal  # base, long or short
    max_open_orders: int
    price_collar: Decimal


class Situation(NamedTuple):
    """What a check looks at. The texts are None when all is well."""

    book: BookView
    orders: Orders
    position_lots: int
    now_ns: int
    killed: str | None = None
    gate: str | None = None
    retried: str = ""  # client id of an order that is counted already
    unprotected: str | None = None  # what of the position has no stop that should


class Approved(NamedTuple):
    """An order that may be sent."""

    place: Place


class Refused(NamedTuple):
    """One that may not; the limit's name, and a sentence."""

    limit: str
    text: str


def check(place: Place, limits: Limits, situation: Situation) -> Approved | Refused:
    """Return whether an order may be sent now."""
    return (
        _closed(situation)
        or _unknown_refusal(place, situation)
        or _protection_refusal(place, situation)
        or _price_refusal(place, limits, situation)
        or _position_refusal(place, limits, situation)
        or _count_refusal(limits, situation)
        or Approved(place)
    )


def check_amend(
    order: OwnOrder, amending: Amending, limits: Limits, situation: Situation
) -> Refused | None:
    """Return why a change of an order may not be sent now: as if the old and the new could fill."""
    if (closed := _closed(situation)) is not None:
        return closed
    old = order.place
    place = replace(
        old,
        price_ticks=old.price_ticks if amending.price_ticks is None else amending.price_ticks,
        size_lots=old.size_lots if amending.size_lots is None else amending.size_lots,
        trigger_ticks=(
            old.trigger_ticks if amending.trigger_ticks is None else amending.trigger_ticks
        ),
    )
    if place.size_lots <= order.filled_lots:
        return Refused(
            "amend",
            f"{in_full(plain(situation.book.instrument.size(order.filled_lots)))} of it has "
            "filled already; to end it, cancel it",
        )
    after = replace(order, amending=amending).exposed_lots
    adds = after > order.exposed_lots
    if adds or amending.price_ticks is not None:
        doubted = _unknown_refusal(place, situation._replace(retried=order.client_order_id))
        if doubted is not None:
            return doubted
    if adds and (refused := _protection_refusal(place, situation)) is not None:
        return refused
    if (refused := _price_refusal(place, limits, situation)) is not None:
        return refused
    if not adds:
        return None
    side = old.side
    lots = situation.orders.exposed_lots(side) - order.exposed_lots + after
    return _worst_refusal(situation.position_lots + int(side) * lots, limits, situation)


def _closed(situation: Situation) -> Refused | None:
    """Return why nothing may be sent at all."""
    if situation.killed is not None:
        return Refused(
            "killed", f"trading is latched off ({situation.killed}); lift it with --resume"
        )
    if situation.gate is not None:
        return Refused("gate", f"trading is gated: {situation.gate}")
    if trouble := situation.book.trouble(situation.now_ns):
        return Refused("book", f"{trouble}; orders wait until it is right again")
    return None


def _protection_refusal(place: Place, situation: Situation) -> Refused | None:
    if situation.unprotected is None or _reduces(place, situation):
        return None
    return Refused("protection", f"{situation.unprotected}; nothing that adds risk is sent")


def _unknown_refusal(place: Place, situation: Situation) -> Refused | None:
    unknown = [
        order
        for order in situation.orders.may_fill
        if _is_in_doubt(order, situation) and order.client_order_id != situation.retried
    ]
    if not unknown or _reduces(place, situation):
        return None
    return Refused(
        "unknown",
        f"order {unknown[0].client_order_id} may or may not have arrived; nothing that adds risk "
        "is sent until the venue has proven which",
    )


def _is_in_doubt(order: OwnOrder, situation: Situation) -> bool:
    if order.state is OrderState.PENDING:
        return situation.now_ns - order.created_ns > OVERDUE_NS
    if (amending := order.amending) is not None:
        is_overdue = situation.now_ns - amending.asked_ns > OVERDUE_NS
        return amending.is_unknown or is_overdue
    return order.state is OrderState.UNKNOWN


def _price_refusal(place: Place, limits: Limits, situation: Situation) -> Refused | None:
    """Check what the order may cost, and how far from the middle."""
    book = situation.book
    instrument = book.instrument
    if place.order_type is OrderType.MARKET:
        walked = book.of(place.side.opposite).walk(place.size_lots)
        if walked is None:
            size = instrument.size(place.size_lots)
            return Refused(
                "depth",
                f"the book does not hold {in_full(plain(size))} {instrument.base} for a market "
                "order; make the order smaller or give it a price",
            )
        price_ticks, tick_lots = walked
        notional_atoms = tick_lots * instrument.tick_lot_atoms
    else:
        # What waits for a price and then takes the market is worth what it waits for.
        ticks = place.trigger_ticks if place.price_ticks is None else place.price_ticks
        assert ticks is not None, "every order but a market order has a price or a trigger"
        price_ticks = ticks
        notional_atoms = instrument.notional_atoms(price_ticks, place.size_lots)
    if notional_atoms > _limit_atoms(limits.max_order_notional):
        return Refused(
            "max_order_notional",
            f"max_order_notional is {in_full(plain(limits.max_order_notional))} "
            f"{instrument.quote}, this order is worth {in_full(from_atoms(notional_atoms))}; "
            "make it smaller or raise [risk] max_order_notional",
        )
    if place.order_type.waits:
        return None  # it is to trade where the market is not yet
    return _collar_refusal(place, price_ticks, limits, book)


def _collar_refusal(
    place: Place, price_ticks: int, limits: Limits, book: BookView
) -> Refused | None:
    """Refuse to pay far more, or take far less, than the middle; a patient price may be any."""
    half_ticks = book.mid_half_ticks
    if half_ticks is None:
        return Refused(
            "price_collar",
            "price_collar cannot be checked: one side of the book is empty; orders wait",
        )
    beyond = int(place.side) * (2 * price_ticks - half_ticks)
    if beyond <= 0 or Decimal(beyond) <= EXACT.multiply(limits.price_collar, Decimal(half_ticks)):
        return None
    mid = EXACT.multiply(book.instrument.price(half_ticks), Decimal("0.5"))
    percent = in_full(plain(EXACT.multiply(limits.price_collar, Decimal(100))))
    price = in_full(book.instrument.price(price_ticks))
    return Refused(
        "price_collar",
        f"price_collar is {percent} % around {in_full(plain(mid))}, this order would trade "
        f"at {price}; mend the price or widen [risk] price_collar",
    )


def _position_refusal(place: Place, limits: Limits, situation: Situation) -> Refused | None:
    """Check the position as it would be if everything on this side filled."""
    worst = _worst_lots(place, situation)
    if _brings_nearer(place, worst):
        return None
    return _worst_refusal(worst + int(place.side) * place.size_lots, limits, situation)


def _worst_refusal(worst: int, limits: Limits, situation: Situation) -> Refused | None:
    instrument = situation.book.instrument
    if abs(worst) <= _limit_lots(limits.max_position, instrument.lot_size):
        return None
    return Refused(
        "max_position",
        f"max_position is {in_full(plain(limits.max_position))} {instrument.base}, with this order "
        f"and all open ones filled the position would be {in_full(plain(instrument.size(worst)))}; "
        "make it smaller, cancel something or raise [risk] max_position",
    )


def _count_refusal(limits: Limits, situation: Situation) -> Refused | None:
    orders = situation.orders.open
    if len(orders) < limits.max_open_orders:
        return None  # stops among them or not
    count = sum(
        not order.protects and order.client_order_id != situation.retried for order in orders
    )
    if count < limits.max_open_orders:
        return None
    return Refused(
        "max_open_orders",
        f"max_open_orders is {limits.max_open_orders} and {count} are open; cancel one or raise "
        "[risk] max_open_orders",
    )


@lru_cache(maxsize=64)
def _limit_atoms(limit: Decimal) -> int:
    """Return a limit in atoms; each order asks for the same few."""
    return to_atoms(limit)


@lru_cache(maxsize=64)
def _limit_lots(limit: Decimal, lot_size: Decimal) -> int:
    """Return a limit in whole lots, rounded down."""
    return int(EXACT.divide_int(limit, lot_size))


def _reduces(place: Place, situation: Situation) -> bool:
    """Whether an order only brings the position nearer to zero, whatever else fills."""
    return _brings_nearer(place, _worst_lots(place, situation))


def _brings_nearer(place: Place, worst_lots: int) -> bool:
    return worst_lots * int(place.side) < 0 and place.size_lots <= abs(worst_lots)


def _worst_lots(place: Place, situation: Situation) -> int:
    """Return the position as it would be if every other order on this side filled."""
    return situation.position_lots + int(place.side) * _open_lots(situation, place.side)


def _open_lots(situation: Situation, side: Side) -> int:
    lots = situation.orders.exposed_lots(side)
    if situation.retried:
        order = situation.orders[situation.retried]
        lots -= order.exposed_lots if order.place.side is side else 0
    return lots
