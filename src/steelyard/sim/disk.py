"""A disk under virtual time, and the journal of a process on it.

The disk holds the bytes of one journal, in the form that `store` gives them, and survives
crashes; which form that is, is handed down. A `Commit` dies with its process: it gathers records,
writes them in batches that take their time, and lets happen what waits for a record when it is on
the disk. A crash in the middle of a write leaves some of its sectors, in any order.
"""

from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Protocol

from steelyard.domain.errors import StorageError
from steelyard.sim.timeline import Act, Timeline

SECTOR_BYTES = 512
MS_NS = 1_000_000


class Form(Protocol):
    """The form of a journal's file; the module `store.segment` is one."""

    HEADER_LINE: bytes

    def encode(self, payloads: list[bytes], first_sequence: int, /) -> bytes:
        """Return payloads as one batch."""
        ...

    def end_of_last(self, content: bytes, file: Any, first: int, /) -> Any:
        """Return where the records end: offset, last_sequence, torn_bytes."""
        ...

    def runs(self, content: bytes, file: Any, first: int, /) -> Iterable[Any]:
        """Yield records, many at a time: first_sequence, payloads."""
        ...


class Disk:
    """One machine's disk, with one journal on it.

    Attributes:
        trouble: Why it takes nothing now; None: it does.
        torn: How often a write was found cut short.
        slow_ns: How much longer than usual a write takes now.
    """

    def __init__(self, name: str, form: Form, rng: Random) -> None:
        self.name = name
        self.trouble: str | None = None
        self.torn = 0
        self.slow_ns = 0
        self._form = form
        self._rng = rng
        self._content = form.HEADER_LINE

    def open(self) -> list[tuple[int, bytes]]:
        """Return every record, without what a crash has cut short.

        Raises:
            ConfigError: A record that had been acknowledged is damaged or missing.
        """
        end = self._form.end_of_last(self._content, self.name, 1)
        self.torn += bool(end.torn_bytes)
        self._content = self._content[: end.offset]
        return self.records()

    def records(self) -> list[tuple[int, bytes]]:
        """Return (sequence, payload) of every durable record."""
        return [
            pair
            for run in self._form.runs(self._content, self.name, 1)
            for pair in enumerate(run.payloads, run.first_sequence)
        ]

    def encode(self, payloads: list[bytes], first_sequence: int) -> bytes:
        """Return records as a batch in the disk's form."""
        return self._form.encode(payloads, first_sequence)

    def write_ns(self) -> int:
        """Return how long the next write takes."""
        return self._rng.randint(MS_NS // 10, 3 * MS_NS) + self.slow_ns

    def write(self, batch: bytes) -> None:
        """Make a batch durable.

        Raises:
            StorageError: The disk refuses; some of it may be there.
        """
        if self.trouble is not None:
            self.tear(batch)
            raise StorageError(f"the journal cannot be written: {self.trouble}")
        self._content += batch

    def tear(self, batch: bytes) -> None:
        """Leave of a batch what a write leaves that the power cuts short: some sectors, or none."""
        offset = len(self._content)
        torn = bytearray(batch)
        is_whole = True
        for sector in range(offset - offset % SECTOR_BYTES, offset + len(batch), SECTOR_BYTES):
            if self._rng.random() < 0.5:  # noqa: PLR2004 as likely as not
                start, end = max(sector, offset) - offset, sector + SECTOR_BYTES - offset
                torn[start:end] = bytes(len(torn[start:end]))
                is_whole = False
        if not is_whole:
            self._content += bytes(torn).rstrip(b"\0")
        elif self._rng.random() < 0.5:  # noqa: PLR2004
            self._content += batch  # it was all there, and nobody had been told


class Commit:
    """The journal of one process, and what waits for it.

    Args:
        disk: Where it is written.
        timeline: When.
        last_sequence: Of what the disk had when it was opened.
        point: Called where the process may be killed, with the name of the moment.
        on_failure: Hears of it when the disk refuses, once.
    """

    def __init__(
        self,
        disk: Disk,
        timeline: Timeline,
        last_sequence: int,
        point: Callable[[str], None],
        on_failure: Callable[[StorageError], None],
    ) -> None:
        self.last_sequence = last_sequence
        self.durable = last_sequence
        self._disk = disk
        self._timeline = timeline
        self._point = point
        self._on_failure = on_failure
        self._buffer: list[bytes] = []
        self._writing = b""
        self._waiting: deque[tuple[int, Act]] = deque()
        self._is_scheduled = self._is_writing = self._is_over = False

    def append(self, payload: bytes) -> int:
        """Take a record for the next batch; return its sequence.

        Raises:
            StorageError: The disk has refused.
        """
        if self._is_over:
            raise StorageError("the journal takes nothing more")
        self._point("append")
        self.last_sequence += 1
        self._buffer.append(payload)
        self._point("appended")
        return self.last_sequence

    def release(self, sequence: int, act: Act) -> None:
        """Do this when the record of that sequence, and all before it, are on disk."""
        if self._is_over:
            return
        if sequence <= self.durable and not self._waiting:
            act()
            return
        self._waiting.append((sequence, act))
        if not self._is_writing and not self._is_scheduled:
            self._is_scheduled = True
            self._timeline.after(0, f"{self._disk.name} begins", self._begin)

    def die(self) -> None:
        """The process is gone."""
        self._is_over = True
        self._waiting.clear()
        if self._is_writing:
            self._disk.tear(self._writing)

    def _begin(self) -> None:
        self._is_scheduled = False
        if self._is_over or self._is_writing or not self._buffer:
            return
        self._is_writing = True
        payloads, self._buffer = self._buffer, []
        last_sequence = self.last_sequence
        self._writing = self._disk.encode(payloads, last_sequence - len(payloads) + 1)
        self._point("write")
        self._timeline.after(
            self._disk.write_ns(), f"{self._disk.name} wrote", lambda: self._written(last_sequence)
        )

    def _written(self, last_sequence: int) -> None:
        if self._is_over:
            return
        self._is_writing = False
        batch, self._writing = self._writing, b""
        try:
            self._disk.write(batch)
        except StorageError as error:
            self._is_over = True
            self._waiting.clear()
            self._on_failure(error)
            return
        self.durable = last_sequence
        self._point("synced")
        self._begin()
        while self._waiting and self._waiting[0][0] <= self.durable:
            _, act = self._waiting.popleft()
            act()
