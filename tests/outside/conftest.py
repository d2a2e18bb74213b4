"""One running exchange for all outside tests: they only add accounts to it."""

from collections.abc import Iterator

import pytest

from steelyard.testing import LocalExchange


@pytest.fixture(scope="session")
def exchange(tmp_path_factory) -> Iterator[LocalExchange]:
    data = tmp_path_factory.mktemp("outside") / "data"
    with LocalExchange(data, "--crowd", "1") as running:
        yield running
