"""One running exchange for all outside tests: they only add accounts to it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.testing import LocalExchange

sys.path.insert(0, str(Path(__file__).parent))  # tests are imported by path; they share a client


@pytest.fixture(scope="session")
def exchange(tmp_path_factory) -> Iterator[LocalExchange]:
    data = tmp_path_factory.mktemp("outside") / "data"
    with LocalExchange(data, "--crowd", "1") as running:
        yield running
