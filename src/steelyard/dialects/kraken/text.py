"""Numbers, times, assets, pairs and ids as Kraken spells them, and back: pure functions.

The invariant: what is printed is exact. Prices have a pair's decimals, sizes 8, amounts of money
at least 5 and up to 12 where the books hold finer ones; only averages are rounded, half up, and
never booked. REST prints numbers as texts, WebSocket v2 as JSON numbers with all their decimals:
`number` makes one of a text.

Assets have an id (`XXBT`), another name (`XBT`) and, on WebSocket v2, the name that everybody uses
(`BTC`). Ids of orders, fills and movements are our numbers, shuffled so that they look like the
venue's; `id_number` is the way back.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

from msgspec import Raw

from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import ATOMS_PER_UNIT, TEXT_MAX

US_NS = 1_000
SIZE_DECIMALS = 8
COST_DECIMALS = 5
BALANCE_DECIMALS = 10
PRICE_DECIMALS_MAX = 12
E8 = 100_000_000
SYMBOL_MAX = 24

# -- assets -------------------------------------------------------------------------------------

_OLD_COINS = ("ETC", "ETH", "LTC", "MLN", "REP", "XLM", "XMR", "XRP", "ZEC")
_OLD_MONEY = ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")
# Our name: the venue's id and its other name. Assets that are not here have one name.
ASSETS: dict[str, tuple[str, str]] = {
    "BTC": ("XXBT", "XBT"),
    "DOGE": ("XXDG", "XDG"),
    **{name: (f"X{name}", name) for name in _OLD_COINS},
    **{name: (f"Z{name}", name) for name in _OLD_MONEY},
}
_NAMES = {
    spelled: name for name, (id_, alt) in ASSETS.items() for spelled in (id_, alt) if alt != name
} | {id_: name for name, (id_, _) in ASSETS.items()}
MONEY = frozenset(_OLD_MONEY)


def asset_id(name: str) -> str:
    """Return the venue's id of an asset: `XXBT`."""
    return ASSETS.get(name, (name, name))[0]


def asset_alt(name: str) -> str:
    """Return its other name: `XBT`."""
    return ASSETS.get(name, (name, name))[1]


def asset_name(text: str) -> str:
    """Return our name of an asset, from any of the venue's: `BTC`."""
    return _NAMES.get(text, text)


# -- pairs --------------------------------------------------------------------------------------


def pair_id(instrument: Instrument) -> str:
    """Return the key of a pair in answers: `XXBTZUSD`, and `XBTUSDT` where one asset is newer."""
    base, quote = instrument.base, instrument.quote
    if base in ASSETS and quote in ASSETS:
        return asset_id(base) + asset_id(quote)
    return pair_alt(instrument)


def pair_alt(instrument: Instrument) -> str:
    """Return a pair's other name: `XBTUSD`."""
    return asset_alt(instrument.base) + asset_alt(instrument.quote)


def pair_ws(instrument: Instrument) -> str:
    """Return a pair's name on WebSocket v1: `XBT/USD`."""
    return f"{asset_alt(instrument.base)}/{asset_alt(instrument.quote)}"


def symbol_text(instrument: Instrument) -> str:
    """Return a pair's name on WebSocket v2: `BTC/USD`."""
    return f"{instrument.base}/{instrument.quote}"


def find_pair(listings: Listings, text: str) -> Instrument | None:
    """Return the instrument of an id, another name or a name with a slash, or None."""
    base, slash, quote = text.partition("/")
    if slash:
        return listings.find(f"{asset_name(base)}-{asset_name(quote)}")
    for end in range(1, min(len(text), SYMBOL_MAX)):
        found = listings.find(f"{asset_name(text[:end])}-{asset_name(text[end:])}")
        if found is not None:
            return found
    return None


def find_symbol(listings: Listings, symbol: str) -> Instrument | None:
    """Return the instrument of a name on WebSocket v2, which knows no XBT; or None."""
    return listings.find(symbol.replace("/", "-")) if symbol.count("/") == 1 else None


