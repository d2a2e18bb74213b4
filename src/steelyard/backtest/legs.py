"""One backtest of a strategy of several legs: each leg is a machine, and one clock plays them all.

Each leg has what a backtest of one instrument has: its data, book, fees, delays and limits. The
strategy sits at all their desks by `trading.legs`, which is what it does live. The clock
(`_native.Together`) goes from moment to moment. All legs play up to a moment before anything of it
is told; at one moment the legs are told of it in their order, and what is wished at another leg is
sent there at that moment. Legs at one venue spend one wallet; wallets of venues never mix.

Trading begins where the data of all legs have begun, and ends where the first of them end. All legs
have bars of one length, or all have tapes: within a bar no price is known to trade on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from steelyard import _native
from steelyard.backtest import settings as assumed
from steelyard.backtest.columns import BarColumns, Ints, Source, Tape, check_bars
from steelyard.backtest.curves import fall_share
from steelyard.backtest.desk import ReplayDesk
from steelyard.backtest.host import Host
from steelyard.backtest.legsdata import (
    A_LEG,
    LegInput,
    Wallets,
    asset_ids,
    assets_of,
    check_alike,
    check_wallets,
    mark_ns,
    moment_text,
    no_common_time,
    numbers,
    overlapping,
    own_instrument,
    step_ns_of,
    taken_by_all,
)
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
from steelyard.backtest.run import (
    limit_text,
    machine_rows,
    opening,
    plain_fields,
    played_part,
    records_of,
)
from steelyard.backtest.worth import Worth, worth_of
from steelyard.domain.errors import ConfigError
from steelyard.domain.exposure import Claim, Part, decided
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import ATOMS_PER_UNIT, in_full, to_atoms
from steelyard.trading.exposure import Exposed
from steelyard.trading.host import Guard, unguarded
from steelyard.trading.legs import Legs
from steelyard.trading.strategy import Strategy, Timer, overrides

_BARS, _NEWS, _TIMER, _BOOK, _TRADE, _STARVED = (
    "bars", "news", "timer", "book", "trade", "starved",
)  # fmt: skip


class LegsResult(NamedTuple):
    """What has come of a run: each leg as a run of its own, and the whole in one asset.

    A leg's curve is what its own fills have made of the equity that the whole began with, in its
    quote. curve is the whole: wallets at the prices of each mark; its cash is the equity.
    """

    name: str
    legs: dict[str, Result]
    venues: dict[str, str]  # by leg
    curve: Records  # POINT
    worth: Worth
    wallets: dict[str, dict[str, tuple[Decimal, Decimal]]]  # by venue and asset: first and last
    assumptions: tuple[Assumption, ...]
    about: About  # its instrument is the first leg's
    notes: tuple[tuple[int, str], ...] = ()


class _Seat:
    """One leg as it is played."""

    def __init__(
        self, name: str, given: LegInput, instrument: Instrument, strategy: Strategy, seed: int
    ) -> None:
        self.name, self.given, self.instrument = name, given, instrument
        settings = replace(given.settings, deposits={}, seed=seed)
        assumed.check_terms(settings)
        self.settings = settings
        self.blocks: Iterator[NDArray[np.void]] = iter(())
        self.start_ns: int | None = None
        data, wanted = given.data, strategy.bar_interval
        records = opening(instrument, settings)
        if isinstance(data, BarColumns):
            interval_ns = data.interval_ns if wanted is None else wanted.ns
            if interval_ns % data.interval_ns:
                raise ConfigError(
                    f"leg {name}: the strategy wants bars of {wanted}, which bars of "
                    f"{data.interval_ns // SECOND_NS} s do not add up to"
                )
            rows = machine_rows(data)
            if not rows.is_sound:
                check_bars(data)
            self.replay = _native.Replay(
                rows,
                data.interval_ns,
                interval_ns,
                instrument,
                records,
                (0, 0),
                settings.curve_ns,
                assumed.for_machine(settings, is_tape=False),
            )
        else:
            self.replay = _native.Replay.of_tape(
                0 if wanted is None else wanted.ns,
                instrument,
                records,
                (0, 0),
                settings.curve_ns,
                int(settings.queue),
                (overrides(strategy, "on_book"), overrides(strategy, "on_trade")),
                {**assumed.for_machine(settings, is_tape=True), "mark_ns": 0},
            )
            self.blocks = iter(data.blocks())
        desk = self.desk = LegDesk(instrument, self.replay)
        # They stay the same ones.
        self.wishes, self.notes, self.timers = desk.intents, desk.notes, desk.timers
        self.timers_seen = 0

    @property
    def has_wishes(self) -> bool:
        """Whether a call has left something to do here."""
        return bool(self.wishes or self.notes) or len(self.timers) > self.timers_seen

    def next_block(self) -> Ints | None:
        """Return the next block of a tape as the machine reads it: three words an event."""
        block = next(self.blocks, None)
        if block is None:
            return None
        if self.start_ns is None and len(block):
            self.start_ns = int(block["time_ns"][0])
        return np.ascontiguousarray(block).view(np.int64)


class LegDesk(ReplayDesk):
    """A desk that another leg's call may use too."""

    timers_seen = 0

    def reach(self, now_ns: int) -> None:
        """Do nothing: one clock is all desks'."""


