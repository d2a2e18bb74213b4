"""The venue that `docs/guides/add-a-venue.md` walks through keeps the promises of the kit."""

import re
import subprocess
import sys

import pytest

from tests.house.source import ROOT

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "docs" / "examples" / "venue"
PASSED_MIN = 14  # the rest it does not offer


def test_the_example_passes_as_it_stands():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_lemon.py"]
    done = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout
    assert int(passed[1]) >= PASSED_MIN, done.stdout
