"""An exchange whose disk is slow or refuses: memory is bounded, nothing acknowledged is lost."""

import asyncio
import errno
import hashlib
import hmac
import json
import resource
from decimal import Decimal
from functools import partial
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from steelyard.cli import exchange_process, opening
from steelyard.cli.exchange_config import ExchangeConfig
from steelyard.cli.exchange_process import ExchangeProcess
from steelyard.cli.limit_profiles import profile_chooser
from steelyard.cli.market_source import CrowdSource
from steelyard.domain.errors import ConfigError, StorageError
from steelyard.domain.messages import MINUTE_NS, Scope
from steelyard.exchange.admin import CreateAccount, CreateKey
from steelyard.net.clock import Clock
from steelyard.store import segment
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
    # A past that is made at once.
    monkeypatch.setattr("steelyard.exchange.exchange.HISTORY_NS", MINUTE_NS)
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


@pytest.mark.slow
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


def signed(key: dict[str, str], method: str, path: str, fields: dict[str, object]) -> bytes:
    text = urlencode({**fields, "timestamp": Clock().now_ns() // 1_000_000})
    sign = hmac.new(key["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
    target = f"{path}?{text}&signature={sign}"
    return get(target, f"X-MBX-APIKEY: {key['key']}", method=method)


async def founded(process: ExchangeProcess) -> dict[str, str]:
    """Start, let the market stand still, and return the key of one who may trade."""
    await process.start()
    for task in process._tasks:
        task.cancel()
    await process.administer(CreateAccount("ann", {"USDT": Decimal(100_000)}))
    scopes = (Scope.READ, Scope.TRADE)
    return dict(await process.administer(CreateKey("ann", "binance", scopes)))


async def placed(process: ExchangeProcess, key: dict[str, str], orders: int) -> list[str]:
    """Place orders one by one; return those that were confirmed, up to the first that was not."""
    confirmed = []
    async with wire(process.port("binance")) as client:
        for number in range(orders):
            name = f"order-{number}"
            fields = {
                "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                "quantity": "0.01", "price": 20_000 + number, "newClientOrderId": name,
            }  # fmt: skip
            client.send(signed(key, "POST", "/api/v3/order", fields))
            answer = await client.answer()
            if answer.status != 200:
                assert answer.status == 503
                assert "is stopping" in json.loads(answer.body)["msg"]
                break
            confirmed.append(name)
    return confirmed


@pytest.mark.slow
def test_no_confirmed_order_is_lost_wherever_the_disk_refuses(tmp_path: Path, monkeypatch):
    """Fail the 1st write or sync, then the 2nd...: what was confirmed is there after a restart.

    The first order that was not confirmed was refused in the venue's words; it may be there or
    not, and no other may.
    """
    orders = 6

    async def attempt(directory: Path, fail_after: int | None) -> tuple[list[str], list[str], int]:
        disk = FaultyDisk()
        process = process_on(disk, directory, monkeypatch)
        key = await founded(process)
        before = disk.operations
        disk.fail_at = None if fail_after is None else before + fail_after
        confirmed = await placed(process, key, orders)
        operations = disk.operations - before
        await process.stop()
        assert (process.failure is None) == (len(confirmed) == orders)
        again = process_on(FaultyDisk(), directory, monkeypatch)
        await again.start()
        async with wire(again.port("binance")) as client:
            client.send(signed(key, "GET", "/api/v3/openOrders", {"symbol": "BTCUSDT"}))
            document = json.loads((await client.answer()).body)
        totals = again.exchange.engine.totals()
        await again.stop()
        assert set(dict(totals).values()) <= {0}
        return confirmed, [order["clientOrderId"] for order in document], operations

    async def main() -> None:
        confirmed, found, operations = await attempt(tmp_path / "probe", None)
        assert len(confirmed) == len(found) == orders
        assert operations >= 2 * orders
        seen = set()
        for n in range(1, 2 * orders + 1):
            confirmed, found, _ = await attempt(tmp_path / f"{n}", n)
            assert found[: len(confirmed)] == confirmed
            assert len(found) - len(confirmed) in (0, 1)
            seen.add(len(confirmed))
        assert seen == set(range(orders))

    assert run(main()) == []


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
def test_a_full_disk_loses_nothing_that_was_confirmed(tmp_path: Path):
    """A real process whose files may not grow any more: clear errors, exit code, all is there."""
    exchange = LocalExchange(tmp_path / "data", "--limits", "off")
    exchange.start()
    key = exchange.trader("ann", {"USDT": "100000"}, dialect="binance")
    journal = max((tmp_path / "data" / "exchange" / "journal").iterdir())
    limit_bytes = len(journal.read_bytes().rstrip(b"\0")) + 60_000  # inside its room
    resource.prlimit(exchange.pid, resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))

    async def main() -> None:
        confirmed, last = 0, None
        async with wire(urlsplit(exchange.url("binance")).port) as client:
            while last is None:
                names = [f"order-{confirmed + n}" for n in range(20)]
                for name in names:
                    fields = {
                        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT",
                        "timeInForce": "IOC", "quantity": "0.01", "price": 20_000,
                        "newClientOrderId": name,
                    }  # fmt: skip
                    client.send(signed(key, "POST", "/api/v3/order", fields))
                for answer in await client.answers(20):
                    if answer.status == 200 and last is None:
                        confirmed += 1
                    else:
                        last = last or answer
                        assert answer.status == 503, "and none is confirmed after one that was not"
        assert confirmed > 100
        exchange.stop()
        assert "Nothing more is acknowledged" in (tmp_path / "data.stderr").read_text()
        exchange.start()
        async with wire(urlsplit(exchange.url("binance")).port) as client:
            for number in (0, confirmed // 2, confirmed - 1):
                fields = {"symbol": "BTCUSDT", "origClientOrderId": f"order-{number}"}
                client.send(signed(key, "GET", "/api/v3/order", fields))
                answer = json.loads((await client.answer()).body)
                assert answer["clientOrderId"] == f"order-{number}"
            assert set(exchange.steelyard("status")["exchange"]["totals"].values()) <= {"0"}
        exchange.stop()

    assert run(main()) == []


def test_a_flipped_bit_refuses_to_start_and_names_the_record(tmp_path: Path, monkeypatch):
    """Damage to what was acknowledged is never stepped over, nor cut off as a torn write."""

    async def main() -> None:
        process = process_on(FaultyDisk(), tmp_path, monkeypatch)
        key = await founded(process)
        await placed(process, key, 10)
        await process.stop()
        directory = tmp_path / "data" / "exchange"
        for snapshot in (directory / "snapshots").iterdir():
            snapshot.unlink()
        journal = max((directory / "journal").iterdir())
        content = bytearray(journal.read_bytes())
        (found,) = segment.runs(bytes(content), journal, 1)
        payloads = found.payloads[: len(found.payloads) // 2]
        assert found.payloads.count(payloads[-1]) == 1
        content[content.index(payloads[-1])] ^= 1
        journal.write_bytes(content)
        with pytest.raises(
            ConfigError, match=rf"journal record {len(payloads)} is damaged: .* byte "
        ):
            await process_on(FaultyDisk(), tmp_path, monkeypatch).start()
        assert journal.read_bytes() == content, "it is left as it was found"

    assert run(main()) == []
