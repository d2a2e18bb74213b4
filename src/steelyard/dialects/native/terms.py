"""Which field of an order goes with which type, in the words of the wire; and its numbers.

`TERMS` is `FIELDS` by the names of a request: refusals and the manual read it, nothing else says
what goes with what. Numbers are read without rounding. Of several that are wrong, the one whose
reason comes first in `RejectReason` is told. What needs the book or the balance is the engine's.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from itertools import compress
from operator import attrgetter
from typing import NamedTuple

from steelyard.dialects.native import requests
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import FIELDS, Fields, Need, OrderType, RejectReason, TimeInForce
from steelyard.domain.units import EXACT, RATE_SCALE, in_full, parse_decimal, to_atoms

RESTING = (TimeInForce.GTC, TimeInForce.GTD)

# How a request says a field of `Fields`: in one of these ways.
_WAYS = {
    "price_ticks": ("price",),
    "trigger_ticks": ("trigger_price",),
    "trail": ("trail", "trail_rate"),
    "activation_ticks": ("activation_price",),
    "activation_direction": ("activation_direction",),
    "post_only": ("post_only",),
    "display_lots": ("display_size",),
}


class Terms(NamedTuple):
    """What an order of one type takes: exactly one of each of `must`, any of `may`."""

    must: tuple[tuple[str, ...], ...]
    may: tuple[str, ...]
    time_in_force: tuple[TimeInForce, ...]  # its default first

    @property
    def names(self) -> frozenset[str]:
        """Every field that goes with the type."""
        return frozenset(self.may).union(*self.must)

    def text(self) -> str:
        """Return it as a part of a sentence: `must have size, price and may have expires`."""
        must = ", ".join(" or ".join(ways) for ways in self.must)
        return f"must have {must}" + (f" and may have {', '.join(self.may)}" if self.may else "")


def _terms(order_type: OrderType, row: Fields) -> Terms:
    must: list[tuple[str, ...]] = [
        ("size",) if row.quote_atoms is Need.NEVER else ("size", "quote_amount")
    ]
    may: list[str] = []
    for field, ways in _WAYS.items():
        match getattr(row, field):
            case Need.MUST:
                must.append(ways)
            case Need.MAY:
                may.extend(ways)
            case _:
                pass
    if "post_only" in may:
        may.insert(may.index("post_only") + 1, "slide")
    if order_type.waits:
        may.append("trigger_by")
    times = sorted(row.time_in_force)
    if TimeInForce.GTD in times:
        may.append("expires")
    return Terms(tuple(must), tuple(may), tuple(times))


TERMS = {order_type: _terms(order_type, row) for order_type, row in FIELDS.items()}
GOVERNED = tuple(
    name
    for name in requests.PlaceRequest.__struct_fields__
    if any(name in terms.names for terms in TERMS.values())
)
_governed = attrgetter(*GOVERNED)
_PLAIN = frozenset({"size", "price", "post_only"})


def time_in_force_of(asked: TimeInForce | None, order_type: OrderType) -> TimeInForce:
    """Return what was asked for, or the type's default."""
    return TERMS[order_type].time_in_force[0] if asked is None else asked


def check(
    request: requests.PlaceRequest, order_type: OrderType, time_in_force: TimeInForce
) -> bool:
    """Check that everything is there and goes together; return whether that is plain.

    Plain is an order that says no more of these than size, price and post_only.

    Raises:
        DecodeError: Something is missing that the type needs.
        UnitError: Something does not go with the type or the time in force (UNSUPPORTED).
    """
    return _check(tuple(map(bool, _governed(request))), order_type, time_in_force)


@lru_cache(maxsize=4_096)
def _check(are_given: tuple[bool, ...], order_type: OrderType, time_in_force: TimeInForce) -> bool:
    given = tuple(compress(GOVERNED, are_given))
    terms, name = TERMS[order_type], order_type.name.lower()
    for ways in terms.must:
        if not any(way in given for way in ways):
            raise DecodeError(
                f"{' or '.join(ways)} is missing: a {name} order {terms.text()}", ways[0]
            )
    for field in given:
        if field not in terms.names:
            raise _unsupported(
                f"{field} does not go with a {name} order, which {terms.text()}", field
            )
    for ways in terms.must:
        if len(twice := [way for way in ways if way in given]) > 1:
            raise _unsupported(f"{' and '.join(twice)} say the same; send one of them", twice[1])
    if time_in_force not in terms.time_in_force:
        offered = " or ".join(t.name.lower() for t in terms.time_in_force)
        raise _unsupported(
            f"time_in_force {time_in_force.name.lower()} does not go with a {name} order; "
            f"it takes {offered}",
            "time_in_force",
        )
    _check_resting(given, time_in_force)
    return _PLAIN.issuperset(given)


