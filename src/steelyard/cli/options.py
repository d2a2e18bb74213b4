"""What every command takes: where the data is, and whether a program or a person reads.

Durations, amounts and the like are parsed here, once, with errors that show the right form.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from steelyard.cli.terminal import harmless, json_text
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.domain.units import EXACT, RATE_SCALE, in_full, parse_decimal, plain
from steelyard.store.datadir import default_directory

PORT_BASE = 8600
SKEW_MAX_NS = 24 * 60 * MINUTE_NS

_UNITS_NS = {
    "ms": SECOND_NS // 1000,
    "s": SECOND_NS,
    "m": MINUTE_NS,
    "h": 60 * MINUTE_NS,
    "d": 24 * 60 * MINUTE_NS,
}
_ALL_PERCENT = Decimal(100)
_PERCENT_E8 = Decimal(RATE_SCALE // 100)


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """Options of every command.

    Parameters
    ----------
    data
        Directory of the exchange's and the bots' data; default: the platform's.
    json
        Print one JSON document for programs instead of text for people.
    """

    data: Path | None = None
    json: Annotated[bool, Parameter(negative="")] = False

    @property
    def directory(self) -> Path:
        """The data directory."""
        return default_directory() if self.data is None else self.data

    def show(self, document: Any, text: str | None = None) -> None:
        """Print a result: as JSON, or as text for people where there is one."""
        if self.json or text is None:
            print(json_text(document), flush=True)
        else:
            Console(soft_wrap=True, highlight=False).print(harmless(text))


def print_error(kind: str, message: str, exit_code: int) -> None:
    """Give the program that asked for a document one that says why there is none."""
    document = {"type": kind, "message": message, "exit_code": exit_code}
    print(json_text({"error": document}), flush=True)


def parse_amounts(pairs: list[str]) -> dict[str, Decimal]:
    """Return amounts by asset from `ASSET=AMOUNT` texts.

    Raises:
        UsageError: Not of that form, or an asset twice; the message names the text.
    """
    amounts: dict[str, Decimal] = {}
    for pair in pairs:
        asset, equals, amount = pair.partition("=")
        if not equals or not asset or asset.upper() in amounts:
            raise UsageError(f"{pair!r} should be ASSET=AMOUNT, each asset once, as USDT=10000")
        amounts[asset.upper()] = parse_decimal(amount)
    return amounts


def parse_duration_ns(text: str) -> int:
    """Return a duration such as `90d`, `12h`, `30s` in nanoseconds.

    Raises:
        UsageError: Not of that form.
    """
    match = re.fullmatch(r"([0-9]{1,9})(ms|s|m|h|d)", text)
    if match is None:
        raise UsageError(f"{text!r} is not a duration; write a number and ms, s, m, h or d: 90d")
    return int(match[1]) * _UNITS_NS[match[2]]


def parse_skew_ns(text: str) -> int:
    """Return a duration that may be negative, of at most a day, in nanoseconds.

    Raises:
        UsageError: Not of that form, or longer.
    """
    ahead_ns = parse_duration_ns(text.removeprefix("-"))
    if ahead_ns > SKEW_MAX_NS:
        raise UsageError(f"a skew of {text} is more than a day; what you want may be a clock set")
    return -ahead_ns if text.startswith("-") else ahead_ns


def parse_rate_e8(text: str) -> int:
    """Return a rate such as `0.1%` or `-0.005%`, times 1e8.

    Raises:
        UsageError: Not of that form, beyond 100 %, or finer than 0.000001 %.
    """
    number = parse_decimal(text.removesuffix("%"))
    if text[-1:] != "%" or abs(number) > _ALL_PERCENT:
        raise UsageError(f"{text!r} is not a rate; write a percentage: 0.1%")
    rate = EXACT.multiply(number, _PERCENT_E8)
    if rate != rate.to_integral_value():
        raise UsageError(f"{text!r} is finer than 0.000001%")
    return int(rate)


def percent(rate: str) -> str:
    """Return a rate in percent for people: `0.001` is `0.1%`."""
    return f"{in_full(plain(EXACT.multiply(Decimal(rate), _ALL_PERCENT)))}%"


def parse_since_ns(text: str, now_ns: int) -> int:
    """Return a moment: a time such as `2026-11-21` or `2026-11-21T10:30:00Z`, or `24h` ago.

    A time without a zone is UTC.

    Raises:
        UsageError: Not of that form.
    """
    if re.fullmatch(r"[0-9]+(ms|s|m|h|d)", text):
        return max(0, now_ns - parse_duration_ns(text))
    return parse_time_ns(text, " or 24h (ago)")


def parse_time_ns(text: str, or_what: str) -> int:
    """Return a moment such as `2026-11-21` or `2026-11-21T10:30:00Z`; without a zone it is UTC.

    Raises:
        UsageError: Not of that form; or_what says what else could have been written.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a time; write 2026-11-21, 2026-11-21T10:30:00Z,{or_what}"
        ) from error
    zoned = time if time.tzinfo else time.replace(tzinfo=UTC)
    return max(0, int(zoned.timestamp() * 1_000) * (SECOND_NS // 1_000))


def shown_time(time_ms: int) -> str:
    """Return a time for people and spreadsheets, in UTC to the millisecond."""
    moment = datetime.fromtimestamp(time_ms // 1_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1_000:03d}Z"
