import asyncio
import contextlib
import errno
import os
import resource
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from steelyard.domain.errors import StorageError
from steelyard.store import commit as commit_module
from steelyard.store.commit import GroupCommit
from steelyard.store.disk import Batch
from steelyard.store.journal import Journal
from tests.store.faulty import FaultyDisk, SlowDisk

SMALL = {"segment_bytes": 400, "room_bytes": 64}


@pytest.fixture(autouse=True, params=["native writer", "eventfd", "any system"])
def system(request, monkeypatch):
    """A loop is woken and batches are written as the system allows; what is kept is the same."""
    if request.param == "native writer":
        if commit_module.new_writer is None:
            pytest.skip("no native module was built")
        return
    monkeypatch.setattr(commit_module, "new_writer", None)
    if request.param == "any system":
        monkeypatch.delattr(os, "eventfd", raising=False)
    elif not hasattr(os, "eventfd"):
        pytest.skip("this system has none")


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


def fail_if_called(error: StorageError) -> None:
    raise AssertionError("the disk does not fail here") from error


async def reached(disk: SlowDisk) -> None:
    """Return when the writer waits for the disk."""
    assert await asyncio.to_thread(disk.reached.wait, 30)
    disk.reached.clear()


async def answered(commit: GroupCommit, failures: list[StorageError]) -> None:
    """Return when nothing waits for the disk any more."""
    while commit.waiting and not failures:  # noqa: ASYNC110 it has no event for this
        await asyncio.sleep(0)


async def turns(count: int = 5) -> None:
    """Let the loop do what it could do."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_acts_wait_for_their_records_and_share_a_sync(tmp_path: Path):
    """Nothing happens before its sync is over; meanwhile the next batch gathers into one."""

    async def main() -> None:
        disk = SlowDisk()
        journal = Journal(tmp_path / "j", file_type=disk.open)
        commit = GroupCommit(journal, on_failure=fail_if_called)
        disk.is_slow, done = True, []
        commit.release(journal.append(b"1"), lambda: done.append(1))
        await reached(disk)
        for n in (2, 3, 4):
            commit.release(journal.append(b"%d" % n), lambda n=n: done.append(n))
        commit.release(journal.last_sequence, lambda: done.append("frame"))
        await turns()
        assert (done, commit.waiting, commit.durable) == ([], 5, 0)
        before = disk.syncs
        disk.let.set()
        await reached(disk)
        await turns()
        assert (done, commit.durable) == ([1], 1)
        disk.let.set()
        await commit.stop()
        assert done == [1, 2, 3, 4, "frame"]
        assert disk.syncs == before + 2
        journal.close()

    run(main)


def test_what_is_durable_already_happens_at_once(tmp_path: Path):
    """A query that follows from nothing new is answered without the disk."""

    async def main() -> None:
        journal = Journal(tmp_path / "j")
        journal.append(b"1")
        commit = GroupCommit(journal, on_failure=fail_if_called)
        done = []
        commit.release(1, lambda: done.append("now"))
        commit.release(0, lambda: done.append("now too"))
        assert done == ["now", "now too"]
        await commit.stop()
        journal.close()

    run(main)


def test_nothing_overtakes(tmp_path: Path):
    """An act whose own record is durable still waits behind those released before it."""

    async def main() -> None:
        journal = Journal(tmp_path / "j")
        commit = GroupCommit(journal, on_failure=fail_if_called)
        done = []
        commit.release(journal.append(b"1"), lambda: done.append("order"))
        commit.release(0, lambda: done.append("query"))
        assert done == []
        await commit.stop()
        assert done == ["order", "query"]
        journal.close()

    run(main)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_no_act_runs_unless_its_record_is_durable(tmp_path: Path, error):
    """Fail the 1st disk operation, then the 2nd...: what happened is on disk, in order, always."""

    async def attempt(directory: Path, disk: FaultyDisk) -> tuple[list[int], list[StorageError]]:
        done: list[int] = []
        failures: list[StorageError] = []
        journal = Journal(directory, **SMALL, file_type=disk.open)
        commit = GroupCommit(journal, on_failure=failures.append)
        for n in range(1, 16):
            try:
                sequence = journal.append(b"payload %d" % n)
            except StorageError:
                break
            commit.release(sequence, lambda n=n: done.append(n))
            if n % 3 == 0:
                await answered(commit, failures)
        await commit.stop()
        for n in (98, 99):
            commit.release(journal.last_sequence, lambda n=n: failures and done.append(n))
        journal.close()
        return done, failures

    async def main() -> None:
        probe = FaultyDisk()
        done, failures = await attempt(tmp_path / "probe", probe)
        assert (done, failures) == (list(range(1, 16)), [])
        assert probe.operations > 12
        seen = set()
        for n in range(1, probe.operations + 1):
            directory = tmp_path / str(n)
            done, failures = [], []
            with contextlib.suppress(StorageError):  # at opening
                done, failures = await attempt(directory, FaultyDisk(n, error))
                assert len(failures) == 1
            journal = Journal(directory, **SMALL)
            durable = [sequence for sequence, _ in journal.records(0)]
            journal.close()
            assert done == durable[: len(done)]
            seen.add(len(done))
        assert len(seen) > 3

    run(main)


def test_an_act_that_raises_stops_no_other(tmp_path: Path):
    """Its error goes to the loop, as any callback's does."""

    async def main() -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: told.append(context["exception"])
        )
        journal = Journal(tmp_path / "j")
        commit = GroupCommit(journal, on_failure=fail_if_called)
        done = []

        def broken() -> None:
            raise ZeroDivisionError

        for n, act in enumerate([lambda: done.append(1), broken, lambda: done.append(3), broken]):
            commit.release(journal.append(b"%d" % n), act)
        commit.release(journal.last_sequence, lambda: done.append(5))
        await commit.stop()
        assert done == [1, 3, 5]
        assert [type(error) for error in told] == [ZeroDivisionError] * 2
        journal.close()

    run(main)


