"""The checklists of the docs are the doctor's: each knows all of the other's items."""

import ast
import re

from steelyard.cli.checklist import LISTS
from tests.house.source import ROOT, SRC, complain

ITEM = re.compile(r"(?m)^\s*[-*] \[[ x]\] (?:\*\*([A-Z][0-9]+)\*\* )?")
PAGE = ROOT / "docs" / "reference" / "checklists.md"
ITEMS = {item.number: item for items in LISTS.values() for item in items}


def unknown(text: str) -> list[str]:
    """Return the boxes to tick in a text that have no number, or one that is not known."""
    return [number or "no number" for number in ITEM.findall(text) if number not in ITEMS]


def test_the_doctor_knows_every_box_of_the_docs():
    """A box without a number, or with another one, is one that nobody goes through."""
    pages = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
    wrong = [f"{page.name}: {found}" for page in pages for found in unknown(page.read_text())]
    complain(wrong, "Give these the number of an item of steelyard/cli/checklist.py, or add one:")


def test_the_docs_have_every_item_of_the_doctor():
    """In its words, and with who answers it."""
    text = PAGE.read_text()
    assert ITEM.findall(text) == list(ITEMS)
    complain([n for n, item in ITEMS.items() if f" {item.says}: " not in text], "Not in the page:")


def test_every_finding_that_an_item_asks_for_is_made():
    """An item that nothing answers would be unknown for ever."""
    tree = ast.parse((SRC / "cli" / "doctor.py").read_text())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    asked = {name for item in ITEMS.values() for name in item.findings}
    complain(sorted(asked - texts), "The doctor never says these:")


def test_a_box_that_is_not_known_is_seen():
    assert unknown("- [ ] **S1** x\n- [ ] y\n* [x] **Z9** z\n- no box\n") == ["no number", "Z9"]
