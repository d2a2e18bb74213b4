"""Words of Advanced Trade, and numbers that only it prints.

Prices, sizes and amounts are `wire.numerals`, times `wire.moments`, ids `wire.uuids`. What divides
(averages, shares) is rounded half up, and nobody counts with it.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b

from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import (
    CancelCause,
    Liquidity,
    OrderType,
    RejectReason,
    Side,
    TimeInForce,
)
from steelyard.domain.units import TEXT_MAX
from steelyard.wire.moments import iso
from steelyard.wire.numerals import fixed, trimmed

SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
SIDE_NAMES = {side: name for name, side in SIDES.items()}
TIMES_IN_FORCE = {
    "GOOD_UNTIL_CANCELLED": TimeInForce.GTC,
    "GOOD_UNTIL_DATE_TIME": TimeInForce.GTD,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
}
TIME_IN_FORCE_NAMES = {tif: name for name, tif in TIMES_IN_FORCE.items()}
LIQUIDITIES = {"MAKER": Liquidity.MAKER, "TAKER": Liquidity.TAKER}
LIQUIDITY_NAMES = {liquidity: name for name, liquidity in LIQUIDITIES.items()}
NO_TIME = "0001-01-01T00:00:00Z"
NO_TRIGGER, PENDING_TRIGGER, TRIGGERED = "INVALID_ORDER_TYPE", "STOP_PENDING", "STOP_TRIGGERED"
SHOWN_MAX = 60  # characters of a wrong value that are repeated to its sender
AVERAGE_DECIMALS = 12
SHARE_DECIMALS = 2
_US_NS = 1_000
_SPREAD = 1_000  # fills of one microsecond that are told apart


def shown(text: str) -> str:
    """Return what came in, cut to a length and without surprises, to be repeated to its sender."""
    return ascii(text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "...")


# -- orders -------------------------------------------------------------------------------------


def is_bracket(order: Order) -> bool:
    """Whether an order stands for a pair, see `brackets`: a limit order with a trigger."""
    return order.order_type is OrderType.LIMIT and order.trigger_ticks is not None


def type_of(order: Order) -> str:
    """Return the venue's word for an order's type."""
    if order.order_type is OrderType.MARKET:
        return "MARKET"
    if is_bracket(order):
        return "BRACKET"
    if not order.order_type.waits:
        return "LIMIT"
    return "STOP_LIMIT" if order.order_type.has_limit else "STOP"


TYPE_TITLES = {
    "MARKET": "Market",
    "STOP": "Stop",
    "STOP_LIMIT": "Stop Limit",
    "LIMIT": "Limit",
    "BRACKET": "Bracket",
}


def status_of(order: Order) -> str:
    """Return the venue's word for an order's state."""
    match order.state:
        case OrderState.FILLED:
            return "FILLED"
        case OrderState.REJECTED:
            return "FAILED"
        case state if state.is_open:
            return "PENDING" if order.is_pending else "OPEN"
        case _:
            return "EXPIRED" if order.cancel_cause is CancelCause.EXPIRED else "CANCELLED"


def state_of(status: str, tif: TimeInForce, filled_lots: int) -> OrderState:
    """Return an order's state; what its own terms canceled has expired.

    Raises:
        DecodeError: A word that we do not know.
    """
    match status:
        case "PENDING" | "OPEN" | "QUEUED" | "CANCEL_QUEUED" | "EDIT_QUEUED":
            return OrderState.PARTIALLY_FILLED if filled_lots else OrderState.WORKING
        case "FILLED":
            return OrderState.FILLED
        case "CANCELLED":
            at_once = tif in (TimeInForce.IOC, TimeInForce.FOK)
            return OrderState.EXPIRED if at_once else OrderState.CANCELED
        case "EXPIRED":
            return OrderState.EXPIRED
        case "FAILED":
            return OrderState.REJECTED
        case _:
            raise DecodeError(f"an order of status {shown(status)}", "status")


def trigger_of(order: Order) -> str:
    """Return whether an order waits for its price."""
    if not order.order_type.waits and not is_bracket(order):
        return NO_TRIGGER
    return TRIGGERED if order.triggered_ns else PENDING_TRIGGER


def completion_text(order: Order) -> str:
    """Return how much of an order has filled, in percent; of one by money, how much was spent.

    What is left of money that buys no further lot does not count: a filled order is complete.
    """
    if order.state is OrderState.FILLED:
        return "100"
    if order.spend_atoms is not None:
        return share_text(order.quote_atoms, order.spend_atoms)
    return share_text(order.filled_lots, order.size_lots)


def cancel_text(order: Order) -> str:
    """Return why an order was canceled; one that was not says nothing."""
    cause = order.cancel_cause
    if cause is None:
        return ""
    return "User requested cancel" if cause is CancelCause.USER else cause.name.replace("_", " ")


_CAUSES = {cause.name.replace("_", " "): cause for cause in CancelCause}


def cause_of(text: str, state: OrderState) -> CancelCause | None:
    """Return why an order ended, as far as its text and its state say it."""
    if state in (OrderState.CANCELED, OrderState.EXPIRED):
        by_itself = CancelCause.IOC_REMAINDER if state is OrderState.EXPIRED else CancelCause.USER
        return _CAUSES.get(text, by_itself)
    return None


def ended(state: OrderState, cause: CancelCause | None) -> OrderState:
    """Return the state of an order that has ended for a cause: not by its owner, or by him."""
    if state not in (OrderState.CANCELED, OrderState.EXPIRED) or cause is None:
        return state
    by_owner = cause in (CancelCause.USER, CancelCause.ADMIN)
    return OrderState.CANCELED if by_owner else OrderState.EXPIRED


def reject_name(reason: RejectReason | None) -> str:
    """Return why an order was refused."""
    return "REJECT_REASON_UNSPECIFIED" if reason is None else reason.name


# -- numbers ------------------------------------------------------------------------------------


def average_text(instrument: Instrument, quote_atoms: int, lots: int) -> str:
    """Return what one base unit has cost on average; 0 of nothing."""
    base_atoms = lots * instrument.lot_atoms
    if not base_atoms:
        return "0"
    scaled = (2 * quote_atoms * 10**AVERAGE_DECIMALS + base_atoms) // (2 * base_atoms)
    return trimmed(fixed(scaled, AVERAGE_DECIMALS))


def share_text(part: int, whole: int) -> str:
    """Return a part in percent."""
    if not whole:
        return "0"
    scaled = (200 * part * 10**SHARE_DECIMALS + whole) // (2 * whole)
    return trimmed(fixed(scaled, SHARE_DECIMALS))


def change_text(now: int | None, before: int | None) -> str:
    """Return by how much a price has changed, in percent; nothing where there was none."""
    if not now or not before:
        return ""
    return trimmed(fixed((200 * (now - before) * 100 + before) // (2 * before), SHARE_DECIMALS))


# -- ids and times ------------------------------------------------------------------------------

CLIENT_ID_MAX = 40  # characters that the exchange keeps
_WITH_UUID = re.compile(
    r"(.*)([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", re.ASCII
)
_PACKED = re.compile(r"(.*)~([A-Za-z0-9_-]{22})", re.ASCII)


def kept_id(text: str) -> str:
    """Return a client's own id as it is kept: of a longer one, its UUID is written shorter.

    Raises:
        DecodeError: It is longer than that, or looks like what is written shorter.
    """
    if len(text) > CLIENT_ID_MAX and (found := _WITH_UUID.fullmatch(text)):
        digits = bytes.fromhex(found[2].replace("-", ""))
        packed = f"{found[1]}~{urlsafe_b64encode(digits).rstrip(b'=').decode()}"
        if len(packed) <= CLIENT_ID_MAX and packed.isascii() and packed.isprintable():
            return packed
    is_plain = text.isascii() and text.isprintable() and not _PACKED.fullmatch(text)
    if len(text) > CLIENT_ID_MAX or not is_plain:
        raise DecodeError(
            f"client_order_id {shown(text)}: at most {CLIENT_ID_MAX} ASCII characters, or up to 17 "
            "and a UUID",
            "client_order_id",
        )
    return text


def told_id(text: str) -> str:
    """Return a client's own id as it was sent."""
    found = _PACKED.fullmatch(text)
    if found is None:
        return text
    digits = urlsafe_b64decode(found[2] + "==").hex()
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return f"{found[1]}{'-'.join(parts)}"


def trade_number(text: str, time_ns: int) -> int:
    """Return a number for a trade's id; of one that is no number, by its time, so that they rise.

    Raises:
        DecodeError: The id is empty, or longer than any.
    """
    if not 0 < len(text) <= TEXT_MAX:
        raise DecodeError(f"trade id {shown(text)} has no length of one", "trade_id")
    if text.isascii() and text.isdigit() and len(text) < 19:  # noqa: PLR2004 of 64 bits
        return int(text)
    digest = int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
    return max(time_ns, 0) // _US_NS * _SPREAD + digest % _SPREAD


def heartbeat_time(time_ns: int) -> str:
    """Return a time as heartbeats have it, which is as Go prints one."""
    date, _, clock = iso(time_ns, 9).removesuffix("Z").partition("T")
    return f"{date} {clock} +0000 UTC"


def whole_seconds(time_ns: int) -> str:
    """Return a time to the second."""
    return iso(time_ns // SECOND_NS * SECOND_NS, 0).replace(".", "")
