"""A bot that tells people what it does, as a user starts it."""

import os
import signal
import time

import pytest
from bot_process import Bot, config_text, open_account
from mail_server import MailServer

pytest.importorskip("apprise", reason="apprise is not installed: steelyard[alerts]")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ALERTS = """
[alerts]
to = ["env:MAIL"]
on = ["orders", "fills", "trouble", "runs"]
"""


@pytest.fixture
def start(exchange, tmp_path):
    bots = []

    def make(name: str, address: str, **changes: str) -> Bot:
        key = open_account(exchange, name)
        environment = {"BOT_KEY": key["key"], "BOT_SECRET": key["secret"], "MAIL": address}
        config = config_text(exchange, name, **changes) + ALERTS
        bots.append(Bot(tmp_path, config, key, name, environment))
        bots[-1].start()
        return bots[-1]

    yield make
    for bot in bots:
        bot.end()


def until(is_so, seconds: float = 40) -> None:
    last = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < last
        time.sleep(0.1)


def test_every_order_and_fill_is_mailed_and_that_it_ends(start, tmp_path):
    """G4: an alert by e-mail when an order is placed; no byte of the password is written."""
    with MailServer() as server:
        bot = start("mails", server.address("canarypassword"))

        def whole() -> str:
            return "".join(server.texts())

        kinds = ("run.started", "order.placed", "order.filled")
        until(lambda: all(f"steelyard mails: {kind}" in whole() for kind in kinds))
        assert bot.stop() == 0
        assert "steelyard mails: run.stopped" in whole()
        assert "buy 0.001 BTC-USDT, " in whole()
        assert len(server.mails) < whole().count("steelyard mails: "), "many in one message"
        assert server.signed_in[0].endswith(b"canarypassword")
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"canarypassword" not in file.read_bytes(), file


def test_a_mail_server_that_hangs_holds_up_no_order_and_is_in_the_log(start):
    """The messenger waits for it, the bot does not; nor does its end for long."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls and says nothing
        port = silent.getsockname()[1]
        address = f"mailto://127.0.0.1:{port}/me@example.com?from=bot@example.com&mode=insecure"
        bot = start("hangs", address)
        known = len(bot.wait(lambda s: len(s["fills"]) >= 2)["fills"])
        bot.wait(lambda s: len(s["fills"]) > known)
        began = time.monotonic()
        assert bot.stop() == 0
        assert time.monotonic() - began < 20


def test_a_messenger_ends_with_a_bot_that_is_killed(start):
    """It reads the end of its pipe; nothing of a bot outlives it."""
    with MailServer() as server:
        bot = start("killed", server.address())
        until(lambda: server.mails)
        children = f"/proc/{bot.process.pid}/task/{bot.process.pid}/children"
        with open(children) as file:  # noqa: PTH123
            (child,) = map(int, file.read().split())
        os.kill(bot.process.pid, signal.SIGKILL)
        bot.join()

        def is_gone() -> bool:
            try:
                os.kill(child, 0)
            except ProcessLookupError:
                return True
            return False

        until(is_gone)
