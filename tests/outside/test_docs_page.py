"""The manual at `/docs` in a real browser: its search, two themes, a phone, and whom it asks."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from steelyard.testing import LocalExchange

pytestmark = pytest.mark.slow

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.mark.parametrize(("size", "theme"), [((1280, 800), "light"), ((400, 860), "dark")])
def test_the_manual_is_read_and_searched(tmp_path, chromium, size, theme):
    """Nothing sticks out, nothing is asked elsewhere, and a search leaves what has the words."""
    asked_hosts: list[str] = []
    errors: list[str] = []
    with LocalExchange(tmp_path / "data") as exchange, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: asked_hosts.append(urlsplit(request.url).netloc))
        url = f"{exchange.url('native')}/docs"
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        routes = page.locator(".route")
        whole = routes.count()
        page.keyboard.press("/")
        page.keyboard.type("trailing activation_price")
        expect(page.locator(".found")).to_have_text(re.compile("^[1-9][0-9]* found$"))
        assert 0 < page.locator(".route:visible").count() < whole
        page.keyboard.press("Escape")
        expect(page.locator(".route:visible")).to_have_count(whole)
        page.get_by_role("searchbox").fill("no such word")
        expect(page.locator(".found")).to_have_text("nothing found")
        page.goto(f"{exchange.url('native')}/docs#SIZE_OFF_LOT")
        expect(page.locator("#SIZE_OFF_LOT")).to_be_in_viewport()
        browser.close()
    assert {host for host in asked_hosts if host} == {urlsplit(url).netloc}
    assert errors == []
