import asyncio
import threading

import pytest

from steelyard.dashboard.hashing import IN_LINE_MAX, THREADS, Busy, Hashing


class Slow:
    """Hashes that take as long as a test wants."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.verified = []

    def hash(self, password):
        return f"hash of {password}"

    def verify(self, hashed, password):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.verified.append(hashed)
        self.go.wait(10)
        with self.lock:
            self.now -= 1
        return hashed == f"hash of {password}"


def test_the_loop_goes_on_and_the_line_is_bounded():
    slow = Slow()

    async def main():
        hashing = Hashing(slow)
        waiting = [
            asyncio.ensure_future(hashing.verify("hash of a", "a")) for _ in range(IN_LINE_MAX)
        ]
        await asyncio.sleep(0)  # the loop is not held up
        with pytest.raises(Busy, match="try again in a second"):
            await hashing.verify("hash of a", "a")
        slow.go.set()
        assert await asyncio.gather(*waiting) == [True] * IN_LINE_MAX
        assert await hashing.verify("hash of a", "b") is False
        assert await hashing.hash("c") == "hash of c"
        hashing.close()

    asyncio.run(main())
    assert slow.most <= THREADS


def test_nobodys_password_is_compared_as_anybodys():
    slow = Slow()
    slow.go.set()

    async def main():
        hashing = Hashing(slow)
        assert await hashing.verify(None, "nobody's password") is False
        hashing.close()

    asyncio.run(main())
    assert slow.verified == ["hash of nobody's password"]