def _check_resting(given: tuple[str, ...], time_in_force: TimeInForce) -> None:
    if time_in_force not in RESTING:
        for field, why in (
            ("post_only", "what may not take has to rest"),
            ("display_size", "what does not rest is not shown"),
        ):
            if field in given:
                raise _unsupported(f"{field} goes with time_in_force gtc or gtd only: {why}", field)
    if "slide" in given and "post_only" not in given:
        raise _unsupported("slide goes with post_only only; send both, or neither", "slide")
    if "activation_direction" in given and "activation_price" not in given:
        raise _unsupported(
            "activation_direction goes with activation_price only; send both, or neither",
            "activation_direction",
        )
    if time_in_force is TimeInForce.GTD and "expires" not in given:
        raise DecodeError(
            "expires is missing: a gtd order needs the time at which it ends, in milliseconds",
            "expires",
        )
    if time_in_force is not TimeInForce.GTD and "expires" in given:
        raise _unsupported(
            'expires goes with "time_in_force": "gtd" only; send that, or no expires', "expires"
        )


def _unsupported(message: str, field: str) -> UnitError:
    return UnitError(message, RejectReason.UNSUPPORTED, field)


class Numbers:
    """Reads the numbers of one request, each into whole steps; `check` tells the first mistake."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._errors: list[UnitError] = []

    def price(self, field: str, text: str | None) -> int | None:
        """Return a price in ticks."""
        if text is None:
            return None
        ticks = self._instrument.plain_ticks(text)
        return self._read(field, text, self._instrument.price_ticks) if ticks is None else ticks

    def size(self, field: str, text: str | None) -> int | None:
        """Return a size in lots."""
        if text is None:
            return None
        lots = self._instrument.plain_lots(text)
        return self._read(field, text, self._instrument.size_lots) if lots is None else lots

    def amount(self, field: str, text: str | None) -> int | None:
        """Return an amount of the quote asset in atoms."""
        return None if text is None else self._read(field, text, _amount_atoms)

    def display(self, field: str, text: str | None) -> int | None:
        """Return what the book shows in lots; 0 is nothing."""
        too = (RejectReason.SIZE_TOO_SMALL, RejectReason.SIZE_TOO_LARGE)

        def lots(number: Decimal, field: str) -> int:
            if number == 0:
                return 0
            try:
                return self._instrument.size_lots(number, field)
            except UnitError as error:
                raise _instead(error, too, RejectReason.DISPLAY_OUT_OF_RANGE) from error

        return None if text is None else self._read(field, text, lots)

    def trail(self, field: str, text: str | None) -> int | None:
        """Return the distance of a trail in ticks."""
        too = (RejectReason.PRICE_OUT_OF_RANGE,)

        def ticks(number: Decimal, field: str) -> int:
            try:
                return self._instrument.price_ticks(number, field)
            except UnitError as error:
                raise _instead(error, too, RejectReason.TRAIL_OUT_OF_RANGE) from error

        return None if text is None else self._read(field, text, ticks)

    def trail_rate(self, field: str, text: str | None) -> int | None:
        """Return the rate of a trail, times 1e8."""
        return None if text is None else self._read(field, text, _trail_rate_e8)

    def check(self) -> None:
        """Raise the UnitError whose reason comes first, if there was any."""
        if self._errors:
            raise min(self._errors, key=lambda error: error.reason)

    def _read(self, field: str, text: str, steps: Callable[[Decimal, str], int]) -> int | None:
        try:
            return steps(parse_decimal(text), field)
        except UnitError as error:
            self._errors.append(UnitError(str(error), error.reason, field))
            return None


def _instead(
    error: UnitError, reasons: tuple[RejectReason, ...], reason: RejectReason
) -> UnitError:
    return UnitError(str(error), reason if error.reason in reasons else error.reason)


def _amount_atoms(number: Decimal, field: str) -> int:
    if number <= 0:
        raise UnitError(f"{field} {in_full(number)} must be positive", RejectReason.SIZE_TOO_SMALL)
    return to_atoms(number)


def _trail_rate_e8(number: Decimal, field: str) -> int:
    if 0 < number < 1:
        rate_e8 = EXACT.multiply(number, Decimal(RATE_SCALE))
        if rate_e8 == rate_e8.to_integral_value():
            return int(rate_e8)
    raise UnitError(
        f"{field} {in_full(number)} must be a multiple of 0.00000001 above 0 and below 1; "
        "0.01 is 1 %",
        RejectReason.TRAIL_OUT_OF_RANGE,
    )
