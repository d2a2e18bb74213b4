"""The page on a bot's own port; in a browser: tests/outside/test_page_bots.py."""

import asyncio
import json
import sys

import pytest
from past_bot import leave_bot

from steelyard.cli.trader_page import NO_DESK, TraderPage
from steelyard.cli.trader_site import BotSite
from steelyard.dashboard.headers import PAGE_HEADERS, PRIVATE_HEADERS
from steelyard.wire.http import Request, Response

TOKEN, PORT = "t0ken", 8620


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return leave_bot(tmp_path_factory.mktemp("own-page"))


@pytest.fixture
def notes():
    return []


@pytest.fixture
def asked(data, notes):
    """Return what sends a request to a bot's port and returns the answer."""

    def asked(method: str, target: str, token: str | None = TOKEN, body=b"", **headers) -> Response:
        async def main() -> Response:
            answers: list[Response] = []
            tasks = []
            page = TraderPage(data, "sandbox", 5_000_000, notes.append)
            site = BotSite(
                None, TOKEN, lambda work: tasks.append(asyncio.create_task(work)), page=page
            )
            site.port = PORT
            named = {"host": f"127.0.0.1:{PORT}", **headers}
            if token is not None:
                named["x-steelyard-token"] = token
            site.http(Request(method, target, named, body), "127.0.0.1", answers.append)
            await asyncio.gather(*tasks)
            await site.close()
            (answer,) = answers
            return answer

        return asyncio.run(main())

    return asked


def test_the_page_is_open_and_says_that_there_is_no_desk(asked):
    """With the headers of a page, and to loopback only."""
    answer = asked("GET", "/", token=None)
    assert answer.status == 200
    assert NO_DESK in answer.body
    assert PAGE_HEADERS.items() <= answer.headers.items()
    assert asked("GET", "/", host="evil.example").status == 403
    assert asked("POST", "/").status == 405
    assert asked("GET", "/assets/../bot.json").status == 404


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/page/session"),
        ("GET", "/page/bots"),
        ("GET", "/page/why?bot=dip"),
        ("POST", "/page/kill"),
        ("POST", "/page/resume"),
        ("POST", "/page/breaker"),
    ],
)
def test_what_it_asks_needs_the_bots_token(asked, method, target):
    for token in (None, "", "another"):
        assert asked(method, target, token=token).status == 401
    assert asked(method, target, origin="https://evil.example").status == 403
    answer = asked(method, target)
    assert answer.status in (200, 400)
    assert PRIVATE_HEADERS.items() <= answer.headers.items()


def test_every_bot_of_the_directory_is_there(asked):
    session = json.loads(asked("GET", "/page/session").body)
    assert (session["market"], session["environment"], session["started"]) == ("none", "sandbox", 5)
    (bot,) = json.loads(asked("GET", "/page/bots").body)["bots"]
    assert (bot["name"], bot["status"]) == ("dip", "stopped")
    why = json.loads(asked("GET", "/page/why?bot=dip").body)
    assert why["gates"][0]["gate"] == "process"
    assert asked("GET", "/page/weather").status == 404
    refused = asked("POST", "/page/kill", body=b'{"bot": "dip", "confirm": "dop"}')
    assert (refused.status, b"type the bot's name" in refused.body) == (400, True)


def test_what_nobody_has_foreseen_is_answered_and_ends_nobody(asked, notes, monkeypatch):
    """The tasks of a port end the bot if they fail: this one does not fail."""
    monkeypatch.setattr(sys, "executable", None)  # no process can be started
    answer = asked("GET", "/page/why?bot=dip")
    assert (answer.status, b"its log has more" in answer.body) == (500, True)
    assert "Traceback" in notes[0]
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    answer = asked("GET", "/page/why?bot=dip")
    assert (answer.status, b"steelyard why dip" in answer.body) == (502, True)
