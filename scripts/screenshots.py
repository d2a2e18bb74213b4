"""Take the pictures of docs/images, of a demo's desk or of somebody's keys, in Chromium.

Usage: .venv/bin/python scripts/screenshots.py [seconds to wait for the bot to have traded]
       .venv/bin/python scripts/screenshots.py keys
"""

import base64
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from steelyard.exchange import totp
from steelyard.net.clock import Clock
from steelyard.testing import LocalExchange

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
WAIT_S = 90
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# name, width, height, theme
SHOTS = (
    ("desk-dark", 1280, 800, "dark"),
    ("desk-light", 1280, 800, "light"),
    ("phone-dark", 400, 860, "dark"),
    ("phone-light", 400, 860, "light"),
)


def main() -> int:
    """Start a demo, wait, take the pictures, stop it."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        print("no chromium on this machine")
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:] == ["keys"]:
        take_keys(browser_path)
        return 0
    wait_s = float(sys.argv[1]) if len(sys.argv) > 1 else WAIT_S
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "steelyard.cli.main", "demo", "--json", "--no-browser"]
        demo = subprocess.Popen(
            [*command, "--port-base", "0", "--data", f"{data}/demo"], stdout=subprocess.PIPE
        )
        try:
            assert demo.stdout is not None, "its output is a pipe"
            page_url = json.loads(demo.stdout.readline())["page"]
            time.sleep(wait_s)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
                for name, width, height, theme in SHOTS:
                    context = browser.new_context(
                        viewport={"width": width, "height": height},
                        color_scheme="dark" if theme == "dark" else "light",
                    )
                    page = context.new_page()
                    page.goto(page_url)
                    _settle(page)
                    page.screenshot(path=IMAGES / f"{name}.png")
                    print(f"docs/images/{name}.png")
                    context.close()
                browser.close()
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait()
    return 0


def take_keys(browser_path: str) -> None:
    """Let somebody sign up and make a key, and take the pictures of two of their pages."""
    with (
        tempfile.TemporaryDirectory() as data,
        LocalExchange(Path(data) / "data", "--crowd", "7") as exchange,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        url = exchange.ready["page"]
        first = _context(browser, "dark")
        key = _key_of_anna(exchange, first, url)
        for name, place, theme in (("key-dark", key, "dark"), ("new-key-light", "new", "light")):
            context = _context(browser, theme)
            context.add_cookies(cast("list[SetCookieParam]", first.cookies()))
            page = context.new_page()
            page.goto(f"{url}#/keys/{place}")
            page.get_by_role("main").get_by_role("heading").first.wait_for()
            page.wait_for_timeout(500)
            page.screenshot(path=IMAGES / f"{name}.png")
            print(f"docs/images/{name}.png")
        browser.close()


def _context(browser: Browser, theme: str) -> BrowserContext:
    return browser.new_context(
        viewport={"width": 1280, "height": 830},
        color_scheme="dark" if theme == "dark" else "light",
        locale="en-GB",
    )


def _key_of_anna(exchange: LocalExchange, context: BrowserContext, url: str) -> str:
    """Sign anna up with money and a second factor; return the name of her bot's key."""
    csrf = context.request.get(f"{url}account/session").json()["csrf"]

    def post(path: str, **body: object) -> dict[str, str]:
        nonlocal csrf
        headers = {"x-steelyard-csrf": csrf, "origin": url.rstrip("/")}
        answer = context.request.post(f"{url}account/{path}", data=body, headers=headers)
        assert answer.ok, answer.text()
        document: dict[str, str] = answer.json()
        csrf = document.get("csrf", csrf)
        return document

    password = "an example of a password"  # noqa: S105 of an account that is gone in a second
    post("sign-up", name="anna", email="anna@example.com", password=password)
    secret = base64.b32decode(post("totp/begin", password=password)["secret"])
    step = Clock().now_ns() // totp.STEP_NS
    post("totp/confirm", code=totp.code_at(secret, step))
    exchange.steelyard("account", "deposit", "anna", "USDT=25000", "BTC=0.4")
    key = {"account": "anna", "dialect": "binance", "scopes": ["read", "trade"], "label": "dip bot"}
    limits = {"ip": ["127.0.0.1"], "products": ["BTC-USDT"], "expires_days": 90}
    return post("keys", **key, **limits, code=totp.code_at(secret, step + 1))["key"]


def _settle(page: Page) -> None:
    page.get_by_role("button", name="1s", exact=True).first.click()
    page.wait_for_timeout(4_000)


if __name__ == "__main__":
    sys.exit(main())
