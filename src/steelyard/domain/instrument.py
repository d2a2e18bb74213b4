"""What trades: an instrument with its steps and limits, and the list of all of them.

The invariant: one tick times one lot is a whole number of quote atoms, so every notional is
exact. It is proven when the instrument is made, not when a trade needs it.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Self

from msgspec import Struct

from steelyard.domain.errors import UnitError, Unsupported
from steelyard.domain.order import RejectReason
from steelyard.domain.units import (
    ATOMS_PER_UNIT,
    EXACT,
    RATE_SCALE,
    Lots,
    Ticks,
    in_full,
    parse_decimal,
    plain,
    to_atoms,
    whole_steps,
)

STEPS_MAX = 4_096  # ticks and lots of which the decimal number is remembered
LIMIT_MAX = 2**53  # ticks and lots stay exact in JSON and in JavaScript
LEVEL_MAX_LOTS = 2**62  # the total size at one price: one more house size on top fits an i64
EXPONENT_MAX = 30  # a number of more digits is over any limit; its text would be long
EXPONENT_MIN = -24  # of a listing's numbers: quotients of any two of them stay exact
NOTIONAL_MAX_ATOMS = 2**98  # the largest order, times a rate, fits an i128
VOLUME_WEIGHT_MAX_E8 = 2**48  # times the largest order in micros it still fits an i128
_NOTHING = Decimal(0)


class Instrument(Struct, frozen=True):
    """A spot market, in whole numbers.

    Attributes:
        instrument_id: Position in the exchange's list, from 0.
        symbol: Our own spelling, `BTC-USDT`.
        base, quote: Names of the assets.
        base_asset_id, quote_asset_id: Their numbers in the ledger.
        lot_atoms: Base atoms in one lot.
        tick_lot_atoms: Quote atoms that one lot costs at a price of one tick.
        price_max_ticks, size_min_lots, size_max_lots, notional_min_atoms: Limits, inclusive.
        notional_max_atoms: Likewise; 0 is none.
        band_rate_e8: How far a price may be from the reference (the mark price, else the last
            trade), as a rate of it: 5_000_000 is 5 %; 0 is any.
        orders_max: How many open orders an account may have here, waiting ones too; 0 is any.
        triggers_max: How many of them may wait for a trigger; 0 is any.
        volume_weight_e8: What a quote atom counts in the volume that fee tiers go by: 1e8 is one.
    """

    instrument_id: int
    symbol: str
    base: str
    quote: str
    base_asset_id: int
    quote_asset_id: int
    lot_atoms: int
    tick_lot_atoms: int
    price_max_ticks: int
    size_min_lots: int
    size_max_lots: int
    notional_min_atoms: int
    notional_max_atoms: int = 0
    band_rate_e8: int = 0
    orders_max: int = 0
    triggers_max: int = 0
    volume_weight_e8: int = 10**8

    @classmethod
    def spot(
        cls,
        instrument_id: int,
        base: tuple[int, str],
        quote: tuple[int, str],
        *,
        tick_size: str,
        lot_size: str,
        price_max: str,
        size_max: str,
        notional_min: str,
    ) -> Self:
        """Return an instrument from the numbers as people write them.

        Raises:
            UnitError: One is not a number or out of range, or tick times lot is finer than one
                quote atom; the message names it.
        """
        tick, lot = _positive("tick_size", tick_size), _positive("lot_size", lot_size)
        minimum = _number("notional_min", notional_min)
        if minimum < 0:
            raise UnitError(
                f"notional_min must not be negative; got {notional_min}", RejectReason.UNSUPPORTED
            )
        tick_lot_atoms = EXACT.multiply(EXACT.multiply(tick, lot), Decimal(ATOMS_PER_UNIT))
        if tick_lot_atoms != tick_lot_atoms.to_integral_value():
            raise UnitError(
                f"tick_size {tick_size} times lot_size {lot_size} is finer than "
                "0.000000000001 of the quote",
                RejectReason.UNSUPPORTED,
            )
        instrument = cls(
            instrument_id=instrument_id,
            symbol=f"{base[1]}-{quote[1]}",
            base=base[1],
            quote=quote[1],
            base_asset_id=base[0],
            quote_asset_id=quote[0],
            lot_atoms=_atoms("lot_size", lot),
            tick_lot_atoms=int(tick_lot_atoms),
            price_max_ticks=_limit_steps("price_max", price_max, "tick_size", tick),
            size_min_lots=1,
            size_max_lots=_limit_steps("size_max", size_max, "lot_size", lot),
            notional_min_atoms=_atoms("notional_min", minimum),
        )
        largest = instrument.notional_atoms(instrument.price_max_ticks, instrument.size_max_lots)
        if max(largest, instrument.size_max_lots * instrument.lot_atoms) > NOTIONAL_MAX_ATOMS:
            raise UnitError("price_max times size_max is too large", RejectReason.UNSUPPORTED)
        return instrument

    @property
    def is_sound(self) -> bool:
        """Whether every amount that an order can reach fits the engine's numbers."""
        return (
            self.base_asset_id != self.quote_asset_id
            and self.lot_atoms >= 1
            and self.tick_lot_atoms >= 1
            and self.notional_min_atoms >= 0
            and self.notional_max_atoms >= 0
            and 0 <= self.band_rate_e8 <= RATE_SCALE
            and 0 <= self.volume_weight_e8 <= VOLUME_WEIGHT_MAX_E8
            and 1 <= self.price_max_ticks <= LIMIT_MAX
            and 1 <= self.size_min_lots <= self.size_max_lots <= LIMIT_MAX
            and self.size_max_lots * self.lot_atoms <= NOTIONAL_MAX_ATOMS
            and self.notional_atoms(self.price_max_ticks, self.size_max_lots) <= NOTIONAL_MAX_ATOMS
        )

    def may_become(self, new: "Instrument") -> bool:
        """Return whether resting orders and their holds stay what they are under a new listing."""
        return (
            self.base_asset_id == new.base_asset_id
            and self.quote_asset_id == new.quote_asset_id
            and self.lot_atoms == new.lot_atoms
            and self.tick_lot_atoms == new.tick_lot_atoms
            and self.price_max_ticks <= new.price_max_ticks
        )

    @property
    def tick_size(self) -> Decimal:
        """The price step in quote per base."""
        return _step(self.tick_lot_atoms, self.lot_atoms)

    @property
    def lot_size(self) -> Decimal:
        """The size step in base."""
        return _step(self.lot_atoms, ATOMS_PER_UNIT)

    def price(self, ticks: int) -> Decimal:
        """Return a price in quote per base."""
        return EXACT.multiply(Decimal(ticks), self.tick_size)

    def size(self, lots: int) -> Decimal:
        """Return a size in base."""
        return EXACT.multiply(Decimal(lots), self.lot_size)

    def plain_ticks(self, text: str) -> int | None:
        """Return a price in ticks where its text is plain and right, else None: `price_ticks`."""
        return whole_steps(text, self.tick_lot_atoms, self.lot_atoms, self.price_max_ticks)

    def plain_lots(self, text: str) -> int | None:
        """Return a size in lots where its text is plain and right, else None: `size_lots`."""
        return whole_steps(text, self.lot_atoms, ATOMS_PER_UNIT, self.size_max_lots)

    def price_ticks(self, price: Decimal, what: str = "price") -> Ticks:
        """Return a price in ticks; `what` it is stands in messages.

        Raises:
            UnitError: Not a multiple of tick_size (PRICE_OFF_TICK), or outside 0..price_max
                (PRICE_OUT_OF_RANGE).
        """
        return Ticks(
            self._steps(
                price,
                self.tick_size,
                self.price_max_ticks,
                what,
                "tick_size",
                (
                    RejectReason.PRICE_OFF_TICK,
                    RejectReason.PRICE_OUT_OF_RANGE,
                    RejectReason.PRICE_OUT_OF_RANGE,
                ),
            )
        )

    def size_lots(self, size: Decimal, what: str = "size") -> Lots:
        """Return a size in lots; `what` it is stands in messages.

        Raises:
            UnitError: Not a multiple of lot_size (SIZE_OFF_LOT), not positive (SIZE_TOO_SMALL),
                or beyond the maximum (SIZE_TOO_LARGE).
        """
        return Lots(
            self._steps(
                size,
                self.lot_size,
                self.size_max_lots,
                what,
                "lot_size",
                (
                    RejectReason.SIZE_OFF_LOT,
                    RejectReason.SIZE_TOO_SMALL,
                    RejectReason.SIZE_TOO_LARGE,
                ),
            )
        )

    def order_steps(
        self, price: Decimal | None, size: Decimal | None
    ) -> tuple[Ticks | None, Lots | None]:
        """Return an order's price and size in steps; None stays None.

        Raises:
            UnitError: Of two that are wrong, the one whose reason comes first.
        """
        errors: list[UnitError] = []
        price_ticks = size_lots = None
        try:
            price_ticks = None if price is None else self.price_ticks(price)
        except UnitError as error:
            errors.append(error)
        try:
            size_lots = None if size is None else self.size_lots(size)
        except UnitError as error:
            errors.append(error)
        if errors:
            raise min(errors, key=lambda error: error.reason)
        return price_ticks, size_lots

    def notional_atoms(self, price_ticks: int, size_lots: int) -> int:
        """Return price times size in quote atoms, exactly."""
        return price_ticks * size_lots * self.tick_lot_atoms

    def _steps(
        self,
        value: Decimal,
        step: Decimal,
        steps_max: int,
        what: str,
        step_name: str,
        reasons: tuple[RejectReason, RejectReason, RejectReason],
    ) -> int:
        off_step, too_small, too_large = reasons
        is_huge = value.adjusted() > EXPONENT_MAX
        steps, rest = (_NOTHING, _NOTHING) if is_huge else EXACT.divmod(value, step)
        # A multiple of the step or not is told before in range or not, as RejectReason has it.
        if rest:
            raise UnitError(
                f"{what} {in_full(value)} is not a multiple of {step_name} {in_full(step)} "
                f"({self.symbol}); " + _nearest(value, step, steps_max),
                off_step,
            )
        if value <= 0:
            raise UnitError(f"{what} {in_full(value)} must be positive ({self.symbol})", too_small)
        if is_huge or steps > steps_max:
            raise UnitError(
                f"{what} {in_full(value)} is above the maximum "
                f"{in_full(plain(step * steps_max))} ({self.symbol})",
                too_large,
            )
        return int(steps)


