"""The messenger's parent, with a real messenger and a mail server on loopback."""

import asyncio
import time

import pytest
from mail_server import MailServer

from steelyard.cli.alerting import WAITING_MAX, Alerting, addresses
from steelyard.domain.errors import ConfigError
from steelyard.observe.alerts import Grade, Notice
from steelyard.observe.messenger import Targets

pytest.importorskip("apprise", reason="apprise is not installed: steelyard[alerts]")
pytestmark = pytest.mark.slow


def notice(text: str, *to: str) -> Notice:
    return Notice("dip", "k", text, Grade.INFO, 0, True, to)


def targets(**found: str) -> Targets:
    return Targets(found, 10**9, 60)


async def until(is_so) -> None:
    async with asyncio.timeout(40):
        while not is_so():  # noqa: ASYNC110 a process's work is looked at from outside
            await asyncio.sleep(0.02)


def test_references_become_addresses():
    assert addresses((), {}) == {}
    assert addresses(("env:A",), {"A": "json://x"}) == {"env:A": "json://x"}
    with pytest.raises(ConfigError, match=r"\[alerts\] env:K is a key and no address"):
        addresses(("env:K",), {"K_KEY": "k", "K_SECRET": "s"})


def test_what_is_told_arrives_and_telling_waits_for_nobody():
    """Also what came before the messenger was up, and what is told to one who was named later."""
    said = []

    async def act() -> None:
        alerting = Alerting(targets(one=one.address()), lambda *words: said.append(words))
        alerting.tell(notice("early"))
        alerting.start()
        await until(lambda: alerting.delivered == 1)
        alerting.aim(targets(other=other.address()))
        began = time.perf_counter()
        for number in range(20):
            alerting.tell(notice(f"late {number}", "other"))
        assert time.perf_counter() - began < 0.5
        await alerting.close()
        assert alerting.delivered == 21

    with MailServer() as one, MailServer() as other:
        asyncio.run(act())
        assert "early" in one.texts()[0]
        assert "late 19" in "".join(other.texts())
    assert said == []


def test_a_messenger_that_is_killed_is_replaced_and_what_waits_is_bounded():
    said = []

    async def act() -> None:
        alerting = Alerting(targets(m=server.address()), lambda *words: said.append(words))
        alerting.start()
        await until(lambda: alerting._process is not None)
        alerting._process.kill()
        await until(lambda: said)
        for number in range(WAITING_MAX + 5):
            alerting.tell(notice(str(number)))
        assert alerting.dropped == 5
        await until(lambda: alerting.delivered > 0)
        await alerting.close()

    with MailServer() as server:
        asyncio.run(act())
        assert server.mails
    assert said[0] == ("alerts.failed", "the messenger has ended; again in 2 s")


@pytest.mark.night
def test_what_is_not_delivered_is_said_to_the_log_without_the_address():
    said = []

    async def act() -> None:
        address = "mailto://bot:canarypassword@127.0.0.1:1/me@example.com?from=bot@example.com"
        alerting = Alerting(
            targets(m=f"{address}&mode=insecure"), lambda *words: said.append(words)
        )
        alerting.start()
        alerting.tell(notice("x"))
        await until(lambda: said)
        await alerting.close()

    asyncio.run(act())
    ((name, text),) = said
    assert name == "alerts.undelivered"
    assert text.startswith("m: Connection error")
    assert "canary" not in text
