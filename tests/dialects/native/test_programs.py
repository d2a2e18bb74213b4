"""The manual shows the files of docs/examples; tests/outside/test_examples.py runs them."""

import re
import tomllib
from html import unescape

import pytest

from steelyard.dialects.native import DIALECT, manual, markdown, page
from steelyard.dialects.native.programs import program
from tests.house.source import ROOT

FOLDER = ROOT / "docs" / "examples" / "native"
PROGRAMS = sorted(file.name for file in FOLDER.iterdir() if file.suffix != ".md")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_manual_shows_the_file_itself(name):
    """To the byte, on the page and in the reference."""
    text = (FOLDER / name).read_text()
    assert program(name) == text
    blocks = manual.blocks(DIALECT)
    assert text.strip() in unescape(re.sub("<[^>]*>", "", page.html(blocks)))
    assert text.strip() in markdown.text(blocks)


def test_an_installed_package_has_them():
    """The link is not followed when a wheel is built: pyproject.toml names what is behind it."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["maturin"]
    found = {
        file.resolve()
        for entry in build["include"]
        for file in ROOT.glob(entry["path"])
        if set(entry["format"]) == {"wheel", "sdist"}
    }
    assert {FOLDER / name for name in PROGRAMS} <= found


def test_there_is_no_other_program():
    with pytest.raises(FileNotFoundError):
        program("nothing.py")


def test_no_secret_stands_on_a_command_line():
    """The shell takes its length and its characters, by commands of its own."""
    shell = program("order.sh").replace("${#STEELYARD_SECRET}", "")
    assert "$STEELYARD_SECRET" not in shell