@lru_cache(maxsize=STEPS_MAX)
def _step(numerator: int, denominator: int) -> Decimal:
    return plain(EXACT.divide(Decimal(numerator), Decimal(denominator)))


def _nearest(value: Decimal, step: Decimal, steps_max: int) -> str:
    """Return which multiples of a step are nearest, of those that are in range."""
    below = min(int(EXACT.divide_int(value, step)), steps_max) if value > 0 else 0
    near = [EXACT.multiply(step, Decimal(n)) for n in (below, below + 1) if 0 < n <= steps_max]
    return f"nearest: {', '.join(in_full(number) for number in near)}"


def _positive(name: str, text: str) -> Decimal:
    number = _number(name, text)
    if number <= 0:
        raise UnitError(f"{name} must be positive; got {text}", RejectReason.UNSUPPORTED)
    return number


def _atoms(name: str, number: Decimal) -> int:
    try:
        return to_atoms(number)
    except UnitError as error:
        raise UnitError(f"{name}: {error}", RejectReason.UNSUPPORTED) from error


def _number(name: str, text: str) -> Decimal:
    try:
        number = parse_decimal(text)
    except UnitError as error:
        raise UnitError(f"{name}: {error}", RejectReason.UNSUPPORTED) from error
    if number and not EXPONENT_MIN <= number.adjusted() <= EXPONENT_MAX:
        raise UnitError(
            f"{name} {text} is out of range; write a number from 1e{EXPONENT_MIN} to "
            f"1e{EXPONENT_MAX}",
            RejectReason.UNSUPPORTED,
        )
    return number


