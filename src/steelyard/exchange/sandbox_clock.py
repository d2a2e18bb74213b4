"""The sandbox's clock: what time it is for orders, keys and the market, and how to change that.

There are two times. *Wire time* is the host's clock plus a configured skew: clients sign and
compare clocks by it, and no administrator's act moves it. *Sandbox time* is the host's clock
plus an offset, or stands still; orders, expiries, candles and the market live by it. The
invariant: sandbox time never goes back, and every change of it is a record. Who may call this
is not known here.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from steelyard.domain.commands import AdvanceTime, Command, Effect
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import MINUTE_NS
from steelyard.exchange.records import ClockSet, ExchangeRecord

TIME_MAX_NS = 7_258_118_400 * 10**9  # 2200-01-01: i64 nanoseconds end in 2262
NOTICED_NS = MINUTE_NS // 60  # a smaller difference from the host's clock is none to tell of
MS_NS = 10**6

Recorder = Callable[[Command | ExchangeRecord, int], list[Effect]]


class ShowClock(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """What time it is."""


class SetClock(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Let it be this time; None: the host's."""

    time_ns: int | None = None


class AdvanceClock(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Let it be so much later."""

    by_ns: int


class FreezeClock(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Let time stand still."""


class ResumeClock(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Let time go on from where it stands."""


ClockCall = ShowClock | SetClock | AdvanceClock | FreezeClock | ResumeClock


class SandboxClock:
    """From wire time to sandbox time; the exchange adds that it never goes back."""

    def __init__(self) -> None:
        self.skew_ns = 0  # wire time less the host's; the process's to set, and in no record
        self.setting: ClockSet | None = None  # None: the host's time

    @property
    def is_frozen(self) -> bool:
        """Whether time stands still."""
        return self.setting is not None and self.setting.is_frozen

    def at(self, wire_ns: int) -> int:
        """Return the sandbox time at a wire time."""
        setting = self.setting
        if setting is None:
            return wire_ns - self.skew_ns
        if setting.is_frozen:
            return setting.time_ns
        return wire_ns - self.skew_ns + setting.offset_ns

    def described(self, wire_ns: int, now_ns: int) -> dict[str, Any]:
        """Return the clock for people and programs; times in ms, now_ns is sandbox time."""
        host_ns = wire_ns - self.skew_ns
        ahead_ns = now_ns - host_ns
        return {
            "sandbox": now_ns // MS_NS,
            "host": host_ns // MS_NS,
            "wire": wire_ns // MS_NS,
            "ahead_ms": ahead_ns // MS_NS,
            "is_frozen": self.is_frozen,
            "is_hosts": not self.is_frozen and abs(ahead_ns) < NOTICED_NS,
        }


def change_clock(
    call: ClockCall, clock: SandboxClock, wire_ns: int, now_ns: int, record: Recorder
) -> None:
    """Carry out a call; now_ns is the sandbox time at wire_ns.

    Raises:
        UsageError: It would go back, or further than `TIME_MAX_NS`, or it goes on already.
    """
    if isinstance(call, ShowClock):
        return
    host_ns = wire_ns - clock.skew_ns
    wanted_ns, is_frozen = _wanted(call, clock, host_ns, now_ns)
    if wanted_ns < now_ns:
        behind_s = -(-(now_ns - wanted_ns) // (MINUTE_NS // 60))
        raise UsageError(
            f"that is {behind_s} s before the sandbox's time, which never goes back: orders and "
            "fills have their times already. Choose a later time, or a new --data directory"
        )
    if wanted_ns > TIME_MAX_NS:
        raise UsageError("the sandbox's clock ends with the year 2199; choose an earlier time")
    record(ClockSet(wanted_ns, wanted_ns - host_ns, is_frozen), now_ns)
    record(AdvanceTime(), wanted_ns)  # what has expired by then is told at once


def _wanted(
    call: SetClock | AdvanceClock | FreezeClock | ResumeClock,
    clock: SandboxClock,
    host_ns: int,
    now_ns: int,
) -> tuple[int, bool]:
    """Return what time it is to be, and whether it stands still from then on."""
    match call:
        case SetClock():
            return (host_ns if call.time_ns is None else call.time_ns), clock.is_frozen
        case AdvanceClock():
            if call.by_ns <= 0:
                raise UsageError("time can only be advanced; give a duration such as 25h")
            return now_ns + call.by_ns, clock.is_frozen
        case FreezeClock():
            return now_ns, True
        case ResumeClock():
            if not clock.is_frozen:
                raise UsageError("the sandbox's clock is not frozen; it goes on already")
            return now_ns, False
