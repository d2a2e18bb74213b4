"""Numbers, times and ids as KuCoin spells them, and back.

The invariant: what is printed is exact, in full and without zeros at its end. What is read is exact
too, or a DecodeError; only sizes of others are rounded down to whole lots. Times are milliseconds,
but for trades and the private stream (nanoseconds) and candles (seconds).

An order's id is 24 hexadecimal digits, that of one which waits for its price begins with `vs`. Ours
are a bijection of a number, so nothing has to be remembered, and one number has an id of either
form; those that another exchange has made get a number that leads to no id back (`is_foreign`).
"""

import re
from functools import lru_cache
from hashlib import blake2b

from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import Side
from steelyard.domain.units import ATOMS_PER_UNIT, TEXT_MAX

ATOM_DECIMALS = 12
RATE_DECIMALS = 8
MS_NS = 1_000_000
SIDES = {"buy": Side.BUY, "sell": Side.SELL}
SIDE_NAMES = {side: name for name, side in SIDES.items()}
TIME_DIGITS_MAX = 19


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
    """Return a number without zeros at its end."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def price_text(instrument: Instrument, ticks: int) -> str:
    """Return a price."""
    coefficient, decimals = tick(instrument)
    return trimmed(fixed(ticks * coefficient, decimals))


def size_text(instrument: Instrument, lots: int) -> str:
    """Return a size."""
    coefficient, decimals = lot(instrument)
    return trimmed(fixed(lots * coefficient, decimals))


def amount_text(atoms: int) -> str:
    """Return an amount of money."""
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
        raise DecodeError(f"size {text[:TEXT_MAX]} is below zero ({instrument.symbol})")
    return lots


def read_amount(text: str) -> int:
    """Return an amount of money in atoms.

    Raises:
        DecodeError: It is not a number, or finer than an atom.
    """
    return scaled(text, ATOM_DECIMALS)


def whole_atoms(text: str) -> int:
    """Return a sum of money in atoms, rounded towards zero: of averages and turnovers of others.

    Raises:
        DecodeError: It is not a number.
    """
    whole, point, rest = text.partition(".")
    if rest and not (rest.isascii() and rest.isdigit()):
        raise DecodeError(f"amount {text[:TEXT_MAX]!r} is not a decimal number")
    return scaled(f"{whole}{point}{rest[:ATOM_DECIMALS]}", ATOM_DECIMALS)


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
            f"({instrument.symbol}); read the symbols again"
        )
    return steps


# -- times --------------------------------------------------------------------------------------


def ms(time_ns: int) -> int:
    """Return a time in milliseconds, rounded down."""
    return time_ns // MS_NS


def read_count(text: str, what: str = "time") -> int:
    """Return a whole number that is not negative.

    Raises:
        DecodeError: It is none, or too long.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= TIME_DIGITS_MAX):
        raise DecodeError(f"{what} {text[:TEXT_MAX]!r} is not a whole number")
    return int(text)


# -- ids ----------------------------------------------------------------------------------------

_MASK: int = 2**64 - 1
_CHECK_BITS = 32
_CHECK_MASK: int = 2**_CHECK_BITS - 1
_ODD: int = 0x9E3779B97F4A7C15
_INVERSE: int = pow(_ODD, -1, 2**64)
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # of SplitMix64's finalizer
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
ID_LENGTH = 24
WAITING = "vs"  # what the id of an order that waits for its price begins with
_ORDER_ID = re.compile("[0-9a-f]{24}", re.ASCII)
_WAITING_ID = re.compile("vs[0-9a-z]{22}", re.ASCII)
_CLIENT_ID = re.compile("[0-9A-Za-z_-]{1,40}", re.ASCII)
FOREIGN = 1 << 63  # from here on numbers are of ids that are not ours
WAITS = 1 << 62  # in a number: it is of the id of an order that waits


# In the numbers that ids of other things than orders are made of.
_MOVE, _PAIR = 1 << 59, 1 << 60


def order_id(number: int) -> str:
    """Return the id of an order."""
    mixed = number * _ODD & _MASK
    return f"{mixed << _CHECK_BITS | _check(mixed):024x}"