def _limit_steps(name: str, text: str, step_name: str, step: Decimal) -> int:
    steps = int(EXACT.divide_int(_positive(name, text), step))
    if not 1 <= steps <= LIMIT_MAX:
        raise UnitError(
            f"{name} {text} must be 1 to {LIMIT_MAX} times {step_name} {in_full(step)}",
            RejectReason.UNSUPPORTED,
        )
    return steps


_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE = len(_DIGITS) + 1  # digits count from 1, so that no name begins with nothing
_FOREIGN = 1 << 62  # asset numbers from here on are names
_FOREIGN_NAME_MAX = 11  # letters that fit below


def foreign_asset_id(name: str) -> int:
    """Return the number of an asset that no listed instrument uses; it is its name, spelled out.

    Venues take fees in coins of their own, whatever is traded. Such a number is good anywhere,
    also after a restart: nothing has to be remembered.

    Raises:
        Unsupported: The name has more than 11 characters, or others than letters and digits.
    """
    letters = name.upper()
    if not 1 <= len(letters) <= _FOREIGN_NAME_MAX or not set(letters) <= {*_DIGITS}:
        raise Unsupported(f"asset {name[:20]!r} is listed nowhere, and no name that can be kept")
    number = 0
    for letter in letters:
        number = number * _BASE + _DIGITS.index(letter) + 1
    return _FOREIGN + number


