"""The trader's process on a live exchange: real sockets, real disk, its own port."""

import asyncio
import dataclasses
import gc
import json
import os
import signal
import stat

import aiohttp
import pytest
from free_ports import free_base
from msgspec import structs

from steelyard.cli.trader_process import TraderProcess, run_trader
from steelyard.domain.errors import ConfigError, StorageError
from steelyard.domain.lifecycle import OrderState
from steelyard.net.loop import run_loop
from steelyard.store import datadir
from steelyard.testing import LocalExchange
from steelyard.trading import actions
from tests.cli.trader_bot import running, settings, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory):
    # Many bots start here one after another, each with a whole book: without limits none waits.
    data = tmp_path_factory.mktemp("trader") / "data"
    with LocalExchange(data, "--crowd", "1", "--limits", "off") as started:
        yield started


def is_running(process: TraderProcess) -> bool:
    return process.trader.status.word == "running"


def orders(process: TraderProcess) -> list[OrderState]:
    return [order.state for order in process.trader.turn.state.orders]


async def call(process: TraderProcess, method: str, path: str) -> tuple[int, dict]:
    """Ask the bot's own port, as the command line does."""
    port, token = process._server.port, process._directory.token()
    headers = {"x-steelyard-token": token}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://127.0.0.1:{port}{path}", headers=headers) as answer,
    ):
        return answer.status, await answer.json()


@pytest.mark.parametrize("dialect", ["binance", "native"])
def test_a_bot_trades_over_either_api(exchange: LocalExchange, dialect: str):
    """The same bot, in two languages: an order, its fill, the position."""

    async def main() -> None:
        async with running(settings(exchange, "Taker", f"taker-{dialect}", dialect)) as process:
            await until(lambda: orders(process) == [OrderState.FILLED])
            portfolio = process.trader.turn.state.portfolio
            assert 990 <= portfolio.position_lots <= 1_000
            # The stream may tell of the fill before the order itself is answered.
            await until(lambda: process.document()["latency"] is not None)
            document = process.document()
            assert document["latency"]["order_ms_p50"] > 0
            assert document["fills"][0]["size"] == "0.01"

    run_loop(main())


def test_a_restart_goes_on_with_orders_and_position(exchange: LocalExchange):
    """What was open is open, nothing is placed again, and the directory is free in between."""
    what = settings(exchange, "Rester", "restarted")

    async def main() -> None:
        async with running(what) as process:
            await until(lambda: orders(process) == [OrderState.WORKING] * 3)
            with pytest.raises(ConfigError, match="in use by process"):
                TraderProcess(what)
        async with running(what) as process:
            await until(lambda: is_running(process))
            await asyncio.sleep(0.3)
            assert orders(process) == [OrderState.WORKING] * 3

    run_loop(main())


def test_the_port_file_says_where_it_is_and_is_private(exchange: LocalExchange):
    """For the page and the kill switch; it goes with the process."""
    what = settings(exchange, "Idle", "ported")
    file = datadir.port_file(exchange.data / "bots" / "ported")

    async def main() -> None:
        async with running(what) as process:
            document = json.loads(file.read_text())
            assert document["pid"] == os.getpid()
            assert document["port"] == process._server.port
            assert document["symbol"] == "BTC-USDT"
            assert document["key"] == what.key.key
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert (await call(process, "GET", "/status"))[1]["type"] == "state"

    run_loop(main())
    assert not file.exists()


def test_the_kill_switch_cancels_and_counts_and_stays(exchange: LocalExchange):
    """Over its own port; also after a restart, until it is lifted."""
    what = settings(exchange, "Rester", "killed")
    latch = datadir.latch_file(exchange.data, "killed")

    async def main() -> None:
        async with running(what) as process:
            await until(lambda: orders(process) == [OrderState.WORKING] * 3)
            status, answer = await call(process, "POST", "/kill")
            assert status == 200
            assert (answer["verified"], answer["open_orders"], answer["canceled"]) == (True, 0, 3)
            assert orders(process) == [OrderState.CANCELED] * 3
            assert latch.exists()
        async with running(what) as process:
            await until(lambda: process.trader.reconciler.is_clean)
            assert process.trader.status.word == "killed"
            in_the_way = latch.with_name("lifted")
            in_the_way.mkdir()
            status, refused = await call(process, "POST", "/resume")
            assert (status, "cannot be written" in refused["error"]) == (503, True)
            assert latch.exists()
            in_the_way.rmdir()
            assert await call(process, "POST", "/resume") == (200, {"resumed": True})
            await until(lambda: is_running(process))
            assert not latch.exists()

    run_loop(main())


def test_a_latch_that_was_set_or_lifted_while_it_was_down_counts(exchange: LocalExchange):
    """The file is the kill switch's word to a bot that is not there."""
    what = settings(exchange, "Rester", "latched")
    latch = datadir.latch_file(exchange.data, "latched")

    async def main() -> None:
        async with running(what) as process:
            await until(lambda: orders(process) == [OrderState.WORKING] * 3)
        latch.write_text("{}")
        async with running(what) as process:
            await until(lambda: orders(process) == [OrderState.CANCELED] * 3)
            assert process.trader.status.word == "killed"
        latch.unlink()
        async with running(what) as process:
            await until(lambda: is_running(process))

    run_loop(main())


def test_a_strategys_error_is_its_own(exchange: LocalExchange):
    """The process lives, says why it is gated, and its orders can still be killed."""

    async def main() -> None:
        async with running(settings(exchange, "Faulty", "faulty")) as process:
            await until(lambda: process.trader.status.word == "gated")
            assert "RuntimeError: my own fault" in process.trader.status.reason
            assert any("my own fault" in line["text"] for line in process.document()["log"])
            assert orders(process) == [OrderState.WORKING] * 3
            status, answer = await call(process, "POST", "/kill")
            assert (status, answer["canceled"]) == (200, 3)

    run_loop(main())


