"""Numbers, times and ids as Coinbase Exchange spells them, and back.

The invariant: what is printed is exact. REST pads prices and sizes of orders to 8 decimals and
amounts of money to 16; elsewhere prices have the decimals of their tick and sizes no trailing
zeros. What is read is exact too, or a DecodeError; only sizes of others are rounded down to whole
lots. Times are ISO 8601 in UTC, to the microsecond, rounded down.

Ids are UUIDs. Ours are a bijection of a number, so nothing has to be remembered; those that
another exchange has made get a number that leads to no UUID back (`is_foreign`).
"""

import re
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b

from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import CancelCause, Side
from steelyard.domain.units import ATOMS_PER_UNIT, TEXT_MAX

ATOM_DECIMALS = 12
RATE_DECIMALS = 8
ORDER_DECIMALS = 8
MONEY_DECIMALS = 16
US_NS = 1_000
SIDES = {"buy": Side.BUY, "sell": Side.SELL}
SIDE_NAMES = {side: name for name, side in SIDES.items()}
CANCEL_REASONS: dict[CancelCause, str] = {
    CancelCause.IOC_REMAINDER: "101:Time In Force",
    CancelCause.FOK_UNFILLABLE: "101:Time In Force",
    CancelCause.EXPIRED: "101:Time In Force",
    CancelCause.SELF_TRADE: "102:Self Trade Prevention",
    CancelCause.ADMIN: "103:Admin",
    CancelCause.PRICE_BAND: "104:Price Bound Order Protection",
    CancelCause.INSUFFICIENT_BALANCE: "105:Insufficient Funds",
    CancelCause.NO_LIQUIDITY: "106:Insufficient Liquidity",
}


# -- numbers that are printed -------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def _step(numerator: int, denominator: int) -> tuple[int, int]:
    """Return a step as coefficient and decimals: 0.05 is (5, 2)."""
    decimals = 0
    while numerator * 10**decimals % denominator:
        decimals += 1
        assert decimals <= TEXT_MAX, "a step has finitely many decimals"
    return numerator * 10**decimals // denominator, decimals


def tick(instrument: Instrument) -> tuple[int, int]:
    """Return the price step as coefficient and decimals."""
    return _step(instrument.tick_lot_atoms, instrument.lot_atoms)


def lot(instrument: Instrument) -> tuple[int, int]:
    """Return the size step as coefficient and decimals."""
    return _step(instrument.lot_atoms, ATOMS_PER_UNIT)


