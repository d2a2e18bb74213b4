"""What the pages' policies stop in a real browser, and what a page on another port may load."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from native_client import CLOCK
from person_client import Browser
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.slow

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
ATTEMPTS = {
    "a script in the page": """
        const script = document.createElement("script");
        script.textContent = "window.hit = true";
        document.body.append(script);
    """,
    "an attribute": """
        const image = "<img src='data:,' onerror='window.hit = true'>";
        document.body.insertAdjacentHTML("beforeend", image);
    """,
    "a script made of text": """
        setTimeout("window.hit = true");
    """,
    "a script from elsewhere": """
        const script = document.createElement("script");
        script.src = "OTHER/hit.js";
        document.body.append(script);
    """,
    "a request elsewhere": """
        const asked = fetch("OTHER/hit.js", { mode: "no-cors" });
        await asked.then(() => { window.hit = true }, () => {});
    """,
    "a picture from elsewhere": """
        const image = new Image();
        image.onload = () => { window.hit = true };
        image.src = "OTHER/hit.svg";
    """,
}
SEEN_MS = 300
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>"


class Elsewhere(BaseHTTPRequestHandler):
    """Another program of this machine, with a page that would like to have our answers."""

    def do_GET(self):
        kinds = {"js": (b"window.hit = true", "text/javascript"), "svg": (SVG, "image/svg+xml")}
        body, kind = kinds.get(self.path.rpartition(".")[2], (b"<!doctype html><p>x", "text/html"))
        self.send_response(200)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def other():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def tab(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser.new_page()
        browser.close()


def is_hit(tab, attempt, other):
    tab.evaluate(f"async () => {{ {attempt.replace('OTHER', other)} }}")
    tab.wait_for_timeout(SEEN_MS)
    return tab.evaluate("window.hit === true")


@pytest.mark.parametrize("what", ATTEMPTS)
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_what_gets_into_a_page_does_not_run_and_asks_nobody(exchange, tab, other, path, what):
    tab.goto(exchange.url("native") + path)
    assert not is_hit(tab, ATTEMPTS[what], other)
    tab.goto(other)
    assert is_hit(tab, ATTEMPTS[what], other), "the attempt works where there is no policy"


@pytest.mark.parametrize("path", ["/", "/docs", "/account/session"])
def test_nothing_of_ours_is_framed(exchange, tab, other, path):
    tab.goto(other)
    url = exchange.url("native") + path
    with tab.expect_console_message(lambda said: "frame" in said.text.lower()):
        tab.evaluate(
            """url => {
                const frame = document.createElement("iframe");
                frame.src = url;
                document.body.append(frame);
            }""",
            url,
        )


def test_another_port_gets_nothing_by_the_cookie_that_browsers_send_it_with(exchange, tab, other):
    """A page on another port of this machine is same-site: the browser sends our cookies along."""
    person = Browser(exchange)
    person.sign_up(f"same-site{CLOCK.now_ns() % 10**9}")
    name, _, value = person.cookie.partition("=")
    tab.context.add_cookies(
        [
            {
                "name": name,
                "value": value,
                "domain": "127.0.0.1",
                "path": "/account",
                "httpOnly": True,
                "sameSite": "Strict",
            }
        ]
    )
    tab.goto(other)
    with tab.expect_event("requestfailed") as found:
        tab.evaluate(
            "url => fetch(url, {mode: 'no-cors', credentials: 'include'}).catch(() => {})",
            f"{exchange.url('native')}/account/outbox",
        )
    assert found.value.url.endswith("/account/outbox")
    assert "BLOCKED_BY_RESPONSE" in found.value.failure