# -- numbers that are printed -------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def _price_steps(tick_lot_atoms: int, lot_atoms: int) -> tuple[int, int]:
    """Return the fewest decimals that a tick needs, and the tick in units of the last."""
    for decimals in range(PRICE_DECIMALS_MAX + 1):
        tick, rest = divmod(tick_lot_atoms * 10**decimals, lot_atoms)
        if not rest and tick:
            return decimals, tick
    raise Unsupported("a tick finer than 1e-12 has no spelling on Kraken")


def price_decimals(instrument: Instrument) -> int:
    """Return how many decimals a pair's prices have."""
    return _price_steps(instrument.tick_lot_atoms, instrument.lot_atoms)[0]


def tick_units(instrument: Instrument) -> int:
    """Return the price step in units of its last decimal."""
    return _price_steps(instrument.tick_lot_atoms, instrument.lot_atoms)[1]


def lot_e8(instrument: Instrument) -> int:
    """Return the size step times 1e8.

    Raises:
        Unsupported: It is finer than that.
    """
    step, rest = divmod(instrument.lot_atoms * E8, ATOMS_PER_UNIT)
    if rest:
        raise Unsupported("a lot finer than 1e-8 has no spelling on Kraken")
    return step


def lot_decimals(instrument: Instrument) -> int:
    """Return how many decimals sizes need: the venue's steps are powers of ten."""
    step = lot_e8(instrument)
    zeros = len(str(step)) - len(str(step).rstrip("0"))
    return max(SIZE_DECIMALS - zeros, 0)


def fixed(value: int, decimals: int) -> str:
    """Return a number that counts the last of so many decimals."""
    if value < 0:
        return "-" + fixed(-value, decimals)
    if not decimals:
        return str(value)
    digits = str(value).zfill(decimals + 1)
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


def price_text(instrument: Instrument, ticks: int) -> str:
    """Return a price with the pair's decimals."""
    decimals, tick = _price_steps(instrument.tick_lot_atoms, instrument.lot_atoms)
    return fixed(ticks * tick, decimals)


def size_text(instrument: Instrument, lots: int) -> str:
    """Return a size with 8 decimals."""
    return fixed(lots * lot_e8(instrument), SIZE_DECIMALS)


def amount_text(atoms: int, decimals: int = COST_DECIMALS) -> str:
    """Return an amount of money with so many decimals, or as many more as it has."""
    whole, rest = divmod(abs(atoms), ATOMS_PER_UNIT)
    behind = f"{rest:012d}".rstrip("0").ljust(decimals, "0")
    return f"{'-' if atoms < 0 else ''}{whole}.{behind}"


def average_text(instrument: Instrument, quote_atoms: int, lots: int) -> str:
    """Return quote per base with the pair's decimals and three more, half up; 0 without trades."""
    decimals = max(price_decimals(instrument), COST_DECIMALS) + 3
    if not lots:
        return fixed(0, decimals)
    return fixed(half_up(quote_atoms * 10**decimals, lots * instrument.lot_atoms), decimals)


def rate_percent(rate_e8: int) -> str:
    """Return a rate in percent, with at least 4 digits: 100_000 is `0.1000`."""
    digits = fixed(rate_e8, 6)
    return digits if digits[-2:] != "00" else digits[:-2]


def half_up(numerator: int, denominator: int) -> int:
    """Return a quotient of positive numbers, rounded half up; for information only."""
    return (2 * numerator + denominator) // (2 * denominator)


def number(text: str) -> Raw:
    """Return a JSON number with exactly these digits."""
    return Raw(text.encode())


def text_of(raw: Raw) -> str:
    """Return the digits of a JSON number, or of a text with one.

    Raises:
        DecodeError: It is neither.
    """
    text = bytes(raw).decode("ascii", "replace").strip('"')
    if not _NUMBER.fullmatch(text):
        raise DecodeError(f"{text[:TEXT_MAX]!r} is not a number")
    return text


# -- numbers that are read ----------------------------------------------------------------------

_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{0,24})?([eE][+-]?[0-9]{1,2})?", re.ASCII)


def scaled(text: str, decimals: int) -> int:
    """Return a decimal number times 10 ** decimals, exactly.

    Raises:
        DecodeError: It is not one, or has more decimals than that.
    """
    if not _NUMBER.fullmatch(text):
        raise DecodeError(f"number {text[:TEXT_MAX]!r} is not a decimal number")
    plain, _, exponent = text.lower().partition("e")
    whole, _, behind = plain.removeprefix("-").partition(".")
    shift = decimals - len(behind) + int(exponent or 0)
    units = int(whole + behind)
    if shift >= 0:
        units = int(units * 10**shift)
    else:
        units, rest = divmod(units, 10**-shift)
        if rest:
            raise DecodeError(f"number {text[:TEXT_MAX]!r} has more than {decimals} decimals")
    return -units if text.startswith("-") else units


