"""What every command takes: where the data is, and whether a program or a person reads.

Durations, amounts and the like are parsed here, once, with errors that show the right form.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console

from steelyard.domain.errors import UsageError
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.domain.units import parse_decimal
from steelyard.store.datadir import default_directory

PORT_BASE = 8600

_UNITS_NS = {
    "ms": SECOND_NS // 1000,
    "s": SECOND_NS,
    "m": MINUTE_NS,
    "h": 60 * MINUTE_NS,
    "d": 24 * 60 * MINUTE_NS,
}


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
            print(msgspec.json.encode(document).decode(), flush=True)
        else:
            Console(soft_wrap=True, highlight=False).print(text)


def print_error(kind: str, message: str, exit_code: int) -> None:
    """Give the program that asked for a document one that says why there is none."""
    document = {"type": kind, "message": message, "exit_code": exit_code}
    print(msgspec.json.encode({"error": document}).decode(), flush=True)


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
