"""An exchange that may be stopped, the machine's browser, and looks at the page in it."""

import pytest
from exchange_here import ExchangeHere
from free_ports import free_base
from page_visit import FLAGS, WIDE, Visit
from playwright.sync_api import sync_playwright

# Days that more than one file lives.
pytest.register_assert_rewrite(
    "ccxt_common_day", "ccxt_day", "ccxt_pro_day", "python_binance_day", "python_binance_sockets"
)


@pytest.fixture
def own_exchange(tmp_path):
    """An exchange that may be stopped; it comes back on the same ports."""
    options = ("--crowd", "1", "--port-base", str(free_base()))
    with ExchangeHere(tmp_path / "exchange", *options) as running:
        yield running


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def visit(browser):
    contexts = []

    def go(url, size=WIDE, theme="dark", cookies=()):
        width, height = size
        contexts.append(
            browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=theme, locale="en-GB"
            )
        )
        contexts[-1].add_cookies(list(cookies))
        found = Visit(contexts[-1].new_page())
        found.watch()
        found.page.goto(url)
        return found

    yield go
    for context in contexts:
        context.close()
