"""The process that reads one bot's journal for a page: questions in, answers out, a line each.

    {"ask": "why"}                           what `steelyard why` says now
    {"ask": "past", "at": MS}                the moment: words, figures, and why
    {"ask": "past", "sequence": N}           the same, after a record
    {"ask": "timeline", "from": MS, "to": MS}   counts of events over time; both may be left out

It reads files beside the bot and locks nothing (decision 0071), at a lower priority than the bot's.
A long journal is read in parts: until the end is reached each question is answered with
{"reading": N}, the records that were read so far, so that whoever asks can show that and ask again.
It ends with whoever started it, because then nothing more comes.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from msgspec import Struct, field

from steelyard.dashboard.chronicle import MS_NS, Chronicle
from steelyard.domain.errors import SteelyardError
from steelyard.domain.journal import Record
from steelyard.store.datadir import may_run
from steelyard.store.journal import read_records
from steelyard.trading.records import codec

READ_S = 0.4  # for one answer; then it says how far it is
NICENESS = 5
BEGINNING_BYTES = 512  # by which a journal is told from another of the same name


class Question(Struct, forbid_unknown_fields=True):
    """One line in."""

    ask: str
    at: int | None = None
    sequence: int | None = None
    begin: int | None = field(name="from", default=None)
    end: int | None = field(name="to", default=None)


class Reader:
    """Answers questions about one journal."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._codec = codec()
        self._chronicle = Chronicle(self._records)
        self._begins = b""
        self._seen: tuple[tuple[str, int], ...] | None = None

    def answer(self, question: Question) -> dict[str, Any]:
        """Return an answer.

        Raises:
            ConfigError: The journal cannot be read.
        """
        until = monotonic() + READ_S
        files = self._files()
        if files != self._seen:
            self._begin_anew_if_another()
        chronicle = self._chronicle
        if files != self._seen:
            if not chronicle.catch_up(lambda: monotonic() > until):
                return {"reading": chronicle.sequence}
            self._seen = files
        match question.ask:
            case "why":
                return chronicle.why(is_gone=not may_run(self._journal.parent))
            case "past":
                # All of the millisecond, as `steelyard replay --at` has it.
                at = question.at
                time_ns = None if at is None else at * MS_NS + MS_NS - 1
                return chronicle.past(time_ns, question.sequence)
            case "timeline":
                return chronicle.timeline(question.begin, question.end)
            case _:
                return {"error": f"there is no {question.ask[:40]!r} to ask for"}

    def _records(self, after: int) -> Iterator[Record]:
        return (self._codec.decode(*found) for found in read_records(self._journal, after))

    def _begin_anew_if_another(self) -> None:
        """Forget what was read if the journal is another one, of a bot that was begun anew."""
        beginning = self._beginning()
        if not beginning.startswith(self._begins):
            self._chronicle = Chronicle(self._records)
        self._begins = beginning

    def _beginning(self) -> bytes:
        """Return how the first segment begins: with a record that has the time of the first run."""
        first = min(self._journal.glob("*.log"), default=None)
        if first is None:
            return b""
        with suppress(OSError), first.open("rb") as opened:
            return opened.read(BEGINNING_BYTES).rstrip(b"\0")
        return b""

    def _files(self) -> tuple[tuple[str, int], ...]:
        """Return the journal's files with their sizes: where they are as before, so is it all."""
        with suppress(OSError):
            return tuple(
                sorted((entry.name, entry.stat().st_size) for entry in os.scandir(self._journal))
            )
        return ()


def serve(journal: Path) -> None:
    """Answer until there are no more questions."""
    with suppress(OSError):
        os.nice(NICENESS)
    reader = Reader(journal)
    for line in sys.stdin.buffer:
        try:
            answer = reader.answer(msgspec.json.decode(line, type=Question))
        except (SteelyardError, msgspec.DecodeError) as error:
            answer = {"error": str(error)}
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, BrokenPipeError):
        serve(Path(sys.argv[1]))
