"""The bots' pages in a real browser, of a real bot that trades, is refused, trips and is killed.

What the page says is held against what the command line says of the same bot. The tests share one
exchange and one bot, and the kills come last.
"""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from bot_process import Bot, config_text, open_account
from exchange_here import ExchangeHere
from native_client import Client
from page_visit import ASKED_S, WIDE, overflow
from past_bot import leave_bot
from playwright.sync_api import expect

from steelyard.store.datadir import latch_file
from steelyard.trading.records import BreakerResumed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PHONE = (390, 844)
KILLED_S = 60
PARTS = ("", "/risk", "/journal", "/metrics")

# Three orders rest, one is filled, one is too large for a limit, and one for the account.
TALKS = """
from steelyard.trading.strategy import Strategy

class Talks(Strategy):
    def on_start(self):
        for price in ("30000", "30001", "30002"):
            self.buy("0.001", price)
        self.buy("0.004")
        self.every("500ms")
        self.turns = 0

    def on_timer(self, timer):
        self.turns += 1
        if self.turns == 2:
            self.buy("100", "30000")
        if self.turns == 4:
            self.sell("0.3", "100000")
        if self.turns % 5 == 0:
            self.sell("0.0001")
"""
RISK = """
max_daily_loss = "5000"

[breakers]
rejects = { threshold = 1, window = "1m", resume = "person" }
volatility = "off"
"""


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with ExchangeHere(tmp_path_factory.mktemp("venue") / "data", "--crowd", "1") as running:
        leave_bot(running.data, "old", is_measured=True)
        yield running


@pytest.fixture(scope="module")
def bot(venue):
    """A bot in the exchange's own directory, whose breaker has tripped."""
    (venue.data / "talks.py").write_text(TALKS)
    text = config_text(venue, "dip", strategy="talks:Talks", params="{ }")
    text = text.replace("max_open_orders = 5", "max_open_orders = 4")
    text = text.replace('max_order_notional = "10000"', 'max_order_notional = "100000"')
    text = text.replace('price_collar = "2%"', 'price_collar = "100%"') + RISK
    with Bot(venue.data, text, open_account(venue, "dip"), "dip") as running:
        running.wait(lambda s: any(b["state"] == "tripped" for b in s["breakers"]))
        running.wait(lambda s: len(s["orders"]) == 3 and s["fills"])
        yield running


@pytest.fixture
def look(venue, visit):
    """Return what opens a part of the bots' pages."""

    def look(path: str, size=WIDE, theme="dark"):
        token = (venue.data / "exchange" / "admin.token").read_text().strip()
        seen = visit(f"{venue.ready['page']}#token={token}", size, theme)
        expect(seen.page.get_by_role("link", name="Bots")).to_be_visible(timeout=ASKED_S * 1_000)
        seen.page.evaluate(f"location.hash = '#/bots{path}'")
        return seen

    return look


def commanded(bot: Bot, *words: str) -> str:
    """Return what a command prints."""
    command = [sys.executable, "-m", "steelyard.cli.main", *words, "--data", str(bot.data)]
    environment = {**os.environ, "COLUMNS": "500", "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    return done.stdout.decode()


def slid(page, share: float) -> str:
    """Drag the slider to a share of what is on show; return the moment that is then shown."""
    box = page.get_by_role("slider", name="Moment").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, y)
    page.mouse.move(box["x"] + box["width"] * share, y, steps=5)
    page.mouse.up()
    return page.get_by_label("The moment on show").inner_text()


def words_shown(page) -> list[str]:
    lines = page.get_by_role("region", name="How it was then").locator(".words p").all()
    return [line.text_content() for line in lines]


def test_every_bot_is_listed_with_how_it_stands(bot, look):
    """One that runs by its own word, one that does not by its files."""
    seen = look("")
    row = seen.page.get_by_role("link", name="dip, gated")
    expect(row).to_contain_text("the breaker rejects has tripped", timeout=ASKED_S * 1_000)
    expect(row).to_contain_text("near its limit: max_open_orders")
    expect(row).to_contain_text("3 open")
    expect(seen.page.get_by_role("link", name="old, stopped")).to_be_visible()
    row.click()
    expect(seen.page.get_by_role("region", name="Bot dip")).to_be_visible()
    assert seen.errors == []
    assert seen.foreign == []