def read_price(instrument: Instrument, text: str) -> int:
    """Return a price in ticks; beyond our limits too, for what a venue says happened.

    Raises:
        DecodeError: It is not a multiple of the tick.
    """
    decimals, tick = _price_steps(instrument.tick_lot_atoms, instrument.lot_atoms)
    return _steps(scaled(text, decimals), tick, "price", text, instrument)


def read_size(instrument: Instrument, text: str) -> int:
    """Return a size in lots; beyond our limits too, for what a venue says happened.

    Raises:
        DecodeError: It is not a multiple of the lot.
    """
    step = lot_e8(instrument)
    return _steps(scaled(text, SIZE_DECIMALS), step, "size", text, instrument)


def whole_lots(instrument: Instrument, text: str) -> int:
    """Return a size of others, resting or traded or summed up, rounded down to whole lots.

    Raises:
        DecodeError: It is not a size.
    """
    lots = scaled(text, SIZE_DECIMALS) // lot_e8(instrument)
    if lots < 0:
        raise DecodeError(f"size {text} is below zero ({instrument.symbol})")
    return lots


def read_amount(text: str) -> int:
    """Return an amount of money in atoms.

    Raises:
        DecodeError: It is not a number, or finer than an atom.
    """
    return scaled(text, 12)


def _steps(units: int, step: int, what: str, text: str, instrument: Instrument) -> int:
    steps, rest = divmod(units, step)
    if rest or steps < 0:
        raise DecodeError(
            f"{what} {text} is no whole step of {instrument.symbol}; read the instruments again"
        )
    return steps


# -- times --------------------------------------------------------------------------------------

SECONDS_DIGITS = 10


def seconds_text(time_ns: int) -> str:
    """Return a time in seconds, to the microsecond."""
    return fixed(time_ns // US_NS, 6)


def seconds(time_ns: int) -> Raw:
    """Return the same as a JSON number."""
    return number(seconds_text(time_ns))


def read_seconds(text: str) -> int:
    """Return a time in ns that came in seconds, of which finer parts than a ns are cut off.

    Raises:
        DecodeError: It is none.
    """
    whole, _, behind = text.partition(".")
    if not whole.isdigit() or not text.isascii() or len(whole) > SECONDS_DIGITS:
        raise DecodeError(f"time {text[:TEXT_MAX]!r} is not in seconds")
    return scaled(f"{whole}.{behind[:9]}", 9)


def rfc3339(time_ns: int) -> str:
    """Return a time as `2024-03-11T20:48:46.622101Z`."""
    whole, rest_ns = divmod(time_ns, SECOND_NS)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns // US_NS:06d}Z"


def rfc3339_seconds(time_ns: int) -> str:
    """Return a time as `2024-03-11T20:48:46Z`."""
    return f"{datetime.fromtimestamp(time_ns // SECOND_NS, UTC):%Y-%m-%dT%H:%M:%S}Z"


_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,12})?"
    r"(Z|z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)


def read_rfc3339(text: str) -> int:
    """Return a time in ns, of which finer parts are cut off.

    Raises:
        DecodeError: It is none.
    """
    found = _RFC3339.fullmatch(text)
    try:
        assert found is not None
        zone = "+00:00" if found[8] in ("Z", "z") else found[8]
        at = datetime.fromisoformat(f"{text[:10]}T{text[11:19]}{zone}")
        return int(at.timestamp()) * SECOND_NS + int((found[7] or ".0")[1:10].ljust(9, "0"))
    except (AssertionError, ValueError, OverflowError) as error:
        raise DecodeError(
            f"time {text[:TEXT_MAX]!r} is not of the form 2024-03-11T20:48:46.622Z"
        ) from error


# -- ids ----------------------------------------------------------------------------------------

