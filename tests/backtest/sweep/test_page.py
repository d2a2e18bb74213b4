"""The page of a sweep: one file that asks nobody, and shows a stranger's text as text."""

from html.parser import HTMLParser

import msgspec
import pytest
from sweep_samples import FOLDS, report, row, walked, whole

from steelyard.backtest.sweep.page import page
from steelyard.backtest.sweep.report import SweepReport

EVIL = "<script>alert(1)</script>\"'&\x1b[2J"


class Seen(HTMLParser):
    """What a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "link", "rect", "line", "circle"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert not self.open or tag in {self.open[-1], "rect", "line"}, f"{tag} closes {self.open}"
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(found: SweepReport) -> Seen:
    parser = Seen()
    parser.feed(page(found))
    parser.close()
    assert parser.open == [], "every tag is closed"
    return parser


def test_a_page_shows_what_was_found():
    shown = seen(report(walked([1.0, 0.5, -1.5, 1.0]), FOLDS))
    for text in (
        "best in the last training: sharpe 2",
        "What makes one doubt it",
        "walk-forward efficiency",
        "Walking forward",
        "fast = 4, slow = 30",
        "The best trials",
        "1970-02-01",
    ):
        assert text in shown.text
    assert shown.tags.count("svg") == 3  # a map, the folds, how trials are spread


def test_a_page_of_one_run_of_all_has_no_folds():
    shown = seen(report(whole()))
    assert "Walking forward" not in shown.text
    assert shown.tags.count("svg") == 2
    assert "chosen with hindsight" in shown.text


def test_a_page_of_nothing_can_be_read():
    assert "none that can be chosen" in seen(report([], trials=9)).text


@pytest.mark.parametrize("rows", [whole(), [row((0, 0), f"x\n{EVIL}", 0)]])
def test_a_strangers_text_stays_text(rows):
    """A name, a parameter, a failure: none of them becomes a tag, nor a letter that is obeyed."""
    found = report(rows)
    evil = msgspec.structs.replace(
        found,
        about=msgspec.structs.replace(
            found.about, name=EVIL, strategy=EVIL, data=EVIL, fixed={EVIL: EVIL}
        ),
        maps=tuple(
            msgspec.structs.replace(each, x=EVIL, x_labels=(EVIL,) * len(each.x_labels))
            for each in found.maps
        ),
        warnings=(EVIL,),
    )
    shown = seen(evil)
    assert "script" not in shown.tags
    assert "alert(1)" in shown.text
    assert "\x1b" not in page(evil)


def test_a_page_asks_nobody_for_anything():
    """No address but of things in the file itself, no script, and a policy that forbids both."""
    shown = seen(report(walked([1.0, 0.5, -1.5, 1.0]), FOLDS))
    assert "script" not in shown.tags
    named = [value for name, value in shown.attributes if name in {"src", "href"}]
    assert named == ["data:,"]
    assert not any(name.startswith("on") for name, _ in shown.attributes)
    assert "url(" not in page(report(whole()))
    policy = next(value for name, value in shown.attributes if name == "content")
    assert policy.startswith("default-src 'none'")
