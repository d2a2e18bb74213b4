"""Group commit: what follows from a record happens when the record is on disk, in order.

    release(7, answer)    release(8, frame)         ... the loop gathers
         |
    take -> one thread: write, sync -> durable 8 -> answer, frame

Invariants: no act runs before its record, and all before it, are durable; acts run in the order
of their release, on the loop. While one batch is written the next one gathers, so many requests
share a sync and the loop never waits for the disk. When the disk refuses, what waits never
happens and `on_failure` hears of it, once. When too many acts or bytes wait, `on_pressure` is
asked to let nothing new in, until half of them are gone.

Where there is a native writer it has the batches written, by a thread that never waits for the
interpreter; what is more than a batch, as a new segment is, stays with Python's.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from time import perf_counter_ns
from typing import Any, TypeVarTuple

from steelyard.domain.errors import StorageError
from steelyard.store.disk import Batch, Writer
from steelyard.store.journal import Journal

new_writer: Callable[[], Writer] | None = None
with suppress(ImportError):  # where no native module was built, or the system has no such files
    from steelyard._native import BatchWriter

    new_writer = BatchWriter

WAITING_MAX = 10_000
WAITING_MAX_BYTES = 8 << 20  # well below what a journal refuses

Args = TypeVarTuple("Args")


class GroupCommit:
    """The queue between a machine and the world, for one journal. Use it on one loop."""

    def __init__(
        self,
        journal: Journal,
        *,
        on_failure: Callable[[StorageError], None],
        on_pressure: Callable[[bool], None] = lambda _: None,
        on_batch: Callable[[int, int], None] = lambda *_: None,
        waiting_max: int = WAITING_MAX,
        waiting_max_bytes: int = WAITING_MAX_BYTES,
    ) -> None:
        """Begin a writer for a journal; from here on only it may commit.

        Args:
            journal: Its records so far count as durable.
            on_failure: Called once, on the loop; no act runs after it.
            on_pressure: Called with True when too much waits, with False when half of it is gone.
            on_batch: Called, on the loop, with the bytes of each durable batch and the ns it took.
            waiting_max: How many acts are too many.
            waiting_max_bytes: How many bytes of records are too many, besides those being written.
        """
        self._journal = journal
        self._on_failure = on_failure
        self._on_pressure = on_pressure
        self._on_batch = on_batch
        self._waiting_max = waiting_max
        self._waiting_max_bytes = waiting_max_bytes
        self._durable = journal.commit()
        self._waiting: deque[tuple[int, Callable[..., None], tuple[Any, ...]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._is_scheduled = self._is_writing = self._is_pressed = False
        self._failure: StorageError | None = None
        self._stopped: asyncio.Event = asyncio.Event()
        self._batches: SimpleQueue[tuple[int, Batch] | None] = SimpleQueue()
        self._told: tuple[int, StorageError | None, int, int] | None = None
        self._bell: int | None = None
        if hasattr(os, "eventfd"):
            # A loop's own way to be woken reads until it fails: 7 us a batch more. It does where
            # there is no room for another file.
            with suppress(OSError):
                bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                self._loop.add_reader(bell, self._hear, bell)
                self._bell = bell
        self._hand: Writer | None = None
        # Last sequence and bytes of the batch that the native writer has.
        self._handed: tuple[int, int] | None = None
        if new_writer is not None:
            with suppress(OSError):
                hand = new_writer()
                self._loop.add_reader(hand.fileno(), self._hear_hand, hand)
                self._hand = hand
        # A daemon: a disk that never answers must not keep the process from ending.
        self._writer = Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()

    @property
    def waiting(self) -> int:
        """How many acts wait for the disk."""
        return len(self._waiting)

    @property
    def durable(self) -> int:
        """The last sequence on disk."""
        return self._durable

    def release(self, sequence: int, act: Callable[[*Args], None], *args: *Args) -> None:
        """Do this when the record of that sequence, and all before it, are on disk.

        At once, if they are and nothing waits; never, if the disk refuses.
        """
        assert sequence <= self._journal.last_sequence, "an act follows from what was appended"
        if self._failure is not None:
            return
        if sequence <= self._durable and not self._waiting:
            act(*args)
            return
        self._waiting.append((sequence, act, args))
        self.begin()

    def begin(self) -> None:
        """Have what was appended written, also where nothing follows from it."""
        if not self._is_pressed and (
            len(self._waiting) > self._waiting_max
            or self._journal.waiting_bytes > self._waiting_max_bytes
        ):
            self._is_pressed = True
            self._on_pressure(True)  # noqa: FBT003 the callback's one argument
        # At the end of the loop's turn, so that all requests read in it share the batch.
        if not self._is_writing and not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._begin)

    async def stop(self) -> None:
        """Make everything appended durable, do what waits, end the writer; safe to call twice."""
        if self._writer.is_alive() and self._failure is None:
            self.release(self._journal.last_sequence, self._stopped.set)
            await self._stopped.wait()
        if self._hand is not None:
            hand, self._hand = self._hand, None
            self._loop.remove_reader(hand.fileno())
            if self._handed is not None:  # while nobody listened
                self._hear_hand(hand)
        self._batches.put(None)
        if self._failure is None:
            self._writer.join()
        if self._bell is not None:
            bell, self._bell = self._bell, None
            self._loop.remove_reader(bell)
            if self._told is not None:  # while nobody listened
                self._hear(bell)
            os.close(bell)

    # -- on the loop --------------------------------------------------------------------------

    def _begin(self) -> None:
        self._is_scheduled = False
        if self._is_writing or self._failure is not None:
            return
        last_sequence, batch = self._journal.take()
        if not batch:
            return
        self._is_writing = True
        size_bytes = len(batch)  # nothing, when it is handed over
        if self._hand is not None and self._journal.hand_over(batch, self._hand):
            self._handed = last_sequence, size_bytes
        else:
            self._batches.put((last_sequence, batch))

    def _hear_hand(self, hand: Writer) -> None:
        error, time_ns = None, 0
        try:
            time_ns = self._journal.handed(hand)
        except StorageError as refused:
            error = refused
            self._loop.remove_reader(hand.fileno())  # nothing more is handed over
        handed, self._handed = self._handed, None
        assert handed is not None, "one batch is written at a time, and told of once"
        last_sequence, size_bytes = handed
        self._written(last_sequence, error, size_bytes, time_ns)

    def _hear(self, bell: int) -> None:
        os.eventfd_read(bell)
        told, self._told = self._told, None
        assert told is not None, "one batch is written at a time, and told of once"
        self._written(*told)

    def _written(
        self, last_sequence: int, error: StorageError | None, size_bytes: int, time_ns: int
    ) -> None:
        self._is_writing = False
        if error is not None:
            self._fail(error)
            return
        self._on_batch(size_bytes, time_ns)
        self._durable = last_sequence
        self._begin()  # the disk works while the acts run
        self._let_go()

    def _let_go(self) -> None:
        is_done = False
        try:
            while self._waiting and self._waiting[0][0] <= self._durable:
                _, act, args = self._waiting.popleft()
                act(*args)
            is_done = True
        finally:
            # An act that raises is its owner's fault, told by the loop; the others still happen.
            if not is_done:
                self._loop.call_soon(self._let_go)
        if (
            self._is_pressed
            and len(self._waiting) <= self._waiting_max // 2
            and self._journal.waiting_bytes <= self._waiting_max_bytes // 2
        ):
            self._is_pressed = False
            self._on_pressure(False)  # noqa: FBT003 the callback's one argument

    def _fail(self, error: StorageError) -> None:
        self._failure = error
        self._waiting.clear()
        self._stopped.set()
        self._on_failure(error)

    # -- in the writer's thread ---------------------------------------------------------------

    def _write(self) -> None:
        while (item := self._batches.get()) is not None:
            last_sequence, batch = item
            error: StorageError | None = StorageError("the journal's writer has ended by a bug")
            began_ns = perf_counter_ns()
            try:
                self._journal.write(batch)
                error = None
            except StorageError as refused:
                error = refused
            finally:
                self._tell(last_sequence, error, len(batch), perf_counter_ns() - began_ns)

    def _tell(
        self, last_sequence: int, error: StorageError | None, size_bytes: int, time_ns: int
    ) -> None:
        if (bell := self._bell) is not None:
            self._told = last_sequence, error, size_bytes, time_ns
            os.eventfd_write(bell, 1)
            return
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            self._loop.call_soon_threadsafe(
                self._written, last_sequence, error, size_bytes, time_ns
            )
