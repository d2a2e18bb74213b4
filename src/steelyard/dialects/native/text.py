"""Numbers, times and names as the native API spells them, and back.

The invariant: what is printed is exact. Prices carry the decimals of their tick (`61000.10`),
sizes and amounts no trailing zeros (`0.5`). The two quotients that a client is shown (average
price, change in percent) are information only: they are rounded half to even and never booked.
Times are whole milliseconds, rounded down.
"""

from decimal import Decimal
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeVar

from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import Execution
from steelyard.domain.order import (
    CancelCause,
    Direction,
    FeeAsset,
    GroupKind,
    Liquidity,
    MarketState,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.domain.units import ATOMS_PER_UNIT, EXACT, RATE_SCALE, TEXT_MAX, in_full, plain

E = TypeVar("E", bound=IntEnum)

MS_NS = 1_000_000


def _names(kind: type[E]) -> dict[E, Any]:
    return {member: member.name.lower() for member in kind}


# By member, for what is sent; by name, for what is read.
SIDE_NAMES = _names(Side)
ORDER_TYPE_NAMES = _names(OrderType)
TIME_IN_FORCE_NAMES = _names(TimeInForce)
SELF_TRADE_NAMES = _names(SelfTrade)
TRIGGER_BY_NAMES = _names(TriggerBy)
DIRECTION_NAMES = _names(Direction)
FEE_ASSET_NAMES = _names(FeeAsset)
GROUP_KIND_NAMES = _names(GroupKind)
MARKET_STATE_NAMES = _names(MarketState)
LIQUIDITY_NAMES = _names(Liquidity)
ORDER_STATE_NAMES = _names(OrderState)
CANCEL_CAUSE_NAMES = _names(CancelCause)
EXECUTION_NAMES = _names(Execution)

SIDES = {name: member for member, name in SIDE_NAMES.items()}
ORDER_TYPES = {name: member for member, name in ORDER_TYPE_NAMES.items()}
TIMES_IN_FORCE = {name: member for member, name in TIME_IN_FORCE_NAMES.items()}
SELF_TRADES = {name: member for member, name in SELF_TRADE_NAMES.items()}
TRIGGERS_BY = {name: member for member, name in TRIGGER_BY_NAMES.items()}
DIRECTIONS = {name: member for member, name in DIRECTION_NAMES.items()}
FEE_ASSETS = {name: member for member, name in FEE_ASSET_NAMES.items()}
GROUP_KINDS = {name: member for member, name in GROUP_KIND_NAMES.items()}
MARKET_STATES = {name: member for member, name in MARKET_STATE_NAMES.items()}
LIQUIDITIES = {name: member for member, name in LIQUIDITY_NAMES.items()}
ORDER_STATES = {name: member for member, name in ORDER_STATE_NAMES.items()}
CANCEL_CAUSES = {name: member for member, name in CANCEL_CAUSE_NAMES.items()}
EXECUTIONS = {name: member for member, name in EXECUTION_NAMES.items()}
REJECT_REASONS = {reason.name: reason for reason in RejectReason}

_ATOM = EXACT.divide(Decimal(1), Decimal(ATOMS_PER_UNIT))
_RATE_STEP = EXACT.divide(Decimal(1), Decimal(RATE_SCALE))
_ATOM_DECIMALS = len(str(ATOMS_PER_UNIT)) - 1
_RATE_DECIMALS = len(str(RATE_SCALE)) - 1


def to_ms(time_ns: int) -> int:
    """Return a time in milliseconds."""
    return time_ns // MS_NS


def from_ms(time_ms: int) -> int:
    """Return a time in nanoseconds."""
    return time_ms * MS_NS


def from_ms_or_none(time_ms: int | None) -> int | None:
    """Return a time in nanoseconds, where there is one."""
    return None if time_ms is None else from_ms(time_ms)


def price_text(instrument: Instrument, ticks: int) -> str:
    """Return a price with all decimals of the tick."""
    coefficient, decimals = _step(instrument.tick_lot_atoms, instrument.lot_atoms)
    return _fixed(ticks * coefficient, decimals)


def size_text(instrument: Instrument, lots: int) -> str:
    """Return a size without trailing zeros."""
    coefficient, decimals = _step(instrument.lot_atoms, ATOMS_PER_UNIT)
    return _trimmed(_fixed(lots * coefficient, decimals))


def amount_text(atoms: int) -> str:
    """Return an asset amount without trailing zeros."""
    return _trimmed(_fixed(atoms, _ATOM_DECIMALS))


def amount_or_none(atoms: int | None) -> str | None:
    """Return an asset amount as text, where there is one."""
    return None if atoms is None else amount_text(atoms)


def rate_text(rate_e8: int) -> str:
    """Return a rate as a share: 100_000 is `0.001`, which is 0.1 %."""
    return _trimmed(_fixed(rate_e8, _RATE_DECIMALS))


def average_text(instrument: Instrument, quote_atoms: int, lots: int) -> str | None:
    """Return quote per base to 1e-12, half to even; None where nothing filled."""
    if lots == 0:
        return None
    return amount_text(_half_even(quote_atoms * ATOMS_PER_UNIT, lots * instrument.lot_atoms))


def change_percent_text(before: int | None, now: int | None) -> str | None:
    """Return a change in percent with two decimals, half to even; None where it has no base."""
    if not before or now is None:
        return None
    return _fixed(_half_even((now - before) * 10_000, before), 2)


def to_atoms_exact(text: str) -> int:
    """Return the atoms of an amount that this API has printed.

    Raises:
        DecodeError: It is finer than an atom, or too long for one.
    """
    return steps_of(text, _ATOM, "amount")


def to_rate_e8(text: str) -> int:
    """Return a rate that this API has printed, times 1e8.

    Raises:
        DecodeError: It is finer than 1e-8, or too long for a rate.
    """
    return steps_of(text, _RATE_STEP, "rate")


def steps_of(text: str, step: Decimal, what: str) -> int:
    """Return a printed number as a whole number of steps.

    Raises:
        DecodeError: It is not one.
    """
    try:
        steps = EXACT.divide_int(Decimal(text), step)
        if EXACT.multiply(steps, step) == Decimal(text):
            return int(steps)
    except ArithmeticError:
        pass
    raise DecodeError(f"{what} {text[:TEXT_MAX]} is not a multiple of {in_full(step)}")


@lru_cache(maxsize=4_096)
def _step(numerator: int, denominator: int) -> tuple[int, int]:
    """Return a step as coefficient and decimals: 0.05 is (5, 2)."""
    step = plain(EXACT.divide(Decimal(numerator), Decimal(denominator)))
    decimals = -int(step.as_tuple().exponent)
    return int(EXACT.scaleb(step, decimals)), decimals


def _fixed(scaled: int, decimals: int) -> str:
    if decimals == 0:
        return str(scaled)
    if scaled < 0:
        return "-" + _fixed(-scaled, decimals)
    digits = str(scaled).zfill(decimals + 1)
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _half_even(numerator: int, denominator: int) -> int:
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))
