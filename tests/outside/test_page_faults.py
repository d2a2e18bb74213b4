"""The panel of faults in a real browser: what it sets and clears, the exchange has, and others."""

import pytest
from exchange_here import ExchangeHere
from native_client import Client, Refused
from page_visit import ASKED_S, NARROW, WIDE, overflow
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow


@pytest.fixture
def exchange(tmp_path):
    with ExchangeHere(tmp_path / "data", "--crowd", "1") as running:
        yield running


def link(exchange) -> str:
    token = (exchange.data / "exchange" / "admin.token").read_text().strip()
    return f"{exchange.ready['page']}#token={token}"


def panel(page: Page):
    """Open the panel."""
    page.get_by_role("button", name="Faults of this exchange").click()
    found = page.get_by_role("dialog", name="Faults")
    expect(found.get_by_text("None: this exchange behaves.")).to_be_visible()
    return found


def in_force(exchange) -> list[dict]:
    return exchange.steelyard("faults", "list")["faults"]


@pytest.mark.parametrize(
    ("size", "theme"), [(WIDE, "dark"), (NARROW, "light")], ids=["wide-dark", "narrow-light"]
)
def test_a_fault_is_set_seen_to_strike_and_cleared(exchange, visit, size, theme):
    """It is the one that `steelyard faults list` shows; a client meets it, and the panel counts."""
    seen = visit(link(exchange), size, theme)
    shown = panel(seen.page)
    shown.get_by_label("What happens").select_option("refused")
    shown.get_by_label("API").select_option("native")
    shown.get_by_label("Where").fill("GET /api/v1/account")
    shown.get_by_label("Status").select_option("429")
    shown.get_by_label("Says to wait").fill("7s")
    shown.get_by_label("How often").fill("2")
    shown.get_by_role("button", name="Set fault").click()
    row = shown.get_by_role("listitem").filter(has_text="refused")
    expect(row).to_contain_text("429, again in 7 s", timeout=ASKED_S * 1_000)
    expect(row).to_contain_text("native · GET /api/v1/account")
    (fault,) = in_force(exchange)
    told = (fault["fault"], fault["dialect"], fault["status"], fault["retry_after_ms"])
    assert told == ("refused", "native", 429, 7_000)
    assert (fault["times"], fault["chance_e6"]) == (2, 10**6)
    client = Client(
        exchange.url("native"), exchange.trader("alice", {"USDT": "9"}, dialect="native")
    )
    with pytest.raises(Refused):
        client.ask("GET", "/api/v1/account")
    expect(row).to_contain_text("1 of 2 struck, 1 met", timeout=ASKED_S * 1_000)
    assert overflow(seen.page) <= 0
    shown.get_by_role("button", name="Clear fault 1, refused").click()
    expect(shown.get_by_text("None: this exchange behaves.")).to_be_visible()
    assert in_force(exchange) == []
    assert client.ask("GET", "/api/v1/account")
    client.close()
    assert seen.foreign == []
    assert seen.complaints() == []


def test_each_kind_asks_for_what_is_its_own_and_mistakes_are_shown(exchange, visit):
    """What is mistyped is said at its field; what the exchange refuses, beside the button."""
    seen = visit(link(exchange))
    shown = panel(seen.page)
    shown.get_by_label("What happens").select_option("clock-skew")
    expect(shown.get_by_label("How often")).to_have_count(0)
    shown.get_by_label("Ahead by").fill("soon")
    shown.get_by_role("button", name="Set fault").click()
    expect(shown.get_by_text("write a time such as 500ms, 3s or 2m")).to_be_visible()
    shown.get_by_label("Ahead by").fill("-3s")
    shown.get_by_role("button", name="Set fault").click()
    expect(shown.get_by_role("listitem")).to_contain_text("-3 s", timeout=ASKED_S * 1_000)
    shown.get_by_label("What happens").select_option("partial-fills")
    shown.get_by_label("Parts of its size").fill("0.9, 0.9")
    shown.get_by_role("button", name="Set fault").click()
    expect(shown.get_by_role("alert")).to_contain_text("come to at most 1")
    shown.get_by_label("Parts of its size").fill("0.5, 0.3, 0.2")
    shown.get_by_role("button", name="Set fault").click()
    expect(shown.get_by_role("listitem")).to_have_count(2, timeout=ASKED_S * 1_000)
    assert [fault["fault"] for fault in in_force(exchange)] == ["clock-skew", "partial-fills"]
    shown.get_by_role("button", name="Clear all").click()
    expect(shown.get_by_role("listitem")).to_have_count(0)
    assert in_force(exchange) == []
    assert seen.complaints() == []


def test_without_the_token_there_is_no_panel(exchange, visit):
    """Who only looks sets nothing."""
    seen = visit(exchange.ready["page"])
    seen.book()
    expect(seen.page.get_by_role("button", name="Faults of this exchange")).to_have_count(0)
