"""Take the pictures of docs/images from a running demo, in the machine's Chromium.

Usage: .venv/bin/python scripts/screenshots.py [seconds to wait for the bot to have traded]
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

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
    wait_s = float(sys.argv[1]) if len(sys.argv) > 1 else WAIT_S
    IMAGES.mkdir(parents=True, exist_ok=True)
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


def _settle(page: Page) -> None:
    page.get_by_role("button", name="1s", exact=True).first.click()
    page.wait_for_timeout(4_000)


if __name__ == "__main__":
    sys.exit(main())
