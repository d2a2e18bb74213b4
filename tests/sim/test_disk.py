"""A disk in virtual time, in the form that real journals have."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import StorageError
from steelyard.sim.disk import Commit, Disk
from steelyard.sim.timeline import Timeline
from steelyard.store import segment


class Process:
    """A process that writes; what was released, and how often it came past its points."""

    def __init__(self, seed: int = 1) -> None:
        self.timeline = Timeline(0)
        self.disk = Disk("disk", segment, Random(seed))
        self.points: list[str] = []
        self.failures: list[StorageError] = []
        self.done: list[int] = []
        self.begin()

    def begin(self) -> None:
        last = len(self.disk.open())
        self.commit = Commit(
            self.disk, self.timeline, last, self.points.append, self.failures.append
        )

    def write(self, payload: bytes) -> int:
        sequence = self.commit.append(payload)
        self.commit.release(sequence, lambda: self.done.append(sequence))
        return sequence

    def run(self) -> None:
        while self.timeline.advance():
            pass

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.disk.records()]


def test_what_waits_for_a_record_happens_when_it_is_on_the_disk():
    """In order, and those of one turn in one write."""
    process = Process()
    for payload in (b"one", b"two", b"three"):
        process.write(payload)
    assert (process.done, process.payloads) == ([], [])
    process.run()
    assert process.done == [1, 2, 3]
    assert process.payloads == [b"one", b"two", b"three"]
    assert process.points.count("write") == process.points.count("synced") == 1
    process.commit.release(3, lambda: process.done.append(0))
    assert process.done[-1] == 0, "at once, when nothing is to be waited for"


def test_a_disk_that_refuses_lets_nothing_happen_and_takes_nothing_more():
    """The next process has what was durable, and goes on when the disk is mended."""
    process = Process()
    process.write(b"one")
    process.run()
    process.disk.trouble = "No space left on device"
    process.write(b"two")
    process.run()
    assert process.done == [1]
    assert "No space left" in str(process.failures[0])
    with pytest.raises(StorageError):
        process.write(b"three")
    process.disk.trouble = None
    process.begin()
    assert process.write(b"three") == len(process.payloads) + 1
    process.run()
    assert process.payloads[0] == b"one"
    assert process.payloads[-1] == b"three"


@given(
    seed=st.integers(0, 1_000),
    durable=st.lists(st.binary(min_size=1, max_size=700), max_size=4),
    torn=st.lists(st.binary(min_size=1, max_size=2_000), min_size=1, max_size=4),
)
def test_a_crash_in_the_middle_of_a_write_costs_no_record_that_was_durable(seed, durable, torn):
    """Of the others there are all, or none; the journal is whole and goes on."""
    process = Process(seed)
    for payload in durable:
        process.write(payload)
    process.run()
    for payload in torn:
        process.write(payload)
    process.timeline.advance()  # the write has begun
    process.commit.die()
    process.begin()
    found = process.payloads
    assert found[: len(durable)] == durable
    assert found[len(durable) :] in ([], torn)
    process.write(b"next")
    process.run()
    assert process.payloads == [*found, b"next"]


def test_writes_are_torn_in_every_way():
    """Whole, in part and not at all: a disk that always kept all would prove nothing.

    What is there in part is found to be torn, and counts as nothing.
    """
    left = set()
    for seed in range(200):
        process = Process(seed)
        for number in range(4):
            process.write(bytes([number]) * 600)
        process.timeline.advance()
        process.commit.die()
        process.begin()
        left.add((len(process.payloads), process.disk.torn))
    assert left == {(0, 0), (0, 1), (4, 0)}
