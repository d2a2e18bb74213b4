"""Why a command was refused, in a sentence that says how to mend it."""

from collections.abc import Iterable
from decimal import Decimal

from steelyard.domain.commands import (
    Amend,
    CancelAll,
    Command,
    Deposit,
    Effect,
    Place,
    PlaceGroup,
    Rejected,
    Withdraw,
)
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import Refused
from steelyard.domain.order import FIELDS, GroupKind, Need, RejectReason, Side
from steelyard.domain.units import EXACT, RATE_SCALE, from_atoms, in_full, plain
from steelyard.engine import Engine
from steelyard.exchange.telling import asked_by
from steelyard.wire.dialect import AccessReason, Refusal

_PERCENT_E8 = Decimal(RATE_SCALE // 100)
_GROUPS = {
    GroupKind.BASKET: "2 to 20 orders that may each be placed alone, but no market buys and none "
    "that is post_only and would meet another of them",
    GroupKind.OCO: "two orders of one instrument, side and size that rest or wait: no MARKET, IOC "
    "or FOK",
    GroupKind.OTO: "an entry (LIMIT or MARKET, by size) and one more order of its instrument",
    GroupKind.BRACKET: "an entry (LIMIT or MARKET, by size) and two exits of its instrument and "
    "size and of the other side",
}


UNKNOWN_ORDER = Refused(
    RejectReason.UNKNOWN_ORDER, "no such order on this account; list the open ones to see ids"
)


def malformed(error: DecodeError) -> Refusal:
    """Return the refusal of a request that cannot be read."""
    return Refusal(AccessReason.MALFORMED, str(error), error.field, code=error.code)


def in_words(error: UnitError | Unsupported | DecodeError) -> Refusal:
    """Return the refusal that says why a request cannot be carried out."""
    if isinstance(error, UnitError):
        return Refusal(error.reason, str(error), error.field)
    if isinstance(error, Unsupported):
        return Refusal(RejectReason.UNSUPPORTED, str(error))
    return malformed(error)


def refused(
    command: Command, effects: Iterable[Effect], listings: Listings, engine: Engine
) -> Refused:
    """Return why; of a group, why the first order with a reason of its own was refused."""
    rejected = [e for e in effects if isinstance(e, Rejected)]
    first = next((e for e in rejected if e.reason is not RejectReason.GROUP_REFUSED), rejected[0])
    asked = [*asked_by(command)]
    place = rejected.index(first)
    about = asked[place] if asked else command
    message = explain(first.reason, about, listings, engine)
    if isinstance(command, PlaceGroup):
        if first.reason is RejectReason.UNSUPPORTED:
            message = explain(first.reason, command, listings, engine)
        message = f"order {place + 1} of {len(asked)}: {message}"
    return Refused(first.reason, message, order_id=first.order_id)


def explain(reason: RejectReason, command: Command, listings: Listings, engine: Engine) -> str:
    """Return a sentence on a refusal: what was wrong, what is allowed, what to do."""
    instrument = _instrument_of(command, listings)
    match reason:
        case RejectReason.UNKNOWN_ACCOUNT:
            return "there is no such account"
        case RejectReason.UNKNOWN_INSTRUMENT:
            return f"no such instrument; there are {', '.join(i.symbol for i in listings)}"
        case RejectReason.UNKNOWN_ORDER:
            return "no such open order on this account; it may have filled or been canceled"
        case RejectReason.POST_ONLY_WOULD_TAKE:
            return "a post-only order at this price would trade at once" + _touch(
                command, instrument, engine
            )
        case RejectReason.INSUFFICIENT_BALANCE:
            return "not enough free balance" + _free(command, instrument, engine)
        case RejectReason.SIZE_BELOW_FILLED:
            return "the new size must be above what has filled already; cancel the order instead"
        case RejectReason.AMOUNT_TOO_LARGE:
            return "the amount is beyond what the books can hold"
        case RejectReason.UNKNOWN_TRANSFER:
            return "no such pending transfer; it may have been carried out or canceled"
        case RejectReason.WOULD_TRIGGER:
            return (
                "the market is at the trigger price already, so the order would act at once; "
                "place it without a trigger, or choose one that is still ahead"
            )
        case RejectReason.TRAIL_OUT_OF_RANGE:
            return "a trail is at least one tick, or a rate above 0 and below 100 %"
        case RejectReason.EXPIRY_NOT_AHEAD:
            return "the order would have expired already; choose a later time"
        case RejectReason.DISPLAY_OUT_OF_RANGE:
            return "what the book shows is 0 (hidden), or from the smallest order to the whole size"
        case RejectReason.UNSUPPORTED if isinstance(command, Place):
            return _offered(command)
        case RejectReason.UNSUPPORTED if isinstance(command, PlaceGroup):
            return f"a group of kind {command.kind.name} takes {_GROUPS[command.kind]}"
        case RejectReason.UNSUPPORTED if isinstance(command, Amend):
            return (
                "an order of a group cannot be amended, nor a trigger where there is none to "
                "change; cancel it and place another"
            )
    if instrument is not None:
        limits = {
            RejectReason.PRICE_OUT_OF_RANGE: "the price must be between "
            f"{in_full(instrument.tick_size)} and "
            f"{in_full(instrument.price(instrument.price_max_ticks))}",
            RejectReason.SIZE_TOO_SMALL: f"the smallest size is "
            f"{in_full(instrument.size(instrument.size_min_lots))} {instrument.base}",
            RejectReason.SIZE_TOO_LARGE: f"the largest size is "
            f"{in_full(instrument.size(instrument.size_max_lots))} {instrument.base}",
            RejectReason.NOTIONAL_TOO_SMALL: "price times size must be at least "
            f"{in_full(from_atoms(instrument.notional_min_atoms))} {instrument.quote}",
            RejectReason.NOTIONAL_TOO_LARGE: "price times size must be at most "
            f"{in_full(from_atoms(instrument.notional_max_atoms))} {instrument.quote}",
            RejectReason.PRICE_OUTSIDE_BAND: "the price must be within "
            f"{in_full(plain(EXACT.divide(Decimal(instrument.band_rate_e8), _PERCENT_E8)))} % of "
            "the mark price, or of the last trade where there is none",
            RejectReason.TOO_MANY_ORDERS: "an account may have "
            f"{instrument.orders_max} open orders; cancel one first",
            RejectReason.TOO_MANY_TRIGGERS: "an account may have "
            f"{instrument.triggers_max} orders that wait for a trigger; cancel one first",
            RejectReason.MARKET_MAINTENANCE: "the market is in maintenance; try again later",
            RejectReason.MARKET_HALTED: "the market is halted: only cancels pass",
            RejectReason.MARKET_CANCEL_ONLY: "the market takes cancels only",
            RejectReason.MARKET_POST_ONLY: "the market takes limit orders with post_only only",
        }
        if reason in limits:
            return f"{limits[reason]} ({instrument.symbol})"
    return reason.name.lower().replace("_", " ")


# Each API has names of its own for these.
_WORDS = {
    "price_ticks": "price",
    "post_only": "post-only",
    "quote_atoms": "amount of quote",
    "display_lots": "display size",
    "trigger_ticks": "trigger price",
    "trail": "trailing distance",
    "activation_ticks": "activation price",
    "activation_direction": "activation direction",
    "reduce_only": "reduce-only",
}


def _offered(place: Place) -> str:
    """Return what goes with an order's type."""
    fields = FIELDS[place.order_type]
    allowed = ", ".join(t.name for t in sorted(fields.time_in_force))
    needs = fields._asdict()
    del needs["time_in_force"]
    must = [_WORDS[name] for name, need in needs.items() if need is Need.MUST]
    may = [_WORDS[name] for name, need in needs.items() if need is Need.MAY]
    return (
        f"a {place.order_type.name} order takes time in force {allowed}"
        + (f", must have {', '.join(must)}" if must else "")
        + (f", may have {', '.join(may)}" if may else "")
        + ", and nothing else; post-only and a display size go with GTC and GTD, an expiry with "
        "GTD; a size or an amount of quote says how much"
    )


def _instrument_of(command: Command, listings: Listings) -> Instrument | None:
    match command:
        case Place() if listings.has(command.instrument_id):
            return listings[command.instrument_id]
        case _:
            return None


def _touch(command: Command, instrument: Instrument | None, engine: Engine) -> str:
    if not isinstance(command, Place) or instrument is None:
        return ""
    levels = engine.book(instrument.instrument_id, 1)
    far = levels.asks if command.side is Side.BUY else levels.bids
    name = "ask" if command.side is Side.BUY else "bid"
    return f": the best {name} is {in_full(instrument.price(far[0][0]))}" if far else ""


def _free(command: Command, instrument: Instrument | None, engine: Engine) -> str:
    match command:
        case Place() if instrument is not None:
            is_buy = command.side is Side.BUY
            asset_id = instrument.quote_asset_id if is_buy else instrument.base_asset_id
            name = instrument.quote if is_buy else instrument.base
            balance = engine.balances(command.account_id).get(asset_id)
            free = from_atoms(balance.free_atoms if balance else 0)
            return f": {in_full(free)} {name} is free"
        case Amend() | CancelAll() | Deposit() | Withdraw():
            return ""
        case _:
            return ""
