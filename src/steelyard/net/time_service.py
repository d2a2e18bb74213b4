"""What keeps this host's clock, by its own word: chrony, or systemd's service.

It asks and changes nothing, waits for a bounded time, and where there is nobody to ask says so.
"""

import asyncio
from contextlib import suppress
from typing import NamedTuple

ASKED_S = 2.0
ANSWER_MAX_BYTES = 4096
CHRONY = ("chronyc", "-c", "-n", "tracking")
SYSTEMD = ("timedatectl", "show", "--property=NTP", "--property=NTPSynchronized")
# Of chronyc's comma-separated line: its source, by how much the clock is off, what may be wrong.
_SOURCE, _OFFSET, _DELAY, _DISPERSION, _LEAP = 1, 4, 10, 11, 13
_UNSYNCHRONIZED = "Not synchronised"


class TimeService(NamedTuple):
    """Who keeps the clock, whether it is kept (None: nobody says), and a sentence for people."""

    name: str
    is_kept: bool | None
    text: str


async def time_service() -> TimeService:
    """Ask who keeps this host's clock."""
    if (answer := await _answer(CHRONY)) is not None:
        return of_chrony(answer)
    if (answer := await _answer(SYSTEMD)) is not None:
        return of_systemd(answer)
    return TimeService(
        "none", None, "nobody on this machine says whether its clock is kept: no chrony, no systemd"
    )


def of_chrony(line: str) -> TimeService:
    """Return what `chronyc -c tracking` says."""
    fields = line.strip().split(",")
    try:
        offset_s, delay_s, dispersion_s = (
            float(fields[place]) for place in (_OFFSET, _DELAY, _DISPERSION)
        )
        source, leap = fields[_SOURCE], fields[_LEAP]
    except (IndexError, ValueError):
        return TimeService("chrony", None, f"chrony says what is not understood: {line.strip()!r}")
    if leap == _UNSYNCHRONIZED:
        return TimeService(
            "chrony",
            is_kept=False,
            text="chrony runs and has no source of time: look at `chronyc sources`",
        )
    error_ms = (delay_s / 2 + dispersion_s) * 1_000
    text = f"chrony keeps this clock: off by {offset_s * 1_000:.3f} ms, at most {error_ms:.3f} ms"
    return TimeService("chrony", is_kept=True, text=f"{text}, by {source or 'an unnamed source'}")


def of_systemd(lines: str) -> TimeService:
    """Return what `timedatectl show` says."""
    told = dict(line.split("=", 1) for line in lines.split() if "=" in line)
    if told.get("NTPSynchronized") == "yes":
        return TimeService(
            "systemd", is_kept=True, text="systemd says that this clock is synchronized"
        )
    how = "wait for it" if told.get("NTP") == "yes" else "turn it on: timedatectl set-ntp true"
    text = f"systemd says that this clock is not synchronized; {how}"
    return TimeService("systemd", is_kept=False, text=text)


async def _answer(command: tuple[str, ...]) -> str | None:
    """Return what a program says; None: it is not there, fails, or does not answer in time."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    assert process.stdout is not None, "it has a pipe"
    answer = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(ASKED_S):
            answer = await process.stdout.read(ANSWER_MAX_BYTES)
            if await process.wait() == 0:
                return answer.decode(errors="replace")
    if process.returncode is None:
        process.kill()
        await process.wait()
    return None
