"""Times as texts: ISO 8601 in UTC, and seconds since 1970 with decimals.

What is printed is rounded down. What is read is exact to the nanosecond, or a DecodeError.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import TEXT_MAX
from steelyard.wire.numerals import fixed

_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?)?"
    r"(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"(\d{1,10})(?:\.(\d{1,9}))?", re.ASCII)


def iso(time_ns: int, decimals: int = 6) -> str:
    """Return a time, as `2024-03-11T20:48:46.622052Z`."""
    seconds, rest = divmod(time_ns, SECOND_NS)
    return f"{_second(seconds)}.{rest:09d}"[: 20 + decimals] + "Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def from_iso(text: str) -> int:
    """Return a time that is written in ISO 8601; without an offset it is UTC.

    Raises:
        DecodeError: It is not one.
    """
    found = _ISO.fullmatch(text)
    if found is not None:
        day, clock, fraction, offset = found.groups()
        zone = "+00:00" if offset in (None, "Z") else offset
        try:
            moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{zone}")
        except ValueError:
            moment = None
        if moment is not None:
            seconds = (moment - _EPOCH) // timedelta(seconds=1)
            return seconds * SECOND_NS + int((fraction or "0").ljust(9, "0"))
    raise DecodeError(
        f"time {text[:TEXT_MAX]!r} is not in ISO 8601; write it as 2024-03-11T20:48:46.622052Z"
    )


def from_seconds(text: str) -> int:
    """Return a time that is written in seconds since 1970, with decimals or without.

    Raises:
        DecodeError: It is not one.
    """
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise DecodeError(
            f"time {text[:TEXT_MAX]!r} is not a number of seconds since 1970, as 1700000000.123"
        )
    return int(found[1]) * SECOND_NS + int((found[2] or "0").ljust(9, "0"))


def from_time(text: str) -> int:
    """Return a time in either spelling.

    Raises:
        DecodeError: It is in neither.
    """
    return from_seconds(text) if _SECONDS.fullmatch(text) else from_iso(text)


def seconds_text(time_ns: int, decimals: int = 3) -> str:
    """Return a time in seconds since 1970."""
    return fixed(time_ns // 10 ** (9 - decimals), decimals)
