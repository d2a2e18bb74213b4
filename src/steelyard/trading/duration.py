"""Durations as people write them, `60s`, and as the machines count them, in nanoseconds.

A duration is a whole number of one unit and never zero. It knows nothing of clocks.
"""

import re
from typing import Self

from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import MINUTE_NS, SECOND_NS

UNITS_NS = {
    "ms": SECOND_NS // 1000,
    "s": SECOND_NS,
    "m": MINUTE_NS,
    "h": 60 * MINUTE_NS,
    "d": 24 * 60 * MINUTE_NS,
}


class Duration:
    """A span of time; `Duration("60s").ns` is 60_000_000_000."""

    __slots__ = ("ns", "text")

    def __init__(self, text: str) -> None:
        match = re.fullmatch(r"([1-9][0-9]{0,8})(ms|s|m|h|d)", text)
        if match is None:
            raise ConfigError(
                f"{text!r} is not a duration; write a whole number and ms, s, m, h or d, as in 60s"
            )
        self.text = text
        self.ns = int(match[1]) * UNITS_NS[match[2]]

    @classmethod
    def of(cls, value: "str | Duration") -> Self:
        """Return a duration from its text, or one that is one already."""
        return cls(value.text if isinstance(value, Duration) else value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and other.ns == self.ns

    def __hash__(self) -> int:
        return self.ns

    def __repr__(self) -> str:
        return f"Duration({self.text!r})"

    def __str__(self) -> str:
        return self.text