def test_acts_may_release_more(tmp_path: Path):
    """What an answer causes is journaled and waits in its turn."""

    async def main() -> None:
        journal = Journal(tmp_path / "j")
        commit = GroupCommit(journal, on_failure=fail_if_called)
        done, over = [], asyncio.Event()

        def again(n: int) -> None:
            done.append(n)
            if n < 20:
                commit.release(journal.append(b"%d" % n), lambda: again(n + 1))
            else:
                over.set()

        commit.release(journal.append(b"0"), lambda: again(1))
        await over.wait()
        assert done == list(range(1, 21))
        await commit.stop()
        assert [sequence for sequence, _ in journal.records(0)] == list(range(1, 21))
        journal.close()

    run(main)


def test_too_many_waiting_ask_for_a_pause(tmp_path: Path):
    """Pressure is told once when it comes and once when half of it is gone."""

    async def main() -> None:
        disk = SlowDisk()
        journal = Journal(tmp_path / "j", file_type=disk.open)
        told: list[tuple[bool, int]] = []
        commit = GroupCommit(
            journal,
            on_failure=fail_if_called,
            on_pressure=lambda is_full: told.append((is_full, commit.waiting)),
            waiting_max=10,
        )
        disk.is_slow = True
        for n in range(4):
            commit.release(journal.append(b"%d" % n), lambda: None)
        await reached(disk)
        for n in range(20):
            commit.release(journal.append(b"%d" % n), lambda: None)
        assert told == [(True, 11)]
        disk.let.set()
        await reached(disk)
        await turns()
        assert told == [(True, 11)]
        disk.let.set()
        await commit.stop()
        assert told == [(True, 11), (False, 0)]
        journal.close()

    run(main)


def test_too_many_bytes_ask_for_a_pause(tmp_path: Path):
    """A few long records are as much as many short ones; what is being written is not counted."""

    async def main() -> None:
        disk = SlowDisk()
        journal = Journal(tmp_path / "j", file_type=disk.open)
        told: list[bool] = []
        commit = GroupCommit(
            journal, on_failure=fail_if_called, on_pressure=told.append, waiting_max_bytes=1_000
        )
        disk.is_slow = True
        commit.release(journal.append(bytes(2_000)), lambda: None)
        assert told == [True]
        await reached(disk)
        disk.let.set()
        commit.release(journal.append(bytes(600)), lambda: None)
        await reached(disk)
        await turns()
        assert told == [True, False]
        commit.release(journal.append(bytes(600)), lambda: None)
        assert told == [True, False]
        commit.release(journal.append(bytes(600)), lambda: None)
        assert told == [True, False, True]
        disk.is_slow = False
        disk.let.set()
        await commit.stop()
        assert told == [True, False, True, False]
        journal.close()

    run(main)


def test_stop_makes_everything_durable(tmp_path: Path):
    """Records that nobody waits for are written too, and stopping twice is fine."""

    async def main() -> None:
        journal = Journal(tmp_path / "j")
        commit = GroupCommit(journal, on_failure=fail_if_called)
        journal.append(b"quiet")
        await commit.stop()
        await commit.stop()
        assert list(journal.records(0)) == [(1, b"quiet")]
        journal.close()

    run(main)


