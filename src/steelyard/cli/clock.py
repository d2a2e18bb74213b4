"""`steelyard clock`: what time it is in the sandbox, and how to change that.

Expiries, good-til-date orders and everything else that waits for days is practised by letting the
days pass at once. Clients go on signing by this machine's clock.
"""

from datetime import timedelta
from typing import Any

from cyclopts import App

from steelyard.cli.administration import administer
from steelyard.cli.options import Common, parse_duration_ns, parse_time_ns, shown_time
from steelyard.exchange.sandbox_clock import (
    AdvanceClock,
    ClockCall,
    FreezeClock,
    ResumeClock,
    SetClock,
    ShowClock,
)

_EVERYONE = Common()
HOSTS = "host"


def show_clock(*, common: Common = _EVERYONE) -> int:
    """Show what time it is in the sandbox, and by what clock clients sign.

    Examples: steelyard clock | steelyard clock advance 25h | steelyard clock freeze
    """
    return _carry_out(ShowClock(), common)


def set_clock(time: str, /, *, common: Common = _EVERYONE) -> int:
    """Let it be a later time in the sandbox, at once.

    What expires until then expires; the market goes on from there. It never goes back.

    Example: steelyard clock set 2027-01-01T00:00:00Z

    Parameters
    ----------
    time
        2027-01-01, 2027-01-01T10:30:00Z (UTC), or host: this machine's time again, where the
        sandbox is behind it.
    """
    wanted_ns = None if time == HOSTS else parse_time_ns(time, f" or {HOSTS}")
    return _carry_out(SetClock(wanted_ns), common)


def advance_clock(duration: str, /, *, common: Common = _EVERYONE) -> int:
    """Let time pass in the sandbox, at once.

    Example: steelyard clock advance 25h

    Parameters
    ----------
    duration
        How much: 30s, 25h, 40d.
    """
    return _carry_out(AdvanceClock(parse_duration_ns(duration)), common)


def freeze_clock(*, common: Common = _EVERYONE) -> int:
    """Let time stand still in the sandbox: the market stands, orders are taken.

    Set and advance still move it, and it stays frozen over a restart.
    """
    return _carry_out(FreezeClock(), common)


def resume_clock(*, common: Common = _EVERYONE) -> int:
    """Let time go on from where it stands."""
    return _carry_out(ResumeClock(), common)


def clock_text(clock: dict[str, Any]) -> str:
    """Return in one line what time it is, and how that differs from this machine's."""
    shown = f"sandbox clock {shown_time(clock['sandbox'])}"
    if clock["is_hosts"]:
        return f"{shown}, this machine's"
    ahead_ms = clock["ahead_ms"]
    ahead = timedelta(seconds=abs(ahead_ms) // 1_000)
    state = "frozen" if clock["is_frozen"] else "running"
    return f"{shown}, {state}, {ahead} {'behind' if ahead_ms < 0 else 'ahead of'} this machine's"


def _carry_out(call: ClockCall, common: Common) -> int:
    clock = administer(common.directory, call)
    lines = [clock_text(clock)]
    if clock["wire"] != clock["host"]:
        lines.append(f"clients sign by {shown_time(clock['wire'])}")
    common.show(clock, "\n".join(lines))
    return 0


group = App(name="clock", help="The sandbox's clock: let days pass at once, or stand still.")
group.default(show_clock)
group.command(set_clock, name="set")
group.command(advance_clock, name="advance")
group.command(freeze_clock, name="freeze")
group.command(resume_clock, name="resume")
