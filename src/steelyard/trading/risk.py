"""The one door to the venue: an order passes every limit, or is refused with a reason.

Limits are checked in a fixed order and the first that fails is told: what it is, what the
order would have made of it, and how to change it. Position counts as the worst that can come:
every open order as if filled, and an unknown one too. While an order is unknown, or its answer
is overdue, nothing may add risk on either side; what reduces the position may go. So it is while a
breaker has tripped (`breakers`), while the day has lost too much (`days`), and for what all bots of
the host may hold together (`exposure`). A market order is priced by walking the book as it stands,
one that waits for a price by that price, unless the market is there already. An amend is checked
as the order that it makes, with the old one counted too; to trade sooner than before adds risk as
a new order does. Cancels need no approval.
"""

from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from steelyard.domain.commands import Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.domain.order import OrderType, Side
from steelyard.domain.units import EXACT, from_atoms, in_full, plain, to_atoms
from steelyard.trading.books import BookView
from steelyard.trading.exposure import Alone, Exposed
from steelyard.trading.orders import Amending, Orders, OwnOrder

OVERDUE_NS = SECOND_NS // 2  # an answer that takes longer may never come


class Limits(NamedTuple):
    """What a bot may do, from its configuration. price_collar is a fraction: 0.02 is 2 %."""

    max_order_notional: Decimal  # quote
    max_position: Decimal  # base, long or short
    max_open_orders: int
    price_collar: Decimal
    max_order_size: Decimal | None = None  # base
    max_orders_per_minute: int | None = None
    max_daily_loss: Decimal | None = None  # quote
    max_gross_exposure: Decimal | None = None  # quote, of all bots of the host together
    max_leverage: Decimal | None = None  # times what the account is worth


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
    breaker: str | None = None  # why one has tripped
    protects: bool = False  # whether the order is a stop behind the position
    loss_atoms: int | None = None  # what today has lost, in quote; None: it cannot be told
    equity_atoms: int | None = None  # what the account is worth, in quote; None: it is not known
    exposed: Exposed | None = None  # what is shared with the host's other bots; None: nothing


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
        or _breaker_refusal(place, situation)
        or _unknown_refusal(place, situation)
        or _protection_refusal(place, situation)
        or _loss_refusal(place, limits, situation)
        or _price_refusal(place, limits, situation)
        or _position_refusal(place, limits, situation)
        or _leverage_refusal(place, limits, situation)
        or _count_refusal(limits, situation)
        or _rate_refusal(limits, situation)
        or _exposure_refusal(place, limits, situation)
        or Approved(place)
    )


def check_amend(
    order: OwnOrder, amending: Amending, limits: Limits, situation: Situation
) -> Refused | None:
    """Return why a change of an order may not be sent now: as if the old and the new could fill."""
    if (closed := _closed(situation)) is not None:
        return closed
    situation = situation._replace(protects=order.protects)
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
    if adds or (not order.protects and _trades_sooner(old, place)):
        at = situation
        if not amending.replaces:  # otherwise the old one may fill beside the new one
            at = situation._replace(retried=order.client_order_id)
        rest = replace(place, size_lots=place.size_lots - order.filled_lots)
        refused = (
            _breaker_refusal(rest, at)
            or _protection_refusal(rest, at)
            or _loss_refusal(rest, limits, at)
        )
        if refused is not None:
            return refused
    refused = _price_refusal(place, limits, situation) or _rate_refusal(limits, situation)
    if refused is not None or not adds:
        return refused
    side = old.side
    lots = situation.orders.exposed_lots(side) - order.exposed_lots + after
    worst = situation.position_lots + int(side) * lots
    return (
        _worst_refusal(worst, limits, situation)
        or _worst_leverage_refusal(worst, limits, situation)
        or _worst_exposure_refusal(side, worst, limits, situation)
    )


def _trades_sooner(old: Place, new: Place) -> bool:
    """Whether an order of other terms may trade where the old one would not yet."""
    if old.price_ticks is not None and new.price_ticks is not None:
        nearer = int(new.side) * (new.price_ticks - old.price_ticks)
        if nearer > 0:
            return True
    if old.trigger_ticks is None or new.trigger_ticks is None:
        return False
    return _triggers_toward(new) * (new.trigger_ticks - old.trigger_ticks) < 0


