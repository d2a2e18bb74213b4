"""One strategy on several legs: each leg is a whole bot, and the strategy sits at all their desks.

A leg has an instrument, a venue and a key, and of its own everything that a bot has: limits,
journal, order path, comparison with its venue, kill mark, breakers. So nothing that holds for a bot
has to be proved anew, and every command knows a leg by its name. What the legs share is the object
that decides. Its `Part` of a leg is what that leg's trader takes for its strategy.

It is told nothing before every leg has come to trade, and one call at a time: of which leg it is
told is `told`. A wish at another leg's desk is carried out in that leg's own next turn, at once
after this one: `take_due` names the legs that have some. If a call raises, the wishes of every leg
that have not been carried out are dropped, and each leg fails. Two orders on two legs are not one:
either may fill alone, and what is done about that is for the strategy to say.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill
from steelyard.domain.messages import Trade
from steelyard.trading.backfill import Gap
from steelyard.trading.bars import Bar
from steelyard.trading.books import BookView
from steelyard.trading.duration import Duration
from steelyard.trading.orders import OwnOrder
from steelyard.trading.strategy import ANY_LEGS, Desk, Leg, Strategy, Timer, overrides

LEGS_MAX = 20


class Legs:
    """What binds the legs of one strategy together, for the time of one process.

    Attributes:
        parts: What each leg's trader takes for its strategy, by the leg's name.
        failure: What the strategy has raised, and in a call of which leg.
    """

    def __init__(self, strategy: Strategy, names: Sequence[str]) -> None:
        """Names are those of the configuration, in its order; timers are the first one's.

        Raises:
            ConfigError: They are not those that the strategy trades on.
        """
        check_names(type(strategy), names)
        self.strategy = strategy
        self.failure: tuple[str, str] | None = None
        self._instruments: dict[str, Instrument] = {}
        self._desks: dict[str, Desk] = {}
        self._started: set[str] = set()
        self._is_stopped = False
        self._due: dict[str, None] = {}
        self.parts = {name: Part(self, name) for name in names}

    @property
    def is_started(self) -> bool:
        """Whether every leg has come to trade."""
        return len(self._started) == len(self.parts)

    def take_due(self) -> list[str]:
        """Return the legs that have something to do since a call of another one, once."""
        due, self._due = [*self._due], {}
        return due

    def check(self, name: str, instrument: Instrument) -> None:
        """Let the strategy look at the instrument of a leg, and at all when all are known."""
        self.strategy.check_leg(name, instrument)
        self._instruments[name] = instrument
        if len(self._instruments) == len(self.parts):
            self.strategy.check_legs({name: self._instruments[name] for name in self.parts})

    def sit(self, name: str, desk: Desk) -> None:
        """Give the strategy a leg's desk."""
        self._desks[name] = desk
        if len(self._desks) == len(self.parts):
            legs = {name: Leg(name, self._desks[name]) for name in self.parts}
            self.strategy.take_legs(legs, cast(Desk, _SharedDesk(self.strategy)))

    def warm_up(self, name: str, bars: Sequence[Bar]) -> None:
        """Tell the strategy a leg's past, when every leg has a desk."""
        for bar in bars:
            self._call(name, partial(self.strategy.on_warm_up, bar))
        if self._has_wishes():
            raise UsageError("on_warm_up is about the past; order in on_start or on_bar")

    def start(self, name: str) -> None:
        """A leg has come to trade; with the last of them the strategy starts."""
        self._started.add(name)
        if self.is_started:
            for each in self.parts:
                self.warm_up(each, self._desks[each].history)
            self._call(name, self.strategy.on_start)

    def stop(self, name: str) -> None:
        """A leg ends: with the first of them it is over."""
        if self.is_started and not self._is_stopped:
            self._is_stopped = True
            self._call(name, self.strategy.on_stop)

    def tell(self, name: str, callback: str, *about: Any) -> None:
        """Tell the strategy something of a leg."""
        if not self.is_started or self._is_stopped or self.failure is not None:
            if callback == "on_bar" and name in self._started and not self.is_started:
                self._desks[name].history.extend(about)  # past, by the time that all trade
            return
        self._call(name, partial(getattr(self.strategy, callback), *about))

    def _call(self, name: str, call: Callable[[], None]) -> None:
        strategy, desks = self.strategy, self._desks
        now_ns = desks[name].now_ns
        for other, desk in desks.items():
            if other != name:
                desk.refresh()
                desk.reach(now_ns)
        strategy.hear(name)
        has_returned = False
        try:
            call()
            has_returned = True
        finally:
            if not has_returned:
                self.failure = (name, f"it raised an error in a call of the leg {name}")
                for desk in desks.values():
                    desk.intents.clear()
                self._due.update(dict.fromkeys(desks))
                self._due.pop(name)
        for other, desk in desks.items():
            if other != name and (desk.intents or desk.notes or desk.has_new_timers):
                self._due[other] = None

    def _has_wishes(self) -> bool:
        return any(desk.intents for desk in self._desks.values())


