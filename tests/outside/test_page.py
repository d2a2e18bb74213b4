"""The built page in a real browser: what it shows of a live exchange, and whom it asks."""

import json
import signal
import subprocess
import sys

import pytest
from exchange_here import ExchangeHere
from page_visit import ASKED_S, NARROW, WIDE, overflow
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

MOVING_S, FIRST_FILL_S = 10, 30
KILLED_S = 30


def link(exchange, token=None):
    """The address that the terminal prints."""
    token = token or (exchange.data / "exchange" / "admin.token").read_text().strip()
    return f"{exchange.ready['page']}#token={token}"


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_book_moves_inside_the_window_and_nobody_else_is_asked(exchange, visit, size, theme):
    """The environment is in view, the book changes, no request leaves loopback, nothing fails."""
    seen = visit(link(exchange), size, theme)
    expect(seen.page.get_by_text("sandbox", exact=False).first).to_be_visible()
    book = seen.book()
    expect(book).not_to_have_text(book.inner_text(), timeout=MOVING_S * 1_000)
    assert overflow(seen.page) <= 0
    assert seen.foreign == []
    assert seen.errors == []


def test_candles_come_with_their_history(exchange, visit):
    """The chart has a last close, in each interval, from the moment it is asked for."""
    seen = visit(link(exchange))
    for interval in ("1s", "1m", "5m", "15m", "1h"):
        seen.page.get_by_role("button", name=interval, exact=True).click()
        chart = seen.page.get_by_role("group", name=f"BTC-USDT, {interval} candles; last close")
        expect(chart).to_be_visible(timeout=ASKED_S * 1_000)
    assert seen.errors == []


def test_another_instrument_brings_its_own_book(exchange, visit):
    """Choosing from the list changes book, trades and candles, and the choice is remembered."""
    seen = visit(link(exchange))
    seen.book()
    seen.page.get_by_role("button", name="Instrument: BTC-USDT").click()
    seen.page.get_by_role("option", name="ETH-BTC").click()
    for part in ("Order book of ETH-BTC", "Latest trades of ETH-BTC"):
        expect(seen.page.get_by_role("table", name=part)).to_be_visible()
    seen.page.reload()
    table = seen.page.get_by_role("table", name="Order book of ETH-BTC")
    expect(table).to_contain_text("spread", timeout=ASKED_S * 1_000)
    assert seen.errors == []


def test_a_market_that_is_halted_is_called_so_until_it_opens(exchange, visit):
    """The line under the header says what passes, of the market on show and of no other."""
    seen = visit(link(exchange))
    seen.book()
    exchange.steelyard("exchange", "market", "BTC-USDT", "--state", "halted")
    try:
        line = seen.page.get_by_text("BTC-USDT is halted: prices stand still")
        expect(line).to_be_visible(timeout=ASKED_S * 1_000)
        seen.page.get_by_role("button", name="Instrument: BTC-USDT").click()
        seen.page.get_by_role("option", name="ETH-BTC").click()
        expect(line).to_be_hidden()
    finally:
        exchange.steelyard("exchange", "market", "BTC-USDT", "--state", "open")
    assert seen.errors == []


def test_without_the_token_the_market_is_shown_and_nothing_can_be_pressed(exchange, visit):
    """The page says where the link is, and has no kill switch."""
    seen = visit(exchange.ready["page"])
    seen.book()
    expect(seen.page.get_by_text("open the link that")).to_be_visible()
    assert seen.page.get_by_role("button", name="Kill switch").count() == 0
    assert seen.errors == []


def test_a_token_of_another_start_is_named_as_such(exchange, visit):
    """The market still shows; the one refused request is not repeated for ever."""
    seen = visit(link(exchange, token="old"))
    seen.book()
    expect(seen.page.get_by_text("This link is no longer valid")).to_be_visible()


def test_the_token_leaves_the_address_bar_and_survives_a_reload(exchange, visit):
    """A screenshot or a copied address carries no token; the tab keeps it."""
    seen = visit(link(exchange))
    seen.book()
    assert "token" not in seen.page.url
    seen.page.reload()
    expect(seen.page.get_by_text("No bot is running")).to_be_visible(timeout=ASKED_S * 1_000)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The ready document of a running demo."""
    data = tmp_path_factory.mktemp("page") / "data"
    command = [sys.executable, "-m", "steelyard.cli.main", "demo", "--no-browser", "--json"]
    process = subprocess.Popen(
        [*command, "--port-base", "0", "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    line = process.stdout.readline()
    assert line, f"the demo did not start: exit code {process.wait()}"
    yield json.loads(line)
    process.send_signal(signal.SIGTERM)
    process.wait()
    process.stdout.close()


def test_the_kill_switch_stops_the_bot_verifies_and_lets_it_go_on(demo, visit):
    """A bot with a fill is shown; its name is typed, the count is proven; it can resume."""
    seen = visit(demo["page"])
    page = seen.page
    bot = page.get_by_role("region", name="Bot demo")
    expect(bot.get_by_text("running")).to_be_visible(timeout=ASKED_S * 1_000)
    fills = page.get_by_role("region", name="Orders and fills").get_by_role("row")
    expect(fills.nth(1)).to_contain_text("buy", timeout=FIRST_FILL_S * 1_000)

    page.get_by_role("button", name="Kill switch of demo").click()
    dialog = page.get_by_role("dialog", name="Kill switch of demo")
    dialog.get_by_label("Type demo to confirm").fill("demo")
    dialog.get_by_role("button", name="Kill", exact=True).click()
    proof = dialog.get_by_text("Zero open orders, verified")
    expect(proof).to_be_visible(timeout=KILLED_S * 1_000)
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    expect(bot.get_by_text("Killed", exact=True)).to_be_visible(timeout=ASKED_S * 1_000)

    bot.get_by_role("button", name="Resume trading").click()
    expect(bot.get_by_text("running")).to_be_visible(timeout=ASKED_S * 1_000)
    assert seen.errors == []


def test_who_does_not_type_the_name_kills_nothing(demo, visit):
    """The button waits for the very name; Enter in the field does not go round it."""
    seen = visit(demo["page"])
    seen.page.get_by_role("button", name="Kill switch of demo").click()
    dialog = seen.page.get_by_role("dialog", name="Kill switch of demo")
    button = dialog.get_by_role("button", name="Kill", exact=True)
    field = dialog.get_by_label("Type demo to confirm")
    for typed in ("", "dem", "Demo", "demo2"):
        field.fill(typed)
        expect(button).to_be_disabled()
        field.press("Enter")
    expect(field).to_be_visible()
    seen.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    bot = seen.page.get_by_role("region", name="Bot demo")
    expect(bot.get_by_text("running")).to_be_visible()
    assert seen.errors == []


def test_a_clock_that_is_not_this_machines_is_shown(tmp_path, visit):
    """Frozen, then ahead: whoever reads times on the page knows whose they are."""
    with ExchangeHere(tmp_path / "data", "--crowd", "1") as exchange:
        exchange.steelyard("clock", "freeze")
        seen = visit(link(exchange))
        note = seen.page.get_by_title("The sandbox's clock is not this machine's")
        expect(note).to_contain_text("clock frozen at 2", timeout=ASKED_S * 1_000)
        exchange.steelyard("clock", "advance", "49h")
        exchange.steelyard("clock", "resume")
        expect(note).to_contain_text("clock 2 d", timeout=ASKED_S * 1_000)
        assert seen.errors == []