def test_why_is_what_the_command_line_says(bot, look):
    """The answer, each gate, and a wish with what stopped it."""
    seen = look("/dip")
    why = seen.page.get_by_role("region", name="Why")
    gates = why.get_by_role("region", name="Gates").get_by_role("listitem")
    said = json.loads(commanded(bot, "why", "dip", "--json"))
    expect(gates).to_have_count(len(said["gates"]), timeout=ASKED_S * 1_000)
    told = [gate["gate"] for gate in said["gates"] if not gate["passes"]]
    assert "breakers" in told
    expect(gates.filter(has_text="stops")).to_have_count(len(told))
    expect(why).to_contain_text(said["answer"].partition(";")[0])
    lines = why.get_by_role("region", name="Signals and what became of them")
    stopped = lines.get_by_role("listitem").filter(has_text="stopped by max_order_notional")
    expect(stopped).to_have_count(1)
    orders = seen.page.get_by_role("region", name="Open orders").get_by_role("row")
    expect(orders).to_have_count(4)
    assert seen.errors == []


def test_a_limit_that_is_near_says_so_in_words_and_a_breaker_resumes_by_a_persons(bot, look):
    """The bar has a number, a limit and a unit; who resumed it and why is in the journal."""
    seen = look("/dip/risk", PHONE, "light")
    page = seen.page
    meter = page.get_by_role("meter", name="max_open_orders")
    expect(meter).to_have_attribute(
        "aria-valuetext", "3 of 4 , near its limit", timeout=ASKED_S * 1_000
    )
    expect(page.get_by_text("near its limit", exact=True)).to_have_count(1)
    expect(page.get_by_role("meter", name="max_daily_loss")).to_have_attribute(
        "aria-valuetext", re.compile("of 5000 USDT$")
    )
    breakers = page.get_by_role("region", name="Breakers")
    held = breakers.get_by_role("listitem").filter(has_text="tripped")
    expect(held).to_contain_text("the venue refused 1 orders within 1m")
    expect(held).to_contain_text("since")
    held.get_by_role("button", name="Resume rejects").click()
    form = held.get_by_role("form", name="Resume rejects")
    form.get_by_role("button", name="Resume rejects").click()
    expect(form).to_be_visible()
    form.get_by_label("Your name").fill("Ann")
    form.get_by_label("Why it may resume").fill("the account is funded")
    form.get_by_role("button", name="Resume rejects").click()
    expect(held).to_have_count(0, timeout=ASKED_S * 1_000)
    expect(breakers.get_by_role("listitem").filter(has_text="armed")).to_have_count(6)
    query = "SELECT message FROM events WHERE kind = 'BreakerResumed'"
    (row,) = json.loads(commanded(bot, "query", "dip", query, "--json"))["rows"]
    found = json.loads(row["message"])
    assert found == {"type": BreakerResumed.__name__, "name": "rejects", "who": "Ann",
                     "why": "the account is funded"}  # fmt: skip
    assert overflow(page) <= 0
    assert seen.errors == []


def test_the_slider_shows_any_moment_as_replay_does(bot, look):
    """Dragged, by keys, by events and typed: the same words and figures as the command's."""
    seen = look("/dip/journal")
    page = seen.page
    slider = page.get_by_role("slider", name="Moment")
    expect(slider).to_be_visible(timeout=ASKED_S * 1_000)
    then = page.get_by_role("region", name="How it was then")
    for share in (0.7, 0.35, 0.02):
        at = slid(page, share)
        expect(then.get_by_text(f"steelyard replay dip --at {at}")).to_be_visible()
        said = commanded(bot, "replay", "dip", "--at", at).splitlines()
        expect(then.locator(".words p")).to_have_count(len(said))
        expect(then.locator(".words p").first).to_have_text(said[0])
        assert words_shown(page) == said
    why = json.loads(commanded(bot, "why", "dip", "--at", at, "--json"))
    expect(page.get_by_role("region", name="Why then")).to_contain_text(why["answer"])

    slider.press("ArrowRight")
    moved = page.get_by_label("The moment on show").inner_text()
    assert moved > at
    slider.press("Shift+ArrowLeft")
    back = page.get_by_label("The moment on show").inner_text()
    assert at < back < moved

    page.get_by_role("button", name="Event behind").click()
    expect(then).to_contain_text("--sequence")
    command = then.get_by_role("code").inner_text()
    expect(then.locator(".words p").first).to_contain_text(f"record {command.split()[-1]} of")
    assert words_shown(page) == commanded(bot, *command.split()[1:]).splitlines()

    page.get_by_label("Moment", exact=True).last.fill("yesterday")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.get_by_text("write a time in UTC")).to_be_visible()
    page.get_by_label("Moment", exact=True).last.fill("2020-01-01")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(then).to_contain_text("nothing was written by then")
    page.get_by_role("button", name="Now").click()
    expect(page.get_by_label("The moment on show")).to_have_text("now")
    assert seen.errors == []


