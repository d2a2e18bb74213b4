"""A strategy's amounts in whole steps: what its author writes, as ticks and lots.

The invariant: an amount is exactly what was written, or an error says why not and what is nearest.
Most are a Decimal on a step, or a text that was written before: those take the short way, which
is `Instrument`'s without its words. Whatever is odd goes to `Instrument`, which has them.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument
from steelyard.domain.units import EXACT, Lots, Ticks, parse_decimal

TEXTS_MAX = 100  # sizes that are kept as they were written; a strategy has a few

_divmod = EXACT.divmod


class Amounts:
    """What is written at one instrument's desk."""

    __slots__ = ("_instrument", "_lot", "_lots", "_price_max", "_tick")

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._tick, self._lot = instrument.tick_size, instrument.lot_size
        self._price_max = instrument.price_max_ticks
        self._lots: dict[str, Lots] = {}

    def price_ticks(self, price: Any) -> Ticks:
        """Return a price in ticks.

        Raises:
            UnitError: It is no whole number of ticks, or out of range.
            UsageError: It is a float.
        """
        instrument = self._instrument
        if type(price) is Decimal:
            try:
                steps, rest = _divmod(price, self._tick)
                found = 0 if rest else int(steps)
            except InvalidOperation:
                found = 0
            if 0 < found <= self._price_max:
                return Ticks(found)
        elif type(price) is str and (plain := instrument.plain_ticks(price)) is not None:
            return Ticks(plain)
        return instrument.price_ticks(exact(price, "price"))

    def size_lots(self, size: Any) -> Lots:
        """Return a size in lots; an int is lots already.

        Raises:
            UnitError: It is no whole number of lots, or out of range.
            UsageError: It is a float.
        """
        if type(size) is str:
            lots = self._lots.get(size)
            if lots is None:
                lots = size_lots(size, self._instrument)
                if len(self._lots) < TEXTS_MAX:
                    self._lots[size] = lots
            return lots
        if type(size) is Decimal and (
            found := _steps(size, self._lot, self._instrument.size_max_lots)
        ):
            return Lots(found)
        return size_lots(size, self._instrument)


def _steps(value: Decimal, step: Decimal, most: int) -> int:
    """Return a number in whole steps; 0: it is none, or too many, or no number."""
    try:
        steps, rest = _divmod(value, step)
    except InvalidOperation:
        return 0
    if rest:
        return 0
    found = int(steps)
    return found if 0 < found <= most else 0


def ticks(price: Any, instrument: Instrument) -> Ticks | None:
    """Return a price in ticks, None of None; what it raises `Amounts.price_ticks` says."""
    return None if price is None else instrument.price_ticks(exact(price, "price"))


def size_lots(size: Any, instrument: Instrument) -> Lots:
    """Return a size in lots; what it raises `Amounts.size_lots` says."""
    if isinstance(size, int) and not isinstance(size, bool):
        if 0 < size <= instrument.size_max_lots:
            return Lots(size)
        return instrument.size_lots(instrument.size(size))
    return instrument.size_lots(exact(size, "size"))


def exact(amount: Any, what: str) -> Decimal:
    """Return an amount that is exact; `what` it is stands in the message.

    Raises:
        UnitError: It is a text, and no number.
        UsageError: It is something else than a text or a Decimal.
    """
    if isinstance(amount, Decimal):
        return amount
    if isinstance(amount, str):
        return parse_decimal(amount)
    raise UsageError(
        f"{what} {amount!r} is a {type(amount).__name__}; write it as text or Decimal"
        + (", or round it down to whole lots by self.size(x)" if what == "size" else "")
    )
