"""The bots of a directory in a list: from their files, and by their own word where they run."""

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread

import pytest

from steelyard.dashboard.bots import Bots
from steelyard.domain.errors import UsageError
from steelyard.net.loop import run_loop
from steelyard.store.datadir import Directory
from steelyard.store.latch import Latch
from steelyard.testing import LocalExchange
from steelyard.trading.records import BreakerTripped
from tests.cli.conftest import exchange_of_bots  # noqa: F401 a fixture
from tests.cli.test_trader_process import is_running
from tests.cli.trader_bot import running, settings, until

ABOUT = {"symbol": "BTC-USDT", "strategy": "DipBuyer", "key": "k"}
GONE = {"pid": 2**22 - 3, "port": 1, "token": "t", **ABOUT}


class Another(BaseHTTPRequestHandler):
    """Answers as a bot of another version may."""

    def do_GET(self) -> None:
        body = b'{"status": "running", "orders": []}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def leave(tmp_path):
    """Return what leaves a bot's directory with these files."""

    def leave(name: str, **files):
        directory = tmp_path / "bots" / name
        Directory(directory).close()
        for file, document in files.items():
            (directory / f"{file}.json").write_text(json.dumps(document))
        return Bots(tmp_path)

    return leave


def one(bots: Bots, name: str) -> dict:
    found = asyncio.run(bots.summaries())
    return next(bot for bot in found if bot["name"] == name)


def test_how_a_bot_stands_that_says_nothing(leave, tmp_path):
    """Stopped in order, gone without a word, and there but silent are three things."""
    leave("stopped", bot=ABOUT, ended={"why": "Ctrl-C was pressed"})
    leave("gone", bot=ABOUT, ports=GONE)
    bots = leave("silent", bot=ABOUT, ports={**GONE, "pid": os.getpid()})
    stopped, gone, silent = (one(bots, name) for name in ("stopped", "gone", "silent"))
    assert (stopped["status"], stopped["reason"]) == ("stopped", "Ctrl-C was pressed")
    assert (stopped["symbol"], stopped["ws"]) == ("BTC-USDT", None)
    assert gone["status"] == "gone"
    assert "start it again with `steelyard trade`" in gone["reason"]
    assert (silent["status"], silent["ws"]) == ("silent", "ws://127.0.0.1:1/ws")


def test_a_bot_that_fell_over_is_gone_though_its_port_file_is(leave):
    """Its process took it along, and left no word of why."""
    gone = one(leave("fell", bot=ABOUT), "fell")
    assert (gone["status"], "ended without a word" in gone["reason"]) == ("gone", True)


def test_one_that_cannot_be_read_hides_no_other(leave):
    """Damaged port files, a port of something else, a bot of another version."""
    with HTTPServer(("127.0.0.1", 0), Another) as server:
        Thread(target=server.handle_request).start()
        here = {**GONE, "pid": os.getpid()}
        leave("another", bot=ABOUT, ports={**here, "port": server.server_port})
        leave("nowhere", bot=ABOUT, ports={"pid": os.getpid(), **ABOUT})
        leave("odd", bot=ABOUT, ports={**here, "port": "x"})
        bots = leave("torn", bot=ABOUT, ports={**here, "token": "a\nb"})
        found = {bot["name"]: bot for bot in asyncio.run(bots.summaries())}
    assert {bot["status"] for bot in found.values()} == {"silent"}
    assert "not as a bot of this version" in found["another"]["reason"]
    for name in ("nowhere", "odd", "torn"):
        assert "its port file is damaged" in found[name]["reason"]
    assert [bot["name"] for bot in bots.describe()] == ["another", "torn"]


def test_pages_that_look_at_once_ask_once_and_use_no_thread_of_the_loop(leave):
    """Names of venues are looked up by those: bots that hang must not fill them."""

    async def main(bots: Bots) -> list[list[dict]]:
        held, loop = Event(), asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as threads:
            loop.set_default_executor(threads)
            holding = loop.run_in_executor(None, held.wait)
            try:
                async with asyncio.timeout(10):
                    return await asyncio.gather(*(bots.summaries() for _ in range(3)))
            finally:
                held.set()
                await holding

    with HTTPServer(("127.0.0.1", 0), Another) as server:
        Thread(target=server.handle_request).start()
        ports = {**GONE, "pid": os.getpid(), "port": server.server_port}
        first, *others = asyncio.run(main(leave("dip", bot=ABOUT, ports=ports)))
    assert "not as a bot of this version" in first[0]["reason"]
    assert others == [first, first], "a second question would have had no answer"


def test_a_mark_is_told_with_its_words(leave, tmp_path):
    bots = leave("dip", bot=ABOUT)
    Latch(tmp_path, "dip").set("enough", "ann", 5_000_000)
    found = one(bots, "dip")
    assert found["killed"]
    assert found["mark"] == {"why": "enough", "who": "ann", "time_ms": 5}
    assert asyncio.run(bots.resume("dip", "bob", "looked at it"))["resumed"]
    assert Latch(tmp_path, "dip").lifted_since(1) == "looked at it (bob)"
    assert not one(bots, "dip")["killed"]


def test_one_whose_files_are_damaged_hides_no_other(leave, tmp_path):
    leave("well", bot=ABOUT)
    bots = leave("torn")
    (tmp_path / "bots" / "torn" / "bot.json").write_text("{")
    assert [bot["name"] for bot in asyncio.run(bots.summaries())] == ["torn", "well"]
    assert "cannot be read" in one(bots, "torn")["reason"]


def test_a_bot_that_was_stopped_in_order_has_no_place_on_the_desk(leave):
    leave("stopped", bot=ABOUT)
    (described,) = leave("gone", bot=ABOUT, ports=GONE).describe()
    assert (described["name"], described["alive"], described["killed"]) == ("gone", False, False)


def test_what_only_a_running_bot_does_is_said(leave):
    bots = leave("dip", bot=ABOUT)
    answer = asyncio.run(bots.reconcile("dip"))
    assert answer == {"done": False, "text": "the bot does not run; its start compares everything"}
    with pytest.raises(UsageError, match="dip does not run"):
        asyncio.run(bots.resume_breaker("dip", "rejects", "ann", "it is well"))
    with pytest.raises(UsageError, match="say who you are and why"):
        asyncio.run(bots.resume_breaker("dip", "rejects", " ", "it is well"))
    with pytest.raises(UsageError, match="no bot 'nobody' here"):
        asyncio.run(bots.reconcile("nobody"))


def test_a_running_bot_is_asked_and_its_breaker_resumes(exchange_of_bots: LocalExchange):  # noqa: F811
    """The list has its own word; a person's word reaches it with who and why."""
    what, bots = settings(exchange_of_bots, "Idle", "listed"), Bots(exchange_of_bots.data)

    async def found() -> dict:
        return next(bot for bot in await bots.summaries() if bot["name"] == "listed")

    async def main() -> None:
        async with running(what) as process:
            await until(lambda: is_running(process))
            listed = await found()
            assert (listed["status"], listed["open_orders"]) == ("running", 0)
            assert (listed["tripped"], listed["near"]) == ([], [])
            process.trader.turn.record(BreakerTripped("rejects", "by hand", "person"))
            assert (await found())["tripped"] == ["rejects"]
            refused = await bots.resume_breaker("listed", "venue", "ann", "x")
            assert refused == {"done": False, "text": "the breaker venue has not tripped"}
            done = await bots.resume_breaker("listed", "rejects", "ann", "it is well")
            assert done["done"]
            assert (await found())["tripped"] == []

    run_loop(main())
