"""A market of the library as an instrument of ours: its steps and limits, in whole numbers.

Only spot, only where price and size have a fixed step, and only where one tick times one lot is a
whole number of quote atoms; what does not fit says why. Assets and instruments are numbered by
their names, so a number means the same after any restart.
"""

from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from steelyard.bridge.numbers import decimal_of, maybe_decimal, number_of
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import LIMIT_MAX, NOTIONAL_MAX_ATOMS, Instrument
from steelyard.domain.messages import Candle
from steelyard.domain.order import RejectReason
from steelyard.domain.units import EXACT, in_full, plain

# The library's `precisionMode`.
DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE = 2, 3, 4

INSTRUMENT_ID = 0  # one child, one instrument
NAME_MAX = 16
PLACES_MAX = 24
_LARGE = Decimal(10**9)  # the largest price and size where a venue tells none
_LARGE_MIN = Decimal(1)
_TEN = Decimal(10)


def asset_id(name: str) -> int:
    """Return an asset's number.

    Raises:
        DecodeError: Not a name that an asset can have.
    """
    if not name or len(name) > NAME_MAX or not name.isascii() or not name.isprintable():
        raise DecodeError(f"{name[:NAME_MAX]!r} is no name of an asset")
    return number_of(f"${name}")


def outside_symbol(symbol: str) -> str:
    """Return our symbol as the library spells it: `BTC-USDT` is `BTC/USDT`."""
    return symbol.replace("-", "/")


def market_of(markets: Mapping[str, Any], symbol: str, venue: str) -> Mapping[str, Any]:
    """Return the market of our symbol.

    Raises:
        Unsupported: There is none, or not one of spot.
    """
    wanted = outside_symbol(symbol)
    found = markets.get(wanted)
    if not isinstance(found, Mapping):
        spot = [name for name in markets if ":" not in name]
        close = get_close_matches(wanted, spot, 3) or sorted(spot)[:8]
        known = ", ".join(name.replace("/", "-") for name in close) or "nothing"
        raise Unsupported(f"{venue} has no market {symbol!r}; there are: {known}")
    if found.get("spot") is not True:
        raise Unsupported(f"{symbol} is no spot market at {venue}; only those are traded here")
    if found.get("active") is False:
        raise Unsupported(f"{symbol} is not traded at {venue} at the moment")
    return found


def instrument_of(market: Mapping[str, Any], symbol: str, precision_mode: int) -> Instrument:
    """Return a market as an instrument.

    Raises:
        Unsupported: It has no fixed steps, or finer ones than can be counted here.
        DecodeError: It lacks what a market has.
    """
    base, quote = symbol.split("-")
    precision, limits = _mapping(market, "precision"), _mapping(market, "limits")
    tick = _step(precision.get("price"), precision_mode, f"{symbol}: price step")
    lot = _step(precision.get("amount"), precision_mode, f"{symbol}: size step")
    price, amount = _mapping(limits, "price"), _mapping(limits, "amount")
    cost = _mapping(limits, "cost")
    price_max = _limit(price.get("max"), tick, f"{symbol}: largest price")
    size_max = _limit(amount.get("max"), lot, f"{symbol}: largest size")
    minimum = maybe_decimal(cost.get("min"), f"{symbol}: smallest notional") or Decimal(0)
    size_max = min(size_max, _largest(price_max, lot))
    try:
        found = Instrument.spot(
            INSTRUMENT_ID,
            (asset_id(base), base),
            (asset_id(quote), quote),
            tick_size=in_full(tick),
            lot_size=in_full(lot),
            price_max=in_full(price_max),
            size_max=in_full(size_max),
            notional_min=in_full(minimum),
        )
        smallest = maybe_decimal(amount.get("min"), f"{symbol}: smallest size") or lot
        return _with_minimum(found, smallest)
    except UnitError as error:
        raise Unsupported(f"{symbol} cannot be counted in whole numbers here: {error}") from error


def candle_of(row: Any, instrument: Instrument, interval_ns: int, now_ns: int) -> Candle:
    """Return a bar of the library; its volume is rounded down to lots.

    It has no trade ids of the venue's. Its last one is the moment up to which it counts, as
    `follow.py` numbers trades.

    Raises:
        DecodeError: It is no bar.
        UnitError: A price is off the tick.
    """
    if not isinstance(row, list | tuple) or len(row) < 6:  # noqa: PLR2004 time, four prices, volume
        raise DecodeError("a candle is no time, four prices and volume")
    open_ns = int(decimal_of(row[0], "a candle's time")) * 10**6
    prices = [instrument.price_ticks(decimal_of(price, "a candle's price")) for price in row[1:5]]
    volume = maybe_decimal(row[5], "a candle's volume") or Decimal(0)
    end_ns = open_ns + interval_ns
    last_ms = (min(end_ns, now_ns) - 1) // 10**6
    return Candle(
        instrument.instrument_id,
        interval_ns,
        open_ns,
        prices[0],
        prices[1],
        prices[2],
        prices[3],
        min(int(EXACT.divide_int(volume, instrument.lot_size)), LIMIT_MAX),
        0,
        0,
        0,
        0,
        0,
        public_trade_id(last_ms, PUBLIC_MAX),
        end_ns <= now_ns,
    )


PUBLIC_BITS = 16  # trades in one millisecond that are told apart
PUBLIC_MAX = (1 << PUBLIC_BITS) - 1


def public_trade_id(time_ms: int, count: int) -> int:
    """Return a public trade's number: by time, then as it was told."""
    return time_ms << PUBLIC_BITS | min(count, PUBLIC_MAX)


def _with_minimum(instrument: Instrument, smallest: Decimal) -> Instrument:
    lots = -int(EXACT.divide_int(-smallest, instrument.lot_size))
    if EXACT.multiply(Decimal(lots), instrument.lot_size) < smallest:
        lots += 1
    if not 1 <= lots <= instrument.size_max_lots:
        said = f"smallest size {in_full(smallest)} is out of range"
        raise UnitError(said, RejectReason.UNSUPPORTED)
    fields = {name: getattr(instrument, name) for name in instrument.__struct_fields__}
    return Instrument(**{**fields, "size_min_lots": lots})


def _mapping(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return found if isinstance(found, Mapping) else {}


def _step(value: Any, mode: int, what: str) -> Decimal:
    number = maybe_decimal(value, what)
    if number is None:
        raise Unsupported(f"{what} is not told, so no order can be sized exactly")
    if mode == TICK_SIZE and number > 0:
        return plain(number)
    if mode == DECIMAL_PLACES and number == int(number) and abs(number) <= PLACES_MAX:
        return plain(EXACT.scaleb(Decimal(1), -int(number)))
    raise Unsupported(f"{what} changes with the price, which is not offered here")


def _limit(value: Any, step: Decimal, what: str) -> Decimal:
    """Return a limit in whole steps; where none is told, a large one."""
    most = EXACT.multiply(step, Decimal(LIMIT_MAX))
    number = maybe_decimal(value, what)
    if number is None or number <= 0:
        number = max(_LARGE, EXACT.multiply(step, _TEN)) if step < _LARGE else most
    number = min(number, most)
    return EXACT.multiply(EXACT.divide_int(number, step), step) or step


def _largest(price_max: Decimal, lot: Decimal) -> Decimal:
    """Return the size beyond which an order's notional would be too large for our numbers."""
    atoms = int(EXACT.divide_int(Decimal(NOTIONAL_MAX_ATOMS // 10**12), max(price_max, _LARGE_MIN)))
    return max(lot, EXACT.multiply(EXACT.divide_int(Decimal(atoms), lot), lot))