def test_a_disk_that_refuses_stops_every_order(exchange: LocalExchange):
    """No record, no order: the process ends, and says so."""

    async def main() -> None:
        async with running(settings(exchange, "Idle", "full")) as process:
            await until(lambda: is_running(process))

            def refuse(*_: object) -> None:
                raise StorageError("no space left on device")

            process._journal.write = process._journal.handed = refuse
            ended = asyncio.create_task(process.run())
            process.trader.strategy.buy("0.01")
            for intent in process.trader.desk.drain():
                process.trader.work.place(intent)
            process.step(wake())
            code, last_words = await asyncio.wait_for(ended, 5)
            assert code == 1
            assert "no space left on device; no order leaves any more" in last_words
            assert orders(process) == [OrderState.PENDING]
            assert process.trader.turn.state.orders.open[0].attempts == 0, "nothing left"

    run_loop(main())


def wake():
    from steelyard.trading.actions import Woken

    return Woken()


def test_a_signal_ends_it_in_order(exchange: LocalExchange):
    """Orders are canceled, the directory is let go, the exit code is 0."""
    what = settings(exchange, "Rester", "stopped")

    async def main() -> actions.Finish:
        def ready(_: dict) -> None:
            asyncio.get_running_loop().call_later(3, os.kill, os.getpid(), signal.SIGTERM)

        return await run_trader(what, ready)

    assert run_loop(main()) == (0, "SIGTERM; 3 orders canceled, 0 left open")
    log = (exchange.data / "bots" / "stopped" / "bot.log").read_text()
    assert "3 orders canceled, 0 left open" not in log, "the last words are in the journal"
    assert log.count("order.canceled") == 3

    async def again() -> None:
        async with running(what) as process:
            assert orders(process) == [OrderState.CANCELED] * 3

    run_loop(again())


def test_what_is_there_at_the_start_is_not_looked_through_for_garbage(exchange: LocalExchange):
    """A full collection would halt it for long; whoever goes on afterwards is as before."""
    what = settings(exchange, "Rester", "frozen")
    kept = []

    def ready(_: dict) -> None:
        kept.append(gc.get_freeze_count())
        os.kill(os.getpid(), signal.SIGTERM)

    run_loop(run_trader(what, ready))
    assert kept[0] > 10_000
    assert gc.get_freeze_count() == 0


def test_a_signal_before_anything_is_ready_is_not_lost(exchange: LocalExchange):
    """It waits until the journal is replayed; then what an earlier run left is canceled."""
    what = settings(exchange, "Rester", "early")

    async def crash() -> None:
        async with running(what) as process:
            await until(lambda: orders(process) == [OrderState.WORKING] * 3)

    run_loop(crash())

    table = structs.replace(what.config.strategy, class_name="tests.cli.trader_bot:Interrupted")
    config = structs.replace(what.config, strategy=table)
    again = dataclasses.replace(what, config=config)
    assert run_loop(run_trader(again, lambda _: None)) == (
        0,
        "SIGINT; 3 orders canceled, 0 left open",
    )


def test_the_page_is_pushed_the_state(exchange: LocalExchange):
    """Whole documents, when something has changed, to whoever has the token."""

    async def main() -> None:
        async with running(settings(exchange, "Taker", "pushed")) as process:
            ran = asyncio.create_task(process.run())
            port, token = process._server.port, process._directory.token()
            url = f"ws://127.0.0.1:{port}/ws"
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.WSServerHandshakeError):
                    await session.ws_connect(f"{url}?token=guess")
                async with session.ws_connect(
                    f"{url}?token={token}", headers={"origin": "http://127.0.0.1:8600"}
                ) as socket:
                    seen = []
                    while not any(document["fills"] for document in seen):
                        seen.append(await asyncio.wait_for(socket.receive_json(), 10))
            assert seen[0]["type"] == "state"
            assert seen[-1]["position"]["side"] == "long"
            ran.cancel()

    run_loop(main())


def test_an_exchange_that_goes_away_and_comes_back_is_survived(tmp_path):
    """While it is gone trading is gated; when it is back everything is compared, then it opens."""

    async def main(started: LocalExchange) -> None:
        what = settings(started, "Rester", "patient")
        async with running(what) as process:
            await until(lambda: orders(process) == [OrderState.WORKING] * 3)
            ports = dict(started.ready["dialects"])
            started.kill()
            await until(lambda: process.trader.status.word == "gated")
            await asyncio.to_thread(started.start)
            assert started.ready["dialects"] == ports
            await until(lambda: is_running(process), 60)
            assert orders(process) == [OrderState.WORKING] * 3

    base = free_base()
    started = LocalExchange(tmp_path / "data", "--crowd", "1", "--port-base", str(base))
    with started:
        run_loop(main(started))


def test_a_secret_is_never_written(exchange: LocalExchange):
    """Not in the log, the journal, the port file or the state."""
    what = settings(exchange, "Taker", "secret")
    secret = what.key.secret.decode()

    async def main() -> str:
        async with running(what) as process:
            await until(lambda: orders(process) == [OrderState.FILLED])
            return json.dumps(process.document()) + repr(what)

    shown = run_loop(main())
    assert secret not in shown
    files = [p for p in (exchange.data / "bots" / "secret").rglob("*") if p.is_file()]
    assert len(files) >= 3
    assert all(secret.encode() not in file.read_bytes() for file in files)
    assert dataclasses.is_dataclass(what)
