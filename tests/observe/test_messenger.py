"""The process that delivers, by its pipes; what it tells to goes to loopback."""

import socket
import subprocess
import sys

import msgspec
import pytest
from mail_server import MailServer

from steelyard.observe.alerts import Grade, Notice
from steelyard.observe.messenger import Delivered, FromMessenger, Problem, Targets, Tell

pytest.importorskip("apprise", reason="apprise is not installed: steelyard[alerts]")
pytestmark = pytest.mark.slow


def told(targets: dict[str, str], *notices: Notice, raw: bytes = b"") -> list:
    """Return what a messenger says that is given these, and then no more."""
    aim = Targets(targets, 900 * 10**9, 60)
    lines = [msgspec.json.encode(message) for message in (aim, *map(Tell, notices))]
    done = subprocess.run(
        [sys.executable, "-m", "steelyard.observe.messenger"],
        input=b"\n".join([*lines, raw]),
        capture_output=True,
        check=True,
        timeout=60,
    )
    return [msgspec.json.decode(line, type=FromMessenger) for line in done.stdout.splitlines()]


def notice(text: str, **more) -> Notice:
    return Notice(
        **{"bot": "dip", "kind": "k", "grade": Grade.WARNING, "time_ns": 0, **more}, text=text
    )


def test_the_same_is_told_once_and_its_number_at_the_end():
    """Half a line, of a bot that was killed while it wrote, is passed over."""
    with MailServer() as server:
        same = [notice(f"number {n}") for n in range(20)]
        said = told({"m": server.address()}, *same, raw=b'{"type": "Tell", "not')
        assert sum(it.count for it in said) == 2
        whole = "".join(server.texts())
        assert "number 0" in whole
        assert "19 more in 15 min; the last: number 19" in whole
        assert "number 5" not in whole


def test_who_cannot_be_told_is_said_and_the_others_are_told():
    with MailServer() as server:
        said = told({"bad": "nowhere://canary", "m": server.address()}, notice("x"))
        assert [type(it) for it in said] == [Problem, Delivered]
        assert said[0].label == "bad"
        assert "canary" not in said[0].why
        assert len(server.mails) == 1


def test_only_those_whom_it_concerns_are_told():
    with MailServer() as one, MailServer() as other:
        targets = {"one": one.address(), "other": other.address()}
        told(targets, notice("x", to=("other",)), notice("y", kind="l"))
        assert "\nx\n" not in "".join(one.texts())
        assert "\ny\n" in "".join(one.texts())
        assert "\nx\n" in "".join(other.texts())


def test_what_comes_while_a_target_is_busy_goes_in_one_message():
    """A server takes one message in five seconds, of however many orders."""
    with MailServer() as server:
        many = [notice(f"order {n};", one_by_one=True) for n in range(30)]
        said = told({"m": server.address()}, *many)
        assert sum(it.count for it in said) == 30
        assert len(server.mails) <= 2
        whole = "".join(server.texts())
        assert [n for n in range(30) if f"order {n};" not in whole] == []


def test_a_target_that_hangs_holds_up_no_other():
    with socket.create_server(("127.0.0.1", 0)) as silent, MailServer() as server:
        hangs = f"mailto://127.0.0.1:{silent.getsockname()[1]}/me@example.com"
        targets = {"hangs": f"{hangs}?from=bot@example.com&mode=insecure", "m": server.address()}
        assert told(targets, notice("x"))[0] == Delivered("m", 1)


def test_a_server_that_is_away_for_a_moment_is_asked_again():
    """Two seconds later, while the process lives."""
    with MailServer(refuses=1) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "steelyard.observe.messenger"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for message in (Targets({"m": server.address()}, 10**9, 60), Tell(notice("x"))):
            process.stdin.write(msgspec.json.encode(message) + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        process.stdin.close()
        process.stdout.close()
        assert process.wait(30) == 0
        assert msgspec.json.decode(line, type=FromMessenger) == Delivered("m", 1)
        assert len(server.mails) == 1
