"""docs/reference is made from the code and in step with it."""

import importlib.util

import pytest

from tests.house.source import ROOT

spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)


@pytest.mark.parametrize("name", reference.pages())
def test_a_page_says_what_the_code_says(name):
    """After a change: `.venv/bin/python scripts/reference.py`."""
    page = reference.REFERENCE / name
    assert page.read_text(encoding="utf-8") == reference.NOTE + reference.pages()[name]()