def test_stopping_on_a_broken_disk_ends(tmp_path: Path):
    """A failure while stopping is told, and does not hang."""

    async def main() -> None:
        disk, failures = FaultyDisk(), []
        journal = Journal(tmp_path / "j", file_type=disk.open)
        commit = GroupCommit(journal, on_failure=failures.append)
        disk.fail_at = disk.operations + 1
        done = []
        commit.release(journal.append(b"1"), lambda: done.append(1))
        await commit.stop()
        await commit.stop()
        assert (len(failures), done) == (1, [])
        journal.close()

    run(main)


def test_each_durable_batch_is_told_with_its_size_and_time(tmp_path: Path):
    async def main() -> None:
        told: list[tuple[int, int]] = []
        journal = Journal(tmp_path / "j", room_bytes=0)
        (file,) = (tmp_path / "j").iterdir()
        empty_bytes = file.stat().st_size
        commit = GroupCommit(
            journal, on_failure=fail_if_called, on_batch=lambda *batch: told.append(batch)
        )
        for n in range(3):
            commit.release(journal.append(b"%d" % n), lambda: None)
            await answered(commit, [])
        await commit.stop()
        assert len(told) == 3
        assert sum(size for size, _ in told) == file.stat().st_size - empty_bytes
        assert all(time_ns > 0 for _, time_ns in told)
        journal.close()

    run(main)


def test_what_is_released_while_it_stops_happens_if_it_is_written(tmp_path: Path):
    async def run():
        journal = Journal(tmp_path)
        commit = GroupCommit(journal, on_failure=lambda error: None)
        done: list[int] = []
        commit.release(journal.append(b"first"), done.append, 1)
        stopping = asyncio.ensure_future(commit.stop())
        released = 1
        while not stopping.done():
            released += 1
            commit.release(journal.append(b"late"), done.append, released)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return done, commit.durable, released

    done, durable, released = asyncio.run(run())
    assert done == list(range(1, durable + 1))
    assert released - durable <= 2, "only what came last of all"


@pytest.fixture
def writer(system):
    if commit_module.new_writer is None:
        pytest.skip("a native writer is not under test")


def test_a_native_writer_has_the_batches_and_python_the_segments(
    tmp_path: Path, writer, monkeypatch
):
    """Every batch is on the medium when it is told of, in whatever segment."""
    written: list[int] = []

    def write(journal: Journal, batch: Batch) -> None:
        written.append(len(batch))
        plain_write(journal, batch)

    plain_write = Journal.write
    monkeypatch.setattr(Journal, "write", write)

    async def main() -> None:
        journal = Journal(tmp_path / "j", segment_bytes=4_000, room_bytes=512)
        commit = GroupCommit(journal, on_failure=fail_if_called)
        done: list[int] = []
        for n in range(1, 61):
            commit.release(journal.append(b"%d" % n * 100), done.append, n)
            if n % 4 == 0:
                await answered(commit, [])
        await commit.stop()
        journal.close()
        assert done == list(range(1, 61))

    run(main)
    segments = len([*(tmp_path / "j").iterdir()])
    assert segments > 2
    assert len(written) == segments - 1  # of 15 or more batches
    again = Journal(tmp_path / "j")
    assert [payload for _, payload in again.records(0)] == [b"%d" % n * 100 for n in range(1, 61)]
    again.close()


def test_a_disk_that_refuses_a_native_writer_ends_the_journal(tmp_path: Path, writer):
    """The failure is told once, in the system's words, and nothing of the batch happens."""

    async def main() -> None:
        failures: list[StorageError] = []
        done: list[int] = []
        journal = Journal(tmp_path / "j", room_bytes=1 << 16)
        commit = GroupCommit(journal, on_failure=failures.append)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 16, hard))
        try:
            for n in range(1, 30):
                with contextlib.suppress(StorageError):
                    commit.release(journal.append(bytes(10_000)), done.append, n)
                await answered(commit, failures)
            await commit.stop()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert [os.strerror(errno.EFBIG) in str(error) for error in failures] == [True]
        with pytest.raises(StorageError, match="Nothing more is acknowledged"):
            journal.append(b"more")
        journal.close()
        again = Journal(tmp_path / "j")
        assert again.last_sequence - len(done) in {0, 1}
        assert len(done) > 5
        again.close()

    run(main)
