"""A bot's journal as a line in time: what happened when, and how the bot was at any moment of it.

Records are folded once, by the same `Reasons` that `steelyard why` and `steelyard replay` use, and
at intervals the fold is kept as bytes; a moment is the last of those before it and the records from
there on. So a moment is exact, and costs a part of the journal.

Memory is bounded however long the journal: kept folds are at most so many and so many bytes, and
the counts over time have a fixed number of buckets; beyond it every second fold is forgotten, and
two buckets become one. So is time: a fold that is large is kept at longer intervals. It reads what
it is given and never writes.
"""

import pickle
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from steelyard.cli.replay import words_of
from steelyard.domain.journal import Record
from steelyard.trading.reasons import Reasons, kind_of

MS_NS = 1_000_000
EVERY = 500  # records between two kept folds, at first
KEPT_MAX = 128
KEPT_MAX_BYTES = 48 << 20
# To keep a fold costs by its size, some 0.15 us a byte, a record some 80 us: so at most this share.
PLAIN_PER_RECORD = 250
BUCKETS = 240
WINDOW_MAX = 200_000  # records that are read for the counts of a part of the journal
AHEAD_MAX = 20_000  # records that are looked through for the next event
LINES = 30  # of the past of a moment
LOOK = 100  # records between two looks at the time

# What is drawn in which lane, by the kind of a line (`trading/reasons.py`).
LANES = ("orders", "fills", "refused", "stops", "other")
_LANE_OF = {
    "order": "orders",
    "amend": "orders",
    "cancel": "orders",
    "fill": "fills",
    "refusal": "refused",
    "venue": "refused",
    "gate": "stops",
    "kill": "stops",
    "breaker": "stops",
    "stream": "stops",
    "deadman": "stops",
    "protection": "stops",
    "strategy": "stops",
}

Records = Callable[[int], Iterator[Record]]  # those after a sequence


class Fold:
    """What the records up to one come to; latest_ns is the latest time of any of them."""

    def __init__(self, reasons: Reasons | None = None, latest_ns: int = 0) -> None:
        self.reasons = reasons or Reasons(LINES)
        self.latest_ns = latest_ns

    @property
    def sequence(self) -> int:
        """The last record."""
        return self.reasons.past.sequence

    def take(self, record: Record) -> None:
        """Go on by one record."""
        self.reasons.take(record)
        self.latest_ns = max(self.latest_ns, record.time_ns)

    def is_before(self, time_ns: int | None, sequence: int | None) -> bool:
        """Whether all of it belongs to a moment."""
        return (time_ns is None or self.latest_ns <= time_ns) and (
            sequence is None or self.sequence <= sequence
        )


class Kept(NamedTuple):
    """The fold after a record, as bytes."""

    sequence: int
    latest_ns: int
    data: bytes


class Counts:
    """How many events of each lane fell into each bucket of time; of a fixed number of buckets."""

    def __init__(self, buckets: int = BUCKETS) -> None:
        self.first_ms: int | None = None
        self.width_ms = 1
        self._buckets = buckets
        self.rows = {lane: [0] * buckets for lane in LANES}

    def add(self, time_ms: int, lane: str | None) -> None:
        """Enter an event; with no lane only the time counts."""
        if self.first_ms is None:
            self.first_ms = time_ms
        at = max(0, time_ms - self.first_ms) // self.width_ms
        while at >= self._buckets:
            self._halve()
            at = max(0, time_ms - self.first_ms) // self.width_ms
        if lane is not None:
            self.rows[lane][at] += 1

    def _halve(self) -> None:
        self.width_ms *= 2
        for lane, row in self.rows.items():
            halved = [sum(row[at : at + 2]) for at in range(0, self._buckets, 2)]
            self.rows[lane] = halved + [0] * (self._buckets - len(halved))


