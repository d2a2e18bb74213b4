"""An exchange whose disk is slow or refuses: memory is bounded, nothing acknowledged is lost."""

import asyncio
import errno
import json
from functools import partial
from pathlib import Path

import pytest

from steelyard.cli import exchange_process, opening
from steelyard.cli.exchange_process import ExchangeConfig, ExchangeProcess
from steelyard.cli.limit_profiles import profile_chooser
from steelyard.cli.market_source import CrowdSource
from steelyard.domain.errors import StorageError
from steelyard.store.commit import GroupCommit
from steelyard.store.journal import Journal
from steelyard.testing import LocalExchange
from tests.net.port import get, run, until, wire
from tests.store.faulty import FaultyDisk, SlowDisk

WAITING_MAX = 50


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def process_on(disk, tmp_path: Path, monkeypatch) -> ExchangeProcess:
    monkeypatch.setattr(opening, "Journal", partial(Journal, file_type=disk.open))
    grouping = partial(GroupCommit, waiting_max=WAITING_MAX)
    monkeypatch.setattr(exchange_process, "GroupCommit", grouping)
    limits = profile_chooser("off")
    return ExchangeProcess(ExchangeConfig(tmp_path / "data", 0, CrowdSource(1), limits))


def test_a_slow_disk_holds_the_ports(tmp_path: Path, monkeypatch):
    """Two thousand requests at a disk that waits: few are taken up; all are answered in the end."""

    async def main() -> None:
        disk = SlowDisk()
        process = process_on(disk, tmp_path, monkeypatch)
        await process.start()
        disk.is_slow = True
        assert await asyncio.to_thread(disk.reached.wait, 10), "the market goes on"
        commit = process._commit
        port = process.port("binance")
        async with wire(port) as one, wire(port) as other:
            for client in (one, other):
                client.send(get("/api/v3/ping") * 1_000)
            await until(lambda: commit.waiting > WAITING_MAX)
            sequence = process._opened.journal.last_sequence
            await asyncio.sleep(0.3)  # six steps of the market
            assert commit.waiting <= WAITING_MAX + 2
            assert process._opened.journal.last_sequence == sequence, "the market waits too"
            disk.is_slow = False
            disk.let.set()
            for client in (one, other):
                assert {answer.status for answer in await client.answers(1_000)} == {200}
            await until(lambda: process._opened.journal.last_sequence > sequence)
        await process.stop()
        assert process.failure is None

    assert run(main()) == []


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_is_said_to_clients(tmp_path: Path, monkeypatch, error: int):
    """What waits and what comes gets the venue's error, not a success that may not last."""

    async def main() -> None:
        disk = FaultyDisk(error=error)
        process = process_on(disk, tmp_path, monkeypatch)
        await process.start()
        async with wire(process.port("binance")) as client:
            client.send(get("/api/v3/ping"))
            assert (await client.answer()).status == 200
            disk.fail_at = disk.operations + 1
            await process.stopped.wait()
            client.send(get("/api/v3/ping"))
            answer = await client.answer()
            assert answer.status == 503
            assert (
                "is stopping; whether this was carried out is not" in json.loads(answer.body)["msg"]
            )
        await process.stop()
        assert isinstance(process.failure, StorageError)
        assert "Mend the disk and start again" in str(process.failure)

    assert run(main()) == []


def test_who_waits_for_a_disk_that_refuses_is_told(tmp_path: Path, monkeypatch):
    """An order whose record was being written is neither confirmed nor left without a word."""

    async def main() -> None:
        disk = SlowDisk()
        process = process_on(disk, tmp_path, monkeypatch)
        await process.start()
        async with wire(process.port("native")) as client:
            disk.is_slow = True
            assert await asyncio.to_thread(disk.reached.wait, 10)
            before = process._commit.waiting
            client.send(get("/api/v1/time") * 3)
            await until(lambda: process._commit.waiting >= before + 3)
            disk.error = errno.ENOSPC
            disk.let.set()
            answers = await client.answers(3)
            assert [answer.status for answer in answers] == [503] * 3
            assert json.loads(answers[0].body)["error"]["code"] == "UNAVAILABLE"
        await process.stop()

    assert run(main()) == []


def test_what_was_mended_at_the_start_is_said(tmp_path: Path):
    """A torn journal and a damaged snapshot: a sentence on the terminal, and in `status`."""
    exchange = LocalExchange(tmp_path / "data")
    exchange.start()
    exchange.stop()
    exchange.start()
    exchange.kill()
    directory = tmp_path / "data" / "exchange"
    newest = max((directory / "journal").iterdir())
    whole = newest.read_bytes().rstrip(b"\0")
    newest.write_bytes(whole[:-1])
    for file in (directory / "snapshots").iterdir():
        file.write_bytes(b"?")
    exchange.start()
    said = (tmp_path / "data.stderr").read_text()
    found = exchange.steelyard("status")["exchange"]["repairs"]
    exchange.stop()
    assert len(found) == 2
    assert "had been cut short" in found[0]
    assert "damaged and passed over" in found[1]
    assert all(sentence in said for sentence in found)
    exchange.start()
    assert exchange.steelyard("status")["exchange"]["repairs"] == []
    exchange.stop()
