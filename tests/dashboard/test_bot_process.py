"""What a directory tells of a bot's process; asked over its port: tests/cli/test_kill.py."""

import asyncio
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from steelyard.dashboard.bot_process import ask_to_die, document_of, last_word, lift
from steelyard.domain.errors import UsageError
from steelyard.store.datadir import Directory
from steelyard.store.latch import Latch

GHOST = {"pid": 2**22 - 3, "port": 1, "token": "t"}


@pytest.fixture
def left(tmp_path):
    """Return what leaves a bot's directory with these files."""

    def leave(**files):
        directory = tmp_path / "bots" / "dip"
        Directory(directory).close()
        for file, document in files.items():
            (directory / f"{file}.json").write_text(json.dumps(document))
        return tmp_path

    return leave


def test_a_bot_that_stopped_in_order_has_nothing_on_its_way(left):
    data = left(bot={"symbol": "BTC-USDT"}, ended={"code": 0, "why": "SIGTERM"})
    assert last_word(data, "dip").is_gone
    replied = asyncio.run(ask_to_die(data, "dip"))
    assert (replied.is_settled, replied.answered, replied.is_alive) == (True, False, False)


def test_a_bot_that_crashed_may_have(left):
    """Its port file is still there."""
    replied = asyncio.run(ask_to_die(left(ports=GHOST), "dip"))
    assert (replied.is_settled, replied.is_gone, replied.is_alive) == (False, False, False)
    assert replied.steps == ("the bot is not running",)


def test_a_bot_that_fell_over_may_have_too(left):
    """It took its port file along on its way out, and said nothing of how it ended."""
    replied = asyncio.run(ask_to_die(left(bot={"symbol": "BTC-USDT"}), "dip"))
    assert (replied.is_settled, replied.is_gone, replied.is_alive) == (False, False, False)


@pytest.mark.parametrize("ports", [{"token": None}, {"port": "x"}, {"port": 0}, {"token": "a\nb"}])
def test_a_port_file_that_says_nowhere_stops_no_kill(left, ports):
    data = left(ports={**GHOST, "pid": os.getpid(), **ports})
    replied = asyncio.run(ask_to_die(data, "dip"))
    assert (replied.answered, replied.is_settled) == (False, False)
    assert "its port file is damaged" in replied.steps[0]


def test_who_answers_on_a_bots_port_and_is_none_has_stopped_nothing(left):
    """The port of a bot that is gone may be somebody else's by now."""

    class Somebody(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b'{"canceled": "many"}'
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Somebody) as server:
        Thread(target=server.handle_request).start()
        ports = {**GHOST, "pid": os.getpid(), "port": server.server_port}
        replied = asyncio.run(ask_to_die(left(ports=ports), "dip"))
    assert (replied.answered, replied.is_settled, replied.canceled) == (False, False, 0)


def test_a_bot_that_does_not_answer_is_gone_on_without(left):
    replied = asyncio.run(ask_to_die(left(ports={**GHOST, "pid": os.getpid()}), "dip"))
    assert (replied.is_settled, replied.is_alive, replied.answered) == (False, True, False)
    assert replied.steps[0].endswith("acting without it")


def test_a_lift_reaches_a_bot_that_does_not_run(left):
    data = left(bot={"symbol": "BTC-USDT"})
    Latch(data, "dip").set("x", "y", 1)
    found = asyncio.run(lift(data, "dip", "looked at it", "bob"))
    assert found == {"resumed": True, "bot_answered": False}
    assert not Latch(data, "dip").is_set
    assert Latch(data, "dip").lifted_since(1) == "looked at it (bob)"


def test_an_unknown_bot_is_said(left):
    with pytest.raises(UsageError, match="no bot 'nobody' here; there are: dip"):
        document_of(left(), "nobody")


def test_the_kill_switch_loads_nothing_of_an_exchange():
    """It starts in half the time without; what it needs of one, it loads when it must."""
    code = "import sys, steelyard.cli.kill; print([m for m in sys.modules if '.exchange' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
