"""Why a command was refused, in a sentence that says how to mend it."""

from steelyard.domain.commands import Amend, CancelAll, Command, Deposit, Place, Withdraw
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.order import FIELDS, RejectReason, Side
from steelyard.domain.units import from_atoms
from steelyard.engine import Engine


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
        case RejectReason.UNSUPPORTED if isinstance(command, Place):
            allowed = ", ".join(t.name for t in sorted(FIELDS[command.order_type].time_in_force))
            return (
                f"a {command.order_type.name} order takes time_in_force {allowed}; "
                "a market order has no price; post_only goes with LIMIT and GTC"
            )
    if instrument is not None:
        limits = {
            RejectReason.PRICE_OUT_OF_RANGE: "the price must be between "
            f"{instrument.tick_size} and {instrument.price(instrument.price_max_ticks)}",
            RejectReason.SIZE_TOO_SMALL: f"the smallest size is "
            f"{instrument.size(instrument.size_min_lots)} {instrument.base}",
            RejectReason.SIZE_TOO_LARGE: f"the largest size is "
            f"{instrument.size(instrument.size_max_lots)} {instrument.base}",
            RejectReason.NOTIONAL_TOO_SMALL: "price times size must be at least "
            f"{from_atoms(instrument.notional_min_atoms)} {instrument.quote}",
        }
        if reason in limits:
            return f"{limits[reason]} ({instrument.symbol})"
    return reason.name.lower().replace("_", " ")


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
    return f": the best {name} is {instrument.price(far[0][0])}" if far else ""


def _free(command: Command, instrument: Instrument | None, engine: Engine) -> str:
    match command:
        case Place() if instrument is not None:
            is_buy = command.side is Side.BUY
            asset_id = instrument.quote_asset_id if is_buy else instrument.base_asset_id
            name = instrument.quote if is_buy else instrument.base
            balance = engine.balances(command.account_id).get(asset_id)
            return f": {from_atoms(balance.free_atoms if balance else 0)} {name} is free"
        case Amend() | CancelAll() | Deposit() | Withdraw():
            return ""
        case _:
            return ""
