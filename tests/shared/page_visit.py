"""A look at the page in a real browser, with everything it complained about and all it asked."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDE, NARROW = (1280, 800), (400, 860)
ASKED_S = 10
REFUSED = "Failed to load resource"  # what the browser itself says of an answer that is a no


@dataclass
class Visit:
    """One look at the page, with everything it complained about and everybody it asked."""

    page: Page
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.errors.append(said.text) if said.type == "error" else None,
        )
        self.page.on("request", lambda request: self.ask(request.url))
        self.page.on("websocket", lambda socket: self.ask(socket.url))

    def ask(self, url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).hostname != "127.0.0.1":
            self.foreign.append(url)

    def complaints(self) -> list[str]:
        """The page's own errors; that the server said no is none of them."""
        return [error for error in self.errors if not error.startswith(REFUSED)]

    def book(self):
        """The order book's text, once there is one."""
        table = self.page.get_by_role("table", name="Order book of BTC-USDT")
        expect(table).to_contain_text("spread", timeout=ASKED_S * 1_000)
        return table


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
