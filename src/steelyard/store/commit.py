"""Group commit: what depends on a record happens when the record is on disk, in order.

One thread writes. While a batch is being written the next one gathers, so many requests share
one fsync and the loop never waits for the disk. What depends on records that are all durable
happens at once. If the disk refuses, what waits never happens.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from steelyard.domain.errors import StorageError
from steelyard.store.journal import Journal

Act = Callable[[], None]


class GroupCommit:
    """The queue between a machine and the world, for one journal."""

    def __init__(self, journal: Journal, *, on_failure: Callable[[StorageError], None]) -> None:
        self._journal = journal
        self._on_failure = on_failure
        self._durable = journal.last_sequence
        self._waiting: deque[tuple[int, Act]] = deque()
        self._writer = ThreadPoolExecutor(1, "journal")
        self._writing: asyncio.Task[None] | None = None
        self._failed = False

    @property
    def waiting(self) -> int:
        """How much waits for the disk."""
        return len(self._waiting)

    def release(self, sequence: int, act: Act) -> None:
        """Do this when the record of that sequence, and all before it, are on disk."""
        if self._failed:
            return
        if sequence <= self._durable and not self._waiting:
            act()
            return
        self._waiting.append((sequence, act))
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def stop(self) -> None:
        """Finish what waits, then end the writer."""
        while self._writing is not None:
            await asyncio.wait([self._writing])
        if not self._failed:
            try:
                self._journal.commit()
            except StorageError as error:
                self._fail(error)
        self._writer.shutdown()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                last_sequence, batch = self._journal.take()
                if batch:
                    await loop.run_in_executor(
                        self._writer, self._journal.write, last_sequence, batch
                    )
                self._durable = max(self._durable, last_sequence)
                self._let_go()
        except StorageError as error:
            self._fail(error)
        finally:
            self._writing = None

    def _let_go(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._durable:
            self._waiting.popleft()[1]()

    def _fail(self, error: StorageError) -> None:
        self._failed = True
        self._waiting.clear()
        self._on_failure(error)
