"""Recordings of real venues as they were kept; `SOURCES.md` beside them says where they are from.

A capture has a line for each thing that came or went:

    ADDRESS -> TIME: BODY       the answer to a REST request
    ADDRESS <-> TIME            a WebSocket that was opened
    ADDRESS <- TIME: FRAME      a frame that the recorder sent
    TIME: FRAME                 a frame that it heard
    configuration: JSON         what the recorder was asked to do

A stream has `NANOSECONDS FRAME` for each frame that was heard. Anything else is an error: nothing
is left out in silence.
"""

import gzip
import re
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import NamedTuple


class Kind(Enum):
    """What a line of a capture is."""

    ANSWER = "->"
    OPENED = "<->"
    SENT = "<-"
    HEARD = ":"


class Captured(NamedTuple):
    """One line: the recorder's clock, the request or connection, and the body or frame."""

    kind: Kind
    time_ns: int
    address: str
    text: str


_OF_AN_ADDRESS = re.compile(r"(\S+) (->|<->|<-) ([0-9.]+)(?:: (.*))?", re.DOTALL)
_HEARD = re.compile(r"([0-9.]+): (.*)", re.DOTALL)
_CONFIGURATION = "configuration: "


def captured(path: Path) -> Iterator[Captured]:
    """Yield what a capture holds; a frame belongs to the connection that was opened last.

    Raises:
        ValueError: A line is of no known form.
    """
    address = ""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, whole in enumerate(lines, 1):
            line = whole.rstrip("\n")
            if not line or line.startswith(_CONFIGURATION):
                continue
            if found := _HEARD.fullmatch(line):
                yield Captured(Kind.HEARD, _ns(found[1]), address, found[2])
            elif found := _OF_AN_ADDRESS.fullmatch(line):
                kind = Kind(found[2])
                address = address if kind is Kind.ANSWER else found[1]
                yield Captured(kind, _ns(found[3]), found[1], found[4] or "")
            else:
                raise ValueError(f"{path.name}, line {number}: {line[:80]!r} is of no known form")


def answers(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (address, body) of each REST answer in a capture."""
    return ((it.address, it.text) for it in captured(path) if it.kind is Kind.ANSWER)


def heard(path: Path) -> Iterator[str]:
    """Yield each frame that was heard in a capture."""
    return (it.text for it in captured(path) if it.kind is Kind.HEARD)


def streamed(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (local_ns, frame) of a recorded stream."""
    with gzip.open(path) as lines:
        for line in lines:
            time_ns, _, frame = line.rstrip().partition(b" ")
            yield int(time_ns), frame


def _ns(seconds: str) -> int:
    return int(Decimal(seconds).scaleb(9))
