"""Password hashes beside the loop: a few at a time, few in line, and beyond that a refusal."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from steelyard.domain.errors import SteelyardError

THREADS = 2  # each takes one core and the hash's memory
IN_LINE_MAX = 16  # being hashed or waiting for it

T = TypeVar("T")


class Busy(SteelyardError):
    """More passwords come in than can be looked at."""


class Passwords(Protocol):
    """Makes and verifies password hashes; `steelyard.vault` has one."""

    def hash(self, password: str) -> str:
        """Return a new hash."""
        ...

    def verify(self, hashed: str, password: str) -> bool:
        """Return whether a hash is of this password."""
        ...


class Hashing:
    """Threads that hash."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords
        self._threads = ThreadPoolExecutor(THREADS, "hashing")
        self._in_line = 0
        # Compared where there is nobody, so that it takes as long as where there is.
        self._nobody = self._threads.submit(passwords.hash, "nobody's password")

    async def hash(self, password: str) -> str:
        """Return a new hash.

        Raises:
            Busy: The line is full.
        """
        return await self._run(lambda: self._passwords.hash(password))

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Return whether a hash is of a password; of None none is, after the same time.

        Raises:
            Busy: The line is full.
        """
        if hashed is None:
            nobody = await asyncio.wrap_future(self._nobody)
            await self._run(lambda: self._passwords.verify(nobody, password))
            return False
        return await self._run(lambda: self._passwords.verify(hashed, password))

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._in_line >= IN_LINE_MAX:
            raise Busy("too many passwords are being checked at once; try again in a second")
        self._in_line += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._in_line -= 1
