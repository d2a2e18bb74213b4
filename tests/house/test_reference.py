"""docs/reference is made from the code and in step with it."""

import importlib.util

import pytest

from steelyard import strategies
from tests.house.source import ROOT

spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)


@pytest.mark.parametrize("name", reference.pages())
def test_a_page_says_what_the_code_says(name):
    """After a change: `.venv/bin/python scripts/reference.py`."""
    page = reference.REFERENCE / name
    assert page.read_text(encoding="utf-8") == reference.NOTE + reference.pages()[name]()


@pytest.mark.parametrize("guide", reference.GUIDES, ids=lambda guide: guide.name)
def test_the_tables_of_a_guide_say_what_the_code_says(guide):
    """Every strategy has one, and it is in step."""
    text = guide.read_text(encoding="utf-8")
    assert text == reference.with_tables(text), "run .venv/bin/python scripts/reference.py"
    for name in strategies.__all__:
        assert f"<!-- parameters of {name} -->" in text