class Chronicle:
    """One journal. `catch_up` first; then ask."""

    def __init__(self, records: Records, every: int = EVERY) -> None:
        self._records = records
        self._every = every
        self._head = Fold()
        self._kept: list[Kept] = []
        self._reading: Iterator[Record] | None = None
        self._walker: Fold | None = None  # where the last moment was
        self._counts = Counts()

    @property
    def sequence(self) -> int:
        """The last record that was read."""
        return self._head.sequence

    @property
    def kept(self) -> tuple[int, int]:
        """How many folds are kept, and how many bytes they are."""
        return len(self._kept), sum(len(each.data) for each in self._kept)

    def catch_up(self, is_late: Callable[[], bool] = lambda: False) -> bool:
        """Read on; return whether the journal's end was reached before it was late.

        Raises:
            ConfigError: The journal cannot be read.
        """
        reading = self._reading or self._records(self.sequence)
        self._reading = None
        for record in reading:
            self._take(record)
            if record.sequence % LOOK == 0 and is_late():
                self._reading = reading
                return False
        return True

    # -- what is asked ------------------------------------------------------------------------

    def why(self, *, is_gone: bool = False) -> dict[str, Any]:
        """Return what `steelyard why` says now; is_gone: the bot's process is not there."""
        reasons = self._head.reasons
        reasons.is_gone = is_gone
        document = reasons.document()
        reasons.is_gone = False  # of the moment nothing but its journal counts
        return document

    def past(self, time_ns: int | None, sequence: int | None) -> dict[str, Any]:
        """Return how it was after a time, or a record: what `steelyard replay` says, and why.

        previous and next are the records of the events before and behind it; None: none is near.
        """
        reasons = self._at(time_ns, sequence)
        past = reasons.past
        lines = [line.sequence for line in reasons.lines if line.sequence < past.sequence]
        document = past.document()
        return {
            "sequence": past.sequence,
            "written": past.time_ns // MS_NS,
            "words": words_of(past, document),
            "document": document,
            "why": reasons.document(),
            "previous": lines[-1] if lines else None,
            "next": self._next(past.sequence),
        }

    def timeline(self, begin_ms: int | None, end_ms: int | None) -> dict[str, Any]:
        """Return the counts of events over time, of all or of a part of the journal."""
        counts, last_ms = self._counts, self._head.latest_ns // MS_NS
        first_ms = counts.first_ms
        found: dict[str, Any] = {"first": first_ms, "last": last_ms, "sequence": self.sequence}
        if first_ms is None:
            return found | {"begin": None, "width": 1, "lanes": {lane: [] for lane in LANES}}
        begin_ms = first_ms if begin_ms is None else max(first_ms, begin_ms)
        end_ms = last_ms if end_ms is None else min(last_ms, end_ms)
        if begin_ms > first_ms or end_ms < last_ms:
            counts = self._counted(begin_ms, end_ms) or counts
        used = 1 + max(0, end_ms - (counts.first_ms or 0)) // counts.width_ms
        return found | {
            "begin": counts.first_ms,
            "width": counts.width_ms,
            "lanes": {lane: row[:used] for lane, row in counts.rows.items()},
        }

    # -- the fold -----------------------------------------------------------------------------

    def _take(self, record: Record) -> None:
        head = self._head
        head.take(record)
        self._counts.add(record.time_ns // MS_NS, _lane_of(record))
        if record.sequence % self._every == 0:
            plain = pickle.dumps(head.reasons, protocol=5)
            data = zlib.compress(plain, 1)
            self._kept.append(Kept(record.sequence, head.latest_ns, data))
            if len(self._kept) > KEPT_MAX or self.kept[1] > KEPT_MAX_BYTES:
                self._thin()
            while len(plain) > self._every * PLAIN_PER_RECORD:
                self._thin()

    def _thin(self) -> None:
        """Forget every second fold, and keep so many fewer from here on."""
        self._every *= 2
        self._kept = [kept for kept in self._kept if kept.sequence % self._every == 0]

    def _at(self, time_ns: int | None, sequence: int | None) -> Reasons:
        """Return the fold after a moment; it is not to be changed."""
        if self._head.is_before(time_ns, sequence):
            return self._head.reasons
        fold = self._start(time_ns, sequence)
        for record in self._records(fold.sequence):
            if time_ns is not None and record.time_ns > time_ns:
                break
            if sequence is not None and record.sequence > sequence:
                break
            fold.take(record)
        self._walker = fold
        return fold.reasons

    def _start(self, time_ns: int | None, sequence: int | None) -> Fold:
        """Return the last fold that is known of a moment, or of before."""
        at = len(self._kept)
        if sequence is not None:
            at = min(at, bisect_right([kept.sequence for kept in self._kept], sequence))
        if time_ns is not None:
            at = min(at, bisect_right([kept.latest_ns for kept in self._kept], time_ns))
        kept = self._kept[at - 1] if at else None
        walker, self._walker = self._walker, None
        is_near = walker is not None and walker.sequence >= (kept.sequence if kept else 0)
        if walker is not None and is_near and walker.is_before(time_ns, sequence):
            return walker
        if kept is None:
            return Fold()
        return Fold(pickle.loads(zlib.decompress(kept.data)), kept.latest_ns)  # noqa: S301 our own

    def _next(self, sequence: int) -> int | None:
        """Return the record of the next event."""
        if sequence >= self.sequence:
            return None
        for record in islice(self._records(sequence), AHEAD_MAX):
            if record.sequence <= self.sequence and _lane_of(record) is not None:
                return record.sequence
        return None

    def _counted(self, begin_ms: int, end_ms: int) -> Counts | None:
        """Return finer counts of a part; None: it has too many records."""
        before = [kept for kept in self._kept if kept.latest_ns < begin_ms * MS_NS]
        start = before[-1].sequence if before else 0
        behind = [kept.sequence for kept in self._kept if kept.latest_ns > end_ms * MS_NS]
        if (behind[0] if behind else self.sequence) - start > WINDOW_MAX:
            return None
        counts = Counts()
        counts.first_ms = begin_ms
        counts.width_ms = max(1, -(-(end_ms - begin_ms + 1) // BUCKETS))
        for record in self._records(start):
            time_ms = record.time_ns // MS_NS
            if time_ms > end_ms:
                break
            if time_ms >= begin_ms:
                counts.add(time_ms, _lane_of(record))
        return counts


def _lane_of(record: Record) -> str | None:
    """Return the lane of the line that a record makes; None: it makes none."""
    kind = kind_of(record.message)
    return None if kind is None else _LANE_OF.get(kind, "other")