def foreign_asset_name(asset_id: int) -> str | None:
    """Return the name that `foreign_asset_id` spelled; None of any other number."""
    number, letters = asset_id - _FOREIGN, ""
    while number > 0:
        number, letter = divmod(number, _BASE)
        letters = _DIGITS[letter - 1] + letters
    return letters or None


class Listings:
    """Every instrument of a venue, found by id or by symbol; assets by id or by name."""

    def __init__(self, instruments: Iterable[Instrument] = ()) -> None:
        self._by_id: dict[int, Instrument] = {}
        self.get = self._by_id.get  # by id, or None
        self._by_symbol: dict[str, Instrument] = {}
        self._asset_names: dict[int, str] = {}
        self._asset_ids: dict[str, int] = {}
        for instrument in instruments:
            self.add(instrument)

    def add(self, instrument: Instrument) -> None:
        """List an instrument, and its assets."""
        self._by_id[instrument.instrument_id] = instrument
        self._by_symbol[instrument.symbol] = instrument
        for asset_id, name in (
            (instrument.base_asset_id, instrument.base),
            (instrument.quote_asset_id, instrument.quote),
        ):
            self._asset_names[asset_id] = name
            self._asset_ids[name] = asset_id

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __getitem__(self, instrument_id: int) -> Instrument:
        return self._by_id[instrument_id]

    def symbol(self, symbol: str) -> Instrument:
        """Return an instrument by `BTC-USDT`; the ccxt form `BTC/USDT` is taken too.

        Raises:
            Unsupported: There is none of that name.
        """
        found = self._by_symbol.get(symbol.replace("/", "-").upper())
        if found is None:
            known = ", ".join(sorted(self._by_symbol)[:8])
            raise Unsupported(f"no instrument {symbol!r} here; known: {known}")
        return found

    def has(self, instrument_id: int) -> bool:
        """Whether an instrument of that number is listed."""
        return instrument_id in self._by_id

    def find(self, symbol: str) -> Instrument | None:
        """Return an instrument by its exact symbol, or None."""
        return self._by_symbol.get(symbol)

    def asset(self, asset_id: int) -> str:
        """Return an asset's name, also of one that no instrument uses."""
        found = self._asset_names.get(asset_id) or foreign_asset_name(asset_id)
        assert found is not None, f"{asset_id} is no asset's number"
        return found

    def asset_id(self, name: str) -> int:
        """Return an asset's number.

        Raises:
            Unsupported: No listed instrument uses that asset.
        """
        found = self._asset_ids.get(name.upper())
        if found is None:
            known = ", ".join(sorted(self._asset_ids))
            raise Unsupported(f"no asset {name!r} here; known: {known}")
        return found

    def any_asset_id(self, name: str) -> int:
        """Return an asset's number, also of one that no instrument uses.

        Raises:
            Unsupported: As `foreign_asset_id`.
        """
        found = self._asset_ids.get(name.upper())
        return foreign_asset_id(name) if found is None else found

    def assets(self) -> dict[int, str]:
        """Return every asset's name by its number."""
        return dict(self._asset_names)