def fixed(scaled_value: int, decimals: int) -> str:
    """Return a number that is given times 10 ** decimals, with all of them."""
    if not decimals:
        return str(scaled_value)
    digits = str(abs(scaled_value)).zfill(decimals + 1)
    return f"{'-' if scaled_value < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def trimmed(text: str) -> str:
    """Return a number without trailing zeros."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def padded(text: str, decimals: int) -> str:
    """Return a number with so many decimals, or as many more as it has."""
    whole, _, rest = trimmed(text).partition(".")
    return f"{whole}.{rest.ljust(decimals, '0')}"


def price_text(instrument: Instrument, ticks: int) -> str:
    """Return a price with all decimals of the tick."""
    coefficient, decimals = tick(instrument)
    return fixed(ticks * coefficient, decimals)


def size_text(instrument: Instrument, lots: int) -> str:
    """Return a size without trailing zeros."""
    coefficient, decimals = lot(instrument)
    return trimmed(fixed(lots * coefficient, decimals))


def amount_text(atoms: int) -> str:
    """Return an amount of money without trailing zeros."""
    return trimmed(fixed(atoms, ATOM_DECIMALS))


def rate_text(rate_e8: int) -> str:
    """Return a rate as a share: 100_000 is `0.001`."""
    return trimmed(fixed(rate_e8, RATE_DECIMALS))


# -- numbers that are read ----------------------------------------------------------------------


def scaled(text: str, decimals: int) -> int:
    """Return a plain decimal number times 10 ** decimals, exactly.

    Raises:
        DecodeError: It is not one, or has more decimals than that.
    """
    whole, _, rest = text.removeprefix("-").partition(".")
    if len(rest) != decimals:
        rest = rest.rstrip("0").ljust(decimals, "0")
    digits = whole + rest
    is_plain = whole and len(text) <= TEXT_MAX and digits.isascii() and digits.isdigit()
    if not is_plain or len(rest) > decimals:
        raise DecodeError(
            f"number {text[:TEXT_MAX]!r} is not a decimal number of at most {decimals} decimals"
        )
    return -int(digits) if text.startswith("-") else int(digits)


def read_price(instrument: Instrument, text: str) -> int:
    """Return a price in ticks; beyond our limits too, for what a venue says happened.

    Raises:
        DecodeError: It is not a multiple of the tick.
    """
    return _read_steps(text, tick(instrument), "price", instrument)


def read_size(instrument: Instrument, text: str) -> int:
    """Return a size in lots; beyond our limits too, for what a venue says happened.

    Raises:
        DecodeError: It is not a multiple of the lot.
    """
    return _read_steps(text, lot(instrument), "size", instrument)


def whole_lots(instrument: Instrument, text: str) -> int:
    """Return a size of others, resting or traded or summed up, rounded down to whole lots.

    Raises:
        DecodeError: It is not a size.
    """
    coefficient, decimals = lot(instrument)
    whole, point, rest = text.partition(".")
    if rest and not (rest.isascii() and rest.isdigit()):
        raise DecodeError(f"size {text[:TEXT_MAX]!r} is not a decimal number")
    lots = scaled(f"{whole}{point}{rest[:decimals]}", decimals) // coefficient
    if lots < 0:
        raise DecodeError(f"size {text} is below zero ({instrument.symbol})")
    return lots


def read_amount(text: str) -> int:
    """Return an amount of money in atoms.

    Raises:
        DecodeError: It is not a number, or finer than an atom.
    """
    return scaled(text, ATOM_DECIMALS)


def read_rate(text: str) -> int:
    """Return a rate times 1e8.

    Raises:
        DecodeError: It is not a number, or finer than that.
    """
    return scaled(text, RATE_DECIMALS)


def _read_steps(text: str, step: tuple[int, int], what: str, instrument: Instrument) -> int:
    coefficient, decimals = step
    try:
        steps, rest = divmod(scaled(text, decimals), coefficient)
    except DecodeError:
        steps, rest = 0, 1
    if rest or steps < 0:
        raise DecodeError(
            f"{what} {text[:TEXT_MAX]} is not a multiple of {fixed(coefficient, decimals)} "
            f"({instrument.symbol}); read the products again"
        )
    return steps


# -- times --------------------------------------------------------------------------------------

_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?)?"
    r"(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"(\d{1,10})(?:\.(\d{1,9}))?", re.ASCII)


def iso(time_ns: int, decimals: int = 6) -> str:
    """Return a time, as `2024-03-11T20:48:46.622052Z`."""
    seconds, rest = divmod(time_ns, SECOND_NS)
    return f"{_second(seconds)}.{rest:09d}"[: 20 + decimals] + "Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def from_iso(text: str) -> int:
    """Return a time that is written in ISO 8601; without an offset it is UTC.

    Raises:
        DecodeError: It is not one.
    """
    found = _ISO.fullmatch(text)
    if found is not None:
        day, clock, fraction, offset = found.groups()
        zone = "+00:00" if offset in (None, "Z") else offset
        try:
            moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{zone}")
        except ValueError:
            moment = None
        if moment is not None:
            seconds = (moment - _EPOCH) // timedelta(seconds=1)
            return seconds * SECOND_NS + int((fraction or "0").ljust(9, "0"))
    raise DecodeError(
        f"time {text[:TEXT_MAX]!r} is not in ISO 8601; write it as 2024-03-11T20:48:46.622052Z"
    )


def from_seconds(text: str) -> int:
    """Return a time that is written in seconds since 1970, with decimals or without.

    Raises:
        DecodeError: It is not one.
    """
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise DecodeError(
            f"time {text[:TEXT_MAX]!r} is not a number of seconds since 1970, as 1700000000.123"
        )
    return int(found[1]) * SECOND_NS + int((found[2] or "0").ljust(9, "0"))


def from_time(text: str) -> int:
    """Return a time in either spelling.

    Raises:
        DecodeError: It is in neither.
    """
    return from_seconds(text) if _SECONDS.fullmatch(text) else from_iso(text)


def seconds_text(time_ns: int, decimals: int = 3) -> str:
    """Return a time in seconds since 1970."""
    return fixed(time_ns // 10 ** (9 - decimals), decimals)


# -- ids ----------------------------------------------------------------------------------------


class Id(IntEnum):
    """What a UUID of ours names."""

    ORDER = 1
    PROFILE = 2  # an account of ours
    ACCOUNT = 3  # one asset of it
    LEVEL = 4  # the size at a price that belongs to no one order
    TRANSFER = 5
    ADDRESS = 6
    LEDGER = 7


_MASK: int = 2**64 - 1
_CHECK_BITS = 54
_CHECK_MASK: int = 2**_CHECK_BITS - 1
_ODD: int = 0x9E3779B97F4A7C15
_INVERSE: int = pow(_ODD, -1, 2**64)
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # of SplitMix64's finalizer
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_RANDOM_UUID = re.compile(
    "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
)
FOREIGN = 1 << 63  # from here on numbers are of UUIDs that are not ours
_ASSET_BITS = 32
_USER_DIGITS = 24


def is_uuid(text: str) -> bool:
    """Whether a text has the form of a UUID."""
    return _UUID.fullmatch(text) is not None


def is_random_uuid(text: str) -> bool:
    """Whether a text has the form of a random UUID (version 4), in lower case."""
    return _RANDOM_UUID.fullmatch(text) is not None


def uuid_of(kind: Id, number: int) -> str:
    """Return the UUID of a number below 2 ** 64."""
    mixed = number * _ODD & _MASK
    return _uuid((mixed << 4 | kind) << _CHECK_BITS | _check(mixed, kind))


def number_of(kind: Id, text: str) -> int | None:
    """Return the number of one of our UUIDs; None where it is not of this kind, or not ours."""
    if not is_uuid(text):
        return None
    digits = int(text.replace("-", ""), 16)
    value = (digits >> 80) << 74 | (digits >> 64 & 0xFFF) << 62 | digits & 2**62 - 1
    mixed = value >> (_CHECK_BITS + 4)
    number = mixed * _INVERSE & _MASK
    return number if uuid_of(kind, number) == text else None


def order_number(text: str) -> int:
    """Return the number of an order's UUID, whoever has made it.

    Raises:
        DecodeError: It is not a UUID.
    """
    ours = number_of(Id.ORDER, text)
    if ours is not None:
        return ours
    if not is_uuid(text):
        raise DecodeError(f"order id {text[:TEXT_MAX]!r} is not a UUID")
    return FOREIGN | int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1


def is_foreign(number: int) -> bool:
    """Whether a number is of a UUID that cannot be made from it."""
    return number >= FOREIGN


def client_uuid(number: int) -> str:
    """Return a random-looking UUID of a 128-bit number, always the same for the same one."""
    digest = blake2b(number.to_bytes(16), digest_size=16).digest()
    return _uuid(int.from_bytes(digest) >> 6)


def order_uuid(order_id: int) -> str:
    """Return the id of an order."""
    return uuid_of(Id.ORDER, order_id)


def profile_uuid(account_id: int) -> str:
    """Return the id of an account's one profile."""
    return uuid_of(Id.PROFILE, account_id)