def waiting_id(number: int) -> str:
    """Return the id of the same order as one that waits for its price."""
    mixed = number * _ODD & _MASK
    value, text = mixed << _CHECK_BITS | _check(mixed), ""
    for _ in range(ID_LENGTH - len(WAITING)):
        value, digit = divmod(value, len(_DIGITS))
        text = _DIGITS[digit] + text
    return WAITING + text


def is_waiting_id(text: str) -> bool:
    """Whether an id has the form of one of an order that waits for its price."""
    return _WAITING_ID.fullmatch(text) is not None


def own_number(text: str) -> int | None:
    """Return the number of one of our ids, of either form; None where it is not ours."""
    if _ORDER_ID.fullmatch(text):
        value = int(text, 16)
    elif _WAITING_ID.fullmatch(text):
        value = int(text.removeprefix(WAITING), 36)
    else:
        return None
    number = (value >> _CHECK_BITS) * _INVERSE & _MASK
    made = waiting_id(number) if text.startswith(WAITING) else order_id(number)
    return number if made == text and number < _MOVE else None


def oco_id(number: int) -> str:
    """Return the id of a pair of orders that begins with a number: none that an order has."""
    return order_id(number ^ _PAIR)


def oco_number(text: str) -> int | None:
    """Return the number that a pair begins with; None where the id is none of a pair."""
    return _marked(text, _PAIR)


def transfer_id(number: int) -> str:
    """Return the id of a deposit or withdrawal."""
    return order_id(number ^ _MOVE)


def transfer_number(text: str) -> int | None:
    """Return the number of a deposit or withdrawal; None where the id is of none."""
    return _marked(text, _MOVE)


def _marked(text: str, mark: int) -> int | None:
    if not _ORDER_ID.fullmatch(text):
        return None
    number = (int(text, 16) >> _CHECK_BITS) * _INVERSE & _MASK ^ mark
    return number if number < _MOVE and order_id(number ^ mark) == text else None


def order_number(text: str) -> int:
    """Return the number of an order's id, whoever has made it; a trader's end has no other.

    Those of orders that wait have `WAITS` in them, because they are canceled on another route.

    Raises:
        DecodeError: It has another form than ids have.
    """
    mark = WAITS if is_waiting_id(text) else 0
    ours = own_number(text)
    if ours is not None:
        return ours | mark
    if not text.isascii() or not text.isalnum() or len(text) > TEXT_MAX:
        raise DecodeError(f"order id {text[:TEXT_MAX]!r} is none of this venue's")
    return FOREIGN | mark | int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 2


def is_foreign(number: int) -> bool:
    """Whether a number is of an id that cannot be made from it."""
    return number >= FOREIGN


def id_of(number: int) -> str | None:
    """Return the id that a number of `order_number` is of; None where it cannot be made."""
    if is_foreign(number):
        return None
    return waiting_id(number ^ WAITS) if number & WAITS else order_id(number)


def waits(number: int) -> bool:
    """Whether a number of `order_number` is of an order that waits."""
    return bool(number & WAITS)


def is_client_id(text: str) -> bool:
    """Whether a text can be a client's own id."""
    return _CLIENT_ID.fullmatch(text) is not None


def user_id(account: int) -> str:
    """Return the id of who has an account: 24 hexadecimal digits."""
    return order_id(account ^ 1 << 61)


def uid(account: int) -> int:
    """Return the number of who has an account."""
    return 100_000_000 + account


_ASSET_BITS = 24
_WALLET_BITS = 3


def wallet_id(account: int, asset_id: int, wallet: int) -> str:
    """Return the id of what the venue calls an account: one asset of a wallet of one of ours."""
    return str((account << _ASSET_BITS | asset_id) << _WALLET_BITS | wallet)


def wallet_of(account: int, text: str) -> tuple[int, int] | None:
    """Return asset and wallet of such an id; None where it is somebody else's, or none."""
    if not (text.isascii() and text.isdigit() and len(text) <= TIME_DIGITS_MAX):
        return None
    whole, wallet = divmod(int(text), 1 << _WALLET_BITS)
    owner, asset_id = divmod(whole, 1 << _ASSET_BITS)
    return (asset_id, wallet) if owner == account else None


def _check(mixed: int) -> int:
    for multiplier in _MULTIPLIERS:
        mixed = (mixed ^ mixed >> 29) * multiplier & _MASK
    return mixed >> 16 & _CHECK_MASK