class _Shared:
    """What all legs may hold together, for the limit of one of them."""

    def __init__(self, run: "LegsRun", name: str) -> None:
        self._run, self._name = run, name

    def claim(self, quote: str, atoms: int, most_atoms: int | None, _now_ns: int) -> Claim:
        """Return whether a part of so much fits beside what the others come to now."""
        others = [
            Part(name, host.exposure_atoms())
            for name, host in self._run.hosts.items()
            if name != self._name and self._run.seats[name].instrument.quote == quote
        ]
        return decided(others, atoms, most_atoms)


class LegsRun:
    """A backtest of several legs that is being made; `go` plays it, `result` says what it found."""

    def __init__(
        self,
        strategy: Strategy,
        legs: Mapping[str, LegInput],
        wallets: Wallets,
        *,
        equity: str = "",
    ) -> None:
        """Set a run up.

        Args:
            strategy: It is told as it would be live.
            legs: By name; their order is that in which they are told of one moment.
            wallets: What there is at the beginning, by venue and asset.
            equity: The asset in which the whole is told; empty: the quote of the first leg.

        Raises:
            ConfigError: Legs are not those of the strategy, their data do not fit together, or
                nothing tells what an asset is worth.
        """
        self._strategy = strategy
        self._legs = Legs(strategy, [*legs])
        check_alike(legs)
        self.wallets = {
            venue: {k.upper(): v for k, v in of.items()} for venue, of in wallets.items()
        }
        together = overlapping(legs)
        ids = asset_ids(together)
        check_wallets(self.wallets, together)
        self.seats = {
            name: _Seat(
                name, given, own_instrument(given, at, ids), strategy, given.settings.seed + at
            )
            for at, (name, given) in enumerate(together.items())
        }
        instruments = {name: seat.instrument for name, seat in self.seats.items()}
        self.equity = equity.upper() or next(iter(instruments.values())).quote
        self.worth = worth_of(
            instruments, {name: leg.venue for name, leg in together.items()}, self.equity
        )
        self._clock = _native.Together(
            [seat.replay for seat in self.seats.values()],
            numbers([seat.given.venue for seat in self.seats.values()]),
            mark_ns(together),
        )
        self._fund(ids)
        step_ns = step_ns_of(together)
        self.hosts: dict[str, Host] = {}
        for name, seat in self.seats.items():
            part, given = self._legs.parts[name], seat.given
            part.check(seat.instrument)
            self.hosts[name] = Host(
                part,
                seat.desk,
                seat.replay,
                given.limits,
                given.stop_loss,
                self._deposits(seat),
                step_ns,
                Exposed(_Shared(self, name)),
            )
        for name, seat in self.seats.items():
            self._legs.parts[name].bind(seat.desk)
        self._seated = [*self.seats.values()]
        self._on_book, self._on_bar = strategy.on_book, strategy.on_bar
        self._on_timer = strategy.on_timer
        self._wants_bars = overrides(strategy, "on_bar")
        self._wants_timers = overrides(strategy, "on_timer")
        self._seconds = 0.0
        self._is_partial = True
        self._failure: str | None = None
        self._begin_ns = 0

    def _fund(self, ids: Mapping[str, int]) -> None:
        for venue, wallet in self.wallets.items():
            for asset, amount in wallet.items():
                at = next(
                    at
                    for at, seat in enumerate(self.seats.values())
                    if seat.given.venue == venue and asset in assets_of(seat.instrument)
                )
                if amount:
                    self._clock.deposit(at, ids[asset], to_atoms(amount))

    def _deposits(self, seat: _Seat) -> tuple[int, int]:
        wallet = self.wallets.get(seat.given.venue, {})
        quote, base = (
            to_atoms(wallet.get(asset, Decimal(0)))
            for asset in (seat.instrument.quote, seat.instrument.base)
        )
        return quote, base

    # -- playing ----------------------------------------------------------------------------------

    def go(
        self,
        clock: Callable[[], float],
        guard: Guard = unguarded,
        looked: Callable[[int], None] | None = None,
    ) -> None:
        """Play to the end of the first leg's data that end, or until the strategy raises.

        Args:
            clock: Seconds that pass, such as `time.perf_counter`.
            guard: Calls, and returns the traceback of what was raised.
            looked: Told now and then how much of the time has been played, in nanoseconds.

        Raises:
            ConfigError: The strategy wants something that these data cannot give.
            KeyboardInterrupt: Somebody has had enough; `result` says what was found until then.
        """
        begun = clock()
        try:
            self._failure = guard(lambda: self._play(looked))
            self._is_partial = self._failure is not None
            for host in self.hosts.values():
                if host.trouble is not None:
                    raise host.trouble
        finally:
            self._clock.end()
            for seat in self.seats.values():
                seat.replay.close()
            self._seconds = clock() - begun

    def _play(self, looked: Callable[[int], None] | None) -> None:
        strategy, names = self._strategy, [*self.seats]
        for seat in self.seats.values():
            if strategy.history_bars:
                seat.desk.history += seat.replay.warm_up(strategy.history_bars, seat.next_block)
            elif not isinstance(seat.given.data, BarColumns):
                seat.replay.feed(seat.next_block())
            # As at a venue, trading begins with a book.
            seat.replay.begin(seat.next_block)
        self._begin_ns = self._clock.begin()
        while (told := self._clock.step(True)) is not None:  # noqa: FBT003 and no further
            self._before(names[told[0]], told[1], told[2])
        self._check_begun()
        self._clock.begin_marks()
        for name in names:
            self.hosts[name].start()
        self._drain(0)
        if overrides(strategy, "on_book"):
            for at, (name, seat) in enumerate(self.seats.items()):
                if not isinstance(seat.given.data, BarColumns):
                    self.hosts[name].first_book()
                    self._drain(at)
        count = 0
        while (told := self._clock.step(False)) is not None:  # noqa: FBT003 to the end
            self._tell(*told)
            count += 1
            if looked is not None and count % _LOOK == 0:
                looked(self._clock.now_ns - self._begin_ns)
        for name in names:
            self.hosts[name].stop()

    def _check_begun(self) -> None:
        """Refuse a tape that is over before the others begin; bars were looked at before."""
        for name, seat in self.seats.items():
            if seat.replay.now_ns < self._begin_ns:
                trouble = self.hosts[name].trouble = no_common_time(
                    f"{name} ends at {moment_text(seat.replay.now_ns)}, and not all have begun by "
                    f"then, but at {moment_text(self._begin_ns)}"
                )
                raise trouble

    def _before(self, name: str, kind: str, about: Any) -> None:
        """Hear what is of before the beginning: only its bars are remembered."""
        seat = self.seats[name]
        if kind == _STARVED:
            seat.replay.feed(seat.next_block())
        elif kind == _BARS and self._strategy.history_bars:
            seat.desk.history += about

    def _tell(self, at: int, kind: str, about: Any) -> None:
        """Pass on what a leg has stopped for, as its part of the strategy would."""
        seat = self._seated[at]
        name = seat.name
        self._strategy.hear(name)
        if kind == _BOOK:
            self._on_book(seat.desk.book)
        elif kind == _BARS:
            for bar in about if self._wants_bars else ():
                self._on_bar(bar)
                self._drain(at)
        elif kind == _TIMER:
            host = self.hosts[name]
            number, due_ns = about
            if (every := host.timers.get(number)) is None:
                host.own_timer()
            elif self._wants_timers:
                self._on_timer(Timer(every, due_ns))
        elif kind == _NEWS:
            for what, place in about:
                self.hosts[name].news(what, place)
                self._drain(at)
        elif kind == _TRADE:
            self.hosts[name].market(*about)
        elif kind == _STARVED:
            seat.replay.feed(seat.next_block())
        self._drain(at)

    def _drain(self, at: int) -> None:
        """Carry out what a call has wished for: where it was told first, then at the other legs."""
        for seat in (self._seated[at], *self._seated):
            if seat.has_wishes:
                self.hosts[seat.name].drain()
                seat.timers_seen = len(seat.timers)

    # -- what has come of it ----------------------------------------------------------------------

    def result(
        self,
        *,
        name: str = "backtest",
        sources: Mapping[str, Sequence[Source]] | None = None,
        version: str = "",
    ) -> LegsResult:
        """Return what the run has found; version is that of the program that made it."""
        times, marks = self._marks()
        prices = marks[:, :, 0]
        whole = self._whole(times, marks, prices)
        end_ns = int(times[-1]) if len(times) else self._begin_ns
        first = float(whole["equity"][0]) if len(whole) else 0.0
        legs = {
            leg: self._leg(
                leg, at, times, marks, first, end_ns, name, (sources or {}).get(leg, ()), version
            )
            for at, leg in enumerate(self.seats)
        }
        one = next(iter(legs.values())).about
        notes = sorted(
            (time_ns, text) for result in legs.values() for time_ns, text in result.notes
        )
        about = replace(
            one,
            name=name,
            sources=tuple(source for of in (sources or {}).values() for source in of),
        )
        return LegsResult(
            name=name,
            legs=legs,
            venues={leg: seat.given.venue for leg, seat in self.seats.items()},
            curve=whole,
            worth=self.worth,
            wallets=self._balances(),
            assumptions=(*self._assumptions(), *taken_by_all(legs)),
            about=about,
            notes=tuple(notes),
        )

    def _marks(self) -> tuple[Ints, NDArray[np.float64]]:
        """Return the times of the marks, and of each leg: price, own quote, own base."""
        raw_times, raw = self._clock.marks()
        times = np.frombuffer(raw_times, np.int64)
        marks = np.frombuffer(raw, np.float64).reshape(len(times), len(self.seats), 3).copy()
        for at, seat in enumerate(self.seats.values()):
            tick = float(seat.instrument.tick_size)
            half_ticks = marks[:, at, 0]
            data = seat.given.data
            if len(times) and not half_ticks[0] and isinstance(data, BarColumns):
                first = min(int(np.searchsorted(data.open_ns, times[0])), len(data) - 1)
                half_ticks[0] = 2 * data.open_ticks[first]
            # Where a side of a book is empty, the last middle is what is known.
            known = np.maximum.accumulate(np.where(half_ticks > 0, np.arange(len(times)), 0))
            marks[:, at, 0] = half_ticks[known] * tick / 2
        marks[:, :, 1:] /= ATOMS_PER_UNIT
        return times, marks

    def _whole(
        self, times: Ints, marks: NDArray[np.float64], prices: NDArray[np.float64]
    ) -> Records:
        curve = np.zeros(len(times), POINT)
        curve["time_ns"] = times
        equity = np.zeros(len(times))
        for venue, wallet in self.wallets.items():
            for asset, amount in wallet.items():
                equity += float(amount) * self.worth.of(venue, asset, prices)
        for at, seat in enumerate(self.seats.values()):
            venue, instrument = seat.given.venue, seat.instrument
            equity += marks[:, at, 1] * self.worth.of(venue, instrument.quote, prices)
            equity += marks[:, at, 2] * self.worth.of(venue, instrument.base, prices)
        curve["cash"] = curve["equity"] = equity
        curve["price"] = 1.0
        return curve

    def _leg(
        self,
        name: str,
        at: int,
        times: Ints,
        marks: NDArray[np.float64],
        whole: float,
        end_ns: int,
        run: str,
        sources: Sequence[Source],
        version: str,
    ) -> Result:
        seat = self.seats[name]
        replay, given, host = seat.replay, seat.given, self.hosts[name]
        fill_count, order_count, _ = replay.counts
        fills = records_of(fill_count, FILL, replay.fills)
        orders = records_of(order_count, ORDER, replay.orders)
        events, fees, exposed_ns, _ = replay.totals()
        curve = np.zeros(len(times), POINT)
        curve["time_ns"] = times
        quote = self.worth.of(given.venue, seat.instrument.quote, marks[:1, :, 0])
        begins = whole / float(quote[0]) if len(quote) and quote[0] else 0.0
        curve["cash"], curve["position"] = marks[:, at, 1] + begins, marks[:, at, 2]
        curve["price"] = marks[:, at, 0]
        curve["equity"] = curve["cash"] + curve["position"] * curve["price"]
        strategy = type(self._strategy)
        is_tape = not isinstance(given.data, BarColumns)
        lines = assumed.assumptions(seat.settings, seat.instrument, is_tape=is_tape)[1:]
        if isinstance(given.data, Tape) and given.data.guess:
            lines = (Assumption("the book", given.data.guess), *lines)
        if limited := limit_text(given.limits, given.stop_loss):
            lines = (*lines, Assumption("limits", limited))
        lines = (
            Assumption(
                A_LEG,
                f"{name} of {', '.join(self.seats)}; its equity is what its own fills have made of "
                "what all began with",
            ),
            *lines,
        )
        about = About(
            name=f"{run}-{name}",
            strategy=f"{strategy.__module__}:{strategy.__qualname__}",
            params=plain_fields(self._strategy.params),
            instrument=seat.instrument,
            sources=tuple(played_part(source, self._begin_ns, end_ns) for source in sources),
            start_ns=self._begin_ns,
            end_ns=end_ns,
            interval_ns=given.data.interval_ns if isinstance(given.data, BarColumns) else None,
            assumptions=lines,
            settings=plain_fields(seat.settings),
            version=version,
            is_partial=self._is_partial,
            failure=self._failure,
            legs={leg: each.instrument.symbol for leg, each in self.seats.items()},
        )
        totals = Totals(
            events=events,
            orders=len(orders),
            fills=len(fills),
            refused=host.refused,
            refusals=dict(host.refusals),
            fees_atoms=dict(fees),
            exposed_ns=exposed_ns,
            drawdown=fall_share(curve["equity"]),
            seconds=self._seconds,
        )
        bars = given.data if isinstance(given.data, BarColumns) else None
        return Result(about, totals, fills, orders, curve, bars, tuple(host.notes))

    def _balances(self) -> dict[str, dict[str, tuple[Decimal, Decimal]]]:
        """Return each wallet as it was and as it is: exact, from what the legs have."""
        found: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}
        for seat in self.seats.values():
            venue, instrument = seat.given.venue, seat.instrument
            wallet = found.setdefault(venue, {})
            for asset, atoms in zip(
                (instrument.quote, instrument.base), seat.replay.balances(), strict=True
            ):
                first = self.wallets.get(venue, {}).get(asset, Decimal(0))
                last = wallet.get(asset, (first, Decimal(0)))[1]
                wallet[asset] = (first, last + Decimal(atoms) / ATOMS_PER_UNIT)
        return found

    def _assumptions(self) -> tuple[Assumption, ...]:
        wallets = [
            f"{venue}: {', '.join(f'{in_full(v)} {k}' for k, v in wallet.items()) or 'nothing'}"
            for venue, wallet in self.wallets.items()
        ]
        lines = [
            Assumption("wallets", "; ".join(wallets) + "; nothing is carried between venues"),
            Assumption("equity", self.worth.text),
            Assumption(
                "one moment",
                f"legs are played in the order {', '.join(self.seats)}, and told of it in that "
                "order when all have come to it",
            ),
        ]
        if any(isinstance(seat.given.data, BarColumns) for seat in self.seats.values()):
            lines.append(
                Assumption(
                    "inside a bar",
                    "each leg goes its own way: what one pays there says nothing of the others",
                )
            )
        if any(seat.settings.tiers for seat in self.seats.values()):
            lines.append(Assumption("tiers of fees", "each leg's by its own volume alone"))
        return tuple(lines)


_LOOK = 4_096
