import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

from steelyard.dialects.native import DIALECT, errors
from steelyard.dialects.native.manual import Code, Heading, Prose, blocks
from steelyard.dialects.native.page import HEADERS, SCRIPT, html

PAGE = html(blocks(DIALECT))
VOID = {"meta", "link", "br", "rect", "path", "input"}


class Reader(HTMLParser):
    """Collects ids and links, and checks that every element is closed."""

    def __init__(self):
        super().__init__()
        self.ids, self.links, self.open = [], [], []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        if "id" in named:
            self.ids.append(named["id"])
        if tag in ("a", "link"):
            self.links.append(named["href"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


READER = Reader()
READER.feed(PAGE)


def test_it_is_whole():
    """Every element is closed, and no id stands twice."""
    assert READER.open == []
    assert len(set(READER.ids)) == len(READER.ids)


def test_every_code_has_its_anchor():
    """The link in an error leads to its explanation."""
    assert set(errors.CODES) <= set(READER.ids)


def test_links_stay_on_this_exchange():
    """An anchor of the page, or a path of the exchange; nothing is fetched from elsewhere."""
    for link in READER.links:
        assert link.removeprefix("#") in READER.ids or link.startswith(("/", "data:image/svg+xml,"))
    fetched = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(https?:[^\"')\s]+)", PAGE)
    assert fetched == []
    assert PAGE.count("<script") == PAGE.count("<script>") == 1
    assert not any(word in SCRIPT for word in ("fetch(", "import", "XMLHttp", "innerHTML", "eval"))
    assert "@import" not in PAGE


def test_its_policy_lets_run_what_it_carries_and_nothing_else():
    """The script and the style by their hashes; no attribute that a policy would stop."""
    policy = HEADERS["content-security-policy"]
    for kind, directive in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"(?s)<{kind}>(.*?)</{kind}>", PAGE)
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<[^>]* (?:on[a-z]+|style)=", PAGE)
    for directive in ("default-src", "base-uri", "form-action", "frame-ancestors"):
        assert f"{directive} 'none'" in policy
    assert HEADERS["referrer-policy"] == "no-referrer"


def test_it_reads_in_the_dark_and_on_a_phone():
    """Two themes, one breakpoint for small screens, and a language for screen readers."""
    assert "prefers-color-scheme: dark" in PAGE
    assert "max-width: 560px" in PAGE
    assert '<html lang="en">' in PAGE
    assert 'name="viewport"' in PAGE


def test_text_is_escaped():
    """Whatever stands in a docstring is text."""
    made = html([Heading(1, "<b>", "top"), Prose("a < b & `<i>`"), Code("json", '{"<": "&"}')])
    assert "<title>&lt;b&gt;</title>" in made
    assert "a &lt; b &amp; <code>&lt;i&gt;</code>" in made
    assert '<span class="name">"&lt;"</span>: <span class="text">"&amp;"</span>' in made