def test_metrics_are_those_that_the_bot_measures(bot, look):
    """Each number with what it is about; as the bot's own port has them."""
    seen = look("/dip/risk")
    expect(seen.page.get_by_role("meter", name="max_position")).to_be_visible(timeout=10_000)
    opened: list[str] = []
    seen.page.on("websocket", lambda socket: opened.append(socket.url))
    seen.page.get_by_role("link", name="Metrics").click()
    for _ in range(2):
        seen.page.wait_for_event("response", lambda answer: answer.url.endswith("/page/bots"))
    orders = seen.page.get_by_role("region", name="Orders and fills")
    expect(orders).to_contain_text("1 refused by the venue: insufficient balance 1", timeout=10_000)
    measures = bot.state()["measures"]
    assert sum(measures["refusals"].values()) == 1
    queue = seen.page.get_by_role("region", name="Queue position")
    expect(queue.get_by_role("row")).to_have_count(4)
    expect(queue).to_contain_text("30,001.00")
    latencies = seen.page.get_by_role("region", name="Latencies")
    assert opened == [], "the stream is kept while the list of bots changes"
    for step in ("Decision", "Wire", "Ack", "Fill"):
        expect(latencies.get_by_role("img", name=f"{step}: half ≤")).to_be_visible()
    budget = seen.page.get_by_role("region", name="Budget").get_by_role("meter")
    expect(budget).to_have_count(len(bot.state()["pacing"]["limits"]))
    adverse = seen.page.get_by_role("region", name="Adverse selection")
    for after in ("after 1 s", "after 5 s", "after 30 s"):
        expect(adverse).to_contain_text(after)
    expect(seen.page.get_by_role("region", name="Liquidity")).to_contain_text("0.1 %")
    assert seen.errors == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_part_fits_a_phone_also_of_a_bot_that_does_not_run(bot, look, theme):
    """Nothing is wider than the window, and what is missing says what to do."""
    seen = look("", PHONE, theme)
    for name in ("dip", "old"):
        for part in PARTS:
            seen.page.evaluate(f"location.hash = '#/bots/{name}{part}'")
            expect(seen.page.get_by_role("region", name=f"Bot {name}")).to_be_visible()
            expect(seen.page.get_by_role("navigation", name=f"Parts of {name}")).to_be_visible()
            assert overflow(seen.page) <= 0
    measured = seen.page.get_by_role("region", name="Metrics")
    expect(measured).to_contain_text("It does not run. Of its last run", timeout=ASKED_S * 1_000)
    orders = json.loads(commanded(bot, "replay", "old", "--json"))["measures"]["orders"]
    expect(measured.get_by_role("definition").first).to_have_text(str(orders))
    assert overflow(seen.page) <= 0
    expect(seen.page.get_by_text("steelyard query old")).to_be_visible()
    seen.page.evaluate("location.hash = '#/bots/nobody'")
    expect(seen.page.get_by_text("There is no bot called nobody")).to_be_visible()
    assert seen.errors == []


def test_without_the_token_no_bot_is_shown(venue, bot, visit):
    seen = visit(f"{venue.ready['page']}#/bots/dip")
    expect(seen.page.get_by_text("open the link that")).to_be_visible()
    assert seen.page.get_by_role("button", name="Kill switch of dip").count() == 0
    assert seen.errors == []