class Part(Strategy, is_part=True):
    """What one leg's trader takes for its strategy: it passes on what it is told."""

    def __init__(self, legs: Legs, name: str) -> None:
        super().__init__()
        self.params = legs.strategy.params
        self.name = name
        self._legs_of = legs

    def wants(self, callback: str) -> bool:
        """Whether the strategy does; starts, stops and the past are the legs' to know."""
        if callback == "on_warm_up":
            return False
        return callback in ("on_start", "on_stop") or overrides(self._legs_of.strategy, callback)

    @property
    def failed_elsewhere(self) -> str | None:
        """What the strategy has raised, if it was not in a call of this leg."""
        failure = self._legs_of.failure
        return None if failure is None or failure[0] == self.name else failure[1]

    @property
    def bar_interval(self) -> Duration | None:
        """As the strategy has it, for every leg."""
        return self._legs_of.strategy.bar_interval

    @property
    def history_bars(self) -> int:
        """As the strategy has it, for every leg."""
        return self._legs_of.strategy.history_bars

    def check(self, instrument: Instrument) -> None:
        """Let the strategy check it."""
        self._legs_of.check(self.name, instrument)

    def bind(self, desk: Desk) -> None:
        """Give the strategy the desk."""
        super().bind(desk)
        self._legs_of.sit(self.name, desk)

    def on_start(self) -> None:
        """Say that this leg trades."""
        self._legs_of.start(self.name)

    def on_stop(self) -> None:
        """Say that this leg ends."""
        self._legs_of.stop(self.name)

    def on_book(self, book: BookView) -> None:
        """Pass it on."""
        self._legs_of.tell(self.name, "on_book", book)

    def on_trade(self, trade: Trade) -> None:
        """Pass it on."""
        self._legs_of.tell(self.name, "on_trade", trade)

    def on_gap(self, gap: Gap) -> None:
        """Pass it on."""
        self._legs_of.tell(self.name, "on_gap", gap)

    def on_bar(self, bar: Bar) -> None:
        """Pass it on."""
        self._legs_of.tell(self.name, "on_bar", bar)

    def on_fill(self, fill: Fill) -> None:
        """Pass it on."""
        self._legs_of.tell(self.name, "on_fill", fill)

    def on_order(self, order: OwnOrder) -> None:
        """Pass it on."""
        self._legs_of.tell(self.name, "on_order", order)

    def on_timer(self, timer: Timer) -> None:
        """Pass it on."""
        self._legs_of.tell(self.name, "on_timer", timer)


class _SharedDesk:
    """What `self` means to a strategy of several legs: the time, the log, timers, and no market."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy

    @property
    def now_ns(self) -> int:
        return self._strategy.told.now_ns

    @property
    def notes(self) -> list[str]:
        return self._strategy.told.desk.notes

    @property
    def timers(self) -> dict[Duration, None]:
        return next(iter(self._strategy.legs.values())).desk.timers

    def __getattr__(self, name: str) -> Any:
        names = ", ".join(self._strategy.legs)
        raise UsageError(
            f"this strategy has several legs ({names}); say which: "
            'self.leg("name"), or self.told for the one that it is told of'
        )


def check_names(strategy: type[Strategy], names: Sequence[str]) -> None:
    """Refuse legs that are not those that a strategy trades on.

    Raises:
        ConfigError: The message says which they are.
    """
    wanted, label = strategy.leg_names, strategy.__name__
    if not wanted:
        if names:
            raise ConfigError(
                f"{label} trades one instrument: write it as [strategy] symbol, without [legs]"
            )
        return
    if not names:
        which = "any names" if wanted == ANY_LEGS else ", ".join(wanted)
        raise ConfigError(
            f"{label} trades on several legs: write [legs.NAME] for each, with venue and symbol "
            f"({which})"
        )
    if len(names) > LEGS_MAX:
        raise ConfigError(f"[legs] has {len(names)}; at most {LEGS_MAX}")
    if wanted != ANY_LEGS and sorted(names) != sorted(wanted):
        raise ConfigError(
            f"{label} trades on the legs {', '.join(wanted)}; [legs] has {', '.join(names)}"
        )