def _triggers_toward(place: Place) -> int:
    """Return where the market has to go for an order to trade: 1 is up."""
    favours = (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
    return -int(place.side) if place.order_type in favours else int(place.side)


def _is_triggered(place: Place, situation: Situation) -> bool:
    """Whether the market is where an order that waits wants it: it would trade at once."""
    half_ticks = situation.book.mid_half_ticks
    if situation.protects or half_ticks is None or place.trigger_ticks is None:
        return False  # a stop that comes too late had better trade
    return _triggers_toward(place) * (2 * place.trigger_ticks - half_ticks) <= 0


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


def _breaker_refusal(place: Place, situation: Situation) -> Refused | None:
    if situation.breaker is None or situation.protects or _reduces(place, situation):
        return None
    return Refused("breaker", f"{situation.breaker}; only what reduces the position is sent")


def _protection_refusal(place: Place, situation: Situation) -> Refused | None:
    if situation.unprotected is None or situation.protects or _reduces(place, situation):
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


def _loss_refusal(place: Place, limits: Limits, situation: Situation) -> Refused | None:
    most, lost = limits.max_daily_loss, situation.loss_atoms
    if most is None or situation.protects or _reduces(place, situation):
        return None
    if lost is None:
        return Refused("max_daily_loss", "max_daily_loss cannot be checked: there is no price yet")
    if lost < _limit_atoms(most):
        return None
    quote = situation.book.instrument.quote
    return Refused(
        "max_daily_loss",
        f"max_daily_loss is {in_full(plain(most))} {quote}, today has lost "
        f"{in_full(from_atoms(lost))} after fees; only what reduces the position is sent until "
        "00:00 UTC, or raise [risk] max_daily_loss",
    )


def _price_refusal(place: Place, limits: Limits, situation: Situation) -> Refused | None:
    """Check what the order may cost, and how far from the middle."""
    book = situation.book
    instrument = book.instrument
    most = limits.max_order_size
    if most is not None and place.size_lots > _limit_lots(most, instrument.lot_size):
        return Refused(
            "max_order_size",
            f"max_order_size is {in_full(plain(most))} {instrument.base}, this order is for "
            f"{in_full(plain(instrument.size(place.size_lots)))}; make it smaller or raise [risk] "
            "max_order_size",
        )
    is_at_once = not place.order_type.waits or _is_triggered(place, situation)
    if is_at_once and place.price_ticks is None:
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
    if not is_at_once:
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


def _leverage_refusal(place: Place, limits: Limits, situation: Situation) -> Refused | None:
    """Check what the position could come to against what the account is worth."""
    if limits.max_leverage is None:
        return None
    worst = _worst_lots(place, situation)
    if _brings_nearer(place, worst):
        return None
    return _worst_leverage_refusal(worst + int(place.side) * place.size_lots, limits, situation)


def _worst_leverage_refusal(worst: int, limits: Limits, situation: Situation) -> Refused | None:
    most, equity = limits.max_leverage, situation.equity_atoms
    if most is None:
        return None
    worth = worth_atoms(abs(worst), situation.book)
    if worth is None or equity is None:
        return Refused(
            "max_leverage", "max_leverage cannot be checked: what the account is worth is not known"
        )
    if Decimal(worth) <= EXACT.multiply(most, Decimal(equity)):
        return None
    quote = situation.book.instrument.quote
    return Refused(
        "max_leverage",
        f"max_leverage is {in_full(plain(most))}, with this order and all open ones filled the "
        f"position would be worth {in_full(from_atoms(worth))} {quote}, and the account is worth "
        f"{in_full(from_atoms(equity))}; make it smaller, pay something in or raise [risk] "
        "max_leverage",
    )


def _count_refusal(limits: Limits, situation: Situation) -> Refused | None:
    orders = situation.orders.open
    if len(orders) < limits.max_open_orders or situation.protects:
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


def _rate_refusal(limits: Limits, situation: Situation) -> Refused | None:
    """Check how many orders and changes were decided on in the last minute, those refused too."""
    most = limits.max_orders_per_minute
    if most is None or situation.protects or situation.retried:
        return None
    if situation.orders.decided_since(situation.now_ns - MINUTE_NS, most) < most:
        return None
    return Refused(
        "max_orders_per_minute",
        f"max_orders_per_minute is {most} and {most} orders or changes of orders were sent in the "
        "last minute; wait, or raise [risk] max_orders_per_minute",
    )


def _exposure_refusal(place: Place, limits: Limits, situation: Situation) -> Refused | None:
    """Take what the order needs of what all bots may hold together."""
    if limits.max_gross_exposure is None:
        return None
    worst = _worst_lots(place, situation)
    if _brings_nearer(place, worst):
        return None
    worst += int(place.side) * place.size_lots
    return _worst_exposure_refusal(place.side, worst, limits, situation)


def _worst_exposure_refusal(
    side: Side, worst: int, limits: Limits, situation: Situation
) -> Refused | None:
    """Check both sides: the one that the order is on, and what the other could come to."""
    most = limits.max_gross_exposure
    if most is None:
        return None
    other = side.opposite
    against = situation.position_lots + int(other) * situation.orders.exposed_lots(other)
    worth = worth_atoms(max(abs(worst), abs(against)), situation.book)
    exposed = situation.exposed or Exposed(Alone())
    quote = situation.book.instrument.quote
    if worth is None:
        return Refused(
            "max_gross_exposure", "max_gross_exposure cannot be checked: there is no price yet"
        )
    claim = exposed.claim(quote, worth, _limit_atoms(most), situation.now_ns)
    if claim.is_granted:
        return None
    if claim.trouble is not None:
        text = f"max_gross_exposure cannot be checked: {claim.trouble}"
        return Refused("max_gross_exposure", text)
    return Refused(
        "max_gross_exposure",
        f"max_gross_exposure is {in_full(plain(most))} {quote}, with this order and all open ones "
        f"filled this bot would have {in_full(from_atoms(worth))}, and {claim.others}; make it "
        "smaller, reduce another bot or raise [risk] max_gross_exposure",
    )


def worth_atoms(lots: int, book: BookView) -> int | None:
    """Return what so many lots are worth at the middle, in quote; rounded up. None: no middle."""
    half_ticks = book.mid_half_ticks
    if half_ticks is None:
        return None
    return -(-lots * half_ticks * book.instrument.tick_lot_atoms // 2)


def worst_lots(position_lots: int, orders: Orders) -> int:
    """Return the largest position, long or short, that a bot's orders can come to."""
    return max(
        abs(position_lots + int(side) * orders.exposed_lots(side)) for side in (Side.BUY, Side.SELL)
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
