"""One backtest: a strategy, data and assumptions in; a result out.

The clock of the run is the data's; the wall clock comes in as a function that only measures how
long it took. A strategy that raises ends its run and the result says so; an interruption ends it
too, and what it has found until then is kept.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from enum import IntEnum
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from steelyard import _native
from steelyard.backtest import settings as assumed
from steelyard.backtest.columns import BarColumns, Ints, Source, Tape, check_bars
from steelyard.backtest.desk import ACCOUNT_ID, ReplayDesk
from steelyard.backtest.follower import Follower
from steelyard.backtest.host import Host
from steelyard.backtest.result import (
    FILL,
    ORDER,
    POINT,
    About,
    Assumption,
    Records,
    Result,
    Totals,
)
from steelyard.backtest.settings import Settings
from steelyard.domain.commands import (
    AssignFees,
    Command,
    Deposit,
    ListInstrument,
    OpenAccount,
    SetFeeTier,
)
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import in_full
from steelyard.engine.native import ENCODER
from steelyard.trading.host import Guard, unguarded
from steelyard.trading.risk import Limits
from steelyard.trading.strategy import Strategy, overrides

SCHEDULE_ID = 1
BASE_ID, QUOTE_ID = 1, 2
_MICROS = 1_000_000
_SHEET_TIMES = 4  # a result keeps no more memory alive than so many times its own

Looked = Callable[[int], None]  # told now and then how many bars or events have been played


class Run:
    """A backtest that is being made; `go` plays it, `result` says what it found so far."""

    def __init__(
        self,
        strategy: Strategy,
        data: BarColumns | Tape,
        settings: Settings,
        *,
        limits: Limits | None = None,
        stop_loss: Decimal | None = None,
        rows: _native.Bars | None = None,
    ) -> None:
        """Set a run up; rows are the bars in the machine's form, where they are at hand.

        Raises:
            ConfigError: The settings contradict themselves, the strategy or the data.
            UsageError: The columns are no bars.
        """
        # A market of its own, so its numbers are its own: elsewhere they may be a hash of the name.
        self.instrument = instrument = replace(
            data.instrument, instrument_id=0, base_asset_id=BASE_ID, quote_asset_id=QUOTE_ID
        )
        assumed.check(settings, instrument)
        if strategy.leg_names:
            raise ConfigError(
                f"{type(strategy).__name__} trades on several legs: play it by `LegsRun`, or by "
                "[legs.NAME] in its configuration"
            )
        strategy.check(instrument)
        self._strategy = strategy
        self._is_limited = limits is not None or stop_loss is not None
        self._limited = limit_text(limits, stop_loss)
        self._data = data
        self._rows = rows
        self._settings = settings
        self._seconds = 0.0
        self._is_partial = True
        self._failure: str | None = None
        self._start_ns: int | None = None  # of a tape
        self._blocks: Iterator[NDArray[np.void]] = iter(())
        wanted = strategy.bar_interval
        if isinstance(data, BarColumns):
            interval_ns = data.interval_ns if wanted is None else wanted.ns
            if interval_ns % data.interval_ns:
                raise ConfigError(
                    f"the strategy wants bars of {wanted}, which bars of "
                    f"{data.interval_ns // SECOND_NS} s do not add up to"
                )
            if rows is None:
                rows = machine_rows(data)
                if not rows.is_sound:
                    check_bars(data)
            self.replay = _native.Replay(
                rows,
                data.interval_ns,
                interval_ns,
                instrument,
                opening(instrument, settings),
                assumed.deposit_atoms(settings, instrument),
                settings.curve_ns,
                assumed.for_machine(settings, is_tape=False),
            )
        else:
            self.replay = _native.Replay.of_tape(
                0 if wanted is None else wanted.ns,
                instrument,
                opening(instrument, settings),
                assumed.deposit_atoms(settings, instrument),
                settings.curve_ns,
                int(settings.queue),
                (overrides(strategy, "on_book"), overrides(strategy, "on_trade")),
                assumed.for_machine(settings, is_tape=True),
            )
            self._blocks = iter(data.blocks())
        self.desk = ReplayDesk(instrument, self.replay)
        deposits = assumed.deposit_atoms(settings, instrument)
        step_ns = 0
        if isinstance(data, BarColumns) and not settings.timers_in_bars:
            step_ns = data.interval_ns
        self.host = Host(strategy, self.desk, self.replay, limits, stop_loss, deposits, step_ns)
        type(strategy).bind(strategy, self.desk)

    def go(
        self, clock: Callable[[], float], guard: Guard = unguarded, looked: Looked | None = None
    ) -> None:
        """Play to the end of the data, or until the strategy raises.

        Args:
            clock: Seconds that pass, such as `time.perf_counter`.
            guard: Calls, and returns the traceback of what was raised.
            looked: Told now and then how many bars have been played.

        Raises:
            ConfigError: The strategy wants something that these data cannot give.
            KeyboardInterrupt: Somebody has had enough; `result` says what was found until then.
        """
        begun = clock()
        try:
            self._failure = guard(lambda: self._play(looked))
            self._is_partial = self._failure is not None
            if self.host.trouble is not None:
                raise self.host.trouble
        finally:
            self.replay.close()
            self._seconds = clock() - begun

    def _play(self, looked: Looked | None) -> None:
        strategy, host, desk = self._strategy, self.host, self.desk
        if strategy.history_bars:
            desk.history += self.replay.warm_up(strategy.history_bars, self._next_block)
        elif not isinstance(self._data, BarColumns):
            self.replay.feed(self._next_block())
            # As at a venue, trading begins with a book.
            self.replay.begin(self._next_block)
        host.start()
        if overrides(strategy, "on_book") and not isinstance(self._data, BarColumns):
            host.first_book()
        callbacks = {
            name: getattr(strategy, name) if overrides(strategy, name) else None
            for name in ("on_bar", "on_book", "on_fill", "on_order", "on_timer")
        }
        self.replay.run(desk, host, callbacks, self._next_block, looked)
        host.stop()

    def _next_block(self) -> Ints | None:
        """Return the next block of a tape as the machine reads it: three words an event."""
        block = next(self._blocks, None)
        if block is None:
            return None
        if self._start_ns is None and len(block):
            self._start_ns = int(block["time_ns"][0])
        return np.ascontiguousarray(block).view(np.int64)

    def go_to(self, targets: Ints | _native.Targets, clock: Callable[[], float]) -> None:
        """Play to the end, trading to targets in lots instead of asking the strategy.

        Raises:
            UsageError: There are limits, and the strategy is no `Follower`, who hears of them.
        """
        if self._is_limited:
            if not isinstance(self._strategy, Follower):
                raise UsageError("targets under limits are traded by a Follower")
            if isinstance(targets, _native.Targets):
                targets = np.frombuffer(targets.lots(), np.int64)
            if len(targets) != len(self._data):
                raise ValueError(f"{len(targets)} targets for {len(self._data)} bars")
            self._strategy.targets = targets
            self.go(clock)
            return
        begun = clock()
        try:
            if not isinstance(targets, _native.Targets):
                targets = _native.Targets.of_lots(np.ascontiguousarray(targets, np.int64))
            self.replay.run_targets(targets)
            self._is_partial = False
        finally:
            self._seconds = clock() - begun

    def result(
        self,
        *,
        name: str = "backtest",
        sources: Sequence[Source] = (),
        settings: dict[str, Any] | None = None,
        version: str = "",
    ) -> Result:
        """Return what the run has found; version is that of the program that made it."""
        replay, data = self.replay, self._data
        fill_count, order_count, point_count = replay.counts
        counts = (fill_count, order_count, point_count)
        sheet = None if self._rows is None else _sheet_for(self._rows, counts)
        fills = records_of(fill_count, FILL, replay.fills, sheet)
        orders = records_of(order_count, ORDER, replay.orders, sheet)
        events, fees, exposed_ns, drawdown = replay.totals()
        is_tape = not isinstance(data, BarColumns)
        if isinstance(data, BarColumns):
            played = data.open_ns[:events]
            start_ns = int(played[0]) if events else 0
            end_ns = int(played[-1]) + data.interval_ns if events else 0
        else:
            start_ns = self._start_ns or 0
            end_ns = max(start_ns, replay.now_ns)
        strategy = type(self._strategy)
        assumptions = assumed.assumptions(self._settings, self.instrument, is_tape=is_tape)
        if isinstance(data, Tape) and data.guess:
            assumptions = (Assumption("the book", data.guess), *assumptions)
        if self._limited:
            assumptions = (*assumptions, Assumption("limits", self._limited))
        about = About(
            name=name,
            strategy=f"{strategy.__module__}:{strategy.__qualname__}",
            params=plain_fields(self._strategy.params),
            instrument=self.instrument,
            sources=tuple(played_part(source, start_ns, end_ns) for source in sources),
            start_ns=start_ns,
            end_ns=end_ns,
            interval_ns=data.interval_ns if isinstance(data, BarColumns) else None,
            assumptions=assumptions,
            settings=settings if settings is not None else plain_fields(self._settings),
            version=version,
            is_partial=self._is_partial,
            failure=self._failure,
        )
        totals = Totals(
            events=events,
            orders=len(orders),
            fills=len(fills),
            refused=self.host.refused,
            refusals=dict(self.host.refusals),
            fees_atoms=dict(fees),
            exposed_ns=exposed_ns,
            drawdown=drawdown,
            seconds=self._seconds,
        )
        curve = records_of(point_count, POINT, replay.curve, sheet)
        bars = data if isinstance(data, BarColumns) else None
        return Result(about, totals, fills, orders, curve, bars, tuple(self.host.notes))


def limit_text(limits: Limits | None, stop_loss: Decimal | None) -> str:
    """Return what a run was held to, in words; empty for nothing."""
    named = {} if limits is None else limits._asdict()
    named["stop_loss"] = stop_loss
    return ", ".join(
        f"{name} {in_full(value)}" if isinstance(value, Decimal) else f"{name} {value}"
        for name, value in named.items()
        if value is not None
    )


def machine_rows(bars: BarColumns) -> _native.Bars:
    """Return bars as the machine reads them; many runs may share them.

    Columns are read where they are, and opens and closes are noted; nobody may change them later.
    """
    times, *numbers = (np.ascontiguousarray(column, np.int64) for column in bars[2:])
    if any(len(column) != len(times) for column in numbers):
        check_bars(bars)
    limit = bars.instrument.price_max_ticks
    return _native.Bars(times, numbers, bars.interval_ns, limit)


def opening(instrument: Instrument, settings: Settings) -> bytes:
    """Return the commands that an exchange begins with, as records."""
    commands: list[Command] = [
        ListInstrument(instrument),
        OpenAccount(ACCOUNT_ID, assumed.rate_e8(settings.maker), assumed.rate_e8(settings.taker)),
    ]
    commands += [
        SetFeeTier(
            SCHEDULE_ID,
            number,
            int(tier.volume * _MICROS),
            assumed.rate_e8(tier.maker),
            assumed.rate_e8(tier.taker),
        )
        for number, tier in enumerate(settings.tiers)
    ]
    if settings.tiers:
        commands.append(AssignFees(ACCOUNT_ID, SCHEDULE_ID))
    quote, base = assumed.deposit_atoms(settings, instrument)
    for asset_id, atoms in ((instrument.quote_asset_id, quote), (instrument.base_asset_id, base)):
        if atoms:
            commands.append(Deposit(ACCOUNT_ID, asset_id, atoms))
    return b"".join(ENCODER.encode(command, 0) for command in commands)


class _Sheet:
    """Memory that has been written to, given away part by part."""

    def __init__(self, words: Ints) -> None:
        self._words = words

    def part(self, count: int) -> Ints:
        """Return the next words."""
        part, self._words = self._words[:count], self._words[count:]
        return part


def _sheet_for(rows: _native.Bars, counts: Sequence[int]) -> _Sheet | None:
    """Return memory for so many fills, orders and points, where bars have about so much."""
    wanted = sum(
        count * form.itemsize // 8 for count, form in zip(counts, (FILL, ORDER, POINT), strict=True)
    )
    words = rows.take_sheet()
    if words is None or wanted <= len(words) < _SHEET_TIMES * wanted:
        return None if words is None else _Sheet(words)
    rows.keep_sheet(words)
    return None


def records_of(
    count: int,
    form: np.dtype[np.void],
    write: Callable[[Ints], None],
    sheet: _Sheet | None = None,
) -> Records:
    """Return records that the machine has written; a sheet has to have room for them."""
    size = count * form.itemsize // 8
    words = np.empty(size, np.int64) if sheet is None else sheet.part(size)
    write(words)
    words.flags.writeable = False
    return words.view(form)


def played_part(source: Source, start_ns: int, end_ns: int) -> Source:
    """Return a source with the gaps of what was played."""
    gaps = ((max(begin, start_ns), min(end, end_ns)) for begin, end in source.gaps)
    return source._replace(gaps=tuple(gap for gap in gaps if gap[0] < gap[1]))


def plain_fields(found: Any) -> dict[str, Any]:
    """Return a struct's fields as text and numbers, for reading."""
    return {name: _text(getattr(found, name)) for name in found.__struct_fields__}


def _text(value: Any) -> Any:
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, assumed.Delay):
        return value.text
    if isinstance(value, dict):
        return {str(key): _text(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_text(one) for one in value]
    return value if isinstance(value, int | float | str | bool) or value is None else str(value)
