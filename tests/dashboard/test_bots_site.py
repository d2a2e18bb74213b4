"""What a page may ask about bots, over its port; the guard's part is in test_site."""

import json
from urllib.parse import quote

import pytest
from exchange_here import ExchangeHere
from ghost_bot import leave_ghost
from past_bot import leave_bot

from steelyard.store.datadir import latch_file, read_token
from tests.dashboard.test_site import ask


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    with ExchangeHere(tmp_path_factory.mktemp("site") / "data", "--crowd", "1") as running:
        leave_bot(running.data)
        yield running


@pytest.fixture
def said(exchange):
    """Return what asks, with the token: the status and the document."""
    token = read_token(exchange.data / "exchange")

    def said(method: str, path: str, **body) -> tuple[int, dict]:
        data = json.dumps(body).encode() if body else None
        status, _, content = ask(exchange, method, path, token=token, body=data)
        return status, json.loads(content)

    return said


def test_every_bot_is_listed_running_or_not(exchange, said):
    ghost = leave_ghost(exchange)
    status, document = said("GET", "/page/bots")
    bots = {bot["name"]: bot for bot in document["bots"]}
    assert status == 200
    assert (bots["dip"]["status"], bots[ghost]["status"]) == ("stopped", "gone")
    assert bots[ghost]["kill"] is None


def test_a_journal_is_told_in_three_ways(said):
    status, why = said("GET", "/page/why?bot=dip")
    assert (status, why["gates"][0]["gate"]) == (200, "process")
    status, line = said("GET", "/page/timeline?bot=dip")
    assert status == 200
    middle = (line["first"] + line["last"]) // 2
    _, past = said("GET", f"/page/past?bot=dip&at={middle}")
    assert past["written"] <= middle
    _, third = said("GET", "/page/past?bot=dip&sequence=3")
    assert third["sequence"] == 3
    _, now = said("GET", "/page/past?bot=dip")
    assert now["sequence"] == line["sequence"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/page/why", "name the bot"),
        ("/page/why?bot=../exchange", "no bot '../exchange' here"),
        (f"/page/past?bot={quote('--help')}", "no bot '--help' here"),
        ("/page/past?bot=dip&at=soon", "at is a whole number"),
        ("/page/past?bot=dip&at=-1", "at is a whole number"),
        ("/page/past?bot=dip&sequence=99999999999999999999", "sequence is a whole number"),
        ("/page/timeline?bot=dip&from=1e3", "from is a whole number"),
    ],
)
def test_what_is_asked_wrongly_is_answered_with_how(said, path, words):
    status, document = said("GET", path)
    assert status == 400
    assert words in document["error"]["message"]


def test_a_kill_is_started_followed_and_lifted(exchange, said):
    ghost = leave_ghost(exchange)
    status, document = said("POST", "/page/kill", bot=ghost, confirm="another")
    assert (status, document["error"]["code"]) == (400, "REFUSED")
    status, document = said("POST", "/page/kill", bot=ghost, confirm=ghost)
    assert (status, document["kill"]["over"]) == (200, False)
    assert latch_file(exchange.data, ghost).exists()
    while not document["kill"]["over"]:
        _, document = said("GET", f"/page/kill?bot={ghost}")
    assert document["kill"]["result"]["verified"]
    _, listed = said("GET", "/page/bots")
    (mine,) = [bot for bot in listed["bots"] if bot["name"] == ghost]
    assert mine["kill"]["over"]
    assert said("POST", "/page/resume", bot=ghost, who="ann", why="well again")[0] == 200
    assert not latch_file(exchange.data, ghost).exists()
    assert said("GET", f"/page/kill?bot={ghost}")[1] == {"kill": None}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/page/kill", {"bot": "dip", "confirm": "dip", "force": True}),
        ("/page/kill", {"bot": "x" * 201, "confirm": "x"}),
        ("/page/kill", {"bot": "dip", "confirm": "dip", "drill": "yes"}),
        ("/page/kill", {"bot": "dip", "confirm": "dip", "why": "x" * 201}),
        ("/page/resume", {"bot": "dip", "why": "x" * 501}),
        ("/page/breaker", {"bot": "dip", "name": "rejects"}),
    ],
)
def test_a_body_has_known_fields_of_bounded_size(exchange, said, path, body):
    assert said("POST", path, **body)[0] == 400
    assert not latch_file(exchange.data, "dip").exists()


def test_a_breaker_of_a_bot_that_does_not_run_is_said(said):
    asked = {"bot": "dip", "name": "rejects", "who": "ann", "why": "well"}
    status, document = said("POST", "/page/breaker", **asked)
    assert status == 400
    assert "dip does not run" in document["error"]["message"]