def test_a_bots_own_port_has_the_page_too_without_a_desk(bot, visit):
    """All bots of the directory, though no exchange is asked; and nothing of an account."""
    seen = visit(bot.ready["page"])
    page = seen.page
    expect(page.get_by_role("link", name="old, stopped")).to_be_visible(timeout=ASKED_S * 1_000)
    page.get_by_role("link", name="dip,").click()
    expect(page.get_by_role("region", name="Gates").get_by_role("listitem").first).to_contain_text(
        "it runs", timeout=ASKED_S * 1_000
    )
    expect(page.get_by_role("button", name="Kill switch of dip")).to_be_visible()
    expect(page.get_by_role("link", name="Desk")).to_have_count(0)
    assert "token" not in page.url
    assert seen.foreign == []
    assert seen.errors == []


def test_a_rehearsal_says_what_would_be_done_and_does_nothing(venue, bot, look):
    seen = look("/dip")
    page = seen.page
    page.get_by_role("button", name="Kill switch of dip").click()
    dialog = page.get_by_role("dialog", name="Kill switch of dip")
    dialog.get_by_label("Rehearse only").check()
    dialog.get_by_role("button", name="Rehearse", exact=True).click()
    expect(dialog.get_by_text("It would have worked")).to_be_visible(timeout=KILLED_S * 1_000)
    expect(dialog.get_by_text("would be sent: cancel all orders")).to_be_visible()
    assert not latch_file(bot.data, "dip").exists()
    assert len(bot.state()["orders"]) == 3
    assert seen.errors == []


def test_a_frozen_bot_is_killed_by_its_typed_name_and_let_go_again(venue, bot, look):
    """By keys alone, on a phone: a process of its own counts zero at the venue, and closes."""
    seen = look("/dip", PHONE)
    page = seen.page
    key = venue.steelyard("key", "create", "dip", "--dialect", "native", "--scopes", "read")
    eye = Client(venue.url("native"), key)
    bot.send_signal(signal.SIGSTOP)
    try:
        seen.page.reload()
        seen.page.evaluate("location.hash = '#/bots/dip/risk'")
        held = page.get_by_role("region", name="Breakers")
        last = re.compile("None had tripped by its last word|rejects has tripped at")
        expect(held).to_contain_text(last, timeout=ASKED_S * 1_000)
        page.get_by_role("link", name="Metrics").click()
        expect(page.get_by_role("region", name="Metrics")).to_contain_text("does not answer")
        page.get_by_role("link", name="Now and why").click()
        button = page.get_by_role("button", name="Kill switch of dip")
        button.focus()
        button.press("Enter")
        dialog = page.get_by_role("dialog", name="Kill switch of dip")
        expect(dialog.get_by_label("Type dip to confirm")).to_be_focused()
        page.keyboard.type("dip")
        dialog.get_by_label("Close the position too").press("Space")
        dialog.get_by_label("Why").fill("it hangs")
        page.keyboard.press("Enter")
        steps = dialog.get_by_role("list", name="Steps")
        expect(steps).to_contain_text("trading latched off", timeout=ASKED_S * 1_000)
        assert "it hangs, on the page" in latch_file(bot.data, "dip").read_text()
        proof = dialog.get_by_text("Zero open orders, verified by the venue")
        expect(proof).to_be_visible(timeout=KILLED_S * 1_000)
        expect(steps).to_contain_text("the bot did not answer")
        assert eye.ask("GET", "/api/v1/orders?open=true")["orders"] == []
        assert overflow(page) <= 0
    finally:
        bot.send_signal(signal.SIGCONT)
        eye.close()
    bot.wait(lambda s: s["status"] == "killed" and s["orders"] == [])
    expect(page.get_by_role("region", name="Bot dip")).to_contain_text("it hangs")
    dialog.get_by_role("button", name="Let it trade again").click()
    expect(dialog).to_be_hidden(timeout=ASKED_S * 1_000)
    bot.wait(lambda s: s["status"] != "killed")
    query = "SELECT COUNT(*) AS n FROM events WHERE kind = 'Killed'"
    assert json.loads(commanded(bot, "query", "dip", query, "--json"))["rows"] == [{"n": 1}]
    assert seen.errors == []