def account_uuid(account_id: int, asset_id: int) -> str:
    """Return the id of what the venue calls an account: one asset of one of ours."""
    return uuid_of(Id.ACCOUNT, account_id << _ASSET_BITS | asset_id)


def asset_of(account_id: int, text: str) -> int | None:
    """Return the asset that an account's id is of; None where it is somebody else's."""
    number = number_of(Id.ACCOUNT, text)
    if number is None or number >> _ASSET_BITS != account_id:
        return None
    return number & (1 << _ASSET_BITS) - 1


def user_id(account_id: int) -> str:
    """Return the id of who has an account: 24 hexadecimal digits."""
    return profile_uuid(account_id).replace("-", "")[:_USER_DIGITS]


def level_uuid(side: Side, price_ticks: int) -> str:
    """Return the id under which the size at a price stands that belongs to no one order."""
    return uuid_of(Id.LEVEL, price_ticks << 1 | (side is Side.SELL))


def _check(mixed: int, kind: Id) -> int:
    for multiplier in _MULTIPLIERS:
        mixed = (mixed ^ mixed >> 29 ^ int(kind)) * multiplier & _MASK
    return mixed >> 10 & _CHECK_MASK


def _uuid(value: int) -> str:
    """Return 122 bits as a UUID of version 4, variant 1."""
    whole = (
        (value >> 74) << 80 | 4 << 76 | (value >> 62 & 0xFFF) << 64 | 2 << 62 | value & 2**62 - 1
    )
    digits = f"{whole:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
