"""A document as one HTML file: what is inside cannot get out, and nothing is asked from outside."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from backtests import result_of

from steelyard.backtest import report
from steelyard.backtest.columns import Source
from steelyard.backtest.page import Template, render
from steelyard.backtest.result import Assumption
from steelyard.domain.errors import UsageError

TEMPLATE = Template("const page = 1;", "body { color: red }")
ATTACKS = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]></SCRIPT ><img src=x onerror=alert(1)>",
    "&lt;/script&gt;",
    '"><svg onload=alert(1)>',
    "\u2028</style>\u2029",
    "</title><script>alert(1)</script>",
]


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and the text of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.is_in_script = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append("")
            self.is_in_script = True

    def handle_endtag(self, tag):
        self.is_in_script = False

    def handle_data(self, data):
        if self.is_in_script:
            self.scripts[-1] += data


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_user_wrote_stays_data(attack):
    """In a name, a parameter, a setting, an assumption, a source, a note and a traceback."""
    result = result_of(
        name=attack,
        strategy=attack,
        params={attack: attack},
        settings={"x": [attack]},
        sources=(Source(attack, attack),),
        failure=attack,
        version=attack,
        assumptions=(Assumption(attack, attack),),
        notes=((0, attack),),
    )
    made = report.document(result)
    page = Tags(report.html(made, TEMPLATE))
    plain = Tags(report.html(report.document(result_of()), TEMPLATE))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    data, script = page.scripts
    assert script == TEMPLATE.script
    assert report.read(data.encode()) == made
    assert json.loads(data)["head"]["name"] == attack


def test_the_policy_lets_one_script_run_and_nothing_be_loaded():
    text = render("title", b"{}", TEMPLATE)
    page = Tags(text)
    policy = next(each["content"] for tag, each in page.tags if "http-equiv" in each)
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["img-src"] == rules["font-src"] == "data:"
    assert "connect-src" not in rules  # none, by default
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)


def test_a_script_may_hold_what_would_end_it():
    """Its meaning is kept: in a text, and in an expression."""
    script = 'const a = "</script>", b = /<\\/x/, c = "<!-- -->", d = "</SCRIPT >";'
    (_, made) = Tags(render("x", b"{}", Template(script, ""))).scripts
    assert made.replace("\\/", "/").replace("\\!", "!") == script.replace("\\/", "/")
    assert len(Tags(render("x", b"{}", Template(script, ""))).scripts) == 2


@pytest.mark.parametrize("template", [Template("", ""), Template("x", "</STYLE>")])
def test_a_page_that_is_not_built_is_refused(template):
    with pytest.raises(UsageError, match="make page"):
        render("x", b"{}", template)


def test_braces_are_no_places_to_fill():
    assert "{title}{0}" in render("x", b'{"a": "{title}{0}"}', TEMPLATE)