ORDER, FILL, MOVEMENT, TRANSFER = "O", "T", "L", "F"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ID_BITS = 80  # 16 letters of 5 bits
_MASK = (1 << _ID_BITS) - 1
_FACTOR = 0x9E3779B97F4A7C15F39D  # odd, so that it has an inverse
_INVERSE = pow(_FACTOR, -1, 1 << _ID_BITS)
_ID = re.compile(r"[A-Z]([A-Z2-7]{5})-([A-Z2-7]{5})-([A-Z2-7]{6})", re.ASCII)
FOREIGN = 1 << 62  # from here on numbers stand for ids that are not ours
FOREIGN_MAX = 100_000  # of them that are remembered
_FOLD_SHIFT = 18
_foreign: dict[int, str] = {}
_FILL_SIDE_BITS, _FILL_INSTRUMENT_BITS = 1, 16
_AMEND, _AMEND_BITS = 1 << _ID_BITS - 1, 15  # beyond the numbers of fills
_LEVEL = 1 << _ID_BITS - 1  # beyond the numbers of orders


def id_text(prefix: str, value: int) -> str:
    """Return one of our numbers as `OUF4EM-FRGI2-MQMWZD`, first the prefix."""
    shuffled = (value * _FACTOR) & _MASK
    letters = "".join(_LETTERS[shuffled >> shift & 31] for shift in range(_ID_BITS - 5, -1, -5))
    return f"{prefix}{letters[:5]}-{letters[5:10]}-{letters[10:]}"


def id_number(prefix: str, text: str) -> int | None:
    """Return the number that is spelled so, None where it is no such id."""
    found = _ID.fullmatch(text)
    if found is None or text[0] != prefix:
        return None
    shuffled = 0
    for letter in "".join(found.groups()):
        shuffled = shuffled << 5 | _LETTERS.index(letter)
    return (shuffled * _INVERSE) & _MASK


def order_text(order_id: int) -> str:
    """Return an order's id.

    Raises:
        Unsupported: It is one of the venue's that has not been read here.
    """
    if order_id < FOREIGN:
        return id_text(ORDER, order_id)
    text = _foreign.get(order_id)
    if text is None:
        raise Unsupported(
            "the venue's id of this order has not been read since the start, and its number alone "
            "does not tell it: read the orders first, or name it by its client order id"
        )
    return text


def order_number(text: str) -> int | None:
    """Return the number of an order's id, None where it is no id.

    The venue's own ids have more digits than our numbers: such a one is folded, to the same number
    each time, and remembered so that `order_text` finds it again. Who begins anew has to read it
    first, or to name the order by its client id.
    """
    value = id_number(ORDER, text)
    if value is None or value < FOREIGN:
        return value
    number_ = FOREIGN | (value ^ value >> _FOLD_SHIFT) & FOREIGN - 1
    _foreign.pop(number_, None)  # the newest last
    _foreign[number_] = text
    if len(_foreign) > FOREIGN_MAX:
        del _foreign[next(iter(_foreign))]
    return number_


def level_text(instrument_id: int, ticks: int, *, is_bid: bool) -> str:
    """Return the id under which stands at a price what belongs to no one order."""
    place = (ticks << _FILL_INSTRUMENT_BITS | instrument_id) << _FILL_SIDE_BITS | is_bid
    return id_text(ORDER, _LEVEL | place)


def amend_text(order_id: int, number: int) -> str:
    """Return the id of an amendment of an order; 0 is the order as it was placed."""
    place = _AMEND | order_id << _AMEND_BITS | number % (1 << _AMEND_BITS)
    return id_text(FILL, place)


def fill_text(instrument_id: int, trade_id: int, *, is_buy: bool) -> str:
    """Return the id of one side of a trade: trades are numbered per instrument."""
    place = (trade_id << _FILL_INSTRUMENT_BITS | instrument_id) << _FILL_SIDE_BITS | is_buy
    return id_text(FILL, place)


def fill_numbers(text: str) -> tuple[int, int, bool] | None:
    """Return instrument, trade and whether it is the buyer's side; None where it is no such id."""
    value = id_number(FILL, text)
    if value is None:
        return None
    whole, is_buy = divmod(value, 1 << _FILL_SIDE_BITS)
    trade_id, instrument_id = divmod(whole, 1 << _FILL_INSTRUMENT_BITS)
    return instrument_id, trade_id, bool(is_buy)
