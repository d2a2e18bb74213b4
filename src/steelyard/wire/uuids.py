"""Ids of venues that name everything by UUIDs.

Ours are a bijection of a number, so nothing has to be remembered; those that another exchange has
made get a number that leads to no UUID back (`is_foreign`).
"""

import re
from enum import IntEnum
from hashlib import blake2b

from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.domain.units import TEXT_MAX


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
